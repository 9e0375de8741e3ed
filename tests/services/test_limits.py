"""A network that guesses is slowed down, all processes of a machine count together, and a clock set back locks nobody out."""

from __future__ import annotations

import multiprocessing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from trace.services.limits import OF_ALL, OF_ONE, Limited, Limits, Rate

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
TEN_A_MINUTE = Rate(10, 6.0)


def take(limits: Limits, key: bytes = b"network", *, at: datetime = NOW, rate: Rate | None = TEN_A_MINUTE) -> int:
    return limits.take(Limited.UNKNOWN_CODE, key, at=at, rate=rate)


def test_so_many_at_once_and_then_one_by_one() -> None:
    limits = Limits()
    assert [take(limits) for _ in range(10)] == [0] * 10
    assert take(limits) == 6
    assert take(limits, at=NOW + timedelta(seconds=5)) == 1
    assert take(limits, at=NOW + timedelta(seconds=6)) == 0
    assert take(limits, at=NOW + timedelta(seconds=6)) == 6
    assert [take(limits, at=NOW + timedelta(hours=1)) for _ in range(11)] == [0] * 10 + [6]


def test_a_try_that_was_refused_costs_nothing() -> None:
    limits = Limits()
    for _ in range(10):
        take(limits)
    for _ in range(1000):
        take(limits)
    assert take(limits, at=NOW + timedelta(seconds=6)) == 0


def test_what_was_refused_is_counted_once() -> None:
    limits = Limits()
    for _ in range(13):
        take(limits)
    assert limits.drain()[Limited.UNKNOWN_CODE] == 3
    assert set(limits.drain().values()) == {0}


def test_looking_whether_one_must_wait_counts_nothing() -> None:
    limits = Limits()
    assert [limits.wait(Limited.UNKNOWN_CODE, b"network", at=NOW, rate=TEN_A_MINUTE) for _ in range(50)] == [0] * 50
    assert [take(limits) for _ in range(11)] == [0] * 10 + [6]
    assert limits.wait(Limited.UNKNOWN_CODE, b"network", at=NOW, rate=TEN_A_MINUTE) == 6


def test_networks_and_purposes_do_not_hinder_each_other() -> None:
    limits = Limits()
    for _ in range(11):
        take(limits)
    assert take(limits, b"another") == 0
    assert limits.take(Limited.HIDDEN_CODE, b"network", at=NOW, rate=TEN_A_MINUTE) == 0


@pytest.mark.parametrize("limited", list(Limited))
def test_everything_has_a_limit_for_one_and_a_larger_one_for_all(limited: Limited) -> None:
    assert OF_ONE[limited].burst < OF_ALL[limited].burst
    assert OF_ONE[limited].every_s > OF_ALL[limited].every_s


def test_many_networks_together_are_limited_too() -> None:
    limits = Limits()
    most = OF_ALL[Limited.UNKNOWN_CODE].burst
    let_through = sum(take(limits, number.to_bytes(4, "big"), rate=None) == 0 for number in range(most + 500))
    assert most <= let_through <= most + 2


def test_a_clock_that_was_set_back_locks_nobody_out_for_longer_than_the_window() -> None:
    limits = Limits()
    for _ in range(10):
        take(limits, at=NOW + timedelta(days=30))
    assert take(limits) <= 6


def test_the_whole_of_a_crowd_is_hardly_ever_harmed_by_others() -> None:
    limits = Limits()
    busy = [b"busy" + number.to_bytes(4, "big") for number in range(2000)]
    for key in busy:
        limits.take(Limited.REGISTER, key, at=NOW, rate=Rate(1, 3600.0))
    harmed = sum(
        limits.take(Limited.REGISTER, b"calm" + number.to_bytes(4, "big"), at=NOW, rate=Rate(1, 3600.0)) > 0 for number in range(500)
    )  # fmt: skip
    assert harmed <= 3


def _spend(path: Path, tries: int, let_through: multiprocessing.Queue[int]) -> None:
    limits = Limits(path)
    let_through.put(sum(take(limits) == 0 for _ in range(tries)))


def test_processes_count_together_and_a_restart_forgets_nothing(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    answers: multiprocessing.Queue[int] = fork.Queue()
    for _ in range(2):  # one after the other: in the same instant two may count one for two
        child = fork.Process(target=_spend, args=(tmp_path / "limits", 7, answers))
        child.start()
        child.join(20)
    assert sorted(answers.get(timeout=5) for _ in range(2)) == [3, 7]
    assert take(Limits(tmp_path / "limits")) == 6
