"""People who can sign in: passwords, second factors, sessions, roles."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import CursorResult, Select, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from trace.clock import CITY
from trace.errors import Conflict, Invalid, TooMany, broken_constraint
from trace.models.parties import AppUser, Party, Role, RoleGrant, SignInAttempt, SignInSession
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

PASSWORD_LEAST = 15
IDLE = timedelta(hours=8)
LONGEST = timedelta(hours=24)
TRY_WINDOW = timedelta(minutes=15)
TRIES_PER_LOGIN = 5
TRIES_PER_NETWORK = 100
TOTP_STEP = 30

# Whoever issues labels or touches cases signs in with a second factor.
SECOND_FACTOR = frozenset(Role) - {Role.PACKER, Role.TRADER, Role.AUDITOR, Role.COMMUNE_OFFICER}

_hasher = PasswordHasher()
# Hashed once a process, so that an unknown login costs the same time as a wrong password.
_NOBODY = _hasher.hash(secrets.token_hex(16))


class WrongCredentials(Invalid):
    """The name or the password is not right.

    Check Caps Lock and the typing language, and try again.
    """


class WrongSecondFactor(Invalid):
    """The six digits are not right, or were used already.

    Wait for the next digits in your app and check that its clock is right.
    """


class TooManyTries(TooMany):
    """Too many failed tries to sign in.

    Wait 15 minutes, or ask the administrator to set a new password.
    """


class PasswordTooShort(Invalid):
    """The password needs at least %(least)s characters.

    A sentence of several words is easy to remember and hard to guess.
    """


class LoginMalformed(Invalid):
    """A sign-in name has 3 to 80 letters without marks, digits, dots, hyphens, underscores or at signs.

    Write it like an e-mail address, for example thu.kho.
    """


class LoginTaken(Conflict):
    """Somebody already signs in with this name.

    Choose another name.
    """


@dataclass(frozen=True)
class SignedIn:
    """A person with a running session and the roles they hold today."""

    user: AppUser
    grants: Sequence[RoleGrant]


def add(
    session: Session,
    *,
    login: str,
    full_name: str,
    password: str,
    at: datetime,
    by: UUID | None,
    is_sample: bool = False,
) -> AppUser:
    """Open an account. The login is folded to lower case, the name to NFC."""
    if len(_composed(password)) < PASSWORD_LEAST:
        raise PasswordTooShort(least=PASSWORD_LEAST)
    user = AppUser(
        login=login.strip().lower(),
        full_name=unicodedata.normalize("NFC", full_name).strip(),
        password_hash=_hasher.hash(_composed(password)),
        created_at=at,
        is_sample=is_sample,
    )
    try:
        with session.begin_nested():
            session.add(user)
    except IntegrityError as exc:
        if broken_constraint(exc) == "uq_app_user_login":
            raise LoginTaken from exc
        if broken_constraint(exc) == "ck_app_user_login_form":
            raise LoginMalformed from exc
        raise
    history.record(session, "user:add", user.id, by=by, at=at, changes={"login": (None, user.login)})
    return user


def grant(
    session: Session,
    *,
    user_id: UUID,
    party_id: UUID,
    role: Role,
    start: date,
    end: date | None,
    at: datetime,
    by: UUID | None,
) -> RoleGrant:
    """Give a person a role for an organisation from `start` up to but without `end`."""
    given = RoleGrant(
        user_id=user_id, party_id=party_id, role=role, valid_during=Range(start, end), granted_by=by, granted_at=at
    )
    session.add(given)
    session.flush()
    history.record(session, "user:grant", user_id, by=by, at=at, changes={"role": (None, role)})
    return given


def check_password(
    session: Session, *, login: str, password: str, login_hash: bytes, network_hash: bytes, at: datetime
) -> AppUser:
    """The account of a login and password, or a refusal. Failures are counted by login and by network."""
    check_tries(session, login_hash=login_hash, network_hash=network_hash, at=at)
    user = session.scalars(
        select(AppUser).where(AppUser.login == login.strip().lower(), AppUser.closed_at.is_(None))
    ).one_or_none()
    try:
        _hasher.verify(user.password_hash if user else _NOBODY, _composed(password))
    except VerifyMismatchError as exc:
        session.add(SignInAttempt(at=at, login_hash=login_hash, network_hash=network_hash))
        raise WrongCredentials from exc
    if user is None:
        raise WrongCredentials
    if _hasher.check_needs_rehash(user.password_hash):
        user.password_hash = _hasher.hash(_composed(password))
    return user


def check_open(user: AppUser) -> None:
    """Refuse an account that was closed between the password and the second factor."""
    if user.closed_at is not None:
        raise WrongSecondFactor


def check_tries(session: Session, *, login_hash: bytes, network_hash: bytes, at: datetime) -> None:
    """Refuse when too many tries have failed lately, for this login or from this network."""
    since = at - TRY_WINDOW
    failed = session.execute(
        select(
            func.count().filter(SignInAttempt.login_hash == login_hash),
            func.count().filter(SignInAttempt.network_hash == network_hash),
        ).where(
            SignInAttempt.at > since,
            or_(SignInAttempt.login_hash == login_hash, SignInAttempt.network_hash == network_hash),
        )
    ).one()
    if failed[0] >= TRIES_PER_LOGIN or failed[1] >= TRIES_PER_NETWORK:
        raise TooManyTries


def count_failure(session: Session, *, login_hash: bytes, network_hash: bytes, at: datetime) -> None:
    """Count a failed second factor like a failed password."""
    session.add(SignInAttempt(at=at, login_hash=login_hash, network_hash=network_hash))


def new_second_factor() -> str:
    """A fresh TOTP secret in base 32."""
    return pyotp.random_base32()


def set_second_factor(
    session: Session, user: AppUser, secret: str, *, key: bytes, at: datetime, by: UUID | None
) -> None:
    """Seal a TOTP secret into an account."""
    user.totp_sealed = _sealed(user, secret, key)
    user.totp_last_step = 0
    history.record(session, "user:set_second_factor", user.id, by=by, at=at)


def second_factor_secret(user: AppUser, *, key: bytes) -> str:
    """The TOTP secret of an account, unsealed."""
    sealed = user.totp_sealed or b""
    try:
        return AESGCM(key).decrypt(sealed[:12], sealed[12:], user.id.bytes).decode()
    except (InvalidTag, ValueError) as exc:
        raise WrongSecondFactor from exc


def reseal(session: Session, *, old: bytes, new: bytes) -> int:
    """Seal every TOTP secret under another key, after the master key was exchanged. How many."""
    found = session.scalars(_with_second_factor().with_for_update()).all()
    for user in found:
        user.totp_sealed = _sealed(user, second_factor_secret(user, key=old), new)
    session.flush()
    return len(found)


def open_all(session: Session, *, key: bytes) -> int:
    """Open every TOTP secret and forget it at once; WrongSecondFactor if one does not open. How many there are."""
    return sum(
        bool(second_factor_secret(user, key=key))
        for user in session.scalars(_with_second_factor().execution_options(populate_existing=True))
    )


def _with_second_factor() -> Select[AppUser]:
    return select(AppUser).where(AppUser.totp_sealed.is_not(None)).order_by(AppUser.id)


def _sealed(user: AppUser, secret: str, key: bytes) -> bytes:
    nonce = secrets.token_bytes(12)
    return nonce + AESGCM(key).encrypt(nonce, secret.encode(), user.id.bytes)


def check_second_factor(session: Session, user: AppUser, digits: str, *, key: bytes, at: datetime) -> None:
    """Accept six digits of the present or a neighbouring 30 seconds, each only once."""
    totp = pyotp.TOTP(second_factor_secret(user, key=key))
    typed = "".join(unicodedata.normalize("NFKC", digits).split())
    now_step = int(at.timestamp()) // TOTP_STEP
    for step in (now_step, now_step - 1, now_step + 1):
        if secrets.compare_digest(totp.generate_otp(step), typed.encode("ascii", "replace").decode()):
            # The condition in the UPDATE, not the value read before, decides between two people with the same six digits.
            used: CursorResult[object] = session.execute(  # type: ignore[assignment]
                update(AppUser).where(AppUser.id == user.id, AppUser.totp_last_step < step).values(totp_last_step=step)
            )
            if used.rowcount == 1:
                return
    raise WrongSecondFactor


def start_session(session: Session, user: AppUser, *, at: datetime) -> str:
    """Begin a signed-in session; the returned token goes into the cookie and is kept nowhere."""
    token = secrets.token_urlsafe(32)
    session.add(
        SignInSession(
            token_hash=_token_hash(token), user_id=user.id, started_at=at, seen_at=at, expires_at=at + LONGEST
        )
    )
    history.record(session, "user:sign_in", user.id, by=user.id, at=at)
    return token


def signed_in(session: Session, token: str, *, at: datetime) -> SignedIn | None:
    """Who a token belongs to, with the roles held on this day of the city; None when the session is over."""
    row = session.get(SignInSession, _token_hash(token))
    if row is None or row.ended_at or row.expires_at <= at or row.seen_at + IDLE <= at:
        return None
    user = session.get_one(AppUser, row.user_id)
    if user.closed_at:
        return None
    if at - row.seen_at > timedelta(minutes=5):
        session.execute(update(SignInSession).where(SignInSession.token_hash == row.token_hash).values(seen_at=at))
    grants = session.scalars(
        select(RoleGrant)
        .where(RoleGrant.user_id == user.id, RoleGrant.valid_during.contains(at.astimezone(CITY).date()))
        .options(joinedload(RoleGrant.party))
        .order_by(RoleGrant.granted_at)
    ).all()
    return SignedIn(user, grants)


def end_session(session: Session, token: str, *, at: datetime) -> None:
    """Sign out: the token is worth nothing from here on."""
    row = session.get(SignInSession, _token_hash(token))
    if row is not None and row.ended_at is None:
        row.ended_at = at


def clean_up(session: Session, *, at: datetime) -> None:
    """Forget failed tries after a day and sessions a month after their end."""
    session.execute(delete(SignInAttempt).where(SignInAttempt.at < at - timedelta(days=1)))
    session.execute(delete(SignInSession).where(SignInSession.expires_at < at - timedelta(days=30)))


def people(session: Session) -> Sequence[tuple[AppUser, RoleGrant | None, Party | None]]:
    """Every open account with its grants, for the administrator."""
    statement = (
        select(AppUser, RoleGrant, Party)
        .outerjoin(RoleGrant, RoleGrant.user_id == AppUser.id)
        .outerjoin(Party, Party.id == RoleGrant.party_id)
        .where(AppUser.closed_at.is_(None))
        .order_by(AppUser.login, RoleGrant.granted_at)
    )
    return [(user, given, party) for user, given, party in session.execute(statement)]


def _composed(password: str) -> str:
    """A password in one form: some keyboards send Vietnamese letters and their marks apart, others together."""
    return unicodedata.normalize("NFKC", password)


def _token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
