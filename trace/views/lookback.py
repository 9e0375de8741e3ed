"""An order's labels and account on any past day, as the ledger has them."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from flask import render_template, request
from flask_babel import lazy_gettext as _l
from wtforms.validators import InputRequired

from trace import clock
from trace.access import May, needs, person
from trace.clock import CITY
from trace.db import session
from trace.forms import PostForm, VietnameseDate
from trace.services import keeping, lookback, ordering, ranges, reconciling
from trace.views import lists
from trace.views.order_page import STATE_TAGS, account, bp, kept_account

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue


class DayForm(PostForm):
    """Which day."""

    day = VietnameseDate(_l("At the end of which day"), [InputRequired(_l("Write a day."))])


@bp.get("/don/<uuid:order_id>/ngay")
@needs(May.LABEL_READ)
def on_day(order_id: UUID) -> ResponseReturnValue:
    """How an order's labels stood at the end of a day; of today, until now."""
    reach = person().reach(May.LABEL_READ)
    order = ordering.get(session(), order_id, reach=reach)
    asked = "day" in request.args
    form = DayForm(request.args if asked else None, data={"day": lists.today()}, meta={"csrf": False})
    if asked and not form.validate():
        return render_template("orders/on_day.html", order=order, form=form, rows=None), 422
    end = min(clock.now(), datetime.combine(form.day.data + timedelta(days=1), time(), CITY).astimezone(UTC))
    facts: dict[str, Any] = {"end": end}
    shown = (
        account(reconciling.of_order(session(), order_id, **facts))
        if keeping.sees_all(order, reach)
        else kept_account(keeping.of_order(session(), order_id, keepers=reach.holders, **facts))
    )
    return render_template(
        "orders/on_day.html", order=order, form=form, end=end, account=shown, tags=STATE_TAGS, range_text=ordering.show_range,
        size=ranges.size, rows=lookback.ranges_at(session(), order, as_of=end, reach=reach),
    )  # fmt: skip
