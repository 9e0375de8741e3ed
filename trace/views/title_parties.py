"""Who is what to a title: a party is added, ended, or followed by another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Forbidden, Refused, TemThatError
from trace.services import title_parties, titles
from trace.views.faults import at_fields
from trace.views.once import once
from trace.views.title_forms import EndRoleForm, PartyForm, RoleForm
from trace.views.title_page import bp, edits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flask.typing import ResponseReturnValue

FIELDS: Mapping[type[TemThatError], str] = {
    title_parties.OwnerHolds: "party",
    title_parties.OwnerOfIndication: "party",
    title_parties.RoleHeld: "since",
    title_parties.PartyUnknown: "party",
    title_parties.PartyThere: "new_name",
    title_parties.SameParty: "party",
}


@bp.route("/<uuid:title_id>/vai-tro/moi", methods=["GET", "POST"])
@needs(May.TITLE_EDIT)
def add_role(title_id: UUID) -> ResponseReturnValue:
    """Record that a party is something to a title."""
    title = titles.get(session(), title_id)
    if not edits(title_id):
        raise Forbidden
    form = RoleForm()
    form.offer(title_parties.organisations(session()))

    def page(reasons: Sequence[Any] = ()) -> str:
        return render_template(
            "titles/role.html", form=form, title=titles.get(session(), title_id), before=None, reasons=reasons
        )

    if request.method == "GET":
        return page()
    if not form.validate():
        return page(), 422
    with once("titles.add_role") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            title_parties.add(
                session(), title.id, role=form.role.data, party_id=_party(form), since=form.since.data, until=form.until.data,
                document=form.document.data, by=person().id, at=clock.now(), reach=person().reach(May.TITLE_EDIT),
            )  # fmt: skip
        except Refused as exc:
            session().rollback()
            return page(at_fields(form, exc, {**FIELDS, title_parties.EndBeforeStart: "until"})), exc.status
        key.settle(url_for(".show", title_id=title_id, _anchor="parties"))
    session().commit()
    flash(_("The role is on record."), "success")
    return redirect(key.location, 303)


@bp.route("/vai-tro/<uuid:role_id>/ke-nhiem", methods=["GET", "POST"])
@needs(May.TITLE_EDIT)
def succeed_role(role_id: UUID) -> ResponseReturnValue:
    """Record a successor; the predecessor stays on record with its last day."""
    reach = person().reach(May.TITLE_EDIT)
    before = title_parties.get(session(), role_id, reach=reach)
    form = PartyForm()
    form.offer(title_parties.organisations(session()))

    def page(reasons: Sequence[Any] = ()) -> str:
        found = title_parties.get(session(), role_id, reach=reach)
        return render_template("titles/role.html", form=form, title=found.title, before=found, reasons=reasons)

    if request.method == "GET":
        return page()
    if not form.validate():
        return page(), 422
    with once("titles.succeed_role") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            title_parties.succeed(
                session(), role_id, party_id=_party(form), since=form.since.data, document=form.document.data, by=person().id,
                at=clock.now(), reach=reach,
            )  # fmt: skip
        except (Refused, title_parties.RoleEnded) as exc:
            session().rollback()
            return page(at_fields(form, exc, {**FIELDS, title_parties.EndBeforeStart: "since"})), exc.status
        key.settle(url_for(".show", title_id=before.title_id, _anchor="parties"))
    session().commit()
    flash(_("The successor is on record."), "success")
    return redirect(key.location, 303)


@bp.route("/vai-tro/<uuid:role_id>/ket-thuc", methods=["GET", "POST"])
@needs(May.TITLE_EDIT)
def end_role(role_id: UUID) -> ResponseReturnValue:
    """Record the last day of a role."""
    reach = person().reach(May.TITLE_EDIT)
    before = title_parties.get(session(), role_id, reach=reach)
    form = EndRoleForm()

    def page(reasons: Sequence[Any] = ()) -> str:
        found = title_parties.get(session(), role_id, reach=reach)
        return render_template("titles/end_role.html", form=form, title=found.title, before=found, reasons=reasons)

    if request.method == "GET":
        return page()
    if not form.validate():
        return page(), 422
    with once("titles.end_role") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            title_parties.end(
                session(), role_id, last_day=form.last_day.data, document=form.document.data, by=person().id, at=clock.now(), reach=reach,
            )  # fmt: skip
        except (Refused, title_parties.RoleEnded) as exc:
            session().rollback()
            return page(at_fields(form, exc, {title_parties.EndBeforeStart: "last_day"})), exc.status
        key.settle(url_for(".show", title_id=before.title_id, _anchor="parties"))
    session().commit()
    flash(_("The end of the role is on record."), "success")
    return redirect(key.location, 303)


def _party(form: PartyForm) -> UUID:
    """The organisation chosen, or the new one, entered first."""
    if form.new_party is None:
        return UUID(form.party.data)
    name, kind = form.new_party
    return title_parties.record_party(session(), name=name, kind=kind, by=person().id, at=clock.now()).id
