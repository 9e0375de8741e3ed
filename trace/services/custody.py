"""Labels that pass through the hands of the trade: who saw which, for whom, where. Apart from what the public asks, and never held
against a label.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, select, true
from sqlalchemy.orm import aliased, joinedload

from trace.models.parties import Party
from trace.models.scans import CustodyScan
from trace.services.listed import listed

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.models.scans import VerdictKind

SAME_LOOK = timedelta(minutes=10)
"""A page loaded again within this is no second event."""


def record(
    session: Session, serial: int, *, verdict: VerdictKind, by: UUID, party_id: UUID, at: datetime
) -> CustodyScan | None:
    """Write down that a person of an organisation saw a label, in the commune where the organisation is; None for a reload."""
    again = select(CustodyScan.id).where(
        CustodyScan.serial == serial, CustodyScan.person_id == by, CustodyScan.at > at - SAME_LOOK, CustodyScan.at <= at
    )
    if session.scalars(again.limit(1)).first() is not None:
        return None
    seen = CustodyScan(
        at=at, serial=serial, verdict=verdict, person_id=by, party_id=party_id,
        commune_code=session.scalar(select(Party.commune_code).where(Party.id == party_id)),
    )  # fmt: skip
    session.add(seen)
    session.flush()
    return seen


def of_labels(session: Session, serials: Collection[int], *, most: int = 20) -> dict[int, list[CustodyScan]]:
    """Who of the trade saw each label, the latest first; of those that somebody saw."""
    asked = listed(("serial", BigInteger(), serials))
    latest = (
        select(CustodyScan)
        .where(CustodyScan.serial == asked.c.serial)
        .order_by(CustodyScan.at.desc())
        .limit(most)
        .lateral()
    )
    one = aliased(CustodyScan, latest)
    rows = session.scalars(
        select(one)
        .select_from(asked)
        .join(latest, true())
        .order_by(one.at.desc())
        .options(joinedload(one.person), joinedload(one.party), joinedload(one.commune))
    )
    seen = dict[int, list[CustodyScan]]()
    for row in rows:
        seen.setdefault(row.serial, []).append(row)
    return seen
