"""The tab "violation file" of a case: parties, acts, goods and exhibits entered, corrected, struck. Each deed is one call of one service.

What must not live here: measures (`case_measures`), the days of papers (`case_papers`), orders and hand-overs (`case_orders`), offenders (`case_offenders`), and the page itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _

from enforcement import exhibits
from enforcement.views import casework_forms as forms
from enforcement.views.casework_page import ANY_NOUN, NOUNS, bp, do, offered, page, revision
from enforcement.views.words import duties
from trace.access import May, needs, person
from trace.db import session

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from flask.typing import ResponseReturnValue


@bp.get("")
@needs(May.CASE_READ)
def show(case_id: UUID) -> ResponseReturnValue:
    """What the case is about."""
    return page(case_id)


@bp.post(f"/<{ANY_NOUN}:noun>")
@needs(May.CASE_MOVE)
def add(case_id: UUID, noun: str) -> ResponseReturnValue:
    """Enter a party, an act, goods or an exhibit."""
    which, form = NOUNS[noun], offered(case_id, NOUNS[noun].form())

    def act(at: datetime) -> None:
        more: dict[str, Any] = {}
        if isinstance(form, forms.ExhibitForm):
            more = {"seal_number": form.seal_number.data or None, "document_number": form.document_number.data or None}
        which.add(session(), case_id, form.facts(), by=person().id, at=at, **more)

    return do(case_id, form, act, _("It is in the file."))


@bp.post(f"/<{ANY_NOUN}:noun>/<uuid:entry_id>/sua")
@needs(May.CASE_MOVE)
def amend(case_id: UUID, noun: str, entry_id: UUID) -> ResponseReturnValue:
    """Correct an entry."""
    which, form = NOUNS[noun], offered(case_id, NOUNS[noun].form())

    def act(at: datetime) -> None:
        which.amend(session(), case_id, entry_id, form.facts(), revision=revision(form), by=person().id, at=at)

    return do(case_id, form, act, _("The entry is corrected; what it said before stays in its history."), entry_id)


@bp.post(f"/<{ANY_NOUN}:noun>/<uuid:entry_id>/gach")
@needs(May.CASE_MOVE)
def strike(case_id: UUID, noun: str, entry_id: UUID) -> ResponseReturnValue:
    """Strike an entry with a reason."""
    which, form = NOUNS[noun], forms.StrikeForm()

    def act(at: datetime) -> None:
        which.strike(
            session(), case_id, entry_id, reason=form.reason.data, revision=revision(form), by=person().id, at=at
        )

    return do(case_id, form, act, _("The entry is struck."), entry_id)


@bp.post("/tang-vat/<uuid:entry_id>/viec")
@needs(May.CASE_MOVE)
def exhibit_deed(case_id: UUID, entry_id: UUID) -> ResponseReturnValue:
    """Seal, unseal, move, return, confiscate or destroy an exhibit, or take it back from another agency."""
    form = offered(case_id, forms.ExhibitDeedForm())

    def act(at: datetime) -> None:
        exhibits.do(
            session(), case_id, entry_id, form.facts(at), revision=revision(form), by=person().id, duties=duties(), at=at
        )  # fmt: skip

    return do(case_id, form, act, _("It is in the book of the exhibit."), entry_id)
