"""What the database does that no table definition can say: extensions, functions, triggers, partitions.

Everything hangs on the metadata, so that `create_all` and the migrations can be compared to the last trigger.
A migration repeats the text that it introduced: it must not change when this file does.
"""

from __future__ import annotations

from sqlalchemy import DDL, Table, event

from trace.models.base import Base

EXTENSIONS = ("postgis", "btree_gist", "pg_trgm", "unaccent")
SCHEMAS = ("enforcement", "informant")

# Search without diacritics. unaccent() is only STABLE because its dictionary could be swapped; naming the dictionary makes it safe to index.
FOLD = """
CREATE OR REPLACE FUNCTION public.fold(input text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT lower(public.unaccent('public.unaccent'::regdictionary, normalize(input, NFC))) $$
"""

REFUSE_CHANGE = """
CREATE OR REPLACE FUNCTION public.refuse_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'table %.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation',
        CONSTRAINT = 'append_only';
END
$$
"""

# Months get their own partition ahead of time; the default one only catches what nobody foresaw.
SCAN_MONTHS = """
CREATE OR REPLACE FUNCTION public.make_scan_months(first date, last date) RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
    month date := date_trunc('month', first)::date;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('make_scan_months'));
    WHILE month <= last LOOP
        IF to_regclass('public.scan_' || to_char(month, 'YYYY_MM')) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE public.%I PARTITION OF public.scan FOR VALUES FROM (%L) TO (%L)',
                'scan_' || to_char(month, 'YYYY_MM'), month::timestamp AT TIME ZONE 'UTC',
                (month + interval '1 month')::timestamp AT TIME ZONE 'UTC');
            made := made + 1;
        END IF;
        month := (month + interval '1 month')::date;
    END LOOP;
    RETURN made;
END
$$
"""

# The whole of a scan in one round trip: what is known of the serial, how often it was asked for, the verdict by severity, and the
# record of this very question. It reads the registry only; the case desk cannot slow or break it. The plan is made once a connection:
# left to itself PostgreSQL plans the twelve joins anew for every scan once there are many ranges, which costs more than the scan.
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
    counted record;
    recent record;
    kinds text[] := '{}';
    scan_kind text := asked_kind;
    copied boolean;
BEGIN
    -- A test print: it is no label, so it counts for nothing, but whoever prints must see it answer before labels are activated.
    IF asked_serial >= 1072693248 THEN
        UPDATE test_print SET scanned_at = coalesce(scanned_at, asked_at)
         WHERE sample_serial = asked_serial AND asked_kind <> 'preview';
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

    SELECT r.state, r.since, o.pack_weight_g, l.id AS lot_id, l.code AS lot_code, l.state AS lot_state, l.harvested_on, l.packed_on, l.expires_on,
           l.recall_reason, c.number AS certificate_number, c.status AS certificate_status, c.status_since, upper(c.valid_during) - 1 AS certificate_until,
           h.name AS holder_name, p.id AS product_id, p.name AS product_name, p.name_en AS product_name_en, p.gtin, t.name AS title_name, t.kind AS title_kind,
           coalesce(a.name, s.name, many.names) AS source_name, coalesce(ac.name, sc.name, many.communes) AS commune_name, many.number AS sources,
           (SELECT g.code FROM growing_area_code g WHERE g.area_id = a.id AND g.valid_during @> asked_at::date AND g.status = 'active'
             ORDER BY g.code LIMIT 1) AS area_code,
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
        INSERT INTO unknown_code (hour, asked) VALUES (date_trunc('hour', asked_at), 1)
        ON CONFLICT (hour) DO UPDATE SET asked = unknown_code.asked + 1;
        RETURN jsonb_build_object('kind', 'unknown', 'also', '[]'::jsonb);
    END IF;

    SELECT v.devices, v.days, v.provinces INTO rule FROM copy_rule v WHERE v.valid_from <= asked_at ORDER BY v.valid_from DESC LIMIT 1;

    SELECT count(*) AS checks, min(x.at) AS first_at, count(DISTINCT x.province) AS provinces,
           bool_or(x.device = asked_device AND x.at > asked_at - interval '24 hours') AS same_device
      INTO counted
      FROM scan x WHERE x.serial = asked_serial AND x.kind = 'real' AND x.at <= asked_at;

    SELECT count(*) AS checks, count(DISTINCT x.device) AS devices, count(DISTINCT x.province) AS provinces
      INTO recent
      FROM scan x WHERE x.serial = asked_serial AND x.kind = 'real' AND x.at <= asked_at
       AND x.at > asked_at - make_interval(days => coalesce(rule.days, 7));

    copied := rule.devices IS NOT NULL AND recent.devices > rule.devices AND recent.provinces >= rule.provinces;

    IF scan_kind = 'real' AND coalesce(counted.same_device, false) THEN
        scan_kind := 'reload';
    END IF;

    IF known.lot_state = 'recalled' OR known.state = 'recalled' THEN kinds := kinds || 'recalled'::text; END IF;
    IF known.state IN ('voided', 'spoiled', 'lost', 'returned') THEN kinds := kinds || 'voided'::text; END IF;
    IF known.certificate_status IN ('suspended', 'revoked', 'given_up') THEN kinds := kinds || 'holder_suspended'::text; END IF;
    IF copied THEN kinds := kinds || 'suspected_copy'::text; END IF;
    IF known.expires_on < (asked_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AND known.state IN ('activated', 'used') THEN
        kinds := kinds || 'expired'::text;
    END IF;
    IF known.state IN ('ordered', 'printed', 'received', 'handed_over') THEN kinds := kinds || 'not_activated'::text; END IF;
    IF kinds = '{}' THEN kinds := ARRAY['valid']; END IF;

    INSERT INTO scan (at, serial, verdict, kind, channel, device)
    VALUES (asked_at, asked_serial, kinds[1], scan_kind, asked_channel, asked_device);

    RETURN jsonb_build_object(
        'kind', kinds[1], 'also', to_jsonb(kinds[2:]), 'state', known.state, 'since', known.since,
        'checks', counted.checks + (scan_kind = 'real')::int, 'first_check', counted.first_at,
        'recent_checks', recent.checks + (scan_kind = 'real')::int, 'provinces', recent.provinces, 'devices', recent.devices,
        'days', coalesce(rule.days, 7), 'gtin', known.gtin,
        'pack_weight_g', known.pack_weight_g, 'lot_code', known.lot_code, 'harvested_on', known.harvested_on, 'packed_on', known.packed_on,
        'expires_on', known.expires_on, 'recall_reason', known.recall_reason,
        'certificate_number', known.certificate_number, 'certificate_status', known.certificate_status,
        'certificate_until', known.certificate_until, 'status_since', known.status_since,
        'holder_name', known.holder_name, 'product_name', known.product_name, 'product_name_en', known.product_name_en,
        'title_name', known.title_name, 'title_kind', known.title_kind, 'source_name', known.source_name,
        'commune_name', known.commune_name, 'sources', known.sources, 'area_code', known.area_code, 'is_sample', known.is_sample,
        'compare', (SELECT coalesce(jsonb_agg(jsonb_build_array(q.text_vi, q.text_en, q.hard_to_copy) ORDER BY q.position), '[]'::jsonb)
                      FROM comparison_point q WHERE q.product_id = known.product_id));
END
$$
"""

# Whoever certifies must not use the mark (IP Law, Article 87.4). The title is locked first: an appointment and a grant at the same
# moment would otherwise not see each other.
REFUSE_OWNER_AS_HOLDER = """
CREATE OR REPLACE FUNCTION public.refuse_owner_as_holder() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    of_title uuid;
BEGIN
    IF TG_TABLE_NAME = 'protection_title' THEN
        of_title := NEW.id;
    ELSE
        of_title := NEW.title_id;
    END IF;
    PERFORM 1 FROM public.protection_title t WHERE t.id = of_title AND t.kind = 'certification_mark' FOR NO KEY UPDATE;
    IF FOUND AND EXISTS (
        SELECT 1 FROM public.title_role r
          JOIN public.use_certificate c ON c.title_id = r.title_id AND c.holder_id = r.party_id AND c.valid_during && r.valid_during
         WHERE r.title_id = of_title AND r.role = 'owner' AND c.status IN ('active', 'suspended')
    ) THEN
        RAISE EXCEPTION 'the owner of a certification mark cannot hold a certificate of it'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'owner_cannot_hold';
    END IF;
    RETURN NULL;
END
$$
"""

OWNER_CANNOT_HOLD = (
    "CREATE TRIGGER owner_cannot_hold AFTER INSERT OR UPDATE ON public.title_role "
    "FOR EACH ROW WHEN (NEW.role = 'owner') EXECUTE FUNCTION public.refuse_owner_as_holder()",
    "CREATE TRIGGER owner_cannot_hold AFTER INSERT OR UPDATE ON public.use_certificate "
    "FOR EACH ROW WHEN (NEW.status IN ('active', 'suspended')) EXECUTE FUNCTION public.refuse_owner_as_holder()",
    "CREATE TRIGGER owner_cannot_hold AFTER UPDATE OF kind ON public.protection_title "
    "FOR EACH ROW WHEN (NEW.kind = 'certification_mark') EXECUTE FUNCTION public.refuse_owner_as_holder()",
)

# A role is never overwritten: who was what, and by which document, stays as it was recorded. Only an open end is closed, once.
KEEP_TITLE_ROLE = """
CREATE OR REPLACE FUNCTION public.keep_title_role() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND upper_inf(OLD.valid_during) AND lower(NEW.valid_during) IS NOT DISTINCT FROM lower(OLD.valid_during)
       AND (NEW.title_id, NEW.party_id, NEW.role, NEW.deciding_document)
           = (OLD.title_id, OLD.party_id, OLD.role, OLD.deciding_document)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a role of a title is never overwritten' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'title_role_kept';
END
$$
"""

TITLE_ROLE_KEPT = (
    "CREATE TRIGGER title_role_kept BEFORE UPDATE OR DELETE ON public.title_role "
    "FOR EACH ROW EXECUTE FUNCTION public.keep_title_role()"
)

# Goods do not multiply when lots merge and split: what a lot passed on is what its children got, and what a child holds is what it got
# from its parents, to the gram. Deferred, because parents and child change one after the other in a transaction.
CHECK_LOT_VOLUMES = """
CREATE OR REPLACE FUNCTION public.check_lot_volumes() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    touched uuid[];
BEGIN
    IF TG_TABLE_NAME = 'lot' THEN
        touched := ARRAY[NEW.id];
    ELSE
        touched := ARRAY[NEW.parent_id, NEW.child_id];
    END IF;
    IF EXISTS (
        SELECT 1 FROM public.lot l
         CROSS JOIN LATERAL (SELECT coalesce(sum(p.grams), 0) AS grams FROM public.lot_parent p WHERE p.parent_id = l.id) passed
         CROSS JOIN LATERAL (SELECT coalesce(sum(p.grams), 0) AS grams FROM public.lot_parent p WHERE p.child_id = l.id) got
         WHERE l.id = ANY (touched)
           AND (l.moved_g <> passed.grams OR got.grams <> CASE WHEN l.origin = 'recorded' THEN 0 ELSE l.volume_g END)
    ) THEN
        RAISE EXCEPTION 'the volumes of parent and child lots do not add up'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'lot_volumes_conserved';
    END IF;
    RETURN NULL;
END
$$
"""

LOT_VOLUMES_CONSERVED = (
    "CREATE CONSTRAINT TRIGGER lot_volumes_conserved AFTER INSERT ON public.lot DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW WHEN (NEW.origin <> 'recorded' OR NEW.moved_g > 0) EXECUTE FUNCTION public.check_lot_volumes()",
    "CREATE CONSTRAINT TRIGGER lot_volumes_kept AFTER UPDATE OF volume_g, moved_g, origin ON public.lot DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW EXECUTE FUNCTION public.check_lot_volumes()",
    "CREATE CONSTRAINT TRIGGER lot_volumes_conserved AFTER INSERT ON public.lot_parent DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW EXECUTE FUNCTION public.check_lot_volumes()",
)

APPEND_ONLY = (
    "public.history",
    "public.label_movement",
    "public.certificate_status_change",
    "public.control_answer",
    "public.application_evaluation",
    "public.evaluation_result",
    "public.farm_log_entry",
    "public.farm_log_strike",
    "public.lot_parent",
    "public.lot_release",
    "public.lot_source",
    "public.scan",
    "public.title_amendment",
    "public.title_renewal",
    "public.trace_event",
    "public.trace_event_part",
    "public.volume_confirmation",
    "enforcement.case_event",
    "enforcement.custody_event",
    "informant.reading",
)


def append_only(qualified: str) -> str:
    """The trigger that keeps a table append-only, whoever asks."""
    return (
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {qualified} "
        "FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()"
    )


def _quoted(sql: str) -> DDL:
    return DDL(sql.replace("%", "%%"))  # type: ignore[no-untyped-call]


def _table(qualified: str) -> Table:
    schema, name = qualified.split(".")
    return Base.metadata.tables[name if schema == "public" else qualified]


def attach() -> None:
    """Hang everything on the metadata. Called once, when all tables are known."""
    before = [f"CREATE EXTENSION IF NOT EXISTS {name}" for name in EXTENSIONS]
    before += [f"CREATE SCHEMA IF NOT EXISTS {name}" for name in SCHEMAS]
    for sql in [*before, FOLD, REFUSE_CHANGE, KEEP_TITLE_ROLE]:
        event.listen(Base.metadata, "before_create", _quoted(sql))
    for qualified in APPEND_ONLY:
        event.listen(_table(qualified), "after_create", _quoted(append_only(qualified)))
    event.listen(
        _table("public.scan"),
        "after_create",
        _quoted("CREATE TABLE public.scan_default PARTITION OF public.scan DEFAULT"),
    )
    rules = (REFUSE_OWNER_AS_HOLDER, *OWNER_CANNOT_HOLD, TITLE_ROLE_KEPT, CHECK_LOT_VOLUMES, *LOT_VOLUMES_CONSERVED)
    for sql in (SCAN_MONTHS, VERIFY_LABEL, *rules):
        event.listen(Base.metadata, "after_create", _quoted(sql))
