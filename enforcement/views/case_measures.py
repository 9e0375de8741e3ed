"""Measures in the violation file of a case: seizure, assessment, take-down, service by posting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_babel import gettext as _

from enforcement import measures
from enforcement.models import MeasureResult
from enforcement.views import casework_forms as forms
from enforcement.views.case_deeds import moment_of
from enforcement.views.casework_page import bp, do, offered
from enforcement.views.forms import version
from enforcement.views.words import duties
from trace.access import May, needs, person
from trace.db import session

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from flask.typing import ResponseReturnValue


@bp.post("/bien-phap")
@needs(May.CASE_MOVE)
def begin_measure(case_id: UUID) -> ResponseReturnValue:
    """Begin a seizure, an assessment, a take-down, a service by posting."""
    form = offered(case_id, forms.MeasureForm())

    def act(at: datetime) -> None:
        measures.begin(
            session(), case_id, form.facts(at), by=person().id, duties=duties(), at=at, version=version(form)
        )

    return do(case_id, form, act, _("The measure has begun, and its clock with it."))


@bp.post("/bien-phap/<uuid:entry_id>/ket-thuc")
@needs(May.CASE_MOVE)
def end_measure(case_id: UUID, entry_id: UUID) -> ResponseReturnValue:
    """End a measure with its result."""
    form = forms.MeasureEndForm()

    def act(at: datetime) -> None:
        measures.end(
            session(), case_id, entry_id, result=MeasureResult(form.result.data),
            ended_at=moment_of(form.ended_on.data, form.ended_time.data, at), document_number=form.document_number.data,
            note=form.note.data or None, by=person().id, at=at, version=version(form),
        )  # fmt: skip

    return do(case_id, form, act, _("The measure has ended."), entry_id)


@bp.post("/bien-phap/<uuid:entry_id>/hen-lai")
@needs(May.CASE_MOVE)
def agree_measure(case_id: UUID, entry_id: UUID) -> ResponseReturnValue:
    """Agree on another day with an assessor."""
    form = forms.AgreeForm()

    def act(at: datetime) -> None:
        measures.agree(
            session(), case_id, entry_id, due_on=form.due_on.data, document_number=form.document_number.data, reason=form.reason.data,
            by=person().id, at=at, version=version(form),
        )  # fmt: skip

    return do(case_id, form, act, _("The clock of the assessment ends with the new day."), entry_id)
