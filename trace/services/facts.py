"""What the gate judges about lots, gathered from the database. Whoever decides by it holds its locks before asking.

Rules stand in `gate`, locks in `ordering`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import joinedload

from trace.models.areas import AreaCodeStatus, GrowingAreaCode
from trace.models.certificates import CertificateSource
from trace.models.controls import Nonconformity
from trace.models.lots import EligibleBalance, ExtensionState, Lot, QuotaExtension
from trace.models.titles import Product, UseRegulation
from trace.services import gate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from uuid import UUID

    from sqlalchemy import Select
    from sqlalchemy.orm import Session


def gather(
    session: Session, lots: Sequence[Lot], *, on: date, balances: Sequence[EligibleBalance] | None = None
) -> dict[UUID, gate.Facts]:
    """The facts about any number of lots on a day of the city. `balances` are those in hand already, under a lock.

    What is usually so takes one statement; nonconformities and approvals are fetched where there are any.
    """
    standing = {row.id: row for row in session.execute(_standing(lots, on))}
    if balances is None:
        balances = session.scalars(
            select(EligibleBalance).where(
                EligibleBalance.holder_id.in_({lot.holder_id for lot in lots}),
                EligibleBalance.season_id.in_({lot.season_id for lot in lots}),
            )
        ).all()
    balance_of = {(balance.holder_id, balance.season_id): balance for balance in balances}
    blocking = _blocking(session, {lot.product.title_id for lot in lots if standing[lot.id].blocked})
    extensions = _extensions(session, {balance.id for balance in balances if balance.extra_g})
    made = dict[UUID, gate.Facts]()
    for lot in lots:
        found, balance = standing[lot.id], balance_of.get((lot.holder_id, lot.season_id))
        made[lot.id] = gate.Facts(
            lot=lot,
            balance=balance,
            regulation=found.UseRegulation,
            covered=found.covered,
            has_area_code=found.coded,
            nonconformities=[each for each in blocking if _touches(each, lot)],
            extensions=[each for each in extensions if balance is not None and each.balance_id == balance.id],
        )
    return made


def _standing(lots: Sequence[Lot], on: date) -> Select[UUID, bool, bool, bool, UseRegulation]:
    covered = exists().where(
        CertificateSource.certificate_id == Lot.certificate_id,
        or_(CertificateSource.area_id == Lot.area_id, CertificateSource.site_id == Lot.site_id),
    )
    coded = exists().where(
        GrowingAreaCode.area_id == Lot.area_id,
        GrowingAreaCode.status == AreaCodeStatus.ACTIVE,
        GrowingAreaCode.valid_during.contains(on),
    )
    blocked = exists().where(
        Nonconformity.title_id == Product.title_id, Nonconformity.blocking, Nonconformity.closed_at.is_(None)
    )
    in_force = and_(UseRegulation.title_id == Product.title_id, UseRegulation.valid_during.contains(on))
    return (
        select(Lot.id, covered.label("covered"), coded.label("coded"), blocked.label("blocked"), UseRegulation)
        .join(Lot.product)
        .outerjoin(UseRegulation, in_force)
        .where(Lot.id.in_([lot.id for lot in lots]))
    )


def _blocking(session: Session, titles: set[UUID]) -> Sequence[Nonconformity]:
    if not titles:
        return []
    return session.scalars(
        select(Nonconformity)
        .where(Nonconformity.blocking, Nonconformity.closed_at.is_(None), Nonconformity.title_id.in_(titles))
        .options(joinedload(Nonconformity.holder), joinedload(Nonconformity.area), joinedload(Nonconformity.site))
        .order_by(Nonconformity.due_on, Nonconformity.id)
    ).all()


def _extensions(session: Session, balances: set[UUID]) -> Sequence[QuotaExtension]:
    if not balances:
        return []
    return session.scalars(
        select(QuotaExtension)
        .where(QuotaExtension.balance_id.in_(balances), QuotaExtension.state == ExtensionState.APPROVED)
        .options(joinedload(QuotaExtension.decider))
        .order_by(QuotaExtension.decided_at)
    ).all()


def _touches(found: Nonconformity, lot: Lot) -> bool:
    """Whether a nonconformity closes the gate for a lot: found on its holder as a whole, or on its very source."""
    if found.title_id != lot.product.title_id:
        return False
    if found.area_id is None and found.site_id is None:
        return found.holder_id == lot.holder_id
    return (found.area_id, found.site_id) == (lot.area_id, lot.site_id)
