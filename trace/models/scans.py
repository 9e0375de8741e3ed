"""What people's phones asked: scans, kept by month, looks at shared codes, answers to the comparison, opened labels, places told.

What must not live here: an address, an agent, or a position sharper than a cell.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trace.models.base import Base, bigint_pk, uuid_pk
from trace.models.parties import AppUser, Commune, Party


class VerdictKind(StrEnum):
    """What the page says of a label. It speaks of the label, never of the goods."""

    VALID = "valid"
    SUSPECTED_COPY = "suspected_copy"
    NOT_ACTIVATED = "not_activated"
    VOIDED = "voided"
    EXPIRED = "expired"
    HOLDER_SUSPENDED = "holder_suspended"
    RECALLED = "recalled"
    UNKNOWN = "unknown"
    MALFORMED = "malformed"
    LOT_CODE = "lot_code"
    SAMPLE = "sample"
    NOT_CHECKED = "not_checked"


class ScanKind(StrEnum):
    """Whether a person looked. Only `real` scans count; the rest is kept apart from them."""

    REAL = "real"
    RELOAD = "reload"
    PREVIEW = "preview"
    CUSTODY = "custody"


class ScanChannel(StrEnum):
    """How the code came to us."""

    QR = "qr"
    IN_APP = "in_app"
    """Through the browser inside another app, such as the scanner of Zalo."""
    TYPED = "typed"
    API = "api"
    STAFF = "staff"


class Scan(Base):
    """One answer given. The device is a hash under a salt that changes every day; no address or agent is kept."""

    __tablename__ = "scan"
    __table_args__ = (
        CheckConstraint("octet_length(device) = 12", name="device_is_short_hash"),
        Index(None, "serial", "at"),
        Index(None, "at", postgresql_using="brin", postgresql_with={"pages_per_range": 16, "autosummarize": True}),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    at: Mapped[datetime] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    serial: Mapped[int] = mapped_column(BigInteger)
    verdict: Mapped[VerdictKind]
    kind: Mapped[ScanKind]
    channel: Mapped[ScanChannel]
    device: Mapped[bytes] = mapped_column(LargeBinary)
    commune_code: Mapped[str | None]
    province: Mapped[int | None] = mapped_column(SmallInteger)


class BusyLabel(Base):
    """A label that many looked at: the sum of its real looks up to a moment. Later ones are counted one by one."""

    __tablename__ = "busy_label"

    serial: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    folded_to: Mapped[datetime]
    checks: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[datetime | None]


class BusyHour(Base):
    """Real looks at a busy label within an hour. Within a day a phone counts once, so phones can be added up."""

    __tablename__ = "busy_hour"

    serial: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    checks: Mapped[int]
    devices: Mapped[int]
    provinces: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))


class BusyDevice(Base):
    """A phone that looked at a busy label within a day, so that its next look is known for a reload."""

    __tablename__ = "busy_device"
    __table_args__ = (Index(None, "at"),)

    serial: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    device: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    at: Mapped[datetime]


class ComparisonAnswer(StrEnum):
    """What a buyer says after comparing the three points."""

    MATCH = "match"
    DIFFERS = "differs"
    CANNOT = "cannot"


class Comparison(Base):
    """A buyer's answer to the comparison of one label. One per device and day; a later answer replaces the earlier."""

    __tablename__ = "comparison"
    __table_args__ = (
        CheckConstraint("octet_length(device) = 12", name="device_is_short_hash"),
        CheckConstraint("1 <= ALL (differs_in) AND 5 >= ALL (differs_in)", name="differs_in_range"),
        CheckConstraint("cardinality(differs_in) = 0 OR answer = 'differs'", name="differs_in_iff_differs"),
        Index("uq_comparison_serial_device", "serial", "device", unique=True),
    )

    id: Mapped[bigint_pk]
    serial: Mapped[int] = mapped_column(BigInteger)
    device: Mapped[bytes] = mapped_column(LargeBinary)
    answer: Mapped[ComparisonAnswer]
    differs_in: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger), server_default=text("'{}'"))
    """Which of the points shown did not match, by their place on the page."""
    at: Mapped[datetime]


class LotLook(Base):
    """An answer given to a code that all packs of a lot share. Such looks are never held against anything."""

    __tablename__ = "lot_look"
    __table_args__ = (
        CheckConstraint("octet_length(device) = 12", name="device_is_short_hash"),
        Index(None, "lot_id", "at"),
    )

    id: Mapped[bigint_pk]
    at: Mapped[datetime]
    lot_id: Mapped[UUID] = mapped_column(ForeignKey("lot.id"))
    verdict: Mapped[VerdictKind]
    kind: Mapped[ScanKind]
    channel: Mapped[ScanChannel]
    device: Mapped[bytes] = mapped_column(LargeBinary)


class LabelOpening(Base):
    """The first right entry of the six digits under a label's scratch layer: once a label, for ever."""

    __tablename__ = "label_opening"
    __table_args__ = (CheckConstraint("octet_length(device) = 12", name="device_is_short_hash"),)

    serial: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    device: Mapped[bytes] = mapped_column(LargeBinary)


class HiddenCodeTry(Base):
    """A wrong entry of hidden digits, kept for a day, so that a million cannot be tried. What was entered is not kept."""

    __tablename__ = "hidden_code_try"
    __table_args__ = (Index(None, "serial", "at"),)

    id: Mapped[bigint_pk]
    serial: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]


class PlaceTold(StrEnum):
    """How somebody told where they were (never shown)."""

    CELL = "cell"
    CHOSEN = "chosen"


class ScanPosition(Base):
    """Where somebody who agreed to it was when looking at a label: a cell of 0.05 degrees or a commune, never a point.

    Cells are counted from the equator and the meridian of Greenwich; the phone rounds before it sends. What is withdrawn keeps no
    place, label or device. Past its period only the province is left.
    """

    __tablename__ = "scan_position"
    __table_args__ = (
        CheckConstraint("octet_length(device) = 12", name="device_is_short_hash"),
        CheckConstraint("octet_length(secret_hash) = 32", name="secret_hash_is_sha256"),
        CheckConstraint("num_nonnulls(cell_row, cell_column) <> 1", name="cell_whole"),
        CheckConstraint("cell_row BETWEEN -1800 AND 1799 AND cell_column BETWEEN -3600 AND 3599", name="cell_on_earth"),
        CheckConstraint(
            "withdrawn_at IS NULL OR num_nonnulls(serial, device, cell_row, cell_column, commune_code, province) = 0",
            name="nothing_left_when_withdrawn",
        ),
        CheckConstraint(
            "withdrawn_at IS NOT NULL OR num_nonnulls(serial, device, province) = 3", name="placed_unless_withdrawn"
        ),
        CheckConstraint(
            "reduced_at IS NULL OR num_nonnulls(cell_row, cell_column, commune_code) = 0", name="province_only_when_reduced"
        ),
        UniqueConstraint("serial", "device"),
        Index(None, "serial", "at"),
        Index("ix_scan_position_sharp", "at", postgresql_where=text("reduced_at IS NULL AND withdrawn_at IS NULL")),
    )  # fmt: skip

    id: Mapped[uuid_pk]
    serial: Mapped[int | None] = mapped_column(BigInteger)
    device: Mapped[bytes | None] = mapped_column(LargeBinary)
    at: Mapped[datetime]
    looked_at: Mapped[datetime | None]
    """When the device looked at the label, of which this tells the place."""
    told: Mapped[PlaceTold]
    cell_row: Mapped[int | None] = mapped_column(SmallInteger)
    cell_column: Mapped[int | None] = mapped_column(SmallInteger)
    commune_code: Mapped[str | None] = mapped_column(ForeignKey("commune.code"))
    province: Mapped[int | None] = mapped_column(SmallInteger)
    consent_version: Mapped[str]
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    reduced_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]

    commune: Mapped[Commune | None] = relationship()


class CustodyScan(Base):
    """A label seen by somebody of the trade at work: who, for which organisation, and in which commune that is."""

    __tablename__ = "custody_scan"
    __table_args__ = (Index(None, "serial", "at"), Index(None, "party_id", "at"))

    id: Mapped[bigint_pk]
    at: Mapped[datetime]
    serial: Mapped[int] = mapped_column(BigInteger)
    verdict: Mapped[VerdictKind]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    party_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    commune_code: Mapped[str | None] = mapped_column(ForeignKey("commune.code"))

    person: Mapped[AppUser] = relationship()
    party: Mapped[Party] = relationship()
    commune: Mapped[Commune | None] = relationship()


class DeviceSalt(Base):
    """The salt of one day. When the day's row is deleted, its device hashes can be linked to nobody."""

    __tablename__ = "device_salt"
    __table_args__ = (CheckConstraint("octet_length(salt) = 32", name="salt_is_long"),)

    day: Mapped[str] = mapped_column(primary_key=True)
    salt: Mapped[bytes] = mapped_column(LargeBinary)


class UnknownCode(Base):
    """How often codes with a right tag but a serial that was never issued were asked for, by hour.

    Nobody can make such a code without a stolen key, so any row here is an incident for the administrator.
    """

    __tablename__ = "unknown_code"

    hour: Mapped[datetime] = mapped_column(primary_key=True)
    asked: Mapped[int] = mapped_column(BigInteger)
    told: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """How many of these an incident counts already."""


class CopyRule(Base):
    """When many scans become "may have been copied": dated, so that a past answer can be explained.

    A label is suspect with more than `devices` devices within `days` days in at least `provinces` provinces, or when more than
    `after_opening` other devices look at it within `days` days although its scratch layer was opened before, or when two devices told
    places that nobody gets between at `travel_kmh`. Null: not asked.
    """

    __tablename__ = "copy_rule"
    __table_args__ = (
        CheckConstraint("devices > 1 AND days > 0 AND provinces > 0", name="limits_positive"),
        CheckConstraint("after_opening > 0", name="after_opening_positive"),
        CheckConstraint("travel_kmh > 0", name="travel_kmh_positive"),
    )

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    valid_from: Mapped[datetime]
    devices: Mapped[int]
    days: Mapped[int]
    provinces: Mapped[int]
    after_opening: Mapped[int | None]
    travel_kmh: Mapped[int | None]
