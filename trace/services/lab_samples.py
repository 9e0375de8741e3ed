"""Samples of control: taken under seal, sent to a laboratory, and what it reports. A result that does not conform is a nonconformity.

What must not live here: labels for test prints (`samples`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound, Refused, TemThatError
from trace.models.areas import GrowingArea, ProductionSite
from trace.models.control_papers import ControlFile, ControlSample, SampleResult
from trace.models.controls import Severity
from trace.models.parties import Party
from trace.services import control_files, controls, files, history, places
from trace.services.certificates import belongs_to
from trace.services.numbers import next_number
from trace.services.visits import ControllerOfTheControlled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from pathlib import Path
    from typing import BinaryIO
    from uuid import UUID

    from trace.services.reach import Reach

MOST_RESULTS = 60
MOST_FILES = 20


class TakenInFuture(Invalid):
    """A sample is recorded after it was taken."""


class FactsMissing(Invalid):
    """A sample says what it is, from whom it was taken, and under which seal."""


class SentBeforeTaken(Invalid):
    """A sample is sent on the day on which it was taken or later, and not in the future."""


class LabMissing(Invalid):
    """Write which laboratory the sample was sent to."""


class NotSent(Conflict):
    """This sample was not sent to a laboratory yet.

    Record first where it was sent, and when.
    """


class SentAlready(Conflict):
    """This sample was sent already."""


class ReportedAlready(Conflict):
    """The results of this sample are recorded and stand as they are."""


class ReportedBeforeSent(Invalid):
    """A laboratory reports on the day on which it got the sample or later, and not in the future."""


class NoResults(Invalid):
    """Write at least one criterion with what the laboratory found."""


class ResultIncomplete(Invalid):
    """Line %(line)s needs the criterion, what was found, and whether it conforms."""


class CriterionTwice(Invalid):
    """The criterion %(criterion)s stands in two lines."""


class ResultDueMissing(Invalid):
    """A result does not conform: set the day by which the organisation has to correct it, not before the report.

    Enter the day.
    """


class TooManyFiles(Invalid):
    """There are at most %(most)s files here."""


class SampleState(StrEnum):
    """How far a sample has come."""

    TAKEN = "taken"
    SENT = "sent"
    CONFORMS = "conforms"
    FAILS = "fails"


@dataclass(frozen=True)
class Result:
    """One line of a laboratory's report."""

    criterion: str
    found: str
    allowed: str
    conforms: bool | None


def state(sample: ControlSample) -> SampleState:
    """How far a sample has come, by what is recorded."""
    if sample.reported_on is not None:
        return SampleState.CONFORMS if all(each.conforms for each in sample.results) else SampleState.FAILS
    return SampleState.SENT if sample.sent_on is not None else SampleState.TAKEN


def take(
    session: Session, *, area_id: UUID | None = None, site_id: UUID | None = None, what: str, amount: str, seal: str, taken_on: date,
    taken_from: str, by: UUID, at: datetime, reach: Reach,
) -> ControlSample:  # fmt: skip
    """Record a sample: its minutes in data. Refuses with every reason at once."""
    source = controls.source_of(session, area_id, site_id, reach)
    today = at.astimezone(CITY).date()
    reasons: list[TemThatError] = []
    if belongs_to(session, by, source.holder_id, on=today):
        reasons.append(ControllerOfTheControlled())
    if taken_on > today:
        reasons.append(TakenInFuture())
    if not what.strip() or not seal.strip() or not taken_from.strip():
        reasons.append(FactsMissing())
    if reasons:
        raise Refused(reasons)
    made = ControlSample(
        number=next_number(session, "MM", at=at), title_id=source.title_id, holder_id=source.holder_id, area_id=area_id, site_id=site_id,
        what=what, amount=amount, seal=seal, taken_on=taken_on, taken_from=taken_from, taken_by=by, recorded_at=at,
    )  # fmt: skip
    session.add(made)
    session.flush()
    history.record(
        session, "sample:take", made.id, by=by, at=at, changes={"number": (None, made.number), "seal": (None, seal)}
    )
    return made


def send(
    session: Session, sample_id: UUID, *, lab: str, sent_on: date, by: UUID, at: datetime, reach: Reach
) -> ControlSample:
    """Record which laboratory a sample was sent to, and when."""
    sample = _locked(session, sample_id, reach)
    if sample.sent_on is not None:
        raise SentAlready
    reasons: list[TemThatError] = []
    if not lab.strip():
        reasons.append(LabMissing())
    if not sample.taken_on <= sent_on <= at.astimezone(CITY).date():
        reasons.append(SentBeforeTaken())
    if reasons:
        raise Refused(reasons)
    sample.lab, sample.sent_on = lab, sent_on
    history.record(
        session, "sample:send", sample.id, by=by, at=at, changes={"lab": (None, lab), "sent_on": (None, sent_on)}
    )
    session.flush()
    return sample


def report(
    session: Session, sample_id: UUID, results: Sequence[Result], *, report_number: str, reported_on: date, severity: Severity = Severity.MAJOR,
    due_on: date | None = None, by: UUID, at: datetime, reach: Reach,
) -> ControlSample:  # fmt: skip
    """Record what the laboratory found. Whatever does not conform becomes one nonconformity of the given severity."""
    sample = _locked(session, sample_id, reach)
    if sample.sent_on is None:
        raise NotSent
    if sample.reported_on is not None:
        raise ReportedAlready
    reasons: list[TemThatError] = []
    if not results:
        reasons.append(NoResults())
    seen = set[str]()
    for line, each in enumerate(results, 1):
        if not each.criterion.strip() or not each.found.strip() or each.conforms is None:
            reasons.append(ResultIncomplete(line=line))
        elif each.criterion.casefold() in seen:
            reasons.append(CriterionTwice(criterion=each.criterion))
        seen.add(each.criterion.casefold())
    if not report_number.strip() or not sample.sent_on <= reported_on <= at.astimezone(CITY).date():
        reasons.append(ReportedBeforeSent())
    failed = [each for each in results if each.conforms is False]
    if failed and (due_on is None or due_on < reported_on):
        reasons.append(ResultDueMissing())
    if reasons:
        raise Refused(reasons)
    sample.report_number, sample.reported_on = report_number, reported_on
    sample.results = [
        SampleResult(
            criterion=each.criterion, found=each.found, allowed=each.allowed, conforms=bool(each.conforms)
        )
        for each in results
    ]  # fmt: skip
    session.flush()
    history.record(
        session, "sample:report", sample.id, by=by, at=at,
        changes={"report_number": (None, report_number), "conforms": (None, not failed)},
    )  # fmt: skip
    if failed and due_on is not None:
        lines = "; ".join(
            f"{each.criterion}: {each.found}" + (f" (mức cho phép {each.allowed})" if each.allowed else "")
            for each in failed
        )
        # A record of the register, kept in its language whoever entered it.
        controls.open_one(
            session, sample, severity=severity, blocking=severity is Severity.CRITICAL, due_on=due_on, by=by, at=at,
            description=f"Mẫu {sample.number} ({sample.what}) không đạt theo phiếu {report_number}. {lines}",
        )  # fmt: skip
    return sample


def add_file(
    session: Session, store: Path, sample_id: UUID, stream: BinaryIO, *, name: str, by: UUID, at: datetime, reach: Reach
) -> ControlFile:
    """Take in a paper of a sample: its minutes, the report of the laboratory."""
    sample = _locked(session, sample_id, reach)
    if (there := control_files.known(session, ControlFile.sample_id == sample_id, stream)) is not None:
        return there
    if control_files.count(session, ControlFile.sample_id == sample_id) >= MOST_FILES:
        raise TooManyFiles(most=MOST_FILES)
    stored = files.receive(session, store, stream, name=name, at=at, by=by)
    made = ControlFile(sample_id=sample.id, file_id=stored.id, added_at=at, added_by=by)
    session.add(made)
    session.flush()
    history.record(session, "sample:file", sample.id, by=by, at=at, changes={"file": (None, stored.name)})
    return made


def listing(
    session: Session, *, reach: Reach, q: str = "", wanted_state: SampleState | None = None, page: int = 1, size: int = 50
) -> tuple[Sequence[ControlSample], int]:  # fmt: skip
    """Samples within reach, the latest first, and how many there are."""
    wanted: list[ColumnElement[bool]] = [reach.covers(ControlSample.holder_id, ControlSample.title_id)]
    if places.asked(q):
        wanted.append(
            places.matches(
                q, ControlSample.number, ControlSample.what, ControlSample.lab, ControlSample.seal, Party.name
            )
        )
    failed = exists().where(SampleResult.sample_id == ControlSample.id, SampleResult.conforms.is_(False))
    match wanted_state:
        case SampleState.TAKEN:
            wanted.append(ControlSample.sent_on.is_(None))
        case SampleState.SENT:
            wanted += [ControlSample.sent_on.is_not(None), ControlSample.reported_on.is_(None)]
        case SampleState.CONFORMS:
            wanted += [ControlSample.reported_on.is_not(None), ~failed]
        case SampleState.FAILS:
            wanted.append(failed)
    base = select(ControlSample).join(ControlSample.holder).where(*wanted)
    total = session.scalar(select(func.count()).select_from(base.subquery())) or 0
    statement = (
        base.order_by(ControlSample.taken_on.desc(), ControlSample.number.desc())
        .limit(size)
        .offset((page - 1) * size)
        .options(
            joinedload(ControlSample.holder), joinedload(ControlSample.area), joinedload(ControlSample.site),
            selectinload(ControlSample.results),
        )
    )  # fmt: skip
    return session.scalars(statement).all(), total


def get(session: Session, sample_id: UUID, *, reach: Reach) -> ControlSample:
    """One sample with its results; not within reach is not found."""
    found = session.scalars(
        select(ControlSample)
        .where(ControlSample.id == sample_id, reach.covers(ControlSample.holder_id, ControlSample.title_id))
        .options(
            joinedload(ControlSample.holder), joinedload(ControlSample.title), joinedload(ControlSample.taker),
            joinedload(ControlSample.area).joinedload(GrowingArea.commune), joinedload(ControlSample.site).joinedload(ProductionSite.commune),
            selectinload(ControlSample.results),
        )
    ).one_or_none()  # fmt: skip
    if found is None:
        raise NotFound
    return found


def papers(session: Session, sample_id: UUID) -> Sequence[ControlFile]:
    """The papers of a sample."""
    return session.scalars(
        select(ControlFile)
        .where(ControlFile.sample_id == sample_id)
        .order_by(ControlFile.added_at)
        .options(joinedload(ControlFile.file))
    ).all()


def _locked(session: Session, sample_id: UUID, reach: Reach) -> ControlSample:
    found = session.scalars(
        select(ControlSample)
        .where(ControlSample.id == sample_id, reach.covers(ControlSample.holder_id, ControlSample.title_id))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotFound
    return found
