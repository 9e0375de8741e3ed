"""Work of the case desk outside requests: reminders, morning letters, what a changed calendar would move, how older photos look."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.orm import Session

from enforcement import intake_clocks, law, reminding, timekeeping
from trace import clock, posting
from trace.services import likening

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from procrastinate import App
    from sqlalchemy import Engine

    from trace.config import Config

log = structlog.get_logger("temthat.jobs")


LIKENED_FOR = 20.0
"""So many seconds photos are looked at before the worker turns to something else."""


def add(app: App, engine: Engine, config: Config) -> None:
    """The work of every few minutes and of every hour. The letters go out with the other mail."""

    @app.periodic(cron="*/10 * * * *")
    @app.task(queueing_lock="deadline_reminders", name="deadline_reminders")
    def deadline_reminders(timestamp: int) -> None:
        """Tell officers and heads of the clocks that come near their end, and put down the letters of the morning."""
        del timestamp
        with Session(engine) as session:
            made = reminding.make(session, at=clock.now())
            written = reminding.write_digests(session, at=clock.now())
            session.commit()
        log.info("deadlines looked at", reminders=made, letters=written)

    @app.periodic(cron="47 * * * *")
    @app.task(queueing_lock="recount", name="recount")
    def recount(timestamp: int) -> None:
        """Note the clocks that the calendar of today would end at another moment; a person takes that over."""
        del timestamp
        with Session(engine) as session:
            moved = timekeeping.flag(session, at=clock.now())
            moved += intake_clocks.flag(session, law=law.load(session), at=clock.now())
            session.commit()
        log.info("clocks compared with the calendar", moved=moved)

    @app.periodic(cron="*/5 * * * *")
    @app.task(queueing_lock="likenesses", name="likenesses")
    def likenesses(timestamp: int) -> None:
        """Note how photos look that came before this was noted; with none left it costs a look into an empty index."""
        del timestamp
        liken(engine, config)


def liken(
    engine: Engine, config: Config, *, now: Callable[[], datetime] = clock.now, tick: Callable[[], float] = monotonic
) -> int:
    """Look at waiting photos, some at a time and each lot committed, until none waits or the time is over. How many were looked at."""
    until, count = tick() + LIKENED_FOR, 0
    failed: list[UUID] = []
    while tick() < until:
        with Session(engine) as session:
            looked = likening.look(session, config.files_dir, at=now(), but=failed)
            session.commit()
        for file_id in looked.unreadable:
            log.warning("photo cannot be read", file=str(file_id))
        for file_id in looked.failed:
            log.error("photo not read for now", file=str(file_id))
        if looked.stopped:
            log.error("store of files does not answer", store=str(config.files_dir))
        count += looked.photos
        failed += looked.failed
        if looked.stopped or looked.photos + len(looked.failed) < likening.AT_ONCE:
            break
    if count:
        log.info("photos looked at for their likeness", count=count)
    return count


def post_digests(engine: Engine, config: Config, *, now: Callable[[], datetime] = clock.now) -> int:
    """Send the morning letters; one that is refused for good is given up for the day. How many the mail server took."""
    return posting.post(
        engine, config, kind="digest", now=now,
        due=lambda session: reminding.letters(session, at=now(), host=config.host),
        mailed=lambda session, key: reminding.mailed(session, key, at=now()), given_up=reminding.given_up,
    )  # fmt: skip
