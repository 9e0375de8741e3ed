"""Written delegations of the power to sign: listed for the desk, entered and revoked by heads."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import DataRequired, InputRequired, Length

from enforcement import authority
from enforcement.competence import Signer
from enforcement.errors import NotADelegator
from enforcement.models import DelegationScope
from enforcement.transitions import Duty
from enforcement.views.law import bp, tabs
from enforcement.views.words import duties
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import TemThatError
from trace.forms import EnumField, VietnameseDate, clean
from trace.views import lists
from trace.views.lists import Choice
from trace.views.once import once
from trace.words import explain, say, way_out

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

LINE_MOST = 200


class DelegateForm(FlaskForm):
    """A written delegation."""

    giver = Choice(_l("Whose power"), [InputRequired(_l("Choose one."))])
    taker = Choice(_l("Delegated to"), [InputRequired(_l("Choose one."))])
    scope = EnumField(_l("Which powers"), [InputRequired(_l("Choose one."))], kind=DelegationScope)
    decision_number = StringField(
        _l("Number of the decision"), [DataRequired(_l("Fill in this field.")), Length(max=LINE_MOST)], filters=[clean]
    )
    starts_on = VietnameseDate(_l("First day"), [InputRequired(_l("Write the day."))])
    ends_on = VietnameseDate(_l("Last day"), [InputRequired(_l("Write the day."))])


class RevokeForm(FlaskForm):
    """Why a delegation ends."""

    why = StringField(
        _l("Reason"), [DataRequired(_l("Fill in this field.")), Length(max=LINE_MOST)], filters=[clean], id="revoke-why"
    )


@bp.get("/giao-quyen")
@needs(May.LAW_READ)
def delegations() -> ResponseReturnValue:
    """All delegations."""
    return _page()


@bp.post("/giao-quyen")
@needs(May.DELEGATION_ENTER)
def delegate() -> ResponseReturnValue:
    """Enter a delegation: a head the own one, the branch head those of the team heads too."""
    form = _offer(DelegateForm())
    if not form.validate():
        return _page(form), 422
    with once("law.delegate") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            _may_enter_for(UUID(form.giver.data))
            authority.delegate(
                session(), from_id=UUID(form.giver.data), to_id=UUID(form.taker.data), scope=form.scope.data,
                decision_number=form.decision_number.data, starts_on=form.starts_on.data, ends_on=form.ends_on.data,
                by=person().id, at=clock.now(),
            )  # fmt: skip
        except TemThatError as exc:
            session().rollback()
            return _page(form, exc), exc.status
        key.settle(url_for(".delegations"))
    session().commit()
    flash(_("The delegation has been entered."), "success")
    return redirect(key.location, 303)


@bp.post("/giao-quyen/<uuid:delegation_id>/thu-hoi")
@needs(May.DELEGATION_ENTER)
def revoke(delegation_id: UUID) -> ResponseReturnValue:
    """Revoke a delegation from today on. Once revoked it cannot be revoked again, so it needs no key."""
    form = RevokeForm()
    if not form.validate():
        return _page(revoking=form), 422
    try:
        found = authority.revoke(session(), delegation_id, why=form.why.data, by=person().id, at=clock.now())
        _may_enter_for(found.from_id)
    except TemThatError as exc:
        session().rollback()
        return _page(None, exc), exc.status
    session().commit()
    flash(_("The delegation has been revoked."), "success")
    return redirect(url_for(".delegations"), 303)


def _may_enter_for(giver: UUID) -> None:
    if giver != person().id and Duty.BRANCH_HEAD not in duties():
        raise NotADelegator


def _offer(form: DelegateForm) -> DelegateForm:
    people = authority.people(session(), lists.today())
    named = [(str(user.id), f"{user.full_name} ({say(signer)})", signer) for user, signer in people]
    form.giver.choices = [("", "–"), *((key, name) for key, name, signer in named if signer in authority.HEAD_ROLE)]
    # The head of the branch cannot be given anything by the line below.
    form.taker.choices = [("", "–"), *((key, name) for key, name, signer in named if signer is not Signer.BRANCH_HEAD)]
    return form


def _page(form: DelegateForm | None = None, exc: TemThatError | None = None, revoking: RevokeForm | None = None) -> str:
    return render_template(
        "desk/law_delegations.html",
        law_tabs=tabs("delegations"),
        rows=authority.delegations(session()),
        today=lists.today(),
        form=form or _offer(DelegateForm(formdata=None, data={"giver": str(person().id)})),
        failed=form or revoking,
        revoke_form=revoking or RevokeForm(formdata=None),
        reasons=[{"message": explain(exc), "way_out": way_out(exc)}] if exc else [],
    )
