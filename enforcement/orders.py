"""What a decision orders and how it was carried out: paid, confiscated, remedied, destroyed; or given to enforcement, or lapsed.

When nothing is open any more the clocks of execution end. What must not live here: the decision itself (`cases`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from enforcement import clocks, confiscation, membership, offenders, signing
from enforcement.casebook import NotInFuture, said, write
from enforcement.entries import held, one, put, refuse, strike
from enforcement.errors import IllegalMove, NotYourMove
from enforcement.models import CasePaper, EntryKind, Obligation, ObligationKind, ObligationState, PaperKind
from enforcement.transitions import ENFORCING, HEADS, CaseState
from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.models import CaseFile, Ruling
    from enforcement.transitions import Duty

K, S = ObligationKind, ObligationState
DECISIONS = (PaperKind.PENALTY, PaperKind.REMEDY_ONLY)
# Orders are carried out once the decision is made; money may arrive before the file says that execution began.
# While others wait for theirs, what was decided on one offender is carried out.
MAY_SETTLE = frozenset({
    CaseState.DECISION_DUE, CaseState.TRANSFERRED, CaseState.PENALISED, CaseState.REMEDIAL_ONLY, CaseState.EXECUTING,
})  # fmt: skip


class PaidTooMuch(Invalid):
    """More would be paid than the fine: %(left)s đồng are still open.

    Check the amount on the receipt.
    """


class SettledAlready(Conflict):
    """This order was settled already.

    Load the page again.
    """


class NotPaid(Invalid):
    """A fine is settled by what was paid, not by a note.

    Enter each payment with its receipt; or give the rest to enforcement.
    """


class BeforeDecision(Invalid):
    """This was done before the decision of %(day)s.

    Check the day.
    """


class WhoseOrder(Invalid):
    """It was decided on several offenders in this case, so an order says of whom it is asked.

    Choose the offender.
    """


class NothingOrdered(Conflict):
    """The case has no decision that orders anything.

    Make the decision first.
    """


def from_decision(
    session: Session, case: CaseFile, paper: CasePaper, ruling: Ruling | None, *, remedies: str | None, several: bool, by: UUID, at: datetime
) -> list[Obligation]:  # fmt: skip
    """What a decision orders of one offender, as single lines: the fine, the confiscation, and each line of the remedies.

    `ruling` None: the decision names nobody. `several`: it names more than one, so each line says whom it is for.
    """
    whose = f" – {ruling.party.name}" if ruling and several else ""
    made = []
    if ruling and ruling.fine:
        made.append(
            _line(case, paper, ruling, K.FINE, f"Nộp tiền phạt theo quyết định số {paper.number}{whose}", by=by, at=at)
        )
        made[0].amount = ruling.fine
    if ruling and ruling.confiscation:
        made.append(_confiscation(case, paper, ruling, ruling.confiscation, whose, by=by, at=at))
    told = [line.strip() for line in (remedies or "").splitlines() if line.strip()]
    made += [_line(case, paper, ruling, K.REMEDY, f"{each}{whose}", by=by, at=at) for each in told]
    session.add_all(made)
    session.flush()
    return made


def confiscate(
    session: Session, case: CaseFile, paper: CasePaper, rulings: Sequence[Ruling], *, by: UUID, at: datetime
) -> list[Obligation]:
    """What a decision without a fine confiscates, as one line. The goods of several offenders are one value there, so it names none of them."""
    if not paper.confiscation:
        return []
    of = rulings[0] if len(rulings) == 1 else None
    made = _confiscation(case, paper, of, paper.confiscation, "", by=by, at=at)
    session.add(made)
    session.flush()
    return [made]


def add(
    session: Session,
    case_id: UUID,
    kind: ObligationKind,
    what: str,
    *,
    by: UUID,
    duties: Collection[Duty],
    at: datetime,
    ruling_id: UUID | None = None,
    value: int | None = None,
) -> Obligation:
    """Enter something more that the decision orders: a remedy that was overlooked, the destruction of what was confiscated.

    `ruling_id`: of which offender, where there are several. `value`: of goods to be confiscated, which the signer of the decision may confiscate.
    """
    case = held(session, case_id)
    if HEADS.isdisjoint(duties):
        raise NotYourMove(duties=HEADS)
    decision = signing.latest(session, case, DECISIONS)
    if decision is None or kind is K.FINE:
        raise NothingOrdered
    ordering = [each for each in offenders.rulings(session, case) if each.paper.kind in DECISIONS]
    if ruling_id is None and len(ordering) > 1:
        raise WhoseOrder
    ruling = next((each for each in ordering if ruling_id in {None, each.id}), None)
    if ruling_id is not None and ruling is None:
        raise NotFound
    paper = ruling.paper if ruling else decision
    if kind is K.CONFISCATION:
        refuse(confiscation.beyond(session, case, paper, ruling, value))
    else:
        confiscation.refuse_as_remedy([what])
    made = Obligation(
        paper_id=paper.id, ruling_id=ruling.id if ruling else None, kind=kind, what=said(what), paid=0, state=S.OPEN,
        value=value if kind is K.CONFISCATION else None,
    )  # fmt: skip
    put(session, case, EntryKind.OBLIGATION, made, made.what[:120], by=by, at=at)
    return made


def pay(
    session: Session, case_id: UUID, entry_id: UUID, *, amount: int, paid_on: date, document_number: str, by: UUID, at: datetime,
    revision: int | None = None,
) -> Obligation:  # fmt: skip
    """A payment of a fine by its receipt; the order is done when all is paid."""
    case, line = _open(session, case_id, entry_id, paid_on, at=at, revision=revision)
    if line.kind is not K.FINE or line.amount is None:
        raise NotPaid
    left = line.amount - line.paid
    if not 0 < amount <= left:
        raise PaidTooMuch(left=left)
    line.paid += amount
    if line.paid == line.amount:
        line.state, line.settled_on, line.document_number = S.DONE, paid_on, said(document_number)
    _kept(
        session, case, line, deed="pay", number=document_number, day=paid_on, note=None, by=by, at=at, amount=amount, left=left - amount
    )  # fmt: skip
    return line


def settle(
    session: Session,
    case_id: UUID,
    entry_id: UUID,
    *,
    state: ObligationState,
    settled_on: date,
    document_number: str,
    note: str | None,
    by: UUID,
    duties: Collection[Duty],
    at: datetime,
    revision: int | None = None,
) -> Obligation:
    """Carried out by its minutes; or, by a head, given to enforcement or lapsed by law."""
    case, line = _open(session, case_id, entry_id, settled_on, at=at, revision=revision)
    if state is S.OPEN:
        raise IllegalMove(state=case.state)
    if state is S.DONE and line.kind is K.FINE:
        raise NotPaid
    if state in {S.ENFORCED, S.LAPSED}:
        if HEADS.isdisjoint(duties):
            raise NotYourMove(duties=HEADS)
        if state is S.LAPSED:
            confiscation.refuse_to_end(session, case, line)
        note = said(note or "")
    line.state, line.settled_on, line.document_number, line.note = state, settled_on, said(document_number), note
    _kept(session, case, line, deed=state.value, number=document_number, day=settled_on, note=note, by=by, at=at)
    return line


def drop(
    session: Session, case_id: UUID, entry_id: UUID, *, reason: str, by: UUID, duties: Collection[Duty], at: datetime,
    revision: int | None = None,
) -> None:  # fmt: skip
    """Strike an order that was entered by mistake. For heads; what a decision fines is not struck."""
    case = held(session, case_id)
    if HEADS.isdisjoint(duties):
        raise NotYourMove(duties=HEADS)
    line = one(session, Obligation, case, entry_id, revision=revision)
    if line.kind is K.FINE or line.state is not S.OPEN:
        raise SettledAlready
    confiscation.refuse_to_end(session, case, line)
    strike(session, case, EntryKind.OBLIGATION, line, line.what[:120], reason=reason, by=by, at=at)
    finish_when_done(session, case, at=at)


def standing_open(session: Session, case: CaseFile) -> Sequence[Obligation]:
    """The orders of a case, and of those merged into it, that nobody has settled."""
    return session.scalars(
        select(Obligation)
        .where(
            Obligation.case_id.in_(membership.members(session, case.id)),
            Obligation.state == S.OPEN,
            Obligation.struck_at.is_(None),
        )
        .order_by(Obligation.written)
    ).all()


def finish_when_done(session: Session, case: CaseFile, *, at: datetime) -> None:
    """Nothing is open any more for an offender: execution has ended there, and with it the time in which it could be enforced here."""
    left = standing_open(session, case)
    waiting = {line.ruling_id for line in left}
    for each in offenders.rulings(session, case):
        if each.served_on is not None and each.id not in waiting:
            clocks.meet(session, case, ENFORCING, at=at, subject_id=each.id)
    if case.state is CaseState.EXECUTING and not left:
        clocks.meet(session, case, ENFORCING, at=at)
    case.next_due_at = clocks.next_due(session, case.id)
    session.flush()


def _line(
    case: CaseFile, paper: CasePaper, ruling: Ruling | None, kind: ObligationKind, what: str, *, by: UUID, at: datetime
) -> Obligation:
    return Obligation(
        case_id=case.id, paper_id=paper.id, ruling_id=ruling.id if ruling else None, kind=kind, what=what, paid=0, state=S.OPEN, added_at=at,
        added_by=by,
    )  # fmt: skip


def _confiscation(
    case: CaseFile, paper: CasePaper, ruling: Ruling | None, value: int, whose: str, *, by: UUID, at: datetime
) -> Obligation:
    what = f"Tịch thu tang vật theo quyết định số {paper.number}{whose}"
    made = _line(case, paper, ruling, K.CONFISCATION, what, by=by, at=at)
    made.value = value
    return made


def _open(
    session: Session, case_id: UUID, entry_id: UUID, day: date, *, at: datetime, revision: int | None
) -> tuple[CaseFile, Obligation]:
    case = held(session, case_id)
    if case.state not in MAY_SETTLE:
        raise IllegalMove(state=case.state)
    line = one(session, Obligation, case, entry_id)
    if line.state is not S.OPEN:
        raise SettledAlready
    one(session, Obligation, case, entry_id, revision=revision)  # two who enter the same receipt
    if day > at.astimezone(CITY).date():
        raise NotInFuture
    decision = session.get_one(CasePaper, line.paper_id)
    if day < decision.signed_on:
        raise BeforeDecision(day=decision.signed_on)
    return case, line


def _kept(
    session: Session, case: CaseFile, line: Obligation, *, deed: str, number: str, day: date, note: str | None, by: UUID, at: datetime,
    **more: Any,
) -> None:  # fmt: skip
    line.revision += 1
    session.flush()
    facts = {
        "deed": deed,
        "kind": line.kind.value,
        "what": line.what[:200],
        "number": said(number),
        "day": day.isoformat(),
        **more,
    }
    write(session, case, "order", by=by, at=at, note=note, facts=facts)
    history.record(
        session, f"obligation:{deed}", line.id, by=by, at=at, changes={"state": (S.OPEN, line.state), "paid": (None, line.paid)}, why=note
    )  # fmt: skip
    finish_when_done(session, case, at=at)
