"""Where signals come from: tips, field observations, and patterns in the scans. One signal per source, kept so by constraint.

A signal accuses nobody and opens nothing: a person decides (see `triage`). Its summary is built from the register alone and never
quotes the reporter, whose own words may name them. Summaries are records of the desk, so they are in its language, Vietnamese.

Severity, from 1 (low) to 3 (high), by rule:
  tip           1; 2 if the label, the goods or the scan speak against it; one more if the label is out of use or recalled
  observation   2, since an inspector saw it; 3 if the label is out of use, recalled, or its code is not in the register
  system        3 for labels out of use that are scanned, and for suspected copies; 2 for labels scanned before activation
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, func, literal, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import joinedload

from enforcement.models import Observation, Signal, SignalSource, SignalState
from labels.code import show_serial
from trace.models.labels import LabelOrder, LabelRange, LabelState
from trace.models.lots import Lot
from trace.models.scans import Scan, ScanKind, VerdictKind
from trace.models.tips import Tip, TipReason
from trace.services import history

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

HIGHEST = 3
OUT_OF_USE = frozenset(
    {LabelState.VOIDED, LabelState.SPOILED, LabelState.LOST, LabelState.RETURNED, LabelState.RECALLED}
)
SPEAKS_AGAINST = frozenset({TipReason.LABEL_LOOKS_WRONG, TipReason.GOODS_DIFFER, TipReason.SCAN_WARNED})
SUMMARY_MOST = 300

_REASON_WORDS = {
    TipReason.LABEL_LOOKS_WRONG: "Tem khác thường",
    TipReason.GOODS_DIFFER: "Hàng không giống thông tin trên tem",
    TipReason.NO_LABEL: "Hàng không có tem",
    TipReason.SCAN_WARNED: "Quét mã thấy cảnh báo",
    TipReason.OTHER: "Phản ánh khác",
}


@dataclass(frozen=True)
class _Pattern:
    """When scans of one order become a signal: from how many devices within a week, how severe, in which words."""

    devices: int
    severity: int
    words: str


# A packer's own look at a fresh label is no pattern: labels not activated need several devices.
PATTERNS = {
    VerdictKind.VOIDED: _Pattern(1, HIGHEST, "Tem đã loại khỏi sử dụng vẫn được quét"),
    VerdictKind.SUSPECTED_COPY: _Pattern(1, HIGHEST, "Nghi tem bị sao chép"),
    VerdictKind.NOT_ACTIVATED: _Pattern(3, 2, "Tem chưa kích hoạt đã được quét"),
}
WINDOW = timedelta(days=7)


def from_tip(session: Session, tip: Tip, *, at: datetime) -> Signal:
    """The signal of a tip; the one there already if the tip came before."""
    session.flush()
    known = _known(session, tip.serial)
    severity = 1 + (tip.reason in SPEAKS_AGAINST) + (known is not None and known.state in OUT_OF_USE)
    return _enter(
        session,
        source=SignalSource.TIP,
        source_ref=str(tip.id),
        source_number=tip.number,
        serial=tip.serial,
        known=known,
        commune_code=tip.commune_code,
        place=tip.place or tip.listing_url or tip.seller,
        what=_REASON_WORDS[tip.reason],
        severity=min(severity, HIGHEST),
        received_at=tip.received_at,
        by=None,
        at=at,
    )


def others_like(session: Session, tip: Tip) -> int:
    """How many other tips tell of the same label, or have become part of the same case. Nothing else of them may be told."""
    own = select(Signal.case_id).where(Signal.source == SignalSource.TIP, Signal.source_ref == str(tip.id))
    case_id = session.scalar(own)
    beside = (
        session.scalars(
            select(Signal.source_ref).where(Signal.source == SignalSource.TIP, Signal.case_id == case_id)
        ).all()
        if case_id is not None
        else ()
    )
    alike: list[ColumnElement[bool]] = [Tip.id.in_([UUID(ref) for ref in beside])]
    if tip.serial is not None:
        alike.append(Tip.serial == tip.serial)
    return session.scalars(select(func.count()).select_from(Tip).where(Tip.id != tip.id, or_(*alike))).one()


def from_observation(session: Session, observation: Observation, *, at: datetime) -> Signal:
    """The signal of a field observation; the one there already if it came before."""
    session.flush()
    known = _known(session, observation.serial)
    unknown_code = known is None and (observation.serial is not None or observation.code_text is not None)
    grave = unknown_code or (known is not None and known.state in OUT_OF_USE)
    return _enter(
        session,
        source=SignalSource.OBSERVATION,
        source_ref=str(observation.id),
        source_number=observation.number,
        serial=observation.serial,
        known=known,
        commune_code=observation.commune_code,
        place=observation.place,
        what="Quan sát thực địa, mã không có trong sổ cấp tem" if unknown_code else "Quan sát thực địa",
        severity=HIGHEST if grave else 2,
        received_at=observation.recorded_at,
        by=observation.inspector_id,
        at=at,
    )


def sweep(session: Session, *, since: datetime, at: datetime) -> list[Signal]:
    """Look through the real scans after `since` and up to `at`; at most one signal for each order and pattern, ever."""
    fresh = (
        select(LabelOrder.id, Scan.verdict, func.min(Scan.serial))
        .join(LabelOrder, LabelOrder.serials.contains(Scan.serial))
        .where(Scan.at > since, Scan.at <= at, Scan.kind == ScanKind.REAL, Scan.verdict.in_(PATTERNS))
        .group_by(LabelOrder.id, LabelOrder.number, Scan.verdict)
        .order_by(LabelOrder.number, Scan.verdict)
    )
    made = []
    for order_id, verdict, serial in session.execute(fresh).all():
        signal = from_system(session, verdict, order_id=order_id, serial=serial, since=min(since, at - WINDOW), at=at)
        if signal is not None:
            made.append(signal)
    return made


def from_system(
    session: Session, verdict: VerdictKind, *, order_id: UUID, serial: int, since: datetime, at: datetime
) -> Signal | None:
    """The signal of a pattern in one order's scans; None below the pattern's limit. `serial`: one label that shows it."""
    pattern = PATTERNS[verdict]
    order = session.get_one(LabelOrder, order_id)
    seen = session.execute(
        select(func.count(), func.count(Scan.serial.distinct()), func.count(Scan.device.distinct())).where(
            Scan.at > since,
            Scan.at <= at,
            Scan.kind == ScanKind.REAL,
            Scan.verdict == verdict,
            Scan.serial >= order.serials.lower,
            Scan.serial < order.serials.upper,
        )
    ).one()
    scans, labels, devices = seen
    if devices < pattern.devices:
        return None
    return _enter(
        session,
        source=SignalSource.SYSTEM,
        source_ref=f"{verdict.value}:{order.number}",
        source_number=order.number,
        serial=serial,
        known=_known(session, serial),
        commune_code=None,
        place=None,
        what=f"{pattern.words}: {scans} lượt, {labels} tem, đơn {order.number}",
        severity=pattern.severity,
        received_at=at,
        by=None,
        at=at,
    )


def of_observation(session: Session, observation_id: UUID) -> Signal | None:
    """The signal that an observation raised."""
    return session.scalars(
        select(Signal).where(Signal.source == SignalSource.OBSERVATION, Signal.source_ref == str(observation_id))
    ).one_or_none()


def behind(session: Session, signal: Signal) -> Tip | Observation | None:
    """The tip or observation that a signal came from; None for the system's own signals."""
    if signal.source is SignalSource.TIP:
        return session.get(Tip, UUID(signal.source_ref))
    if signal.source is SignalSource.OBSERVATION:
        return session.get(Observation, UUID(signal.source_ref))
    return None


def _known(session: Session, serial: int | None) -> LabelRange | None:
    """The range that a serial lies in, if it was ever issued."""
    if serial is None:
        return None
    statement = (
        select(LabelRange)
        .where(LabelRange.serials.contains(literal(serial, BigInteger())))
        .options(
            joinedload(LabelRange.order).options(
                joinedload(LabelOrder.holder), joinedload(LabelOrder.lot).joinedload(Lot.product)
            )
        )
    )
    return session.scalars(statement).one_or_none()


def _summary(what: str, known: LabelRange | None, serial: int | None) -> str:
    parts = [what]
    if known is not None:
        parts += [known.order.lot.product.name, known.order.holder.name]
    if serial is not None:
        parts.append(f"tem số {show_serial(serial)}")
    return " – ".join(parts)[:SUMMARY_MOST]


def _enter(
    session: Session,
    *,
    source: SignalSource,
    source_ref: str,
    source_number: str,
    serial: int | None,
    known: LabelRange | None,
    commune_code: str | None,
    place: str | None,
    what: str,
    severity: int,
    received_at: datetime,
    by: UUID | None,
    at: datetime,
) -> Signal:
    statement = (
        insert(Signal)
        .values(
            source=source,
            source_ref=source_ref,
            source_number=source_number,
            serial=serial,
            holder_id=known.order.holder_id if known else None,
            commune_code=commune_code,
            place=place,
            summary=_summary(what, known, serial),
            severity=severity,
            received_at=received_at,
            state=SignalState.NEW,
        )
        .on_conflict_do_nothing(index_elements=["source", "source_ref"])
        .returning(Signal.id)
    )
    made = session.scalars(statement).one_or_none()
    signal = session.scalars(select(Signal).where(Signal.source == source, Signal.source_ref == source_ref)).one()
    if made is not None:
        history.record(session, "signal:receive", signal.id, by=by, at=at, changes={"severity": (None, severity)})
    return signal
