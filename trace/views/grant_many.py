"""Granting several evaluated applications: a look at each beforehand, then each in a transaction of its own, then what became of each."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask_babel import gettext as _

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import TemThatError
from trace.services import application_moves, bulk_grants
from trace.views.application_form import bp
from trace.views.applications import GrantForm, told
from trace.views.once import once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.typing import ResponseReturnValue


@bp.route("/cap-nhieu", methods=["GET", "POST"])
@needs(May.APPLICATION_DECIDE)
def grant_many() -> ResponseReturnValue:
    """See what a grant would do to each evaluated application, and grant those that are ticked."""
    form, reach, at = GrantForm(), person().reach(May.APPLICATION_DECIDE), clock.now()
    sent = request.method == "POST"
    faults = [_("Tick at least one application.")] if sent and not _chosen() else []
    if not sent or not form.validate() or faults:
        rows = bulk_grants.outlook(session(), reach=reach, by=person().id, at=at)
        ready = [row for row in rows if not row.reasons]
        ticked = _chosen() if sent else [row.application.id for row in ready]
        page = render_template(
            "applications/grant_many.html", form=form, rows=rows, ready=len(ready), ticked=ticked, told=told, rest=faults,
        )  # fmt: skip
        return page, 422 if sent else 200
    chosen = _chosen()
    with once("applications.grant_many") as key:
        if key.done:
            return redirect(key.location, 303)
        key.settle(url_for(".granted_many", id=[str(each) for each in chosen]))
    session().commit()
    for application_id in chosen:
        try:
            application_moves.grant(
                session(), application_id, document_number=form.document_number.data, by=person().id, at=at, reach=reach
            )
            session().commit()
        except TemThatError:  # the page of results says why
            session().rollback()
    return redirect(key.location, 303)


@bp.get("/cap-nhieu/ket-qua")
@needs(May.APPLICATION_DECIDE)
def granted_many() -> ResponseReturnValue:
    """What became of each: its certificate, or what stands against it as things are now."""
    asked = _identities(request.args.getlist("id"))
    reach = person().reach(May.APPLICATION_DECIDE)
    done = bulk_grants.granted(session(), asked, reach=reach)
    left = bulk_grants.outlook(session(), reach=reach, by=person().id, at=clock.now(), only=asked)
    return render_template("applications/granted_many.html", done=done, left=left, told=told)


def _chosen() -> list[UUID]:
    """What was ticked, in the order of the page, so that the numbers of the certificates follow it."""
    return _identities(request.form.getlist("ids"))


def _identities(texts: Sequence[str]) -> list[UUID]:
    found = dict[UUID, None]()
    for text in texts[: bulk_grants.MOST]:
        try:
            found[UUID(text)] = None
        except ValueError:
            continue
    return list(found)
