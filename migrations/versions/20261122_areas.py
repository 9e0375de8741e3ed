"""Areas with crop, versions of the boundary, parcels and households; VN-2000 zones; code histories."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision: str = "20261122_areas"
down_revision: str | None = "20261122_applications"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply the change."""
    _areas_and_codes()
    _zones_and_imports()


def downgrade() -> None:
    """Take it back."""
    _without_zones_and_imports()
    _without_areas_and_codes()


# ------------------------------------------------------------------------------------------------ areas and their codes


def _areas_and_codes() -> None:
    """Crop and trees of an area, its past boundaries, parcels and households; whence a code came; whether a site works."""
    op.add_column("growing_area", sa.Column("crop", sa.Text(), nullable=True))
    op.add_column("growing_area", sa.Column("variety", sa.Text(), nullable=True))
    op.add_column("growing_area", sa.Column("trees", sa.Integer(), nullable=True))
    op.add_column("growing_area", sa.Column("planted_in", sa.Integer(), nullable=True))
    op.create_check_constraint(op.f("ck_growing_area_trees_positive"), "growing_area", "trees > 0")
    op.create_check_constraint(
        op.f("ck_growing_area_planted_in_plausible"), "growing_area", "planted_in BETWEEN 1800 AND 2100"
    )
    # The lists find them by name without diacritics among ten thousands.
    op.create_index(
        "ix_growing_area_folded", "growing_area", [sa.text("fold(name) gin_trgm_ops")], postgresql_using="gin"
    )
    op.create_index("ix_growing_area_in_order", "growing_area", [sa.text('name COLLATE "vi-x-icu"'), "id"])
    op.create_index(
        "ix_growing_area_code_folded", "growing_area_code", [sa.text("fold(code) gin_trgm_ops")], postgresql_using="gin"
    )
    for column in ("crop", "issuer", "document", "reason"):
        op.add_column("growing_area_code", sa.Column(column, sa.Text(), nullable=True))
    op.add_column("growing_area_code", sa.Column("issued_on", sa.Date(), nullable=True))
    op.add_column("growing_area_code", sa.Column("file_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_growing_area_code_file_id_stored_file"), "growing_area_code", "stored_file", ["file_id"], ["id"]
    )
    op.execute("UPDATE growing_area_code SET reason = '–' WHERE status <> 'active'")
    op.create_check_constraint(
        op.f("ck_growing_area_code_reason_unless_active"),
        "growing_area_code",
        "status = 'active' OR reason IS NOT NULL",
    )
    op.add_column("production_site", sa.Column("units", sa.Integer(), nullable=True))
    status = sa.Enum(
        "working", "paused", "closed", name="sitestatus", native_enum=False, create_constraint=True, length=40
    )
    op.add_column("production_site", sa.Column("status", status, server_default="working", nullable=False))
    op.create_check_constraint(op.f("ck_production_site_units_positive"), "production_site", "units > 0")
    op.create_table(
        "past_boundary",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.Column("boundary", Geometry("MULTIPOLYGON", srid=4326, spatial_index=False), nullable=False),
        sa.Column("measured_ha", sa.Numeric(), nullable=False),
        sa.Column("stood_during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("redrawn_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("ST_IsValid(boundary)", name=op.f("ck_past_boundary_boundary_valid")),
        sa.CheckConstraint(
            "NOT isempty(stood_during) AND NOT upper_inf(stood_during)", name=op.f("ck_past_boundary_period_ended")
        ),
        sa.CheckConstraint("measured_ha > 0", name=op.f("ck_past_boundary_measured_positive")),
        sa.ForeignKeyConstraint(["area_id"], ["growing_area.id"], name=op.f("fk_past_boundary_area_id_growing_area")),
        sa.ForeignKeyConstraint(["redrawn_by"], ["app_user.id"], name=op.f("fk_past_boundary_redrawn_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_past_boundary")),
        postgresql.ExcludeConstraint(
            (sa.column("area_id"), "="), (sa.column("stood_during"), "&&"), using="gist", name="ex_past_boundary_one_at_a_time",
        ),
    )  # fmt: skip
    op.create_index(op.f("ix_past_boundary_area_id"), "past_boundary", ["area_id"])
    size = "square_metres > 0 AND square_metres <= 10000000"
    op.create_table(
        "area_parcel",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.Column("map_sheet", sa.Text(), nullable=False),
        sa.Column("parcel_number", sa.Text(), nullable=False),
        sa.Column("certificate_number", sa.Text(), nullable=True),
        sa.Column("square_metres", sa.Numeric(), nullable=False),
        sa.CheckConstraint("map_sheet ~ '^[0-9A-Za-zĐđ./-]{1,20}$'", name=op.f("ck_area_parcel_map_sheet_form")),
        sa.CheckConstraint(
            "parcel_number ~ '^[0-9A-Za-zĐđ./-]{1,20}$'", name=op.f("ck_area_parcel_parcel_number_form")
        ),
        sa.CheckConstraint(size, name=op.f("ck_area_parcel_size_plausible")),
        sa.ForeignKeyConstraint(["area_id"], ["growing_area.id"], name=op.f("fk_area_parcel_area_id_growing_area")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_area_parcel")),
        sa.UniqueConstraint(
            "area_id", "map_sheet", "parcel_number", name=op.f("uq_area_parcel_area_id_map_sheet_parcel_number")
        ),
    )
    op.create_table(
        "area_household",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("square_metres", sa.Numeric(), nullable=False),
        sa.Column("trees", sa.Integer(), nullable=True),
        sa.CheckConstraint("length(btrim(name)) BETWEEN 1 AND 120", name=op.f("ck_area_household_name_present")),
        sa.CheckConstraint(size, name=op.f("ck_area_household_size_plausible")),
        sa.CheckConstraint("trees > 0", name=op.f("ck_area_household_trees_positive")),
        sa.ForeignKeyConstraint(["area_id"], ["growing_area.id"], name=op.f("fk_area_household_area_id_growing_area")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_area_household")),
        sa.UniqueConstraint("area_id", "name", name=op.f("uq_area_household_area_id_name")),
    )


def _without_areas_and_codes() -> None:
    """The way back from the above."""
    op.drop_table("area_household")
    op.drop_table("area_parcel")
    op.drop_table("past_boundary")
    op.drop_constraint(op.f("ck_production_site_units_positive"), "production_site")
    op.drop_column("production_site", "status")
    op.drop_column("production_site", "units")
    op.drop_constraint(op.f("ck_growing_area_code_reason_unless_active"), "growing_area_code")
    for column in ("file_id", "issued_on", "reason", "document", "issuer", "crop"):
        op.drop_column("growing_area_code", column)
    op.drop_index("ix_growing_area_code_folded", "growing_area_code")
    op.drop_index("ix_growing_area_in_order", "growing_area")
    op.drop_index("ix_growing_area_folded", "growing_area")
    op.drop_constraint(op.f("ck_growing_area_planted_in_plausible"), "growing_area")
    op.drop_constraint(op.f("ck_growing_area_trees_positive"), "growing_area")
    for column in ("planted_in", "trees", "variety", "crop"):
        op.drop_column("growing_area", column)


# ------------------------------------------------------------------------------------------------ zones and imports

# VN-2000 / TM-3 of each meridian by its number in the EPSG register; PostGIS brings only those of 102°, 105°, 107°45′ and 108°.
MERIDIANS = {
    9205: 103.0, 9206: 104.0, 9207: 104.5, 9208: 104.75, 9209: 105.5, 9210: 105.75, 9211: 106.0, 9212: 106.25, 9213: 106.5,
    9214: 107.0, 9215: 107.25, 9216: 107.5, 9217: 108.25, 9218: 108.5,
}  # fmt: skip
# The seven parameters from VN-2000 to WGS 84 that the Ministry published in 2007 (EPSG 6960), turned the way PROJ counts rotations.
SHIFT = "-191.90441429,-39.30318279,-111.45032835,0.00928836,-0.01975479,0.00427372,0.252906278"


def _zones_and_imports() -> None:
    """The provincial planes of VN-2000, and the files of areas that are brought in."""
    for number, meridian in MERIDIANS.items():
        name = f"VN-2000 / TM-3 {int(meridian)}-{round(meridian % 1 * 60):02d}"
        definition = (
            f'PROJCS["{name}",GEOGCS["VN-2000",DATUM["Vietnam_2000",SPHEROID["WGS 84",6378137,298.257223563,'
            f'AUTHORITY["EPSG","7030"]],TOWGS84[{SHIFT}],AUTHORITY["EPSG","6756"]],PRIMEM["Greenwich",0,'
            'AUTHORITY["EPSG","8901"]],UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4756"]],'
            'PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],'
            f'PARAMETER["central_meridian",{meridian:g}],PARAMETER["scale_factor",0.9999],PARAMETER["false_easting",500000],'
            'PARAMETER["false_northing",0],UNIT["metre",1,AUTHORITY["EPSG","9001"]],'
            f'AUTHORITY["EPSG","{number}"]]'
        )
        plane = (
            f"+proj=tmerc +lat_0=0 +lon_0={meridian:g} +k=0.9999 +x_0=500000 +y_0=0 +ellps=WGS84 +towgs84={SHIFT} "
            "+units=m +no_defs"
        )
        op.execute(
            sa.text(
                "INSERT INTO spatial_ref_sys (srid, auth_name, auth_srid, srtext, proj4text) "
                "VALUES (:number, 'EPSG', :number, :definition, :plane) ON CONFLICT (srid) DO NOTHING"
            ).bindparams(number=number, definition=definition, plane=plane)
        )
    kind = sa.Enum(
        "geojson", "kml", "kmz", "gpx", "shapefile", "csv", "xlsx",
        name="geokind", native_enum=False, create_constraint=True, length=40,
    )  # fmt: skip
    state = sa.Enum(
        "open", "done", "given_up", name="importstate", native_enum=False, create_constraint=True, length=40
    )
    op.create_table(
        "area_import",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("title_id", sa.Uuid(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("kind", kind, nullable=False),
        sa.Column("choices", postgresql.JSONB(), nullable=False),
        sa.Column("columns", postgresql.JSONB(), nullable=False),
        sa.Column("fault", postgresql.JSONB(), nullable=True),
        sa.Column("state", state, server_default="open", nullable=False),
        sa.Column("total", sa.Integer(), server_default="0", nullable=False),
        sa.Column("faulty", sa.Integer(), server_default="0", nullable=False),
        sa.Column("remarked", sa.Integer(), server_default="0", nullable=False),
        sa.Column("taken", sa.Integer(), server_default="0", nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "total >= 0 AND faulty BETWEEN 0 AND total AND taken BETWEEN 0 AND total",
            name=op.f("ck_area_import_counts_fit"),
        ),
        sa.CheckConstraint("(state = 'open') = (finished_at IS NULL)", name=op.f("ck_area_import_end_has_time")),
        sa.CheckConstraint("(finished_at IS NULL) = (finished_by IS NULL)", name=op.f("ck_area_import_end_has_person")),
        sa.CheckConstraint("state = 'done' OR taken = 0", name=op.f("ck_area_import_taken_when_done")),
        sa.ForeignKeyConstraint(
            ["title_id"], ["protection_title.id"], name=op.f("fk_area_import_title_id_protection_title")
        ),
        sa.ForeignKeyConstraint(["holder_id"], ["party.id"], name=op.f("fk_area_import_holder_id_party")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_area_import_file_id_stored_file")),
        sa.ForeignKeyConstraint(["asked_by"], ["app_user.id"], name=op.f("fk_area_import_asked_by_app_user")),
        sa.ForeignKeyConstraint(["finished_by"], ["app_user.id"], name=op.f("fk_area_import_finished_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_area_import")),
    )
    op.create_index(op.f("ix_area_import_title_id"), "area_import", ["title_id"])
    op.create_index(op.f("ix_area_import_holder_id"), "area_import", ["holder_id"])
    op.create_index(op.f("ix_area_import_asked_by_asked_at"), "area_import", ["asked_by", "asked_at"])
    op.create_table(
        "area_import_row",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("row_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=True),
        sa.Column("commune_code", sa.Text(), nullable=True),
        sa.Column("declared_ha", sa.Numeric(), nullable=True),
        sa.Column("measured_ha", sa.Float(), nullable=True),
        sa.Column("crop", sa.Text(), nullable=True),
        sa.Column("variety", sa.Text(), nullable=True),
        sa.Column("trees", sa.Integer(), nullable=True),
        sa.Column("planted_in", sa.Integer(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("market", sa.Text(), nullable=True),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("boundary", Geometry("MULTIPOLYGON", srid=4326, spatial_index=False), nullable=True),
        sa.Column("faults", postgresql.JSONB(), nullable=False),
        sa.Column("remarks", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint("row_no > 0", name=op.f("ck_area_import_row_row_no_positive")),
        sa.CheckConstraint(
            "jsonb_array_length(faults) > 0 OR (boundary IS NOT NULL AND declared_ha > 0 AND commune_code IS NOT NULL)",
            name=op.f("ck_area_import_row_whole_unless_faulty"),
        ),
        sa.ForeignKeyConstraint(
            ["import_id"], ["area_import.id"], name=op.f("fk_area_import_row_import_id_area_import"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("import_id", "row_no", name=op.f("pk_area_import_row")),
    )


def _without_zones_and_imports() -> None:
    """The way back from the above."""
    op.drop_table("area_import_row")
    op.drop_table("area_import")
    op.execute(sa.text("DELETE FROM spatial_ref_sys WHERE srid = ANY (:numbers)").bindparams(numbers=list(MERIDIANS)))
