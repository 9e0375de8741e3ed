"""Applications on their pages: from the first page to the certificate and its public face, and every refusal on the way."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image

from tests import factories
from trace import clock
from trace.models.applications import Application, ApplicationState
from trace.models.certificates import CertificateStatus, UseCertificate
from trace.models.parties import Role
from trace.services import workdays

BASE = "/don-cap-quyen"


def photo() -> tuple[io.BytesIO, str]:
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "white").save(picture, "JPEG")
    picture.seek(0)
    return picture, "giấy đăng ký.jpg"


class Visitor:
    """A signed-in person who fills in forms as the page offers them: hidden fields are read, nothing is made up."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def page(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return str(answer.get_data(as_text=True))

    def post(self, path: str, data: dict[str, Any] | None = None, *, form: str | None = None) -> Any:
        source = self.page(form or path)
        action = re.escape(path)
        found = re.search(rf'<form method="post" action="{action}"[^>]*>(.*?)</form>', source, re.DOTALL)
        assert found, f"no form for {path} on {form or path}"
        hidden = re.findall(r'<input(?=[^>]*type="hidden")[^>]*name="([^"]+)"[^>]*value="([^"]*)"', found[1])
        return self.client.post(path, data={**dict(hidden), **(data or {})}, content_type="multipart/form-data")


@pytest.fixture
def people(session: Any, world: Any, sign_in: Any) -> Any:
    """A clerk of an organisation without a certificate, and two people of the managing body."""
    workdays.seed(session)
    at = clock.now()
    made = factories.party(session, "Hợp tác xã vải mẫu Cẩm Chế", address="Thôn mẫu 1", commune_code=world.commune.code)
    factories.area(session, world.title, made, "Vùng vải Cẩm Chế")
    clerk = factories.user(session, "thu.ky", "Người mẫu Ký", at)
    factories.role(session, clerk, made, Role.CLERK, at)
    from tests.test_access import totp_key

    second = factories.user(session, "quan.ly.2", "Người mẫu Duyệt", at, key=totp_key())
    factories.role(session, second, world.managing_body, Role.MANAGER, at)
    from trace.services import accounts

    accounts.set_second_factor(session, clerk, factories.TOTP_SECRET, key=totp_key(), at=at, by=None)
    session.commit()

    class People:
        party = made
        clerk_visits = Visitor(sign_in(clerk))
        manager = Visitor(sign_in(world.manager))
        decider = Visitor(sign_in(second))

    return People


def start(people: Any, world: Any) -> str:
    answer = people.clerk_visits.post(f"{BASE}/moi", {"applicant": str(people.party.id), "title": str(world.title.id)})
    assert answer.status_code == 303
    return str(answer.location)


def fill(people: Any, world: Any, where: str, session: Any) -> None:
    clerk = people.clerk_visits
    clerk.post(
        f"{where}/nguoi-nop",
        {"representative": "Người mẫu Ký", "tax_code": "0800000123", "phone": "0912345678", "address": "Thôn 1"},
    )
    clerk.post(f"{where}/san-pham", {"product": str(world.product.id), "sign_use": "Trên túi lưới"})
    area = session.query(factories.GrowingArea).filter_by(holder_id=people.party.id).one()
    clerk.post(f"{where}/vung-co-so", {"sources": str(area.id), "yearly_kg": "20.000", "making": "Theo quy trình"})
    for kind in ("identity", "production"):
        assert clerk.post(f"{where}/tai-lieu", {"kind": kind, "file": photo()}).status_code == 303
    clerk.post(f"{where}/cam-ket", {"agreed": "y", "name": "Người mẫu Ký"})


def evaluation(**changes: str) -> dict[str, Any]:
    today = clock.now().astimezone(clock.CITY).strftime("%d/%m/%Y")
    found = {"evaluated_on": today, "minutes": "Đã xem vườn"}
    for place in range(6):
        found |= {f"results-{place}-result": "met", f"results-{place}-note": ""}
    return found | changes


def state_of(session: Any) -> ApplicationState:
    session.expire_all()
    return session.query(Application).one().state


def test_from_the_first_page_to_the_certificate_and_its_public_face(
    session: Any, world: Any, people: Any, client: Any
) -> None:
    where = start(people, world)
    clerk, manager, decider = people.clerk_visits, people.manager, people.decider
    assert "Còn thiếu" in clerk.page(where)
    fill(people, world, where, session)
    assert clerk.page(where).count("Xong") >= 5
    assert clerk.post(f"{where}/nop", form=where).status_code == 303
    assert people.party.name in manager.page(BASE)
    assert manager.post(f"{where}/tiep-nhan", form=where).status_code == 303
    assert "TN-" in clerk.page(where)
    assert manager.client.get(f"{where}/giay-tiep-nhan.pdf").data.startswith(b"%PDF")
    answer = manager.post(f"{where}/tham-dinh", evaluation() | {"files": photo()})
    assert answer.status_code == 303
    assert f"{where}/cap" not in manager.page(where)  # whoever evaluated is not offered the decision
    answer = decider.post(f"{where}/cap", {"document_number": "12/QĐ-MẪU"}, form=where)
    assert answer.status_code == 303
    made = session.query(UseCertificate).filter_by(holder_id=people.party.id).one()
    assert made.number in clerk.page(where)
    assert clerk.client.get(f"/giay-chung-nhan/{made.id}/giay-chung-nhan.pdf").data.startswith(b"%PDF")
    for key in (made.number, made.id.hex.upper(), str(made.id)):
        public = client.get(f"/GCN/{key}")
        assert public.status_code == 200
        text = public.get_data(as_text=True)
        assert "Giấy chứng nhận đang có hiệu lực" in text
        assert people.party.name in text
        assert "Vùng vải Cẩm Chế" in text
        assert "0800000123" not in text


def test_every_page_can_be_left_and_taken_up_again(session: Any, world: Any, people: Any) -> None:
    where = start(people, world)
    clerk = people.clerk_visits
    answer = clerk.post(f"{where}/nguoi-nop", {"representative": "Người mẫu Ký", "go": "leave"})
    assert answer.location == where
    assert "Người mẫu Ký" in clerk.page(f"{where}/nguoi-nop")
    assert where in clerk.page("/trang-chinh")
    assert where in clerk.page(f"{BASE}/moi")


def test_handing_in_too_early_names_everything_with_the_page_to_mend_it(session: Any, world: Any, people: Any) -> None:
    where = start(people, world)
    answer = people.clerk_visits.post(f"{where}/nop", form=where)
    assert answer.status_code == 422
    errors = answer.get_data(as_text=True).split('id="errors"')[1].split("</div>")[0]
    assert (
        errors.count("<li>") == 9
    )  # representative, identity, phone, use of the sign, sources, volume, two papers, commitment
    for page in ("nguoi-nop", "san-pham", "vung-co-so", "tai-lieu", "cam-ket"):
        assert f"{where}/{page}" in errors
    assert state_of(session) is ApplicationState.DRAFT


@pytest.mark.parametrize(
    ("part", "data"),
    [
        ("nguoi-nop", {"tax_code": "080000012"}), ("nguoi-nop", {"id_number": "12345678901"}), ("nguoi-nop", {"phone": "+84912345678"}),
        ("nguoi-nop", {"address": "x" * 301}), ("san-pham", {"product": str(factories.some_id())}), ("vung-co-so", {"yearly_kg": "nhiều"}),
        ("vung-co-so", {"yearly_kg": "-5"}), ("vung-co-so", {"yearly_kg": "9.999.999.999"}), ("cam-ket", {"name": "Người mẫu Ký"}),
    ],
)  # fmt: skip
def test_a_slip_is_named_at_its_field_and_nothing_typed_is_lost(
    session: Any, world: Any, people: Any, part: str, data: dict[str, str]
) -> None:
    where = start(people, world)
    answer = people.clerk_visits.post(
        f"{where}/{part}", {"representative": "Giữ nguyên", "sign_use": "Giữ nguyên", "making": "Giữ nguyên"} | data
    )
    assert answer.status_code == 422
    text = answer.get_data(as_text=True)
    assert 'role="alert"' in text
    assert "Giữ nguyên" in text or part == "cam-ket"


def test_a_file_that_is_none_is_refused_by_name(session: Any, world: Any, people: Any) -> None:
    where = start(people, world)
    for upload in ((io.BytesIO(b"not a picture"), "a.pdf"), (io.BytesIO(b""), "a.jpg")):
        answer = people.clerk_visits.post(f"{where}/tai-lieu", {"kind": "identity", "file": upload})
        assert answer.status_code == 422
        assert 'role="alert"' in answer.get_data(as_text=True)
    assert people.clerk_visits.post(f"{where}/tai-lieu", {"kind": ""}).status_code == 422


def test_the_second_of_two_writers_sees_what_changed_and_loses_nothing(session: Any, world: Any, people: Any) -> None:
    where = start(people, world)
    clerk = people.clerk_visits
    form = clerk.page(f"{where}/san-pham")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', form)
    seen = re.search(r'name="revision"[^>]*value="(\d+)"', form)
    assert token
    assert seen
    clerk.post(f"{where}/san-pham", {"sign_use": "Của người thứ nhất"})
    late = {"csrf_token": token[1], "revision": seen[1], "sign_use": "Của người thứ hai"}
    answer = clerk.client.post(f"{where}/san-pham", data=late)
    assert answer.status_code == 409
    text = answer.get_data(as_text=True)
    assert "Của người thứ nhất" in text
    assert "Của người thứ hai" in text
    fresh = re.search(r'name="revision"[^>]*value="(\d+)"', text)
    assert fresh
    assert clerk.client.post(f"{where}/san-pham", data=late | {"revision": fresh[1]}).status_code == 303


def test_a_move_sent_twice_counts_once(session: Any, world: Any, people: Any) -> None:
    where = start(people, world)
    fill(people, world, where, session)
    people.clerk_visits.post(f"{where}/nop", form=where)
    page = people.manager.page(where)
    form = re.search(rf'action="{where}/tiep-nhan".*?</form>', page, re.DOTALL)
    assert form
    data = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0]))
    first = people.manager.client.post(f"{where}/tiep-nhan", data=data)
    again = people.manager.client.post(f"{where}/tiep-nhan", data=data)
    assert (first.status_code, again.status_code) == (303, 303)
    assert first.location == again.location
    session.expire_all()
    assert session.query(Application).one().receipt_number.endswith("-00001")


def test_a_supplement_and_a_refusal_are_read_by_the_applicant(session: Any, world: Any, people: Any) -> None:
    where = start(people, world)
    fill(people, world, where, session)
    clerk, manager = people.clerk_visits, people.manager
    clerk.post(f"{where}/nop", form=where)
    assert manager.post(f"{where}/bo-sung", {"text": " "}, form=where).status_code == 422
    manager.post(f"{where}/bo-sung", {"text": "Thiếu hợp đồng thuê đất"}, form=where)
    assert "Thiếu hợp đồng thuê đất" in clerk.page(where)
    assert where in clerk.page("/trang-chinh")
    refused = {"reasons": "Vườn nằm ngoài khu vực địa lý", "document_number": "13/TB-MẪU"}
    assert people.decider.post(f"{where}/tu-choi", refused | {"reasons": ""}, form=where).status_code == 422
    assert people.decider.post(f"{where}/tu-choi", refused, form=where).status_code == 303
    assert "Vườn nằm ngoài khu vực địa lý" in clerk.page(where)
    notice = clerk.client.get(f"{where}/thong-bao-tu-choi.pdf")
    assert notice.data.startswith(b"%PDF")
    assert "attachment" in notice.headers["Content-Disposition"]


def test_files_are_shown_to_both_sides_and_to_nobody_else(session: Any, world: Any, people: Any, sign_in: Any) -> None:
    where = start(people, world)
    fill(people, world, where, session)
    people.clerk_visits.post(f"{where}/nop", form=where)
    path = re.findall(rf'href="({where}/tep/[^"]+)"', people.manager.page(where))[0]
    shown = people.manager.client.get(path)
    assert shown.status_code == 200
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    shown.close()
    assert sign_in(world.clerk).get(path).status_code == 404
    assert sign_in(world.clerk).get(where).status_code == 404
    assert sign_in(world.inspector).get(path).status_code == 403


def test_the_queue_filters_by_address_and_finds_without_diacritics(session: Any, world: Any, people: Any) -> None:
    where = start(people, world)
    assert where not in people.manager.page(BASE)  # a draft is the applicant's own
    fill(people, world, where, session)
    people.clerk_visits.post(f"{where}/nop", form=where)
    for query in ("", "?q=cam+che", "?state=submitted", f"?title={world.title.id}", "?q=0800000123"):
        assert where in people.manager.page(BASE + query), query
    for query in ("?q=khong+co", "?state=received", "?due=overdue", "?ended=1", f"?title={factories.some_id()}&q=zz"):
        assert where not in people.manager.page(BASE + query), query


def test_the_page_says_the_promised_day_and_the_days_left(session: Any, world: Any, people: Any) -> None:
    where = start(people, world)
    fill(people, world, where, session)
    people.clerk_visits.post(f"{where}/nop", form=where)
    people.manager.post(f"{where}/tiep-nhan", form=where)
    session.expire_all()
    row = session.query(Application).one()
    row.due_on = clock.now().date() - timedelta(days=20)
    session.commit()
    page = people.manager.page(where)
    assert "quá hạn" in page
    assert f"{row.promised_on:%d/%m/%Y}" in people.clerk_visits.page(where)
    assert "quá hạn" in people.manager.page("/trang-chinh")


def test_a_certificate_in_its_window_is_offered_for_renewal(
    session: Any, world: Any, people: Any, sign_in: Any
) -> None:
    from sqlalchemy.dialects.postgresql import Range

    from trace.services import reminders

    today = clock.now().astimezone(clock.CITY).date()
    world.certificate.valid_during = Range(today - timedelta(days=700), today + timedelta(days=30))
    reminders.daily(session, clock.now())
    session.commit()
    clerk = Visitor(sign_in(world.clerk))
    where = f"/giay-chung-nhan/{world.certificate.id}"
    assert where in clerk.page("/trang-chinh")
    assert where in people.manager.page("/trang-chinh")
    assert "/gia-han/" not in people.manager.page(where)
    answer = clerk.post(f"{BASE}/gia-han/{world.certificate.id}", form=where)
    assert answer.status_code == 303
    assert world.area.name in clerk.page(answer.location)
    assert f'href="{where}">Gia hạn giấy' not in clerk.page("/trang-chinh")


def test_a_suspension_changes_the_public_page_at_once_and_keeps_the_reason_inside(
    session: Any, world: Any, people: Any, client: Any
) -> None:
    from trace.models.titles import UseRegulation
    from trace.services import rules

    ground = "Dùng tem cho hàng ngoài vùng"
    session.query(UseRegulation).one().rules = rules.kept(rules.Rules(suspend_grounds=(ground,)))
    session.commit()
    where = f"/giay-chung-nhan/{world.certificate.id}"
    data = {
        "decision": "suspend",
        "ground": ground,
        "reason": "Ông A mua vải tỉnh khác",
        "document_number": "14/QĐ-MẪU",
    }
    assert people.manager.post(f"{where}/quyet-dinh", data | {"ground": "Bịa"}, form=where).status_code == 422
    assert people.manager.post(f"{where}/quyet-dinh", data, form=where).status_code == 303
    page = client.get(f"/gcn/{world.certificate.number}").get_data(as_text=True)
    assert "Quyền sử dụng đang bị đình chỉ" in page
    assert ground in page
    assert "14/QĐ-MẪU" in page
    assert "Ông A" not in page
    session.expire_all()
    assert world.certificate.status is CertificateStatus.SUSPENDED


def test_the_public_page_finds_by_number_and_says_what_to_do_when_it_does_not(world: Any, client: Any) -> None:
    assert client.get("/gcn/").status_code == 200
    assert client.get(f"/gcn/?so={world.certificate.number}").location.endswith("/gcn/M%E1%BA%AAU-0001")
    for missed in (
        "/gcn/?so=9999/2026/GCN",
        "/gcn/9999/2026/GCN",
        "/gcn/%00",
        f"/gcn/{factories.some_id()}",
        "/gcn/" + "9" * 5000,
    ):
        answer = client.get(missed)
        assert answer.status_code == 404, missed
        assert "Không có giấy chứng nhận nào mang số này" in answer.get_data(as_text=True)


def test_the_public_page_is_light_sets_no_cookie_and_draws_no_boundary(world: Any, client: Any) -> None:
    answer = client.get(f"/gcn/{world.certificate.number}", headers={"Accept-Encoding": "gzip"})
    assert len(answer.data) < 8_000
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    import gzip

    page = gzip.decompress(answer.data).decode()
    assert '<svg viewBox="-20' not in page
    assert "106." not in page


def test_who_was_authorised_on_a_day_is_asked_by_title_and_day(
    session: Any, world: Any, people: Any, sign_in: Any
) -> None:
    where = f"/giay-chung-nhan/theo-ngay?title={world.title.id}"
    today = clock.now().astimezone(clock.CITY).date()
    page = people.manager.page(f"{where}&on={today:%d/%m/%Y}")
    assert "MẪU-0001" in page
    assert "MẪU-0002" in page
    assert "MẪU-0001" not in people.manager.page(f"{where}&on=01/01/2001")
    own = Visitor(sign_in(world.clerk)).page(where)
    assert "MẪU-0001" in own
    assert "MẪU-0002" not in own
    assert people.manager.client.get(f"{where}&on=31/02/2026").status_code == 422
