"""Tables that people fill in and bring in: templates, sending, what is in a file, its faults as a file, recording its rows."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from uuid import UUID

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import FileField
from wtforms.validators import InputRequired

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Conflict, Forbidden, Invalid, NotFound, TemThatError, TooLarge
from trace.forms import PostForm
from trace.models.area_imports import ImportState
from trace.models.members import TableKind
from trace.services import table_choices, table_files, table_forms, table_imports
from trace.services import table_faults as faults
from trace.services.area_imports import Asker
from trace.views import lists, past
from trace.views.once import once
from trace.words import explain, number, say, way_out

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from flask import Response
    from flask.typing import ResponseReturnValue

bp = Blueprint("tables", __name__, url_prefix="/nhap-bang")

PERMISSION = {
    TableKind.MEMBERS: May.MEMBER_EDIT, TableKind.AREAS: May.AREA_IMPORT, TableKind.LOTS: May.LOT_RECORD, TableKind.VISITS: May.CONTROL_RECORD,
}  # fmt: skip
BACK = {
    TableKind.MEMBERS: "members.index",
    TableKind.AREAS: "areas.index",
    TableKind.LOTS: "lots.index",
    TableKind.VISITS: "controls.index",
}
SHOWN = 50
XLSX = table_imports.XLSX


class TableForm(PostForm):
    """A filled-in table about to be sent."""

    kind = lists.Choice(_l("What the rows are"), [InputRequired(_l("Choose what the rows are."))])
    holder = lists.Choice(_l("For whom"), [InputRequired(_l("Choose for whom the rows are recorded."))])
    file = FileField(_l("File"))

    def offer(self) -> None:
        """Kinds and organisations that this person may choose."""
        asked = lists.member(TableKind, "kind")
        may = kinds()
        self.kind.choices = [("", "–"), *((each.value, say(each)) for each in may)]
        known = {
            party.id: party.name for each in may for party in table_choices.holders(session(), each, who=_who(each))
        }
        self.holder.choices = [("", "–"), *((str(key), name) for key, name in known.items())]
        if request.method == "GET":
            self.kind.data = asked.value if asked in may else may[0].value if len(may) == 1 else ""
            if len(known) == 1:
                self.holder.data = str(next(iter(known)))


def kinds() -> list[TableKind]:
    """What the signed-in person may bring in."""
    return [kind for kind, permission in PERMISSION.items() if person().may(permission)]


@bp.get("")
@needs(May.TABLE_IMPORT)
def index() -> ResponseReturnValue:
    """Templates, sending a file, and the files of before."""
    return _index(TableForm())


@bp.get("/mau/<any(members,areas,lots,visits):kind>.xlsx")
@needs(May.TABLE_IMPORT)
def template(kind: str) -> ResponseReturnValue:
    """The empty form of a kind of table, with the lists of today."""
    asked = TableKind(kind)
    if not person().may(PERMISSION[asked]):
        raise Forbidden
    form = table_forms.FORMS[asked]
    data = table_files.template(form, table_choices.of(session(), form, who=_who(asked)))
    return _download(data, f"{form.file_name}.xlsx")


@bp.post("")
@needs(May.TABLE_IMPORT)
def send() -> ResponseReturnValue:
    """Take a file in, and show what is in it."""
    form = TableForm()
    form.offer()
    sent = request.files.get("file")
    good = form.validate()
    if sent is None or not sent.filename:
        form.file.errors = [_("Choose a file.")]
        good = False
    if not good or sent is None:
        return _index(form), 422
    kind = TableKind(form.kind.data)
    with once("tables.send") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            made = table_imports.start(
                session(), _store(), cast("BinaryIO", sent.stream), kind=kind, name=sent.filename or "", holder_id=UUID(form.holder.data), who=_who(kind)
            )  # fmt: skip
        except NotFound:
            session().rollback()
            form.holder.errors = [_("You may not record this for the organisation chosen. Choose another one.")]
            return _index(form), 422
        except (Invalid, TooLarge) as exc:
            session().rollback()
            form.file.errors = [" ".join(filter(None, (explain(exc), way_out(exc))))]
            return _index(form), exc.status
        key.settle(url_for(".show", import_id=made.id))
    session().commit()
    return redirect(key.location, 303)


@bp.get("/<uuid:import_id>")
@needs(May.TABLE_IMPORT)
def show(import_id: UUID) -> ResponseReturnValue:
    """What is in a file and what can be done with it."""
    return _show(import_id)


@bp.get("/<uuid:import_id>/loi.xlsx")
@needs(May.TABLE_IMPORT)
def marked(import_id: UUID) -> ResponseReturnValue:
    """The same table with its faulty cells marked and said in words."""
    made = _get(import_id)
    if made.state is not ImportState.OPEN:
        raise faults.ImportOver
    judged = table_imports.look(session(), _store(), made, who=_who(made.kind))
    data = table_files.marked(judged.table, judged.rows, table_forms.FORMS[made.kind], _sentence)
    session().rollback()
    return _download(data, f"{PurePath(made.file.name).stem}-loi.xlsx")


@bp.post("/<uuid:import_id>/ghi")
@needs(May.TABLE_IMPORT)
def take(import_id: UUID) -> ResponseReturnValue:
    """Record the rows: all, or only those without faults."""
    seen = request.form.get("seen", "")
    try:
        made = table_imports.take(
            session(), _store(), import_id, only_good=request.form.get("which") == "good",
            seen_good=int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 9 else -1, reaches=_reaches(),
        )  # fmt: skip
    except (Invalid, Conflict, TooLarge) as exc:
        session().rollback()
        return _show(import_id, [exc]), exc.status
    flash(_("%(n)s rows were recorded.", n=number(made.taken)), "success")
    session().commit()
    return redirect(url_for(".show", import_id=import_id), 303)


@bp.post("/<uuid:import_id>/bo")
@needs(May.TABLE_IMPORT)
def give_up(import_id: UUID) -> ResponseReturnValue:
    """End an import without recording anything."""
    try:
        table_imports.give_up(session(), import_id, reaches=_reaches())
    except Conflict as exc:
        session().rollback()
        return _show(import_id, [exc]), exc.status
    session().commit()
    flash(_("Nothing of this file was recorded."), "success")
    return redirect(url_for(".index"), 303)


def _index(form: TableForm) -> str:
    form.offer()
    may = kinds()
    return render_template(
        "tables/index.html", form=form, kinds=may, forms=table_forms.FORMS,
        imports=table_imports.listing(session(), who=_who(may[0]), kinds=may) if may else [],
        kept_days=table_imports.FILES_KEPT.days,
    )  # fmt: skip


def _show(import_id: UUID, reasons: Any = ()) -> str:
    made = _get(import_id)
    judged, broken = None, None
    if made.state is ImportState.OPEN:
        try:
            judged = table_imports.look(session(), _store(), made, who=_who(made.kind))
        except (Invalid, TooLarge) as exc:
            broken = exc
    said = [row for row in judged.rows if row.findings] if judged else []
    said.sort(key=lambda row: (not row.faulty, row.number))
    page = render_template(
        "tables/show.html", made=made, judged=judged, broken=broken, said=said[:SHOWN], more=max(0, len(said) - SHOWN),
        reasons=[{"message": explain(each), "way_out": way_out(each)} for each in reasons], back=BACK[made.kind],
        explain=explain, way_out=way_out, events=past.of(made.id), form=table_forms.FORMS[made.kind],
    )  # fmt: skip
    session().rollback()  # judging may have tried rows out; looking changes nothing
    return page


def _get(import_id: UUID) -> Any:
    return table_imports.get(session(), import_id, reaches=_reaches())


def _reaches() -> Mapping[TableKind, Asker]:
    return {kind: _who(kind) for kind in kinds()}


def _who(kind: TableKind) -> Asker:
    whoever = person()
    return Asker(
        by=whoever.id, at=clock.now(), reach=whoever.reach(PERMISSION[kind]), may_code=whoever.may(May.AREA_CODE)
    )


def _sentence(error: TemThatError) -> str:
    return " ".join(filter(None, (explain(error), way_out(error))))


def _download(data: bytes, name: str) -> Response:
    answer: Response = current_app.response_class(data, mimetype=XLSX)
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


def _store() -> Path:
    folder: Path = current_app.config["TEMTHAT"].files_dir
    return folder
