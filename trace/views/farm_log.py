"""The farm log: the list, an entry with its photo, writing one down, correcting and striking out."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from uuid import UUID

from flask import Blueprint, current_app, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField
from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, NumberRange, Optional

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Conflict, NotFound, TemThatError
from trace.forms import EnumField, PostForm, VietnameseDate, VietnameseDecimal, VietnameseInteger, clean
from trace.models.areas import GrowingArea
from trace.models.farm_log import FarmWork
from trace.services import controls, farm_log, files, preharvest
from trace.views import faults, lists, past
from trace.views.once import once
from trace.words import day, explain, say, way_out

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from flask.typing import ResponseReturnValue

bp = Blueprint("farm_log", __name__, url_prefix="/nhat-ky-canh-tac")

UNITS = ("kg/ha", "lít/ha", "g/16 lít", "ml/16 lít", "kg/cây", "kg", "lít", "m³")
FIELD_OF: dict[type[TemThatError], str] = {
    farm_log.WorkInFuture: "done_on",
    farm_log.WorkTooOld: "done_on",
    farm_log.DoerMissing: "done_by",
    farm_log.ProductNeeded: "product",
    farm_log.SubstanceNeeded: "active_substance",
    farm_log.DoseNeeded: "dose",
    farm_log.DoseNotPositive: "dose",
    farm_log.UnitNeeded: "unit",
    farm_log.PreharvestNeeded: "preharvest_days",
    farm_log.PreharvestNotPlausible: "preharvest_days",
    farm_log.NoteNeeded: "note",
    farm_log.StrikeReasonMissing: "reason",
    files.FileTooLarge: "photo",
    files.FileEmpty: "photo",
    files.NotAnImage: "photo",
    files.TooManyPixels: "photo",
}


class WorkForm(PostForm):
    """What was done, when and by whom."""

    kind = EnumField(_l("Work"), [InputRequired(_l("Choose what was done."))], kind=FarmWork, blank="–")
    done_on = VietnameseDate(_l("Done on"), [InputRequired(_l("Write the day."))])
    done_by = StringField(_l("Done by"), [DataRequired(_l("Write who did it.")), lists.at_most(120)], filters=[clean])
    product = StringField(_l("Product used"), [Optional(), lists.at_most(160)], filters=[clean])
    active_substance = StringField(_l("Active substance"), [Optional(), lists.at_most(160)], filters=[clean])
    dose = VietnameseDecimal(_l("Dose"), [Optional(), NumberRange(None, 1_000_000, _l("A dose is at most 1.000.000."))])
    unit = StringField(_l("Unit"), [Optional(), lists.at_most(20)], filters=[clean])
    preharvest_days = VietnameseInteger(_l("Pre-harvest interval"), [Optional()])
    note = TextAreaField(_l("Note"), [Optional(), lists.at_most(1000)], filters=[clean])
    photo = FileField(_l("Photo"))

    def work(self) -> farm_log.Work:
        """What was entered. Only after validation."""
        return farm_log.Work(
            kind=self.kind.data, done_on=self.done_on.data, done_by=self.done_by.data or "", product=self.product.data or None,
            active_substance=self.active_substance.data or None, dose=self.dose.data, unit=self.unit.data or None,
            preharvest_days=self.preharvest_days.data, note=self.note.data or None,
        )  # fmt: skip

    def picture(self) -> tuple[Path, BinaryIO, str] | None:
        """The photo that came with it, if one did."""
        upload = self.photo.data
        if not getattr(upload, "filename", ""):
            return None
        return current_app.config["TEMTHAT"].files_dir, cast("BinaryIO", upload.stream), upload.filename


class EntryForm(WorkForm):
    """An entry about to be written down."""

    source = lists.Choice(_l("Area or site"), [InputRequired(_l("Choose an area or site."))])


class CorrectionForm(WorkForm):
    """The right entry in the place of a wrong one, with the reason."""

    reason = StringField(
        _l("What was wrong"), [DataRequired(_l("Write the reason.")), lists.at_most(500)], filters=[clean]
    )


class StrikeForm(PostForm):
    """Why an entry is struck out."""

    reason = StringField(_l("Reason"), [DataRequired(_l("Write the reason.")), lists.at_most(500)], filters=[clean])


@bp.get("")
@needs(May.FARM_LOG_READ)
def index() -> ResponseReturnValue:
    """Entries within reach."""
    reach = person().reach(May.FARM_LOG_READ)
    q, kind, struck = lists.text(), lists.member(FarmWork, "kind"), lists.text("struck")
    area_id, site_id, page = lists.identity("area"), lists.identity("site"), lists.page()
    start, end = day_asked("from"), day_asked("to")
    rows, total = farm_log.listing(
        session(), reach=reach, q=q, kind=kind, area_id=area_id, site_id=site_id, start=start, end=end,
        struck={"yes": True, "no": False}.get(struck), page=page, size=lists.SIZE,
    )  # fmt: skip
    names = {source.id: source.name for source in controls.sources(session(), reach=reach)}
    chips: list[tuple[str, str, None]] = [(_("Search: %(text)s", text=q), "q", None)] if q else []
    chips += [(say(kind), "kind", None)] if kind else []
    chips += [(names.get(area_id, "–"), "area", None)] if area_id else []
    chips += [(names.get(site_id, "–"), "site", None)] if site_id else []
    chips += [(_("From %(day)s", day=day(start)), "from", None)] if start else []
    chips += [(_("To %(day)s", day=day(end)), "to", None)] if end else []
    if struck in {"yes", "no"}:
        chips.append((_("Struck out") if struck == "yes" else _("Not struck out"), "struck", None))
    at = f"area:{area_id}" if area_id else f"site:{site_id}" if site_id else None
    return render_template(
        "farm_log/index.html", rows=rows, total=total, chips=chips, page=page, pages=lists.pages(total), at=at,
        at_name=next((names.get(each) for each in (area_id, site_id) if each), None), right_from=preharvest.right_from,
        kinds=[(each.value, say(each)) for each in FarmWork],
    )  # fmt: skip


@bp.route("/moi", methods=["GET", "POST"])
@needs(May.FARM_LOG_WRITE)
def new() -> ResponseReturnValue:
    """Write an entry down."""
    reach = person().reach(May.FARM_LOG_WRITE)
    form = EntryForm(
        data={"source": request.args.get("source"), "done_on": lists.today(), "done_by": person().full_name}
    )
    sources = controls.sources(session(), reach=reach)
    form.source.choices = [("", "–"), *(_choice(source) for source in sources)]
    if request.method == "GET" and len(sources) == 1:
        form.source.data = _choice(sources[0])[0]

    def page(rest: Any = ()) -> str:
        return render_template(
            "farm_log/new.html",
            form=form,
            rest=rest,
            units=UNITS,
            wrong=None,
            ready=bool(sources),
            action=url_for(".new"),
        )

    if request.method != "POST":
        return page()
    if not form.validate():
        return page(), 422
    with once("farm_log.new") as key:
        if key.done:
            return redirect(key.location, 303)
        kind, source_id = form.source.data.split(":")
        try:
            entry = farm_log.add(
                session(), form.work(), area_id=UUID(source_id) if kind == "area" else None,
                site_id=UUID(source_id) if kind == "site" else None, by=person().id, at=clock.now(), reach=reach, photo=form.picture(),
            )  # fmt: skip
        except TemThatError as exc:
            session().rollback()
            return page(faults.at_fields(form, exc, FIELD_OF)), exc.status
        key.settle(url_for(".show", entry_id=entry.id))
        session().commit()
    flash(_("The entry has been written into the farm log."), "success")
    return redirect(key.location, 303)


@bp.get("/<uuid:entry_id>")
@needs(May.FARM_LOG_READ)
def show(entry_id: UUID) -> ResponseReturnValue:
    """One entry."""
    return _page(entry_id, StrikeForm())


@bp.route("/<uuid:entry_id>/sua", methods=["GET", "POST"])
@needs(May.FARM_LOG_WRITE)
def correct(entry_id: UUID) -> ResponseReturnValue:
    """Write the right entry in the place of a wrong one, which is struck out."""
    reach = person().reach(May.FARM_LOG_WRITE)
    wrong = farm_log.get(session(), entry_id, reach=reach)
    names = ("kind", "done_on", "done_by", "product", "active_substance", "dose", "unit", "preharvest_days", "note")
    form = CorrectionForm(data={name: getattr(wrong, name) for name in names})

    def page(rest: Any = ()) -> str:
        about = farm_log.get(session(), entry_id, reach=reach)
        action = url_for(".correct", entry_id=entry_id)
        return render_template(
            "farm_log/new.html", form=form, rest=rest, units=UNITS, wrong=about, ready=True, action=action
        )

    if request.method != "POST":
        return page()
    if not form.validate():
        return page(), 422
    with once("farm_log.correct") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            entry = farm_log.correct(
                session(), entry_id, form.work(), reason=form.reason.data, by=person().id, at=clock.now(), reach=reach,
                photo=form.picture(),
            )  # fmt: skip
        except TemThatError as exc:
            session().rollback()
            return page(faults.at_fields(form, exc, FIELD_OF)), exc.status
        key.settle(url_for(".show", entry_id=entry.id))
        session().commit()
    flash(_("The wrong entry is struck out and stays readable. The right one stands in its place."), "success")
    return redirect(key.location, 303)


@bp.post("/<uuid:entry_id>/gach")
@needs(May.FARM_LOG_WRITE)
def strike(entry_id: UUID) -> ResponseReturnValue:
    """Strike a wrong entry out."""
    form, reach = StrikeForm(), person().reach(May.FARM_LOG_WRITE)
    farm_log.get(session(), entry_id, reach=reach)
    if not form.validate():
        return _page(entry_id, form), 422
    try:
        farm_log.strike(session(), entry_id, reason=form.reason.data, by=person().id, at=clock.now(), reach=reach)
    except Conflict as exc:
        session().rollback()
        return _page(entry_id, form, exc), exc.status
    session().commit()
    flash(_("The entry is struck out. It stays readable and counts for nothing any more."), "success")
    return redirect(url_for(".show", entry_id=entry_id), 303)


@bp.get("/<uuid:entry_id>/anh")
@needs(May.FARM_LOG_READ)
def photo(entry_id: UUID) -> ResponseReturnValue:
    """The photo of an entry, without its metadata."""
    entry = farm_log.get(session(), entry_id, reach=person().reach(May.FARM_LOG_READ))
    copy = files.copy_path(current_app.config["TEMTHAT"].files_dir, entry.photo) if entry.photo else None
    if entry.photo is None or copy is None or not copy.exists():
        raise NotFound
    name = f"{PurePath(entry.photo.name).stem}.jpg"
    answer = send_file(copy, mimetype=files.COPY_MEDIA_TYPE, download_name=name, etag=False, max_age=0)
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _page(entry_id: UUID, form: StrikeForm, refusal: TemThatError | None = None) -> str:
    who = person()
    entry = farm_log.get(session(), entry_id, reach=who.reach(May.FARM_LOG_READ))
    writes = who.may(May.FARM_LOG_WRITE) and who.reach(May.FARM_LOG_WRITE).includes(
        holder_id=entry.holder_id, title_id=entry.title_id
    )
    return render_template(
        "farm_log/show.html", entry=entry, form=form, writes=writes and entry.strike is None,
        corrected_by=farm_log.corrected_by(session(), entry_id), right_from=preharvest.right_from(entry),
        reasons=[{"message": explain(refusal), "way_out": way_out(refusal)}] if refusal else [], events=past.of(entry_id),
    )  # fmt: skip


def _choice(source: controls.Source) -> tuple[str, str]:
    kind = "area" if isinstance(source, GrowingArea) else "site"
    return f"{kind}:{source.id}", source.name


def day_asked(name: str) -> date | None:
    """A day that a filter names, day first or as a date picker sends it; anything else is no filter."""
    asked = lists.text(name)
    for form in ("%d/%m/%Y", "%Y-%m-%d"):
        with suppress(ValueError):
            return datetime.strptime(asked, form).replace(tzinfo=clock.CITY).date()
    return None
