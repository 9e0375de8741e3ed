"""One case made two: some signals, or some acts with their goods, go on in a case of their own that names its origin.

Nothing is deleted: entries are struck in the origin with the reason and written anew in the new case, the evidence stays where it was
taken. To join the two again, merge them (`joins`). What must not live here: merging.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.orm.attributes import flag_modified

from enforcement import acts, clocks, evidence
from enforcement.casebook import said, workable, write
from enforcement.entries import put, strike
from enforcement.joins import case_clocks, settle_due, settled
from enforcement.models import (
    CaseAct,
    CaseFile,
    CaseParty,
    Deadline,
    DeadlineReckoning,
    EntryKind,
    Exhibit,
    Explanation,
    GoodsLine,
    ReckoningCause,
    Signal,
)
from trace.errors import Conflict, Invalid, Refused, TemThatError
from trace.services import history
from trace.services.numbers import next_number

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

TITLE_MOST = 200


class NothingChosen(Invalid):
    """Neither a signal nor an act was chosen for the new case.

    Tick at least one that belongs into the new case.
    """


class CaseWouldBeEmpty(Invalid):
    """With these signals the case would be left without any.

    Leave at least one signal in the case.
    """


class TitleMissing(Invalid):
    """The new case needs a title of at most %(most)s characters."""


class ActHasExhibits(Conflict):
    """Exhibits are held for the goods of an act that was chosen, so the act stays in this case.

    Leave this act out, or let the exhibits be decided first.
    """


def objections(
    session: Session, case_id: UUID, signal_ids: Collection[UUID], act_ids: Collection[UUID]
) -> list[TemThatError]:
    """Everything that speaks against making these signals and acts of a case a case of its own."""
    chosen, moved = _chosen(signal_ids, case_id), _moved(act_ids, case_id)
    found: list[TemThatError] = []
    signals = len(session.scalars(chosen).all())
    if not signals and session.scalar(moved.limit(1)) is None:
        found.append(NothingChosen())
    if signals and signals == session.scalar(select(func.count()).select_from(Signal).where(Signal.case_id == case_id)):
        found.append(CaseWouldBeEmpty())
    held = (
        select(Exhibit.id)
        .join(GoodsLine, GoodsLine.id == Exhibit.goods_id)
        .where(Exhibit.struck_at.is_(None), GoodsLine.struck_at.is_(None))
        .where(GoodsLine.act_id.in_(moved.with_only_columns(CaseAct.id)))
    )
    if session.scalar(held.limit(1)) is not None:
        found.append(ActHasExhibits())
    return found


def split(
    session: Session,
    case_id: UUID,
    signal_ids: Collection[UUID],
    *,
    act_ids: Collection[UUID] = (),
    title: str,
    reason: str,
    store: Path,
    by: UUID,
    at: datetime,
    version: int | None = None,
) -> CaseFile:
    """Make a case of its own out of some signals and acts of a case. It stands where the origin stands, and the law's clocks run on in
    both: splitting a case wins no time. The photos of the signals come into the new case under folios of it.
    """
    chosen = session.scalars(_chosen(signal_ids, case_id).order_by(Signal.id).with_for_update()).all()
    case = workable(session, case_id, version)
    if (refusal := settled(session, case)) is not None:
        raise refusal
    moved = session.scalars(_moved(act_ids, case.id)).all()
    why, name = said(reason), title.strip()
    found = objections(session, case.id, signal_ids, act_ids)
    if not name or len(name) > TITLE_MOST:
        found.append(TitleMissing(most=TITLE_MOST))
    if found:
        raise found[0] if len(found) == 1 else Refused(found)
    made = CaseFile(
        number=next_number(session, "VV", at=at), title=name, state=case.state, opened_at=at, opened_by=by, officer_id=case.officer_id,
        severity=max((one.severity for one in chosen), default=case.severity),
        commune_code=next((one.commune_code for one in chosen if one.commune_code), case.commune_code), detected_at=case.detected_at,
        legal_qualification=case.legal_qualification, act_ended_on=case.act_ended_on, rule_version=case.rule_version, split_from_id=case.id,
    )  # fmt: skip
    session.add(made)
    session.flush()
    # The clock of a measure stays with the measure, and that stays where it was taken.
    same = [each for each in case_clocks(session, case.id) if each.subject_id is None]
    running = [_same_clock(session, each, made, origin=case.number, by=by, at=at) for each in same]
    names = {
        "origin": case.number,
        "made": made.number,
        "signals": [one.source_number for one in chosen],
        "acts": len(moved),
    }
    for one in chosen:
        one.case_id = made.id
        history.record(
            session, "signal:split", one.id, by=by, at=at, changes={"case": (case.number, made.number)}, why=why
        )
    session.flush()
    write(session, case, "split", by=by, at=at, note=why, facts=names)
    taken, damaged = evidence.gather(session, made, store=store, by=by, at=at)
    more = {"folios": [piece.folio for piece in taken], "damaged": [file.sha256 for file in damaged]}
    write(
        session, made, "split_off", by=by, at=at, note=why, facts={**names, **more, "deadlines_started": clocks.facts(running)}
    )  # fmt: skip
    _move_acts(session, case, made, moved, by=by, at=at)
    for side, changes in ((case, (None, made.number)), (made, (case.number, None))):
        history.record(session, "case:split", side.id, by=by, at=at, changes={"split": changes}, why=why)
    flag_modified(case, "title")
    settle_due(session, made)
    settle_due(session, case)
    return made


def of_case(session: Session, case_id: UUID) -> Sequence[CaseFile]:
    """The cases that were split off a case."""
    return session.scalars(select(CaseFile).where(CaseFile.split_from_id == case_id).order_by(CaseFile.number)).all()


def _chosen(signal_ids: Collection[UUID], case_id: UUID) -> Select[Signal]:
    return select(Signal).where(Signal.id.in_(signal_ids), Signal.case_id == case_id)


def _moved(act_ids: Collection[UUID], case_id: UUID) -> Select[CaseAct]:
    return select(CaseAct).where(CaseAct.id.in_(act_ids), CaseAct.case_id == case_id, CaseAct.struck_at.is_(None))


def _move_acts(
    session: Session, case: CaseFile, made: CaseFile, moved: Sequence[CaseAct], *, by: UUID, at: datetime
) -> None:
    """Write the acts, with who did them and their goods, anew in the new case and strike them in the origin."""
    people: dict[UUID, CaseParty] = {}
    for act in moved:
        goods = session.scalars(
            select(GoodsLine).where(GoodsLine.act_id == act.id, GoodsLine.struck_at.is_(None)).order_by(GoodsLine.written)
        ).all()  # fmt: skip
        if act.offender is not None and act.offender_id not in people:
            person = CaseParty(**{**_facts_of(act.offender), "represents_id": None})
            put(session, made, EntryKind.PARTY, person, person.name, by=by, at=at)
            people[act.offender.id] = person
            _take_right_along(session, act.offender.id, person)
        offender = people[act.offender_id].id if act.offender_id else None
        again = CaseAct(**{**_facts_of(act), "offender_id": offender})
        put(session, made, EntryKind.ACT, again, again.description[:120], by=by, at=at)
        gone = f"Tách sang vụ {made.number}"
        for line in goods:
            copy = GoodsLine(**{**_facts_of(line), "act_id": again.id})
            put(session, made, EntryKind.GOODS, copy, copy.name, by=by, at=at)
            strike(session, case, EntryKind.GOODS, line, line.name, reason=gone, by=by, at=at)
        strike(session, case, EntryKind.ACT, act, act.description[:120], reason=gone, by=by, at=at)
    if moved:
        acts.point_at_suspect(session, made)
        acts.settle(session, made, by=by, at=at)
        acts.settle(session, case, by=by, at=at)


def _take_right_along(session: Session, old_id: UUID, person: CaseParty) -> None:
    """Whether a person may explain, and that they did or let the time pass, is as true in the new case."""
    known = session.scalars(select(Explanation).where(Explanation.party_id == old_id)).one_or_none()
    if known is not None:
        session.add(Explanation(**{**_facts_of(known), "case_id": person.case_id, "party_id": person.id}))


_OWN = {
    "id",
    "case_id",
    "added_at",
    "added_by",
    "struck_at",
    "struck_by",
    "struck_reason",
    "revision",
    "written",
    "value",
}


def _facts_of(entry: CaseAct | CaseParty | GoodsLine | Explanation) -> dict[str, Any]:
    """What an entry says, without what only this entry is."""
    return {
        column.key: getattr(entry, column.key)
        for column in type(entry).__mapper__.column_attrs
        if column.key not in _OWN
    }


def _same_clock(session: Session, clock: Deadline, case: CaseFile, *, origin: str, by: UUID, at: datetime) -> Deadline:
    """A running clock once more, in another case: begun when it began, under the rule it began under."""
    facts = {
        column.key: getattr(clock, column.key)
        for column in Deadline.__mapper__.column_attrs
        if column.key not in {"id", "case_id"}
    }
    made = Deadline(case_id=case.id, **facts)
    session.add(made)
    session.flush()
    session.add(
        DeadlineReckoning(
            deadline_id=made.id, at=at, by=by, cause=ReckoningCause.STARTED, reason=f"Tách từ vụ {origin}", started_at=made.started_at,
            due_at=made.due_at, basis=made.basis, rule_version=made.rule_version, needs_verification=made.needs_verification,
        )
    )  # fmt: skip
    session.flush()
    return made
