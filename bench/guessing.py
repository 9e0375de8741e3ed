"""Ten million guessed codes against ten million live labels, and whether the time of a refusal tells what was wrong.

    PYTHONPATH=. .venv/bin/python -m bench.guessing [--guesses 10000000] [--rounds 4000]

Guesses are drawn as somebody would who knows the form and that serials count up from 1: every serial is a live one, the tag is chance.
The time is that of whole answers, page and all, of the WSGI application over a database with the live labels. Compared are a malformed
code, a wrong tag on a live serial, a wrong tag on a serial that was never issued, and a right tag on such a serial, which nobody can make
without the key and which costs a query. The test is Welch's t on means without the slowest twentieth, taken in turns in random order;
|t| < 2.58 (p > 0.01) is "cannot be told apart", for each pair. Beside it, the same without the equal time of `trace.views.scan_lane`.
"""

from __future__ import annotations

import argparse
import logging
import math
import random
import statistics
import sys
import time
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from unittest import mock

import structlog
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from bench import issue_order
from labels import code
from tests import factories
from tests.conftest import config_for
from trace import cluster, db
from trace.app import create_app
from trace.services import keys
from trace.views import scan_lane

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flask.testing import FlaskClient

LIVE = 10_000_000
TOLD_APART = 2.58
"""|t| from which on two means differ with p < 0.01."""
TRIMMED = 0.05
WARM_UP = 50
PHONE = {
    "User-Agent": "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36",
    "Accept": "text/html", "Accept-Language": "vi",
}  # fmt: skip
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


def timed(asks: Mapping[str, Callable[[], Callable[[], None]]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each kind of question, asked in turns in random order."""
    times: dict[str, list[float]] = {name: [] for name in asks}
    for turn in range(rounds + WARM_UP):
        for name in random.sample(list(asks), len(asks)):
            ask = asks[name]()
            began = time.perf_counter()
            ask()
            if turn >= WARM_UP:
                times[name].append(time.perf_counter() - began)
    return times


def kinds(client: FlaskClient, secret: bytes) -> dict[str, Callable[[], Callable[[], None]]]:
    """A question of each kind, each with another code every time."""
    rng = random.Random(11)

    def wrong_tag(serial: int) -> str:
        right = code.tag_of(serial, secret)
        tag = (right + rng.randrange(1, _TAGS)) % _TAGS
        number, signs = serial << 30 | tag, ""
        for _ in range(code.CODE_LENGTH):
            number, value = divmod(number, 32)
            signs = code.ALPHABET[value] + signs
        return signs

    def ask(code_text: str) -> Callable[[], None]:
        return lambda: _refused(client, code_text)

    return {
        "malformed": lambda: ask("U" + wrong_tag(rng.randint(1, LIVE))[1:]),
        "wrong tag, live serial": lambda: ask(wrong_tag(rng.randint(1, LIVE))),
        "wrong tag, serial never issued": lambda: ask(wrong_tag(rng.randint(LIVE + 1, 10**9))),
        "right tag, serial never issued": lambda: ask(code.encode(rng.randint(LIVE + 1, 10**9), secret)),
    }


def _refused(client: FlaskClient, code_text: str) -> None:
    assert client.get(f"/T/{code_text}", headers=PHONE).status_code in {400, 404}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--guesses", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=1000)
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
            app.extensions["limits"].take = lambda *_a, **_k: (
                0
            )  # what is refused by its number would not be timed at all
            structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
            hits, rate = guess(secret, options.guesses, seed=5)
            asks = kinds(app.test_client(), secret)
            times = timed(asks, options.rounds)
            with mock.patch.object(scan_lane, "REFUSAL_SECONDS", 0.0):
                bare = timed(asks, options.rounds)
            engine.dispose()
        finally:
            own.stop()
    print(
        f"{options.guesses:,} guessed codes against {LIVE:,} live labels: {hits} right ({rate:,.0f}/s; expected {options.guesses / _TAGS:.3f})"
    )
    for name, sample in times.items():
        print(
            f"{name:>32}: {statistics.median(sample) * 1e3:.2f} ms, without the equal time {statistics.median(bare[name]) * 1e3:.2f} ms"
        )
    worst = 0.0
    for one, other in combinations(times, 2):
        told = welch(times[one], times[other])
        worst = max(worst, abs(told))
        print(
            f"{one} against {other}: t = {told:.2f} (limit {TOLD_APART}); without the equal time {welch(bare[one], bare[other]):.2f}"
        )
    print(f"hits: {hits} (limit 0)")
    return 0 if hits == 0 and worst < TOLD_APART else 1


if __name__ == "__main__":
    sys.exit(main())
