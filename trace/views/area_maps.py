"""The map of growing areas: the page with its list, and the layers that it fetches for the window somebody looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, render_template, request, url_for

from trace.access import May, needs, person
from trace.db import session
from trace.services import area_map, areas
from trace.views import lists
from trace.views.areas import filters

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

bp = Blueprint("area_maps", __name__, url_prefix="/vung-trong/ban-do")


@bp.get("")
@needs(May.AREA_READ)
def index() -> ResponseReturnValue:
    """Areas within reach as a list, with the map beside it."""
    found = filters()
    lines, total = areas.listing(
        session(), reach=person().reach(May.AREA_READ), on=found.on, page=lists.page(), size=lists.SIZE, **found.wanted
    )
    # With very many areas the whole city is the window anyway.
    few = total <= area_map.MOST_SHAPES
    extent = area_map.extent(session(), reach=person().reach(May.AREA_READ), **found.wanted) if few else None
    return render_template(
        "areas/map.html", lines=lines, total=total, found=found, extent=extent, page=lists.page(), pages=lists.pages(total),
        layer_url=url_for(".layer", **found.address), backdrop_url=url_for(".backdrop", **found.address),
    )  # fmt: skip


@bp.get("/lop")
@needs(May.AREA_READ)
def layer() -> ResponseReturnValue:
    """Outlines or counts of the areas in `?box=west,south,east,north&zoom=`, with the filters of the list."""
    body = area_map.layer(
        session(), area_map.read_window(request.args.get("box"), request.args.get("zoom")),
        reach=person().reach(May.AREA_READ), q=lists.text(), commune=lists.text("commune"), title_id=lists.identity("title"),
        without=lists.identity("without"),
    )  # fmt: skip
    return Response(body, mimetype="application/geo+json")


@bp.get("/nen")
@needs(May.AREA_READ)
def backdrop() -> ResponseReturnValue:
    """Communes in the window, and the territory of `?title=`."""
    window = area_map.read_window(request.args.get("box"), request.args.get("zoom"))
    body = area_map.backdrop(session(), window, title_id=lists.identity("title"))
    # Communes are the same for everybody and change once in years; a browser may keep what it drew for the day.
    return Response(body, mimetype="application/geo+json", headers={"Cache-Control": "private, max-age=86400"})
