"""Recording and changing a growing area: the form, what it says about a boundary while it is drawn, and the first words of a refusal.

The form is complete without scripts: the boundary is text, one point a line. What must not live here: the judging of boundaries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, NumberRange, Optional

from trace import clock, sizes
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Invalid, NotFound, Refused, TemThatError
from trace.forms import PostForm, VietnameseDecimal, VietnameseInteger, WardField, clean, decimal_number
from trace.services import area_edits, areas, boundaries, editing, outlines
from trace.services import boundary_faults as faults
from trace.views import lists, past
from trace.views.once import once
from trace.words import explain, way_out

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

bp = Blueprint("area_forms", __name__, url_prefix="/vung-trong")

MOST_HA = 100_000
# Which field a refusal belongs to; what is not named here speaks of the boundary.
FIELD_OF = {
    area_edits.AreaNameTaken: "name",
    area_edits.CommuneGone: "commune",
    area_edits.HolderNotYours: "holder",
    area_edits.PlantedInFuture: "planted_in",
    area_edits.SourceInUse: "holder",
}


class AreaForm(PostForm):
    """A growing area about to be recorded or changed."""

    revision = HiddenField()
    name = StringField(
        _l("Name of the area"), [DataRequired(_l("Write the name of the area.")), lists.at_most(120)], filters=[clean]
    )
    holder = lists.Choice(_l("Holder"), [InputRequired(_l("Choose a holder."))])
    title = lists.Choice(_l("Title"), [InputRequired(_l("Choose a title."))])
    commune = WardField(_l("Ward or commune"), [InputRequired(_l("Choose a ward or commune."))])
    declared_ha = VietnameseDecimal(
        _l("Declared size of the land"),
        [
            InputRequired(_l("Write the size in hectares.")),
            NumberRange(0.0001, MOST_HA, _l("A size lies between 0,0001 and 100.000 ha.")),
        ],
    )
    crop = StringField(_l("Crop"), [Optional(), lists.at_most(80)], filters=[clean])
    variety = StringField(_l("Variety"), [Optional(), lists.at_most(80)], filters=[clean])
    trees = VietnameseInteger(
        _l("Number of trees"), [Optional(), NumberRange(1, 10_000_000, _l("Write a number from 1 to 10.000.000."))]
    )
    planted_in = VietnameseInteger(
        _l("Planting year"), [Optional(), NumberRange(1900, 2100, _l("Write a year with four digits, such as 2015."))]
    )
    outline = TextAreaField(_l("Points of the boundary"), [DataRequired(_l("Draw the boundary, or write its points."))])
    why = StringField(_l("Reason for the change"), [Optional(), lists.at_most(500)], filters=[clean])

    def offer(self) -> None:
        """Holders, titles and communes that this person may choose."""
        reach = person().reach(May.AREA_EDIT)
        holders, titles = area_edits.holders(session(), reach=reach), area_edits.titles(session(), reach=reach)
        self.holder.choices = [("", "–"), *((str(party.id), party.name) for party in holders)]
        self.title.choices = [("", "–"), *((str(title.id), title.name) for title in titles)]
        self.commune.offer(lists.wards(lists.today()))
        if request.method == "GET":
            # A list of one needs no choosing.
            for field, found in ((self.holder, holders), (self.title, titles)):
                if len(found) == 1 and not field.data:
                    field.data = str(found[0].id)

    def facts(self) -> area_edits.AreaFacts:
        """What was entered, the boundary aside. Only after `validate`."""
        return area_edits.AreaFacts(
            name=self.name.data,
            holder_id=UUID(self.holder.data),
            title_id=UUID(self.title.data),
            commune_code=self.commune.data,
            declared_ha=self.declared_ha.data,
            crop=self.crop.data or None,
            variety=self.variety.data or None,
            trees=self.trees.data,
            planted_in=self.planted_in.data,
        )

    def shape(self) -> dict[str, Any] | None:
        """The boundary that the points make; what cannot be read is said at the field, and None returned."""
        try:
            return outlines.read(self.outline.data or "")
        except Refused as exc:
            self.object_to(exc.reasons)
            return None

    def judge(self) -> dict[str, Any] | None:
        """The boundary if all fields are good, else None with everything wrong said at its field, the boundary's faults included."""
        good = self.validate()
        shape = self.shape() if not self.outline.errors else None
        if good and not self.outline.errors:
            return shape
        title = _uuid(self.title.data)
        if shape is not None and title is not None and not self.title.errors:
            checked = area_edits.check(
                session(),
                shape=shape,
                title_id=title,
                declared_ha=None,
                area_id=None,
                reach=person().reach(May.AREA_EDIT),
            )
            self.object_to([each for each in checked.faults if not isinstance(each, OF_NEIGHBOURS)])
        return None

    def object_to(self, reasons: Any) -> None:
        """Say each refusal at the field that it belongs to."""
        for reason in reasons:
            field = self[FIELD_OF.get(type(reason), "outline")]
            field.errors = [*field.errors, " ".join(filter(None, (explain(reason), way_out(reason))))]


# While other fields are wrong it is not known which area this is, so its own old boundary would be taken for a neighbour's.
OF_NEIGHBOURS = (
    faults.OverlapsArea, faults.OverlapsOtherOrganisation, faults.DuplicateOfArea, faults.DuplicateOfOtherOrganisation,
)  # fmt: skip


@bp.route("/moi", methods=["GET", "POST"])
@needs(May.AREA_EDIT)
def new() -> ResponseReturnValue:
    """Record an area."""
    form = AreaForm()
    form.offer()
    if request.method != "POST":
        return _page(form)
    shape = form.judge()
    if shape is None:
        return _page(form), 422
    with once("areas.new") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            area = area_edits.record(
                session(),
                form.facts(),
                shape=shape,
                by=person().id,
                at=clock.now(),
                reach=person().reach(May.AREA_EDIT),
            )
        except Refused as exc:
            session().rollback()
            form.object_to(exc.reasons)
            return _page(form), 422
        location = url_for("areas.show", area_id=area.id)
        key.settle(location)
        session().commit()
    flash(_("The growing area was recorded."), "success")
    return redirect(location, 303)


@bp.route("/<uuid:area_id>/sua", methods=["GET", "POST"])
@needs(May.AREA_EDIT)
def edit(area_id: UUID) -> ResponseReturnValue:
    """Change an area from the revision that the form was drawn from."""
    found = areas.show(session(), area_id, reach=person().reach(May.AREA_EDIT))
    area = found.area
    form = AreaForm(
        data={
            "revision": area.revision, "name": area.name, "holder": str(area.holder_id), "title": str(area.title_id),
            "commune": area.commune_code, "declared_ha": area.declared_ha, "crop": area.crop, "variety": area.variety,
            "trees": area.trees, "planted_in": area.planted_in, "outline": outlines.write(found.shape),
        }
    )  # fmt: skip
    form.offer()
    if request.method != "POST":
        return _page(form, found)
    shape = form.judge()
    if shape is None:
        return _page(form, found), 422
    try:
        area_edits.revise(
            session(), area_id, form.facts(), revision=_whole(form.revision.data), shape=shape, why=form.why.data or None,
            by=person().id, at=clock.now(), reach=person().reach(May.AREA_EDIT),
        )  # fmt: skip
    except editing.EditedMeanwhile as exc:
        told, now = past.told(exc.deeds), exc.record.revision
        session().rollback()
        form.revision.data = now
        return _page(form, areas.show(session(), area_id, reach=person().reach(May.AREA_EDIT)), told), 409
    except Refused as exc:
        session().rollback()
        form.object_to(exc.reasons)
        return _page(form, areas.show(session(), area_id, reach=person().reach(May.AREA_EDIT))), 422
    session().commit()
    flash(_("The growing area was changed."), "success")
    return redirect(url_for("areas.show", area_id=area_id), 303)


@bp.post("/kiem-ranh")
@needs(May.AREA_EDIT)
def check() -> ResponseReturnValue:
    """What would be said of a boundary if it were saved now, for the page that draws it. Nothing is kept."""
    try:
        asked = request.get_json(silent=True)
    except RecursionError:  # lists within lists within lists
        asked = None
    if not isinstance(asked, dict):
        raise Invalid
    title_id, area_id = _uuid(asked.get("title")), _uuid(asked.get("area"))
    if title_id is None:
        raise NotFound
    try:
        declared = decimal_number(str(asked.get("declared") or ""))
    except ValueError:
        declared = None
    checked = area_edits.check(
        session(), shape=asked.get("shape"), title_id=title_id, declared_ha=declared, area_id=area_id,
        reach=person().reach(May.AREA_EDIT),
    )  # fmt: skip
    return jsonify(_told(checked))


def _told(checked: boundaries.Checked) -> dict[str, Any]:
    return {
        "hectares": float(sizes.hectares(checked.measured_ha)) or None,
        "commune": checked.commune_code,
        "faults": [_spoken(each) for each in checked.faults],
        "remarks": [_spoken(each) for each in checked.remarks],
    }


def _spoken(error: TemThatError) -> dict[str, Any]:
    """A refusal in words, and where on the map it is if it names a place."""
    said: dict[str, Any] = {"message": explain(error), "way_out": way_out(error)}
    try:
        lon, lat = outlines.point(str(error.facts["where"]))
        said["at"] = [lat, lon]
    except (KeyError, outlines.PointUnreadable):
        said["at"] = None
    return said


def _page(form: AreaForm, found: areas.AreaPage | None = None, meanwhile: Any = ()) -> str:
    return render_template(
        "areas/edit.html", form=form, found=found, area=found.area if found else None, meanwhile=meanwhile
    )


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None


def _whole(text: object) -> int:
    """A hidden number; whoever breaks it has seen no revision at all."""
    return int(text) if isinstance(text, int) or (isinstance(text, str) and text.isdecimal() and len(text) < 10) else 0
