"""Who is what to a title: owner, registrant, managing body, control bodies, each with its days and its deciding document.

A role is added, ended once, or passed to a successor; it is never overwritten. What must not live here: users of the sign, who hold
certificates.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from trace.errors import Conflict, Invalid, NotFound, Refused, TemThatError, broken_constraint
from trace.models.parties import Party, PartyKind
from trace.models.titles import ProtectionTitle, TitleKind, TitleRole, TitleRoleKind
from trace.services import history, places

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from trace.services.reach import Reach

ORGANISATIONS = (
    PartyKind.STATE, PartyKind.AUTHORITY, PartyKind.ASSOCIATION, PartyKind.COOPERATIVE, PartyKind.COMPANY,
)  # fmt: skip


class OwnerHolds(Conflict):
    """%(name)s holds a certificate of use of this mark in that period, and the owner of a certification mark must not use it.

    Choose another owner, or have the certificate given up first: IP Law, Article 87.4.
    """


class OwnerOfIndication(Invalid):
    """The owner of a geographical indication is the State.

    Choose the State, or record this organisation as registrant or managing body: IP Law, Article 121.4.
    """


class RoleHeld(Conflict):
    """Somebody holds this role in that period already.

    End the present one first, or record a successor.
    """


class RoleEnded(Conflict):
    """This role has ended already. What is on record is not changed.

    Add a new role if it began again.
    """


class EndBeforeStart(Invalid):
    """The role began on %(start)s, so it cannot end before that.

    Check the date.
    """


class PartyUnknown(Invalid):
    """Choose an organisation from the list."""


class PartyThere(Conflict):
    """There is an organisation of this name already.

    Choose it from the list.
    """


class SameParty(Invalid):
    """The successor is the organisation that holds the role now.

    Choose another organisation.
    """


def organisations(session: Session) -> Sequence[Party]:
    """The organisations that may be something to a title, in Vietnamese order."""
    statement = select(Party).where(Party.kind.in_(ORGANISATIONS)).order_by(places.in_order(Party.name), Party.id)
    return session.scalars(statement).all()


def record_party(session: Session, *, name: str, kind: PartyKind, by: UUID, at: datetime) -> Party:
    """Enter an organisation that is not on record yet."""
    same = select(Party.id).where(Party.kind.in_(ORGANISATIONS), func.lower(Party.name) == func.lower(name))
    if session.scalar(same.limit(1)) is not None:
        raise Refused([PartyThere()])
    party = Party(name=name, kind=kind)
    session.add(party)
    session.flush()
    history.record(
        session, "party:record", party.id, by=by, at=at, changes={"name": (None, name), "kind": (None, kind)}
    )
    return party


def get(session: Session, role_id: UUID, *, reach: Reach) -> TitleRole:
    """One role of a title within reach."""
    role = session.scalars(
        select(TitleRole)
        .where(TitleRole.id == role_id, reach.covers(None, TitleRole.title_id))
        .options(joinedload(TitleRole.party), joinedload(TitleRole.title))
    ).one_or_none()
    if role is None:
        raise NotFound
    return role


def add(
    session: Session,
    title_id: UUID,
    *,
    role: TitleRoleKind,
    party_id: UUID,
    since: date,
    until: date | None,
    document: str,
    by: UUID,
    at: datetime,
    reach: Reach,
) -> TitleRole:
    """Record that a party is something to a title from a day on (through `until`, if that is known)."""
    title = _locked(session, title_id, reach)
    reasons = _may_be(session, title, role, party_id)
    if until is not None and until < since:
        reasons.append(EndBeforeStart(start=since))
    if reasons:
        raise Refused(reasons)
    made = TitleRole(
        title_id=title_id, party_id=party_id, role=role, deciding_document=document,
        valid_during=Range(since, until + timedelta(days=1) if until else None),
    )  # fmt: skip
    _kept(session, made)
    changes = {role.value: (None, made.party.name), "since": (None, since), "document": (None, document)}
    history.record(session, "title:appoint", title_id, by=by, at=at, changes=changes)
    session.flush()
    return made


def end(
    session: Session, role_id: UUID, *, last_day: date, document: str, by: UUID, at: datetime, reach: Reach
) -> TitleRole:
    """Record the last day of a role that has none yet."""
    role = get(session, role_id, reach=reach)
    _locked(session, role.title_id, reach)
    session.refresh(role)
    _close(role, last_day + timedelta(days=1), document)
    changes = {role.role.value: (role.party.name, None), "until": (None, last_day), "document": (None, document)}
    history.record(session, "title:end_role", role.title_id, by=by, at=at, changes=changes)
    session.flush()
    return role


def succeed(
    session: Session, role_id: UUID, *, party_id: UUID, since: date, document: str, by: UUID, at: datetime, reach: Reach
) -> TitleRole:
    """Record a successor: the predecessor's role ends the day before, both in one deed and by one document."""
    before = get(session, role_id, reach=reach)
    title = _locked(session, before.title_id, reach)
    session.refresh(before)
    reasons = _may_be(session, title, before.role, party_id)
    if party_id == before.party_id:
        reasons.append(SameParty())
    if reasons:
        raise Refused(reasons)
    _close(before, since, document)
    session.flush()
    made = TitleRole(
        title_id=title.id,
        party_id=party_id,
        role=before.role,
        deciding_document=document,
        valid_during=Range(since, None),
    )
    _kept(session, made)
    changes = {
        before.role.value: (before.party.name, made.party.name),
        "since": (None, since),
        "document": (None, document),
    }
    history.record(session, "title:succeed", title.id, by=by, at=at, changes=changes)
    session.flush()
    return made


def _close(role: TitleRole, end_before: date, document: str) -> None:
    if role.valid_during.upper is not None:
        raise RoleEnded
    start = role.valid_during.lower
    if start is not None and end_before <= start:
        raise Refused([EndBeforeStart(start=start)])
    role.valid_during = Range(start, end_before)
    role.ending_document = document


def _kept(session: Session, made: TitleRole) -> None:
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError as exc:
        match broken_constraint(exc):
            case "ex_title_role_no_overlap" | "ex_title_role_one_at_a_time":
                raise Refused([RoleHeld()]) from exc
            case "owner_cannot_hold":
                raise Refused([OwnerHolds(name=session.get_one(Party, made.party_id).name)]) from exc
        raise


def _may_be(session: Session, title: ProtectionTitle, role: TitleRoleKind, party_id: UUID) -> list[TemThatError]:
    party = session.get(Party, party_id)
    if party is None or party.kind not in ORGANISATIONS:
        return [PartyUnknown()]
    if title.kind is TitleKind.GI and role is TitleRoleKind.OWNER and party.kind is not PartyKind.STATE:
        return [OwnerOfIndication()]
    return []


def _locked(session: Session, title_id: UUID, reach: Reach) -> ProtectionTitle:
    """The title, locked: two people who pass a role on at once do so one after the other."""
    title = session.scalars(
        select(ProtectionTitle)
        .where(ProtectionTitle.id == title_id, reach.covers(None, ProtectionTitle.id))
        .with_for_update(key_share=True)
    ).one_or_none()
    if title is None:
        raise NotFound
    return title
