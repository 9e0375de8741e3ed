"""Numbers of records: one after the other, none twice, none left out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.conftest import NOW
from trace.models.history import NumberSeries
from trace.services.numbers import next_number

if TYPE_CHECKING:
    from sqlalchemy import Engine


def test_a_series_begins_at_one_and_counts_on(session: Session) -> None:
    assert [next_number(session, "PA", at=NOW) for _ in range(3)] == ["PA-2026-00001", "PA-2026-00002", "PA-2026-00003"]


def test_series_do_not_mix(session: Session) -> None:
    assert next_number(session, "PA", at=NOW) == "PA-2026-00001"
    assert next_number(session, "VV", at=NOW) == "VV-2026-00001"


def test_the_year_turns_at_midnight_in_the_city(session: Session) -> None:
    assert next_number(session, "PA", at=datetime(2026, 12, 31, 16, 59, 59, tzinfo=UTC)) == "PA-2026-00001"
    assert next_number(session, "PA", at=datetime(2026, 12, 31, 17, 0, tzinfo=UTC)) == "PA-2027-00001"
    assert next_number(session, "PA", at=datetime(2026, 12, 31, 16, 59, 59, tzinfo=UTC)) == "PA-2026-00002"


def test_the_hundred_thousandth_is_only_longer(session: Session) -> None:
    session.add(NumberSeries(series="PA", year=2026, last=99_999))
    session.flush()
    assert next_number(session, "PA", at=NOW) == "PA-2026-100000"


@pytest.mark.committed
def test_a_number_given_back_is_given_again(committed: Engine) -> None:
    with Session(committed) as session:
        assert next_number(session, "PA", at=NOW) == "PA-2026-00001"
        session.rollback()
    with Session(committed) as session:
        assert next_number(session, "PA", at=NOW) == "PA-2026-00001"


@pytest.mark.committed
def test_the_second_waits_for_the_first_and_takes_its_number_if_it_falls(committed: Engine) -> None:
    taken, asked = Event(), Event()

    def first() -> str:
        with Session(committed) as session:
            number = next_number(session, "PA", at=NOW)
            taken.set()
            assert asked.wait(20)
            session.rollback()
            return number

    def second() -> str:
        assert taken.wait(20)
        with Session(committed) as session:
            asked.set()
            number = next_number(session, "PA", at=NOW)
            session.commit()
            return number

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.submit(first), pool.submit(second)
        assert (one.result(30), other.result(30)) == ("PA-2026-00001", "PA-2026-00001")


@pytest.mark.committed
def test_many_at_once_leave_no_gap_and_no_double(committed: Engine) -> None:
    def several(worker: int) -> list[str]:
        numbers = []
        for turn in range(10):
            with Session(committed) as session:
                number = next_number(session, "PA", at=NOW)
                if (worker + turn) % 4 == 0:
                    session.rollback()
                else:
                    session.commit()
                    numbers.append(number)
        return numbers

    with ThreadPoolExecutor(8) as pool:
        given = sorted(number for numbers in pool.map(several, range(8)) for number in numbers)
    assert given == [f"PA-2026-{n:05d}" for n in range(1, len(given) + 1)]
    with Session(committed) as session:
        assert session.scalars(select(NumberSeries.last)).one() == len(given)
