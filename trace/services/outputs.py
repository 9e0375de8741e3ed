"""The kinds of files that the labels of a print can be had as. Nothing is read from the database or written to disk here."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from labels import archive, image, manifest, thermal
from labels.layout import PressLayout, RollLayout
from trace.models.printing import DrawingKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labels.keys import Keyring
    from labels.layout import Layout
    from trace.services.composing import Composed
    from trace.services.drawing import Counted

_CHUNK = 1 << 18
_BLOCK = 50


def pieces(
    kind: DrawingKind, shared: Composed, counted: Counted, keyring: Keyring, *, name: str, native: bool = True
) -> Iterator[bytes]:
    """A file in pieces. What is wrong with layout, sizes or text is raised by the call itself."""
    match kind:
        case DrawingKind.PDF:
            return shared.pdf(counted)
        case DrawingKind.CSV:
            return manifest.stream(keyring, _serials(counted), **_address(kind, shared))
        case DrawingKind.XLSX:
            return _workbook(shared, counted, keyring)
        case DrawingKind.ZPL:
            return _zpl(shared, counted, native=native)
        case DrawingKind.PNG | DrawingKind.SVG:
            return archive.stream(_pictures(kind, shared, counted))
        case DrawingKind.ZIP:
            kinds = [DrawingKind.PDF, DrawingKind.CSV, DrawingKind.XLSX]
            if isinstance(shared.layout, RollLayout):
                kinds.append(DrawingKind.ZPL)
            counted.rounds = len(kinds)
            return archive.stream(
                archive.Member(
                    f"{name}.{each.value}", pieces(each, shared, counted, keyring, name=name),
                    packed=each in {DrawingKind.PDF, DrawingKind.XLSX},
                )
                for each in kinds
            )  # fmt: skip


def _zpl(shared: Composed, counted: Counted, *, native: bool) -> Iterator[bytes]:
    return thermal.stream(
        layout=cast("RollLayout", shared.layout), labels=counted, host=shared.host, gtin=shared.gtin, lines=shared.lines,
        logo=shared.logo, sample=shared.sample, skip=shared.skip, native=native,
    )  # fmt: skip


def _workbook(shared: Composed, counted: Counted, keyring: Keyring) -> Iterator[bytes]:
    """A workbook is whole only at its end, so it goes through a temporary file."""
    with tempfile.TemporaryFile() as file:
        manifest.xlsx(cast("BinaryIO", file), keyring, _serials(counted), **_address(DrawingKind.XLSX, shared))
        file.seek(0)
        while piece := file.read(_CHUNK):
            yield piece


def _pictures(kind: DrawingKind, shared: Composed, counted: Counted) -> Iterator[archive.Member]:
    for block in counted.blocks(_BLOCK):
        for at, serial in enumerate(block.serials.tolist()):
            label = image.Label(
                serial=serial, code=block.codes[at].tobytes().decode(), layout=shared.layout, host=shared.host, gtin=shared.gtin,
                lines=shared.lines, logo=shared.logo, sample=shared.sample,
                hidden=None if block.hidden is None else block.hidden[at].tobytes().decode(),
            )  # fmt: skip
            drawn = image.label_png(label) if kind is DrawingKind.PNG else image.label_svg(label)
            yield archive.Member(f"{serial:010d}.{kind.value}", [drawn], packed=kind is DrawingKind.PNG)


def _serials(counted: Counted) -> Any:
    return counted.ranges()


def has_hidden_codes(kind: DrawingKind, layout: Layout) -> bool:
    """Whether a file of this kind holds hidden codes in the clear. A list does only for a press, which prints them from it."""
    return layout.elements.hidden_code and (
        kind not in {DrawingKind.CSV, DrawingKind.XLSX} or isinstance(layout, PressLayout)
    )


def _address(kind: DrawingKind, shared: Composed) -> dict[str, Any]:
    return {"host": shared.host, "gtin": shared.gtin, "hidden": has_hidden_codes(kind, shared.layout)}
