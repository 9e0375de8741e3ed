"""The case desk of the sample data, worked by its own people through its own services: reports, queue, and cases in every state."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from enforcement import cases, informants, intake, law, observations, patterns, triage
from enforcement.models import Signal, SignalSource
from enforcement.transitions import MOVES, CaseState, Demand, Duty, Move
from labels.code import show
from trace import holidays
from trace.clock import CITY
from trace.demo import cases as facts
from trace.demo import casework, incoming, joined, keeping, office, papers, photos
from trace.services import tips

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from enforcement.models import CaseFile, Observation, Outcome
    from trace.demo.cases import Case, Report
    from trace.demo.story import Story
    from trace.models.files import StoredFile
    from trace.models.tips import Tip

SWEPT = timedelta(days=7)
FRESH = timedelta(hours=19)
"""How old the newest case is: near the end of the 24 hours for reporting up."""
READ_BECAUSE = "Cần hỏi lại ngày mua và nơi mua để làm rõ tin báo."


def make(story: Story) -> None:
    """The law as data, then everything that was reported and worked, then what the system noticed by itself."""
    law.seed(story.session)
    every: dict[str, Case] = {str(state): case for state, case in facts.CASES.items()}
    every |= {"forgotten": facts.FORGOTTEN, "several": facts.SEVERAL, **joined.CASES}
    opened = {
        key: _plan_case(story, number, case, opened=story.at - FRESH if key == CaseState.RECEIVED else None)
        for number, (key, case) in enumerate(every.items(), start=1)
    }
    joined.plan(story, _ago, opened)
    incoming.plan(story, _ago, fined=opened[CaseState.EXECUTING], held=opened[CaseState.INSPECTING])
    for ago, report in facts.QUEUE:
        story.plan(_ago(story, ago), lambda at, report=report: _report(story, report, at))  # type: ignore[misc]
    for ago, report, days, why in facts.WAITING:
        story.plan(_ago(story, ago), lambda at, row=(report, days, why): _wait(story, *row, at=at))  # type: ignore[misc]
    for ago, report, outcome, why in facts.REJECTED:
        story.plan(_ago(story, ago), lambda at, row=(report, outcome, why): _reject(story, *row, at=at))  # type: ignore[misc]
    story.play()
    papers.make(story)
    keeping.make(story, opened[CaseState.POST_VERIFICATION][0])
    office.make(story, assigned=[*opened["parted"], *opened["split"]])
    patterns.sweep(story.session, since=story.at - SWEPT, at=story.at)


def _ago(story: Story, days: float) -> datetime:
    """Days before the loading; before the last month that the calendar of working days knows, if the loading is later than that."""
    late = max(0, (story.today - date(max(holidays.CALENDAR.years), 12, 1)).days)
    if days < 1:
        return story.at - timedelta(days=days + late)
    return story.moment(int(days) + late, 11, int(days) * 7 % 60)


def _plan_case(story: Story, number: int, case: Case, opened: datetime | None = None) -> list[UUID]:
    """Plan a case with all its moves. Its id stands in the answer as soon as it is open."""
    days = [case.since + sum(facts.GAPS[move] for move in case.moves[index + 1 :]) for index in range(len(case.moves))]
    first = days[0] + facts.GAPS[case.moves[0]] if case.moves else case.since
    begun = opened or _ago(story, first)
    held: list[UUID] = []
    story.plan(begun, lambda at: held.append(_open(story, case, at).id))
    for index, (move, ago) in enumerate(zip(case.moves, days, strict=True)):
        story.plan(
            _ago(story, ago) + timedelta(minutes=7 * index),
            lambda at, move=move: _move(story, case, held[0], move, number=number, at=at),  # type: ignore[misc]
        )
    return held


def _open(story: Story, case: Case, at: datetime) -> CaseFile:
    session, store = story.session, story.config.files_dir
    signals = [_report(story, report, at - timedelta(hours=3 - index)) for index, report in enumerate(case.reports)]
    by = story.people[case.officer or "team_head"].id
    opened = triage.open_case(session, signals[0].id, title=case.title, store=store, by=by, at=at)
    for signal in signals[1:]:
        triage.add_to_case(session, signal.id, opened.id, store=store, by=by, at=at + timedelta(minutes=4))
    if case.officer:
        cases.claim(session, opened.id, by=by, at=at + timedelta(minutes=9))
    return opened


def _move(story: Story, case: Case, case_id: UUID, move: Move, *, number: int, at: datetime) -> None:
    session, step = story.session, MOVES[move]
    head = move in facts.HEADS_DO
    by, duty = (
        (story.people["team_head"].id, Duty.TEAM_HEAD)
        if head
        else (story.people[case.officer or "officer"].id, Duty.OFFICER)
    )
    if move is Move.RECORD_VIOLATION:
        casework.act(story, case, case_id, by=by, at=at - timedelta(minutes=30))
    if move is Move.CLOSE:
        casework.carry_out(story, case_id, number=number, by=by, at=at - timedelta(hours=1))
    filled = facts.given(case, move, step.demands, number)
    if move is Move.PENALISE:
        filled[Demand.FINE] = casework.middle(story, case_id, at=at)
    cases.move(session, case_id, move, by=by, duties={duty}, given=filled, at=at)
    if move is Move.START_INSPECTION:
        casework.found(story, case, case_id, number=number, by=by, at=at + timedelta(minutes=40))
    if move is Move.TRANSFER_CRIMINAL:
        casework.arrived(story, case, case_id, number=number, by=by, at=at + timedelta(hours=3))


def _wait(story: Story, report: Report, days: int, why: str, *, at: datetime) -> None:
    signal, decided = _report(story, report, at), at + timedelta(hours=3)
    until = decided.astimezone(CITY).date() + timedelta(days=days)
    # Some of it lies ahead of the loading, so that the queue shows both: what waits, and what has come back.
    triage.wait(story.session, signal.id, until=until, reason=why, by=story.people["officer"].id, at=decided)


def _reject(story: Story, report: Report, outcome: Outcome, why: str, *, at: datetime) -> None:
    signal = _report(story, report, at)
    triage.reject(
        story.session, signal.id, reason=why, outcome=outcome, by=story.people["officer"].id, at=at + timedelta(hours=6)
    )


def _report(story: Story, report: Report, at: datetime) -> Signal:
    if report.reason is None:
        made = _observe(story, report, at)
        return _signal(story, SignalSource.OBSERVATION, made.id)
    tip = _tip(story, report, at)
    return intake.from_tip(story.session, tip, at=at)


def _tip(story: Story, report: Report, at: datetime) -> Tip:
    serial, code = _label(story, report)
    tip, _ = tips.submit(
        story.session, reason=report.reason or facts.R.OTHER, description=f"{report.text} (dữ liệu mẫu)", code_text=code, serial=serial,
        commune_code=story.communes[report.commune], place=report.place or None, listing_url=report.listing, at=at,
    )  # fmt: skip
    for photo in _photos(story, report, at, by=None):
        tips.add_photo(story.session, tip, photo, at=at + timedelta(minutes=1))
    if report.contact:
        key, digits = story.config.derived("informant"), int(tip.number[-3:])
        informants.keep(story.session, tip.id, f"0900000{digits:03d}", key=key, at=at)
        if digits % 4 == 0:
            reader, second = story.people["custodian"].id, story.people["branch_head"].id
            asked = at + timedelta(hours=2)
            wish = informants.ask(story.session, tip.id, reason=READ_BECAUSE, by=reader, at=asked)
            if digits % 8 == 0:  # the others wait for an answer
                informants.answer(story.session, wish.id, agree=True, by=second, at=asked + timedelta(minutes=20))
                informants.open_contact(story.session, wish.id, key=key, by=reader, at=asked + timedelta(minutes=30))
    return tip


def _observe(story: Story, report: Report, at: datetime) -> Observation:
    by = story.people["inspector"].id
    return observations.record(
        story.session, code_text=_label(story, report)[1], commune_code=story.communes[report.commune], place=report.place,
        note=f"{report.text} (dữ liệu mẫu)", seen_at=at - timedelta(minutes=25), photos=_photos(story, report, at, by=by),
        keyring=story.keyring, by=by, at=at,
    )  # fmt: skip


def _label(story: Story, report: Report) -> tuple[int | None, str | None]:
    if report.label is None:
        return None, report.misread
    order, place = report.label
    serial = (story.orders[order].serials.lower or 0) + place
    return serial, show(story.code(serial))


def _photos(story: Story, report: Report, at: datetime, *, by: UUID | None) -> Sequence[StoredFile]:
    return [photos.take(story, report.place or report.commune, at=at, by=by)] if report.photo else []


def _signal(story: Story, source: SignalSource, ref: UUID) -> Signal:
    return story.session.scalars(select(Signal).where(Signal.source == source, Signal.source_ref == str(ref))).one()
