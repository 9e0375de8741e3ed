"""Pictures that everybody may see, in small sizes under the hash of their copy: signs, points to compare, pairs of the gallery.

A small picture is drawn once from the copy without metadata and kept beside it. What must not live here: taking pictures in (`files`).
"""

from __future__ import annotations

import io
import os
import secrets
from typing import TYPE_CHECKING, Any

from PIL import Image
from sqlalchemy import ColumnElement, select, union_all

from trace.errors import NotFound
from trace.models.files import StoredFile
from trace.models.showcase import ComparisonPair, PairState
from trace.models.title_records import TitleImage
from trace.models.titles import ComparisonPoint, Product, ProtectionTitle
from trace.services import titles

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

KB = 1024
MOST_BYTES = {160: 5 * KB, 320: 15 * KB, 640: 45 * KB, 1200: 160 * KB}
"""The widths that are drawn, in dots, and what each may weigh: a public page is 30 KB with its first picture."""
_QUALITIES = (78, 70, 60, 50, 40, 30, 20, 10)


def is_public(session: Session, sha256: str) -> bool:
    """Whether everybody may see the picture whose copy has this hash."""
    return _is_among(session, sha256, titles.is_public(), published=True)


def is_kept(session: Session, sha256: str) -> bool:
    """Whether it belongs to the register of titles at all, shown to the public or not."""
    return _is_among(session, sha256, None, published=False)


def small(store: Path, sha256: str, width: int) -> Path:
    """Where the picture of this width lies; it is drawn when first asked for. Raises `NotFound` for what cannot be."""
    if width not in MOST_BYTES:
        raise NotFound
    place = store / "small" / sha256[:2] / f"{sha256}-{width}.jpg"
    if place.exists():
        return place
    source = store / "copies" / sha256[:2] / sha256
    if not source.exists():
        raise NotFound
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f".{place.name}.{secrets.token_hex(8)}")
    try:
        draft.write_bytes(_drawn(source, width))
        os.replace(draft, place)
    finally:
        draft.unlink(missing_ok=True)
    return place


def measure(store: Path, file: StoredFile) -> tuple[int, int]:
    """Width and height of a picture's copy, in dots."""
    if not file.copy_sha256:
        raise NotFound
    with Image.open(store / "copies" / file.copy_sha256[:2] / file.copy_sha256) as image:
        return image.size


def _drawn(source: Path, width: int) -> bytes:
    with Image.open(source) as image:
        image.draft("RGB", (width, width))
        picture = image.convert("RGB")
    picture.thumbnail((width, width * 3))
    drawn = b""
    for quality in _QUALITIES:
        saved = io.BytesIO()
        picture.save(saved, "JPEG", quality=quality, optimize=True, progressive=True)
        drawn = saved.getvalue()
        if len(drawn) <= MOST_BYTES[width]:
            break
    return drawn


def _is_among(session: Session, sha256: str, shown: ColumnElement[bool] | None, *, published: bool) -> bool:
    found = union_all(
        *(statement.where(StoredFile.copy_sha256 == sha256) for statement in _all(shown, published=published))
    )
    return session.execute(found.limit(1)).first() is not None


def _all(shown: ColumnElement[bool] | None, *, published: bool) -> list[Select[Any]]:
    """Every picture that belongs to a title, narrowed to what the public may see."""
    file_id = StoredFile.id
    signs = (
        select(file_id)
        .join(TitleImage, TitleImage.file_id == file_id)
        .join(ProtectionTitle, ProtectionTitle.id == TitleImage.title_id)
    )
    points = (
        select(file_id)
        .join(ComparisonPoint, ComparisonPoint.picture_id == file_id)
        .join(Product, Product.id == ComparisonPoint.product_id)
    )
    points = points.join(ProtectionTitle, ProtectionTitle.id == Product.title_id)
    statements: list[Select[Any]] = [signs, points]
    for column in (ComparisonPair.genuine_file_id, ComparisonPair.suspect_file_id):
        pair = (
            select(file_id)
            .join(ComparisonPair, column == file_id)
            .join(Product, Product.id == ComparisonPair.product_id)
        )
        pair = pair.join(ProtectionTitle, ProtectionTitle.id == Product.title_id)
        statements.append(pair.where(ComparisonPair.state == PairState.PUBLISHED) if published else pair)
    if published:
        statements[0] = signs.where(TitleImage.withdrawn_at.is_(None))
        statements[1] = points.where(~ComparisonPoint.covert)
    return [statement.where(shown) for statement in statements] if shown is not None else statements
