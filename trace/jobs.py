"""Work outside requests: housekeeping by the clock, run by `manage worker`. The queue lives in the same database."""

from __future__ import annotations

from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from procrastinate import App, PsycopgConnector
from sqlalchemy import select, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from enforcement import evidence, intake
from trace import clock, db
from trace.services import (
    accounts,
    area_imports,
    drawing,
    files,
    idempotency,
    keys,
    reconciling,
    reminders,
    suspensions,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Engine

    from trace.config import Config

log = structlog.get_logger("temthat.jobs")
KEYS_KEPT = timedelta(days=30)
ORPHANS_KEPT = timedelta(hours=1)
IMPORTS_WAIT = timedelta(days=30)
"""How long the rows of an import wait to be taken over."""
BEAT_SECONDS = 1.0


def conninfo(url: str) -> str:
    """What psycopg wants, from what SQLAlchemy wants; the queue's tables have a schema of their own."""
    parsed = make_url(url).set(drivername="postgresql").update_query_dict({"options": "-csearch_path=jobs,public"})
    return parsed.render_as_string(hide_password=False)


def make_app(config: Config) -> App:
    """The queue with its periodic work."""
    app = App(connector=PsycopgConnector(conninfo=conninfo(config.database_url)))
    engine = db.make_engine(config)

    def run(name: str, work: Callable[[Session], Any]) -> None:
        with Session(engine) as session:
            done = work(session)
            session.commit()
        log.info("job done", job=name, result=done if isinstance(done, int) else None)

    @app.periodic(cron="* * * * *")
    @app.task(queueing_lock="sweep", name="sweep")
    def sweep(timestamp: int) -> None:
        """Turn scans that should not be into signals for the case desk."""
        del timestamp
        at = clock.now()
        run("sweep", lambda session: intake.sweep(session, since=at - timedelta(hours=24), at=at))

    @app.periodic(cron="17 * * * *")
    @app.task(queueing_lock="housekeeping", name="housekeeping")
    def housekeeping(timestamp: int) -> None:
        """Partitions ahead of time; old keys, tries, salts and files without a row out."""
        del timestamp
        run("housekeeping", lambda session: keep_house(session, config.files_dir))

    @app.periodic(cron="41 * * * *")
    @app.task(queueing_lock="find_gaps", name="find_gaps")
    def find_gaps(timestamp: int) -> None:
        """Labels that are not accounted for open a nonconformity by themselves."""
        del timestamp
        at = clock.now()
        run("find_gaps", lambda session: reconciling.find_gaps(session, at))

    @app.periodic(cron="7 5 * * *")
    @app.task(queueing_lock="renewals", name="renewals")
    def renewals(timestamp: int) -> None:
        """Certificates that enter their renewal window become work; due days that could not be counted are filled in.

        Corrections past their day become proposals to suspend, which a person decides on.
        """
        del timestamp
        at = clock.now()
        run("renewals", lambda session: reminders.daily(session, at))
        run("suspensions", lambda session: suspensions.propose_overdue(session, at=at))

    @app.task(name=drawing.TASK)
    def draw_file(drawing_id: str) -> None:
        """Draw a file that somebody waits for."""
        draw(engine, config, UUID(drawing_id))

    @app.periodic(cron="* * * * *")
    @app.task(queueing_lock="drawings", name="drawings")
    def drawings(timestamp: int) -> None:
        """Take up files that nobody draws: lost by the queue, or left by a worker that was killed."""
        del timestamp
        with Session(engine) as session:
            overdue = drawing.due(session, at=clock.now())
            session.commit()
        for drawing_id in overdue:
            draw(engine, config, drawing_id)

    @app.periodic(cron="41 * * * *")
    @app.task(queueing_lock="drawings_kept", name="drawings_kept")
    def drawings_kept(timestamp: int) -> None:
        """Files past their month go; they can be drawn again."""
        del timestamp
        run("drawings_kept", lambda session: drawing.clear(session, config.drawings_dir, at=clock.now()))

    @app.periodic(cron="23 2 * * *")
    @app.task(queueing_lock="evidence", name="check_evidence")
    def check_evidence(timestamp: int) -> None:
        """Hash every original again; a difference is an error in the log, which is watched."""
        del timestamp
        with Session(engine) as session:
            for broken in evidence.verify_all(session, config.files_dir):
                log.error("evidence differs from its hash", evidence=str(broken))

    return app


def draw(
    engine: Engine, config: Config, drawing_id: UUID, *, now: Callable[[], datetime] = clock.now,
    tick: Callable[[], float] = monotonic,
) -> None:  # fmt: skip
    """Draw one file, unless somebody else does: outside any transaction, with its progress committed every second."""
    with Session(engine) as session:
        attempt = drawing.claim(session, drawing_id, at=now())
        session.commit()
    if attempt is None:
        return
    drawing.drop_drafts(config.drawings_dir, drawing_id)
    said = tick()

    def beat() -> None:
        nonlocal said
        if tick() - said < BEAT_SECONDS:
            return
        said = tick()
        with Session(engine) as session:
            goes_on = drawing.beat(session, drawing_id, attempt=attempt, done=work.counted.done, at=now())
            session.commit()
        if not goes_on:
            raise drawing.Stopped

    try:
        with Session(engine) as session:
            work = drawing.prepare(session, drawing_id, keyring=keys.load(session, config.master_key), host=config.host)
        work.counted.pulse = beat
        written = drawing.write(config.drawings_dir, f"{drawing_id}-{attempt}", work.pieces, beat)
    except drawing.Stopped:
        log.info("drawing stopped", drawing=str(drawing_id))
        return
    except Exception as exc:  # whatever it was, the person who waits must be told
        fault = drawing.fault_of(exc)
        log.error("drawing failed", drawing=str(drawing_id), fault=fault.value, error=type(exc).__name__)  # noqa: TRY400
        with Session(engine) as session:
            drawing.fail(session, drawing_id, fault, attempt=attempt, at=now())
            session.commit()
        return
    with Session(engine) as session:
        drawing.finish(session, drawing_id, written, attempt=attempt, at=now())
        session.commit()
    log.info("drawing done", drawing=str(drawing_id), size=written.size)


def keep_house(session: Session, store: Path) -> int:
    """What must be done regularly; returns how many partitions were made."""
    at = clock.now()
    today = at.astimezone(clock.CITY).date()
    made = session.scalar(
        select(text("make_scan_months(:first, :last)")).params(first=today, last=today + timedelta(days=62))
    )
    idempotency.forget(session, before=at - KEYS_KEPT)
    accounts.clean_up(session, at=at)
    # Yesterday's salt is kept for scans around midnight; older ones go, and with them any link between days.
    session.execute(text("DELETE FROM device_salt WHERE day < :day"), {"day": str(today - timedelta(days=1))})
    area_imports.clear(session, before=at - IMPORTS_WAIT)
    # Last, for it holds a lock on what it removes until the commit.
    files.sweep(session, store, older_than=ORPHANS_KEPT, at=at)
    return int(made or 0)
