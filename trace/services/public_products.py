"""What anybody may know of the products: description, how to recognise them, seasons, pairs, and where their lists stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.orm import contains_eager

from trace.errors import NotFound
from trace.models.files import StoredFile
from trace.models.showcase import ComparisonPair, PairState, ProductLabelVersion
from trace.models.titles import ComparisonPoint, Product, ProtectionTitle, Season
from trace.services import pairs, places, public_titles, slugs, titles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from uuid import UUID

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from trace.services.public_titles import Line


@dataclass(frozen=True)
class Point:
    """A thing to compare, with its picture if it has one."""

    point: ComparisonPoint
    picture: str | None


@dataclass(frozen=True)
class ProductPage:
    """A product as its public page shows it."""

    product: Product
    line: Line
    points: Sequence[Point]
    seasons: Sequence[Season]
    pairs: Sequence[ComparisonPair]
    has_label: bool


def listing(session: Session) -> Sequence[Product]:
    """All products of public titles, by name, with their titles."""
    return session.scalars(_products().order_by(places.in_order(Product.name), Product.id)).all()


def find(session: Session, key: str) -> Product:
    """A product of a public title by the end of its address; raises `NotFound`."""
    span = slugs.meant(key)
    if span is None:
        raise NotFound
    found = session.scalars(_products().where(Product.id.between(*span)).limit(2)).all()
    if len(found) != 1:
        raise NotFound
    return found[0]


def page(session: Session, product: Product, *, on: date) -> ProductPage:
    """All that the page of a product shows on a day."""
    points = (
        select(ComparisonPoint, StoredFile.copy_sha256)
        .outerjoin(StoredFile, StoredFile.id == ComparisonPoint.picture_id)
        .where(
            ComparisonPoint.product_id == product.id, ComparisonPoint.retired_at.is_(None), ~ComparisonPoint.covert,
            func.coalesce(ComparisonPoint.shown_from, on) <= on, func.coalesce(ComparisonPoint.shown_until, on) >= on,
        )
        .order_by(ComparisonPoint.position)
    )  # fmt: skip
    seasons = (
        select(Season)
        .where(Season.product_id == product.id)
        .order_by(func.lower(Season.runs_during).desc(), Season.name)
        .limit(6)
    )
    label = select(ProductLabelVersion.id).where(ProductLabelVersion.product_id == product.id).limit(1)
    return ProductPage(
        product=product,
        line=public_titles.lines(session, [product.title], on=on)[0],
        points=[Point(point, picture) for point, picture in session.execute(points)],
        seasons=session.scalars(seasons).all(),
        pairs=pairs.published(session, product_id=product.id),
        has_label=session.scalar(label) is not None,
    )


def pairs_by_product(session: Session) -> dict[UUID, int]:
    """How many pairs each product has in the public gallery."""
    statement = (
        select(ComparisonPair.product_id, func.count())
        .where(ComparisonPair.state == PairState.PUBLISHED)
        .group_by(ComparisonPair.product_id)
    )
    return dict(session.execute(statement).all())


def _products() -> Select[Product]:
    return (
        select(Product)
        .join(Product.title)
        .where(titles.is_public())
        .options(contains_eager(Product.title).defer(ProtectionTitle.area))
    )
