"""A POST to an address that somebody else named: only to the open network, to the very address that was judged, and never for long."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.services.receiver import Receiver, receiving
from trace.models.api import DeliveryFault
from trace.services import outgoing

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as kept:
        yield kept


def resolving(*addresses: str) -> Any:
    """A name server that gives these addresses, one after the other with each question, the last for ever."""
    asked: list[str] = []

    def resolve(host: str, port: int, **_more: Any) -> list[Any]:
        asked.append(host)
        given = addresses[min(len(asked), len(addresses)) - 1].split()
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
            for each in given
        ]

    resolve.asked = asked  # type: ignore[attr-defined]
    return resolve


INSIDE = [
    "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255",
    "198.18.0.1", "192.0.0.8", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:7f00:1::", "2001:db8::1", "fec0::1",
    "not-an-address",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_no_address_inside_a_network_is_public(address: str) -> None:
    assert not outgoing.public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "203.162.4.190", "2606:4700:4700::1111", "2405:4800::1"])
def test_addresses_of_the_open_network_are(address: str) -> None:
    assert outgoing.public(address)


def forms(port: int) -> list[str]:
    """Ways to write an address on this machine or near it."""
    hosts = [
        "127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "[::1]", "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "[64:ff9b::7f00:1]", "0.0.0.0", "0", "[::]", "127.0.0.1.", "LOCALHOST", "localhost.localdomain",
        "169.254.169.254", "metadata.internal", "host.local",
    ]  # fmt: skip
    found = [f"{scheme}://{host}:{port}/" for host in hosts for scheme in ("http", "https")]
    return [
        *found,
        f"https://example.com@127.0.0.1:{port}/", f"https://127.0.0.1:{port}\\@example.com/", f"https://example.com#@127.0.0.1:{port}/",
        f"gopher://127.0.0.1:{port}/", "file:///etc/passwd", f"//127.0.0.1:{port}/", f"https:127.0.0.1:{port}", "https://", "", f"ftp://127.0.0.1:{port}",
        f"https://１２７.0.0.1:{port}/", f"https://127。0。0。1:{port}/", f"https://exa mple.com:{port}/", "https://example.com:22/",
        "https://example.com:99999/", "https://[::1/", "https://" + "a" * 600 + ".com/", f"https://127.0.0.1:{port}/\r\nX: y",
    ]  # fmt: skip


def test_no_way_to_write_an_address_reaches_this_machine(receiver: Receiver) -> None:
    tried = forms(receiver.port)
    for url in tried:
        with pytest.raises(outgoing.AddressRefused):
            outgoing.check(url)
        with pytest.raises(outgoing.NotSent) as refused:
            outgoing.post(url, b"{}", {}, total=1)
        assert refused.value.fault is DeliveryFault.FORBIDDEN_ADDRESS, url
    assert len(tried) > 55
    assert (receiver.connections, receiver.got) == (0, [])


@pytest.mark.parametrize("address", [each for each in INSIDE if each != "not-an-address"])
def test_a_public_name_that_leads_inside_is_not_followed(receiver: Receiver, address: str) -> None:
    for answer in (address, f"1.1.1.1 {address}", f"{address} 1.1.1.1"):
        with pytest.raises(outgoing.NotSent) as refused:
            outgoing.post("https://hook.example.com:8443/", b"{}", {}, resolve=resolving(answer), total=1)
        assert refused.value.fault is DeliveryFault.FORBIDDEN_ADDRESS
    assert receiver.connections == 0


def test_a_name_that_changes_its_mind_gains_nothing(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is asked for once, and the connection goes to the address that was judged."""
    reached: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], **_more: Any) -> Any:
        reached.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    rebinding = resolving("1.1.1.1", "127.0.0.1")
    with pytest.raises(outgoing.NotSent) as refused:
        outgoing.post("https://hook.example.com:8443/", b"{}", {}, resolve=rebinding, total=1)
    assert refused.value.fault is DeliveryFault.UNREACHABLE
    assert reached == [("1.1.1.1", 8443)]
    assert rebinding.asked == ["hook.example.com"]
    assert receiver.connections == 0


def test_this_machine_is_reached_where_the_configuration_says_so(receiver: Receiver) -> None:
    answer = outgoing.post(receiver.url, b'{"a":1}', {"Content-Type": "application/json"}, loopback=True)
    assert answer == outgoing.Answer(200, "ok")
    path, headers, body = receiver.got[0]
    assert (path, headers["content-type"], body) == ("/hook?a=1", "application/json", b'{"a":1}')
    for elsewhere in ("http://10.0.0.1/", "http://example.com/"):
        with pytest.raises(outgoing.NotSent):
            outgoing.post(elsewhere, b"", {}, loopback=True, total=1)


def test_a_redirect_is_an_answer_and_not_a_way(receiver: Receiver) -> None:
    receiver.answer = lambda: (302, {"Location": f"http://127.0.0.1:{receiver.port}/elsewhere"}, b"")
    assert outgoing.post(receiver.url, b"", {}, loopback=True).status == 302
    assert len(receiver.got) == 1


def test_of_a_long_answer_only_the_beginning_is_read(receiver: Receiver) -> None:
    receiver.answer = lambda: (200, {}, b"\x00\x1b[31m" + b"x" * 5_000_000)
    began = time.monotonic()
    answer = outgoing.post(receiver.url, b"", {}, loopback=True)
    assert len(answer.text) <= outgoing.SHOWN
    assert answer.text.isprintable()
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\nx"])
def test_an_answer_that_trickles_is_ended(said: bytes) -> None:
    """A byte every tenth of a second would keep any single reading alive for ever."""
    server = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def trickle() -> None:
        taken, _ = server.accept()
        with taken:
            taken.sendall(said)
            while not over.wait(0.1):
                try:
                    taken.sendall(b"x")
                except OSError:
                    return

    thread = threading.Thread(target=trickle, daemon=True)
    thread.start()
    began = time.monotonic()
    try:
        with pytest.raises(outgoing.NotSent) as late:
            outgoing.post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"", {}, loopback=True, total=0.6)
        assert late.value.fault is DeliveryFault.TIMEOUT
        assert time.monotonic() - began < 3
    finally:
        over.set()
        thread.join(5)
        server.close()


def test_somebody_who_speaks_no_tls_is_told_so(receiver: Receiver) -> None:
    with pytest.raises(outgoing.NotSent) as refused:
        outgoing.post(f"https://127.0.0.1:{receiver.port}/", b"", {}, loopback=True, total=2)
    assert refused.value.fault in {DeliveryFault.TLS, DeliveryFault.UNREACHABLE}
    assert receiver.got == []
