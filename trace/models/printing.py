"""What is drawn for printing: layouts of one's own, logos, test prints, and files drawn in the background."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trace.models.base import Base, uuid_pk
from trace.models.labels import FIRST_SAMPLE_SERIAL, LAST_SERIAL, LabelOrder
from trace.models.parties import AppUser, Party
from trace.models.titles import Product, ProtectionTitle


class TestPrint(Base):
    """One label drawn to try a printer. Its serial lies above all that are issued, so its code answers as a sample for ever."""

    __tablename__ = "test_print"
    __table_args__ = (
        CheckConstraint(f"sample_serial BETWEEN {FIRST_SAMPLE_SERIAL} AND {LAST_SERIAL}", name="serial_is_reserved"),
        CheckConstraint("length(btrim(printer)) BETWEEN 1 AND 80", name="printer_named"),
        Index(None, "order_id", "made_at"),
    )

    sample_serial: Mapped[int] = mapped_column(
        BigInteger,
        Identity(always=True, start=FIRST_SAMPLE_SERIAL, minvalue=FIRST_SAMPLE_SERIAL, maxvalue=LAST_SERIAL),
        primary_key=True,
    )
    order_id: Mapped[UUID] = mapped_column(ForeignKey("label_order.id"))
    printer: Mapped[str]
    layout: Mapped[str]
    made_at: Mapped[datetime]
    made_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    scanned_at: Mapped[datetime | None]

    order: Mapped[LabelOrder] = relationship()


class DrawingKind(StrEnum):
    """What a file of labels is for: sheets, pictures, roll printers, print shops, or all in one."""

    PDF = "pdf"
    PNG = "png"
    SVG = "svg"
    ZPL = "zpl"
    CSV = "csv"
    XLSX = "xlsx"
    ZIP = "zip"


class DrawingState(StrEnum):
    """How far a file is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class DrawingFault(StrEnum):
    """Why a file could not be drawn."""

    DISK_FULL = "disk_full"
    NOT_WRITTEN = "not_written"
    REFUSED = "refused"
    CRASHED = "crashed"


class Drawing(Base):
    """A file of an order's labels, drawn in the background. The same print and settings give the same bytes."""

    __tablename__ = "drawing"
    __table_args__ = (
        ForeignKeyConstraint(["order_id", "run"], ["print_run.order_id", "print_run.run"]),
        CheckConstraint("done BETWEEN 0 AND total AND total > 0", name="done_within_total"),
        CheckConstraint("(state = 'done') = (sha256 IS NOT NULL)", name="hash_iff_done"),
        CheckConstraint(
            "(sha256 IS NULL) = (size IS NULL) AND (sha256 IS NULL) = (keep_until IS NULL)", name="file_is_whole"
        ),
        CheckConstraint("octet_length(sha256) = 32", name="sha256_whole"),
        CheckConstraint("(state = 'failed') = (fault IS NOT NULL)", name="fault_iff_failed"),
        CheckConstraint("(state IN ('done', 'failed', 'cancelled')) = (finished_at IS NOT NULL)", name="end_has_time"),
        CheckConstraint("(state = 'running') <= (beat_at IS NOT NULL)", name="running_beats"),
        Index(None, "order_id", "asked_at"),
        Index(
            "ix_drawing_open",
            "state",
            "asked_at",
            postgresql_where=text("state IN ('waiting', 'running')"),
        ),
        Index("ix_drawing_kept", "keep_until", postgresql_where=text("removed_at IS NULL AND keep_until IS NOT NULL")),
    )

    id: Mapped[uuid_pk]
    order_id: Mapped[UUID]
    run: Mapped[int] = mapped_column(Integer)
    kind: Mapped[DrawingKind]
    params: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    state: Mapped[DrawingState]
    done: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    total: Mapped[int] = mapped_column(BigInteger)
    tries: Mapped[int] = mapped_column(server_default=text("0"))
    asked_at: Mapped[datetime]
    asked_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    started_at: Mapped[datetime | None]
    beat_at: Mapped[datetime | None]
    """When the worker last showed that it is alive."""
    finished_at: Mapped[datetime | None]
    name: Mapped[str]
    """How the file is called when it is downloaded."""
    sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    size: Mapped[int | None] = mapped_column(BigInteger)
    keep_until: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    fault: Mapped[DrawingFault | None]

    order: Mapped[LabelOrder] = relationship(
        foreign_keys="Drawing.order_id", primaryjoin="Drawing.order_id == LabelOrder.id"
    )
    asker: Mapped[AppUser] = relationship()


class LabelLayout(Base):
    """A layout of a holder's own. A row never changes: saving it anew makes the next version, so that old prints stay as they were."""

    __tablename__ = "label_layout"
    __table_args__ = (
        CheckConstraint("length(btrim(name)) BETWEEN 1 AND 80", name="name_present"),
        CheckConstraint("version > 0", name="version_positive"),
        CheckConstraint("(retired_at IS NULL) = (retired_by IS NULL)", name="retired_by_somebody"),
        Index("uq_label_layout_version", "holder_id", "name", "version", unique=True),
        Index("uq_label_layout_name", "holder_id", "name", unique=True, postgresql_where=text("retired_at IS NULL")),
    )

    id: Mapped[uuid_pk]
    holder_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    name: Mapped[str]
    product_id: Mapped[UUID | None] = mapped_column(ForeignKey("product.id"), index=True)
    data: Mapped[dict[str, Any]]
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    retired_at: Mapped[datetime | None]
    retired_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))

    holder: Mapped[Party] = relationship()
    product: Mapped[Product | None] = relationship()
    author: Mapped[AppUser] = relationship(foreign_keys=[created_by])


class LabelLogo(Base):
    """The sign printed on a holder's labels of a title, as a small picture made anew from what was uploaded."""

    __tablename__ = "label_logo"
    __table_args__ = (
        CheckConstraint("octet_length(picture) BETWEEN 1 AND 1048576", name="picture_small"),
        Index(
            "uq_label_logo_in_use", "holder_id", "title_id", unique=True, postgresql_where=text("retired_at IS NULL")
        ),
    )

    id: Mapped[uuid_pk]
    holder_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    title_id: Mapped[UUID] = mapped_column(ForeignKey("protection_title.id"), index=True)
    picture: Mapped[bytes] = mapped_column(LargeBinary)
    """PNG."""
    width_px: Mapped[int]
    height_px: Mapped[int]
    added_at: Mapped[datetime]
    added_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    retired_at: Mapped[datetime | None]

    title: Mapped[ProtectionTitle] = relationship()
