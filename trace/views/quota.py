"""Pages for volume beyond the eligible one, asked for and decided, and for closing a season."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, TextAreaField
from wtforms.validators import InputRequired

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Conflict, Invalid, NotFound, TemThatError
from trace.forms import PostForm, VietnameseDecimal, clean
from trace.models.lots import ExtensionState
from trace.services import ordering, quota, ranges
from trace.views import lists
from trace.views.once import once
from trace.views.order_page import bp, every, told
from trace.words import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.typing import ResponseReturnValue

TAGS = {ExtensionState.ASKED: "active", ExtensionState.APPROVED: "done", ExtensionState.REFUSED: "plain"}


class AskForm(PostForm):
    """How much more, and why."""

    lot = HiddenField(validators=[InputRequired()])
    extra_kg = VietnameseDecimal(_l("Extra volume"), [InputRequired(_l("Write the volume."))])
    reason = TextAreaField(_l("Reason"), [InputRequired(_l("Write the reason.")), lists.at_most(1000)], filters=[clean])


@bp.get("/dieu-chinh")
@needs(May.LABEL_READ)
def extensions() -> ResponseReturnValue:
    """Requests for extra volume: those that wait, and what became of the others."""
    return _extensions_page()


@bp.route("/dieu-chinh/moi", methods=["GET", "POST"])
@needs(May.LABEL_ORDER)
def ask_extension() -> ResponseReturnValue:
    """Ask the managing body for volume beyond the eligible one."""
    if request.method == "GET" and "lot" not in request.args:
        return redirect(url_for(".new"), 303)  # the lot tells whose volume is meant
    form = AskForm(data={"lot": request.args.get("lot", "")})
    try:
        lot, balance = quota.balance_of(session(), UUID(form.lot.data or ""), reach=person().reach(May.LABEL_ORDER))
    except ValueError as exc:
        raise NotFound from exc

    def page(reasons: Sequence[TemThatError] = ()) -> str:
        return render_template(
            "orders/ask_extension.html",
            form=form,
            lot=lot,
            balance=balance,
            reasons=[told(reason) for reason in reasons],
        )

    if request.method == "GET":
        return page()
    if not form.validate():
        return page(), 422
    with once("orders.ask_extension") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            asked = quota.ask(
                session(), lot.id, grams=int(form.extra_kg.data * 1000), reason=form.reason.data, by=person().id, at=clock.now(),
                reach=person().reach(May.LABEL_ORDER),
            )  # fmt: skip
        except (Invalid, Conflict) as exc:
            session().rollback()
            lot, balance = quota.balance_of(session(), UUID(form.lot.data), reach=person().reach(May.LABEL_ORDER))
            return page(every(exc)), exc.status
        key.settle(url_for(".extensions", _anchor=f"r-{asked.id}"))
    session().commit()
    flash(_("Your request was sent to the managing body."), "success")
    return redirect(key.location, 303)


@bp.post("/dieu-chinh/<uuid:extension_id>/<any(approve,refuse):answer>")
@needs(May.CERTIFICATE_DECIDE)
def decide_extension(extension_id: UUID, answer: str) -> ResponseReturnValue:
    """Approve or refuse extra volume, with a reason."""
    with once("orders.decide_extension") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            done = quota.decide(
                session(), extension_id, approve=answer == "approve", reason=(clean(request.form.get("reason")) or "")[:1000],
                by=person().id, at=clock.now(), reach=person().reach(May.CERTIFICATE_DECIDE),
            )  # fmt: skip
        except Invalid as exc:
            session().rollback()
            return _extensions_page(every(exc)), exc.status
        key.settle(url_for(".extensions", _anchor=f"r-{done.id}"))
        approved = done.state is ExtensionState.APPROVED
    session().commit()
    flash(_("The extra volume was approved.") if approved else _("The extra volume was refused."), "success")
    return redirect(key.location, 303)


@bp.get("/mua-vu")
@needs(May.CERTIFICATE_DECIDE)
def seasons() -> ResponseReturnValue:
    """The seasons of the titles that one manages, with what was issued in each."""
    rows = quota.seasons(session(), reach=person().reach(May.CERTIFICATE_DECIDE))
    return render_template("orders/seasons.html", rows=rows)


@bp.get("/mua-vu/<uuid:season_id>")
@needs(May.CERTIFICATE_DECIDE)
def season(season_id: UUID) -> ResponseReturnValue:
    """One season, with the labels that are neither used nor written off, and its closing."""
    found = quota.seasons(session(), reach=person().reach(May.CERTIFICATE_DECIDE), season_id=season_id)
    if not found:
        raise NotFound
    return render_template(
        "orders/season.html",
        line=found[0],
        rows=quota.unused(session(), season_id),
        range_text=ordering.show_range,
        size=ranges.size,
    )


@bp.post("/mua-vu/<uuid:season_id>/dong")
@needs(May.CERTIFICATE_DECIDE)
def close_season(season_id: UUID) -> ResponseReturnValue:
    """Close a season: nothing is ordered in it any more."""
    with once("orders.close_season") as key:
        if key.done:
            return redirect(key.location, 303)
        quota.close_season(
            session(), season_id, by=person().id, at=clock.now(), reach=person().reach(May.CERTIFICATE_DECIDE)
        )
        key.settle(url_for(".season", season_id=season_id))
    session().commit()
    flash(_("The season is closed. No labels are issued for it any more."), "success")
    return redirect(key.location, 303)


def _extensions_page(reasons: Sequence[TemThatError] = ()) -> str:
    rows = quota.listing(session(), reach=person().reach(May.LABEL_READ))
    deciding = person().reach(May.CERTIFICATE_DECIDE) if person().may(May.CERTIFICATE_DECIDE) else None
    waiting = [row for row in rows if row.state is ExtensionState.ASKED]
    return render_template(
        "orders/extensions.html",
        waiting=[
            (row, deciding is not None and deciding.includes(title_id=row.balance.season.product.title_id))
            for row in waiting
        ],
        decided=[row for row in rows if row.state is not ExtensionState.ASKED],
        reasons=[told(reason) for reason in reasons],
        tags=TAGS,
        kg=lambda grams: number(round(grams / 1000, 3)),
    )
