"""The minutes of a sample as a paper: what they say, to whom, and that the same facts give the same bytes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import NOW
from tests.services.test_minutes import words
from trace.errors import NotFound
from trace.services import lab_samples, sample_minutes
from trace.services.reach import Reach

ALL = Reach(everything=True)


@pytest.fixture
def sample(session: Any, world: Any) -> Any:
    return lab_samples.take(
        session, area_id=world.area.id, what="Quả vải tươi, cây số 12", amount="2 kg", seal="NP-MẪU 007", taken_on=NOW.date(),
        taken_from="Ông Mẫu Tám", by=world.controller.id, at=NOW, reach=ALL,
    )  # fmt: skip


def test_the_minutes_say_who_took_what_from_whom_under_which_seal(session: Any, world: Any, sample: Any) -> None:
    name, pdf = sample_minutes.of_sample(session, sample.id, reach=ALL)
    assert name == f"bien-ban-lay-mau-{sample.number}.pdf"
    told = words(pdf)
    for said in (
        "BIÊN BẢN", "Lấy mẫu kiểm soát chất lượng", f"{sample.number}/BBLM", "Quả vải tươi, cây số 12", "2 kg", "NP-MẪU 007",
        "Ông Mẫu Tám", world.controller.full_name, world.cooperative.name, world.area.name, "15/06/2026", "DỮ LIỆU MẪU",
    ):  # fmt: skip
        assert said in told, said
    assert world.managing_body.name.upper() in told
    assert "Cộng" not in told


def test_the_same_sample_gives_the_same_bytes_whatever_became_of_it(session: Any, world: Any, sample: Any) -> None:
    _, before = sample_minutes.of_sample(session, sample.id, reach=ALL)
    lab_samples.send(session, sample.id, lab="Phòng mẫu", sent_on=NOW.date(), by=world.controller.id, at=NOW, reach=ALL)
    assert sample_minutes.of_sample(session, sample.id, reach=ALL)[1] == before


def test_the_minutes_of_others_are_not_found(session: Any, world: Any, sample: Any) -> None:
    with pytest.raises(NotFound):
        sample_minutes.of_sample(session, sample.id, reach=Reach(holders=frozenset({world.other_cooperative.id})))
    assert sample_minutes.of_sample(session, sample.id, reach=Reach(holders=frozenset({world.cooperative.id})))


def test_the_page_of_a_sample_offers_its_minutes(session: Any, world: Any, sample: Any, sign_in: Any) -> None:
    session.commit()
    client = sign_in(world.controller)
    page = client.get(f"/kiem-soat/mau/{sample.id}").get_data(as_text=True)
    path = f"/kiem-soat/mau/{sample.id}/bien-ban.pdf"
    assert path in page
    answer = client.get(path)
    assert (answer.mimetype, answer.data[:5]) == ("application/pdf", b"%PDF-")
