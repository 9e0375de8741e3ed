"""Promises of the script in a bundle: nothing is smuggled into the ZIP beside what the list names, and it judges what it was asked about."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from enforcement import bundle, bundle_check

DATA = json.dumps({"cases": []}).encode()
FILES = [("a.txt", b"good"), (bundle_check.DATA, DATA)]
BODY = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in FILES).encode()
SUMS = (bundle_check.SUMS, BODY + b"# " + hashlib.sha256(BODY).hexdigest().encode() + b"\n")
NUMBER = hashlib.sha256(SUMS[1]).hexdigest()
EVIL = ("a.txt", b"EVIL")


def zipped(
    entries: list[tuple[str, bytes]], *, hidden: int | None = None, gap: bytes = b"", tail: bytes = b""
) -> bytes:
    """A ZIP as the writer of bundles builds one; `hidden`: an entry that its table does not name."""
    out, table, count = b"", b"", 0
    for place, (name, content) in enumerate(entries):
        crc, offset = zlib.crc32(content), len(out)
        out += bundle_check.local(name.encode(), crc, len(content)) + content
        if place != hidden:
            table, count = table + bundle_check.central(name.encode(), crc, len(content), offset), count + 1
    out += gap
    return out + table + bundle_check.ending(count, len(table), len(out)) + tail


def checked(content: bytes, folder: Path) -> list[tuple[str, str]]:
    path = folder / "goi.zip"
    path.write_bytes(content)
    return bundle_check.check_zip(path, NUMBER)


def test_what_the_writer_builds_passes(tmp_path: Path) -> None:
    assert checked(zipped([*FILES, SUMS]), tmp_path) == []


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(zipped([EVIL, *FILES, SUMS]), id="the same name twice, forged first"),
        pytest.param(zipped([*FILES, SUMS, EVIL]), id="the same name twice, forged last"),
        pytest.param(zipped([EVIL, *FILES, SUMS], hidden=0), id="an entry before all that the table does not name"),
        pytest.param(zipped([FILES[0], EVIL, FILES[1], SUMS], hidden=1), id="an entry between that the table does not name"),
        pytest.param(zipped([*FILES, SUMS, EVIL], hidden=3), id="an entry behind all that the table does not name"),
        pytest.param(zipped([*FILES[::-1], SUMS]), id="another order"),
        pytest.param(zipped([SUMS, *FILES]), id="the list first"),
        pytest.param(zipped([*FILES, SUMS], gap=b"EVIL"), id="bytes before the table"),
        pytest.param(zipped([*FILES, SUMS], tail=b"EVIL"), id="bytes behind the end"),
        pytest.param(b"EVIL" + zipped([*FILES, SUMS]), id="bytes before the first"),
    ],
)  # fmt: skip
def test_a_zip_of_another_build_is_refused(tmp_path: Path, content: bytes) -> None:
    assert checked(content, tmp_path) != []


def run(folder: Path, *words: str) -> tuple[int, str]:
    said = subprocess.run(
        [sys.executable, "-I", "KIEM-TRA.py", *words], cwd=folder, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]}
    )  # fmt: skip
    return said.returncode, said.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good bundle unpacked, with the script in it, and a forged ZIP beside."""
    files = sorted([*FILES, ("KIEM-TRA.py", bundle.CHECKER.read_bytes())])
    body = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files).encode()
    sums = (bundle_check.SUMS, body + b"# " + hashlib.sha256(body).hexdigest().encode() + b"\n")
    good = tmp_path / "good"
    for name, content in [*files, sums]:
        (good / name).parent.mkdir(parents=True, exist_ok=True)
        (good / name).write_bytes(content)
    (tmp_path / "good.zip").write_bytes(zipped([*files, sums]))
    (tmp_path / "BAD.ZIP").write_bytes(zipped([EVIL, *files, sums]))
    shutil.copytree(good, tmp_path / "bad")
    (tmp_path / "bad" / "a.txt").write_bytes(b"EVIL")
    return good


def test_the_script_judges_what_it_was_asked_about(folder: Path) -> None:
    assert run(folder)[0] == 0
    assert run(folder, "../good.zip")[0] == 0
    assert run(folder, "../BAD.ZIP")[0] == 1, "whatever the name ends in"
    code, said = run(folder, "../bad")
    assert (code, "a.txt" in said) == (1, True)


@pytest.mark.parametrize(
    "words",
    [
        ("../good.zip", "../BAD.ZIP"), ("../none.zip",), ("--all",), ("--so",), ("--so", ""), ("--so", "12"),
        ("--so", "0" * 64, "--so", "0" * 64), ("../good.zip", "surplus"),
    ],
)  # fmt: skip
def test_a_command_that_is_not_understood_passes_nothing(folder: Path, words: tuple[str, ...]) -> None:
    code, said = run(folder, *words)
    assert code == 2
    assert said.startswith("CHƯA KIỂM TRA")
