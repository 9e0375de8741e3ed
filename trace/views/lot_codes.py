"""The page behind the code that all packs of a lot share, and that code as a picture for those who print cartons."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID  # noqa: TC003  the converter of the address

from flask import Blueprint, Response, current_app, request

from labels import image
from labels.qr import lot_qr_text
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.services import lots
from trace.views.verify import answer_page, caller, desk, keep_language, question

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.typing import ResponseReturnValue

bp = Blueprint("lot_codes", __name__)
bp.url_defaults(keep_language)

PRINTED_MM = 40.0
DRAWN: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "png": ("image/png", image.png),
    "svg": ("image/svg+xml", lambda text: image.svg(text, size_mm=PRINTED_MM)),
    "pdf": ("application/pdf", lambda text: image.pdf(text, size_mm=PRINTED_MM)),
}


@bp.get("/l/<path:code>")
@bp.get("/L/<path:code>")
@needs(None)
def show(code: str) -> ResponseReturnValue:
    """The answer about one lot."""
    return answer_page(desk().ask_lot(code, question(), caller(), at=clock.now()))


@bp.get("/lo/<uuid:lot_id>/ma.<any(png,svg,pdf):ending>")
@needs(May.LOT_READ)
def picture(lot_id: UUID, ending: str) -> ResponseReturnValue:
    """The QR code of a lot, for cartons."""
    lot = lots.get(session(), lot_id, reach=person().reach(May.LOT_READ))
    kind, draw = DRAWN[ending]
    drawn = draw(lot_qr_text(lot.public_code, host=current_app.config["TEMTHAT"].host))
    name = f"lo-{lot.public_code}.{ending}"
    # Shown on the lot's page as it is; the links beside it ask for a file.
    disposition = "attachment" if "tai" in request.args else "inline"
    return Response(
        drawn, mimetype=kind, headers={"Content-Disposition": f'{disposition}; filename="{name}"', "Cache-Control": "private, no-cache"}
    )  # fmt: skip
