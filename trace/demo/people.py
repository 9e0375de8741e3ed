"""Who can sign in to the sample data, and the organisations they work for. All of them are invented and say so in their names."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from trace.models.parties import AppUser, Party, PartyKind, Role
from trace.services import accounts

if TYPE_CHECKING:
    from trace.demo.story import Story

FOUNDED = 900
"""How many days before the loading everything began."""


class Account(NamedTuple):
    """A person of the sample data as `./run` prints them. `totp_secret` goes into an authenticator app, if the role asks for one."""

    login: str
    password: str
    who: str
    totp_secret: str | None


@dataclass(frozen=True)
class _Person:
    login: str
    password: str
    name: str
    party: str
    role: Role
    who: str


K = PartyKind
PARTIES: dict[str, tuple[str, PartyKind, str | None]] = {
    "state": ("Nhà nước Cộng hòa xã hội chủ nghĩa Việt Nam (dữ liệu mẫu)", K.STATE, None),
    "city": ("Ủy ban nhân dân thành phố (dữ liệu mẫu)", K.AUTHORITY, None),
    "science": ("Sở Khoa học và Công nghệ (dữ liệu mẫu)", K.AUTHORITY, None),
    "agriculture": ("Sở Nông nghiệp và Môi trường (dữ liệu mẫu)", K.AUTHORITY, None),
    "commune": ("Ủy ban nhân dân xã Thanh Hà (dữ liệu mẫu)", K.AUTHORITY, "Thanh Hà"),
    "branch": ("Chi cục Quản lý thị trường (dữ liệu mẫu)", K.AUTHORITY, None),
    "team": ("Đội Quản lý thị trường mẫu số 1", K.AUTHORITY, None),
    "controls": ("Trung tâm kiểm soát mẫu Đồng Bằng", K.COMPANY, None),
    "certifiers": ("Trung tâm chứng nhận mẫu Duyên Hải", K.COMPANY, None),
    "vai-body": ("Hội sản xuất và tiêu thụ vải thiều mẫu Thanh Hà", K.ASSOCIATION, "Thanh Hà"),
    "mam-body": ("Chi cục Tiêu chuẩn Đo lường Chất lượng (dữ liệu mẫu)", K.AUTHORITY, None),
    "ong-body": ("Ban quản lý nhãn hiệu mẫu Cát Bà Xanh", K.AUTHORITY, "Cát Hải"),
    "trung-body": ("Hội chăn nuôi vịt mẫu Chấn Hưng", K.ASSOCIATION, "Chấn Hưng"),
    "hanh-body": ("Hội sản xuất hành, tỏi mẫu Kinh Môn", K.ASSOCIATION, "Kinh Môn"),
    "thanhha": ("Hợp tác xã vải thiều mẫu Thanh Hà", K.COOPERATIVE, "Thanh Hà"),
    "habac": ("Hợp tác xã nông sản mẫu Hà Bắc", K.COOPERATIVE, "Hà Bắc"),
    "hanam": ("Hợp tác xã vải thiều mẫu Hà Nam", K.COOPERATIVE, "Hà Nam"),
    "hadong": ("Hợp tác xã cây ăn quả mẫu Hà Đông", K.COOPERATIVE, "Hà Đông"),
    "packing": ("Cơ sở đóng gói mẫu Hà Tây", K.COMPANY, "Hà Tây"),
    "mam1": ("Công ty nước mắm mẫu Cát Hải", K.COMPANY, "Cát Hải"),
    "mam2": ("Hợp tác xã nước mắm mẫu Hoàng Châu", K.COOPERATIVE, "Cát Hải"),
    "ong1": ("Hợp tác xã nuôi ong mẫu Gia Luận", K.COOPERATIVE, "Cát Hải"),
    "ong2": ("Hộ nuôi ong mẫu Trân Châu", K.HOUSEHOLD, "Cát Hải"),
    "trung1": ("Hợp tác xã chăn nuôi mẫu Chấn Hưng", K.COOPERATIVE, "Chấn Hưng"),
    "trung2": ("Hộ chăn nuôi mẫu Quyết Thắng", K.HOUSEHOLD, "Quyết Thắng"),
    "hanh1": ("Hợp tác xã hành, tỏi mẫu Nam An Phụ", K.COOPERATIVE, "Nam An Phụ"),
    "hanh2": ("Hợp tác xã nông nghiệp mẫu Bắc An Phụ", K.COOPERATIVE, "Bắc An Phụ"),
    "hanh3": ("Hợp tác xã rau củ mẫu Phạm Sư Mạnh", K.COOPERATIVE, "Phạm Sư Mạnh"),
    "shop": ("Cửa hàng nông sản mẫu Bến Bính", K.COMPANY, None),
}

R = Role
ACCOUNTS: dict[str, _Person] = {
    "clerk": _Person("htx.thanhha", "vai chin do dau he", "Mẫu Thị Thanh Hương", "thanhha", R.CLERK,
                     "Nhân viên hợp tác xã Thanh Hà: đặt, in, bàn giao, kích hoạt tem"),
    "blocked-clerk": _Person("htx.hanam", "lua tre ven song huong", "Mẫu Văn Nam", "hanam", R.CLERK,
                             "Nhân viên hợp tác xã Hà Nam: giấy chứng nhận đang bị đình chỉ"),
    "packer": _Person("donggoi", "dong goi ba tram hop", "Mẫu Đức Tây", "packing", R.PACKER,
                      "Cơ sở đóng gói: nhận bàn giao và kích hoạt tem"),
    "trader": _Person("cuahang", "hang ve dau ngo sang som", "Mẫu Thị Chợ", "shop", R.TRADER,
                      "Cửa hàng: quét tem khi nhận hàng, không tính vào lượt của người mua"),
    "manager": _Person("quanly", "giu gin tieng thom lang nghe", "Mẫu Thị Quỳnh", "vai-body", R.MANAGER,
                       "Tổ chức quản lý chỉ dẫn địa lý: xem sổ tem, quyết định giấy chứng nhận"),
    "controller": _Person("kiemsoat", "di tham vuon som mai", "Mẫu Xuân Sơn", "controls", R.CONTROLLER,
                          "Người kiểm soát: ghi các lần kiểm soát"),
    "certifier": _Person("chungnhan", "can do dong dem du day", "Mẫu Thị Chung", "certifiers", R.CERTIFIER,
                         "Tổ chức chứng nhận độc lập: chứng nhận lô, xác nhận khắc phục"),
    "science": _Person("so.khcn", "sang kien tu dong ruong", "Mẫu Hoàng Khoa", "science", R.SCIENCE_DEPARTMENT,
                       "Sở Khoa học và Công nghệ: xem toàn bộ sổ đăng ký"),
    "agriculture": _Person("so.nnmt", "nuoc lon thuyen len bai", "Mẫu Thị Nông", "agriculture", R.AGRICULTURE_DEPARTMENT,
                           "Sở Nông nghiệp và Môi trường: xem vùng trồng"),
    "commune": _Person("xa.thanhha", "duong lang rop bong cay", "Mẫu Văn Xá", "commune", R.COMMUNE_OFFICER,
                       "Cán bộ xã: xem vùng trồng trên địa bàn"),
    "inspector": _Person("kiemtra", "mat tinh tai thinh chan ben", "Mẫu Quang Tra", "team", R.INSPECTOR,
                         "Kiểm soát viên hiện trường: quét tem, ghi quan sát"),
    "officer": _Person("canbo", "viec den dau lam den do", "Mẫu Thị Bảo Vệ", "team", R.OFFICER,
                       "Cán bộ xử lý vụ việc: phân loại tin, mở và làm vụ việc"),
    "team_head": _Person("doitruong", "noi it lam nhieu nhe", "Mẫu Quốc Dũng", "team", R.TEAM_HEAD,
                         "Đội trưởng: giao xác minh, quyết định kiểm tra, xử phạt"),
    "branch_head": _Person("chicuctruong", "can nhac roi moi ky ten", "Mẫu Minh Chí", "branch", R.BRANCH_HEAD,
                           "Chi cục trưởng: quyết định trong thẩm quyền cao hơn"),
    "custodian": _Person("giukin", "kin nhu bung trai dua", "Mẫu Thị Kín", "branch", R.CUSTODIAN,
                         "Người giữ bí mật người báo tin: mở liên hệ khi có lý do"),
    "auditor": _Person("kiemtoan", "so sach ro rang tung dong", "Mẫu Trọng Toán", "science", R.AUDITOR,
                       "Kiểm toán viên: đọc sổ và vụ việc, không sửa"),
    "administrator": _Person("quantri", "may chay deu ca ngay dem", "Mẫu Hữu Trị", "science", R.ADMINISTRATOR,
                             "Quản trị hệ thống: mở tài khoản, không xem nội dung vụ việc"),
}  # fmt: skip

# They act in the sample data and are not meant to be signed in as.
BACKGROUND: dict[str, tuple[str, str, Role]] = {
    "mam-manager": ("Mẫu Thị Hải", "mam-body", R.MANAGER),
    "ong-manager": ("Mẫu Văn Lâm", "ong-body", R.MANAGER),
    "trung-manager": ("Mẫu Thị Vinh", "trung-body", R.MANAGER),
    "hanh-manager": ("Mẫu Văn Kinh", "hanh-body", R.MANAGER),
    "clerk-habac": ("Mẫu Thị Bắc", "habac", R.CLERK),
    "clerk-hadong": ("Mẫu Văn Đông", "hadong", R.CLERK),
    "clerk-mam1": ("Mẫu Thị Mận", "mam1", R.CLERK),
    "clerk-mam2": ("Mẫu Văn Châu", "mam2", R.CLERK),
    "clerk-ong1": ("Mẫu Thị Luận", "ong1", R.CLERK),
    "clerk-ong2": ("Mẫu Văn Trân", "ong2", R.CLERK),
    "clerk-trung1": ("Mẫu Thị Hưng", "trung1", R.CLERK),
    "clerk-trung2": ("Mẫu Văn Thắng", "trung2", R.CLERK),
    "clerk-hanh1": ("Mẫu Thị Phụ", "hanh1", R.CLERK),
    "clerk-hanh2": ("Mẫu Văn An", "hanh2", R.CLERK),
    "clerk-hanh3": ("Mẫu Thị Mạnh", "hanh3", R.CLERK),
    "officer-2": ("Mẫu Đình Tuấn", "team", R.OFFICER),
}


def listed() -> list[Account]:
    """The accounts to sign in with, one for each role and one that is refused at the label gate."""
    return [
        Account(
            person.login,
            person.password,
            person.who,
            totp_secret(person.login) if person.role in accounts.SECOND_FACTOR else None,
        )
        for person in ACCOUNTS.values()
    ]


def totp_secret(login: str) -> str:
    """The published second factor of a sample account: the same everywhere, so that it can be kept in an app."""
    return base64.b32encode(hashlib.sha256(f"Tem Thật, dữ liệu mẫu: {login}".encode()).digest()[:20]).decode()


def make(story: Story) -> None:
    """The organisations, then the people with their roles and second factors."""
    session, at = story.session, story.moment(FOUNDED)
    for key, (name, kind, commune) in PARTIES.items():
        code = story.communes[commune] if commune else None
        story.parties[key] = Party(name=name, kind=kind, commune_code=code, is_sample=True)
    session.add_all(story.parties.values())
    session.flush()
    seal = story.config.derived("second-factor")
    for key, person in ACCOUNTS.items():
        made = accounts.add(
            session, login=person.login, full_name=person.name, password=person.password, at=at, by=None, is_sample=True
        )
        if person.role in accounts.SECOND_FACTOR:
            accounts.set_second_factor(session, made, totp_secret(person.login), key=seal, at=at, by=None)
        story.people[key] = made
        _employ(story, key, person.party, person.role)
    # Nobody knows the password that this is the hash of.
    locked = accounts.add(
        session, login="mau.khoa", full_name="Mẫu Khóa", password=secrets.token_hex(24), at=at, by=None, is_sample=True
    )
    locked.closed_at = at
    for key, (name, party, role) in BACKGROUND.items():
        made = AppUser(
            login=f"mau.{key}", full_name=name, password_hash=locked.password_hash, created_at=at, is_sample=True
        )
        session.add(made)
        session.flush()
        story.people[key] = made
        _employ(story, key, party, role)


def clerk_of(story: Story, party: str) -> AppUser:
    """Who acts for a holder."""
    named = {"thanhha": "clerk", "hanam": "blocked-clerk", "packing": "packer"}
    return story.people[named.get(party, f"clerk-{party}")]


def _employ(story: Story, person: str, party: str, role: Role) -> None:
    accounts.grant(
        story.session, user_id=story.people[person].id, party_id=story.parties[party].id, role=role, start=story.day(FOUNDED), end=None,
        at=story.moment(FOUNDED), by=None,
    )  # fmt: skip
