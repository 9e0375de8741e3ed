"""Work on evidence outside requests: chains watched all the time, files scanned that waited, documents put away, bundles made, everything hashed at night."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from enforcement import alarms, bundle, bundles, custody, evidence, evidence_checks
from enforcement.models import CaseBundle
from enforcement.papers import keeping
from trace import clock, db
from trace.services import files, pauses, unscanned, viruses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from procrastinate import App
    from sqlalchemy import Engine

    from enforcement.alarms import Fault
    from trace.config import Config

log = structlog.get_logger("temthat.jobs")
WATCHED_EVERY = 20.0
"""Seconds between two looks at the chains: a gap is known within a minute, even when one look fails."""
STOPPED_WITHIN = 2.0


def add(app: App, engine: Engine, config: Config) -> None:
    """The work of every minute. The look at everything is part of the night."""

    @app.periodic(cron="* * * * *")
    @app.task(queueing_lock="viruses", name="scan_files")
    def scan_files(timestamp: int) -> None:
        """Files that came while no virus scanner answered."""
        del timestamp
        scan_for_viruses(engine, config)

    @app.periodic(cron="* * * * *")
    @app.task(queueing_lock="bundles", name="bundles")
    def make_bundles(timestamp: int) -> None:
        """Bundles that somebody waits for."""
        del timestamp
        while make_bundle(engine, config):
            pass

    @app.periodic(cron="* * * * *")
    @app.task(queueing_lock="documents", name="keep_documents")
    def keep_documents(timestamp: int) -> None:
        """What was issued is put away as files."""
        del timestamp
        while keep_issued(engine, config):
            pass


def keep_issued(engine: Engine, config: Config, *, now: Callable[[], datetime] = clock.now) -> int:
    """Put some issued documents away as files; how many."""
    with Session(engine) as session:
        kept = keeping.keep_waiting(session, config.files_dir, at=now())
        session.commit()
    return kept


def check_all(engine: Engine, config: Config, *, now: Callable[[], datetime] = clock.now) -> int:
    """Every byte and every chain; how much is newly wrong. What is hashed is hashed outside any transaction."""

    def told(faults: Iterable[Fault]) -> int:
        with Session(engine) as session:
            new = alarms.sound(session, faults, at=now())
            session.commit()
        for fault in new:
            log.error(
                "evidence is not what was taken in", case=str(fault.case_id), folio=fault.folio, detail=fault.detail
            )
        return len(new)

    found, after = 0, None
    while True:
        with Session(engine) as session:
            batch = evidence_checks.batch(session, config.files_dir, after=after)
        if not batch.pieces:
            break
        after = batch.pieces[-1]
        found += sum(told([fault]) for fault in evidence_checks.faults(batch.files))
        with Session(engine) as session:
            broken = custody.broken(session, batch.pieces)
        found += told(broken)
    with Session(engine) as session:
        missing = custody.missing_folios(session)
    found += told(missing)
    return found + _check_documents(engine, config, now=now)


def _check_documents(engine: Engine, config: Config, *, now: Callable[[], datetime]) -> int:
    found, after = 0, None
    while True:
        with Session(engine) as session:
            batch = keeping.batch(session, after=after)
        if not batch.files:
            return found
        after = batch.files[-1].document_id
        whole = keeping.judged(config.files_dir, batch)  # in no transaction: it may take long
        with Session(engine) as session:
            papers = keeping.tell(session, batch, whole, at=now())
            session.commit()
        for name in papers.new:
            log.error("a document is not what was put away", name=name)
        for name in papers.mended:
            log.info("a document is whole again", name=name)
        found += len(papers.new)


def scan_for_viruses(engine: Engine, config: Config, *, now: Callable[[], datetime] = clock.now) -> int:
    """Have waiting files scanned, where a scanner is named and as long as it answers; in how many it found something."""
    found = 0
    for _ in range(unscanned.MOST_AT_ONCE if config.clamd else 0):
        with Session(engine) as session:
            waiting = unscanned.claim(session, config.files_dir, at=now())
            session.commit()
        if waiting is None:
            break
        virus: str | None = None
        fault: viruses.NoAnswer | None = None
        try:
            virus = viruses.scan(config.clamd, waiting.path)
        except viruses.NoAnswer as exc:
            fault = exc
        with Session(engine) as session:
            if fault is None:
                file = unscanned.note(session, waiting.file_id, virus, at=now())
                evidence_checks.infected(session, [file] if virus else [], at=now())
            elif isinstance(fault, viruses.GaveUp):
                unscanned.note_given_up(session, waiting.file_id)  # this one; others may be smaller
            else:
                unscanned.put_back(session, waiting.file_id, at=now())
            session.commit()
        if virus:
            log.error("virus found in a file taken in before", file=str(waiting.file_id), virus=virus)
            found += 1
        if fault is not None and not isinstance(fault, viruses.GaveUp):
            break
    return found


def watch_chains(engine: Engine, *, now: Callable[[], datetime] = clock.now) -> int:
    """One look at the chains of custody; how much is newly wrong."""
    with Session(engine) as session:
        found = custody.watch(session, at=now())
        session.commit()
    for fault in found:
        log.error("custody is broken", folio=fault.folio, case=str(fault.case_id), detail=fault.detail)
    return len(found)


def look(engine: Engine, *, now: Callable[[], datetime] = clock.now) -> None:
    """One look that may fail; then it is told when it has been too long since a good one."""
    try:
        watch_chains(engine, now=now)
    except Exception as exc:  # whatever it was, the next look must come
        log.error("custody watch failed", error=type(exc).__name__)  # noqa: TRY400
        with suppress(SQLAlchemyError), Session(engine) as session:
            custody.begin_watch(session, at=now())
            custody.tell_late(session, at=now())
            session.commit()


@contextmanager
def watching(config: Config, *, every: float = WATCHED_EVERY) -> Iterator[None]:
    """Look at the chains now, and again and again beside the queue, which may be busy for hours: in a thread, on connections of its own."""
    engine, stop = db.make_watching_engine(config), threading.Event()

    def keep_on() -> None:
        while not stop.wait(every):
            look(engine)

    watcher = threading.Thread(target=keep_on, name="custody", daemon=True)
    look(engine)  # before the queue begins: after a night switched off nobody is told that nobody looked
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join(STOPPED_WITHIN)
        engine.dispose()


def make_bundle(engine: Engine, config: Config, *, now: Callable[[], datetime] = clock.now) -> bool:
    """Make the bundle that has waited longest: what goes in, the ZIP outside any transaction, then the deed. Whether there was one."""
    with Session(engine) as session:
        waiting = bundles.take_up(session, at=now())
        bundle_id = waiting.id if waiting is not None else None
        session.commit()
    if bundle_id is None:
        return False
    fault = ""
    try:
        with Session(engine) as session:
            lying = bundle.originals(session, session.get_one(CaseBundle, bundle_id), store=config.files_dir)
        hashed = {
            piece_id: evidence.hash_of(path) for piece_id, path in lying.items()
        }  # in no transaction: it may take long
        with Session(engine) as session:
            found = session.get_one(CaseBundle, bundle_id)
            try:
                with pauses.unhurried(session):
                    members = bundle.compose(
                        session, found, store=config.files_dir, scanner=config.clamd, at=now(), hashed=hashed
                    )
            finally:
                session.commit()  # alarms stay, whether or not a bundle is made
        written = bundle.write(config.bundles_dir, members)
    except bundle.EvidenceChanged as exc:
        fault = f"changed {exc.facts['folios']}"
    except bundle.DocumentsChanged as exc:
        fault = f"documents {exc.facts['names']}"
    except bundle.EvidenceNotScanned as exc:
        fault = f"unscanned {exc.facts['folios']}"
    except (OSError, files.FileDamaged):  # changed since it was looked at, for damage found then has its own fault
        fault = "disk"
    except Exception as exc:  # whatever it was, the person who waits must be told
        log.error("bundle failed", bundle=str(bundle_id), error=type(exc).__name__)  # noqa: TRY400
        fault = "crashed"
    with Session(engine) as session:
        if fault:
            bundles.fail(session, bundle_id, fault, at=now())
        else:
            bundles.finish(session, bundle_id, written, at=now())
        session.commit()
    log.info("bundle done", bundle=str(bundle_id), fault=fault or None)
    return True
