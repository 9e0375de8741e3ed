"""What this machine offers a private PostgreSQL: its programs, and the user they may run as.

Standard library only. What must not live here: anything about one cluster.
"""

import os
import pwd
import re
import shutil
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

OLDEST_MAJOR = 15
NOT_YOURS = "{} thuộc về người dùng khác: hãy chạy bằng người dùng đó hoặc bằng root."


class ClusterError(Exception):
    """The private cluster cannot be made, started or stopped; the text says what to do."""


# Inside, the process is uid 1000 and so no longer root to PostgreSQL; outside, its files stay root's.
UNSHARE = ("unshare", "-U", "--map-user=1000", "--map-group=1000")


def server_user() -> pwd.struct_passwd | None:
    """The unprivileged user that Debian makes for PostgreSQL, if there is one."""
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return None


def drop_to(uid: int, gid: int) -> list[str]:
    """Command prefix that runs a program as another user."""
    groups = ["--init-groups"] if any(user.pw_uid == uid for user in pwd.getpwall()) else ["--clear-groups"]
    return ["setpriv", f"--reuid={uid}", f"--regid={gid}", *groups]


def reaches(user: pwd.struct_passwd, folder: Path) -> bool:
    """Whether a user can enter a folder."""
    return succeeds([*drop_to(user.pw_uid, user.pw_gid), "test", "-x", str(folder)])


def as_owner(folder: Path) -> list[str]:
    """Command prefix under which PostgreSQL works in `folder`: as whoever owns it, and never as root."""
    owner = folder.stat()
    if os.geteuid() == 0:
        return drop_to(owner.st_uid, owner.st_gid) if owner.st_uid else list(UNSHARE)
    if owner.st_uid != os.geteuid():
        raise ClusterError(NOT_YOURS.format(folder))
    return []


def is_private(folder: Path, uid: int) -> bool:
    """Whether a folder is a real one, of this user, and closed to others."""
    try:
        facts = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == uid and stat.S_IMODE(facts.st_mode) == 0o700


def server_folders() -> list[Path]:
    """Folders that hold a PostgreSQL server new enough, the newest with PostGIS first."""
    places = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    found = shutil.which("postgres")
    places += [Path(found).resolve().parent] if found else []
    usable = [place for place in places if (place / "initdb").exists() and major(place) >= OLDEST_MAJOR]
    return sorted(usable, key=lambda place: (has_postgis(place), major(place)), reverse=True)


def newest_server() -> Path:
    """The folder of the newest server that can be used."""
    for place in server_folders():
        return place
    raise ClusterError(f"Không tìm thấy PostgreSQL từ bản {OLDEST_MAJOR}: hãy cài postgresql và postgis.")


def major(place: Path) -> int:
    """The major version of the server in a folder."""
    named = re.search(r"(\d+)/bin$", str(place))
    if named:
        return int(named[1])
    said = re.search(r"(\d+)", output_of([str(place / "postgres"), "--version"]))
    return int(said[1]) if said else 0


def has_postgis(place: Path) -> bool:
    """Whether PostGIS is installed for the server in a folder."""
    shared = (Path(f"/usr/share/postgresql/{major(place)}"), place.parent / "share", place.parent / "share/postgresql")
    return any((folder / "extension/postgis.control").exists() for folder in shared)


def output_of(command: list[str]) -> str:
    """Output of a program that must succeed; it sees a plain environment, so no PG* variable leads it elsewhere."""
    plain = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command, env=plain, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ClusterError(f"{Path(command[0]).name}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def succeeds(command: list[str]) -> bool:
    """Whether a program ends well."""
    try:
        output_of(command)
    except (ClusterError, OSError):
        return False
    return True


def works_in(pid: int, data: Path) -> bool:
    """Whether the process is a live PostgreSQL process of this data folder: all of them stand in it."""
    try:
        return os.readlink(f"/proc/{pid}/cwd") == str(data) and Path(f"/proc/{pid}/comm").read_text("utf-8").startswith(
            "postgres"
        )
    except OSError:
        return False


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for a condition; whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
