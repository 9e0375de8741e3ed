"""The yearly report on the control of a title: its figures, counted once and frozen with their moment.

The files are drawn from the frozen figures alone (`control_report_files`), so that a report says the same for ever.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import joinedload, selectinload

from trace.clock import CITY
from trace.errors import Invalid, NotFound
from trace.models.areas import GrowingArea, ProductionSite
from trace.models.certificates import CertificateSource, CertificateStatusChange, UseCertificate
from trace.models.control_papers import ControlReport, ControlSample, SuspensionProposal
from trace.models.control_plans import ControlPlan, Frequency
from trace.models.controls import ControlLevel, ControlVisit, Nonconformity, Severity
from trace.models.labels import LabelMovement, LabelOrder
from trace.models.lots import EligibleBalance
from trace.models.parties import Party
from trace.models.titles import Product, ProtectionTitle, Season, TitleRole, TitleRoleKind
from trace.services import history, lab_samples

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.services.reach import Reach

MOST_ROWS = 20_000
A_YEAR = {Frequency.MONTHLY: 12, Frequency.QUARTERLY: 4, Frequency.HALF_YEARLY: 2, Frequency.YEARLY: 1}


class YearAhead(Invalid):
    """A report is about a year that has begun.

    Enter this year or an earlier one.
    """


def draw_up(session: Session, title_id: UUID, *, year: int, by: UUID, at: datetime, reach: Reach) -> ControlReport:
    """Count a title's control over a year, up to today at most, and keep the figures."""
    title = session.scalars(
        select(ProtectionTitle).where(ProtectionTitle.id == title_id, reach.covers(None, ProtectionTitle.id))
    ).one_or_none()
    if title is None:
        raise NotFound
    today = at.astimezone(CITY).date()
    if not 2000 <= year <= today.year:
        raise YearAhead
    made = ControlReport(
        title_id=title_id, year=year, drawn_at=at, drawn_by=by, figures=_figures(session, title, year, today)
    )
    session.add(made)
    session.flush()
    history.record(session, "control_report:draw_up", made.id, by=by, at=at, changes={"year": (None, year)})
    return made


def listing(session: Session, *, reach: Reach, title_id: UUID | None = None) -> Sequence[ControlReport]:
    """The reports within reach, the latest first."""
    wanted = [reach.covers(None, ControlReport.title_id)]
    if title_id is not None:
        wanted.append(ControlReport.title_id == title_id)
    return session.scalars(
        select(ControlReport)
        .where(*wanted)
        .order_by(ControlReport.drawn_at.desc())
        .limit(200)
        .options(joinedload(ControlReport.title), joinedload(ControlReport.drawer))
    ).all()


def get(session: Session, report_id: UUID, *, reach: Reach) -> ControlReport:
    """One report; not within reach is not found."""
    found = session.scalars(
        select(ControlReport)
        .where(ControlReport.id == report_id, reach.covers(None, ControlReport.title_id))
        .options(joinedload(ControlReport.title), joinedload(ControlReport.drawer))
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def titles_for(session: Session, *, reach: Reach) -> Sequence[ProtectionTitle]:
    """The titles that somebody may draw up a report about."""
    return session.scalars(
        select(ProtectionTitle).where(reach.covers(None, ProtectionTitle.id)).order_by(ProtectionTitle.name)
    ).all()


def _figures(session: Session, title: ProtectionTitle, year: int, today: date) -> dict[str, Any]:
    start, end = date(year, 1, 1), min(date(year, 12, 31), today)
    span: Range[date] = Range(start, end + timedelta(days=1))
    visits = session.scalars(
        select(ControlVisit)
        .where(ControlVisit.title_id == title.id, ControlVisit.visited_on.between(start, end))
        .order_by(ControlVisit.visited_on)
        .options(
            joinedload(ControlVisit.area), joinedload(ControlVisit.site), joinedload(ControlVisit.holder), joinedload(ControlVisit.controller)
        )
    ).all()  # fmt: skip
    found = session.scalars(
        select(Nonconformity)
        .where(Nonconformity.title_id == title.id, Nonconformity.found_on.between(start, end))
        .order_by(Nonconformity.found_on)
        .options(
            joinedload(Nonconformity.holder), joinedload(Nonconformity.area), joinedload(Nonconformity.site),
            joinedload(Nonconformity.item), selectinload(Nonconformity.actions),
        )
    ).all()  # fmt: skip
    return {
        "title": {"name": title.name, "kind": title.kind.value, "number": title.title_number, "sample": title.is_sample},
        "managing_body": _body(session, title, end), "start": start.isoformat(), "end": end.isoformat(),
        "plans": _plans(session, title, span), "coverage": _coverage(session, title, span, visits), "visits": _visits(visits),
        "findings": _findings(found, today), "actions": _actions(found), "samples": _samples(session, title, start, end),
        "suspensions": _suspensions(session, title, start, end), "labels": _labels(session, title, span),
    }  # fmt: skip


def _body(session: Session, title: ProtectionTitle, on: date) -> dict[str, Any]:
    party = session.scalars(
        select(Party)
        .join(TitleRole, TitleRole.party_id == Party.id)
        .where(
            TitleRole.title_id == title.id, TitleRole.role == TitleRoleKind.MANAGING_BODY, TitleRole.valid_during.contains(on)
        )
        .limit(1)
    ).one_or_none()  # fmt: skip
    return {
        "name": party.name if party else "",
        "place": party.commune.name if party and party.commune else "Hải Phòng",
    }


def _plans(session: Session, title: ProtectionTitle, span: Range[date]) -> list[dict[str, Any]]:
    plans = session.scalars(
        select(ControlPlan)
        .where(ControlPlan.title_id == title.id, ControlPlan.valid_during.overlaps(span))
        .order_by(ControlPlan.version)
        .options(selectinload(ControlPlan.items))
    ).all()
    return [
        {
            "version": plan.version, "items": len(plan.items), "from": plan.valid_during.lower.isoformat() if plan.valid_during.lower else None,
            "to": (plan.valid_during.upper - timedelta(days=1)).isoformat() if plan.valid_during.upper else None,
            "a_year": {
                level.value: max((A_YEAR.get(item.frequency, 0) for item in plan.items if level.value in item.levels), default=0)
                for level in ControlLevel
            },
        }
        for plan in plans
        if plan.valid_during is not None
    ]  # fmt: skip


def _coverage(
    session: Session, title: ProtectionTitle, span: Range[date], visits: Sequence[ControlVisit]
) -> list[dict[str, Any]]:
    """For each level: sources under a certificate in the year, visits that the plan asks for over the whole year, and those made."""
    covered = session.execute(
        select(CertificateSource.area_id, CertificateSource.site_id)
        .join(CertificateSource.certificate)
        .where(UseCertificate.title_id == title.id, UseCertificate.valid_during.overlaps(span))
        .distinct()
    ).all()
    sources = {row.area_id or row.site_id for row in covered}
    plans = _plans(session, title, span)
    made = []
    for level in ControlLevel:
        asked = plans[-1]["a_year"][level.value] if plans else 0
        times = Counter(
            visit.area_id or visit.site_id for visit in visits if visit.level is level and visit.finished_at is not None
        )
        made.append(
            {
                "level": level.value, "sources": len(sources), "a_year": asked, "due": len(sources) * asked,
                "done": sum(min(times[source], asked) for source in sources), "visited": sum(1 for source in sources if times[source]),
            }
        )  # fmt: skip
    return made


def _visits(visits: Sequence[ControlVisit]) -> dict[str, Any]:
    done = [visit for visit in visits if visit.finished_at is not None]
    return {
        "by_level": [
            {
                "level": level.value, "total": len(own), "passed": sum(1 for visit in own if visit.passed),
                "failed": sum(1 for visit in own if visit.passed is False),
                "refused": sum(1 for visit in own if visit.refusal_reason is not None),
            }
            for level in ControlLevel
            for own in [[visit for visit in done if visit.level is level]]
        ],
        "unfinished": len(visits) - len(done),
        "rows": [
            [
                visit.visited_on.isoformat(), visit.holder.name, visit.source.name, visit.level.value, visit.controller.full_name,
                visit.passed, visit.acknowledged.value if visit.acknowledged else None,
            ]
            for visit in done[:MOST_ROWS]
        ],
    }  # fmt: skip


def _findings(found: Sequence[Nonconformity], today: date) -> dict[str, Any]:
    return {
        "by_severity": [
            {
                "severity": severity.value, "total": len(own), "closed": sum(1 for each in own if each.closed_at is not None),
                "open": sum(1 for each in own if each.closed_at is None),
                "overdue": sum(1 for each in own if each.closed_at is None and each.due_on < today),
                "blocking": sum(1 for each in own if each.blocking),
            }
            for severity in Severity
            for own in [[each for each in found if each.severity is severity]]
        ],
        "rows": [
            [
                each.found_on.isoformat(), each.holder.name, source.name if (source := each.area or each.site) else "",
                each.severity.value, each.item.code if each.item else "", each.description, each.blocking, each.due_on.isoformat(),
                each.closed_at.astimezone(CITY).date().isoformat() if each.closed_at else None,
            ]
            for each in found[:MOST_ROWS]
        ],
    }  # fmt: skip


def _actions(found: Sequence[Nonconformity]) -> dict[str, int]:
    actions = [action for each in found for action in each.actions]
    in_time = [action for action in actions if action.reported_at.astimezone(CITY).date() <= action.due_on]
    return {
        "total": len(actions), "in_time": len(in_time), "late": len(actions) - len(in_time),
        "effective": sum(1 for action in actions if action.effective), "no_effect": sum(1 for action in actions if action.effective is False),
        "waiting": sum(1 for action in actions if action.effective is None),
        "none_yet": sum(1 for each in found if each.closed_at is None and not each.actions),
    }  # fmt: skip


def _samples(session: Session, title: ProtectionTitle, start: date, end: date) -> dict[str, Any]:
    samples = session.scalars(
        select(ControlSample)
        .where(ControlSample.title_id == title.id, ControlSample.taken_on.between(start, end))
        .order_by(ControlSample.taken_on, ControlSample.number)
        .options(
            joinedload(ControlSample.holder), joinedload(ControlSample.area), joinedload(ControlSample.site), selectinload(ControlSample.results)
        )
    ).all()  # fmt: skip
    states = Counter(lab_samples.state(sample).value for sample in samples)
    return {
        "total": len(samples), **{state.value: states[state.value] for state in lab_samples.SampleState},
        "rows": [
            [
                sample.taken_on.isoformat(), sample.number, sample.holder.name, sample.source.name, sample.what, sample.lab or "",
                sample.report_number or "", lab_samples.state(sample).value,
            ]
            for sample in samples[:MOST_ROWS]
        ],
    }  # fmt: skip


def _suspensions(session: Session, title: ProtectionTitle, start: date, end: date) -> dict[str, Any]:
    first, last = datetime.combine(start, time(), CITY), datetime.combine(end + timedelta(days=1), time(), CITY)
    proposals = session.execute(
        select(SuspensionProposal.state, func.count())
        .join(SuspensionProposal.certificate)
        .where(
            UseCertificate.title_id == title.id, SuspensionProposal.proposed_at >= first, SuspensionProposal.proposed_at < last
        )
        .group_by(SuspensionProposal.state)
    ).all()  # fmt: skip
    changes = session.execute(
        select(CertificateStatusChange, UseCertificate.number, Party.name)
        .join(UseCertificate, UseCertificate.id == CertificateStatusChange.certificate_id)
        .join(Party, Party.id == UseCertificate.holder_id)
        .where(
            UseCertificate.title_id == title.id, CertificateStatusChange.at >= first, CertificateStatusChange.at < last,
            CertificateStatusChange.was.is_not(None),
        )
        .order_by(CertificateStatusChange.at)
    ).all()  # fmt: skip
    return {
        "proposals": {state.value: count for state, count in proposals},
        "decisions": dict(Counter(change.becomes.value for change, _number, _name in changes)),
        "rows": [
            [
                change.at.astimezone(CITY).date().isoformat(), number, name, change.becomes.value, change.reason, change.document_number or ""
            ]
            for change, number, name in changes[:MOST_ROWS]
        ],
    }  # fmt: skip


def _labels(session: Session, title: ProtectionTitle, span: Range[date]) -> dict[str, Any]:
    first, last = (
        datetime.combine(span.lower or date.min, time(), CITY),
        datetime.combine(span.upper or date.max, time(), CITY),
    )
    seasons = session.execute(
        select(
            Product.name, Season.name, func.sum(EligibleBalance.eligible_g), func.sum(EligibleBalance.extra_g),
            func.sum(EligibleBalance.issued_g), func.count(),
        )
        .join(Season, Season.id == EligibleBalance.season_id)
        .join(Product, Product.id == Season.product_id)
        .where(Product.title_id == title.id, Season.runs_during.overlaps(span))
        .group_by(Product.name, Season.name)
        .order_by(Product.name, Season.name)
    ).all()  # fmt: skip
    moved = session.execute(
        select(LabelMovement.move, func.sum(func.upper(LabelMovement.serials) - func.lower(LabelMovement.serials)))
        .join(LabelOrder, LabelOrder.id == LabelMovement.order_id)
        .join(UseCertificate, UseCertificate.id == LabelOrder.certificate_id)
        .where(UseCertificate.title_id == title.id, LabelMovement.at >= first, LabelMovement.at < last)
        .group_by(LabelMovement.move)
    ).all()
    return {
        "seasons": [[product, season, int(eligible), int(extra), int(issued), holders] for product, season, eligible, extra, issued, holders in seasons],
        "moves": {move.value: int(labels) for move, labels in moved},
        "sources": session.scalar(
            select(func.count())
            .select_from(CertificateSource)
            .join(CertificateSource.certificate)
            .outerjoin(GrowingArea, GrowingArea.id == CertificateSource.area_id)
            .outerjoin(ProductionSite, ProductionSite.id == CertificateSource.site_id)
            .where(
                UseCertificate.title_id == title.id, UseCertificate.valid_during.overlaps(span),
                or_(GrowingArea.id.is_not(None), ProductionSite.id.is_not(None)),
            )
        ) or 0,
    }  # fmt: skip
