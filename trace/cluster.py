"""The private PostgreSQL cluster under var/: made, started, stopped and found again after any kind of death.

Standard library only, and none of the application: this runs before anything else can. It listens on a unix socket
in a folder that only its own user (and root) may enter, never on a TCP port, and touches no other cluster.
Messages are Vietnamese because whoever types ./run reads them; no catalogue is compiled that early.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shlex
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO
from urllib.parse import quote, urlencode

from trace import machine
from trace.machine import ClusterError

ROOT = Path(__file__).resolve().parent.parent
SUPERUSER = "temthat"
DATABASE = "temthat"
PORT = 5432  # only part of the socket's name; spelt out so that a PGPORT in the environment cannot mislead a client
RECOVERY_SECONDS = 600
STOP_SECONDS = 12
LOG_KEPT_BYTES = 10_000_000

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}
# Survives a killed process, not a power cut: for the test database, which is made anew when it does not start.
FRAGILE: Mapping[str, str] = {"fsync": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Status:
    """What is known of a cluster without asking the server itself."""

    running: bool
    pid: int | None
    data: Path
    socket: Path | None


@dataclass(frozen=True)
class Cluster:
    """A cluster that lives in `home`: data, log, lock and the note of where its socket is."""

    home: Path
    extra: Mapping[str, str] = field(default_factory=dict)
    disposable: bool = False

    # -- what callers use ---------------------------------------------------------------------------------------

    def start(self) -> Status:
        """Make the cluster if there is none, start it if it does not run, wait until it answers. Harmless to repeat."""
        with self._locked():
            try:
                return self._start()
            except ClusterError:
                if not self.disposable:
                    raise
                self._remove()
                return self._start()

    def stop(self) -> None:
        """Stop the server, and nothing that is not this cluster's server. Harmless when it does not run."""
        if self.home.is_dir():
            with self._locked():
                self._stop()

    @contextlib.contextmanager
    def in_use(self) -> Iterator[Status]:
        """The running server for as long as it is needed: of all users, whoever leaves last stops it, if one started it."""
        with self._own_file("users") as users:
            fcntl.flock(users, fcntl.LOCK_SH)
            if not self.status().running:
                users.write("started\n")
                users.flush()
            try:
                yield self.start()
            finally:
                with contextlib.suppress(BlockingIOError):  # raised while somebody else uses it
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    users.seek(0)
                    if users.read():
                        self.stop()
                        users.truncate(0)

    def clear(self) -> None:
        """Stop the server and delete its data; the locks stay, for somebody may be waiting at them."""
        if self.home.is_dir():
            with self._locked():
                self._remove()

    def destroy(self) -> None:
        """Stop the server and delete everything, the folder too: only for a cluster that nobody else knows of."""
        self.clear()
        shutil.rmtree(self.home, ignore_errors=True)

    def status(self) -> Status:
        """Whether the server runs, its process and its folders."""
        pid = self._postmaster()
        return Status(running=pid is not None, pid=pid, data=self.data, socket=self._noted("socket"))

    def url(self, database: str = DATABASE) -> str:
        """Address of one database for SQLAlchemy; the cluster must have been started once."""
        socket = self._noted("socket")
        if socket is None:
            raise ClusterError("Chưa có cụm PostgreSQL riêng: hãy chạy ./run hoặc gọi start() trước.")
        where = urlencode({"host": str(socket), "port": str(PORT)}, safe="/")
        return f"postgresql+psycopg://{SUPERUSER}@/{quote(database, safe='')}?{where}"

    def ensure_database(self, name: str) -> bool:
        """Create the database unless it exists; True when it was created now."""
        with self._locked():
            return self._ensure_database(name)

    def query(self, sql: str, database: str = "postgres") -> str:
        """Answer of one SQL command by psql, unaligned, for set-up and diagnosis."""
        socket = self._noted("socket")
        command = [str(self._bin() / "psql"), "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"]
        command += ["-h", str(socket), "-p", str(PORT), "-U", SUPERUSER, "-d", database, "-c", sql]
        return machine.output_of(command).strip()

    @property
    def data(self) -> Path:
        """The data folder: in `home`, or where the note says when `home` cannot be reached by the server's user."""
        return self._noted("place") or self.home / "data"

    # -- life ---------------------------------------------------------------------------------------------------

    def _start(self) -> Status:
        if not (self.data / "PG_VERSION").is_file():
            self._create()
        if self._postmaster() is not None and self._usable_socket() is None:
            self._stop()  # somebody cleaned /tmp: a server without its socket serves nobody
        # A process may be there and yet not answer: just killed and not gone, or still replaying its log.
        deadline = time.monotonic() + RECOVERY_SECONDS
        while self._postmaster() is None or not self._answers():
            if time.monotonic() > deadline:
                raise ClusterError(f"PostgreSQL đang chạy nhưng không trả lời; xem {self.data.parent / 'log'}.")
            if self._postmaster() is None:
                self._clear_remains()
                self._launch()
            else:
                time.sleep(0.05)
        self._ensure_database(DATABASE)
        return self.status()

    def _create(self) -> None:
        """Run initdb beside the final place and rename, so that an interrupted attempt is never taken for a cluster."""
        data = self._choose_place()
        fresh = data.with_name("data.new")
        shutil.rmtree(fresh, ignore_errors=True)
        command = [str(machine.newest_server() / "initdb"), "-D", str(fresh), "-U", SUPERUSER, "--auth=trust", "-k"]
        command += ["-E", "UTF8", "--locale=C.UTF-8", "--no-instructions"] + (["-N"] if self.disposable else [])
        machine.output_of(machine.as_owner(data.parent) + command)
        fresh.rename(data)

    def _choose_place(self) -> Path:
        """A folder that a user other than root can work in, made and owned as needed; the data folder's future path."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.geteuid() != 0:
            return self.home / "data"
        server = machine.server_user()
        if server is not None and machine.reaches(server, self.home.parent):
            os.chown(self.home, server.pw_uid, server.pw_gid)
            return self.home / "data"
        if machine.succeeds([*machine.UNSHARE, "true"]):
            return self.home / "data"
        if server is None:
            raise ClusterError(
                "PostgreSQL không chạy bằng root và máy không có người dùng postgres: hãy tạo người dùng đó."
            )
        elsewhere = Path("/var/lib") / f"temthat-{hashlib.sha256(bytes(self.home.resolve())).hexdigest()[:12]}"
        elsewhere.mkdir(mode=0o700, exist_ok=True)
        os.chown(elsewhere, server.pw_uid, server.pw_gid)
        self._note("place", elsewhere / "data")
        return elsewhere / "data"

    def _launch(self) -> None:
        data, socket, log = self.data, self._make_socket_folder(), self.data.parent / "log"
        if log.is_file() and log.stat().st_size > LOG_KEPT_BYTES:
            log.replace(log.with_name("log.old"))
        settings = {**SETTINGS, **self._quick_compression(data), **self.extra, "unix_socket_directories": str(socket)}
        options = " ".join(shlex.join(["-c", f"{name}={value}"]) for name, value in settings.items())
        command = [str(self._bin() / "pg_ctl"), "-D", str(data), "-l", str(log), "-o", options]
        try:
            machine.output_of([*machine.as_owner(data), *command, "-w", "-t", str(RECOVERY_SECONDS), "-s", "start"])
        except ClusterError as error:
            tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-12:]) if log.is_file() else ""
            raise ClusterError(f"PostgreSQL không khởi động được.\n{error}\nCuối nhật ký {log}:\n{tail}") from error

    def _quick_compression(self, data: Path) -> dict[str, str]:
        """LZ4 where the server was built with it. PostgreSQL's own method costs a sixth of all that a scan costs it."""
        wanted = {"wal_compression": "lz4"}
        asked = [str(self._bin() / "postgres"), "-D", str(data), "-C", "wal_compression", "-c", "wal_compression=lz4"]
        return wanted if machine.succeeds([*machine.as_owner(data), *asked]) else {}

    def _stop(self) -> None:
        pid = self._postmaster()
        for sign, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, STOP_SECONDS)):
            if pid is None:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
            if machine.until(lambda: self._postmaster() != pid, seconds):
                return
        raise ClusterError(f"PostgreSQL (tiến trình {pid}) không chịu dừng.")

    def _remove(self) -> None:
        self._stop()
        self._clear_remains()
        place, socket = self.data, self._noted("socket")
        shutil.rmtree(place, ignore_errors=True)
        if place.parent != self.home:
            shutil.rmtree(place.parent, ignore_errors=True)
        if socket is not None and socket.parent == Path("/tmp"):
            shutil.rmtree(socket, ignore_errors=True)
        for note in ("place", "socket", "log", "log.old"):
            (self.home / note).unlink(missing_ok=True)

    def _clear_remains(self) -> None:
        """After a killed postmaster: wait for its orphaned backends, then drop the files that no longer speak for it.

        PostgreSQL refuses to start when the noted pid has been given to some other process. The file may go only
        once no process works in the data folder, for it is also what guards the shared memory.
        """
        if not machine.until(lambda: not self._workers(), 5):
            for pid in self._workers():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGQUIT)
            if not machine.until(lambda: not self._workers(), STOP_SECONDS):
                raise ClusterError(f"Còn tiến trình PostgreSQL cũ: {self._workers()}")
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        socket = self._noted("socket")
        if socket is not None:  # its lock names the dead pid too, and a zombie's pid still counts as alive there
            for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
                (socket / name).unlink(missing_ok=True)

    def _ensure_database(self, name: str) -> bool:
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
            raise ClusterError(f"Tên cơ sở dữ liệu không hợp lệ: {name}")
        if self.query(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):  # noqa: S608  (name is checked above)
            return False
        self.query(f'CREATE DATABASE "{name}"')
        return True

    # -- facts --------------------------------------------------------------------------------------------------

    def _postmaster(self) -> int | None:
        """Process id of this cluster's running server; a pid file alone proves nothing."""
        try:
            pid = int((self.data / "postmaster.pid").read_text("utf-8").split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        except PermissionError as error:
            raise ClusterError(machine.NOT_YOURS.format(self.data)) from error
        return pid if machine.works_in(pid, self.data.resolve()) else None

    def _answers(self) -> bool:
        ready = [str(self._bin() / "pg_isready"), "-q", "-h", str(self._noted("socket")), "-p", str(PORT)]
        return machine.succeeds([*ready, "-U", SUPERUSER, "-d", "postgres"])

    def _workers(self) -> list[int]:
        data = self.data.resolve()
        return [
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and machine.works_in(int(entry.name), data)
        ]

    def _bin(self) -> Path:
        major = (self.data / "PG_VERSION").read_text("utf-8").strip()
        for folder in machine.server_folders():
            if machine.major(folder) == int(major):
                return folder
        raise ClusterError(
            f"Dữ liệu ở {self.data} là của PostgreSQL {major} nhưng máy không có bản đó: hãy cài postgresql-{major}."
        )

    def _noted(self, name: str) -> Path | None:
        """A path outside `home` that belongs to this cluster; a copy of the project must not lay hands on the original's."""
        try:
            path, home = (self.home / name).read_text("utf-8").splitlines()
        except FileNotFoundError:
            return None
        return Path(path) if home == str(self.home.resolve()) or not Path(home).exists() else None

    def _note(self, name: str, path: Path) -> None:
        note = self.home / f"{name}.new"
        note.write_text(f"{path}\n{self.home.resolve()}\n", "utf-8")
        note.replace(self.home / name)

    def _usable_socket(self) -> Path | None:
        """The noted socket folder, if it is still there and nobody else's."""
        socket = self._noted("socket")
        if socket is None or not (socket / f".s.PGSQL.{PORT}").exists():
            return None
        return socket if machine.is_private(socket, self.data.stat().st_uid) else None

    def _make_socket_folder(self) -> Path:
        """A short folder in /tmp: a socket's path may have 107 bytes, and the project may lie deep."""
        owner = self.data.stat()
        socket = self._noted("socket")
        if socket is None or not machine.is_private(socket, owner.st_uid):
            socket = Path(tempfile.mkdtemp(prefix="temthat-", dir="/tmp"))
            if os.geteuid() == 0:
                os.chown(socket, owner.st_uid, owner.st_gid)
            self._note("socket", socket)
        return socket

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One set of hands at a time, also among processes; the lock goes with its holder."""
        with self._own_file("lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _own_file(self, name: str) -> TextIO:
        """A small file in `home`, made with it if need be, that belongs to whoever owns `home`."""
        if not self.home.parent.is_dir():
            self.home.parent.mkdir(parents=True)
            self.home.parent.chmod(0o755)  # the server's user must be able to pass, whatever the umask
        self.home.mkdir(mode=0o700, exist_ok=True)
        try:
            opened = (self.home / name).open("a+", encoding="utf-8")
        except PermissionError as error:
            raise ClusterError(machine.NOT_YOURS.format(self.home)) from error
        if os.geteuid() == 0:
            owner = self.home.stat()
            os.fchown(opened.fileno(), owner.st_uid, owner.st_gid)
        return opened


# -- the two clusters of this project ---------------------------------------------------------------------------


def var_dir() -> Path:
    """Where everything that is made at run time lives: TEMTHAT_VAR, else var/ in the project."""
    return Path(os.environ.get("TEMTHAT_VAR") or ROOT / "var").absolute()


def own() -> Cluster:
    """The cluster of ./run, with real data in it."""
    return Cluster(var_dir() / "pg")


def for_tests() -> Cluster:
    """The cluster of ./test: fast, and thrown away when it does not start."""
    return Cluster(var_dir() / "test-pg", extra=FRAGILE, disposable=True)


def start(cluster: Cluster | None = None) -> Status:
    """Start the given cluster, by default that of ./run."""
    return (cluster or own()).start()


def stop(cluster: Cluster | None = None) -> None:
    """Stop the given cluster, by default that of ./run."""
    (cluster or own()).stop()


def status(cluster: Cluster | None = None) -> Status:
    """State of the given cluster, by default that of ./run."""
    return (cluster or own()).status()


def url(database: str = DATABASE, cluster: Cluster | None = None) -> str:
    """SQLAlchemy address of a database in the given cluster, by default that of ./run."""
    return (cluster or own()).url(database)


def ensure_database(name: str, cluster: Cluster | None = None) -> bool:
    """Create the database unless it exists, by default in the cluster of ./run; True when created now."""
    return (cluster or own()).ensure_database(name)
