"""Who may sign what: the boundaries of each power, to the đồng."""

from __future__ import annotations

from datetime import date

import pytest

from enforcement.competence import (
    Field,
    LegalQualification,
    Signer,
    ceiling,
    check,
    competent,
    confiscation_cap,
    signer_for,
)
from enforcement.errors import (
    AboveFieldMaximum,
    BeyondCompetence,
    HandToBranchHead,
    HandToCityChair,
    HandToTeamHead,
    NoRuleInForce,
)
from enforcement.transitions import Duty

TODAY = date(2026, 11, 22)
MILLION = 1_000_000


@pytest.mark.parametrize(
    ("role", "individual", "organisation"),
    [
        (Signer.INSPECTOR, 25, 50),
        (Signer.TEAM_HEAD, 75, 150),
        (Signer.BRANCH_HEAD, 125, 250),
        (Signer.COMMUNE_CHAIR, 125, 250),
        (Signer.CITY_CHAIR, 250, 500),
        (Signer.DEPARTMENT_DIRECTOR, 250, 500),
    ],
)
def test_ceilings_in_intellectual_property(role: Signer, individual: int, organisation: int) -> None:
    assert ceiling(role, organisation=False, on=TODAY) == individual * MILLION
    assert ceiling(role, organisation=True, on=TODAY) == organisation * MILLION


@pytest.mark.parametrize(
    ("role", "top", "organisation", "hand_over"),
    [
        (Signer.INSPECTOR, 25, False, HandToTeamHead),
        (Signer.INSPECTOR, 50, True, HandToTeamHead),
        (Signer.TEAM_HEAD, 75, False, HandToBranchHead),
        (Signer.TEAM_HEAD, 150, True, HandToBranchHead),
        (Signer.BRANCH_HEAD, 125, False, HandToCityChair),
        (Signer.BRANCH_HEAD, 250, True, HandToCityChair),
        (Signer.COMMUNE_CHAIR, 125, False, HandToCityChair),
    ],
)
def test_one_dong_above_the_ceiling_the_refusal_names_who_is_competent(
    role: Signer, top: int, organisation: bool, hand_over: type[BeyondCompetence]
) -> None:
    check(role, top * MILLION, organisation=organisation, on=TODAY)
    with pytest.raises(hand_over) as refused:
        check(role, top * MILLION + 1, organisation=organisation, on=TODAY)
    assert hand_over.message_id() != BeyondCompetence.message_id()
    assert hand_over.way_out_id()
    assert refused.value.facts["fine"] == top * MILLION + 1


def test_a_large_fine_skips_the_ranks_between() -> None:
    with pytest.raises(HandToCityChair):
        check(Signer.INSPECTOR, 200 * MILLION, organisation=False, on=TODAY)
    assert competent(100 * MILLION, organisation=False, on=TODAY) is Signer.BRANCH_HEAD
    assert competent(100 * MILLION, organisation=True, on=TODAY) is Signer.TEAM_HEAD
    assert competent(0, organisation=False, on=TODAY) is Signer.INSPECTOR


def test_nobody_may_go_above_the_maximum_of_the_field() -> None:
    check(Signer.CITY_CHAIR, 250 * MILLION, organisation=False, on=TODAY)
    for role in Signer:
        with pytest.raises(AboveFieldMaximum):
            check(role, 250 * MILLION + 1, organisation=False, on=TODAY)
    check(Signer.CITY_CHAIR, 500 * MILLION, organisation=True, on=TODAY)


@pytest.mark.parametrize(("role", "cap"), [(Signer.INSPECTOR, 50), (Signer.TEAM_HEAD, 150)])
def test_goods_worth_more_than_twice_the_power_need_a_higher_signer(role: Signer, cap: int) -> None:
    assert confiscation_cap(role, on=TODAY) == cap * MILLION
    check(role, MILLION, organisation=False, on=TODAY, confiscation=cap * MILLION)
    with pytest.raises(BeyondCompetence):
        check(role, MILLION, organisation=False, on=TODAY, confiscation=cap * MILLION + 1)
    # The cap is not doubled with the fine of an organisation.
    with pytest.raises(BeyondCompetence):
        check(role, MILLION, organisation=True, on=TODAY, confiscation=cap * MILLION + 1)


def test_the_branch_head_confiscates_without_a_cap() -> None:
    assert confiscation_cap(Signer.BRANCH_HEAD, on=TODAY) is None
    check(Signer.BRANCH_HEAD, 0, organisation=False, on=TODAY, confiscation=10**12)
    with pytest.raises(HandToBranchHead):
        check(Signer.INSPECTOR, 0, organisation=False, on=TODAY, confiscation=10**12)


def test_no_power_is_assumed_before_its_law_or_for_a_field_without_a_maximum() -> None:
    with pytest.raises(NoRuleInForce):
        ceiling(Signer.TEAM_HEAD, organisation=False, on=date(2025, 6, 30))
    with pytest.raises(NoRuleInForce):
        check(Signer.CITY_CHAIR, 1, organisation=False, on=TODAY, field=Field.TRADE_AND_FAKE_GOODS)


def test_negative_amounts_are_a_fault_of_the_caller() -> None:
    with pytest.raises(ValueError, match="negative"):
        check(Signer.CITY_CHAIR, -1, organisation=False, on=TODAY)
    with pytest.raises(ValueError, match="negative"):
        check(Signer.CITY_CHAIR, 1, organisation=False, on=TODAY, confiscation=-1)


def test_a_person_signs_in_their_highest_duty() -> None:
    assert signer_for({Duty.OFFICER}) is Signer.INSPECTOR
    assert signer_for({Duty.OFFICER, Duty.TEAM_HEAD}) is Signer.TEAM_HEAD
    assert signer_for(set(Duty)) is Signer.BRANCH_HEAD
    assert signer_for(set()) is None


def test_false_origin_is_another_field_than_infringement() -> None:
    apart = {q for q in LegalQualification if q.field is not Field.INTELLECTUAL_PROPERTY}
    assert apart == {LegalQualification.FALSE_ORIGIN}
