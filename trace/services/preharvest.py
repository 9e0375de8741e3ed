"""The pre-harvest interval: how many days must pass between a pesticide and the harvest, and which lots were harvested too soon.

What must not live here: the recording of entries (`farm_log`) and of lots.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Date, cast, select
from sqlalchemy.orm import Session, joinedload

from trace.errors import Invalid, TemThatError
from trace.models.areas import GrowingArea, ProductionSite
from trace.models.farm_log import FarmLogEntry, FarmLogStrike
from trace.models.lots import Lot, LotOrigin, LotState

if TYPE_CHECKING:
    from collections.abc import Sequence


class HarvestedTooSoon(Invalid):
    """%(product)s was used on %(source)s on %(used)s and asks for %(days)s days before harvest. Harvest is right from %(right)s on; this one was on %(harvested)s.

    Correct the date of harvest or the entry in the farm log if one of them is wrong. Otherwise these goods must not be sold.
    """


def against(session: Session, source: GrowingArea | ProductionSite, harvested_on: date) -> list[TemThatError]:
    """What the farm log of an area or site says against a harvest on a day. The caller holds the source's row against new entries."""
    found = session.scalars(
        select(FarmLogEntry)
        .outerjoin(FarmLogEntry.strike)
        .where(_on(source), FarmLogStrike.entry_id.is_(None), *_too_soon(harvested_on))
        .order_by(FarmLogEntry.done_on, FarmLogEntry.recorded_at)
    )
    return [too_soon(entry, source, harvested_on) for entry in found]


def work_before(session: Session, source: GrowingArea | ProductionSite, start: date, harvested_on: date) -> list[str]:
    """The ids of the entries of an area or site from a day to a harvest: what went into the goods, for the event of the harvest."""
    found = session.scalars(
        select(FarmLogEntry.id)
        .outerjoin(FarmLogEntry.strike)
        .where(_on(source), FarmLogStrike.entry_id.is_(None), FarmLogEntry.done_on.between(start, harvested_on))
        .order_by(FarmLogEntry.done_on, FarmLogEntry.recorded_at)
        .limit(200)
    )
    return [str(entry_id) for entry_id in found]


def caught(session: Session, entry: FarmLogEntry) -> Sequence[Lot]:
    """The certified lots that an entry, written later, proves to have been harvested too soon. Of a chain only the recorded ones."""
    if not entry.preharvest_days:
        return []
    source = Lot.area_id == entry.area_id if entry.area_id else Lot.site_id == entry.site_id
    return session.scalars(
        select(Lot)
        .where(
            source, Lot.origin == LotOrigin.RECORDED, Lot.state.in_((LotState.CERTIFIED, LotState.CLOSED)),
            Lot.harvested_on >= entry.done_on, Lot.harvested_on < right_from(entry),
        )
        .order_by(Lot.harvested_on, Lot.code)
        .options(joinedload(Lot.product))
    ).all()  # fmt: skip


def too_soon(entry: FarmLogEntry, source: GrowingArea | ProductionSite, harvested_on: date) -> HarvestedTooSoon:
    """The refusal in words, with all that is needed to see why."""
    return HarvestedTooSoon(
        product=entry.product, source=source.name, used=entry.done_on, days=entry.preharvest_days, right=right_from(entry),
        harvested=harvested_on, entry_id=str(entry.id),
    )  # fmt: skip


def right_from(entry: FarmLogEntry) -> date:
    """The first day on which harvest is right after an entry."""
    return entry.done_on + timedelta(days=entry.preharvest_days or 0)


def _on(source: GrowingArea | ProductionSite) -> ColumnElement[bool]:
    if isinstance(source, GrowingArea):
        return FarmLogEntry.area_id == source.id
    return FarmLogEntry.site_id == source.id


def _too_soon(harvested_on: date) -> list[ColumnElement[bool]]:
    """Used on the day of harvest or before, with an interval that reaches beyond it. At which hour of the day nobody knows."""
    return [
        FarmLogEntry.preharvest_days > 0,
        FarmLogEntry.done_on <= harvested_on,
        FarmLogEntry.done_on + FarmLogEntry.preharvest_days > cast(harvested_on, Date),
    ]
