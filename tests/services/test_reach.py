"""Whose rows somebody sees: the condition on a query and the question about a record in hand agree."""

from __future__ import annotations

from datetime import date
from itertools import product
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range

from trace.models.certificates import UseCertificate
from trace.models.titles import TitleRole, TitleRoleKind
from trace.services.reach import Reach, titles_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tests import factories

DAY = date(2026, 6, 15)
STRANGER = UUID(int=7)


def seen(session: Session, reach: Reach) -> set[str]:
    columns = UseCertificate.holder_id, UseCertificate.title_id
    return set(session.scalars(select(UseCertificate.number).where(reach.covers(*columns))))


def test_nobody_by_default(session: Session, world: factories.World) -> None:
    assert seen(session, Reach()) == set()
    assert not Reach().includes(holder_id=world.cooperative.id, title_id=world.title.id)
    assert not Reach().includes()


def test_a_holder_sees_the_own_rows_a_managing_body_those_of_its_title_the_city_all(
    session: Session, world: factories.World
) -> None:
    own = Reach(holders=frozenset({world.cooperative.id}))
    assert seen(session, own) == {world.certificate.number}
    managing = Reach(titles=frozenset({world.title.id}))
    both = {world.certificate.number, world.other_certificate.number}
    assert seen(session, managing) == both
    assert seen(session, Reach(everything=True)) == both
    assert seen(session, Reach(holders=frozenset({STRANGER}), titles=frozenset({STRANGER}))) == set()


def test_the_query_and_the_record_in_hand_agree(session: Session, world: factories.World) -> None:
    holders = (frozenset[UUID](), frozenset({world.cooperative.id}), frozenset({STRANGER}))
    titles = (frozenset[UUID](), frozenset({world.title.id}), frozenset({STRANGER}))
    for held, managed, everything in product(holders, titles, (False, True)):
        reach = Reach(held, managed, everything)
        for row in (world.certificate, world.other_certificate):
            assert (row.number in seen(session, reach)) is reach.includes(
                holder_id=row.holder_id, title_id=row.title_id
            )


def test_rows_without_an_owner_are_nobodys(session: Session, world: factories.World) -> None:
    reach = Reach(holders=frozenset({world.cooperative.id}), titles=frozenset({world.title.id}))
    assert not reach.includes(holder_id=None, title_id=None)
    by_title = select(UseCertificate.number).where(Reach(holders=reach.holders).covers(None, UseCertificate.title_id))
    assert session.scalars(by_title).all() == []


@pytest.mark.parametrize(
    ("kind", "period", "counts"),
    [
        (TitleRoleKind.MANAGING_BODY, Range(date(2015, 1, 1), date(2020, 1, 1)), False),
        (TitleRoleKind.CONTROL_BODY, Range(date(2020, 1, 1), date(2026, 6, 16)), True),
        (TitleRoleKind.OWNER, Range(DAY, None), True),
        (TitleRoleKind.OWNER, Range(date(2020, 1, 1), DAY), False),
        (TitleRoleKind.OWNER, Range(date(2026, 6, 16), None), False),
        (TitleRoleKind.REGISTRANT, Range(date(2020, 1, 1), None), False),
    ],
)
def test_a_part_in_a_title_counts_on_its_days(
    session: Session, world: factories.World, kind: TitleRoleKind, period: Range[date], counts: bool
) -> None:
    session.add(
        TitleRole(
            title_id=world.title.id, party_id=world.authority.id, role=kind, valid_during=period, deciding_document="x"
        )
    )
    session.flush()
    assert (world.title.id in titles_of(session, frozenset({world.authority.id}), on=DAY)) is counts
    assert titles_of(session, frozenset(), on=DAY) == frozenset()
