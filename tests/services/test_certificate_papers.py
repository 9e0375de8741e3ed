"""The papers: drawn as PDF/A, with a QR that leads to the live page, and never a word that the register does not hold."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from PIL import Image

from tests.conftest import NOW
from tests.services.test_applications import Desk, S
from trace.services import certificate_papers, certificates, papers, public_certificates
from trace.services.certificates import Decision
from trace.services.reach import Reach

ALL = Reach(everything=True)
HOST = "TEMTHAT.TEST"


def text_of(pdf: bytes) -> str:
    with pypdfium2.PdfDocument(pdf) as document:
        return " ".join(" ".join(page.get_textpage().get_text_range() for page in document).split())


def picture_of(pdf: bytes) -> Image.Image:
    with pypdfium2.PdfDocument(pdf) as document:
        return document[0].render(scale=150 / 72).to_pil()


@pytest.fixture
def desk(session: Any, world: Any, tmp_path: Path) -> Desk:
    return Desk(session, world, tmp_path)


def certificate_pdf(session: Any, certificate: Any, at: datetime = NOW) -> bytes:
    name, content = certificate_papers.of_certificate(session, certificate.id, host=HOST, at=at, reach=ALL)
    assert name.startswith("giay-chung-nhan-")
    assert name.isascii()
    return content


def test_the_code_on_the_paper_leads_to_the_page_of_this_certificate(session: Any, world: Any, client: Any) -> None:
    found = zxingcpp.read_barcodes(picture_of(certificate_pdf(session, world.certificate)))
    assert [each.text for each in found] == [f"HTTPS://{HOST}/GCN/{world.certificate.id.hex.upper()}"]
    path = found[0].text.removeprefix(f"HTTPS://{HOST}")
    assert world.certificate.number in client.get(path).get_data(as_text=True)


def test_the_certificate_says_who_what_where_and_until_when(session: Any, desk: Desk) -> None:
    desk.reach_state(S.GRANTED)
    made = desk.made.certificate
    text = text_of(certificate_pdf(session, made, datetime(2026, 8, 21, 3, 0, tzinfo=UTC)))
    for words in (
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "GIẤY CHỨNG NHẬN", "QUYỀN SỬ DỤNG CHỈ DẪN ĐỊA LÝ", f"Số: {made.number}",
        "Hợp tác xã vải mẫu Cẩm Chế", "0800000123", "Vải mẫu Thanh Hà", "Vải thiều mẫu", "20.000 kg", "Vùng vải Cẩm Chế", "10,00 ha",
        "từ ngày 20 tháng 8 năm 2026 đến hết ngày 19 tháng 8 năm 2029", "12/QĐ-MẪU", "Nơi nhận:", "DỮ LIỆU MẪU",
        "10:00 21/08/2026", "đang có hiệu lực",
    ):  # fmt: skip
        assert words in text, words


def test_a_paper_drawn_after_a_suspension_says_so(session: Any, world: Any) -> None:
    assert "bị đình chỉ" not in text_of(certificate_pdf(session, world.certificate)).split("Giấy in")[0]
    certificates.decide(
        session, world.certificate.id, Decision.SUSPEND, reason="Lý do riêng", document_number="01/QĐ", by=world.manager.id, at=NOW,
        reach=ALL,
    )  # fmt: skip
    text = text_of(certificate_pdf(session, world.certificate, NOW + timedelta(minutes=1)))
    assert "Giấy chứng nhận này đang bị đình chỉ" in text
    assert "Lý do riêng" not in text


def test_the_same_facts_give_the_same_bytes_and_an_archive_file(session: Any, world: Any) -> None:
    first = certificate_pdf(session, world.certificate)
    assert first == certificate_pdf(session, world.certificate)
    assert b"pdfaid" in first


def test_a_long_name_and_many_areas_stay_on_the_paper(session: Any, world: Any) -> None:
    from tests import factories
    from trace.models.certificates import CertificateSource

    world.cooperative.name = (
        "Hợp tác xã Dịch vụ nông nghiệp và tiêu thụ vải thiều Thanh Quang, Thanh Sơn, Thanh Thủy mẫu"
    )
    for n in range(40):
        area = factories.area(session, world.title, world.cooperative, f"Vùng vải mẫu thứ {n:02d}")
        session.add(CertificateSource(certificate_id=world.certificate.id, area_id=area.id))
    session.flush()
    text = text_of(certificate_pdf(session, world.certificate))
    assert "Vùng vải mẫu thứ 39" in text
    assert world.cooperative.name in text


def test_the_notice_of_a_refusal_gives_every_reason(session: Any, desk: Desk) -> None:
    desk.reach_state(S.RECEIVED)
    desk.refuse(reasons="Vườn nằm ngoài khu vực địa lý\nNhật ký không đủ một vụ")
    name, content = certificate_papers.of_refusal(session, desk.id, reach=desk.own)
    text = text_of(content)
    assert name == "thong-bao-tu-choi-TN-2026-00001.pdf"
    for words in (
        "THÔNG BÁO",
        "từ chối cấp quyền sử dụng",
        "Vườn nằm ngoài khu vực địa lý",
        "Nhật ký không đủ một vụ",
        "13/TB-MẪU",
        "TN-2026-00001",
        "khiếu nại",
    ):
        assert words in text, words


def test_the_receipt_promises_a_day(session: Any, desk: Desk) -> None:
    with pytest.raises(certificate_papers.NothingToPrint):
        certificate_papers.of_receipt(session, desk.id, reach=desk.own)
    desk.reach_state(S.RECEIVED)
    text = text_of(certificate_papers.of_receipt(session, desk.id, reach=desk.own)[1])
    assert "TN-2026-00001" in text
    assert desk.made.promised_on is not None
    assert papers.day(desk.made.promised_on) in text


def test_without_a_refusal_there_is_no_notice(session: Any, desk: Desk) -> None:
    desk.reach_state(S.GRANTED)
    with pytest.raises(certificate_papers.NothingToPrint):
        certificate_papers.of_refusal(session, desk.id, reach=desk.own)


def test_a_later_certificate_is_named_on_the_page_of_the_old_one(session: Any, desk: Desk, world: Any) -> None:
    from sqlalchemy.dialects.postgresql import Range

    world.certificate.valid_during = Range(date(2024, 1, 1), date(2026, 1, 1))
    later = certificates.grant(
        session, title_id=world.title.id, holder_id=world.cooperative.id, number="MẪU-0008", valid_from=date(2026, 1, 1),
        valid_until=date(2028, 12, 31), area_ids=[world.area.id], document_number="08/QĐ", by=world.manager.id, at=NOW,
    )  # fmt: skip
    old = public_certificates.find(session, world.certificate.number, on=NOW.date())
    assert old.later is later
    assert old.standing is certificates.Standing.EXPIRED
    assert public_certificates.find(session, later.id.hex.upper(), on=NOW.date()).later is None


@pytest.mark.parametrize(
    "name", ["Hợp tác xã 🍒👩‍🌾", "公司 Thanh Hà", "Riêng \ue000\ufe0f", "#[x] \\ $a$ *b* @c <d> `e` //"]
)
def test_no_name_keeps_a_paper_from_being_drawn(session: Any, world: Any, name: str) -> None:
    world.cooperative.name = name
    session.flush()
    text = text_of(certificate_pdf(session, world.certificate))
    assert ("□" in text) is not name.startswith("#")
    if name.startswith("#"):
        assert name in text
