"""Which letters do not arrive, in one place: people without an address, addresses that the mail server refuses, letters that were not taken."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from flask import Blueprint, current_app, render_template

from enforcement import reminding
from trace.access import May, needs
from trace.db import session
from trace.services import mail_addresses
from trace.views import lists

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

bp = Blueprint("letters", __name__)

LOOKED_BACK = timedelta(days=14)


@bp.get("/thu-khong-den")
@needs(May.MAIL_TROUBLE)
def index() -> ResponseReturnValue:
    """What does not arrive, and what to do about it."""
    today = lists.today()
    refused = mail_addresses.refused(session())
    return render_template(
        "desk/letters.html",
        mail_is_sent=bool(current_app.config["TEMTHAT"].smtp_url),
        refused=refused,
        without=reminding.without_address(session(), on=today),
        unsent=reminding.unsent(session(), since=today - LOOKED_BACK),
        days=LOOKED_BACK.days,
    )
