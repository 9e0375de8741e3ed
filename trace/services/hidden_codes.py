"""The six digits under a label's scratch layer: the first right entry opens the label, for ever, and wrong ones are counted.

What must not live here: how the digits are made (`labels.code`), limits by network (`limits`), and what a later look means (the copy
rule in `verify_label`).
"""

from __future__ import annotations

import hmac
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import Range

from labels import code
from trace.errors import Invalid
from trace.models.labels import LabelOrder
from trace.models.scans import HiddenCodeTry, LabelOpening

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from labels.keys import Keyring

TRIES = 5
"""Wrong entries of one label within `WINDOW`."""
WINDOW = timedelta(hours=1)
DIGITS = 6

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('hidden_code'), :key)")


class NotSixDigits(Invalid):
    """A hidden code has 6 digits.

    Scratch the layer off carefully and type the 6 digits that come to light.
    """

    status = 400


class Found(StrEnum):
    """What an entry of hidden digits came to (never shown)."""

    FIRST = "first"
    AGAIN = "again"
    WRONG = "wrong"
    MALFORMED = "malformed"
    BLOCKED = "blocked"
    NONE = "none"


@dataclass(frozen=True)
class Entry:
    """The answer to one entry: when the label was first opened, how many tries are left, or from when on there are some again."""

    kind: Found
    first_at: datetime | None = None
    left: int | None = None
    until: datetime | None = None
    entered: str = ""
    """What was no six digits, to be shown again."""


def digits_of(entered: str) -> str:
    """The six digits of what somebody typed, full-width ones and spaces included; raises `NotSixDigits`."""
    found = "".join(
        sign for sign in unicodedata.normalize("NFKC", entered[:40]) if not sign.isspace() and sign not in "-.·"
    )
    if len(found) != DIGITS or not (found.isascii() and found.isdigit()):
        raise NotSixDigits
    return found


def enter(session: Session, serial: int, digits: str, *, keyring: Keyring, device: bytes, at: datetime) -> Entry:
    """Try hidden digits of a label; of any number of right entries at once, exactly one is the first.

    Wrong entries are kept and counted: after five within an hour nothing is judged, right or wrong, until the oldest is an hour old.
    """
    has_one = session.scalar(
        select(LabelOrder.hidden_codes).where(LabelOrder.serials.contains(Range(serial, serial + 1)))
    )
    if not has_one:
        return Entry(Found.NONE)
    # One entry of a label at a time, or two processes would each see four tries used.
    session.execute(_LOCK, {"key": serial})
    tried = session.scalars(
        select(HiddenCodeTry.at)
        .where(HiddenCodeTry.serial == serial, HiddenCodeTry.at > at - WINDOW)
        .order_by(HiddenCodeTry.at.desc())
        .limit(TRIES)
    ).all()
    if len(tried) == TRIES:
        return Entry(Found.BLOCKED, until=tried[-1] + WINDOW)
    right = code.hidden_code(serial, keyring.secret_for(serial))
    if not hmac.compare_digest(right, digits):
        session.add(HiddenCodeTry(serial=serial, at=at))
        left = TRIES - len(tried) - 1
        return Entry(Found.WRONG, left=left, until=None if left else (tried[-1] if tried else at) + WINDOW)
    opened = session.get(LabelOpening, serial)
    if opened is not None:
        return Entry(Found.AGAIN, first_at=opened.at)
    session.add(LabelOpening(serial=serial, at=at, device=device))
    session.flush()
    return Entry(Found.FIRST, first_at=at)


def forget_tries(session: Session, *, before: datetime) -> int:
    """Remove wrong entries that count no more; how many there were."""
    gone = delete(HiddenCodeTry).where(HiddenCodeTry.at < before).returning(HiddenCodeTry.id)
    return len(session.execute(gone).all())
