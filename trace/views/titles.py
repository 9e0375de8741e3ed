"""Titles: the list, and the page of each with its parties on a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm

from trace.access import May, needs, person
from trace.db import session
from trace.forms import VietnameseDate
from trace.models.titles import TitleKind
from trace.services import certificates, titles
from trace.views import lists, past
from trace.words import say

if TYPE_CHECKING:
    from datetime import date
    from uuid import UUID

    from flask.typing import ResponseReturnValue

bp = Blueprint("titles", __name__, url_prefix="/van-bang")
bp.add_app_template_filter(lists.last_day)


class DayForm(FlaskForm):
    """The day for which the parties are shown."""

    class Meta:
        csrf = False

    as_of = VietnameseDate(_l("Day"))


@bp.get("")
@needs(May.TITLE_READ)
def index() -> ResponseReturnValue:
    """All titles."""
    q, kind = lists.text(), lists.member(TitleKind, "kind")
    lines = titles.listing(session(), on=lists.today(), q=q, kind=kind)
    chips = [(_("Search: %(text)s", text=q), "q", None)] if q else []
    if kind:
        chips.append((say(kind), "kind", None))
    return render_template(
        "titles/index.html", lines=lines, chips=chips, kinds=[(found.value, say(found)) for found in TitleKind]
    )


@bp.get("/<uuid:title_id>")
@needs(May.TITLE_READ)
def show(title_id: UUID) -> ResponseReturnValue:
    """One title. `?as_of=` shows the parties and the users of the sign on a past day."""
    title = titles.get(session(), title_id)
    form = DayForm(formdata=request.args)
    readable = form.validate()
    as_of: date = form.as_of.data if readable and form.as_of.data else lists.today()
    page = render_template(
        "titles/show.html",
        title=title,
        form=form,
        as_of=as_of,
        today=lists.today(),
        parties=titles.parties_on(session(), title_id, as_of=as_of),
        ever=titles.parties_ever(session(), title_id),
        holders=certificates.holders_on(session(), title_id, as_of=as_of)
        if person().may(May.CERTIFICATE_READ)
        else None,
        regulations=titles.regulations(session(), title_id),
        products=titles.products(session(), title_id),
        territory=titles.boundary(session(), title_id),
        events=past.of(title_id),
    )
    return page, 200 if readable else 422
