"""The labels that a case is about, and the places: what the register and the scans say of them.

Only reading. What must not live here: judging them (a person does), and anything of who reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from enforcement import membership
from enforcement.models import Observation, Signal, SignalSource
from trace.clock import CITY
from trace.models.labels import LabelOrder
from trace.models.parties import Commune
from trace.models.scans import Scan, ScanKind, ScanPosition, VerdictKind
from trace.models.tips import Tip
from trace.services import lookback, officer_facts, provinces

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.orm import Session

    from trace.models.labels import LabelState
    from trace.services.officer_facts import LabelStory

MOST = 50
"""So many labels are shown; a case with more names its orders and their ranges."""
DAYS_SHOWN = 60


@dataclass(frozen=True)
class CaseLabel:
    """One label of a case: the signals that name it, what the register knows, and what the scans of it answered."""

    serial: int
    signals: Sequence[Signal]
    facts: LabelStory | None
    then: LabelState | None
    """Its state when the first of these signals came in, from the ledger alone."""
    verdicts: Sequence[tuple[VerdictKind, int]]


@dataclass(frozen=True)
class Day:
    """How often the labels of a case were scanned on a day, by how many devices."""

    on: date
    scans: int
    devices: int


@dataclass(frozen=True)
class ScansOf:
    """The public's scans of the labels of a case, over time and space."""

    total: int
    days: Sequence[Day]
    places: Sequence[tuple[str | None, int]]


@dataclass(frozen=True)
class Spot:
    """A place that the case speaks of. Latitude and longitude are of the spot, of the middle of a coarse cell, or missing."""

    signal: Signal
    name: str
    commune: str | None
    at: tuple[float, float] | None
    coarse: bool
    accuracy_m: int | None


def signals_of(session: Session, case_id: UUID) -> Sequence[Signal]:
    """The signals of a case and of every case merged into it, first come first."""
    statement = (
        select(Signal)
        .where(Signal.case_id.in_(membership.member_ids(case_id)))
        .order_by(Signal.received_at, Signal.id)
        .options(joinedload(Signal.commune).load_only(Commune.name), joinedload(Signal.case))
    )
    return session.scalars(statement).all()


def labels(session: Session, signals: Sequence[Signal]) -> list[CaseLabel]:
    """The labels that signals name, in the order in which they were named."""
    named = dict[int, list[Signal]]()
    for signal in signals:
        if signal.serial is not None:
            named.setdefault(signal.serial, []).append(signal)
    serials = list(named)[:MOST]
    answered = dict[int, list[tuple[VerdictKind, int]]]()
    counted = (
        select(Scan.serial, Scan.verdict, func.count().label("number"))
        .where(Scan.serial.in_(serials), Scan.kind == ScanKind.REAL)
        .group_by(Scan.serial, Scan.verdict)
        .order_by(func.count().desc(), Scan.verdict)
    )
    for row in session.execute(counted):
        answered.setdefault(row.serial, []).append((row.verdict, row.number))
    stories = officer_facts.of_labels(session, serials)
    then = lookback.states_at(session, {serial: named[serial][0].received_at for serial in serials})
    return [
        CaseLabel(
            serial=serial,
            signals=named[serial],
            facts=stories.get(serial),
            then=then.get(serial),
            verdicts=answered.get(serial, []),
        )
        for serial in serials
    ]


def scans(session: Session, serials: Sequence[int]) -> ScansOf:
    """The scans of some labels by day of the city and by province."""
    if not serials:
        return ScansOf(0, (), ())
    real = Scan.serial.in_(serials), Scan.kind == ScanKind.REAL
    day = func.date(func.timezone(CITY.key, Scan.at)).label("day")
    by_day = session.execute(
        select(day, func.count().label("scans"), func.count(Scan.device.distinct()).label("devices"))
        .where(*real)
        .group_by(day)
        .order_by(day.desc())
        .limit(DAYS_SHOWN)
    )
    told = (
        (ScanPosition.serial == Scan.serial)
        & (ScanPosition.device == Scan.device)
        & ScanPosition.withdrawn_at.is_(None)
    )
    province = func.coalesce(Scan.province, ScanPosition.province).label("province")
    by_place = session.execute(
        select(province, func.count().label("scans"))
        .select_from(Scan)
        .outerjoin(ScanPosition, told)
        .where(*real)
        .group_by(province)
        .order_by(func.count().desc(), province)
    ).all()
    return ScansOf(
        total=sum(row.scans for row in by_place),
        days=[Day(row.day, row.scans, row.devices) for row in by_day],
        places=[(provinces.NAMES.get(row.province), row.scans) for row in by_place],
    )


def orders(session: Session, case_labels: Sequence[CaseLabel]) -> Sequence[LabelOrder]:
    """The orders that the labels of a case are of, with their lots."""
    ids = {label.facts.order.id for label in case_labels if label.facts}
    statement = (
        select(LabelOrder)
        .where(LabelOrder.id.in_(ids))
        .order_by(LabelOrder.number)
        .options(joinedload(LabelOrder.holder), joinedload(LabelOrder.lot))
    )
    return session.scalars(statement).all()


def spots(session: Session, signals: Sequence[Signal]) -> list[Spot]:
    """Where the signals of a case point to: an inspector's position, a reporter's coarse cell if it was given, or the commune alone."""
    seen = {str(row.id): row for row in session.scalars(select(Observation).where(_refs(Observation, signals)))}
    stood = {
        str(row.id): (row.lat, row.lon)
        for row in session.execute(
            select(
                Observation.id,
                func.ST_Y(Observation.location).label("lat"),
                func.ST_X(Observation.location).label("lon"),
            ).where(_refs(Observation, signals), Observation.location.is_not(None))
        )
    }
    told = {str(row.id): row.cell for row in session.execute(select(Tip.id, Tip.cell).where(_refs(Tip, signals)))}
    middles = dict[str, tuple[float, float]]()
    codes = {signal.commune_code for signal in signals if signal.commune_code}
    for row in session.execute(
        select(
            Commune.code,
            func.ST_Y(func.ST_PointOnSurface(Commune.boundary)).label("lat"),
            func.ST_X(func.ST_PointOnSurface(Commune.boundary)).label("lon"),
        ).where(Commune.code.in_(codes), Commune.boundary.is_not(None))
    ):
        middles[row.code] = (row.lat, row.lon)
    found = []
    for signal in signals:
        exact = stood.get(signal.source_ref) if signal.source is SignalSource.OBSERVATION else None
        cell = _cell(told.get(signal.source_ref)) if signal.source is SignalSource.TIP else None
        observed = seen.get(signal.source_ref) if signal.source is SignalSource.OBSERVATION else None
        if signal.place or signal.commune:
            found.append(
                Spot(
                    signal=signal,
                    name=signal.place or "–",
                    commune=signal.commune.name if signal.commune else None,
                    at=exact or cell or middles.get(signal.commune_code or ""),
                    coarse=exact is None,
                    accuracy_m=observed.accuracy_m if observed and exact else None,
                )
            )
    return found


def _refs(kind: type[Any], signals: Sequence[Signal]) -> Any:
    """The rows of a kind that signals came from."""
    source = SignalSource.TIP if kind is Tip else SignalSource.OBSERVATION
    return kind.id.in_(
        [UUID(signal.source_ref) for signal in signals if signal.source is source and _is_id(signal.source_ref)]
    )


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _cell(text: str | None) -> tuple[float, float] | None:
    """The middle of the coarse cell that a report tells of."""
    try:
        lat, lon = (float(part) for part in (text or "").split(","))
    except ValueError:
        return None
    return (lat, lon) if abs(lat) <= 90 and abs(lon) <= 180 else None
