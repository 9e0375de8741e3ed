"""The documents of a case: the tab, drawing one up, issuing it, its signed copy and its entry in INS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from enforcement import documents
from enforcement.models import DocumentState
from enforcement.papers import filling, forms, keeping, shelf, signatory, templates, values
from enforcement.transitions import HEADS, MOVES
from enforcement.views import document_fields as fields
from enforcement.views.case_frame import frame
from enforcement.views.words import duties
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Forbidden, NotFound, TemThatError
from trace.services import files
from trace.views import lists
from trace.views.once import once
from trace.words import day, moment, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from flask.typing import ResponseReturnValue
    from flask_wtf import FlaskForm

    from enforcement.models import CaseFile, Document
    from enforcement.papers.forms import Form
    from enforcement.papers.shelf import Registered
    from enforcement.papers.signatory import Capacity

bp = Blueprint("case_documents", __name__, url_prefix="/vu-viec")


@bp.get("/<uuid:case_id>/van-ban")
@needs(May.CASE_READ)
def show(case_id: UUID) -> ResponseReturnValue:
    """The documents of a case, and the forms that fit its state first."""
    return _tab(case_id)


@bp.post("/<uuid:case_id>/van-ban/soan")
@needs(May.CASE_MOVE)
def begin(case_id: UUID) -> ResponseReturnValue:
    """Begin a document, filled from the case."""
    code = request.form.get("code", "")
    with once("documents.begin") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            made = documents.draft(session(), case_id, code, by=person().id, at=clock.now())
        except TemThatError as exc:
            session().rollback()
            return _tab(case_id, refusals=[exc]), exc.status
        key.settle(url_for(".document", case_id=case_id, document_id=made.id))
    session().commit()
    return redirect(key.location, 303)


@bp.get("/<uuid:case_id>/van-ban/<uuid:document_id>")
@needs(May.CASE_READ)
def document(case_id: UUID, document_id: UUID) -> ResponseReturnValue:
    """One document: the form of a draft, or what became of an issued one."""
    return _page(case_id, document_id)


@bp.post("/<uuid:case_id>/van-ban/<uuid:document_id>/luu")
@needs(May.CASE_MOVE)
def save(case_id: UUID, document_id: UUID) -> ResponseReturnValue:
    """Keep what was typed."""
    return _write(case_id, document_id, issue=False)


@bp.post("/<uuid:case_id>/van-ban/<uuid:document_id>/ban-hanh")
@needs(May.CASE_MOVE)
def issue(case_id: UUID, document_id: UUID) -> ResponseReturnValue:
    """Keep what was typed and sign it: both or neither."""
    return _write(case_id, document_id, issue=True)


@bp.post("/<uuid:case_id>/van-ban/<uuid:document_id>/bo")
@needs(May.CASE_MOVE)
def discard(case_id: UUID, document_id: UUID) -> ResponseReturnValue:
    """Give a draft up."""
    form = fields.ReasonForm()

    def act(at: datetime) -> str:
        documents.discard(session(), case_id, document_id, reason=form.reason.data, by=person().id, at=at)
        return url_for(".show", case_id=case_id)

    return _do(case_id, document_id, "discard", form, act, done=_("The draft has been given up."))


@bp.post("/<uuid:case_id>/van-ban/<uuid:document_id>/huy")
@needs(May.CASE_MOVE)
def cancel(case_id: UUID, document_id: UUID) -> ResponseReturnValue:
    """Declare an issued document void."""
    form = fields.ReasonForm()

    def act(at: datetime) -> str:
        documents.cancel(
            session(), case_id, document_id, reason=form.reason.data, by=person().id, duties=duties(), at=at
        )
        return url_for(".document", case_id=case_id, document_id=document_id)

    return _do(
        case_id, document_id, "cancel", form, act, done=_("The document has been cancelled. It keeps its number.")
    )


@bp.post("/<uuid:case_id>/van-ban/<uuid:document_id>/thay-the")
@needs(May.CASE_MOVE)
def replace(case_id: UUID, document_id: UUID) -> ResponseReturnValue:
    """Begin a document that takes the place of an issued one."""
    with once("documents.replace") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            old = documents.get(session(), case_id, document_id)
            made = documents.draft(session(), case_id, old.form, by=person().id, at=clock.now(), replaces=old.id)
        except TemThatError as exc:
            session().rollback()
            return _page(case_id, document_id, refusals=[exc]), exc.status
        key.settle(url_for(".document", case_id=case_id, document_id=made.id))
    session().commit()
    return redirect(key.location, 303)


@bp.post("/<uuid:case_id>/van-ban/<uuid:document_id>/ban-ky")
@needs(May.CASE_MOVE)
def bind(case_id: UUID, document_id: UUID) -> ResponseReturnValue:
    """Take in the signed copy."""
    form = fields.ScanForm()

    def act(at: datetime) -> str:
        store, upload = _store(), form.file.data
        stored = files.receive(session(), store, upload.stream, name=upload.filename or "", at=at, by=person().id)
        documents.bind(
            session(), case_id, document_id, stored, store=store, by=person().id, at=at, reason=form.reason.data or ""
        )
        return url_for(".document", case_id=case_id, document_id=document_id)

    return _do(case_id, document_id, "scan", form, act, done=_("The signed copy is in the case, bound to the number."))


@bp.post("/<uuid:case_id>/van-ban/<uuid:document_id>/ins")
@needs(May.CASE_MOVE)
def ins(case_id: UUID, document_id: UUID) -> ResponseReturnValue:
    """Record the upload to INS."""
    form = fields.InsForm()
    form.issued = documents.get(session(), case_id, document_id).issued_at

    def act(at: datetime) -> str:
        uploaded_at = values.moment(form.uploaded.data)
        if uploaded_at is None:  # the form has read it before
            raise NotFound
        documents.uploaded(
            session(), case_id, document_id, uploaded_at=uploaded_at, receipt=form.receipt.data, by=person().id, at=at
        )  # fmt: skip
        return url_for(".document", case_id=case_id, document_id=document_id)

    return _do(case_id, document_id, "ins", form, act, done=_("The upload to INS has been recorded."))


@bp.get("/<uuid:case_id>/van-ban/<uuid:document_id>.pdf")
@needs(May.CASE_READ)
def pdf(case_id: UUID, document_id: UUID) -> ResponseReturnValue:
    """The pages of a document."""
    found, sheet = _drawable(case_id, document_id)
    return _file(
        f"{shelf.file_name(found)}.pdf",
        _read(shelf.shown_pdf, found, sheet),
        "application/pdf",
        inline=True,
    )


@bp.get("/<uuid:case_id>/van-ban/<uuid:document_id>.docx")
@needs(May.CASE_READ)
def docx(case_id: UUID, document_id: UUID) -> ResponseReturnValue:
    """The same for word processors."""
    found, sheet = _drawable(case_id, document_id)
    return _file(
        f"{shelf.file_name(found)}.docx",
        _read(shelf.shown_docx, found, sheet),
        keeping.DOCX,
        inline=False,
    )


def _store() -> Path:
    found: Path = current_app.config["TEMTHAT"].files_dir
    return found


def _drawable(case_id: UUID, document_id: UUID) -> tuple[Document, dict[str, Any] | None]:
    found = documents.get(session(), case_id, document_id)
    if found.sheet is not None:
        return found, None
    return found, documents.preview(session(), found, by=person().id, duties=duties(), at=clock.now())[2]


def _read(shown: Callable[..., bytes], found: Document, sheet: dict[str, Any] | None) -> bytes:
    """The bytes to hand out. Damage is told to the administrator, and that stays, whatever is answered."""
    try:
        return shown(session(), _store(), found, sheet)
    except files.FileDamaged:
        keeping.check(session(), _store(), at=clock.now(), document_id=found.id)
        session().commit()
        raise


def _file(name: str, content: bytes, mimetype: str, *, inline: bool) -> Response:
    how = "inline" if inline else "attachment"
    return Response(content, mimetype=mimetype, headers={"Content-Disposition": f'{how}; filename="{name}"', "Cache-Control": "no-store"})  # fmt: skip


def _write(case_id: UUID, document_id: UUID, *, issue: bool) -> ResponseReturnValue:
    found = documents.get(session(), case_id, document_id)
    form = forms.form_of(found.template.content)
    made = fields.of_document(
        form, None, found.version, bound=True, capacities=_capacities(form), earlier=_earlier(case_id, form)
    )
    here = url_for(".document", case_id=case_id, document_id=document_id)
    with once("documents.issue" if issue else "documents.save") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            if not made.validate():
                return _page(case_id, document_id, made=made), 422
            at = clock.now()
            seen, typed = fields.version(made.version.data), fields.sent(made)
            if issue:
                found = documents.issue(
                    session(), case_id, document_id, version=seen, confirmed=bool(made.confirmed.data), by=person().id, duties=duties(),
                    at=at, signing=fields.signing(made), given=typed,
                )  # fmt: skip
            else:
                about = _about() if "refill" in request.form else None
                found = documents.save(
                    session(), case_id, document_id, typed, version=seen, by=person().id, at=at, about=about
                )
        except TemThatError as exc:
            session().rollback()
            return _page(case_id, document_id, made=made, refusals=fields.told(made, exc)), exc.status
        key.settle(here)
    number = found.number
    session().commit()
    flash(_("Issued under number %(number)s.", number=number) if issue else _("The draft has been saved."), "success")
    return redirect(here, 303)


def _do(
    case_id: UUID, document_id: UUID, name: str, form: FlaskForm, act: Callable[[datetime], str], *, done: str
) -> ResponseReturnValue:  # fmt: skip
    if not form.validate():
        return _page(case_id, document_id, bound={name: form}), 422
    with once(f"documents.{name}") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            key.settle(act(clock.now()))
        except TemThatError as exc:
            session().rollback()
            return _page(case_id, document_id, bound={name: form}, refusals=[*fields.every(exc)]), exc.status
    session().commit()
    flash(done, "success")
    return redirect(key.location, 303)


def _tab(case_id: UUID, *, refusals: list[TemThatError] | None = None) -> str:
    session().expire_all()
    framed = frame(case_id, "documents", reasons=refusals or [])
    at = clock.now()
    fitting, others = _choices(framed["case"]) if framed["works"] else ([], [])
    return render_template(
        "desk/documents.html", **framed, fitting=fitting, others=others, failed=None,
        rows=[{"each": each, **_ins(each.document, at)} for each in documents.of_case(session(), case_id)],
    )  # fmt: skip


def _choices(case: CaseFile) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The forms, those that the law ties to the present state before the others."""
    fitting: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    for template in templates.in_force(session(), lists.today()):
        stages = template.content["stages"]
        steps = [
            say(move)
            for move, step in MOVES.items()
            if case.state in step.start and template.form in FOR_MOVE.get(move.value, ())
        ]
        row = {"code": template.form, "name": template.name, "law": template.content["law"], "steps": ", ".join(steps), "rank": (not steps, template.form)}  # fmt: skip
        (fitting if case.state.value in stages else others).append(row)
    return sorted(fitting, key=lambda row: row["rank"]), others


# Which forms carry which step, so that they are offered first: words for the officer, not a rule.
FOR_MOVE: dict[str, tuple[str, ...]] = {
    "propose_inspection": ("PAKT", "PT"),
    "decide_inspection": ("QĐKT",),
    "end_inspection": ("BBKT",),
    "record_violation": ("MBB01",),
    "open_explanation": ("MBB03",),
    "prepare_decision": ("PT",),
    "penalise": ("MQĐ02",),
    "order_remedy": ("MQĐ14", "MQĐ15"),
    "find_no_violation": ("TBKVP",),
    "forward": ("CVCHUYEN",),
    "transfer": ("CVCHUYEN",),
    "transfer_criminal": ("MQĐ33",),
}


def _page(
    case_id: UUID, document_id: UUID, *, made: FlaskForm | None = None, bound: dict[str, FlaskForm] | None = None,
    refusals: list[TemThatError] | None = None,
) -> str:  # fmt: skip
    session().expire_all()
    at, bound = clock.now(), bound or {}
    found = documents.get(session(), case_id, document_id)
    form = forms.form_of(found.template.content)
    framed = frame(case_id, "documents", reasons=refusals or [])
    draft = found.state is DocumentState.DRAFT
    capacities = _capacities(form) if draft else []
    if made is None:
        made = fields.of_document(
            form,
            found.values,
            found.version,
            bound=False,
            capacities=capacities,
            earlier=_earlier(case_id, form) if draft else None,
        )
    elif any(isinstance(exc, documents.DocumentChanged) for exc in refusals or []):
        made.version.data = str(found.version)  # what the other saved is shown above: saving again is a decision
    return render_template(
        "desk/document.html", **framed, document=found, form=form, draft=draft, made=made, capacities=capacities, shown=fields.shown(form, made),
        writes=framed["works"] and draft, changed=any(isinstance(exc, documents.DocumentChanged) for exc in refusals or []),
        failed=next(iter(bound.values()), made if draft else None), opened=next(iter(bound), None),
        may_cancel=framed["works"] and not HEADS.isdisjoint(duties()), in_force=found.state in documents.IN_FORCE,
        discard_form=bound.get("discard") or fields.ReasonForm(formdata=None), cancel_form=bound.get("cancel") or fields.ReasonForm(formdata=None),
        scan_form=bound.get("scan") or fields.ScanForm(formdata=None), ins_form=bound.get("ins") or fields.InsForm(formdata=None),
        suspects=filling.suspects(session(), found.case) if draft else [],
        facts=_facts(found), may_bind=person().may(May.CASE_MOVE), **_ins(found, at),
    )  # fmt: skip


def _earlier(case_id: UUID, form: Form) -> dict[str, Sequence[Registered]]:
    """The registered documents of the case that the fields of a form may name."""
    codes = {field.name: filling.forms_of(field.source) for field in form.fields}
    return {name: documents.registered(session(), case_id, each) for name, each in codes.items() if each}


def _capacities(form: Form) -> Sequence[Capacity]:
    """Those in which whoever looks may sign a form today; none for whoever may not sign it."""
    try:
        return signatory.capacities(session(), form, person().id, duties(), lists.today())
    except Forbidden:
        return []


def _about() -> UUID:
    """The offender whom the paper is to be filled in about."""
    try:
        return UUID(request.form.get("about", ""))
    except ValueError:
        raise NotFound from None


def _facts(found: Document) -> list[tuple[str, Any]]:
    scan = found.scan
    rows: list[tuple[str, Any]] = [
        (_("Form"), _("%(code)s, version %(version)s", code=found.form, version=found.template.version)),
        (_("Number"), found.number),
        (_("Issued"), day(found.issued_at) if found.issued_at else None),
        (_("Signed by"), found.signer.full_name if found.signer else None),
        (_("Drawn up by"), _("%(when)s by %(name)s", when=moment(found.drawn_at), name=found.drafter.full_name)),
    ]
    printed = found.sheet or {}
    if printed.get("capacity"):
        rows.append((_("In the capacity"), " / ".join(printed["capacity"])))
    if printed.get("mandate"):
        rows.append((_("Paper that gives the capacity"), printed["mandate"]))
    if scan is not None:
        rows.append((_("Signed copy"), _("folio %(folio)s, %(when)s", folio=scan.evidence.folio, when=moment(scan.scanned_at))))  # fmt: skip
    if found.ins_uploaded_at is not None:
        rows.append((_("In INS"), _("%(when)s, receipt %(receipt)s", when=moment(found.ins_uploaded_at), receipt=found.ins_receipt)))  # fmt: skip
    if found.ended_at is not None:
        rows.append((_("Why it was ended"), _("%(when)s: %(why)s", when=moment(found.ended_at), why=found.end_reason)))
    return rows + [(_("Damaged file"), _damage(each)) for each in keeping.damage_of(session(), found)]


def _damage(found: keeping.Damage) -> str:
    facts = {"name": found.name, "when": moment(found.found_at)}
    if found.whole_at is None:
        return str(_("%(name)s, found %(when)s. The administrator has been told.", **facts))
    return str(_("%(name)s, found %(when)s; whole again %(whole)s.", whole=moment(found.whole_at), **facts))


def _ins(found: Document, at: datetime) -> dict[str, Any]:
    """The clock of INS as a chip: hours left, or that it was done in time or late."""
    if found.ins_due_at is None:
        return {"ins_left": None, "ins_closed": False, "ins_due": None, "ins_late": False}
    until = found.ins_uploaded_at or at
    left = int((found.ins_due_at - until).total_seconds() // 3600)
    return {"ins_left": left, "ins_closed": found.ins_uploaded_at is not None, "ins_due": found.ins_due_at, "ins_late": until > found.ins_due_at}  # fmt: skip
