"""The parts of an order's page about printing: test labels and files. What they ask for, and what they show.

What must not live here: views, and the rest of the page (`order_page`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField
from wtforms.validators import InputRequired

from labels.manifest import ROWS_A_SHEET
from trace.db import session
from trace.forms import PostForm, clean
from trace.models.printing import DrawingKind, DrawingState
from trace.services import drawing, printing, samples
from trace.views import lists
from trace.words import say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trace.models.labels import LabelOrder, PrintRun
    from trace.models.printing import Drawing

AS_PICTURES = "zpl_pictures"
_BAR = {
    DrawingState.WAITING: "waiting", DrawingState.RUNNING: "running", DrawingState.DONE: "finished",
    DrawingState.FAILED: "failed", DrawingState.CANCELLED: "paused",
}  # fmt: skip


class TestForm(PostForm):
    """What a test label is printed with."""

    __test__ = False

    test_printer = StringField(
        _l("Printer"),
        [InputRequired(_l("Write which printer it is.")), lists.at_most(samples.PRINTER_LENGTH)],
        filters=[clean],
    )
    test_layout = lists.Choice(_l("Label layout"), validate_choice=False)


class FileForm(PostForm):
    """Which file of which print."""

    run = lists.Choice(_l("Of which print"))
    kind = lists.Choice(_l("What for"))


def parts(
    order: LabelOrder,
    prints: Sequence[PrintRun],
    layout_names: Mapping[str, str],
    *,
    test_form: TestForm | None,
    file_form: FileForm | None,
) -> dict[str, Any]:
    """What the templates of test labels and files need."""
    tests = samples.of_order(session(), order.id)
    if test_form is None:
        used = [printing.last_printer(session(), order.id), *samples.printers(session(), order.holder_id)]
        filled = {
            "test_layout": prints[0].layout if prints else order.layout,
            "test_printer": next((name for name in used if name), ""),
        }
        test_form = TestForm(formdata=None, data=filled)
    test_form.test_layout.choices = list(layout_names.items())
    if file_form is None and prints:
        file_form = FileForm(formdata=None, data={"run": str(prints[0].run), "kind": "pdf"})
    if file_form is not None:
        offer(file_form, prints)
    return {
        "test_form": test_form,
        "tests": tests,
        "printers": samples.printers(session(), order.holder_id),
        "file_form": file_form,
        "files": [(row, bar(row)) for row in drawing.of_order(session(), order.id)],
        "most_streamed": printing.MOST_STREAMED,
        "most_pictures": drawing.MOST_PICTURES,
        "rows_a_sheet": ROWS_A_SHEET,
    }


def offer(form: FileForm, prints: Sequence[PrintRun]) -> None:
    """Give the form its choices."""
    form.run.choices = [(str(run.run), _("Print %(run)s", run=run.run)) for run in prints]
    form.kind.choices = [(kind.value, say(kind)) for kind in DrawingKind]
    form.kind.choices.insert(
        list(DrawingKind).index(DrawingKind.ZPL) + 1,
        (AS_PICTURES, _("ZPL with codes as pictures, for printers that cannot draw them")),
    )


def bar(found: Drawing) -> str:
    """The state of a drawing as the progress bar calls it."""
    return _BAR[found.state]
