"""Tables that were brought in: their files go after a while, and what was recorded stays."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import NOW
from tests.services.tables import asker, member, send, take, xlsx
from trace.models.area_imports import ImportState
from trace.services import files, table_imports

if TYPE_CHECKING:
    from pathlib import Path

LATER = NOW + table_imports.FILES_KEPT + timedelta(days=1)


def test_the_file_of_a_table_goes_once_it_has_done_its_work(session: Any, world: Any, tmp_path: Path) -> None:
    made, judged = send(session, tmp_path, xlsx([member()]), world)
    take(session, tmp_path, made, judged, asker(world.clerk, world.cooperative))
    place = files.original_path(tmp_path, made.file)
    os.utime(place, (NOW.timestamp(), NOW.timestamp()))
    assert table_imports.drop_files(session, at=NOW + timedelta(days=1)) == 0
    assert table_imports.drop_files(session, at=LATER) == 1
    assert table_imports.drop_files(session, at=LATER) == 0, "gone is gone"
    assert files.sweep(session, tmp_path, older_than=timedelta(hours=1), at=LATER) == 1
    session.expire_all()
    assert not place.exists()
    assert (made.state, made.taken, made.file.name) == (ImportState.DONE, 1, "bảng.xlsx")


def test_the_same_bytes_stay_as_long_as_another_needs_them(session: Any, world: Any, tmp_path: Path) -> None:
    data = xlsx([member()])
    made, _ = send(session, tmp_path, data, world)
    table_imports.give_up(session, made.id, reaches={made.kind: asker(world.clerk, world.cooperative)})
    other, _ = send(session, tmp_path, data, world, who=asker(world.clerk, world.cooperative, at=LATER))
    place = files.original_path(tmp_path, made.file)
    os.utime(place, (NOW.timestamp(), NOW.timestamp()))
    assert table_imports.drop_files(session, at=LATER) == 1
    assert files.sweep(session, tmp_path, older_than=timedelta(hours=1), at=LATER) == 0
    session.expire_all()
    assert files.read_original(tmp_path, other.file) == data


def test_who_comes_back_to_a_table_after_all_that_time_is_told(session: Any, world: Any, tmp_path: Path) -> None:
    made, _ = send(session, tmp_path, xlsx([member()]), world)
    assert table_imports.drop_files(session, at=LATER) == 1
    session.expire_all()
    with pytest.raises(files.FileDropped):
        table_imports.look(session, tmp_path, made, who=asker(world.clerk, world.cooperative))
