"""Proposals to suspend a certificate: the system proposes on stated grounds, a person decides by name and with reasons.

What must not live here: the suspension itself (`certificates.decide`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import joinedload

from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound
from trace.models.certificates import CertificateStatus, UseCertificate
from trace.models.control_papers import ProposalState, SuspensionGround, SuspensionProposal
from trace.models.controls import CorrectiveAction, Nonconformity, Severity
from trace.services import certificates, history
from trace.services.certificates import Decision

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.services.reach import Reach

REPEATS_WITHIN = timedelta(days=365)


class DecidedAlready(Conflict):
    """Somebody has decided on this proposal already."""


class DismissalReasonMissing(Invalid):
    """Write why the certificate is not suspended: the holder and the auditors will read it."""


def propose_for(session: Session, found: Nonconformity, *, at: datetime) -> list[SuspensionProposal]:
    """Propose to suspend for what was just found: a critical nonconformity, or a major one that is not the first within a year."""
    grounds = []
    if found.severity is Severity.CRITICAL:
        grounds.append(SuspensionGround.CRITICAL)
    elif found.severity is Severity.MAJOR and _had_major(session, found):
        grounds.append(SuspensionGround.REPEATED_MAJOR)
    return [made for ground in grounds if (made := _propose(session, found, ground, at=at))]


def propose_overdue(session: Session, *, at: datetime) -> int:
    """Propose to suspend for corrections that are overdue and that the holder has not even reported. Returns how many were made."""
    today = at.astimezone(CITY).date()
    reported = exists().where(
        CorrectiveAction.nonconformity_id == Nonconformity.id, CorrectiveAction.verified_at.is_(None)
    )
    proposed = exists().where(
        SuspensionProposal.nonconformity_id == Nonconformity.id, SuspensionProposal.ground == SuspensionGround.OVERDUE
    )
    overdue = session.scalars(
        select(Nonconformity)
        .where(Nonconformity.closed_at.is_(None), Nonconformity.due_on < today, ~reported, ~proposed)
        .order_by(Nonconformity.due_on)
    ).all()
    return sum(1 for found in overdue if _propose(session, found, SuspensionGround.OVERDUE, at=at))


def listing(
    session: Session, *, reach: Reach, state: ProposalState | None = ProposalState.OPEN, certificate_id: UUID | None = None, page: int = 1,
    size: int = 50,
) -> tuple[Sequence[SuspensionProposal], int]:  # fmt: skip
    """Proposals within reach, open ones first, the oldest on top, and how many there are."""
    wanted = [reach.covers(UseCertificate.holder_id, UseCertificate.title_id)]
    if state is not None:
        wanted.append(SuspensionProposal.state == state)
    if certificate_id is not None:
        wanted.append(SuspensionProposal.certificate_id == certificate_id)
    base = select(SuspensionProposal).join(SuspensionProposal.certificate).where(*wanted)
    total = session.scalar(select(func.count()).select_from(base.subquery())) or 0
    statement = (
        base.order_by(SuspensionProposal.state != ProposalState.OPEN, SuspensionProposal.proposed_at)
        .limit(size)
        .offset((page - 1) * size)
        .options(
            joinedload(SuspensionProposal.certificate).options(
                joinedload(UseCertificate.holder), joinedload(UseCertificate.title)
            ),
            joinedload(SuspensionProposal.nonconformity),
            joinedload(SuspensionProposal.decider),
        )
    )
    return session.scalars(statement).all(), total


def get(session: Session, proposal_id: UUID, *, reach: Reach) -> SuspensionProposal:
    """One proposal; not within reach is not found."""
    return _one(session, proposal_id, reach, lock=False)


def accept(
    session: Session, proposal_id: UUID, *, reason: str, document_number: str, by: UUID, at: datetime, reach: Reach
) -> UseCertificate:
    """Suspend the certificate as proposed, by whoever may decide on certificates."""
    proposal = _one(session, proposal_id, reach, lock=True)
    if proposal.state is not ProposalState.OPEN:
        raise DecidedAlready
    suspended = certificates.decide(
        session, proposal.certificate_id, Decision.SUSPEND, reason=reason, document_number=document_number, by=by, at=at, reach=reach
    )  # fmt: skip
    _settle(session, proposal, ProposalState.ACCEPTED, reason, by=by, at=at)
    return suspended


def dismiss(
    session: Session, proposal_id: UUID, *, reason: str, by: UUID, at: datetime, reach: Reach
) -> SuspensionProposal:
    """Leave the certificate as it is, with a reason. Nobody of the holder decides this."""
    proposal = _one(session, proposal_id, reach, lock=True)
    if proposal.state is not ProposalState.OPEN:
        raise DecidedAlready
    if not reason.strip():
        raise DismissalReasonMissing
    if certificates.belongs_to(session, by, proposal.certificate.holder_id, on=at.astimezone(CITY).date()):
        raise certificates.OwnOrganisation
    _settle(session, proposal, ProposalState.DISMISSED, reason, by=by, at=at)
    return proposal


def _settle(
    session: Session, proposal: SuspensionProposal, state: ProposalState, reason: str, *, by: UUID, at: datetime
) -> None:
    proposal.state, proposal.decided_at, proposal.decided_by, proposal.decision_reason = state, at, by, reason
    history.record(
        session, f"suspension_proposal:{'accept' if state is ProposalState.ACCEPTED else 'dismiss'}", proposal.certificate_id,
        by=by, at=at, why=reason, changes={"ground": (proposal.ground, state)},
    )  # fmt: skip
    session.flush()


def _one(session: Session, proposal_id: UUID, reach: Reach, *, lock: bool) -> SuspensionProposal:
    statement = (
        select(SuspensionProposal)
        .join(SuspensionProposal.certificate)
        .where(SuspensionProposal.id == proposal_id, reach.covers(UseCertificate.holder_id, UseCertificate.title_id))
    )
    if lock:
        statement = statement.with_for_update(of=SuspensionProposal).execution_options(populate_existing=True)
    found = session.scalars(statement).one_or_none()
    if found is None:
        raise NotFound
    return found


def _had_major(session: Session, found: Nonconformity) -> bool:
    earlier = exists().where(
        Nonconformity.holder_id == found.holder_id, Nonconformity.title_id == found.title_id, Nonconformity.id != found.id,
        Nonconformity.severity != Severity.MINOR, Nonconformity.found_on > found.found_on - REPEATS_WITHIN,
        # Faults of one visit or one sample are one occasion.
        Nonconformity.visit_id.is_distinct_from(found.visit_id) | Nonconformity.visit_id.is_(None),
        Nonconformity.sample_id.is_distinct_from(found.sample_id) | Nonconformity.sample_id.is_(None),
    )  # fmt: skip
    return bool(session.scalar(select(earlier)))


def _propose(
    session: Session, found: Nonconformity, ground: SuspensionGround, *, at: datetime
) -> SuspensionProposal | None:
    """A proposal about the active certificate of the holder, once; None where there is none, or it was proposed before."""
    today = at.astimezone(CITY).date()
    certificate_id = session.scalar(
        select(UseCertificate.id).where(
            UseCertificate.holder_id == found.holder_id, UseCertificate.title_id == found.title_id,
            UseCertificate.status == CertificateStatus.ACTIVE, UseCertificate.valid_during.contains(today),
        )
    )  # fmt: skip
    if certificate_id is None:
        return None
    made = session.scalars(
        insert(SuspensionProposal)
        .values(
            certificate_id=certificate_id, nonconformity_id=found.id, ground=ground, proposed_at=at, state=ProposalState.OPEN
        )
        .on_conflict_do_nothing(index_elements=["nonconformity_id", "ground"])
        .returning(SuspensionProposal)
    ).one_or_none()  # fmt: skip
    if made is not None:
        history.record(
            session, "suspension_proposal:propose", certificate_id, by=None, at=at, why=found.description,
            changes={"ground": (None, ground)},
        )  # fmt: skip
    return made
