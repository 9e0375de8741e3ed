"""Titles: who was what to one on a day, the regulation in force, the products with their points of comparison.

The register of titles is open to all staff. What must not live here: certificates given under a title.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from trace.errors import Invalid, NotFound
from trace.models.certificates import UseCertificate
from trace.models.files import StoredFile
from trace.models.parties import Commune, Party
from trace.models.title_records import TitleAmendment, TitleImage, TitleRenewal
from trace.models.titles import Product, ProtectionTitle, TitleKind, TitleRole, TitleRoleKind, UseRegulation
from trace.services import places

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from uuid import UUID


class OwnerCannotHold(Invalid):
    """The owner of a certification mark certifies and must not use the mark itself.

    Choose another organisation: IP Law, Article 87.4.
    """


@dataclass(frozen=True)
class Line:
    """A title in the list: with its parties of the day and how many certificates are in force."""

    title: ProtectionTitle
    holders: int
    parties: dict[TitleRoleKind, list[Party]] = field(default_factory=dict)

    def named(self, role: TitleRoleKind | str) -> str:
        """The parties in a role, in words."""
        return ", ".join(party.name for party in self.parties.get(TitleRoleKind(role), []))


def listing(
    session: Session, *, on: date, q: str = "", kind: TitleKind | None = None, ending_within: int | None = None
) -> list[Line]:
    """All titles that answer a search, by name, with their parties on a day. `ending_within`: whose term ends in so many days, or has."""
    wanted: list[ColumnElement[bool]] = []
    if places.asked(q):
        owned = TitleRole.__table__.join(Party.__table__)
        named = select(TitleRole.title_id).select_from(owned).where(places.matches(q, Party.name))
        made = select(Product.title_id).where(places.matches(q, Product.name))
        numbers = places.matches(
            q, ProtectionTitle.name, ProtectionTitle.title_number, ProtectionTitle.application_number
        )
        wanted.append(or_(numbers, ProtectionTitle.id.in_(named), ProtectionTitle.id.in_(made)))
    if ending_within is not None:
        wanted.append(ProtectionTitle.expires_on <= on + timedelta(days=ending_within))
    if kind:
        wanted.append(ProtectionTitle.kind == kind)
    holders = (
        select(func.count(UseCertificate.holder_id.distinct()))
        .where(
            UseCertificate.title_id == ProtectionTitle.id,
            UseCertificate.status == "active",
            UseCertificate.valid_during.contains(on),
        )
        .scalar_subquery()
    )
    statement = (
        select(ProtectionTitle, holders)
        .where(*wanted)
        .order_by(places.in_order(ProtectionTitle.name), ProtectionTitle.id)
    )
    lines = {title.id: Line(title, count) for title, count in session.execute(statement)}
    roles = (
        select(TitleRole)
        .where(TitleRole.title_id.in_(lines), TitleRole.valid_during.contains(on))
        .options(joinedload(TitleRole.party))
    )
    for role in session.scalars(roles):
        lines[role.title_id].parties.setdefault(role.role, []).append(role.party)
    return list(lines.values())


def get(session: Session, title_id: UUID) -> ProtectionTitle:
    """One title; raises `NotFound`."""
    title = session.get(ProtectionTitle, title_id)
    if title is None:
        raise NotFound
    return title


def is_public() -> ColumnElement[bool]:
    """The condition on a statement's titles: what is registered, and the samples that say they are none, is for everybody."""
    return or_(ProtectionTitle.granted_on.is_not(None), ProtectionTitle.is_sample)


def parties_on(session: Session, title_id: UUID, *, as_of: date) -> Sequence[TitleRole]:
    """Who was what to a title on a day."""
    return _roles(session, TitleRole.title_id == title_id, TitleRole.valid_during.contains(as_of))


def parties_ever(session: Session, title_id: UUID) -> Sequence[TitleRole]:
    """Everybody who was ever something to a title, latest first within a role. Predecessors stay on record."""
    return _roles(session, TitleRole.title_id == title_id)


def regulations(session: Session, title_id: UUID) -> Sequence[UseRegulation]:
    """All versions of the use regulation, latest first."""
    return session.scalars(
        select(UseRegulation).where(UseRegulation.title_id == title_id).order_by(UseRegulation.version.desc())
    ).all()


def products(session: Session, title_id: UUID) -> Sequence[Product]:
    """The products that carry the sign, with their points of comparison."""
    statement = select(Product).where(Product.title_id == title_id).order_by(places.in_order(Product.name))
    return session.scalars(statement.options(selectinload(Product.comparison_points))).all()


def boundary(session: Session, title_id: UUID) -> dict[str, Any] | None:
    """The protected territory as GeoJSON, fit for a picture (points closer than about 30 m are left out)."""
    shape = func.ST_AsGeoJSON(func.ST_SimplifyPreserveTopology(ProtectionTitle.area, 0.0003), 5)
    found = session.scalar(select(shape).where(ProtectionTitle.id == title_id))
    return json.loads(found) if found else None


def commune_names(session: Session, title: ProtectionTitle) -> Sequence[str]:
    """The communes whose union the territory is; none when it came from elsewhere."""
    statement = select(Commune.name).where(Commune.code.in_(title.area_commune_codes))
    return session.scalars(statement.order_by(places.in_order(Commune.name))).all()


def amendments(session: Session, title_id: UUID) -> Sequence[TitleAmendment]:
    """What was amended on record, latest first."""
    statement = select(TitleAmendment).where(TitleAmendment.title_id == title_id)
    return session.scalars(statement.order_by(TitleAmendment.decided_on.desc(), TitleAmendment.id.desc())).all()


def renewals(session: Session, title_id: UUID) -> Sequence[TitleRenewal]:
    """The renewals of a mark, latest first."""
    statement = select(TitleRenewal).where(TitleRenewal.title_id == title_id)
    return session.scalars(statement.order_by(TitleRenewal.old_end.desc())).all()


def images(session: Session, title_id: UUID) -> Sequence[TitleImage]:
    """The pictures of the sign that are in use, oldest first."""
    statement = select(TitleImage).where(TitleImage.title_id == title_id, TitleImage.withdrawn_at.is_(None))
    return session.scalars(statement.order_by(TitleImage.added_at, TitleImage.id)).all()


def image_file(session: Session, title_id: UUID, image_id: UUID) -> StoredFile:
    """The file of a picture of the sign, withdrawn ones included."""
    found = session.scalars(
        select(StoredFile)
        .join(TitleImage, TitleImage.file_id == StoredFile.id)
        .where(TitleImage.id == image_id, TitleImage.title_id == title_id)
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def check_may_hold(session: Session, title: ProtectionTitle, holder_id: UUID, *, on: date) -> None:
    """Refuse to let the owner of a certification mark use it: it would certify its own goods."""
    if title.kind is not TitleKind.CERTIFICATION_MARK:
        return
    owns = select(TitleRole.id).where(
        TitleRole.title_id == title.id, TitleRole.party_id == holder_id, TitleRole.role == TitleRoleKind.OWNER,
        TitleRole.valid_during.contains(on),
    )  # fmt: skip
    if session.scalar(owns.limit(1)) is not None:
        raise OwnerCannotHold


def _roles(session: Session, *wanted: ColumnElement[bool]) -> Sequence[TitleRole]:
    statement = select(TitleRole).where(*wanted).options(joinedload(TitleRole.party))
    order = {role: place for place, role in enumerate(TitleRoleKind)}
    found = session.scalars(statement.order_by(func.lower(TitleRole.valid_during).desc(), TitleRole.id)).all()
    return sorted(found, key=lambda role: order[role.role])
