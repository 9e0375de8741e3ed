"""Promises of clocks in cases that were merged: each follows the record that it began with, and one decision extends them all."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select

from enforcement import joins, origins, redate_checks, redating, signing, splits, timekeeping, triage
from enforcement.casebook import midnight
from enforcement.deadlines import DeadlineKind
from enforcement.models import CasePaper, Deadline, PaperKind, ReckoningCause
from enforcement.transitions import Duty, Move
from tests.conftest import NOW
from tests.enforcement import desk
from trace.clock import CITY

if TYPE_CHECKING:
    from datetime import date, datetime
    from pathlib import Path

    from sqlalchemy.orm import Session

    from enforcement.models import CaseFile
    from tests import factories

TODAY, DAY = NOW.astimezone(CITY).date(), timedelta(days=1)
HEAD = frozenset({Duty.TEAM_HEAD})


def recorded(session: Session, world: factories.World, store: Path, day: date, number: str, shade: int) -> CaseFile:
    """A case with a violation record of a day. `shade`: of its photo, by which cases are told apart."""
    made = desk.case(session, world, store, photos=[desk.photo(session, store, shade)], with_law=shade == 100)
    desk.walk(session, made, Move.START_INSPECTION, by=world.officer.id, at=NOW - 30 * DAY)
    desk.act(session, made, by=world.officer.id, at=NOW - 30 * DAY)
    return desk.take(session, made, Move.RECORD_VIOLATION, by=world.officer.id, signed_on=day, record_number=number)


def merged(session: Session, world: factories.World, store: Path, *days: int) -> tuple[CaseFile, CaseFile]:
    """Two cases with records of so many days ago, the second merged into the first."""
    kept, other = (
        recorded(session, world, store, TODAY - each * DAY, f"{number}/BB", 100 + 20 * number)
        for number, each in enumerate(days)
    )
    joins.merge(session, kept.id, other.id, take=(), reason="Cùng một người", by=world.team_head.id, at=NOW)
    return kept, other


def decision_clock(session: Session, case: CaseFile) -> Deadline:
    rows = select(Deadline).where(
        Deadline.case_id == case.id, Deadline.kind == DeadlineKind.PENALTY_DECISION, *timekeeping.RUNNING
    )
    return session.scalars(rows).one()


def record_of(session: Session, case: CaseFile) -> CasePaper:
    rows = select(CasePaper).where(CasePaper.case_id == case.id, CasePaper.kind == PaperKind.VIOLATION_RECORD)
    return session.scalars(rows).one()


def redate(
    session: Session, case: CaseFile, paper: CasePaper, day: date, world: factories.World, at: datetime = NOW
) -> None:
    redating.paper(
        session, case.id, paper.id, signed_on=day, reason="Gõ nhầm ngày", by=world.team_head.id, duties=HEAD, at=at
    )


def test_a_time_to_fine_that_ended_is_not_revived_by_the_record_of_a_case_merged_in(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    kept, _other = merged(session, world, tmp_path, 20, 1)
    clock = decision_clock(session, kept)
    due = clock.due_at
    assert due < NOW
    assert not origins.correctable(session, clock, at=NOW)
    with pytest.raises(origins.FollowsFromPaper) as why:
        timekeeping.correct_start(
            session, kept.id, clock.id, began=midnight(TODAY - DAY), reason="Biên bản sau", by=world.team_head.id, duties=HEAD, at=NOW
        )  # fmt: skip
    assert (why.value.facts["number"], clock.due_at) == ("0/BB", due)


@pytest.mark.parametrize("which", [0, 1])
def test_a_corrected_record_moves_the_clock_that_began_with_it_and_no_other(
    session: Session, world: factories.World, tmp_path: Path, which: int
) -> None:
    pair = merged(session, world, tmp_path, 3, 1)
    mine, other = decision_clock(session, pair[which]), decision_clock(session, pair[1 - which])
    record = record_of(session, pair[which])
    assert [each for each in redating._following(session, pair, record) if each.kind is mine.kind] == [mine]
    before = other.started_at
    redate(session, pair[0], record, TODAY - 4 * DAY, world)
    assert (mine.started_at, other.started_at) == (midnight(TODAY - 4 * DAY), before)
    assert mine.reckonings[-1].cause is ReckoningCause.START_CORRECTED


@pytest.mark.parametrize("which", [0, 1])
def test_a_fine_in_a_merged_case_keeps_the_time_of_either_record(
    session: Session, world: factories.World, tmp_path: Path, which: int
) -> None:
    pair = merged(session, world, tmp_path, 3, 1)
    due = decision_clock(session, pair[0]).due_at
    session.add(
        CasePaper(
            case_id=pair[0].id, kind=PaperKind.PENALTY, number="9/QĐ", signed_on=due.astimezone(CITY).date(), signer_id=world.team_head.id,
            signer_name="Đội trưởng mẫu", issuer="", added_at=due, added_by=world.team_head.id, fine=1, bracket_low=1, bracket_top=1,
            bracket_basis="Điều 11",
        )
    )  # fmt: skip
    session.flush()
    with pytest.raises(redate_checks.FineWouldBeLate):
        redate(session, pair[0], record_of(session, pair[which]), TODAY - 7 * DAY, world, at=due)


def test_a_right_to_explain_that_began_with_the_record_of_a_case_merged_in_before_follows_it(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    kept, other = merged(session, world, tmp_path, 3, 1)
    desk.take(session, kept, Move.OPEN_EXPLANATION, by=world.officer.id)
    rows = select(Deadline).where(Deadline.case_id == kept.id, Deadline.kind == DeadlineKind.EXPLANATION_WRITTEN)
    clock = session.scalars(rows).one()
    record = record_of(session, other)
    assert (clock.started_at, origins.counts_from(session, clock)) == (midnight(TODAY - DAY), record)
    redate(session, kept, record, TODAY - 2 * DAY, world)
    assert clock.started_at == midnight(TODAY - 2 * DAY)


def test_the_clocks_of_a_case_that_was_split_off_follow_the_record_of_its_origin_and_none_merged_in_later(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    origin = recorded(session, world, tmp_path, TODAY - 3 * DAY, "0/BB", 100)
    late = desk.signal(session, photos=[desk.photo(session, tmp_path, 201)], place="Sạp 40")
    triage.add_to_case(session, late.id, origin.id, store=tmp_path, by=world.officer.id, at=NOW)
    then = NOW + timedelta(hours=1)
    off = splits.split(session, origin.id, [late.id], title="Vụ tách", reason="Người khác", store=tmp_path, by=world.officer.id, at=then)  # fmt: skip
    other = recorded(session, world, tmp_path, TODAY - DAY, "1/BB", 120)
    joins.merge(session, off.id, other.id, take=(), reason="Cùng người", by=world.team_head.id, at=then)
    clocks = [decision_clock(session, each) for each in (origin, off)]
    record = record_of(session, origin)
    assert [origins.counts_from(session, each) for each in clocks] == [record, record]
    redating.paper(
        session, origin.id, record.id, signed_on=TODAY - 4 * DAY, reason="Gõ nhầm", by=world.team_head.id, duties=HEAD, at=then
    )  # fmt: skip
    assert {each.started_at for each in clocks} == {midnight(TODAY - 4 * DAY)}
    assert decision_clock(session, other).started_at == midnight(TODAY - DAY)


def extend(session: Session, case: CaseFile, clock: Deadline, world: factories.World, **more: Any) -> None:
    told: dict[str, Any] = {
        "choice": 1, "decision_number": "21/QĐ", "reason": "Phức tạp", "by": world.team_head.id, "duties": HEAD, "at": NOW, **more,
    }  # fmt: skip
    timekeeping.extend(session, case.id, clock.id, **told)


def test_one_decision_extends_the_clocks_of_all_that_were_merged(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    kept, other = merged(session, world, tmp_path, 2, 1)
    both = [decision_clock(session, each) for each in (kept, other)]
    before = [each.due_at for each in both]
    for clock in both:
        extend(session, kept, clock, world)
    assert all(clock.due_at > was for clock, was in zip(both, before, strict=True))
    assert session.scalar(select(func.count()).where(CasePaper.kind == PaperKind.EXTENSION)) == 1
    with pytest.raises(timekeeping.ExtendedAlready):  # once a clock
        extend(session, kept, both[0], world, choice=2)


def test_another_day_or_another_signer_is_another_decision(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    kept, other = merged(session, world, tmp_path, 2, 2)
    extend(session, kept, decision_clock(session, kept), world)
    second = decision_clock(session, other)
    with pytest.raises(signing.NumberTaken), session.begin_nested():
        extend(session, kept, second, world, signed_on=TODAY - DAY)
    with pytest.raises(signing.SignedByAnother), session.begin_nested():
        extend(
            session, kept, second, world, by=world.branch_head.id, duties=frozenset({Duty.BRANCH_HEAD})
        )  # fmt: skip
    session.refresh(second)
    assert second.extension_amount is None
