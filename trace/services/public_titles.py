"""What anybody may know of the protected titles: what each protects and where, who may use it on a day, from which areas and sites.

Never a plot, never a household behind an area: areas go by name, commune and codes. What must not live here: certificates one by one
(`public_certificates`), and deeds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, func, literal_column, or_, select, union, union_all
from sqlalchemy.orm import Session, defer, joinedload

from trace.errors import NotFound
from trace.models.applications import Application
from trace.models.areas import GrowingArea, GrowingAreaCode, ProductionSite, SiteKind
from trace.models.certificates import CertificateSource, CertificateStatus, UseCertificate
from trace.models.files import StoredFile
from trace.models.parties import Commune, Party
from trace.models.title_records import TitleImage
from trace.models.titles import Product, ProtectionTitle, TitleRole, TitleRoleKind, UseRegulation
from trace.services import certificates, places, slugs, titles

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date
    from uuid import UUID


COARSE = 0.004
"""Points of an outline closer than this many degrees (about 400 m) are left out: the shape is for finding one's way, not for measuring."""


@dataclass(frozen=True)
class Line:
    """A title in the list: with its parties of the day, a picture of its sign and its products by name."""

    title: ProtectionTitle
    picture: str | None
    parties: dict[TitleRoleKind, list[Party]] = field(default_factory=dict)
    products: list[Product] = field(default_factory=list)

    def named(self, role: str) -> str:
        """The parties in a role, in words."""
        return ", ".join(party.name for party in self.parties.get(TitleRoleKind(role), []))


@dataclass(frozen=True)
class TitlePage:
    """A title as its public page shows it."""

    line: Line
    regulation: UseRegulation | None
    communes: Sequence[str]
    outlines: list[dict[str, Any]]
    users: int
    areas: int
    sites: int

    @property
    def title(self) -> ProtectionTitle:
        """The title itself."""
        return self.line.title


@dataclass(frozen=True)
class User:
    """Somebody with a certificate that ran on a day, and how it stood at the end of that day."""

    certificate: UseCertificate
    stood: CertificateStatus
    products: tuple[str, ...]
    sources: int


@dataclass(frozen=True)
class Place:
    """A growing area or site as the public sees it."""

    name: str
    commune: str
    kind: SiteKind | None
    codes: tuple[GrowingAreaCode, ...] = ()


def find(session: Session, key: str) -> ProtectionTitle:
    """A public title by the end of its address; raises `NotFound`."""
    span = slugs.meant(key)
    if span is None:
        raise NotFound
    statement = select(ProtectionTitle).where(ProtectionTitle.id.between(*span), titles.is_public())
    found = session.scalars(statement.options(defer(ProtectionTitle.area)).limit(2)).all()
    if len(found) != 1:
        raise NotFound
    return found[0]


def listing(session: Session, *, on: date) -> list[Line]:
    """All public titles in alphabetical order."""
    statement = select(ProtectionTitle).where(titles.is_public()).options(defer(ProtectionTitle.area))
    found = session.scalars(statement.order_by(places.in_order(ProtectionTitle.name), ProtectionTitle.id)).all()
    return lines(session, found, on=on)


def lines(session: Session, found: Iterable[ProtectionTitle], *, on: date) -> list[Line]:
    """Titles with what the list says of each."""
    kept = list(found)
    ids = [title.id for title in kept]
    pictures = _pictures(session, ids)
    made = {title.id: Line(title, pictures.get(title.id)) for title in kept}
    roles = (
        select(TitleRole)
        .where(TitleRole.title_id.in_(ids), TitleRole.valid_during.contains(on))
        .options(joinedload(TitleRole.party))
    )
    for role in session.scalars(roles):
        made[role.title_id].parties.setdefault(role.role, []).append(role.party)
    goods = select(Product).where(Product.title_id.in_(ids)).order_by(places.in_order(Product.name))
    for product in session.scalars(goods):
        made[product.title_id].products.append(product)
    return list(made.values())


def page(session: Session, title: ProtectionTitle, *, on: date) -> TitlePage:
    """All that the page of a title shows."""
    regulation = session.scalars(
        select(UseRegulation).where(UseRegulation.title_id == title.id, UseRegulation.valid_during.contains(on))
    ).one_or_none()
    return TitlePage(
        line=lines(session, [title], on=on)[0],
        regulation=regulation,
        communes=titles.commune_names(session, title),
        outlines=_outlines(session, title),
        users=_count(session, *_running(title.id, on), _stood(on) == CertificateStatus.ACTIVE),
        areas=session.scalar(select(func.count(GrowingArea.id)).where(GrowingArea.title_id == title.id)) or 0,
        sites=session.scalar(select(func.count(ProductionSite.id)).where(ProductionSite.title_id == title.id)) or 0,
    )


def users(
    session: Session, title_id: UUID, *, on: date, q: str = "", page: int = 1, size: int = 50
) -> tuple[list[User], int]:
    """Whose certificate ran on a day, by name, with how it stood at the end of it, and how many there are in all."""
    stood = _stood(on)
    wanted = [*_running(title_id, on), stood.is_not(None)]
    if places.asked(q):
        wanted.append(places.matches(q, Party.name, UseCertificate.number))
    total = _count(session, *wanted)
    if not total:
        return [], 0
    statement = (
        select(UseCertificate, stood)
        .join(UseCertificate.holder)
        .where(*wanted)
        .order_by(places.in_order(Party.name), UseCertificate.number)
        .limit(size)
        .offset((page - 1) * size)
        .options(joinedload(UseCertificate.holder))
    )
    rows = session.execute(statement).all()
    ids = [certificate.id for certificate, _status in rows]
    chosen = dict(
        session.execute(
            select(Application.certificate_id, Product.name)
            .join(Product, Product.id == Application.product_id)
            .where(Application.certificate_id.in_(ids))
        ).all()
    )
    sources = dict(
        session.execute(
            select(CertificateSource.certificate_id, func.count())
            .where(CertificateSource.certificate_id.in_(ids))
            .group_by(CertificateSource.certificate_id)
        ).all()
    )
    every = tuple(
        session.scalars(
            select(Product.name).where(Product.title_id == title_id).order_by(places.in_order(Product.name))
        )
    )
    return [
        User(each, CertificateStatus(status), (chosen[each.id],) if each.id in chosen else every, sources.get(each.id, 0))
        for each, status in rows
    ], total  # fmt: skip


def sources(
    session: Session, title_id: UUID, *, on: date, q: str = "", page: int = 1, size: int = 50
) -> tuple[list[Place], int]:
    """Growing areas and sites of a title by name, and how many in all. No holder, no size, no outline."""
    areas: Any = select(
        GrowingArea.id, GrowingArea.name, GrowingArea.commune_code, literal_column("NULL").label("kind")
    ).where(GrowingArea.title_id == title_id)
    sites: Any = select(
        ProductionSite.id, ProductionSite.name, ProductionSite.commune_code, ProductionSite.kind.label("kind")
    ).where(ProductionSite.title_id == title_id)
    if places.asked(q):
        # Each by its own index; joined by OR, none would be used.
        coded = select(GrowingAreaCode.area_id).where(places.matches(q, GrowingAreaCode.code))
        named = select(GrowingArea.id).where(places.matches(q, GrowingArea.name))
        there = select(GrowingArea.id).where(places.in_commune(q, GrowingArea.commune_code))
        areas = areas.where(GrowingArea.id.in_(union(coded, named, there)))
        sites = sites.where(
            or_(places.matches(q, ProductionSite.name), places.in_commune(q, ProductionSite.commune_code))
        )
    both = union_all(areas, sites).subquery()
    total = session.scalar(select(func.count()).select_from(both)) or 0
    if not total:
        return [], 0
    rows = session.execute(
        select(both.c.id, both.c.name, both.c.kind, Commune.name)
        .join(Commune, Commune.code == both.c.commune_code)
        .order_by(both.c.name.collate(places.VIETNAMESE), both.c.id)
        .limit(size)
        .offset((page - 1) * size)
    ).all()
    codes: dict[UUID, list[GrowingAreaCode]] = {}
    known = select(GrowingAreaCode).where(
        GrowingAreaCode.area_id.in_([row[0] for row in rows]), GrowingAreaCode.valid_during.contains(on)
    )
    for code in session.scalars(known.order_by(GrowingAreaCode.market, GrowingAreaCode.code)):
        codes.setdefault(code.area_id, []).append(code)
    return [
        Place(name, commune, SiteKind(kind) if kind else None, tuple(codes.get(row_id, ())))
        for row_id, name, kind, commune in rows
    ], total


def _running(title_id: UUID, on: date) -> list[ColumnElement[bool]]:
    return [UseCertificate.title_id == title_id, UseCertificate.valid_during.contains(on)]


def _stood(on: date) -> ColumnElement[Any]:
    return certificates.status_on(on)


def _count(session: Session, *wanted: ColumnElement[bool]) -> int:
    statement = select(func.count(UseCertificate.id)).join(UseCertificate.holder).where(*wanted)
    return session.scalar(statement) or 0


def _pictures(session: Session, title_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The first picture of each sign that is in use."""
    statement = (
        select(TitleImage.title_id, StoredFile.copy_sha256)
        .join(StoredFile, StoredFile.id == TitleImage.file_id)
        .where(TitleImage.title_id.in_(title_ids), TitleImage.withdrawn_at.is_(None), StoredFile.copy_sha256.is_not(None))
        .order_by(TitleImage.added_at.desc(), TitleImage.id)
    )  # fmt: skip
    # The oldest comes last and stays.
    return {title_id: sha256 for title_id, sha256 in session.execute(statement) if sha256}


def _outlines(session: Session, title: ProtectionTitle) -> list[dict[str, Any]]:
    """Coarse outlines for a still picture: the territory, or its communes by name where it is their union."""
    if title.area_commune_codes:
        shape = func.ST_AsGeoJSON(func.ST_SimplifyPreserveTopology(Commune.boundary, COARSE), 3)
        statement = select(Commune.name, shape).where(Commune.code.in_(title.area_commune_codes))
        return [{"name": name} | json.loads(found) for name, found in session.execute(statement.order_by(Commune.code))]
    shape = func.ST_AsGeoJSON(func.ST_SimplifyPreserveTopology(ProtectionTitle.area, COARSE), 3)
    found = session.scalar(select(shape).where(ProtectionTitle.id == title.id))
    return [{"name": title.name} | json.loads(found)] if found else []
