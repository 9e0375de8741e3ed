"""Engines and sessions: one session per request, opened when first asked for, rolled back unless a view committed.

No queries live here.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from flask import current_app, g
from psycopg import InterfaceError, OperationalError, RawCursor
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.orm import Session, sessionmaker

from trace.config import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg
    from alembic.config import Config as AlembicConfig
    from flask import Flask
    from psycopg import Cursor

    from trace.config import Config

# A page that waits longer than this for a lock or an answer has already failed its reader.
LIMITS = "-c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s -c timezone=UTC"

# The look at the chains of custody comes round every few seconds: one that hangs must end before the next but one is due.
WATCH_LIMITS = "-c statement_timeout=20s -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s -c timezone=UTC"


def make_engine(config: Config) -> Engine:
    """An engine for web processes, with time limits so that nothing waits for ever."""
    return create_engine(
        config.database_url,
        pool_size=config.pool_size,
        max_overflow=2,
        pool_timeout=5,
        connect_args={"options": LIMITS},
    )


def make_watching_engine(config: Config) -> Engine:
    """An engine for whoever keeps watch: connections of its own, so that it waits for nobody, and limits of its own."""
    return create_engine(config.database_url, pool_size=1, max_overflow=1, connect_args={"options": WATCH_LIMITS})


def init_app(app: Flask, engine: Engine) -> None:
    """Give the application its sessions. Tests put their own factories in the same three places."""
    app.extensions["sessionmaker"] = sessionmaker(engine)
    # Connections of their own on which every statement commits by itself: nothing is begun, rolled back or set anew for a scan.
    scans = create_engine(
        engine.url, isolation_level="AUTOCOMMIT", pool_reset_on_return=None, pool_size=getattr(engine.pool, "size", lambda: 8)(),
        max_overflow=2, pool_timeout=5, connect_args={"options": LIMITS},
    )  # fmt: skip
    event.listen(engine, "engine_disposed", lambda _engine: scans.dispose())
    app.extensions["scan_connection"] = scans.connect
    app.extensions["scan_cursor"] = partial(_cursor, scans)
    app.teardown_appcontext(_close)


_CURSOR = "temthat.cursor"


@contextmanager
def _cursor(scans: Engine) -> Iterator[Cursor[Any]]:
    pooled = scans.raw_connection()
    try:
        cursor: Cursor[Any] | None = pooled.info.get(_CURSOR)
        if cursor is None:
            # The driver's own connection, which SQLAlchemy knows by its protocol only. One cursor lasts as long as it.
            driver: psycopg.Connection[Any] = cast("Any", pooled.driver_connection)
            cursor = pooled.info[_CURSOR] = RawCursor(driver)
        yield cursor
    except (OperationalError, InterfaceError):
        if pooled.driver_connection is None or pooled.driver_connection.closed:
            scans.dispose()  # what died under one connection died under all of them
        pooled.invalidate()
        raise
    finally:
        pooled.close()


def session() -> Session:
    """The session of this request."""
    if "session" not in g:
        g.session = current_app.extensions["sessionmaker"]()
    opened: Session = g.session
    return opened


def discard() -> None:
    """Drop what this request has written and not committed: a refusal leaves nothing half done."""
    opened: Session | None = g.get("session")
    if opened is not None:
        opened.rollback()


@contextmanager
def scan_connection() -> Iterator[Connection]:
    """A connection on which every statement commits by itself: a scan is one round trip, with no BEGIN and no COMMIT."""
    with current_app.extensions["scan_connection"]() as connection:
        yield connection


def upgrade(url: str, revision: str = "head") -> None:
    """Bring a database's schema up to a revision. Two at once are harmless: the second waits and finds nothing to do."""
    from alembic import command  # noqa: PLC0415  web processes never need it

    command.upgrade(_alembic(url), revision)


def downgrade(url: str, revision: str) -> None:
    """Take a database's schema back to a revision."""
    from alembic import command  # noqa: PLC0415  web processes never need it

    command.downgrade(_alembic(url), revision)


def _alembic(url: str) -> AlembicConfig:
    from alembic.config import Config as Settings  # noqa: PLC0415  web processes never need it

    settings = Settings()
    settings.set_main_option("script_location", str(ROOT / "migrations").replace("%", "%%"))
    settings.attributes["url"] = url
    return settings


def _close(_exc: BaseException | None) -> None:
    opened: Session | None = g.pop("session", None)
    if opened is not None:
        opened.close()
