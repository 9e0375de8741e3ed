"""A label that very many look at: the same numbers as if each look were counted, and no dearer to answer than another."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select, text

from tests.conftest import MASTER, NOW
from tests.services.test_scanning import DEVICE, code_of, issue
from trace.models.scans import BusyDevice, BusyHour, BusyLabel, Scan, ScanChannel, ScanKind, VerdictKind
from trace.services import keys, scanning

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tests.factories import World
    from trace.services.scanning import Verdict

LATER = NOW + timedelta(days=9)
NUMBERS = (
    "kind",
    "checks",
    "recent_checks",
    "devices",
    "provinces",
    "first_check",
    "after_opening",
    "copied_by",
    "unusual",
)


def look(
    session: Session, *, serial: int = 1, at: datetime = LATER, device: bytes = DEVICE, record: bool = True
) -> Verdict:
    parsed = keys.load(session, MASTER).verify(code_of(serial))
    found = scanning.look(
        session.connection(), parsed, at=at, device=device, kind=ScanKind.REAL, channel=ScanChannel.QR, record=record
    )
    session.commit()
    return found


def numbers(verdict: Verdict) -> dict[str, Any]:
    return {name: getattr(verdict, name) for name in NUMBERS}


def many(session: Session, number: int, *, serial: int = 1, days: float = 9, places: str = "NULL") -> None:
    """Looks by as many phones, the last of them two minutes before `LATER`."""
    session.execute(
        text(f"""
        INSERT INTO scan (at, serial, verdict, kind, channel, device, province)
        SELECT :until - n * (:days * interval '1 day' / :number), :serial, 'valid', 'real', 'qr', decode(lpad(to_hex(n), 24, '0'), 'hex'), {places}
          FROM generate_series(1, :number) n"""),
        {"until": LATER - timedelta(minutes=2), "days": days, "number": number, "serial": serial},
    )
    session.commit()


def fold(session: Session, until: datetime, *, serial: int = 1) -> None:
    session.execute(select(func.fold_looks(serial, until)))
    session.commit()


@pytest.mark.parametrize("seed", range(4))
def test_sums_say_what_counting_says(session: Session, world: World, seed: int) -> None:
    issue(session, world)
    chance = random.Random(seed)
    many(
        session,
        chance.randint(30, 300),
        days=chance.uniform(0.5, 20),
        places=chance.choice(["NULL", "1 + n % 3", "nullif(n % 9, 0)"]),
    )
    moments = [LATER + timedelta(hours=hours) for hours in (0, 5, 30, 100, 180)]
    counted = [numbers(look(session, at=at, record=False)) for at in moments]
    for hours in sorted(chance.uniform(0, 400) for _ in range(4)):
        fold(session, LATER - timedelta(hours=400 - hours))
        assert [numbers(look(session, at=at, record=False)) for at in moments] == counted


def test_folding_again_or_back_changes_nothing(session: Session, world: World) -> None:
    issue(session, world)
    many(session, 50)
    counted = numbers(look(session, record=False))
    for hours in (1, 1, 48, 1):
        fold(session, LATER - timedelta(hours=hours))
    assert numbers(look(session, record=False)) == counted
    assert session.scalar(select(func.sum(BusyHour.checks))) == session.scalar(select(BusyLabel.checks))


def test_whoever_scans_a_busy_label_sums_it_up_and_it_counts_on(session: Session, world: World) -> None:
    issue(session, world)
    many(session, 600, days=2)
    assert look(session).checks == 601
    folded = session.scalars(select(BusyLabel)).one()
    assert (folded.checks, folded.folded_to) == (600, LATER - timedelta(minutes=1))
    for number in range(1, 4):
        seen = look(session, at=LATER + timedelta(seconds=number), device=f"new-phone-{number:02}".encode())
        assert (seen.checks, seen.recent_checks) == (601 + number, 601 + number)


def test_few_looks_are_not_summed(session: Session, world: World) -> None:
    issue(session, world)
    many(session, 400)
    look(session)
    assert session.scalar(select(func.count()).select_from(BusyLabel)) == 0


def test_a_phone_that_comes_back_within_a_day_is_known_after_its_look_was_summed(
    session: Session, world: World
) -> None:
    issue(session, world)
    at = LATER - timedelta(hours=30)
    look(session, at=at)
    many(session, 20)
    fold(session, at + timedelta(hours=1))
    again = look(session, at=at + timedelta(hours=20))
    assert (
        session.scalars(select(Scan.kind).order_by(Scan.at.desc(), Scan.id.desc()).where(Scan.device == DEVICE)).first()
        == ScanKind.RELOAD
    )
    other = look(session, at=at + timedelta(hours=20), device=b"device-no-77")
    assert other.checks == again.checks + 1
    look(session, at=at + timedelta(hours=25))
    kinds = session.scalars(select(Scan.kind).order_by(Scan.at).where(Scan.device == DEVICE)).all()
    assert kinds == [ScanKind.REAL, ScanKind.RELOAD, ScanKind.REAL]
    assert session.scalar(select(func.count()).select_from(BusyDevice).where(BusyDevice.device == DEVICE)) == 1


def test_a_summed_label_still_looks_copied(session: Session, world: World) -> None:
    issue(session, world)
    many(session, 60, days=3, places="1 + n % 3")
    fold(session, LATER)
    assert look(session).kind is VerdictKind.SUSPECTED_COPY


def buffers(session: Session, serial: int) -> int:
    """Pages that one answer touches."""
    asked = text(
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT verify_label(:serial, :at, decode(repeat('cd', 12), 'hex'), 'real', 'qr')"
    )
    for number in range(2):  # the first makes the plans
        found = session.execute(asked, {"serial": serial, "at": LATER + timedelta(minutes=5 + number)}).scalar_one()
    plan = found[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def test_three_hundred_thousand_looks_cost_an_answer_no_more_than_none(session: Session, world: World) -> None:
    issue(session, world)
    many(session, 300_000)
    assert look(session).checks == 300_001
    fresh, viral = buffers(session, 2), buffers(session, 1)
    assert viral < 3 * fresh + 50, f"{viral} pages for the label that all look at, {fresh} for a fresh one"
    assert look(session, at=LATER + timedelta(minutes=9), device=b"device-no-99").checks == 300_003
