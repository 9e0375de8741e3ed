"""Who asks for a page: a person with a browser, or a program that looks ahead, draws a preview, or crawls.

What programs say of themselves comes first, then how they behave. The strings this was tried on stand in tests/services/user_agents.py.
What must not live here: what is recorded (`scanning`), and any list of addresses, which go out of date in silence.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from trace.models.scans import ScanKind

if TYPE_CHECKING:
    from collections.abc import Mapping

# All three are matched against small letters.
# Every browser that people hold begins like this; libraries, command lines and the plain fetches of apps do not.
_BROWSER = re.compile(
    r"mozilla/[45]\.0.|opera/\d|ucweb/|nokia|samsung|sec-|sonyericsson|lg[-/]|blackberry|mot-|zte|alcatel|htc|huawei|itel|philips|"
    r"qwantmobile/"
)

# Robots name themselves or the page about them. "cubot" is a make of telephone, and the names of Zalo, Pinterest, Naver or Daum alone
# are the browsers inside those apps: people hold all of these.
_ROBOTS = re.compile(
    r"https?://|\+mailto:|(?<!cu)bot\b|bot[/;)-]|bot_\w*/|crawl|spider|slurp|archiver|\(compatible;(?! ?msie [\d.]+;| ?konqueror)|"
    r"externalhit|meta-external|facebookcatalog|facebot|(uri|link|bing|url|microsoft|site|message|zalo)-? ?preview|preview/|"
    r"zalo-?(share|crawler)|embedly|unfurl|scraper|iframely|bluesky|daumoa?[/ ]|kakaotalk-scrap|line-poker|"
    r"google-|googleother|googleimageproxy|googleproducer|mediapartners|chatgpt-user|-searchbot|claude-|perplexity|anthropic|mistralai|"
    r"headless|phantomjs|lighthouse|pagespeed|gtmetrix|ptst/|jsdom|puppeteer|playwright|selenium|cypress|"
    r"pingdom|uptime|statuscake|site24x7|newrelic|datadog|nagios|zabbix|freshping|hetrixtools|synthetic|"
    r"okhttp|curl/|wget|python|libwww|httrack|nikto|sqlmap|nmap|zgrab|masscan|censys|expanse|netcraft|qualys|link ?check"
)

_AHEAD_OF_TIME = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
HEADERS = (*_AHEAD_OF_TIME, "Accept", "Accept-Language", "Sec-Fetch-Dest")
"""Every header that `classify` looks at."""
USUAL = 512
"""Longer than this no honest browser describes itself."""
_AHEAD = ("prefetch", "preview", "prerender")
_PAGE = frozenset({"", "document", "iframe", "frame", "empty"})

_IN_APP = re.compile(
    r"zalo|fban/|fbav/|fb_iab|\[fb|instagram|musical_ly|trill_|bytedancewebview|tiktok|micromessenger|\bline/|\bviber\b|snapchat|"
    r"kakao|naver\(|daumapps|pinterest|twitter for|linkedinapp|telegram-android|gsa/|alipayclient|; wv\)"
)


def classify(user_agent: str, headers: Mapping[str, str], *, method: str = "GET") -> ScanKind | None:
    """`PREVIEW` for what looks without a person: robots that draw link previews, pages loaded ahead, HEAD. None for people.

    `headers` as sent; names as they are usually written.
    """
    if method == "HEAD" or not _known(user_agent)[0]:
        return ScanKind.PREVIEW
    for name in _AHEAD_OF_TIME:
        said = headers.get(name)
        if said and any(word in said.lower() for word in _AHEAD):
            return ScanKind.PREVIEW
    # No browser opens a page without saying what it takes and in which language, nor as if it were a picture.
    if headers.get("Accept", "*/*") == "*/*" and not headers.get("Accept-Language"):
        return ScanKind.PREVIEW
    return None if headers.get("Sec-Fetch-Dest", "").lower() in _PAGE else ScanKind.PREVIEW


def in_app(user_agent: str) -> bool:
    """Whether the browser is one inside another app, such as the scanner of Zalo."""
    return _known(user_agent)[1]


def _known(user_agent: str) -> tuple[bool, bool]:
    """Whether it is a browser in somebody's hand, and whether one inside another app."""
    return _remembered(user_agent) if len(user_agent) <= USUAL else _judged(user_agent)


def _judged(user_agent: str) -> tuple[bool, bool]:
    small = user_agent.lower()
    held = _BROWSER.match(small) is not None and _ROBOTS.search(small) is None
    return held, _IN_APP.search(small) is not None


# A few thousand kinds of phone ask nearly all there is to ask, and to judge one takes longer than the rest of an answer. What is
# remembered is a kind of phone, which thousands share: it stays in memory, beside no address and no label.
_remembered = lru_cache(4096)(_judged)
