"""Ten million guessed codes against ten million live labels, and whether the time of a refusal tells what was wrong.

    PYTHONPATH=. .venv/bin/python -m bench.guessing [--guesses 10000000] [--rounds 4000]

Guesses are drawn as somebody would who knows the form and that serials count up from 1: every serial is a live one, the tag is chance.
The time is that of the whole request in process: the desk that the public page asks, keyring, limits and device hash included, over a
database with the live labels. Compared are a malformed code, one with a wrong tag on a live serial, and one with a wrong tag on a serial
that was never issued. The test is Welch's t on means without the slowest twentieth, taken in turns in random order; |t| < 2.58 (p > 0.01)
is "cannot be told apart". A malformed text is refused before any key is touched and may be told by its time: it tells nothing that its
look does not. A right tag on a serial that was never issued costs a query; nobody can make one without the key, and it is an incident.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from bench import issue_order
from labels import code
from tests import factories
from tests.conftest import config_for
from trace import clock, cluster, db
from trace.app import create_app
from trace.models.scans import ScanChannel, ScanKind, VerdictKind
from trace.services import keys
from trace.views.asking import Asked, Caller

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LIVE = 10_000_000
TOLD_APART = 2.58
"""|t| from which on two means differ with p < 0.01."""
TRIMMED = 0.05
_TAGS = 2**30


def guess(secret: bytes, guesses: int, seed: int) -> tuple[int, float]:
    """How many random tags on live serials are right, and guesses a second: the very comparison of `labels.code.matches`."""
    rng = random.Random(seed)
    hits = 0
    began = time.perf_counter()
    for _ in range(guesses):
        parsed = code.Parsed(rng.randint(1, LIVE), rng.randrange(_TAGS), "")
        if code.matches(parsed, secret):
            hits += 1
    return hits, guesses / (time.perf_counter() - began)


def welch(one: list[float], other: list[float]) -> float:
    """Welch's t of two samples without their slowest twentieth."""
    kept = [sorted(sample)[: int(len(sample) * (1 - TRIMMED))] for sample in (one, other)]
    means = [statistics.fmean(sample) for sample in kept]
    parts = [statistics.variance(sample) / len(sample) for sample in kept]
    return (means[0] - means[1]) / math.sqrt(sum(parts))


def timed(asks: Mapping[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each kind of question, asked in turns in random order."""
    times: dict[str, list[float]] = {name: [] for name in asks}
    for turn in range(rounds + 200):
        for name in random.sample(list(asks), len(asks)):
            began = time.perf_counter()
            asks[name]()
            if turn >= 200:
                times[name].append(time.perf_counter() - began)
    return times


def kinds(app_desk: object, secret: bytes) -> dict[str, Callable[[], None]]:
    """A question of each kind, each with another code every time."""
    rng = random.Random(11)
    caller = Caller(os.urandom(16), "Mozilla/5.0 (Linux; Android 10; K) Mobile", {"Accept": "text/html"})
    asked = Asked(ScanKind.REAL, ScanChannel.QR)

    def wrong_tag(serial: int) -> str:
        right = code.tag_of(serial, secret)
        tag = (right + rng.randrange(1, _TAGS)) % _TAGS
        number, signs = serial << 30 | tag, ""
        for _ in range(code.CODE_LENGTH):
            number, value = divmod(number, 32)
            signs = code.ALPHABET[value] + signs
        return signs

    def ask(text_of: str) -> None:
        at = clock.now()
        verdict = app_desk.ask(text_of, asked, caller, at=at)  # type: ignore[attr-defined]
        assert verdict.kind in {VerdictKind.UNKNOWN, VerdictKind.MALFORMED}

    return {
        "malformed": lambda: ask("U" * 12),
        "wrong tag, live serial": lambda: ask(wrong_tag(rng.randint(1, LIVE))),
        "wrong tag, serial never issued": lambda: ask(wrong_tag(rng.randint(LIVE + 1, 10**9))),
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--guesses", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=4000)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        own = cluster.Cluster(Path(folder) / "pg")
        own.start()
        try:
            own.ensure_database("guessing")
            url = own.url("guessing")
            db.upgrade(url)
            issue_order.place(url, 1)
            engine = create_engine(url)
            with engine.begin() as connection:  # the one real order gives way to those that fill the series
                connection.execute(text("UPDATE label_order SET serials = int8range(1073000001, 1074000001)"))
                connection.execute(text("DELETE FROM label_range"))
            issue_order.fill(url, 1, LIVE + 1)
            with Session(engine) as session:
                secret = keys.load(session, issue_order.MASTER).secret_for(1)
                assert secret == factories.SECRET
            app = create_app(config_for(url, Path(folder) / "var"), engine=engine, testing=True)
            desk = app.extensions["desk"]
            desk.limits.take = lambda *_a, **_k: 0  # what is refused by its number would not be timed at all
            hits, rate = guess(secret, options.guesses, seed=5)
            times = timed(kinds(desk, secret), options.rounds)
            engine.dispose()
        finally:
            own.stop()
    print(
        f"{options.guesses:,} guessed codes against {LIVE:,} live labels: {hits} right ({rate:,.0f}/s; expected {options.guesses / _TAGS:.3f})"
    )
    for name, sample in times.items():
        print(f"{name:>32}: {statistics.median(sample) * 1e6:.1f} µs (median of {len(sample):,})")
    told = welch(times["wrong tag, live serial"], times["wrong tag, serial never issued"])
    print(f"wrong tag, live serial against never issued: t = {told:.2f} (limit {TOLD_APART})")
    print(f"hits: {hits} (limit 0)")
    return 0 if hits == 0 and abs(told) < TOLD_APART else 1


if __name__ == "__main__":
    sys.exit(main())
