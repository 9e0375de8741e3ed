"""Posters for shops: "Scan to check the label", with a QR to the product's page and how to compare in three steps. A4 or A5."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from trace.errors import Conflict
from trace.services import certificates, papers, public_certificates, slugs, titles
from trace.services.certificates import Standing
from trace.services.public_products import page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from trace.models.certificates import UseCertificate
    from trace.models.titles import Product
    from trace.services.public_products import Point

PATH = "SP"
POINTS = 3


class Paper(StrEnum):
    """Sizes of a poster (never shown)."""

    A4 = "a4"
    A5 = "a5"


class RightNotInForce(Conflict):
    """A poster with the name of an organisation is drawn only while its certificate is in force.

    The poster without a name stands on the page of the product.
    """


def address(product: Product, *, host: str) -> str:
    """The address in the QR of a poster, upper case so that it stays in QR alphanumeric mode. It never changes."""
    return f"HTTPS://{host.upper()}/{PATH}/{slugs.short(product.id).upper()}"


def pdf(session: Session, product: Product, *, paper: Paper, holder: str | None, host: str, at: datetime) -> bytes:
    """The poster of a product; with a holder's name for those who may use the sign."""
    points = page(session, product, on=at.date()).points
    data = {
        "paper": paper.value,
        "title": "Quét để kiểm tra nhãn",
        "english": "Scan to check the label",
        "product": product.name,
        "product_en": product.name_en,
        "sign": product.title.name,
        "holder": holder or "",
        "qr": papers.symbol(address(product, host=host)),
        "typed": f"{host.lower()}/nhap-ma",
        "points": [[point.point.text_vi, point.point.text_en] for point in _three(points)],
        "day": papers.day(at.date()),
        "sample": product.title.is_sample,
    }
    return papers.drawn("poster.typ", data, at=at)


def goods_of(session: Session, certificate: UseCertificate, *, on: date) -> Sequence[Product]:
    """The products for which a holder may hang up a poster on a day; raises `RightNotInForce`."""
    if certificates.standing(certificate, on) is not Standing.ACTIVE:
        raise RightNotInForce
    names = public_certificates.products(session, certificate)
    return [each for each in titles.products(session, certificate.title_id) if each.name in names]


def _three(points: Sequence[Point]) -> list[Point]:
    """Three points, one that is hard to copy among them, in the order of the catalogue."""
    hard = next((point for point in points if point.point.hard_to_copy), None)
    others = [point for point in points if point is not hard][: POINTS - (hard is not None)]
    return [point for point in points if point is hard or point in others]
