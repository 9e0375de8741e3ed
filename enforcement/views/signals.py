"""The page of one signal and of a cluster of like ones, and what a person may decide about them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import current_app, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf import FlaskForm
from wtforms import HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, Optional, ValidationError

from enforcement import clusters, feedback, grouping, informants, intake, queue, similar, triage
from enforcement.models import IntakeRecord, Observation, Outcome, Signal, SignalSource, SignalState
from enforcement.views.queue import bp
from enforcement.views.signal_words import summary
from enforcement.views.words import severity_word
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Conflict, TemThatError
from trace.forms import EnumField, VietnameseDate, clean
from trace.models.tips import Tip
from trace.services import tips, workdays
from trace.views import lists
from trace.views.once import once
from trace.words import explain, say, way_out
from trace.workdays import last_day

if TYPE_CHECKING:
    from datetime import date

    from flask.typing import ResponseReturnValue
    from wtforms import Form

    from enforcement.models import CaseFile

WHY = [
    DataRequired(_l("Write the reason.")),
    Length(max=triage.REASON_MOST, message=_l("Write at most %(max)d characters.")),
]
SIMILAR = 6


class FindingField(EnumField):
    """With which finding something is put aside: one that is no infringement, which would be a case."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(_l("Finding"), [InputRequired(_l("Choose a finding."))], kind=Outcome, blank="–", **kwargs)

    def _offered(self, blank: Any) -> list[tuple[str, str]]:
        aside = {each.value for each in triage.ASIDE}
        return [(value, label) for value, label in super()._offered(blank) if not value or value in aside]

    def pre_validate(self, _form: Form) -> None:
        """Refuse an infringement in the words in which the service refuses it."""
        if self.data is not None and self.data not in triage.ASIDE:
            refused = triage.InfringementAside()
            raise ValidationError(f"{explain(refused)} {way_out(refused)}")


class OpenForm(FlaskForm):
    """A new case from this signal."""

    title = StringField(
        _l("Title of the case"),
        [
            DataRequired(_l("Write a title.")),
            Length(max=triage.TITLE_MOST, message=_l("Write at most %(max)d characters.")),
        ],
        filters=[clean],
    )


class AddForm(FlaskForm):
    """Into a case that is open."""

    case = SelectField(_l("Case"), [InputRequired(_l("Choose a case."))])


class WaitForm(FlaskForm):
    """Look again on a day, or when information comes."""

    until = VietnameseDate(_l("Look again on"), [Optional()])
    reason = TextAreaField(_l("Why wait"), WHY, filters=[clean], id="wait-reason")


class RejectForm(FlaskForm):
    """Put aside with a reason and an outcome."""

    outcome = FindingField()
    reason = TextAreaField(_l("Reason"), WHY, filters=[clean], id="reject-reason")


class GroupForm(FlaskForm):
    """Decide together with another signal."""

    number = StringField(
        _l("Number of the other signal"),
        [DataRequired(_l("Write the number.")), Length(max=80, message=_l("Write at most %(max)d characters."))],
        filters=[clean],
    )
    reason = TextAreaField(_l("Why they belong together"), WHY, filters=[clean], id="group-reason")


class ApartForm(FlaskForm):
    """Out of a group of like signals."""

    reason = TextAreaField(_l("Why it is a matter of its own"), WHY, filters=[clean], id="apart-reason")


FORMS: dict[str, type[FlaskForm]] = {
    "open": OpenForm, "add": AddForm, "wait": WaitForm, "reject": RejectForm, "group": GroupForm, "apart": ApartForm,
}  # fmt: skip


@bp.get("/<uuid:signal_id>")
@needs(May.SIGNAL_TRIAGE)
def show(signal_id: UUID) -> ResponseReturnValue:
    """One signal, what resembles it, and what may be done with it."""
    return _page(signal_id)


@bp.post("/<uuid:signal_id>/<any(open,add,wait,reject,group,apart):decision>", endpoint="triage")
@needs(May.SIGNAL_TRIAGE)
def decide(signal_id: UUID, decision: str) -> ResponseReturnValue:
    """Decide about one signal. Sent twice it counts once; decided by another in the meantime it is refused by name."""
    signal = triage.get(session(), signal_id)
    form = FORMS[decision]()
    if isinstance(form, AddForm):
        form.case.choices = _case_choices(signal, _alike(signal))
    if not form.validate():
        return _page(signal_id, bound={decision: form}), 422
    store = current_app.config["TEMTHAT"].files_dir
    who, at = person().id, clock.now()
    with once(f"queue.{decision}") as key:
        if key.done:
            return redirect(key.location, 303)
        location = url_for(".index")
        try:
            if decision == "open":
                case = triage.open_case(session(), signal_id, title=form.title.data, store=store, by=who, at=at)
                location = url_for("cases.show", case_id=case.id)
            elif decision == "add":
                case = triage.add_to_case(session(), signal_id, UUID(form.case.data), store=store, by=who, at=at)
                location = url_for("cases.show", case_id=case.id)
            elif decision == "wait":
                triage.wait(session(), signal_id, until=form.until.data, reason=form.reason.data, by=who, at=at)
            elif decision == "reject":
                triage.reject(session(), signal_id, reason=form.reason.data, outcome=form.outcome.data, by=who, at=at)
            elif decision == "group":
                moved = grouping.move_to_cluster(
                    session(), signal_id, form.number.data, reason=form.reason.data, by=who, at=at
                )
                location = url_for(".cluster", cluster_id=moved.cluster_id)
            else:
                grouping.move_apart(session(), signal_id, reason=form.reason.data, by=who, at=at)
                location = url_for(".show", signal_id=signal_id)
        except TemThatError as exc:
            session().rollback()
            return _page(signal_id, bound={decision: form}, reasons=[exc]), exc.status
        key.settle(location)
    session().commit()
    said = {
        "open": _("The case has been opened."),
        "add": _("The signal is now part of the case."),
        "wait": _("The signal waits until the day you chose, or until the reporter tells more."),
        "reject": _("The signal has been put aside."),
        "group": _("The signals will be decided together."),
        "apart": _("The signal is a matter of its own now."),
    }
    flash(said[decision], "success")
    return redirect(key.location, 303)


class SeenField(HiddenField):
    """What the page showed of a group to whoever decides about all of it; `data` is a `clusters.Seen`."""

    def _value(self) -> str:
        seen: clusters.Seen | None = self.data
        return f"{seen.count}~{seen.upto.isoformat() if seen.upto else ''}~{seen.mark}" if seen else ""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what the page was given."""
        self.data = None
        try:
            count, upto, mark = valuelist[0].split("~") if valuelist else ("0", "", "")
            self.data = clusters.Seen(int(count), datetime.fromisoformat(upto) if upto else None, mark)
        except ValueError:
            raise ValueError(explain(Conflict())) from None


class _Seen:
    """What the person saw who decides about all of them."""

    seen = SeenField(_l("Signals seen"), [InputRequired()])


class AllOpenForm(_Seen, OpenForm):
    """A new case from all of them."""


class AllAddForm(_Seen, AddForm):
    """All into a case that is open."""


class AllWaitForm(_Seen, WaitForm):
    """Look at all of them again on a day."""


class AllRejectForm(_Seen, RejectForm):
    """Put all of them aside."""


ALL_FORMS: dict[str, type[FlaskForm]] = {
    "open": AllOpenForm, "add": AllAddForm, "wait": AllWaitForm, "reject": AllRejectForm,
}  # fmt: skip


@bp.get("/nhom/<uuid:cluster_id>")
@needs(May.SIGNAL_TRIAGE)
def cluster(cluster_id: UUID) -> ResponseReturnValue:
    """Signals that are alike, to be decided together or one by one."""
    return _cluster_page(cluster_id)


@bp.post("/nhom/<uuid:cluster_id>/<any(open,add,wait,reject):decision>")
@needs(May.SIGNAL_TRIAGE)
def decide_cluster(cluster_id: UUID, decision: str) -> ResponseReturnValue:
    """Decide about every undecided signal of a cluster that the person saw; what came since stays undecided, and that is said."""
    found = clusters.get(session(), cluster_id)
    form = ALL_FORMS[decision]()
    if isinstance(form, AddForm):
        form.case.choices = _case_choices(found.lead, _alike(found.lead))
    if not form.validate():
        return _cluster_page(cluster_id, bound={decision: form}), 422
    asked: triage.Decision
    match decision:
        case "open":
            asked = triage.OpenCase(form.title.data)
        case "add":
            asked = triage.AddToCase(UUID(form.case.data))
        case "wait":
            asked = triage.Wait(form.until.data, form.reason.data)
        case _:
            asked = triage.Reject(form.reason.data, form.outcome.data)
    with once(f"queue.cluster.{decision}") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            done = triage.decide_cluster(
                session(), cluster_id, asked, seen=form.seen.data, store=current_app.config["TEMTHAT"].files_dir,
                by=person().id, at=clock.now(),
            )  # fmt: skip
        except TemThatError as exc:
            session().rollback()
            return _cluster_page(cluster_id, bound={decision: form}, reasons=[exc]), exc.status
        key.settle(url_for("cases.show", case_id=done.case.id) if done.case else url_for(".index"))
    session().commit()
    flash(ngettext("%(num)s signal was decided.", "%(num)s signals were decided.", done.count), "success")
    if done.later:
        flash(
            ngettext(
                "%(num)s signal came while you decided and is still undecided.",
                "%(num)s signals came while you decided and are still undecided.",
                done.later,
            ),
            "info",
        )
    return redirect(key.location, 303)


def _alike(signal: Signal | None) -> similar.Similar:
    """What resembles a signal beyond its group, which has a page: looked up once, and alike when a page is shown and when it is answered."""
    if signal is None:
        return similar.Similar()
    return similar.of_signal(session(), signal, beside_group=True, limit=SIMILAR)


def _case_choices(signal: Signal | None, alike: similar.Similar) -> list[tuple[str, str]]:
    """The case of its cluster and similar ones first, then every other open one."""
    first = []
    if signal is not None:
        own = _case_of(signal)
        first = [own] if own is not None else []
        first += [found.case for found in alike.cases if found.case.closed_at is None and found.case not in first]
    known = {case.id for case in first}
    others = [case for case in queue.open_cases(session()) if case.id not in known]
    return [("", "–"), *((str(case.id), f"{case.number} · {case.title}") for case in [*first, *others])]


def _case_of(signal: Signal) -> CaseFile | None:
    """The case that carries on for the one opened from a signal's cluster, while it is worked on."""
    return clusters.case_of(session(), signal.cluster.case_id)


def _answers() -> list[tuple[str, str]]:
    """What a reporter reads, by the finding."""
    return [(say(outcome), feedback.answer(outcome)) for outcome in triage.ASIDE]


def _forms(
    offered: dict[str, type[FlaskForm]],
    signal: Signal | None,
    bound: dict[str, FlaskForm] | None,
    alike: similar.Similar,
) -> dict[str, FlaskForm]:
    forms = {name: (bound or {}).get(name) or form(formdata=None) for name, form in offered.items()}
    forms["add"].case.choices = _case_choices(signal, alike)
    own = _case_of(signal) if signal is not None else None
    if own is not None and not (bound and "add" in bound):
        forms["add"].case.data = str(own.id)
    if signal is not None and not (bound and "open" in bound):
        forms["open"].title.data = signal.summary[: triage.TITLE_MOST]
    return forms


def _told(reasons: list[TemThatError] | None) -> list[dict[str, Any]]:
    return [{"message": explain(exc), "way_out": way_out(exc)} for exc in reasons or []]


def _page(
    signal_id: UUID, *, bound: dict[str, FlaskForm] | None = None, reasons: list[TemThatError] | None = None
) -> str:
    signal = triage.get(session(), signal_id)
    alike = _alike(signal)
    forms = _forms(FORMS, signal, bound, alike)
    opened = next(iter(bound or {}), None)
    source = intake.behind(session(), signal)
    tip = source if isinstance(source, Tip) else None
    return render_template(
        "desk/signal.html",
        signal=signal,
        summary=summary(signal),
        tip=tip,
        observation=source if isinstance(source, Observation) else None,
        record=source if isinstance(source, IntakeRecord) else None,
        answer_by=_answer_by(tip) if tip is not None and signal.decided_at is None else None,
        own_case=_case_of(signal),
        answers=_answers() if tip is not None else (),
        has_contact=signal.source is SignalSource.TIP and informants.is_kept(session(), UUID(signal.source_ref)),
        similar=alike,
        words_of=summary,
        undecided=signal.state in {SignalState.NEW, SignalState.WAITING},
        forms=forms,
        opened=opened,
        failed=forms[opened] if opened else None,
        reasons=_told(reasons),
        severity=severity_word(signal.severity),
    )


def _answer_by(tip: Tip) -> date | None:
    """Until when the reporter was promised an answer; None while the year's calendar is not entered."""
    return last_day(workdays.calendar(session()), tip.received_at, tips.ANSWER_WITHIN)


def _cluster_page(
    cluster_id: UUID, *, bound: dict[str, FlaskForm] | None = None, reasons: list[TemThatError] | None = None
) -> str:
    found = clusters.get(session(), cluster_id)
    lead = triage.get(session(), found.lead_id) if found.lead_id else None
    page = lists.page()
    seen = clusters.seen(session(), cluster_id)  # before the rows: what comes in between is shown and not decided
    rows, total = clusters.signals(session(), cluster_id, page=page)
    alike = _alike(lead)
    forms = _forms(ALL_FORMS, lead, bound, alike)
    for form in forms.values():
        form.seen.data, form.seen.raw_data = seen, None
    opened = next(iter(bound or {}), None)
    return render_template(
        "desk/signal_cluster.html",
        cluster=found,
        lead=lead,
        summary=summary,
        rows=rows,
        total=total,
        page=page,
        pages=lists.pages(total, clusters.PAGE),
        undecided=seen.count,
        own_case=clusters.case_of(session(), found.case_id),
        answers=_answers(),
        similar=alike,
        forms=forms,
        opened=opened,
        failed=forms[opened] if opened else None,
        reasons=_told(reasons),
        severity=severity_word(found.severity),
    )
