"""Label keys at rest, and the keyring of a process."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from labels import code
from labels.errors import Forged, Malformed, WrongMasterKey
from tests.conftest import MASTER, NOW
from trace.models.history import History
from trace.models.labels import LabelKey, LabelOrder, LabelSeries
from trace.models.scans import ScanChannel, ScanKind, UnknownCode, VerdictKind
from trace.services import keys, ordering, scanning
from trace.services.ranges import as_range
from trace.services.reach import Reach

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from labels.keys import Keyring
    from tests.factories import World


def series(session: Session) -> LabelSeries:
    return session.scalars(select(LabelSeries)).one()


def test_the_first_key_covers_serial_one_and_is_issued_once(session: Session) -> None:
    first = keys.issue_first(session, MASTER, NOW)
    again = keys.issue_first(session, MASTER, NOW + timedelta(days=1))
    assert again is first
    assert first.first_serial == 1
    assert series(session).next_serial == 1
    ring = keys.load(session, MASTER)
    assert ring.verify(code.encode(1, ring.secret_for(1))).serial == 1


def test_a_rotation_starts_at_the_next_serial_and_leaves_issued_labels_good(session: Session) -> None:
    keys.issue_first(session, MASTER, NOW)
    series(session).next_serial = 121
    session.flush()
    old = keys.load(session, MASTER)
    rotated = keys.rotate(session, MASTER, NOW, why="planned")
    ring = keys.load(session, MASTER)
    assert rotated.first_serial == 121
    assert ring.secret_for(120) == old.secret_for(120)
    assert ring.secret_for(121) != old.secret_for(121)
    assert ring.verify(code.encode(120, old.secret_for(120))).serial == 120


def test_a_second_rotation_before_any_label_replaces_the_unused_key(session: Session) -> None:
    keys.issue_first(session, MASTER, NOW)
    series(session).next_serial = 50
    session.flush()
    keys.rotate(session, MASTER, NOW)
    before = keys.load(session, MASTER).secret_for(50)
    keys.rotate(session, MASTER, NOW)
    assert keys.load(session, MASTER).secret_for(50) != before
    assert len(session.scalars(select(LabelKey)).all()) == 2
    deeds = session.scalars(select(History.deed).where(History.deed.startswith("label_key"))).all()
    assert sorted(deeds) == ["label_key:issue", "label_key:replace", "label_key:rotate"]


def test_no_secret_lies_in_the_clear(session: Session) -> None:
    key = keys.issue_first(session, MASTER, NOW)
    assert keys.load(session, MASTER).secret_for(1) not in key.wrapped_secret


def test_another_master_key_opens_the_same_secrets_and_the_old_one_none(session: Session) -> None:
    keys.issue_first(session, MASTER, NOW)
    series(session).next_serial = 9
    keys.rotate(session, MASTER, NOW)
    before, other = keys.load(session, MASTER), bytes(reversed(MASTER))
    assert keys.rewrap(session, MASTER, other, at=NOW, why="Khóa chủ bị lộ") == 2
    after = keys.load(session, other)
    assert [after.secret_for(serial) for serial in (1, 9)] == [before.secret_for(serial) for serial in (1, 9)]
    with pytest.raises(WrongMasterKey):
        keys.load(session, MASTER)


def held(cache: keys.KeyringCache, text: str, session: Session, after: float) -> Keyring:
    return cache.judge(text, lambda: nullcontext(session.connection()), at=NOW + timedelta(seconds=after))


def test_a_rotation_elsewhere_never_makes_a_good_label_forged(session: Session) -> None:
    keys.issue_first(session, MASTER, NOW)
    cache = keys.KeyringCache(MASTER)
    held(cache, code.encode(1, keys.load(session, MASTER).secret_for(1)), session, 0)
    series(session).next_serial = 10
    session.flush()
    keys.rotate(session, MASTER, NOW)
    fresh = code.encode(10, keys.load(session, MASTER).secret_for(10))
    assert held(cache, fresh, session, 31).verify(fresh).serial == 10


def test_a_flood_of_forged_codes_costs_one_query_in_thirty_seconds(session: Session, statements: list[str]) -> None:
    keys.issue_first(session, MASTER, NOW)
    cache = keys.KeyringCache(MASTER)
    forged = [code.encode(serial, b"x" * 32) for serial in range(1, 40)]
    held(cache, forged[0], session, 0)
    statements.clear()
    for text in forged:
        held(cache, text, session, 29)
    assert statements == []
    for text in forged:
        held(cache, text, session, 31)
    assert len(statements) == 1


def test_a_right_code_costs_no_query_until_the_keyring_is_five_minutes_old(
    session: Session, statements: list[str]
) -> None:
    keys.issue_first(session, MASTER, NOW)
    cache = keys.KeyringCache(MASTER)
    right = code.encode(7, keys.load(session, MASTER).secret_for(7))
    held(cache, right, session, 0)
    statements.clear()
    held(cache, right, session, 299)
    assert statements == []
    held(cache, right, session, 301)
    assert len(statements) == 1


def test_what_is_no_code_never_reads_keys(session: Session, statements: list[str]) -> None:
    with pytest.raises(Malformed):
        held(keys.KeyringCache(MASTER), "hello", session, 0)
    assert statements == []


# ------------------------------------------------------------------------------------------------------- docs/stolen-key-drill.md


def issue(session: Session, world: World, quantity: int) -> LabelOrder:
    world.balance.eligible_g = world.lot.volume_g = 10**9
    return ordering.place(
        session, lot_id=world.lot.id, quantity=quantity, pack_weight_g=500, layout="a4-24", by=world.clerk.id, at=NOW,
        reach=Reach(holders=frozenset({world.cooperative.id})),
    )  # fmt: skip


def scan(session: Session, text: str, ring: Keyring) -> VerdictKind:
    found = scanning.verify(
        session.connection(), text, keyring=ring, at=NOW, device=b"d" * 12, kind=ScanKind.REAL, channel=ScanChannel.QR
    )
    return found.kind


def unknown_codes(session: Session) -> int:
    return session.scalar(select(func.coalesce(func.sum(UnknownCode.asked), 0))) or 0


def test_a_stolen_key_forges_nothing_that_was_not_issued_and_every_try_is_counted(
    session: Session, world: World
) -> None:
    issue(session, world, 1000)
    ring = keys.load(session, MASTER)
    stolen = ring.secret_for(1)
    forged = [code.encode(serial, stolen) for serial in (1001, 1002, 5000, 10**6, 2**29)]
    assert [ring.verify(text).serial for text in forged[:2]] == [1001, 1002], "their tags are right"
    assert {scan(session, text, ring) for text in forged} == {VerdictKind.UNKNOWN}
    assert unknown_codes(session) == len(forged)
    assert scan(session, code.encode(1000, stolen), ring) is VerdictKind.NOT_ACTIVATED
    assert unknown_codes(session) == len(forged)


def test_after_the_drill_the_stolen_key_makes_no_code_of_a_later_label(session: Session, world: World) -> None:
    issue(session, world, 1000)
    stolen = keys.load(session, MASTER).secret_for(1)
    keys.rotate(session, MASTER, NOW, by=world.administrator.id, why="Khóa tem bị lộ")
    later = issue(session, world, 1000)
    ring, serial = keys.load(session, MASTER), later.serials.lower or 0
    assert serial == 1001
    with pytest.raises(Forged):
        ring.verify(code.encode(serial, stolen))
    assert scan(session, code.encode(serial, ring.secret_for(serial)), ring) is VerdictKind.NOT_ACTIVATED


def test_every_code_issued_before_and_after_rotations_is_still_right(session: Session, world: World) -> None:
    """Twenty thousand here; `python -m bench.keys` does a million."""
    printed: list[str] = []
    for _ in range(4):
        order = issue(session, world, 5000)
        ring = keys.load(session, MASTER)
        printed += [text for _serial, text in ring.codes(as_range(order.serials))]
        keys.rotate(session, MASTER, NOW)
    ring = keys.load(session, MASTER)
    assert len(ring.spans(range(1, 20_001)).__next__()[0]) == 5000, "four keys cover them"
    assert [ring.verify(text).serial for text in printed] == list(range(1, 20_001))
