"""A process killed in the middle of an upload: no row without its bytes, and what it left behind is swept."""

from __future__ import annotations

import io
import os
import signal
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import NOW
from trace import clock
from trace.models.files import StoredFile
from trace.services import files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Engine

# Where the process dies: a function of `files`, and how many calls of it are let through before.
PLACES = {
    "while the draft is written": ("_kind", 0),
    "before the original takes its place": ("_settle", 0),
    "between the original and its copy": ("_settle", 1),
    "before the commit": ("nothing", 0),
}


def photo() -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (400, 300), "red").save(drawn, "JPEG")
    return drawn.getvalue()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying(real: Callable[..., Any], calls: int) -> Callable[..., Any]:
    """A function that kills its process at a later call."""
    left = iter(range(calls))

    def act(*args: Any) -> Any:
        if next(left, None) is None:
            die()
        return real(*args)

    return act


def upload_and_die(url: str, store: Path, name: str, calls: int) -> None:
    """What the child does. It never comes back."""
    if name != "nothing":
        setattr(files, name, dying(getattr(files, name), calls))
    with Session(create_engine(url)) as session:
        files.receive(session, store, io.BytesIO(photo()), name="anh.jpg", at=NOW, by=None)
        die()


@pytest.mark.parametrize("place", PLACES)
def test_a_process_killed_in_an_upload_leaves_nothing_that_is_not_swept(
    committed: Engine, tmp_path: Path, place: str
) -> None:
    url = committed.url.render_as_string(hide_password=False)
    child = os.fork()
    if child == 0:
        upload_and_die(url, tmp_path, *PLACES[place])
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert [path for path in tmp_path.rglob("*") if path.is_file()], "it died in the middle"
    with Session(committed) as session:
        assert factories.count(session, StoredFile) == 0
        later = clock.now() + timedelta(hours=2)
        assert files.sweep(session, tmp_path, older_than=timedelta(hours=1), at=later) > 0
        session.commit()
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
        again = files.receive(session, tmp_path, io.BytesIO(photo()), name="anh.jpg", at=NOW, by=None)
        session.commit()
        assert files.check(tmp_path, again)
