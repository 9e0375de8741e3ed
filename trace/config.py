"""Settings, read once from the environment. Every one has a default that works from a fresh clone.

`TEMTHAT_DATABASE_URL`  a real server instead of the private cluster
`TEMTHAT_VAR`           where the cluster, files and keys live (default: var/ beside the code)
`TEMTHAT_MASTER_KEY_FILE`  32 bytes in hex; wraps label keys and sealed identities; made at first start
`TEMTHAT_HOST`          the host printed in every QR
`TEMTHAT_TRUSTED_PROXIES`  how many reverse proxies stand in front; their forwarded-for headers are believed, no others
`TEMTHAT_KEEP_SALTS_DAYS`, `TEMTHAT_KEEP_POSITIONS_DAYS`, `TEMTHAT_KEEP_UNKNOWN_CODES_DAYS`
                        days for which traces of scans are kept (2, 30, 400; see `trace.services.retention`)
`TEMTHAT_WEBHOOK_LOOPBACK`  "1" lets webhooks go to this machine over http: for trying them out, never in production
`TEMTHAT_SMTP_URL`      a mail server for reminders, such as smtp://user:password@mail.example:587; empty: no mail is sent
`TEMTHAT_MAIL_FROM`     the address that letters come from (default: tem-that@ and the host)
`TEMTHAT_CLAMD`         a virus scanner that speaks clamd's protocol, such as tcp://127.0.0.1:3310 or unix:///run/clamd.sock; empty: none
`TEMTHAT_ENVIRONMENT`   "demo" shows the sample-data banner and the gallery; "production" hides both
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEY_BYTES = 32


@dataclass(frozen=True)
class Config:
    """What one process of the application needs to know."""

    database_url: str
    var_dir: Path
    master_key: bytes
    host: str = "127.0.0.1:8000"
    environment: str = "demo"
    secure_cookies: bool = False
    pool_size: int = 8
    trusted_proxies: int = 0
    webhook_loopback: bool = False
    keep_salts_days: int = 2
    keep_positions_days: int = 30
    keep_unknown_codes_days: int = 400
    smtp_url: str = ""
    mail_from: str = ""
    clamd: str = ""

    def __repr__(self) -> str:
        return f"Config(environment={self.environment!r}, host={self.host!r}, var_dir={str(self.var_dir)!r})"

    @property
    def files_dir(self) -> Path:
        """Where originals of uploaded files live, by their hash."""
        return self.var_dir / "files"

    @property
    def drawings_dir(self) -> Path:
        """Where drawn files of labels lie, by their hash, for a month."""
        return self.var_dir / "drawings"

    @property
    def bundles_dir(self) -> Path:
        """Where bundles of cases lie, by their hash."""
        return self.var_dir / "bundles"

    @property
    def mail_sender(self) -> str:
        """The address that letters come from."""
        return self.mail_from or f"tem-that@{self.host.partition(':')[0]}"

    def derived(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose, so that the master key itself never signs or seals anything."""
        return hmac.digest(self.master_key, b"temthat:" + purpose.encode(), hashlib.sha256)

    @classmethod
    def from_env(cls) -> Config:
        """Read the environment; make the master key if this is the first start."""
        var_dir = Path(os.environ.get("TEMTHAT_VAR") or ROOT / "var").resolve()
        url = os.environ.get("TEMTHAT_DATABASE_URL")
        if not url:
            from trace import cluster  # noqa: PLC0415  only a private cluster needs it

            url = cluster.Cluster(var_dir / "pg").url("temthat")
        port = os.environ.get("TEMTHAT_PORT", "8000")
        return cls(
            database_url=with_driver(url),
            var_dir=var_dir,
            master_key=read_master_key(master_key_path(var_dir)),
            host=os.environ.get("TEMTHAT_HOST", f"127.0.0.1:{port}"),
            environment=os.environ.get("TEMTHAT_ENVIRONMENT", "demo"),
            secure_cookies=os.environ.get("TEMTHAT_SECURE_COOKIES", "") == "1",
            pool_size=int(os.environ.get("TEMTHAT_POOL_SIZE", "8")),
            trusted_proxies=int(os.environ.get("TEMTHAT_TRUSTED_PROXIES", "0")),
            keep_salts_days=_days("TEMTHAT_KEEP_SALTS_DAYS", cls.keep_salts_days, least=2),
            keep_positions_days=_days("TEMTHAT_KEEP_POSITIONS_DAYS", cls.keep_positions_days),
            keep_unknown_codes_days=_days("TEMTHAT_KEEP_UNKNOWN_CODES_DAYS", cls.keep_unknown_codes_days),
            webhook_loopback=os.environ.get("TEMTHAT_WEBHOOK_LOOPBACK", "") == "1",
            smtp_url=os.environ.get("TEMTHAT_SMTP_URL", ""),
            mail_from=os.environ.get("TEMTHAT_MAIL_FROM", ""),
            clamd=os.environ.get("TEMTHAT_CLAMD", ""),
        )


def _days(name: str, usual: int, *, least: int = 1) -> int:
    """A number of days from the environment, never below what the work needs."""
    return max(least, int(os.environ.get(name) or usual))


def with_driver(url: str) -> str:
    """A database address as SQLAlchemy wants it; `postgres://` and `postgresql://` mean the same."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if separator and scheme in {"postgres", "postgresql"} else url


def master_key_path(var_dir: Path) -> Path:
    """Where the master key lies."""
    return Path(os.environ.get("TEMTHAT_MASTER_KEY_FILE") or var_dir / "master.key")


def read_master_key(path: Path) -> bytes:
    """The 32 bytes in `path`, made with mode 0600 if the file is absent.

    It is written whole beside its place and then linked there, so that of two first starts one wins and nobody reads half a key.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(secrets.token_hex(KEY_BYTES))
            handle.flush()
            os.fsync(handle.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    key = bytes.fromhex(path.read_text().strip())
    if len(key) != KEY_BYTES:
        raise ValueError(f"{path} must hold {KEY_BYTES} bytes in hex, not {len(key)}")
    return key
