"""What anybody may know about a certificate: who may use which sign for what, from where, until when, and how it stands.

No boundary, no personal number, no reason in free words: a public page names the ground of the regulation and the document only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import aliased, joinedload, selectinload

from trace.clock import CITY
from trace.errors import NotFound
from trace.models.applications import Application
from trace.models.areas import GrowingArea, ProductionSite
from trace.models.certificates import CertificateSource, CertificateStatus, CertificateStatusChange, UseCertificate
from trace.models.titles import Product, TitleRole, TitleRoleKind
from trace.services import certificates, places

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.orm import Session

    from trace.models.parties import Party
    from trace.services.certificates import Standing

PATH = "GCN"
LONGEST = 100


class NoSuchCertificate(NotFound):
    """No certificate of use has this number.

    Compare the number with the paper in your hand, signs and strokes included, or scan the code on it.
    """


@dataclass(frozen=True)
class PublicCertificate:
    """A certificate as the public page shows it."""

    certificate: UseCertificate
    standing: Standing
    changes: Sequence[CertificateStatusChange]
    issuer: Party | None
    products: tuple[str, ...]
    later: UseCertificate | None
    """The certificate that has taken its place or will, so that an old paper can say so."""


def address(certificate: UseCertificate, *, host: str) -> str:
    """The address in the QR of a certificate, upper case so that it stays in QR alphanumeric mode. It never changes."""
    return f"HTTPS://{host.upper()}/{PATH}/{certificate.id.hex.upper()}"


def find(session: Session, key: str, *, on: date) -> PublicCertificate:
    """A certificate by the id in its QR or by the number on it; raises `NoSuchCertificate`."""
    text = places.asked(key)[:LONGEST]
    public_id = _id(text)
    wanted = UseCertificate.number == text if public_id is None else UseCertificate.id == public_id
    certificate = session.scalars(
        select(UseCertificate)
        .where(wanted)
        .options(
            joinedload(UseCertificate.holder), joinedload(UseCertificate.title),
            selectinload(UseCertificate.sources).joinedload(CertificateSource.area).joinedload(GrowingArea.commune),
            selectinload(UseCertificate.sources).joinedload(CertificateSource.site).joinedload(ProductionSite.commune),
        )
    ).one_or_none()  # fmt: skip
    if certificate is None:
        raise NoSuchCertificate
    return PublicCertificate(
        certificate=certificate,
        standing=certificates.standing(certificate, on),
        changes=_changes(session, certificate),
        issuer=issuer(session, certificate),
        products=products(session, certificate),
        later=_later(session, certificate),
    )


def issuer(session: Session, certificate: UseCertificate) -> Party | None:
    """The body that managed the title on the day on which the certificate was granted, else on its first day."""
    granted = session.scalar(
        select(func.min(CertificateStatusChange.at)).where(CertificateStatusChange.certificate_id == certificate.id)
    )
    day = granted.astimezone(CITY).date() if granted else certificate.valid_during.lower
    return body_on(session, certificate.title_id, day) if day else None


def body_on(session: Session, title_id: UUID, day: date) -> Party | None:
    """The body that managed a title on a day."""
    role = session.scalars(
        select(TitleRole)
        .where(
            TitleRole.title_id == title_id, TitleRole.role == TitleRoleKind.MANAGING_BODY, TitleRole.valid_during.contains(day)
        )
        .options(joinedload(TitleRole.party))
    ).one_or_none()  # fmt: skip
    return role.party if role else None


def products(session: Session, certificate: UseCertificate) -> tuple[str, ...]:
    """What the certificate is for: the product of its application, or all of the title's where none is on record."""
    chosen = session.scalar(
        select(Product.name)
        .join(Application, Application.product_id == Product.id)
        .where(Application.certificate_id == certificate.id)
    )
    if chosen:
        return (chosen,)
    every = select(Product.name).where(Product.title_id == certificate.title_id)
    return tuple(session.scalars(every.order_by(places.in_order(Product.name))))


def _changes(session: Session, certificate: UseCertificate) -> Sequence[CertificateStatusChange]:
    return session.scalars(
        select(CertificateStatusChange)
        .where(CertificateStatusChange.certificate_id == certificate.id)
        .order_by(CertificateStatusChange.at.desc(), CertificateStatusChange.id.desc())
    ).all()


def _later(session: Session, certificate: UseCertificate) -> UseCertificate | None:
    other, own = aliased(UseCertificate), certificate.valid_during
    return session.scalars(
        select(other)
        .where(
            other.title_id == certificate.title_id, other.holder_id == certificate.holder_id, other.id != certificate.id,
            func.lower(other.valid_during) > own.lower, other.status.in_((CertificateStatus.ACTIVE, CertificateStatus.SUSPENDED)),
        )
        .order_by(func.lower(other.valid_during).desc())
        .limit(1)
    ).one_or_none()  # fmt: skip


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
