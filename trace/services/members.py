"""Members of a collective: recording one, changing it, its leaving, the list, and which households of areas they are.

What must not live here: recording many at once from a table (`member_rows`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Integer, and_, cast, exists, func, or_, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, contains_eager, joinedload

from trace.clock import CITY
from trace.errors import Invalid, NotFound, Refused, TemThatError, broken_constraint
from trace.models.areas import GrowingArea
from trace.models.certificates import UseCertificate
from trace.models.members import Membership
from trace.models.parties import Party, PartyKind, RoleGrant
from trace.models.plots import AreaHousehold
from trace.services import area_edits, editing, history, places
from trace.services.folding import fold

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from decimal import Decimal
    from uuid import UUID

    from trace.services.reach import Reach

COLLECTIVES = frozenset({PartyKind.COOPERATIVE, PartyKind.ASSOCIATION, PartyKind.COMPANY})
MEMBER_KINDS = frozenset({PartyKind.HOUSEHOLD, PartyKind.PERSON})
CODE_PREFIX = "TV"


class MemberCodeTaken(Invalid):
    """%(name)s already has the member code %(code)s.

    Choose another code, or leave it empty to get the next one.
    """


class NationalIdTaken(Invalid):
    """%(name)s is a member with this identity number already.

    Check the number, or change that member instead.
    """


class TaxCodeOfAnother(Invalid):
    """This tax code is that of %(name)s.

    Check the tax code. If it is the same person or household, write the name as it stands there.
    """


class MemberAlready(Invalid):
    """%(name)s is a member already.

    Change that member instead.
    """


class CollectiveNotYours(Invalid):
    """You may not record members for this organisation.

    Choose one of those offered.
    """


class KeptElsewhere(Invalid):
    """Name, tax code, telephone and place of %(name)s are also used by another organisation, so they cannot be changed here.

    Change the code, dates and size here; for the rest ask the managing body.
    """


class JoinedInFuture(Invalid):
    """A member is recorded from the day of joining on, not before.

    Correct the date.
    """


class LeftBeforeJoining(Invalid):
    """The last day lies before the day of joining (%(joined)s).

    Correct the date.
    """


class LeftInFuture(Invalid):
    """The last day has not come yet.

    Record the leaving when it has happened.
    """


class LeftAlready(Invalid):
    """This member left on %(day)s.

    Look at the page of the member again.
    """


class MemberStanding(StrEnum):
    """Which members a list shows."""

    PRESENT = "present"
    FORMER = "former"


@dataclass(frozen=True)
class MemberFacts:
    """What a form says of a member. Without a code the next one is given."""

    collective_id: UUID
    code: str | None
    name: str
    kind: PartyKind
    national_id: str | None
    tax_code: str | None
    phone: str | None
    address: str | None
    commune_code: str
    declared_ha: Decimal | None
    joined_on: date


# What of a member stands with the party.
OF_PARTY = ("name", "kind", "tax_code", "phone", "address", "commune_code")


def masked(number: str | None) -> str:
    """A personal number of which only the last three digits can be read."""
    return "" if not number else "•" * (len(number) - 3) + number[-3:]


def within(reach: Reach) -> ColumnElement[bool]:
    """The members of the own organisations, and of those that use the titles somebody looks after."""
    users = select(UseCertificate.holder_id).where(UseCertificate.title_id.in_(reach.titles))
    held = reach.covers(Membership.collective_id)
    return or_(held, Membership.collective_id.in_(users)) if reach.titles else held


def collectives(session: Session, *, reach: Reach) -> Sequence[Party]:
    """The organisations whose members somebody may keep, in Vietnamese order."""
    users = select(UseCertificate.holder_id).where(UseCertificate.title_id.in_(reach.titles))
    held = reach.covers(Party.id)
    wanted = or_(held, Party.id.in_(users)) if reach.titles else held
    statement = select(Party).where(wanted, Party.kind.in_(COLLECTIVES))
    return session.scalars(statement.order_by(places.in_order(Party.name), Party.id)).all()


def listing(
    session: Session,
    *,
    reach: Reach,
    on: date,
    q: str = "",
    commune: str = "",
    collective_id: UUID | None = None,
    standing: MemberStanding = MemberStanding.PRESENT,
    page: int = 1,
    size: int = 50,
) -> tuple[Sequence[Membership], int]:
    """Members within reach by name, and how many there are. A text answers name, code, telephone or commune, old names too."""
    ended = func.coalesce(func.upper(Membership.member_during) <= on, False)
    wanted = [within(reach), ended if standing is MemberStanding.FORMER else ~ended]
    if places.asked(q):
        digits = "".join(sign for sign in q if sign.isdigit())
        found: ColumnElement[bool] = places.matches(q, Party.name, Membership.code) | places.in_commune(
            q, Party.commune_code
        )
        if len(digits) >= 6:
            found = or_(found, Party.phone == digits, Membership.national_id == digits, Party.tax_code == digits)
        wanted.append(found)
    if commune:
        wanted.append(Party.commune_code == commune)
    if collective_id:
        wanted.append(Membership.collective_id == collective_id)
    joined = Membership.member
    total = session.scalar(select(func.count(Membership.id)).join(joined).where(*wanted)) or 0
    statement = (
        select(Membership)
        .join(joined)
        .where(*wanted)
        .order_by(places.in_order(Party.name), Membership.code, Membership.id)
        .limit(size)
        .offset((page - 1) * size)
        .options(contains_eager(joined).joinedload(Party.commune), joinedload(Membership.collective))
    )
    return session.scalars(statement).all(), total


def get(session: Session, membership_id: UUID, *, reach: Reach) -> Membership:
    """One member; not within reach is not found."""
    statement = (
        select(Membership)
        .where(Membership.id == membership_id, within(reach))
        .options(joinedload(Membership.member).joinedload(Party.commune), joinedload(Membership.collective))
    )
    found = session.scalars(statement).one_or_none()
    if found is None:
        raise NotFound
    return found


def record(session: Session, facts: MemberFacts, *, by: UUID, at: datetime, reach: Reach) -> Membership:
    """Record a member. Raises `Refused` with every reason."""
    hold(session, facts.collective_id)
    party = _known_party(session, facts)
    reasons = _judge(session, facts, None, party, at=at)
    if facts.collective_id not in {each.id for each in collectives(session, reach=reach)}:
        reasons.append(CollectiveNotYours())
    if reasons:
        raise Refused(reasons)
    if party is None:
        party = Party(**{name: getattr(facts, name) for name in OF_PARTY})
        session.add(party)
    code = facts.code or next_code(session, facts.collective_id)
    made = Membership(
        collective_id=facts.collective_id, member=party, code=code, national_id=facts.national_id,
        declared_ha=facts.declared_ha, member_during=Range(facts.joined_on, None), recorded_at=at,
    )  # fmt: skip
    session.add(made)
    _flush(session, facts)
    history.record(
        session, "membership:record", made.id, by=by, at=at,
        changes={"code": (None, code), "name": (None, facts.name), "revision": (0, 1)},
    )  # fmt: skip
    return made


def revise(
    session: Session, membership_id: UUID, facts: MemberFacts, *, revision: int, why: str | None, by: UUID, at: datetime, reach: Reach
) -> Membership:  # fmt: skip
    """Change a member from the revision that its writer saw. Raises `NotFound`, `editing.EditedMeanwhile` or `Refused`."""
    made = _locked(session, membership_id, revision, reach)
    party = session.scalars(select(Party).where(Party.id == made.member_id).with_for_update()).one()
    facts = MemberFacts(**{**vars(facts), "collective_id": made.collective_id, "code": facts.code or made.code})
    reasons = _judge(session, facts, made, party, at=at)
    moved = {
        name: (getattr(party, name), new) for name in OF_PARTY if getattr(party, name) != (new := getattr(facts, name))
    }
    if moved and kept_elsewhere(session, party.id, made.collective_id):
        reasons.append(KeptElsewhere(name=party.name))
    if reasons:
        raise Refused(reasons)
    shown: dict[str, tuple[object, object]] = dict(moved)
    for name, (_, new) in moved.items():
        setattr(party, name, new)
    if moved:
        party.revision += 1
    if made.national_id != facts.national_id:
        shown["national_id"] = (masked(made.national_id) or None, masked(facts.national_id) or None)
        made.national_id = facts.national_id
    values = {
        "code": facts.code, "declared_ha": facts.declared_ha, "member_during": Range(facts.joined_on, made.member_during.upper),
    }  # fmt: skip
    try:
        with session.begin_nested():
            editing.change(session, made, "membership:change", values, by=by, at=at, why=why, shown=shown)
    except IntegrityError as exc:
        raise _explained(exc, facts) from exc
    return made


def leave(
    session: Session, membership_id: UUID, *, last_day: date, reason: str, revision: int, by: UUID, at: datetime, reach: Reach
) -> Membership:  # fmt: skip
    """Record that a member left, with the reason. The record stays; `last_day` is the last one as a member."""
    made = _locked(session, membership_id, revision, reach)
    joined = made.member_during.lower
    reasons: list[TemThatError] = []
    if made.member_during.upper is not None:
        reasons.append(LeftAlready(day=made.member_during.upper - timedelta(days=1)))
    if joined is not None and last_day < joined:
        reasons.append(LeftBeforeJoining(joined=joined))
    if last_day > at.astimezone(CITY).date():
        reasons.append(LeftInFuture())
    if reasons:
        raise Refused(reasons)
    values = {"member_during": Range(joined, last_day + timedelta(days=1)), "left_because": reason}
    editing.change(session, made, "membership:leave", values, by=by, at=at, shown={"last_day": (None, last_day)})
    return made


def households(session: Session, made: Membership) -> tuple[Sequence[AreaHousehold], Sequence[AreaHousehold]]:
    """The households of the collective's areas that are this member, and those of the same name that nobody has placed yet."""
    rows = session.scalars(
        select(AreaHousehold)
        .join(AreaHousehold.area)
        .where(
            GrowingArea.holder_id == made.collective_id,
            or_(
                AreaHousehold.member_id == made.member_id,
                and_(AreaHousehold.member_id.is_(None), func.fold(AreaHousehold.name) == func.fold(made.member.name)),
            ),
        )
        .order_by(places.in_order(GrowingArea.name), AreaHousehold.id)
        .options(contains_eager(AreaHousehold.area))
    ).all()
    return [row for row in rows if row.member_id], [row for row in rows if not row.member_id]


def place_household(
    session: Session, membership_id: UUID, household_id: int, *, is_member: bool, by: UUID, at: datetime, reach: Reach
) -> Membership:
    """Say that a household of an area is this member, or that it is not."""
    made = get(session, membership_id, reach=reach)
    row = session.scalars(
        select(AreaHousehold)
        .join(AreaHousehold.area)
        .where(AreaHousehold.id == household_id, GrowingArea.holder_id == made.collective_id)
        .with_for_update(of=AreaHousehold)
        .options(contains_eager(AreaHousehold.area))
    ).one_or_none()
    if row is None or row.member_id not in {None, made.member_id}:
        raise NotFound
    row.member_id = made.member_id if is_member else None
    told: tuple[object, object] = (None, row.area.name) if is_member else (row.area.name, None)
    history.record(session, "membership:household", made.id, by=by, at=at, changes={"area": told})
    session.flush()
    return made


def hold(session: Session, collective_id: UUID) -> None:
    """Keep others from recording members of a collective until the transaction ends, so that codes are given one by one."""
    session.execute(select(Party.id).where(Party.id == collective_id).with_for_update(key_share=True))


def next_code(session: Session, collective_id: UUID, *, past: int = 0) -> str:
    """The next member code of a collective: TV-0001 and so on; `past` is a number known to be used already."""
    number = cast(func.substring(Membership.code, f"^{CODE_PREFIX}-([0-9]{{1,9}})$"), Integer)
    last = session.scalar(select(func.max(number)).where(Membership.collective_id == collective_id)) or 0
    return f"{CODE_PREFIX}-{max(last, past) + 1:04d}"


def kept_elsewhere(session: Session, party_id: UUID, collective_id: UUID) -> bool:
    """Whether a party is more than a member of one collective, so that this one alone cannot change its particulars."""
    statement = select(
        or_(
            exists().where(Membership.member_id == party_id, Membership.collective_id != collective_id),
            exists().where(UseCertificate.holder_id == party_id),
            exists().where(RoleGrant.party_id == party_id),
        )
    )
    return bool(session.scalar(statement))


def _known_party(session: Session, facts: MemberFacts) -> Party | None:
    """A household or person of this tax code; `_judge` compares the names."""
    if facts.tax_code is None:
        return None
    return session.scalars(select(Party).where(Party.tax_code == facts.tax_code)).one_or_none()


def _judge(
    session: Session, facts: MemberFacts, made: Membership | None, party: Party | None, *, at: datetime
) -> list[TemThatError]:
    """What stands against a member; `party` is who bears the tax code, or the member itself when one is changed."""
    reasons: list[TemThatError] = area_edits.commune_stands(session, facts.commune_code, at=at)
    if facts.joined_on > at.astimezone(CITY).date():
        reasons.append(JoinedInFuture())
    if made is None:
        if party is not None and (party.kind not in MEMBER_KINDS or fold(party.name) != fold(facts.name)):
            reasons.append(TaxCodeOfAnother(name=party.name))
    elif facts.tax_code is not None:
        bears = select(Party).where(Party.tax_code == facts.tax_code, Party.id != made.member_id)
        reasons += [TaxCodeOfAnother(name=each.name) for each in session.scalars(bears)]
    last = made.member_during.upper if made else None
    if last is not None and facts.joined_on >= last:
        return [*reasons, LeftBeforeJoining(joined=facts.joined_on)]
    return reasons + _others(session, facts, made, party)


def _others(session: Session, facts: MemberFacts, made: Membership | None, party: Party | None) -> list[TemThatError]:
    """Other members of the same time with the same code, number or party."""
    same: list[ColumnElement[bool]] = [Membership.code == facts.code] if facts.code else []
    if facts.national_id:
        same.append(Membership.national_id == facts.national_id)
    if made is None and party is not None:
        same.append(Membership.member_id == party.id)
    if not same:
        return []
    period = Range(facts.joined_on, made.member_during.upper if made else None)
    others = select(Membership).where(
        Membership.collective_id == facts.collective_id, or_(*same), Membership.member_during.overlaps(period)
    )
    if made is not None:
        others = others.where(Membership.id != made.id)
    reasons: list[TemThatError] = []
    for row in session.scalars(others.options(joinedload(Membership.member))):
        if facts.code and row.code == facts.code:
            reasons.append(MemberCodeTaken(name=row.member.name, code=facts.code))
        if facts.national_id and row.national_id == facts.national_id:
            reasons.append(NationalIdTaken(name=row.member.name))
        elif made is None and party is not None and row.member_id == party.id:
            reasons.append(MemberAlready(name=row.member.name))
    return reasons


def _locked(session: Session, membership_id: UUID, revision: int, reach: Reach) -> Membership:
    statement = select(Membership).where(Membership.id == membership_id, within(reach))
    return editing.locked(session, statement, revision=revision)


def _flush(session: Session, facts: MemberFacts) -> None:
    try:
        with session.begin_nested():
            session.flush()
    except IntegrityError as exc:
        raise _explained(exc, facts) from exc


def _explained(exc: IntegrityError, facts: MemberFacts) -> Exception:
    """What somebody else recorded at the same moment."""
    kinds: dict[str | None, TemThatError] = {
        "ex_membership_code": MemberCodeTaken(name=facts.name, code=facts.code or ""),
        "ex_membership_national_id": NationalIdTaken(name=facts.name),
        "ex_membership_once": MemberAlready(name=facts.name),
        "uq_party_tax_code": TaxCodeOfAnother(name=facts.name),
        "ck_membership_period_begins": LeftBeforeJoining(joined=facts.joined_on),
    }
    reason = kinds.get(broken_constraint(exc))
    return Refused([reason]) if reason else exc
