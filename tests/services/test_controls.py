"""Nonconformities: severity blocks, the holder corrects, another person judges the effect, and the system only proposes."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql import Range

from tests import factories
from tests.conftest import NOW
from trace.errors import NotFound, Refused
from trace.models.controls import Severity
from trace.models.parties import Role
from trace.services import controls, history
from trace.services.controls import Due
from trace.services.reach import Reach

ALL = Reach(everything=True)
TODAY = NOW.date()


@pytest.fixture
def found(session: Any, world: Any) -> Any:
    """A critical finding of a visit."""
    factories.visited(
        session, world.controller, NOW, area_id=world.area.id, fails={"KS-03": "Dùng thuốc ngoài danh mục"}
    )
    return controls.nonconformities(session, reach=ALL, on=TODAY)[0][0]


def answer(session: Any, found: Any, by: Any, text: str = "Đã thay thuốc", **facts: Any) -> Any:
    return controls.answer(session, found.id, text=text, by=by.id, reach=ALL, **{"at": NOW, **facts})


def verify(session: Any, found: Any, by: Any, text: str = "Đã kiểm tra lại", **facts: Any) -> Any:
    return controls.verify(session, found.id, text=text, by=by.id, at=NOW, reach=ALL, **facts)


def test_a_finding_beyond_the_plan_is_added_by_the_controller_of_the_visit_alone(session: Any, world: Any) -> None:
    visit = factories.visited(session, world.controller, NOW, area_id=world.area.id)
    facts = {
        "severity": Severity.MAJOR,
        "description": "Kho để lẫn phân bón",
        "action_asked": "Tách kho",
        "due_on": TODAY,
    }
    with pytest.raises(controls.OnlyItsFinder):
        controls.add_to_visit(session, visit.id, by=world.certifier.id, at=NOW, reach=ALL, **facts)
    assert visit.passed
    made = controls.add_to_visit(session, visit.id, by=world.controller.id, at=NOW, reach=ALL, **facts)
    assert (made.visit_id, made.blocking, visit.passed) == (visit.id, False, False)
    with pytest.raises(Refused) as refused:
        controls.add_to_visit(
            session, visit.id, by=world.controller.id, at=NOW, reach=ALL, **facts | {"description": " ", "due_on": TODAY - timedelta(days=1)}
        )  # fmt: skip
    assert {type(each) for each in refused.value.reasons} == {controls.DescriptionMissing, controls.DueBeforeFound}


@pytest.mark.parametrize(
    ("severity", "blocking", "blocks"),
    [
        (Severity.CRITICAL, None, True), (Severity.MAJOR, None, False), (Severity.MINOR, None, False),
        (Severity.MINOR, True, True), (Severity.CRITICAL, False, False),
    ],
)  # fmt: skip
def test_a_critical_finding_blocks_unless_somebody_says_otherwise(
    session: Any, world: Any, severity: Severity, blocking: bool | None, blocks: bool
) -> None:
    visit = factories.visited(session, world.controller, NOW, area_id=world.area.id)
    made = controls.add_to_visit(
        session, visit.id, severity=severity, description="x", action_asked="y", due_on=TODAY, blocking=blocking, by=world.controller.id,
        at=NOW, reach=ALL,
    )  # fmt: skip
    assert made.blocking is blocks


def test_answered_by_the_clerk_and_closed_by_another(session: Any, world: Any, found: Any) -> None:
    answer(session, found, world.clerk)
    closed = verify(session, found, world.certifier)
    (action,) = closed.actions
    assert (closed.closed_by, action.effective, action.verification, action.action) == (
        world.certifier.id, True, "Đã kiểm tra lại", "Đã thay thuốc",
    )  # fmt: skip


def test_a_correction_without_effect_reopens_with_a_new_day_and_still_blocks(
    session: Any, world: Any, found: Any
) -> None:
    answer(session, found, world.clerk)
    for day in (None, TODAY - timedelta(days=1)):
        with pytest.raises(controls.NewDueNeeded):
            verify(session, found, world.certifier, effective=False, new_due=day)
    again = TODAY + timedelta(days=30)
    verify(session, found, world.certifier, "Vẫn còn thuốc cũ", effective=False, new_due=again)
    assert (found.closed_at, found.due_on, found.blocking, found.last_action.effective) == (None, again, True, False)
    with pytest.raises(controls.NothingCorrectedYet):
        verify(session, found, world.certifier)
    answer(session, found, world.clerk, "Đã hủy thuốc cũ")
    verify(session, found, world.certifier)
    assert [(each.attempt, each.effective) for each in found.actions] == [(1, False), (2, True)]
    assert [deed.deed.split(":")[1] for deed in history.of(session, found.id)] == [
        "verify",
        "answer",
        "reopen",
        "answer",
        "record",
    ]


def test_only_clerks_of_the_holder_answer(session: Any, world: Any, found: Any) -> None:
    for stranger in (world.other_clerk, world.manager, world.controller):
        with pytest.raises(controls.AnsweredByHolderOnly):
            answer(session, found, stranger)


def test_an_amended_answer_keeps_the_earlier_words_in_the_history(session: Any, world: Any, found: Any) -> None:
    answer(session, found, world.clerk)
    answer(session, found, world.clerk, "Đã thay thuốc và tập huấn")
    assert history.of(session, found.id)[0].changes["corrective_action"] == [
        "Đã thay thuốc",
        "Đã thay thuốc và tập huấn",
    ]
    assert len(found.actions) == 1


def test_the_corrector_and_the_holders_people_cannot_close(session: Any, world: Any, found: Any) -> None:
    answer(session, found, world.clerk)
    with pytest.raises(controls.CorrectorCannotClose):
        verify(session, found, world.clerk)
    factories.role(session, world.manager, world.cooperative, Role.PACKER, NOW)
    with pytest.raises(controls.CorrectorCannotClose):
        verify(session, found, world.manager)


def test_a_clerk_who_changed_sides_cannot_close_what_he_corrected(session: Any, world: Any, found: Any) -> None:
    answer(session, found, world.clerk)
    factories.role(session, world.people["other_clerk"], world.cooperative, Role.CLERK, NOW)
    answer(session, found, world.other_clerk, "Bổ sung")
    grant = session.query(factories.RoleGrant).filter_by(user_id=world.clerk.id).one()
    grant.valid_during = Range(date(2025, 1, 1), TODAY)
    session.flush()
    with pytest.raises(controls.CorrectorCannotClose):
        verify(session, found, world.clerk)


def test_the_order_is_answer_then_verify_then_nothing(session: Any, world: Any, found: Any) -> None:
    with pytest.raises(controls.NothingCorrectedYet):
        verify(session, found, world.manager)
    answer(session, found, world.clerk)
    with pytest.raises(controls.TextNeeded):
        verify(session, found, world.manager, " ")
    verify(session, found, world.manager)
    with pytest.raises(controls.AlreadyClosed):
        verify(session, found, world.manager)
    with pytest.raises(controls.AlreadyClosed):
        answer(session, found, world.clerk)


def test_lists_tell_the_overdue_from_what_waits_for_verification(session: Any, world: Any, found: Any) -> None:
    def listed(due: Due, on: date) -> list[Any]:
        return [each.id for each in controls.nonconformities(session, reach=ALL, on=on, due=due)[0]]

    late = found.due_on + timedelta(days=1)
    assert listed(Due.OVERDUE, found.due_on) == []
    assert listed(Due.OVERDUE, late) == [found.id]
    answer(session, found, world.clerk)
    assert (listed(Due.OVERDUE, late), listed(Due.ANSWERED, late)) == ([], [found.id])


def test_what_is_out_of_reach_is_not_found(session: Any, world: Any, found: Any) -> None:
    with pytest.raises(NotFound):
        controls.get(session, found.id, reach=Reach(holders=frozenset({world.other_cooperative.id})))
