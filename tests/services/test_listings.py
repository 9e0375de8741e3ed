"""Which platform an address belongs to: by its host alone, and never by a look-alike."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from trace.models.tips import Platform
from trace.services.listings import platform_of

KNOWN = {
    "https://shopee.vn/Vai-thieu-i.1.2": Platform.SHOPEE,
    "https://vn.shp.ee/abc": Platform.SHOPEE,
    "https://www.lazada.vn/products/x.html": Platform.LAZADA,
    "https://s.lazada.vn/s.x": Platform.LAZADA,
    "https://vt.tiktok.com/ZS/": Platform.TIKTOK,
    "https://shop.tiktok.com/view/product/1": Platform.TIKTOK,
    "HTTPS://M.FACEBOOK.COM/groups/1": Platform.FACEBOOK,
    "https://fb.watch/x": Platform.FACEBOOK,
    "https://zalo.me/g/abc": Platform.ZALO,
    "https://www.sendo.vn/vai.html": Platform.SENDO,
    "https://shopee.vn.:443/x": Platform.SHOPEE,
}
OTHERS = [
    "https://shopee.vn.evil.com/x", "https://evil-shopee.vn/", "https://example.com/?u=shopee.vn", "https://shopee.vn@evil.com/",
    "https://xn--shope-fsa.vn/", "http://127.0.0.1/", "http://[::1]/", "http://169.254.169.254/latest", "http://[", "https://",
]  # fmt: skip


@pytest.mark.parametrize(("url", "platform"), KNOWN.items())
def test_a_platform_is_known_by_its_host(url: str, platform: Platform) -> None:
    assert platform_of(url) is platform


@pytest.mark.parametrize("url", OTHERS)
def test_what_only_looks_like_a_platform_is_another_site(url: str) -> None:
    assert platform_of(url) is Platform.OTHER


def test_no_address_is_ever_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any, **_more: Any) -> Any:
        raise AssertionError("somebody asked the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    for url in [*KNOWN, *OTHERS]:
        platform_of(url)
