"""What buyers compare on a product's goods: the catalogue that the keeper of the title writes, in order, with pictures.

What must not live here: which three of the points a page shows (`views.verify`), and the files behind the pictures (`files`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, selectinload

from trace.errors import Conflict, Invalid, NotFound, Refused, TemThatError
from trace.models.titles import ComparisonPoint, PointKind, Product
from trace.services import editing, products

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime
    from uuid import UUID

    from trace.services.reach import Reach

NEEDED = products.POINTS
MOST = 5


class TooManyPoints(Conflict):
    """A product has at most %(most)s points to compare: more are not read in front of a stall.

    Edit one of those that are there, or retire one first.
    """


class PeriodBackward(Invalid):
    """The last day lies before the first.

    Check both dates.
    """


class HiddenCodeNotHard(Invalid):
    """A hidden code is hard to copy by its nature.

    Tick “hard to copy”, or choose another kind.
    """


class Retired(Conflict):
    """This point was retired before.

    Add a new one instead.
    """


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One point in words. `picture_id` is a stored file; None keeps what is there, unless `without_picture`."""

    kind: PointKind
    vi: str
    en: str
    zh: str | None = None
    ja: str | None = None
    hard_to_copy: bool = False
    covert: bool = False
    shown_from: date | None = None
    shown_until: date | None = None
    picture_id: UUID | None = None
    without_picture: bool = False


@dataclass(frozen=True)
class Gap:
    """A product whose catalogue is not complete, with what it lacks."""

    product: Product
    points: int
    has_hard: bool


def of(session: Session, product_id: UUID, *, reach: Reach) -> Product:
    """A product within reach with its points and their pictures, in order."""
    found = session.scalars(_product(reach).where(Product.id == product_id)).one_or_none()
    if found is None:
        raise NotFound
    return found


def get(session: Session, point_id: int, *, reach: Reach) -> ComparisonPoint:
    """One point of a product within reach."""
    found = session.scalars(
        select(ComparisonPoint)
        .join(Product, Product.id == ComparisonPoint.product_id)
        .where(ComparisonPoint.id == point_id, reach.covers(None, Product.title_id))
        .options(selectinload(ComparisonPoint.picture))
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def shown_on(points: Iterable[ComparisonPoint], day: date) -> list[ComparisonPoint]:
    """Those of a product's points that a buyer may see on a day: never a covert one."""
    return [point for point in points if is_shown(point, day)]


def is_shown(point: ComparisonPoint, day: date) -> bool:
    """Whether buyers may see a point, and a day lies in the time for which it is shown."""
    begun = point.shown_from is None or point.shown_from <= day
    return (
        point.retired_at is None
        and not point.covert
        and begun
        and (point.shown_until is None or point.shown_until >= day)
    )


def is_complete(points: Iterable[ComparisonPoint], day: date) -> bool:
    """Whether buyers get three points on a day, one of them hard to copy."""
    shown = shown_on(points, day)
    return len(shown) >= NEEDED and any(point.hard_to_copy for point in shown)


def gaps(session: Session, *, reach: Reach, on: date, limit: int) -> list[Gap]:
    """Products within reach whose catalogue is not complete on a day, by name."""
    current = (
        ComparisonPoint.retired_at.is_(None) & ~ComparisonPoint.covert,
        or_(ComparisonPoint.shown_from.is_(None), ComparisonPoint.shown_from <= on),
        or_(ComparisonPoint.shown_until.is_(None), ComparisonPoint.shown_until >= on),
    )
    points = func.count(ComparisonPoint.id)
    hard = func.coalesce(func.bool_or(ComparisonPoint.hard_to_copy), False)
    rows = session.execute(
        select(Product, points, hard)
        .outerjoin(ComparisonPoint, (ComparisonPoint.product_id == Product.id) & current[0] & current[1] & current[2])
        .where(reach.covers(None, Product.title_id))
        .group_by(Product.id)
        .having(or_(points < NEEDED, ~hard))
        .order_by(Product.name, Product.id)
        .limit(limit)
    )
    return [Gap(product, number, has_hard) for product, number, has_hard in rows]


def add(
    session: Session, product_id: UUID, facts: Facts, *, by: UUID, at: datetime, reach: Reach
) -> ComparisonPoint:  # fmt: skip
    """Put a point at the end of a product's catalogue."""
    product = _locked(session, product_id, reach)
    reasons = _faults(facts)
    taken = {point.position for point in product.comparison_points}
    if len(taken) >= MOST:
        reasons.append(TooManyPoints(most=MOST))
    if reasons:
        raise Refused(reasons)
    made = ComparisonPoint(product_id=product_id, position=_after(taken), **_values(facts), picture_id=facts.picture_id)
    session.add(made)
    session.flush()
    _written(session, product, "product:point_add", {"point": (None, _told(made))}, by=by, at=at)
    return made


def edit(
    session: Session, point_id: int, facts: Facts, *, revision: int, by: UUID, at: datetime, reach: Reach
) -> ComparisonPoint:
    """Change a point, from the revision of its product that the writer saw."""
    product_id = get(session, point_id, reach=reach).product_id
    product = editing.locked(session, _product(reach).where(Product.id == product_id), revision=revision)
    point = _current(session, point_id, reach)
    if reasons := _faults(facts):
        raise Refused(reasons)
    values = _values(facts)
    if facts.picture_id is not None or facts.without_picture:
        values["picture_id"] = facts.picture_id
    before, kind = _told(point), point.kind
    changed = {name for name, value in values.items() if getattr(point, name) != value}
    for name in changed:
        setattr(point, name, values[name])
    session.flush()
    if changed:
        same = before == _told(point) and not point.covert
        told: dict[str, tuple[object, object]] = {} if same else {"point": (before, _told(point))}
        if "kind" in changed:
            told["point_kind"] = (kind, point.kind)
        if "picture_id" in changed:
            told["point_picture"] = (None, _name(point)) if point.picture_id else (_name(point), None)
        if changed & {"text_zh", "text_ja"} and not point.covert:
            told["point_far"] = (None, " · ".join(filter(None, (point.text_zh, point.text_ja))))
        _written(session, product, "product:point_edit", told, by=by, at=at)
    return point


def move(session: Session, point_id: int, *, up: bool, by: UUID, at: datetime, reach: Reach) -> ComparisonPoint:
    """Let a point change places with the one before or behind it; the first stays first, and the last last."""
    product = _locked(session, get(session, point_id, reach=reach).product_id, reach)
    point = _current(session, point_id, reach)
    order = list(product.comparison_points)
    here = order.index(point)
    there = here + (-1 if up else 1)
    if not 0 <= there < len(order):
        return point
    other = order[there]
    point.position, other.position = other.position, point.position
    session.flush()
    changes: dict[str, tuple[object, object]] = {"point_order": (here + 1, there + 1), "point": (_name(point),) * 2}
    _written(session, product, "product:point_move", changes, by=by, at=at)
    return point


def retire(session: Session, point_id: int, *, by: UUID, at: datetime, reach: Reach) -> ComparisonPoint:
    """Show a point no more. It stays on record."""
    product = _locked(session, get(session, point_id, reach=reach).product_id, reach)
    point = _current(session, point_id, reach)
    point.retired_at = at
    session.flush()
    _written(session, product, "product:point_retire", {"point": (_told(point), None)}, by=by, at=at)
    return point


def _faults(facts: Facts) -> list[TemThatError]:
    reasons = list[TemThatError]()
    if facts.shown_from and facts.shown_until and facts.shown_until < facts.shown_from:
        reasons.append(PeriodBackward())
    if facts.kind is PointKind.HIDDEN_CODE and not facts.hard_to_copy:
        reasons.append(HiddenCodeNotHard())
    return reasons


def _values(facts: Facts) -> dict[str, object]:
    return {
        "kind": facts.kind, "text_vi": facts.vi, "text_en": facts.en, "text_zh": facts.zh or None, "text_ja": facts.ja or None,
        "hard_to_copy": facts.hard_to_copy, "covert": facts.covert, "shown_from": facts.shown_from, "shown_until": facts.shown_until,
    }  # fmt: skip


def _after(taken: set[int]) -> int:
    """The place behind all others, or a free one before, where retired points left gaps."""
    behind = max(taken, default=0) + 1
    return behind if behind <= MOST else next(place for place in range(1, MOST + 1) if place not in taken)


def _told(point: ComparisonPoint) -> str:
    """A point as the history keeps it: its words, a star if hard to copy, and the days for which it is shown.

    More people read the history than may know of a covert point: of that it tells the place alone.
    """
    if point.covert:
        return _name(point)
    days = f" [{point.shown_from or ''}–{point.shown_until or ''}]" if point.shown_from or point.shown_until else ""
    return f"{point.text_vi}{' (*)' if point.hard_to_copy else ''} / {point.text_en}{days}"


def _name(point: ComparisonPoint) -> str:
    return f"{point.position} (**)" if point.covert else point.text_vi


def _current(session: Session, point_id: int, reach: Reach) -> ComparisonPoint:
    point = get(session, point_id, reach=reach)
    session.refresh(point)
    if point.retired_at is not None:
        raise Retired
    return point


def _written(
    session: Session, product: Product, deed: str, changes: dict[str, tuple[object, object]], *, by: UUID, at: datetime
) -> None:
    """The product's revision grows and the history is written; its points are read anew when next asked for."""
    editing.change(session, product, deed, {}, by=by, at=at, shown=changes)
    session.expire(product, ["comparison_points"])


def _locked(session: Session, product_id: UUID, reach: Reach) -> Product:
    """The product, locked, so that its points keep their places while one of them changes."""
    found = session.scalars(
        _product(reach)
        .where(Product.id == product_id)
        .with_for_update(key_share=True, of=Product)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def _product(reach: Reach) -> Select[Product]:
    return (
        select(Product)
        .where(reach.covers(None, Product.title_id))
        .options(
            selectinload(Product.comparison_points).selectinload(ComparisonPoint.picture), selectinload(Product.title)
        )
    )
