"""What comes in at the desk: the book of it, a form for each kind, the page of one, and how right the rules have been."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from enforcement import complaints, handoffs, intake_book, intake_clocks, law, patterns, records, requests
from enforcement.errors import NoRuleInForce
from enforcement.models import (
    ComplaintState,
    IntakeClock,
    IntakeClockKind,
    IntakeKind,
    IntakeRecord,
    Outcome,
    RequestMeasure,
    RequestState,
)
from enforcement.records import Heard
from enforcement.views import intake_forms as forms
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import NotFound, TemThatError
from trace.services import files
from trace.views import lists
from trace.views.once import once
from trace.words import explain, say, way_out
from trace.workdays import CalendarGap, working_days_left

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from flask.typing import ResponseReturnValue
    from flask_wtf import FlaskForm

    from trace.models.files import StoredFile

bp = Blueprint("intake", __name__, url_prefix="/tiep-nhan")


@bp.get("")
@needs(May.SIGNAL_TRIAGE)
def index() -> ResponseReturnValue:
    """The book of what came in, what has a running clock first."""
    kind, q, page = lists.member(IntakeKind, "kind"), lists.text(), lists.page()
    rows, total = intake_book.book(session(), kind=kind, q=q, page=page)
    at = clock.now()
    chips = [(_("Search: %(text)s", text=q), "q", None)] if q else []
    chips += [(say(kind), "kind", None)] if kind else []
    return render_template(
        "desk/intake.html",
        rows=[(row, _running(row, at)) for row in rows],
        total=total,
        receipts=handoffs.receipts(session(), size=10)[0],
        kinds=[(each.value, say(each)) for each in IntakeKind],
        headings={each.value: heading for each, (heading, _lead) in forms.HEADINGS.items()},
        chips=chips,
        page=page,
        pages=lists.pages(total, intake_book.PAGE),
    )


@bp.route("/moi/<any(tip,transfer,listing,request,complaint):kind>", methods=["GET", "POST"])
@needs(May.SIGNAL_TRIAGE)
def new(kind: str) -> ResponseReturnValue:
    """A form for one kind of message."""
    what = IntakeKind(kind)
    form = forms.FORMS[what]()
    if isinstance(form, forms.PlaceForm):
        form.commune.offer(lists.wards())
    if isinstance(form, forms.RequestForm):
        form.title.choices = _titles()

    def page(reasons: list[TemThatError] | None = None) -> str:
        heading, lead = forms.HEADINGS[what]
        return render_template(
            "desk/intake_new.html", form=form, kind=what, heading=heading, lead=lead, reasons=told(reasons)
        )

    if request.method != "POST":
        form.begin()
        return page()
    if not form.validate():
        return page(), 422
    with once(f"intake.{kind}") as key:
        if key.done:
            return redirect(key.location, 303)
        at = clock.now()
        try:
            made = TAKE[what](form, _heard(form, at), at)
        except TemThatError as exc:
            session().rollback()
            return page([exc]), exc.status
        signal = intake_book.signal_of(session(), made.id)
        key.settle(
            url_for("queue.show", signal_id=signal.id) if signal is not None else url_for(".show", record_id=made.id)
        )
        number = made.number
    session().commit()
    flash(_("Taken in under the number %(number)s.", number=number), "success")
    return redirect(key.location, 303)


@bp.get("/<uuid:record_id>")
@needs(May.SIGNAL_TRIAGE)
def show(record_id: UUID) -> ResponseReturnValue:
    """One message with its clocks and the steps that are possible."""
    return _page(record_id)


@bp.post("/<uuid:record_id>/<any(accept,supplement,papers,refuse,resolve,extend,recount):step>")
@needs(May.SIGNAL_TRIAGE)
def answer(record_id: UUID, step: str) -> ResponseReturnValue:
    """A step of a request or complaint."""
    record = intake_book.get(session(), record_id)
    form = forms.STEPS[step]()
    if isinstance(form, forms.PapersForm):
        _offer(form, record)
    if step not in _possible(record)[0]:
        raise complaints.NotNow
    if not form.validate():
        return _page(record_id, bound={step: form}), 422
    who, at = person().id, clock.now()
    with once(f"intake.{step}") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            _take_step(record, step, form, by=who, at=at)
        except TemThatError as exc:
            session().rollback()
            return _page(record_id, bound={step: form}, reasons=[exc]), exc.status
        key.settle(url_for(".show", record_id=record_id))
    session().commit()
    flash(_("The step has been taken."), "success")
    return redirect(key.location, 303)


@bp.get("/do-tin")
@needs(May.RULE_TRUST_READ)
def trust() -> ResponseReturnValue:
    """How often each rule and each kind of report was right."""
    return render_template(
        "desk/intake_trust.html",
        rows=patterns.trust(session()),
        outcomes=list(Outcome),
        outcome_words=[(say(each), "num") for each in Outcome],
        rules=set(patterns.RULES),
    )


def _heard(form: forms.HeardForm, at: datetime) -> Heard:
    def said(name: str) -> Any:
        return (form[name].data or None) if name in form else None

    return Heard(
        channel=form.channel.data,
        received_at=_came(form, at),
        body=said("body") or "",
        commune_code=said("commune"),
        place=said("place"),
        shop_phone=said("shop_phone"),
        code_text=said("code"),
        listing_url=said("listing_url"),
        seen_on=said("seen_on") or said("acted_on"),
        files=_files(form, at),
    )  # fmt: skip


def _came(form: forms.HeardForm, at: datetime) -> datetime:
    """When it came: of today not later than now, though the form was opened a minute ahead."""
    return (
        min(form.received_at, at) if form.received_at.date() == at.astimezone(clock.CITY).date() else form.received_at
    )


def _titles() -> list[tuple[str, str]]:
    return [("", "–"), *((str(title_id), name) for title_id, name in requests.titles(session()))]


def _offer(form: forms.PapersForm, record: IntakeRecord) -> None:
    form.title.choices = _titles()
    form.not_before = record.received_at.astimezone(clock.CITY).date()


def _files(form: forms.HeardForm, at: datetime) -> list[StoredFile]:
    store = current_app.config["TEMTHAT"].files_dir
    # A caller's papers become photos of the report, so they have to be pictures.
    kinds = files.IMAGES if isinstance(form, forms.TipForm) else files.ANY_KIND
    return [
        files.receive(session(), store, upload.stream, name=upload.filename, at=at, by=person().id, kinds=kinds)
        for upload in forms.chosen(form.files)
    ]


def _keyring() -> Any:
    return current_app.extensions["keyring"].get(session())


def _take_tip(form: forms.TipForm, heard: Heard, at: datetime) -> IntakeRecord:
    return records.take_tip(
        session(), heard, reason=form.reason.data, seller=form.seller.data or None, contact=form.contact.data or None, keyring=_keyring(),
        informant_key=current_app.config["TEMTHAT"].derived("informant"), by=person().id, at=at,
    )  # fmt: skip


def _take_transfer(form: forms.TransferForm, heard: Heard, at: datetime) -> IntakeRecord:
    return records.take_transfer(
        session(), heard, agency=form.agency.data, agency_number=form.agency_number.data, agency_dated=form.agency_dated.data,
        keyring=_keyring(), by=person().id, at=at,
    )  # fmt: skip


def _take_listing(_form: forms.ListingForm, heard: Heard, at: datetime) -> IntakeRecord:
    return records.take_listing(session(), heard, keyring=_keyring(), by=person().id, at=at)


def _take_request(form: forms.RequestForm, heard: Heard, at: datetime) -> IntakeRecord:
    asked = requests.Asked(
        dated=form.dated.data,
        authority=form.authority.data,
        requester=form.requester.data,
        requester_address=form.requester_address.data,
        infringer=form.infringer.data,
        infringer_address=form.infringer_address.data,
        acted_on=form.acted_on.data,
        measures=[RequestMeasure(value) for value in form.measures.data],
        evidence=[line.strip() for line in form.evidence.data.splitlines() if line.strip()],
        signed_by=form.signed_by.data,
        agent=form.agent.data,
        poa_number=form.poa_number.data,
        poa_dated=form.poa_dated.data,
        poa_certified=form.poa_certified.data,
        title_id=UUID(form.title.data) if form.title.data else None,
        right_in_words=form.right_in_words.data,
    )
    return requests.take(session(), heard, asked, keyring=_keyring(), by=person().id, at=at)


def _take_complaint(form: forms.ComplaintForm, heard: Heard, at: datetime) -> IntakeRecord:
    said = complaints.Complained(
        complainant=form.complainant.data,
        complainant_address=form.complainant_address.data,
        agent=form.agent.data,
        against=form.against.data,
        body_complained_of=form.body_complained_of.data,
        decision_number=form.decision_number.data,
        decision_dated=form.decision_dated.data,
        learned_on=form.learned_on.data,
        demand=form.demand.data,
        case_number=form.case_number.data,
    )
    return complaints.take(session(), heard, said, by=person().id, at=at)


TAKE: dict[IntakeKind, Callable[[Any, Heard, Any], IntakeRecord]] = {
    IntakeKind.TIP: _take_tip,
    IntakeKind.TRANSFER: _take_transfer,
    IntakeKind.LISTING: _take_listing,
    IntakeKind.REQUEST: _take_request,
    IntakeKind.COMPLAINT: _take_complaint,
}


def _take_step(record: IntakeRecord, step: str, form: FlaskForm, *, by: UUID, at: datetime) -> None:
    reason = form.reason.data or ""
    if step == "recount":
        rules = law.load(session())
        for each in _recounted(record):
            intake_clocks.take_over(session(), record.id, each.kind, law=rules, reason=reason, by=by, at=at)
        return
    deed: dict[str, Callable[[], object]] = (
        {
            "accept": lambda: requests.accept(session(), record.id, reason=reason, by=by, at=at),
            "supplement": lambda: requests.ask_for_more(session(), record.id, reason=reason, by=by, at=at),
            "papers": lambda: requests.supplement(session(), record.id, _brought(form, at), by=by, at=at),
            "refuse": lambda: requests.refuse(session(), record.id, reason=reason, by=by, at=at),
        }
        if record.kind is IntakeKind.REQUEST
        else {
            "accept": lambda: complaints.accept(session(), record.id, by=by, at=at),
            "refuse": lambda: complaints.refuse(session(), record.id, reason=reason, by=by, at=at),
            "resolve": lambda: complaints.resolve(
                session(), record.id, result=form.result.data, number=form.number.data, reason=reason, by=by, at=at
            ),
            "extend": lambda: complaints.extend(session(), record.id, reason=reason, by=by, at=at),
        }
    )
    if step not in deed:
        raise NotFound
    deed[step]()


def _brought(form: Any, at: datetime) -> requests.Brought:
    return requests.Brought(
        received_at=_came(form, at),
        files=_files(form, at),
        poa_certified=form.poa_certified.data,
        title_id=UUID(form.title.data) if form.title.data else None,
        note=form.reason.data,
    )


def _possible(record: IntakeRecord) -> tuple[tuple[str, ...], TemThatError | None]:
    """The steps that somebody may take now, and why the time cannot be extended although it runs."""
    steps: tuple[str, ...] = ()
    no_longer = None
    if record.request is not None:
        match record.request.state:
            case RequestState.RECEIVED:
                steps = ("accept", "supplement", "papers", "refuse")
            case RequestState.SUPPLEMENT:
                steps = ("papers", "accept", "supplement", "refuse")
    elif record.complaint is not None:
        match record.complaint.state:
            case ComplaintState.RECEIVED:
                steps = ("accept", "refuse")
            case ComplaintState.ACCEPTED:
                longer, no_longer = _longer(record)
                steps = ("resolve", "extend") if longer else ("resolve",)
    return (*steps, "recount") if steps and _recounted(record) else steps, no_longer


def _longer(record: IntakeRecord) -> tuple[bool, TemThatError | None]:
    """Whether the time for resolving can be extended; what keeps the desk from counting it, if something does."""
    rules = law.load(session())
    running = [each for each in record.clocks if each.kind is IntakeClockKind.COMPLAINT_RESOLVE]
    try:
        return any(intake_clocks.extensions(each, rules, at=clock.now()) for each in running), None
    except (CalendarGap, NoRuleInForce) as exc:
        return False, exc


def _recounted(record: IntakeRecord) -> list[IntakeClock]:
    """The running clocks that a changed calendar would end at another moment."""
    return [each for each in record.clocks if each.recount_due_at is not None]


def _running(record: IntakeRecord, at: datetime) -> tuple[str, int, str, Any, bool] | None:
    """The nearest running clock of a record: its name, what is left and in which unit, its end, whether it is to be verified."""
    running = [each for each in record.clocks if each.ended_at is None]
    if not running:
        return None
    found = min(running, key=lambda each: each.due_at)
    rules = law.load(session())
    last, today = found.due_at.astimezone(clock.CITY).date(), at.astimezone(clock.CITY).date()
    if {last.year, today.year} <= rules.calendar.years:
        return (
            say(found.kind),
            working_days_left(at, found.due_at, rules.calendar),
            "working",
            found.due_at,
            found.needs_verification,
        )
    return say(found.kind), (last - today).days, "calendar", found.due_at, found.needs_verification


def told(reasons: list[TemThatError] | None) -> list[dict[str, Any]]:
    """Refusals as a page shows them."""
    return [{"message": explain(exc), "way_out": way_out(exc)} for exc in reasons or []]


def _page(
    record_id: UUID, *, bound: dict[str, FlaskForm] | None = None, reasons: list[TemThatError] | None = None
) -> str:
    record = intake_book.get(session(), record_id)
    at = clock.now()
    possible, no_longer = _possible(record)
    offered = {step: (bound or {}).get(step) or forms.STEPS[step](formdata=None, prefix="") for step in possible}
    for form in offered.values():
        if isinstance(form, forms.PapersForm) and form not in (bound or {}).values():
            _offer(form, record)
            form.begin()
    running_law = law.load(session()) if record.clocks else None
    opened = next(iter(bound or {}), None)
    return render_template(
        "desk/intake_record.html",
        record=record,
        signal=intake_book.signal_of(session(), record_id),
        lacks=requests.lacks(record, at=at),
        late=complaints.came_late(record),
        measures=[say(RequestMeasure(value)) for value in record.request.measures] if record.request else [],
        running=_running(record, at),
        gaps={each.id: intake_clocks.missing_year(each, running_law) for each in record.clocks} if running_law else {},
        possible=possible,
        no_longer=told([no_longer]) if no_longer else [],
        forms=offered,
        opened=opened,
        failed=offered.get(opened) if opened else None,
        reasons=told(reasons),
    )
