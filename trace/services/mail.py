"""Handing a letter to the mail server that the settings name. What is written, to whom and how often, is the business of others.

The address is `smtp://user:password@host:587` (STARTTLS is used where the server offers it, and demanded when a password is sent to
another machine) or `smtps://user:password@host:465`.
"""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from trace.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

PATIENCE_SECONDS = 20
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class NotMailed(Unavailable):
    """The mail server did not take the letter.

    Look at TEMTHAT_SMTP_URL and at the log of the mail server; the letter is tried again by itself.
    """


@dataclass(frozen=True)
class Letter:
    """A letter that is due, by the key of its row. `last`: it is not tried again if the mail server does not take it now.

    It goes to one address: of several, the server may take some and put off others, and then nobody could say who has it.
    """

    key: int
    to: str
    subject: str
    text: str
    last: bool


@dataclass(frozen=True)
class Reply:
    """What the server said of an address: a code of 500 and more means that trying again helps nobody."""

    code: int
    text: str

    @property
    def final(self) -> bool:
        """Whether the same letter will not be taken later either."""
        return self.code >= 500


def refusals(exc: NotMailed, to: Sequence[str]) -> dict[str, Reply]:
    """Which addresses the server refused when it took a letter for nobody; none if the fault was not theirs."""
    cause = exc.__cause__
    if isinstance(cause, smtplib.SMTPRecipientsRefused):
        return _replies(cause.recipients)
    if isinstance(cause, smtplib.SMTPDataError) and len(to) == 1:
        return _replies({to[0]: (cause.smtp_code, cause.smtp_error)})
    return {}


def send(url: str, *, sender: str, to: Sequence[str], subject: str, text: str, at: datetime) -> dict[str, Reply]:
    """Hand a letter over; returns the addresses that the server refused. Raises `NotMailed` when it took it for nobody."""
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = sender, "undisclosed-recipients:;", subject
    letter["Date"], letter["Message-ID"] = format_datetime(at), make_msgid(domain=sender.rpartition("@")[2])
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(text)
    try:
        with _connected(url) as server:
            return _replies(server.send_message(letter, from_addr=sender, to_addrs=list(to)))
    except (OSError, smtplib.SMTPException) as exc:
        raise NotMailed from exc


def _replies(refused: Mapping[str, tuple[int, bytes | str]]) -> dict[str, Reply]:
    return {
        address: Reply(code, text.decode("utf-8", "replace") if isinstance(text, bytes) else text)
        for address, (code, text) in refused.items()
    }


def _connected(url: str) -> smtplib.SMTP:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in {"smtp", "smtps"} or not host:
        raise NotMailed
    safe = ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or 465, timeout=PATIENCE_SECONDS, context=safe)
    else:
        server = smtplib.SMTP(host, parts.port or 587, timeout=PATIENCE_SECONDS)
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=safe)
            server.ehlo()
        elif parts.username and host not in LOOPBACK:
            server.close()
            raise NotMailed  # a password does not cross a net in clear
    if parts.username:
        server.login(unquote(parts.username), unquote(parts.password or ""))
    return server
