"""Promises of deciding many at once on the desk: decided is what was counted or seen, with the facts it was counted with, and nothing else."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_babel import force_locale, ngettext
from sqlalchemy.orm import Session

from enforcement import feedback, intake, law, triage
from enforcement.models import BulkDeed, Outcome, Signal, SignalState
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from trace.models.tips import Tip, TipState

SignIn = Callable[[Any], FlaskClient]
TokenOf = Callable[[FlaskClient, str], str]
WHOLE = {"until": "31/12/2026", "severity": "3", "outcome": "no_violation", "reason": "Đã rõ"}


@pytest.fixture
def head(world: factories.World, session: Session, sign_in: SignIn) -> FlaskClient:
    law.seed(session)
    session.commit()
    return sign_in(world.team_head)


@pytest.fixture
def store(app: Flask) -> Path:
    return Path(app.config["TEMTHAT"].files_dir)


def text(answer: Any) -> str:
    return str(answer.get_data(as_text=True))


def send(client: FlaskClient, token_of: TokenOf, path: str, **form: Any) -> Any:
    key = {"csrf_token": token_of(client, "/vu-viec"), "idempotency_key": uuid.uuid4().hex}
    return client.post(path, data={**key, **form})


def given_back(page: str) -> dict[str, Any]:
    """Every hidden field of the page's own form, as a browser sends it back."""
    found = dict[str, Any]()
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page):
        if name not in {"csrf_token", "idempotency_key"}:
            found.setdefault(name, []).append(value)
    return found


def later(session: Session, like: Signal) -> Signal:
    """One more report that falls into the group, a moment after the others."""
    made = intake.from_tip(session, desk.tip(session), at=NOW + timedelta(minutes=1))
    assert made.cluster_id == like.cluster_id
    session.commit()
    return made


@pytest.mark.parametrize("kind", ["reject", "wait", "weigh", "add"])
def test_what_nobody_counted_is_not_decided(
    app: Flask, session: Session, world: factories.World, head: FlaskClient, token_of: TokenOf, store: Path, kind: str
) -> None:
    case, signals = desk.case(session, world, store), [desk.signal(session) for _ in range(3)]
    session.commit()
    facts = {**WHOLE, "case": case.number}
    page = text(send(head, token_of, f"/hang-loat/preview/{kind}", id=str(signals[0].cluster_id), **facts))
    fourth = later(session, signals[0])
    done = send(head, token_of, f"/hang-loat/do/{kind}", **given_back(page), **facts)
    assert done.status_code == 303
    session.expire_all()
    assert (fourth.state, fourth.decided_by, fourth.severity) == (SignalState.NEW, None, 2)
    assert session.get_one(Tip, uuid.UUID(fourth.source_ref)).state is TipState.RECEIVED
    assert {(signal.state, signal.severity) for signal in signals} != {(SignalState.NEW, 2)}
    assert len(session.query(BulkDeed).one().done["items"]) == 3
    with app.test_request_context(), force_locale("vi"):
        said = ngettext(
            "%(num)s signal came after the count and is still undecided.",
            "%(num)s signals came after the count and are still undecided.",
            1,
        )
    assert str(said) in text(head.get("/hang-doi"))


def test_what_a_colleague_decided_meanwhile_is_counted_again_first(
    session: Session, world: factories.World, head: FlaskClient, token_of: TokenOf
) -> None:
    signals = [desk.signal(session) for _ in range(3)]
    session.commit()
    page = text(send(head, token_of, "/hang-loat/preview/reject", id=str(signals[0].cluster_id), **WHOLE))
    triage.wait(session, signals[0].id, until=None, reason="Chờ ảnh", by=world.officer.id, at=NOW)
    grown = later(session, signals[0])
    triage.reject(session, signals[1].id, reason="x", outcome=Outcome.DATA_ERROR, by=world.officer.id, at=NOW)
    session.commit()
    again = send(head, token_of, "/hang-loat/do/reject", **given_back(page), **WHOLE)
    assert again.status_code == 409
    session.expire_all()
    assert [each.state for each in (signals[0], signals[2], grown)] == [
        SignalState.WAITING, SignalState.NEW, SignalState.NEW,
    ]  # fmt: skip
    assert session.query(BulkDeed).count() == 0
    done = send(head, token_of, "/hang-loat/do/reject", **given_back(text(again)), **WHOLE)
    assert done.status_code == 303
    assert len(session.query(BulkDeed).one().done["items"]) == 3


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("reject", {"outcome": "exposed_code"}),
        ("reject", {"reason": "Lý do khác"}),
        ("wait", {"until": "30/12/2026"}),
        ("wait", {"until": ""}),
        ("weigh", {"severity": "1"}),
    ],
)
def test_facts_that_were_changed_after_the_count_are_counted_first(
    session: Session, head: FlaskClient, token_of: TokenOf, kind: str, changed: dict[str, str]
) -> None:
    signal = desk.signal(session)
    session.commit()
    page = text(send(head, token_of, f"/hang-loat/preview/{kind}", id=str(signal.cluster_id), **WHOLE))
    again = send(head, token_of, f"/hang-loat/do/{kind}", **given_back(page), **(WHOLE | changed))
    assert again.status_code == 409
    session.expire_all()
    assert (signal.state, signal.severity) == (SignalState.NEW, 2)
    done = send(head, token_of, f"/hang-loat/do/{kind}", **given_back(text(again)), **(WHOLE | changed))
    assert done.status_code == 303


def test_an_officer_who_was_changed_after_the_count_gets_nothing_yet(
    session: Session, world: factories.World, head: FlaskClient, token_of: TokenOf, store: Path
) -> None:
    case = desk.case(session, world, store)
    session.commit()
    facts = {"officer": str(world.officer.id), "reason": "Chia lại việc"}
    page = text(send(head, token_of, "/hang-loat/preview/assign", id=str(case.id), **facts))
    other = facts | {"officer": str(world.team_head.id)}
    assert send(head, token_of, "/hang-loat/do/assign", **given_back(page), **other).status_code == 409
    assert send(head, token_of, "/hang-loat/do/assign", id=str(case.id), **facts).status_code == 409
    session.expire_all()
    assert case.officer_id is None
    assert send(head, token_of, "/hang-loat/do/assign", **given_back(page), **facts).status_code == 303
    session.expire_all()
    assert case.officer_id == world.officer.id


def test_a_flood_that_goes_on_holds_nobody_up(session: Session, head: FlaskClient, token_of: TokenOf) -> None:
    signals = [desk.signal(session) for _ in range(3)]
    session.commit()
    page = f"/hang-doi/nhom/{signals[0].cluster_id}"
    found = re.search(r'name="seen" type="hidden" value="([^"]*)"', text(head.get(page)))
    assert found
    fourth = later(session, signals[0])
    facts = {"outcome": "data_error", "reason": "Trùng"}
    assert send(head, token_of, f"{page}/reject", seen=found[1], **facts).status_code == 303
    session.expire_all()
    assert {signal.state for signal in signals} == {SignalState.REJECTED}
    assert fourth.state is SignalState.NEW


def test_what_is_left_of_a_group_whose_case_is_closed_may_become_a_case_on_its_page(
    session: Session, world: factories.World, head: FlaskClient, token_of: TokenOf, store: Path
) -> None:
    signals = [desk.signal(session) for _ in range(3)]
    first = triage.open_case(session, signals[0].id, title="Vụ một", store=store, by=world.officer.id, at=NOW)
    session.commit()
    one, group = f"/hang-doi/{signals[1].id}", f"/hang-doi/nhom/{signals[1].cluster_id}"
    assert all(f"{page}/open" not in text(head.get(page)) for page in (one, group))
    assert first.number in text(head.get("/hang-doi"))
    for move in (desk.Move.SCREEN, desk.Move.FIND_NO_VIOLATION, desk.Move.CLOSE):
        desk.carry_out(session, first, by=world.team_head.id)
        desk.take(session, first, move, by=world.team_head.id)
    session.commit()
    assert all(f"{page}/open" in text(head.get(page)) for page in (one, group))
    assert first.number not in text(head.get("/hang-doi"))
    assert send(head, token_of, f"{one}/open", title="Vụ hai").status_code == 303
    session.expire_all()
    assert signals[1].case_id not in {None, first.id}
    assert f"{group}/open" not in text(head.get(group))


# ------------------------------------------------------------------------------------------------- what a reporter is told


def test_who_puts_aside_reads_what_the_reporter_will_read(
    session: Session, world: factories.World, head: FlaskClient, token_of: TokenOf
) -> None:
    signal = desk.signal(session)
    session.commit()
    pages = [text(head.get(f"/hang-doi/{signal.id}")), text(head.get(f"/hang-doi/nhom/{signal.cluster_id}"))]
    for page in pages:
        assert all(feedback.answer(each) in page for each in triage.ASIDE)
        assert feedback.answer(Outcome.INFRINGEMENT) not in page
        assert 'value="infringement"' not in page
    counted = text(send(head, token_of, "/hang-loat/preview/reject", id=str(signal.cluster_id), **WHOLE))
    assert feedback.answer(Outcome.NO_VIOLATION) in counted
    seen = intake.from_observation(session, desk.observation(session, world.inspector.id), at=NOW)
    session.commit()
    assert feedback.answer(Outcome.NO_VIOLATION) not in text(head.get(f"/hang-doi/{seen.id}"))


def test_an_infringement_is_not_put_aside(session: Session, head: FlaskClient, token_of: TokenOf) -> None:
    signal = desk.signal(session)
    session.commit()
    page = f"/hang-doi/nhom/{signal.cluster_id}"
    found = re.search(r'name="seen" type="hidden" value="([^"]*)"', text(head.get(page)))
    assert found
    facts = {"outcome": "infringement", "reason": "Có vi phạm", "seen": found[1]}
    for path in (f"/hang-doi/{signal.id}/reject", f"{page}/reject"):
        assert send(head, token_of, path, **facts).status_code == 422
    counting = WHOLE | {"outcome": "infringement"}
    assert send(head, token_of, "/hang-loat/preview/reject", id=str(signal.cluster_id), **counting).status_code == 422
    session.expire_all()
    assert signal.state is SignalState.NEW
