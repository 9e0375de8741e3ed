"""Letters are handed to a real mail server: what arrives, and what is said when it does not take them."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

import pytest

from tests.mailbox import Box, box, server
from trace.services import mail

if TYPE_CHECKING:
    pass

__all__ = ["box", "server"]
AT = datetime(2026, 6, 15, 3, 0, tzinfo=UTC)


def send(url: str, *to: str) -> list[str]:
    return sorted(mail.send(
        url, sender="tem-that@temthat.test", to=to, subject="Gia hạn giấy chứng nhận", text="Đã đến hạn.\n", at=AT
    ))  # fmt: skip


def test_a_letter_arrives_as_it_was_written_and_names_none_of_its_readers(server: str, box: Box) -> None:
    assert send(server, "a@mau.test", "b@mau.test") == []
    (taken,) = box.taken
    assert taken.rcpt_tos == ["a@mau.test", "b@mau.test"]
    letter = message_from_bytes(taken.content, policy=policy.default)
    assert (letter["Subject"], letter["From"]) == ("Gia hạn giấy chứng nhận", "tem-that@temthat.test")
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter.get_content().strip() == "Đã đến hạn."
    assert b"a@mau.test" not in taken.content


def test_a_refused_reader_is_named_and_the_others_get_their_letter(server: str, box: Box) -> None:
    box.refused = {"b@mau.test"}
    assert send(server, "a@mau.test", "b@mau.test") == ["b@mau.test"]
    assert box.taken[0].rcpt_tos == ["a@mau.test"]


@pytest.mark.parametrize("url", ["smtp://127.0.0.1:1", "http://127.0.0.1:25", "smtp://", "nowhere"])
def test_a_server_that_is_not_there_is_said_so(url: str) -> None:
    with pytest.raises(mail.NotMailed):
        send(url, "a@mau.test")


def test_a_letter_that_the_server_puts_off_was_not_sent(server: str, box: Box) -> None:
    box.broken = True
    with pytest.raises(mail.NotMailed):
        send(server, "a@mau.test")
    box.broken, box.refused = False, {"a@mau.test"}
    with pytest.raises(mail.NotMailed):
        send(server, "a@mau.test")
    assert box.taken == []


def test_a_password_does_not_cross_a_net_in_clear(server: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(mail, "LOOPBACK", set())
    with pytest.raises(mail.NotMailed):
        send(server.replace("smtp://", "smtp://ai:mat-khau@"), "a@mau.test")
