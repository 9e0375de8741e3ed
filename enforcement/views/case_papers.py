"""The days of papers and measures in the violation file of a case: corrected by a head where they were entered wrongly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_babel import gettext as _

from enforcement import redating
from enforcement.views import casework_forms as forms
from enforcement.views.case_deeds import moment_of
from enforcement.views.casework_page import bp, do
from enforcement.views.forms import version
from enforcement.views.words import duties
from trace.access import May, needs, person
from trace.db import session

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from flask.typing import ResponseReturnValue


@bp.post("/van-ban/<uuid:entry_id>/ngay")
@needs(May.CASE_MOVE)
def redate_paper(case_id: UUID, entry_id: UUID) -> ResponseReturnValue:
    """Correct the day of a paper."""
    form = forms.RedateForm()

    def act(at: datetime) -> None:
        redating.paper(
            session(), case_id, entry_id, signed_on=form.signed_on.data, reason=form.reason.data, by=person().id, duties=duties(), at=at,
            version=version(form),
        )  # fmt: skip

    return do(case_id, form, act, _done(), entry_id)


@bp.post("/bien-phap/<uuid:entry_id>/ngay")
@needs(May.CASE_MOVE)
def redate_measure(case_id: UUID, entry_id: UUID) -> ResponseReturnValue:
    """Correct the day of a measure that runs."""
    form = forms.RedateForm()

    def act(at: datetime) -> None:
        redating.measure(
            session(), case_id, entry_id, began_at=moment_of(form.signed_on.data, form.began_time.data, at), reason=form.reason.data,
            by=person().id, duties=duties(), at=at, version=version(form),
        )  # fmt: skip

    return do(case_id, form, act, _done(), entry_id)


def _done() -> str:
    return str(_("The day is corrected, and every clock that counts from it is reckoned anew."))
