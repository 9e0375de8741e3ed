"""Ordering, printing, moving and accounting for labels, as people do it in the browser."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pypdfium2
import pytest
import zxingcpp
from flask.testing import FlaskClient
from sqlalchemy import select

from labels import code
from tests import factories
from tests.conftest import NOW
from tests.factories import SECRET, World
from trace import clock
from trace.models.certificates import CertificateStatus
from trace.models.controls import Nonconformity
from trace.models.labels import LabelHandover, LabelMovement, LabelOrder, LabelRange, PrintRun
from trace.models.parties import Role
from trace.services import ordering, printing
from trace.services.reach import Reach

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Enter = Callable[[Any], FlaskClient]
Token = Callable[[FlaskClient, str], str]
CHECK = "/tem/don/moi?lot={lot}&quantity=100&pack_weight_g=2000&layout=a4-24"


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def clerk(world: World, sign_in: Enter) -> FlaskClient:
    return sign_in(world.clerk)


@pytest.fixture
def order(session: Session, world: World) -> LabelOrder:
    placed = ordering.place(
        session, lot_id=world.lot.id, quantity=120, pack_weight_g=2000, layout="a4-24", by=world.clerk.id, at=NOW,
        reach=Reach(holders=frozenset({world.cooperative.id})),
    )  # fmt: skip
    session.commit()
    return placed


@pytest.fixture
def post(token_of: Token) -> Callable[..., Any]:
    def send(client: FlaskClient, path: str, page: str, **fields: Any) -> Any:
        form = {"csrf_token": token_of(client, page), "idempotency_key": uuid4().hex} | fields
        return client.post(path, data=form)

    return send


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))


def asked(world: World, **changes: Any) -> dict[str, Any]:
    return {"lot": str(world.lot.id), "quantity": "100", "pack_weight_g": "2000", "layout": "a4-24"} | changes


def test_the_wizard_leads_from_the_lot_to_the_order(
    clerk: FlaskClient, world: World, session: Session, post: Any
) -> None:
    assert world.lot.code in text(clerk.get("/tem/don/moi"))
    assert clerk.get(f"/tem/don/moi?lot={world.lot.id}").status_code == 200
    check = clerk.get("/tem/don/moi", query_string=asked(world))
    page = text(check)
    assert check.status_code == 200
    assert 'action="/tem/don/moi"' in page
    assert "800 kg" in page, "what is left of the eligible volume afterwards"
    answer = post(clerk, "/tem/don/moi", CHECK.format(lot=world.lot.id), **asked(world, quantity="1.00"))
    assert answer.status_code == 422, "1.00 is no whole number here"
    answer = post(clerk, "/tem/don/moi", CHECK.format(lot=world.lot.id), **asked(world))
    order = session.scalars(select(LabelOrder)).one()
    assert (answer.status_code, answer.location) == (303, f"/tem/don/{order.id}")
    assert (order.quantity, order.placed_by) == (100, world.clerk.id)
    page = text(clerk.get(answer.location))
    assert "000.001–000.100" in page
    assert order.number in text(clerk.get("/tem/don"))


def test_numbers_are_read_the_vietnamese_way(clerk: FlaskClient, world: World) -> None:
    page = text(clerk.get("/tem/don/moi", query_string=asked(world, quantity="1.200", pack_weight_g="500")))
    assert 'name="quantity" value="1200"' in page


def test_a_refusal_lists_every_reason_with_a_way_out_and_keeps_the_input(
    clerk: FlaskClient, world: World, session: Session, token_of: Token
) -> None:
    token = token_of(clerk, CHECK.format(lot=world.lot.id))
    world.certificate.status, world.certificate.status_reason = CertificateStatus.SUSPENDED, "Quá hạn khắc phục"
    world.certificate.status_since = NOW - timedelta(days=2)
    fault = factories.nonconformity(session, world.title, world.cooperative, NOW)
    session.commit()
    form = {"csrf_token": token, "idempotency_key": uuid4().hex}
    answer = clerk.post("/tem/don/moi", data=asked(world, quantity="1.200") | form)
    said = text(answer)
    assert answer.status_code == 422
    errors = said.split('id="errors"')[1].split("</ul>")[0]
    assert errors.count("<li>") == 4, errors
    assert "Quá hạn khắc phục" in errors
    assert "13/06/2026" in errors
    assert f"/giay-chung-nhan/{world.certificate.id}" in errors
    assert f"/kiem-soat/diem/{fault.id}" in errors
    assert "1.400" in errors, "how many kg are over"
    assert 'value="1.200"' in said, "what was typed is kept"
    assert factories.count(session, LabelOrder) == 0


def test_conditions_that_are_not_met_are_links_before_anything_is_typed(
    clerk: FlaskClient, world: World, session: Session
) -> None:
    fault = factories.nonconformity(session, world.title, world.cooperative, NOW)
    session.commit()
    page = text(clerk.get("/tem/don/moi"))
    assert f"/kiem-soat/diem/{fault.id}" in page
    assert f"/tem/don/moi?lot={world.lot.id}" not in page


@pytest.mark.parametrize("same", [True, False])
def test_the_same_form_twice_is_one_order(
    clerk: FlaskClient, world: World, session: Session, token_of: Token, *, same: bool
) -> None:
    form = asked(world) | {
        "csrf_token": token_of(clerk, CHECK.format(lot=world.lot.id)),
        "idempotency_key": "one-and-only",
    }
    first = clerk.post("/tem/don/moi", data=form)
    second = clerk.post("/tem/don/moi", data=form if same else form | {"quantity": "50"})
    assert first.status_code == 303
    assert (second.status_code, factories.count(session, LabelOrder)) == ((303, 1) if same else (422, 1))
    if same:
        assert second.location == first.location


def test_orders_of_others_are_not_found_for_anybody_else(
    world: World, order: LabelOrder, sign_in: Enter, post: Any
) -> None:
    other = sign_in(world.other_clerk)
    page = "/tem/don/moi?lot=" + str(world.other_lot.id) + "&quantity=1&pack_weight_g=500&layout=a4-24"
    for path in (f"/tem/don/{order.id}", f"/tem/don/{order.id}/tem.pdf?run=1"):
        assert other.get(path).status_code == 404, path
    for deed in ("void", "receive", "activate"):
        sent = post(
            other,
            f"/tem/don/{order.id}/{deed}",
            page,
            serials="1-10",
            reason="Thử",
            counted="10",
            lot=str(world.other_lot.id),
        )
        assert sent.status_code == 404, deed
    assert post(other, f"/tem/don/{order.id}/in", page, layout="a4-24", position="1").status_code == 404
    assert post(other, f"/tem/don/{order.id}/dem", page, counted="1").status_code == 404
    assert other.get(f"/tem/don/moi?lot={world.lot.id}").status_code == 404
    assert order.number not in text(other.get("/tem/don"))


def test_who_may_not_order_or_move_is_refused(world: World, order: LabelOrder, sign_in: Enter, token_of: Token) -> None:
    inspector, packer = sign_in(world.inspector), sign_in(world.packer)
    assert inspector.get(f"/tem/don/{order.id}").status_code == 200
    assert inspector.get("/tem/don/moi").status_code == 403
    assert packer.get(f"/tem/don/{order.id}").status_code == 404, (
        "a packer sees an order only once it keeps some of its labels"
    )
    token = token_of(inspector, "/trang-chinh")
    sent = inspector.post(f"/tem/don/{order.id}/void", data={"csrf_token": token, "serials": "1-5", "reason": "x"})
    assert sent.status_code == 403


def test_labels_go_their_way_on_the_page(
    *, clerk: FlaskClient, world: World, session: Session, order: LabelOrder, sign_in: Enter, post: Any
) -> None:
    here = f"/tem/don/{order.id}"
    factories.tested(session, order, NOW)
    session.commit()
    assert post(clerk, f"{here}/in", here, layout="a4-24", position="1").status_code == 303
    assert post(clerk, f"{here}/receive", here, serials="1-120", counted="119").status_code == 422
    assert post(clerk, f"{here}/receive", here, serials="000.001–000.120", counted="120").status_code == 303
    offered = post(clerk, f"{here}/hand_over", here, serials="1-40", taker=str(world.packing_house.id), note="Xe 15C")
    assert offered.status_code == 303
    handover = session.scalars(select(LabelHandover)).one()
    assert "Xe 15C" not in text(clerk.get("/tem/ban-giao")).split("<main")[0]
    packer = sign_in(world.packer)
    inbox = text(packer.get("/tem/ban-giao"))
    assert "000.001–000.040" in inbox
    page = "/tem/ban-giao"
    assert post(clerk, f"{page}/{handover.id}/take", page).status_code == 403, "not by the giver"
    assert post(packer, f"{page}/{handover.id}/refuse", page).status_code == 422, "a refusal says why"
    assert post(packer, f"{page}/{handover.id}/take", page).status_code == 303
    assert (
        post(packer, f"{here}/activate", here, serials=code.encode(7, SECRET), lot=str(world.lot.id)).status_code == 303
    )
    assert post(clerk, f"{here}/spoil", here, serials="41-50", reason="").status_code == 422
    assert post(clerk, f"{here}/spoil", here, serials="41-50", reason="In nhòe").status_code == 303
    session.expire_all()
    seen = [
        (row.serials.lower, row.serials.upper - 1, row.state.value)
        for row in session.get_one(LabelOrder, order.id).ranges
    ]
    assert seen == [
        (1, 6, "handed_over"),
        (7, 7, "activated"),
        (8, 40, "handed_over"),
        (41, 50, "spoiled"),
        (51, 120, "received"),
    ]
    page = text(clerk.get(here))
    assert "In nhòe" in page
    assert 'data-kind="error"' not in page.split('id="account"')[1], "every label is accounted for"


def test_a_wrong_range_is_said_on_the_page_and_kept(clerk: FlaskClient, order: LabelOrder, post: Any) -> None:
    here = f"/tem/don/{order.id}"
    for serials in ("9-3", "abc", "100-130", "0000-0700-0000"):
        answer = post(clerk, f"{here}/void", here, serials=serials, reason="In nhòe")
        assert answer.status_code == 422, serials
        assert 'id="errors"' in text(answer)
        assert f'value="{serials}"' in text(answer)
        assert ("In nhòe" in text(answer)) is (serials == "100-130"), (
            "the reason is kept where there is something to do"
        )
    preview = text(clerk.get(f"{here}?move=void&serials=11-30"))
    assert "000.011–000.030" in preview
    assert re.search(r"\b20\b", preview.split('class="consequence"')[1]), "the count stands in the consequence"


def test_moving_twice_with_one_form_moves_once(
    clerk: FlaskClient, session: Session, order: LabelOrder, token_of: Token
) -> None:
    here = f"/tem/don/{order.id}"
    form = {
        "csrf_token": token_of(clerk, here),
        "idempotency_key": "one-and-only",
        "serials": "1-10",
        "reason": "In nhòe",
    }
    answers = [clerk.post(f"{here}/void", data=form).status_code for _ in range(2)]
    assert answers == [303, 303]
    assert factories.count(session, LabelMovement) == 2


def test_the_pdf_holds_the_labels_of_the_ledger_and_every_later_print_is_counted(
    clerk: FlaskClient, session: Session, order: LabelOrder, post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = f"/tem/don/{order.id}"
    assert clerk.get(f"{here}/tem.pdf?run=1").status_code == 404
    assert post(clerk, f"{here}/in", here, layout="a4-24", position="25").status_code == 422
    assert post(clerk, f"{here}/in", here, layout="a4-24", position="3").status_code == 303
    first = clerk.get(f"{here}/tem.pdf?run=1")
    assert (first.mimetype, first.headers["Content-Disposition"]) == (
        "application/pdf",
        f'attachment; filename="tem-{order.number}-1.pdf"',
    )
    assert clerk.get(f"{here}/tem.pdf?run=1").data == first.data, "the same run gives the same bytes"
    assert codes(first.data) == {f"HTTPS://TEMTHAT.TEST/T/{code.encode(serial, SECRET)}" for serial in range(1, 121)}

    assert post(clerk, f"{here}/void", here, serials="101-120", reason="Thừa").status_code == 303
    assert post(clerk, f"{here}/in", here, layout="a4-24", position="1").status_code == 422, "a reprint says why"
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(hours=1))
    assert post(clerk, f"{here}/in", here, layout="a4-24", position="1", reason="Kẹt giấy").status_code == 303
    assert len(codes(clerk.get(f"{here}/tem.pdf?run=2").data)) == 100, "void labels are not drawn again"
    assert [run.reason for run in session.scalars(select(PrintRun).order_by(PrintRun.run))] == [None, "Kẹt giấy"]
    assert {row.state.value for row in session.scalars(select(LabelRange))} == {"printed", "voided"}
    monkeypatch.setattr(printing, "OPEN_FOR", timedelta(minutes=30))
    assert clerk.get(f"{here}/tem.pdf?run=1").status_code == 422, (
        "an old print is closed; another one is asked for and counted"
    )
    assert clerk.get(f"{here}/tem.pdf?run=2").status_code == 200


def codes(pdf: bytes) -> set[str]:
    document = pypdfium2.PdfDocument(io.BytesIO(pdf))
    found = [str(hit.text) for page in document for hit in zxingcpp.read_barcodes(page.render(scale=300 / 72).to_pil())]
    document.close()
    assert len(found) == len(set(found))
    return set(found)


def test_a_count_that_differs_opens_a_nonconformity(
    clerk: FlaskClient, session: Session, order: LabelOrder, post: Any
) -> None:
    here = f"/tem/don/{order.id}"
    assert post(clerk, f"{here}/dem", here, counted="nhiều").status_code == 422
    assert post(clerk, f"{here}/dem", here, counted="0").location.startswith(here)
    answer = post(clerk, f"{here}/dem", here, counted="3")
    found = session.scalars(select(Nonconformity)).one()
    assert (answer.status_code, answer.location) == (303, f"/kiem-soat/diem/{found.id}")


def test_the_account_of_a_holder_adds_up(clerk: FlaskClient, world: World, order: LabelOrder, post: Any) -> None:
    here = f"/tem/don/{order.id}"
    post(clerk, f"{here}/void", here, serials="1-20", reason="Thừa")
    page = text(clerk.get("/tem/doi-soat"))
    assert world.cooperative.name in page
    period = f"/tem/doi-soat?holder={world.cooperative.id}&start=01/06/2026&end=14/06/2026"
    before = text(clerk.get(period)).split("<tbody>")[1]
    assert ">120<" not in before
    assert ">100<" in text(clerk.get(period.replace("14/06", "15/06"))).split("<tbody>")[1]
    assert clerk.get(f"/tem/doi-soat?holder={world.other_cooperative.id}").status_code == 200


def test_a_manager_sees_and_voids_orders_of_its_title(
    world: World, order: LabelOrder, sign_in: Enter, post: Any
) -> None:
    manager, here = sign_in(world.manager), f"/tem/don/{order.id}"
    page = text(manager.get(f"{here}?move=void&serials=1-5"))
    assert "tem.pdf" not in page
    assert (
        post(
            manager, f"{here}/void", f"{here}?move=void&serials=1-5", serials="1-5", reason="Thu hồi theo quyết định"
        ).status_code
        == 303
    )


def test_one_person_on_both_sides_cannot_take_their_own_offer(
    session: Session, clerk: FlaskClient, world: World, order: LabelOrder, post: Any
) -> None:
    factories.role(session, world.clerk, world.packing_house, Role.PACKER, NOW)
    session.commit()
    here = f"/tem/don/{order.id}"
    post(clerk, f"{here}/in", here, layout="a4-24", position="1")
    post(clerk, f"{here}/receive", here, serials="1-120", counted="120")
    assert post(clerk, f"{here}/hand_over", here, serials="1-10", taker=str(world.packing_house.id)).status_code == 303
    handover = session.scalars(select(LabelHandover)).one()
    assert post(clerk, f"/tem/ban-giao/{handover.id}/take", "/tem/ban-giao").status_code == 403
    assert post(clerk, f"{here}/void", here, serials="5", reason="Thử").status_code == 422, "what is offered stays"
    assert post(clerk, f"/tem/ban-giao/{handover.id}/withdraw", "/tem/ban-giao").status_code == 303
    assert post(clerk, f"{here}/void", here, serials="5", reason="Thử").status_code == 303
