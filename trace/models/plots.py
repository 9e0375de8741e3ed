"""What belongs to a growing area: the boundaries it had before, the parcels it consists of, the households that farm it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.dialects.postgresql import ExcludeConstraint, Range
from sqlalchemy.dialects.postgresql.ranges import TSTZRANGE
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trace.models.areas import GrowingArea
from trace.models.base import Base, bigint_pk
from trace.models.parties import AppUser


class PastBoundary(Base):
    """A boundary that an area had until it was redrawn. The present one stands with the area itself.

    The first one has no beginning: it stood from the day on which the area was recorded.
    """

    __tablename__ = "past_boundary"
    __table_args__ = (
        CheckConstraint("ST_IsValid(boundary)", name="boundary_valid"),
        CheckConstraint("NOT isempty(stood_during) AND NOT upper_inf(stood_during)", name="period_ended"),
        CheckConstraint("measured_ha > 0", name="measured_positive"),
        ExcludeConstraint(
            ("area_id", "="), ("stood_during", "&&"), using="gist", name="ex_past_boundary_one_at_a_time"
        ),
    )

    id: Mapped[bigint_pk]
    area_id: Mapped[UUID] = mapped_column(ForeignKey("growing_area.id"), index=True)
    boundary: Mapped[WKBElement] = mapped_column(Geometry("MULTIPOLYGON", srid=4326, spatial_index=False))
    measured_ha: Mapped[Decimal]
    stood_during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    redrawn_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))

    redrawer: Mapped[AppUser] = relationship()


class AreaParcel(Base):
    """A cadastral parcel of an area: map sheet and parcel number are unique within a commune, so each belongs to one area."""

    __tablename__ = "area_parcel"
    __table_args__ = (
        CheckConstraint("map_sheet ~ '^[0-9A-Za-zĐđ./-]{1,20}$'", name="map_sheet_form"),
        CheckConstraint("parcel_number ~ '^[0-9A-Za-zĐđ./-]{1,20}$'", name="parcel_number_form"),
        CheckConstraint("square_metres > 0 AND square_metres <= 10000000", name="size_plausible"),
        UniqueConstraint("area_id", "map_sheet", "parcel_number"),
    )

    id: Mapped[bigint_pk]
    area_id: Mapped[UUID] = mapped_column(ForeignKey("growing_area.id"))
    map_sheet: Mapped[str]
    parcel_number: Mapped[str]
    certificate_number: Mapped[str | None]
    square_metres: Mapped[Decimal]

    area: Mapped[GrowingArea] = relationship()


class AreaHousehold(Base):
    """A household that farms a part of an area. The name is personal data: staff within reach only."""

    __tablename__ = "area_household"
    __table_args__ = (
        CheckConstraint("length(btrim(name)) BETWEEN 1 AND 120", name="name_present"),
        CheckConstraint("square_metres > 0 AND square_metres <= 10000000", name="size_plausible"),
        CheckConstraint("trees > 0", name="trees_positive"),
        UniqueConstraint("area_id", "name"),
    )

    id: Mapped[bigint_pk]
    area_id: Mapped[UUID] = mapped_column(ForeignKey("growing_area.id"))
    name: Mapped[str]
    square_metres: Mapped[Decimal]
    trees: Mapped[int | None]
    member_id: Mapped[UUID | None] = mapped_column(ForeignKey("party.id"), index=True)
    """The member of the holder that this household is, once somebody has said so."""

    area: Mapped[GrowingArea] = relationship()
