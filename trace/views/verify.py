"""The public face: the start page, typing a code, and the answer about a label. No cookie, no script needed.

What must not live here: how a verdict is reached (`services.scanning`) and how it is worded (templates and catalogues).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import msgspec.structs
from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from flask import session as cookie
from flask_babel import gettext as _
from flask_login import current_user

from labels.errors import BadGtin
from labels.qr import gtin14
from trace import clock, tongues
from trace.access import May, Person, needs, network_hash
from trace.db import session
from trace.errors import Invalid
from trace.failures import wants_json
from trace.models.scans import ComparisonAnswer, ScanChannel, ScanKind, VerdictKind
from trace.services import custody, officer_facts, scanning, typed_codes
from trace.services.scanning import ComparePoint, Verdict
from trace.services.typed_codes import Typed
from trace.shown import grams
from trace.views.asking import VIEWED, Asked, Caller, Desk, TooManyUnknown, facts

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from trace.services.hidden_codes import Entry

bp = Blueprint("verify", __name__)

POINTS = 3
PLACES = {str(place) for place in range(1, POINTS + 1)}
LONGEST_POINT = 200
RETRY_SECONDS = "30"
BROUGHT = "temthat.verdict"
"""Where the lane leaves a verdict that it does not show itself."""
STATUS = {VerdictKind.MALFORMED: 400, VerdictKind.UNKNOWN: 404, VerdictKind.NOT_CHECKED: 503}
COMPARES = frozenset({VerdictKind.VALID, VerdictKind.HOLDER_SUSPENDED, VerdictKind.LOT_CODE})


class NoSuchAnswer(Invalid):
    """Choose one of the answers on the page.

    Go back and press one of the three buttons.
    """


@bp.url_defaults
def keep_language(endpoint: str, values: dict[str, Any]) -> None:
    """Links between public pages carry the chosen language in the address, so that it needs no cookie."""
    del endpoint
    if request and request.args.get("lang") in tongues.NAMES:
        values.setdefault("lang", request.args["lang"])


@bp.get("/")
@needs(None)
def home() -> ResponseReturnValue:
    """What this service is, and a box for a code."""
    return render_template("public/home.html", typed="", wrong=False)


@bp.get("/nhap-ma")
@needs(None)
def typed() -> ResponseReturnValue:
    """A code typed by hand or pasted: on to its answer, or the form again with what is wrong."""
    if "code" not in request.args:
        return render_template("public/typed.html", typed="", fault=None)
    entered = request.args["code"]
    try:
        found = typed_codes.read(entered, host=current_app.config["TEMTHAT"].host)
    except typed_codes.Mistyped as exc:
        kept = entered[: typed_codes.LONGEST]
        return render_template("public/typed.html", typed=kept, fault=exc), exc.status
    return redirect(url_for(f"{'lot_codes' if found.kind is Typed.LOT else 'verify'}.show", code=found.code, go=1), 303)


@bp.get("/t/<path:code>")
@bp.get("/T/<path:code>")
@needs(None)
def show(code: str) -> ResponseReturnValue:
    """The answer about one label."""
    asked = question()
    return answer_page(seen_at_work(verdict_on(code, asked), asked))


@bp.get("/01/<gtin>/21/<path:code>")
@needs(None)
def show_gtin(gtin: str, code: str) -> ResponseReturnValue:
    """The same for a GS1 Digital Link. A GTIN of other goods makes the code as good as unknown."""
    try:
        wanted = gtin14(gtin)
    except BadGtin:
        return answer_page(Verdict(kind=VerdictKind.MALFORMED, checked_at=clock.now()))
    asked = question()
    verdict = verdict_on(code, asked)
    if verdict.serial is not None and verdict.gtin != wanted:
        return answer_page(verdict.unfound())
    return answer_page(seen_at_work(verdict, asked))


@bp.post("/t/<path:code>/so-sanh")
@bp.post("/T/<path:code>/so-sanh")
@needs(None)
def answer(code: str) -> ResponseReturnValue:
    """What somebody found when comparing the goods in hand; with the points that differ it leads on to the report."""
    try:
        chosen = ComparisonAnswer(request.form.get("answer", ""))
    except ValueError as exc:
        raise NoSuchAnswer from exc
    ticked = request.form.getlist("diem") if chosen is ComparisonAnswer.DIFFERS else []
    places = sorted({int(each) for each in ticked if each in PLACES})
    asked = question()
    counted = asked.kind is ScanKind.REAL
    verdict = verdict_on(code, Asked(ScanKind.RELOAD, asked.channel) if counted else asked)
    if counted and verdict.serial is not None:
        device = desk().device(caller(), at=verdict.checked_at)
        scanning.answer(
            session(), verdict.serial, device=device, answer=chosen, at=verdict.checked_at, differs_in=places
        )
        session().commit()
    if "buoc" in request.form and verdict.code is not None:
        shown, locale = with_points(verdict).compare, tongues.choose()
        told = [shown[place - 1].said(locale)[:LONGEST_POINT] for place in places if place <= len(shown)]
        return redirect(url_for("report.start", code=verdict.code, differs=told), 303)
    return answer_page(verdict, answer=chosen)


def question() -> Asked:
    """Who looks: a person, a machine that fetches ahead, or somebody at work."""
    asked = caller().asks(request.args, for_json=wants_json())
    at_work = asked.kind is not ScanKind.PREVIEW and (_at_work(May.SCAN_FACTS) or _at_work(May.SCAN_CUSTODY))
    return Asked(ScanKind.CUSTODY, ScanChannel.STAFF) if at_work else asked


def seen_at_work(verdict: Verdict, asked: Asked) -> Verdict:
    """Write down who of the trade saw this label; the public's looks, and officers', are none of it."""
    who = _at_work(May.SCAN_CUSTODY) if asked.kind is ScanKind.CUSTODY and verdict.serial is not None else None
    if who is not None and verdict.serial is not None:
        custody.record(
            session(), verdict.serial, verdict=verdict.kind, by=who.id, at=verdict.checked_at,
            party_id=who.parties_for(May.SCAN_CUSTODY)[0].id,
        )  # fmt: skip
        session().commit()
    return verdict


def verdict_on(code_text: str, asked: Asked) -> Verdict:
    """The verdict of the register, which the lane in front of this application may have brought along."""
    brought: Verdict | TooManyUnknown | None = request.environ.pop(BROUGHT, None)
    if isinstance(brought, TooManyUnknown):
        raise brought
    return brought or desk().ask(code_text, asked, caller(), at=clock.now())


def answer_page(
    verdict: Verdict, *, answer: ComparisonAnswer | None = None, hidden: Entry | None = None, status: int | None = None
) -> ResponseReturnValue:  # fmt: skip
    """A verdict as a page, or as JSON for those who ask for it, with what came of a comparison or of hidden digits."""
    status, headers = status or STATUS.get(verdict.kind, 200), {"Vary": "Accept"}
    if status == 503:
        headers["Retry-After"] = RETRY_SECONDS
    if wants_json():
        told = facts(verdict) | ({"hidden": msgspec.to_builtins(hidden)} if hidden else {})
        return Response(msgspec.json.encode(told), status, headers, mimetype="application/json")
    at_work = verdict.serial is not None and _at_work(May.SCAN_FACTS)
    officer = officer_facts.of_label(session(), verdict.serial) if at_work and verdict.serial is not None else None
    more = {"answer": answer.value if answer else "", "officer": officer, "hidden": hidden}
    return render(with_points(verdict), **more), status, headers


def with_points(verdict: Any) -> Any:
    """A verdict, or blanks in its place, with the three points that its page shows."""
    return Chosen(verdict, three_points(verdict)) if verdict.kind in COMPARES else verdict


class Chosen:
    """A verdict with other points to compare than the register's."""

    def __init__(self, verdict: Any, compare: tuple[ComparePoint, ...]) -> None:
        self._verdict, self.compare = verdict, compare

    def __getattr__(self, name: str) -> Any:
        return getattr(self._verdict, name)


def render(verdict: Any, **more: Any) -> str:
    """The page of a verdict whose points are chosen, or of blanks in its place (`trace.moulds`)."""
    rewrites = (verdict.serial is not None or verdict.shared) and VIEWED not in request.args
    page = "lot_codes.show" if verdict.shared else "verify.show"
    view_url = url_for(page, code=verdict.code, xem=1) if rewrites else ""
    return render_template("verdict.html", verdict=verdict, view_url=view_url, **more)


def three_points(verdict: Verdict) -> tuple[ComparePoint, ...]:
    """Three things to compare: from the product's catalogue, one that is hard to copy among them, filled up from the register."""
    firsts = sorted(verdict.compare, key=lambda point: not point.hard_to_copy)[:1]
    others = [point for point in verdict.compare if point not in firsts]
    chosen = [point for point in verdict.compare if point in firsts or point in others[: POINTS - 1]]
    if len(chosen) < POINTS and verdict.product_name and verdict.holder_name:
        goods = {"product": verdict.product_name, "pack": grams(verdict.pack), "holder": verdict.holder_name}
        chosen.append(_own(_("The goods are %(product)s, %(pack)s, of %(holder)s", **goods)))
    if len(chosen) < POINTS and verdict.packed_on:
        chosen.append(
            _own(
                _("Packing date printed on the pack: %(day)s", day=tongues.day_in(verdict.packed_on, tongues.choose()))
            )
        )
    return tuple(chosen)


def _own(words: str) -> ComparePoint:
    return ComparePoint(words, words, hard_to_copy=False, text_zh=words, text_ja=words)


def desk() -> Desk:
    """Where this process asks."""
    found: Desk = current_app.extensions["desk"]
    return found


def caller() -> Caller:
    """Who asks in this request."""
    return Caller(network_hash(), request.headers.get("User-Agent", ""), dict(request.headers), request.method)


def _at_work(permission: May) -> Person | None:
    """The signed-in person, if they may do this."""
    # Asked only of those who bring a sign-in, so that the public's scan stays at one statement.
    if "_user_id" not in cookie:
        return None
    who = current_user._get_current_object()  # noqa: SLF001  flask-login's documented way to the object itself
    return who if isinstance(who, Person) and who.may(permission) else None
