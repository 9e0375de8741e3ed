"""Evidence, who had it in hand, copies with parts made unreadable, alarms, and the bundles that leave the house."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import BigInteger, CheckConstraint, FetchedValue, ForeignKey, Index, UniqueConstraint, event, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from enforcement.models.base import DESK
from enforcement.models.evidence_sql import attach
from trace.models.base import Base, bigint_pk, uuid_pk
from trace.models.files import StoredFile
from trace.models.parties import AppUser


class CustodyDeed(StrEnum):
    """What was done with a piece of evidence. A transfer is two of them: offered by the keeper, received by another person.

    Where the keeper has left, a head offers it in their stead (`REASSIGNED`).
    """

    TAKEN = "taken"
    VIEWED = "viewed"
    FETCHED = "fetched"
    OFFERED = "offered"
    RECEIVED = "received"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    REASSIGNED = "reassigned"
    REDACTED = "redacted"
    BUNDLED = "bundled"


class AlarmKind(StrEnum):
    """What is wrong with a piece of evidence."""

    BYTES = "bytes"
    CUSTODY = "custody"
    FOLIO = "folio"
    VIRUS = "virus"


class BundleState(StrEnum):
    """A bundle waits for the worker, is made, or could not be made."""

    WAITING = "waiting"
    MADE = "made"
    FAILED = "failed"


class Evidence(Base):
    """A file taken into a case under a folio number that is given once and never reused.

    The row never changes and never goes. Only the five columns that repeat the end of its custody follow that, by trigger.
    """

    __tablename__ = "evidence"
    __table_args__ = (
        UniqueConstraint("case_id", "folio"),
        UniqueConstraint("case_id", "file_id"),
        CheckConstraint("folio > 0", name="folio_positive"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_hex"),
        CheckConstraint(
            "accuracy_m >= 0 AND (accuracy_m IS NULL OR location IS NOT NULL)", name="accuracy_of_location"
        ),
        Index(None, "offered_to_id", postgresql_where=text("offered_to_id IS NOT NULL")),
        DESK,
    )

    id: Mapped[uuid_pk]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_file.id"))
    folio: Mapped[int]
    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_file.id"), index=True)
    sha256: Mapped[str]
    title: Mapped[str]
    origin: Mapped[str]
    taken_at: Mapped[datetime]
    taken_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    place: Mapped[str | None]
    location: Mapped[WKBElement | None] = mapped_column(Geometry("POINT", srid=4326, spatial_index=False))
    accuracy_m: Mapped[int | None]
    device: Mapped[str | None]
    added_at: Mapped[datetime]
    added_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    custody_seq: Mapped[int] = mapped_column(server_default=text("0"))
    custody_digest: Mapped[str] = mapped_column(server_default=text("''"))
    custody_at: Mapped[datetime | None]
    keeper_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    offered_to_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))

    file: Mapped[StoredFile] = relationship()
    adder: Mapped[AppUser] = relationship(foreign_keys=[added_by])
    taker: Mapped[AppUser | None] = relationship(foreign_keys=[taken_by])
    keeper: Mapped[AppUser | None] = relationship(foreign_keys=[keeper_id])
    offered_to: Mapped[AppUser | None] = relationship(foreign_keys=[offered_to_id])
    custody: Mapped[list[CustodyEvent]] = relationship(order_by="CustodyEvent.seq")
    redactions: Mapped[list[Redaction]] = relationship(back_populates="evidence", order_by="Redaction.number")


class CustodyEvent(Base):
    """One step in the custody of a piece of evidence. Append-only; a trigger gives each the digest of itself and the one before."""

    __tablename__ = "custody_event"
    __table_args__ = (UniqueConstraint("evidence_id", "seq"), DESK)

    id: Mapped[bigint_pk]
    evidence_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.evidence.id"))
    seq: Mapped[int]
    deed: Mapped[CustodyDeed]
    at: Mapped[datetime]
    by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    other_id: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    """The other side of a transfer."""
    keeper_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"), server_default=FetchedValue())
    """Who has it in hand after this step."""
    place: Mapped[str | None]
    """Where it is kept from a transfer on."""
    sha256_seen: Mapped[str]
    note: Mapped[str | None]
    prev_digest: Mapped[str] = mapped_column(server_default=FetchedValue())
    digest: Mapped[str] = mapped_column(server_default=FetchedValue())

    author: Mapped[AppUser] = relationship(foreign_keys=[by])
    other: Mapped[AppUser | None] = relationship(foreign_keys=[other_id])
    keeper: Mapped[AppUser] = relationship(foreign_keys=[keeper_id])


class Redaction(Base):
    """A copy of a piece of evidence with parts made unreadable for good. The original stays as it is. Append-only."""

    __tablename__ = "redaction"
    __table_args__ = (
        UniqueConstraint("evidence_id", "number"),
        CheckConstraint("number > 0", name="number_positive"),
        CheckConstraint("length(btrim(reason)) BETWEEN 1 AND 4000", name="reason_present"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_hex"),
        CheckConstraint("brought = (jsonb_array_length(areas) = 0)", name="areas_unless_brought"),
        CheckConstraint("brought OR NOT redrawn", name="redrawn_if_brought"),
        DESK,
    )

    id: Mapped[uuid_pk]
    evidence_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.evidence.id"))
    number: Mapped[int]
    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_file.id"), index=True)
    sha256: Mapped[str]
    areas: Mapped[list[Any]] = mapped_column(JSONB)
    """Rectangles in percent of the picture: left, top, width, height."""
    brought: Mapped[bool]
    """Made outside and brought here, as for PDF and video."""
    redrawn: Mapped[bool] = mapped_column(server_default=text("false"))
    """A picture that was brought and drawn anew here. Those brought before this was done lie there as they came."""
    reason: Mapped[str]
    made_at: Mapped[datetime]
    made_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))

    file: Mapped[StoredFile] = relationship()
    evidence: Mapped[Evidence] = relationship(back_populates="redactions")
    maker: Mapped[AppUser] = relationship()

    @property
    def drawn_here(self) -> bool:
        """Whether it holds nothing but dots that were drawn here, so that it can be shown in a page and hides nothing."""
        return self.redrawn or not self.brought


class EvidenceAlarm(Base):
    """Something found wrong with evidence, once a day and kind. It names case and folio, so that it outlives what it speaks of."""

    __tablename__ = "evidence_alarm"
    __table_args__ = (UniqueConstraint("case_id", "folio", "kind", "detail", "found_on"), DESK)

    id: Mapped[bigint_pk]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_file.id"))
    folio: Mapped[int]
    kind: Mapped[AlarmKind]
    detail: Mapped[str]
    found_at: Mapped[datetime]
    found_on: Mapped[date]


class CustodyWatch(Base):
    """How far the look at all chains of custody has come: one row."""

    __tablename__ = "custody_watch"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"), DESK)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, server_default=text("1"))
    seen_xid: Mapped[int] = mapped_column(BigInteger)
    """What transactions before this one wrote has been looked at."""
    good_at: Mapped[datetime]
    """When a look last came to its end."""
    late_told_at: Mapped[datetime | None]
    """When it was told that no look has come to its end for too long; empty again after the next good one."""


class CaseBundle(Base):
    """A case as one ZIP that a stranger can verify: who asked for it and why, and the number that he compares."""

    __tablename__ = "case_bundle"
    __table_args__ = (
        UniqueConstraint("case_id", "number"),
        CheckConstraint("number > 0", name="number_positive"),
        CheckConstraint("length(btrim(reason)) BETWEEN 1 AND 4000", name="reason_present"),
        CheckConstraint(
            "(state = 'made') = (num_nonnulls(made_at, sha256, sums_sha256, size, files) = 5)", name="whole_when_made"
        ),
        CheckConstraint("(state = 'failed') = (fault IS NOT NULL)", name="fault_when_failed"),
        Index(None, "asked_at", postgresql_where=text("state = 'waiting'")),
        DESK,
    )

    id: Mapped[uuid_pk]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.case_file.id"))
    number: Mapped[int]
    shared: Mapped[bool]
    """Redacted copies stand in for the originals that have one."""
    reason: Mapped[str]
    asked_at: Mapped[datetime]
    asked_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    state: Mapped[BundleState]
    taken_up_at: Mapped[datetime | None]
    made_at: Mapped[datetime | None]
    size: Mapped[int | None] = mapped_column(BigInteger)
    files: Mapped[int | None]
    sha256: Mapped[str | None]
    sums_sha256: Mapped[str | None]
    fault: Mapped[str | None]

    asker: Mapped[AppUser] = relationship()


for _table, _ddl in attach():
    event.listen(Base.metadata.tables[f"enforcement.{_table}"], "after_create", _ddl)
