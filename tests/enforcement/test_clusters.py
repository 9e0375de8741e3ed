"""Promises of clusters: a flood is one row and at most one case, the figures are right whoever writes, one decision is written to each."""

from __future__ import annotations

import threading
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text, update
from sqlalchemy.orm import Session

from enforcement import clusters, feedback, grouping, intake, law, reporters, triage
from enforcement.clusters import key_of
from enforcement.models import CaseEvent, CaseFile, Outcome, Signal, SignalCluster, SignalState, What
from enforcement.transitions import CaseState
from tests import factories
from tests.conftest import MASTER, NOW
from tests.enforcement import desk
from trace.models.history import History
from trace.models.tips import Tip, TipState

FLOOD = 10_000


@pytest.fixture(autouse=True)
def _law(session: Session) -> None:
    law.seed(session)


def of(session: Session, signal: Signal) -> SignalCluster:
    return clusters.get(session, signal.cluster_id)


def figures(session: Session, signal: Signal) -> tuple[int, int, int]:
    found = of(session, signal)
    return found.signals, found.fresh, found.waiting


def seen(session: Session, signal: Signal) -> clusters.Seen:
    """What the page of a signal's group shows just now."""
    return clusters.seen(session, signal.cluster_id)


def counted(session: Session) -> None:
    """Every figure is what counting the signals gives."""
    session.flush()
    wrong = session.execute(
        text("""
        SELECT c.id FROM enforcement.signal_cluster c
          LEFT JOIN LATERAL (SELECT count(*) AS n, count(*) FILTER (WHERE state = 'new') AS fresh,
                                    count(*) FILTER (WHERE state = 'waiting') AS waiting,
                                    max(severity) FILTER (WHERE state IN ('new', 'waiting')) AS severity,
                                    min(due_at) FILTER (WHERE state IN ('new', 'waiting')) AS due_at,
                                    min(wait_until) FILTER (WHERE state = 'waiting') AS wait_until
                               FROM enforcement.signal s WHERE s.cluster_id = c.id) s ON true
         WHERE (c.signals, c.fresh, c.waiting) IS DISTINCT FROM (s.n, s.fresh, s.waiting)
            OR s.fresh + s.waiting > 0 AND (c.severity, c.due_at, c.wait_until) IS DISTINCT FROM (s.severity, s.due_at, s.wait_until)
    """)
    ).all()
    assert wrong == []


@pytest.mark.parametrize(
    ("facts", "key"),
    [
        ({"order": "DT-1", "place": "Chợ"}, "order:DT-1:no_label"),
        ({"order": None, "code": "7K4M92QDXJ3P"}, "code:7K4M92QDXJ3P"),
        ({"order": None, "listing_url": "https://www.shopee.vn/A?utm_source=z&id=3#x"}, "listing:shopee.vn/A?id=3"),
        ({"order": None, "commune_code": "10813", "place": "CHỢ  Đổ"}, "place:10813:cho do:no_label"),
        ({"order": None, "commune_code": "10813"}, "vague:10813:no_label:"),
    ],
)
def test_the_key_is_made_of_facts_alone(facts: dict[str, Any], key: str) -> None:
    assert key_of(What.NO_LABEL, **facts) == key


def test_like_reports_gather_and_others_do_not(session: Session, world: factories.World) -> None:
    desk.labels(session, world)
    one, other = desk.signal(session, 5), desk.signal(session, 99, place="Nơi khác")
    another = desk.signal(session, 5, reason=desk.TipReason.NO_LABEL)
    assert one.cluster_id == other.cluster_id != another.cluster_id
    assert figures(session, one) == (2, 2, 0)
    counted(session)


def test_the_severest_speaks_for_the_cluster_and_the_next_one_after_it(
    session: Session, world: factories.World
) -> None:
    mild = desk.signal(session)
    grave = desk.signal(session)
    session.execute(update(Signal).where(Signal.id == grave.id).values(severity=3))
    assert (of(session, mild).lead_id, of(session, mild).severity) == (grave.id, 3)
    triage.reject(session, grave.id, reason="Trùng", outcome=Outcome.DATA_ERROR, by=world.officer.id, at=NOW)
    assert (of(session, mild).lead_id, of(session, mild).severity) == (mild.id, mild.severity)
    assert figures(session, mild) == (2, 1, 0)
    triage.wait(session, mild.id, until=date(2026, 7, 1), reason="Chờ", by=world.officer.id, at=NOW)
    assert figures(session, mild) == (2, 0, 1)
    assert of(session, mild).wait_until == date(2026, 7, 1)
    counted(session)


def test_a_flood_of_ten_thousand_is_one_row_and_one_case(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    first = desk.signal(session)
    began = time.monotonic()
    session.execute(text("""
        WITH tips AS (
            INSERT INTO public.tip (number, received_at, reason, description, commune_code, place, state, follow_hash)
            SELECT 'PX-' || n, :at, 'label_looks_wrong', '', '10813', 'Chợ mẫu Thanh Hà', 'received', sha256(('flood ' || n)::bytea)
              FROM generate_series(1, :n) n RETURNING id, number
        )
        INSERT INTO enforcement.signal (cluster_id, source, source_ref, source_number, what, summary, severity, received_at, state, commune_code, place)
        SELECT :cluster, 'tip', id::text, number, 'label_looks_wrong', 'Tem khác thường', 2, :at, 'new', '10813', 'Chợ mẫu Thanh Hà' FROM tips
    """), {"n": FLOOD - 1, "cluster": first.cluster_id, "at": NOW})  # fmt: skip
    wrote = time.monotonic() - began
    assert figures(session, first) == (FLOOD, FLOOD, 0)
    assert factories.count(session, SignalCluster, SignalCluster.fresh + SignalCluster.waiting > 0) == 1
    began = time.monotonic()
    done = triage.decide_cluster(
        session,
        first.cluster_id,
        triage.OpenCase("Vụ mẫu"),
        seen=seen(session, first),
        store=tmp_path,
        by=world.officer.id,
        at=NOW,
    )
    decided = time.monotonic() - began
    assert done.count == FLOOD
    assert factories.count(session, CaseFile) == 1
    assert figures(session, first) == (FLOOD, 0, 0)
    assert factories.count(session, Signal, Signal.case_id == done.case.id) == FLOOD  # type: ignore[union-attr]
    assert factories.count(session, History, History.deed == "signal:join") == FLOOD
    assert factories.count(session, Tip, Tip.state == TipState.LOOKED_INTO) == FLOOD
    events = session.scalars(select(CaseEvent).order_by(CaseEvent.seq)).all()
    assert [(event.deed, event.facts.get("signals")) for event in events] == [("open", None), ("add_signals", FLOOD)]
    assert wrote < 15
    assert decided < 30
    # What comes later gathers there still, and no second case is opened.
    late = desk.signal(session)
    assert late.cluster_id == first.cluster_id
    with pytest.raises(triage.ClusterHasCase):
        triage.open_case(session, late.id, title="Vụ hai", store=tmp_path, by=world.officer.id, at=NOW)
    counted(session)


def test_entering_grows_no_dearer_with_the_cluster(session: Session, world: factories.World) -> None:
    tips = [desk.tip(session) for _ in range(600)]
    took = []
    for first in (0, 200, 400):
        began = time.monotonic()
        for tip in tips[first : first + 200]:
            intake.from_tip(session, tip, at=NOW)
        took.append(time.monotonic() - began)
    assert factories.count(session, SignalCluster) == 1
    assert took[2] < took[0] * 3, took
    counted(session)


def test_a_whole_cluster_is_put_aside_with_a_reason_on_each(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    signals = [desk.signal(session) for _ in range(5)]
    decision = triage.Reject("Một người gửi nhiều lần", Outcome.DATA_ERROR)
    done = triage.decide_cluster(
        session,
        signals[0].cluster_id,
        decision,
        seen=seen(session, signals[0]),
        store=tmp_path,
        by=world.officer.id,
        at=NOW,
    )
    assert (done.count, done.case) == (5, None)
    assert {(s.state, s.outcome, s.reason, s.decided_by) for s in signals} == {
        (SignalState.REJECTED, Outcome.DATA_ERROR, "Một người gửi nhiều lần", world.officer.id)
    }
    assert factories.count(session, History, History.deed == "signal:reject") == 5
    assert set(session.scalars(select(Tip.answer))) == {feedback.answer(Outcome.DATA_ERROR)}
    assert of(session, signals[0]).closed_at == NOW
    assert desk.signal(session).cluster_id != signals[0].cluster_id


def test_what_came_after_the_page_was_shown_is_not_decided_and_holds_nobody_up(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    signals = [desk.signal(session) for _ in range(3)]
    shown = seen(session, signals[0])
    late = [intake.from_tip(session, desk.tip(session), at=NOW + timedelta(seconds=n)) for n in (1, 2)]
    assert len({each.cluster_id for each in (*signals, *late)}) == 1
    for decision in (triage.Wait(None, "Chờ"), triage.Reject("Trùng", Outcome.DATA_ERROR)):
        done = triage.decide_cluster(
            session, late[0].cluster_id, decision, seen=shown, store=tmp_path, by=world.officer.id, at=NOW
        )
        assert (done.count, done.later) == (3, 2)
        assert {signal.state for signal in late} == {SignalState.NEW}
    assert {signal.state for signal in signals} == {SignalState.REJECTED}
    counted(session)
    with pytest.raises(triage.ClusterChanged):  # something is left to decide, but none of what the page showed
        triage.decide_cluster(
            session, late[0].cluster_id, decision, seen=shown, store=tmp_path, by=world.officer.id, at=NOW
        )


def test_if_those_seen_are_no_longer_all_there_nothing_is_decided(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    signals, other = [desk.signal(session) for _ in range(3)], desk.signal(session, place="Nơi khác hẳn")
    shown = seen(session, signals[0])
    triage.reject(session, signals[0].id, reason="Trùng", outcome=Outcome.DATA_ERROR, by=world.team_head.id, at=NOW)
    # As many as before, but one of them another.
    grouping.move_to_cluster(
        session, other.id, signals[1].source_number, reason="Cùng một sạp", by=world.officer.id, at=NOW
    )
    assert seen(session, other).count == shown.count
    with pytest.raises(triage.ClusterChanged) as refused:
        triage.decide_cluster(
            session, other.cluster_id, triage.Wait(None, "Chờ"), seen=shown, store=tmp_path, by=world.officer.id, at=NOW
        )
    assert refused.value.facts == {"seen": 3}
    assert {signal.state for signal in (*signals[1:], other)} == {SignalState.NEW}


def test_a_cluster_decided_by_another_is_refused_with_who_and_when(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    signals = [desk.signal(session) for _ in range(3)]
    shown = seen(session, signals[0])
    for by in (world.team_head.id, world.officer.id):
        asked = (session, signals[0].cluster_id, triage.Reject("Trùng", Outcome.DATA_ERROR))
        if by == world.team_head.id:
            triage.decide_cluster(*asked, seen=shown, store=tmp_path, by=by, at=NOW)
            continue
        with pytest.raises(triage.ClusterDecided) as refused:
            triage.decide_cluster(*asked, seen=shown, store=tmp_path, by=by, at=NOW)
    assert refused.value.facts == {"who": "Người mẫu Đội", "when": "10:00 15/06/2026"}


def test_a_signal_may_join_another_group_and_leave_it_with_a_reason(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    one, other = desk.signal(session), desk.signal(session, place="Nơi khác hẳn")
    moved = grouping.move_to_cluster(
        session, other.id, one.source_number.lower(), reason="Cùng một sạp", by=world.officer.id, at=NOW
    )
    assert moved.cluster_id == one.cluster_id
    assert figures(session, one) == (2, 2, 0)
    triage.open_case(session, one.id, title="Vụ mẫu", store=tmp_path, by=world.officer.id, at=NOW)
    grouping.move_apart(session, other.id, reason="Hàng khác", by=world.officer.id, at=NOW)
    assert other.cluster_id != one.cluster_id
    triage.open_case(session, other.id, title="Vụ khác", store=tmp_path, by=world.officer.id, at=NOW)
    assert factories.count(session, CaseFile) == 2
    assert factories.count(session, History, History.deed == "signal:group", History.why.is_not(None)) == 2
    counted(session)


def test_joining_itself_or_nothing_is_refused(session: Session, world: factories.World) -> None:
    one = desk.signal(session)
    for number, refusal in ((one.source_number, grouping.SameCluster), ("PA-2026-99999", grouping.NoSuchSignal)):
        with pytest.raises(refusal):
            grouping.move_to_cluster(session, one.id, number, reason="x", by=world.officer.id, at=NOW)


def test_once_its_case_is_closed_what_comes_is_a_new_matter(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    one = desk.signal(session)
    case = triage.open_case(session, one.id, title="Vụ mẫu", store=tmp_path, by=world.officer.id, at=NOW)
    assert desk.signal(session).cluster_id == one.cluster_id
    triage.add_to_case(
        session, session.scalars(select(Signal.id).where(Signal.state == "new")).one(), case.id, store=tmp_path,
        by=world.officer.id, at=NOW,
    )  # fmt: skip
    session.execute(
        update(CaseFile)
        .where(CaseFile.id == case.id)
        .values(state=CaseState.CLOSED, closed_at=NOW, outcome=Outcome.NO_VIOLATION)
    )
    assert desk.signal(session).cluster_id != one.cluster_id


def test_a_signal_that_waits_comes_back_when_its_reporter_tells_more(session: Session, world: factories.World) -> None:
    from trace.services import tips

    signals = [desk.signal(session), desk.signal(session)]
    for signal in signals:
        triage.wait(session, signal.id, until=None, reason="Chờ ảnh", by=world.officer.id, at=NOW)
    assert {signal.wait_until for signal in signals} == {NOW.date() + triage.INFORMATION_WITHIN}
    assert reporters.wake(session, at=NOW + timedelta(hours=1)) == 0
    tip = intake.behind(session, signals[0])
    tips.add_message(session, tip, "Tôi thấy lại ở sạp bên cạnh", at=NOW + timedelta(hours=2))  # type: ignore[arg-type]
    later = NOW + timedelta(hours=3)
    assert reporters.wake(session, at=later) == 1
    assert signals[0].wait_until == later.date()
    assert signals[1].wait_until == NOW.date() + triage.INFORMATION_WITHIN


@pytest.mark.committed
def test_of_two_people_who_decide_a_cluster_at_once_one_wins(committed: Engine, tmp_path: Path) -> None:
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        law.seed(session)
        cluster_id = {desk.signal(session).cluster_id for _ in range(20)}.pop()
        people = [world.officer.id, world.team_head.id]
        shown = clusters.seen(session, cluster_id)
        session.commit()
    together, ends = threading.Barrier(2), list[str]()

    def rush(by: Any) -> None:
        with Session(committed) as own:
            together.wait(10)
            try:
                triage.decide_cluster(own, cluster_id, triage.OpenCase("Vụ"), seen=shown, store=tmp_path, by=by, at=NOW)
                own.commit()
                ends.append("won")
            except triage.ClusterDecided as refused:
                ends.append(str(refused.facts["who"]))

    threads = [threading.Thread(target=rush, args=(by,)) for by in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(ends) == 2
    assert ends.count("won") == 1
    with Session(committed) as session:
        assert session.scalar(select(func.count()).select_from(CaseFile)) == 1
