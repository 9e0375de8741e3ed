"""What the titles of the sample data say beyond their parties: what is protected, rules as data, amendments, pictures of the sign.

Characteristics and rules are invented and say so. What must not live here: numbers or dates of real titles; they are left out.
"""

from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw

from trace.demo.facts import TITLES
from trace.demo.photos import MARK, font
from trace.models.title_records import AmendmentKind, TitleImage
from trace.models.titles import TitleKind
from trace.services import files, regulations, rules, title_edits
from trace.services.reach import Reach
from trace.services.rules import Rules

if TYPE_CHECKING:
    from trace.demo.story import Story
    from trace.models.titles import ProtectionTitle

ALL = Reach(everything=True)
CHARACTERISTICS = {
    "vai": "Vỏ mỏng, đỏ tươi; cùi trắng, giòn, ráo nước; hạt nhỏ; vị ngọt thanh, thơm (mô tả mẫu, không phải bản mô tả của văn bằng).",
    "mam": "Màu cánh gián, trong; mùi thơm dịu, không tanh; vị mặn ngọt hậu (mô tả mẫu).",
    "ong": "Mật loãng, màu hổ phách nhạt, mùi hoa rừng; thủy phần theo mùa quay (mô tả mẫu).",
    "trung": "Vỏ xanh nhạt, dày; lòng đỏ đậm, chắc (mô tả mẫu).",
    "hanh": "Củ chắc, thân nhỏ, thơm cay, để được lâu (mô tả mẫu).",
}
NUMBERS = {
    "vai": "{n:04}/{year}/GCN-VT-MẪU", "mam": "{n:03}/{year}/GCN-NM-MẪU", "ong": "MO-{year}-{n:03}-MẪU", "trung": "{n:04}/{year}/TV-MẪU",
    "hanh": "{n:04}/{year}/HT-MẪU",
}  # fmt: skip
VALIDITY_MONTHS = {"vai": 36, "mam": 24, "ong": 24, "trung": 12, "hanh": 36}
SUSPENDED_FOR = (
    "Không đạt kiểm soát và quá hạn khắc phục",
    "Dùng tem cho hàng không đủ điều kiện",
    "Không cho kiểm soát",
)
REVOKED_FOR = (
    "Hồ sơ không đúng sự thật",
    "Cho mượn tem hoặc giấy chứng nhận",
    "Tái phạm trong mười hai tháng",
    "Ngừng sản xuất",
)
GATE_CHECKS = ("KS-03", "KS-09")
"""Items of the sample control plans whose failure blocks labels, whatever its severity."""
COLOURS = {"vai": "#8c2f39", "mam": "#6b4423", "ong": "#c58b2a", "trung": "#3f6b5c", "hanh": "#7a4e7a"}
COMING = "ong"
"""The title whose next version of the regulation is decided and not yet in force."""


def rules_of(key: str) -> dict[str, Any]:
    """The rules of a title's regulation as the database keeps them."""
    return rules.kept(
        Rules(
            certificate_number=NUMBERS[key],
            validity_months=VALIDITY_MONTHS[key],
            suspend_grounds=SUSPENDED_FOR,
            revoke_grounds=REVOKED_FOR,
            gate_checks=GATE_CHECKS,
        )
    )


def dress(story: Story, key: str, codes: list[str]) -> None:
    """Give a title that stands its description, its picture and what was amended."""
    title, facts = story.titles[key], TITLES[key]
    title.characteristics = CHARACTERISTICS[key]
    title.goods_in_words = f"{facts.name} (dữ liệu mẫu)"
    title.area_commune_codes = sorted(codes)
    story.session.flush()
    _picture(story, key, title)


def amend(story: Story) -> None:
    """What was amended of the indication, and a version of a regulation that is still to come."""
    at, by = story.moment(400, 10), story.people[TITLES["vai"].manager].id
    if TITLES["vai"].kind is TitleKind.GI:
        title_edits.amend(
            story.session, story.titles["vai"].id, kind=AmendmentKind.MANAGING_BODY, document="Quyết định mẫu số 40/QĐ-MẪU",
            decided_on=story.day(410), was="Sở quản lý mẫu (tổ chức cũ)", becomes=story.parties[TITLES["vai"].body].name, applies=False,
            revision=1, by=by, at=at, reach=ALL,
        )  # fmt: skip
    before = regulations.latest(story.session, story.titles[COMING].id)
    assert before is not None  # noqa: S101  every title of the samples has its regulation
    regulations.record(
        story.session, story.titles[COMING].id,
        regulations.Facts(
            summary=f"{before.summary} Thêm gói 350 g từ năm sau.", body="", deciding_document="Quyết định mẫu số 77/QĐ-MẪU",
            valid_from=story.today + timedelta(days=60), requires_area_code=before.requires_area_code,
            pack_weights_g=[*before.pack_weights_g, 350], rules=rules.read(before.rules),
        ),
        by=story.people[TITLES[COMING].manager].id, at=story.moment(3, 15), reach=ALL,
    )  # fmt: skip


def _picture(story: Story, key: str, title: ProtectionTitle) -> None:
    """A drawn sign in the place of the real one."""
    image = Image.new("RGB", (600, 600), "white")
    pen = ImageDraw.Draw(image)
    pen.ellipse((40, 40, 560, 560), fill=COLOURS[key])
    pen.ellipse((70, 70, 530, 530), outline="white", width=8)
    words = title.name.split(" (")[0].split()
    pen.multiline_text(
        (300, 270), "\n".join(words), font=font(64), fill="white", anchor="mm", align="center", spacing=10
    )
    pen.text((300, 480), MARK, font=font(30), fill="white", anchor="mm")
    saved = io.BytesIO()
    image.save(saved, "PNG")
    saved.seek(0)
    at, by = story.moment(380, 14), story.people[TITLES[key].manager].id
    stored = files.receive(
        story.session, story.config.files_dir, saved, name=f"dau-hieu-mau-{key}.png", at=at, by=by, kinds=files.IMAGES
    )
    story.session.add(
        TitleImage(title_id=title.id, file_id=stored.id, caption="Dấu hiệu (hình vẽ mẫu)", added_at=at, added_by=by)
    )
