"""A small city for tests. Plain functions: each makes one thing with sensible facts, any of which may be overridden."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from argon2 import PasswordHasher
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range

from labels import keys
from trace.models import printing
from trace.models.areas import AreaCodeStatus, GrowingArea, GrowingAreaCode
from trace.models.certificates import CertificateSource, CertificateStatus, UseCertificate
from trace.models.control_plans import ControlItem, ControlPlan, EvidenceKind, Frequency
from trace.models.controls import ControlLevel, ControlVisit, Nonconformity, Outcome, Severity
from trace.models.labels import LabelKey, LabelOrder, LabelSeries
from trace.models.lots import EligibleBalance, Lot, LotState
from trace.models.parties import AppUser, Commune, CommuneKind, Party, PartyKind, Role, RoleGrant
from trace.models.scans import CopyRule
from trace.models.titles import (
    ComparisonPoint,
    Product,
    ProtectionTitle,
    Season,
    SourceKind,
    TitleKind,
    TitleRole,
    TitleRoleKind,
    UseRegulation,
)  # fmt: skip
from trace.services import accounts, visit_endings, visits
from trace.services.reach import Reach

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

PASSWORD = "con trâu đi trước cái cày"
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SECRET = bytes(range(100, 132))
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_HASH = HASHER.hash(PASSWORD)


@dataclass
class World:
    """What the tests' city holds."""

    title: ProtectionTitle
    product: Product
    season: Season
    managing_body: Party
    cooperative: Party
    other_cooperative: Party
    packing_house: Party
    authority: Party
    area: GrowingArea
    other_area: GrowingArea
    certificate: UseCertificate
    other_certificate: UseCertificate
    balance: EligibleBalance
    other_balance: EligibleBalance
    lot: Lot
    other_lot: Lot
    commune: Commune
    plan: ControlPlan
    people: dict[str, AppUser]

    def __getattr__(self, name: str) -> Any:
        people = self.__dict__.get("people", {})
        if name in people:
            return people[name]
        raise AttributeError(name)


def square(lon: float, lat: float, side: float = 0.01) -> Any:
    """A square multipolygon with its south-west corner at a point, in degrees."""
    return func.ST_Multi(func.ST_MakeEnvelope(lon, lat, lon + side, lat + side, 4326))


def commune(session: Session, code: str = "10813", name: str = "Thanh Hà", **facts: Any) -> Commune:
    found = session.get(Commune, code)
    if found:
        return found
    made = Commune(
        code=code, name=name, kind=facts.pop("kind", CommuneKind.RURAL), valid_during=Range(date(2025, 7, 1), None),
        boundary=facts.pop("boundary", square(106.40, 20.88, 0.1)),
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def party(session: Session, name: str, kind: PartyKind = PartyKind.COOPERATIVE, **facts: Any) -> Party:
    made = Party(name=name, kind=kind, is_sample=True, **facts)
    session.add(made)
    session.flush()
    return made


def user(session: Session, login: str, full_name: str, at: datetime, *, key: bytes | None = None) -> AppUser:
    made = AppUser(login=login, full_name=full_name, password_hash=_HASH, created_at=at, is_sample=True)
    session.add(made)
    session.flush()
    if key is not None:
        accounts.set_second_factor(session, made, TOTP_SECRET, key=key, at=at, by=None)
    return made


def role(session: Session, person: AppUser, organisation: Party, what: Role, at: datetime, **facts: Any) -> RoleGrant:
    made = RoleGrant(
        user_id=person.id, party_id=organisation.id, role=what, granted_at=at,
        valid_during=facts.pop("valid_during", Range(at.date() - timedelta(days=500), None)),
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def area(
    session: Session, title: ProtectionTitle, holder: Party, name: str = "Vùng vải số 1", **facts: Any
) -> GrowingArea:
    made = GrowingArea(
        title_id=title.id, holder_id=holder.id, name=name, commune_code=facts.pop("commune_code", "10813"),
        boundary=facts.pop("boundary", square(106.42, 20.90, 0.003)), declared_ha=facts.pop("declared_ha", 10), is_sample=True,
    )  # fmt: skip
    session.add(made)
    session.flush()
    code = facts.pop("code", f"MẪU-{made.id.hex[:6].upper()}")
    if code:
        session.add(
            GrowingAreaCode(
                area_id=made.id, code=code, scheme="mẫu", market="VN",
                status=facts.pop("code_status", AreaCodeStatus.ACTIVE), valid_during=Range(date(2025, 1, 1), None),
            )
        )  # fmt: skip
        session.flush()
    return made


def certificate(
    session: Session, title: ProtectionTitle, holder: Party, source: GrowingArea, number: str, at: datetime
) -> UseCertificate:
    made = UseCertificate(
        title_id=title.id, holder_id=holder.id, number=number, status=CertificateStatus.ACTIVE, is_sample=True,
        valid_during=Range(at.date() - timedelta(days=500), at.date() + timedelta(days=700)), status_since=at - timedelta(days=300),
    )  # fmt: skip
    session.add(made)
    session.flush()
    session.add(CertificateSource(certificate_id=made.id, area_id=source.id))
    session.flush()
    return made


def lot(
    session: Session,
    cert: UseCertificate,
    product: Product,
    season: Season,
    source: GrowingArea,
    at: datetime,
    **facts: Any,
) -> Lot:
    today = at.date()
    state = facts.pop("state", LotState.CERTIFIED)
    made = Lot(
        code=facts.pop("code", f"L{today:%y%m%d}-01"), holder_id=cert.holder_id, certificate_id=cert.id, product_id=product.id,
        season_id=season.id, area_id=source.id, volume_g=facts.pop("volume_g", 600_000),
        harvested_on=facts.pop("harvested_on", today - timedelta(days=2)), packed_on=facts.pop("packed_on", today - timedelta(days=1)),
        expires_on=facts.pop("expires_on", today + timedelta(days=20)), state=state, recorded_at=at, is_sample=True,
        certified_at=at if state is not LotState.DRAFT else None, **facts,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def nonconformity(session: Session, title: ProtectionTitle, holder: Party, at: datetime, **facts: Any) -> Nonconformity:
    made = Nonconformity(
        title_id=title.id, holder_id=holder.id, severity=facts.pop("severity", Severity.CRITICAL), blocking=facts.pop("blocking", True),
        description=facts.pop("description", "Nhật ký canh tác thiếu tuần 23"), found_on=at.date(), due_on=at.date() + timedelta(days=14),
        recorded_at=at, **facts,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


ITEMS = (
    # code, wording, severity of a failure, evidence asked for, levels
    ("KS-01", "Ranh giới đúng hồ sơ", Severity.MINOR, EvidenceKind.NONE, ("self", "internal", "external")),
    ("KS-02", "Nhật ký canh tác ghi đủ", Severity.MAJOR, EvidenceKind.NOTE, ("self", "internal", "external")),
    ("KS-03", "Chỉ dùng thuốc trong danh mục", Severity.CRITICAL, EvidenceKind.NONE, ("internal", "external")),
    ("KS-04", "Tem cất trong tủ khóa", Severity.MINOR, EvidenceKind.NONE, ("internal", "external")),
)


def plan(session: Session, title: ProtectionTitle, at: datetime, **facts: Any) -> ControlPlan:
    """A control plan in force with four items."""
    made = ControlPlan(
        title_id=title.id, version=facts.pop("version", 1), summary="Kế hoạch mẫu", drawn_at=at,
        valid_during=facts.pop("valid_during", Range(date(2024, 1, 1), None)),
        items=[
            ControlItem(
                position=place * 10, code=code, wording=wording, method="Xem tại chỗ", frequency=Frequency.HALF_YEARLY, severity=severity,
                evidence=evidence, levels=list(levels),
            )
            for place, (code, wording, severity, evidence, levels) in enumerate(ITEMS, 1)
        ],
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def visited(
    session: Session, by: AppUser, at: datetime, *, fails: dict[str, str] | None = None, level: ControlLevel = ControlLevel.INTERNAL,
    visited_on: date | None = None, due_on: date | None = None, **where: Any,
) -> ControlVisit:  # fmt: skip
    """A finished visit whose signature was refused; `fails` maps codes of items to what was seen."""
    day = visited_on or at.date()
    everything = Reach(everything=True)
    visit = visits.start(session, level=level, visited_on=day, by=by.id, at=at, reach=everything, **where)
    answers = [
        visits.Answer(
            item_id=item.id, sequence=1, outcome=Outcome.FAILS if item.code in (fails or {}) else Outcome.CONFORMS, answered_at=at,
            note=(fails or {}).get(item.code, "Đã xem"), action="Khắc phục ngay" if item.code in (fails or {}) else "",
            due_on=(due_on or day + timedelta(days=14)) if item.code in (fails or {}) else None,
        )
        for item in visits.sheet(session, visit.id, reach=everything).items
    ]  # fmt: skip
    visits.answer(session, visit.id, answers, by=by.id, at=at, reach=everything)
    how = visit_endings.Own() if level is ControlLevel.SELF else visit_endings.Declined("Vắng người ký")
    return visit_endings.finish(session, visit.id, how, key=b"k" * 32, by=by.id, at=at, reach=everything)


def key(session: Session, master: bytes, at: datetime) -> LabelKey:
    """The first label key, with a secret that tests know."""
    made = LabelKey(id=1, first_serial=1, wrapped_secret=keys.wrap(SECRET, master, key_id=1), created_at=at)
    session.add_all([made, LabelSeries(id=1, next_serial=1)])
    session.flush()
    return made


def tested(session: Session, order: LabelOrder, at: datetime, **facts: Any) -> Any:
    """A test label of an order that came out of the printer and was scanned."""
    made = printing.TestPrint(
        order_id=order.id, printer=facts.pop("printer", "Máy mẫu 1"), layout=facts.pop("layout", order.layout), made_at=at,
        made_by=order.placed_by, scanned_at=facts.pop("scanned_at", at),
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


PEOPLE = {
    # name in the world: (login, full name, which organisation, role, second factor)
    "clerk": ("thu.kho", "Người mẫu Thu", "cooperative", Role.CLERK),
    "other_clerk": ("thu.kho.2", "Người mẫu Thư", "other_cooperative", Role.CLERK),
    "packer": ("dong.goi", "Người mẫu Đông", "packing_house", Role.PACKER),
    "manager": ("quan.ly", "Người mẫu Quân", "managing_body", Role.MANAGER),
    "controller": ("kiem.soat", "Người mẫu Kiểm", "managing_body", Role.CONTROLLER),
    "certifier": ("chung.nhan", "Người mẫu Chung", "managing_body", Role.CERTIFIER),
    "inspector": ("kiem.tra", "Người mẫu Tra", "authority", Role.INSPECTOR),
    "officer": ("can.bo", "Người mẫu Bộ", "authority", Role.OFFICER),
    "team_head": ("doi.truong", "Người mẫu Đội", "authority", Role.TEAM_HEAD),
    "branch_head": ("chi.cuc", "Người mẫu Chi", "authority", Role.BRANCH_HEAD),
    "custodian": ("giu.kin", "Người mẫu Kín", "authority", Role.CUSTODIAN),
    "auditor": ("kiem.toan", "Người mẫu Toán", "authority", Role.AUDITOR),
    "administrator": ("quan.tri", "Người mẫu Trị", "authority", Role.ADMINISTRATOR),
}


def make_world(session: Session, *, master: bytes, at: datetime) -> World:
    """The whole small city; everybody in it signs in with `PASSWORD`, and with `TOTP_SECRET` where the role asks for it."""
    from trace.config import Config

    totp = Config(database_url="", var_dir=None, master_key=master).derived("second-factor")  # type: ignore[arg-type]
    today = at.date()
    place = commune(session)
    title = ProtectionTitle(
        kind=TitleKind.GI, name="Vải mẫu Thanh Hà", area_in_words="Các xã mẫu", area=square(106.40, 20.88, 0.1),
        granted_on=date(2010, 1, 1), is_sample=True,
    )  # fmt: skip
    session.add(title)
    session.flush()
    managing_body = party(session, "Hội sản xuất vải mẫu", PartyKind.ASSOCIATION)
    cooperative = party(session, "Hợp tác xã vải mẫu Thanh Sơn", tax_code="0800000011", commune_code=place.code)
    other_cooperative = party(session, "Hợp tác xã vải mẫu Thanh Khê")
    packing_house = party(session, "Cơ sở đóng gói mẫu Hà Bắc", PartyKind.COMPANY)
    authority = party(session, "Đội Quản lý thị trường mẫu", PartyKind.AUTHORITY)
    session.add(
        TitleRole(
            title_id=title.id, party_id=managing_body.id, role=TitleRoleKind.MANAGING_BODY,
            valid_during=Range(date(2020, 1, 1), None), deciding_document="Quyết định mẫu 01",
        )
    )  # fmt: skip
    session.add(
        UseRegulation(
            title_id=title.id, version=1, summary="Quy chế mẫu", valid_during=Range(date(2020, 1, 1), None),
            requires_area_code=True, pack_weights_g=[500, 1000, 2000, 5000],
        )
    )  # fmt: skip
    product = Product(
        title_id=title.id,
        name="Vải thiều mẫu",
        name_en="Sample lychee",
        description="Quả vải tươi",
        source_kind=SourceKind.AREA,
    )
    session.add(product)
    session.flush()
    for position, (vi, en, hard) in enumerate(
        [
            ("Tem còn nguyên, không có vết bóc dán lại", "The label is whole, without traces of peeling", False),
            ("Đúng vải thiều mẫu, túi 2 kg", "Lychee in a 2 kg bag", False),
            ("Niêm phong nổi ở miệng túi", "Raised seal on the bag's mouth", True),
        ],
        start=1,
    ):
        session.add(
            ComparisonPoint(product_id=product.id, position=position, text_vi=vi, text_en=en, hard_to_copy=hard)
        )
    season = Season(
        product_id=product.id,
        name="Vụ mẫu 2026",
        runs_during=Range(today - timedelta(days=45), today + timedelta(days=60)),
        yield_cap_kg_per_ha=8000,
    )
    session.add(season)
    session.flush()
    own, others = (
        area(session, title, cooperative),
        area(session, title, other_cooperative, "Vùng vải số 2", boundary=square(106.45, 20.92, 0.003)),
    )
    cert = certificate(session, title, cooperative, own, "MẪU-0001", at)
    other_cert = certificate(session, title, other_cooperative, others, "MẪU-0002", at)
    balance = EligibleBalance(holder_id=cooperative.id, season_id=season.id, eligible_g=1_000_000)
    other_balance = EligibleBalance(holder_id=other_cooperative.id, season_id=season.id, eligible_g=500_000)
    session.add_all(
        [
            balance,
            other_balance,
            CopyRule(version=1, valid_from=at - timedelta(days=900), devices=10, days=7, provinces=3, after_opening=3),
        ]
    )
    session.flush()
    key(session, master, at)
    organisations = {
        "cooperative": cooperative, "other_cooperative": other_cooperative, "packing_house": packing_house,
        "managing_body": managing_body, "authority": authority,
    }  # fmt: skip
    people = {}
    for name, (login, full_name, organisation, what) in PEOPLE.items():
        people[name] = user(session, login, full_name, at, key=totp if what in accounts.SECOND_FACTOR else None)
        role(session, people[name], organisations[organisation], what, at)
    made = World(
        title=title, product=product, season=season, managing_body=managing_body, cooperative=cooperative,
        other_cooperative=other_cooperative, packing_house=packing_house, authority=authority, area=own, other_area=others,
        certificate=cert, other_certificate=other_cert, balance=balance, other_balance=other_balance,
        lot=lot(session, cert, product, season, own, at), other_lot=lot(session, other_cert, product, season, others, at),
        commune=place, plan=plan(session, title, at), people=people,
    )  # fmt: skip
    session.commit()
    return made


def count(session: Session, model: type[Any], *conditions: Any) -> int:
    """How many rows there are."""
    return session.scalar(select(func.count()).select_from(model).where(*conditions)) or 0


def some_id() -> UUID:
    """An id that stands for nothing."""
    return UUID("00000000-0000-4000-8000-000000000000")
