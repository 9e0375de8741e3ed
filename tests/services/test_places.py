"""Search without diacritics, exact hits first, and the list of communes."""

from __future__ import annotations

import unicodedata
from datetime import date
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql import Range

from tests import factories
from trace.models.parties import CommuneAlias, CommuneKind
from trace.services import places
from trace.services.reach import Reach

ALL = Reach(everything=True)


@pytest.fixture
def city(session: Any) -> Any:
    named = (
        ("10903", "Cẩm Giàng"),
        ("10888", "Cẩm Giang"),
        ("10813", "Thanh Hà"),
        ("11413", "Hải An"),
        ("11914", "Đại Sơn"),
        ("11915", "An Biên"),
    )
    for code, name in named:
        factories.commune(session, code, name, kind=CommuneKind.WARD if name == "Hải An" else CommuneKind.RURAL)
    session.add_all(
        [CommuneAlias(commune_code="10888", name="Cẩm Giàng"), CommuneAlias(commune_code="11914", name="Tứ Kỳ")]
    )
    session.flush()
    return session


def names(session: Any, q: str) -> list[str]:
    return [found.commune.name for found in places.communes(session, q)]


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("cẩm giang", ["Cẩm Giang", "Cẩm Giàng"]),
        ("cẩm giàng", ["Cẩm Giàng", "Cẩm Giang"]),
        ("Cẩm Giàng", ["Cẩm Giàng", "Cẩm Giang"]),
        ("đại sơn", ["Đại Sơn"]), ("dai son", ["Đại Sơn"]), ("DAI SON", ["Đại Sơn"]), ("ĐẠI SƠN", ["Đại Sơn"]),
        ("tu ky", ["Đại Sơn"]), ("huyện Tứ Kỳ", ["Đại Sơn"]), ("phường Hải An", ["Hải An"]),
        (unicodedata.normalize("NFD", "cẩm giang"), ["Cẩm Giang", "Cẩm Giàng"]),
        ("", ["An Biên", "Cẩm Giang", "Cẩm Giàng", "Đại Sơn", "Hải An", "Thanh Hà"]),
        ("%", []), ("_", []), ("\\", []), ("không có", []),
    ],
)  # fmt: skip
def test_communes_by_name_and_old_name(city: Any, q: str, expected: list[str]) -> None:
    assert names(city, q) == expected


def test_without_diacritics_both_are_found(city: Any) -> None:
    assert set(names(city, "cam giang")) == {"Cẩm Giang", "Cẩm Giàng"}


def test_an_old_name_says_which_one_it_was(city: Any) -> None:
    (found,) = places.communes(city, "tứ kỳ")
    assert found.alias == "Tứ Kỳ"


def test_the_picker_has_vietnamese_order_and_only_what_stands(city: Any) -> None:
    gone = factories.commune(city, "19999", "Bãi bỏ")
    gone.valid_during = Range(date(2025, 7, 1), date(2026, 1, 1))
    city.flush()
    assert [ward.name for ward in places.choices(city)] == [
        "An Biên",
        "Cẩm Giang",
        "Cẩm Giàng",
        "Đại Sơn",
        "Hải An",
        "Thanh Hà",
    ]
    assert "Bãi bỏ" in [ward.name for ward in places.choices(city, on=date(2025, 12, 31))]
    assert "Bãi bỏ" not in [ward.name for ward in places.choices(city, on=date(2026, 1, 1))]


def test_records_out_of_reach_are_not_found(session: Any, world: Any) -> None:
    own = Reach(holders=frozenset({world.cooperative.id}))
    found = places.search(session, world.lot.code, certificates=own, orders=own, lots=own)
    assert [lot.id for lot in found.lots] == [world.lot.id]
    found = places.search(session, "hợp tác xã", certificates=own, orders=own, lots=own)
    assert [party.name for party in found.parties] == ["Hợp tác xã vải mẫu Thanh Sơn"]
    found = places.search(
        session, "hop tac xa", certificates=Reach(titles=frozenset({world.title.id})), orders=None, lots=None
    )
    assert len(found.parties) == 2
    nothing = places.search(session, "hợp tác xã", certificates=Reach(), orders=None, lots=None)
    assert nothing.total == 0


def test_a_tax_code_finds_its_organisation(session: Any, world: Any) -> None:
    found = places.search(session, " 0800000011 ", certificates=ALL, orders=ALL, lots=ALL)
    assert [party.id for party in found.parties] == [world.cooperative.id]


def test_the_very_old_name_comes_before_a_mere_beginning(city: Any) -> None:
    factories.commune(city, "11916", "An Tứ Kỳ Đông")
    factories.commune(city, "11917", "Tứ Kỳ Am")
    assert names(city, "tứ kỳ") == ["Đại Sơn", "Tứ Kỳ Am", "An Tứ Kỳ Đông"]
