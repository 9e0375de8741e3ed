"""Commands of `./manage`: parse, open one session, call one service, commit. Rules do not live here.

Nothing of the application is imported before a command needs it, so that help and diagnosis work in a broken house.
"""

from __future__ import annotations

import argparse
import contextlib
import getpass
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from trace import cluster, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.config import Config

EXTENSIONS = ("postgis", "btree_gist", "pg_trgm", "unaccent")
OLDEST_PYTHON = (3, 11)
LEAST_FREE_BYTES = 2_000_000_000
LARGEST_CLOCK_DIFFERENCE_SECONDS = 2.0


def main(words: list[str] | None = None) -> int:
    """Run one command; the exit status."""
    words = sys.argv[1:] if words is None else words
    if words[:1] == ["test"]:  # everything after it belongs to pytest, --help too
        return test(words[1:])
    options = _parser().parse_args(words)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except (cluster.ClusterError, Failure) as error:
        print(f"✗ {error}", file=sys.stderr)
        return 1


class Failure(Exception):
    """The command cannot be done; the text says why."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage", description="Tem Thật: cài đặt, chạy và trông nom.")
    commands = parser.add_subparsers(required=True, metavar="LỆNH")

    serving = commands.add_parser("run", help="chuẩn bị mọi thứ và phục vụ (cũng là ./run)", prog="run")
    serve.add_arguments(serving)
    serving.set_defaults(run=serve.main)

    commands.add_parser(
        "test", help="chạy mọi kiểm tra (cũng là ./test); các từ sau đó dành cho pytest", add_help=False
    )
    commands.add_parser("packages", help="chỉ cài các gói hệ thống; phần này cần quyền root")

    preparing = commands.add_parser("prepare")  # for ./run alone, so not in the help
    preparing.add_argument("--demo", action="store_true")
    preparing.set_defaults(run=prepare)

    db = commands.add_parser("db", help="cơ sở dữ liệu").add_subparsers(required=True, metavar="VIỆC")
    db.add_parser("upgrade", help="đưa lược đồ lên bản mới nhất").set_defaults(run=upgrade)

    demo = commands.add_parser("demo", help="dữ liệu mẫu").add_subparsers(required=True, metavar="VIỆC")
    loading = demo.add_parser("load", help="nạp dữ liệu mẫu")
    loading.add_argument("--if-empty", action="store_true", help="im lặng khi đã có tài khoản")
    loading.set_defaults(run=load_demo)
    demo.add_parser("accounts", help="in các tài khoản mẫu").set_defaults(run=show_accounts)
    digits = demo.add_parser("code", help="in mã 2 lớp đang đúng của một tài khoản mẫu")
    digits.add_argument("login", help="tên đăng nhập")
    digits.set_defaults(run=show_code)

    user = commands.add_parser("user", help="tài khoản").add_subparsers(required=True, metavar="VIỆC")
    adding = user.add_parser("add", help="mở tài khoản; mật khẩu hỏi trên terminal hoặc đọc một dòng từ đầu vào")
    adding.add_argument("login", help="tên đăng nhập")
    adding.add_argument("full_name", help="họ và tên")
    adding.add_argument("--role", help="vai trò trao từ hôm nay, ví dụ administrator, officer, clerk")
    adding.add_argument("--party", help="mã số thuế hoặc tên đúng của tổ chức mà vai trò gắn với")
    adding.set_defaults(run=add_user)

    keys = commands.add_parser("keys", help="khóa tem").add_subparsers(required=True, metavar="VIỆC")
    rotating = keys.add_parser("rotate", help="dùng khóa mới từ tem kế tiếp trở đi")
    rotating.add_argument("why", help="lý do, ghi vào lịch sử")
    rotating.set_defaults(run=rotate_keys)
    keys.add_parser("verify", help="thử mở từng khóa tem bằng khóa chủ").set_defaults(run=verify_keys)

    wording = commands.add_parser("words", help="lời trên các trang").add_subparsers(required=True, metavar="VIỆC")
    wording.add_parser("update", help="đưa các tệp lời theo kịp mã nguồn").set_defaults(run=update_words)

    commands.add_parser("worker", help="chạy tiến trình nền (./run tự chạy nó)").set_defaults(run=work)
    commands.add_parser("doctor", help="khám máy và nói cần sửa gì").set_defaults(run=doctor)
    return parser


# -- the house of a command -------------------------------------------------------------------------------------


@contextlib.contextmanager
def configured() -> Iterator[Config]:
    """The configuration, with the private cluster running for as long as anybody needs it."""
    from trace.config import Config

    real = os.environ.get("TEMTHAT_DATABASE_URL")
    with contextlib.nullcontext() if real else cluster.own().in_use():
        yield Config.from_env()


@contextlib.contextmanager
def opened(config: Config) -> Iterator[Session]:
    """A session on the configured database; committed by the command, or not at all."""
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    import enforcement.schema  # noqa: F401  the mapped classes refer to each other across both slices

    engine = create_engine(config.database_url)
    try:
        with Session(engine) as session:
            yield session
    finally:
        engine.dispose()


# -- commands ---------------------------------------------------------------------------------------------------


def upgrade(_options: argparse.Namespace) -> int:
    """Bring the database's schema to the newest migration."""
    with configured() as config:
        _upgrade(config)
    return 0


def prepare(options: argparse.Namespace) -> int:
    """What ./run needs before it can serve, in one process; progress on stderr, the closing words on stdout."""
    with configured() as config:
        serve.step("Cập nhật lược đồ", lambda: _upgrade(config), sys.stderr)
        if options.demo:
            serve.step("Dữ liệu mẫu", lambda: _load_demo(config, only_if_empty=True), sys.stderr)
            _say_accounts(config)
    return 0


def _upgrade(config: Config) -> None:
    """The newest schema, and what every installation needs in it: communes, dated law, label key, copy rule, months of scans."""
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    import enforcement.schema  # noqa: F401  the mapped classes refer to each other across both slices
    from enforcement import law
    from trace import clock, db, jobs
    from trace.services import communes, keys, scanning

    db.upgrade(config.database_url)
    engine = create_engine(config.database_url)
    try:
        with Session(engine) as session:
            communes.load(session)
            law.seed(session)
            keys.issue_first(session, config.master_key, clock.now())
            scanning.first_copy_rule(session)
            jobs.keep_house(session)
            session.commit()
    finally:
        engine.dispose()


def rotate_keys(options: argparse.Namespace) -> int:
    """Make a new label key from the next serial on. Labels already issued keep theirs."""
    from trace import clock
    from trace.services import keys

    with opened() as (config, session):
        made = keys.rotate(session, config.master_key, clock.now(), why=options.why)
        session.commit()
        print(f"Khóa tem số {made.id} dùng từ tem số {made.first_serial}. Tem đã cấp giữ khóa cũ.")
    return 0


def update_words(_options: argparse.Namespace) -> int:
    """Bring the catalogues up to the code and name what has no wording yet."""
    from trace import words

    missing = words.update()
    for locale, ids in missing.items():
        print(f"{locale}: thiếu {len(ids)}", *ids, sep="\n  ")
    return 1 if any(missing.values()) else 0


def load_demo(options: argparse.Namespace) -> int:
    """Load the sample data in one transaction."""
    with configured() as config:
        if not _load_demo(config, only_if_empty=options.if_empty):
            raise Failure(
                "Đã có tài khoản trong cơ sở dữ liệu nên không nạp dữ liệu mẫu. Làm lại từ đầu: ./run --fresh"
            )
    return 0


def _load_demo(config: Config, *, only_if_empty: bool) -> bool:
    from sqlalchemy import exists, select

    from trace import clock, demo
    from trace.models.parties import AppUser

    with opened(config) as session:
        if session.scalar(select(exists().select_from(AppUser))):
            return only_if_empty
        demo.load(session, config=config, at=clock.now())
        session.commit()
    return True


def show_accounts(_options: argparse.Namespace) -> int:
    """Print who can sign in to the sample data."""
    with configured() as config:
        _say_accounts(config)
    return 0


def _say_accounts(config: Config) -> None:
    from sqlalchemy import exists, select

    from trace import demo
    from trace.models.parties import AppUser

    with opened(config) as session:
        if config.environment != "demo" or not session.scalar(select(exists().where(AppUser.is_sample))):
            return
    people = demo.accounts()
    wide = max(len(person.login) for person in people), max(len(person.password) for person in people)
    print("\nTài khoản mẫu (DỮ LIỆU MẪU):")
    for person in people:
        two = " · mã 2 lớp" if person.totp_secret else ""
        print(f"  {person.login:<{wide[0]}}  {person.password:<{wide[1]}}  {person.who}{two}")
    print("Mã 2 lớp của một tài khoản mẫu: ./manage demo code TÊN_ĐĂNG_NHẬP")


def show_code(options: argparse.Namespace) -> int:
    """Print the six digits of a sample account that are right just now, and the secret for an authenticator app."""
    import pyotp

    from trace import clock, demo

    for person in demo.accounts():
        if person.login == options.login and person.totp_secret:
            print(f"{pyotp.TOTP(person.totp_secret).at(clock.now())}  (khóa cho ứng dụng tạo mã: {person.totp_secret})")
            return 0
    raise Failure(f"Không có tài khoản mẫu {options.login} dùng mã 2 lớp.")


def add_user(options: argparse.Namespace) -> int:
    """Open an account, with a role for an organisation if one is named."""
    from trace import clock
    from trace.errors import TemThatError
    from trace.models.parties import Role
    from trace.services import accounts

    if bool(options.role) != bool(options.party):
        raise Failure("--role và --party đi cùng nhau: vai trò luôn gắn với một tổ chức.")
    if options.role and options.role not in set(Role):
        raise Failure(f"Không có vai trò {options.role}. Chọn một trong: {', '.join(Role)}")
    password = getpass.getpass("Mật khẩu: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    at = clock.now()
    with configured() as config, opened(config) as session:
        try:
            user = accounts.add(
                session, login=options.login, full_name=options.full_name, password=password, at=at, by=None
            )
            if options.role:
                role, today = Role(options.role), at.astimezone(clock.CITY).date()
                party_id = _party_id(session, options.party)
                accounts.grant(
                    session, user_id=user.id, party_id=party_id, role=role, start=today, end=None, at=at, by=None
                )
                if role in accounts.SECOND_FACTOR:
                    secret = accounts.new_second_factor()
                    accounts.set_second_factor(
                        session, user, secret, key=config.derived("second-factor"), at=at, by=None
                    )
                    print(f"Lớp xác thực thứ hai (nhập vào ứng dụng tạo mã): {secret}")
        except TemThatError as error:
            raise Failure(f"{error} {error.way_out_id() or ''}".strip() % error.facts) from error
        session.commit()
        print(f"Đã mở tài khoản {user.login} ({user.id}).")
    return 0


def _party_id(session: Session, named: str) -> UUID:
    from sqlalchemy import or_, select

    from trace.models.parties import Party

    found = session.scalars(select(Party.id).where(or_(Party.tax_code == named, Party.name == named))).all()
    if len(found) != 1:
        raise Failure(f"Có {len(found)} tổ chức mang mã số thuế hoặc tên «{named}»; cần đúng một.")
    return found[0]


def verify_keys(_options: argparse.Namespace) -> int:
    """Open every label key under the master key; name those that do not open."""
    with configured() as config, opened(config) as session:
        sound, broken = _try_keys(session, config)
    print(f"Mở được {sound} khóa tem." + (f" Không mở được khóa số: {', '.join(map(str, broken))}." if broken else ""))
    return 1 if broken else 0


def _try_keys(session: Session, config: Config) -> tuple[int, list[int]]:
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


def work(_options: argparse.Namespace) -> int:
    """Do jobs until told to stop."""
    from trace import jobs

    with configured() as config:
        # Shorter than the supervisor's patience, so that a job under way is put back and not cut off.
        jobs.make_app(config).run_worker(concurrency=2, shutdown_graceful_timeout=4)
    return 0


# -- doctor -----------------------------------------------------------------------------------------------------


class Visit:
    """One examination: a line for each finding, and whether anything needs mending."""

    def __init__(self) -> None:
        self.broken = False

    def find(self, what: str, said: str, *, good: bool, mend: str) -> None:
        """Print one finding, and how to mend it when it is bad."""
        print(f"{'OK' if good else '— '} {what}: {said}" + ("" if good else f"\n     → {mend}"))
        self.broken = self.broken or not good


def doctor(_options: argparse.Namespace) -> int:
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
    sound, broken = _try_keys(session, config)
    visit.find(
        "Khóa tem",
        f"mở được {sound}, hỏng {len(broken)}",
        good=not broken,
        mend="đặt lại đúng tệp khóa chủ đã dùng khi tạo khóa tem",
    )


# -- ./test -----------------------------------------------------------------------------------------------------


def test(more: list[str]) -> int:
    """Run every guard of the project, one after the other, and fail at the end if any failed; `more` goes to pytest."""
    templates = ["trace/templates", "enforcement/templates"]
    guards = {
        "ruff check": ["ruff", "check", "."],
        "ruff format": ["ruff", "format", "--check", "."],
        "mypy": ["mypy"],
        "import-linter": ["importlinter.cli"],
        "djlint": ["djlint", *templates, "--lint", "--profile=jinja"],
    }
    began = time.monotonic()
    failed = [name for name, words in guards.items() if not _passes(name, words)]
    print(
        f"· Các kiểm tra trên: {time.monotonic() - began:.1f} s".replace(".", ","),
        *(f"hỏng: {name}" for name in failed),
        flush=True,
    )
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup", *more], cwd=cluster.ROOT, check=False
    )
    if failed:
        print(f"✗ Ngoài pytest còn hỏng: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else tests.returncode


def _passes(name: str, words: list[str]) -> bool:
    began = time.monotonic()
    print(f"· {name} … ", end="", flush=True)
    command = [sys.executable, "-m", *words]
    if words[0] == "importlinter.cli":  # its module does nothing when run
        command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"]
    done = subprocess.run(
        command, cwd=cluster.ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    print(f"{'hỏng, ' if done.returncode else ''}{time.monotonic() - began:.1f} s".replace(".", ",", 1), flush=True)
    if done.returncode:
        print(done.stdout + done.stderr, flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
