"""One scan: what the register says of a code, in one round trip that also records that it was asked.

What must not live here: words, HTTP, and anything of the case desk, which can neither slow nor break this path.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import msgspec.structs
from sqlalchemy import Connection, func, or_, select, text
from sqlalchemy.dialects.postgresql import Range, insert
from sqlalchemy.orm import joinedload

from labels import code
from labels.errors import Forged, Malformed
from trace.clock import CITY
from trace.models.certificates import CertificateStatus
from trace.models.controls import Nonconformity
from trace.models.labels import LabelMovement, LabelOrder, LabelRange, LabelState
from trace.models.parties import Commune
from trace.models.scans import (
    Comparison,
    ComparisonAnswer,
    CopyRule,
    DeviceSalt,
    Scan,
    ScanChannel,
    ScanKind,
    VerdictKind,
)
from trace.models.tips import Tip
from trace.models.titles import TitleKind  # noqa: TC001  the same

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from labels.code import Parsed
    from labels.keys import Keyring

# A test print has a code and a number, but no label that could be looked up, compared or reported.
NO_LABEL = frozenset({VerdictKind.UNKNOWN, VerdictKind.SAMPLE})
OUT_OF_USE = frozenset({LabelState.VOIDED, LabelState.SPOILED, LabelState.LOST, LabelState.RETURNED})

FIRST_RULE_SINCE = datetime(2025, 1, 1, tzinfo=UTC)

_VERIFY = text("SELECT verify_label(:serial, :at, :device, :kind, :channel)::text")

# "cubot" is a make of telephone, and "zalo" alone is the browser inside Zalo: people hold both.
_ROBOTS = re.compile(
    r"(?<!cu)bot\b|bot[/;)]|crawl|spider|slurp|externalhit|facebookcatalog|preview|zalo-?share|^whatsapp/|viberbot|"
    r"embedly|linkexpand|bingpreview|lighthouse|^$",
    re.IGNORECASE,
)
_AHEAD_OF_TIME = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")


def first_copy_rule(session: Session) -> None:
    """The rule of the beginning: more than ten devices within seven days in three provinces."""
    rule = {"version": 1, "valid_from": FIRST_RULE_SINCE, "devices": 10, "days": 7, "provinces": 3}
    session.execute(insert(CopyRule).values(**rule).on_conflict_do_nothing())


class ComparePoint(NamedTuple):
    """A thing to compare on the goods in hand, in both languages."""

    text_vi: str
    text_en: str
    hard_to_copy: bool


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
    pack_weight_g: int | None = None
    gtin: str | None = None
    lot_code: str | None = None
    harvested_on: date | None = None
    packed_on: date | None = None
    expires_on: date | None = None
    recall_reason: str | None = None
    certificate_number: str | None = None
    certificate_status: CertificateStatus | None = None
    certificate_until: date | None = None
    status_since: datetime | None = None
    holder_name: str | None = None
    product_name: str | None = None
    product_name_en: str | None = None
    title_name: str | None = None
    title_kind: TitleKind | None = None
    source_name: str | None = None
    commune_name: str | None = None
    area_code: str | None = None
    sources: int = 0
    """How many areas or sites the goods were merged from; 0 where the lot has one of its own."""
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

    @property
    def voided_on(self) -> date | None:
        """The day from which the label may not be on goods for sale."""
        return _day(self.since) if self.state in OUT_OF_USE else None

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
    """The code behind a text, or the verdict on what is none: no database is needed to refuse it.

    A forged tag gets the very answer of a serial that was never issued.
    """
    try:
        return keyring.verify(code_text)
    except Malformed:
        return Verdict(kind=VerdictKind.MALFORMED, checked_at=at)
    except Forged:
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
    asked = {"serial": parsed.serial, "at": at, "device": device, "kind": kind.value, "channel": channel.value}
    facts = _read_facts(connection.execute(_VERIFY, asked).scalar_one())
    serial = None if facts.kind in NO_LABEL else parsed.serial
    return Verdict(checked_at=at, code=parsed.text, serial=serial, **msgspec.structs.asdict(facts))


def answer(session: Session, serial: int, *, device: bytes, answer: ComparisonAnswer, at: datetime) -> None:
    """Keep what a buyer found when comparing. A later answer from the same device and day replaces the earlier one."""
    statement = insert(Comparison).values(serial=serial, device=device, answer=answer, at=at)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["serial", "device"], set_={"answer": statement.excluded.answer, "at": statement.excluded.at}
        )
    )


def classify(user_agent: str, headers: Mapping[str, str], *, method: str = "GET") -> ScanKind | None:
    """`PREVIEW` for what looks without a person: robots that draw link previews, pages loaded ahead, HEAD. None for people."""
    if method == "HEAD" or _ROBOTS.search(user_agent):
        return ScanKind.PREVIEW
    if any(
        "prefetch" in headers.get(name, "").lower() or "preview" in headers.get(name, "").lower()
        for name in _AHEAD_OF_TIME
    ):
        return ScanKind.PREVIEW
    return None


class Salts:
    """The salt of the day, drawn by whichever process asks first and held by each until the city's day ends.

    The first scan of a day in a process costs one statement more.
    """

    def __init__(self) -> None:
        self._held: tuple[str, bytes] | None = None

    def today(self, connection: Connection, at: datetime) -> bytes:
        """32 bytes that nobody knows once the day's row is deleted."""
        day = at.astimezone(CITY).date().isoformat()
        held = self._held
        if held is not None and held[0] == day:
            return held[1]
        # The empty update makes the row of a process that was quicker visible here, which DO NOTHING would not.
        drawn = insert(DeviceSalt).values(day=day, salt=secrets.token_bytes(32))
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


@dataclass(frozen=True)
class Look:
    """One scan as officers see it."""

    at: datetime
    verdict: VerdictKind
    kind: ScanKind
    channel: ScanChannel
    place: str | None


@dataclass(frozen=True)
class OfficerFacts:
    """What people on duty see of a label beside the public answer."""

    serial: int
    held: LabelRange
    order: LabelOrder
    looks: Sequence[Look]
    movements: Sequence[LabelMovement]
    nonconformities: Sequence[Nonconformity]
    answers: Mapping[ComparisonAnswer, int]
    tips: int


def officer_facts(session: Session, serial: int, *, looks: int = 5, movements: int = 20) -> OfficerFacts | None:
    """State, keeper, order, latest scans, hand-overs and open nonconformities of a label; None if it was never issued."""
    held = session.scalars(
        select(LabelRange)
        .where(LabelRange.serials.contains(Range(serial, serial + 1)))
        .options(
            joinedload(LabelRange.keeper),
            joinedload(LabelRange.order).options(
                joinedload(LabelOrder.holder), joinedload(LabelOrder.lot), joinedload(LabelOrder.certificate)
            ),
        )
    ).one_or_none()
    if held is None:
        return None
    order = held.order
    lot = held.lot or order.lot
    seen = session.execute(
        select(Scan.at, Scan.verdict, Scan.kind, Scan.channel, Commune.name)
        .outerjoin(Commune, Commune.code == Scan.commune_code)
        .where(Scan.serial == serial, Scan.kind != ScanKind.PREVIEW)
        .order_by(Scan.at.desc())
        .limit(looks)
    )
    moved = (
        select(LabelMovement)
        .where(LabelMovement.order_id == order.id, LabelMovement.serials.contains(Range(serial, serial + 1)))
        .order_by(LabelMovement.id.desc())
        .limit(movements)
        .options(joinedload(LabelMovement.author), joinedload(LabelMovement.keeper))
    )
    open_points = (
        select(Nonconformity)
        .where(
            Nonconformity.holder_id == order.holder_id,
            Nonconformity.title_id == order.certificate.title_id,
            Nonconformity.closed_at.is_(None),
            or_(
                Nonconformity.area_id.is_(None),
                Nonconformity.area_id.in_({area for area, _ in lot.source_keys if area}),
            ),
            or_(
                Nonconformity.site_id.is_(None),
                Nonconformity.site_id.in_({site for _, site in lot.source_keys if site}),
            ),
        )
        .order_by(Nonconformity.due_on)
    )
    answered = session.execute(
        select(Comparison.answer, func.count().label("number"))
        .where(Comparison.serial == serial)
        .group_by(Comparison.answer)
    )
    return OfficerFacts(
        serial=serial,
        held=held,
        order=order,
        looks=[Look(*row) for row in seen],
        movements=session.scalars(moved).all(),
        nonconformities=session.scalars(open_points).all(),
        answers={row.answer: row.number for row in answered},
        tips=session.scalars(select(func.count()).select_from(Tip).where(Tip.serial == serial)).one(),
    )
