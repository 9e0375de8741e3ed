"""The electronic label of a product, version by version: what it says, from which day, and what changed (Decrees 43/2017 and 37/2026).

A version is never overwritten. What must not live here: the catalogue's text for buyers and its points to compare (`products`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound, Refused, TemThatError
from trace.models.lots import Lot, LotState
from trace.models.showcase import ProductLabelVersion
from trace.models.titles import Product
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.services.reach import Reach

BOTH = ("name", "origin", "ingredients", "production", "expiry", "warnings", "storage", "instructions")
"""Said in Vietnamese and in English: `name_vi`, `name_en` …"""
PLAIN = ("responsible", "address", "quantity", "standard")
FIELDS = (
    "name_vi", "name_en", "responsible", "address", "origin_vi", "origin_en", "ingredients_vi", "ingredients_en", "quantity",
    "production_vi", "production_en", "expiry_vi", "expiry_en", "warnings_vi", "warnings_en", "storage_vi", "storage_en",
    "instructions_vi", "instructions_en", "standard",
)  # fmt: skip
MANDATORY = (
    "name_vi", "name_en", "responsible", "address", "origin_vi", "origin_en", "quantity", "production_vi", "expiry_vi", "storage_vi",
)  # fmt: skip


class FieldMissing(Invalid):
    """The label must say this.

    Write it as it stands on the goods.
    """


class BeginsInPast(Invalid):
    """A version cannot begin before today: what the label said on a past day stays as it was.

    Choose today or a later day.
    """


class NothingNew(Invalid):
    """This version says the same as the one before it.

    Change what is new, or leave the label as it is.
    """


class ReasonMissing(Invalid):
    """Say what is new in this version, so that readers can follow it."""


class VersionMeanwhile(Conflict):
    """Somebody else recorded version %(version)s while you were writing.

    Compare what you wrote with that version, then save again.
    """


@dataclass(frozen=True)
class Change:
    """A field that two versions say differently."""

    field: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Shown:
    """The label of a product on a day: the version in force, all versions, latest first, and what is being recalled."""

    product: Product
    version: ProductLabelVersion | None
    versions: Sequence[ProductLabelVersion]
    recalls: Sequence[Lot]

    def changes(self, version: ProductLabelVersion) -> list[Change]:
        """What a version changed against the one before it; nothing for the first."""
        before = next((each for each in self.versions if each.version == version.version - 1), None)
        return differences(before.fields, version.fields) if before else []


def record(
    session: Session,
    product_id: UUID,
    fields: Mapping[str, str | None],
    *,
    valid_from: date,
    reason: str,
    seen: int,
    file_id: UUID | None = None,
    by: UUID,
    at: datetime,
    reach: Reach,
) -> ProductLabelVersion:
    """Add a version. `seen` is the number of the version that its writer began from, 0 for none."""
    statement = select(Product).where(Product.id == product_id, reach.covers(None, Product.title_id))
    product = session.scalars(statement.with_for_update(key_share=True)).one_or_none()
    if product is None:
        raise NotFound
    last = session.scalars(
        select(ProductLabelVersion)
        .where(ProductLabelVersion.product_id == product_id)
        .order_by(ProductLabelVersion.version.desc())
        .limit(1)
    ).one_or_none()
    number = last.version if last else 0
    if number != seen:
        raise VersionMeanwhile(version=str(number))
    kept = {name: value for name in FIELDS if (value := (fields.get(name) or "").strip())}
    faults = _faults(
        kept, last, valid_from=valid_from, reason=reason, same_file=last is not None and last.file_id == file_id, today=at.astimezone(CITY).date()
    )  # fmt: skip
    if faults:
        raise Refused(faults)
    made = ProductLabelVersion(
        product_id=product_id, version=number + 1, valid_from=valid_from, fields=kept, file_id=file_id, reason=reason.strip(),
        recorded_at=at, recorded_by=by,
    )  # fmt: skip
    session.add(made)
    history.record(
        session, "product:label", product_id, by=by, at=at, why=reason,
        changes={"version": (number or None, number + 1), "valid_from": (last.valid_from if last else None, valid_from)},
    )  # fmt: skip
    session.flush()
    return made


def of(session: Session, product_id: UUID) -> Sequence[ProductLabelVersion]:
    """All versions of a product's label, latest first, with who recorded them."""
    statement = (
        select(ProductLabelVersion)
        .where(ProductLabelVersion.product_id == product_id)
        .order_by(ProductLabelVersion.version.desc())
        .options(joinedload(ProductLabelVersion.author), joinedload(ProductLabelVersion.file))
    )
    return session.scalars(statement).all()


def shown(session: Session, product: Product, *, on: date) -> Shown:
    """What anybody may read of a product's label as of a day."""
    versions = of(session, product.id)
    return Shown(product, in_force(versions, on=on), versions, recalls(session, product.id))


def in_force(versions: Sequence[ProductLabelVersion], *, on: date) -> ProductLabelVersion | None:
    """The latest version that has begun. One that a later version overtook before its day never comes into force."""
    return max((each for each in versions if each.valid_from <= on), key=lambda each: each.version, default=None)


def recalls(session: Session, product_id: UUID) -> Sequence[Lot]:
    """The lots of a product that are being recalled, latest first: the label must warn of them."""
    statement = select(Lot).where(Lot.product_id == product_id, Lot.state == LotState.RECALLED)
    return session.scalars(statement.order_by(Lot.packed_on.desc(), Lot.code).limit(50)).all()


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """The fields that two versions say differently, in the order of the label."""
    return [Change(name, before.get(name), after.get(name)) for name in FIELDS if before.get(name) != after.get(name)]


def latest_number(session: Session, product_id: UUID) -> int:
    """The number of the latest version, 0 for none."""
    found = select(func.max(ProductLabelVersion.version)).where(ProductLabelVersion.product_id == product_id)
    return session.scalar(found) or 0


def missing(fields: Mapping[str, str]) -> list[str]:
    """The mandatory fields that a label does not say."""
    return [name for name in MANDATORY if not fields.get(name)]


def _faults(
    kept: Mapping[str, str],
    last: ProductLabelVersion | None,
    *,
    valid_from: date,
    reason: str,
    same_file: bool,
    today: date,
) -> list[TemThatError]:
    reasons = list[TemThatError]()
    if valid_from < today and last is not None:
        reasons.append(BeginsInPast())
    if not reason.strip():
        reasons.append(ReasonMissing())
    if last is not None and last.fields == kept and same_file:
        reasons.append(NothingNew())
    reasons += [FieldMissing() for _name in missing(kept)]
    return reasons
