"""What nobody should ask, asked of every address that is open to all: a stated answer, never a fault, and never a way to another host."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app

from labels.qr import gtin14
from tests.conftest import NOW
from tests.services.test_scanning import code_of, issue
from tests.test_access import SAMPLES, mark, rules
from trace import clock

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session

    from tests.factories import World

LONG = "A" * 10_000
TRICKS = [
    LONG, "%00", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "%2F%2Fevil.example", "%5C%5Cevil.example", "..%5c..%5c", "%0d%0aSet-Cookie:%20x=1", "%c0%ae",
    "%ff%fe", "%ed%a0%80", "%F0%9F%8C%B6", "%252e%252e%252f", "%3Cscript%3E", "'%20OR%201=1--", "{{7*7}}", "%25", "%", "%zz", "%E2%80%AE", "a" * 300,
    "0" * 5000, "-1", "NaN", "null", "%20", "+", ";", "~", "*", "%7F",
]  # fmt: skip
PREFIXES = ["/T/", "/t/", "/L/", "/01/", "/GCN/", "/gcn/", "/api/", "/api/v1/", "/api/v1/verify/", "/api/v1/lots/", "/api/v1/titles/", "/api/v1/certificates/", "/api/problems/", "/"]  # fmt: skip
QUERIES = [
    "lang=xx", "lang=../../etc", "lang=" + "a" * 5000, "lang=vi&lang=en", "page=-1", "page=99999999999999999999", "q=%00", "q=%ff", "q=" + "%25" * 2000,
    "next=//evil.example", "next=https://evil.example", "code=//evil.example", "code=https://evil.example/T/7K4M92QDXJ3P", "so=//evil.example", "so=%0d%0aLocation:%20https://evil.example",
    "&".join(f"a{n}=1" for n in range(1000)), "xem=1&go=1", "as_of=0000-00-00", "%00=1", "=", "&&&", "lang",
]  # fmt: skip
FORGED = [
    {"X-Forwarded-For": "127.0.0.1"}, {"X-Forwarded-For": "x" * 5000}, {"X-Forwarded-For": ", ".join(["1.2.3.4"] * 500)}, {"X-Real-IP": "10.0.0.1"},
    {"X-Forwarded-Host": "evil.example"}, {"X-Forwarded-Proto": "javascript"}, {"X-Forwarded-Prefix": "//evil.example"}, {"X-Original-URL": "/ket-noi"},
    {"X-HTTP-Method-Override": "DELETE"}, {"Forwarded": "for=127.0.0.1;host=evil.example"}, {"Host": "evil.example"}, {"Host": "evil.example:99999"},
    {"Accept": "*/" * 3000}, {"Accept-Language": "\xff" * 50}, {"Accept-Language": "xx-" * 900}, {"Accept-Encoding": "gzip;q=nan, br;q=-1"}, {"Cookie": "temthat=" + "x" * 6000},
    {"Authorization": "Bearer " + "x" * 6000}, {"User-Agent": ""}, {"User-Agent": "\xff" * 2000}, {"Referer": "javascript:alert(1)"}, {"Content-Length": "0"},
    {"Range": "bytes=0-10"}, {"Range": "bytes=9999999999999999999999-"}, {"Range": "bytes=" + ",".join(f"{n}-{n}" for n in range(600))}, {"If-Range": "x", "Range": "bytes=1-"},
    {"If-None-Match": '"' * 999}, {"If-Modified-Since": "never"}, {"Content-Type": "application/json; charset=utf-9"}, {"Expect": "100-continue"}, {"TE": "trailers"},
]  # fmt: skip


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch, app: Flask) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(hours=2))
    app.extensions["limits"].forget()


def ask(
    app: Flask, target: str, method: str = "GET", headers: dict[str, str] | None = None, **environ: Any
) -> tuple[int, Any, bytes]:
    """One request as it comes over the wire: the path undecoded, as a browser would never send it."""
    from urllib.parse import unquote_to_bytes

    path, _, query = target.partition("?")
    builder = EnvironBuilder(method=method, path="/", headers=headers or {}, environ_overrides=environ)
    made = builder.get_environ()
    made["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1")
    made["QUERY_STRING"] = query
    made["REQUEST_URI"] = made["RAW_URI"] = target
    body, status, fields = run_wsgi_app(app.wsgi_app, made, buffered=True)
    text = b"".join(body)
    close = getattr(body, "close", None)
    if close:
        close()
    return int(status.split()[0]), fields, text


def check(app: Flask, target: str, **more: Any) -> int:
    """Ask, and hold the answer to what every answer owes."""
    app.extensions["limits"].forget()
    status, fields, text = ask(app, target, **more)
    where = f"{more.get('method', 'GET')} {target[:120]} {str(more.get('headers'))[:120]}"
    assert status < 500, where
    assert b"Traceback" not in text, where
    told = b" ".join(value.encode("latin-1", "replace") for name, value in fields if name not in {"Link", "Location"})
    assert b"evil.example" not in told, where
    assert "evil" in target or b"evil.example" not in text, where
    assert fields.get("Set-Cookie", "").count("x=1") == 0, where
    if 300 <= status < 400 and status != 304:
        location = fields["Location"]
        parts = urlsplit(location)
        assert not parts.scheme, f"{where} → {location[:100]}"
        assert not parts.netloc, f"{where} → {location[:100]}"
        assert location.startswith("/"), f"{where} → {location[:100]}"
        assert not location.startswith(("//", "/\\")), f"{where} → {location[:100]}"
    return status


def public_paths(app: Flask) -> list[str]:
    """An address of every kind that is open to all."""
    found = set()
    for rule in rules(app):
        if mark(app, rule) is not None:
            continue
        values = {}
        for name in rule.arguments:
            converter = rule._converters[name]
            kind = type(converter).__name__
            values[name] = next(iter(vars(converter)["items"])) if kind == "AnyConverter" else SAMPLES.get(kind, "x")
        found.add(
            app.url_map.bind("localhost").build(
                rule.endpoint, values, method=next(iter((rule.methods or {"GET"}) - {"HEAD", "OPTIONS"}), "GET")
            )
        )
    return sorted(found)


def test_the_public_face_has_more_than_a_few_addresses(app: Flask) -> None:
    assert len(public_paths(app)) > 30


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_path_of_tricks_is_answered(app: Flask, world: World, prefix: str) -> None:
    for trick in TRICKS:
        status = check(app, prefix + trick)
        assert status in {200, 303, 308, 400, 404, 405, 414}, f"{prefix}{trick[:40]}: {status}"
        check(app, f"{prefix}{trick}/{trick}")
        check(app, f"/{prefix}/{trick}")


def test_every_public_address_takes_every_method_and_says_what_it_can(app: Flask, world: World) -> None:
    for path in public_paths(app):
        for method in (
            "GET",
            "HEAD",
            "OPTIONS",
            "POST",
            "PUT",
            "PATCH",
            "DELETE",
            "TRACE",
            "PROPFIND",
            "CONNECT",
            "get",
            "X" * 300,
        ):
            status = check(app, path, method=method)
            if method == "OPTIONS":
                assert status in {200, 204}, path
        _, _, text = ask(app, path, method="HEAD")
        assert text == b"", f"HEAD {path} has a body"


def test_every_public_address_takes_any_query(app: Flask, world: World) -> None:
    for path in public_paths(app):
        for query in QUERIES:
            check(app, f"{path.partition('?')[0]}?{query}")


def test_forged_and_broken_headers_change_nothing(app: Flask, session: Session, world: World) -> None:
    issue(session, world)
    label = f"/T/{code_of(1)}"
    paths = [
        "/",
        label,
        "/T/7K4M92QDXJ3P",
        f"/api/v1/verify/{code_of(1)}",
        "/api/v1/titles",
        "/gcn/",
        "/nhap-ma?code=7K4M92QDXJ3P",
    ]
    usual = {path: check(app, path) for path in paths}
    for headers in FORGED:
        for path in paths:
            wanted = 401 if "Authorization" in headers and path.startswith("/api/") else usual[path]
            assert check(app, path, headers=headers) == wanted, f"{path} {str(headers)[:60]}"
        assert check(app, "/api//v1/titles", headers=headers) == 308


def test_double_slashes_lead_to_the_same_page_on_this_host(app: Flask, session: Session, world: World) -> None:
    issue(session, world)
    for path in (
        f"//T/{code_of(1)}",
        f"/T//{code_of(1)}",
        f"//api/v1//verify/{code_of(1)}",
        "//evil.example/T/x",
        "///evil.example",
        "/%2Fevil.example",
        "/\\evil.example",
        "//evil.example/%2e%2e",
    ):
        status, fields, _ = ask(app, path, headers={"Host": "evil.example"})
        assert status in {200, 308, 400, 404}, path
        if status == 308:
            assert fields["Location"].startswith("/")
            assert not fields["Location"].startswith("//")


def test_a_forwarded_for_header_is_nobodys_address(app: Flask, world: World) -> None:
    """Without a proxy in front, whoever writes the header would choose under whose name codes are guessed."""
    for number in range(301):
        ask(
            app,
            "/api/v1/verify/7K4M92QDXJ3P",
            headers={"X-Forwarded-For": f"198.51.100.{number % 250}", "Forwarded": f"for=198.51.100.{number % 250}"},
        )
    status, fields, _ = ask(app, "/api/v1/verify/7K4M92QDXJ3P", headers={"X-Forwarded-For": "192.0.2.77"})
    assert status == 429
    assert int(fields["Retry-After"]) >= 1


# ------------------------------------------------------------------------------------------------------- GS1 Digital Link


@pytest.fixture
def with_gtin(session: Session, world: World) -> str:
    world.product.gtin = gtin14(ean("893601234567"))
    session.flush()
    issue(session, world)
    session.commit()
    return str(world.product.gtin)


def ean(twelve: str) -> str:
    """Twelve digits with the one that checks them."""
    weighed = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(twelve))
    return twelve + str(-weighed % 10)


def _gtins(gtin: str) -> dict[str, int]:
    wrong_digit = gtin[:-1] + str((int(gtin[-1]) + 1) % 10)
    return {
        gtin: 200, gtin[1:]: 200 if gtin.startswith("0") else 400, wrong_digit: 400, gtin + "0": 400, gtin[:7]: 400, "x": 400, "0" * 5000: 400,
        "%00": 400, gtin14(ean("400638133393")): 404, "８９３６": 400, f"+{gtin}": 400, f" {gtin}": 400,
    }  # fmt: skip


def test_a_gtin_says_of_whose_goods_the_label_may_be(app: Flask, with_gtin: str) -> None:
    """13 digits stand for 14; a wrong check digit is no GTIN; that of another product makes the code as good as unknown."""
    from urllib.parse import quote

    for gtin, wanted in _gtins(with_gtin).items():
        target = f"/01/{quote(gtin, safe='%')}/21/{code_of(1)}"
        assert check(app, target) == wanted, gtin[:30]
        assert check(app, target, headers={"Accept": "application/json"}) == wanted, gtin[:30]


def test_another_holders_gtin_tells_nothing_of_the_label(client: FlaskClient, with_gtin: str, world: World) -> None:
    other = client.get(f"/01/{gtin14(ean('400638133393'))}/21/{code_of(1)}").get_data(as_text=True)
    assert world.cooperative.name not in other
    assert world.cooperative.name in client.get(f"/01/{with_gtin}/21/{code_of(1)}").get_data(as_text=True)


# ------------------------------------------------------------------------------------------------------- parts of answers


def test_a_part_of_a_page_is_never_given(app: Flask, session: Session, world: World) -> None:
    """A verdict without its end could be the wrong one; files may be fetched in parts."""
    issue(session, world)
    for path in (f"/T/{code_of(1)}", f"/api/v1/verify/{code_of(1)}", "/"):
        status, _, text = ask(app, path, headers={"Range": "bytes=0-10"})
        assert status == 200
        assert len(text) > 11


def test_asking_for_the_head_counts_for_nothing(app: Flask, session: Session, world: World) -> None:
    from trace.models.scans import Scan, ScanKind

    issue(session, world)
    for path in (f"/T/{code_of(1)}", f"/api/v1/verify/{code_of(1)}"):
        assert ask(app, path, method="HEAD")[0] == 200
    assert session.query(Scan).filter(Scan.kind == ScanKind.REAL).count() == 0


def test_an_unknown_language_is_vietnamese(client: FlaskClient) -> None:
    for path in ("/", "/api", "/gcn/"):
        page = client.get(f"{path}?lang=xx").get_data(as_text=True)
        assert '<html lang="vi">' in page
