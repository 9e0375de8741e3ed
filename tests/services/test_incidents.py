"""However many tries, an attack is one incident; a person says what it was; more of the same opens the next."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text

from tests.conftest import NOW
from trace.models.history import History
from trace.models.incidents import Incident, IncidentKind
from trace.services import incidents
from trace.services.limits import Limited, Limits, Rate

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tests.factories import World

ONE = Rate(1, 3600.0)


def guess(limits: Limits, tries: int, limited: Limited = Limited.UNKNOWN_CODE, key: bytes = b"n") -> None:
    for _ in range(tries):
        limits.take(limited, key, at=NOW, rate=ONE)


def test_thousands_of_tries_are_one_incident(session: Session) -> None:
    limits = Limits()
    guess(limits, 1001)
    assert incidents.gather(session, limits, at=NOW) == 1
    guess(limits, 2500)
    incidents.gather(session, limits, at=NOW + timedelta(minutes=1))
    found = session.scalars(select(Incident)).one()
    assert (found.kind, found.tries, found.opened_at, found.last_at) == (
        IncidentKind.GUESSED_CODES, 3500, NOW, NOW + timedelta(minutes=1),
    )  # fmt: skip


def test_nothing_refused_is_no_incident(session: Session) -> None:
    limits = Limits()
    guess(limits, 1)
    assert incidents.gather(session, limits, at=NOW) == 0
    assert incidents.open_ones(session) == []


@pytest.mark.parametrize("limited", list(Limited))
def test_every_limit_has_its_kind(session: Session, limited: Limited) -> None:
    limits = Limits()
    guess(limits, 3, limited)
    incidents.gather(session, limits, at=NOW)
    assert [each.kind for each in incidents.open_ones(session)] == [incidents.KINDS[limited]]


def test_a_code_that_only_the_key_could_make_is_told_once(session: Session) -> None:
    session.execute(text("INSERT INTO unknown_code (hour, asked) VALUES (:h, 2)"), {"h": NOW})
    incidents.gather(session, Limits(), at=NOW)
    incidents.gather(session, Limits(), at=NOW)
    session.execute(text("UPDATE unknown_code SET asked = asked + 1"))
    session.expire_all()
    incidents.gather(session, Limits(), at=NOW)
    found = session.scalars(select(Incident)).one()
    session.refresh(found)
    assert (found.kind, found.tries) == (IncidentKind.UNISSUED_CODES, 3)


def test_closed_once_by_name_and_the_next_is_a_new_one(session: Session, world: World) -> None:
    limits = Limits()
    guess(limits, 5)
    incidents.gather(session, limits, at=NOW)
    first = incidents.open_ones(session)[0]
    later = NOW + timedelta(hours=1)
    incidents.close(session, first.id, note="Máy quét của một cửa hàng bị lỗi", by=world.clerk.id, at=later)
    with pytest.raises(incidents.IncidentClosed):
        incidents.close(session, first.id, note="lần nữa", by=world.clerk.id, at=later)
    guess(limits, 5)
    incidents.gather(session, limits, at=later)
    assert [each.tries for each in incidents.open_ones(session)] == [5]
    assert [each.id for each in incidents.closed_ones(session)] == [first.id]
    deeds = session.scalars(select(History.deed).where(History.subject_id == first.id)).all()
    assert deeds == ["incident:close"]
