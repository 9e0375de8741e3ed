"""What the trade sees stands apart from what the public asks, with who and where, and never speaks against a label."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from tests import factories
from tests.conftest import NOW
from tests.services.test_scanning import issue
from trace.models.scans import CustodyScan, VerdictKind
from trace.services import custody

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tests.factories import World


def record(session: Session, world: World, *, serial: int = 1, minutes: int = 0, by: Any = None) -> CustodyScan | None:
    return custody.record(
        session,
        serial,
        verdict=VerdictKind.VALID,
        by=(by or world.clerk).id,
        party_id=world.cooperative.id,
        at=NOW + timedelta(minutes=minutes),
    )


def test_who_saw_it_for_whom_and_where_is_written_down(session: Session, world: World) -> None:
    issue(session, world)
    world.cooperative.commune_code = world.commune.code
    session.flush()
    record(session, world)
    [seen] = custody.of_labels(session, [1, 2])[1]
    assert (seen.person, seen.party, seen.commune) == (world.clerk, world.cooperative, world.commune)


def test_a_page_loaded_again_is_no_second_event(session: Session, world: World) -> None:
    assert record(session, world) is not None
    assert record(session, world, minutes=9) is None
    assert record(session, world, minutes=9, by=world.manager) is not None
    assert record(session, world, minutes=9, serial=2) is not None
    assert record(session, world, minutes=11) is not None
    assert factories.count(session, CustodyScan, CustodyScan.serial == 1) == 3


def test_such_events_are_never_changed(session: Session, world: World) -> None:
    record(session, world)
    with pytest.raises(Exception, match="append-only"):
        session.execute(text("UPDATE custody_scan SET serial = 2"))
