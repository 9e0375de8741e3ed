"""The farm log: writing entries down, striking out wrong ones, and listing them. Nothing is ever changed or deleted.

An entry that proves a certified lot to have been harvested too soon opens a nonconformity by itself; a person decides what follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound, Refused, TemThatError, broken_constraint
from trace.models.areas import GrowingArea, ProductionSite
from trace.models.controls import Nonconformity, Severity
from trace.models.farm_log import FarmLogEntry, FarmLogStrike, FarmWork
from trace.models.parties import Party
from trace.services import files, history, places, preharvest, suspensions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from decimal import Decimal
    from pathlib import Path
    from typing import BinaryIO
    from uuid import UUID

    from sqlalchemy.orm.strategy_options import _AbstractLoad

    from trace.services.reach import Reach

DAYS_TO_CORRECT = 7
OLDEST_YEARS = 5


class WorkInFuture(Invalid):
    """Work is entered on the day on which it was done or later.

    Enter the day on which it was done.
    """


class WorkTooOld(Invalid):
    """This is more than %(years)s years ago.

    Check the year.
    """


class DoerMissing(Invalid):
    """An entry says who did the work."""


class ProductNeeded(Invalid):
    """This kind of work needs the product as it is called on its pack."""


class SubstanceNeeded(Invalid):
    """A pesticide needs its active substance.

    It stands on the pack.
    """


class DoseNeeded(Invalid):
    """A pesticide needs its dose with the unit."""


class UnitNeeded(Invalid):
    """A dose needs its unit, such as kg/ha or ml/16 l."""


class DoseNotPositive(Invalid):
    """A dose is more than nothing."""


class PreharvestNeeded(Invalid):
    """A pesticide needs its pre-harvest interval in days.

    It stands on the pack; enter 0 if there is none.
    """


class PreharvestNotPlausible(Invalid):
    """A pre-harvest interval lies between 0 and 365 days."""


class NoteNeeded(Invalid):
    """Other work is described in the note."""


class StruckAlready(Conflict):
    """This entry was struck out already."""


class StrikeReasonMissing(Invalid):
    """Say why the entry is wrong: whoever reads the log will see it."""


@dataclass(frozen=True)
class Work:
    """What was done, as it was entered. `dose` in `unit`; `preharvest_days` from the label of the pesticide."""

    kind: FarmWork
    done_on: date
    done_by: str
    product: str | None = None
    active_substance: str | None = None
    dose: Decimal | None = None
    unit: str | None = None
    preharvest_days: int | None = None
    note: str | None = None


def add(
    session: Session, work: Work, *, area_id: UUID | None = None, site_id: UUID | None = None, by: UUID, at: datetime, reach: Reach,
    photo: tuple[Path, BinaryIO, str] | None = None, is_sample: bool = False,
) -> FarmLogEntry:  # fmt: skip
    """Write an entry down. `photo`: the file store, the bytes and their name. Raises `Refused` with every reason at once."""
    source = hold(session, area_id, site_id, reach)
    return _write(session, source, work, None, by=by, at=at, photo=photo, is_sample=is_sample)


def correct(
    session: Session, entry_id: UUID, work: Work, *, reason: str, by: UUID, at: datetime, reach: Reach,
    photo: tuple[Path, BinaryIO, str] | None = None,
) -> FarmLogEntry:  # fmt: skip
    """Strike a wrong entry out and write the right one in its place, of the same area or site, in one go."""
    wrong = _locked(session, entry_id, reach)
    reasons = list[TemThatError](judge(work, at=at))
    if not reason.strip():
        reasons.append(StrikeReasonMissing())
    if reasons:
        raise Refused(reasons)
    _strike(session, wrong, reason, by=by, at=at)
    return _write(session, wrong.source, work, wrong, by=by, at=at, photo=photo, is_sample=wrong.is_sample)


def strike(session: Session, entry_id: UUID, *, reason: str, by: UUID, at: datetime, reach: Reach) -> FarmLogEntry:
    """Strike a wrong entry out. It stays readable, with the reason, and counts for nothing any more."""
    wrong = _locked(session, entry_id, reach)
    if not reason.strip():
        raise StrikeReasonMissing
    _strike(session, wrong, reason, by=by, at=at)
    return wrong


def judge(work: Work, *, at: datetime) -> list[TemThatError]:
    """What speaks against an entry, all at once."""
    reasons: list[TemThatError] = []
    today = at.astimezone(CITY).date()
    if work.done_on > today:
        reasons.append(WorkInFuture())
    elif work.done_on < today - timedelta(days=366 * OLDEST_YEARS):
        reasons.append(WorkTooOld(years=OLDEST_YEARS))
    if not work.done_by.strip():
        reasons.append(DoerMissing())
    if work.kind in {FarmWork.PESTICIDE, FarmWork.FERTILISER} and not work.product:
        reasons.append(ProductNeeded())
    if work.dose is not None and work.dose <= 0:
        reasons.append(DoseNotPositive())
    if work.dose is not None and not work.unit:
        reasons.append(UnitNeeded())
    if work.kind is FarmWork.PESTICIDE:
        if not work.active_substance:
            reasons.append(SubstanceNeeded())
        if work.dose is None:
            reasons.append(DoseNeeded())
        if work.preharvest_days is None:
            reasons.append(PreharvestNeeded())
    if work.preharvest_days is not None and not 0 <= work.preharvest_days <= 365:
        reasons.append(PreharvestNotPlausible())
    if work.kind is FarmWork.OTHER and not work.note:
        reasons.append(NoteNeeded())
    return reasons


def listing(
    session: Session, *, reach: Reach, q: str = "", kind: FarmWork | None = None, area_id: UUID | None = None, site_id: UUID | None = None,
    start: date | None = None, end: date | None = None, struck: bool | None = None, page: int = 1, size: int = 50,
) -> tuple[Sequence[FarmLogEntry], int]:  # fmt: skip
    """Entries within reach, latest work first, and how many there are. `struck` None shows both, with the struck ones marked."""
    wanted: list[ColumnElement[bool]] = [reach.covers(FarmLogEntry.holder_id, FarmLogEntry.title_id)]
    if places.asked(q):
        wanted.append(
            places.matches(
                q, FarmLogEntry.product, FarmLogEntry.active_substance, FarmLogEntry.note, FarmLogEntry.done_by, GrowingArea.name,
                ProductionSite.name, Party.name,
            )
        )  # fmt: skip
    for column, value in (
        (FarmLogEntry.kind, kind), (FarmLogEntry.area_id, area_id), (FarmLogEntry.site_id, site_id),
    ):  # fmt: skip
        if value is not None:
            wanted.append(column == value)
    if start is not None:
        wanted.append(FarmLogEntry.done_on >= start)
    if end is not None:
        wanted.append(FarmLogEntry.done_on <= end)
    if struck is not None:
        wanted.append(FarmLogStrike.entry_id.is_not(None) if struck else FarmLogStrike.entry_id.is_(None))
    base = (
        select(FarmLogEntry)
        .join(FarmLogEntry.holder)
        .outerjoin(FarmLogEntry.strike)
        .outerjoin(FarmLogEntry.area)
        .outerjoin(FarmLogEntry.site)
        .where(*wanted)
    )
    total = session.scalar(select(func.count()).select_from(base.with_only_columns(FarmLogEntry.id).subquery())) or 0
    rows = session.scalars(
        base.order_by(FarmLogEntry.done_on.desc(), FarmLogEntry.recorded_at.desc(), FarmLogEntry.id)
        .limit(size)
        .offset((page - 1) * size)
        .options(*_shown())
    ).all()
    return rows, total


def get(session: Session, entry_id: UUID, *, reach: Reach) -> FarmLogEntry:
    """One entry; not within reach is not found."""
    found = session.scalars(
        select(FarmLogEntry)
        .where(FarmLogEntry.id == entry_id, reach.covers(FarmLogEntry.holder_id, FarmLogEntry.title_id))
        .options(*_shown())
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def corrected_by(session: Session, entry_id: UUID) -> FarmLogEntry | None:
    """The entry that was written in the place of another, if one was."""
    return session.scalars(select(FarmLogEntry).where(FarmLogEntry.corrects_id == entry_id)).one_or_none()


def hold(session: Session, area_id: UUID | None, site_id: UUID | None, reach: Reach) -> GrowingArea | ProductionSite:
    """The area or site, locked: a harvest is judged by the log, and an entry looks for harvests, never both at once."""
    model: type[GrowingArea] | type[ProductionSite] = GrowingArea if area_id else ProductionSite
    found = session.scalars(
        select(model)
        .where(model.id == (area_id or site_id), reach.covers(model.holder_id, model.title_id))
        .with_for_update(of=model, key_share=True)
    ).one_or_none()
    if not isinstance(found, GrowingArea | ProductionSite):
        raise NotFound
    return found


def _write(
    session: Session, source: GrowingArea | ProductionSite, work: Work, wrong: FarmLogEntry | None, *, by: UUID, at: datetime,
    photo: tuple[Path, BinaryIO, str] | None, is_sample: bool,
) -> FarmLogEntry:  # fmt: skip
    reasons = judge(work, at=at)
    if reasons:
        raise Refused(reasons)
    picture = None
    if photo is not None:
        store, stream, name = photo
        picture = files.receive(session, store, stream, name=name, at=at, by=by, kinds=files.IMAGES)
    is_area = isinstance(source, GrowingArea)
    entry = FarmLogEntry(
        title_id=source.title_id, holder_id=source.holder_id, area_id=source.id if is_area else None,
        site_id=None if is_area else source.id, kind=work.kind, done_on=work.done_on, done_by=work.done_by.strip(),
        product=work.product or None, active_substance=work.active_substance or None, dose=work.dose,
        unit=(work.unit or None) if work.dose is not None else None, preharvest_days=work.preharvest_days, note=work.note or None,
        photo_id=picture.id if picture else None, corrects_id=wrong.id if wrong else None, recorded_at=at, recorded_by=by,
        is_sample=is_sample,
    )  # fmt: skip
    session.add(entry)
    session.flush()
    history.record(
        session, "farm_log:add", entry.id, by=by, at=at,
        changes={"kind": (None, work.kind), "done_on": (None, work.done_on), "product": (None, entry.product)},
    )  # fmt: skip
    for lot in preharvest.caught(session, entry):
        _too_late(session, entry, source, lot.code, lot.harvested_on, by=by, at=at)
    session.flush()
    return entry


def _too_late(
    session: Session, entry: FarmLogEntry, source: GrowingArea | ProductionSite, code: str, harvested_on: date, *, by: UUID, at: datetime
) -> None:  # fmt: skip
    """The lot is certified already: a critical nonconformity on its source, which closes the gate until a person verified what was done."""
    found_on = at.astimezone(CITY).date()
    description = (
        f"Lô {code} thu hoạch ngày {harvested_on:%d/%m/%Y}, trước khi hết thời gian cách ly: {entry.product} dùng tại {source.name} "
        f"ngày {entry.done_on:%d/%m/%Y}, cách ly {entry.preharvest_days} ngày, chỉ được thu hoạch từ ngày {preharvest.right_from(entry):%d/%m/%Y}. "
        "Nhật ký canh tác được ghi sau khi lô đã chứng nhận."
    )
    found = Nonconformity(
        title_id=entry.title_id, holder_id=entry.holder_id, area_id=entry.area_id, site_id=entry.site_id, severity=Severity.CRITICAL,
        blocking=True, description=description, found_on=found_on, due_on=found_on + timedelta(days=DAYS_TO_CORRECT),
        action_asked="Giữ lại hàng của lô, lấy mẫu kiểm nghiệm dư lượng; không đạt thì đề nghị thu hồi lô.", recorded_at=at, recorded_by=by,
    )  # fmt: skip
    session.add(found)
    session.flush()
    history.record(session, "nonconformity:record", found.id, by=by, at=at, why=description)
    suspensions.propose_for(session, found, at=at)


def _strike(session: Session, wrong: FarmLogEntry, reason: str, *, by: UUID, at: datetime) -> None:
    try:
        with session.begin_nested():
            session.add(FarmLogStrike(entry_id=wrong.id, reason=reason.strip(), at=at, by=by))
    except IntegrityError as exc:
        if broken_constraint(exc) == "pk_farm_log_strike":
            raise StruckAlready from exc
        raise
    history.record(session, "farm_log:strike", wrong.id, by=by, at=at, why=reason.strip())
    session.expire(wrong, ["strike"])
    session.flush()


def _locked(session: Session, entry_id: UUID, reach: Reach) -> FarmLogEntry:
    """The entry, with its source held so that no harvest is judged meanwhile. One that is struck out already is refused."""
    entry = get(session, entry_id, reach=reach)
    hold(session, entry.area_id, entry.site_id, reach)
    session.refresh(entry, ["strike"])
    if entry.strike is not None:
        raise StruckAlready
    return entry


def _shown() -> tuple[_AbstractLoad, ...]:
    """What a row of the list names."""
    return (
        joinedload(FarmLogEntry.holder),
        joinedload(FarmLogEntry.area).load_only(GrowingArea.name),
        joinedload(FarmLogEntry.site).load_only(ProductionSite.name),
        joinedload(FarmLogEntry.recorder),
        joinedload(FarmLogEntry.photo),
        joinedload(FarmLogEntry.strike).joinedload(FarmLogStrike.striker),
    )
