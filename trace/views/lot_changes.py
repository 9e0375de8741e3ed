"""What becomes of a lot: merging, splitting, the release by an external body, and the page of its tracking events."""

from __future__ import annotations

from decimal import Decimal
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from uuid import UUID

from flask import Blueprint, current_app, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField
from wtforms import FieldList, Form, FormField, RadioField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Optional

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Refused, TemThatError
from trace.forms import PostForm, VietnameseDecimal, clean
from trace.services import events, files, lot_changes, lots, preharvest, releases
from trace.services.ordering import show_range
from trace.views import faults, lists
from trace.views.once import once
from trace.words import explain, way_out

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from trace.models.lots import Lot

bp = Blueprint("lot_changes", __name__, url_prefix="/lo")

FIRST_PARTS = 2
MORE_PARTS = 3
MOST_SHOWN = 50
FIELD_OF: dict[type[TemThatError], str] = {
    releases.ReleaseDocumentMissing: "document",
    releases.ReleaseFileMissing: "file",
    files.FileTooLarge: "file",
    files.FileEmpty: "file",
    files.UnknownFileKind: "file",
    files.TooManyPixels: "file",
    files.NotAnImage: "file",
    lots.CodeMissing: "code",
    lots.CodeTaken: "code",
}


class MergeForm(PostForm):
    """The code of the lot that others are merged into. The lots themselves are boxes of a table."""

    code = StringField(
        _l("Code of the new lot"), [DataRequired(_l("Write the lot code.")), lists.at_most(40)], filters=[clean]
    )


class PartForm(Form):
    """One part of a split. An empty one is left out."""

    code = StringField(_l("Lot code"), [Optional(), lists.at_most(40)], filters=[clean])
    kg = VietnameseDecimal(_l("Volume"), [Optional()])


class SplitForm(PostForm):
    """The parts that a lot is split into."""

    parts = FieldList(FormField(PartForm, label=_l("Part")), min_entries=FIRST_PARTS, max_entries=MOST_SHOWN)


class ReleaseForm(PostForm):
    """What an external body found of a lot."""

    conforms = RadioField(
        _l("Result"), [InputRequired(_l("Choose the result."))], choices=[("yes", _l("Conforms")), ("no", _l("Does not conform"))],
    )  # fmt: skip
    document = StringField(
        _l("Document"), [DataRequired(_l("Write the number and date of the document.")), lists.at_most(200)], filters=[clean]
    )  # fmt: skip
    file = FileField(_l("File"))
    note = TextAreaField(_l("Note"), [Optional(), lists.at_most(1000)], filters=[clean])


@bp.route("/<uuid:lot_id>/gop", methods=["GET", "POST"])
@needs(May.LOT_RECORD)
def merge(lot_id: UUID) -> ResponseReturnValue:
    """Merge a lot with others."""
    reach = person().reach(May.LOT_RECORD)
    form, chosen = MergeForm(), {found for found in map(_identity, request.form.getlist("with")) if found}

    def page(rest: Any = ()) -> str:
        lot = lots.get(session(), lot_id, reach=reach)
        others = lot_changes.candidates(session(), lot, reach=reach)
        return render_template("lots/merge.html", lot=lot, others=others, form=form, rest=rest, chosen=chosen)

    if request.method != "POST":
        return page()
    if not form.validate():
        return page(), 422
    with once("lots.merge") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            made = lot_changes.merge(
                session(), {lot_id, *chosen}, code=form.code.data, by=person().id, at=clock.now(), reach=reach
            )
        except TemThatError as exc:
            session().rollback()
            return page(faults.at_fields(form, exc, FIELD_OF)), exc.status
        key.settle(url_for("lots.show", lot_id=made.id))
        session().commit()
    flash(_("The lots have been merged. Labels can be ordered for the new lot."), "success")
    return redirect(key.location, 303)


@bp.route("/<uuid:lot_id>/tach", methods=["GET", "POST"])
@needs(May.LOT_RECORD)
def split(lot_id: UUID) -> ResponseReturnValue:
    """Split a lot into several. The button for more lines sends the form, so that nothing typed is lost."""
    reach = person().reach(May.LOT_RECORD)
    lots.get(session(), lot_id, reach=reach)
    form = SplitForm()
    more = "more" in request.form
    for _line in range(min(MORE_PARTS, MOST_SHOWN - len(form.parts)) if more else 0):
        form.parts.append_entry()

    def page(rest: Any = ()) -> str:
        lot = lots.get(session(), lot_id, reach=reach)
        return render_template("lots/split.html", lot=lot, form=form, rest=rest, full=len(form.parts) >= MOST_SHOWN)

    if request.method != "POST" or more:
        return page()
    if not form.validate():
        return page(), 422
    parts = [
        lot_changes.Part(entry.form.code.data or "", int((entry.form.kg.data or Decimal(0)) * 1000))
        for entry in form.parts
        if entry.form.code.data or entry.form.kg.data is not None
    ]
    with once("lots.split") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            lot_changes.split(session(), lot_id, parts, by=person().id, at=clock.now(), reach=reach)
        except TemThatError as exc:
            session().rollback()
            return page(_told(exc)), exc.status
        key.settle(url_for("lots.show", lot_id=lot_id))
        session().commit()
    flash(_("The lot has been split. Labels can be ordered for the parts."), "success")
    return redirect(key.location, 303)


@bp.route("/<uuid:lot_id>/xac-nhan-ngoai", methods=["GET", "POST"])
@needs(May.LOT_RELEASE)
def release(lot_id: UUID) -> ResponseReturnValue:
    """Record the result of an external body."""
    reach = person().reach(May.LOT_RELEASE)
    form = ReleaseForm()

    def page(rest: Any = ()) -> str:
        lot = lots.get(session(), lot_id, reach=reach)
        struck = preharvest.struck(session(), lot_id)
        return render_template("lots/release.html", lot=lot, form=form, rest=rest, struck=struck)

    if request.method != "POST":
        return page()
    if not form.validate():
        return page(), 422
    upload = form.file.data
    sent = bool(getattr(upload, "filename", ""))
    with once("lots.release") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            releases.release(
                session(), current_app.config["TEMTHAT"].files_dir, lot_id, cast("BinaryIO", upload.stream) if sent else None,
                name=upload.filename if sent else "", conforms=form.conforms.data == "yes", document=form.document.data,
                note=form.note.data, by=person().id, at=clock.now(), reach=reach,
            )  # fmt: skip
        except TemThatError as exc:
            session().rollback()
            return page(faults.at_fields(form, exc, FIELD_OF)), exc.status
        key.settle(url_for("lots.show", lot_id=lot_id))
        session().commit()
    flash(_("The result is recorded. It stands on the page of the lot."), "success")
    return redirect(key.location, 303)


@bp.get("/xac-nhan-ngoai/<uuid:release_id>/tep")
@needs(May.LOT_READ)
def release_file(release_id: UUID) -> ResponseReturnValue:
    """The document of a release, as a download."""
    found = releases.get_file(session(), release_id, reach=person().reach(May.LOT_READ))
    path = files.original_path(current_app.config["TEMTHAT"].files_dir, found.file)
    is_paper = found.file.media_type == files.PDF
    copy = None if is_paper else files.copy_path(current_app.config["TEMTHAT"].files_dir, found.file)
    name = found.file.name if is_paper else f"{PurePath(found.file.name).stem}.jpg"
    answer = send_file(
        copy or path, mimetype=files.PDF if is_paper else files.COPY_MEDIA_TYPE, as_attachment=True, download_name=name, etag=False,
        max_age=0,
    )  # fmt: skip
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@bp.get("/<uuid:lot_id>/su-kien")
@needs(May.LOT_READ)
def story(lot_id: UUID) -> ResponseReturnValue:
    """The tracking events of a lot and its labels, in the order in which they happened."""
    lot = lots.get(session(), lot_id, reach=person().reach(May.LOT_READ))
    rows = events.of_lot(session(), lot_id)
    return render_template("lots/events.html", lot=lot, rows=rows, show_range=show_range)


def _told(exc: TemThatError) -> list[dict[str, str | None]]:
    reasons = exc.reasons if isinstance(exc, Refused) else (exc,)
    return [{"message": explain(reason), "way_out": way_out(reason)} for reason in reasons]


def _identity(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def left_to_move(lot: Lot) -> bool:
    """Whether something of a lot can still be merged or split."""
    return lot.state in lot_changes.MOVABLE and lot.left_g > 0
