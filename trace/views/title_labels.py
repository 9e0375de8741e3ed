"""The electronic label of a product as its title's keepers record it: a new version with a preview, never a change of an old one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, FileField, HiddenField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Refused, TemThatError
from trace.forms import PostForm, VietnameseDate, clean
from trace.services import files, label_versions, products
from trace.services.label_versions import FIELDS as LABEL_FIELDS
from trace.views import lists
from trace.views.faults import at_fields
from trace.views.once import once
from trace.views.title_page import bp
from trace.words import explain, way_out

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import BinaryIO
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from trace.services.reach import Reach

FIELDS: Mapping[type[TemThatError], str] = {
    label_versions.BeginsInPast: "valid_from",
    label_versions.ReasonMissing: "reason",
    label_versions.NothingNew: "reason",
}
BAD_FILES = (files.FileTooLarge, files.FileEmpty, files.NotAnImage, files.TooManyPixels, files.UnknownFileKind)
_NEEDED = _l("The label must say this.")


def _line(label: Any, *, needed: bool = False) -> StringField:
    return StringField(label, [*([DataRequired(_NEEDED)] if needed else []), lists.at_most(300)], filters=[clean])


def _text(label: Any, *, needed: bool = False) -> TextAreaField:
    return TextAreaField(label, [*([DataRequired(_NEEDED)] if needed else []), lists.at_most(2000)], filters=[clean])


class LabelForm(PostForm):
    """What the label of a product says from a day on."""

    seen = HiddenField()
    valid_from = VietnameseDate(_l("In force from"), [InputRequired(_l("Write the date."))])
    reason = StringField(
        _l("What is new"), [DataRequired(_l("Say what is new in this version.")), lists.at_most(300)], filters=[clean]
    )
    name_vi = _line(_l("Name of the goods"), needed=True)
    name_en = _line(_l("Name of the goods, in English"), needed=True)
    responsible = _line(_l("Responsible organisation"), needed=True)
    address = _line(_l("Address of the organisation"), needed=True)
    origin_vi = _line(_l("Origin of the goods"), needed=True)
    origin_en = _line(_l("Origin, in English"), needed=True)
    ingredients_vi = _text(_l("Ingredients"))
    ingredients_en = _text(_l("Ingredients, in English"))
    quantity = _line(_l("Net quantity"), needed=True)
    production_vi = _line(_l("Date of production: where it stands"), needed=True)
    production_en = _line(_l("Date of production, in English"))
    expiry_vi = _line(_l("Use-by date: the rule"), needed=True)
    expiry_en = _line(_l("Use-by date, in English"))
    warnings_vi = _text(_l("Warnings"))
    warnings_en = _text(_l("Warnings, in English"))
    storage_vi = _text(_l("Storage"), needed=True)
    storage_en = _text(_l("Storage, in English"))
    instructions_vi = _text(_l("Instructions for use"))
    instructions_en = _text(_l("Instructions for use, in English"))
    standard = _line(_l("Standard"))
    file = FileField(_l("Document that goes with it"))
    keep_file = BooleanField(_l("Keep the document of the version before"))

    def fields(self) -> dict[str, str]:
        """What was written, without what is empty."""
        return {name: value for name in LABEL_FIELDS if (value := self[name].data or "")}

    @property
    def began_from(self) -> int:
        """The version that the writer began from; -1, which no label has, if the form does not say."""
        text = str(self.seen.data or "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else -1


@bp.route("/san-pham/<uuid:product_id>/nhan-dien-tu", methods=["GET", "POST"])
@needs(May.TITLE_EDIT)
def product_label(product_id: UUID) -> ResponseReturnValue:
    """The versions of a product's label, and the form for the next one with its preview."""
    products.get(session(), product_id, reach=_reach())
    versions = label_versions.of(session(), product_id)
    last = versions[0] if versions else None
    form = LabelForm(
        data={"seen": str(last.version if last else 0), "valid_from": lists.today(), "keep_file": bool(last and last.file_id)}
        | (last.fields if last else {})
    )  # fmt: skip

    def page(reasons: Sequence[Any] = (), *, preview: bool = False) -> str:
        product = products.get(session(), product_id, reach=_reach())
        present = label_versions.of(session(), product_id)
        before = present[0].fields if present else {}
        return render_template(
            "titles/label.html", form=form, product=product, title=product.title, versions=present, reasons=reasons, preview=preview,
            changed=label_versions.differences(before, form.fields()) if preview else [], differences=label_versions.differences,
            today=lists.today(),
        )  # fmt: skip

    if request.method == "GET":
        return page()
    try:
        if not form.validate():
            return page(), 422
        if request.form.get("deed") != "save":
            return page(preview=True)
        return _recorded(form, product_id, last.file_id if last else None, page)
    finally:
        for each in request.files.values():
            each.close()


def _recorded(form: LabelForm, product_id: UUID, before: UUID | None, page: Callable[..., str]) -> ResponseReturnValue:
    """A new version, or the form again with why not."""
    with once("titles.product_label") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            label_versions.record(
                session(), product_id, form.fields(), valid_from=form.valid_from.data, reason=form.reason.data, seen=form.began_from,
                file_id=_file(form, before), by=person().id, at=clock.now(), reach=_reach(),
            )  # fmt: skip
        except label_versions.VersionMeanwhile as exc:
            session().rollback()
            form.seen.data = str(label_versions.latest_number(session(), product_id))
            return page([{"message": explain(exc), "way_out": way_out(exc)}]), exc.status
        except Refused as exc:
            session().rollback()
            return page(at_fields(form, exc, FIELDS)), exc.status
        except BAD_FILES as exc:
            session().rollback()
            at_fields(form, exc, {type(exc): "file"})
            return page(), exc.status
        key.settle(url_for(".product_label", product_id=product_id))
    session().commit()
    flash(_("The new version has been recorded."), "success")
    return redirect(key.location, 303)


def _file(form: LabelForm, before: UUID | None) -> UUID | None:
    """The document of the new version: one sent now, or that of the version before."""
    upload = form.file.data
    if not upload or not upload.filename:
        return before if form.keep_file.data else None
    stored = files.receive(
        session(), current_app.config["TEMTHAT"].files_dir, cast("BinaryIO", upload.stream), name=upload.filename, at=clock.now(),
        by=person().id,
    )  # fmt: skip
    return stored.id


def _reach() -> Reach:
    return person().reach(May.TITLE_EDIT)
