"""Reading documents: those of a case, the register of all, its workbook, and the files that are drawn from them. Nothing is changed here."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import xlsxwriter
from sqlalchemy import Text, cast, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from enforcement import membership
from enforcement.models import CaseFile, Document, DocumentScan, DocumentState, DocumentTemplate, Evidence
from enforcement.papers import forms, keeping, layout_docx, layout_pdf, sheet, signatory, values
from enforcement.papers.layout_pdf import Look
from trace.clock import CITY
from trace.errors import Forbidden
from trace.services import papers
from trace.services.folding import fold

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date, datetime
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from enforcement.papers.forms import Form
    from enforcement.papers.sheet import Heading
    from enforcement.transitions import Duty
    from trace.models.files import StoredFile

PAGE = 50
STATES = {
    DocumentState.DRAFT: "Dự thảo", DocumentState.ISSUED: "Đã ban hành", DocumentState.SCANNED: "Đã quét bản ký",
    DocumentState.CANCELLED: "Đã hủy", DocumentState.SUPERSEDED: "Đã thay thế", DocumentState.DISCARDED: "Bỏ dự thảo",
}  # fmt: skip
COLUMNS = (
    "Số", "Ngày ban hành", "Mẫu", "Tên văn bản", "Trích yếu", "Vụ việc", "Người ký", "Tình trạng", "Bút lục", "Hạn cập nhật INS",
    "Đã cập nhật INS", "Biên nhận INS", "Lý do hủy",
)  # fmt: skip


@dataclass(frozen=True)
class Registered:
    """A document in force as a step of the case rests on it."""

    id: UUID
    form: str
    number: str
    title: str
    issued_on: date
    signer_name: str
    fine: int | None

    @property
    def words(self) -> str:
        """What it is, for a list to pick from."""
        return ", ".join(filter(None, (self.title, papers.day(self.issued_on), self.signer_name)))


@dataclass(frozen=True)
class OfCase:
    """A document of a case as its page and the bundle show it."""

    document: Document
    number: str | None
    form: str
    title: str
    state: DocumentState
    issued_on: date | None
    signer: str | None
    case_number: str
    scan: StoredFile | None
    folio: int | None


@dataclass(frozen=True)
class Asked:
    """What the register is asked for. `late`: only those whose time for INS has run out and that are not there."""

    form: str | None = None
    year: int | None = None
    state: DocumentState | None = None
    q: str = ""
    late: bool = False


def registered(session: Session, case_id: UUID, codes: Collection[str]) -> list[Registered]:
    """The documents in force of some forms, of a case and those merged into it, newest first."""
    rows = session.scalars(
        select(Document)
        .where(
            Document.case_id.in_(membership.member_ids(case_id)), Document.form.in_(list(codes)),
            Document.state.in_([DocumentState.ISSUED, DocumentState.SCANNED]),
        )
        .order_by(Document.issued_at.desc(), Document.sequence.desc())
        .options(joinedload(Document.template), joinedload(Document.signer))
    ).all()  # fmt: skip
    return [
        Registered(
            row.id, row.form, row.number or "", row.template.name, _city_day(row.issued_at), row.signer.full_name if row.signer else "",
            values.amount(row.values.get("fine", "")),
        )
        for row in rows
    ]  # fmt: skip


def issued_days(session: Session, case_id: UUID, number: str) -> list[date]:
    """The days on which documents in force of a case and of those merged into it were issued under a number."""
    moments = session.scalars(
        select(Document.issued_at).where(
            Document.case_id.in_(membership.member_ids(case_id)), Document.number == number,
            Document.state.in_([DocumentState.ISSUED, DocumentState.SCANNED]),
        )
    )  # fmt: skip
    return sorted({_city_day(each) for each in moments})


def issued_by(session: Session, case_id: UUID, number: str, codes: Collection[str], until: datetime) -> bool:
    """Whether a document in force of a case, of one of some forms, was issued under a number until a moment."""
    found = select(Document.id).where(
        Document.case_id.in_(membership.member_ids(case_id)), Document.number == number, Document.form.in_(list(codes)),
        Document.state.in_([DocumentState.ISSUED, DocumentState.SCANNED]), Document.issued_at <= until,
    )  # fmt: skip
    return session.scalar(found.limit(1)) is not None


def holder_of(session: Session, number: str, year: int) -> str | None:
    """The number of the case whose document carries a number, whatever became of it: a number is given once."""
    return session.scalar(
        select(CaseFile.number)
        .join(Document, Document.case_id == CaseFile.id)
        .where(Document.number == number, Document.year == year)
        .limit(1)
    )


def of_case(session: Session, case_id: UUID) -> list[OfCase]:
    """All documents of a case and of those merged into it, the newest first; drafts before what was issued."""
    rows = session.scalars(
        _loaded(select(Document))
        .where(Document.case_id.in_(membership.member_ids(case_id)), Document.state != DocumentState.DISCARDED)
        .order_by(Document.issued_at.desc().nulls_first(), Document.drawn_at.desc())
    ).all()
    return [_of_case(row) for row in rows]


def files_of(session: Session, case_id: UUID, store: Path) -> list[tuple[str, bytes]]:
    """Every issued document of a case as PDF and DOCX under a name of its own. For the bundle; the signed copies are `signed_of`.

    What is void goes in twice: as it was issued, and with the mark that says so.
    """
    found: list[tuple[str, bytes]] = []
    rows = [each for each in of_case(session, case_id) if each.number is not None]
    for row in reversed(rows):
        name = file_name(row.document)
        found += [
            (f"{name}.pdf", shown_pdf(session, store, row.document)),
            (f"{name}.docx", shown_docx(session, store, row.document)),
        ]
        if look(row.document) != Look():
            for ending, read in (("pdf", keeping.read_pdf), ("docx", keeping.read_docx)):
                if (issued := read(session, store, row.document)) is not None:
                    found.append((f"{name}-luc-ban-hanh.{ending}", issued))
    return found


def signed_of(session: Session, case_id: UUID) -> list[tuple[str, str, Evidence]]:
    """The signed copies of a case's issued documents: a name for the file, the number of the document, the piece of evidence that it is."""
    found = []
    for row in reversed(of_case(session, case_id)):
        if row.number is not None and (scan := row.document.scan) is not None:
            media_type = scan.evidence.file.media_type
            ending = {"application/pdf": "pdf", "image/png": "png", "image/webp": "webp"}.get(media_type, "jpg")
            found.append((f"{file_name(row.document)}-ban-ky.{ending}", row.number, scan.evidence))
    return found


def shown_pdf(session: Session, store: Path, document: Document, sheet: Mapping[str, Any] | None = None) -> bytes:
    """The pages to hand out: those that were issued, where nothing has to be marked on them."""
    kept = keeping.read_pdf(session, store, document) if look(document) == Look() else None
    return kept or pdf(document, sheet)


def shown_docx(session: Session, store: Path, document: Document, sheet: Mapping[str, Any] | None = None) -> bytes:
    """The same for word processors."""
    kept = keeping.read_docx(session, store, document) if look(document) == Look() else None
    return kept or docx(document, sheet)


def pdf(document: Document, sheet: Mapping[str, Any] | None = None) -> bytes:
    """The pages of a document; a draft is drawn from the sheet given."""
    return layout_pdf.draw(_sheet(document, sheet), look(document), at=document.issued_at or document.saved_at)


def docx(document: Document, sheet: Mapping[str, Any] | None = None) -> bytes:
    """The same for word processors."""
    return layout_docx.draw(_sheet(document, sheet), look(document), at=document.issued_at or document.saved_at)


def preview(
    session: Session, found: Document, *, by: UUID, duties: Collection[Duty], at: datetime
) -> tuple[Form, Heading, dict[str, Any]]:
    """The sheet of a draft as it stands: signed as this person would sign it, or by nobody yet. Nothing is written."""
    form = forms.form_of(found.template.content)
    try:
        heading = signatory.heading(signatory.find(session, form, by, duties, at.astimezone(CITY).date()), found.case)
    except Forbidden:
        heading = signatory.unsigned(session, by, found.case, at.astimezone(CITY).date())
    return form, heading, sheet.compose(found.form, form, found.values, heading)


def look(document: Document) -> Look:
    """What the state of a document adds to its pages."""
    match document.state:
        case DocumentState.DRAFT | DocumentState.DISCARDED:
            return Look(layout_pdf.DRAFT)
        case DocumentState.CANCELLED:
            ended = f" {papers.moment(document.ended_at)}" if document.ended_at else ""
            return Look(layout_pdf.CANCELLED, f"Hủy{ended}: {document.end_reason}")
        case DocumentState.SUPERSEDED:
            return Look(layout_pdf.SUPERSEDED)
        case _:
            return Look()


def file_name(document: Document) -> str:
    """A name for a file: form and number, or the form and the day of the draft."""
    if document.number is None:
        return f"{_ascii(document.form)}-du-thao-{document.saved_at.astimezone(CITY):%Y%m%d-%H%M}"
    return f"{_ascii(document.form)}-{document.year}-{_ascii(document.number)}"


def register(session: Session, asked: Asked, *, at: datetime, page: int) -> tuple[Sequence[Document], int]:
    """One page of the register, newest first, and how many there are."""
    statement = _asked(asked, at)
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    return session.scalars(_loaded(_sorted(statement)).limit(PAGE).offset((page - 1) * PAGE)).all(), total


def years(session: Session) -> Sequence[int]:
    """The years in which anything was issued."""
    found = session.scalars(select(Document.year).where(Document.year.is_not(None)).distinct()).all()
    return sorted((year for year in found if year is not None), reverse=True)


def late(session: Session, *, at: datetime) -> int:
    """How many issued documents are not in INS though their time has run out."""
    return session.scalar(select(func.count()).select_from(_asked(Asked(late=True), at).subquery())) or 0


def workbook(session: Session, asked: Asked, *, at: datetime) -> bytes:
    """The register as a workbook; what people wrote stays text."""
    made = io.BytesIO()
    book = xlsxwriter.Workbook(made, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"title": "Sổ đăng ký văn bản", "created": at.replace(tzinfo=None)})
    bold = book.add_format({"bold": True, "bg_color": "#F3F6F8", "border": 1, "text_wrap": True})
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    moment = book.add_format({"num_format": "hh:mm dd/mm/yyyy"})
    sheet = book.add_worksheet("Văn bản")
    sheet.write_row(0, 0, COLUMNS, bold)
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(COLUMNS) - 1, 20)
    line = 0
    for row in session.scalars(_loaded(_sorted(_asked(asked, at)))):
        line += 1
        for column, text in (
            (0, row.number), (2, row.form), (3, row.template.name), (4, row.abstract), (5, row.case.number),
            (6, row.signer.full_name if row.signer else None), (7, STATES[row.state]),
            (8, str(row.scan.evidence.folio) if row.scan else None), (11, row.ins_receipt), (12, row.end_reason),
        ):  # fmt: skip
            sheet.write_string(line, column, text or "")
        for column, at_moment, how in (
            (1, row.issued_at, day), (9, row.ins_due_at, moment), (10, row.ins_uploaded_at, moment),
        ):  # fmt: skip
            if at_moment is not None:
                sheet.write_datetime(line, column, at_moment.astimezone(CITY).replace(tzinfo=None, microsecond=0), how)
    sheet.autofilter(0, 0, max(line, 1), len(COLUMNS) - 1)
    book.close()
    return made.getvalue()


def _asked(asked: Asked, at: datetime) -> Select[Document]:
    statement = select(Document).where(Document.state != DocumentState.DISCARDED)
    if asked.form:
        statement = statement.where(Document.form == asked.form)
    if asked.year:
        statement = statement.where(Document.year == asked.year)
    if asked.state:
        statement = statement.where(Document.state == asked.state)
    if asked.late:
        statement = statement.where(Document.ins_due_at < at, Document.ins_uploaded_at.is_(None))
    if asked.q:
        pattern = func.public.fold(f"%{_escaped(asked.q)}%")
        statement = statement.join(CaseFile, CaseFile.id == Document.case_id).where(
            or_(
                func.public.fold(Document.abstract).like(pattern), func.public.fold(func.coalesce(Document.number, "")).like(pattern),
                func.public.fold(cast(CaseFile.number, Text)).like(pattern),
            )
        )  # fmt: skip
    return statement


def _sorted(statement: Select[Document]) -> Select[Document]:
    return statement.order_by(Document.issued_at.desc().nulls_first(), Document.drawn_at.desc(), Document.id)


def _loaded(statement: Select[Document]) -> Select[Document]:
    return statement.options(
        joinedload(Document.template).load_only(DocumentTemplate.name, DocumentTemplate.form, DocumentTemplate.version),
        joinedload(Document.signer), joinedload(Document.drafter), joinedload(Document.case),
        selectinload(Document.scans).joinedload(DocumentScan.evidence).joinedload(Evidence.file),
    )  # fmt: skip


def _of_case(row: Document) -> OfCase:
    scan = row.scan
    return OfCase(
        document=row, number=row.number, form=row.form, title=row.template.name, state=row.state,
        issued_on=_city_day(row.issued_at) if row.issued_at else None, signer=row.signer.full_name if row.signer else None,
        case_number=row.case.number, scan=scan.evidence.file if scan else None, folio=scan.evidence.folio if scan else None,
    )  # fmt: skip


def _sheet(document: Document, sheet: Mapping[str, Any] | None) -> Mapping[str, Any]:
    found = document.sheet or sheet
    if found is None:
        raise ValueError("a draft is drawn from the sheet that its caller composed")
    return found


def _city_day(at: datetime | None) -> date:
    if at is None:
        raise ValueError("only issued documents have a day")
    return at.astimezone(CITY).date()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _ascii(text: str) -> str:
    return fold(text).replace(" ", "-")
