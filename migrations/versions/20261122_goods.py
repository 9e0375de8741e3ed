"""Comparison points with pictures, kinds, further languages and the time for which they are shown."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261122_goods"
down_revision: str | None = "20261122_scans"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLE = "comparison_point"
KINDS = ("seal", "hidden_code", "print", "packaging", "goods")
CHECKS = {
    "texts_present": "length(btrim(text_vi)) > 0 AND length(btrim(text_en)) > 0",
    "text_zh_present": "length(btrim(text_zh)) > 0",
    "text_ja_present": "length(btrim(text_ja)) > 0",
    "hidden_code_is_hard": "kind <> 'hidden_code' OR hard_to_copy",
    "period_ordered": "shown_until >= shown_from",
}


def upgrade() -> None:
    """Apply the change."""
    op.add_column(TABLE, sa.Column("kind", sa.String(length=40), server_default=sa.text("'goods'"), nullable=False))
    for name, kind in (
        ("text_zh", sa.Text()), ("text_ja", sa.Text()), ("picture_id", sa.Uuid()), ("shown_from", sa.Date()),
        ("shown_until", sa.Date()), ("retired_at", sa.DateTime(timezone=True)),
    ):  # fmt: skip
        op.add_column(TABLE, sa.Column(name, kind, nullable=True))
    members = ", ".join(f"'{kind}'" for kind in KINDS)
    op.create_check_constraint(op.f("ck_comparison_point_pointkind"), TABLE, f"kind IN ({members})")
    for name, rule in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_comparison_point_{name}"), TABLE, rule)
    op.create_foreign_key(
        op.f("fk_comparison_point_picture_id_stored_file"), TABLE, "stored_file", ["picture_id"], ["id"]
    )
    # Points change places with each other, so the rule is judged when the transaction ends; one that is retired frees its place.
    op.drop_constraint(op.f("uq_comparison_point_product_id_position"), TABLE)
    op.create_exclude_constraint(
        "ex_comparison_point_one_in_place", TABLE, ("product_id", "="), ("position", "="),
        using="gist", where=sa.text("retired_at IS NULL"), deferrable=True, initially="DEFERRED",
    )  # fmt: skip
    op.create_index(op.f("ix_comparison_point_product_id"), TABLE, ["product_id"])


def downgrade() -> None:
    """Take it back. What was retired had no place in the earlier schema, nor had a point in the place of another."""
    op.execute("DELETE FROM comparison_point WHERE retired_at IS NOT NULL")
    op.drop_index(op.f("ix_comparison_point_product_id"), TABLE)
    op.drop_constraint("ex_comparison_point_one_in_place", TABLE)
    op.create_unique_constraint(op.f("uq_comparison_point_product_id_position"), TABLE, ["product_id", "position"])
    op.drop_constraint(op.f("fk_comparison_point_picture_id_stored_file"), TABLE)
    for name in CHECKS:
        op.drop_constraint(op.f(f"ck_comparison_point_{name}"), TABLE)
    op.drop_constraint(op.f("ck_comparison_point_pointkind"), TABLE)
    for name in (
        "retired_at", "shown_until", "shown_from", "picture_id", "text_ja", "text_zh", "kind",
    ):  # fmt: skip
        op.drop_column(TABLE, name)
