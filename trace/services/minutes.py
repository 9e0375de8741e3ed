"""Minutes of label work as PDF/A in the form of Decree 30/2020: hand-overs that both sides confirmed, and labels to be destroyed.

Their text is a record of the register and stays Vietnamese whoever prints it. The same facts give the same bytes. The look stands in
`trace/templates/documents`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select, true
from sqlalchemy.orm import joinedload

from labels.code import show_serial
from trace.clock import CITY
from trace.errors import Conflict, NotFound
from trace.models.labels import HandoverState, LabelHandover, LabelMove, LabelMovement, LabelOrder
from trace.models.lots import Lot
from trace.models.parties import AppUser
from trace.services import keeping, ordering, papers
from trace.services.ranges import bounds, size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.dialects.postgresql import Range
    from sqlalchemy.orm import Session

    from trace.models.parties import Party
    from trace.services.reach import Reach

STATES = {LabelMove.SPOIL: "Hỏng", LabelMove.VOID: "Hủy"}


class NotConfirmed(Conflict):
    """This hand-over was not confirmed by both sides, so there are no minutes of it.

    The receiving side has to take the labels first.
    """


class NothingDestroyed(Conflict):
    """No label of this order is spoiled or void, so there is nothing to destroy."""


def of_handover(session: Session, handover_id: UUID, *, reach: Reach) -> tuple[str, bytes]:
    """File name and PDF of the minutes of a hand-over, for either side and for whoever may see the order."""
    own = reach.holders
    found = session.scalars(
        select(LabelHandover)
        .join(LabelHandover.order)
        .join(LabelOrder.certificate)
        .where(
            LabelHandover.id == handover_id,
            or_(ordering.within(reach), LabelHandover.giver_id.in_(own), LabelHandover.taker_id.in_(own)),
        )
        .options(
            joinedload(LabelHandover.giver), joinedload(LabelHandover.taker),
            joinedload(LabelHandover.order).joinedload(LabelOrder.lot).joinedload(Lot.product),
        )
    ).one_or_none()  # fmt: skip
    if found is None:
        raise NotFound
    if found.state is not HandoverState.TAKEN or found.answered_at is None or found.answered_by is None:
        raise NotConfirmed
    order = found.order
    earlier = session.scalar(
        select(func.count())
        .select_from(LabelHandover)
        .where(
            LabelHandover.order_id == order.id,
            LabelHandover.state == HandoverState.TAKEN,
            LabelHandover.answered_at < found.answered_at,
        )
    )
    giver, taker = session.get_one(AppUser, found.offered_by), session.get_one(AppUser, found.answered_by)
    first, last = _ends(found.serials)
    data = _frame(order, found.giver, at=found.answered_at) | {
        "number": f"{order.number}/BBBG-{(earlier or 0) + 1}",
        "title": "Bàn giao tem truy xuất nguồn gốc",
        "opening": f"Hôm nay, {_day_in_words(found.answered_at)}, hai bên gồm:",
        "parties": [
            _party("Bên giao", found.giver, giver.full_name), _party("Bên nhận", found.taker, taker.full_name),
        ],
        "lead_in": f"cùng xác nhận việc bàn giao tem của đơn {order.number} ({order.lot.product.name}, lô {order.lot.code}, quy cách gói {_weight(order.pack_weight_g)}) như sau:",
        "columns": ["STT", "Từ số", "Đến số", "Số lượng (tem)"], "widths": [1, 3, 3, 3], "numeric": [0, 1, 2, 3], "total_at": 3,
        "rows": [["1", first, last, papers.number(size(found.serials))]], "total": papers.number(size(found.serials)),
        "closing": [
            *([f"Ghi chú: {found.note}"] if found.note else []),
            f"Bên giao xác nhận trên hệ thống lúc {papers.moment(found.offered_at)}; bên nhận xác nhận lúc {papers.moment(found.answered_at)}. "
            "Kể từ lúc bên nhận xác nhận, bên nhận giữ và chịu trách nhiệm về số tem nêu trên.",
            "Biên bản được lập thành 02 bản có nội dung như nhau, mỗi bên giữ 01 bản.",
        ],
        "signatures": [
            {"title": "Đại diện bên giao", "name": giver.full_name}, {"title": "Đại diện bên nhận", "name": taker.full_name},
        ],
    }  # fmt: skip
    return f"bien-ban-ban-giao-{order.number}-{(earlier or 0) + 1}.pdf", _drawn(data, at=found.answered_at)


def of_destruction(session: Session, order_id: UUID, *, at: datetime, reach: Reach) -> tuple[str, bytes]:
    """File name and PDF of the minutes by which the spoiled and void labels of an order are destroyed, as the ledger has them at a moment."""
    order = ordering.get(session, order_id, reach=reach)
    organisation, moves = _destroyed(session, order_id, at=at, reach=reach)
    total = papers.number(sum(size(move.serials) for move in moves))
    data = _frame(order, organisation, at=at) | {
        "number": f"{order.number}/BBTH",
        "title": "Tiêu hủy tem truy xuất nguồn gốc",
        "opening": f"Hôm nay, {_day_in_words(at)}, đơn vị giữ tem lập biên bản về việc tiêu hủy tem hỏng, tem đã hủy hiệu lực:",
        "parties": [_party("Đơn vị", organisation, None)],
        "lead_in": f"Tem thuộc đơn {order.number} ({order.lot.product.name}, lô {order.lot.code}), gồm các dải số sau đây, đã ghi vào sổ tem và không còn hiệu lực:",
        "columns": ["STT", "Dải số", "Số lượng (tem)", "Tình trạng", "Ghi sổ lúc", "Lý do, người ghi"],
        "widths": [0.7, 2.6, 1.6, 1.4, 1.9, 3.2], "numeric": [0, 2], "total_at": 2,
        "rows": [
            [
                str(line), ordering.show_range(move.serials), papers.number(size(move.serials)), STATES[move.move], papers.moment(move.at),
                f"{move.reason} ({move.author.full_name})",
            ]
            for line, move in enumerate(moves, 1)
        ],
        "total": total,
        "closing": [
            f"Tổng số {total} tem nêu trên được tiêu hủy bằng cách: ............................................................",
            "Biên bản được đọc lại cho những người có mặt cùng nghe, thống nhất và ký tên.",
        ],
        "signatures": [
            {"title": "Người lập biên bản", "name": ""}, {"title": "Người chứng kiến", "name": ""},
            {"title": "Đại diện đơn vị", "name": ""},
        ],
    }  # fmt: skip
    return f"bien-ban-tieu-huy-{order.number}.pdf", _drawn(data, at=at)


def _destroyed(
    session: Session, order_id: UUID, *, at: datetime, reach: Reach
) -> tuple[Party, Sequence[LabelMovement]]:
    """Who destroys, and the lines of the ledger about it. Whoever only keeps some of the labels destroys those, in their own name."""
    order = ordering.get(session, order_id, reach=reach)
    everything = keeping.sees_all(order, reach)
    moves = session.scalars(
        select(LabelMovement)
        .where(LabelMovement.order_id == order_id, LabelMovement.move.in_(STATES), LabelMovement.at <= at)
        .where(true() if everything else keeping.touching(reach))
        .order_by(LabelMovement.at, LabelMovement.serials)
        .options(joinedload(LabelMovement.author), joinedload(LabelMovement.keeper))
    ).all()
    if not moves:
        raise NothingDestroyed
    return order.holder if everything else moves[0].keeper, moves


def _frame(order: LabelOrder, organisation: Party, *, at: datetime) -> dict[str, Any]:
    place = organisation.commune.name if organisation.commune else "Hải Phòng"
    return {
        "organisation": organisation.name,
        "place_date": f"{place}, {_day_in_words(at)}",
        "sample": order.lot.is_sample or order.holder.is_sample,
    }


def _party(label: str, party: Party, person: str | None) -> dict[str, Any]:
    facts = [
        f"Địa chỉ: {party.address}" if party.address else None,
        f"Mã số thuế: {party.tax_code}" if party.tax_code else None,
        f"Điện thoại: {party.phone}" if party.phone else None,
        f"Người xác nhận: {person}" if person else None,
    ]
    return {"label": label, "name": party.name, "facts": [fact for fact in facts if fact]}


def _drawn(data: dict[str, Any], *, at: datetime) -> bytes:
    return papers.drawn("minutes.typ", data, at=at)


def _ends(serials: Range[int]) -> tuple[str, str]:
    first, end = bounds(serials)
    return show_serial(first), show_serial(end - 1)


def _day_in_words(at: datetime) -> str:
    return papers.day_in_words(at.astimezone(CITY).date())


def _weight(grams: int) -> str:
    return f"{grams} g" if grams < 1000 else f"{grams / 1000:g} kg".replace(".", ",")
