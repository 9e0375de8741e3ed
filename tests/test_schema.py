"""The catalogue: a database from the migrations and one from the models are the same, to the last trigger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, create_engine, text

from enforcement.schema import metadata
from trace import cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

OURS = "n.nspname IN ('public', 'enforcement', 'informant')"
NOT_OF_AN_EXTENSION = "NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = {oid} AND d.deptype = 'e')"
CATALOGUE = {
    "constraints": f"""
        SELECT n.nspname || '.' || r.relname || '.' || c.conname || ': ' || pg_get_constraintdef(c.oid)
          FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid JOIN pg_namespace n ON n.oid = r.relnamespace
         WHERE {OURS} AND r.relname NOT IN ('alembic_version', 'spatial_ref_sys')""",
    "indexes": """
        SELECT schemaname || '.' || tablename || ': ' || indexdef FROM pg_indexes
         WHERE schemaname IN ('public', 'enforcement', 'informant') AND tablename NOT IN ('alembic_version', 'spatial_ref_sys')""",
    "triggers": f"""
        SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class r ON r.oid = t.tgrelid
          JOIN pg_namespace n ON n.oid = r.relnamespace WHERE {OURS} AND NOT t.tgisinternal""",
    "functions": f"""
        SELECT pg_get_functiondef(p.oid) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE {OURS} AND p.prokind = 'f' AND {NOT_OF_AN_EXTENSION.format(oid="p.oid")}""",
    "columns": f"""
        SELECT n.nspname || '.' || r.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' '
               || a.attnotnull || ' ' || a.attidentity::text || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
          FROM pg_attribute a JOIN pg_class r ON r.oid = a.attrelid JOIN pg_namespace n ON n.oid = r.relnamespace
          LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum
         WHERE {OURS} AND a.attnum > 0 AND NOT a.attisdropped AND r.relkind IN ('r', 'p')
           AND r.relname NOT IN ('alembic_version', 'spatial_ref_sys')""",
    "partitions": f"""
        SELECT r.relname || ' ' || pg_get_expr(r.relpartbound, r.oid) FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace
         WHERE {OURS} AND r.relispartition AND r.relkind = 'r'""",
}


@pytest.fixture(scope="module")
def from_models(worker: str) -> Iterator[Engine]:
    name = f"models_{worker}"
    admin = create_engine(cluster.for_tests().url("postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    made = create_engine(cluster.for_tests().url(name))
    metadata.create_all(made)
    yield made
    made.dispose()
    with admin.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    admin.dispose()


@pytest.mark.parametrize("kind", CATALOGUE)
def test_migrations_and_models_make_the_same_database(kind: str, engine: Engine, from_models: Engine) -> None:
    with engine.connect() as migrated, from_models.connect() as modelled:
        ours = set(migrated.scalars(text(CATALOGUE[kind])))
        theirs = set(modelled.scalars(text(CATALOGUE[kind])))
    assert ours, f"no {kind} found: the query is wrong"
    assert ours - theirs == set(), f"{kind} only in the migrations"
    assert theirs - ours == set(), f"{kind} only in the models"


def test_every_check_and_exclusion_has_a_name_of_ours(engine: Engine) -> None:
    with engine.connect() as connection:
        names = connection.scalars(
            text(
                "SELECT conname FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace WHERE contype IN ('c', 'x') "
                f"AND {OURS} AND conrelid::regclass::text <> 'spatial_ref_sys'"
            )
        ).all()
    assert [name for name in names if not name.startswith(("ck_", "ex_"))] == []


@pytest.mark.parametrize(
    "table",
    [
        "history",
        "label_movement",
        "certificate_status_change",
        "control_answer",
        "custody_scan",
        "label_opening",
        "lot_look",
        "scan",
        "title_amendment",
        "title_renewal",
        "volume_confirmation",
        "farm_log_entry",
        "farm_log_strike",
        "lot_parent",
        "lot_release",
        "lot_source",
        "trace_event",
        "trace_event_part",
        "enforcement.case_event",
        "enforcement.custody_event",
        "informant.reading",
    ],
)
@pytest.mark.parametrize("deed", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_append_only_tables_refuse_deletion_by_anybody(table: str, deed: str, engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises(Exception, match="append-only"):
        connection.execute(text(deed.format(table)))


def test_there_is_one_head_and_the_way_down_works(worker: str) -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    from trace import db
    from trace.config import ROOT

    settings = Config()
    settings.set_main_option("script_location", str(ROOT / "migrations"))
    assert len(ScriptDirectory.from_config(settings).get_heads()) == 1

    name = f"downgrade_{worker}"
    admin = create_engine(cluster.for_tests().url("postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    try:
        url = cluster.for_tests().url(name)
        db.upgrade(url)
        db.downgrade(url, "base")
        db.upgrade(url)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        admin.dispose()
