"""One search page over places, organisations, orders, lots and labels, each within the person's reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, current_app, redirect, render_template, request, url_for

from labels.errors import LabelError
from trace.access import May, needs, person
from trace.db import session
from trace.services import places
from trace.views import lists

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from trace.services.reach import Reach

bp = Blueprint("places", __name__)


@bp.get("/tim")
@needs(May.ACCOUNT_USE)
def search() -> ResponseReturnValue:
    """Results by kind; the code of a label within reach leads straight to its page."""
    q = lists.text()
    code = _label(q)
    if code:
        return redirect(url_for("verify.show", code=code), 303)
    found = places.search(
        session(),
        q,
        certificates=_reach(May.CERTIFICATE_READ),
        orders=_reach(May.LABEL_READ),
        lots=_reach(May.LOT_READ),
    )
    return render_template("places/search.html", q=q, found=found)


def _reach(permission: May) -> Reach | None:
    return person().reach(permission) if person().may(permission) else None


def _label(q: str) -> str | None:
    """The canonical code, if that is what was typed and its order is within reach."""
    reach = _reach(May.LABEL_READ)
    if reach is None or not q:
        return None
    try:
        parsed = current_app.extensions["keyring"].get(session()).verify(request.args.get("q", "").strip())
    except LabelError:
        return None
    return parsed.text if places.order_of_serial(session(), parsed.serial, reach=reach) else None
