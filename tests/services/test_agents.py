"""Who looks: no preview counts as a scan, and almost no person is lost."""

from __future__ import annotations

import pytest

from tests.services.test_scanning import CHROME
from tests.services.user_agents import BROWSERS, IN_APPS, PROGRAMS
from trace.models.scans import ScanKind
from trace.services.agents import classify, in_app

SENT = {"Accept": "text/html,application/xhtml+xml", "Accept-Language": "vi-VN,vi;q=0.9"}
LOST_AT_MOST = 0.005


def test_the_corpus_is_wide_and_says_where_each_string_comes_from() -> None:
    every = [*IN_APPS, *BROWSERS, *PROGRAMS]
    assert len(every) >= 150
    assert len({agent for _source, agent in every}) == len(every)
    assert {source for source, _agent in every} == {"U", "C", "G", "D"}


def test_no_preview_or_crawler_counts_as_a_scan() -> None:
    counted = [agent for _source, agent in PROGRAMS if classify(agent, SENT) is not ScanKind.PREVIEW]
    assert counted == []


def test_hardly_a_person_is_taken_for_a_machine() -> None:
    people = [agent for _source, agent in (*IN_APPS, *BROWSERS)]
    lost = [agent for agent in people if classify(agent, SENT) is not None]
    assert len(lost) / len(people) <= LOST_AT_MOST, lost


def test_the_browser_inside_an_app_is_told_from_one_of_its_own() -> None:
    assert [agent for _source, agent in IN_APPS if not in_app(agent)] == []
    wrongly = [agent for _source, agent in BROWSERS if in_app(agent) and "; wv)" not in agent]
    assert wrongly == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch;prerender"}, {"Sec-Purpose": "prefetch"}, {"Purpose": "prefetch"}, {"X-Moz": "prefetch"},
        {"X-Purpose": "preview"}, {"Purpose": "prerender"},
    ],
)  # fmt: skip
def test_pages_fetched_ahead_of_a_tap_do_not_count(headers: dict[str, str]) -> None:
    assert classify(CHROME, SENT | headers) is ScanKind.PREVIEW


@pytest.mark.parametrize(
    ("headers", "counts"),
    [
        (SENT, True),
        ({"Accept": "text/html"}, True),
        ({"Accept": "*/*", "Accept-Language": "vi"}, True),
        ({"Accept": "*/*"}, False),
        ({}, False),
        (SENT | {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}, True),
        (SENT | {"Sec-Fetch-Dest": "image"}, False),
        (SENT | {"Sec-Fetch-Dest": "script"}, False),
    ],
    ids=["as-sent", "no-language", "takes-all", "takes-all-no-language", "nothing", "page", "picture", "script"],
)
def test_a_page_opened_by_a_person_says_what_it_takes(headers: dict[str, str], *, counts: bool) -> None:
    assert (classify(CHROME, headers) is None) is counts


def test_asking_for_the_head_alone_is_no_look() -> None:
    assert classify(CHROME, SENT, method="HEAD") is ScanKind.PREVIEW
