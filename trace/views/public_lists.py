"""The public search, the gallery of genuine and suspect goods, and the list of labels out of use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import redirect, request, url_for
from flask_babel import gettext as _

from labels import code as label_code
from labels.errors import Malformed
from trace.access import needs
from trace.clock import CITY
from trace.db import session
from trace.models.labels import LabelState
from trace.services import pairs as pair_service
from trace.services import public_products, public_search, public_voids, slugs
from trace.services import titles as title_service
from trace.views import lists
from trace.views.public_pages import bp, csv, gently, paged, shown
from trace.words import say

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from trace.services.public_voids import Voided

PAIRS_SHOWN = 10


@bp.get("/tra-cuu")
@needs(None)
def search() -> ResponseReturnValue:
    """One box over all that is public. A label code leads on to its answer, counted as typed by hand."""
    q = lists.text()
    if not q:
        return shown("public/search.html", q="", found=None, short=False, code="")
    gently()
    code = _label_code(q)
    # Twelve letters without a digit may as well be a name: they are looked for first.
    if code and any(sign.isdigit() for sign in q):
        return redirect(url_for("verify.show", code=code, go=1), 303)
    found = public_search.search(session(), q, on=lists.today())
    if code and not found.total:
        return redirect(url_for("verify.show", code=code, go=1), 303)
    short = len(q) < public_search.SHORTEST
    return shown("public/search.html", q=q, found=found, short=short, code=code, canonical=[("q", q)])


@bp.get("/that-gia")
@needs(None)
def pairs() -> ResponseReturnValue:
    """The gallery: pairs from the same angle with the differences circled."""
    only = request.args.get("san-pham", "")
    product = public_products.find(session(), only) if only else None
    rows = pair_service.published(
        session(), product_id=product.id if product else None, public=title_service.is_public(), limit=200
    )
    pages = lists.pages(len(rows), PAIRS_SHOWN)
    number = min(lists.page(), pages)
    counts = public_products.pairs_by_product(session())
    goods = [each for each in public_products.listing(session()) if each.id in counts]
    return shown(
        "public/pairs.html", rows=rows[(number - 1) * PAIRS_SHOWN : number * PAIRS_SHOWN], total=len(rows), number=number, pages=pages,
        product=product, goods=goods, counts=counts, circles=pair_service.circles,
        canonical=[("san-pham", slugs.slug(product.name, product.id) if product else "")],
    )  # fmt: skip


@bp.get("/tem-da-huy")
@needs(None)
def voided() -> ResponseReturnValue:
    """Labels that must not be on goods for sale."""
    state = lists.member(LabelState, "loai")
    state = state if state in public_voids.OUT_OF_USE else None
    rows, total, number = paged(lambda page, size: public_voids.listing(session(), state=state, page=page, size=size))
    return shown(
        "public/voided.html", rows=rows, total=total, number=number, pages=lists.pages(total), state=state,
        kinds=[(each.value, say(each)) for each in public_voids.OUT_OF_USE], canonical=[("loai", state.value if state else "")],
    )  # fmt: skip


@bp.get("/tem-da-huy.csv")
@needs(None)
def voided_file() -> ResponseReturnValue:
    """The same as a file."""
    headings = [
        _("Numbers"),
        _("First signs of the code, from"),
        _("to"),
        _("Labels"),
        _("Product"),
        _("Since"),
        _("Class"),
    ]
    return csv("tem-da-huy", headings, lambda page, size: public_voids.listing(session(), page=page, size=size), _range)


def _range(row: Voided) -> list[Any]:
    return [
        row.serials,
        *row.signs,
        row.count,
        row.product.name,
        row.since.astimezone(CITY).date(),
        say(row.state),
    ]


def _label_code(text: str) -> str:
    try:
        return label_code.parse(text).text
    except Malformed:
        return ""
