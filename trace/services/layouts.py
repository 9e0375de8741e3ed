"""Label layouts by the name that orders and prints keep: a preset's, or the id of one version of a holder's own. And logos.

A version never changes, so that a print is drawn again as it was.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING
from uuid import UUID

from PIL import Image
from sqlalchemy import select, update

from labels import layout_data
from labels import logo as logos
from labels.errors import LabelError
from labels.layout import PRESETS, PRESSES, ROLLS, SCRATCHED
from trace.errors import Conflict, Invalid, NotFound, TemThatError
from trace.models.certificates import UseCertificate
from trace.models.printing import LabelLayout, LabelLogo
from trace.models.titles import Product, ProtectionTitle
from trace.services import history
from trace.services.gate import UnknownLayout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from labels.layout import Layout
    from labels.logo import Logo
    from trace.services.reach import Reach

BUILT_IN: dict[str, Layout] = {**PRESETS, **ROLLS, **PRESSES, **SCRATCHED}
LOGO_BYTES = 5_000_000
_LOGO_SIDE = 800


class LayoutFaulty(Invalid):
    """This layout cannot be used as it is."""

    def __init__(self, faults: Sequence[LabelError]) -> None:
        super().__init__()
        self.faults = tuple(faults)


class LayoutNameTaken(Invalid):
    """You have a layout of this name already.

    Choose another name, or open that layout and change it.
    """


class ScratchBoxMissing(Invalid):
    """This layout has no scratch box, and the order is for labels with hidden codes.

    Choose a layout with a scratch box, or make one under Label layouts.
    """


class ScratchBoxEmpty(Invalid):
    """This layout has a scratch box, and the order is for labels without hidden codes.

    Choose a layout without one; hidden codes are chosen when labels are ordered.
    """


class LogoRefused(Invalid):
    """This picture cannot be used as a logo."""

    def __init__(self, fault: LabelError) -> None:
        super().__init__()
        self.fault = fault


class LogoFileTooLarge(Invalid):
    """The file has more than %(most)s MB.

    Save the logo in a smaller size; 800 pixels along the longer side are enough.
    """


def find(session: Session, name: str, *, holder_id: UUID) -> Layout:
    """The layout of this name: a preset, or a version of the holder's own, retired or not."""
    built_in = BUILT_IN.get(name)
    if built_in is not None:
        return built_in
    try:
        row = session.get(LabelLayout, UUID(name))
    except ValueError:
        row = None
    if row is None or row.holder_id != holder_id:
        raise UnknownLayout
    return layout_data.from_data(row.data)


def choices(session: Session, holder_id: UUID, *, asked: str | None = None) -> frozenset[str]:
    """The names that a holder's new orders and prints may use; at least those built in, if `asked` is one of them."""
    if asked in BUILT_IN:
        return frozenset(BUILT_IN)
    return frozenset(BUILT_IN) | {str(row.id) for row in own(session, frozenset({holder_id}))}


def scratch_faults(session: Session, name: str, *, holder_id: UUID, hidden_codes: bool) -> list[TemThatError]:
    """What stands against printing labels with or without hidden codes on a layout; nothing about a layout that is not there."""
    try:
        has_box = find(session, name, holder_id=holder_id).elements.hidden_code
    except UnknownLayout:
        return []
    if has_box is hidden_codes:
        return []
    return [ScratchBoxMissing()] if hidden_codes else [ScratchBoxEmpty()]


def own(session: Session, holders: frozenset[UUID]) -> Sequence[LabelLayout]:
    """The layouts in use of some holders, by name."""
    return session.scalars(
        select(LabelLayout)
        .where(LabelLayout.holder_id.in_(holders), LabelLayout.retired_at.is_(None))
        .order_by(LabelLayout.name, LabelLayout.id)
    ).all()


def names(session: Session, holder_id: UUID) -> dict[str, str]:
    """What all layouts of a holder are called, retired ones too: old prints still name them."""
    rows = session.execute(
        select(LabelLayout.id, LabelLayout.name, LabelLayout.version).where(LabelLayout.holder_id == holder_id)
    )
    return {str(row.id): f"{row.name} (v{row.version})" if row.version > 1 else row.name for row in rows}


def said(session: Session, name: str, *, holder_id: UUID) -> str:
    """What a layout is called, as the history keeps it."""
    return names(session, holder_id).get(name, name)


def get(session: Session, layout_id: UUID, *, reach: Reach) -> LabelLayout:
    """A layout of a holder within reach."""
    row = session.get(LabelLayout, layout_id)
    if row is None or not reach.includes(holder_id=row.holder_id):
        raise NotFound
    return row


def save(
    session: Session, data: Mapping[str, object], *, holder_id: UUID, product_id: UUID | None, replaces: UUID | None, by: UUID,
    at: datetime, reach: Reach,
) -> LabelLayout:  # fmt: skip
    """Keep a layout, as the next version of another if it replaces one. LayoutFaulty names everything that is wrong."""
    if not reach.includes(holder_id=holder_id):
        raise NotFound
    layout, faults = layout_data.read(data)
    if layout is None or faults:
        raise LayoutFaulty(faults)
    if product_id is not None and product_id not in {product.id for product in products(session, holder_id)}:
        raise NotFound
    before = get(session, replaces, reach=reach) if replaces else None
    name, version = layout.name.strip(), 1
    if before is not None:
        if before.holder_id != holder_id:
            raise NotFound
        _retire(session, before, by=by, at=at)
    same = session.scalars(
        select(LabelLayout)
        .where(LabelLayout.holder_id == holder_id, LabelLayout.name == name)
        .order_by(LabelLayout.version.desc())
        .limit(1)
    ).one_or_none()
    if same is not None:
        if same.retired_at is None:
            raise LayoutNameTaken
        version = same.version + 1
    kept = LabelLayout(
        holder_id=holder_id, name=name, product_id=product_id, data=layout_data.to_data(layout), version=version, created_at=at,
        created_by=by,
    )  # fmt: skip
    session.add(kept)
    session.flush()
    changes: dict[str, tuple[object, object]] = {
        "name": (before.name if before else None, name),
        "version": (None, version),
    }
    history.record(session, "layout:save", kept.id, by=by, at=at, changes=changes)
    return kept


def retire(session: Session, layout_id: UUID, *, by: UUID, at: datetime, reach: Reach) -> None:
    """Take a layout out of use. Orders and prints that name it stay as they are."""
    _retire(session, get(session, layout_id, reach=reach), by=by, at=at)
    history.record(session, "layout:retire", layout_id, by=by, at=at)


def products(session: Session, holder_id: UUID) -> Sequence[Product]:
    """The products that a holder may label under some certificate, by name."""
    theirs = select(UseCertificate.title_id).where(UseCertificate.holder_id == holder_id)
    return session.scalars(select(Product).where(Product.title_id.in_(theirs)).order_by(Product.name)).all()


# -- logos ------------------------------------------------------------------------------------------------------


def add_logo(
    session: Session, data: bytes, *, holder_id: UUID, title_id: UUID, by: UUID, at: datetime, reach: Reach
) -> LabelLogo:
    """Take the sign of a title for a holder's labels: made anew as a small picture, so that nothing else of the file is kept."""
    if not reach.includes(holder_id=holder_id) or title_id not in {title.id for title in titles(session, holder_id)}:
        raise NotFound
    if len(data) > LOGO_BYTES:
        raise LogoFileTooLarge(most=LOGO_BYTES // 1_000_000)
    try:
        read = logos.read(data)
    except LabelError as exc:
        raise LogoRefused(exc) from exc
    picture = Image.fromarray(read.pixels)
    picture.thumbnail((_LOGO_SIDE, _LOGO_SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    session.execute(
        update(LabelLogo)
        .where(LabelLogo.holder_id == holder_id, LabelLogo.title_id == title_id, LabelLogo.retired_at.is_(None))
        .values(retired_at=at)
    )
    kept = LabelLogo(
        holder_id=holder_id, title_id=title_id, picture=out.getvalue(), width_px=picture.width, height_px=picture.height, added_at=at,
        added_by=by,
    )  # fmt: skip
    session.add(kept)
    session.flush()
    history.record(session, "logo:add", kept.id, by=by, at=at)
    return kept


def logo_in_use(session: Session, *, holder_id: UUID, title_id: UUID) -> LabelLogo | None:
    """The logo that new prints of a holder's labels of a title carry."""
    statement = select(LabelLogo).where(
        LabelLogo.holder_id == holder_id, LabelLogo.title_id == title_id, LabelLogo.retired_at.is_(None)
    )
    return session.scalars(statement).one_or_none()


def logo(session: Session, logo_id: UUID | None) -> Logo | None:
    """A kept logo as the library draws it."""
    return None if logo_id is None else logos.read(session.get_one(LabelLogo, logo_id).picture)


def titles(session: Session, holder_id: UUID) -> Sequence[ProtectionTitle]:
    """The titles that a holder has or had a certificate for, by name."""
    theirs = select(UseCertificate.title_id).where(UseCertificate.holder_id == holder_id)
    return session.scalars(
        select(ProtectionTitle).where(ProtectionTitle.id.in_(theirs)).order_by(ProtectionTitle.name)
    ).all()


def _retire(session: Session, row: LabelLayout, *, by: UUID, at: datetime) -> None:
    done = session.execute(
        update(LabelLayout)
        .where(LabelLayout.id == row.id, LabelLayout.retired_at.is_(None))
        .values(retired_at=at, retired_by=by)
        .returning(LabelLayout.id)
    ).one_or_none()
    if done is None:
        raise Conflict
