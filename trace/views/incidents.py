"""Attacks and floods: what the administrator should look at, and what it turned out to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import TextAreaField
from wtforms.validators import DataRequired

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Conflict
from trace.forms import PostForm, clean
from trace.models.incidents import IncidentKind
from trace.services import incidents
from trace.views import lists
from trace.words import explain

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

bp = Blueprint("incidents", __name__, url_prefix="/su-co")


class CloseForm(PostForm):
    """What it was."""

    note = TextAreaField(
        _l("What was it?"), [DataRequired(_l("Write what was found.")), lists.at_most(2000)], filters=[clean]
    )


@bp.get("")
@needs(May.INCIDENT_CLOSE)
def index() -> ResponseReturnValue:
    """Open incidents, each with the form that closes it; and the closed ones."""
    return _page()


@bp.post("/<uuid:incident_id>/dong")
@needs(May.INCIDENT_CLOSE)
def close(incident_id: UUID) -> ResponseReturnValue:
    """Say what it was."""
    form = _form(incident_id)
    if not form.validate():
        return _page(incident_id, form), 422
    try:
        incidents.close(session(), incident_id, note=form.note.data, by=person().id, at=clock.now())
    except Conflict as exc:
        session().rollback()
        flash(explain(exc), "warning")
        return redirect(url_for(".index"), 303)
    session().commit()
    flash(_("The incident is closed. More of the same opens a new one."), "success")
    return redirect(url_for(".index"), 303)


def _page(faulty: UUID | None = None, form: CloseForm | None = None) -> str:
    meanings = {
        IncidentKind.GUESSED_CODES: _("Somebody asks for codes that are not in the register, faster than people mistype. Right codes are answered all the time."),
        IncidentKind.UNISSUED_CODES: _("A code was right in every sign, but its label was never issued. Only who holds the key can make one: change the key."),
        IncidentKind.GUESSED_HIDDEN: _("Somebody tries the digits under scratch layers."),
        IncidentKind.REPORT_FLOOD: _("Reports, photos or positions came faster than people send them. None was lost: they were asked to wait."),
        IncidentKind.REGISTER_COPIED: _("Somebody reads the public register page by page at speed. It is public; they were slowed down."),
        IncidentKind.EVIDENCE_CHANGED: _("Files or custody of evidence, or files of issued documents, are not what was taken in. Look at the file store and restore the originals from the backup; the case desk sees which."),
        IncidentKind.EVIDENCE_INFECTED: _("The virus scanner found something in a file that was sent as evidence, or taken in before. It is refused or kept apart."),
        IncidentKind.LETTER_UNDELIVERED: _("A letter about a certificate to renew reached nobody: every address was refused, or the mail server took nothing for days. Look at the page of letters that do not arrive, and tell the holder in another way."),
        IncidentKind.CUSTODY_UNWATCHED: _("For more than a minute nobody looked whether a step of custody is missing: the look fails or hangs. See the log of the worker, and run ./manage doctor."),
    }  # fmt: skip
    return render_template(
        "incidents.html", open=incidents.open_ones(session()), closed=incidents.closed_ones(session()), meanings=meanings,
        form_of=lambda each: form if form is not None and each.id == faulty else _form(each.id, empty=True), faulty=form,
    )  # fmt: skip


def _form(incident_id: UUID, *, empty: bool = False) -> CloseForm:
    """The form of one incident; its fields are named after it, since several stand on the page."""
    return CloseForm(prefix=f"i{incident_id.hex[:8]}", **({"formdata": None} if empty else {}))
