"""One POST to an address that somebody else named, without becoming their hand inside our network.

The name is resolved once, every address behind it is judged, and the connection goes to the very address that was judged, so that a name
which changes its mind in between gains nothing. No redirect is followed. Time and size have an end. What must not live here: what is
sent, and when it is tried again (`webhooks`).
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import re
import socket
import ssl
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from trace.errors import Invalid
from trace.models.api import DeliveryFault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LONGEST_URL = 500
CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 10.0
READ_BYTES = 2048
SHOWN = 500
PORTS = frozenset({443, 8443})
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+", re.IGNORECASE)
# Ways to write an IPv4 address inside an IPv6 one, and what only looks public: none of it is where a partner's server stands.
_REFUSED = [
    ipaddress.ip_network(text)
    for text in (
        "::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
        "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24",
        "198.18.0.0/15", "224.0.0.0/3",
    )
]  # fmt: skip


class AddressRefused(Invalid):
    """A webhook goes to an https address with a public name, such as https://example.com/hook.

    Write the whole address, without a user name, on port 443 or 8443. Addresses inside a network are not reached from here.
    """


class NotSent(Exception):
    """Nothing came back; the fault says how far it got."""

    def __init__(self, fault: DeliveryFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True)
class Answer:
    """What the other side said: its status and the beginning of its words."""

    status: int
    text: str


@dataclass(frozen=True)
class _Place:
    """An address taken apart."""

    secure: bool
    host: str
    port: int
    path: str


def check(url: str, *, loopback: bool = False) -> str:
    """An address as it is kept; raises `AddressRefused`. Asks no name server. With `loopback`, http to this machine passes too."""
    _taken_apart(url, loopback=loopback)
    return url


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, loopback: bool = False, total: float = TOTAL_SECONDS,
    resolve: Callable[..., Any] = socket.getaddrinfo,
) -> Answer:  # fmt: skip
    """Send once; raises `NotSent`. Whatever status comes back is an answer. `total`: seconds from the connection to the answer."""
    try:
        place = _taken_apart(url, loopback=loopback)
    except AddressRefused as exc:
        raise NotSent(DeliveryFault.FORBIDDEN_ADDRESS) from exc
    try:
        with _connected(place, loopback=loopback, resolve=resolve) as plain:
            return _exchange(place, plain, body, headers, total)
    except ssl.SSLError as exc:
        raise NotSent(DeliveryFault.TLS) from exc
    except TimeoutError as exc:
        raise NotSent(DeliveryFault.TIMEOUT) from exc
    except (OSError, http.client.HTTPException, ValueError) as exc:
        raise NotSent(DeliveryFault.UNREACHABLE) from exc


def public(address: str) -> bool:
    """Whether an IP address belongs to the open network, in whatever form it is written."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if not found.is_global or found.is_multicast or found.is_reserved or found.is_unspecified:
        return False
    return not any(found in network for network in _REFUSED if network.version == found.version)


def _taken_apart(url: str, *, loopback: bool) -> _Place:
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise AddressRefused
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise AddressRefused from exc
    host = parts.hostname or ""
    if parts.username is not None or parts.password is not None or parts.fragment or not host:
        raise AddressRefused
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if loopback and _is_loopback(host):
        secure = parts.scheme == "https"
        return _Place(secure=secure, host=host, port=port or (443 if secure else 80), path=path)
    named = _HOST.fullmatch(host) and not host.lower().endswith((".local", ".localhost", ".internal", ".home.arpa"))
    if parts.scheme != "https" or (port or 443) not in PORTS or not (named or public(host)):
        raise AddressRefused
    with contextlib.suppress(OSError):
        # 127.1, 0x7f000001 and their like pass for names, and a resolver takes them for addresses.
        if not public(socket.inet_ntoa(socket.inet_aton(host))):
            raise AddressRefused
    return _Place(secure=True, host=host, port=port or 443, path=path)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _connected(place: _Place, *, loopback: bool, resolve: Callable[..., Any]) -> socket.socket:
    """A connection to an address that was judged. One bad address among several spoils them all."""
    try:
        found = resolve(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise NotSent(DeliveryFault.NO_ADDRESS) from exc
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    meant = loopback and _is_loopback(place.host)
    if not addresses:
        raise NotSent(DeliveryFault.NO_ADDRESS)
    if not all(_is_loopback(each) if meant else public(each) for each in addresses):
        raise NotSent(DeliveryFault.FORBIDDEN_ADDRESS)
    last: OSError | None = None
    for address in addresses[:3]:
        try:
            return socket.create_connection((address, place.port), timeout=CONNECT_SECONDS)
        except OSError as exc:
            last = exc
    raise last or TimeoutError


def _exchange(place: _Place, plain: socket.socket, body: bytes, headers: Mapping[str, str], left: float) -> Answer:
    """One request and one answer on an open connection. A watch ends it: an answer that trickles would hold us for ever otherwise."""
    late = threading.Event()
    held = [plain]

    def end() -> None:
        late.set()
        with contextlib.suppress(OSError):
            socket.socket.shutdown(held[0], socket.SHUT_RDWR)

    watch = threading.Timer(left, end)
    watch.daemon = True
    watch.start()
    try:
        plain.settimeout(left)
        if place.secure:
            # Wrapped first and greeted afterwards, so that the watch can end a greeting that trickles too.
            held[0] = ssl.create_default_context().wrap_socket(
                plain, server_hostname=place.host, do_handshake_on_connect=False
            )
        with contextlib.closing(held[0]) as wire:
            if isinstance(wire, ssl.SSLSocket):
                wire.do_handshake()
            asked = http.client.HTTPConnection(place.host, place.port)
            asked.sock = wire
            asked.request("POST", place.path, body, dict(headers))
            with contextlib.closing(asked.getresponse()) as got:
                text = got.read(READ_BYTES).decode("utf-8", "replace")
                if late.is_set():
                    raise TimeoutError
                return Answer(got.status, "".join(c if c.isprintable() else " " for c in text).strip()[:SHOWN])
    except (OSError, http.client.HTTPException, ValueError) as exc:
        if late.is_set():
            raise TimeoutError from exc
        raise
    finally:
        watch.cancel()
