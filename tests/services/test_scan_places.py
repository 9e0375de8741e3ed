"""Where somebody was: only with consent, only a cell or a choice, taken back without a trace, and counted for the copy rule."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError

from tests import factories
from tests.conftest import NOW
from tests.services.test_scanning import DEVICE, code_of, issue
from trace.errors import Refused
from trace.models.scans import CopyRule, PlaceTold, ScanChannel, ScanKind, ScanPosition, VerdictKind
from trace.services import keys, provinces, scan_places, scanning
from trace.services.scan_places import (
    Cell,
    ConsentMissing,
    NoLookToday,
    NoPlace,
    NoSuchPosition,
    OutsideTheCity,
    ToldBefore,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tests.factories import World

SEA = Cell(400, 2200)


@pytest.fixture
def looked(session: Session, world: World) -> World:
    """Label 1 on the world's lot, looked at by one phone."""
    issue(session, world)
    look(session, DEVICE)
    return world


def look(session: Session, device: bytes, *, hours: float = 0, kind: ScanKind = ScanKind.REAL) -> Any:
    from tests.conftest import MASTER

    found = scanning.verify(
        session.connection(), code_of(1), keyring=keys.load(session, MASTER), at=NOW + timedelta(hours=hours), device=device, kind=kind,
        channel=ScanChannel.QR,
    )  # fmt: skip
    session.commit()
    return found


def tell(session: Session, *, device: bytes = DEVICE, agreed: bool = True, hours: float = 0.1, **where: Any) -> str:
    secret = scan_places.tell(session, 1, device=device, agreed=agreed, at=NOW + timedelta(hours=hours), **where)
    session.commit()
    return secret


def kept(session: Session) -> ScanPosition:
    session.expire_all()
    return session.scalars(select(ScanPosition)).one()


def inside(session: Session, world: World) -> Cell:
    """A cell whose middle lies in the world's commune."""
    latitude, longitude = session.execute(
        select(
            func.ST_Y(func.ST_PointOnSurface(world.commune.boundary)),
            func.ST_X(func.ST_PointOnSurface(world.commune.boundary)),
        )
    ).one()
    cell = scan_places.cell_of(latitude, longitude)
    session.execute(
        text(
            "UPDATE commune SET boundary = ST_Multi(ST_Expand(ST_SetSRID(ST_MakePoint(:x, :y), 4326), 0.01)) WHERE code = :code"
        ),
        {"x": cell.centre[1], "y": cell.centre[0], "code": world.commune.code},
    )
    return cell


def reasons(refused: pytest.ExceptionInfo[Refused]) -> set[type]:
    return {type(each) for each in refused.value.reasons}


@given(st.floats(-90, 89.999), st.floats(-180, 179.999))
def test_a_point_is_in_its_cell_and_the_cell_is_coarse(latitude: float, longitude: float) -> None:
    cell = scan_places.cell_of(latitude, longitude)
    assert abs(cell.centre[0] - latitude) <= 0.0251
    assert abs(cell.centre[1] - longitude) <= 0.0251
    assert scan_places.cell_of(*cell.centre) == cell


@pytest.mark.parametrize("point", [(91, 0), (0, 181), (float("nan"), 0), (0, float("inf")), (90, 0)])
def test_what_is_no_place_on_earth_is_refused(point: tuple[float, float]) -> None:
    with pytest.raises(NoPlace):
        scan_places.cell_of(*point)


def test_a_cell_gives_the_commune_of_its_middle_and_never_the_point(session: Session, looked: World) -> None:
    cell = inside(session, looked)
    tell(session, cell=cell)
    row = kept(session)
    assert (row.told, row.commune_code, row.province) == (PlaceTold.CELL, looked.commune.code, provinces.HOME)
    assert (row.cell_row, row.cell_column) == (cell.row, cell.column)
    assert not any(isinstance(value, float) for value in vars(row).values())
    assert row.consent_version == scan_places.CONSENT


def test_nothing_is_kept_without_consent_and_all_faults_come_at_once(session: Session, looked: World) -> None:
    for where, found in (
        ({}, {ConsentMissing, NoPlace}),
        ({"cell": SEA}, {ConsentMissing, OutsideTheCity}),
        ({"province": 1}, {ConsentMissing}),
    ):
        with pytest.raises(Refused) as refused:
            tell(session, agreed=False, **where)
        assert reasons(refused) == found
    assert factories.count(session, ScanPosition) == 0


@pytest.mark.parametrize("where", [{}, {"commune_code": "99999"}, {"province": 2}, {"province": 0}])
def test_a_place_that_is_none_is_refused(session: Session, looked: World, where: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        tell(session, **where)
    assert reasons(refused) == {NoPlace}


def test_a_cell_outside_the_city_needs_the_province_from_the_list(session: Session, looked: World) -> None:
    with pytest.raises(Refused) as refused:
        tell(session, cell=SEA)
    assert reasons(refused) == {OutsideTheCity}
    tell(session, cell=SEA, province=22)
    assert (kept(session).province, kept(session).commune_code) == (22, None)


def test_without_a_script_a_commune_or_a_province_is_chosen(session: Session, looked: World) -> None:
    tell(session, commune_code=looked.commune.code)
    assert (kept(session).told, kept(session).province, kept(session).cell_row) == (PlaceTold.CHOSEN, 31, None)


def test_a_place_belongs_to_a_look_of_the_same_phone_and_day(session: Session, looked: World) -> None:
    for attempt in ({"device": b"device-no-02"}, {"hours": 20}):
        with pytest.raises(NoLookToday):
            tell(session, province=1, **attempt)
    look(session, b"a-preview-12", kind=ScanKind.PREVIEW)
    with pytest.raises(NoLookToday):
        tell(session, province=1, device=b"a-preview-12")
    tell(session, province=1)
    with pytest.raises(ToldBefore):
        tell(session, province=22)


def test_what_is_taken_back_leaves_a_stone_without_place_label_or_phone(session: Session, looked: World) -> None:
    secret = tell(session, cell=inside(session, looked))
    for _ in range(2):
        scan_places.withdraw(session, secret, at=NOW + timedelta(days=1))
        session.commit()
    row = kept(session)
    assert row.withdrawn_at == NOW + timedelta(days=1)
    assert {row.serial, row.device, row.cell_row, row.cell_column, row.commune_code, row.province} == {None}
    with pytest.raises(NoSuchPosition):
        scan_places.find(session, secret + "x")
    tell(session, province=1)


def test_the_secret_itself_is_not_kept(session: Session, looked: World) -> None:
    secret = tell(session, province=1)
    dump = session.execute(text("SELECT row_to_json(scan_position)::text FROM scan_position")).scalar_one()
    assert secret not in dump


def test_the_database_itself_keeps_no_place_after_it_was_taken_back(session: Session, looked: World) -> None:
    tell(session, province=1)
    with pytest.raises(IntegrityError, match="nothing_left_when_withdrawn"):
        session.execute(text("UPDATE scan_position SET withdrawn_at = now()"))


def test_live_looks_with_places_become_a_suspected_copy(session: Session, looked: World) -> None:
    for number in range(11):
        device = f"phone-{number:06d}".encode()
        look(session, device)
        if number < 3:
            tell(session, device=device, province=(31, 1, 79)[number])
    verdict = look(session, b"phone-000099", hours=1)
    assert (verdict.kind, verdict.provinces, verdict.copied_by) == (
        VerdictKind.SUSPECTED_COPY,
        3,
        scanning.CopySign.DEVICES,
    )


def test_two_provinces_are_not_three_and_the_page_may_say_so(session: Session, looked: World) -> None:
    for number in range(11):
        device = f"phone-{number:06d}".encode()
        look(session, device)
        if number < 3:
            tell(session, device=device, province=(31, 1, 1)[number])
    verdict = look(session, b"phone-000099", hours=1)
    assert (verdict.kind, verdict.provinces, verdict.unusual) == (VerdictKind.VALID, 2, True)


def test_a_place_taken_back_counts_no_more_and_old_ones_count_by_province(session: Session, looked: World) -> None:
    look(session, b"phone-000001")
    secret = tell(session, device=b"phone-000001", province=1)
    tell(session, commune_code=looked.commune.code)
    assert look(session, b"phone-000002", hours=1).provinces == 2
    assert scan_places.reduce_old(session, before=NOW + timedelta(hours=2), at=NOW + timedelta(hours=2)) == 2
    session.commit()
    assert look(session, b"phone-000003", hours=2).provinces == 2
    scan_places.withdraw(session, secret, at=NOW + timedelta(hours=3))
    assert look(session, b"phone-000004", hours=3).provinces == 1
    left = session.scalars(select(ScanPosition).where(ScanPosition.withdrawn_at.is_(None))).one()
    assert (left.province, left.commune_code) == (31, None)


HO_CHI_MINH, HA_NOI = scan_places.cell_of(10.77, 106.7), scan_places.cell_of(21.03, 105.85)


@pytest.fixture
def travelling(session: Session, looked: World) -> World:
    """The rule as it begins in a new installation, and the first phone's place told: in the city."""
    session.execute(update(CopyRule).values(travel_kmh=500))
    tell(session, cell=inside(session, looked))
    return looked


@pytest.mark.parametrize(
    ("where", "province", "hours", "kind"),
    [
        (HO_CHI_MINH, 79, 1.0, VerdictKind.SUSPECTED_COPY),
        (HO_CHI_MINH, 79, 3.0, VerdictKind.VALID),
        (HA_NOI, 1, 0.2, VerdictKind.VALID),
    ],
    ids=["faster-than-anything", "as-fast-as-by-air", "near-enough"],
)
def test_two_phones_too_far_apart_for_the_time_between_look_like_a_copy(
    session: Session, travelling: World, where: Cell, province: int, hours: float, kind: VerdictKind
) -> None:
    look(session, b"far-phone-01", hours=hours)
    tell(session, device=b"far-phone-01", cell=where, province=province, hours=hours + 0.1)
    verdict = look(session, b"phone-000009", hours=hours + 1)
    assert verdict.kind is kind
    assert verdict.copied_by == (scanning.CopySign.TRAVEL if kind is VerdictKind.SUSPECTED_COPY else None)


def test_a_place_told_long_after_the_look_says_nothing_of_the_pack(session: Session, travelling: World) -> None:
    look(session, b"far-phone-01", hours=0.2)
    tell(session, device=b"far-phone-01", cell=HO_CHI_MINH, province=79, hours=0.8)
    assert look(session, b"phone-000009", hours=1).kind is VerdictKind.VALID


def test_a_province_alone_is_too_coarse_to_reckon_with(session: Session, travelling: World) -> None:
    look(session, b"far-phone-01", hours=0.5)
    tell(session, device=b"far-phone-01", province=79, hours=0.6)
    assert look(session, b"phone-000009", hours=1).kind is VerdictKind.VALID


def test_a_far_place_taken_back_counts_no_more(session: Session, travelling: World) -> None:
    look(session, b"far-phone-01", hours=0.5)
    secret = tell(session, device=b"far-phone-01", cell=HO_CHI_MINH, province=79, hours=0.6)
    assert look(session, b"phone-000009", hours=1).kind is VerdictKind.SUSPECTED_COPY
    scan_places.withdraw(session, secret, at=NOW + timedelta(hours=2))
    session.commit()
    assert look(session, b"phone-000010", hours=3).kind is VerdictKind.VALID


def test_a_rule_that_knows_nothing_of_journeys_does_not_ask(session: Session, travelling: World) -> None:
    look(session, b"far-phone-01", hours=0.5)
    tell(session, device=b"far-phone-01", cell=HO_CHI_MINH, province=79, hours=0.6)
    since = NOW + timedelta(hours=2)
    session.add(
        CopyRule(version=9, valid_from=since, devices=10, days=7, provinces=3, after_opening=3, travel_kmh=None)
    )
    session.commit()
    assert look(session, b"phone-000009", hours=1).kind is VerdictKind.SUSPECTED_COPY
    assert look(session, b"phone-000010", hours=3).kind is VerdictKind.VALID


def test_there_are_thirty_four_provinces() -> None:
    assert len(provinces.NAMES) == len(set(provinces.NAMES.values())) == 34
    assert provinces.NAMES[provinces.HOME] == "Hải Phòng"
