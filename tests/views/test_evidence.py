"""Pages of evidence: taken in with place and device, read only after it was hashed, handed on by two, redacted, bundled."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from enforcement import bundle_check, custody, evidence
from enforcement.models import CaseBundle, CaseFile, CustodyDeed, Evidence
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from tests.services.test_videos import EICAR, Scanner, film, pdf
from trace.models.incidents import Incident, IncidentKind
from trace.services import files


@pytest.fixture
def store(app: Flask) -> Path:
    found: Path = app.config["TEMTHAT"].files_dir
    return found


@pytest.fixture
def case(session: Session, world: factories.World, store: Path) -> CaseFile:
    made = desk.case(session, world, store, photos=[desk.photo(session, store, 1)])
    session.commit()
    return made


@pytest.fixture
def officer(sign_in: Callable[[Any], FlaskClient], world: factories.World) -> FlaskClient:
    return sign_in(world.officer)


def post(client: FlaskClient, path: str, page: str, **form: Any) -> Any:
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(page).get_data(as_text=True))
    assert token
    key = f"key-{abs(hash((path, str(sorted(form.items(), key=str)))))}"
    return client.post(
        path, data={"csrf_token": token[1], "idempotency_key": key, **form}, content_type="multipart/form-data"
    )


def bring(client: FlaskClient, case: CaseFile, content: bytes, name: str = "anh.jpg", **more: str) -> Any:
    form = {"title": "Ảnh sạp", "origin": "Đội", "taken_on": "14/06/2026", **more}
    tab = f"/vu-viec/{case.id}/chung-cu"
    return post(client, tab, tab, file=(io.BytesIO(content), name), **form)


def last(session: Session) -> Evidence:
    session.expire_all()
    return session.scalars(select(Evidence).order_by(Evidence.folio.desc())).first()  # type: ignore[return-value]


def spoil(path: Path) -> None:
    path.chmod(0o640)
    path.write_bytes(path.read_bytes() + b"x")


def test_place_time_and_device_are_kept_with_the_piece(officer: FlaskClient, session: Session, case: CaseFile) -> None:
    facts = {
        "taken_time": "14:05",
        "place": "Sạp 12",
        "position": "20,8561; 106,6822",
        "accuracy": "15",
        "device": "Máy Đội 1",
    }
    assert bring(officer, case, desk.photo_bytes(40), **facts).status_code == 303
    piece = last(session)
    assert (piece.place, piece.accuracy_m, piece.device) == ("Sạp 12", 15, "Máy Đội 1")
    assert evidence.position(session, piece) == (20.8561, 106.6822)
    assert piece.taken_at.isoformat() == "2026-06-14T07:05:00+00:00"
    page = officer.get(f"/vu-viec/{case.id}/chung-cu/{piece.id}").get_data(as_text=True)
    for word in ("Sạp 12", "20,8561; 106,6822 ±15 m", "Máy Đội 1", 'data-accuracy="15"', "Mã băm khớp"):
        assert word in page


@pytest.mark.parametrize(
    ("content", "more", "word"),
    [
        (b"", {}, "rỗng"),
        (b"MZ exe", {}, "không phải ảnh, PDF hay video"),
        (film()[:-9], {}, "cắt giữa đường"),
        (desk.photo_bytes(41), {"position": "abc"}, "vĩ độ và kinh độ"),
        (desk.photo_bytes(41), {"position": "95; 106"}, "vĩ độ và kinh độ"),
        (desk.photo_bytes(41), {"accuracy": "5"}, "cả vị trí"),
        (desk.photo_bytes(41), {"taken_time": "25:00"}, "giờ và phút"),
        (desk.photo_bytes(41), {"taken_on": "14/06/2060"}, "chưa đến"),
        (desk.photo_bytes(41), {"title": ""}, "Điền"),
    ],
)
def test_what_is_wrong_is_refused_with_its_reason(
    officer: FlaskClient, session: Session, case: CaseFile, content: bytes, more: dict[str, str], word: str
) -> None:
    answer = bring(officer, case, content, **more)
    assert answer.status_code == 422
    assert word.lower() in answer.get_data(as_text=True).lower()
    assert last(session).folio == 1


def test_a_film_is_played_in_parts_and_one_look_is_one_reading(
    officer: FlaskClient, session: Session, case: CaseFile
) -> None:
    content = film(size=200_000)
    assert bring(officer, case, content, "../../phim.mp4").status_code == 303
    piece = last(session)
    assert piece.file.name == "phim.mp4"
    path = f"/vu-viec/{case.id}/chung-cu/{piece.id}/goc"
    for begin in (0, 70_000, 140_000):
        answer = officer.get(path, headers={"Range": f"bytes={begin}-{begin + 9}"}, buffered=True)
        assert (answer.status_code, answer.data) == (206, content[begin : begin + 10])
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    deeds = [step.deed for step in custody.chain(session, piece.id)]
    assert deeds == [CustodyDeed.TAKEN, CustodyDeed.FETCHED]


@pytest.mark.parametrize("part", ["goc", "toan-canh.jpg", "che"])
def test_nothing_is_served_of_an_original_that_changed(
    officer: FlaskClient, session: Session, case: CaseFile, store: Path, part: str
) -> None:
    piece = last(session)
    spoil(files.original_path(store, piece.file))
    assert officer.get(f"/vu-viec/{case.id}/chung-cu/{piece.id}/{part}").status_code == 409
    shown = officer.get(f"/vu-viec/{case.id}/chung-cu/{piece.id}").get_data(as_text=True)
    assert "không khớp" in shown
    assert "được giữ nguyên" not in shown, "nothing beside the alarm says the contrary"
    assert f"/tep/{piece.file_id}" not in shown
    session.expire_all()
    assert session.scalars(select(Incident.kind)).all() == [IncidentKind.EVIDENCE_CHANGED]
    assert "Chứng cứ không khớp" in officer.get(f"/vu-viec/{case.id}/chung-cu").get_data(as_text=True)


def test_a_copy_that_changed_is_not_shown_either(
    officer: FlaskClient, session: Session, case: CaseFile, store: Path
) -> None:
    piece = last(session)
    path = f"/tep/{piece.file_id}"
    assert officer.get(path, buffered=True).status_code == 200
    spoil(files.copy_path(store, piece.file))  # type: ignore[arg-type]
    assert officer.get(path).status_code == 409
    session.expire_all()
    assert session.scalars(select(Incident.kind)).all() == [IncidentKind.EVIDENCE_CHANGED]


def test_a_transfer_on_the_pages(
    officer: FlaskClient, session: Session, case: CaseFile, world: factories.World, sign_in: Callable[[Any], FlaskClient]
) -> None:  # fmt: skip
    piece = last(session)
    page = f"/vu-viec/{case.id}/chung-cu/{piece.id}"
    head = sign_in(world.team_head)
    assert post(officer, f"{page}/ban-giao", page, to=str(world.team_head.id), place="").status_code == 422
    assert post(officer, f"{page}/ban-giao", page, to=str(world.team_head.id), place="Kho Đội 1").status_code == 303
    assert f"bút lục 1 của {case.number}" in head.get("/trang-chinh").get_data(as_text=True)
    assert "Tôi đã nhận" in head.get(page).get_data(as_text=True)
    assert "Tôi đã nhận" not in officer.get(page).get_data(as_text=True)
    assert post(officer, f"{page}/da-nhan", page).status_code == 409
    assert post(head, f"{page}/khong-nhan", page, reason="Thiếu niêm phong").status_code == 303
    assert post(officer, f"{page}/ban-giao", page, to=str(world.team_head.id), place="Kho Đội 2").status_code == 303
    assert post(head, f"{page}/da-nhan", page, idempotency_key="nhan-that-2").status_code == 303
    session.expire_all()
    assert last(session).keeper_id == world.team_head.id
    assert custody.broken(session) == []


def test_a_redacted_copy_is_made_by_numbers_and_printed_in_place_of_the_original(
    officer: FlaskClient, session: Session, case: CaseFile
) -> None:
    piece = last(session)
    page = f"/vu-viec/{case.id}/chung-cu/{piece.id}"
    wrong = post(officer, f"{page}/che", f"{page}/che", reason="Mặt", **{"boxes-0-left": "10"})
    assert wrong.status_code == 422
    assert "đủ bốn số" in wrong.get_data(as_text=True)
    outside = {"boxes-0-left": "90", "boxes-0-top": "0", "boxes-0-width": "20", "boxes-0-height": "5"}
    assert "không nằm trên ảnh" in post(officer, f"{page}/che", f"{page}/che", reason="Mặt", **outside).get_data(
        as_text=True
    )
    good = outside | {"boxes-0-width": "9,5"}
    assert post(officer, f"{page}/che", f"{page}/che", reason="Mặt người", **good).status_code == 303
    shown = officer.get(page).get_data(as_text=True)
    assert "Mặt người" in shown
    copy = re.search(rf"{page}/ban-che/[0-9a-f-]+", shown)
    assert copy
    assert officer.get(copy[0], buffered=True).mimetype == "image/jpeg"
    sheet = officer.get(f"{page}/in").get_data(as_text=True)
    assert copy[0] in sheet
    assert "toan-canh" not in sheet


def test_a_bundle_is_asked_for_made_and_fetched(
    app: Flask, officer: FlaskClient, session: Session, case: CaseFile, world: factories.World, sign_in: Callable[[Any], FlaskClient]
) -> None:  # fmt: skip
    from enforcement import bundle, bundles

    page = f"/vu-viec/{case.id}/goi-ho-so"
    assert post(officer, page, page, reason="").status_code == 422
    assert post(officer, page, page, reason="Gửi công an", shared="y").status_code == 303
    assert "Đang lập" in officer.get(f"{page}/1").get_data(as_text=True)
    assert officer.get(f"{page}/1/tai").status_code == 404
    config = app.config["TEMTHAT"]
    asked = session.scalars(select(CaseBundle)).one()
    written = bundle.write(
        config.bundles_dir, bundle.compose(session, asked, store=config.files_dir, scanner="", at=asked.asked_at)
    )
    bundles.finish(session, asked.id, written, at=asked.asked_at)
    session.commit()
    receipt = officer.get(f"{page}/1").get_data(as_text=True)
    assert written.sums_sha256[:8] in receipt
    content = officer.get(f"{page}/1/tai", buffered=True).data
    (config.bundles_dir / "got.zip").write_bytes(content)
    assert bundle_check.check_zip(config.bundles_dir / "got.zip", written.sums_sha256) == []
    assert sign_in(world.auditor).get(f"{page}/1/tai").status_code == 403
    spoil(config.bundles_dir / f"{written.sha256}.zip")
    assert officer.get(f"{page}/1/tai").status_code == 409


def test_a_bundle_that_damaged_documents_prevent_names_them(
    officer: FlaskClient, session: Session, case: CaseFile, world: factories.World
) -> None:
    from enforcement import bundles

    made = bundles.ask(session, case.id, reason="Gửi", shared=False, by=world.officer.id, at=NOW)
    bundles.fail(session, made.id, "documents 03010001/BB-LV.pdf, 03010002/BB-LV.docx", at=NOW)
    session.commit()
    page = officer.get(f"/vu-viec/{case.id}/goi-ho-so/1").get_data(as_text=True)
    assert "03010001/BB-LV.pdf, 03010002/BB-LV.docx" in page


def test_a_virus_is_refused_and_told_and_what_was_not_scanned_waits(
    app: Flask, officer: FlaskClient, session: Session, case: CaseFile, world: factories.World,
    sign_in: Callable[[Any], FlaskClient], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from dataclasses import replace

    scanner = Scanner()
    scanner.start()
    monkeypatch.setitem(app.config, "TEMTHAT", replace(app.config["TEMTHAT"], clamd=scanner.address))
    refused = bring(officer, case, pdf(EICAR), "bien ban.pdf")
    assert refused.status_code == 422
    assert "Eicar-Test-Signature" in refused.get_data(as_text=True)
    session.expire_all()
    assert session.scalars(select(Incident.kind)).all() == [IncidentKind.EVIDENCE_INFECTED]
    monkeypatch.setitem(app.config, "TEMTHAT", replace(app.config["TEMTHAT"], clamd="tcp://127.0.0.1:1"))
    assert bring(officer, case, pdf(b"clean"), "giay to.pdf").status_code == 303
    piece = last(session)
    path = f"/vu-viec/{case.id}/chung-cu/{piece.id}"
    assert "chưa quét" in officer.get(f"/vu-viec/{case.id}/chung-cu").get_data(as_text=True)
    assert officer.get(f"{path}/goc", buffered=True).status_code == 200, "who brought it knows it already"
    assert sign_in(world.team_head).get(f"{path}/goc").status_code == 409
    scanner.ear.close()


@pytest.mark.parametrize("who", ["clerk", "inspector", "administrator", "custodian"])
def test_evidence_is_for_the_desk(
    sign_in: Callable[[Any], FlaskClient], session: Session, case: CaseFile, world: factories.World, who: str
) -> None:
    piece, client = last(session), sign_in(getattr(world, who))
    for page in ("", f"/{piece.id}", f"/{piece.id}/goc", f"/{piece.id}/in"):
        assert client.get(f"/vu-viec/{case.id}/chung-cu{page}").status_code == 403


def test_what_a_camera_of_the_public_wrote_is_not_shown(
    officer: FlaskClient, session: Session, world: factories.World, store: Path
) -> None:
    from PIL import Image

    exif, drawn = Image.Exif(), io.BytesIO()
    exif[0x0110], exif[0x0132] = "MAYRIENG", "2026:06:15 10:00:00"
    Image.new("RGB", (30, 20)).save(drawn, "JPEG", exif=exif.tobytes())
    photo = files.receive(session, store, io.BytesIO(drawn.getvalue()), name="x", at=desk.NOW, by=None)
    made = desk.case(session, world, store, photos=[photo])
    session.commit()
    piece = evidence.of_case(session, made.id)[0]
    page = officer.get(f"/vu-viec/{made.id}/chung-cu/{piece.id}").get_data(as_text=True)
    assert "2026:06:15 10:00:00" not in page
    assert "MAYRIENG" not in page
    assert "giữ kín" in page
    for part in ("goc", "toan-canh.jpg"):
        assert officer.get(f"/vu-viec/{made.id}/chung-cu/{piece.id}/{part}").status_code == 409
    redact = f"/vu-viec/{made.id}/chung-cu/{piece.id}/che"
    box = {"boxes-0-left": "0", "boxes-0-top": "0", "boxes-0-width": "9", "boxes-0-height": "9"}
    assert post(officer, redact, redact, reason="Mặt", **box).status_code == 303
    assert bring(officer, made, drawn.getvalue() + b"\n").status_code == 303
    own = last(session)
    assert "MAYRIENG" in officer.get(f"/vu-viec/{made.id}/chung-cu/{own.id}").get_data(as_text=True)
