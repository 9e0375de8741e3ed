"""The signed papers that steps rest on: the number given once, the days in order, the signer in a capacity.

What must not live here: which step needs which paper (`cases`), and how a paper looks (`papers`).
"""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, select
from sqlalchemy.exc import IntegrityError

from enforcement import authority, membership
from enforcement.casebook import NotInFuture, midnight, name_of, said, spoken
from enforcement.entries import refuse
from enforcement.models import CaseAct, CaseFile, CasePaper, DelegationScope, PaperKind
from enforcement.papers import shelf
from trace.clock import CITY
from trace.errors import Conflict, Invalid, broken_constraint

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date
    from uuid import UUID

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from enforcement.transitions import Duty
    from trace.errors import TemThatError

NUMBER_MOST = 200
END_OF_DAY = time(23, 59, 59)

# Signed by a head or an officer in a capacity; the others are records that whoever made them signs.
DECISIONS = frozenset({
    PaperKind.INSPECTION_DECISION, PaperKind.INSPECTION_CANCELLED, PaperKind.PENALTY, PaperKind.REMEDY_ONLY, PaperKind.NO_PENALTY,
    PaperKind.CRIMINAL_TRANSFER, PaperKind.SEIZURE, PaperKind.ASSESSMENT, PaperKind.EXTENSION,
})  # fmt: skip
# The power to fine is handed on by itself; every other decision needs a delegation of measures.
OF_PENALTIES = frozenset({PaperKind.PENALTY, PaperKind.REMEDY_ONLY})
# What each kind of paper cannot come before.
AFTER: dict[PaperKind, tuple[PaperKind, ...]] = {
    PaperKind.INSPECTION_CANCELLED: (PaperKind.INSPECTION_DECISION,),
    PaperKind.INSPECTION_RECORD: (PaperKind.INSPECTION_DECISION,),
    PaperKind.VIOLATION_RECORD: (PaperKind.INSPECTION_DECISION,),
    PaperKind.PENALTY: (PaperKind.VIOLATION_RECORD, PaperKind.TAKEN_BACK),
    PaperKind.REMEDY_ONLY: (PaperKind.VIOLATION_RECORD, PaperKind.TAKEN_BACK),
    PaperKind.NO_PENALTY: (PaperKind.VIOLATION_RECORD, PaperKind.TAKEN_BACK),
    PaperKind.TAKEN_BACK: (PaperKind.CRIMINAL_TRANSFER,),
    PaperKind.POSTING: (PaperKind.PENALTY, PaperKind.REMEDY_ONLY, PaperKind.NO_PENALTY),
    PaperKind.DEEMED_SERVICE: (PaperKind.PENALTY, PaperKind.REMEDY_ONLY, PaperKind.NO_PENALTY),
}
# A paper about acts cannot be older than the first of them.
AFTER_THE_ACT = frozenset({PaperKind.VIOLATION_RECORD, PaperKind.PENALTY, PaperKind.REMEDY_ONLY, PaperKind.NO_PENALTY})


class NumberTaken(Conflict):
    """The number %(number)s was given to another paper of this kind in this year, in the case %(case)s.

    A number is given once. Look it up in the register of papers and write the right one.
    """


class SignedBeforeAct(Invalid):
    """This paper is dated %(signed)s, but the act began on %(began)s only.

    Check the day of the paper, or correct the act.
    """


class SignedBeforePaper(Invalid):
    """This paper is dated %(signed)s, before the %(other)s of %(day)s that it rests on.

    Check the day of the paper.
    """


class NotItsDay(Invalid):
    """The document %(number)s of this case was issued on %(issued)s, but this paper is dated %(signed)s.

    Write the day of the document, or choose the right number.
    """


class SignedByAnother(Conflict):
    """The decision no. %(number)s of %(day)s is in the file as signed by %(who)s, not by you or not in this capacity.

    Whoever signed it enters it for this clock too. If yours is another decision, write its own number.
    """


def paper(
    session: Session,
    case: CaseFile,
    kind: PaperKind,
    number: str,
    *,
    signed_on: date | None,
    by: UUID,
    duties: Collection[Duty],
    at: datetime,
    signer: str | None = None,
    issuer: str = "",
    scope: DelegationScope | None = None,
    besides: Sequence[TemThatError] = (),
    **more: Any,
) -> CasePaper:
    """Enter a signed paper. With `issuer` it was signed elsewhere, by the name in `signer`; otherwise whoever acts signs in their capacity.

    `scope`: the power that a decision rests on, where its kind does not say so. `besides`: what else speaks against it, told at once. An
    extension that is in the file already is that paper again: one decision extends several clocks.
    """
    day = signed_on or at.astimezone(CITY).date()
    issued = [] if issuer else shelf.issued_days(session, case.id, said(number))
    other_day = [NotItsDay(number=said(number), issued=issued[-1], signed=day)] if issued and day not in issued else []
    refuse([*faults(session, case, kind, day, at=at), *other_day, *besides])
    signs: dict[str, Any] = {"signer_id": None, "signer_name": said(signer or ""), "issuer": said(issuer)} if issuer else {
        "signer_id": by, "signer_name": name_of(session, by), "issuer": "",
    }  # fmt: skip
    if not issuer and kind in DECISIONS:
        own = authority.own_duties(session, by, duties, day, at=at)
        capacity = authority.capacity(session, by, own, day, scope=scope or scope_of(kind))
        signs |= {
            "capacity": capacity.signer,
            "delegated_from": capacity.delegator_name,
            "delegation_number": capacity.decision_number,
        }
    registered = None if issuer else shelf.holder_of(session, said(number), day.year)
    if (
        registered is not None
        and registered not in membership.numbers(session, membership.members(session, case.id)).values()
    ):
        raise NumberTaken(number=number, case=registered)
    if kind is PaperKind.EXTENSION and (there := extension(session, case, said(number), day)) is not None:
        if any(getattr(there, name) != signs[name] for name in ("signer_id", "capacity", "delegation_number")):
            raise SignedByAnother(number=there.number, day=day, who=there.signer_name)
        return there
    made = CasePaper(
        case_id=case.id, kind=kind, number=said(number), signed_on=day, added_at=at, added_by=by, **signs, **more
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(made)
            session.flush()
    except IntegrityError as exc:
        if broken_constraint(exc) == "uq_case_paper_number":
            raise NumberTaken(number=number, case=holder(session, made)) from exc
        raise
    return made


def extension(session: Session, case: CaseFile, number: str, day: date) -> CasePaper | None:
    """The decision of a number and day that extended a clock of a case or of one merged into it."""
    return session.scalars(
        select(CasePaper).where(
            CasePaper.case_id.in_(membership.member_ids(case.id)), CasePaper.kind == PaperKind.EXTENSION, CasePaper.issuer == "",
            CasePaper.number == number, CasePaper.signed_on == day,
        )
    ).one_or_none()  # fmt: skip


def faults(
    session: Session, case: CaseFile, kind: PaperKind, day: date, *, at: datetime, known_at: datetime | None = None
) -> list[TemThatError]:
    """What is wrong with the day of a paper: not come yet, before the act, before the paper that it rests on.

    `known_at`: of a paper that is in the file already, when it was entered; it rests on none that came later.
    """
    found: list[TemThatError] = []
    if day > at.astimezone(CITY).date():
        found.append(NotInFuture())
    if kind in AFTER_THE_ACT:
        of_these = CaseAct.case_id.in_(membership.member_ids(case.id))
        began = session.scalar(select(func.min(CaseAct.began_on)).where(of_these, CaseAct.struck_at.is_(None)))
        if began and day < began:
            found.append(SignedBeforeAct(signed=day, began=began))
    earlier = latest(session, case, AFTER.get(kind, ()), known_at=known_at)
    if earlier and day < earlier.signed_on:
        found.append(SignedBeforePaper(signed=day, other=earlier.kind, day=earlier.signed_on))
    return found


def scope_of(kind: PaperKind) -> DelegationScope:
    """Which power a decision rests on."""
    return DelegationScope.PENALTIES if kind in OF_PENALTIES else DelegationScope.MEASURES


def latest(
    session: Session,
    case: CaseFile,
    kinds: Collection[PaperKind],
    *,
    known_at: datetime | None = None,
    among: Select[Any] | None = None,
) -> CasePaper | None:
    """The latest paper of some kinds in a case and those merged into it, and of those that its origin brought before it was split off.

    `known_at`: only of those that had been entered by then. `among`: in these cases instead, as `membership.lineage` names them.
    """
    if not kinds:
        return None
    line = (membership.lineage(case.id) if among is None else among).subquery()
    entered = [] if known_at is None else [CasePaper.added_at <= known_at]
    return session.scalars(
        select(CasePaper)
        .join(line, and_(line.c.id == CasePaper.case_id, CasePaper.added_at <= line.c.until))
        .where(CasePaper.kind.in_(list(kinds)), *entered)
        .order_by(CasePaper.signed_on.desc(), CasePaper.added_at.desc())
        .limit(1)
    ).one_or_none()


def moment(signed_on: date | None, at: datetime) -> datetime:
    """When a paper counts as signed: now if it is of today, otherwise at the end of its day."""
    if signed_on is None or signed_on == at.astimezone(CITY).date():
        return at
    return min(at, datetime.combine(signed_on, END_OF_DAY, CITY))


def beginning(paper: CasePaper, at: datetime) -> datetime:
    """From when the clocks of a paper count."""
    return at if paper.signed_on == at.astimezone(CITY).date() else midnight(paper.signed_on)


def holder(session: Session, made: CasePaper) -> str:
    """The number of the case whose paper carries the number of this one in its year."""
    found = session.scalar(
        select(CaseFile.number)
        .join(CasePaper, CasePaper.case_id == CaseFile.id)
        .where(
            CasePaper.kind == made.kind, CasePaper.issuer == made.issuer, CasePaper.number == made.number,
            func.extract("year", CasePaper.signed_on) == made.signed_on.year,
        )
    )  # fmt: skip
    return found or spoken(None)
