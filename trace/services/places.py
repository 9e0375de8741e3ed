"""Search without diacritics over places, parties, orders, lots and labels, and the list of communes for pickers.

What must not live here: what the pages look like, and anything of the case desk. Informants are found by no search.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, case, exists, func, literal, or_, select
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from trace.models.certificates import UseCertificate
from trace.models.labels import LabelOrder
from trace.models.lots import Lot
from trace.models.parties import Commune, CommuneAlias, CommuneKind, Party
from trace.services import kept_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from trace.services.reach import Reach

VIETNAMESE = "vi-x-icu"
LONGEST = 100
_KIND_WORDS = re.compile(r"^(xã|phường|đặc khu|huyện|quận|thị xã|thành phố|tp\.?)\s+(?=\S)", re.IGNORECASE)

Text = InstrumentedAttribute[str] | InstrumentedAttribute[str | None]


class Ward(NamedTuple):
    """A commune as a picker needs it."""

    code: str
    name: str
    kind: CommuneKind
    former: tuple[str, ...] = ()
    """The old districts and communes by which people still know it, its own name left out."""


@dataclass(frozen=True)
class PlaceFound:
    """A commune that answers a search, with the old name that led to it, if one did."""

    commune: Commune
    alias: str | None


@dataclass(frozen=True)
class Found:
    """What a search found, by kind, best first."""

    places: Sequence[PlaceFound] = ()
    parties: Sequence[Party] = ()
    orders: Sequence[LabelOrder] = ()
    lots: Sequence[Lot] = ()

    @property
    def total(self) -> int:
        """How many in all."""
        return len(self.places) + len(self.parties) + len(self.orders) + len(self.lots)


def asked(text: str | None) -> str:
    """A search text as it is compared: NFC, single spaces, no control characters, not endless."""
    return kept_text.line(text or "")[:LONGEST]


def matches(text: str, *columns: Text) -> ColumnElement[bool]:
    """Whether some column holds a text, without regard to case and diacritics."""
    pattern = f"%{_escaped(asked(text))}%"
    return or_(*(func.fold(column).like(func.fold(pattern)) for column in columns))


def in_order(column: Text) -> ColumnElement[Any]:
    """Vietnamese alphabetical order."""
    return column.collate(VIETNAMESE)


def choices(session: Session, *, on: date | None = None) -> list[Ward]:
    """The communes that stand on a day (or that have no end), in Vietnamese order."""
    stands = Commune.valid_during.contains(on) if on else func.upper_inf(Commune.valid_during)
    former = (
        select(func.coalesce(func.array_agg(aggregate_order_by(CommuneAlias.name, CommuneAlias.name)), sql("'{}'")))
        .where(CommuneAlias.commune_code == Commune.code, CommuneAlias.name != Commune.name)
        .scalar_subquery()
    )
    statement = (
        select(Commune.code, Commune.name, Commune.kind, former)
        .where(stands)
        .order_by(in_order(Commune.name), Commune.code)
    )
    return [Ward(code, name, kind, tuple(names)) for code, name, kind, names in session.execute(statement)]


def named(session: Session) -> list[tuple[str, str]]:
    """The communes that stand now, by code and name alone, in Vietnamese order: for a filter."""
    statement = select(Commune.code, Commune.name).where(func.upper_inf(Commune.valid_during))
    return [(code, name) for code, name in session.execute(statement.order_by(in_order(Commune.name), Commune.code))]


def in_commune(q: str, column: Text) -> ColumnElement[bool]:
    """Whether the commune of a row answers a text by its name or by an old one."""
    bare = _KIND_WORDS.sub("", asked(q))
    named = select(Commune.code).where(matches(bare, Commune.name))
    once = select(CommuneAlias.commune_code).where(matches(bare, CommuneAlias.name))
    return column.in_(named.union(once))


def search(
    session: Session, q: str, *, certificates: Reach | None, orders: Reach | None, lots: Reach | None, limit: int = 20
) -> Found:
    """Everything within somebody's reach that answers a text. A reach of None leaves a kind out; places are open to all staff."""
    text = asked(q)
    if not text:
        return Found()
    return Found(
        places=communes(session, text, limit=limit),
        parties=_parties(session, text, certificates, limit) if certificates else (),
        orders=_orders(session, text, orders, limit) if orders else (),
        lots=_lots(session, text, lots, limit) if lots else (),
    )


def communes(session: Session, q: str, *, limit: int = 20) -> list[PlaceFound]:
    """Communes by name or old name. Exact diacritics come first: "cẩm giang" finds Cẩm Giang before Cẩm Giàng."""
    bare = _KIND_WORDS.sub("", asked(q))
    order = Commune.code
    by_name = (
        select(Commune, rank(Commune.name, bare))
        .where(matches(bare, Commune.name))
        .order_by(in_order(Commune.name), order)
    )
    by_alias = (
        select(Commune, rank(CommuneAlias.name, bare) + 1, CommuneAlias.name)
        .join(CommuneAlias, CommuneAlias.commune_code == Commune.code)
        .where(matches(bare, CommuneAlias.name))
        .order_by(in_order(Commune.name), order)
    )
    ranked: list[tuple[int, PlaceFound]] = [
        (rank, PlaceFound(commune, None)) for commune, rank in session.execute(by_name)
    ]
    ranked += [(rank, PlaceFound(commune, alias)) for commune, rank, alias in session.execute(by_alias)]
    best: dict[str, PlaceFound] = {}
    for _, found in sorted(ranked, key=lambda row: row[0]):
        best.setdefault(found.commune.code, found)
    return list(best.values())[:limit]


def order_of_serial(session: Session, serial: int, *, reach: Reach) -> LabelOrder | None:
    """The order that a serial belongs to, if it is within reach."""
    statement = select(LabelOrder).where(LabelOrder.serials.contains(literal(serial, BigInteger)), _order_within(reach))
    return session.scalars(statement).one_or_none()


def rank(column: Text, text: str) -> ColumnElement[int]:
    """How well a column answers a text: 0 the very name, 2 its beginning, 4 a part of it; 6, 8, 10 the same once diacritics are dropped."""
    lowered, wanted = func.lower(in_order(column)), text.lower()
    folded, plain = func.fold(column), func.fold(text)
    return case(
        (lowered == wanted, 0),
        (lowered.like(f"{_escaped(wanted)}%"), 2),
        (lowered.like(f"%{_escaped(wanted)}%"), 4),
        (folded == plain, 6),
        (folded.like(func.fold(f"{_escaped(text)}%")), 8),
        else_=10,
    )


def _parties(session: Session, text: str, reach: Reach, limit: int) -> Sequence[Party]:
    best = rank(Party.name, text)
    holds = exists().where(
        UseCertificate.holder_id == Party.id, reach.covers(UseCertificate.holder_id, UseCertificate.title_id)
    )
    within = or_(reach.covers(Party.id), holds)
    statement = (
        select(Party)
        .where(or_(matches(text, Party.name), Party.tax_code == text), within)
        .order_by(best, in_order(Party.name), Party.id)
        .limit(limit)
    )
    return session.scalars(statement).all()


def _orders(session: Session, text: str, reach: Reach, limit: int) -> Sequence[LabelOrder]:
    statement = (
        select(LabelOrder)
        .where(matches(text, LabelOrder.number), _order_within(reach))
        .order_by(LabelOrder.placed_at.desc())
        .limit(limit)
        .options(joinedload(LabelOrder.holder), joinedload(LabelOrder.lot))
    )
    return session.scalars(statement).all()


def _order_within(reach: Reach) -> ColumnElement[bool]:
    by_title = LabelOrder.certificate_id.in_(select(UseCertificate.id).where(UseCertificate.title_id.in_(reach.titles)))
    return or_(reach.covers(LabelOrder.holder_id), by_title)


def _lots(session: Session, text: str, reach: Reach, limit: int) -> Sequence[Lot]:
    statement = (
        select(Lot)
        .join(Lot.certificate)
        .where(matches(text, Lot.code), reach.covers(Lot.holder_id, UseCertificate.title_id))
        .order_by(Lot.recorded_at.desc())
        .limit(limit)
        .options(joinedload(Lot.holder), joinedload(Lot.product))
    )
    return session.scalars(statement).all()


def _escaped(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text)
