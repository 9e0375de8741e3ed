"""Files on screen."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from tests import factories
from tests.conftest import NOW
from trace.services import files

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session

    from tests.factories import World
    from trace.models.files import StoredFile


@pytest.fixture
def store(app: Flask) -> Path:
    folder: Path = app.config["TEMTHAT"].files_dir
    return folder


def kept(session: Session, store: Path, content: bytes | None = None) -> StoredFile:
    if content is None:
        drawn = io.BytesIO()
        exif = Image.Exif()
        exif[0x010E] = "NHA TOI"
        Image.new("RGB", (2000, 1000), "green").save(drawn, "JPEG", exif=exif.tobytes())
        content = drawn.getvalue()
    stored = files.receive(session, store, io.BytesIO(content), name="chứng cứ.png", at=NOW, by=None)
    session.commit()
    return stored


def test_people_on_duty_see_the_copy_and_never_the_original(
    session: Session, world: World, sign_in: Any, store: Path
) -> None:
    stored = kept(session, store)
    answer = sign_in(world.people["inspector"]).get(f"/tep/{stored.id}")
    assert answer.status_code == 200
    assert answer.mimetype == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith("inline")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert b"NHA TOI" not in answer.data
    with Image.open(io.BytesIO(answer.data)) as shown:
        assert shown.size == (1600, 800)
    answer.close()


@pytest.mark.parametrize("who", ["clerk", "manager", "custodian", "administrator", "auditor"])
def test_others_are_refused(session: Session, world: World, sign_in: Any, store: Path, who: str) -> None:
    assert sign_in(world.people[who]).get(f"/tep/{kept(session, store).id}").status_code == 403


def test_nobody_signed_in_is_sent_to_sign_in(session: Session, client: FlaskClient, store: Path) -> None:
    answer = client.get(f"/tep/{kept(session, store).id}")
    assert answer.status_code == 303
    assert "/dang-nhap" in answer.headers["Location"]


def test_a_pdf_a_lost_copy_and_an_unknown_file_are_not_found(
    session: Session, world: World, sign_in: Any, store: Path
) -> None:
    officer = sign_in(world.people["officer"])
    pdf = kept(session, store, b"%PDF-1.7\nstartxref\n0\n%%EOF\n")
    lost = kept(session, store)
    copy = files.copy_path(store, lost)
    assert copy is not None
    copy.unlink()
    for file_id in (pdf.id, lost.id, factories.some_id()):
        assert officer.get(f"/tep/{file_id}").status_code == 404
    assert officer.get("/tep/../../etc/passwd").status_code == 404
