"""The page of one title, which several views show again after a refusal; and the blueprint that they all hang on.

What must not live here: deeds. This page says what stands, what stood on a day, and what may be done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, render_template, request
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm

from trace.access import May, person
from trace.db import session
from trace.forms import VietnameseDate
from trace.models.titles import TitleKind
from trace.services import certificates, products, regulations, rules, titles, volumes
from trace.views import lists, past
from trace.views.title_forms import ImageForm

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from uuid import UUID

bp = Blueprint("titles", __name__, url_prefix="/van-bang")
bp.add_app_template_filter(lists.last_day)

SOON_DAYS = 180


class DayForm(FlaskForm):
    """The day for which the parties are shown."""

    class Meta:
        csrf = False

    as_of = VietnameseDate(_l("Day"))


def edits(title_id: UUID) -> bool:
    """Whether the reader may edit a title."""
    return person().may(May.TITLE_EDIT) and person().reach(May.TITLE_EDIT).includes(title_id=title_id)


def confirms(title_id: UUID) -> bool:
    """Whether the reader may confirm eligible volumes of a title."""
    return person().may(May.CERTIFICATE_DECIDE) and person().reach(May.CERTIFICATE_DECIDE).includes(title_id=title_id)


def page(
    title_id: UUID, *, image_form: ImageForm | None = None, reasons: Sequence[dict[str, str | None]] = ()
) -> tuple[str, int]:
    """One title. `?as_of=` shows the parties, the regulation and the users of the sign on a past day."""
    title = titles.get(session(), title_id)
    form = DayForm(formdata=request.args)
    readable = form.validate()
    as_of: date = form.as_of.data if readable and form.as_of.data else lists.today()
    versions = titles.regulations(session(), title_id)
    goods = titles.products(session(), title_id)
    seasons = products.seasons_of(session(), title_id)
    in_force = next((version for version in versions if as_of in version.valid_during), None)
    subjects = [title_id, *(each.id for kind in (versions, goods, seasons) for each in kind)]
    shown = render_template(
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
        regulations=versions,
        in_force=in_force,
        rules=rules.read(in_force.rules) if in_force else None,
        is_open=regulations.is_open,
        products=goods,
        seasons={product.id: [each for each in seasons if each.product_id == product.id] for product in goods},
        waiting=volumes.waiting(session(), seasons, on=lists.today()) if confirms(title_id) else {},
        territory=titles.boundary(session(), title_id),
        communes=titles.commune_names(session(), title),
        amendments=titles.amendments(session(), title_id),
        renewals=titles.renewals(session(), title_id),
        images=titles.images(session(), title_id),
        image_form=image_form or ImageForm(formdata=None),
        reasons=reasons,
        edits=edits(title_id),
        confirms=confirms(title_id),
        runs_out=_runs_out(title),
        events=past.of(*subjects),
    )
    return shown, 200 if readable else 422


def _runs_out(title: Any) -> int | None:
    """Days until a mark's term ends, once that is near; negative when it is over."""
    if title.kind is TitleKind.GI or title.expires_on is None:
        return None
    left: int = (title.expires_on - lists.today()).days
    return left if left <= SOON_DAYS else None
