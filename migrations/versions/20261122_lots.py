"""Lots that merge and split, releases, the farm log and the events of the chain."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261122_lots"
down_revision: str | None = "20261122_controls"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

APPEND_ONLY = (
    "farm_log_entry", "farm_log_strike", "lot_parent", "lot_release", "lot_source", "trace_event", "trace_event_part",
)  # fmt: skip

CHECK_LOT_VOLUMES = """
CREATE OR REPLACE FUNCTION public.check_lot_volumes() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    touched uuid[];
BEGIN
    IF TG_TABLE_NAME = 'lot' THEN
        touched := ARRAY[NEW.id];
    ELSE
        touched := ARRAY[NEW.parent_id, NEW.child_id];
    END IF;
    IF EXISTS (
        SELECT 1 FROM public.lot l
         CROSS JOIN LATERAL (SELECT coalesce(sum(p.grams), 0) AS grams FROM public.lot_parent p WHERE p.parent_id = l.id) passed
         CROSS JOIN LATERAL (SELECT coalesce(sum(p.grams), 0) AS grams FROM public.lot_parent p WHERE p.child_id = l.id) got
         WHERE l.id = ANY (touched)
           AND (l.moved_g <> passed.grams OR got.grams <> CASE WHEN l.origin = 'recorded' THEN 0 ELSE l.volume_g END)
    ) THEN
        RAISE EXCEPTION 'the volumes of parent and child lots do not add up'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'lot_volumes_conserved';
    END IF;
    RETURN NULL;
END
$$
"""

LOT_VOLUMES_CONSERVED = (
    "CREATE CONSTRAINT TRIGGER lot_volumes_conserved AFTER INSERT ON public.lot DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW WHEN (NEW.origin <> 'recorded' OR NEW.moved_g > 0) EXECUTE FUNCTION public.check_lot_volumes()",
    "CREATE CONSTRAINT TRIGGER lot_volumes_kept AFTER UPDATE OF volume_g, moved_g, origin ON public.lot DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW EXECUTE FUNCTION public.check_lot_volumes()",
    "CREATE CONSTRAINT TRIGGER lot_volumes_conserved AFTER INSERT ON public.lot_parent DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW EXECUTE FUNCTION public.check_lot_volumes()",
)

VERIFY_LABEL = """
CREATE OR REPLACE FUNCTION public.verify_label(
    asked_serial bigint, asked_at timestamptz, asked_device bytea, asked_kind text, asked_channel text
) RETURNS jsonb
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
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
    -- A test print: it is no label, so it counts for nothing, but whoever prints must see it answer before labels are activated.
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

    SELECT r.state, r.since, o.pack_weight_g, l.id AS lot_id, l.code AS lot_code, l.state AS lot_state, l.harvested_on, l.packed_on, l.expires_on,
           l.recall_reason, c.number AS certificate_number, c.status AS certificate_status, c.status_since, upper(c.valid_during) - 1 AS certificate_until,
           h.name AS holder_name, p.id AS product_id, p.name AS product_name, p.name_en AS product_name_en, p.gtin, t.name AS title_name, t.kind AS title_kind,
           coalesce(a.name, s.name, many.names) AS source_name, coalesce(ac.name, sc.name, many.communes) AS commune_name, many.number AS sources,
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
      LEFT JOIN LATERAL (
          -- A merged lot: its sources by name as long as a reader can take them in. Nothing is read for a lot with a source of its own.
          SELECT count(*) AS number, CASE WHEN count(*) <= 3 THEN string_agg(coalesce(ma.name, ms.name), ', ' ORDER BY z.id) END AS names,
                 CASE WHEN count(DISTINCT mc.code) <= 3 THEN string_agg(DISTINCT mc.name, ', ') END AS communes
            FROM lot_source z LEFT JOIN growing_area ma ON ma.id = z.area_id LEFT JOIN production_site ms ON ms.id = z.site_id
            LEFT JOIN commune mc ON mc.code = coalesce(ma.commune_code, ms.commune_code)
           WHERE z.lot_id = l.id AND l.area_id IS NULL AND l.site_id IS NULL
      ) many ON true
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
        'commune_name', known.commune_name, 'sources', known.sources, 'area_code', known.area_code, 'is_sample', known.is_sample,
        'compare', (SELECT coalesce(jsonb_agg(jsonb_build_array(q.text_vi, q.text_en, q.hard_to_copy) ORDER BY q.position), '[]'::jsonb)
                      FROM comparison_point q WHERE q.product_id = known.product_id));
END
$$
"""

# What the function said before lots could have several sources; the way down says it again.
BEFORE = (
    (
        """           coalesce(a.name, s.name, many.names) AS source_name, coalesce(ac.name, sc.name, many.communes) AS commune_name, many.number AS sources,
""",
        """           coalesce(a.name, s.name) AS source_name, coalesce(ac.name, sc.name) AS commune_name,
""",
    ),
    (
        """      LEFT JOIN commune sc ON sc.code = s.commune_code
      LEFT JOIN LATERAL (
          -- A merged lot: its sources by name as long as a reader can take them in. Nothing is read for a lot with a source of its own.
          SELECT count(*) AS number, CASE WHEN count(*) <= 3 THEN string_agg(coalesce(ma.name, ms.name), ', ' ORDER BY z.id) END AS names,
                 CASE WHEN count(DISTINCT mc.code) <= 3 THEN string_agg(DISTINCT mc.name, ', ') END AS communes
            FROM lot_source z LEFT JOIN growing_area ma ON ma.id = z.area_id LEFT JOIN production_site ms ON ms.id = z.site_id
            LEFT JOIN commune mc ON mc.code = coalesce(ma.commune_code, ms.commune_code)
           WHERE z.lot_id = l.id AND l.area_id IS NULL AND l.site_id IS NULL
      ) many ON true
     WHERE r.serials @> asked_serial;
""",
        """      LEFT JOIN commune sc ON sc.code = s.commune_code
     WHERE r.serials @> asked_serial;
""",
    ),
    (
        """        'commune_name', known.commune_name, 'sources', known.sources, 'area_code',""",
        """        'commune_name', known.commune_name, 'area_code',""",
    ),
)


def upgrade() -> None:
    """Apply the change."""
    origin = sa.Enum(
        "recorded", "merged", "split", name="lotorigin", native_enum=False, create_constraint=True, length=40
    )
    op.add_column("lot", sa.Column("moved_g", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("lot", sa.Column("origin", origin, server_default="recorded", nullable=False))
    _restrict_lots(
        states="'draft', 'certified', 'closed', 'recalled'",
        volume="labelled_g >= 0 AND moved_g >= 0 AND labelled_g + moved_g <= volume_g",
        source="num_nonnulls(area_id, site_id) = 1 OR (num_nonnulls(area_id, site_id) = 0 AND origin <> 'recorded')",
    )
    op.create_check_constraint(
        op.f("ck_lot_closed_when_moved"), "lot", "moved_g = 0 OR state IN ('closed', 'recalled')"
    )
    _farm_log()
    _chain()
    _events()
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON public.{table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()"
        )
    op.execute(CHECK_LOT_VOLUMES)
    for trigger in LOT_VOLUMES_CONSERVED:
        op.execute(trigger)
    op.execute(VERIFY_LABEL)


def downgrade() -> None:
    """Take it back. Lots that were merged or split cannot be told without it: the step down stops if there are any."""
    before = VERIFY_LABEL
    for new, old in BEFORE:
        before = before.replace(new, old)
    op.execute(before)
    op.execute("DROP TRIGGER lot_volumes_kept ON public.lot")
    op.execute("DROP TRIGGER lot_volumes_conserved ON public.lot")
    for table in (
        "trace_event_part",
        "trace_event",
        "lot_release",
        "lot_parent",
        "lot_source",
        "farm_log_strike",
        "farm_log_entry",
    ):
        op.drop_table(table)
    op.execute("DROP FUNCTION public.check_lot_volumes()")
    op.drop_constraint(op.f("ck_lot_closed_when_moved"), "lot")
    _restrict_lots(
        states="'draft', 'certified', 'recalled'",
        volume="labelled_g BETWEEN 0 AND volume_g",
        source="num_nonnulls(area_id, site_id) = 1",
    )
    op.drop_column("lot", "origin")
    op.drop_column("lot", "moved_g")


def _restrict_lots(*, states: str, volume: str, source: str) -> None:
    """Replace the constraints of a lot that speak of its state, volume and source."""
    rules = {"lotstate": f"state IN ({states})", "within_lot_volume": volume, "area_or_site": source}
    for name, rule in rules.items():
        op.drop_constraint(op.f(f"ck_lot_{name}"), "lot")
        op.create_check_constraint(op.f(f"ck_lot_{name}"), "lot", rule)


def _farm_log() -> None:
    """The farm log and what was struck out of it."""
    op.create_table(
        "farm_log_entry",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("title_id", sa.Uuid(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=True),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "fertiliser",
                "pesticide",
                "irrigation",
                "harvest",
                "other",
                name="farmwork",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("done_on", sa.Date(), nullable=False),
        sa.Column("done_by", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=True),
        sa.Column("active_substance", sa.Text(), nullable=True),
        sa.Column("dose", sa.Numeric(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("preharvest_days", sa.Integer(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("photo_id", sa.Uuid(), nullable=True),
        sa.Column("corrects_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("is_sample", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("kind <> 'other' OR note IS NOT NULL", name=op.f("ck_farm_log_entry_other_explained")),
        sa.CheckConstraint(
            "kind <> 'pesticide' OR num_nulls(product, active_substance, dose, preharvest_days) = 0",
            name=op.f("ck_farm_log_entry_pesticide_whole"),
        ),
        sa.CheckConstraint("(dose IS NULL) = (unit IS NULL)", name=op.f("ck_farm_log_entry_unit_iff_dose")),
        sa.CheckConstraint("dose > 0", name=op.f("ck_farm_log_entry_dose_positive")),
        sa.CheckConstraint("length(btrim(done_by)) > 0", name=op.f("ck_farm_log_entry_done_by_present")),
        sa.CheckConstraint("num_nonnulls(area_id, site_id) = 1", name=op.f("ck_farm_log_entry_area_or_site")),
        sa.CheckConstraint(
            "preharvest_days BETWEEN 0 AND 365", name=op.f("ck_farm_log_entry_preharvest_days_plausible")
        ),
        sa.ForeignKeyConstraint(["area_id"], ["growing_area.id"], name=op.f("fk_farm_log_entry_area_id_growing_area")),
        sa.ForeignKeyConstraint(
            ["corrects_id"], ["farm_log_entry.id"], name=op.f("fk_farm_log_entry_corrects_id_farm_log_entry")
        ),
        sa.ForeignKeyConstraint(["holder_id"], ["party.id"], name=op.f("fk_farm_log_entry_holder_id_party")),
        sa.ForeignKeyConstraint(["photo_id"], ["stored_file.id"], name=op.f("fk_farm_log_entry_photo_id_stored_file")),
        sa.ForeignKeyConstraint(["recorded_by"], ["app_user.id"], name=op.f("fk_farm_log_entry_recorded_by_app_user")),
        sa.ForeignKeyConstraint(
            ["site_id"], ["production_site.id"], name=op.f("fk_farm_log_entry_site_id_production_site")
        ),
        sa.ForeignKeyConstraint(
            ["title_id"], ["protection_title.id"], name=op.f("fk_farm_log_entry_title_id_protection_title")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_farm_log_entry")),
        sa.UniqueConstraint("corrects_id", name=op.f("uq_farm_log_entry_corrects_id")),
    )
    op.create_index(op.f("ix_farm_log_entry_area_id_done_on"), "farm_log_entry", ["area_id", "done_on"], unique=False)
    op.create_index(
        op.f("ix_farm_log_entry_holder_id_done_on"), "farm_log_entry", ["holder_id", "done_on"], unique=False
    )
    op.create_index(
        "ix_farm_log_entry_pesticide",
        "farm_log_entry",
        ["area_id", "site_id", "done_on"],
        unique=False,
        postgresql_where=sa.text("preharvest_days IS NOT NULL"),
    )
    op.create_index(op.f("ix_farm_log_entry_site_id_done_on"), "farm_log_entry", ["site_id", "done_on"], unique=False)
    op.create_index(op.f("ix_farm_log_entry_title_id"), "farm_log_entry", ["title_id"], unique=False)
    op.create_table(
        "farm_log_strike",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("length(btrim(reason)) > 0", name=op.f("ck_farm_log_strike_reason_present")),
        sa.ForeignKeyConstraint(["by"], ["app_user.id"], name=op.f("fk_farm_log_strike_by_app_user")),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["farm_log_entry.id"], name=op.f("fk_farm_log_strike_entry_id_farm_log_entry")
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_farm_log_strike")),
    )


def _chain() -> None:
    """Sources of merged lots, who came from whom, and releases."""
    op.create_table(
        "lot_source",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=True),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("num_nonnulls(area_id, site_id) = 1", name=op.f("ck_lot_source_area_or_site")),
        sa.ForeignKeyConstraint(["area_id"], ["growing_area.id"], name=op.f("fk_lot_source_area_id_growing_area")),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.id"], name=op.f("fk_lot_source_lot_id_lot")),
        sa.ForeignKeyConstraint(
            ["site_id"], ["production_site.id"], name=op.f("fk_lot_source_site_id_production_site")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lot_source")),
        sa.UniqueConstraint("lot_id", "area_id", name=op.f("uq_lot_source_lot_id_area_id")),
        sa.UniqueConstraint("lot_id", "site_id", name=op.f("uq_lot_source_lot_id_site_id")),
    )
    op.create_index(op.f("ix_lot_source_area_id"), "lot_source", ["area_id"], unique=False)
    op.create_index(op.f("ix_lot_source_site_id"), "lot_source", ["site_id"], unique=False)
    op.create_table(
        "lot_parent",
        sa.Column("parent_id", sa.Uuid(), nullable=False),
        sa.Column("child_id", sa.Uuid(), nullable=False),
        sa.Column("grams", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("grams > 0", name=op.f("ck_lot_parent_grams_positive")),
        sa.CheckConstraint("parent_id <> child_id", name=op.f("ck_lot_parent_not_its_own_parent")),
        sa.ForeignKeyConstraint(["by"], ["app_user.id"], name=op.f("fk_lot_parent_by_app_user")),
        sa.ForeignKeyConstraint(["child_id"], ["lot.id"], name=op.f("fk_lot_parent_child_id_lot")),
        sa.ForeignKeyConstraint(["parent_id"], ["lot.id"], name=op.f("fk_lot_parent_parent_id_lot")),
        sa.PrimaryKeyConstraint("parent_id", "child_id", name=op.f("pk_lot_parent")),
    )
    op.create_index(op.f("ix_lot_parent_child_id"), "lot_parent", ["child_id"], unique=False)
    op.create_table(
        "lot_release",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("conforms", sa.Boolean(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("body_id", sa.Uuid(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("length(btrim(document)) > 0", name=op.f("ck_lot_release_document_present")),
        sa.ForeignKeyConstraint(["body_id"], ["party.id"], name=op.f("fk_lot_release_body_id_party")),
        sa.ForeignKeyConstraint(["by"], ["app_user.id"], name=op.f("fk_lot_release_by_app_user")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_lot_release_file_id_stored_file")),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.id"], name=op.f("fk_lot_release_lot_id_lot")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lot_release")),
    )
    op.create_index(op.f("ix_lot_release_lot_id_at"), "lot_release", ["lot_id", "at"], unique=False)


def _events() -> None:
    """The events of the chain."""
    op.create_table(
        "trace_event",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "object",
                "association",
                "transformation",
                name="eventkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "action",
            sa.Enum(
                "add", "observe", "delete", name="eventaction", native_enum=False, create_constraint=True, length=40
            ),
            nullable=True,
        ),
        sa.Column(
            "business_step",
            sa.Enum(
                "creating_class_instance",
                "packing",
                "inspecting",
                "transforming",
                "commissioning",
                "shipping",
                "receiving",
                "decommissioning",
                "holding",
                name="businessstep",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "disposition",
            sa.Enum(
                "in_progress",
                "conformant",
                "non_conformant",
                "active",
                "in_transit",
                "inactive",
                "destroyed",
                "returned",
                "unknown",
                "recalled",
                name="disposition",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("zone_offset", sa.Text(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("grams", sa.BigInteger(), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("serials", postgresql.INT8RANGE(), nullable=True),
        sa.Column("area_id", sa.Uuid(), nullable=True),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("commune_code", sa.Text(), nullable=True),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("to_party_id", sa.Uuid(), nullable=True),
        sa.Column("by", sa.Uuid(), nullable=False),
        sa.Column("how", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.CheckConstraint(
            "(kind = 'transformation') = (action IS NULL)", name=op.f("ck_trace_event_action_unless_transformation")
        ),
        sa.CheckConstraint(
            "kind <> 'association' OR serials IS NOT NULL", name=op.f("ck_trace_event_association_has_labels")
        ),
        sa.CheckConstraint("zone_offset ~ '^[+-][0-9]{2}:[0-9]{2}$'", name=op.f("ck_trace_event_zone_offset_form")),
        sa.CheckConstraint("(serials IS NULL) = (order_id IS NULL)", name=op.f("ck_trace_event_order_iff_serials")),
        sa.CheckConstraint("NOT isempty(serials)", name=op.f("ck_trace_event_serials_not_empty")),
        sa.CheckConstraint("grams > 0", name=op.f("ck_trace_event_grams_positive")),
        sa.CheckConstraint("num_nonnulls(area_id, site_id) <= 1", name=op.f("ck_trace_event_at_most_one_source")),
        sa.ForeignKeyConstraint(["area_id"], ["growing_area.id"], name=op.f("fk_trace_event_area_id_growing_area")),
        sa.ForeignKeyConstraint(["by"], ["app_user.id"], name=op.f("fk_trace_event_by_app_user")),
        sa.ForeignKeyConstraint(["commune_code"], ["commune.code"], name=op.f("fk_trace_event_commune_code_commune")),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.id"], name=op.f("fk_trace_event_lot_id_lot")),
        sa.ForeignKeyConstraint(["order_id"], ["label_order.id"], name=op.f("fk_trace_event_order_id_label_order")),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_trace_event_party_id_party")),
        sa.ForeignKeyConstraint(
            ["site_id"], ["production_site.id"], name=op.f("fk_trace_event_site_id_production_site")
        ),
        sa.ForeignKeyConstraint(["to_party_id"], ["party.id"], name=op.f("fk_trace_event_to_party_id_party")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trace_event")),
    )
    op.create_index(op.f("ix_trace_event_lot_id_happened_at"), "trace_event", ["lot_id", "happened_at"], unique=False)
    op.create_index(
        op.f("ix_trace_event_order_id_happened_at"), "trace_event", ["order_id", "happened_at"], unique=False
    )
    op.create_table(
        "trace_event_part",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column(
            "side",
            sa.Enum("input", "output", name="side", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("grams", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("grams > 0", name=op.f("ck_trace_event_part_grams_positive")),
        sa.ForeignKeyConstraint(
            ["event_id"], ["trace_event.id"], name=op.f("fk_trace_event_part_event_id_trace_event")
        ),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.id"], name=op.f("fk_trace_event_part_lot_id_lot")),
        sa.PrimaryKeyConstraint("event_id", "lot_id", name=op.f("pk_trace_event_part")),
    )
    op.create_index(op.f("ix_trace_event_part_lot_id"), "trace_event_part", ["lot_id"], unique=False)
