"""The forms of documents as heads see and change them, and the units that issue. A change is a new version; the old ones stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length

from enforcement.casebook import TEXT_MOST
from enforcement.papers import forms, layout_pdf, sheet, templates, units, vocabulary
from enforcement.papers.forms import BOXES, HEAD, FormKind, FormPart, SignedBy
from enforcement.papers.sheet import Heading
from enforcement.transitions import CaseState
from enforcement.views import document_fields as fields
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import TemThatError
from trace.forms import VietnameseDate, clean
from trace.views import lists
from trace.views.once import once
from trace.words import explain, say

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from enforcement.papers.forms import Form

bp = Blueprint("document_forms", __name__, url_prefix="/mau-van-ban")

_NEEDED = [DataRequired(_l("Fill in this field."))]
_CHOICES: dict[FormPart, type[Any]] = {FormPart.KIND: FormKind, FormPart.SIGNER: SignedBy}
_EVERY_PAGE = [("", _l("At the end only")), ("yes", _l("On every page"))]


class VersionForm(FlaskForm):
    """A version of a form: its parts, from when it holds, and why."""

    seen = HiddenField()
    code = StringField(_l("Code of the form"), _NEEDED, filters=[clean])
    valid_from = VietnameseDate(_l("Holds from"), [InputRequired(_l("Write the day."))])
    note = TextAreaField(
        _l("What changed and on what basis"),
        [*_NEEDED, Length(max=TEXT_MOST, message=_l("Write at most %(max)d characters."))],
        filters=[clean],
    )


class UnitForm(FlaskForm):
    """A unit that issues documents."""

    party = SelectField(_l("Organisation"), [InputRequired(_l("Choose one."))])
    unit_code = StringField(_l("Code of the unit, two digits"), _NEEDED, filters=[clean])
    sub_unit_code = StringField(_l("Code of the sub-unit, two digits"), _NEEDED, filters=[clean])
    parent_name = StringField(_l("Body above it, as on the first line"), _NEEDED, filters=[clean])
    name = StringField(_l("Name of the unit, as on the second line"), _NEEDED, filters=[clean])
    place = StringField(_l("Place, before the date"), _NEEDED, filters=[clean])


@bp.get("")
@needs(May.CASE_READ)
def index() -> ResponseReturnValue:
    """All forms with their newest version."""
    return render_template(
        "desk/document_forms.html", rows=templates.latest(session()), units=units.every(session()), today=lists.today()
    )


@bp.get("/<code>/<int:version>")
@needs(May.CASE_READ)
def show(code: str, version: int) -> ResponseReturnValue:
    """One version of a form, and the others."""
    found = templates.get(session(), code, version)
    form = forms.form_of(found.content)
    return render_template(
        "desk/document_form.html", template=found, form=form, parts=_told(form), part_names=[*HEAD, *BOXES],
        versions=templates.versions(session(), code),
    )  # fmt: skip


@bp.get("/<code>/<int:version>.pdf")
@needs(May.CASE_READ)
def pdf(code: str, version: int) -> ResponseReturnValue:
    """How an empty draft of this version looks."""
    return _preview(code, forms.form_of(templates.get(session(), code, version).content))


@bp.route("/moi", methods=["GET", "POST"])
@needs(May.DOCUMENT_TEMPLATE)
def new() -> ResponseReturnValue:
    """A form that nobody has yet."""
    return _edit(None)


@bp.route("/<code>/sua", methods=["GET", "POST"])
@needs(May.DOCUMENT_TEMPLATE)
def edit(code: str) -> ResponseReturnValue:
    """The next version of a form."""
    return _edit(code)


@bp.route("/don-vi", methods=["GET", "POST"])
@needs(May.DOCUMENT_TEMPLATE)
def unit() -> ResponseReturnValue:
    """The code and the words of a unit."""
    form = UnitForm()
    parties = units.candidates(session(), lists.today())
    form.party.choices = [("", "–"), *((str(party.id), party.name) for party in parties)]
    if request.method == "GET":
        _offer(form)
        return _unit_page(form)
    if not form.validate():
        return _unit_page(form), 422
    with once("documents.unit") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            units.register(
                session(), UUID(form.party.data), unit_code=form.unit_code.data, sub_unit_code=form.sub_unit_code.data, name=form.name.data,
                parent_name=form.parent_name.data, place=form.place.data, by=person().id, at=clock.now(),
            )  # fmt: skip
        except TemThatError as exc:
            session().rollback()
            return _unit_page(form, [*fields.every(exc)]), exc.status
        key.settle(url_for(".index"))
    session().commit()
    flash(_("The unit has been saved."), "success")
    return redirect(key.location, 303)


def _edit(code: str | None) -> ResponseReturnValue:
    newest = templates.versions(session(), code)[0] if code else None
    form = VersionForm()
    if request.method == "GET":
        form.seen.data, form.code.data = str(newest.version if newest else 0), code or ""
        parts = forms.written(forms.form_of(newest.content)) if newest else {}
        return _edit_page(newest, form, parts)
    parts = {part.value: ", ".join(request.form.getlist(part.value)) for part in FormPart}
    if "preview" in request.form:
        try:
            read = templates.check(session(), code or form.code.data or "", parts, valid_from=form.valid_from.data)
        except TemThatError as exc:
            return _edit_page(newest, form, parts, exc), exc.status
        return _preview(code or form.code.data, read)
    return _save(code or form.code.data or "", newest, form, parts)


def _save(code: str, newest: Any, form: VersionForm, parts: dict[str, str]) -> ResponseReturnValue:
    if not form.validate():
        return _edit_page(newest, form, parts), 422
    with once("documents.template") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            made = templates.save(
                session(), code, parts, valid_from=form.valid_from.data, note=form.note.data,
                seen=fields.version(form.seen.data), by=person().id, at=clock.now(),
            )  # fmt: skip
        except TemThatError as exc:
            session().rollback()
            if isinstance(exc, templates.TemplateChanged):  # saving again is a decision, made with that version in view
                newest = templates.versions(session(), code)[0]
                form.seen.data = str(newest.version)
            return _edit_page(newest, form, parts, exc), exc.status
        key.settle(url_for(".show", code=made.form, version=made.version))
    number = made.version
    session().commit()
    flash(
        _("Version %(version)s has been saved. Documents keep the version they were made from.", version=number),
        "success",
    )
    return redirect(key.location, 303)


def _told(form: Form) -> dict[str, str]:
    """The parts of a form in the reader's words."""
    pages = next(str(words) for value, words in _EVERY_PAGE if bool(value) == form.every_page)
    return forms.written(form) | {
        "kind": say(form.kind), "signer": say(form.signer), "every_page": pages, "stages": ", ".join(say(stage) for stage in form.stages),
    }  # fmt: skip


def _edit_page(newest: Any, form: VersionForm, parts: dict[str, str], exc: TemThatError | None = None) -> str:
    errors: dict[str, list[str]] = {}
    rest = []
    for reason in fields.every(exc) if exc else ():
        part = str(reason.facts.get("box") or reason.facts.get("part") or "")
        if part in set(FormPart):
            errors.setdefault(part, []).append(explain(reason))
        else:
            rest.append(reason)
    summary = [{"message": text, "way_out": None, "url": None} for texts in errors.values() for text in texts]
    return render_template(
        "desk/document_form_edit.html", template=newest, form=form, parts=parts, errors=errors, reasons=[*fields.reasons(rest), *summary],
        head=[_row(part, parts, errors) for part in HEAD], boxes=[_row(part, parts, errors) for part in BOXES], known=vocabulary.KNOWN.values(),
        sources=vocabulary.SOURCES, system=vocabulary.SYSTEM, tables=vocabulary.TABLES, kinds=[*vocabulary.FieldKind],
    )  # fmt: skip


def _row(part: FormPart, parts: dict[str, str], errors: dict[str, list[str]]) -> dict[str, Any]:
    choices = None
    if part in _CHOICES:
        choices = [(member.value, say(member)) for member in _CHOICES[part]]
    elif part is FormPart.EVERY_PAGE:
        choices = _EVERY_PAGE
    text = parts.get(part.value, "")
    many = (
        [(state.value, say(state), state.value in text.split(", ")) for state in CaseState]
        if part is FormPart.STAGES
        else None
    )
    return {
        "name": part.value, "label": say(part), "text": text, "errors": errors.get(part.value, []), "choices": choices, "many": many,
        "rows": max(3, min(24, text.count("\n") + 2)),
    }  # fmt: skip


def _preview(code: str, form: Form) -> Response:
    """An empty draft: nobody's unit, nobody's case."""
    held = units.of_person(session(), person().id, lists.today())
    own = held[2] if held else None
    heading = Heading(
        parent=own.parent_name if own else "", organisation=own.name if own else held[1].name if held else "", place=own.place if own else "Hải Phòng",
        case_number="VV-…",
    )  # fmt: skip
    drawn = layout_pdf.draw(
        sheet.compose(code, form, {}, heading), layout_pdf.Look(layout_pdf.DRAFT), at=templates.SEEDED_AT
    )
    return Response(drawn, mimetype="application/pdf", headers={"Content-Disposition": "inline; filename=mau.pdf", "Cache-Control": "no-store"})  # fmt: skip


def _offer(form: UnitForm) -> None:
    asked = lists.identity("party")
    known = units.of_party(session(), asked) if asked else None
    if known is not None:
        form.party.data, form.unit_code.data, form.sub_unit_code.data = (
            str(known.party_id),
            known.unit_code,
            known.sub_unit_code,
        )
        form.parent_name.data, form.name.data, form.place.data = known.parent_name, known.name, known.place


def _unit_page(form: UnitForm, refusals: list[TemThatError] | None = None) -> str:
    return render_template("desk/document_unit.html", form=form, reasons=fields.reasons(refusals or []))
