"""The label typeface: finding it, measuring with it, fitting names into a column, subsetting it for a PDF.

Liberation is metric-compatible with Arial and holds every Vietnamese letter. Text is NFC throughout: composed
letters are one glyph, so nothing depends on a viewer placing marks.
"""

from __future__ import annotations

import io
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fontTools import subset as _untyped_subset
from fontTools.ttLib import TTFont

from labels.errors import FontMissing, NoGlyph, TextDoesNotFit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# fontTools.subset has no types.
_subset: Any = _untyped_subset

FOLDERS = (
    Path("/usr/share/fonts/truetype/liberation2"),
    Path("/usr/share/fonts/truetype/liberation"),
    Path("/usr/share/fonts/liberation"),
)
REGULAR, BOLD, MONO = "LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf", "LiberationMono-Bold.ttf"

SMALLEST_PT = 4.5
LARGEST_PT = 11.0
LINE_HEIGHT = 1.25
"""Under this the marks of Ẫ and the dot of ạ in the line above come too close."""
_LATER_LINES = 0.88
_STEP_PT = 0.25
_ELLIPSIS = "…"


class Face:
    """One font file, measured in em."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with TTFont(path, lazy=True) as font:
            head: Any = font["head"]
            units = head.unitsPerEm
            names: dict[int, str] = font.getBestCmap() or {}
            self._advances = {code: float(font["hmtx"][name][0] / units) for code, name in names.items()}

    def width(self, text: str) -> float:
        """Advance width in em."""
        return sum(self._advances[ord(sign)] for sign in text)

    def require(self, text: str) -> None:
        """Raise NoGlyph if the font lacks a sign of the text."""
        missing = sorted({sign for sign in text if ord(sign) not in self._advances})
        if missing:
            raise NoGlyph(characters=" ".join(missing))


@dataclass(frozen=True, slots=True)
class Row:
    """One row of set text."""

    text: str
    size_pt: float
    baseline_pt: float
    """Below the top of the column."""
    bold: bool


@dataclass(frozen=True, slots=True)
class Faces:
    """The three cuts that a label uses."""

    regular: Face
    bold: Face
    mono: Face


def load(font_path: Path | None = None) -> Faces:
    """The faces from a folder (or the folder of a file), else from where Debian puts them; FontMissing if absent."""
    if font_path is None:
        folders: Sequence[Path] = FOLDERS
    else:
        folders = [font_path if font_path.is_dir() else font_path.parent]
    for folder in folders:
        paths = [folder / name for name in (REGULAR, BOLD, MONO)]
        if all(path.is_file() for path in paths):
            return Faces(*(_face(path, path.stat().st_mtime_ns) for path in paths))
    raise FontMissing


@cache
def _face(path: Path, changed: int) -> Face:
    """A face, read once per process as long as its file is the same."""
    del changed
    return Face(path)


@lru_cache(maxsize=64)
def subset(face: Face, signs: frozenset[str]) -> Subset:
    """The subset of a face for these signs, cut once per process: the second print of an order pays nothing."""
    return Subset(face, "".join(sorted(signs)))


def tidy(lines: Iterable[str]) -> tuple[str, ...]:
    """Lines in NFC, runs of white space made one space, empty ones dropped."""
    cleaned = (" ".join(unicodedata.normalize("NFC", line).split()) for line in lines)
    return tuple(line for line in cleaned if line)


def typeset(
    lines: Sequence[str], faces: Faces, *, width_pt: float, height_pt: float, largest_pt: float = LARGEST_PT
) -> tuple[Row, ...]:
    """Set lines into a column, the first one bold and larger, the others of one size, the block centred in height.

    The largest size is taken at which every line stands in one row or two. A line that would not even at 4.5 pt
    is set at 4.5 pt and ends in an ellipsis. If that is too high, lines after the first keep to one row;
    TextDoesNotFit if still too high.
    """
    for most_rows in (2, 1):
        base = max(SMALLEST_PT, largest_pt)
        while base >= SMALLEST_PT:
            rows = _rows(lines, faces, base, width_pt, most_rows)
            if rows is not None:
                height = sum(size for _, size, _ in rows) * LINE_HEIGHT
                if height <= height_pt:
                    return _stack(rows, (height_pt - height) / 2)
            base -= _STEP_PT
    least = SMALLEST_PT * LINE_HEIGHT * len(lines)
    raise TextDoesNotFit(over_mm=round(max(least - height_pt, 0.5 * SMALLEST_PT) * 25.4 / 72, 1))


_RowSpec = tuple[str, float, bool]


def _rows(lines: Sequence[str], faces: Faces, base: float, width: float, most_rows: int) -> list[_RowSpec] | None:
    """Rows of (text, size, bold) at this base size; None if a line needs a smaller one."""
    rows: list[_RowSpec] = []
    for at, line in enumerate(lines):
        face, size, most = faces.regular, max(SMALLEST_PT, base * _LATER_LINES), most_rows
        if at == 0:
            face, size, most = faces.bold, base, 2
        parts = _broken(line, face, width / size, most)
        if parts is None:
            if _broken(line, face, width / SMALLEST_PT, most) is not None:
                return None
            size, parts = SMALLEST_PT, _cut_short(line, face, width / SMALLEST_PT, most)
        rows += [(part, size, at == 0) for part in parts]
    return rows


def _stack(rows: Sequence[_RowSpec], y: float) -> tuple[Row, ...]:
    placed = []
    for text, size, bold in rows:
        # Of the free part of a line capitals with two marks need most above them, a dot below the least.
        placed.append(Row(text, size, y + size * (LINE_HEIGHT - 0.23), bold))
        y += size * LINE_HEIGHT
    return tuple(placed)


def _broken(line: str, face: Face, room: float, most_rows: int) -> list[str] | None:
    """The line in one row, or in two; None if neither fits into `room` em.

    The second row begins with a name where it can ("Chỉ dẫn địa lý / Thanh Hà": a Vietnamese word has several syllables, and
    only before a name is it known that none is torn); else the rows are as even as they come.
    """
    if face.width(line) <= room:
        return [line]
    words = line.split(" ")
    if most_rows == 1 or len(words) == 1:
        return None
    fitting = []
    for at in range(1, len(words)):
        pair = [" ".join(words[:at]), " ".join(words[at:])]
        width = max(map(face.width, pair))
        if width <= room:
            begins_name = words[at][:1].isupper() and words[at - 1][-1:].islower()
            fitting.append((not begins_name, width, pair))
    return min(fitting)[2] if fitting else None


def _cut_short(line: str, face: Face, room: float, most_rows: int) -> list[str]:
    """As many words as fit into the first row, the rest cut with an ellipsis."""
    words, first = line.split(" "), ""
    while most_rows == 2 and words and face.width(f"{first} {words[0]}".strip()) <= room:
        first = f"{first} {words.pop(0)}".strip()
    return [part for part in (first, _cut(" ".join(words), face, room)) if part]


def _cut(text: str, face: Face, room: float) -> str:
    if face.width(text) <= room:
        return text
    while text and face.width(text + _ELLIPSIS) > room:
        text = text[:-1]
    return text.rstrip() + _ELLIPSIS


class Subset:
    """The glyphs of a face that a document uses, ready to be embedded."""

    def __init__(self, face: Face, text: str) -> None:
        options = _subset.Options(layout_features=[], hinting=False, notdef_outline=True, recalc_timestamp=False)
        # `name` tells nothing to a PDF viewer, and `post` names would only add bytes.
        options.name_IDs, options.glyph_names = [], False
        options.drop_tables += ["FFTM"]
        with TTFont(face.path, recalcTimestamp=False) as font:
            # Ligatures and kerning, which nothing in a PDF uses: to read them takes most of the time.
            for table in {"GSUB", "GPOS", "GDEF"} & set(font.keys()):
                del font[table]
            cutter = _subset.Subsetter(options)
            cutter.populate(text=text)
            cutter.subset(font)
            buffer = io.BytesIO()
            font.save(buffer)
        self.data = buffer.getvalue()
        with TTFont(io.BytesIO(self.data)) as font:
            self._read(font)

    def _read(self, font: Any) -> None:
        """`font` is a TTFont, whose tables have no types."""
        ids = font.getReverseGlyphMap()
        thousandth = 1000 / font["head"].unitsPerEm
        self.glyphs: dict[str, int] = {chr(code): ids[name] for code, name in font.getBestCmap().items()}
        self.widths: dict[int, int] = {
            ids[name]: round(advance * thousandth) for name, (advance, _) in font["hmtx"].metrics.items()
        }
        self.ascent = round(font["hhea"].ascent * thousandth)
        self.descent = round(font["hhea"].descent * thousandth)
        head = font["head"]
        self.box = tuple(round(edge * thousandth) for edge in (head.xMin, head.yMin, head.xMax, head.yMax))
        self._hex = {sign: b"%04x" % glyph for sign, glyph in self.glyphs.items()}

    def hex(self, text: str) -> bytes:
        """The text as a PDF string of glyph numbers, without its angle brackets."""
        return b"".join([self._hex[sign] for sign in text])
