"""Promises of joined cases: a merge taken back leaves each case as it would be without it, whatever was done in between."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import nullcontext
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from enforcement import acts, casebook, cases, joins, law, membership, splits, terms, timekeeping, triage
from enforcement.competence import LegalQualification
from enforcement.deadlines import DeadlineKind
from enforcement.models import CaseAct, CaseFile, CaseJoin, CasePartyRole, Deadline, Evidence, Outcome, Signal
from enforcement.transitions import CaseState, Move
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from trace.errors import Invalid, NotFound, Refused, broken_constraint
from trace.models.tips import Tip, TipState

EXAMPLES = int(os.environ.get("TEMTHAT_JOIN_EXAMPLES", "10"))


@pytest.fixture
def opened(session: Session, world: factories.World, tmp_path: Path) -> Callable[..., CaseFile]:
    law.seed(session)
    shades = iter(range(1, 200))

    def make(**facts: Any) -> CaseFile:
        photo = desk.photo(session, tmp_path, next(shades))
        return desk.case(session, world, tmp_path, with_law=False, photos=[photo], **facts)

    return make


def merge(session: Session, world: factories.World, kept: CaseFile, gone: CaseFile, **more: Any) -> CaseFile:
    facts = {"take": (), "reason": "Cùng một sạp hàng", "by": world.officer.id, "at": NOW, **more}
    return joins.merge(session, kept.id, gone.id, **facts)


def unmerge(session: Session, world: factories.World, gone: CaseFile, at: datetime = NOW) -> CaseFile:
    return joins.unmerge(session, gone.id, reason="Khác người bán", by=world.officer.id, at=at)


def row(session: Session, case: CaseFile) -> dict[str, Any]:
    """All columns of a case besides the version, which only ever grows."""
    session.flush()
    found: dict[str, Any] = session.execute(
        text("SELECT to_jsonb(c) - 'version' FROM enforcement.case_file c WHERE id = :id"), {"id": case.id}
    ).scalar_one()
    return found


def of(session: Session, case: CaseFile, table: str, order: str) -> list[dict[str, Any]]:
    session.flush()
    statement = f"SELECT to_jsonb(t) FROM enforcement.{table} t WHERE case_id = :id ORDER BY {order}"
    return list(session.scalars(text(statement), {"id": case.id}))


def clocks_of(session: Session, case: CaseFile) -> dict[DeadlineKind, Deadline]:
    rows = session.scalars(
        select(Deadline).where(Deadline.case_id == case.id).execution_options(populate_existing=True)
    )
    return {each.kind: each for each in rows}


def reporters(session: Session, case: CaseFile) -> list[Tip]:
    refs = session.scalars(select(Signal.source_ref).where(Signal.case_id == case.id))
    return list(session.scalars(select(Tip).where(Tip.id.in_([UUID(ref) for ref in refs]))))


def test_a_merge_taken_back_leaves_both_cases_as_they_were(
    session: Session, world: factories.World, opened: Callable[..., CaseFile]
) -> None:
    kept, gone = opened(), opened()
    cases.claim(session, gone.id, by=world.officer.id, at=NOW)
    before = [(row(session, one), of(session, one, "deadline", "id"), of(session, one, "evidence", "folio")) for one in (kept, gone)]  # fmt: skip
    merge(session, world, kept, gone, take=("title", "officer_id"))
    assert kept.officer_id == world.officer.id
    assert membership.members(session, kept.id) == [kept.id, gone.id]
    assert membership.survivor(session, gone.id) == kept.id
    unmerge(session, world, gone)
    after = [(row(session, one), of(session, one, "deadline", "id"), of(session, one, "evidence", "folio")) for one in (kept, gone)]  # fmt: skip
    assert after == before
    assert [event["deed"] for event in of(session, gone, "case_event", "seq")][-2:] == ["merge_into", "unmerge"]
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))


def test_what_was_edited_after_the_merge_stays_when_it_is_taken_back(
    session: Session, world: factories.World, opened: Callable[..., CaseFile]
) -> None:
    kept, gone = opened(), opened()
    cases.claim(session, gone.id, by=world.officer.id, at=NOW)
    merge(session, world, kept, gone, take=("officer_id",))
    cases.assign(
        session, kept.id, world.team_head.id, reason="Vụ lớn", by=world.team_head.id, duties=desk.ALL_DUTIES, at=NOW
    )
    unmerge(session, world, gone)
    assert (kept.officer_id, gone.officer_id) == (world.team_head.id, world.officer.id)


def test_a_fact_decided_once_more_to_the_same_value_is_not_given_back(
    session: Session, world: factories.World, opened: Callable[..., CaseFile]
) -> None:
    kept, gone = opened(), opened()
    cases.claim(session, gone.id, by=world.officer.id, at=NOW)
    merge(session, world, kept, gone, take=("officer_id",))
    for officer in (world.team_head, world.officer):
        cases.assign(session, kept.id, officer.id, reason="Đổi", by=world.team_head.id, duties=desk.ALL_DUTIES, at=NOW)
    unmerge(session, world, gone)
    assert kept.officer_id == world.officer.id


def test_merges_taken_back_in_another_order_than_they_were_made_give_back_what_was_first(
    session: Session, world: factories.World, opened: Callable[..., CaseFile]
) -> None:
    kept, first, second = opened(), opened(), opened()
    kept.title, first.title, second.title = "Vụ gốc", "Vụ một", "Vụ hai"
    session.flush()
    merge(session, world, kept, first, take=("title",))
    merge(session, world, kept, second, take=("title",))
    unmerge(session, world, first)
    assert kept.title == "Vụ hai"
    unmerge(session, world, second)
    assert kept.title == "Vụ gốc"


def test_nothing_is_done_in_a_case_that_was_merged_away_and_the_refusal_names_the_one_that_carries_on(
    session: Session, world: factories.World, opened: Callable[..., CaseFile], tmp_path: Path
) -> None:
    kept, gone, third = opened(), opened(), opened()
    merge(session, world, kept, gone)
    merge(session, world, third, kept)
    other = desk.signal(session)
    deeds: list[Callable[[], object]] = [
        lambda: cases.note(session, gone.id, "Ghi", by=world.officer.id, at=NOW),
        lambda: cases.claim(session, gone.id, by=world.officer.id, at=NOW),
        lambda: cases.move(session, gone.id, Move.SCREEN, by=world.officer.id, duties=desk.ALL_DUTIES, given=desk.filled(Move.SCREEN), at=NOW),
        lambda: triage.add_to_case(session, other.id, gone.id, store=tmp_path, by=world.officer.id, at=NOW),
    ]  # fmt: skip
    for deed in deeds:
        with pytest.raises(casebook.CaseMergedAway) as refused, session.begin_nested():
            deed()
        assert refused.value.facts == {"number": gone.number, "into": third.number}
    with pytest.raises(IntegrityError) as broken, session.begin_nested():
        session.execute(
            text("INSERT INTO enforcement.case_event (case_id, seq, at, by, deed, facts) VALUES (:c, 99, now(), :u, 'note', '{}')"),
            {"c": gone.id, "u": world.officer.id},
        )  # fmt: skip
    assert broken_constraint(broken.value) == "case_event_standing"


def test_both_numbers_keep_working(session: Session, world: factories.World, opened: Callable[..., CaseFile]) -> None:
    kept, gone = opened(), opened()
    merge(session, world, kept, gone)
    assert joins.by_number(session, f" {gone.number.lower()} ").id == gone.id
    assert joins.by_number(session, kept.number).id == kept.id
    with pytest.raises(NotFound):
        joins.by_number(session, "VV-1999-00001")


def test_the_clocks_of_a_merged_case_press_the_one_that_carries_on_and_end_with_its_deed(
    session: Session, world: factories.World, opened: Callable[..., CaseFile]
) -> None:
    kept, gone = opened(), opened()
    desk.walk(session, kept, Move.SCREEN, by=world.team_head.id)
    assert kept.next_due_at is None
    merge(session, world, kept, gone)
    assert kept.next_due_at == clocks_of(session, gone)[DeadlineKind.REPORT_UP].due_at
    unmerge(session, world, gone)
    assert kept.next_due_at is None
    merge(session, world, gone, kept)
    desk.walk(session, gone, Move.SCREEN, by=world.team_head.id, at=NOW + timedelta(hours=1))
    assert gone.next_due_at is None


def test_a_deed_of_the_survivor_ends_that_clock_in_its_members_and_unmerging_leaves_it_so(
    session: Session, world: factories.World, opened: Callable[..., CaseFile]
) -> None:
    kept, gone = opened(), opened()
    merge(session, world, kept, gone)
    desk.walk(session, kept, Move.SCREEN, by=world.team_head.id)
    unmerge(session, world, gone, at=NOW + timedelta(hours=1))
    assert clocks_of(session, gone)[DeadlineKind.REPORT_UP].met_at == NOW + timedelta(minutes=1)
    assert gone.next_due_at is None


def test_every_ground_against_a_merge_is_said(
    session: Session, world: factories.World, opened: Callable[..., CaseFile]
) -> None:
    one, two, three = opened(), opened(), opened()
    with pytest.raises(joins.IntoItself):
        merge(session, world, one, one)
    merge(session, world, one, two)
    with pytest.raises(joins.MergeCircle):
        merge(session, world, two, one)
    with pytest.raises(joins.AlreadyMerged) as again:
        merge(session, world, three, two)
    assert again.value.facts["into"] == one.number
    with pytest.raises(joins.AlreadyMerged):
        merge(session, world, two, three)
    with pytest.raises(Invalid):
        merge(session, world, one, three, reason="  ")
    session.execute(
        text("UPDATE enforcement.case_file SET state = 'closed', closed_at = :at, outcome = 'no_violation' WHERE id = :id"),
        {"at": NOW, "id": three.id},
    )  # fmt: skip
    session.expire_all()
    with pytest.raises(casebook.CaseIsOver):
        merge(session, world, one, three)
    four = opened()
    four.state = CaseState.CRIMINAL_TRANSFER
    session.flush()
    for pair in ((one, four), (four, one)):
        with pytest.raises(joins.WithThePolice):
            merge(session, world, *pair)
    with pytest.raises(Refused) as both:
        merge(session, world, three, four)
    assert {type(reason) for reason in both.value.reasons} == {casebook.CaseIsOver, joins.WithThePolice}
    four.state = CaseState.PENALISED
    session.flush()
    with pytest.raises(joins.AlreadyDecided):
        merge(session, world, one, four)


def test_a_merge_decided_on_a_page_out_of_date_is_refused(
    session: Session, world: factories.World, opened: Callable[..., CaseFile]
) -> None:
    kept, gone = opened(), opened()
    seen = gone.version
    cases.claim(session, gone.id, by=world.team_head.id, at=NOW)
    with pytest.raises(casebook.CaseChanged):
        merge(session, world, kept, gone, version=kept.version, other_version=seen)
    merged = merge(session, world, kept, gone, version=kept.version, other_version=gone.version)
    with pytest.raises(casebook.CaseChanged):
        cases.move(
            session, kept.id, Move.SCREEN, by=world.team_head.id, duties=desk.ALL_DUTIES, given=desk.filled(Move.SCREEN), at=NOW,
            version=merged.version - 1,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "constraint"),
    [
        ("UPDATE enforcement.case_file SET merged_into_id = id WHERE id = :two", "ck_case_file_not_into_itself"),
        ("UPDATE enforcement.case_file SET merged_into_id = :two WHERE id = :one", "case_merge_acyclic"),
        ("UPDATE enforcement.case_file SET merged_into_id = NULL WHERE id = :two", "case_join_stands"),
        ("UPDATE enforcement.case_join SET reason = 'khác'", "case_join_kept"),
        ("DELETE FROM enforcement.case_join", "case_join_kept"),
        ("UPDATE enforcement.case_join SET undone_at = now()", "ck_case_join_undone_whole"),
    ],
)
def test_the_database_itself_keeps_merges_whole(
    session: Session, world: factories.World, opened: Callable[..., CaseFile], sql: str, constraint: str
) -> None:
    one, two = opened(), opened()
    merge(session, world, one, two)
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))  # as at the end of a transaction: this merge is whole
    if constraint != "case_join_stands":
        session.execute(text("SET CONSTRAINTS ALL DEFERRED"))
    with pytest.raises(IntegrityError) as broken, session.begin_nested():
        session.execute(text(sql), {"one": one.id, "two": two.id})
    assert broken_constraint(broken.value) == constraint


def test_a_case_in_the_middle_of_a_chain_is_taken_out_with_what_went_into_it(
    session: Session, world: factories.World, opened: Callable[..., CaseFile]
) -> None:
    first, middle, last = opened(), opened(), opened()
    merge(session, world, middle, first)
    merge(session, world, last, middle)
    assert membership.members(session, last.id) == [last.id, first.id, middle.id]
    unmerge(session, world, middle)
    assert membership.members(session, middle.id) == [middle.id, first.id]
    assert membership.members(session, last.id) == [last.id]
    merge(session, world, last, middle)
    unmerge(session, world, first)
    assert membership.members(session, last.id) == [last.id, middle.id]
    assert [event["deed"] for event in of(session, last, "case_event", "seq")][-1] == "unmerge"
    with pytest.raises(joins.NotMerged):
        unmerge(session, world, first)
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))


def test_reporters_of_a_merged_case_read_that_theirs_is_looked_at_with_others(
    session: Session, world: factories.World, opened: Callable[..., CaseFile]
) -> None:
    kept, gone = opened(), opened()
    merge(session, world, kept, gone)
    session.expire_all()
    assert [(tip.state, tip.answer) for tip in reporters(session, gone)] == [
        (TipState.LOOKED_INTO, joins.TOGETHER_ANSWER)
    ]
    assert [tip.answer for tip in reporters(session, kept)] == [None]
    unmerge(session, world, gone)
    session.expire_all()
    assert [tip.answer for tip in reporters(session, gone)] == [None]


def test_closing_the_survivor_ends_what_was_merged_into_it(
    session: Session, world: factories.World, opened: Callable[..., CaseFile]
) -> None:
    kept, gone = opened(), opened()
    merge(session, world, kept, gone)
    for move in (Move.SCREEN, Move.FORWARD, Move.CLOSE):
        cases.move(session, kept.id, move, by=world.team_head.id, duties=desk.ALL_DUTIES, given=desk.filled(move), at=NOW)  # fmt: skip
    session.expire_all()
    assert all(clock.met_at or clock.stopped_at for clock in clocks_of(session, gone).values())
    assert set(session.scalars(select(Signal.outcome).where(Signal.case_id == gone.id))) == {Outcome.INFRINGEMENT}
    assert {tip.state for tip in reporters(session, gone)} == {TipState.CLOSED}


def test_a_split_case_keeps_its_time_and_its_origin_and_can_be_joined_back(
    session: Session, world: factories.World, opened: Callable[..., CaseFile], tmp_path: Path
) -> None:
    origin = opened()
    late = desk.signal(session, photos=[desk.photo(session, tmp_path, 201)], place="Sạp 40")
    triage.add_to_case(session, late.id, origin.id, store=tmp_path, by=world.officer.id, at=NOW)
    terms.qualify(
        session, origin.id, qualification=LegalQualification.GI_INFRINGEMENT, act_ended_on=date(2026, 6, 1), by=world.officer.id, at=NOW
    )  # fmt: skip
    later = NOW + timedelta(hours=5)
    facts = {"title": "Vụ tách", "reason": "Người bán khác", "store": tmp_path, "by": world.officer.id, "at": later}
    with pytest.raises(splits.NothingChosen):
        splits.split(session, origin.id, [], **facts)
    with pytest.raises(splits.CaseWouldBeEmpty):
        splits.split(session, origin.id, list(session.scalars(select(Signal.id).where(Signal.case_id == origin.id))), **facts)  # fmt: skip
    folios = of(session, origin, "evidence", "folio")
    made = splits.split(session, origin.id, [late.id], **facts)
    assert (made.split_from_id, made.state, late.case_id) == (origin.id, origin.state, made.id)
    assert of(session, origin, "evidence", "folio") == folios
    assert session.scalars(select(Evidence.folio).where(Evidence.case_id == made.id)).all() == [1]
    ends = {kind: clock.due_at for kind, clock in clocks_of(session, origin).items()}
    assert {kind: clock.due_at for kind, clock in clocks_of(session, made).items()} == ends
    assert made.next_due_at == origin.next_due_at
    assert splits.of_case(session, origin.id) == [made]
    merge(session, world, origin, made, at=later)
    assert membership.members(session, origin.id) == [origin.id, made.id]


@pytest.fixture
def settled(session: Session, world: factories.World) -> factories.World:
    """The people of the city, known to no session: each example has one of its own."""
    for person in world.people.values():
        session.refresh(person)
    session.expunge_all()
    session.commit()
    return world


def test_acts_go_into_the_split_case_with_who_did_them_and_are_struck_in_the_origin(
    session: Session, world: factories.World, opened: Callable[..., CaseFile], tmp_path: Path
) -> None:
    origin = opened()
    who = {"by": world.officer.id, "at": NOW}
    person = acts.add_party(session, origin.id, acts.PartyFacts(CasePartyRole.SUSPECTED, False, "Người mẫu Một"), **who)
    for kind, end in ((LegalQualification.GI_INFRINGEMENT, 1), (LegalQualification.FALSE_ORIGIN, 5)):
        acts.add_act(
            session, origin.id, acts.ActFacts(f"Hành vi {end}", kind, date(2026, 5, 1), date(2026, 6, end), "Chợ mẫu", offender_id=person.id), **who
        )  # fmt: skip
    chosen = acts.standing(session, origin)[1]
    made = splits.split(
        session, origin.id, [], act_ids=[chosen.id], title="Vụ tách", reason="Khác chế độ xử lý", store=tmp_path, **who
    )
    (act,) = acts.standing(session, made)
    assert act.description == chosen.description
    assert act.offender is not None
    assert (act.offender.case_id, act.offender.name) == (made.id, "Người mẫu Một")
    assert chosen.struck_reason == f"Tách sang vụ {made.number}"
    assert [each.description for each in acts.standing(session, origin)] == ["Hành vi 1"]
    assert (origin.legal_qualification, made.legal_qualification) == (
        LegalQualification.GI_INFRINGEMENT, LegalQualification.FALSE_ORIGIN,
    )  # fmt: skip


class Model:
    """What the cases should be, told apart from how it is done: own facts, and over them what each standing merge lent."""

    def __init__(self, session: Session, everything: list[CaseFile]) -> None:
        self.session, self.cases = session, everything
        self.into: dict[int, int] = {}
        self.own = [{name: getattr(case, name) for name in joins.FACTS} for case in everything]
        self.lent: list[list[tuple[int, str, Any]]] = [[] for _ in everything]
        self.kept: list[dict[str, Any]] = [{} for _ in everything]
        for n in range(len(everything)):
            self.look(n)

    def look(self, n: int) -> None:
        """Take what lies in a case as the truth from now on: after a deed in this very case."""
        case = self.cases[n]
        self.kept[n] = {
            "deadline": of(self.session, case, "deadline", "id"),
            "evidence": of(self.session, case, "evidence", "folio"),
            "signal": of(self.session, case, "signal", "id"),
            "case_act": of(self.session, case, "case_act", "id"),
            "case_event": of(self.session, case, "case_event", "seq"),
            "row": {
                name: value
                for name, value in row(self.session, case).items()
                if name not in {*joins.FACTS, "words", "next_due_at", "merged_into_id"}
            },
        }

    def fact(self, n: int, name: str) -> Any:
        lent = [value for _, what, value in self.lent[n] if what == name]
        return lent[-1] if lent else self.own[n][name]

    def edit(self, n: int, name: str, value: Any) -> None:
        self.own[n][name] = value
        self.lent[n] = [each for each in self.lent[n] if each[1] != name]

    def below(self, n: int) -> set[int]:
        found = {n}
        while more := {m for m, into in self.into.items() if into in found} - found:
            found |= more
        return found

    def merge(self, n: int, m: int, take: set[str]) -> None:
        self.lent[n] += [(m, name, self.fact(m, name)) for name in take if self.fact(n, name) != self.fact(m, name)]
        self.into[m] = n

    def unmerge(self, m: int) -> None:
        n = self.into.pop(m)
        self.lent[n] = [each for each in self.lent[n] if each[0] != m]

    def check(self) -> None:
        """Every case is what it should be, and each number finds its case."""
        self.session.expire_all()
        for n, case in enumerate(self.cases):
            now = {name: of(self.session, case, name, order) for name, order in
                   (("deadline", "id"), ("evidence", "folio"), ("signal", "id"), ("case_act", "id"), ("case_event", "seq"))}  # fmt: skip
            events = now.pop("case_event")
            assert events[: len(self.kept[n]["case_event"])] == self.kept[n]["case_event"]
            for name, rows in now.items():
                assert rows == self.kept[n][name], f"{name} of {case.number}"
            columns = row(self.session, case)
            assert {name: columns[name] for name in self.kept[n]["row"]} == self.kept[n]["row"]
            assert {name: getattr(case, name) for name in joins.FACTS} == {
                name: self.fact(n, name) for name in joins.FACTS
            }
            above = self.into.get(n)
            assert case.merged_into_id == (None if above is None else self.cases[above].id)
            assert set(membership.members(self.session, case.id)) == {self.cases[m].id for m in self.below(n)}
            if above is None:
                ends = [datetime.fromisoformat(clock["due_at"]) for m in self.below(n) for clock in self.kept[m]["deadline"]
                        if clock["met_at"] is None and clock["stopped_at"] is None]  # fmt: skip
                assert case.next_due_at == min(ends, default=None)
            assert joins.by_number(self.session, case.number).id == case.id


DEEDS = st.one_of(
    st.tuples(st.just("merge"), st.integers(0, 3), st.integers(0, 3), st.sets(st.sampled_from(joins.FACTS))),
    st.tuples(st.just("unmerge"), st.integers(0, 3)),
    st.tuples(st.sampled_from(("note", "signal", "claim", "assign", "qualify", "extend", "screen", "act")), st.integers(0, 3), st.integers(1, 3)),
)  # fmt: skip


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=(
        Phase.explicit,
        Phase.reuse,
        Phase.generate,
    ),  # an example takes a second, so making it smaller takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(deeds=st.lists(DEEDS, min_size=4, max_size=14), order=st.permutations(range(4)))
def test_whatever_was_done_meanwhile_taking_every_merge_back_gives_each_case_its_own(
    connection: Connection, settled: factories.World, tmp_path: Path, deeds: list[tuple[Any, ...]], order: list[int]
) -> None:
    # A session of its own inside the test's transaction: what one example did is gone before the next.
    with Session(connection, join_transaction_mode="create_savepoint") as session:
        law.seed(session)
        play(session, settled, tmp_path, deeds, order)


def play(session: Session, world: factories.World, store: Path, deeds: list[tuple[Any, ...]], order: list[int]) -> None:
    head, at = world.team_head.id, NOW
    everything = [
        desk.case(session, world, store, with_law=False, photos=[desk.photo(session, store, n)], place=f"Sạp {n}") for n in range(4)
    ]  # fmt: skip
    for n, case in enumerate(everything):
        case.title, case.severity = f"Vụ số {n}", 1 + n % 3
    desk.walk(session, everything[3], Move.RECORD_VIOLATION, by=head)
    at += timedelta(hours=1)
    model = Model(session, everything)
    shade = 10
    for deed, n, *rest in deeds:
        at += timedelta(minutes=1)
        case = everything[n]
        if deed == "merge":
            m, take = rest
            if n == m or n in model.into or m in model.into:
                with pytest.raises((Invalid, casebook.Conflict)), session.begin_nested():
                    merge(session, world, case, everything[m], take=take, at=at)
            else:
                merge(session, world, case, everything[m], take=take, at=at)
                model.merge(n, m, take)
        elif deed == "unmerge":
            if n in model.into:
                unmerge(session, world, case, at=at)
                model.unmerge(n)
        elif n not in model.into:
            shade += 1
            _do(session, world, store, model, deed, n, rest[0], at, shade)
            model.look(n)
        model.check()
    for m in order:
        if m in model.into:
            unmerge(session, world, everything[m], at=at)
            model.unmerge(m)
            model.check()
    assert not session.scalars(select(CaseJoin).where(CaseJoin.undone_at.is_(None))).all()
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    session.execute(text("SET CONSTRAINTS ALL DEFERRED"))


def _do(  # noqa: PLR0912  a branch for each deed
    session: Session, world: factories.World, store: Path, model: Model, deed: str, n: int, size: int, at: datetime, shade: int
) -> None:  # fmt: skip
    case, head = model.cases[n], world.team_head.id
    match deed:
        case "note":
            cases.note(session, case.id, "Ghi chú", by=head, at=at)
        case "signal":
            new = desk.signal(session, photos=[desk.photo(session, store, shade)], place=f"Sạp {shade}")
            new.severity = size
            session.flush()
            triage.add_to_case(session, new.id, case.id, store=store, by=head, at=at)
            if size > model.fact(n, "severity"):
                model.edit(n, "severity", size)
        case "claim" if model.fact(n, "officer_id") is None:
            cases.claim(session, case.id, by=world.officer.id, at=at)
            model.edit(n, "officer_id", world.officer.id)
        case "assign":
            to = (world.officer, world.team_head, world.branch_head)[size - 1].id
            cases.assign(session, case.id, to, reason="Giao", by=head, duties=desk.ALL_DUTIES, at=at)
            model.edit(n, "officer_id", to)
        case "qualify":
            has_acts = session.scalar(select(CaseAct.id).where(CaseAct.case_id == case.id).limit(1)) is not None
            with pytest.raises(terms.FollowsFromActs) if has_acts else nullcontext():
                terms.qualify(
                    session, case.id, qualification=LegalQualification.GI_INFRINGEMENT, act_ended_on=date(2026, 6, size), by=head, at=at,
                    reason="Ngày khác",
                )  # fmt: skip
        case "act":
            kind = list(LegalQualification)[size]
            facts = acts.ActFacts(
                f"Bán hàng {shade}", kind, began_on=date(2026, 5, 1), ended_on=date(2026, 6, size), place="Chợ mẫu"
            )
            acts.add_act(session, case.id, facts, by=head, at=at)
        case "extend" if n == 3:
            clock = clocks_of(session, case)[DeadlineKind.PENALTY_DECISION]
            due = clock.due_at
            choices = law.load(session).rule_of(clock.kind, clock.rule_version).extensions
            try:
                timekeeping.extend(
                    session, case.id, clock.id, choice=size % len(choices), decision_number=f"{shade}/QĐ", reason="Phức tạp", by=head,
                    duties=desk.ALL_DUTIES, at=at,
                )  # fmt: skip
            except Invalid:
                assert clock.due_at == due
        case "screen" if case.state is CaseState.RECEIVED:
            cases.move(
                session, case.id, Move.SCREEN, by=head, duties=desk.ALL_DUTIES, given=desk.filled(Move.SCREEN), at=at
            )
            session.expire_all()
            for m in model.below(n) - {n}:
                met = clocks_of(session, model.cases[m])[DeadlineKind.REPORT_UP]
                mine = next(each for each in model.kept[m]["deadline"] if each["kind"] == "report_up")
                assert met.met_at is not None
                if mine["met_at"] is None:
                    assert met.met_at == at
                    mine.update(
                        next(each for each in of(session, model.cases[m], "deadline", "id") if each["id"] == mine["id"])
                    )
        case _:
            pass
