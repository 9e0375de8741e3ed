"""Custody handed on by two, redactions, video, scans for viruses."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision: str = "20261122_desk_evidence"
down_revision: str | None = "20261122_desk_clocks"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

OLD_INCIDENTS = ("guessed_codes", "unissued_codes", "guessed_hidden", "report_flood", "register_copied")
INCIDENTS = (*OLD_INCIDENTS, "evidence_changed", "evidence_infected")
DEEDS = ("taken", "viewed", "fetched", "offered", "received", "refused", "withdrawn", "redacted", "bundled")
ALARMS = ("bytes", "custody", "folio", "virus")
STATES = ("waiting", "made", "failed")
HEX = "~ '^[0-9a-f]{64}$'"

CUSTODY_DIGEST = """
CREATE OR REPLACE FUNCTION enforcement.custody_digest(e enforcement.custody_event) RETURNS text
LANGUAGE sql STABLE
AS $$
    SELECT encode(sha256(convert_to(jsonb_build_array(
        e.evidence_id::text, e.seq, e.deed, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), e.by::text,
        e.other_id::text, e.keeper_id::text, e.place, e.sha256_seen, e.note, e.prev_digest)::text, 'UTF8')), 'hex')
$$
"""

LINK_CUSTODY = """
CREATE OR REPLACE FUNCTION enforcement.link_custody() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    piece enforcement.evidence%ROWTYPE;
    offered uuid;
BEGIN
    SELECT * INTO piece FROM enforcement.evidence e WHERE e.id = NEW.evidence_id FOR NO KEY UPDATE;
    IF NEW.seq <> piece.custody_seq + 1 OR (NEW.seq = 1) <> (NEW.deed = 'taken') THEN
        RAISE EXCEPTION 'custody goes on step by step' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'custody_next_step';
    END IF;
    offered := piece.offered_to_id;
    NEW.keeper_id := coalesce(piece.keeper_id, NEW."by");
    IF NOT coalesce((CASE NEW.deed
        WHEN 'offered' THEN NEW."by" = NEW.keeper_id AND offered IS NULL AND NEW.other_id <> NEW."by"
        WHEN 'received' THEN NEW."by" = offered AND NEW.other_id = NEW.keeper_id
        WHEN 'refused' THEN NEW."by" = offered AND NEW.other_id = NEW.keeper_id
        WHEN 'withdrawn' THEN NEW."by" = NEW.keeper_id AND NEW.other_id = offered
        ELSE NEW.other_id IS NULL END), false)
    THEN
        RAISE EXCEPTION 'a transfer is offered by the keeper and answered by the other side'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'custody_both_confirm';
    END IF;
    IF NEW.deed = 'offered' THEN
        offered := NEW.other_id;
    ELSIF NEW.deed IN ('received', 'refused', 'withdrawn') THEN
        offered := NULL;
    END IF;
    IF NEW.deed = 'received' THEN
        NEW.keeper_id := NEW."by";
    END IF;
    NEW.at := greatest(NEW.at, piece.custody_at);
    NEW.prev_digest := piece.custody_digest;
    NEW.digest := enforcement.custody_digest(NEW);
    UPDATE enforcement.evidence e
       SET custody_seq = NEW.seq, custody_digest = NEW.digest, custody_at = NEW.at, keeper_id = NEW.keeper_id, offered_to_id = offered
     WHERE e.id = NEW.evidence_id;
    RETURN NEW;
END
$$
"""

KEEP_EVIDENCE = """
CREATE OR REPLACE FUNCTION enforcement.keep_evidence() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.folio <> (SELECT coalesce(max(e.folio), 0) + 1 FROM enforcement.evidence e WHERE e.case_id = NEW.case_id) THEN
            RAISE EXCEPTION 'folios are given one after the other'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'evidence_next_folio';
        END IF;
        IF NEW.custody_seq <> 0 OR num_nonnulls(NEW.custody_at, NEW.keeper_id, NEW.offered_to_id) > 0 THEN
            RAISE EXCEPTION 'custody begins with its first step'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'custody_next_step';
        END IF;
        RETURN NEW;
    END IF;
    -- The end of the custody is repeated here by the trigger of its steps, and by nothing else.
    IF TG_OP = 'UPDATE' AND pg_trigger_depth() > 1
       AND to_jsonb(NEW) - ARRAY['custody_seq', 'custody_digest', 'custody_at', 'keeper_id', 'offered_to_id']
         = to_jsonb(OLD) - ARRAY['custody_seq', 'custody_digest', 'custody_at', 'keeper_id', 'offered_to_id']
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'evidence never changes' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'evidence_kept';
END
$$
"""

TRIGGERS = (
    "CREATE TRIGGER evidence_kept BEFORE INSERT OR UPDATE OR DELETE ON enforcement.evidence "
    "FOR EACH ROW EXECUTE FUNCTION enforcement.keep_evidence()",
    "CREATE TRIGGER never_emptied BEFORE TRUNCATE ON enforcement.evidence "
    "FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()",
    "CREATE TRIGGER custody_linked BEFORE INSERT ON enforcement.custody_event "
    "FOR EACH ROW EXECUTE FUNCTION enforcement.link_custody()",
    *(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON enforcement.{table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()"
        for table in ("redaction", "evidence_alarm")
    ),
)


def _kinds(words: Sequence[str]) -> str:
    return "kind IN (" + ", ".join(f"'{word}'" for word in words) + ")"


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _person(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def _id(*, big: bool = False) -> sa.Column[object]:
    if big:
        return sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False)
    return sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False)


def _words(name: str, words: Sequence[str], kind: str) -> sa.Column[object]:
    return sa.Column(
        name, sa.Enum(*words, name=kind, native_enum=False, create_constraint=True, length=40), nullable=False
    )


def _known(table: str, column: str, target: str = "app_user") -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{target.rpartition('.')[2]}")
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name)


def _run(sql: str) -> None:
    """A text with colons, which are no parameters, and percent signs, which are none either."""
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def upgrade() -> None:
    """Apply the change."""
    _files_and_incidents()
    _evidence()
    _custody()
    _tables()
    for sql in (KEEP_EVIDENCE, CUSTODY_DIGEST, LINK_CUSTODY):
        _run(sql)
    _fill_in()
    for sql in TRIGGERS:
        op.execute(sql)


def _files_and_incidents() -> None:
    op.add_column("stored_file", _moment("scanned_at", nullable=True))
    op.add_column("stored_file", sa.Column("virus", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_stored_file_virus_by_a_scan"), "stored_file", "virus IS NULL OR scanned_at IS NOT NULL"
    )
    op.create_index(
        "ix_stored_file_unscanned", "stored_file", ["received_at"], postgresql_where=sa.text("scanned_at IS NULL")
    )
    op.drop_constraint(op.f("ck_incident_incidentkind"), "incident", type_="check")
    op.create_check_constraint(op.f("ck_incident_incidentkind"), "incident", _kinds(INCIDENTS))


def _evidence() -> None:
    for column in (
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("location", Geometry("POINT", srid=4326, spatial_index=False), nullable=True),
        sa.Column("accuracy_m", sa.Integer(), nullable=True),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("custody_seq", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("custody_digest", sa.Text(), server_default=sa.text("''"), nullable=False),
        _moment("custody_at", nullable=True),
        _person("keeper_id", nullable=True),
        _person("offered_to_id", nullable=True),
    ):
        op.add_column("evidence", column, schema="enforcement")
    for column in ("keeper_id", "offered_to_id"):
        op.create_foreign_key(
            op.f(f"fk_evidence_{column}_app_user"),
            "evidence",
            "app_user",
            [column],
            ["id"],
            source_schema="enforcement",
        )
    op.create_check_constraint(
        op.f("ck_evidence_accuracy_of_location"),
        "evidence",
        "accuracy_m >= 0 AND (accuracy_m IS NULL OR location IS NOT NULL)",
        schema="enforcement",
    )
    op.create_index(op.f("ix_evidence_file_id"), "evidence", ["file_id"], schema="enforcement")
    op.create_index(
        op.f("ix_evidence_offered_to_id"),
        "evidence",
        ["offered_to_id"],
        schema="enforcement",
        postgresql_where=sa.text("offered_to_id IS NOT NULL"),
    )


def _custody() -> None:
    for column in (
        _person("other_id", nullable=True),
        _person("keeper_id", nullable=True),
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("prev_digest", sa.Text(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=True),
    ):
        op.add_column("custody_event", column, schema="enforcement")
    for column in ("other_id", "keeper_id"):
        op.create_foreign_key(
            op.f(f"fk_custody_event_{column}_app_user"),
            "custody_event",
            "app_user",
            [column],
            ["id"],
            source_schema="enforcement",
        )
    op.alter_column("custody_event", "deed", type_=sa.String(40), schema="enforcement")
    deeds = "deed IN (" + ", ".join(f"'{deed}'" for deed in DEEDS) + ")"
    op.create_check_constraint(op.f("ck_custody_event_custodydeed"), "custody_event", deeds, schema="enforcement")


def _tables() -> None:
    op.create_table(
        "redaction",
        _id(),
        _person("evidence_id"),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("areas", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("brought", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        _moment("made_at"),
        _person("made_by"),
        sa.CheckConstraint("number > 0", name=op.f("ck_redaction_number_positive")),
        sa.CheckConstraint("length(btrim(reason)) BETWEEN 1 AND 4000", name=op.f("ck_redaction_reason_present")),
        sa.CheckConstraint(f"sha256 {HEX}", name=op.f("ck_redaction_sha256_hex")),
        sa.CheckConstraint("brought = (jsonb_array_length(areas) = 0)", name=op.f("ck_redaction_areas_unless_brought")),
        _known("redaction", "evidence_id", "enforcement.evidence"),
        _known("redaction", "file_id", "stored_file"),
        _known("redaction", "made_by"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_redaction")),
        sa.UniqueConstraint("evidence_id", "number", name=op.f("uq_redaction_evidence_id_number")),
        schema="enforcement",
    )
    op.create_index(op.f("ix_redaction_file_id"), "redaction", ["file_id"], schema="enforcement")
    op.create_table(
        "evidence_alarm",
        _id(big=True),
        _person("case_id"),
        sa.Column("folio", sa.Integer(), nullable=False),
        _words("kind", ALARMS, "alarmkind"),
        sa.Column("detail", sa.Text(), nullable=False),
        _moment("found_at"),
        sa.Column("found_on", sa.Date(), nullable=False),
        _known("evidence_alarm", "case_id", "enforcement.case_file"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_alarm")),
        sa.UniqueConstraint(
            "case_id", "folio", "kind", "detail", "found_on", name=op.f("uq_evidence_alarm_case_id_folio_kind_detail_found_on")
        ),
        schema="enforcement",
    )  # fmt: skip
    op.create_table(
        "case_bundle",
        _id(),
        _person("case_id"),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        _moment("asked_at"),
        _person("asked_by"),
        _words("state", STATES, "bundlestate"),
        _moment("taken_up_at", nullable=True),
        _moment("made_at", nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("files", sa.Integer(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("sums_sha256", sa.Text(), nullable=True),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.CheckConstraint("number > 0", name=op.f("ck_case_bundle_number_positive")),
        sa.CheckConstraint("length(btrim(reason)) BETWEEN 1 AND 4000", name=op.f("ck_case_bundle_reason_present")),
        sa.CheckConstraint(
            "(state = 'made') = (num_nonnulls(made_at, sha256, sums_sha256, size, files) = 5)",
            name=op.f("ck_case_bundle_whole_when_made"),
        ),
        sa.CheckConstraint("(state = 'failed') = (fault IS NOT NULL)", name=op.f("ck_case_bundle_fault_when_failed")),
        _known("case_bundle", "case_id", "enforcement.case_file"),
        _known("case_bundle", "asked_by"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_bundle")),
        sa.UniqueConstraint("case_id", "number", name=op.f("uq_case_bundle_case_id_number")),
        schema="enforcement",
    )
    op.create_index(
        op.f("ix_case_bundle_asked_at"),
        "case_bundle",
        ["asked_at"],
        schema="enforcement",
        postgresql_where=sa.text("state = 'waiting'"),
    )


def _fill_in() -> None:
    """Link the steps that there are already, in their order; whoever took a piece in has kept it since."""
    op.execute("ALTER TABLE enforcement.custody_event DISABLE TRIGGER append_only")
    _run(
        """
        DO $$
        DECLARE
            step enforcement.custody_event%ROWTYPE;
            piece enforcement.evidence%ROWTYPE;
        BEGIN
            FOR piece IN SELECT * FROM enforcement.evidence LOOP
                piece.custody_digest := '';
                piece.custody_seq := 0;
                FOR step IN SELECT * FROM enforcement.custody_event c WHERE c.evidence_id = piece.id ORDER BY c.seq LOOP
                    step.keeper_id := coalesce(piece.keeper_id, step.by);
                    step.prev_digest := piece.custody_digest;
                    step.digest := enforcement.custody_digest(step);
                    UPDATE enforcement.custody_event c
                       SET keeper_id = step.keeper_id, prev_digest = step.prev_digest, digest = step.digest WHERE c.id = step.id;
                    piece.custody_seq := step.seq;
                    piece.custody_digest := step.digest;
                    piece.custody_at := step.at;
                    piece.keeper_id := step.keeper_id;
                END LOOP;
                UPDATE enforcement.evidence e
                   SET custody_seq = piece.custody_seq, custody_digest = piece.custody_digest, custody_at = piece.custody_at,
                       keeper_id = piece.keeper_id
                 WHERE e.id = piece.id;
            END LOOP;
        END
        $$
        """
    )
    op.execute("ALTER TABLE enforcement.custody_event ENABLE TRIGGER append_only")
    # A table with waiting trigger events cannot be altered; the checks of the fill-in are made at once.
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for column in ("keeper_id", "prev_digest", "digest"):
        op.alter_column("custody_event", column, nullable=False, schema="enforcement")


def downgrade() -> None:
    """Take it back."""
    op.execute("DROP TRIGGER custody_linked ON enforcement.custody_event")
    op.execute("DROP TRIGGER evidence_kept ON enforcement.evidence")
    op.execute("DROP TRIGGER never_emptied ON enforcement.evidence")
    op.execute("DROP FUNCTION enforcement.link_custody()")
    op.execute("DROP FUNCTION enforcement.custody_digest(enforcement.custody_event)")
    op.execute("DROP FUNCTION enforcement.keep_evidence()")
    for table in ("case_bundle", "evidence_alarm", "redaction"):
        op.drop_table(table, schema="enforcement")
    op.drop_constraint(op.f("ck_custody_event_custodydeed"), "custody_event", schema="enforcement", type_="check")
    op.alter_column("custody_event", "deed", type_=sa.Text(), schema="enforcement")
    for column in ("digest", "prev_digest", "place", "keeper_id", "other_id"):
        op.drop_column("custody_event", column, schema="enforcement")
    op.drop_index("ix_evidence_file_id", "evidence", schema="enforcement")
    for column in (
        "offered_to_id", "keeper_id", "custody_at", "custody_digest", "custody_seq", "device", "accuracy_m", "location", "place",
    ):  # fmt: skip
        op.drop_column("evidence", column, schema="enforcement")
    op.execute("DELETE FROM incident WHERE kind IN ('evidence_changed', 'evidence_infected')")
    op.drop_constraint(op.f("ck_incident_incidentkind"), "incident", type_="check")
    op.create_check_constraint(op.f("ck_incident_incidentkind"), "incident", _kinds(OLD_INCIDENTS))
    op.drop_index("ix_stored_file_unscanned", "stored_file")
    for column in ("virus", "scanned_at"):
        op.drop_column("stored_file", column)
