"""The photos and papers of control, read by whoever may read the record that they belong to."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import joinedload

from trace.errors import NotFound
from trace.models.control_papers import ControlFile, ControlSample
from trace.models.controls import ControlVisit, CorrectiveAction, Nonconformity
from trace.models.files import StoredFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.services.reach import Reach


def get(session: Session, control_file_id: UUID, *, reach: Reach) -> StoredFile:
    """The file behind a photo or paper; not within reach is not found."""
    found = session.scalars(
        select(ControlFile)
        .outerjoin(ControlVisit, ControlVisit.id == ControlFile.visit_id)
        .outerjoin(ControlSample, ControlSample.id == ControlFile.sample_id)
        .outerjoin(CorrectiveAction, CorrectiveAction.id == ControlFile.action_id)
        .outerjoin(Nonconformity, Nonconformity.id == CorrectiveAction.nonconformity_id)
        .where(
            ControlFile.id == control_file_id,
            or_(
                reach.covers(ControlVisit.holder_id, ControlVisit.title_id),
                reach.covers(ControlSample.holder_id, ControlSample.title_id),
                reach.covers(Nonconformity.holder_id, Nonconformity.title_id),
            ),
        )
        .options(joinedload(ControlFile.file))
    ).one_or_none()
    if found is None:
        raise NotFound
    return found.file


def about(session: Session, found: Nonconformity) -> Sequence[ControlFile]:
    """The photos and papers about a nonconformity: of the item that failed, of the sample, and of its corrective actions."""
    wanted: list[ColumnElement[bool]] = [ControlFile.action_id.in_([action.id for action in found.actions])]
    if found.visit_id and found.item_id:
        wanted.append((ControlFile.visit_id == found.visit_id) & (ControlFile.item_id == found.item_id))
    if found.sample_id:
        wanted.append(ControlFile.sample_id == found.sample_id)
    return session.scalars(
        select(ControlFile).where(or_(*wanted)).order_by(ControlFile.added_at).options(joinedload(ControlFile.file))
    ).all()


def count(session: Session, condition: ColumnElement[bool]) -> int:
    """How many photos and papers there are."""
    return session.scalar(select(func.count()).select_from(ControlFile).where(condition)) or 0


def known(session: Session, condition: ColumnElement[bool], stream: BinaryIO) -> ControlFile | None:
    """The photo or paper of the same bytes that a record holds already, so that a form sent twice adds nothing."""
    place = stream.tell()
    digest = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]  # any binary stream will do
    stream.seek(place)
    return session.scalars(
        select(ControlFile).join(ControlFile.file).where(condition, StoredFile.sha256 == digest).limit(1)
    ).one_or_none()
