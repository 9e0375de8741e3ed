"""Promises of a case that is split: what belongs to a person goes with the person."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from enforcement import explaining, offenders, signing, splits, triage
from enforcement.models import CaseAct, ExplanationEnd, PaperKind
from enforcement.transitions import CaseState, Move
from tests.conftest import NOW
from tests.enforcement import desk
from tests.enforcement.test_offenders import by, case, held_to, three

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.models import CaseFile
    from tests import factories

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


def test_a_person_known_to_the_register_stays_so_in_the_new_case(
    session: Session, case: CaseFile, world: factories.World, by: UUID, tmp_path: Path
) -> None:
    firm = three(session, case)[1]
    firm.party_id = world.cooperative.id
    own = session.scalars(select(CaseAct.id).where(CaseAct.offender_id == firm.id)).all()
    made = splits.split(
        session, case.id, [], act_ids=own, title="Vụ tách", reason="Người khác", store=tmp_path, by=by, at=NOW
    )
    [again] = offenders.of_case(session, made)
    assert (again.party_id, made.suspect_id) == (world.cooperative.id, world.cooperative.id)


def test_a_case_split_off_goes_on_from_the_papers_its_origin_had_then(
    session: Session, world: factories.World, by: UUID, tmp_path: Path
) -> None:
    photos = [desk.photo(session, tmp_path)]
    origin = desk.walk(session, desk.case(session, world, tmp_path, photos=photos), Move.DECIDE_INSPECTION, by=by)
    late = desk.signal(session, photos=[desk.photo(session, tmp_path, 201)], place="Sạp 40")
    triage.add_to_case(session, late.id, origin.id, store=tmp_path, by=by, at=NOW)
    made = splits.split(
        session,
        origin.id,
        [late.id],
        title="Vụ tách",
        reason="Nơi khác",
        store=tmp_path,
        by=by,
        at=NOW + timedelta(hours=1),
    )
    desk.take(session, made, Move.START_INSPECTION, by=by, at=NOW + timedelta(hours=2))
    assert made.state is CaseState.INSPECTING
    held_to(session)
    desk.take(session, origin, Move.START_INSPECTION, by=by, at=NOW + timedelta(hours=2))
    desk.act(session, origin, by=by, at=NOW + timedelta(hours=2))
    desk.take(session, origin, Move.RECORD_VIOLATION, by=by, at=NOW + timedelta(hours=3))
    record = (PaperKind.VIOLATION_RECORD,)
    assert signing.latest(session, origin, record) is not None
    assert signing.latest(session, made, record) is None, "what the origin was given afterwards is not the new case's"


def test_the_time_to_explain_is_counted_from_the_record_of_the_origin(
    session: Session, case: CaseFile, by: UUID, tmp_path: Path
) -> None:
    firm = three(session, case)[1]
    own = session.scalars(select(CaseAct.id).where(CaseAct.offender_id == firm.id)).all()
    made = splits.split(
        session, case.id, [], act_ids=own, title="Vụ tách", reason="Người khác", store=tmp_path, by=by, at=NOW + timedelta(days=1)
    )  # fmt: skip
    assert explaining.ends(session, made) == explaining.ends(session, case)
    assert explaining.ends(session, made) is not None
