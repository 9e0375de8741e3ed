"""The system's own rules: what in the scans, the register and the reports becomes a signal, and how often each rule was right.

A rule speaks once about one thing until a person has decided; then it rests, and if the same thing shows again afterwards it speaks again,
as the next in its row (`rule:thing:2`). What must not live here: how the public's reports come in (`intake`). A rule proposes, a
person decides, and the figures of `trust` are what a head reads before changing a limit below.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, case, cast, func, or_, select

from enforcement import intake
from enforcement.models import CaseFile, Outcome, Signal, SignalSource, SignalState, What
from trace.clock import CITY
from trace.models.controls import Nonconformity
from trace.models.labels import LabelGap, LabelOrder, LabelRange, LabelState
from trace.models.scans import Scan, ScanKind, UnknownCode, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.orm import Session

WINDOW = timedelta(days=7)
REST = WINDOW
"""How long a rule says nothing about a thing that a person has decided on; then everything within its window is new since."""

REPORTS_OF_CODE = 3
REPORTS_OF_VOID = 2
UNKNOWN_ASKED = 3
DEVICES_OF_ONE_LABEL = 20
LOOKED_AT_WITHIN = timedelta(hours=6)
"""Only labels looked at so lately are counted over their week: an hour would do, and some runs may have been missed."""
THE_KEY = "KHOA-TEM"
"""What the rule about codes that were never issued speaks of: no order, but the key of the labels."""
_COUNTED_ORDER = re.compile(r"^Đối soát tem của đơn (\S+):")


@dataclass(frozen=True)
class Pattern:
    """When the scans of one order become a signal: from how many devices within a week, and how severe."""

    what: What
    devices: int
    severity: int


# A packer's own look at a fresh label is no pattern: labels not activated need several devices. Impossible travel and scans after an
# opened scratch layer come as SUSPECTED_COPY, by the dated copy rule.
PATTERNS = {
    VerdictKind.VOIDED: Pattern(What.VOIDED_SCANNED, 1, intake.HIGHEST),
    VerdictKind.SUSPECTED_COPY: Pattern(What.SUSPECTED_COPY, 1, intake.HIGHEST),
    VerdictKind.NOT_ACTIVATED: Pattern(What.NOT_ACTIVATED, 3, 2),
}
RULES = (
    What.VOIDED_SCANNED, What.SUSPECTED_COPY, What.NOT_ACTIVATED, What.UNKNOWN_CODE, What.UNKNOWN_SERIALS, What.VOID_ON_SALE,
    What.OVER_BALANCE, What.REPEATED_SCANS,
)  # fmt: skip


@dataclass(frozen=True)
class Trust:
    """How the signals of one kind ended. `confirmed` is the share of infringements among those with a finding; None without any."""

    what: What
    raised: int
    undecided: int
    at_work: int
    ended: dict[Outcome, int]

    @property
    def findings(self) -> int:
        """How many ended with a finding that says something of the rule."""
        return sum(n for outcome, n in self.ended.items() if outcome is not Outcome.UNDETERMINED)

    @property
    def confirmed(self) -> float | None:
        """The share of infringements."""
        return self.ended.get(Outcome.INFRINGEMENT, 0) / self.findings if self.findings else None


def sweep(session: Session, *, since: datetime, at: datetime) -> list[Signal]:
    """Every minute: what scans and reports after `since` and up to `at` show."""
    return [
        *_scanned(session, since=since, at=at),
        *_void_on_sale(session, since=since, at=at),
        *_unknown_codes(session, since=since, at=at),
    ]


def sweep_hourly(session: Session, *, at: datetime) -> list[Signal]:
    """Every hour: what needs a look at a week of scans, or at the books of the register."""
    return [*_unknown_serials(session, at=at), *_off_balance(session, at=at), *_repeated(session, at=at)]


def trust(session: Session) -> list[Trust]:
    """How each rule and each kind of report ended so far: what was found of the signal itself, else of its case."""
    ended = func.coalesce(Signal.outcome, CaseFile.outcome)
    undecided = Signal.state.in_([SignalState.NEW, SignalState.WAITING])
    end = case((undecided, "undecided"), (ended.is_(None), "at_work"), else_=cast(ended, Text)).label("ended")
    rows = session.execute(
        select(Signal.what, end, func.count())
        .outerjoin(CaseFile, CaseFile.id == Signal.case_id)
        .group_by(Signal.what, end)
    ).all()
    found: dict[What, dict[str, int]] = {}
    for what, ended_as, n in rows:
        found.setdefault(what, {})[ended_as] = n
    told = []
    for what in (*RULES, *(what for what in What if what not in RULES)):
        counts = found.get(what, {})
        if not counts and what not in RULES:
            continue
        told.append(
            Trust(
                what,
                raised=sum(counts.values()),
                undecided=counts.get("undecided", 0),
                at_work=counts.get("at_work", 0),
                ended={outcome: counts.get(outcome.value, 0) for outcome in Outcome},
            )
        )
    return told


def _scanned(session: Session, *, since: datetime, at: datetime) -> Iterator[Signal]:
    fresh = (
        select(LabelOrder.id, Scan.verdict, func.min(Scan.serial))
        .join(LabelOrder, LabelOrder.serials.contains(Scan.serial))
        .where(Scan.at > since, Scan.at <= at, Scan.kind == ScanKind.REAL, Scan.verdict.in_(PATTERNS))
        .group_by(LabelOrder.id, LabelOrder.number, Scan.verdict)
        .order_by(LabelOrder.number, Scan.verdict)
    )
    for order_id, verdict, serial in session.execute(fresh).all():
        pattern = PATTERNS[verdict]
        order = session.get_one(LabelOrder, order_id)
        turn = _turn(session, pattern.what, order.number, order.number, at=at)
        if turn is None:
            continue
        scans, labels, devices = session.execute(
            select(func.count(), func.count(Scan.serial.distinct()), func.count(Scan.device.distinct())).where(
                Scan.at > at - WINDOW,
                Scan.at <= at,
                Scan.kind == ScanKind.REAL,
                Scan.verdict == verdict,
                Scan.serial >= order.serials.lower,
                Scan.serial < order.serials.upper,
            )
        ).one()
        if devices >= pattern.devices:
            facts = {"scans": scans, "labels": labels, "order": order.number}
            yield _say(session, pattern.what, order.number, turn, pattern.severity, serial=serial, facts=facts, at=at)


def _void_on_sale(session: Session, *, since: datetime, at: datetime) -> Iterator[Signal]:
    """Labels out of use that people saw on goods: one inspector is enough, of others it takes two."""
    told = _reports(at).join(LabelRange, LabelRange.serials.contains(Signal.serial))
    told = told.join(LabelOrder, LabelOrder.id == LabelRange.order_id).where(
        LabelRange.state.in_(intake.OUT_OF_USE - {LabelState.RECALLED})
    )
    seen = func.count().filter(Signal.source == SignalSource.OBSERVATION)
    rows = session.execute(
        told.with_only_columns(LabelOrder.number, func.min(Signal.serial), func.count())
        .group_by(LabelOrder.number)
        .having(func.max(Signal.filed_at) > since, or_(seen >= 1, func.count() >= REPORTS_OF_VOID))
        .order_by(LabelOrder.number)
    ).all()
    for number, serial, times in rows:
        turn = _turn(session, What.VOID_ON_SALE, number, number, at=at)
        if turn is not None:
            facts = {"times": times, "order": number}
            yield _say(session, What.VOID_ON_SALE, number, turn, intake.HIGHEST, serial=serial, facts=facts, at=at)


def _unknown_codes(session: Session, *, since: datetime, at: datetime) -> Iterator[Signal]:
    """One code that the register does not know, on goods that several people saw."""
    rows = session.execute(
        _reports(at)
        .where(Signal.code.is_not(None))
        .with_only_columns(Signal.code, func.count())
        .group_by(Signal.code)
        .having(func.max(Signal.filed_at) > since, func.count() >= REPORTS_OF_CODE)
        .order_by(Signal.code)
    ).all()
    for printed, times in rows:
        assert printed is not None  # noqa: S101  asked for above
        turn = _turn(session, What.UNKNOWN_CODE, printed, printed, at=at)
        if turn is not None:
            facts = {"times": times, "code": printed}
            yield _say(session, What.UNKNOWN_CODE, printed, turn, intake.HIGHEST, facts=facts, at=at)


def _unknown_serials(session: Session, *, at: datetime) -> Iterator[Signal]:
    """Codes with a right tag that were never issued: nobody makes such a code without a stolen key."""
    turn = _turn(session, What.UNKNOWN_SERIALS, THE_KEY, THE_KEY, at=at)
    if turn is None:
        return
    asked = session.scalar(select(func.sum(UnknownCode.asked)).where(UnknownCode.hour > at - WINDOW)) or 0
    if asked >= UNKNOWN_ASKED:
        facts = {"times": int(asked)}
        yield _say(session, What.UNKNOWN_SERIALS, THE_KEY, turn, intake.HIGHEST, facts=facts, at=at)


def _off_balance(session: Session, *, at: datetime) -> Iterator[Signal]:
    """Labels that are not accounted for: ledger and ranges differ, or a count that differed was not explained in time."""
    gaps = (
        select(LabelOrder.number, LabelOrder.serials)
        .join(LabelGap, LabelGap.order_id == LabelOrder.id)
        .join(Nonconformity, Nonconformity.id == LabelGap.nonconformity_id)
        .where(Nonconformity.closed_at.is_(None))
    )
    numbers = {number: intake.HIGHEST for number, _serials in session.execute(gaps)}
    today = at.astimezone(CITY).date()
    overdue = select(Nonconformity.description).where(
        Nonconformity.closed_at.is_(None), Nonconformity.due_on < today, Nonconformity.blocking,
        Nonconformity.description.startswith("Đối soát tem của đơn "),
    )  # fmt: skip
    for description in session.scalars(overdue):
        named = _COUNTED_ORDER.match(description)
        if named:
            numbers.setdefault(named.group(1), 2)
    for number, severity in sorted(numbers.items()):
        order = session.scalars(select(LabelOrder).where(LabelOrder.number == number)).one_or_none()
        turn = _turn(session, What.OVER_BALANCE, number, number, at=at) if order is not None else None
        if order is not None and turn is not None:
            yield _say(
                session, What.OVER_BALANCE, number, turn, severity, serial=order.serials.lower,
                facts={"order_alone": f"đơn {number}"}, at=at,
            )  # fmt: skip


def _repeated(session: Session, *, at: datetime) -> Iterator[Signal]:
    """One label that many phones looked at within a week, below what the copy rule asks. Many looks at one stall can be innocent."""
    valid = Scan.verdict == VerdictKind.VALID
    fresh = select(Scan.serial).where(Scan.at > at - LOOKED_AT_WITHIN, Scan.at <= at, Scan.kind == ScanKind.REAL, valid)
    lately = fresh.distinct().subquery()
    # As many looks as there have to be phones, found in the index and no further: what is counted in full are the few that have them.
    last_needed = select(Scan.at).where(*_looks(lately.c.serial, at)).offset(DEVICES_OF_ONE_LABEL - 1).limit(1)
    enough = last_needed.correlate(lately).exists()
    for serial in session.scalars(select(lately.c.serial).where(enough).order_by(lately.c.serial)).all():
        known = intake.known_range(session, serial)
        if known is None:
            continue
        number = known.order.number
        turn = _turn(session, What.REPEATED_SCANS, str(serial), number, at=at)
        if turn is None:
            continue
        scans, devices = session.execute(
            select(func.count(), func.count(Scan.device.distinct())).where(*_looks(serial, at))
        ).one()
        if devices >= DEVICES_OF_ONE_LABEL:
            facts = {"scans": scans, "labels": 1, "order": number}
            yield _say(session, What.REPEATED_SCANS, str(serial), turn, 1, serial=serial, facts=facts, at=at)


def _looks(serial: Any, at: datetime) -> tuple[ColumnElement[bool], ...]:
    """The looks of people at one label within the window."""
    return Scan.serial == serial, Scan.at > at - WINDOW, Scan.at <= at, Scan.kind == ScanKind.REAL


def _reports(at: datetime) -> Select[Any]:
    """What people reported and the desk has had within the window.

    By the moment at which it was put on the desk: a letter that lay for days is news on the day on which it is entered.
    """
    return select(Signal).where(
        Signal.source.in_([SignalSource.TIP, SignalSource.OBSERVATION, SignalSource.AGENCY, SignalSource.LISTING]),
        Signal.filed_at > at - WINDOW,
        Signal.filed_at <= at,
    )


def _turn(session: Session, what: What, thing: str, number: str, *, at: datetime) -> int | None:
    """The next turn of a rule about a thing; None while it has to be silent."""
    last = session.execute(
        select(Signal.source_ref, Signal.state, Signal.decided_at)
        .where(
            Signal.what == what,
            Signal.source_number == number,
            Signal.source == SignalSource.SYSTEM,
            Signal.source_ref.startswith(f"{what.value}:{thing}:", autoescape=True),
        )
        .order_by(Signal.received_at.desc())
        .limit(1)
    ).one_or_none()
    if last is None:
        return 1
    decided = last.state in {SignalState.IN_CASE, SignalState.REJECTED}
    if not decided or at < last.decided_at + REST:
        return None
    return int(last.source_ref.rpartition(":")[2]) + 1


def _say(
    session: Session,
    what: What,
    thing: str,
    turn: int,
    severity: int,
    *,
    facts: dict[str, Any],
    at: datetime,
    serial: int | None = None,
) -> Signal:
    return intake.raise_signal(
        session,
        source=SignalSource.SYSTEM,
        source_ref=f"{what.value}:{thing}:{turn}",
        source_number=str(facts.get("order") or thing),
        what=what,
        key=f"rule:{what.value}:{thing}",
        serial=serial,
        severity=severity,
        facts=facts,
        received_at=at,
        by=None,
        at=at,
    )
