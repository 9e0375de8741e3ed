"""Growing areas and production sites as lists, and the page of an area; for staff only: the exact plot is never public."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from flask import Blueprint, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm

from trace.access import May, needs, person
from trace.clock import CITY
from trace.db import session
from trace.forms import VietnameseDate
from trace.services import area_codes, area_edits, area_parts, areas, farm_log, preharvest, sites, titles
from trace.views import lists, past

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

bp = Blueprint("areas", __name__, url_prefix="/vung-trong")


class DayForm(FlaskForm):
    """The day for which the boundary is shown."""

    class Meta:
        csrf = False

    as_of = VietnameseDate(_l("Day"))


@dataclass(frozen=True)
class Filters:
    """What the address asks of the list and the map, with the words for it."""

    on: date
    wanted: dict[str, Any]
    chips: list[tuple[str, str, None]]
    wards: list[tuple[str, str]]
    titles: list[tuple[UUID, str]]

    @property
    def address(self) -> dict[str, Any]:
        """The same as parameters of an address."""
        asked = {"q": self.wanted["q"], "commune": self.wanted["commune"], "title": self.wanted["title_id"]}
        return {name: value for name, value in asked.items() if value}


def filters() -> Filters:
    """The filters of this request."""
    q, commune, title_id, on = lists.text(), lists.text("commune"), lists.identity("title"), lists.today()
    wards = lists.wards(on)
    known = [(line.title.id, line.title.name) for line in titles.listing(session(), on=on)]
    chips = [(_("Search: %(text)s", text=q), "q", None)] if q else []
    chips += [(name, "commune", None) for code, name in wards if code == commune]
    chips += [(name, "title", None) for key, name in known if key == title_id]
    return Filters(on, {"q": q, "commune": commune, "title_id": title_id}, chips, wards, known)


@bp.get("")
@needs(May.AREA_READ)
def index() -> ResponseReturnValue:
    """Areas, or with `?kind=site` production sites, within reach."""
    found = filters()
    reach = person().reach(May.AREA_READ)
    shows_sites = lists.text("kind") == "site"
    size, page = lists.SIZE, lists.page()
    # Of what is not shown only the number is asked for.
    lines, area_total = areas.listing(
        session(), reach=reach, on=found.on, page=page, size=0 if shows_sites else size, **found.wanted
    )
    found_sites, site_total = areas.sites(
        session(), reach=reach, page=page, size=size if shows_sites else 0, **found.wanted
    )
    total = site_total if shows_sites else area_total
    return render_template(
        "areas/index.html", lines=lines, sites=found_sites, area_total=area_total, site_total=site_total, total=total,
        shows_sites=shows_sites, found=found, page=page, pages=lists.pages(total), check=areas.check_size,
    )  # fmt: skip


@bp.get("/<uuid:area_id>")
@needs(May.AREA_READ)
def show(area_id: UUID) -> ResponseReturnValue:
    """One area: measures, codes, parts, map. `?as_of=` shows the boundary that stood at the end of a past day."""
    who = person()
    found = areas.show(session(), area_id, reach=who.reach(May.AREA_READ))
    form = DayForm(formdata=request.args)
    readable = form.validate()
    as_of: date = form.as_of.data if readable and form.as_of.data else lists.today()
    earlier = None
    if as_of < lists.today():
        night = datetime.combine(as_of, time.max, CITY).astimezone(UTC)
        earlier = area_edits.boundary_at(session(), found.area, at=night)
    own = {"holder_id": found.area.holder_id, "title_id": found.area.title_id}
    page = render_template(
        "areas/show.html",
        found=found,
        area=found.area,
        form=form,
        as_of=as_of,
        earlier=earlier,
        versions=area_edits.versions(session(), found.area, measured_ha=found.measured_ha),
        codes=area_codes.of_area(session(), area_id, on=lists.today()),
        parts=area_parts.of_area(session(), found.area),
        certificates=areas.certificates_of(session(), area_id, reach=who.reach(May.CERTIFICATE_READ))
        if who.may(May.CERTIFICATE_READ)
        else None,
        lots=sites.lots_of(session(), area_id=area_id, reach=who.reach(May.LOT_READ))
        if who.may(May.LOT_READ)
        else None,
        work=farm_log.listing(session(), area_id=area_id, reach=who.reach(May.FARM_LOG_READ), struck=False, size=5)[0]
        if who.may(May.FARM_LOG_READ)
        else None,
        right_from=preharvest.right_from,
        may_log=who.may(May.FARM_LOG_WRITE) and who.reach(May.FARM_LOG_WRITE).includes(**own),
        may_edit=who.may(May.AREA_EDIT) and who.reach(May.AREA_EDIT).includes(**own),
        may_code=who.may(May.AREA_CODE) and who.reach(May.AREA_CODE).includes(**own),
        events=past.of(area_id),
        today=lists.today(),
    )
    return page, 200 if readable else 422
