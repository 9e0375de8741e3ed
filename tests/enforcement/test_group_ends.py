"""Promises of groups whose case is over: what comes is a new matter. And of people who decide and close at once: nobody waits in a circle."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from enforcement import casebook, clusters, grouping, intake_clocks, joins, law, reporters, triage
from enforcement.models import CaseFile, Outcome, Signal, SignalCluster, SignalState
from enforcement.transitions import Move
from tests import factories
from tests.conftest import MASTER, NOW
from tests.enforcement import desk
from trace.errors import Conflict
from trace.models.tips import TipMessage

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

LATER = NOW + timedelta(hours=2)


@pytest.fixture(autouse=True)
def _law(session: Session) -> None:
    law.seed(session)


def opened(session: Session, signal: Signal, world: factories.World, store: Path, title: str = "Vụ mẫu") -> CaseFile:
    return triage.open_case(session, signal.id, title=title, store=store, by=world.officer.id, at=NOW)


def close(session: Session, case: CaseFile, world: factories.World) -> None:
    """By the shortest way that the law has: nothing was found."""
    for move in (Move.SCREEN, Move.FIND_NO_VIOLATION, Move.CLOSE):
        if move is Move.CLOSE:
            desk.carry_out(session, case, by=world.team_head.id)
        desk.take(session, case, move, by=world.team_head.id, outcome=Outcome.NO_VIOLATION)


def merged_and_over(session: Session, world: factories.World, store: Path) -> tuple[Signal, CaseFile]:
    """A signal whose case was merged into another, which is closed; and that other one."""
    signal = desk.signal(session)
    case, kept = opened(session, signal, world, store), desk.case(session, world, store)
    joins.merge(session, kept.id, case.id, take=(), reason="Một việc", by=world.team_head.id, at=NOW)
    close(session, kept, world)
    return signal, kept


def test_after_the_survivor_of_its_case_is_closed_what_comes_is_a_new_matter(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    signal, kept = merged_and_over(session, world, tmp_path)
    late = desk.signal(session)
    assert late.cluster_id != signal.cluster_id
    with pytest.raises(casebook.CaseIsOver):
        triage.add_to_case(session, late.id, kept.id, store=tmp_path, by=world.officer.id, at=NOW)
    assert opened(session, late, world, tmp_path).number != kept.number


def test_while_the_survivor_is_worked_on_no_second_case_is_opened(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    signal = desk.signal(session)
    case, kept = opened(session, signal, world, tmp_path), desk.case(session, world, tmp_path)
    joins.merge(session, kept.id, case.id, take=(), reason="Một việc", by=world.team_head.id, at=NOW)
    late = desk.signal(session)
    assert late.cluster_id == signal.cluster_id
    with pytest.raises(triage.ClusterHasCase) as refused:
        opened(session, late, world, tmp_path)
    assert refused.value.facts == {"number": kept.number}
    cluster = session.get_one(SignalCluster, late.cluster_id)
    assert clusters.working(session, [cluster]) == {cluster.id: kept}
    close(session, kept, world)
    session.expire_all()
    assert clusters.working(session, [cluster]) == {}


@pytest.mark.parametrize("waits", [True, False])
def test_what_was_left_when_the_case_was_closed_becomes_a_case_of_its_own(
    session: Session, world: factories.World, tmp_path: Path, *, waits: bool
) -> None:
    signal, left = desk.signal(session), desk.signal(session)
    if waits:
        triage.wait(session, left.id, until=None, reason="Chờ ảnh", by=world.officer.id, at=NOW)
    first = opened(session, signal, world, tmp_path)
    close(session, first, world)
    late = desk.signal(session)
    assert late.cluster_id == left.cluster_id, "one open group a key"
    shown = clusters.seen(session, left.cluster_id)
    done = triage.decide_cluster(
        session, left.cluster_id, triage.OpenCase("Vụ hai"), seen=shown, store=tmp_path, by=world.officer.id, at=NOW
    )
    assert done.case is not None
    assert done.case.id != first.id
    assert (left.case_id, late.case_id) == (done.case.id, done.case.id)
    assert clusters.get(session, left.cluster_id).case_id == done.case.id
    again = desk.signal(session)
    assert again.cluster_id == left.cluster_id
    with pytest.raises(triage.ClusterHasCase):
        opened(session, again, world, tmp_path, "Vụ ba")


def test_a_group_whose_case_was_merged_into_a_closed_one_is_closed_with_its_last_signal(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    signal, left = desk.signal(session), desk.signal(session)
    case, kept = opened(session, signal, world, tmp_path), desk.case(session, world, tmp_path)
    joins.merge(session, kept.id, case.id, take=(), reason="Một việc", by=world.team_head.id, at=NOW)
    close(session, kept, world)
    triage.reject(session, left.id, reason="Trùng", outcome=Outcome.DATA_ERROR, by=world.officer.id, at=NOW)
    assert clusters.get(session, signal.cluster_id).closed_at == NOW


# ---------------------------------------------------------------------------------------------------- the finding


def test_an_infringement_is_handled_in_a_case_and_the_database_knows_it(
    session: Session, world: factories.World
) -> None:
    signal = desk.signal(session)
    with pytest.raises(triage.InfringementAside):
        triage.reject(session, signal.id, reason="Có", outcome=Outcome.INFRINGEMENT, by=world.officer.id, at=NOW)
    put = {"state": SignalState.REJECTED, "reason": "x", "decided_at": NOW, "decided_by": world.officer.id}
    with pytest.raises(IntegrityError, match="handled in a case"), session.begin_nested():
        session.execute(update(Signal).where(Signal.id == signal.id).values(outcome=Outcome.INFRINGEMENT, **put))


def test_what_was_put_aside_as_an_infringement_before_goes_on_being_written_to(
    session: Session, world: factories.World
) -> None:
    signal = desk.signal(session)
    put = {"state": SignalState.REJECTED, "reason": "x", "decided_at": NOW, "decided_by": world.officer.id}
    of_it = update(Signal).where(Signal.id == signal.id)
    session.execute(text("ALTER TABLE enforcement.signal DISABLE TRIGGER signal_aside_checked"))
    session.execute(of_it.values(outcome=Outcome.INFRINGEMENT, **put))
    session.execute(text("ALTER TABLE enforcement.signal ENABLE TRIGGER signal_aside_checked"))
    session.execute(of_it.values(outcome=Outcome.INFRINGEMENT, reason="y", due_at=NOW))
    assert session.get_one(Signal, signal.id).due_at == NOW


# ------------------------------------------------------------------------------------------------------ two sessions


@pytest.fixture
def shared(committed: Engine, tmp_path: Path) -> tuple[UUID, UUID, factories.World]:
    """A case that is about to be closed, and an undecided signal of its group."""
    with Session(committed, expire_on_commit=False) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        law.seed(session)
        first, left = desk.signal(session), desk.signal(session)
        case = opened(session, first, world, tmp_path)
        for move in (Move.SCREEN, Move.FIND_NO_VIOLATION):
            desk.take(session, case, move, by=world.team_head.id)
        desk.carry_out(session, case, by=world.team_head.id)
        session.commit()
        return case.id, left.id, world


def beside(engine: Engine, act: Callable[[Session], Any]) -> tuple[threading.Thread, list[BaseException]]:
    """Somebody else who does something in a session of their own."""
    faults = list[BaseException]()

    def run() -> None:
        with Session(engine) as own:
            try:
                act(own)
                own.commit()
            except BaseException as exc:
                faults.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, faults


@pytest.mark.committed
def test_who_closes_a_case_and_who_adds_a_signal_of_its_group_never_wait_in_a_circle(
    committed: Engine, shared: tuple[UUID, UUID, factories.World], tmp_path: Path
) -> None:
    case_id, left, world = shared
    with Session(committed) as adding:
        triage.undecided(adding, left)  # cluster and signal are held
        closing, faults = beside(
            committed,
            lambda own: desk.take(
                own, own.get_one(CaseFile, case_id), Move.CLOSE, by=world.team_head.id, outcome=Outcome.NO_VIOLATION
            ),
        )
        closing.join(2)
        with pytest.raises(casebook.CaseIsOver):
            triage.add_to_case(adding, left, case_id, store=tmp_path, by=world.officer.id, at=NOW)
        adding.rollback()
        closing.join(10)
    assert faults == []


@pytest.mark.committed
def test_of_two_who_open_a_case_from_a_group_whose_case_is_over_one_wins(
    committed: Engine, shared: tuple[UUID, UUID, factories.World], tmp_path: Path
) -> None:
    case_id, left, world = shared
    with Session(committed) as session:
        more = desk.signal(session).id
        case = session.get_one(CaseFile, case_id)
        desk.take(session, case, Move.CLOSE, by=world.team_head.id, outcome=Outcome.NO_VIOLATION)
        session.commit()
    with Session(committed) as fast:
        opened(fast, fast.get_one(Signal, left), world, tmp_path, "Vụ hai")
        slow, faults = beside(committed, lambda own: opened(own, own.get_one(Signal, more), world, tmp_path, "Vụ ba"))
        slow.join(1)
        assert slow.is_alive(), "it waits for the group"
        fast.commit()
        slow.join(10)
    assert [type(each) for each in faults] == [triage.ClusterHasCase]


@pytest.mark.committed
def test_what_wakes_signals_leaves_alone_those_that_somebody_decides_about(
    committed: Engine, shared: tuple[UUID, UUID, factories.World]
) -> None:
    _case_id, left, world = shared
    with Session(committed) as session:
        signal = triage.wait(session, left, until=None, reason="Chờ", by=world.officer.id, at=NOW)
        session.add(TipMessage(tip_id=signal.source_ref, body="Tôi thấy lại", at=LATER))
        session.commit()
        cluster_id = signal.cluster_id
    woken = list[int]()
    with Session(committed) as deciding:
        clusters.lock(deciding, cluster_id)
        waking, faults = beside(committed, lambda own: woken.append(reporters.wake(own, at=LATER)))
        waking.join(5)
        assert not waking.is_alive(), "it waits for nobody"
        deciding.execute(select(Signal).where(Signal.id == left).with_for_update(nowait=True))
        deciding.rollback()
    with Session(committed) as session:
        assert reporters.wake(session, at=LATER) == 1
    assert (faults, woken) == ([], [0])


@pytest.mark.committed
def test_a_clock_locks_the_group_before_its_signal(
    committed: Engine, shared: tuple[UUID, UUID, factories.World]
) -> None:
    _case_id, left, _world = shared
    with Session(committed) as session:
        record_id = factories.some_id()
        session.execute(text("SET session_replication_role = replica"))
        session.execute(update(Signal).where(Signal.id == left).values(record_id=record_id))
        session.commit()
        cluster_id = session.scalars(select(Signal.cluster_id).where(Signal.id == left)).one()
    with Session(committed) as deciding:
        clusters.lock(deciding, cluster_id)
        showing, faults = beside(committed, lambda own: intake_clocks._show(own, record_id))
        showing.join(1)
        assert showing.is_alive(), "it waits for the group"
        deciding.execute(select(Signal).where(Signal.id == left).with_for_update(nowait=True))
        deciding.rollback()
        showing.join(10)
    assert faults == []


@pytest.mark.committed
def test_a_signal_that_was_moved_while_somebody_waited_for_its_group_is_not_decided(
    committed: Engine, shared: tuple[UUID, UUID, factories.World]
) -> None:
    _case_id, left, world = shared
    with Session(committed) as moving:
        grouping.move_apart(moving, left, reason="Việc khác", by=world.officer.id, at=NOW)
        waiting, faults = beside(committed, lambda own: triage.undecided(own, left))
        waiting.join(1)
        assert waiting.is_alive()
        moving.commit()
        waiting.join(10)
    assert [type(each) for each in faults] == [Conflict]


def test_a_group_of_which_nothing_changes_is_not_written(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    signal, _left = desk.signal(session), desk.signal(session)
    opened(session, signal, world, tmp_path)
    session.flush()

    def version() -> Any:
        return session.execute(
            select(text("xmin::text"), text("cmin::text"), text("ctid::text")).select_from(SignalCluster).where(
                SignalCluster.id == signal.cluster_id
            )
        ).one()  # fmt: skip

    before = version()
    session.execute(update(Signal).where(Signal.id == signal.id).values(outcome=Outcome.NO_VIOLATION, due_at=NOW))
    assert version() == before
