"""Promises of a file that comes back from the police: those who were decided on before are not forgotten."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from enforcement import explaining, goods, offenders, police, rulings
from enforcement.deadlines import DeadlineKind
from enforcement.models import Deadline, Explanation, ExplanationEnd, ValuationMethod
from enforcement.transitions import CaseState, Move
from tests.conftest import NOW
from tests.enforcement import desk
from tests.enforcement.test_offenders import TODAY, by, case, middle, penalise, three

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.models import CaseFile
    from tests import factories

__all__ = ["by", "case"]


def running(session: Session, subject: UUID) -> set[DeadlineKind]:
    open_ = Deadline.met_at.is_(None), Deadline.stopped_at.is_(None)
    return set(session.scalars(select(Deadline.kind).where(Deadline.subject_id == subject, *open_)))


def test_who_was_decided_on_before_gets_the_own_clocks_back(session: Session, case: CaseFile, by: UUID) -> None:
    one, two, _three = three(session, case)
    penalise(session, case, [middle(session, case, one)], by)
    penalise(session, case, [middle(session, case, two)], by, decision_number="2/QĐ-XP")
    first, second = (offenders.ruling_of(session, each.id) for each in (one, two))
    assert first
    assert second
    rulings.serve(session, case.id, first.id, served_on=TODAY, served_to="Người nhận mẫu", by=by, at=NOW)
    before = running(session, first.id), running(session, second.id)
    assert before == (
        {DeadlineKind.EXECUTION, DeadlineKind.ENFORCEABILITY}, {DeadlineKind.DELIVERY, DeadlineKind.ENFORCEABILITY},
    )  # fmt: skip
    desk.take(session, case, Move.TRANSFER_CRIMINAL, by=by)
    assert (running(session, first.id), running(session, second.id)) == (set(), set())
    away = police.away(session, case)
    assert away
    police.confirm(
        session,
        case.id,
        away.id,
        received_by="Cơ quan điều tra mẫu",
        received_on=TODAY,
        record_number="BN-1",
        by=by,
        at=NOW,
    )
    desk.take(session, case, Move.TAKE_BACK, by=by)
    assert case.state is CaseState.DECISION_DUE
    assert (running(session, first.id), running(session, second.id)) == before


# ---------------------------------------------------------------- the right to explain of a file that comes back

FINE = 32_500_000  # the middle of the bracket for goods worth fifty million
GONE = timedelta(days=60)


def with_goods(session: Session, case: CaseFile, by: UUID) -> None:
    """An act in a bracket that gives the right to explain."""
    desk.act(session, case, by=by)
    facts = goods.GoodsFacts(
        "Vải mẫu", Decimal(1), "lô", 50_000_000, ValuationMethod.MARKET_PRICE, NOW.date()
    )  # fmt: skip
    goods.add(session, case.id, facts, by=by, at=NOW)


def away_and_back(session: Session, case: CaseFile, by: UUID, *, at: datetime, back_at: datetime) -> None:
    desk.take(session, case, Move.TRANSFER_CRIMINAL, by=by, at=at)
    away = police.away(session, case)
    assert away
    police.confirm(
        session, case.id, away.id, received_by="Cơ quan mẫu", received_on=at.date(), record_number="BN-1", by=by, at=at
    )
    desk.take(session, case, Move.TAKE_BACK, by=by, at=back_at, signed_on=back_at.date())


def explaining_until(session: Session) -> list[Deadline]:
    return list(
        session.scalars(
            select(Deadline)
            .where(Deadline.kind == DeadlineKind.EXPLANATION_WRITTEN)
            .order_by(Deadline.started_at)
            .execution_options(populate_existing=True)
        )
    )


def test_a_file_without_a_record_is_decided_on_after_the_time_to_explain_that_begins_with_its_return(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    by = world.team_head.id
    made = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
    desk.walk(session, made, Move.ASSIGN_VERIFICATION, by=by)
    with_goods(session, made, by)
    back = NOW + GONE
    away_and_back(session, made, by, at=NOW + timedelta(hours=1), back_at=back)
    [clock] = explaining_until(session)
    assert (clock.started_at, explaining.ends(session, made)) == (back, clock.due_at)
    with pytest.raises(explaining.ExplanationTimeRuns) as early:
        desk.take(session, made, Move.PENALISE, by=by, at=clock.due_at, fine=FINE)
    assert early.value.facts["due"] == clock.due_at
    desk.take(session, made, Move.PENALISE, by=by, at=clock.due_at + timedelta(seconds=1), fine=FINE)
    assert made.state is CaseState.PENALISED
    assert session.scalars(select(Explanation.outcome)).one() is ExplanationEnd.UNUSED
    assert explaining_until(session)[0].met_at is not None


def test_whoever_explains_after_the_return_can_be_fined_at_once(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    by = world.team_head.id
    made = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
    desk.walk(session, made, Move.ASSIGN_VERIFICATION, by=by)
    with_goods(session, made, by)
    back = NOW + GONE
    away_and_back(session, made, by, at=NOW + timedelta(hours=1), back_at=back)
    row = session.scalars(select(Explanation)).one()
    explaining.receive(
        session, made.id, row.id, outcome=ExplanationEnd.WAIVED, on=back.date(), document_number="1/GT", by=by, at=back
    )
    assert explaining_until(session)[0].met_at == back
    desk.take(session, made, Move.PENALISE, by=by, at=back + timedelta(minutes=1), fine=FINE)
    assert made.state is CaseState.PENALISED


@pytest.mark.parametrize(("went_after", "clocks"), [(timedelta(days=1), 1), (timedelta(days=20), 0)])
def test_the_time_while_the_file_was_away_is_not_taken_from_whoever_could_not_use_it(
    session: Session, world: factories.World, tmp_path: Path, went_after: timedelta, clocks: int
) -> None:
    by = world.team_head.id
    made = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
    desk.walk(session, made, Move.START_INSPECTION, by=by)
    with_goods(session, made, by)
    desk.take(session, made, Move.RECORD_VIOLATION, by=by, at=NOW + timedelta(hours=1))
    back = NOW + GONE
    away_and_back(session, made, by, at=NOW + went_after, back_at=back)
    assert len(explaining_until(session)) == clocks
    if clocks:
        with pytest.raises(explaining.ExplanationTimeRuns):
            desk.take(session, made, Move.PENALISE, by=by, at=back + timedelta(minutes=1), fine=FINE)
    else:
        desk.take(session, made, Move.PENALISE, by=by, at=back + timedelta(minutes=1), fine=FINE)
        assert made.state is CaseState.PENALISED


def test_a_remedy_leaves_no_time_to_explain_running(session: Session, world: factories.World, tmp_path: Path) -> None:
    by = world.team_head.id
    made = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
    desk.walk(session, made, Move.ASSIGN_VERIFICATION, by=by)
    with_goods(session, made, by)
    back = NOW + GONE
    away_and_back(session, made, by, at=NOW + timedelta(hours=1), back_at=back)
    desk.take(session, made, Move.ORDER_REMEDY, by=by, at=back + timedelta(minutes=1))
    assert [each.met_at is not None for each in explaining_until(session)] == [True]
