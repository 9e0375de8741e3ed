"""What ./run does once everything is installed: start the parts, watch over them, stop them.

The parts are the private cluster, the web server and the job worker. Standard library only: the supervisor must stay up
when the application does not. What must not live here: anything the application knows; it is asked by `trace.cli`.
"""

import argparse
import contextlib
import http.client
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NoReturn, TextIO, TypeVar

from trace import cluster, machine, processes
from trace.processes import ADDRESS, MARK

READY_SECONDS = 90
CHILD_STOP_SECONDS = 5
LONGEST_PAUSE = 30.0
HEALTHY_SECONDS = 60
LOG_KEPT_BYTES = 10_000_000

Result = TypeVar("Result")


class Stop(BaseException):
    """Somebody asked us to end; raised by the signal handlers wherever we are."""


class Trouble(Exception):
    """The start cannot go on; the text says what to do."""


@dataclass
class Child:
    """One supervised program and its luck so far."""

    name: str
    what: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = 0.5
    due: float | None = None


@dataclass
class Supervisor:
    """The parts of one running Tem Thật and the folder that is theirs."""

    var: Path
    port: int
    cluster: cluster.Cluster | None
    children: list[Child] = field(default_factory=list)
    held: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @property
    def address(self) -> str:
        return f"http://{ADDRESS}:{self.port}"

    def environment(self, child: str = "") -> dict[str, str]:
        """What our own programs are told; MARK and the role let a later start find them again."""
        ours = {
            MARK: str(self.var),
            "TEMTHAT_ROLE": child,
            "TEMTHAT_VAR": str(self.var),
            "TEMTHAT_PORT": str(self.port),
        }
        return {**os.environ, "PYTHONPATH": str(cluster.ROOT), "PYTHONUTF8": "1", **ours}

    # -- start --------------------------------------------------------------------------------------------------

    def prepare(self, *, demo: bool) -> str:
        """Let the application bring its schema and sample data up to date; what it wants said when all is up.

        One process for both, for most of the time goes into loading the application. Its progress comes on stderr.
        """
        words = [
            "setpriv",
            "--pdeathsig",
            "TERM",
            sys.executable,
            "-m",
            "trace.cli",
            "prepare",
            *(["--demo"] if demo else []),
        ]
        done = subprocess.run(
            words,
            env=self.environment("step"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=sys.stdout,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Trouble("Chưa chuẩn bị được cơ sở dữ liệu; chi tiết ở ngay trên.")
        return done.stdout

    def launch(self, child: Child) -> None:
        """Start a child in a session of its own, so that Ctrl-C reaches only us and the order of stopping is ours."""
        with self.log_of(child).open("ab") as log:
            child.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *child.command],
                env=self.environment(child.name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        child.started, child.due = time.monotonic(), None

    def log_of(self, child: Child) -> Path:
        folder = self.var / "log"
        folder.mkdir(exist_ok=True)
        path = folder / f"{child.name}.log"
        if path.exists() and path.stat().st_size > LOG_KEPT_BYTES:
            path.replace(path.with_suffix(".log.old"))
        return path

    def wait_until_ready(self) -> None:
        """Until the application answers /readyz with 200."""
        deadline = time.monotonic() + READY_SECONDS
        while not _answers(self.port):
            for child in self.children:
                if child.process is not None and child.process.poll() is not None:
                    raise Trouble(f"{child.what} không khởi động được. Cuối nhật ký:\n{_tail(self.log_of(child))}")
            if time.monotonic() > deadline:
                logs = "\n".join(_tail(self.log_of(child)) for child in self.children)
                raise Trouble(f"Ứng dụng không sẵn sàng sau {READY_SECONDS} giây. Cuối nhật ký:\n{logs}")
            time.sleep(0.05)

    # -- watch --------------------------------------------------------------------------------------------------

    def watch(self) -> NoReturn:
        """Bring back whatever dies, until a signal raises Stop."""
        ear, mouth = socket.socketpair()
        with ear, mouth:
            mouth.settimeout(0)
            signal.set_wakeup_fd(mouth.fileno())
            signal.signal(signal.SIGCHLD, lambda *_: None)  # only so that a death wakes the wait below
            try:
                while True:
                    if select.select([ear], [], [], 1.0)[0]:
                        ear.recv(4096)
                    self.mend_cluster()
                    for child in self.children:
                        self.mend(child)
            finally:
                signal.set_wakeup_fd(-1)

    def mend(self, child: Child) -> None:
        """Start a dead child again: soon the first time, ever later when it keeps dying."""
        now = time.monotonic()
        if child.process is not None:
            code = child.process.poll()
            if code is None:
                return
            child.process = None
            processes.sweep(
                self.var, child.name, patience=0.5
            )  # its own workers may have outlived it and hold the port
            child.pause = 0.5 if now - child.started > HEALTHY_SECONDS else min(child.pause * 2, LONGEST_PAUSE)
            child.due = now + child.pause
            say(
                f"! {child.what} đã dừng (mã {code}); chạy lại sau {child.pause:.0f} giây. Nhật ký: {self.log_of(child)}"
            )
        if child.due is not None and now >= child.due:
            self.launch(child)

    def mend_cluster(self) -> None:
        """Start the database again when it has died or lost its socket; the children reconnect, or move to the new socket."""
        if self.cluster is None:
            return
        state = self.cluster.status()
        if state.running and state.socket is not None and (state.socket / f".s.PGSQL.{cluster.PORT}").exists():
            return
        say("! Cơ sở dữ liệu đã dừng; đang khởi động lại.")
        try:
            after = self.cluster.start()
        except machine.ClusterError as error:
            say(f"! {error}")
            time.sleep(5)
            return
        say("· Cơ sở dữ liệu đã chạy lại.")
        if after.socket != state.socket:
            for child in self.children:
                end(child)

    # -- stop ---------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Web first, so that nothing new comes in; then the worker; the database last."""
        _heed_signals(signal.SIG_IGN)
        for child in self.children:
            end(child)
        processes.sweep(self.var)
        self.held.close()


def end(child: Child) -> None:
    """Ask a child to end, and end it if it does not."""
    if child.process is None:
        return
    child.process.terminate()
    try:
        child.process.wait(CHILD_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.process.kill()
        child.process.wait()


# -- words ------------------------------------------------------------------------------------------------------


def say(line: str = "") -> None:
    """A line for whoever typed ./run; losing the terminal must not take the service down."""
    with contextlib.suppress(OSError):
        print(line, flush=True)


def step(what: str, deed: Callable[[], Result], stream: TextIO = sys.stdout) -> Result:
    """Do one step of the start, with a line that gives its seconds."""
    began = time.monotonic()
    print(f"· {what} … ", end="", flush=True, file=stream)
    try:
        result = deed()
    except BaseException:
        print("hỏng", flush=True, file=stream)
        raise
    print(f"{time.monotonic() - began:.1f} s".replace(".", ","), flush=True, file=stream)
    return result


def _tail(path: Path, lines: int = 25) -> str:
    return "\n".join(path.read_text("utf-8", "replace").splitlines()[-lines:]) if path.exists() else ""


def _answers(port: int) -> bool:
    link = http.client.HTTPConnection(ADDRESS, port, timeout=2)
    try:
        link.request("GET", "/readyz")
        return link.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        link.close()


# -- ./run ------------------------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ./run."""
    port = int(os.environ.get("TEMTHAT_PORT") or 8000)
    parser.add_argument("--port", type=int, default=port, help=f"cổng trên {ADDRESS} (mặc định {port})")
    parser.add_argument(
        "--fresh", action="store_true", help="xóa cơ sở dữ liệu riêng và tệp trong var/ rồi làm lại từ đầu"
    )
    parser.add_argument("--no-demo", action="store_true", help="không nạp dữ liệu mẫu vào cơ sở dữ liệu trống")


def main(options: argparse.Namespace) -> int:
    """Serve until told to stop; the exit status."""
    var = cluster.var_dir()
    var.mkdir(parents=True, exist_ok=True)
    with processes.sole(var) as lock:
        if lock is None:
            facts = processes.running(var)
            where = f"{facts['address']} (tiến trình {facts['pid']})" if facts else "đang khởi động"
            say(f"Tem Thật của thư mục này đang chạy rồi: {where}. Không làm gì thêm.")
            return 0
        _heed_signals(_raise_stop)
        private = None if os.environ.get("TEMTHAT_DATABASE_URL") else cluster.own()
        supervisor = Supervisor(var, options.port, private)
        try:
            _start(supervisor, options, lock)
            supervisor.watch()
        except Stop:
            say("\nĐang dừng …")
            supervisor.stop()
            say("Đã dừng.")
            return 0
        except (Trouble, machine.ClusterError) as error:
            say(f"✗ {error}")
            return 1
        finally:
            supervisor.stop()


def _raise_stop(_sign: int, _frame: FrameType | None) -> NoReturn:
    _heed_signals(signal.SIG_IGN)  # once is enough: stopping must not be interrupted half-way
    raise Stop


def _heed_signals(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, handler)


def _start(supervisor: Supervisor, options: argparse.Namespace, lock: TextIO) -> None:
    if orphans := processes.sweep(supervisor.var):
        say(f"· Đã dọn {orphans} tiến trình còn lại của lần chạy trước.")
    if not 0 < options.port < 65536:
        raise Trouble(f"Cổng {options.port} không có; hãy chọn từ 1024 đến 65535.")
    # A process on its way out shows no environment any more, yet may hold its socket for a moment longer.
    if not machine.until(lambda: processes.port_is_free(options.port), 5.0 if orphans else 0.0):
        raise Trouble(
            f"Không mở được cổng {options.port}: có chương trình khác đang dùng. Ví dụ: ./run --port {options.port + 1}"
        )
    if options.fresh:
        _wipe(supervisor)
    if supervisor.cluster is not None:
        using = supervisor.cluster.in_use()
        step("Cơ sở dữ liệu riêng", lambda: supervisor.held.enter_context(using))
    last_words = supervisor.prepare(demo=not options.no_demo)
    web, worker = _programs(options.port)
    # The worker loads the same application: the first page comes sooner when it waits its turn.
    supervisor.children.append(web)
    supervisor.launch(web)
    step("Máy chủ web", supervisor.wait_until_ready)
    supervisor.children.append(worker)
    supervisor.launch(worker)
    lock.write(json.dumps({"pid": os.getpid(), "address": supervisor.address}))
    lock.flush()
    if last_words.strip():
        say(last_words.rstrip())
    say(f"\nTem Thật đang chạy: {supervisor.address}/")
    say(f"Nhật ký: {supervisor.var / 'log'}. Ctrl-C để dừng.")


def _programs(port: int) -> tuple[Child, Child]:
    web = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "--http", "1", "--no-ws"]
    web += [
        "--workers",
        "2",
        "--blocking-threads",
        "8",
        "--host",
        ADDRESS,
        "--port",
        str(port),
        "--log-level",
        "warning",
    ]
    web += [
        "--respawn-failed-workers",
        "--respawn-interval",
        "0.5",
        "--workers-kill-timeout",
        "4",
        "trace.app:create_app",
    ]
    jobs = [sys.executable, "-m", "trace.cli", "worker"]
    return Child("web", "Máy chủ web", web), Child("worker", "Tiến trình nền", jobs)


def _wipe(supervisor: Supervisor) -> None:
    private = supervisor.cluster
    if private is None:
        raise Trouble("--fresh chỉ dành cho cơ sở dữ liệu riêng; hãy bỏ TEMTHAT_DATABASE_URL.")
    folders = (supervisor.var / "files", supervisor.var / "drawings")
    if private.home.exists() and sys.stdin.isatty():
        say(f"Sắp xóa hẳn {private.home}, {folders[0]} và {folders[1]}.")
        print("Gõ «xóa» để đồng ý: ", end="", flush=True)
        if unicodedata.normalize("NFC", sys.stdin.readline()).strip().lower() not in {"xóa", "xoá", "xoa"}:
            raise Trouble("Không xóa gì cả.")
    step("Xóa dữ liệu cũ", private.clear)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
