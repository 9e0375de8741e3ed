"""What every reader of a file gives back, and the bounds that every reader keeps.

What must not live here: any one kind of file.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trace.services import geofile_faults as faults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trace.models.area_imports import GeoKind
    from trace.services.shapes import Shape

MOST_AREAS = 10_000
MOST_CORNERS = 700_000
MOST_COLUMNS = 100
LONGEST_TEXT = 400


@dataclass
class Feature:
    """One area of a file: what it says in words, and its outline in the file's own coordinates."""

    attributes: dict[str, Any]
    shape: Shape


@dataclass
class GeoFile:
    """A file as it was read. `srid` is None as long as the file does not say in which system its coordinates are."""

    kind: GeoKind
    features: list[Feature] = field(default_factory=list)
    srid: int | None = None
    system: str | None = None
    """How the file names a system that is not known here."""

    @property
    def columns(self) -> list[str]:
        """The names of all that the features say, in order of appearance."""
        names: dict[str, None] = {}
        for feature in self.features:
            names.update(dict.fromkeys(feature.attributes))
        return list(names)[:MOST_COLUMNS]


class Counter:
    """Stops a reader as soon as a file turns out to hold too much."""

    def __init__(self) -> None:
        self.areas = self.corners = 0

    def area(self) -> None:
        """One more area."""
        self.areas += 1
        if self.areas > MOST_AREAS:
            raise faults.TooManyAreas(most=MOST_AREAS)

    def points(self, many: int) -> None:
        """So many more corner points."""
        self.corners += many
        if self.corners > MOST_CORNERS:
            raise faults.TooManyCorners(most=MOST_CORNERS)


@contextmanager
def no_collecting() -> Iterator[None]:
    """Hundreds of thousands of small lists are made and kept: looking for cycles among them takes ten times as long as making them."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()
