"""Indices for a desk of a million signals: counts from the index, likeness by marks, and a note which photos were looked at for theirs."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261122_desk_scale"
down_revision: str | None = "20261122_desk_letters"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TEXT_MARKS = """
CREATE OR REPLACE FUNCTION public.text_marks(said text) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 5000
AS $$
DECLARE
    words text[] := string_to_array(btrim(regexp_replace(public.fold(said), '[^[:alnum:]]+', ' ', 'g')), ' ');
    marks integer[] := '{}';
BEGIN
    FOR i IN 1 .. greatest(cardinality(words) - 3, 1) LOOP
        marks[i] := hashtext(concat_ws(' ', words[i], words[i + 1], words[i + 2], words[i + 3]));
    END LOOP;
    RETURN marks;
END
$$
"""

PHOTO_MARKS = """
CREATE OR REPLACE FUNCTION public.photo_marks(likeness bigint) RETURNS integer[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT ARRAY[(likeness & 2097151)::integer, 2097152 + (likeness >> 21 & 2097151)::integer, 4194304 + (likeness >> 42 & 2097151)::integer]
$$
"""

QUEUE = "ix_signal_cluster_queue ON enforcement.signal_cluster (due_at NULLS LAST, severity DESC, oldest_at, id)"
ON_DESK = "WHERE fresh > 0 OR waiting > 0"
SIGNAL, SEEN, RECORD = "ON enforcement.signal", "ON enforcement.observation", "ON enforcement.intake_record"
PLACE_MARKS = "USING gin (public.text_marks(place)) WHERE place IS NOT NULL AND commune_code"
CASE, OPEN = "ON enforcement.case_file", "state NOT IN ('closed', 'archived') AND merged_into_id IS NULL"
# What each index becomes, and what it was; names alone where there was or will be none.
CHANGED = (
    (f"{QUEUE} INCLUDE (fresh, waiting, wait_until) {ON_DESK}", f"{QUEUE} {ON_DESK}"),
    (f"ix_signal_code {SIGNAL} (code, received_at) WHERE code IS NOT NULL", f"ix_signal_code {SIGNAL} (code) WHERE code IS NOT NULL"),
    (
        f"ix_signal_shop_phone {SIGNAL} (shop_phone, received_at) WHERE shop_phone IS NOT NULL",
        f"ix_signal_shop_phone {SIGNAL} (shop_phone) WHERE shop_phone IS NOT NULL",
    ),
    (f"ix_signal_holder {SIGNAL} (holder_id, received_at) WHERE holder_id IS NOT NULL", "ix_signal_holder"),
    ("ix_signal_holder_id", f"ix_signal_holder_id {SIGNAL} (holder_id)"),
    (f"ix_signal_serial {SIGNAL} (serial, received_at) INCLUDE (id) WHERE serial IS NOT NULL", f"ix_signal_serial {SIGNAL} (serial)"),
    (f"ix_signal_place {SIGNAL} (commune_code, place) WHERE place IS NOT NULL", "ix_signal_place"),
    (f"ix_signal_placed_marks {SIGNAL} {PLACE_MARKS} IS NOT NULL", "ix_signal_placed_marks"),
    (f"ix_signal_unplaced_marks {SIGNAL} {PLACE_MARKS} IS NULL", "ix_signal_unplaced_marks"),
    ("ix_signal_place_folded", f"ix_signal_place_folded {SIGNAL} USING gin (public.fold(place) public.gin_trgm_ops)"),
    (
        f"ix_observation_noted {SEEN} USING gin (public.text_marks(note))",
        f"ix_observation_noted {SEEN} USING gin (public.fold(note) public.gin_trgm_ops)",
    ),
    (
        f"ix_intake_record_folded {RECORD} USING gin (public.text_marks(body))",
        f"ix_intake_record_folded {RECORD} USING gin (public.fold(body) public.gin_trgm_ops)",
    ),
    (
        "ix_tip_described ON public.tip USING gin (public.text_marks(description))",
        "ix_tip_described ON public.tip USING gin (public.fold(description) public.gin_trgm_ops)",
    ),
    ("ix_tip_cell ON public.tip (cell, received_at) WHERE cell IS NOT NULL", "ix_tip_cell ON public.tip (cell) WHERE cell IS NOT NULL"),
    (f"ix_case_file_open_newest {CASE} (opened_at) WHERE {OPEN}", "ix_case_file_open_newest"),
    (f"ix_case_file_split {CASE} (split_from_id) WHERE split_from_id IS NOT NULL", "ix_case_file_split"),
    ("ix_case_event_moves ON enforcement.case_event (move, at) WHERE move IS NOT NULL", "ix_case_event_moves"),
    ("ix_tip_photo_file_id ON public.tip_photo (file_id)", "ix_tip_photo_file_id"),
    ("ix_observation_photo_file_id ON enforcement.observation_photo (file_id)", "ix_observation_photo_file_id"),
    (
        f"ix_intake_record_listing {RECORD} USING gin (listing_url public.gin_trgm_ops) WHERE listing_url IS NOT NULL",
        "ix_intake_record_listing",
    ),
    (
        "ix_stored_file_likeness ON public.stored_file USING gin (public.photo_marks(likeness)) WHERE likeness IS NOT NULL",
        "ix_stored_file_likeness",
    ),
    (
        "ix_stored_file_unlikened ON public.stored_file (received_at) "
        "WHERE likened_at IS NULL AND likeness IS NULL AND copy_sha256 IS NOT NULL AND dropped_at IS NULL",
        "ix_stored_file_unlikened",
    ),
)  # fmt: skip


def upgrade() -> None:
    """Apply the change."""
    op.execute(TEXT_MARKS)
    op.execute(PHOTO_MARKS)
    op.add_column("stored_file", sa.Column("likened_at", sa.DateTime(timezone=True), nullable=True))
    _make([after for after, _before in CHANGED])


def downgrade() -> None:
    """Take it back."""
    _make([before for _after, before in CHANGED])
    op.drop_column("stored_file", "likened_at")
    op.execute("DROP FUNCTION public.text_marks, public.photo_marks")


def _make(indexes: Sequence[str]) -> None:
    """Each index as it is told here; one of which only the name is told goes."""
    for told in indexes:
        name, *more = told.split(" ", 1)
        for schema in ("enforcement", "public"):
            op.execute(f"DROP INDEX IF EXISTS {schema}.{name}")
        if more:
            op.execute(f"CREATE INDEX {told}")
