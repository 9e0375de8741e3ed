"""The schema as it began: registry, case desk, informants, and what hangs on them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision: str = "20261122_initial"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


EXTENSIONS = ("postgis", "btree_gist", "pg_trgm", "unaccent")
SCHEMAS = ("enforcement", "informant")
APPEND_ONLY = (
    "public.history",
    "public.label_movement",
    "public.certificate_status_change",
    "public.scan",
    "enforcement.case_event",
    "enforcement.custody_event",
    "informant.reading",
)

FOLD = """
CREATE OR REPLACE FUNCTION public.fold(input text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT lower(public.unaccent('public.unaccent'::regdictionary, normalize(input, NFC))) $$
"""

REFUSE_CHANGE = """
CREATE OR REPLACE FUNCTION public.refuse_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'table %.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation',
        CONSTRAINT = 'append_only';
END
$$
"""

SCAN_MONTHS = """
CREATE OR REPLACE FUNCTION public.make_scan_months(first date, last date) RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
    month date := date_trunc('month', first)::date;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('make_scan_months'));
    WHILE month <= last LOOP
        IF to_regclass('public.scan_' || to_char(month, 'YYYY_MM')) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE public.%I PARTITION OF public.scan FOR VALUES FROM (%L) TO (%L)',
                'scan_' || to_char(month, 'YYYY_MM'), month::timestamp AT TIME ZONE 'UTC',
                (month + interval '1 month')::timestamp AT TIME ZONE 'UTC');
            made := made + 1;
        END IF;
        month := (month + interval '1 month')::date;
    END LOOP;
    RETURN made;
END
$$
"""

VERIFY_LABEL = """
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
    SELECT r.state, r.since, o.pack_weight_g, l.id AS lot_id, l.code AS lot_code, l.state AS lot_state, l.harvested_on, l.packed_on, l.expires_on,
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


def _raw(sql: str) -> None:
    """Run text as it stands: no bound parameters, no doubled percent signs."""
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def upgrade() -> None:
    """Make everything."""
    for name in EXTENSIONS:
        op.execute(f"CREATE EXTENSION IF NOT EXISTS {name}")
    for name in SCHEMAS:
        op.execute(f"CREATE SCHEMA {name}")
    _raw(FOLD)
    _raw(REFUSE_CHANGE)
    op.create_table(
        "app_user",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("totp_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("totp_last_step", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("locale", sa.Text(), server_default="vi", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_sample", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("login ~ '^[a-z0-9._@-]{3,80}$'", name=op.f("ck_app_user_login_form")),
        sa.CheckConstraint("length(btrim(full_name)) BETWEEN 1 AND 120", name=op.f("ck_app_user_full_name_present")),
        sa.CheckConstraint("login = lower(login)", name=op.f("ck_app_user_login_lower")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_user")),
        sa.UniqueConstraint("login", name=op.f("uq_app_user_login")),
    )
    op.create_geospatial_table(
        "commune",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "ward",
                "rural",
                "special_zone",
                name="communekind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "boundary",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column("valid_during", postgresql.DATERANGE(), nullable=False),
        sa.CheckConstraint("code ~ '^[0-9]{5}$'", name=op.f("ck_commune_code_five_digits")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_commune")),
    )
    op.create_geospatial_index(
        op.f("ix_commune_boundary"), "commune", ["boundary"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index(
        "ix_commune_folded",
        "commune",
        [sa.literal_column("fold(name) gin_trgm_ops")],
        unique=False,
        postgresql_using="gin",
    )
    op.create_table(
        "comparison",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("serial", sa.BigInteger(), nullable=False),
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column(
            "answer",
            sa.Enum(
                "match",
                "differs",
                "cannot",
                name="comparisonanswer",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("octet_length(device) = 12", name=op.f("ck_comparison_device_is_short_hash")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comparison")),
    )
    op.create_index("uq_comparison_serial_device", "comparison", ["serial", "device"], unique=True)
    op.create_table(
        "copy_rule",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("devices", sa.Integer(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("provinces", sa.Integer(), nullable=False),
        sa.CheckConstraint("devices > 1 AND days > 0 AND provinces > 0", name=op.f("ck_copy_rule_limits_positive")),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_copy_rule")),
    )
    op.create_table(
        "device_salt",
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("octet_length(salt) = 32", name=op.f("ck_device_salt_salt_is_long")),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_device_salt")),
    )
    op.create_table(
        "deadline_rule",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "report_up",
                "complaint_accept",
                "complaint_resolve",
                "denunciation_accept",
                "denunciation_resolve",
                "inspection_start",
                "inspection_on_site",
                "post_verification",
                "no_violation_notice",
                "violation_record",
                "record_after_assessment",
                "explanation_oral_request",
                "explanation_written",
                "penalty_decision",
                "seizure",
                "delivery",
                "delivery_posting",
                "deemed_served",
                "execution",
                "enforceability",
                "limitation_general",
                "limitation_ip",
                "ins_upload",
                "platform_takedown",
                name="deadlinekind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column(
            "unit",
            sa.Enum(
                "hours",
                "days",
                "working_days",
                "months",
                name="unit",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("needs_verification", sa.Boolean(), nullable=False),
        sa.Column("rolls", sa.Boolean(), nullable=False),
        sa.Column("counts_start_day", sa.Boolean(), nullable=False),
        sa.Column("extensions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_deadline_rule_amount_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deadline_rule")),
        sa.UniqueConstraint("kind", "version", name=op.f("uq_deadline_rule_kind_version")),
        schema="enforcement",
    )
    op.create_table(
        "holiday",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("is_worked", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("needs_verification", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_holiday")),
        schema="enforcement",
    )
    op.create_table(
        "idempotency_key",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(key) BETWEEN 8 AND 80", name=op.f("ck_idempotency_key_key_length")),
        sa.CheckConstraint("octet_length(body_hash) = 32", name=op.f("ck_idempotency_key_body_hash_is_sha256")),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_index(op.f("ix_idempotency_key_at"), "idempotency_key", ["at"], unique=False)
    op.create_table(
        "label_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("first_serial", sa.BigInteger(), nullable=False),
        sa.Column("wrapped_secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("first_serial > 0", name=op.f("ck_label_key_first_serial_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_key")),
        sa.UniqueConstraint("first_serial", name=op.f("uq_label_key_first_serial")),
    )
    op.create_table(
        "label_series",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("next_serial", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_label_series_only_one")),
        sa.CheckConstraint("next_serial BETWEEN 1 AND 1073741824", name=op.f("ck_label_series_within_thirty_bits")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_series")),
    )
    op.create_table(
        "number_series",
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("last > 0", name=op.f("ck_number_series_last_positive")),
        sa.PrimaryKeyConstraint("series", "year", name=op.f("pk_number_series")),
    )
    op.create_geospatial_table(
        "protection_title",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "gi",
                "collective_mark",
                "certification_mark",
                name="titlekind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title_number", sa.Text(), nullable=True),
        sa.Column("granted_on", sa.Date(), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("area_in_words", sa.Text(), nullable=True),
        sa.Column(
            "area",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column("is_sample", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("kind <> 'gi' OR expires_on IS NULL", name=op.f("ck_protection_title_gi_without_expiry")),
        sa.CheckConstraint("area IS NULL OR ST_IsValid(area)", name=op.f("ck_protection_title_area_valid")),
        sa.CheckConstraint("expires_on > granted_on", name=op.f("ck_protection_title_dates_ordered")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_protection_title")),
        sa.UniqueConstraint("title_number", name=op.f("uq_protection_title_title_number")),
    )
    op.create_geospatial_index(
        op.f("ix_protection_title_area"),
        "protection_title",
        ["area"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_table(
        "scan",
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("serial", sa.BigInteger(), nullable=False),
        sa.Column(
            "verdict",
            sa.Enum(
                "valid",
                "suspected_copy",
                "not_activated",
                "voided",
                "expired",
                "holder_suspended",
                "recalled",
                "unknown",
                "malformed",
                "lot_code",
                "sample",
                "not_checked",
                name="verdictkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "kind",
            sa.Enum(
                "real",
                "reload",
                "preview",
                "custody",
                name="scankind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "channel",
            sa.Enum(
                "qr", "typed", "api", "staff", name="scanchannel", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("commune_code", sa.Text(), nullable=True),
        sa.Column("province", sa.SmallInteger(), nullable=True),
        sa.CheckConstraint("octet_length(device) = 12", name=op.f("ck_scan_device_is_short_hash")),
        sa.PrimaryKeyConstraint("at", "id", name=op.f("pk_scan")),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index(
        op.f("ix_scan_at"),
        "scan",
        ["at"],
        unique=False,
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 16, "autosummarize": True},
    )
    op.create_index(op.f("ix_scan_serial_at"), "scan", ["serial", "at"], unique=False)
    op.create_table(
        "sign_in_attempt",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("login_hash", sa.LargeBinary(), nullable=False),
        sa.Column("network_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_attempt")),
    )
    op.create_index(op.f("ix_sign_in_attempt_login_hash_at"), "sign_in_attempt", ["login_hash", "at"], unique=False)
    op.create_index(op.f("ix_sign_in_attempt_network_hash_at"), "sign_in_attempt", ["network_hash", "at"], unique=False)
    op.create_table(
        "unknown_code",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hour", name=op.f("pk_unknown_code")),
    )
    op.create_table(
        "commune_alias",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("commune_code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="district", nullable=False),
        sa.ForeignKeyConstraint(["commune_code"], ["commune.code"], name=op.f("fk_commune_alias_commune_code_commune")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commune_alias")),
        sa.UniqueConstraint("commune_code", "name", name=op.f("uq_commune_alias_commune_code_name")),
    )
    op.create_geospatial_table(
        "observation",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("serial", sa.BigInteger(), nullable=True),
        sa.Column("code_text", sa.Text(), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("inspector_id", sa.Uuid(), nullable=False),
        sa.Column("commune_code", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column(
            "location",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column("accuracy_m", sa.Integer(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("accuracy_m >= 0", name=op.f("ck_observation_accuracy_not_negative")),
        sa.CheckConstraint("length(btrim(note)) BETWEEN 1 AND 4000", name=op.f("ck_observation_note_present")),
        sa.ForeignKeyConstraint(["commune_code"], ["commune.code"], name=op.f("fk_observation_commune_code_commune")),
        sa.ForeignKeyConstraint(["inspector_id"], ["app_user.id"], name=op.f("fk_observation_inspector_id_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_observation")),
        sa.UniqueConstraint("number", name=op.f("uq_observation_number")),
        schema="enforcement",
    )
    op.create_index(
        op.f("ix_observation_inspector_id"), "observation", ["inspector_id"], unique=False, schema="enforcement"
    )
    op.create_index(op.f("ix_observation_serial"), "observation", ["serial"], unique=False, schema="enforcement")
    op.create_table(
        "history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=True),
        sa.Column("deed", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.CheckConstraint("deed ~ '^[a-z_]+:[a-z_]+$'", name=op.f("ck_history_deed_form")),
        sa.ForeignKeyConstraint(["by"], ["app_user.id"], name=op.f("fk_history_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history")),
    )
    op.create_index(op.f("ix_history_at"), "history", ["at"], unique=False)
    op.create_index(op.f("ix_history_by"), "history", ["by"], unique=False)
    op.create_index(op.f("ix_history_subject_id_at"), "history", ["subject_id", "at"], unique=False)
    op.create_table(
        "party",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "state",
                "authority",
                "cooperative",
                "company",
                "association",
                "household",
                "person",
                name="partykind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tax_code", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("commune_code", sa.Text(), nullable=True),
        sa.Column("is_sample", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("phone ~ '^0[0-9]{9,10}$'", name=op.f("ck_party_phone_form")),
        sa.CheckConstraint("tax_code ~ '^([0-9]{10}(-[0-9]{3})?|[0-9]{12})$'", name=op.f("ck_party_tax_code_form")),
        sa.CheckConstraint("length(btrim(name)) BETWEEN 1 AND 200", name=op.f("ck_party_name_present")),
        sa.ForeignKeyConstraint(["commune_code"], ["commune.code"], name=op.f("fk_party_commune_code_commune")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_party")),
        sa.UniqueConstraint("tax_code", name=op.f("uq_party_tax_code")),
    )
    op.create_index(
        "ix_party_folded", "party", [sa.literal_column("fold(name) gin_trgm_ops")], unique=False, postgresql_using="gin"
    )
    op.create_table(
        "product",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("title_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column(
            "source_kind",
            sa.Enum("area", "site", name="sourcekind", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("gtin", sa.Text(), nullable=True),
        sa.CheckConstraint("gtin ~ '^[0-9]{14}$'", name=op.f("ck_product_gtin_fourteen_digits")),
        sa.ForeignKeyConstraint(
            ["title_id"], ["protection_title.id"], name=op.f("fk_product_title_id_protection_title")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("gtin", name=op.f("uq_product_gtin")),
        sa.UniqueConstraint("title_id", "name", name=op.f("uq_product_title_id_name")),
    )
    op.create_table(
        "sign_in_session",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("octet_length(token_hash) = 32", name=op.f("ck_sign_in_session_token_hash_is_sha256")),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("fk_sign_in_session_user_id_app_user")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sign_in_session")),
    )
    op.create_index(op.f("ix_sign_in_session_expires_at"), "sign_in_session", ["expires_at"], unique=False)
    op.create_index(op.f("ix_sign_in_session_user_id"), "sign_in_session", ["user_id"], unique=False)
    op.create_table(
        "stored_file",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("copy_sha256", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_from", sa.Uuid(), nullable=True),
        sa.CheckConstraint("copy_sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_stored_file_copy_sha256_hex")),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_stored_file_sha256_hex")),
        sa.CheckConstraint("size > 0", name=op.f("ck_stored_file_size_positive")),
        sa.ForeignKeyConstraint(["received_from"], ["app_user.id"], name=op.f("fk_stored_file_received_from_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_file")),
    )
    op.create_index(op.f("ix_stored_file_sha256"), "stored_file", ["sha256"], unique=False)
    op.create_table(
        "tip",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("serial", sa.BigInteger(), nullable=True),
        sa.Column("code_text", sa.Text(), nullable=True),
        sa.Column(
            "reason",
            sa.Enum(
                "label_looks_wrong",
                "goods_differ",
                "no_label",
                "scan_warned",
                "other",
                name="tipreason",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("commune_code", sa.Text(), nullable=True),
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("listing_url", sa.Text(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "received",
                "looked_into",
                "closed",
                name="tipstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("follow_hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(description) <= 4000", name=op.f("ck_tip_description_bounded")),
        sa.CheckConstraint("octet_length(follow_hash) = 32", name=op.f("ck_tip_follow_hash_is_sha256")),
        sa.CheckConstraint(
            "place IS NOT NULL OR listing_url IS NOT NULL OR commune_code IS NOT NULL", name=op.f("ck_tip_somewhere")
        ),
        sa.ForeignKeyConstraint(["commune_code"], ["commune.code"], name=op.f("fk_tip_commune_code_commune")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tip")),
        sa.UniqueConstraint("follow_hash", name=op.f("uq_tip_follow_hash")),
        sa.UniqueConstraint("number", name=op.f("uq_tip_number")),
    )
    op.create_index(op.f("ix_tip_received_at"), "tip", ["received_at"], unique=False)
    op.create_index(op.f("ix_tip_serial"), "tip", ["serial"], unique=False)
    op.create_table(
        "use_regulation",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("title_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("valid_during", postgresql.DATERANGE(), nullable=False),
        sa.Column("requires_area_code", sa.Boolean(), nullable=False),
        sa.Column("pack_weights_g", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("title_id"), "="),
            (sa.column("valid_during"), "&&"),
            using="gist",
            name="ex_use_regulation_one_in_force",
        ),
        sa.CheckConstraint(
            "cardinality(pack_weights_g) > 0 AND 0 < ALL (pack_weights_g)",
            name=op.f("ck_use_regulation_pack_weights_positive"),
        ),
        sa.CheckConstraint("version > 0", name=op.f("ck_use_regulation_version_positive")),
        sa.ForeignKeyConstraint(
            ["title_id"], ["protection_title.id"], name=op.f("fk_use_regulation_title_id_protection_title")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_use_regulation")),
        sa.UniqueConstraint("title_id", "version", name=op.f("uq_use_regulation_title_id_version")),
    )
    op.create_table(
        "comparison_point",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("text_vi", sa.Text(), nullable=False),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("hard_to_copy", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("position BETWEEN 1 AND 5", name=op.f("ck_comparison_point_position_range")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_comparison_point_product_id_product")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comparison_point")),
        sa.UniqueConstraint("product_id", "position", name=op.f("uq_comparison_point_product_id_position")),
    )
    op.create_table(
        "case_file",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "received",
                "screened",
                "verifying",
                "no_violation_notified",
                "forwarded",
                "inspection_proposed",
                "inspection_decided",
                "inspecting",
                "post_verification",
                "violation_recorded",
                "explanation",
                "decision_due",
                "penalised",
                "remedial_only",
                "transferred",
                "criminal_transfer",
                "executing",
                "closed",
                "archived",
                name="casestate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.Uuid(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=True),
        sa.Column("commune_code", sa.Text(), nullable=True),
        sa.Column("suspect_id", sa.Uuid(), nullable=True),
        sa.Column(
            "legal_qualification",
            sa.Enum(
                "undetermined",
                "gi_infringement",
                "mark_infringement",
                "counterfeit_goods",
                "counterfeit_labels",
                "false_origin",
                name="legalqualification",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("act_ended_on", sa.Date(), nullable=True),
        sa.Column("rule_version", sa.Text(), nullable=False),
        sa.Column("next_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "infringement",
                "exposed_code",
                "data_error",
                "no_violation",
                "undetermined",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(state IN ('closed', 'archived')) = (closed_at IS NOT NULL)",
            name=op.f("ck_case_file_closed_at_iff_closed"),
        ),
        sa.CheckConstraint("closed_at IS NULL OR outcome IS NOT NULL", name=op.f("ck_case_file_outcome_when_closed")),
        sa.CheckConstraint("length(btrim(title)) BETWEEN 1 AND 200", name=op.f("ck_case_file_title_present")),
        sa.CheckConstraint("severity BETWEEN 1 AND 3", name=op.f("ck_case_file_severity_range")),
        sa.ForeignKeyConstraint(["commune_code"], ["commune.code"], name=op.f("fk_case_file_commune_code_commune")),
        sa.ForeignKeyConstraint(["officer_id"], ["app_user.id"], name=op.f("fk_case_file_officer_id_app_user")),
        sa.ForeignKeyConstraint(["opened_by"], ["app_user.id"], name=op.f("fk_case_file_opened_by_app_user")),
        sa.ForeignKeyConstraint(["suspect_id"], ["party.id"], name=op.f("fk_case_file_suspect_id_party")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_file")),
        sa.UniqueConstraint("number", name=op.f("uq_case_file_number")),
        schema="enforcement",
    )
    op.create_index(
        "ix_case_file_folded",
        "case_file",
        [sa.literal_column("public.fold(title) gin_trgm_ops")],
        unique=False,
        schema="enforcement",
        postgresql_using="gin",
    )
    op.create_index(op.f("ix_case_file_officer_id"), "case_file", ["officer_id"], unique=False, schema="enforcement")
    op.create_index(
        op.f("ix_case_file_state_next_due_at"),
        "case_file",
        ["state", "next_due_at"],
        unique=False,
        schema="enforcement",
    )
    op.create_table(
        "observation_photo",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("observation_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_observation_photo_file_id_stored_file")),
        sa.ForeignKeyConstraint(
            ["observation_id"],
            ["enforcement.observation.id"],
            name=op.f("fk_observation_photo_observation_id_observation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_observation_photo")),
        sa.UniqueConstraint("observation_id", "file_id", name=op.f("uq_observation_photo_observation_id_file_id")),
        schema="enforcement",
    )
    op.create_geospatial_table(
        "growing_area",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("title_id", sa.Uuid(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("commune_code", sa.Text(), nullable=False),
        sa.Column(
            "boundary",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column("declared_ha", sa.Numeric(), nullable=False),
        sa.Column("is_sample", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("ST_IsValid(boundary)", name=op.f("ck_growing_area_boundary_valid")),
        sa.CheckConstraint("declared_ha > 0", name=op.f("ck_growing_area_declared_ha_positive")),
        sa.ForeignKeyConstraint(["commune_code"], ["commune.code"], name=op.f("fk_growing_area_commune_code_commune")),
        sa.ForeignKeyConstraint(["holder_id"], ["party.id"], name=op.f("fk_growing_area_holder_id_party")),
        sa.ForeignKeyConstraint(
            ["title_id"], ["protection_title.id"], name=op.f("fk_growing_area_title_id_protection_title")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_growing_area")),
        sa.UniqueConstraint("holder_id", "name", name=op.f("uq_growing_area_holder_id_name")),
    )
    op.create_geospatial_index(
        op.f("ix_growing_area_boundary"),
        "growing_area",
        ["boundary"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(op.f("ix_growing_area_holder_id"), "growing_area", ["holder_id"], unique=False)
    op.create_table(
        "contact",
        sa.Column("tip_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("consented_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tip_id"], ["tip.id"], name=op.f("fk_contact_tip_id_tip")),
        sa.PrimaryKeyConstraint("tip_id", name=op.f("pk_contact")),
        schema="informant",
    )
    op.create_geospatial_table(
        "production_site",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("title_id", sa.Uuid(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "vat", "hive", "barn", "workshop", name="sitekind", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("commune_code", sa.Text(), nullable=False),
        sa.Column(
            "location",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column("capacity_g", sa.BigInteger(), nullable=False),
        sa.Column("is_sample", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("capacity_g > 0", name=op.f("ck_production_site_capacity_positive")),
        sa.ForeignKeyConstraint(
            ["commune_code"], ["commune.code"], name=op.f("fk_production_site_commune_code_commune")
        ),
        sa.ForeignKeyConstraint(["holder_id"], ["party.id"], name=op.f("fk_production_site_holder_id_party")),
        sa.ForeignKeyConstraint(
            ["title_id"], ["protection_title.id"], name=op.f("fk_production_site_title_id_protection_title")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_production_site")),
        sa.UniqueConstraint("holder_id", "name", name=op.f("uq_production_site_holder_id_name")),
    )
    op.create_index(op.f("ix_production_site_holder_id"), "production_site", ["holder_id"], unique=False)
    op.create_geospatial_index(
        op.f("ix_production_site_location"),
        "production_site",
        ["location"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_table(
        "role_grant",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "packer",
                "clerk",
                "manager",
                "controller",
                "certifier",
                "science_department",
                "agriculture_department",
                "commune_officer",
                "inspector",
                "officer",
                "team_head",
                "branch_head",
                "custodian",
                "auditor",
                "administrator",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("valid_during", postgresql.DATERANGE(), nullable=False),
        sa.Column("granted_by", sa.Uuid(), nullable=True),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("user_id"), "="),
            (sa.column("party_id"), "="),
            (sa.column("role"), "="),
            (sa.column("valid_during"), "&&"),
            using="gist",
            name="ex_role_grant_no_overlap",
        ),
        sa.CheckConstraint("NOT isempty(valid_during)", name=op.f("ck_role_grant_period_not_empty")),
        sa.ForeignKeyConstraint(["granted_by"], ["app_user.id"], name=op.f("fk_role_grant_granted_by_app_user")),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_role_grant_party_id_party")),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("fk_role_grant_user_id_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_grant")),
    )
    op.create_index(op.f("ix_role_grant_party_id"), "role_grant", ["party_id"], unique=False)
    op.create_index(op.f("ix_role_grant_user_id"), "role_grant", ["user_id"], unique=False)
    op.create_table(
        "season",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("runs_during", postgresql.DATERANGE(), nullable=False),
        sa.Column("yield_cap_kg_per_ha", sa.Integer(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("NOT isempty(runs_during)", name=op.f("ck_season_period_not_empty")),
        sa.CheckConstraint("yield_cap_kg_per_ha > 0", name=op.f("ck_season_yield_cap_positive")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_season_product_id_product")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_season")),
        sa.UniqueConstraint("product_id", "name", name=op.f("uq_season_product_id_name")),
    )
    op.create_table(
        "tip_photo",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("tip_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_tip_photo_file_id_stored_file")),
        sa.ForeignKeyConstraint(["tip_id"], ["tip.id"], name=op.f("fk_tip_photo_tip_id_tip")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tip_photo")),
        sa.UniqueConstraint("tip_id", "file_id", name=op.f("uq_tip_photo_tip_id_file_id")),
    )
    op.create_table(
        "title_role",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("title_id", sa.Uuid(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "owner",
                "registrant",
                "managing_body",
                "control_body",
                name="titlerolekind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("valid_during", postgresql.DATERANGE(), nullable=False),
        sa.Column("deciding_document", sa.Text(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("title_id"), "="),
            (sa.column("role"), "="),
            (sa.column("party_id"), "="),
            (sa.column("valid_during"), "&&"),
            using="gist",
            name="ex_title_role_no_overlap",
        ),
        postgresql.ExcludeConstraint(
            (sa.column("title_id"), "="),
            (sa.column("role"), "="),
            (sa.column("valid_during"), "&&"),
            where=sa.text("role IN ('owner', 'managing_body')"),
            using="gist",
            name="ex_title_role_one_at_a_time",
        ),
        sa.CheckConstraint("NOT isempty(valid_during)", name=op.f("ck_title_role_period_not_empty")),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_title_role_party_id_party")),
        sa.ForeignKeyConstraint(
            ["title_id"], ["protection_title.id"], name=op.f("fk_title_role_title_id_protection_title")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_title_role")),
    )
    op.create_index(op.f("ix_title_role_party_id"), "title_role", ["party_id"], unique=False)
    op.create_index(op.f("ix_title_role_title_id"), "title_role", ["title_id"], unique=False)
    op.create_table(
        "use_certificate",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("title_id", sa.Uuid(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("valid_during", postgresql.DATERANGE(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "active",
                "suspended",
                "revoked",
                "given_up",
                name="certificatestatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("status_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=True),
        sa.Column("is_sample", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("title_id"), "="),
            (sa.column("holder_id"), "="),
            (sa.column("valid_during"), "&&"),
            where=sa.text("status IN ('active', 'suspended')"),
            using="gist",
            name="ex_use_certificate_one_live",
        ),
        sa.CheckConstraint(
            "status = 'active' OR status_reason IS NOT NULL", name=op.f("ck_use_certificate_reason_unless_active")
        ),
        sa.CheckConstraint(
            "NOT isempty(valid_during) AND upper(valid_during) IS NOT NULL",
            name=op.f("ck_use_certificate_period_bounded"),
        ),
        sa.ForeignKeyConstraint(["holder_id"], ["party.id"], name=op.f("fk_use_certificate_holder_id_party")),
        sa.ForeignKeyConstraint(
            ["title_id"], ["protection_title.id"], name=op.f("fk_use_certificate_title_id_protection_title")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_use_certificate")),
        sa.UniqueConstraint("number", name=op.f("uq_use_certificate_number")),
    )
    op.create_index(op.f("ix_use_certificate_holder_id"), "use_certificate", ["holder_id"], unique=False)
    op.create_table(
        "certificate_source",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("certificate_id", sa.Uuid(), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=True),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("num_nonnulls(area_id, site_id) = 1", name=op.f("ck_certificate_source_area_or_site")),
        sa.ForeignKeyConstraint(
            ["area_id"], ["growing_area.id"], name=op.f("fk_certificate_source_area_id_growing_area")
        ),
        sa.ForeignKeyConstraint(
            ["certificate_id"],
            ["use_certificate.id"],
            name=op.f("fk_certificate_source_certificate_id_use_certificate"),
        ),
        sa.ForeignKeyConstraint(
            ["site_id"], ["production_site.id"], name=op.f("fk_certificate_source_site_id_production_site")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificate_source")),
        sa.UniqueConstraint("certificate_id", "area_id", name=op.f("uq_certificate_source_certificate_id_area_id")),
        sa.UniqueConstraint("certificate_id", "site_id", name=op.f("uq_certificate_source_certificate_id_site_id")),
    )
    op.create_index(op.f("ix_certificate_source_area_id"), "certificate_source", ["area_id"], unique=False)
    op.create_index(op.f("ix_certificate_source_site_id"), "certificate_source", ["site_id"], unique=False)
    op.create_table(
        "certificate_status_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("certificate_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=True),
        sa.Column(
            "was",
            sa.Enum(
                "active",
                "suspended",
                "revoked",
                "given_up",
                name="was",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column(
            "becomes",
            sa.Enum(
                "active",
                "suspended",
                "revoked",
                "given_up",
                name="becomes",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("document_number", sa.Text(), nullable=True),
        sa.CheckConstraint("length(btrim(reason)) > 0", name=op.f("ck_certificate_status_change_reason_present")),
        sa.ForeignKeyConstraint(["by"], ["app_user.id"], name=op.f("fk_certificate_status_change_by_app_user")),
        sa.ForeignKeyConstraint(
            ["certificate_id"],
            ["use_certificate.id"],
            name=op.f("fk_certificate_status_change_certificate_id_use_certificate"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificate_status_change")),
    )
    op.create_index(
        op.f("ix_certificate_status_change_certificate_id_at"),
        "certificate_status_change",
        ["certificate_id", "at"],
        unique=False,
    )
    op.create_table(
        "control_visit",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("title_id", sa.Uuid(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=True),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column(
            "level",
            sa.Enum(
                "self",
                "internal",
                "external",
                name="controllevel",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("visited_on", sa.Date(), nullable=False),
        sa.Column("controller_id", sa.Uuid(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("num_nonnulls(area_id, site_id) = 1", name=op.f("ck_control_visit_area_or_site")),
        sa.ForeignKeyConstraint(["area_id"], ["growing_area.id"], name=op.f("fk_control_visit_area_id_growing_area")),
        sa.ForeignKeyConstraint(
            ["controller_id"], ["app_user.id"], name=op.f("fk_control_visit_controller_id_app_user")
        ),
        sa.ForeignKeyConstraint(["holder_id"], ["party.id"], name=op.f("fk_control_visit_holder_id_party")),
        sa.ForeignKeyConstraint(
            ["site_id"], ["production_site.id"], name=op.f("fk_control_visit_site_id_production_site")
        ),
        sa.ForeignKeyConstraint(
            ["title_id"], ["protection_title.id"], name=op.f("fk_control_visit_title_id_protection_title")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_control_visit")),
    )
    op.create_index(op.f("ix_control_visit_area_id"), "control_visit", ["area_id"], unique=False)
    op.create_index(
        op.f("ix_control_visit_holder_id_visited_on"), "control_visit", ["holder_id", "visited_on"], unique=False
    )
    op.create_index(op.f("ix_control_visit_site_id"), "control_visit", ["site_id"], unique=False)
    op.create_table(
        "eligible_balance",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("season_id", sa.Uuid(), nullable=False),
        sa.Column("eligible_g", sa.BigInteger(), nullable=False),
        sa.Column("issued_g", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("eligible_g >= 0", name=op.f("ck_eligible_balance_eligible_not_negative")),
        sa.CheckConstraint("issued_g <= eligible_g", name=op.f("ck_eligible_balance_within_eligible_volume")),
        sa.CheckConstraint("issued_g >= 0", name=op.f("ck_eligible_balance_issued_not_negative")),
        sa.ForeignKeyConstraint(["holder_id"], ["party.id"], name=op.f("fk_eligible_balance_holder_id_party")),
        sa.ForeignKeyConstraint(["season_id"], ["season.id"], name=op.f("fk_eligible_balance_season_id_season")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_eligible_balance")),
        sa.UniqueConstraint("holder_id", "season_id", name=op.f("uq_eligible_balance_holder_id_season_id")),
    )
    op.create_index(op.f("ix_eligible_balance_season_id"), "eligible_balance", ["season_id"], unique=False)
    op.create_table(
        "case_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=False),
        sa.Column("deed", sa.Text(), nullable=False),
        sa.Column(
            "move",
            sa.Enum(
                "screen",
                "assign_verification",
                "propose_inspection",
                "return_proposal",
                "decide_inspection",
                "cancel_inspection",
                "start_inspection",
                "end_inspection",
                "record_violation",
                "open_explanation",
                "prepare_decision",
                "penalise",
                "order_remedy",
                "start_execution",
                "find_no_violation",
                "forward",
                "transfer",
                "transfer_criminal",
                "take_back",
                "close",
                "archive",
                name="move",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column(
            "was",
            sa.Enum(
                "received",
                "screened",
                "verifying",
                "no_violation_notified",
                "forwarded",
                "inspection_proposed",
                "inspection_decided",
                "inspecting",
                "post_verification",
                "violation_recorded",
                "explanation",
                "decision_due",
                "penalised",
                "remedial_only",
                "transferred",
                "criminal_transfer",
                "executing",
                "closed",
                "archived",
                name="was",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column(
            "becomes",
            sa.Enum(
                "received",
                "screened",
                "verifying",
                "no_violation_notified",
                "forwarded",
                "inspection_proposed",
                "inspection_decided",
                "inspecting",
                "post_verification",
                "violation_recorded",
                "explanation",
                "decision_due",
                "penalised",
                "remedial_only",
                "transferred",
                "criminal_transfer",
                "executing",
                "closed",
                "archived",
                name="becomes",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("(move IS NULL) = (becomes IS NULL)", name=op.f("ck_case_event_move_has_target")),
        sa.CheckConstraint("seq > 0", name=op.f("ck_case_event_seq_positive")),
        sa.ForeignKeyConstraint(["by"], ["app_user.id"], name=op.f("fk_case_event_by_app_user")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["enforcement.case_file.id"], name=op.f("fk_case_event_case_id_case_file")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_event")),
        sa.UniqueConstraint("case_id", "seq", name=op.f("uq_case_event_case_id_seq")),
        schema="enforcement",
    )
    op.create_table(
        "deadline",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "report_up",
                "complaint_accept",
                "complaint_resolve",
                "denunciation_accept",
                "denunciation_resolve",
                "inspection_start",
                "inspection_on_site",
                "post_verification",
                "no_violation_notice",
                "violation_record",
                "record_after_assessment",
                "explanation_oral_request",
                "explanation_written",
                "penalty_decision",
                "seizure",
                "delivery",
                "delivery_posting",
                "deemed_served",
                "execution",
                "enforceability",
                "limitation_general",
                "limitation_ip",
                "ins_upload",
                "platform_takedown",
                name="deadlinekind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("rule_version", sa.Text(), nullable=False),
        sa.Column("needs_verification", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("met_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint("due_at > started_at", name=op.f("ck_deadline_due_after_start")),
        sa.CheckConstraint("met_at IS NULL OR stopped_at IS NULL", name=op.f("ck_deadline_met_or_stopped")),
        sa.ForeignKeyConstraint(["case_id"], ["enforcement.case_file.id"], name=op.f("fk_deadline_case_id_case_file")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deadline")),
        schema="enforcement",
    )
    op.create_index(op.f("ix_deadline_case_id"), "deadline", ["case_id"], unique=False, schema="enforcement")
    op.create_index(
        "uq_deadline_running",
        "deadline",
        ["case_id", "kind"],
        unique=True,
        schema="enforcement",
        postgresql_where=sa.text("met_at IS NULL AND stopped_at IS NULL"),
    )
    op.create_table(
        "evidence",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("folio", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_by", sa.Uuid(), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_evidence_sha256_hex")),
        sa.CheckConstraint("folio > 0", name=op.f("ck_evidence_folio_positive")),
        sa.ForeignKeyConstraint(["added_by"], ["app_user.id"], name=op.f("fk_evidence_added_by_app_user")),
        sa.ForeignKeyConstraint(["case_id"], ["enforcement.case_file.id"], name=op.f("fk_evidence_case_id_case_file")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_evidence_file_id_stored_file")),
        sa.ForeignKeyConstraint(["taken_by"], ["app_user.id"], name=op.f("fk_evidence_taken_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
        sa.UniqueConstraint("case_id", "file_id", name=op.f("uq_evidence_case_id_file_id")),
        sa.UniqueConstraint("case_id", "folio", name=op.f("uq_evidence_case_id_folio")),
        schema="enforcement",
    )
    op.create_table(
        "signal",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "tip",
                "observation",
                "system",
                "right_holder",
                "agency",
                name="signalsource",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("source_ref", sa.Text(), nullable=False),
        sa.Column("source_number", sa.Text(), nullable=False),
        sa.Column("serial", sa.BigInteger(), nullable=True),
        sa.Column("holder_id", sa.Uuid(), nullable=True),
        sa.Column("commune_code", sa.Text(), nullable=True),
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "new",
                "waiting",
                "in_case",
                "rejected",
                name="signalstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "infringement",
                "exposed_code",
                "data_error",
                "no_violation",
                "undetermined",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("wait_until", sa.Date(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("(state = 'in_case') = (case_id IS NOT NULL)", name=op.f("ck_signal_case_iff_in_case")),
        sa.CheckConstraint("(state = 'new') = (decided_by IS NULL)", name=op.f("ck_signal_decider_unless_new")),
        sa.CheckConstraint(
            "state <> 'rejected' OR (reason IS NOT NULL AND outcome IS NOT NULL)",
            name=op.f("ck_signal_reason_when_rejected"),
        ),
        sa.CheckConstraint(
            "state <> 'waiting' OR (reason IS NOT NULL AND wait_until IS NOT NULL)",
            name=op.f("ck_signal_reason_when_waiting"),
        ),
        sa.CheckConstraint("severity BETWEEN 1 AND 3", name=op.f("ck_signal_severity_range")),
        sa.ForeignKeyConstraint(["case_id"], ["enforcement.case_file.id"], name=op.f("fk_signal_case_id_case_file")),
        sa.ForeignKeyConstraint(["commune_code"], ["commune.code"], name=op.f("fk_signal_commune_code_commune")),
        sa.ForeignKeyConstraint(["decided_by"], ["app_user.id"], name=op.f("fk_signal_decided_by_app_user")),
        sa.ForeignKeyConstraint(["holder_id"], ["party.id"], name=op.f("fk_signal_holder_id_party")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signal")),
        sa.UniqueConstraint("source", "source_ref", name=op.f("uq_signal_source_source_ref")),
        schema="enforcement",
    )
    op.create_index(op.f("ix_signal_case_id"), "signal", ["case_id"], unique=False, schema="enforcement")
    op.create_index(op.f("ix_signal_holder_id"), "signal", ["holder_id"], unique=False, schema="enforcement")
    op.create_index(
        "ix_signal_queue", "signal", ["state", "severity", "received_at"], unique=False, schema="enforcement"
    )
    op.create_index(op.f("ix_signal_serial"), "signal", ["serial"], unique=False, schema="enforcement")
    op.create_table(
        "growing_area_code",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("market", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "active",
                "warned",
                "suspended",
                "revoked",
                name="areacodestatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("valid_during", postgresql.DATERANGE(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("scheme"), "="),
            (sa.column("code"), "="),
            (sa.column("market"), "="),
            (sa.column("valid_during"), "&&"),
            using="gist",
            name="ex_growing_area_code_one_state",
        ),
        sa.CheckConstraint("NOT isempty(valid_during)", name=op.f("ck_growing_area_code_period_not_empty")),
        sa.ForeignKeyConstraint(
            ["area_id"], ["growing_area.id"], name=op.f("fk_growing_area_code_area_id_growing_area")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_growing_area_code")),
    )
    op.create_index(op.f("ix_growing_area_code_area_id"), "growing_area_code", ["area_id"], unique=False)
    op.create_table(
        "reading",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("tip_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("length(btrim(reason)) >= 10", name=op.f("ck_reading_reason_said")),
        sa.ForeignKeyConstraint(["by"], ["app_user.id"], name=op.f("fk_reading_by_app_user")),
        sa.ForeignKeyConstraint(["tip_id"], ["informant.contact.tip_id"], name=op.f("fk_reading_tip_id_contact")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reading")),
        schema="informant",
    )
    op.create_index(op.f("ix_reading_tip_id"), "reading", ["tip_id"], unique=False, schema="informant")
    op.create_table(
        "lot",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("certificate_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("season_id", sa.Uuid(), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=True),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("volume_g", sa.BigInteger(), nullable=False),
        sa.Column("labelled_g", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("harvested_on", sa.Date(), nullable=False),
        sa.Column("packed_on", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft", "certified", "recalled", name="lotstate", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("certified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("certified_by", sa.Uuid(), nullable=True),
        sa.Column("recall_reason", sa.Text(), nullable=True),
        sa.Column("is_sample", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("(state = 'draft') = (certified_at IS NULL)", name=op.f("ck_lot_certified_unless_draft")),
        sa.CheckConstraint(
            "(state = 'recalled') = (recall_reason IS NOT NULL)", name=op.f("ck_lot_reason_iff_recalled")
        ),
        sa.CheckConstraint("harvested_on <= packed_on AND packed_on <= expires_on", name=op.f("ck_lot_dates_ordered")),
        sa.CheckConstraint("labelled_g BETWEEN 0 AND volume_g", name=op.f("ck_lot_within_lot_volume")),
        sa.CheckConstraint("num_nonnulls(area_id, site_id) = 1", name=op.f("ck_lot_area_or_site")),
        sa.CheckConstraint("volume_g > 0", name=op.f("ck_lot_volume_positive")),
        sa.ForeignKeyConstraint(["area_id"], ["growing_area.id"], name=op.f("fk_lot_area_id_growing_area")),
        sa.ForeignKeyConstraint(
            ["certificate_id"], ["use_certificate.id"], name=op.f("fk_lot_certificate_id_use_certificate")
        ),
        sa.ForeignKeyConstraint(["certified_by"], ["app_user.id"], name=op.f("fk_lot_certified_by_app_user")),
        sa.ForeignKeyConstraint(["holder_id"], ["party.id"], name=op.f("fk_lot_holder_id_party")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_lot_product_id_product")),
        sa.ForeignKeyConstraint(["season_id"], ["season.id"], name=op.f("fk_lot_season_id_season")),
        sa.ForeignKeyConstraint(["site_id"], ["production_site.id"], name=op.f("fk_lot_site_id_production_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lot")),
        sa.UniqueConstraint("holder_id", "code", name=op.f("uq_lot_holder_id_code")),
    )
    op.create_index(op.f("ix_lot_area_id"), "lot", ["area_id"], unique=False)
    op.create_index(op.f("ix_lot_certificate_id"), "lot", ["certificate_id"], unique=False)
    op.create_index(op.f("ix_lot_product_id"), "lot", ["product_id"], unique=False)
    op.create_index(op.f("ix_lot_season_id"), "lot", ["season_id"], unique=False)
    op.create_index(op.f("ix_lot_site_id"), "lot", ["site_id"], unique=False)
    op.create_table(
        "custody_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("evidence_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("deed", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=False),
        sa.Column("sha256_seen", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["by"], ["app_user.id"], name=op.f("fk_custody_event_by_app_user")),
        sa.ForeignKeyConstraint(
            ["evidence_id"], ["enforcement.evidence.id"], name=op.f("fk_custody_event_evidence_id_evidence")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custody_event")),
        sa.UniqueConstraint("evidence_id", "seq", name=op.f("uq_custody_event_evidence_id_seq")),
        schema="enforcement",
    )
    op.create_table(
        "label_order",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("certificate_id", sa.Uuid(), nullable=False),
        sa.Column("balance_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("pack_weight_g", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("serials", postgresql.INT8RANGE(), nullable=False),
        sa.Column("layout", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("placed_by", sa.Uuid(), nullable=False),
        postgresql.ExcludeConstraint((sa.column("serials"), "&&"), using="gist", name="ex_label_order_serials_once"),
        sa.CheckConstraint("pack_weight_g > 0", name=op.f("ck_label_order_pack_weight_positive")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_label_order_quantity_positive")),
        sa.CheckConstraint(
            "upper(serials) - lower(serials) = quantity", name=op.f("ck_label_order_serials_match_quantity")
        ),
        sa.ForeignKeyConstraint(
            ["balance_id"], ["eligible_balance.id"], name=op.f("fk_label_order_balance_id_eligible_balance")
        ),
        sa.ForeignKeyConstraint(
            ["certificate_id"], ["use_certificate.id"], name=op.f("fk_label_order_certificate_id_use_certificate")
        ),
        sa.ForeignKeyConstraint(["holder_id"], ["party.id"], name=op.f("fk_label_order_holder_id_party")),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.id"], name=op.f("fk_label_order_lot_id_lot")),
        sa.ForeignKeyConstraint(["placed_by"], ["app_user.id"], name=op.f("fk_label_order_placed_by_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_order")),
        sa.UniqueConstraint("number", name=op.f("uq_label_order_number")),
    )
    op.create_index(op.f("ix_label_order_balance_id"), "label_order", ["balance_id"], unique=False)
    op.create_index(op.f("ix_label_order_certificate_id"), "label_order", ["certificate_id"], unique=False)
    op.create_index(op.f("ix_label_order_holder_id_placed_at"), "label_order", ["holder_id", "placed_at"], unique=False)
    op.create_index(op.f("ix_label_order_lot_id"), "label_order", ["lot_id"], unique=False)
    op.create_table(
        "nonconformity",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("title_id", sa.Uuid(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=True),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column(
            "severity",
            sa.Enum(
                "minor", "major", "critical", name="severity", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("blocking", sa.Boolean(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("found_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("corrective_action", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("verification", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (closed_by IS NULL)", name=op.f("ck_nonconformity_closer_iff_closed")
        ),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (verification IS NULL)", name=op.f("ck_nonconformity_verified_iff_closed")
        ),
        sa.CheckConstraint("due_on >= found_on", name=op.f("ck_nonconformity_dates_ordered")),
        sa.CheckConstraint("length(btrim(description)) > 0", name=op.f("ck_nonconformity_description_present")),
        sa.CheckConstraint("num_nonnulls(area_id, site_id) <= 1", name=op.f("ck_nonconformity_at_most_one_source")),
        sa.ForeignKeyConstraint(["area_id"], ["growing_area.id"], name=op.f("fk_nonconformity_area_id_growing_area")),
        sa.ForeignKeyConstraint(["closed_by"], ["app_user.id"], name=op.f("fk_nonconformity_closed_by_app_user")),
        sa.ForeignKeyConstraint(["holder_id"], ["party.id"], name=op.f("fk_nonconformity_holder_id_party")),
        sa.ForeignKeyConstraint(["recorded_by"], ["app_user.id"], name=op.f("fk_nonconformity_recorded_by_app_user")),
        sa.ForeignKeyConstraint(
            ["site_id"], ["production_site.id"], name=op.f("fk_nonconformity_site_id_production_site")
        ),
        sa.ForeignKeyConstraint(
            ["title_id"], ["protection_title.id"], name=op.f("fk_nonconformity_title_id_protection_title")
        ),
        sa.ForeignKeyConstraint(
            ["visit_id"], ["control_visit.id"], name=op.f("fk_nonconformity_visit_id_control_visit")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nonconformity")),
    )
    op.create_index(op.f("ix_nonconformity_area_id"), "nonconformity", ["area_id"], unique=False)
    op.create_index(op.f("ix_nonconformity_holder_id"), "nonconformity", ["holder_id"], unique=False)
    op.create_index(
        "ix_nonconformity_open_blocking",
        "nonconformity",
        ["holder_id"],
        unique=False,
        postgresql_where=sa.text("blocking AND closed_at IS NULL"),
    )
    op.create_index(op.f("ix_nonconformity_site_id"), "nonconformity", ["site_id"], unique=False)
    op.create_table(
        "label_handover",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("serials", postgresql.INT8RANGE(), nullable=False),
        sa.Column("giver_id", sa.Uuid(), nullable=False),
        sa.Column("taker_id", sa.Uuid(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "offered",
                "taken",
                "refused",
                "withdrawn",
                name="handoverstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("offered_by", sa.Uuid(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.column("serials"), "&&"),
            where=sa.text("state = 'offered'"),
            using="gist",
            name="ex_label_handover_one_offer",
        ),
        sa.CheckConstraint(
            "(state = 'offered') = (answered_at IS NULL)", name=op.f("ck_label_handover_answered_unless_offered")
        ),
        sa.CheckConstraint(
            "answered_by <> offered_by OR state = 'withdrawn'", name=op.f("ck_label_handover_two_persons")
        ),
        sa.CheckConstraint(
            "(answered_at IS NULL) = (answered_by IS NULL)", name=op.f("ck_label_handover_answerer_iff_answered")
        ),
        sa.CheckConstraint("giver_id <> taker_id", name=op.f("ck_label_handover_two_parties")),
        sa.ForeignKeyConstraint(["answered_by"], ["app_user.id"], name=op.f("fk_label_handover_answered_by_app_user")),
        sa.ForeignKeyConstraint(["giver_id"], ["party.id"], name=op.f("fk_label_handover_giver_id_party")),
        sa.ForeignKeyConstraint(["offered_by"], ["app_user.id"], name=op.f("fk_label_handover_offered_by_app_user")),
        sa.ForeignKeyConstraint(["order_id"], ["label_order.id"], name=op.f("fk_label_handover_order_id_label_order")),
        sa.ForeignKeyConstraint(["taker_id"], ["party.id"], name=op.f("fk_label_handover_taker_id_party")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_handover")),
    )
    op.create_index(op.f("ix_label_handover_order_id"), "label_handover", ["order_id"], unique=False)
    op.create_index(op.f("ix_label_handover_taker_id_state"), "label_handover", ["taker_id", "state"], unique=False)
    op.create_table(
        "label_range",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("serials", postgresql.INT8RANGE(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "ordered",
                "printed",
                "received",
                "handed_over",
                "activated",
                "used",
                "spoiled",
                "lost",
                "returned",
                "voided",
                "recalled",
                name="labelstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("keeper_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=True),
        postgresql.ExcludeConstraint((sa.column("serials"), "&&"), using="gist", name="ex_label_range_serial_once"),
        sa.CheckConstraint(
            "(state IN ('activated', 'used', 'recalled')) = (lot_id IS NOT NULL)",
            name=op.f("ck_label_range_lot_iff_activated"),
        ),
        sa.CheckConstraint(
            "NOT isempty(serials) AND lower(serials) > 0 AND NOT upper_inf(serials)",
            name=op.f("ck_label_range_serials_bounded"),
        ),
        sa.ForeignKeyConstraint(["keeper_id"], ["party.id"], name=op.f("fk_label_range_keeper_id_party")),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.id"], name=op.f("fk_label_range_lot_id_lot")),
        sa.ForeignKeyConstraint(["order_id"], ["label_order.id"], name=op.f("fk_label_range_order_id_label_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_range")),
    )
    op.create_index(op.f("ix_label_range_keeper_id_state"), "label_range", ["keeper_id", "state"], unique=False)
    op.create_index(op.f("ix_label_range_lot_id"), "label_range", ["lot_id"], unique=False)
    op.create_index(op.f("ix_label_range_order_id"), "label_range", ["order_id"], unique=False)
    op.create_table(
        "print_run",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("layout", sa.Text(), nullable=False),
        sa.Column("skip", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("run = 1 OR reason IS NOT NULL", name=op.f("ck_print_run_reprint_has_reason")),
        sa.CheckConstraint("run > 0", name=op.f("ck_print_run_run_positive")),
        sa.ForeignKeyConstraint(["by"], ["app_user.id"], name=op.f("fk_print_run_by_app_user")),
        sa.ForeignKeyConstraint(["order_id"], ["label_order.id"], name=op.f("fk_print_run_order_id_label_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_print_run")),
    )
    op.create_index("uq_print_run_order_run", "print_run", ["order_id", "run"], unique=True)
    op.create_table(
        "label_movement",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("serials", postgresql.INT8RANGE(), nullable=False),
        sa.Column(
            "move",
            sa.Enum(
                "issue",
                "print",
                "receive",
                "hand_over",
                "activate",
                "use",
                "spoil",
                "lose",
                "return",
                "void",
                "recall",
                name="labelmove",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "was",
            sa.Enum(
                "ordered",
                "printed",
                "received",
                "handed_over",
                "activated",
                "used",
                "spoiled",
                "lost",
                "returned",
                "voided",
                "recalled",
                name="was",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column(
            "becomes",
            sa.Enum(
                "ordered",
                "printed",
                "received",
                "handed_over",
                "activated",
                "used",
                "spoiled",
                "lost",
                "returned",
                "voided",
                "recalled",
                name="becomes",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("keeper_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=True),
        sa.Column("handover_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("(move = 'issue') = (was IS NULL)", name=op.f("ck_label_movement_issue_comes_from_nothing")),
        sa.CheckConstraint(
            "move <> 'hand_over' OR handover_id IS NOT NULL", name=op.f("ck_label_movement_handover_has_two_sides")
        ),
        sa.CheckConstraint(
            "move NOT IN ('spoil', 'lose', 'return', 'void', 'recall') OR reason IS NOT NULL",
            name=op.f("ck_label_movement_reason_for_loss"),
        ),
        sa.CheckConstraint("NOT isempty(serials)", name=op.f("ck_label_movement_serials_not_empty")),
        sa.ForeignKeyConstraint(["by"], ["app_user.id"], name=op.f("fk_label_movement_by_app_user")),
        sa.ForeignKeyConstraint(
            ["handover_id"], ["label_handover.id"], name=op.f("fk_label_movement_handover_id_label_handover")
        ),
        sa.ForeignKeyConstraint(["keeper_id"], ["party.id"], name=op.f("fk_label_movement_keeper_id_party")),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.id"], name=op.f("fk_label_movement_lot_id_lot")),
        sa.ForeignKeyConstraint(["order_id"], ["label_order.id"], name=op.f("fk_label_movement_order_id_label_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_movement")),
    )
    op.create_index(op.f("ix_label_movement_handover_id"), "label_movement", ["handover_id"], unique=False)
    op.create_index(op.f("ix_label_movement_order_id_at"), "label_movement", ["order_id", "at"], unique=False)
    op.create_index(
        op.f("ix_label_movement_serials"), "label_movement", ["serials"], unique=False, postgresql_using="gist"
    )
    op.execute("CREATE TABLE public.scan_default PARTITION OF public.scan DEFAULT")
    for qualified in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {qualified} "
            "FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()"
        )
    _raw(SCAN_MONTHS)
    _raw(VERIFY_LABEL)


def downgrade() -> None:
    """Take everything away again. The extensions stay: others may use them."""
    op.execute("DROP FUNCTION public.verify_label, public.make_scan_months")
    op.drop_index(op.f("ix_label_movement_serials"), table_name="label_movement", postgresql_using="gist")
    op.drop_index(op.f("ix_label_movement_order_id_at"), table_name="label_movement")
    op.drop_index(op.f("ix_label_movement_handover_id"), table_name="label_movement")
    op.drop_table("label_movement")
    op.drop_index("uq_print_run_order_run", table_name="print_run")
    op.drop_table("print_run")
    op.drop_index(op.f("ix_label_range_order_id"), table_name="label_range")
    op.drop_index(op.f("ix_label_range_lot_id"), table_name="label_range")
    op.drop_index(op.f("ix_label_range_keeper_id_state"), table_name="label_range")
    op.drop_table("label_range")
    op.drop_index(op.f("ix_label_handover_taker_id_state"), table_name="label_handover")
    op.drop_index(op.f("ix_label_handover_order_id"), table_name="label_handover")
    op.drop_table("label_handover")
    op.drop_index(op.f("ix_nonconformity_site_id"), table_name="nonconformity")
    op.drop_index(
        "ix_nonconformity_open_blocking",
        table_name="nonconformity",
        postgresql_where=sa.text("blocking AND closed_at IS NULL"),
    )
    op.drop_index(op.f("ix_nonconformity_holder_id"), table_name="nonconformity")
    op.drop_index(op.f("ix_nonconformity_area_id"), table_name="nonconformity")
    op.drop_table("nonconformity")
    op.drop_index(op.f("ix_label_order_lot_id"), table_name="label_order")
    op.drop_index(op.f("ix_label_order_holder_id_placed_at"), table_name="label_order")
    op.drop_index(op.f("ix_label_order_certificate_id"), table_name="label_order")
    op.drop_index(op.f("ix_label_order_balance_id"), table_name="label_order")
    op.drop_table("label_order")
    op.drop_table("custody_event", schema="enforcement")
    op.drop_index(op.f("ix_lot_site_id"), table_name="lot")
    op.drop_index(op.f("ix_lot_season_id"), table_name="lot")
    op.drop_index(op.f("ix_lot_product_id"), table_name="lot")
    op.drop_index(op.f("ix_lot_certificate_id"), table_name="lot")
    op.drop_index(op.f("ix_lot_area_id"), table_name="lot")
    op.drop_table("lot")
    op.drop_index(op.f("ix_reading_tip_id"), table_name="reading", schema="informant")
    op.drop_table("reading", schema="informant")
    op.drop_index(op.f("ix_growing_area_code_area_id"), table_name="growing_area_code")
    op.drop_table("growing_area_code")
    op.drop_index(op.f("ix_signal_serial"), table_name="signal", schema="enforcement")
    op.drop_index("ix_signal_queue", table_name="signal", schema="enforcement")
    op.drop_index(op.f("ix_signal_holder_id"), table_name="signal", schema="enforcement")
    op.drop_index(op.f("ix_signal_case_id"), table_name="signal", schema="enforcement")
    op.drop_table("signal", schema="enforcement")
    op.drop_table("evidence", schema="enforcement")
    op.drop_index(
        "uq_deadline_running",
        table_name="deadline",
        schema="enforcement",
        postgresql_where=sa.text("met_at IS NULL AND stopped_at IS NULL"),
    )
    op.drop_index(op.f("ix_deadline_case_id"), table_name="deadline", schema="enforcement")
    op.drop_table("deadline", schema="enforcement")
    op.drop_table("case_event", schema="enforcement")
    op.drop_index(op.f("ix_eligible_balance_season_id"), table_name="eligible_balance")
    op.drop_table("eligible_balance")
    op.drop_index(op.f("ix_control_visit_site_id"), table_name="control_visit")
    op.drop_index(op.f("ix_control_visit_holder_id_visited_on"), table_name="control_visit")
    op.drop_index(op.f("ix_control_visit_area_id"), table_name="control_visit")
    op.drop_table("control_visit")
    op.drop_index(op.f("ix_certificate_status_change_certificate_id_at"), table_name="certificate_status_change")
    op.drop_table("certificate_status_change")
    op.drop_index(op.f("ix_certificate_source_site_id"), table_name="certificate_source")
    op.drop_index(op.f("ix_certificate_source_area_id"), table_name="certificate_source")
    op.drop_table("certificate_source")
    op.drop_index(op.f("ix_use_certificate_holder_id"), table_name="use_certificate")
    op.drop_table("use_certificate")
    op.drop_index(op.f("ix_title_role_title_id"), table_name="title_role")
    op.drop_index(op.f("ix_title_role_party_id"), table_name="title_role")
    op.drop_table("title_role")
    op.drop_table("tip_photo")
    op.drop_table("season")
    op.drop_index(op.f("ix_role_grant_user_id"), table_name="role_grant")
    op.drop_index(op.f("ix_role_grant_party_id"), table_name="role_grant")
    op.drop_table("role_grant")
    op.drop_geospatial_index(
        op.f("ix_production_site_location"),
        table_name="production_site",
        postgresql_using="gist",
        column_name="location",
    )
    op.drop_index(op.f("ix_production_site_holder_id"), table_name="production_site")
    op.drop_geospatial_table("production_site")
    op.drop_table("contact", schema="informant")
    op.drop_index(op.f("ix_growing_area_holder_id"), table_name="growing_area")
    op.drop_geospatial_index(
        op.f("ix_growing_area_boundary"), table_name="growing_area", postgresql_using="gist", column_name="boundary"
    )
    op.drop_geospatial_table("growing_area")
    op.drop_table("observation_photo", schema="enforcement")
    op.drop_index(op.f("ix_case_file_state_next_due_at"), table_name="case_file", schema="enforcement")
    op.drop_index(op.f("ix_case_file_officer_id"), table_name="case_file", schema="enforcement")
    op.drop_index("ix_case_file_folded", table_name="case_file", schema="enforcement", postgresql_using="gin")
    op.drop_table("case_file", schema="enforcement")
    op.drop_table("comparison_point")
    op.drop_table("use_regulation")
    op.drop_index(op.f("ix_tip_serial"), table_name="tip")
    op.drop_index(op.f("ix_tip_received_at"), table_name="tip")
    op.drop_table("tip")
    op.drop_index(op.f("ix_stored_file_sha256"), table_name="stored_file")
    op.drop_table("stored_file")
    op.drop_index(op.f("ix_sign_in_session_user_id"), table_name="sign_in_session")
    op.drop_index(op.f("ix_sign_in_session_expires_at"), table_name="sign_in_session")
    op.drop_table("sign_in_session")
    op.drop_table("product")
    op.drop_index("ix_party_folded", table_name="party", postgresql_using="gin")
    op.drop_table("party")
    op.drop_index(op.f("ix_history_subject_id_at"), table_name="history")
    op.drop_index(op.f("ix_history_by"), table_name="history")
    op.drop_index(op.f("ix_history_at"), table_name="history")
    op.drop_table("history")
    op.drop_index(op.f("ix_observation_serial"), table_name="observation", schema="enforcement")
    op.drop_index(op.f("ix_observation_inspector_id"), table_name="observation", schema="enforcement")
    op.drop_geospatial_table("observation", schema="enforcement")
    op.drop_table("commune_alias")
    op.drop_table("unknown_code")
    op.drop_index(op.f("ix_sign_in_attempt_network_hash_at"), table_name="sign_in_attempt")
    op.drop_index(op.f("ix_sign_in_attempt_login_hash_at"), table_name="sign_in_attempt")
    op.drop_table("sign_in_attempt")
    op.drop_index(op.f("ix_scan_serial_at"), table_name="scan")
    op.drop_index(
        op.f("ix_scan_at"),
        table_name="scan",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 16, "autosummarize": True},
    )
    op.drop_table("scan")
    op.drop_geospatial_index(
        op.f("ix_protection_title_area"), table_name="protection_title", postgresql_using="gist", column_name="area"
    )
    op.drop_geospatial_table("protection_title")
    op.drop_table("number_series")
    op.drop_table("label_series")
    op.drop_table("label_key")
    op.drop_index(op.f("ix_idempotency_key_at"), table_name="idempotency_key")
    op.drop_table("idempotency_key")
    op.drop_table("holiday", schema="enforcement")
    op.drop_table("deadline_rule", schema="enforcement")
    op.drop_table("device_salt")
    op.drop_table("copy_rule")
    op.drop_index("uq_comparison_serial_device", table_name="comparison")
    op.drop_table("comparison")
    op.drop_index("ix_commune_folded", table_name="commune", postgresql_using="gin")
    op.drop_geospatial_index(
        op.f("ix_commune_boundary"), table_name="commune", postgresql_using="gist", column_name="boundary"
    )
    op.drop_geospatial_table("commune")
    op.drop_table("app_user")
    for name in reversed(SCHEMAS):
        op.execute(f"DROP SCHEMA {name}")
    op.execute("DROP FUNCTION public.refuse_change, public.fold")
