"""Work on the clocks of cases outside requests: reminders, morning letters, and the look at what a changed calendar would move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from sqlalchemy.orm import Session

from enforcement import reminding, timekeeping
from trace import clock
from trace.services import mail

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from procrastinate import App
    from sqlalchemy import Engine

    from trace.config import Config

log = structlog.get_logger("temthat.jobs")


def add(app: App, engine: Engine) -> None:
    """The work of every ten minutes and of every hour. The letters go out with the other mail."""

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
            session.commit()
        log.info("clocks compared with the calendar", moved=moved)


def post_digests(engine: Engine, config: Config, *, now: Callable[[], datetime] = clock.now) -> int:
    """Hand the morning letters to the mail server, each outside any transaction; what it does not take comes round again. How many it took."""
    if not config.smtp_url:
        return 0
    with Session(engine) as session:
        due = reminding.letters(session, at=now(), host=config.host)
        session.commit()
    taken = 0
    for letter in due:
        try:
            mail.send(
                config.smtp_url, sender=config.mail_sender, to=[letter.to], subject=letter.subject, text=letter.text, at=now()
            )  # fmt: skip
        except mail.NotMailed as exc:
            say = log.error if letter.last else log.warning
            say("digest not sent", digest=letter.digest_id, given_up=letter.last, error=type(exc.__cause__).__name__)
            continue
        with Session(engine) as session:
            reminding.mailed(session, letter.digest_id, at=now())
            session.commit()
        taken += 1
    return taken
