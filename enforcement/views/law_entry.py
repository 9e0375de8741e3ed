"""Entering law: a new version of a rule, a bracket, a maximum or a power, each from a day on; and when to remind. For heads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, FieldList, Form, FormField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional

from enforcement import law, lawbook
from enforcement.brackets import BracketRow
from enforcement.competence import LegalQualification
from enforcement.deadlines import DeadlineKind, Extension, Rule, Unit
from enforcement.law_seed import AGREED, ExplanationThreshold, Field, Power, Reminding, SeizurePower, Signer
from enforcement.law_seed import FieldMaximum as Maximum
from enforcement.models import LawTable
from enforcement.views.law import SOURCE_MOST, bp, tabs
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import TemThatError
from trace.forms import EnumField, VietnameseDate, VietnameseInteger, clean
from trace.views.once import once
from trace.words import explain, say, way_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.typing import ResponseReturnValue

KINDS = f"any({','.join(DeadlineKind)})"
COUNTED = f"any({','.join(kind for kind in DeadlineKind if kind not in {rule.kind for rule in AGREED})})"
"""An agreed day has no rule that anybody could enter."""
LINE_MOST = 200
AMOUNT_MOST = 10_000_000_000
EXTENSIONS = 4


def _line(most: int = LINE_MOST) -> list[Any]:
    return [DataRequired(_l("Fill in this field.")), Length(max=most, message=_l("Write at most %(max)d characters."))]


def _number(low: int, high: int) -> list[Any]:
    return [
        InputRequired(_l("Write a whole number.")),
        NumberRange(low, high, message=_l("Write a number from %(min)s to %(max)s.")),
    ]


class LawForm(FlaskForm):
    """What every row of law says besides its figures."""

    basis = StringField(_l("Legal basis"), _line(), filters=[clean])
    law_version = StringField(_l("Version"), _line(60), filters=[clean])
    valid_from = VietnameseDate(_l("Holds from"), [InputRequired(_l("Write the day."))])
    needs_verification = BooleanField(_l("Needs checking against the text in force"))
    source = StringField(_l("Where you read it"), _line(SOURCE_MOST), filters=[clean])

    def said(self) -> dict[str, Any]:
        """The facts that every row has."""
        return {
            "basis": self.basis.data,
            "version": self.law_version.data,
            "valid_from": self.valid_from.data,
            "needs_verification": self.needs_verification.data,
        }


class ExtensionForm(Form):
    """One extension that a rule allows; a line without an amount is none."""

    amount = VietnameseInteger(_l("Total time from the same start"), [Optional(), NumberRange(1, 1000, message=_l("Write a number from %(min)s to %(max)s."))])  # fmt: skip
    unit = EnumField(_l("Unit"), kind=Unit, default=Unit.WORKING_DAYS)
    ground = StringField(_l("On which ground"), [Length(max=LINE_MOST)], filters=[clean])
    needs_verification = BooleanField(_l("Needs checking"))


class RuleForm(LawForm):
    """A rule of a clock."""

    amount = VietnameseInteger(_l("Length"), _number(1, 1000))
    unit = EnumField(_l("Unit"), [InputRequired(_l("Choose one."))], kind=Unit)
    rolls = BooleanField(_l("An end on a day off moves to the next working day"))
    counts_start_day = BooleanField(_l("The first day is counted"))
    extensions = FieldList(FormField(ExtensionForm, _l("Extension")), min_entries=EXTENSIONS, max_entries=EXTENSIONS)


class BracketForm(LawForm):
    """A bracket of fines."""

    qualification = EnumField(_l("Legal qualification"), [InputRequired(_l("Choose one."))], kind=LegalQualification)
    making = BooleanField(_l("The goods were made, packed, printed or imported, not only traded"))
    above = VietnameseInteger(_l("Goods worth more than (đồng)"), [Optional(), NumberRange(0, AMOUNT_MOST)])
    upto = VietnameseInteger(_l("Goods worth at most (đồng)"), [Optional(), NumberRange(1, AMOUNT_MOST)])
    low = VietnameseInteger(_l("Lowest fine of an individual (đồng)"), _number(0, AMOUNT_MOST))
    top = VietnameseInteger(_l("Highest fine of an individual (đồng)"), _number(1, AMOUNT_MOST))


class MaximumForm(LawForm):
    """The maximum of a field."""

    amount = VietnameseInteger(_l("Highest fine of an individual (đồng)"), _number(1, AMOUNT_MOST))


class PowerForm(LawForm):
    """The power of a signer."""

    percent = VietnameseInteger(_l("Share of the field's maximum (%)"), _number(1, 100))
    confiscation_times = VietnameseInteger(
        _l("Confiscation up to so many times the fine"), [Optional(), NumberRange(1, 100)]
    )


class ThresholdForm(LawForm):
    """From which highest fine of the bracket on an offender may explain."""

    individual = VietnameseInteger(_l("For an individual (đồng)"), _number(1, AMOUNT_MOST))
    organisation = VietnameseInteger(_l("For an organisation (đồng)"), _number(1, AMOUNT_MOST))


class RemindForm(FlaskForm):
    """When to speak of a clock."""

    before = StringField(_l("Before the end"), [Length(max=LINE_MOST)], filters=[clean])
    team_after = VietnameseInteger(_l("Tell the team heads after the end"), _number(0, 1000))
    branch_after = VietnameseInteger(_l("Tell the branch head after the end"), _number(0, 1000))


@bp.route(f"/thoi-han/<{COUNTED}:kind>/moi", methods=["GET", "POST"])
@needs(May.LAW_EDIT)
def new_rule(kind: str) -> ResponseReturnValue:
    """A new version of a clock's rule."""
    old = lawbook.latest(session(), LawTable.DEADLINE_RULE, DeadlineKind(kind))
    form = RuleForm(data=_offered(old, amount=old.amount, unit=old.unit, rolls=old.rolls, counts_start_day=old.counts_start_day,
        extensions=[{**item, "unit": Unit(item["unit"])} for item in old.extensions["items"]]) if old else None)  # fmt: skip

    def enter() -> None:
        longer = tuple(
            Extension(one["amount"], one["unit"], one["ground"] or "–", one["needs_verification"])
            for one in form.extensions.data
            if one["amount"]
        )
        rule = Rule(
            DeadlineKind(kind), int(form.amount.data or 0), form.unit.data, extensions=longer, rolls=form.rolls.data,
            counts_start_day=form.counts_start_day.data, **form.said(),
        )  # fmt: skip
        lawbook.enter_rule(session(), rule, source=form.source.data, by=person().id, at=clock.now())

    return _do("rule", form, enter, title=say(DeadlineKind(kind)), old=old, done_at=url_for(".index"))


@bp.route("/khung-phat/moi", methods=["GET", "POST"])
@needs(May.LAW_EDIT)
def new_bracket() -> ResponseReturnValue:
    """A bracket of fines, beginning from one that is there if its number is named."""
    asked = request.args.get("after", "")
    named = asked.isascii() and asked.isdigit() and len(asked) < 19
    old = lawbook.row_of(session(), LawTable.FINE_BRACKET, int(asked))[0] if named else None
    facts = ("qualification", "making", "above", "upto", "low", "top")
    form = BracketForm(data=_offered(old, **{name: getattr(old, name) for name in facts}) if old else None)

    def enter() -> None:
        row = BracketRow(
            form.qualification.data, making=form.making.data, above=form.above.data, upto=form.upto.data, low=int(form.low.data or 0),
            top=int(form.top.data or 0), **form.said(),
        )  # fmt: skip
        lawbook.enter_bracket(session(), row, source=form.source.data, by=person().id, at=clock.now())

    return _do("bracket", form, enter, title=_("Bracket of fines"), old=old, done_at=url_for(".brackets"))


@bp.route(f"/muc-toi-da/<any({','.join(Field)}):field>/moi", methods=["GET", "POST"])
@needs(May.LAW_EDIT)
def new_maximum(field: str) -> ResponseReturnValue:
    """A new maximum of a field."""
    old = lawbook.latest(session(), LawTable.FIELD_MAXIMUM, Field(field))
    form = MaximumForm(data=_offered(old, amount=old.amount) if old else None)

    def enter() -> None:
        row = Maximum(Field(field), int(form.amount.data or 0), **form.said())
        lawbook.enter_maximum(session(), row, source=form.source.data, by=person().id, at=clock.now())

    return _do("maximum", form, enter, title=say(Field(field)), old=old, done_at=url_for(".powers"))


@bp.route(f"/tham-quyen/<any({','.join(Signer)}):signer>/moi", methods=["GET", "POST"])
@needs(May.LAW_EDIT)
def new_power(signer: str) -> ResponseReturnValue:
    """A new version of a signer's power."""
    old = lawbook.latest(session(), LawTable.SIGNING_POWER, Signer(signer))
    form = PowerForm(
        data=_offered(old, percent=old.percent, confiscation_times=old.confiscation_times) if old else None
    )

    def enter() -> None:
        row = Power(Signer(signer), int(form.percent.data or 0), form.confiscation_times.data, **form.said())
        lawbook.enter_power(session(), row, source=form.source.data, by=person().id, at=clock.now())

    return _do("power", form, enter, title=say(Signer(signer)), old=old, done_at=url_for(".powers"))


@bp.route(f"/tam-giu/<any({','.join(Signer)}):signer>/moi", methods=["GET", "POST"])
@needs(May.LAW_EDIT)
def new_seizure_power(signer: str) -> ResponseReturnValue:
    """That a signer may decide on a seizure."""
    old = lawbook.latest(session(), LawTable.SEIZURE_POWER, Signer(signer))
    form = LawForm(data=_offered(old) if old else None)

    def enter() -> None:
        row = SeizurePower(Signer(signer), **form.said())
        lawbook.enter_seizure_power(session(), row, source=form.source.data, by=person().id, at=clock.now())

    title = _("Seizure: %(signer)s", signer=say(Signer(signer)))
    return _do("seizure", form, enter, title=title, old=old, done_at=url_for(".powers"))


@bp.route("/giai-trinh/moi", methods=["GET", "POST"])
@needs(May.LAW_EDIT)
def new_threshold() -> ResponseReturnValue:
    """From which fine on an offender may explain."""
    old = next(iter(lawbook.threshold_rows(session())), None)
    form = ThresholdForm(data=_offered(old, individual=old.individual, organisation=old.organisation) if old else None)

    def enter() -> None:
        row = ExplanationThreshold(int(form.individual.data or 0), int(form.organisation.data or 0), **form.said())
        lawbook.enter_threshold(session(), row, source=form.source.data, by=person().id, at=clock.now())

    return _do(
        "threshold", form, enter, title=_("Right to explain before the decision"), old=old, done_at=url_for(".powers")
    )


@bp.route(f"/nhac-viec/<{KINDS}:kind>", methods=["GET", "POST"])
@needs(May.LAW_EDIT)
def remind(kind: str) -> ResponseReturnValue:
    """When to speak of a kind of clock. Saying the same twice does no harm, so it needs no key."""
    now = law.reminding(session())[DeadlineKind(kind)]
    form = RemindForm(
        data={"before": ", ".join(map(str, now.before)), "team_after": now.team_after, "branch_after": now.branch_after}
    )
    reasons: list[TemThatError] = []
    if request.method == "POST" and form.validate():
        marks = [int(n) if len(n) < 5 else 0 for n in re.findall(r"-?\d+", form.before.data or "")]
        try:
            habit = Reminding(tuple(marks), int(form.team_after.data or 0), int(form.branch_after.data or 0))
            lawbook.set_reminders(session(), DeadlineKind(kind), habit, by=person().id, at=clock.now())
        except TemThatError as exc:
            session().rollback()
            reasons = [exc]
        else:
            session().commit()
            flash(_("The reminders have been changed."), "success")
            return redirect(url_for(".reminders"), 303)
    hours = any(rule.unit is Unit.HOURS for rule in law.rules(session()) if rule.kind.value == kind)
    page = render_template(
        "desk/law_remind.html", law_tabs=tabs("reminders"), form=form, kind=DeadlineKind(kind), hours=hours, reasons=_said(reasons)
    )  # fmt: skip
    return page, 422 if request.method == "POST" else 200


def _do(
    name: str, form: FlaskForm, enter: Callable[[], None], *, title: str, old: Any, done_at: str
) -> ResponseReturnValue:
    """Show or carry out one form of the law."""
    if request.method == "GET":
        return _page(name, form, title=title, old=old, back=done_at)
    if not form.validate():
        return _page(name, form, title=title, old=old, back=done_at), 422
    with once(f"law.{name}") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            enter()
        except TemThatError as exc:
            session().rollback()
            return _page(name, form, title=title, old=old, back=done_at, reasons=[exc]), exc.status
        key.settle(done_at)
    session().commit()
    flash(_("The new row holds from its first day. What held until then ends there."), "success")
    return redirect(key.location, 303)


def _page(
    name: str, form: FlaskForm, *, title: str, old: Any, back: str, reasons: list[TemThatError] | None = None
) -> str:
    tab = {"rule": "rules", "bracket": "brackets"}.get(name, "powers")
    return render_template(
        "desk/law_entry.html", law_tabs=tabs(tab), name=name, form=form, title=title, old=old, back=back, reasons=_said(reasons or [])
    )  # fmt: skip


def _said(reasons: list[TemThatError]) -> list[dict[str, str | None]]:
    return [{"message": explain(exc), "way_out": way_out(exc)} for exc in reasons]


def _offered(old: Any, **figures: Any) -> dict[str, Any]:
    """What a form begins with: the figures of the row before, without its day, version and flag."""
    return {**figures, "basis": old.basis, "needs_verification": False}
