"""Promises of likeness in a flood: however many are beside a signal or in its case, what lies outside and is alike is found all the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from geoalchemy2 import WKTElement
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from enforcement import alike, intake, law, records, similar, triage
from enforcement.alike import Alike
from enforcement.models import CaseFile, IntakeChannel, IntakeFile, IntakeRecord, Outcome, Signal, SignalCluster
from enforcement.records import Heard
from tests import factories
from tests.conftest import MASTER, NOW
from tests.enforcement import desk
from tests.enforcement.test_similar import alone, opened, picture
from tests.services.test_likeness import scene
from trace.services import keys

SAID = "Nước mắm dán tem mờ, chai không có số lô, bán rẻ bằng nửa giá"
FLOOD = 5
"""So many are alike beside the one outside, which is the oldest of them."""
Make = Callable[[int], Signal]


@pytest.fixture(autouse=True)
def _few(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each kind fewer are looked at than the flood has."""
    law.seed(session)
    monkeypatch.setattr(alike, "PER_KIND", 2)
    monkeypatch.setattr(alike, "COMPARED", 3)
    monkeypatch.setattr(alike, "NAMED", 3)


@pytest.fixture(params=["listed", "looked at"])
def _skipping(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the flood is passed over as a list, or longer than any list."""
    if request.param == "looked at":
        monkeypatch.setattr(alike, "SKIPPED", 1)


class Makers:
    """A signal by its number: 0 lies outside, the others are the flood. Each kind shares one thing alone, whoever the reporter is."""

    def __init__(self, session: Session, world: factories.World, store: Path) -> None:
        self.session, self.world, self.store = session, world, store

    def told(self, n: int, **facts: Any) -> Signal:
        return desk.signal(
            self.session, facts.pop("serial", None), at=NOW + timedelta(hours=n), **{**alone(n), **facts}
        )

    def seen(self, n: int, **facts: Any) -> Signal:
        note = facts.pop("note", f"{'mnopqr'[n] * 24}")
        made = desk.observation(self.session, self.world.inspector.id, **{"place": f"Sạp {'ghijkl'[n] * 9}", **facts})
        made.note, made.seen_at, made.recorded_at = note, NOW + timedelta(hours=n), NOW + timedelta(hours=n)
        return intake.from_observation(self.session, made, at=NOW + timedelta(hours=n))

    def written(self, n: int, **facts: Any) -> Signal:
        at, shown = NOW + timedelta(hours=n), facts.pop("photo", None)
        given = {"body": f"{'stuvwx'[n] * 24}", "place": f"Sạp {'abcdef'[n] * 9}", "commune_code": "10813", **facts}
        heard = Heard(channel=IntakeChannel.PHONE, received_at=at, seen_on=NOW.date(), **given)
        record = records.take_transfer(
            self.session, heard, agency="Công an xã mẫu", agency_number=f"{n}/CV", agency_dated=date(2026, 6, 1),
            keyring=keys.load(self.session, MASTER), by=self.world.officer.id, at=at,
        )  # fmt: skip
        if shown is not None:
            self.session.add(IntakeFile(record_id=record.id, file_id=shown.id))
            self.session.flush()
        return self.session.scalars(select(Signal).where(Signal.record_id == record.id)).one()

    def photo(self, n: int) -> Any:
        stored = picture(self.session, self.store, scene(7), quality=90 - n)
        stored.received_at = NOW + timedelta(hours=n)
        return stored

    def kinds(self) -> dict[str, tuple[Make, Alike]]:
        here = {"location": WKTElement("POINT(106.68 20.85)", 4326)}
        spelt = ("dãy hàng khô", "a", "b", "c", "d", "e")
        page = "https://cho.example/vai/9"
        return {
            "code": (lambda n: self.told(n, code_text="7k4m-92qd-xj3p"), Alike.CODE),
            "serial": (lambda n: self.told(n, serial=5), Alike.SERIAL),
            "order": (lambda n: self.told(n, serial=5 + n), Alike.ORDER),
            "holder": (lambda n: self.told(n, serial=5 + n), Alike.HOLDER),
            "phone": (lambda n: self.told(n, seller="Đặc sản mẫu 0225 312 3456"), Alike.PHONE),
            "place": (lambda n: self.told(n, place="Chợ mẫu Thanh Hà"), Alike.PLACE),
            "place, spelt in many ways": (lambda n: self.told(n, place=f"Chợ mẫu Thanh Hà {spelt[n]}"), Alike.PLACE),
            "shop": (
                lambda n: self.told(n, place="Cửa hàng mẫu Hồng Bàng", commune_code="10813" if n == 1 else None),
                Alike.SHOP,
            ),
            "near": (lambda n: self.seen(n, **here), Alike.NEAR),
            "area": (lambda n: self.told(n, cell="20.825,106.675"), Alike.AREA),
            "listing": (lambda n: self.told(n, listing_url=page), Alike.LISTING),
            "listing in a paper": (lambda n: self.written(n, listing_url=page), Alike.LISTING),
            "text": (lambda n: self.told(n, description=SAID), Alike.TEXT),
            "text of an inspector": (lambda n: self.seen(n, note=SAID), Alike.TEXT),
            "text of a paper": (lambda n: self.written(n, body=SAID), Alike.TEXT),
            "photo": (lambda n: self.told(n, photos=[self.photo(n)]), Alike.PHOTO),
            "photo of an inspector": (lambda n: self.seen(n, photos=[self.photo(n)]), Alike.PHOTO),
            "photo of a paper": (lambda n: self.written(n, photo=self.photo(n)), Alike.PHOTO),
        }


KINDS = tuple(Makers.kinds(Makers(None, None, None)))  # type: ignore[arg-type]  only the names are read


@pytest.fixture
def made(session: Session, world: factories.World, tmp_path: Path) -> Makers:
    desk.labels(session, world)
    return Makers(session, world, tmp_path)


def together(session: Session, signals: list[Signal]) -> None:
    """Put signals into one group, as an officer may."""
    group = SignalCluster(key="mau", begun_at=NOW, severity=1, newest_at=NOW)
    session.add(group)
    session.flush()
    for each in signals:
        each.cluster_id = group.id
    session.flush()


def case_of(session: Session, made: Makers, signals: list[Signal]) -> CaseFile:
    """One case of all of them."""
    first, *others = signals
    case = opened(session, made.world, made.store, first)
    for each in others:
        triage.add_to_case(session, each.id, case.id, store=made.store, by=made.world.officer.id, at=NOW)
    return case


def signals_found(found: similar.Similar, kind: Alike) -> set[Any]:
    return {hit.signal.id for hit in found.signals if kind in hit.alike}


@pytest.mark.usefixtures("_skipping")
@pytest.mark.parametrize("name", KINDS)
def test_the_group_beside_a_signal_does_not_crowd_out_one_outside(session: Session, made: Makers, name: str) -> None:
    make, kind = made.kinds()[name]
    outside, *flood = (make(n) for n in range(FLOOD + 1))
    together(session, flood)
    found = similar.of_signal(session, flood[0], beside_group=True)
    assert signals_found(found, kind) == {outside.id}
    assert not {each.id for each in flood} & {hit.signal.id for hit in found.signals}


@pytest.mark.parametrize("name", KINDS)
def test_the_group_beside_a_signal_does_not_crowd_out_a_case(session: Session, made: Makers, name: str) -> None:
    make, kind = made.kinds()[name]
    outside, *flood = (make(n) for n in range(FLOOD + 1))
    case = opened(session, made.world, made.store, outside)
    together(session, flood)
    found = similar.of_signal(session, flood[0], beside_group=True)
    assert [hit.case.id for hit in found.cases if kind in hit.alike] == [case.id]


@pytest.mark.usefixtures("_skipping")
@pytest.mark.parametrize("name", KINDS)
def test_the_signals_of_a_case_do_not_crowd_out_one_outside(session: Session, made: Makers, name: str) -> None:
    make, kind = made.kinds()[name]
    outside, *flood = (make(n) for n in range(FLOOD + 1))
    case = case_of(session, made, flood)
    found = similar.of_case(session, case.id)
    assert signals_found(found, kind) == {outside.id}
    assert found.cases == ()


def test_the_evidence_of_a_case_does_not_crowd_out_another_case(session: Session, made: Makers) -> None:
    make, _kind = made.kinds()["photo"]
    outside, *flood = (make(n) for n in range(FLOOD + 1))
    other = opened(session, made.world, made.store, outside)
    session.execute(text("UPDATE tip_photo SET tip_id = :own WHERE tip_id = :other"), {"own": flood[0].source_ref, "other": outside.source_ref})  # fmt: skip
    case = case_of(session, made, flood)
    assert [(hit.case.id, hit.alike) for hit in similar.of_case(session, case.id).cases] == [(other.id, (Alike.PHOTO,))]


def test_a_signal_of_a_case_finds_others_and_not_its_own_case(session: Session, made: Makers) -> None:
    make, kind = made.kinds()["code"]
    outside, *flood = (make(n) for n in range(FLOOD + 1))
    together(session, flood)
    case = case_of(session, made, flood)
    found = similar.of_signal(session, flood[0], beside_group=True)
    assert signals_found(found, kind) == {outside.id}
    assert case.id not in {hit.case.id for hit in found.cases}


def test_signals_put_aside_do_not_crowd_out_one_that_waits_for_a_decision(session: Session, made: Makers) -> None:
    make, kind = made.kinds()["code"]
    outside, asking, *aside = (make(n) for n in range(FLOOD + 1))
    for each in aside:
        triage.reject(
            session, each.id, reason="Nhầm", outcome=Outcome.NO_VIOLATION, by=made.world.officer.id, at=NOW + timedelta(days=1)
        )  # fmt: skip
    together(session, [asking])
    assert signals_found(similar.of_signal(session, asking, beside_group=True), kind) == {outside.id}


def test_without_its_group_beside_it_a_signal_finds_the_group(session: Session, made: Makers) -> None:
    make, _kind = made.kinds()["code"]
    _outside, *flood = (make(n) for n in range(FLOOD + 1))
    together(session, flood)
    found = {hit.signal.id for hit in similar.of_signal(session, flood[0]).signals}
    assert found == {each.id for each in flood[-2:]}


def test_the_case_opened_from_a_group_is_found_by_those_that_came_later(session: Session, made: Makers) -> None:
    make, kind = made.kinds()["code"]
    decided, later = make(0), make(1)
    together(session, [decided, later])
    case = opened(session, made.world, made.store, decided)
    found = similar.of_signal(session, later, beside_group=True)
    assert [(hit.case.id, hit.alike) for hit in found.cases] == [(case.id, (kind,))]


def test_a_paper_of_which_one_signal_is_its_own_still_leads_to_the_other(session: Session, made: Makers) -> None:
    make, kind = made.kinds()["text of a paper"]
    first, second, asking = (make(n) for n in range(3))
    first.record_id = second.record_id
    session.flush()
    together(session, [second, asking])
    assert signals_found(similar.of_signal(session, asking, beside_group=True), kind) == {first.id}
    assert session.scalars(select(IntakeRecord.body).where(IntakeRecord.id == second.record_id)).one() == SAID
