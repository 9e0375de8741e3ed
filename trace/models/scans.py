"""What people's phones asked: scans, kept by month, and the answers to the comparison."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from trace.models.base import Base, bigint_pk


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
        Index("uq_comparison_serial_device", "serial", "device", unique=True),
    )

    id: Mapped[bigint_pk]
    serial: Mapped[int] = mapped_column(BigInteger)
    device: Mapped[bytes] = mapped_column(LargeBinary)
    answer: Mapped[ComparisonAnswer]
    at: Mapped[datetime]


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


class CopyRule(Base):
    """When many scans become "may have been copied": dated, so that a past answer can be explained.

    A label is suspect with more than `devices` devices within `days` days in at least `provinces` provinces.
    """

    __tablename__ = "copy_rule"
    __table_args__ = (CheckConstraint("devices > 1 AND days > 0 AND provinces > 0", name="limits_positive"),)

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    valid_from: Mapped[datetime]
    devices: Mapped[int]
    days: Mapped[int]
    provinces: Mapped[int]
