"""What people's phones left behind goes when its time is over, and what is still wanted stays."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from tests.conftest import NOW
from tests.services.test_scan_places import looked, tell  # noqa: F401  the fixture
from trace.models.scans import BusyDevice, DeviceSalt, HiddenCodeTry, ScanPosition, UnknownCode
from trace.services import retention
from trace.services.retention import Gone, Periods

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tests.factories import World


def test_each_kind_goes_after_its_own_period(session: Session, looked: World) -> None:  # noqa: F811  the fixture
    tell(session, commune_code=looked.commune.code)
    for days in range(5):
        session.add(DeviceSalt(day=str((NOW - timedelta(days=days)).date()), salt=bytes(32)))
    for days in (399, 401):
        session.add(UnknownCode(hour=NOW - timedelta(days=days), asked=1))
    for hours in (1, 25):
        session.add(HiddenCodeTry(serial=1, at=NOW - timedelta(hours=hours)))
        session.add(BusyDevice(serial=1, device=b"%012d" % hours, at=NOW - timedelta(hours=hours)))
    session.commit()
    assert retention.apply(session, Periods(), at=NOW) == Gone(
        salts=3, positions=0, tries=1, unknown_codes=1, busy_devices=1
    )
    assert sorted(session.scalars(select(DeviceSalt.day))) == ["2026-06-14", "2026-06-15"], (
        "yesterday's is still wanted"
    )
    later = retention.apply(session, Periods(), at=NOW + timedelta(days=31))
    assert (later.positions, later.tries) == (1, 1)
    session.expire_all()
    row = session.scalars(select(ScanPosition)).one()
    assert (row.province, row.commune_code, row.reduced_at) == (31, None, NOW + timedelta(days=31))
    assert retention.apply(session, Periods(), at=NOW + timedelta(days=31)).positions == 0


def test_periods_can_be_longer(session: Session) -> None:
    for days in range(12):
        session.add(DeviceSalt(day=str((NOW - timedelta(days=days)).date()), salt=bytes(32)))
    session.commit()
    assert retention.apply(session, Periods(salts=10), at=NOW).salts == 2
