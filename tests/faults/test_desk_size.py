"""The figures of the desk at its full size (`bench/desk_jobs.py`, `bench/desk_queue.py`) taken at a small one: every page and every job answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from bench import desk_jobs, desk_queue
from enforcement import similar
from enforcement.alike import Alike
from enforcement.models import DeadlineReminder, Signal, SignalSource

pytestmark = pytest.mark.committed


def test_every_figure_of_a_large_desk_can_be_taken(committed: Engine, tmp_path: Path) -> None:
    url = committed.url.render_as_string(hide_password=False)
    engine, session, world = desk_queue.prepared(url, 600, 120)
    with session:
        found = desk_jobs.measure(engine, session, world, tmp_path, signals=600, rounds=1)
        assert len({each.name for each in found}) == len(found) > 20
        assert session.scalar(select(func.count()).select_from(DeadlineReminder))
        newest = select(Signal).where(Signal.source == SignalSource.TIP).order_by(Signal.received_at.desc()).limit(1)
        alike = {
            kind for hit in similar.of_signal(session, session.scalars(newest).one()).signals for kind in hit.alike
        }
        assert {Alike.TEXT, Alike.PHOTO} <= alike
    engine.dispose()
