"""The home page's tasks: volumes that wait for a confirmation, extra volume that was asked for, applications in one's hands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql import Range

from tests import factories
from tests.conftest import NOW
from trace import clock
from trace.models.applications import Application, ApplicationState
from trace.models.lots import ExtensionState, QuotaExtension
from trace.models.title_records import VolumeConfirmation
from trace.models.titles import Season
from trace.services import volumes


@pytest.fixture(autouse=True)
def season_goes_on(session: Any, world: Any) -> None:
    world.season.runs_during = Range(world.season.runs_during.lower, clock.now().date() + timedelta(days=30))
    session.flush()


def tasks(client: Any) -> str:
    return client.get("/trang-chinh").get_data(as_text=True)


def test_a_manager_sees_volumes_that_nobody_confirmed_as_they_are_now(session: Any, world: Any, sign_in: Any) -> None:
    manager, clerk = sign_in(world.manager), sign_in(world.clerk)
    where = f"/van-bang/mua-vu/{world.season.id}/khoi-luong"
    world.balance.eligible_g += 1  # other than what the sources bear, and nobody said why
    session.commit()
    assert where in tasks(manager)
    assert where not in tasks(clerk), "only who confirms is told"
    season = session.get_one(Season, world.season.id)
    season.closed_at = NOW
    session.commit()
    assert where not in tasks(manager)


def test_a_confirmation_takes_the_volume_off_the_list(session: Any, world: Any, sign_in: Any) -> None:
    manager = sign_in(world.manager)
    world.balance.eligible_g += 1
    session.commit()
    assert f"{world.season.id}/khoi-luong" in tasks(manager)
    for balance in (world.balance, world.other_balance):
        (line,) = volumes.lines(session, world.season, holder_id=balance.holder_id)
        session.add(
            VolumeConfirmation(
                balance_id=balance.id, at=NOW, by=world.manager.id, was_g=None, computed_g=line.computed_g, eligible_g=balance.eligible_g,
                reason="Mẫu", basis={"sources": []},
            )
        )  # fmt: skip
    session.commit()
    assert f"{world.season.id}/khoi-luong" not in tasks(manager)


def test_extra_volume_that_was_asked_for_waits_for_the_managing_body(session: Any, world: Any, sign_in: Any) -> None:
    asked = QuotaExtension(
        balance_id=world.balance.id, grams=5_000, reason="Được mùa", asked_by=world.clerk.id, asked_at=NOW,
        state=ExtensionState.ASKED,
    )  # fmt: skip
    session.add(asked)
    session.commit()
    assert f"#r-{asked.id}" in tasks(sign_in(world.manager))
    assert f"#r-{asked.id}" not in tasks(sign_in(world.clerk))


def test_an_application_waits_for_whoever_has_the_next_step(session: Any, world: Any, sign_in: Any) -> None:
    applicant = factories.party(session, "Hợp tác xã mẫu mới")
    made = Application(
        title_id=world.title.id, applicant_id=applicant.id, state=ApplicationState.SUBMITTED, started_at=clock.now(),
        started_by=world.clerk.id, submitted_at=clock.now(), submitted_by=world.clerk.id,
    )  # fmt: skip
    session.add(made)
    session.commit()
    assert f"/don-cap-quyen/{made.id}" in tasks(sign_in(world.manager))
    assert f"/don-cap-quyen/{made.id}" not in tasks(sign_in(world.clerk))
