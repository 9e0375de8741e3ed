"""Goods on the web: which platform an address belongs to, told by its host alone.

What must not live here: any way to fetch a page. An address that a stranger typed is never asked for anything.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from trace.models.tips import Platform

# Country ends are many (shopee.vn, shopee.co.th), so for these the name before a known end counts.
_NAMES = {
    "shopee": Platform.SHOPEE,
    "lazada": Platform.LAZADA,
    "tiktok": Platform.TIKTOK,
    "facebook": Platform.FACEBOOK,
    "sendo": Platform.SENDO,
}
_ENDS = ("com", "vn", "com.vn", "sg", "co.th", "co.id", "com.my", "ph", "tw", "com.br")
_HOSTS = {
    "shp.ee": Platform.SHOPEE,
    "lzd.co": Platform.LAZADA,
    "fb.com": Platform.FACEBOOK,
    "fb.me": Platform.FACEBOOK,
    "fb.watch": Platform.FACEBOOK,
    "m.me": Platform.FACEBOOK,
    "messenger.com": Platform.FACEBOOK,
    "zalo.me": Platform.ZALO,
    "zalo.vn": Platform.ZALO,
    "zaloapp.com": Platform.ZALO,
}
_KNOWN = _HOSTS | {f"{name}.{end}": platform for name, platform in _NAMES.items() for end in _ENDS}


def platform_of(url: str) -> Platform:
    """The platform behind an address; OTHER for any host that is not one of theirs, however much it looks like one."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return Platform.OTHER
    labels = host.split(".")
    ends = (".".join(labels[first:]) for first in range(len(labels)))
    return next((_KNOWN[end] for end in ends if end in _KNOWN), Platform.OTHER)
