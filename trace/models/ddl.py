"""What the database does that no table definition can say: extensions, functions, triggers, partitions.

Everything hangs on the metadata, so that `create_all` and the migrations can be compared to the last trigger.
A migration repeats the text that it introduced: it must not change when this file does.
"""

from __future__ import annotations

from sqlalchemy import DDL, Table, event

from trace.models.alike_sql import PHOTO_MARKS, TEXT_MARKS
from trace.models.base import Base
from trace.models.busy_sql import FOLD_LOOKS
from trace.models.verify_sql import NEW_LOT_CODE, VERIFY_LABEL, VERIFY_LOT

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

# Seasons of a product may overlap while goods of the one before still get labels, so no exclusion constraint can stand here. What holds is
# that a harvest counts in the season that began last before it. Whoever writes a season and whoever records a harvest meet at the product.
CHECK_HARVEST_SEASON = """
CREATE OR REPLACE FUNCTION public.check_harvest_season() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    astray bigint;
BEGIN
    IF TG_TABLE_NAME = 'lot' THEN
        PERFORM 1 FROM public.product p WHERE p.id = NEW.product_id FOR SHARE;
    ELSE
        PERFORM 1 FROM public.product p WHERE p.id = NEW.product_id FOR NO KEY UPDATE;
    END IF;
    SELECT count(*) INTO astray
      FROM public.season s
      JOIN public.lot l ON l.season_id = s.id AND l.origin = 'recorded'
     WHERE s.product_id = NEW.product_id AND (TG_TABLE_NAME = 'season' OR l.id = NEW.id)
       AND EXISTS (
           SELECT 1 FROM public.season later
            WHERE later.product_id = s.product_id AND later.id <> s.id AND later.runs_during @> l.harvested_on
              AND lower(later.runs_during) > lower(s.runs_during)
              AND (later.closed_at IS NULL OR EXISTS (SELECT 1 FROM public.lot o WHERE o.season_id = later.id)));
    IF astray > 0 THEN
        RAISE EXCEPTION 'a harvest counts in the season that began last before it' USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'harvest_in_one_season', DETAIL = astray::text;
    END IF;
    RETURN NULL;
END
$$
"""

HARVEST_IN_ONE_SEASON = (
    "CREATE CONSTRAINT TRIGGER harvest_in_one_season AFTER INSERT OR UPDATE OF season_id, product_id, harvested_on, origin ON public.lot "
    "NOT DEFERRABLE FOR EACH ROW WHEN (NEW.origin = 'recorded') EXECUTE FUNCTION public.check_harvest_season()",
    "CREATE CONSTRAINT TRIGGER harvest_in_one_season AFTER INSERT OR UPDATE OF product_id, runs_during, closed_at ON public.season "
    "NOT DEFERRABLE FOR EACH ROW EXECUTE FUNCTION public.check_harvest_season()",
)

APPEND_ONLY = (
    "public.history",
    "public.label_movement",
    "public.certificate_status_change",
    "public.control_answer",
    "public.custody_scan",
    "public.application_evaluation",
    "public.evaluation_result",
    "public.farm_log_entry",
    "public.farm_log_strike",
    "public.label_opening",
    "public.lot_look",
    "public.lot_parent",
    "public.lot_release",
    "public.lot_source",
    "public.product_label_version",
    "public.scan",
    "public.tip_message",
    "public.title_amendment",
    "public.title_renewal",
    "public.trace_event",
    "public.trace_event_part",
    "public.volume_confirmation",
    "enforcement.case_event",
    "enforcement.custody_event",
    "enforcement.exhibit_event",
    "enforcement.deadline_reckoning",
    "enforcement.deadline_reminder",
    "enforcement.law_confirmation",
    "enforcement.denunciation_receipt",
    "enforcement.document_file",
    "enforcement.intake_reminder",
    "enforcement.request_supplement",
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
    for sql in [*before, FOLD, TEXT_MARKS, PHOTO_MARKS, NEW_LOT_CODE, REFUSE_CHANGE, KEEP_TITLE_ROLE]:
        event.listen(Base.metadata, "before_create", _quoted(sql))
    for qualified in APPEND_ONLY:
        event.listen(_table(qualified), "after_create", _quoted(append_only(qualified)))
    event.listen(
        _table("public.scan"),
        "after_create",
        _quoted("CREATE TABLE public.scan_default PARTITION OF public.scan DEFAULT"),
    )
    rules = (
        REFUSE_OWNER_AS_HOLDER,
        *OWNER_CANNOT_HOLD,
        TITLE_ROLE_KEPT,
        CHECK_LOT_VOLUMES,
        *LOT_VOLUMES_CONSERVED,
        CHECK_HARVEST_SEASON,
        *HARVEST_IN_ONE_SEASON,
    )
    for sql in (SCAN_MONTHS, FOLD_LOOKS, VERIFY_LABEL, VERIFY_LOT, *rules):
        event.listen(Base.metadata, "after_create", _quoted(sql))
