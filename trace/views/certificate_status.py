"""The public face of the certificates: who may use which sign, and how the right stands. No sign-in, no cookie, no script needed.

What must not live here: anything that only staff may know. The service behind it hands out nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, redirect, render_template, request, url_for

from trace import tongues
from trace.access import needs
from trace.db import session
from trace.services import places, public_certificates
from trace.views import lists
from trace.words import explain, way_out

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

bp = Blueprint("certificate_status", __name__)


@bp.url_defaults
def keep_language(endpoint: str, values: dict[str, Any]) -> None:
    """Links between public pages carry the chosen language in the address, so that it needs no cookie."""
    del endpoint
    if request and request.args.get("lang") in tongues.NAMES:
        values.setdefault("lang", request.args["lang"])


@bp.get("/gcn/")
@needs(None)
def search() -> ResponseReturnValue:
    """Type the number of a certificate: on to its page, or the form again with what is wrong."""
    number = places.asked(request.args.get("so"))
    if not number:
        return render_template("public/certificate_search.html", typed="", refusal=None)
    try:
        found = public_certificates.find(session(), number, on=lists.today())
    except public_certificates.NoSuchCertificate as refusal:
        return _unfound(number, refusal)
    return redirect(url_for(".show", key=found.certificate.number), 303)


@bp.get("/GCN/<path:key>")
@bp.get("/gcn/<path:key>")
@needs(None)
def show(key: str) -> ResponseReturnValue:
    """One certificate, by the id in its QR or by its number."""
    try:
        found = public_certificates.find(session(), key, on=lists.today())
    except public_certificates.NoSuchCertificate as refusal:
        return _unfound(places.asked(key), refusal)
    return render_template("public/certificate.html", found=found, certificate=found.certificate, today=lists.today())


def _unfound(typed: str, refusal: public_certificates.NoSuchCertificate) -> ResponseReturnValue:
    said = {"message": explain(refusal), "way_out": way_out(refusal), "url": "#so"}
    return render_template("public/certificate_search.html", typed=typed, refusal=said), refusal.status
