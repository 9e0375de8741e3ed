"""Small pictures under the hash of what they show, for a year in every cache: nothing under such an address ever changes.

What must not live here: other files that people sent. Those are shown to people on duty only (`files`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flask import Blueprint, current_app, send_file
from flask_login import current_user

from trace.access import May, Person, needs
from trace.db import session
from trace.errors import NotFound
from trace.services import files, pictures

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

bp = Blueprint("pictures", __name__)

YEAR = 31_536_000
_HASH = re.compile(r"[0-9a-f]{64}")


@bp.get("/anh/<sha256>-<int:width>.jpg")
@needs(None)
def show(sha256: str, width: int) -> ResponseReturnValue:
    """A public picture; people on duty see those of titles that are not public yet, and drafts."""
    if not _HASH.fullmatch(sha256):
        raise NotFound
    public = pictures.is_public(session(), sha256)
    if not public and not (_reads_titles() and pictures.is_kept(session(), sha256)):
        raise NotFound
    path = pictures.small(current_app.config["TEMTHAT"].files_dir, sha256, width)
    answer = send_file(path, mimetype=files.COPY_MEDIA_TYPE, as_attachment=False, etag=False, max_age=YEAR)
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable" if public else "private, no-store"
    return answer


def _reads_titles() -> bool:
    who = current_user._get_current_object()  # noqa: SLF001  flask-login's documented way to the object itself
    return isinstance(who, Person) and who.may(May.TITLE_READ)
