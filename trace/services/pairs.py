"""Pairs of pictures, genuine and not: drafted by one person of the title's body, published by another, withdrawn when they would mislead.

What must not live here: taking pictures in (`files`), and what the public gallery looks like.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from trace.clock import CITY
from trace.errors import Conflict, Forbidden, Invalid, NotFound, Refused, TemThatError
from trace.models.showcase import ComparisonPair, PairFinding, PairState
from trace.models.titles import Product, ProtectionTitle
from trace.services import editing, history, places

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from uuid import UUID

    from trace.services.reach import Reach

SIDES = ("both", "genuine", "suspect")
MOST_DIFFERENCES = 6
WIDEST = 50.0
"""The largest radius of a circle, percent of the width."""


class CounterfeitNeedsDocument(Invalid):
    """Goods may be called counterfeit only by a decision or an expert conclusion.

    Write its number, or choose “suspected”.
    """


class FoundInFuture(Invalid):
    """The day on which the goods were found lies in the future.

    Check the date.
    """


class CircleOutside(Invalid):
    """Circle %(n)s does not lie on the picture: x and y are percent from 0 to 100, the radius is from 1 to 50.

    Click on the picture, or write other numbers.
    """


class WordsMissing(Invalid):
    """Difference %(n)s needs its words in Vietnamese and in English.

    Say what differs, in a few words.
    """


class NothingMarked(Conflict):
    """No difference is marked yet, so this pair tells a buyer nothing.

    Mark at least one difference first.
    """


class CovertMarked(Conflict):
    """Difference %(n)s is a covert feature. Covert features are never shown: whoever copies the goods would learn them.

    Take it out, and cover it in the pictures.
    """


class PublishedByAnother(Forbidden):
    """You wrote this pair, so somebody else has to publish it.

    Ask another person who keeps this title.
    """


class PairNotInState(Conflict):
    """This pair is no longer in the state in which you saw it.

    Load the page again.
    """


class ReasonToWithdraw(Invalid):
    """Say why the pair is withdrawn."""


@dataclass(frozen=True)
class Difference:
    """One circled difference: on which side, where in percent, and what it is in both languages."""

    x: float
    y: float
    r: float
    vi: str
    en: str
    side: str = "both"
    covert: bool = False


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is written to a pair of pictures."""

    angle_vi: str
    angle_en: str
    found_on: date
    finding: PairFinding
    source_vi: str
    source_en: str
    document: str | None
    differences: Sequence[Difference] = ()


@dataclass(frozen=True)
class Picture:
    """A picture of a pair: the file, and the measures of its copy in dots."""

    file_id: UUID
    width: int
    height: int


def draft(
    session: Session,
    product_id: UUID,
    facts: Facts,
    *,
    genuine: Picture,
    suspect: Picture,
    by: UUID,
    at: datetime,
    reach: Reach,
) -> ComparisonPair:
    """Enter a pair. Nobody sees it but those who keep the title, until another person publishes it."""
    product = session.scalars(
        select(Product).where(Product.id == product_id, reach.covers(None, Product.title_id))
    ).one_or_none()
    if product is None:
        raise NotFound
    if reasons := _faults(facts, at):
        raise Refused(reasons)
    made = ComparisonPair(
        product_id=product_id, **_values(facts), genuine_file_id=genuine.file_id, suspect_file_id=suspect.file_id,
        genuine_w=genuine.width, genuine_h=genuine.height, suspect_w=suspect.width, suspect_h=suspect.height, drafted_at=at, drafted_by=by,
    )  # fmt: skip
    session.add(made)
    session.flush()
    history.record(session, "pair:draft", made.id, by=by, at=at, changes={"angle_vi": (None, facts.angle_vi)})
    return made


def edit(
    session: Session, pair_id: UUID, facts: Facts, *, revision: int, by: UUID, at: datetime, reach: Reach
) -> ComparisonPair:
    """Change the words and circles of a draft."""
    pair = editing.locked(session, _pair(pair_id, reach), revision=revision)
    if pair.state is not PairState.DRAFT:
        raise Refused([PairNotInState()])
    if reasons := _faults(facts, at):
        raise Refused(reasons)
    editing.change(session, pair, "pair:edit", _values(facts) | {"drafted_by": by}, by=by, at=at)
    return pair


def publish(session: Session, pair_id: UUID, *, revision: int, by: UUID, at: datetime, reach: Reach) -> ComparisonPair:
    """Show a draft to everybody. Whoever wrote any of it cannot; nothing covert may be marked."""
    pair = editing.locked(session, _pair(pair_id, reach), revision=revision)
    if pair.state is not PairState.DRAFT:
        raise PairNotInState
    writers = history.authors(session, pair.id, "pair:draft") | history.authors(session, pair.id, "pair:edit")
    if by in writers | {pair.drafted_by}:
        raise PublishedByAnother
    if not pair.differences:
        raise NothingMarked
    for number, each in enumerate(pair.differences, start=1):
        if each.get("covert"):
            raise CovertMarked(n=number)
    values = {"state": PairState.PUBLISHED, "published_at": at, "published_by": by}
    editing.change(session, pair, "pair:publish", values, by=by, at=at)
    return pair


def withdraw(session: Session, pair_id: UUID, *, reason: str, by: UUID, at: datetime, reach: Reach) -> ComparisonPair:
    """Show a pair no more, or give a draft up. It stays on record."""
    pair = session.scalars(
        _pair(pair_id, reach)
        .with_for_update(key_share=True, of=ComparisonPair)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if pair is None:
        raise NotFound
    if pair.state is PairState.WITHDRAWN:
        raise PairNotInState
    if not reason.strip():
        raise ReasonToWithdraw
    values = {"state": PairState.WITHDRAWN, "withdrawn_at": at, "withdrawn_by": by, "withdrawal_reason": reason.strip()}
    editing.change(session, pair, "pair:withdraw", values, by=by, at=at, why=reason)
    return pair


def get(session: Session, pair_id: UUID, *, reach: Reach) -> ComparisonPair:
    """One pair of a title within reach."""
    found = session.scalars(_pair(pair_id, reach)).one_or_none()
    if found is None:
        raise NotFound
    return found


def of(session: Session, product_id: UUID, *, reach: Reach) -> Sequence[ComparisonPair]:
    """All pairs of a product within reach, latest first."""
    statement = _pairs().where(ComparisonPair.product_id == product_id, reach.covers(None, Product.title_id))
    return session.scalars(statement.order_by(ComparisonPair.drafted_at.desc(), ComparisonPair.id)).all()


def published(
    session: Session, *, product_id: UUID | None = None, public: Any = None, limit: int = 100, offset: int = 0
) -> Sequence[ComparisonPair]:
    """The pairs that everybody may see, latest finding first. `public` is the condition under which a title is public."""
    wanted = [ComparisonPair.state == PairState.PUBLISHED]
    if product_id is not None:
        wanted.append(ComparisonPair.product_id == product_id)
    if public is not None:
        wanted.append(public)
    statement = _pairs().where(*wanted)
    order = (ComparisonPair.found_on.desc(), places.in_order(Product.name), ComparisonPair.id)
    return session.scalars(statement.order_by(*order).limit(limit).offset(offset)).all()


def circles(pair: ComparisonPair, side: str) -> list[tuple[int, float, float, float]]:
    """What to draw over one side of a pair, in dots of its picture: number of the difference, x, y and radius."""
    wide, high = (pair.genuine_w, pair.genuine_h) if side == "genuine" else (pair.suspect_w, pair.suspect_h)
    return [
        (number, round(each["x"] * wide / 100, 1), round(each["y"] * high / 100, 1), round(each["r"] * wide / 100, 1))
        for number, each in enumerate(pair.differences, start=1)
        if each.get("side", "both") in {"both", side} and not each.get("covert")
    ]


def _values(facts: Facts) -> dict[str, Any]:
    values = asdict(facts)
    values["differences"] = [asdict(each) for each in facts.differences]
    values["document"] = facts.document or None
    return values


def _faults(facts: Facts, at: datetime) -> list[TemThatError]:
    reasons = list[TemThatError]()
    if facts.finding is PairFinding.COUNTERFEIT and not (facts.document or "").strip():
        reasons.append(CounterfeitNeedsDocument())
    if facts.found_on > at.astimezone(CITY).date():
        reasons.append(FoundInFuture())
    for number, each in enumerate(facts.differences, start=1):
        if not (0 <= each.x <= 100 and 0 <= each.y <= 100 and 1 <= each.r <= WIDEST) or each.side not in SIDES:
            reasons.append(CircleOutside(n=number))
        if not each.vi.strip() or not each.en.strip():
            reasons.append(WordsMissing(n=number))
    return reasons


def _pairs() -> Select[ComparisonPair]:
    return (
        select(ComparisonPair)
        .join(ComparisonPair.product)
        .join(Product.title)
        .options(
            joinedload(ComparisonPair.product).joinedload(Product.title).defer(ProtectionTitle.area),
            joinedload(ComparisonPair.genuine), joinedload(ComparisonPair.suspect),
        )
    )  # fmt: skip


def _pair(pair_id: UUID, reach: Reach) -> Select[ComparisonPair]:
    return (
        select(ComparisonPair)
        .join(Product, Product.id == ComparisonPair.product_id)
        .where(ComparisonPair.id == pair_id, reach.covers(None, Product.title_id))
    )
