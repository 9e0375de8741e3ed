"""Where labels stand on paper: sheets, rolls, press pages, the presets, and the inside of one label.

Pure geometry in mm, origin top left, y downwards, label by label in rows. Nothing is drawn here; how a layout is
kept as JSON is the business of `labels.layout_data`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from labels.errors import (
    BadLayout,
    BadSkip,
    DoesNotFit,
    LabelError,
    LogoDoesNotFit,
    QRDoesNotFit,
    QuietZoneTooNarrow,
    ScratchDoesNotFit,
    TooHigh,
    TooSmall,
    TooWide,
)
from labels.qr import QUIET_MODULES, PrintedQR, printed_size

if TYPE_CHECKING:
    from collections.abc import Iterator

Paper = Literal["A4", "A5", "Letter"]
PAPERS: dict[Paper, tuple[float, float]] = {"A4": (210.0, 297.0), "A5": (148.0, 210.0), "Letter": (215.9, 279.4)}
Ink = Literal["colour", "one_colour"]
Printer = Literal["203", "300", "600", "offset"]
LABEL_LEVELS: tuple[Literal["M", "Q"], ...] = ("M", "Q")
USUAL_MODULES = 29
"""Version 3: what the address of a city's host takes, with a GTIN or without."""
LARGEST_TEXT_PT = 11.0
LARGE_TEXT_PT = 15.0
"""On labels of ten centimetres, where the usual size would be lost."""
MOST_ACROSS = 4

# Papers and cutting vary more than this; without it 3 × 70 mm on 210 mm could fail on a rounding error.
_TOLERANCE_MM = 0.01
# A column narrower than this holds no name of a product at a size that can be read.
SMALLEST_TEXT_MM = 12.0
# Laser printers leave up to 4.2 mm along the edges of the paper white.
_EDGE_MM = 4.2
# Four modules of the smallest size; the square for the symbol has at least this much white on every side.
_LEAST_QUIET_MM = 1.5
# The code stands in the middle of the foot; under the tail of its Q that much is left free.
_BELOW_CODE_MM = 0.1
# A logo goes beside the text when the text keeps this much, else above it.
_TEXT_BESIDE_LOGO_MM = 20.0
# Logo and scratch box must leave the name of the product one line.
_LEAST_TEXT_HEIGHT_MM = 2.4
_BETWEEN_MM = 0.8
_SCRATCH_WIDTH_MM = 22.0
# Corner marks of a press page stand outside the bleed, in a strip of their own.
_SLUG_MM = 5.0


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a label, mm from its top left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Elements:
    """What stands on a label and how it is to be printed, the same for sheets, rolls and presses."""

    level: Literal["M", "Q"] = "M"
    """Error correction of the symbol."""
    quiet_modules: int = QUIET_MODULES
    text_pt: float = LARGEST_TEXT_PT
    """Size of the first line at most; it is set smaller where it would not fit."""
    logo_width_mm: float = 0.0
    logo_height_mm: float = 0.0
    """The box into which the logo of the sign is fitted; 0 for none."""
    hidden_code: bool = False
    """A box with the hidden code, to be covered by a scratch layer."""
    ink: Ink = "colour"
    printer: Printer = "300"
    """Resolution that modules are snapped to. Whole dots at 300 dpi are whole dots at 600 and 1200 too."""

    @property
    def dpi(self) -> int | None:
        """None for offset, which knows no dots that matter."""
        return None if self.printer == "offset" else int(self.printer)


@dataclass(frozen=True, slots=True)
class Inside:
    """The parts of one label, mm from its top left corner."""

    qr_x: float
    qr_y: float
    qr_mm: float
    """Side of the square for the symbol with its quiet zone."""
    text_x: float
    text_y: float
    text_width: float
    text_height: float
    foot_y: float
    """Top of the strip for code and serial, which runs along the whole foot of the label."""
    foot_height: float
    right: float
    """Where the foot ends at the right, and the text where no logo stands beside it."""
    logo: Box | None = None
    scratch: Box | None = None


@dataclass(frozen=True, slots=True)
class SheetLayout:
    """A sheet of labels in columns and rows."""

    name: str
    paper: Paper
    columns: int
    rows: int
    label_width_mm: float
    label_height_mm: float
    margin_left_mm: float
    margin_top_mm: float
    gutter_x_mm: float
    gutter_y_mm: float
    qr_mm: float
    """Side of the square for the symbol with its quiet zone."""
    skip: int = 0
    """Positions already used on the first sheet."""
    cut_marks: bool = False
    elements: Elements = Elements()

    @property
    def page_mm(self) -> tuple[float, float]:
        return PAPERS[self.paper]

    @property
    def cells(self) -> int:
        """Labels on one sheet."""
        return self.columns * self.rows

    def validate(self) -> None:
        """Raise a DoesNotFit that says by how many mm, BadLayout or BadSkip; return if all is well."""
        _raise_first(self)

    def positions(self) -> tuple[tuple[float, float], ...]:
        """Top left corner of each label, along the rows."""
        return tuple(
            (
                self.margin_left_mm + column * (self.label_width_mm + self.gutter_x_mm),
                self.margin_top_mm + row * (self.label_height_mm + self.gutter_y_mm),
            )
            for row in range(self.rows)
            for column in range(self.columns)
        )


@dataclass(frozen=True, slots=True)
class RollLayout:
    """A roll with one to four labels across; every row of labels is a page of its own."""

    name: str
    label_width_mm: float
    label_height_mm: float
    across: int = 1
    gutter_x_mm: float = 2.0
    margin_left_mm: float = 0.0
    qr_mm: float = 18.0
    skip: int = 0
    """Labels already used in the first row."""
    cut_marks: bool = False
    elements: Elements = Elements()

    @property
    def page_mm(self) -> tuple[float, float]:
        width = 2 * self.margin_left_mm + _run(self.across, self.label_width_mm, self.gutter_x_mm)
        return width, self.label_height_mm

    @property
    def cells(self) -> int:
        """Labels in one row."""
        return self.across

    def validate(self) -> None:
        """As SheetLayout.validate."""
        _raise_first(self)

    def positions(self) -> tuple[tuple[float, float], ...]:
        """Top left corner of each label of a row."""
        pitch = self.label_width_mm + self.gutter_x_mm
        return tuple((self.margin_left_mm + place * pitch, 0.0) for place in range(self.across))


@dataclass(frozen=True, slots=True)
class PressLayout:
    """One label to a page, with bleed around it, for presses that take variable data as PDF pages."""

    name: str
    label_width_mm: float
    label_height_mm: float
    qr_mm: float = 18.0
    bleed_mm: float = 2.0
    cut_marks: bool = True
    elements: Elements = Elements(printer="offset")

    @property
    def skip(self) -> int:
        """A press has no page begun before."""
        return 0

    @property
    def cells(self) -> int:
        """Labels on one page."""
        return 1

    @property
    def around_mm(self) -> float:
        """From the page's edge to the label's: the bleed, and the strip for the corner marks."""
        return self.bleed_mm + (_SLUG_MM if self.cut_marks else 0.0)

    @property
    def page_mm(self) -> tuple[float, float]:
        return self.label_width_mm + 2 * self.around_mm, self.label_height_mm + 2 * self.around_mm

    def validate(self) -> None:
        """As SheetLayout.validate."""
        _raise_first(self)

    def positions(self) -> tuple[tuple[float, float], ...]:
        """Top left corner of the one label."""
        return ((self.around_mm, self.around_mm),)


Layout = SheetLayout | RollLayout | PressLayout


def check(layout: Layout, *, modules: int = USUAL_MODULES) -> list[LabelError]:
    """All that is wrong with a layout, with the symbol of `modules` a side that it is to carry."""
    if faults := list(_nonsense(layout)):
        return faults
    faults += _paper_faults(layout)
    faults += _arrange(layout)[1]
    if layout.elements.quiet_modules < QUIET_MODULES:
        faults.append(QuietZoneTooNarrow(least=QUIET_MODULES, modules=layout.elements.quiet_modules))
    try:
        symbol(layout, modules)
    except TooSmall as fault:
        faults.append(fault)
    return faults


def symbol(layout: Layout, modules: int) -> PrintedQR:
    """How large a symbol of n modules comes out on this layout's printer; TooSmall names the size that works."""
    elements = layout.elements
    return printed_size(
        modules, size_mm=layout.qr_mm, dpi=elements.dpi, quiet=max(QUIET_MODULES, elements.quiet_modules)
    )


def inside(layout: Layout) -> Inside:
    """Lay out one label: symbol at the left, text at its right, code and serial along the foot."""
    part, faults = _arrange(layout)
    if faults:
        raise faults[0]
    return part


def with_skip(layout: Layout, skip: int) -> Layout:
    """The same layout, beginning after `skip` positions."""
    if isinstance(layout, PressLayout):
        if skip:
            raise BadSkip(cells=layout.cells)
        return layout
    return replace(layout, skip=skip)


def _arrange(layout: Layout) -> tuple[Inside, list[LabelError]]:
    """The parts, and every reason why they do not fit."""
    faults: list[LabelError] = []
    width, height = layout.label_width_mm, layout.label_height_mm
    # Small labels cannot spare more; on large ones the inset keeps text out of reach of a cutter that drifts.
    inset, foot = (1.0, 2.6) if height < 25 else (2.0, 4.0)
    left, top, right, bottom = _unprintable(layout)
    # The quiet zone is itself blank, so the symbol's square may go nearer to the edge than text may.
    qr_x = max(inset / 2, left - _LEAST_QUIET_MM)
    qr_y = max(inset / 2, top - _LEAST_QUIET_MM)
    foot_y = height - max(inset / 2, bottom - _BELOW_CODE_MM) - foot
    spare = foot_y - qr_y - layout.qr_mm
    if spare < -_TOLERANCE_MM:
        faults.append(QRDoesNotFit(over_mm=round(-spare, 2)))
    text_x, text_y = qr_x + layout.qr_mm + 0.5, max(inset, top)
    end = width - max(inset, right)
    text_width, text_height = end - text_x, foot_y - 0.4 - text_y
    if text_width < SMALLEST_TEXT_MM:
        faults.append(QRDoesNotFit(over_mm=round(SMALLEST_TEXT_MM - text_width, 2)))
    # What the symbol leaves free is shared above and below it, so that it does not cling to the upper edge.
    qr_y += max(0.0, spare) / 2
    scratch = logo = None
    if layout.elements.hidden_code:
        tall = 3.6 if height < 25 else 5.0
        text_height -= tall + _BETWEEN_MM
        scratch = Box(text_x, text_y + text_height + _BETWEEN_MM, min(_SCRATCH_WIDTH_MM, text_width), tall)
        if text_height < _LEAST_TEXT_HEIGHT_MM:
            faults.append(ScratchDoesNotFit(over_mm=round(_LEAST_TEXT_HEIGHT_MM - text_height, 2)))
    wide, tall = layout.elements.logo_width_mm, layout.elements.logo_height_mm
    if wide:
        beside = text_width - wide - _BETWEEN_MM >= _TEXT_BESIDE_LOGO_MM
        room = text_height if beside else text_height - _BETWEEN_MM - _LEAST_TEXT_HEIGHT_MM
        over = max(tall - room, wide - text_width)
        if over > _TOLERANCE_MM:
            faults.append(LogoDoesNotFit(over_mm=round(over, 2)))
        if beside:
            logo = Box(end - wide, text_y, wide, tall)
            text_width -= wide + _BETWEEN_MM
        else:
            logo = Box(text_x, text_y, wide, tall)
            text_y += tall + _BETWEEN_MM
            text_height -= tall + _BETWEEN_MM
    part = Inside(qr_x, qr_y, layout.qr_mm, text_x, text_y, text_width, text_height, foot_y, foot, end, logo, scratch)
    return part, faults


def _unprintable(layout: Layout) -> tuple[float, float, float, float]:
    """How far the strip along the paper's edges that office printers leave white reaches into a label.

    Left, top, right, bottom. Labels that touch the paper's edge are laid out for it, and the others like them.
    """
    if not isinstance(layout, SheetLayout):
        return 0.0, 0.0, 0.0, 0.0
    width, height = layout.page_mm
    left, top = layout.margin_left_mm, layout.margin_top_mm
    right = width - left - _run(layout.columns, layout.label_width_mm, layout.gutter_x_mm)
    bottom = height - top - _run(layout.rows, layout.label_height_mm, layout.gutter_y_mm)
    # Labels that run over the paper are a fault of their own, not one of what stands inside them.
    return _EDGE_MM - left, _EDGE_MM - top, _EDGE_MM - max(0.0, right), _EDGE_MM - max(0.0, bottom)


def _run(count: int, size: float, gap: float) -> float:
    return count * size + (count - 1) * gap


def _raise_first(layout: Layout) -> None:
    for faults in (_nonsense(layout), _paper_faults(layout), _arrange(layout)[1]):
        for fault in faults:
            raise fault


def _nonsense(layout: Layout) -> Iterator[LabelError]:
    """Sizes of which no geometry can be made."""
    logo = (layout.elements.logo_width_mm, layout.elements.logo_height_mm)
    above = [layout.label_width_mm, layout.label_height_mm, layout.qr_mm, layout.cells, layout.elements.text_pt]
    not_below = [*logo]
    if isinstance(layout, SheetLayout):
        above += [layout.columns, layout.rows]
        not_below += [layout.gutter_x_mm, layout.gutter_y_mm, layout.margin_left_mm, layout.margin_top_mm]
    elif isinstance(layout, RollLayout):
        above.append(MOST_ACROSS + 1 - layout.across)
        not_below += [layout.gutter_x_mm, layout.margin_left_mm]
    else:
        not_below.append(layout.bleed_mm)
    if min(above) <= 0 or min(not_below) < 0 or (logo[0] == 0) is not (logo[1] == 0):
        yield BadLayout()


def _paper_faults(layout: Layout) -> Iterator[LabelError]:
    if isinstance(layout, SheetLayout):
        width, height = layout.page_mm
        over = layout.margin_left_mm + _run(layout.columns, layout.label_width_mm, layout.gutter_x_mm) - width
        if over > _TOLERANCE_MM:
            yield TooWide(over_mm=round(over, 2))
        over = layout.margin_top_mm + _run(layout.rows, layout.label_height_mm, layout.gutter_y_mm) - height
        if over > _TOLERANCE_MM:
            yield TooHigh(over_mm=round(over, 2))
    if not 0 <= layout.skip < layout.cells:
        yield BadSkip(cells=layout.cells)


_AT_203 = Elements(printer="203")

# By count and size, not by maker: the same cuts are sold under many names.
PRESETS: dict[str, SheetLayout] = {
    preset.name: preset
    for preset in (
        SheetLayout("a4-24", "A4", 3, 8, 70.0, 37.0, 0.0, 0.5, 0.0, 0.0, qr_mm=25.1),
        SheetLayout("a4-40", "A4", 4, 10, 52.5, 29.7, 0.0, 0.0, 0.0, 0.0, qr_mm=18.9),
        SheetLayout("a4-65", "A4", 5, 13, 38.1, 21.2, 4.75, 10.7, 2.5, 0.0, qr_mm=17.5),
        SheetLayout("a4-21", "A4", 3, 7, 63.5, 38.1, 7.25, 15.15, 2.5, 0.0, qr_mm=28.0),
        SheetLayout("a4-14", "A4", 2, 7, 99.1, 38.1, 4.65, 15.15, 2.5, 0.0, qr_mm=28.0),
        SheetLayout(
            "a4-8", "A4", 2, 4, 105.0, 74.0, 0.0, 0.5, 0.0, 0.0, qr_mm=40.0, elements=Elements(text_pt=LARGE_TEXT_PT)
        ),
        SheetLayout("a5-10", "A5", 2, 5, 70.0, 38.0, 4.0, 10.0, 0.0, 0.0, qr_mm=27.0),
        SheetLayout("letter-30", "Letter", 3, 10, 66.7, 25.4, 4.75, 12.7, 3.15, 0.0, qr_mm=18.4),
    )
}
ROLLS: dict[str, RollLayout] = {
    roll.name: roll
    for roll in (
        RollLayout("roll-40x30", 40.0, 30.0, qr_mm=20.0, elements=_AT_203),
        RollLayout("roll-50x30", 50.0, 30.0, qr_mm=22.0, elements=_AT_203),
        RollLayout("roll-35x22-3", 35.0, 22.0, across=3, qr_mm=17.5),
        RollLayout("roll-50x30-2", 50.0, 30.0, across=2, qr_mm=22.0, elements=_AT_203),
        RollLayout("roll-70x50", 70.0, 50.0, qr_mm=34.0, elements=_AT_203),
        RollLayout("roll-100x50", 100.0, 50.0, qr_mm=40.0, elements=Elements(printer="203", text_pt=LARGE_TEXT_PT)),
    )
}
PRESSES: dict[str, PressLayout] = {
    press.name: press
    for press in (
        PressLayout("press-40x30", 40.0, 30.0, qr_mm=20.0),
        PressLayout("press-60x40", 60.0, 40.0, qr_mm=28.0),
    )
}
# For labels with a hidden code, over whose box a scratch layer is printed or stuck.
SCRATCHED: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        replace(PRESETS["a4-21"], name="a4-21-scratch", elements=Elements(hidden_code=True)),
        replace(ROLLS["roll-70x50"], name="roll-70x50-scratch", elements=replace(_AT_203, hidden_code=True)),
        replace(
            PRESSES["press-60x40"], name="press-60x40-scratch", elements=Elements(hidden_code=True, printer="offset")
        ),
    )
}

__all__ = [
    "PAPERS", "PRESETS", "PRESSES", "ROLLS", "SCRATCHED", "Box", "DoesNotFit", "Elements", "Ink", "Inside", "Layout", "Paper",
    "PressLayout", "Printer", "RollLayout", "SheetLayout", "check", "inside", "symbol", "with_skip",
]  # fmt: skip
