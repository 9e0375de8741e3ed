"""Promises of deeds for many: counted as they will be, one refusal harms no other row, and what is taken back is exactly what was done."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from enforcement import bulk, bulk_undo, bundles, casebook, cases, intake, law, queue
from enforcement.bulk import Order
from enforcement.models import BulkKind, CaseFile, Outcome, Signal, SignalState
from enforcement.queue import SignalFilter
from enforcement.transitions import Duty
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from trace.models.history import History
from trace.models.parties import RoleGrant

LATER = NOW + timedelta(minutes=2)


@pytest.fixture(autouse=True)
def _law(session: Session) -> None:
    law.seed(session)


def order(world: factories.World, store: Path, kind: BulkKind, **facts: Any) -> Order:
    return Order(
        kind, {"reason": "Chia lại việc", **facts}, by=world.team_head.id, duties=desk.ALL_DUTIES, at=NOW, store=store
    )


def test_cases_are_given_to_somebody_and_taken_back_exactly(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    free, held = desk.case(session, world, tmp_path), desk.case(session, world, tmp_path)
    cases.claim(session, held.id, by=world.team_head.id, at=NOW)
    give = order(world, tmp_path, BulkKind.ASSIGN, officer=str(world.officer.id))
    foreseen = bulk.preview(session, give, [free.id, held.id])
    assert len(foreseen.done) == 2
    assert session.get_one(CaseFile, free.id).officer_id is None, "a preview changes nothing"
    deed, result = bulk.carry_out(session, give, [free.id, held.id])
    assert deed is not None
    assert {item["number"] for item in result.done} == {free.number, held.number}
    assert (free.officer_id, held.officer_id) == (world.officer.id, world.officer.id)
    bulk_undo.undo(session, deed.id, by=world.team_head.id, duties=[Duty.TEAM_HEAD], at=LATER)
    assert (free.officer_id, held.officer_id) == (None, world.team_head.id)
    assert free.events[-1].deed == "unassign"
    with pytest.raises(bulk_undo.UndoneBefore):
        bulk_undo.undo(session, deed.id, by=world.team_head.id, duties=[Duty.TEAM_HEAD], at=LATER)


def test_a_row_that_is_refused_leaves_the_others_alone_and_is_named(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    free, already = desk.case(session, world, tmp_path), desk.case(session, world, tmp_path)
    cases.claim(session, already.id, by=world.officer.id, at=NOW)
    give = order(world, tmp_path, BulkKind.ASSIGN, officer=str(world.officer.id))
    foreseen = bulk.preview(session, give, [free.id, already.id])
    deed, result = bulk.carry_out(session, give, [free.id, already.id])
    for each in (foreseen, result):
        assert [item["number"] for item in each.done] == [free.number]
        assert [(refused.number, type(refused.why)) for refused in each.refused] == [
            (already.number, bulk.SameAsBefore)
        ]
    assert deed is not None
    assert deed.done["refused"] == [already.number]


def test_what_was_touched_since_stays_as_it_is(session: Session, world: factories.World, tmp_path: Path) -> None:
    touched, calm = desk.case(session, world, tmp_path), desk.case(session, world, tmp_path)
    give = order(world, tmp_path, BulkKind.ASSIGN, officer=str(world.officer.id))
    deed, _ = bulk.carry_out(session, give, [touched.id, calm.id])
    assert deed is not None
    cases.assign(
        session, touched.id, world.team_head.id, reason="x", by=world.team_head.id, duties=desk.ALL_DUTIES, at=NOW
    )
    _, result = bulk_undo.undo(session, deed.id, by=world.team_head.id, duties=[], at=LATER)
    assert [(refused.number, type(refused.why)) for refused in result.refused] == [
        (touched.number, bulk_undo.ChangedSince)
    ]
    assert (touched.officer_id, calm.officer_id) == (world.team_head.id, None)


def test_a_case_in_which_somebody_wrote_since_stays_with_them(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    noted, gathered, calm, copied = (desk.case(session, world, tmp_path) for _ in range(4))
    give = order(world, tmp_path, BulkKind.ASSIGN, officer=str(world.officer.id))
    deed, _ = bulk.carry_out(session, give, [noted.id, gathered.id, calm.id, copied.id])
    assert deed is not None
    seen = noted.version
    cases.note(session, noted.id, "Đã gọi cho người bán", by=world.officer.id, at=LATER)
    assert noted.version == seen, "a note changes nothing of the case itself"
    cases.add_evidence(
        session, gathered.id, desk.photo(session, tmp_path, 7), title="Ảnh", origin="Cán bộ chụp", taken_at=NOW, store=tmp_path,
        by=world.officer.id, at=LATER,
    )  # fmt: skip
    bundles.ask(session, copied.id, reason="Gửi viện kiểm sát", shared=False, by=world.officer.id, at=LATER)
    casebook.write(session, copied, "fetch_bundle", by=world.officer.id, at=LATER, facts={"bundle": 1})
    _, result = bulk_undo.undo(session, deed.id, by=world.team_head.id, duties=[], at=LATER)
    assert {(refused.number, type(refused.why)) for refused in result.refused} == {
        (case.number, bulk_undo.ChangedSince) for case in (noted, gathered)
    }
    assert (noted.officer_id, gathered.officer_id) == (world.officer.id, world.officer.id)
    assert (calm.officer_id, copied.officer_id) == (None, None), "who takes a copy changes nothing"


@pytest.mark.parametrize("closed", [True, False])
def test_nothing_goes_back_to_somebody_who_left_the_desk(
    session: Session, world: factories.World, tmp_path: Path, *, closed: bool
) -> None:
    theirs, free = desk.case(session, world, tmp_path), desk.case(session, world, tmp_path)
    cases.claim(session, theirs.id, by=world.branch_head.id, at=NOW)
    give = order(world, tmp_path, BulkKind.ASSIGN, officer=str(world.officer.id))
    deed, _ = bulk.carry_out(session, give, [theirs.id, free.id])
    assert deed is not None
    if closed:
        world.branch_head.closed_at = LATER
    else:  # works elsewhere from today
        grant = session.scalars(select(RoleGrant).where(RoleGrant.user_id == world.branch_head.id)).one()
        grant.valid_during = Range(grant.valid_during.lower, LATER.date())
    session.flush()
    _, result = bulk_undo.undo(session, deed.id, by=world.team_head.id, duties=[], at=LATER)
    [left] = result.refused
    assert (left.number, type(left.why)) == (theirs.number, bulk_undo.FormerOfficerGone)
    assert left.why.facts == {"who": "Người mẫu Chi"}
    assert (theirs.officer_id, free.officer_id) == (world.officer.id, None)


def test_a_deed_of_before_the_events_were_kept_goes_by_the_version(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    case = desk.case(session, world, tmp_path)
    deed, _ = bulk.carry_out(session, order(world, tmp_path, BulkKind.ASSIGN, officer=str(world.officer.id)), [case.id])
    assert deed is not None
    items = [{name: value for name, value in item.items() if name != "event"} for item in deed.done["items"]]
    deed.done = {**deed.done, "items": items}
    bulk_undo.undo(session, deed.id, by=world.team_head.id, duties=[], at=LATER)
    assert case.officer_id is None


def test_only_who_did_it_or_a_head_takes_it_back(session: Session, world: factories.World, tmp_path: Path) -> None:
    case = desk.case(session, world, tmp_path)
    deed, _ = bulk.carry_out(session, order(world, tmp_path, BulkKind.ASSIGN, officer=str(world.officer.id)), [case.id])
    assert deed is not None
    with pytest.raises(bulk_undo.NotYourDeed):
        bulk_undo.undo(session, deed.id, by=world.officer.id, duties=[Duty.OFFICER], at=LATER)


@pytest.mark.parametrize(
    ("kind", "facts", "state"),
    [
        (BulkKind.WEIGH, {"severity": "3"}, SignalState.NEW),
        (BulkKind.WAIT, {"until": date(2026, 6, 20)}, SignalState.WAITING),
        (BulkKind.REJECT, {"outcome": Outcome.NO_VIOLATION}, SignalState.REJECTED),
    ],
)
def test_signals_come_back_to_what_they_were(
    session: Session, world: factories.World, tmp_path: Path, kind: BulkKind, facts: dict[str, Any], state: SignalState
) -> None:
    seen = desk.observation(session, world.inspector.id)

    signal = intake.from_observation(session, seen, at=NOW)
    before = (signal.state, signal.severity, signal.reason, signal.wait_until, signal.decided_by)
    deed, result = bulk.carry_out(session, order(world, tmp_path, kind, **facts), [signal.cluster_id])
    assert deed is not None
    assert [item["number"] for item in result.done] == [signal.source_number]
    session.refresh(signal)
    assert signal.state is state
    bulk_undo.undo(session, deed.id, by=world.team_head.id, duties=[], at=LATER)
    session.refresh(signal)
    assert (signal.state, signal.severity, signal.reason, signal.wait_until, signal.decided_by) == before
    assert queue.signals(session, SignalFilter(), at=NOW)[1] == 1
    assert factories.count(session, History, History.deed == "signal:undo") == 1


def test_a_reporter_who_was_told_is_not_told_the_contrary(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    signal = desk.signal(session)
    put_aside = order(world, tmp_path, BulkKind.REJECT, outcome=Outcome.NO_VIOLATION)
    deed, _ = bulk.carry_out(session, put_aside, [signal.cluster_id])
    assert deed is not None
    _, result = bulk_undo.undo(session, deed.id, by=world.team_head.id, duties=[], at=LATER)
    assert [type(refused.why) for refused in result.refused] == [bulk_undo.ReporterTold]
    assert deed.undone_at is None


def test_like_signals_are_decided_together_unless_they_are_a_flood(
    session: Session, world: factories.World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signals = [desk.signal(session, place="Chợ mẫu") for _ in range(3)]
    wait = order(world, tmp_path, BulkKind.WAIT, until=date(2026, 6, 20))
    monkeypatch.setattr(bulk, "MOST", 2)
    flood = bulk.preview(session, wait, [signals[0].cluster_id])
    assert [type(refused.why) for refused in flood.refused] == [bulk.ClusterTooLarge]
    monkeypatch.setattr(bulk, "MOST", 3)
    _, result = bulk.carry_out(session, wait, [signals[0].cluster_id])
    assert len(result.done) == 3


def test_signals_join_a_case_for_good(session: Session, world: factories.World, tmp_path: Path) -> None:
    case, signal = desk.case(session, world, tmp_path), desk.signal(session, place="Chợ khác")
    join = order(world, tmp_path, BulkKind.ADD, case=bulk.case_of(session, case.number.lower()))
    deed, _ = bulk.carry_out(session, join, [signal.cluster_id])
    assert deed is not None
    assert session.get_one(Signal, signal.id).case_id == case.id
    with pytest.raises(bulk_undo.NotUndone):
        bulk_undo.undo(session, deed.id, by=world.team_head.id, duties=[], at=LATER)


def test_wrong_choices_are_refused(
    session: Session, world: factories.World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give = order(world, tmp_path, BulkKind.ASSIGN, officer=str(world.officer.id))
    with pytest.raises(bulk.NothingChosen):
        bulk.carry_out(session, give, [])
    monkeypatch.setattr(bulk, "MOST", 1)
    with pytest.raises(bulk.TooManyChosen):
        bulk.carry_out(session, give, [uuid.uuid4(), uuid.uuid4()])
    with pytest.raises(bulk.NoSuchCase):
        bulk.case_of(session, "VV-2026-99999")


def test_many_wait_for_information_without_a_day(session: Session, world: factories.World, tmp_path: Path) -> None:
    signals = [desk.signal(session, place=f"Chợ mẫu {n}") for n in range(2)]
    wait = order(world, tmp_path, BulkKind.WAIT, until=None)
    deed, result = bulk.carry_out(session, wait, [signal.cluster_id for signal in signals])
    assert deed is not None
    assert len(result.done) == 2
    for signal in signals:
        session.refresh(signal)
        assert (signal.state, signal.wait_until) == (SignalState.WAITING, NOW.date() + timedelta(days=30))
    bulk_undo.undo(session, deed.id, by=world.team_head.id, duties=[], at=LATER)
    session.refresh(signals[0])
    assert (signals[0].state, signals[0].wait_until) == (SignalState.NEW, None)


def test_what_finds_no_room_this_time_is_left_for_the_next(
    session: Session, world: factories.World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alike = [desk.signal(session, place="Chợ mẫu") for _ in range(2)]
    other = desk.signal(session, place="Chợ khác hẳn")
    monkeypatch.setattr(bulk, "MOST", 2)
    wait = order(world, tmp_path, BulkKind.WAIT, until=None)
    clusters = {alike[0].cluster_id, other.cluster_id}
    assert len(clusters) == 2
    result = bulk.preview(session, wait, clusters)
    assert {type(refused.why) for refused in result.refused} == {bulk.NoRoomLeft}
