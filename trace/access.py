"""Who may do what: one enum of permissions, one map from roles, shut by default.

Each view wears `@needs(May.X)`, or `@needs(None)` if it is open to all. A view without a mark answers nobody.
Row rules are a `Reach`: the holders and titles for which a person holds a role that gives the permission.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from flask import current_app, g, redirect, request, url_for
from flask_login import LoginManager, UserMixin, current_user
from werkzeug.exceptions import NotFound as NoSuchRoute

from trace import clock
from trace.db import session
from trace.errors import Forbidden, SignInNeeded
from trace.models.parties import Party, Role
from trace.services import accounts
from trace.services.reach import Reach, titles_of
from trace.words import say

if TYPE_CHECKING:
    from uuid import UUID

    from flask import Flask
    from flask.typing import ResponseReturnValue


class May(StrEnum):
    """Permissions, `subject:verb` (never shown)."""

    ACCOUNT_USE = "account:use"
    API_MANAGE = "api:manage"
    APPLICATION_DECIDE = "application:decide"
    APPLICATION_EVALUATE = "application:evaluate"
    APPLICATION_READ = "application:read"
    APPLICATION_WRITE = "application:write"
    AREA_CODE = "area:code"
    AREA_EDIT = "area:edit"
    AREA_IMPORT = "area:import"
    AREA_READ = "area:read"
    CALENDAR_EDIT = "calendar:edit"
    CASE_MOVE = "case:move"
    CASE_OPEN = "case:open"
    CASE_READ = "case:read"
    CERTIFICATE_DECIDE = "certificate:decide"
    CERTIFICATE_READ = "certificate:read"
    CONTROL_PLAN = "control:plan"
    CONTROL_READ = "control:read"
    CONTROL_RECORD = "control:record"
    CONTROL_SELF = "control:self"
    CONTROL_VERIFY = "control:verify"
    DELEGATION_ENTER = "delegation:enter"
    DOCUMENT_TEMPLATE = "document:template"
    DESK_REPORT = "desk:report"
    FARM_LOG_READ = "farm_log:read"
    FARM_LOG_WRITE = "farm_log:write"
    FILE_READ = "file:read"
    INFORMANT_AGREE = "informant:agree"
    INFORMANT_OPEN = "informant:open"
    INCIDENT_CLOSE = "incident:close"
    LABEL_ACTIVATE = "label:activate"
    LABEL_HAND_OVER = "label:hand_over"
    LABEL_ORDER = "label:order"
    LABEL_READ = "label:read"
    LABEL_VOID = "label:void"
    LAW_EDIT = "law:edit"
    LAW_READ = "law:read"
    LOT_CERTIFY = "lot:certify"
    LOT_READ = "lot:read"
    LOT_RECORD = "lot:record"
    LOT_RELEASE = "lot:release"
    MAIL_TROUBLE = "mail:trouble"
    MEMBER_EDIT = "member:edit"
    MEMBER_READ = "member:read"
    OBSERVATION_READ = "observation:read"
    OBSERVATION_RECORD = "observation:record"
    RULE_TRUST_READ = "rule_trust:read"
    REQUEST_FOLLOW = "request:follow"
    SCAN_CUSTODY = "scan:custody"
    """Looks at labels are events of the trade, apart from the public's."""
    SCAN_FACTS = "scan:facts"
    SIGNAL_TRIAGE = "signal:triage"
    SYSTEM_LOOK = "system:look"
    TABLE_IMPORT = "table:import"
    TITLE_EDIT = "title:edit"
    TITLE_READ = "title:read"
    TITLE_RECORD = "title:record"
    USER_MANAGE = "user:manage"


_REGISTER = frozenset(
    {
        May.AREA_READ,
        May.CERTIFICATE_READ,
        May.CONTROL_READ,
        May.FARM_LOG_READ,
        May.LABEL_READ,
        May.LOT_READ,
        May.TITLE_READ,
    }
)
_TITLES = frozenset({May.TITLE_EDIT, May.TITLE_RECORD})
_MEMBERS = frozenset({May.MEMBER_EDIT, May.MEMBER_READ})
_FIELD = frozenset({May.SCAN_FACTS, May.OBSERVATION_READ, May.OBSERVATION_RECORD, May.FILE_READ})
_DESK = frozenset({May.CASE_MOVE, May.CASE_OPEN, May.CASE_READ, May.LAW_READ, May.SIGNAL_TRIAGE})
_HEADS = frozenset(
    {May.CALENDAR_EDIT, May.DELEGATION_ENTER, May.DESK_REPORT, May.DOCUMENT_TEMPLATE, May.LAW_EDIT, May.MAIL_TROUBLE}
)
_APPLICATIONS = frozenset({May.APPLICATION_DECIDE, May.APPLICATION_EVALUATE, May.APPLICATION_READ})

ROLE_MAY: dict[Role, frozenset[May]] = {
    Role.PACKER: frozenset(
        {
            May.FARM_LOG_READ,
            May.FARM_LOG_WRITE,
            May.LABEL_READ,
            May.LABEL_HAND_OVER,
            May.LABEL_ACTIVATE,
            May.LABEL_VOID,
            May.LOT_READ,
            May.SCAN_CUSTODY,
        }
    ),
    Role.TRADER: frozenset({May.SCAN_CUSTODY}),
    Role.CLERK: _REGISTER
    | _MEMBERS
    | {
        May.APPLICATION_READ,
        May.APPLICATION_WRITE,
        May.AREA_EDIT,
        May.AREA_IMPORT,
        May.CONTROL_SELF,
        May.FARM_LOG_WRITE,
        May.LABEL_ORDER,
        May.LABEL_HAND_OVER,
        May.LABEL_ACTIVATE,
        May.LABEL_VOID,
        May.LOT_RECORD,
        May.SCAN_CUSTODY,
        May.TABLE_IMPORT,
    },
    Role.MANAGER: _REGISTER
    | _APPLICATIONS
    | _TITLES
    | _MEMBERS
    | {
        May.API_MANAGE,
        May.TABLE_IMPORT,
        May.AREA_EDIT,
        May.AREA_IMPORT,
        May.CERTIFICATE_DECIDE,
        May.CONTROL_PLAN,
        May.CONTROL_RECORD,
        May.CONTROL_VERIFY,
        May.LABEL_VOID,
        May.LOT_CERTIFY,
        May.REQUEST_FOLLOW,
    },
    Role.CONTROLLER: _REGISTER | {May.APPLICATION_EVALUATE, May.APPLICATION_READ, May.CONTROL_RECORD, May.TABLE_IMPORT},
    Role.CERTIFIER: _REGISTER
    | {May.TABLE_IMPORT, May.CONTROL_RECORD, May.CONTROL_VERIFY, May.LOT_CERTIFY, May.LOT_RELEASE},
    Role.SCIENCE_DEPARTMENT: _REGISTER
    | _APPLICATIONS
    | _TITLES
    | {May.CERTIFICATE_DECIDE, May.DESK_REPORT, May.MEMBER_READ, May.REQUEST_FOLLOW},
    Role.AGRICULTURE_DEPARTMENT: frozenset(
        {May.AREA_CODE, May.AREA_IMPORT, May.AREA_READ, May.TABLE_IMPORT, May.TITLE_READ}
    ),
    Role.COMMUNE_OFFICER: frozenset({May.AREA_READ, May.TITLE_READ}),
    Role.INSPECTOR: _FIELD | _REGISTER,
    Role.OFFICER: _FIELD | _REGISTER | _DESK,
    Role.TEAM_HEAD: _FIELD | _REGISTER | _DESK | _HEADS | {May.RULE_TRUST_READ},
    Role.BRANCH_HEAD: _FIELD | _REGISTER | _DESK | _HEADS | {May.RULE_TRUST_READ, May.INFORMANT_AGREE},
    Role.CUSTODIAN: frozenset({May.INFORMANT_AGREE, May.INFORMANT_OPEN}),
    Role.AUDITOR: _REGISTER
    | {May.APPLICATION_READ, May.CASE_READ, May.DESK_REPORT, May.OBSERVATION_READ, May.SYSTEM_LOOK, May.LAW_READ},
    Role.ADMINISTRATOR: frozenset(
        {
            May.API_MANAGE,
            May.INCIDENT_CLOSE,
            May.MAIL_TROUBLE,
            May.USER_MANAGE,
            May.SYSTEM_LOOK,
            May.CALENDAR_EDIT,
            May.LAW_READ,
        }
    ),
}

# These look after the whole city; everybody else sees the records of their own organisation or of the titles it manages.
CITYWIDE = frozenset(
    {
        Role.SCIENCE_DEPARTMENT, Role.AGRICULTURE_DEPARTMENT, Role.COMMUNE_OFFICER, Role.INSPECTOR, Role.OFFICER,
        Role.TEAM_HEAD, Role.BRANCH_HEAD, Role.AUDITOR,
    }
)  # fmt: skip
# Whoever does these does them for the body that manages the title, also those who read the whole city.
OF_THE_BODY = frozenset({May.APPLICATION_DECIDE, May.APPLICATION_EVALUATE, May.CERTIFICATE_DECIDE, May.CONTROL_PLAN})
BY_TITLE = frozenset({Role.MANAGER, Role.CONTROLLER, Role.CERTIFIER})


@dataclass(frozen=True)
class Post:
    """A role held today for an organisation."""

    role: Role
    party: Party


class Person(UserMixin):
    """The signed-in person of this request."""

    def __init__(self, token: str, found: accounts.SignedIn) -> None:
        self.token = token
        self.id: UUID = found.user.id
        self.full_name = found.user.full_name
        self.has_second_factor = found.user.totp_sealed is not None
        self.posts = tuple(Post(grant.role, grant.party) for grant in found.grants)

    def get_id(self) -> str:
        """What flask-login keeps in the cookie: the session's token, never the account's id."""
        return self.token

    @cached_property
    def permissions(self) -> frozenset[May]:
        """All that the roles of today allow; as long as a second factor is owed, nothing but to set it up."""
        if self.needs_second_factor:
            return frozenset({May.ACCOUNT_USE})
        allowed = frozenset[May]().union(*(ROLE_MAY[post.role] for post in self.posts))
        return allowed | {May.ACCOUNT_USE}

    def may(self, permission: May) -> bool:
        """Whether some role of today gives the permission."""
        return permission in self.permissions

    @property
    def roles(self) -> frozenset[Role]:
        """Roles held today."""
        return frozenset(post.role for post in self.posts)

    @property
    def needs_second_factor(self) -> bool:
        """Whether a role demands a second factor that is not set up yet."""
        return bool(self.roles & accounts.SECOND_FACTOR) and not self.has_second_factor

    def parties_for(self, permission: May) -> tuple[Party, ...]:
        """The organisations for which this person may do something, first grant first, each once."""
        found = {post.party.id: post.party for post in self.posts if permission in ROLE_MAY[post.role]}
        return tuple(found.values())

    def reach(self, permission: May) -> Reach:
        """The rows on which this person may do something."""
        posts = [post for post in self.posts if permission in ROLE_MAY[post.role]]
        by_title = BY_TITLE | CITYWIDE if permission in OF_THE_BODY else BY_TITLE
        if any(post.role in CITYWIDE - by_title for post in posts):
            return Reach(everything=True)
        managed = frozenset(post.party.id for post in posts if post.role in by_title)
        return Reach(
            holders=frozenset(post.party.id for post in posts if post.role not in by_title),
            titles=titles_of(session(), managed, on=clock.now().astimezone(clock.CITY).date()),
        )

    @property
    def role_names(self) -> list[str]:
        """For the page header."""
        return [say(role) for role in dict.fromkeys(post.role for post in self.posts)]

    @property
    def party_name(self) -> str:
        """The organisation of the first role, for the page header."""
        return self.posts[0].party.name if self.posts else ""


V = TypeVar("V", bound=Callable[..., Any])


def needs(permission: May | None) -> Callable[[V], V]:
    """Mark a view with the permission it needs; None opens it to everybody."""

    def mark(view: V) -> V:
        view.needs = permission  # type: ignore[attr-defined]
        return view

    return mark


def person() -> Person:
    """The signed-in person; raises `SignInNeeded` when nobody is."""
    if not current_user.is_authenticated:
        raise SignInNeeded
    found: Person = current_user._get_current_object()  # noqa: SLF001  flask-login's documented way to the object itself
    return found


def network_hash() -> bytes:
    """A salted hash of the caller's network (IPv4 address, IPv6 /64), to slow down guessing without keeping addresses."""
    return network_of(request.remote_addr or "", current_app.config["SALT"])


def network_of(address: str, salt: bytes) -> bytes:
    """The same for an address, under the installation's salt."""
    return hashlib.blake2b(f"network:{_network(address)}".encode(), key=salt, digest_size=16).digest()


_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}", re.ASCII)


def _network(address: str) -> str:
    if _IPV4.fullmatch(address):
        return address  # most of all; as `ipaddress` would write it
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address  # a socket without an address
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(getattr(found, "ipv4_mapped", None) or found)


def salted(text: str) -> bytes:
    """A keyed hash under this installation's own key."""
    return hashlib.blake2b(text.encode(), key=current_app.config["SALT"], digest_size=16).digest()


def forget_person() -> None:
    """Ask no more who this is: the database that knows cannot be trusted to answer in this request."""
    g._login_user = current_app.login_manager.anonymous_user()  # type: ignore[attr-defined]  # noqa: SLF001  as flask-login itself does


def init_app(app: Flask) -> None:
    """Join the guard and the sign-in to the application."""
    manager = LoginManager(app)
    manager.session_protection = (
        None  # the session lives in the database; a changed address signs nobody out on a phone
    )
    manager.user_loader(_load)
    app.before_request(_guard)


def _load(token: str) -> Person | None:
    found = accounts.signed_in(session(), token, at=clock.now())
    if found is None:
        return None
    loaded = Person(token, found)
    if session().dirty or session().in_transaction():
        session().commit()
    return loaded


def _guard() -> ResponseReturnValue | None:
    if request.routing_exception is not None:
        return None  # 404, 405 and redirects of the routing answer for themselves
    if request.endpoint is None:
        raise NoSuchRoute
    if request.endpoint == "static":
        return None
    view = current_app.view_functions[request.endpoint]
    permission: May | None = vars(view)["needs"]  # no default: an unmarked view fails closed
    g.permission = permission
    if permission is None:
        if request.method not in {"GET", "HEAD", "OPTIONS"}:
            # Reading who this is commits (`_load`). It happens here, before the view has written anything, or not at all.
            _ = current_user.is_authenticated
        return None
    whoever = person()
    if whoever.needs_second_factor and request.endpoint not in {"accounts.second_factor_setup", "accounts.sign_out"}:
        return redirect(url_for("accounts.second_factor_setup"), 303)
    if not whoever.may(permission):
        raise Forbidden
    return None
