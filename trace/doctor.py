"""`./manage doctor`: a line for each thing the system leans on, and how to mend what is wrong.

Nothing of the application is imported before it is needed, so that diagnosis works in a broken house.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from trace import cluster

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from sqlalchemy.orm import Session

    from trace.config import Config

EXTENSIONS = ("postgis", "btree_gist", "pg_trgm", "unaccent")
OLDEST_PYTHON = (3, 11)
LEAST_FREE_BYTES = 2_000_000_000
LARGEST_CLOCK_DIFFERENCE_SECONDS = 2.0
LONGEST_UNWATCHED_SECONDS = 60


class Visit:
    """One examination: a line for each finding, and whether anything needs mending."""

    def __init__(self) -> None:
        self.broken = False

    def find(self, what: str, said: str, *, good: bool, mend: str) -> None:
        """Print one finding, and how to mend it when it is bad."""
        print(f"{'OK' if good else '— '} {what}: {said}" + ("" if good else f"\n     → {mend}"))
        self.broken = self.broken or not good


def examine(
    configured: Callable[[], AbstractContextManager[Config]],
    opened: Callable[[Config], AbstractContextManager[Session]],
) -> int:
    """Examine machine, database and keys."""
    import shutil

    visit = Visit()
    home = Path(__file__).resolve().parent
    visit.find(
        "Python",
        sys.version.split()[0],
        good=sys.version_info >= OLDEST_PYTHON,
        mend="cài Python từ 3.11 rồi chạy lại ./run",
    )
    visit.find(
        "Gói trace",
        str(home),
        good=home == cluster.ROOT / "trace",
        mend="chạy qua ./manage, không gọi trực tiếp mô-đun trace",
    )
    free = shutil.disk_usage(cluster.var_dir() if cluster.var_dir().exists() else cluster.ROOT).free
    visit.find(
        "Đĩa trống",
        f"{free / 1e9:.1f} GB".replace(".", ","),
        good=free >= LEAST_FREE_BYTES,
        mend="dọn đĩa: cần ít nhất 2 GB",
    )
    _find_fonts(visit)
    try:
        with configured() as config, opened(config) as session:
            _find_database(visit, session)
            _find_keys(visit, session, config)
            _find_watch(visit, session)
    except Exception as error:  # whatever is wrong with the database is the finding
        visit.find(
            "Cơ sở dữ liệu", str(error).splitlines()[0], good=False, mend="chạy ./run; nếu vẫn hỏng, xem var/pg/log"
        )
    return 1 if visit.broken else 0


def _find_fonts(visit: Visit) -> None:
    from labels import fonts
    from labels.errors import LabelError

    try:
        said, good = str(fonts.load().regular.path), True
    except LabelError:
        said, good = "không thấy Liberation Sans", False
    visit.find("Phông chữ", said, good=good, mend="sudo ./manage packages")


def _find_database(visit: Visit, session: Session) -> None:
    from alembic.script import ScriptDirectory
    from sqlalchemy import text

    from trace import clock

    version = int(session.scalar(text("SHOW server_version_num")) or 0)
    visit.find(
        "PostgreSQL", f"{version // 10000}.{version % 10000}", good=version >= 150000, mend="cần PostgreSQL từ bản 15"
    )
    there = set(session.scalars(text("SELECT extname FROM pg_extension")))
    lacking = [name for name in EXTENSIONS if name not in there]
    visit.find(
        "Phần mở rộng",
        ", ".join(lacking) + " thiếu" if lacking else ", ".join(EXTENSIONS),
        good=not lacking,
        mend="./manage db upgrade",
    )
    newest = ScriptDirectory(str(cluster.ROOT / "migrations")).get_current_head()
    made = session.scalar(text("SELECT to_regclass('alembic_version')"))
    at = session.scalar(text("SELECT version_num FROM alembic_version")) if made else None
    visit.find("Lược đồ", f"{at or 'chưa có'} (mới nhất: {newest})", good=at == newest, mend="./manage db upgrade")
    asked = clock.now()
    told = session.scalar(text("SELECT clock_timestamp()"))
    apart = abs((told - asked).total_seconds()) if told is not None else float("inf")
    visit.find(
        "Đồng hồ", f"lệch {apart:.1f} s so với cơ sở dữ liệu".replace(".", ","),
        good=apart <= LARGEST_CLOCK_DIFFERENCE_SECONDS, mend="bật đồng bộ giờ (NTP) trên cả hai máy",
    )  # fmt: skip


def _find_keys(visit: Visit, session: Session, config: Config) -> None:
    from sqlalchemy import text

    path = Path(os.environ.get("TEMTHAT_MASTER_KEY_FILE") or config.var_dir / "master.key")
    mode = path.stat().st_mode & 0o777
    visit.find("Khóa chủ", f"{path} ({mode:04o})", good=mode & 0o077 == 0, mend=f"chmod 600 '{path}'")
    if session.scalar(text("SELECT to_regclass('label_key')")) is None:
        return
    sound, broken = try_keys(session, config)
    visit.find(
        "Khóa tem",
        f"mở được {sound}, hỏng {len(broken)}",
        good=not broken,
        mend="đặt lại đúng tệp khóa chủ đã dùng khi tạo khóa tem",
    )


def _find_watch(visit: Visit, session: Session) -> None:
    """Whether the chains of custody are looked at; with no worker running nobody does, which is no fault."""
    from sqlalchemy import text

    from trace import clock

    if session.scalar(text("SELECT to_regclass('enforcement.custody_watch')")) is None:
        return
    good_at = session.scalar(text("SELECT good_at FROM enforcement.custody_watch"))
    working = session.scalar(
        text("SELECT count(*) FROM jobs.procrastinate_workers WHERE last_heartbeat > now() - interval '30 seconds'")
    )
    since = None if good_at is None else (clock.now() - good_at).total_seconds()
    said = "chưa có lượt xem nào" if since is None else f"lượt xem gần nhất cách đây {since:.0f} s"
    late = since is None or since > LONGEST_UNWATCHED_SECONDS
    visit.find(
        "Chuỗi giữ chứng cứ", said if working else f"{said}; tiến trình nền không chạy", good=not (working and late),
        mend="xem var/log/worker.log, rồi chạy lại ./run",
    )  # fmt: skip


def try_keys(session: Session, config: Config) -> tuple[int, list[int]]:
    """How many label keys open under the master key, and which do not."""
    from sqlalchemy import select

    from labels import keys
    from labels.errors import LabelError
    from trace.models.labels import LabelKey

    sound, broken = 0, []
    for key in session.scalars(select(LabelKey).order_by(LabelKey.id)):
        try:
            keys.unwrap(key.wrapped_secret, config.master_key, key_id=key.id)
            sound += 1
        except LabelError:
            broken.append(key.id)
    return sound, broken
