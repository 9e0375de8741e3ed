"""Proposals to suspend a certificate: the list, and a person's decision on each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import TemThatError
from trace.forms import PostForm, clean
from trace.models.control_papers import ProposalState
from trace.services import suspensions
from trace.views import lists
from trace.views.controls import every, tabs, told
from trace.words import say

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

bp = Blueprint("suspensions", __name__, url_prefix="/kiem-soat/de-xuat")


class AcceptForm(PostForm):
    """A suspension with its document."""

    reason = TextAreaField(_l("Reason"), [DataRequired(_l("Write the reason.")), lists.at_most(2000)], filters=[clean])
    document_number = StringField(
        _l("Number of the deciding document"), [DataRequired(_l("Write the number of the document.")), lists.at_most(100)], filters=[clean]
    )  # fmt: skip


class DismissForm(PostForm):
    """Why nothing is suspended."""

    reason = TextAreaField(_l("Reason"), [DataRequired(_l("Write the reason.")), lists.at_most(2000)], filters=[clean])


@bp.get("")
@needs(May.CONTROL_READ)
def index() -> ResponseReturnValue:
    """Proposals within reach; those that wait for a decision, unless another state is asked for."""
    asked = lists.member(ProposalState, "state")
    state = asked or ProposalState.OPEN
    rows, total = suspensions.listing(
        session(), reach=person().reach(May.CONTROL_READ), state=state, page=lists.page(), size=lists.SIZE
    )
    return render_template(
        "lab/proposals.html", rows=rows, total=total, tabs=tabs("proposal"), page=lists.page(), pages=lists.pages(total), state=state,
        chips=[(say(asked), "state", None)] if asked else [], states=[(each.value, say(each)) for each in ProposalState],
    )  # fmt: skip


@bp.get("/<uuid:proposal_id>")
@needs(May.CONTROL_READ)
def show(proposal_id: UUID) -> ResponseReturnValue:
    """One proposal, to be decided by whoever may decide on certificates."""
    return _page(proposal_id)


@bp.post("/<uuid:proposal_id>/dinh-chi")
@needs(May.CERTIFICATE_DECIDE)
def accept(proposal_id: UUID) -> ResponseReturnValue:
    """Suspend the certificate."""
    form, reach = AcceptForm(prefix="accept"), person().reach(May.CERTIFICATE_DECIDE)
    suspensions.get(session(), proposal_id, reach=reach)
    if not form.validate():
        return _page(proposal_id, accept_form=form), 422
    try:
        suspended = suspensions.accept(
            session(), proposal_id, reason=form.reason.data, document_number=form.document_number.data, by=person().id, at=clock.now(),
            reach=reach,
        )  # fmt: skip
    except TemThatError as exc:
        session().rollback()
        return _page(proposal_id, accept_form=form, refusals=every(exc)), exc.status
    place = url_for("certificates.show", certificate_id=suspended.id)
    session().commit()
    flash(_("The certificate is suspended. Scans answer by it from now on."), "success")
    return redirect(place, 303)


@bp.post("/<uuid:proposal_id>/khong-dinh-chi")
@needs(May.CERTIFICATE_DECIDE)
def dismiss(proposal_id: UUID) -> ResponseReturnValue:
    """Leave the certificate as it is."""
    form, reach = DismissForm(prefix="dismiss"), person().reach(May.CERTIFICATE_DECIDE)
    suspensions.get(session(), proposal_id, reach=reach)
    if not form.validate():
        return _page(proposal_id, dismiss_form=form), 422
    try:
        suspensions.dismiss(
            session(), proposal_id, reason=form.reason.data, by=person().id, at=clock.now(), reach=reach
        )
    except TemThatError as exc:
        session().rollback()
        return _page(proposal_id, dismiss_form=form, refusals=every(exc)), exc.status
    session().commit()
    flash(_("The proposal is settled: the certificate stays as it is."), "success")
    return redirect(url_for(".index"), 303)


def _page(
    proposal_id: UUID, *, accept_form: AcceptForm | None = None, dismiss_form: DismissForm | None = None,
    refusals: tuple[TemThatError, ...] = (),
) -> str:  # fmt: skip
    proposal = suspensions.get(session(), proposal_id, reach=person().reach(May.CONTROL_READ))
    certificate = proposal.certificate
    decides = person().may(May.CERTIFICATE_DECIDE) and person().reach(May.CERTIFICATE_DECIDE).includes(
        holder_id=certificate.holder_id, title_id=certificate.title_id
    )
    grounds = f"{say(proposal.ground)}: {proposal.nonconformity.description}"
    return render_template(
        "lab/proposal.html", proposal=proposal, certificate=certificate, found=proposal.nonconformity,
        decides=decides and proposal.state is ProposalState.OPEN,
        accept_form=accept_form or AcceptForm(formdata=None, prefix="accept", data={"reason": grounds}),
        dismiss_form=dismiss_form or DismissForm(formdata=None, prefix="dismiss"), reasons=told(refusals),
    )  # fmt: skip
