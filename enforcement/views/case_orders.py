"""What a decision orders, and how it is carried out; and who received a file that was handed over."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from flask_babel import gettext as _

from enforcement import orders, police
from enforcement.models import ObligationKind, ObligationState
from enforcement.views import casework_forms as forms
from enforcement.views.casework_page import bp, do, offered, revision
from enforcement.views.words import duties
from trace.access import May, needs, person
from trace.db import session

if TYPE_CHECKING:
    from datetime import datetime

    from flask.typing import ResponseReturnValue


@bp.post("/thi-hanh")
@needs(May.CASE_MOVE)
def add_order(case_id: UUID) -> ResponseReturnValue:
    """Enter something more that the decision orders."""
    form = offered(case_id, forms.OrderForm())

    def act(at: datetime) -> None:
        kind = ObligationKind(form.kind.data)
        whose = UUID(form.whose.data) if form.whose.data else None
        orders.add(
            session(), case_id, kind, form.what.data, by=person().id, duties=duties(), at=at, ruling_id=whose, value=form.value.data
        )  # fmt: skip

    return do(case_id, form, act, _("It is in the file."))


@bp.post("/thi-hanh/<uuid:entry_id>/nop")
@needs(May.CASE_MOVE)
def pay(case_id: UUID, entry_id: UUID) -> ResponseReturnValue:
    """Enter a payment of the fine."""
    form = forms.PayForm()

    def act(at: datetime) -> None:
        orders.pay(
            session(), case_id, entry_id, amount=form.amount.data or 0, paid_on=form.paid_on.data, document_number=form.document_number.data,
            revision=revision(form), by=person().id, at=at,
        )  # fmt: skip

    return do(case_id, form, act, _("The payment is in the file."), entry_id)


@bp.post("/thi-hanh/<uuid:entry_id>/xong")
@needs(May.CASE_MOVE)
def settle(case_id: UUID, entry_id: UUID) -> ResponseReturnValue:
    """Say how an order was settled."""
    form = forms.SettleForm()
    form.of(fine=False)

    def act(at: datetime) -> None:
        orders.settle(
            session(), case_id, entry_id, state=ObligationState(form.state.data), settled_on=form.settled_on.data,
            document_number=form.document_number.data, note=form.note.data or None, revision=revision(form), by=person().id,
            duties=duties(), at=at,
        )  # fmt: skip

    return do(case_id, form, act, _("It is in the file."), entry_id)


@bp.post("/thi-hanh/<uuid:entry_id>/gach")
@needs(May.CASE_MOVE)
def drop_order(case_id: UUID, entry_id: UUID) -> ResponseReturnValue:
    """Strike an order that was entered by mistake."""
    form = forms.StrikeForm()

    def act(at: datetime) -> None:
        orders.drop(
            session(), case_id, entry_id, reason=form.reason.data, revision=revision(form), by=person().id, duties=duties(), at=at
        )  # fmt: skip

    return do(case_id, form, act, _("The entry is struck."), entry_id)


@bp.post("/ban-giao/<uuid:entry_id>/nhan")
@needs(May.CASE_MOVE)
def receive(case_id: UUID, entry_id: UUID) -> ResponseReturnValue:
    """Write down who received the file that was handed over."""
    form = forms.ReceiveForm()

    def act(at: datetime) -> None:
        police.confirm(
            session(), case_id, entry_id, received_by=form.received_by.data, received_on=form.received_on.data,
            record_number=form.record_number.data, by=person().id, at=at,
        )  # fmt: skip

    return do(case_id, form, act, _("The hand-over is confirmed."), entry_id)
