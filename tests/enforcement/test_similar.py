"""Promises of likeness: everything that shares something is found before a case is opened, and says in what; strangers are not."""

from __future__ import annotations

import io
import random
from datetime import timedelta
from pathlib import Path

import pytest
from geoalchemy2 import WKTElement
from PIL import Image
from sqlalchemy import ARRAY, BigInteger, Integer, func, literal, select
from sqlalchemy.orm import Session

from enforcement import alike, intake, law, similar, triage
from enforcement.alike import Alike
from enforcement.models import CaseFile, Signal
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from tests.services.test_likeness import scene, sent
from trace.models.files import StoredFile
from trace.services import files


@pytest.fixture(autouse=True)
def _law(session: Session) -> None:
    law.seed(session)


def alone(n: int) -> dict[str, str]:
    """Facts that no other signal shares."""
    return {"place": f"Sạp {'abcdefgh'[n] * 9}", "description": f"{'qrstuvwx'[n] * 24} {n}"}


def picture(session: Session, store: Path, image: Image.Image, **how: int) -> StoredFile:
    return files.receive(session, store, io.BytesIO(sent(image, **how)), name="anh.jpg", at=NOW, by=None)


def opened(session: Session, world: factories.World, store: Path, signal: Signal) -> CaseFile:
    return triage.open_case(session, signal.id, title="Vụ mẫu", store=store, by=world.officer.id, at=NOW)


def test_the_label_its_order_its_place_and_its_holder_are_looked_at(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    factories.commune(session, "11000", "Cẩm Giang")
    desk.labels(session, world)
    case = opened(session, world, tmp_path, desk.signal(session, 5, commune_code="11000", **alone(0)))
    same_order = desk.signal(session, 6, commune_code="11000", **alone(1))
    same_place = desk.signal(session, place="CHO MAU THANH HA (cổng 2)", description="")
    elsewhere = desk.signal(session, commune_code="11000", place="Chợ mẫu Thanh Hà", description="")
    here = desk.signal(session, 5, place="Chợ mẫu Thanh Hà", description="")
    found = similar.of_signal(session, here)
    assert [(each.case.id, each.alike) for each in found.cases] == [
        (case.id, (Alike.SERIAL, Alike.ORDER, Alike.HOLDER))
    ]
    alike = {each.signal.id: each.alike for each in found.signals}
    assert alike == {same_order.id: (Alike.ORDER, Alike.HOLDER), same_place.id: (Alike.PLACE,)}
    assert elsewhere.id not in alike
    assert found.signals[0].signal.id == same_order.id


def test_a_shop_is_known_by_its_telephone_wherever_it_calls_itself_something_else(
    session: Session, world: factories.World
) -> None:
    one = desk.signal(session, place=None, seller="Đặc sản mẫu 0225 312 3456", description="", commune_code="10813")
    other = desk.signal(session, place="Ki ốt 9, gọi +84 225 3123456", description="", commune_code="10813")
    desk.signal(session, **alone(2))
    assert one.shop_phone == other.shop_phone == "02253123456"
    assert [(hit.signal.id, hit.alike) for hit in similar.of_signal(session, one).signals] == [
        (other.id, (Alike.PHONE,))
    ]


def test_the_telephone_of_a_reporter_is_never_taken_for_that_of_a_shop(
    session: Session, world: factories.World
) -> None:
    signal = desk.signal(session, description="Tôi là bà Mẫu, gọi tôi 0912345678 nhé")
    assert signal.shop_phone is None


def test_a_code_that_the_register_does_not_know_is_found_however_it_is_written(
    session: Session, world: factories.World
) -> None:
    one = desk.signal(session, code_text="7k4m-92qd-xj3p", **alone(0))
    other = desk.signal(session, code_text="7K4M 92QD XJ3P", **alone(1))
    assert [(hit.signal.id, hit.alike) for hit in similar.of_signal(session, one).signals] == [
        (other.id, (Alike.CODE,))
    ]


def test_within_five_hundred_metres_of_where_an_inspector_stood(session: Session, world: factories.World) -> None:
    def seen(latitude: float, longitude: float, n: int) -> Signal:
        made = desk.observation(
            session, world.inspector.id, place=f"Sạp {'abcd'[n] * 9}", location=WKTElement(f"POINT({longitude} {latitude})", 4326)
        )  # fmt: skip
        made.note = f"{'mnop'[n] * 24}"
        return intake.from_observation(session, made, at=NOW)

    here, near, far = seen(20.8500, 106.6800, 0), seen(20.8540, 106.6800, 1), seen(20.8560, 106.6800, 2)
    found = {hit.signal.id: hit.alike for hit in similar.of_signal(session, here).signals}
    assert found == {near.id: (Alike.NEAR,)}
    assert far.id not in found


def test_the_same_cell_of_the_map_is_said_to_be_an_area_and_goes_with_the_consent(
    session: Session, world: factories.World
) -> None:
    from trace.services import tips

    one = desk.signal(session, cell="20.825,106.675", **alone(0))
    other = desk.signal(session, cell="20.825,106.675", **alone(1))
    desk.signal(session, cell="20.875,106.675", **alone(2))
    assert [(hit.signal.id, hit.alike) for hit in similar.of_signal(session, one).signals] == [
        (other.id, (Alike.AREA,))
    ]
    tip = intake.behind(session, other)
    tips.forget_cell(session, tip, at=NOW)  # type: ignore[arg-type]
    assert similar.of_signal(session, one).signals == ()


def test_a_photo_is_known_again_resized_recompressed_and_slightly_cropped(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    image = scene(7)
    wide, high = image.size
    original = desk.signal(session, photos=[picture(session, tmp_path, image, quality=92)], **alone(0))
    variants = [image.resize((500, 375)), image.crop((8, 6, wide - 8, high - 6))]
    copies = [
        desk.signal(session, photos=[picture(session, tmp_path, each, quality=40)], **alone(n))
        for n, each in enumerate(variants, start=1)
    ]
    desk.signal(session, photos=[picture(session, tmp_path, scene(8))], **alone(4))
    found = {hit.signal.id: hit.alike for hit in similar.of_signal(session, original).signals}
    assert found == {copy.id: (Alike.PHOTO,) for copy in copies}


def test_the_same_words_are_found_without_diacritics_and_are_not_shown(
    session: Session, world: factories.World
) -> None:
    said = "Nước mắm dán tem mờ, chai không có số lô, bán rẻ bằng nửa giá"
    one = desk.signal(session, place="Sạp aaaaaaaaa", description=said)
    other = desk.signal(
        session, place="Sạp bbbbbbbbb", description="nuoc mam dan tem mo chai khong co so lo ban re bang nua gia"
    )
    desk.signal(session, place="Sạp ccccccccc", description="Vải thiều không ghi nơi đóng gói, túi rách một góc")
    assert [(hit.signal.id, hit.alike) for hit in similar.of_signal(session, one).signals] == [
        (other.id, (Alike.TEXT,))
    ]
    assert "mắm" not in other.summary


def test_one_page_of_the_web_is_one_page_however_it_was_linked(session: Session, world: factories.World) -> None:
    one = desk.signal(
        session,
        place=None,
        commune_code=None,
        listing_url="https://shopee.vn/vai-thieu-i.1.2?utm_source=x",
        description="",
    )
    other = desk.signal(
        session, place=None, commune_code="10813", listing_url="http://www.shopee.vn/vai-thieu-i.1.2/", description=""
    )
    assert one.cluster_id == other.cluster_id
    assert Alike.LISTING in {kind for hit in similar.of_signal(session, one).signals for kind in hit.alike}


def test_a_case_is_like_others_by_its_signals_and_its_evidence_and_never_like_itself(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    desk.labels(session, world)
    first = opened(session, world, tmp_path, desk.signal(session, 5, **alone(0)))
    second = opened(session, world, tmp_path, desk.signal(session, 6, reason=desk.TipReason.OTHER, **alone(1)))
    waiting = desk.signal(session, 5, reason=desk.TipReason.NO_LABEL, **alone(2))
    found = similar.of_case(session, first.id)
    assert [(hit.case.id, hit.alike) for hit in found.cases] == [(second.id, (Alike.ORDER, Alike.HOLDER))]
    assert [hit.signal.id for hit in found.signals] == [waiting.id]


def test_signals_of_the_case_itself_do_not_crowd_out_others_of_the_order(
    session: Session, world: factories.World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.labels(session, world)
    monkeypatch.setattr(alike, "PER_KIND", 1)
    monkeypatch.setattr(similar, "SIGNALS_ASKED", 1)
    waiting = desk.signal(session, 40, at=NOW - timedelta(days=1), **alone(7))
    case = opened(session, world, tmp_path, desk.signal(session, 5, **alone(0)))
    for n in range(1, 4):
        own = desk.signal(session, 5 + n, at=NOW + timedelta(hours=n), **alone(n))
        triage.add_to_case(session, own.id, case.id, store=tmp_path, by=world.officer.id, at=NOW + timedelta(hours=n))
    hits = {hit.signal.id: hit.alike for hit in similar.of_case(session, case.id).signals}
    assert Alike.ORDER in hits[waiting.id]


def test_of_a_page_that_many_name_the_latest_are_looked_at(
    session: Session, world: factories.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alike, "PER_KIND", 2)
    page = "https://cho.example/vai/9"
    asking, *others = (
        desk.signal(session, at=NOW + timedelta(hours=h), listing_url=page, **alone(n))
        for n, h in enumerate((5, 1, 4, 2))
    )
    hits = similar.of_signal(session, asking, beside_group=False).signals
    assert {hit.signal.id for hit in hits if Alike.LISTING in hit.alike} == {others[1].id, others[2].id}


def test_a_signal_that_shares_nothing_finds_nothing(session: Session, world: factories.World) -> None:
    desk.signal(session, **alone(0))
    found = similar.of_signal(session, desk.signal(session, **alone(1)))
    assert (found.signals, found.cases) == ((), ())


def test_no_photo_that_differs_in_eight_bits_slips_through_the_index(session: Session) -> None:
    draw = random.Random(7)
    for _ in range(60):
        bits = draw.getrandbits(63)
        other = bits
        for place in draw.sample(range(63), 8):
            other ^= 1 << place
        asked = literal(alike.photo_marks(bits), ARRAY(Integer))
        assert session.scalar(select(func.photo_marks(literal(other, BigInteger)).op("&&")(asked)))
    assert len(alike.photo_marks(0)) == len(set(alike.photo_marks(0))) == 3 * 232


def test_the_same_shop_is_found_where_nobody_said_which_commune(session: Session, world: factories.World) -> None:
    here = desk.signal(session, commune_code="10813", place="Cửa hàng mẫu Hồng Bàng", description="")
    nowhere = desk.signal(session, commune_code=None, place="cua hang mau Hong Bang (cạnh cổng chợ)", description="")
    desk.signal(session, commune_code=None, place="Cửa hàng mẫu Lê Chân", description="")
    assert [(hit.signal.id, hit.alike) for hit in similar.of_signal(session, here).signals] == [
        (nowhere.id, (Alike.SHOP,))
    ]
    assert [(hit.signal.id, hit.alike) for hit in similar.of_signal(session, nowhere).signals] == [
        (here.id, (Alike.SHOP,))
    ]


def test_the_signals_of_a_case_are_asked_with_together_and_do_not_find_each_other(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    shown = [picture(session, tmp_path, scene(n)) for n in (20, 21)]
    case = opened(session, world, tmp_path, desk.signal(session, photos=[shown[0]], **alone(5)))
    second = desk.signal(session, photos=[shown[1]], **alone(6))
    triage.add_to_case(session, second.id, case.id, store=tmp_path, by=world.officer.id, at=NOW)
    found = [
        desk.signal(
            session, photos=[picture(session, tmp_path, scene(n), quality=40)], place=f"Sạp {n}", description=""
        )
        for n in (20, 21)
    ]
    hits = similar.of_case(session, case.id)
    assert {hit.signal.id for hit in hits.signals if Alike.PHOTO in hit.alike} == {each.id for each in found}
    assert not {case.id, *(signal.id for signal in case.signals)} & {hit.signal.id for hit in hits.signals}
    assert hits.cases == ()
