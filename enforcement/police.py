"""Handing a file to another authority, and getting it back: the list of what went along, and the receiver's confirmation by name and day.

The police get it for signs of a crime (MQĐ33, MBB28), a competent signer because a fine is beyond the desk. What must not live here: the
moves themselves (`cases`), and single exhibits (`exhibits`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from enforcement import exhibits, measures, membership
from enforcement.casebook import NotInFuture, said, write
from enforcement.entries import held, refuse
from enforcement.errors import NotYourMove
from enforcement.models import (
    CasePaper,
    Evidence,
    Exhibit,
    ExhibitDeed,
    ExhibitEvent,
    ExhibitState,
    Handover,
)
from enforcement.transitions import HEADS
from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.models import CaseFile
    from enforcement.transitions import Duty
    from trace.errors import TemThatError


class ConfirmedAlready(Conflict):
    """The receiver has confirmed this hand-over already.

    Load the page again.
    """


class ReceivedBeforeListed(Invalid):
    """The file was received before it was given: the list is of %(day)s.

    Check the day.
    """


class NotReceivedYet(Conflict):
    """Nobody has confirmed that the file arrived, so it cannot come back.

    Enter who received it and when, with the number of the minutes.
    """


def list_out(
    session: Session, case: CaseFile, recipient: str, *, paper: CasePaper | None, by: UUID, at: datetime
) -> Handover:
    """Make the list of what goes with the file: exhibits with their seals, folios, papers. The caller holds the case."""
    ids = membership.members(session, case.id)
    made = Handover(
        case_id=case.id,
        paper_id=paper.id if paper else None,
        recipient=said(recipient),
        listed_at=at,
        listed_by=by,
        contents=_contents(session, ids),
    )
    session.add(made)
    session.flush()
    return made


def confirm(
    session: Session,
    case_id: UUID,
    handover_id: UUID,
    *,
    received_by: str,
    received_on: date,
    record_number: str,
    by: UUID,
    at: datetime,
) -> Handover:
    """Who received the file and when, by the minutes. From then on the exhibits are theirs, and seizures of the desk end."""
    case = held(session, case_id)
    found = _one(session, case, handover_id)
    if found.received_on is not None:
        raise ConfirmedAlready
    listed = found.listed_at.astimezone(CITY).date()
    reasons: list[TemThatError] = []
    if received_on > at.astimezone(CITY).date():
        reasons.append(NotInFuture())
    if received_on < listed:
        reasons.append(ReceivedBeforeListed(day=listed))
    refuse(reasons)
    who, number = said(received_by), said(record_number)
    found.received_by, found.received_on, found.record_number = who, received_on, number
    if found.paper_id is not None:  # to the police go the things too; a competent signer gets the file
        things = [
            thing
            for thing in _things(session, membership.members(session, case.id))
            if thing.state in {ExhibitState.HELD, ExhibitState.CONFISCATED}
        ]
        exhibits.with_all(
            session, case, things, ExhibitDeed.HANDED_OVER, document_number=number, done_at=at, by=by, at=at, keeper=who,
            kept_at=found.recipient, handover_id=found.id,
        )  # fmt: skip
        measures.hand_over_seizures(session, case, document_number=number, note=found.recipient, by=by, at=at)
    facts = {"recipient": found.recipient, "received_by": who, "day": received_on.isoformat(), "number": number}
    write(session, case, "confirm_handover", by=by, at=at, facts=facts)
    history.record(session, "handover:confirm", found.id, by=by, at=at, changes={"received_on": (None, received_on)})
    session.flush()
    return found


def come_back(
    session: Session, case: CaseFile, *, returned_on: date, document: str, duties: Collection[Duty], by: UUID, at: datetime
) -> Handover | None:  # fmt: skip
    """The file comes back, with what went along. What another authority got otherwise stays there. The caller holds the case."""
    if HEADS.isdisjoint(duties):
        raise NotYourMove(duties=HEADS)
    found = away(session, case)
    if found is None:
        return None
    if found.received_on is None:
        raise NotReceivedYet
    if returned_on < found.received_on:
        raise ReceivedBeforeListed(day=found.received_on)
    found.returned_on, found.return_document = returned_on, said(document)
    exhibits.with_all(
        session, case, _went_with(session, found), ExhibitDeed.GIVEN_BACK, document_number=document, done_at=at, by=by, at=at,
        handover_id=found.id,
    )  # fmt: skip
    session.flush()
    return found


def away(session: Session, case: CaseFile) -> Handover | None:
    """The hand-over by which the file is elsewhere now."""
    return session.scalars(
        select(Handover).where(Handover.case_id == case.id, Handover.returned_on.is_(None)).with_for_update()
    ).one_or_none()


def _one(session: Session, case: CaseFile, handover_id: UUID) -> Handover:
    found = session.scalars(
        select(Handover).where(Handover.id == handover_id, Handover.case_id == case.id).with_for_update()
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def _things(session: Session, ids: list[UUID]) -> list[Exhibit]:
    return list(
        session.scalars(
            select(Exhibit)
            .where(Exhibit.case_id.in_(ids), Exhibit.struck_at.is_(None))
            .order_by(Exhibit.case_id, Exhibit.seq)
        )
    )


def _went_with(session: Session, handover: Handover) -> list[Exhibit]:
    """The exhibits that this hand-over moved last, and that nobody has given back since."""
    last = (
        select(func.max(ExhibitEvent.seq))
        .where(ExhibitEvent.exhibit_id == Exhibit.id, ExhibitEvent.deed == ExhibitDeed.HANDED_OVER)
        .correlate(Exhibit)
        .scalar_subquery()
    )
    return list(
        session.scalars(
            select(Exhibit)
            .join(ExhibitEvent, ExhibitEvent.exhibit_id == Exhibit.id)
            .where(ExhibitEvent.handover_id == handover.id, ExhibitEvent.seq == last, Exhibit.state == ExhibitState.HANDED_OVER)
            .order_by(Exhibit.case_id, Exhibit.seq)
        )
    )  # fmt: skip


def _contents(session: Session, ids: list[UUID]) -> dict[str, Any]:
    """As it stands now: what is listed later does not change the list that was signed."""
    folios = session.scalars(
        select(Evidence).where(Evidence.case_id.in_(ids)).order_by(Evidence.case_id, Evidence.folio)
    )
    papers = session.scalars(
        select(CasePaper).where(CasePaper.case_id.in_(ids)).order_by(CasePaper.signed_on, CasePaper.added_at)
    )
    return {
        "exhibits": [
            {
                "seq": thing.seq, "description": thing.description, "quantity": str(thing.quantity.normalize()), "unit": thing.unit,
                "condition": thing.condition, "seal_number": thing.seal_number,
            }
            for thing in _things(session, ids)
            if thing.state in {ExhibitState.HELD, ExhibitState.CONFISCATED}
        ],
        "folios": [{"folio": piece.folio, "title": piece.title, "sha256": piece.sha256} for piece in folios],
        "papers": [
            {"kind": each.kind.value, "number": each.number, "signed_on": each.signed_on.isoformat()} for each in papers
        ],
    }  # fmt: skip
