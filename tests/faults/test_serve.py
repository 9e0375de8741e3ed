"""./run as a whole: up by one command, back after any death, gone after Ctrl-C, and never two at once."""

import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trace import processes
from trace.cluster import ROOT, Cluster

# One worker for all of them: they share what takes seconds to make.
pytestmark = pytest.mark.xdist_group("serve")
PATIENCE_SECONDS = 40


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Run:
    """One ./run with a var folder and a port of its own."""

    def __init__(self, var: Path) -> None:
        self.var, self.port = var, _free_port()
        self.cluster = Cluster(var / "pg")
        self.out = var / "out"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        before = len(self.said())
        with self.out.open("ab") as out:
            self.process = subprocess.Popen(
                [*self._command(), "--no-demo"], env=self._environment(), cwd="/", stdout=out, stderr=out
            )
        self.wait(lambda: "Ctrl-C" in self.said()[before:] or self.process.poll() is not None)  # type: ignore[union-attr]
        assert self.process.poll() is None, self.said()

    def again(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [*self._command(), *words]
        return subprocess.run(
            command,
            env=self._environment(),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "trace.cli", "run", "--port", str(self.port)]

    def _environment(self) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("TEMTHAT_")}
        return {**plain, "PYTHONPATH": str(ROOT), "TEMTHAT_VAR": str(self.var), "CI": "true"}

    def said(self) -> str:
        return self.out.read_text() if self.out.exists() else ""

    def ready(self) -> bool:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            link.request("GET", "/readyz")
            return link.getresponse().status == 200
        except OSError:
            return False
        finally:
            link.close()

    def pids(self, role: str) -> list[int]:
        return processes.ours(self.var, role)

    def wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def end(self, sign: signal.Signals = signal.SIGINT) -> None:
        assert self.process is not None
        self.process.send_signal(sign)
        self.process.wait(20)


@pytest.fixture(scope="module")
def home() -> Iterator[Run]:
    """A place for ./run that outlives the tests of this module, so that each finds what the one before it left."""
    var = Path(tempfile.mkdtemp(prefix="tt-serve-", dir="/tmp"))
    var.chmod(0o755)
    run = Run(var)
    yield run
    if run.process is not None and run.process.poll() is None:
        run.process.kill()
        run.process.wait()
    processes.sweep(var)
    run.cluster.destroy()
    shutil.rmtree(var)


@pytest.fixture
def run(home: Run) -> Run:
    """A ./run that is up."""
    if home.process is None or home.process.poll() is not None:
        home.start()
    assert home.ready()
    return home


def test_one_command_brings_it_up_and_says_where(run: Run) -> None:
    assert f"http://127.0.0.1:{run.port}/" in run.said()
    assert re.search(r"Cơ sở dữ liệu riêng … \d+,\d s", run.said())


def test_the_worker_reports_for_work(run: Run) -> None:
    run.wait(lambda: run.cluster.query("SELECT count(*) FROM jobs.procrastinate_workers", "temthat") != "0")


def test_a_second_run_says_so_and_does_no_harm(run: Run) -> None:
    before = run.pids("web"), run.pids("worker"), run.cluster.status().pid
    second = run.again("--fresh")
    assert second.returncode == 0
    assert f"127.0.0.1:{run.port}" in second.stdout
    assert str(run.process.pid) in second.stdout  # type: ignore[union-attr]
    assert (run.pids("web"), run.pids("worker"), run.cluster.status().pid) == before
    assert run.ready()


@pytest.mark.parametrize("role", ["web", "worker"])
def test_a_killed_part_comes_back_by_itself(run: Run, role: str) -> None:
    old = run.pids(role)
    master = min(old)  # started first; the web server's own workers come after it
    os.kill(master, signal.SIGKILL)
    run.wait(lambda: bool(run.pids(role)) and not set(run.pids(role)) & set(old))
    run.wait(run.ready)


def test_a_killed_database_comes_back_by_itself_with_what_was_committed(run: Run) -> None:
    run.cluster.query("CREATE TABLE IF NOT EXISTS kept AS SELECT 7 AS answer", "temthat")
    old = run.cluster.status().pid
    assert old is not None
    os.kill(old, signal.SIGKILL)
    run.wait(lambda: run.cluster.status().pid not in {None, old})
    run.wait(run.ready)
    assert run.cluster.query("SELECT answer FROM kept", "temthat") == "7"


def test_after_the_killing_of_everything_the_next_run_works_and_nothing_is_lost(run: Run) -> None:
    run.cluster.query("CREATE TABLE IF NOT EXISTS kept_too AS SELECT 8 AS answer", "temthat")
    process, database = run.process, run.cluster.status().pid
    assert process is not None
    assert database is not None
    for pid in (process.pid, database, *processes.ours(run.var)):
        with contextlib.suppress(ProcessLookupError):  # gone with the one that was killed before it
            os.kill(pid, signal.SIGKILL)
    process.wait()
    run.start()
    assert run.ready()
    assert run.cluster.query("SELECT answer FROM kept_too", "temthat") == "8"


def test_after_the_killing_of_the_supervisor_alone_the_next_run_takes_over(run: Run) -> None:
    process = run.process
    assert process is not None
    process.kill()
    process.wait()
    run.start()
    assert run.ready()


def test_ctrl_c_leaves_no_process(run: Run) -> None:
    began = time.monotonic()
    run.end()
    assert time.monotonic() - began < 15
    assert run.process is not None
    assert run.process.returncode == 0
    assert processes.ours(run.var) == []
    assert not run.cluster.status().running
    assert processes.port_is_free(run.port)


def test_a_port_that_is_taken_is_named_and_nothing_is_left_behind(home: Run) -> None:
    if home.process is not None and home.process.poll() is None:
        home.end()
    with socket.socket() as other:
        other.bind(("127.0.0.1", home.port))
        other.listen()
        refused = home.again("--no-demo")
    assert refused.returncode == 1
    assert str(home.port) in refused.stdout
    assert not home.cluster.status().running
