"""The programming interface, what all its operations share: one declaration beside each view says what it takes, gives and needs.

From these declarations come the routes, the checks of what is asked, the limits, and the document that describes them
(`api_document`), so that none of them can say anything else than the others. What must not live here: any one operation.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec
from flask import Blueprint, current_app, g, make_response, request

from trace import clock
from trace.access import needs, network_hash, salted
from trace.db import scan_connection
from trace.errors import Forbidden, Invalid, Refused, SignInNeeded, TemThatError, TooMany
from trace.services import api_keys
from trace.services.api_keys import KeyUnknown
from trace.services.limits import OF_ONE, Limited, Rate
from trace.services.sheets import disarmed

if TYPE_CHECKING:
    from flask import Response
    from flask.typing import ResponseReturnValue

    from trace.models.api import ApiScope
    from trace.services.api_keys import Bearer
    from trace.services.limits import Limits

ROOT = "/api/v1"
bp = Blueprint("api", __name__)

PARTNER = Rate(1200, 0.1)
"""What a key may ask of the register: 1,200 at once, and ten a second after that."""
EXPOSED = "Link, RateLimit, RateLimit-Policy, Retry-After"
CSV = "text/csv"
JSON = "application/json"
MOST_BODY = 64 * 1024


class TooManyQuestions(TooMany):
    """Too many lists were asked for in a short time.

    Wait %(seconds)s seconds and go on. A partner's key may ask more often.
    """


class FieldWrong(Invalid):
    """“%(field)s” is missing or not as the description says.

    Compare it with the description at /api.
    """

    status = 400


class FieldUnknown(Invalid):
    """“%(field)s” is nothing that this address takes.

    Leave it out, or compare its name with the description at /api.
    """

    status = 400


class FieldTwice(Invalid):
    """“%(field)s” stands there more than once.

    Send it once.
    """

    status = 400


class BodyNotRead(Invalid):
    """The body is not a JSON object.

    Send a JSON object with Content-Type: application/json.
    """

    status = 400


class RequestFaulty(Refused):
    """The request cannot be carried out as it stands."""

    status = 400


class ScopeMissing(Forbidden):
    """This key may not be used for that.

    Ask for a key with the scope %(scope)s.
    """


class BearerNeeded(SignInNeeded):
    """This needs a partner's key.

    Send it in the header Authorization: Bearer.
    """


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What every operation takes in its address."""

    lang: Annotated[Literal["vi", "en"] | msgspec.UnsetType, msgspec.Meta(description="The language of the answer; otherwise that of Accept-Language, otherwise Vietnamese.")] = msgspec.UNSET  # fmt: skip


class Paged(Asked, frozen=True, kw_only=True):
    """What every list takes in its address."""

    page: Annotated[int, msgspec.Meta(ge=1, le=10_000, description="The page, from 1.")] = 1
    size: Annotated[int, msgspec.Meta(ge=1, le=200, description="How many entries a page has.")] = 50


@dataclass(frozen=True)
class Operation:
    """One operation as it is declared."""

    method: str
    path: str
    name: str
    summary: Any
    about: Any
    tag: str
    answer: Any
    status: int
    scope: ApiScope
    public: bool
    query: type[Asked]
    body: Any
    csv: Any
    problems: tuple[int, ...]
    limited: Limited | None
    keyed: bool
    hints: Mapping[str, tuple[dict[str, Any], str]]

    @property
    def template(self) -> str:
        """The path as OpenAPI writes it."""
        return "/".join(
            "{" + part.rpartition(":")[2].strip("<>") + "}" if part.startswith("<") else part
            for part in self.path.split("/")
        )


@dataclass(frozen=True)
class Listed:
    """A page of a list, before it is written down."""

    items: list[Any]
    total: int
    query: Paged
    more: Mapping[str, Any] | None = None


OPERATIONS: list[Operation] = []
V = Callable[..., Any]


def operation(
    method: str, path: str, *, summary: Any, about: Any = "", tag: str, answer: Any, scope: ApiScope, status: int = 200, public: bool = True,
    query: type[Asked] = Asked, body: Any = None, csv_row: Any = None, problems: tuple[int, ...] = (), limited: Limited | None = Limited.REGISTER,
    keyed: bool = False, hints: Mapping[str, tuple[dict[str, Any], str]] | None = None,
) -> Callable[[V], V]:  # fmt: skip
    """Declare a view an operation. It is called with `query=`, `body=` and `bearer=` where it names them, and returns what is to be encoded.

    `hints` gives the schema and an example of path parameters. `keyed`: creating, so it takes an `Idempotency-Key`.
    """

    def declare(view: V) -> V:
        asks = view.__code__.co_varnames[: view.__code__.co_argcount + view.__code__.co_kwonlyargcount]
        made = Operation(
            method, path, view.__name__, summary, about, tag, answer, status, scope, public, query, body, csv_row, problems, limited,
            keyed, hints or {},
        )  # fmt: skip
        OPERATIONS.append(made)

        @needs(None)
        @wraps(view)
        def run(**path_values: Any) -> ResponseReturnValue:
            g.operation = made
            bearer = _bearer(made)
            if made.limited is Limited.REGISTER:
                _take(made.limited, bearer)
            given: dict[str, Any] = {"query": read_query(made.query)}
            if made.body is not None:
                given["body"] = _read_body(made.body)
            given["bearer"] = bearer
            found = view(**path_values, **{name: value for name, value in given.items() if name in asks})
            return _written(made, found)

        bp.add_url_rule(ROOT + path, view.__name__, run, methods=[method])
        return view

    return declare


def read_query(kind: type[Asked]) -> Asked:
    """What the address asks, checked field by field, so that all faults are told at once."""
    faults: list[TemThatError] = []
    known = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    values: dict[str, Any] = {}
    for name in dict.fromkeys(request.args):
        given = request.args.getlist(name)
        if name not in known:
            faults.append(FieldUnknown(field=name[:40]))
        elif len(given) > 1:
            faults.append(FieldTwice(field=name))
        else:
            _take_in(values, known[name], given[0], faults, strict=False)
    if faults:
        raise RequestFaulty(faults)
    return kind(**values)


def _read_body(kind: Any) -> Any:
    if request.mimetype != JSON:
        raise BodyNotRead
    request.max_content_length = MOST_BODY
    try:
        sent = msgspec.json.decode(request.get_data())
    except (msgspec.DecodeError, UnicodeError, RecursionError) as exc:
        raise BodyNotRead from exc
    if not isinstance(sent, dict):
        raise BodyNotRead
    faults: list[TemThatError] = []
    known = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    faults += [FieldUnknown(field=str(name)[:40]) for name in sent if name not in known]
    values: dict[str, Any] = {}
    for name, field in known.items():
        if name in sent:
            _take_in(values, field, sent[name], faults, strict=True)
        elif field.required:
            faults.append(FieldWrong(field=name))
    if faults:
        raise RequestFaulty(faults)
    return kind(**values)


def _take_in(
    values: dict[str, Any], field: msgspec.structs.FieldInfo, given: Any, faults: list[TemThatError], *, strict: bool
) -> None:
    try:
        values[field.name] = msgspec.convert(given, field.type, strict=strict)
    except (msgspec.ValidationError, ValueError, OverflowError):
        faults.append(FieldWrong(field=field.encode_name))


def _bearer(made: Operation) -> Bearer | None:
    sent = request.headers.get("Authorization")
    if sent is None:
        if not made.public:
            raise BearerNeeded
        return None
    scheme, _, secret = sent.partition(" ")
    if scheme.lower() != "bearer":
        raise KeyUnknown
    with scan_connection() as connection:
        bearer = api_keys.bearer(connection, secret.strip(), at=clock.now())
    g.bearer = bearer
    if made.scope not in bearer.scopes:
        raise ScopeMissing(scope=made.scope.value)
    return bearer


def _take(limited: Limited, bearer: Bearer | None) -> None:
    key, rate = _counted(bearer)
    wait = _limits().take(limited, key, at=clock.now(), rate=rate)
    if wait:
        raise TooManyQuestions(seconds=wait)


def _counted(bearer: Bearer | None) -> tuple[bytes, Rate | None]:
    return (network_hash(), None) if bearer is None else (salted(f"key:{bearer.id}"), PARTNER)


def _limits() -> Limits:
    kept: Limits = current_app.extensions["limits"]
    return kept


def _written(made: Operation, found: Any) -> ResponseReturnValue:
    if isinstance(found, Listed):
        return _list(made, found)
    if found is None:
        empty = current_app.response_class(status=HTTPStatus.NO_CONTENT)
        del empty.headers["Content-Type"]
        return empty
    status = made.status
    if isinstance(found, tuple):
        found, status = found
    return current_app.response_class(msgspec.json.encode(found), status, mimetype=JSON)


def _list(made: Operation, found: Listed) -> Response:
    query, last = found.query, max(1, -(-found.total // found.query.size))
    wanted = {"self": query.page, "first": 1, "last": last, "prev": query.page - 1, "next": query.page + 1}
    links = {name: _link(page) if 1 <= page <= last or name == "self" else None for name, page in wanted.items()}
    if made.csv is not None and _wants_csv():
        response = make_response(_csv(made.csv, found.items))
        response.mimetype = CSV
    else:
        body = {
            "items": found.items, "total": found.total, "page": query.page, "pages": last, "links": links, **(found.more or {}),
        }  # fmt: skip
        response = current_app.response_class(msgspec.json.encode(body), mimetype=JSON)
    response.headers["Link"] = ", ".join(
        f'<{url}>; rel="{name}"' for name, url in links.items() if url and name != "self"
    )
    return response


def _link(page: int) -> str:
    asked = [(name, value) for name, value in request.args.items() if name != "page"]
    return f"{request.path}?{urlencode([*asked, ('page', page)])}"


def _wants_csv() -> bool:
    return request.accept_mimetypes.best_match([JSON, CSV], default=JSON) == CSV


def _csv(row: Any, items: list[Any]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    names = [field.encode_name for field in msgspec.structs.fields(row)]
    writer.writerow(names)
    for item in items:
        plain = msgspec.to_builtins(item)
        writer.writerow([_cell(plain.get(name)) for name in names])
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        value = "; ".join(
            str(each) if not isinstance(each, dict) else " ".join(str(v) for v in each.values() if v is not None)
            for each in value
        )
    return disarmed(value) if isinstance(value, str) else "" if value is None else value


@bp.after_app_request
def _open(response: Response) -> Response:
    """What every answer of the interface carries, refusals of the routing included: who may read it, and how often one may ask."""
    if not request.path.startswith("/api/v"):
        return response
    made: Operation | None = g.get("operation")
    headers = response.headers
    rule = request.url_rule.rule if request.url_rule else ""
    there = [each.public for each in OPERATIONS if ROOT + each.path == rule]
    closed = bool(there) and not any(there)
    headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.vary.add("Accept-Language")
    if not closed and (made is None or made.public):
        headers["Access-Control-Allow-Origin"] = "*"
        headers["Access-Control-Expose-Headers"] = EXPOSED
        if request.method == "OPTIONS":
            headers["Access-Control-Allow-Methods"] = "GET, HEAD, OPTIONS"
            headers["Access-Control-Allow-Headers"] = "Accept, Accept-Language"
            headers["Access-Control-Max-Age"] = "86400"
    if made is not None and made.csv is not None:
        response.vary.add("Accept")
    if made is not None and made.limited is not None:
        key, rate = _counted(g.get("bearer"))
        rate = rate if made.limited is Limited.REGISTER else None
        policy = rate or OF_ONE[made.limited]
        left = _limits().left(made.limited, key, at=clock.now(), rate=rate)
        headers["RateLimit-Policy"] = f'"{made.limited}";q={policy.burst};w={round(policy.burst * policy.every_s)}'
        headers["RateLimit"] = f'"{made.limited}";r={left};t={max(1, round(policy.every_s))}'
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="Tem That"'
    return response
