"""What hangs on a growing area: its codes with their states, its parcels, its households."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, cast

from flask import Blueprint, current_app, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField
from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, NumberRange, Optional, Regexp

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Invalid, NotFound, Refused, TemThatError, TooLarge
from trace.forms import EnumField, PostForm, VietnameseDate, VietnameseDecimal, VietnameseInteger, clean
from trace.models.areas import AreaCodeStatus
from trace.models.plots import AreaHousehold, AreaParcel
from trace.services import area_codes, area_parts, areas, files
from trace.views import lists
from trace.views.once import once
from trace.words import explain, way_out

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from flask.typing import ResponseReturnValue

bp = Blueprint("area_details", __name__, url_prefix="/vung-trong")

NUMBER_FORM = Regexp(r"^[0-9A-Za-zĐđ./-]{1,20}$", message=_l("Write up to 20 digits and letters, such as 12 or 105a."))
SIZE = (0.1, 10_000_000)
FIELD_OF: dict[type[TemThatError], str] = {
    area_codes.CodeTaken: "code",
    area_codes.CodeDatesTurned: "valid_until",
    area_codes.CodeIssuedInFuture: "issued_on",
    area_codes.StatusUnchanged: "status",
    area_codes.StatusReasonMissing: "reason",
    area_codes.StatusBeforeLast: "since",
    area_codes.StatusAfterEnd: "since",
    area_codes.StatusInFuture: "since",
    files.FileTooLarge: "file",
    files.FileEmpty: "file",
    files.UnknownFileKind: "file",
    files.TooManyPixels: "file",
    area_parts.ParcelTwice: "parcel_number",
    area_parts.ParcelElsewhere: "parcel_number",
    area_parts.HouseholdTwice: "name",
}


class CodeForm(PostForm):
    """A growing-area code that was given to an area."""

    code = StringField(_l("Code"), [DataRequired(_l("Write the code.")), lists.at_most(60)], filters=[clean])
    scheme = StringField(_l("Scheme"), [DataRequired(_l("Write the scheme.")), lists.at_most(60)], filters=[clean])
    market = StringField(_l("Market"), [DataRequired(_l("Write the market.")), lists.at_most(40)], filters=[clean])
    crop = StringField(_l("Crop"), [Optional(), lists.at_most(80)], filters=[clean])
    issuer = StringField(
        _l("Issued by"), [DataRequired(_l("Write who issued the code.")), lists.at_most(160)], filters=[clean]
    )
    issued_on = VietnameseDate(_l("Issued on"), [InputRequired(_l("Write the date of issue."))])
    valid_from = VietnameseDate(_l("Valid from"), [Optional()])
    valid_until = VietnameseDate(_l("Valid until"), [Optional()])
    document = StringField(
        _l("Deciding document"),
        [DataRequired(_l("Write the number of the document.")), lists.at_most(160)],
        filters=[clean],
    )
    file = FileField(_l("The document as a file"), [Optional()])


class StatusForm(PostForm):
    """A decision that changes the state of a code for one market."""

    status = EnumField(_l("New status"), [InputRequired(_l("Choose a status."))], kind=AreaCodeStatus, blank="–")
    since = VietnameseDate(_l("Holds from"), [InputRequired(_l("Write the day from which it holds."))])
    reason = TextAreaField(_l("Reason"), [Optional(), lists.at_most(1000)], filters=[clean])
    document = StringField(
        _l("Deciding document"),
        [DataRequired(_l("Write the number of the document.")), lists.at_most(160)],
        filters=[clean],
    )
    file = FileField(_l("The document as a file"), [Optional()])


class ParcelForm(PostForm):
    """A cadastral parcel."""

    map_sheet = StringField(
        _l("Map sheet"), [DataRequired(_l("Write the number of the map sheet.")), NUMBER_FORM], filters=[clean]
    )
    parcel_number = StringField(
        _l("Parcel number"), [DataRequired(_l("Write the parcel number.")), NUMBER_FORM], filters=[clean]
    )
    certificate_number = StringField(_l("Land-use certificate no."), [Optional(), lists.at_most(60)], filters=[clean])
    square_metres = VietnameseDecimal(
        _l("Surface"),
        [InputRequired(_l("Write the size.")), NumberRange(*SIZE, _l("A size lies between 0,1 and 10.000.000 m²."))],
    )


class HouseholdForm(PostForm):
    """A household that farms a part of the area."""

    name = StringField(_l("Householder"), [DataRequired(_l("Write the name.")), lists.at_most(120)], filters=[clean])
    square_metres = VietnameseDecimal(
        _l("Surface"),
        [InputRequired(_l("Write the size.")), NumberRange(*SIZE, _l("A size lies between 0,1 and 10.000.000 m²."))],
    )
    trees = VietnameseInteger(
        _l("Number of trees"), [Optional(), NumberRange(1, 10_000_000, _l("Write a number from 1 to 10.000.000."))]
    )


@bp.route("/<uuid:area_id>/ma-so/moi", methods=["GET", "POST"])
@needs(May.AREA_CODE)
def add_code(area_id: UUID) -> ResponseReturnValue:
    """Record a code that was given to an area."""
    reach = person().reach(May.AREA_CODE)
    found = areas.show(session(), area_id, reach=reach)
    form = CodeForm(data={"crop": found.area.crop})

    def page() -> str:
        known = area_codes.known_words(session())
        return render_template("areas/code_new.html", form=form, area=found.area, known=known)

    def add() -> None:
        area_codes.add(
            session(), area_id, code=form.code.data, scheme=form.scheme.data, market=form.market.data,
            crop=form.crop.data or None, issuer=form.issuer.data, issued_on=form.issued_on.data,
            valid_from=form.valid_from.data, valid_until=form.valid_until.data, document=form.document.data,
            file_id=_received(form), by=person().id, at=clock.now(), reach=reach,
        )  # fmt: skip

    if request.method != "POST":
        return page()
    return _carried_out(
        "areas.code", form, add, page, location=url_for("areas.show", area_id=area_id), said=_("The code was recorded.")
    )


@bp.route("/ma-so/<int:code_id>", methods=["GET", "POST"])
@needs(May.AREA_CODE)
def code_status(code_id: int) -> ResponseReturnValue:
    """Change the state of a code for its market."""
    reach = person().reach(May.AREA_CODE)
    code = area_codes.get(session(), code_id, reach=reach)
    area_id = code.area_id
    form = StatusForm()

    def page() -> str:
        return render_template(
            "areas/code_status.html", form=form, code=area_codes.get(session(), code_id, reach=reach)
        )

    def change() -> None:
        area_codes.change_status(
            session(), code_id, status=form.status.data, since=form.since.data, reason=form.reason.data or "",
            document=form.document.data, file_id=_received(form), by=person().id, at=clock.now(), reach=reach,
        )  # fmt: skip

    if request.method != "POST":
        return page()
    said = _("The status of the code was changed for this market only.")
    return _carried_out(
        "areas.code_status", form, change, page, location=url_for("areas.show", area_id=area_id), said=said
    )


@bp.get("/ma-so/<int:code_id>/tep")
@needs(May.AREA_READ)
def code_file(code_id: int) -> ResponseReturnValue:
    """The document of a code: a PDF as it came, a picture as its copy without metadata."""
    stored = area_codes.document_file(session(), code_id, reach=person().reach(May.AREA_READ))
    store, is_pdf = current_app.config["TEMTHAT"].files_dir, stored.media_type == files.PDF
    path = files.original_path(store, stored) if is_pdf else files.copy_path(store, stored)
    if path is None or not path.exists():
        raise NotFound
    kind, ending = (files.PDF, "pdf") if is_pdf else (files.COPY_MEDIA_TYPE, "jpg")
    answer = send_file(
        path, mimetype=kind, as_attachment=True, download_name=f"ma-so-{code_id}.{ending}", etag=False, max_age=0
    )
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@bp.get("/<uuid:area_id>/thanh-phan")
@needs(May.AREA_READ)
def parts(area_id: UUID) -> ResponseReturnValue:
    """The parcels and households of an area with their sums."""
    return _parts(area_id)


@bp.post("/<uuid:area_id>/thua")
@needs(May.AREA_EDIT)
def add_parcel(area_id: UUID) -> ResponseReturnValue:
    """Add a parcel."""
    form, reach = ParcelForm(prefix="parcel-"), person().reach(May.AREA_EDIT)

    def add() -> None:
        area_parts.add_parcel(
            session(), area_id, map_sheet=form.map_sheet.data, parcel_number=form.parcel_number.data,
            certificate_number=form.certificate_number.data or None, square_metres=form.square_metres.data,
            by=person().id, at=clock.now(), reach=reach,
        )  # fmt: skip

    def page() -> str:
        return _parts(area_id, parcel=form)

    return _carried_out(
        "areas.parcel", form, add, page, location=url_for(".parts", area_id=area_id), said=_("The parcel was added.")
    )


@bp.post("/<uuid:area_id>/ho")
@needs(May.AREA_EDIT)
def add_household(area_id: UUID) -> ResponseReturnValue:
    """Add a household."""
    form, reach = HouseholdForm(prefix="household-"), person().reach(May.AREA_EDIT)

    def add() -> None:
        area_parts.add_household(
            session(), area_id, name=form.name.data, square_metres=form.square_metres.data, trees=form.trees.data,
            by=person().id, at=clock.now(), reach=reach,
        )  # fmt: skip

    def page() -> str:
        return _parts(area_id, household=form)

    return _carried_out(
        "areas.household",
        form,
        add,
        page,
        location=url_for(".parts", area_id=area_id),
        said=_("The household was added."),
    )


@bp.post("/<uuid:area_id>/<any(thua, ho):kind>/<int:part_id>/bo")
@needs(May.AREA_EDIT)
def remove(area_id: UUID, kind: str, part_id: int) -> ResponseReturnValue:
    """Take a parcel or household out of an area; it stays in the history."""
    model = AreaParcel if kind == "thua" else AreaHousehold
    area_parts.remove(
        session(), area_id, model, part_id, by=person().id, at=clock.now(), reach=person().reach(May.AREA_EDIT)
    )
    session().commit()
    flash(_("The entry was removed. It stays in the history."), "success")
    return redirect(url_for(".parts", area_id=area_id), 303)


def _parts(area_id: UUID, *, parcel: ParcelForm | None = None, household: HouseholdForm | None = None) -> str:
    found = areas.show(session(), area_id, reach=person().reach(May.AREA_READ))
    may_edit = person().may(May.AREA_EDIT) and person().reach(May.AREA_EDIT).includes(
        holder_id=found.area.holder_id, title_id=found.area.title_id
    )
    return render_template(
        "areas/parts.html", area=found.area, parts=area_parts.of_area(session(), found.area),
        parcel=parcel or ParcelForm(formdata=None, prefix="parcel-"),
        household=household or HouseholdForm(formdata=None, prefix="household-"), may_edit=may_edit,
    )  # fmt: skip


def _received(form: Any) -> UUID | None:
    """The file that came with a form, if one did, taken in."""
    upload = form.file.data
    if not upload or not upload.filename:
        return None
    try:
        stored = files.receive(
            session(), current_app.config["TEMTHAT"].files_dir, cast("BinaryIO", upload.stream), name=upload.filename, at=clock.now(),
            by=person().id,
        )  # fmt: skip
    except (Invalid, TooLarge) as exc:
        raise Refused([exc]) from exc
    finally:
        upload.close()  # a large one lies in a temporary file
    return stored.id


def _carried_out(
    name: str, form: Any, deed: Callable[[], None], page: Callable[[], str], *, location: str, said: str
) -> ResponseReturnValue:
    """Carry out a form once; a refusal shows its page again with each fault at its field."""
    if not form.validate():
        return page(), 422
    with once(name) as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            deed()
        except Refused as exc:
            session().rollback()
            for reason in exc.reasons:
                field = form[FIELD_OF[type(reason)]]
                field.errors = [*field.errors, " ".join(filter(None, (explain(reason), way_out(reason))))]
            return page(), 422
        key.settle(location)
        session().commit()
    flash(said, "success")
    return redirect(location, 303)
