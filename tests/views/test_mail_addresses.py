"""The pages of addresses for letters: one's own, the administrator's, the link, and the place where all that does not arrive is seen."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from enforcement import law
from tests import factories
from trace import clock
from trace.models.history import History
from trace.models.parties import MailAddress
from trace.services import mail_addresses
from trace.services.mail import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session

    SignIn = Callable[[Any], FlaskClient]
    TokenOf = Callable[[FlaskClient, str], str]

MINE, TROUBLE = "/tai-khoan/thu", "/thu-khong-den"
ADDRESS = "can.bo@haiphong.test"


def text(answer: Any) -> str:
    return str(answer.get_data(as_text=True))


@pytest.fixture
def send(token_of: TokenOf) -> Callable[..., Any]:
    def post(client: FlaskClient, path: str, page: str = MINE, **form: Any) -> Any:
        data = {"csrf_token": token_of(client, page), "idempotency_key": uuid.uuid4().hex, **form}
        return client.post(path, data=data)

    return post


def link_of(session: Session) -> str:
    """The path of the link in the letter that is due."""
    (link,) = mail_addresses.letters(session, at=clock.now(), host="mau.test")
    session.commit()
    return "/" + link.text.partition("https://mau.test/")[2].split()[0]


def test_one_enters_confirms_and_removes_ones_address(
    session: Session, world: factories.World, sign_in: SignIn, send: Callable[..., Any]
) -> None:
    officer = sign_in(world.officer)
    assert "chưa địa chỉ nào được xác nhận" in text(officer.get(MINE))
    refused = send(officer, MINE, address="cán bộ@haiphong.test")
    assert refused.status_code == 422
    assert "không phải là địa chỉ thư điện tử" in text(refused)
    assert 'value="cán bộ@haiphong.test"' in text(refused)
    assert send(officer, MINE, address="").status_code == 422
    assert send(officer, MINE, address=ADDRESS).status_code == 303
    assert "Chờ xác nhận" in text(officer.get(MINE))
    link = link_of(session)
    assert officer.get(link).status_code == 200
    session.expire_all()
    assert session.scalars(select(MailAddress.confirmed_at)).one() is None, "reading the link confirms nothing"
    other = sign_in(world.team_head)
    assert send(other, link, link).status_code == 409
    assert send(officer, link, link).status_code == 303
    assert ADDRESS in text(officer.get(MINE))
    again = send(officer, link)
    assert again.status_code == 409
    assert "không còn dùng được" in text(again)
    assert send(officer, MINE + "/bo").status_code == 303
    assert send(officer, MINE + "/bo").status_code == 404
    deeds = session.scalars(select(History.deed).where(History.deed.startswith("user:mail")).order_by(History.id)).all()
    assert deeds == ["user:mail_ask", "user:mail_confirm", "user:mail_remove"]


def test_the_form_sent_twice_sends_one_link(
    session: Session, world: factories.World, sign_in: SignIn, token_of: TokenOf
) -> None:
    officer = sign_in(world.officer)
    form = {"csrf_token": token_of(officer, MINE), "idempotency_key": uuid.uuid4().hex, "address": ADDRESS}
    assert [officer.post(MINE, data=form).status_code for _ in range(2)] == [303, 303]
    assert factories.count(session, MailAddress) == 1


def test_the_administrator_enters_an_address_for_somebody_who_confirms_it(
    session: Session, world: factories.World, sign_in: SignIn, send: Callable[..., Any]
) -> None:
    page = f"/quan-tri/nguoi-dung/{world.officer.id}/thu"
    administrator = sign_in(world.people["administrator"])
    assert f'href="{page}"' in text(administrator.get("/quan-tri/nguoi-dung"))
    assert world.officer.full_name in text(administrator.get(page))
    assert send(administrator, page, page, address=ADDRESS).status_code == 303
    link = link_of(session)
    assert send(administrator, link).status_code == 409, "only whoever it is for confirms it"
    assert send(sign_in(world.officer), link).status_code == 303
    assert ADDRESS in text(administrator.get("/quan-tri/nguoi-dung"))
    assert send(administrator, page + "/bo", page).status_code == 303
    removed = session.scalars(select(History).where(History.deed == "user:mail_remove")).one()
    assert removed.by == world.people["administrator"].id
    nobody = "/quan-tri/nguoi-dung/00000000-0000-4000-8000-000000000000/thu"
    assert administrator.get(nobody).status_code == 404
    assert send(administrator, nobody, address=ADDRESS).status_code == 404
    assert sign_in(world.officer).get(page).status_code == 403


def test_all_that_does_not_arrive_is_in_one_place_for_the_heads_and_the_administrator(
    session: Session, world: factories.World, sign_in: SignIn, send: Callable[..., Any]
) -> None:
    law.seed(session)
    session.commit()
    head, administrator = sign_in(world.team_head), sign_in(world.people["administrator"])
    assert world.officer.full_name in text(head.get(TROUBLE)), "nobody has an address yet"
    assert "chưa khai máy chủ thư" in text(head.get(TROUBLE))
    officer = sign_in(world.officer)
    send(officer, MINE, address=ADDRESS)
    send(officer, link_of(session))
    mail_addresses.heard(session, [], {ADDRESS: Reply(550, "5.1.1 mailbox unavailable")}, at=clock.now())
    session.commit()
    for reader in (head, administrator):
        assert "550 5.1.1 mailbox unavailable" in text(reader.get(TROUBLE))
    assert "550 5.1.1 mailbox unavailable" in text(officer.get(MINE))
    assert f"/quan-tri/nguoi-dung/{world.officer.id}/thu" in text(administrator.get(TROUBLE))
    assert f"/quan-tri/nguoi-dung/{world.officer.id}/thu" not in text(head.get(TROUBLE))
    assert officer.get(TROUBLE).status_code == 403
