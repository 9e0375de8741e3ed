"""Evidence of a case: the tab, taking in, one piece with all that is known of it, and handing it on.

Every reading hashes the bytes anew and becomes a step of custody. Redacted copies are in `evidence_copies`, bundles in `bundles`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from enforcement import alarms, bundles, cases, custody, evidence, evidence_facts, membership
from enforcement.models import CustodyDeed
from enforcement.views.case_frame import frame
from enforcement.views.evidence_forms import BringForm, BundleForm, OfferForm, ReassignForm, RefuseForm, TakeForm
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Refused, TemThatError
from trace.models.incidents import IncidentKind
from trace.services import cameras, files, incidents, pairs, unscanned
from trace.views.once import once
from trace.words import explain, way_out

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from flask.typing import ResponseReturnValue
    from flask_wtf import FlaskForm

    from enforcement.models import CustodyEvent, Evidence
    from trace.models.files import StoredFile

bp = Blueprint("case_evidence", __name__, url_prefix="/vu-viec")
log = structlog.get_logger("temthat.evidence")
REFERENCES = 2
ZOOMS = (1, 2, 4)
TURNS = (0, 90, 180, 270)


@bp.get("/<uuid:case_id>/chung-cu")
@needs(May.CASE_READ)
def show(case_id: UUID) -> ResponseReturnValue:
    """The evidence of a case, of those merged into it too."""
    return _tab(case_id)


@bp.post("/<uuid:case_id>/chung-cu")
@needs(May.CASE_MOVE)
def add(case_id: UUID) -> ResponseReturnValue:
    """Take a file into the case."""
    form = TakeForm()
    if not form.validate():
        return _tab(case_id, form), 422
    with once("cases.evidence") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            stored = received(form.file.data)
            cases.add_evidence(
                session(), case_id, stored, title=form.title.data, origin=form.origin.data, taken_at=form.taken_at,
                store=store(), by=person().id, at=clock.now(), setting=form.setting,
            )  # fmt: skip
        except TemThatError as exc:
            refused(exc)
            return _tab(case_id, form, [exc]), exc.status
        key.settle(url_for(".show", case_id=case_id))
    session().commit()
    flash(_("The file is in the case."), "success")
    return redirect(key.location, 303)


@bp.post("/<uuid:case_id>/anh-den-sau")
@needs(May.CASE_MOVE)
def gather(case_id: UUID) -> ResponseReturnValue:
    """Take in the photos that reached the signals of the case later. Doing it twice finds nothing more."""
    taken = cases.gather_evidence(session(), case_id, store=store(), by=person().id, at=clock.now())
    session().commit()
    flash(_("Photos taken into the case: %(n)s", n=len(taken)), "success")
    return redirect(url_for(".show", case_id=case_id), 303)


@bp.get("/<uuid:case_id>/chung-cu/<uuid:evidence_id>")
@needs(May.CASE_READ)
def piece(case_id: UUID, evidence_id: UUID) -> ResponseReturnValue:
    """One piece of evidence, hashed anew. That somebody looked is part of its custody and is written down."""
    found, seen = evidence.view(session(), case_id, evidence_id, store=store(), by=person().id, at=clock.now())
    session().commit()
    return _piece(case_id, found, seen)


@bp.post("/<uuid:case_id>/chung-cu/<uuid:evidence_id>/ban-giao")
@needs(May.CASE_MOVE)
def offer(case_id: UUID, evidence_id: UUID) -> ResponseReturnValue:
    """Offer the piece to another person of the desk."""
    form = OfferForm()
    form.to.choices = _receivers()

    def act(seen: str | None, at: datetime) -> CustodyEvent:
        return custody.hand_over(
            session(), evidence_id, UUID(form.to.data), place=form.place.data, note=form.note.data, seen=seen, by=person().id, at=at
        )  # fmt: skip

    return _custody(case_id, evidence_id, form, act, _("Offered. It stays with you until the other side confirms."))


@bp.post("/<uuid:case_id>/chung-cu/<uuid:evidence_id>/ban-giao-thay")
@needs(May.CASE_MOVE)
def reassign(case_id: UUID, evidence_id: UUID) -> ResponseReturnValue:
    """Offer the piece in place of a keeper who has left."""
    form = ReassignForm()
    form.to.choices = _receivers()

    def act(seen: str | None, at: datetime) -> CustodyEvent:
        return custody.reassign(
            session(), evidence_id, UUID(form.to.data), place=form.place.data, reason=form.reason.data, paper=form.paper.data,
            seen=seen, by=person().id, at=at,
        )  # fmt: skip

    return _custody(case_id, evidence_id, form, act, _("Offered. The other side keeps it once it has confirmed."))


@bp.post("/<uuid:case_id>/chung-cu/<uuid:evidence_id>/da-nhan")
@needs(May.CASE_MOVE)
def confirm(case_id: UUID, evidence_id: UUID) -> ResponseReturnValue:
    """Confirm that the piece was received."""

    def act(seen: str | None, at: datetime) -> CustodyEvent:
        return custody.confirm(session(), evidence_id, seen=seen, by=person().id, at=at)

    return _custody(case_id, evidence_id, None, act, _("You keep this piece now."))


@bp.post("/<uuid:case_id>/chung-cu/<uuid:evidence_id>/khong-nhan")
@needs(May.CASE_MOVE)
def refuse(case_id: UUID, evidence_id: UUID) -> ResponseReturnValue:
    """Say that the piece was not received, and why."""
    form = RefuseForm()

    def act(seen: str | None, at: datetime) -> CustodyEvent:
        return custody.refuse(session(), evidence_id, reason=form.reason.data, seen=seen, by=person().id, at=at)

    return _custody(case_id, evidence_id, form, act, _("Refused. It stays with whoever offered it."))


@bp.post("/<uuid:case_id>/chung-cu/<uuid:evidence_id>/rut-lai")
@needs(May.CASE_MOVE)
def withdraw(case_id: UUID, evidence_id: UUID) -> ResponseReturnValue:
    """Take an offer back."""

    def act(seen: str | None, at: datetime) -> CustodyEvent:
        return custody.withdraw(session(), evidence_id, seen=seen, by=person().id, at=at)

    return _custody(case_id, evidence_id, None, act, _("The offer has been taken back."))


def store() -> Path:
    """Where originals lie."""
    found: Path = current_app.config["TEMTHAT"].files_dir
    return found


def received(upload: Any) -> StoredFile:
    """A file of evidence, of any kind, scanned where a scanner is named."""
    return files.receive(
        session(), store(), upload.stream, name=upload.filename or "", at=clock.now(), by=person().id,
        kinds=files.WITH_VIDEO, scanner=current_app.config["TEMTHAT"].clamd,
    )  # fmt: skip


def refused(exc: TemThatError) -> None:
    """Undo what was begun. A virus that somebody tried to bring is told to the administrator."""
    session().rollback()
    if isinstance(exc, files.FileInfected):
        found = exc.facts["virus"]
        log.warning("virus refused", virus=found, by=str(person().id))
        incidents.add(session(), IncidentKind.EVIDENCE_INFECTED, 1, at=clock.now())
        session().commit()


def redraw(
    case_id: UUID, evidence_id: UUID, *, form: FlaskForm | None = None, reasons: Sequence[TemThatError] = ()
) -> str:
    """The page of a piece again, with what was wrong."""
    found, seen = evidence.view(session(), case_id, evidence_id, store=store(), by=person().id, at=clock.now())
    session().commit()
    return _piece(case_id, found, seen, form=form, reasons=reasons)


def told(reasons: Sequence[TemThatError]) -> list[dict[str, Any]]:
    """Why a step was not taken, with the way out; a refusal for several reasons tells them all."""
    each = [one for exc in reasons for one in (exc.reasons if isinstance(exc, Refused) else [exc])]
    return [{"message": explain(one), "way_out": way_out(one)} for one in each]


def _custody(
    case_id: UUID,
    evidence_id: UUID,
    form: FlaskForm | None,
    act: Callable[[str | None, datetime], CustodyEvent],
    done: str,
) -> ResponseReturnValue:
    """A step of a transfer: once, with the hash of the bytes at that moment."""
    if form is not None and not form.validate():
        return redraw(case_id, evidence_id, form=form), 422
    with once(f"evidence.{request.endpoint}") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            piece = evidence.get(session(), case_id, evidence_id)
            act(evidence.on_disk(store(), piece.file), clock.now())
        except TemThatError as exc:
            session().rollback()
            return redraw(case_id, evidence_id, form=form, reasons=[exc]), exc.status
        key.settle(url_for(".piece", case_id=case_id, evidence_id=evidence_id))
    session().commit()
    flash(done, "success")
    return redirect(key.location, 303)


def _receivers() -> list[tuple[str, str]]:
    people = custody.keepers(session(), at=clock.now())
    return [("", "–"), *((str(each.id), each.full_name) for each in people if each.id != person().id)]


def _tab(case_id: UUID, form: TakeForm | None = None, reasons: Sequence[TemThatError] = ()) -> str:
    session().expire_all()
    framed = frame(case_id, "evidence", reasons=reasons)
    pieces = evidence.of_members(session(), case_id)
    wrong = alarms.of_cases(session(), membership.members(session(), case_id))
    return render_template(
        "desk/evidence_tab.html", **framed, pieces=pieces, failed=form if form and form.errors else None,
        form=form or TakeForm(formdata=None), alarms=wrong, alarm_words=alarm_words,
        late_photos=len(evidence.candidates(session(), case_id)) if framed["works"] else 0,
        bundles=bundles.of_case(session(), case_id), bundle_form=BundleForm(formdata=None),
        unreadable=unscanned.unreadable, may_bundle=person().may(May.CASE_MOVE) and framed["case"].merged_into_id is None,
    )  # fmt: skip


def alarm_words() -> dict[str, str]:
    """What each kind of alarm means."""
    return {
        "bytes": _("The file on disk is not the one that was taken in."),
        "custody": _("A step of custody is missing or was changed."),
        "folio": _("This folio number is missing: a piece was removed by force."),
        "virus": _("The virus scanner found something; the file is not given out."),
    }


@dataclass(frozen=True)
class _Around:
    """The pieces before and after this one."""

    before: Evidence | None
    after: Evidence | None
    number: str


def _around(case_id: UUID, found: Evidence) -> _Around:
    row = evidence.of_members(session(), case_id)
    place = next(n for n, (each, _) in enumerate(row) if each.id == found.id)
    before = row[place - 1][0] if place else None
    after = row[place + 1][0] if place + 1 < len(row) else None
    return _Around(before, after, row[place][1])


def _piece(
    case_id: UUID,
    found: Evidence,
    seen: str | None,
    *,
    form: FlaskForm | None = None,
    reasons: Sequence[TemThatError] = (),
) -> str:
    case = cases.get(session(), case_id)
    works = person().may(May.CASE_MOVE)
    public = bool(evidence.from_the_public(session(), {found.file_id}))
    intact = seen == found.sha256
    offering = form if isinstance(form, OfferForm) else OfferForm(formdata=None)
    standing_in = form if isinstance(form, ReassignForm) else ReassignForm(formdata=None)
    offering.to.choices = standing_in.to.choices = _receivers()
    shot = (
        cameras.read(files.original_path(store(), found.file))
        if intact and not public and found.file.media_type in files.IMAGES
        else None
    )
    return render_template(
        "desk/evidence.html", case=case, piece=found, found=seen, intact=intact, works=works, public=public, shot=shot,
        is_picture=found.file.media_type in files.IMAGES, is_video=found.file.media_type.startswith("video/"),
        custody=custody.chain(session(), found.id), deed_words=deed_words(), around=_around(case_id, found),
        position=evidence.position(session(), found), references=_references(case.id), offer_form=offering,
        reassign_form=standing_in, stands_in=works and custody.may_stand_in(session(), found, person().id, at=clock.now()),
        unreadable=unscanned.unreadable,
        refuse_form=form if isinstance(form, RefuseForm) else RefuseForm(formdata=None),
        bring_form=form if isinstance(form, BringForm) else BringForm(formdata=None), me=person().id,
        alarms=alarms.of_cases(session(), [found.case_id], found.folio), alarm_words=alarm_words,
        failed=form if form and form.errors else None, told=told(reasons), opened=type(form).__name__ if form else "",
        zoom=_one_of(ZOOMS, request.args.get("phong")), turn=_one_of(TURNS, request.args.get("xoay")), zooms=ZOOMS,
    )  # fmt: skip


def _one_of(known: tuple[int, ...], given: str | None) -> int:
    return int(given) if given and given in {str(each) for each in known} else known[0]


def _references(case_id: UUID) -> list[Any]:
    """Published pairs of pictures of the products that the case's labels belong to."""
    found = evidence_facts.products(session(), case_id)[:REFERENCES]
    return [
        pair for product_id in found for pair in pairs.published(session(), product_id=product_id, limit=REFERENCES)
    ]


def deed_words() -> dict[CustodyDeed, str]:
    """The steps of custody in words."""
    return {
        CustodyDeed.TAKEN: _("Taken into the case"),
        CustodyDeed.VIEWED: _("Looked at"),
        CustodyDeed.FETCHED: _("Original taken out to look at"),
        CustodyDeed.OFFERED: _("Offered for keeping"),
        CustodyDeed.RECEIVED: _("Received, confirmed by both"),
        CustodyDeed.REFUSED: _("Not received"),
        CustodyDeed.WITHDRAWN: _("Offer taken back"),
        CustodyDeed.REASSIGNED: _("Offered by a head in place of the keeper, who has left"),
        CustodyDeed.REDACTED: _("Redacted copy made"),
        CustodyDeed.BUNDLED: _("Put into a bundle"),
    }
