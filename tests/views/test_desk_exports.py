"""Promises of the desk's lists as files: all rows of the filter, each once, whoever decides meanwhile; too many are refused; it is written down."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from enforcement import bulk, cases, law, queue, triage
from enforcement.models import Outcome
from enforcement.views import desk_exports
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from trace.models.history import History
from trace.views import exports
from trace.words import explain, way_out

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


def numbers(client: FlaskClient, address: str) -> list[str]:
    answer = client.get(address)
    assert answer.status_code == 200
    found = list(csv.reader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"))))
    return [row[0] for row in found[1:]]


def words(answer: Any) -> str:
    return html.unescape(answer.get_data(as_text=True))


def test_every_row_of_the_filter_is_in_the_file_once_beyond_what_pages_show(
    session: Session, head: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [desk.signal(session, place=f"Chợ mẫu {n}").source_number for n in range(7)]
    session.commit()
    monkeypatch.setattr(exports, "AT_ONCE", 3)
    monkeypatch.setattr(queue, "MOST", 2)
    assert sorted(numbers(head, "/xuat/desk-signals.csv")) == sorted(made)
    monkeypatch.setattr(queue, "MOST", 7)
    assert sorted(numbers(head, "/xuat/desk-signals.csv?q=cho+mau")) == sorted(made)
    assert numbers(head, "/xuat/desk-signals.csv?severity=1") == []


def test_what_is_decided_while_the_file_is_made_neither_hides_nor_doubles_a_row(
    session: Session, world: factories.World, head: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [desk.signal(session, place=f"Chợ mẫu {n}") for n in range(6)]
    session.commit()
    made, signals = [each.source_number for each in found], [each.id for each in found]
    first = queue.clusters_of

    def decided_meanwhile(asking: Session, ids: Any) -> Any:
        rows = first(asking, ids)
        if signals:
            triage.reject(asking, signals.pop(0), reason="x", outcome=Outcome.NO_VIOLATION, by=world.officer.id, at=NOW)
        return rows

    monkeypatch.setattr(exports, "AT_ONCE", 2)
    monkeypatch.setattr(queue, "clusters_of", decided_meanwhile)
    assert sorted(numbers(head, "/xuat/desk-signals.csv")) == sorted(made)


def test_more_rows_than_a_file_holds_are_refused_with_the_way_out(
    session: Session, world: factories.World, head: FlaskClient, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, mine, _third = (desk.case(session, world, store) for _ in range(3))
    cases.claim(session, mine.id, by=world.officer.id, at=NOW)
    session.commit()
    monkeypatch.setattr(desk_exports, "MOST_ROWS", 2)
    answer = head.get("/xuat/desk-cases.xlsx")
    assert answer.status_code == 413
    assert "có hơn 2 dòng" in answer.get_data(as_text=True)
    assert factories.count(session, History, History.deed == "export:take") == 0
    assert free.number in numbers(head, "/xuat/desk-cases.csv?officer=none")
    assert factories.count(session, History, History.deed == "export:take") == 1


@pytest.mark.parametrize(
    ("name", "bound"), [("signals", "FOUND"), ("signals", "COMMON"), ("cases", "FOUND"), ("cases", "LOOKED_AT")]
)
def test_a_search_that_finds_a_part_only_is_refused_as_a_file(
    session: Session,
    world: factories.World,
    head: FlaskClient,
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    bound: str,
) -> None:
    made = [desk.case(session, world, store, place=f"Chợ mẫu Đổ {n}") for n in range(3)]
    for n in range(3):
        desk.signal(session, place=f"Chợ mẫu Hạ {n}")
    session.commit()
    asked = f"/xuat/desk-{name}.csv?q=cho+mau"
    assert len(numbers(head, asked)) == 3
    monkeypatch.setattr(queue, bound, 2)
    refused = head.get(asked)
    assert refused.status_code == 413
    told, right = words(refused), desk_exports.DeskTextTooCommon()
    with head.application.test_request_context():
        assert explain(right) in told
        assert str(way_out(right)) in told
        assert str(way_out(desk_exports.DeskListTooLong(most=2))) not in told
    assert len(numbers(head, f"/xuat/desk-{name}.csv")) == 3
    if bound == "FOUND" and name == "cases":
        assert numbers(head, f"{asked}&id={made[0].id}") == [made[0].number]


def chosen(client: FlaskClient, token_of: TokenOf, name: str, **form: Any) -> list[str]:
    """The numbers in the file to which the button leads."""
    data = {"csrf_token": token_of(client, "/tai-khoan"), "list": name, "kind": "export", **form}
    told = client.post("/hang-loat", data=data)
    assert told.status_code == 303
    return numbers(client, told.location.replace(".xlsx", ".csv"))


@pytest.mark.parametrize("name", ["signals", "cases"])
def test_the_button_takes_the_chosen_rows_and_all_of_the_filter_where_none_is_chosen(
    session: Session,
    world: factories.World,
    head: FlaskClient,
    store: Path,
    token_of: TokenOf,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    if name == "cases":
        made = [desk.case(session, world, store, place=f"Chợ mẫu Đổ {n}") for n in range(5)]
        for n, case in enumerate(made):
            case.next_due_at = NOW + timedelta(days=n)
        session.commit()
        rows = [(str(case.id), case.number) for case in made]
    else:
        signals = [desk.signal(session, place=f"Chợ mẫu Đổ {n}") for n in range(5)]
        session.commit()
        order = queue.ids(session, queue.SignalFilter(), at=NOW)
        rows = [(str(each.cluster_id), each.source_number) for each in signals]
        rows.sort(key=lambda row: [str(found) for found in order].index(row[0]))
    monkeypatch.setattr(bulk, "MOST", 3)
    monkeypatch.setattr(queue, "PAGE", 2)
    listed = [number for _id, number in rows]
    assert chosen(head, token_of, name) == listed
    assert chosen(head, token_of, name, ids=[rows[3][0], rows[1][0]]) == [listed[1], listed[3]]
    assert chosen(head, token_of, name, all="1") == listed[:3]
    assert chosen(head, token_of, name, all="1", ids=rows[4][0]) == listed[:3]
    assert chosen(head, token_of, name, all="1", query="q=cho+mau") == listed[:3]
    kept = session.scalars(select(History).where(History.deed == "export:take").order_by(History.id)).all()
    assert "first=3" in str(kept[-1].changes)
    monkeypatch.setattr(bulk, "MOST", 5)
    assert chosen(head, token_of, name, all="1") == listed


def test_the_button_says_which_rows_and_how_many(
    session: Session, world: factories.World, head: FlaskClient, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        desk.case(session, world, store)
    session.commit()
    button = next(line for line in words(head.get("/vu-viec")).splitlines() if 'value="export"' in line)
    with head.application.test_request_context():
        assert f'data-export-all="{gettext("Export all: %(n)s", n=4)}"' in button
        assert f'data-export-chosen="{gettext("Export chosen: %(n)s", n="{n}")}"' in button
        assert gettext("Export the ticked rows, or all %(n)s", n=4) in button
    monkeypatch.setattr(queue, "MOST", 3)
    monkeypatch.setattr(queue, "PAGE", 2)
    page = words(head.get("/vu-viec"))
    with head.application.test_request_context():
        assert gettext("Export all: %(n)s", n="3+") in page


@pytest.mark.parametrize("first", ["", "x", "-1", "0", "²", "9" * 40])
def test_a_senseless_number_of_first_rows_is_none(
    session: Session, world: factories.World, head: FlaskClient, store: Path, first: str
) -> None:
    made = [desk.case(session, world, store).number for _ in range(3)]
    session.commit()
    assert sorted(numbers(head, f"/xuat/desk-cases.csv?{urlencode({'first': first})}")) == sorted(made)


def test_whoever_reported_is_in_no_file(session: Session, head: FlaskClient) -> None:
    desk.signal(session, place="Chợ mẫu", description="Tôi là bà Nguyễn Thị Mẫu, gọi tôi 0912345678")
    session.commit()
    told = head.get("/xuat/desk-signals.csv").get_data(as_text=True)
    assert "Nguyễn Thị Mẫu" not in told
    assert "0912345678" not in told
