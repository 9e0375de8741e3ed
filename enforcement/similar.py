"""What resembles a signal or a case, looked up before anything is opened. Each hit says in what it is alike; a person judges.

Each likeness is a question of its own to an index, so that none of them reads the whole table. Words are compared without diacritics,
and never those in which somebody says who they are: contacts lie sealed elsewhere. What must not live here: what is done about it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from geoalchemy2 import Geography
from sqlalchemy import BigInteger, ColumnElement, Text, and_, cast, func, literal, or_, select
from sqlalchemy.dialects.postgresql import BIT
from sqlalchemy.orm import joinedload

from enforcement import membership
from enforcement.clusters import UNDECIDED, bare_address
from enforcement.models import (
    CaseFile,
    Evidence,
    IntakeFile,
    IntakeRecord,
    Observation,
    ObservationPhoto,
    Signal,
    SignalSource,
)
from enforcement.transitions import OVER
from trace.models.files import StoredFile
from trace.models.labels import LabelOrder
from trace.models.tips import Tip, TipPhoto
from trace.services import likeness

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

LIKE_PLACE = 0.35
"""Trigram similarity from which two places count as alike; "chợ Đổ" and "Chợ Đổ (cổng 2)" reach it."""
LIKE_SHOP = 0.6
"""The same for a shop's name anywhere in the city, which has to be nearer."""
LIKE_TEXT = 0.5
SHORTEST_TEXT = 20
NEAR_METRES = 500
PER_KIND = 40
PHOTOS_ASKED = 20
SIGNALS_ASKED = 25


class Alike(StrEnum):
    """In what two signals are alike, the most telling first."""

    SERIAL = "serial"
    CODE = "code"
    LISTING = "listing"
    PHOTO = "photo"
    PHONE = "phone"
    ORDER = "order"
    NEAR = "near"
    PLACE = "place"
    SHOP = "shop"
    TEXT = "text"
    AREA = "area"
    HOLDER = "holder"


@dataclass(frozen=True)
class SimilarSignal:
    """Another signal, with what it shares with the one in hand."""

    signal: Signal
    alike: tuple[Alike, ...]


@dataclass(frozen=True)
class SimilarCase:
    """A case whose signals or evidence share something with the one in hand."""

    case: CaseFile
    alike: tuple[Alike, ...]


@dataclass(frozen=True)
class Similar:
    """What to look at before anything is opened: undecided signals, and cases, most alike first."""

    signals: tuple[SimilarSignal, ...] = ()
    cases: tuple[SimilarCase, ...] = ()


@dataclass
class _Hits:
    """What each signal and case is alike in, while it is gathered."""

    signals: dict[UUID, set[Alike]] = field(default_factory=dict)
    cases: dict[UUID, set[Alike]] = field(default_factory=dict)

    def add(self, alike: Alike, signal_ids: Iterator[UUID] | list[UUID]) -> None:
        for signal_id in signal_ids:
            self.signals.setdefault(signal_id, set()).add(alike)


def of_signal(session: Session, signal: Signal, *, beside_group: bool = False, limit: int = 10) -> Similar:
    """Signals and cases that share something with this one. `beside_group`: leave out the undecided ones of its own cluster."""
    hits = _Hits()
    _gather(session, signal, hits)
    hits.signals.pop(signal.id, None)
    return _told(session, hits, own=None, limit=limit, cluster_id=signal.cluster_id if beside_group else None)


def of_case(session: Session, case_id: UUID, *, limit: int = 10) -> Similar:
    """The same for a case and all merged into it: what is like any of its signals or its evidence."""
    own = set(membership.members(session, case_id))
    mine = select(Signal).where(Signal.case_id.in_(own)).order_by(Signal.received_at).limit(SIGNALS_ASKED)
    hits = _Hits()
    for signal in session.scalars(mine).all():
        _gather(session, signal, hits)
    hashes = session.scalars(
        select(StoredFile.likeness)
        .join(Evidence, Evidence.file_id == StoredFile.id)
        .where(Evidence.case_id.in_(own), StoredFile.likeness.is_not(None))
        .limit(PHOTOS_ASKED)
    )
    _photos(session, [bits for bits in hashes if bits is not None], hits)
    for signal_id in session.scalars(select(Signal.id).where(Signal.case_id.in_(own), Signal.id.in_(hits.signals))):
        hits.signals.pop(signal_id)
    return _told(session, hits, own=own, limit=limit)


def _told(
    session: Session, hits: _Hits, *, own: set[UUID] | None, limit: int, cluster_id: UUID | None = None
) -> Similar:
    rows = session.scalars(
        select(Signal).where(Signal.id.in_(hits.signals)).options(joinedload(Signal.case), joinedload(Signal.commune))
    ).all()
    signals, cases = [], dict[UUID, set[Alike]]({key: set(alike) for key, alike in hits.cases.items()})
    for other in rows:
        if other.case_id is not None:
            cases.setdefault(other.case_id, set()).update(hits.signals[other.id])
        elif other.state in UNDECIDED and other.cluster_id != cluster_id:
            signals.append(SimilarSignal(other, _ordered(hits.signals[other.id])))
    standing: dict[UUID, set[Alike]] = {}
    for case_id, alike in cases.items():
        standing.setdefault(membership.survivor(session, case_id), set()).update(alike)
    for case_id in own or ():
        standing.pop(case_id, None)
    found = session.scalars(select(CaseFile).where(CaseFile.id.in_(standing))).all()
    ranked = [SimilarCase(case, _ordered(standing[case.id])) for case in found]
    signals.sort(key=lambda hit: (_rank(hit.alike), -hit.signal.received_at.timestamp()))
    ranked.sort(key=lambda hit: (hit.case.state in OVER, _rank(hit.alike), -hit.case.opened_at.timestamp()))
    return Similar(tuple(signals[:limit]), tuple(ranked[:limit]))


def _ordered(alike: set[Alike]) -> tuple[Alike, ...]:
    return tuple(kind for kind in Alike if kind in alike)


def _rank(alike: tuple[Alike, ...]) -> list[int]:
    return [list(Alike).index(kind) for kind in alike]


def _gather(session: Session, signal: Signal, hits: _Hits) -> None:
    order = None
    if signal.serial is not None:
        order = session.scalars(
            select(LabelOrder).where(LabelOrder.serials.contains(literal(signal.serial, BigInteger())))
        ).one_or_none()
        hits.add(Alike.SERIAL, _ids(session, Signal.serial == signal.serial))
    if order is not None:
        within = and_(Signal.serial >= order.serials.lower, Signal.serial < order.serials.upper)
        hits.add(Alike.ORDER, _ids(session, within))
    if signal.code is not None:
        hits.add(Alike.CODE, _ids(session, Signal.code == signal.code))
    if signal.shop_phone is not None:
        hits.add(Alike.PHONE, _ids(session, Signal.shop_phone == signal.shop_phone))
    if signal.holder_id is not None:
        hits.add(Alike.HOLDER, _ids(session, Signal.holder_id == signal.holder_id))
    if signal.place:
        _places(session, signal, hits)
    _nearby(session, signal, hits)
    _listings(session, signal, hits)
    _texts(session, signal, hits)
    _photos(session, _hashes_of(session, signal), hits)


def _ids(session: Session, test: ColumnElement[bool]) -> list[UUID]:
    return list(session.scalars(select(Signal.id).where(test).order_by(Signal.received_at.desc()).limit(PER_KIND)))


def _places(session: Session, signal: Signal, hits: _Hits) -> None:
    """Places by name: in the same commune a little alike is enough, elsewhere in the city it has to be the name of a shop."""
    named = func.fold(signal.place)
    score = func.similarity(func.fold(Signal.place), named)
    # `%` uses the index, with the threshold that the database was given; the score is then asked for by itself.
    rows = session.execute(
        select(Signal.id, Signal.commune_code, score)
        .where(func.fold(Signal.place).op("%")(named), score >= LIKE_PLACE)
        .order_by(score.desc(), Signal.received_at.desc())
        .limit(PER_KIND * 2)
    ).all()
    for signal_id, commune_code, how_much in rows:
        if signal.commune_code and commune_code == signal.commune_code:
            hits.add(Alike.PLACE, [signal_id])
        elif how_much >= LIKE_SHOP and not (signal.commune_code and commune_code):
            hits.add(Alike.SHOP, [signal_id])


def _nearby(session: Session, signal: Signal, hits: _Hits) -> None:
    """Within 500 m of where somebody at work stood; and the same cell of the map, where reporters agreed to tell theirs."""
    if signal.location is not None:
        here = func.ST_GeogFromWKB(func.ST_AsEWKB(signal.location))
        near = func.ST_DWithin(cast(Signal.location, Geography), here, NEAR_METRES)
        hits.add(Alike.NEAR, _ids(session, and_(Signal.location.is_not(None), near)))
    if signal.source is SignalSource.TIP:
        cell = session.scalar(select(Tip.cell).where(Tip.id == UUID(signal.source_ref)))
        if cell is not None:
            same = select(cast(Tip.id, Text)).where(Tip.cell == cell).order_by(Tip.received_at.desc()).limit(PER_KIND)
            hits.add(Alike.AREA, _ids(session, and_(Signal.source == SignalSource.TIP, Signal.source_ref.in_(same))))


def _listings(session: Session, signal: Signal, hits: _Hits) -> None:
    url = None
    if signal.source is SignalSource.TIP:
        url = session.scalar(select(Tip.listing_url).where(Tip.id == UUID(signal.source_ref)))
    elif signal.record_id is not None:
        url = session.scalar(select(IntakeRecord.listing_url).where(IntakeRecord.id == signal.record_id))
    if url:
        bare = bare_address(url)
        by_tip = select(cast(Tip.id, Text)).where(Tip.listing_url.contains(bare, autoescape=True)).limit(PER_KIND)
        by_desk = (
            select(IntakeRecord.id).where(IntakeRecord.listing_url.contains(bare, autoescape=True)).limit(PER_KIND)
        )
        same_tip = and_(Signal.source == SignalSource.TIP, Signal.source_ref.in_(by_tip))
        hits.add(Alike.LISTING, _ids(session, or_(same_tip, Signal.record_id.in_(by_desk))))


def _texts(session: Session, signal: Signal, hits: _Hits) -> None:
    """What was said in words, compared where it lies. The words of reporters are compared, never shown with another's signal."""
    said: str | None = None
    if signal.source is SignalSource.TIP:
        said = session.scalar(select(Tip.description).where(Tip.id == UUID(signal.source_ref)))
    elif signal.source is SignalSource.OBSERVATION:
        said = session.scalar(select(Observation.note).where(Observation.id == UUID(signal.source_ref)))
    elif signal.record_id is not None:
        said = session.scalar(select(IntakeRecord.body).where(IntakeRecord.id == signal.record_id))
    if said is None or len(said.strip()) < SHORTEST_TEXT:
        return
    for source, ids, column in (
        (SignalSource.TIP, Tip.id, Tip.description),
        (SignalSource.OBSERVATION, Observation.id, Observation.note),
    ):
        score = func.similarity(func.fold(column), func.fold(said))
        alike = (
            select(cast(ids, Text))
            .where(func.fold(column).op("%")(func.fold(said)), score >= LIKE_TEXT)
            .order_by(score.desc())
            .limit(PER_KIND)
        )
        refs = session.scalars(alike).all()
        hits.add(Alike.TEXT, _ids(session, and_(Signal.source == source, Signal.source_ref.in_(refs))))
    score = func.similarity(func.fold(IntakeRecord.body), func.fold(said))
    records = session.scalars(
        select(IntakeRecord.id)
        .where(func.fold(IntakeRecord.body).op("%")(func.fold(said)), score >= LIKE_TEXT)
        .limit(PER_KIND)
    ).all()
    hits.add(Alike.TEXT, _ids(session, Signal.record_id.in_(records)))


def _hashes_of(session: Session, signal: Signal) -> list[int]:
    statement: Select[Any] | None = None
    if signal.source is SignalSource.TIP:
        statement = select(TipPhoto.file_id).where(TipPhoto.tip_id == UUID(signal.source_ref))
    elif signal.source is SignalSource.OBSERVATION:
        statement = select(ObservationPhoto.file_id).where(ObservationPhoto.observation_id == UUID(signal.source_ref))
    elif signal.record_id is not None:
        statement = select(IntakeFile.file_id).where(IntakeFile.record_id == signal.record_id)
    if statement is None:
        return []
    found = session.scalars(
        select(StoredFile.likeness).where(StoredFile.id.in_(statement), StoredFile.likeness.is_not(None))
    )
    return [bits for bits in found if bits is not None]


def _photos(session: Session, hashes: list[int], hits: _Hits) -> None:
    """Photos that differ in at most eight bits of 64 from one of these: of signals, and in the evidence of cases."""
    if not hashes:
        return
    near = or_(
        *(
            func.bit_count(cast(StoredFile.likeness.op("#")(literal(bits, BigInteger())), BIT(64))) <= likeness.ALIKE
            for bits in dict.fromkeys(hashes[:PHOTOS_ASKED])
        )
    )
    files = session.scalars(
        select(StoredFile.id)
        .where(StoredFile.likeness.is_not(None), near)
        .order_by(StoredFile.received_at.desc())
        .limit(PER_KIND * 2)
    ).all()
    tips = session.scalars(select(cast(TipPhoto.tip_id, Text)).where(TipPhoto.file_id.in_(files))).all()
    seen = session.scalars(
        select(cast(ObservationPhoto.observation_id, Text)).where(ObservationPhoto.file_id.in_(files))
    ).all()
    papers = session.scalars(select(IntakeFile.record_id).where(IntakeFile.file_id.in_(files))).all()
    hits.add(Alike.PHOTO, _ids(session, and_(Signal.source == SignalSource.TIP, Signal.source_ref.in_(tips))))
    hits.add(Alike.PHOTO, _ids(session, and_(Signal.source == SignalSource.OBSERVATION, Signal.source_ref.in_(seen))))
    hits.add(Alike.PHOTO, _ids(session, Signal.record_id.in_(papers)))
    for case_id in session.scalars(select(Evidence.case_id).where(Evidence.file_id.in_(files)).distinct()):
        hits.cases.setdefault(case_id, set()).add(Alike.PHOTO)
