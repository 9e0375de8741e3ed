"""One scan: what the register says of a code, in one round trip that also records that it was asked.

What must not live here: words, HTTP, and anything of the case desk, which can neither slow nor break this path.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID  # noqa: TC003  the decoder reads it

import msgspec
import msgspec.structs
from psycopg import RawCursor
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from labels import code, lot_code
from labels.errors import Forged, Malformed
from trace.clock import CITY
from trace.models.certificates import CertificateStatus
from trace.models.labels import LabelState
from trace.models.scans import (
    Comparison,
    ComparisonAnswer,
    CopyRule,
    DeviceSalt,
    ScanChannel,
    ScanKind,
    VerdictKind,
)
from trace.models.titles import PointKind, TitleKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg import Cursor
    from sqlalchemy.orm import Session

    from labels.code import Parsed
    from labels.keys import Keyring

# A test print has a code and a number, but no label that could be looked up, compared or reported.
NO_LABEL = frozenset({VerdictKind.UNKNOWN, VerdictKind.SAMPLE})
OUT_OF_USE = frozenset({LabelState.VOIDED, LabelState.SPOILED, LabelState.LOST, LabelState.RETURNED})

FIRST_RULE_SINCE = datetime(2025, 1, 1, tzinfo=UTC)

_VERIFY = "SELECT verify_label(%(serial)s, %(at)s, %(device)s, %(kind)s, %(channel)s)::text"
_VERIFY_RAW = "SELECT verify_label($1, $2, $3, $4, $5)::text"
UNRECORDED = "unrecorded"
"""The kind of a look that `verify_label` does not write down."""
_VERIFY_LOT = "SELECT verify_lot(%(code)s, %(at)s, %(device)s, %(kind)s, %(channel)s)::text"


def first_copy_rule(session: Session) -> None:
    """The rule of the beginning: more than ten devices within seven days in three provinces, three after the opening, or places too far apart."""
    rule = {
        "version": 1, "valid_from": FIRST_RULE_SINCE, "devices": 10, "days": 7, "provinces": 3, "after_opening": 3,
        "travel_kmh": 500,
    }  # fmt: skip
    session.execute(insert(CopyRule).values(**rule).on_conflict_do_nothing())


class ComparePoint(NamedTuple):
    """A thing to compare on the goods in hand. `picture` is the SHA-256 that its public picture goes by."""

    text_vi: str
    text_en: str
    hard_to_copy: bool
    kind: PointKind = PointKind.GOODS
    text_zh: str | None = None
    text_ja: str | None = None
    picture: str | None = None

    def said(self, locale: str) -> str:
        """Its words in a language; in English where it has none there."""
        return {"vi": self.text_vi, "zh": self.text_zh, "ja": self.text_ja}.get(locale) or self.text_en


class CopySign(StrEnum):
    """Why a label may have been copied (never shown)."""

    DEVICES = "devices"
    OPENING = "opening"
    TRAVEL = "travel"


class _Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the database function answers. An unknown serial has a kind and nothing else."""

    kind: VerdictKind
    also: tuple[VerdictKind, ...] = ()
    state: LabelState | None = None
    since: datetime | None = None
    checks: int = 0
    recent_checks: int = 0
    first_check: datetime | None = None
    provinces: int = 0
    devices: int = 0
    days: int = 0
    unusual: bool = False
    """Whether one, but not all, of what would make a copy likely holds: then numbers are better than reassurance."""
    copied_by: CopySign | None = None
    hidden_code: bool = False
    """Whether the label carries six digits under a scratch layer."""
    opened_at: datetime | None = None
    after_opening: int = 0
    """Other devices that looked within `days` days although the scratch layer had been opened before."""
    shared: bool = False
    """Whether the code is of a whole lot. It then has no serial, and `also` says so if something graver leads."""
    packs: int | None = None
    pack_weight_g: int | None = None
    gtin: str | None = None
    lot_code: str | None = None
    harvested_on: date | None = None
    packed_on: date | None = None
    expires_on: date | None = None
    recall_reason: str | None = None
    certificate_id: UUID | None = None
    certificate_number: str | None = None
    certificate_status: CertificateStatus | None = None
    certificate_until: date | None = None
    status_since: datetime | None = None
    holder_name: str | None = None
    holder_address: str | None = None
    """Of a household or a person only the commune."""
    product_id: UUID | None = None
    product_name: str | None = None
    product_name_en: str | None = None
    title_id: UUID | None = None
    title_name: str | None = None
    title_kind: TitleKind | None = None
    source_name: str | None = None
    commune_name: str | None = None
    area_code: str | None = None
    sources: int = 0
    """How many areas or sites the goods were merged from; 0 where the lot has one of its own."""
    checked_on: date | None = None
    """When somebody else than the holder last controlled the area or site, else the holder."""
    is_sample: bool = False
    compare: tuple[ComparePoint, ...] = ()


_read_facts = msgspec.json.Decoder(_Facts).decode


class Verdict(_Facts, frozen=True, kw_only=True):
    """What the page says of one label: the gravest finding first, lesser ones in `also`, and the facts to compare.

    `checks` counts real looks of all time, `recent_checks`, `provinces` and `devices` those of the last `days` days. Without a
    register entry (unknown, malformed, not checked) there is a kind, the time, and the code if it is one.
    """

    checked_at: datetime
    code: str | None = None
    serial: int | None = None
    first_place: str | None = None
    recorded: bool = True
    """False when this look could not be written down, so that nothing may be said about its being the first."""

    @property
    def voided_on(self) -> date | None:
        """The day from which the label may not be on goods for sale."""
        return _day(self.since) if self.state in OUT_OF_USE else None

    @property
    def opened_on(self) -> date | None:
        """The day on which the digits under the scratch layer were first entered."""
        return _day(self.opened_at)

    @property
    def suspended_on(self) -> date | None:
        """The day on which the holder's right stopped, if it is stopped now."""
        stopped = self.certificate_status not in {None, CertificateStatus.ACTIVE}
        return _day(self.status_since) if stopped else None

    @property
    def packed_before_suspension(self) -> bool | None:
        """Whether the pack was made before the right stopped; None when on the same day, or when that is not known."""
        if self.packed_on is None or self.suspended_on is None or self.packed_on == self.suspended_on:
            return None
        return self.packed_on < self.suspended_on

    @property
    def pack(self) -> int | None:
        """Grams in one pack."""
        return self.pack_weight_g

    @property
    def area_name(self) -> str | None:
        """The growing area or site with its commune. Where exactly the plot lies is never public."""
        return ", ".join(part for part in (self.source_name, self.commune_name) if part) or None

    @property
    def certificate_valid_until(self) -> date | None:
        """The last day of the certificate of use."""
        return self.certificate_until

    def unfound(self) -> Verdict:
        """The answer for a code that does not belong where it was found: the same as for one never issued."""
        return Verdict(kind=VerdictKind.UNKNOWN, checked_at=self.checked_at, code=self.code)


def read(code_text: str, *, keyring: Keyring, at: datetime) -> Parsed | Verdict:
    """The code behind a text, or the verdict on what is none: no database is needed to refuse it."""
    try:
        return keyring.verify(code_text)
    except Malformed:
        return Verdict(kind=VerdictKind.MALFORMED, checked_at=at)
    except Forged:
        return forged(code_text, at=at)


def forged(code_text: str, *, at: datetime) -> Verdict:
    """The verdict on a wrong tag: the very answer of a serial that was never issued."""
    return Verdict(kind=VerdictKind.UNKNOWN, checked_at=at, code=code.parse(code_text).text)


def verify(
    connection: Connection,
    code_text: str,
    *,
    keyring: Keyring,
    at: datetime,
    device: bytes,
    kind: ScanKind,
    channel: ScanChannel,
) -> Verdict:
    """What the register says of a code; the question is recorded in the same statement.

    `device` is a hash from `device_hash`. A real look by a device that looked within 24 hours is recorded as a reload.
    """
    parsed = read(code_text, keyring=keyring, at=at)
    if isinstance(parsed, Verdict):
        return parsed
    return look(connection, parsed, at=at, device=device, kind=kind, channel=channel)


def look(
    connection: Connection | Cursor[Any], parsed: Parsed, *, at: datetime, device: bytes, kind: ScanKind, channel: ScanChannel,
    record: bool = True,
) -> Verdict:  # fmt: skip
    """`verify` for a code whose tag is right. Over the driver's own cursor it takes a third of the processor's time.

    Without `record` nothing is written, and the verdict says so: for a database that can be read and not written.
    """
    told = kind.value if record else UNRECORDED
    if isinstance(connection, RawCursor):  # does not search the statement for the names of what is asked
        found = connection.execute(_VERIFY_RAW, (parsed.serial, at, device, told, channel.value)).fetchall()[0][0]
    else:
        asked = {"serial": parsed.serial, "at": at, "device": device, "kind": told, "channel": channel.value}
        found = _answer_of(connection, _VERIFY, asked)
    facts = _read_facts(found)
    serial = None if facts.kind in NO_LABEL else parsed.serial
    return Verdict(checked_at=at, code=parsed.text, serial=serial, recorded=record, **msgspec.structs.asdict(facts))


def _answer_of(connection: Connection | Cursor[Any], sql: str, asked: Mapping[str, object]) -> str:
    if isinstance(connection, Connection):
        return str(connection.exec_driver_sql(sql, dict(asked)).scalar_one())
    found: str = connection.execute(sql, asked).fetchall()[0][0]
    return found


def verify_lot(
    connection: Connection | Cursor[Any], code_text: str, *, at: datetime, device: bytes, kind: ScanKind, channel: ScanChannel,
    record: bool = True,
) -> Verdict:  # fmt: skip
    """What the register says of a code that all packs of a lot share. The look is recorded and held against nothing."""
    try:
        parsed = lot_code.parse(code_text)
    except Malformed:
        return Verdict(kind=VerdictKind.MALFORMED, checked_at=at)
    asked = {
        "code": parsed,
        "at": at,
        "device": device,
        "kind": kind.value if record else UNRECORDED,
        "channel": channel.value,
    }
    facts = _read_facts(_answer_of(connection, _VERIFY_LOT, asked))
    return Verdict(checked_at=at, code=parsed, recorded=record, **msgspec.structs.asdict(facts))


def answer(
    session: Session, serial: int, *, device: bytes, answer: ComparisonAnswer, at: datetime, differs_in: Sequence[int] = ()
) -> None:  # fmt: skip
    """Keep what a buyer found when comparing. A later answer from the same device and day replaces the earlier one.

    `differs_in`: the places, from 1, of the points that did not match.
    """
    said = {"answer": answer, "at": at, "differs_in": sorted(set(differs_in))}
    session.execute(
        insert(Comparison)
        .values(serial=serial, device=device, **said)
        .on_conflict_do_update(index_elements=["serial", "device"], set_=said)
    )


class Salts:
    """The salt of the day, drawn by whichever process asks first and held by each until the city's day ends.

    The first scan of a day in a process costs one statement more.
    """

    def __init__(self) -> None:
        self._held: tuple[date, bytes] | None = None

    def held(self, at: datetime) -> bytes | None:
        """The salt of the day, if this process has it already."""
        held = self._held
        return held[1] if held is not None and held[0] == at.astimezone(CITY).date() else None

    def today(self, connection: Connection, at: datetime) -> bytes:
        """32 bytes that nobody knows once the day's row is deleted."""
        held = self.held(at)
        if held is not None:
            return held
        day = at.astimezone(CITY).date()
        # The empty update makes the row of a process that was quicker visible here, which DO NOTHING would not.
        drawn = insert(DeviceSalt).values(day=day.isoformat(), salt=secrets.token_bytes(32))
        kept = drawn.on_conflict_do_update(index_elements=["day"], set_={"day": drawn.excluded.day}).returning(
            DeviceSalt.salt
        )
        salt: bytes = connection.execute(kept).scalar_one()
        self._held = (day, salt)
        return salt

    def forget(self) -> None:
        """Hold nothing, as at the start of the process."""
        self._held = None


def device_hash(salt: bytes, network: bytes, user_agent: str) -> bytes:
    """Twelve bytes that tell one day's devices apart and lead to nobody. Neither network nor agent is kept."""
    return hashlib.blake2b(
        network + b"\x00" + user_agent[:500].encode("utf-8", "replace"), key=salt, digest_size=12
    ).digest()


def _day(moment: datetime | None) -> date | None:
    return moment.astimezone(CITY).date() if moment else None
