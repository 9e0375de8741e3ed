"""What the database itself holds of evidence: folios in a row without gaps, custody linked step by step, rows that never change.

The migration repeats these texts. What must not live here: tables.
"""

from __future__ import annotations

from sqlalchemy import DDL

# The text that a digest is made of is that of a JSON list, the same in PostgreSQL and in Python; `custody.digest_of` says it again.
CUSTODY_DIGEST = """
CREATE OR REPLACE FUNCTION enforcement.custody_digest(e enforcement.custody_event) RETURNS text
LANGUAGE sql STABLE
AS $$
    SELECT encode(sha256(convert_to(jsonb_build_array(
        e.evidence_id::text, e.seq, e.deed, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), e.by::text,
        e.other_id::text, e.keeper_id::text, e.place, e.sha256_seen, e.note, e.prev_digest)::text, 'UTF8')), 'hex')
$$
"""

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

# Who keeps it hands it on. Only when that person has left may a head do so in their stead; the other side answers as ever.
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

TRIGGERS = (
    ("evidence", KEEP_EVIDENCE),
    (
        "evidence",
        "CREATE TRIGGER evidence_kept BEFORE INSERT OR UPDATE OR DELETE ON enforcement.evidence "
        "FOR EACH ROW EXECUTE FUNCTION enforcement.keep_evidence()",
    ),
    (
        "evidence",
        "CREATE TRIGGER never_emptied BEFORE TRUNCATE ON enforcement.evidence "
        "FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()",
    ),
    ("custody_event", CUSTODY_DIGEST),
    ("custody_event", AT_THE_DESK),
    ("custody_event", LINK_CUSTODY),
    (
        "custody_event",
        "CREATE TRIGGER custody_linked BEFORE INSERT ON enforcement.custody_event "
        "FOR EACH ROW EXECUTE FUNCTION enforcement.link_custody()",
    ),
    *(
        (
            table,
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON enforcement.{table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()",
        )
        for table in ("redaction", "evidence_alarm")
    ),
)


def attach() -> list[tuple[str, DDL]]:
    """What is to be run after which table was made."""
    return [(table, DDL(sql.replace("%", "%%"))) for table, sql in TRIGGERS]  # type: ignore[no-untyped-call]
