"""One scan: the right verdict, one statement, and what is counted."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, func, select, text
from sqlalchemy.dialects.postgresql import Range

from labels import code
from tests import factories
from tests.conftest import MASTER, NOW
from tests.factories import SECRET, World
from trace.models.certificates import CertificateStatus
from trace.models.labels import LabelMove, LabelMovement, LabelOrder, LabelRange, LabelState
from trace.models.lots import LotState
from trace.models.scans import (
    Comparison,
    ComparisonAnswer,
    DeviceSalt,
    Scan,
    ScanChannel,
    ScanKind,
    UnknownCode,
    VerdictKind,
)  # fmt: skip
from trace.services import keys, officer_facts, scanning
from trace.services.scanning import Verdict, verify

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from labels.keys import Keyring

DEVICE = b"device-no-01"
CHROME = (
    "Mozilla/5.0 (Linux; Android 14; SM-A155F) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36"
)


def issue(
    session: Session, world: World, *, first: int = 1, quantity: int = 20, state: LabelState = LabelState.ACTIVATED
) -> LabelOrder:
    """An order whose labels are all in one state."""
    serials = Range(first, first + quantity)
    order = LabelOrder(
        number=f"DT-2026-{first:05d}", holder_id=world.cooperative.id, certificate_id=world.certificate.id,
        balance_id=world.balance.id, lot_id=world.lot.id, pack_weight_g=2000, quantity=quantity, serials=serials,
        layout="a4", placed_at=NOW, placed_by=world.people["clerk"].id,
    )  # fmt: skip
    session.add(order)
    session.flush()
    on_lot = state in {LabelState.ACTIVATED, LabelState.USED, LabelState.RECALLED}
    session.add(
        LabelRange(
            serials=serials, state=state, since=NOW, order_id=order.id, keeper_id=world.cooperative.id,
            lot_id=world.lot.id if on_lot else None,
        )
    )  # fmt: skip
    session.add(
        LabelMovement(
            order_id=order.id, serials=serials, move=LabelMove.ISSUE, was=None, becomes=LabelState.ORDERED,
            keeper_id=world.cooperative.id, at=NOW, by=world.people["clerk"].id,
        )
    )  # fmt: skip
    session.commit()
    return order


def code_of(serial: int) -> str:
    return code.encode(serial, SECRET)


@pytest.fixture
def ring(session: Session, world: World) -> Keyring:
    return keys.load(session, MASTER)


@pytest.fixture
def look(connection: Connection, ring: Keyring) -> Any:
    """Scan a label, by default as a new phone that read its QR code."""

    def ask(
        what: int | str = 1, *, at: datetime = NOW, device: bytes = DEVICE, kind: ScanKind = ScanKind.REAL
    ) -> Verdict:
        asked = code_of(what) if isinstance(what, int) else what
        return verify(connection, asked, keyring=ring, at=at, device=device, kind=kind, channel=ScanChannel.QR)

    return ask


def scans(session: Session, *conditions: Any) -> int:
    return factories.count(session, Scan, *conditions)


def test_a_scan_is_one_statement_that_also_records_it(
    session: Session, world: World, look: Any, statements: list[str]
) -> None:
    issue(session, world)
    statements.clear()
    verdict = look(1)
    assert len(statements) == 1
    assert verdict.kind is VerdictKind.VALID
    assert scans(session, Scan.serial == 1, Scan.kind == ScanKind.REAL, Scan.verdict == VerdictKind.VALID) == 1


@pytest.mark.parametrize(
    "asked", ["", "hello", "7K4M-92QD", "!!!!", "a" * 10_000, "7K4M\x0092QDXJ3P", "🍈" * 12, "%2e%2e/%00"]
)
def test_what_is_no_code_costs_no_statement(look: Any, statements: list[str], asked: str) -> None:
    statements.clear()
    assert look(asked).kind is VerdictKind.MALFORMED
    assert statements == []


def test_a_forged_code_costs_no_statement_and_looks_like_one_never_issued(
    session: Session, world: World, look: Any, statements: list[str]
) -> None:
    issue(session, world)
    never_issued = look(900_000)
    statements.clear()
    forged = look(code.encode(1, b"x" * 32))
    assert statements == []
    assert forged.kind is never_issued.kind is VerdictKind.UNKNOWN
    assert {**_plain(forged), "code": None} == {**_plain(never_issued), "code": None}


def test_a_right_code_that_was_never_issued_is_counted_as_an_incident(session: Session, look: Any) -> None:
    look(900_000)
    look(900_001)
    assert session.scalars(select(UnknownCode.asked)).one() == 2
    assert scans(session) == 0


def _plain(verdict: Verdict) -> dict[str, Any]:
    import msgspec

    return msgspec.structs.asdict(verdict)


def test_the_facts_to_compare_come_with_the_verdict(session: Session, world: World, look: Any) -> None:
    issue(session, world)
    verdict = look(1)
    assert verdict.code == code_of(1)
    assert (verdict.product_name, verdict.product_name_en) == ("Vải thiều mẫu", "Sample lychee")
    assert verdict.holder_name == world.cooperative.name
    assert verdict.pack == 2000
    assert verdict.lot_code == world.lot.code
    assert verdict.expires_on == world.lot.expires_on
    assert verdict.certificate_valid_until == world.certificate.valid_during.upper - timedelta(days=1)
    assert verdict.area_name == "Vùng vải số 1, Thanh Hà"
    assert [point.hard_to_copy for point in verdict.compare] == [False, False, True]
    assert verdict.checks == 1
    assert verdict.first_check is None
    assert verdict.voided_on is None
    assert verdict.suspended_on is None


@pytest.mark.parametrize("typed", ["{code}", "{lower}", "{groups}", " {groups} ", "{o}"])
def test_look_alikes_case_spaces_and_hyphens_do_not_matter(
    session: Session, world: World, look: Any, typed: str
) -> None:
    issue(session, world)
    right = code_of(3)
    asked = typed.format(
        code=right, lower=right.lower(), groups=code.show(right), o=right.replace("0", "O").replace("1", "l")
    )
    assert look(asked).code == right


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (LabelState.ORDERED, VerdictKind.NOT_ACTIVATED), (LabelState.PRINTED, VerdictKind.NOT_ACTIVATED),
        (LabelState.RECEIVED, VerdictKind.NOT_ACTIVATED), (LabelState.HANDED_OVER, VerdictKind.NOT_ACTIVATED),
        (LabelState.ACTIVATED, VerdictKind.VALID), (LabelState.USED, VerdictKind.VALID),
        (LabelState.SPOILED, VerdictKind.VOIDED), (LabelState.LOST, VerdictKind.VOIDED),
        (LabelState.RETURNED, VerdictKind.VOIDED), (LabelState.VOIDED, VerdictKind.VOIDED),
        (LabelState.RECALLED, VerdictKind.RECALLED),
    ],
)  # fmt: skip
def test_every_state_has_its_verdict(
    session: Session, world: World, look: Any, state: LabelState, kind: VerdictKind
) -> None:
    issue(session, world, state=state)
    verdict = look(1)
    assert verdict.kind is kind
    assert verdict.voided_on == (date(2026, 6, 15) if kind is VerdictKind.VOIDED else None)


def test_a_label_past_its_date_is_expired_on_the_citys_next_day(session: Session, world: World, look: Any) -> None:
    issue(session, world)
    last_minute = datetime.combine(world.lot.expires_on, datetime.max.time(), ZoneInfo("Asia/Ho_Chi_Minh"))
    assert look(1, at=last_minute).kind is VerdictKind.VALID
    assert look(1, at=last_minute + timedelta(seconds=1)).kind is VerdictKind.EXPIRED


@pytest.mark.parametrize(
    ("stopped", "before"),
    [(date(2026, 6, 13), False), (date(2026, 6, 14), None), (date(2026, 6, 15), True)],
    ids=["packed-after", "same-day", "packed-before"],
)
def test_a_stopped_holder_says_whether_the_pack_is_older(
    session: Session, world: World, look: Any, stopped: date, before: bool | None
) -> None:
    issue(session, world)
    world.certificate.status, world.certificate.status_reason = CertificateStatus.SUSPENDED, "mẫu"
    world.certificate.status_since = datetime(stopped.year, stopped.month, stopped.day, 1, tzinfo=NOW.tzinfo)
    session.commit()
    verdict = look(1)
    assert verdict.kind is VerdictKind.HOLDER_SUSPENDED
    assert verdict.suspended_on == stopped
    assert verdict.packed_before_suspension is before


def test_the_gravest_finding_leads_and_the_others_follow(session: Session, world: World, look: Any) -> None:
    issue(session, world, state=LabelState.VOIDED)
    world.certificate.status, world.certificate.status_reason = CertificateStatus.REVOKED, "mẫu"
    world.lot.state, world.lot.recall_reason = LotState.RECALLED, "Dư lượng"
    session.commit()
    verdict = look(1)
    assert verdict.kind is VerdictKind.RECALLED
    assert verdict.also == (VerdictKind.VOIDED, VerdictKind.HOLDER_SUSPENDED)
    assert verdict.recall_reason == "Dư lượng"


def test_the_same_device_within_a_day_is_a_reload_and_counts_once(session: Session, world: World, look: Any) -> None:
    issue(session, world)
    assert look(1).checks == 1
    assert look(1, at=NOW + timedelta(hours=23)).checks == 1
    assert look(1, at=NOW + timedelta(hours=25)).checks == 2
    assert scans(session, Scan.kind == ScanKind.RELOAD) == 1


@pytest.mark.parametrize("kind", [ScanKind.PREVIEW, ScanKind.CUSTODY, ScanKind.RELOAD])
def test_what_is_no_consumers_look_never_counts(session: Session, world: World, look: Any, kind: ScanKind) -> None:
    issue(session, world)
    for number in range(30):
        look(1, device=f"machine{number:05d}".encode(), kind=kind)
    verdict = look(1, device=b"a-real-phone")
    assert verdict.kind is VerdictKind.VALID
    assert (verdict.checks, verdict.devices) == (1, 0)
    assert scans(session, Scan.kind == kind) == 30


def seen_in(session: Session, provinces: list[int], *, devices: int, at: datetime) -> None:
    for number in range(devices):
        session.add(
            Scan(
                at=at + timedelta(seconds=number), serial=1, verdict=VerdictKind.VALID, kind=ScanKind.REAL, channel=ScanChannel.QR,
                device=f"phone-{number:06d}".encode(), province=provinces[number % len(provinces)],
            )
        )  # fmt: skip
    session.commit()


@pytest.mark.parametrize(
    ("seen", "kind"),
    [
        (([31, 1, 79], 11, 1), VerdictKind.SUSPECTED_COPY),
        (([31, 1, 79], 10, 1), VerdictKind.VALID),
        (([31, 1], 40, 1), VerdictKind.VALID),
        (([31, 1, 79], 40, 8), VerdictKind.VALID),
    ],
    ids=["over-the-limit", "at-the-limit", "too-few-provinces", "long-ago"],
)
def test_many_devices_in_several_provinces_within_days_look_like_copies(
    session: Session, world: World, look: Any, seen: tuple[list[int], int, int], kind: VerdictKind
) -> None:
    issue(session, world)
    provinces, devices, days_ago = seen
    seen_in(session, provinces, devices=devices, at=NOW - timedelta(days=days_ago))
    verdict = look(1)
    assert verdict.kind is kind
    assert verdict.checks == devices + 1
    if kind is VerdictKind.SUSPECTED_COPY:
        assert (verdict.recent_checks, verdict.devices, verdict.provinces, verdict.days) == (12, 11, 3, 7)


def test_an_answer_replaces_the_earlier_one_of_the_same_device(session: Session) -> None:
    scanning.answer(session, 5, device=DEVICE, answer=ComparisonAnswer.MATCH, at=NOW)
    scanning.answer(session, 5, device=DEVICE, answer=ComparisonAnswer.DIFFERS, at=NOW + timedelta(minutes=1))
    scanning.answer(session, 5, device=b"device-no-02", answer=ComparisonAnswer.CANNOT, at=NOW)
    found = session.scalars(select(Comparison.answer).order_by(Comparison.answer)).all()
    assert found == [ComparisonAnswer.CANNOT, ComparisonAnswer.DIFFERS]


def test_the_salt_is_shared_by_processes_and_changes_with_the_citys_day(
    connection: Connection, session: Session
) -> None:
    evening = datetime(2026, 6, 15, 16, 59, tzinfo=NOW.tzinfo)
    one, two = scanning.Salts(), scanning.Salts()
    assert one.today(connection, evening) == two.today(connection, evening)
    assert one.today(connection, evening + timedelta(minutes=1)) != two.today(connection, evening)
    assert set(session.scalars(select(DeviceSalt.day))) == {"2026-06-15", "2026-06-16"}


def test_the_salt_costs_one_statement_a_day(connection: Connection, statements: list[str]) -> None:
    salts = scanning.Salts()
    for minute in range(5):
        salts.today(connection, NOW + timedelta(minutes=minute))
    assert len(statements) == 1


def test_a_device_hash_is_short_and_tells_agents_networks_and_days_apart() -> None:
    one = scanning.device_hash(b"s" * 32, b"net-1", CHROME)
    assert len(one) == 12
    others = {
        scanning.device_hash(b"s" * 32, b"net-1", CHROME + "x"),
        scanning.device_hash(b"s" * 32, b"net-2", CHROME),
        scanning.device_hash(b"t" * 32, b"net-1", CHROME),
    }
    assert one not in others
    assert len(others) == 3


def test_a_scan_row_holds_no_address_and_no_agent(session: Session, world: World, look: Any) -> None:
    issue(session, world)
    look(1)
    row = session.execute(text("SELECT row_to_json(scan)::text FROM scan")).scalar_one()
    assert "Mozilla" not in row
    assert "127.0.0.1" not in row


def test_officers_see_state_keeper_order_scans_and_open_points(session: Session, world: World, look: Any) -> None:
    order = issue(session, world)
    for number in range(8):
        look(4, at=NOW + timedelta(minutes=number), device=f"phone-{number:06d}".encode())
    look(4, kind=ScanKind.PREVIEW)
    factories.nonconformity(session, world.title, world.cooperative, NOW, area_id=world.area.id)
    factories.nonconformity(
        session, world.title, world.cooperative, NOW, area_id=world.other_area.id, description="ở vùng khác"
    )
    factories.nonconformity(session, world.title, world.other_cooperative, NOW, description="của đơn vị khác")
    scanning.answer(session, 4, device=DEVICE, answer=ComparisonAnswer.DIFFERS, at=NOW)
    found = officer_facts.of_label(session, 4)
    assert found is not None
    assert found.order.id == order.id
    assert found.held.state is LabelState.ACTIVATED
    assert found.held.keeper.id == world.cooperative.id
    assert len(found.looks) == 5
    assert found.looks[0].at == NOW + timedelta(minutes=7)
    assert [step.move for step in found.movements] == [LabelMove.ISSUE]
    assert [point.description for point in found.nonconformities] == ["Nhật ký canh tác thiếu tuần 23"]
    assert found.answers == {ComparisonAnswer.DIFFERS: 1}
    assert officer_facts.of_label(session, 900_000) is None


def test_scans_of_every_month_find_their_partition(session: Session, world: World, look: Any) -> None:
    issue(session, world)
    look(1, at=datetime(2031, 1, 31, 23, 59, tzinfo=NOW.tzinfo))
    assert session.scalars(select(func.count()).select_from(Scan)).one() == 1


def visited(session: Session, world: World, day: date, **facts: Any) -> None:
    """A finished visit of the lot's area by somebody else than the holder."""
    from trace.models.controls import ControlLevel, ControlVisit

    made = {
        "title_id": world.title.id, "holder_id": world.cooperative.id, "area_id": world.area.id, "level": ControlLevel.EXTERNAL,
        "controller_id": world.people["controller"].id, "visited_on": day, "passed": True, "recorded_at": NOW, "finished_at": NOW,
    }  # fmt: skip
    session.add(ControlVisit(**made | facts))
    session.commit()


@pytest.fixture
def unvisited(session: Session, world: World) -> World:
    """Nobody has controlled anything yet."""
    from trace.models.controls import ControlVisit

    issue(session, world)
    session.execute(text("UPDATE control_visit SET level = 'self', acknowledged = 'own'"))
    assert session.scalars(select(ControlVisit)).all() is not None
    session.commit()
    return world


def test_the_last_control_of_the_source_is_told_and_what_is_none_is_not(
    session: Session, unvisited: World, look: Any
) -> None:
    from trace.models.controls import Acknowledgement, ControlLevel

    assert look(1).checked_on is None
    visited(session, unvisited, date(2026, 6, 1), level=ControlLevel.SELF, acknowledged=Acknowledgement.OWN)
    visited(session, unvisited, date(2026, 6, 14), finished_at=None, passed=None)
    visited(session, unvisited, date(2026, 6, 20))
    assert look(1).checked_on is None, "own controls, open ones and those to come are none"
    visited(session, unvisited, date(2026, 6, 2), area_id=unvisited.other_area.id)
    assert look(1).checked_on == date(2026, 6, 2), "another area of the same holder, as long as there is nothing nearer"
    visited(session, unvisited, date(2026, 5, 30), passed=False)
    assert look(1).checked_on == date(2026, 5, 30)
    visited(session, unvisited, date(2026, 6, 10))
    assert look(1).checked_on == date(2026, 6, 10)


def test_the_keys_of_public_pages_come_along(session: Session, world: World, look: Any) -> None:
    issue(session, world)
    verdict = look(1)
    assert (verdict.product_id, verdict.title_id, verdict.certificate_id) == (
        world.product.id, world.title.id, world.certificate.id,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "shown"), [("cooperative", "Thôn 1, Thanh Hà"), ("household", "Thanh Hà"), ("person", "Thanh Hà")]
)
def test_where_the_user_of_the_label_is_but_never_where_a_person_lives(
    session: Session, world: World, look: Any, kind: str, shown: str
) -> None:
    from trace.models.parties import PartyKind

    issue(session, world)
    world.cooperative.kind, world.cooperative.address = PartyKind(kind), "Thôn 1"
    world.cooperative.commune_code = world.commune.code
    session.commit()
    assert look(1).holder_address == shown.replace("Thanh Hà", world.commune.name)


def test_one_sign_of_a_copy_without_the_other_is_unusual(session: Session, world: World, look: Any) -> None:
    issue(session, world)
    assert not look(1).unusual
    seen_in(session, [31], devices=11, at=NOW - timedelta(days=1))
    verdict = look(1)
    assert (verdict.kind, verdict.unusual, verdict.copied_by) == (VerdictKind.VALID, True, None)


@pytest.mark.parametrize(
    ("differs_in", "kept"), [((1, 3), [1, 3]), ((3, 1, 1), [1, 3]), ((), [])], ids=["two", "folded", "none"]
)
def test_which_points_differed_is_kept(session: Session, differs_in: tuple[int, ...], kept: list[int]) -> None:
    scanning.answer(session, 5, device=DEVICE, answer=ComparisonAnswer.DIFFERS, at=NOW, differs_in=differs_in)
    assert session.scalars(select(Comparison.differs_in)).one() == kept
