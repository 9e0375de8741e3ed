"""A title whose regulation asks for a growing-area code: without one nothing is handed in; with one for any market it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from tests import factories
from tests.browser.conftest import PHONE, Served, Visitor
from tests.browser.test_register import day, fill, looked, main_says, press
from tests.browser.test_story import t
from tests.services.test_applications import Desk
from tests.test_access import totp_key
from trace import clock
from trace.models.areas import GrowingAreaCode
from trace.models.parties import Role
from trace.services import applications, workdays
from trace.services.reach import Reach

pytestmark = pytest.mark.browser


def test_an_area_without_a_code_stops_the_application_until_a_code_for_a_market_is_recorded(
    served: Served, visitor: Callable[..., Visitor], tmp_path: Path
) -> None:
    session, world, at = served.session, served.world, clock.now()
    workdays.seed(session)
    desk = Desk.__new__(Desk)
    desk.session, desk.world, desk.store = session, world, tmp_path
    desk.party = factories.party(session, "Hợp tác xã vải mẫu Cẩm Chế", address="Thôn mẫu 1")
    desk.clerk = factories.user(session, "thu.ky.2", "Người mẫu Ký", at, key=totp_key())
    factories.role(session, desk.clerk, desk.party, Role.CLERK, at)
    desk.area = factories.area(session, world.title, desk.party, "Vùng vải Cẩm Chế", code="")
    desk.own = Reach(holders=frozenset({desk.party.id}))
    desk.made = applications.start(
        session, title_id=world.title.id, applicant_id=desk.party.id, by=desk.clerk.id, at=at - timedelta(hours=1)
    )
    desk.fill()
    of_state = factories.user(session, "can.bo.nn", "Người mẫu Nông", at, key=totp_key())
    factories.role(session, of_state, world.authority, Role.AGRICULTURE_DEPARTMENT, at)
    session.commit()

    clerk = visitor(PHONE).sign_in(desk.clerk)
    clerk.goto(f"{served.url}/don-cap-quyen/{desk.id}")
    lacking = t("The use regulation asks for a growing-area code in force, and %(area)s has none.", area=desk.area.name)
    press(looked(clerk), t("Hand in the application"))
    expect(clerk.locator("#errors")).to_contain_text(lacking)
    looked(clerk)

    officer = visitor().sign_in(of_state)
    officer.goto(f"{served.url}/vung-trong/{desk.area.id}")
    officer.get_by_role("link", name=t("Record a code")).click()
    press(looked(officer), t("Record the code"))
    expect(officer.locator("#errors")).to_contain_text(t("Write the code."))
    fill(
        officer,
        {
            "Code": "MẪU-JP-07", "Scheme": "Chương trình mẫu", "Market": "JP", "Issued by": "Cơ quan mẫu", "Issued on": day(-3),
            "Deciding document": "Thông báo mẫu 7",
        },
    )  # fmt: skip
    press(looked(officer), t("Record the code"))
    main_says(looked(officer), "MẪU-JP-07")
    session.rollback()
    kept = session.scalars(select(GrowingAreaCode).where(GrowingAreaCode.area_id == desk.area.id)).one()
    assert (kept.market, kept.code) == ("JP", "MẪU-JP-07")

    clerk.goto(f"{served.url}/don-cap-quyen/{desk.id}")
    press(looked(clerk), t("Hand in the application"))
    main_says(looked(clerk), t("ApplicationState.submitted"))
    assert re.search("/don-cap-quyen/", clerk.url)
