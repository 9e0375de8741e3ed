"""A new master key in place of one that leaked: everything wrapped or sealed under it, in one transaction, and then its file.

The new key lies beside the old one before anything is changed, so that a stop at any point loses nothing: whoever asks again
finds it there and goes on. What is only derived from the master key, such as the seal of session cookies, ends with it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from enforcement import informants
from labels.errors import LabelError
from trace.config import read_master_key
from trace.errors import TemThatError
from trace.services import accounts, history, keys, webhooks

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.orm import Session

    from trace.config import Config


class NotOpened(Exception):
    """Something does not open under the master key that it should open under; nothing was changed."""


@dataclass(frozen=True)
class Opened:
    """How many secrets opened under a master key."""

    label_keys: int
    second_factors: int
    contacts: int
    webhooks: int


def exchange(session: Session, old: Config, new: Config, *, at: datetime, why: str) -> Opened:
    """Wrap and seal everything anew and open all of it again. The caller commits, or nothing has happened."""
    try:
        keys.rewrap(session, old.master_key, new.master_key, at=at, why=why)
        accounts.reseal(session, old=old.derived("second-factor"), new=new.derived("second-factor"))
        informants.reseal(session, old=old.derived("informant"), new=new.derived("informant"))
        webhooks.reseal(session, old=old.derived("webhook"), new=new.derived("webhook"))
    except (LabelError, TemThatError) as exc:
        raise NotOpened from exc
    found = opened(session, new)
    changes: dict[str, tuple[object, object]] = {
        "label_keys": (None, found.label_keys), "second_factors": (None, found.second_factors), "contacts": (None, found.contacts),
        "webhooks": (None, found.webhooks),
    }  # fmt: skip
    history.record(session, "master_key:exchange", UUID(int=0), by=None, at=at, changes=changes, why=why)
    session.flush()
    return found


def opened(session: Session, config: Config) -> Opened:
    """Open everything that is kept wrapped or sealed. Raises NotOpened at the first that does not open."""
    try:
        ring = keys.load(session, config.master_key)
        factors = accounts.open_all(session, key=config.derived("second-factor"))
        contacts = informants.open_all(session, key=config.derived("informant"))
        hooks = webhooks.open_all(session, sealing=config.derived("webhook"))
    except (LabelError, TemThatError) as exc:
        raise NotOpened from exc
    return Opened(len(ring.keys), factors, contacts, hooks)


def new_key(path: Path) -> tuple[Path, bytes]:
    """The new master key beside the old one, made if it is not there yet."""
    beside = path.with_name(path.name + ".new")
    return beside, read_master_key(beside)


def under(config: Config, master: bytes) -> Config:
    """The same configuration under another master key."""
    return replace(config, master_key=master)


def put_in_place(path: Path, beside: Path, *, at: datetime) -> Path:
    """Make the new key the master key; the old one is kept beside it, for backups of the database. Where it lies now."""
    kept = path.with_name(f"{path.name}.old-{at:%Y%m%dT%H%M%S}")
    if path.exists() and not kept.exists():
        os.link(path, kept)
    beside.replace(path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return kept
