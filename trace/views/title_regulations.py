"""Use regulations: a version's page, a new version, and putting one right that has not begun."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from flask import current_app, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Forbidden, Invalid, NotFound, Refused, TemThatError, TooLarge
from trace.services import files, regulations, rules, titles
from trace.services.rules import Rules
from trace.views import lists, past
from trace.views.faults import at_fields
from trace.views.once import once
from trace.views.title_edits import carry_out
from trace.views.title_forms import RegulationForm
from trace.views.title_page import bp, edits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import BinaryIO
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from trace.models.titles import UseRegulation

FIELDS: Mapping[type[TemThatError], str] = {
    regulations.NotAfterPrevious: "valid_from",
    regulations.EndsBeforeItBegins: "valid_from",
    regulations.PackWeightsNeeded: "pack_weights_g",
    regulations.PatternTaken: "certificate_number",
    rules.NumberPatternFaulty: "certificate_number",
    files.FileTooLarge: "file",
    files.FileEmpty: "file",
    files.UnknownFileKind: "file",
    files.NotAnImage: "file",
    files.TooManyPixels: "file",
}
RULES = Rules.__struct_fields__


@bp.get("/quy-che/<uuid:regulation_id>")
@needs(May.TITLE_READ)
def regulation(regulation_id: UUID) -> ResponseReturnValue:
    """One version with its rules."""
    found = regulations.get(session(), regulation_id)
    kept = rules.read(found.rules)
    return render_template(
        "titles/regulation.html",
        regulation=found,
        rules=kept,
        example=rules.number_from(kept.certificate_number, n=13, year=lists.today().year),
        today=lists.today(),
        edits=edits(found.title_id),
        is_open=regulations.is_open(found, on=lists.today()),
        events=past.of(regulation_id),
    )


@bp.get("/quy-che/<uuid:regulation_id>/tep")
@needs(May.TITLE_READ)
def regulation_file(regulation_id: UUID) -> ResponseReturnValue:
    """The signed document: a PDF as it came, a picture as its copy without metadata."""
    found = regulations.get(session(), regulation_id)
    if found.file_id is None:
        raise NotFound
    stored, store = files.get(session(), found.file_id), current_app.config["TEMTHAT"].files_dir
    path = files.original_path(store, stored) if stored.media_type == files.PDF else files.copy_path(store, stored)
    if path is None or not path.exists():
        raise NotFound
    kind, ending = (files.PDF, "pdf") if stored.media_type == files.PDF else (files.COPY_MEDIA_TYPE, "jpg")
    answer = send_file(
        path,
        mimetype=kind,
        as_attachment=True,
        download_name=f"quy-che-v{found.version}.{ending}",
        etag=False,
        max_age=0,
    )
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


@bp.route("/<uuid:title_id>/quy-che/moi", methods=["GET", "POST"])
@needs(May.TITLE_EDIT)
def new_regulation(title_id: UUID) -> ResponseReturnValue:
    """Enter a version, beginning with the rules of the one before."""
    titles.get(session(), title_id)
    if not edits(title_id):
        raise Forbidden
    before = regulations.latest(session(), title_id)
    form = RegulationForm(data=_offered(before))

    def page(reasons: Sequence[Any] = ()) -> str:
        return render_template(
            "titles/regulation_form.html", form=form, title=titles.get(session(), title_id), regulation=None, meanwhile=None,
            reasons=reasons, before=regulations.latest(session(), title_id),
        )  # fmt: skip

    try:
        if request.method == "GET":
            return page()
        if not form.validate():
            return page(), 422
        with once("titles.new_regulation") as key:
            if key.done:
                return redirect(key.location, 303)
            try:
                made = regulations.record(
                    session(),
                    title_id,
                    _facts(form),
                    by=person().id,
                    at=clock.now(),
                    reach=person().reach(May.TITLE_EDIT),
                )
            except (Invalid, TooLarge) as exc:
                session().rollback()
                return page(at_fields(form, exc, FIELDS)), exc.status
            key.settle(url_for(".regulation", regulation_id=made.id))
        session().commit()
    finally:
        _close()
    flash(_("The version has been entered."), "success")
    return redirect(key.location, 303)


@bp.route("/quy-che/<uuid:regulation_id>/sua", methods=["GET", "POST"])
@needs(May.TITLE_EDIT)
def edit_regulation(regulation_id: UUID) -> ResponseReturnValue:
    """Put a version right that has not begun."""
    found = regulations.get(session(), regulation_id)
    if not edits(found.title_id):
        raise Forbidden
    if not regulations.is_open(found, on=lists.today()):
        raise regulations.InForce
    form = RegulationForm(
        data=_offered(found)
        | {
            "revision": str(found.revision),
            "summary": found.summary,
            "valid_from": found.valid_during.lower,
            "body": found.body,
            "deciding_document": found.deciding_document,
        }
    )

    def page(reasons: Sequence[Any] = (), meanwhile: Any = None) -> str:
        present = regulations.get(session(), regulation_id)
        return render_template(
            "titles/regulation_form.html", form=form, title=present.title, regulation=present, meanwhile=meanwhile, reasons=reasons,
            before=None,
        )  # fmt: skip

    def deed() -> None:
        try:
            facts = _facts(form)
        except (Invalid, TooLarge) as exc:
            raise Refused([exc]) from exc
        regulations.edit(
            session(), regulation_id, facts, revision=form.seen, by=person().id, at=clock.now(), reach=person().reach(May.TITLE_EDIT),
        )  # fmt: skip

    try:
        location = url_for(".regulation", regulation_id=regulation_id)
        return carry_out(form, deed, page, _("The version has been changed."), location, fields=FIELDS)
    finally:
        _close()


def _offered(before: UseRegulation | None) -> dict[str, Any]:
    """The rules of a version, or the usual ones, as a form begins with them."""
    kept = rules.read(before.rules) if before else Rules()
    offered: dict[str, Any] = {name: getattr(kept, name) for name in RULES}
    if before is not None:
        offered |= {"pack_weights_g": before.pack_weights_g, "requires_area_code": before.requires_area_code}
    return offered


def _facts(form: RegulationForm) -> regulations.Facts:
    upload = form.file.data
    stored = None
    if upload and upload.filename:
        stored = files.receive(
            session(), current_app.config["TEMTHAT"].files_dir, cast("BinaryIO", upload.stream), name=upload.filename, at=clock.now(),
            by=person().id,
        )  # fmt: skip
    said = {name: form[name].data for name in RULES}
    said |= {name: tuple(value) for name, value in said.items() if isinstance(value, list)}
    return regulations.Facts(
        summary=form.summary.data,
        body=form.body.data or "",
        deciding_document=form.deciding_document.data,
        valid_from=form.valid_from.data,
        requires_area_code=form.requires_area_code.data,
        pack_weights_g=form.pack_weights_g.data,
        rules=Rules(**said),
        file_id=stored.id if stored else None,
    )


def _close() -> None:
    for each in request.files.values():
        each.close()  # a large one lies in a temporary file
