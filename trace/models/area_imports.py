"""Files of growing areas that people bring in: what was chosen for each, and its areas as they wait to be taken over."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trace.models.base import Base, uuid_pk
from trace.models.files import StoredFile
from trace.models.parties import AppUser, Party
from trace.models.titles import ProtectionTitle


class GeoKind(StrEnum):
    """The kinds of files that boundaries are read from (never shown)."""

    GEOJSON = "geojson"
    KML = "kml"
    KMZ = "kmz"
    GPX = "gpx"
    SHAPEFILE = "shapefile"
    CSV = "csv"
    XLSX = "xlsx"


class ImportState(StrEnum):
    """How far an import is."""

    OPEN = "open"
    DONE = "done"
    GIVEN_UP = "given_up"


class AreaImport(Base):
    """A file of areas, brought in once. It stays as the proof of where its areas come from; its rows go once it is done."""

    __tablename__ = "area_import"
    __table_args__ = (
        CheckConstraint("total >= 0 AND faulty BETWEEN 0 AND total AND taken BETWEEN 0 AND total", name="counts_fit"),
        CheckConstraint("(state = 'open') = (finished_at IS NULL)", name="end_has_time"),
        CheckConstraint("(finished_at IS NULL) = (finished_by IS NULL)", name="end_has_person"),
        CheckConstraint("state = 'done' OR taken = 0", name="taken_when_done"),
        Index(None, "asked_by", "asked_at"),
    )

    id: Mapped[uuid_pk]
    title_id: Mapped[UUID] = mapped_column(ForeignKey("protection_title.id"), index=True)
    holder_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"), index=True)
    """For whom, unless a column of the file names others."""
    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_file.id"))
    kind: Mapped[GeoKind]
    choices: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """How the file is to be read: coordinate system, order of axes, and which column is what."""
    columns: Mapped[list[Any]] = mapped_column(JSONB)
    """Name and an example of each column."""
    fault: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """Why nothing could be made of the file as it was to be read."""
    state: Mapped[ImportState] = mapped_column(server_default=ImportState.OPEN.value)
    total: Mapped[int] = mapped_column(server_default="0")
    faulty: Mapped[int] = mapped_column(server_default="0")
    remarked: Mapped[int] = mapped_column(server_default="0")
    taken: Mapped[int] = mapped_column(server_default="0")
    asked_at: Mapped[datetime]
    asked_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    checked_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    finished_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))

    title: Mapped[ProtectionTitle] = relationship()
    holder: Mapped[Party] = relationship()
    file: Mapped[StoredFile] = relationship()
    asker: Mapped[AppUser] = relationship(foreign_keys=[asked_by])


class AreaImportRow(Base):
    """One area of a file that waits. Its boundary may be anything but empty; only rows without faults can be taken over."""

    __tablename__ = "area_import_row"
    __table_args__ = (
        CheckConstraint("row_no > 0", name="row_no_positive"),
        CheckConstraint(
            "jsonb_array_length(faults) > 0 OR (boundary IS NOT NULL AND declared_ha > 0 AND commune_code IS NOT NULL)",
            name="whole_unless_faulty",
        ),
    )

    import_id: Mapped[UUID] = mapped_column(ForeignKey("area_import.id", ondelete="CASCADE"), primary_key=True)
    row_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    holder_id: Mapped[UUID | None]
    commune_code: Mapped[str | None]
    declared_ha: Mapped[Decimal | None]
    measured_ha: Mapped[float | None]
    crop: Mapped[str | None]
    variety: Mapped[str | None]
    trees: Mapped[int | None]
    planted_in: Mapped[int | None]
    code: Mapped[str | None]
    market: Mapped[str | None]
    issued_on: Mapped[date | None]
    boundary: Mapped[WKBElement | None] = mapped_column(Geometry("MULTIPOLYGON", srid=4326, spatial_index=False))
    faults: Mapped[list[Any]] = mapped_column(JSONB)
    remarks: Mapped[list[Any]] = mapped_column(JSONB)
