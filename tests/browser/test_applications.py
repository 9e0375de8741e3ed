"""An application played in browsers: the clerk with a phone, two people of the managing body at a desk, anybody with the paper."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy import text

from tests import factories
from tests.browser.conftest import PHONE, Served, Visitor
from tests.browser.looks import faults
from tests.browser.test_story import t
from tests.test_access import totp_key
from trace import clock
from trace.models.parties import AppUser, Role

pytestmark = pytest.mark.browser


@pytest.fixture
def people(served: Served) -> dict[str, AppUser]:
    """An organisation without a certificate, its clerk, and a second manager of the managing body."""
    session, world, at = served.session, served.world, clock.now()
    party = factories.party(session, "Hợp tác xã vải mẫu Cẩm Chế", address="Thôn mẫu 1")
    factories.area(session, world.title, party, "Vùng vải Cẩm Chế")
    clerk = factories.user(session, "thu.ky", "Người mẫu Ký", at, key=totp_key())
    factories.role(session, clerk, party, Role.CLERK, at)
    second = factories.user(session, "quan.ly.2", "Người mẫu Duyệt", at, key=totp_key())
    factories.role(session, second, world.managing_body, Role.MANAGER, at)
    session.commit()
    return {"clerk": clerk, "second": second}


def press(page: Page, name: str) -> None:
    page.locator("main").get_by_role("button", name=name, exact=True).first.click()


def looked(page: Page) -> Page:
    """The page without a fault for a reader without eyes, with a phone, or of the language."""
    assert faults(page) == [], page.url
    return page


def fill_in(page: Page, photo: Path) -> None:
    """The five pages, one after another."""
    main = page.locator("main")
    main.get_by_role("link", name=t("Section.applicant"), exact=True).click()
    looked(page)
    page.get_by_label(t("Name of who signs for the applicant")).fill("Người mẫu Ký")
    page.get_by_label(t("Tax code")).fill("080000")
    page.get_by_label(t("Telephone")).fill("0912345678")
    press(page, t("Save and go on"))
    expect(page.locator("#errors")).to_contain_text(t("A tax code has 10 digits, 10 and 3 behind a hyphen, or 12."))
    looked(page)
    page.get_by_label(t("Tax code")).fill("0800000123")
    press(page, t("Save and go on"))
    page.get_by_label(t("How the sign will be used")).fill("Trên túi lưới 2 kg")
    looked(page)
    press(page, t("Save and go on"))
    page.get_by_role("checkbox", name=re.compile("Vùng vải Cẩm Chế")).check()
    page.get_by_label(t("Expected volume of a year")).fill("20.000")
    looked(page)
    press(page, t("Save and go on"))
    for kind in ("identity", "production"):
        page.get_by_label(t("What it shows")).select_option(kind)
        page.get_by_label(t("File"), exact=True).set_input_files(photo)
        press(page, t("Add the file"))
    expect(main).to_contain_text(photo.name)
    looked(page)
    main.get_by_role("link", name=t("Go on"), exact=True).click()
    page.get_by_role("checkbox").check()
    looked(page)
    press(page, t("Save and go on"))


def evaluate(page: Page) -> None:
    """Every criterion is met."""
    page.get_by_label(t("Day of the evaluation")).fill(clock.now().astimezone(clock.CITY).strftime("%d/%m/%Y"))
    looked(page)
    for choice in page.get_by_role("radio", name=t("CriterionResult.met"), exact=True).all():
        choice.check()
    page.get_by_label(t("Minutes"), exact=True).fill("Đã xem vườn cùng người đại diện")
    press(page, t("Record the evaluation"))


def test_an_application_becomes_a_certificate_whose_code_tells_how_it_stands(
    served: Served, people: dict[str, AppUser], visitor: Callable[..., Visitor], tmp_path: Path
) -> None:
    photo = tmp_path / "giay-mau.jpg"
    Image.new("RGB", (400, 300), "#88aa77").save(photo, "JPEG")
    clerk, manager, decider, anybody = visitor(PHONE), visitor(), visitor(), visitor(PHONE)

    page = clerk.sign_in(people["clerk"])
    looked(clerk.go("/don-cap-quyen/moi"))
    page.get_by_label(t("Title")).select_option(index=1)
    press(page, t("Start"))
    where = page.url.removeprefix(served.url)
    looked(page)
    fill_in(page, photo)
    expect(page.locator("main")).to_contain_text(t("Nothing is missing. Check once more, then hand in."))
    press(page, t("Hand in the application"))
    expect(page.locator("main")).to_contain_text(t("ApplicationState.submitted"))

    page = manager.sign_in(served.world.manager)
    page.get_by_role("link", name=re.compile("Cẩm Chế")).first.click()
    looked(page)
    press(page, t("Complete: give the receipt number"))
    expect(page.locator("main")).to_contain_text("TN-")
    page.get_by_role("link", name=t("Record an evaluation"), exact=True).click()
    evaluate(page)
    expect(page.locator("main")).to_contain_text(
        t("You evaluated this application, so another person decides about it.")
    )

    page = decider.sign_in(people["second"])
    decider.go(where)
    page.locator("#grant-document").fill("12/QĐ-MẪU")
    press(page, t("Grant and make the certificate"))
    looked(page)
    page.get_by_role("link", name=t("Open the certificate"), exact=True).click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name=t("Download the certificate (PDF)")).click()
    path = _path_on(Path(waiting.value.path()).read_bytes())
    public = looked(anybody.go(path))
    expect(public.locator("main")).to_contain_text(t("The certificate is in force"))
    expect(public.locator("main")).to_contain_text("Vùng vải Cẩm Chế")

    page.get_by_label(t("Decision"), exact=True).select_option("suspend")
    page.get_by_label(t("Reason"), exact=True).fill("Lý do chỉ dành cho các bên")
    page.get_by_label(t("Number of the deciding document")).fill("14/QĐ-MẪU")
    press(page, t("Confirm the decision"))
    public = looked(anybody.go(path))
    expect(public.locator("main")).to_contain_text(t("The right of use is suspended"))
    expect(public.locator("main")).not_to_contain_text("Lý do chỉ dành")
    assert not anybody.context.cookies()
    assert not [
        said for one in (clerk, manager, decider, anybody) for said in one.errors if "Failed to load" not in said
    ]
    assert served.session.scalar(text("SELECT count(*) FROM application WHERE state = 'granted'")) == 1


def _path_on(pdf: bytes) -> Any:
    """Where the code on the paper leads to, on this machine."""
    with pypdfium2.PdfDocument(pdf) as document:
        (read,) = zxingcpp.read_barcodes(document[0].render(scale=200 / 72).to_pil())
    return "/" + read.text.split("/", 3)[3]
