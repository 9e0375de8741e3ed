"""Exhibits: things held in a case, under which seal, where and by whom, and what became of them. Each deed is written down once.

What must not live here: files taken as evidence (`evidence`), and the seizure that they were taken in (`measures`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from enforcement import confiscation, membership
from enforcement.casebook import NotInFuture, TextMissing, said, write
from enforcement.entries import amend, held, one, put, refuse, strike
from enforcement.errors import IllegalMove, NotYourMove
from enforcement.goods import QuantityWrong
from enforcement.models import (
    EntryKind,
    Exhibit,
    ExhibitDeed,
    ExhibitEvent,
    ExhibitState,
    GoodsLine,
    Measure,
)
from enforcement.transitions import HEADS
from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound, broken_constraint
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from decimal import Decimal
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.models import CaseFile
    from enforcement.transitions import Duty
    from trace.errors import TemThatError

D, S = ExhibitDeed, ExhibitState
# From which states a deed is possible, and to which it leads.
DEEDS: dict[ExhibitDeed, tuple[frozenset[ExhibitState], ExhibitState | None]] = {
    D.SEALED: (frozenset({S.HELD, S.CONFISCATED}), None),
    D.UNSEALED: (frozenset({S.HELD, S.CONFISCATED}), None),
    D.MOVED: (frozenset({S.HELD, S.CONFISCATED}), None),
    D.HANDED_OVER: (frozenset({S.HELD, S.CONFISCATED}), S.HANDED_OVER),
    D.GIVEN_BACK: (frozenset({S.HANDED_OVER}), S.HELD),
    D.RETURNED: (frozenset({S.HELD}), S.RETURNED),
    D.CONFISCATED: (frozenset({S.HELD}), S.CONFISCATED),
    D.DESTROYED: (frozenset({S.CONFISCATED}), S.DESTROYED),
}
WITH_PAPER = frozenset({D.SEALED, D.UNSEALED, D.RETURNED, D.CONFISCATED, D.DESTROYED, D.GIVEN_BACK})
BY_HAND = (D.SEALED, D.UNSEALED, D.MOVED, D.RETURNED, D.CONFISCATED, D.DESTROYED)
"""What the exhibit's own form offers; the other deeds come with a hand-over of the whole file."""
FOR_HEADS = (D.GIVEN_BACK,)
"""What it offers to heads besides: goods come back that went to another agency without the file, or before it."""


class SealTaken(Conflict):
    """The seal %(number)s was put on an exhibit before; a seal is used once.

    Read the number on the seal again.
    """


class SealedAlready(Conflict):
    """The seal %(number)s is on this exhibit.

    Take it off with its minutes first.
    """


class NotThatSeal(Invalid):
    """Another seal than this is on the exhibit, or none.

    Read the number on the seal again. If the seal is broken or another, write a note and report it at once.
    """


class SealStillOn(Conflict):
    """The exhibit is still sealed.

    Take the seal off with its minutes first.
    """


class PaperNumberMissing(Invalid):
    """This deed needs the number of its minutes or decision.

    Write the number of the paper.
    """


class NotForThisExhibit(Conflict):
    """This cannot be done with the exhibit as it is now.

    Load the page: somebody may have done something with it. Only what was confiscated is destroyed.
    """


class StillSeized(Conflict):
    """The exhibit is seized by decision no. %(number)s, so it cannot be struck.

    End the seizure with its result first.
    """


@dataclass(frozen=True)
class ExhibitFacts:
    """An exhibit as a form says it."""

    description: str
    quantity: Decimal
    unit: str
    condition: str
    kept_at: str
    keeper: str
    goods_id: UUID | None = None
    measure_id: UUID | None = None


@dataclass(frozen=True)
class DeedFacts:
    """What was done with an exhibit, when, by which paper."""

    deed: ExhibitDeed
    done_at: datetime
    seal_number: str | None = None
    document_number: str | None = None
    kept_at: str | None = None
    keeper: str | None = None
    note: str | None = None
    handover_id: UUID | None = None


def add(
    session: Session, case_id: UUID, facts: ExhibitFacts, *, seal_number: str | None = None, document_number: str | None = None,
    by: UUID, at: datetime,
) -> Exhibit:  # fmt: skip
    """Enter an exhibit under the next number of the case; with its seal, if it was sealed at once."""
    case = held(session, case_id)
    _judge(session, case, facts)
    last = session.scalar(select(func.max(Exhibit.seq)).where(Exhibit.case_id == case.id)) or 0
    made = Exhibit(seq=last + 1, state=S.HELD, **asdict(facts))
    put(session, case, EntryKind.EXHIBIT, made, facts.description, by=by, at=at)
    _note(session, made, DeedFacts(D.TAKEN, at), by=by)
    if seal_number:
        sealed = DeedFacts(D.SEALED, at, seal_number=seal_number, document_number=document_number)
        _do(session, case, made, sealed, by=by, at=at)
    return made


def correct(
    session: Session, case_id: UUID, entry_id: UUID, facts: ExhibitFacts, *, revision: int, by: UUID, at: datetime
) -> Exhibit:
    """Correct the description of an exhibit. Where it is, who keeps it and by what it is seized changes by deeds only."""
    case = held(session, case_id)
    found = one(session, Exhibit, case, entry_id, revision=revision)
    _judge(session, case, facts)
    values = asdict(facts) | {"kept_at": found.kept_at, "keeper": found.keeper, "measure_id": found.measure_id}
    amend(session, case, EntryKind.EXHIBIT, found, values, name=facts.description, by=by, at=at)
    return found


def drop(
    session: Session, case_id: UUID, entry_id: UUID, *, reason: str, by: UUID, at: datetime, revision: int | None = None
) -> None:
    """Strike an exhibit entered by mistake. Its number is not given again; a seal keeps its number."""
    case = held(session, case_id)
    found = one(session, Exhibit, case, entry_id, revision=revision)
    if found.state is not S.HELD:
        raise NotForThisExhibit
    if found.seal_number:
        raise SealStillOn
    seized = session.get_one(Measure, found.measure_id) if found.measure_id else None
    if seized is not None and seized.ended_at is None:
        raise StillSeized(number=seized.paper.number)
    strike(session, case, EntryKind.EXHIBIT, found, found.description, reason=reason, by=by, at=at)


def do(
    session: Session,
    case_id: UUID,
    entry_id: UUID,
    facts: DeedFacts,
    *,
    by: UUID,
    at: datetime,
    duties: Collection[Duty] = frozenset(),
    revision: int | None = None,
) -> Exhibit:
    """Do something with an exhibit: seal, unseal, move, return, confiscate, destroy; for heads also take it back from another agency."""
    case = held(session, case_id)
    if facts.deed in FOR_HEADS and HEADS.isdisjoint(duties):
        raise NotYourMove(duties=HEADS)
    return _do(session, case, one(session, Exhibit, case, entry_id, revision=revision), facts, by=by, at=at)


def still_held(session: Session, case: CaseFile) -> list[Exhibit]:
    """The exhibits of a case, and of those merged into it, on which nobody has decided."""
    return list(
        session.scalars(
            select(Exhibit)
            .where(
                Exhibit.case_id.in_(membership.members(session, case.id)),
                Exhibit.state == S.HELD,
                Exhibit.struck_at.is_(None),
            )
            .order_by(Exhibit.case_id, Exhibit.seq)
        )
    )


def with_all(
    session: Session, case: CaseFile, found: list[Exhibit], deed: ExhibitDeed, *, document_number: str | None, done_at: datetime,
    by: UUID, at: datetime, keeper: str | None = None, kept_at: str | None = None, handover_id: UUID | None = None,
) -> None:  # fmt: skip
    """The same with several exhibits of a case that the caller holds. What is returned to somebody leaves without its seal."""
    for exhibit in found:
        if deed in {D.RETURNED, D.DESTROYED} and exhibit.seal_number:
            opened = DeedFacts(D.UNSEALED, done_at, seal_number=exhibit.seal_number, document_number=document_number)
            _do(session, case, exhibit, opened, by=by, at=at)
        facts = DeedFacts(
            deed, done_at, document_number=document_number, keeper=keeper, kept_at=kept_at, handover_id=handover_id
        )
        _do(session, case, exhibit, facts, by=by, at=at)


def _do(session: Session, case: CaseFile, exhibit: Exhibit, facts: DeedFacts, *, by: UUID, at: datetime) -> Exhibit:
    start, to = DEEDS.get(facts.deed, (frozenset(), None))
    if not start:
        raise IllegalMove
    if exhibit.state not in start:
        raise NotForThisExhibit
    if facts.done_at > at:
        raise NotInFuture
    if facts.deed in WITH_PAPER and not (facts.document_number or "").strip():
        raise PaperNumberMissing
    _judge_seal(exhibit, facts)
    refuse(confiscation.faults(session, case, [exhibit], facts.deed, on=facts.done_at.astimezone(CITY).date()))
    if facts.deed is D.MOVED and not (facts.kept_at and facts.keeper):
        raise TextMissing
    was = exhibit.state
    try:
        with session.begin_nested():
            exhibit.kept_at, exhibit.keeper = facts.kept_at or exhibit.kept_at, facts.keeper or exhibit.keeper
            exhibit.state = to or was
            if facts.deed in {D.SEALED, D.UNSEALED}:
                exhibit.seal_number = facts.seal_number if facts.deed is D.SEALED else None
            exhibit.revision += 1
            _note(session, exhibit, facts, by=by)
    except IntegrityError as exc:
        if broken_constraint(exc) in {"uq_exhibit_seal", "uq_exhibit_event_sealed"}:
            raise SealTaken(number=facts.seal_number) from exc
        raise
    told = {
        "deed": facts.deed.value, "seq": exhibit.seq, "name": exhibit.description[:120], "seal": facts.seal_number,
        "document_number": facts.document_number,
    }  # fmt: skip
    write(session, case, "exhibit", by=by, at=at, note=facts.note, facts={k: v for k, v in told.items() if v})
    history.record(
        session, f"exhibit:{facts.deed.value}", exhibit.id, by=by, at=at, changes={"state": (was, exhibit.state)}, why=facts.note
    )  # fmt: skip
    return exhibit


def _judge_seal(exhibit: Exhibit, facts: DeedFacts) -> None:
    if facts.deed is D.SEALED:
        if exhibit.seal_number:
            raise SealedAlready(number=exhibit.seal_number)
        if not (facts.seal_number or "").strip():
            raise TextMissing
    if facts.deed is D.UNSEALED and facts.seal_number != exhibit.seal_number:
        raise NotThatSeal
    if facts.deed in {D.RETURNED, D.DESTROYED} and exhibit.seal_number:
        raise SealStillOn


def _note(session: Session, exhibit: Exhibit, facts: DeedFacts, *, by: UUID) -> None:
    last = session.scalar(select(func.max(ExhibitEvent.seq)).where(ExhibitEvent.exhibit_id == exhibit.id)) or 0
    seals = facts.deed in {D.SEALED, D.UNSEALED}
    session.add(
        ExhibitEvent(
            exhibit_id=exhibit.id, seq=last + 1, deed=facts.deed, at=facts.done_at, by=by,
            seal_number=facts.seal_number if seals else None, document_number=facts.document_number, kept_at=exhibit.kept_at,
            keeper=exhibit.keeper, note=facts.note, handover_id=facts.handover_id,
        )
    )  # fmt: skip
    session.flush()


def _judge(session: Session, case: CaseFile, facts: ExhibitFacts) -> None:
    for text in (facts.description, facts.unit, facts.condition, facts.kept_at, facts.keeper):
        said(text)
    reasons: list[TemThatError] = []
    if facts.quantity <= 0:
        reasons.append(QuantityWrong())
    refuse(reasons)
    if facts.goods_id:
        one(session, GoodsLine, case, facts.goods_id)
    if facts.measure_id and session.scalar(
        select(Measure.id).where(Measure.id == facts.measure_id, Measure.case_id == case.id)
    ) is None:  # fmt: skip
        raise NotFound
