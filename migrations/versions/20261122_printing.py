"""Layouts of one's own, test prints and drawings of label files."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261122_printing"
down_revision: str | None = "20261122_jobs"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# What the answer to a scan gains; without it the function is the one from before.
TEST_PRINTS = """    -- A test print: it is no label, so it counts for nothing, but whoever prints must see it answer before labels are activated.
    IF asked_serial >= 1072693248 THEN
        UPDATE test_print SET scanned_at = coalesce(scanned_at, asked_at)
         WHERE sample_serial = asked_serial AND asked_kind <> 'preview';
        SELECT h.name AS holder_name, p.name AS product_name, p.name_en AS product_name_en, p.gtin, h.is_sample
          INTO known
          FROM test_print s JOIN label_order o ON o.id = s.order_id JOIN lot l ON l.id = o.lot_id JOIN product p ON p.id = l.product_id
          JOIN party h ON h.id = o.holder_id
         WHERE s.sample_serial = asked_serial;
        IF FOUND THEN
            RETURN jsonb_build_object(
                'kind', 'sample', 'also', '[]'::jsonb, 'holder_name', known.holder_name, 'product_name', known.product_name,
                'product_name_en', known.product_name_en, 'gtin', known.gtin, 'is_sample', known.is_sample);
        END IF;
    END IF;

"""

VERIFY_LABEL = (
    """
CREATE OR REPLACE FUNCTION public.verify_label(
    asked_serial bigint, asked_at timestamptz, asked_device bytea, asked_kind text, asked_channel text
) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
    known record;
    rule record;
    counted record;
    recent record;
    kinds text[] := '{}';
    scan_kind text := asked_kind;
    copied boolean;
BEGIN
"""
    + TEST_PRINTS
    + """    SELECT r.state, r.since, o.pack_weight_g, l.id AS lot_id, l.code AS lot_code, l.state AS lot_state, l.harvested_on, l.packed_on, l.expires_on,
           l.recall_reason, c.number AS certificate_number, c.status AS certificate_status, c.status_since, upper(c.valid_during) - 1 AS certificate_until,
           h.name AS holder_name, p.id AS product_id, p.name AS product_name, p.name_en AS product_name_en, p.gtin, t.name AS title_name, t.kind AS title_kind,
           coalesce(a.name, s.name) AS source_name, coalesce(ac.name, sc.name) AS commune_name,
           (SELECT g.code FROM growing_area_code g WHERE g.area_id = a.id AND g.valid_during @> asked_at::date AND g.status = 'active'
             ORDER BY g.code LIMIT 1) AS area_code,
           h.is_sample
      INTO known
      FROM label_range r
      JOIN label_order o ON o.id = r.order_id
      JOIN lot l ON l.id = coalesce(r.lot_id, o.lot_id)
      JOIN use_certificate c ON c.id = o.certificate_id
      JOIN party h ON h.id = o.holder_id
      JOIN product p ON p.id = l.product_id
      JOIN protection_title t ON t.id = p.title_id
      LEFT JOIN growing_area a ON a.id = l.area_id
      LEFT JOIN commune ac ON ac.code = a.commune_code
      LEFT JOIN production_site s ON s.id = l.site_id
      LEFT JOIN commune sc ON sc.code = s.commune_code
     WHERE r.serials @> asked_serial;

    IF NOT FOUND THEN
        INSERT INTO unknown_code (hour, asked) VALUES (date_trunc('hour', asked_at), 1)
        ON CONFLICT (hour) DO UPDATE SET asked = unknown_code.asked + 1;
        RETURN jsonb_build_object('kind', 'unknown', 'also', '[]'::jsonb);
    END IF;

    SELECT v.devices, v.days, v.provinces INTO rule FROM copy_rule v WHERE v.valid_from <= asked_at ORDER BY v.valid_from DESC LIMIT 1;

    SELECT count(*) AS checks, min(x.at) AS first_at, count(DISTINCT x.province) AS provinces,
           bool_or(x.device = asked_device AND x.at > asked_at - interval '24 hours') AS same_device
      INTO counted
      FROM scan x WHERE x.serial = asked_serial AND x.kind = 'real' AND x.at <= asked_at;

    SELECT count(*) AS checks, count(DISTINCT x.device) AS devices, count(DISTINCT x.province) AS provinces
      INTO recent
      FROM scan x WHERE x.serial = asked_serial AND x.kind = 'real' AND x.at <= asked_at
       AND x.at > asked_at - make_interval(days => coalesce(rule.days, 7));

    copied := rule.devices IS NOT NULL AND recent.devices > rule.devices AND recent.provinces >= rule.provinces;

    IF scan_kind = 'real' AND coalesce(counted.same_device, false) THEN
        scan_kind := 'reload';
    END IF;

    IF known.lot_state = 'recalled' OR known.state = 'recalled' THEN kinds := kinds || 'recalled'::text; END IF;
    IF known.state IN ('voided', 'spoiled', 'lost', 'returned') THEN kinds := kinds || 'voided'::text; END IF;
    IF known.certificate_status IN ('suspended', 'revoked', 'given_up') THEN kinds := kinds || 'holder_suspended'::text; END IF;
    IF copied THEN kinds := kinds || 'suspected_copy'::text; END IF;
    IF known.expires_on < (asked_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AND known.state IN ('activated', 'used') THEN
        kinds := kinds || 'expired'::text;
    END IF;
    IF known.state IN ('ordered', 'printed', 'received', 'handed_over') THEN kinds := kinds || 'not_activated'::text; END IF;
    IF kinds = '{}' THEN kinds := ARRAY['valid']; END IF;

    INSERT INTO scan (at, serial, verdict, kind, channel, device)
    VALUES (asked_at, asked_serial, kinds[1], scan_kind, asked_channel, asked_device);

    RETURN jsonb_build_object(
        'kind', kinds[1], 'also', to_jsonb(kinds[2:]), 'state', known.state, 'since', known.since,
        'checks', counted.checks + (scan_kind = 'real')::int, 'first_check', counted.first_at,
        'recent_checks', recent.checks + (scan_kind = 'real')::int, 'provinces', recent.provinces, 'devices', recent.devices,
        'days', coalesce(rule.days, 7), 'gtin', known.gtin,
        'pack_weight_g', known.pack_weight_g, 'lot_code', known.lot_code, 'harvested_on', known.harvested_on, 'packed_on', known.packed_on,
        'expires_on', known.expires_on, 'recall_reason', known.recall_reason,
        'certificate_number', known.certificate_number, 'certificate_status', known.certificate_status,
        'certificate_until', known.certificate_until, 'status_since', known.status_since,
        'holder_name', known.holder_name, 'product_name', known.product_name, 'product_name_en', known.product_name_en,
        'title_name', known.title_name, 'title_kind', known.title_kind, 'source_name', known.source_name,
        'commune_name', known.commune_name, 'area_code', known.area_code, 'is_sample', known.is_sample,
        'compare', (SELECT coalesce(jsonb_agg(jsonb_build_array(q.text_vi, q.text_en, q.hard_to_copy) ORDER BY q.position), '[]'::jsonb)
                      FROM comparison_point q WHERE q.product_id = known.product_id));
END
$$
"""
)


def _raw(sql: str) -> None:
    """Run text as it stands: no bound parameters, no doubled percent signs."""
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def upgrade() -> None:
    """Apply the change. Serials from 1072693248 on are for test prints; no label was ever issued there."""
    op.create_table(
        "label_layout",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(retired_at IS NULL) = (retired_by IS NULL)", name=op.f("ck_label_layout_retired_by_somebody")
        ),
        sa.CheckConstraint("length(btrim(name)) BETWEEN 1 AND 80", name=op.f("ck_label_layout_name_present")),
        sa.CheckConstraint("version > 0", name=op.f("ck_label_layout_version_positive")),
        sa.ForeignKeyConstraint(["created_by"], ["app_user.id"], name=op.f("fk_label_layout_created_by_app_user")),
        sa.ForeignKeyConstraint(["holder_id"], ["party.id"], name=op.f("fk_label_layout_holder_id_party")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_label_layout_product_id_product")),
        sa.ForeignKeyConstraint(["retired_by"], ["app_user.id"], name=op.f("fk_label_layout_retired_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_layout")),
    )
    op.create_index(op.f("ix_label_layout_product_id"), "label_layout", ["product_id"], unique=False)
    op.create_index(
        "uq_label_layout_name",
        "label_layout",
        ["holder_id", "name"],
        unique=True,
        postgresql_where=sa.text("retired_at IS NULL"),
    )
    op.create_index("uq_label_layout_version", "label_layout", ["holder_id", "name", "version"], unique=True)
    op.create_table(
        "label_logo",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("title_id", sa.Uuid(), nullable=False),
        sa.Column("picture", sa.LargeBinary(), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.Uuid(), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("octet_length(picture) BETWEEN 1 AND 1048576", name=op.f("ck_label_logo_picture_small")),
        sa.ForeignKeyConstraint(["added_by"], ["app_user.id"], name=op.f("fk_label_logo_added_by_app_user")),
        sa.ForeignKeyConstraint(["holder_id"], ["party.id"], name=op.f("fk_label_logo_holder_id_party")),
        sa.ForeignKeyConstraint(
            ["title_id"], ["protection_title.id"], name=op.f("fk_label_logo_title_id_protection_title")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_logo")),
    )
    op.create_index(op.f("ix_label_logo_title_id"), "label_logo", ["title_id"], unique=False)
    op.create_index(
        "uq_label_logo_in_use",
        "label_logo",
        ["holder_id", "title_id"],
        unique=True,
        postgresql_where=sa.text("retired_at IS NULL"),
    )
    op.create_table(
        "test_print",
        sa.Column(
            "sample_serial",
            sa.BigInteger(),
            sa.Identity(always=True, start=1072693248, minvalue=1072693248, maxvalue=1073741823),
            nullable=False,
        ),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("printer", sa.Text(), nullable=False),
        sa.Column("layout", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("scanned_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("length(btrim(printer)) BETWEEN 1 AND 80", name=op.f("ck_test_print_printer_named")),
        sa.CheckConstraint(
            "sample_serial BETWEEN 1072693248 AND 1073741823", name=op.f("ck_test_print_serial_is_reserved")
        ),
        sa.ForeignKeyConstraint(["made_by"], ["app_user.id"], name=op.f("fk_test_print_made_by_app_user")),
        sa.ForeignKeyConstraint(["order_id"], ["label_order.id"], name=op.f("fk_test_print_order_id_label_order")),
        sa.PrimaryKeyConstraint("sample_serial", name=op.f("pk_test_print")),
    )
    op.create_index(op.f("ix_test_print_order_id_made_at"), "test_print", ["order_id", "made_at"], unique=False)
    op.create_table(
        "drawing",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "pdf",
                "png",
                "svg",
                "zpl",
                "csv",
                "xlsx",
                "zip",
                name="drawingkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "params", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column(
            "state",
            sa.Enum(
                "waiting",
                "running",
                "done",
                "failed",
                "cancelled",
                name="drawingstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("done", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("keep_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "fault",
            sa.Enum(
                "disk_full",
                "not_written",
                "refused",
                "crashed",
                name="drawingfault",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.CheckConstraint("(state = 'done') = (sha256 IS NOT NULL)", name=op.f("ck_drawing_hash_iff_done")),
        sa.CheckConstraint("(state = 'failed') = (fault IS NOT NULL)", name=op.f("ck_drawing_fault_iff_failed")),
        sa.CheckConstraint("(state = 'running') <= (beat_at IS NOT NULL)", name=op.f("ck_drawing_running_beats")),
        sa.CheckConstraint(
            "(state IN ('done', 'failed', 'cancelled')) = (finished_at IS NOT NULL)",
            name=op.f("ck_drawing_end_has_time"),
        ),
        sa.CheckConstraint(
            "(sha256 IS NULL) = (size IS NULL) AND (sha256 IS NULL) = (keep_until IS NULL)",
            name=op.f("ck_drawing_file_is_whole"),
        ),
        sa.CheckConstraint("done BETWEEN 0 AND total AND total > 0", name=op.f("ck_drawing_done_within_total")),
        sa.CheckConstraint("octet_length(sha256) = 32", name=op.f("ck_drawing_sha256_whole")),
        sa.ForeignKeyConstraint(["asked_by"], ["app_user.id"], name=op.f("fk_drawing_asked_by_app_user")),
        sa.ForeignKeyConstraint(
            ["order_id", "run"], ["print_run.order_id", "print_run.run"], name=op.f("fk_drawing_order_id_run_print_run")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drawing")),
    )
    op.create_index(
        "ix_drawing_kept",
        "drawing",
        ["keep_until"],
        unique=False,
        postgresql_where=sa.text("removed_at IS NULL AND keep_until IS NOT NULL"),
    )
    op.create_index(
        "ix_drawing_open",
        "drawing",
        ["state", "asked_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('waiting', 'running')"),
    )
    op.create_index(op.f("ix_drawing_order_id_asked_at"), "drawing", ["order_id", "asked_at"], unique=False)
    op.add_column("print_run", sa.Column("printer", sa.Text(), nullable=True))
    op.add_column("print_run", sa.Column("logo_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_print_run_logo_id_label_logo"), "print_run", "label_logo", ["logo_id"], ["id"])
    op.drop_constraint(op.f("ck_label_series_within_thirty_bits"), "label_series", type_="check")
    op.create_check_constraint(
        op.f("ck_label_series_within_thirty_bits"), "label_series", "next_serial BETWEEN 1 AND 1072693248"
    )
    _raw(VERIFY_LABEL)


def downgrade() -> None:
    """Take it back."""
    _raw(VERIFY_LABEL.replace(TEST_PRINTS, ""))
    op.drop_constraint(op.f("ck_label_series_within_thirty_bits"), "label_series", type_="check")
    op.create_check_constraint(
        op.f("ck_label_series_within_thirty_bits"), "label_series", "next_serial BETWEEN 1 AND 1073741824"
    )
    op.drop_constraint(op.f("fk_print_run_logo_id_label_logo"), "print_run", type_="foreignkey")
    op.drop_column("print_run", "logo_id")
    op.drop_column("print_run", "printer")
    op.drop_index(op.f("ix_drawing_order_id_asked_at"), table_name="drawing")
    op.drop_index("ix_drawing_open", table_name="drawing", postgresql_where=sa.text("state IN ('waiting', 'running')"))
    op.drop_index(
        "ix_drawing_kept",
        table_name="drawing",
        postgresql_where=sa.text("removed_at IS NULL AND keep_until IS NOT NULL"),
    )
    op.drop_table("drawing")
    op.drop_index(op.f("ix_test_print_order_id_made_at"), table_name="test_print")
    op.drop_table("test_print")
    op.drop_index("uq_label_logo_in_use", table_name="label_logo", postgresql_where=sa.text("retired_at IS NULL"))
    op.drop_index(op.f("ix_label_logo_title_id"), table_name="label_logo")
    op.drop_table("label_logo")
    op.drop_index("uq_label_layout_version", table_name="label_layout")
    op.drop_index("uq_label_layout_name", table_name="label_layout", postgresql_where=sa.text("retired_at IS NULL"))
    op.drop_index(op.f("ix_label_layout_product_id"), table_name="label_layout")
    op.drop_table("label_layout")
