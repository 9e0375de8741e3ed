"""A cooperative's first roll on a phone: from the conditions to the account, with a refusal, a jam, two confirmations, a spoiled strip and a gap."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from labels import code
from tests import factories
from tests.browser.conftest import PHONE, Served, Visitor
from tests.browser.looks import faults
from tests.browser.test_story import decode, t, try_the_printer
from tests.conftest import MASTER
from tests.services.test_label_input import strip
from trace import clock, jobs
from trace.config import Config
from trace.models import printing
from trace.models.controls import Nonconformity
from trace.models.labels import HandoverState, LabelHandover, LabelMove, LabelOrder, LabelRange, LabelState, PrintRun
from trace.models.lots import LotState
from trace.services import keeping, ordering, reconciling
from trace.services.ranges import size

pytestmark = pytest.mark.browser

ROLL = "roll-50x30"
PRINTER = "Máy in laser mẫu"  # what `try_the_printer` types


def good(page: Page) -> Page:
    """The page as it stands, after a look at it."""
    assert faults(page) == []
    return page


def open_deed(page: Page, move: LabelMove, serials: str) -> None:
    """Open the panel of a move from the table of ranges and say which serials are meant."""
    link = page.locator("main").get_by_role("link", name=t(f"LabelMove.{move.value}"), exact=True)
    if not link.count():
        page.locator("main td summary").first.click()
    link.first.click()
    page.get_by_label(t("Serials"), exact=True).fill(serials)
    page.get_by_role("button", name=t("Update")).click()


def carry_out(page: Page, move: LabelMove, fill: dict[str, str] | None = None) -> None:
    """Fill in what the open panel asks for, and do it. The button says how many labels."""
    for label, value in (fill or {}).items():
        field = page.get_by_label(label)
        if field.evaluate("node => node.tagName") == "SELECT":
            field.select_option(label=value)
        else:
            field.fill(value)
    page.locator("#deed").get_by_role("button", name=re.compile(re.escape(t(f"LabelMove.{move.value}")))).last.click()
    expect(page.locator("#errors")).to_have_count(0)


def read_from_file(page: Page, file: dict[str, Any]) -> None:
    """Serials from a photo or a table, which the page shows before anything is done."""
    page.get_by_text(t("Read the serials from a photo or a table")).click()
    page.locator("#strip").set_input_files([file])  # type: ignore[list-item]
    page.get_by_role("button", name=t("Read the serials"), exact=True).click()


def states(session: Session, order_id: Any) -> dict[tuple[int, int], LabelState]:
    session.expire_all()
    rows = session.scalars(select(LabelRange).where(LabelRange.order_id == order_id).order_by(LabelRange.serials))
    return {(row.serials.lower or 0, (row.serials.upper or 0) - 1): row.state for row in rows}


def code_of(serial: int) -> str:
    return code.encode(serial, factories.SECRET)


def test_a_clerk_walks_the_whole_wizard(served: Served, visitor: Callable[..., Visitor], tmp_path: Path) -> None:
    world, session = served.world, served.session
    factories.lot(
        session, world.certificate, world.product, world.season, world.area, clock.now(), code="L-CHUA", state=LotState.DRAFT
    )  # fmt: skip
    session.commit()
    clerk, phone = visitor(PHONE), visitor(PHONE)
    clerk.sign_in(world.clerk)

    # 1. The conditions: a lot that may have labels, and one that may not, with the place to put it right.
    page = good(clerk.go("/tem/don/moi"))
    closed = page.locator("section.card").filter(has_text="L-CHUA")
    expect(closed).to_contain_text(t("Lot %(code)s is not certified yet.", code="L-CHUA"))
    expect(closed.get_by_role("link")).to_have_attribute("href", re.compile("/lo/"))
    page.get_by_role("link", name=t("Order for lot %(code)s", code=world.lot.code)).click()

    # 2. The quantity: every reason at once, nothing lost of what was typed, then a number that fits. 3. The layout.
    page.get_by_label(t("How many labels?")).fill("2.000")
    page.get_by_role("radio", name="2 kg").check()
    page.get_by_label(t("Label layout")).select_option(ROLL)
    page.get_by_role("button", name=t("Continue")).click()
    expect(good(page).locator("#errors li")).to_have_count(2)  # 4 t on 1 t of the season and on 600 kg of the lot
    expect(page.locator("#errors")).to_contain_text("3.000 kg")
    expect(page.locator("#errors")).to_contain_text("3.400 kg")
    expect(page.get_by_label(t("How many labels?"))).to_have_value("2.000")
    expect(page.get_by_label(t("Label layout"))).to_have_value(ROLL)
    page.get_by_label(t("How many labels?")).fill("120")
    page.get_by_role("button", name=t("Continue")).click()

    # 4. Check, and the order: once, however often the button is pressed.
    expect(good(page).locator("main")).to_contain_text("760 kg")
    drawn = page.locator("#drawing svg").bounding_box()
    assert drawn
    assert (round(drawn["width"] * 25.4 / 96), round(drawn["height"] * 25.4 / 96)) == (50, 30), (
        "one label at its real size"
    )
    page.get_by_role("button", name=t("Order %(n)s labels", n="120")).click()
    page.wait_for_url(re.compile(r"/tem/don/[0-9a-f-]{36}"))
    here = page.url.removeprefix(served.url)
    order = session.scalars(select(LabelOrder)).one()
    assert (order.quantity, order.layout, order.hidden_codes) == (120, ROLL, False)

    # 5. A test label that a phone reads as a sample, and the print.
    try_the_printer(good(page), phone)
    assert session.scalars(select(printing.TestPrint)).one().scanned_at is not None
    page.get_by_role("button", name=t("Print"), exact=True).click()
    expect(page.locator("#prints")).to_contain_text(PRINTER)
    expect(page.locator("#prints")).to_contain_text(world.clerk.full_name)
    page.locator("#kind").select_option("zpl")
    page.locator("#files").get_by_role("button", name=t("Draw the file")).click()
    page.wait_for_url(re.compile("/tem/tep/"))
    session.expire_all()
    config = Config(
        database_url=served.engine.url.render_as_string(hide_password=False), var_dir=served.files.parent, master_key=MASTER,
        host="TEMTHAT.TEST",
    )  # fmt: skip
    jobs.draw(served.engine, config, session.scalars(select(printing.Drawing)).one().id)
    with page.expect_download() as waiting:
        page.get_by_role("link", name=t("Download the file")).click()
    assert Path(waiting.value.path()).read_bytes().count(b"^XZ") >= 120
    with good(clerk.go(here)).expect_download() as waiting:
        page.get_by_role("link", name=t("Download PDF")).click()
    assert len(set(decode(Path(waiting.value.path()).read_bytes()))) == 120

    # 6. The printer jams at label 101: the old ones are void before new ones exist, so no serial lives twice.
    page.get_by_text(t("The printer jammed"), exact=True).click()
    page.get_by_label(t("First serial to print anew")).fill("101")
    page.get_by_role("group").or_(page.locator("main")).locator("#jam_reason").fill("Kẹt giấy ở tem 101")
    good(page).get_by_role("button", name=t("Void the rest and order new labels")).click()
    expect(page.locator("body")).to_contain_text(
        t("The old labels are void. Order %(number)s has %(n)s new ones.").split("%(")[0]
    )
    session.expire_all()
    again = session.scalars(select(LabelOrder).where(LabelOrder.id != order.id)).one()
    assert (again.quantity, again.serials) == (20, Range(121, 141))
    assert states(session, order.id) == {(1, 100): LabelState.PRINTED, (101, 120): LabelState.VOIDED}
    expect(phone.go("/T/" + code_of(101)).get_by_role("heading", level=1)).to_have_text(t("Label cancelled"))

    # 7. Counted in, offered by one side and taken by the other: two persons, and minutes.
    page = clerk.go(here)
    open_deed(page, LabelMove.RECEIVE, "1-100")
    carry_out(good(page), LabelMove.RECEIVE, {t("How many labels did you count?"): "100"})
    open_deed(page, LabelMove.HAND_OVER, "1-60")
    carry_out(good(page), LabelMove.HAND_OVER, {t("Who receives them"): world.packing_house.name})
    expect(good(page).locator("main")).to_contain_text(
        t("%(n)s labels wait for %(taker)s to confirm", n="60", taker=world.packing_house.name)
    )
    assert states(session, order.id)[(1, 100)] is LabelState.RECEIVED, "an offer moves nothing"
    packer = visitor(PHONE)
    packer.sign_in(world.packer)
    page = good(packer.go("/tem/ban-giao"))
    page.get_by_role("button", name=t("Take %(n)s labels", n="60")).click()
    expect(good(page).get_by_role("link", name=re.compile("PDF"))).to_have_count(1)
    handover = session.scalars(select(LabelHandover)).one()
    session.refresh(handover)
    assert (handover.state, handover.offered_by, handover.answered_by) == (
        HandoverState.TAKEN,
        world.clerk.id,
        world.packer.id,
    )

    # 8. Activated on the lot; some go on packs. A strip is spoiled: typed, photographed, listed in a table.
    page = good(packer.go(here))
    expect(page.locator("main")).not_to_contain_text("000.061")
    open_deed(page, LabelMove.ACTIVATE, "1-60")
    carry_out(good(page), LabelMove.ACTIVATE)
    expect(phone.go("/T/" + code_of(1)).get_by_role("heading", level=1)).to_contain_text(t("Label valid"))
    page = packer.go(here)
    open_deed(page, LabelMove.USE, "1-40")
    carry_out(page, LabelMove.USE)
    open_deed(page, LabelMove.SPOIL, "41-43")
    carry_out(good(page), LabelMove.SPOIL, {t("Reason"): "Rách khi dán"})
    page = packer.go(here)
    open_deed(page, LabelMove.SPOIL, "44")
    photo = strip(*map(code_of, (44, 45, 47)))
    read_from_file(page, {"name": "dai.jpg", "mimeType": "image/jpeg", "buffer": photo})
    expect(good(page).locator("#deed")).to_contain_text("000.044–000.045, 000.047")
    carry_out(page, LabelMove.SPOIL, {t("Reason"): "Ướt mưa"})
    page = clerk.go(here)
    open_deed(page, LabelMove.SPOIL, "91")
    table = "từ;đến\r\n91;93\r\n95;95\r\n".encode()
    read_from_file(page, {"name": "tem-hong.csv", "mimeType": "text/csv", "buffer": table})
    expect(page.locator("#deed")).to_contain_text("000.091–000.093, 000.095")
    carry_out(good(page), LabelMove.SPOIL, {t("Reason"): "Nhòe mực"})
    open_deed(page, LabelMove.LOSE, "100")
    carry_out(page, LabelMove.LOSE, {t("Reason"): "Rơi trên đường"})

    # 9. Reconciliation: opening + received − used − spoiled − lost − returned − voided = closing.
    page = good(packer.go("/tem/doi-soat"))
    told = dict(
        zip(
            page.locator("main tbody th").all_inner_texts(),
            page.locator("main tbody td").all_inner_texts(),
            strict=True,
        )
    )
    wanted = {
        "Received": "60",
        "− used": "-40",
        "− spoiled": "-6",
        "= closing by the ledger": "14",
        "Found in the ranges": "14",
    }
    assert {english: told[t(english)] for english in wanted} == wanted
    page = good(clerk.go("/tem/doi-soat"))
    lines = page.locator("main tbody tr").all_inner_texts()
    told = {line.split("\t")[0]: line.split("\t")[-1] for line in lines}
    wanted = {
        "Received": "100", "− used": "-40", "− spoiled": "-10", "− lost": "-1", "− returned": "0", "− voided": "0",
        "= closing by the ledger": "49", "Found in the ranges": "49",
    }  # fmt: skip
    assert {english: told[t(english)] for english in wanted} == wanted
    expect(page.locator("main")).to_contain_text(t("Every label is accounted for"))

    # 10. The count in hand says one less: the gap is a nonconformity by itself, and the gate is closed.
    page = clerk.go(here)
    page.get_by_label(t("How many labels do you have in hand?")).fill("48")
    page.get_by_role("button", name=t("Record the count")).click()
    page.wait_for_url(re.compile("/kiem-soat/diem/"))
    expect(page.locator("main")).to_contain_text("đếm được 48, sổ ghi 49")
    page = good(clerk.go("/tem/don/moi"))
    expect(page.get_by_role("link", name=t("Order for lot %(code)s", code=world.lot.code))).to_have_count(0)
    page = good(clerk.go(f"{here}/ngay"))
    expect(page.locator("main")).to_contain_text("000.096–000.099")

    # 11. The books, from the database.
    session.expire_all()
    found = session.scalars(select(Nonconformity)).one()
    assert (found.blocking, found.closed_at) == (True, None)
    at = clock.now()
    whole = reconciling.of_order(session, order.id, end=at)
    assert whole.adds_up
    assert (whole.in_hand.came, whole.in_hand.closing, whole.on_the_way.left[LabelMove.VOID]) == (100, 49, 20)
    kept = keeping.of_keeper(session, world.packing_house.id, end=at)
    assert (kept.came, kept.closing, kept.difference) == (60, 14, 0)
    assert reconciling.find_gaps(session, at) == 0
    covered = session.scalars(select(LabelRange.serials).order_by(LabelRange.serials)).all()
    assert (sum(map(size, covered)), covered[0].lower, covered[-1].upper) == (140, 1, 141)
    # 140 issued, 20 void and 10 spoiled given back; the lost one is not, for it may be on goods.
    session.refresh(world.balance)
    session.refresh(world.lot)
    assert (world.balance.issued_g, world.lot.labelled_g) == (110 * 2000, 110 * 2000)
    assert session.scalar(select(func.count()).select_from(PrintRun)) == 1
    assert ordering.show_ranges(covered[:1]) == "000.001–000.040"
    for who in (clerk, packer, phone):
        assert who.errors == [], who.errors
