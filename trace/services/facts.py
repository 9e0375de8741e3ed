"""What the gate judges about lots, gathered from the database. Whoever decides by it holds its locks before asking.

Rules stand in `gate`, locks in `ordering`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sqlalchemy import Date, and_, bindparam, case, exists, func, literal_column, or_, select
from sqlalchemy.orm import joinedload

from trace.models.areas import AreaCodeStatus, GrowingAreaCode, ProductionSite, SiteStatus
from trace.models.certificates import CertificateSource
from trace.models.controls import ControlVisit, Nonconformity
from trace.models.lots import EligibleBalance, ExtensionState, Lot, LotSource, QuotaExtension
from trace.models.titles import Product, UseRegulation
from trace.services import gate, releases, rules

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from uuid import UUID

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session


def gather(
    session: Session, lots: Sequence[Lot], *, on: date, balances: Sequence[EligibleBalance] | None = None
) -> dict[UUID, gate.Facts]:
    """The facts about any number of lots on a day of the city. `balances` are those in hand already, under a lock.

    What is usually so takes one statement; nonconformities and approvals are fetched where there are any.
    """
    asked = {"lots": [lot.id for lot in lots], "on": on}
    standing = {row.id: row for row in session.execute(_STANDING, asked)}
    if balances is None:
        balances = session.scalars(
            select(EligibleBalance).where(
                EligibleBalance.holder_id.in_({lot.holder_id for lot in lots}),
                EligibleBalance.season_id.in_({lot.season_id for lot in lots}),
            )
        ).all()
    balance_of = {(balance.holder_id, balance.season_id): balance for balance in balances}
    blocking = _blocking(session, [lot for lot in lots if standing[lot.id].blocked])
    extensions = _extensions(session, {balance.id for balance in balances if balance.extra_g})
    made: dict[UUID, gate.Facts] = {}
    for lot in lots:
        found, balance = standing[lot.id], balance_of.get((lot.holder_id, lot.season_id))
        made[lot.id] = gate.Facts(
            lot=lot,
            balance=balance,
            regulation=found.UseRegulation,
            covered=found.covered,
            released=_released(session, lot, found.UseRegulation),
            has_area_code=found.coded,
            nonconformities=[each for each in blocking if _touches(each, lot)],
            closed_sites=_closed_sites(session, lot) if found.shut else (),
            last_passed=found.last_passed,
            extensions=[each for each in extensions if balance is not None and each.balance_id == balance.id],
        )
    return made


_ON = bindparam("on", type_=Date())
_MERGED = and_(Lot.area_id.is_(None), Lot.site_id.is_(None))
_COVERED = or_(
    exists().where(
        CertificateSource.certificate_id == Lot.certificate_id,
        or_(CertificateSource.area_id == Lot.area_id, CertificateSource.site_id == Lot.site_id),
    ),
    # Of a lot merged from several sources each one must be covered, and below each area must have its code.
    and_(
        _MERGED,
        ~exists().where(
            LotSource.lot_id == Lot.id,
            ~exists().where(
                CertificateSource.certificate_id == Lot.certificate_id,
                or_(CertificateSource.area_id == LotSource.area_id, CertificateSource.site_id == LotSource.site_id),
            ),
        ),
    ),
)
_STANDS = and_(GrowingAreaCode.status == AreaCodeStatus.ACTIVE, GrowingAreaCode.valid_during.contains(_ON))
_CODED = or_(
    exists().where(GrowingAreaCode.area_id == Lot.area_id, _STANDS),
    and_(
        _MERGED,
        ~exists().where(
            LotSource.lot_id == Lot.id, ~exists().where(GrowingAreaCode.area_id == LotSource.area_id, _STANDS)
        ),
    ),
)
_OPEN_BLOCKING = (
    Nonconformity.title_id == Product.title_id, Nonconformity.blocking, Nonconformity.closed_at.is_(None),
)  # fmt: skip
# One question for each place where a nonconformity may lie, so that each is a look into its own small index.
_BLOCKED = or_(
    exists().where(
        *_OPEN_BLOCKING, Nonconformity.holder_id == Lot.holder_id, Nonconformity.area_id.is_(None), Nonconformity.site_id.is_(None)
    ),
    exists().where(*_OPEN_BLOCKING, Nonconformity.area_id == Lot.area_id),
    exists().where(*_OPEN_BLOCKING, Nonconformity.site_id == Lot.site_id),
    exists().where(LotSource.lot_id == Lot.id, *_OPEN_BLOCKING, Nonconformity.area_id == LotSource.area_id),
    exists().where(LotSource.lot_id == Lot.id, *_OPEN_BLOCKING, Nonconformity.site_id == LotSource.site_id),
)  # fmt: skip
_SHUT = or_(
    exists().where(ProductionSite.id == Lot.site_id, ProductionSite.status == SiteStatus.CLOSED),
    exists().where(
        LotSource.lot_id == Lot.id, ProductionSite.id == LotSource.site_id, ProductionSite.status == SiteStatus.CLOSED
    ),
)
# The words of the two partial indexes, so that they are used whatever the plan.
_PASSED = and_(cast("ColumnElement[bool]", ControlVisit.passed), ControlVisit.level != literal_column("'self'"))
_PASSED_AT_PART = (
    select(func.max(ControlVisit.visited_on))
    .where(_PASSED, or_(ControlVisit.area_id == LotSource.area_id, ControlVisit.site_id == LotSource.site_id))
    .scalar_subquery()
)
_PARTS = select(_PASSED_AT_PART.label("last")).where(LotSource.lot_id == Lot.id).correlate(Lot).lateral("parts")
_LAST_PASSED = func.greatest(
    # Of a merged lot the source that was controlled longest ago, or nothing if one never was.
    select(case((func.count() == func.count(_PARTS.c.last), func.min(_PARTS.c.last))))
    .select_from(_PARTS)
    .scalar_subquery(),
    select(func.max(ControlVisit.visited_on)).where(_PASSED, ControlVisit.area_id == Lot.area_id).scalar_subquery(),
    select(func.max(ControlVisit.visited_on)).where(_PASSED, ControlVisit.site_id == Lot.site_id).scalar_subquery(),
)
_IN_FORCE = and_(UseRegulation.title_id == Product.title_id, UseRegulation.valid_during.contains(_ON))
_STANDING = (
    select(
        Lot.id, _COVERED.label("covered"), _CODED.label("coded"), _BLOCKED.label("blocked"), _SHUT.label("shut"),
        _LAST_PASSED.label("last_passed"), UseRegulation,
    )
    .join(Lot.product)
    .outerjoin(UseRegulation, _IN_FORCE)
    .where(Lot.id.in_(bindparam("lots", expanding=True)))
)  # fmt: skip


def _released(session: Session, lot: Lot, regulation: UseRegulation | None) -> bool:
    """Asked of the database only where the regulation wants a release."""
    if regulation is None or not rules.read(regulation.rules).external_release:
        return True
    return releases.stands(session, lot)


def _closed_sites(session: Session, lot: Lot) -> Sequence[ProductionSite]:
    sites = [site_id for _, site_id in lot.source_keys if site_id]
    return session.scalars(
        select(ProductionSite)
        .where(ProductionSite.id.in_(sites), ProductionSite.status == SiteStatus.CLOSED)
        .order_by(ProductionSite.name)
    ).all()


def _blocking(session: Session, lots: Sequence[Lot]) -> Sequence[Nonconformity]:
    """What closes the gate for some of these lots, and perhaps a little more; `_touches` tells which."""
    if not lots:
        return []
    keys = {key for lot in lots for key in lot.source_keys}
    return session.scalars(
        select(Nonconformity)
        .where(
            Nonconformity.blocking, Nonconformity.closed_at.is_(None),
            or_(
                and_(
                    Nonconformity.holder_id.in_({lot.holder_id for lot in lots}),
                    Nonconformity.area_id.is_(None), Nonconformity.site_id.is_(None),
                ),
                Nonconformity.area_id.in_({area_id for area_id, _ in keys if area_id}),
                Nonconformity.site_id.in_({site_id for _, site_id in keys if site_id}),
            ),
        )
        .options(
            joinedload(Nonconformity.holder), joinedload(Nonconformity.area), joinedload(Nonconformity.site), joinedload(Nonconformity.item)
        )
        .order_by(Nonconformity.due_on, Nonconformity.id)
    ).all()  # fmt: skip


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
    return (found.area_id, found.site_id) in lot.source_keys
