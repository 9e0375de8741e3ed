"""Promises of a case's labels and places: merged cases count in, scans are told by day, and nobody's exact position is guessed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func
from sqlalchemy.orm import Session

from enforcement import intake, labels_of, law, triage
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from trace.models.labels import LabelState
from trace.models.scans import ScanKind, VerdictKind


@pytest.fixture(autouse=True)
def _law(session: Session) -> None:
    law.seed(session)


def test_labels_come_with_their_state_then_and_now_and_what_scans_answered(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    desk.labels(session, world, state=LabelState.VOIDED)
    case = desk.case(session, world, tmp_path, serial=7, place="Chợ mẫu A")
    desk.scans(session, 7, VerdictKind.VOIDED, devices=3, at=NOW)
    desk.scans(session, 7, VerdictKind.VOIDED, devices=2, at=NOW + timedelta(days=1))
    desk.scans(session, 7, VerdictKind.VOIDED, devices=5, at=NOW + timedelta(hours=1), kind=ScanKind.PREVIEW)
    (label,) = labels_of.labels(session, labels_of.signals_of(session, case.id))
    assert label.facts is not None
    assert label.facts.held.state is LabelState.VOIDED
    assert label.then is None, "the ledger of this order begins later"
    assert label.verdicts == [(VerdictKind.VOIDED, 5)]
    scans = labels_of.scans(session, [7])
    assert scans.total == 5
    assert [(day.scans, day.devices) for day in scans.days] == [(2, 2), (3, 3)]
    assert scans.places == [(None, 5)]
    assert [order.number for order in labels_of.orders(session, [label])] == ["DT-2026-00001"]
    assert labels_of.scans(session, []).total == 0


def test_a_label_that_was_never_issued_is_told_as_such(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    case = desk.case(session, world, tmp_path, serial=9999, place="Chợ mẫu A")
    (label,) = labels_of.labels(session, labels_of.signals_of(session, case.id))
    assert (label.facts, label.then, label.verdicts) == (None, None, [])


def test_many_labels_cost_no_more_statements_than_one(
    session: Session, world: factories.World, tmp_path: Path, statements: list[str]
) -> None:
    desk.labels(session, world)

    def asked(*serials: int) -> tuple[list[labels_of.CaseLabel], int]:
        signals = [desk.signal(session, serial, place=f"Chợ mẫu {serial}") for serial in serials]
        session.expire_all()
        for signal in signals:
            session.refresh(signal)
        statements.clear()
        return labels_of.labels(session, signals), len(statements)

    desk.scans(session, 12, VerdictKind.VALID, devices=7, at=NOW)
    desk.scans(session, 13, VerdictKind.VALID, devices=1, at=NOW)
    one, few = asked(11)
    many, more = asked(12, 13, 14, 999_999)
    assert more == few
    assert [(label.serial, label.facts and len(label.facts.looks)) for label in [*one, *many]] == [
        (11, 0), (12, 5), (13, 1), (14, 0), (999_999, None),
    ]  # fmt: skip


def test_signals_of_merged_cases_count_in(session: Session, world: factories.World, tmp_path: Path) -> None:
    kept = desk.case(session, world, tmp_path, serial=7, place="Chợ mẫu A")
    gone = desk.case(session, world, tmp_path, serial=8, place="Chợ mẫu B")
    gone.merged_into_id = kept.id
    session.flush()
    found = labels_of.signals_of(session, kept.id)
    assert {signal.serial for signal in found} == {7, 8}
    assert {label.serial for label in labels_of.labels(session, found)} == {7, 8}


def test_a_place_is_as_exact_as_somebody_said_it(session: Session, world: factories.World, tmp_path: Path) -> None:
    told = desk.case(session, world, tmp_path, place="Chợ mẫu A", cell="20.825,106.325")
    quiet = desk.case(session, world, tmp_path, place="Chợ mẫu B")
    seen = desk.observation(session, world.inspector.id, place="Sạp mẫu", accuracy_m=8)
    seen.location = func.ST_SetSRID(func.ST_MakePoint(106.41, 20.91), 4326)
    session.flush()
    stood = triage.open_case(
        session, intake.from_observation(session, seen, at=NOW).id, title="Vụ mẫu", store=tmp_path, by=world.officer.id, at=NOW,
    )  # fmt: skip

    def spot(case_id: object) -> labels_of.Spot:
        (one,) = labels_of.spots(session, labels_of.signals_of(session, case_id))  # type: ignore[arg-type]
        return one

    assert (spot(told.id).at, spot(told.id).coarse) == ((20.825, 106.325), True)
    assert spot(quiet.id).coarse
    exact = spot(stood.id)
    assert exact.at == pytest.approx((20.91, 106.41))
    assert (exact.coarse, exact.accuracy_m) == (False, 8)
