"""The tables that people can fill in, as data: their columns with heading, hint and example, and which list a cell chooses from.

The file is a Vietnamese form, whatever language its reader has on screen: headings are what it is recognised by.
What must not live here: what the rows become (`member_rows`, `area_rows`, `lot_rows`, `visit_rows`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trace.models.members import TableKind

EXAMPLE_MARK = "VÍ DỤ"
"""With this begins the first cell of the example row, which is never recorded."""


class Cells(StrEnum):
    """How the cells of a column are formatted (never shown)."""

    TEXT = "text"
    DAY = "day"
    NUMBER = "number"


class Choice(StrEnum):
    """A list of which a cell is one, by the heading of its column on the second sheet (never shown)."""

    KIND = "Loại thành viên"
    COMMUNE = "Xã, phường"
    SOURCE = "Vùng trồng, cơ sở"
    AREA = "Vùng trồng"
    SEASON = "Mùa vụ"
    LEVEL = "Cấp kiểm soát"
    ITEM = "Nội dung kiểm soát"
    OUTCOME = "Kết quả"


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    key: str
    heading: str
    hint: str
    example: str
    needed: bool = False
    cells: Cells = Cells.TEXT
    choice: Choice | None = None
    also: tuple[str, ...] = ()
    """Other headings by which the column is known, without diacritics."""
    width: int = 18


@dataclass(frozen=True)
class TableForm:
    """A table to fill in."""

    kind: TableKind
    name: str
    file_name: str
    columns: tuple[Column, ...]
    most_rows: int

    def column(self, key: str) -> Column:
        """The column of a key."""
        return next(column for column in self.columns if column.key == key)


MEMBERS = TableForm(
    TableKind.MEMBERS, "Thành viên", "mau-thanh-vien", most_rows=20_000,
    columns=(
        Column("code", "Mã thành viên", "Để trống thì hệ thống đặt mã. Không dấu, không khoảng trắng.", EXAMPLE_MARK, also=("ma so", "ma tv", "ma")),
        Column("name", "Họ tên hoặc tên hộ", "Họ tên người đại diện hộ, hoặc họ tên cá nhân.", "Nguyễn Văn Mẫu", needed=True, also=("ho ten", "ho va ten", "ten", "chu ho", "ten ho"), width=28),
        Column("kind", "Loại", "Hộ hoặc Cá nhân. Để trống là Hộ.", "Hộ", choice=Choice.KIND, also=("loai thanh vien",), width=12),
        Column("national_id", "Số CCCD", "12 chữ số, gõ dạng văn bản để giữ số 0 ở đầu.", "031000000000", also=("cccd", "can cuoc", "so can cuoc", "so dinh danh", "cccd chu ho"), width=16),
        Column("tax_code", "Mã số thuế", "10 chữ số, 10 chữ số kèm mã chi nhánh, hoặc 12 chữ số.", "", also=("mst",), width=16),
        Column("phone", "Điện thoại", "Bắt đầu bằng số 0, gõ dạng văn bản.", "0900000000", also=("so dien thoai", "dien thoai di dong", "sdt", "dt"), width=14),
        Column("address", "Địa chỉ", "Thôn, xóm, số nhà.", "Thôn Mẫu", also=("thon", "thon xom", "dia chi thuong tru"), width=28),
        Column("commune", "Xã, phường", "Tên hiện nay; tên huyện, xã cũ cũng được hiểu khi chỉ có một nơi.", "Thanh Hà", needed=True, choice=Choice.COMMUNE, also=("xa", "phuong", "xa phuong dac khu", "dia ban"), width=20),
        Column("declared_ha", "Diện tích khai (ha)", "Héc ta, dấu phẩy trước phần lẻ.", "0,35", cells=Cells.NUMBER, also=("dien tich", "dien tich ha", "dt ha"), width=18),
        Column("joined_on", "Ngày vào", "Ngày/tháng/năm. Để trống là ngày gửi tệp.", "01/01/2026", cells=Cells.DAY, also=("ngay tham gia", "ngay gia nhap"), width=14),
    ),
)  # fmt: skip

AREAS = TableForm(
    TableKind.AREAS, "Vùng trồng", "mau-vung-trong", most_rows=5_000,
    columns=(
        Column("area", "Tên vùng trồng", "Vùng đã có ranh giới trong sổ; bảng này không đổi ranh giới.", EXAMPLE_MARK, needed=True, choice=Choice.AREA, also=("vung trong", "ten vung"), width=28),
        Column("declared_ha", "Diện tích khai (ha)", "Để trống thì giữ như cũ.", "3,2", cells=Cells.NUMBER, also=("dien tich", "dien tich ha")),
        Column("crop", "Cây trồng", "Để trống thì giữ như cũ.", "Vải"),
        Column("variety", "Giống", "Để trống thì giữ như cũ.", "Vải thiều"),
        Column("trees", "Số cây", "Để trống thì giữ như cũ.", "450", cells=Cells.NUMBER),
        Column("planted_in", "Năm trồng", "Bốn chữ số. Để trống thì giữ như cũ.", "1998", cells=Cells.NUMBER, also=("nam bat dau trong",)),
        Column("code", "Mã số vùng trồng", "Chỉ người giữ mã số mới ghi được; kèm ba cột sau.", "", also=("ma so", "puc", "msvt")),
        Column("market", "Thị trường", "Nơi mã số có giá trị. Để trống là VN.", ""),
        Column("issued_on", "Ngày cấp mã", "Ngày/tháng/năm.", "", cells=Cells.DAY),
        Column("issuer", "Cơ quan cấp", "Cơ quan cấp mã số.", "", width=28),
        Column("document", "Văn bản cấp", "Số và ngày của văn bản.", "", width=28),
    ),
)  # fmt: skip

LOTS = TableForm(
    TableKind.LOTS, "Lô hàng", "mau-lo-hang", most_rows=1_000,
    columns=(
        Column("code", "Mã lô", "Mỗi lô một mã, không trùng trong đơn vị.", EXAMPLE_MARK, needed=True, also=("ma so lo", "lo")),
        Column("source", "Vùng trồng hoặc cơ sở", "Tên như trong sổ.", "", needed=True, choice=Choice.SOURCE, also=("vung trong", "co so", "nguon"), width=28),
        Column("season", "Mùa vụ", "Chọn trong danh mục.", "", needed=True, choice=Choice.SEASON, also=("vu", "vu san xuat"), width=32),
        Column("volume_kg", "Khối lượng (kg)", "Ki-lô-gam.", "1.250,5", needed=True, cells=Cells.NUMBER, also=("khoi luong", "kl kg", "san luong kg")),
        Column("harvested_on", "Ngày thu hoạch", "Ngày/tháng/năm.", "01/06/2026", needed=True, cells=Cells.DAY),
        Column("packed_on", "Ngày đóng gói", "Không trước ngày thu hoạch.", "02/06/2026", needed=True, cells=Cells.DAY),
        Column("expires_on", "Hạn dùng", "Không trước ngày đóng gói.", "12/06/2026", needed=True, cells=Cells.DAY, also=("han su dung", "hsd")),
    ),
)  # fmt: skip

VISITS = TableForm(
    TableKind.VISITS, "Kết quả kiểm tra", "mau-ket-qua-kiem-tra", most_rows=5_000,
    columns=(
        Column("source", "Vùng trồng hoặc cơ sở", "Tên như trong sổ. Mỗi dòng là một nội dung.", EXAMPLE_MARK, needed=True, choice=Choice.SOURCE, also=("vung trong", "co so"), width=28),
        Column("visited_on", "Ngày kiểm tra", "Ngày/tháng/năm.", "01/06/2026", needed=True, cells=Cells.DAY, also=("ngay",)),
        Column("level", "Cấp kiểm soát", "Chọn trong danh mục.", "", needed=True, choice=Choice.LEVEL, also=("cap",)),
        Column("item", "Mã nội dung", "Mã trong kế hoạch kiểm soát.", "", needed=True, choice=Choice.ITEM, also=("noi dung", "ma noi dung kiem soat")),
        Column("outcome", "Kết quả", "Đạt, Không đạt hoặc Không áp dụng.", "Đạt", needed=True, choice=Choice.OUTCOME, also=("ket luan",)),
        Column("note", "Ghi chú", "Điều nhìn thấy.", "", width=32),
        Column("action", "Hành động khắc phục", "Cần khi không đạt.", "", width=32, also=("khac phuc",)),
        Column("due_on", "Hạn khắc phục", "Cần khi không đạt.", "", cells=Cells.DAY, also=("han",)),
    ),
)  # fmt: skip

FORMS = {form.kind: form for form in (MEMBERS, AREAS, LOTS, VISITS)}
