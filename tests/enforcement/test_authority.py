"""Who signs: the own rank, or a dated delegation; refused where it overlaps, hands nothing on, or its giver has left office."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError

from enforcement import authority, law
from enforcement.authority import Capacity
from enforcement.competence import LegalQualification, Signer
from enforcement.errors import (
    DelegatedToSelf,
    DelegationNumberTaken,
    DelegationOver,
    DelegationOverlaps,
    DelegationPeriod,
    NoCapacity,
    NotADelegator,
    NothingToDelegate,
)
from enforcement.models import Delegation, DelegationScope
from enforcement.transitions import Duty
from tests.conftest import NOW
from trace.models.parties import Role, RoleGrant

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tests import factories

TODAY = date(2026, 6, 15)
GI = LegalQualification.GI_INFRINGEMENT


@pytest.fixture(autouse=True)
def _law(session: Session) -> None:
    law.seed(session)


def delegate(session: Session, world: factories.World, **more: Any) -> Delegation:
    facts: dict[str, Any] = {
        "from_id": world.branch_head.id, "to_id": world.team_head.id, "scope": DelegationScope.PENALTIES, "decision_number": "05/QĐ-GQ",
        "starts_on": TODAY, "ends_on": TODAY + timedelta(days=10), "by": world.branch_head.id, "at": NOW, **more,
    }  # fmt: skip
    return authority.delegate(session, **facts)


def test_a_delegate_signs_as_the_head_within_the_days_and_the_powers_only(
    session: Session, world: factories.World
) -> None:
    delegate(session, world)
    team = frozenset({Duty.TEAM_HEAD})
    as_head = Capacity(Signer.BRANCH_HEAD, world.branch_head.id, world.branch_head.full_name, "05/QĐ-GQ")
    own = Capacity(Signer.TEAM_HEAD)
    for day, expected in (
        (TODAY - timedelta(days=1), own),
        (TODAY, as_head),
        (TODAY + timedelta(days=10), as_head),
        (TODAY + timedelta(days=11), own),
    ):
        assert authority.capacity(session, world.team_head.id, team, day) == expected
    assert authority.capacity(session, world.team_head.id, team, TODAY, scope=DelegationScope.MEASURES) == own
    assert authority.capacity(session, world.officer.id, {Duty.OFFICER}, TODAY) == Capacity(Signer.INSPECTOR)
    with pytest.raises(NoCapacity):
        authority.capacity(session, world.officer.id, (), TODAY)


def test_a_revoked_delegation_ends_today_and_a_second_one_may_follow(session: Session, world: factories.World) -> None:
    made = delegate(session, world)
    authority.revoke(session, made.id, why="Đã về cơ quan", by=world.branch_head.id, at=NOW + timedelta(days=2))
    team = frozenset({Duty.TEAM_HEAD})
    assert authority.capacity(session, world.team_head.id, team, TODAY + timedelta(days=1)).signer is Signer.BRANCH_HEAD
    assert authority.capacity(session, world.team_head.id, team, TODAY + timedelta(days=2)).signer is Signer.TEAM_HEAD
    with pytest.raises(DelegationOver):
        authority.revoke(session, made.id, why="Lần nữa", by=world.branch_head.id, at=NOW + timedelta(days=3))
    delegate(session, world, starts_on=TODAY + timedelta(days=2), decision_number="06/QĐ-GQ")


def test_a_giver_who_left_office_hands_on_nothing(session: Session, world: factories.World) -> None:
    delegate(session, world)
    grant = session.scalars(
        select(RoleGrant).where(RoleGrant.user_id == world.branch_head.id, RoleGrant.role == Role.BRANCH_HEAD)
    ).one()
    grant.valid_during = Range(grant.valid_during.lower, TODAY + timedelta(days=5))
    session.flush()
    team = frozenset({Duty.TEAM_HEAD})
    assert authority.capacity(session, world.team_head.id, team, TODAY + timedelta(days=4)).signer is Signer.BRANCH_HEAD
    assert authority.capacity(session, world.team_head.id, team, TODAY + timedelta(days=5)).signer is Signer.TEAM_HEAD


def test_overlaps_self_upwards_and_a_number_taken_are_refused(session: Session, world: factories.World) -> None:
    delegate(session, world)
    refusals: list[tuple[type[Exception], dict[str, Any]]] = [
        (DelegatedToSelf, {"to_id": world.branch_head.id}),
        (
            DelegationOverlaps,
            {
                "decision_number": "06/QĐ-GQ",
                "starts_on": TODAY + timedelta(days=10),
                "ends_on": TODAY + timedelta(days=20),
            },
        ),
        (DelegationOverlaps, {"decision_number": "06/QĐ-GQ", "scope": DelegationScope.BOTH}),
        (DelegationNumberTaken, {"starts_on": TODAY + timedelta(days=30), "ends_on": TODAY + timedelta(days=40)}),
        (DelegationPeriod, {"ends_on": TODAY - timedelta(days=1)}),
        (NotADelegator, {"from_id": world.officer.id}),
        (NothingToDelegate, {"from_id": world.team_head.id, "to_id": world.branch_head.id}),
    ]
    for refusal, facts in refusals:
        with pytest.raises(refusal):
            delegate(session, world, **facts)
    # Other powers on the same days, and the next day, are no overlap.
    delegate(session, world, decision_number="07/QĐ-GQ", scope=DelegationScope.MEASURES)
    delegate(
        session,
        world,
        decision_number="08/QĐ-GQ",
        starts_on=TODAY + timedelta(days=11),
        ends_on=TODAY + timedelta(days=12),
    )


def test_the_database_keeps_overlaps_out_by_itself(session: Session, world: factories.World) -> None:
    made = delegate(session, world)
    with pytest.raises(IntegrityError, match="ex_delegation_once"), session.begin_nested():
        session.execute(
            text(
                "INSERT INTO enforcement.delegation (from_id, to_id, signer, scope, decision_number, starts_on, ends_on, entered_at, entered_by) "
                "SELECT from_id, to_id, signer, 'both', 'X', starts_on, ends_on, entered_at, entered_by FROM enforcement.delegation WHERE id = :id"
            ),
            {"id": made.id},
        )
