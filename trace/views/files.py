"""Files on screen: the working copy of a picture, for people on duty. An original is never shown."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from flask import Blueprint, current_app, send_file

from enforcement import evidence
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import NotFound
from trace.services import files

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

bp = Blueprint("files", __name__)


class NothingToShow(NotFound):
    """This file has no picture to show.

    It is kept as it came; ask the officer who handles the case.
    """


@bp.get("/tep/<uuid:file_id>")
@needs(May.FILE_READ)
def show(file_id: UUID) -> ResponseReturnValue:
    """The copy of a picture, without its metadata, for those who may read the record that it belongs to."""
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
        copy = files.whole_copy(current_app.config["TEMTHAT"].files_dir, stored)
    except files.FileDamaged:
        evidence.copy_changed(session(), stored, at=clock.now())
        session().commit()
        raise
    if copy is None:
        raise NothingToShow
    name = f"{PurePath(stored.name).stem}.jpg"
    answer = send_file(
        copy, mimetype=files.COPY_MEDIA_TYPE, as_attachment=False, download_name=name, etag=False, max_age=0
    )
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
