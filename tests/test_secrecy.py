"""Who reported is in no page, file, letter, log, export, search or dump: one name is planted, and everything is searched for it."""

from __future__ import annotations

import gzip
import html
import io
import itertools
import re
import subprocess
import unicodedata
import zipfile
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pypdfium2
import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException

from enforcement import law, reminding
from enforcement.models import CaseFile, InformantContact, InformantOpening, Signal
from enforcement.papers import templates, units
from tests import factories
from tests.conftest import MASTER, config_for
from tests.services.test_scanning import code_of, issue
from tests.views.test_report import PHONE, Visitor
from trace import access, clock, desk_jobs, evidence_jobs
from trace.app import create_app
from trace.models.tips import Tip
from trace.services import accounts, mail
from trace.services.sheets import Format
from trace.views.export_lists import LISTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy import Engine
    from werkzeug.test import TestResponse

NAME, NUMBER = "Hoàng Thị Chim Yến", "0987 654 321"
CALLER, CALLED_FROM = "Đặng Văn Chào Mào", "0912 876 543"
TRACES = (
    "chim yen", "0987654321", "987654321", "0987 654 321", "0987.654.321", "+84987654321",
    "chao mao", "0912876543", "912876543", "0912 876 543", "0912.876.543", "+84912876543",
)  # fmt: skip
SEARCHED = "chim"  # a part of the name: pages repeat what was asked for, so the whole of it cannot be typed
WHY = "Hẹn gặp để lấy lời khai"
EACH_PAGE = 1
"""How many addresses of one page a person visits, besides those given."""


def folded(text: str) -> str:
    """Small letters without marks, so that no spelling of the name slips through."""
    plain = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return re.sub(r"\s+", " ", "".join(c for c in plain if not unicodedata.combining(c)).lower())


def texts(data: bytes) -> Iterator[str]:
    """All that can be read in a file: of archives and office files what is inside, of a PDF its words, of a picture its notes."""
    yield data.decode("utf-8", "replace")
    if data[:2] == b"\x1f\x8b":
        yield from texts(gzip.decompress(data))
    elif data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield name
                yield from texts(archive.read(name))
    elif data[:5] == b"%PDF-":
        document = pypdfium2.PdfDocument(data)
        yield str(document.get_metadata_dict())
        for page in document:
            yield page.get_textpage().get_text_bounded()
    elif data[:2] == b"\xff\xd8" or data[:8] == b"\x89PNG\r\n\x1a\n":
        with Image.open(io.BytesIO(data)) as picture:
            yield str(dict(picture.getexif())) + str(picture.info)


def leaks(data: bytes) -> list[str]:
    """The traces of the informants that a file shows."""
    return [trace for text in map(folded, texts(data)) for trace in TRACES if trace in text]


def test_the_search_for_traces_sees_them() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.txt", gzip.compress(f"gọi {NUMBER}".encode()))
    picture, notes = io.BytesIO(), Image.Exif()
    notes[0x013B] = "Hoang Thi Chim Yen"
    Image.new("RGB", (4, 4)).save(picture, "JPEG", exif=notes)
    for data in (
        NAME.upper().encode(),
        "HOÀNG  THỊ\nCHIM YẾN".encode(),
        f"cô {CALLER}".encode(),
        CALLED_FROM.encode(),
        packed.getvalue(),
        picture.getvalue(),
    ):
        assert leaks(data)
    assert not leaks("Chim én bay, gọi 0912 345 678".encode())


class City:
    """The whole system on a database of its own, with everything that it has answered so far."""

    def __init__(self, app: Flask, world: factories.World) -> None:
        self.app, self.world = app, world
        self.looked = 0
        self.found: list[str] = []
        self.seen: set[tuple[str, Format]] = set()

    def look(self, where: str, data: bytes) -> None:
        """Search one output."""
        self.looked += 1
        self.found += [f"{where}: {trace}" for trace in leaks(data)]

    def enter(self, user: Any) -> FlaskClient:
        """Somebody signed in."""
        with Session(self.app.extensions["sessionmaker"].kw["bind"]) as session:
            token = accounts.start_session(session, user, at=clock.now())
            session.commit()
        client = self.app.test_client()
        with client.session_transaction() as cookie:
            cookie["_user_id"], cookie["_fresh"] = token, True
        return client

    def post(self, client: FlaskClient, page: str, address: str, **form: Any) -> TestResponse:
        """Fill in a form of a page; whatever it answers is searched."""
        answer = client.get(page)
        text = answer.get_data(as_text=True)
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', text)
        version = re.search(r'name="version"[^>]*value="([\d.]+)"', text)
        key = f"{self.looked:032d}"
        given = {"csrf_token": token and token[1], "idempotency_key": key, "version": version and version[1]}
        sent = client.post(address, data={key: value for key, value in {**given, **form}.items() if value is not None})
        self.look(f"POST {address}", sent.get_data())
        return sent

    def walk(self, client: FlaskClient, *starts: str) -> int:
        """Follow every link that this person is shown, some of each page, and search what comes."""
        adapter = self.app.url_map.bind("temthat.test")
        waiting, seen, visits = list(starts), set(starts), dict[str, int]()
        number = 0
        while waiting:
            address = waiting.pop(0)
            given = address in starts
            path = urlsplit(address).path
            try:
                endpoint, _values = adapter.match(path, method="GET")
            except HTTPException:
                continue
            if endpoint in {"static", "accounts.sign_out"} or (not given and visits.get(endpoint, 0) >= EACH_PAGE):
                continue
            visits[endpoint] = visits.get(endpoint, 0) + (not given)
            answer = client.get(address)
            number += 1
            self.look(address, answer.get_data())
            self.look(f"{address} (head)", str(answer.headers).encode())
            page = answer.get_data(as_text=True) if answer.mimetype == "text/html" else ""
            answer.close()
            for link in re.findall(r'(?:href|src)="(/[^"#]*)', page):
                found = html.unescape(link)
                if found not in seen:
                    seen.add(found)
                    waiting.append(found)
        return number

    def take_lists(self, planted: Mapping[str, Collection[str]], names: Collection[str] = ()) -> None:
        """Take whole lists as files of each kind, as everybody, and search them. `planted`: numbers that stand in a list for all who may take it."""
        for who, (_login, _name, _party, role, *_more) in sorted(factories.PEOPLE.items()):
            client, may = self.enter(getattr(self.world, who)), access.ROLE_MAY[role]
            for name, kind in itertools.product(names or LISTS, Format):
                answer = client.get(f"/xuat/{name}.{kind.value}")
                data = answer.get_data()
                answer.close()
                allowed = LISTS[name].needs in may
                assert answer.status_code == (200 if allowed else 403), f"{who}: {name}.{kind.value}"
                self.look(f"{who}: {name}.{kind.value}", data)
                told = "".join(texts(data)) if allowed else ""
                for number in planted.get(name, ()) if allowed else ():
                    assert number in told, f"{who}: {number} is in {name}.{kind.value}, or the search shows nothing"
                    self.seen.add((name, kind))


@pytest.fixture
def city(committed: Engine, tmp_path: Path) -> City:
    app = create_app(config_for(str(committed.url), tmp_path), engine=committed, testing=True)
    with Session(committed, expire_on_commit=False) as session:
        world = factories.make_world(session, master=MASTER, at=clock.now())
        law.seed(session)
        issue(session, world)
        templates.seed(session)
        units.register(
            session, world.authority.id, unit_code="03", sub_unit_code="01", name="Đội mẫu", parent_name="Chi cục mẫu", place="Hải Phòng",
            by=world.administrator.id, at=clock.now(),
        )  # fmt: skip
        world.officer.login = "can.bo@mau.example"
        session.commit()
    return City(app, world)


def tagged_photo() -> io.BytesIO:
    """A photo whose camera knows its owner."""
    notes = Image.Exif()
    notes[0x013B], notes[0x8298], notes[0x010E] = "Hoang Thi Chim Yen", NUMBER, "Chim Yen"
    drawn = io.BytesIO()
    Image.new("RGB", (120, 90), (90, 120, 60)).save(drawn, "JPEG", exif=notes)
    drawn.seek(0)
    return drawn


def fixed(moment: datetime) -> datetime:
    """A clock that stands still."""
    return moment


def test_an_informant_is_nowhere(
    city: City,
    committed: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")  # below it the picture library tells every note of a photo; nothing here logs that deep
    world = city.world
    # Somebody reports a label, and says who they are.
    reporter = Visitor(city.app.test_client(), f"/T/{code_of(7)}/report")
    reporter.fill(contact=f"{NAME} {NUMBER}", consent="y")
    follow = reporter.send().headers["Location"]
    sent = reporter.client.post(
        follow, headers=PHONE, content_type="multipart/form-data",
        data={"idempotency_key": "7" * 32, "photo": (tagged_photo(), "anh.jpg")},
    )  # fmt: skip
    assert sent.status_code == 303, sent.get_data(as_text=True)
    with Session(committed) as session:
        tip = session.scalars(select(Tip)).one()
        assert len(tip.photos) == 1
        assert session.scalars(select(InformantContact)).one().sealed, "the contact was kept"
        signal = session.scalars(select(Signal)).one().id
        tip_id, tip_number = tip.id, tip.number

    # Somebody else calls the desk, where an officer takes it down.
    officer = city.enter(world.officer)
    today = clock.now().astimezone(clock.CITY)
    called = city.post(
        officer, "/tiep-nhan/moi/tip", "/tiep-nhan/moi/tip", channel="phone", received_on=f"{today:%d/%m/%Y}", received_time="00:00",
        reason="label_looks_wrong", body="Bán nước mắm dán tem mờ", commune="10813", place="Chợ mẫu, sạp 4",
        seen_on=f"{today - timedelta(days=1):%d/%m/%Y}", contact=f"{CALLER} {CALLED_FROM}", consent="y",
    )  # fmt: skip
    assert called.status_code == 303, called.get_data(as_text=True)
    with Session(committed) as session:
        phoned = session.scalars(select(Signal).where(Signal.record_id.is_not(None))).one()
        phoned_id, phoned_number, record_id = phoned.id, phoned.source_number, phoned.record_id
        assert factories.count(session, InformantContact, InformantContact.sealed.is_not(None)) == 2
    # Both reports stand in the list that many may take away, and neither person.
    city.take_lists({"desk-signals": (tip_number, phoned_number)})
    assert city.seen == set(itertools.product(("desk-signals",), Format))
    assert city.found == []

    # Two persons open it: the one answer that may hold it, which shows that the search sees it.
    custodian, head = city.enter(world.custodian), city.enter(world.branch_head)
    city.post(custodian, f"/nguoi-bao/{tip_id}", f"/nguoi-bao/{tip_id}", reason=WHY)
    with Session(committed) as session:
        wish = session.scalars(select(InformantOpening.id)).one()
    city.post(head, f"/nguoi-bao/{tip_id}", f"/nguoi-bao/{tip_id}/{wish}/agree")
    assert city.found == []
    city.post(custodian, f"/nguoi-bao/{tip_id}", f"/nguoi-bao/{tip_id}/{wish}/doc")
    assert city.found, "the one answer that shows the contact, and no other"
    city.found.clear()

    # The report becomes a case, which is worked.
    opened = city.post(officer, f"/hang-doi/{signal}", f"/hang-doi/{signal}/open", title="Vụ mẫu")
    assert opened.status_code == 303, opened.get_data(as_text=True)
    case = urlsplit(opened.headers["Location"]).path
    city.post(officer, case, f"{case}/nhan")
    letters: list[str] = []

    def take(_url: str, **letter: Any) -> dict[str, mail.Reply]:
        letters.append(str(letter))
        return {}

    monkeypatch.setattr(mail, "send", take)
    config = replace(city.app.config["TEMTHAT"], smtp_url="smtp://mail.example")
    for days in range(1, 8):  # one of them is worked
        morning = (clock.now() + timedelta(days=days)).astimezone(clock.CITY).replace(hour=8)
        with Session(committed) as session:
            reminding.make(session, at=morning)
            reminding.write_digests(session, at=morning)
            session.commit()
        desk_jobs.post_digests(committed, config, now=partial(fixed, morning))
    assert letters
    city.look("letters", "".join(letters).encode())
    assert city.post(officer, case, f"{case}/screen", note="Đã xem phản ánh").status_code == 303
    assert city.post(officer, case, f"{case}/ghi-chu", text="Đã hẹn gặp").status_code == 303

    # A paper is drawn up, and the file is packed.
    begun = city.post(officer, f"{case}/van-ban", f"{case}/van-ban/soan", code="PT")
    assert begun.status_code == 303
    paper = urlsplit(begun.headers["Location"]).path
    for kind in ("pdf", "docx"):
        drawn = officer.get(f"{paper}.{kind}")
        assert drawn.status_code == 200
        city.look(f"{paper}.{kind}", drawn.get_data())
    asked = city.post(officer, f"{case}/goi-ho-so", f"{case}/goi-ho-so", reason="Gửi cơ quan phối hợp")
    assert asked.status_code == 303, asked.get_data(as_text=True)
    assert evidence_jobs.make_bundle(committed, config)
    packed = officer.get(f"{urlsplit(asked.headers['Location']).path}/tai")
    assert packed.get_data()[:4] == b"PK\x03\x04"
    city.look("bundle", packed.get_data())
    packed.close()

    # Everybody looks at everything they may, and searches for a part of the name.
    pages = 0
    for role in sorted(factories.PEOPLE):
        client = city.enter(getattr(world, role))
        pages += city.walk(
            client, "/trang-chinh", case, f"/hang-doi/{signal}", f"/hang-doi/{phoned_id}", f"/tiep-nhan/{record_id}", f"/hang-doi?q={SEARCHED}", f"/vu-viec?q={SEARCHED}",
            f"/nguoi-bao?number={tip_number}", f"/tim?q={SEARCHED}",
        )  # fmt: skip
    pages += city.walk(city.app.test_client(), "/", follow, f"/T/{code_of(7)}", f"/tra-cuu?q={SEARCHED}", "/api")
    assert pages > 300

    with Session(committed) as session:
        case_number = session.scalars(select(CaseFile.number)).one()
    city.take_lists({"desk-signals": (phoned_number,), "desk-cases": (case_number,)}, ("desk-signals", "desk-cases"))
    assert city.seen == set(itertools.product(("desk-signals", "desk-cases"), Format))

    # What lies on the disk: everything but the sealed originals, which only evidence may show.
    for path in tmp_path.rglob("*"):
        if path.is_file() and "originals" not in path.parts:
            city.look(str(path.relative_to(tmp_path)), path.read_bytes())
            city.look("the name of a file", str(path).encode())
    # What the logs said, and what a backup holds: nothing in clear, not even in the schema of the informants.
    written = capfd.readouterr()
    city.look("log", (written.out + written.err + caplog.text).encode())
    url = committed.url
    for only in ("--exclude-schema=informant", "--schema=informant"):
        command = ["pg_dump", "-h", str(url.query.get("host") or url.host), "-d", str(url.database), only]
        if url.username:
            command += ["-U", url.username]
        dump = subprocess.run(command, capture_output=True, check=True).stdout
        assert len(dump) > 10_000 or "informant" in only
        city.look(f"dump {only}", dump)
    assert city.found == []
