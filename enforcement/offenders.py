"""Who is held to have done what in a case, and on whom it is decided: offenders, their acts, and the rulings on them.

Only reading. What must not live here: making a decision (`deciding`, `rulings`), and entering persons and acts (`acts`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from enforcement import membership
from enforcement.models import CaseParty, CasePartyRole, FineLine, Ruling

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.models import CaseAct, CaseFile


def of_case(session: Session, case: CaseFile) -> Sequence[CaseParty]:
    """The offenders of a case and of those merged into it, first one first."""
    return session.scalars(
        select(CaseParty)
        .where(
            CaseParty.case_id.in_(membership.member_ids(case.id)), CaseParty.role == CasePartyRole.SUSPECTED, CaseParty.struck_at.is_(None)
        )
        .order_by(CaseParty.written)
    ).all()  # fmt: skip


def undecided(session: Session, case: CaseFile) -> Sequence[CaseParty]:
    """The offenders on whom nothing is decided yet."""
    there = of_case(session, case)
    decided = set(session.scalars(select(Ruling.party_id).where(Ruling.party_id.in_([each.id for each in there]))))
    return [each for each in there if each.id not in decided]


def rulings(session: Session, case: CaseFile) -> Sequence[Ruling]:
    """What was decided on each offender of a case and of those merged into it, by decision."""
    return session.scalars(
        select(Ruling)
        .join(CaseParty, CaseParty.id == Ruling.party_id)
        .where(Ruling.case_id.in_(membership.member_ids(case.id)))
        .order_by(Ruling.added_at, CaseParty.written)
        .options(
            joinedload(Ruling.paper), joinedload(Ruling.party), selectinload(Ruling.lines).joinedload(FineLine.act)
        )
    ).all()


def ruling_of(session: Session, party_id: UUID) -> Ruling | None:
    """What was decided on one offender."""
    return session.scalars(
        select(Ruling).where(Ruling.party_id == party_id).options(joinedload(Ruling.paper))
    ).one_or_none()


def acts_of(party: CaseParty, acts: Iterable[CaseAct]) -> list[CaseAct]:
    """What an offender is held to have done. An act that names nobody was done by all of them together."""
    return [act for act in acts if act.offender_id in {None, party.id}]
