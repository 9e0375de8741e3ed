"""What pages cost a phone and a desk: bytes, requests, largest paint and shifts, beside their budgets, over the production server.

    PYTHONPATH=. .venv/bin/python -m bench.pages [--rounds 3]

The browser is slowed down as Lighthouse applies its slow 4G (1.6 Mbit/s, 150 ms, a quarter of the processor), with an empty cache each time. Medians.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from bench.verify import _free_port, _wait
from tests.browser import chromium
from tests.browser.wire import KB, QUEUE, REPORT, SLOW_4G, VERDICT, Budget, Wire, painted
from trace import clock, cluster, db, demo
from trace.app import create_app
from trace.config import Config
from trace.models.parties import AppUser
from trace.models.scans import Scan
from trace.services import accounts, keys

MASTER = bytes(range(32))
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1440, "height": 900}


class Seen(NamedTuple):
    """One look at a page: bytes, requests, bytes of script, largest paint in seconds, sum of layout shifts."""

    total: float
    requests: float
    script: float
    paint: float
    shift: float


def look(browser: Browser, url: str, path: str, size: dict[str, int], token: str | None) -> Seen:
    """Load a page once over the slow line with nothing cached."""
    context = browser.new_context(viewport=size, locale="vi-VN")  # type: ignore[arg-type]
    if token:
        context.add_cookies([{"name": "temthat", "value": token, "url": url}])
    page = context.new_page()
    wire = Wire(page)
    wire.slow_down(SLOW_4G)
    answer = page.goto(url + path)
    assert answer is not None
    assert answer.status == 200, f"{path}: {answer.status}"
    paint, shift = painted(page)
    context.close()
    return Seen(wire.size(), wire.requests, wire.size("Script"), paint, shift)


def prepare(config: Config) -> tuple[str, str]:
    """Load the sample city. Returns a good label's code and an officer's cookie."""
    db.upgrade(config.database_url)
    engine = create_engine(config.database_url)
    with Session(engine) as session:
        demo.load(session, config, at=clock.now())
        serial = session.scalars(select(Scan.serial).where(Scan.verdict == "valid").limit(1)).one()
        assert serial is not None
        code = next(iter(keys.load(session, config.master_key).codes(range(serial, serial + 1))))[1]
        officer = session.scalars(select(AppUser).where(AppUser.login == "canbo")).one()
        token = accounts.start_session(session, officer, at=clock.now())
        session.commit()
    app = create_app(config, engine=engine)
    signer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    engine.dispose()
    return str(code), signer.dumps({"_user_id": token, "_fresh": True})


def row(name: str, budget: Budget, looks: list[Seen]) -> str:
    """One line of the table; a ratio below 1 is within the budget."""
    seen = Seen(*(statistics.median(values) for values in zip(*looks, strict=True)))
    paint = budget.largest_paint or float("nan")
    return (
        f"| {name} | {seen.total / KB:.1f} / {budget.total / KB:.0f} KB = {seen.total / budget.total:.2f} "
        f"| {seen.requests:.0f}{f' / {budget.requests}' if budget.requests else ''} | {seen.script / KB:.1f} / {budget.script / KB:.0f} KB "
        f"| {seen.paint:.2f} / {paint:.1f} s = {seen.paint / paint:.2f} | {seen.shift:.3f} |"
    )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with TemporaryDirectory() as folder:
        own = cluster.Cluster(Path(folder) / "pg")
        own.start()
        own.ensure_database("temthat")
        key = Path(folder) / "master.key"
        key.write_text(MASTER.hex())
        port = _free_port()
        config = Config(database_url=own.url("temthat"), var_dir=Path(folder), master_key=MASTER)
        code, token = prepare(config)
        environment = {
            **os.environ, "TEMTHAT_VAR": folder, "TEMTHAT_DATABASE_URL": own.url("temthat"), "TEMTHAT_MASTER_KEY_FILE": str(key),
            "TEMTHAT_PORT": str(port),
        }  # fmt: skip
        server = subprocess.Popen(
            [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "--workers", "1", "--blocking-threads", "4",
             "--port", str(port), "--log-level", "error", "--no-ws", "trace.app:create_app"],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _wait(port)
            time.sleep(1)
            url = f"http://127.0.0.1:{port}"
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium.find(), args=chromium.QUIET)
                print(
                    "| page | bytes on the wire / budget | requests | script | largest paint / budget | shift |\n|---|---|---|---|---|---|"
                )
                for name, path, size, cookie, budget in (
                    ("verdict", f"/T/{code}", PHONE, None, VERDICT),
                    ("first page of a report", "/report", PHONE, None, REPORT),
                    ("officer's queue", "/hang-doi", DESK, token, QUEUE),
                ):
                    look(browser, url, path, size, cookie)  # the server's own first time is not the phone's
                    print(
                        row(name, budget, [look(browser, url, path, size, cookie) for _ in range(rounds)]), flush=True
                    )
                browser.close()
        finally:
            server.terminate()
            server.wait(20)
            own.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
