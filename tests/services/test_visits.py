"""Visits: inspector and inspected are never one, every answer is kept however incomplete, and only the end judges."""

from __future__ import annotations

import io
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image
from sqlalchemy.dialects.postgresql import Range

from tests import factories
from tests.conftest import NOW
from trace.errors import NotFound, Refused
from trace.models.control_papers import ControlFile, ProposalState, SuspensionGround, SuspensionProposal
from trace.models.control_plans import EvidenceKind
from trace.models.controls import Acknowledgement, ControlAnswer, ControlLevel, Nonconformity, Outcome, Severity
from trace.models.parties import Role
from trace.models.titles import UseRegulation
from trace.services import control_plans, history, visit_endings, visits
from trace.services.reach import Reach
from trace.services.visits import Answer

ALL = Reach(everything=True)
TODAY = NOW.date()
KEY = b"k" * 32


def start(session: Any, world: Any, **facts: Any) -> Any:
    given = {
        "area_id": world.area.id, "level": ControlLevel.INTERNAL, "visited_on": TODAY, "by": world.controller.id, "at": NOW, "reach": ALL,
    } | facts  # fmt: skip
    return visits.start(session, **given)


def reasons(session: Any, world: Any, **facts: Any) -> set[type]:
    with pytest.raises(Refused) as caught:
        start(session, world, **facts)
    return {type(reason) for reason in caught.value.reasons}


def items(world: Any) -> dict[str, Any]:
    return {item.code: item for item in world.plan.items}


def said(world: Any, code: str, outcome: Outcome | None = Outcome.CONFORMS, sequence: int = 1, **facts: Any) -> Answer:
    return Answer(
        item_id=items(world)[code].id,
        sequence=sequence,
        outcome=outcome,
        answered_at=NOW,
        **{"note": "Đã xem", **facts},
    )


def send(session: Any, visit: Any, *answers: Answer, by: Any, **facts: Any) -> visits.Kept:
    return visits.answer(session, visit.id, answers, by=by.id, **{"at": NOW, "reach": ALL, **facts})


def end(session: Any, visit: Any, how: Any, by: Any) -> Any:
    return visit_endings.finish(session, visit.id, how, key=KEY, by=by.id, at=NOW, reach=ALL)


def everything_conforms(session: Any, world: Any, visit: Any) -> None:
    send(session, visit, *(said(world, code) for code in items(world)), by=world.controller)


# ----------------------------------------------------------------------------------------------------------- beginning


def test_the_controller_holds_no_role_at_the_controlled(session: Any, world: Any) -> None:
    factories.role(session, world.controller, world.cooperative, Role.PACKER, NOW)
    assert reasons(session, world) == {visits.ControllerOfTheControlled}


def test_a_role_held_on_the_day_of_the_visit_counts_though_it_has_ended(session: Any, world: Any) -> None:
    factories.role(
        session, world.controller, world.cooperative, Role.PACKER, NOW, valid_during=Range(TODAY - timedelta(days=9), TODAY)
    )  # fmt: skip
    assert start(session, world, visited_on=TODAY)
    assert reasons(session, world, visited_on=TODAY - timedelta(days=1)) == {visits.ControllerOfTheControlled}


def test_a_self_control_is_recorded_by_a_clerk_of_the_holder_and_by_nobody_else(session: Any, world: Any) -> None:
    own = {"level": ControlLevel.SELF}
    assert reasons(session, world, **own) == {visits.SelfControlByHolderOnly}
    assert reasons(session, world, **own, by=world.other_clerk.id) == {visits.SelfControlByHolderOnly}
    visit = start(session, world, **own, by=world.clerk.id)
    assert [item.code for item in visits.sheet(session, visit.id, reach=ALL).items] == ["KS-01", "KS-02"]


def test_every_reason_comes_at_once(session: Any, world: Any) -> None:
    factories.role(session, world.controller, world.cooperative, Role.PACKER, NOW)
    session.delete(world.plan)
    session.flush()
    assert reasons(session, world, visited_on=TODAY + timedelta(days=1)) == {
        visits.ControllerOfTheControlled, visits.VisitInFuture, visits.NoPlanInForce,
    }  # fmt: skip


def test_a_level_that_the_plan_does_not_know_is_refused(session: Any, world: Any) -> None:
    for item in world.plan.items:
        item.levels = ["external"]
    session.flush()
    assert reasons(session, world) == {visits.NothingAtThisLevel}


def test_a_source_out_of_reach_is_not_found(session: Any, world: Any) -> None:
    for facts in ({"reach": Reach()}, {"area_id": factories.some_id()}, {"area_id": None}):
        with pytest.raises(NotFound):
            start(session, world, **facts)


def test_beginning_twice_goes_on_with_the_same_visit(session: Any, world: Any) -> None:
    first = start(session, world)
    assert start(session, world).id == first.id
    assert [each.id for each in visits.begun_by(session, world.controller.id)] == [first.id]
    assert start(session, world, level=ControlLevel.EXTERNAL).id != first.id


def test_a_visit_keeps_the_plan_of_its_day(session: Any, world: Any) -> None:
    draft = control_plans.draft(session, world.title.id, by=world.manager.id, at=NOW, reach=ALL)
    control_plans.put_in_force(
        session, draft.id, valid_from=TODAY, revision=1, by=world.manager.id, at=NOW, today=TODAY, reach=ALL
    )
    assert start(session, world).plan_id == draft.id
    assert start(session, world, visited_on=TODAY - timedelta(days=1)).plan_id == world.plan.id


# ------------------------------------------------------------------------------------------------------------- answers


@pytest.fixture
def visit(session: Any, world: Any) -> Any:
    return start(session, world)


def test_an_answer_is_kept_however_incomplete(session: Any, world: Any, visit: Any) -> None:
    kept = send(session, visit, said(world, "KS-02", None, note="Đang xem sổ"), by=world.controller)
    assert list(kept.saved.values()) == [1]
    sheet = visits.sheet(session, visit.id, reach=ALL)
    assert (sheet.answers[items(world)["KS-02"].id].note, sheet.answered) == ("Đang xem sổ", 0)


def test_what_is_sent_twice_is_kept_once(session: Any, world: Any, visit: Any) -> None:
    once = said(world, "KS-01")
    for _try in range(3):
        assert send(session, visit, once, by=world.controller).saved == {once.item_id: 1}
    assert factories.count(session, ControlAnswer) == 1


def test_the_last_answer_stands_and_the_earlier_ones_stay_on_record(session: Any, world: Any, visit: Any) -> None:
    send(
        session,
        visit,
        said(world, "KS-01"),
        said(world, "KS-01", Outcome.FAILS, 4, note="Lấn mương"),
        by=world.controller,
    )
    late = send(session, visit, said(world, "KS-01", Outcome.NOT_APPLICABLE, 2, note="Máy khác"), by=world.controller)
    assert (late.saved, late.overtaken) == ({}, {items(world)["KS-01"].id: 4})
    send(session, visit, said(world, "KS-01", Outcome.NOT_APPLICABLE, 5, note="Máy khác"), by=world.controller)
    stands = visits.sheet(session, visit.id, reach=ALL).answers[items(world)["KS-01"].id]
    assert (stands.outcome, stands.note) == (Outcome.NOT_APPLICABLE, "Máy khác")
    assert [row.sequence for row in session.query(ControlAnswer).order_by(ControlAnswer.sequence)] == [1, 4, 5]


def test_only_who_began_it_fills_it_in(session: Any, world: Any, visit: Any) -> None:
    for stranger in (world.certifier, world.clerk):
        with pytest.raises(visits.OnlyItsController):
            send(session, visit, said(world, "KS-01"), by=stranger)


def test_an_item_of_another_plan_or_level_is_refused(session: Any, world: Any, visit: Any) -> None:
    with pytest.raises(visits.NotOfThisVisit):
        send(session, visit, replace(said(world, "KS-01"), item_id=factories.some_id()), by=world.controller)


def picture() -> io.BytesIO:
    made = io.BytesIO()
    Image.new("RGB", (40, 30), "green").save(made, "JPEG")
    made.seek(0)
    return made


def test_a_photo_under_one_id_is_kept_once(session: Any, world: Any, visit: Any, tmp_path: Any) -> None:
    known = uuid.uuid4()
    for _try in range(2):
        visits.add_file(
            session, tmp_path, visit.id, items(world)["KS-01"].id, picture(), name="a.jpg", file_id=known, taken_at=NOW,
            by=world.controller.id, at=NOW, reach=ALL,
        )  # fmt: skip
    assert factories.count(session, ControlFile) == 1
    with pytest.raises(NotFound):
        visits.add_file(
            session, tmp_path, start(session, world, level=ControlLevel.EXTERNAL).id, items(world)["KS-01"].id, picture(), name="a.jpg",
            file_id=known, taken_at=NOW, by=world.controller.id, at=NOW, reach=ALL,
        )  # fmt: skip


def test_as_last_time_offers_what_conformed_and_nothing_that_failed(session: Any, world: Any) -> None:
    earlier = NOW - timedelta(days=30)
    factories.visited(session, world.controller, earlier, area_id=world.area.id, fails={"KS-04": "Tủ không khóa"})
    sheet = visits.sheet(session, start(session, world).id, reach=ALL)
    assert set(sheet.before) == {"KS-01", "KS-02", "KS-03"}
    assert sheet.before_on == earlier.date()


# ----------------------------------------------------------------------------------------------------------- the end


def test_the_end_judges_every_item_at_once(session: Any, world: Any, visit: Any) -> None:
    items(world)["KS-04"].evidence = EvidenceKind.PHOTO
    send(
        session, visit, said(world, "KS-02", note=" "), said(world, "KS-03", Outcome.FAILS, action=" "),
        said(world, "KS-04", Outcome.FAILS, action="Khóa tủ", due_on=TODAY - timedelta(days=1)), by=world.controller,
    )  # fmt: skip
    with pytest.raises(Refused) as refused:
        end(session, visit, visit_endings.Declined(" "), world.controller)
    found = {(type(each), each.facts.get("code")) for each in refused.value.reasons}
    assert found == {
        (visit_endings.Unanswered, "KS-01"), (visit_endings.EvidenceMissing, "KS-02"), (visit_endings.ActionMissing, "KS-03"),
        (visit_endings.DueMissing, "KS-03"), (visit_endings.DueBeforeVisit, "KS-04"), (visit_endings.EvidenceMissing, "KS-04"),
        (visit_endings.RefusalReasonMissing, None),
    }  # fmt: skip
    assert visit.finished_at is None


def test_what_fails_becomes_a_nonconformity_of_the_items_severity(session: Any, world: Any) -> None:
    visit = factories.visited(
        session,
        world.controller,
        NOW,
        area_id=world.area.id,
        fails={"KS-03": "Thuốc lạ trong kho", "KS-04": "Tủ không khóa"},
    )
    by_severity = {row.severity: row for row in session.query(Nonconformity)}
    assert set(by_severity) == {Severity.CRITICAL, Severity.MINOR}
    grave = by_severity[Severity.CRITICAL]
    assert (grave.visit_id, grave.blocking, grave.holder_id, grave.action_asked) == (
        visit.id,
        True,
        world.cooperative.id,
        "Khắc phục ngay",
    )
    assert "Thuốc lạ trong kho" in grave.description
    assert not by_severity[Severity.MINOR].blocking
    assert visit.passed is False


def test_a_failed_gate_check_blocks_whatever_its_severity(session: Any, world: Any) -> None:
    session.query(UseRegulation).one().rules = {"gate_checks": ["KS-04"]}
    visit = factories.visited(session, world.controller, NOW, area_id=world.area.id, fails={"KS-04": "Tủ không khóa"})
    found = session.query(Nonconformity).one()
    assert (found.severity, found.blocking, visit.passed) == (Severity.MINOR, True, False)


def test_minor_failures_alone_let_a_visit_pass(session: Any, world: Any) -> None:
    assert factories.visited(
        session, world.controller, NOW, area_id=world.area.id, fails={"KS-01": "Mất cọc mốc"}
    ).passed


def test_a_critical_finding_makes_the_system_propose_and_suspends_nothing(session: Any, world: Any) -> None:
    factories.visited(session, world.controller, NOW, area_id=world.area.id, fails={"KS-03": "Thuốc lạ"})
    proposal = session.query(SuspensionProposal).one()
    assert (proposal.certificate_id, proposal.ground, proposal.state) == (
        world.certificate.id, SuspensionGround.CRITICAL, ProposalState.OPEN,
    )  # fmt: skip
    assert world.certificate.status.value == "active"


def test_a_signature_names_who_signed(session: Any, world: Any, visit: Any, tmp_path: Any) -> None:
    from trace.services import files

    everything_conforms(session, world, visit)
    drawn = files.receive(session, tmp_path, picture(), name="chu-ky.png", at=NOW, by=world.controller.id)
    with pytest.raises(Refused):
        end(session, visit, visit_endings.Signed(" ", drawn.id), world.controller)
    finished = end(session, visit, visit_endings.Signed("Người mẫu Vườn", drawn.id), world.controller)
    assert (finished.acknowledged, finished.acknowledged_by_name, finished.passed) == (
        Acknowledgement.SIGNED, "Người mẫu Vườn", True,
    )  # fmt: skip


def code(session: Any, visit: Any, by: Any) -> str:
    return visit_endings.show_code(session, visit.id, key=KEY, by=by.id, at=NOW, reach=ALL)


def test_the_confirmation_code_is_shown_to_the_inspected_alone_and_names_them(
    session: Any, world: Any, visit: Any
) -> None:
    everything_conforms(session, world, visit)
    for stranger in (world.controller, world.manager, world.other_clerk):
        with pytest.raises(visit_endings.NotTheInspected):
            code(session, visit, stranger)
    digits = code(session, visit, world.clerk)
    finished = end(session, visit, visit_endings.ByCode(f"{digits[:3]} {digits[3:]}"), world.controller)
    assert (finished.acknowledged, finished.acknowledged_by_name) == (Acknowledgement.CODE, "Người mẫu Thu")
    assert "visit:show_code" in [deed.deed for deed in history.of(session, visit.id)]


def test_changing_an_answer_changes_the_code(session: Any, world: Any, visit: Any) -> None:
    everything_conforms(session, world, visit)
    old = code(session, visit, world.clerk)
    send(session, visit, said(world, "KS-01", Outcome.NOT_APPLICABLE, 2), by=world.controller)
    with pytest.raises(visit_endings.WrongCode):
        end(session, visit, visit_endings.ByCode(old), world.controller)


def test_codes_are_not_guessed(session: Any, world: Any, visit: Any) -> None:
    everything_conforms(session, world, visit)
    right = visit_endings._code(session, visit.id, KEY)
    with pytest.raises(visit_endings.WrongCode):  # shown to nobody, so nobody has acknowledged
        end(session, visit, visit_endings.ByCode(right), world.controller)
    wrong = f"{(int(right) + 1) % 10**6:06d}"
    for _try in range(visit_endings.MOST_TRIES - 1):
        with pytest.raises(visit_endings.WrongCode):
            end(session, visit, visit_endings.ByCode(wrong), world.controller)
    code(session, visit, world.clerk)
    with pytest.raises(visit_endings.TooManyCodes):
        end(session, visit, visit_endings.ByCode(right), world.controller)
    assert (
        end(session, visit, visit_endings.Declined("Không ai nhận mã"), world.controller).acknowledged
        is Acknowledgement.REFUSED
    )


def test_a_self_control_needs_nobody_else_and_others_cannot_pass_as_one(session: Any, world: Any, visit: Any) -> None:
    own = factories.visited(session, world.clerk, NOW, level=ControlLevel.SELF, area_id=world.area.id)
    assert own.acknowledged is Acknowledgement.OWN
    everything_conforms(session, world, visit)
    with pytest.raises(Refused):
        end(session, visit, visit_endings.Own(), world.controller)


def test_finishing_twice_is_harmless_and_answers_stand_afterwards(session: Any, world: Any, visit: Any) -> None:
    everything_conforms(session, world, visit)
    for _try in range(2):
        end(session, visit, visit_endings.Declined("Vắng"), world.controller)
    assert [deed.deed for deed in history.of(session, visit.id)].count("visit:record") == 1
    assert send(session, visit, said(world, "KS-01"), by=world.controller).saved  # the answer to it was lost on the way
    with pytest.raises(visits.VisitFinished):
        send(session, visit, said(world, "KS-01", Outcome.FAILS, 2), by=world.controller)
