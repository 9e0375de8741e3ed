"""People and organisations, what they are to the system and since when, and how they sign in."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trace.models.base import Base, Revised, bigint_pk, uuid_pk


class CommuneKind(StrEnum):
    """The three kinds of a commune-level unit since 1 July 2025."""

    WARD = "ward"
    RURAL = "rural"
    SPECIAL_ZONE = "special_zone"


class Commune(Base):
    """A commune of the city with its five-digit code, its boundary and the time for which it stands."""

    __tablename__ = "commune"
    __table_args__ = (
        CheckConstraint("code ~ '^[0-9]{5}$'", name="code_five_digits"),
        Index(None, "boundary", postgresql_using="gist"),
        Index("ix_commune_folded", text("fold(name) gin_trgm_ops"), postgresql_using="gin"),
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    kind: Mapped[CommuneKind]
    # Tens of kilobytes that no page shows beside a name: read where it is asked for.
    boundary: Mapped[WKBElement] = mapped_column(
        Geometry("MULTIPOLYGON", srid=4326, spatial_index=False), deferred=True
    )
    valid_during: Mapped[Range[date]]


class CommuneAlias(Base):
    """A name that people still use for a place: an old district or commune."""

    __tablename__ = "commune_alias"
    __table_args__ = (UniqueConstraint("commune_code", "name"),)

    id: Mapped[bigint_pk]
    commune_code: Mapped[str] = mapped_column(ForeignKey("commune.code"))
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(server_default="district")


class PartyKind(StrEnum):
    """What a party is in law."""

    STATE = "state"
    AUTHORITY = "authority"
    COOPERATIVE = "cooperative"
    COMPANY = "company"
    ASSOCIATION = "association"
    HOUSEHOLD = "household"
    PERSON = "person"


class Party(Revised, Base):
    """An organisation, household or person that plays a part: owner, user of a sign, authority, packer."""

    __tablename__ = "party"
    __table_args__ = (
        CheckConstraint("length(btrim(name)) BETWEEN 1 AND 200", name="name_present"),
        CheckConstraint("tax_code ~ '^([0-9]{10}(-[0-9]{3})?|[0-9]{12})$'", name="tax_code_form"),
        CheckConstraint("phone ~ '^0[0-9]{9,10}$'", name="phone_form"),
        Index("ix_party_folded", text("fold(name) gin_trgm_ops"), postgresql_using="gin"),
        Index("ix_party_exact", text("fold(name)"), postgresql_using="hash"),
    )

    id: Mapped[uuid_pk]
    kind: Mapped[PartyKind]
    name: Mapped[str]
    tax_code: Mapped[str | None] = mapped_column(unique=True)
    phone: Mapped[str | None]
    address: Mapped[str | None]
    commune_code: Mapped[str | None] = mapped_column(ForeignKey("commune.code"))
    is_sample: Mapped[bool] = mapped_column(server_default=text("false"))

    commune: Mapped[Commune | None] = relationship()


class Role(StrEnum):
    """What a person may be for an organisation. What each may do stands in `trace.access`."""

    PACKER = "packer"
    CLERK = "clerk"
    TRADER = "trader"
    MANAGER = "manager"
    CONTROLLER = "controller"
    CERTIFIER = "certifier"
    SCIENCE_DEPARTMENT = "science_department"
    AGRICULTURE_DEPARTMENT = "agriculture_department"
    COMMUNE_OFFICER = "commune_officer"
    INSPECTOR = "inspector"
    OFFICER = "officer"
    TEAM_HEAD = "team_head"
    BRANCH_HEAD = "branch_head"
    CUSTODIAN = "custodian"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class AppUser(Base):
    """A person who can sign in. The password is kept as an argon2id hash, the TOTP secret sealed."""

    __tablename__ = "app_user"
    __table_args__ = (
        CheckConstraint("login = lower(login)", name="login_lower"),
        CheckConstraint("login ~ '^[a-z0-9._@-]{3,80}$'", name="login_form"),
        CheckConstraint("length(btrim(full_name)) BETWEEN 1 AND 120", name="full_name_present"),
    )

    id: Mapped[uuid_pk]
    login: Mapped[str] = mapped_column(unique=True)
    full_name: Mapped[str]
    password_hash: Mapped[str]
    totp_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    totp_last_step: Mapped[int] = mapped_column(server_default=text("0"))
    locale: Mapped[str] = mapped_column(server_default="vi")
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    is_sample: Mapped[bool] = mapped_column(server_default=text("false"))

    roles: Mapped[list[RoleGrant]] = relationship(back_populates="user", foreign_keys="RoleGrant.user_id")


class RoleGrant(Base):
    """A role that a person holds for one organisation over a period. The same role never overlaps itself."""

    __tablename__ = "role_grant"
    __table_args__ = (
        CheckConstraint("NOT isempty(valid_during)", name="period_not_empty"),
        ExcludeConstraint(
            ("user_id", "="), ("party_id", "="), ("role", "="), ("valid_during", "&&"),
            using="gist", name="ex_role_grant_no_overlap",
        ),
    )  # fmt: skip

    id: Mapped[uuid_pk]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"), index=True)
    party_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"), index=True)
    role: Mapped[Role]
    valid_during: Mapped[Range[date]]
    granted_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    granted_at: Mapped[datetime]

    user: Mapped[AppUser] = relationship(back_populates="roles", foreign_keys=[user_id])
    party: Mapped[Party] = relationship()


class SignInSession(Base):
    """One signed-in browser. The cookie holds a random token; only its SHA-256 is kept, so a dump signs nobody in."""

    __tablename__ = "sign_in_session"
    __table_args__ = (CheckConstraint("octet_length(token_hash) = 32", name="token_hash_is_sha256"),)

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"), index=True)
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]


class SignInAttempt(Base):
    """A failed sign-in, kept for a day, to slow down guessing. Both keys are salted hashes, not the login or the address."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (Index(None, "login_hash", "at"), Index(None, "network_hash", "at"))

    id: Mapped[bigint_pk]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    login_hash: Mapped[bytes] = mapped_column(LargeBinary)
    network_hash: Mapped[bytes] = mapped_column(LargeBinary)


class MailAddress(Base):
    """Where a person wants letters. Nothing but the letter with the link goes there before the person has opened that link.

    One of a person's addresses may wait to be confirmed, and one be in use. `token_hash`: SHA-256 of the link sent last, which counts
    once and for a time.
    """

    __tablename__ = "mail_address"
    __table_args__ = (
        CheckConstraint(
            "address ~ '^[a-z0-9_%+-]+([.][a-z0-9_%+-]+)*@[a-z0-9-]+([.][a-z0-9-]+)+$' AND length(address) <= 200",
            name="address_form",
        ),
        CheckConstraint("(token_hash IS NULL) = (token_expires_at IS NULL)", name="token_expires"),
        CheckConstraint("octet_length(token_hash) = 32", name="token_hash_is_sha256"),
        CheckConstraint(
            "num_nonnulls(confirmed_at, ended_at) = 0 OR num_nonnulls(token_hash, mail_due_at) = 0", name="link_only_while_waiting"
        ),
        CheckConstraint("mail_tries >= 0", name="mail_tries_not_negative"),
        Index("uq_mail_address_waiting", "user_id", unique=True, postgresql_where=text("confirmed_at IS NULL AND ended_at IS NULL")),
        Index("uq_mail_address_in_use", "user_id", unique=True, postgresql_where=text("confirmed_at IS NOT NULL AND ended_at IS NULL")),
        Index(None, "user_id", "asked_at"),
        UniqueConstraint("token_hash"),
    )  # fmt: skip

    id: Mapped[bigint_pk]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    address: Mapped[str]
    asked_at: Mapped[datetime]
    asked_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    mail_due_at: Mapped[datetime | None] = mapped_column(index=True)
    mail_tries: Mapped[int] = mapped_column(server_default=text("0"))
    token_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    token_expires_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class MailRefusal(Base):
    """That the mail server does not take letters for an address, since when, and what it said last. Gone with the next letter it takes."""

    __tablename__ = "mail_refusal"
    __table_args__ = (
        CheckConstraint("first_at <= last_at", name="moments_in_order"),
        CheckConstraint("length(reply) <= 300", name="reply_bounded"),
    )

    address: Mapped[str] = mapped_column(primary_key=True)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    code: Mapped[int]
    reply: Mapped[str]
