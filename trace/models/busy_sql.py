"""How looks at a label that many look at are summed, so that its answer costs no more than another's. Called by `verify_label`."""

from __future__ import annotations

# Looks at a busy label are summed by the hour, so that the next one need not count them all again. Whoever scans it does so now and
# then; two never at once. Only looks of at least a minute ago are folded: one on its way is written long before, and none is missed.
FOLD_LOOKS = """
CREATE OR REPLACE FUNCTION public.fold_looks(folding bigint, until timestamptz) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    done timestamptz;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('fold_looks'), folding::integer) THEN
        RETURN;
    END IF;
    SELECT b.folded_to INTO done FROM busy_label b WHERE b.serial = folding;
    done := coalesce(done, '-infinity');
    IF done >= until THEN
        RETURN;
    END IF;
    INSERT INTO busy_hour AS z (serial, hour, checks, devices, provinces)
    SELECT folding, date_trunc('hour', x.at, 'UTC'), count(*), count(DISTINCT x.device),
           coalesce(array_agg(DISTINCT x.province) FILTER (WHERE x.province IS NOT NULL), '{}')
      FROM scan x WHERE x.serial = folding AND x.kind = 'real' AND x.at > done AND x.at <= until GROUP BY 2
    ON CONFLICT (serial, hour) DO UPDATE
       SET checks = z.checks + excluded.checks, devices = z.devices + excluded.devices,
           provinces = ARRAY(SELECT DISTINCT each FROM unnest(z.provinces || excluded.provinces) each);
    -- By these a phone that comes back within a day is known.
    INSERT INTO busy_device AS d (serial, device, at)
    SELECT folding, x.device, max(x.at)
      FROM scan x WHERE x.serial = folding AND x.kind = 'real' AND x.at > greatest(done, until - interval '24 hours') AND x.at <= until
     GROUP BY x.device
    ON CONFLICT (serial, device) DO UPDATE SET at = excluded.at;
    INSERT INTO busy_label AS b (serial, folded_to, checks, first_at)
    SELECT folding, until, count(*), min(x.at)
      FROM scan x WHERE x.serial = folding AND x.kind = 'real' AND x.at > done AND x.at <= until
    ON CONFLICT (serial) DO UPDATE
       SET folded_to = excluded.folded_to, checks = b.checks + excluded.checks, first_at = coalesce(b.first_at, excluded.first_at);
END
$$
"""
