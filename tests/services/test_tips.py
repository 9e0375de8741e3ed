"""Reports from the public."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from tests import factories
from tests.conftest import NOW
from trace.errors import NotFound, broken_constraint
from trace.models.files import StoredFile
from trace.models.history import History
from trace.models.tips import Bought, Platform, Tip, TipPhoto, TipReason, TipState
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


@pytest.mark.parametrize(
    "facts", [{"listing_url": "https://shopee.vn/x", "place": None}, {"seller": "Vườn nhà mẫu", "place": None}, {"cell": "20.86,106.68", "place": None}],
)  # fmt: skip
def test_somewhere_may_be_on_the_web_or_a_coarse_cell(session: Session, facts: dict[str, Any]) -> None:
    tip, _ = submit(session, **facts)
    assert tip.bought is (Bought.ONLINE if "listing_url" in facts else Bought.SHOP)
    assert tip.platform is (Platform.SHOPEE if "listing_url" in facts else None)


@pytest.mark.parametrize(
    ("facts", "constraint"),
    [
        ({"price_vnd": 0}, "ck_tip_price_plausible"),
        ({"seen_on": NOW.date() + timedelta(days=1)}, "ck_tip_seen_before_it_was_reported"),
        ({"seller": "x" * 201}, "ck_tip_seller_bounded"),
        ({"twin_hash": b"short"}, "ck_tip_twin_hash_is_sha256"),
    ],
)
def test_the_database_refuses_what_cannot_be(session: Session, facts: dict[str, Any], constraint: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        submit(session, **facts)
    assert broken_constraint(caught.value) == constraint


def test_the_same_words_from_the_same_network_are_known_for_an_hour(session: Session) -> None:
    twin = tips.fingerprint(b"k" * 32, b"network", code_text="7K4M", description=" Quả  nhỏ ")
    assert twin == tips.fingerprint(b"k" * 32, b"network", code_text="7K4M", description="quả nhỏ")
    others = [
        tips.fingerprint(b"k" * 32, network, code_text=code, description=words)
        for network, code, words in (
            (b"other", "7K4M", "quả nhỏ"),
            (b"network", "7K4N", "quả nhỏ"),
            (b"network", "7K4M", "quả"),
        )
    ]
    assert twin not in others
    tip, _ = submit(session, twin_hash=twin)
    assert twin
    assert tips.find_twin(session, twin, at=NOW + timedelta(minutes=59)) is tip
    assert tips.find_twin(session, twin, at=NOW + timedelta(minutes=61)) is None


def test_reports_without_words_are_never_taken_for_one(session: Session) -> None:
    """A whole market may report one label."""
    assert tips.fingerprint(b"k" * 32, b"network", code_text="7K4M", description=" \n") is None


def test_what_tells_twins_apart_is_forgotten_after_the_hour(session: Session) -> None:
    tip, _ = submit(session, twin_hash=bytes(32))
    assert tips.forget_twins(session, at=NOW + timedelta(minutes=30)) == 0
    assert tips.forget_twins(session, at=NOW + timedelta(minutes=61)) == 1
    session.refresh(tip)
    assert tip.twin_hash is None


def test_something_is_added_later_once_and_not_without_end(session: Session) -> None:
    tip, _ = submit(session)
    first = tips.add_message(session, tip, " Người bán đã dọn đi. ", at=NOW)
    assert first.body == "Người bán đã dọn đi."
    assert tips.add_message(session, tip, "Người bán đã dọn đi.", at=NOW) is first
    for number in range(tips.MOST_MESSAGES - 1):
        tips.add_message(session, tip, f"Thêm {number}", at=NOW)
    with pytest.raises(tips.TooManyMessages):
        tips.add_message(session, tip, "Một điều nữa", at=NOW)
    written = session.scalars(select(History.changes).where(History.deed == "tip:add_message")).all()
    assert len(written) == tips.MOST_MESSAGES
    assert not [changes for changes in written if "Người" in str(changes)], (
        "history holds what was done, not what was said"
    )


@pytest.mark.parametrize("body", ["", "   ", "x" * 2001])
def test_an_addition_of_nothing_or_of_a_book_is_refused(session: Session, body: str) -> None:
    tip, _ = submit(session)
    with pytest.raises(tips.MessageMissing):
        tips.add_message(session, tip, body, at=NOW)


def test_an_answered_report_takes_no_additions(session: Session, world: World) -> None:
    tip, _ = submit(session)
    tips.tell(session, tip, TipState.CLOSED, answer="Đã xem.", by=world.people["officer"].id, at=NOW)
    with pytest.raises(tips.TipIsClosed):
        tips.add_message(session, tip, "Còn nữa", at=NOW)


def test_what_was_added_cannot_be_changed(session: Session) -> None:
    tip, _ = submit(session)
    tips.add_message(session, tip, "Thêm", at=NOW)
    with pytest.raises(IntegrityError) as caught:
        session.execute(text("UPDATE tip_message SET body = 'khác'"))
    assert broken_constraint(caught.value) == "append_only"
