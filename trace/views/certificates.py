"""Certificates of use: the list, the page of each, and the decisions about it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Form, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import NotFound, TemThatError
from trace.forms import EnumField, VietnameseDate, clean
from trace.services import applications, certificate_papers, certificates, posters, rules, suspensions, titles
from trace.services.certificates import Decision, Standing
from trace.views import lists, past, public_goods
from trace.views.applications import pdf
from trace.words import explain, say, way_out

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

RENEWABLE = {Standing.ACTIVE, Standing.SUSPENDED, Standing.EXPIRED}

bp = Blueprint("certificates", __name__, url_prefix="/giay-chung-nhan")


class DecisionForm(FlaskForm):
    """A decision with its reason and document."""

    decision = EnumField(_l("Decision"), [InputRequired(_l("Choose a decision."))], kind=Decision, blank=_l("Choose"))
    ground = SelectField(_l("Ground of the use regulation"), validate_choice=False)
    reason = TextAreaField(_l("Reason"), [DataRequired(_l("Write the reason.")), lists.at_most(2000)], filters=[clean])
    document_number = StringField(
        _l("Number of the deciding document"),
        [DataRequired(_l("Write the number of the document.")), lists.at_most(100)],
        filters=[clean],
    )


class AsOfForm(Form):
    """A title and a day."""

    title = SelectField(_l("Title"), validate_choice=False)
    on = VietnameseDate(_l("Authorised on"))


@bp.get("")
@needs(May.CERTIFICATE_READ)
def index() -> ResponseReturnValue:
    """Certificates within reach."""
    q, state, title_id = lists.text(), lists.member(Standing, "state"), lists.identity("title")
    expiring = lists.text("expiring") == "1"
    known = {line.title.id: line.title.name for line in titles.listing(session(), on=lists.today())}
    found = certificates.listing(
        session(), reach=person().reach(May.CERTIFICATE_READ), on=lists.today(), q=q, state=state,
        title_id=title_id, expiring=expiring, page=lists.page(), size=lists.SIZE,
    )  # fmt: skip
    chips = [(_("Search: %(text)s", text=q), "q", None)] if q else []
    if state:
        chips.append((say(state), "state", None))
    if title_id in known:
        chips.append((known[title_id], "title", None))
    if expiring:
        chips.append((_("To be renewed now"), "expiring", None))
    return render_template(
        "certificates/index.html", rows=found.rows, total=found.total, chips=chips, today=lists.today(), titles=list(known.items()),
        states=[(each.value, say(each)) for each in Standing], standing=certificates.standing, page=lists.page(),
        pages=lists.pages(found.total), windows=rules.renewal_windows(session(), on=lists.today()),
    )  # fmt: skip


@bp.get("/theo-ngay")
@needs(May.CERTIFICATE_READ)
def as_of() -> ResponseReturnValue:
    """Who was authorised to use a title's sign on a day of the past, or is today."""
    form = AsOfForm(request.args)
    reach = person().reach(May.CERTIFICATE_READ)
    known = [(str(line.title.id), line.title.name) for line in titles.listing(session(), on=lists.today())]
    form.title.choices = known
    good = form.validate()
    day = form.on.data or lists.today()
    own = certificates.listing(
        session(), reach=reach, on=day, size=1
    ).rows  # so that the page begins with a title of one's own
    begins = next((each for each in known if own and each[0] == str(own[0].title_id)), known[0] if known else None)
    chosen = next((each for each in known if each[0] == form.title.data), begins)
    form.title.data = chosen[0] if chosen else None
    rows = certificates.holders_on(session(), UUID(chosen[0]), as_of=day, reach=reach) if chosen and good else []
    page = render_template("certificates/as_of.html", form=form, rows=rows, day=day, chosen=chosen, good=good)
    return page, 200 if good else 422


@bp.get("/<uuid:certificate_id>/giay-chung-nhan.pdf")
@needs(May.CERTIFICATE_READ)
def paper(certificate_id: UUID) -> ResponseReturnValue:
    """The certificate as a paper, with a QR to its public page."""
    return pdf(
        *certificate_papers.of_certificate(
            session(), certificate_id, host=current_app.config["TEMTHAT"].host, at=clock.now(),
            reach=person().reach(May.CERTIFICATE_READ),
        )
    )  # fmt: skip


@bp.get("/<uuid:certificate_id>/to-dan/<uuid:product_id>.pdf")
@needs(May.CERTIFICATE_READ)
def poster(certificate_id: UUID, product_id: UUID) -> ResponseReturnValue:
    """The poster for shops with the holder's name, as long as the right is in force."""
    certificate = certificates.get(session(), certificate_id, reach=person().reach(May.CERTIFICATE_READ))
    goods = posters.goods_of(session(), certificate, on=lists.today())
    product = next((each for each in goods if each.id == product_id), None)
    if product is None:
        raise NotFound
    return public_goods.posted(product, request.args.get("kho"), certificate.holder.name)


@bp.get("/<uuid:certificate_id>")
@needs(May.CERTIFICATE_READ)
def show(certificate_id: UUID) -> ResponseReturnValue:
    """One certificate with what it covers and what was decided about it."""
    return _page(certificate_id, DecisionForm())


@bp.post("/<uuid:certificate_id>/quyet-dinh")
@needs(May.CERTIFICATE_DECIDE)
def decide(certificate_id: UUID) -> ResponseReturnValue:
    """Suspend, reinstate, revoke, or note that the holder gave it up."""
    form = DecisionForm()
    reach = person().reach(May.CERTIFICATE_DECIDE)
    certificates.get(session(), certificate_id, reach=reach)
    if not form.validate_on_submit():
        return _page(certificate_id, form), 422
    try:
        certificates.decide(
            session(), certificate_id, form.decision.data, reason=form.reason.data, document_number=form.document_number.data, ground=form.ground.data or None,
            by=person().id, at=clock.now(), reach=reach,
        )  # fmt: skip
    except TemThatError as exc:
        return _page(certificate_id, form, [exc]), exc.status
    session().commit()
    flash(_("The decision has been recorded. Scans answer by it from now on."), "success")
    return redirect(url_for(".show", certificate_id=certificate_id), 303)


def _page(certificate_id: UUID, form: DecisionForm, refusals: list[TemThatError] | None = None) -> str:
    reasons = [{"message": explain(exc), "way_out": way_out(exc)} for exc in refusals or ()]
    certificate = certificates.get(session(), certificate_id, reach=person().reach(May.CERTIFICATE_READ))
    decides = person().may(May.CERTIFICATE_DECIDE) and person().reach(May.CERTIFICATE_DECIDE).includes(
        holder_id=certificate.holder_id, title_id=certificate.title_id
    )
    open_decisions = certificates.decisions_for(certificate, lists.today()) if decides else []
    form.decision.choices = [("", _("Choose")), *((each.value, say(each)) for each in open_decisions)]
    named = certificates.grounds(session(), certificate.title_id, on=lists.today()) if open_decisions else {}
    form.ground.choices = {
        _("No ground named, all is said in the reason"): [("", "–")],
        **{say(decision): [(text, text) for text in texts] for decision, texts in named.items() if texts and decision in open_decisions},
    }  # fmt: skip
    writes = person().may(May.APPLICATION_WRITE) and person().reach(May.APPLICATION_WRITE).includes(
        holder_id=certificate.holder_id
    )
    opens = applications.renewal_opens(session(), certificate, on=lists.today())
    return render_template(
        "certificates/show.html",
        certificate=certificate,
        standing=certificates.standing(certificate, lists.today()),
        changes=certificates.status_changes(session(), certificate_id),
        decisions=open_decisions,
        form=form,
        reasons=reasons,
        events=past.of(certificate_id),
        proposals=suspensions.listing(session(), reach=person().reach(May.CONTROL_READ), certificate_id=certificate_id)[
            0
        ]
        if person().may(May.CONTROL_READ)
        else [],
        has_grounds=len(form.ground.choices) > 1,
        renewals=applications.of_certificate(session(), certificate_id, reach=person().reach(May.APPLICATION_READ))
        if person().may(May.APPLICATION_READ)
        else [],
        opens=opens,
        poster_goods=posters.goods_of(session(), certificate, on=lists.today())
        if certificates.standing(certificate, lists.today()) is Standing.ACTIVE
        else [],
        renewable=writes and lists.today() >= opens and certificates.standing(certificate, lists.today()) in RENEWABLE,
    )
