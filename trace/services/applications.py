"""Applications for the right of use: their states and clocks as data, finding them, starting one.

What the applicant writes is saved by `application_sections`; what still lacks says `application_needs`; what is done with it stands in
`application_moves`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload, selectinload

from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound, broken_constraint
from trace.models.applications import (
    Application,
    ApplicationEvaluation,
    ApplicationFile,
    ApplicationSource,
    ApplicationState,
)
from trace.models.areas import GrowingArea
from trace.models.certificates import CertificateStatus, UseCertificate
from trace.models.parties import Party
from trace.models.titles import Product, ProtectionTitle, UseRegulation
from trace.services import certificates, history, places, rules, titles
from trace.services.certificates import Standing
from trace.workdays import last_day

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from uuid import UUID

    from trace.services.reach import Reach
    from trace.services.rules import Rules
    from trace.workdays import Calendar


class ApplicationMove(StrEnum):
    """What may be done with an application."""

    SUBMIT = "submit"
    ASK_SUPPLEMENT = "ask_supplement"
    RECEIVE = "receive"
    EVALUATE = "evaluate"
    GRANT = "grant"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"


@dataclass(frozen=True)
class Step:
    """From which states a move is possible, where it leads, and whether it is the applicant's or the managing body's."""

    start: frozenset[ApplicationState]
    becomes: ApplicationState
    applicants: bool = False


S = ApplicationState
OPEN = frozenset({S.DRAFT, S.SUBMITTED, S.SUPPLEMENT, S.RECEIVED, S.EVALUATED})
WITH_APPLICANT = frozenset({S.DRAFT, S.SUPPLEMENT})
MOVES: dict[ApplicationMove, Step] = {
    ApplicationMove.SUBMIT: Step(WITH_APPLICANT, S.SUBMITTED, applicants=True),
    ApplicationMove.ASK_SUPPLEMENT: Step(frozenset({S.SUBMITTED, S.RECEIVED, S.EVALUATED}), S.SUPPLEMENT),
    ApplicationMove.RECEIVE: Step(frozenset({S.SUBMITTED}), S.RECEIVED),
    # A second evaluation may follow a first one that was not passed.
    ApplicationMove.EVALUATE: Step(frozenset({S.RECEIVED, S.EVALUATED}), S.EVALUATED),
    ApplicationMove.GRANT: Step(frozenset({S.EVALUATED}), S.GRANTED),
    ApplicationMove.REFUSE: Step(frozenset({S.SUBMITTED, S.SUPPLEMENT, S.RECEIVED, S.EVALUATED}), S.REFUSED),
    ApplicationMove.WITHDRAW: Step(OPEN, S.WITHDRAWN, applicants=True),
}
# The service time that runs in a state: from which moment, and under which rule of the title. In other states none runs.
CLOCKS: dict[ApplicationState, tuple[str, str]] = {
    S.SUBMITTED: ("submitted_at", "completeness_days"),
    S.RECEIVED: ("received_at", "evaluation_days"),
    S.EVALUATED: ("received_at", "decision_days"),
}


class MoveNotPossible(Conflict):
    """“%(move)s” is not possible for an application in the state “%(state)s”.

    Load the page again: somebody may have gone on in the meantime.
    """


class AlreadyOpen(Conflict):
    """Your organisation already has an open application for this title.

    Go on with that one, or withdraw it first.
    """


class HoldsAlready(Conflict):
    """Your organisation already holds a certificate for this title that is in force.

    To go on after its last day, open the certificate and renew it.
    """


class TooEarlyToRenew(Conflict):
    """This certificate can be renewed from %(day)s on.

    You will be reminded on your home page.
    """


class NotRenewable(Conflict):
    """A certificate that was revoked or given up is not renewed.

    Start a new application for the title.
    """


class TitleEnded(Invalid):
    """This title is no longer in force, so its sign cannot be granted.

    Ask the managing body of the title.
    """


@dataclass(frozen=True)
class Filter:
    """What of the applications is asked for; the address of the list says the same. Without a state, ended ones stay out."""

    q: str = ""
    state: ApplicationState | None = None
    title_id: UUID | None = None
    overdue: bool = False
    ended: bool = False


def within(reach: Reach, *, drafts: bool) -> ColumnElement[bool]:
    """The applications that somebody may see. A draft belongs to the applicant alone."""
    seen = reach.covers(Application.applicant_id, Application.title_id)
    return seen if drafts else seen & (Application.submitted_at.is_not(None))


def get(session: Session, application_id: UUID, *, reach: Reach) -> Application:
    """One application with all that belongs to it; not within reach, or somebody else's draft, is not found."""
    statement = (
        _visible(reach)
        .where(Application.id == application_id)
        .options(
            selectinload(Application.sources).joinedload(ApplicationSource.area).joinedload(GrowingArea.commune),
            selectinload(Application.sources).joinedload(ApplicationSource.site),
            selectinload(Application.files).joinedload(ApplicationFile.file),
            selectinload(Application.evaluations).selectinload(ApplicationEvaluation.results),
        )
    )
    found = session.scalars(statement).one_or_none()
    if found is None:
        raise NotFound
    return found


def listing(
    session: Session, *, reach: Reach, on: date, wanted: Filter, page: int = 1, size: int = 50
) -> tuple[Sequence[Application], int]:
    """Applications within reach, the most pressing first, and how many there are in all. Ended ones come last, latest first."""
    conditions: list[ColumnElement[bool]] = []
    if places.asked(wanted.q):
        conditions.append(
            places.matches(wanted.q, Party.name, Application.receipt_number, Application.tax_code, ProtectionTitle.name)
        )
    if wanted.state:
        conditions.append(Application.state == wanted.state)
    elif wanted.ended:
        conditions.append(Application.state.not_in(OPEN))
    elif not places.asked(wanted.q):
        conditions.append(Application.state.in_(OPEN))
    if wanted.title_id:
        conditions.append(Application.title_id == wanted.title_id)
    if wanted.overdue:
        conditions += [Application.due_on < on, Application.state.in_(OPEN)]
    base = _visible(reach).join(Application.applicant).join(Application.title).where(*conditions)
    total = session.scalar(select(func.count()).select_from(base.with_only_columns(Application.id).subquery())) or 0
    running = Application.state.in_(OPEN)
    statement = (
        base.order_by(running.desc(), Application.due_on.nulls_last(), Application.started_at.desc(), Application.id)
        .limit(size)
        .offset((page - 1) * size)
        .options(joinedload(Application.applicant), joinedload(Application.title))
    )
    return session.scalars(statement).all(), total


def counts(session: Session, *, reach: Reach, on: date) -> tuple[dict[ApplicationState, int], int]:
    """How many open applications there are in each state, and how many are overdue."""
    mine = _visible(reach).where(Application.state.in_(OPEN))
    by_state = mine.with_only_columns(Application.state, func.count()).group_by(Application.state)
    late = mine.where(Application.due_on < on).with_only_columns(func.count())
    return {row[0]: row[1] for row in session.execute(by_state)}, session.scalar(late) or 0


def titles_open(session: Session, *, on: date) -> Sequence[ProtectionTitle]:
    """The titles that can be applied for on a day."""
    return session.scalars(
        select(ProtectionTitle)
        .where((ProtectionTitle.expires_on.is_(None)) | (ProtectionTitle.expires_on >= on))
        .order_by(places.in_order(ProtectionTitle.name))
    ).all()


def start(
    session: Session,
    *,
    title_id: UUID,
    applicant_id: UUID,
    renews: UseCertificate | None = None,
    by: UUID,
    at: datetime,
    is_sample: bool = False,
) -> Application:
    """Open a draft, filled in with what is known of the applicant from the register and from its last application."""
    title, applicant, today = titles.get(session, title_id), session.get_one(Party, applicant_id), _day(at)
    titles.check_may_hold(session, title, applicant_id, on=today)
    if title.expires_on and title.expires_on < today:
        raise TitleEnded
    if renews is None and _live(session, title_id, applicant_id, today):
        raise HoldsAlready
    last = session.scalars(
        select(Application)
        .where(Application.applicant_id == applicant_id, Application.submitted_at.is_not(None))
        .order_by((Application.title_id == title_id).desc(), Application.submitted_at.desc())
        .limit(1)
    ).one_or_none()
    same = last if last is not None and last.title_id == title_id else None
    made = Application(
        title_id=title_id, applicant_id=applicant_id, renews_id=renews.id if renews else None, state=S.DRAFT, started_at=at,
        started_by=by, is_sample=is_sample or applicant.is_sample, representative=last.representative if last else None,
        tax_code=applicant.tax_code or (last.tax_code if last else None), id_number=last.id_number if last else None,
        phone=applicant.phone or (last.phone if last else None), address=applicant.address or (last.address if last else None),
        product_id=same.product_id if same else _only_product(session, title_id), sign_use=same.sign_use if same else None,
        process=same.process if same else None, yearly_kg=same.yearly_kg if same else None,
    )  # fmt: skip
    if renews is not None:
        made.sources = [ApplicationSource(area_id=each.area_id, site_id=each.site_id) for each in renews.sources]
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError as exc:
        if broken_constraint(exc) == "uq_application_open":
            raise AlreadyOpen from exc
        raise
    history.record(
        session, "application:start", made.id, by=by, at=at,
        changes={"renews": (None, renews.number)} if renews else None,
    )  # fmt: skip
    session.flush()
    return made


def renew(session: Session, certificate_id: UUID, *, by: UUID, at: datetime, reach: Reach) -> Application:
    """Open the application that carries a certificate on, once its renewal window has opened."""
    certificate = certificates.get(session, certificate_id, reach=reach)
    today = _day(at)
    if certificates.standing(certificate, today) in {Standing.REVOKED, Standing.GIVEN_UP}:
        raise NotRenewable
    opens = renewal_opens(session, certificate, on=today)
    if today < opens:
        raise TooEarlyToRenew(day=opens)
    return start(
        session, title_id=certificate.title_id, applicant_id=certificate.holder_id, renews=certificate, by=by, at=at
    )


def renewal_opens(session: Session, certificate: UseCertificate, *, on: date) -> date:
    """The first day on which a certificate can be renewed under the regulation in force."""
    ends = certificate.valid_during.upper or on  # a CHECK keeps every period bounded
    return ends - timedelta(days=rules.in_force(session, certificate.title_id, on=on).renew_before_days)


def regulation(session: Session, title_id: UUID, *, on: date) -> UseRegulation | None:
    """The regulation of a title that is in force on a day."""
    return session.scalars(
        select(UseRegulation).where(UseRegulation.title_id == title_id, UseRegulation.valid_during.contains(on))
    ).one_or_none()


def rules_of(application: Application) -> Rules:
    """The rules of the regulation that an application was handed in under."""
    return rules.read(application.regulation.rules if application.regulation else {})


def reckon(application: Application, calendar: Calendar) -> None:
    """Set the last day of the service time that runs now, and the day of the promised decision."""
    clock = CLOCKS.get(application.state)
    days = rules_of(application)
    application.due_on = last_day(calendar, getattr(application, clock[0]), getattr(days, clock[1])) if clock else None
    under_way = application.state in {S.RECEIVED, S.EVALUATED} and application.received_at is not None
    if under_way or application.state in WITH_APPLICANT:
        application.promised_on = (
            last_day(calendar, application.received_at, days.decision_days)
            if under_way and application.received_at
            else None
        )


def reckon_again(session: Session, calendar: Calendar) -> int:
    """Fill in the days that could not be counted because next year's holidays were not entered yet; returns how many."""
    waiting = session.scalars(
        select(Application).where(Application.state.in_(CLOCKS), Application.due_on.is_(None)).with_for_update()
    ).all()
    for application in waiting:
        reckon(application, calendar)
    session.flush()
    return sum(application.due_on is not None for application in waiting)


def _visible(reach: Reach) -> Select[Application]:
    """A draft is seen by the applicant's own people only; from the first submission on by the managing body too."""
    own = Application.applicant_id.in_(reach.holders)
    return select(Application).where(within(reach, drafts=False) | own)


def _live(session: Session, title_id: UUID, holder_id: UUID, on: date) -> bool:
    held = select(UseCertificate.id).where(
        UseCertificate.title_id == title_id, UseCertificate.holder_id == holder_id, func.upper(UseCertificate.valid_during) > on,
        UseCertificate.status.in_((CertificateStatus.ACTIVE, CertificateStatus.SUSPENDED)),
    )  # fmt: skip
    return session.scalar(held.limit(1)) is not None


def _only_product(session: Session, title_id: UUID) -> UUID | None:
    found = session.scalars(select(Product.id).where(Product.title_id == title_id).limit(2)).all()
    return found[0] if len(found) == 1 else None


def of_certificate(session: Session, certificate_id: UUID, *, reach: Reach) -> Sequence[Application]:
    """The application that led to a certificate and those that renew it, latest first."""
    return session.scalars(
        _visible(reach)
        .where((Application.certificate_id == certificate_id) | (Application.renews_id == certificate_id))
        .order_by(Application.started_at.desc())
    ).all()


def covered_by(session: Session, certificate_id: UUID) -> Application | None:
    """The application that led to a certificate, if it went through here."""
    return session.scalars(select(Application).where(Application.certificate_id == certificate_id)).one_or_none()


def _day(at: datetime) -> date:
    return at.astimezone(CITY).date()
