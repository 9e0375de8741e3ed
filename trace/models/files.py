"""Files that people sent. The bytes lie on disk under their SHA-256; a row stands only for bytes that are there, or were let go."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from trace.models.base import Base, uuid_pk


class StoredFile(Base):
    """An original as it came, and the copy without metadata that is shown in its place."""

    __tablename__ = "stored_file"
    __table_args__ = (
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_hex"),
        CheckConstraint("copy_sha256 ~ '^[0-9a-f]{64}$'", name="copy_sha256_hex"),
        CheckConstraint("size > 0", name="size_positive"),
        CheckConstraint("virus IS NULL OR scanned_at IS NOT NULL", name="virus_by_a_scan"),
        Index(
            "ix_stored_file_likeness",
            text("photo_marks(likeness)"),
            postgresql_using="gin",
            postgresql_where=text("likeness IS NOT NULL"),
        ),
        Index(
            "ix_stored_file_unlikened",
            "received_at",
            postgresql_where=text(
                "likened_at IS NULL AND likeness IS NULL AND copy_sha256 IS NOT NULL AND dropped_at IS NULL"
            ),
        ),
        CheckConstraint(
            "scan_gave_up >= 0 AND (scan_gave_up = 0 OR scan_tried_at IS NOT NULL)", name="gave_up_when_tried"
        ),
        Index(
            "ix_stored_file_unscanned",
            text("scan_tried_at NULLS FIRST"),
            "received_at",
            postgresql_where=text("scanned_at IS NULL"),
        ),
    )

    id: Mapped[uuid_pk]
    sha256: Mapped[str] = mapped_column(index=True)
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str]
    name: Mapped[str]
    copy_sha256: Mapped[str | None]
    likeness: Mapped[int | None] = mapped_column(BigInteger)
    """64 bits of how the picture looks (`trace.services.likeness`): alike pictures differ in few of them."""
    likened_at: Mapped[datetime | None]
    """When its likeness was looked for. None: a picture taken in before that was done waits for it (`files.liken_waiting`)."""
    received_at: Mapped[datetime]
    received_from: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    dropped_at: Mapped[datetime | None]
    """When its bytes were let go, because they had done their work. Its name, size and hash stay."""
    scanned_at: Mapped[datetime | None]
    """When a virus scanner last looked at it. None: none has, because there is none or it did not answer."""
    virus: Mapped[str | None]
    """What the scanner called it."""
    scan_tried_at: Mapped[datetime | None]
    """When a scanner was last asked about it in the background (`trace.services.unscanned`)."""
    scan_gave_up: Mapped[int] = mapped_column(server_default=text("0"))
    """How often a scanner did not get to its end."""
