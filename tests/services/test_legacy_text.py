"""Text from old programs is read for certain or named, never stored garbled."""

from __future__ import annotations

import unicodedata

import pytest

from trace.services import legacy_text
from trace.services.geofile_faults import TextInTcvn3, TextInVni, TextUnreadable

WORDS = ["Vùng vải thiều Thanh Hà", "Hợp tác xã Đức Chính", "cà rốt", "Nước mắm Cát Hải", "Cẩm Giàng và Cẩm Giang"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("words", WORDS)
def test_unicode_is_read_with_and_without_its_mark(words: str, encoding: str) -> None:
    assert legacy_text.decode(words.encode(encoding)) == words


@pytest.mark.parametrize("words", WORDS)
def test_taken_apart_it_is_put_together_again(words: str) -> None:
    assert legacy_text.decode(unicodedata.normalize("NFD", words).encode()) == words


def test_the_code_page_of_windows_is_read() -> None:
    apart = "".join(sign if sign in "âêôăơưđ" else unicodedata.normalize("NFD", sign) for sign in "Vung trong vai")
    assert legacy_text.decode(apart.encode("cp1258")) == "Vung trong vai"
    assert legacy_text.decode("Xa\u0303 Ha\u0300 \u0110ông".encode("cp1258")) == "Xã Hà Đông"


@pytest.mark.parametrize(
    "garbled", ["Vïng trång v¶i", "Hîp t¸c x· §øc ChÝnh", "cµ rèt", "N\u00adíc m¾m C¸t H¶i", "CÈm Giµng"]
)
def test_tcvn3_is_named_by_bytes_and_in_the_clothes_of_unicode(garbled: str) -> None:
    for sent in (garbled.encode("latin-1"), garbled.encode("utf-8")):
        with pytest.raises(TextInTcvn3):
            legacy_text.decode(sent)


@pytest.mark.parametrize("garbled", ["Vuøng troàng vaûi", "Hôïp taùc xaõ Ñöùc Chính", "Nöôùc maém Caùt Haûi"])
def test_vni_is_named(garbled: str) -> None:
    for sent in (garbled.encode("latin-1"), garbled.encode("utf-8")):
        with pytest.raises(TextInVni):
            legacy_text.decode(sent)


@pytest.mark.parametrize(
    "words", ["Hà Nam", "xã Quyết Thắng", "Vườn nhà ông Müller", "plain", "café", "Thửa số 5 – 1.250 m²"]
)
def test_what_reads_as_it_stands_is_left_alone(words: str) -> None:
    assert legacy_text.decode(words.encode()) == words


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(TextUnreadable):
        legacy_text.decode(bytes(range(128, 256)))
