"""The units that issue documents: their codes, names and places, and which of them a person signs for.

What must not live here: numbers given (`numbering`) and who may sign what (`signatory`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from enforcement.models import IssuingUnit
from trace.errors import Conflict, Invalid, Refused, broken_constraint
from trace.models.parties import Party, Role, RoleGrant
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.errors import TemThatError

# The highest post first: a head who also holds an officer's post signs as head.
POSTS = (Role.BRANCH_HEAD, Role.TEAM_HEAD, Role.OFFICER)
NAME_MOST = 200
Held: TypeAlias = tuple[Role, Party, IssuingUnit | None]


class NoIssuingUnit(Conflict):
    """Your unit has no code for numbering documents yet, so nothing can be issued in its name.

    A head enters the code under Forms of documents, Issuing units.
    """


class UnitCodeTaken(Conflict):
    """Another unit has this code already.

    Check both pairs of digits.
    """


class BadUnitCode(Invalid):
    """The code of a unit and of a sub-unit are two digits each, for example 03 and 01."""


class UnitWordsMissing(Invalid):
    """The name of the unit, that of the body above it and the place have to be filled in, each with at most 200 characters."""


def of_person(session: Session, person_id: UUID, on: date) -> Held | None:
    """In which post and for which unit a person of the desk signs on a day; None for people without such a post."""
    held = session.scalars(
        select(RoleGrant)
        .where(RoleGrant.user_id == person_id, RoleGrant.role.in_(POSTS), RoleGrant.valid_during.contains(on))
        .options(joinedload(RoleGrant.party))
    ).all()
    if not held:
        return None
    post = min(held, key=lambda grant: (POSTS.index(grant.role), grant.granted_at))
    return post.role, post.party, of_party(session, post.party_id)


def of_party(session: Session, party_id: UUID) -> IssuingUnit | None:
    """The unit that an organisation of the register is."""
    return session.scalars(select(IssuingUnit).where(IssuingUnit.party_id == party_id)).one_or_none()


def above(session: Session, unit: IssuingUnit, on: date) -> IssuingUnit | None:
    """The branch that a unit belongs to: it bears the same first pair of digits, and a head is in office there."""
    return session.scalars(
        select(IssuingUnit)
        .join(RoleGrant, RoleGrant.party_id == IssuingUnit.party_id)
        .where(
            RoleGrant.role == Role.BRANCH_HEAD,
            RoleGrant.valid_during.contains(on),
            IssuingUnit.unit_code == unit.unit_code,
            IssuingUnit.id != unit.id,
        )
        .order_by(IssuingUnit.sub_unit_code)
        .limit(1)
        .options(joinedload(IssuingUnit.party))
    ).one_or_none()


def every(session: Session) -> Sequence[IssuingUnit]:
    """All units, by code."""
    return session.scalars(
        select(IssuingUnit)
        .order_by(IssuingUnit.unit_code, IssuingUnit.sub_unit_code)
        .options(joinedload(IssuingUnit.party))
    ).all()


def candidates(session: Session, on: date) -> Sequence[Party]:
    """The organisations for which somebody works at the desk."""
    posts = select(RoleGrant.party_id).where(RoleGrant.role.in_(POSTS), RoleGrant.valid_during.contains(on))
    return session.scalars(select(Party).where(Party.id.in_(posts)).order_by(Party.name)).all()


def register(
    session: Session, party_id: UUID, *, unit_code: str, sub_unit_code: str, name: str, parent_name: str, place: str, by: UUID,
    at: datetime,
) -> IssuingUnit:  # fmt: skip
    """Enter a unit or correct it. Documents that were issued keep the words they were issued with."""
    wrong: list[TemThatError] = []
    if not all(len(code) == 2 and code.isascii() and code.isdigit() for code in (unit_code, sub_unit_code)):
        wrong.append(BadUnitCode())
    if not all(text.strip() and len(text) <= NAME_MOST for text in (name, parent_name, place)):
        wrong.append(UnitWordsMissing())
    if wrong:
        raise Refused(wrong)
    made = of_party(session, party_id) or IssuingUnit(party_id=party_id)
    words = {
        "unit_code": unit_code, "sub_unit_code": sub_unit_code, "name": name.strip(), "parent_name": parent_name.strip(), "place": place.strip(),
    }  # fmt: skip
    changes = {key: (getattr(made, key, None), value) for key, value in words.items()}
    try:
        with session.begin_nested():
            for key, value in words.items():
                setattr(made, key, value)
            session.add(made)
            session.flush()
    except IntegrityError as exc:
        if broken_constraint(exc) == "uq_issuing_unit_unit_code_sub_unit_code":
            raise UnitCodeTaken from exc
        raise
    history.record(session, "unit:save", made.id, by=by, at=at, changes=changes)
    return made
