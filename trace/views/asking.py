"""Asking the register about a code, for whoever asks: the page, a program, or the lane that answers before Flask.

What must not live here: how a verdict is reached (`services.scanning`), how it looks, and Flask's request.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg
import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from labels import code as label_code
from labels import lot_code
from labels.errors import Forged, Malformed
from trace.errors import TooMany
from trace.models.scans import ScanChannel, ScanKind, VerdictKind
from trace.services import agents, scanning
from trace.services.limits import Limited
from trace.services.scanning import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    from sqlalchemy import Connection

    from trace.services.keys import KeyringCache
    from trace.services.limits import Limits

log = structlog.get_logger("temthat.verify")

# The view link: where the page rewrites its address to, so that sharing it in a chat counts for nothing.
VIEWED = "xem"
TYPED = "go"
UNREACHABLE = (OperationalError, InterfaceError, PoolTimeout, psycopg.OperationalError, psycopg.InterfaceError)
# What a program is not told: numbers and states that only mean something inside.
UNTOLD = frozenset({"serial", "first_place", "state", "since", "status_since"})
TOLD_BESIDES = ("voided_on", "suspended_on", "packed_before_suspension")
NOBODY = bytes(12)


class TooManyUnknown(TooMany):
    """Many codes that are not in the register were asked for from your network.

    Wait %(seconds)s seconds and try again. A label that is in the register can be checked at any time.
    """


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about a label: what kind of look it is, and how the code came."""

    kind: ScanKind
    channel: ScanChannel


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the salted hash of a network, and what the browser says of itself. Neither address nor agent is kept."""

    network: bytes
    agent: str
    headers: Mapping[str, str]
    method: str = "GET"

    def asks(self, query: Mapping[str, str], *, for_json: bool) -> Asked:
        """What is asked by somebody without a sign-in: a person's look, or that of a machine that fetches ahead."""
        ahead = agents.classify(self.agent, self.headers, method=self.method)
        if ahead is not None:
            return Asked(ahead, ScanChannel.QR)
        channel = ScanChannel.IN_APP if agents.in_app(self.agent) else ScanChannel.QR
        channel = ScanChannel.API if for_json else ScanChannel.TYPED if TYPED in query else channel
        return Asked(ScanKind.PREVIEW if VIEWED in query else ScanKind.REAL, channel)


@dataclass(frozen=True)
class Desk:
    """What a process holds to answer scans: keys, counts, the salt of the day, and the two ways to the database."""

    keyring: KeyringCache
    limits: Limits
    salts: scanning.Salts
    ways: Mapping[str, Any]
    """Where `trace.db` puts the ways to the database."""

    def connect(self) -> AbstractContextManager[Connection]:
        """A connection for what happens now and then."""
        opened: AbstractContextManager[Connection] = self.ways["scan_connection"]()
        return opened

    def cursor(self) -> AbstractContextManager[psycopg.Cursor[Any]]:
        """The driver's own cursor, for the one statement of a scan."""
        opened: AbstractContextManager[psycopg.Cursor[Any]] = self.ways["scan_cursor"]()
        return opened

    def ask(self, code_text: str, asked: Asked, caller: Caller, *, at: datetime) -> Verdict:
        """The verdict; `NOT_CHECKED` when the register cannot be reached. What is no code of ours costs no query.

        Raises TooManyUnknown when a network, or all together, seem to guess.
        """
        try:
            verdict = self._look(self.keyring.verify(code_text, self.connect, at=at), asked, caller, at)
        except Malformed:
            return Verdict(kind=VerdictKind.MALFORMED, checked_at=at)
        except Forged:
            verdict = scanning.forged(code_text, at=at)
        except UNREACHABLE as exc:
            log.error("register unreachable", kind=type(exc).__name__)  # noqa: TRY400  its text may quote what somebody typed
            return Verdict(kind=VerdictKind.NOT_CHECKED, checked_at=at, code=label_code.parse(code_text).text)
        if verdict.kind is VerdictKind.UNKNOWN:
            wait = self.limits.take(Limited.UNKNOWN_CODE, caller.network, at=at)
            if wait:
                raise TooManyUnknown(seconds=wait)
        return verdict

    def ask_lot(self, code_text: str, asked: Asked, caller: Caller, *, at: datetime) -> Verdict:
        """The same for a code that all packs of a lot share."""
        how: dict[str, Any] = {"at": at, "kind": asked.kind, "channel": asked.channel}
        try:
            code = lot_code.parse(code_text)
        except Malformed:
            return Verdict(kind=VerdictKind.MALFORMED, checked_at=at)
        try:
            device = self.device(caller, at=at)
            with self.connect() as connection:
                try:
                    verdict = scanning.verify_lot(connection, code, device=device, **how)
                except DBAPIError as exc:
                    if not _could_read(exc):
                        raise
                    log.error("look at a lot not recorded", kind=type(exc).__name__)  # noqa: TRY400  its text may quote what was asked
                    verdict = scanning.verify_lot(connection, code, device=NOBODY, record=False, **how)
        except UNREACHABLE as exc:
            log.error("register unreachable", kind=type(exc).__name__)  # noqa: TRY400  the same
            return Verdict(kind=VerdictKind.NOT_CHECKED, checked_at=at, code=code, shared=True)
        if verdict.kind is VerdictKind.UNKNOWN and (
            wait := self.limits.take(Limited.UNKNOWN_CODE, caller.network, at=at)
        ):
            raise TooManyUnknown(seconds=wait)
        return verdict

    def device(self, caller: Caller, *, at: datetime) -> bytes:
        """Twelve bytes that tell the caller's device from others today."""
        salt = self.salts.held(at)
        if salt is None:
            with self.connect() as connection:
                salt = self.salts.today(connection, at)
        return scanning.device_hash(salt, caller.network, caller.agent)

    def _look(self, parsed: label_code.Parsed, asked: Asked, caller: Caller, at: datetime) -> Verdict:
        try:
            device = self.device(caller, at=at)
            return self._once_more(parsed, at=at, device=device, kind=asked.kind, channel=asked.channel)
        except (psycopg.Error, DBAPIError) as exc:
            if not _could_read(exc):
                raise
            # A full disk, a standby, a lost partition: the answer does not depend on being written down.
            log.error("scan not recorded", kind=type(exc).__name__)  # noqa: TRY400  the same
            return self._once_more(parsed, at=at, device=NOBODY, kind=asked.kind, channel=asked.channel, record=False)

    def _once_more(self, parsed: label_code.Parsed, **asked: Any) -> Verdict:
        """The look; asked again on a new connection if the one at hand turns out to be dead, as after a restart of the database."""
        try:
            with self.cursor() as cursor:
                return scanning.look(cursor, parsed, **asked)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            with self.cursor() as cursor:
                return scanning.look(cursor, parsed, **asked)


def _could_read(exc: psycopg.Error | DBAPIError) -> bool:
    """Whether the database itself refused a statement, rather than being out of reach, starting, or shutting down."""
    state = getattr(exc.orig if isinstance(exc, DBAPIError) else exc, "sqlstate", None)
    return state is not None and not state.startswith(("08", "57P", "3D"))


def facts(verdict: Verdict) -> dict[str, Any]:
    """A verdict for programs: every public fact by its name, absent ones left out."""
    plain: dict[str, Any] = msgspec.to_builtins(told(verdict))
    return plain


_TOLD = tuple(name for name in Verdict.__struct_fields__ if name not in UNTOLD) + TOLD_BESIDES
_values = attrgetter(*_TOLD)


def told(verdict: Verdict) -> dict[str, Any]:
    """`facts` before they are written in JSON."""
    known = {
        name: value for name, value in zip(_TOLD, _values(verdict), strict=True) if value is not None and value != ()
    }
    if verdict.compare:
        known["compare"] = [point._asdict() for point in verdict.compare]
    return known
