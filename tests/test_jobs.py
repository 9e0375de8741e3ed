"""Work by the clock: what is kept, what is forgotten, and that the queue finds its tables."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING

from sqlalchemy import text
from structlog.testing import capture_logs

from tests import factories
from tests.conftest import config_for
from trace import clock, jobs
from trace.models.history import IdempotencyKey

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine
    from sqlalchemy.orm import Session


def test_keeping_house_makes_room_ahead_and_forgets_in_time(session: Session, tmp_path: Path) -> None:
    for age in (0, 29, 31):
        session.add(
            IdempotencyKey(
                scope="x", key=f"{age:032d}", body_hash=bytes(32), location="/", at=clock.now() - timedelta(days=age)
            )
        )
    session.flush()
    jobs.keep_house(session, tmp_path)
    assert factories.count(session, IdempotencyKey) == 2
    partitions = set(
        session.scalars(text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'scan'::regclass"))
    )
    assert len(partitions) >= 3, partitions
    assert jobs.keep_house(session, tmp_path) == 0, "done is done"


def test_the_nights_work_lets_go_and_says_how_much(session: Session, tmp_path: Path) -> None:
    today = clock.now().astimezone(clock.CITY).date()
    for age in range(5):
        session.execute(
            text("INSERT INTO device_salt (day, salt) VALUES (:day, :salt)"),
            {"day": today - timedelta(days=age), "salt": bytes(32)},
        )
    config = config_for("", tmp_path)
    with capture_logs() as said:
        assert jobs.apply_retention(session, config).salts == 3
    assert [entry["salts"] for entry in said if entry["event"] == "let go"] == [3]
    longer = replace(config, keep_salts_days=10)
    assert jobs.apply_retention(session, longer).salts == 0


def test_keeping_house_removes_files_that_no_row_stands_for(session: Session, tmp_path: Path) -> None:
    orphan = tmp_path / "originals" / "ab" / ("ab" * 32)
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"x")
    long_ago = clock.now().timestamp() - 2 * jobs.ORPHANS_KEPT.total_seconds()
    os.utime(orphan, (long_ago, long_ago))
    jobs.keep_house(session, tmp_path)
    assert not orphan.exists()


def test_the_queue_connects_as_the_application_does_and_finds_its_own_schema() -> None:
    said = jobs.conninfo("postgresql+psycopg://anna:geheim@db.example:5433/temthat?sslmode=require")
    assert said.startswith("postgresql://anna:geheim@db.example:5433/temthat?")
    assert "sslmode=require" in said
    assert "search_path%3Djobs%2Cpublic" in said


def test_every_periodic_task_is_there(tmp_path: Path) -> None:
    app = jobs.make_app(config_for("postgresql+psycopg://nobody@/none", tmp_path))
    assert {"sweep", "housekeeping", "check_evidence"} <= set(app.tasks)


def test_work_that_ended_long_ago_leaves_the_queue(committed: Engine, tmp_path: Path) -> None:
    """What runs every minute must not fill the tables of a system that runs for years; what waits is never touched."""
    app = jobs.make_app(config_for(committed.url.render_as_string(hide_password=False), tmp_path))
    with committed.begin() as connection:
        connection.execute(text("SET LOCAL search_path = jobs, public"))  # as the queue's own connections have it
        for status, days in (("succeeded", 15), ("failed", 15), ("succeeded", 1), ("todo", 400)):
            job = connection.scalar(
                text(
                    "INSERT INTO jobs.procrastinate_jobs (task_name, queue_name) VALUES ('sweep', 'default') RETURNING id"
                )
            )
            connection.execute(
                text(
                    "UPDATE jobs.procrastinate_jobs SET status = CAST(:status AS jobs.procrastinate_job_status) WHERE id = :id"
                ),
                {"status": status, "id": job},
            )
            connection.execute(
                text(
                    "UPDATE jobs.procrastinate_events SET at = now() - make_interval(days => :days) WHERE job_id = :id"
                ),
                {"days": days, "id": job},
            )

    async def work() -> None:
        async with app.open_async():
            await app.tasks["forget_jobs"](SimpleNamespace(app=app), timestamp=0)

    # In a thread of its own: a test with a browser may have left a loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(work())).result()
    with committed.connect() as connection:
        left = connection.execute(
            text("SELECT task_name, status::text FROM jobs.procrastinate_jobs WHERE task_name = 'sweep' ORDER BY id")
        ).all()
    assert [row.status for row in left] == ["succeeded", "todo"]
