"""The search page."""

from __future__ import annotations

from typing import Any

import pytest

from labels.code import encode, show
from tests import factories
from trace.services import ordering


@pytest.fixture
def city(session: Any, world: Any) -> Any:
    factories.commune(session, "10903", "Cẩm Giàng")
    factories.commune(session, "10888", "Cẩm Giang")
    session.commit()
    return world


def test_exact_diacritics_come_first_and_none_finds_both(city: Any, sign_in: Any) -> None:
    client = sign_in(city.clerk)
    page = client.get("/tim?q=cẩm giang").get_data(as_text=True)
    assert page.index(">Cẩm Giang<") < page.index(">Cẩm Giàng<")
    page = client.get("/tim?q=CAM GIANG").get_data(as_text=True)
    assert ">Cẩm Giang<" in page
    assert ">Cẩm Giàng<" in page


def test_organisations_and_lots_are_found_within_reach_only(city: Any, sign_in: Any) -> None:
    page = sign_in(city.clerk).get("/tim?q=thanh").get_data(as_text=True)
    assert "Hợp tác xã vải mẫu Thanh Sơn" in page
    assert "Hợp tác xã vải mẫu Thanh Khê" not in page
    assert "Thanh Khê" in sign_in(city.manager).get("/tim?q=thanh+khe").get_data(as_text=True)
    page = sign_in(city.clerk).get(f"/tim?q={city.lot.code.lower()}").get_data(as_text=True)
    assert str(city.lot.id) in page
    assert str(city.other_lot.id) not in page


def test_people_find_no_informants_and_administrators_no_lots(city: Any, sign_in: Any) -> None:
    page = sign_in(city.administrator).get(f"/tim?q={city.lot.code}").get_data(as_text=True)
    assert str(city.lot.id) not in page


def test_a_label_code_leads_to_its_page_if_the_order_is_within_reach(session: Any, city: Any, sign_in: Any) -> None:
    from tests.conftest import NOW
    from trace.services.reach import Reach

    order = ordering.place(
        session,
        lot_id=city.lot.id,
        quantity=10,
        pack_weight_g=2000,
        layout="a4-24",
        by=city.clerk.id,
        at=NOW,
        reach=Reach(everything=True),
    )
    session.commit()
    code = encode(order.serials.lower, factories.SECRET)
    typed = show(code).lower().replace("-", " ")
    answer = sign_in(city.clerk).get("/tim", query_string={"q": typed})
    assert (answer.status_code, answer.location.upper()) == (303, f"/T/{code}")
    assert sign_in(city.other_clerk).get("/tim", query_string={"q": code}).status_code == 200
    assert f"/tem/don/{order.id}" in sign_in(city.clerk).get(f"/tim?q={order.number}").get_data(as_text=True)
    assert f"/tem/don/{order.id}" not in sign_in(city.other_clerk).get(f"/tim?q={order.number}").get_data(as_text=True)


@pytest.mark.parametrize(
    "q", ["", "   ", "%", "_", "\\", "\x00", "x" * 5000, "🍒", "';--", "<script>alert(1)</script>"]
)
def test_odd_texts_are_harmless(city: Any, sign_in: Any, q: str) -> None:
    answer = sign_in(city.clerk).get("/tim", query_string={"q": q})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.get_data(as_text=True)


def test_a_stranger_signs_in_first(client: Any) -> None:
    assert client.get("/tim?q=x").status_code == 303
