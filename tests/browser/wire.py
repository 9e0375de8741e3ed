"""What a page costs on the wire, as the browser itself counts it, and what it may cost.

The tests check weight, requests and scripts; `bench/pages.py` measures speed as well and prints all of it beside these limits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

KB = 1024


@dataclass(frozen=True)
class Budget:
    """The most that a page may cost: bytes as transferred, requests, bytes of script, and seconds until its largest part is painted."""

    total: int
    script: int
    document_and_style: int | None = None
    requests: int | None = None
    largest_paint: float | None = None


VERDICT = Budget(total=30 * KB, script=3 * KB, document_and_style=14 * KB, requests=4, largest_paint=1.8)
REPORT = Budget(total=60 * KB, script=15 * KB, largest_paint=2.0)
VISIT = Budget(total=60 * KB, script=15 * KB)
QUEUE = Budget(total=120 * KB, script=40 * KB, largest_paint=1.2)
# A map page before its map is looked at is a page like others; the map brings Leaflet and its first view.
MAP_BEFORE = Budget(total=120 * KB, script=40 * KB, largest_paint=1.2)
MAP = Budget(total=200 * KB, script=70 * KB)


@dataclass
class Sent:
    """One answer: its address, its kind as the browser names it, and its bytes with headers."""

    url: str
    kind: str
    size: float = 0
    done: bool = False


@dataclass
class Wire:
    """Listens to a page from its making on. An answer out of the browser's cache costs nothing, as on a real phone."""

    page: Page
    sent: dict[str, Sent] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.devtools = self.page.context.new_cdp_session(self.page)
        self.devtools.on("Network.requestWillBeSent", self._asked)
        self.devtools.on("Network.loadingFinished", self._finished)
        self.devtools.send("Network.enable")

    def _asked(self, event: dict[str, Any]) -> None:
        if not event["request"]["url"].startswith("data:"):
            self.sent[event["requestId"]] = Sent(event["request"]["url"], event.get("type", "Other"))

    def _finished(self, event: dict[str, Any]) -> None:
        if event["requestId"] in self.sent:
            self.sent[event["requestId"]].size = event["encodedDataLength"]
            self.sent[event["requestId"]].done = True

    def forget(self) -> None:
        """Count from here."""
        self.sent.clear()

    def settle(self) -> None:
        """Let the browser finish telling: its news arrive only while the page is being asked for something."""
        for _ in range(60):
            if all(one.done for one in self.sent.values()):
                return
            self.page.wait_for_timeout(50)

    @property
    def requests(self) -> int:
        """How many answers came over the wire."""
        self.settle()
        return sum(1 for one in self.sent.values() if one.size)

    def size(self, *kinds: str) -> int:
        """Bytes of all answers, or of some kinds: Document, Stylesheet, Script, Font, Image …"""
        self.settle()
        return round(sum(one.size for one in self.sent.values() if not kinds or one.kind in kinds))
