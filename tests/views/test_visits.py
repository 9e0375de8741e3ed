"""A visit on its pages: cards as plain forms, the same facts as JSON, photos, the end, and every refusal."""

from __future__ import annotations

import io
import json
import re
import unicodedata
import uuid
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image

from tests import factories
from trace import clock
from trace.models.control_papers import ControlFile
from trace.models.controls import ControlAnswer, ControlVisit, Nonconformity, Outcome

NEW = "/kiem-soat/moi"


def today() -> str:
    return clock.now().astimezone(clock.CITY).strftime("%d/%m/%Y")


@pytest.fixture
def controller(world: Any, sign_in: Any) -> Any:
    return sign_in(world.controller)


@pytest.fixture
def begin(world: Any, controller: Any, token_of: Any) -> Any:
    token = token_of(controller, NEW)

    def send(key: str | None = None, **changes: str) -> Any:
        form = {"source": f"area:{world.area.id}", "level": "internal", "visited_on": today(), **changes}
        return controller.post(NEW, data=form | {"csrf_token": token, "idempotency_key": key or uuid.uuid4().hex})

    return send


@pytest.fixture
def place(begin: Any) -> str:
    """The address of a visit that was begun."""
    answer = begin()
    assert answer.status_code == 303
    found: str = answer.location
    return found


@pytest.fixture
def post(controller: Any, token_of: Any, place: str) -> Any:
    token = token_of(controller, place)

    def send(path: str, data: Any = None, *, body: Any = None, **headers: str) -> Any:
        if body is not None:
            return controller.post(
                place + path, json=body, headers={"X-CSRFToken": token, "Accept": "application/json", **headers}
            )
        return controller.post(place + path, data={"csrf_token": token, **(data or {})}, headers=headers)

    return send


def item(world: Any, code: str) -> str:
    return str(next(each.id for each in world.plan.items if each.code == code))


def answer(world: Any, code: str, sequence: int = 1, **facts: Any) -> dict[str, Any]:
    return {
        "item": item(world, code), "sequence": sequence, "outcome": "conforms", "note": "Đã xem", "action": "", "due": "",
        "as_before": False, "at": clock.now().isoformat(), **facts,
    }  # fmt: skip


def all_conform(world: Any) -> dict[str, Any]:
    return {"answers": [answer(world, each.code) for each in world.plan.items]}


def photo(name: str = "a.jpg") -> tuple[io.BytesIO, str]:
    made = io.BytesIO()
    Image.new("RGB", (60, 40), "navy").save(made, "JPEG")
    made.seek(0)
    return made, name


# ---------------------------------------------------------------------------------------------------------- beginning


def test_a_visit_begun_twice_is_one(begin: Any, session: Any) -> None:
    assert begin(key="k" * 12).location == begin(key="k" * 12).location == begin().location
    assert factories.count(session, ControlVisit) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"source": ""}, {"source": "site:x"}, {"level": "self"}, {"level": ""}, {"visited_on": ""}, {"visited_on": "2026-13-01"},
        {"visited_on": "10/06/2099"},
    ],
)  # fmt: skip
def test_a_beginning_with_a_fault_is_refused_with_422(begin: Any, session: Any, changes: dict[str, str]) -> None:
    refused = begin(**changes)
    assert refused.status_code == 422
    assert 'role="alert"' in refused.get_data(as_text=True)
    assert factories.count(session, ControlVisit) == 0


def test_nobody_controls_the_own_organisation(session: Any, begin: Any, world: Any) -> None:
    factories.role(session, world.controller, world.cooperative, factories.Role.PACKER, clock.now() - timedelta(days=1))
    session.commit()
    assert begin().status_code == 422


def test_a_clerk_records_a_self_control_and_answers_for_it(
    session: Any, world: Any, sign_in: Any, token_of: Any
) -> None:
    clerk, where = sign_in(world.clerk), "/kiem-soat/tu-kiem-soat"
    assert clerk.get(NEW).status_code == 403
    form = {"csrf_token": token_of(clerk, where), "idempotency_key": "s" * 12, "visited_on": today(), "level": "self"}
    begun = clerk.post(where, data=form | {"source": f"area:{world.area.id}"})
    assert begun.status_code == 303
    page = clerk.get(begun.location).get_data(as_text=True)
    assert page.count('class="visit-card"') == 3
    token = token_of(clerk, begun.location)
    for each in world.plan.items[:2]:
        data = {"csrf_token": token, "item": str(each.id), "outcome": "conforms", "note": "Tự xem"}
        assert clerk.post(begun.location + "/tra-loi", data=data).status_code == 303
    assert clerk.post(begun.location + "/ket-thuc", data={"csrf_token": token, "how": "own"}).status_code == 303
    assert session.query(ControlVisit).one().acknowledged.value == "own"


# -------------------------------------------------------------------------------------------------------------- cards


def test_every_item_is_a_card_that_works_without_script(
    world: Any, controller: Any, post: Any, place: str, session: Any
) -> None:
    page = controller.get(place).get_data(as_text=True)
    assert re.findall(r'data-check="([^"]+)"', page) == ["KS-01", "KS-02", "KS-03", "KS-04"]
    sent = post("/tra-loi", {"item": item(world, "KS-01"), "outcome": "fails", "note": unicodedata.normalize("NFD", "Lấn mương"),
                             "action": "Cắm mốc", "due_on": today(), "file": photo()})  # fmt: skip
    assert sent.status_code == 303
    assert sent.location.endswith("#m-KS-02")
    post("/tra-loi", {"item": item(world, "KS-01"), "outcome": "fails", "note": "Lấn mương", "action": "Cắm mốc", "due_on": today(),
                      "file": photo()})  # fmt: skip
    assert factories.count(session, ControlFile) == 1  # the same form twice, the photo once
    kept = session.query(ControlAnswer).order_by(ControlAnswer.sequence).first()
    assert (kept.outcome, kept.note, kept.action, kept.sequence) == (Outcome.FAILS, "Lấn mương", "Cắm mốc", 1)
    assert factories.count(session, ControlFile) == 1
    again = controller.get(place).get_data(as_text=True)
    assert "Lấn mương" in again
    assert "a.jpg" in again


def test_a_card_with_a_fault_keeps_what_was_typed(world: Any, post: Any, session: Any) -> None:
    refused = post(
        "/tra-loi", {"item": item(world, "KS-01"), "outcome": "fails", "action": "Cắm mốc", "due_on": "31/13/2026"}
    )
    assert refused.status_code == 422
    page = refused.get_data(as_text=True)
    assert "31/13/2026" in page
    assert "Cắm mốc" in page
    assert 'href="#m-KS-01"' in page
    assert factories.count(session, ControlAnswer) == 0


def test_as_last_time_takes_over_what_was_found(
    session: Any, world: Any, controller: Any, post: Any, place: str
) -> None:
    factories.visited(session, world.controller, clock.now() - timedelta(days=9), area_id=world.area.id)
    session.commit()
    assert "Như lần trước" in controller.get(place).get_data(as_text=True)
    post("/tra-loi", {"item": item(world, "KS-02"), "as_before": "1", "outcome": ""})
    kept = session.query(ControlAnswer).filter_by(as_before=True).one()
    assert (kept.outcome, kept.note) == (Outcome.CONFORMS, "Đã xem")


# ------------------------------------------------------------------------------------------------- what a device sends


def test_a_device_is_told_what_is_kept_and_what_was_overtaken(world: Any, post: Any) -> None:
    first = post("/tra-loi", body={"answers": [answer(world, "KS-01", 3)]})
    assert first.get_json() == {"saved": {item(world, "KS-01"): 3}, "overtaken": {}}
    again = post("/tra-loi", body={"answers": [answer(world, "KS-01", 3), answer(world, "KS-02", 1)]})
    assert again.get_json()["saved"] == {item(world, "KS-01"): 3, item(world, "KS-02"): 1}
    other = post("/tra-loi", body={"answers": [answer(world, "KS-01", 2, note="Máy khác")]})
    assert other.get_json() == {"saved": {}, "overtaken": {item(world, "KS-01"): 3}}


@pytest.mark.parametrize(
    "body",
    [
        [], {"answers": 1}, {"answers": [{"item": "x"}]}, {"answers": [{"sequence": 0}]}, {"answers": [{"outcome": "good"}]},
        {"answers": [{"at": "2026-06-15T08:00:00"}]}, {"answers": [{"extra": 1}]}, {"answers": [{"item": str(uuid.uuid4())}]},
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_words_and_nothing_is_half_kept(
    world: Any, post: Any, session: Any, body: Any
) -> None:
    if isinstance(body, dict) and isinstance(body["answers"], list):
        body = {"answers": [answer(world, "KS-02"), answer(world, "KS-01") | body["answers"][0]]}
    refused = post("/tra-loi", body=body)
    assert refused.status_code == 422
    assert refused.get_json()["title"]
    assert factories.count(session, ControlAnswer) == 0


@pytest.mark.parametrize(
    "told", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1970-01-01T00:00:07+00:00"]
)
def test_a_device_with_a_wrong_clock_loses_nothing_and_spoils_no_page(
    world: Any, post: Any, session: Any, controller: Any, place: str, told: str
) -> None:
    assert post("/tra-loi", body={"answers": [answer(world, "KS-01", at=told)]}).status_code == 200
    sent = {"item": item(world, "KS-01"), "id": str(uuid.uuid4()), "taken_at": told, "file": photo()}
    assert post("/anh", sent, Accept="application/json").status_code == 200
    assert controller.get(place).status_code == 200
    kept = session.query(ControlAnswer).one()
    assert kept.answered_at == kept.recorded_at
    assert session.query(ControlFile).one().taken_at is None


def test_a_day_that_is_no_day_loses_nothing_else(world: Any, post: Any, session: Any) -> None:
    sent = answer(world, "KS-01", outcome="fails", action="Cắm mốc", due="mai")
    assert post("/tra-loi", body={"answers": [sent]}).status_code == 200
    assert session.query(ControlAnswer).one().action == "Cắm mốc"


def test_a_photo_under_one_id_is_kept_once_and_no_photo_is_refused_in_words(
    world: Any, post: Any, session: Any, controller: Any
) -> None:
    known = str(uuid.uuid4())
    facts = {"item": item(world, "KS-01"), "id": known, "taken_at": clock.now().isoformat()}
    for _try in range(2):
        sent = post("/anh", {**facts, "file": photo()}, Accept="application/json")
        assert sent.status_code == 200
    assert factories.count(session, ControlFile) == 1
    shown = controller.get(sent.get_json()["url"])
    assert (shown.status_code, shown.mimetype) == (200, "image/jpeg")
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    shown.close()
    wrong = post(
        "/anh", {**facts, "id": str(uuid.uuid4()), "file": (io.BytesIO(b"MZ..."), "a.jpg")}, Accept="application/json"
    )
    assert wrong.status_code == 422
    assert post("/anh", {**facts, "id": "x", "file": photo()}, Accept="application/json").status_code == 422
    assert factories.count(session, ControlFile) == 1


# ------------------------------------------------------------------------------------------------------------- the end


def test_the_end_names_everything_that_lacks_and_where(world: Any, post: Any) -> None:
    post("/tra-loi", body={"answers": [answer(world, "KS-03", outcome="fails")]})
    refused = post("/ket-thuc", {"how": "declined", "reason": "Vắng"}, Accept="application/json")
    assert refused.status_code == 422
    assert {each["url"] for each in refused.get_json()["errors"]} == {"#m-KS-01", "#m-KS-02", "#m-KS-03", "#m-KS-04"}
    assert 'href="#m-KS-03"' in post("/ket-thuc", {"how": "declined", "reason": "Vắng"}).get_data(as_text=True)


def test_a_drawn_signature_is_kept_as_a_file_and_shown_to_those_in_reach(
    world: Any, post: Any, session: Any, controller: Any, place: str, sign_in: Any
) -> None:
    post("/tra-loi", body=all_conform(world))
    refused = post("/ket-thuc", {"how": "signed", "name": "Người mẫu Vườn"})
    assert refused.status_code == 422
    done = post(
        "/ket-thuc", {"how": "signed", "name": "Người mẫu Vườn", "signature": photo("s.png")}, Accept="application/json"
    )
    assert done.get_json() == {"location": place}
    visit = session.query(ControlVisit).one()
    assert (visit.acknowledged_by_name, visit.passed) == ("Người mẫu Vườn", True)
    again = post(
        "/ket-thuc", {"how": "signed", "name": "Người mẫu Vườn", "signature": photo("s.png")}, Accept="application/json"
    )
    assert again.status_code == 200
    drawn = controller.get(place + "/chu-ky")
    assert drawn.mimetype == "image/jpeg"
    drawn.close()
    assert sign_in(world.other_clerk).get(place + "/chu-ky").status_code == 404
    page = sign_in(world.clerk).get(place).get_data(as_text=True)
    assert "Người mẫu Vườn" in page
    assert "KS-04" in page


def test_a_person_of_the_inspected_acknowledges_by_the_code_they_are_shown(
    world: Any, post: Any, session: Any, place: str, sign_in: Any, token_of: Any
) -> None:
    post("/tra-loi", body=all_conform(world))
    assert post("/ma").status_code == 403
    wrong = post("/ket-thuc", {"how": "code", "code": "000000"})
    assert wrong.status_code == 422
    session.expire_all()
    assert session.query(ControlVisit).one().code_tries == 1
    clerk = sign_in(world.clerk)
    shown = clerk.post(place + "/ma", data={"csrf_token": token_of(clerk, place)}).get_data(as_text=True)
    digits = re.search(r"<b>(\d{3} \d{3})</b>", shown)
    assert digits
    assert post("/ket-thuc", {"how": "code", "code": digits.group(1)}).status_code == 303
    session.expire_all()
    assert session.query(ControlVisit).one().acknowledged_by_name == "Người mẫu Thu"


def test_a_refusal_to_sign_is_recorded_with_its_reason(world: Any, post: Any, session: Any) -> None:
    post("/tra-loi", body={"answers": [answer(world, each.code, **({"outcome": "fails", "action": "Thay thuốc", "due": today()}
                                                                if each.code == "KS-03" else {})) for each in world.plan.items]})  # fmt: skip
    assert post("/ket-thuc", {"how": "declined", "reason": " "}).status_code == 422
    assert (
        post("/ket-thuc", {"how": "declined", "reason": "Không đồng ý, có trưởng thôn chứng kiến"}).status_code == 303
    )
    visit = session.query(ControlVisit).one()
    assert (visit.acknowledged.value, visit.passed) == ("refused", False)
    assert session.query(Nonconformity).one().blocking


def test_only_who_began_it_sees_cards_and_strangers_see_nothing(
    world: Any, place: str, sign_in: Any, token_of: Any
) -> None:
    manager = sign_in(world.manager)
    page = manager.get(place).get_data(as_text=True)
    assert "visit-card" not in page
    token = token_of(manager, NEW)
    sent = {"csrf_token": token, "item": item(world, "KS-01"), "outcome": "conforms"}
    assert manager.post(place + "/tra-loi", data=sent).status_code == 403
    stranger = sign_in(world.other_clerk)
    assert stranger.get(place).status_code == 404
    assert (
        stranger.post(place + "/ma", data={"csrf_token": token_of(stranger, "/kiem-soat/tu-kiem-soat")}).status_code
        == 404
    )


def test_the_worker_watches_visits_only_and_is_never_kept_stale(client: Any) -> None:
    answer = client.get("/kiem-soat/luot/tho-phu.js")
    assert (answer.status_code, answer.mimetype, answer.headers["Cache-Control"]) == (
        200,
        "text/javascript",
        "no-cache",
    )


def test_the_page_stays_small(world: Any, controller: Any, place: str, session: Any) -> None:
    page = controller.get(place).get_data()
    assert len(page) < 30_000
    assert json.dumps(place) not in page.decode()
