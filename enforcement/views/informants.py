"""The custodian's pages: find a tip by its number, say why, read the contact once. Every reading is in the log below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import TextAreaField
from wtforms.validators import DataRequired, Length

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


@bp.get("")
@needs(May.INFORMANT_OPEN)
def index() -> ResponseReturnValue:
    """The number of a tip leads to its page; below, who read what and why."""
    number = lists.text("number")
    found = informants.tip_numbered(session(), number) if number else None
    if found is not None:
        return redirect(url_for(".open", tip_id=found.id), 303)
    return render_template("desk/informants.html", number=number, readings=informants.readings(session()))


@bp.route("/<uuid:tip_id>", methods=["GET", "POST"])
@needs(May.INFORMANT_OPEN)
def open(tip_id: UUID) -> ResponseReturnValue:  # noqa: A001  the address of the page says so
    """Ask for the reason; write it down; show the contact on this one answer and nowhere else."""
    form = ReasonForm()
    tip = informants.tip(session(), tip_id)

    def page(contact: str | None = None, reasons: list[TemThatError] | None = None) -> str:
        return render_template(
            "desk/informant.html",
            tip=tip,
            form=form,
            contact=contact,
            is_kept=informants.is_kept(session(), tip_id),
            readings=informants.readings(session(), tip_id),
            reasons=[{"message": explain(exc), "way_out": way_out(exc)} for exc in reasons or []],
        )

    if request.method != "POST":
        return page()
    if not form.validate():
        return page(), 422
    key = current_app.config["TEMTHAT"].derived("informant")
    contact = informants.open_contact(
        session(), tip_id, reason=form.reason.data, key=key, by=person().id, at=clock.now()
    )
    session().commit()  # the reading stands before anybody sees what was read
    return page(contact)
