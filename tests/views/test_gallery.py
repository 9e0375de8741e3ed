"""The gallery feeds screenshots and accessibility checks; here it also guards what a verdict may say and weigh."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import pytest

from trace.config import ROOT
from trace.views.gallery import KINDS

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient

STATIC = ROOT / "trace" / "static"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lang", ["vi", "en"])
def test_a_verdict_needs_no_script_no_cookie_and_no_other_host(client: FlaskClient, kind: str, lang: str) -> None:
    answer = client.get(f"/gallery/verdict/{kind}", headers={"Cookie": f"lang={lang}"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert "<script" not in page
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", page)
    assert len(gzip.compress(answer.data)) <= 14 * 1024


@pytest.mark.parametrize("kind", KINDS)
def test_a_verdict_never_vouches_for_the_goods(client: FlaskClient, kind: str) -> None:
    page = client.get(f"/gallery/verdict/{kind}").get_data(as_text=True).lower()
    title = re.search(r"<h1>(.*?)</h1>", page)
    assert title
    assert 'class="panel' in page
    assert "giả" not in title[1]
    assert not {phrase for phrase in ("hàng thật 100", "chính hãng", "hàng giả") if phrase in page}


@pytest.mark.parametrize("kind", ["suspected_copy", "voided", "holder_suspended", "recalled", "several"])
def test_a_stop_offers_the_report_and_nothing_to_go_on_with(client: FlaskClient, kind: str) -> None:
    page = client.get(f"/gallery/verdict/{kind}").get_data(as_text=True)
    assert 'class="panel stop"' in page
    assert 'name="answer"' not in page
    assert page.count('class="button') == 1
    assert "/report" in page


@pytest.mark.parametrize("kind", ["unknown", "not_checked", "malformed", "lot_code", "sample"])
def test_what_was_not_proved_is_not_green(client: FlaskClient, kind: str) -> None:
    page = client.get(f"/gallery/verdict/{kind}").get_data(as_text=True)
    assert 'class="panel' in page
    assert 'class="panel ok"' not in page


def test_the_components_can_all_be_seen(client: FlaskClient) -> None:
    page = client.get("/gallery").get_data(as_text=True)
    assert all(f"/gallery/verdict/{kind}" in page for kind in KINDS)
    assert 'data-label="' in page


def test_the_gallery_is_closed_outside_the_demo(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "GALLERY", False)
    assert client.get("/gallery").status_code == 404
    assert client.get("/gallery/verdict/valid").status_code == 404


def test_the_look_stays_within_its_weight() -> None:
    sheets = b"".join((STATIC / name).read_bytes() for name in ("tokens.css", "base.css", "components.css"))
    assert len(gzip.compress(sheets)) <= 10 * 1024
    assert (STATIC / "app.js").stat().st_size <= 6 * 1024
