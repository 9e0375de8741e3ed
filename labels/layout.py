"""Where labels stand on paper: sheets, rolls, the presets, and the inside of one label.

Pure geometry in mm, origin top left, y downwards, label by label in rows. Nothing is drawn here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from labels.errors import BadLayout, BadSkip, DoesNotFit, QRDoesNotFit, TooHigh, TooWide

Paper = Literal["A4", "A5", "Letter"]
PAPERS: dict[Paper, tuple[float, float]] = {"A4": (210.0, 297.0), "A5": (148.0, 210.0), "Letter": (215.9, 279.4)}

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

    @property
    def right(self) -> float:
        """Where text ends at the right, in the column and in the foot."""
        return self.text_x + self.text_width


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

    @property
    def page_mm(self) -> tuple[float, float]:
        return PAPERS[self.paper]

    @property
    def cells(self) -> int:
        """Labels on one sheet."""
        return self.columns * self.rows

    def validate(self) -> None:
        """Raise a DoesNotFit that says by how many mm, BadLayout or BadSkip; return if all is well."""
        _check_sizes(self)
        width, height = self.page_mm
        over = self.margin_left_mm + _run(self.columns, self.label_width_mm, self.gutter_x_mm) - width
        if over > _TOLERANCE_MM:
            raise TooWide(over_mm=round(over, 2))
        over = self.margin_top_mm + _run(self.rows, self.label_height_mm, self.gutter_y_mm) - height
        if over > _TOLERANCE_MM:
            raise TooHigh(over_mm=round(over, 2))
        if not 0 <= self.skip < self.cells:
            raise BadSkip(cells=self.cells)
        inside(self)

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
        _check_sizes(self)
        if not 1 <= self.across <= 4:
            raise BadLayout
        if not 0 <= self.skip < self.across:
            raise BadSkip(cells=self.across)
        inside(self)

    def positions(self) -> tuple[tuple[float, float], ...]:
        """Top left corner of each label of a row."""
        pitch = self.label_width_mm + self.gutter_x_mm
        return tuple((self.margin_left_mm + place * pitch, 0.0) for place in range(self.across))


Layout = SheetLayout | RollLayout


def inside(layout: Layout) -> Inside:
    """Lay out one label: symbol at the left, text at its right, code and serial along the foot."""
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
        raise QRDoesNotFit(over_mm=round(-spare, 2))
    text_x, text_y = qr_x + layout.qr_mm + 0.5, max(inset, top)
    text_width = width - max(inset, right) - text_x
    if text_width < SMALLEST_TEXT_MM:
        raise QRDoesNotFit(over_mm=round(SMALLEST_TEXT_MM - text_width, 2))
    # What the symbol leaves free is shared above and below it, so that it does not cling to the upper edge.
    qr_y += max(0.0, spare) / 2
    return Inside(qr_x, qr_y, layout.qr_mm, text_x, text_y, text_width, foot_y - 0.4 - text_y, foot_y, foot)


def _unprintable(layout: Layout) -> tuple[float, float, float, float]:
    """How far the strip along the paper's edges that office printers leave white reaches into a label.

    Left, top, right, bottom. Labels that touch the paper's edge are laid out for it, and the others like them.
    """
    if isinstance(layout, RollLayout):
        return 0.0, 0.0, 0.0, 0.0
    width, height = layout.page_mm
    left, top = layout.margin_left_mm, layout.margin_top_mm
    right = width - left - _run(layout.columns, layout.label_width_mm, layout.gutter_x_mm)
    bottom = height - top - _run(layout.rows, layout.label_height_mm, layout.gutter_y_mm)
    return _EDGE_MM - left, _EDGE_MM - top, _EDGE_MM - right, _EDGE_MM - bottom


def with_skip(layout: Layout, skip: int) -> Layout:
    """The same layout, beginning after `skip` positions."""
    return replace(layout, skip=skip)


def _run(count: int, size: float, gap: float) -> float:
    return count * size + (count - 1) * gap


def _check_sizes(layout: Layout) -> None:
    above = [layout.label_width_mm, layout.label_height_mm, layout.qr_mm, layout.cells]
    not_below = [layout.gutter_x_mm, layout.margin_left_mm]
    if isinstance(layout, SheetLayout):
        above += [layout.columns, layout.rows]
        not_below += [layout.margin_top_mm, layout.gutter_y_mm]
    if min(above) <= 0 or min(not_below) < 0:
        raise BadLayout


PRESETS: dict[str, SheetLayout] = {
    preset.name: preset
    for preset in (
        SheetLayout("a4-24", "A4", 3, 8, 70.0, 37.0, 0.0, 0.5, 0.0, 0.0, qr_mm=25.1),
        SheetLayout("a4-40", "A4", 4, 10, 52.5, 29.7, 0.0, 0.0, 0.0, 0.0, qr_mm=18.9),
        SheetLayout("a4-65", "A4", 5, 13, 38.1, 21.2, 4.75, 10.7, 2.5, 0.0, qr_mm=17.5),
    )
}
ROLLS: dict[str, RollLayout] = {
    roll.name: roll
    for roll in (
        RollLayout("roll-40x30", 40.0, 30.0, qr_mm=20.0),
        RollLayout("roll-50x30", 50.0, 30.0, qr_mm=22.0),
        RollLayout("roll-35x22-3", 35.0, 22.0, across=3, qr_mm=17.5),
    )
}

__all__ = [
    "PAPERS", "PRESETS", "ROLLS", "DoesNotFit", "Inside", "Layout", "Paper", "RollLayout", "SheetLayout", "inside",
    "with_skip",
]  # fmt: skip
