"""What the database itself holds a case to, and no column can say: nobody inspects without a decision, nothing open is closed away.

Both are looked at when the transaction ends, for a step writes its state and its papers one after the other. A migration repeats the text.
"""

from __future__ import annotations

from sqlalchemy import DDL, event

from trace.models.base import Base

CHECK_CASE_STATE = """
CREATE OR REPLACE FUNCTION enforcement.check_case_state() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.state = 'inspecting' AND NOT EXISTS (
        SELECT 1 FROM enforcement.case_paper p WHERE p.case_id = NEW.id AND p.kind = 'inspection_decision'
    ) THEN
        RAISE EXCEPTION 'an inspection needs a signed decision with a lawful ground'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'inspection_on_a_decision';
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
    "FOR EACH ROW WHEN (NEW.state IN ('inspecting', 'closed')) EXECUTE FUNCTION enforcement.check_case_state()"
)

for sql in (CHECK_CASE_STATE, CASE_STATE_CHECKED):
    event.listen(Base.metadata, "after_create", DDL(sql.replace("%", "%%")))  # type: ignore[no-untyped-call]
