"""Electronic labels and pairs of genuine and suspect goods of the sample data. Every picture is drawn and says so; nothing real is shown."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw

from trace.demo.facts import GOODS, TITLES
from trace.demo.photos import MARK, font
from trace.models.showcase import PairFinding
from trace.services import files, label_versions, pairs, pictures
from trace.services.pairs import Difference, Picture
from trace.services.reach import Reach

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from trace.demo.story import Story

ALL = Reach(everything=True)
SIZE = (960, 720)
LABELLED = ("vai-tuoi", "mam", "ong")
"""The products that have an electronic label."""
QUANTITIES = {
    "vai-tuoi": "500 g, 1 kg, 2 kg, 5 kg",
    "mam": "300 ml, 500 ml, 750 ml, 1 lít",
    "ong": "250 g, 500 g, 1 kg",
}
STORAGE = {
    "vai-tuoi": ("Giữ mát 4–7 °C", "Keep cool at 4–7 °C"),
    "mam": ("Nơi khô, tránh nắng", "Keep dry and out of the sun"),
    "ong": ("Nơi khô, tránh nắng", "Keep dry and out of the sun"),
}


def make(story: Story) -> None:
    """Labels and pairs, once titles and products stand."""
    for key in LABELLED:
        _label(story, key)
    _pairs(story)


def _label(story: Story, key: str) -> None:
    goods = GOODS[key]
    title = TITLES[goods.title]
    by = story.people[title.manager].id
    body = story.parties[title.body].name
    said: dict[str, str | None] = {
        "name_vi": goods.name, "name_en": goods.name_en, "responsible": f"{body} và đơn vị ghi trên tem",
        "address": "Địa chỉ mẫu, Hải Phòng (dữ liệu mẫu)", "origin_vi": "Việt Nam, thành phố Hải Phòng", "origin_en": "Hải Phòng, Viet Nam",
        "quantity": QUANTITIES[key], "production_vi": "Ngày đóng gói in trên bao bì", "production_en": "Day of packing, printed on the pack",
        "expiry_vi": f"{goods.keeps} ngày kể từ ngày đóng gói, ngày in trên bao bì",
        "expiry_en": f"{goods.keeps} days from packing, the day is printed on the pack",
        "storage_vi": STORAGE[key][0], "storage_en": STORAGE[key][1],
    }  # fmt: skip
    first = story.moment(300, 9)
    label_versions.record(
        story.session, story.products[key].id, said, valid_from=story.day(300), reason="Bản đầu (dữ liệu mẫu)", seen=0, by=by, at=first, reach=ALL,
    )  # fmt: skip
    if key == "vai-tuoi":
        more = said | {
            "storage_vi": "Giữ mát 2–5 °C, dùng trong 3 ngày sau khi mở túi", "storage_en": "Keep cool at 2–5 °C, use within 3 days of opening",
            "warnings_vi": "Không cho trẻ dưới 3 tuổi ăn nguyên hạt", "warnings_en": "Do not give whole stones to children under 3",
        }  # fmt: skip
        label_versions.record(
            story.session, story.products[key].id, more, valid_from=story.day(60), reason="Đổi cách bảo quản, thêm cảnh báo (dữ liệu mẫu)", seen=1,
            by=by, at=story.moment(60, 9), reach=ALL,
        )  # fmt: skip


def _pairs(story: Story) -> None:
    lychee = (
        Difference(50, 22, 9, "Chữ nổi trên dây buộc: hàng nghi giả in phẳng", "Letters on the tie: printed flat on the suspect goods"),
        Difference(27, 50, 9, "Góc tem: hàng nghi giả có vết bóc dán lại", "Corner of the label: traces of peeling on the suspect goods", side="suspect"),
    )  # fmt: skip
    _pair(
        story, "vai-tuoi", ("Mặt trước túi 2 kg", "Front of the 2 kg bag"), lychee, ago=35, colours=("#8c2f39", "#a34a52"),
    )  # fmt: skip
    sauce = (
        Difference(50, 22, 11, "Màng co: hàng giả không in chìm số mẻ", "Neck seal: no batch number printed inside on the counterfeit"),
        Difference(41, 71, 11, "Chữ trên nhãn: nét dày hơn, lệch hàng", "Letters on the label: thicker and out of line", side="suspect"),
        Difference(70, 82, 7, "Đáy chai: không có dấu đúc", "Bottom of the bottle: no moulded mark"),
    )  # fmt: skip
    _pair(
        story, "mam", ("Chai 500 ml, nhìn thẳng", "500 ml bottle, from the front"), sauce, document="Kết luận giám định mẫu số 12/KLGĐ-MẪU", ago=80, colours=("#6b4423", "#8a6a3a"),
    )  # fmt: skip
    _pair(
        story, "ong", ("Đáy lọ 500 g", "Bottom of the 500 g jar"), lychee[:1], ago=5, colours=("#c58b2a", "#d2a04a"),
        publish=False,
    )  # fmt: skip


def _pair(
    story: Story,
    key: str,
    angle: tuple[str, str],
    marked: tuple[Difference, ...],
    *,
    document: str | None = None,
    ago: int,
    colours: tuple[str, str],
    publish: bool = True,
) -> None:
    at, by = story.moment(ago, 10), story.people[TITLES[GOODS[key].title].manager].id
    shown = [
        _taken(story, f"cap-mau-{key}-{side}.jpg", _drawn(GOODS[key].name, colour, fake=side == 1), at, by)
        for side, colour in enumerate(colours)
    ]
    finding = PairFinding.COUNTERFEIT if document else PairFinding.SUSPECT
    facts = pairs.Facts(
        angle_vi=angle[0], angle_en=angle[1], found_on=story.day(ago + 4), finding=finding, document=document, differences=marked,
        source_vi=f"Hình vẽ mẫu, {story.parties[TITLES[GOODS[key].title].body].name}", source_en="Drawn sample of the managing body",
    )  # fmt: skip
    made = pairs.draft(
        story.session, story.products[key].id, facts, genuine=shown[0], suspect=shown[1], by=by, at=at, reach=ALL
    )
    if publish:
        pairs.publish(
            story.session,
            made.id,
            revision=made.revision,
            by=story.people["science"].id,
            at=at + timedelta(hours=2),
            reach=ALL,
        )


def _taken(story: Story, name: str, content: bytes, at: datetime, by: UUID) -> Picture:
    stored = files.receive(story.session, story.config.files_dir, io.BytesIO(content), name=name, at=at, by=by)
    return Picture(stored.id, *pictures.measure(story.config.files_dir, stored))


def _drawn(name: str, colour: str, *, fake: bool) -> bytes:
    """A pack from the front, with a seal, a label and a line of text; the other one differs a little."""
    wide, high = SIZE
    image = Image.new("RGB", SIZE, "#e7e2d6")
    pen: Any = ImageDraw.Draw(image)
    pen.rounded_rectangle((180, 90, wide - 180, high - 40), 40, fill=colour, outline="#2b2420", width=4)
    pen.rectangle(
        (wide // 2 - 90, 100, wide // 2 + 90, 215),
        fill="#d9c27a" if not fake else "#cbb98a",
        outline="#5d4d1c",
        width=3,
    )
    pen.text((wide // 2, 158), "LÔ 26", font=font(44), fill="#5d4d1c", anchor="mm")
    if not fake:
        pen.text((wide // 2 + 3, 161), "LÔ 26", font=font(44), fill="#f7ecc4", anchor="mm")
    pen.rectangle((230, 330, 560, 560), fill="#fbfaf5", outline="#444444", width=2)
    if fake:
        pen.polygon([(230, 330), (300, 330), (230, 400)], fill="#b8b1a0")
    for row in range(11):
        for column in range(11):
            if (row * 7 + column * 5 + row * column) % 3:
                pen.rectangle((250 + column * 12, 350 + row * 12, 260 + column * 12, 360 + row * 12), fill="#111111")
    pen.text((400, 370 + (8 if fake else 0)), "TEM\nMẪU", font=font(34), fill="#333333", spacing=8)
    pen.text((395, 515), name[:22], font=font(24 if not fake else 27), fill="#333333", anchor="mm")
    pen.text((wide // 2, 620), MARK, font=font(54), fill="#ffffff", anchor="mm")
    pen.ellipse((640, 560, 700, 620), outline="#ffffff", width=6 if not fake else 1)
    saved = io.BytesIO()
    image.save(saved, "JPEG", quality=85)
    return saved.getvalue()
