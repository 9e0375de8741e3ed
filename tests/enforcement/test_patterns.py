"""Promises of the system's rules: each speaks of what it is for, once until a person decided, again after a rest; and is measured."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from enforcement import intake, law, patterns, triage
from enforcement.models import Outcome, Signal, SignalSource, SignalState, What
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from trace.models.controls import Nonconformity, Severity
from trace.models.labels import LabelGap, LabelOrder, LabelState
from trace.models.scans import UnknownCode, VerdictKind

DAY = timedelta(days=1)
UNKNOWN = ("7K4M-92QD-XJ3P", "7k4m 92qd xj3p", "7K4M92QDXJ3P")


def swept(session: Session, at: object = NOW) -> list[Signal]:
    return patterns.sweep(session, since=at - DAY, at=at)  # type: ignore[operator, arg-type]


def reject(session: Session, world: factories.World, signal: Signal, at: object = NOW) -> None:
    triage.reject(session, signal.id, reason="Đã xem", outcome=Outcome.NO_VIOLATION, by=world.officer.id, at=at)  # type: ignore[arg-type]


def test_a_pattern_rests_after_a_decision_and_speaks_again_as_the_next_in_its_row(
    session: Session, world: factories.World
) -> None:
    order = desk.labels(session, world, state=LabelState.VOIDED)
    desk.scans(session, 5, VerdictKind.VOIDED, devices=1, at=NOW - DAY / 2)
    [first] = swept(session)
    assert swept(session) == []
    reject(session, world, first)
    for days in (1, 6):
        desk.scans(session, 6, VerdictKind.VOIDED, devices=1, at=NOW + days * DAY)
        assert swept(session, NOW + days * DAY + DAY / 2) == []
    later = NOW + 8 * DAY
    desk.scans(session, 7, VerdictKind.VOIDED, devices=2, at=later - DAY / 4)
    [second] = swept(session, later)
    assert [first.source_ref, second.source_ref] == [f"voided:{order.number}:1", f"voided:{order.number}:2"]
    assert second.facts["labels"] == 2  # those of before the decision are not counted again
    assert second.cluster_id != first.cluster_id


def test_labels_out_of_use_on_goods_take_one_inspector_or_two_others(session: Session, world: factories.World) -> None:
    desk.labels(session, world, state=LabelState.VOIDED)
    desk.labels(session, world, first=1001, state=LabelState.LOST)
    desk.labels(session, world, first=2001, state=LabelState.RECALLED)
    desk.signal(session, 5, at=NOW - DAY / 2)
    assert [signal.what for signal in swept(session)] == []
    desk.signal(session, 6, at=NOW - DAY / 3)
    intake.from_observation(session, desk.observation(session, world.inspector.id, 1005), at=NOW)
    intake.from_observation(session, desk.observation(session, world.inspector.id, 2005), at=NOW)
    found = swept(session)
    assert [(signal.what, signal.facts["order"], signal.severity) for signal in found] == [
        (What.VOID_ON_SALE, "DT-2026-00001", 3),
        (What.VOID_ON_SALE, "DT-2026-01001", 3),
    ]
    assert swept(session) == []


def test_a_printed_code_that_several_people_report_and_nobody_issued(session: Session, world: factories.World) -> None:
    for code in UNKNOWN[:2]:
        desk.signal(session, code_text=code, at=NOW - DAY / 2)
    assert swept(session) == []
    desk.signal(session, code_text=UNKNOWN[2], at=NOW - DAY / 3)
    [found] = swept(session)
    assert (found.what, found.severity, found.facts) == (What.UNKNOWN_CODE, 3, {"times": 3, "code": "7K4M92QDXJ3P"})
    assert found.summary.endswith("báo nhiều lần: 3 lần – mã 7K4M-92QD-XJ3P")


def test_letters_that_lay_for_days_count_on_the_day_on_which_they_are_entered(
    session: Session, world: factories.World
) -> None:
    desk.labels(session, world, state=LabelState.VOIDED)
    entered = NOW + 9 * DAY
    for n in range(3):
        for facts in ({"code_text": UNKNOWN[n]}, {"serial": 5 + n}):
            tip = desk.tip(session, at=NOW, **facts)
            intake.from_tip(session, tip, at=entered, by=world.officer.id)
    found = swept(session, entered + DAY / 2)
    assert {signal.what for signal in found} == {What.UNKNOWN_CODE, What.VOID_ON_SALE}
    assert swept(session, entered + DAY / 2) == []


def test_codes_with_a_right_tag_that_were_never_issued(session: Session, world: factories.World) -> None:
    session.add(UnknownCode(hour=NOW - DAY / 2, asked=2))
    session.flush()
    assert patterns.sweep_hourly(session, at=NOW) == []
    session.add(UnknownCode(hour=NOW - DAY / 3, asked=2))
    session.flush()
    [found] = patterns.sweep_hourly(session, at=NOW)
    assert (found.what, found.facts, found.severity) == (What.UNKNOWN_SERIALS, {"times": 4}, 3)


def gap(session: Session, world: factories.World, order: LabelOrder, description: str, due: int) -> Nonconformity:
    made = Nonconformity(
        title_id=world.title.id, holder_id=world.cooperative.id, severity=Severity.MAJOR, blocking=True, description=description,
        found_on=(NOW - 9 * DAY).date(), due_on=(NOW + due * DAY).date(), recorded_at=NOW - 9 * DAY, recorded_by=None,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def test_labels_that_are_not_accounted_for(session: Session, world: factories.World) -> None:
    first, second, third = (desk.labels(session, world, first=n) for n in (1, 1001, 2001))
    made = gap(session, world, first, "Đối soát tự động", 5)
    session.add(LabelGap(order_id=first.id, difference="x", nonconformity_id=made.id, found_at=NOW))
    gap(session, world, second, f"Đối soát tem của đơn {second.number}: đếm được 3, sổ ghi 5", -1)
    gap(session, world, third, f"Đối soát tem của đơn {third.number}: đếm được 3, sổ ghi 5", 1)
    session.flush()
    found = patterns.sweep_hourly(session, at=NOW)
    assert [(signal.what, signal.source_number, signal.severity) for signal in found] == [
        (What.OVER_BALANCE, first.number, 3),
        (What.OVER_BALANCE, second.number, 2),
    ]


@pytest.mark.parametrize(("devices", "made"), [(19, 0), (20, 1)])
def test_one_label_that_very_many_phones_looked_at(
    session: Session, world: factories.World, devices: int, made: int
) -> None:
    desk.labels(session, world)
    desk.scans(session, 5, VerdictKind.VALID, devices=devices, at=NOW - timedelta(minutes=30))
    desk.scans(session, 51, VerdictKind.VALID, devices=2, at=NOW - timedelta(minutes=30))
    found = patterns.sweep_hourly(session, at=NOW)
    assert [(signal.what, signal.serial, signal.severity) for signal in found] == [(What.REPEATED_SCANS, 5, 1)] * made


def test_phones_that_come_two_an_hour_for_days_are_many_phones_too(session: Session, world: factories.World) -> None:
    desk.labels(session, world)
    for hour in range(12):
        desk.scans(session, 5, VerdictKind.VALID, devices=2, first=2 * hour, at=NOW + timedelta(hours=hour))
    desk.scans(session, 51, VerdictKind.VALID, devices=2, at=NOW + timedelta(hours=11))
    assert patterns.sweep_hourly(session, at=NOW + timedelta(hours=9)) == []
    # The run of the very hour was missed.
    [found] = patterns.sweep_hourly(session, at=NOW + timedelta(hours=14))
    assert (found.what, found.serial, found.facts["scans"]) == (What.REPEATED_SCANS, 5, 24)


def test_how_right_a_rule_was_is_told_by_how_its_signals_ended(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    law.seed(session)
    desk.case(session, world, tmp_path).outcome = Outcome.INFRINGEMENT
    for n, outcome in enumerate([Outcome.NO_VIOLATION, Outcome.DATA_ERROR, Outcome.UNDETERMINED]):
        signal = desk.signal(session, place=f"Sạp {'abcd'[n] * 9}")
        triage.reject(session, signal.id, reason="x", outcome=outcome, by=world.officer.id, at=NOW)
    by_case = desk.case(session, world, tmp_path)
    desk.signal(session)
    told = {each.what: each for each in patterns.trust(session)}
    found = told[What.LABEL_LOOKS_WRONG]
    assert (found.raised, found.undecided, found.at_work, found.findings) == (6, 1, 1, 3)
    assert found.confirmed == pytest.approx(1 / 3)
    by_case.outcome = Outcome.INFRINGEMENT
    session.flush()
    found = {each.what: each for each in patterns.trust(session)}[What.LABEL_LOOKS_WRONG]
    assert (found.at_work, found.confirmed) == (0, pytest.approx(2 / 4))
    assert told[What.VOIDED_SCANNED].confirmed is None
    assert What.SEEN not in told


def test_the_facts_of_a_pattern_are_kept_for_readers_of_another_language(
    session: Session, world: factories.World
) -> None:
    order = desk.labels(session, world, state=LabelState.VOIDED)
    desk.scans(session, 5, VerdictKind.VOIDED, devices=2, at=NOW - DAY / 2)
    swept(session)
    found = session.scalars(select(Signal).where(Signal.source == SignalSource.SYSTEM)).one()
    assert (found.what, found.state) == (What.VOIDED_SCANNED, SignalState.NEW)
    assert found.facts == {
        "scans": 2, "labels": 1, "order": order.number, "serial": 5, "product": "Vải thiều mẫu", "holder": "Hợp tác xã vải mẫu Thanh Sơn",
    }  # fmt: skip
