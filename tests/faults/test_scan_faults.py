"""A scan answers as long as anything can answer: a database that cannot be written, restarts, or is gone; and it says nothing false."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import MASTER, config_for
from tests.services.test_scanning import CHROME, code_of, issue
from trace import clock
from trace.app import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient

PHONE = {"User-Agent": CHROME, "Accept": "text/html", "Accept-Language": "vi"}


@pytest.fixture
def shop(committed: Engine, tmp_path: Path) -> Iterator[tuple[Engine, FlaskClient]]:
    """The application over a database of its own, with connections of its own and twenty labels."""
    with Session(committed) as session:
        issue(session, factories.make_world(session, master=MASTER, at=clock.now()))
        session.execute(text("SELECT make_scan_months(:d, :d)"), {"d": clock.now().date()})
        session.commit()
    url = committed.url.render_as_string(hide_password=False)
    mine = create_engine(url)
    app = create_app(config_for(url, tmp_path), engine=mine, testing=True)
    yield committed, app.test_client()
    mine.dispose()


def look(client: FlaskClient, serial: int = 1, agent: str = "") -> Any:
    return client.get(f"/T/{code_of(serial)}", headers={**PHONE, "User-Agent": f"{CHROME} {agent}"})


def title(answer: Any) -> str:
    found = re.search(r"<h1>(.*?)</h1>", answer.get_data(as_text=True), re.DOTALL)
    assert found, answer.get_data(as_text=True)[:500]
    return found.group(1).strip()


def scans(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM scan")).scalar_one())


def as_admin(engine: Engine, *statements: str) -> None:
    admin = create_engine(engine.url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    admin.dispose()


@pytest.fixture
def read_only(shop: tuple[Engine, FlaskClient]) -> Iterator[None]:
    """As on a standby, or when nothing more fits on the disk: what is there can be read."""
    name = shop[0].url.database
    as_admin(
        shop[0], f'ALTER DATABASE "{name}" SET default_transaction_read_only = on',
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
    )  # fmt: skip
    shop[0].dispose()
    yield
    as_admin(shop[0], f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    shop[0].dispose()


def test_a_register_that_cannot_be_written_still_answers(shop: tuple[Engine, FlaskClient], read_only: None) -> None:
    engine, client = shop
    answer = look(client)
    assert (answer.status_code, title(answer)) == (200, "Tem hợp lệ")
    assert "lần kiểm tra đầu tiên" not in answer.get_data(as_text=True).lower(), (
        "nobody knows: earlier looks may not be written down"
    )
    assert "chưa ghi được" in answer.get_data(as_text=True)
    told = client.get(f"/T/{code_of(1)}", headers={**PHONE, "Accept": "application/json"}).get_json()
    assert (told["kind"], told["recorded"]) == ("valid", False)
    assert scans(engine) == 0


def test_the_day_may_begin_while_nothing_can_be_written(shop: tuple[Engine, FlaskClient], read_only: None) -> None:
    _engine, client = shop
    # The very first look of a process: no salt of the day is held, and none can be kept.
    assert look(client, 2).status_code == 200
    assert look(client, 3).status_code == 200


def test_a_month_without_its_place_still_answers(shop: tuple[Engine, FlaskClient]) -> None:
    engine, client = shop
    look(client)
    with engine.begin() as connection:
        connection.execute(
            text("CREATE FUNCTION full_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE disk_full; END $$")
        )
        connection.execute(text("CREATE TRIGGER full_up BEFORE INSERT ON scan FOR EACH ROW EXECUTE FUNCTION full_up()"))
    before = scans(engine)
    answer = look(client, 4)
    assert (answer.status_code, title(answer)) == (200, "Tem hợp lệ")
    assert scans(engine) == before


def test_connections_that_died_are_replaced_unseen(shop: tuple[Engine, FlaskClient]) -> None:
    engine, client = shop
    look(client)
    for round_ in range(3):
        name = engine.url.database
        as_admin(engine, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        engine.dispose()
        answer = look(client, 5 + round_)
        assert (answer.status_code, title(answer)) == (200, "Tem hợp lệ")
    assert scans(engine) == 4


def test_a_register_that_is_gone_says_so_and_comes_back(shop: tuple[Engine, FlaskClient]) -> None:
    engine, client = shop
    look(client)
    name = engine.url.database
    as_admin(
        engine, f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false',
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
    )  # fmt: skip
    engine.dispose()
    answer = look(client, 9)
    assert (answer.status_code, title(answer), answer.headers["Retry-After"]) == (503, "Chưa kiểm tra được", "30")
    assert client.get("/T/x", headers=PHONE).status_code == 400, "what is no code needs no database"
    as_admin(engine, f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true')
    answer = look(client, 9)
    assert (answer.status_code, title(answer)) == (200, "Tem hợp lệ")


def test_a_scan_is_one_message_to_the_database_and_one_back(shop: tuple[Engine, FlaskClient], tmp_path: Path) -> None:
    _engine, client = shop
    for serial in range(1, 9):
        look(client, serial)  # keys, salt and mould come once a process; the driver prepares what it asks often
    opened = client.application.extensions["scan_cursor"]
    with opened() as cursor:
        wire = cursor.connection.pgconn
    record = (tmp_path / "wire").open("wb")
    wire.trace(record.fileno())
    try:
        assert look(client, 12).status_code == 200
        told = client.get(f"/T/{code_of(13)}", headers={**PHONE, "Accept": "application/json"})
        assert told.status_code == 200
        assert client.get(f"/api/v1/verify/{code_of(14)}", headers=PHONE).status_code == 200
    finally:
        wire.untrace()
        record.close()
    lines = (tmp_path / "wire").read_text(errors="replace").splitlines()
    sent = [line for line in lines if "\tF\t" in line]
    assert sum("\tSync\t" in line or line.endswith("\tSync") or "\tQuery\t" in line for line in sent) == 3, lines
    assert not any("BEGIN" in line or "COMMIT" in line or "Parse" in line for line in sent)
