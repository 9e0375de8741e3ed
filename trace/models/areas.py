"""Growing areas with their boundaries and codes, and production sites for what does not grow in a field."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trace.models.base import Base, Revised, bigint_pk, uuid_pk
from trace.models.files import StoredFile
from trace.models.parties import Commune, Party
from trace.models.titles import ProtectionTitle


class GrowingArea(Revised, Base):
    """Land on which a holder grows a title's product. The boundary is WGS 84; the plot itself is never public."""

    __tablename__ = "growing_area"
    __table_args__ = (
        CheckConstraint("ST_IsValid(boundary)", name="boundary_valid"),
        CheckConstraint("declared_ha > 0", name="declared_ha_positive"),
        CheckConstraint("trees > 0", name="trees_positive"),
        CheckConstraint("planted_in BETWEEN 1800 AND 2100", name="planted_in_plausible"),
        Index(None, "boundary", postgresql_using="gist"),
        Index("ix_growing_area_folded", text("fold(name) gin_trgm_ops"), postgresql_using="gin"),
        Index("ix_growing_area_in_order", text('name COLLATE "vi-x-icu"'), "id"),
        UniqueConstraint("holder_id", "name"),
    )

    id: Mapped[uuid_pk]
    title_id: Mapped[UUID] = mapped_column(ForeignKey("protection_title.id"))
    holder_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"), index=True)
    name: Mapped[str]
    commune_code: Mapped[str] = mapped_column(ForeignKey("commune.code"))
    boundary: Mapped[WKBElement] = mapped_column(Geometry("MULTIPOLYGON", srid=4326, spatial_index=False))
    declared_ha: Mapped[Decimal]
    crop: Mapped[str | None]
    variety: Mapped[str | None]
    trees: Mapped[int | None]
    planted_in: Mapped[int | None]
    is_sample: Mapped[bool] = mapped_column(server_default=text("false"))

    title: Mapped[ProtectionTitle] = relationship()
    holder: Mapped[Party] = relationship()
    commune: Mapped[Commune] = relationship()
    codes: Mapped[list[GrowingAreaCode]] = relationship(back_populates="area", order_by="GrowingAreaCode.code")


class AreaCodeStatus(StrEnum):
    """States of a growing-area code for one market."""

    ACTIVE = "active"
    WARNED = "warned"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


class GrowingAreaCode(Base):
    """A code given to an area for one crop and market, over one period of one state. A change of state ends the row and begins another.

    One area has many codes, and the same code may stand in one market while it is suspended in another. `issued_on` and `issuer` say by
    whom the code was given; `document` and `reason` belong to the state of this row.
    """

    __tablename__ = "growing_area_code"
    __table_args__ = (
        CheckConstraint("NOT isempty(valid_during)", name="period_not_empty"),
        ExcludeConstraint(
            ("scheme", "="), ("code", "="), ("market", "="), ("valid_during", "&&"),
            using="gist", name="ex_growing_area_code_one_state",
        ),
        CheckConstraint("status = 'active' OR reason IS NOT NULL", name="reason_unless_active"),
        Index("ix_growing_area_code_folded", text("fold(code) gin_trgm_ops"), postgresql_using="gin"),
        Index("ix_growing_area_code_exact", text("fold(code)"), postgresql_using="hash"),
    )  # fmt: skip

    id: Mapped[bigint_pk]
    area_id: Mapped[UUID] = mapped_column(ForeignKey("growing_area.id"), index=True)
    code: Mapped[str]
    scheme: Mapped[str]
    market: Mapped[str]
    status: Mapped[AreaCodeStatus]
    valid_during: Mapped[Range[date]]
    crop: Mapped[str | None]
    issuer: Mapped[str | None]
    issued_on: Mapped[date | None]
    document: Mapped[str | None]
    file_id: Mapped[UUID | None] = mapped_column(ForeignKey("stored_file.id"))
    """The document itself, where it was sent along."""
    reason: Mapped[str | None]

    area: Mapped[GrowingArea] = relationship(back_populates="codes")
    file: Mapped[StoredFile | None] = relationship()


class SiteKind(StrEnum):
    """What a production site is."""

    VAT = "vat"
    HIVE = "hive"
    BARN = "barn"
    WORKSHOP = "workshop"


class SiteStatus(StrEnum):
    """Whether a site produces."""

    WORKING = "working"
    PAUSED = "paused"
    CLOSED = "closed"


class ProductionSite(Revised, Base):
    """A place of production for what is not a crop: vats, hives, barns, workshops; its capacity bounds a season."""

    __tablename__ = "production_site"
    __table_args__ = (
        CheckConstraint("capacity_g > 0", name="capacity_positive"),
        CheckConstraint("units > 0", name="units_positive"),
        Index(None, "location", postgresql_using="gist"),
        UniqueConstraint("holder_id", "name"),
    )

    id: Mapped[uuid_pk]
    title_id: Mapped[UUID] = mapped_column(ForeignKey("protection_title.id"))
    holder_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"), index=True)
    name: Mapped[str]
    kind: Mapped[SiteKind]
    commune_code: Mapped[str] = mapped_column(ForeignKey("commune.code"))
    location: Mapped[WKBElement] = mapped_column(Geometry("POINT", srid=4326, spatial_index=False))
    capacity_g: Mapped[int] = mapped_column(BigInteger)
    units: Mapped[int | None]
    status: Mapped[SiteStatus] = mapped_column(server_default="working")
    is_sample: Mapped[bool] = mapped_column(server_default=text("false"))

    title: Mapped[ProtectionTitle] = relationship()
    holder: Mapped[Party] = relationship()
    commune: Mapped[Commune] = relationship()
