"""The lists that the cells of a table choose from, as they stand today for somebody.

What must not live here: how they look in the file (`table_files`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from trace.models.areas import GrowingArea, ProductionSite
from trace.models.control_plans import ControlItem, ControlPlan
from trace.models.controls import ControlLevel, Outcome
from trace.models.members import TableKind
from trace.services import area_edits, lots, members, places
from trace.services.table_forms import Choice

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.models.parties import Party
    from trace.services.area_imports import Asker
    from trace.services.table_forms import TableForm

LEVELS = {
    "Tự kiểm soát": ControlLevel.SELF,
    "Kiểm soát nội bộ": ControlLevel.INTERNAL,
    "Kiểm soát độc lập": ControlLevel.EXTERNAL,
}
OUTCOMES = {"Đạt": Outcome.CONFORMS, "Không đạt": Outcome.FAILS, "Không áp dụng": Outcome.NOT_APPLICABLE}


def holders(session: Session, kind: TableKind, *, who: Asker) -> Sequence[Party]:
    """For whom somebody may bring in a table."""
    if kind is TableKind.MEMBERS:
        return members.collectives(session, reach=who.reach)
    return area_edits.holders(session, reach=who.reach)


def of(session: Session, form: TableForm, *, who: Asker, holder_id: UUID | None = None) -> dict[Choice, list[str]]:
    """Every list that a column of the form asks for; of one holder, if one is named."""
    wanted = [column.choice for column in form.columns if column.choice]
    return {choice: _list(session, choice, who, holder_id) for choice in wanted}


def _list(session: Session, choice: Choice, who: Asker, holder_id: UUID | None) -> list[str]:
    fixed = {Choice.KIND: ["Hộ", "Cá nhân"], Choice.LEVEL: list(LEVELS), Choice.OUTCOME: list(OUTCOMES)}
    found = fixed.get(choice, [])
    if choice is Choice.COMMUNE:
        found = [ward.name for ward in places.choices(session, on=who.today)]
    elif choice is Choice.SEASON:
        found = [f"{season.product.name}, {season.name}" for season in lots.seasons(session, reach=who.reach)]
    elif choice is Choice.ITEM:
        found = _items(session, who)
    elif choice in {Choice.AREA, Choice.SOURCE}:
        found = _names(session, GrowingArea, who, holder_id)
        if choice is Choice.SOURCE:
            found += _names(session, ProductionSite, who, holder_id)
    return found


def _names(
    session: Session, model: type[GrowingArea | ProductionSite], who: Asker, holder_id: UUID | None
) -> list[str]:
    statement = select(model.name).where(who.reach.covers(model.holder_id, model.title_id))
    if holder_id is not None:
        statement = statement.where(model.holder_id == holder_id)
    return list(session.scalars(statement.order_by(places.in_order(model.name)).limit(2000)))


def _items(session: Session, who: Asker) -> list[str]:
    own = or_(
        ControlPlan.title_id.in_(select(GrowingArea.title_id).where(who.reach.covers(GrowingArea.holder_id, GrowingArea.title_id))),
        ControlPlan.title_id.in_(who.reach.titles),
    )  # fmt: skip
    statement = (
        select(ControlItem.code)
        .join(ControlItem.plan)
        .where(ControlPlan.valid_during.contains(who.today), own)
        .order_by(ControlItem.position, ControlItem.code)
    )
    return list(dict.fromkeys(session.scalars(statement)))
