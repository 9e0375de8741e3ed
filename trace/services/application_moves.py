"""What is done with an application once it is written: handed in, supplemented, received, evaluated, granted, refused, withdrawn.

A person of the applicant never acts for the managing body, and whoever evaluated does not decide. What must not live here: the states
and clocks themselves, which are data in `applications`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from trace.clock import CITY
from trace.errors import Conflict, Forbidden, Invalid, NotFound, Refused, TemThatError
from trace.models.applications import (
    Application,
    ApplicationEvaluation,
    ApplicationEvidence,
    ApplicationFile,
    CriterionResult,
    EvaluationResult,
)
from trace.services import (
    application_grants,
    application_needs,
    applications,
    certificates,
    history,
    numbers,
    rules,
    workdays,
)
from trace.services.applications import MOVES, ApplicationMove, MoveNotPossible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.models.certificates import UseCertificate
    from trace.models.files import StoredFile
    from trace.services.reach import Reach

CRITERIA = (
    "Vườn trồng hoặc cơ sở sản xuất nằm trong khu vực địa lý ghi trong văn bằng",
    "Giống, nguyên liệu và quy trình sản xuất đúng quy chế sử dụng",
    "Nhật ký sản xuất được ghi đầy đủ và lưu tại chỗ",
    "Điều kiện sơ chế, đóng gói, bảo quản bảo đảm chất lượng đặc thù",
    "Sản lượng khai phù hợp với diện tích hoặc công suất",
    "Có người phụ trách và chỗ khóa để quản lý tem",
)
"""What an evaluation looks at where the regulation names nothing of its own. A record of the register, so always Vietnamese."""


class ApplicantsOwnPerson(Forbidden):
    """You hold a role at the organisation that applies, so somebody else has to do this.

    Ask another person of the managing body.
    """


class EvaluatorDecides(Forbidden):
    """You evaluated this application, so another person decides about it.

    Ask another manager of the managing body.
    """


class WhatIsMissing(Invalid):
    """A supplement is asked for in writing: say what is missing.

    Name every missing paper or fact at once, so that the applicant has to come back only once.
    """


class ReasonsMissing(Invalid):
    """A refusal says its reasons in writing.

    Name every condition that is not met, and the place in the regulation.
    """


class DocumentNumberMissing(Invalid):
    """The number of the deciding document is missing."""


class MinutesMissing(Invalid):
    """The minutes of the evaluation are missing.

    Write where and with whom the evaluation took place, and what was seen.
    """


class CriterionOpen(Invalid):
    """“%(criterion)s” has no result.

    Choose met, not met or not applicable for each criterion.
    """


class NotMetWithoutNote(Invalid):
    """“%(criterion)s” is not met, but it is not said what was found.

    Write it in the note beside it.
    """


class EvaluatedInFuture(Invalid):
    """An evaluation is recorded after it took place."""


class EvaluatedBeforeReceipt(Invalid):
    """The evaluation lies before the day on which the application was handed in."""


@dataclass(frozen=True)
class Criterion:
    """The result for one criterion, about to be recorded."""

    criterion: str
    result: CriterionResult | None
    note: str = ""


def submit(session: Session, application_id: UUID, *, by: UUID, at: datetime, reach: Reach) -> Application:
    """Hand an application in. Refuses with everything that is missing at once."""
    found = _locked(session, application_id, ApplicationMove.SUBMIT, reach)
    today = _day(at)
    reasons: list[TemThatError] = [
        *application_needs.obstacles(session, found, on=today), *application_needs.missing(session, found, on=today)
    ]  # fmt: skip
    if reasons:
        raise Refused(reasons)
    regulation = applications.regulation(session, found.title_id, on=today)
    found.submitted_at, found.submitted_by = at, by
    found.regulation_id = regulation.id if regulation else None
    found.regulation = regulation
    return _done(session, found, ApplicationMove.SUBMIT, by=by, at=at)


def ask_supplement(
    session: Session, application_id: UUID, *, text: str, by: UUID, at: datetime, reach: Reach
) -> Application:
    """Send an application back to the applicant with what is missing. The managing body's clock stands still meanwhile."""
    found = _locked(session, application_id, ApplicationMove.ASK_SUPPLEMENT, reach)
    _not_of_applicant(session, found, by, at)
    if not text.strip():
        raise Refused([WhatIsMissing()])
    found.reason = text.strip()
    # Whoever supplements signs anew what has changed.
    found.committed_at = found.committed_name = None
    return _done(session, found, ApplicationMove.ASK_SUPPLEMENT, by=by, at=at, why=found.reason)


def receive(session: Session, application_id: UUID, *, by: UUID, at: datetime, reach: Reach) -> Application:
    """Declare an application complete. It gets its receipt number, once, and the time for evaluation and decision begins."""
    found = _locked(session, application_id, ApplicationMove.RECEIVE, reach)
    _not_of_applicant(session, found, by, at)
    found.receipt_number = found.receipt_number or numbers.next_number(session, "TN", at=at)
    found.received_at = at
    found.reason = None
    return _done(
        session, found, ApplicationMove.RECEIVE, by=by, at=at, shown={"receipt_number": (None, found.receipt_number)}
    )


def criteria(session: Session, application: Application, *, on: date) -> tuple[str, ...]:
    """What the evaluation of an application looks at, under the regulation in force on a day."""
    return rules.in_force(session, application.title_id, on=on).evaluation_criteria or CRITERIA


def evaluate(
    session: Session,
    application_id: UUID,
    *,
    evaluated_on: date,
    minutes: str,
    results: Sequence[Criterion],
    stored: Sequence[StoredFile] = (),
    by: UUID,
    at: datetime,
    reach: Reach,
) -> ApplicationEvaluation:
    """Record an evaluation in the field with a result for every criterion. It passes if none is not met."""
    found = _locked(session, application_id, ApplicationMove.EVALUATE, reach)
    _not_of_applicant(session, found, by, at)
    reasons: list[TemThatError] = []
    if evaluated_on > _day(at):
        reasons.append(EvaluatedInFuture())
    elif found.submitted_at and evaluated_on < _day(found.submitted_at):
        reasons.append(EvaluatedBeforeReceipt())
    for each in results:
        if each.result is None:
            reasons.append(CriterionOpen(criterion=each.criterion))
        elif each.result is CriterionResult.NOT_MET and not each.note.strip():
            reasons.append(NotMetWithoutNote(criterion=each.criterion))
    if not minutes.strip():
        reasons.append(MinutesMissing())
    if reasons:
        raise Refused(reasons)
    passed = all(each.result is not CriterionResult.NOT_MET for each in results)
    made = ApplicationEvaluation(
        application_id=found.id, evaluated_on=evaluated_on, minutes=minutes.strip(), passed=passed, recorded_at=at, recorded_by=by,
        results=[
            EvaluationResult(position=place, criterion=each.criterion, result=each.result, note=each.note.strip())
            for place, each in enumerate(results, start=1)
        ],
    )  # fmt: skip
    session.add(made)
    session.flush()
    session.add_all(
        ApplicationFile(application_id=found.id, file_id=file.id, kind=ApplicationEvidence.EVALUATION, evaluation_id=made.id)
        for file in stored
    )  # fmt: skip
    found.evaluated_by = by
    _done(session, found, ApplicationMove.EVALUATE, by=by, at=at, shown={"passed": (None, passed)})
    return made


def grant(
    session: Session, application_id: UUID, *, document_number: str, by: UUID, at: datetime, reach: Reach
) -> UseCertificate:
    """Grant what was applied for: the certificate is made with a number and a period as the regulation in force says.

    What may have changed since the evaluation is looked at again under locks, and every reason against it comes at once. A renewal begins
    the day after the certificate that it renews; every other certificate begins today.
    """
    found = _locked(session, application_id, ApplicationMove.GRANT, reach)
    may_decide(session, found, by=by, at=at)
    judged = application_grants.judge(session, found, on=_day(at), hold=True)
    reasons = [*([] if document_number.strip() else [DocumentNumberMissing()]), *judged.reasons]
    if reasons:
        raise reasons[0] if len(reasons) == 1 and isinstance(reasons[0], Conflict) else Refused(reasons)
    made = certificates.grant(
        session, title_id=found.title_id, holder_id=found.applicant_id, number=application_grants.number(session, judged.pattern, at),
        valid_from=judged.starts, valid_until=judged.until, area_ids=[each.area_id for each in found.sources if each.area_id],
        site_ids=[each.site_id for each in found.sources if each.site_id], document_number=document_number.strip(), by=by, at=at,
        is_sample=found.is_sample,
    )  # fmt: skip
    application_grants.take_over(session, found, by=by, at=at)
    found.certificate_id = made.id
    found.certificate = made
    _decided(found, document_number, by, at)
    _done(session, found, ApplicationMove.GRANT, by=by, at=at, shown={"certificate": (None, made.number)})
    return made


def refuse(
    session: Session,
    application_id: UUID,
    *,
    reasons: str,
    document_number: str,
    by: UUID,
    at: datetime,
    reach: Reach,
) -> Application:
    """Refuse an application, in writing and with reasons."""
    found = _locked(session, application_id, ApplicationMove.REFUSE, reach)
    may_decide(session, found, by=by, at=at)
    faults: list[TemThatError] = []
    if not reasons.strip():
        faults.append(ReasonsMissing())
    if not document_number.strip():
        faults.append(DocumentNumberMissing())
    if faults:
        raise Refused(faults)
    found.reason = reasons.strip()
    _decided(found, document_number, by, at)
    return _done(session, found, ApplicationMove.REFUSE, by=by, at=at, why=found.reason)


def withdraw(
    session: Session, application_id: UUID, *, reason: str, by: UUID, at: datetime, reach: Reach
) -> Application:
    """Withdraw an application; a draft too, which makes room for another."""
    found = _locked(session, application_id, ApplicationMove.WITHDRAW, reach)
    return _done(session, found, ApplicationMove.WITHDRAW, by=by, at=at, why=reason.strip() or None)


def _locked(session: Session, application_id: UUID, move: ApplicationMove, reach: Reach) -> Application:
    """The application, locked, if the move is possible from its state and within reach."""
    step = MOVES[move]
    seen = reach.covers(Application.applicant_id) if step.applicants else applications.within(reach, drafts=False)
    found = session.scalars(
        select(Application)
        .where(Application.id == application_id, seen)
        .with_for_update(key_share=True, of=Application)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotFound
    if found.state not in step.start:
        raise MoveNotPossible(move=move, state=found.state)
    return found


def _done(
    session: Session,
    application: Application,
    move: ApplicationMove,
    *,
    by: UUID,
    at: datetime,
    why: str | None = None,
    shown: dict[str, tuple[object, object]] | None = None,
) -> Application:
    was = application.state
    application.state = MOVES[move].becomes
    applications.reckon(application, workdays.calendar(session))
    changes: dict[str, tuple[object, object]] = {"state": (was, application.state), **(shown or {})}
    if application.due_on is not None:
        changes["due_on"] = (None, application.due_on)
    changes["revision"] = (application.revision, application.revision + 1)
    application.revision += 1
    history.record(session, f"application:{move}", application.id, by=by, at=at, changes=changes, why=why)
    session.flush()
    return application


def _not_of_applicant(session: Session, application: Application, by: UUID, at: datetime) -> None:
    if certificates.belongs_to(session, by, application.applicant_id, on=_day(at)):
        raise ApplicantsOwnPerson


def may_decide(session: Session, application: Application, *, by: UUID, at: datetime) -> None:
    """Refuse whoever belongs to the applicant or made any of its evaluations. Raises `ApplicantsOwnPerson` or `EvaluatorDecides`."""
    _not_of_applicant(session, application, by, at)
    evaluated = select(ApplicationEvaluation.id).where(
        ApplicationEvaluation.application_id == application.id, ApplicationEvaluation.recorded_by == by
    )
    if session.scalar(evaluated.limit(1)) is not None:  # any of its evaluations, not only the last
        raise EvaluatorDecides


def _decided(application: Application, document_number: str, by: UUID, at: datetime) -> None:
    application.decided_at, application.decided_by = at, by
    application.document_number = document_number.strip()


def _day(at: datetime) -> date:
    return at.astimezone(CITY).date()
