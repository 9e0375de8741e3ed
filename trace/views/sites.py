"""Production sites: the page of one, recording it, changing it. They are listed beside the growing areas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, StringField
from wtforms.validators import DataRequired, InputRequired, NumberRange, Optional

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Refused
from trace.forms import EnumField, PostForm, VietnameseDecimal, VietnameseInteger, WardField, clean
from trace.models.areas import SiteKind, SiteStatus
from trace.services import area_edits, editing, farm_log, outlines, preharvest, sites
from trace.views import lists, past
from trace.views.once import once
from trace.words import explain, way_out

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

bp = Blueprint("sites", __name__, url_prefix="/co-so")

GRAMS_PER_KG = 1000
FIELD_OF = {
    area_edits.CommuneGone: "commune",
    area_edits.HolderNotYours: "holder",
    area_edits.SourceInUse: "holder",
    sites.SiteNameTaken: "name",
    sites.SiteOutsideCity: "place",
    sites.SiteOutsideTerritory: "place",
}


class SiteForm(PostForm):
    """A production site about to be recorded or changed."""

    revision = HiddenField()
    name = StringField(
        _l("Name of the site"), [DataRequired(_l("Write the name of the site.")), lists.at_most(120)], filters=[clean]
    )
    kind = EnumField(_l("Kind"), [InputRequired(_l("Choose the kind."))], kind=SiteKind, blank="–")
    holder = lists.Choice(_l("Holder"), [InputRequired(_l("Choose a holder."))])
    title = lists.Choice(_l("Title"), [InputRequired(_l("Choose a title."))])
    commune = WardField(_l("Ward or commune"), [InputRequired(_l("Choose a ward or commune."))])
    place = StringField(_l("Location"), [Optional(), lists.at_most(60)], filters=[clean])
    capacity_kg = VietnameseDecimal(
        _l("Capacity of a season"),
        [
            InputRequired(_l("Write the capacity.")),
            NumberRange(0.001, 1_000_000_000, _l("A capacity lies between 0,001 and 1.000.000.000 kg.")),
        ],
    )
    units = VietnameseInteger(
        _l("Number of vats, hives or pens"),
        [Optional(), NumberRange(1, 1_000_000, _l("Write a number from 1 to 1.000.000."))],
    )
    status = EnumField(_l("Status"), [InputRequired(_l("Choose a status."))], kind=SiteStatus)
    why = StringField(_l("Reason for the change"), [Optional(), lists.at_most(500)], filters=[clean])

    point: tuple[float, float] | None = None

    def offer(self) -> None:
        """Holders, titles and communes that this person may choose."""
        reach = person().reach(May.AREA_EDIT)
        holders, titles = area_edits.holders(session(), reach=reach), area_edits.titles(session(), reach=reach)
        self.holder.choices = [("", "–"), *((str(party.id), party.name) for party in holders)]
        self.title.choices = [("", "–"), *((str(title.id), title.name) for title in titles)]
        self.commune.offer(lists.wards(lists.today()))
        if request.method == "GET":
            for field, found in ((self.holder, holders), (self.title, titles)):
                if len(found) == 1 and not field.data:
                    field.data = str(found[0].id)

    def judge(self) -> bool:
        """Whether every field is good; the point is read on the way."""
        good = self.validate()
        if self.place.data:
            try:
                self.point = outlines.point(self.place.data)
            except outlines.PointUnreadable as exc:
                self.object_to([exc])
                return False
        return bool(good)

    def facts(self) -> sites.SiteFacts:
        """What was entered. Only after `judge`."""
        return sites.SiteFacts(
            name=self.name.data,
            kind=self.kind.data,
            holder_id=UUID(self.holder.data),
            title_id=UUID(self.title.data),
            commune_code=self.commune.data,
            capacity_g=int(self.capacity_kg.data * GRAMS_PER_KG),
            units=self.units.data,
            status=self.status.data,
            point=self.point,
        )

    def object_to(self, reasons: Any) -> None:
        """Say each refusal at the field that it belongs to."""
        for reason in reasons:
            field = self[FIELD_OF.get(type(reason), "place")]
            field.errors = [*field.errors, " ".join(filter(None, (explain(reason), way_out(reason))))]


@bp.get("/<uuid:site_id>")
@needs(May.AREA_READ)
def show(site_id: UUID) -> ResponseReturnValue:
    """One site: what it is, where it lies, what covers it and what came from it."""
    who = person()
    found = sites.show(session(), site_id, reach=who.reach(May.AREA_READ))
    own = {"holder_id": found.site.holder_id, "title_id": found.site.title_id}
    return render_template(
        "areas/site.html",
        found=found,
        site=found.site,
        place=outlines.place(found.lon, found.lat),
        certificates=sites.certificates_of(session(), site_id, reach=who.reach(May.CERTIFICATE_READ))
        if who.may(May.CERTIFICATE_READ)
        else None,
        lots=sites.lots_of(session(), site_id=site_id, reach=who.reach(May.LOT_READ))
        if who.may(May.LOT_READ)
        else None,
        work=farm_log.listing(session(), site_id=site_id, reach=who.reach(May.FARM_LOG_READ), struck=False, size=5)[0]
        if who.may(May.FARM_LOG_READ)
        else None,
        right_from=preharvest.right_from,
        may_log=who.may(May.FARM_LOG_WRITE) and who.reach(May.FARM_LOG_WRITE).includes(**own),
        may_edit=who.may(May.AREA_EDIT) and who.reach(May.AREA_EDIT).includes(**own),
        events=past.of(site_id),
    )


@bp.route("/moi", methods=["GET", "POST"])
@needs(May.AREA_EDIT)
def new() -> ResponseReturnValue:
    """Record a site."""
    form = SiteForm()
    form.offer()
    if request.method != "POST":
        return _page(form)
    if not form.judge():
        return _page(form), 422
    with once("sites.new") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            site = sites.record(
                session(), form.facts(), by=person().id, at=clock.now(), reach=person().reach(May.AREA_EDIT)
            )
        except Refused as exc:
            session().rollback()
            form.object_to(exc.reasons)
            return _page(form), 422
        location = url_for(".show", site_id=site.id)
        key.settle(location)
        session().commit()
    flash(_("The production site was recorded."), "success")
    return redirect(location, 303)


@bp.route("/<uuid:site_id>/sua", methods=["GET", "POST"])
@needs(May.AREA_EDIT)
def edit(site_id: UUID) -> ResponseReturnValue:
    """Change a site from the revision that the form was drawn from."""
    found = sites.show(session(), site_id, reach=person().reach(May.AREA_EDIT))
    site = found.site
    form = SiteForm(
        data={
            "revision": site.revision, "name": site.name, "kind": site.kind, "holder": str(site.holder_id),
            "title": str(site.title_id), "commune": site.commune_code, "place": outlines.place(found.lon, found.lat),
            "capacity_kg": lists.kilograms(site.capacity_g), "units": site.units, "status": site.status,
        }
    )  # fmt: skip
    form.offer()
    if request.method != "POST":
        return _page(form, site)
    if not form.judge():
        return _page(form, site), 422
    asked = form.revision.data or ""
    try:
        sites.revise(
            session(), site_id, form.facts(), revision=int(asked) if str(asked).isdecimal() else 0,
            why=form.why.data or None, by=person().id, at=clock.now(), reach=person().reach(May.AREA_EDIT),
        )  # fmt: skip
    except editing.EditedMeanwhile as exc:
        told, now = past.told(exc.deeds), exc.record.revision
        session().rollback()
        form.revision.data = now
        return _page(form, _again(site_id), told), 409
    except Refused as exc:
        session().rollback()
        form.object_to(exc.reasons)
        return _page(form, _again(site_id)), 422
    session().commit()
    flash(_("The production site was changed."), "success")
    return redirect(url_for(".show", site_id=site_id), 303)


def _again(site_id: UUID) -> Any:
    return sites.show(session(), site_id, reach=person().reach(May.AREA_EDIT)).site


def _page(form: SiteForm, site: Any = None, meanwhile: Any = ()) -> str:
    return render_template("areas/site_edit.html", form=form, site=site, meanwhile=meanwhile)
