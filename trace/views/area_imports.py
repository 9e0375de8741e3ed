"""Bringing a file of growing areas in: sending it, saying how it is to be read, looking at each row, taking over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, FileField, StringField
from wtforms.validators import InputRequired, Optional

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Conflict, Invalid, Refused, TooLarge
from trace.forms import PostForm, clean
from trace.models.area_imports import AreaImport, ImportState
from trace.services import area_edits, area_import_preview, area_import_taking, area_imports, coordinates
from trace.services.area_import_faults import ChangedMeanwhile
from trace.services.area_import_preview import Shown
from trace.services.area_import_rows import ROLES
from trace.services.area_import_taking import Which
from trace.services.area_imports import Asker, Choices
from trace.views import lists, past
from trace.views.once import once
from trace.words import explain, number, way_out

if TYPE_CHECKING:
    from pathlib import Path

    from flask.typing import ResponseReturnValue

bp = Blueprint("area_imports", __name__, url_prefix="/vung-trong/nhap")

# What a column can be, in the order of the form.
NAMED = {
    "name": _l("Name of the area"), "holder": _l("Holder (name or tax code)"), "declared_ha": _l("Declared size (ha)"),
    "commune": _l("Ward or commune"), "crop": _l("Crop"), "variety": _l("Variety"), "trees": _l("Number of trees"),
    "planted_in": _l("Planting year"), "code": _l("Growing-area code"), "market": _l("Market of the code"),
    "issued_on": _l("Day the code was issued"),
}  # fmt: skip


class SendForm(PostForm):
    """A file about to be sent."""

    file = FileField(_l("File"))
    title = lists.Choice(_l("Title"), [InputRequired(_l("Choose a title."))])
    holder = lists.Choice(_l("Holder"), [InputRequired(_l("Choose a holder."))])

    def offer(self) -> None:
        """Titles and holders that this person may choose."""
        reach = person().reach(May.AREA_IMPORT)
        holders, titles = area_edits.holders(session(), reach=reach), area_edits.titles(session(), reach=reach)
        self.holder.choices = [("", "–"), *((str(party.id), party.name) for party in holders)]
        self.title.choices = [("", "–"), *((str(title.id), title.name) for title in titles)]
        if request.method == "GET":
            for field, found in ((self.holder, holders), (self.title, titles)):
                if len(found) == 1:
                    field.data = str(found[0].id)


class ReadForm(PostForm):
    """How a file is to be read."""

    srid = lists.Choice(_l("Coordinate system"), default="")
    swap = BooleanField(_l("The file writes latitude before longitude"))
    close = BooleanField(_l("Close open lines"))
    name = lists.Choice(NAMED["name"], default="")
    holder = lists.Choice(NAMED["holder"], default="")
    declared_ha = lists.Choice(NAMED["declared_ha"], default="")
    commune = lists.Choice(NAMED["commune"], default="")
    crop = lists.Choice(NAMED["crop"], default="")
    variety = lists.Choice(NAMED["variety"], default="")
    trees = lists.Choice(NAMED["trees"], default="")
    planted_in = lists.Choice(NAMED["planted_in"], default="")
    code = lists.Choice(NAMED["code"], default="")
    market = lists.Choice(NAMED["market"], default="")
    issued_on = lists.Choice(NAMED["issued_on"], default="")
    every_market = StringField(_l("Market, where no column says it"), [Optional(), lists.at_most(40)], filters=[clean])
    scheme = StringField(_l("Scheme of the codes"), [Optional(), lists.at_most(40)], filters=[clean])
    issuer = StringField(_l("Issuer of the codes"), [Optional(), lists.at_most(200)], filters=[clean])
    document = StringField(_l("Deciding document of the codes"), [Optional(), lists.at_most(200)], filters=[clean])

    def offer(self, made: AreaImport) -> None:
        """The systems, and the columns of the file with an example of each."""
        self.srid.choices = systems()
        columns = [(column, f"{column} ({example[:30]})" if example else column) for column, example in made.columns]
        for role in ROLES:
            self[role].choices = [("", _("not in the file")), *columns]

    def choices(self) -> Choices:
        """What was chosen. Only after `validate`."""
        return Choices(
            srid=int(self.srid.data) if self.srid.data else None,
            swap=self.swap.data,
            close=self.close.data,
            columns={role: self[role].data for role in ROLES if self[role].data},
            scheme=self.scheme.data or area_imports.SCHEME,
            market=self.every_market.data or area_imports.MARKET,
            issuer=self.issuer.data or None,
            document=self.document.data or None,
        )


def systems() -> list[tuple[str, str]]:
    """The coordinate systems to choose from, those of the city first."""
    named = {9210: _("former Hải Phòng"), 9209: _("former Hải Dương")}
    zones = []
    for zone in coordinates.ZONES:
        kind = _("VN-2000, six-degree zone, meridian") if zone.wide else _("VN-2000, meridian")
        known = f" ({named[zone.srid]})" if zone.srid in named else ""
        zones.append((str(zone.srid), f"{kind} {zone.label}{known}"))
    return [
        ("", _("as the file says")),
        (str(coordinates.WGS84), _("WGS 84, degrees")),
        *zones[:2],
        (str(coordinates.VN2000), _("VN-2000, degrees")),
        ("32648", _("WGS 84, UTM zone 48")),
        *zones[2:],
    ]


@bp.get("")
@needs(May.AREA_IMPORT)
def index() -> ResponseReturnValue:
    """Send a file, and the files of before."""
    return _index(SendForm())


@bp.post("")
@needs(May.AREA_IMPORT)
def send() -> ResponseReturnValue:
    """Take a file in, and show what is in it."""
    form = SendForm()
    form.offer()
    sent = request.files.get("file")
    good = form.validate()
    if sent is None or not sent.filename:
        form.file.errors = [_("Choose a file.")]
        good = False
    if not good or sent is None:
        return _index(form), 422
    with sent.stream, once("area_imports.send") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            made = area_imports.start(
                session(), _store(), sent.stream, name=sent.filename or "", title_id=UUID(form.title.data),  # type: ignore[arg-type]
                holder_id=UUID(form.holder.data), who=_who(),
            )  # fmt: skip
        except (Invalid, TooLarge) as exc:
            session().rollback()
            return _index(form, exc), exc.status
        key.settle(url_for(".show", import_id=made.id))
    session().commit()
    return redirect(key.location, 303)


@bp.get("/<uuid:import_id>")
@needs(May.AREA_IMPORT)
def show(import_id: UUID) -> ResponseReturnValue:
    """What is in a file, row by row, and what can be done."""
    return _show(import_id)


@bp.post("/<uuid:import_id>/doc")
@needs(May.AREA_IMPORT)
def read(import_id: UUID) -> ResponseReturnValue:
    """Read the file anew, as chosen."""
    form = ReadForm()
    form.offer(area_imports.get(session(), import_id, reach=_reach()))
    if not form.validate():
        return _show(import_id, form=form), 422
    try:
        area_imports.change(session(), _store(), import_id, form.choices(), who=_who())
    except (Invalid, TooLarge) as exc:
        session().rollback()
        return _show(import_id, form=form, reasons=[exc]), exc.status
    session().commit()
    return redirect(url_for(".show", import_id=import_id), 303)


@bp.post("/<uuid:import_id>/ghi")
@needs(May.AREA_IMPORT)
def take(import_id: UUID) -> ResponseReturnValue:
    """Make growing areas of the rows."""
    asked = request.form.get("which", "")
    which = Which(asked) if asked in set(Which) else Which.CHOSEN
    rows = [int(row) for row in request.form.getlist("row") if row.isascii() and row.isdigit() and len(row) < 9]
    try:
        made = area_import_taking.take(session(), import_id, which, rows=rows, who=_who())
    except ChangedMeanwhile as exc:
        session().rollback()
        made = area_imports.get(session(), import_id, reach=_reach())
        area_imports.change(session(), _store(), import_id, Choices(**made.choices), who=_who())
        session().commit()
        return _show(import_id, reasons=[exc]), exc.status
    except (Invalid, Conflict) as exc:
        session().rollback()
        return _show(import_id, reasons=[exc]), exc.status
    flash(_("%(n)s growing areas were taken over.", n=number(made.taken)), "success")
    session().commit()
    return redirect(url_for(".show", import_id=import_id), 303)


@bp.post("/<uuid:import_id>/bo")
@needs(May.AREA_IMPORT)
def give_up(import_id: UUID) -> ResponseReturnValue:
    """End an import without taking anything over."""
    area_imports.give_up(session(), import_id, by=person().id, at=clock.now(), reach=_reach())
    session().commit()
    flash(_("Nothing of this file was taken over."), "success")
    return redirect(url_for(".index"), 303)


def _index(form: SendForm, refusal: Invalid | TooLarge | None = None) -> str:
    form.offer()
    reasons = refusal.reasons if isinstance(refusal, Refused) else [refusal] if refusal else []
    if reasons:
        form.file.errors = [" ".join(filter(None, (explain(each), way_out(each)))) for each in reasons]
    return render_template(
        "area_imports/index.html", form=form, imports=area_imports.listing(session(), reach=_reach()), states=ImportState,
    )  # fmt: skip


def _show(import_id: UUID, *, form: ReadForm | None = None, reasons: Any = ()) -> str:
    made = area_imports.get(session(), import_id, reach=_reach())
    asked = lists.member(Shown, "show")
    shown = asked or (Shown.FAULTY if made.faulty else Shown.ALL)
    total = area_import_preview.count(made, shown) if made.state is ImportState.OPEN else 0
    pages = lists.pages(total, area_import_preview.SIZE)
    page = min(lists.page(), pages)
    return render_template(
        "area_imports/show.html",
        made=made,
        form=form or _form(made),
        roles=[role for role in ROLES if person().may(May.AREA_CODE) or role not in {"market", "issued_on"}],
        may_code=person().may(May.AREA_CODE),
        fault=area_imports.told([made.fault])[0] if made.fault else None,
        reasons=[{"message": explain(each), "way_out": way_out(each)} for each in reasons],
        lines=area_import_preview.lines(session(), made, shown=shown, page=page) if total else [],
        shown=shown,
        kinds=[(kind, area_import_preview.count(made, kind)) for kind in Shown],
        page=page,
        pages=pages,
        states=ImportState,
        explain=explain,
        way_out=way_out,
        events=past.of(made.id),
    )


def _form(made: AreaImport) -> ReadForm:
    chosen = made.choices
    form = ReadForm(
        formdata=None,
        data={
            **chosen["columns"], "srid": str(chosen["srid"] or ""), "swap": chosen["swap"], "close": chosen["close"],
            "every_market": chosen["market"], "scheme": chosen["scheme"], "issuer": chosen["issuer"], "document": chosen["document"],
        },
    )  # fmt: skip
    form.offer(made)
    return form


def _who() -> Asker:
    return Asker(by=person().id, at=clock.now(), reach=_reach(), may_code=person().may(May.AREA_CODE))


def _reach() -> Any:
    return person().reach(May.AREA_IMPORT)


def _store() -> Path:
    folder: Path = current_app.config["TEMTHAT"].files_dir
    return folder
