"""The register of the sample data as plain facts: five protected products of the city in different kinds, and who grows them where.

Places and products are real. Regulations, volumes, codes and holders are invented; numbers of titles are left out, not made up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from trace.models.areas import SiteKind
from trace.models.titles import SourceKind, TitleKind


@dataclass(frozen=True)
class Title:
    """A protected sign. `communes`: its territory is their union."""

    kind: TitleKind
    name: str
    words: str
    communes: tuple[str, ...]
    owner: str
    body: str
    manager: str
    weights_g: tuple[int, ...]
    coded: bool
    summary: str


@dataclass(frozen=True)
class Goods:
    """A product with its season: from a day of the year for some months. `harvest`: a day of the year, or days before packing."""

    title: str
    name: str
    name_en: str
    description: str
    source: SourceKind
    season: str
    starts: tuple[int, int]
    months: int
    harvest: tuple[int, int] | int
    keeps: int
    """Days from packing to expiry."""
    yield_kg_per_ha: int | None
    points: tuple[tuple[str, str, bool], ...]

    def harvested(self, packed: date) -> date:
        """The day of harvest of what was packed on a day."""
        if isinstance(self.harvest, int):
            return packed - timedelta(days=self.harvest)
        return latest(*self.harvest, packed - timedelta(days=5))

    def season_start(self, harvested: date) -> date:
        """When the season of a harvest began."""
        return latest(*self.starts, harvested)

    def season_end(self, start: date) -> date:
        """The first day after the season."""
        years, month0 = divmod(start.month - 1 + self.months, 12)
        return date(start.year + years, month0 + 1, start.day)

    def season_name(self, start: date) -> str:
        """The season as people call it."""
        return self.season.format(year=start.year, after=start.year + 1)


@dataclass(frozen=True)
class Field:
    """A growing area of one holder."""

    title: str
    holder: str
    name: str
    commune: str
    hectares: float
    declared: float = 1.0
    """Declared over measured."""
    markets: tuple[str, ...] = ("VN",)


@dataclass(frozen=True)
class Site:
    """A production site of one holder, near a point on the map (longitude, latitude)."""

    title: str
    holder: str
    name: str
    kind: SiteKind
    commune: str
    near: tuple[float, float]
    capacity_kg: int


def latest(month: int, day: int, until: date) -> date:
    """The last time that this day of the year came, up to a date."""
    this_year = date(until.year, month, day)
    return this_year if this_year <= until else date(until.year - 1, month, day)


T, S = TitleKind, SourceKind
THANH_HA = ("Thanh Hà", "Hà Bắc", "Hà Nam", "Hà Tây", "Hà Đông")
KINH_MON = ("Kinh Môn", "Bắc An Phụ", "Nhị Chiểu", "Phạm Sư Mạnh", "Trần Liễu", "Nguyễn Đại Năng", "Nam An Phụ")
TIEN_LANG = ("Tiên Lãng", "Quyết Thắng", "Tân Minh", "Tiên Minh", "Chấn Hưng", "Hùng Thắng")

TITLES: dict[str, Title] = {
    "vai": Title(
        T.GI, "Vải thiều Thanh Hà", "Các xã Thanh Hà, Hà Bắc, Hà Nam, Hà Tây, Hà Đông (khoanh theo ranh giới xã, dữ liệu mẫu)", THANH_HA,
        "state", "vai-body", "manager", (500, 1000, 2000, 5000), coded=True,
        summary="Quy chế mẫu: vườn trong vùng, có mã số vùng trồng còn hiệu lực, nhật ký canh tác đủ, tem theo sản lượng được xác nhận.",
    ),
    "mam": Title(
        T.CERTIFICATION_MARK, "Nước mắm Cát Hải", "Cơ sở sản xuất trên đảo Cát Hải (dữ liệu mẫu)", ("Cát Hải",), "mam-body", "mam-body",
        "mam-manager", (300, 500, 750, 1000), coded=False,
        summary="Quy chế mẫu: ủ chượp tại Cát Hải ít nhất 18 tháng, từng mẻ có phiếu kiểm nghiệm, dán tem sau khi đóng chai.",
    ),
    "ong": Title(
        T.CERTIFICATION_MARK, "Mật ong Cát Bà (Cát Bà Xanh)", "Đàn ong đặt trên đảo Cát Bà (dữ liệu mẫu)", ("Cát Hải",), "ong-body", "ong-body",
        "ong-manager", (250, 500, 1000), coded=False,
        summary="Quy chế mẫu: đàn ong đặt tại Cát Bà, không cho ăn đường trong vụ mật, quay mật khi vít nắp.",
    ),
    "trung": Title(
        T.COLLECTIVE_MARK, "Trứng vịt Chấn Hưng", "Trại của thành viên tại vùng Tiên Lãng (dữ liệu mẫu)", TIEN_LANG, "trung-body",
        "trung-body", "trung-manager", (700, 2100), coded=False,
        summary="Quy chế mẫu: trại của thành viên, có sổ thú y, trứng xếp hộp trong ba ngày, ghi ngày thu.",
    ),
    "hanh": Title(
        T.COLLECTIVE_MARK, "Hành, tỏi Kinh Môn", "Các phường, xã vùng Kinh Môn (dữ liệu mẫu)", KINH_MON, "hanh-body", "hanh-body",
        "hanh-manager", (500, 1000, 2000, 5000), coded=True,
        summary="Quy chế mẫu: ruộng của thành viên trong vùng, có mã số vùng trồng, phơi khô ít nhất 20 ngày trước khi đóng túi.",
    ),
}  # fmt: skip

_WHOLE = (
    "Tem còn nguyên, không có vết bóc dán lại",
    "The label is whole, with no traces of peeling and sticking again",
    False,
)

GOODS: dict[str, Goods] = {
    "vai-tuoi": Goods(
        "vai", "Vải thiều tươi Thanh Hà", "Fresh Thanh Hà lychee", "Quả vải thiều tươi, chùm cắt cành, ướp lạnh.", S.AREA,
        "Vụ vải tươi {year}", (5, 10), 3, 1, 25, 9_000,
        (_WHOLE, ("Quả tròn, vỏ đỏ tươi, gai phẳng, hạt nhỏ", "Round fruit, bright red, flat skin, small stone", False),
         ("Dây buộc miệng túi có chữ nổi trùng số lô", "The tie of the bag bears the lot number in raised letters", True)),
    ),
    "vai-say": Goods(
        "vai", "Vải thiều sấy Thanh Hà", "Dried Thanh Hà lychee", "Quả vải thiều sấy nguyên vỏ, đóng hộp quanh năm.", S.AREA,
        "Niên vụ vải sấy {year}–{after}", (5, 10), 14, (6, 12), 360, 4_000,
        (_WHOLE, ("Hộp ghi đúng khối lượng như trên trang này", "The box states the weight shown on this page", False),
         ("Nắp hộp dập nổi hình chùm vải, sờ thấy được", "The lid is embossed with a cluster of lychees that can be felt", True)),
    ),
    "mam": Goods(
        "mam", "Nước mắm Cát Hải", "Cát Hải fish sauce", "Nước mắm cốt ủ chượp từ cá nhâm, cá quẩn.", S.SITE,
        "Năm sản xuất {year}", (1, 1), 15, 3, 720, None,
        (_WHOLE, ("Màu cánh gián, trong, không lắng cặn", "Amber brown, clear, without sediment", False),
         ("Màng co ở cổ chai in chìm số mẻ", "The seal on the neck has the batch number printed inside", True)),
    ),
    "ong": Goods(
        "ong", "Mật ong Cát Bà", "Cát Bà honey", "Mật ong rừng đa hoa, lọc thô.", S.SITE,
        "Năm thu mật {year}", (1, 1), 15, 10, 540, None,
        (_WHOLE, ("Mật sánh, hổ phách, có thể kết tinh khi lạnh", "Thick, amber; it may crystallise in the cold", False),
         ("Đáy lọ thủy tinh đúc nổi chữ CBX", "The bottom of the glass jar has CBX cast into it", True)),
    ),
    "trung": Goods(
        "trung", "Trứng vịt Chấn Hưng", "Chấn Hưng duck eggs", "Trứng vịt chăn thả đầm, hộp 10 hoặc 30 quả.", S.SITE,
        "Năm chăn nuôi {year}", (1, 1), 15, 1, 30, None,
        (_WHOLE, ("Vỏ trắng xanh, sạch, không rạn", "Bluish white shell, clean, without cracks", False),
         ("Mỗi quả có dấu mực trùng ngày thu ghi trên hộp", "Each egg bears an ink stamp with the date on the box", True)),
    ),
    "hanh": Goods(
        "hanh", "Hành củ Kinh Môn", "Kinh Môn shallots", "Hành củ khô, vỏ tím nâu.", S.AREA,
        "Vụ đông {year}–{after}", (10, 1), 18, (1, 12), 240, 14_000,
        (_WHOLE, ("Củ chắc, vỏ tím nâu, khô ráo", "Firm bulbs with dry, purple-brown skin", False),
         ("Túi lưới dệt sợi vàng ở mép, không in", "The net bag has a woven golden thread in its edge, not printed", True)),
    ),
    "toi": Goods(
        "hanh", "Tỏi Kinh Môn", "Kinh Môn garlic", "Tỏi củ khô, tép nhỏ, thơm cay.", S.AREA,
        "Vụ tỏi {year}–{after}", (10, 1), 18, (2, 20), 270, 9_000,
        (_WHOLE, ("Củ nhỏ, tép đều, mùi cay nồng", "Small bulbs, even cloves, strong smell", False),
         ("Túi lưới dệt sợi vàng ở mép, không in", "The net bag has a woven golden thread in its edge, not printed", True)),
    ),
}  # fmt: skip

FIELDS: dict[str, Field] = {
    "thanhha-1": Field("vai", "thanhha", "Vườn vải mẫu Thanh Sơn", "Thanh Hà", 9.6, markets=("VN", "JP", "AU")),
    "thanhha-2": Field("vai", "thanhha", "Vườn vải mẫu Thanh Thủy", "Thanh Hà", 6.1, declared=1.02),
    "thanhha-3": Field("vai", "thanhha", "Vườn vải mẫu ven sông Hương", "Thanh Hà", 3.4, declared=0.98),
    "habac-1": Field("vai", "habac", "Vườn vải mẫu Cẩm Chế", "Hà Bắc", 11.3, markets=("VN", "JP")),
    "habac-2": Field("vai", "habac", "Vườn vải mẫu Việt Hồng", "Hà Bắc", 4.8, declared=1.14),
    "hanam-1": Field("vai", "hanam", "Vườn vải mẫu Thanh Lang", "Hà Nam", 7.7),
    "hadong-1": Field("vai", "hadong", "Vườn vải mẫu Thanh Cường", "Hà Đông", 8.2),
    "hanh1-1": Field("hanh", "hanh1", "Cánh đồng mẫu An Phụ", "Nam An Phụ", 12.5, declared=1.01),
    "hanh2-1": Field("hanh", "hanh2", "Cánh đồng mẫu Lê Ninh", "Bắc An Phụ", 10.4),
    "hanh3-1": Field("hanh", "hanh3", "Cánh đồng mẫu Phạm Mệnh", "Phạm Sư Mạnh", 6.9, declared=0.97),
}

K = SiteKind
SITES: dict[str, Site] = {
    "mam1-1": Site("mam", "mam1", "Khu chượp mẫu Hòa Quang", K.VAT, "Cát Hải", (106.893, 20.797), 180_000),
    "mam2-1": Site("mam", "mam2", "Khu chượp mẫu Hoàng Châu", K.VAT, "Cát Hải", (106.868, 20.803), 90_000),
    "ong1-1": Site("ong", "ong1", "Trại ong mẫu Gia Luận", K.HIVE, "Cát Hải", (106.985, 20.842), 6_500),
    "ong2-1": Site("ong", "ong2", "Trại ong mẫu Trân Châu", K.HIVE, "Cát Hải", (107.022, 20.752), 2_400),
    "trung1-1": Site("trung", "trung1", "Trại vịt mẫu Bắc Hưng", K.BARN, "Chấn Hưng", (106.636, 20.648), 160_000),
    "trung2-1": Site("trung", "trung2", "Trại vịt mẫu Quyết Tiến", K.BARN, "Quyết Thắng", (106.532, 20.766), 42_000),
}

# Holder and title, days of validity left, days since it was granted.
CERTIFICATES: dict[str, tuple[str, str, int, int]] = {
    "thanhha": ("thanhha", "vai", 640, 455),
    "habac": ("habac", "vai", 45, 1_050),
    "hanam": ("hanam", "vai", 300, 430),
    "hadong": ("hadong", "vai", 510, 400),
    "mam1": ("mam1", "mam", 700, 395),
    "mam2": ("mam2", "mam", 210, 885),
    "ong1": ("ong1", "ong", 420, 675),
    "ong2": ("ong2", "ong", -25, 755),
    "trung1": ("trung1", "trung", 365, 365),
    "trung2": ("trung2", "trung", 330, 400),
    "hanh1": ("hanh1", "hanh", 560, 535),
    "hanh2": ("hanh2", "hanh", 480, 615),
    "hanh3": ("hanh3", "hanh", 150, 945),
}
