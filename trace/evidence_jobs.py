"""Work on evidence outside requests: chains watched by the minute, files scanned that waited, documents put away, bundles made, everything hashed at night."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from sqlalchemy.orm import Session

from enforcement import bundle, bundles, custody, evidence_checks
from enforcement.models import CaseBundle
from enforcement.papers import keeping
from trace import clock
from trace.models.incidents import IncidentKind
from trace.services import files, incidents

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from procrastinate import App
    from sqlalchemy import Engine

    from trace.config import Config

log = structlog.get_logger("temthat.jobs")


def add(app: App, engine: Engine, config: Config) -> None:
    """The work of every minute. The look at everything is part of the night."""

    @app.periodic(cron="* * * * *")
    @app.task(queueing_lock="custody", name="watch_custody")
    def watch_custody(timestamp: int) -> None:
        """A gap in a chain of custody is known within a minute."""
        del timestamp
        with Session(engine) as session:
            for fault in custody.watch(session, at=clock.now()):
                log.error("custody is broken", folio=fault.folio, case=str(fault.case_id), detail=fault.detail)
            session.commit()

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
    """Every byte and every chain; how much is newly wrong."""
    with Session(engine) as session:
        found = evidence_checks.nightly(session, config.files_dir, at=now())
        papers = keeping.damaged(session, config.files_dir)
        incidents.add(session, IncidentKind.EVIDENCE_CHANGED, len(papers), at=now())
        session.commit()
    for fault in found:
        log.error("evidence is not what was taken in", case=str(fault.case_id), folio=fault.folio, detail=fault.detail)
    for name in papers:
        log.error("a document is not what was put away", name=name)
    return len(found) + len(papers)


def scan_for_viruses(engine: Engine, config: Config, *, now: Callable[[], datetime] = clock.now) -> int:
    """Have waiting files scanned, where a scanner is named; in how many it found something."""
    if not config.clamd:
        return 0
    with Session(engine) as session:
        found = files.scan_waiting(session, config.files_dir, config.clamd, at=now())
        evidence_checks.infected(session, found, at=now())
        session.commit()
        for file in found:
            log.error("virus found in a file taken in before", file=str(file.id), virus=file.virus)
    return len(found)


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
            found = session.get_one(CaseBundle, bundle_id)
            try:
                members = bundle.compose(session, found, store=config.files_dir, scanner=config.clamd, at=now())
            finally:
                session.commit()  # alarms stay, whether or not a bundle is made
        written = bundle.write(config.bundles_dir, members)
    except bundle.EvidenceChanged as exc:
        fault = f"changed {exc.facts['folios']}"
    except bundle.EvidenceNotScanned as exc:
        fault = f"unscanned {exc.facts['folios']}"
    except (OSError, files.FileDamaged):  # a document, for evidence has its own fault
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
