"""Whose records a person may see: those of their own organisation, of the titles it manages, or all.

A record outside one's reach is not found: absent and not yours look alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, false, or_, select, true

from trace.models.titles import TitleRole, TitleRoleKind

if TYPE_CHECKING:
    from datetime import date
    from uuid import UUID

    from sqlalchemy.orm import InstrumentedAttribute, Session


@dataclass(frozen=True)
class Reach:
    """The holders and titles whose records are open to somebody, or everything."""

    holders: frozenset[UUID] = frozenset()
    titles: frozenset[UUID] = frozenset()
    everything: bool = False

    def covers(
        self, holder_id: InstrumentedAttribute[UUID] | None, title_id: InstrumentedAttribute[UUID] | None = None
    ) -> ColumnElement[bool]:
        """The condition on a statement's holder and title columns."""
        if self.everything:
            return true()
        conditions: list[ColumnElement[bool]] = []
        if holder_id is not None and self.holders:
            conditions.append(holder_id.in_(self.holders))
        if title_id is not None and self.titles:
            conditions.append(title_id.in_(self.titles))
        return or_(*conditions) if conditions else false()

    def includes(self, *, holder_id: UUID | None = None, title_id: UUID | None = None) -> bool:
        """The same for a record in hand."""
        return self.everything or holder_id in self.holders or title_id in self.titles


def titles_of(session: Session, parties: frozenset[UUID], *, on: date) -> frozenset[UUID]:
    """The titles that these parties manage, control or own on a day."""
    if not parties:
        return frozenset()
    roles = (TitleRoleKind.MANAGING_BODY, TitleRoleKind.CONTROL_BODY, TitleRoleKind.OWNER)
    statement = select(TitleRole.title_id).where(
        TitleRole.party_id.in_(parties), TitleRole.role.in_(roles), TitleRole.valid_during.contains(on)
    )
    return frozenset(session.scalars(statement))
