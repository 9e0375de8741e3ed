"""Lots: certifying goods by a second person, recalling them, and what is wrong with goods that somebody records.

Goods are recorded in `lot_recording`, labels of a lot ordered in `ordering`; a recall moves those bound to it through `ledger`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, joinedload

from trace.clock import CITY
from trace.errors import Conflict, Forbidden, Invalid, NotFound, Refused, TemThatError
from trace.models.areas import GrowingArea, ProductionSite
from trace.models.certificates import CertificateSource, CertificateStatus, UseCertificate
from trace.models.events import BusinessStep, Disposition
from trace.models.history import History
from trace.models.labels import LabelMove, LabelOrder, LabelRange, LabelState
from trace.models.lots import EligibleBalance, Lot, LotOrigin, LotState
from trace.models.parties import Party
from trace.models.titles import Product, Season
from trace.services import events, gate, history, ledger, lot_chain, places, preharvest, releases, rules
from trace.services.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from uuid import UUID


class DatesOutOfOrder(Invalid):
    """The dates must follow each other: harvest, then packing, then expiry."""


class HarvestInFuture(Invalid):
    """A lot is recorded after its harvest."""


class NotCovered(Invalid):
    """No certificate in force covers this source for this product.

    Look at the certificate: it may have expired, be suspended, or not name this source.
    """


class WrongSourceKind(Invalid):
    """This product does not come from this kind of source."""


class SeasonNotRunning(Invalid):
    """The harvest does not fall in this season, or the season is closed.

    Choose the season in which the goods were harvested.
    """


class VolumeNotPositive(Invalid):
    """The volume must be more than nothing."""


class NoBalance(Invalid):
    """No eligible volume was set for this holder and season.

    Ask the managing body to confirm the area and yield.
    """


class BeyondBalance(Invalid):
    """The lot is %(excess)s kg more than what is left of the eligible volume (%(left)s kg).

    Reduce the volume, or ask the managing body to adjust the balance.
    """


class BeyondCapacity(Invalid):
    """%(site)s makes at most %(capacity)s kg in a season. This lot is %(excess)s kg more than what is left of that.

    Reduce the volume, or have the capacity of the site corrected first.
    """


class CodeTaken(Conflict):
    """This organisation already has a lot with this code."""


class CodeMissing(Invalid):
    """A lot needs a code."""


class NotADraft(Conflict):
    """Only a lot that waits for certification can be certified."""


class CertifiedByRecorder(Forbidden):
    """Whoever recorded a lot cannot certify it.

    Ask another person of the managing body or the certifier.
    """


class NotCertified(Conflict):
    """Only a certified lot can be recalled. This one has no labels, or was recalled already."""


class ReasonMissing(Invalid):
    """A recall says why: buyers will read it."""


RECALLABLE = (LotState.CERTIFIED, LotState.CLOSED)


@dataclass(frozen=True)
class OrderOfLot:
    """An order of labels for a lot, with how many labels are in each state."""

    order: LabelOrder
    states: dict[LabelState, int]


def certify(session: Session, lot_id: UUID, *, by: UUID, at: datetime, reach: Reach) -> Lot:
    """Release a recorded lot for labels. By another person than the one who recorded it."""
    seen = get(session, lot_id, reach=reach)
    if seen.state is not LotState.DRAFT:
        raise NotADraft
    # The source before the lot, as an order takes them.
    source = hold_source(session, seen.area_id, seen.site_id, Reach(everything=True))
    lot = _locked(session, lot_id, reach)
    if lot.state is not LotState.DRAFT:
        raise NotADraft
    recorded = select(History.id).where(History.subject_id == lot.id, History.deed == "lot:record", History.by == by)
    if session.scalar(recorded.limit(1)) is not None:
        raise CertifiedByRecorder
    on = at.astimezone(CITY).date()
    reasons: list[TemThatError] = []
    if covering_certificate(session, source, on=on) is None:
        reasons.append(NotCovered())
    # Entries may have come to the farm log since the lot was recorded.
    reasons += preharvest.against(session, source, lot.harvested_on)
    if rules.in_force(session, source.title_id, on=on).external_release and not releases.stands(session, lot):
        reasons.append(gate.ReleaseMissing(code=lot.code))
    if reasons:
        raise reasons[0] if len(reasons) == 1 else Refused(reasons)
    lot.state, lot.certified_at, lot.certified_by = LotState.CERTIFIED, at, by
    history.record(
        session, "lot:certify", lot.id, by=by, at=at, changes={"state": (LotState.DRAFT, LotState.CERTIFIED)}
    )
    events.packed(session, lot, by=by, at=at)
    events.about_lot(session, lot, BusinessStep.INSPECTING, Disposition.CONFORMANT, by=by, at=at)
    session.flush()
    return lot


def recall(session: Session, lot_id: UUID, *, reason: str, by: UUID, at: datetime, reach: Reach) -> Lot:
    """Call goods back, with all lots that they went into and the labels bound to any of them. From the commit on every scan of them
    says so, with the reason.
    """
    get(session, lot_id, reach=reach)
    if not reason.strip():
        raise ReasonMissing
    family = {lot_id} | lot_chain.descendants(session, [lot_id])
    # The orders first and then the lots, as every move of labels locks them.
    bound = select(LabelRange.order_id).where(LabelRange.lot_id.in_(family))
    orders = session.scalars(
        select(LabelOrder)
        .where(LabelOrder.id.in_(bound))
        .order_by(LabelOrder.id)
        .with_for_update(of=LabelOrder, key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    lots = session.scalars(
        select(Lot)
        .where(Lot.id.in_(family))
        .order_by(Lot.id)
        .with_for_update(of=Lot, key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    if lot_chain.descendants(session, [lot_id]) - family:
        raise Conflict  # it was merged or split just now; what came of it was not locked in time
    lot = next(each for each in lots if each.id == lot_id)
    if lot.state not in RECALLABLE:
        raise NotCertified
    rows = session.scalars(
        select(LabelRange)
        .where(LabelRange.lot_id.in_(family), LabelRange.state.in_(ledger.MOVES[LabelMove.RECALL].start))
        .order_by(LabelRange.serials)
        .with_for_update(of=LabelRange)
        .execution_options(populate_existing=True)
    ).all()
    if {row.order_id for row in rows} - {order.id for order in orders}:
        raise Conflict  # an order came to the lot just now; its row was not locked in time
    for order in orders:
        pieces = [(row, row.serials) for row in rows if row.order_id == order.id]
        if pieces:
            ledger.write(session, order, pieces, LabelMove.RECALL, by=by, at=at, reason=reason)
    for each in lots:
        if each.state not in RECALLABLE:
            continue
        changes: dict[str, tuple[object, object]] = {"state": (each.state, LotState.RECALLED)}
        if each.id != lot_id:
            changes["from"] = (None, lot.code)
        each.state, each.recall_reason = LotState.RECALLED, reason
        history.record(session, "lot:recall", each.id, by=by, at=at, why=reason, changes=changes)
        how = {"reason": reason, "because_of": lot.code}
        events.about_lot(session, each, BusinessStep.HOLDING, Disposition.RECALLED, by=by, at=at, how=how)
    session.flush()
    return lot


def listing(
    session: Session, *, reach: Reach, q: str = "", state: LotState | None = None, origin: LotOrigin | None = None,
    title_id: UUID | None = None, page: int = 1, size: int = 50,
) -> tuple[Sequence[Lot], int]:  # fmt: skip
    """Lots within reach, latest first, and how many there are in all."""
    wanted: list[ColumnElement[bool]] = [reach.covers(Lot.holder_id, UseCertificate.title_id)]
    if places.asked(q):
        wanted.append(places.matches(q, Lot.code, Party.name, Product.name))
    if state:
        wanted.append(Lot.state == state)
    if origin:
        wanted.append(Lot.origin == origin)
    if title_id:
        wanted.append(UseCertificate.title_id == title_id)
    base = select(Lot).join(Lot.certificate).join(Lot.holder).join(Lot.product).where(*wanted)
    total = session.scalar(select(func.count()).select_from(base.subquery())) or 0
    statement = (
        base.order_by(Lot.recorded_at.desc(), Lot.code)
        .limit(size)
        .offset((page - 1) * size)
        .options(joinedload(Lot.holder), joinedload(Lot.product), *lot_chain.named())
    )
    return session.scalars(statement).all(), total


def coded(session: Session, lot_ids: set[UUID]) -> Sequence[str]:
    """The codes of some lots, sorted."""
    return session.scalars(select(Lot.code).where(Lot.id.in_(lot_ids)).order_by(Lot.code)).all()


def get(session: Session, lot_id: UUID, *, reach: Reach) -> Lot:
    """One lot; not within reach is not found."""
    statement = (
        select(Lot).join(Lot.certificate).where(Lot.id == lot_id, reach.covers(Lot.holder_id, UseCertificate.title_id))
    )
    lot = session.scalars(statement).one_or_none()
    if lot is None:
        raise NotFound
    return lot


def labels_of(session: Session, lot_id: UUID) -> list[OrderOfLot]:
    """The orders placed for a lot, latest first, with the labels of each by state."""
    orders = session.scalars(
        select(LabelOrder).where(LabelOrder.lot_id == lot_id).order_by(LabelOrder.placed_at.desc())
    ).all()
    length = func.sum(func.upper(LabelRange.serials) - func.lower(LabelRange.serials))
    counts = select(LabelRange.order_id, LabelRange.state, length).where(
        LabelRange.order_id.in_([order.id for order in orders])
    )
    states: dict[UUID, dict[LabelState, int]] = {}
    for order_id, state, count in session.execute(counts.group_by(LabelRange.order_id, LabelRange.state)):
        states.setdefault(order_id, {})[state] = int(count)
    return [OrderOfLot(order, states.get(order.id, {})) for order in orders]


def seasons(session: Session, *, reach: Reach) -> Sequence[Season]:
    """The open seasons of the products for which somebody within reach holds a live certificate, latest first."""
    held = select(UseCertificate.title_id).where(
        reach.covers(UseCertificate.holder_id, UseCertificate.title_id),
        UseCertificate.status == CertificateStatus.ACTIVE,
    )
    statement = (
        select(Season)
        .join(Season.product)
        .where(Product.title_id.in_(held), Season.closed_at.is_(None))
        .order_by(func.lower(Season.runs_during).desc(), places.in_order(Product.name))
        .options(joinedload(Season.product))
    )
    return session.scalars(statement).all()


def left_of_balance(session: Session, holder_id: UUID, season_id: UUID) -> int | None:
    """How many grams a holder may still record as lots in a season; None when no eligible volume was set."""
    eligible = session.scalar(
        select(EligibleBalance.eligible_g + EligibleBalance.extra_g).where(
            EligibleBalance.holder_id == holder_id, EligibleBalance.season_id == season_id
        )
    )
    return None if eligible is None else eligible - recorded(session, holder_id, season_id)


def covering_certificate(session: Session, source: GrowingArea | ProductionSite, *, on: date) -> UseCertificate | None:
    """The certificate in force on a day that covers a source, if there is one."""
    covers = CertificateSource.area_id if isinstance(source, GrowingArea) else CertificateSource.site_id
    statement = (
        select(UseCertificate)
        .join(CertificateSource)
        .where(
            covers == source.id, UseCertificate.holder_id == source.holder_id, UseCertificate.title_id == source.title_id,
            UseCertificate.status == CertificateStatus.ACTIVE, UseCertificate.valid_during.contains(on),
        )
    )  # fmt: skip
    return session.scalars(statement).one_or_none()


def recorded(session: Session, holder_id: UUID, season_id: UUID) -> int:
    """Grams in all recorded lots of a holder and season. Recalled ones count: the goods were harvested. Merging harvests nothing."""
    total = session.scalar(
        select(func.coalesce(func.sum(Lot.volume_g), 0)).where(
            Lot.holder_id == holder_id, Lot.season_id == season_id, Lot.origin == LotOrigin.RECORDED
        )
    )
    return int(total or 0)


def hold_source(
    session: Session, area_id: UUID | None, site_id: UUID | None, reach: Reach
) -> GrowingArea | ProductionSite:
    """The source, locked against entries of the farm log and other lots from it until the harvest is judged."""
    model: type[GrowingArea] | type[ProductionSite] = GrowingArea if area_id else ProductionSite
    statement = select(model).where(model.id == (area_id or site_id), reach.covers(model.holder_id))
    statement = statement.with_for_update(of=model, key_share=True).execution_options(populate_existing=True)
    source = session.scalars(statement).one_or_none()
    if not isinstance(source, GrowingArea | ProductionSite):
        raise NotFound
    return source


def _locked(session: Session, lot_id: UUID, reach: Reach) -> Lot:
    get(session, lot_id, reach=reach)
    return session.scalars(
        select(Lot)
        .where(Lot.id == lot_id)
        .with_for_update(of=Lot, key_share=True)
        .execution_options(populate_existing=True)
    ).one()
