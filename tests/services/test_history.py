"""The record of deeds: it keeps what was done as it was done, and nobody rewrites it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import DBAPIError

from tests import factories
from tests.conftest import NOW
from trace.models.history import History
from trace.models.lots import LotState
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

THING = factories.some_id()


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, None),
        (True, True),
        (12, 12),
        (1.5, 1.5),
        ("Vải thiều", "Vải thiều"),
        (LotState.CERTIFIED, "certified"),
        (Decimal("12.50"), "12.50"),
        (THING, str(THING)),
        (date(2026, 6, 15), "2026-06-15"),
        (NOW, "2026-06-15T03:00:00+00:00"),
        (Range(1, 121), "1–121"),
        (Range(date(2026, 1, 1), None), "2026-01-01–None"),
        ([1, 2], "[1, 2]"),
    ],
)
def test_a_value_is_kept_as_it_was(session: Session, value: object, kept: object) -> None:
    history.record(session, "lot:certify", THING, by=None, at=NOW, changes={"field": (None, value)})
    session.commit()
    session.expire_all()
    assert history.of(session, THING)[0].changes == {"field": [None, kept]}


def test_deeds_come_newest_first_with_their_authors_and_reasons(session: Session, world: factories.World) -> None:
    for hours, deed in ((1, "lot:record"), (3, "lot:recall"), (2, "lot:certify"), (3, "lot:close")):
        history.record(session, deed, THING, by=world.manager.id, at=NOW + timedelta(hours=hours), why="Vì thế 🌶")
    history.record(session, "lot:record", world.lot.id, by=None, at=NOW)
    session.commit()
    session.expire_all()
    found = history.of(session, THING)
    assert [written.deed for written in found] == ["lot:close", "lot:recall", "lot:certify", "lot:record"]
    assert {(written.author.full_name, written.why) for written in found if written.author} == {
        ("Người mẫu Quân", "Vì thế 🌶")
    }
    assert [written.deed for written in history.of(session, THING, limit=1)] == ["lot:close"]
    assert len(history.of(session, THING, world.lot.id)) == 5
    assert history.of(session) == []


@pytest.mark.parametrize("deed", ["certify", "lot certify", "Lot:certify", "lot:certify:now", "", ":"])
def test_a_deed_is_subject_and_verb(session: Session, deed: str) -> None:
    history.record(session, deed, THING, by=None, at=NOW)
    with pytest.raises(DBAPIError, match="ck_history_deed_form"):
        session.flush()


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda session: session.execute(update(History).values(why="khác đi")),
        lambda session: session.execute(delete(History)),
        lambda session: session.execute(text("TRUNCATE history")),
    ],
    ids=["update", "delete", "truncate"],
)
def test_nobody_rewrites_it(session: Session, rewrite: Callable[[Session], object]) -> None:
    history.record(session, "lot:certify", THING, by=None, at=NOW)
    session.commit()
    with pytest.raises(DBAPIError), session.begin_nested():
        rewrite(session)
    assert factories.count(session, History) == 1


def test_the_record_falls_with_the_deed(committed: Engine) -> None:
    from sqlalchemy.orm import Session as NewSession

    with NewSession(committed) as session:
        history.record(session, "lot:certify", THING, by=None, at=NOW)
        session.flush()
        session.rollback()
    with NewSession(committed) as session:
        assert history.of(session, THING) == []
