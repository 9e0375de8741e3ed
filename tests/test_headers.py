"""What every answer carries, and what no template may hold: the policy against foreign scripts is only as good as the markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from jinja2 import nodes

from tests.test_access import address, mark, rules
from trace.app import csrf
from trace.config import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from tests import factories

TEMPLATES = sorted(
    path for slice_ in ("trace", "enforcement") for path in (ROOT / slice_ / "templates").rglob("*.html")
)
POLICY = re.compile(r"'nonce-([^']*)'")


class Markup(HTMLParser):
    """Collects what a policy without `unsafe-inline` would stop, and what leads to other hosts."""

    def __init__(self) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.foreign: list[str] = []
        self.bare: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.inline += [f"<{tag} {name}>" for name in given if name == "style" or name.startswith("on")]
        if tag in {"style", "script"} and not given.get("src"):
            self.bare.append((tag, given.get("nonce")))
        self.inline += [
            f"<{tag} {name}={value}>"
            for name, value in given.items()
            if (value or "").strip().lower().startswith("javascript:")
        ]
        loads = tag in {
            "script",
            "img",
            "link",
            "iframe",
            "form",
            "source",
            "video",
            "audio",
            "object",
            "embed",
            "image",
            "use",
        }
        # What a page says of itself to search engines loads nothing.
        loads = loads and given.get("rel") not in {"canonical", "alternate"}
        self.foreign += [
            f"<{tag} {name}={value}>"
            for name, value in given.items()
            if loads
            and name in {"src", "href", "action", "data", "srcset"}
            and re.match(r"\s*(https?:)?//", value or "")
        ]


def read(page: str) -> Markup:
    found = Markup()
    found.feed(page)
    found.close()
    return found


def check_headers(answer: TestResponse) -> None:
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    directives = {part.split()[0]: part.split()[1:] for part in policy.split(";")}
    assert directives["default-src"] == ["'none'"]
    assert directives["frame-ancestors"] == ["'none'"]
    assert directives["base-uri"] == ["'none'"]
    assert directives["form-action"] == ["'self'"]
    nonces = set(POLICY.findall(policy))
    assert len(nonces) == 1
    assert len(nonces.pop()) >= 16
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] in {"same-origin", "no-referrer"}
    assert "Server" not in answer.headers or "Werkzeug" not in answer.headers["Server"]


def check_page(answer: TestResponse) -> None:
    if answer.mimetype != "text/html" or answer.status_code in {302, 303, 308}:
        return
    markup = read(answer.get_data(as_text=True))
    assert markup.inline == []
    assert markup.foreign == []
    nonce = POLICY.search(answer.headers["Content-Security-Policy"])
    assert nonce
    assert [tag for tag, given in markup.bare if given != nonce[1]] == []


def plain_pages(app: Flask) -> list[str]:
    return sorted(address(app, rule) for rule in rules(app) if "GET" in (rule.methods or ()) and not rule.arguments)


def is_anonymous(app: Flask, rule: Any) -> bool:
    """A page that must work without a cookie: its forms need no token."""
    return app.blueprints.get(rule.endpoint.partition(".")[0]) in csrf._exempt_blueprints


# ---------------------------------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize("who", [None, "clerk", "manager", "officer", "custodian", "administrator"])
def test_every_page_carries_its_policy_and_keeps_it(
    who: str | None, app: Flask, client: FlaskClient, world: factories.World, sign_in: Callable[[Any], FlaskClient]
) -> None:
    reader = sign_in(world.people[who]) if who else client
    for path in [*plain_pages(app), "/no/such/page", "/van-bang/not-a-uuid"]:
        answer = reader.get(path)
        try:
            check_headers(answer)
            check_page(answer)
        except (AssertionError, KeyError) as exc:
            raise AssertionError(f"{path}: {exc}") from exc


def test_refused_requests_carry_it_too(app: Flask, client: FlaskClient) -> None:
    for answer in (
        client.post("/dang-nhap"),
        client.post("/dang-xuat"),
        client.delete("/dang-nhap"),
        client.get("/trang-chinh", headers={"Accept": "application/json"}),
        client.options("/dang-nhap"),
        client.get("/static/base.css", buffered=True),
        client.get("/static/none.css"),
        client.get("/van-bang/"),
    ):
        check_headers(answer)
        check_page(answer)


def test_a_nonce_is_used_once(client: FlaskClient) -> None:
    nonces = [POLICY.findall(client.get("/dang-nhap").headers["Content-Security-Policy"])[0] for _ in range(5)]
    assert len(set(nonces)) == 5


def test_public_pages_set_no_cookie(app: Flask, client: FlaskClient) -> None:
    public = [rule for rule in rules(app) if mark(app, rule) is None and is_anonymous(app, rule)]
    assert len(public) > 3
    for rule in public:
        for language in ("", "?lang=en"):
            path = address(app, rule) + language
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                answer = client.open(path, method=method, buffered=True)
                assert "Set-Cookie" not in answer.headers, f"{method} {path}"
    for path in ("/healthz", "/readyz", "/static/base.css", "/no/such/page"):
        assert "Set-Cookie" not in client.get(path, buffered=True).headers, path


def test_pages_are_not_kept_by_caches_and_static_files_with_a_fingerprint_are(
    client: FlaskClient, world: factories.World, sign_in: Callable[[Any], FlaskClient]
) -> None:
    assert sign_in(world.officer).get("/trang-chinh").headers["Cache-Control"] == "no-store"
    page = client.get("/dang-nhap")
    assert page.headers["Cache-Control"] == "no-store"
    sheet = re.search(r'href="(/static/base\.css\?v=[^"]+)"', page.get_data(as_text=True))
    assert sheet
    assert "immutable" in client.get(sheet[1], buffered=True).headers["Cache-Control"]
    assert "immutable" not in client.get("/static/base.css", buffered=True).headers.get("Cache-Control", "")


def test_a_missing_file_is_not_kept_for_a_year(client: FlaskClient) -> None:
    assert "immutable" not in client.get("/static/none.css?v=1").headers.get("Cache-Control", "")


def test_a_secure_connection_is_asked_to_stay_so(client: FlaskClient) -> None:
    assert "Strict-Transport-Security" in client.get("/dang-nhap", base_url="https://localhost").headers
    assert "Strict-Transport-Security" not in client.get("/dang-nhap").headers


def test_pages_behind_the_sign_in_are_not_compressed(
    world: factories.World, sign_in: Callable[[Any], FlaskClient]
) -> None:
    """Compressed, the length of a page would tell of the token inside (BREACH)."""
    answer = sign_in(world.officer).get("/trang-chinh", headers={"Accept-Encoding": "gzip, br"})
    assert "Content-Encoding" not in answer.headers


# -------------------------------------------------------------------------------------------------------------- templates

# What Jinja puts in is taken out before parsing; what remains is our own markup.
JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)


def test_there_are_templates_of_both_slices() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in TEMPLATES} == {"trace", "enforcement"}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_holds_nothing_inline_and_loads_nothing_from_elsewhere(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    outside = re.sub(r"\{#.*?#\}", "", source, flags=re.DOTALL)
    markup = read(JINJA.sub("", outside))
    assert markup.inline == []
    assert markup.foreign == []
    for tag in re.findall(r"<(?:style|script)\b[^>]*>", outside):
        assert "nonce" in tag or "src=" in tag, tag
    assert not re.search(r"""\s(?:style|on[a-z]+)\s*=\s*["'{]""", outside)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_trusts_only_what_it_wrote_itself(path: Path, shared_app: Flask) -> None:
    source = path.read_text(encoding="utf-8")
    tree = shared_app.jinja_env.parse(source)
    own = {
        node.target.name
        for node in tree.find_all(nodes.Assign)
        if isinstance(node.target, nodes.Name) and _constant(node.node)
    }
    for trusted in tree.find_all(nodes.Filter):
        if trusted.name == "safe":
            what = trusted.node.node if isinstance(trusted.node, nodes.Getitem) else trusted.node
            assert isinstance(what, nodes.Const) or (isinstance(what, nodes.Name) and what.name in own), trusted
    assert "autoescape" not in source
    assert not [call for call in tree.find_all(nodes.Call) if getattr(call.node, "name", "") == "Markup"]


def _constant(node: nodes.Node) -> bool:
    if not isinstance(node, nodes.Expr):
        return False
    try:
        node.as_const()
    except nodes.Impossible:
        return False
    return True


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_form_that_changes_something_carries_its_token(path: Path) -> None:
    """Forms of anonymous pages have none: they work without a cookie, and their views are exempt."""
    source = re.sub(r"\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    if "base_public.html" in source or path.parent.name in {"public", "report"} or path.name == "verdict.html":
        return
    for form in re.findall(r"<form\b.*?</form>", source, flags=re.DOTALL):
        if re.search(r"method\s*=\s*[\"']post", form, re.IGNORECASE):
            assert re.search(r"csrf_field\(\)|csrf_token|hidden_tag", form), form[:120]
