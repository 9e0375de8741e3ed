"""Documents of the desk: who issues them, the versions of their forms, the documents themselves and their signed copies."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import DDL, CheckConstraint, ForeignKey, Index, UniqueConstraint, event, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from enforcement.models.base import DESK
from enforcement.models.cases import CaseFile
from enforcement.models.evidence import Evidence
from trace.models.base import Base, Revised, bigint_pk, uuid_pk
from trace.models.ddl import append_only
from trace.models.files import StoredFile
from trace.models.parties import AppUser, Party

# What was signed is what is drawn, for ever: after the number is given only its end, its INS receipt and its copies may be added.
KEEP_ISSUED_DOCUMENT = """
CREATE OR REPLACE FUNCTION enforcement.keep_issued_document() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.case_id, NEW.template_id, NEW.form, NEW.abstract, NEW.values, NEW.sheet, NEW.unit_id, NEW.year, NEW.sequence, NEW.number,
            NEW.issued_at, NEW.signer_id, NEW.signed_as, NEW.confirmed_by, NEW.replaces_id, NEW.ins_due_at)
           IS NOT DISTINCT FROM
           (OLD.case_id, OLD.template_id, OLD.form, OLD.abstract, OLD.values, OLD.sheet, OLD.unit_id, OLD.year, OLD.sequence, OLD.number,
            OLD.issued_at, OLD.signer_id, OLD.signed_as, OLD.confirmed_by, OLD.replaces_id, OLD.ins_due_at)
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'an issued document is never changed' USING ERRCODE = 'integrity_constraint_violation',
        CONSTRAINT = 'issued_document_kept';
END
$$
"""
ISSUED_DOCUMENT_KEPT = (
    "CREATE TRIGGER issued_document_kept BEFORE UPDATE OR DELETE ON enforcement.document "
    "FOR EACH ROW WHEN (OLD.number IS NOT NULL) EXECUTE FUNCTION enforcement.keep_issued_document()"
)


class DocumentState(StrEnum):
    """How far a document has come. A number is given once, when it is issued, and stays with it whatever follows."""

    DRAFT = "draft"
    ISSUED = "issued"
    SCANNED = "scanned"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    DISCARDED = "discarded"


class SigningAs(StrEnum):
    """In which capacity a document is signed (Decree 30/2020): the own post, TM., KT., TL., TUQ., Q."""

    OWN = "own"
    COLLECTIVE = "collective"
    DEPUTY = "deputy"
    BY_ORDER = "by_order"
    AUTHORISED = "authorised"
    ACTING = "acting"


class IssuingUnit(Revised, Base):
    """How a unit signs: the two pairs of digits before its numbers, its name and that of the body above it, and its place."""

    __tablename__ = "issuing_unit"
    __table_args__ = (
        UniqueConstraint("unit_code", "sub_unit_code"),
        CheckConstraint("unit_code ~ '^[0-9]{2}$'", name="unit_code_two_digits"),
        CheckConstraint("sub_unit_code ~ '^[0-9]{2}$'", name="sub_unit_code_two_digits"),
        CheckConstraint("length(btrim(name)) BETWEEN 1 AND 200", name="name_present"),
        CheckConstraint("length(btrim(parent_name)) BETWEEN 1 AND 200", name="parent_name_present"),
        CheckConstraint("length(btrim(place)) BETWEEN 1 AND 100", name="place_present"),
        DESK,
    )

    id: Mapped[uuid_pk]
    party_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"), unique=True)
    unit_code: Mapped[str]
    sub_unit_code: Mapped[str]
    name: Mapped[str]
    parent_name: Mapped[str]
    place: Mapped[str]

    party: Mapped[Party] = relationship()


class DocumentTemplate(Base):
    """One version of a form as data: its words, its fields, what it is signed by. A change is a new version, never an edit."""

    __tablename__ = "document_template"
    __table_args__ = (
        UniqueConstraint("form", "version"),
        CheckConstraint("version > 0", name="version_positive"),
        CheckConstraint("length(btrim(form)) BETWEEN 2 AND 20", name="form_present"),
        CheckConstraint("length(btrim(name)) BETWEEN 1 AND 200", name="name_present"),
        DESK,
    )

    id: Mapped[uuid_pk]
    form: Mapped[str]
    version: Mapped[int]
    valid_from: Mapped[date]
    name: Mapped[str]
    symbol: Mapped[str]
    content: Mapped[dict[str, Any]]
    note: Mapped[str]
    drawn_at: Mapped[datetime]
    drawn_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))

    author: Mapped[AppUser | None] = relationship()


class Document(Base):
    """A document of a case, made from one version of a form. Once it has its number, what it says is kept by a trigger."""

    __tablename__ = "document"
    __table_args__ = (
        UniqueConstraint("number", "year"),
        UniqueConstraint("unit_id", "form", "year", "sequence"),
        CheckConstraint("(state IN ('draft', 'discarded')) = (number IS NULL)", name="number_iff_issued"),
        CheckConstraint(
            "num_nulls(number, sequence, year, unit_id, issued_at, signer_id, sheet, ins_due_at) IN (0, 8)",
            name="issued_whole",
        ),
        CheckConstraint("(signed_as IS NULL) = (number IS NULL)", name="signed_as_iff_issued"),
        CheckConstraint("number IS NULL OR NOT doubtful OR confirmed_by IS NOT NULL", name="wording_confirmed"),
        CheckConstraint("sequence BETWEEN 1 AND 9999", name="sequence_range"),
        CheckConstraint(
            "(state IN ('cancelled', 'discarded')) = (ended_at IS NOT NULL) AND num_nulls(ended_at, ended_by, end_reason) IN (0, 3)",
            name="reason_when_ended",
        ),
        CheckConstraint(
            "num_nulls(ins_uploaded_at, ins_receipt, ins_recorded_by) IN (0, 3) AND (ins_uploaded_at IS NULL OR ins_uploaded_at >= issued_at)",
            name="ins_whole",
        ),
        Index(None, "case_id"),
        Index(None, "issued_at"),
        Index("uq_document_replaces", "replaces_id", unique=True, postgresql_where=text("state <> 'discarded'")),
        Index("ix_document_folded", text("public.fold(abstract) gin_trgm_ops"), postgresql_using="gin"),
        Index(
            "ix_document_ins_open", "ins_due_at", postgresql_where=text("ins_due_at IS NOT NULL AND ins_uploaded_at IS NULL")
        ),
        DESK,
    )  # fmt: skip

    id: Mapped[uuid_pk]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_file.id"))
    template_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.document_template.id"))
    form: Mapped[str]
    state: Mapped[DocumentState]
    abstract: Mapped[str]
    values: Mapped[dict[str, Any]]
    doubtful: Mapped[bool]
    drawn_at: Mapped[datetime]
    drawn_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    saved_at: Mapped[datetime]
    saved_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    replaces_id: Mapped[UUID | None] = mapped_column(ForeignKey("enforcement.document.id"))

    unit_id: Mapped[UUID | None] = mapped_column(ForeignKey("enforcement.issuing_unit.id"))
    year: Mapped[int | None]
    sequence: Mapped[int | None]
    number: Mapped[str | None]
    issued_at: Mapped[datetime | None]
    signer_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    signed_as: Mapped[SigningAs | None]
    confirmed_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    sheet: Mapped[dict[str, Any] | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    end_reason: Mapped[str | None]

    ins_due_at: Mapped[datetime | None]
    ins_uploaded_at: Mapped[datetime | None]
    ins_receipt: Mapped[str | None]
    ins_recorded_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    version: Mapped[int] = mapped_column(server_default=text("1"))

    case: Mapped[CaseFile] = relationship()
    template: Mapped[DocumentTemplate] = relationship()
    drafter: Mapped[AppUser] = relationship(foreign_keys=[drawn_by])
    signer: Mapped[AppUser | None] = relationship(foreign_keys=[signer_id])
    unit: Mapped[IssuingUnit | None] = relationship()
    scans: Mapped[list[DocumentScan]] = relationship(order_by="DocumentScan.id", back_populates="document")

    __mapper_args__ = {"version_id_col": version}

    @property
    def scan(self) -> DocumentScan | None:
        """The signed copy that stands now."""
        return next((scan for scan in self.scans if scan.replaced_at is None), None)


class DocumentFiles(Base):
    """An issued document as it was drawn once: what is read and handed out from then on. Never changed."""

    __tablename__ = "document_file"
    __table_args__ = (CheckConstraint("pdf_id <> docx_id", name="two_files"), DESK)

    document_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.document.id"), primary_key=True)
    pdf_id: Mapped[UUID] = mapped_column(ForeignKey("stored_file.id"))
    docx_id: Mapped[UUID] = mapped_column(ForeignKey("stored_file.id"))
    kept_at: Mapped[datetime]

    pdf: Mapped[StoredFile] = relationship(foreign_keys=[pdf_id])
    docx: Mapped[StoredFile] = relationship(foreign_keys=[docx_id])


class DocumentDamage(Base):
    """That a kept file of a document was found not to be what was put away, and when it was found whole again. One stands at a time."""

    __tablename__ = "document_damage"
    __table_args__ = (
        CheckConstraint("whole_at >= found_at", name="times_in_order"),
        Index("uq_document_damage_standing", "file_id", unique=True, postgresql_where=text("whole_at IS NULL")),
        DESK,
    )

    id: Mapped[bigint_pk]
    document_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.document_file.document_id"), index=True)
    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_file.id"))
    found_at: Mapped[datetime]
    whole_at: Mapped[datetime | None]


class DocumentScan(Base):
    """The signed copy of a document, scanned back as evidence under a folio. One stands; one that was replaced says why."""

    __tablename__ = "document_scan"
    __table_args__ = (
        CheckConstraint("num_nulls(replaced_at, replaced_by, replace_reason) IN (0, 3)", name="replaced_whole"),
        Index(
            "uq_document_scan_standing", "document_id", unique=True, postgresql_where=text("replaced_at IS NULL")
        ),
        DESK,
    )  # fmt: skip

    id: Mapped[bigint_pk]
    document_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.document.id"), index=True)
    evidence_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.evidence.id"), unique=True)
    scanned_at: Mapped[datetime]
    scanned_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    replaced_at: Mapped[datetime | None]
    replaced_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    replace_reason: Mapped[str | None]

    document: Mapped[Document] = relationship(back_populates="scans")
    evidence: Mapped[Evidence] = relationship()
    author: Mapped[AppUser] = relationship(foreign_keys=[scanned_by])


for _table, _sql in (
    (Document.__table__, KEEP_ISSUED_DOCUMENT),
    (Document.__table__, ISSUED_DOCUMENT_KEPT),
    (DocumentTemplate.__table__, append_only("enforcement.document_template")),
):
    event.listen(_table, "after_create", DDL(_sql))  # type: ignore[no-untyped-call]
