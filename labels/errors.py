"""The error family of `labels`. The docstring of a class is its message (English, the id for translation).

Facts that the message names are given by keyword and kept in `facts`. A message never contains a secret or,
since codes reach logs through it, the text that was refused.
"""

from __future__ import annotations


class LabelError(Exception):
    """The label could not be made or read."""

    def __init__(self, **facts: object) -> None:
        super().__init__()
        self.facts = facts

    @classmethod
    def message_id(cls) -> str:
        """English sentence with `%(name)s` placeholders for `facts`."""
        return " ".join((cls.__doc__ or "").split())

    def __str__(self) -> str:
        return self.message_id() % self.facts

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword facts do not survive the default pickling, and jobs pass exceptions between processes.
        return (_rebuild, (type(self), self.facts))


def _rebuild(kind: type[LabelError], facts: dict[str, object]) -> LabelError:
    return kind(**facts)


class Malformed(LabelError):
    """This is not a label code. A code has 12 letters and digits."""


class Forged(LabelError):
    """This code was not issued here, or it was mistyped."""


class SerialOutOfRange(LabelError):
    """A serial is a whole number from 1 to %(largest)s."""


class NoKey(LabelError):
    """No label key covers serial %(serial)s."""


class WrongMasterKey(LabelError):
    """The master key does not open this label key."""


class UnknownWrapping(LabelError):
    """The wrapped label key is damaged or of an unknown version."""


class NotAlphanumeric(LabelError):
    """The address contains characters that the compact QR mode cannot hold."""


class BadGtin(LabelError):
    """This GTIN is not valid: check its digits."""


class TooLongForQR(LabelError):
    """The address is too long for a QR code."""


class TooSmall(LabelError):
    """The QR code would be too small to scan. It needs at least %(smallest_mm)s mm."""


class DoesNotFit(LabelError):
    """The labels do not fit: %(over_mm)s mm too much."""


class TooWide(DoesNotFit):
    """The labels are %(over_mm)s mm wider than the paper."""


class TooHigh(DoesNotFit):
    """The labels are %(over_mm)s mm higher than the paper."""


class QRDoesNotFit(DoesNotFit):
    """The QR code is %(over_mm)s mm too large for the label."""


class TextDoesNotFit(DoesNotFit):
    """The text is %(over_mm)s mm too high for the label. Use fewer lines."""


class CodeDoesNotFit(DoesNotFit):
    """The label is %(over_mm)s mm too narrow for its code and serial."""


class LogoDoesNotFit(DoesNotFit):
    """The logo is %(over_mm)s mm too large for the space beside the QR code."""


class ScratchDoesNotFit(DoesNotFit):
    """The scratch box for the hidden code is %(over_mm)s mm too high for the label."""


class QuietZoneTooNarrow(LabelError):
    """The white margin around the QR code must be at least %(least)s modules wide, and it is %(modules)s."""


class FieldMissing(LabelError):
    """The layout says nothing about %(field)s."""


class FieldUnknown(LabelError):
    """A layout has no field called %(field)s."""


class FieldNotText(LabelError):
    """%(field)s must be a text of 1 to %(most)s characters."""


class FieldNotANumber(LabelError):
    """%(field)s must be a number from %(least)s to %(most)s."""


class FieldNotWhole(LabelError):
    """%(field)s must be a whole number from %(least)s to %(most)s."""


class FieldNotYesOrNo(LabelError):
    """%(field)s must be yes or no."""


class FieldNotAChoice(LabelError):
    """%(field)s must be one of: %(choices)s."""


class LayoutRefused(LabelError):
    """This layout cannot be used. Correct what is named."""

    def __init__(self, *, faults: tuple[LabelError, ...]) -> None:
        super().__init__(faults=faults)
        self.faults = faults


class BadLogo(LabelError):
    """The logo could not be read. Use a PNG or JPEG picture."""


class LogoNotRGB(BadLogo):
    """The logo is in %(mode)s colours. Save it in RGB colours first."""


class LogoTooLarge(BadLogo):
    """The logo has %(megapixels)s megapixels. At most %(most)s can be taken."""


class HiddenCodeMissing(LabelError):
    """This layout has a scratch box, but the order has no hidden codes."""


class BadLayout(LabelError):
    """Sizes and counts of labels must be above zero, margins and gaps not below."""


class BadSkip(LabelError):
    """One sheet has %(cells)s labels. The first position must lie on it."""


class FontMissing(LabelError):
    """The font for labels is missing on the server. Install the Debian package fonts-liberation2."""


class NoGlyph(LabelError):
    """The label font has no sign for: %(characters)s"""


class NothingToPrint(LabelError):
    """There are no labels to print."""
