"""Reporting a suspicion, page by page, as a browser without scripts and cookies does it."""

from __future__ import annotations

import html
import io
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from sqlalchemy import select, text

from enforcement.models import InformantContact, Signal, SignalSource
from tests import factories
from tests.conftest import NOW
from tests.services.test_scanning import CHROME, code_of, issue
from tests.services.test_videos import heic
from trace import clock
from trace.models.history import History
from trace.models.tips import Tip, TipPhoto, TipReason, TipState
from trace.services import tips
from trace.services.limits import Limited
from trace.views import report

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session
    from werkzeug.test import TestResponse

    from tests.factories import World

PHONE = {"User-Agent": CHROME, "Accept": "text/html", "Accept-Language": "vi"}
WHY = {"reason": "goods_differ", "description": "Quả nhỏ, vỏ dày"}
WHERE = {"place": "Chợ Con, quầy 12"}


@pytest.fixture(autouse=True)
def at_noon(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(hours=2))
    app.extensions["limits"].forget()


def text_of(answer: TestResponse) -> str:
    return str(answer.get_data(as_text=True))


def hidden(answer: TestResponse) -> dict[str, str]:
    """The hidden fields of a page."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', text_of(answer), re.DOTALL)
    return {name: html.unescape(value) for name, value in found}


class Visitor:
    """Somebody who fills in the pages: what a page carries hidden goes into the next."""

    def __init__(self, client: FlaskClient, path: str = "/report") -> None:
        self.client, self.path = client, path
        self.page = client.get(path, headers=PHONE)

    def send(self, **fields: str) -> TestResponse:
        carried = hidden(self.page)
        self.page = self.client.post(self.path, data={**carried, "go": "next", **fields}, headers=PHONE)
        return self.page

    def fill(
        self, why: dict[str, str] | None = None, where: dict[str, str] | None = None, **contact: str
    ) -> TestResponse:
        self.send(**(why or WHY))
        self.send(**(where or WHERE))
        return self.send(**contact)


@pytest.fixture
def visitor(client: FlaskClient, world: World) -> Visitor:
    return Visitor(client)


def only_tip(session: Session) -> Tip:
    return session.scalars(select(Tip)).one()


def test_a_report_goes_from_question_to_receipt(session: Session, visitor: Visitor) -> None:
    assert 'name="reason"' in text_of(visitor.page)
    check = visitor.fill()
    for said in ("Hàng không giống thông tin trên tem", "Quả nhỏ, vỏ dày", "Chợ Con, quầy 12"):
        assert said in text_of(check)
    sent = visitor.send()
    assert sent.status_code == 303
    receipt = visitor.client.get(sent.headers["Location"], headers=PHONE)
    assert receipt.status_code == 200
    assert "PA-2026-00001" in text_of(receipt)
    tip = only_tip(session)
    assert (tip.reason, tip.description, tip.place) == (TipReason.GOODS_DIFFER, "Quả nhỏ, vỏ dày", "Chợ Con, quầy 12")
    assert tip.received_at == NOW + timedelta(hours=2)


def test_the_report_is_a_signal_at_once(session: Session, visitor: Visitor) -> None:
    visitor.fill()
    visitor.send()
    signal = session.scalars(select(Signal)).one()
    assert (signal.source, signal.source_ref) == (SignalSource.TIP, str(only_tip(session).id))


def test_the_code_of_a_scanned_label_is_carried_along(session: Session, world: World, client: FlaskClient) -> None:
    issue(session, world)
    visitor = Visitor(client, f"/T/{code_of(7)}/report")
    assert code_of(7) in text_of(visitor.page)
    visitor.fill()
    visitor.send()
    tip = only_tip(session)
    assert (tip.code_text, tip.serial) == (code_of(7), 7)


@pytest.mark.parametrize("printed", ["7K4M-92QD-XJ3P", "không đọc được", "🍈", "x" * 80])
def test_a_wrong_code_is_kept_as_it_is_printed(session: Session, visitor: Visitor, printed: str) -> None:
    visitor.fill(why={**WHY, "code": printed})
    visitor.send()
    assert (only_tip(session).code_text, only_tip(session).serial) == (printed, None)


def test_any_answer_can_be_changed_on_the_last_page_and_none_is_lost(session: Session, visitor: Visitor) -> None:
    visitor.fill(contact="0912 345 678", consent="y")
    question = visitor.send(go="where")
    assert question.status_code == 200
    assert 'value="Chợ Con, quầy 12"' in text_of(question)
    check = visitor.send(place="Chợ Sắt")
    assert "Chợ Sắt" in text_of(check)
    assert "0912 345 678" in text_of(check)
    visitor.send()
    assert only_tip(session).place == "Chợ Sắt"


def test_going_back_judges_nothing_and_keeps_everything(visitor: Visitor) -> None:
    visitor.send(**WHY)
    back = visitor.send(go="why", listing_url="khong phai dia chi")
    assert back.status_code == 200
    assert "Quả nhỏ, vỏ dày" in text_of(back)
    assert hidden(back)["listing_url"] == "khong phai dia chi"


def test_all_faults_of_a_page_are_said_at_once_and_the_input_stays(visitor: Visitor) -> None:
    visitor.send(**WHY)
    answer = visitor.send(place="x" * 201, listing_url="javascript:alert(1)", commune="99999")
    assert answer.status_code == 422
    page = text_of(answer)
    assert page.count('href="#place"') == page.count('href="#listing_url"') == page.count('href="#commune"') == 1
    assert "x" * 201 in page
    assert 'value="javascript:alert(1)"' in page


@pytest.mark.parametrize(
    ("why", "fault"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": "bogus"}, "reason"),
        ({"reason": "other", "description": "  "}, "description"),
        ({"reason": "other", "description": "x" * 4001}, "description"),
        ({"reason": "no_label", "description": "a\x00b"}, "description"),
        ({"reason": "no_label", "code": "x" * 81}, "code"),
    ],
)
def test_a_first_page_with_a_fault_is_shown_again(visitor: Visitor, why: dict[str, str], fault: str) -> None:
    answer = visitor.send(**why)
    assert answer.status_code == 422
    assert f'href="#{fault}"' in text_of(answer)
    assert f'id="{fault}-error"' in text_of(answer)


@pytest.mark.parametrize("where", [{}, {"place": "   "}, {"commune": ""}])
def test_a_report_happens_somewhere(visitor: Visitor, where: dict[str, str]) -> None:
    visitor.send(**WHY)
    assert visitor.send(**where).status_code == 422


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("shop.vn/vai", "https://shop.vn/vai"), ("https://shop.vn/?a=1&b=2", "https://shop.vn/?a=1&b=2"), ("", None)],
)
def test_an_address_on_the_web_is_kept_whole(session: Session, visitor: Visitor, typed: str, kept: str | None) -> None:
    visitor.fill(where={"listing_url": typed, "place": "" if typed else "Chợ"})
    visitor.send()
    assert only_tip(session).listing_url == kept


@pytest.mark.parametrize(
    "typed",
    ["javascript:alert(1)", "http://", "https://x y.vn", "ftp://a.vn", "data:text/html,x", "http://[", "//a.vn"],
)
def test_what_is_no_address_is_refused(visitor: Visitor, typed: str) -> None:
    visitor.send(**WHY)
    assert visitor.send(listing_url=typed, place="Chợ").status_code == 422


def test_a_contact_needs_consent_and_is_sealed_apart(session: Session, visitor: Visitor) -> None:
    visitor.send(**WHY)
    visitor.send(**WHERE)
    assert "checked" not in text_of(visitor.page)
    assert visitor.send(contact="0912345678").status_code == 422
    visitor.send(contact="0912345678", consent="y")
    visitor.send()
    kept = session.scalars(select(InformantContact)).one()
    assert kept.tip_id == only_tip(session).id
    for table in ("tip", "history", "enforcement.signal", "idempotency_key", "informant.contact"):
        rows = session.scalars(text(f"SELECT row_to_json(t)::text FROM {table} t")).all()
        assert not [row for row in rows if "0912345678" in row], table


def test_without_a_contact_nothing_about_the_reporter_is_kept(session: Session, visitor: Visitor) -> None:
    visitor.fill(consent="y")
    visitor.send()
    assert factories.count(session, InformantContact) == 0
    assert session.scalars(select(History.by).where(History.subject_id == only_tip(session).id)).one() is None


def test_the_same_form_sent_twice_is_one_report_on_one_page(session: Session, visitor: Visitor) -> None:
    check = visitor.fill()
    form = {**hidden(check), "go": "next"}
    first, second = (visitor.client.post("/report", data=form, headers=PHONE) for _ in range(2))
    assert first.status_code == second.status_code == 303
    assert first.headers["Location"] == second.headers["Location"]
    assert factories.count(session, Tip) == factories.count(session, Signal) == 1


def test_the_secret_of_the_page_is_kept_nowhere(session: Session, visitor: Visitor) -> None:
    visitor.fill()
    secret = visitor.send().headers["Location"].rsplit("/", 1)[1].partition("?")[0]
    for table in ("tip", "idempotency_key", "history"):
        rows = session.scalars(text(f"SELECT row_to_json(t)::text FROM {table} t")).all()
        assert rows
        assert not [row for row in rows if secret in row], table


def test_the_key_with_other_content_is_refused(visitor: Visitor) -> None:
    form = {**hidden(visitor.fill()), "go": "next"}
    visitor.client.post("/report", data=form, headers=PHONE)
    assert visitor.client.post("/report", data={**form, "place": "Nơi khác"}, headers=PHONE).status_code == 422


def test_answers_altered_on_the_way_are_judged_again_at_the_end(session: Session, visitor: Visitor) -> None:
    form = {**hidden(visitor.fill()), "go": "next", "reason": "bogus", "place": "", "description": "x" * 5000}
    answer = visitor.client.post("/report", data=form, headers=PHONE)
    assert answer.status_code == 422
    assert text_of(answer).count("<li>") >= 3
    assert factories.count(session, Tip) == 0


@pytest.mark.parametrize(
    "form",
    [{}, {"step": "check"}, {"step": "bogus", "go": "bogus"}, {"step": "check", "go": "next", "reason": "other"}],
)
def test_a_form_out_of_nowhere_breaks_nothing(
    session: Session, world: World, client: FlaskClient, form: dict[str, str]
) -> None:
    assert client.post("/report", data=form, headers=PHONE).status_code == 422
    assert factories.count(session, Tip) == 0


def test_long_and_odd_text_goes_through_unharmed(session: Session, visitor: Visitor) -> None:
    description = "<b>Đông</b> \"'&amp; 🍈\r\nhàng hai\n" + "ả" * 3900
    visitor.fill(why={"reason": "other", "description": description}, where={"place": "Cho\u031b\u0323 " + "Đ" * 195})
    visitor.send()
    tip = only_tip(session)
    assert "🍈\nhàng hai\n" in tip.description.replace("\r\n", "\n")
    assert tip.description.startswith("<b>Đông</b> \"'&amp;")
    assert tip.place == "Chợ " + "Đ" * 195


def test_more_reports_than_a_network_may_send_wait_with_their_text(
    app: Flask, session: Session, visitor: Visitor
) -> None:
    with app.test_request_context(environ_base={"REMOTE_ADDR": "127.0.0.1"}):
        while not report.take(Limited.REPORT, clock.now()):
            pass
    visitor.fill(contact="0912 345 678", consent="y")
    answer = visitor.send()
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 3600
    for kept in ("Chợ Con, quầy 12", "0912 345 678", "Hãy gửi lại sau 12:"):
        assert kept in text_of(answer)
    assert factories.count(session, Tip) == 0
    app.extensions["limits"].forget()
    assert visitor.send().status_code == 303


def test_a_claimed_address_of_origin_is_no_way_round_the_limit(app: Flask, session: Session, visitor: Visitor) -> None:
    with app.test_request_context(environ_base={"REMOTE_ADDR": "127.0.0.1"}):
        while not report.take(Limited.REPORT, clock.now()):
            pass
    form = {**hidden(visitor.fill()), "go": "next"}
    for forged in ({"X-Forwarded-For": "203.0.113.7"}, {"Forwarded": "for=203.0.113.7"}, {"X-Real-IP": "203.0.113.7"}):
        assert visitor.client.post("/report", data=form, headers=PHONE | forged).status_code == 429
    assert factories.count(session, Tip) == 0


@pytest.fixture
def followed(session: Session, visitor: Visitor) -> tuple[FlaskClient, str]:
    """A client and the address of its report's page."""
    visitor.fill()
    return visitor.client, visitor.send().headers["Location"]


def photo(size: tuple[int, int] = (300, 200), fmt: str = "JPEG", colour: str = "red") -> io.BytesIO:
    drawn = io.BytesIO()
    Image.new("1" if size[0] > 5000 else "RGB", size, 1 if size[0] > 5000 else colour).save(drawn, fmt)
    return io.BytesIO(drawn.getvalue())


def post_photos(followed: tuple[FlaskClient, str], *photos: tuple[io.BytesIO, str]) -> TestResponse:
    client, address = followed
    answer = client.post(address, data={"photo": list(photos)}, headers=PHONE, content_type="multipart/form-data")
    answer.request.input_stream.close()  # the test client's own temporary file
    return answer


def test_photos_follow_once_the_text_is_safe(session: Session, followed: tuple[FlaskClient, str]) -> None:
    answer = post_photos(followed, (photo(), "tem.jpg"), (photo(colour="blue"), "túi.jpg"))
    assert answer.status_code == 303
    assert factories.count(session, TipPhoto) == 2
    tip = only_tip(session)
    assert [taken.file.name for taken in tip.photos] == [tip.number] * 2, "a file's own name may say who sent it"


def test_a_photo_sent_twice_is_one_photo(session: Session, followed: tuple[FlaskClient, str]) -> None:
    for _ in range(2):
        assert post_photos(followed, (photo(), "tem.jpg")).status_code == 303
    assert factories.count(session, TipPhoto) == 1


def test_a_photo_of_an_iphone_is_taken_and_shown_as_a_plain_one(
    session: Session, followed: tuple[FlaskClient, str]
) -> None:
    assert post_photos(followed, (io.BytesIO(heic()), "IMG_1.HEIC")).status_code == 303
    kept = only_tip(session).photos[0].file
    assert (kept.media_type, kept.copy_sha256 is not None) == ("image/heic", True)


def test_a_broken_photo_of_an_iphone_is_refused(followed: tuple[FlaskClient, str]) -> None:
    answer = post_photos(followed, (io.BytesIO(b"\x00\x00\x00\x18ftypheic" + bytes(300)), "IMG_1.HEIC"))
    assert answer.status_code == 422
    assert "IMG_1.HEIC: " in text_of(answer)


def test_each_bad_file_is_named_and_the_good_ones_are_kept(session: Session, followed: tuple[FlaskClient, str]) -> None:
    answer = post_photos(
        followed,
        (photo(), "tốt.jpg"),
        (io.BytesIO(b""), "rỗng.jpg"),
        (io.BytesIO(b"%PDF-1.7\nstartxref\n0\n%%EOF\n"), "đơn.jpg"),
        (photo((9000, 9000), "PNG"), "bom.png"),
        (io.BytesIO(b"\xff\xd8\xff" + b"x" * 40 * 2**20), "nặng.jpg"),
    )
    assert answer.status_code == 422
    page = text_of(answer)
    for name in ("rỗng.jpg", "đơn.jpg", "bom.png", "nặng.jpg"):
        assert f"{name}: " in page
    assert "tốt.jpg: " not in page
    assert factories.count(session, TipPhoto) == 1


def test_the_sixth_photo_is_refused(session: Session, followed: tuple[FlaskClient, str]) -> None:
    colours = ("red", "blue", "green", "white", "black", "gold")
    answer = post_photos(followed, *[(photo(colour=colour), f"{colour}.jpg") for colour in colours])
    assert answer.status_code == 422
    assert "nhiều nhất 5 ảnh; 1 ảnh không được nhận" in text_of(answer)
    assert factories.count(session, TipPhoto) == 5


def test_of_a_hundred_photos_the_first_five_are_kept(session: Session, followed: tuple[FlaskClient, str]) -> None:
    many = [(photo((9, 9), "PNG", f"rgb({number}, 0, 0)"), f"{number}.png") for number in range(100)]
    answer = post_photos(followed, *many)
    assert answer.status_code == 422
    assert "95 ảnh không được nhận" in text_of(answer)
    assert factories.count(session, TipPhoto) == 5


def test_sending_no_photo_says_so(followed: tuple[FlaskClient, str]) -> None:
    assert post_photos(followed).status_code == 422


def test_more_than_a_request_may_hold_is_said_so(followed: tuple[FlaskClient, str]) -> None:
    answer = post_photos(followed, (io.BytesIO(b"x" * 65 * 2**20), "nặng.jpg"))
    assert answer.status_code == 413


@pytest.mark.parametrize("secret", ["x", "A" * 32, "%00", "..%2f..", "🍈", "a" * 10_000])
def test_a_page_opens_to_nobody_without_its_address(world: World, client: FlaskClient, secret: str) -> None:
    assert client.get(f"/phan-anh/{secret}", headers=PHONE).status_code == 404
    assert client.post(f"/phan-anh/{secret}", headers=PHONE).status_code == 404


def test_the_reporter_sees_what_became_of_it(session: Session, world: World, followed: tuple[FlaskClient, str]) -> None:
    tips.tell(
        session,
        only_tip(session),
        TipState.CLOSED,
        answer="Đã kiểm tra cửa hàng.",
        by=world.people["officer"].id,
        at=NOW,
    )
    session.commit()
    page = text_of(followed[0].get(followed[1], headers=PHONE))
    assert "Đã kiểm tra cửa hàng." in page
    assert 'content="no-referrer"' in page


def test_no_page_of_a_report_sets_a_cookie(visitor: Visitor) -> None:
    pages = [visitor.page, visitor.send(**WHY), visitor.send(**WHERE), visitor.send(), visitor.send()]
    pages.append(visitor.client.get(pages[-1].headers["Location"], headers=PHONE))
    assert not [page for page in pages if "Set-Cookie" in page.headers]


@pytest.mark.parametrize("asked", ["x" * 10_000, "%00", "a%2fb", "{{7*7}}", "<script>alert(1)</script>"])
def test_odd_codes_in_the_address_break_nothing(world: World, client: FlaskClient, asked: str) -> None:
    answer = client.get(f"/T/{asked}/report", headers=PHONE)
    assert answer.status_code == 200
    assert "<script>alert" not in text_of(answer)
    assert len(text_of(answer)) < 30_000
