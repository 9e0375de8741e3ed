"""Files on screen: the working copy of a picture, for people on duty, and its thumbnail. An original is never shown.

Whoever opens the copy of a piece of evidence is written into its custody; a thumbnail in a list shows too little for that.
"""

from __future__ import annotations

import io
from pathlib import PurePath
from typing import TYPE_CHECKING

from flask import Blueprint, current_app, request, send_file

from enforcement import evidence, redaction
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import NotFound
from trace.services import files, imaging

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from flask import Response
    from flask.typing import ResponseReturnValue

    from trace.models.files import StoredFile

bp = Blueprint("files", __name__)


class NothingToShow(NotFound):
    """This file has no picture to show.

    It is kept as it came; ask the officer who handles the case.
    """


@bp.get("/tep/<uuid:file_id>")
@needs(May.FILE_READ)
def show(file_id: UUID) -> ResponseReturnValue:
    """The copy of a picture, without its metadata, for those who may read the record that it belongs to."""
    stored, copy = _copy(file_id)
    if request.method != "HEAD":  # that shows nobody anything
        evidence.look(session(), stored, store=_store(), by=person().id, at=clock.now())
        for found in redaction.of_file(session(), file_id):
            redaction.opened(session(), found, by=person().id, at=clock.now())
        session().commit()
    name = f"{PurePath(stored.name).stem}.jpg"
    answer = send_file(
        copy, mimetype=files.COPY_MEDIA_TYPE, as_attachment=False, download_name=name, etag=False, max_age=0
    )
    return _sealed(answer)


@bp.get("/tep/<uuid:file_id>/nho")
@needs(May.FILE_READ)
def thumb(file_id: UUID) -> ResponseReturnValue:
    """The same as a thumbnail for lists."""
    drawn = imaging.thumb(_copy(file_id)[1])
    return _sealed(send_file(io.BytesIO(drawn), mimetype=files.COPY_MEDIA_TYPE, etag=False, max_age=0))


def _store() -> Path:
    found: Path = current_app.config["TEMTHAT"].files_dir
    return found


def _copy(file_id: UUID) -> tuple[StoredFile, Path]:
    """The copy of a file that this person may see, hashed just now."""
    may = person().may
    if not evidence.belongs_to(
        session(),
        file_id,
        cases=may(May.CASE_READ),
        signals=may(May.SIGNAL_TRIAGE),
        observations=may(May.OBSERVATION_READ),
    ):
        raise NotFound
    stored = files.get(session(), file_id)
    try:
        copy = files.whole_copy(_store(), stored)
    except files.FileDamaged:
        evidence.copy_changed(session(), stored, at=clock.now())
        session().commit()
        raise
    if copy is None:
        raise NothingToShow
    return stored, copy


def _sealed(answer: Response) -> Response:
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
