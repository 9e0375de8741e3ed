"""The public face: the start page, typing a code, and the answer about a label. No cookie, no script needed.

What must not live here: how a verdict is reached (`services.scanning`) and how it is worded (templates and catalogues).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import msgspec.structs
import structlog
from flask import Blueprint, current_app, jsonify, redirect, render_template, request, url_for
from flask import session as cookie
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from labels import code as label_code
from labels.errors import BadGtin, Malformed
from labels.qr import gtin14
from trace import clock
from trace.access import May, Person, needs, network_hash
from trace.db import scan_connection, session
from trace.errors import Invalid
from trace.failures import wants_json
from trace.models.scans import ComparisonAnswer, ScanChannel, ScanKind, VerdictKind
from trace.services import scanning
from trace.services.scanning import ComparePoint, Verdict
from trace.shown import grams
from trace.words import day

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from trace.services.keys import KeyringCache

bp = Blueprint("verify", __name__)
log = structlog.get_logger("temthat.verify")
salts = scanning.Salts()

POINTS = 3
RETRY_SECONDS = "30"
# The view link: where the page rewrites its address to, so that sharing it in a chat counts for nothing.
VIEWED = "xem"
TYPED = "go"
STATUS = {VerdictKind.MALFORMED: 400, VerdictKind.UNKNOWN: 404, VerdictKind.NOT_CHECKED: 503}
COMPARES = frozenset({VerdictKind.VALID, VerdictKind.HOLDER_SUSPENDED, VerdictKind.LOT_CODE})


class NoSuchAnswer(Invalid):
    """Choose one of the answers on the page.

    Go back and press one of the three buttons.
    """


@dataclass(frozen=True)
class Asked:
    """A question about a label: who looks, and how the code came."""

    kind: ScanKind
    channel: ScanChannel


@bp.url_defaults
def keep_language(endpoint: str, values: dict[str, Any]) -> None:
    """Links between public pages carry the chosen language in the address, so that it needs no cookie."""
    del endpoint
    if request and request.args.get("lang") in {"vi", "en"}:
        values.setdefault("lang", request.args["lang"])


@bp.get("/")
@needs(None)
def home() -> ResponseReturnValue:
    """What this service is, and a box for a code."""
    return render_template("public/home.html", typed="", wrong=False)


@bp.get("/nhap-ma")
@needs(None)
def typed() -> ResponseReturnValue:
    """A code typed by hand: on to its answer, or the form again with what is wrong."""
    entered = request.args.get("code", "")
    if not entered.strip():
        return render_template(
            "public/home.html", typed="", wrong="code" in request.args
        ), 400 if "code" in request.args else 200
    try:
        parsed = label_code.parse(entered)
    except Malformed:
        return render_template("public/home.html", typed=entered[:40], wrong=True), 400
    return redirect(url_for("verify.show", code=parsed.text, go=1), 303)


@bp.get("/t/<path:code>")
@bp.get("/T/<path:code>")
@needs(None)
def show(code: str) -> ResponseReturnValue:
    """The answer about one label."""
    return _page(_ask(code, _asked()))


@bp.get("/01/<gtin>/21/<path:code>")
@needs(None)
def show_gtin(gtin: str, code: str) -> ResponseReturnValue:
    """The same for a GS1 Digital Link. A GTIN of other goods makes the code as good as unknown."""
    try:
        wanted = gtin14(gtin)
    except BadGtin:
        return _page(Verdict(kind=VerdictKind.MALFORMED, checked_at=clock.now()))
    verdict = _ask(code, _asked())
    return _page(verdict.unfound() if verdict.serial is not None and verdict.gtin != wanted else verdict)


@bp.post("/t/<path:code>/so-sanh")
@bp.post("/T/<path:code>/so-sanh")
@needs(None)
def answer(code: str) -> ResponseReturnValue:
    """What somebody found when comparing the goods in hand."""
    try:
        chosen = ComparisonAnswer(request.form.get("answer", ""))
    except ValueError as exc:
        raise NoSuchAnswer from exc
    asked = _asked()
    counted = asked.kind is ScanKind.REAL
    verdict = _ask(code, Asked(ScanKind.RELOAD, asked.channel) if counted else asked)
    if counted and verdict.serial is not None:
        with scan_connection() as connection:
            device = scanning.device_hash(salts.today(connection, verdict.checked_at), network_hash(), _agent())
        scanning.answer(session(), verdict.serial, device=device, answer=chosen, at=verdict.checked_at)
        session().commit()
    return _page(verdict, answer=chosen)


def _asked() -> Asked:
    """Who looks: a person, a machine that fetches ahead, or somebody on duty."""
    ahead = scanning.classify(_agent(), dict(request.headers), method=request.method)
    if ahead is not None:
        return Asked(ahead, ScanChannel.QR)
    if _on_duty():
        return Asked(ScanKind.CUSTODY, ScanChannel.STAFF)
    channel = ScanChannel.API if wants_json() else ScanChannel.TYPED if TYPED in request.args else ScanChannel.QR
    return Asked(ScanKind.PREVIEW if VIEWED in request.args else ScanKind.REAL, channel)


def _ask(code_text: str, asked: Asked) -> Verdict:
    """The verdict; `NOT_CHECKED` when the register cannot be reached. What is no code of ours costs no query."""
    at = clock.now()
    try:
        keyring = _keyring().judge(code_text, scan_connection, at=at)
        refused = scanning.read(code_text, keyring=keyring, at=at)
        if isinstance(refused, Verdict):
            return refused
        with scan_connection() as connection:
            device = scanning.device_hash(salts.today(connection, at), network_hash(), _agent())
            return scanning.verify(
                connection, code_text, keyring=keyring, at=at, device=device, kind=asked.kind, channel=asked.channel
            )
    except Malformed:
        return Verdict(kind=VerdictKind.MALFORMED, checked_at=at)
    except (OperationalError, InterfaceError, PoolTimeout):
        log.error("register unreachable", rule=request.url_rule.rule if request.url_rule else None)  # noqa: TRY400
        return Verdict(kind=VerdictKind.NOT_CHECKED, checked_at=at, code=label_code.parse(code_text).text)


def _page(verdict: Verdict, *, answer: ComparisonAnswer | None = None) -> ResponseReturnValue:
    status = STATUS.get(verdict.kind, 200)
    headers = {"Vary": "Accept"}
    if status == 503:
        headers["Retry-After"] = RETRY_SECONDS
    if wants_json():
        return jsonify(facts(verdict)), status, headers
    shown = msgspec.structs.replace(verdict, compare=three_points(verdict)) if verdict.kind in COMPARES else verdict
    issued = verdict.serial is not None
    page = render_template(
        "verdict.html",
        verdict=shown,
        answer=answer.value if answer else "",
        view_url=url_for("verify.show", code=verdict.code, xem=1) if issued and VIEWED not in request.args else "",
        officer=scanning.officer_facts(session(), verdict.serial)
        if verdict.serial is not None and _on_duty()
        else None,
    )
    return page, status, headers


def facts(verdict: Verdict) -> dict[str, Any]:
    """A verdict for programs: every public fact by its name, absent ones left out."""
    known = msgspec.to_builtins(msgspec.structs.asdict(verdict))
    known |= {name: getattr(verdict, name) for name in ("voided_on", "suspended_on", "packed_before_suspension")}
    known["compare"] = [point._asdict() for point in verdict.compare]
    hidden = {"serial", "first_place", "state", "since", "status_since"}
    return {name: value for name, value in known.items() if name not in hidden and value not in (None, [], ())}


def three_points(verdict: Verdict) -> tuple[ComparePoint, ...]:
    """Three things to compare: from the product's catalogue, one that is hard to copy among them, filled up from the register."""
    firsts = sorted(verdict.compare, key=lambda point: not point.hard_to_copy)[:1]
    others = [point for point in verdict.compare if point not in firsts]
    chosen = [point for point in verdict.compare if point in firsts or point in others[: POINTS - 1]]
    if len(chosen) < POINTS and verdict.product_name and verdict.holder_name:
        goods = {"product": verdict.product_name, "pack": grams(verdict.pack), "holder": verdict.holder_name}
        chosen.append(_own(_("The goods are %(product)s, %(pack)s, of %(holder)s", **goods)))
    if len(chosen) < POINTS and verdict.packed_on:
        chosen.append(_own(_("Packing date printed on the pack: %(day)s", day=day(verdict.packed_on))))
    return tuple(chosen)


def _own(words: str) -> ComparePoint:
    return ComparePoint(words, words, hard_to_copy=False)


def _keyring() -> KeyringCache:
    cache: KeyringCache = current_app.extensions["keyring"]
    return cache


def _agent() -> str:
    return request.headers.get("User-Agent", "")


def _on_duty() -> bool:
    # Asked only of those who bring a sign-in, so that the public's scan stays at one statement.
    if "_user_id" not in cookie:
        return False
    who = current_user._get_current_object()  # noqa: SLF001  flask-login's documented way to the object itself
    return isinstance(who, Person) and who.may(May.SCAN_FACTS)
