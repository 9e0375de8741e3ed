"""A control visit on a phone: begin it, answer card by card, add photos, have it acknowledged.

Every card is a plain form; `trace/static/visit.js` sends the same facts as JSON from what it keeps on the device. What must not live
here: what an answer must hold, which is judged when the visit is finished.
"""

from __future__ import annotations

import hashlib
import io
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from uuid import UUID

import msgspec
from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField, TextAreaField
from wtforms.validators import InputRequired

from trace import clock
from trace.access import May, needs, person
from trace.config import ROOT
from trace.db import session
from trace.errors import Invalid, Refused, TemThatError
from trace.failures import wants_json
from trace.forms import PostForm, VietnameseDate, clean
from trace.models.areas import GrowingArea
from trace.models.controls import ControlLevel, Outcome
from trace.services import controls, files, visit_endings, visits
from trace.services.visits import Answer
from trace.views import lists, past
from trace.views.once import once
from trace.words import explain, say, way_out

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flask.typing import ResponseReturnValue

    from trace.services.reach import Reach

bp = Blueprint("visits", __name__, url_prefix="/kiem-soat")

LONGEST_SIGNATURE = 400_000
MOST_ANSWERS = 200


class NotUnderstood(Invalid):
    """What this device sent cannot be read, so it was not kept. It is still on the device.

    Load the page again and send once more.
    """


class SignatureMissing(Invalid):
    """There is no signature yet.

    Have it drawn on the screen, or send a photo of the signed paper.
    """


class SentAnswer(msgspec.Struct, forbid_unknown_fields=True):
    """An answer as the script sends it; the day is as it was typed."""

    item: UUID
    sequence: int
    outcome: Outcome | None
    note: str
    action: str
    due: str
    as_before: bool
    at: datetime


class SentAnswers(msgspec.Struct, forbid_unknown_fields=True):
    """What a device has not been told to be kept yet."""

    answers: list[SentAnswer]


class StartForm(PostForm):
    """Where, and on which level."""

    source = lists.Choice(_l("Area or site"), [InputRequired(_l("Choose an area or site."))])
    level = lists.Choice(_l("Level of control"), [InputRequired(_l("Choose the level."))])
    visited_on = VietnameseDate(_l("Day of the visit"), [InputRequired(_l("Write the day of the visit."))])


class AnswerForm(PostForm):
    """One card."""

    item = StringField()
    outcome = lists.Choice(_l("Result"), choices=[("", ""), *((each.value, each.value) for each in Outcome)])
    note = TextAreaField(_l("Note"), [lists.at_most(visits.LONGEST)], filters=[clean])
    action = TextAreaField(_l("What has to be done"), [lists.at_most(visits.LONGEST)], filters=[clean])
    due_on = VietnameseDate(_l("To be corrected by"))


@bp.route("/moi", methods=["GET", "POST"])
@needs(May.CONTROL_RECORD)
def new() -> ResponseReturnValue:
    """Begin an internal or external control."""
    return _start(May.CONTROL_RECORD, (ControlLevel.INTERNAL, ControlLevel.EXTERNAL), ".new")


@bp.route("/tu-kiem-soat", methods=["GET", "POST"])
@needs(May.CONTROL_SELF)
def new_self() -> ResponseReturnValue:
    """Begin the holder's own control."""
    return _start(May.CONTROL_SELF, (ControlLevel.SELF,), ".new_self")


@bp.get("/luot/<uuid:visit_id>")
@needs(May.CONTROL_READ)
def show(visit_id: UUID) -> ResponseReturnValue:
    """The cards for who began the visit; for everybody else, and once it is finished, the record."""
    return _page(visit_id)


@bp.post("/luot/<uuid:visit_id>/tra-loi")
@needs(May.CONTROL_READ)
def answer(visit_id: UUID) -> ResponseReturnValue:
    """Keep answers: a list as JSON from a device, or one card as a form."""
    if request.mimetype != "application/json":
        return _answer_by_form(visit_id)
    try:
        sent = msgspec.json.decode(request.get_data(), type=SentAnswers).answers
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise NotUnderstood from exc
    if len(sent) > MOST_ANSWERS or any(not 0 < each.sequence < 10**6 or each.at.tzinfo is None for each in sent):
        raise NotUnderstood
    kept = visits.answer(
        session(), visit_id, [_understood(each) for each in sent], by=person().id, at=clock.now(), reach=_reach()
    )
    session().commit()
    return jsonify(
        saved={str(item): sequence for item, sequence in kept.saved.items()},
        overtaken={str(item): sequence for item, sequence in kept.overtaken.items()},
    )


@bp.post("/luot/<uuid:visit_id>/anh")
@needs(May.CONTROL_READ)
def photo(visit_id: UUID) -> ResponseReturnValue:
    """One photo or paper for an item, under the id that its sender gave it."""
    upload = request.files.get("file")
    try:
        item_id, file_id = UUID(request.form.get("item", "")), UUID(request.form.get("id", ""))
        taken_at = datetime.fromisoformat(request.form["taken_at"]) if request.form.get("taken_at") else None
    except ValueError as exc:
        raise NotUnderstood from exc
    if upload is None or not upload.filename or (taken_at is not None and taken_at.tzinfo is None):
        raise files.FileEmpty
    made = _take(visit_id, item_id, upload, file_id, taken_at)
    session().commit()
    return jsonify(id=str(made), url=url_for("controls.file", control_file_id=made))


@bp.post("/luot/<uuid:visit_id>/ma")
@needs(May.CONTROL_READ)
def code(visit_id: UUID) -> ResponseReturnValue:
    """Show a person of the inspected side the six digits by which they acknowledge the visit."""
    shown = visit_endings.show_code(session(), visit_id, key=_key(), by=person().id, at=clock.now(), reach=_reach())
    session().commit()
    return _page(visit_id, shown_code=shown)


@bp.post("/luot/<uuid:visit_id>/ket-thuc")
@needs(May.CONTROL_READ)
def finish(visit_id: UUID) -> ResponseReturnValue:
    """Judge the visit and close it. Finishing twice is harmless, so a device may send it until it is told."""
    try:
        how = _how(visit_id)
        visit_endings.finish(session(), visit_id, how, key=_key(), by=person().id, at=clock.now(), reach=_reach())
    except visit_endings.WrongCode as exc:
        session().commit()  # the try counts
        return _refused(visit_id, [exc], exc.status)
    except TemThatError as exc:
        session().rollback()
        return _refused(visit_id, exc.reasons if isinstance(exc, Refused) else [exc], exc.status)
    session().commit()
    place = url_for(".show", visit_id=visit_id)
    if wants_json():
        return jsonify(location=place)
    flash(_("The visit is finished. What failed is now a nonconformity."), "success")
    return redirect(place, 303)


@bp.get("/luot/tho-phu.js")
@needs(None)
def worker() -> ResponseReturnValue:
    """The service worker that keeps visits open without a net. Its address decides over which pages it may watch: those below."""
    script = (ROOT / "trace" / "static" / "visit-worker.js").read_text(encoding="utf-8")
    return Response(script, mimetype="text/javascript", headers={"Cache-Control": "no-cache"})


def _start(permission: May, levels: tuple[ControlLevel, ...], here: str) -> ResponseReturnValue:
    form = StartForm(data={"visited_on": lists.today(), "level": levels[0].value})
    reach = person().reach(permission)
    found = controls.sources(session(), reach=reach)
    form.source.choices = [("", "–"), *(_choice(source) for source in found)]
    form.level.choices = [(level.value, say(level)) for level in levels]
    about = {"form": form, "any_source": bool(found), "here": url_for(here), "own": permission is May.CONTROL_SELF}
    about["begun"] = [each for each in visits.begun_by(session(), person().id) if each.level in levels]
    if request.method != "POST":
        if asked := request.args.get("source"):
            form.source.data = asked
        return render_template("visits/new.html", reasons=[], **about)
    if not form.validate():
        return render_template("visits/new.html", reasons=[], **about), 422
    with once(f"visits{here}") as key:
        if key.done:
            return redirect(key.location, 303)
        kind, source_id = form.source.data.split(":")
        try:
            visit = visits.start(
                session(), area_id=UUID(source_id) if kind == "area" else None, site_id=UUID(source_id) if kind == "site" else None,
                level=ControlLevel(form.level.data), visited_on=form.visited_on.data, by=person().id, at=clock.now(), reach=reach,
            )  # fmt: skip
        except Refused as exc:
            return render_template("visits/new.html", reasons=_told(exc.reasons), **about), exc.status
        key.settle(url_for(".show", visit_id=visit.id))
    session().commit()
    return redirect(key.location, 303)


def _answer_by_form(visit_id: UUID) -> ResponseReturnValue:
    form = AnswerForm()
    sheet = visits.sheet(session(), visit_id, reach=_reach())
    item = next((each for each in sheet.items if str(each.id) == form.item.data), None)
    if item is None:
        raise visits.NotOfThisVisit
    if not form.validate():
        faults: list[dict[str, str | None]] = [
            {"message": f"{item.code}:", "way_out": str(text), "url": f"#m-{item.code}"}
            for texts in form.errors.values()
            for text in texts
        ]
        return _page(visit_id, reasons=faults, typed={item.id: form}), 422
    known, before = sheet.answers.get(item.id), sheet.before.get(item.code)
    sent = Answer(
        item_id=item.id, sequence=known.sequence + 1 if known else 1, outcome=Outcome(form.outcome.data) if form.outcome.data else None,
        note=form.note.data or "", action=form.action.data or "", due_on=form.due_on.data, answered_at=clock.now(),
    )  # fmt: skip
    if request.form.get("as_before") and before is not None:
        sent = Answer(
            item_id=item.id, sequence=sent.sequence, outcome=before.outcome, note=before.note, answered_at=clock.now(), as_before=True
        )  # fmt: skip
    visits.answer(session(), visit_id, [sent], by=person().id, at=clock.now(), reach=_reach())
    for upload in request.files.getlist("file"):
        if upload.filename:
            try:
                _take(visit_id, item.id, upload, _id_of(visit_id, item.id, upload), None)
            except TemThatError as exc:
                session().commit()  # the answer is good even if a photo is not
                return _page(visit_id, reasons=_told([exc], f"#m-{item.code}")), exc.status
    session().commit()
    codes = [each.code for each in sheet.items]
    after = codes[codes.index(item.code) + 1 :]
    return redirect(url_for(".show", visit_id=visit_id, _anchor=f"m-{after[0]}" if after else "ket-thuc"), 303)


def _take(visit_id: UUID, item_id: UUID, upload: Any, file_id: UUID, taken_at: datetime | None) -> UUID:
    made = visits.add_file(
        session(), current_app.config["TEMTHAT"].files_dir, visit_id, item_id, cast("BinaryIO", upload.stream),
        name=upload.filename or "", file_id=file_id, taken_at=taken_at, by=person().id, at=clock.now(), reach=_reach(),
    )  # fmt: skip
    return made.id


def _id_of(visit_id: UUID, item_id: UUID, upload: Any) -> UUID:
    """The id of a photo that a form sends without one: the same photo of the same item is the same, so sending twice is harmless."""
    digest = hashlib.file_digest(upload.stream, "sha256").hexdigest()
    upload.stream.seek(0)
    return uuid.uuid5(visit_id, f"{item_id}{digest}")


def _how(visit_id: UUID) -> visit_endings.Ending:
    """The acknowledgement that was sent. A signature is taken in as a file first."""
    how, name = request.form.get("how", ""), clean(request.form.get("name")) or ""
    match how:
        case "signed":
            upload = request.files.get("signature")
            picture = upload.stream.read(LONGEST_SIGNATURE * 10) if upload is not None and upload.filename else b""
            if not picture:
                raise SignatureMissing
            sheet = visits.sheet(session(), visit_id, reach=_reach())
            if sheet.visit.finished_at is not None or sheet.visit.controller_id != person().id:
                return visit_endings.Signed(name[:200], visit_id)  # finishing says what is wrong, or that it was done
            stored = files.receive(
                session(), current_app.config["TEMTHAT"].files_dir, io.BytesIO(picture), name="chu-ky.png", at=clock.now(),
                by=person().id, kinds=files.IMAGES,
            )  # fmt: skip
            return visit_endings.Signed(name[:200], stored.id)
        case "code":
            return visit_endings.ByCode(request.form.get("code", "")[:40])
        case "declined":
            return visit_endings.Declined((clean(request.form.get("reason")) or "")[: visits.LONGEST])
        case "own":
            return visit_endings.Own()
        case _:
            raise NotUnderstood


def _refused(visit_id: UUID, reasons: Iterable[TemThatError], status: int) -> ResponseReturnValue:
    told = _told(reasons)
    if wants_json():
        return jsonify(errors=told), status
    return _page(visit_id, reasons=told), status


def _page(
    visit_id: UUID, *, reasons: list[dict[str, str | None]] | None = None, shown_code: str | None = None,
    typed: dict[UUID, AnswerForm] | None = None,
) -> str:  # fmt: skip
    sheet = visits.sheet(session(), visit_id, reach=_reach())
    visit, who = sheet.visit, person()
    found, _total = controls.nonconformities(
        session(), reach=_reach(), on=lists.today(), visit_id=visit_id, size=visits.MOST_FILES
    )
    filling = visit.finished_at is None and visit.controller_id == who.id
    return render_template(
        "visits/cards.html" if filling else "visits/show.html",
        sheet=sheet, visit=visit, found=found, reasons=reasons or [], typed=typed or {}, shown_code=shown_code, today=lists.today(),
        adds=visit.controller_id == who.id, own=visit.level is ControlLevel.SELF,
        inspected=visit.finished_at is None and any(post.party.id == visit.holder_id for post in who.posts) and visit.level is not ControlLevel.SELF,
        files_of={item.id: [each for each in sheet.files if each.item_id == item.id] for item in sheet.items},
        outcomes=list(Outcome), events=[] if filling else past.of(visit_id),
    )  # fmt: skip


def _understood(sent: SentAnswer) -> Answer:
    due = None
    if sent.due.strip():
        field = VietnameseDate().bind(PostForm(meta={"csrf": False}), "due")  # reads a day as people type it
        try:
            field.process_formdata([sent.due[:40]])
            due = field.data
        except ValueError:
            due = None  # the device keeps what was typed, and finishing says that a day is missing
    return Answer(
        item_id=sent.item, sequence=sent.sequence, outcome=sent.outcome, note=clean(sent.note) or "", action=clean(sent.action) or "",
        due_on=due, as_before=sent.as_before, answered_at=sent.at,
    )  # fmt: skip


def _told(refusals: Iterable[TemThatError], url: str | None = None) -> list[dict[str, str | None]]:
    return [
        {
            "message": explain(exc), "way_out": way_out(exc),
            "url": f"#m-{exc.facts['code']}" if "item_id" in exc.facts else url,
        }
        for exc in refusals
    ]  # fmt: skip


def _choice(source: controls.Source) -> tuple[str, str]:
    kind = "area" if isinstance(source, GrowingArea) else "site"
    return f"{kind}:{source.id}", f"{source.holder.name}: {source.name}"


def _reach() -> Reach:
    return person().reach(May.CONTROL_READ)


def _key() -> bytes:
    key: bytes = current_app.config["TEMTHAT"].derived("visit-code")
    return key
