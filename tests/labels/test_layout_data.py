"""Layouts as plain data: there and back, and every fault at once."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.errors import (
    BadLayout,
    BadSkip,
    DoesNotFit,
    FieldMissing,
    FieldNotAChoice,
    FieldNotANumber,
    FieldNotText,
    FieldNotWhole,
    FieldNotYesOrNo,
    FieldUnknown,
    LayoutRefused,
    LogoDoesNotFit,
    QuietZoneTooNarrow,
    ScratchDoesNotFit,
    TooHigh,
    TooSmall,
    TooWide,
)
from labels.layout import PRESETS, PRESSES, ROLLS, Elements, Layout, check, inside, symbol, with_skip
from labels.layout_data import KINDS, from_data, read, to_data

ALL: list[Layout] = [*PRESETS.values(), *ROLLS.values(), *PRESSES.values()]
OWN = {
    "kind": "sheet", "name": "Tem vải 2026", "paper": "A5", "columns": 2, "rows": 5, "label_width_mm": 60, "label_height_mm": 35,
    "margin_left_mm": 10, "margin_top_mm": 10.5, "gutter_x_mm": 4, "gutter_y_mm": 2, "qr_mm": 24, "printer": "203",
    "hidden_code": True, "logo_width_mm": 10, "logo_height_mm": 6, "level": "Q", "ink": "one_colour", "cut_marks": True,
}  # fmt: skip


@pytest.mark.parametrize("layout", ALL, ids=lambda layout: layout.name)
def test_every_preset_survives_json_and_has_no_fault(layout: Layout) -> None:
    data = json.loads(json.dumps(to_data(layout)))
    assert from_data(data) == layout
    assert check(layout) == []


def test_a_layout_of_ones_own_needs_only_what_has_no_default() -> None:
    layout = from_data(OWN)
    assert layout.elements == Elements("Q", 4, 11.0, 10.0, 6.0, hidden_code=True, ink="one_colour", printer="203")
    assert layout.cells == 10
    assert from_data(to_data(layout)) == layout
    press = from_data({"kind": "press", "name": "In offset", "label_width_mm": 50, "label_height_mm": 30, "qr_mm": 20})
    assert press.elements.printer == "offset"
    assert press.page_mm == (64.0, 44.0)


def faults(**changes: object) -> list[type]:
    with pytest.raises(LayoutRefused) as refusal:
        from_data({**OWN, **changes})
    return [type(fault) for fault in refusal.value.faults]


def test_every_fault_of_the_fields_is_named_at_once() -> None:
    wrong = {
        "name": "a\nb", "paper": "A3", "columns": 2.5, "rows": True, "label_width_mm": float("nan"), "cut_marks": "yes",
        "label_height_mm": "35", "gutter_x_mm": -1, "colour": "red", "printer": 203, "quiet_modules": 10**9,
    }  # fmt: skip
    found = faults(**wrong)
    assert found.count(FieldNotANumber) == 3
    assert found.count(FieldNotWhole) == 3
    assert found.count(FieldNotAChoice) == 2
    assert {FieldNotText, FieldNotYesOrNo, FieldUnknown} < set(found)
    assert len(found) == len(wrong)
    with pytest.raises(LayoutRefused) as refusal:
        from_data({"kind": "roll"})
    assert [fault.facts["field"] for fault in refusal.value.faults] == ["name", "label_width_mm", "label_height_mm"]
    assert {type(fault) for fault in refusal.value.faults} == {FieldMissing}
    for kind in (None, 5, "drum", ["sheet"]):
        assert faults(kind=kind) == [FieldNotAChoice]


def test_every_fault_of_the_geometry_is_named_at_once() -> None:
    found = faults(columns=3, rows=9, skip=99, quiet_modules=2, logo_width_mm=40, logo_height_mm=25)
    assert found == [TooWide, TooHigh, BadSkip, LogoDoesNotFit, QuietZoneTooNarrow]
    found = faults(qr_mm=12, label_height_mm=19)
    assert TooSmall in found
    assert ScratchDoesNotFit in faults(label_height_mm=8, qr_mm=5, logo_width_mm=0, logo_height_mm=0)
    assert faults(logo_height_mm=0) == [BadLayout]


def test_a_layout_with_faults_can_still_be_shown() -> None:
    layout, found = read({**OWN, "columns": 3})
    assert layout is not None
    assert [type(fault) for fault in found] == [TooWide]
    assert found[0].facts == {"over_mm": 50.0}


@pytest.mark.parametrize(("printer", "smallest"), [("203", 18.6), ("300", 15.7), ("600", 15.7), ("offset", 14.7)])
def test_the_smallest_symbol_that_works_is_named_for_each_printer(printer: str, smallest: float) -> None:
    layout = from_data({**OWN, "printer": printer, "qr_mm": smallest})
    assert symbol(layout, 29).module_mm >= 0.396
    _, found = read({**OWN, "printer": printer, "qr_mm": smallest - 0.2})
    assert [fault.facts for fault in found] == [{"smallest_mm": smallest}]


def test_a_wider_quiet_zone_is_kept() -> None:
    layout = replace(PRESETS["a4-24"], elements=Elements(quiet_modules=8))
    printed = symbol(layout, 29)
    assert printed.quiet_mm >= 8 * printed.module_mm - 1e-9
    assert printed.module_mm < symbol(PRESETS["a4-24"], 29).module_mm


def test_a_press_has_no_position_to_begin_at() -> None:
    assert with_skip(PRESSES["press-40x30"], 0) is PRESSES["press-40x30"]
    with pytest.raises(BadSkip):
        with_skip(PRESSES["press-40x30"], 1)


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 500),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["A4", "203", "Q"]),
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(KINDS)), st.dictionaries(st.sampled_from([*OWN, "x", "across", "bleed_mm"]), _VALUES))
def test_whatever_comes_in_is_a_layout_without_fault_or_a_refusal(kind: str, changes: dict[str, object]) -> None:
    layout, found = read({**OWN, **changes, "kind": kind})
    if layout is not None and not found:
        layout.validate()
        assert check(layout) == []
    assert layout is not None or found


@settings(max_examples=200, deadline=None)
@given(st.floats(20, 120), st.floats(15, 90), st.floats(10, 40), st.floats(0, 30), st.floats(0.1, 20), st.booleans())
def test_the_parts_of_a_label_never_overlap(
    width: float, height: float, qr_mm: float, logo_width: float, logo_height: float, hidden: bool
) -> None:
    logo = {"logo_width_mm": logo_width, "logo_height_mm": logo_height if logo_width else 0.0}
    layout = replace(
        ROLLS["roll-50x30"], label_width_mm=width, label_height_mm=height, qr_mm=qr_mm, elements=Elements(hidden_code=hidden, **logo)
    )  # fmt: skip
    try:
        part = inside(layout)
    except DoesNotFit:
        return
    boxes = [(part.qr_x, part.qr_y, qr_mm, qr_mm), (part.text_x, part.text_y, part.text_width, part.text_height)]
    boxes += [(box.x, box.y, box.width, box.height) for box in (part.logo, part.scratch) if box]
    boxes.append((part.qr_x, part.foot_y, part.right - part.qr_x, part.foot_height))
    for at, (x, y, wide, tall) in enumerate(boxes):
        assert x >= 0
        assert y >= 0
        assert x + wide <= width
        assert y + tall <= height
        for x2, y2, wide2, tall2 in boxes[:at]:
            apart_x = min(x + wide, x2 + wide2) - max(x, x2) < 0.011
            assert apart_x or min(y + tall, y2 + tall2) - max(y, y2) < 0.011
