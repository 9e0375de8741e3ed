"""Who signs today, in which capacity: one's own duty, or a dated written delegation.

Delegations are rows: a head hands on the own power for a time (Art. 54, form MQĐ34); whoever holds one signs as that head and cannot
hand it on. What must not live here: the figures of powers and brackets (`law`), whether a fine is covered (`fines`), and which move needs a signature.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased, joinedload

from enforcement import competence
from enforcement.casebook import said
from enforcement.competence import LINE
from enforcement.errors import (
    DelegatedToSelf,
    DelegationNumberTaken,
    DelegationOver,
    DelegationOverlaps,
    DelegationPeriod,
    NoCapacity,
    NotADelegator,
    NothingToDelegate,
)
from enforcement.law_seed import Signer
from enforcement.models import Delegation, DelegationScope
from enforcement.transitions import Duty
from trace.clock import CITY
from trace.errors import NotFound, broken_constraint
from trace.models.parties import AppUser, Role, RoleGrant
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

HEAD_ROLE = {Signer.TEAM_HEAD: Role.TEAM_HEAD, Signer.BRANCH_HEAD: Role.BRANCH_HEAD}
OWN_SIGNER = {Role.OFFICER: Signer.INSPECTOR, Role.TEAM_HEAD: Signer.TEAM_HEAD, Role.BRANCH_HEAD: Signer.BRANCH_HEAD}

DUTY_OF = {Signer.INSPECTOR: Duty.OFFICER, Signer.TEAM_HEAD: Duty.TEAM_HEAD, Signer.BRANCH_HEAD: Duty.BRANCH_HEAD}


@dataclass(frozen=True)
class Capacity:
    """As whom a person signs on a day. With a delegation: whose power it is, and the number of the decision that hands it on."""

    signer: Signer
    delegated_from: UUID | None = None
    delegator_name: str | None = None
    decision_number: str | None = None


def capacity(
    session: Session,
    person_id: UUID,
    duties: Collection[Duty],
    on: date,
    *,
    scope: DelegationScope = DelegationScope.PENALTIES,
) -> Capacity:
    """The highest capacity in which a person signs on a day; `NoCapacity` if there is none. The own rank wins over an equal one.

    `duties`: the own ones of that day, see `own_duties`.
    """
    own = competence.signer_for(duties)
    given = max(_held(session, person_id, on, scope), key=lambda each: LINE.index(each.signer), default=None)
    if given is not None and (own is None or LINE.index(given.signer) > LINE.index(own)):
        return Capacity(given.signer, given.from_id, given.giver.full_name, given.decision_number)
    if own is None:
        raise NoCapacity
    return Capacity(own)


def own_duties(
    session: Session, person_id: UUID, duties: Collection[Duty], on: date, *, at: datetime
) -> Collection[Duty]:
    """In which duties of their own a person signed on a day: those of today as they stand, of another day by the offices held then."""
    if on == at.astimezone(CITY).date():
        return duties
    signer = _own(session, person_id, on)
    return frozenset() if signer is None else frozenset({DUTY_OF[signer]})


def acting(
    session: Session, person_id: UUID, duties: Collection[Duty], scope: DelegationScope, on: date, *, at: datetime
) -> frozenset[Duty]:
    """In which duties a person signs a decision of some power on a day: the own ones, and those of whoever lends theirs by a delegation."""
    own = own_duties(session, person_id, duties, on, at=at)
    return frozenset(own) | {DUTY_OF[each.signer] for each in _held(session, person_id, on, scope)}


def delegate(
    session: Session,
    *,
    from_id: UUID,
    to_id: UUID,
    scope: DelegationScope,
    decision_number: str,
    starts_on: date,
    ends_on: date,
    by: UUID,
    at: datetime,
) -> Delegation:
    """Enter a written delegation. The power handed on is the highest that the giver's own duty has on its first day."""
    if from_id == to_id:
        raise DelegatedToSelf
    if ends_on < starts_on or ends_on < at.astimezone(CITY).date():
        raise DelegationPeriod
    signer = _own(session, from_id, starts_on)
    if signer not in HEAD_ROLE:
        raise NotADelegator
    taker = _own(session, to_id, starts_on)
    if taker is None:
        raise NotFound
    if LINE.index(taker) >= LINE.index(signer):
        raise NothingToDelegate
    made = Delegation(
        from_id=from_id, to_id=to_id, signer=signer, scope=scope, decision_number=said(decision_number),
        starts_on=starts_on, ends_on=ends_on, entered_at=at, entered_by=by,
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(made)
            session.flush()
    except IntegrityError as exc:
        match broken_constraint(exc):
            case "ex_delegation_once":
                raise DelegationOverlaps from exc
            case "uq_delegation_decision_number":
                raise DelegationNumberTaken from exc
            case _:
                raise
    history.record(
        session, "delegation:enter", made.id, by=by, at=at,
        changes={"to": (None, to_id), "signer": (None, signer), "starts_on": (None, starts_on), "ends_on": (None, ends_on)},
    )  # fmt: skip
    return made


def revoke(session: Session, delegation_id: UUID, *, why: str, by: UUID, at: datetime) -> Delegation:
    """Revoke a delegation from today on; one that has not begun never holds. What was signed under it stands."""
    found = session.scalars(
        select(Delegation).where(Delegation.id == delegation_id).with_for_update()
    ).one_or_none()  # fmt: skip
    if found is None:
        raise NotFound
    today = at.astimezone(CITY).date()
    if found.revoked_from is not None or found.ends_on < today:
        raise DelegationOver
    found.revoked_from, found.revoked_at, found.revoked_by = max(today, found.starts_on), at, by
    found.revoked_why = said(why)
    session.flush()
    history.record(
        session, "delegation:revoke", found.id, by=by, at=at, changes={"revoked_from": (None, found.revoked_from)}, why=why
    )  # fmt: skip
    return found


def delegations(session: Session, *, limit: int = 200) -> Sequence[Delegation]:
    """All delegations, the latest first."""
    return session.scalars(
        select(Delegation)
        .options(joinedload(Delegation.giver), joinedload(Delegation.taker))
        .order_by(Delegation.starts_on.desc(), Delegation.entered_at.desc())
        .limit(limit)
    ).all()


def people(session: Session, on: date) -> Sequence[tuple[AppUser, Signer]]:
    """Who works at the desk on a day, each with the highest own power, highest first."""
    rows = session.execute(
        select(AppUser, RoleGrant.role)
        .join(AppUser.roles)
        .where(RoleGrant.role.in_(OWN_SIGNER), RoleGrant.valid_during.contains(on), AppUser.closed_at.is_(None))
    ).all()
    found: dict[UUID, tuple[AppUser, Signer]] = {}
    for user, role in rows:
        signer = OWN_SIGNER[role]
        if user.id not in found or LINE.index(signer) > LINE.index(found[user.id][1]):
            found[user.id] = (user, signer)
    return sorted(found.values(), key=lambda each: (-LINE.index(each[1]), each[0].full_name))


def _own(session: Session, person_id: UUID, on: date) -> Signer | None:
    roles = session.scalars(
        select(RoleGrant.role).where(
            RoleGrant.user_id == person_id, RoleGrant.role.in_(OWN_SIGNER), RoleGrant.valid_during.contains(on)
        )
    )
    return max((OWN_SIGNER[role] for role in roles), key=LINE.index, default=None)


def _held(session: Session, person_id: UUID, on: date, scope: DelegationScope) -> Sequence[Delegation]:
    """Delegations in force for a person on a day, from givers who still hold their office."""
    office = aliased(RoleGrant)
    return session.scalars(
        select(Delegation)
        .join(office, (office.user_id == Delegation.from_id) & (office.role == Delegation.signer))
        .where(
            Delegation.to_id == person_id,
            Delegation.scope.in_((scope, DelegationScope.BOTH)),
            _in_force(on),
            office.valid_during.contains(on),
        )
        .options(joinedload(Delegation.giver))
    ).all()


def _in_force(on: date) -> ColumnElement[bool]:
    return (Delegation.starts_on <= on) & (on < func.least(Delegation.ends_on + 1, Delegation.revoked_from))
