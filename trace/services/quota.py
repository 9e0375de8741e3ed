"""Volume beyond the eligible one, asked for by a clerk and decided by the managing body, and the closing of a season.

The gate itself stands in `gate` and `ordering`: what is approved here only moves the number that they hold orders against.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Select, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, contains_eager, joinedload

from trace.clock import CITY
from trace.errors import Conflict, Forbidden, Invalid, NotFound, Refused, TemThatError, broken_constraint
from trace.models.labels import LabelOrder, LabelRange
from trace.models.lots import EligibleBalance, ExtensionState, Lot, QuotaExtension
from trace.models.titles import Product, Season
from trace.services import history
from trace.services.certificates import belongs_to
from trace.services.gate import NoEligibleVolume, SeasonClosed
from trace.services.ledger import LIVE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from trace.services.reach import Reach

# More than any season's harvest of a holder: what is larger is a slip of the pen, and could not be counted in grams for long.
MOST_G = 10**12


class VolumeOutOfBounds(Invalid):
    """The extra volume must be more than nothing, and at most a million tonnes.

    Enter kilograms, such as 1.200.
    """


class ReasonNeeded(Invalid):
    """Say in words why.

    Somebody else must be able to understand it in a year.
    """


class AlreadyAsked(Conflict):
    """A request for this organisation and season waits for a decision already.

    Wait for the managing body's answer, then ask again if you need more.
    """


class AlreadyDecided(Conflict):
    """This request was decided before.

    Load the page again and look at what was decided.
    """


class DecidedByAsker(Forbidden):
    """Whoever asked for extra volume, or works for the organisation that gets it, cannot decide about it.

    Ask another manager of the managing body.
    """


class ClosedBefore(Conflict):
    """This season was closed before."""


@dataclass(frozen=True)
class SeasonLine:
    """A season with what is issued in it and how many labels are neither used nor written off."""

    season: Season
    allowed_g: int
    issued_g: int
    unused: int


def ask(
    session: Session, lot_id: UUID, *, grams: int, reason: str, by: UUID, at: datetime, reach: Reach
) -> QuotaExtension:
    """Ask the managing body for volume beyond the eligible one, for the holder and season of a lot."""
    lot, balance = balance_of(session, lot_id, reach=reach)
    refused = list[TemThatError]()
    if not 0 < grams <= MOST_G:
        refused.append(VolumeOutOfBounds())
    if not reason.strip():
        refused.append(ReasonNeeded())
    if lot.season.closed_at is not None:
        refused.append(_closed(lot.season))
    if balance is None:
        refused.append(NoEligibleVolume(holder=lot.holder.name, season=lot.season.name))
    if refused or balance is None:
        raise Refused(refused)
    asked = QuotaExtension(
        balance_id=balance.id, grams=grams, reason=reason.strip(), asked_by=by, asked_at=at, state=ExtensionState.ASKED
    )
    try:
        with session.begin_nested():
            session.add(asked)
    except IntegrityError as exc:
        if broken_constraint(exc) == "uq_quota_extension_open":
            raise AlreadyAsked from exc
        raise
    history.record(session, "quota:ask", asked.id, by=by, at=at, changes={"grams": (None, grams)}, why=asked.reason)
    session.flush()
    return asked


def decide(
    session: Session, extension_id: UUID, *, approve: bool, reason: str, by: UUID, at: datetime, reach: Reach
) -> QuotaExtension:
    """Approve or refuse a request, with a reason and by another person. The balance is locked first, as every order does."""
    seen = session.scalars(_within(reach).where(QuotaExtension.id == extension_id)).one_or_none()
    if seen is None:
        raise NotFound
    balance = session.get_one(
        EligibleBalance, seen.balance_id, with_for_update={"key_share": True}, populate_existing=True
    )
    asked = session.get_one(
        QuotaExtension, extension_id, with_for_update={"of": QuotaExtension}, populate_existing=True
    )
    if asked.state is not ExtensionState.ASKED:
        raise AlreadyDecided
    if asked.asked_by == by or belongs_to(session, by, balance.holder_id, on=at.astimezone(CITY).date()):
        raise DecidedByAsker
    refused = list[TemThatError]()
    if not reason.strip():
        refused.append(ReasonNeeded())
    if approve and balance.season.closed_at is not None:
        refused.append(_closed(balance.season))
    if refused:
        raise Refused(refused)
    asked.state = ExtensionState.APPROVED if approve else ExtensionState.REFUSED
    asked.decided_by, asked.decided_at, asked.decision_reason = by, at, reason.strip()
    changes: dict[str, tuple[object, object]] = {"state": (ExtensionState.ASKED, asked.state)}
    if approve:
        changes["extra_g"] = (balance.extra_g, balance.extra_g + asked.grams)
        balance.extra_g += asked.grams
    history.record(session, "quota:decide", asked.id, by=by, at=at, changes=changes, why=asked.decision_reason)
    session.flush()
    return asked


def listing(session: Session, *, reach: Reach, limit: int = 200) -> Sequence[QuotaExtension]:
    """Requests within reach, those that wait first, then the newest."""
    statement = (
        _within(reach)
        .order_by(QuotaExtension.state != ExtensionState.ASKED, QuotaExtension.asked_at.desc())
        .limit(limit)
        .options(joinedload(QuotaExtension.asker), joinedload(QuotaExtension.decider))
    )
    return session.scalars(statement).all()


def balance_of(session: Session, lot_id: UUID, *, reach: Reach) -> tuple[Lot, EligibleBalance | None]:
    """A lot of one's own organisation and the balance that it draws on."""
    lot = session.scalars(
        select(Lot)
        .join(Lot.product)
        .where(Lot.id == lot_id, reach.covers(Lot.holder_id, Product.title_id))
        .options(joinedload(Lot.season), joinedload(Lot.holder), contains_eager(Lot.product))
    ).one_or_none()
    if lot is None:
        raise NotFound
    balance = session.scalars(
        select(EligibleBalance).where(
            EligibleBalance.holder_id == lot.holder_id, EligibleBalance.season_id == lot.season_id
        )
    ).one_or_none()
    return lot, balance


def seasons(session: Session, *, reach: Reach, season_id: UUID | None = None) -> Sequence[SeasonLine]:
    """The seasons of the titles within reach, those that run first."""
    volumes = (
        select(
            EligibleBalance.season_id,
            func.sum(EligibleBalance.eligible_g + EligibleBalance.extra_g).label("allowed"),
            func.sum(EligibleBalance.issued_g).label("issued"),
        )
        .group_by(EligibleBalance.season_id)
        .subquery()
    )
    labels = (
        select(
            EligibleBalance.season_id,
            func.sum(func.upper(LabelRange.serials) - func.lower(LabelRange.serials)).label("n"),
        )
        .join(LabelOrder, LabelOrder.balance_id == EligibleBalance.id)
        .join(LabelRange, LabelRange.order_id == LabelOrder.id)
        .where(LabelRange.state.in_(LIVE))
        .group_by(EligibleBalance.season_id)
        .subquery()
    )
    statement = (
        select(Season, volumes.c.allowed, volumes.c.issued, labels.c.n)
        .join(Season.product)
        .outerjoin(volumes, volumes.c.season_id == Season.id)
        .outerjoin(labels, labels.c.season_id == Season.id)
        .where(reach.covers(None, Product.title_id))
        .order_by(Season.closed_at.is_not(None), func.lower(Season.runs_during).desc(), Season.id)
        .options(contains_eager(Season.product))
    )
    if season_id is not None:
        statement = statement.where(Season.id == season_id)
    return [
        SeasonLine(season, int(allowed or 0), int(issued or 0), int(unused or 0))
        for season, allowed, issued, unused in session.execute(statement)
    ]


def unused(session: Session, season_id: UUID, *, limit: int = 500) -> Sequence[LabelRange]:
    """The labels of a season that are neither used nor written off, by serial, with order, holder and keeper."""
    statement = (
        select(LabelRange)
        .join(LabelRange.order)
        .join(LabelOrder.balance)
        .where(EligibleBalance.season_id == season_id, LabelRange.state.in_(LIVE))
        .order_by(LabelRange.serials)
        .options(contains_eager(LabelRange.order).joinedload(LabelOrder.holder), joinedload(LabelRange.keeper))
        .limit(limit)
    )
    return session.scalars(statement).all()


def close_season(session: Session, season_id: UUID, *, by: UUID, at: datetime, reach: Reach) -> Season:
    """Close a season: from the commit on nothing is ordered or asked for in it. What is issued stays and is accounted for."""
    season = session.scalars(
        select(Season)
        .join(Season.product)
        .where(Season.id == season_id, reach.covers(None, Product.title_id))
        .with_for_update(of=Season, key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if season is None:
        raise NotFound
    if season.closed_at is not None:
        raise ClosedBefore
    season.closed_at = at
    left = sum((row.serials.upper or 0) - (row.serials.lower or 0) for row in unused(session, season_id, limit=100_000))
    history.record(session, "season:close", season.id, by=by, at=at, changes={"unused": (None, left)})
    session.flush()
    return season


def _within(reach: Reach) -> Select[QuotaExtension]:
    return (
        select(QuotaExtension)
        .join(QuotaExtension.balance)
        .join(EligibleBalance.season)
        .join(Season.product)
        .where(reach.covers(EligibleBalance.holder_id, Product.title_id))
        .options(
            contains_eager(QuotaExtension.balance).options(
                joinedload(EligibleBalance.holder),
                contains_eager(EligibleBalance.season).contains_eager(Season.product),
            )
        )
    )


def _closed(season: Season) -> SeasonClosed:
    closed = season.closed_at.astimezone(CITY).date() if season.closed_at else None
    return SeasonClosed(season=season.name, closed=closed)
