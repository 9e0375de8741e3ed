"""The pages on which an application is written, one saved at a time, and the page of its evaluation in the field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, cast
from uuid import UUID

from flask import current_app, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    FieldList,
    Form,
    FormField,
    HiddenField,
    RadioField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, InputRequired, Optional, Regexp, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Forbidden, Invalid, NotFound, TemThatError, TooLarge
from trace.forms import PostForm, VietnameseDate, VietnameseInteger, clean
from trace.models.applications import Application, ApplicationEvidence, CriterionResult
from trace.models.areas import GrowingArea
from trace.services import application_moves, application_sections, applications, files, titles
from trace.services.application_moves import Criterion
from trace.services.application_needs import Section
from trace.services.applications import WITH_APPLICANT
from trace.services.editing import EditedMeanwhile
from trace.shown import grams, hectares
from trace.views import lists, past
from trace.views.applications import PAGES, bp, every, told
from trace.views.once import once
from trace.words import say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flask.typing import ResponseReturnValue

__all__ = ["bp"]

EVIDENCE = tuple(kind for kind in ApplicationEvidence if kind is not ApplicationEvidence.EVALUATION)
ORDER = tuple(Section)
MOST_KG = 10**9


class SectionForm(PostForm):
    """What every page carries: the revision that it was drawn from."""

    revision = HiddenField(validators=[InputRequired()])

    @property
    def seen(self) -> int:
        """The revision that the writer saw; a broken one is none."""
        text = str(self.revision.data)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


class ApplicantForm(SectionForm):
    """Who applies and who signs. What is left empty is asked for when the application is handed in."""

    representative = StringField(_l("Name of who signs for the applicant"), [lists.at_most(120)], filters=[clean])
    tax_code = StringField(
        _l("Tax code"),
        [Optional(), Regexp(r"^([0-9]{10}(-[0-9]{3})?|[0-9]{12})$", message=_l("A tax code has 10 digits, 10 and 3 behind a hyphen, or 12."))],
        filters=[clean],
    )  # fmt: skip
    id_number = StringField(
        _l("Personal ID number"),
        [Optional(), Regexp(r"^[0-9]{12}$", message=_l("A personal ID number has 12 digits."))], filters=[clean],
    )  # fmt: skip
    phone = StringField(
        _l("Telephone"),
        [Optional(), Regexp(r"^0[0-9]{9,10}$", message=_l("Write the number with its 0 in front and without spaces, for example 0912345678."))],
        filters=[clean],
    )  # fmt: skip
    address = StringField(_l("Address"), [lists.at_most(300)], filters=[clean])


class ProductForm(SectionForm):
    """For which product, and how the sign is used."""

    product = lists.Choice(_l("Product"))
    sign_use = TextAreaField(_l("How the sign will be used"), [lists.at_most(2000)], filters=[clean])


class SourcesForm(SectionForm):
    """From where, how much, and how it is made."""

    sources = SelectMultipleField(
        _l("Growing areas and production sites"),
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        validate_choice=False,
    )
    yearly_kg = VietnameseInteger(_l("Expected volume of a year"))
    making = TextAreaField(
        _l("How the goods are produced, packed and controlled"), [lists.at_most(4000)], filters=[clean]
    )

    def validate_yearly_kg(self, field: VietnameseInteger) -> None:
        """A volume that can be."""
        if field.data is not None and not 0 < field.data <= MOST_KG:
            raise ValidationError(_("Write a volume in kilograms, more than nothing and at most a million tonnes."))


class EvidenceForm(PostForm):
    """One file and what it shows."""

    kind = lists.Choice(_l("What it shows"), [InputRequired(_l("Choose what the file shows."))])


class CommitmentForm(SectionForm):
    """The name under the commitment."""

    agreed = BooleanField(_l("I have read the use regulation and commit the applicant to keep it"))
    name = StringField(_l("Name of who signs"), [lists.at_most(120)], filters=[clean])


class CriterionForm(Form):
    """The result for one criterion."""

    result = RadioField(
        _l("Result"), choices=lambda: [(each.value, say(each)) for each in CriterionResult], validate_choice=False
    )
    note = StringField(_l("Note"), [lists.at_most(1000)], filters=[clean])


class EvaluationForm(PostForm):
    """An evaluation in the field."""

    evaluated_on = VietnameseDate(_l("Day of the evaluation"), [InputRequired(_l("Write the day of the evaluation."))])
    results = FieldList(FormField(CriterionForm), max_entries=60)
    minutes = TextAreaField(
        _l("Minutes"), [DataRequired(_l("Write the minutes of the evaluation.")), lists.at_most(8000)], filters=[clean]
    )


@bp.route("/<uuid:application_id>/nguoi-nop", methods=["GET", "POST"])
@needs(May.APPLICATION_WRITE)
def applicant(application_id: UUID) -> ResponseReturnValue:
    """The applicant's data."""
    found = _own(application_id)
    names = ("representative", "tax_code", "id_number", "phone", "address")
    form = ApplicantForm(data={name: getattr(found, name) for name in names} | {"revision": found.revision})
    return _section(
        found, Section.APPLICANT, form,
        lambda: _save(found.id, Section.APPLICANT, form, {name: form[name].data or None for name in names}),
    )  # fmt: skip


@bp.route("/<uuid:application_id>/san-pham", methods=["GET", "POST"])
@needs(May.APPLICATION_WRITE)
def product(application_id: UUID) -> ResponseReturnValue:
    """Product and sign."""
    found = _own(application_id)
    form = ProductForm(
        data={"product": str(found.product_id or ""), "sign_use": found.sign_use, "revision": found.revision}
    )
    form.product.choices = [
        ("", "–"),
        *((str(each.id), each.name) for each in titles.products(session(), found.title_id)),
    ]
    return _section(
        found, Section.PRODUCT, form,
        lambda: _save(
            found.id, Section.PRODUCT, form,
            {"product_id": UUID(form.product.data) if form.product.data else None, "sign_use": form.sign_use.data or None},
        ),
    )  # fmt: skip


@bp.route("/<uuid:application_id>/vung-co-so", methods=["GET", "POST"])
@needs(May.APPLICATION_WRITE)
def sources(application_id: UUID) -> ResponseReturnValue:
    """Areas, sites and capacity."""
    found = _own(application_id)
    offered = application_sections.sources(session(), found)
    form = SourcesForm(
        data={
            "sources": [str(each.area_id or each.site_id) for each in found.sources],
            "yearly_kg": found.yearly_kg, "making": found.process, "revision": found.revision,
        }
    )  # fmt: skip
    form.sources.choices = [(str(each.id), _source(each)) for each in offered]
    areas = {str(each.id) for each in offered if isinstance(each, GrowingArea)}

    def save() -> None:
        chosen = [each for each in form.sources.data or [] if each in dict(form.sources.choices)]
        application_sections.save_sources(
            session(), found.id, area_ids=[UUID(each) for each in chosen if each in areas],
            site_ids=[UUID(each) for each in chosen if each not in areas], yearly_kg=form.yearly_kg.data,
            process=form.making.data or None, revision=form.seen, by=person().id, at=clock.now(),
            reach=person().reach(May.APPLICATION_WRITE),
        )  # fmt: skip

    return _section(found, Section.SOURCES, form, save, offered=bool(offered))


@bp.route("/<uuid:application_id>/tai-lieu", methods=["GET", "POST"])
@needs(May.APPLICATION_WRITE)
def evidence(application_id: UUID) -> ResponseReturnValue:
    """Files that show what is stated: added one by one."""
    found = _own(application_id)
    form = EvidenceForm()
    form.kind.choices = [("", _("Choose")), *((each.value, say(each)) for each in EVIDENCE)]
    upload = request.files.get("file")

    def page(refusals: Sequence[TemThatError] = ()) -> str:
        return render_template(
            "applications/evidence.html", application=_own(application_id), form=form, reasons=told(refusals), section=Section.EVIDENCE,
            next_url=_next(found, Section.EVIDENCE), most_mb=files.MOST_BYTES // 2**20,
        )  # fmt: skip

    if request.method == "GET":
        return page()
    if not form.validate():
        return page([files.FileEmpty()] if upload is None or not upload.filename else []), 422
    with once("applications.evidence") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            if upload is None or not upload.filename:
                raise files.FileEmpty
            stored = _take(upload)
            application_sections.add_file(
                session(), application_id, stored, ApplicationEvidence(form.kind.data), by=person().id, at=clock.now(),
                reach=person().reach(May.APPLICATION_WRITE),
            )  # fmt: skip
        except (Invalid, TooLarge) as exc:
            session().rollback()
            return page(every(exc)), exc.status
        key.settle(url_for(".evidence", application_id=application_id))
    session().commit()
    flash(_("The file has been added."), "success")
    return redirect(key.location, 303)


@bp.post("/<uuid:application_id>/tai-lieu/<uuid:file_id>/bo")
@needs(May.APPLICATION_WRITE)
def strike_file(application_id: UUID, file_id: UUID) -> ResponseReturnValue:
    """Take a file out; it stays on record."""
    application_sections.strike_file(
        session(), application_id, file_id, by=person().id, at=clock.now(), reach=person().reach(May.APPLICATION_WRITE)
    )
    session().commit()
    flash(_("The file has been taken out."), "success")
    return redirect(url_for(".evidence", application_id=application_id), 303)


@bp.route("/<uuid:application_id>/cam-ket", methods=["GET", "POST"])
@needs(May.APPLICATION_WRITE)
def commitment(application_id: UUID) -> ResponseReturnValue:
    """The commitment to keep the regulation."""
    found = _own(application_id)
    form = CommitmentForm(
        data={
            "name": found.committed_name or found.representative, "agreed": found.committed_at is not None,
            "revision": found.revision,
        }
    )  # fmt: skip

    def save() -> None:
        application_sections.commit(
            session(), found.id, name=form.name.data or "", agreed=bool(form.agreed.data), revision=form.seen, by=person().id,
            at=clock.now(), reach=person().reach(May.APPLICATION_WRITE),
        )  # fmt: skip

    return _section(
        found, Section.COMMITMENT, form, save,
        regulation=applications.regulation(session(), found.title_id, on=lists.today()),
    )  # fmt: skip


@bp.route("/<uuid:application_id>/tham-dinh", methods=["GET", "POST"])
@needs(May.APPLICATION_EVALUATE)
def evaluation(application_id: UUID) -> ResponseReturnValue:
    """Record an evaluation in the field."""
    reach = person().reach(May.APPLICATION_EVALUATE)
    found = applications.get(session(), application_id, reach=reach)
    if not reach.includes(title_id=found.title_id):
        raise Forbidden
    criteria = application_moves.criteria(session(), found, on=lists.today())
    form = EvaluationForm()
    while len(form.results) < len(criteria):
        form.results.append_entry()

    def page(refusals: Sequence[TemThatError] = ()) -> str:
        return render_template(
            "applications/evaluation.html", application=found, form=form, criteria=criteria, reasons=told(refusals),
            most_mb=files.MOST_BYTES // 2**20,
        )  # fmt: skip

    if request.method == "GET":
        return page()
    if not form.validate():
        return page(), 422
    with once("applications.evaluation") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            stored = [_take(upload) for upload in request.files.getlist("files") if upload.filename]
            application_moves.evaluate(
                session(), application_id, evaluated_on=form.evaluated_on.data, minutes=form.minutes.data,
                results=[_criterion(text, entry.form) for text, entry in zip(criteria, form.results, strict=False)], stored=stored,
                by=person().id, at=clock.now(), reach=reach,
            )  # fmt: skip
        except TemThatError as exc:
            session().rollback()
            found = applications.get(session(), application_id, reach=reach)
            return page(every(exc)), exc.status
        key.settle(url_for(".show", application_id=application_id))
    session().commit()
    flash(_("The evaluation has been recorded."), "success")
    return redirect(key.location, 303)


@bp.get("/<uuid:application_id>/tep/<uuid:file_id>")
@needs(May.APPLICATION_READ)
def file(application_id: UUID, file_id: UUID) -> ResponseReturnValue:
    """A file of an application: a picture as its copy without metadata, a PDF to download as it came."""
    found = applications.get(session(), application_id, reach=person().reach(May.APPLICATION_READ))
    row = next((each.file for each in found.files if each.file_id == file_id), None)
    if row is None:
        raise NotFound
    store = current_app.config["TEMTHAT"].files_dir
    copy = files.copy_path(store, row)
    path = copy or files.original_path(store, row)
    if not path.exists():
        raise NotFound
    answer = send_file(
        path, mimetype=files.COPY_MEDIA_TYPE if copy else files.PDF, as_attachment=copy is None, download_name=row.name, etag=False,
        max_age=0,
    )  # fmt: skip
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _own(application_id: UUID) -> Application:
    """An application of one's own organisation."""
    return applications.get(session(), application_id, reach=person().reach(May.APPLICATION_WRITE))


def _section(
    found: Application, section: Section, form: SectionForm, save: Callable[[], object], **facts: Any
) -> ResponseReturnValue:
    """Show a page, or save it and go on to the next; what somebody else saved meanwhile is shown and nothing typed is lost."""

    def page(refusals: Sequence[TemThatError] = (), events: Sequence[dict[str, Any]] = ()) -> str:
        return render_template(
            f"applications/{section.value}.html", application=found, form=form, reasons=told(refusals), events=events, section=section,
            position=ORDER.index(section) + 1, pages=len(ORDER), **facts,
        )  # fmt: skip

    if request.method == "GET":
        if found.state not in WITH_APPLICANT:
            return redirect(url_for(".show", application_id=found.id), 303)
        return page()
    if not form.validate():
        return page(), 422
    try:
        save()
    except EditedMeanwhile as exc:
        revision, events = exc.record.revision, past.told(exc.deeds)
        session().rollback()
        found = _own(found.id)
        form.revision.data = str(revision)
        return page(events=events), exc.status
    except Invalid as exc:
        session().rollback()
        found = _own(found.id)
        return page(every(exc)), exc.status
    session().commit()
    flash(_("Saved."), "success")
    return redirect(_next(found, section), 303)


def _save(application_id: UUID, section: Section, form: SectionForm, values: dict[str, object]) -> None:
    application_sections.save(
        session(), application_id, section, values, revision=form.seen, by=person().id, at=clock.now(),
        reach=person().reach(May.APPLICATION_WRITE),
    )  # fmt: skip


def _next(found: Application, section: Section) -> str:
    """The next page of the form, or the task list after the last; "Save and leave" goes to the task list at once."""
    after = ORDER[ORDER.index(section) + 1 :]
    if request.form.get("go") == "leave" or not after:
        return url_for(".show", application_id=found.id)
    return url_for(PAGES[after[0]], application_id=found.id)


def _source(source: Any) -> str:
    kind = "" if isinstance(source, GrowingArea) else f" ({say(source.kind)})"
    size = hectares(source.declared_ha) if isinstance(source, GrowingArea) else grams(source.capacity_g)
    return f"{source.name}{kind}, {source.commune.name}, {size}"


def _criterion(text: str, form: CriterionForm) -> Criterion:
    chosen = form.result.data
    return Criterion(text, CriterionResult(chosen) if chosen in set(CriterionResult) else None, form.note.data or "")


def _take(upload: Any) -> Any:
    return files.receive(
        session(), current_app.config["TEMTHAT"].files_dir, cast("BinaryIO", upload.stream), name=upload.filename or "", at=clock.now(),
        by=person().id,
    )  # fmt: skip
