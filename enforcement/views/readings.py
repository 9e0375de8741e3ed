"""Large files go out in parts, as players and download tools ask for them: the parts of one reading are hashed once.

What must not live here: what a reading writes into the case.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from flask import request

from trace.access import person

if TYPE_CHECKING:
    import os
    from pathlib import Path
    from uuid import UUID

ONE_READING = 600.0
"""Seconds in which further parts of a file that was hashed belong to the same reading, if the disk says it was not touched."""
MOST_READINGS = 500
_readings: dict[tuple[Any, ...], float] = {}


def mark(path: Path, what: UUID) -> tuple[Any, ...]:
    """Who reads what, and how the disk says the file is: a change of it ends the reading."""
    try:
        there: os.stat_result | None = path.stat()
    except OSError:
        there = None
    facts = (there.st_ino, there.st_size, there.st_mtime_ns, there.st_ctime_ns) if there else ()
    return (person().id, what, *facts)


def goes_on(marked: tuple[Any, ...]) -> bool:
    """Whether this request asks for a further part of a file that was hashed a while ago."""
    wanted = request.range
    further = wanted is not None and wanted.units == "bytes" and wanted.ranges[0][0] not in {0, None}
    return further and _readings.get(marked, 0) > time.monotonic()


def begun(marked: tuple[Any, ...]) -> None:
    """The file was hashed just now and is whole."""
    if len(_readings) > MOST_READINGS:
        _readings.clear()
    _readings[marked] = time.monotonic() + ONE_READING


def only_head() -> bool:
    """Whether nothing is asked for but what a file is like: then nobody has opened it."""
    return request.method == "HEAD"
