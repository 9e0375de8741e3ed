"""How the desk of the sample data runs its office: written delegations, deeds done to many rows, wishes to reach a reporter, kept reports.

Numbers of decisions are invented and say so.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from babel.support import Translations
from sqlalchemy import select

from enforcement import authority, bulk, bulk_undo, informants, reports
from enforcement.models import (
    BulkKind,
    DelegationScope,
    InformantContact,
    InformantOpening,
    Signal,
    SignalSource,
    SignalState,
    What,
)
from enforcement.transitions import Duty
from trace.clock import CITY
from trace.models.tips import Tip
from trace.words import CATALOGUES

if TYPE_CHECKING:
    from datetime import datetime
    from enum import StrEnum
    from uuid import UUID

    from trace.demo.story import Story

S = DelegationScope
DELEGATIONS = (
    # from, to, scope, number, days from today of the first and the last day, revoked so many days ago and why
    ("branch_head", "team_head", S.PENALTIES, "MẪU-11/QĐ-GQXP", -200, -110, None),
    ("team_head", "officer-2", S.MEASURES, "MẪU-14/QĐ-GQ", -60, -20, (40, "Người được giao quyền đi học dài ngày.")),
    ("team_head", "officer-2", S.MEASURES, "MẪU-19/QĐ-GQ", -7, 23, None),
    ("branch_head", "team_head", S.PENALTIES, "MẪU-21/QĐ-GQXP", 10, 40, None),
)
REMARKS = "Số vụ tăng chủ yếu do tin báo về tem in lại trên nước mắm; hai vụ vượt thẩm quyền đã chuyển (dữ liệu mẫu)."
NOT_NEEDED = "Tin đã có đủ địa điểm và ảnh, chưa cần hỏi lại người báo."


def make(story: Story, assigned: list[UUID]) -> None:
    """Everything, as it happened in the last days. `assigned`: cases that a head gives to somebody else, all at once."""
    _delegations(story)
    _weighed(story, story.at - timedelta(hours=6))
    _assigned(story, assigned, story.at - timedelta(hours=5))
    _wishes(story, story.at - timedelta(hours=20))
    _reports(story)


def _delegations(story: Story) -> None:
    for giver, taker, scope, number, first, last, revoked in DELEGATIONS:
        entered = story.moment(max(1, 2 - first), 8)
        made = authority.delegate(
            story.session, from_id=story.people[giver].id, to_id=story.people[taker].id, scope=scope, decision_number=number,
            starts_on=story.day(-first), ends_on=story.day(-last), by=story.people["branch_head"].id, at=entered,
        )  # fmt: skip
        if revoked is not None:
            ago, why = revoked
            authority.revoke(
                story.session, made.id, why=why, by=story.people["branch_head"].id, at=story.moment(ago, 9)
            )


def _weighed(story: Story, at: datetime) -> None:
    """Several rows given another weight, and taken back."""
    rows = story.session.scalars(
        select(Signal.cluster_id)
        .where(Signal.state == SignalState.NEW, Signal.source == SignalSource.TIP, Signal.severity < 3, Signal.what != What.OTHER)
        .order_by(Signal.source_number)
        .limit(3)
    ).all()  # fmt: skip
    officer = story.people["officer"].id
    order = bulk.Order(
        BulkKind.WEIGH, {"severity": 3, "reason": "Cùng tuyến giao hàng với vụ đang làm, xem trước."}, officer, frozenset({Duty.OFFICER}), at,
        story.config.files_dir,
    )  # fmt: skip
    deed, _result = bulk.carry_out(story.session, order, rows)
    if deed is not None:
        bulk_undo.undo(
            story.session, deed.id, by=officer, duties=frozenset({Duty.OFFICER}), at=at + timedelta(minutes=3)
        )


def _assigned(story: Story, case_ids: list[UUID], at: datetime) -> None:
    order = bulk.Order(
        BulkKind.ASSIGN, {"officer": str(story.people["officer-2"].id), "reason": "Chia lại việc trong Đội."}, story.people["team_head"].id,
        frozenset({Duty.TEAM_HEAD}), at, story.config.files_dir,
    )  # fmt: skip
    bulk.carry_out(story.session, order, case_ids)


def _wishes(story: Story, at: datetime) -> None:
    """One wish that was agreed to and used, one refused; others wait since their reports came in."""
    session, key = story.session, story.config.derived("informant")
    asker, other = story.people["custodian"].id, story.people["branch_head"].id
    free = session.scalars(
        select(Tip)
        .join(InformantContact, InformantContact.tip_id == Tip.id)
        .where(Tip.received_at < at, Tip.id.not_in(select(InformantOpening.tip_id)))
        .order_by(Tip.number.desc())
        .limit(2)
    ).all()  # fmt: skip
    for tip, agree in zip(free, (True, False), strict=False):
        wish = informants.ask(
            session, tip.id, reason="Cần hỏi lại ngày giờ và người bán để lập phương án kiểm tra.", by=asker, at=at
        )
        informants.answer(
            session, wish.id, agree=agree, because="" if agree else NOT_NEEDED, by=other, at=at + timedelta(minutes=40)
        )  # fmt: skip
        if agree:
            informants.open_contact(session, wish.id, key=key, by=asker, at=at + timedelta(hours=1))


def _reports(story: Story) -> None:
    """Last month's report with remarks and a signature, and a draft of this month so far."""
    session, head = story.session, story.people["branch_head"].id
    words = Translations.load(CATALOGUES, ["vi"])

    def word(member: StrEnum) -> str:
        return str(words.gettext(f"{type(member).__name__}.{member.value}"))

    at = story.at - timedelta(hours=3)
    this_month = at.astimezone(CITY).date().replace(day=1)
    last_day = this_month - timedelta(days=1)
    month = reports.scope(session, last_day.replace(day=1), last_day, at=at)
    signed = reports.freeze(session, month, word=word, by=head, at=at)
    reports.remark(session, signed.id, REMARKS, by=head, at=at + timedelta(minutes=30))
    reports.sign(session, signed.id, by=head, duties={Duty.BRANCH_HEAD}, at=at + timedelta(minutes=50))
    so_far = reports.scope(session, this_month, story.today, at=at)
    reports.freeze(session, so_far, word=word, by=head, at=at + timedelta(hours=1))
