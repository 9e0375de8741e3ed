"""The lane in front of Flask: it gives Flask's own answer, header by header, in one round trip, and hands on what it does not know."""

from __future__ import annotations

import gzip
import re
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec.structs
import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.conftest import NOW
from tests.services.test_scanning import CHROME, code_of, issue
from trace import clock, moulds, tongues
from trace.models.certificates import CertificateStatus
from trace.models.labels import LabelState
from trace.models.lots import Lot, LotState
from trace.models.scans import VerdictKind
from trace.models.titles import TitleKind
from trace.services.scanning import ComparePoint, Verdict
from trace.views import scan_lane, verify
from trace.views.scan_lane import ScanLane

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session

    from tests.factories import World

PHONE = {"User-Agent": CHROME, "Accept": "text/html", "Accept-Language": "vi"}
NONCE = re.compile(rb"nonce(=\"|-)[\w-]{22}")
LANGUAGES = ("", "vi", "en", "zh", "ja")


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(hours=2))


@pytest.fixture
def handed_on(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths that the lane left to Flask."""
    seen: list[str] = []
    init = ScanLane.__init__

    def spied(lane: ScanLane, environ: dict[str, Any], start_response: Any) -> Any:
        before = lane._inner

        def inner(environ: dict[str, Any], start_response: Any) -> Any:
            seen.append(environ["PATH_INFO"])
            return before(environ, start_response)

        lane._inner = inner
        try:
            return call(lane, environ, start_response)
        finally:
            lane._inner = before

    assert init
    call = ScanLane.__call__
    monkeypatch.setattr(ScanLane, "__call__", spied)
    return seen


@pytest.fixture
def by_flask(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], Any]:
    """Do something with the lane out of the way."""

    def done(what: Callable[[], Any]) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(ScanLane, "__call__", lambda lane, environ, start: lane._inner(environ, start))
            return what()

    return done


def plain(answer: Any) -> bytes:
    body: bytes = answer.get_data()
    if answer.headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    return NONCE.sub(b"nonce", body)


def fields(answer: Any) -> dict[str, str]:
    found = {name: NONCE.sub(b"nonce", value.encode()).decode() for name, value in answer.headers.items()}
    found["Vary"] = ", ".join(sorted(found["Vary"].split(", ")))
    if "Content-Encoding" in found:
        del found["Content-Length"]  # two ways of packing
    return found


STATES = ("valid", "not_activated", "voided", "recalled", "expired", "suspended")


def put_into(state: str, session: Session, world: World) -> None:
    state_of = {"not_activated": LabelState.PRINTED, "voided": LabelState.VOIDED}
    issue(session, world, **({"state": state_of[state]} if state in state_of else {}))
    lot = session.get_one(Lot, world.lot.id)
    if state == "recalled":
        lot.state, lot.recall_reason = LotState.RECALLED, "Dư lượng <b>vượt mức</b> & khác"
    if state == "expired":
        lot.harvested_on, lot.packed_on, lot.expires_on = date(2026, 5, 1), date(2026, 5, 2), date(2026, 5, 20)
    if state == "suspended":
        world.certificate.status, world.certificate.status_since = CertificateStatus.SUSPENDED, NOW - timedelta(days=30)
        world.certificate.status_reason = "Chưa khắc phục"
    session.flush()


@pytest.mark.parametrize("packed", ["identity", "gzip"])
@pytest.mark.parametrize("state", STATES)
def test_the_lane_gives_the_answer_of_flask_header_by_header(
    state: str, packed: str, session: Session, world: World, client: FlaskClient, handed_on: list[str], by_flask: Any
) -> None:
    put_into(state, session, world)
    for language in LANGUAGES:
        path = f"/T/{code_of(1)}?xem=1" + (f"&lang={language}" if language else "")
        sent = {**PHONE, "Accept-Encoding": packed}
        client.get(path, headers=sent)
        handed_on.clear()
        quick = client.get(path, headers=sent)
        assert handed_on == [], "the page of this state has no mould"
        slow = by_flask(lambda path=path, sent=sent: client.get(path, headers=sent))
        assert plain(quick) == plain(slow)
        assert fields(quick) == fields(slow)
        assert quick.status_code == slow.status_code


def test_programs_get_the_same_json(
    session: Session, world: World, client: FlaskClient, handed_on: list[str], by_flask: Any
) -> None:
    issue(session, world)
    sent = {**PHONE, "Accept": "application/json"}
    quick = client.get(f"/T/{code_of(1)}?xem=1", headers=sent)
    slow = by_flask(lambda: client.get(f"/T/{code_of(1)}?xem=1", headers=sent))
    assert handed_on == []
    assert quick.get_json() == slow.get_json()
    assert fields(quick) == fields(slow)


@pytest.mark.parametrize(
    "path",
    [
        "/T/7K4M-92QD-XJ3P",
        "/T/xyz",
        "/T/{code}?utm_source=zalo",
        "/T/{code}/report",
        "/T/\uff17K4M-92QD-XJ3P",
        "/T/{code}?lang=vi&lang=en",
        "/T//{code}",
    ],
)
def test_what_it_does_not_know_is_handed_on(
    path: str, session: Session, world: World, client: FlaskClient, handed_on: list[str]
) -> None:
    issue(session, world)
    client.get(path.format(code=code_of(1)), headers=PHONE)
    assert len(handed_on) == 1


def test_whatever_was_wrong_a_refusal_takes_the_same_time_and_an_answer_none(
    session: Session, world: World, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue(session, world)
    slept: list[float] = []
    monkeypatch.setattr(scan_lane.time, "sleep", slept.append)
    monkeypatch.setattr(scan_lane, "REFUSAL_SECONDS", 60.0)
    for path in ("/T/UUUUUUUUUUUU", f"/T/{code_of(900_000)}", "/T/7K4M92QDXJ3P"):
        client.get(path, headers=PHONE)
    assert len(slept) == 3
    assert all(0 < each < 60 for each in slept)
    client.get(f"/T/{code_of(1)}", headers=PHONE)
    assert len(slept) == 3


def test_a_flood_of_refusals_holds_few_threads(
    app: Flask, session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue(session, world)
    slept: list[float] = []
    monkeypatch.setattr(scan_lane.time, "sleep", slept.append)
    lane = ScanLane(app, partial(Flask.wsgi_app, app), app.extensions["desk"])
    monkeypatch.setattr(app, "wsgi_app", lane)
    for _ in range(scan_lane.REFUSING_AT_ONCE):
        assert lane._refusing.acquire(blocking=False)
    assert app.test_client().get("/T/7K4M92QDXJ3P", headers=PHONE).status_code == 404
    assert slept == []
    lane._refusing.release()
    app.test_client().get("/T/7K4M92QDXJ3P", headers=PHONE)
    assert len(slept) == 1


def test_nothing_is_asked_twice_when_flask_has_to_show_it(
    session: Session, world: World, client: FlaskClient, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue(session, world)
    monkeypatch.setattr(ScanLane, "_mould", lambda *_args: None)
    client.get(f"/T/{code_of(1)}", headers=PHONE)
    shown = client.get(f"/T/{code_of(1)}", headers={**PHONE, "User-Agent": CHROME + " x"}).get_json(silent=True)
    assert shown is None
    told = client.get(f"/T/{code_of(1)}?xem=1", headers={**PHONE, "Accept": "application/json"}).get_json()
    assert told["checks"] == 2


def test_a_scan_is_one_round_trip(session: Session, world: World, client: FlaskClient, app: Flask) -> None:
    issue(session, world)
    client.get(f"/T/{code_of(1)}", headers=PHONE)  # keys, the day's salt and the mould come once a process
    asked: list[str] = []
    opened = app.extensions["scan_cursor"]

    class Counted:
        def __enter__(self) -> Any:
            self.within = opened()
            cursor = self.within.__enter__()

            class Cursor:
                def execute(self, sql: str, values: Any) -> Any:
                    asked.append(sql)
                    return cursor.execute(sql, values)

            return Cursor()

        def __exit__(self, *exc: object) -> None:
            self.within.__exit__(*exc)

    app.extensions["scan_cursor"] = Counted
    refused: list[str] = []
    app.extensions["scan_connection"] = lambda: refused.append("a second way to the database")
    answer = client.get(f"/T/{code_of(2)}", headers=PHONE)
    assert answer.status_code == 200
    assert (len(asked), refused) == (1, [])


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=30)
DAYS = st.dates(date(2026, 1, 1), date(2027, 12, 31))
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda at: at.replace(tzinfo=NOW.tzinfo))  # noqa: DTZ001
SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "kind": st.sampled_from([kind for kind in VerdictKind if kind not in {VerdictKind.UNKNOWN, VerdictKind.MALFORMED, VerdictKind.NOT_CHECKED}]),
    "also": st.lists(st.sampled_from(list(VerdictKind)), max_size=2, unique=True).map(tuple), "state": st.sampled_from(list(LabelState)),
    "certificate_status": st.sampled_from(list(CertificateStatus)), "title_kind": st.sampled_from(list(TitleKind)),
    "code": st.just("7K4M92QDXJ3P"), "compare": st.lists(st.builds(ComparePoint, WORDS, WORDS, st.booleans()), max_size=4).map(tuple),
    "copied_by": st.sampled_from(["devices", "opening", "travel"]), "serial": st.integers(1, 10**9),
}  # fmt: skip


def of_field(field: msgspec.structs.FieldInfo) -> st.SearchStrategy[Any]:
    if field.name in SPECIAL:
        return SPECIAL[field.name]
    kinds = {
        bool: st.booleans(),
        int: st.integers(0, 10**7),
        str: WORDS,
        date: DAYS,
        datetime: MOMENTS,
        UUID: st.uuids(),
    }
    args = getattr(field.type, "__args__", (field.type,))
    found = [kinds[kind] for kind in args if kind in kinds]
    assert found, f"the test does not know how to make up {field.name}: {field.type}"
    return st.none() | found[0] if type(None) in args else found[0]


VERDICTS = st.fixed_dictionaries({field.name: of_field(field) for field in msgspec.structs.fields(Verdict)}).map(
    lambda facts: Verdict(**facts)
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=20
)
@given(first=VERDICTS, second=VERDICTS, language=st.sampled_from(LANGUAGES[1:]))
def test_a_filled_mould_is_the_rendered_page(app: Flask, first: Verdict, second: Verdict, language: str) -> None:
    lane = ScanLane(app, app.wsgi_app, app.extensions["desk"])
    for verdict in (
        first,
        second,
        msgspec.structs.replace(first, checks=second.checks, lot_code=second.lot_code, holder_name=second.holder_name),
    ):
        environ = {"PATH_INFO": "/T/X", "QUERY_STRING": f"lang={language}"}
        mould = lane._mould(verdict, environ)
        assert mould is not None, "this page does more with its facts than print them"
        with app.test_request_context("/T/X", query_string=f"lang={language}"):
            assert tongues.choose() == language
            expected = verify.render(verify.with_points(verdict), answer="", officer=None)
        pieces = mould.fill(lambda fact, verdict=verdict: "" if fact == "nonce" else getattr(verdict, fact))
        assert b"".join(pieces).decode() == expected
        assert gzip.decompress(mould.gzip(pieces, b"".join(pieces))) == b"".join(pieces)


@example(text="")
@given(text=st.text(max_size=3))
def test_a_blank_can_be_printed_and_nothing_else(text: str) -> None:
    blank = moulds.Blank("holder_name", moulds.Marks())
    for deed in (
        lambda: blank + text, lambda: blank == text, lambda: blank[0], blank.lower, lambda: text in blank, lambda: blank < text,
    ):  # fmt: skip
        with pytest.raises(TypeError):
            deed()
    assert str(blank) in f"<b>{blank}</b>"


def test_old_moulds_make_room(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_lane, "MOST_MOULDS", 3)
    lane = ScanLane(app, app.wsgi_app, app.extensions["desk"])
    plainest = Verdict(kind=VerdictKind.VALID, checked_at=NOW, code="7K4M92QDXJ3P", serial=1)
    for checks in range(5):
        assert lane._mould(msgspec.structs.replace(plainest, checks=checks), {"PATH_INFO": "/T/X"})
    assert len(lane._moulds) <= 3
