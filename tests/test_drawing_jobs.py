"""Files drawn in the background: whole or absent, cancelled within a second, taken up again after a kill, the same bytes each time."""

from __future__ import annotations

import errno
import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from labels import code
from tests import factories
from tests.conftest import MASTER, NOW, config_for
from tests.factories import SECRET, World
from trace import clock, jobs
from trace.config import Config
from trace.errors import Conflict, NotFound, Refused
from trace.models.history import History
from trace.models.labels import LabelOrder
from trace.models.printing import Drawing, DrawingFault, DrawingKind, DrawingState
from trace.services import drawing, keys, ordering, printing
from trace.services.reach import Reach

LABELS = 60


@dataclass
class Desk:
    """A committed order with its first print, and a worker at hand."""

    engine: Engine
    session: Session
    config: Config
    world: World
    order: LabelOrder
    reach: Reach

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "keyring": keys.load(self.session, MASTER), "host": "TEMTHAT.TEST", "by": self.world.clerk.id, "at": NOW,
            "reach": self.reach,
        }  # fmt: skip

    def ask(self, kind: DrawingKind = DrawingKind.PDF, run: int = 1, **changes: Any) -> Drawing:
        asked = drawing.ask(self.session, self.order.id, run, kind, **(self.facts | changes))
        self.session.commit()
        return asked

    def draw(self, asked: Drawing, at: datetime = NOW, **how: Any) -> Drawing:
        jobs.draw(self.engine, self.config, asked.id, now=lambda: at, **how)
        return self.fresh(asked.id)

    def fresh(self, drawing_id: UUID) -> Drawing:
        self.session.expire_all()
        return self.session.get_one(Drawing, drawing_id)

    def files(self) -> list[Path]:
        folder = self.config.drawings_dir
        return sorted(folder.iterdir()) if folder.is_dir() else []


@pytest.fixture
def desk(committed: Engine, tmp_path: Path) -> Iterator[Desk]:
    with Session(committed, expire_on_commit=False) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        reach = Reach(holders=frozenset({world.cooperative.id}))
        order = ordering.place(
            session, lot_id=world.lot.id, quantity=LABELS, pack_weight_g=500, layout="a4-24", by=world.clerk.id, at=NOW, reach=reach
        )  # fmt: skip
        made = Desk(committed, session, config_for(str(committed.url), tmp_path), world, order, reach)
        made.config = Config(
            database_url=committed.url.render_as_string(hide_password=False), var_dir=tmp_path, master_key=MASTER, host="TEMTHAT.TEST"
        )  # fmt: skip
        printing.begin(session, order.id, layout="a4-24", skip=0, reason=None, **made.facts)
        session.commit()
        yield made


class Ticks:
    """A clock that strikes a second at every look, so that each piece beats."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        self.seconds += 2.0
        return self.seconds


def test_a_file_is_drawn_whole_under_its_hash_with_its_time_to_keep(desk: Desk) -> None:
    done = desk.draw(desk.ask())
    (path,) = desk.files()
    content = path.read_bytes()
    assert content.startswith(b"%PDF")
    assert (done.state, done.done, done.total, done.size) == (DrawingState.DONE, LABELS, LABELS, len(content))
    assert done.sha256 == hashlib.sha256(content).digest() == bytes.fromhex(path.name)
    assert (done.finished_at, done.keep_until) == (NOW, NOW + timedelta(days=30))
    assert drawing.kept_path(desk.config.drawings_dir, done) == path
    deed = desk.session.scalars(select(History).where(History.deed == "order:draw_file")).one()
    assert (deed.by, deed.changes["kind"]) == (desk.world.clerk.id, [None, "pdf"])


def test_the_list_for_a_print_shop_has_every_label_once(desk: Desk) -> None:
    done = desk.draw(desk.ask(DrawingKind.CSV))
    rows = drawing.kept_path(desk.config.drawings_dir, done).read_text().splitlines()
    assert rows[0] == "serial,code,url"
    assert [row.split(",")[:2] for row in rows[1:]] == [[str(n), code.encode(n, SECRET)] for n in range(1, LABELS + 1)]
    assert done.done == LABELS


@pytest.mark.parametrize("kind", list(DrawingKind))
@pytest.mark.parametrize("layout", ["roll-50x30", "press-40x30"])
def test_every_kind_of_file_is_drawn_whole_and_the_same_each_time(desk: Desk, kind: DrawingKind, layout: str) -> None:
    facts = {"layout": layout, "skip": 0, "reason": "Bố cục khác"} | desk.facts
    printing.begin(desk.session, desk.order.id, **facts)
    desk.session.commit()
    if kind is DrawingKind.ZPL and layout == "press-40x30":
        with pytest.raises(Refused) as refused:
            desk.ask(kind, run=2)
        assert [type(reason) for reason in refused.value.reasons] == [drawing.OnlyForRolls]
        return
    done = desk.draw(desk.ask(kind, run=2))
    assert (done.state, done.done) == (DrawingState.DONE, LABELS)
    content = drawing.kept_path(desk.config.drawings_dir, done).read_bytes()
    magic = {DrawingKind.PDF: b"%PDF", DrawingKind.ZPL: b"~DG", DrawingKind.CSV: b"serial,code,url"}.get(kind, b"PK")
    assert content.startswith(magic)
    if magic == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None
            members = archive.namelist()
        if kind in {DrawingKind.PNG, DrawingKind.SVG}:
            assert len(members) == LABELS + 1
        elif kind is DrawingKind.ZIP:
            wanted = {"pdf", "csv", "xlsx", "txt"} | ({"zpl"} if layout.startswith("roll") else set())
            assert {name.rpartition(".")[2] for name in members} == wanted
    desk.session.execute(text("UPDATE drawing SET removed_at = now()"))
    desk.session.commit()
    assert desk.draw(desk.ask(kind, run=2)).sha256 == done.sha256


def test_zpl_can_be_had_with_the_codes_as_pictures(desk: Desk) -> None:
    printing.begin(
        desk.session, desk.order.id, layout="roll-50x30", skip=0, reason="Máy in cuộn", **desk.facts
    )  # fmt: skip
    desk.session.commit()
    native, pictures = desk.ask(DrawingKind.ZPL, run=2), desk.ask(DrawingKind.ZPL, run=2, native=False)
    assert native.id != pictures.id
    as_pictures = drawing.kept_path(desk.config.drawings_dir, desk.draw(pictures)).read_bytes()
    assert b"^BQ" in drawing.kept_path(desk.config.drawings_dir, desk.draw(native)).read_bytes()
    assert b"^BQ" not in as_pictures
    assert as_pictures.count(b"^XZ") >= LABELS


def test_asking_again_gives_the_same_file_and_calls_the_worker_once(desk: Desk) -> None:
    first = desk.ask()
    assert desk.ask().id == first.id
    desk.draw(first)
    assert desk.ask().id == first.id
    assert desk.ask(DrawingKind.CSV).id != first.id
    called = desk.session.scalars(text("SELECT args ->> 'drawing_id' FROM jobs.procrastinate_jobs ORDER BY id")).all()
    assert called[0] == str(first.id)
    assert len(called) == 2
    assert desk.session.scalars(text("SELECT current_setting('search_path')")).one() != "jobs,public"


def test_who_asks_and_rolls_back_has_called_nobody(desk: Desk) -> None:
    drawing.ask(desk.session, desk.order.id, 1, DrawingKind.PDF, **desk.facts)
    desk.session.rollback()
    assert desk.session.scalars(text("SELECT count(*) FROM jobs.procrastinate_jobs")).one() == 0


def test_a_cancelled_drawing_stops_and_leaves_nothing(desk: Desk) -> None:
    asked = desk.ask(DrawingKind.CSV)
    seen = 0

    def stop_it() -> datetime:
        nonlocal seen
        seen += 1
        if seen == 2:  # the first look is the claim, the second the first beat
            with Session(desk.engine) as other:
                drawing.cancel(other, asked.id, by=desk.world.clerk.id, at=NOW, reach=desk.reach)
                other.commit()
        return NOW

    jobs.draw(desk.engine, desk.config, asked.id, now=stop_it, tick=Ticks())
    stopped = desk.fresh(asked.id)
    assert (stopped.state, stopped.sha256, desk.files()) == (DrawingState.CANCELLED, None, [])
    desk.draw(asked)
    assert desk.fresh(asked.id).state is DrawingState.CANCELLED, "cancelled is cancelled"
    with pytest.raises(Conflict):
        drawing.cancel(desk.session, asked.id, by=desk.world.clerk.id, at=NOW, reach=desk.reach)
    assert desk.ask(DrawingKind.CSV).id != asked.id


@pytest.mark.parametrize(
    ("number", "fault"),
    [(errno.ENOSPC, DrawingFault.DISK_FULL), (errno.EDQUOT, DrawingFault.DISK_FULL), (errno.EIO, DrawingFault.NOT_WRITTEN)],
)  # fmt: skip
@pytest.mark.parametrize("where", ["write", "fsync"])
def test_a_full_disk_is_said_and_leaves_nothing_half(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, number: int, fault: DrawingFault, where: str
) -> None:
    import os

    asked = desk.ask()
    real = drawing.outputs.pieces

    def broken(*args: Any, **facts: Any) -> Iterator[bytes]:
        yield next(real(*args, **facts))
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        if where == "write":
            patched.setattr(drawing.outputs, "pieces", broken)
        else:
            patched.setattr(drawing.os, "fsync", lambda _handle: (_ for _ in ()).throw(OSError(number, "full")))
        failed = desk.draw(asked)
    assert (failed.state, failed.fault, failed.sha256, desk.files()) == (DrawingState.FAILED, fault, None, [])
    again = desk.ask()
    assert again.id != asked.id, "once there is room again, it is asked for again"
    assert desk.draw(again).state is DrawingState.DONE


def test_a_killed_worker_is_found_out_and_the_file_drawn_again_with_the_same_bytes(desk: Desk) -> None:
    reference = desk.draw(desk.ask()).sha256
    asked = desk.ask(DrawingKind.CSV)
    with Session(desk.engine) as session:  # a worker takes it and dies
        first = drawing.claim(session, asked.id, at=NOW)
        session.commit()
    (desk.config.drawings_dir / f"{asked.id}-1.tmp").write_bytes(b"half")
    assert drawing.due(desk.session, at=NOW + timedelta(seconds=59)) == []
    assert drawing.claim(desk.session, asked.id, at=NOW + timedelta(seconds=59)) is None, "it may still live"
    later = NOW + timedelta(seconds=61)
    assert drawing.due(desk.session, at=later) == [asked.id]
    desk.session.commit()
    done = desk.draw(asked, later)
    assert (first, done.tries, done.state) == (1, 2, DrawingState.DONE)
    assert not drawing.finish(desk.session, asked.id, drawing.Written(b"x" * 32, 1), attempt=1, at=later), (
        "the dead stay dead"
    )
    desk.session.execute(text("UPDATE drawing SET removed_at = now() WHERE sha256 = :h"), {"h": reference})
    desk.session.commit()
    assert desk.draw(desk.ask()).sha256 == reference
    drawing.clear(desk.session, desk.config.drawings_dir, at=clock.now() + timedelta(days=2))
    assert not list(desk.config.drawings_dir.glob("*.tmp"))


def test_a_worker_that_dies_again_and_again_is_not_tried_for_ever(desk: Desk) -> None:
    asked, at = desk.ask(), NOW
    for _ in range(drawing.MOST_TRIES):
        with Session(desk.engine) as session:
            assert drawing.claim(session, asked.id, at=at)
            session.commit()
        at += timedelta(minutes=2)
    assert drawing.due(desk.session, at=at) == []
    desk.session.commit()
    assert (desk.fresh(asked.id).state, desk.fresh(asked.id).fault) == (DrawingState.FAILED, DrawingFault.CRASHED)


def test_a_waiting_file_that_the_queue_lost_is_taken_up(desk: Desk) -> None:
    asked = desk.ask()
    assert drawing.due(desk.session, at=NOW + timedelta(seconds=14)) == []
    assert drawing.due(desk.session, at=NOW + timedelta(seconds=16)) == [asked.id]


def test_progress_is_told_while_it_is_drawn(desk: Desk) -> None:
    asked = desk.ask(DrawingKind.CSV)
    told: list[tuple[DrawingState, int]] = []

    def look() -> datetime:
        with Session(desk.engine) as other:
            found = other.get_one(Drawing, asked.id)
            told.append((found.state, found.done))
        return NOW

    jobs.draw(desk.engine, desk.config, asked.id, now=look, tick=Ticks())
    assert told[0] == (DrawingState.WAITING, 0)
    assert (DrawingState.RUNNING, 0) in told
    assert told[-1][1] == LABELS


def test_files_go_after_thirty_days_and_are_drawn_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    done = desk.draw(desk.ask())
    folder = desk.config.drawings_dir
    assert drawing.clear(desk.session, folder, at=NOW + timedelta(days=29)) == 0
    assert drawing.clear(desk.session, folder, at=NOW + timedelta(days=30)) == 1
    desk.session.commit()
    gone = desk.fresh(done.id)
    assert desk.files() == []
    with pytest.raises(drawing.FileGone):
        drawing.kept_path(folder, gone)
    again = desk.ask()
    assert again.id != done.id
    assert desk.draw(again).sha256 == gone.sha256


def test_two_files_with_the_same_content_are_one_until_both_are_past(desk: Desk) -> None:
    done = desk.draw(desk.ask())
    folder = desk.config.drawings_dir
    desk.session.execute(
        text(
            "INSERT INTO drawing (order_id, run, kind, state, done, total, asked_at, asked_by, finished_at, name, sha256, size, keep_until) "
            "SELECT order_id, run, kind, state, done, total, asked_at, asked_by, finished_at, name, sha256, size, keep_until + interval '5 days' FROM drawing"
        )
    )
    assert drawing.clear(desk.session, folder, at=NOW + timedelta(days=30)) == 0
    assert [path.name for path in desk.files()] == [(done.sha256 or b"").hex()]
    assert drawing.clear(desk.session, folder, at=NOW + timedelta(days=35)) == 1


def test_others_see_no_files(desk: Desk) -> None:
    asked, others = desk.ask(), Reach(holders=frozenset({desk.world.other_cooperative.id}))
    with pytest.raises(NotFound):
        desk.ask(reach=others)
    with pytest.raises(NotFound):
        drawing.get(desk.session, asked.id, reach=others)
    with pytest.raises(NotFound):
        drawing.cancel(desk.session, asked.id, by=desk.world.clerk.id, at=NOW, reach=others)
    with pytest.raises(NotFound):
        desk.ask(run=2)


def test_a_print_of_long_ago_is_asked_for_as_a_reprint(desk: Desk) -> None:
    with pytest.raises(printing.SheetClosed):
        desk.ask(at=NOW + timedelta(days=31))
