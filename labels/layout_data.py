"""Layouts as plain data: to JSON and back, with every fault of what somebody typed or sent named at once.

A layout is one flat object: `kind` (sheet, roll, press), the fields of that kind and those of `Elements`.
"""

from __future__ import annotations

import math
from dataclasses import MISSING, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, cast, get_args

from labels.errors import (
    FieldMissing,
    FieldNotAChoice,
    FieldNotANumber,
    FieldNotText,
    FieldNotWhole,
    FieldNotYesOrNo,
    FieldUnknown,
    LabelError,
    LayoutRefused,
)
from labels.layout import (
    LABEL_LEVELS,
    MOST_ACROSS,
    PAPERS,
    USUAL_MODULES,
    Elements,
    Ink,
    Layout,
    PressLayout,
    Printer,
    RollLayout,
    SheetLayout,
    check,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

Data = dict[str, str | int | float | bool]
KINDS: dict[str, type[Layout]] = {"sheet": SheetLayout, "roll": RollLayout, "press": PressLayout}
NAME_LENGTH = 80


@dataclass(frozen=True, slots=True)
class _Text:
    most: int

    def fault(self, field: str, value: object) -> LabelError | None:
        # Control characters would reach file names and PDF metadata.
        good = isinstance(value, str) and 1 <= len(value.strip()) <= self.most and value.isprintable()
        return None if good else FieldNotText(field=field, most=self.most)


@dataclass(frozen=True, slots=True)
class _Number:
    least: float
    most: float

    def fault(self, field: str, value: object) -> LabelError | None:
        # True is a number to Python, and NaN passes no comparison that would refuse it.
        number = not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)
        if number and self.least <= cast("float", value) <= self.most:
            return None
        return FieldNotANumber(field=field, least=f"{self.least:g}", most=f"{self.most:g}")


@dataclass(frozen=True, slots=True)
class _Whole:
    least: int
    most: int

    def fault(self, field: str, value: object) -> LabelError | None:
        if isinstance(value, int) and not isinstance(value, bool) and self.least <= value <= self.most:
            return None
        return FieldNotWhole(field=field, least=self.least, most=self.most)


@dataclass(frozen=True, slots=True)
class _YesOrNo:
    def fault(self, field: str, value: object) -> LabelError | None:
        return None if isinstance(value, bool) else FieldNotYesOrNo(field=field)


@dataclass(frozen=True, slots=True)
class _Choice:
    choices: tuple[str, ...]

    def fault(self, field: str, value: object) -> LabelError | None:
        good = isinstance(value, str) and value in self.choices
        return None if good else FieldNotAChoice(field=field, choices=", ".join(self.choices))


_Rule = _Text | _Number | _Whole | _YesOrNo | _Choice
_GAP, _SIDE = _Number(0, 100), _Number(5, 450)
_RULES: dict[str, _Rule] = {
    "name": _Text(NAME_LENGTH),
    "paper": _Choice(tuple(PAPERS)),
    "columns": _Whole(1, 60),
    "rows": _Whole(1, 100),
    "across": _Whole(1, MOST_ACROSS),
    "label_width_mm": _SIDE,
    "label_height_mm": _SIDE,
    "margin_left_mm": _GAP,
    "margin_top_mm": _GAP,
    "gutter_x_mm": _GAP,
    "gutter_y_mm": _GAP,
    "bleed_mm": _Number(0, 20),
    "qr_mm": _Number(5, 200),
    "skip": _Whole(0, 6000),
    "cut_marks": _YesOrNo(),
    "level": _Choice(LABEL_LEVELS),
    "quiet_modules": _Whole(0, 40),
    "text_pt": _Number(4.5, 72),
    "logo_width_mm": _Number(0, 200),
    "logo_height_mm": _Number(0, 200),
    "hidden_code": _YesOrNo(),
    "ink": _Choice(get_args(Ink)),
    "printer": _Choice(get_args(Printer)),
}
_ELEMENTS = tuple(field.name for field in fields(Elements))


def to_data(layout: Layout) -> Data:
    """The layout as a flat object that JSON can hold; `from_data` gives the same layout again."""
    kind = next(name for name, made in KINDS.items() if isinstance(layout, made))
    own = {field.name: getattr(layout, field.name) for field in fields(layout) if field.name != "elements"}
    return {"kind": kind, **own, **{name: getattr(layout.elements, name) for name in _ELEMENTS}}


def from_data(data: Mapping[str, object], *, modules: int = USUAL_MODULES) -> Layout:
    """The layout that data describe. LayoutRefused carries every fault: of the fields, else of the geometry.

    What may be left out: fields that have a default. `modules`: a side of the symbol that it is to carry.
    """
    layout, faults = read(data, modules=modules)
    if layout is None or faults:
        raise LayoutRefused(faults=tuple(faults))
    return layout


def read(data: Mapping[str, object], *, modules: int = USUAL_MODULES) -> tuple[Layout | None, list[LabelError]]:
    """As `from_data` for a page that shows the faults beside a drawing: the layout, if there is one, and the faults."""
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        return None, [FieldNotAChoice(field="kind", choices=", ".join(KINDS))]
    made = KINDS[kind]
    own = {field.name: field for field in fields(made) if field.name != "elements"}
    given: dict[str, Any] = {}
    faults: list[LabelError] = [
        FieldUnknown(field=name[:NAME_LENGTH]) for name in data if name not in {"kind", *own, *_ELEMENTS}
    ]
    for name in (*own, *_ELEMENTS):
        if name in data:
            fault = _RULES[name].fault(name, data[name])
            if fault is None:
                # JSON makes no difference between 40 and 40.0, and the same layout should be the same data.
                given[name] = float(cast("float", data[name])) if isinstance(_RULES[name], _Number) else data[name]
            else:
                faults.append(fault)
        elif name in own and own[name].default is MISSING:
            faults.append(FieldMissing(field=name))
    if faults:
        return None, faults
    usual = cast("Elements", next(field.default for field in fields(made) if field.name == "elements"))
    elements = replace(usual, **{name: given.pop(name) for name in _ELEMENTS if name in given})
    layout = made(**given, elements=elements)
    return layout, check(layout, modules=modules)
