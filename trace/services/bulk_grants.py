"""The evaluated applications that somebody may grant, with what a grant would give and what stands against it, to be looked at together.

Nothing is decided here: each is granted by `application_moves.grant`, in a transaction of its own and with its own check.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from trace.clock import CITY
from trace.errors import Forbidden
from trace.models.applications import Application, ApplicationEvaluation, ApplicationSource, ApplicationState
from trace.services import application_grants, application_moves, applications

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.errors import TemThatError
    from trace.services.reach import Reach

MOST = 100


@dataclass(frozen=True)
class Outlook:
    """What granting an application today would do."""

    application: Application
    evaluation: ApplicationEvaluation
    starts: date
    until: date
    reasons: Sequence[TemThatError]


def outlook(
    session: Session, *, reach: Reach, by: UUID, at: datetime, only: Collection[UUID] | None = None
) -> list[Outlook]:
    """The evaluated applications within reach, the most pressing first; `only` some of them. Nothing is locked."""
    statement = (
        select(Application)
        .where(applications.within(reach, drafts=False), Application.state == ApplicationState.EVALUATED)
        .order_by(Application.due_on.nulls_last(), Application.receipt_number, Application.id)
        .limit(MOST)
        .options(
            joinedload(Application.applicant), joinedload(Application.title), selectinload(Application.evaluations),
            selectinload(Application.sources).options(joinedload(ApplicationSource.area), joinedload(ApplicationSource.site)),
        )
    )  # fmt: skip
    if only is not None:
        statement = statement.where(Application.id.in_(only))
    on = at.astimezone(CITY).date()
    found = []
    for application in session.scalars(statement):
        judged = application_grants.judge(session, application, on=on, hold=False)
        reasons = list(judged.reasons)
        try:
            application_moves.may_decide(session, application, by=by, at=at)
        except Forbidden as refusal:
            reasons.insert(0, refusal)
        last = max(application.evaluations, key=lambda each: each.recorded_at)
        found.append(Outlook(application, last, judged.starts, judged.until, reasons))
    return found


def granted(session: Session, application_ids: Collection[UUID], *, reach: Reach) -> Sequence[Application]:
    """Those of some applications within reach that were granted, with their certificates."""
    return session.scalars(
        select(Application)
        .where(
            Application.id.in_(application_ids), applications.within(reach, drafts=False),
            Application.state == ApplicationState.GRANTED,
        )
        .order_by(Application.receipt_number, Application.id)
        .options(joinedload(Application.applicant), joinedload(Application.title), joinedload(Application.certificate))
    ).all()  # fmt: skip
