"""Growing areas and production sites, for staff only: the exact plot is never public."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, render_template
from flask_babel import gettext as _

from trace.access import May, needs, person
from trace.db import session
from trace.services import areas, places, titles
from trace.views import lists, past
from trace.words import say

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

bp = Blueprint("areas", __name__, url_prefix="/vung-trong")


@bp.get("")
@needs(May.AREA_READ)
def index() -> ResponseReturnValue:
    """Areas, or with `?kind=site` production sites, within reach."""
    q, commune, title_id, on = lists.text(), lists.text("commune"), lists.identity("title"), lists.today()
    reach = person().reach(May.AREA_READ)
    shows_sites = lists.text("kind") == "site"
    size, page = lists.SIZE, lists.page()
    lines, area_total = areas.listing(
        session(),
        reach=reach,
        on=on,
        q=q,
        commune=commune,
        title_id=title_id,
        page=1 if shows_sites else page,
        size=size,
    )
    found_sites, site_total = areas.sites(
        session(), reach=reach, q=q, commune=commune, title_id=title_id, page=page if shows_sites else 1, size=size
    )
    wards = [(ward.code, f"{ward.name} ({say(ward.kind)})") for ward in places.choices(session(), on=on)]
    known = [(line.title.id, line.title.name) for line in titles.listing(session(), on=on)]
    chips = [(_("Search: %(text)s", text=q), "q", None)] if q else []
    chips += [(name, "commune", None) for code, name in wards if code == commune]
    chips += [(name, "title", None) for key, name in known if key == title_id]
    total = site_total if shows_sites else area_total
    return render_template(
        "areas/index.html", lines=lines, sites=found_sites, area_total=area_total, site_total=site_total, total=total,
        shows_sites=shows_sites, chips=chips, wards=wards, titles=known, page=page, pages=lists.pages(total), check=areas.check_size,
    )  # fmt: skip


@bp.get("/<uuid:area_id>")
@needs(May.AREA_READ)
def show(area_id: UUID) -> ResponseReturnValue:
    """One area: measures, codes, map."""
    found = areas.show(session(), area_id, reach=person().reach(May.AREA_READ))
    certificates = None
    if person().may(May.CERTIFICATE_READ):
        certificates = areas.certificates_of(session(), area_id, reach=person().reach(May.CERTIFICATE_READ))
    return render_template(
        "areas/show.html",
        found=found,
        area=found.area,
        certificates=certificates,
        events=past.of(area_id),
        today=lists.today(),
    )
