"""Promises of the lists' pages: tabs, the next case, many rows at once with a way back, saved filters, keys, files to take away."""

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
from sqlalchemy.orm import Session

from enforcement import bulk, cases, law, queue
from enforcement.models import BulkDeed, CaseFile, SavedFilter
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk

SignIn = Callable[[Any], FlaskClient]
TokenOf = Callable[[FlaskClient, str], str]


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


def hidden(page: str) -> dict[str, str]:
    """What the page of a preview gives back of what it counted."""
    return dict(re.findall(r'name="(rows|facts|able)" value="([^"]*)"', page))


def test_the_tabs_count_and_the_most_urgent_case_stands_first(
    session: Session, world: factories.World, head: FlaskClient, store: Path
) -> None:
    calm, urgent = desk.case(session, world, store), desk.case(session, world, store)
    urgent.next_due_at = NOW
    session.commit()
    page = text(head.get("/vu-viec"))
    assert page.index(urgent.number) < page.index(calm.number)
    assert [re.sub(r"\s+", " ", each) for each in re.findall(r'<span class="count">([^<]+)</span>', page)][-1] == "2"
    assert "quá hạn" in page
    for query in ("?due=soon", "?due=overdue", "?officer=me", "?officer=none", "?state=closed&severity=2&q=x"):
        assert head.get("/vu-viec" + query).status_code == 200


def test_a_figure_beyond_the_bound_says_more_than(
    session: Session, world: factories.World, head: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MOST", 1)
    for turn in range(3):
        desk.signal(session, place=f"Chợ mẫu {turn}")
    session.commit()
    page = text(head.get("/hang-doi"))
    assert '<span class="count">1+</span>' in page


def test_the_next_case_is_taken_once_however_often_the_form_is_sent(
    session: Session, world: factories.World, head: FlaskClient, token_of: TokenOf, store: Path
) -> None:
    free = [desk.case(session, world, store) for _ in range(2)]
    session.commit()
    form = {"csrf_token": token_of(head, "/vu-viec"), "idempotency_key": uuid.uuid4().hex}
    first, again = (head.post("/vu-viec/tiep-theo", data=form) for _ in range(2))
    assert first.location == again.location
    session.expire_all()
    assert [case.officer_id for case in free].count(world.team_head.id) == 1
    send(head, token_of, "/vu-viec/tiep-theo")
    nothing = send(head, token_of, "/vu-viec/tiep-theo")
    assert nothing.location.endswith("/vu-viec?officer=none")


def test_many_are_given_with_a_counted_preview_and_taken_back(
    session: Session, world: factories.World, head: FlaskClient, token_of: TokenOf, store: Path
) -> None:
    free, mine = desk.case(session, world, store), desk.case(session, world, store)
    cases.claim(session, mine.id, by=world.officer.id, at=NOW)
    session.commit()
    chosen = send(head, token_of, "/hang-loat", list="cases", kind="assign", ids=[str(free.id), str(mine.id)])
    assert chosen.status_code == 200
    ids = re.findall(r'name="id" value="([^"]+)"', text(chosen))
    assert set(ids) == {str(free.id), str(mine.id)}
    form = {"id": ids, "officer": str(world.officer.id), "reason": "Chia lại việc"}
    counted = text(send(head, token_of, "/hang-loat/preview/assign", **form))
    form |= hidden(counted)
    assert "1 vụ sẽ giao cho Người mẫu Bộ" in counted.replace("việc ", "")
    assert mine.number in counted
    session.expire_all()
    assert free.officer_id is None
    done = send(head, token_of, "/hang-loat/do/assign", **form)
    assert done.status_code == 303
    session.expire_all()
    assert free.officer_id == world.officer.id
    deed = session.query(BulkDeed).one()
    assert mine.number in text(head.get(f"/hang-loat/{deed.id}"))
    assert "Hoàn tác" in text(head.get(f"/hang-loat/{deed.id}"))
    assert send(head, token_of, f"/hang-loat/{deed.id}/hoan-tac").status_code == 303
    session.expire_all()
    assert free.officer_id is None
    assert send(head, token_of, f"/hang-loat/{deed.id}/hoan-tac").status_code == 409
    assert deed.reason == "Chia lại việc"
    assert head.get("/hang-loat").status_code == 200


def test_every_result_of_a_filter_can_be_chosen(
    session: Session, world: factories.World, head: FlaskClient, token_of: TokenOf, store: Path
) -> None:
    for _ in range(3):
        desk.case(session, world, store)
    session.commit()
    chosen = text(send(head, token_of, "/hang-loat", list="cases", kind="assign", all="1", query="officer=none"))
    assert len(re.findall(r'name="id" value="', chosen)) == 3


def test_of_a_filter_with_more_rows_than_are_worked_on_at_once_the_first_are_chosen_and_that_is_said(
    session: Session,
    world: factories.World,
    head: FlaskClient,
    token_of: TokenOf,
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pressing = [desk.case(session, world, store) for _ in range(4)]
    for n, case in enumerate(pressing):
        case.next_due_at = NOW + timedelta(days=n)
    session.commit()
    monkeypatch.setattr(bulk, "MOST", 3)
    monkeypatch.setattr(queue, "PAGE", 2)
    assert 'data-all="3"' in text(head.get("/vu-viec"))
    chosen = text(send(head, token_of, "/hang-loat", list="cases", kind="assign", all="1"))
    ids = re.findall(r'name="id" value="([^"]+)"', chosen)
    assert ids == [str(case.id) for case in pressing[:3]]
    assert 'name="more"' in chosen
    form = {"id": ids, "officer": str(world.officer.id), "reason": "Chia lại việc", "more": "1"}
    counted = text(send(head, token_of, "/hang-loat/preview/assign", **form))
    assert 'name="more"' in counted
    form |= hidden(counted)
    assert send(head, token_of, "/hang-loat/do/assign", **form).status_code == 303
    session.expire_all()
    assert [case.officer_id == world.officer.id for case in pressing] == [True, True, True, False]
    assert 'name="more"' not in text(
        send(head, token_of, "/hang-loat", list="cases", kind="assign", all="1", query="officer=none")
    )


def test_a_step_of_the_law_is_taken_in_its_case_and_refused_for_many(
    session: Session, world: factories.World, head: FlaskClient, token_of: TokenOf, store: Path
) -> None:
    one, two = desk.case(session, world, store), desk.case(session, world, store)
    session.commit()
    assert send(head, token_of, "/hang-loat", list="cases", kind="step", ids=str(one.id)).location.endswith(
        f"/vu-viec/{one.id}#moves"
    )
    assert send(
        head, token_of, "/hang-loat", list="cases", kind="step", ids=[str(one.id), str(two.id)]
    ).location.endswith("/vu-viec")
    assert "người ký" in text(head.get("/vu-viec"))
    for kind in ("sign", "penalise", "close"):
        assert send(head, token_of, f"/hang-loat/do/{kind}", id=str(one.id)).status_code == 409


@pytest.mark.parametrize("kind", ["wait", "weigh", "reject", "add"])
def test_signals_are_decided_in_one_go_and_missing_facts_are_named(
    session: Session, world: factories.World, head: FlaskClient, token_of: TokenOf, kind: str
) -> None:
    signal = desk.signal(session)
    session.commit()
    assert send(head, token_of, "/hang-loat", list="signals", kind=kind, ids=str(signal.cluster_id)).status_code == 200
    empty = send(head, token_of, f"/hang-loat/preview/{kind}", id=str(signal.cluster_id))
    assert empty.status_code == 422
    assert 'id="errors"' in text(empty)
    whole = {
        "until": "31/12/2026",
        "severity": "3",
        "outcome": "no_violation",
        "reason": "Đã rõ",
        "case": "VV-2026-00099",
    }
    answer = send(head, token_of, f"/hang-loat/preview/{kind}", id=str(signal.cluster_id), **whole)
    assert answer.status_code == (422 if kind == "add" else 200)


def test_senseless_choices_do_no_harm(
    session: Session, world: factories.World, head: FlaskClient, token_of: TokenOf, sign_in: SignIn
) -> None:
    for form in (
        {},
        {"kind": "assign", "ids": "x"},
        {"kind": "merge", "list": "cases"},
        {"kind": "export", "list": "signals"},
        {"kind": "step", "list": "cases"},
        {"kind": "step", "list": "signals"},
    ):
        assert send(head, token_of, "/hang-loat", **form).status_code in {303, 403}
    assert send(head, token_of, "/hang-loat", list="cases", kind="reject").status_code == 403
    assert send(head, token_of, "/hang-loat/do/assign").status_code == 422
    assert send(head, token_of, f"/hang-loat/{uuid.uuid4()}/hoan-tac").status_code == 404
    auditor = sign_in(world.people["auditor"])
    assert send(auditor, token_of, "/hang-loat", list="cases", kind="assign").status_code == 403


def test_a_filter_is_kept_named_anew_shared_counted_and_deleted(
    session: Session, world: factories.World, head: FlaskClient, token_of: TokenOf, sign_in: SignIn, store: Path
) -> None:
    desk.case(session, world, store)
    session.commit()
    assert "Giữ bộ lọc này" in text(head.get("/vu-viec?officer=none"))
    page = "/bo-loc?list=cases&query=officer%3Dnone%26page%3D3"
    assert head.get(page).status_code == 200
    kept = send(
        head, token_of, "/bo-loc", name="Chưa ai nhận", shared="y", list="cases", query="officer=none&page=3&x=y"
    )
    assert kept.location.endswith("/vu-viec?officer=none")
    saved = session.query(SavedFilter).one()
    assert "Chưa ai nhận" in text(sign_in(world.officer).get("/vu-viec"))
    assert head.get("/bo-loc/dem").get_json() == {str(saved.id): "1"}
    assert send(head, token_of, "/bo-loc", name="Chưa ai nhận", list="cases", query="").status_code == 409
    assert send(head, token_of, f"/bo-loc/{saved.id}", name="").status_code == 422
    assert send(sign_in(world.officer), token_of, f"/bo-loc/{saved.id}", name="Của tôi").status_code == 404
    assert send(head, token_of, f"/bo-loc/{saved.id}", name="Việc trống").status_code == 303
    session.expire_all()
    assert (saved.name, saved.shared) == ("Việc trống", False)
    assert send(head, token_of, f"/bo-loc/{saved.id}/xoa").status_code == 303
    assert factories.count(session, SavedFilter) == 0


def test_the_keys_are_switched_off_for_a_person(
    head: FlaskClient, token_of: TokenOf, session: Session, world: Any, store: Path
) -> None:
    desk.case(session, world, store)
    session.commit()
    assert 'data-keys="on"' in text(head.get("/vu-viec"))
    send(head, token_of, "/bo-loc/phim", on="0", list="cases")
    assert 'data-keys="off"' in text(head.get("/vu-viec"))


def test_the_lists_are_files_with_their_filters(
    session: Session, world: factories.World, head: FlaskClient, store: Path
) -> None:
    free, mine = desk.case(session, world, store), desk.case(session, world, store)
    cases.claim(session, mine.id, by=world.officer.id, at=NOW)
    desk.signal(session, place="Chợ mẫu Đổ")
    session.commit()
    found = text(head.get("/xuat/desk-cases.csv?officer=none"))
    assert free.number in found
    assert mine.number not in found
    assert mine.number in text(head.get(f"/xuat/desk-cases.csv?id={mine.id}"))
    assert "Chợ mẫu Đổ" in text(head.get("/xuat/desk-signals.csv"))
    assert head.get("/xuat/desk-cases.xlsx").status_code == 200


def test_labels_places_and_the_printed_course_of_a_case(
    session: Session, world: factories.World, head: FlaskClient, store: Path
) -> None:
    desk.labels(session, world)
    case = desk.case(session, world, store, serial=7, place="Chợ mẫu Cẩm Chế")
    desk.scans(session, 7, desk.VerdictKind.SUSPECTED_COPY, devices=3, at=NOW)
    session.commit()
    page = text(head.get(f"/vu-viec/{case.id}/tem-lien-quan"))
    assert "DT-2026-00001" in page
    assert "Chợ mẫu Cẩm Chế" in page
    assert case.signals[0].source_number in page
    paper = text(head.get(f"/vu-viec/{case.id}/dien-bien-in"))
    assert case.number in paper
    assert factories.count(session, CaseFile) == 1
