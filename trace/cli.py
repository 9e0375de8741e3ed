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
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from trace import cluster, doctor, machine, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.config import Config


def main(words: list[str] | None = None) -> int:
    """Run one command; the exit status."""
    words = sys.argv[1:] if words is None else words
    if words[:1] == ["test"]:  # everything after it belongs to pytest, --help too
        return test(words[1:])
    options = _parser().parse_args(words)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except (machine.ClusterError, Failure) as error:
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
    rewrapping = keys.add_parser("rewrap", help="khóa chủ mới, gói và niêm phong lại mọi bí mật bằng nó trong một lần")
    rewrapping.add_argument("why", help="lý do, ghi vào lịch sử")
    rewrapping.set_defaults(run=rewrap_keys)
    keys.add_parser("verify", help="thử mở từng khóa tem bằng khóa chủ").set_defaults(run=verify_keys)

    wording = commands.add_parser("words", help="lời trên các trang").add_subparsers(required=True, metavar="VIỆC")
    wording.add_parser("update", help="đưa các tệp lời theo kịp mã nguồn").set_defaults(run=update_words)

    commands.add_parser("worker", help="chạy tiến trình nền (./run tự chạy nó)").set_defaults(run=work)
    commands.add_parser("doctor", help="khám máy và nói cần sửa gì").set_defaults(run=examine)
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
    from enforcement.papers import templates
    from trace import clock, db, jobs
    from trace.services import communes, keys, scanning

    db.upgrade(config.database_url)
    engine = create_engine(config.database_url)
    try:
        with Session(engine) as session:
            communes.load(session)
            law.seed(session)
            templates.seed(session)
            keys.issue_first(session, config.master_key, clock.now())
            scanning.first_copy_rule(session)
            jobs.keep_house(session, config.files_dir)
            session.commit()
    finally:
        engine.dispose()


def rotate_keys(options: argparse.Namespace) -> int:
    """Make a new label key from the next serial on. Labels already issued keep theirs."""
    from trace import clock
    from trace.services import keys

    with configured() as config, opened(config) as session:
        made = keys.rotate(session, config.master_key, clock.now(), why=options.why)
        session.commit()
        print(f"Khóa tem số {made.id} dùng từ tem số {made.first_serial}. Tem đã cấp giữ khóa cũ.")
    return 0


def rewrap_keys(options: argparse.Namespace) -> int:
    """Put a new master key in place of the present one and wrap everything anew with it."""
    from trace import clock, processes, rewrapping
    from trace.config import master_key_path, read_master_key

    at = clock.now()
    with configured() as config, processes.sole(config.var_dir) as lock, opened(config) as session:
        if lock is None:  # what it seals meanwhile under the old key would never open again
            raise Failure("Ứng dụng đang chạy. Dừng ./run (và mọi máy chủ khác dùng cơ sở dữ liệu này) rồi chạy lại.")
        path = master_key_path(config.var_dir)
        try:
            beside, master = rewrapping.new_key(path)
        except OSError as error:
            raise Failure(f"Không ghi được khóa chủ mới cạnh {path}: {error.strerror}. Chưa có gì thay đổi.") from error
        new = rewrapping.under(config, master)
        try:
            try:
                found = rewrapping.opened(session, new)  # an earlier attempt came as far as its commit
            except rewrapping.NotOpened:
                found = rewrapping.exchange(session, config, new, at=at, why=options.why)
            session.commit()
        except rewrapping.NotOpened as error:
            raise Failure(
                f"Có bí mật không mở được bằng khóa chủ {path}. Chưa có gì thay đổi. Xem: ./manage keys verify"
            ) from error
        try:
            kept = rewrapping.put_in_place(path, beside, at=at)
        except OSError as error:
            raise Failure(
                f"Mọi bí mật đã gói bằng khóa trong {beside}, nhưng không đặt được khóa đó vào {path}: {error.strerror}."
                " Sửa quyền rồi chạy lại lệnh này."
            ) from error
        found = rewrapping.opened(session, rewrapping.under(config, read_master_key(path)))
    print(
        f"Khóa chủ mới nằm ở {path}. Đã gói lại và mở thử: {found.label_keys} khóa tem, {found.second_factors} lớp xác thực"
        f" thứ hai, {found.contacts} liên hệ niêm phong, {found.webhooks} bí mật webhook.\n"
        f"Chạy lại ứng dụng; mọi người phải đăng nhập lại. Khóa cũ giữ ở {kept}: cất riêng cùng bản sao lưu cũ rồi xóa"
        " khỏi máy này. Việc tiếp theo: ./manage keys rotate"
    )
    return 0


def update_words(_options: argparse.Namespace) -> int:
    """Bring the catalogues up to the code and name what has no wording yet."""
    from trace import tongues, words

    missing = words.update() | tongues.update()
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
        sound, broken = doctor.try_keys(session, config)
    print(f"Mở được {sound} khóa tem." + (f" Không mở được khóa số: {', '.join(map(str, broken))}." if broken else ""))
    return 1 if broken else 0


def work(_options: argparse.Namespace) -> int:
    """Do jobs until told to stop, and keep watch over the chains of custody beside them."""
    from trace import evidence_jobs, jobs

    with configured() as config, evidence_jobs.watching(config):
        # Shorter than the supervisor's patience, so that a job under way is put back and not cut off.
        jobs.make_app(config).run_worker(concurrency=2, shutdown_graceful_timeout=4)
    return 0


def examine(_options: argparse.Namespace) -> int:
    """Examine machine, database and keys; say what to mend."""
    return doctor.examine(configured, opened)


# -- ./test -----------------------------------------------------------------------------------------------------


def test(more: list[str]) -> int:
    """Run every guard of the project, two at a time and then the tests, and fail at the end if any failed; `more` goes to pytest."""
    templates = ["trace/templates", "enforcement/templates"]
    guards = {
        "mypy": ["mypy"],  # the longest, so that the others pass beside it
        "ruff check": ["ruff", "check", "."],
        "ruff format": ["ruff", "format", "--check", "."],
        "import-linter": ["importlinter.cli"],
        "djlint": ["djlint", *templates, "--lint", "--profile=jinja"],
    }
    began = time.monotonic()
    with ThreadPoolExecutor(2) as both:
        passed = dict(zip(guards, both.map(_passes, guards, guards.values()), strict=True))
    failed = [name for name, fine in passed.items() if not fine]
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
    command = [sys.executable, "-m", *words]
    if words[0] == "importlinter.cli":  # its module does nothing when run
        command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"]
    done = subprocess.run(
        command, cwd=cluster.ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    spent = f"{'hỏng, ' if done.returncode else ''}{time.monotonic() - began:.1f} s".replace(".", ",", 1)
    # In one piece: another guard may be speaking.
    print(f"· {name} … {spent}\n{done.stdout + done.stderr if done.returncode else ''}", end="", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
