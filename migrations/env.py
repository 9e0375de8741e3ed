"""Alembic's environment: the database comes from the caller (`trace.db.upgrade`), the tables from `enforcement.schema`."""

from typing import Any

from alembic import context
from geoalchemy2 import alembic_helpers
from sqlalchemy import create_engine, text

from enforcement.schema import metadata

OWN_SCHEMAS = {None, "public", "enforcement", "informant"}
LOCK = 0x7E3_7447


def include_name(name: str | None, kind: str, _parents: dict[str, Any]) -> bool:
    """Only what is ours: not PostGIS's tables, not the job queue's, not the monthly partitions of scans."""
    if kind == "schema":
        return name in OWN_SCHEMAS
    return not (kind == "table" and name is not None and name.startswith("scan_"))


def run() -> None:
    """Upgrade over one connection, one transaction for all, behind a lock that lets only one upgrade run at a time."""
    engine = create_engine(context.config.attributes["url"])
    with engine.connect() as connection:
        connection.execute(text("SET lock_timeout = '10s'"))
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.commit()
        try:
            context.configure(
                connection=connection,
                target_metadata=metadata,
                include_schemas=True,
                include_name=include_name,
                include_object=alembic_helpers.include_object,
                process_revision_directives=alembic_helpers.writer,
                render_item=alembic_helpers.render_item,
                compare_server_default=True,
                transaction_per_migration=True,
                autogenerate_plugins=["alembic.autogenerate.*", "alembic.ext.checkconstraint_byname"],
            )
            with context.begin_transaction():
                context.run_migrations()
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
            connection.commit()
    engine.dispose()


run()
