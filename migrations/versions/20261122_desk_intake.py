"""Kinds of intake, clusters of like signals."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision: str = "20261122_desk_intake"
down_revision: str | None = "20261122_leaner_scans"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

SOURCES = ("tip", "observation", "system", "right_holder", "agency")
WHATS = (
    "label_looks_wrong",
    "goods_differ",
    "no_label",
    "scan_warned",
    "other",
    "seen",
    "unknown_code_seen",
    "voided",
    "suspected_copy",
    "not_activated",
    "unknown_code",
    "unknown_serials",
    "void_on_sale",
    "over_balance",
    "repeated_scans",
    "request",
    "transfer",
    "listing",
)
DEADLINES = (
    "report_up", "complaint_accept", "complaint_resolve", "denunciation_accept", "denunciation_resolve", "inspection_start",
    "inspection_on_site", "post_verification", "no_violation_notice", "violation_record", "record_after_assessment",
    "explanation_oral_request", "explanation_written", "penalty_decision", "seizure", "delivery", "delivery_posting", "deemed_served",
    "execution", "enforceability", "limitation_general", "limitation_ip", "ins_upload", "platform_takedown",
)  # fmt: skip

COUNT_CLUSTERS = """
CREATE OR REPLACE FUNCTION enforcement.count_clusters() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    touched uuid[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        touched := ARRAY(SELECT DISTINCT cluster_id FROM came);
        UPDATE enforcement.signal_cluster c
           SET signals = c.signals + d.signals, fresh = c.fresh + d.fresh, waiting = c.waiting + d.waiting,
               newest_at = greatest(c.newest_at, d.newest)
          FROM (SELECT cluster_id, count(*) AS signals, count(*) FILTER (WHERE state = 'new') AS fresh,
                       count(*) FILTER (WHERE state = 'waiting') AS waiting, max(received_at) AS newest
                  FROM came GROUP BY cluster_id) d
         WHERE c.id = d.cluster_id;
    ELSE
        touched := ARRAY(SELECT cluster_id FROM came UNION SELECT cluster_id FROM went);
        UPDATE enforcement.signal_cluster c
           SET signals = c.signals + d.signals, fresh = c.fresh + d.fresh, waiting = c.waiting + d.waiting,
               newest_at = greatest(c.newest_at, d.newest)
          FROM (SELECT cluster_id, sum(one) AS signals, sum(fresh) AS fresh, sum(waiting) AS waiting, max(newest) AS newest
                  FROM (SELECT cluster_id, 1 AS one, (state = 'new')::int AS fresh, (state = 'waiting')::int AS waiting,
                               received_at AS newest FROM came
                        UNION ALL
                        SELECT cluster_id, -1, -(state = 'new')::int, -(state = 'waiting')::int, NULL FROM went) each
                 GROUP BY cluster_id) d
         WHERE c.id = d.cluster_id;
    END IF;
    UPDATE enforcement.signal_cluster c
       SET lead_id = l.id, severity = l.severity, oldest_at = o.oldest_at, due_at = o.due_at, wait_until = o.wait_until
      FROM unnest(touched) AS t(id)
      LEFT JOIN LATERAL (
            SELECT s.id, s.severity FROM enforcement.signal s
             WHERE s.cluster_id = t.id AND s.state IN ('new', 'waiting')
             ORDER BY s.severity DESC, s.received_at LIMIT 1) l ON true
      LEFT JOIN LATERAL (
            SELECT (SELECT min(s.received_at) FROM enforcement.signal s
                     WHERE s.cluster_id = t.id AND s.state IN ('new', 'waiting') AND s.severity = l.severity) AS oldest_at,
                   (SELECT min(s.due_at) FROM enforcement.signal s
                     WHERE s.cluster_id = t.id AND s.state IN ('new', 'waiting') AND s.due_at IS NOT NULL) AS due_at,
                   (SELECT min(s.wait_until) FROM enforcement.signal s
                     WHERE s.cluster_id = t.id AND s.state = 'waiting') AS wait_until) o ON true
     WHERE c.id = t.id AND l.id IS NOT NULL;
    UPDATE enforcement.signal_cluster c
       SET oldest_at = NULL, due_at = NULL, wait_until = NULL
     WHERE c.id = ANY (touched) AND c.fresh + c.waiting = 0;
    RETURN NULL;
END
$$
"""

CLUSTERS_COUNTED = (
    "CREATE TRIGGER clusters_counted_in AFTER INSERT ON enforcement.signal REFERENCING NEW TABLE AS came "
    "FOR EACH STATEMENT EXECUTE FUNCTION enforcement.count_clusters()",
    "CREATE TRIGGER clusters_counted_over AFTER UPDATE ON enforcement.signal REFERENCING OLD TABLE AS went NEW TABLE AS came "
    "FOR EACH STATEMENT EXECUTE FUNCTION enforcement.count_clusters()",
)


def _one_of(table: str, column: str, kind: str, members: Sequence[str]) -> None:
    """Let a column hold exactly these members."""
    name = op.f(f"ck_{table}_{kind}")
    op.drop_constraint(name, table, schema="enforcement", type_="check")
    listed = ", ".join(f"'{member}'" for member in members)
    op.create_check_constraint(name, table, f"{column} IN ({listed})", schema="enforcement")


def upgrade() -> None:
    """Apply the change."""
    _one_of("signal", "source", "signalsource", (*SOURCES, "listing"))
    for table in ("deadline", "deadline_rule"):
        _one_of(table, "kind", "deadlinekind", (*DEADLINES[:5], "request_review", *DEADLINES[5:]))
    op.create_table(
        "signal_cluster",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("signals", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("fresh", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("waiting", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("oldest_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("newest_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wait_until", sa.Date(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lead_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "closed_at IS NULL OR fresh + waiting = 0", name=op.f("ck_signal_cluster_nothing_open_when_closed")
        ),
        sa.CheckConstraint(
            "fresh >= 0 AND waiting >= 0 AND fresh + waiting <= signals", name=op.f("ck_signal_cluster_figures_add_up")
        ),
        sa.CheckConstraint("severity BETWEEN 1 AND 3", name=op.f("ck_signal_cluster_severity_range")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["enforcement.case_file.id"], name=op.f("fk_signal_cluster_case_id_case_file")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signal_cluster")),
        sa.UniqueConstraint("case_id", name=op.f("uq_signal_cluster_case_id")),
        schema="enforcement",
    )
    op.create_index(
        "ix_signal_cluster_queue",
        "signal_cluster",
        [sa.literal_column("due_at NULLS LAST"), sa.literal_column("severity DESC"), "oldest_at", "id"],
        unique=False,
        schema="enforcement",
        postgresql_where=sa.text("fresh > 0 OR waiting > 0"),
    )
    op.create_index(
        "uq_signal_cluster_open",
        "signal_cluster",
        ["key"],
        unique=True,
        schema="enforcement",
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.add_column("signal", sa.Column("cluster_id", sa.Uuid(), nullable=True), schema="enforcement")
    op.add_column("signal", sa.Column("code", sa.Text(), nullable=True), schema="enforcement")
    op.add_column("signal", sa.Column("shop_phone", sa.Text(), nullable=True), schema="enforcement")
    op.add_column(
        "signal",
        sa.Column("location", Geometry("POINT", srid=4326, spatial_index=False), nullable=True),
        schema="enforcement",
    )
    op.add_column("signal", sa.Column("what", sa.String(40), nullable=True), schema="enforcement")
    op.add_column(
        "signal",
        sa.Column("facts", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        schema="enforcement",
    )
    op.add_column("signal", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True), schema="enforcement")
    _place_old_signals()
    op.alter_column("signal", "cluster_id", nullable=False, schema="enforcement")
    op.alter_column("signal", "what", nullable=False, schema="enforcement")
    op.create_foreign_key(
        op.f("fk_signal_cluster_id_signal_cluster"), "signal", "signal_cluster", ["cluster_id"], ["id"],
        source_schema="enforcement", referent_schema="enforcement",
    )  # fmt: skip
    listed = ", ".join(f"'{what}'" for what in WHATS)
    op.create_check_constraint(op.f("ck_signal_what"), "signal", f"what IN ({listed})", schema="enforcement")
    op.create_check_constraint(
        op.f("ck_signal_shop_phone_digits"), "signal", "shop_phone ~ '^0[0-9]{8,10}$'", schema="enforcement"
    )
    op.add_column("observation", sa.Column("shop_phone", sa.Text(), nullable=True), schema="enforcement")
    op.create_check_constraint(
        op.f("ck_observation_shop_phone_digits"), "observation", "shop_phone ~ '^0[0-9]{8,10}$'", schema="enforcement"
    )
    op.create_index(
        "ix_observation_noted", "observation", [sa.literal_column("public.fold(note) gin_trgm_ops")],
        schema="enforcement", postgresql_using="gin",
    )  # fmt: skip
    op.add_column("stored_file", sa.Column("likeness", sa.BigInteger(), nullable=True))
    op.create_table(
        "intake_record",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "tip",
                "complaint",
                "request",
                "transfer",
                "listing",
                name="intakekind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "channel",
            sa.Enum(
                "phone",
                "letter",
                "in_person",
                "email",
                "online",
                name="intakechannel",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("tip_id", sa.Uuid(), nullable=True),
        sa.Column("commune_code", sa.Text(), nullable=True),
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("shop_phone", sa.Text(), nullable=True),
        sa.Column("serial", sa.BigInteger(), nullable=True),
        sa.Column("code_text", sa.Text(), nullable=True),
        sa.Column("listing_url", sa.Text(), nullable=True),
        sa.Column(
            "platform",
            sa.Enum(
                "shopee",
                "lazada",
                "tiktok",
                "facebook",
                "zalo",
                "sendo",
                "other",
                name="platform",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("seen_on", sa.Date(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("agency", sa.Text(), nullable=True),
        sa.Column("agency_number", sa.Text(), nullable=True),
        sa.Column("agency_dated", sa.Date(), nullable=True),
        sa.CheckConstraint("(kind = 'tip') = (tip_id IS NOT NULL)", name=op.f("ck_intake_record_tip_iff_tip")),
        sa.CheckConstraint(
            "kind <> 'listing' OR listing_url IS NOT NULL", name=op.f("ck_intake_record_listing_has_address")
        ),
        sa.CheckConstraint(
            "kind <> 'transfer' OR num_nonnulls(agency, agency_number, agency_dated) = 3",
            name=op.f("ck_intake_record_transfer_has_letter"),
        ),
        sa.CheckConstraint(
            "kind = 'tip' OR length(btrim(body)) BETWEEN 1 AND 4000", name=op.f("ck_intake_record_body_present")
        ),
        sa.CheckConstraint("shop_phone ~ '^0[0-9]{8,10}$'", name=op.f("ck_intake_record_shop_phone_digits")),
        sa.CheckConstraint("received_at <= recorded_at", name=op.f("ck_intake_record_received_before_recorded")),
        sa.ForeignKeyConstraint(["commune_code"], ["commune.code"], name=op.f("fk_intake_record_commune_code_commune")),
        sa.ForeignKeyConstraint(["recorded_by"], ["app_user.id"], name=op.f("fk_intake_record_recorded_by_app_user")),
        sa.ForeignKeyConstraint(["tip_id"], ["tip.id"], name=op.f("fk_intake_record_tip_id_tip")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake_record")),
        sa.UniqueConstraint("number", name=op.f("uq_intake_record_number")),
        sa.UniqueConstraint("tip_id", name=op.f("uq_intake_record_tip_id")),
        schema="enforcement",
    )
    op.create_index(
        "ix_intake_record_folded",
        "intake_record",
        [sa.literal_column("public.fold(body) gin_trgm_ops")],
        unique=False,
        schema="enforcement",
        postgresql_using="gin",
    )
    op.create_index(
        "ix_intake_record_kind", "intake_record", ["kind", "received_at"], unique=False, schema="enforcement"
    )
    op.create_index(
        "uq_intake_record_letter",
        "intake_record",
        [sa.literal_column("public.fold(agency)"), sa.literal_column("public.fold(agency_number)"), "agency_dated"],
        unique=True,
        schema="enforcement",
        postgresql_where=sa.text("agency_number IS NOT NULL"),
    )
    op.create_table(
        "intake_file",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_intake_file_file_id_stored_file")),
        sa.ForeignKeyConstraint(
            ["record_id"], ["enforcement.intake_record.id"], name=op.f("fk_intake_file_record_id_intake_record")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake_file")),
        sa.UniqueConstraint("record_id", "file_id", name=op.f("uq_intake_file_record_id_file_id")),
        schema="enforcement",
    )
    op.create_index(op.f("ix_intake_file_file_id"), "intake_file", ["file_id"], unique=False, schema="enforcement")
    op.create_table(
        "infringement_request",
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("dated", sa.Date(), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("requester", sa.Text(), nullable=False),
        sa.Column("requester_address", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("poa_number", sa.Text(), nullable=True),
        sa.Column("poa_dated", sa.Date(), nullable=True),
        sa.Column("poa_certified", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("infringer", sa.Text(), nullable=False),
        sa.Column("infringer_address", sa.Text(), nullable=True),
        sa.Column("title_id", sa.Uuid(), nullable=True),
        sa.Column("right_in_words", sa.Text(), nullable=True),
        sa.Column("acted_on", sa.Date(), nullable=False),
        sa.Column("measures", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("evidence", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("signed_by", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "received",
                "supplement",
                "accepted",
                "refused",
                name="requeststate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(state IN ('accepted', 'refused')) = (decided_by IS NOT NULL AND decided_at IS NOT NULL)",
            name=op.f("ck_infringement_request_decider_iff_decided"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('refused', 'supplement') OR reason IS NOT NULL",
            name=op.f("ck_infringement_request_reason_said"),
        ),
        sa.CheckConstraint(
            "agent IS NULL OR num_nonnulls(poa_number, poa_dated) = 2",
            name=op.f("ck_infringement_request_agent_has_power"),
        ),
        sa.CheckConstraint(
            "cardinality(measures) > 0 AND cardinality(evidence) > 0",
            name=op.f("ck_infringement_request_measures_and_evidence"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(title_id, right_in_words) > 0", name=op.f("ck_infringement_request_right_named")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["app_user.id"], name=op.f("fk_infringement_request_decided_by_app_user")
        ),
        sa.ForeignKeyConstraint(
            ["record_id"],
            ["enforcement.intake_record.id"],
            name=op.f("fk_infringement_request_record_id_intake_record"),
        ),
        sa.ForeignKeyConstraint(
            ["title_id"], ["protection_title.id"], name=op.f("fk_infringement_request_title_id_protection_title")
        ),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_infringement_request")),
        schema="enforcement",
    )
    op.create_index(
        op.f("ix_infringement_request_title_id"),
        "infringement_request",
        ["title_id"],
        unique=False,
        schema="enforcement",
    )
    op.create_table(
        "complaint",
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("complainant", sa.Text(), nullable=False),
        sa.Column("complainant_address", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column(
            "against",
            sa.Enum("decision", "act", name="complaintagainst", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("body_complained_of", sa.Text(), nullable=False),
        sa.Column("decision_number", sa.Text(), nullable=True),
        sa.Column("decision_dated", sa.Date(), nullable=True),
        sa.Column("learned_on", sa.Date(), nullable=False),
        sa.Column("demand", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "received",
                "accepted",
                "refused",
                "resolved",
                name="complaintstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column(
            "result",
            sa.Enum(
                "upheld",
                "partly",
                "dismissed",
                name="complaintresult",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("resolution_number", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state = 'received') = (answered_by IS NULL)", name=op.f("ck_complaint_answerer_unless_received")
        ),
        sa.CheckConstraint(
            "(state = 'resolved') = (result IS NOT NULL) AND (result IS NULL) = (resolution_number IS NULL)",
            name=op.f("ck_complaint_result_iff_resolved"),
        ),
        sa.CheckConstraint(
            "against <> 'decision' OR num_nonnulls(decision_number, decision_dated) = 2",
            name=op.f("ck_complaint_decision_named"),
        ),
        sa.CheckConstraint("state <> 'refused' OR reason IS NOT NULL", name=op.f("ck_complaint_refusal_has_reason")),
        sa.ForeignKeyConstraint(["answered_by"], ["app_user.id"], name=op.f("fk_complaint_answered_by_app_user")),
        sa.ForeignKeyConstraint(["case_id"], ["enforcement.case_file.id"], name=op.f("fk_complaint_case_id_case_file")),
        sa.ForeignKeyConstraint(
            ["record_id"], ["enforcement.intake_record.id"], name=op.f("fk_complaint_record_id_intake_record")
        ),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_complaint")),
        sa.UniqueConstraint("resolution_number", name=op.f("uq_complaint_resolution_number")),
        schema="enforcement",
    )
    op.create_index(op.f("ix_complaint_case_id"), "complaint", ["case_id"], unique=False, schema="enforcement")
    op.create_table(
        "intake_clock",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "complaint_accept",
                "complaint_resolve",
                "request_review",
                name="intakeclockkind",
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
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "ended_as",
            sa.Enum(
                "fulfilled", "late", "stopped", name="clockend", native_enum=False, create_constraint=True, length=40
            ),
            nullable=True,
        ),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_as IS NULL)", name=op.f("ck_intake_clock_end_has_kind")),
        sa.CheckConstraint("due_at > started_at", name=op.f("ck_intake_clock_due_after_start")),
        sa.ForeignKeyConstraint(
            ["record_id"], ["enforcement.intake_record.id"], name=op.f("fk_intake_clock_record_id_intake_record")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake_clock")),
        schema="enforcement",
    )
    op.create_index(
        "ix_intake_clock_due",
        "intake_clock",
        ["due_at"],
        unique=False,
        schema="enforcement",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        op.f("ix_intake_clock_record_id"), "intake_clock", ["record_id"], unique=False, schema="enforcement"
    )
    op.create_index(
        "uq_intake_clock_running",
        "intake_clock",
        ["record_id", "kind"],
        unique=True,
        schema="enforcement",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "denunciation_receipt",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("receiving_body", sa.Text(), nullable=False),
        sa.Column("sheets", sa.Integer(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("handed_at >= received_at", name=op.f("ck_denunciation_receipt_handed_after_received")),
        sa.CheckConstraint(
            "length(btrim(receiving_body)) BETWEEN 1 AND 200", name=op.f("ck_denunciation_receipt_receiving_body_named")
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by"], ["app_user.id"], name=op.f("fk_denunciation_receipt_recorded_by_app_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_denunciation_receipt")),
        sa.UniqueConstraint("number", name=op.f("uq_denunciation_receipt_number")),
        schema="enforcement",
    )
    op.create_index(
        "ix_signal_cluster",
        "signal",
        ["cluster_id", sa.literal_column("severity DESC"), "received_at"],
        unique=False,
        schema="enforcement",
        postgresql_where=sa.text("state IN ('new', 'waiting')"),
    )
    op.create_index(
        "ix_signal_cluster_all", "signal", ["cluster_id", "received_at"], unique=False, schema="enforcement"
    )
    op.create_index(
        "ix_signal_cluster_due",
        "signal",
        ["cluster_id", "due_at"],
        unique=False,
        schema="enforcement",
        postgresql_where=sa.text("state IN ('new', 'waiting') AND due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_signal_cluster_wait",
        "signal",
        ["cluster_id", "wait_until"],
        unique=False,
        schema="enforcement",
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_signal_code",
        "signal",
        ["code"],
        unique=False,
        schema="enforcement",
        postgresql_where=sa.text("code IS NOT NULL"),
    )
    op.create_index(
        "ix_signal_location",
        "signal",
        [sa.literal_column("(location::geography)")],
        unique=False,
        schema="enforcement",
        postgresql_using="gist",
        postgresql_where=sa.text("location IS NOT NULL"),
    )
    op.create_index(
        "ix_signal_place_folded",
        "signal",
        [sa.literal_column("public.fold(place) gin_trgm_ops")],
        unique=False,
        schema="enforcement",
        postgresql_using="gin",
    )
    op.create_index(
        "ix_signal_received", "signal", ["received_at"], unique=False, schema="enforcement", postgresql_using="brin"
    )
    op.create_index(
        "ix_signal_rule", "signal", ["what", "source_number", "received_at"], unique=False, schema="enforcement"
    )
    op.create_index(
        "ix_signal_shop_phone",
        "signal",
        ["shop_phone"],
        unique=False,
        schema="enforcement",
        postgresql_where=sa.text("shop_phone IS NOT NULL"),
    )
    op.create_index("ix_tip_cell", "tip", ["cell"], unique=False, postgresql_where=sa.text("cell IS NOT NULL"))
    op.create_index(
        "ix_tip_described",
        "tip",
        [sa.literal_column("fold(description) gin_trgm_ops")],
        unique=False,
        postgresql_using="gin",
    )
    op.add_column("signal", sa.Column("record_id", sa.Uuid(), nullable=True), schema="enforcement")
    op.create_foreign_key(
        op.f("fk_signal_record_id_intake_record"), "signal", "intake_record", ["record_id"], ["id"],
        source_schema="enforcement", referent_schema="enforcement",
    )  # fmt: skip
    op.create_index(op.f("ix_signal_record_id"), "signal", ["record_id"], unique=False, schema="enforcement")
    op.create_index(
        "ix_tip_listing", "tip", [sa.literal_column("listing_url gin_trgm_ops")], postgresql_using="gin",
        postgresql_where=sa.text("listing_url IS NOT NULL"),
    )  # fmt: skip
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON enforcement.denunciation_receipt "
        "FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()"
    )
    for sql in (COUNT_CLUSTERS, *CLUSTERS_COUNTED):
        op.execute(sql)


def _place_old_signals() -> None:
    """Each signal that is there becomes a cluster of its own, and says what it said."""
    op.execute("""
        INSERT INTO enforcement.signal_cluster
               (id, key, begun_at, closed_at, signals, fresh, waiting, severity, oldest_at, newest_at, wait_until, lead_id)
        SELECT id, 'single:' || id, received_at, CASE WHEN state IN ('new', 'waiting') THEN NULL ELSE decided_at END, 1,
               (state = 'new')::int, (state = 'waiting')::int, severity,
               CASE WHEN state IN ('new', 'waiting') THEN received_at END, received_at,
               CASE WHEN state = 'waiting' THEN wait_until END, id
          FROM enforcement.signal""")
    op.execute("""
        UPDATE enforcement.signal s
           SET cluster_id = s.id,
               source_ref = s.source_ref || CASE WHEN s.source = 'system' THEN chr(58) || '1' ELSE '' END,
               what = coalesce((SELECT t.reason FROM public.tip t WHERE s.source = 'tip' AND t.id::text = s.source_ref),
                               CASE WHEN s.source = 'system' THEN split_part(s.source_ref, ':', 1)
                                    WHEN s.source = 'observation' THEN 'seen'
                                    WHEN s.source = 'right_holder' THEN 'request'
                                    WHEN s.source = 'agency' THEN 'transfer' ELSE 'other' END)""")


def downgrade() -> None:
    """Take it back."""
    for name in ("clusters_counted_in", "clusters_counted_over"):
        op.execute(f"DROP TRIGGER {name} ON enforcement.signal")
    op.execute("DROP FUNCTION enforcement.count_clusters")
    for index in ("ix_signal_received", "ix_signal_place_folded"):
        op.drop_index(index, table_name="signal", schema="enforcement")
    op.drop_index("ix_tip_described", table_name="tip")
    op.drop_index("ix_tip_listing", table_name="tip")
    op.drop_index("ix_tip_cell", table_name="tip")
    op.drop_column("stored_file", "likeness")
    op.drop_index("ix_observation_noted", table_name="observation", schema="enforcement")
    op.drop_column("observation", "shop_phone", schema="enforcement")
    op.execute(
        "UPDATE enforcement.signal SET source_ref = regexp_replace(source_ref, '[[.colon.]]1$', '') WHERE source = 'system'"
    )
    for column in ("record_id", "cluster_id", "code", "shop_phone", "location", "what", "facts", "due_at"):
        op.drop_column("signal", column, schema="enforcement")
    for table in (
        "denunciation_receipt", "intake_clock", "complaint", "infringement_request", "intake_file", "intake_record", "signal_cluster",
    ):  # fmt: skip
        op.drop_table(table, schema="enforcement")
    op.execute("DELETE FROM enforcement.deadline_rule WHERE kind = 'request_review'")
    for table in ("deadline", "deadline_rule"):
        _one_of(table, "kind", "deadlinekind", DEADLINES)
    # The older schema knows no offers on the web: what came in at the desk some other way is the nearest to it.
    op.execute("UPDATE enforcement.signal SET source = 'agency' WHERE source = 'listing'")
    _one_of("signal", "source", "signalsource", SOURCES)
