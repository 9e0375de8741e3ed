"""Promises of signing on the page: open capacities are offered with the words they print, wrong ones refused, earlier numbers offered."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from enforcement import documents
from enforcement.competence import LegalQualification
from enforcement.models import CaseAct, CaseFile, CaseParty, CasePartyRole, Document, SigningAs
from enforcement.papers import templates
from tests import factories
from tests.enforcement import desk, papers
from trace import clock

SignIn = Callable[[Any], FlaskClient]
Send = Callable[..., Any]


@pytest.fixture
def case(session: Session, world: factories.World, app: Flask) -> CaseFile:
    made = desk.case(session, world, Path(app.config["TEMTHAT"].files_dir))
    papers.unit(session, world)
    session.commit()
    return made


@pytest.fixture
def send(token_of: Callable[[FlaskClient, str], str]) -> Send:
    def post(client: FlaskClient, here: str, path: str, **form: Any) -> Any:
        return client.post(
            path, data={"csrf_token": token_of(client, here), "idempotency_key": uuid.uuid4().hex, **form}
        )

    return post


def drafted(
    session: Session, case: CaseFile, world: factories.World, code: str
) -> tuple[Document, str, dict[str, str]]:
    given = papers.filled(templates.seeds()[code])
    made = documents.draft(session, case.id, code, by=world.officer.id, at=clock.now(), given=given)
    session.commit()
    data = {"version": str(made.version), "confirmed": "y", **{f"f-{name}": text for name, text in given.items()}}
    return made, f"/vu-viec/{case.id}/van-ban/{made.id}", data


def test_a_head_picks_the_capacity_and_the_page_keeps_what_was_printed(
    session: Session, case: CaseFile, world: factories.World, sign_in: SignIn, send: Send
) -> None:
    made, here, data = drafted(session, case, world, "CVSAN")
    head = sign_in(world.team_head)
    page = head.get(here).get_data(as_text=True)
    for offered in ("Đội trưởng (chức vụ của mình)", "Q. Đội trưởng (quyền cấp trưởng)", "TM. … (thay mặt tập thể)"):
        assert offered in page
    assert "TUQ." not in page.split("Ký với tư cách")[1].split("</select>")[0], "no branch is in office here"
    answer = send(head, here, f"{here}/ban-hanh", **data, signed_as="collective")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'id="body-error"' in page
    assert 'id="post-error"' in page
    assert "Hãy ghi tên tập thể" in page
    answer = send(
        head, here, f"{here}/ban-hanh", **data, signed_as="collective", body="Đoàn kiểm tra", post="Trưởng đoàn"
    )
    assert answer.status_code == 303, answer.get_data(as_text=True)
    session.expire_all()
    assert made.signed_as is SigningAs.COLLECTIVE
    assert "TM. Đoàn kiểm tra / Trưởng đoàn" in head.get(here).get_data(as_text=True)


def test_what_is_wrong_missing_unconfirmed_and_not_open_is_told_together(
    session: Session, case: CaseFile, world: factories.World, sign_in: SignIn, send: Send
) -> None:
    made, here, data = drafted(session, case, world, "CVSAN")
    sent = {**data, "f-reply_by": "tuần sau", "f-platform": ""}
    del sent["confirmed"]
    head = sign_in(world.team_head)
    answer = send(head, here, f"{here}/ban-hanh", **sent, signed_as="acting")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    for name in ("f-reply_by", "f-platform", "confirmed", "mandate"):
        assert f'id="{name}-error"' in page, name
    session.expire_all()
    assert made.values["platform"] == "Giá trị platform", "nothing of it is kept"


@pytest.mark.parametrize("chosen", ["deputy", "emperor", "by_order"])
def test_a_capacity_that_is_not_open_is_refused_at_its_field(
    session: Session, case: CaseFile, world: factories.World, sign_in: SignIn, send: Send, chosen: str
) -> None:
    made, here, data = drafted(session, case, world, "MQĐ20")
    head = sign_in(world.team_head)
    answer = send(head, here, f"{here}/ban-hanh", **data, signed_as=chosen)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'id="signed_as-error"' in page
    assert "Bạn không ký được mẫu này với tư cách đã chọn." in page
    session.expire_all()
    assert made.number is None


def test_an_upload_before_the_issue_and_a_missing_receipt_are_told_together(
    session: Session, case: CaseFile, world: factories.World, sign_in: SignIn, send: Send
) -> None:
    _made, here, data = drafted(session, case, world, "MBB02")
    officer = sign_in(world.officer)
    assert send(officer, here, f"{here}/ban-hanh", **data).status_code == 303
    answer = send(officer, here, f"{here}/ins", uploaded="01:00 01/01/2020", receipt="")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'id="ins-uploaded-error"' in page
    assert 'id="ins-receipt-error"' in page


def test_whoever_may_not_sign_reads_who_does_and_finds_no_button(
    session: Session, case: CaseFile, world: factories.World, sign_in: SignIn
) -> None:
    _made, here, _data = drafted(session, case, world, "MQĐ20")
    page = sign_in(world.officer).get(here).get_data(as_text=True)
    assert "Mẫu này do lãnh đạo hoặc người được giao quyền ký" in page
    assert f"{here}/ban-hanh" not in page


def test_a_number_that_a_form_asks_for_is_picked_from_all_registered_documents(
    session: Session, case: CaseFile, world: factories.World, sign_in: SignIn, send: Send
) -> None:
    officer = sign_in(world.officer)
    numbers = []
    for _ in range(3):
        made, here, data = drafted(session, case, world, "MBB01")
        assert send(officer, here, f"{here}/ban-hanh", **data).status_code == 303
        session.expire_all()
        numbers.append(made.number)
    decision = documents.draft(session, case.id, "MQĐ02", by=world.officer.id, at=clock.now())
    session.commit()
    page = officer.get(f"/vu-viec/{case.id}/van-ban/{decision.id}").get_data(as_text=True)
    listed = page.split('<datalist id="f-record_number-offers">')[1].split("</datalist>")[0]
    assert [str(number) in listed for number in numbers] == [True] * 3
    assert listed.index(str(numbers[2])) < listed.index(str(numbers[0])), "the latest first"
    assert "Biên bản vi phạm hành chính, " in listed
    assert f'list="f-record_number-offers" name="f-record_number" type="text" value="{numbers[2]}"' in page, (
        "the latest is filled in"
    )


def test_of_several_offenders_the_paper_is_filled_in_about_the_one_that_is_chosen(
    session: Session, case: CaseFile, world: factories.World, sign_in: SignIn, send: Send
) -> None:
    own = {"case_id": case.id, "added_at": clock.now(), "added_by": world.officer.id, "is_organisation": False}
    people = [
        CaseParty(**own, role=CasePartyRole.SUSPECTED, name=name, address=f"Nhà {name}")
        for name in ("Ông Một", "Bà Hai")
    ]
    session.add_all(people)
    session.flush()
    for party in people:
        session.add(
            CaseAct(
                case_id=case.id, added_at=clock.now(), added_by=world.officer.id, description=f"Việc của {party.name}", place="Chợ mẫu",
                qualification=LegalQualification.GI_INFRINGEMENT, began_on=date(2026, 6, 1), offender_id=party.id,
            )
        )  # fmt: skip
    session.commit()
    made = documents.draft(session, case.id, "MQĐ02", by=world.officer.id, at=clock.now())
    session.commit()
    here, officer = f"/vu-viec/{case.id}/van-ban/{made.id}", sign_in(world.officer)
    page = officer.get(here).get_data(as_text=True)
    assert "Văn bản này về ai" in page
    assert page.index("Lưu dự thảo") < page.index("Điền theo người này"), "the key Enter saves"
    sent = {"version": str(made.version), "f-payee": "Kho bạc mẫu", "f-offender_name": "Ông Một"}
    unknown = send(officer, here, f"{here}/luu", **sent, refill="1", about=str(uuid.uuid4()))
    assert unknown.status_code == 404
    assert send(officer, here, f"{here}/luu", **sent, refill="1", about=str(people[1].id)).status_code == 303
    session.expire_all()
    assert made.values["offender_name"] == "Bà Hai"
    assert made.values["offender_address"] == "Nhà Bà Hai"
    assert "Việc của Bà Hai" in made.values["act"]
    assert "Ông Một" not in made.values["act"]
    assert made.values["payee"] == "Kho bạc mẫu"
    assert "Bà Hai" in made.abstract
