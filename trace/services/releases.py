"""Releases of lots by an external certifier or control body, where the use regulation of the title asks for them.

What must not live here: the certification of a lot, which asks here whether a release stands (`lots`, and the label gate by `facts`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, joinedload

from trace.clock import CITY
from trace.errors import Conflict, Forbidden, Invalid, NotFound, Refused, TemThatError
from trace.models.certificates import UseCertificate
from trace.models.events import BusinessStep, Disposition
from trace.models.lots import Lot, LotRelease, LotState
from trace.models.parties import Role, RoleGrant
from trace.models.titles import TitleRole, TitleRoleKind
from trace.services import events, files, history, lot_chain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from pathlib import Path
    from typing import BinaryIO
    from uuid import UUID

    from trace.services.reach import Reach


class NotExternal(Forbidden):
    """A release comes from outside: from a certifier of a body that neither owns nor manages the title nor holds the lot.

    Ask the external certifier or control body of this title.
    """


class ReleaseDocumentMissing(Invalid):
    """A release names its document.

    Write the number and date of the test report or certificate.
    """


class ReleaseFileMissing(Invalid):
    """A release carries its document as a file.

    Choose the PDF or a photo of it.
    """


class RecalledAlready(Conflict):
    """This lot was recalled. It is not released any more."""


def release(
    session: Session, store: Path, lot_id: UUID, stream: BinaryIO | None, *, name: str, conforms: bool, document: str, note: str | None,
    by: UUID, at: datetime, reach: Reach,
) -> LotRelease:  # fmt: skip
    """Record what an external body found of a lot. A later release takes the place of an earlier one; both stay on record."""
    lot = session.scalars(
        select(Lot)
        .join(Lot.certificate)
        .where(Lot.id == lot_id, reach.covers(Lot.holder_id, UseCertificate.title_id))
        .with_for_update(of=Lot, key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if lot is None:
        raise NotFound
    body_id = _external_body(session, lot, by, on=at.astimezone(CITY).date())
    if body_id is None:
        raise NotExternal
    if lot.state is LotState.RECALLED:
        raise RecalledAlready
    reasons: list[TemThatError] = []
    if not document.strip():
        reasons.append(ReleaseDocumentMissing())
    if stream is None:
        reasons.append(ReleaseFileMissing())
    if reasons or stream is None:
        raise Refused(reasons)
    stored = files.receive(session, store, stream, name=name, at=at, by=by)
    made = LotRelease(
        lot_id=lot.id, conforms=conforms, document=document.strip(), file_id=stored.id, body_id=body_id,
        note=(note or "").strip() or None, at=at, by=by,
    )  # fmt: skip
    session.add(made)
    history.record(
        session, "lot:release", lot.id, by=by, at=at, why=made.note,
        changes={"conforms": (None, conforms), "document": (None, made.document)},
    )  # fmt: skip
    found = Disposition.CONFORMANT if conforms else Disposition.NON_CONFORMANT
    how = {"document": made.document, "file_sha256": stored.sha256}
    events.about_lot(session, lot, BusinessStep.INSPECTING, found, by=by, at=at, how=how)
    session.flush()
    return made


def of_lot(session: Session, lot_id: UUID) -> Sequence[LotRelease]:
    """The releases of a lot, latest first."""
    return session.scalars(
        select(LotRelease)
        .where(LotRelease.lot_id == lot_id)
        .order_by(LotRelease.at.desc())
        .options(joinedload(LotRelease.file), joinedload(LotRelease.body), joinedload(LotRelease.releaser))
    ).all()


def stands(session: Session, lot: Lot) -> bool:
    """Whether a lot is released: by its own latest release, or, of a merged or split one, if all that it came from are."""
    latest = session.scalars(
        select(LotRelease.conforms).where(LotRelease.lot_id == lot.id).order_by(LotRelease.at.desc()).limit(1)
    ).one_or_none()
    if latest is not None:
        return latest
    needed = lot_chain.origins(session, lot.id) - {lot.id}
    last = (
        select(LotRelease.lot_id, LotRelease.conforms)
        .where(LotRelease.lot_id.in_(needed))
        .ext(distinct_on(LotRelease.lot_id))
        .order_by(LotRelease.lot_id, LotRelease.at.desc())
    )
    released = {lot_id for lot_id, conforms in session.execute(last) if conforms}
    return bool(needed) and needed == released


def get_file(session: Session, release_id: UUID, *, reach: Reach) -> LotRelease:
    """A release with its file; of a lot out of reach it is not found."""
    found = session.scalars(
        select(LotRelease)
        .join(Lot, Lot.id == LotRelease.lot_id)
        .join(Lot.certificate)
        .where(LotRelease.id == release_id, reach.covers(Lot.holder_id, UseCertificate.title_id))
        .options(joinedload(LotRelease.file))
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def _external_body(session: Session, lot: Lot, by: UUID, *, on: date) -> UUID | None:
    """The control body of the title for which a person certifies on a day, unless it also owns or manages the title or holds the lot."""
    title_id = lot.certificate.title_id
    inside = select(TitleRole.party_id).where(
        TitleRole.title_id == title_id, TitleRole.valid_during.contains(on),
        TitleRole.role.in_((TitleRoleKind.OWNER, TitleRoleKind.MANAGING_BODY)),
    )  # fmt: skip
    return session.scalars(
        select(RoleGrant.party_id)
        .join(TitleRole, TitleRole.party_id == RoleGrant.party_id)
        .where(
            RoleGrant.user_id == by, RoleGrant.role == Role.CERTIFIER, RoleGrant.valid_during.contains(on),
            TitleRole.title_id == title_id, TitleRole.role == TitleRoleKind.CONTROL_BODY, TitleRole.valid_during.contains(on),
            RoleGrant.party_id.not_in(inside), RoleGrant.party_id != lot.holder_id,
        )
        .limit(1)
    ).one_or_none()  # fmt: skip
