"""Settings: everything has a default, nothing wrong passes in silence, and no key shows up in a log."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from trace.config import Config, read_master_key, with_driver

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("given", ["postgres://u@h/d", "postgresql://u@h/d", "postgresql+psycopg://u@h/d"])
def test_every_spelling_of_a_database_address_is_taken(given: str) -> None:
    assert with_driver(given) == "postgresql+psycopg://u@h/d"


def test_the_master_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "master.key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _n: read_master_key(path), range(16)))
    assert len(keys) == 1
    assert len(keys.pop()) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["master.key"]


@pytest.mark.parametrize("content", ["", "00" * 16, "00" * 33, "not hex", "0" * 63])
def test_a_master_key_that_is_none_stops_the_start(tmp_path: Path, content: str) -> None:
    path = tmp_path / "master.key"
    path.write_text(content)
    with pytest.raises(ValueError, match=r".+"):
        read_master_key(path)
    assert path.read_text() == content, "and is not written over"


def test_keys_for_different_purposes_differ_and_none_is_shown(tmp_path: Path) -> None:
    config = Config(database_url="postgresql+psycopg://u:geheim@h/d", var_dir=tmp_path, master_key=bytes(range(32)))
    derived = {config.derived(purpose) for purpose in ("session-cookie", "salt", "second-factor", "informant")}
    assert len(derived) == 4
    assert bytes(range(32)) not in derived
    assert config.derived("salt") == config.derived("salt")
    assert "geheim" not in repr(config)
    assert bytes(range(32)).hex() not in repr(config)


def test_the_environment_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "TEMTHAT_VAR": str(tmp_path), "TEMTHAT_DATABASE_URL": "postgres://u@h/d", "TEMTHAT_HOST": "TEM.EXAMPLE",
        "TEMTHAT_SECURE_COOKIES": "1", "TEMTHAT_TRUSTED_PROXIES": "2", "TEMTHAT_ENVIRONMENT": "production",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    config = Config.from_env()
    assert (config.database_url, config.host, config.environment) == (
        "postgresql+psycopg://u@h/d",
        "TEM.EXAMPLE",
        "production",
    )
    assert (config.secure_cookies, config.trusted_proxies) == (True, 2)
    assert config.files_dir == tmp_path / "files"
    assert config.master_key == Config.from_env().master_key
