"""The register played by the people who keep it: a title with rules of its own, from its first page to an order of labels.

Only people, with their organisations, are seeded; everything else is written through the pages, found by the links that lead to them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import FilePayload, Page, expect
from sqlalchemy import select

from tests import factories, geofiles
from tests.browser.conftest import PHONE, Served, Visitor
from tests.browser.looks import faults
from tests.browser.test_story import t, try_the_printer
from tests.browser.test_visit import choose, go_on, sign
from tests.test_access import totp_key
from trace import clock
from trace.models.areas import GrowingArea
from trace.models.certificates import CertificateStatus, UseCertificate
from trace.models.controls import Nonconformity, Severity
from trace.models.labels import LabelOrder
from trace.models.lots import EligibleBalance, Lot, LotState
from trace.models.parties import AppUser, Party, PartyKind, Role
from trace.services import rules

pytestmark = pytest.mark.browser

TITLE, PRODUCT, SEASON = "Ổi mẫu Hà Đông", "Ổi mẫu", "Vụ mẫu"
AREAS = ("Vườn ổi mẫu A", "Vườn ổi mẫu B", "Vườn ổi mẫu C")
POINTS = (
    ("Tem còn nguyên", "The label is whole"),
    ("Quả có gân nổi", "Ribbed fruit"),
    ("Niêm phong nổi", "Raised seal"),
)
ITEMS = (
    ("OI-01", "Ranh giới đúng hồ sơ", Severity.MINOR),
    ("OI-02", "Chỉ dùng thuốc trong danh mục", Severity.CRITICAL),
    ("OI-03", "Tem cất trong tủ khóa", Severity.MAJOR),
)
PATTERN = "OI/{n:03}/{year}"
LOT = "L-OI-01"
CAP_KG_PER_HA = 5000
# Three squares of 4.61 ha side by side, within the commune, far from the areas of the small city.
SIDE, SOUTH, WEST = 0.002, 20.95, 106.44


@dataclass
class Cast:
    """Who takes part. Nobody of them has anything to do with the titles of the small city."""

    body: Party
    cooperative: Party
    manager: AppUser
    second: AppUser
    controller: AppUser
    clerk: AppUser


@pytest.fixture
def cast(served: Served) -> Cast:
    session, at = served.session, clock.now()
    body = factories.party(session, "Hội trồng ổi mẫu Hà Đông", PartyKind.ASSOCIATION)
    cooperative = factories.party(session, "Hợp tác xã ổi mẫu Hà Đông", address="Thôn mẫu 2")

    def person(login: str, name: str, organisation: Party, role: Role) -> AppUser:
        made = factories.user(session, login, name, at, key=totp_key())
        factories.role(session, made, organisation, role, at)
        return made

    made = Cast(
        body, cooperative,
        manager=person("quan.ly.oi", "Người mẫu Lý", body, Role.MANAGER),
        second=person("quan.ly.oi.2", "Người mẫu Duyệt", body, Role.MANAGER),
        controller=person("kiem.soat.oi", "Người mẫu Soát", body, Role.CONTROLLER),
        clerk=person("thu.ky.oi", "Người mẫu Ký", cooperative, Role.CLERK),
    )  # fmt: skip
    session.commit()
    return made


def day(days: int = 0) -> str:
    """A day as people write it, so many from today."""
    return (clock.now().astimezone(clock.CITY) + timedelta(days=days)).strftime("%d/%m/%Y")


def looked(page: Page) -> Page:
    """The page without a fault for a reader without eyes, with a phone, or of the language."""
    expect(page.get_by_role("heading", level=1)).not_to_have_text(t("Something went wrong on our side"))
    assert faults(page) == [], page.url
    return page


def press(page: Page, name: str) -> None:
    page.locator("main").get_by_role("button", name=name, exact=True).first.click()


def follow(page: Page, name: str) -> None:
    page.locator("main").get_by_role("link", name=name, exact=True).first.click()


def go_to(page: Page, place: str) -> None:
    """By the menu, which a phone keeps behind a link."""
    if page.locator(".menu-link").is_visible():
        page.locator(".menu-link").click()
    page.get_by_role("navigation", name=t("Main")).get_by_role("link", name=t(place), exact=True).click()


def main_says(page: Page, text: str) -> None:
    expect(page.locator("main")).to_contain_text(text)


def fill(page: Page, fields: dict[str, str]) -> None:
    """Type into fields by their labels, as the message ids call them; lists are chosen from by what they show."""
    for label, value in fields.items():
        field = page.get_by_label(re.compile("^" + re.escape(t(label)))).first
        if field.evaluate("node => node.tagName") == "SELECT":
            field.select_option(label=field.locator("option").filter(has_text=value).first.inner_text())
        else:
            field.fill(value)


def enter_title(page: Page, cast: Cast) -> None:
    """The title, its territory, its rules, its product with its season: each page leads to the next."""
    page.get_by_role("link", name=t("Enter titles, regulations, products and seasons")).click()
    follow(looked(page), t("Enter a title"))
    press(page, t("Save the title"))
    main_says(looked(page), t("Write the name."))
    fill(
        page,
        {
            "Kind": t("TitleKind.collective_mark"), "Name of the title": TITLE, "Filed": "02/01/2024", "Granted": "01/04/2025",
            "Nice classes": "31", "Goods in words": "Ổi tươi", "Managing body": cast.body.name, "Managing since": "01/04/2025",
            "Deciding document": "01/QĐ-MẪU",
        },
    )  # fmt: skip
    press(page, t("Save the title"))
    follow(looked(page), t("Choose the communes"))
    page.get_by_role("checkbox", name=re.compile("Thanh Hà")).check()
    fill(looked(page), {"Deciding document": "02/QĐ-MẪU"})
    press(page, t("Save the territory"))

    follow(page, t("Enter a new version"))
    fill(
        page,
        {
            "In force from": "01/04/2025", "Deciding document": "03/QĐ-MẪU", "Summary": "Quy chế mẫu cho ổi",
            "Pattern of certificate numbers": PATTERN, "A certificate is valid for": "24",
            "Renewal is asked for before the end": "45", "Check that an application is complete": "2", "Evaluate in the field": "10",
            "Decide on the application": "15", "What a field evaluation looks at": "Giống đúng quy chế\nCó sổ nhật ký",
            "Grounds to suspend a certificate": "Không khắc phục đúng hạn", "Pack weights": "1.000; 3.000", "Checks that gate labels": "OI-02",
        },
    )  # fmt: skip
    page.get_by_label(t("A growing-area code is required")).uncheck()
    press(looked(page), t("Save the version"))
    main_says(looked(page), rules.number_from(PATTERN, n=13, year=clock.now().year))
    follow(page, TITLE)

    follow(page, t("Enter a product"))
    fill(
        page,
        {"Name of the product": PRODUCT, "Name in English": "Sample guava", "Description for buyers": "Ổi quả tươi"},
    )
    page.locator("#source_kind").select_option("area")
    for n, (vi, en) in enumerate(POINTS):
        group = page.get_by_role("group", name=t("Point %(n)s", n=str(n + 1)))
        group.get_by_label(t("In Vietnamese")).fill(vi)
        group.get_by_label(t("In English")).fill(en)
    press(page, t("Save the product"))
    expect(looked(page).locator("#errors")).to_contain_text(
        t("None of the points is hard to copy. At least one must be.")
    )
    page.get_by_role("group", name=t("Point %(n)s", n="3")).get_by_role("checkbox").check()
    press(page, t("Save the product"))
    follow(page, t("Open a season"))
    fill(
        page,
        {"Name of the season": SEASON, "First day": day(-30), "Last day": day(60), "Yield cap": str(CAP_KG_PER_HA)},
    )
    press(looked(page), t("Save the season"))
    looked(page)


def draw_up_plan(page: Page) -> None:
    """A control plan of three items, the second of which gates labels by the use regulation."""
    go_to(page, "Titles")
    follow(page, TITLE)
    follow(looked(page), t("Open the control plan"))
    row = looked(page).locator("tr").filter(has_text=TITLE)
    row.get_by_role("button", name=t("Draft the next version")).click()
    for code, wording, severity in ITEMS:
        follow(page, t("Add an item"))
        fill(page, {"Code": code, "What is checked": wording, "How it is checked": "Xem tại chỗ"})
        page.locator("#frequency").select_option("half_yearly")
        page.locator("#severity").select_option(severity.value)
        page.locator("#evidence").select_option("none")
        press(looked(page), t("Save the item"))
    main_says(looked(page), t("blocks labels when it fails"))
    page.locator("#valid_from").fill(day())
    press(page, t("Put in force"))
    main_says(looked(page), t("In force"))


def file_of(rings: list[geofiles.Ring]) -> FilePayload:
    """Three gardens as a phone's map program writes them."""
    said = [{"Tên vùng": name, "Diện tích (ha)": "4,6"} for name in AREAS]
    features = [geofiles.feature(geofiles.polygon(ring), **facts) for ring, facts in zip(rings, said, strict=True)]
    return {"name": "vuon-oi.geojson", "mimeType": "application/geo+json", "buffer": geofiles.geojson(*features)}


def bring_in_areas(page: Page, served: Served) -> None:
    """A file with two faults, read in words; nothing is recorded until the mended file is taken over whole."""
    good = [geofiles.square(WEST + 1.5 * SIDE * n, SOUTH, SIDE) for n in range(3)]
    west, south, east, north = WEST + 1.5 * SIDE, SOUTH, WEST + 2.5 * SIDE, SOUTH + SIDE
    crossing = [(west, south), (east, south), (west, north), (east, north), (west, south)]
    outside = geofiles.square(106.4995, SOUTH, SIDE)  # across the border of the territory
    page.get_by_role("link", name=t("Bring in growing areas from a file")).click()
    for number, rings in enumerate([[good[0], crossing, outside], good]):
        page.get_by_label(t("File"), exact=True).set_input_files(file_of(rings))
        fill(page, {"Title": TITLE})
        press(looked(page), t("Send and check"))
        page.wait_for_url(re.compile("/vung-trong/nhap/[0-9a-f-]{36}"))
        looked(page)
        if number == 0:
            crossed, beyond = page.locator("main tbody tr").all()
            expect(crossed).to_contain_text(AREAS[1])
            expect(crossed).to_contain_text(
                t("The line of the boundary crosses or touches itself at %(where)s.", where="20.95100, 106.44400")
            )
            expect(beyond).to_contain_text(AREAS[2])
            expect(beyond).to_contain_text(TITLE)
            expect(page.get_by_role("button", name=re.compile(t("Take over all %(n)s areas", n="3")))).to_have_count(0)
            press(page, t("Give this file up"))
    assert served.session.scalar(select(GrowingArea).where(GrowingArea.name == AREAS[0])) is None
    press(page, t("Take over all %(n)s areas", n="3"))
    main_says(looked(page), "3")
    follow(page, t("See the growing areas"))
    for name in AREAS:
        main_says(page, name)
    looked(page)


def apply(page: Page, photo: Path) -> None:
    """The clerk's five pages."""
    go_to(page, "Applications")
    follow(page, t("Start an application"))
    fill(page, {"Title": TITLE})
    press(looked(page), t("Start"))
    follow(looked(page), t("Section.applicant"))
    fill(
        page,
        {"Name of who signs for the applicant": "Người mẫu Ký", "Tax code": "0800000999", "Telephone": "0912345678"},
    )
    press(looked(page), t("Save and go on"))
    fill(page, {"Product": PRODUCT, "How the sign will be used": "Trên túi lưới 1 kg"})
    press(looked(page), t("Save and go on"))
    for name in AREAS[:2]:
        page.get_by_role("checkbox", name=re.compile(name)).check()
    fill(page, {"Expected volume of a year": "20.000"})
    press(looked(page), t("Save and go on"))
    for kind in ("identity", "production"):
        page.get_by_label(t("What it shows")).select_option(kind)
        page.get_by_label(t("File"), exact=True).set_input_files(photo)
        press(page, t("Add the file"))
    follow(looked(page), t("Go on"))
    page.get_by_role("checkbox").check()
    press(looked(page), t("Save and go on"))
    press(looked(page), t("Hand in the application"))
    main_says(looked(page), t("ApplicationState.submitted"))


def decide(manager: Page, decider: Visitor, served: Served, cast: Cast) -> str:
    """Received and evaluated by one person, decided by another; returns the number of the certificate."""
    go_to(manager, "Home")
    looked(manager).get_by_role("link", name=re.compile(cast.cooperative.name)).first.click()
    press(looked(manager), t("Complete: give the receipt number"))
    follow(manager, t("Record an evaluation"))
    fill(manager, {"Day of the evaluation": day()})
    met = manager.get_by_role("radio", name=t("CriterionResult.met"), exact=True)
    expect(met).to_have_count(2)  # the criteria of this title's regulation
    for choice in met.all():
        choice.check()
    fill(looked(manager), {"Minutes": "Đã xem hai vườn cùng người đại diện"})
    press(manager, t("Record the evaluation"))
    main_says(looked(manager), t("You evaluated this application, so another person decides about it."))
    page = decider.sign_in(cast.second)
    page.get_by_role("link", name=re.compile(cast.cooperative.name)).first.click()
    page.locator("#grant-document").fill("12/QĐ-MẪU")
    press(looked(page), t("Grant and make the certificate"))
    follow(looked(page), t("Open the certificate"))
    looked(page)
    with page.expect_download() as waiting:
        page.get_by_role("link", name=t("Download the certificate (PDF)")).click()
    with pypdfium2.PdfDocument(Path(waiting.value.path()).read_bytes()) as document:
        (read,) = zxingcpp.read_barcodes(document[0].render(scale=200 / 72).to_pil())
        said = document[0].get_textpage().get_text_range()
    number = rules.number_from(PATTERN, n=1, year=clock.now().astimezone(clock.CITY).year)
    assert number in said
    public = decider.context.new_page()
    public.goto(served.url + "/" + read.text.split("/", 3)[3])
    main_says(looked(public), t("The certificate is in force"))
    public.close()
    return number


def visit(phone: Visitor, cast: Cast) -> None:
    """Card by card: the second item fails."""
    page = phone.sign_in(cast.controller)
    page.get_by_role("link", name=t("Record a control visit")).click()
    fill(page, {"Area or site": AREAS[0]})
    press(looked(page), t("Begin the visit"))
    page.wait_for_selector("#visit[data-ready]", state="attached")
    choose(looked(page), "conforms")
    go_on(page)
    choose(page, "fails")
    page.locator(".visit-card.now [name=action]").fill("Ngừng dùng thuốc ngoài danh mục, nộp hóa đơn thuốc")
    page.locator(".visit-card.now [name=note]").fill("Có vỏ thuốc ngoài danh mục ở góc vườn")
    page.locator(".visit-card.now [data-days='7']").click()
    go_on(looked(page))
    choose(page, "conforms")
    go_on(page)
    sign(looked(page))
    page.locator("#ket-thuc").get_by_role("button", name=t("Finish the visit")).click()
    page.wait_for_selector("text=Người mẫu Vườn")
    main_says(looked(page), t("Not passed"))


def confirm_volume(page: Page, served: Served) -> None:
    """The managing body confirms what two gardens may bear."""
    go_to(page, "Home")
    go_to(page, "Titles")
    follow(page, TITLE)
    page.get_by_role("link", name=re.compile(t("See the volumes"))).click()
    press(looked(page), t("Confirm all as reckoned"))
    main_says(looked(page), t("confirmed"))


def record_lot(page: Page, served: Served) -> None:
    go_to(page, "Home")
    page.get_by_role("link", name=t("Record a lot")).click()
    page.locator("#code").fill(LOT)
    fill(page, {"Area or site": AREAS[0]})
    page.locator("#season").select_option(index=1)
    fill(page, {"Volume": "600", "Harvested": day(-1), "Packed": day(), "Best before": day(14)})
    press(looked(page), t("Record the lot"))
    looked(page)


def order(page: Page, phone: Visitor) -> None:
    """100 packs of 3 kg, tested and printed."""
    page.get_by_role("link", name=t("Order for lot %(code)s", code=LOT)).click()
    fill(page, {"How many labels?": "100"})
    page.get_by_role("radio", name="3 kg").check()
    press(looked(page), t("Continue"))
    press(looked(page), t("Order %(n)s labels", n="100"))
    page.wait_for_url(re.compile(r"/tem/don/[0-9a-f-]{36}"))
    try_the_printer(looked(page), phone)
    page.get_by_role("button", name=t("Print"), exact=True).click()
    looked(page)


def test_a_title_with_its_own_rules_from_its_first_page_to_an_order(
    served: Served, cast: Cast, visitor: Callable[..., Visitor], tmp_path: Path
) -> None:
    session = served.session
    photo = tmp_path / "giay-mau.jpg"
    Image.new("RGB", (400, 300), "#88aa77").save(photo, "JPEG")
    manager, clerk, decider, controller, buyer = visitor(), visitor(PHONE), visitor(), visitor(PHONE), visitor(PHONE)

    # 1. The managing body enters its title with its rules, its goods and its control plan.
    enter_title(manager.sign_in(cast.manager), cast)
    draw_up_plan(manager.page)

    # 2. The cooperative brings its gardens in, and asks for the right of use, which two people grant.
    bring_in_areas(clerk.sign_in(cast.clerk), served)
    apply(clerk.page, photo)
    number = decide(manager.page, decider, served, cast)
    session.expire_all()
    certificate = session.scalars(select(UseCertificate).where(UseCertificate.holder_id == cast.cooperative.id)).one()
    assert certificate.number == number

    # 3. A visit finds what is critical; the volume and the lot do not wait for it.
    visit(controller, cast)
    confirm_volume(manager.page, served)
    record_lot(clerk.page, served)
    go_to(manager.page, "Home")
    follow(looked(manager.page), t("Certify lot %(code)s", code=LOT))
    press(looked(manager.page), t("Certify this lot"))
    looked(manager.page)

    # 4. No labels, and the reason leads to where it is put right.
    page = clerk.page
    go_to(page, "Home")
    page.get_by_role("link", name=t("Order labels for a certified lot")).click()
    closed = looked(page).locator("section.card").filter(has_text=LOT)
    expect(closed).to_contain_text("Chỉ dùng thuốc trong danh mục")
    expect(page.get_by_role("link", name=t("Order for lot %(code)s", code=LOT))).to_have_count(0)
    lot = session.scalars(select(Lot).where(Lot.code == LOT)).one()
    asked = clerk.context.new_page()
    asked.goto(f"{served.url}/tem/don/moi?lot={lot.id}&quantity=100&pack_weight_g=3000&layout=a4-24")
    expect(looked(asked).locator("#errors")).to_contain_text("Có vỏ thuốc ngoài danh mục ở góc vườn")
    asked.close()
    assert factories.count(session, LabelOrder) == 0
    closed.get_by_role("link").first.click()
    fill(page, {"In words": "Đã bỏ thuốc ngoài danh mục, nộp hóa đơn mua thuốc"})
    press(looked(page), t("Save the corrective action"))
    main_says(looked(page), t("not verified yet"))

    # 5. Another person verifies; the same order is taken.
    page = manager.page
    go_to(page, "Home")
    looked(page).get_by_role("link", name=re.compile(t("Verify: %(what)s", what=""))).click()
    page.get_by_role("radio", name=t("Yes, close it")).check()
    fill(page, {"In words": "Đã xem hóa đơn và kho thuốc"})
    press(looked(page), t("Record the verification"))
    main_says(looked(page), t("Closed"))
    page = clerk.page
    go_to(page, "Home")
    page.get_by_role("link", name=t("Order labels for a certified lot")).click()
    order(looked(page), buyer)

    # 6. What the books say.
    session.expire_all()
    found = session.scalars(select(Nonconformity).where(Nonconformity.title_id == certificate.title_id)).one()
    (action,) = found.actions
    assert (found.severity, found.blocking, found.holder_id) == (Severity.CRITICAL, True, cast.cooperative.id)
    assert (action.reported_by, action.effective, action.verified_by) == (cast.clerk.id, True, cast.manager.id)
    assert found.closed_at is not None
    assert certificate.status is CertificateStatus.ACTIVE
    assert {source.area.name for source in certificate.sources if source.area} == set(AREAS[:2])
    balance = session.scalars(select(EligibleBalance).where(EligibleBalance.holder_id == cast.cooperative.id)).one()
    ordered = session.scalars(select(LabelOrder)).one()
    assert (ordered.lot_id, ordered.quantity, ordered.pack_weight_g) == (lot.id, 100, 3000)
    # Two gardens of 4.6 declared hectares at the cap of the season, and what the labels took of it.
    assert (balance.eligible_g, balance.issued_g) == (2 * 4600 * CAP_KG_PER_HA, 300_000)
    assert (lot.state, lot.labelled_g) == (LotState.CERTIFIED, 300_000)
    for who in (manager, clerk, decider, controller, buyer):
        said = [each for each in who.errors if "422" not in each]  # what was refused on purpose
        assert said == []
