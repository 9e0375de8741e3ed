"""To which season a harvest belongs, so that none counts in two.

Seasons of a product overlap while goods of the one before still get labels. A harvest counts in the season that began last before it: the
harvest of a season is over when the next one begins. The database keeps it so too, by the trigger `harvest_in_one_season`. What must not
live here: the volume of a season (`volumes`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from trace.errors import Conflict, Invalid, TemThatError
from trace.models.lots import EligibleBalance, Lot
from trace.models.titles import Season

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from uuid import UUID

    from sqlalchemy.orm import Session


class HarvestOfLaterSeason(Invalid):
    """A harvest of %(day)s belongs to %(season)s, which began on %(start)s.

    Choose that season: a harvest counts in the season that began last before it, so that none counts twice.
    """


class HarvestsChangeSeason(Conflict):
    """With these days, harvests of %(n)s lots on record would belong to another season than the one in which they count.

    Let a season begin after the last harvest of the one before.
    """


def elsewhere(session: Session, season: Season, day: date) -> list[TemThatError]:
    """Why goods harvested on a day do not count in a season although it runs; empty if they do."""
    later = session.scalars(
        select(Season)
        .where(
            Season.product_id == season.product_id, Season.runs_during.contains(day),
            func.lower(Season.runs_during) > season.runs_during.lower, _counts(Season),
        )
        .order_by(func.lower(Season.runs_during).desc(), Season.id)
        .limit(1)
    ).first()  # fmt: skip
    if later is None or day not in season.runs_during:
        return []
    return [HarvestOfLaterSeason(day=day, season=later.name, start=later.runs_during.lower)]


def torn(session: Session, product_id: UUID, season_id: UUID | None, first: date, last: date) -> list[TemThatError]:
    """What stands against the days of a season (None: a new one): harvests on record that would change their season by it."""
    one, other = aliased(Season), aliased(Season)
    taken = _lots(one).where(
        one.product_id == product_id, one.id.is_distinct_from(season_id), func.lower(one.runs_during) <= first,
        Lot.harvested_on.between(first, last),
    )  # fmt: skip
    given = (
        _lots(one)
        .join(other, and_(other.product_id == product_id, other.id != one.id, _counts(other)))
        .where(
            one.id == season_id, other.runs_during.contains(Lot.harvested_on), func.lower(other.runs_during) > first
        )
    )  # fmt: skip
    many = (session.scalar(taken) or 0) + (session.scalar(given) or 0)
    return [HarvestsChangeSeason(n=many)] if many else []


def beside(session: Session, season: Season) -> Sequence[tuple[Season, dict[UUID, int]]]:
    """The open seasons of the same product whose days overlap with this one's, and what is confirmed in them by holder, g."""
    found = session.scalars(
        select(Season)
        .where(
            Season.product_id == season.product_id, Season.id != season.id, Season.closed_at.is_(None),
            Season.runs_during.overlaps(season.runs_during),
        )
        .order_by(func.lower(Season.runs_during), Season.id)
    ).all()  # fmt: skip
    confirmed: dict[UUID, dict[UUID, int]] = {each.id: {} for each in found}
    rows = session.execute(
        select(EligibleBalance.season_id, EligibleBalance.holder_id, EligibleBalance.eligible_g).where(
            EligibleBalance.season_id.in_(confirmed)
        )
    )
    for season_id, holder_id, grams in rows:
        confirmed[season_id][holder_id] = grams
    return [(each, confirmed[each.id]) for each in found]


def _counts(season: type[Season]) -> ColumnElement[bool]:
    """A season that was opened in error and closed again without a lot takes no harvest away."""
    goods = aliased(Lot)  # not the lots of the statement around it
    return or_(season.closed_at.is_(None), exists().where(goods.season_id == season.id))


def _lots(season: type[Season]) -> Select[int]:
    return select(func.count(Lot.id.distinct())).join_from(Lot, season, Lot.season_id == season.id)
