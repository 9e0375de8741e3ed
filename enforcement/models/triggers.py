"""What the database itself holds a case to, and no column can say: where it begins, nobody inspects without a decision, nobody is passed
over when it is decided, fines add up, goods are seized once and taken for good by a decision only, nothing open is closed away.

All but the first are looked at when the transaction ends, for a step writes its state and its papers one after the other. A migration
repeats the text.
"""

from __future__ import annotations

from sqlalchemy import DDL, event

from trace.models.base import Base

# A case split off stands where its origin stands, and only what nobody has decided yet is split.
CHECK_CASE_BEGINS = """
CREATE OR REPLACE FUNCTION enforcement.check_case_begins() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.split_from_id IS NULL OR NEW.state NOT IN (
        SELECT c.state FROM enforcement.case_file c WHERE c.id = NEW.split_from_id
    ) OR NEW.state IN ('penalised', 'remedial_only', 'discontinued', 'executing', 'closed', 'archived') THEN
        RAISE EXCEPTION 'a case begins as received' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'case_begins_as_received';
    END IF;
    RETURN NEW;
END
$$
"""

CASE_BEGINS = (
    "CREATE TRIGGER case_begins BEFORE INSERT ON enforcement.case_file "
    "FOR EACH ROW WHEN (NEW.state <> 'received') EXECUTE FUNCTION enforcement.check_case_begins()"
)

CHECK_CASE_STATE = """
CREATE OR REPLACE FUNCTION enforcement.check_case_state() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.state = 'inspecting' AND NOT EXISTS (
        -- Its own decision, or the one that its origin had when it was split off.
        WITH RECURSIVE line AS (
            SELECT NEW.id AS id, NEW.split_from_id AS origin, NEW.opened_at AS opened_at, 'infinity'::timestamptz AS until
            UNION
            SELECT c.id, c.split_from_id, c.opened_at, CASE WHEN c.id = line.origin THEN least(line.until, line.opened_at) ELSE line.until END
              FROM enforcement.case_file c JOIN line ON c.id = line.origin OR c.merged_into_id = line.id
        )
        SELECT 1 FROM enforcement.case_paper p JOIN line ON line.id = p.case_id
         WHERE p.kind = 'inspection_decision' AND p.added_at <= line.until
    ) THEN
        RAISE EXCEPTION 'an inspection needs a signed decision with a lawful ground'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'inspection_on_a_decision';
    END IF;
    IF NEW.state IN ('penalised', 'remedial_only', 'discontinued', 'executing') AND EXISTS (
        SELECT 1 FROM enforcement.case_party p
         WHERE p.case_id = NEW.id AND p.role = 'suspected' AND p.struck_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM enforcement.ruling r WHERE r.party_id = p.id)
    ) THEN
        RAISE EXCEPTION 'every offender has a decision, or a decision that there is none'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'every_offender_decided';
    END IF;
    IF NEW.state = 'closed' AND (
        EXISTS (SELECT 1 FROM enforcement.measure m WHERE m.case_id = NEW.id AND m.ended_at IS NULL)
        OR EXISTS (SELECT 1 FROM enforcement.obligation o WHERE o.case_id = NEW.id AND o.state = 'open' AND o.struck_at IS NULL)
        OR EXISTS (SELECT 1 FROM enforcement.deadline d WHERE d.case_id = NEW.id AND d.met_at IS NULL AND d.stopped_at IS NULL)
    ) THEN
        RAISE EXCEPTION 'a case with open timers or orders is not closed'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'closed_with_nothing_open';
    END IF;
    RETURN NULL;
END
$$
"""

CASE_STATE_CHECKED = (
    "CREATE CONSTRAINT TRIGGER case_state_checked AFTER UPDATE OF state ON enforcement.case_file DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW WHEN (NEW.state IN ('inspecting', 'penalised', 'remedial_only', 'discontinued', 'executing', 'closed')) "
    "EXECUTE FUNCTION enforcement.check_case_state()"
)

# How somebody else came to a fine act by act is not known here, so a paper of another issuer has no lines.
CHECK_RULING = """
CREATE OR REPLACE FUNCTION enforcement.check_ruling() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    paper enforcement.case_paper;
BEGIN
    SELECT * INTO paper FROM enforcement.case_paper p WHERE p.id = NEW.paper_id;
    IF paper.case_id <> NEW.case_id OR (paper.kind = 'penalty') <> (NEW.fine IS NOT NULL)
       OR paper.kind NOT IN ('penalty', 'remedy_only', 'no_penalty')
       OR NOT EXISTS (SELECT 1 FROM enforcement.case_party p WHERE p.id = NEW.party_id AND p.role = 'suspected' AND p.struck_at IS NULL)
    THEN
        RAISE EXCEPTION 'a decision on an offender of the case' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'ruling_of_an_offender';
    END IF;
    IF paper.kind = 'penalty' AND (
        paper.fine <> (SELECT sum(r.fine) FROM enforcement.ruling r WHERE r.paper_id = paper.id)
        OR paper.issuer = '' AND NEW.fine IS DISTINCT FROM (SELECT sum(l.amount) FROM enforcement.fine_line l WHERE l.ruling_id = NEW.id)
    ) THEN
        RAISE EXCEPTION 'a fine is the sum of its lines' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'fine_adds_up';
    END IF;
    IF NEW.fine IS NOT NULL AND paper.issuer = '' AND EXISTS (
        SELECT 1 FROM enforcement.explanation e WHERE e.party_id = NEW.party_id AND e.owed AND e.outcome IS NULL
    ) THEN
        RAISE EXCEPTION 'nobody is fined before the explanation'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'explained_before_fined';
    END IF;
    RETURN NULL;
END
$$
"""

RULING_CHECKED = (
    "CREATE CONSTRAINT TRIGGER ruling_checked AFTER INSERT ON enforcement.ruling DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW EXECUTE FUNCTION enforcement.check_ruling()"
)

# What was decided stays; that it was handed over is written once.
KEEP_RULING = """
CREATE OR REPLACE FUNCTION enforcement.keep_ruling() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.served_on IS NULL
       AND to_jsonb(NEW) - 'served_on' - 'served_to' = to_jsonb(OLD) - 'served_on' - 'served_to'
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a decision is never overwritten' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'ruling_kept';
END
$$
"""

RULING_KEPT = (
    "CREATE TRIGGER ruling_kept BEFORE UPDATE OR DELETE ON enforcement.ruling FOR EACH ROW EXECUTE FUNCTION enforcement.keep_ruling()",
    "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON enforcement.fine_line "
    "FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()",
)

# Under a new number the longest time of a seizure would begin anew; what went to another authority and came back is held afresh.
CHECK_EXHIBIT_SEIZED = """
CREATE OR REPLACE FUNCTION enforcement.check_exhibit_seized() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.measure_id IS NULL OR NEW.state <> 'held' OR EXISTS (
        SELECT 1 FROM enforcement.measure m
         WHERE m.id = OLD.measure_id AND (m.ended_at IS NULL OR NOT EXISTS (
            SELECT 1 FROM enforcement.exhibit_event e WHERE e.exhibit_id = OLD.id AND e.deed = 'given_back' AND e.at >= m.ended_at
         ))
    ) THEN
        RAISE EXCEPTION 'an exhibit is seized once' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'exhibit_seized_once';
    END IF;
    RETURN NEW;
END
$$
"""

EXHIBIT_SEIZED = (
    "CREATE TRIGGER exhibit_seized BEFORE UPDATE OF measure_id ON enforcement.exhibit "
    "FOR EACH ROW WHEN (NEW.measure_id IS DISTINCT FROM OLD.measure_id) EXECUTE FUNCTION enforcement.check_exhibit_seized()"
)

# The decision may stand in any of the cases that count as one.
CHECK_EXHIBIT_ORDERED = """
CREATE OR REPLACE FUNCTION enforcement.check_exhibit_ordered() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NOT EXISTS (
        WITH RECURSIVE above AS (
            SELECT c.id, c.merged_into_id FROM enforcement.case_file c JOIN enforcement.exhibit x ON x.case_id = c.id WHERE x.id = NEW.exhibit_id
            UNION
            SELECT c.id, c.merged_into_id FROM enforcement.case_file c JOIN above ON c.id = above.merged_into_id
        ), together AS (
            SELECT above.id FROM above
            UNION
            SELECT c.id FROM enforcement.case_file c JOIN together ON c.merged_into_id = together.id
        )
        SELECT 1 FROM enforcement.obligation o
         WHERE o.case_id IN (SELECT together.id FROM together) AND o.struck_at IS NULL AND o.state <> 'lapsed'
           AND (o.kind = 'confiscation' OR NEW.deed = 'destroyed' AND o.kind = 'destruction')
    ) THEN
        RAISE EXCEPTION 'nothing is confiscated or destroyed without a decision that orders it'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'exhibit_taken_by_decision';
    END IF;
    RETURN NULL;
END
$$
"""

EXHIBIT_ORDERED = (
    "CREATE CONSTRAINT TRIGGER exhibit_ordered AFTER INSERT ON enforcement.exhibit_event DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW WHEN (NEW.deed IN ('confiscated', 'destroyed')) EXECUTE FUNCTION enforcement.check_exhibit_ordered()"
)

# The number follows the evidence, by its trigger, and is set by nothing else.
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

# What was put aside so before this was known stays as it was found, and goes on being written to.
CHECK_SIGNAL_ASIDE = """
CREATE OR REPLACE FUNCTION enforcement.check_signal_aside() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.state, OLD.outcome) IS NOT DISTINCT FROM (NEW.state, NEW.outcome) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'an infringement is handled in a case'
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'infringement_in_a_case';
END
$$
"""

SIGNAL_ASIDE_CHECKED = (
    "CREATE TRIGGER signal_aside_checked BEFORE INSERT OR UPDATE OF state, outcome ON enforcement.signal "
    "FOR EACH ROW WHEN (NEW.state = 'rejected' AND NEW.outcome = 'infringement') EXECUTE FUNCTION enforcement.check_signal_aside()"
)

for sql in (
    CHECK_CASE_BEGINS, CASE_BEGINS, CHECK_CASE_STATE, CASE_STATE_CHECKED, CHECK_RULING, RULING_CHECKED, KEEP_RULING, *RULING_KEPT,
    CHECK_EXHIBIT_SEIZED, EXHIBIT_SEIZED, CHECK_EXHIBIT_ORDERED, EXHIBIT_ORDERED,
    KEEP_LAST_FOLIO, LAST_FOLIO_KEPT, CHECK_SIGNAL_ASIDE, SIGNAL_ASIDE_CHECKED,
):  # fmt: skip
    event.listen(Base.metadata, "after_create", DDL(sql.replace("%", "%%")))  # type: ignore[no-untyped-call]
