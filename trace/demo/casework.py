"""The violation files of the sample cases: who, what, which goods, what is held and under which seal, what runs, and what was carried out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import select

from enforcement import acts, cases, exhibits, fines, goods, measures, orders, police, terms
from enforcement.exhibits import ExhibitFacts
from enforcement.goods import GoodsFacts
from enforcement.measures import MeasureFacts
from enforcement.models import (
    CaseParty,
    CasePartyRole,
    Deadline,
    Handover,
    MeasureKind,
    ObligationKind,
    ObligationState,
    ValuationMethod,
)
from enforcement.transitions import Duty, Move
from trace.clock import CITY

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from trace.demo.cases import Case
    from trace.demo.story import Story

SAMPLE = "dữ liệu mẫu"
ALL = frozenset(Duty)


def found(story: Story, case: Case, case_id: UUID, *, number: int, by: UUID, at: datetime) -> None:
    """What an inspection comes upon: a person, goods, a sealed sample; and a seizure and an assessment where the facts say so."""
    session, report = story.session, case.reports[0]
    commune = story.communes[report.commune]
    told = acts.PartyFacts(
        CasePartyRole.SUSPECTED, is_organisation=case.is_organisation, name=f"{case.who} ({SAMPLE})",
        address=report.place or "Nơi kiểm tra mẫu", commune_code=commune,
    )  # fmt: skip
    suspect = acts.add_party(session, case_id, told, by=by, at=at)
    for place, name in enumerate(case.others, start=1):
        another = replace(told, is_organisation=False, name=f"{name} ({SAMPLE})")
        acts.add_party(session, case_id, another, by=by, at=at + timedelta(minutes=place))
    witness = acts.PartyFacts(
        CasePartyRole.WITNESS, is_organisation=False, name=f"Người chứng kiến mẫu ({SAMPLE})", commune_code=commune
    )
    acts.add_party(session, case_id, witness, by=by, at=at)
    name, quantity, unit, price = case.goods
    day = at.astimezone(CITY).date()
    line = goods.add(
        session, case_id,
        GoodsFacts(
            f"{name} ({SAMPLE})", Decimal(quantity), unit, price, ValuationMethod.LISTED_PRICE, day, valuation_note="Bảng giá tại nơi kiểm tra",
            origin=case.title,
        ),
        by=by, at=at,
    )  # fmt: skip
    thing = exhibits.add(
        session, case_id,
        ExhibitFacts(
            f"{name}: mẫu giữ để xác minh ({SAMPLE})", Decimal(6), unit, "Còn nguyên, tem còn trên hàng", "Kho tang vật mẫu của Đội",
            f"Thủ kho mẫu ({SAMPLE})", goods_id=line.id,
        ),
        seal_number=f"NP-MẪU-{number:03d}", document_number=f"MẪU-{number:02d}/MBB26", by=by, at=at,
    )  # fmt: skip
    if case.moves[-1] is Move.START_INSPECTION or case.assessed:
        acts.detect(session, case_id, detected_at=at, note="Tem trên hàng không khớp sổ cấp tem.", by=by, at=at)
    if case.seized:
        seizure = MeasureFacts(
            MeasureKind.SEIZURE, f"MẪU-{number:02d}/MQĐ20", f"Tạm giữ {name.lower()} và tem để xác minh", suspect.name, at, exhibit_ids=(thing.id,)
        )  # fmt: skip
        measures.begin(session, case_id, seizure, by=by, duties=ALL, at=at)
    if case.assessed:
        sent = at + timedelta(hours=4)
        asked = MeasureFacts(
            MeasureKind.ASSESSMENT, f"MẪU-{number:02d}/MQĐ41", "Dấu hiệu trên tem và hàng có trùng hoặc tương tự gây nhầm lẫn không",
            f"Tổ chức giám định mẫu ({SAMPLE})", sent, due_on=day + timedelta(days=20),
        )  # fmt: skip
        story.plan(sent, lambda then: measures.begin(session, case_id, asked, by=by, duties=ALL, at=then))


def act(story: Story, case: Case, case_id: UUID, *, by: UUID, at: datetime) -> None:
    """What the violation record is about, for each who is suspected."""
    report, day = case.reports[0], at.astimezone(CITY).date()
    offenders = story.session.scalars(
        select(CaseParty.id)
        .where(CaseParty.case_id == case_id, CaseParty.role == CasePartyRole.SUSPECTED)
        .order_by(CaseParty.added_at, CaseParty.id)
    ).all()
    for place, offender in enumerate(offenders or (None,)):
        told = acts.ActFacts(
            f"{report.text} ({SAMPLE})", case.qualification, day - timedelta(days=9), day - timedelta(days=2), report.place or "Nơi kiểm tra mẫu",
            making="in" in case.title.lower().split(), commune_code=story.communes[report.commune], offender_id=offender,
        )  # fmt: skip
        acts.add_act(story.session, case_id, told, by=by, at=at + timedelta(minutes=place))


def middle(story: Story, case_id: UUID, *, at: datetime) -> int:
    """The fine without mitigating or aggravating circumstances."""
    frame = fines.frame(story.session, cases.get(story.session, case_id), on=at.astimezone(CITY).date())
    return frame.middle or 0


def arrived(story: Story, case: Case, case_id: UUID, *, number: int, by: UUID, at: datetime) -> None:
    """The police confirm that the file and the things arrived."""
    away = story.session.scalars(
        select(Handover).where(Handover.case_id == case_id, Handover.received_on.is_(None))
    ).one()
    police.confirm(
        story.session, case_id, away.id, received_by=f"Cán bộ tiếp nhận mẫu, {case.recipient}", received_on=at.astimezone(CITY).date(),
        record_number=f"MẪU-{number:02d}/MBB28", by=by, at=at,
    )  # fmt: skip


def carry_out(story: Story, case_id: UUID, *, number: int, by: UUID, at: datetime) -> None:
    """Everything that was ordered is paid and done, what is held is confiscated, and no clock is left."""
    session, day = story.session, at.astimezone(CITY).date()
    case = cases.get(session, case_id)
    for thing in exhibits.still_held(session, case):
        facts = exhibits.DeedFacts(exhibits.D.CONFISCATED, at, document_number=f"MẪU-{number:02d}/MBB20")
        exhibits.do(session, case_id, thing.id, facts, by=by, at=at)
    for place, line in enumerate(orders.standing_open(session, case), start=1):
        paper = f"MẪU-{number:02d}/{place}"
        if line.kind is ObligationKind.FINE:
            orders.pay(
                session, case_id, line.id, amount=line.amount or 0, paid_on=day, document_number=f"BL-{paper}", by=by, at=at
            )  # fmt: skip
        else:
            orders.settle(
                session, case_id, line.id, state=ObligationState.DONE, settled_on=day, document_number=f"BB-{paper}", note=None, by=by,
                duties=ALL, at=at,
            )  # fmt: skip
    left = session.scalars(
        select(Deadline).where(
            Deadline.case_id == case_id, Deadline.met_at.is_(None), Deadline.stopped_at.is_(None), Deadline.kind.in_(terms.FULFILLABLE)
        )
    ).all()  # fmt: skip
    for clock in left:
        terms.fulfil(
            session, case_id, clock.id, done_on=day, document_number=f"TB-MẪU-{number:02d}", note=None, by=by, at=at
        )  # fmt: skip
