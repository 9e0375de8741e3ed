"""What buyers of the sample goods compare: kinds, Chinese and Japanese words, and a drawn picture of each point that is hard to copy."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw
from sqlalchemy import select

from trace.demo.facts import GOODS, TITLES
from trace.demo.photos import MARK, font
from trace.models.titles import ComparisonPoint, PointKind
from trace.services import files

if TYPE_CHECKING:
    from trace.demo.story import Story

SIZE = (960, 720)
K = PointKind
KINDS_AND_WORDS = {
    "Tem còn nguyên, không có vết bóc dán lại": (
        K.SEAL,
        "标签完整，没有揭开后重贴的痕迹",
        "ラベルが無傷で、貼り直した跡がない",
    ),
    "Quả tròn, vỏ đỏ tươi, gai phẳng, hạt nhỏ": (
        K.GOODS,
        "果实圆形，皮鲜红，突起平，核小",
        "実は丸く、皮は鮮やかな赤、突起は平らで種が小さい",
    ),
    "Dây buộc miệng túi có chữ nổi trùng số lô": (
        K.SEAL,
        "袋口扎带上有凸起的字，与批次号一致",
        "袋の口の結束バンドに、ロット番号と同じ浮き文字がある",
    ),
    "Hộp ghi đúng khối lượng như trên trang này": (
        K.PACKAGING,
        "盒上标明的重量与本页一致",
        "箱の内容量の表示がこのページと同じ",
    ),
    "Nắp hộp dập nổi hình chùm vải, sờ thấy được": (
        K.PACKAGING,
        "盒盖压有荔枝串凸纹，可以摸到",
        "ふたにライチの房の浮き出しがあり、触って分かる",
    ),
    "Màu cánh gián, trong, không lắng cặn": (K.GOODS, "琥珀褐色，清澈，无沉淀", "琥珀色で澄んでおり、沈殿がない"),
    "Màng co ở cổ chai in chìm số mẻ": (
        K.SEAL,
        "瓶颈热缩膜内侧印有批号",
        "瓶の首のフィルムの内側に仕込み番号が印刷されている",
    ),
    "Mật sánh, hổ phách, có thể kết tinh khi lạnh": (
        K.GOODS,
        "蜜稠，琥珀色，遇冷可能结晶",
        "とろみのある琥珀色で、冷えると結晶することがある",
    ),
    "Đáy lọ thủy tinh đúc nổi chữ CBX": (K.PACKAGING, "玻璃瓶底铸有凸字CBX", "ガラス瓶の底にCBXの浮き文字がある"),
    "Vỏ trắng xanh, sạch, không rạn": (K.GOODS, "蛋壳青白，干净，无裂纹", "殻は青白く、きれいで、ひびがない"),
    "Mỗi quả có dấu mực trùng ngày thu ghi trên hộp": (
        K.PRINT,
        "每枚蛋上的墨印与盒上的收集日期一致",
        "1個ずつの印が、箱の採卵日と同じ",
    ),
    "Củ chắc, vỏ tím nâu, khô ráo": (K.GOODS, "球茎结实，皮紫褐色，干燥", "球は固く、皮は紫褐色で乾いている"),
    "Củ nhỏ, tép đều, mùi cay nồng": (K.GOODS, "蒜头小，蒜瓣均匀，味辛辣", "小ぶりで粒がそろい、香りが強い"),
    "Túi lưới dệt sợi vàng ở mép, không in": (
        K.PACKAGING,
        "网袋边缘织有金线，不是印刷的",
        "網袋の縁に金糸が織り込まれている（印刷ではない）",
    ),
}


def make(story: Story) -> None:
    """Dress the points of all products."""
    for key, product in story.products.items():
        by = story.people[TITLES[GOODS[key].title].manager].id
        for point in story.session.scalars(select(ComparisonPoint).where(ComparisonPoint.product_id == product.id)):
            point.kind, point.text_zh, point.text_ja = KINDS_AND_WORDS[point.text_vi]
            if point.hard_to_copy:
                picture = io.BytesIO(_drawn(point.text_vi))
                point.picture_id = files.receive(
                    story.session, story.config.files_dir, picture, name=f"diem-mau-{key}.jpg", at=story.moment(300, 9), by=by
                ).id  # fmt: skip
    # What officers compare and the public never reads.
    story.session.add(
        ComparisonPoint(
            product_id=story.products["vai-tuoi"].id, position=4, kind=K.PACKAGING, text_vi="Một sợi chỉ ở đường may đáy túi phát sáng dưới đèn tím",
            text_en="One thread in the bottom seam glows under violet light", hard_to_copy=True, covert=True,
        )
    )  # fmt: skip
    story.session.flush()


def _drawn(caption: str) -> bytes:
    """A band with raised letters, seen from near."""
    wide, high = SIZE
    image = Image.new("RGB", SIZE, "#dcd6c8")
    pen: Any = ImageDraw.Draw(image)
    pen.rounded_rectangle((-40, 210, wide + 40, 470), 60, fill="#b98a2f", outline="#6d4f14", width=6)
    for shift, colour in ((6, "#6d4f14"), (-4, "#f7e6b4"), (0, "#d2a648")):
        pen.text((wide // 2 + shift, 340 + shift), "LÔ 26-014", font=font(150), fill=colour, anchor="mm")
    pen.text((wide // 2, 90), MARK, font=font(64), fill="#a02020", anchor="mm")
    pen.text((wide // 2, high - 110), caption, font=font(34), fill="#2b2420", anchor="mm")
    saved = io.BytesIO()
    image.save(saved, "JPEG", quality=85)
    return saved.getvalue()
