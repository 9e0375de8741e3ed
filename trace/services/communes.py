"""The 114 communes of the city, from the file that comes with the code, and the district names that people still use.

Loading again changes nothing that is the same. What must not live here: searching them (`places`), and communes of before the merger.
"""

from __future__ import annotations

import json
import unicodedata
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import Range, insert

from trace.errors import TemThatError
from trace.models.parties import Commune, CommuneAlias, CommuneKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

BOUNDARIES = Path(__file__).resolve().parent.parent / "data" / "communes.geojson"
STANDING = Range(date(2025, 7, 1), None)
"""Since when the communes stand: the day on which the two-tier government began."""

_KINDS = {"phường": CommuneKind.WARD, "xã": CommuneKind.RURAL, "đặc khu": CommuneKind.SPECIAL_ZONE}

# Names as the file of boundaries spells them, tone marks included. Districts that no source lists whole are left out, not guessed.
DISTRICTS: Mapping[str, Sequence[str]] = {
    "Thanh Hà": ("Thanh Hà", "Hà Bắc", "Hà Nam", "Hà Tây", "Hà Đông"),
    "Vĩnh Bảo": ("Vĩnh Bảo", "Vĩnh Thịnh", "Vĩnh Thuận", "Vĩnh Hoà", "Vĩnh Hải", "Vĩnh Am", "Nguyễn Bỉnh Khiêm"),
    "Tiên Lãng": ("Tiên Lãng", "Quyết Thắng", "Tân Minh", "Tiên Minh", "Chấn Hưng", "Hùng Thắng"),
    "Kinh Môn": (
        "Kinh Môn", "Bắc An Phụ", "Nhị Chiểu", "Phạm Sư Mạnh", "Trần Liễu", "Nguyễn Đại Năng", "Nam An Phụ",
    ),
    "Tứ Kỳ": ("Tứ Kỳ", "Đại Sơn", "Tân Kỳ", "Chí Minh", "Lạc Phượng", "Nguyên Giáp"),
    "Cẩm Giàng": ("Cẩm Giang", "Cẩm Giàng", "Tuệ Tĩnh", "Mao Điền"),
    "Chí Linh": ("Chí Linh", "Chu Văn An", "Nguyễn Trãi", "Trần Hưng Đạo", "Trần Nhân Tông", "Lê Đại Hành"),
}  # fmt: skip


class UnknownCommune(TemThatError):
    """The file of communes does not know the commune %(name)s."""


def load(session: Session) -> None:
    """Bring the communes and the old district names into the database; what changed in the file is changed there."""
    features = read()
    for feature in features:
        values = _values(feature)
        session.execute(insert(Commune).values(**values).on_conflict_do_update(index_elements=["code"], set_=values))
    codes = {_name(feature): str(feature["properties"]["code"]) for feature in features}
    for district, names in DISTRICTS.items():
        for name in names:
            if name not in codes:
                raise UnknownCommune(name=name)
            alias = insert(CommuneAlias).values(commune_code=codes[name], name=district, kind="district")
            session.execute(alias.on_conflict_do_nothing(index_elements=["commune_code", "name"]))
    session.flush()


def read() -> list[dict[str, Any]]:
    """The features of the file."""
    features: list[dict[str, Any]] = json.loads(BOUNDARIES.read_text(encoding="utf-8"))["features"]
    return features


def _values(feature: dict[str, Any]) -> dict[str, Any]:
    shape = func.ST_GeomFromGeoJSON(json.dumps(feature["geometry"]))
    return {
        "code": str(feature["properties"]["code"]),
        "name": _name(feature),
        "kind": _KINDS[feature["properties"]["kind"]],
        # A ring that simplification made touch itself is mended; only what has an area is kept.
        "boundary": func.ST_Multi(func.ST_CollectionExtract(func.ST_MakeValid(func.ST_SetSRID(shape, 4326)), 3)),
        "valid_during": STANDING,
    }


def _name(feature: dict[str, Any]) -> str:
    return unicodedata.normalize("NFC", feature["properties"]["name"])
