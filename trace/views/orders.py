"""Orders of labels: the list, the three steps of a new one, the page of one, and the account of a holder."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from wtforms import BooleanField, HiddenField, RadioField, StringField
from wtforms.validators import InputRequired, ValidationError

from labels.errors import LabelError
from trace import clock
from trace.access import May, needs, person
from trace.clock import CITY
from trace.db import session
from trace.errors import Invalid, NotFound, Refused, TemThatError
from trace.forms import PostForm, VietnameseDate, VietnameseInteger, clean
from trace.models.labels import LabelMove, LabelState
from trace.services import gate, keeping, ordering, ranges, reconciling
from trace.services.layouts import find as find_layout
from trace.services.layouts import logo, logo_in_use
from trace.shown import grams
from trace.views import label_moves, label_papers, lists, lookback, quota
from trace.views.layouts import label_svg
from trace.views.once import once
from trace.views.order_page import (
    MAY_MOVE,
    STATE_TAGS,
    account,
    bp,
    every,
    kept_account,
    keyring,
    layout_names,
    link,
    show,
    told,
)
from trace.words import number, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.typing import ResponseReturnValue

    from trace.services.reach import Reach

__all__ = ["bp", "label_moves", "label_papers", "lookback", "quota"]


class Picked(RadioField):
    """A choice by buttons, refused in our words when it is none of those offered."""

    def pre_validate(self, form: Any) -> None:
        """Refuse what was not offered."""
        try:
            super().pre_validate(form)
        except ValidationError as exc:
            raise ValidationError(_("Choose from the list.")) from exc


class OrderForm(PostForm):
    """What is ordered. Steps two and three read it from the address, the last one from the form."""

    lot = HiddenField(validators=[InputRequired()])
    quantity = VietnameseInteger(_l("How many labels?"), [InputRequired(_l("Write the number of labels."))])
    pack_weight_g = Picked(_l("Weight of one pack"), [InputRequired(_l("Choose the weight of a pack."))])
    layout = lists.Choice(_l("Label layout"), [InputRequired(_l("Choose a layout."))])
    hidden_codes = BooleanField(_l("Hidden code under a scratch layer"))


class AccountForm(PostForm):
    """Whose labels, and over which days."""

    holder = lists.Choice(_l("Holder"))
    lot = lists.Choice(_l("Lot"), validate_choice=False)
    roll = StringField(_l("Roll or bundle"), filters=[clean])
    start = VietnameseDate(_l("From"))
    end = VietnameseDate(_l("Up to and including"))


@bp.get("/don")
@needs(May.LABEL_READ)
def index() -> ResponseReturnValue:
    """Orders within reach."""
    q, state, page = lists.text(), lists.member(LabelState, "state"), lists.page()
    reach = person().reach(May.LABEL_READ)
    rows, total = ordering.find(session(), reach=reach, state=state, text=q, page=page)
    chips = [(_("Search: %(text)s", text=q), "q", None)] if q else []
    if state:
        chips.append((say(state), "state", None))
    return render_template(
        "orders/index.html", rows=[_summary(row, reach) for row in rows], total=total, chips=chips, page=page, tags=STATE_TAGS,
        pages=lists.pages(total, ordering.PAGE), states=[(each.value, say(each)) for each in LabelState],
    )  # fmt: skip


@bp.get("/don/moi")
@needs(May.LABEL_ORDER)
def new() -> ResponseReturnValue:
    """The steps of a new order: which lot, how many of which kind, check. Nothing is kept before the last."""
    reach = person().reach(May.LABEL_ORDER)
    if "lot" not in request.args:
        found = ordering.candidates(session(), at=clock.now(), reach=reach)
        lots = [
            {
                "lot": row.lot,
                "left_g": row.left_g,
                "reasons": [told(reason, link(reason, row.lot)) for reason in row.reasons],
            }
            for row in found
        ]
        return render_template("orders/choose_lot.html", lots=lots)
    asked = "quantity" in request.args
    form = OrderForm(
        request.args if asked else None, data={"lot": request.args["lot"], "layout": "a4-24"}, meta={"csrf": False}
    )
    quote = _quote(form)
    if not asked:
        return _quantity_page(form, quote, quote.standing)
    if not form.validate():
        return _quantity_page(form, quote)
    if quote.reasons or "change" in request.args:
        return _quantity_page(form, quote, quote.reasons)
    return render_template(
        "orders/check.html",
        form=form,
        quote=quote,
        layout_names=layout_names(quote.lot.holder_id),
        drawing=_drawn(form, quote),
    )


@bp.post("/don/moi")
@needs(May.LABEL_ORDER)
def place() -> ResponseReturnValue:
    """Place the order, or show every reason against it with what was filled in."""
    form = OrderForm()
    quote = _quote(form)
    if not form.validate():
        return _quantity_page(form, quote), 422
    with once("orders.new") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            order = ordering.place(
                session(), lot_id=UUID(form.lot.data), quantity=form.quantity.data or 0, pack_weight_g=int(form.pack_weight_g.data),
                layout=form.layout.data, hidden_codes=form.hidden_codes.data, by=person().id, at=clock.now(), reach=person().reach(May.LABEL_ORDER),
            )  # fmt: skip
        except Refused as exc:
            session().rollback()
            return _quantity_page(form, _quote(form), every(exc)), exc.status
        key.settle(url_for(".show", order_id=order.id))
        said = _("Order %(number)s: %(n)s labels issued.", number=order.number, n=number(order.quantity))
    session().commit()
    flash(said, "success")
    return redirect(key.location, 303)


@bp.get("/don/<uuid:order_id>", endpoint="show")
@needs(May.LABEL_READ)
def show_order(order_id: UUID) -> ResponseReturnValue:
    """One order with all that happened to its labels."""
    move = lists.member(LabelMove, "move")
    return show(order_id, move=move if move in MAY_MOVE and person().may(MAY_MOVE[move]) else None)


@bp.get("/doi-soat")
@needs(May.LABEL_READ)
def reconcile() -> ResponseReturnValue:
    """The account of a holder's labels over a period, and which orders make it up."""
    reach = person().reach(May.LABEL_READ)
    holding, keeping_for = ordering.holders(session(), reach=reach), keeping.keepers(session(), reach=reach)
    parties = sorted({*holding, *keeping_for}, key=lambda party: party.name)
    asked = "holder" in request.args
    form = AccountForm(request.args if asked else None, meta={"csrf": False})
    form.holder.choices = [(str(party.id), party.name) for party in parties]
    found: dict[str, Any] | None = None
    problem: TemThatError | None = None
    first = next(iter([*holding, *keeping_for]), None)
    holder = next((party for party in parties if str(party.id) == form.holder.data), None) if asked else first
    if holder and not asked:
        form.holder.data = str(holder.id)
    with_labels: list[Any] = []
    if holder and holder in holding:
        with_labels += ordering.lots_of(session(), holder.id)
    if holder and holder in keeping_for:
        with_labels += keeping.lots_of(session(), holder.id)
    form.lot.choices = [("", _("All lots")), *((str(lot.id), lot.code) for lot in with_labels)]
    if holder and (not asked or form.validate()):
        start = _midnight(form.start.data) if form.start.data else None
        end = _midnight(form.end.data + timedelta(days=1)) if form.end.data else clock.now()
        lot = next((lot for lot in with_labels if str(lot.id) == form.lot.data), None)
        try:
            roll = ranges.parse(form.roll.data, keyring=keyring()) if form.roll.data else None
        except Invalid as exc:
            problem = exc
        else:
            facts: dict[str, Any] = {"start": start, "end": end, "lot_id": lot.id if lot else None, "roll": roll}
            found = {
                "own": account(reconciling.of_holder(session(), holder.id, **facts)) if holder in holding else None,
                "kept": kept_account(keeping.of_keeper(session(), holder.id, **facts))
                if holder in keeping_for
                else None,
                "holder": holder, "end": end, "lot": lot, "roll": ordering.show_range(roll) if roll else None,
            }  # fmt: skip
    page = render_template(
        "orders/reconcile.html", form=form, found=found, parties=parties, reasons=[told(problem)] if problem else []
    )
    return page, problem.status if problem else 200


def _quote(form: OrderForm) -> ordering.Quote:
    """The quote for what the form says so far; gives the form its choices on the way."""
    try:
        lot_id, weight = UUID(form.lot.data or ""), form.pack_weight_g.data or "0"
    except ValueError as exc:
        raise NotFound from exc
    quote = ordering.quote(
        session(), lot_id=lot_id, quantity=form.quantity.data or 0, layout=form.layout.data or "", hidden_codes=form.hidden_codes.data,
        pack_weight_g=int(weight) if weight.isascii() and weight.isdigit() and len(weight) < 10 else 0,
        at=clock.now(), reach=person().reach(May.LABEL_ORDER),
    )  # fmt: skip
    form.pack_weight_g.choices = [(str(each), grams(each)) for each in quote.pack_weights_g]
    form.layout.choices = list(layout_names(quote.lot.holder_id).items())
    return quote


def _quantity_page(form: OrderForm, quote: ordering.Quote, reasons: Sequence[TemThatError] = ()) -> str:
    return render_template(
        "orders/quantity.html",
        form=form,
        quote=quote,
        reasons=[told(reason, link(reason, quote.lot)) for reason in reasons],
        over=any(isinstance(reason, gate.OverEligibleVolume) for reason in reasons),
    )


def _drawn(form: OrderForm, quote: ordering.Quote) -> Markup | None:
    """One label of the order at its real size; nothing where its texts do not fit, which printing will say."""
    lot = quote.lot
    layout = find_layout(session(), form.layout.data, holder_id=lot.holder_id)
    lines = (lot.product.name, grams(quote.pack_weight_g), lot.holder.name, lot.product.title.name)
    sign = logo_in_use(session(), holder_id=lot.holder_id, title_id=lot.product.title_id)
    host = current_app.config["TEMTHAT"].host
    try:
        drawn = label_svg(layout, lines, host=host, logo=logo(session(), sign.id if sign else None))
    except LabelError:
        return None
    return Markup(drawn)  # noqa: S704  our own geometry


def _summary(order: Any, reach: Reach) -> dict[str, Any]:
    """A line of the list: the order with how many of the labels that the reader may see are in each state."""
    states = dict[LabelState, int]()
    for row in keeping.ranges(order, reach):
        states[row.state] = states.get(row.state, 0) + ranges.size(row.serials)
    return {"order": order, "states": states, "labels": sum(states.values())}


def _midnight(day: Any) -> datetime:
    return datetime.combine(day, time(), CITY).astimezone(UTC)
