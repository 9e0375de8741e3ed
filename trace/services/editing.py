"""Changing a record that others may be changing too: nobody overwrites what they have not seen, and nothing typed is lost.

A form carries the revision it was drawn from. What must not live here: the rules of any one record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Integer, cast, select

from trace.errors import Conflict, NotFound
from trace.models.history import History
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

R = TypeVar("R", bound=Any)


class EditedMeanwhile(Conflict):
    """Somebody else changed this record while you were writing.

    See what was changed, keep what is right, and save again.
    """

    def __init__(self, record: Any, deeds: Sequence[History]) -> None:
        super().__init__()
        self.record = record
        self.deeds = deeds


def locked(session: Session, statement: Select[R], *, revision: int) -> R:
    """The one record of a statement, locked for a change from a revision that its writer saw.

    Raises `NotFound`, or `EditedMeanwhile` with the record as it is now and the deeds done since.
    """
    record: R | None = session.scalars(
        statement.with_for_update(key_share=True, of=statement.column_descriptions[0]["entity"]).execution_options(
            populate_existing=True
        )
    ).one_or_none()
    if record is None:
        raise NotFound
    if record.revision != revision:
        raise EditedMeanwhile(record, deeds_since(session, record.id, revision))
    return record


def deeds_since(session: Session, record_id: UUID, revision: int) -> Sequence[History]:
    """What was changed of a record after a revision, oldest first."""
    reached = cast(History.changes["revision"][1].astext, Integer)
    return session.scalars(
        select(History).where(History.subject_id == record_id, reached > revision).order_by(History.id)
    ).all()


def change(
    session: Session,
    record: Any,
    deed: str,
    values: Mapping[str, object],
    *,
    by: UUID,
    at: datetime,
    why: str | None = None,
    shown: Mapping[str, tuple[object, object]] | None = None,
    flush: bool = True,
) -> bool:
    """Give a locked record new values and write the deed; False when nothing differs.

    `shown` stands in the history for what is no plain column (a boundary, a list of rows). Whoever changes thousands does without
    `flush`, and sends them together at the end.
    """
    changes: dict[str, tuple[object, object]] = {
        name: (old, new) for name, new in values.items() if (old := getattr(record, name)) != new
    }
    for name, (_, new) in changes.items():
        setattr(record, name, new)
    changes.update(shown or {})
    if not changes:
        return False
    changes["revision"] = (record.revision, record.revision + 1)
    record.revision += 1
    history.record(session, deed, record.id, by=by, at=at, changes=changes, why=why)
    if flush:
        session.flush()
    return True
