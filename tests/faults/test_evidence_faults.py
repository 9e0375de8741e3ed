"""Originals and sudden death: a process killed between any two steps of taking a file in leaves nothing half, and the sweep cleans up."""

from __future__ import annotations

import hashlib
import io
import os
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session

from tests.conftest import NOW
from tests.enforcement import desk
from trace.models.files import StoredFile
from trace.services import files

STEPS = ("begun", "written", "synced", "named", "row", "committed")
PHOTO = desk.photo_bytes(77)
KEPT = hashlib.sha256(PHOTO).hexdigest()


def _take_and_die(url: str, store: Path, step: str) -> None:
    """Take a photo in and be gone at a step, as by a cut of the power."""
    settle, fsync = files._settle, os.fsync

    def dying(draft: io.BufferedWriter, path: Path, place: Path) -> None:
        if step == "begun":
            os._exit(9)
        if step == "written":
            draft.flush()
            os._exit(9)
        settle(draft, path, place)
        if step == "named":
            os._exit(9)

    def sync(handle: int) -> None:
        fsync(handle)
        if step == "synced":
            os._exit(9)

    files._settle, os.fsync = dying, sync  # type: ignore[assignment]
    engine = create_engine(url)
    with Session(engine) as session:
        files.receive(session, store, io.BytesIO(PHOTO), name="a.jpg", at=NOW, by=None)
        if step == "row":
            os._exit(9)
        session.commit()
    os._exit(9)


@pytest.mark.committed
def test_a_file_is_whole_with_its_row_or_not_there(committed: Engine, tmp_path: Path) -> None:
    url = committed.url.render_as_string(hide_password=False)
    for step in STEPS:
        store = tmp_path / step
        child = get_context("fork").Process(target=_take_and_die, args=(url, store, step))
        child.start()
        child.join(60)
        assert child.exitcode == 9, step
        with Session(committed) as session:
            rows = session.scalars(select(StoredFile)).all()
            originals = [path for path in (store / "originals").rglob("*") if path.is_file()]
            assert all(hashlib.sha256(path.read_bytes()).hexdigest() == path.name for path in originals), step
            assert len(rows) == (1 if step == "committed" else 0), step
            if step == "committed":
                assert files.check(store, rows[0])
            for path in store.rglob("*"):
                if path.is_file():
                    os.utime(path, (0, 0))
            files.sweep(session, store, older_than=timedelta(hours=1), at=NOW)
            session.commit()
            left = {path.name for path in store.rglob("*") if path.is_file()}
            assert left == ({KEPT, rows[0].copy_sha256} if rows else set()), step
