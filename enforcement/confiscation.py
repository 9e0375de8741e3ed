"""Confiscation: a decision orders it, its signer is competent for what the goods are worth, and nothing is taken for good without one.

The penalties law names confiscation among the penalties (Art. 21, 26) and lets it stand without a fine (Art. 65); the powers to confiscate
are capped by the value of the goods. What must not live here: what happens to single exhibits (`exhibits`), and carrying out orders (`orders`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from enforcement import authority, competence, law, membership
from enforcement.acts import standing
from enforcement.errors import MissingDemand
from enforcement.law_seed import Field
from enforcement.models import (
    CaseAct,
    CasePaper,
    Exhibit,
    ExhibitDeed,
    ExhibitEvent,
    GoodsLine,
    Obligation,
    ObligationKind,
    ObligationState,
    Ruling,
)
from enforcement.transitions import Demand, Move
from trace.clock import CITY
from trace.errors import Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.competence import Figures
    from enforcement.models import CaseFile
    from enforcement.transitions import Duty
    from trace.errors import TemThatError

K = ObligationKind
FINAL = frozenset({ExhibitDeed.CONFISCATED, ExhibitDeed.DESTROYED})
"""Deeds that nobody can take back, so that a decision has to stand behind them."""
_AMONG_REMEDIES = re.compile(r"\s*[-–•*\d.)]*\s*(buộc\s+)?tịch\s+thu\b", re.IGNORECASE)


class NotOrdered(Conflict):
    """No decision orders that exhibit no. %(seq)s, %(description)s, is confiscated.

    Make the decision first, or enter what it orders. Without one, return the exhibit.
    """


class BeforeItsDecision(Invalid):
    """Exhibit no. %(seq)s would be taken before the decision of %(day)s that orders it.

    Check the day.
    """


class NotValued(Conflict):
    """Nobody knows what exhibit no. %(seq)s is worth, and whoever signed the decision may confiscate goods up to %(cap)s đồng only.

    Open the exhibit and say to which valued goods it belongs.
    """


class BeyondTheSigner(Conflict):
    """The goods confiscated under this order would be worth %(value)s đồng; whoever signed the decision may confiscate up to %(cap)s đồng.

    Transfer the file to a person who is competent, or return what the decision cannot cover.
    """


class ConfiscationApart(Invalid):
    """Confiscation is ordered with the value of the goods, not as one of the remedies: the value decides who may sign.

    Write the value into its own field, and take the line out of the remedies.
    """


class ValueMissing(Invalid):
    """An order to confiscate says what the goods are worth.

    Write the value in đồng.
    """


class GoodsWereTaken(Conflict):
    """Goods were confiscated by this order, so it can neither be struck nor lapse.

    Settle it by the minutes of the confiscation.
    """


def decide(
    session: Session, case: CaseFile, filled: Mapping[str, Any], *, by: UUID, duties: Collection[Duty], at: datetime
) -> int:
    """What a decision without a fine confiscates, in đồng: something is confiscated or remedied, and the signer is competent for the value."""
    value = int(filled.get(Demand.CONFISCATION) or 0)
    if not value and not filled.get(Demand.REMEDIES):
        raise MissingDemand(move=Move.ORDER_REMEDY, missing=(Demand.REMEDIES,))
    if value:
        on = filled.get(Demand.SIGNED_ON) or at.astimezone(CITY).date()
        own = authority.own_duties(session, by, duties, on, at=at)
        signer, figures = authority.capacity(session, by, own, on).signer, law.load(session).figures
        for field in _fields(session, case):
            competence.check(signer, 0, organisation=False, on=on, confiscation=value, field=field, figures=figures)
    return value


def refuse_among_remedies(filled: Mapping[str, Any]) -> None:
    """Written among the remedies a confiscation would escape the cap on what its signer may confiscate."""
    refuse_as_remedy([filled.get(Demand.REMEDIES), *(each.remedies for each in filled.get(Demand.FINES) or ())])


def refuse_as_remedy(texts: Iterable[str | None]) -> None:
    """The same for remedies that are entered later."""
    if any(_AMONG_REMEDIES.match(line) for text in texts for line in (text or "").splitlines()):
        raise ConfiscationApart


def beyond(
    session: Session, case: CaseFile, paper: CasePaper, ruling: Ruling | None, value: int | None
) -> list[TemThatError]:
    """What is wrong with one more order to confiscate by a decision that stands: no value, or more than its signer may confiscate.

    The cap holds for each offender on whom it was decided (`ruling`); for the whole decision where an order of it names nobody.
    """
    if value is None:
        return [ValueMissing()]
    cap = _cap(paper, law.load(session).figures, _fields(session, case))
    orders = [each for each in _orders(session, case, {K.CONFISCATION}) if each.paper_id == paper.id]
    if ruling is not None and all(each.ruling_id is not None for each in orders):
        orders = [each for each in orders if each.ruling_id == ruling.id]
    before = sum(each.value or 0 for each in orders)
    return [] if cap is None or before + value <= cap else [BeyondTheSigner(value=before + value, cap=cap)]


def faults(
    session: Session, case: CaseFile, things: Sequence[Exhibit], deed: ExhibitDeed, *, on: date
) -> list[TemThatError]:
    """Why these exhibits cannot be confiscated or destroyed on a day: nothing orders it, or its signer is not competent for so much."""
    if deed not in FINAL:
        return []
    kinds = {K.CONFISCATION} if deed is ExhibitDeed.CONFISCATED else {K.CONFISCATION, K.DESTRUCTION}
    book = _book(session, case, kinds)
    found: list[TemThatError] = []
    capped: list[Exhibit] = []
    for thing in things:
        mine = [book.papers[each.paper_id] for each in book.orders if book.is_for(each, thing)]
        if not mine:
            found.append(NotOrdered(seq=str(thing.seq), description=thing.description[:80]))
            continue
        if on < (first := min(paper.signed_on for paper in mine)):
            found.append(BeforeItsDecision(seq=str(thing.seq), day=first))
            continue
        caps = [book.caps[paper.id] for paper in mine if paper.signed_on <= on]
        known = [cap for cap in caps if cap is not None]
        if deed is ExhibitDeed.CONFISCATED and len(known) == len(caps):
            capped.append(thing)
            if thing.goods_id is None:
                found.append(NotValued(seq=str(thing.seq), cap=max(known)))
    return found + _beyond_caps(session, case, book, capped, on=on) if capped else found


def _beyond_caps(
    session: Session, case: CaseFile, book: _Book, things: Sequence[Exhibit], *, on: date
) -> list[TemThatError]:
    """Under which orders more would be taken than their signer may confiscate, with what was taken under the same orders before.

    What several orders would allow to take counts where it adds least, then where most room is left: each thing once, and nothing twice.
    """
    days = dict(_taken(session, case)) | dict.fromkeys(things, on)
    shares = {thing: _shares(book, thing, on=day) for thing, day in days.items()}
    caps = {key: cap for found in shares.values() for key, cap in found.items()}
    held: dict[UUID, list[Exhibit]] = {key: [] for key in caps}

    def room(key: UUID) -> float:
        cap = caps[key]
        return float("inf") if cap is None else cap - worth(session, held[key])

    def added(key: UUID, thing: Exhibit) -> int:
        return worth(session, [*held[key], thing]) - worth(session, held[key])

    for thing in sorted(days, key=lambda each: (len(shares[each]) > 1, each in things, -worth(session, [each]))):
        if shares[thing]:
            held[min(shares[thing], key=lambda key: (added(key, thing), -room(key)))].append(thing)
    return [
        BeyondTheSigner(value=worth(session, held[key]), cap=cap)
        for key, cap in caps.items()
        if cap is not None and room(key) < 0 and any(each in things for each in held[key])
    ]


def _shares(book: _Book, thing: Exhibit, *, on: date) -> dict[UUID, int | None]:
    """Under what an exhibit can be taken on a day, each with its cap: the rulings on single offenders, or a paper that names nobody."""
    whole = {each.paper_id for each in book.orders if each.ruling_id is None}
    found: dict[UUID, int | None] = {}
    for each in book.orders:
        if book.papers[each.paper_id].signed_on <= on and book.is_for(each, thing):
            key = each.paper_id if each.ruling_id is None or each.paper_id in whole else each.ruling_id
            found[key] = book.caps[each.paper_id]
    return found


def refuse_to_end(session: Session, case: CaseFile, line: Obligation) -> None:
    """An order by which goods were taken stays while no other orders it."""
    if line.kind is not K.CONFISCATION:
        return
    book = _book(session, case, {K.CONFISCATION})
    left = [each for each in book.orders if each.id != line.id]
    if any(
        book.is_for(line, thing) and not any(book.is_for(each, thing) for each in left)
        for thing, _day in _taken(session, case)
    ):
        raise GoodsWereTaken


def worth(session: Session, things: Iterable[Exhibit]) -> int:
    """What exhibits are worth by their valued goods: by the piece where both are counted alike, otherwise all of the goods."""
    of_line: dict[UUID, list[Exhibit]] = {}
    for thing in {each.id: each for each in things}.values():
        if thing.goods_id is not None:
            of_line.setdefault(thing.goods_id, []).append(thing)
    total = 0
    for goods_id, belonging in of_line.items():
        line = session.get_one(GoodsLine, goods_id)
        alike = all(each.unit.strip().casefold() == line.unit.strip().casefold() for each in belonging)
        total += round(sum(each.quantity for each in belonging) * line.unit_value) if alike else line.value
    return total


def _orders(session: Session, case: CaseFile, kinds: Collection[ObligationKind]) -> Sequence[Obligation]:
    return session.scalars(
        select(Obligation).where(
            Obligation.case_id.in_(membership.members(session, case.id)), Obligation.kind.in_(kinds), Obligation.struck_at.is_(None),
            Obligation.state != ObligationState.LAPSED,
        )
    ).all()  # fmt: skip


@dataclass(frozen=True)
class _Book:
    """What a case orders to be taken, read once: by paper its signer's cap, by ruling whom it is on, by goods whose act they belong to."""

    orders: Sequence[Obligation]
    papers: Mapping[UUID, CasePaper]
    caps: Mapping[UUID, int | None]
    persons: Mapping[UUID, UUID]
    owners: Mapping[UUID, UUID | None]

    def is_for(self, order: Obligation, thing: Exhibit) -> bool:
        """Whether an order is about an exhibit: of several offenders each loses the goods of the own acts, and what belongs to nobody's alone."""
        whose = self.owners.get(thing.goods_id) if thing.goods_id else None
        return order.ruling_id is None or whose is None or whose == self.persons[order.ruling_id]


def _book(session: Session, case: CaseFile, kinds: Collection[ObligationKind]) -> _Book:
    orders = _orders(session, case, kinds)
    papers = session.scalars(select(CasePaper).where(CasePaper.id.in_({each.paper_id for each in orders}))).all()
    persons = select(Ruling.id, Ruling.party_id).where(Ruling.id.in_({each.ruling_id for each in orders}))
    owners = (
        select(GoodsLine.id, CaseAct.offender_id)
        .outerjoin(CaseAct, CaseAct.id == GoodsLine.act_id)
        .where(GoodsLine.case_id.in_(membership.member_ids(case.id)))
    )
    figures, fields = law.load(session).figures, _fields(session, case)
    return _Book(
        orders, {paper.id: paper for paper in papers}, {paper.id: _cap(paper, figures, fields) for paper in papers},
        {row.id: row.party_id for row in session.execute(persons)}, {row.id: row.offender_id for row in session.execute(owners)},
    )  # fmt: skip


def _taken(session: Session, case: CaseFile) -> list[tuple[Exhibit, date]]:
    """What was confiscated in a case and those merged into it, with the day: the last one, of what went away and was taken again."""
    deeds = session.execute(
        select(Exhibit, func.max(ExhibitEvent.at))
        .join(ExhibitEvent, ExhibitEvent.exhibit_id == Exhibit.id)
        .where(
            Exhibit.case_id.in_(membership.members(session, case.id)), Exhibit.struck_at.is_(None),
            ExhibitEvent.deed == ExhibitDeed.CONFISCATED,
        )
        .group_by(Exhibit.id)
    ).all()  # fmt: skip
    return [(thing, at.astimezone(CITY).date()) for thing, at in deeds]


def _cap(paper: CasePaper, figures: Figures, fields: Sequence[Field]) -> int | None:
    """What the signer of a decision may confiscate; None without a cap, and for somebody elsewhere: whether it was theirs is not judged here."""
    if paper.capacity is None:
        return None
    caps = [
        competence.confiscation_cap(paper.capacity, on=paper.signed_on, field=field, figures=figures)
        for field in fields
    ]
    return min((cap for cap in caps if cap is not None), default=None)


def _fields(session: Session, case: CaseFile) -> list[Field]:
    found = {act.qualification.field for act in standing(session, case)}
    return sorted(found) or [Field.INTELLECTUAL_PROPERTY]
