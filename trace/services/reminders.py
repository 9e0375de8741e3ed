"""Renewal reminders: a certificate that enters its renewal window is work for its holder and its managing body, once a period.

Whether a reminder is done is not written down: it follows from the applications and certificates there are. What must not live here:
telling anybody by e-mail.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased, joinedload

from trace.clock import CITY
from trace.models.applications import Application, ApplicationState, RenewalReminder
from trace.models.certificates import CertificateStatus, UseCertificate
from trace.services import applications, history, rules, workdays

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from trace.services.reach import Reach

LIVE = (CertificateStatus.ACTIVE, CertificateStatus.SUSPENDED)
# An application that came to nothing leaves the renewal to be done.
FRUITLESS = (ApplicationState.WITHDRAWN, ApplicationState.REFUSED)


def remind(session: Session, at: datetime) -> int:
    """Make the reminders that have fallen due; returns how many. Running it again makes none."""
    today = at.astimezone(CITY).date()
    until = func.upper(UseCertificate.valid_during)
    reminded = exists().where(RenewalReminder.certificate_id == UseCertificate.id, RenewalReminder.ends_on == until - 1)
    candidates = session.scalars(
        select(UseCertificate).where(UseCertificate.status.in_(LIVE), until > today, ~reminded)
    ).all()
    windows = {
        title_id: timedelta(days=rules.in_force(session, title_id, on=today).renew_before_days)
        for title_id in {certificate.title_id for certificate in candidates}
    }
    made = 0
    for certificate in candidates:
        end = certificate.valid_during.upper
        if end is None or today < end - windows[certificate.title_id]:
            continue
        last = end - timedelta(days=1)
        written = session.scalar(
            insert(RenewalReminder)
            .values(certificate_id=certificate.id, ends_on=last, made_at=at)
            .on_conflict_do_nothing(index_elements=["certificate_id", "ends_on"])
            .returning(RenewalReminder.id)
        )
        if written is not None:
            made += 1
            history.record(
                session, "certificate:remind", certificate.id, by=None, at=at, changes={"ends_on": (None, last)}
            )
    session.flush()
    return made


def daily(session: Session, at: datetime) -> int:
    """What is done once a day: reminders, and due days that could not be counted before. Returns how many of both."""
    return remind(session, at) + applications.reckon_again(session, workdays.calendar(session))


def waiting(session: Session, *, reach: Reach, on: date, limit: int = 50) -> Sequence[RenewalReminder]:
    """The reminders within reach that are still to be done, the nearest end first.

    One is done when an application that renews the certificate exists, or a later certificate does. An expired one is no work any more.
    """
    later = aliased(UseCertificate)
    applied = exists().where(Application.renews_id == UseCertificate.id, Application.state.not_in(FRUITLESS))
    renewed = exists().where(
        later.title_id == UseCertificate.title_id, later.holder_id == UseCertificate.holder_id, later.status.in_(LIVE),
        func.lower(later.valid_during) >= func.upper(UseCertificate.valid_during),
    )  # fmt: skip
    statement = (
        select(RenewalReminder)
        .join(RenewalReminder.certificate)
        .where(
            reach.covers(UseCertificate.holder_id, UseCertificate.title_id), UseCertificate.status.in_(LIVE),
            RenewalReminder.ends_on >= on, func.upper(UseCertificate.valid_during) == RenewalReminder.ends_on + 1,
            ~applied, ~renewed,
        )
        .order_by(RenewalReminder.ends_on, RenewalReminder.id)
        .limit(limit)
        .options(
            joinedload(RenewalReminder.certificate).joinedload(UseCertificate.title),
            joinedload(RenewalReminder.certificate).joinedload(UseCertificate.holder),
        )
    )  # fmt: skip
    return session.scalars(statement).all()
