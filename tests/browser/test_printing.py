"""A clerk's own layout, a test label, and a file that is drawn while the page tells how far it is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.browser.conftest import Served, Visitor
from tests.browser.looks import faults
from tests.browser.test_story import decode, order_120_labels, t
from tests.conftest import MASTER
from trace import clock, jobs
from trace.config import Config
from trace.models.printing import Drawing, LabelLayout
from trace.services import drawing

pytestmark = pytest.mark.browser


def test_a_layout_is_designed_and_its_labels_are_drawn_into_a_file(
    served: Served, visitor: Callable[..., Visitor], tmp_path: Path
) -> None:
    clerk = visitor()
    order_url = order_120_labels(clerk, served)

    # 1. A layout of one's own: what does not fit is said, then the sheet stands there at its real size.
    page = clerk.go("/tem/bo-cuc/moi?from=a4-24")
    page.get_by_label(t("Name of the layout")).fill("Tem hộp 2 kg")
    page.get_by_label(t("QR code with its white margin")).fill("10")
    page.get_by_role("button", name=t("Draw it again")).click()
    expect(page.locator("#errors")).to_contain_text("15,7")
    page.get_by_label(t("QR code with its white margin")).fill("26")
    page.get_by_label(t("Positions already used on the first sheet")).fill("4")
    page.get_by_role("button", name=t("Draw it again")).click()
    sheet = page.locator("#drawing svg[role=img]")
    expect(sheet.locator("use")).to_have_count(20)
    box = sheet.bounding_box()
    assert box
    assert (round(box["width"] * 25.4 / 96), round(box["height"] * 25.4 / 96)) == (210, 297)
    page.get_by_role("button", name=t("Save the layout")).click()
    expect(page.locator("body")).to_contain_text("Tem hộp 2 kg")
    layout = served.session.scalars(select(LabelLayout)).one()
    page.get_by_role("link", name="Tem hộp 2 kg").click()
    assert faults(page) == []

    # 2. Printed on it, and asked for as a file.
    page = clerk.go(urlsplit(order_url).path)
    page.locator("#layout").select_option(str(layout.id))
    page.get_by_role("button", name=t("Print"), exact=True).click()
    page.locator("#files").get_by_role("button", name=t("Draw the file")).click()
    page.wait_for_url(re.compile("/tem/tep/"))
    expect(page.locator(".job")).to_contain_text("0/120")

    # 3. The worker draws it; the page comes by itself to the file, whose hash is shown.
    served.session.expire_all()
    asked = served.session.scalars(select(Drawing)).one()
    config = Config(
        database_url=served.engine.url.render_as_string(hide_password=False), var_dir=served.files.parent, master_key=MASTER,
        host="TEMTHAT.TEST",
    )  # fmt: skip
    jobs.draw(served.engine, config, asked.id)
    with page.expect_download() as waiting:
        page.get_by_role("link", name=t("Download the file")).click()
    content = Path(waiting.value.path()).read_bytes()
    assert waiting.value.suggested_filename == asked.name
    expect(page.locator("main")).to_contain_text(hashlib.sha256(content).hexdigest())
    assert len(set(decode(content))) == 120
    assert faults(page) == []

    # 4. One that is cancelled says so and can be asked for again.
    page = clerk.go(urlsplit(order_url).path)
    page.locator("#kind").select_option("csv")
    page.locator("#files").get_by_role("button", name=t("Draw the file")).click()
    page.get_by_role("button", name=t("Cancel")).click()
    expect(page.locator("main")).to_contain_text(t("Cancelled by a person. Nothing of it is kept."))
    assert faults(page) == []
    with Session(served.engine) as session:
        assert drawing.due(session, at=clock.now()) == []
    assert clerk.errors == []
