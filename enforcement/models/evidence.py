"""Evidence and who had it in hand."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from enforcement.models.base import DESK
from trace.models.base import Base, bigint_pk, uuid_pk
from trace.models.files import StoredFile
from trace.models.parties import AppUser


class Evidence(Base):
    """A file taken into a case under a folio number that is given once and never reused."""

    __tablename__ = "evidence"
    __table_args__ = (
        UniqueConstraint("case_id", "folio"),
        UniqueConstraint("case_id", "file_id"),
        CheckConstraint("folio > 0", name="folio_positive"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_hex"),
        DESK,
    )

    id: Mapped[uuid_pk]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_file.id"))
    folio: Mapped[int]
    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_file.id"))
    sha256: Mapped[str]
    title: Mapped[str]
    origin: Mapped[str]
    taken_at: Mapped[datetime]
    taken_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    added_at: Mapped[datetime]
    added_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))

    file: Mapped[StoredFile] = relationship()
    adder: Mapped[AppUser] = relationship(foreign_keys=[added_by])
    custody: Mapped[list[CustodyEvent]] = relationship(order_by="CustodyEvent.seq")


class CustodyEvent(Base):
    """One step in the custody of a piece of evidence: taken in, viewed, handed on. Append-only, no gaps in `seq`."""

    __tablename__ = "custody_event"
    __table_args__ = (UniqueConstraint("evidence_id", "seq"), DESK)

    id: Mapped[bigint_pk]
    evidence_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.evidence.id"))
    seq: Mapped[int]
    deed: Mapped[str]
    at: Mapped[datetime]
    by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    sha256_seen: Mapped[str]
    note: Mapped[str | None]

    author: Mapped[AppUser] = relationship()
