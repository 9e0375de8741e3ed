"""The whole job, played in a browser by the people whose job it is, on real parts: from a label order to a closed case."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect
from sqlalchemy import select

from enforcement.models import CaseEvent, CaseFile, Signal, SignalState
from enforcement.transitions import CaseState, Move
from labels import code
from tests import factories
from tests.browser.conftest import PHONE, Served, Visitor
from trace import clock, words
from trace.models.labels import LabelOrder

pytestmark = pytest.mark.browser

VI = words.read("vi")


def t(english: str, **facts: object) -> str:
    """What a Vietnamese reader sees for a message id."""
    text = VI[english] or english
    return text % facts if facts else text


def photo(path: Path, words_on_it: str) -> Path:
    picture = Image.new("RGB", (800, 600), "#88aa77")
    ImageDraw.Draw(picture).text((40, 40), words_on_it, fill="black")
    picture.save(path, "JPEG", exif=_exif())
    return path


def _exif() -> Any:
    exif = Image.Exif()
    exif[0x010F] = "Camera of the sample"
    return exif


def decode(pdf: bytes) -> list[str]:
    """Every code on every page, read off the pixels by a decoder that shares nothing with the encoder."""
    found = []
    document = pypdfium2.PdfDocument(pdf)
    for page in document:
        picture = page.render(scale=300 / 72).to_pil()
        found += [read.text for read in zxingcpp.read_barcodes(picture)]
        page.close()
    document.close()
    return found


def order_120_labels(clerk: Visitor, served: Served) -> str:
    """The clerk's order in three steps; returns the address of the order."""
    page = clerk.sign_in(served.world.clerk)
    page.get_by_role("link", name=t("Order labels for a certified lot")).click()
    page.get_by_role("link", name=t("Order for lot %(code)s", code=served.world.lot.code)).click()
    page.get_by_label(t("How many labels?")).fill("120")
    page.get_by_role("radio", name="2 kg").check()
    page.get_by_role("button", name=t("Continue")).click()
    quota = page.locator("main")
    expect(quota).to_contain_text("1 tấn")  # eligible volume before: 1,000 kg
    expect(quota).to_contain_text("760 kg")  # and after 120 labels of 2 kg
    page.get_by_role("button", name=t("Order %(n)s labels", n="120")).click()
    page.wait_for_url(re.compile(r"/tem/don/[0-9a-f-]{36}"))
    return page.url


def try_the_printer(page: Page, phone: Visitor) -> None:
    """One test label, which answers as a sample when a phone reads it; the clerk's page then says that it was scanned."""
    page.get_by_label(t("Printer")).first.fill("Máy in laser mẫu")
    page.get_by_role("button", name=t("Make a test label")).click()
    expect(page.locator("#tests")).to_contain_text(t("Not scanned yet"))
    with page.expect_download() as waiting:
        page.get_by_role("link", name=t("Test label, PDF")).click()
    (read,) = decode(Path(waiting.value.path()).read_bytes())
    expect(phone.go("/T/" + read.rpartition("/")[2]).get_by_role("heading", level=1)).to_have_text(t("Sample label"))
    page.reload()
    expect(page.locator("#tests")).not_to_contain_text(t("Not scanned yet"))


def print_and_download(page: Page) -> bytes:
    page.get_by_role("button", name=t("Print"), exact=True).click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name=t("Download PDF")).click()
    return Path(waiting.value.path()).read_bytes()


def deed(page: Page, link: str, button: str, fill: dict[str, str] | None = None) -> None:
    """One move on the order's page: open its panel, fill it, carry it out."""
    page.locator("main").get_by_role("link", name=link, exact=True).first.click()
    for label, value in (fill or {}).items():
        field = page.get_by_label(label)
        if field.evaluate("node => node.tagName") == "SELECT":
            field.select_option(label=value)
        else:
            field.fill(value)
    page.get_by_role("button", name=re.compile(re.escape(button))).last.click()


def test_the_story(served: Served, visitor: Callable[..., Visitor], tmp_path: Path) -> None:
    world, session = served.world, served.session
    clerk = visitor()

    # 1. An order through the gate, with the quota before and after, a test label that is scanned, and its PDF.
    order_url = order_120_labels(clerk, served)
    order = session.scalars(select(LabelOrder)).one()
    consumer = visitor(PHONE)
    try_the_printer(clerk.page, consumer)
    pdf = print_and_download(clerk.page)

    # 2. All 120 codes, none twice, each what the ledger issued.
    texts = decode(pdf)
    assert len(texts) == len(set(texts)) == 120
    issued = {code.encode(serial, factories.SECRET) for serial in range(order.serials.lower, order.serials.upper)}
    assert {text.rpartition("/")[2] for text in texts} == issued
    assert all(text.startswith("HTTPS://TEMTHAT.TEST/T/") for text in texts)
    path = "/T/" + code.encode(order.serials.lower, factories.SECRET)

    # 3. Received, handed over by one side and taken by the other, activated on the lot. Before that the label is not yet active.
    expect(consumer.go(path).get_by_role("heading", level=1)).to_have_text(t("Label not activated"))
    page = clerk.go(order_url.removeprefix(served.url))
    deed(page, t("LabelMove.receive"), t("LabelMove.receive"), {t("How many labels did you count?"): "120"})
    deed(page, t("LabelMove.hand_over"), t("LabelMove.hand_over"), {t("Who receives them"): world.packing_house.name})
    packer = visitor()
    packer.sign_in(world.packer)
    page = packer.go("/tem/ban-giao")
    page.get_by_role("button", name=t("Take %(n)s labels", n="120")).click()
    page = packer.go(order_url.removeprefix(served.url))
    deed(page, t("LabelMove.activate"), t("LabelMove.activate"))
    expect(page.locator("table").first).to_contain_text(t("LabelState.activated"))

    # 4. The consumer's page: valid, with what to compare. Nothing is stored in the browser.
    page = consumer.go(path.lower())
    expect(page.get_by_role("heading", level=1)).to_contain_text(t("Label valid"))
    expect(page.locator("body")).to_contain_text("Niêm phong nổi ở miệng túi")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert consumer.context.cookies() == []

    # 5. A report with a photo and a place; a number, and a page that shows it was received.
    page.get_by_role("link", name=t("Report a suspicion")).first.click()
    page.get_by_role("radio", name=t("TipReason.goods_differ")).check()
    page.get_by_label(t("What did you see?")).fill("Quả nhỏ, cuống khô, tem bóc ra dán lại được.")
    page.get_by_role("button", name=t("Go on")).last.click()
    page.get_by_label(t("Ward or commune"), exact=True).select_option("10813")
    page.get_by_label(t("Shop, market or stall")).fill("Chợ mẫu, sạp 12")
    page.get_by_role("button", name=t("Go on")).last.click()
    page.get_by_role("button", name=t("Go on")).last.click()
    page.get_by_role("button", name=t("Send the report")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("PA-")
    page.locator("input[type=file]").set_input_files(photo(tmp_path / "tem.jpg", "tem"))
    expect(page.locator("ul.sending li")).to_contain_text(t("sent"))  # in the background, without a press
    page.reload()
    expect(page.locator("body")).to_contain_text(t("TipState.received"))
    assert consumer.context.cookies() == []

    # 6. An inspector sees more of the same label, and records an observation with a photo.
    inspector = visitor(PHONE)
    inspector.sign_in(world.inspector)
    page = inspector.go(path)
    expect(page.locator("body")).to_contain_text(world.packing_house.name)
    page.get_by_role("link", name=t("Write an observation")).click()
    page.get_by_label(t("Ward or commune"), exact=True).select_option("10813")
    page.get_by_label(t("Shop, stall or address")).fill("Chợ mẫu, sạp 12")
    page.get_by_label(t("What you saw")).fill("Hai túi trên sạp mang cùng một số tem.")
    page.locator("input[type=file]").set_input_files(photo(tmp_path / "sap.jpg", "sap 12"))
    page.get_by_role("button", name=t("Record the observation")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("QS-")

    # 7. An officer opens a case from one signal and merges the other into it; officer and team head take it to its end.
    officer = visitor()
    officer.sign_in(world.officer)
    page = officer.go("/hang-doi")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.locator("tbody a").filter(has_text="QS-").click()
    page.get_by_label(t("Title of the case")).fill("Nghi tem sao chép – vải mẫu – chợ mẫu")
    page.get_by_role("button", name=t("Open the case")).click()
    page.wait_for_url(re.compile(r"/vu-viec/[0-9a-f-]{36}"))
    case_path = page.url.removeprefix(served.url)
    page = officer.go("/hang-doi")
    page.locator("tbody a").filter(has_text="PA-").click()
    page.locator("select[name=case]").select_option(index=1)
    page.get_by_role("button", name=t("Add to this case")).click()
    page.wait_for_url("**" + case_path)
    session.expire_all()
    assert {signal.state for signal in session.scalars(select(Signal))} == {SignalState.IN_CASE}
    team_head = visitor()
    team_head.sign_in(world.team_head)
    steps: list[tuple[Visitor, Move, dict[str, str]]] = [
        (officer, Move.SCREEN, {"note": "Đúng thẩm quyền, báo cáo đội trưởng"}),
        (team_head, Move.ASSIGN_VERIFICATION, {"note": "Giao thẩm tra trong 5 ngày"}),
        (officer, Move.PROPOSE_INSPECTION, {"note": "Đề xuất kiểm tra", "grounds": "Hai túi cùng một số tem"}),
        (
            team_head,
            Move.DECIDE_INSPECTION,
            {"decision_number": "01/QĐ-MẪU", "inspection_ground": "officers_proposal", "grounds": "Đề xuất mẫu"},
        ),
        (officer, Move.START_INSPECTION, {"note": "Công bố quyết định tại sạp 12"}),
        (officer, Move.END_INSPECTION, {"record_number": "01/BB-MẪU", "note": "Lập biên bản kiểm tra"}),
        (
            team_head,
            Move.FIND_NO_VIOLATION,
            {"note": "Người bán không biết tem bị chép", "grounds": "Kết quả thẩm tra mẫu"},
        ),
        (team_head, Move.CLOSE, {"outcome": "exposed_code", "note": "Đã thông báo, thay tem"}),
    ]
    clocks_seen = 0
    for who, move, fill in steps:
        page = who.go(case_path)
        if move is Move.CLOSE:  # the notice that the law asks for first
            notice = page.locator("form[action$='/da-lam']")
            notice.evaluate("node => { node.closest('details').open = true }")
            notice.get_by_role("radio").first.check()
            notice.locator("[name=done_on]").fill(f"{clock.now().astimezone(clock.CITY):%d/%m/%Y}")
            notice.locator("[name=document_number]").fill("01/TB-MẪU")
            notice.get_by_role("button").last.click()
            page = who.go(case_path)
        make(page, move, fill)
        clocks_seen += page.get_by_text(re.compile("còn|quá hạn")).count()
    assert clocks_seen > 0, "no legal deadline was shown on the way"
    session.expire_all()
    case = session.scalars(select(CaseFile)).one()
    assert case.state is CaseState.CLOSED
    done = [
        event.move
        for event in session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.seq))
        if event.move
    ]
    assert done == [move for _, move, _ in steps]
    told = officer.go(case_path).locator("body")
    for who in (world.officer, world.team_head):
        expect(told).to_contain_text(who.full_name)
    expect(told).to_contain_text("Đã thông báo, thay tem")
    evidence = case.evidence
    assert len(evidence) == 2, "the photos of both signals are evidence under their own folios"

    # 8. The manager sees the ledger of the roll add up, and the order's whole history.
    manager = visitor()
    manager.sign_in(world.manager)
    page = manager.go(order_url.removeprefix(served.url))
    expect(page.locator("#account")).to_contain_text(t("Every label is accounted for"))
    for deed_said in (
        "LabelMove.issue",
        "LabelMove.print",
        "LabelMove.receive",
        "LabelMove.hand_over",
        "LabelMove.activate",
    ):
        expect(page.locator("body")).to_contain_text(t(deed_said))

    for who in (clerk, packer, consumer, inspector, officer, team_head, manager):
        assert who.errors == [], who.errors


def make(page: Page, move: Move, fill: dict[str, str]) -> None:
    """One move of a case, with its form filled in."""
    panel = page.locator(f"#move-{move.value}")
    if not panel.get_attribute("open"):
        panel.evaluate("node => { node.open = true }")
    for name, value in fill.items():
        field = panel.locator(f"[name='{name}']").first
        kind = field.evaluate("node => node.type")
        if kind == "checkbox":
            panel.locator(f"[name='{name}'][value='{value}']").check()
        elif kind.startswith("select"):
            field.select_option(value)
        else:
            field.fill(value)
    panel.get_by_role("button").last.click()
    page.wait_for_load_state()
    assert page.locator("#errors").all_inner_texts() == [], move


def test_an_order_over_everything_is_refused_with_all_reasons(served: Served, visitor: Callable[..., Visitor]) -> None:
    world, session = served.world, served.session
    at = world.lot.recorded_at
    factories.nonconformity(session, world.title, world.cooperative, at, area_id=world.area.id)
    from trace.models.certificates import CertificateStatus

    world.certificate.status, world.certificate.status_reason = CertificateStatus.SUSPENDED, "Quá hạn khắc phục (mẫu)"
    session.commit()
    clerk = visitor()
    clerk.sign_in(world.clerk)
    page = clerk.go(f"/tem/don/moi?lot={world.lot.id}&quantity=2.000&pack_weight_g=2000&layout=a4-24")
    said = page.locator("#errors")
    expect(said).to_contain_text("Quá hạn khắc phục (mẫu)")
    expect(said).to_contain_text("Nhật ký canh tác thiếu tuần 23")
    expect(said.locator("li")).to_have_count(4)  # suspended, open point, over the balance, over the lot
    assert factories.count(session, LabelOrder) == 0


@pytest.mark.parametrize(
    ("make_code", "heading"),
    [
        (lambda: code.encode(1, bytes(32)), "This code was not found"),  # forged: the tag of another key
        (
            lambda: code.encode(900_000, factories.SECRET),
            "This code was not found",
        ),  # a right tag for a serial never issued
        (lambda: "7K4M-92QD", "This code is not right"),  # mistyped
    ],
    ids=["forged", "never issued", "mistyped"],
)
def test_wrong_codes_have_pages_of_their_own(
    make_code: Callable[[], str], heading: str, served: Served, visitor: Callable[..., Visitor]
) -> None:
    consumer = visitor(PHONE)
    page = consumer.go("/T/" + make_code())
    expect(page.get_by_role("heading", level=1)).to_have_text(t(heading))
