"""Promises of triage: once, with a name and a reason; similar ones are shown first; reporters learn nothing about anybody."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from enforcement import feedback, law, triage
from enforcement.models import CaseEvent, CaseFile, CustodyEvent, Evidence, Outcome, SignalState
from enforcement.transitions import CaseState
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from trace.errors import NotFound
from trace.models.history import History
from trace.models.tips import Tip, TipState


@pytest.fixture(autouse=True)
def _law(session: Session) -> None:
    law.seed(session)


def test_opening_a_case_takes_number_severity_photos_and_writes_it_down(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    photos = [desk.photo(session, tmp_path, shade) for shade in (1, 2)]
    signal = desk.signal(session, photos=photos)
    case = triage.open_case(session, signal.id, title=" Vụ mẫu ", store=tmp_path, by=world.officer.id, at=NOW)
    assert (case.number, case.title, case.state, case.severity) == ("VV-2026-00001", "Vụ mẫu", CaseState.RECEIVED, 2)
    assert case.suspect_id is None  # nobody is accused by opening
    assert signal.state is SignalState.IN_CASE
    assert signal.decided_by == world.officer.id
    pieces = session.scalars(select(Evidence).order_by(Evidence.folio)).all()
    assert [(piece.folio, piece.sha256) for piece in pieces] == [(1, photos[0].sha256), (2, photos[1].sha256)]
    assert factories.count(session, CustodyEvent, CustodyEvent.seq == 1, CustodyEvent.deed == "taken") == 2
    events = session.scalars(select(CaseEvent).order_by(CaseEvent.seq)).all()
    assert [(event.seq, event.deed) for event in events] == [(1, "open"), (2, "add_signal")]
    assert events[1].facts["folios"] == [1, 2]
    deeds = set(session.scalars(select(History.deed).where(History.subject_id.in_([signal.id, case.id]))))
    assert {"signal:receive", "signal:join", "case:open"} <= deeds


def test_a_second_signal_joins_the_open_case_and_its_photos_come_once(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    case = desk.case(session, world, tmp_path)
    shared = desk.photo(session, tmp_path, 5)
    second = desk.signal(session, reason=desk.TipReason.GOODS_DIFFER, photos=[shared])
    third = desk.signal(session, photos=[shared])
    for signal in (second, third):
        triage.add_to_case(session, signal.id, case.id, store=tmp_path, by=world.officer.id, at=NOW)
    assert factories.count(session, Evidence, Evidence.case_id == case.id) == 1
    session.refresh(case)
    assert len(case.signals) == 3


def test_a_graver_signal_makes_the_case_graver(session: Session, world: factories.World, tmp_path: Path) -> None:
    case = desk.case(session, world, tmp_path)
    desk.labels(session, world, state=desk.LabelState.VOIDED)
    grave = desk.signal(session, 5)
    assert triage.add_to_case(session, grave.id, case.id, store=tmp_path, by=world.officer.id, at=NOW).severity == 3


def test_a_decided_signal_is_refused_with_who_decided_it_and_when(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    signal = desk.signal(session)
    triage.reject(session, signal.id, reason="Gõ nhầm mã", outcome=Outcome.DATA_ERROR, by=world.team_head.id, at=NOW)
    with pytest.raises(triage.SignalDecided) as refused:
        triage.open_case(session, signal.id, title="Vụ mẫu", store=tmp_path, by=world.officer.id, at=NOW)
    assert refused.value.facts == {"who": "Người mẫu Đội", "when": "10:00 15/06/2026"}
    assert factories.count(session, CaseFile) == 0


def test_a_rejected_signal_keeps_reason_and_outcome_and_the_reporter_reads_a_neutral_answer(
    session: Session, world: factories.World
) -> None:
    signal = desk.signal(session)
    triage.reject(
        session, signal.id, reason="Sạp bà Mẫu có hóa đơn", outcome=Outcome.NO_VIOLATION, by=world.officer.id, at=NOW
    )
    assert (signal.state, signal.outcome, signal.reason) == (
        SignalState.REJECTED,
        Outcome.NO_VIOLATION,
        "Sạp bà Mẫu có hóa đơn",
    )
    told = session.scalars(select(Tip)).one()
    assert told.state is TipState.CLOSED
    assert told.answer == feedback.answer(Outcome.NO_VIOLATION)
    assert "Mẫu" not in (told.answer or "")


def test_a_waiting_signal_may_be_decided_later(session: Session, world: factories.World, tmp_path: Path) -> None:
    signal = desk.signal(session)
    triage.wait(session, signal.id, until=date(2026, 6, 20), reason="Chờ ảnh", by=world.officer.id, at=NOW)
    assert (signal.state, signal.wait_until) == (SignalState.WAITING, date(2026, 6, 20))
    triage.wait(session, signal.id, until=date(2026, 6, 25), reason="Chờ thêm", by=world.officer.id, at=NOW)
    triage.open_case(session, signal.id, title="Vụ mẫu", store=tmp_path, by=world.officer.id, at=NOW)
    assert signal.state is SignalState.IN_CASE


@pytest.mark.parametrize("days", [-1, 0, 367])
def test_waiting_is_for_a_day_ahead_within_a_year(session: Session, world: factories.World, days: int) -> None:
    signal = desk.signal(session)
    with pytest.raises(triage.WaitNotAhead):
        triage.wait(
            session, signal.id, until=NOW.date() + timedelta(days=days), reason="x", by=world.officer.id, at=NOW
        )


@pytest.mark.parametrize("reason", ["", "  ", "x" * 2001])
def test_putting_aside_needs_a_reason(session: Session, world: factories.World, reason: str) -> None:
    signal = desk.signal(session)
    with pytest.raises(triage.ReasonMissing):
        triage.reject(session, signal.id, reason=reason, outcome=Outcome.UNDETERMINED, by=world.officer.id, at=NOW)
    assert signal.state is SignalState.NEW


@pytest.mark.parametrize("title", ["", " ", "x" * 201])
def test_a_case_needs_a_title(session: Session, world: factories.World, tmp_path: Path, title: str) -> None:
    signal = desk.signal(session)
    with pytest.raises(triage.TitleMissing):
        triage.open_case(session, signal.id, title=title, store=tmp_path, by=world.officer.id, at=NOW)


def test_what_is_not_there_is_not_found(session: Session, world: factories.World, tmp_path: Path) -> None:
    nothing = factories.some_id()
    with pytest.raises(NotFound):
        triage.open_case(session, nothing, title="x", store=tmp_path, by=world.officer.id, at=NOW)
    with pytest.raises(NotFound):
        triage.add_to_case(session, desk.signal(session).id, nothing, store=tmp_path, by=world.officer.id, at=NOW)
    with pytest.raises(NotFound):
        triage.get(session, nothing)


def test_a_damaged_photo_does_not_stop_a_case_and_is_named(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    from trace.services import files

    photo = desk.photo(session, tmp_path)
    path = files.original_path(tmp_path, photo)
    path.chmod(0o640)
    path.write_bytes(b"not what came")
    case = desk.case(session, world, tmp_path, photos=[photo])
    assert factories.count(session, Evidence) == 0
    joined = session.scalars(
        select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.deed == "add_signal")
    ).one()
    assert joined.facts["damaged"] == [photo.sha256]
