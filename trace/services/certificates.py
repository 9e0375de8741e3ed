"""Certificates of use: granting, and the decisions that suspend, reinstate, revoke or give one up.

Expiry is no decision: it follows from the period. What must not live here: labels. That a scan changes its answer with
a decision is the work of `verify_label`, which reads the status.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, String, and_, case, cast, false, func, or_, select, true
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload, selectinload

from trace.clock import CITY
from trace.errors import Conflict, Forbidden, Invalid, NotFound, Refused, TemThatError, broken_constraint
from trace.models.areas import GrowingArea, ProductionSite
from trace.models.certificates import CertificateSource, CertificateStatus, CertificateStatusChange, UseCertificate
from trace.models.parties import AppUser, Party, Role, RoleGrant
from trace.models.titles import ProtectionTitle
from trace.services import history, places, rules, titles

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

    from trace.services.reach import Reach


class Decision(StrEnum):
    """What a person may decide about a certificate."""

    SUSPEND = "suspend"
    REINSTATE = "reinstate"
    REVOKE = "revoke"
    GIVE_UP = "give_up"


@dataclass(frozen=True)
class Step:
    """From which states a decision may be taken, and where it leads."""

    start: frozenset[CertificateStatus]
    becomes: CertificateStatus
    after_expiry: bool = False


_LIVE = frozenset({CertificateStatus.ACTIVE, CertificateStatus.SUSPENDED})
DECISIONS: dict[Decision, Step] = {
    Decision.SUSPEND: Step(frozenset({CertificateStatus.ACTIVE}), CertificateStatus.SUSPENDED),
    Decision.REINSTATE: Step(frozenset({CertificateStatus.SUSPENDED}), CertificateStatus.ACTIVE),
    # A false dossier that comes to light late still costs the certificate.
    Decision.REVOKE: Step(_LIVE, CertificateStatus.REVOKED, after_expiry=True),
    Decision.GIVE_UP: Step(_LIVE, CertificateStatus.GIVEN_UP),
}


class Standing(StrEnum):
    """How a certificate stands on a day: its status, unless its period says otherwise."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    GIVEN_UP = "given_up"
    EXPIRED = "expired"
    NOT_YET = "not_yet"


class DecisionNotPossible(Conflict):
    """“%(decision)s” is not possible for a certificate in the state “%(status)s”.

    Load the page again: somebody may have decided in the meantime.
    """


class CertificateExpired(Conflict):
    """This certificate has expired, so only revoking is still possible.

    A new certificate has to be granted.
    """


class OwnOrganisation(Forbidden):
    """You hold a role at the organisation that this certificate belongs to, so somebody else has to decide.

    Ask another person of the managing body.
    """


class ReasonNeeded(Invalid):
    """A decision needs its reason and the number of the deciding document."""


class GroundUnknown(Invalid):
    """The use regulation in force names no such ground for this decision.

    Choose a ground from the list, or none and say all of it in the reason.
    """


class NumberTaken(Conflict):
    """A certificate with this number exists already."""


class AlreadyHeld(Conflict):
    """This organisation already holds a live certificate for this title in that period."""


class SourceOfAnother(Invalid):
    """An area or site does not belong to this holder and title."""


class NothingCovered(Invalid):
    """A certificate covers at least one growing area or production site."""


class OutsideTitleLife(Invalid):
    """The period of the certificate does not lie within the life of the title."""


@dataclass(frozen=True)
class Page:
    """One page of a list and how many rows there are in all."""

    rows: Sequence[UseCertificate]
    total: int


def standing(certificate: UseCertificate, on: date) -> Standing:
    """How a certificate stands on a day. A suspension outlives nothing: after the period a certificate is expired."""
    period = certificate.valid_during
    if certificate.status in _LIVE and period.upper is not None and on >= period.upper:
        return Standing.EXPIRED
    if certificate.status is CertificateStatus.ACTIVE and period.lower is not None and on < period.lower:
        return Standing.NOT_YET
    return Standing(certificate.status.value)


def decisions_for(certificate: UseCertificate, on: date) -> list[Decision]:
    """What may be decided about a certificate in its present state."""
    expired = standing(certificate, on) is Standing.EXPIRED
    return [
        decision for decision, step in DECISIONS.items()
        if certificate.status in step.start and (step.after_expiry or not expired)
    ]  # fmt: skip


def listing(
    session: Session,
    *,
    reach: Reach,
    on: date,
    q: str = "",
    state: Standing | None = None,
    title_id: UUID | None = None,
    expiring: bool = False,
    page: int = 1,
    size: int = 50,
) -> Page:
    """Certificates within reach that answer a search, those that run out first on top. `expiring`: in the renewal window of their title."""
    wanted: list[ColumnElement[bool]] = [reach.covers(UseCertificate.holder_id, UseCertificate.title_id)]
    if places.asked(q):
        wanted.append(places.matches(q, UseCertificate.number, Party.name, Party.tax_code, ProtectionTitle.name))
    if state:
        wanted.append(_stands(state, on))
    if title_id:
        wanted.append(UseCertificate.title_id == title_id)
    until = func.upper(UseCertificate.valid_during)
    if expiring:
        windows = rules.renewal_windows(session, on=on)
        near = [and_(UseCertificate.title_id == each, until <= on + window) for each, window in windows.items()]
        wanted += [UseCertificate.status.in_(_LIVE), until > on, or_(false(), *near)]
    base = select(UseCertificate).join(UseCertificate.holder).join(UseCertificate.title).where(*wanted)
    total = session.scalar(select(func.count()).select_from(base.subquery())) or 0
    statement = (
        base.order_by((until > on).desc(), until, UseCertificate.number)
        .limit(size)
        .offset((page - 1) * size)
        .options(joinedload(UseCertificate.holder), joinedload(UseCertificate.title))
    )
    return Page(session.scalars(statement).all(), total)


def get(session: Session, certificate_id: UUID, *, reach: Reach) -> UseCertificate:
    """One certificate with its sources; not within reach is not found."""
    statement = (
        select(UseCertificate)
        .where(UseCertificate.id == certificate_id, reach.covers(UseCertificate.holder_id, UseCertificate.title_id))
        .options(
            selectinload(UseCertificate.sources).joinedload(CertificateSource.area).joinedload(GrowingArea.commune),
            selectinload(UseCertificate.sources).joinedload(CertificateSource.site).joinedload(ProductionSite.commune),
        )
    )
    certificate = session.scalars(statement).one_or_none()
    if certificate is None:
        raise NotFound
    return certificate


def status_changes(session: Session, certificate_id: UUID) -> list[tuple[CertificateStatusChange, str | None]]:
    """The decisions on a certificate, latest first, each with the name of who took it."""
    statement = (
        select(CertificateStatusChange, AppUser.full_name)
        .outerjoin(AppUser, AppUser.id == CertificateStatusChange.by)
        .where(CertificateStatusChange.certificate_id == certificate_id)
        .order_by(CertificateStatusChange.at.desc(), CertificateStatusChange.id.desc())
    )
    return list(session.execute(statement))


def grant(
    session: Session,
    *,
    title_id: UUID,
    holder_id: UUID,
    number: str,
    valid_from: date,
    valid_until: date,
    area_ids: Sequence[UUID] = (),
    site_ids: Sequence[UUID] = (),
    document_number: str,
    by: UUID | None,
    at: datetime,
    is_sample: bool = False,
) -> UseCertificate:
    """Give a holder the right to use a title's sign from one day through another. Refuses with every reason at once."""
    title = titles.get(session, title_id)
    reasons: list[TemThatError] = []
    try:
        titles.check_may_hold(session, title, holder_id, on=valid_from)
    except titles.OwnerCannotHold as reason:
        reasons.append(reason)
    if (
        valid_until < valid_from
        or (title.granted_on and valid_from < title.granted_on)
        or (title.expires_on and valid_until > title.expires_on)
    ):
        reasons.append(OutsideTitleLife())
    if not area_ids and not site_ids:
        reasons.append(NothingCovered())
    for model, ids in ((GrowingArea, area_ids), (ProductionSite, site_ids)):
        theirs = select(func.count()).where(model.id.in_(ids), model.holder_id == holder_id, model.title_id == title_id)
        if ids and session.scalar(theirs) != len(set(ids)):
            reasons.append(SourceOfAnother())
    if reasons:
        raise Refused(reasons)
    certificate = UseCertificate(
        title_id=title_id, holder_id=holder_id, number=number, valid_during=Range(valid_from, valid_until + timedelta(days=1)),
        status=CertificateStatus.ACTIVE, status_since=at, is_sample=is_sample,
        sources=[CertificateSource(area_id=found) for found in area_ids] + [CertificateSource(site_id=found) for found in site_ids],
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(certificate)
    except IntegrityError as exc:
        match broken_constraint(exc):
            case "uq_use_certificate_number":
                raise NumberTaken from exc
            case "ex_use_certificate_one_live":
                raise AlreadyHeld from exc
            case "owner_cannot_hold":
                raise titles.OwnerCannotHold from exc
        raise
    session.add(
        CertificateStatusChange(
            certificate_id=certificate.id, at=at, by=by, was=None, becomes=CertificateStatus.ACTIVE,
            reason=document_number, document_number=document_number,
        )
    )  # fmt: skip
    history.record(
        session, "certificate:grant", certificate.id, by=by, at=at, why=document_number,
        changes={"number": (None, number), "valid_during": (None, f"{valid_from:%d/%m/%Y} – {valid_until:%d/%m/%Y}")},
    )  # fmt: skip
    session.flush()
    return certificate


def decide(
    session: Session,
    certificate_id: UUID,
    decision: Decision,
    *,
    reason: str,
    document_number: str,
    ground: str | None = None,
    by: UUID,
    at: datetime,
    reach: Reach,
) -> UseCertificate:
    """Take a decision about a certificate. From the commit on, every scan answers by it.

    `ground` is one that the use regulation in force names, in its words, and is shown to the public; the reason is not.
    """
    statement = (
        select(UseCertificate)
        .where(UseCertificate.id == certificate_id, reach.covers(UseCertificate.holder_id, UseCertificate.title_id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    certificate = session.scalars(statement).one_or_none()
    if certificate is None:
        raise NotFound
    step, was, today = DECISIONS[decision], certificate.status, at.astimezone(CITY).date()
    if was not in step.start:
        raise DecisionNotPossible(decision=decision, status=was)
    if standing(certificate, today) is Standing.EXPIRED and not step.after_expiry:
        raise CertificateExpired
    if not reason.strip() or not document_number.strip():
        raise ReasonNeeded
    if belongs_to(session, by, certificate.holder_id, on=today):
        raise OwnOrganisation
    if ground and ground not in grounds(session, certificate.title_id, on=today).get(decision, ()):
        raise GroundUnknown
    certificate.status = step.becomes
    certificate.status_since = at
    certificate.status_reason = None if step.becomes is CertificateStatus.ACTIVE else reason
    session.add(
        CertificateStatusChange(
            certificate_id=certificate.id,
            at=at,
            by=by,
            was=was,
            becomes=step.becomes,
            reason=reason,
            document_number=document_number,
            ground=ground or None,
        )
    )
    history.record(
        session, f"certificate:{decision}", certificate.id, by=by, at=at, why=reason,
        changes={"status": (was, step.becomes), "document_number": (None, document_number)},
    )  # fmt: skip
    session.flush()
    return certificate


def grounds(session: Session, title_id: UUID, *, on: date) -> dict[Decision, tuple[str, ...]]:
    """The grounds that a title's regulation in force on a day names for each decision."""
    in_force = rules.in_force(session, title_id, on=on)
    return {Decision.SUSPEND: in_force.suspend_grounds, Decision.REVOKE: in_force.revoke_grounds}


def holders_on(
    session: Session, title_id: UUID, *, as_of: date, reach: Reach | None = None
) -> list[tuple[Party, UseCertificate]]:
    """Who was authorised to use a title's sign at the end of a day, read from the decisions and not from the present status.

    With a reach, only the certificates within it.
    """
    statement = (
        select(Party, UseCertificate)
        .join(UseCertificate, UseCertificate.holder_id == Party.id)
        .where(
            UseCertificate.title_id == title_id, UseCertificate.valid_during.contains(as_of),
            status_on(as_of) == CertificateStatus.ACTIVE,
            reach.covers(UseCertificate.holder_id, UseCertificate.title_id) if reach else true(),
        )
        .order_by(places.in_order(Party.name), UseCertificate.number)
    )  # fmt: skip
    return list(session.execute(statement))


def status_on(as_of: date) -> ColumnElement[CertificateStatus | None]:
    """The status of a statement's certificates at the end of a day, from the decisions; NULL before the first of them."""
    end = datetime.combine(as_of + timedelta(days=1), time(), CITY)
    change = CertificateStatusChange
    last = (
        select(change.becomes)
        .where(change.certificate_id == UseCertificate.id, change.at < end)
        .order_by(change.at.desc(), change.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    # Certificates taken over from an older register came without their decisions: for these the present state has to do.
    decided = select(change.id).where(change.certificate_id == UseCertificate.id).exists()
    without = case((~decided & (UseCertificate.status_since < end), UseCertificate.status))
    return func.coalesce(last, without)


def belongs_to(session: Session, user_id: UUID, party_id: UUID, *, on: date, roles: Collection[Role] = ()) -> bool:
    """Whether a person holds a role (one of some roles, if they are named) at an organisation on a day."""
    held = select(RoleGrant.id).where(
        RoleGrant.user_id == user_id, RoleGrant.party_id == party_id, RoleGrant.valid_during.contains(on)
    )
    if roles:
        held = held.where(RoleGrant.role.in_(roles))
    return session.scalar(held.limit(1)) is not None


def _stands(state: Standing, on: date) -> ColumnElement[bool]:
    """The same as `standing`, for a statement."""
    status: InstrumentedAttribute[CertificateStatus] = UseCertificate.status
    period = UseCertificate.valid_during
    live = status.in_(_LIVE)
    shown = case(
        (and_(live, func.upper(period) <= on), Standing.EXPIRED.value),
        (and_(status == CertificateStatus.ACTIVE, func.lower(period) > on), Standing.NOT_YET.value),
        else_=cast(status, String),
    )
    return shown == state.value
