"""Promises of a file that comes back from the police: those who were decided on before are not forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from enforcement import offenders, police, rulings
from enforcement.deadlines import DeadlineKind
from enforcement.models import Deadline
from enforcement.transitions import CaseState, Move
from tests.conftest import NOW
from tests.enforcement import desk
from tests.enforcement.test_offenders import TODAY, by, case, middle, penalise, three

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.models import CaseFile

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
