"""What a camera writes along does not leave this house: the copies that are shown hold no tag, whatever the original held."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING

import pytest
from PIL import Image, PngImagePlugin

from tests.conftest import NOW
from trace.services import files

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

SECRET = "BÍ MẬT VƯỜN NHÀ TÔI"
MARK = SECRET.encode()
XMP = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description photoshop:City="{SECRET}"/></x:xmpmeta>'.encode()
# What may stand in a JPEG of ours: the picture itself, and the JFIF header that says nothing of anybody.
HARMLESS = {0xC0, 0xC2, 0xC4, 0xDA, 0xDB, 0xDD, 0xE0}


def gps() -> bytes:
    exif = Image.Exif()
    exif[0x010E], exif[0x010F], exif[0x013B] = SECRET, SECRET, SECRET
    exif.get_ifd(0x8825).update({1: "N", 2: (20.0, 51.0, 40.4), 3: "E", 4: (106.0, 41.0, 0.4), 27: MARK})
    exif.get_ifd(0x8769).update({0x9286: b"UNICODE\x00" + MARK, 0xA431: SECRET, 0x9003: "2026:06:12 05:10:00"})
    return exif.tobytes()


def drawn(fmt: str, **options: object) -> bytes:
    saved = io.BytesIO()
    Image.effect_noise((80, 60), 40).convert("RGB").save(saved, fmt, **options)
    return saved.getvalue()


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def with_segment(jpeg: bytes, marker: int, content: bytes) -> bytes:
    return jpeg[:2] + segment(marker, content) + jpeg[2:]


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def with_chunk(png: bytes, kind: bytes, content: bytes) -> bytes:
    after_header = 8 + 25
    return png[:after_header] + chunk(kind, content) + png[after_header:]


def iptc() -> bytes:
    record = b"\x1c\x02\x5a" + struct.pack(">H", len(MARK)) + MARK
    block = b"8BIM\x04\x04\x00\x00" + struct.pack(">I", len(record)) + record
    return b"Photoshop 3.0\x00" + block


def png_text() -> bytes:
    said = PngImagePlugin.PngInfo()
    said.add_text("Comment", SECRET)
    said.add_itxt("XML:com.adobe.xmp", XMP.decode())
    said.add_text("Author", SECRET, zip=True)
    return drawn("PNG", pnginfo=said)


def several_pictures() -> bytes:
    saved = io.BytesIO()
    first, second = (Image.effect_noise((60, 40), 9).convert("RGB") for _ in range(2))
    first.save(saved, "MPO", save_all=True, append_images=[second], exif=gps())
    return saved.getvalue()


TAGGED = {
    "JPEG with EXIF and GPS": drawn("JPEG", exif=gps()),
    "JPEG with XMP": drawn("JPEG", xmp=XMP),
    "JPEG with IPTC": with_segment(drawn("JPEG"), 0xED, iptc()),
    "JPEG with a comment": drawn("JPEG", comment=MARK),
    "JPEG with a colour profile": drawn("JPEG", icc_profile=b"\x00" * 128 + MARK),
    "JPEG with a maker's own segment": with_segment(drawn("JPEG"), 0xE7, b"MAKER\x00" + MARK),
    "JPEG with a thumbnail of its own": with_segment(
        drawn("JPEG"), 0xE0, b"JFXX\x00\x10" + drawn("JPEG", comment=MARK)
    ),
    "JPEG with something behind its end": drawn("JPEG") + MARK,
    "progressive JPEG with EXIF": drawn("JPEG", exif=gps(), progressive=True),
    "JPEG of several pictures with EXIF": several_pictures(),
    "PNG with eXIf": drawn("PNG", exif=gps()),
    "PNG with texts and XMP": png_text(),
    "PNG with a time": with_chunk(drawn("PNG"), b"tIME", struct.pack(">HBBBBB", 2026, 6, 12, 5, 10, 0)),
    "PNG with a private chunk": with_chunk(drawn("PNG"), b"prVt", MARK),
    "PNG with something behind its end": drawn("PNG") + MARK,
    "WebP with EXIF": drawn("WEBP", exif=gps()),
    "WebP with XMP": drawn("WEBP", xmp=XMP),
    "WebP with a colour profile": drawn("WEBP", icc_profile=b"\x00" * 128 + MARK),
    "lossless WebP with both": drawn("WEBP", exif=gps(), xmp=XMP, lossless=True),
}


def markers(jpeg: bytes) -> set[int]:
    """The markers of a JPEG up to where its picture begins, read by hand: the library is not asked about its own work."""
    found, at = set(), 2
    while jpeg[at] == 0xFF:
        found.add(jpeg[at + 1])
        if jpeg[at + 1] == 0xDA:
            return found
        at += 2 + int(struct.unpack(">H", jpeg[at + 2 : at + 4])[0])
    raise AssertionError("no JPEG")


@pytest.mark.parametrize("content", TAGGED.values(), ids=TAGGED.keys())
def test_no_tag_comes_out(session: Session, tmp_path: Path, content: bytes) -> None:
    stored = files.receive(session, tmp_path, io.BytesIO(content), name="a.jpg", at=NOW, by=None, kinds=files.IMAGES)
    place = files.copy_path(tmp_path, stored)
    assert place is not None
    copy = place.read_bytes()
    assert markers(copy) <= HARMLESS
    for told in (
        MARK,
        SECRET.encode("utf-16-le"),
        SECRET.encode("utf-16-be"),
        b"Exif",
        b"xmpmeta",
        b"8BIM",
        b"2026:06:12",
    ):
        assert told not in copy
    with Image.open(place) as shown:
        assert not shown.getexif()
        assert set(shown.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "progressive", "progression"}
        assert getattr(shown, "n_frames", 1) == 1
    assert copy.endswith(b"\xff\xd9")
    assert files.original_path(tmp_path, stored).read_bytes() == content, "the original is sealed as it came"


def test_the_corpus_is_tagged_indeed() -> None:
    compressed = {"PNG with a time"}
    for name, content in TAGGED.items():
        assert MARK in content or SECRET.encode("utf-16-le") in content or name in compressed, name
