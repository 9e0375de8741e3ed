"""Which processes are ours, and that only one ./run serves from a var folder at a time.

Standard library only. A process is known by the mark in its environment, never by its name.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

ADDRESS = "127.0.0.1"
MARK = "TEMTHAT_RUN"  # in the environment of every process of ours: how a later start knows the orphans of a killed one


def ours(var: Path, role: str | None = None) -> list[int]:
    """Processes that a supervisor of this var folder started, by the mark in their environment; never ourselves."""
    wanted = {f"{MARK}={var}".encode()} | ({f"TEMTHAT_ROLE={role}".encode()} if role else set())
    kin = _ancestors()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in kin:
            with contextlib.suppress(OSError):
                if wanted <= set((entry / "environ").read_bytes().split(b"\0")):
                    found.append(int(entry.name))
    return found


def sweep(var: Path, role: str | None = None, *, patience: float = 3.0) -> int:
    """End what an earlier, killed supervisor (or a killed child) left behind; how many there were.

    They are asked first, and killed after `patience` seconds; what they had not committed, the database takes back.
    """
    left = first = ours(var, role)
    for sign, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 3.0)):
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, sign)
        deadline = time.monotonic() + seconds
        while (left := ours(var, role)) and time.monotonic() < deadline:
            time.sleep(0.05)
        if not left:
            break
    return len(first)


def _ancestors() -> set[int]:
    kin, pid = set(), os.getpid()
    while pid > 1:
        kin.add(pid)
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text("utf-8").rsplit(")", 1)[1].split()[1])
        except OSError:
            break
    return kin


@contextlib.contextmanager
def sole(var: Path) -> Iterator[TextIO | None]:
    """The lock that a running ./run holds; None when somebody else has it. It goes with its holder, however that ends."""
    with (var / "run.lock").open("a+", encoding="utf-8") as lock:
        for _ in range(10):  # the bootstrap of another ./run may be looking at the lock for a moment
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.1)
                continue
            lock.truncate(0)
            try:
                yield lock
            finally:
                lock.truncate(0)
            return
        yield None


def running(var: Path) -> dict[str, str]:
    """What the running ./run of this folder wrote about itself; empty while it is still starting."""
    try:
        facts = json.loads((var / "run.lock").read_text("utf-8") or "{}")
    except (FileNotFoundError, ValueError):
        return {}
    return {str(key): str(value) for key, value in facts.items()}


def port_is_free(port: int) -> bool:
    """Whether our web server could listen there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError:
            return False
    return True
