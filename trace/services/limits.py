"""How often one network, and all of them together, may try what is dear or smells of guessing. No other server is needed for it.

What is counted lies in a small file that all processes of a machine map into memory; each machine counts for itself. A right answer
about a label is never limited, so nobody behind a carrier's shared address is locked out of one.
What must not live here: addresses (callers pass salted hashes), and what happens to an attack (`incidents`).
"""

from __future__ import annotations

import hashlib
import math
import mmap
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

SLOTS = 1 << 16
ROWS = 2
COUNTERS = 64
BYTES = (ROWS * SLOTS + COUNTERS) * 8


class Limited(StrEnum):
    """What is limited (never shown)."""

    UNKNOWN_CODE = "unknown_code"
    HIDDEN_CODE = "hidden_code"
    PLACE = "place"
    """Telling where one was, which bears on whether a label looks copied."""
    REPORT = "report"
    PHOTO = "photo"
    REGISTER = "register"
    """Lists and searches of the public register, by page or by program."""


@dataclass(frozen=True)
class Rate:
    """`burst` at once, and after that one each `every_s` seconds."""

    burst: int
    every_s: float


HOUR = 3600.0
OF_ONE: dict[Limited, Rate] = {
    # Thousands of people share one address of a mobile carrier, and some of them mistype.
    Limited.UNKNOWN_CODE: Rate(300, 2.0),
    Limited.HIDDEN_CODE: Rate(60, 20.0),
    Limited.PLACE: Rate(30, 60.0),
    Limited.REPORT: Rate(20, HOUR / 20),
    Limited.PHOTO: Rate(100, HOUR / 100),
    Limited.REGISTER: Rate(300, 0.5),
}
OF_ALL: dict[Limited, Rate] = {
    Limited.UNKNOWN_CODE: Rate(3000, 0.05),
    Limited.HIDDEN_CODE: Rate(1000, 0.2),
    Limited.PLACE: Rate(1000, 0.5),
    Limited.REPORT: Rate(500, 5.0),
    Limited.PHOTO: Rate(2000, 1.0),
    Limited.REGISTER: Rate(3000, 0.01),
}
EVERYBODY = b"everybody"


class Limits:
    """The counts of one machine.

    For each key the moment is kept at which it will have used up nothing again (the generic cell rate algorithm), at two places of
    its own; the earlier one counts, so that a key is harmed only if others lie on both of its places. A place is eight bytes written
    in one go, without a lock: two processes that count in the same instant may count one for two.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Counts kept in a file, shared by all who name the same; or for this process alone."""
        if path is None:
            self._held = mmap.mmap(-1, BYTES)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a+b") as file:
                file.truncate(BYTES)
                self._held = mmap.mmap(file.fileno(), BYTES)
        self._until = memoryview(self._held).cast("d")

    def take(self, limited: Limited, key: bytes, *, at: datetime, rate: Rate | None = None) -> int:
        """Count one try. 0, or in how many seconds the next one will be let through; then nothing was counted.

        `key` is a salted hash of a network, or a partner's key, whose own `rate` may replace the one for networks.
        """
        wait = self.wait(limited, key, at=at, rate=rate)
        if wait:
            return wait
        for where, each in self._both(limited, key, rate):
            for place in where:
                self._until[place] = max(self._until[place], at.timestamp()) + each.every_s
        return 0

    def wait(self, limited: Limited, key: bytes, *, at: datetime, rate: Rate | None = None) -> int:
        """What `take` would answer, for callers who count only what turns out to be wrong."""
        wait = max(self._wait(where, each, at.timestamp()) for where, each in self._both(limited, key, rate))
        if wait:
            self._until[self._counter(limited)] += 1
        return wait

    def left(self, limited: Limited, key: bytes, *, at: datetime, rate: Rate | None = None) -> int:
        """How many tries a key has at once, as `take` would count them."""
        allowed = rate or OF_ONE[limited]
        window = allowed.burst * allowed.every_s
        used = max(0.0, min(self._until[place] for place in self._places(limited, key)) - at.timestamp())
        return max(0, int((window - used) / allowed.every_s + 1e-6))

    def drain(self) -> dict[Limited, int]:
        """How many tries were refused since the last call, by whichever process."""
        found = {limited: int(self._until[self._counter(limited)]) for limited in Limited}
        for limited in Limited:
            self._until[self._counter(limited)] -= found[limited]
        return found

    def forget(self) -> None:
        """Count from nothing."""
        self._held[:] = bytes(BYTES)

    def _wait(self, where: tuple[int, int], rate: Rate, now: float) -> int:
        window = rate.burst * rate.every_s
        # A clock that was set back must not lock anybody out for longer than the window.
        ahead = min(min(self._until[place] for place in where) - now, window)
        return max(0, math.ceil(ahead + rate.every_s - window))

    def _both(self, limited: Limited, key: bytes, rate: Rate | None) -> tuple[tuple[tuple[int, int], Rate], ...]:
        """The places and rates of a key and of everybody."""
        return (self._places(limited, key), rate or OF_ONE[limited]), (
            self._places(limited, EVERYBODY),
            OF_ALL[limited],
        )

    @staticmethod
    def _counter(limited: Limited) -> int:
        return ROWS * SLOTS + list(Limited).index(limited)

    @staticmethod
    def _places(limited: Limited, key: bytes) -> tuple[int, int]:
        found = int.from_bytes(hashlib.blake2b(key, digest_size=8, person=limited.value.encode()).digest(), "big")
        return found % SLOTS, SLOTS + found // SLOTS % SLOTS
