"""Label keys at rest: the first, every later one, and the keyring that a process holds.

What must not live here: the tag itself (`labels.code`), wrapping (`labels.keys`), and where the master key comes from.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from labels import code
from labels.errors import Forged
from labels.keys import Keyring, new_secret, wrap
from labels.keys import unwrap as open_key
from trace.models.labels import LabelKey, LabelSeries
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection
    from sqlalchemy.orm import Session

STALE_AFTER = timedelta(seconds=30)
"""A tag that does not match makes a process read the keys again, but not more often than this."""
OLDEST = timedelta(minutes=5)
"""No keyring is used longer than this, so that a key that was replaced elsewhere stops being good here."""


def issue_first(session: Session, master: bytes, at: datetime) -> LabelKey:
    """The key of serial 1, and the series itself. Once they are there, the first key is given back unchanged."""
    session.execute(insert(LabelSeries).values(id=1, next_serial=1).on_conflict_do_nothing())
    _lock_series(session)
    first = session.scalars(select(LabelKey).order_by(LabelKey.first_serial).limit(1)).one_or_none()
    return first or _new_key(session, master, first_serial=1, deed="label_key:issue", at=at)


def rotate(
    session: Session, master: bytes, at: datetime, *, by: UUID | None = None, why: str | None = None
) -> LabelKey:
    """A new key from the next serial on. The series stays locked until the transaction ends, so no order falls between.

    Labels already issued keep the key they were made with. If no label was issued since the last rotation, that key made no
    tag yet and is replaced.
    """
    first_serial = _lock_series(session).next_serial
    unused = session.scalars(select(LabelKey).where(LabelKey.first_serial == first_serial)).one_or_none()
    if unused is None:
        return _new_key(session, master, first_serial=first_serial, deed="label_key:rotate", at=at, by=by, why=why)
    unused.wrapped_secret, unused.created_at = wrap(new_secret(), master, key_id=unused.id), at
    history.record(session, "label_key:replace", UUID(int=unused.id), by=by, at=at, why=why)
    session.flush()
    return unused


def rewrap(session: Session, old: bytes, new: bytes, *, at: datetime, by: UUID | None = None, why: str) -> int:
    """Wrap every label key with another master key, after the old one leaked. The tags stay as they are. Returns how many."""
    found = session.scalars(select(LabelKey).order_by(LabelKey.id).with_for_update()).all()
    for key in found:
        key.wrapped_secret = wrap(open_key(key.wrapped_secret, old, key_id=key.id), new, key_id=key.id)
        history.record(session, "label_key:rewrap", UUID(int=key.id), by=by, at=at, why=why)
    session.flush()
    return len(found)


def load(session: Session | Connection, master: bytes) -> Keyring:
    """Every label key, unwrapped."""
    rows = session.execute(select(LabelKey.first_serial, LabelKey.id, LabelKey.wrapped_secret)).all()
    return Keyring(tuple((first, key_id, open_key(wrapped, master, key_id=key_id)) for first, key_id, wrapped in rows))


class KeyringCache:
    """The keyring of one process. A code costs no query here, right or forged, except now and then for all of them together.

    The keys may change elsewhere: when a tag does not match and the keyring is older than `STALE_AFTER`, it is read again
    before the code is called forged. A flood of forged codes therefore costs one query in that time.
    """

    def __init__(self, master: bytes) -> None:
        self._master = master
        self._held = Keyring(())
        self._read_at: datetime | None = None
        self._reading = threading.Lock()

    def get(self, session: Session) -> Keyring:
        """The keyring as the database has it now: for drawing labels, where an old key would spoil a whole order."""
        return load(session, self._master)

    def forget(self) -> None:
        """Hold nothing, as at the start of the process."""
        with self._reading:
            self._held, self._read_at = Keyring(()), None

    def judge(self, text: str, connect: Callable[[], AbstractContextManager[Connection]], *, at: datetime) -> Keyring:
        """The keyring to check a code with. Raises Malformed for what is no code; connects only to read the keys again."""
        parsed = code.parse(text)
        if self._older_than(OLDEST, at):
            self._read(connect, OLDEST, at)
        if self._older_than(STALE_AFTER, at) and not self._matches(parsed):
            self._read(connect, STALE_AFTER, at)
        return self._held

    def verify(
        self, text: str, connect: Callable[[], AbstractContextManager[Connection]], *, at: datetime
    ) -> code.Parsed:
        """A code with its tag checked, by keys as fresh as `judge` gives them. Raises Malformed or Forged."""
        if self._older_than(OLDEST, at):
            code.parse(text)
            self._read(connect, OLDEST, at)
        try:
            return self._held.verify(text)
        except Forged:
            if not self._older_than(STALE_AFTER, at):
                raise
            self._read(connect, STALE_AFTER, at)
            return self._held.verify(text)

    def _older_than(self, age: timedelta, at: datetime) -> bool:
        return self._read_at is None or abs(at - self._read_at) > age

    def _read(self, connect: Callable[[], AbstractContextManager[Connection]], age: timedelta, at: datetime) -> None:
        with self._reading:
            if self._older_than(age, at):
                with connect() as connection:
                    self._held, self._read_at = load(connection, self._master), at

    def _matches(self, parsed: code.Parsed) -> bool:
        try:
            self._held.verify(parsed.text)
        except Forged:
            return False
        return True


def _lock_series(session: Session) -> LabelSeries:
    locked = select(LabelSeries).where(LabelSeries.id == 1).with_for_update()
    return session.scalars(locked, execution_options={"populate_existing": True}).one()


def _new_key(
    session: Session,
    master: bytes,
    *,
    first_serial: int,
    deed: str,
    at: datetime,
    by: UUID | None = None,
    why: str | None = None,
) -> LabelKey:
    # The id is part of what the wrapping is bound to, so it is chosen before the row is written; the locked series keeps it single.
    key_id = session.scalars(select(func.coalesce(func.max(LabelKey.id), 0) + 1)).one()
    key = LabelKey(
        id=key_id, first_serial=first_serial, wrapped_secret=wrap(new_secret(), master, key_id=key_id), created_at=at
    )
    session.add(key)
    history.record(
        session, deed, UUID(int=key_id), by=by, at=at, changes={"first_serial": (None, first_serial)}, why=why
    )
    session.flush()
    return key
