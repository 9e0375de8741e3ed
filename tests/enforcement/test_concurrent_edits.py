"""Promises to two people who work on one case: nobody changes, strikes or seals blindly what a colleague changed, and each reads who it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from enforcement import acts, casebook, cases, entries, exhibits, goods, orders
from enforcement.exhibits import DeedFacts, ExhibitFacts
from enforcement.goods import GoodsFacts
from enforcement.models import (
    CaseFile,
    CasePartyRole,
    Exhibit,
    ExhibitDeed,
    GoodsLine,
    Obligation,
    ObligationKind,
    ValuationMethod,
)
from enforcement.transitions import Move
from tests import factories
from tests.conftest import MASTER, NOW
from tests.enforcement import desk
from trace.clock import CITY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from uuid import UUID

DAY = NOW.astimezone(CITY).date()
SOON = NOW + timedelta(minutes=5)
PERSON = acts.PartyFacts(CasePartyRole.SUSPECTED, is_organisation=False, name="Người mẫu")
LINE = GoodsFacts("Vải mẫu", Decimal(2), "kg", 50_000, ValuationMethod.MARKET_PRICE, DAY)
THING = ExhibitFacts("Cuộn tem mẫu", Decimal(3), "cuộn", "Còn nguyên", "Kho Đội mẫu", "Thủ kho mẫu")
CORRECTED = {"who": "Người mẫu Bộ", "when": "10:05 15/06/2026"}


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    made = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
    return desk.walk(session, made, Move.START_INSPECTION, by=world.officer.id)


def sealed() -> DeedFacts:
    return DeedFacts(ExhibitDeed.SEALED, SOON, seal_number="NP-5", document_number="MBB26-5")


def of_person(session: Session, case: CaseFile, who: dict[str, Any]) -> Callable[[int], Any]:
    made = acts.add_party(session, case.id, PERSON, by=who["by"], at=NOW)
    acts.amend_party(session, case.id, made.id, replace(PERSON, name="Tên đúng"), revision=1, **who)
    return lambda seen: acts.strike_party(session, case.id, made.id, reason="Nhầm", revision=seen, **who)


def of_act(session: Session, case: CaseFile, who: dict[str, Any]) -> Callable[[int], Any]:
    made = desk.act(session, case, by=who["by"], at=NOW)
    facts = acts.ActFacts(made.description, made.qualification, made.began_on, made.ended_on, "Chợ khác")
    acts.amend_act(session, case.id, made.id, facts, revision=1, **who)
    return lambda seen: acts.strike_act(session, case.id, made.id, reason="Nhầm", revision=seen, **who)


def of_goods(session: Session, case: CaseFile, who: dict[str, Any]) -> Callable[[int], Any]:
    made = goods.add(session, case.id, LINE, by=who["by"], at=NOW)
    goods.correct(session, case.id, made.id, replace(LINE, name="Tên đúng"), revision=1, **who)
    return lambda seen: goods.drop(session, case.id, made.id, reason="Nhầm", revision=seen, **who)


def of_exhibit(session: Session, case: CaseFile, who: dict[str, Any]) -> Callable[[int], Any]:
    made = exhibits.add(session, case.id, THING, by=who["by"], at=NOW)
    exhibits.do(
        session, case.id, made.id, DeedFacts(ExhibitDeed.MOVED, SOON, kept_at="Kho khác", keeper="Người khác"), **who
    )
    return lambda seen: exhibits.drop(session, case.id, made.id, reason="Nhầm", revision=seen, **who)


def of_seal(session: Session, case: CaseFile, who: dict[str, Any]) -> Callable[[int], Any]:
    made = exhibits.add(session, case.id, THING, by=who["by"], at=NOW)
    exhibits.correct(session, case.id, made.id, replace(THING, description="Tên đúng"), revision=1, **who)
    return lambda seen: exhibits.do(session, case.id, made.id, sealed(), revision=seen, **who)


@pytest.mark.parametrize("changed", [of_person, of_act, of_goods, of_exhibit, of_seal])
def test_what_a_colleague_changed_is_not_struck_or_sealed_blindly(
    session: Session, case: CaseFile, world: factories.World, changed: Callable[..., Callable[[int], Any]]
) -> None:
    again = changed(session, case, {"by": world.officer.id, "at": SOON})
    with pytest.raises(entries.EntryChanged) as refused:
        again(1)
    assert refused.value.facts == CORRECTED
    again(2)


def test_an_order_that_a_colleague_changed_is_not_struck_blindly(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    desk.act(session, case, by=world.officer.id, at=NOW)
    for move in (Move.RECORD_VIOLATION, Move.PREPARE_DECISION, Move.PENALISE):
        desk.take(session, case, move, by=world.team_head.id)
    head = {"by": world.team_head.id, "duties": desk.ALL_DUTIES, "at": SOON}
    made = orders.add(session, case.id, ObligationKind.REMEDY, "Nộp lại tem", **head)
    with pytest.raises(entries.EntryChanged):
        orders.drop(session, case.id, made.id, reason="Nhầm", revision=7, **head)
    orders.drop(session, case.id, made.id, reason="Nhầm", revision=1, **head)


def test_who_corrects_an_entry_on_an_old_page_reads_who_was_faster_and_when(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    made = goods.add(session, case.id, LINE, by=world.team_head.id, at=NOW)
    goods.correct(session, case.id, made.id, replace(LINE, name="A"), revision=1, by=world.officer.id, at=SOON)
    with pytest.raises(entries.EntryChanged) as refused:
        goods.correct(session, case.id, made.id, replace(LINE, name="B"), revision=1, by=world.team_head.id, at=SOON)
    assert refused.value.facts == CORRECTED
    goods.drop(session, case.id, made.id, reason="Nhầm", revision=2, by=world.officer.id, at=SOON)
    with pytest.raises(entries.EntryStruck) as gone:
        goods.correct(session, case.id, made.id, replace(LINE, name="B"), revision=2, by=world.team_head.id, at=SOON)
    assert gone.value.facts == CORRECTED


def test_of_a_line_that_a_decision_wrote_the_decider_is_named(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    desk.act(session, case, by=world.officer.id, at=NOW)
    for move in (Move.RECORD_VIOLATION, Move.PREPARE_DECISION, Move.PENALISE):
        desk.take(session, case, move, by=world.team_head.id)
    line = session.query(Obligation).filter(Obligation.kind == ObligationKind.REMEDY).first()
    assert line is not None
    with pytest.raises(entries.EntryChanged) as refused:
        entries.one(session, Obligation, case, line.id, revision=-1)
    assert refused.value.facts["who"] == "Người mẫu Đội"


# ---------------------------------------------------------------- two sessions


@pytest.fixture
def shared(committed: Engine, tmp_path: Path) -> tuple[UUID, factories.World]:
    """A case that two sessions work on."""
    with Session(committed, expire_on_commit=False) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        case = desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path)])
        desk.walk(session, case, Move.START_INSPECTION, by=world.officer.id)
        session.commit()
        return case.id, world


@pytest.mark.committed
def test_a_correction_that_came_between_reading_and_locking_is_seen(
    committed: Engine, shared: tuple[UUID, factories.World]
) -> None:
    case_id, world = shared
    with Session(committed) as first:
        line = goods.add(first, case_id, LINE, by=world.officer.id, at=NOW).id
        thing = exhibits.add(first, case_id, THING, by=world.officer.id, at=NOW).id
        first.commit()
    with Session(committed) as slow, Session(committed) as fast:
        read = slow.get_one(GoodsLine, line), slow.get_one(Exhibit, thing)  # as a form that is being filled reads them
        assert [each.revision for each in read] == [1, 1]
        goods.correct(fast, case_id, line, replace(LINE, name="A"), revision=1, by=world.officer.id, at=SOON)
        exhibits.do(fast, case_id, thing, sealed(), revision=1, by=world.officer.id, at=SOON)
        fast.commit()
        with pytest.raises(entries.EntryChanged):
            goods.correct(slow, case_id, line, replace(LINE, name="B"), revision=1, by=world.team_head.id, at=SOON)
        with pytest.raises(entries.EntryChanged):
            exhibits.drop(slow, case_id, thing, reason="Nhầm", revision=1, by=world.team_head.id, at=SOON)


@pytest.mark.committed
def test_who_is_too_late_reads_who_took_the_step_and_not_who_wrote_a_note_after_it(
    committed: Engine, shared: tuple[UUID, factories.World]
) -> None:
    case_id, world = shared

    def do(act: Callable[[Session], Any]) -> int:
        with Session(committed) as own:
            act(own)
            own.commit()
            return own.get_one(CaseFile, case_id).version

    seen = do(lambda own: cases.note(own, case_id, "Trước", by=world.branch_head.id, at=NOW))
    do(lambda own: desk.act(own, own.get_one(CaseFile, case_id), by=world.officer.id, at=SOON))
    late = SOON + timedelta(hours=1)
    after = do(lambda own: cases.note(own, case_id, "Đã xem", by=world.branch_head.id, at=late))
    assert after > seen
    assert after == do(lambda own: goods.add(own, case_id, LINE, by=world.team_head.id, at=late))
    with Session(committed) as own, pytest.raises(casebook.CaseChanged) as refused:
        casebook.workable(own, case_id, seen)
    assert refused.value.facts == CORRECTED
