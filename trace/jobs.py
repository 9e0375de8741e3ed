"""Work outside requests: housekeeping by the clock, run by `manage worker`. The queue lives in the same database."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from procrastinate import App, PsycopgConnector
from sqlalchemy import select, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from enforcement import evidence, intake
from trace import clock, db
from trace.services import accounts, idempotency

if TYPE_CHECKING:
    from collections.abc import Callable

    from trace.config import Config

log = structlog.get_logger("temthat.jobs")
KEYS_KEPT = timedelta(days=30)


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
        """Partitions ahead of time; old keys, tries and salts out."""
        del timestamp
        run("housekeeping", keep_house)

    @app.periodic(cron="23 2 * * *")
    @app.task(queueing_lock="evidence", name="check_evidence")
    def check_evidence(timestamp: int) -> None:
        """Hash every original again; a difference is an error in the log, which is watched."""
        del timestamp
        with Session(engine) as session:
            for broken in evidence.verify_all(session, config.files_dir):
                log.error("evidence differs from its hash", evidence=str(broken))

    return app


def keep_house(session: Session) -> int:
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
    return int(made or 0)
