"""Entering the six digits under the scratch layer, on the page of the label."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from flask import current_app, request

from trace.access import needs, network_hash
from trace.db import session
from trace.models.scans import ScanKind
from trace.services import hidden_codes
from trace.services.hidden_codes import Entry, Found
from trace.services.limits import Limited
from trace.views.asking import Asked
from trace.views.verify import answer_page, bp, caller, desk, question, verdict_on

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from trace.services.scanning import Verdict

STATUS = {Found.MALFORMED: 400, Found.BLOCKED: 429}


@bp.post("/t/<path:code>/ma-an")
@bp.post("/T/<path:code>/ma-an")
@needs(None)
def hidden(code: str) -> ResponseReturnValue:
    """Try hidden digits. A machine that sends forms is shown the page and tries nothing."""
    asked = question()
    counted = asked.kind is not ScanKind.PREVIEW
    verdict = verdict_on(code, Asked(ScanKind.RELOAD, asked.channel) if asked.kind is ScanKind.REAL else asked)
    if verdict.serial is None or not verdict.hidden_code or not counted:
        return answer_page(verdict)
    found = _enter(verdict, verdict.serial)
    return answer_page(verdict, hidden=found, status=STATUS.get(found.kind, 200))


def _enter(verdict: Verdict, serial: int) -> Entry:
    at = verdict.checked_at
    entered = request.form.get("ma", "")
    try:
        digits = hidden_codes.digits_of(entered)
    except hidden_codes.NotSixDigits:
        return Entry(Found.MALFORMED, entered=entered[:20])
    # Only wrong digits count: many people behind one address of a carrier may open their labels at the same time.
    limits = current_app.extensions["limits"]
    if wait := limits.wait(Limited.HIDDEN_CODE, network_hash(), at=at):
        return Entry(Found.BLOCKED, until=at + timedelta(seconds=wait))
    device = desk().device(caller(), at=at)
    keyring = desk().keyring.judge(verdict.code or "", desk().connect, at=at)
    found = hidden_codes.enter(session(), serial, digits, keyring=keyring, device=device, at=at)
    session().commit()
    if found.kind is Found.WRONG:
        limits.take(Limited.HIDDEN_CODE, network_hash(), at=at)
    return found
