"""Files of evidence: the original to take out, the picture in full size, redacted copies made and shown, the printed sheet.

Nothing goes out that was not hashed just now. A film is sent in parts, as players ask for it; the parts of one look are one reading.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from flask import Response, current_app, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _

from enforcement import cases, evidence, redaction
from enforcement.views import readings
from enforcement.views.evidence import bp, received, redraw, refused, store, told
from enforcement.views.evidence_forms import BringForm, RedactForm
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import NotFound, TemThatError
from trace.services import files, imaging
from trace.views.once import once

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from enforcement.models import Evidence


@bp.get("/<uuid:case_id>/chung-cu/<uuid:evidence_id>/goc")
@needs(May.CASE_MOVE)
def original(case_id: UUID, evidence_id: UUID) -> ResponseReturnValue:
    """The original as it came, to keep: never shown in a page of ours."""
    if readings.only_head():
        piece = evidence.get(session(), case_id, evidence_id)
        evidence.may_go_out(session(), piece, scanner=current_app.config["TEMTHAT"].clamd, by=person().id)
        return _unopened(piece.file.media_type, size=piece.file.size)
    path, piece = _whole(case_id, evidence_id)
    name = f"but-luc-{piece.folio}.{files.ENDINGS.get(piece.file.media_type, 'bin')}"
    answer = send_file(
        path, mimetype=piece.file.media_type, as_attachment=True, download_name=name, etag=False, max_age=0
    )
    return _sealed(answer)


@bp.get("/<uuid:case_id>/chung-cu/<uuid:evidence_id>/toan-canh.jpg")
@needs(May.CASE_READ)
def large(case_id: UUID, evidence_id: UUID) -> ResponseReturnValue:
    """The picture in its full size, drawn anew without what the camera wrote into it."""
    if readings.only_head():
        evidence.get(session(), case_id, evidence_id)
        return _unopened(files.COPY_MEDIA_TYPE)
    found, seen = evidence.view(session(), case_id, evidence_id, store=store(), by=person().id, at=clock.now())
    session().commit()
    if seen != found.sha256:
        raise files.FileDamaged(name=f"{_('Folio')} {found.folio}")
    if found.file.media_type not in files.IMAGES:
        raise NotFound
    if evidence.from_the_public(session(), {found.file_id}):
        raise evidence.OriginalSealed
    drawn = imaging.picture(files.original_path(store(), found.file))
    return _sealed(send_file(io.BytesIO(drawn), mimetype=files.COPY_MEDIA_TYPE, etag=False, max_age=0))


@bp.route("/<uuid:case_id>/chung-cu/<uuid:evidence_id>/che", methods=["GET", "POST"])
@needs(May.CASE_MOVE)
def redact(case_id: UUID, evidence_id: UUID) -> ResponseReturnValue:
    """Draw rectangles over a picture and burn them into a copy."""
    if request.method == "GET":
        return _redact_page(case_id, evidence_id, RedactForm(formdata=None))
    form = RedactForm()
    if not form.validate():
        return _redact_page(case_id, evidence_id, form), 422
    with once("evidence.redact") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            redaction.draw(
                session(), case_id, evidence_id, form.areas, reason=form.reason.data, store=store(), by=person().id, at=clock.now()
            )  # fmt: skip
        except TemThatError as exc:
            session().rollback()
            return _redact_page(case_id, evidence_id, form, [exc]), exc.status
        key.settle(url_for(".piece", case_id=case_id, evidence_id=evidence_id, _anchor="copies"))
    session().commit()
    flash(_("The redacted copy has been made. The original is untouched."), "success")
    return redirect(key.location, 303)


@bp.post("/<uuid:case_id>/chung-cu/<uuid:evidence_id>/ban-che")
@needs(May.CASE_MOVE)
def bring(case_id: UUID, evidence_id: UUID) -> ResponseReturnValue:
    """Take in a copy that was redacted outside."""
    form = BringForm()
    if not form.validate():
        return redraw(case_id, evidence_id, form=form), 422
    with once("evidence.bring") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            stored = received(form.file.data)
            redaction.bring(
                session(), case_id, evidence_id, stored, reason=form.reason.data, store=store(), by=person().id, at=clock.now()
            )  # fmt: skip
        except TemThatError as exc:
            refused(exc)
            return redraw(case_id, evidence_id, form=form, reasons=[exc]), exc.status
        key.settle(url_for(".piece", case_id=case_id, evidence_id=evidence_id, _anchor="copies"))
    session().commit()
    flash(_("The redacted copy is bound to its original."), "success")
    return redirect(key.location, 303)


@bp.get("/<uuid:case_id>/chung-cu/<uuid:evidence_id>/ban-che/<uuid:redaction_id>")
@needs(May.CASE_READ)
def copy(case_id: UUID, evidence_id: UUID, redaction_id: UUID) -> ResponseReturnValue:
    """A redacted copy, hashed just now, and that it was opened is written down. A picture drawn here is shown, anything else handed out."""
    piece = evidence.get(session(), case_id, evidence_id)
    found = redaction.of_piece(session(), piece, redaction_id)
    if found is None:
        raise NotFound
    path, due = files.original_path(store(), found.file), found.sha256
    session().commit()  # a film takes longer to hash than a transaction may pause
    if evidence.hash_of(path) != due:
        evidence.tell(session(), piece, f"redaction {found.number}", at=clock.now())
        session().commit()
        raise files.FileDamaged(name=f"{_('Folio')} {piece.folio} – {found.number}")
    if not found.drawn_here or found.file.virus:
        evidence.harmless(found.file, scanner=current_app.config["TEMTHAT"].clamd, by=person().id)
    if not readings.only_head():
        redaction.opened(session(), found, by=person().id, at=clock.now())
        session().commit()
    ending = files.ENDINGS[found.file.media_type]
    answer = send_file(
        path, mimetype=found.file.media_type, as_attachment=not found.drawn_here,
        download_name=f"but-luc-{piece.folio}-ban-che-{found.number}.{ending}", etag=False, max_age=0,
    )  # fmt: skip
    return _sealed(answer)


@bp.get("/<uuid:case_id>/chung-cu/<uuid:evidence_id>/in")
@needs(May.CASE_READ)
def sheet(case_id: UUID, evidence_id: UUID) -> ResponseReturnValue:
    """A sheet to print: the latest redacted copy where there is one, for prints leave the house."""
    if readings.only_head():
        evidence.get(session(), case_id, evidence_id)
        return _unopened("text/html")
    found, seen = evidence.view(session(), case_id, evidence_id, store=store(), by=person().id, at=clock.now())
    session().commit()
    drawn = [each for each in found.redactions if each.drawn_here]
    return render_template(
        "desk/evidence_sheet.html", case=cases.get(session(), case_id), piece=found, intact=seen == found.sha256,
        redacted=drawn[-1] if drawn else None,
        public=bool(evidence.from_the_public(session(), {found.file_id})), is_picture=found.file.media_type in files.IMAGES, at=clock.now(),
    )  # fmt: skip


def _redact_page(case_id: UUID, evidence_id: UUID, form: RedactForm, reasons: Sequence[TemThatError] = ()) -> str:
    found, seen = evidence.view(session(), case_id, evidence_id, store=store(), by=person().id, at=clock.now())
    session().commit()
    if found.file.media_type not in files.IMAGES:
        raise redaction.NotAPicture
    if seen != found.sha256:
        raise files.FileDamaged(name=f"{_('Folio')} {found.folio}")
    return render_template(
        "desk/evidence_redact.html", case=cases.get(session(), case_id), piece=found, form=form, told=told(reasons),
        failed=form if form.errors else None,
    )  # fmt: skip


def _whole(case_id: UUID, evidence_id: UUID) -> tuple[Path, Evidence]:
    """The original, hashed, and its reading written down; a further part of a reading is neither again."""
    piece = evidence.get(session(), case_id, evidence_id)
    path = files.original_path(store(), piece.file)
    if readings.goes_on(readings.mark(path, evidence_id)):
        session().commit()
        return path, piece
    piece, seen = evidence.fetch(
        session(), case_id, evidence_id, scanner=current_app.config["TEMTHAT"].clamd, store=store(), by=person().id, at=clock.now()
    )  # fmt: skip
    session().commit()
    if seen != piece.sha256:
        raise files.FileDamaged(name=f"{_('Folio')} {piece.folio}")
    readings.begun(readings.mark(path, evidence_id))
    return path, piece


def _unopened(media_type: str, *, size: int | None = None) -> Response:
    """What a file is like, for a tool that asks before it takes: nothing goes out, and nobody has opened it."""
    answer = Response(mimetype=media_type)
    answer.headers["Accept-Ranges"] = "bytes"
    if size is not None:
        answer.content_length = size
    return _sealed(answer)


def _sealed(answer: Response) -> Response:
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
