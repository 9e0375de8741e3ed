"""The description of the programming interface: OpenAPI 3.1, the page to try it on, and the pages about refusals.

All of it is made from the declarations of the operations. What must not live here: anything that one of them would have to repeat.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import msgspec
from flask import Blueprint, current_app, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from trace.access import needs
from trace.errors import NotFound
from trace.failures import NAMED, PROBLEMS
from trace.models.api import ApiScope
from trace.services.api_keys import KeyUnknown
from trace.views import api_register, api_verify, api_webhooks  # noqa: F401  loading them declares their operations
from trace.views.api_core import CSV, JSON, OPERATIONS, ROOT, Operation, RequestFaulty, ScopeMissing
from trace.views.api_core import bp as operations
from trace.views.api_schema import Problem
from trace.words import explain, way_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue

VERSION = "1.0.0"
PROBLEM_JSON = "application/problem+json"
REF = "#/components/schemas/{name}"
ALWAYS = (400, 503)
REFUSED = {kind.status: kind for kind in NAMED.values()} | {401: KeyUnknown, 403: ScopeMissing, 400: RequestFaulty}
TAGS = {
    "verify": _l("Labels"), "register": _l("Registers"), "webhooks": _l("Webhooks"),
}  # fmt: skip
SAID = {200: "OK", 201: "Created", 204: "No Content"}
RATE = {
    "RateLimit": "How many questions are left at once (r) and after how many seconds one more is (t).",
    "RateLimit-Policy": "How many questions may be asked at once (q) in which time (w, seconds).",
}

bp = Blueprint("api_document", __name__)


@operations.get(f"{ROOT}/openapi.json")
@needs(None)
def openapi() -> ResponseReturnValue:
    """The description for programs."""
    return current_app.response_class(msgspec.json.encode(document()), mimetype=JSON)


@bp.get("/api")
@needs(None)
def index() -> ResponseReturnValue:
    """The description for people, with a form for each operation. Without a script a form shows what would be asked, and a link to it."""
    name = request.args.get("op", "")
    chosen = next((each for each in OPERATIONS if each.name == name and each.method == "GET" and each.public), None)
    asked = call(chosen, request.args) if chosen else None
    return render_template(
        "api/index.html", operations=OPERATIONS, tags=TAGS, fields=fields, chosen=chosen, asked=asked, root=ROOT,
        curl=curl(f"{request.host_url.rstrip('/')}{asked}") if asked else "", scopes=list(ApiScope),
    )  # fmt: skip


@bp.get(f"{PROBLEMS}/")
@needs(None)
def problems() -> ResponseReturnValue:
    """The kinds of refusals."""
    return render_template("api/problems.html", named=_told(), chosen="")


@bp.get(f"{PROBLEMS}/<name>")
@needs(None)
def problem(name: str) -> ResponseReturnValue:
    """What one kind of refusal means. Its address is the `type` in the answer."""
    if name not in NAMED:
        raise NotFound
    return render_template("api/problems.html", named=[each for each in _told() if each[0] == name], chosen=name)


def document() -> dict[str, Any]:
    """The whole description. Schemas come from the Structs, paths from the declarations."""
    types = [each.answer for each in OPERATIONS if each.answer] + [each.body for each in OPERATIONS if each.body]
    _schemas, components = msgspec.json.schema_components([*dict.fromkeys([*types, Problem])], ref_template=REF)
    paths: dict[str, Any] = {}
    for each in OPERATIONS:
        paths.setdefault(each.template, {})[each.method.lower()] = _operation(each)
    paths["/openapi.json"] = {
        "get": {
            "operationId": "openapi", "summary": _("This description"), "tags": ["register"], "security": [{}],
            "responses": {"200": {"description": "OK", "content": {JSON: {"schema": {"type": "object"}}}}},
        }
    }  # fmt: skip
    return {
        "openapi": "3.1.0",
        "info": {
            "title": _("Tem Thật, programming interface"), "version": VERSION,
            "description": _("Check labels and read the public registers of the city's protected signs."),
        },
        "servers": [{"url": ROOT}],
        "tags": [{"name": name, "description": str(words)} for name, words in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": _("A partner's key: tt_, eight signs, and the secret.")}
            },
        },
    }  # fmt: skip


def fields(made: Operation) -> list[dict[str, Any]]:
    """What an operation takes, as OpenAPI lists it."""
    found: list[dict[str, Any]] = [
        {
            "name": name, "in": "path", "required": True, "schema": {k: v for k, v in schema.items() if k != "description"}, "example": example,
            **({"description": schema["description"]} if "description" in schema else {}),
        }
        for name, (schema, example) in made.hints.items()
    ]  # fmt: skip
    (_ref,), known = msgspec.json.schema_components([made.query], ref_template=REF)
    for name, schema in known[made.query.__name__]["properties"].items():
        bare = dict(schema)
        about = bare.pop("description", "")
        reference = bare.pop("$ref", None)
        if reference:
            bare = {k: v for k, v in known[reference.rpartition("/")[2]].items() if k not in {"title", "description"}}
        found.append(
            {"name": name, "in": "query", "required": False, "schema": bare} | ({"description": about} if about else {})
        )
    if made.keyed:
        schema = {"type": "string", "pattern": "^[A-Za-z0-9_-]{8,80}$"}
        about = _("A text of your own choice, new for each webhook. The same key twice makes one webhook.")
        found.append(
            {"name": "Idempotency-Key", "in": "header", "required": True, "schema": schema, "description": about}
        )
    return found


def call(made: Operation, given: Mapping[str, str]) -> str:
    """The address that asks an operation what somebody filled in."""
    path, asked = made.template, []
    for field in fields(made):
        value = given.get(field["name"], "").strip()
        if field["in"] == "path":
            path = path.replace("{" + field["name"] + "}", quote(value or str(field["example"]), safe=""))
        elif field["in"] == "query" and value and field["name"] != "lang":
            asked.append((field["name"], value))
    return ROOT + path + (f"?{urlencode(asked)}" if asked else "")


def curl(url: str) -> str:
    """The same as a command."""
    return f"curl -H 'Accept: application/json' {shlex.quote(url)}"


def _operation(made: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": made.name, "summary": str(made.summary), "tags": [made.tag], "parameters": fields(made),
        "security": [*([{}] if made.public else []), {"key": []}], "responses": _responses(made), "x-scope": made.scope.value,
    }  # fmt: skip
    if made.about:
        told["description"] = str(made.about)
    if made.body is not None:
        told["requestBody"] = {
            "required": True, "content": {JSON: {"schema": {"$ref": REF.format(name=made.body.__name__)}}},
        }  # fmt: skip
    return told


def _responses(made: Operation) -> dict[str, Any]:
    headers = (
        {name: {"description": about, "schema": {"type": "string"}} for name, about in RATE.items()}
        if made.limited
        else {}
    )
    good: dict[str, Any] = {"description": SAID[made.status]}
    if headers:
        good["headers"] = headers
    if made.answer is not None:
        good["content"] = {JSON: {"schema": {"$ref": REF.format(name=made.answer.__name__)}}}
    if made.csv is not None:
        good["content"][CSV] = {"schema": {"type": "string"}}
        good["headers"] = {**headers, "Link": {"description": RFC_LINK, "schema": {"type": "string"}}}
    found = {str(made.status): good}
    if made.keyed:
        found["200"] = {**good, "description": SAID[200]}
    refused = {*ALWAYS, *made.problems, 401, 403, *([429] if made.limited is not None else [])}
    for status in sorted(refused):
        found[str(status)] = {
            "description": REFUSED[status].message_id(),
            "content": {PROBLEM_JSON: {"schema": {"$ref": REF.format(name="Problem")}}},
        }  # fmt: skip
    return found


RFC_LINK = "Neighbouring pages (RFC 8288)."


def _told() -> list[tuple[str, int, str, str | None]]:
    return [(name, kind.status, explain(kind()), way_out(kind())) for name, kind in sorted(NAMED.items())]
