"""What the database answers to a scan: one function for labels, one for the shared codes of lots, and how those codes are drawn.

Each is the whole of a question in one round trip. They read the registry only; the case desk cannot slow or break them.
"""

from __future__ import annotations

# The points that a buyer may compare. What is covert is known to the owner and to officers and stands on no public page.
_COMPARE = """SELECT coalesce(json_agg(json_build_array(
               q.text_vi, q.text_en, q.hard_to_copy, q.kind, q.text_zh, q.text_ja, f.copy_sha256) ORDER BY q.position), '[]')
      INTO compare
      FROM comparison_point q LEFT JOIN stored_file f ON f.id = q.picture_id
     WHERE q.product_id = known.product_id AND q.retired_at IS NULL AND NOT q.covert
       AND (q.shown_from IS NULL OR q.shown_from <= today) AND (q.shown_until IS NULL OR q.shown_until >= today);"""

# The whole of a scan in one round trip: what is known of the serial, how often it was asked for, the verdict by severity, and the
# record of this very question. The plans are made once a connection: left to itself PostgreSQL plans anew for every scan once there
# are many ranges, which costs more than the scan. What only some lots have is asked for by statements of its own: one that is not
# run costs nothing, a joined table always does.
VERIFY_LABEL = """
CREATE OR REPLACE FUNCTION public.verify_label(
    asked_serial bigint, asked_at timestamptz, asked_device bytea, asked_kind text, asked_channel text
) RETURNS json
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    known record;
    rule record;
    seen record;
    placed record;
    today date := (asked_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date;
    recently timestamptz;
    opened_at timestamptz;
    opener bytea;
    after_opening integer := 0;
    source_name text;
    commune_name text;
    sources integer := 0;
    area_code text;
    checked_on date;
    provinces integer := 0;
    copied_by text;
    many_devices boolean;
    many_places boolean;
    kinds text[] := '{}';
    scan_kind text := asked_kind;
    counts integer;
    compare json;
BEGIN
    -- A test print: it is no label, so it counts for nothing, but whoever prints must see it answer before labels are activated.
    IF asked_serial >= 1072693248 THEN
        IF asked_kind NOT IN ('preview', 'unrecorded') THEN
            UPDATE test_print SET scanned_at = coalesce(scanned_at, asked_at) WHERE sample_serial = asked_serial;
        END IF;
        SELECT h.name AS holder_name, p.name AS product_name, p.name_en AS product_name_en, p.gtin, h.is_sample
          INTO known
          FROM test_print s JOIN label_order o ON o.id = s.order_id JOIN lot l ON l.id = o.lot_id JOIN product p ON p.id = l.product_id
          JOIN party h ON h.id = o.holder_id
         WHERE s.sample_serial = asked_serial;
        IF FOUND THEN
            RETURN json_build_object(
                'kind', 'sample', 'holder_name', known.holder_name, 'product_name', known.product_name,
                'product_name_en', known.product_name_en, 'gtin', known.gtin, 'is_sample', known.is_sample);
        END IF;
    END IF;

    SELECT r.state, r.since, o.pack_weight_g, o.hidden_codes, l.id AS lot_id, l.code AS lot_code, l.state AS lot_state, l.harvested_on, l.packed_on,
           l.expires_on, l.recall_reason, l.area_id, l.site_id, c.id AS certificate_id, c.number AS certificate_number,
           c.status AS certificate_status, c.status_since, upper(c.valid_during) - 1 AS certificate_until, h.id AS holder_id, h.name AS holder_name,
           -- Where a household or a person lives is theirs: of them the commune only.
           concat_ws(', ', CASE WHEN h.kind NOT IN ('household', 'person') THEN h.address END, hc.name) AS holder_address,
           p.id AS product_id, p.name AS product_name, p.name_en AS product_name_en, p.gtin, t.id AS title_id, t.name AS title_name, t.kind AS title_kind,
           a.name AS area_name, ac.name AS area_commune, h.is_sample, b.folded_to
      INTO known
      FROM label_range r
      JOIN label_order o ON o.id = r.order_id
      JOIN lot l ON l.id = coalesce(r.lot_id, o.lot_id)
      JOIN use_certificate c ON c.id = o.certificate_id
      JOIN party h ON h.id = o.holder_id
      JOIN product p ON p.id = l.product_id
      JOIN protection_title t ON t.id = p.title_id
      LEFT JOIN commune hc ON hc.code = h.commune_code
      LEFT JOIN growing_area a ON a.id = l.area_id
      LEFT JOIN commune ac ON ac.code = a.commune_code
      LEFT JOIN busy_label b ON b.serial = asked_serial
     WHERE r.serials @> asked_serial;

    IF NOT FOUND THEN
        IF asked_kind <> 'unrecorded' THEN
            INSERT INTO unknown_code (hour, asked) VALUES (date_trunc('hour', asked_at), 1)
            ON CONFLICT (hour) DO UPDATE SET asked = unknown_code.asked + 1;
        END IF;
        RETURN json_build_object('kind', 'unknown');
    END IF;

    IF known.area_id IS NOT NULL THEN
        source_name := known.area_name;
        commune_name := known.area_commune;
        SELECT g.code INTO area_code FROM growing_area_code g
         WHERE g.area_id = known.area_id AND g.valid_during @> today AND g.status = 'active' ORDER BY g.code LIMIT 1;
        SELECT v.visited_on INTO checked_on FROM control_visit v
         WHERE v.area_id = known.area_id AND v.title_id = known.title_id AND v.finished_at IS NOT NULL AND v.level <> 'self' AND v.visited_on <= today
         ORDER BY v.visited_on DESC LIMIT 1;
    ELSIF known.site_id IS NOT NULL THEN
        SELECT s.name, k.name INTO source_name, commune_name
          FROM production_site s LEFT JOIN commune k ON k.code = s.commune_code WHERE s.id = known.site_id;
        SELECT v.visited_on INTO checked_on FROM control_visit v
         WHERE v.site_id = known.site_id AND v.title_id = known.title_id AND v.finished_at IS NOT NULL AND v.level <> 'self' AND v.visited_on <= today
         ORDER BY v.visited_on DESC LIMIT 1;
    ELSE
        -- A merged lot: its sources by name as long as a reader can take them in.
        SELECT CASE WHEN count(*) <= 3 THEN string_agg(coalesce(ma.name, ms.name), ', ' ORDER BY z.id) END,
               CASE WHEN count(DISTINCT mc.code) <= 3 THEN string_agg(DISTINCT mc.name, ', ') END, count(*)
          INTO source_name, commune_name, sources
          FROM lot_source z LEFT JOIN growing_area ma ON ma.id = z.area_id LEFT JOIN production_site ms ON ms.id = z.site_id
          LEFT JOIN commune mc ON mc.code = coalesce(ma.commune_code, ms.commune_code)
         WHERE z.lot_id = known.lot_id;
    END IF;
    IF checked_on IS NULL THEN
        SELECT v.visited_on INTO checked_on FROM control_visit v
         WHERE v.holder_id = known.holder_id AND v.title_id = known.title_id AND v.finished_at IS NOT NULL AND v.level <> 'self' AND v.visited_on <= today
         ORDER BY v.visited_on DESC LIMIT 1;
    END IF;

    SELECT v.devices, v.days, v.provinces, v.after_opening, v.travel_kmh INTO rule
      FROM copy_rule v WHERE v.valid_from <= asked_at ORDER BY v.valid_from DESC LIMIT 1;
    -- From a full hour on, because the looks at busy labels are kept summed by the hour (fold_looks).
    recently := date_trunc('hour', asked_at - make_interval(days => coalesce(rule.days, 7)), 'UTC');

    IF known.folded_to IS NULL THEN
        SELECT count(*) AS checks, count(*) AS unfolded, min(x.at) AS first_at,
               bool_or(x.device = asked_device AND x.at > asked_at - interval '24 hours') AS same_device,
               count(*) FILTER (WHERE x.at >= recently) AS recent_checks,
               count(DISTINCT x.device) FILTER (WHERE x.at >= recently) AS devices,
               array_agg(x.province) FILTER (WHERE x.at >= recently AND x.province IS NOT NULL) AS places
          INTO seen
          FROM scan x WHERE x.serial = asked_serial AND x.kind = 'real' AND x.at <= asked_at;
    ELSE
        -- Sums and what came after them are read under one snapshot: they may be folded again at any moment.
        SELECT b.checks + f.checks AS checks, f.checks AS unfolded, coalesce(b.first_at, f.first_at) AS first_at,
               coalesce(f.same_device, false) OR EXISTS (
                   SELECT 1 FROM busy_device d
                    WHERE d.serial = asked_serial AND d.device = asked_device AND d.at > asked_at - interval '24 hours') AS same_device,
               y.checks + f.recent_checks AS recent_checks, y.devices + f.devices AS devices,
               f.places || (SELECT array_agg(DISTINCT each) FROM busy_hour z CROSS JOIN unnest(z.provinces) each
                             WHERE z.serial = asked_serial AND z.hour >= recently) AS places
          INTO seen
          FROM busy_label b
         CROSS JOIN LATERAL (
               SELECT count(*) AS checks, min(x.at) AS first_at,
                      bool_or(x.device = asked_device AND x.at > asked_at - interval '24 hours') AS same_device,
                      count(*) FILTER (WHERE x.at >= recently) AS recent_checks,
                      count(DISTINCT x.device) FILTER (WHERE x.at >= recently) AS devices,
                      array_agg(x.province) FILTER (WHERE x.at >= recently AND x.province IS NOT NULL) AS places
                 FROM scan x WHERE x.serial = asked_serial AND x.kind = 'real' AND x.at <= asked_at AND x.at > b.folded_to) f
         CROSS JOIN LATERAL (
               SELECT coalesce(sum(z.checks), 0) AS checks, coalesce(sum(z.devices), 0) AS devices
                 FROM busy_hour z WHERE z.serial = asked_serial AND z.hour >= recently) y
         WHERE b.serial = asked_serial;
    END IF;

    IF known.hidden_codes THEN
        SELECT y.at, y.device INTO opened_at, opener FROM label_opening y WHERE y.serial = asked_serial AND y.at <= asked_at;
        IF opened_at IS NOT NULL THEN
            -- The newest are enough to tell: nobody counts further than a thousand other phones.
            SELECT count(DISTINCT l.device) INTO after_opening FROM (
                SELECT x.device FROM scan x
                 WHERE x.serial = asked_serial AND x.kind = 'real' AND x.at <= asked_at AND x.at > greatest(opened_at, recently)
                 ORDER BY x.at DESC LIMIT 1000) l WHERE l.device <> opener;
        END IF;
    END IF;

    -- Where people said they were: only who agreed to is in there, and nothing else tells a province. The newest tell enough.
    SELECT array_agg(w.province) AS provinces, count(w.cell_row) AS cells INTO placed FROM (
        SELECT p.province, p.cell_row FROM scan_position p
         WHERE p.serial = asked_serial AND p.at >= recently AND p.at <= asked_at AND p.province IS NOT NULL ORDER BY p.at DESC LIMIT 300) w;
    IF placed.provinces IS NOT NULL OR seen.places IS NOT NULL THEN
        SELECT count(DISTINCT each) INTO provinces FROM unnest(placed.provinces || seen.places) each;
    END IF;

    many_devices := coalesce(seen.devices > rule.devices, false);
    many_places := coalesce(provinces >= rule.provinces, false);
    IF many_devices AND many_places THEN
        copied_by := 'devices';
    ELSIF after_opening > rule.after_opening THEN
        copied_by := 'opening';
    ELSIF placed.cells > 1 AND rule.travel_kmh IS NOT NULL THEN
        -- One pack cannot have been at two places that nothing goes between so fast. In favour of the label: the nearest corners of the
        -- two cells, a quarter of an hour added, and only places told within a quarter of an hour of the look.
        IF EXISTS (
            WITH told AS (
                SELECT p.device, p.looked_at, (p.cell_row + 0.5) / 20 AS latitude, (p.cell_column + 0.5) / 20 AS longitude
                  FROM scan_position p
                 WHERE p.serial = asked_serial AND p.at >= recently AND p.at <= asked_at AND p.cell_row IS NOT NULL
                   AND p.at - p.looked_at <= interval '15 minutes'
                 ORDER BY p.at DESC LIMIT 50)
            SELECT 1 FROM told m JOIN told n ON m.device < n.device
             WHERE 6371 * acosd(least(1, sind(m.latitude) * sind(n.latitude)
                       + cosd(m.latitude) * cosd(n.latitude) * cosd(m.longitude - n.longitude))) * pi() / 180 - 8
                   > rule.travel_kmh * (abs(extract(epoch FROM m.looked_at - n.looked_at)) / 3600 + 0.25)
        ) THEN
            copied_by := 'travel';
        END IF;
    END IF;

    IF scan_kind = 'real' AND seen.same_device THEN
        scan_kind := 'reload';
    END IF;
    counts := (scan_kind = 'real')::int;

    IF known.lot_state = 'recalled' OR known.state = 'recalled' THEN kinds := kinds || 'recalled'::text; END IF;
    IF known.state IN ('voided', 'spoiled', 'lost', 'returned') THEN kinds := kinds || 'voided'::text; END IF;
    IF known.certificate_status IN ('suspended', 'revoked', 'given_up') THEN kinds := kinds || 'holder_suspended'::text; END IF;
    IF copied_by IS NOT NULL THEN kinds := kinds || 'suspected_copy'::text; END IF;
    IF known.expires_on < today AND known.state IN ('activated', 'used') THEN kinds := kinds || 'expired'::text; END IF;
    IF known.state IN ('ordered', 'printed', 'received', 'handed_over') THEN kinds := kinds || 'not_activated'::text; END IF;
    IF kinds = '{}' THEN kinds := ARRAY['valid']; END IF;

    -- Where nothing can be written (a standby, a full disk) the caller asks again for the answer alone.
    IF asked_kind <> 'unrecorded' THEN
        INSERT INTO scan (at, serial, verdict, kind, channel, device)
        VALUES (asked_at, asked_serial, kinds[1], scan_kind, asked_channel, asked_device);
        IF seen.unfolded > 500 AND (known.folded_to IS NULL OR known.folded_to < asked_at - interval '2 minutes') THEN
            PERFORM fold_looks(asked_serial, asked_at - interval '1 minute');
        END IF;
    END IF;
    <compare>
    RETURN json_build_object(
        'kind', kinds[1], 'also', kinds[2:], 'state', known.state, 'since', known.since,
        'checks', seen.checks + counts, 'first_check', seen.first_at,
        'recent_checks', seen.recent_checks + counts, 'provinces', provinces, 'devices', seen.devices,
        'days', coalesce(rule.days, 7), 'copied_by', copied_by, 'unusual', many_devices <> many_places,
        'hidden_code', known.hidden_codes, 'opened_at', opened_at, 'after_opening', after_opening, 'gtin', known.gtin,
        'pack_weight_g', known.pack_weight_g, 'lot_code', known.lot_code, 'harvested_on', known.harvested_on, 'packed_on', known.packed_on,
        'expires_on', known.expires_on, 'recall_reason', known.recall_reason, 'certificate_id', known.certificate_id,
        'certificate_number', known.certificate_number, 'certificate_status', known.certificate_status,
        'certificate_until', known.certificate_until, 'status_since', known.status_since,
        'holder_name', known.holder_name, 'holder_address', nullif(known.holder_address, ''), 'product_id', known.product_id,
        'product_name', known.product_name, 'product_name_en', known.product_name_en, 'title_id', known.title_id,
        'title_name', known.title_name, 'title_kind', known.title_kind, 'source_name', source_name,
        'commune_name', commune_name, 'sources', sources, 'area_code', area_code, 'checked_on', checked_on,
        'is_sample', known.is_sample, 'compare', compare);
END
$$
""".replace("<compare>", _COMPARE)

# A code that all packs of a lot share. It tells no pack from another, so its looks are recorded and never held against it; what speaks
# against the lot leads, and that the code is shared is said in any case.
VERIFY_LOT = """
CREATE OR REPLACE FUNCTION public.verify_lot(
    asked_code text, asked_at timestamptz, asked_device bytea, asked_kind text, asked_channel text
) RETURNS json
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    known record;
    today date := (asked_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date;
    kinds text[] := '{}';
    look_kind text := asked_kind;
    compare json;
BEGIN
    SELECT l.id AS lot_id, l.code AS lot_code, l.state AS lot_state, l.harvested_on, l.packed_on, l.expires_on, l.recall_reason,
           c.id AS certificate_id, c.number AS certificate_number, c.status AS certificate_status, c.status_since,
           upper(c.valid_during) - 1 AS certificate_until, h.name AS holder_name,
           concat_ws(', ', CASE WHEN h.kind NOT IN ('household', 'person') THEN h.address END,
                     (SELECT k.name FROM commune k WHERE k.code = h.commune_code)) AS holder_address,
           p.id AS product_id, p.name AS product_name, p.name_en AS product_name_en, p.gtin, t.id AS title_id, t.name AS title_name, t.kind AS title_kind,
           coalesce(a.name, s.name, many.names) AS source_name, coalesce(ac.name, sc.name, many.communes) AS commune_name, many.number AS sources,
           (SELECT g.code FROM growing_area_code g WHERE g.area_id = a.id AND g.valid_during @> today AND g.status = 'active'
             ORDER BY g.code LIMIT 1) AS area_code,
           coalesce(
               (SELECT max(v.visited_on) FROM control_visit v
                 WHERE v.area_id = l.area_id AND v.title_id = t.id AND v.finished_at IS NOT NULL AND v.level <> 'self' AND v.visited_on <= today),
               (SELECT max(v.visited_on) FROM control_visit v
                 WHERE v.site_id = l.site_id AND v.title_id = t.id AND v.finished_at IS NOT NULL AND v.level <> 'self' AND v.visited_on <= today),
               (SELECT max(v.visited_on) FROM control_visit v
                 WHERE v.holder_id = h.id AND v.title_id = t.id AND v.finished_at IS NOT NULL AND v.level <> 'self' AND v.visited_on <= today)) AS checked_on,
           (SELECT sum(upper(r.serials) - lower(r.serials))::bigint FROM label_range r WHERE r.lot_id = l.id) AS packs,
           h.is_sample
      INTO known
      FROM lot l
      JOIN use_certificate c ON c.id = l.certificate_id
      JOIN party h ON h.id = l.holder_id
      JOIN product p ON p.id = l.product_id
      JOIN protection_title t ON t.id = p.title_id
      LEFT JOIN growing_area a ON a.id = l.area_id
      LEFT JOIN commune ac ON ac.code = a.commune_code
      LEFT JOIN production_site s ON s.id = l.site_id
      LEFT JOIN commune sc ON sc.code = s.commune_code
      LEFT JOIN LATERAL (
          SELECT count(*) AS number, CASE WHEN count(*) <= 3 THEN string_agg(coalesce(ma.name, ms.name), ', ' ORDER BY z.id) END AS names,
                 CASE WHEN count(DISTINCT mc.code) <= 3 THEN string_agg(DISTINCT mc.name, ', ') END AS communes
            FROM lot_source z LEFT JOIN growing_area ma ON ma.id = z.area_id LEFT JOIN production_site ms ON ms.id = z.site_id
            LEFT JOIN commune mc ON mc.code = coalesce(ma.commune_code, ms.commune_code)
           WHERE z.lot_id = l.id AND l.area_id IS NULL AND l.site_id IS NULL
      ) many ON true
     WHERE l.public_code = asked_code AND l.state <> 'draft';

    IF NOT FOUND THEN
        RETURN json_build_object('kind', 'unknown');
    END IF;

    IF look_kind = 'real' AND EXISTS (
        SELECT 1 FROM lot_look x
         WHERE x.lot_id = known.lot_id AND x.at > asked_at - interval '24 hours' AND x.at <= asked_at AND x.kind = 'real' AND x.device = asked_device
    ) THEN
        look_kind := 'reload';
    END IF;

    IF known.lot_state = 'recalled' THEN kinds := kinds || 'recalled'::text; END IF;
    IF known.certificate_status IN ('suspended', 'revoked', 'given_up') THEN kinds := kinds || 'holder_suspended'::text; END IF;
    IF known.expires_on < today THEN kinds := kinds || 'expired'::text; END IF;
    kinds := kinds || 'lot_code'::text;

    IF asked_kind <> 'unrecorded' THEN
        INSERT INTO lot_look (at, lot_id, verdict, kind, channel, device)
        VALUES (asked_at, known.lot_id, kinds[1], look_kind, asked_channel, asked_device);
    END IF;

    <compare>
    RETURN json_build_object(
        'kind', kinds[1], 'also', kinds[2:], 'shared', true, 'packs', known.packs, 'gtin', known.gtin,
        'lot_code', known.lot_code, 'harvested_on', known.harvested_on, 'packed_on', known.packed_on,
        'expires_on', known.expires_on, 'recall_reason', known.recall_reason, 'certificate_id', known.certificate_id,
        'certificate_number', known.certificate_number, 'certificate_status', known.certificate_status,
        'certificate_until', known.certificate_until, 'status_since', known.status_since,
        'holder_name', known.holder_name, 'holder_address', nullif(known.holder_address, ''), 'product_id', known.product_id,
        'product_name', known.product_name, 'product_name_en', known.product_name_en, 'title_id', known.title_id,
        'title_name', known.title_name, 'title_kind', known.title_kind, 'source_name', known.source_name,
        'commune_name', known.commune_name, 'sources', known.sources, 'area_code', known.area_code, 'checked_on', known.checked_on,
        'is_sample', known.is_sample, 'compare', compare);
END
$$
""".replace("<compare>", _COMPARE)

# Seven characters drawn by chance and one that checks them, as docs/label-code.md fixes it.
NEW_LOT_CODE = """
CREATE OR REPLACE FUNCTION public.new_lot_code() RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    signs constant text := '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
    drawn bigint;
    sign integer;
    sum integer;
    made text;
BEGIN
    LOOP
        drawn := ('x' || lpad(left(replace(gen_random_uuid()::text, '-', ''), 9), 16, '0'))::bit(64)::bigint;
        sum := 0;
        made := '';
        FOR place IN 0..6 LOOP
            sign := (drawn >> (5 * place)) & 31;
            sum := (((sum << 1) & 31) # (9 * (sum >> 4))) # sign;
            made := made || substr(signs, sign + 1, 1);
        END LOOP;
        made := made || substr(signs, (((sum << 1) & 31) # (9 * (sum >> 4))) + 1, 1);
        EXIT WHEN NOT EXISTS (SELECT 1 FROM public.lot l WHERE l.public_code = made);
    END LOOP;
    RETURN made;
END
$$
"""
