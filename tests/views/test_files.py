"""Files on screen."""

from __future__ import annotations

import io
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from enforcement import cases
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from trace.services import files

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session

    from tests.factories import World
    from trace.models.files import StoredFile


@pytest.fixture
def store(app: Flask) -> Path:
    folder: Path = app.config["TEMTHAT"].files_dir
    return folder


def kept(session: Session, store: Path, content: bytes | None = None, inspector: UUID | None = None) -> StoredFile:
    if content is None:
        drawn = io.BytesIO()
        exif = Image.Exif()
        exif[0x010E] = "NHA TOI"
        Image.new("RGB", (2000, 1000), "green").save(drawn, "JPEG", exif=exif.tobytes())
        content = drawn.getvalue()
    stored = files.receive(session, store, io.BytesIO(content), name="chứng cứ.png", at=NOW, by=None)
    if inspector is not None:
        desk.observation(session, inspector, photos=[stored])
    session.commit()
    return stored


def test_people_on_duty_see_the_copy_and_never_the_original(
    session: Session, world: World, sign_in: Any, store: Path
) -> None:
    stored = kept(session, store, inspector=world.people["inspector"].id)
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


def test_a_file_opens_to_those_who_may_read_the_record_it_belongs_to(
    session: Session, world: World, sign_in: Any, store: Path
) -> None:
    of_report, of_nothing = desk.photo(session, store, 1), desk.photo(session, store, 2)
    of_observation = desk.photo(session, store, 3)
    desk.tip(session, photos=[of_report])
    desk.observation(session, world.people["inspector"].id, photos=[of_observation])
    case = desk.case(session, world, store)
    of_case = desk.photo(session, store, 4)
    cases.add_evidence(
        session, case.id, of_case, title="Hóa đơn", origin="Chủ hàng", taken_at=NOW, store=store, by=world.officer.id, at=NOW
    )  # fmt: skip
    session.commit()

    def opens(who: str) -> list[bool]:
        seen, files_of = [], sign_in(world.people[who])
        for file in (of_report, of_observation, of_case, of_nothing):
            with closing(files_of.get(f"/tep/{file.id}")) as answer:
                seen.append(answer.status_code == 200)
        return seen

    assert opens("inspector") == [False, True, False, False]
    assert opens("officer") == [True, True, True, False]


def test_nobody_signed_in_is_sent_to_sign_in(session: Session, client: FlaskClient, store: Path) -> None:
    answer = client.get(f"/tep/{kept(session, store).id}")
    assert answer.status_code == 303
    assert "/dang-nhap" in answer.headers["Location"]


def test_a_pdf_and_an_unknown_file_are_not_found_and_a_lost_copy_is_a_damage(
    session: Session, world: World, sign_in: Any, store: Path
) -> None:
    officer = sign_in(world.people["officer"])
    pdf = kept(session, store, b"%PDF-1.7\nstartxref\n0\n%%EOF\n", world.people["inspector"].id)
    lost = kept(session, store, inspector=world.people["inspector"].id)
    copy = files.copy_path(store, lost)
    assert copy is not None
    copy.unlink()
    for file_id in (pdf.id, factories.some_id()):
        assert officer.get(f"/tep/{file_id}").status_code == 404
    assert officer.get(f"/tep/{lost.id}").status_code == 409, (
        "a copy that was drawn and is gone is a damage, not nothing"
    )
    assert officer.get("/tep/../../etc/passwd").status_code == 404
