"""Cases that are worked as one: merged, and taken apart again. Nothing is ever moved by a merge, so taking it back is exact.

A merge points the case that goes (absorbed) to the one that carries on (kept) and changes of the kept case only the facts that the
person chose from the other. Clocks, signals, evidence and events stay where they are; whoever shows or counts them asks `membership`.
Both cases are locked in the order of their ids, so that two people who merge crosswise never wait in a circle.
What must not live here: splitting a case (`splits`), and which pages show what.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import aliased, joinedload
from sqlalchemy.orm.attributes import flag_modified

from enforcement import offenders
from enforcement.casebook import CaseIsOver, lock, said, same_version, write
from enforcement.membership import member_ids, members, numbers, survivor
from enforcement.models import CaseAct, CaseFile, CaseJoin, CaseParty, Deadline, FineLine, Ruling, Signal, SignalSource
from enforcement.transitions import OVER, CaseState
from trace.errors import Conflict, Invalid, NotFound, Refused
from trace.models.history import History
from trace.models.tips import Tip, TipState
from trace.services import history, tips

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from trace.errors import TemThatError

__all__ = ["member_ids", "members", "numbers", "survivor"]

FACTS = ("title", "severity", "officer_id", "commune_code", "suspect_id")
"""What a person chooses from either side. As what the act is treated and when it ended drive clocks, so they stay with each case."""

_UNDER_OTHER_NAMES = {"officer_id": "officer", "commune_code": "commune", "suspect_id": "suspect"}
_OURS = ("case:merge", "case:unmerge")

# Once it is decided, forwarded or handed over, what a case is about is settled: a new suspicion is a new case.
JOINABLE = frozenset({
    CaseState.RECEIVED, CaseState.SCREENED, CaseState.VERIFYING, CaseState.INSPECTION_PROPOSED, CaseState.INSPECTION_DECIDED,
    CaseState.INSPECTING, CaseState.POST_VERIFICATION, CaseState.VIOLATION_RECORDED, CaseState.EXPLANATION, CaseState.DECISION_DUE,
})  # fmt: skip

# The file is with another authority.
AWAY = frozenset({CaseState.TRANSFERRED, CaseState.CRIMINAL_TRANSFER})

# What the reporters of a case that was merged away read. It says nothing of anybody else.
TOGETHER_ANSWER = "Phản ánh của bạn đang được xem xét cùng các phản ánh tương tự."


class IntoItself(Invalid):
    """A case cannot be merged into itself.

    Choose another case.
    """


class MergeCircle(Conflict):
    """The case %(number)s already went into the case that you want to merge.

    Take that merge back first, or merge the other way round.
    """


class AlreadyMerged(Conflict):
    """The case %(number)s was already merged into %(into)s.

    Merge into %(into)s, or take the earlier merge back first.
    """


class WithThePolice(Conflict):
    """The file of %(number)s is with the police or another authority, so it cannot be merged, split or taken apart.

    Wait until the file comes back.
    """


class DecidedTogether(Conflict):
    """Since the merge it was decided on %(who)s in %(number)s, and that decision rests on both cases, so the merge stands.

    Leave them merged: both numbers keep working, and the file names both.
    """


class AlreadyDecided(Conflict):
    """The case %(number)s has been decided or passed on, so it cannot be merged or split.

    Open a new case for what is new, and name this one in its note.
    """


class NotMerged(Conflict):
    """The case %(number)s is not merged into another.

    Load the page again: somebody may have taken the merge back.
    """


@dataclass(frozen=True)
class Fact:
    """One fact of two cases side by side. `conflict`: both say something, and not the same. `other`: the other one is proposed."""

    name: str
    kept: Any
    absorbed: Any
    conflict: bool
    other: bool


def by_number(session: Session, number: str) -> CaseFile:
    """A case by its number, as a person types it. The number of a case that was merged away works as before."""
    found = session.scalars(select(CaseFile).where(CaseFile.number == number.strip().upper())).one_or_none()
    if found is None:
        raise NotFound
    return found


def compare(kept: CaseFile, absorbed: CaseFile) -> list[Fact]:
    """The facts side by side; what only the other case says, or says more gravely, is proposed from there."""
    found = []
    for name in FACTS:
        one, two = getattr(kept, name), getattr(absorbed, name)
        proposed = two > one if name == "severity" else one is None and two is not None
        found.append(Fact(name, one, two, one != two and one is not None and two is not None, proposed))
    return found


def reasons_against(session: Session, kept: CaseFile, absorbed: CaseFile) -> list[TemThatError]:
    """Everything that speaks against merging, at once."""
    if kept.id == absorbed.id:
        return [IntoItself()]
    found: list[TemThatError] = []
    for case, other in ((kept, absorbed), (absorbed, kept)):
        if case.merged_into_id is not None:
            top = survivor(session, case.id)
            into = numbers(session, [top])[top]
            found.append(
                MergeCircle(number=case.number) if top == other.id else AlreadyMerged(number=case.number, into=into)
            )
        elif (refusal := settled(session, case)) is not None:
            found.append(refusal)
    return found


def merge(
    session: Session,
    kept_id: UUID,
    absorbed_id: UUID,
    *,
    take: Collection[str],
    reason: str,
    by: UUID,
    at: datetime,
    version: int | None = None,
    other_version: int | None = None,
) -> CaseFile:
    """Merge a case into another. `take`: the facts (of `FACTS`) that the kept case takes over from the other one.

    `version`, `other_version`: of the two cases, as the person saw them side by side.
    """
    for case_id in sorted({kept_id, absorbed_id}):
        lock(session, case_id)
    kept, absorbed = session.get_one(CaseFile, kept_id), session.get_one(CaseFile, absorbed_id)
    if against := reasons_against(session, kept, absorbed):
        raise against[0] if len(against) == 1 else Refused(against)
    same_version(session, kept, version)
    same_version(session, absorbed, other_version)
    why = said(reason)
    session.flush()
    facts = compare(kept, absorbed)
    compared = {f.name: [_plain(f.kept), _plain(f.absorbed), f.name in take] for f in facts}
    changed = {f.name: [_plain(f.kept), _plain(f.absorbed)] for f in facts if f.name in take and f.kept != f.absorbed}
    names = {"kept": kept.number, "absorbed": absorbed.number, "taken": sorted(changed)}
    write(session, absorbed, "merge_into", by=by, at=at, note=why, facts=names)
    write(session, kept, "absorb", by=by, at=at, note=why, facts=names)
    for case in (kept, absorbed):
        history.record(session, "case:merge", case.id, by=by, at=at, changes={"joined": (None, names)}, why=why)
    session.flush()
    mark = session.scalar(select(func.max(History.id)).where(History.subject_id == kept.id)) or 0
    for name in changed:
        setattr(kept, name, getattr(absorbed, name))
    absorbed.merged_into_id = kept.id
    session.add(
        CaseJoin(
            kept_id=kept.id, absorbed_id=absorbed.id, merged_at=at, merged_by=by, reason=why, compared=compared, changed=changed, mark=mark
        )
    )  # fmt: skip
    session.flush()
    _tell(session, Signal.case_id.in_(member_ids(absorbed.id)), was=None, becomes=TOGETHER_ANSWER, by=by, at=at)
    settle_due(session, kept)
    return kept


def unmerge(session: Session, absorbed_id: UUID, *, reason: str, by: UUID, at: datetime) -> CaseFile:
    """Take a merge back. Whatever the kept case took over and nobody edited since is again as it was before; both go on as they are.

    Works at any time later, also for a case that others were merged into, and for one whose survivor was itself merged away; not while
    the file of both is away, and not once a decision rests on both.
    """
    before = session.get(CaseFile, absorbed_id)
    if before is None:
        raise NotFound
    top_id = survivor(session, absorbed_id)
    for case_id in sorted({absorbed_id, before.merged_into_id or absorbed_id, top_id}):
        lock(session, case_id)
    absorbed = session.get_one(CaseFile, absorbed_id)
    join = session.scalars(
        select(CaseJoin).where(CaseJoin.absorbed_id == absorbed_id, CaseJoin.undone_at.is_(None)).with_for_update()
    ).one_or_none()
    if join is None or survivor(session, absorbed_id) != top_id:
        raise NotMerged(number=absorbed.number)
    kept, top = session.get_one(CaseFile, join.kept_id), session.get_one(CaseFile, top_id)
    if (bond := _bond(session, absorbed, top)) is not None:
        raise bond
    why = said(reason)
    for name, (was, became) in join.changed.items():
        _restore(session, kept, join, name, was=was, became=became)
    join.undone_at, join.undone_by, join.undone_why = at, by, why
    absorbed.merged_into_id = None
    session.flush()
    names = {"kept": kept.number, "absorbed": absorbed.number}
    for case in (absorbed, top):
        write(session, case, "unmerge", by=by, at=at, note=why, facts=names)
        history.record(session, "case:unmerge", case.id, by=by, at=at, changes={"joined": (names, None)}, why=why)
        settle_due(session, case)
    if kept.id != top.id:
        settle_due(session, kept)
    _tell(session, Signal.case_id == absorbed.id, was=TOGETHER_ANSWER, becomes=None, by=by, at=at)
    return absorbed


def case_clocks(session: Session, case_id: UUID) -> Sequence[Deadline]:
    """The clocks that run in one case itself."""
    mine = select(Deadline).where(Deadline.case_id == case_id, Deadline.met_at.is_(None), Deadline.stopped_at.is_(None))
    return session.scalars(mine.order_by(Deadline.due_at)).all()


def of_case(session: Session, case_id: UUID) -> Sequence[CaseJoin]:
    """The merges that stand into a case and into those below it, oldest first."""
    gone = aliased(CaseFile)
    return session.scalars(
        select(CaseJoin)
        .join(gone, gone.id == CaseJoin.absorbed_id)
        .where(CaseJoin.undone_at.is_(None), CaseJoin.kept_id.in_(member_ids(case_id)))
        .order_by(CaseJoin.merged_at, gone.number)
        .options(joinedload(CaseJoin.kept), joinedload(CaseJoin.absorbed), joinedload(CaseJoin.merger))
    ).all()


def settled(session: Session, case: CaseFile) -> TemThatError | None:
    """Why the state of a case (or of one that it carries) forbids merging and splitting."""
    if case.state in OVER:
        return CaseIsOver(number=case.number)
    held = select(CaseFile.number).where(CaseFile.id.in_(member_ids(case.id)), CaseFile.state.in_(AWAY))
    if (number := session.scalar(held.limit(1))) is not None:
        return WithThePolice(number=number)
    decided = case.state not in JOINABLE or offenders.rulings(session, case)
    return AlreadyDecided(number=case.number) if decided else None


def _bond(session: Session, absorbed: CaseFile, top: CaseFile) -> TemThatError | None:
    """Why a merge cannot be taken back now: the file is away, or a decision was made on persons or acts of the one that would go."""
    if top.state in AWAY:
        return WithThePolice(number=top.number)
    ours = member_ids(absorbed.id)
    of_ours = or_(CaseParty.case_id.in_(ours), CaseAct.case_id.in_(ours))
    names = session.scalars(
        select(CaseParty.name)
        .select_from(Ruling)
        .join(CaseParty, CaseParty.id == Ruling.party_id)
        .outerjoin(Ruling.lines)
        .outerjoin(FineLine.act)
        .where(Ruling.case_id.not_in(ours), of_ours)
        .distinct()
        .order_by(CaseParty.name)
    ).all()
    return DecidedTogether(who=", ".join(names), number=top.number) if names else None


def _restore(session: Session, kept: CaseFile, join: CaseJoin, name: str, *, was: Any, became: Any) -> None:
    """Give a fact back. If a later merge took the same fact, it is that merge which now has to give back what was before this one."""
    later = session.scalars(
        select(CaseJoin)
        .where(
            CaseJoin.kept_id == kept.id, CaseJoin.undone_at.is_(None), CaseJoin.mark > join.mark, CaseJoin.changed.has_key(name)
        )
        .order_by(CaseJoin.mark)
        .limit(1)
        .with_for_update()
    ).one_or_none()  # fmt: skip
    if later is not None:
        then_was, then_became = later.changed[name]
        if then_was == became and not _edited(session, kept.id, name, after=join.mark, before=later.mark):
            later.changed = {**later.changed, name: [was, then_became]}
    elif _plain(getattr(kept, name)) == became and not _edited(session, kept.id, name, after=join.mark):
        setattr(kept, name, UUID(was) if was is not None and name in {"officer_id", "suspect_id"} else was)


def _edited(session: Session, case_id: UUID, name: str, *, after: int, before: int | None = None) -> bool:
    """Whether a person set a fact since, be it to the same value: what was decided once more is not given back."""
    names = [name, _UNDER_OTHER_NAMES.get(name, name)]
    statement = select(History.id).where(
        History.subject_id == case_id, History.id > after, History.deed.not_in(_OURS),
        or_(*(History.changes.has_key(each) for each in names)),
    )  # fmt: skip
    if before is not None:
        statement = statement.where(History.id < before)
    return session.scalar(statement.limit(1)) is not None


def settle_due(session: Session, case: CaseFile) -> None:
    """The nearest end of all clocks that count for a case; and a new version, as what the case is has changed."""
    session.flush()
    running = select(func.min(Deadline.due_at)).where(
        Deadline.case_id.in_(member_ids(case.id)), Deadline.met_at.is_(None), Deadline.stopped_at.is_(None)
    )
    case.next_due_at = session.scalar(running)
    flag_modified(case, "next_due_at")
    session.flush()


def _tell(session: Session, signals: Any, *, was: str | None, becomes: str | None, by: UUID, at: datetime) -> None:
    """Tell the reporters behind some signals that theirs is looked at with others (or alone again). A closed tip stays closed."""
    refs = session.scalars(select(Signal.source_ref).where(Signal.source == SignalSource.TIP, signals)).all()
    found = session.scalars(
        select(Tip).where(Tip.id.in_([UUID(ref) for ref in refs]), Tip.state != TipState.CLOSED).order_by(Tip.id).with_for_update()
    ).all()  # fmt: skip
    for tip in found:
        if tip.answer == was:
            tips.tell(session, tip, TipState.LOOKED_INTO, answer=becomes, by=by, at=at)


def _plain(value: Any) -> Any:
    """A fact as JSON keeps it."""
    return str(value) if isinstance(value, UUID) else value
