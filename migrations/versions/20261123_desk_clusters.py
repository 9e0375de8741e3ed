"""Clusters of which nothing changes are not written, so not locked; and no signal is put aside as an infringement."""

from collections.abc import Sequence

from alembic import op

revision: str = "20261123_desk_clusters"
down_revision: str | None = "20261123_desk_extension"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

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
        touched := ARRAY(
            SELECT DISTINCT unnest(ARRAY[n.cluster_id, o.cluster_id]) FROM came n JOIN went o USING (id)
             WHERE n.cluster_id <> o.cluster_id OR n.state <> o.state
                OR n.state IN ('new', 'waiting')
                   AND (n.severity, n.received_at, n.due_at, n.wait_until) IS DISTINCT FROM (o.severity, o.received_at, o.due_at, o.wait_until)
        );
        IF touched = '{}' THEN
            RETURN NULL;
        END IF;
        UPDATE enforcement.signal_cluster c
           SET signals = c.signals + d.signals, fresh = c.fresh + d.fresh, waiting = c.waiting + d.waiting,
               newest_at = greatest(c.newest_at, d.newest)
          FROM (SELECT cluster_id, sum(one) AS signals, sum(fresh) AS fresh, sum(waiting) AS waiting, max(newest) AS newest
                  FROM (SELECT cluster_id, 1 AS one, (state = 'new')::int AS fresh, (state = 'waiting')::int AS waiting,
                               received_at AS newest FROM came
                        UNION ALL
                        SELECT cluster_id, -1, -(state = 'new')::int, -(state = 'waiting')::int, NULL FROM went) each
                 GROUP BY cluster_id) d
         WHERE c.id = d.cluster_id AND c.id = ANY (touched)
           AND ((d.signals, d.fresh, d.waiting) <> (0, 0, 0) OR d.newest > c.newest_at);
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
     WHERE c.id = t.id AND l.id IS NOT NULL
       AND (c.lead_id, c.severity, c.oldest_at, c.due_at, c.wait_until)
           IS DISTINCT FROM (l.id, l.severity, o.oldest_at, o.due_at, o.wait_until);
    UPDATE enforcement.signal_cluster c
       SET oldest_at = NULL, due_at = NULL, wait_until = NULL
     WHERE c.id = ANY (touched) AND c.fresh + c.waiting = 0 AND num_nonnulls(c.oldest_at, c.due_at, c.wait_until) > 0;
    RETURN NULL;
END
$$
"""

COUNTED_BEFORE = """
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


def upgrade() -> None:
    """Apply the change. What was put aside as an infringement before stays as it was found, and reports on it too."""
    op.execute(COUNT_CLUSTERS)
    op.execute(CHECK_SIGNAL_ASIDE)
    op.execute(SIGNAL_ASIDE_CHECKED)


def downgrade() -> None:
    """Undo the change."""
    op.execute("DROP TRIGGER signal_aside_checked ON enforcement.signal")
    op.execute("DROP FUNCTION enforcement.check_signal_aside()")
    op.execute(COUNTED_BEFORE)
