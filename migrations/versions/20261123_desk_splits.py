"""An inspection in a case that was split off rests on the decision its origin had then."""

from collections.abc import Sequence

from alembic import op

revision: str = "20261123_desk_splits"
down_revision: str | None = "20261123_desk_folios"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

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

BEFORE = """
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


def upgrade() -> None:
    """Apply the change."""
    op.execute(CHECK_CASE_STATE)


def downgrade() -> None:
    """Take it back."""
    op.execute(BEFORE)
