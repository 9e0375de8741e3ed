"""Reports: online listings, positions, messages, resumable photos, withdrawn contacts."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261122_reports"
down_revision: str | None = "20261122_public_pages"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

PLATFORMS = ("shopee", "lazada", "tiktok", "facebook", "zalo", "sendo", "other")


def upgrade() -> None:
    """Apply the change."""
    _listings()
    _afterwards()
    _contacts()


def downgrade() -> None:
    """Take it back. A contact whose consent was withdrawn holds nothing that could be brought back."""
    op.execute("ALTER TABLE informant.contact DROP CONSTRAINT ck_contact_sealed_until_withdrawn")
    op.execute("UPDATE informant.contact SET sealed = '' WHERE sealed IS NULL")
    op.alter_column("contact", "sealed", nullable=False, schema="informant")
    op.drop_column("contact", "withdrawn_at", schema="informant")
    op.drop_table("tip_upload")
    op.drop_table("tip_message")
    op.drop_constraint(op.f("ck_tip_somewhere"), "tip", type_="check")
    op.execute(
        "UPDATE tip SET place = coalesce(seller, cell) "
        "WHERE place IS NULL AND listing_url IS NULL AND commune_code IS NULL"
    )
    op.drop_index("ix_tip_twin", table_name="tip", postgresql_where=sa.text("twin_hash IS NOT NULL"))
    for name in ("twin_hash", "differs", "cell", "seen_on", "price_vnd", "seller", "platform", "bought"):
        op.drop_column("tip", name)
    op.create_check_constraint(
        op.f("ck_tip_somewhere"), "tip", "place IS NOT NULL OR listing_url IS NOT NULL OR commune_code IS NOT NULL"
    )


def _kind(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def _listings() -> None:
    """Goods on the web beside those in shops; what the reporter compared; where, coarsely."""
    op.add_column(
        "tip",
        sa.Column("bought", _kind("bought", "shop", "online"), server_default=sa.text("'shop'"), nullable=False),
    )
    op.execute("UPDATE tip SET bought = 'online' WHERE listing_url IS NOT NULL AND place IS NULL")
    op.add_column("tip", sa.Column("platform", _kind("platform", *PLATFORMS), nullable=True))
    op.execute("UPDATE tip SET platform = 'other' WHERE listing_url IS NOT NULL")
    op.add_column("tip", sa.Column("seller", sa.Text(), nullable=True))
    op.add_column("tip", sa.Column("price_vnd", sa.BigInteger(), nullable=True))
    op.add_column("tip", sa.Column("seen_on", sa.Date(), nullable=True))
    op.add_column("tip", sa.Column("cell", sa.Text(), nullable=True))
    op.add_column(
        "tip", sa.Column("differs", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False)
    )
    op.add_column("tip", sa.Column("twin_hash", sa.LargeBinary(), nullable=True))
    op.drop_constraint(op.f("ck_tip_somewhere"), "tip", type_="check")
    rules = {
        "somewhere": "num_nonnulls(place, listing_url, commune_code, seller, cell) > 0",
        "platform_of_a_listing": "platform IS NULL OR listing_url IS NOT NULL",
        "price_plausible": "price_vnd BETWEEN 1 AND 1000000000000",
        "seller_bounded": "length(seller) <= 200",
        "cell_bounded": "length(cell) <= 40",
        "differs_bounded": "cardinality(differs) <= 5",
        "seen_before_it_was_reported": "seen_on <= (received_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date",
        "twin_hash_is_sha256": "octet_length(twin_hash) = 32",
    }
    for name, rule in rules.items():
        op.create_check_constraint(op.f(f"ck_tip_{name}"), "tip", rule)
    op.create_index(
        "ix_tip_twin", "tip", ["twin_hash"], unique=False, postgresql_where=sa.text("twin_hash IS NOT NULL")
    )


def _afterwards() -> None:
    """What comes after the text: messages, and photos on their way."""
    op.create_table(
        "tip_message",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("tip_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.CheckConstraint("length(btrim(body)) BETWEEN 1 AND 2000", name=op.f("ck_tip_message_body_present")),
        sa.ForeignKeyConstraint(["tip_id"], ["tip.id"], name=op.f("fk_tip_message_tip_id_tip")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tip_message")),
    )
    op.create_index(op.f("ix_tip_message_tip_id"), "tip_message", ["tip_id"], unique=False)
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON public.tip_message "
        "FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()"
    )
    op.create_table(
        "tip_upload",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("tip_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_tip_upload_sha256_hex")),
        sa.CheckConstraint("size BETWEEN 1 AND 26214400", name=op.f("ck_tip_upload_size_bounded")),
        sa.CheckConstraint("received BETWEEN 0 AND size", name=op.f("ck_tip_upload_received_within_size")),
        sa.ForeignKeyConstraint(["tip_id"], ["tip.id"], name=op.f("fk_tip_upload_tip_id_tip")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tip_upload")),
        sa.UniqueConstraint("tip_id", "sha256", name=op.f("uq_tip_upload_tip_id_sha256")),
    )
    op.create_index(op.f("ix_tip_upload_touched_at"), "tip_upload", ["touched_at"], unique=False)


def _contacts() -> None:
    """A consent that is withdrawn takes the contact with it; the log of readings stays."""
    op.add_column("contact", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True), schema="informant")
    op.alter_column("contact", "sealed", nullable=True, schema="informant")
    op.create_check_constraint(
        op.f("ck_contact_sealed_until_withdrawn"),
        "contact",
        "(sealed IS NULL) = (withdrawn_at IS NOT NULL)",
        schema="informant",
    )
