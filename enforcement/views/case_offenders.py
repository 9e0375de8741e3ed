"""Offenders in the violation file of a case, where there are several: what each explained, and that each got the decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_babel import gettext as _

from enforcement import explaining, rulings
from enforcement.models import ExplanationEnd
from enforcement.views import casework_forms as forms
from enforcement.views.casework_page import bp, do
from enforcement.views.forms import version
from trace.access import May, needs, person
from trace.db import session

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from flask.typing import ResponseReturnValue


@bp.post("/giai-trinh/<uuid:entry_id>")
@needs(May.CASE_MOVE)
def explain(case_id: UUID, entry_id: UUID) -> ResponseReturnValue:
    """An offender explained, or gave the right up in writing."""
    form = forms.ExplainForm()

    def act(at: datetime) -> None:
        explaining.receive(
            session(), case_id, entry_id, outcome=ExplanationEnd(form.outcome.data), on=form.explained_on.data,
            document_number=form.document_number.data, by=person().id, at=at, version=version(form),
        )  # fmt: skip

    return do(case_id, form, act, _("The explanation is in the file."), entry_id)


@bp.post("/quyet-dinh/<uuid:entry_id>/giao")
@needs(May.CASE_MOVE)
def serve(case_id: UUID, entry_id: UUID) -> ResponseReturnValue:
    """A decision was handed over to one offender."""
    form = forms.ServeForm()

    def act(at: datetime) -> None:
        rulings.serve(
            session(), case_id, entry_id, served_on=form.served_on.data, served_to=form.served_to.data, by=person().id, at=at,
            version=version(form),
        )  # fmt: skip

    return do(case_id, form, act, _("The decision counts as handed over; the time to carry it out runs."), entry_id)
