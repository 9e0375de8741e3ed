"""Serials from files, a jam and minutes in the browser; hand-overs answered twice count once."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests import factories
from tests.conftest import NOW
from tests.factories import SECRET, World
from tests.services.test_label_input import strip
from trace import clock
from trace.models.labels import HandoverState, LabelHandover, LabelMove, LabelMovement, LabelOrder
from trace.services import ledger, ordering
from trace.services.reach import Reach

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Enter = Callable[[Any], FlaskClient]
Token = Callable[[FlaskClient, str], str]


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def clerk(world: World, sign_in: Enter) -> FlaskClient:
    return sign_in(world.clerk)


@pytest.fixture
def order(session: Session, world: World) -> LabelOrder:
    own = Reach(holders=frozenset({world.cooperative.id}))
    placed = ordering.place(
        session,
        lot_id=world.lot.id,
        quantity=120,
        pack_weight_g=2000,
        layout="a4-24",
        by=world.clerk.id,
        at=NOW,
        reach=own,
    )
    factories.tested(session, placed, NOW)
    ledger.apply(session, placed.id, placed.serials, LabelMove.PRINT, by=world.clerk.id, at=NOW, reach=own)
    session.commit()
    return placed


@pytest.fixture
def post(token_of: Token) -> Callable[..., Any]:
    def send(client: FlaskClient, path: str, page: str, **fields: Any) -> Any:
        return client.post(path, data={"csrf_token": token_of(client, page), "idempotency_key": uuid4().hex} | fields)

    return send


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))


def test_a_photo_becomes_a_preview_and_only_then_a_deed(
    session: Session, clerk: FlaskClient, order: LabelOrder, post: Any
) -> None:
    from labels import code

    page = f"/tem/don/{order.id}?move=receive"
    photo = io.BytesIO(strip(*(code.encode(serial, SECRET) for serial in (11, 12, 13, 15))))
    before = factories.count(session, LabelMovement)
    answer = post(clerk, f"/tem/don/{order.id}/receive/doc-tep", page, strip=(photo, "dai.jpg"))
    assert answer.status_code == 303
    preview = text(clerk.get(answer.location))
    assert 'name="serials" value="000.011–000.013, 000.015"' in preview
    assert factories.count(session, LabelMovement) == before
    done = post(
        clerk, f"/tem/don/{order.id}/receive", answer.location.split("#")[0], serials="000.011–000.013, 000.015", counted="4"
    )  # fmt: skip
    assert done.status_code == 303
    assert [(row.serials.lower, row.serials.upper) for row in session.scalars(
        select(LabelMovement).where(LabelMovement.move == LabelMove.RECEIVE).order_by(LabelMovement.serials)
    )] == [(11, 14), (15, 16)]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "name"),
    [(b"", ""), (b"", "x.csv"), (b"1,2\n3,4\n", "x.csv"), (b"\xff\xd8\xff\xe0", "x.jpg"), (b"serial\n9\n9\n", "x.csv")],
)
def test_a_file_that_tells_nothing_is_refused_with_a_way_out(
    clerk: FlaskClient, order: LabelOrder, post: Any, content: bytes, name: str
) -> None:
    page = f"/tem/don/{order.id}?move=spoil"
    answer = post(clerk, f"/tem/don/{order.id}/spoil/doc-tep", page, strip=(io.BytesIO(content), name))
    assert answer.status_code == 422
    assert 'id="errors"' in text(answer)


def test_serials_typed_twice_in_one_list_are_refused(clerk: FlaskClient, order: LabelOrder, post: Any) -> None:
    page = f"/tem/don/{order.id}?move=spoil"
    answer = post(clerk, f"/tem/don/{order.id}/spoil", page, serials="1-10, 5", reason="Ướt")
    assert answer.status_code == 422
    assert "errors" in text(answer)


def test_a_jam_leads_to_the_new_order(session: Session, clerk: FlaskClient, order: LabelOrder, post: Any) -> None:
    page, path = f"/tem/don/{order.id}", f"/tem/don/{order.id}/in-lai-tu"
    assert post(clerk, path, page, first_bad="", jam_reason="").status_code == 422
    assert post(clerk, path, page, first_bad="999", jam_reason="Kẹt giấy").status_code == 422
    answer = post(clerk, path, page, first_bad="101", jam_reason="Kẹt giấy")
    made = session.scalars(select(LabelOrder).where(LabelOrder.id != order.id)).one()
    assert (answer.status_code, answer.location, made.quantity) == (303, f"/tem/don/{made.id}", 20)
    assert order.number in text(clerk.get(answer.location))
    assert made.number in text(clerk.get(page))


def test_a_handover_answered_twice_counts_once_and_has_minutes(
    session: Session, world: World, clerk: FlaskClient, sign_in: Enter, order: LabelOrder, post: Any, token_of: Token
) -> None:
    packer, page = sign_in(world.packer), f"/tem/don/{order.id}"
    post(clerk, f"{page}/receive", f"{page}?move=receive", serials="1-120", counted="120")
    offered = post(
        clerk, f"{page}/hand_over", f"{page}?move=hand_over", serials="1-50, 61-70", taker=str(world.packing_house.id)
    )  # fmt: skip
    assert offered.status_code == 303
    first, second = session.scalars(select(LabelHandover).order_by(LabelHandover.serials)).all()
    assert clerk.get(f"/tem/ban-giao/{first.id}/bien-ban.pdf").status_code == 409
    form = {"csrf_token": token_of(packer, "/tem/ban-giao"), "idempotency_key": "take-it-once"}
    answers = [packer.post(f"/tem/ban-giao/{first.id}/take", data=form) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert packer.post(f"/tem/ban-giao/{second.id}/take", data={"csrf_token": form["csrf_token"]}).status_code == 422
    session.expire_all()
    assert (first.state, second.state) == (HandoverState.TAKEN, HandoverState.OFFERED)
    assert f"/tem/ban-giao/{first.id}/bien-ban.pdf" in text(packer.get("/tem/ban-giao"))
    for who in (clerk, packer, sign_in(world.manager)):
        paper = who.get(f"/tem/ban-giao/{first.id}/bien-ban.pdf")
        assert (paper.status_code, paper.mimetype, paper.data[:5]) == (200, "application/pdf", b"%PDF-")
    assert sign_in(world.other_clerk).get(f"/tem/ban-giao/{first.id}/bien-ban.pdf").status_code == 404


def test_spoiled_labels_have_minutes_of_destruction(
    clerk: FlaskClient, world: World, sign_in: Enter, order: LabelOrder, post: Any
) -> None:
    page = f"/tem/don/{order.id}"
    assert "bien-ban-tieu-huy.pdf" not in text(clerk.get(page))
    assert clerk.get(f"{page}/bien-ban-tieu-huy.pdf").status_code == 409
    post(clerk, f"{page}/spoil", f"{page}?move=spoil", serials="5, 7-9", reason="Tem ướt mưa")
    assert "bien-ban-tieu-huy.pdf" in text(clerk.get(page))
    assert clerk.get(f"{page}/bien-ban-tieu-huy.pdf").data[:5] == b"%PDF-"
    assert sign_in(world.other_clerk).get(f"{page}/bien-ban-tieu-huy.pdf").status_code == 404


def test_the_account_of_one_roll_and_lot(clerk: FlaskClient, world: World, order: LabelOrder) -> None:
    asked = {"holder": str(world.cooperative.id), "roll": "11–40", "lot": str(world.lot.id)}
    page = text(clerk.get("/tem/doi-soat", query_string=asked))
    assert "000.011–000.040" in page
    assert "<td data-num>30</td>" in page
    assert clerk.get("/tem/doi-soat", query_string=asked | {"roll": "40–11"}).status_code == 422
