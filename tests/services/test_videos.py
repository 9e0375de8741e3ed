"""Films are told from their container, whole ones only; HEIC photos are read; scanners are asked; cameras' words are read with care."""

from __future__ import annotations

import io
import socket
import struct
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import NOW
from tests.services.test_files import left_over, take
from trace.errors import TemThatError
from trace.models.files import StoredFile
from trace.services import cameras, files, imaging, unscanned, videos, viruses

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


def box(name: bytes, content: bytes = b"", *, long: bool = False) -> bytes:
    if long:
        return struct.pack(">I4sQ", 1, name, 16 + len(content)) + content
    return struct.pack(">I4s", 8 + len(content), name) + content


def film(brand: bytes = b"isom", size: int = 5000) -> bytes:
    return (
        box(b"ftyp", brand + b"\0\0\2\0")
        + box(b"moov", b"m" * 50)
        + box(b"free")
        + box(b"mdat", b"d" * size, long=True)
    )


def webm(content: bytes = b"c" * 400, *, open_end: bool = False) -> bytes:
    header = b"\x42\x86\x81\x01\x42\x82\x84webm\x42\x87\x81\x04"
    size = b"\x01" + b"\xff" * 7 if open_end else struct.pack(">Q", (1 << 56) | len(content))
    return b"\x1a\x45\xdf\xa3" + bytes([0x80 | len(header)]) + header + b"\x18\x53\x80\x67" + size + content


def heic(size: tuple[int, int] = (64, 48)) -> bytes:
    drawn, exif = io.BytesIO(), Image.Exif()
    exif[0x0110], exif[0x010E] = "iPhone 15", "VƯỜN NHÀ TÔI"
    pillow_heif.from_pillow(Image.new("RGB", size, "red")).save(drawn, exif=exif.tobytes())
    return drawn.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (film(), videos.MP4), (film(b"mp42"), videos.MP4), (film(b"qt  "), videos.QUICKTIME), (webm(), videos.WEBM),
        (webm(open_end=True), videos.WEBM),
    ],
)  # fmt: skip
def test_a_film_is_kept_as_it_came_and_has_no_copy(session: Session, tmp_path: Path, content: bytes, kind: str) -> None:
    stored = take(session, tmp_path, content, name="../../phim.exe", kinds=files.WITH_VIDEO)
    assert (stored.media_type, stored.copy_sha256, stored.name) == (kind, None, "phim.exe")
    assert files.original_path(tmp_path, stored).read_bytes() == content


@pytest.mark.parametrize(
    "content",
    [
        film()[:-1], film()[:200], box(b"ftyp", b"isom\0\0\2\0"), box(b"ftyp", b"isom") + box(b"mdat", b"x"), film(b"XXXX"),
        box(b"ftyp", b"isom") + struct.pack(">I4s", 4, b"moov"), webm()[:-5], webm().replace(b"webm", b"mkvx"), b"\x1a\x45\xdf\xa3",
        film() + b"<script>",
    ],
)  # fmt: skip
def test_what_only_begins_like_a_film_is_refused(session: Session, tmp_path: Path, content: bytes) -> None:
    with pytest.raises(files.UnknownEvidenceKind):
        take(session, tmp_path, content, kinds=files.WITH_VIDEO)
    assert left_over(tmp_path) == []


def test_films_are_for_evidence_only(session: Session, tmp_path: Path) -> None:
    with pytest.raises(files.UnknownFileKind):
        take(session, tmp_path, film())


class Endless(io.RawIOBase):
    """A film that says it is one and never ends."""

    def __init__(self, size: int) -> None:
        self.left, self.begun, self.most = size, False, 0

    def read(self, size: int = -1) -> bytes:
        self.most = max(self.most, size)
        if not self.begun:
            self.begun = True
            return film()[:64]
        size = min(size, self.left)
        self.left -= size
        return bytes(size)


def test_a_film_beyond_the_limit_is_refused_as_it_comes(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST_VIDEO_BYTES", 64 * 2**20)
    stream = Endless(10**12)
    with pytest.raises(files.VideoTooLarge):
        take_stream(session, tmp_path, stream)
    assert stream.most == 2**20, "a piece at a time"
    assert left_over(tmp_path) == []


def take_stream(session: Session, store: Path, stream: io.RawIOBase) -> StoredFile:
    return files.receive(session, store, stream, name="x", at=NOW, by=None, kinds=files.WITH_VIDEO)  # type: ignore[arg-type]


def test_a_photo_of_an_iphone_is_read_and_its_copy_tells_nothing(session: Session, tmp_path: Path) -> None:
    stored = take(session, tmp_path, heic(), name="IMG_1.HEIC", kinds=files.IMAGES)
    copy = files.copy_path(tmp_path, stored)
    assert stored.media_type == "image/heic"
    assert copy is not None
    with Image.open(copy) as shown:
        assert (shown.format, shown.size, dict(shown.getexif())) == ("JPEG", (64, 48), {})
        red, green, _blue = shown.convert("RGB").getpixel((30, 20))  # type: ignore[misc]
        assert red > 200
        assert green < 60
    assert cameras.read(files.original_path(tmp_path, stored)).camera == "iPhone 15"


@pytest.mark.parametrize(
    "content", [heic()[:300], b"\x00\x00\x00\x18ftypheic" + bytes(300), b"\x00\x00\x00\x18ftypmif1" + bytes(3)]
)
def test_a_broken_photo_of_an_iphone_is_refused(session: Session, tmp_path: Path, content: bytes) -> None:
    with pytest.raises(files.NotAnImage):
        take(session, tmp_path, content, kinds=files.IMAGES)
    assert left_over(tmp_path) == []


def test_a_photo_of_an_iphone_has_the_limit_of_others(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imaging, "MOST_PIXELS", 1000)
    monkeypatch.setattr(imaging, "small", lambda _path: pytest.fail("decoded"))
    with pytest.raises(files.TooManyPixels):
        take(session, tmp_path, heic())


@pytest.mark.parametrize(
    ("gps", "place"),
    [
        ({1: "N", 2: (20.0, 51.0, 21.96), 3: "E", 4: (106.0, 40.0, 55.92)}, (20.8561, 106.6822)),
        ({1: "S", 2: (1.0, 30.0, 0.0), 3: "W", 4: (2.0, 0.0, 0.0)}, (-1.5, -2.0)),
        ({1: "N", 2: (200.0, 0.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)}, None),
        ({1: "N"}, None),
    ],
)
def test_where_a_camera_says_it_was(tmp_path: Path, gps: dict[int, object], place: tuple[float, float] | None) -> None:
    exif, path = Image.Exif(), tmp_path / "a.jpg"
    exif[0x8825], exif[0x010F], exif[0x0132] = gps, "Hãng\x00 mẫu", "2026:06:15 10:00:00"
    Image.new("RGB", (8, 8)).save(path, exif=exif.tobytes())
    shot = cameras.read(path)
    assert (shot.place, shot.taken) == (place, "2026:06:15 10:00:00")


class Scanner(threading.Thread):
    """A clamd of a few lines on loopback."""

    def __init__(self, answer: str = "") -> None:
        super().__init__(daemon=True)
        self.answer, self.seen = answer, b""
        self.ear = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self.ear.getsockname()[1]}"

    def run(self) -> None:
        while True:
            try:
                line, _ = self.ear.accept()
            except OSError:
                return
            with line, line.makefile("rb") as file:
                assert file.read(10) == b"zINSTREAM\0"
                self.seen = b""
                while size := struct.unpack(">I", file.read(4))[0]:
                    self.seen += file.read(size)
                found = "stream: Eicar-Test-Signature FOUND" if EICAR in self.seen else "stream: OK"
                line.sendall((self.answer or found).encode() + b"\0")


@pytest.fixture
def scanner() -> Iterator[Scanner]:
    made = Scanner()
    made.start()
    yield made
    made.ear.close()


def pdf(more: bytes = b"") -> bytes:
    return b"%PDF-1.7\n" + more + b"\nstartxref\n9\n%%EOF\n"


def test_a_scanner_sees_every_byte(session: Session, tmp_path: Path, scanner: Scanner) -> None:
    content = pdf(b"x" * 700_000)
    stored = take(session, tmp_path, content, scanner=scanner.address)
    assert scanner.seen == content
    assert (stored.scanned_at, stored.virus) == (NOW, None)


def test_what_a_scanner_knows_is_refused_with_its_name(session: Session, tmp_path: Path, scanner: Scanner) -> None:
    with pytest.raises(files.FileInfected) as refused:
        take(session, tmp_path, pdf(EICAR), scanner=scanner.address)
    assert refused.value.facts == {"virus": "Eicar-Test-Signature"}
    assert left_over(tmp_path) == []
    assert factories.count(session, StoredFile) == 0


@pytest.mark.parametrize("answer", ["INSTREAM size limit exceeded. ERROR", "stream: nonsense", "", "nobody"])
def test_a_scanner_that_does_not_answer_keeps_nobody_out(session: Session, tmp_path: Path, answer: str) -> None:
    made = Scanner(answer)
    if answer:
        made.start()
    if answer in {"", "nobody"}:
        made.ear.close()
    stored = take(session, tmp_path, pdf(), scanner=made.address)
    assert stored.scanned_at is None
    made.ear.close()


def test_what_waited_is_scanned_later(session: Session, tmp_path: Path, scanner: Scanner) -> None:
    good, bad = take(session, tmp_path, pdf()), take(session, tmp_path, pdf(EICAR))
    bad.received_at = NOW + timedelta(seconds=1)
    for file in (good, bad):
        claimed = unscanned.claim(session, tmp_path, at=NOW)
        assert claimed is not None
        assert claimed.file_id == file.id, "oldest first, and nothing is claimed twice"
        unscanned.note(session, file.id, viruses.scan(scanner.address, claimed.path), at=NOW)
    assert (good.scanned_at, good.virus, bad.virus) == (NOW, None, "Eicar-Test-Signature")
    assert unscanned.claim(session, tmp_path, at=NOW + timedelta(days=9)) is None


def test_a_scanner_that_does_not_answer_costs_a_file_nothing(session: Session, tmp_path: Path) -> None:
    file = take(session, tmp_path, pdf())
    for _ in range(9):
        assert unscanned.claim(session, tmp_path, at=NOW) is not None
        assert unscanned.claim(session, tmp_path, at=NOW) is None, "somebody scans it"
        unscanned.put_back(session, file.id, at=NOW)
    assert not unscanned.unreadable(file)


def test_a_file_that_is_never_read_to_its_end_is_given_up_and_asked_about_once_a_day(
    session: Session, tmp_path: Path
) -> None:
    file, at = take(session, tmp_path, pdf()), NOW
    for _ in range(unscanned.TRIES):
        assert not unscanned.unreadable(file)
        assert unscanned.claim(session, tmp_path, at=at) is not None
        unscanned.note_given_up(session, file.id)
        at += unscanned.SOON
    assert unscanned.unreadable(file)
    assert unscanned.claim(session, tmp_path, at=at + timedelta(hours=12)) is None
    assert unscanned.claim(session, tmp_path, at=at + unscanned.RARELY) is not None
    unscanned.note(session, file.id, None, at=at)
    assert not unscanned.unreadable(file)


def test_a_scanner_may_listen_on_a_socket_of_the_machine(tmp_path: Path) -> None:
    path, file = tmp_path / "clamd.sock", tmp_path / "x"
    file.write_bytes(b"clean")
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    ear.bind(str(path))
    ear.listen(1)

    def answer() -> None:
        line, _ = ear.accept()
        with line:
            while not line.recv(65536).endswith(b"\0\0\0\0"):
                pass
            line.sendall(b"stream: OK\0")

    threading.Thread(target=answer, daemon=True).start()
    assert viruses.scan(f"unix://{path}", file) is None
    ear.close()


def test_the_errors_say_what_to_do() -> None:
    for error in (files.VideoTooLarge, files.FileInfected, files.UnknownEvidenceKind, files.FileDamaged):
        assert issubclass(error, TemThatError)
        assert error.way_out_id()
