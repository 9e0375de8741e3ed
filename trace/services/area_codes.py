"""Growing-area codes: giving one for a crop and market, and changing its state there by a dated decision.

Each state is a row with its period; a change ends the row and begins another, so that the state on any past day is a query. What must
not live here: whether labels need a code (`gate`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound, Refused, TemThatError, broken_constraint
from trace.models.areas import AreaCodeStatus, GrowingArea, GrowingAreaCode
from trace.services import history, source_locks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from trace.models.files import StoredFile
    from trace.services.reach import Reach


class CodeTaken(Invalid):
    """Code %(code)s of the scheme %(scheme)s already stands for the market %(market)s in that period.

    Check the number and the market, or change the status of the code that stands.
    """


class CodeDatesTurned(Invalid):
    """The last day of validity comes before the first.

    Correct one of the two dates.
    """


class CodeIssuedInFuture(Invalid):
    """The code was issued after today.

    Correct the date of issue.
    """


class StatusUnchanged(Invalid):
    """The code has this status already.

    Choose another status.
    """


class StatusReasonMissing(Invalid):
    """A warning, suspension or revocation gives its reason.

    Write why, in the words of the decision.
    """


class StatusBeforeLast(Invalid):
    """The last decision on this code holds since %(since)s; a new one cannot begin earlier.

    Enter a later day.
    """


class StatusAfterEnd(Invalid):
    """The code ends on %(end)s, before this decision would begin.

    Have the code renewed, or enter an earlier day.
    """


class StatusInFuture(Invalid):
    """A decision is recorded once it holds, not before.

    Enter today or an earlier day.
    """


class CodeRevoked(Conflict):
    """This code was revoked for this market.

    Have a new code issued.
    """


@dataclass(frozen=True)
class CodeLine:
    """A code for one market with its present row and the rows before it, latest first."""

    now: GrowingAreaCode
    past: Sequence[GrowingAreaCode]
    stands: bool
    """Whether the day lies in the period of the present row."""


def of_area(session: Session, area_id: UUID, *, on: date) -> list[CodeLine]:
    """The codes of an area, by scheme, code and market. Whether the area may be seen was asked before."""
    rows = session.scalars(
        select(GrowingAreaCode)
        .where(GrowingAreaCode.area_id == area_id)
        .order_by(
            GrowingAreaCode.scheme, GrowingAreaCode.code, GrowingAreaCode.market,
            func.lower(GrowingAreaCode.valid_during).desc(),
        )
        .options(joinedload(GrowingAreaCode.file))
    )  # fmt: skip
    grouped: dict[tuple[str, str, str], list[GrowingAreaCode]] = {}
    for row in rows:
        grouped.setdefault((row.scheme, row.code, row.market), []).append(row)
    return [CodeLine(states[0], states[1:], on in states[0].valid_during) for states in grouped.values()]


def get(session: Session, code_id: int, *, reach: Reach) -> GrowingAreaCode:
    """The latest row of a code for its market, with its area; raises `NotFound` for any other row."""
    code = session.scalars(
        select(GrowingAreaCode)
        .join(GrowingAreaCode.area)
        .where(GrowingAreaCode.id == code_id, reach.covers(GrowingArea.holder_id, GrowingArea.title_id))
        .options(joinedload(GrowingAreaCode.area).joinedload(GrowingArea.holder))
    ).one_or_none()
    if code is None or _newer(session, code):
        raise NotFound
    return code


def document_file(session: Session, code_id: int, *, reach: Reach) -> StoredFile:
    """The document of any state of a code, past ones too; raises `NotFound` where none was sent along."""
    found = session.scalars(
        select(GrowingAreaCode)
        .join(GrowingAreaCode.area)
        .where(GrowingAreaCode.id == code_id, reach.covers(GrowingArea.holder_id, GrowingArea.title_id))
        .options(joinedload(GrowingAreaCode.file))
    ).one_or_none()
    if found is None or found.file is None:
        raise NotFound
    return found.file


def add(
    session: Session,
    area_id: UUID,
    *,
    code: str,
    scheme: str,
    market: str,
    crop: str | None,
    issuer: str,
    issued_on: date,
    valid_from: date | None,
    valid_until: date | None,
    document: str,
    file_id: UUID | None = None,
    by: UUID,
    at: datetime,
    reach: Reach,
) -> GrowingAreaCode:
    """Record a code that was given to an area. `valid_until` is its last day. Raises `Refused` with every reason."""
    area = session.scalars(
        select(GrowingArea).where(GrowingArea.id == area_id, reach.covers(GrowingArea.holder_id, GrowingArea.title_id))
    ).one_or_none()
    if area is None:
        raise NotFound
    first = valid_from or issued_on
    reasons: list[TemThatError] = []
    if issued_on > at.astimezone(CITY).date():
        reasons.append(CodeIssuedInFuture())
    if valid_until is not None and valid_until < first:
        reasons.append(CodeDatesTurned())
    if reasons:
        raise Refused(reasons)
    row = GrowingAreaCode(
        area_id=area.id, code=code, scheme=scheme, market=market, crop=crop or area.crop, issuer=issuer, issued_on=issued_on,
        status=AreaCodeStatus.ACTIVE, document=document, file_id=file_id,
        valid_during=Range(first, valid_until + timedelta(days=1) if valid_until else None),
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError as exc:
        if broken_constraint(exc) == "ex_growing_area_code_one_state":
            raise Refused([CodeTaken(code=code, scheme=scheme, market=market)]) from exc
        raise
    history.record(
        session, "area:code_add", area.id, by=by, at=at,
        changes={"code": (None, code), "market": (None, market), "issuer": (None, issuer), "document": (None, document)},
    )  # fmt: skip
    return row


def change_status(
    session: Session,
    code_id: int,
    *,
    status: AreaCodeStatus,
    since: date,
    reason: str,
    document: str,
    file_id: UUID | None = None,
    by: UUID,
    at: datetime,
    reach: Reach,
) -> GrowingAreaCode:
    """Let a code have another state for its market from a day on. The other markets keep theirs. Raises `Refused` with every reason."""
    seen = get(session, code_id, reach=reach)
    source_locks.alone(session, seen.area_id)
    session.refresh(seen, with_for_update={"of": GrowingAreaCode})
    now = get(session, code_id, reach=reach)
    if now.status is AreaCodeStatus.REVOKED:
        raise CodeRevoked
    period, reasons = now.valid_during, list[TemThatError]()
    if status is now.status:
        reasons.append(StatusUnchanged())
    if status is not AreaCodeStatus.ACTIVE and not reason:
        reasons.append(StatusReasonMissing())
    if since > at.astimezone(CITY).date():
        reasons.append(StatusInFuture())
    if period.lower is not None and since <= period.lower:
        reasons.append(StatusBeforeLast(since=period.lower))
    if period.upper is not None and since >= period.upper:
        reasons.append(StatusAfterEnd(end=period.upper - timedelta(days=1)))
    if reasons:
        raise Refused(reasons)
    end = period.upper
    now.valid_during = Range(period.lower, since)
    session.flush()
    row = GrowingAreaCode(
        area_id=now.area_id, code=now.code, scheme=now.scheme, market=now.market, crop=now.crop, issuer=now.issuer,
        issued_on=now.issued_on, status=status, valid_during=Range(since, end), document=document, file_id=file_id,
        reason=reason or None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    history.record(
        session, "area:code_status", now.area_id, by=by, at=at, why=reason or None,
        changes={"code": (None, now.code), "market": (None, now.market), "code_status": (now.status, status), "document": (None, document)},
    )  # fmt: skip
    return row


def _newer(session: Session, code: GrowingAreaCode) -> bool:
    later = select(GrowingAreaCode.id).where(
        GrowingAreaCode.scheme == code.scheme, GrowingAreaCode.code == code.code, GrowingAreaCode.market == code.market,
        func.lower(GrowingAreaCode.valid_during) > code.valid_during.lower,
    )  # fmt: skip
    return session.scalar(later.limit(1)) is not None


def known_words(session: Session) -> dict[str, list[str]]:
    """Schemes, markets and issuers that were used before, to be offered again."""
    found = {}
    for name in ("scheme", "market", "issuer"):
        column = getattr(GrowingAreaCode, name)
        rows = session.scalars(select(column).where(column.is_not(None)).distinct())
        found[name] = sorted(rows)
    return found
