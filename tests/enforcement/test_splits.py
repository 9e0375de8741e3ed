"""Promises of a case that is split: what belongs to a person goes with the person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from enforcement import explaining, splits
from enforcement.models import CaseAct, ExplanationEnd
from enforcement.transitions import CaseState
from tests.conftest import NOW
from tests.enforcement.test_offenders import by, case, three

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.models import CaseFile

__all__ = ["by", "case"]


def test_who_explained_or_let_the_time_pass_need_not_do_so_again_in_the_new_case(
    session: Session, case: CaseFile, by: UUID, tmp_path: Path
) -> None:
    _one, firm, _three = three(session, case)
    before = explaining.of_case(session, case)[firm.id]
    before.owed, before.outcome, before.settled_on, before.settled_by = True, ExplanationEnd.UNUSED, NOW.date(), by
    session.flush()
    own = session.query(CaseAct).filter(CaseAct.offender_id == firm.id).all()
    made = splits.split(
        session, case.id, [], act_ids=[act.id for act in own], title="Vụ tách", reason="Người khác", store=tmp_path, by=by, at=NOW
    )  # fmt: skip
    assert made.state is CaseState.DECISION_DUE
    (after,) = explaining.of_case(session, made).values()
    assert (after.owed, after.outcome, after.settled_on, after.document_number) == (
        before.owed, before.outcome, before.settled_on, before.document_number,
    )  # fmt: skip
    assert after.party.name == firm.name
