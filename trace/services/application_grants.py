"""What a grant looks at once more, and what it takes over into the register: the judgement of an application that was evaluated.

What must not live here: who may decide, and the deed itself (`application_moves`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from trace.clock import CITY
from trace.errors import Conflict, Refused, TemThatError, broken_constraint
from trace.models.applications import Application, ApplicationEvaluation
from trace.models.certificates import CertificateStatus, UseCertificate
from trace.models.parties import Party
from trace.services import application_needs, editing, numbers, rules
from trace.workdays import months_later

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session


class EvaluationNotPassed(Conflict):
    """The last evaluation found conditions that are not met, so the certificate cannot be granted.

    Evaluate again once they are met, ask for a supplement, or refuse with these reasons.
    """


class RenewedIsSuspended(Conflict):
    """The certificate to be renewed is suspended.

    Decide about the suspension first: a renewal must not pass it by.
    """


class RenewedIsOver(Conflict):
    """The certificate to be renewed was revoked or given up, so it is not carried on.

    Refuse this application; the organisation may start a new one for the title.
    """


class TitleEndsBefore(Conflict):
    """The title ends before the certificate could begin."""


class TaxCodeOfAnother(Conflict):
    """The tax code %(tax_code)s of the application belongs to %(name)s in the register.

    Ask for a supplement, so that the applicant corrects it, or have the entry of the other organisation put right.
    """


@dataclass(frozen=True)
class Judged:
    """What a grant would give, and everything that stands against it. `pattern`: of certificate numbers; `until` is the last day."""

    starts: date
    until: date
    pattern: str
    reasons: Sequence[TemThatError]


def judge(session: Session, application: Application, *, on: date, hold: bool) -> Judged:
    """Judge an evaluated application for a grant on a day. `hold`: keep what it relies on as it is until the commit."""
    reasons = application_needs.obstacles(session, application, on=on)
    if not _passed(session, application):
        reasons.append(EvaluationNotPassed())
    starts = on
    if application.renews_id is not None:
        asked = select(UseCertificate).where(UseCertificate.id == application.renews_id)
        if hold:  # against a suspension or revocation that is being decided at this moment
            asked = asked.with_for_update(read=True).execution_options(populate_existing=True)
        renewed = session.scalars(asked).one()
        if renewed.status is CertificateStatus.SUSPENDED:
            reasons.append(RenewedIsSuspended())
        elif renewed.status is not CertificateStatus.ACTIVE:
            reasons.append(RenewedIsOver())
        starts = max(on, renewed.valid_during.upper or on)
    in_force = rules.in_force(session, application.title_id, on=on)
    until = months_later(starts, in_force.validity_months) - timedelta(days=1)
    if application.title.expires_on is not None:
        until = min(until, application.title.expires_on)
        if until < starts:
            reasons.append(TitleEndsBefore())
    reasons += application_needs.no_longer(session, application, on=on, hold=hold)
    reasons += _tax_code_of_another(session, application)
    return Judged(starts, until, in_force.certificate_number, reasons)


def _tax_code_of_another(session: Session, application: Application) -> list[TemThatError]:
    """Why the tax code that was applied with cannot become the applicant's in the register."""
    if application.tax_code is None or application.applicant.tax_code is not None:
        return []
    bears = session.scalars(select(Party).where(Party.tax_code == application.tax_code)).one_or_none()
    return [TaxCodeOfAnother(tax_code=bears.tax_code, name=bears.name)] if bears else []


def take_over(session: Session, application: Application, *, by: UUID, at: datetime) -> None:
    """Complete the register with what the applicant said of itself and nobody knew before. What is known there stays as it is."""
    applicant = application.applicant
    values = {
        name: told for name in ("tax_code", "phone", "address")
        if (told := getattr(application, name)) and getattr(applicant, name) is None
    }  # fmt: skip
    try:
        with session.begin_nested():
            editing.change(session, applicant, "party:complete", values, by=by, at=at)
    except IntegrityError as exc:
        if broken_constraint(exc) == "uq_party_tax_code":  # somebody got it at this moment
            raise Refused(_tax_code_of_another(session, application)) from exc
        raise


def _passed(session: Session, application: Application) -> bool:
    """Whether the last evaluation found everything met."""
    return session.scalars(
        select(ApplicationEvaluation.passed)
        .where(ApplicationEvaluation.application_id == application.id)
        .order_by(ApplicationEvaluation.recorded_at.desc())
        .limit(1)
    ).one()


def number(session: Session, pattern: str, at: datetime) -> str:
    """The next free number of a pattern. Titles with one pattern share a series, or they would give the same numbers.

    Numbers that came with certificates from an older register are passed over.
    """
    year = at.astimezone(CITY).year
    while True:
        number = rules.number_from(pattern, n=numbers.take(session, f"GCN {pattern}", year), year=year)
        if session.scalar(select(UseCertificate.id).where(UseCertificate.number == number)) is None:
            return number
