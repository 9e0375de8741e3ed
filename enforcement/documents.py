"""The documents of a case: drawn up from a form, issued under a number, scanned back, recorded in INS, cancelled or replaced.

The number is taken in the transaction that issues, the sheet is frozen with it. The lock on the case comes first, then the document, then the
series, for everybody alike. What must not live here: what a form says (`papers`), and the steps of the case that a document carries (`cases`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from enforcement import casebook, casework, clocks, competence, evidence, law
from enforcement.casebook import CaseIsOver, said
from enforcement.competence import LegalQualification
from enforcement.deadlines import DeadlineKind
from enforcement.errors import NotYourMove
from enforcement.models import Document, DocumentScan, DocumentState
from enforcement.papers import filling, forms, numbering, sheet, signatory, templates, values
from enforcement.papers.forms import SignedBy
from enforcement.papers.shelf import OfCase, Registered, files_of, holder_of, of_case, preview, registered
from enforcement.papers.units import NoIssuingUnit
from enforcement.transitions import HEADS, CaseState
from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound, Refused
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.competence import Signer
    from enforcement.models import CaseFile
    from enforcement.papers.forms import Form
    from enforcement.papers.signatory import Chosen
    from enforcement.transitions import Duty
    from trace.models.files import StoredFile

# Reading stands in `papers.shelf`; other parts of the desk ask for it here.
__all__ = [
    "AlreadyReplaced", "AlreadyScanned", "AlreadyUploaded", "DocumentChanged", "NotADraft", "NotIssued", "OfCase", "Registered",
    "UploadedBeforeIssue", "WordingNotConfirmed", "bind", "cancel", "discard", "draft", "files_of", "get", "holder_of", "issue", "of_case",
    "offered", "preview", "registered", "save", "uploaded",
]  # fmt: skip

IN_FORCE = frozenset({DocumentState.ISSUED, DocumentState.SCANNED})


class NotADraft(Conflict):
    """This document is no longer a draft: it is %(state)s under number %(number)s.

    Load the page again. What was issued is changed by a new document only.
    """


class DocumentChanged(Conflict):
    """%(who)s saved this draft at %(when)s, so your change was not saved.

    Compare it with yours below, then save again.
    """


class NotIssued(Conflict):
    """This document has not been issued, or is no longer in force, so this cannot be done with it.

    Load the page again and look at its state.
    """


class WordingNotConfirmed(Invalid):
    """The wording of this form has points that are marked as to be verified, so the document was not issued.

    Compare them with the legal text in force, then tick that you did.
    """


class AlreadyScanned(Conflict):
    """The signed copy of this document is in the case already, as folio %(folio)s.

    To put another in its place, say why.
    """


class UploadedBeforeIssue(Invalid):
    """The upload to INS cannot lie before the document was issued, at %(when)s.

    Check the time of the upload.
    """


class AlreadyUploaded(Conflict):
    """The upload of this document to INS is recorded already, with receipt %(receipt)s."""


class AlreadyReplaced(Conflict):
    """There is already a document that takes the place of this one.

    Go on with that one, or discard it first.
    """


def get(session: Session, case_id: UUID, document_id: UUID) -> Document:
    """One document of a case, with what its page shows."""
    found = session.scalars(
        select(Document)
        .where(Document.id == document_id, Document.case_id == case_id)
        .options(
            joinedload(Document.template), joinedload(Document.drafter), joinedload(Document.signer), joinedload(Document.case),
            joinedload(Document.unit), selectinload(Document.scans).joinedload(DocumentScan.evidence),
        )
    ).one_or_none()  # fmt: skip
    if found is None:
        raise NotFound
    return found


def offered(session: Session, case: CaseFile, code: str, *, at: datetime) -> dict[str, str]:
    """What a new document of this form would be filled with."""
    template = templates.for_day(session, code, at.astimezone(CITY).date())
    return filling.values(forms.form_of(template.content), filling.facts(session, case, at=at))


def draft(
    session: Session, case_id: UUID, code: str, *, by: UUID, at: datetime, given: Mapping[str, str] | None = None,
    replaces: UUID | None = None,
) -> Document:  # fmt: skip
    """Begin a document from the version of its form that holds today, filled from the case. `given` overwrites what the case offers."""
    case = casebook.workable(session, case_id)
    template = templates.for_day(session, code, at.astimezone(CITY).date())
    form = forms.form_of(template.content)
    filled = filling.values(form, filling.facts(session, case, at=at))
    if replaces is not None:
        old = _locked(session, case_id, replaces)
        _in_force(old)
        if session.scalar(
            select(Document.id).where(Document.replaces_id == old.id, Document.state != DocumentState.DISCARDED).limit(1)
        ):  # fmt: skip
            raise AlreadyReplaced
        filled |= {name: value for name, value in old.values.items() if form.field(name)}
    filled |= _cleaned(form, given or {})
    made = Document(
        case_id=case.id, template_id=template.id, form=template.form, state=DocumentState.DRAFT, values=filled,
        abstract=sheet.abstract(form, filled, signatory.unsigned(session, by, case, at.astimezone(CITY).date())),
        doubtful=bool(form.doubts), drawn_at=at, drawn_by=by, saved_at=at, saved_by=by, replaces_id=replaces,
    )  # fmt: skip
    session.add(made)
    session.flush()
    _note(session, case, "draft_document", made, by=by, at=at, name=template.name)
    return made


def save(
    session: Session, case_id: UUID, document_id: UUID, given: Mapping[str, str], *, version: int, by: UUID, at: datetime,
    about: UUID | None = None,
) -> Document:  # fmt: skip
    """Keep what was typed into a draft, complete or not; what is wrong is told, and nothing of it is kept.

    `about`: fill in anew what the case knows of this offender.
    """
    case = casebook.workable(session, case_id)
    found = _draft(session, case_id, document_id, version)
    form = forms.form_of(found.template.content)
    filled = _cleaned(form, given)
    if about is not None:
        filled = filling.refilled(form, filled, filling.facts(session, case, at=at, about=about))
    wrong = values.check(form.fields, filled, complete=False)
    if wrong:
        raise Refused(wrong)
    found.values, found.saved_at, found.saved_by = filled, at, by
    found.abstract = sheet.abstract(form, filled, signatory.unsigned(session, by, case, at.astimezone(CITY).date()))
    history.record(session, "document:save", found.id, by=by, at=at)
    session.flush()
    return found


def issue(
    session: Session, case_id: UUID, document_id: UUID, *, version: int, confirmed: bool, by: UUID, duties: Collection[Duty], at: datetime,
    signing: Chosen | None = None, given: Mapping[str, str] | None = None,
) -> Document:  # fmt: skip
    """Sign a draft: whoever acts is the signatory. It gets its number, its words are frozen, and the clock of INS starts.

    Everything that stands against it is told at once. `confirmed`: this person compared the marked points with the legal text.
    `signing`: the capacity that this person chose; without it the usual one. `given`: what was typed into the draft last, kept with the rest or not.
    """
    case = casebook.workable(session, case_id)
    found = _draft(session, case_id, document_id, version)
    form = forms.form_of(found.template.content)
    today = at.astimezone(CITY).date()
    if given is not None:
        found.values, found.saved_at, found.saved_by = _cleaned(form, given), at, by
    capacity, wrong = signatory.choose(signatory.capacities(session, form, by, duties, today), signing)
    signs = signatory.Signatory(casebook.name_of(session, by), capacity)
    wrong += values.check(form.fields, found.values, complete=True)
    if found.doubtful and not confirmed:
        wrong.append(WordingNotConfirmed(field="confirmed"))
    if signs.unit is None:
        wrong.append(NoIssuingUnit())
    if wrong or signs.unit is None:
        raise Refused(wrong)
    if capacity.power is not None and form.signer is SignedBy.COMPETENT:
        _within_power(session, case, found, capacity.power, at=at)
    taken = numbering.take(session, signs.unit, found.form, form.symbol, at=at)
    heading = signatory.heading(signs, case, number=taken.text, on=today)
    rules = law.load(session)
    clock = clocks.start(session, case, DeadlineKind.INS_UPLOAD, began=at, law=rules, at=at, subject_id=found.id)
    found.state, found.unit_id = DocumentState.ISSUED, signs.unit.id
    found.year, found.sequence, found.number = taken
    found.issued_at, found.signer_id, found.ins_due_at = at, by, clock.due_at
    found.signed_as = capacity.signed_as
    found.confirmed_by = by if found.doubtful else None
    found.abstract = sheet.abstract(form, found.values, heading)
    found.sheet = sheet.compose(found.form, form, found.values, heading)
    session.flush()
    if found.replaces_id is not None:
        _supersede(session, found, by=by, at=at)
    case.next_due_at = clocks.next_due(session, case.id)
    _note(session, case, "issue_document", found, by=by, at=at, name=found.template.name, number=taken.text)
    return found


def discard(session: Session, case_id: UUID, document_id: UUID, *, reason: str, by: UUID, at: datetime) -> Document:
    """Give a draft up. It had no number, so no number is lost."""
    case = casebook.workable(session, case_id)
    found = _draft(session, case_id, document_id, None)
    return _end(session, case, found, DocumentState.DISCARDED, "discard_document", reason=reason, by=by, at=at)


def cancel(
    session: Session, case_id: UUID, document_id: UUID, *, reason: str, by: UUID, duties: Collection[Duty], at: datetime
) -> Document:  # fmt: skip
    """Declare an issued document void. It keeps its number, marked, so that the series has no gap. For heads."""
    if HEADS.isdisjoint(duties):
        raise NotYourMove(duties=HEADS)
    case = casebook.workable(session, case_id)
    found = _locked(session, case_id, document_id)
    _in_force(found)
    return _end(session, case, found, DocumentState.CANCELLED, "cancel_document", reason=reason, by=by, at=at)


def bind(
    session: Session, case_id: UUID, document_id: UUID, file: StoredFile, *, store: Path, by: UUID, at: datetime, reason: str = ""
) -> DocumentScan:  # fmt: skip
    """Take the signed copy into the case as evidence and bind it to its number. Another may take its place only for a reason."""
    case = casebook.lock(session, case_id)
    casebook.standing(session, case)
    if case.state is CaseState.ARCHIVED:
        raise CaseIsOver(number=case.number)
    found = _locked(session, case_id, document_id)
    _in_force(found)
    standing = found.scan
    if standing is not None:
        if not reason.strip():
            raise AlreadyScanned(folio=standing.evidence.folio)
        standing.replaced_at, standing.replaced_by, standing.replace_reason = at, by, said(reason)
        session.flush()  # before the new one stands, or the index sees two
    there = evidence.folio_of(session, case.id, file.sha256)
    if there is not None:
        raise evidence.AlreadyEvidence(folio=there)
    piece = evidence.take(
        session, case, file, title=f"{found.template.name} số {found.number}, bản đã ký", origin="Bản giấy đã ký, quét lưu hồ sơ", taken_at=at,
        taken_by=by, store=store, by=by, at=at,
    )  # fmt: skip
    made = DocumentScan(document_id=found.id, evidence_id=piece.id, scanned_at=at, scanned_by=by)
    session.add(made)
    found.state = DocumentState.SCANNED
    session.flush()
    session.refresh(found, ["scans"])
    _note(
        session,
        case,
        "scan_document",
        found,
        by=by,
        at=at,
        note=reason.strip() or None,
        number=found.number,
        folio=piece.folio,
    )
    return made


def uploaded(
    session: Session, case_id: UUID, document_id: UUID, *, uploaded_at: datetime, receipt: str, by: UUID, at: datetime
) -> Document:  # fmt: skip
    """Record that the document was put into INS, with its receipt; its clock ends at that moment, in time or late."""
    case = casebook.lock(session, case_id)
    casebook.standing(session, case)
    found = _locked(session, case_id, document_id)
    if found.issued_at is None or found.number is None:
        raise NotIssued
    if found.ins_uploaded_at is not None:
        raise AlreadyUploaded(receipt=found.ins_receipt)
    if uploaded_at > at:
        raise casebook.NotInFuture
    # A time is typed to the minute, a document is issued to the microsecond.
    if uploaded_at < found.issued_at.replace(second=0, microsecond=0):
        raise UploadedBeforeIssue(when=found.issued_at)
    found.ins_uploaded_at, found.ins_recorded_by = max(uploaded_at, found.issued_at), by
    found.ins_receipt = said(receipt)
    clocks.meet(session, case, {DeadlineKind.INS_UPLOAD}, at=found.ins_uploaded_at, subject_id=found.id)
    case.next_due_at = clocks.next_due(session, case.id)
    _note(session, case, "upload_document", found, by=by, at=at, number=found.number, receipt=found.ins_receipt)
    return found


def _within_power(session: Session, case: CaseFile, found: Document, power: Signer, *, at: datetime) -> None:
    """Refuse a fine that by itself is beyond the signatory. The step of the case judges by the top of the bracket, which is never lower."""
    fine = values.amount(found.values.get("fine", ""))
    if fine is None:
        return
    suspected = casework.of_case(session, case.id).suspected
    # Where nobody is entered yet, or it may be about an organisation, the wider ceiling holds: what is refused here is beyond doubt.
    organisation = not suspected or any(each.is_organisation for each in suspected)
    qualification = case.legal_qualification or LegalQualification.UNDETERMINED
    competence.check(
        power, fine, organisation=organisation, on=at.astimezone(CITY).date(), field=qualification.field, figures=law.load(session).figures
    )  # fmt: skip


def _supersede(session: Session, found: Document, *, by: UUID, at: datetime) -> None:
    old = session.get(Document, found.replaces_id, with_for_update=True, populate_existing=True)
    if old is None or old.state not in IN_FORCE:
        raise NotIssued
    old.state = DocumentState.SUPERSEDED
    history.record(session, "document:supersede", old.id, by=by, at=at, changes={"superseded_by": (None, found.number)})
    session.flush()


def _end(
    session: Session, case: CaseFile, found: Document, state: DocumentState, deed: str, *, reason: str, by: UUID, at: datetime
) -> Document:  # fmt: skip
    why = said(reason)
    found.state, found.ended_at, found.ended_by, found.end_reason = state, at, by, why
    session.flush()
    _note(session, case, deed, found, by=by, at=at, note=why, name=found.template.name, number=found.number)
    return found


def _note(
    session: Session, case: CaseFile, deed: str, found: Document, *, by: UUID, at: datetime, note: str | None = None, **more: Any
) -> None:  # fmt: skip
    facts = {"document": str(found.id), "form": found.form, **{key: value for key, value in more.items() if value}}
    casebook.write(session, case, deed, by=by, at=at, note=note, facts=facts)
    history.record(session, f"document:{deed.partition('_')[0]}", found.id, by=by, at=at, why=note)
    session.flush()


def _draft(session: Session, case_id: UUID, document_id: UUID, version: int | None) -> Document:
    found = _locked(session, case_id, document_id)
    if found.state is not DocumentState.DRAFT:
        raise NotADraft(state=found.state, number=found.number or "–")
    if version is not None and version != found.version:
        raise DocumentChanged(who=casebook.name_of(session, found.saved_by), when=casebook.spoken(found.saved_at))
    return found


def _locked(session: Session, case_id: UUID, document_id: UUID) -> Document:
    found = session.scalars(
        select(Document).where(Document.id == document_id, Document.case_id == case_id).with_for_update(),
        execution_options={"populate_existing": True},
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def _in_force(found: Document) -> None:
    if found.state not in IN_FORCE:
        raise NotIssued


def _cleaned(form: Form, given: Mapping[str, str]) -> dict[str, str]:
    """What belongs to the form, without what is empty."""
    found = {field.name: values.clean(given[field.name]) for field in form.fields if field.name in given}
    return {name: value for name, value in found.items() if value}
