"""The law data to read: rules of the clocks, brackets, powers, reminders; one row with who confirmed it. Entering is in `law_entry`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, StringField
from wtforms.validators import DataRequired, InputRequired, Length

from enforcement import law, lawbook
from enforcement.competence import LINE
from enforcement.deadlines import DeadlineKind, Unit
from enforcement.errors import AlreadyConfirmed
from enforcement.models import DeadlineRule, ExplanationThreshold, FieldMaximum, FineBracket, LawTable, SeizurePower
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import TemThatError
from trace.forms import VietnameseDate, clean
from trace.views import lists
from trace.words import explain, number, say, way_out

if TYPE_CHECKING:
    from datetime import date

    from flask.typing import ResponseReturnValue

bp = Blueprint("law", __name__, url_prefix="/phap-luat")

TABLES = f"any({','.join(LawTable)})"
SOURCE_MOST = 400


class ConfirmForm(FlaskForm):
    """With which text a row was compared."""

    source = StringField(
        _l("Compared with"),
        [DataRequired(_l("Write which text you compared it with.")), Length(max=SOURCE_MOST)],
        filters=[clean],
    )


class EndForm(FlaskForm):
    """From which day on a row holds no longer, and which text says so."""

    valid_to = VietnameseDate(_l("First day on which it holds no longer"), [InputRequired(_l("Write the day."))])
    end_source = StringField(
        _l("Which text ends it"),
        [DataRequired(_l("Write which text ends it.")), Length(max=SOURCE_MOST)],
        filters=[clean],
    )
    sure = BooleanField(
        _l("From this day on the row no longer decides anything new; that cannot be taken back"),
        [InputRequired(_l("Confirm that the row is to end."))],
    )


def tabs(active: str) -> list[tuple[str, str, bool, None]]:
    """The parts of the law data."""
    parts = [
        ("rules", _("Deadlines"), "law.index"),
        ("brackets", _("Brackets of fines"), "law.brackets"),
        ("powers", _("Powers to sign"), "law.powers"),
        ("delegations", _("Delegations"), "law.delegations"),
        ("calendar", _("Days off"), "law.calendars"),
        ("reminders", _("Reminders"), "law.reminders"),
    ]
    return [(words, url_for(endpoint), name == active, None) for name, words, endpoint in parts]


@bp.get("")
@needs(May.LAW_READ)
def index() -> ResponseReturnValue:
    """The rules of the clocks, those in force first; older and coming versions below."""
    today = lists.today()
    rows = lawbook.rule_rows(session())
    in_force = [row for row in rows if _holds(row, today)]
    order = list(DeadlineKind)
    return render_template(
        "desk/law.html",
        law_tabs=tabs("rules"),
        in_force=sorted(in_force, key=lambda row: order.index(row.kind)),
        others=[row for row in rows if row not in in_force],
        length=length,
    )


@bp.get("/khung-phat")
@needs(May.LAW_READ)
def brackets() -> ResponseReturnValue:
    """The brackets of fines."""
    today = lists.today()
    rows = lawbook.bracket_rows(session())
    groups: dict[tuple[str, bool], list[FineBracket]] = {}
    for row in rows:
        if _holds(row, today):
            groups.setdefault((say(row.qualification), row.making), []).append(row)
    return render_template(
        "desk/law_brackets.html",
        law_tabs=tabs("brackets"),
        groups=groups,
        others=[row for row in rows if not _holds(row, today)],
        goods=goods,
        missing=law.missing_brackets(law.brackets(session()), today),
    )


@bp.get("/tham-quyen")
@needs(May.LAW_READ)
def powers() -> ResponseReturnValue:
    """The maxima of the fields and what each signer may impose."""
    return render_template(
        "desk/law_powers.html",
        law_tabs=tabs("powers"),
        today=lists.today(),
        maxima=lawbook.maximum_rows(session()),
        powers=lawbook.power_rows(session()),
        seizers=lawbook.seizure_rows(session()),
        thresholds=lawbook.threshold_rows(session()),
        may_not_seize=[each for each in LINE if each not in law.seizers(session(), lists.today())],
        fields=law.fields_without_maximum(law.figures(session()), lists.today()),
    )  # fmt: skip


@bp.get("/nhac-viec")
@needs(May.LAW_READ)
def reminders() -> ResponseReturnValue:
    """When the desk speaks of each clock."""
    found = law.reminding(session())
    units = {rule.kind: rule.unit for rule in law.rules(session())}
    return render_template(
        "desk/law_reminders.html",
        law_tabs=tabs("reminders"),
        rows=[(kind, found[kind], units.get(kind) is Unit.HOURS) for kind in DeadlineKind if kind in found],
    )


@bp.get(f"/<{TABLES}:table>/<int:row_id>")
@needs(May.LAW_READ)
def row(table: str, row_id: int) -> ResponseReturnValue:
    """One row of the law with its history."""
    return _row_page(LawTable(table), row_id)


@bp.post(f"/<{TABLES}:table>/<int:row_id>/xac-nhan")
@needs(May.LAW_EDIT)
def confirm(table: str, row_id: int) -> ResponseReturnValue:
    """Say that a row was compared with the text. Doing it twice is refused by the row itself, so it needs no key."""
    form = ConfirmForm()
    if not form.validate():
        return _row_page(LawTable(table), row_id, form), 422
    try:
        lawbook.confirm(
            session(), LawTable(table), row_id, source=form.source.data, by=person().id, at=clock.now()
        )  # fmt: skip
    except AlreadyConfirmed as exc:
        session().rollback()
        return _row_page(LawTable(table), row_id, form, exc), exc.status
    session().commit()
    flash(_("The row has been confirmed."), "success")
    return redirect(url_for(".row", table=table, row_id=row_id), 303)


@bp.post(f"/<{TABLES}:table>/<int:row_id>/het-hieu-luc")
@needs(May.LAW_EDIT)
def end(table: str, row_id: int) -> ResponseReturnValue:
    """Say that a row holds no longer from a day on. Doing it twice is refused by the row itself, so it needs no key."""
    form, day = EndForm(), None
    if not form.validate() or (day := form.valid_to.data) is None:
        return _row_page(LawTable(table), row_id, ending=form), 422
    try:
        lawbook.end(
            session(), LawTable(table), row_id, on=day, source=form.end_source.data, by=person().id, at=clock.now()
        )
    except TemThatError as exc:
        session().rollback()
        return _row_page(LawTable(table), row_id, ending=form, exc=exc), exc.status
    session().commit()
    flash(_("The row ends before that day. Enter what follows it, if anything does."), "success")
    return redirect(url_for(".row", table=table, row_id=row_id), 303)


def length(row: DeadlineRule) -> str:
    """7 ngày làm việc."""
    return f"{row.amount} {say(row.unit).lower()}"


def goods(row: FineBracket) -> str:
    """Goods worth so much, in words."""
    if row.above is None:
        return str(_("value cannot be found out"))
    if row.upto is None:
        return str(_("above %(low)s đồng", low=number(row.above)))
    if row.above == 0:
        return str(_("up to %(top)s đồng", top=number(row.upto)))
    return str(_("above %(low)s up to %(top)s đồng", low=number(row.above), top=number(row.upto)))


def _holds(row: Any, on: date) -> bool:
    return bool(row.valid_from <= on and (row.valid_to is None or on < row.valid_to))


def _row_page(
    table: LawTable, row_id: int, form: FlaskForm | None = None, exc: TemThatError | None = None, *, ending: FlaskForm | None = None
) -> str:  # fmt: skip
    found, enterer, confirmed = lawbook.row_of(session(), table, row_id)
    name, facts, entry = _told(found)
    return render_template(
        "desk/law_row.html",
        law_tabs=tabs(_TAB_OF[table]),
        table=table,
        row=found,
        name=name,
        facts=facts,
        entry=entry,
        enterer=enterer,
        confirmed=confirmed,
        form=form or ConfirmForm(formdata=None),
        end_form=ending or EndForm(formdata=None),
        failed=form or ending,
        ended=lawbook.ended(session(), table, row_id),
        holds_still=found.valid_to is None or found.valid_to > lists.today(),
        reasons=[{"message": explain(exc), "way_out": way_out(exc)}] if exc else [],
    )


_TAB_OF = {
    LawTable.DEADLINE_RULE: "rules",
    LawTable.FINE_BRACKET: "brackets",
    LawTable.FIELD_MAXIMUM: "powers",
    LawTable.SIGNING_POWER: "powers",
    LawTable.SEIZURE_POWER: "powers",
    LawTable.EXPLANATION_THRESHOLD: "powers",
}


def _told(row: Any) -> tuple[str, list[tuple[str, Any]], str]:
    """A row in words: its name, its facts, and where the next version is entered."""
    match row:
        case DeadlineRule():
            longer = [
                f"{item['amount']} {say(Unit(item['unit'])).lower()} – {item['ground']}" for item in row.extensions["items"]
            ]  # fmt: skip
            facts = [
                (_("Length"), length(row)),
                (_("Extensions"), "; ".join(longer) or _("none")),
                (_("End on a day off"), _("moves to the next working day") if row.rolls else _("stays")),
                (_("First day"), _("is counted") if row.counts_start_day else _("is not counted")),
            ]
            return say(row.kind), facts, url_for("law.new_rule", kind=row.kind.value)
        case FineBracket():
            making = _("making, packing, printing or importing") if row.making else _("trading")
            facts = [
                (_("Act"), making),
                (_("Goods"), goods(row)),
                (_("Fine of an individual"), _("%(low)s to %(top)s đồng", low=number(row.low), top=number(row.top))),
                (_("Fine of an organisation"), _("%(low)s to %(top)s đồng", low=number(row.low * 2), top=number(row.top * 2))),
            ]  # fmt: skip
            return say(row.qualification), facts, url_for("law.new_bracket", after=row.id)
        case FieldMaximum():
            facts = [(_("Highest fine of an individual"), _("%(n)s đồng", n=number(row.amount)))]
            return say(row.field), facts, url_for("law.new_maximum", field=row.field.value)
        case SeizurePower():
            facts = [(_("Seizure"), _("may decide on it"))]
            return say(row.signer), facts, url_for("law.new_seizure_power", signer=row.signer.value)
        case ExplanationThreshold():
            facts = [
                (_("For an individual"), _("from %(n)s đồng on", n=number(row.individual))),
                (_("For an organisation"), _("from %(n)s đồng on", n=number(row.organisation))),
            ]
            return str(_("Right to explain before the decision")), facts, url_for("law.new_threshold")
        case _:
            times = row.confiscation_times
            facts = [
                (_("Share of the field's maximum"), f"{row.percent} %"),
                (_("Confiscation"), _("goods up to %(n)s times the fine", n=times) if times else _("without a cap")),
            ]
            return say(row.signer), facts, url_for("law.new_power", signer=row.signer.value)
