"""Titles on their pages."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy.dialects.postgresql import Range

from tests import factories
from trace.models.titles import TitleRole, TitleRoleKind


def test_the_list_names_the_managing_body_and_says_that_a_number_is_missing(world: Any, sign_in: Any) -> None:
    page = sign_in(world.clerk).get("/van-bang").get_data(as_text=True)
    assert "Vải mẫu Thanh Hà" in page
    assert "Hội sản xuất vải mẫu" in page
    assert "nhập" in page or "not entered" in page


def test_the_list_is_searched_without_diacritics_and_says_when_nothing_answers(world: Any, sign_in: Any) -> None:
    client = sign_in(world.clerk)
    assert str(world.title.id) in client.get("/van-bang?q=hoi+san+xuat").get_data(as_text=True)
    empty = client.get("/van-bang?q=nuoc+mam").get_data(as_text=True)
    assert 'class="empty"' in empty
    assert str(world.title.id) not in client.get("/van-bang?kind=collective_mark").get_data(as_text=True)


def test_the_page_shows_parties_regulation_points_and_territory(world: Any, sign_in: Any) -> None:
    page = sign_in(world.clerk).get(f"/van-bang/{world.title.id}").get_data(as_text=True)
    for expected in (
        "Quyết định mẫu 01",
        "Quy chế mẫu",
        "Niêm phong nổi ở miệng túi",
        "<svg",
        "MẪU-0001",
        "Các xã mẫu",
    ):
        assert expected in page


def test_a_past_day_shows_who_was_in_which_role_then(session: Any, world: Any, sign_in: Any) -> None:
    before = factories.party(session, "Ủy ban nhân dân huyện mẫu")
    session.add(
        TitleRole(
            title_id=world.title.id, party_id=before.id, role=TitleRoleKind.MANAGING_BODY, deciding_document="QĐ cũ",
            valid_during=Range(date(2010, 1, 1), date(2020, 1, 1)),
        )
    )  # fmt: skip
    session.commit()
    client = sign_in(world.auditor)

    def parties(query: str) -> str:
        page = client.get(f"/van-bang/{world.title.id}{query}").get_data(as_text=True)
        return page.split('id="parties"')[1].split("<details>")[0]

    assert "huyện mẫu" in parties("?as_of=31/12/2019")
    assert "Hội sản xuất" not in parties("?as_of=31/12/2019")
    assert "Hội sản xuất" in parties("?as_of=01/01/2020")
    assert "huyện mẫu" not in parties("")


def test_a_day_that_is_none_is_refused_and_kept(world: Any, sign_in: Any) -> None:
    answer = sign_in(world.clerk).get(f"/van-bang/{world.title.id}?as_of=31/02/2020")
    assert answer.status_code == 422
    assert 'value="31/02/2020"' in answer.get_data(as_text=True)


def test_an_unknown_title_is_not_found_and_a_packer_may_not_look(world: Any, sign_in: Any, client: Any) -> None:
    assert sign_in(world.clerk).get(f"/van-bang/{factories.some_id()}").status_code == 404
    assert sign_in(world.packer).get("/van-bang").status_code == 403
    assert client.get("/van-bang").status_code == 303
