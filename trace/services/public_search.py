"""The public search: products, titles, holders, certificates, area codes and lots behind one box, without diacritics, exact first.

Each kind is asked by its own index. What must not live here: label codes, which the verdict answers, and anything of people.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import contains_eager, defer, joinedload

from labels import lot_code
from labels.errors import Malformed
from trace.models.areas import GrowingArea, GrowingAreaCode
from trace.models.certificates import UseCertificate
from trace.models.lots import Lot, LotState
from trace.models.parties import Commune, Party
from trace.models.titles import Product, ProtectionTitle
from trace.services import places, titles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.orm import Session

EACH = 20
"""How many of a kind are shown; whoever finds more writes more."""
SHORTEST = 2
LOOKED_AT = 300
CODES_LOOKED_AT = 60
"""Of codes only the exact one is better than another, and that is looked for by itself."""
INDEXED_FROM = 3
"""From so many signs on the indexes of three-letter groups help; shorter texts are compared with the few titles and products only."""


@dataclass(frozen=True)
class Found:
    """What answers a text, by kind, best first. `more` names the kinds of which there is more than is shown."""

    titles: Sequence[ProtectionTitle] = ()
    products: Sequence[Product] = ()
    certificates: Sequence[UseCertificate] = ()
    areas: Sequence[GrowingAreaCode] = ()
    lots: Sequence[Lot] = ()
    more: frozenset[str] = field(default_factory=frozenset)

    @property
    def total(self) -> int:
        """How many are shown."""
        return sum(map(len, (self.titles, self.products, self.certificates, self.areas, self.lots)))


def search(session: Session, q: str, *, on: date) -> Found:
    """Everything public that answers a text of at least two signs."""
    text = places.asked(q)
    if len(text) < SHORTEST:
        return Found()
    far = len(text) >= INDEXED_FROM
    found = {
        "titles": _titles(session, text),
        "products": _products(session, text),
        "certificates": _certificates(session, text) if far else [],
        "areas": _areas(session, text, on) if far else [],
        "lots": _lots(session, text),
    }
    more = frozenset(name for name, rows in found.items() if len(rows) > EACH)
    return Found(**{name: rows[:EACH] for name, rows in found.items()}, more=more)  # type: ignore[arg-type]


def _titles(session: Session, text: str) -> Sequence[ProtectionTitle]:
    statement = (
        select(ProtectionTitle)
        .where(titles.is_public(), places.matches(text, ProtectionTitle.name, ProtectionTitle.title_number))
        .order_by(places.rank(ProtectionTitle.name, text), places.in_order(ProtectionTitle.name), ProtectionTitle.id)
        .limit(EACH + 1)
        .options(defer(ProtectionTitle.area))
    )
    return session.scalars(statement).all()


def _products(session: Session, text: str) -> Sequence[Product]:
    statement = (
        select(Product)
        .join(Product.title)
        .where(titles.is_public(), places.matches(text, Product.name, Product.name_en, Product.gtin))
        .order_by(places.rank(Product.name, text), places.in_order(Product.name), Product.id)
        .limit(EACH + 1)
        .options(contains_eager(Product.title).defer(ProtectionTitle.area))
    )
    return session.scalars(statement).all()


def _certificates(session: Session, text: str) -> Sequence[UseCertificate]:
    """By number, or by the holder's name."""
    exact = select(UseCertificate.id).join(Party).where(func.fold(Party.name) == func.fold(text))
    by_number = select(UseCertificate.id).where(UseCertificate.number == text)
    numbered = select(UseCertificate.id).where(places.matches(text, UseCertificate.number)).limit(LOOKED_AT)
    named = select(UseCertificate.id).join(Party).where(places.matches(text, Party.name)).limit(LOOKED_AT)
    candidates = exact.union(by_number, numbered.subquery().select(), named.subquery().select())
    statement = (
        select(UseCertificate)
        .join(UseCertificate.holder)
        .join(UseCertificate.title)
        .where(titles.is_public(), UseCertificate.id.in_(candidates))
        .order_by(
            func.least(places.rank(Party.name, text), places.rank(UseCertificate.number, text)),
            places.in_order(Party.name), func.lower(UseCertificate.valid_during).desc(), UseCertificate.id,
        )
        .limit(EACH + 1)
        .options(contains_eager(UseCertificate.holder), contains_eager(UseCertificate.title).defer(ProtectionTitle.area))
    )  # fmt: skip
    return session.scalars(statement).all()


def _areas(session: Session, text: str, on: date) -> Sequence[GrowingAreaCode]:
    valid = GrowingAreaCode.valid_during.contains(on)
    exact = select(GrowingAreaCode.id).where(func.fold(GrowingAreaCode.code) == func.fold(text), valid)
    # A text that thousands of codes hold names none of them: so many are looked at, the exact one always among them.
    some = select(GrowingAreaCode.id).where(places.matches(text, GrowingAreaCode.code), valid).limit(CODES_LOOKED_AT)
    best = case((GrowingAreaCode.code == text, 0), (func.lower(GrowingAreaCode.code) == text.lower(), 1), else_=2)
    statement = (
        select(GrowingAreaCode)
        .join(GrowingAreaCode.area)
        .join(GrowingArea.title)
        .where(titles.is_public(), GrowingAreaCode.id.in_(exact.union(some.subquery().select())))
        .order_by(best, GrowingAreaCode.code, GrowingAreaCode.market, GrowingAreaCode.id)
        .limit(EACH + 1)
        .options(
            contains_eager(GrowingAreaCode.area).defer(GrowingArea.boundary),
            contains_eager(GrowingAreaCode.area).contains_eager(GrowingArea.title).defer(ProtectionTitle.area),
            contains_eager(GrowingAreaCode.area).joinedload(GrowingArea.commune).load_only(Commune.name, Commune.kind),
        )
    )  # fmt: skip
    return session.scalars(statement).all()


def _lots(session: Session, text: str) -> Sequence[Lot]:
    """By a whole code only, the lot's own or the one that all its packs share: who counts through codes learns nothing of what is sold."""
    named = func.fold(Lot.code) == func.fold(text)
    with suppress(Malformed):
        named = or_(named, Lot.public_code == lot_code.parse(text))
    statement = (
        select(Lot)
        .join(Lot.product)
        .join(Product.title)
        .where(titles.is_public(), named, Lot.state != LotState.DRAFT)
        .order_by(or_(Lot.code == text).desc(), Lot.packed_on.desc(), Lot.id)
        .limit(EACH + 1)
        .options(contains_eager(Lot.product).contains_eager(Product.title).defer(ProtectionTitle.area), joinedload(Lot.holder))
    )  # fmt: skip
    return session.scalars(statement).all()
