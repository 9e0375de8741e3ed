"""What a page costs on the wire, as the browser itself counts it, and what it may cost.

The tests check all of it for the public pages, and weight, requests and scripts for the others; `bench/pages.py` prints it beside these limits.
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


@dataclass(frozen=True)
class Line:
    """A slow line and a slow phone, as a browser is made to feel them: seconds for each request, bits a second, how many times slower."""

    wait: float
    bits: float
    slower: float


# As Lighthouse applies its profiles: each request waits as long as it takes to open a line at that round trip, 3.75 times.
SLOW_4G = Line(wait=0.15 * 3.75, bits=1.6e6 * 0.9, slower=4)
POOR_3G = Line(wait=0.3 * 3.75, bits=0.7e6 * 0.9, slower=6)
_PAINTS = """() => new Promise((done) => {
  const seen = {paint: 0, shift: 0};
  new PerformanceObserver((list) => list.getEntries().forEach((one) => { seen.paint = one.startTime; }))
    .observe({type: "largest-contentful-paint", buffered: true});
  new PerformanceObserver((list) => list.getEntries().forEach((one) => { if (!one.hadRecentInput) seen.shift += one.value; }))
    .observe({type: "layout-shift", buffered: true});
  setTimeout(() => done(seen), 400);
})"""


def painted(page: Page) -> tuple[float, float]:
    """Seconds until the largest part of a loaded page was painted, and the sum of its shifts."""
    found = page.evaluate(_PAINTS)
    return found["paint"] / 1000, found["shift"]


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

    def slow_down(self, line: Line) -> None:
        """From here on as over this line, on such a phone."""
        conditions = {
            "offline": False,
            "latency": line.wait * 1000,
            "downloadThroughput": line.bits / 8,
            "uploadThroughput": line.bits / 8,
        }
        self.devtools.send("Network.emulateNetworkConditions", conditions)
        self.devtools.send("Emulation.setCPUThrottlingRate", {"rate": line.slower})

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
