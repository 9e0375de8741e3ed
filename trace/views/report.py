"""Reporting a suspicion: one question a page, no account, no cookie, no script. Photos follow once the text is safe.

The answers travel in hidden fields and are all judged again at the end. What must not live here: the questions themselves
(`report_form`), what comes after sending (`report_follow`), where a report goes (`tips`, `enforcement.intake`), and how a contact is
sealed (`enforcement.informants`).
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flask import Blueprint, current_app, redirect, render_template, request, url_for

from enforcement import informants, intake
from labels import code as label_code
from labels.code import Parsed
from labels.errors import Malformed
from trace import clock
from trace.access import needs, network_hash
from trace.db import scan_connection, session
from trace.forms import clean
from trace.models.tips import TipReason
from trace.services import scan_places, scanning, tips
from trace.services.limits import Limited
from trace.views.once import once
from trace.views.report_form import EVERYTHING, LONGEST_CODE, STEPS, ReportForm, differing
from trace.views.verify import keep_language
from trace.words import explain, way_out

if TYPE_CHECKING:
    from datetime import datetime

    from flask.typing import ResponseReturnValue

    from trace.models.tips import Tip

bp = Blueprint("report", __name__)
bp.url_defaults(keep_language)

CHECK = "check"
ORDER = (*STEPS, CHECK)
ANYWAY = "anyway"


@dataclass(frozen=True)
class Known:
    """What the page that led here knew: the code of a label or of a lot, and what did not match when comparing."""

    code: str | None
    lot: str | None
    differs: list[str]

    @property
    def text(self) -> str | None:
        """The code, whichever it is."""
        return self.code or self.lot

    @property
    def action(self) -> str:
        """Where the form goes."""
        return url_for("report.start", code=self.code) if self.code else url_for("report.start", lot=self.lot)


@bp.route("/t/<path:code>/report", methods=["GET", "POST"])
@bp.route("/T/<path:code>/report", methods=["GET", "POST"])
@bp.route("/report", methods=["GET", "POST"])
@needs(None)
def start(code: str | None = None) -> ResponseReturnValue:
    """The questions. `step` is the page that was filled in, `go` the button that was pressed."""
    posted = request.form if request.method == "POST" else None
    known = Known(
        code=(clean(code) or "")[:LONGEST_CODE] or None,
        lot=(clean(request.args.get("lot")) or "")[:LONGEST_CODE] or None,
        differs=differing((request.args if posted is None else posted).getlist("differs")),
    )
    reason = TipReason.GOODS_DIFFER.value if known.differs else None
    form = ReportForm(posted, code=known.text, reason=reason)
    form.offer()
    if posted is None:
        return _ask(form, "why", known)
    step, go = posted.get("step", ""), posted.get("go", "next")
    if step not in ORDER:
        step = "why"
    if go in STEPS:  # back, or a change from the last page: nothing is judged on the way
        return _ask(form, go, known)
    if step == CHECK:
        return _send(form, known, anyway=go == ANYWAY)
    if not form.judge(STEPS[step]):
        return _ask(form, step, known), 422
    later = ORDER[ORDER.index(step) + 1]
    return _ask(form, CHECK if posted.get("changing") else later, known)


def _ask(form: ReportForm, step: str, known: Known, page: str | None = None, **facts: Any) -> str:
    asked = STEPS.get(step, ())
    carried = [(name, value) for name in EVERYTHING if name not in asked for value in form.typed(name)]
    return render_template(
        f"report/{page or step}.html",
        form=form,
        step=step,
        known=known,
        carried=[*carried, *(("differs", each) for each in known.differs)],
        position=ORDER.index(step) + 1,
        grouped=grouped,
        cells=scan_places.CELLS_PER_DEGREE,
        changing=bool(request.form.get("changing")) or request.form.get("step") == CHECK,
        **facts,
    )


def _send(form: ReportForm, known: Known, *, anyway: bool) -> ResponseReturnValue:
    if not form.judge(EVERYTHING):
        return _ask(form, CHECK, known), 422
    at = clock.now()
    with once("report.start", anonymous=True) as key:
        # The secret of the follow-up page is made from the form's key, so that a form sent twice leads to the same page although
        # the secret itself is stored nowhere.
        secret = _secret_for(key.key)
        if key.done:
            return redirect(url_for("report.follow", secret=secret), 303)
        twin_hash = tips.fingerprint(
            current_app.config["TEMTHAT"].derived("tip-twin"), network_hash(),
            code_text=form.code.data, description=form.description.data or "",
        )  # fmt: skip
        twin = tips.find_twin(session(), twin_hash, at=at) if twin_hash and not anyway else None
        if twin is not None:
            # Nobody but its reporter may come to that report's page, and a network is no proof of who asks: only the number is said.
            shown = {"number": twin.number, "received_at": twin.received_at}
            session().rollback()
            return _ask(form, CHECK, known, "twice", **shown), 409
        wait = take(Limited.REPORT, at)
        if wait:
            session().rollback()
            error = tips.TooManyReports(until=at + timedelta(seconds=wait), seconds=wait)
            form.form_errors.append(f"{explain(error)} {way_out(error)}")
            return _ask(form, CHECK, known), error.status, {"Retry-After": str(wait)}
        tip = _submit(form, known, secret, twin_hash, at)
        if form.contact.data and form.consent.data:
            informants.keep(
                session(), tip.id, form.contact.data, key=current_app.config["TEMTHAT"].derived("informant"), at=at
            )
        intake.from_tip(session(), tip, at=at)
        key.settle(url_for("report.start"))
    session().commit()
    return redirect(url_for("report.follow", secret=secret), 303)


def _submit(form: ReportForm, known: Known, secret: str, twin_hash: bytes | None, at: datetime) -> Tip:
    tip, _secret = tips.submit(
        session(),
        reason=TipReason(form.reason.data),
        description=form.description.data or "",
        code_text=form.code.data or None,
        serial=_serial(form.code.data or "", at),
        commune_code=form.commune.data,
        place=form.place.data or None,
        bought=form.sold,
        listing_url=form.listing_url.data or None,
        seller=form.seller.data or None,
        price_vnd=form.price.data,
        seen_on=form.seen_on.data,
        cell=form.cell.data if form.cell_consent.data else None,
        differs=known.differs,
        twin_hash=twin_hash,
        at=at,
        secret=secret,
    )
    return tip


def take(limited: Limited, at: datetime) -> int:
    """Count one try of this network: 0, or the seconds to wait."""
    wait: int = current_app.extensions["limits"].take(limited, network_hash(), at=at)
    return wait


def _serial(code_text: str, at: datetime) -> int | None:
    """The serial behind a code with a right tag."""
    try:
        keyring = current_app.extensions["keyring"].judge(code_text, scan_connection, at=at)
    except Malformed:
        return None
    found = scanning.read(code_text, keyring=keyring, at=at)
    return found.serial if isinstance(found, Parsed) else None


def grouped(code_text: str) -> str:
    """A code in groups of four, as on the label; what is no code stays as it was written."""
    try:
        return label_code.show(label_code.parse(code_text).text)
    except Malformed:
        return code_text


def _secret_for(key: str) -> str:
    made = hmac.digest(current_app.config["TEMTHAT"].derived("tip-follow"), key.encode(), "sha256")
    return base64.urlsafe_b64encode(made[:24]).decode()
