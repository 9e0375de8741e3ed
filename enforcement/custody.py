"""Who has a piece of evidence in hand: step by step, each linked to the one before, each transfer confirmed by both sides.

The database links the steps and refuses those that do not follow; here is what people do, and the search for gaps, which trusts none
of it. What must not live here: files and their hashes (`evidence`), and what follows from a gap (`alarms`).
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import joinedload

from enforcement import alarms
from enforcement.alarms import Fault
from enforcement.casebook import said
from enforcement.models import AlarmKind, CaseFile, CustodyDeed, CustodyEvent, CustodyWatch, Evidence
from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound, Refused
from trace.models.incidents import IncidentKind
from trace.models.parties import AppUser, Role, RoleGrant
from trace.services import incidents

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

HEADS = (Role.TEAM_HEAD, Role.BRANCH_HEAD)
KEEPERS = (Role.OFFICER, *HEADS)


class NotYourEvidence(Conflict):
    """This piece of evidence is not in your keeping, so you cannot hand it over.

    Ask %(keeper)s, who has it.
    """


class AlreadyOffered(Conflict):
    """This piece has been offered to %(who)s, who has not answered yet.

    Wait for the answer, or take the offer back first.
    """


class NothingOffered(Conflict):
    """Nothing waits for your answer here: the offer was taken back or answered already.

    Load the page again.
    """


class NoSuchKeeper(Invalid):
    """Evidence can be handed only to another person who works at the case desk today.

    Choose somebody from the list.
    """


class KeeperStillHere(Conflict):
    """%(keeper)s, who keeps this piece, still works at the case desk, so nobody hands it on in their place.

    Ask %(keeper)s to hand it over.
    """


class HeadsHandOn(Conflict):
    """Only a head hands on what somebody kept who has left.

    Ask the head of your team or of the branch.
    """


# Everything is looked at anew: the count, the links, what the steps say, their order in time, who had it, and the end on the piece itself.
_BROKEN = text(
    """
    WITH steps AS (
        SELECT e.case_id, e.folio, e.sha256, e.custody_seq, e.custody_digest AS head, c.seq, c.digest, c.prev_digest, c.at, c.deed,
               c.keeper_id, c.by, c.sha256_seen, c.other_id, enforcement.custody_digest(c) AS should,
               c.note, row_number() OVER w AS n, lag(c.digest, 1, '') OVER w AS before, lag(c.at) OVER w AS earlier,
               lag(c.keeper_id) OVER w AS had, lead(c.seq) OVER w IS NULL AS is_last
          FROM enforcement.evidence e LEFT JOIN enforcement.custody_event c ON c.evidence_id = e.id
         WHERE CAST(:pieces AS uuid[]) IS NULL OR e.id = ANY(CAST(:pieces AS uuid[]))
        WINDOW w AS (PARTITION BY e.id ORDER BY c.seq)
    ), judged AS (
        SELECT case_id, folio, n, CASE
            WHEN seq IS NULL THEN 'none'
            WHEN seq <> n THEN 'gap'
            WHEN digest <> should THEN 'changed'
            WHEN prev_digest <> before THEN 'unlinked'
            WHEN at < earlier THEN 'time'
            WHEN n = 1 AND (deed <> 'taken' OR keeper_id <> by OR sha256_seen <> sha256) THEN 'beginning'
            WHEN n > 1 AND keeper_id <> had AND (deed <> 'received' OR keeper_id <> by OR other_id <> had) THEN 'keeper'
            WHEN n > 1 AND (deed = 'offered' AND by <> had OR deed = 'reassigned' AND (by = had OR other_id IN (by, had) OR note IS NULL)) THEN 'keeper'
            WHEN is_last AND (seq <> custody_seq OR digest <> head) THEN 'end' END AS fault
          FROM steps
    )
    SELECT DISTINCT ON (case_id, folio) case_id, folio, fault || ' ' || n AS detail FROM judged WHERE fault IS NOT NULL
     ORDER BY case_id, folio, n
    """
)

_SNAPSHOT = text(
    "SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint FROM pg_current_snapshot() AS s"
)
# Rows that were frozen long ago may seem young, which costs a look too many and never one too few.
_TOUCHED = text(
    """
    SELECT id FROM enforcement.evidence WHERE age(xmin) <= CAST(:since AS bigint)
     UNION SELECT evidence_id FROM enforcement.custody_event WHERE age(xmin) <= CAST(:since AS bigint)
     UNION SELECT e.id FROM enforcement.evidence e
           LEFT JOIN (SELECT evidence_id, count(*) AS steps, max(seq) AS last FROM enforcement.custody_event GROUP BY evidence_id) c
                  ON c.evidence_id = e.id
            WHERE c.steps IS DISTINCT FROM e.custody_seq OR c.last IS DISTINCT FROM e.custody_seq
    """
)
SLACK = 10_000
"""So many transactions more than there were are looked back on, for some are begun while we look."""
OLDEST = 10**9
"""Beyond so many transactions their numbers are no longer told apart."""
AT_ONCE = 1000
LATEST = timedelta(seconds=60)
"""How old the last good look may be."""


def step(
    session: Session,
    piece: Evidence,
    deed: CustodyDeed,
    *,
    by: UUID,
    at: datetime,
    seen: str | None,
    other: UUID | None = None,
    place: str | None = None,
    note: str | None = None,
) -> CustodyEvent:
    """Write the next step of a piece, under its lock. What came before is looked at first, so that no step covers a gap."""
    last = session.scalar(select(Evidence.custody_seq).where(Evidence.id == piece.id).with_for_update()) or 0
    if last:
        alarms.sound(session, broken(session, [piece.id]), at=at)
    event = CustodyEvent(
        evidence_id=piece.id, seq=last + 1, deed=deed, at=at, by=by, other_id=other, place=place, sha256_seen=seen or "missing",
        note=note,
    )  # fmt: skip
    session.add(event)
    session.flush()
    # The database set the moment (never before the last step's), the keeper and the links.
    session.refresh(event)
    session.refresh(piece)
    return event


def hand_over(
    session: Session,
    evidence_id: UUID,
    to: UUID,
    *,
    place: str,
    note: str | None,
    seen: str | None,
    by: UUID,
    at: datetime,
) -> CustodyEvent:
    """Offer a piece to another person of the desk. It stays with the keeper until that person confirms."""
    piece = _locked(session, evidence_id)
    if piece.keeper_id != by:
        raise NotYourEvidence(keeper=piece.keeper.full_name if piece.keeper else "–")
    if piece.offered_to is not None:
        raise AlreadyOffered(who=piece.offered_to.full_name)
    if to == by or to not in {person.id for person in keepers(session, at=at)}:
        raise NoSuchKeeper
    kept = note.strip() if note else None
    return step(
        session, piece, CustodyDeed.OFFERED, by=by, at=at, seen=seen, other=to, place=said(place), note=kept or None
    )


def reassign(
    session: Session,
    evidence_id: UUID,
    to: UUID,
    *,
    place: str,
    reason: str,
    paper: str,
    seen: str | None,
    by: UUID,
    at: datetime,
) -> CustodyEvent:
    """Offer a piece in place of its keeper, who has left: a head's deed, on a paper. The new keeper confirms as ever."""
    piece = _locked(session, evidence_id)
    faults: list[Conflict | Invalid] = []
    if by not in _at_the_desk(session, HEADS, at=at):
        faults.append(HeadsHandOn())
    if piece.keeper is not None and not left(session, piece, at=at):
        faults.append(KeeperStillHere(keeper=piece.keeper.full_name))
    if piece.offered_to is not None:
        faults.append(AlreadyOffered(who=piece.offered_to.full_name))
    if to in {by, piece.keeper_id} or to not in _at_the_desk(session, KEEPERS, at=at):
        faults.append(NoSuchKeeper())
    if faults:
        raise Refused(faults)
    note = f"{said(paper)}: {said(reason)}"
    return step(session, piece, CustodyDeed.REASSIGNED, by=by, at=at, seen=seen, other=to, place=said(place), note=note)


def left(session: Session, piece: Evidence, *, at: datetime) -> bool:
    """Whether whoever keeps a piece no longer works at the desk: the account is closed, or the role has ended."""
    return piece.keeper_id is not None and piece.keeper_id not in _at_the_desk(session, KEEPERS, at=at)


def confirm(session: Session, evidence_id: UUID, *, seen: str | None, by: UUID, at: datetime) -> CustodyEvent:
    """Say that the piece has been received: from now on this person keeps it, where the offer said."""
    piece = _offered(session, evidence_id, by)
    offers = (CustodyDeed.OFFERED, CustodyDeed.REASSIGNED)
    offer = session.scalars(select(CustodyEvent).where(CustodyEvent.evidence_id == piece.id)
                            .where(CustodyEvent.deed.in_(offers)).order_by(CustodyEvent.seq.desc()).limit(1)).one()  # fmt: skip
    return step(session, piece, CustodyDeed.RECEIVED, by=by, at=at, seen=seen, other=piece.keeper_id, place=offer.place)


def refuse(
    session: Session, evidence_id: UUID, *, reason: str, seen: str | None, by: UUID, at: datetime
) -> CustodyEvent:
    """Say that the piece was not received, and why. It stays with whoever offered it."""
    piece = _offered(session, evidence_id, by)
    why = said(reason)
    return step(session, piece, CustodyDeed.REFUSED, by=by, at=at, seen=seen, other=piece.keeper_id, note=why)


def withdraw(session: Session, evidence_id: UUID, *, seen: str | None, by: UUID, at: datetime) -> CustodyEvent:
    """Take an offer back that nobody has answered yet: the keeper does, or a head where the keeper has left."""
    piece = _locked(session, evidence_id)
    if piece.offered_to_id is None or not (piece.keeper_id == by or may_stand_in(session, piece, by, at=at)):
        raise NothingOffered
    return step(session, piece, CustodyDeed.WITHDRAWN, by=by, at=at, seen=seen, other=piece.offered_to_id)


def waiting_for(session: Session, person_id: UUID) -> Sequence[tuple[Evidence, str]]:
    """The pieces that somebody wants to hand to this person, each with the number of its case; longest waiting first."""
    statement = (
        select(Evidence, CaseFile.number)
        .join(CaseFile, CaseFile.id == Evidence.case_id)
        .where(Evidence.offered_to_id == person_id)
        .options(joinedload(Evidence.keeper))
        .order_by(Evidence.custody_at)
    )
    return [(piece, number) for piece, number in session.execute(statement)]


def keepers(session: Session, *, at: datetime) -> Sequence[AppUser]:
    """Who may keep evidence today, by given name."""
    found = session.scalars(select(AppUser).where(AppUser.id.in_(_at_the_desk(session, KEEPERS, at=at))))
    return sorted(found, key=lambda user: (user.full_name.split()[-1], user.full_name))


def may_stand_in(session: Session, piece: Evidence, person_id: UUID, *, at: datetime) -> bool:
    """Whether this person, a head, may act in place of the keeper, who has left."""
    return left(session, piece, at=at) and person_id in _at_the_desk(session, HEADS, at=at)


def chain(session: Session, evidence_id: UUID) -> Sequence[CustodyEvent]:
    """All steps of one piece, from the beginning."""
    statement = select(CustodyEvent).where(CustodyEvent.evidence_id == evidence_id).order_by(CustodyEvent.seq)
    people = (joinedload(CustodyEvent.author), joinedload(CustodyEvent.other), joinedload(CustodyEvent.keeper))
    return session.scalars(statement.options(*people)).all()


def broken(session: Session, pieces: Collection[UUID] | None = None) -> list[Fault]:
    """The first wrong step of every piece whose chain does not hold, or of some. Reads all of it anew."""
    session.flush()
    asked = None if pieces is None else list(pieces)
    return [
        Fault(row.case_id, row.folio, AlarmKind.CUSTODY, row.detail)
        for row in session.execute(_BROKEN, {"pieces": asked})
    ]


def missing_folios(session: Session) -> list[Fault]:
    """Cases in whose row of folios one is missing, the last too: given once, it can only have been removed by force."""
    last = func.greatest(CaseFile.last_folio, func.max(Evidence.folio))
    statement = select(CaseFile.id, last, func.array_agg(Evidence.folio)).outerjoin(
        Evidence, Evidence.case_id == CaseFile.id
    )
    statement = statement.where(or_(CaseFile.last_folio > 0, Evidence.id.is_not(None)))
    return [
        Fault(case_id, folio, AlarmKind.FOLIO, "missing")
        for case_id, given, there in session.execute(
            statement.group_by(CaseFile.id).having(last != func.count(Evidence.id))
        )
        for folio in sorted(set(range(1, given + 1)) - set(there))
    ]


def begin_watch(session: Session, *, at: datetime) -> None:
    """From now on somebody keeps watch: a first look that does not come to its end is late too."""
    session.execute(insert(CustodyWatch).values(seen_xid=0, good_at=at).on_conflict_do_nothing())


def watch(session: Session, *, at: datetime) -> list[Fault]:
    """Look at whatever was touched since the last good look, and at every row of folios; what is newly wrong becomes an alarm.

    Run every few seconds. Whatever was written since, by a step or by force, is known by its transaction, and what was removed by the
    number of steps: nothing else is hashed again. The night looks at all of it.
    """
    session.flush()
    begin_watch(session, at=at)
    last = session.scalar(select(CustodyWatch.seen_xid)) or 0
    before, now = session.execute(_SNAPSHOT).one()
    # A database brought back from a backup may count its transactions anew: then everything is looked at.
    since = now - last + SLACK if 0 < last <= now and now - last < OLDEST else OLDEST * 4
    touched = session.scalars(_TOUCHED, {"since": since}).all()
    found = missing_folios(session)
    for first in range(0, len(touched), AT_ONCE):
        found += broken(session, touched[first : first + AT_ONCE])
    new = alarms.sound(session, found, at=at)
    session.execute(update(CustodyWatch).values(seen_xid=before, good_at=at, late_told_at=None))
    return new


def tell_late(session: Session, *, at: datetime) -> bool:
    """When no look has come to its end for too long: an incident, once until the next good one. Whether it was told now."""
    late = CustodyWatch.good_at < at - LATEST, CustodyWatch.late_told_at.is_(None)
    told = session.scalars(update(CustodyWatch).where(*late).values(late_told_at=at).returning(CustodyWatch.id)).all()
    incidents.add(session, IncidentKind.CUSTODY_UNWATCHED, len(told), at=at)
    return bool(told)


def watched_at(session: Session) -> datetime | None:
    """When a look at the chains last came to its end; None: nobody has ever kept watch."""
    return session.scalar(select(CustodyWatch.good_at))


def digest_of(event: CustodyEvent) -> str:
    """What the digest of a step must be; the database, and the script in a bundle, say the same in their own words."""
    parts = [
        str(event.evidence_id), event.seq, event.deed.value, spelled(event.at), str(event.by), _word(event.other_id),
        str(event.keeper_id), event.place, event.sha256_seen, event.note, event.prev_digest,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()


def spelled(moment: datetime) -> str:
    """A moment as digests know it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _at_the_desk(session: Session, roles: Collection[Role], *, at: datetime) -> set[UUID]:
    """Whose account is open and who holds one of these roles today."""
    day = at.astimezone(CITY).date()
    works = select(RoleGrant.user_id).join(AppUser, AppUser.id == RoleGrant.user_id)
    works = works.where(RoleGrant.role.in_(roles), RoleGrant.valid_during.contains(day), AppUser.closed_at.is_(None))
    return set(session.scalars(works))


def _word(value: UUID | None) -> str | None:
    return str(value) if value else None


def _locked(session: Session, evidence_id: UUID) -> Evidence:
    statement = select(Evidence).where(Evidence.id == evidence_id).with_for_update(of=Evidence)
    found = session.scalars(statement.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise NotFound
    return found


def _offered(session: Session, evidence_id: UUID, by: UUID) -> Evidence:
    piece = _locked(session, evidence_id)
    if piece.offered_to_id != by:
        raise NothingOffered
    return piece
