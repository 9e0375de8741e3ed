"""Asking for a file on an order's page: what a kind of file cannot hold is said before anything is drawn, with what works instead."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, text

from tests.conftest import MASTER, NOW
from tests.factories import World
from trace import clock
from trace.models.labels import LabelOrder
from trace.models.printing import Drawing
from trace.services import drawing, keys, ordering, printing
from trace.services.reach import Reach

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def clerk(world: World, sign_in: Callable[[Any], FlaskClient]) -> FlaskClient:
    return sign_in(world.clerk)


@pytest.fixture
def printed(session: Session, world: World) -> LabelOrder:
    """A print of one label more than pictures are drawn of."""
    session.execute(text("UPDATE eligible_balance SET eligible_g = 10000000000"))
    session.execute(text("UPDATE lot SET volume_g = 10000000000"))
    session.expire_all()
    reach = Reach(holders=frozenset({world.cooperative.id}))
    placed = ordering.place(
        session, lot_id=world.lot.id, quantity=drawing.MOST_PICTURES + 1, pack_weight_g=500, layout="a4-24", by=world.clerk.id,
        at=NOW, reach=reach,
    )  # fmt: skip
    printing.begin(
        session, placed.id, layout="a4-24", skip=0, reason=None, keyring=keys.load(session, MASTER), host="TEMTHAT.TEST",
        by=world.clerk.id, at=NOW, reach=reach,
    )  # fmt: skip
    session.commit()
    return placed


def ask(clerk: FlaskClient, order: LabelOrder, token: str, kind: str) -> Any:
    form = {"csrf_token": token, "idempotency_key": uuid4().hex, "run": "1", "kind": kind}
    return clerk.post(f"/tem/don/{order.id}/tep", data=form)


def said(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))


def test_the_form_says_what_pictures_and_lists_can_hold(clerk: FlaskClient, printed: LabelOrder) -> None:
    page = said(clerk.get(f"/tem/don/{printed.id}"))
    assert "PNG và SVG chỉ vẽ được tối đa 20.000 tem; nhiều hơn thì dùng PDF hoặc danh sách." in page
    assert "cứ 1.000.000 tem thì sang một trang tính mới" in page


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_too_many_pictures_are_refused_before_the_drawing_with_what_works_instead(
    clerk: FlaskClient, printed: LabelOrder, session: Session, token_of: Callable[..., str], kind: str
) -> None:
    token = token_of(clerk, f"/tem/don/{printed.id}")
    refused = ask(clerk, printed, token, kind)
    assert refused.status_code == 422
    page = said(refused)
    assert "Vẽ từng ảnh cho 20.001 tem là quá nhiều cho một tệp; nhiều nhất là 20.000 ảnh." in page
    assert "PDF" in page[page.index("nhiều nhất là 20.000 ảnh") :][:300]
    assert re.search(rf'<option selected value="{kind}">', page), "what was chosen is kept"
    assert session.scalar(select(func.count()).select_from(Drawing)) == 0
    assert session.scalar(text("SELECT count(*) FROM jobs.procrastinate_jobs")) == 0
    for works in ("pdf", "csv", "xlsx"):
        assert ask(clerk, printed, token, works).status_code == 303


def test_a_file_for_roll_printers_of_a_sheet_is_refused_on_the_page(
    clerk: FlaskClient, printed: LabelOrder, session: Session, token_of: Callable[..., str]
) -> None:
    refused = ask(clerk, printed, token_of(clerk, f"/tem/don/{printed.id}"), "zpl")
    assert refused.status_code == 422
    assert "cuộn" in said(refused)
    assert session.scalar(select(func.count()).select_from(Drawing)) == 0
