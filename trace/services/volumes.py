"""Eligible volume: reckoned from the sources that a certificate covers, confirmed by the managing body, kept with its reasoning.

The label gate draws on the balance that a confirmation sets. What must not live here: volume beyond that (`quota`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Any

from geoalchemy2 import Geography
from sqlalchemy import cast, func, select, true
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from trace import sizes
from trace.clock import CITY
from trace.errors import Conflict, Forbidden, Invalid, NotFound, Refused, TemThatError, broken_constraint
from trace.models.areas import GrowingArea, ProductionSite, SiteStatus
from trace.models.certificates import CertificateSource, CertificateStatus, UseCertificate
from trace.models.lots import EligibleBalance
from trace.models.parties import Party
from trace.models.title_records import VolumeConfirmation
from trace.models.titles import Season, SourceKind
from trace.services import history, places, products
from trace.services.certificates import belongs_to
from trace.services.gate import SeasonClosed, kg

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from uuid import UUID

    from trace.services.reach import Reach

LIVE = (CertificateStatus.ACTIVE, CertificateStatus.SUSPENDED)


class FiguresMoved(Conflict):
    """Areas, sites, certificates or the yield cap changed while you were looking, so the volume is reckoned anew.

    Look at the new figures and confirm them.
    """


class BelowIssued(Conflict):
    """Labels for %(issued)s kg are issued already, so the volume cannot be less than %(least)s kg.

    Have labels returned or voided first, or confirm at least that much.
    """


class AboveComputed(Invalid):
    """The sources of the certificate bear %(computed)s kg; more than that cannot be confirmed.

    Put the areas or sites right, or let the holder ask for extra volume.
    """


class WhyNeeded(Invalid):
    """The volume differs from what was reckoned, so it needs its reason.

    Say in words why, for example land that bears two products.
    """


class OwnVolume(Forbidden):
    """You hold a role at the organisation that gets this volume, so somebody else has to confirm it.

    Ask another person of the managing body.
    """


@dataclass(frozen=True)
class Source:
    """An area or site with what it bears in a season at most, g. Of declared and measured hectares the smaller one counts."""

    kind: SourceKind
    name: str
    certificate: str
    grams: int
    declared_ha: Decimal | None = None
    measured_ha: Decimal | None = None
    cap_kg_per_ha: int | None = None

    @property
    def hectares(self) -> Decimal | None:
        """What counts."""
        if self.declared_ha is None or self.measured_ha is None:
            return None
        return min(self.declared_ha, self.measured_ha)

    def kept(self) -> dict[str, Any]:
        """As a confirmation keeps it."""
        told: dict[str, Any] = {"kind": self.kind.value, "name": self.name, "certificate": self.certificate}
        if self.hectares is not None:
            told |= {"hectares": str(self.hectares), "cap_kg_per_ha": self.cap_kg_per_ha}
        return told | {"grams": self.grams}


@dataclass
class Line:
    """A holder's volume in a season: what its sources bear, what is confirmed, what is issued."""

    holder: Party
    sources: list[Source] = field(default_factory=list)
    balance: EligibleBalance | None = None
    last: VolumeConfirmation | None = None

    @property
    def computed_g(self) -> int:
        """What the sources bear at most."""
        return sum(source.grams for source in self.sources)

    @property
    def least_g(self) -> int:
        """Below this labels that exist would lose their cover."""
        return max(0, self.balance.issued_g - self.balance.extra_g) if self.balance else 0

    @property
    def proposed_g(self) -> int:
        """What a confirmation would set, unless somebody says otherwise."""
        return max(self.computed_g, self.least_g)

    @property
    def waits(self) -> bool:
        """Whether the sources or the cap say something else than at the last confirmation, or none was made."""
        if self.balance is None:
            return self.proposed_g > 0
        if self.last is not None:
            return self.last.computed_g != self.computed_g
        return self.balance.eligible_g != self.proposed_g


def lines(session: Session, season: Season, *, holder_id: UUID | None = None) -> list[Line]:
    """Everybody with a source or a balance in a season, by name; with a holder, that one alone."""
    found: dict[UUID, Line] = {}
    for holder, source in _sources(session, season, holder_id):
        found.setdefault(holder.id, Line(holder)).sources.append(source)
    balances = session.scalars(
        select(EligibleBalance)
        .where(
            EligibleBalance.season_id == season.id,
            EligibleBalance.holder_id == holder_id if holder_id else true(),
        )
        .options(joinedload(EligibleBalance.holder))
    )
    for balance in balances:
        found.setdefault(balance.holder_id, Line(balance.holder)).balance = balance
    last = (
        select(VolumeConfirmation)
        .join(VolumeConfirmation.balance)
        .where(
            EligibleBalance.season_id == season.id,
            EligibleBalance.holder_id == holder_id if holder_id else true(),
        )
        .order_by(VolumeConfirmation.balance_id, VolumeConfirmation.id.desc())
        .ext(distinct_on(VolumeConfirmation.balance_id))
        .options(joinedload(VolumeConfirmation.author))
    )
    by_balance = {row.balance_id: row for row in session.scalars(last)}
    for line in found.values():
        line.last = by_balance.get(line.balance.id) if line.balance else None
    order = select(Party.id).where(Party.id.in_(found)).order_by(places.in_order(Party.name), Party.id)
    return [found[holder_id] for holder_id in session.scalars(order)]


def waiting(session: Session, seasons: Sequence[Season], *, on: date) -> dict[UUID, int]:
    """How many holders of each season that is neither closed nor over on a day wait for a confirmation."""
    return {
        season.id: count
        for season in seasons
        if season.closed_at is None
        and (season.runs_during.upper is None or season.runs_during.upper > on)
        and (count := sum(line.waits for line in lines(session, season)))
    }


def confirmations(session: Session, season_id: UUID) -> Sequence[VolumeConfirmation]:
    """All confirmations of a season, newest first."""
    statement = (
        select(VolumeConfirmation)
        .join(VolumeConfirmation.balance)
        .where(EligibleBalance.season_id == season_id)
        .order_by(VolumeConfirmation.id.desc())
        .limit(500)
        .options(
            joinedload(VolumeConfirmation.author),
            joinedload(VolumeConfirmation.balance).joinedload(EligibleBalance.holder),
        )
    )
    return session.scalars(statement).all()


def confirm(
    session: Session,
    season_id: UUID,
    holder_id: UUID,
    *,
    grams: int,
    seen_g: int,
    reason: str | None,
    by: UUID,
    at: datetime,
    reach: Reach,
) -> EligibleBalance:
    """Set a holder's eligible volume, g. `seen_g` is the reckoned volume that the person saw; it must still be so."""
    season = products.season(session, season_id, reach=reach)
    if season.closed_at is not None:
        raise SeasonClosed(season=season.name, closed=season.closed_at.astimezone(CITY).date())
    if belongs_to(session, by, holder_id, on=at.astimezone(CITY).date()):
        raise OwnVolume
    if not lines(session, season, holder_id=holder_id):
        raise NotFound
    balance, was_g = _locked_balance(session, season_id, holder_id)
    # Reckoned again under the lock: what is issued may have grown while we waited for it.
    (line,) = lines(session, season, holder_id=holder_id)
    computed = line.computed_g
    if computed != seen_g:
        raise FiguresMoved
    reasons = list[TemThatError]()
    if grams < line.least_g:
        reasons.append(BelowIssued(issued=kg(balance.issued_g), least=kg(line.least_g)))
    if grams > line.proposed_g:
        reasons.append(AboveComputed(computed=kg(computed)))
    if grams != computed and not reason:
        reasons.append(WhyNeeded())
    if reasons:
        raise Refused(reasons)
    balance.eligible_g = grams
    session.add(
        VolumeConfirmation(
            balance_id=balance.id, at=at, by=by, was_g=was_g, computed_g=computed, eligible_g=grams, reason=reason or None,
            basis={"sources": [source.kept() for source in line.sources]},
        )
    )  # fmt: skip
    changes = {"holder": (None, line.holder.name), "eligible_g": (was_g, grams), "computed_g": (None, computed)}
    history.record(session, "season:confirm_volume", season_id, by=by, at=at, changes=changes, why=reason or None)
    session.flush()
    return balance


def confirm_all(session: Session, season_id: UUID, *, seen_g: int, by: UUID, at: datetime, reach: Reach) -> int:
    """Confirm as reckoned whatever waits and needs no reason. `seen_g` is the sum of it that the person saw. Returns how many."""
    season = products.season(session, season_id, reach=reach)
    plain = plain_ones(lines(session, season))
    if sum(line.computed_g for line in plain) != seen_g:
        raise FiguresMoved
    for line in plain:
        confirm(
            session, season_id, line.holder.id, grams=line.computed_g, seen_g=line.computed_g, reason=None, by=by, at=at, reach=reach,
        )  # fmt: skip
    return len(plain)


def plain_ones(found: Sequence[Line]) -> list[Line]:
    """Those that wait and whose reckoned volume can be confirmed as it is."""
    return [line for line in found if line.waits and line.computed_g >= line.least_g]


def _locked_balance(session: Session, season_id: UUID, holder_id: UUID) -> tuple[EligibleBalance, int | None]:
    """The balance under the lock that every order takes, made if there is none; and what it was before (None: nothing)."""
    wanted = (
        select(EligibleBalance)
        .where(EligibleBalance.season_id == season_id, EligibleBalance.holder_id == holder_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    balance = session.scalars(wanted).one_or_none()
    if balance is not None:
        return balance, balance.eligible_g
    made = EligibleBalance(season_id=season_id, holder_id=holder_id, eligible_g=0)
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError as exc:
        if broken_constraint(exc) != "uq_eligible_balance_holder_id_season_id":
            raise
        balance = session.scalars(wanted).one()  # somebody else was first
        return balance, balance.eligible_g
    return made, None


def _sources(session: Session, season: Season, holder_id: UUID | None) -> list[tuple[Party, Source]]:
    """The sources of all certificates that run in a season, each counted once for its holder; with a holder, of that one alone."""
    title_id, kind = season.product.title_id, season.product.source_kind
    certificate = (
        UseCertificate.title_id == title_id,
        UseCertificate.status.in_(LIVE),
        UseCertificate.valid_during.overlaps(season.runs_during),
        UseCertificate.holder_id == holder_id if holder_id else true(),
    )
    if kind is SourceKind.SITE:
        sites = (
            select(Party, ProductionSite, func.min(UseCertificate.number))
            .join(CertificateSource, CertificateSource.site_id == ProductionSite.id)
            .join(UseCertificate, UseCertificate.id == CertificateSource.certificate_id)
            .join(Party, Party.id == UseCertificate.holder_id)
            .where(
                *certificate,
                ProductionSite.holder_id == UseCertificate.holder_id,
                ProductionSite.status == SiteStatus.WORKING,
            )
            .group_by(Party.id, ProductionSite.id)
            .order_by(places.in_order(ProductionSite.name))
        )
        return [
            (holder, Source(kind, site.name, number, site.capacity_g))
            for holder, site, number in session.execute(sites)
        ]
    measured = func.ST_Area(cast(GrowingArea.boundary, Geography)) / 10_000
    areas = (
        select(Party, GrowingArea.name, GrowingArea.declared_ha, measured, func.min(UseCertificate.number))
        .join(CertificateSource, CertificateSource.area_id == GrowingArea.id)
        .join(UseCertificate, UseCertificate.id == CertificateSource.certificate_id)
        .join(Party, Party.id == UseCertificate.holder_id)
        .where(*certificate, GrowingArea.holder_id == UseCertificate.holder_id)
        .group_by(Party.id, GrowingArea.id)
        .order_by(places.in_order(GrowingArea.name))
    )
    cap = season.yield_cap_kg_per_ha or 0
    found = []
    for holder, name, declared, hectares, number in session.execute(areas):
        size = sizes.hectares(hectares)
        counted = min(declared, size)
        grams = int((counted * cap * 1000).to_integral_value(ROUND_FLOOR))
        found.append((holder, Source(kind, name, number, grams, declared, size, cap)))
    return found
