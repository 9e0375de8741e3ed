"""Random bytes of bundles are changed, one at a time: each change must be found, and the file that it lies in named, no other.

    PYTHONPATH=. .venv/bin/python -m bench.bundle_flips [--flips 10000] [--bundles 5] [--seed 1]

The bundles are of cases in a database of its own. Flips hit contents, names and headers in the ZIP, its table and its end. It prints
how many were found and named, and flips a second, and fails if one was not.
"""

from __future__ import annotations

import argparse
import bisect
import io
import random
import sys
import tempfile
import time
from pathlib import Path

from enforcement import bundle_check


def owners(path: Path) -> tuple[list[int], list[str]]:
    """Where each part of a bundle begins, and whose it is: content and header of a file, its line in the table, the end."""
    with path.open("rb") as file:
        entries, start = bundle_check.walk(file)
    parts = [(offset, raw.decode()) for raw, _crc, _size, offset in entries]
    place = start
    for entry in entries:
        parts.append((place, entry[0].decode()))
        place += len(bundle_check.central(*entry))
    parts.append((place, bundle_check.ZIP_END))
    return [begin for begin, _ in parts], [name for _, name in parts]


def flip(path: Path, times: int, chance: random.Random, folder: Path) -> list[str]:
    """Change so many bytes, each in a fresh copy; what was not found, or not named, or named wrongly."""
    good, (begins, names) = path.read_bytes(), owners(path)
    assert bundle_check.check_zip(path) == []
    # Half of them anywhere, half in the ZIP's own parts, which are few among so many bytes of pictures.
    own = [
        place
        for begin, name in zip(begins, names, strict=True)
        for place in range(begin, min(begin + 30 + len(name.encode()), len(good)))
    ]
    wrong, changed = [], folder / "flipped.zip"
    for n in range(times):
        place = chance.randrange(len(good)) if n % 2 else chance.choice(own)
        content = bytearray(good)
        content[place] ^= chance.randrange(1, 256)
        changed.write_bytes(content)
        owner = names[bisect.bisect_right(begins, place) - 1]
        told = {name for name, _ in bundle_check.check_zip(changed)}
        if told != {owner}:
            wrong.append(f"byte {place} of {owner}: told {sorted(told)}")
    return wrong


def prepare(folder: Path, how_many: int) -> list[Path]:
    """Bundles of cases with photos, transfers, redactions and documents, issued and with their signed copies."""
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    from enforcement import bundle, bundles, cases, custody, documents, evidence, redaction
    from enforcement.papers import shelf
    from tests import factories
    from tests.conftest import MASTER, NOW
    from tests.enforcement import desk, papers
    from trace import cluster, db
    from trace.services import files

    own = cluster.Cluster(folder / "pg")
    own.start()
    url = own.url("temthat")
    db.upgrade(url)
    made = []
    with Session(create_engine(url)) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        by, other = world.officer.id, world.team_head.id
        papers.unit(session, world)
        for n in range(how_many):
            case = desk.case(session, world, folder, photos=[desk.photo(session, folder, n * 40)])
            for shade in range(10, 10 + 60 * (n + 1), 60):
                file = desk.photo(session, folder, shade + n)
                cases.add_evidence(
                    session, case.id, file, title="Ảnh", origin="Đội", taken_at=NOW, store=folder, by=by, at=NOW
                )
            piece = evidence.of_case(session, case.id)[-1]
            custody.hand_over(session, piece.id, other, place="Kho", note=None, seen=piece.sha256, by=by, at=NOW)
            custody.confirm(session, piece.id, seen=piece.sha256, by=other, at=NOW)
            redaction.draw(session, case.id, piece.id, [(5, 5, 20, 20)], reason="Mặt", store=folder, by=by, at=NOW)
            for code in ("MBB02", "MBB05")[: n + 1]:
                drawn = papers.draft(session, case, world, code)
                issued = documents.issue(
                    session,
                    case.id,
                    drawn.id,
                    version=drawn.version,
                    confirmed=True,
                    by=by,
                    duties=papers.OFFICER,
                    at=NOW,
                )
                scan = files.receive(session, folder, io.BytesIO(shelf.pdf(issued)), name="ky.pdf", at=NOW, by=by)
                documents.bind(session, case.id, issued.id, scan, store=folder, by=by, at=NOW)
            asked = bundles.ask(session, case.id, reason="Đo", shared=bool(n % 2), by=by, at=NOW)
            written = bundle.write(folder / "bundles", bundle.compose(session, asked, store=folder, scanner="", at=NOW))
            made.append(folder / "bundles" / f"{written.sha256}.zip")
        session.commit()
    own.stop()
    return made


def main() -> int:
    """The command."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--flips", type=int, default=10_000)
    words.add_argument("--bundles", type=int, default=5)
    words.add_argument("--seed", type=int, default=1)
    given = words.parse_args()
    chance, wrong, began = random.Random(given.seed), [], time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        made = prepare(Path(name), given.bundles)
        ready = time.perf_counter()
        each = -(-given.flips // len(made))
        for path in made:
            wrong += flip(path, each, chance, Path(name))
        sizes = ", ".join(f"{path.stat().st_size:,}" for path in made)
    done = each * len(made)
    took = time.perf_counter() - ready
    print(f"{len(made)} bundles of {sizes} bytes, made in {ready - began:.1f} s")
    print(f"{done:,} flips: {done - len(wrong):,} found and named ({done / took:,.0f} a second)")
    for line in wrong[:20]:
        print("  ", line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
