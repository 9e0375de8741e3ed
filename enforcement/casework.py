"""All that a case is about in one reading: parties, acts, goods, exhibits, measures, papers, orders, hand-overs. For pages, forms and reports.

What must not live here: changing anything (`acts`, `goods`, `exhibits`, `measures`, `orders`, `police`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from enforcement import membership
from enforcement.models import (
    CaseAct,
    CasePaper,
    CaseParty,
    CasePartyRole,
    Exhibit,
    ExhibitEvent,
    Explanation,
    GoodsLine,
    Handover,
    Measure,
    MeasureKind,
    Obligation,
    ObligationKind,
    Ruling,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from sqlalchemy.orm import Session

AnyEntry = CaseParty | CaseAct | GoodsLine | Exhibit | Obligation


@dataclass(frozen=True)
class CaseworkView:
    """What stands in a case: suspects first, fines before remedies, otherwise oldest first. Struck entries are kept apart, for the history only."""

    parties: tuple[CaseParty, ...]
    acts: tuple[CaseAct, ...]
    goods: tuple[GoodsLine, ...]
    exhibits: tuple[Exhibit, ...]
    measures: tuple[Measure, ...]
    papers: tuple[CasePaper, ...]
    obligations: tuple[Obligation, ...]
    handovers: tuple[Handover, ...]
    struck: tuple[AnyEntry, ...]
    rulings: tuple[Ruling, ...] = ()
    explanations: tuple[Explanation, ...] = ()

    @property
    def suspected(self) -> tuple[CaseParty, ...]:
        """Who is suspected."""
        return tuple(party for party in self.parties if party.role is CasePartyRole.SUSPECTED)

    @property
    def goods_value(self) -> int:
        """What all goods are worth together, in đồng."""
        return sum(line.value for line in self.goods)

    def of_kind(self, kind: MeasureKind) -> tuple[Measure, ...]:
        """The measures of one kind, running or ended."""
        return tuple(measure for measure in self.measures if measure.kind is kind)

    @property
    def running(self) -> tuple[Measure, ...]:
        """The measures that run."""
        return tuple(measure for measure in self.measures if measure.ended_at is None)


def of_case(session: Session, case_id: UUID) -> CaseworkView:
    """Everything recorded in a case and in those merged into it; each row keeps its own case."""
    ids = membership.member_ids(case_id)
    parties = session.scalars(
        select(CaseParty)
        .where(CaseParty.case_id.in_(ids))
        .order_by(CaseParty.written)
        .options(joinedload(CaseParty.commune), joinedload(CaseParty.represents), joinedload(CaseParty.party))
    ).all()
    acts = session.scalars(
        select(CaseAct)
        .where(CaseAct.case_id.in_(ids))
        .order_by(CaseAct.began_on, CaseAct.written)
        .options(joinedload(CaseAct.offender), joinedload(CaseAct.commune))
    ).all()
    goods = session.scalars(
        select(GoodsLine)
        .where(GoodsLine.case_id.in_(ids))
        .order_by(GoodsLine.written)
        .options(joinedload(GoodsLine.act))
    ).all()
    exhibits = session.scalars(
        select(Exhibit)
        .where(Exhibit.case_id.in_(ids))
        .order_by(Exhibit.written)
        .options(selectinload(Exhibit.events).joinedload(ExhibitEvent.author), joinedload(Exhibit.goods))
    ).all()
    measures = session.scalars(
        select(Measure)
        .where(Measure.case_id.in_(ids))
        .order_by(Measure.began_at, Measure.id)
        .options(joinedload(Measure.paper), joinedload(Measure.deadline))
    ).all()
    papers = session.scalars(
        select(CasePaper).where(CasePaper.case_id.in_(ids)).order_by(CasePaper.signed_on, CasePaper.added_at)
    ).all()
    obligations = session.scalars(
        select(Obligation).where(Obligation.case_id.in_(ids)).order_by(Obligation.written)
    ).all()
    handovers = session.scalars(
        select(Handover)
        .where(Handover.case_id.in_(ids))
        .order_by(Handover.listed_at)
        .options(joinedload(Handover.paper))
    ).all()
    rulings = session.scalars(
        select(Ruling)
        .where(Ruling.case_id.in_(ids))
        .order_by(Ruling.added_at, Ruling.id)
        .options(joinedload(Ruling.paper), joinedload(Ruling.party), selectinload(Ruling.lines))
    ).all()
    explanations = session.scalars(
        select(Explanation).where(Explanation.case_id.in_(ids)).options(joinedload(Explanation.party))
    ).all()
    entries: tuple[AnyEntry, ...] = (*parties, *acts, *goods, *exhibits, *obligations)
    return CaseworkView(
        tuple(sorted(_standing(parties), key=lambda party: _ROLES.index(party.role))),
        _standing(acts),
        _standing(goods),
        _standing(exhibits),
        tuple(measures),
        tuple(papers),
        tuple(sorted(_standing(obligations), key=lambda order: _ORDERS.index(order.kind))),
        tuple(handovers),
        tuple(entry for entry in entries if entry.struck_at is not None),
        tuple(rulings),
        tuple(explanations),
    )


_ROLES, _ORDERS = list(CasePartyRole), list(ObligationKind)
_Entry = TypeVar("_Entry", CaseParty, CaseAct, GoodsLine, Exhibit, Obligation)


def _standing(entries: Iterable[_Entry]) -> tuple[_Entry, ...]:
    return tuple(entry for entry in entries if entry.struck_at is None)
