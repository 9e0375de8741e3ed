"""Lots: the list, recording one, its page, certifying and recalling."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Refused, TemThatError
from trace.forms import VietnameseDate, VietnameseDecimal, clean
from trace.models.areas import GrowingArea
from trace.models.lots import LotOrigin, LotState
from trace.services import controls, lot_chain, lot_recording, lots, preharvest, releases, rules
from trace.views import lists, past
from trace.views.lot_changes import left_to_move
from trace.views.once import once
from trace.words import explain, say, way_out

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

bp = Blueprint("lots", __name__, url_prefix="/lo")


class LotForm(FlaskForm):
    """A lot about to be recorded."""

    code = StringField(_l("Lot code"), [DataRequired(_l("Write the lot code.")), lists.at_most(40)], filters=[clean])
    source = lists.Choice(_l("Area or site"), [InputRequired(_l("Choose an area or site."))])
    season = lists.Choice(_l("Product and season"), [InputRequired(_l("Choose a product and season."))])
    volume_kg = VietnameseDecimal(_l("Volume"), [InputRequired(_l("Write the volume."))])
    harvested_on = VietnameseDate(_l("Harvested"), [InputRequired(_l("Write the date of harvest."))])
    packed_on = VietnameseDate(_l("Packed"), [InputRequired(_l("Write the date of packing."))])
    expires_on = VietnameseDate(_l("Best before"), [InputRequired(_l("Write the date of expiry."))])


class RecallForm(FlaskForm):
    """Why a lot is recalled."""

    reason = TextAreaField(_l("Reason"), [DataRequired(_l("Write the reason.")), lists.at_most(1000)], filters=[clean])


@bp.get("")
@needs(May.LOT_READ)
def index() -> ResponseReturnValue:
    """Lots within reach."""
    q, state, title_id, page = lists.text(), lists.member(LotState, "state"), lists.identity("title"), lists.page()
    origin = lists.member(LotOrigin, "origin")
    rows, total = lots.listing(
        session(), reach=person().reach(May.LOT_READ), q=q, state=state, origin=origin, title_id=title_id, page=page, size=lists.SIZE
    )  # fmt: skip
    chips = [(_("Search: %(text)s", text=q), "q", None)] if q else []
    if state:
        chips.append((say(state), "state", None))
    if origin:
        chips.append((say(origin), "origin", None))
    return render_template(
        "lots/index.html", rows=rows, total=total, chips=chips, page=page, pages=lists.pages(total),
        states=[(each.value, say(each)) for each in LotState], origins=[(each.value, say(each)) for each in LotOrigin],
    )  # fmt: skip


@bp.route("/moi", methods=["GET", "POST"])
@needs(May.LOT_RECORD)
def new() -> ResponseReturnValue:
    """Record a lot."""
    form = LotForm()
    reach = person().reach(May.LOT_RECORD)
    sources, seasons = controls.sources(session(), reach=reach), lots.seasons(session(), reach=reach)
    form.source.choices = [("", "–"), *(_choice(source) for source in sources)]
    form.season.choices = [("", "–"), *((str(found.id), f"{found.product.name}, {found.name}") for found in seasons)]
    left = [
        (f"{season.product.name}, {season.name}", lots.left_of_balance(session(), party.id, season.id))
        for party in person().parties_for(May.LOT_RECORD)
        for season in seasons
    ]

    def page(reasons: tuple[TemThatError, ...] = ()) -> str:
        told = [_reason(exc) for exc in reasons]
        return render_template("lots/new.html", form=form, reasons=told, left=left, ready=bool(sources and seasons))

    if request.method != "POST":
        return page()
    if not form.validate():
        return page(), 422
    with once("lots.new") as key:
        if key.done:
            return redirect(key.location, 303)
        kind, source_id = form.source.data.split(":")
        try:
            lot = lot_recording.record(
                session(),
                code=form.code.data,
                season_id=UUID(form.season.data),
                area_id=UUID(source_id) if kind == "area" else None,
                site_id=UUID(source_id) if kind == "site" else None,
                volume_g=int(form.volume_kg.data * 1000),
                harvested_on=form.harvested_on.data,
                packed_on=form.packed_on.data,
                expires_on=form.expires_on.data,
                by=person().id,
                at=clock.now(),
                reach=reach,
            )
        except Refused as exc:
            return page(exc.reasons), exc.status
        key.settle(url_for(".show", lot_id=lot.id))
    session().commit()
    flash(_("The lot has been recorded and waits for certification."), "success")
    return redirect(key.location, 303)


@bp.get("/<uuid:lot_id>")
@needs(May.LOT_READ)
def show(lot_id: UUID) -> ResponseReturnValue:
    """One lot with its labels and history."""
    return _page(lot_id, RecallForm())


@bp.post("/<uuid:lot_id>/chung-nhan")
@needs(May.LOT_CERTIFY)
def certify(lot_id: UUID) -> ResponseReturnValue:
    """Release a lot for labels."""
    reach = person().reach(May.LOT_CERTIFY)
    lots.get(session(), lot_id, reach=reach)
    try:
        lots.certify(session(), lot_id, by=person().id, at=clock.now(), reach=reach)
    except TemThatError as exc:
        refusals = list(exc.reasons) if isinstance(exc, Refused) else [exc]
        return _page(lot_id, RecallForm(formdata=None), refusals), exc.status
    session().commit()
    flash(
        _("The lot has been certified. Labels can be ordered for it as soon as nothing else stands against it."),
        "success",
    )
    return redirect(url_for(".show", lot_id=lot_id), 303)


@bp.post("/<uuid:lot_id>/thu-hoi")
@needs(May.LOT_CERTIFY)
def recall(lot_id: UUID) -> ResponseReturnValue:
    """Call a lot back."""
    form = RecallForm()
    reach = person().reach(May.LOT_CERTIFY)
    lots.get(session(), lot_id, reach=reach)
    if not form.validate_on_submit():
        return _page(lot_id, form), 422
    try:
        lots.recall(session(), lot_id, reason=form.reason.data, by=person().id, at=clock.now(), reach=reach)
    except TemThatError as exc:
        return _page(lot_id, form, [exc]), exc.status
    session().commit()
    flash(_("The lot is being recalled. Scans say so from now on."), "success")
    return redirect(url_for(".show", lot_id=lot_id), 303)


def _page(lot_id: UUID, form: RecallForm, refusals: list[TemThatError] | None = None) -> str:
    lot = lots.get(session(), lot_id, reach=person().reach(May.LOT_READ))
    who, own = person(), {"holder_id": lot.holder_id, "title_id": lot.certificate.title_id}
    certifies = who.may(May.LOT_CERTIFY) and who.reach(May.LOT_CERTIFY).includes(**own)
    return render_template(
        "lots/show.html",
        lot=lot,
        form=form,
        certifies=certifies and lot.state is LotState.DRAFT,
        recalls=certifies and lot.state in lots.RECALLABLE,
        reached=lots.coded(session(), lot_chain.descendants(session(), [lot_id])),
        orders=lots.labels_of(session(), lot_id) if person().may(May.LABEL_READ) else None,
        reasons=[_reason(exc) for exc in refusals or ()],
        events=past.of(lot_id),
        parents=lot_chain.parents(session(), lot_id),
        children=lot_chain.children(session(), lot_id),
        keepers=lot_chain.keepers(session(), lot_id),
        struck=preharvest.struck(session(), lot_id),
        releases=releases.of_lot(session(), lot_id),
        wants_release=rules.in_force(session(), lot.certificate.title_id, on=lists.today()).external_release,
        moves=who.may(May.LOT_RECORD) and who.reach(May.LOT_RECORD).includes(**own) and left_to_move(lot),
        may_release=who.may(May.LOT_RELEASE) and who.reach(May.LOT_RELEASE).includes(**own) and lot.state is not LotState.RECALLED,
    )  # fmt: skip


def _reason(exc: TemThatError) -> dict[str, str | None]:
    """A refusal with its way out, and where that leads."""
    url = None
    if isinstance(exc, preharvest.HarvestedTooSoon) and person().may(May.FARM_LOG_READ):
        url = url_for("farm_log.show", entry_id=exc.facts["entry_id"])
    return {"message": explain(exc), "way_out": way_out(exc), "url": url}


def _choice(source: controls.Source) -> tuple[str, str]:
    kind = "area" if isinstance(source, GrowingArea) else "site"
    return f"{kind}:{source.id}", source.name
