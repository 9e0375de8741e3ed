"""What stands on one label and where: decided once, drawn by sheets, images and printer commands alike.

Places are mm from the label's top left corner, type sizes in points. Nothing is drawn here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from labels import fonts
from labels.code import CODE_LENGTH, show
from labels.errors import CodeDoesNotFit, TextDoesNotFit
from labels.layout import Box, Inside, Layout, inside, symbol

if TYPE_CHECKING:
    from pathlib import Path

    from labels.qr import PrintedQR

SERIAL_WORD = "Số "
SAMPLE_WORD = "TEM MẪU"
HIDDEN_WORD = "Mã cào"
HIDDEN_DIGITS = 6
MM_PER_PT = 25.4 / 72

_SMALLEST_CODE_PT = 5.0
_LARGEST_CODE_PT = 10.0
_SERIAL_TO_CODE = 0.88
# The serial stands at the right; the space before it takes up what serials above 999.999.999 need more.
_WIDEST_SERIAL = "999.999.999"
_GAP_EM = 1.0
_CAPITALS_EM = 0.66
_BAND_MM = 8.0 * 1.5 * MM_PER_PT
_BAND_PT = 8.0
_SMALLEST_HIDDEN_WORD_PT = 4.5
_LEAST_SCRATCH_MM = 11.0

Cut = Literal["regular", "bold", "mono"]


@dataclass(frozen=True, slots=True)
class Words:
    """A piece of set text."""

    text: str
    cut: Cut
    size_pt: float
    x: float
    """Left end, mm."""
    baseline: float
    """Below the label's top, mm."""
    white: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """A label's symbol, texts and boxes, all of a size that fits."""

    layout: Layout
    part: Inside
    symbol: PrintedQR
    modules: int
    faces: fonts.Faces
    words: tuple[Words, ...]
    """What every label repeats."""
    band: Box | None
    """Black behind the word for a sample."""
    logo: Box | None
    scratch: Box | None
    """The box that the scratch layer covers."""
    hidden_pt: float
    code_pt: float
    serial_pt: float
    code_x: float
    foot_baseline: float

    @property
    def symbol_x(self) -> float:
        """The left edge of the first dark column."""
        return self.part.qr_x + self.symbol.quiet_mm

    @property
    def symbol_y(self) -> float:
        """The upper edge of the first dark row."""
        return self.part.qr_y + self.symbol.quiet_mm

    def serial_x(self, shown: str) -> float:
        """Where a serial with its word begins so that it ends at the label's right inset."""
        return self.part.right - self.faces.regular.width(SERIAL_WORD + shown) * self.serial_pt * MM_PER_PT

    def code(self, code: str) -> Words:
        """The code as people read it, its first sign under the symbol's first dark column."""
        return Words(show(code), "mono", self.code_pt, self.code_x, self.foot_baseline)

    def serial(self, shown: str) -> Words:
        """The serial with its word."""
        return Words(SERIAL_WORD + shown, "regular", self.serial_pt, self.serial_x(shown), self.foot_baseline)

    def hidden(self, digits: str) -> Words:
        """The hidden code in the middle of its box."""
        if self.scratch is None:
            msg = "this layout has no scratch box"
            raise ValueError(msg)
        box = self.scratch
        wide = HIDDEN_DIGITS * self.faces.mono.width("0") * self.hidden_pt * MM_PER_PT
        down = (box.height + 0.66 * self.hidden_pt * MM_PER_PT) / 2
        return Words(digits, "mono", self.hidden_pt, box.x + (box.width - wide) / 2, box.y + down)


def face_of(faces: fonts.Faces, cut: Cut) -> fonts.Face:
    """The face of a cut."""
    return {"regular": faces.regular, "bold": faces.bold, "mono": faces.mono}[cut]


def compose(
    layout: Layout, *, modules: int, lines: tuple[str, ...], sample: bool, font_path: Path | None = None
) -> Look:
    """Choose sizes and places. Raises what is wrong with layout, sizes, text or font."""
    layout.validate()
    part, printed = inside(layout), symbol(layout, modules)
    faces, lines = fonts.load(font_path), fonts.tidy(lines)
    for at, line in enumerate(lines):
        (faces.bold if at == 0 else faces.regular).require(line)
    words: list[Words] = []
    band, top, logo_box, scratch_box = None, part.text_y, part.logo, part.scratch
    if sample:
        band = Box(part.text_x, top, part.text_width, _BAND_MM)
        if _least_height(lines) + 1.2 * _BAND_MM <= part.text_height:
            top += 1.2 * _BAND_MM
        # A label that is full stays a label: on a sample the word takes the place of what a sample can do without.
        elif scratch_box:
            band, scratch_box = scratch_box, None
        elif logo_box:
            band, logo_box = logo_box, None
        else:
            raise TextDoesNotFit(over_mm=round(_least_height(lines) + 1.2 * _BAND_MM - part.text_height, 1))
        em = faces.bold.width(SAMPLE_WORD)
        size = min(_BAND_PT, 0.9 * band.width / MM_PER_PT / em, 0.75 * band.height / MM_PER_PT)
        # Ẫ rises 0.93 em: the baseline stands low in the band so that its marks stay inside.
        baseline = band.y + band.height - (band.height - 0.93 * size * MM_PER_PT) / 2
        x = band.x + (band.width - size * em * MM_PER_PT) / 2
        words.append(Words(SAMPLE_WORD, "bold", size, x, baseline, white=True))
    rows = fonts.typeset(
        lines,
        faces,
        width_pt=part.text_width / MM_PER_PT,
        height_pt=(part.text_height - (top - part.text_y)) / MM_PER_PT,
        largest_pt=layout.elements.text_pt,
    )
    words += [
        Words(row.text, "bold" if row.bold else "regular", row.size_pt, part.text_x, top + row.baseline_pt * MM_PER_PT)
        for row in rows
    ]
    scratch, hidden_pt = _scratch(part, scratch_box, faces, words)
    # The code begins under the symbol's first dark column, where the eye expects it.
    code_x = part.qr_x + printed.quiet_mm
    room = (part.right - code_x) / MM_PER_PT
    code_em = faces.mono.width(show("0" * CODE_LENGTH))
    wide = code_em + _GAP_EM + _SERIAL_TO_CODE * faces.regular.width(SERIAL_WORD + _WIDEST_SERIAL)
    code_pt = min(_LARGEST_CODE_PT, part.foot_height / MM_PER_PT, room / wide)
    if code_pt < _SMALLEST_CODE_PT:
        raise CodeDoesNotFit(over_mm=round((_SMALLEST_CODE_PT * wide - room) * MM_PER_PT, 1))
    foot = part.foot_y + part.foot_height / 2 + code_pt * _CAPITALS_EM / 2 * MM_PER_PT
    return Look(
        layout, part, printed, modules, faces, tuple(words), band, logo_box, scratch, hidden_pt,
        code_pt, code_pt * _SERIAL_TO_CODE, code_x, foot,
    )  # fmt: skip


def _least_height(lines: tuple[str, ...]) -> float:
    """What the lines take at the smallest size, mm."""
    return fonts.SMALLEST_PT * fonts.LINE_HEIGHT * len(lines) * MM_PER_PT


def _scratch(part: Inside, box: Box | None, faces: fonts.Faces, words: list[Words]) -> tuple[Box | None, float]:
    """The box to be covered, with its word before it where there is room, and the size of the digits in it."""
    if box is None:
        return None, 0.0
    size = min(6.5, box.height / MM_PER_PT * 0.55)
    wide = faces.regular.width(HIDDEN_WORD + " ") * size * MM_PER_PT
    if size >= _SMALLEST_HIDDEN_WORD_PT and part.text_width - wide >= _LEAST_SCRATCH_MM:
        words.append(Words(HIDDEN_WORD, "regular", size, box.x, box.y + (box.height + 0.66 * size * MM_PER_PT) / 2))
        box = Box(box.x + wide, box.y, min(box.width, part.text_width - wide), box.height)
    digits = HIDDEN_DIGITS * faces.mono.width("0") * MM_PER_PT
    return box, min(11.0, box.height / MM_PER_PT * 0.8, 0.86 * box.width / digits)
