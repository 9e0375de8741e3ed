"""A text field that offers the registered documents of a case: every one of the right forms can be picked, another number can be typed.

What must not live here: which documents they are (`papers.shelf`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from wtforms import StringField
from wtforms.widgets import TextInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from enforcement.papers.shelf import Registered


class Offering(TextInput):
    """An input with its list. Browsers without lists show the input alone."""

    def __call__(self, field: Any, **kwargs: Any) -> Markup:
        """The input, then what it offers, newest first."""
        if not field.offers:
            return Markup(super().__call__(field, **kwargs))  # noqa: S704  WTForms escapes what it draws
        listed = Markup('<option value="{}">{}</option>')
        options = Markup().join(listed.format(paper.number, paper.words) for paper in field.offers)
        return Markup('{}<datalist id="{}-offers">{}</datalist>').format(
            Markup(super().__call__(field, list=f"{field.id}-offers", **kwargs)),  # noqa: S704
            field.id,
            options,
        )


class OfferedField(StringField):
    """The number of a paper. `offers`: the registered documents it may be."""

    widget = Offering()

    def __init__(self, *args: Any, offers: Sequence[Registered] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offers = offers
