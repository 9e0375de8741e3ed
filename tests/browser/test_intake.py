"""The desk takes things in: a call that joins a group, a request with everything that the law asks, a denunciation that leaves no trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from enforcement import intake
from enforcement.models import DenunciationReceipt, Signal
from tests import factories
from tests.browser.conftest import DESK, PHONE, Served, Visitor
from tests.browser.looks import faults
from tests.enforcement import desk
from trace import clock
from trace.models.tips import TipReason
from trace.services import tips

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.browser


def seen(visitor: Visitor, name: str) -> None:
    """No fault for a reader without eyes, with a phone."""
    assert faults(visitor.page, "vi", f"intake {name}") == []
    assert visitor.errors == []


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_a_call_joins_a_group_that_becomes_one_case(
    served: Served, visitor: Callable[..., Visitor], viewport: dict[str, int]
) -> None:
    session, world = served.session, served.world
    desk.labels(session, world)
    at = clock.now()
    for n in range(4):
        tip, _secret = tips.submit(
            session, reason=TipReason.LABEL_LOOKS_WRONG, description="Tem mờ", code_text=None, serial=5 + n, commune_code="10813",
            place="Chợ mẫu Thanh Hà", listing_url=None, at=at,
        )  # fmt: skip
        intake.from_tip(session, tip, at=at)
    session.commit()
    officer = visitor(viewport)
    page = officer.sign_in(world.officer)
    officer.go("/tiep-nhan")
    seen(officer, "book")
    page.get_by_role("link", name="Ghi tin báo qua điện thoại, thư").click()
    page.get_by_role("button", name="Ghi nhận").click()
    assert "Ghi ngày nhìn thấy." in page.inner_text("main")
    officer.errors.clear()  # the browser names every answer of 422
    seen(officer, "errors")
    page.get_by_label("Nghi ngờ điều gì").select_option("label_looks_wrong")
    page.locator("#body").fill("Bán vải dán tem mờ, quét không ra")
    page.locator("#commune").select_option("10813")
    page.locator("#place").fill("Chợ mẫu Thanh Hà, sạp 3")
    page.locator("#code").fill(desk.label_code(9))
    page.locator("#seen_on").fill(f"{clock.now().astimezone(clock.CITY):%d/%m/%Y}")
    page.get_by_role("button", name="Ghi nhận").click()
    page.wait_for_url("**/hang-doi/**")
    seen(officer, "signal")
    page.get_by_role("link", name="Nhóm này còn 5 tin chưa phân loại").click()
    seen(officer, "group")
    page.get_by_role("button", name="Mở một vụ việc từ 5 tin").click()
    page.wait_for_url("**/vu-viec/**")
    assert "5 tin giống nhau" in page.inner_text("main")
    session.expire_all()
    assert factories.count(session, Signal, Signal.state == "in_case") == 5


def test_a_denunciation_leaves_a_receipt_and_heads_see_how_right_the_rules_were(
    served: Served, visitor: Callable[..., Visitor]
) -> None:
    session, world = served.session, served.world
    desk.signal(session, at=clock.now())
    session.commit()
    officer = visitor(PHONE)
    page = officer.sign_in(world.officer)
    officer.go("/tiep-nhan/to-cao")
    seen(officer, "denunciation")
    page.get_by_label("Cơ quan nhận đơn tố cáo").fill("Thanh tra thành phố mẫu")
    page.get_by_role("button", name="Lập biên nhận").click()
    page.wait_for_url("**/bien-nhan/**")
    seen(officer, "receipt")
    assert session.scalars(select(DenunciationReceipt.number)).one() in page.inner_text("main")
    for kind in ("transfer", "listing", "request", "complaint"):
        officer.go(f"/tiep-nhan/moi/{kind}")
        seen(officer, kind)
    head = visitor(DESK)
    head.sign_in(world.team_head)
    head.go("/tiep-nhan/do-tin")
    seen(head, "trust")
