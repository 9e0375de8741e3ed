"""Layouts: presets fit their paper, and what does not fit says by how much."""

from dataclasses import replace

import pytest

from labels.errors import BadLayout, BadSkip, QRDoesNotFit, TooHigh, TooWide
from labels.layout import PRESETS, ROLLS, RollLayout, SheetLayout, inside

A4_24 = PRESETS["a4-24"]


@pytest.mark.parametrize("name", [*PRESETS, *ROLLS])
def test_presets_fit(name: str) -> None:
    layout = PRESETS.get(name) or ROLLS[name]
    layout.validate()
    width, height = layout.page_mm
    assert layout.name == name
    assert len(set(layout.positions())) == layout.cells
    for x, y in layout.positions():
        assert 0 <= x <= width - layout.label_width_mm + 0.01
        assert 0 <= y <= height - layout.label_height_mm + 0.01


def test_presets_have_the_counts_and_sizes_of_the_sheets_on_sale() -> None:
    assert {n: (p.columns, p.rows, p.label_width_mm, p.label_height_mm) for n, p in PRESETS.items()} == {
        "a4-24": (3, 8, 70.0, 37.0), "a4-40": (4, 10, 52.5, 29.7), "a4-65": (5, 13, 38.1, 21.2),
        "a4-21": (3, 7, 63.5, 38.1), "a4-14": (2, 7, 99.1, 38.1), "a4-8": (2, 4, 105.0, 74.0),
        "a5-10": (2, 5, 70.0, 38.0), "letter-30": (3, 10, 66.7, 25.4),
    }  # fmt: skip


def test_positions_run_along_the_rows() -> None:
    assert A4_24.positions()[:4] == ((0.0, 0.5), (70.0, 0.5), (140.0, 0.5), (0.0, 37.5))


def test_labels_wider_or_higher_than_the_paper_say_by_how_much() -> None:
    with pytest.raises(TooWide) as wide:
        replace(A4_24, margin_left_mm=3.5).validate()
    assert wide.value.facts == {"over_mm": 3.5}
    with pytest.raises(TooHigh) as high:
        replace(A4_24, gutter_y_mm=1.0).validate()
    assert high.value.facts == {"over_mm": 6.5}
    with pytest.raises(TooWide):
        replace(A4_24, paper="A5").validate()


def test_a_symbol_too_large_for_the_label_says_by_how_much() -> None:
    with pytest.raises(QRDoesNotFit) as refusal:
        replace(A4_24, qr_mm=32.0).validate()
    assert refusal.value.facts == {"over_mm": 4.8}
    with pytest.raises(QRDoesNotFit):
        RollLayout("narrow", 30.0, 40.0, qr_mm=22.0).validate()


@pytest.mark.parametrize("skip", [-1, 24, 100])
def test_a_first_position_off_the_sheet_is_refused(skip: int) -> None:
    with pytest.raises(BadSkip):
        replace(A4_24, skip=skip).validate()


def test_nonsense_sizes_are_refused() -> None:
    for nonsense in (
        replace(A4_24, columns=0), replace(A4_24, label_width_mm=-1.0), replace(A4_24, gutter_x_mm=-2.0),
        replace(A4_24, qr_mm=0.0), RollLayout("wide", 40.0, 30.0, across=5), RollLayout("none", 40.0, 30.0, across=0),
    ):  # fmt: skip
        with pytest.raises(BadLayout):
            nonsense.validate()


def test_the_parts_of_a_label_do_not_overlap() -> None:
    for layout in [*PRESETS.values(), *ROLLS.values()]:
        part = inside(layout)
        assert part.qr_x + part.qr_mm <= part.text_x
        assert part.qr_y + part.qr_mm <= part.foot_y + 1e-9
        assert part.text_y + part.text_height <= part.foot_y
        assert part.right < layout.label_width_mm
        assert part.foot_y + part.foot_height < layout.label_height_mm


def test_a_sheet_may_be_of_the_owners_own_making() -> None:
    own = SheetLayout("own", "A5", 2, 5, 60.0, 35.0, 10.0, 10.0, 4.0, 2.0, qr_mm=24.0, cut_marks=True)
    own.validate()
    assert own.positions()[-1] == (74.0, 158.0)
