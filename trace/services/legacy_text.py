"""Text from old programs: told from its bytes what it is, read if that is certain, named if it is TCVN3 or VNI.

Pure. What must not live here: which file a text comes from.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from enum import StrEnum

from trace.services import geofile_faults as faults


class Legacy(StrEnum):
    """Code pages of before Unicode (never shown)."""

    TCVN3 = "tcvn3"
    VNI = "vni"


# What each sign of a font of TCVN3 draws, as the code page of Windows names its byte.
_TCVN3 = dict(
    zip(
        "¨©ª«¬\u00ad®¡¢£¤¥¦§µ¸¶·¹»¾¼½ÆÇÊÈÉËÌÐÎÏÑÒÕÓÔÖ×ÝØÜÞßãáâäåèæçéêíëìîïóñòôõøö÷ùúýûüþ",
        "ăâêôơưđĂÂÊÔƠƯĐàáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵ",
        strict=True,
    )
)
# VNI writes the mark behind its letter.
_VNI_MARKS = {
    "ù": "\u0301", "ø": "\u0300", "û": "\u0309", "õ": "\u0303", "ï": "\u0323", "â": "\u0302", "á": "\u0302\u0301", "à": "\u0302\u0300",
    "å": "\u0302\u0309", "ã": "\u0302\u0303", "ä": "\u0302\u0323", "ê": "\u0306", "é": "\u0306\u0301", "è": "\u0306\u0300",
    "ú": "\u0306\u0309", "ü": "\u0306\u0303", "ë": "\u0306\u0323",
}  # fmt: skip
_VNI_LETTERS = {"ô": "ơ", "ö": "ư", "ñ": "đ", "æ": "ỉ", "ó": "ĩ", "ò": "ị", "î": "ỵ"}
_TONES = "\u0301\u0300\u0309\u0303\u0323"
_SYLLABLE = re.compile(
    r"(?:ngh|ng|nh|ch|gh|gi|kh|ph|qu|th|tr|[bcdđghklmnprstvx])?"
    r"(?:i[êe]u|y[êe]u|oai|oay|oeo|uay|u[âa]y|u[ôo]i|ư[ơo]i|ư[ơo]u|uyê|uya|uyu|i[êe]|iu|ia|y[êe]|ai|ao|au|ay|âu|ây|eo|êu|"
    r"oa|oă|oe|oi|oo|ôi|ơi|ua|uâ|uê|ui|uô|uơ|uy|ưa|ưi|ươ|ưu|[aăâeêioôơuưy])"
    r"(?:ch|ng|nh|[cmnpt])?"
)
_WORD = re.compile(r"[^\W\d_]+")
_CHUNK = re.compile(r"[^\s,;.:()\[\]{}\"'/\\|<>=0-9_-]+")
_ENOUGH = 0.7
_LOOKED_AT = 20_000


def decode(data: bytes, *, hint: str | None = None) -> str:
    """Bytes as NFC text. Raises `TextInTcvn3`, `TextInVni` or `TextUnreadable`; never returns garbled text knowingly.

    `hint` is the name of an encoding that the file itself gives.
    """
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return checked(_as(data, name))
    if wide := _wide(data):
        return checked(_as(data, wide))
    try:
        return checked(data.decode("utf-8"))
    except UnicodeDecodeError:
        pass
    shown = data.decode("latin-1").translate(_WINDOWS)
    if (found := legacy(shown)) is not None:
        raise _named(found, shown)
    for page in filter(None, (hint, "cp1258")):
        try:
            text = unicodedata.normalize("NFC", data.decode(page))
        except (UnicodeDecodeError, LookupError):
            continue
        if _share(_strange(text)) >= _ENOUGH:
            return checked(text)
    raise faults.TextUnreadable(sample=_sample(shown))


def checked(text: str) -> str:
    """Unicode text in NFC; raises if what it says is TCVN3 or VNI in Unicode's clothes."""
    normal = unicodedata.normalize("NFC", text)
    if (found := legacy(normal)) is not None:
        raise _named(found, normal)
    return normal


def legacy(text: str) -> Legacy | None:
    """The code page that a text was written for, if it reads as Vietnamese there and not as it stands."""
    part = text[:_LOOKED_AT]
    if part.isascii():
        return None
    chunks = [chunk for chunk in _CHUNK.findall(part) if not chunk.isascii()]
    if not chunks or any(
        "\u0102" <= sign <= "\u0103" or "\u1ea0" <= sign <= "\u1ef9" or sign in "đĐơƠưƯ" for sign in part
    ):
        return None
    here = _share(chunks)
    best: tuple[float, Legacy | None] = (max(here, _ENOUGH - 1e-9), None)
    for kind, read in ((Legacy.TCVN3, _from_tcvn3), (Legacy.VNI, _from_vni)):
        there = _share([read(chunk) for chunk in chunks])
        if there > best[0]:
            best = (there, kind)
    return best[1]


# The bytes 0x80–0x9f as Windows shows them, where a table of Latin 1 has controls.
_WINDOWS = {
    code: bytes([code]).decode("cp1252") for code in range(0x80, 0xA0) if code not in {0x81, 0x8D, 0x8F, 0x90, 0x9D}
}


def _wide(data: bytes) -> str | None:
    """UTF-16 without its mark: no other text holds zeros, and in this one they stand in every other place."""
    head = data[:4000]
    if b"\0" not in head:
        return None
    return "utf-16-be" if head[::2].count(0) > head[1::2].count(0) else "utf-16-le"


def _as(data: bytes, name: str) -> str:
    try:
        return data.decode(name)
    except UnicodeDecodeError as exc:
        raise faults.TextUnreadable(sample=_sample(data.decode("latin-1"))) from exc


def _from_tcvn3(chunk: str) -> str:
    return "".join(_TCVN3.get(sign, sign) for sign in chunk)


def _from_vni(chunk: str) -> str:
    written = list[str]()
    for sign in chunk:
        small = sign.lower()
        if small in _VNI_MARKS and written and written[-1][-1:].lower() in set("aeoyuơư"):
            written.append(_VNI_MARKS[small])
        else:
            written.append(_VNI_LETTERS.get(small, small))
    return unicodedata.normalize("NFC", "".join(written))


def _strange(text: str) -> list[str]:
    return [chunk for chunk in _CHUNK.findall(text[:_LOOKED_AT]) if not chunk.isascii()]


def _share(chunks: list[str]) -> float:
    """How many of these words are Vietnamese syllables."""
    return sum(_is_syllable(chunk) for chunk in chunks) / len(chunks) if chunks else 1.0


def _is_syllable(word: str) -> bool:
    apart = unicodedata.normalize("NFD", word.lower())
    if sum(sign in _TONES for sign in apart) > 1:
        return False
    bare = unicodedata.normalize("NFC", "".join(sign for sign in apart if sign not in _TONES))
    return _SYLLABLE.fullmatch(bare) is not None


def _named(found: Legacy, text: str) -> faults.TextInTcvn3 | faults.TextInVni:
    kind = faults.TextInTcvn3 if found is Legacy.TCVN3 else faults.TextInVni
    return kind(sample=_sample(text))


def _sample(text: str) -> str:
    """A few words that show what is wrong."""
    clean = "".join(sign if sign.isprintable() else " " for sign in text[:_LOOKED_AT].replace("\u00ad", ""))
    words = clean.split()
    first = next((number for number, word in enumerate(words) if not word.isascii()), 0)
    return " ".join(words[first : first + 4])[:60]
