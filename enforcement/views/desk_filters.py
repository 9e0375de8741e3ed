"""Saved filters: kept, named anew, shared, deleted; their figures; and the switch of the single keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, StringField
from wtforms.validators import DataRequired, Length

from enforcement import filters
from enforcement.models import DeskList
from enforcement.views import desk_lists
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Forbidden, TemThatError
from trace.forms import clean
from trace.views.once import once
from trace.words import explain, way_out

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

bp = Blueprint("desk_filters", __name__, url_prefix="/bo-loc")


class FilterForm(FlaskForm):
    """A name, and for whom."""

    name = StringField(
        _l("Name of the filter"),
        [
            DataRequired(_l("Write a name.")),
            Length(max=filters.NAME_MOST, message=_l("Write at most %(max)d characters.")),
        ],
        filters=[clean],
    )
    shared = BooleanField(_l("Show it to everybody at the desk"))
    list = HiddenField()
    query = HiddenField()


@bp.get("")
@needs(May.CASE_READ)
def index() -> ResponseReturnValue:
    """My filters and those that are shared with me, with their figures."""
    form = FilterForm(formdata=None)
    form.list.data, form.query.data = request.args.get("list", ""), request.args.get("query", "")
    return _page(form)


@bp.post("")
@needs(May.CASE_READ)
def save() -> ResponseReturnValue:
    """Keep a filter under a name."""
    form = FilterForm()
    if not form.validate():
        return _page(form), 422
    kind = DeskList.SIGNALS if form.list.data == DeskList.SIGNALS else DeskList.CASES
    if not person().may(desk_lists.NEEDS[kind]):
        raise Forbidden
    kept = desk_lists.query(kind, desk_lists.said(form.query.data or ""))
    with once("desk_filters.save") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            filters.save(session(), kind, form.name.data, kept, shared=form.shared.data, by=person().id, at=clock.now())
        except TemThatError as exc:
            session().rollback()
            return _page(form, reason=exc), exc.status
        key.settle(desk_lists.url(kind, kept))
    session().commit()
    flash(_("The filter is kept."), "success")
    return redirect(key.location, 303)


@bp.post("/<uuid:filter_id>")
@needs(May.CASE_READ)
def change(filter_id: UUID) -> ResponseReturnValue:
    """Name a filter anew, share it or keep it to oneself. Doing it twice does no harm."""
    form = FilterForm()
    if not form.validate():
        return _page(form, changing=filter_id), 422
    try:
        filters.change(session(), filter_id, name=form.name.data, shared=form.shared.data, by=person().id)
    except filters.FilterNameTaken as exc:
        session().rollback()
        return _page(form, changing=filter_id, reason=exc), exc.status
    session().commit()
    flash(_("The filter has been changed."), "success")
    return redirect(url_for(".index"), 303)


@bp.post("/<uuid:filter_id>/xoa")
@needs(May.CASE_READ)
def delete(filter_id: UUID) -> ResponseReturnValue:
    """Delete one's own filter. What it showed is not touched."""
    filters.delete(session(), filter_id, by=person().id)
    session().commit()
    flash(_("The filter has been deleted."), "success")
    return redirect(url_for(".index"), 303)


@bp.get("/dem")
@needs(May.CASE_READ)
def figures() -> ResponseReturnValue:
    """How many rows each filter has now, for the row of filters above a list."""
    seen = [each for each in filters.of(session(), person().id) if person().may(desk_lists.NEEDS[each.list])]
    return jsonify({str(each.id): desk_lists.count_of(each) for each in seen})


@bp.post("/phim")
@needs(May.CASE_READ)
def keys() -> ResponseReturnValue:
    """Switch the single keys on or off, for oneself."""
    on = request.form.get("on") == "1"
    filters.set_keys(session(), person().id, on=on)
    session().commit()
    flash(_("The keys are on.") if on else _("The keys are off."), "success")
    kind = DeskList.SIGNALS if request.form.get("list") == DeskList.SIGNALS else DeskList.CASES
    return redirect(desk_lists.url(kind, request.form.get("query", "")), 303)


def _page(form: FilterForm, *, changing: UUID | None = None, reason: TemThatError | None = None) -> str:
    seen = [each for each in filters.of(session(), person().id) if person().may(desk_lists.NEEDS[each.list])]
    return render_template(
        "desk/filters.html",
        rows=[
            {
                "filter": each,
                "url": desk_lists.url(each.list, each.query),
                "count": desk_lists.count_of(each),
                "mine": each.owner_id == person().id,
            }
            for each in seen
        ],
        form=form,
        changing=changing,
        new=bool(form.list.data) and changing is None,
        most=filters.NAME_MOST,
        reasons=[{"message": explain(reason), "way_out": way_out(reason)}] if reason else [],
    )
