"""Promises of the desk's book: each legal kind with what the law asks of it, all faults at once, its own clock; nothing of a denunciation."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from enforcement import complaints, handoffs, informants, intake_book, intake_clocks, law, records, requests, triage
from enforcement.complaints import Complained
from enforcement.errors import ExtensionTooLate
from enforcement.models import (
    ClockEnd,
    ComplaintAgainst,
    ComplaintResult,
    ComplaintState,
    DenunciationReceipt,
    IntakeChannel,
    IntakeClock,
    IntakeClockKind,
    IntakeKind,
    IntakeRecord,
    Outcome,
    RequestMeasure,
    RequestState,
    Signal,
    SignalSource,
    SignalState,
)
from enforcement.records import Faults, Heard, Lacking, PaperFaults
from enforcement.requests import Asked, Lack
from labels.keys import Keyring
from tests import factories
from tests.conftest import MASTER, NOW
from tests.enforcement import desk
from trace.models.tips import Tip, TipReason
from trace.services import keys

KEY = bytes(range(32))
LATER = NOW + timedelta(days=3)


@pytest.fixture(autouse=True)
def _law(session: Session) -> None:
    law.seed(session)


@pytest.fixture
def keyring(session: Session, world: factories.World) -> Keyring:
    return keys.load(session, MASTER)


def heard(**facts: Any) -> Heard:
    return Heard(
        channel=facts.pop("channel", IntakeChannel.PHONE), received_at=facts.pop("received_at", NOW), body=facts.pop("body", "Bán nước mắm dán tem mờ"),
        commune_code=facts.pop("commune_code", "10813"), place=facts.pop("place", "Chợ mẫu, sạp 4"), seen_on=facts.pop("seen_on", NOW.date()), **facts,
    )  # fmt: skip


def call(session: Session, world: factories.World, keyring: Keyring, said: Heard, **more: Any) -> IntakeRecord:
    return records.take_tip(
        session, said, reason=TipReason.LABEL_LOOKS_WRONG, seller=more.pop("seller", None), contact=more.pop("contact", None),
        keyring=keyring, informant_key=KEY, by=world.officer.id, at=LATER,
    )  # fmt: skip


def asked(**facts: Any) -> Asked:
    return Asked(**{
        "dated": date(2026, 6, 12), "authority": "Chi cục QLTT mẫu", "requester": "Hội mẫu", "requester_address": "1 phố Mẫu", "infringer": "Bà Người Mẫu",
        "acted_on": date(2026, 6, 1), "measures": [RequestMeasure.INSPECT], "evidence": ["Ảnh tem"], "signed_by": "Chủ tịch Hội mẫu",
        "right_in_words": "Nhãn hiệu tập thể mẫu", **facts,
    })  # fmt: skip


def complained(**facts: Any) -> Complained:
    return Complained(**{
        "complainant": "Ông Mẫu", "complainant_address": "2 phố Mẫu", "against": ComplaintAgainst.DECISION, "body_complained_of": "Đội mẫu",
        "decision_number": "12/QĐ-XPHC", "decision_dated": date(2026, 6, 1), "learned_on": date(2026, 6, 2), "demand": "Hủy quyết định", **facts,
    })  # fmt: skip


def clocks(session: Session, record: IntakeRecord) -> list[tuple[IntakeClockKind, ClockEnd | None]]:
    rows = session.scalars(
        select(IntakeClock)
        .where(IntakeClock.record_id == record.id)
        .order_by(IntakeClock.started_at, IntakeClock.due_at)
    )
    return [(clock.kind, clock.ended_as) for clock in rows]  # fmt: skip


def test_a_call_without_a_name_is_a_report_like_any_other(
    session: Session, world: factories.World, keyring: Keyring
) -> None:
    desk.labels(session, world)
    record = call(session, world, keyring, heard(code_text=desk.label_code(5), shop_phone="+84 225 312 3456"))
    signal = intake_book.signal_of(session, record.id)
    assert signal is not None
    assert (signal.source, signal.source_number, signal.serial) == (SignalSource.TIP, record.number, 5)
    assert signal.shop_phone == "02253123456"
    assert record.number.startswith("PA-2026-")
    assert session.scalars(select(Tip)).one().received_at == NOW


def test_all_that_a_vague_call_lacks_is_said_at_once(
    session: Session, world: factories.World, keyring: Keyring
) -> None:
    with pytest.raises(records.NotConcrete) as refused:
        call(session, world, keyring, heard(body="giả", place=None, commune_code=None, seen_on=None))
    assert refused.value.facts["lacking"] == (Lacking.PLACE, Lacking.WHAT, Lacking.WHEN)
    assert factories.count(session, Tip) == factories.count(session, IntakeRecord) == 0


def test_the_contact_of_a_caller_goes_sealed_and_nowhere_else(
    session: Session, world: factories.World, keyring: Keyring
) -> None:
    record = call(session, world, keyring, heard(), contact="0912345678 bà Chim Hoàng Yến")
    assert record.tip_id is not None
    assert informants.is_kept(session, record.tip_id)
    session.flush()
    for table in ("signal", "intake_record", "signal_cluster"):
        rows = session.execute(text(f"SELECT t::text FROM enforcement.{table} t")).scalars()
        assert not any("0912345678" in row or "Hoàng Yến" in row for row in rows)
    assert not any("Hoàng Yến" in row for row in session.execute(text("SELECT t::text FROM public.tip t")).scalars())


def test_a_letter_of_another_agency_is_taken_in_once(
    session: Session, world: factories.World, keyring: Keyring
) -> None:
    def take(number: str) -> IntakeRecord:
        return records.take_transfer(
            session, heard(channel=IntakeChannel.LETTER), agency="Công an xã mẫu", agency_number=number,
            agency_dated=date(2026, 6, 10), keyring=keyring, by=world.officer.id, at=LATER,
        )  # fmt: skip

    first = take("45/CV")
    signal = intake_book.signal_of(session, first.id)
    assert signal is not None
    assert (signal.source, signal.facts["agency"]) == (SignalSource.AGENCY, "Công an xã mẫu")
    with pytest.raises(records.LetterKnown) as refused:
        take(" 45/cv ")
    assert refused.value.facts == {"number": first.number}
    assert take("46/CV").number == "CT-2026-00002"


def test_an_offer_on_the_web_is_taken_in_once_until_it_is_decided(
    session: Session, world: factories.World, keyring: Keyring
) -> None:
    def take(url: str) -> IntakeRecord:
        return records.take_listing(session, heard(listing_url=url), keyring=keyring, by=world.officer.id, at=LATER)

    first = take("https://shopee.vn/mam-i.1.2")
    signal = intake_book.signal_of(session, first.id)
    assert signal is not None
    assert (signal.source, signal.source_ref, signal.facts["platform"]) == (
        SignalSource.LISTING,
        "shopee.vn/mam-i.1.2#1",
        "Shopee",
    )
    with pytest.raises(records.ListingKnown):
        take("http://www.shopee.vn/mam-i.1.2/?utm_source=zalo")
    triage.reject(session, signal.id, reason="Đã gỡ", outcome=Outcome.NO_VIOLATION, by=world.officer.id, at=LATER)
    again = intake_book.signal_of(session, take("https://shopee.vn/mam-i.1.2").id)
    assert again is not None
    assert again.source_ref.endswith("#2")


def test_a_call_takes_as_many_photos_as_a_report(
    session: Session, world: factories.World, keyring: Keyring, tmp_path: Path
) -> None:
    photos = [desk.photo(session, tmp_path, n) for n in range(6)]
    with pytest.raises(PaperFaults) as refused:
        call(session, world, keyring, heard(files=photos))
    assert refused.value.facts["faults"] == (Faults.FILES,)
    assert call(session, world, keyring, heard(files=photos[:5])).tip_id is not None


def at_once(engine: Engine, deed: Callable[[Session], IntakeRecord]) -> list[str]:
    """What becomes of two who do the same at the same moment, each in a connection of their own: a number, or the name of a refusal."""
    both, told = threading.Barrier(2), list[str]()

    def do() -> None:
        with Session(engine) as session:
            both.wait()
            try:
                made = deed(session)
                time.sleep(0.3)
                session.commit()
                on_desk = intake_book.signal_of(session, made.id)
                told.append("on the desk" if on_desk is not None else "nowhere")
            except Exception as exc:
                told.append(type(exc).__name__)

    threads = [threading.Thread(target=do) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return sorted(told)


@pytest.fixture
def officer(committed: Engine) -> UUID:
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        law.seed(session)
        by = world.officer.id
        session.commit()
    return by


@pytest.mark.committed
def test_two_who_record_the_same_page_at_once_are_told_of_each_other(committed: Engine, officer: UUID) -> None:
    def take(session: Session) -> IntakeRecord:
        said = heard(listing_url="https://shopee.vn/mam-i.1.2")
        return records.take_listing(session, said, keyring=keys.load(session, MASTER), by=officer, at=LATER)

    assert at_once(committed, take) == ["ListingKnown", "on the desk"]
    with Session(committed) as session:
        assert factories.count(session, IntakeRecord) == factories.count(session, Signal) == 1


@pytest.mark.committed
def test_two_who_enter_the_same_letter_at_once_are_told_of_each_other(committed: Engine, officer: UUID) -> None:
    def take(session: Session) -> IntakeRecord:
        return records.take_transfer(
            session, heard(), agency="Công an xã mẫu", agency_number="45/CV", agency_dated=date(2026, 6, 10),
            keyring=keys.load(session, MASTER), by=officer, at=LATER,
        )  # fmt: skip

    assert at_once(committed, take) == ["LetterKnown", "on the desk"]
    with Session(committed) as session:
        assert factories.count(session, IntakeRecord) == factories.count(session, Signal) == 1


def test_receipts_are_found_by_number_however_many_there_are(session: Session, world: factories.World) -> None:
    for n in range(12):
        handoffs.hand_off(
            session, receiving_body=f"Thanh tra mẫu {n}", sheets=1, received_at=NOW - timedelta(hours=n), handed_at=NOW, by=world.officer.id,
            at=NOW,
        )  # fmt: skip
    rows, total = handoffs.receipts(session, size=10, page=2)
    assert ([row.number for row in rows], total) == (["TC-2026-00011", "TC-2026-00012"], 12)
    rows, total = handoffs.receipts(session, q="tc-2026-00012")
    assert ([row.receiving_body for row in rows], total) == (["Thanh tra mẫu 11"], 1)
    assert handoffs.receipts(session, q="TC-2026-9")[1] == 0


def test_a_request_gets_number_clock_and_signal_and_its_summary_accuses_nobody(
    session: Session, world: factories.World, keyring: Keyring
) -> None:
    record = requests.take(
        session, heard(), asked(title_id=world.title.id), keyring=keyring, by=world.officer.id, at=LATER
    )
    assert record.number == "DY-2026-00001"
    signal = intake_book.signal_of(session, record.id)
    assert signal is not None
    assert "Người Mẫu" not in signal.summary + str(signal.facts)
    clock = session.scalars(select(IntakeClock)).one()
    assert (clock.kind, clock.needs_verification) == (IntakeClockKind.REQUEST_REVIEW, True)
    assert clock.due_at.astimezone(NOW.tzinfo).date() == date(2026, 6, 29)  # ten working days after Monday the 15th
    assert signal.due_at == clock.due_at


def test_all_that_is_wrong_with_a_request_is_said_at_once(
    session: Session, world: factories.World, keyring: Keyring
) -> None:
    bad = asked(
        requester=" ", infringer="", measures=[], evidence=[], signed_by="", right_in_words=None, agent="Luật sư mẫu",
        dated=date(2026, 6, 20), acted_on=date(2026, 6, 25),
    )  # fmt: skip
    with pytest.raises(PaperFaults) as refused:
        requests.take(session, heard(body="x"), bad, keyring=keyring, by=world.officer.id, at=LATER)
    assert set(refused.value.facts["faults"]) == {
        Faults.BODY, Faults.REQUESTER, Faults.INFRINGER, Faults.DATES, Faults.POWER_OF_ATTORNEY, Faults.RIGHT, Faults.MEASURES,
        Faults.EVIDENCE, Faults.SIGNATURE,
    }  # fmt: skip
    assert factories.count(session, IntakeRecord) == factories.count(session, Signal) == 0


def test_what_a_request_lacks_is_seen_and_asked_for_with_a_longer_clock(
    session: Session, world: factories.World, keyring: Keyring
) -> None:
    with_agent = asked(agent="Văn phòng luật mẫu", poa_number="01/GUQ", poa_dated=date(2026, 5, 1))
    record = requests.take(session, heard(), with_agent, keyring=keyring, by=world.officer.id, at=LATER)
    assert requests.lacks(record, at=LATER) == [Lack.NO_FILES, Lack.POWER_NOT_CERTIFIED, Lack.TITLE_NOT_HERE]
    before = session.scalars(select(IntakeClock.due_at)).one()
    requests.ask_for_more(session, record.id, reason="Thiếu giấy ủy quyền công chứng", by=world.officer.id, at=LATER)
    clock = session.scalars(select(IntakeClock)).one()
    assert clock.due_at > before
    assert (signal := intake_book.signal_of(session, record.id))
    assert signal.due_at == clock.due_at
    requests.accept(session, record.id, reason="", by=world.officer.id, at=LATER)
    assert clocks(session, record) == [(IntakeClockKind.REQUEST_REVIEW, ClockEnd.FULFILLED)]
    with pytest.raises(requests.RequestAnswered):
        requests.refuse(session, record.id, reason="x", by=world.officer.id, at=LATER)


def test_a_refused_request_takes_its_signal_with_it_and_a_late_answer_stays_late(
    session: Session, world: factories.World, keyring: Keyring
) -> None:
    record = requests.take(session, heard(), asked(), keyring=keyring, by=world.officer.id, at=LATER)
    with pytest.raises(requests.AnswerMissing):
        requests.refuse(session, record.id, reason=" ", by=world.officer.id, at=LATER)
    late = NOW + timedelta(days=40)
    requests.refuse(session, record.id, reason="Không đủ tư cách", by=world.officer.id, at=late)
    assert record.request is not None
    assert record.request.state is RequestState.REFUSED
    assert (signal := intake_book.signal_of(session, record.id))
    assert signal.state is SignalState.REJECTED
    assert clocks(session, record) == [(IntakeClockKind.REQUEST_REVIEW, ClockEnd.LATE)]


def test_a_complaint_goes_its_way_by_its_two_clocks_and_raises_no_signal(
    session: Session, world: factories.World
) -> None:
    record = complaints.take(session, heard(), complained(), by=world.officer.id, at=LATER)
    assert (record.number, factories.count(session, Signal)) == ("KN-2026-00001", 0)
    with pytest.raises(complaints.NotNow):
        complaints.resolve(
            session, record.id, result=ComplaintResult.UPHELD, number="1/QĐ", reason="x", by=world.officer.id, at=LATER
        )
    complaints.accept(session, record.id, by=world.team_head.id, at=LATER)
    complaints.extend(session, record.id, reason="Phức tạp", by=world.team_head.id, at=LATER)
    with pytest.raises(complaints.NotNow):
        complaints.extend(session, record.id, reason="Phức tạp", by=world.team_head.id, at=LATER)
    done = complaints.resolve(
        session, record.id, result=ComplaintResult.DISMISSED, number="9/QĐ-GQKN", reason="Quyết định đúng", by=world.team_head.id,
        at=LATER + timedelta(days=40),
    )  # fmt: skip
    assert done.state is ComplaintState.RESOLVED
    assert clocks(session, record) == [
        (IntakeClockKind.COMPLAINT_ACCEPT, ClockEnd.FULFILLED),
        (IntakeClockKind.COMPLAINT_RESOLVE, ClockEnd.FULFILLED),
    ]


def test_an_extension_after_the_end_and_a_number_that_is_taken_are_refused(
    session: Session, world: factories.World
) -> None:
    first, second = (complaints.take(session, heard(), complained(), by=world.officer.id, at=LATER) for _ in range(2))
    for record in (first, second):
        complaints.accept(session, record.id, by=world.team_head.id, at=LATER)
    with pytest.raises((ExtensionTooLate, complaints.NotNow)):
        complaints.extend(session, first.id, reason="x", by=world.team_head.id, at=LATER + timedelta(days=60))
    facts: dict[str, Any] = {
        "result": ComplaintResult.UPHELD,
        "number": "9/QĐ",
        "reason": "x",
        "by": world.team_head.id,
        "at": LATER,
    }
    complaints.resolve(session, first.id, **facts)
    with pytest.raises(complaints.ResolutionNumberTaken) as refused:
        complaints.resolve(session, second.id, **facts)
    assert refused.value.facts == {"number": "9/QĐ", "record": first.number}


def test_all_that_is_wrong_with_a_complaint_is_said_at_once(session: Session, world: factories.World) -> None:
    bad = complained(complainant=" ", decision_number="", demand="", learned_on=date(2026, 6, 20))
    with pytest.raises(PaperFaults) as refused:
        complaints.take(session, heard(body=""), bad, by=world.officer.id, at=LATER)
    assert set(refused.value.facts["faults"]) == {
        Faults.BODY, Faults.COMPLAINANT, Faults.DECISION, Faults.DATES, Faults.DEMAND,
    }  # fmt: skip
    with pytest.raises(complaints.NoSuchCase):
        complaints.take(session, heard(), complained(case_number="VV-2026-99999"), by=world.officer.id, at=LATER)
    assert factories.count(session, IntakeRecord) == 0


def test_a_late_complaint_is_taken_in_and_said_to_be_late(session: Session, world: factories.World) -> None:
    old = complained(learned_on=date(2026, 3, 1), decision_dated=date(2026, 2, 1))
    record = complaints.take(session, heard(), old, by=world.officer.id, at=LATER)
    assert complaints.came_late(record)
    assert not complaints.came_late(complaints.take(session, heard(), complained(), by=world.officer.id, at=LATER))


def test_of_a_denunciation_nothing_stays_but_its_receipt(session: Session, world: factories.World) -> None:
    receipt = handoffs.hand_off(
        session, receiving_body="Thanh tra thành phố mẫu", sheets=1, received_at=NOW, handed_at=NOW + timedelta(hours=1),
        by=world.officer.id, at=LATER,
    )  # fmt: skip
    assert receipt.number == "TC-2026-00001"
    assert set(DenunciationReceipt.__table__.columns.keys()) == {
        "id", "number", "received_at", "handed_at", "receiving_body", "sheets", "recorded_by",
    }  # fmt: skip
    due = handoffs.accept_by(session, receipt)
    assert due is not None
    assert (due.due.date(), due.doubtful) == (date(2026, 6, 24), True)
    name, drawn = handoffs.paper(session, receipt, unit=None, at=LATER)
    assert name == "bien-nhan-TC-2026-00001.pdf"
    assert drawn.startswith(b"%PDF-")
    assert factories.count(session, Signal) == factories.count(session, IntakeRecord) == 0
    with pytest.raises(IntegrityError):
        session.execute(text("UPDATE enforcement.denunciation_receipt SET receiving_body = 'khác'"))


def test_a_receipt_without_body_count_or_order_of_times_is_refused_for_all_of_these(
    session: Session, world: factories.World
) -> None:
    with pytest.raises(handoffs.HandOffFaults) as refused:
        handoffs.hand_off(
            session, receiving_body=" ", sheets=0, received_at=NOW, handed_at=NOW - timedelta(hours=1), by=world.officer.id, at=LATER
        )  # fmt: skip
    assert len(refused.value.facts["faults"]) == 3


def test_what_has_a_running_clock_stands_first_in_the_book(
    session: Session, world: factories.World, keyring: Keyring
) -> None:
    call(session, world, keyring, heard())
    request = requests.take(session, heard(), asked(), keyring=keyring, by=world.officer.id, at=LATER)
    complaint = complaints.take(session, heard(), complained(), by=world.officer.id, at=LATER)
    rows, total = intake_book.book(session)
    assert total == 3
    assert [row.number for row in rows[:2]] == [complaint.number, request.number]
    assert [row.number for row, _clock in intake_clocks.nearest(session, most=5)] == [complaint.number, request.number]
    rows, total = intake_book.book(session, kind=IntakeKind.REQUEST)
    assert [row.number for row in rows] == [request.number]
    assert intake_book.book(session, q="nuoc mam")[1] == 2
