"""Labels passed from one party to another: offered by one side, taken or refused by a different person on the other.

Until the answer the labels stay where they are and cannot move otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, joinedload

from trace.errors import Conflict, Forbidden, Invalid, NotFound, Refused, TemThatError
from trace.models.events import BusinessStep, Disposition, EventAction, EventKind
from trace.models.labels import HandoverState, LabelHandover, LabelMove, LabelOrder
from trace.models.lots import Lot
from trace.models.parties import Party, Role, RoleGrant
from trace.services import events, history
from trace.services.ledger import lock_order, movable, write
from trace.services.ordering import show_range
from trace.services.ranges import size
from trace.services.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.dialects.postgresql import Range


# An offer sends the labels on their way; one that is refused or withdrawn leaves them where they are.
_SENT = (EventKind.OBJECT, EventAction.OBSERVE, BusinessStep.SHIPPING, Disposition.IN_TRANSIT)
_KEPT = (EventKind.OBJECT, EventAction.OBSERVE, BusinessStep.HOLDING, Disposition.RETURNED)


class SeveralKeepers(Invalid):
    """These labels are kept by more than one organisation.

    Offer the labels of each organisation separately.
    """


class NobodyToTake(Invalid):
    """Nobody of %(taker)s can confirm that the labels arrived.

    Choose an organisation whose people can sign in here.
    """


class ToOneself(Invalid):
    """Labels cannot be handed over to the organisation that has them.

    Choose the organisation that receives them.
    """


class AlreadyAnswered(Conflict):
    """This hand-over was answered or withdrawn before.

    Load the page again and look at what was decided.
    """


class SamePerson(Forbidden):
    """Whoever offered the labels cannot also confirm that they arrived.

    Ask another person of the receiving organisation.
    """


def offer(
    session: Session,
    order_id: UUID,
    serials: Range[int],
    *,
    taker_id: UUID,
    by: UUID,
    at: datetime,
    on: date,
    reach: Reach,
    note: str | None = None,
) -> LabelHandover:
    """Offer serials of an order to a party. `on` is the day on which somebody there must be able to answer."""
    order, refused = lock_order(session, order_id, reach), list[TemThatError]()
    pieces = movable(session, order, serials, LabelMove.HAND_OVER, reach=reach, refused=refused)
    keepers = {row.keeper_id for row, _ in pieces}
    named = session.execute(select(Party, Party.id.in_(_answering(on))).where(Party.id == taker_id)).one_or_none()
    if named is None:
        raise NotFound
    taker, answers = named
    if len(keepers) > 1:
        refused.append(SeveralKeepers())
    if taker_id in keepers:
        refused.append(ToOneself())
    elif not answers:
        refused.append(NobodyToTake(taker=taker.name))
    if refused:
        raise Refused(refused)
    handover = LabelHandover(
        order_id=order.id, serials=serials, giver_id=keepers.pop(), taker_id=taker_id, state=HandoverState.OFFERED,
        offered_at=at, offered_by=by, note=(note or "").strip() or None,
    )  # fmt: skip
    session.add(handover)
    session.flush()
    changes: dict[str, tuple[object, object]] = {"serials": (None, show_range(serials)), "taker": (None, taker.name)}
    history.record(session, "labels:offer", order.id, by=by, at=at, changes=changes, why=handover.note)
    events.about_labels(
        session, order, [serials], LabelMove.HAND_OVER, lot_id=order.lot_id, party_id=handover.giver_id, to_party_id=taker_id, by=by,
        at=at, reason=handover.note, as_is=_SENT,
    )  # fmt: skip
    session.flush()
    return handover


def take(session: Session, handover_id: UUID, *, by: UUID, at: datetime, reach: Reach) -> LabelHandover:
    """Confirm that the labels arrived: from here on the taker keeps them and answers for them."""
    order, handover = _locked(session, handover_id, reach)
    _may_answer(handover, by=by, reach=reach)
    handover.state, handover.answered_at, handover.answered_by = HandoverState.TAKEN, at, by
    session.flush()
    refused = list[TemThatError]()
    # What the giver could offer then must still be theirs to give now; the offer itself held everything else off.
    pieces = movable(
        session, order, handover.serials, LabelMove.HAND_OVER, reach=Reach(everything=True), refused=refused
    )
    if refused:
        raise Refused(refused)
    write(
        session, order, pieces, LabelMove.HAND_OVER, by=by, at=at, keeper_id=handover.taker_id, handover_id=handover.id
    )
    return handover


def refuse(
    session: Session, handover_id: UUID, *, by: UUID, at: datetime, reach: Reach, reason: str | None = None
) -> LabelHandover:
    """Say that the labels did not arrive, or not these. They stay with the giver."""
    order, handover = _locked(session, handover_id, reach)
    _may_answer(handover, by=by, reach=reach)
    return _close(session, order, handover, HandoverState.REFUSED, by=by, at=at, reason=reason)


def withdraw(
    session: Session, handover_id: UUID, *, by: UUID, at: datetime, reach: Reach, reason: str | None = None
) -> LabelHandover:
    """Take an offer back before it is answered; for people of the giving side."""
    order, handover = _locked(session, handover_id, reach)
    if handover.giver_id not in reach.holders:
        raise Forbidden
    return _close(session, order, handover, HandoverState.WITHDRAWN, by=by, at=at, reason=reason)


def listing(
    session: Session, *, reach: Reach, order_id: UUID | None = None, limit: int = 200
) -> Sequence[LabelHandover]:
    """Hand-overs of one's own organisations in either direction, or of one order; those that wait first."""
    statement = select(LabelHandover)
    if order_id is not None:
        statement = statement.where(LabelHandover.order_id == order_id)
    elif not reach.everything:
        own = reach.holders
        statement = statement.where(or_(LabelHandover.giver_id.in_(own), LabelHandover.taker_id.in_(own)))
    return session.scalars(
        statement.order_by(LabelHandover.state != HandoverState.OFFERED, LabelHandover.offered_at.desc())
        .limit(limit)
        .options(
            joinedload(LabelHandover.giver), joinedload(LabelHandover.taker),
            joinedload(LabelHandover.order).joinedload(LabelOrder.lot).joinedload(Lot.product),
        )
    ).all()  # fmt: skip


def takers(session: Session, *, on: date) -> Sequence[Party]:
    """The organisations in which somebody can confirm a hand-over on a day."""
    return session.scalars(select(Party).where(Party.id.in_(_answering(on))).order_by(Party.name)).all()


def _answering(on: date) -> Select[UUID | None]:
    roles = (Role.CLERK, Role.PACKER)
    return select(RoleGrant.party_id).where(RoleGrant.role.in_(roles), RoleGrant.valid_during.contains(on))


def _locked(session: Session, handover_id: UUID, reach: Reach) -> tuple[LabelOrder, LabelHandover]:
    seen = session.get(LabelHandover, handover_id)
    sides = reach.holders if seen is None else {seen.giver_id, seen.taker_id} & reach.holders
    if seen is None or not sides:
        raise NotFound
    order = lock_order(session, seen.order_id, Reach(everything=True))
    handover = session.get_one(LabelHandover, handover_id, with_for_update=True, populate_existing=True)
    if handover.state is not HandoverState.OFFERED:
        raise AlreadyAnswered
    return order, handover


def _may_answer(handover: LabelHandover, *, by: UUID, reach: Reach) -> None:
    if handover.taker_id not in reach.holders:
        raise Forbidden
    if handover.offered_by == by:
        raise SamePerson


def _close(
    session: Session,
    order: LabelOrder,
    handover: LabelHandover,
    state: HandoverState,
    *,
    by: UUID,
    at: datetime,
    reason: str | None,
) -> LabelHandover:
    handover.state, handover.answered_at, handover.answered_by = state, at, by
    reason = (reason or "").strip() or None
    changes: dict[str, tuple[object, object]] = {
        "serials": (None, show_range(handover.serials)), "handover": (HandoverState.OFFERED, state),
    }  # fmt: skip
    deed = "labels:refuse" if state is HandoverState.REFUSED else "labels:withdraw"
    history.record(session, deed, order.id, by=by, at=at, changes=changes, why=reason)
    events.about_labels(
        session, order, [handover.serials], LabelMove.HAND_OVER, lot_id=order.lot_id, party_id=handover.giver_id, by=by, at=at,
        reason=reason, as_is=_KEPT,
    )  # fmt: skip
    session.flush()
    return handover


def quantity(handover: LabelHandover) -> int:
    """How many labels are handed over."""
    return size(handover.serials)
