"""Promises of the lists: most pressing first, right counts, search that folds diacritics and puts exact hits first."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from enforcement import cases, law, queue, triage
from enforcement.models import Outcome, SignalSource
from enforcement.queue import CaseFilter, Pressing, SignalFilter
from enforcement.transitions import CaseState, Move
from labels.code import show
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk


@pytest.fixture(autouse=True)
def _law(session: Session) -> None:
    law.seed(session)


def numbers(session: Session, asked: SignalFilter | None = None) -> list[str]:
    rows, total = queue.signals(session, asked or SignalFilter(), at=NOW)
    assert total == len(rows)
    return [row.lead.source_number for row in rows if row.lead]


def test_the_severest_signal_comes_first_then_the_oldest(session: Session, world: factories.World) -> None:
    mild = desk.signal(session, reason=desk.TipReason.OTHER, at=NOW - timedelta(days=3), place="Chợ mẫu A")
    late = desk.signal(session, at=NOW, place="Chợ mẫu B")
    early = desk.signal(session, at=NOW - timedelta(days=1), place="Chợ mẫu C")
    assert numbers(session) == [early.source_number, late.source_number, mild.source_number]


def test_a_signal_comes_back_on_its_day(session: Session, world: factories.World) -> None:
    signal = desk.signal(session)
    triage.wait(session, signal.id, until=date(2026, 6, 16), reason="Chờ ảnh", by=world.officer.id, at=NOW)
    assert numbers(session) == []
    assert numbers(session, SignalFilter(waiting=True)) == [signal.source_number]
    tomorrow = NOW + timedelta(days=1)
    assert queue.signals(session, SignalFilter(), at=tomorrow)[1] == 1
    assert queue.signals(session, SignalFilter(waiting=True), at=tomorrow)[1] == 0


def test_decided_signals_leave_the_queue_and_the_counts_follow(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    desk.signal(session, place="Chợ mẫu A")
    rejected, waiting = desk.signal(session, place="Chợ mẫu B"), desk.signal(session, place="Chợ mẫu C")
    triage.reject(session, rejected.id, reason="x", outcome=Outcome.NO_VIOLATION, by=world.officer.id, at=NOW)
    triage.wait(session, waiting.id, until=date(2026, 6, 20), reason="x", by=world.officer.id, at=NOW)
    mine = desk.case(session, world, tmp_path)
    desk.case(session, world, tmp_path)
    cases.claim(session, mine.id, by=world.officer.id, at=NOW)
    assert queue.counts(session, officer_id=world.officer.id, at=NOW) == queue.Counts(
        new=1, waiting=1, mine=1, soon=2, overdue=0, open=2
    )


def test_search_folds_diacritics_and_puts_exact_hits_first(session: Session, world: factories.World) -> None:
    far = desk.signal(session, place="Cổng bắc chợ Cẩm Giàng", at=NOW - timedelta(days=9))
    near = desk.signal(session, place="Cổng nam chợ Cẩm Giang", at=NOW)
    desk.signal(session, place="Chợ Đổ")
    assert numbers(session, SignalFilter(q="cẩm giang")) == [near.source_number, far.source_number]
    assert numbers(session, SignalFilter(q="Cẩm Giàng"))[0] == far.source_number
    assert len(numbers(session, SignalFilter(q="cho do"))) == 1
    assert numbers(session, SignalFilter(q=near.source_number.lower())) == [near.source_number]
    assert numbers(session, SignalFilter(q="100%")) == []


def test_search_reads_a_label_code(session: Session, world: factories.World, tmp_path: Path) -> None:
    desk.labels(session, world)
    signal = desk.signal(session, 7)
    desk.signal(session, 8)
    spoken = show(desk.label_code(7)).lower()
    assert numbers(session, SignalFilter(q=spoken)) == [signal.source_number]
    case = triage.open_case(session, signal.id, title="Vụ mẫu", store=tmp_path, by=world.officer.id, at=NOW)
    rows, _total = queue.cases(session, CaseFilter(q=spoken), at=NOW)
    assert [row.id for row in rows] == [case.id]


def test_what_a_reporter_wrote_is_found_by_no_search(session: Session, world: factories.World) -> None:
    desk.signal(session, description="Tôi tên Bí Mật Tuyệt Đối")
    assert numbers(session, SignalFilter(q="bí mật")) == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (SignalFilter(source=SignalSource.TIP), 2), (SignalFilter(source=SignalSource.SYSTEM), 0), (SignalFilter(severity=2), 1),
        (SignalFilter(commune_code="10813"), 2), (SignalFilter(commune_code="00000"), 0),
    ],
)  # fmt: skip
def test_filters_narrow_the_queue(session: Session, world: factories.World, asked: SignalFilter, found: int) -> None:
    desk.signal(session, place="Chợ mẫu A")
    desk.signal(session, reason=desk.TipReason.OTHER, place="Chợ mẫu B")
    assert len(numbers(session, asked)) == found


def test_cases_come_by_their_nearest_deadline_then_by_severity(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    calm, urgent, later = (desk.case(session, world, tmp_path) for _ in range(3))
    cases.move(
        session,
        calm.id,
        Move.SCREEN,
        by=world.officer.id,
        duties=desk.ALL_DUTIES,
        given=desk.filled(Move.SCREEN),
        at=NOW,
    )
    later.next_due_at, urgent.next_due_at = NOW + timedelta(days=5), NOW + timedelta(hours=3)
    session.flush()
    rows, total = queue.cases(session, CaseFilter(), at=NOW)
    assert [row.id for row in rows] == [urgent.id, later.id, calm.id]
    assert total == 3
    assert calm.next_due_at is None
    assert [row.id for row in queue.cases(session, CaseFilter(due=Pressing.SOON), at=NOW)[0]] == [urgent.id]
    overdue = queue.cases(session, CaseFilter(due=Pressing.OVERDUE), at=NOW + timedelta(days=1))[0]
    assert [row.id for row in overdue] == [urgent.id]


def test_cases_by_officer_state_and_text(session: Session, world: factories.World, tmp_path: Path) -> None:
    mine, other = (
        desk.case(session, world, tmp_path),
        desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)]),
    )
    cases.claim(session, mine.id, by=world.officer.id, at=NOW)
    desk.walk(session, other, Move.CLOSE, by=world.officer.id)

    def found(asked: CaseFilter) -> list[object]:
        return [row.id for row in queue.cases(session, asked, at=NOW)[0]]

    assert found(CaseFilter(officer_id=world.officer.id)) == [mine.id]
    assert found(CaseFilter(unassigned=True)) == []
    assert found(CaseFilter()) == [mine.id]
    assert found(CaseFilter(state=CaseState.CLOSED)) == [other.id]
    assert found(CaseFilter(q=other.number)) == [other.id]
    assert set(found(CaseFilter(q="nghi tem sao chep"))) == {mine.id, other.id}
    assert found(CaseFilter(severity=1)) == []
    assert [case.id for case in queue.open_cases(session)] == [mine.id]


def test_pages_do_not_overlap(session: Session, world: factories.World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "PAGE", 2)
    for turn in range(5):
        desk.signal(session, place=f"Chợ mẫu {turn}")
    pages = [queue.signals(session, SignalFilter(), at=NOW, page=page) for page in (1, 2, 3, 4)]
    assert [len(rows) for rows, _ in pages] == [2, 2, 1, 0]
    assert len({row.id for rows, _ in pages for row in rows}) == 5
    assert {total for _, total in pages} == {5}


def test_like_signals_lie_in_one_row_with_their_count(session: Session, world: factories.World) -> None:
    for _ in range(3):
        desk.signal(session, place="Chợ mẫu Đổ")
    (row,), total = queue.signals(session, SignalFilter(), at=NOW)
    assert (total, row.fresh) == (1, 3)
    assert queue.signals(session, SignalFilter(q="mau do"), at=NOW)[1] == 1


def test_no_figure_counts_beyond_its_bound_and_no_page_lies_beyond_it(
    session: Session, world: factories.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MOST", 3)
    monkeypatch.setattr(queue, "PAGE", 2)
    for turn in range(6):
        desk.signal(session, place=f"Chợ mẫu {turn}")
    for asked in (SignalFilter(), SignalFilter(q="cho mau")):
        pages = [queue.signals(session, asked, at=NOW, page=page) for page in (1, 2, 3)]
        assert [(len(rows), total) for rows, total in pages] == [(2, 4), (1, 4), (0, 4)]
        assert queue.total(session, asked, at=NOW) == 4
    assert queue.counts(session, officer_id=world.officer.id, at=NOW).new == 4


@pytest.mark.parametrize(
    ("asked", "found"), [("vv-2026-00001", 1), ("VV-2026-000", 2), ("VV-1", 1), ("1", 1), ("00002", 1), ("9", 0)]
)
def test_a_case_is_found_by_its_number_however_it_is_written(
    session: Session, world: factories.World, tmp_path: Path, asked: str, found: int
) -> None:
    for _ in range(2):
        desk.case(session, world, tmp_path)
    assert len(queue.cases(session, CaseFilter(q=asked), at=NOW)[0]) == found


def test_two_letters_are_sought_as_a_word(session: Session, world: factories.World) -> None:
    desk.signal(session, place="Quầy na Chí Linh")
    desk.signal(session, place="Chợ Nam Sách")
    assert len(numbers(session, SignalFilter(q="na"))) == 1


def test_a_merged_away_case_leaves_the_list_but_its_number_still_leads_to_it(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    kept, gone = desk.case(session, world, tmp_path), desk.case(session, world, tmp_path)
    gone.merged_into_id = kept.id
    session.flush()
    assert [row.id for row in queue.cases(session, CaseFilter(), at=NOW)[0]] == [kept.id]
    assert [row.id for row in queue.cases(session, CaseFilter(q=gone.number), at=NOW)[0]] == [gone.id]


def test_a_word_of_any_signal_finds_its_cluster(session: Session, world: factories.World) -> None:
    desk.labels(session, world)
    first, second = desk.signal(session, 7, place="Chợ mẫu A"), desk.signal(session, 7, place="Quầy mẫu Na")
    assert first.cluster_id == second.cluster_id
    for words in ("cho mau a", "quay mau", "na", second.source_number):
        assert queue.signals(session, SignalFilter(q=words), at=NOW)[1] == 1
