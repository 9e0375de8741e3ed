"""What comes in at the desk itself: calls and letters written down, letters of other agencies, offers found on the web.

A caller's words become a report like any other, so that the same rules hold and a contact can be sealed with it. What must not live here:
contacts (`informants` alone has them), requests and complaints (`requests`, `complaints`), denunciations (`handoffs`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from enforcement import informants, intake
from enforcement.clusters import bare_address
from enforcement.models import (
    IntakeChannel,
    IntakeFile,
    IntakeKind,
    IntakeRecord,
    Signal,
    SignalSource,
    SignalState,
    What,
)
from labels.errors import LabelError
from trace.clock import CITY
from trace.errors import Conflict, Invalid, broken_constraint
from trace.models.tips import Bought, Platform, TipReason
from trace.services import history, listings, numbers, tips

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from labels.keys import Keyring
    from trace.models.files import StoredFile

SERIES = {
    IntakeKind.COMPLAINT: "KN",
    IntakeKind.REQUEST: "DY",
    IntakeKind.TRANSFER: "CT",
    IntakeKind.LISTING: "TR",
}
BODY_MOST = 4000
SHORTEST_BODY = 10
LINE_MOST = 200
FILES_MOST = 10
PHONE = re.compile(r"0\d{8,10}")


class Lacking(StrEnum):
    """What a report needs so that somebody can go and look."""

    PLACE = "place"
    WHAT = "what"
    WHEN = "when"


class NotConcrete(Invalid):
    """This report cannot be followed up yet; it lacks: %(lacking)s.

    Ask the caller for these. Nobody has to give a name.
    """


class Faults(StrEnum):
    """What is wrong with a paper that is to be taken in."""

    BODY = "body"
    RECEIVED = "received"
    PHONE = "phone"
    AGENCY = "agency"
    ADDRESS = "address"
    FILES = "files"
    DATES = "dates"
    POWER_OF_ATTORNEY = "power_of_attorney"
    REQUESTER = "requester"
    INFRINGER = "infringer"
    RIGHT = "right"
    MEASURES = "measures"
    EVIDENCE = "evidence"
    SIGNATURE = "signature"
    COMPLAINANT = "complainant"
    DECISION = "decision"
    DEMAND = "demand"
    NOTE = "note"
    NOTHING_NEW = "nothing_new"


class PaperFaults(Invalid):
    """This cannot be taken in yet. Missing or wrong: %(faults)s.

    Fill in the fields that are marked.
    """


class LetterKnown(Conflict):
    """This letter is in the desk's book already, as %(number)s.

    Look there; if it is another letter, check its number and date.
    """


class ListingKnown(Conflict):
    """This page is on the desk already, as %(number)s, and is not decided yet.

    Look there and add to it what is new.
    """


@dataclass(frozen=True)
class Heard:
    """What is the same for everything that comes in at the desk."""

    channel: IntakeChannel
    received_at: datetime
    body: str
    commune_code: str | None = None
    place: str | None = None
    shop_phone: str | None = None
    code_text: str | None = None
    listing_url: str | None = None
    seen_on: date | None = None
    files: Sequence[StoredFile] = field(default_factory=tuple)


def take_tip(
    session: Session,
    heard: Heard,
    *,
    reason: TipReason,
    seller: str | None,
    contact: str | None,
    keyring: Keyring,
    informant_key: bytes,
    by: UUID,
    at: datetime,
) -> IntakeRecord:
    """Write down what somebody said by telephone or letter. Without a name it is as good as with one, if it is concrete."""
    lacking = []
    if not (heard.commune_code or heard.place or heard.listing_url or seller):
        lacking.append(Lacking.PLACE)
    if len(heard.body.strip()) < SHORTEST_BODY:
        lacking.append(Lacking.WHAT)
    if heard.seen_on is None:
        lacking.append(Lacking.WHEN)
    if lacking:
        raise NotConcrete(lacking=tuple(lacking))
    if faults := faults_of(heard, at, most=tips.MOST_PHOTOS):
        raise PaperFaults(faults=tuple(faults))
    tip, _secret = tips.submit(
        session,
        reason=reason,
        description=heard.body.strip(),
        code_text=heard.code_text,
        serial=serial_of(heard.code_text, keyring),
        commune_code=heard.commune_code,
        place=heard.place,
        listing_url=heard.listing_url,
        seller=seller,
        seen_on=heard.seen_on,
        bought=Bought.ONLINE if heard.listing_url and not heard.place else Bought.SHOP,
        at=heard.received_at,
    )
    if contact:
        informants.keep(session, tip.id, contact, key=informant_key, at=at)
    record = IntakeRecord(
        number=tip.number,
        kind=IntakeKind.TIP,
        channel=heard.channel,
        received_at=heard.received_at,
        recorded_at=at,
        recorded_by=by,
        tip_id=tip.id,
        shop_phone=phone(heard.shop_phone),
    )
    session.add(record)
    session.flush()
    for file in heard.files:
        tips.add_photo(session, tip, file, at=at)
    signal = intake.from_tip(session, tip, at=at, by=by)
    signal.record_id, signal.shop_phone = record.id, record.shop_phone or signal.shop_phone
    history.record(session, "intake:take", record.id, by=by, at=at, changes={"number": (None, record.number)})
    session.flush()
    return record


def take_transfer(
    session: Session,
    heard: Heard,
    *,
    agency: str,
    agency_number: str,
    agency_dated: date,
    keyring: Keyring,
    by: UUID,
    at: datetime,
) -> IntakeRecord:
    """Take in what another agency passes on, under its letter's number and date; the same letter counts once."""
    faults = faults_of(heard, at)
    if not agency.strip() or not agency_number.strip() or agency_dated > heard.received_at.astimezone(CITY).date():
        faults.append(Faults.AGENCY)
    if faults:
        raise PaperFaults(faults=tuple(faults))
    same = select(IntakeRecord.number).where(
        func.fold(IntakeRecord.agency) == func.fold(agency.strip()),
        func.fold(IntakeRecord.agency_number) == func.fold(agency_number.strip()),
        IntakeRecord.agency_dated == agency_dated,
    )
    known = session.scalar(same)
    if known is not None:
        raise LetterKnown(number=known)
    try:
        with session.begin_nested():
            record = add(
                session, IntakeKind.TRANSFER, heard, keyring=keyring, by=by, at=at,
                agency=agency.strip(), agency_number=agency_number.strip(), agency_dated=agency_dated,
            )  # fmt: skip
    except IntegrityError as exc:  # somebody else entered it since we looked
        if broken_constraint(exc) == "uq_intake_record_letter":
            raise LetterKnown(number=session.scalars(same).one()) from exc
        raise
    put_on_desk(
        session, record, SignalSource.AGENCY, What.TRANSFER, source_ref=str(record.id), facts={"agency": record.agency},
        key=f"record:{record.id}", by=by, at=at,
    )  # fmt: skip
    return record


def take_listing(session: Session, heard: Heard, *, keyring: Keyring, by: UUID, at: datetime) -> IntakeRecord:
    """Take in an offer that somebody of the desk found on the web. While it is undecided the same page is not taken in twice."""
    faults = faults_of(heard, at)
    if not heard.listing_url:
        faults.append(Faults.ADDRESS)
    if faults:
        raise PaperFaults(faults=tuple(faults))
    page = bare_address(heard.listing_url or "")
    # Whoever records the same page at the same moment waits here, and then finds it on the desk.
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"listing:{page}", 0))))
    last = session.execute(
        select(Signal.source_ref, Signal.source_number, Signal.state)
        .where(Signal.source == SignalSource.LISTING, Signal.source_ref.startswith(f"{page}#", autoescape=True))
        .order_by(Signal.received_at.desc())
        .limit(1)
    ).one_or_none()
    if last is not None and last.state in {SignalState.NEW, SignalState.WAITING}:
        raise ListingKnown(number=last.source_number)
    turn = int(last.source_ref.rpartition("#")[2]) + 1 if last is not None else 1
    record = add(session, IntakeKind.LISTING, heard, keyring=keyring, by=by, at=at)
    named = record.platform if record.platform is not Platform.OTHER else None
    facts = {"platform": named.value.capitalize()} if named else {}
    put_on_desk(
        session, record, SignalSource.LISTING, What.LISTING, source_ref=f"{page}#{turn}", facts=facts, by=by, at=at
    )
    return record


def add(
    session: Session, kind: IntakeKind, heard: Heard, *, by: UUID, at: datetime, keyring: Keyring | None = None, **more: Any
) -> IntakeRecord:  # fmt: skip
    """Write a paper into the desk's book under the next number of its kind."""
    record = IntakeRecord(
        number=numbers.next_number(session, SERIES[kind], at=at),
        kind=kind,
        channel=heard.channel,
        received_at=heard.received_at,
        recorded_at=at,
        recorded_by=by,
        commune_code=heard.commune_code,
        place=heard.place,
        shop_phone=phone(heard.shop_phone),
        serial=serial_of(heard.code_text, keyring) if keyring is not None else None,
        code_text=heard.code_text,
        listing_url=heard.listing_url,
        platform=listings.platform_of(heard.listing_url) if heard.listing_url else None,
        seen_on=heard.seen_on,
        body=heard.body.strip(),
        files=[IntakeFile(file_id=file_id) for file_id in dict.fromkeys(file.id for file in heard.files)],
        **more,
    )
    session.add(record)
    session.flush()
    history.record(session, "intake:take", record.id, by=by, at=at, changes={"number": (None, record.number)})
    return record


def put_on_desk(
    session: Session,
    record: IntakeRecord,
    source: SignalSource,
    what: What,
    *,
    source_ref: str,
    facts: dict[str, Any],
    by: UUID,
    at: datetime,
    key: str | None = None,
) -> Signal:
    """The signal of a paper. Its severity is 2: somebody with a name and an office stands behind it."""
    return intake.raise_signal(
        session,
        source=source,
        source_ref=source_ref,
        source_number=record.number,
        record_id=record.id,
        what=what,
        key=key,
        serial=record.serial,
        printed=record.code_text,
        commune_code=record.commune_code,
        place=record.place or record.listing_url,
        listing_url=record.listing_url,
        shop_phone=record.shop_phone,
        facts=facts,
        severity=2,
        received_at=record.received_at,
        by=by,
        at=at,
    )


def serial_of(code_text: str | None, keyring: Keyring) -> int | None:
    """The serial behind a code with a right tag."""
    try:
        return keyring.verify(code_text).serial if code_text else None
    except LabelError:
        return None


def phone(text: str | None) -> str | None:
    """A telephone number as it is kept: 0…, digits only. None for nothing or for what is none."""
    digits = re.sub(r"\D", "", text or "")
    digits = "0" + digits[2:] if digits.startswith("84") and len(digits) > 10 else digits
    return digits if PHONE.fullmatch(digits) else None


def faults_of(heard: Heard, at: datetime, *, most: int = FILES_MOST) -> list[Faults]:
    """What is wrong in the part that all papers share. `most`: so many files; what becomes a report takes fewer."""
    faults = []
    if not SHORTEST_BODY <= len(heard.body.strip()) <= BODY_MOST:
        faults.append(Faults.BODY)
    if heard.received_at > at or (
        heard.seen_on is not None and heard.seen_on > heard.received_at.astimezone(CITY).date()
    ):
        faults.append(Faults.RECEIVED)
    if heard.shop_phone and phone(heard.shop_phone) is None:
        faults.append(Faults.PHONE)
    if len(heard.files) > most:
        faults.append(Faults.FILES)
    return faults
