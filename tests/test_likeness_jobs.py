"""Promises of the look at older photos: some at a time, each once, taken up again where it stopped; what cannot be read is not tried for ever."""

from __future__ import annotations

import io
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from tests.conftest import NOW, config_for
from tests.services.test_likeness import scene, sent
from trace import desk_jobs
from trace.config import Config
from trace.models.files import StoredFile
from trace.services import files, likening

pytestmark = pytest.mark.committed


@pytest.fixture
def config(committed: Engine, tmp_path: Path) -> Config:
    return config_for(committed.url.render_as_string(hide_password=False), tmp_path)


@pytest.fixture
def older(committed: Engine, config: Config) -> list[StoredFile]:
    """Five photos as they were taken in before anybody noted how they look."""
    with Session(committed, expire_on_commit=False) as session:
        made = [
            files.receive(
                session, config.files_dir, io.BytesIO(sent(scene(n))), name=f"{n}.jpg", at=NOW + timedelta(minutes=n), by=None
            )
            for n in range(5)
        ]  # fmt: skip
        session.expunge_all()
        session.execute(update(StoredFile).values(likeness=None, likened_at=None))
        session.commit()
    return made


def waiting(engine: Engine) -> int:
    with Session(engine) as session:
        return session.scalar(select(func.count()).where(StoredFile.likened_at.is_(None))) or 0


def test_older_photos_get_the_likeness_that_they_would_get_today(
    committed: Engine, config: Config, older: list[StoredFile]
) -> None:
    assert desk_jobs.liken(committed, config) == 5
    assert desk_jobs.liken(committed, config) == 0
    with Session(committed) as session:
        for was in older:
            assert was.likeness is not None
            assert session.get_one(StoredFile, was.id).likeness == was.likeness


def test_it_goes_on_where_it_stopped(committed: Engine, config: Config, older: list[StoredFile]) -> None:
    with Session(committed) as session:
        assert likening.look(session, config.files_dir, at=NOW, most=2).photos == 2
        session.rollback()
    assert waiting(committed) == 5
    with Session(committed) as session:
        assert likening.look(session, config.files_dir, at=NOW, most=2).photos == 2
        session.commit()
    with Session(committed) as session:
        assert session.get_one(StoredFile, older[1].id).likened_at == NOW
        assert session.get_one(StoredFile, older[2].id).likened_at is None
    assert desk_jobs.liken(committed, config) == 3


def test_it_stops_when_its_time_is_over(
    committed: Engine, config: Config, older: list[StoredFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(likening, "AT_ONCE", 2)
    monkeypatch.setattr(likening.look, "__kwdefaults__", {"most": 2, "but": ()})
    seconds = count(0, desk_jobs.LIKENED_FOR * 0.6)
    assert desk_jobs.liken(committed, config, tick=lambda: next(seconds)) == 2
    assert waiting(committed) == 3


def test_what_cannot_be_read_is_looked_at_once(
    committed: Engine, config: Config, older: list[StoredFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, cut, bomb = (files.copy_path(config.files_dir, file) for file in older[:3])
    assert gone
    assert cut
    assert bomb
    gone.unlink()
    cut.chmod(0o640)
    cut.write_bytes(cut.read_bytes()[:300])
    bomb.chmod(0o640)
    bomb.write_bytes(b"not a picture")
    with Session(committed) as session:
        looked = likening.look(session, config.files_dir, at=NOW)
        session.commit()
    assert looked.photos == 5
    assert set(looked.unreadable) == {file.id for file in older[:3]}
    assert desk_jobs.liken(committed, config) == 0
    with Session(committed) as session:
        assert [session.get_one(StoredFile, file.id).likeness is None for file in older] == [True] * 3 + [False] * 2


def test_a_disk_that_does_not_answer_is_no_fault_of_the_photos(
    committed: Engine, config: Config, older: list[StoredFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_path: Path) -> bytes:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", fails)
        assert desk_jobs.liken(committed, config) == 0
    assert waiting(committed) == 5
    assert desk_jobs.liken(committed, config) == 5


def test_a_photo_that_the_disk_does_not_give_holds_up_no_other_and_is_named(
    committed: Engine, config: Config, older: list[StoredFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, bad = (files.copy_path(config.files_dir, file) for file in older[:2])
    read = Path.read_bytes

    def fails(path: Path) -> bytes:
        if path == closed:
            raise PermissionError(13, "Permission denied")
        if path == bad:
            raise OSError(5, "Input/output error")
        return read(path)

    monkeypatch.setattr(likening, "AT_ONCE", 2)
    monkeypatch.setattr(likening.look, "__kwdefaults__", {"most": 2, "but": ()})
    with monkeypatch.context() as patched, capture_logs() as said:
        patched.setattr(Path, "read_bytes", fails)
        assert desk_jobs.liken(committed, config) == 3
    assert {each["file"] for each in said if each["log_level"] == "error"} == {str(file.id) for file in older[:2]}
    assert waiting(committed) == 2
    assert desk_jobs.liken(committed, config) == 2


def test_a_store_that_is_not_there_is_named(committed: Engine, config: Config, older: list[StoredFile]) -> None:
    away = config.files_dir.rename(config.files_dir.with_name("away"))
    with capture_logs() as said:
        assert desk_jobs.liken(committed, config) == 0
    assert [each["log_level"] for each in said] == ["error"]
    assert waiting(committed) == 5
    away.rename(config.files_dir)
    with capture_logs() as said:
        assert desk_jobs.liken(committed, config) == 5
    assert "error" not in [each["log_level"] for each in said]


def test_a_photo_that_comes_now_waits_for_nothing(committed: Engine, config: Config) -> None:
    with Session(committed) as session:
        files.receive(session, config.files_dir, io.BytesIO(sent(scene(9))), name="moi.jpg", at=NOW, by=None)
        session.commit()
    assert waiting(committed) == 0
