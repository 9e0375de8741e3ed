"""Deadlines: the tab of a case with every clock and its reckonings, and the page of what presses the person signed in."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, RadioField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, Optional, Regexp

from enforcement import authority, deadlines, law, origins, reminding, timekeeping
from enforcement.casebook import TEXT_MOST
from enforcement.deadlines import Unit
from enforcement.transitions import HEADS
from enforcement.views.case_frame import frame
from enforcement.views.words import duties
from trace import clock
from trace.access import May, needs, person
from trace.clock import CITY
from trace.db import session
from trace.errors import TemThatError
from trace.forms import VietnameseDate, clean
from trace.services import mail_addresses
from trace.views import lists
from trace.views.lists import Choice
from trace.views.once import once
from trace.words import day, say
from trace.workdays import CalendarGap

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.typing import ResponseReturnValue

    from enforcement.clocks import Standing
    from enforcement.law import Law

bp = Blueprint("case_deadlines", __name__)

LINE_MOST = 200


def _text(most: int) -> list[Any]:
    return [DataRequired(_l("Fill in this field.")), Length(max=most, message=_l("Write at most %(max)d characters."))]


class ExtendForm(FlaskForm):
    """A longer time by decision. A choice is a clock and the place of the extension in its rule."""

    version = HiddenField(id="extend-version")
    choice = RadioField(_l("Extension"), [InputRequired(_l("Choose one."))], id="extend-choice")
    decision_number = StringField(_l("Number of the decision"), _text(LINE_MOST), filters=[clean], id="extend-number")
    signed_on = VietnameseDate(_l("Day on the paper"), [Optional()], default=lists.today, id="extend-day")
    reason = StringField(_l("Reason"), _text(TEXT_MOST), filters=[clean], id="extend-reason")


class StartForm(FlaskForm):
    """The moment at which a clock really began."""

    version = HiddenField(id="start-version")
    deadline = Choice(_l("Clock"), [InputRequired(_l("Choose one."))], id="start-deadline")
    began_on = VietnameseDate(_l("It began on"), [InputRequired(_l("Write the day."))], id="start-day")
    began_at = StringField(
        _l("At what time"),
        [Regexp(r"^$|^([01]?\d|2[0-3])[:h]([0-5]\d)$", message=_l("Write the time as hours:minutes, for example 14:05."))],
        filters=[clean],
        id="start-time",
    )  # fmt: skip
    reason = StringField(_l("Reason"), _text(TEXT_MOST), filters=[clean], id="start-reason")


class TakeOverForm(FlaskForm):
    """The end that the changed calendar gives."""

    version = HiddenField(id="over-version")
    deadline = HiddenField(id="over-deadline")
    reason = StringField(_l("Reason"), _text(TEXT_MOST), filters=[clean], id="over-reason")


class DigestForm(FlaskForm):
    """Whether one wants the morning letter."""

    digest = BooleanField(_l("Send me a letter on mornings when one of my cases presses"))


@bp.get("/vu-viec/<uuid:case_id>/thoi-han")
@needs(May.CASE_READ)
def show(case_id: UUID) -> ResponseReturnValue:
    """Every clock of a case: what it rests on, how it was reckoned, who was told."""
    return _page(case_id)


@bp.post("/vu-viec/<uuid:case_id>/thoi-han/gia-han")
@needs(May.CASE_MOVE)
def extend(case_id: UUID) -> ResponseReturnValue:
    """Extend a clock by a decision."""
    form = ExtendForm()
    # All that the rules know, so that what is no longer possible is refused by the law's reason, and what was done already by its key.
    form.choice.choices = [
        (f"{each.deadline.id}:{place}", longer.ground)
        for each in frame(case_id, "deadlines")["standings"]
        for place, longer in enumerate(each.rule.extensions)
    ]

    def act(at: datetime) -> None:
        deadline, place = form.choice.data.split(":")
        timekeeping.extend(
            session(), case_id, UUID(deadline), choice=int(place), decision_number=form.decision_number.data,
            signed_on=form.signed_on.data, reason=form.reason.data, by=person().id, duties=duties(), at=at, version=_version(form),
        )  # fmt: skip

    return _do(case_id, "extend", form, act, _("The deadline has been extended."))


@bp.post("/vu-viec/<uuid:case_id>/thoi-han/bat-dau")
@needs(May.CASE_MOVE)
def correct(case_id: UUID) -> ResponseReturnValue:
    """Correct when a clock began."""
    form = StartForm()
    form.deadline.choices = _clocks(frame(case_id, "deadlines")["standings"])

    def act(at: datetime) -> None:
        hour, _colon, minute = (form.began_at.data or "0:00").replace("h", ":").partition(":")
        began = datetime.combine(form.began_on.data, time(int(hour), int(minute)), CITY)
        timekeeping.correct_start(
            session(), case_id, UUID(form.deadline.data), began=began, reason=form.reason.data, by=person().id,
            duties=duties(), at=at, version=_version(form),
        )  # fmt: skip

    return _do(case_id, "start", form, act, _("The clock has been reckoned anew."))


@bp.post("/vu-viec/<uuid:case_id>/thoi-han/lich-moi")
@needs(May.CASE_MOVE)
def take_over(case_id: UUID) -> ResponseReturnValue:
    """Take over the end that the changed calendar gives."""
    form = TakeOverForm()
    # A field that was tampered with names no clock, and is answered as one that is not there.
    try:
        deadline_id = UUID(form.deadline.data or "")
    except ValueError:
        deadline_id = case_id

    def act(at: datetime) -> None:
        timekeeping.take_over(
            session(), case_id, deadline_id, reason=form.reason.data, by=person().id, at=at, version=_version(form)
        )

    return _do(case_id, "over", form, act, _("The clock has been reckoned anew."))


@bp.get("/thoi-han")
@needs(May.CASE_MOVE)
def mine() -> ResponseReturnValue:
    """What presses me, and what a changed calendar would move."""
    form = DigestForm(formdata=None, data={"digest": reminding.wants_digest(session(), person().id)})
    return render_template(
        "desk/clocks.html",
        pressing=reminding.pressing(session(), person().id, duties(), at=clock.now()),
        most=reminding.MOST_PRESSING,
        flagged=timekeeping.flagged(session()),
        form=form,
        address=mail_addresses.of(session(), [person().id]).get(person().id),
    )


@bp.post("/thoi-han/thu-buoi-sang")
@needs(May.CASE_MOVE)
def choose_digest() -> ResponseReturnValue:
    """Choose whether to get the morning letter. Saying the same twice does no harm."""
    reminding.choose_digest(session(), person().id, wanted="digest" in request.form)
    session().commit()
    flash(_("Your choice has been saved."), "success")
    return redirect(url_for(".mine"), 303)


def _do(case_id: UUID, name: str, form: FlaskForm, act: Callable[[datetime], None], done: str) -> ResponseReturnValue:
    if not form.validate():
        return _page(case_id, bound={name: form}), 422
    with once(f"case_deadlines.{name}") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            act(clock.now())
        except TemThatError as exc:
            session().rollback()
            return _page(case_id, bound={name: form}, reasons=[exc]), exc.status
        key.settle(url_for(".show", case_id=case_id))
    session().commit()
    flash(done, "success")
    return redirect(key.location, 303)


def _page(
    case_id: UUID, *, bound: dict[str, FlaskForm] | None = None, reasons: list[TemThatError] | None = None
) -> str:
    session().expire_all()
    bound = bound or {}
    framed = frame(case_id, "deadlines", reasons=reasons or [])
    rules = law.load(session())
    longer = bound.get("extend") or ExtendForm(formdata=None)
    longer.choice.choices = _extensions(case_id, _extendable(framed["standings"]), rules) if framed["works"] else []
    started = bound.get("start") or StartForm(formdata=None)
    open_rows = [s for s in framed["standings"] if not s.closed]
    may_begin_otherwise = [s for s in open_rows if origins.correctable(session(), s.deadline, at=clock.now())]
    started.deadline.choices = [("", "–"), *_clocks(may_begin_otherwise if framed["heads"] else [])]
    over = bound.get("over") or TakeOverForm(formdata=None)
    for form in (longer, started, over):
        form.version.data = str(framed["case"].version)
    return render_template(
        "desk/case_deadlines.html",
        **framed,
        extend_form=longer,
        start_form=started,
        over_form=over,
        opened=next(iter(bound), None),
        failed=next(iter(bound.values()), None),
        spans={s.deadline.id: _span(s) for s in framed["standings"]},
    )


def _extensions(case_id: UUID, standings: list[Standing], rules: Law) -> list[tuple[str, str]]:
    return [
        (
            f"{each.deadline.id}:{place}",
            f"{say(each.deadline.kind)}: {longer.amount} {say(longer.unit).lower()} → {_end(each, longer, rules)} – {longer.ground}",
        )
        for each in standings
        for place, longer in each.extensions or _late(case_id, each, rules)
    ]  # fmt: skip


def _late(case_id: UUID, standing: Standing, rules: Law) -> list[tuple[int, deadlines.Extension]]:
    """The extensions of a clock that ran out, which a decision issued in time still brings."""
    if standing.closed or clock.now() <= standing.deadline.due_at:
        return []
    return timekeeping.enterable_late(session(), case_id, standing.deadline, rules)


def _extendable(standings: list[Standing]) -> list[Standing]:
    """The clocks whose extension the person signs: in the own office, or under a delegation."""
    signs = {
        scope: not HEADS.isdisjoint(
            authority.acting(session(), person().id, duties(), scope, lists.today(), at=clock.now())
        )
        for scope in {timekeeping.power_to_extend(each.deadline.kind) for each in standings}
    }
    return [each for each in standings if signs[timekeeping.power_to_extend(each.deadline.kind)]]


def _end(each: Standing, longer: deadlines.Extension, rules: Law) -> str:
    try:
        return day(deadlines.due(each.deadline.started_at, each.rule, rules.calendar, longer))
    except CalendarGap as gap:
        return str(_("the calendar of %(year)s is missing", year=gap.facts["year"]))


def _clocks(standings: list[Standing]) -> list[tuple[str, str]]:
    return [(str(s.deadline.id), say(s.deadline.kind)) for s in standings if not s.closed]


def _span(standing: Standing) -> str:
    """The length of a clock in words, the decided extension included."""
    deadline, rule = standing.deadline, standing.rule
    if rule.agreed:
        return str(_("until the agreed day"))
    amount, unit = (
        (deadline.extension_amount, deadline.extension_unit)
        if deadline.extension_amount and deadline.extension_unit
        else (rule.amount, rule.unit)
    )
    return f"{amount} {say(Unit(unit)).lower()}"


def _version(form: FlaskForm) -> int:
    """The version of the case that the person saw; one that was not sent was never seen."""
    sent = form.version.data or ""
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 10 else -1
