"""The one way in for every source of signals: tips, field observations, papers at the desk, patterns that the system found.

One signal per source and reference, kept so by constraint. A signal accuses nobody and opens nothing: a person decides (see `triage`).
Its summary is built from the register alone and never quotes the reporter, whose own words may name them. Summaries are records of the
desk, so they are in its language, Vietnamese; what they say is kept beside them as facts, for readers of another language.

Severity, from 1 (low) to 3 (high), by rule:
  tip           1; 2 if the label, the goods or the scan speak against it; one more if the label is out of use or recalled
  observation   2, since an inspector saw it; 3 if the label is out of use, recalled, or its code is not in the register
  others        what `patterns` says of the rule; papers of right holders and of other agencies 2
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, func, literal, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import joinedload

from enforcement import clusters, membership
from enforcement.models import IntakeRecord, Observation, Signal, SignalSource, SignalState, What
from labels import code
from labels.code import show_serial
from labels.errors import LabelError
from trace.models.labels import LabelOrder, LabelRange, LabelState
from trace.models.lots import Lot
from trace.models.tips import Tip, TipReason
from trace.services import history

if TYPE_CHECKING:
    from datetime import datetime

    from geoalchemy2 import WKBElement
    from sqlalchemy.orm import Session

HIGHEST = 3
OUT_OF_USE = frozenset(
    {LabelState.VOIDED, LabelState.SPOILED, LabelState.LOST, LabelState.RETURNED, LabelState.RECALLED}
)
SPEAKS_AGAINST = frozenset({TipReason.LABEL_LOOKS_WRONG, TipReason.GOODS_DIFFER, TipReason.SCAN_WARNED})
SUMMARY_MOST = 300
_PHONE = re.compile(r"(?<!\d)(?:\+?84|0)[\s.\-]?(?:\d[\s.\-]?){7,9}\d(?!\d)")

WORDS = {
    What.LABEL_LOOKS_WRONG: "Tem khác thường",
    What.GOODS_DIFFER: "Hàng không giống thông tin trên tem",
    What.NO_LABEL: "Hàng không có tem",
    What.SCAN_WARNED: "Quét mã thấy cảnh báo",
    What.OTHER: "Phản ánh khác",
    What.SEEN: "Quan sát thực địa",
    What.UNKNOWN_CODE_SEEN: "Quan sát thực địa, mã không có trong sổ cấp tem",
    What.VOIDED_SCANNED: "Tem đã loại khỏi sử dụng vẫn được quét",
    What.SUSPECTED_COPY: "Nghi tem bị sao chép",
    What.NOT_ACTIVATED: "Tem chưa kích hoạt đã được quét",
    What.UNKNOWN_CODE: "Mã in trên tem không có trong sổ, được báo nhiều lần",
    What.UNKNOWN_SERIALS: "Mã đúng khóa nhưng chưa từng cấp được quét",
    What.VOID_ON_SALE: "Tem đã loại khỏi sử dụng có trên hàng đang bán",
    What.OVER_BALANCE: "Tem không khớp sổ, chưa được giải trình",
    What.REPEATED_SCANS: "Một tem được quét nhiều bất thường",
    What.REQUEST: "Đơn yêu cầu xử lý xâm phạm",
    What.TRANSFER: "Tin do cơ quan khác chuyển đến",
    What.LISTING: "Tin rao bán trên mạng",
}
"""What each kind of signal says, in the language of the desk's records."""


def raise_signal(
    session: Session,
    *,
    source: SignalSource,
    source_ref: str,
    source_number: str,
    what: What,
    severity: int,
    received_at: datetime,
    by: UUID | None,
    at: datetime,
    key: str | None = None,
    serial: int | None = None,
    printed: str | None = None,
    commune_code: str | None = None,
    place: str | None = None,
    listing_url: str | None = None,
    shop_phone: str | None = None,
    location: WKBElement | None = None,
    words: str = "",
    facts: dict[str, Any] | None = None,
    due_at: datetime | None = None,
    record_id: UUID | None = None,
) -> Signal:
    """Put a signal on the desk; the one there already if its source and reference came before.

    `printed` is a code as it stands on the goods; `words` are only used to tell vague reports apart and are not kept.
    """
    session.flush()
    there = _there(session, source, source_ref)
    if there is not None:
        return there
    known = known_range(session, serial)
    unknown = None if known is not None else canonical(printed)
    told = _facts(known, serial, facts or {})
    key = key or clusters.key_of(
        what,
        order=known.order.number if known else None,
        code=unknown,
        listing_url=listing_url,
        commune_code=commune_code,
        place=place,
        words=words,
    )
    statement = (
        insert(Signal)
        .values(
            cluster_id=clusters.gather(session, key, severity=severity, received_at=received_at, at=at),
            source=source,
            source_ref=source_ref,
            source_number=source_number,
            record_id=record_id,
            serial=serial,
            code=unknown,
            holder_id=known.order.holder_id if known else None,
            commune_code=commune_code,
            place=place,
            shop_phone=shop_phone,
            location=location,
            what=what,
            facts=told,
            summary=summary(what, told),
            severity=severity,
            received_at=received_at,
            filed_at=at,
            due_at=due_at,
            state=SignalState.NEW,
        )
        .on_conflict_do_nothing(index_elements=["source", "source_ref"])
        .returning(Signal.id)
    )
    made = session.scalars(statement).one_or_none()
    if made is not None:
        history.record(session, "signal:receive", made, by=by, at=at, changes={"severity": (None, severity)})
    return session.scalars(select(Signal).where(Signal.source == source, Signal.source_ref == source_ref)).one()


def from_tip(session: Session, tip: Tip, *, at: datetime, by: UUID | None = None) -> Signal:
    """The signal of a tip; the one there already if the tip came before. `by`: who wrote down what a caller said."""
    known = known_range(session, tip.serial)
    severity = 1 + (tip.reason in SPEAKS_AGAINST) + (known is not None and known.state in OUT_OF_USE)
    return raise_signal(
        session,
        source=SignalSource.TIP,
        source_ref=str(tip.id),
        source_number=tip.number,
        what=What(tip.reason.value),
        serial=tip.serial,
        printed=tip.code_text,
        commune_code=tip.commune_code,
        place=tip.place or tip.listing_url or tip.seller,
        listing_url=tip.listing_url,
        shop_phone=phone_in(tip.seller) or phone_in(tip.place),
        words=tip.description,
        severity=min(severity, HIGHEST),
        received_at=tip.received_at,
        by=by,
        at=at,
    )


def from_observation(session: Session, observation: Observation, *, at: datetime) -> Signal:
    """The signal of a field observation; the one there already if it came before."""
    known = known_range(session, observation.serial)
    unknown_code = known is None and (observation.serial is not None or observation.code_text is not None)
    grave = unknown_code or (known is not None and known.state in OUT_OF_USE)
    return raise_signal(
        session,
        source=SignalSource.OBSERVATION,
        source_ref=str(observation.id),
        source_number=observation.number,
        what=What.UNKNOWN_CODE_SEEN if unknown_code else What.SEEN,
        serial=observation.serial,
        printed=observation.code_text,
        commune_code=observation.commune_code,
        place=observation.place,
        shop_phone=observation.shop_phone or phone_in(observation.place),
        location=observation.location,
        severity=HIGHEST if grave else 2,
        received_at=observation.recorded_at,
        by=observation.inspector_id,
        at=at,
    )


def others_like(session: Session, tip: Tip) -> int:
    """How many other tips tell of the same label, or have become part of the same case. Nothing else of them may be told."""
    own = select(Signal.case_id).where(Signal.source == SignalSource.TIP, Signal.source_ref == str(tip.id))
    case_id = session.scalar(own)
    beside = (
        session.scalars(
            select(Signal.source_ref).where(
                Signal.source == SignalSource.TIP,
                Signal.case_id.in_(membership.members(session, membership.survivor(session, case_id))),
            )
        ).all()
        if case_id is not None
        else ()
    )
    alike: list[ColumnElement[bool]] = [Tip.id.in_([UUID(ref) for ref in beside])]
    if tip.serial is not None:
        alike.append(Tip.serial == tip.serial)
    return session.scalars(select(func.count()).select_from(Tip).where(Tip.id != tip.id, or_(*alike))).one()


def of_observation(session: Session, observation_id: UUID) -> Signal | None:
    """The signal that an observation raised."""
    return _there(session, SignalSource.OBSERVATION, str(observation_id))


def behind(session: Session, signal: Signal) -> Tip | Observation | IntakeRecord | None:
    """The tip, observation or paper that a signal came from; None for the system's own signals."""
    match signal.source:
        case SignalSource.TIP:
            return session.get(Tip, UUID(signal.source_ref))
        case SignalSource.OBSERVATION:
            return session.get(Observation, UUID(signal.source_ref))
        case SignalSource.SYSTEM:
            return None
        case _:
            return session.get(IntakeRecord, signal.record_id) if signal.record_id else None


def known_range(session: Session, serial: int | None) -> LabelRange | None:
    """The range that a serial lies in, if it was ever issued."""
    if serial is None:
        return None
    statement = (
        select(LabelRange)
        .where(LabelRange.serials.contains(literal(serial, BigInteger())))
        .options(
            joinedload(LabelRange.order).options(
                joinedload(LabelOrder.holder), joinedload(LabelOrder.lot).joinedload(Lot.product)
            )
        )
    )
    return session.scalars(statement).one_or_none()


def canonical(printed: str | None) -> str | None:
    """A printed code in its one form; None for what is no code. Its tag is not looked at."""
    try:
        return code.parse(printed).text if printed else None
    except LabelError:
        return None


def phone_in(text: str | None) -> str | None:
    """The first telephone number in what somebody calls a shop, as 0…; never to be used on what a reporter tells of itself."""
    found = _PHONE.search(text or "")
    if found is None:
        return None
    digits = re.sub(r"\D", "", found.group())
    digits = "0" + digits[2:] if digits.startswith("84") else digits
    return digits if re.fullmatch(r"0\d{8,10}", digits) else None


def summary(what: What, facts: dict[str, Any]) -> str:
    """What a signal says in one line of Vietnamese, from facts of the register alone."""
    parts = [WORDS[what]]
    if "scans" in facts:
        parts[0] += f": {facts['scans']} lượt, {facts['labels']} tem, đơn {facts['order']}"
    elif "times" in facts:
        parts[0] += f": {facts['times']} lần"
    parts += [
        str(facts[name]) for name in ("agency", "platform", "order_alone", "product", "holder") if facts.get(name)
    ]
    if facts.get("serial") is not None:
        parts.append(f"tem số {show_serial(facts['serial'])}")
    if facts.get("code"):
        parts.append(f"mã {code.show(facts['code'])}")
    return " – ".join(parts)[:SUMMARY_MOST]


def _facts(known: LabelRange | None, serial: int | None, more: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = dict(more)
    if known is not None:
        found |= {"product": known.order.lot.product.name, "holder": known.order.holder.name}
    if serial is not None:
        found["serial"] = serial
    return found


def _there(session: Session, source: SignalSource, source_ref: str) -> Signal | None:
    return session.scalars(select(Signal).where(Signal.source == source, Signal.source_ref == source_ref)).one_or_none()
