"""Asking for the bundle of a case and what becomes of it. Making one is a deed: who, when, why, and the number to compare, in the case.

The worker makes it in three steps, so that no lock is held while gigabytes are copied. What must not live here: what is in it (`bundle`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select
from sqlalchemy.orm import joinedload

from enforcement import membership
from enforcement.casebook import lock, said, standing, write
from enforcement.evidence import ONE_LOOK
from enforcement.models import BundleState, CaseBundle
from trace.errors import Conflict, NotFound
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.bundle import Written

GIVEN_UP_AFTER = timedelta(minutes=30)
"""A bundle that a worker took up and did not finish in this time is taken up again."""


class BundleUnderway(Conflict):
    """A bundle of this case is being made already.

    Wait until it is ready.
    """


class BundleGone(Conflict):
    """The file of this bundle is not what was made, or is gone, so it is not given out.

    Ask for a new bundle, and tell the administrator.
    """


def ask(session: Session, case_id: UUID, *, reason: str, shared: bool, by: UUID, at: datetime) -> CaseBundle:
    """Ask for a bundle. A closed case can be bundled too; one that was merged away goes with the one that carries on."""
    case = lock(session, case_id)
    standing(session, case)
    why = said(reason)
    of_case_ = select(CaseBundle).where(CaseBundle.case_id == case_id)
    if session.scalars(of_case_.where(CaseBundle.state == BundleState.WAITING)).first() is not None:
        raise BundleUnderway
    last = session.scalar(select(func.max(CaseBundle.number)).where(CaseBundle.case_id == case_id)) or 0
    made = CaseBundle(
        case_id=case_id, number=last + 1, shared=shared, reason=why, asked_at=at, asked_by=by, state=BundleState.WAITING
    )
    session.add(made)
    session.flush()
    facts = {"bundle": made.number, "shared": shared}
    write(session, case, "ask_bundle", by=by, at=at, note=why, facts=facts)
    history.record(session, "case:bundle", case.id, by=by, at=at, changes={"bundle": (None, made.number)}, why=why)
    session.flush()
    return made


def take_up(session: Session, *, at: datetime) -> CaseBundle | None:
    """The bundle that has waited longest and that nobody works on."""
    free = or_(CaseBundle.taken_up_at.is_(None), CaseBundle.taken_up_at < at - GIVEN_UP_AFTER)
    statement = select(CaseBundle).where(CaseBundle.state == BundleState.WAITING, free).order_by(CaseBundle.asked_at)
    found = session.scalars(statement.limit(1).with_for_update(skip_locked=True)).one_or_none()
    if found is not None:
        found.taken_up_at = at
        session.flush()
    return found


def finish(session: Session, bundle_id: UUID, written: Written, *, at: datetime) -> CaseBundle:
    """It lies in its place: the case says so, with the number that strangers compare."""
    bundle = _locked(session, bundle_id)
    if bundle.state is not BundleState.WAITING:
        return bundle  # another worker was quicker; both made the same bytes
    bundle.state, bundle.made_at = BundleState.MADE, at
    bundle.sha256, bundle.sums_sha256 = written.sha256, written.sums_sha256
    bundle.size, bundle.files = written.size, written.files
    facts = {"bundle": bundle.number, "sums_sha256": written.sums_sha256, "sha256": written.sha256}
    case_id = membership.survivor(session, bundle.case_id)  # it may have been merged away meanwhile
    write(session, lock(session, case_id), "bundle", by=bundle.asked_by, at=at, facts=facts)
    session.flush()
    return bundle


def taken_out(session: Session, bundle: CaseBundle, *, by: UUID, at: datetime) -> None:
    """Somebody takes the ZIP with all that is in it: the case says who and when, once in `ONE_LOOK`."""
    changes = {"bundle": (None, bundle.number)}

    def told() -> bool:
        since = at - ONE_LOOK
        return history.lately(session, "case:fetch_bundle", bundle.case_id, by=by, since=since, changes=changes)

    if told():
        return
    case = lock(session, membership.survivor(session, bundle.case_id))
    if told():  # the other parts of the same file are asked for at the same moment
        return
    write(session, case, "fetch_bundle", by=by, at=at, facts={"bundle": bundle.number, "sha256": bundle.sha256})
    history.record(session, "case:fetch_bundle", bundle.case_id, by=by, at=at, changes=changes)
    session.flush()


def fail(session: Session, bundle_id: UUID, fault: str, *, at: datetime) -> None:
    """It could not be made, and why. Asking again is up to people."""
    bundle = _locked(session, bundle_id)
    if bundle.state is BundleState.WAITING:
        bundle.state, bundle.fault, bundle.taken_up_at = BundleState.FAILED, fault, at
        session.flush()


def of_case(session: Session, case_id: UUID) -> Sequence[CaseBundle]:
    """All bundles of a case, latest first."""
    statement = select(CaseBundle).where(CaseBundle.case_id == case_id).options(joinedload(CaseBundle.asker))
    return session.scalars(statement.order_by(CaseBundle.number.desc())).all()


def get(session: Session, case_id: UUID, number: int) -> CaseBundle:
    """One bundle of a case."""
    statement = select(CaseBundle).where(CaseBundle.case_id == case_id, CaseBundle.number == number)
    found = session.scalars(statement.options(joinedload(CaseBundle.asker))).one_or_none()
    if found is None:
        raise NotFound
    return found


def path_of(folder: Path, bundle: CaseBundle) -> Path:
    """Where a bundle that was made lies."""
    return folder / f"{bundle.sha256}.zip"


def _locked(session: Session, bundle_id: UUID) -> CaseBundle:
    return session.scalars(select(CaseBundle).where(CaseBundle.id == bundle_id).with_for_update()).one()
