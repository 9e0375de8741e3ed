"""Control: inspector and inspected are never one, severity blocks, and closing takes another person."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql import Range

from tests import factories
from tests.conftest import NOW
from trace.errors import NotFound, Refused
from trace.models.controls import ControlLevel, Severity
from trace.models.parties import Role
from trace.services import controls, history
from trace.services.controls import Finding
from trace.services.reach import Reach

ALL = Reach(everything=True)
TODAY = NOW.date()


def record(session: Any, world: Any, **facts: Any) -> Any:
    given = {
        "area_id": world.area.id, "level": ControlLevel.INTERNAL, "visited_on": TODAY, "passed": False,
        "findings": [Finding(Severity.CRITICAL, "Dùng thuốc ngoài danh mục", TODAY + timedelta(days=7))],
        "by": world.controller.id, "at": NOW, "reach": ALL,
    } | facts  # fmt: skip
    return controls.record_visit(session, **given)


def reasons(session: Any, world: Any, **facts: Any) -> set[type]:
    with pytest.raises(Refused) as caught:
        record(session, world, **facts)
    return {type(reason) for reason in caught.value.reasons}


@pytest.mark.parametrize(
    ("severity", "blocking", "blocks"),
    [
        (Severity.CRITICAL, None, True), (Severity.MAJOR, None, False), (Severity.MINOR, None, False),
        (Severity.MINOR, True, True), (Severity.CRITICAL, False, False),
    ],
)  # fmt: skip
def test_a_critical_finding_blocks_unless_somebody_says_otherwise(
    severity: Severity, blocking: bool | None, blocks: bool
) -> None:
    assert Finding(severity, "x", TODAY, blocking).blocks is blocks


def test_a_visit_brings_its_findings_with_history(session: Any, world: Any) -> None:
    visit = record(session, world)
    (found,), total = controls.nonconformities(session, reach=ALL, on=TODAY)
    assert (found.visit_id, found.blocking, found.holder_id, total) == (visit.id, True, world.cooperative.id, 1)
    assert [deed.deed for deed in history.of(session, found.id)] == ["nonconformity:record"]
    (line,), _ = controls.visits(session, reach=ALL)
    assert (line.controller, line.found) == ("Người mẫu Kiểm", [found])


def test_the_controller_holds_no_role_at_the_controlled(session: Any, world: Any) -> None:
    factories.role(session, world.controller, world.cooperative, Role.PACKER, NOW)
    assert reasons(session, world) == {controls.ControllerOfTheControlled}


def test_a_role_held_on_the_day_of_the_visit_counts_though_it_has_ended(session: Any, world: Any) -> None:
    factories.role(
        session,
        world.controller,
        world.cooperative,
        Role.PACKER,
        NOW,
        valid_during=Range(TODAY - timedelta(days=9), TODAY),
    )
    assert record(session, world, visited_on=TODAY)
    assert reasons(session, world, visited_on=TODAY - timedelta(days=1)) == {controls.ControllerOfTheControlled}


def test_every_reason_comes_at_once(session: Any, world: Any) -> None:
    found = reasons(
        session, world, level=ControlLevel.SELF, visited_on=TODAY + timedelta(days=1), passed=True,
        findings=[Finding(Severity.CRITICAL, " ", TODAY)],
    )  # fmt: skip
    assert found == {
        controls.SelfControlElsewhere, controls.VisitInFuture, controls.CriticalCannotPass, controls.DescriptionMissing,
        controls.DueBeforeVisit,
    }  # fmt: skip
    assert reasons(session, world, findings=[]) == {controls.NothingFound}


def test_a_source_out_of_reach_is_not_found(session: Any, world: Any) -> None:
    for facts in ({"reach": Reach()}, {"area_id": factories.some_id()}, {"area_id": None}):
        with pytest.raises(NotFound):
            record(session, world, **facts)


@pytest.fixture
def found(session: Any, world: Any) -> Any:
    record(session, world)
    return controls.nonconformities(session, reach=ALL, on=TODAY)[0][0]


def answer(session: Any, found: Any, by: Any, text: str = "Đã thay thuốc") -> Any:
    return controls.answer(session, found.id, text=text, by=by.id, at=NOW, reach=ALL)


def verify(session: Any, found: Any, by: Any, text: str = "Đã kiểm tra lại") -> Any:
    return controls.verify(session, found.id, text=text, by=by.id, at=NOW, reach=ALL)


def test_answered_by_the_clerk_and_closed_by_another(session: Any, world: Any, found: Any) -> None:
    answer(session, found, world.clerk)
    closed = verify(session, found, world.certifier)
    assert (closed.closed_by, closed.verification, closed.corrective_action) == (
        world.certifier.id,
        "Đã kiểm tra lại",
        "Đã thay thuốc",
    )


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


def test_the_corrector_and_the_holders_people_cannot_close(session: Any, world: Any, found: Any) -> None:
    answer(session, found, world.clerk)
    with pytest.raises(controls.CorrectorCannotClose):
        verify(session, found, world.clerk)
    factories.role(session, world.manager, world.cooperative, Role.PACKER, NOW)
    with pytest.raises(controls.CorrectorCannotClose):
        verify(session, found, world.manager)


def test_a_clerk_who_changed_sides_cannot_close_what_he_corrected(session: Any, world: Any, found: Any) -> None:
    answer(session, found, world.clerk)
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
