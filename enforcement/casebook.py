"""The book of one case: the lock that every deed takes, the version it compares, the event it writes.

`triage`, `cases` and `terms` do the deeds. What must not live here: which deed is allowed when.
"""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from enforcement import membership
from enforcement.models import CaseEvent, CaseFile
from enforcement.transitions import OVER
from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound
from trace.models.parties import AppUser

if TYPE_CHECKING:
    from datetime import date
    from uuid import UUID

    from sqlalchemy.orm import Session

TEXT_MOST = 4000


class CaseChanged(Conflict):
    """%(who)s changed this case at %(when)s, so your step was not taken.

    Look at what changed below, then decide again.
    """


class CaseIsOver(Conflict):
    """The case %(number)s is closed, so nothing can be added to it.

    Open a new case and name this one in its note.
    """


class CaseMergedAway(Conflict):
    """The case %(number)s was merged into %(into)s, so nothing can be done in it.

    Do it in %(into)s, or take the merge back first.
    """


class TextTooLong(Invalid):
    """A text is longer than %(most)s characters.

    Shorten it, or add it as a file.
    """


class TextMissing(Invalid):
    """A text that this step needs is empty.

    Fill in the fields that are marked.
    """


class NotInFuture(Invalid):
    """This day has not come yet.

    Check the date.
    """


def lock(session: Session, case_id: UUID) -> CaseFile:
    """A case under a row lock, as it is now, until the transaction ends."""
    statement = select(CaseFile).where(CaseFile.id == case_id).with_for_update()
    case = session.scalars(statement, execution_options={"populate_existing": True}).one_or_none()
    if case is None:
        raise NotFound
    return case


def workable(session: Session, case_id: UUID, version: int | None = None) -> CaseFile:
    """A case under a row lock that is still worked and still is what the person saw."""
    case = lock(session, case_id)
    standing(session, case)
    same_version(session, case, version)
    if case.state in OVER:
        raise CaseIsOver(number=case.number)
    return case


def standing(session: Session, case: CaseFile) -> None:
    """Refuse a deed in a case that was merged away, naming the one that carries on."""
    if case.merged_into_id is not None:
        into = session.get_one(CaseFile, membership.survivor(session, case.id))
        raise CaseMergedAway(number=case.number, into=into.number)


def same_version(session: Session, case: CaseFile, version: int | None) -> None:
    """Refuse a deed decided on a page that is out of date, naming who changed the case since. None: nobody saw a page.

    Many events, such as a note, change nothing of the case itself: named is who wrote the event that did.
    """
    if version is None or version == case.version:
        return
    changed_it = CaseEvent.written_in.is_not_distinct_from(CaseFile.changed_in)
    last = session.execute(
        select(CaseEvent.at, AppUser.full_name)
        .join(AppUser, AppUser.id == CaseEvent.by)
        .join(CaseFile, CaseFile.id == CaseEvent.case_id)
        .where(CaseEvent.case_id == case.id)
        .order_by(changed_it.desc(), CaseEvent.seq.desc())
        .limit(1)
    ).one()
    raise CaseChanged(who=last.full_name, when=spoken(last.at))


def write(session: Session, case: CaseFile, deed: str, *, by: UUID, at: datetime, **more: Any) -> CaseEvent:
    """The next event of a case that the caller has locked (or just made). `more`: move, was, becomes, note, facts.

    Every deed comes through here, so this is where a case that was merged away refuses them all.
    """
    standing(session, case)
    event = CaseEvent(
        case_id=case.id, seq=last_event(session, case) + 1, at=at, by=by, deed=deed, **{"facts": {}, **more}
    )
    session.add(event)
    session.flush()
    return event


COPIES = ("ask_bundle", "bundle", "fetch_bundle")


def last_event(session: Session, case: CaseFile) -> int:
    """The number of the latest event of a case that the caller has locked."""
    return session.scalar(select(func.max(CaseEvent.seq)).where(CaseEvent.case_id == case.id)) or 0


def last_deed(session: Session, case: CaseFile) -> int:
    """The same without copies that were made or fetched: they change nothing."""
    mine = CaseEvent.case_id == case.id, CaseEvent.deed.not_in(COPIES)
    return session.scalar(select(func.max(CaseEvent.seq)).where(*mine)) or 0


def said(text: str) -> str:
    """A text as it is kept; refused if empty or endless."""
    kept = text.strip()
    if not kept:
        raise TextMissing
    if len(kept) > TEXT_MOST:
        raise TextTooLong(most=TEXT_MOST)
    return kept


def name_of(session: Session, user_id: UUID | None) -> str:
    """A person's name as events keep it."""
    found = session.scalar(select(AppUser.full_name).where(AppUser.id == user_id)) if user_id else None
    return found or "–"


def spoken(moment: datetime | None) -> str:
    """A moment inside a message: 14:02 31/12/2026 in the city's time."""
    return moment.astimezone(CITY).strftime("%H:%M %d/%m/%Y") if moment else "–"


def midnight(day: date) -> datetime:
    """The beginning of a day in the city."""
    return datetime.combine(day, time.min, CITY)
