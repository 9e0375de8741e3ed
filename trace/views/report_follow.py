"""After a report was sent: its page behind a secret address, photos in one go or piece by piece, additions, and taking a contact back.

It names nobody, and shows nothing that the reporter wrote: the address may come into other hands. What must not live here: how photos
are put together (`tip_uploads`) and what officers may tell (`enforcement.triage`, `tips.tell`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from flask import current_app, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _

from enforcement import informants, intake
from trace import clock, workdays
from trace.access import needs
from trace.db import session
from trace.errors import TemThatError
from trace.forms import clean
from trace.models.tips import TipState
from trace.services import files, tip_uploads, tips
from trace.services.limits import Limited
from trace.services.workdays import calendar
from trace.views.once import once
from trace.views.report import bp, grouped, take
from trace.words import explain, way_out

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path
    from typing import BinaryIO
    from uuid import UUID

    from flask.typing import ResponseReturnValue
    from werkzeug.datastructures import FileStorage

    from trace.models.tips import Tip
    from trace.services.tip_uploads import Progress

__all__ = ["bp"]  # the questions and what follows them are one blueprint

OFFSET = "Upload-Offset"
STANDS = (TipState.RECEIVED, TipState.LOOKED_INTO, TipState.CLOSED)


@bp.get("/phan-anh/<secret>")
@needs(None)
def follow(secret: str) -> ResponseReturnValue:
    """What became of a report, for whoever has its address."""
    return _receipt(tips.find_by_secret(session(), secret), secret)


@bp.post("/phan-anh/<secret>")
@needs(None)
def photos(secret: str) -> ResponseReturnValue:
    """Photos for a report. Good ones are kept even if others are refused; each refusal is said by file."""
    at = clock.now()
    # All that was sent is read before the database is asked anything: a slow sender holds no transaction.
    sent = [upload for upload in request.files.getlist("photo") if upload.filename]
    tip = tips.find_by_secret(session(), secret)
    refused = [] if sent else [{"message": _("Choose a photo first."), "way_out": None, "url": "#photo"}]
    left_out = 0
    for upload in sent:
        try:
            _take(tip, upload, at)
        except tips.TooManyPhotos:
            left_out += 1
        except TemThatError as error:
            name = files.clean_name(upload.filename or "")
            refused.append({"message": f"{name}: {explain(error)}", "way_out": way_out(error), "url": "#photo"})
        finally:
            upload.close()  # a large one lies in a temporary file
    if left_out:
        over = _("A report holds at most %(most)s photos; %(n)s were left out.", most=tips.MOST_PHOTOS, n=left_out)
        refused.append({"message": over, "way_out": _("The first ones are kept."), "url": None})
    session().commit()
    if refused:
        return _receipt(tip, secret, refused=refused), 422
    return redirect(url_for(".follow", secret=secret), 303)


@bp.post("/phan-anh/<secret>/anh")
@needs(None)
def announce(secret: str) -> ResponseReturnValue:
    """Announce a photo that will come in pieces: `size` in bytes and `sha256` in hex. Nothing else is asked about it."""
    said = request.get_json(silent=True)
    size, sha256 = (said.get("size"), said.get("sha256")) if isinstance(said, dict) else (None, None)
    at = clock.now()
    tip = tips.find_by_secret(session(), secret)
    if not isinstance(size, int) or isinstance(size, bool) or not isinstance(sha256, str):
        raise tip_uploads.NotAnnounced
    _limit(at)
    progress = tip_uploads.begin(session(), tip, size=size, sha256=sha256, at=at)
    session().commit()
    return _told(progress)


@bp.get("/phan-anh/<secret>/anh/<uuid:upload_id>")
@needs(None)
def arrived(secret: str, upload_id: UUID) -> ResponseReturnValue:
    """How much of a photo has arrived."""
    tip = tips.find_by_secret(session(), secret)
    return _told(tip_uploads.progress(session(), tip, upload_id))


@bp.route("/phan-anh/<secret>/anh/<uuid:upload_id>", methods=["PATCH"])
@needs(None)
def piece(secret: str, upload_id: UUID) -> ResponseReturnValue:
    """The next piece of a photo, from `Upload-Offset` on. The answer says how much has arrived; the last piece makes it a photo."""
    asked = request.headers.get(OFFSET, "")
    if not (asked.isascii() and asked.isdigit() and len(asked) <= 9):
        raise tip_uploads.NotAnnounced
    if (request.content_length or 0) > tip_uploads.MOST_PIECE:
        raise tip_uploads.PieceTooLarge
    request.max_content_length = tip_uploads.MOST_PIECE
    sent = request.get_data(cache=False)
    at = clock.now()
    tip = tips.find_by_secret(session(), secret)
    progress = tip_uploads.append(
        session(), _store(), tip, upload_id, offset=int(asked), piece=sent, at=at
    )  # fmt: skip
    session().commit()
    if not progress.is_whole:
        return _told(progress, 200 if progress.offset == int(asked) + len(sent) else 409)
    try:
        tip_uploads.finish(session(), _store(), tip, upload_id, at=at)
    except TemThatError:
        session().rollback()
        tip_uploads.drop(session(), _store(), tip, upload_id)
        session().commit()
        raise
    session().commit()
    return _told(tip_uploads.Progress(None, progress.size, progress.size))


@bp.post("/phan-anh/<secret>/them")
@needs(None)
def add(secret: str) -> ResponseReturnValue:
    """Something the reporter adds later."""
    tip = tips.find_by_secret(session(), secret)
    body = clean(request.form.get("body")) or ""
    page = url_for(".follow", secret=secret, _anchor="da-them")
    with once("report.add", anonymous=True) as key:
        if key.done:
            return redirect(page, 303)
        try:
            tips.add_message(session(), tip, body, at=clock.now())
        except TemThatError as error:
            session().rollback()
            fault = {"message": explain(error), "way_out": way_out(error), "url": "#body"}
            return _receipt(tip, secret, refused=[fault], body=body), error.status
        key.settle(url_for("report.start"))  # the secret is kept nowhere, here neither
    session().commit()
    return redirect(page, 303)


@bp.post("/phan-anh/<secret>/rut-lien-he")
@needs(None)
def withdraw(secret: str) -> ResponseReturnValue:
    """Take the contact back: it is deleted, and only that it was stays on record."""
    tip = tips.find_by_secret(session(), secret)
    informants.withdraw(session(), tip.id, at=clock.now())
    session().commit()
    return redirect(url_for(".follow", secret=secret, _anchor="lien-he"), 303)


@bp.post("/phan-anh/<secret>/rut-vi-tri")
@needs(None)
def withdraw_position(secret: str) -> ResponseReturnValue:
    """Take back where one was: the area is deleted."""
    tip = tips.find_by_secret(session(), secret)
    tips.forget_cell(session(), tip, at=clock.now())
    session().commit()
    return redirect(url_for(".follow", secret=secret), 303)


def _limit(at: datetime) -> None:
    wait = take(Limited.PHOTO, at)
    if wait:
        raise tips.PhotosMustWait(until=at + timedelta(seconds=wait), seconds=wait)


def _take(tip: Tip, upload: FileStorage, at: datetime) -> None:
    if tip.state is TipState.CLOSED:
        raise tips.TipIsClosed
    if tips.room_for_photos(session(), tip) <= 0:
        raise tips.TooManyPhotos(most=tips.MOST_PHOTOS)
    _limit(at)
    stored = files.receive(
        session(),
        _store(),
        cast("BinaryIO", upload.stream),
        name=tip.number,  # the file's own name may say who sent it
        at=at,
        by=None,
        kinds=files.IMAGES,
    )
    tips.add_photo(session(), tip, stored, at=at)


def _told(progress: Progress, status: int = 200) -> ResponseReturnValue:
    answer = jsonify(
        id=str(progress.id) if progress.id else None,
        offset=progress.offset,
        size=progress.size,
        done=progress.id is None,
    )
    answer.headers[OFFSET] = str(progress.offset)
    return answer, status


def _receipt(tip: Tip, secret: str, refused: list[dict[str, str | None]] | None = None, body: str = "") -> str:
    days = calendar(session())
    return render_template(
        "report/receipt.html",
        tip=tip,
        secret=secret,
        refused=refused or [],
        body=body,
        room=tips.MOST_PHOTOS - len(tip.photos),
        similar=intake.others_like(session(), tip),
        answer_by=workdays.last_day(days, tip.received_at, tips.ANSWER_WITHIN),
        stand=STANDS.index(tip.state) + 1,
        is_closed=tip.state is TipState.CLOSED,
        has_contact=informants.is_kept(session(), tip.id),
        withdrawn_at=informants.withdrawn_at(session(), tip.id),
        grouped=grouped,
        longest=tips.LONGEST_MESSAGE,
        **_uploading(),
    )


def _uploading() -> dict[str, Any]:
    return {"most_photos": tips.MOST_PHOTOS, "most_bytes": files.MOST_BYTES}


def _store() -> Path:
    folder: Path = current_app.config["TEMTHAT"].files_dir
    return folder
