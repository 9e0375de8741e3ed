"""What people arrange on the desk for themselves: saved filters, keys; what they did to many things at once; and the indexes of the lists.

The indexes stand here, beside neither signals nor cases, because they follow from the order in which `queue` shows both.
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Table, TextClause, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from enforcement.models.base import DESK
from enforcement.models.cases import CaseFile
from enforcement.models.signals import Signal, SignalCluster
from trace.models.base import Base, uuid_pk
from trace.models.parties import AppUser


class DeskList(StrEnum):
    """The lists of the desk (never shown)."""

    SIGNALS = "signals"
    CASES = "cases"


class BulkKind(StrEnum):
    """What may be done to many at once."""

    ASSIGN = "assign"
    WEIGH = "weigh"
    WAIT = "wait"
    REJECT = "reject"
    ADD = "add"


class SavedFilter(Base):
    """A filter with a name. `query` is what stands in the address behind the question mark, so that the address is the filter."""

    __tablename__ = "saved_filter"
    __table_args__ = (
        UniqueConstraint("owner_id", "name"),
        CheckConstraint("length(btrim(name)) BETWEEN 1 AND 60", name="name_present"),
        CheckConstraint("length(query) <= 600", name="query_bounded"),
        Index(None, "shared", postgresql_where=text("shared")),
        DESK,
    )

    id: Mapped[uuid_pk]
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    list: Mapped[DeskList]
    name: Mapped[str]
    query: Mapped[str]
    shared: Mapped[bool] = mapped_column(server_default=text("false"))
    made_at: Mapped[datetime]

    owner: Mapped[AppUser] = relationship()


class BulkDeed(Base):
    """One deed done to many: what each was before, and which version it had afterwards, so that undoing it harms nothing newer."""

    __tablename__ = "bulk_deed"
    __table_args__ = (
        CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="undoer_when_undone"),
        CheckConstraint("undone_at >= at", name="undone_after_done"),
        CheckConstraint("jsonb_typeof(done -> 'items') = 'array'", name="done_lists_items"),
        Index(None, "by", "at"),
        DESK,
    )

    id: Mapped[uuid_pk]
    list: Mapped[DeskList]
    kind: Mapped[BulkKind]
    at: Mapped[datetime]
    by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    reason: Mapped[str | None]
    facts: Mapped[dict[str, Any]]
    done: Mapped[dict[str, Any]]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))

    author: Mapped[AppUser] = relationship(foreign_keys=[by])
    undoer: Mapped[AppUser | None] = relationship(foreign_keys=[undone_by])


class DeskSetting(Base):
    """What one person chose for their desk."""

    __tablename__ = "desk_setting"
    __table_args__ = (DESK,)

    person_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"), primary_key=True)
    keys: Mapped[bool] = mapped_column(server_default=text("true"))


UNDECIDED = "signal.state IN ('new', 'waiting')"
ON_HOLD = "signal_cluster.fresh = 0 AND signal_cluster.waiting > 0"
TAKEN = "signal.case_id IS NOT NULL"
OPEN = "case_file.state NOT IN ('closed', 'archived') AND case_file.merged_into_id IS NULL"
SIGNAL_DIGITS = "(ltrim(split_part(signal.source_number, '-', 3), '0'))"
CASE_DIGITS = "(ltrim(split_part(case_file.number, '-', 3), '0'))"
"""The very expressions of the indexes: a query that says them otherwise reads a million rows."""


def _bare(expression: str, opclass: str = "") -> TextClause:
    """An expression as an index of its own table says it."""
    return text(re.sub(r"\b(signal|signal_cluster|case_file)\.", "", expression) + opclass)


_PRESSING = (CaseFile.next_due_at, CaseFile.severity.desc(), CaseFile.opened_at, CaseFile.id)
_SIGNAL, _CASE = cast("Table", Signal.__table__), cast("Table", CaseFile.__table__)

Index("ix_signal_undecided_commune", Signal.commune_code, Signal.cluster_id, postgresql_where=_bare(UNDECIDED))
Index("ix_signal_undecided_source", Signal.source, Signal.cluster_id, postgresql_where=_bare(UNDECIDED))
for _name, _where in (("undecided", UNDECIDED), ("taken", TAKEN)):
    Index(
        f"ix_signal_{_name}_words", _bare("words", " gin_trgm_ops"), _table=_SIGNAL,
        postgresql_using="gin", postgresql_where=_bare(_where),
    )  # fmt: skip
Index("ix_signal_number", _bare("source_number", " text_pattern_ops"), _table=_SIGNAL)
Index("ix_signal_digits", _bare(SIGNAL_DIGITS), _table=_SIGNAL)

Index(
    "ix_signal_cluster_on_hold",
    SignalCluster.wait_until, SignalCluster.due_at, SignalCluster.severity.desc(), SignalCluster.oldest_at, SignalCluster.id,
    postgresql_where=_bare(ON_HOLD),
)  # fmt: skip

Index("ix_case_file_pressing", *_PRESSING)
Index("ix_case_file_open", *_PRESSING, postgresql_where=_bare(OPEN))
Index("ix_case_file_open_newest", CaseFile.opened_at, postgresql_where=_bare(OPEN))
Index("ix_case_file_open_officer", CaseFile.officer_id, *_PRESSING, postgresql_where=_bare(OPEN))
Index("ix_case_file_state", CaseFile.state, *_PRESSING)
Index("ix_case_file_words", _bare("words", " gin_trgm_ops"), _table=_CASE, postgresql_using="gin")
Index("ix_case_file_number", _bare("number", " text_pattern_ops"), _table=_CASE)
Index("ix_case_file_digits", _bare(CASE_DIGITS), _table=_CASE)
