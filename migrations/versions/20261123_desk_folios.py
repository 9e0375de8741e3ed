"""Folios are counted on the case, so that none is given twice; and a head may hand on what somebody kept who has left."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261123_desk_folios"
down_revision: str | None = "20261123_desk_clusters"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

DEEDS = (
    "taken",
    "viewed",
    "fetched",
    "offered",
    "received",
    "refused",
    "withdrawn",
    "reassigned",
    "redacted",
    "bundled",
)

AT_THE_DESK = """
CREATE OR REPLACE FUNCTION enforcement.at_the_desk(person uuid, moment timestamptz, roles text[]) RETURNS boolean
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN EXISTS (
        SELECT 1 FROM public.app_user u JOIN public.role_grant g ON g.user_id = u.id
         WHERE u.id = person AND u.closed_at IS NULL AND g.role = ANY (roles)
           AND g.valid_during @> (moment AT TIME ZONE 'Asia/Ho_Chi_Minh')::date);
END
$$
"""

LINK_CUSTODY = """
CREATE OR REPLACE FUNCTION enforcement.link_custody() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    piece enforcement.evidence%ROWTYPE;
    offered uuid;
    in_their_stead boolean := false;
BEGIN
    SELECT * INTO piece FROM enforcement.evidence e WHERE e.id = NEW.evidence_id FOR NO KEY UPDATE;
    IF NEW.seq <> piece.custody_seq + 1 OR (NEW.seq = 1) <> (NEW.deed = 'taken') THEN
        RAISE EXCEPTION 'custody goes on step by step' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'custody_next_step';
    END IF;
    offered := piece.offered_to_id;
    NEW.keeper_id := coalesce(piece.keeper_id, NEW."by");
    IF NEW.deed = 'reassigned' OR NEW.deed = 'withdrawn' AND NEW."by" <> NEW.keeper_id THEN
        in_their_stead := enforcement.at_the_desk(NEW."by", NEW.at, ARRAY['team_head', 'branch_head'])
            AND NOT enforcement.at_the_desk(NEW.keeper_id, NEW.at, ARRAY['officer', 'team_head', 'branch_head']);
    END IF;
    IF NOT coalesce((CASE NEW.deed
        WHEN 'offered' THEN NEW."by" = NEW.keeper_id AND offered IS NULL AND NEW.other_id <> NEW."by"
        WHEN 'received' THEN NEW."by" = offered AND NEW.other_id = NEW.keeper_id
        WHEN 'refused' THEN NEW."by" = offered AND NEW.other_id = NEW.keeper_id
        WHEN 'withdrawn' THEN (NEW."by" = NEW.keeper_id OR in_their_stead) AND NEW.other_id = offered
        WHEN 'reassigned' THEN in_their_stead AND offered IS NULL AND NEW.other_id NOT IN (NEW."by", NEW.keeper_id) AND btrim(NEW.note) <> ''
        ELSE NEW.other_id IS NULL END), false)
    THEN
        RAISE EXCEPTION 'a transfer is offered by the keeper and answered by the other side'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'custody_both_confirm';
    END IF;
    IF NEW.deed IN ('offered', 'reassigned') THEN
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
DECLARE
    due int;
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE enforcement.case_file c SET last_folio = c.last_folio + 1 WHERE c.id = NEW.case_id RETURNING c.last_folio INTO due;
        IF NEW.folio <> due THEN
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

KEEP_LAST_FOLIO = """
CREATE OR REPLACE FUNCTION enforcement.keep_last_folio() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF pg_trigger_depth() < 2 OR NEW.last_folio <> OLD.last_folio + 1 THEN
        RAISE EXCEPTION 'a folio is given once' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'last_folio_kept';
    END IF;
    RETURN NEW;
END
$$
"""

LAST_FOLIO_KEPT = (
    "CREATE TRIGGER last_folio_kept BEFORE UPDATE OF last_folio ON enforcement.case_file "
    "FOR EACH ROW EXECUTE FUNCTION enforcement.keep_last_folio()"
)

LINKED_BEFORE = """
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

KEPT_BEFORE = """
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


# Other events than taking in name folios too, and not always their own: a redaction of a merged case's piece is written on the one that
# carries on.
LAST_FOLIOS = """
UPDATE enforcement.case_file c SET last_folio = greatest(
    (SELECT max(e.folio) FROM enforcement.evidence e WHERE e.case_id = c.id),
    (SELECT max((v.facts->>'folio')::int) FROM enforcement.case_event v WHERE v.case_id = c.id AND v.deed = 'take_evidence'), 0)
"""


def upgrade() -> None:
    """Apply the change. What was given so far is the highest folio that is there or that the case says it has given."""
    op.add_column(
        "case_file", sa.Column("last_folio", sa.Integer(), nullable=False, server_default="0"), schema="enforcement"
    )
    op.execute(LAST_FOLIOS)
    op.create_check_constraint(
        op.f("ck_case_file_last_folio_counts"), "case_file", "last_folio >= 0", schema="enforcement"
    )
    op.add_column(
        "redaction", sa.Column("redrawn", sa.Boolean(), nullable=False, server_default=sa.text("false")), schema="enforcement"
    )  # fmt: skip
    op.create_check_constraint(
        op.f("ck_redaction_redrawn_if_brought"), "redaction", "brought OR NOT redrawn", schema="enforcement"
    )
    for sql in (KEEP_LAST_FOLIO, LAST_FOLIO_KEPT, AT_THE_DESK, LINK_CUSTODY, KEEP_EVIDENCE):
        op.execute(sql)
    _deeds(DEEDS)


def downgrade() -> None:
    """Undo the change. Refused by the database where a head has already handed something on."""
    _deeds([deed for deed in DEEDS if deed != "reassigned"])
    op.execute(LINKED_BEFORE)
    op.execute(KEPT_BEFORE)
    op.execute("DROP FUNCTION enforcement.at_the_desk(uuid, timestamptz, text[])")
    op.execute("DROP TRIGGER last_folio_kept ON enforcement.case_file")
    op.execute("DROP FUNCTION enforcement.keep_last_folio()")
    op.drop_constraint(op.f("ck_redaction_redrawn_if_brought"), "redaction", schema="enforcement", type_="check")
    op.drop_column("redaction", "redrawn", schema="enforcement")
    op.drop_constraint(op.f("ck_case_file_last_folio_counts"), "case_file", schema="enforcement", type_="check")
    op.drop_column("case_file", "last_folio", schema="enforcement")


def _deeds(known: Sequence[str]) -> None:
    name = op.f("ck_custody_event_custodydeed")
    op.drop_constraint(name, "custody_event", schema="enforcement", type_="check")
    one_of = "deed IN (" + ", ".join(f"'{deed}'" for deed in known) + ")"
    op.create_check_constraint(name, "custody_event", one_of, schema="enforcement")
