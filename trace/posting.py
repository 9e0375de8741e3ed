"""Handing due letters to the mail server, each outside any transaction, and keeping what it said. What is due is the business of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from sqlalchemy.orm import Session

from trace.services import mail, mail_addresses

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlalchemy import Engine

    from trace.config import Config
    from trace.services.mail import Letter

log = structlog.get_logger("temthat.posting")


def post(
    engine: Engine,
    config: Config,
    *,
    kind: str,
    due: Callable[[Session], Sequence[Letter]],
    mailed: Callable[[Session, int], None],
    given_up: Callable[[Session, int], None],
    now: Callable[[], datetime],
) -> int:
    """Send what is due; what the server does not take comes round again, unless it was refused for good or tried for the last time.

    `mailed` and `given_up` are told the key of a letter. Returns how many the server took.
    """
    if not config.smtp_url:
        return 0
    with Session(engine) as session:
        letters = due(session)
        session.commit()
    taken = 0
    for letter in letters:
        try:
            mail.send(
                config.smtp_url, sender=config.mail_sender, to=[letter.to], subject=letter.subject, text=letter.text, at=now()
            )  # fmt: skip
        except mail.NotMailed as exc:
            refused = mail.refusals(exc, [letter.to])
            over = letter.last or any(reply.final for reply in refused.values())
            say = log.error if over else log.warning
            say("letter not sent", kind=kind, key=letter.key, given_up=over, error=type(exc.__cause__).__name__)
            with Session(engine) as session:
                mail_addresses.heard(session, [], refused, at=now())
                if over:
                    given_up(session, letter.key)
                session.commit()
            continue
        with Session(engine) as session:
            mailed(session, letter.key)
            mail_addresses.heard(session, [letter.to], {}, at=now())
            session.commit()
        taken += 1
    return taken
