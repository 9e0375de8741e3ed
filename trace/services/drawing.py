"""Files of labels drawn in the background: asked for, drawn by a worker, kept for a month, drawn again on demand.

Drawing writes beside the place, syncs and renames: a file is whole or absent. Nothing is committed here; the worker in `jobs`
does that, and whoever commits less than once a minute is taken for dead.
"""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import ColumnElement, func, or_, select, text, update
from sqlalchemy.orm import joinedload

from labels.layout import RollLayout
from trace.errors import Conflict, Invalid, NotFound, Refused
from trace.models.labels import LabelOrder, PrintRun
from trace.models.printing import Drawing, DrawingFault, DrawingKind, DrawingState
from trace.services import history, ordering, outputs, printing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

    from labels.keys import Keyring
    from labels.source import Block, Labels
    from trace.services.reach import Reach

KEPT = timedelta(days=30)
DEAD_AFTER = timedelta(seconds=60)
OVERDUE_AFTER = timedelta(seconds=15)
"""A file that still waits after this was lost by the queue, or the worker is busy; asking twice does no harm."""
MOST_TRIES = 3
TASK = "draw_file"
OPEN = (DrawingState.WAITING, DrawingState.RUNNING)
MEDIA_TYPES = {
    DrawingKind.PDF: "application/pdf", DrawingKind.PNG: "application/zip", DrawingKind.SVG: "application/zip",
    DrawingKind.ZPL: "application/octet-stream", DrawingKind.CSV: "text/csv",
    DrawingKind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", DrawingKind.ZIP: "application/zip",
}  # fmt: skip
MOST_PICTURES = 20_000
_AT_ONCE = 2000
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


class OnlyForRolls(Invalid):
    """ZPL is for roll printers, and this print is laid out on sheets.

    Print on a roll layout, or choose another kind of file.
    """


class TooManyPictures(Invalid):
    """A picture of each of %(labels)s labels is too much for one file; at most %(most)s are drawn.

    Take the PDF or the list, or order in smaller parts.
    """


class FileGone(Invalid):
    """This file is no longer kept.

    Ask for it again: it is drawn anew with the same content.
    """


class Stopped(Exception):
    """The drawing was cancelled, or another worker took it over."""


@dataclass(frozen=True)
class Written:
    """A whole file in its place."""

    sha256: bytes
    size: int


@dataclass
class Counted:
    """Labels as they are drawn, counted. A ZIP goes through them several times."""

    labels: Labels
    rounds: int = 1
    pulse: Callable[[], None] = lambda: None
    """Called now and then where nothing can be written yet."""
    seen: int = 0

    @property
    def done(self) -> int:
        """How far it is, as a number of labels."""
        return self.seen // self.rounds

    def blocks(self, size: int) -> Iterator[Block]:
        """As `labels.source.Source.blocks`."""
        for block in self.labels.blocks(size):
            yield block
            self.seen += len(block)

    def ranges(self) -> Iterator[range]:
        """The serials in short ranges, with a sign of life after each."""
        for serials in self.labels.ranges:
            for start in range(0, len(serials), _AT_ONCE):
                part = serials[start : start + _AT_ONCE]
                yield part
                self.seen += len(part)
                self.pulse()


@dataclass(frozen=True)
class Work:
    """A drawing ready to be written: it needs the database no longer."""

    pieces: Iterable[bytes]
    counted: Counted


def ask(
    session: Session, order_id: UUID, run: int, kind: DrawingKind, *, keyring: Keyring, host: str, by: UUID, at: datetime,
    reach: Reach, native: bool = True,
) -> Drawing:  # fmt: skip
    """Ask for a file of a print. One that is under way or kept is given back; what would stop the drawing is refused here.

    `native`: whether the printer draws the symbols of ZPL itself, or gets them as pictures. The worker is called in the same transaction, so no request is lost between two commits.
    """
    order = ordering.get(session, order_id, reach=reach)
    printed = printing.open_run(session, order, run, at=at, reach=reach)
    # Two who ask at once wait for each other here.
    session.execute(select(LabelOrder.id).where(LabelOrder.id == order_id).with_for_update(key_share=True))
    params: dict[str, Any] = {"native": native} if kind is DrawingKind.ZPL else {}
    same = (Drawing.order_id == order_id, Drawing.run == run, Drawing.kind == kind, Drawing.params == params)
    kept = session.scalars(
        select(Drawing).where(*same, or_(Drawing.state.in_(OPEN), _kept())).order_by(Drawing.asked_at.desc()).limit(1)
    ).one_or_none()
    if kept is not None:
        return kept
    work = _work(session, order, printed, kind, params, keyring=keyring, host=host)
    made = Drawing(
        order_id=order_id, run=run, kind=kind, params=params, state=DrawingState.WAITING, total=len(work.counted.labels), asked_at=at, asked_by=by,
        name=f"tem-{order.number}-{run}.{kind.value}",
    )  # fmt: skip
    session.add(made)
    session.flush()
    changes: dict[str, tuple[object, object]] = {"run": (None, run), "kind": (None, kind)}
    history.record(session, "order:draw_file", order_id, by=by, at=at, changes=changes)
    call_worker(session, made.id)
    return made


def if_large(
    session: Session, run: PrintRun, *, keyring: Keyring, host: str, by: UUID, at: datetime, reach: Reach
) -> Drawing | None:
    """The file of a print that is too large to be drawn while somebody waits; None if it is not."""
    order = ordering.get(session, run.order_id, reach=reach)
    if printing.count_of(session, order, run) <= printing.MOST_STREAMED:
        return None
    return ask(session, order.id, run.run, DrawingKind.PDF, keyring=keyring, host=host, by=by, at=at, reach=reach)


def call_worker(session: Session, drawing_id: UUID) -> None:
    """Put the drawing into the job queue, as part of this transaction."""
    before = session.scalars(text("SELECT current_setting('search_path')")).one()
    search_path = text("SELECT set_config('search_path', :path, true)")
    session.execute(search_path, {"path": "jobs,public"})
    session.execute(
        text(
            "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('default', :task, 0, NULL, NULL, cast(:args AS jsonb), NULL)"
            "::procrastinate_job_to_defer_v1])"
        ),
        {"task": TASK, "args": msgspec.json.encode({"drawing_id": str(drawing_id)}).decode()},
    )
    session.execute(search_path, {"path": before})


def get(session: Session, drawing_id: UUID, *, reach: Reach) -> Drawing:
    """A file that somebody may draw, with its order."""
    found = session.scalars(
        select(Drawing)
        .where(Drawing.id == drawing_id)
        .options(joinedload(Drawing.order), joinedload(Drawing.asker))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None or not reach.includes(holder_id=found.order.holder_id):
        raise NotFound
    return found


def of_order(session: Session, order_id: UUID) -> Sequence[Drawing]:
    """The files of an order, newest first."""
    return session.scalars(
        select(Drawing).where(Drawing.order_id == order_id).order_by(Drawing.asked_at.desc(), Drawing.id).limit(50)
    ).all()


def cancel(session: Session, drawing_id: UUID, *, by: UUID, at: datetime, reach: Reach) -> Drawing:
    """Stop a drawing; its worker heeds it within a second or two."""
    found = get(session, drawing_id, reach=reach)
    stopped = session.execute(
        update(Drawing)
        .where(Drawing.id == drawing_id, Drawing.state.in_(OPEN))
        .values(state=DrawingState.CANCELLED, finished_at=at)
        .returning(Drawing.id)
    ).one_or_none()
    if stopped is None:
        raise Conflict
    changes: dict[str, tuple[object, object]] = {"kind": (found.kind, None)}
    history.record(session, "order:cancel_file", found.order_id, by=by, at=at, changes=changes)
    session.refresh(found)
    return found


def kept_path(folder: Path, drawing: Drawing) -> Path:
    """Where the file of a finished drawing lies."""
    path = folder / drawing.sha256.hex() if drawing.sha256 and drawing.removed_at is None else None
    if path is None or not path.is_file():
        raise FileGone
    return path


def take(
    session: Session, drawing_id: UUID, folder: Path, *, by: UUID, at: datetime, reach: Reach
) -> tuple[Drawing, Path]:
    """A finished drawing and where its file lies, to be handed out. Who takes hidden codes is written down."""
    found = get(session, drawing_id, reach=reach)
    path = kept_path(folder, found)
    run = session.scalars(
        select(PrintRun).where(PrintRun.order_id == found.order_id, PrintRun.run == found.run)
    ).one()  # fmt: skip
    printing.note_taken(session, found.order, run, found.kind, by=by, at=at)
    return found, path


# -- what the worker does ---------------------------------------------------------------------------------------


def claim(session: Session, drawing_id: UUID, *, at: datetime) -> int | None:
    """Take a drawing that waits, or whose worker died. The number of this try, which only this worker holds; None if it is not to be had."""
    statement = (
        update(Drawing)
        .where(Drawing.id == drawing_id, Drawing.tries < MOST_TRIES)
        .where(or_(Drawing.state == DrawingState.WAITING, _dead(at)))
        .values(
            state=DrawingState.RUNNING, tries=Drawing.tries + 1, done=0, started_at=at, beat_at=at,
        )
        .returning(Drawing.tries)
    )  # fmt: skip
    return session.scalars(statement).one_or_none()


def prepare(session: Session, drawing_id: UUID, *, keyring: Keyring, host: str) -> Work:
    """Read all that the drawing needs."""
    drawing = session.get_one(Drawing, drawing_id)
    order = session.get_one(LabelOrder, drawing.order_id)
    run = session.scalars(
        select(PrintRun).where(PrintRun.order_id == order.id, PrintRun.run == drawing.run)
    ).one()  # fmt: skip
    return _work(session, order, run, drawing.kind, drawing.params, keyring=keyring, host=host)


def write(folder: Path, name: str, pieces: Iterable[bytes], beat: Callable[[], None]) -> Written:
    """Write the pieces to a file called after its own hash. `beat` is called after each; what it raises leaves nothing behind."""
    folder.mkdir(parents=True, exist_ok=True)
    draft, digest, size = folder / f"{name}.tmp", hashlib.sha256(), 0
    try:
        with draft.open("wb") as out:
            for piece in pieces:
                out.write(piece)
                digest.update(piece)
                size += len(piece)
                beat()
            out.flush()
            os.fsync(out.fileno())
        draft.rename(folder / digest.hexdigest())
        _sync(folder)
    finally:
        draft.unlink(missing_ok=True)
    return Written(digest.digest(), size)


def drop_drafts(folder: Path, drawing_id: UUID) -> None:
    """Remove what earlier tries of a drawing left when they were killed. One that still writes finds its draft gone, and gives up."""
    for draft in folder.glob(f"{drawing_id}-*.tmp"):
        draft.unlink(missing_ok=True)


def beat(session: Session, drawing_id: UUID, *, attempt: int, done: int, at: datetime) -> bool:
    """Say how far it is; whether to go on."""
    return _update(session, drawing_id, attempt, done=func.least(done, Drawing.total), beat_at=at)


def finish(session: Session, drawing_id: UUID, written: Written, *, attempt: int, at: datetime) -> bool:
    """The file lies in its place."""
    return _update(
        session, drawing_id, attempt, state=DrawingState.DONE, done=Drawing.total, sha256=written.sha256, size=written.size,
        finished_at=at, keep_until=at + KEPT,
    )  # fmt: skip


def fail(session: Session, drawing_id: UUID, fault: DrawingFault, *, attempt: int, at: datetime) -> bool:
    """It could not be drawn, and trying again by itself would not help."""
    return _update(session, drawing_id, attempt, state=DrawingState.FAILED, fault=fault, finished_at=at)


def fault_of(exc: BaseException) -> DrawingFault:
    """What an exception while drawing means to the person who waits."""
    if isinstance(exc, OSError):
        return DrawingFault.DISK_FULL if exc.errno in _DISK_FULL else DrawingFault.NOT_WRITTEN
    return DrawingFault.REFUSED if isinstance(exc, Invalid) else DrawingFault.CRASHED


def due(session: Session, *, at: datetime) -> Sequence[UUID]:
    """Drawings that nobody works on though somebody should. Those whose workers died too often fail here."""
    session.execute(
        update(Drawing)
        .where(Drawing.tries >= MOST_TRIES, _dead(at))
        .values(state=DrawingState.FAILED, fault=DrawingFault.CRASHED, finished_at=at)
    )
    waits = (Drawing.state == DrawingState.WAITING) & (Drawing.asked_at < at - OVERDUE_AFTER)
    return session.scalars(select(Drawing.id).where(or_(waits, _dead(at))).order_by(Drawing.asked_at).limit(20)).all()


def clear(session: Session, folder: Path, *, at: datetime) -> int:
    """Remove files past their time, and drafts of workers long dead. How many files went."""
    past = session.scalars(
        select(Drawing).where(Drawing.removed_at.is_(None), Drawing.keep_until <= at).with_for_update(skip_locked=True)
    ).all()
    for drawing in past:
        drawing.removed_at = at
    session.flush()
    hashes = {drawing.sha256 for drawing in past if drawing.sha256}
    still = set(session.scalars(select(Drawing.sha256).where(Drawing.sha256.in_(hashes), Drawing.removed_at.is_(None))))
    gone = hashes - still
    for sha256 in gone:
        (folder / sha256.hex()).unlink(missing_ok=True)
    oldest = (at - timedelta(days=1)).timestamp()
    for draft in folder.glob("*.tmp") if folder.is_dir() else ():
        if draft.stat().st_mtime < oldest:
            draft.unlink(missing_ok=True)
    return len(gone)


def _work(
    session: Session,
    order: LabelOrder,
    run: PrintRun,
    kind: DrawingKind,
    params: Mapping[str, Any],
    *,
    keyring: Keyring,
    host: str,
) -> Work:
    shared = printing.composed(session, order, run, host=host)
    counted = Counted(printing.labels_of(session, order, run, keyring=keyring, layout=shared.layout))
    if kind is DrawingKind.ZPL and not isinstance(shared.layout, RollLayout):
        raise Refused([OnlyForRolls()])
    if kind in {DrawingKind.PNG, DrawingKind.SVG} and len(counted.labels) > MOST_PICTURES:
        raise Refused([TooManyPictures(labels=len(counted.labels), most=MOST_PICTURES)])
    name, native = f"tem-{order.number}-{run.run}", params.get("native", True)
    return Work(outputs.pieces(kind, shared, counted, keyring, name=name, native=native), counted)


def _kept() -> ColumnElement[bool]:
    return (Drawing.state == DrawingState.DONE) & Drawing.removed_at.is_(None)


def _dead(at: datetime) -> ColumnElement[bool]:
    return (Drawing.state == DrawingState.RUNNING) & (Drawing.beat_at < at - DEAD_AFTER)


def _update(session: Session, drawing_id: UUID, attempt: int, **values: object) -> bool:
    """Change a drawing if it is still this try's."""
    statement = (
        update(Drawing)
        .where(Drawing.id == drawing_id, Drawing.state == DrawingState.RUNNING, Drawing.tries == attempt)
        .values(**values)
        .returning(Drawing.id)
        .execution_options(synchronize_session=False)
    )
    return session.scalars(statement).one_or_none() is not None


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
