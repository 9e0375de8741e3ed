"""What hangs on the fields of the sample data: crops and trees, whence their codes came, parcels, households, an earlier boundary.

Dice of its own, so that nothing else of the sample city moves when this does.
"""

from __future__ import annotations

import random
from datetime import datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import Range

from trace.clock import CITY
from trace.demo.facts import FIELDS, SITES, TITLES
from trace.demo.people import FOUNDED
from trace.models.areas import AreaCodeStatus, GrowingArea, GrowingAreaCode, ProductionSite, SiteKind
from trace.models.plots import AreaHousehold, AreaParcel, PastBoundary

if TYPE_CHECKING:
    from trace.demo.story import Story

CROPS = {"vai": ("Vải", "Vải thiều", 320), "hanh": ("Hành", "Hành tía", None)}
"""Of a title: crop, variety, trees on a hectare."""
FAMILY = ("Ánh", "Bình", "Cúc", "Đào", "Hạnh", "Lộc", "Mận", "Sen", "Thảo", "Vui")
REDRAWN = ("thanhha-1", 150)
"""A field whose boundary was measured anew so many days ago."""
UNITS = {SiteKind.VAT: 24, SiteKind.HIVE: 60, SiteKind.BARN: 4}
ISSUER = "Cơ quan cấp mã (dữ liệu mẫu)"


def make(story: Story) -> None:
    """Fill in all fields and sites."""
    for number, key in enumerate(FIELDS, start=1):
        _field(story, key, number)
    for key, facts in SITES.items():
        story.session.execute(
            update(ProductionSite).where(ProductionSite.id == story.sources[key].id).values(units=UNITS.get(facts.kind))
        )
    _codes(story)
    _earlier_boundary(story)
    story.session.flush()


def _field(story: Story, key: str, number: int) -> None:
    facts, dice = FIELDS[key], random.Random(number)  # noqa: S311  sample data keeps nothing secret
    crop, variety, density = CROPS[facts.title]
    area = story.session.get_one(GrowingArea, story.sources[key].id)
    area.crop, area.variety = crop, variety
    if density:
        area.trees, area.planted_in = int(facts.hectares * density), dice.randint(1988, 2012)
    # Together the parcels come to what is declared, but for a hundredth.
    left = int(area.declared_ha * 10_000)
    for parcel in range(1, 5):
        metres = left if parcel == 4 else int(left * dice.uniform(0.2, 0.4))
        left -= metres
        story.session.add(
            AreaParcel(
                area_id=area.id, map_sheet=str(10 + number), parcel_number=str(100 + 7 * parcel),
                certificate_number=f"MẪU {number:02d}{parcel:02d}" if parcel < 4 else None, square_metres=Decimal(metres),
            )
        )  # fmt: skip
    share = int(area.declared_ha * 10_000 / 5)
    for place, name in enumerate(dice.sample(FAMILY, 5)):
        story.session.add(
            AreaHousehold(
                area_id=area.id, name=f"Hộ mẫu {name}", square_metres=Decimal(share - 40 * place),
                trees=area.trees // 5 if area.trees else None,
            )
        )  # fmt: skip


def _codes(story: Story) -> None:
    story.session.execute(
        update(GrowingAreaCode).values(
            issuer=ISSUER,
            issued_on=story.day(FOUNDED),
            crop=select(GrowingArea.crop).where(GrowingArea.id == GrowingAreaCode.area_id).scalar_subquery(),
            document=func.coalesce(GrowingAreaCode.document, "Thông báo mẫu số 21/TB-MẪU"),
        )
    )
    story.session.execute(
        update(GrowingAreaCode)
        .where(GrowingAreaCode.status != AreaCodeStatus.ACTIVE)
        .values(document="Thông báo mẫu số 77/TB-MẪU")
    )


def _earlier_boundary(story: Story) -> None:
    key, ago = REDRAWN
    area = story.session.get_one(GrowingArea, story.sources[key].id)
    earlier = func.ST_Multi(
        func.ST_Scale(area.boundary, func.ST_MakePoint(0.97, 0.97), func.ST_Centroid(area.boundary))
    )
    story.session.add(
        PastBoundary(
            area_id=area.id, boundary=earlier, measured_ha=Decimal(str(round(FIELDS[key].hectares * 0.97**2, 2))),
            stood_during=Range(None, datetime.combine(story.day(ago), time(9), CITY)),
            redrawn_by=story.people[TITLES[FIELDS[key].title].manager].id,
        )
    )  # fmt: skip
