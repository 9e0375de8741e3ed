"""Drawing cut short: a worker killed in the middle of a file, and a disk that is really full. Nothing half is ever offered."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from babel.support import Translations
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import MASTER
from trace import clock, jobs
from trace.config import ROOT, Config
from trace.models.labels import LabelOrder
from trace.models.printing import Drawing, DrawingFault, DrawingKind, DrawingState
from trace.services import drawing, keys, ordering, printing
from trace.services.reach import Reach

HOST = "TEMTHAT.TEST"
MANY = 400_000
PATIENCE_SECONDS = 40
# What the tiny disk and the limit leave room for; the smallest of the files is twice that.
ROOM = 64 * 1024


@dataclass
class Shop:
    """A committed print of a large order, and workers that are processes of their own."""

    engine: Engine
    config: Config
    world: factories.World
    reach: Reach
    workers: list[subprocess.Popen[bytes]]

    def order(self, quantity: int, layout: str = "a4-65") -> LabelOrder:
        with Session(self.engine, expire_on_commit=False) as session:
            session.execute(text("UPDATE eligible_balance SET eligible_g = 10000000000000"))
            session.execute(text("UPDATE lot SET volume_g = 10000000000000"))
            made = ordering.place(
                session, lot_id=self.world.lot.id, quantity=quantity, pack_weight_g=500, layout=layout, by=self.world.clerk.id,
                at=clock.now(), reach=self.reach,
            )  # fmt: skip
            printing.begin(session, made.id, layout=layout, skip=0, reason=None, **self.facts(session))
            session.commit()
            return made

    def facts(self, session: Session) -> dict[str, Any]:
        return {
            "keyring": keys.load(session, MASTER), "host": HOST, "by": self.world.clerk.id, "at": clock.now(), "reach": self.reach,
        }  # fmt: skip

    def ask(self, order: LabelOrder, kind: DrawingKind = DrawingKind.PDF) -> UUID:
        with Session(self.engine) as session:
            asked = drawing.ask(session, order.id, 1, kind, **self.facts(session))
            session.commit()
            return asked.id

    def hash_of(self, order: LabelOrder) -> bytes:
        """Of the PDF as it comes when nothing happens."""
        with Session(self.engine) as session:
            run = printing.runs(session, order.id)[0]
            found = session.get_one(LabelOrder, order.id)
            shared = printing.composed(session, found, run, host=HOST)
            labels = printing.labels_of(
                session, found, run, keyring=keys.load(session, MASTER), layout=shared.layout
            )  # fmt: skip
            digest = hashlib.sha256()
            for piece in shared.pdf(labels):
                digest.update(piece)
            return digest.digest()

    def work(self) -> subprocess.Popen[bytes]:
        """Start a worker as ./run does."""
        with (self.config.var_dir / "worker.log").open("ab") as log:
            made = subprocess.Popen(
                [sys.executable, "-m", "trace.cli", "worker"], env=self.environment(), cwd="/", stdout=log, stderr=log
            )
        self.workers.append(made)
        return made

    def environment(self) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("TEMTHAT_")}
        key = self.config.var_dir / "master.key"
        key.write_text(MASTER.hex())
        return {
            **plain, "PYTHONPATH": str(ROOT), "TEMTHAT_VAR": str(self.config.var_dir), "TEMTHAT_DATABASE_URL": self.config.database_url,
            "TEMTHAT_MASTER_KEY_FILE": str(key), "TEMTHAT_HOST": HOST,
        }  # fmt: skip

    def row(self, drawing_id: UUID) -> Drawing:
        with Session(self.engine, expire_on_commit=False) as session:
            return session.get_one(Drawing, drawing_id)

    def files(self) -> list[str]:
        folder = self.config.drawings_dir
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, (self.config.var_dir / "worker.log").read_text()
            time.sleep(0.01)


@pytest.fixture
def shop(committed: Engine, tmp_path: Path) -> Iterator[Shop]:
    with Session(committed, expire_on_commit=False) as session:
        world = factories.make_world(session, master=MASTER, at=clock.now())
        session.commit()
        reach = Reach(holders=frozenset({world.cooperative.id}))
    url = committed.url.render_as_string(hide_password=False)
    made = Shop(
        committed, Config(database_url=url, var_dir=tmp_path, master_key=MASTER, host=HOST), world, reach, []
    )  # fmt: skip
    yield made
    for worker in made.workers:
        worker.kill()
        worker.wait()


def test_a_worker_killed_in_the_middle_is_replaced_and_the_file_is_the_same(shop: Shop) -> None:
    order = shop.order(MANY)
    unharmed = shop.hash_of(order)
    first = shop.work()
    asked = shop.ask(order)
    draft = shop.config.drawings_dir / f"{asked}-1.tmp"
    shop.wait(lambda: draft.exists() and draft.stat().st_size > 1_000_000)
    first.kill()
    assert first.wait() == -signal.SIGKILL

    # What it left: a draft that nobody is offered.
    left = shop.row(asked)
    assert (left.state, left.sha256, shop.files()) == (DrawingState.RUNNING, None, [draft.name])
    with pytest.raises(drawing.FileGone):
        drawing.kept_path(shop.config.drawings_dir, left)

    # The next worker leaves it alone as long as the first might live, and takes it up once it has been silent for a minute.
    shop.work()
    with Session(shop.engine) as session:
        assert drawing.due(session, at=clock.now()) == []
        session.execute(text("UPDATE drawing SET beat_at = beat_at - interval '61 seconds'"))
        session.execute(text("SET LOCAL search_path = jobs, public"))
        session.execute(
            text(
                "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('default', 'drawings', 0, NULL, NULL, '{\"timestamp\": 0}'::jsonb, NULL)"
                "::procrastinate_job_to_defer_v1])"
            )
        )
        session.commit()
    shop.wait(lambda: shop.row(asked).state is not DrawingState.RUNNING)
    done = shop.row(asked)
    assert (done.state, done.tries, done.done, done.sha256) == (DrawingState.DONE, 2, MANY, unharmed)
    assert shop.files() == [unharmed.hex()], "the draft of the dead is gone too"
    content = drawing.kept_path(shop.config.drawings_dir, done).read_bytes()
    assert hashlib.sha256(content).digest() == unharmed


# Draws what it is told as a worker does, and says what then lies in the folder, which only it may be able to see.
CHILD = """
import os, sys, uuid
from trace import db, jobs
from trace.config import Config
config = Config.from_env()
jobs.draw(db.make_engine(config), config, uuid.UUID(sys.argv[1]))
print(sorted(os.listdir(config.drawings_dir)))
"""
MOUNT = f'mount -t tmpfs -o size={ROOM} none "$0" && exec "$@"'


def tiny_disk(folder: Path) -> list[str]:
    """A command's beginning under which `folder` is a disk of its own that has room for `ROOM` bytes."""
    alone = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]
    command = [*alone, "sh", "-c", MOUNT, str(folder)]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a disk for one process")
    return command


def limit(_folder: Path) -> list[str]:
    """A command's beginning under which no file may grow beyond `ROOM` bytes."""
    return ["prlimit", f"--fsize={ROOM}"]


@pytest.mark.parametrize("kind", [DrawingKind.PDF, DrawingKind.CSV, DrawingKind.ZIP])
@pytest.mark.parametrize(
    ("shortage", "fault"),
    [(tiny_disk, DrawingFault.DISK_FULL), (limit, DrawingFault.NOT_WRITTEN)],
    ids=["disk full", "file limit"],
)
def test_where_there_is_no_room_it_is_said_and_nothing_half_is_left(
    shop: Shop, kind: DrawingKind, shortage: Callable[[Path], list[str]], fault: DrawingFault
) -> None:
    order = shop.order(2000)
    asked = shop.ask(order, kind)
    shop.config.drawings_dir.mkdir()
    child = subprocess.run(
        [*shortage(shop.config.drawings_dir), sys.executable, "-c", CHILD, str(asked)],
        env=shop.environment(), capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    assert child.stdout.splitlines()[-1] == "[]", "nothing half, and no draft"
    failed = shop.row(asked)
    assert (failed.state, failed.fault, failed.sha256) == (DrawingState.FAILED, fault, None)
    said = Translations.load(ROOT / "trace" / "translations", ["vi"]).gettext(f"DrawingFault.{fault.value}")
    assert said.startswith(
        "Ổ đĩa của máy chủ đã đầy. Không giữ lại phần nào." if shortage is tiny_disk else "Máy chủ không ghi được tệp."
    )
    assert said.endswith("Báo quản trị viên, sau đó yêu cầu lại.")
    # There is room again.
    again = shop.ask(order, kind)
    assert again != asked
    jobs.draw(shop.engine, shop.config, again)
    done = shop.row(again)
    assert done.state is DrawingState.DONE
    assert shop.files() == [(done.sha256 or b"").hex()]
    if kind is DrawingKind.PDF:
        assert done.sha256 == shop.hash_of(order)
