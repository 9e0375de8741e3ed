"""Reports from the public."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from tests import factories
from tests.conftest import NOW
from trace.errors import NotFound, broken_constraint
from trace.models.files import StoredFile
from trace.models.history import History
from trace.models.tips import Tip, TipPhoto, TipReason, TipState
from trace.services import tips

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tests.factories import World


def submit(session: Session, **facts: Any) -> tuple[Tip, str]:
    given: dict[str, Any] = {
        "reason": TipReason.GOODS_DIFFER, "description": "Quả nhỏ, không đúng giống", "code_text": None, "serial": None,
        "commune_code": None, "place": "Chợ Con", "listing_url": None, "at": NOW,
    }  # fmt: skip
    return tips.submit(session, **(given | facts))


def picture(session: Session, number: int = 0) -> StoredFile:
    made = StoredFile(
        sha256=hashlib.sha256(str(number).encode()).hexdigest(),
        size=1,
        media_type="image/jpeg",
        name="a.jpg",
        received_at=NOW,
    )
    session.add(made)
    session.flush()
    return made


def test_reports_are_numbered_without_gaps_by_the_citys_year(session: Session) -> None:
    new_year = NOW.replace(year=2026, month=12, day=31, hour=17)
    numbers = [submit(session)[0].number, submit(session)[0].number, submit(session, at=new_year)[0].number]
    assert numbers == ["PA-2026-00001", "PA-2026-00002", "PA-2027-00001"]


def test_only_the_hash_of_the_secret_is_kept(session: Session) -> None:
    tip, secret = submit(session)
    assert tip.follow_hash == hashlib.sha256(secret.encode()).digest()
    assert tips.find_by_secret(session, secret) is tip
    for wrong in ("", secret[:-1], secret + "x", "\ud800", "x" * 10_000):
        with pytest.raises(NotFound):
            tips.find_by_secret(session, wrong)


def test_two_reports_never_share_a_secret(session: Session) -> None:
    assert submit(session)[1] != submit(session)[1]


def test_the_same_secret_again_is_the_same_report(session: Session) -> None:
    first, _ = submit(session, secret="a-secret-made-from-a-key")
    again, _ = submit(session, secret="a-secret-made-from-a-key", at=NOW + timedelta(days=40))
    assert again is first
    assert factories.count(session, Tip) == 1


@pytest.mark.parametrize("description", ["", "🍈" * 2000, "ả" * 4000, "Đo\u0302ng"])
def test_any_text_of_up_to_four_thousand_characters_is_kept(session: Session, description: str) -> None:
    tip, _ = submit(session, description=description)
    session.expire(tip)
    assert tip.description == description


@pytest.mark.parametrize(
    ("facts", "constraint"),
    [({"description": "x" * 4001}, "ck_tip_description_bounded"), ({"place": None}, "ck_tip_somewhere")],
)
def test_the_database_refuses_what_the_form_let_through(
    session: Session, facts: dict[str, Any], constraint: str
) -> None:
    with pytest.raises(IntegrityError) as caught:
        submit(session, **facts)
    assert broken_constraint(caught.value) == constraint


def test_a_report_holds_five_photos_and_the_sixth_is_refused(session: Session) -> None:
    tip, _ = submit(session)
    for number in range(5):
        tips.add_photo(session, tip, picture(session, number), at=NOW)
    assert tips.room_for_photos(session, tip) == 0
    with pytest.raises(tips.TooManyPhotos):
        tips.add_photo(session, tip, picture(session, 6), at=NOW)
    assert len(tip.photos) == 5


def test_the_same_photo_twice_is_one_photo(session: Session) -> None:
    tip, _ = submit(session)
    first = tips.add_photo(session, tip, picture(session), at=NOW)
    assert tips.add_photo(session, tip, picture(session), at=NOW) is first
    assert factories.count(session, TipPhoto) == 1
    assert factories.count(session, StoredFile) == 1, "nobody fills the register by sending one picture for ever"


def test_what_happens_to_a_report_is_written_down(session: Session, world: World) -> None:
    tip, _ = submit(session)
    tips.add_photo(session, tip, picture(session), at=NOW)
    tips.tell(session, tip, TipState.CLOSED, answer="Đã kiểm tra.", by=world.people["officer"].id, at=NOW)
    deeds = session.execute(
        select(History.deed, History.by, History.changes).where(History.subject_id == tip.id).order_by(History.id)
    )
    assert [(deed, by) for deed, by, _changes in deeds] == [
        ("tip:receive", None), ("tip:add_photo", None), ("tip:tell", world.people["officer"].id),
    ]  # fmt: skip
    assert (tip.state, tip.answer) == (TipState.CLOSED, "Đã kiểm tra.")


def test_reports_on_the_same_label_know_of_each_other(session: Session) -> None:
    tip, _ = submit(session, serial=7)
    submit(session, serial=7)
    submit(session, serial=8)
    without, _ = submit(session)
    assert tips.similar(session, tip) == 1
    assert tips.similar(session, without) == 0


def test_a_network_sends_twenty_reports_an_hour() -> None:
    throttle = tips.Throttle()
    for number in range(20):
        throttle.take(b"network-1", at=NOW + timedelta(minutes=number))
    with pytest.raises(tips.TooManyReports):
        throttle.take(b"network-1", at=NOW + timedelta(minutes=59))
    throttle.take(b"network-2", at=NOW + timedelta(minutes=59))
    throttle.take(b"network-1", at=NOW + timedelta(minutes=60))


def test_the_throttle_forgets_networks_rather_than_grow() -> None:
    throttle = tips.Throttle(most=1, networks=100)
    for number in range(1000):
        throttle.take(str(number).encode(), at=NOW)
    throttle.take(b"0", at=NOW)
    with pytest.raises(tips.TooManyReports):
        throttle.take(b"999", at=NOW)
