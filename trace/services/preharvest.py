"""The pre-harvest interval: how many days must pass between a pesticide and the harvest, and which lots were harvested too soon.

What must not live here: the recording of entries (`farm_log`) and of lots.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Date, cast, func, or_, select
from sqlalchemy.orm import Session, joinedload

from trace.errors import Invalid, TemThatError
from trace.models.areas import GrowingArea, ProductionSite
from trace.models.farm_log import FarmLogEntry, FarmLogStrike, FarmWork
from trace.models.lots import Lot, LotOrigin, LotState
from trace.models.titles import Season
from trace.services import lot_chain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID


class HarvestedTooSoon(Invalid):
    """%(product)s was used on %(source)s on %(used)s and asks for %(days)s days before harvest. Harvest is right from %(right)s on; this one was on %(harvested)s.

    Correct the date of harvest or the entry in the farm log if one of them is wrong. Otherwise these goods must not be sold.
    """


@dataclass(frozen=True)
class Struck:
    """A pesticide entry that was struck out, with the recorded lot whose goods it concerns.

    `barred`: as long as the entry stood, that lot was harvested too soon.
    """

    entry: FarmLogEntry
    lot: Lot

    @property
    def right_from(self) -> date:
        """The first day on which harvest would be right after it."""
        return right_from(self.entry)

    @property
    def barred(self) -> bool:
        """Whether only the strike lets the lot pass."""
        return self.lot.harvested_on < self.right_from


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


def struck(session: Session, lot_id: UUID) -> list[Struck]:
    """The struck pesticide entries behind a lot, latest work first: of the season up to the harvest, and older ones that would bar it.

    Of a lot that was merged or split they are those of the recorded lots that it came from. Whoever releases goods reads them.
    """
    found = session.execute(
        select(FarmLogEntry, Lot)
        .join(FarmLogEntry.strike)
        .join(Lot, or_(Lot.area_id == FarmLogEntry.area_id, Lot.site_id == FarmLogEntry.site_id))
        .join(Season, Season.id == Lot.season_id)
        .where(
            Lot.id.in_(lot_chain.origins(session, lot_id)), FarmLogEntry.done_on <= Lot.harvested_on,
            or_(FarmLogEntry.kind == FarmWork.PESTICIDE, FarmLogEntry.preharvest_days > 0),
            or_(
                FarmLogEntry.done_on >= func.lower(Season.runs_during),
                FarmLogEntry.done_on + FarmLogEntry.preharvest_days > Lot.harvested_on,
            ),
        )
        .order_by(FarmLogEntry.done_on.desc(), FarmLogStrike.at.desc(), Lot.code)
        .options(
            joinedload(FarmLogEntry.strike).joinedload(FarmLogStrike.striker), joinedload(FarmLogEntry.area), joinedload(FarmLogEntry.site),
            joinedload(FarmLogEntry.correction),
        )
    )  # fmt: skip
    return [Struck(entry, lot) for entry, lot in found]


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
