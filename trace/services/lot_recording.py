"""Recording lots: one by hand or a whole table of them, by the same rules. What is asked for one is not asked again for the next.

What must not live here: what becomes of a lot once it stands (`lots`), and the cells of a table (`lot_rows`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from trace.clock import CITY
from trace.errors import NotFound, Refused, TemThatError, broken_constraint
from trace.models.areas import GrowingArea, ProductionSite, SiteStatus
from trace.models.events import BusinessStep, Disposition, EventAction
from trace.models.lots import EligibleBalance, Lot, LotOrigin, LotState
from trace.models.titles import Season, SourceKind
from trace.services import events, gate, harvests, history, lots, preharvest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from trace.models.certificates import UseCertificate
    from trace.services.reach import Reach


@dataclass(frozen=True)
class Goods:
    """What somebody says of a lot. Its source is an area or a site."""

    code: str
    season_id: UUID
    volume_g: int
    harvested_on: date
    packed_on: date
    expires_on: date
    area_id: UUID | None = None
    site_id: UUID | None = None


@dataclass(frozen=True)
class Passed:
    """Goods that nothing speaks against, with what they come from."""

    goods: Goods
    source: GrowingArea | ProductionSite
    season: Season
    certificate: UseCertificate


def record(
    session: Session, *, code: str, season_id: UUID, area_id: UUID | None = None, site_id: UUID | None = None, volume_g: int,
    harvested_on: date, packed_on: date, expires_on: date, by: UUID, at: datetime, reach: Reach, is_sample: bool = False,
) -> Lot:  # fmt: skip
    """Record goods of one source and season. Refuses with every reason at once; takes the balance row's lock on the way."""
    recorder = Recorder(session, [code], by=by, at=at, reach=reach)
    goods = Goods(code, season_id, volume_g, harvested_on, packed_on, expires_on, area_id, site_id)
    return recorder.write([recorder.judge(goods)], is_sample=is_sample)[0]


class Recorder:
    """Judges goods one after another, so that volumes add up, and writes those that passed.

    Sources and balances stay locked from the first question about them to the end of the transaction, so that what was answered once
    holds. `codes` are all that will be asked about.
    """

    def __init__(self, session: Session, codes: Sequence[str], *, by: UUID, at: datetime, reach: Reach) -> None:
        self._session, self._by, self._at, self._today = session, by, at, at.astimezone(CITY).date()
        self._passed = Counter[tuple[UUID, UUID]]()
        """Grams of what has passed here, by holder and season, and by site and season."""
        self._source = cache(lambda area_id, site_id: lots.hold_source(session, area_id, site_id, reach))
        self._season = cache(self._ask_season)
        self._codes = cache(
            lambda holder_id: set(
                session.scalars(select(Lot.code).where(Lot.holder_id == holder_id, Lot.code.in_(codes)))
            )
        )
        self._elsewhere = cache(lambda season, day: harvests.elsewhere(session, season, day))
        self._certificate = cache(lambda source: lots.covering_certificate(session, source, on=self._today))
        self._against = cache(lambda source, day: preharvest.against(session, source, day))
        self._work = cache(lambda source, start, day: preharvest.work_before(session, source, start, day))
        self._left = cache(self._ask_balance)
        self._made = cache(self._ask_made)

    def judge(self, goods: Goods) -> Passed:
        """Count goods in if nothing speaks against them. Raises `Refused` with every reason, or `NotFound`."""
        source: GrowingArea | ProductionSite = self._source(goods.area_id, goods.site_id)
        season = self._season(goods.season_id)
        if season is None or season.product.title_id != source.title_id:
            raise NotFound
        reasons: list[TemThatError] = []
        codes = self._codes(source.holder_id)
        if not goods.code.strip():
            reasons.append(lots.CodeMissing())
        elif goods.code in codes:
            reasons.append(lots.CodeTaken())
        if not goods.harvested_on <= goods.packed_on <= goods.expires_on:
            reasons.append(lots.DatesOutOfOrder())
        if goods.harvested_on > self._today:
            reasons.append(lots.HarvestInFuture())
        if season.product.source_kind is not (SourceKind.AREA if goods.area_id else SourceKind.SITE):
            reasons.append(lots.WrongSourceKind())
        if goods.harvested_on not in season.runs_during or season.closed_at is not None:
            reasons.append(lots.SeasonNotRunning())
        reasons += self._elsewhere(season, goods.harvested_on)
        certificate: UseCertificate | None = self._certificate(source)
        if certificate is None:
            reasons.append(lots.NotCovered())
        reasons += self._volume_reasons(source.holder_id, goods)
        if isinstance(source, ProductionSite) and season.product.source_kind is SourceKind.SITE:
            reasons += self._capacity_reasons(source, goods)
        reasons += self._against(source, goods.harvested_on)
        if reasons or certificate is None:
            raise Refused(reasons)
        codes.add(goods.code)
        for place in (source.holder_id, source.id):
            self._passed[place, season.id] += goods.volume_g
        return Passed(goods, source, season, certificate)

    def write(self, passed: Sequence[Passed], *, is_sample: bool = False) -> list[Lot]:
        """Make lots of what passed, with their history and events. Raises `Refused` where the register changed at this moment."""
        session, by, at = self._session, self._by, self._at
        made = [
            Lot(
                code=each.goods.code, holder_id=each.source.holder_id, certificate_id=each.certificate.id,
                product_id=each.season.product_id, season_id=each.season.id, area_id=each.goods.area_id, site_id=each.goods.site_id,
                volume_g=each.goods.volume_g, harvested_on=each.goods.harvested_on, packed_on=each.goods.packed_on,
                expires_on=each.goods.expires_on, state=LotState.DRAFT, recorded_at=at, is_sample=is_sample,
            )
            for each in passed
        ]  # fmt: skip
        self._add(made, passed)
        for lot, each in zip(made, passed, strict=True):
            start = each.season.runs_during.lower or lot.harvested_on
            history.record(
                session, "lot:record", lot.id, by=by, at=at,
                changes={"code": (None, lot.code), "volume_g": (None, lot.volume_g)},
            )  # fmt: skip
            events.about_lot(
                session, lot, BusinessStep.CREATING_CLASS_INSTANCE, Disposition.IN_PROGRESS, action=EventAction.ADD, on=lot.harvested_on,
                by=by, at=at, how={"farm_log": self._work(each.source, start, lot.harvested_on)}, commune_code=each.source.commune_code,
            )  # fmt: skip
            if lot.packed_on <= self._today:
                events.about_lot(
                    session, lot, BusinessStep.PACKING, Disposition.IN_PROGRESS, by=by, at=at, on=lot.packed_on,
                    commune_code=each.source.commune_code,
                )  # fmt: skip
        session.flush()
        return made

    def _add(self, made: Sequence[Lot], passed: Sequence[Passed]) -> None:
        try:
            with self._session.begin_nested():
                self._session.add_all(made)
        except IntegrityError as exc:
            match broken_constraint(exc):
                case "uq_lot_holder_id_code":
                    raise Refused([lots.CodeTaken()]) from exc
                case "harvest_in_one_season":  # a season was opened or moved at this moment
                    places = {(each.season, each.goods.harvested_on) for each in passed}
                    found = [reason for place in places for reason in harvests.elsewhere(self._session, *place)]
                    raise Refused(found) from exc
            raise

    def _volume_reasons(self, holder_id: UUID, goods: Goods) -> list[TemThatError]:
        if goods.volume_g <= 0:
            return [lots.VolumeNotPositive()]
        left: int | None = self._left(holder_id, goods.season_id)
        if left is None:
            return [lots.NoBalance()]
        left -= self._passed[holder_id, goods.season_id]
        if goods.volume_g > left:
            return [lots.BeyondBalance(excess=gate.kg(goods.volume_g - left), left=gate.kg(max(left, 0)))]
        return []

    def _capacity_reasons(self, site: ProductionSite, goods: Goods) -> list[TemThatError]:
        if site.status is SiteStatus.CLOSED:
            return [gate.SiteClosed(site=site.name, site_id=site.id)]
        made = self._made(site.id, goods.season_id) + self._passed[site.id, goods.season_id]
        excess = made + goods.volume_g - site.capacity_g
        if excess <= 0:
            return []
        return [lots.BeyondCapacity(site=site.name, capacity=gate.kg(site.capacity_g), excess=gate.kg(excess))]

    def _ask_season(self, season_id: UUID) -> Season | None:
        return self._session.scalar(select(Season).where(Season.id == season_id).options(joinedload(Season.product)))

    def _ask_balance(self, holder_id: UUID, season_id: UUID) -> int | None:
        """Grams left to a holder in a season. The lock makes two clerks wait for each other."""
        statement = select(EligibleBalance).where(
            EligibleBalance.holder_id == holder_id, EligibleBalance.season_id == season_id
        )
        balance = self._session.scalars(
            statement.with_for_update().execution_options(populate_existing=True)
        ).one_or_none()
        return None if balance is None else balance.allowed_g - lots.recorded(self._session, holder_id, season_id)

    def _ask_made(self, site_id: UUID, season_id: UUID) -> int:
        """Grams that a site has made in a season. Its row is locked, so that two clerks wait for each other."""
        made = select(func.coalesce(func.sum(Lot.volume_g), 0)).where(
            Lot.site_id == site_id, Lot.season_id == season_id, Lot.origin == LotOrigin.RECORDED
        )
        return int(self._session.scalar(made) or 0)
