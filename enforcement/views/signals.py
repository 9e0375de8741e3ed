"""The page of one signal, and what a person may decide about it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from flask import current_app, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length

from enforcement import informants, intake, queue, triage
from enforcement.models import Outcome, Signal, SignalSource, SignalState
from enforcement.views.queue import bp
from enforcement.views.words import severity_word
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import TemThatError
from trace.forms import EnumField, VietnameseDate, clean
from trace.views.once import once
from trace.words import explain, way_out

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

WHY = [
    DataRequired(_l("Write the reason.")),
    Length(max=triage.REASON_MOST, message=_l("Write at most %(max)d characters.")),
]


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
    """Look again on a day."""

    until = VietnameseDate(_l("Look again on"), [InputRequired(_l("Write the day."))])
    reason = TextAreaField(_l("Why wait"), WHY, filters=[clean], id="wait-reason")


class RejectForm(FlaskForm):
    """Put aside with a reason and an outcome."""

    outcome = EnumField(_l("Finding"), [InputRequired(_l("Choose a finding."))], kind=Outcome, blank="–")
    reason = TextAreaField(_l("Reason"), WHY, filters=[clean], id="reject-reason")


SIMILAR = 6

FORMS: dict[str, type[FlaskForm]] = {"open": OpenForm, "add": AddForm, "wait": WaitForm, "reject": RejectForm}


@bp.get("/<uuid:signal_id>")
@needs(May.SIGNAL_TRIAGE)
def show(signal_id: UUID) -> ResponseReturnValue:
    """One signal, what resembles it, and what may be done with it."""
    return _page(signal_id)


@bp.post("/<uuid:signal_id>/<any(open,add,wait,reject):decision>", endpoint="triage")
@needs(May.SIGNAL_TRIAGE)
def decide(signal_id: UUID, decision: str) -> ResponseReturnValue:
    """Decide about one signal. Sent twice it counts once; decided by another in the meantime it is refused by name."""
    signal = triage.get(session(), signal_id)
    form = FORMS[decision]()
    if isinstance(form, AddForm):
        form.case.choices = _case_choices(signal)
    if not form.validate():
        return _page(signal_id, bound={decision: form}), 422
    store = current_app.config["TEMTHAT"].files_dir
    who, at = person().id, clock.now()
    with once(f"queue.{decision}") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            if decision == "open":
                case = triage.open_case(session(), signal_id, title=form.title.data, store=store, by=who, at=at)
                key.settle(url_for("cases.show", case_id=case.id))
            elif decision == "add":
                case = triage.add_to_case(session(), signal_id, UUID(form.case.data), store=store, by=who, at=at)
                key.settle(url_for("cases.show", case_id=case.id))
            elif decision == "wait":
                triage.wait(session(), signal_id, until=form.until.data, reason=form.reason.data, by=who, at=at)
                key.settle(url_for(".index"))
            else:
                triage.reject(session(), signal_id, reason=form.reason.data, outcome=form.outcome.data, by=who, at=at)
                key.settle(url_for(".index"))
        except TemThatError as exc:
            session().rollback()
            return _page(signal_id, bound={decision: form}, reasons=[exc]), exc.status
    session().commit()
    said = {
        "open": _("The case has been opened."),
        "add": _("The signal is now part of the case."),
        "wait": _("The signal waits until the day you chose."),
        "reject": _("The signal has been put aside."),
    }
    flash(said[decision], "success")
    return redirect(key.location, 303)


def _case_choices(signal: Signal) -> list[tuple[str, str]]:
    """Similar cases first, then every other open one."""
    similar = [found.case for found in triage.similar(session(), signal).cases if found.case.closed_at is None]
    known = {case.id for case in similar}
    others = [case for case in queue.open_cases(session()) if case.id not in known]
    return [("", "–"), *((str(case.id), f"{case.number} · {case.title}") for case in [*similar, *others])]


def _page(
    signal_id: UUID, *, bound: dict[str, FlaskForm] | None = None, reasons: list[TemThatError] | None = None
) -> str:
    signal = triage.get(session(), signal_id)
    forms = {name: (bound or {}).get(name) or form(formdata=None) for name, form in FORMS.items()}
    forms["add"].case.choices = _case_choices(signal)
    if not bound or "open" not in bound:
        forms["open"].title.data = signal.summary[: triage.TITLE_MOST]
    opened = next(iter(bound or {}), None)
    source = intake.behind(session(), signal)
    return render_template(
        "desk/signal.html",
        signal=signal,
        tip=source if signal.source is SignalSource.TIP else None,
        observation=source if signal.source is SignalSource.OBSERVATION else None,
        has_contact=signal.source is SignalSource.TIP and informants.is_kept(session(), UUID(signal.source_ref)),
        similar=triage.similar(session(), signal, limit=SIMILAR),
        undecided=signal.state in {SignalState.NEW, SignalState.WAITING},
        forms=forms,
        opened=opened,
        failed=forms[opened] if opened else None,
        reasons=[{"message": explain(exc), "way_out": way_out(exc)} for exc in reasons or []],
        severity=severity_word(signal.severity),
    )
