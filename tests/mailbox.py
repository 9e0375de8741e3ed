"""A real mail server on this machine, and what came into it. A test module that imports `box` and `server` has them as fixtures."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller

if TYPE_CHECKING:
    from collections.abc import Iterator


class Box:
    """What the server took, whom it refuses and whom it puts off; broken, it takes nothing for now."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.refused: set[str] = set()
        self.put_off: set[str] = set()
        self.broken = False

    # The server calls these by its own names and with all of this, however little a test needs.
    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: ARG002, N802
        """Take an address, refuse it for good or put it off."""
        if address in self.refused:
            return "550 5.1.1 no such user"
        if address in self.put_off:
            return "450 4.2.0 greylisted, try later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802
        """Take a letter, or ask for it later."""
        if self.broken:
            return "451 try later"
        self.taken.append(envelope)
        return "250 OK"

    def readers(self) -> list[str]:
        """Who got a letter, once for each that was taken."""
        return sorted(address for envelope in self.taken for address in envelope.rcpt_tos)


@pytest.fixture
def box() -> Box:
    """What comes in during a test."""
    return Box()


@pytest.fixture
def server(box: Box) -> Iterator[str]:
    """The address of a mail server on this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield f"smtp://127.0.0.1:{port}"
    controller.stop()
