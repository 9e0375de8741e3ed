"""What the database answers to a scan: one function for labels, one for the shared codes of lots, and how those codes are drawn.

Each is the whole of a question in one round trip. They read the registry only; the case desk cannot slow or break them.
"""

from __future__ import annotations

# The whole of a scan in one round trip: what is known of the serial, how often it was asked for, the verdict by severity, and the
# record of this very question. The plan is made once a connection: left to itself PostgreSQL plans the twelve joins anew for every
# scan once there are many ranges, which costs more than the scan.
VERIFY_LABEL = """
CREATE OR REPLACE FUNCTION public.verify_label(
    asked_serial bigint, asked_at timestamptz, asked_device bytea, asked_kind text, asked_channel text
) RETURNS jsonb
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    known record;
    rule record;
    seen record;
    today date := (asked_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date;
    recently timestamptz;
    opened_at timestamptz;
    opener bytea;
    told smallint[];
    provinces integer;
    copied_by text;
    many_devices boolean;
    many_places boolean;
    kinds text[] := '{}';
    scan_kind text := asked_kind;
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
            RETURN jsonb_build_object(
                'kind', 'sample', 'also', '[]'::jsonb, 'holder_name', known.holder_name, 'product_name', known.product_name,
                'product_name_en', known.product_name_en, 'gtin', known.gtin, 'is_sample', known.is_sample);
        END IF;
    END IF;

    SELECT r.state, r.since, o.pack_weight_g, o.hidden_codes, l.id AS lot_id, l.code AS lot_code, l.state AS lot_state, l.harvested_on, l.packed_on,
           l.expires_on, l.recall_reason, c.id AS certificate_id, c.number AS certificate_number, c.status AS certificate_status, c.status_since,
           upper(c.valid_during) - 1 AS certificate_until, h.name AS holder_name,
           -- Where a household or a person lives is theirs: of them the commune only.
           concat_ws(', ', CASE WHEN h.kind NOT IN ('household', 'person') THEN h.address END,
                     (SELECT k.name FROM commune k WHERE k.code = h.commune_code)) AS holder_address,
           p.id AS product_id, p.name AS product_name, p.name_en AS product_name_en, p.gtin, t.id AS title_id, t.name AS title_name, t.kind AS title_kind,
           coalesce(a.name, s.name, many.names) AS source_name, coalesce(ac.name, sc.name, many.communes) AS commune_name, many.number AS sources,
           (SELECT g.code FROM growing_area_code g WHERE g.area_id = a.id AND g.valid_during @> asked_at::date AND g.status = 'active'
             ORDER BY g.code LIMIT 1) AS area_code,
           coalesce(
               CASE WHEN l.area_id IS NOT NULL THEN
                   (SELECT v.visited_on FROM control_visit v
                     WHERE v.area_id = l.area_id AND v.title_id = t.id AND v.finished_at IS NOT NULL AND v.level <> 'self' AND v.visited_on <= today
                     ORDER BY v.visited_on DESC LIMIT 1)
               WHEN l.site_id IS NOT NULL THEN
                   (SELECT v.visited_on FROM control_visit v
                     WHERE v.site_id = l.site_id AND v.title_id = t.id AND v.finished_at IS NOT NULL AND v.level <> 'self' AND v.visited_on <= today
                     ORDER BY v.visited_on DESC LIMIT 1)
               END,
               (SELECT v.visited_on FROM control_visit v
                 WHERE v.holder_id = h.id AND v.title_id = t.id AND v.finished_at IS NOT NULL AND v.level <> 'self' AND v.visited_on <= today
                 ORDER BY v.visited_on DESC LIMIT 1)) AS checked_on,
           h.is_sample
      INTO known
      FROM label_range r
      JOIN label_order o ON o.id = r.order_id
      JOIN lot l ON l.id = coalesce(r.lot_id, o.lot_id)
      JOIN use_certificate c ON c.id = o.certificate_id
      JOIN party h ON h.id = o.holder_id
      JOIN product p ON p.id = l.product_id
      JOIN protection_title t ON t.id = p.title_id
      LEFT JOIN growing_area a ON a.id = l.area_id
      LEFT JOIN commune ac ON ac.code = a.commune_code
      LEFT JOIN production_site s ON s.id = l.site_id
      LEFT JOIN commune sc ON sc.code = s.commune_code
      LEFT JOIN LATERAL (
          -- A merged lot: its sources by name as long as a reader can take them in. Nothing is read for a lot with a source of its own.
          SELECT count(*) AS number, CASE WHEN count(*) <= 3 THEN string_agg(coalesce(ma.name, ms.name), ', ' ORDER BY z.id) END AS names,
                 CASE WHEN count(DISTINCT mc.code) <= 3 THEN string_agg(DISTINCT mc.name, ', ') END AS communes
            FROM lot_source z LEFT JOIN growing_area ma ON ma.id = z.area_id LEFT JOIN production_site ms ON ms.id = z.site_id
            LEFT JOIN commune mc ON mc.code = coalesce(ma.commune_code, ms.commune_code)
           WHERE z.lot_id = l.id AND l.area_id IS NULL AND l.site_id IS NULL
      ) many ON true
     WHERE r.serials @> asked_serial;

    IF NOT FOUND THEN
        IF asked_kind <> 'unrecorded' THEN
            INSERT INTO unknown_code (hour, asked) VALUES (date_trunc('hour', asked_at), 1)
            ON CONFLICT (hour) DO UPDATE SET asked = unknown_code.asked + 1;
        END IF;
        RETURN jsonb_build_object('kind', 'unknown', 'also', '[]'::jsonb);
    END IF;

    SELECT v.devices, v.days, v.provinces, v.after_opening INTO rule
      FROM copy_rule v WHERE v.valid_from <= asked_at ORDER BY v.valid_from DESC LIMIT 1;
    recently := asked_at - make_interval(days => coalesce(rule.days, 7));

    IF known.hidden_codes THEN
        SELECT y.at, y.device INTO opened_at, opener FROM label_opening y WHERE y.serial = asked_serial AND y.at <= asked_at;
    END IF;

    SELECT count(*) AS checks, min(x.at) AS first_at,
           bool_or(x.device = asked_device AND x.at > asked_at - interval '24 hours') AS same_device,
           count(*) FILTER (WHERE x.at > recently) AS recent_checks,
           count(DISTINCT x.device) FILTER (WHERE x.at > recently) AS devices,
           count(DISTINCT x.province) FILTER (WHERE x.at > recently) AS provinces,
           array_agg(x.province) FILTER (WHERE x.at > recently AND x.province IS NOT NULL) AS places,
           count(DISTINCT x.device) FILTER (WHERE x.at > recently AND x.at > opened_at AND x.device <> opener) AS after_opening
      INTO seen
      FROM scan x WHERE x.serial = asked_serial AND x.kind = 'real' AND x.at <= asked_at;

    -- Where people said they were: only who agreed to is in there, and nothing else tells a province.
    SELECT array_agg(w.province) INTO told
      FROM scan_position w WHERE w.serial = asked_serial AND w.at > recently AND w.at <= asked_at AND w.province IS NOT NULL;
    IF told IS NULL THEN
        provinces := seen.provinces;
    ELSE
        SELECT count(DISTINCT each) INTO provinces FROM unnest(told || seen.places) each;
    END IF;

    many_devices := coalesce(seen.devices > rule.devices, false);
    many_places := coalesce(provinces >= rule.provinces, false);
    IF many_devices AND many_places THEN
        copied_by := 'devices';
    ELSIF seen.after_opening > rule.after_opening THEN
        copied_by := 'opening';
    END IF;

    IF scan_kind = 'real' AND coalesce(seen.same_device, false) THEN
        scan_kind := 'reload';
    END IF;

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
    END IF;

    RETURN jsonb_build_object(
        'kind', kinds[1], 'also', to_jsonb(kinds[2:]), 'state', known.state, 'since', known.since,
        'checks', seen.checks + (scan_kind = 'real')::int, 'first_check', seen.first_at,
        'recent_checks', seen.recent_checks + (scan_kind = 'real')::int, 'provinces', provinces, 'devices', seen.devices,
        'days', coalesce(rule.days, 7), 'copied_by', copied_by, 'unusual', many_devices <> many_places,
        'hidden_code', known.hidden_codes, 'opened_at', opened_at, 'after_opening', seen.after_opening, 'gtin', known.gtin,
        'pack_weight_g', known.pack_weight_g, 'lot_code', known.lot_code, 'harvested_on', known.harvested_on, 'packed_on', known.packed_on,
        'expires_on', known.expires_on, 'recall_reason', known.recall_reason, 'certificate_id', known.certificate_id,
        'certificate_number', known.certificate_number, 'certificate_status', known.certificate_status,
        'certificate_until', known.certificate_until, 'status_since', known.status_since) || jsonb_build_object(
        'holder_name', known.holder_name, 'holder_address', nullif(known.holder_address, ''), 'product_id', known.product_id,
        'product_name', known.product_name, 'product_name_en', known.product_name_en, 'title_id', known.title_id,
        'title_name', known.title_name, 'title_kind', known.title_kind, 'source_name', known.source_name,
        'commune_name', known.commune_name, 'sources', known.sources, 'area_code', known.area_code, 'checked_on', known.checked_on,
        'is_sample', known.is_sample,
        'compare', (SELECT coalesce(jsonb_agg(jsonb_build_array(
                                q.text_vi, q.text_en, q.hard_to_copy, q.kind, q.text_zh, q.text_ja, f.copy_sha256) ORDER BY q.position), '[]'::jsonb)
                      FROM comparison_point q LEFT JOIN stored_file f ON f.id = q.picture_id
                     WHERE q.product_id = known.product_id AND q.retired_at IS NULL
                       AND daterange(q.shown_from, q.shown_until, '[]') @> today));
END
$$
"""

# A code that all packs of a lot share. It tells no pack from another, so its looks are recorded and never held against it; what speaks
# against the lot leads, and that the code is shared is said in any case.
VERIFY_LOT = """
CREATE OR REPLACE FUNCTION public.verify_lot(
    asked_code text, asked_at timestamptz, asked_device bytea, asked_kind text, asked_channel text
) RETURNS jsonb
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    known record;
    today date := (asked_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date;
    kinds text[] := '{}';
    look_kind text := asked_kind;
BEGIN
    SELECT l.id AS lot_id, l.code AS lot_code, l.state AS lot_state, l.harvested_on, l.packed_on, l.expires_on, l.recall_reason,
           c.id AS certificate_id, c.number AS certificate_number, c.status AS certificate_status, c.status_since,
           upper(c.valid_during) - 1 AS certificate_until, h.name AS holder_name,
           concat_ws(', ', CASE WHEN h.kind NOT IN ('household', 'person') THEN h.address END,
                     (SELECT k.name FROM commune k WHERE k.code = h.commune_code)) AS holder_address,
           p.id AS product_id, p.name AS product_name, p.name_en AS product_name_en, p.gtin, t.id AS title_id, t.name AS title_name, t.kind AS title_kind,
           coalesce(a.name, s.name, many.names) AS source_name, coalesce(ac.name, sc.name, many.communes) AS commune_name, many.number AS sources,
           (SELECT g.code FROM growing_area_code g WHERE g.area_id = a.id AND g.valid_during @> asked_at::date AND g.status = 'active'
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
        RETURN jsonb_build_object('kind', 'unknown', 'also', '[]'::jsonb);
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

    RETURN jsonb_build_object(
        'kind', kinds[1], 'also', to_jsonb(kinds[2:]), 'shared', true, 'packs', known.packs, 'gtin', known.gtin,
        'lot_code', known.lot_code, 'harvested_on', known.harvested_on, 'packed_on', known.packed_on,
        'expires_on', known.expires_on, 'recall_reason', known.recall_reason, 'certificate_id', known.certificate_id,
        'certificate_number', known.certificate_number, 'certificate_status', known.certificate_status,
        'certificate_until', known.certificate_until, 'status_since', known.status_since,
        'holder_name', known.holder_name, 'holder_address', nullif(known.holder_address, ''), 'product_id', known.product_id,
        'product_name', known.product_name, 'product_name_en', known.product_name_en, 'title_id', known.title_id,
        'title_name', known.title_name, 'title_kind', known.title_kind, 'source_name', known.source_name,
        'commune_name', known.commune_name, 'sources', known.sources, 'area_code', known.area_code, 'checked_on', known.checked_on,
        'is_sample', known.is_sample,
        'compare', (SELECT coalesce(jsonb_agg(jsonb_build_array(
                                q.text_vi, q.text_en, q.hard_to_copy, q.kind, q.text_zh, q.text_ja, f.copy_sha256) ORDER BY q.position), '[]'::jsonb)
                      FROM comparison_point q LEFT JOIN stored_file f ON f.id = q.picture_id
                     WHERE q.product_id = known.product_id AND q.retired_at IS NULL
                       AND daterange(q.shown_from, q.shown_until, '[]') @> today));
END
$$
"""

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
