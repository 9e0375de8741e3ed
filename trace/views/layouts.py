"""Layouts of one's own: the list, the designer with its drawing of a sheet, and the logos."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from wtforms import BooleanField, FileField, HiddenField, StringField
from wtforms.validators import InputRequired

from labels import image, layout_data
from labels.errors import LabelError
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Invalid, NotFound
from trace.forms import PostForm, VietnameseDecimal, VietnameseInteger, clean
from trace.services import files, layouts, titles
from trace.views import lists
from trace.views.once import once
from trace.views.order_page import described, told
from trace.words import explain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.typing import ResponseReturnValue

    from labels.layout import Layout
    from labels.logo import Logo

bp = Blueprint("layouts", __name__, url_prefix="/tem/bo-cuc")
# What the drawing of a sheet shows in place of an order's facts: long enough to see what a long name does.
SAMPLE_CODE = "7K4M92QDXJ3P"
SAMPLE_LINES = (
    "Vải thiều sấy khô Thanh Hà loại đặc biệt",
    "2 kg",
    "Hợp tác xã nông nghiệp mẫu",
    "Chỉ dẫn địa lý mẫu",
    "VN-MAU-0001",
)
_OPENING = re.compile(r"^<svg [^>]*?viewBox=\"([^\"]+)\">")


_OF_SOME_KINDS = {
    "paper", "columns", "rows", "across", "margin_left_mm", "margin_top_mm", "gutter_x_mm", "gutter_y_mm", "bleed_mm", "skip",
}  # fmt: skip


class LayoutForm(PostForm):
    """A layout, in mm. Which fields count depends on its kind."""

    kind = HiddenField()
    replaces = HiddenField()
    holder = lists.Choice(_l("Whose layout"))
    name = StringField(
        _l("Name of the layout"), [InputRequired(_l("Give the layout a name.")), lists.at_most(80)], filters=[clean]
    )
    product = lists.Choice(_l("For which product"))
    paper = lists.Choice(_l("Paper"), choices=[("A4", "A4"), ("A5", "A5"), ("Letter", "Letter")])
    columns = VietnameseInteger(_l("Columns"))
    rows = VietnameseInteger(_l("Rows"))
    across = VietnameseInteger(_l("Labels across"))
    label_width_mm = VietnameseDecimal(_l("Width of a label"))
    label_height_mm = VietnameseDecimal(_l("Height of a label"))
    margin_left_mm = VietnameseDecimal(_l("Margin at the left"))
    margin_top_mm = VietnameseDecimal(_l("Margin at the top"))
    gutter_x_mm = VietnameseDecimal(_l("Gap between columns"))
    gutter_y_mm = VietnameseDecimal(_l("Gap between rows"))
    bleed_mm = VietnameseDecimal(_l("Bleed"))
    qr_mm = VietnameseDecimal(_l("QR code with its white margin"))
    skip = VietnameseInteger(_l("Positions already used on the first sheet"))
    cut_marks = BooleanField(_l("Cutting marks"))
    level = lists.Choice(_l("Error correction"), choices=[("M", "M"), ("Q", "Q")])
    quiet_modules = VietnameseInteger(_l("White margin of the QR code, in modules"))
    text_pt = VietnameseDecimal(_l("Largest size of the text"))
    logo_width_mm = VietnameseDecimal(_l("Width of the logo"))
    logo_height_mm = VietnameseDecimal(_l("Height of the logo"))
    hidden_code = BooleanField(_l("Hidden code under a scratch layer"))
    ink = lists.Choice(_l("Ink"), choices=[("colour", _l("Colour")), ("one_colour", _l("One colour"))])
    printer = lists.Choice(
        _l("Printer resolution"),
        choices=[("203", "203 dpi"), ("300", "300 dpi"), ("600", "600 dpi"), ("offset", _l("Print shop, offset"))],
    )


class LogoForm(PostForm):
    """The sign of a title for the labels of a holder."""

    logo_holder = lists.Choice(_l("Whose labels"))
    title = lists.Choice(_l("Title"))
    picture = FileField(_l("Picture"))


@bp.get("")
@needs(May.LABEL_ORDER)
def index() -> ResponseReturnValue:
    """The layouts that one may use, and the logos."""
    return _index()


@bp.get("/moi")
@needs(May.LABEL_ORDER)
def new() -> ResponseReturnValue:
    """A new layout, beginning with another's sizes."""
    base = layouts.BUILT_IN.get(request.args.get("from", "a4-24"))
    if base is None:
        raise NotFound
    return _design(_filled(layout_data.to_data(base) | {"name": ""}))


@bp.get("/<uuid:layout_id>")
@needs(May.LABEL_ORDER)
def show(layout_id: UUID) -> ResponseReturnValue:
    """A layout of one's own in the designer."""
    row = layouts.get(session(), layout_id, reach=person().reach(May.LABEL_ORDER))
    extra = {"holder": str(row.holder_id), "product": str(row.product_id or ""), "replaces": str(row.id)}
    return _design(_filled({**row.data, **extra}))


@bp.post("/moi")
@needs(May.LABEL_ORDER)
def save() -> ResponseReturnValue:
    """Keep a layout; or draw it again with what was changed."""
    form = _choices(LayoutForm())
    good = form.validate()
    if not good or "draw" in request.form:
        return _design(form), 200 if good else 422
    with once("layouts.save") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            kept = layouts.save(
                session(), _data(form), holder_id=UUID(form.holder.data), product_id=_identity(form.product.data),
                replaces=_identity(form.replaces.data), by=person().id, at=clock.now(), reach=person().reach(May.LABEL_ORDER),
            )  # fmt: skip
        except layouts.LayoutFaulty:
            session().rollback()
            return _design(form), 422
        except Invalid as exc:
            session().rollback()
            return _design(form, [told(exc)]), exc.status
        key.settle(url_for(".index"))
        said = _("Layout %(name)s is saved. It can be chosen for orders and prints.", name=kept.name)
    session().commit()
    flash(said, "success")
    return redirect(key.location, 303)


@bp.post("/<uuid:layout_id>/bo")
@needs(May.LABEL_ORDER)
def retire(layout_id: UUID) -> ResponseReturnValue:
    """Take a layout out of use."""
    layouts.retire(session(), layout_id, by=person().id, at=clock.now(), reach=person().reach(May.LABEL_ORDER))
    session().commit()
    flash(_("The layout is no longer offered. Orders and prints that use it stay as they are."), "success")
    return redirect(url_for(".index"), 303)


@bp.post("/logo")
@needs(May.LABEL_ORDER)
def logo() -> ResponseReturnValue:
    """Take a logo."""
    try:
        return _take_logo()
    finally:
        for upload in request.files.values():
            upload.close()  # a large one lies in a temporary file


def _take_logo() -> ResponseReturnValue:
    form = _logo_choices(LogoForm())
    data = b""
    upload = form.picture.data
    if getattr(upload, "filename", ""):  # a word in the place of a file is no file
        data = upload.read(layouts.LOGO_BYTES + 1)
        upload.seek(0)
    good = form.validate()
    if good and not data:
        data = _sign_of(UUID(form.title.data))
    if not good or not data:
        if not data:
            form.picture.errors = [_("Choose a picture. The register of titles has none of this sign.")]
        return _index(form), 422
    with once("layouts.logo") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            layouts.add_logo(
                session(), data, holder_id=UUID(form.logo_holder.data), title_id=UUID(form.title.data),
                by=person().id, at=clock.now(), reach=person().reach(May.LABEL_ORDER),
            )  # fmt: skip
        except layouts.LogoRefused as exc:
            session().rollback()
            form.picture.errors = [_said(exc.fault)]
            return _index(form), exc.status
        except Invalid as exc:
            session().rollback()
            return _index(form, [told(exc)]), exc.status
        key.settle(url_for(".index", _anchor="logos"))
    session().commit()
    flash(_("The logo is saved. Prints from now on carry it where the layout has a place for it."), "success")
    return redirect(key.location, 303)


def _sign_of(title_id: UUID) -> bytes:
    """The picture of the sign that the register of titles shows; nothing if it has none."""
    for found in titles.images(session(), title_id):
        copy = files.copy_path(current_app.config["TEMTHAT"].files_dir, found.file)
        if copy is not None and copy.exists():
            return copy.read_bytes()
    return b""


def _index(logo_form: LogoForm | None = None, reasons: Sequence[Any] = ()) -> str:
    holders = [party.id for party in person().parties_for(May.LABEL_ORDER)]
    own = layouts.own(session(), frozenset(holders))
    logo_form = logo_form or _logo_choices(LogoForm(formdata=None))
    return render_template(
        "layouts/index.html",
        own=[(row, layouts.find(session(), str(row.id), holder_id=row.holder_id)) for row in own],
        built_in=list(layouts.BUILT_IN.items()),
        described=described,
        resolution=resolution,
        logos=[
            found
            for holder in holders
            for title in layouts.titles(session(), holder)
            if (found := layouts.logo_in_use(session(), holder_id=holder, title_id=title.id))
        ],
        logo_form=logo_form,
        reasons=reasons,
    )


def _design(form: LayoutForm, reasons: Sequence[Any] = ()) -> str:
    """The designer: fields, what is wrong, and a sheet at its real size."""
    layout, faults = layout_data.read(_data(form))
    drawing, shown = None, [_fault(form, fault) for fault in faults]
    if layout is not None and not faults:
        try:
            drawing = Markup(  # noqa: S704  our own geometry
                sheet_svg(layout, host=current_app.config["TEMTHAT"].host, logo=_logo(form, layout))
            )
        except LabelError as fault:
            shown = [_fault(form, fault)]
    return render_template(
        "layouts/design.html", form=form, fields=_fields(form), drawing=drawing, faults=[*reasons, *shown], layout=layout,
        words=described(layout) if layout else "",
    )  # fmt: skip


def resolution(layout: Layout) -> str:
    """What a layout is printed on, in words: its modules are whole dots of that printer."""
    choices: dict[str, Any] = dict(LayoutForm.printer.kwargs["choices"])
    return str(choices[layout.elements.printer])


def label_svg(layout: Layout, lines: tuple[str, ...], *, host: str, logo: Logo | None) -> str:
    """One label at its real size, marked as a sample; the least important lines go where they do not fit."""
    hidden = "123456" if layout.elements.hidden_code else None
    for kept in range(len(lines), 0, -1):
        label = image.Label(
            serial=1234567, code=SAMPLE_CODE, layout=layout, host=host, lines=lines[:kept], logo=logo, hidden=hidden, sample=True,
        )  # fmt: skip
        try:
            return image.label_svg(label).decode().strip()
        except LabelError:
            if kept == 1:
                raise
    raise ValueError("a label has at least one line")


def sheet_svg(layout: Layout, *, host: str, logo: Logo | None) -> str:
    """A sheet at its real size with sample texts, positions already used left empty."""
    drawn = label_svg(layout, SAMPLE_LINES, host=host, logo=logo)
    symbol = _OPENING.sub(r'<symbol id="label" viewBox="\1">', drawn).removesuffix("</svg>") + "</symbol>"
    (width, height), w, h = layout.page_mm, layout.label_width_mm, layout.label_height_mm
    cells = "".join(
        f'<rect x="{x:.3f}" y="{y:.3f}" width="{w:.3f}" height="{h:.3f}" fill="none" stroke="#999" stroke-width="0.1"'
        + (' stroke-dasharray="1 1"/>' if at < layout.skip else "/>")
        + ("" if at < layout.skip else f'<use href="#label" x="{x:.3f}" y="{y:.3f}" width="{w:.3f}" height="{h:.3f}"/>')
        for at, (x, y) in enumerate(layout.positions())
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}mm" height="{height:g}mm" viewBox="0 0 {width:g} {height:g}"'
        f' role="img" aria-labelledby="drawn">{symbol}<rect width="{width:g}" height="{height:g}" fill="#fff" stroke="#666"'
        f' stroke-width="0.2"/>{cells}</svg>'
    )


def _filled(data: Any) -> LayoutForm:
    data = {
        name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in data.items()
    }
    form = LayoutForm(formdata=None, data={**data, "printer": data.get("printer"), "product": data.get("product", "")})
    return _choices(form)


def _choices(form: LayoutForm) -> LayoutForm:
    parties = person().parties_for(May.LABEL_ORDER)
    form.holder.choices = [(str(party.id), party.name) for party in parties]
    if not form.holder.data and parties:
        form.holder.data = str(parties[0].id)
    found = {product.id: product.name for party in parties for product in layouts.products(session(), party.id)}
    form.product.choices = [("", _("Any product"))] + [(str(key), name) for key, name in found.items()]
    if form.product.data is None:
        form.product.data = ""
    if form.kind.data not in layout_data.KINDS:
        raise NotFound
    for name in _OF_SOME_KINDS - _fields(form):
        del form[name]
    return form


def _logo_choices(form: LogoForm) -> LogoForm:
    parties = person().parties_for(May.LABEL_ORDER)
    form.logo_holder.choices = [(str(party.id), party.name) for party in parties]
    found = {title.id: title.name for party in parties for title in layouts.titles(session(), party.id)}
    form.title.choices = [(str(key), name) for key, name in found.items()]
    return form


def _fields(form: LayoutForm) -> set[str]:
    """The fields that a layout of this kind has."""
    whole = layout_data.to_data(
        next(each for each in layouts.BUILT_IN.values() if isinstance(each, layout_data.KINDS[form.kind.data]))
    )
    return set(whole) - {"kind", "name"}


def _data(form: LayoutForm) -> dict[str, object]:
    """The form as the library reads it; empty fields are left to be named as missing, or to their usual value."""
    data: dict[str, object] = {
        "kind": form.kind.data,
        "name": form.name.data or ("–" if "draw" in request.form or request.method == "GET" else ""),
    }
    for name in _fields(form):
        value = form[name].data
        if value is not None:
            data[name] = float(value) if isinstance(form[name], VietnameseDecimal) else value
    return data


def _fault(form: LayoutForm, fault: LabelError) -> dict[str, str | None]:
    field = str(fault.facts.get("field", ""))
    facts = dict(fault.facts)
    if field in form:
        facts["field"] = form[field].label.text
        if "choices" in facts:  # as the list on the page calls them
            facts["choices"] = ", ".join(str(label) for _value, label in form[field].choices)
    facts |= {name: str(facts[name]).replace(".", ",") for name in ("least", "most") if name in facts}
    named = type(fault)(**facts)
    return {"message": _said(named), "way_out": None, "url": f"#{field}" if field in form else None}


def _said(fault: LabelError) -> str:
    return explain(cast("Any", fault))


def _logo(form: LayoutForm, layout: Layout) -> Logo | None:
    """The sign that prints on this layout would carry: of the product's title, else of the first title that has one."""
    holder_id, product_id = _identity(form.holder.data), _identity(form.product.data)
    own = {party.id for party in person().parties_for(May.LABEL_ORDER)}
    if holder_id not in own or not layout.elements.logo_width_mm:
        return None
    offered = {product.id: product.title_id for product in layouts.products(session(), holder_id)}
    if product_id in offered:
        titles = [offered[product_id]]
    else:
        titles = [title.id for title in layouts.titles(session(), holder_id)]
    signs = (layouts.logo_in_use(session(), holder_id=holder_id, title_id=title_id) for title_id in titles)
    sign = next(filter(None, signs), None)
    return layouts.logo(session(), sign.id if sign else None)


def _identity(value: str | None) -> UUID | None:
    try:
        return UUID(value) if value else None
    except ValueError as exc:
        raise NotFound from exc
