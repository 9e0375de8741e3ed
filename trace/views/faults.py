"""Refusals of a form at the fields that they are about, all at once; and forms that carry the revision they were drawn from.

What must not live here: words of a refusal. They stand with the refusal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wtforms import HiddenField

from trace.errors import Refused, TemThatError
from trace.forms import PostForm
from trace.words import explain, way_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trace.services.editing import EditedMeanwhile


class RevisedForm(PostForm):
    """A form that edits a record: `revision` says what its writer saw."""

    revision = HiddenField()

    @property
    def seen(self) -> int:
        """The revision that the writer saw; 0, which no record has, if the form does not say."""
        text = str(self.revision.data or "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0

    def look_again(self, exc: EditedMeanwhile) -> None:
        """Keep what was typed and let the next sending be against the record as it is now."""
        self.revision.data = str(exc.record.revision)


def at_fields(form: Any, exc: TemThatError, fields: Mapping[type[TemThatError], str]) -> list[dict[str, str | None]]:
    """Put each reason of a refusal at the field it is about; those about no field are returned, worded for the top of the page."""
    rest = []
    for reason in exc.reasons if isinstance(exc, Refused) else (exc,):
        words = " ".join(part for part in (explain(reason), way_out(reason)) if part)
        name = fields.get(type(reason))
        if name is not None and name in form:
            form[name].errors = [*form[name].errors, words]
        else:
            rest.append({"message": explain(reason), "way_out": way_out(reason)})
    return rest
