"""Real PostgreSQL with PostGIS for every test that needs a database.

The controller builds a template database once per state of the migrations; each worker copies it. A test runs inside one
outer transaction that is rolled back; a test that asks for the small city runs so in a copy in which it lies already, all
others in one that holds nothing. `committed` gives a database of its own to tests that need real commits.
"""

from __future__ import annotations

import hashlib
import os
import time
import warnings
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyotp
import pytest
import structlog
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.orm import Session, sessionmaker

from tests import factories
from trace import cluster, db
from trace.app import create_app
from trace.config import ROOT, Config
from trace.services import accounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from flask.testing import FlaskClient

MASTER = bytes(range(32))
NOW = datetime(2026, 6, 15, 3, 0, tzinfo=UTC)  # a Monday, ten in the morning in Hải Phòng


class Compiled(BytecodeCache):
    """Templates are compiled once in a process, however many applications its tests make."""

    def __init__(self) -> None:
        self.made: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self.made.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.made[bucket.key, bucket.checksum] = bucket.code


Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": Compiled()}

# Passwords are hashed slowly on purpose: as argon2 advises in the programme (test_accounts looks), in no time in its tests.
SLOW_HASHER, accounts._hasher = accounts._hasher, factories.HASHER
accounts._NOBODY = accounts._hasher.hash("nobody")


@pytest.fixture(autouse=True)
def logs_at_all_levels() -> Iterator[None]:
    """Measurements run quietly, in this whole process: what they silence is heard again in the next test."""
    before = structlog.get_config()["wrapper_class"]
    yield
    structlog.configure(wrapper_class=before)


def _template_name() -> str:
    content = b"".join(path.read_bytes() for path in sorted((ROOT / "migrations" / "versions").glob("*.py")))
    return f"template_{hashlib.sha256(content).hexdigest()[:12]}"


def _admin() -> Engine:
    return create_engine(cluster.for_tests().url("postgres"), isolation_level="AUTOCOMMIT")


def pytest_configure(config: pytest.Config) -> None:
    """In the controller only: start the cluster and build the template."""
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    cluster.for_tests().start()
    admin = _admin()
    name = _template_name()
    with admin.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(4711)"))
        known = set(connection.scalars(text("SELECT datname FROM pg_database")))
        if name not in known:
            for old in known:
                if old.startswith("template_") and old != name:
                    connection.execute(text(f'DROP DATABASE IF EXISTS "{old}" WITH (FORCE)'))
            connection.execute(text(f'DROP DATABASE IF EXISTS "{name}_making" WITH (FORCE)'))
            connection.execute(text(f'CREATE DATABASE "{name}_making"'))
            db.upgrade(cluster.for_tests().url(f"{name}_making"))
            connection.execute(text(f'ALTER DATABASE "{name}_making" RENAME TO "{name}"'))
        connection.execute(text("SELECT pg_advisory_unlock(4711)"))
    admin.dispose()


def _copy(name: str) -> str:
    admin = _admin()
    with admin.connect() as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        connection.execute(text("SELECT pg_advisory_lock(4712)"))
        connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{_template_name()}" STRATEGY file_copy'))
        connection.execute(text("SELECT pg_advisory_unlock(4712)"))
    admin.dispose()
    return cluster.for_tests().url(name)


def _drop(name: str) -> None:
    admin = _admin()
    with admin.connect() as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
    admin.dispose()


@pytest.fixture(scope="session")
def worker() -> str:
    return f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"


@pytest.fixture(scope="session")
def engine(worker: str) -> Iterator[Engine]:
    engine = create_engine(_copy(f"test_{worker}"))
    yield engine
    engine.dispose()
    _drop(f"test_{worker}")


@pytest.fixture(scope="session")
def peopled(worker: str) -> Iterator[tuple[Engine, factories.World]]:
    """A database with the small city in it: making it takes longer than most tests."""
    engine = create_engine(_copy(f"world_{worker}"))
    with Session(engine) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        session.expunge_all()
    yield engine, world
    engine.dispose()
    _drop(f"world_{worker}")


@pytest.fixture
def connection(request: pytest.FixtureRequest) -> Iterator[Connection]:
    if "world" in request.fixturenames:
        engine, _ = request.getfixturevalue("peopled")
    else:
        engine = request.getfixturevalue("engine")
    with engine.connect() as connection, connection.begin() as outer:
        yield connection
        outer.rollback()


@pytest.fixture
def session(connection: Connection) -> Iterator[Session]:
    """What the test sees. Requests have sessions of their own on the same connection, so a forgotten commit shows."""
    with Session(connection, join_transaction_mode="create_savepoint") as session:
        yield session


@pytest.fixture
def statements(connection: Connection) -> Iterator[list[str]]:
    """What is sent to the database, without the savepoints that only tests need. Clear it before a deed that is to be counted."""
    sent = list[str]()

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            sent.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    yield sent
    event.remove(connection, "before_cursor_execute", note)


def config_for(url: str, folder: Path) -> Config:
    return Config(database_url=url, var_dir=folder, master_key=MASTER, host="TEMTHAT.TEST")


@pytest.fixture(scope="session")
def shared_app(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return create_app(config_for(str(engine.url), tmp_path_factory.mktemp("var")), engine=engine, testing=True)


@pytest.fixture
def app(shared_app: Flask, connection: Connection) -> Flask:
    """The application, with every request inside the test's transaction."""
    from contextlib import nullcontext

    shared_app.extensions["sessionmaker"] = sessionmaker(connection, join_transaction_mode="create_savepoint")
    shared_app.extensions["scan_connection"] = lambda: nullcontext(connection)
    shared_app.extensions["scan_cursor"] = lambda: nullcontext(connection.connection.cursor())
    shared_app.extensions["desk"].salts.forget()
    shared_app.extensions["limits"].forget()
    shared_app.extensions["keyring"].forget()
    return shared_app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Nobody signed in."""
    return app.test_client()


@pytest.fixture
def world(session: Session, peopled: tuple[Engine, factories.World]) -> factories.World:
    """A small city: a title, its managing body, a cooperative with a certified lot, people for every role."""
    _, world = peopled
    parts = {field.name: getattr(world, field.name) for field in fields(world)}
    people = parts.pop("people")

    def mine(row: Any) -> Any:
        return session.merge(row, load=False)

    return factories.World(
        **{name: mine(row) for name, row in parts.items()}, people={name: mine(row) for name, row in people.items()}
    )


@pytest.fixture
def sign_in(app: Flask, session: Session) -> Callable[[Any], FlaskClient]:
    """A signed-in client for a person of the world: the session row and cookie are real, only the typing is spared."""
    from trace import clock

    def enter(user: Any) -> FlaskClient:
        token = accounts.start_session(session, user, at=clock.now())
        session.commit()
        signed = app.test_client()
        with signed.session_transaction() as cookie:
            cookie["_user_id"] = token
            cookie["_fresh"] = True
        return signed

    return enter


@pytest.fixture
def token_of() -> Callable[[FlaskClient, str], str]:
    """The CSRF token of a page, for posting its form."""
    import re

    def find(client: FlaskClient, path: str) -> str:
        page = client.get(path).get_data(as_text=True)
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert found, f"no CSRF token on {path}"
        return found.group(1)

    return find


@pytest.fixture
def committed(worker: str) -> Iterator[Engine]:
    """A database of its own, for tests that commit: races, locks, several processes."""
    name = f"committed_{worker}"
    engine = create_engine(_copy(name), pool_size=40)
    yield engine
    let_go(engine)
    _drop(name)


def let_go(engine: Engine) -> None:
    """Close an engine once the last request of a server's threads has given its connection back: what comes later would stay open."""
    end = time.monotonic() + 5
    while engine.pool.checkedout() and time.monotonic() < end:  # type: ignore[attr-defined]
        time.sleep(0.02)
    engine.dispose()


def digits_of(user: Any) -> str:
    """The six digits that the app of a person of the world shows."""
    return pyotp.TOTP(factories.TOTP_SECRET).now()


warnings.filterwarnings("error")
