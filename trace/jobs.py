"""Work outside requests: housekeeping by the clock, run by `manage worker`. The queue lives in the same database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.builtin_tasks import remove_old_jobs
from sqlalchemy import select, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from enforcement import custody, patterns, reporters
from trace import clock, db, desk_jobs, evidence_jobs, posting
from trace.services import (
    accounts,
    area_imports,
    drawing,
    files,
    idempotency,
    incidents,
    keys,
    mail_addresses,
    outgoing,
    reconciling,
    reminders,
    retention,
    suspensions,
    table_imports,
    tip_uploads,
    tips,
    webhooks,
)
from trace.services.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Engine

    from trace.config import Config

log = structlog.get_logger("temthat.jobs")
KEYS_KEPT = timedelta(days=30)
ORPHANS_KEPT = timedelta(hours=1)
UPLOADS_WAIT = timedelta(hours=24)
"""How long a photo of a report that stopped half way may be sent on."""
IMPORTS_WAIT = timedelta(days=30)
"""How long the rows of an import wait to be taken over."""
JOBS_KEPT_HOURS = 14 * 24
BEAT_SECONDS = 1.0
TELLERS = 6


def conninfo(url: str) -> str:
    """What psycopg wants, from what SQLAlchemy wants; the queue's tables have a schema of their own."""
    parsed = make_url(url).set(drivername="postgresql").update_query_dict({"options": "-csearch_path=jobs,public"})
    return parsed.render_as_string(hide_password=False)


def make_app(config: Config) -> App:
    """The queue with its periodic work."""
    app = App(connector=PsycopgConnector(conninfo=conninfo(config.database_url)))
    engine = db.make_engine(config)

    def run(name: str, work: Callable[[Session], Any]) -> None:
        with Session(engine) as session:
            done = work(session)
            session.commit()
        log.info("job done", job=name, result=done if isinstance(done, int) else None)

    @app.periodic(cron="17 * * * *")
    @app.task(queueing_lock="housekeeping", name="housekeeping")
    def housekeeping(timestamp: int) -> None:
        """Partitions ahead of time; old keys, tries and files without a row out."""
        del timestamp
        run("housekeeping", lambda session: keep_house(session, config.files_dir))

    @app.periodic(cron="13 3 * * *")
    @app.task(queueing_lock="forget_jobs", name="forget_jobs", pass_context=True)
    async def forget_jobs(context: JobContext, timestamp: int) -> None:
        """Work that ended long ago leaves the queue's tables: what runs every minute would leave millions a year."""
        del timestamp
        await remove_old_jobs(
            context, max_hours=JOBS_KEPT_HOURS, remove_failed=True, remove_cancelled=True, remove_aborted=True
        )

    @app.periodic(cron="41 * * * *")
    @app.task(queueing_lock="find_gaps", name="find_gaps")
    def find_gaps(timestamp: int) -> None:
        """Labels that are not accounted for open a nonconformity by themselves."""
        del timestamp
        at = clock.now()
        run("find_gaps", lambda session: reconciling.find_gaps(session, at))

    @app.periodic(cron="7 5 * * *")
    @app.task(queueing_lock="renewals", name="renewals")
    def renewals(timestamp: int) -> None:
        """Certificates that enter their renewal window become work; due days that could not be counted are filled in.

        Corrections past their day become proposals to suspend, which a person decides on.
        """
        del timestamp
        at = clock.now()
        run("renewals", lambda session: reminders.daily(session, at))
        run("suspensions", lambda session: suspensions.propose_overdue(session, at=at))

    @app.task(name=drawing.TASK)
    def draw_file(drawing_id: str) -> None:
        """Draw a file that somebody waits for."""
        draw(engine, config, UUID(drawing_id))

    @app.periodic(cron="* * * * *")
    @app.task(queueing_lock="drawings", name="drawings")
    def drawings(timestamp: int) -> None:
        """Take up files that nobody draws: lost by the queue, or left by a worker that was killed."""
        del timestamp
        with Session(engine) as session:
            overdue = drawing.due(session, at=clock.now())
            session.commit()
        for drawing_id in overdue:
            draw(engine, config, drawing_id)

    @app.periodic(cron="41 * * * *")
    @app.task(queueing_lock="drawings_kept", name="drawings_kept")
    def drawings_kept(timestamp: int) -> None:
        """Files past their month go; they can be drawn again."""
        del timestamp
        run("drawings_kept", lambda session: drawing.clear(session, config.drawings_dir, at=clock.now()))

    _add_desk(app, run)
    _add_mail(app, engine, config)
    desk_jobs.add(app, engine, config)
    _add_nightly(app, engine, config)
    evidence_jobs.add(app, engine, config)
    _add_webhooks(app, engine, config)
    _add_incidents(app, engine, config)
    return app


def _add_desk(app: App, run: Callable[[str, Callable[[Session], Any]], None]) -> None:
    @app.periodic(cron="* * * * *")
    @app.task(queueing_lock="sweep", name="sweep")
    def sweep(timestamp: int) -> None:
        """Turn scans that should not be into signals for the case desk."""
        del timestamp
        at = clock.now()
        run("sweep", lambda session: patterns.sweep(session, since=at - timedelta(hours=24), at=at))
        run("wake", lambda session: reporters.wake(session, at=at))

    @app.periodic(cron="29 * * * *")
    @app.task(queueing_lock="sweep_hourly", name="sweep_hourly")
    def sweep_hourly(timestamp: int) -> None:
        """Look through the books of the register and the scans of a week for what a person should see."""
        del timestamp
        at = clock.now()
        run("sweep_hourly", lambda session: patterns.sweep_hourly(session, at=at))


def _add_mail(app: App, engine: Engine, config: Config) -> None:
    @app.periodic(cron="*/5 * * * *")
    @app.task(queueing_lock="mail", name="mail")
    def mail_reminders(timestamp: int) -> None:
        """Send the letters that are due, where a mail server is named."""
        del timestamp
        post_letters(engine, config)
        desk_jobs.post_digests(engine, config)

    @app.periodic(cron="* * * * *")
    @app.task(queueing_lock="mail_links", name="mail_links")
    def mail_links(timestamp: int) -> None:
        """Send the links that somebody waits for to confirm an address."""
        del timestamp
        post_links(engine, config)


def _add_nightly(app: App, engine: Engine, config: Config) -> None:
    @app.periodic(cron="23 2 * * *")
    @app.task(queueing_lock="evidence", name="check_evidence")
    def check_evidence(timestamp: int) -> None:
        """Hash every original and copy again, and look at every chain; what is wrong is an incident, and an error in the log."""
        del timestamp
        evidence_jobs.check_all(engine, config)

    @app.periodic(cron="31 1 * * *")
    @app.task(queueing_lock="retention", name="retention")
    def let_go(timestamp: int) -> None:
        """What people's phones left behind goes when its time is over."""
        del timestamp
        with Session(engine) as session:
            apply_retention(session, config)
            session.commit()


def _add_webhooks(app: App, engine: Engine, config: Config) -> None:
    @app.periodic(cron="* * * * *")
    @app.task(queueing_lock="webhooks", name="webhooks")
    def tell_webhooks(timestamp: int) -> None:
        """Tell the webhooks what has happened."""
        del timestamp
        tell(engine, config)


def _add_incidents(app: App, engine: Engine, config: Config) -> None:
    limits = Limits(config.var_dir / "limits")

    @app.periodic(cron="* * * * *")
    @app.task(queueing_lock="incidents", name="incidents")
    def gather_incidents(timestamp: int) -> None:
        """What the limits refused becomes one incident of its kind."""
        del timestamp
        with Session(engine) as session:
            incidents.gather(session, limits, at=clock.now())
            custody.tell_late(session, at=clock.now())  # the watcher itself may hang
            session.commit()


def draw(
    engine: Engine, config: Config, drawing_id: UUID, *, now: Callable[[], datetime] = clock.now,
    tick: Callable[[], float] = monotonic,
) -> None:  # fmt: skip
    """Draw one file, unless somebody else does: outside any transaction, with its progress committed every second."""
    with Session(engine) as session:
        attempt = drawing.claim(session, drawing_id, at=now())
        session.commit()
    if attempt is None:
        return
    drawing.drop_drafts(config.drawings_dir, drawing_id)
    said = tick()

    def beat() -> None:
        nonlocal said
        if tick() - said < BEAT_SECONDS:
            return
        said = tick()
        with Session(engine) as session:
            goes_on = drawing.beat(session, drawing_id, attempt=attempt, done=work.counted.done, at=now())
            session.commit()
        if not goes_on:
            raise drawing.Stopped

    try:
        with Session(engine) as session:
            work = drawing.prepare(session, drawing_id, keyring=keys.load(session, config.master_key), host=config.host)
        work.counted.pulse = beat
        written = drawing.write(config.drawings_dir, f"{drawing_id}-{attempt}", work.pieces, beat)
    except drawing.Stopped:
        log.info("drawing stopped", drawing=str(drawing_id))
        return
    except Exception as exc:  # whatever it was, the person who waits must be told
        fault = drawing.fault_of(exc)
        log.error("drawing failed", drawing=str(drawing_id), fault=fault.value, error=type(exc).__name__)  # noqa: TRY400
        with Session(engine) as session:
            drawing.fail(session, drawing_id, fault, attempt=attempt, at=now())
            session.commit()
        return
    with Session(engine) as session:
        drawing.finish(session, drawing_id, written, attempt=attempt, at=now())
        session.commit()
    log.info("drawing done", drawing=str(drawing_id), size=written.size)


def post_letters(engine: Engine, config: Config, *, now: Callable[[], datetime] = clock.now) -> int:
    """Send the due letters about certificates to renew, one a person. How many the mail server took."""
    return posting.post(
        engine, config, kind="reminder", now=now,
        due=lambda session: reminders.letters(session, at=now(), host=config.host),
        mailed=lambda session, key: reminders.mailed(session, key, at=now()),
        given_up=lambda session, key: reminders.given_up(session, key, at=now()),
    )  # fmt: skip


def post_links(engine: Engine, config: Config, *, now: Callable[[], datetime] = clock.now) -> int:
    """Send the links by which people confirm their addresses. Whoever asked for one that is refused for good reads why on their page."""
    return posting.post(
        engine, config, kind="link", now=now,
        due=lambda session: mail_addresses.letters(session, at=now(), host=config.host),
        mailed=mail_addresses.mailed, given_up=mail_addresses.mailed,
    )  # fmt: skip


def tell(
    engine: Engine, config: Config, *, now: Callable[[], datetime] = clock.now, send: Callable[..., outgoing.Answer] = outgoing.post
) -> int:  # fmt: skip
    """Send what is due to every webhook, several at a time, each in its order until one does not answer. How many were heard."""
    sealing = config.derived("webhook")
    with Session(engine) as session:
        webhooks.fan_out(session, at=now())
        session.commit()
        messages = webhooks.claim(session, sealing=sealing, host=config.host, at=now())
        session.commit()
    by_target: dict[UUID, list[webhooks.Message]] = {}
    for message in messages:
        by_target.setdefault(message.subscription_id, []).append(message)

    def work_off(waiting: list[webhooks.Message]) -> int:
        heard = 0
        until = monotonic() + webhooks.LEASE.total_seconds() / 2  # what is sent past its lease would go out twice
        for message in waiting:
            if monotonic() > until:
                break
            began, fault, answer = monotonic(), None, None
            try:
                answer = send(message.url, message.body, message.headers, loopback=config.webhook_loopback)
            except outgoing.NotSent as exc:
                fault = exc.fault
            took = round((monotonic() - began) * 1000)
            with Session(engine) as session:
                good = webhooks.mark(session, message, at=now(), took_ms=took, answer=answer, fault=fault)
                session.commit()
            if not good:
                break  # the rest comes round again after its lease; it is not sent past one that was missed
            heard += 1
        return heard

    with ThreadPoolExecutor(max_workers=TELLERS) as tellers:
        told = sum(tellers.map(work_off, by_target.values()))
    if messages:
        log.info("webhooks told", due=len(messages), heard=told)
    return told


def apply_retention(session: Session, config: Config) -> retention.Gone:
    """Let go what is past its period; the log says how much, and nothing of whom."""
    periods = retention.Periods(
        salts=config.keep_salts_days, positions=config.keep_positions_days, unknown_codes=config.keep_unknown_codes_days
    )
    gone = retention.apply(session, periods, at=clock.now())
    log.info("let go", **asdict(gone))
    return gone


def keep_house(session: Session, store: Path) -> int:
    """What must be done regularly; returns how many partitions were made."""
    at = clock.now()
    today = at.astimezone(clock.CITY).date()
    made = session.scalar(
        select(text("make_scan_months(:first, :last)")).params(first=today, last=today + timedelta(days=62))
    )
    idempotency.forget(session, before=at - KEYS_KEPT)
    accounts.clean_up(session, at=at)
    area_imports.clear(session, before=at - IMPORTS_WAIT)
    table_imports.drop_files(session, at=at)
    webhooks.forget(session, before=at - webhooks.KEPT)
    tips.forget_twins(session, at=at)
    tip_uploads.clear(session, store, before=at - UPLOADS_WAIT)
    # Last, for it holds a lock on what it removes until the commit.
    files.sweep(session, store, older_than=ORPHANS_KEPT, at=at)
    return int(made or 0)
