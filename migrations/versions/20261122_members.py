"""Members of a collective and the imports that brought records in."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261122_members"
down_revision: str | None = "20261122_lots"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply the change."""
    _members()
    _imports()


def downgrade() -> None:
    """Take it back."""
    op.drop_table("table_import")
    op.drop_index(op.f("ix_area_household_member_id"), table_name="area_household")
    op.drop_constraint(op.f("fk_area_household_member_id_party"), "area_household", type_="foreignkey")
    op.drop_column("area_household", "member_id")
    op.drop_table("membership")


def _members() -> None:
    """Who belongs to a collective, and which household of an area is which member."""
    op.create_table(
        "membership",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("collective_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("national_id", sa.Text(), nullable=True),
        sa.Column("declared_ha", sa.Numeric(), nullable=True),
        sa.Column("member_during", postgresql.DATERANGE(), nullable=False),
        sa.Column("left_because", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_sample", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("collective_id <> member_id", name=op.f("ck_membership_not_itself")),
        sa.CheckConstraint("code ~ '^[0-9A-Za-zĐđ./_-]{1,30}$'", name=op.f("ck_membership_code_form")),
        sa.CheckConstraint("national_id ~ '^[0-9]{12}$'", name=op.f("ck_membership_national_id_form")),
        sa.CheckConstraint(
            "declared_ha > 0 AND declared_ha <= 100000", name=op.f("ck_membership_declared_ha_plausible")
        ),
        sa.CheckConstraint(
            "NOT isempty(member_during) AND NOT lower_inf(member_during)", name=op.f("ck_membership_period_begins")
        ),
        sa.CheckConstraint(
            "upper_inf(member_during) = (left_because IS NULL)", name=op.f("ck_membership_reason_iff_left")
        ),
        postgresql.ExcludeConstraint(
            (sa.column("collective_id"), "="), (sa.column("member_id"), "="), (sa.column("member_during"), "&&"),
            using="gist", name="ex_membership_once",
        ),
        postgresql.ExcludeConstraint(
            (sa.column("collective_id"), "="), (sa.column("code"), "="), (sa.column("member_during"), "&&"),
            using="gist", name="ex_membership_code",
        ),
        postgresql.ExcludeConstraint(
            (sa.column("collective_id"), "="), (sa.column("national_id"), "="), (sa.column("member_during"), "&&"),
            using="gist", name="ex_membership_national_id",
        ),
        sa.ForeignKeyConstraint(["collective_id"], ["party.id"], name=op.f("fk_membership_collective_id_party")),
        sa.ForeignKeyConstraint(["member_id"], ["party.id"], name=op.f("fk_membership_member_id_party")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership")),
    )  # fmt: skip
    op.create_index(op.f("ix_membership_member_id"), "membership", ["member_id"])
    op.add_column("area_household", sa.Column("member_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_area_household_member_id_party"), "area_household", "party", ["member_id"], ["id"])
    op.create_index(op.f("ix_area_household_member_id"), "area_household", ["member_id"])


def _imports() -> None:
    """Tables that people bring in."""
    op.create_table(
        "table_import",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("members", "areas", "lots", "visits", name="tablekind", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("open", "done", "given_up", name="importstate", native_enum=False, create_constraint=True, length=40),
            server_default="open",
            nullable=False,
        ),
        sa.Column("total", sa.Integer(), server_default="0", nullable=False),
        sa.Column("faulty", sa.Integer(), server_default="0", nullable=False),
        sa.Column("known", sa.Integer(), server_default="0", nullable=False),
        sa.Column("taken", sa.Integer(), server_default="0", nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "total >= 0 AND faulty >= 0 AND known >= 0 AND faulty + known <= total AND taken BETWEEN 0 AND total",
            name=op.f("ck_table_import_counts_fit"),
        ),
        sa.CheckConstraint("(state = 'open') = (finished_at IS NULL)", name=op.f("ck_table_import_end_has_time")),
        sa.CheckConstraint("(finished_at IS NULL) = (finished_by IS NULL)", name=op.f("ck_table_import_end_has_person")),
        sa.CheckConstraint("state = 'done' OR taken = 0", name=op.f("ck_table_import_taken_when_done")),
        sa.ForeignKeyConstraint(["holder_id"], ["party.id"], name=op.f("fk_table_import_holder_id_party")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_table_import_file_id_stored_file")),
        sa.ForeignKeyConstraint(["asked_by"], ["app_user.id"], name=op.f("fk_table_import_asked_by_app_user")),
        sa.ForeignKeyConstraint(["finished_by"], ["app_user.id"], name=op.f("fk_table_import_finished_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_table_import")),
    )  # fmt: skip
    op.create_index(op.f("ix_table_import_holder_id"), "table_import", ["holder_id"])
    op.create_index(op.f("ix_table_import_asked_by_asked_at"), "table_import", ["asked_by", "asked_at"])
