"""Cases as officers and heads work them in a browser: one from a report to the archive, with seizure, assessment, explanation, a fine of the
head of the branch and its execution; another handed to the police."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pypdfium2
import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from enforcement import intake
from enforcement.models import CaseEvent, CaseFile, Deadline, Exhibit, Obligation
from enforcement.papers import templates, units
from enforcement.papers.vocabulary import FieldKind
from enforcement.transitions import CaseState, Move
from tests.browser.conftest import Served, Visitor
from tests.browser.test_story import photo, t
from tests.services.test_scanning import issue
from trace import clock
from trace.models.tips import TipReason
from trace.services import tips

pytestmark = pytest.mark.browser


def today(page: Page, days: int = 0) -> str:
    """A day as people here write it."""
    return (clock.now() + timedelta(days=days)).astimezone(clock.CITY).strftime("%d/%m/%Y")


def answer(form: Locator, values: dict[str, str]) -> None:
    """Fill in the fields of a form by their names."""
    for name, value in values.items():
        field = form.locator(f"[name='{name}']").first
        kind = field.evaluate("node => node.type")
        if kind in {"checkbox", "radio"}:
            form.locator(f"[name='{name}']" + (f"[value='{value}']" if value != "y" else "")).first.check()
        elif kind.startswith("select"):
            if form.locator(f"[name='{name}'] option[value='{value}']").count():
                field.select_option(value)
            else:
                field.select_option(index=int(value))
        elif kind == "file":
            field.set_input_files(value)
        else:
            field.fill(value)


def send(page: Page, ending: str, **values: str) -> None:
    """Fill in and send the form of a page whose address ends so; its panel is opened first, and nothing may be refused."""
    form = page.locator(f"form[action$='{ending}'], form[action*='{ending}']").first
    form.evaluate(
        "node => { for (let at = node; at; at = at.parentElement) if (at.tagName === 'DETAILS') at.open = true }"
    )
    answer(form, values)
    form.get_by_role("button").last.click()
    expect(page.locator("#errors")).to_have_count(0)


BLANKS: dict[FieldKind, Callable[[], str]] = {
    FieldKind.NUMBER: lambda: "7",
    FieldKind.MONEY: lambda: "1.000.000",
    FieldKind.DATE: lambda: f"{clock.now().astimezone(clock.CITY):%d/%m/%Y}",
    FieldKind.MOMENT: lambda: f"{clock.now().astimezone(clock.CITY):%H:%M %d/%m/%Y}",
}
"""What an officer types where the case knows nothing."""


class Case:
    """One case and the people who work it, each with a browser of their own."""

    def __init__(self, path: str, officer: Visitor, team_head: Visitor, branch_head: Visitor) -> None:
        self.path, self.officer, self.team_head, self.branch_head = path, officer, team_head, branch_head

    def go(self, who: Visitor, tab: str = "") -> Page:
        return who.go(self.path + tab)

    def move(self, who: Visitor, move: Move, **values: str) -> None:
        """One step of the law."""
        page = self.go(who)
        panel = page.locator(f"#move-{move.value}")
        if not panel.get_attribute("open"):
            panel.evaluate("node => { node.open = true }")
        answer(panel, values)
        panel.get_by_role("button").last.click()
        expect(page.locator("#errors")).to_have_count(0)

    def paper(self, who: Visitor, code: str, **values: str) -> str:
        """Draw up, sign and issue a document of the case; returns its number. Its PDF opens."""
        page = self.go(who, "/van-ban")
        button = page.locator(f"button[name=code][value='{code}']").first
        button.evaluate(
            "node => { for (let at = node; at; at = at.parentElement) if (at.tagName === 'DETAILS') at.open = true }"
        )
        button.click()
        page.wait_for_url(re.compile(r"/van-ban/[0-9a-f-]{36}$"))
        form = page.locator("#document-form")
        missing = {
            f"f-{field.name}": BLANKS.get(field.kind, lambda: "Nội dung mẫu")()
            for field in templates.seeds()[code].fields
            if field.required
        }
        empty = {name: text for name, text in missing.items() if not form.locator(f"[name='{name}']").input_value()}
        answer(form, empty | values)
        if form.locator("[name=confirmed]").count():
            form.locator("[name=confirmed]").check()
        form.get_by_role("button").last.click()
        if page.locator("#errors").count():
            raise AssertionError(f"{code}: {page.locator('#errors').inner_text()}")
        number = page.get_by_role("heading", level=1)
        found = re.search(r"\d{2,8}/[A-ZĐ0-9-]+", page.locator("main").inner_text())
        assert found, f"{code} has no number: {number.inner_text()}"
        answer_ = page.request.get(page.url + ".pdf")
        document = pypdfium2.PdfDocument(answer_.body())
        words = "".join(each.get_textpage().get_text_bounded() for each in document)
        assert "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" in words
        return found[0]


@pytest.fixture
def desk(served: Served, visitor: Callable[..., Visitor]) -> Callable[[str], Case]:
    """A case opened by an officer from a report, with the people who work it."""
    world, session = served.world, served.session
    issue(session, world)
    templates.seed(session)
    units.register(
        session, world.authority.id, unit_code="01", sub_unit_code="01", name="Đội Quản lý thị trường mẫu", parent_name="Chi cục Quản lý thị trường mẫu",
        place="Hải Phòng", by=world.administrator.id, at=clock.now(),
    )  # fmt: skip
    session.commit()
    people = [visitor() for _ in range(3)]
    for who, user in zip(people, (world.officer, world.team_head, world.branch_head), strict=True):
        who.sign_in(user)

    def opened(title: str) -> Case:
        with Session(served.engine) as other:
            tip, _secret = tips.submit(
                other, reason=TipReason.GOODS_DIFFER, description="Bao bì khác mẫu, tem bóc ra dán lại", code_text=None, serial=3,
                commune_code="10813", place="Chợ mẫu, sạp 12", listing_url=None, at=clock.now(),
            )  # fmt: skip
            intake.from_tip(other, tip, at=clock.now())
            other.commit()
        officer = people[0]
        page = officer.go("/hang-doi")
        page.locator("[data-desk-list] tbody a").first.click()
        page.locator("form[action$='/open'] [name=title]").fill(title)
        page.locator("form[action$='/open']").get_by_role("button").last.click()
        page.wait_for_url(re.compile(r"/vu-viec/[0-9a-f-]{36}"))
        path = page.url.removeprefix(served.url)
        page.get_by_role("button", name=t("Take this case")).click()
        return Case(path, *people)

    return opened


def up_to_inspection(case: Case) -> None:
    """What every inspected case goes through."""
    case.move(case.officer, Move.SCREEN, note="Đúng thẩm quyền, đã báo cáo")
    case.move(case.team_head, Move.ASSIGN_VERIFICATION, note="Giao thẩm tra trong 5 ngày")
    case.move(case.officer, Move.PROPOSE_INSPECTION, note="Đề xuất kiểm tra", grounds="Hai túi cùng một số tem")
    number = case.paper(case.team_head, "QĐKT")
    case.move(
        case.team_head, Move.DECIDE_INSPECTION, decision_number=number, inspection_ground="verified_information",
        grounds="Thông tin đã thẩm tra, xác minh",
    )  # fmt: skip
    case.move(case.officer, Move.START_INSPECTION, note="Công bố quyết định tại sạp 12")


def file_of(case: Case, tmp_path: Path) -> None:
    """Who did what with which goods, what is held, and a photo from the place."""
    page = case.go(case.officer, "/ho-so")
    send(
        page, "/ho-so/nguoi", role="suspected", is_organisation="y", name="Công ty mẫu Sạp 12", tax_code="0800000029",
        address="Chợ mẫu", commune="10813",
    )  # fmt: skip
    send(
        case.go(case.officer, "/ho-so"), "/ho-so/hanh-vi", description="Bán quả gắn chỉ dẫn địa lý khi không có quyền sử dụng",
        qualification="gi_infringement", began_on=today(page, -2), ended_on=today(page, -1), place="Chợ mẫu, sạp 12", commune="10813", offender="1",
    )  # fmt: skip
    send(
        case.go(case.officer, "/ho-so"), "/ho-so/hang-hoa", name="Quả tươi đóng túi 2 kg", quantity="300", unit="túi", unit_value="120.000",
        method="1", valued_on=today(page), act="1",
    )  # fmt: skip
    send(
        case.go(case.officer, "/ho-so"), "/ho-so/tang-vat", description="Quả tươi đóng túi 2 kg", quantity="300", unit="túi", condition="Còn nguyên",
        kept_at="Kho mẫu", keeper="Người mẫu Bộ", goods="1", seal_number="NP-0001", document_number="01/BB-NP",
    )  # fmt: skip
    send(
        case.go(case.officer, "/chung-cu"), "/chung-cu", file=str(photo(tmp_path / "sap.jpg", "sap 12")), title="Toàn cảnh sạp",
        origin="Máy ảnh của tổ kiểm tra", taken_on=today(page),
    )  # fmt: skip


def test_from_a_report_to_the_archive(served: Served, desk: Callable[[str], Case], tmp_path: Path) -> None:
    session = served.session
    case = desk("Nghi dùng chỉ dẫn địa lý không có quyền – chợ mẫu")
    up_to_inspection(case)
    file_of(case, tmp_path)

    # Seizure and assessment run beside the state, each with a clock or a day of its own.
    seizure = case.paper(case.team_head, "MQĐ20")
    page = case.go(case.team_head, "/ho-so")
    send(
        page, "/bien-phap", kind="seizure", number=seizure, subject="300 túi quả", addressee="Công ty mẫu Sạp 12",
        began_on=today(page), exhibits=exhibit_of(session),
    )  # fmt: skip
    expect(page.locator("#deadlines")).to_contain_text(t("DeadlineKind.seizure"))
    assessment = case.paper(case.team_head, "MQĐ41")
    send(
        case.go(case.team_head, "/ho-so"), "/bien-phap", kind="assessment", number=assessment, subject="Nguồn gốc quả", addressee="Tổ chức giám định mẫu",
        began_on=today(page), due_on=today(page, 3),
    )  # fmt: skip
    end(case, case.officer, "assessment", result="infringing", document_number="01/KL-GĐ")

    record = case.paper(case.officer, "MBB01")
    case.move(
        case.officer,
        Move.RECORD_VIOLATION,
        record_number=record,
        grounds="Điều 11 Nghị định 99/2013/NĐ-CP",
        evidence="1",
    )
    case.move(case.officer, Move.OPEN_EXPLANATION, note="Đã báo quyền giải trình")
    explained = case.paper(case.officer, "MBB03")
    case.move(
        case.officer,
        Move.PREPARE_DECISION,
        note="Đã nghe giải trình, trình ra quyết định",
        grounds="Giải trình không có căn cứ",
        explanation="meeting",
        explanation_number=explained,
    )

    # The head of the branch signs; the form has the bracket of the law in it.
    penalty = case.paper(case.branch_head, "MQĐ02")
    page = case.go(case.branch_head)
    panel = page.locator(f"#move-{Move.PENALISE.value}")
    panel.evaluate("node => { node.open = true }")
    answer(
        panel,
        {
            "decision_number": penalty,
            "grounds": "Điều 11 Nghị định 99/2013/NĐ-CP",
            "confiscation": "36.000.000",
            "remedies": "Buộc loại bỏ chỉ dẫn trên bao bì",
        },
    )
    panel.get_by_role("button").last.click()
    expect(page.locator("#errors")).to_have_count(0)
    session.expire_all()
    assert session.scalars(select(CaseFile)).one().state is CaseState.PENALISED

    case.move(case.officer, Move.START_EXECUTION, recipient="Người đại diện Công ty mẫu", note="Đã giao quyết định")
    # Closing while things are open is refused with all of them at once.
    page = case.go(case.branch_head)
    panel = page.locator(f"#move-{Move.CLOSE.value}")
    panel.evaluate("node => { node.open = true }")
    answer(panel, {"outcome": "infringement", "note": "Kết thúc"})
    panel.get_by_role("button").last.click()
    expect(page.locator("#errors")).to_have_count(1)
    assert page.locator("#errors li").count() > 3, "everything that is open, at once"
    expect(panel.locator("[name=note]")).to_have_value("Kết thúc")
    assert len(case.branch_head.errors) == 1, "the refusal, and nothing else"
    case.branch_head.errors.clear()

    carry_out(case, served)
    end(case, case.team_head, "seizure", result="confiscated", document_number="02/BB-TT")
    for deadline in running(session):
        fulfil(case, deadline)
    upload_everything(case)
    case.move(case.branch_head, Move.CLOSE, outcome="infringement", note="Đã thi hành xong")
    case.move(case.officer, Move.ARCHIVE, note="Nộp lưu trữ, đã đánh bút lục")
    session.expire_all()
    found = session.scalars(select(CaseFile)).one()
    assert found.state is CaseState.ARCHIVED
    assert running(session) == []
    done = session.scalars(select(CaseEvent.move).where(CaseEvent.move.is_not(None)).order_by(CaseEvent.seq)).all()
    assert done[-2:] == [Move.CLOSE, Move.ARCHIVE]
    for who in (case.officer, case.team_head, case.branch_head):
        assert who.errors == [], who.errors


def test_another_goes_to_the_police(served: Served, desk: Callable[[str], Case], tmp_path: Path) -> None:
    session = served.session
    case = desk("Nghi làm tem giả số lượng lớn – kho mẫu")
    up_to_inspection(case)
    file_of(case, tmp_path)
    decision = case.paper(case.branch_head, "MQĐ33")
    case.move(
        case.branch_head, Move.TRANSFER_CRIMINAL, decision_number=decision, grounds="Có dấu hiệu tội phạm (Điều 226 BLHS)", evidence="1",
        recipient="Cơ quan điều tra mẫu",
    )  # fmt: skip
    minutes = case.paper(case.officer, "MBB28")
    page = case.go(case.officer, "/ho-so")
    expect(page.locator("#handovers")).to_contain_text("Cơ quan điều tra mẫu")
    expect(page.locator("#handovers")).to_contain_text("NP-0001")
    page.locator("#handovers a.button").click()
    send(page, "/nhan", received_by="Điều tra viên mẫu", received_on=today(page), record_number=minutes)
    expect(page.locator("#handovers")).to_contain_text("Điều tra viên mẫu")
    session.expire_all()
    found = session.scalars(select(CaseFile)).one()
    assert found.state is CaseState.CRIMINAL_TRANSFER
    for who in (case.officer, case.team_head, case.branch_head):
        assert who.errors == [], who.errors


def exhibit_of(session: Session) -> str:
    session.expire_all()
    return str(session.scalars(select(Exhibit.id)).one())


def running(session: Session) -> list[Deadline]:
    session.expire_all()
    return list(session.scalars(select(Deadline).where(Deadline.met_at.is_(None), Deadline.stopped_at.is_(None))))


def end(case: Case, who: Visitor, kind: str, **values: str) -> None:
    """End a measure that runs."""
    page = case.go(who, "/ho-so")
    page.locator("#measures tr", has_text=t(f"MeasureKind.{kind}")).get_by_role("link").click()
    send(page, "/ket-thuc", ended_on=today(page), **values)


def carry_out(case: Case, served: Served) -> None:
    """Everything that the decision orders is paid or done."""
    session = served.session
    session.expire_all()
    for order in session.scalars(select(Obligation)).all():
        page = case.go(case.officer, f"/ho-so?sua={order.id}")
        if order.amount:
            send(page, "/nop", amount=str(order.amount), paid_on=today(page), document_number="BL-0001")
        else:
            send(page, "/xong", state="done", settled_on=today(page), document_number="03/BB-TH")


def fulfil(case: Case, deadline: Deadline) -> None:
    page = case.go(case.officer)
    if page.locator(f"[name=deadline][value='{deadline.id}']").count():
        send(page, "/da-lam", deadline=str(deadline.id), done_on=today(page), document_number="04/BB")


def upload_everything(case: Case) -> None:
    """Every issued paper is in INS."""
    page = case.go(case.officer, "/van-ban")
    links = page.locator("main table tbody th a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    for link in links:
        page = case.officer.go(link)
        if page.locator("form[action$='/ins']").count():
            moment = clock.now().astimezone(clock.CITY).strftime("%H:%M %d/%m/%Y")
            send(page, "/ins", uploaded=moment, receipt="INS-0001")
