"""Applications of the sample data, played through their own services: one in every state, one overdue, and reminders to renew."""

from __future__ import annotations

import io
import random
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import Range

from trace.demo import photos, shapes
from trace.demo.people import FOUNDED
from trace.models.applications import Application, ApplicationEvidence, CriterionResult
from trace.models.areas import AreaCodeStatus, GrowingArea, GrowingAreaCode
from trace.models.parties import AppUser, Party, PartyKind, Role
from trace.services import (
    accounts,
    application_moves,
    application_sections,
    applications,
    files,
    reminders,
    workdays,
)
from trace.services.application_moves import Criterion
from trace.services.application_needs import Section
from trace.services.reach import Reach

if TYPE_CHECKING:
    from datetime import datetime

    from trace.demo.story import Story

TITLE, PRODUCT = "vai", "vai-tuoi"
ALL = Reach(everything=True)


@dataclass(frozen=True)
class Applicant:
    """Who applies, for what land, how many days ago each step was taken, and how it ended."""

    name: str
    kind: PartyKind
    commune: str
    clerk: str
    area: str
    hectares: float
    submitted: int | None
    supplement: int | None = None
    received: int | None = None
    evaluated: int | None = None
    not_met: str = ""
    granted: int | None = None
    refused: int | None = None


K = PartyKind
APPLICANTS = (
    Applicant("Tổ hợp tác vải mẫu Tân Việt", K.COOPERATIVE, "Hà Tây", "Mẫu Thị Việt", "Vườn vải mẫu Tân Việt", 3.4,
              submitted=160, received=158, evaluated=145, granted=138),
    Applicant("Hợp tác xã vải mẫu Cẩm Chế", K.COOPERATIVE, "Hà Bắc", "Mẫu Văn Chế", "Vườn vải mẫu Cẩm Chế", 4.6,
              submitted=30, received=28, evaluated=6),
    Applicant("Tổ hợp tác vải mẫu Thanh Xá", K.COOPERATIVE, "Thanh Hà", "Mẫu Thị Xá", "Vườn vải mẫu Thanh Xá", 2.1, submitted=9),
    Applicant("Hộ trồng vải mẫu Thanh Thủy", K.HOUSEHOLD, "Thanh Hà", "Mẫu Văn Thủy", "Vườn vải mẫu Thanh Thủy", 0.8,
              submitted=15, received=13),
    Applicant("Hộ trồng vải mẫu Vĩnh Lập", K.HOUSEHOLD, "Hà Đông", "Mẫu Thị Lập", "Vườn vải mẫu Vĩnh Lập", 0.6,
              submitted=12, supplement=11),
    Applicant("Công ty nông sản mẫu Thanh Bính", K.COMPANY, "Thanh Hà", "Mẫu Văn Bính", "Vườn vải mẫu Thanh Bính", 1.9,
              submitted=70, received=68, evaluated=55, refused=50,
              not_met="Nhật ký chỉ có từ tháng 6; hai đợt phun thuốc không ghi thời gian cách ly (dữ liệu mẫu)."),
    Applicant("Hộ trồng vải mẫu Liên Mạc", K.HOUSEHOLD, "Hà Nam", "Mẫu Thị Mạc", "Vườn vải mẫu Liên Mạc", 0.5, submitted=None),
)  # fmt: skip


def plan(story: Story) -> None:
    """Plan every step; the people and land are there from the beginning."""
    workdays.seed(story.session)
    for place, facts in enumerate(APPLICANTS):
        _plan_one(story, place, facts)
    # Not later than everything else: what falls due today is on the home pages.
    story.plan(story.moment(0, 0, 5), lambda at: reminders.daily(story.session, at))


def _plan_one(story: Story, place: int, facts: Applicant) -> None:
    party, clerk, area = _settle(story, place, facts)
    own = Reach(holders=frozenset({party.id}))
    made: list[Application] = []
    begun = (facts.submitted or 3) + 2

    def write(at: datetime) -> None:
        made.append(
            applications.start(
                story.session,
                title_id=story.titles[TITLE].id,
                applicant_id=party.id,
                by=clerk.id,
                at=at,
                is_sample=True,
            )
        )
        _fill(story, made[0], facts, area, {"by": clerk.id, "at": at, "reach": own})

    def deed(ago: int | None, hour: int, do: Any) -> None:
        if ago is not None:
            story.plan(story.moment(ago, hour), do)

    def who(person: AppUser, at: datetime, reach: Reach = ALL) -> dict[str, Any]:
        return {"by": person.id, "at": at, "reach": reach}

    session, manager, controller = story.session, story.people["manager"], story.people["controller"]
    deed(begun, 9, write)
    deed(facts.submitted, 10, lambda at: application_moves.submit(session, made[0].id, **who(clerk, at, own)))
    deed(
        facts.supplement, 15,
        lambda at: application_moves.ask_supplement(
            session, made[0].id, text="Thiếu hợp đồng thuê đất của thửa phía đông.\nẢnh giấy tờ của chủ hộ bị mờ, đề nghị chụp lại.",
            **who(manager, at),
        ),
    )  # fmt: skip
    deed(facts.received, 14, lambda at: application_moves.receive(session, made[0].id, **who(manager, at)))
    deed(facts.evaluated, 11, lambda at: _evaluate(story, made[0], facts, who(controller, at), at))
    deed(
        facts.granted, 16,
        lambda at: application_moves.grant(
            session, made[0].id, document_number=f"{200 + place}/QĐ-MẪU", **who(manager, at)
        ),
    )  # fmt: skip
    deed(
        facts.refused, 16,
        lambda at: application_moves.refuse(
            session, made[0].id, document_number=f"{200 + place}/TB-MẪU",
            reasons="Nhật ký sản xuất chưa đủ một vụ theo quy chế sử dụng (mẫu).\nThời gian cách ly thuốc bảo vệ thực vật không được ghi.",
            **who(manager, at),
        ),
    )  # fmt: skip


def _settle(story: Story, place: int, facts: Applicant) -> tuple[Party, AppUser, GrowingArea]:
    """The applicant, its clerk and its land."""
    session, dice = story.session, random.Random(f"applications {story.seed} {place}")  # noqa: S311  sample data
    code, began = story.communes[facts.commune], story.day(FOUNDED)
    party = Party(
        name=facts.name, kind=facts.kind, commune_code=code, address=f"Thôn mẫu số {place + 1}", is_sample=True
    )
    clerk = AppUser(
        login=f"mau.don-{place + 1}", full_name=facts.clerk, password_hash=story.people["clerk-habac"].password_hash,
        created_at=story.moment(FOUNDED), is_sample=True,
    )  # fmt: skip
    session.add_all([party, clerk])
    session.flush()
    accounts.grant(
        session, user_id=clerk.id, party_id=party.id, role=Role.CLERK, start=began, end=None, at=story.moment(FOUNDED), by=None
    )  # fmt: skip
    boundary = shapes.field_in(session, dice, code, facts.hectares)
    area = GrowingArea(
        title_id=story.titles[TITLE].id, holder_id=party.id, name=facts.area, commune_code=code,
        boundary=func.ST_GeomFromText(boundary, 4326), declared_ha=Decimal(str(facts.hectares)), is_sample=True,
    )  # fmt: skip
    session.add(area)
    session.flush()
    session.add(
        GrowingAreaCode(
            area_id=area.id, code=f"MẪU-HD-{101 + place:04d}", scheme="mẫu", market="VN", status=AreaCodeStatus.ACTIVE,
            valid_during=Range(began, None),
        )
    )  # fmt: skip
    session.flush()
    return party, clerk, area


def _fill(story: Story, made: Application, facts: Applicant, area: GrowingArea, deed: dict[str, Any]) -> None:
    session, at, by = story.session, deed["at"], deed["by"]
    product = story.products[PRODUCT]
    application_sections.save(
        session, made.id, Section.APPLICANT,
        {"representative": facts.clerk, "id_number": f"0312000{10_000 + len(facts.name):05d}", "phone": "0900000000"},
        revision=made.revision, **deed,
    )  # fmt: skip
    application_sections.save(
        session, made.id, Section.PRODUCT,
        {"product_id": product.id, "sign_use": "Trên túi lưới 2 kg và thùng 5 kg, chữ cao 12 mm (dữ liệu mẫu)"},
        revision=made.revision, **deed,
    )  # fmt: skip
    if facts.submitted is None:
        return  # left here: the page says how far it is
    application_sections.save_sources(
        session, made.id, area_ids=[area.id], site_ids=list[UUID](), yearly_kg=round(facts.hectares * 6_000),
        process="Trồng vải thiều, chăm sóc theo quy trình mẫu, thu hái khi chín đều, đóng túi trong ngày tại vườn.",
        revision=made.revision, **deed,
    )  # fmt: skip
    for kind, caption in (
        (ApplicationEvidence.IDENTITY, "Giấy tờ mẫu của người nộp đơn"), (ApplicationEvidence.PRODUCTION, f"Ảnh mẫu: {facts.area}"),
    ):  # fmt: skip
        picture = io.BytesIO(photos.draw(random.Random(f"{facts.name} {kind}"), caption))  # noqa: S311  a drawing
        stored = files.receive(session, story.config.files_dir, picture, name=f"{kind.value}-mau.jpg", at=at, by=by)
        application_sections.add_file(session, made.id, stored, kind, **deed)
    application_sections.commit(session, made.id, name=facts.clerk, agreed=True, revision=made.revision, **deed)


def _evaluate(story: Story, made: Application, facts: Applicant, deed: dict[str, Any], at: datetime) -> None:
    results = [Criterion(text, CriterionResult.MET) for text in application_moves.CRITERIA]
    if facts.not_met:
        results[2] = Criterion(application_moves.CRITERIA[2], CriterionResult.NOT_MET, facts.not_met)
    application_moves.evaluate(
        story.session, made.id, evaluated_on=at.astimezone(story.moment(0).tzinfo).date(), results=results,
        minutes=f"Thẩm định tại {facts.area} cùng {facts.clerk} (dữ liệu mẫu). Đã đi hết ranh giới, xem nhật ký, nơi đóng gói và tủ giữ tem.",
        **deed,
    )  # fmt: skip
