"""Promises of the record of looks: whoever opens a picture, a redacted copy or a bundle is written down; a list shows thumbnails only."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from enforcement import bundle, bundles, cases, custody, evidence, membership, redaction
from enforcement.models import CaseFile, CustodyDeed, Evidence, Redaction
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from tests.enforcement.test_custody import by_force
from tests.services.test_videos import pdf
from tests.views.test_evidence import post
from trace import db
from trace.models.history import History
from trace.models.parties import AppUser
from trace.services import files, unscanned


@pytest.fixture
def store(app: Flask) -> Path:
    found: Path = app.config["TEMTHAT"].files_dir
    return found


@pytest.fixture
def piece(session: Session, world: factories.World, store: Path) -> Evidence:
    """A large picture that the desk brought."""
    case = desk.case(session, world, store)
    drawn = io.BytesIO()
    Image.new("RGB", (2000, 1000), "green").save(drawn, "JPEG")
    file = files.receive(session, store, io.BytesIO(drawn.getvalue()), name="x.jpg", at=NOW, by=world.officer.id)
    made = cases.add_evidence(
        session, case.id, file, title="Ảnh", origin="Đội", taken_at=NOW, store=store, by=world.officer.id, at=NOW
    )
    session.commit()
    return made


@pytest.fixture
def officer(sign_in: Callable[[Any], FlaskClient], world: factories.World) -> FlaskClient:
    return sign_in(world.officer)


def deeds(session: Session, piece: Evidence) -> list[CustodyDeed]:
    session.expire_all()
    return [step.deed for step in custody.chain(session, piece.id)]


def size(content: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(content)) as shown:
        return shown.size


def test_the_tab_shows_thumbnails_and_the_large_copy_is_a_step_of_custody_once_in_one_look(
    officer: FlaskClient, session: Session, piece: Evidence, world: factories.World, sign_in: Callable[[Any], FlaskClient]
) -> None:  # fmt: skip
    tab = officer.get(f"/vu-viec/{piece.case_id}/chung-cu").get_data(as_text=True)
    shown = re.findall(r'<img[^>]+src="(/tep/[^"]+)"', tab)
    assert shown == [f"/tep/{piece.file_id}/nho"]
    assert size(officer.get(shown[0], buffered=True).data) == (320, 160)
    assert deeds(session, piece) == [CustodyDeed.TAKEN]
    for _ in range(2):
        assert size(officer.get(f"/tep/{piece.file_id}", buffered=True).data) == (1600, 800)
    assert deeds(session, piece) == [CustodyDeed.TAKEN, CustodyDeed.VIEWED]
    head = sign_in(world.team_head)
    assert head.get(f"/vu-viec/{piece.case_id}/chung-cu/{piece.id}").status_code == 200
    assert head.get(f"/tep/{piece.file_id}", buffered=True).status_code == 200
    assert deeds(session, piece) == [CustodyDeed.TAKEN, CustodyDeed.VIEWED, CustodyDeed.VIEWED]
    assert custody.chain(session, piece.id)[-1].by == world.team_head.id


def test_a_thumbnail_is_for_those_who_may_see_the_picture(
    session: Session, piece: Evidence, world: factories.World, sign_in: Callable[[Any], FlaskClient]
) -> None:
    assert sign_in(world.inspector).get(f"/tep/{piece.file_id}/nho").status_code == 404
    assert sign_in(world.clerk).get(f"/tep/{piece.file_id}/nho").status_code == 403


def opened(session: Session, piece: Evidence) -> list[tuple[object, object]]:
    session.expire_all()
    found = session.scalars(select(History).where(History.deed == "evidence:open_copy", History.subject_id == piece.id))
    return [(each.by, each.changes["copy"]) for each in found]


def made_long_ago(session: Session) -> None:
    """What was done until now was done an hour ago."""
    by_force(session, "UPDATE history SET at = at - interval '1 hour'")
    session.commit()


def test_who_opens_a_redacted_copy_is_written_down_by_either_way_once_in_one_look(
    officer: FlaskClient, session: Session, piece: Evidence, world: factories.World, store: Path,
    sign_in: Callable[[Any], FlaskClient],
) -> None:  # fmt: skip
    made = redaction.draw(
        session, piece.case_id, piece.id, [(1, 1, 9, 9)], reason="Mặt", store=store, by=world.officer.id, at=NOW
    )
    session.commit()
    page = f"/vu-viec/{piece.case_id}/chung-cu/{piece.id}"
    assert f"/tep/{made.file_id}/nho" in officer.get(page).get_data(as_text=True)
    assert opened(session, piece) == []
    direct, head = f"{page}/ban-che/{made.id}", sign_in(world.team_head)
    before = deeds(session, piece)
    of_ours = (f"{page}/{name}" for name in ("goc", "toan-canh.jpg", "in"))
    for path in (direct, f"/tep/{made.file_id}", f"/tep/{piece.file_id}", *of_ours):
        assert officer.head(path, buffered=True).status_code == 200
    assert opened(session, piece) == [], "whoever asks what a file is like has not opened it"
    assert deeds(session, piece) == before
    for who, path in ((officer, direct), (head, f"/tep/{made.file_id}")):
        for _ in range(2):
            assert who.get(path, buffered=True, headers={"Range": "bytes=0-9"}).status_code == 206
    assert officer.get(f"/tep/{made.file_id}", buffered=True).status_code == 200
    assert opened(session, piece) == [(world.officer.id, [None, 1]), (world.team_head.id, [None, 1])], (
        "once in one look"
    )
    made_long_ago(session)
    assert officer.get(direct, buffered=True).status_code == 200
    assert len(opened(session, piece)) == 3


def test_a_copy_that_was_brought_is_handed_out_only_when_a_scanner_has_seen_it(
    app: Flask, officer: FlaskClient, session: Session, piece: Evidence, world: factories.World, store: Path,
    sign_in: Callable[[Any], FlaskClient], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setitem(app.config, "TEMTHAT", replace(app.config["TEMTHAT"], clamd="tcp://127.0.0.1:1"))
    page = f"/vu-viec/{piece.case_id}/chung-cu/{piece.id}"
    assert post(officer, f"{page}/ban-che", page, file=(io.BytesIO(pdf()), "che.pdf"), reason="Tên").status_code == 303
    made = session.scalars(select(Redaction)).one()
    head, path = sign_in(world.team_head), f"{page}/ban-che/{made.id}"
    assert head.get(path).status_code == 409
    assert officer.get(path, buffered=True).status_code == 200, "who brought it knows it already"
    unscanned.note(session, made.file_id, None, at=NOW)
    session.commit()
    assert head.get(path, buffered=True).status_code == 200
    unscanned.note(session, made.file_id, "Eicar", at=NOW)
    session.commit()
    assert [who.get(path).status_code for who in (head, officer)] == [409, 409]


def test_who_takes_a_bundle_out_stands_in_the_case_also_after_it_was_merged(
    app: Flask, session: Session, piece: Evidence, world: factories.World, sign_in: Callable[[Any], FlaskClient]
) -> None:
    from enforcement import joins

    config = app.config["TEMTHAT"]
    asked = bundles.ask(session, piece.case_id, reason="Gửi", shared=False, by=world.officer.id, at=NOW)
    written = bundle.write(
        config.bundles_dir, bundle.compose(session, asked, store=config.files_dir, scanner="", at=NOW)
    )
    bundles.finish(session, asked.id, written, at=NOW)
    session.commit()
    head = sign_in(world.team_head)
    path = f"/vu-viec/{piece.case_id}/goi-ho-so/1/tai"

    def told(case_id: Any) -> list[tuple[object, object]]:
        session.expire_all()
        events = (event for event, _ in membership.events(session, case_id) if event.deed == "fetch_bundle")
        return [(event.by, event.facts["bundle"]) for event in events]

    assert int(head.head(path, buffered=True).headers["Content-Length"]) == written.size
    assert told(piece.case_id) == [], "nothing was taken out"
    parts = [head.get(path, buffered=True, headers={"Range": f"bytes={wanted}"}) for wanted in ("0-99", "100-", "100-")]
    assert [each.status_code for each in parts] == [206] * 3
    assert parts[0].data + parts[1].data == bundles.path_of(config.bundles_dir, asked).read_bytes()
    assert told(piece.case_id) == [(world.team_head.id, 1)], "however many parts it is fetched in"
    assert head.get(f"/vu-viec/{piece.case_id}").status_code == 200
    top: CaseFile = desk.case(session, world, config.files_dir, with_law=False)
    joins.merge(session, top.id, piece.case_id, take=(), reason="Cùng sạp", by=world.officer.id, at=NOW)
    session.commit()
    assert head.get(path, buffered=True).status_code == 200
    assert told(top.id) == [(world.team_head.id, 1)], "the same look"
    made_long_ago(session)
    assert head.get(path, buffered=True).status_code == 200
    assert told(top.id) == [(world.team_head.id, 1)] * 2


def test_a_head_hands_on_the_piece_of_somebody_who_left_on_the_pages(
    session: Session, piece: Evidence, world: factories.World, sign_in: Callable[[Any], FlaskClient]
) -> None:
    page = f"/vu-viec/{piece.case_id}/chung-cu/{piece.id}"
    head, new = sign_in(world.team_head), sign_in(world.branch_head)
    form = {"to": str(world.branch_head.id), "place": "Kho", "paper": "07/BB-BG", "reason": "Nghỉ hưu"}
    assert "ban-giao-thay" not in head.get(page).get_data(as_text=True)
    assert post(head, f"{page}/ban-giao-thay", page, **form).status_code == 422
    session.execute(update(AppUser).where(AppUser.id == world.officer.id).values(closed_at=NOW))
    session.commit()
    assert "ban-giao-thay" in head.get(page).get_data(as_text=True)
    assert post(head, f"{page}/ban-giao-thay", page, **(form | {"paper": ""})).status_code == 422
    assert post(head, f"{page}/ban-giao-thay", page, **form, idempotency_key="ban-giao-thay-lan-hai").status_code == 303
    assert post(new, f"{page}/da-nhan", page).status_code == 303
    session.expire_all()
    assert evidence.get(session, piece.case_id, piece.id).keeper_id == world.branch_head.id
    assert "07/BB-BG: Nghỉ hưu" in new.get(page).get_data(as_text=True)


def test_nothing_is_open_while_a_bundle_is_hashed(
    app: Flask, officer: FlaskClient, session: Session, piece: Evidence, world: factories.World, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """Gigabytes take longer to hash than a transaction may pause."""
    config = app.config["TEMTHAT"]
    asked = bundles.ask(session, piece.case_id, reason="Gửi", shared=False, by=world.officer.id, at=NOW)
    written = bundle.write(
        config.bundles_dir, bundle.compose(session, asked, store=config.files_dir, scanner="", at=NOW)
    )
    bundles.finish(session, asked.id, written, at=NOW)
    session.commit()
    hashed, hash_of = list[bool](), evidence.hash_of

    def watched(path: Path) -> str | None:
        hashed.append(db.session().in_transaction())
        return hash_of(path)

    monkeypatch.setattr(evidence, "hash_of", watched)
    path = f"/vu-viec/{piece.case_id}/goi-ho-so/1/tai"
    assert officer.get(path, buffered=True).status_code == 200
    assert hashed == [False]
    assert officer.get(path, buffered=True, headers={"Range": "bytes=9-"}).status_code == 206
    assert hashed == [False], "a further part of what was hashed just now"


def test_a_picture_redacted_outside_is_shown_and_printed_for_it_was_drawn_anew_here(
    app: Flask, officer: FlaskClient, session: Session, piece: Evidence, sign_in: Callable[[Any], FlaskClient], world: factories.World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setitem(app.config, "TEMTHAT", replace(app.config["TEMTHAT"], clamd="tcp://127.0.0.1:1"))
    page, drawn = f"/vu-viec/{piece.case_id}/chung-cu/{piece.id}", io.BytesIO()
    Image.new("RGB", (300, 200), "black").save(drawn, "JPEG")
    brought = (io.BytesIO(drawn.getvalue()), "che.jpg")
    assert post(officer, f"{page}/ban-che", page, file=brought, reason="Mặt").status_code == 303
    made, head = session.scalars(select(Redaction)).one(), sign_in(world.team_head)
    shown = head.get(f"{page}/ban-che/{made.id}", buffered=True)
    assert (shown.status_code, "attachment" in shown.headers["Content-Disposition"]) == (200, False)
    assert f"/tep/{made.file_id}/nho" in head.get(page).get_data(as_text=True)
    sheet = head.get(f"{page}/in").get_data(as_text=True)
    assert f"{page}/ban-che/{made.id}" in sheet
    assert "toan-canh" not in sheet
