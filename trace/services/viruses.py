"""Asking a virus scanner: clamd's INSTREAM over a socket, named by the settings. Nothing is kept here, and nobody is refused.

The address is `tcp://host:3310` or `unix:///run/clamav/clamd.sock`. What must not live here: what follows from a finding.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trace.errors import TemThatError

if TYPE_CHECKING:
    from pathlib import Path

CHUNK = 256 * 1024
WAIT_SECONDS = 60.0
PORT = 3310


class NoAnswer(TemThatError):
    """The virus scanner does not answer."""

    status = 503


class GaveUp(NoAnswer):
    """The virus scanner did not get to the end of this file; it may be larger than the scanner is set to read."""


def scan(address: str, path: Path, *, wait: float = WAIT_SECONDS) -> str | None:
    """The name of the virus in a file; None if there is none. Raises `NoAnswer`, also for a scanner that gives up on the file."""
    try:
        line = _connect(address, wait)
    except OSError as exc:
        raise NoAnswer from exc
    try:
        with line, path.open("rb") as file:
            line.sendall(b"zINSTREAM\0")
            while piece := file.read(CHUNK):
                line.sendall(struct.pack(">I", len(piece)))
                line.sendall(piece)
            line.sendall(struct.pack(">I", 0))
            answer = _answer(line)
    except OSError as exc:
        raise GaveUp from exc
    if answer == "stream: OK":
        return None
    if answer.startswith("stream: ") and answer.endswith(" FOUND"):
        return answer.removeprefix("stream: ").removesuffix(" FOUND")[:200]
    raise GaveUp


def _connect(address: str, wait: float) -> socket.socket:
    where = urlsplit(address)
    if where.scheme == "unix":
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.settimeout(wait)
        line.connect(where.path)
        return line
    return socket.create_connection((where.hostname or "127.0.0.1", where.port or PORT), timeout=wait)


def _answer(line: socket.socket) -> str:
    said = b""
    while not said.endswith(b"\0") and len(said) < 4096 and (more := line.recv(1024)):
        said += more
    return said.rstrip(b"\0\n").decode("utf-8", "replace")
