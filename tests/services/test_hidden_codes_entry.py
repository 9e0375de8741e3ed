"""The six digits under the scratch layer: exactly one first entry, and no million tries."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from labels.code import hidden_code
from labels.keys import Keyring
from tests import factories
from tests.conftest import MASTER, NOW
from tests.factories import SECRET, World
from tests.services.test_scanning import DEVICE, issue
from trace.models.scans import CopyRule, HiddenCodeTry, LabelOpening, ScanKind, VerdictKind
from trace.services import hidden_codes, keys, scanning
from trace.services.hidden_codes import TRIES, Found, NotSixDigits
from trace.services.scanning import CopySign

if TYPE_CHECKING:
    from sqlalchemy import Engine

RING = Keyring(((1, 1, SECRET),))
RIGHT = hidden_code(1, SECRET)
WRONG = f"{(int(RIGHT) + 1) % 1_000_000:06d}"


@pytest.fixture
def scratched(session: Session, world: World) -> World:
    """Labels 1 to 20 with hidden codes."""
    issue(session, world).hidden_codes = True
    session.commit()
    return world


def enter(session: Session, digits: str, *, serial: int = 1, minutes: int = 0, device: bytes = DEVICE) -> Any:
    found = hidden_codes.enter(
        session, serial, digits, keyring=RING, device=device, at=NOW + timedelta(minutes=minutes)
    )
    session.commit()
    return found


@pytest.mark.parametrize("typed", ["123456", " 123 456 ", "123-456", "１２３４５６", "12.34.56", "1 2 3 4 5 6"])
def test_digits_are_read_however_they_were_typed(typed: str) -> None:
    assert hidden_codes.digits_of(typed) == "123456"


@pytest.mark.parametrize(
    "typed", ["", "12345", "1234567", "abcdef", "12345x", "١٢٣٤٥٦", "½23456", "1" * 10_000, "\x00" * 6]
)
def test_what_is_no_six_digits_is_said_so(typed: str) -> None:
    with pytest.raises(NotSixDigits):
        hidden_codes.digits_of(typed)


def test_the_first_right_entry_opens_the_label_and_later_ones_say_when_that_was(
    session: Session, scratched: World
) -> None:
    first, again = enter(session, RIGHT), enter(session, RIGHT, minutes=90, device=b"device-no-02")
    assert (first.kind, first.first_at) == (Found.FIRST, NOW)
    assert (again.kind, again.first_at) == (Found.AGAIN, NOW)
    assert session.scalars(select(LabelOpening.device)).one() == DEVICE


def test_five_wrong_entries_within_an_hour_stop_even_the_right_one(session: Session, scratched: World) -> None:
    found = [enter(session, WRONG, minutes=minute) for minute in range(TRIES)]
    assert [each.left for each in found] == [4, 3, 2, 1, 0]
    blocked = enter(session, RIGHT, minutes=10)
    assert (blocked.kind, blocked.until) == (Found.BLOCKED, NOW + timedelta(hours=1))
    assert factories.count(session, LabelOpening) == 0
    assert enter(session, RIGHT, minutes=60).kind is Found.FIRST
    assert enter(session, hidden_code(2, SECRET), serial=2, minutes=10).kind is Found.FIRST, (
        "another label is not harmed"
    )


def test_a_label_without_hidden_digits_has_none_to_try(session: Session, world: World) -> None:
    issue(session, world)
    assert enter(session, RIGHT).kind is Found.NONE
    assert enter(session, RIGHT, serial=900_000).kind is Found.NONE
    assert factories.count(session, HiddenCodeTry) == 0


def test_what_was_entered_is_not_kept(session: Session, scratched: World) -> None:
    enter(session, WRONG)
    row = session.scalars(select(HiddenCodeTry)).one()
    assert WRONG not in str(vars(row))


def test_of_many_entries_at_once_exactly_one_is_first_and_five_are_judged(committed: Engine) -> None:
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        issue(session, world).hidden_codes = True
        session.commit()
        ring = keys.load(session, MASTER)
    found: list[tuple[int, Found]] = []
    ready = threading.Barrier(16)

    def work(number: int) -> None:
        serial, digits = (1, RIGHT) if number % 2 else (2, "000000" if hidden_code(2, SECRET) != "000000" else "000001")
        with Session(committed) as session:
            ready.wait()
            entry = hidden_codes.enter(session, serial, digits, keyring=ring, device=DEVICE, at=NOW)
            session.commit()
        found.append((serial, entry.kind))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    right = [kind for serial, kind in found if serial == 1]
    wrong = [kind for serial, kind in found if serial == 2]
    assert sorted(right) == [Found.AGAIN] * 7 + [Found.FIRST]
    assert (wrong.count(Found.WRONG), wrong.count(Found.BLOCKED)) == (TRIES, 3)


def look(session: Session, *, minutes: int, device: bytes, kind: ScanKind = ScanKind.REAL) -> Any:
    parsed = RING.verify(RING.codes(range(1, 2)).__next__()[1])
    return scanning.look(
        session.connection(), parsed, at=NOW + timedelta(minutes=minutes), device=device, kind=kind,
        channel=scanning.ScanChannel.QR,
    )  # fmt: skip


def test_the_verdict_says_whether_there_are_digits_and_when_they_were_first_entered(
    session: Session, scratched: World
) -> None:
    before = look(session, minutes=1, device=DEVICE)
    assert (before.hidden_code, before.opened_at, before.opened_on) == (True, None, None)
    enter(session, RIGHT, minutes=2)
    after = look(session, minutes=3, device=DEVICE)
    assert (after.opened_at, after.opened_on) == (NOW + timedelta(minutes=2), NOW.date())


def test_more_devices_after_the_opening_than_the_rule_allows_look_like_a_copy(
    session: Session, scratched: World
) -> None:
    enter(session, RIGHT)
    for number in range(3):
        assert look(session, minutes=number + 1, device=f"later-{number:06d}".encode()).kind is VerdictKind.VALID
    assert look(session, minutes=8, device=DEVICE, kind=ScanKind.CUSTODY).after_opening == 3, (
        "the opener is not counted"
    )
    look(session, minutes=9, device=b"later-000009")
    copied = look(session, minutes=10, device=b"later-000010")
    assert (copied.kind, copied.copied_by, copied.after_opening) == (VerdictKind.SUSPECTED_COPY, CopySign.OPENING, 4)
    assert copied.provinces == 0


def test_the_rule_of_the_day_decides_and_an_older_one_knew_nothing_of_openings(
    session: Session, scratched: World
) -> None:
    enter(session, RIGHT)
    for number in range(8):
        look(session, minutes=number + 1, device=f"later-{number:06d}".encode())
    later = NOW + timedelta(minutes=20)
    session.add(CopyRule(version=9, valid_from=later, devices=10, days=7, provinces=3, after_opening=None))
    session.commit()
    assert look(session, minutes=19, device=b"later-000019").kind is VerdictKind.SUSPECTED_COPY
    assert look(session, minutes=21, device=b"later-000021").kind is VerdictKind.VALID
