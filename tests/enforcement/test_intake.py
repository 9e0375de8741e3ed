"""Promises of intake: one signal per source, severity by rule, nothing of the reporter's words, at most one a pattern and order."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from enforcement import intake, law, patterns, triage
from enforcement.models import Signal, SignalSource, SignalState
from tests import factories
from tests.conftest import MASTER, NOW
from tests.enforcement import desk
from trace.models.labels import LabelState
from trace.models.scans import ScanKind, VerdictKind
from trace.models.tips import Tip, TipReason


def test_a_tip_becomes_one_signal_however_often_it_is_taken_in(session: Session, world: factories.World) -> None:
    desk.labels(session, world)
    tip = desk.tip(session, 5)
    first = intake.from_tip(session, tip, at=NOW)
    assert intake.from_tip(session, tip, at=NOW + timedelta(hours=1)) is first
    assert factories.count(session, Signal) == 1
    assert (first.source_number, first.serial, first.holder_id, first.commune_code) == (
        tip.number,
        5,
        world.cooperative.id,
        "10813",
    )
    assert first.state is SignalState.NEW


def test_the_summary_quotes_nothing_that_the_reporter_wrote(session: Session, world: factories.World) -> None:
    desk.labels(session, world)
    signal = intake.from_tip(session, desk.tip(session, 5, description="Tôi là bà Mẫu, gọi 0912345678"), at=NOW)
    assert signal.summary == "Tem khác thường – Vải thiều mẫu – Hợp tác xã vải mẫu Thanh Sơn – tem số 000.005"


@pytest.mark.parametrize(
    ("reason", "state", "severity"),
    [
        (TipReason.OTHER, LabelState.ACTIVATED, 1), (TipReason.NO_LABEL, LabelState.ACTIVATED, 1),
        (TipReason.GOODS_DIFFER, LabelState.ACTIVATED, 2), (TipReason.OTHER, LabelState.VOIDED, 2),
        (TipReason.SCAN_WARNED, LabelState.RECALLED, 3), (TipReason.LABEL_LOOKS_WRONG, LabelState.LOST, 3),
    ],
)  # fmt: skip
def test_severity_follows_the_rule(
    session: Session, world: factories.World, reason: TipReason, state: LabelState, severity: int
) -> None:
    desk.labels(session, world, state=state)
    assert intake.from_tip(session, desk.tip(session, 5, reason=reason), at=NOW).severity == severity


def test_an_observation_is_graver_when_its_code_is_not_in_the_register(
    session: Session, world: factories.World
) -> None:
    desk.labels(session, world)
    known = intake.from_observation(session, desk.observation(session, world.inspector.id, 5), at=NOW)
    forged = intake.from_observation(
        session, desk.observation(session, world.inspector.id, code_text="7K4M-92QD-XJ3P"), at=NOW
    )
    without = intake.from_observation(session, desk.observation(session, world.inspector.id), at=NOW)
    assert [known.severity, forged.severity, without.severity] == [2, 3, 2]
    assert "không có trong sổ" in forged.summary


def test_a_tip_without_label_or_place_name_is_taken_in(session: Session, world: factories.World) -> None:
    tip = desk.tip(session, place=None, commune_code=None, listing_url="https://cho.example/123")
    signal = intake.from_tip(session, tip, at=NOW)
    assert (signal.serial, signal.holder_id, signal.place) == (None, None, "https://cho.example/123")


@pytest.mark.parametrize(
    ("verdict", "state", "devices", "made"),
    [
        (VerdictKind.VOIDED, LabelState.VOIDED, 1, True), (VerdictKind.SUSPECTED_COPY, LabelState.ACTIVATED, 1, True),
        (VerdictKind.NOT_ACTIVATED, LabelState.PRINTED, 3, True), (VerdictKind.NOT_ACTIVATED, LabelState.PRINTED, 2, False),
        (VerdictKind.VALID, LabelState.ACTIVATED, 9, False),
    ],
)  # fmt: skip
def test_patterns_in_the_scans_become_signals(
    session: Session, world: factories.World, verdict: VerdictKind, state: LabelState, devices: int, made: bool
) -> None:
    order = desk.labels(session, world, state=state)
    desk.scans(session, 5, verdict, devices=devices, at=NOW)
    found = patterns.sweep(session, since=NOW - timedelta(hours=1), at=NOW + timedelta(hours=1))
    assert [signal.source_ref for signal in found] == ([f"{verdict.value}:{order.number}:1"] if made else [])


def test_many_scans_of_one_order_are_one_signal_ever(session: Session, world: factories.World) -> None:
    desk.labels(session, world, state=LabelState.VOIDED)
    for serial in range(1, 60):
        desk.scans(session, serial, VerdictKind.VOIDED, devices=2, at=NOW)
    patterns.sweep(session, since=NOW - timedelta(hours=1), at=NOW + timedelta(hours=1))
    patterns.sweep(session, since=NOW - timedelta(hours=1), at=NOW + timedelta(hours=2))
    signals = session.scalars(select(Signal)).all()
    assert len(signals) == 1
    assert "118 lượt, 59 tem" in signals[0].summary
    assert (signals[0].source, signals[0].severity) == (SignalSource.SYSTEM, 3)


@pytest.mark.parametrize("kind", [ScanKind.RELOAD, ScanKind.PREVIEW, ScanKind.CUSTODY])
def test_only_scans_of_real_people_count(session: Session, world: factories.World, kind: ScanKind) -> None:
    desk.labels(session, world, state=LabelState.VOIDED)
    desk.scans(session, 5, VerdictKind.VOIDED, devices=5, at=NOW, kind=kind)
    assert patterns.sweep(session, since=NOW - timedelta(hours=1), at=NOW + timedelta(hours=1)) == []


def test_scans_before_the_sweep_are_not_new(session: Session, world: factories.World) -> None:
    desk.labels(session, world, state=LabelState.VOIDED)
    desk.scans(session, 5, VerdictKind.VOIDED, devices=5, at=NOW)
    assert patterns.sweep(session, since=NOW + timedelta(hours=1), at=NOW + timedelta(hours=2)) == []


def test_what_lies_behind_a_signal_is_found(session: Session, world: factories.World) -> None:
    tip, seen = desk.tip(session), desk.observation(session, world.inspector.id)
    assert intake.behind(session, intake.from_tip(session, tip, at=NOW)) is tip
    raised = intake.from_observation(session, seen, at=NOW)
    assert intake.behind(session, raised) is seen
    assert intake.of_observation(session, seen.id) is raised
    desk.labels(session, world, state=LabelState.VOIDED)
    desk.scans(session, 5, VerdictKind.VOIDED, devices=1, at=NOW)
    [found] = patterns.sweep(session, since=NOW - timedelta(hours=1), at=NOW + timedelta(hours=1))
    assert intake.behind(session, found) is None


@pytest.mark.committed
def test_one_tip_taken_in_by_six_at_once_is_one_signal(committed: Engine) -> None:
    with Session(committed) as session:
        factories.make_world(session, master=MASTER, at=NOW)
        tip_id = desk.tip(session).id
        session.commit()
    together, ids = threading.Barrier(6), []

    def rush() -> None:
        with Session(committed) as own:
            tip = own.get_one(Tip, tip_id)
            together.wait(10)
            ids.append(intake.from_tip(own, tip, at=NOW).id)
            own.commit()

    threads = [threading.Thread(target=rush) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(ids) == 6
    assert len(set(ids)) == 1


def test_reports_on_the_same_label_know_how_many_they_are(session: Session, world: factories.World) -> None:
    tip, _other, _elsewhere = desk.tip(session, 7), desk.tip(session, 7), desk.tip(session, 8)
    assert intake.others_like(session, tip) == 1
    assert intake.others_like(session, desk.tip(session)) == 0


def test_reports_merged_into_one_case_know_how_many_they_are(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    law.seed(session)
    signals = [desk.signal(session, serial) for serial in (None, None, 9)]
    case = triage.open_case(session, signals[0].id, title="Vụ mẫu", store=tmp_path, by=world.officer.id, at=NOW)
    for signal in signals[1:]:
        triage.add_to_case(session, signal.id, case.id, store=tmp_path, by=world.officer.id, at=NOW)
    for signal in signals:
        tip = intake.behind(session, signal)
        assert isinstance(tip, Tip)
        assert intake.others_like(session, tip) == 2
    alone = intake.behind(session, desk.signal(session))
    assert isinstance(alone, Tip)
    assert intake.others_like(session, alone) == 0
