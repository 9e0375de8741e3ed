"""Promises of feedback: right holders learn how far their request is, reporters that theirs is over; nobody accused is named to either."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from enforcement import feedback, intake_book, joins, law, requests, triage
from enforcement.feedback import Stage
from enforcement.models import CaseFile, Outcome, PaperKind
from enforcement.transitions import CaseState
from tests import factories
from tests.conftest import MASTER, NOW
from tests.enforcement import desk
from tests.enforcement.test_records import asked, heard
from tests.enforcement.test_reports import closed, paper
from trace.services import keys
from trace.services.reach import Reach

ACCUSED = "Bà Người Mẫu Bị Nghi"
EVERYTHING = Reach(everything=True)


@pytest.fixture
def request_id(session: Session, world: factories.World) -> UUID:
    law.seed(session)
    record = requests.take(
        session, heard(place="Sạp 9"), asked(infringer=ACCUSED, title_id=world.title.id), keyring=keys.load(session, MASTER), by=world.officer.id,
        at=NOW,
    )  # fmt: skip
    return record.id


@pytest.fixture
def case(session: Session, world: factories.World, request_id: UUID, tmp_path: Path) -> CaseFile:
    requests.accept(session, request_id, reason="", by=world.officer.id, at=NOW)
    signal = intake_book.signal_of(session, request_id)
    assert signal is not None
    return triage.open_case(session, signal.id, title=f"Vụ của {ACCUSED}", store=tmp_path, by=world.officer.id, at=NOW)


def followed(session: Session, reach: Reach = EVERYTHING) -> feedback.Followed:
    (one,) = feedback.requests(session, reach=reach)
    return one


def test_a_request_is_followed_from_receipt_to_decision_and_end(
    session: Session, world: factories.World, request_id: UUID, tmp_path: Path
) -> None:
    assert followed(session).stage is Stage.RECEIVED
    requests.accept(session, request_id, reason="", by=world.officer.id, at=NOW)
    assert followed(session).stage is Stage.ACCEPTED
    signal = intake_book.signal_of(session, request_id)
    assert signal is not None
    case = triage.open_case(session, signal.id, title="Vụ mẫu", store=tmp_path, by=world.officer.id, at=NOW)
    assert followed(session).stage is Stage.LOOKED_INTO
    case.state = CaseState.CRIMINAL_TRANSFER
    session.flush()
    assert followed(session).stage is Stage.PASSED_ON
    signed = date(2026, 6, 20)
    paper(
        session, case, PaperKind.PENALTY, world, signed, fine=1, bracket_low=1, bracket_top=2, bracket_basis="Mẫu", is_organisation=False
    )  # fmt: skip
    told = followed(session)
    assert (told.stage, told.decisions) == (Stage.DECIDED, ((f"penalty-{case.number}", signed),))
    closed(session, case, NOW, Outcome.INFRINGEMENT)
    session.expire_all()
    assert followed(session).stage is Stage.CLOSED


def test_a_right_holder_reads_until_when_an_answer_is_due_what_is_missing_and_how_it_ended(
    session: Session, world: factories.World, request_id: UUID
) -> None:
    first = followed(session)
    assert first.answer_by is not None
    assert first.reason is None
    requests.ask_for_more(session, request_id, reason="Thiếu giấy ủy quyền", by=world.officer.id, at=NOW)
    told = followed(session)
    assert (told.stage, told.reason) == (Stage.SUPPLEMENT, "Thiếu giấy ủy quyền")
    assert told.answer_by is not None
    assert told.answer_by > first.answer_by
    requests.accept(session, request_id, reason="Ghi chú nội bộ", by=world.officer.id, at=NOW)
    told = followed(session)
    assert (told.stage, told.answer_by, told.reason) == (Stage.ACCEPTED, None, None)
    signal = intake_book.signal_of(session, request_id)
    assert signal is not None
    triage.reject(session, signal.id, reason="Đã xem", outcome=Outcome.NO_VIOLATION, by=world.officer.id, at=NOW)
    session.expire_all()
    told = followed(session)
    assert (told.stage, told.outcome) == (Stage.CLOSED, Outcome.NO_VIOLATION)


def test_a_request_that_is_refused_tells_why(session: Session, world: factories.World, request_id: UUID) -> None:
    requests.refuse(session, request_id, reason="Không thuộc thẩm quyền", by=world.officer.id, at=NOW)
    told = followed(session)
    assert (told.stage, told.reason, told.outcome) == (Stage.REFUSED, "Không thuộc thẩm quyền", None)


def test_a_request_whose_case_was_merged_follows_the_one_that_carries_on(
    session: Session, world: factories.World, case: CaseFile, tmp_path: Path
) -> None:
    kept = desk.case(session, world, tmp_path, with_law=False)
    joins.merge(session, kept.id, case.id, take=(), reason="Một nơi bán", by=world.officer.id, at=NOW)
    kept.state = CaseState.FORWARDED
    session.flush()
    assert followed(session).stage is Stage.PASSED_ON


def test_only_requests_about_ones_own_titles_are_told(
    session: Session, world: factories.World, request_id: UUID
) -> None:
    assert feedback.requests(session, reach=Reach(titles=frozenset({world.title.id})))
    assert feedback.requests(session, reach=Reach(holders=frozenset({world.cooperative.id}))) == []


def test_the_page_names_nobody_who_is_looked_into(
    session: Session, world: factories.World, case: CaseFile, sign_in: Callable[[Any], FlaskClient]
) -> None:
    session.commit()
    page = sign_in(world.manager).get("/bao-cao-vu-viec/yeu-cau-xu-ly").get_data(as_text=True)
    assert "DY-" in page
    assert ACCUSED not in page
    assert case.number not in page


def test_every_outcome_has_words_that_accuse_nobody() -> None:
    assert set(feedback.ANSWERS) == set(Outcome)
    for words in [feedback.answer(None), *feedback.ANSWERS.values()]:
        assert not {"giả", "vi phạm của", "đối tượng", "gian lận"} & set(words.lower().replace(",", "").split())
        assert "Cảm ơn" in words
