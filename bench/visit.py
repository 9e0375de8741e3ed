"""A control visit of twelve items on a slow phone: how long each tap takes to show, and what the page weighs, beside the limits.

    PYTHONPATH=. .venv/bin/python -m bench.visit [--rounds 3]

The browser has a quarter of the processor and a line of 1.6 Mbit/s with 150 ms, as in `tests/browser/test_visit.py`, which also plays
the offline spell. A tap is measured by the browser from the finger to the next frame.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from bench import quiet
from bench.pages import MASTER, PHONE
from tests import factories
from tests.browser import chromium
from tests.browser.conftest import Served
from tests.browser.test_visit import TAP_MS, begin, taps, twelve_items
from tests.browser.wire import KB, SLOW_4G, VISIT, Wire
from trace import clock, cluster, db
from trace.app import create_app
from trace.config import Config
from trace.services import accounts


def main() -> int:
    """Measure and print; fail over a limit."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        own = cluster.Cluster(Path(folder) / "pg")
        own.start()
        own.ensure_database("temthat")
        db.upgrade(own.url("temthat"))
        engine = create_engine(own.url("temthat"))
        config = Config(database_url=own.url("temthat"), var_dir=Path(folder), master_key=MASTER)
        app = create_app(config, engine=engine)
        quiet()
        server = make_server("127.0.0.1", 0, app, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with Session(engine, expire_on_commit=False) as session:
                world = factories.make_world(session, master=MASTER, at=clock.now())
                served = Served(f"http://127.0.0.1:{server.server_port}", engine, world, session, config.files_dir)
                twelve_items(served)
                token = accounts.start_session(session, world.controller, at=clock.now())
                session.commit()
                cookie = app.session_interface.get_signing_serializer(app).dumps({"_user_id": token, "_fresh": True})  # type: ignore[attr-defined]
                browser = playwright.chromium.launch(executable_path=chromium.find(), args=chromium.QUIET)
                times, weights, scripts = [], [], []
                for _round in range(rounds):
                    context = browser.new_context(viewport=PHONE, locale="vi-VN", timezone_id="Asia/Ho_Chi_Minh")  # type: ignore[arg-type]
                    context.add_cookies([{"name": "temthat", "value": cookie, "url": served.url}])
                    page = context.new_page()
                    begin(page, served)
                    where = page.url
                    context.close()
                    context = browser.new_context(viewport=PHONE, locale="vi-VN", timezone_id="Asia/Ho_Chi_Minh")  # type: ignore[arg-type]
                    context.add_cookies([{"name": "temthat", "value": cookie, "url": served.url}])
                    page = context.new_page()
                    wire = Wire(page)
                    wire.slow_down(SLOW_4G)
                    page.goto(where)
                    page.wait_for_selector("#visit[data-ready]", state="attached")
                    weights.append(wire.size())
                    scripts.append(wire.size("Script"))
                    times += taps(page, wire)
                    context.close()
                browser.close()
        finally:
            server.shutdown()
            engine.dispose()
            own.stop()
    weight, worst = statistics.median(weights), max(times)
    print(
        f"visit of 12 items, 4x CPU, slow 4G, {len(times)} taps: p50 {statistics.median(times):.0f} ms, "
        f"p95 {statistics.quantiles(times, n=20)[18]:.0f} ms, worst {worst:.0f} ms / {TAP_MS} ms = {worst / TAP_MS:.2f}; "
        f"page {weight / KB:.1f} KB / {VISIT.total / KB:.0f} KB = {weight / VISIT.total:.2f}, script {statistics.median(scripts) / KB:.1f} KB"
    )
    return int(worst > TAP_MS or weight > VISIT.total)


if __name__ == "__main__":
    sys.exit(main())
