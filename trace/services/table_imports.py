"""Bringing a table in: taken as a file, judged as a whole, shown, then recorded all or nothing, or only its good rows.

The file is read and judged anew each time, so what is shown is how things stand. What must not live here: cells (`table_cells`),
and what each kind of row becomes (`member_rows`, `area_rows`, `lot_rows`, `visit_rows`).
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from trace.errors import NotFound, broken_constraint
from trace.models.area_imports import ImportState
from trace.models.files import StoredFile
from trace.models.members import TableImport, TableKind
from trace.services import (
    area_rows,
    files,
    history,
    lot_rows,
    member_rows,
    members,
    table_choices,
    table_forms,
    table_reading,
    visit_rows,
)
from trace.services import table_faults as faults

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path
    from typing import BinaryIO
    from uuid import UUID

    from trace.services.area_imports import Asker
    from trace.services.table_reading import Row, Table

FILES_KEPT = timedelta(days=90)
"""How long the file of a table lies here once its rows are recorded, or given up, or waited for in vain."""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_TAKEN_MEANWHILE = frozenset(
    {
        "ex_membership_once", "ex_membership_code", "ex_membership_national_id", "uq_party_tax_code", "uq_lot_holder_id_code",
        "ex_growing_area_code_one_state",
    }
)  # fmt: skip
"""What another person may have recorded between the judging and the writing."""
_HANDLERS: dict[TableKind, Any] = {
    TableKind.MEMBERS: member_rows, TableKind.AREAS: area_rows, TableKind.LOTS: lot_rows, TableKind.VISITS: visit_rows,
}  # fmt: skip


@dataclass(frozen=True)
class Judged:
    """A table with what there is to say about each row."""

    table: Table

    @property
    def rows(self) -> Sequence[Row]:
        """All rows, judged."""
        return self.table.rows

    @property
    def good(self) -> list[Row]:
        """The rows that can be recorded."""
        return [row for row in self.rows if not row.faulty and not row.known]

    @property
    def faulty(self) -> list[Row]:
        """The rows with a fault."""
        return [row for row in self.rows if row.faulty]

    @property
    def known(self) -> list[Row]:
        """The rows that the register holds already."""
        return [row for row in self.rows if row.known and not row.faulty]


def start(
    session: Session, store: Path, stream: BinaryIO, *, kind: TableKind, name: str, holder_id: UUID, who: Asker
) -> TableImport:
    """Take a table in and judge its rows. Nothing is recorded yet.

    Raises `NotFound` for a holder out of reach, and what `table_reading.read` raises when no rows can be read at all.
    """
    if holder_id not in {party.id for party in table_choices.holders(session, kind, who=who)}:
        raise NotFound
    data = stream.read(files.MOST_BYTES + 1)
    if len(data) > files.MOST_BYTES:
        raise files.FileTooLarge(most=files.MOST_BYTES // 2**20)
    if not data:
        raise files.FileEmpty
    judged = _judged(session, data, kind, holder_id, who)
    media_type = XLSX if data.startswith(b"PK") else "text/csv"
    kept = files.keep(session, store, io.BytesIO(data), name=name, media_type=media_type, at=who.at, by=who.by)
    made = TableImport(
        kind=kind,
        holder_id=holder_id,
        file_id=kept.id,
        asked_at=who.at,
        asked_by=who.by,
        state=ImportState.OPEN,
        taken=0,
    )
    _count(made, judged)
    session.add(made)
    session.flush()
    history.record(session, "table_import:start", made.id, by=who.by, at=who.at, changes={"file": (None, kept.name)})
    return made


def get(session: Session, import_id: UUID, *, reaches: Mapping[TableKind, Asker]) -> TableImport:
    """One import; not within reach is not found. `reaches` says who asks, for each kind that they may bring in."""
    made = session.scalars(
        select(TableImport)
        .where(TableImport.id == import_id)
        .options(joinedload(TableImport.holder), joinedload(TableImport.file), joinedload(TableImport.asker))
    ).one_or_none()
    if made is None or made.kind not in reaches:
        raise NotFound
    if made.asked_by != reaches[made.kind].by and not _covers(session, made, reaches[made.kind]):
        raise NotFound
    return made


def listing(session: Session, *, who: Asker, kinds: Iterable[TableKind], limit: int = 30) -> Sequence[TableImport]:
    """The latest tables of the own hand, and of the own organisations."""
    wanted = (TableImport.asked_by == who.by) | TableImport.holder_id.in_(who.reach.holders)
    return session.scalars(
        select(TableImport)
        .where(TableImport.kind.in_(list(kinds)), wanted)
        .order_by(TableImport.asked_at.desc(), TableImport.id)
        .limit(limit)
        .options(joinedload(TableImport.holder), joinedload(TableImport.file), joinedload(TableImport.asker))
    ).all()


def look(session: Session, store: Path, made: TableImport, *, who: Asker) -> Judged:
    """The rows of an import as they stand now. Raises `FileDropped` once its file has gone."""
    return _judged(session, files.read_original(store, made.file), made.kind, made.holder_id, who)


def take(
    session: Session, store: Path, import_id: UUID, *, only_good: bool, seen_good: int, reaches: Mapping[TableKind, Asker]
) -> TableImport:  # fmt: skip
    """Record the rows: all, or with `only_good` those without faults. `seen_good` is how many its reader saw to be good.

    Raises `NotFound`, `ImportOver`, `RowsFaulty`, `NothingToRecord`, or `ChangedSinceShown` with nothing written.
    """
    made = _locked(session, import_id, reaches)
    who = reaches[made.kind]
    members.hold(session, made.holder_id)
    judged = look(session, store, made, who=who)
    if len(judged.good) != seen_good:
        raise faults.ChangedSinceShown
    if judged.faulty and not only_good:
        raise faults.RowsFaulty(rows=len(judged.faulty))
    if not judged.good:
        raise faults.NothingToRecord
    _count(made, judged)
    try:
        with session.begin_nested():
            handler = _HANDLERS[made.kind]
            taken = handler.take(session, judged.good, holder_id=made.holder_id, who=who, source=made.id)
    except (IntegrityError, psycopg.IntegrityError) as exc:  # COPY goes past SQLAlchemy, and so do its errors
        name = exc.diag.constraint_name if isinstance(exc, psycopg.Error) else broken_constraint(exc)
        if name in _TAKEN_MEANWHILE:
            raise faults.ChangedSinceShown from exc
        raise
    made.taken = taken
    made.state, made.finished_at, made.finished_by = ImportState.DONE, who.at, who.by
    history.record(
        session, "table_import:take", made.id, by=who.by, at=who.at,
        changes={"total": (None, made.total), "faulty": (None, made.faulty), "taken": (None, made.taken)},
    )  # fmt: skip
    session.flush()
    return made


def give_up(session: Session, import_id: UUID, *, reaches: Mapping[TableKind, Asker]) -> TableImport:
    """End an import without recording anything."""
    made = _locked(session, import_id, reaches)
    who = reaches[made.kind]
    made.state, made.finished_at, made.finished_by = ImportState.GIVEN_UP, who.at, who.by
    history.record(session, "table_import:give_up", made.id, by=who.by, at=who.at)
    session.flush()
    return made


def drop_files(session: Session, *, at: datetime) -> int:
    """Let the files go that have done their work: they hold what the register keeps now, of members down to their personal numbers.

    The import stays with its figures, and with the name, size and hash of its file. Returns how many went.
    """
    done = select(TableImport.file_id).where(
        func.coalesce(TableImport.finished_at, TableImport.asked_at) < at - FILES_KEPT
    )
    gone = session.execute(
        update(StoredFile).where(StoredFile.id.in_(done), StoredFile.dropped_at.is_(None)).values(dropped_at=at),
        execution_options={"synchronize_session": False},
    )
    return int(gone.rowcount)  # type: ignore[attr-defined]


def _locked(session: Session, import_id: UUID, reaches: Mapping[TableKind, Asker]) -> TableImport:
    made = get(session, import_id, reaches=reaches)
    session.refresh(made, with_for_update={"of": TableImport})
    if made.state is not ImportState.OPEN:
        raise faults.ImportOver
    return made


def _covers(session: Session, made: TableImport, who: Asker) -> bool:
    return made.holder_id in {party.id for party in table_choices.holders(session, made.kind, who=who)}


def _judged(session: Session, data: bytes, kind: TableKind, holder_id: UUID, who: Asker) -> Judged:
    form = table_forms.FORMS[kind]
    table = table_reading.read(data, form)
    table_reading.check_cells(table.rows, form)
    _HANDLERS[kind].judge(session, table.rows, holder_id=holder_id, who=who)
    return Judged(table)


def _count(made: TableImport, judged: Judged) -> None:
    made.total, made.faulty, made.known = len(judged.rows), len(judged.faulty), len(judged.known)
