"""The page of one order, which several views show again after a refusal; and the blueprint that they all hang on.

What must not live here: deeds. This page only says what stands and what may be done.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from flask import Blueprint, current_app, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField, TextAreaField
from wtforms.validators import NumberRange, Optional

from labels.layout import PressLayout, RollLayout, SheetLayout
from trace import clock
from trace.access import May, person
from trace.db import session
from trace.errors import Invalid, Refused, TemThatError
from trace.forms import PostForm, VietnameseInteger, clean
from trace.models.labels import LabelMove, LabelState
from trace.models.lots import Lot
from trace.services import (
    gate,
    handovers,
    history,
    keeping,
    layouts,
    ledger,
    ordering,
    printing,
    ranges,
    reconciling,
    samples,
)
from trace.views import lists, print_page
from trace.words import day, explain, number, say, way_out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy.dialects.postgresql import Range

    from labels.keys import Keyring
    from labels.layout import Layout
    from trace.models.history import History
    from trace.models.labels import LabelOrder
    from trace.services.reach import Reach

bp = Blueprint("orders", __name__, url_prefix="/tem")
MOVES = "any(receive,hand_over,activate,use,spoil,lose,return,void,recall)"

MAY_MOVE: dict[LabelMove, May] = {
    LabelMove.RECEIVE: May.LABEL_HAND_OVER,
    LabelMove.HAND_OVER: May.LABEL_HAND_OVER,
    LabelMove.ACTIVATE: May.LABEL_ACTIVATE,
    LabelMove.USE: May.LABEL_ACTIVATE,
    LabelMove.SPOIL: May.LABEL_VOID,
    LabelMove.LOSE: May.LABEL_VOID,
    LabelMove.RETURN: May.LABEL_VOID,
    LabelMove.VOID: May.LABEL_VOID,
    LabelMove.RECALL: May.LOT_CERTIFY,
}
# The way of a label that reaches goods: what is usually next stands first.
USUAL = (LabelMove.RECEIVE, LabelMove.ACTIVATE, LabelMove.USE, LabelMove.HAND_OVER)
STATE_TAGS = {
    LabelState.ACTIVATED: "active", LabelState.USED: "done", LabelState.LOST: "attention", LabelState.RECALLED: "attention",
}  # fmt: skip


class OrderDeed(StrEnum):
    """Deeds on orders and their labels, as the history names them."""

    PLACE = "order_place"
    PRINT = "order_print"
    REPRINT = "order_reprint"
    REPLACE = "order_replace"
    REPLACED = "order_replaced"
    TEST_PRINT = "order_test_print"
    DRAW_FILE = "order_draw_file"
    CANCEL_FILE = "order_cancel_file"
    TAKE_HIDDEN_CODES = "order_take_hidden_codes"
    OFFER = "labels_offer"
    REFUSE = "labels_refuse"
    WITHDRAW = "labels_withdraw"
    COUNT = "labels_count"
    PRINTED = "labels_print"
    RECEIVE = "labels_receive"
    HAND_OVER = "labels_hand_over"
    ACTIVATE = "labels_activate"
    USE = "labels_use"
    SPOIL = "labels_spoil"
    LOSE = "labels_lose"
    RETURN = "labels_return"
    VOID = "labels_void"
    RECALL = "labels_recall"


class DeedForm(PostForm):
    """What the moves of labels ask for; each shows only what it needs."""

    serials = StringField(_l("Serials"), filters=[clean])
    reason = TextAreaField(_l("Reason"), [lists.at_most(500)], filters=[clean])
    lot = lists.Choice(_l("Lot"), validate_choice=False)
    counted = VietnameseInteger(_l("How many labels did you count?"))
    taker = lists.Choice(_l("Who receives them"), validate_choice=False)
    note = StringField(_l("Note"), [lists.at_most(200)], filters=[clean])


class PrintForm(PostForm):
    """How to draw the labels."""

    layout = lists.Choice(_l("Label layout"), validate_choice=False)
    printer = StringField(_l("Printer"), [lists.at_most(samples.PRINTER_LENGTH)], filters=[clean])
    position = VietnameseInteger(
        _l("First free position on the first sheet"),
        [Optional(), NumberRange(1, 1000, message=_l("Positions are counted from 1."))],
    )
    reason = TextAreaField(_l("Why print again?"), [lists.at_most(500)], filters=[clean])


def show(
    order_id: UUID,
    *,
    move: LabelMove | None = None,
    form: DeedForm | None = None,
    print_form: PrintForm | None = None,
    test_form: print_page.TestForm | None = None,
    file_form: print_page.FileForm | None = None,
    jam_form: Any = None,
    reasons: Sequence[TemThatError] = (),
) -> str:
    """The page of an order, with the panel of one move opened, if asked for."""
    reach = person().reach(May.LABEL_READ)
    order = ordering.get(session(), order_id, reach=reach)
    now = clock.now()
    if move is None:
        form = None
    elif form is None:
        form = DeedForm(formdata=None, data={"serials": request.args.get("serials", ""), "lot": str(order.lot_id)})
    if form is not None:
        form.lot.choices = [
            (str(lot.id), _("%(code)s, packed on %(day)s", code=lot.code, day=day(lot.packed_on)))
            for lot in (ledger.lots_for(session(), order) if move is LabelMove.ACTIVATE else ())
        ]
        form.taker.choices = [("", "–")] + [
            (str(party.id), party.name)
            for party in (handovers.takers(session(), on=lists.today()) if move is LabelMove.HAND_OVER else ())
        ]
    everything, rows = keeping.sees_all(order, reach), keeping.ranges(order, reach)
    chosen, problem = _chosen(form)
    chosen_count = sum(map(ranges.size, chosen))
    prints = printing.runs(session(), order_id)
    all_names = layout_names(order.holder_id, all_versions=True)
    may_print = person().reach(May.LABEL_ORDER).includes(holder_id=order.holder_id)
    return render_template(
        "orders/show.html",
        order=order,
        everything=everything,
        kept=sum(ranges.size(row.serials) for row in rows),
        rows=[_row(order, row) for row in rows],
        tags=STATE_TAGS,
        move=move,
        step=ledger.MOVES[move] if move else None,
        form=form,
        chosen=chosen,
        chosen_text=ordering.show_ranges(chosen),
        chosen_count=chosen_count,
        effect=_effect(move, order, chosen_count) if move and chosen else "",
        jam_form=jam_form,
        destroyed=any(row.state in {LabelState.SPOILED, LabelState.VOIDED} for row in rows),
        reasons=[*([told(problem)] if problem else []), *(told(reason, link(reason, order)) for reason in reasons)],
        prints=[(run, now <= run.at + printing.OPEN_FOR) for run in prints] if may_print else [],
        print_form=_print_form(order, print_form) if may_print else None,
        **(
            print_page.parts(
                order,
                prints,
                layout_names(order.holder_id, hidden_codes=order.hidden_codes),
                test_form=test_form,
                file_form=file_form,
            )
            if may_print
            else {}
        ),
        waiting=keeping.offers(session(), order, reach=reach),
        account=account(reconciling.of_order(session(), order_id, end=now))
        if everything
        else kept_account(keeping.of_order(session(), order_id, keepers=reach.holders, end=now)),
        may_count=may_print,
        movements=keeping.movements(session(), order, reach=reach),
        events=[_event(row, all_names) for row in history.of(session(), order_id)] if everything else [],
        layout_names=all_names,
        range_text=ordering.show_range,
        size=ranges.size,
    )


def keyring() -> Keyring:
    """The label keys, to read codes and to draw them."""
    found: Keyring = current_app.extensions["keyring"].get(session())
    return found


def told(reason: TemThatError, url: str | None = None) -> dict[str, str | None]:
    """A refusal in words, with the page on which it can be put right."""
    return {"message": explain(reason), "way_out": way_out(reason), "url": url}


def every(reason: TemThatError) -> Sequence[TemThatError]:
    """All reasons of a refusal, or the one that it is."""
    return reason.reasons if isinstance(reason, Refused) else (reason,)


def link(reason: TemThatError, about: LabelOrder | Lot) -> str | None:
    """Where to go to put a reason right, if the reader may go there."""
    lot = about if isinstance(about, Lot) else about.lot
    may, url = person().may, None
    match reason:
        case gate.CertificateNotActive() | gate.CertificateOutOfPeriod() | gate.SourceNotCovered() if may(
            May.CERTIFICATE_READ
        ):
            url = url_for("certificates.show", certificate_id=lot.certificate_id)
        case gate.AreaCodeMissing() if may(May.AREA_READ) and lot.area_id:
            url = url_for("areas.show", area_id=lot.area_id)
        case gate.SiteClosed() if may(May.AREA_READ):
            url = url_for("sites.show", site_id=reason.facts["site_id"])
        case gate.BlockingNonconformity() | gate.GateCheckFailed() if may(May.CONTROL_READ):
            url = url_for("controls.show", nonconformity_id=reason.facts["nonconformity_id"])
        case gate.NotControlledLately() if may(May.CONTROL_READ):
            url = url_for("controls.index", kind="visit")
        case gate.LotNotCertified() | gate.LotRecalled() | gate.LotClosed() | gate.ReleaseMissing() if may(
            May.LOT_READ
        ):
            url = url_for("lots.show", lot_id=lot.id)
        case gate.NoRegulation() if may(May.TITLE_READ):
            url = url_for("titles.show", title_id=lot.product.title_id)
        case gate.SeasonClosed() | gate.SeasonOver():
            url = url_for("orders.new")
        case gate.OverEligibleVolume() | gate.OverLotVolume() | gate.QuantityTooSmall() | gate.QuantityTooLarge():
            url = "#quantity"
        case gate.PackWeightNotAllowed():
            url = "#pack_weight_g"
        case layouts.ScratchBoxMissing() | layouts.ScratchBoxEmpty():
            url = "#layout"
    return url


def layout_names(holder_id: UUID, *, all_versions: bool = False, hidden_codes: bool | None = None) -> dict[str, str]:
    """The label layouts that a holder may choose, in words; or those that ever were; or those with or without a scratch box."""
    names = {
        name: described(layout)
        for name, layout in layouts.BUILT_IN.items()
        if hidden_codes in {None, layout.elements.hidden_code}
    }
    if all_versions:
        return layouts.names(session(), holder_id) | names
    own = layouts.own(session(), frozenset({holder_id}))
    return {str(row.id): row.name for row in own if hidden_codes in {None, bool(row.data.get("hidden_code"))}} | names


def described(layout: Layout) -> str:
    """A layout in words."""
    size = {"w": mm(layout.label_width_mm), "h": mm(layout.label_height_mm)}
    match layout:
        case SheetLayout():
            found = _("%(paper)s sheet, %(n)s labels of %(w)s × %(h)s mm", paper=layout.paper, n=layout.cells, **size)
        case RollLayout():
            found = _("Roll, %(n)s across, labels of %(w)s × %(h)s mm", n=layout.across, **size)
        case PressLayout():
            found = _("Print shop, one label of %(w)s × %(h)s mm a page", **size)
    if layout.elements.hidden_code:
        found = _("%(layout)s, with a scratch box", layout=found)
    return str(found)


def account(found: reconciling.Reconciliation) -> dict[str, Any]:
    """The two accounts as lines of a table: label, on the way, in hand. A dash where a line has no meaning."""
    way, hand = found.on_the_way, found.in_hand
    lines: list[tuple[str, int | None, int | None]] = []
    if found.start is not None:
        lines.append((_("Opening"), way.opening, hand.opening))
    lines += [(_("+ issued"), way.came, None), (_("Received"), -way.left[LabelMove.RECEIVE], hand.came)]
    for label, move in [
        (_("− used"), LabelMove.USE), (_("− spoiled"), LabelMove.SPOIL), (_("− lost"), LabelMove.LOSE),
        (_("− returned"), LabelMove.RETURN), (_("− voided"), LabelMove.VOID), (_("− recalled"), LabelMove.RECALL),
    ]:  # fmt: skip
        out, gone = way.left.get(move), hand.left.get(move, 0)
        lines.append((label, None if out is None else -out, -gone))
    lines.append((_("= closing by the ledger"), way.closing, hand.closing))
    lines.append((_("Found in the ranges"), way.found, hand.found))
    return {
        "lines": lines,
        "adds_up": found.adds_up,
        "in_hand": hand.closing,
        "differences": (way.difference, hand.difference),
        "kept": False,
    }


def kept_account(found: reconciling.Sheet) -> dict[str, Any]:
    """The account of a party that keeps labels of others' orders, as lines of the same table without the column on the way."""
    lines: list[tuple[str, int | None, int | None]] = [
        (_("Opening"), None, found.opening), (_("Received"), None, found.came),
        *(
            (label, None, -found.left[move])
            for label, move in [
                (_("− handed on"), LabelMove.HAND_OVER), (_("− used"), LabelMove.USE), (_("− spoiled"), LabelMove.SPOIL),
                (_("− lost"), LabelMove.LOSE), (_("− returned"), LabelMove.RETURN), (_("− voided"), LabelMove.VOID),
                (_("− recalled"), LabelMove.RECALL),
            ]
        ),
        (_("= closing by the ledger"), None, found.closing), (_("Found in the ranges"), None, found.found),
    ]  # fmt: skip
    return {
        "lines": lines,
        "adds_up": found.difference == 0,
        "in_hand": found.closing,
        "differences": (0, found.difference),
        "kept": True,
    }


def _chosen(form: DeedForm | None) -> tuple[Sequence[Range[int]], TemThatError | None]:
    if form is None or not form.serials.data:
        return (), None
    try:
        return ranges.parse_many(form.serials.data, keyring=keyring()), None
    except Invalid as exc:
        return (), exc


def _row(order: LabelOrder, row: Any) -> dict[str, Any]:
    """A range with the moves that the reader may do on it."""
    moves = []
    for move in [*USUAL, *(move for move in MAY_MOVE if move not in USUAL)]:
        step = ledger.MOVES[move]
        if row.state not in step.start or not person().may(MAY_MOVE[move]):
            continue
        reach: Reach = person().reach(MAY_MOVE[move])
        if reach.includes(holder_id=row.keeper_id, title_id=order.certificate.title_id) or (
            step.by_holder and reach.includes(holder_id=order.holder_id)
        ):
            text = ordering.show_range(row.serials)
            moves.append(
                (say(move), url_for("orders.show", order_id=order.id, move=move.value, serials=text, _anchor="deed"))
            )
    return {"range": row, "text": ordering.show_range(row.serials), "count": ranges.size(row.serials), "moves": moves}


def _print_form(order: LabelOrder, form: PrintForm | None) -> PrintForm:
    if form is None:
        tested = next(iter(samples.of_order(session(), order.id)), None)
        form = PrintForm(
            formdata=None,
            data={
                "layout": tested.layout if tested else order.layout,
                "printer": printing.last_printer(session(), order.id) or "",
                "position": 1,
            },
        )
    form.layout.choices = list(layout_names(order.holder_id, hidden_codes=order.hidden_codes).items())
    return form


def _effect(move: LabelMove, order: LabelOrder, count: int) -> str:
    """What a move will do, with object and count, before anybody does it."""
    facts = {"n": number(count), "order": order.number}
    return str(
        {
            LabelMove.RECEIVE: _("%(n)s labels of order %(order)s will stand in your books as received. Count them first.", **facts),
            LabelMove.HAND_OVER: _("%(n)s labels of order %(order)s will be offered. They count as handed over once a person of the other side confirms.", **facts),
            LabelMove.ACTIVATE: _("%(n)s labels of order %(order)s will be bound to the lot. From then on a scan says that the label is valid.", **facts),
            LabelMove.USE: _("%(n)s labels of order %(order)s are on packs. After that they can only be recalled.", **facts),
            LabelMove.SPOIL: _("%(n)s labels of order %(order)s will be written off as spoiled for good. Their volume is given back. Destroy them.", **facts),
            LabelMove.LOSE: _("%(n)s labels of order %(order)s will be written off as lost for good. Their volume is not given back, for they may be on goods.", **facts),
            LabelMove.RETURN: _("%(n)s labels of order %(order)s will be written off as returned to the managing body. Their volume is given back.", **facts),
            LabelMove.VOID: _("%(n)s labels of order %(order)s will be void for good. Whoever scans one is told so. Their volume is given back.", **facts),
            LabelMove.RECALL: _("%(n)s labels of order %(order)s will be recalled. Whoever scans one is told not to use the goods.", **facts),
        }[move]
    )  # fmt: skip


def _event(row: History, names: Mapping[str, str]) -> dict[str, Any]:
    name = row.deed.replace(":", "_")
    told_of = [
        names.get(str(row.changes[field][1]), str(row.changes[field][1]))
        for field in ("serials", "lot", "taker", "layout", "approved")
        if field in row.changes
    ]
    if "in_hand" in row.changes:
        old, new = row.changes["in_hand"]
        told_of.append(_("ledger %(old)s, counted %(new)s", old=number(old), new=number(new)))
    if row.why:
        told_of.append(row.why)
    return {
        "at": row.at,
        "what": say(OrderDeed(name)) if name in set(OrderDeed) else _("Record changed"),
        "who": row.author.full_name if row.author else _("the system"),
        "note": " · ".join(told_of),
    }


def mm(length: float) -> str:
    """A length as people here write it, without the unit."""
    return f"{length:g}".replace(".", ",")
