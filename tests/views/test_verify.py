"""The public answer about a label: statuses, words, what is counted, and what is never set."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from labels import code
from tests import factories
from tests.conftest import NOW
from tests.services.test_scanning import CHROME, code_of, issue
from trace import clock
from trace.models.labels import LabelState
from trace.models.scans import Comparison, ComparisonAnswer, Scan, ScanChannel, ScanKind
from trace.views import asking

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session

    from tests.factories import World

PHONE = {"User-Agent": CHROME, "Accept": "text/html", "Accept-Language": "vi"}


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(hours=2))


@pytest.fixture
def labelled(session: Session, world: World) -> World:
    """Labels 1 to 20 on the world's lot."""
    issue(session, world)
    return world


def text_of(answer: Any) -> str:
    return str(answer.get_data(as_text=True))


def heading(answer: Any) -> str:
    found = re.search(r"<h1>(.*?)</h1>", text_of(answer), re.DOTALL)
    assert found
    return found.group(1).strip()


def last_scan(session: Session) -> tuple[ScanKind, ScanChannel]:
    kind, channel = session.execute(select(Scan.kind, Scan.channel).order_by(Scan.id.desc()).limit(1)).one()
    return kind, channel


def test_a_good_label_is_valid_with_three_things_to_compare(labelled: World, client: FlaskClient) -> None:
    answer = client.get(f"/T/{code_of(1)}?lang=vi", headers=PHONE)
    assert answer.status_code == 200
    assert heading(answer) == "Tem hợp lệ"
    page = text_of(answer)
    assert page.count("<li>") == 3
    assert "Niêm phong nổi ở miệng túi" in page
    assert labelled.cooperative.name in page
    assert code.show(code_of(1)) in page


@pytest.mark.parametrize(
    "path", ["/t/{lower}", "/T/{groups}", "/T/{groups_lower}", "/T/{o}", "/T/%20{code}%20", "/T/{code}?utm_source=zalo"]
)
def test_every_way_of_writing_a_code_leads_to_it(labelled: World, client: FlaskClient, path: str) -> None:
    right = code_of(3)
    asked = path.format(
        code=right, lower=right.lower(), groups=code.show(right), groups_lower=code.show(right).lower(),
        o=right.replace("0", "O").replace("1", "i"),
    )  # fmt: skip
    answer = client.get(asked, headers=PHONE)
    assert answer.status_code == 200
    assert code.show(right) in text_of(answer)


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (LabelState.HANDED_OVER, ("Tem chưa kích hoạt", "Hỏi người bán")),
        (LabelState.VOIDED, ("Tem đã hủy", "Không nên mua")),
        (LabelState.RECALLED, ("Sản phẩm đang thu hồi", "Ngừng dùng")),
    ],
)
def test_each_state_has_its_page_and_its_action(
    session: Session, world: World, client: FlaskClient, state: LabelState, says: tuple[str, str]
) -> None:
    title, action = says
    issue(session, world, state=state)
    answer = client.get(f"/T/{code_of(1)}", headers=PHONE)
    assert answer.status_code == 200
    assert heading(answer) == title
    assert action in text_of(answer)
    assert f"/T/{code_of(1)}/report" in text_of(answer)


def test_forged_and_never_issued_codes_get_the_same_page(labelled: World, client: FlaskClient) -> None:
    forged, never = code.encode(1, b"x" * 32), code_of(900_000)
    pages = [client.get(f"/T/{asked}", headers=PHONE) for asked in (forged, never)]
    assert [page.status_code for page in pages] == [404, 404]
    bare = [
        re.sub(r'nonce="[^"]+"', "", text_of(page)).replace(asked, "").replace(code.show(asked), "")
        for page, asked in zip(pages, (forged, never), strict=True)
    ]
    assert bare[0] == bare[1]
    assert heading(pages[0]) == "Không tìm thấy mã này"


@pytest.mark.parametrize(
    "asked",
    [
        "x", "7K4M-92QD", "U" * 12, "a" * 10_000, "%00", "%00" * 12, "7K4M%0092QDXJ3P", "%F0%9F%8D%88", "..%2F..%2Fetc%2Fpasswd",
        "%E2%80%AE7K4M92QD", "%252e%252e%252f", "<script>alert(1)</script>", "'%20OR%201=1--", "%FF%FE", "7K4M 92QD XJ3P Z",
        "{{7*7}}",
    ],
)  # fmt: skip
def test_what_is_no_code_is_said_so_and_never_breaks(client: FlaskClient, asked: str) -> None:
    answer = client.get(f"/T/{asked}", headers=PHONE)
    assert answer.status_code == 400
    assert heading(answer) == "Mã chưa đúng"
    assert "<script>alert" not in text_of(answer)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/T/", "/T", "/T//", "/01/123/21/", "/T/x/so-sanh", "/T/..", "/01//21/x", "/T/%0d%0aSet-Cookie:x=1"]
)
def test_odd_addresses_are_no_fault_of_ours(client: FlaskClient, path: str) -> None:
    assert client.get(path, headers=PHONE).status_code in {308, 400, 404, 405}


def test_a_typed_code_goes_to_its_page_as_typed(session: Session, labelled: World, client: FlaskClient) -> None:
    answer = client.get("/nhap-ma", query_string={"code": f" {code.show(code_of(5)).lower()} "}, headers=PHONE)
    assert answer.status_code == 303
    client.get(answer.headers["Location"], headers=PHONE)
    assert last_scan(session) == (ScanKind.REAL, ScanChannel.TYPED)


@pytest.mark.parametrize("typed", ["abc", "7K4M-92QD-XJ3", "🍈", "a" * 10_000, "\x00", '"><script>x</script>'])
def test_a_mistyped_code_keeps_what_was_typed_and_says_what_is_wrong(client: FlaskClient, typed: str) -> None:
    answer = client.get("/nhap-ma", query_string={"code": typed})
    assert answer.status_code == 400
    page = text_of(answer)
    assert 'aria-invalid="true"' in page
    assert "<script>x" not in page
    if typed.isascii() and len(typed) < 20 and typed.isprintable() and "<" not in typed:
        assert f'value="{typed}"' in page


def test_the_start_page_asks_for_a_code(client: FlaskClient) -> None:
    for path in ("/", "/nhap-ma"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert 'name="code"' in text_of(answer)
    assert client.get("/nhap-ma?code=").status_code == 400


def test_no_public_page_sets_a_cookie(labelled: World, client: FlaskClient) -> None:
    asked = code_of(1)
    pages = [
        "/",
        "/nhap-ma",
        "/nhap-ma?code=x",
        f"/T/{asked}",
        "/T/x",
        f"/T/{code_of(900_000)}",
        "/report",
        f"/T/{asked}/report",
    ]
    for path in pages:
        assert "Set-Cookie" not in client.get(path, headers=PHONE).headers, path
    for path in (f"/T/{asked}/so-sanh", "/report", f"/T/{asked}/report"):
        assert "Set-Cookie" not in client.post(path, data={"answer": "match", "step": "why"}, headers=PHONE).headers, (
            path
        )


def test_links_keep_the_language_in_the_address(labelled: World, client: FlaskClient) -> None:
    page = text_of(client.get(f"/T/{code_of(1)}?lang=en", headers=PHONE))
    assert "Label valid" in page
    assert f'action="/T/{code_of(1)}/so-sanh?lang=en"' in page
    assert f'href="/T/{code_of(1)}/report?lang=en"' in page


def test_a_shared_view_link_never_counts(session: Session, labelled: World, client: FlaskClient) -> None:
    page = text_of(client.get(f"/T/{code_of(1)}", headers=PHONE))
    found = re.search(r'history\.replaceState\(null, "", "([^"]+)"\)', page)
    assert found
    client.get(found.group(1).replace("\\u0026", "&"), headers=PHONE | {"User-Agent": CHROME + " another"})
    assert last_scan(session)[0] is ScanKind.PREVIEW
    assert re.search(r'<script nonce="[^"]+">history', page)


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"User-Agent": "facebookexternalhit/1.1"}),
        ("GET", {**PHONE, "Sec-Purpose": "prefetch"}),
        ("HEAD", PHONE),
        ("GET", {"User-Agent": ""}),
    ],
)
def test_machines_get_the_page_but_do_not_count(
    session: Session, labelled: World, client: FlaskClient, method: str, headers: dict[str, str]
) -> None:
    assert client.open(f"/T/{code_of(1)}", method=method, headers=headers).status_code == 200
    assert last_scan(session)[0] is ScanKind.PREVIEW


def test_a_second_look_by_the_same_phone_is_a_reload(session: Session, labelled: World, client: FlaskClient) -> None:
    for _ in range(2):
        client.get(f"/T/{code_of(1)}", headers=PHONE)
    assert last_scan(session)[0] is ScanKind.RELOAD
    page = client.get(f"/T/{code_of(1)}", headers=PHONE | {"User-Agent": CHROME + " another"})
    assert heading(page) == "Tem hợp lệ, đã kiểm tra 2 lần"


def test_programs_get_the_same_facts_as_json(session: Session, labelled: World, client: FlaskClient) -> None:
    answer = client.get(f"/T/{code_of(1)}", headers={**PHONE, "Accept": "application/json"})
    assert answer.status_code == 200
    assert "Accept" in answer.headers["Vary"]
    assert answer.json is not None
    assert answer.json["kind"] == "valid"
    assert answer.json["product_name"] == "Vải thiều mẫu"
    assert answer.json["packed_on"] == "2026-06-14"
    assert {"text_vi", "text_en", "hard_to_copy", "kind"} <= set(answer.json["compare"][0])
    assert "serial" not in answer.json
    assert last_scan(session) == (ScanKind.REAL, ScanChannel.API)
    assert client.get("/T/x", headers={"Accept": "application/json"}).json["kind"] == "malformed"  # type: ignore[index]
    unknown = client.get(f"/T/{code_of(900_000)}", headers={"Accept": "application/json"})
    assert (unknown.status_code, unknown.json["kind"]) == (404, "unknown")  # type: ignore[index]


@pytest.mark.parametrize(
    ("gtin", "status"),
    [
        ("08936000000011", 200),
        ("8936000000011", 200),
        ("08936000000028", 404),
        ("08936000000012", 400),
        ("abc", 400),
        ("0" * 500, 400),
    ],
    ids=["right", "thirteen-digits", "of-other-goods", "check-digit", "letters", "long"],
)
def test_a_digital_link_must_carry_the_gtin_of_the_goods(
    session: Session, labelled: World, client: FlaskClient, gtin: str, status: int
) -> None:
    labelled.product.gtin = "08936000000011"
    session.commit()
    assert client.get(f"/01/{gtin}/21/{code_of(1)}", headers=PHONE).status_code == status


def test_a_digital_link_to_goods_without_a_gtin_is_unknown(labelled: World, client: FlaskClient) -> None:
    assert client.get(f"/01/08936000000011/21/{code_of(1)}", headers=PHONE).status_code == 404


@pytest.mark.parametrize(
    ("given", "words"),
    [("match", "Chưa thấy dấu hiệu bất thường"), ("differs", "Gửi phản ánh"), ("cannot", "Hãy nhờ người bán")],
)
def test_an_answer_is_kept_and_leads_on(
    session: Session, labelled: World, client: FlaskClient, given: str, words: str
) -> None:
    client.get(f"/T/{code_of(1)}", headers=PHONE)
    answer = client.post(f"/T/{code_of(1)}/so-sanh", data={"answer": given}, headers=PHONE)
    assert answer.status_code == 200
    assert words in text_of(answer)
    assert session.scalars(select(Comparison.answer)).one() == given
    assert factories.count(session, Scan, Scan.kind == ScanKind.REAL) == 1


def test_a_changed_mind_is_one_answer(session: Session, labelled: World, client: FlaskClient) -> None:
    for given in ("match", "differs", "differs"):
        client.post(f"/T/{code_of(1)}/so-sanh", data={"answer": given}, headers=PHONE)
    assert session.scalars(select(Comparison.answer)).one() is ComparisonAnswer.DIFFERS


@pytest.mark.parametrize(
    "sent",
    [("{good}", "yes", 422), ("{good}", "", 422), ("{never}", "match", 404), ("x", "match", 400)],
)
def test_answers_that_mean_nothing_are_not_kept(
    session: Session, labelled: World, client: FlaskClient, sent: tuple[str, str, int]
) -> None:
    asked, given, status = sent
    path = asked.format(good=code_of(1), never=code_of(900_000))
    assert client.post(f"/T/{path}/so-sanh", data={"answer": given}, headers=PHONE).status_code == status
    assert factories.count(session, Comparison) == 0


def test_robots_answer_no_comparison(session: Session, labelled: World, client: FlaskClient) -> None:
    client.post(f"/T/{code_of(1)}/so-sanh", data={"answer": "match"}, headers={"User-Agent": "Googlebot/2.1 bot"})
    assert factories.count(session, Comparison) == 0


def test_an_unreachable_register_says_nothing_about_the_goods(
    app: Flask, labelled: World, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.get(f"/T/{code_of(1)}", headers=PHONE)

    def down() -> Any:
        raise OperationalError("connect", {}, Exception())

    monkeypatch.setitem(app.extensions, "scan_cursor", down)
    answer = client.get(f"/T/{code_of(1)}", headers=PHONE)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"
    assert heading(answer) == "Chưa kiểm tra được"
    assert client.get("/T/x", headers=PHONE).status_code == 400


def test_keys_that_cannot_be_read_say_nothing_about_the_goods(
    app: Flask, labelled: World, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down() -> Any:
        raise OperationalError("connect", {}, Exception())

    monkeypatch.setitem(app.extensions, "scan_connection", down)  # before any key was read
    answer = client.get(f"/T/{code_of(1)}", headers=PHONE)
    assert (answer.status_code, heading(answer)) == (503, "Chưa kiểm tra được")


def test_a_fault_of_the_register_is_not_taken_for_silence(
    app: Flask, labelled: World, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking.scanning, "look", lambda *_a, **_k: 1 / 0)
    answer = client.get(f"/T/{code_of(1)}", headers=PHONE)
    assert answer.status_code == 500
    assert "Tem hợp lệ" not in text_of(answer)


def test_people_on_duty_see_more_and_do_not_count(
    session: Session, labelled: World, client: FlaskClient, sign_in: Any
) -> None:
    factories.nonconformity(session, labelled.title, labelled.cooperative, NOW)
    session.commit()
    client.get(f"/T/{code_of(1)}", headers=PHONE)
    page = text_of(sign_in(labelled.people["inspector"]).get(f"/T/{code_of(1)}", headers=PHONE))
    assert last_scan(session) == (ScanKind.CUSTODY, ScanChannel.STAFF)
    assert "DT-2026-00001" in page
    assert "Nhật ký canh tác thiếu tuần 23" in page
    assert f"/quan-sat/moi?code={code_of(1)}" in page


def test_the_public_and_other_staff_do_not_see_officers_facts(
    session: Session, labelled: World, client: FlaskClient, sign_in: Any
) -> None:
    for whoever in (client, sign_in(labelled.people["clerk"])):
        assert "DT-2026-00001" not in text_of(whoever.get(f"/T/{code_of(1)}", headers=PHONE))


def test_the_page_is_light_and_needs_nothing_else(labelled: World, client: FlaskClient) -> None:
    import gzip

    answer = client.get(f"/T/{code_of(1)}", headers=PHONE)
    assert len(gzip.compress(answer.data)) < 14 * 1024
    assert not re.search(r'(src|href)="[^"]+\.(css|js|woff2?|png|jpg|svg)', text_of(answer))


def test_a_product_with_a_bare_catalogue_is_filled_up_from_the_register(
    session: Session, labelled: World, client: FlaskClient
) -> None:
    from trace.models.titles import ComparisonPoint

    for point in session.scalars(select(ComparisonPoint)):
        session.delete(point)
    session.commit()
    page = text_of(client.get(f"/T/{code_of(1)}", headers=PHONE))
    assert page.count("<li>") == 2
    assert "14/06/2026" in page
