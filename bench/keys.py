"""The stolen-key drill in numbers: a million codes made under several keys, a rotation, and every code read again.

    PYTHONPATH=. .venv/bin/python -m bench.keys [--codes 1000000] [--rounds 5]

Limit named beside it: the bare HMACs that the tags need, in the same run.
"""

from __future__ import annotations

import argparse
import hmac
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from labels.errors import Forged
from trace import clock, cluster, db
from trace.services import keys

MASTER = bytes(range(32))
ROTATIONS = 8


def drill(session: Session, codes: int) -> tuple[float, float, int]:
    """Seconds to make the codes, seconds to read them again after the last rotation, and how many failed."""
    began = time.perf_counter()
    printed: list[str] = []
    for turn in range(ROTATIONS):
        first, end = 1 + turn * codes // ROTATIONS, 1 + (turn + 1) * codes // ROTATIONS
        session.execute(text("UPDATE label_series SET next_serial = :end"), {"end": end})
        printed += [each for _, each in keys.load(session, MASTER).codes(range(first, end))]
        keys.rotate(session, MASTER, clock.now())
        session.commit()
        session.expire_all()
    made = time.perf_counter() - began
    ring, wrong = keys.load(session, MASTER), 0
    began = time.perf_counter()
    for serial, each in enumerate(printed, 1):
        try:
            wrong += ring.verify(each).serial != serial
        except Forged:
            wrong += 1
    return made, time.perf_counter() - began, wrong


def bare(codes: int) -> float:
    """Seconds for as many HMACs and nothing else."""
    began = time.perf_counter()
    for serial in range(codes):
        hmac.digest(MASTER, b"temthat/label/tag/1\x00" + serial.to_bytes(8, "big"), "sha256")
    return time.perf_counter() - began


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--codes", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    makes, reads, bases, failed = [], [], [], 0
    with TemporaryDirectory() as folder:
        own = cluster.Cluster(Path(folder) / "pg")
        own.start()
        try:
            for turn in range(options.rounds):
                own.ensure_database(f"keys{turn}")
                db.upgrade(own.url(f"keys{turn}"))
                engine = create_engine(own.url(f"keys{turn}"))
                with Session(engine) as session:
                    keys.issue_first(session, MASTER, clock.now())
                    session.commit()
                    made, read, wrong = drill(session, options.codes)
                engine.dispose()
                makes.append(made)
                reads.append(read)
                bases.append(bare(options.codes))
                failed += wrong
        finally:
            own.stop()
    make, read, base = map(statistics.median, (makes, reads, bases))
    print(
        f"{options.codes:,} codes under {ROTATIONS} keys: made in {make:.2f} s, read again after the rotation in {read:.2f} s, {failed} failed"
    )
    print(f"ratio of reading to bare HMACs ({base:.2f} s): {read / base:.1f}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
