"""In what signals are alike: what they say, gathered once, and for each likeness a question to an index.

None of the questions reads a whole table: of what very many share the latest are looked at. What will not be shown is left out before
that, or ten thousand signals of the same flood would be all that is found. Words are compared without diacritics, and never those in
which somebody says who they are: contacts lie sealed elsewhere. What must not live here: what is shown of it (`similar`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    cast,
    desc,
    false,
    func,
    literal,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import BIT
from sqlalchemy.orm import aliased

from enforcement.clusters import bare_address
from enforcement.models import (
    Evidence,
    IntakeFile,
    IntakeRecord,
    Observation,
    ObservationPhoto,
    Signal,
    SignalSource,
    SignalState,
)
from trace.models.files import StoredFile
from trace.models.labels import LabelOrder
from trace.models.tips import Tip, TipPhoto
from trace.services import likeness
from trace.services.listed import listed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy.orm import InstrumentedAttribute, Session

LIKE_PLACE = 0.35
"""Trigram similarity from which two places count as alike; "chợ Đổ" and "Chợ Đổ (cổng 2)" reach it."""
LIKE_SHOP = 0.6
"""The same for a shop's name anywhere in the city, which has to be nearer."""
LIKE_TEXT = 0.5
SHORTEST_TEXT = 20
NEAR_METRES = 500
PER_KIND = 30
COMPARED = 120
"""So many texts that share a run of words are compared, the latest ones."""
MARKS_ASKED = 24
"""So many runs of words of a text are looked for."""
NAMED = 400
"""So many places of a like name outside the commune are weighed."""
PHOTOS_ASKED, PLACES_ASKED, TEXTS_ASKED = 10, 3, 4
"""Of a case with more than these, so many photos, places and texts are asked with."""
SKIPPED = 20_000
"""So many signals of its own are left out at once."""
BAND, BANDS = 21, 3
"""Of so many bits is a band of a photo's hash, and so many bands it has, as `photo_marks` in the database has them."""
TURNED = (0, *(1 << one | 1 << other for one in range(BAND) for other in range(one + 1)))
"""None of the bits of a band, each one and every two."""


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


@dataclass
class Hits:
    """What each signal and case is alike in, while it is gathered."""

    signals: dict[UUID, set[Alike]] = field(default_factory=dict)
    cases: dict[UUID, set[Alike]] = field(default_factory=dict)

    def add(self, alike: Alike, signal_ids: Iterable[UUID]) -> None:
        for signal_id in signal_ids:
            self.signals.setdefault(signal_id, set()).add(alike)


@dataclass(frozen=True)
class Own:
    """What asks, and what is shown beside it: signals by a condition, and cases."""

    signals: ColumnElement[bool]
    cases: frozenset[UUID] = frozenset()

    @property
    def others(self) -> ColumnElement[bool]:
        """The signals that may be found. Those put aside are shown nowhere."""
        return and_(Signal.state != SignalState.REJECTED, self.signals.is_not(true()))

    def known(self, column: InstrumentedAttribute[Any], *tests: ColumnElement[bool]) -> Select[Any]:
        """Its signals as a list, by which a flood is passed over without a look at each. A longer one is looked at: `others` decides."""
        return select(column).where(self.signals, *tests).limit(SKIPPED).correlate(None)


@dataclass(frozen=True)
class Said:
    """What some signals say, each thing once."""

    signals: tuple[Signal, ...]
    cells: tuple[str, ...]
    listings: tuple[str, ...]
    texts: tuple[str, ...]
    hashes: tuple[int, ...]

    def all(self, name: str) -> list[Any]:
        """What the signals say under a name, without the silent ones."""
        return list(dict.fromkeys(found for each in self.signals if (found := getattr(each, name)) is not None))


def said_by(session: Session, signals: Iterable[Signal]) -> Said:
    """What signals say, and what lies with the reports, observations and papers that they came from."""
    asked = tuple(signals)
    tips = [UUID(each.source_ref) for each in asked if each.source is SignalSource.TIP]
    seen = [UUID(each.source_ref) for each in asked if each.source is SignalSource.OBSERVATION]
    papers = [each.record_id for each in asked if each.record_id is not None and each.source is not SignalSource.TIP]
    cells, urls, texts = list[str | None](), list[str | None](), list[str | None]()
    hashes = list[int | None]()
    if tips:
        for tip in session.execute(select(Tip.cell, Tip.listing_url, Tip.description).where(Tip.id.in_(tips))):
            cells.append(tip.cell)
            urls.append(tip.listing_url)
            texts.append(tip.description)
        hashes += _hashes(session, TipPhoto.file_id, TipPhoto.tip_id.in_(tips))
    if seen:
        texts += session.scalars(select(Observation.note).where(Observation.id.in_(seen)))
        hashes += _hashes(session, ObservationPhoto.file_id, ObservationPhoto.observation_id.in_(seen))
    if papers:
        for paper in session.execute(
            select(IntakeRecord.listing_url, IntakeRecord.body).where(IntakeRecord.id.in_(papers))
        ):
            urls.append(paper.listing_url)
            texts.append(paper.body)
        hashes += _hashes(session, IntakeFile.file_id, IntakeFile.record_id.in_(papers))
    return Said(
        signals=asked,
        cells=_once(cells),
        listings=_once(bare_address(url) for url in urls if url),
        texts=_once(text for text in texts if text and len(text.strip()) >= SHORTEST_TEXT),
        hashes=_once(hashes),
    )


def _hashes(
    session: Session, file_id: InstrumentedAttribute[UUID], theirs: ColumnElement[bool]
) -> Iterable[int | None]:
    return session.scalars(select(StoredFile.likeness).where(StoredFile.id.in_(select(file_id).where(theirs))))


def _once(found: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(each for each in found if each is not None))


def gather(session: Session, said: Said, own: Own) -> Hits:
    """All that is alike in something, but what asks itself, what is shown beside it, and what was put aside."""
    _plan(session, by_index=True)
    hits = _gathered(session, said, own)
    _plan(session, by_index=False)
    return hits


def _plan(session: Session, *, by_index: bool) -> None:
    """Every question has its index; how many marks two things share is a guess to the planner, and workers begin later than any of these ends."""
    local = true()
    session.execute(
        select(
            func.set_config("enable_seqscan", "off" if by_index else "on", local),
            func.set_config("max_parallel_workers_per_gather", "0", local),
        )
    )


def _gathered(session: Session, said: Said, own: Own) -> Hits:
    others = own.others
    hits = Hits()
    for alike, column in (
        (Alike.SERIAL, Signal.serial), (Alike.CODE, Signal.code), (Alike.PHONE, Signal.shop_phone), (Alike.HOLDER, Signal.holder_id),
    ):  # fmt: skip
        hits.add(alike, _sharing(session, column, said.all(column.key), others))
    for order in _orders(session, said.all("serial")):
        hits.add(Alike.ORDER, _of_order(session, order, own))
    _places(session, said, others, hits)
    _nearby(session, said, own, hits)
    _listings(session, said, own, hits)
    _texts(session, _marked(session, said.texts[:TEXTS_ASKED]), own, hits)
    _photos(session, _apart(said.hashes), own, hits)
    for each in said.signals:
        hits.signals.pop(each.id, None)
    return hits


def _ids(session: Session, *tests: ColumnElement[bool], most: int) -> list[UUID]:
    return list(session.scalars(select(Signal.id).where(*tests).order_by(Signal.received_at.desc()).limit(most)))


def _sharing(
    session: Session, column: InstrumentedAttribute[Any], values: list[Any], others: ColumnElement[bool]
) -> list[UUID]:
    """The latest signals that share each of some values: of each value so many, so that none crowds out another."""
    if not values:
        return []
    asked = listed(("value", column.type, values))
    latest = (
        select(Signal.id).where(column == asked.c.value, others).order_by(Signal.received_at.desc()).limit(PER_KIND)
    )
    found = latest.lateral()
    return list(session.scalars(select(found.c.id).select_from(asked).join(found, true())))


def _orders(session: Session, serials: list[int]) -> Iterable[LabelOrder]:
    if not serials:
        return ()
    asked = listed(("value", BigInteger(), serials))
    named = select(LabelOrder).join(asked, LabelOrder.serials.contains(asked.c.value))
    return session.scalars(named).unique().all()


def _of_order(session: Session, order: LabelOrder, own: Own) -> Iterable[UUID]:
    """The latest signals about labels of an order. Their order lies in the index; only then are they looked at, until there are enough."""
    within = and_(
        Signal.serial >= order.serials.lower,
        Signal.serial < order.serials.upper,
        Signal.id.not_in(own.known(Signal.id)),
    )
    known = (
        select(Signal.id, Signal.received_at.label("at")).where(within).order_by(Signal.received_at.desc()).subquery()
    )
    meant = select(Signal.id).where(Signal.id == known.c.id, own.others).limit(1).lateral()
    return session.scalars(
        select(meant.c.id).select_from(known).join(meant, true()).order_by(known.c.at.desc()).limit(PER_KIND)
    )


def _places(session: Session, said: Said, others: ColumnElement[bool], hits: Hits) -> None:
    """Places by name: in the same commune a little alike is enough, elsewhere in the city it has to be the name of a shop."""
    places = dict.fromkeys((each.commune_code, each.place) for each in said.signals if each.place)
    asked = list(places)[:PLACES_ASKED]
    marked = _marked(session, [place for _commune_code, place in asked])
    for commune_code, place in asked:
        named = func.fold(place)
        if commune_code:
            # A commune has far fewer names than signals, and the names lie in an index: so each is weighed once, and the likest are
            # followed until there are enough that others use.
            here = and_(Signal.commune_code == commune_code, Signal.place.is_not(None))
            known = select(Signal.place).where(here).distinct().cte("known").prefix_with("MATERIALIZED")
            score = func.similarity(func.fold(known.c.place), named)
            like = (
                select(known.c.place, score.label("score")).where(score >= LIKE_PLACE).order_by(score.desc()).subquery()
            )
            told = select(Signal.id).where(here, Signal.place == like.c.place, others).limit(1).lateral()
            best = select(like.c.place).join(told, true()).order_by(like.c.score.desc()).limit(PER_KIND)
            names = session.scalars(best).all()
            hits.add(Alike.PLACE, _ids(session, here, Signal.place.in_(names), others, most=PER_KIND * 2))
        elsewhere = [Signal.commune_code.is_(None)]
        if not commune_code:
            elsewhere.append(Signal.commune_code.is_not(None))
        for where in elsewhere:
            # A run of words leads to the names that are worth weighing.
            shares = func.text_marks(Signal.place).op("&&")(literal(marked[place], ARRAY(Integer)))
            found = select(Signal.id, Signal.place, Signal.received_at).where(Signal.place.is_not(None), where, shares)
            near = found.where(others).limit(NAMED).cte("near").prefix_with("MATERIALIZED")
            alike = select(near.c.id).where(func.similarity(func.fold(near.c.place), named) >= LIKE_SHOP)
            hits.add(Alike.SHOP, session.scalars(alike.order_by(near.c.received_at.desc()).limit(PER_KIND)))


def _nearby(session: Session, said: Said, own: Own, hits: Hits) -> None:
    """Within 500 m of where somebody at work stood; and the same cell of the map, where reporters agreed to tell theirs."""
    stood = [each.id for each in said.signals if each.location is not None]
    if stood:
        mine = aliased(Signal)
        near = func.ST_DWithin(func.geography(Signal.location), func.geography(mine.location), NEAR_METRES)
        standing = select(Signal.id).where(Signal.location.is_not(None), near, own.others)
        found = standing.order_by(Signal.received_at.desc()).limit(PER_KIND).lateral()
        hits.add(
            Alike.NEAR, session.scalars(select(found.c.id).select_from(mine).join(found, true()).where(mine.id.in_(stood)))
        )  # fmt: skip
    if said.cells:
        told = (select(Tip.id, Tip.received_at.label("at")).where(Tip.cell == cell) for cell in said.cells)
        latest = (_became(tips, SignalSource.TIP, own, PER_KIND).subquery() for tips in told)
        hits.add(Alike.AREA, session.scalars(union_all(*(select(each.c.id) for each in latest))))


def _became(
    things: Select[*tuple[Any, ...]],
    source: SignalSource | None,
    own: Own,
    most: int,
    *,
    shown: tuple[InstrumentedAttribute[UUID], InstrumentedAttribute[UUID]] | None = None,
) -> Select[Any]:
    """The signals that the latest of some things became: reports or observations by their source, papers if there is none.

    `things` have an `id` and the time `at`. They are sorted, then followed one by one until there are enough signals: its own take no
    room. Of files, `shown` tells in what they were shown: its column and that of the file.
    """
    latest = things.order_by(desc("at")).subquery()
    thing = latest.c.id if shown is None else shown[0]
    if source is None:
        of_it = Signal.record_id == thing
    else:
        name = cast(thing, Text)
        foreign = name.not_in(own.known(Signal.source_ref, Signal.source == source))
        of_it = and_(Signal.source == source, Signal.source_ref == name, foreign)
    if shown is None:
        came = select(Signal.id).where(of_it)
    else:
        came = select(Signal.id).join(shown[0].class_, of_it).where(shown[1] == latest.c.id)
    signal = came.where(own.others).limit(most).lateral()
    rest = (column for column in latest.c if column.key not in {"id", "at"})
    found = select(signal.c.id, *rest).select_from(latest).join(signal, true())
    return found.order_by(latest.c.at.desc()).limit(most)


def _listings(session: Session, said: Said, own: Own, hits: Hits) -> None:
    for bare in said.listings:
        for thing, source in ((Tip, SignalSource.TIP), (IntakeRecord, None)):
            on_page = thing.listing_url.contains(bare, autoescape=True)
            named = select(thing.id, thing.received_at.label("at")).where(on_page)
            hits.add(Alike.LISTING, session.scalars(_became(named, source, own, PER_KIND)))


def _marked(session: Session, texts: Collection[str]) -> dict[str, list[int]]:
    """The runs of words of some texts, as the database marks them: of a long one those with the smallest hashes, which are a fair draw."""
    if not texts:
        return {}
    asked = listed(("value", Text(), texts))
    rows = session.execute(select(asked.c.value, func.text_marks(asked.c.value))).all()
    return {text: sorted(marks)[:MARKS_ASKED] for text, marks in rows}


def _texts(session: Session, texts: dict[str, list[int]], own: Own, hits: Hits) -> None:
    """What was said in words, compared where it lies. The words of reporters are compared, never shown with another's signal."""
    if not texts:
        return

    def like(columns: tuple[Any, Any, Any], source: SignalSource | None, text: str, marks: list[int]) -> Any:
        # Gathered, then cut, then compared: the planner would rather compare everything first.
        thing, words, when = columns
        shares = func.text_marks(words).op("&&")(literal(marks, ARRAY(Integer)))
        gathered = select(thing.label("id"), words.label("words"), when.label("at")).where(shares)
        found = gathered.cte().prefix_with("MATERIALIZED")
        latest = _became(select(found), source, own, COMPARED).cte().prefix_with("MATERIALIZED")
        score = func.similarity(func.fold(latest.c.words), func.fold(text))
        best = select(latest.c.id).where(score >= LIKE_TEXT).order_by(score.desc()).limit(PER_KIND).subquery()
        return select(best.c.id)

    for columns, source in (
        ((Tip.id, Tip.description, Tip.received_at), SignalSource.TIP),
        ((Observation.id, Observation.note, Observation.seen_at), SignalSource.OBSERVATION),
        ((IntakeRecord.id, IntakeRecord.body, IntakeRecord.received_at), None),
    ):
        asked = (like(columns, source, *each) for each in texts.items())
        hits.add(Alike.TEXT, session.scalars(union_all(*asked)))


def _photos(session: Session, hashes: Collection[int], own: Own, hits: Hits) -> None:
    """Photos that differ in at most eight bits of 64 from one of these: of signals, and in the evidence of cases."""
    if not hashes:
        return
    # Each photo for itself: asked for all at once, the planner would rather read every photo there is.
    near = (
        select(StoredFile.id, StoredFile.received_at).where(
            StoredFile.likeness.is_not(None),
            func.photo_marks(StoredFile.likeness).op("&&")(literal(photo_marks(bits), ARRAY(Integer))),
            func.bit_count(cast(StoredFile.likeness.op("#")(literal(bits, BigInteger())), BIT(64))) <= likeness.ALIKE,
        )
        for bits in hashes
    )
    found = union_all(*near).cte("found").prefix_with("MATERIALIZED")
    files = select(found.c.id, func.max(found.c.received_at).label("at")).group_by(found.c.id).cte("files")
    shown = (
        (SignalSource.TIP, TipPhoto.tip_id, TipPhoto.file_id),
        (SignalSource.OBSERVATION, ObservationPhoto.observation_id, ObservationPhoto.file_id),
        (None, IntakeFile.record_id, IntakeFile.file_id),
    )
    in_signals = (
        _became(select(files), source, own, PER_KIND * 2, shown=(thing, file)) for source, thing, file in shown
    )
    kept = (
        select(Evidence.case_id)
        .where(Evidence.file_id == files.c.id, Evidence.case_id.not_in(own.cases))
        .offset(0)
        .lateral()
    )
    in_cases = select(kept.c.case_id).select_from(files).join(kept, true()).group_by(kept.c.case_id)
    latest = in_cases.order_by(func.max(files.c.at).desc()).limit(PER_KIND * 2).subquery()
    # One statement, because to find the files costs more than to follow them.
    asked = (select(each.subquery().c.id, false().label("is_case")) for each in in_signals)
    for row in session.execute(union_all(*asked, select(latest.c.case_id, true()))):
        if row.is_case:
            hits.cases.setdefault(row.id, set()).add(Alike.PHOTO)
        else:
            hits.add(Alike.PHOTO, [row.id])


def _apart(hashes: Iterable[int]) -> list[int]:
    """Of very many photos those first that are not copies of one another."""
    apart, copies = list[int](), list[int]()
    for bits in hashes:
        known = any(likeness.distance(bits, each) <= likeness.ALIKE for each in apart)
        (copies if known else apart).append(bits)
    return [*apart, *copies][:PHOTOS_ASKED]


def photo_marks(bits: int) -> list[int]:
    """The marks of every hash that differs in two bits or fewer in some band: whatever differs in eight bits at most has one of them."""
    size = 1 << BAND
    return [place * size + (bits >> place * BAND & size - 1 ^ turned) for place in range(BANDS) for turned in TURNED]
