"""The custodian's pages: find a report by its number, ask with a reason, read the contact once another person has agreed.

The head of the branch answers wishes here and reads nothing. Every reading is in the log below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import TextAreaField
from wtforms.validators import DataRequired, Length, Optional

from enforcement import informants
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.forms import clean
from trace.views import lists
from trace.words import explain, way_out

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from trace.errors import TemThatError

bp = Blueprint("informants", __name__, url_prefix="/nguoi-bao")
WISHES = "yeu_cau"
"""The page of wishes in an address; that of openings is `page`."""


class ReasonForm(FlaskForm):
    """Why the contact is needed."""

    reason = TextAreaField(
        _l("Why you need to reach this person"),
        [
            DataRequired(_l("Write the reason.")),
            Length(
                informants.REASON_LEAST,
                informants.REASON_MOST,
                message=_l("Write between %(min)d and %(max)d characters."),
            ),
        ],
        filters=[clean],
    )


class AnswerForm(FlaskForm):
    """Agree, or refuse with a reason."""

    because = TextAreaField(
        _l("Why you refuse"),
        [Optional(), Length(max=informants.REASON_MOST, message=_l("Write at most %(max)d characters."))],
        filters=[clean],
    )


@bp.get("")
@needs(May.INFORMANT_AGREE)
def index() -> ResponseReturnValue:
    """The number of a report leads to its page; wishes that wait for another person; who read what and why."""
    number = lists.text("number") if person().may(May.INFORMANT_OPEN) else ""
    found = informants.tip_numbered(session(), number) if number else None
    if found is not None:
        return redirect(url_for(".show", tip_id=found.id), 303)
    wished, opened = lists.page(WISHES), lists.page()
    waiting, readings = informants.wishes_count(session(), waiting=True), informants.readings_count(session())
    return render_template(
        "desk/informants.html",
        number=number,
        waiting=informants.wishes(session(), waiting=True, page=wished),
        waiting_count=waiting,
        waiting_pages=_pages(url_for(".index"), WISHES, wished, waiting),
        readings=informants.readings(session(), page=opened),
        readings_count=readings,
        readings_pages=_pages(url_for(".index"), "page", opened, readings),
    )


@bp.get("/<uuid:tip_id>")
@needs(May.INFORMANT_AGREE)
def show(tip_id: UUID) -> ResponseReturnValue:
    """Whether there is a contact, what was asked about it and what came of it."""
    return _page(tip_id)


@bp.post("/<uuid:tip_id>")
@needs(May.INFORMANT_OPEN)
def ask(tip_id: UUID) -> ResponseReturnValue:
    """Ask another person to agree to one reading."""
    form = ReasonForm()
    if not form.validate():
        return _page(tip_id, form=form), 422
    try:
        informants.ask(session(), tip_id, reason=form.reason.data, by=person().id, at=clock.now())
    except informants.AlreadyAsked as exc:
        session().rollback()
        return _page(tip_id, form=form, reasons=[exc]), exc.status
    session().commit()
    flash(_("Your wish is written down. Another custodian or the head of the branch has to agree."), "success")
    return redirect(url_for(".show", tip_id=tip_id), 303)


@bp.post("/<uuid:tip_id>/<uuid:opening_id>/<any(agree,refuse):word>")
@needs(May.INFORMANT_AGREE)
def answer(tip_id: UUID, opening_id: UUID, word: str) -> ResponseReturnValue:
    """Agree to the reading, or refuse it. Nothing of the contact is shown here."""
    form = AnswerForm()
    if not form.validate():
        return _page(tip_id, answer=form), 422
    try:
        informants.answer(
            session(),
            opening_id,
            agree=word == "agree",
            because=form.because.data or "",
            by=person().id,
            at=clock.now(),
        )
    except (informants.OwnWish, informants.WishAnswered, informants.ReasonTooShort) as exc:
        session().rollback()
        return _page(tip_id, answer=form, reasons=[exc]), exc.status
    session().commit()
    flash(_("Your answer is written down."), "success")
    return redirect(url_for(".show", tip_id=tip_id), 303)


@bp.post("/<uuid:tip_id>/<uuid:opening_id>/doc")
@needs(May.INFORMANT_OPEN)
def read(tip_id: UUID, opening_id: UUID) -> ResponseReturnValue:
    """Show the contact on this one answer and nowhere else. That it is read stands before anybody sees it."""
    key = current_app.config["TEMTHAT"].derived("informant")
    try:
        contact = informants.open_contact(session(), opening_id, key=key, by=person().id, at=clock.now())
    except (informants.NotAgreed, informants.AgreementUsedUp) as exc:
        session().rollback()
        return _page(tip_id, reasons=[exc]), exc.status
    session().commit()
    return _page(tip_id, contact=contact)


def _page(
    tip_id: UUID,
    *,
    contact: str | None = None,
    form: ReasonForm | None = None,
    answer: AnswerForm | None = None,
    reasons: list[TemThatError] | None = None,
) -> str:
    # What can be done hangs on the latest wishes, whichever page of them is read.
    latest, at, me = informants.wishes(session(), tip_id=tip_id), clock.now(), person().id
    wished, opened, here = lists.page(WISHES), lists.page(), url_for(".show", tip_id=tip_id)
    wishes, readings = informants.wishes_count(session(), tip_id=tip_id), informants.readings_count(session(), tip_id)
    pending = next((wish for wish in latest if wish.opening.decided_at is None), None)
    may_ask = person().may(May.INFORMANT_OPEN) and pending is None
    return render_template(
        "desk/informant.html",
        tip=informants.tip(session(), tip_id),
        form=(form or ReasonForm(formdata=None)) if may_ask else None,
        answer=answer or AnswerForm(formdata=None),
        failed=form or answer,
        contact=contact,
        is_kept=informants.is_kept(session(), tip_id),
        pending=pending,
        mine=pending is not None and pending.opening.asked_by == me,
        readable=next((wish for wish in latest if wish.readable_by(me, at)), None),
        wishes=latest if wished == 1 else informants.wishes(session(), tip_id=tip_id, page=wished),
        wishes_count=wishes,
        wishes_pages=_pages(here, WISHES, wished, wishes),
        readings=informants.readings(session(), tip_id, page=opened),
        readings_count=readings,
        readings_pages=_pages(here, "page", opened, readings),
        reasons=[{"message": explain(exc), "way_out": way_out(exc)} for exc in reasons or []],
    )


def _pages(here: str, name: str, page: int, total: int) -> dict[str, str | None]:
    """The addresses before and after a page of a list. Written out, because the page may answer a form that cannot be asked for again."""
    return {
        "previous_url": f"{here}?{name}={page - 1}" if page > 1 else None,
        "next_url": f"{here}?{name}={page + 1}" if page < lists.pages(total, informants.PAGE) else None,
    }
