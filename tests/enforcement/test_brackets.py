"""Brackets of fines to the đồng: the tiers of goods, doubled for organisations, and what is not known is not guessed."""

from __future__ import annotations

from datetime import date

import pytest

from enforcement.bracket_seed import BRACKETS
from enforcement.brackets import Bracket, bracket, within
from enforcement.competence import LegalQualification as Q
from enforcement.errors import FineOutsideBracket
from enforcement.law_seed import FIELD_MAXIMA

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("value", "low", "top"),
    [
        (0, 500_000, 2_000_000),
        (3_000_000, 500_000, 2_000_000),
        (3_000_001, 2_000_000, 4_000_000),
        (20_000_000, 8_000_000, 15_000_000),
        (20_000_001, 15_000_000, 25_000_000),
        (500_000_000, 150_000_000, 200_000_000),
        (500_000_001, 200_000_000, 250_000_000),
        (9_000_000_000, 200_000_000, 250_000_000),
        (None, 10_000_000, 30_000_000),
    ],
)
def test_the_tier_is_that_of_the_goods(value: int | None, low: int, top: int) -> None:
    found = bracket(Q.GI_INFRINGEMENT, value, organisation=False, on=TODAY)
    assert found is not None
    assert (found.low, found.top) == (low, top)
    doubled = bracket(Q.GI_INFRINGEMENT, value, organisation=True, on=TODAY)
    assert doubled is not None
    assert (doubled.low, doubled.top) == (low * 2, top * 2)


def test_whoever_makes_the_goods_pays_a_fifth_more_but_never_above_the_top_of_the_field() -> None:
    made = bracket(Q.MARK_INFRINGEMENT, 15_000_000, organisation=False, on=TODAY, making=True)
    top = bracket(Q.MARK_INFRINGEMENT, 600_000_000, organisation=False, on=TODAY, making=True)
    assert made is not None
    assert top is not None
    assert (made.low, made.top) == (9_600_000, 18_000_000)
    assert (top.low, top.top) == (240_000_000, 250_000_000)


@pytest.mark.parametrize("act", [Q.UNDETERMINED, Q.COUNTERFEIT_GOODS, Q.COUNTERFEIT_LABELS, Q.FALSE_ORIGIN])
def test_what_was_not_found_has_no_bracket(act: Q) -> None:
    assert bracket(act, 10_000_000, organisation=False, on=TODAY) is None


def test_a_bracket_holds_only_on_its_days() -> None:
    assert bracket(Q.GI_INFRINGEMENT, 1, organisation=False, on=date(2021, 12, 31)) is None


def test_only_the_tier_that_was_read_is_without_a_flag() -> None:
    sure = [row for row in BRACKETS if not row.needs_verification]
    assert {(row.above, row.upto, row.low, row.top, row.making) for row in sure} == {
        (0, 3_000_000, 500_000, 2_000_000, False)
    }
    assert all(row.basis and row.version for row in BRACKETS)
    assert max(row.top for row in BRACKETS) == FIELD_MAXIMA[0].amount


def test_a_fine_outside_is_refused_with_both_ends() -> None:
    found = Bracket(500_000, 2_000_000, "–", "–")
    within(500_000, found)
    within(2_000_000, found)
    for fine in (499_999, 2_000_001):
        with pytest.raises(FineOutsideBracket) as refused:
            within(fine, found)
        assert refused.value.facts == {"low": "500.000", "top": "2.000.000"}
