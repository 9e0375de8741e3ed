"""The private cluster: it keeps what it was given through every kind of death, and opens no port."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from trace import cluster
from trace.cluster import Cluster, ClusterError

# One worker for all of them: they share what takes seconds to make.
pytestmark = pytest.mark.xdist_group("cluster")


def _open_folder() -> Path:
    """A folder that the server's user can pass into, which pytest's own temporary folders are not."""
    place = Path(tempfile.mkdtemp(prefix="tt-cluster-", dir="/tmp"))
    place.chmod(0o755)
    return place


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for a cluster that the test makes."""
    place = _open_folder()
    yield place
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def one() -> Iterator[Cluster]:
    """The cluster that most tests here stop, kill and start again."""
    place = _open_folder()
    cluster_of_tests = Cluster(place / "pg", extra=cluster.FRAGILE)
    yield cluster_of_tests
    cluster_of_tests.destroy()
    shutil.rmtree(place)


@pytest.fixture
def made(one: Cluster) -> Cluster:
    """A running cluster without leftovers of the test before."""
    one.start()
    one.query("DROP TABLE IF EXISTS kept", cluster.DATABASE)
    return one


def _sockets_of(pid: int) -> set[str]:
    links = (os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink())
    return {link.removeprefix("socket:[").removesuffix("]") for link in links if link.startswith("socket:")}


def _listening_on_tcp() -> set[str]:
    tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
    rows = [line.split() for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
    return {row[9] for row in rows if row[3] == "0A"}


def test_a_cluster_keeps_its_data_and_checks_it(made: Cluster) -> None:
    assert made.query("SHOW data_checksums") == "on"
    assert made.query("SHOW server_encoding") == "UTF8"
    assert made.query("SHOW jit") == "off"
    made.query("CREATE TABLE kept AS SELECT 'Cẩm Giàng' AS place", cluster.DATABASE)
    made.stop()
    assert not made.status().running
    made.start()
    assert made.query("SELECT place FROM kept", cluster.DATABASE) == "Cẩm Giàng"


def test_a_cluster_opens_no_tcp_port_and_its_socket_is_private(made: Cluster) -> None:
    state = made.status()
    assert state.pid is not None
    assert state.socket is not None
    assert made.query("SHOW listen_addresses") == ""
    assert not _sockets_of(state.pid) & _listening_on_tcp()
    assert state.socket.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to drop")
def test_started_by_root_the_server_is_not_root(made: Cluster) -> None:
    pid = made.status().pid
    assert Path(f"/proc/{pid}").stat().st_uid != 0
    assert made.data.stat().st_uid != 0


def test_a_second_start_is_harmless(made: Cluster) -> None:
    first = made.status()
    assert made.start() == first
    assert not made.ensure_database(cluster.DATABASE)
    assert made.ensure_database("another")
    assert not made.ensure_database("another")


def test_the_last_of_several_users_stops_what_one_of_them_started(made: Cluster) -> None:
    made.stop()
    with made.in_use():
        with made.in_use() as seen:
            assert seen.running
        assert made.query("SELECT 1") == "1"
    assert not made.status().running


def test_users_leave_a_server_running_that_ran_before_they_came(made: Cluster) -> None:
    with made.in_use():
        pass
    assert made.status().running


def test_a_killed_server_comes_back_with_what_was_committed(made: Cluster) -> None:
    made.query("CREATE TABLE kept AS SELECT 7 AS answer", cluster.DATABASE)
    pid = made.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    made.start()
    assert made.status().pid != pid
    assert made.query("SELECT answer FROM kept", cluster.DATABASE) == "7"


def test_a_pid_file_that_names_a_stranger_is_seen_through(made: Cluster) -> None:
    made.stop()
    note = made.data / "postmaster.pid"
    note.write_text(f"{os.getpid()}\n{made.data}\n")
    assert not made.status().running
    made.stop()
    made.start()
    assert made.status().pid != os.getpid()


def test_a_vanished_socket_folder_is_made_anew(made: Cluster) -> None:
    before = made.status()
    assert before.socket is not None
    shutil.rmtree(before.socket)
    after = made.start()
    assert after.socket != before.socket
    assert made.query("SELECT 1") == "1"


def test_a_copy_of_the_project_leaves_the_original_alone(made: Cluster, folder: Path) -> None:
    made.query("CREATE TABLE kept AS SELECT 7 AS answer", cluster.DATABASE)
    made.query("CHECKPOINT")
    shutil.copytree(made.home, folder / "copy", ignore=shutil.ignore_patterns("*.sock*"))
    copy = Cluster(folder / "copy", extra=cluster.FRAGILE)
    assert not copy.status().running
    assert copy.status().socket is None
    copy.destroy()
    assert made.query("SELECT answer FROM kept", cluster.DATABASE) == "7"


def test_a_folder_deeper_than_a_socket_path_may_be_is_no_hindrance(folder: Path) -> None:
    deep = Cluster(folder / ("rất dài " * 8) / ("x" * 90) / "pg", extra=cluster.FRAGILE, disposable=True)
    try:
        assert deep.start().running
        assert "%" not in deep.url("temthat")
        assert deep.query("SELECT current_database()", "temthat") == "temthat"
    finally:
        deep.destroy()


def test_an_interrupted_initdb_is_not_taken_for_a_cluster(folder: Path) -> None:
    (folder / "pg" / "data.new").mkdir(parents=True)
    (folder / "pg" / "data.new" / "PG_VERSION").write_text("15\n")
    new = Cluster(folder / "pg", extra=cluster.FRAGILE, disposable=True)
    try:
        assert new.start().running
    finally:
        new.destroy()
    assert not (folder / "pg").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be shut out on the server's behalf")
def test_below_a_folder_closed_to_the_servers_user_it_still_runs_and_not_as_root(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    shut_out = Cluster(closed / "pg", extra=cluster.FRAGILE, disposable=True)
    try:
        assert shut_out.start().running
        assert shut_out.query("SELECT 1") == "1"
        assert shut_out.query("SELECT usesuper FROM pg_user WHERE usename = 'temthat'") == "t"
    finally:
        shut_out.destroy()


def test_names_that_are_no_names_are_refused(made: Cluster) -> None:
    with pytest.raises(ClusterError):
        made.ensure_database('x"; DROP DATABASE temthat; --')


def test_a_disposable_cluster_that_does_not_start_is_made_anew(folder: Path) -> None:
    broken = Cluster(folder / "pg", extra=cluster.FRAGILE, disposable=True)
    try:
        broken.start()
        broken.stop()
        (broken.data / "global" / "pg_control").unlink()
        assert broken.start().running
    finally:
        broken.destroy()


def test_a_cluster_with_real_data_is_never_made_anew(folder: Path) -> None:
    precious = Cluster(folder / "pg", extra=cluster.FRAGILE)
    try:
        precious.start()
        precious.stop()
        (precious.data / "global" / "pg_control").unlink()
        with pytest.raises(ClusterError):
            precious.start()
        assert (precious.data / "PG_VERSION").exists()
    finally:
        precious.destroy()


def test_stopping_takes_seconds_even_with_an_open_connection(made: Cluster) -> None:
    open_link = psycopg.connect(made.url().replace("+psycopg", ""), autocommit=True)
    began = time.monotonic()
    made.stop()
    assert time.monotonic() - began < cluster.STOP_SECONDS
    open_link.close()
