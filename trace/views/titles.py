"""Titles: the list, and the page of each with its parties on a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template
from flask_babel import gettext as _

from trace.access import May, needs
from trace.db import session
from trace.models.titles import TitleKind
from trace.services import titles
from trace.views import (
    lists,
    title_edits,
    title_goods,
    title_labels,
    title_page,
    title_pairs,
    title_parties,
    title_points,
    title_regulations,
    title_volumes,
)
from trace.views.title_page import SOON_DAYS, bp
from trace.words import say

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

__all__ = [
    "SOON_DAYS", "bp", "title_edits", "title_goods", "title_labels", "title_pairs", "title_parties", "title_points", "title_regulations", "title_volumes",
]  # fmt: skip


@bp.get("")
@needs(May.TITLE_READ)
def index() -> ResponseReturnValue:
    """All titles."""
    q, kind = lists.text(), lists.member(TitleKind, "kind")
    ending = lists.text("ending") == "1"
    lines = titles.listing(session(), on=lists.today(), q=q, kind=kind, ending_within=SOON_DAYS if ending else None)
    chips = [(_("Search: %(text)s", text=q), "q", None)] if q else []
    if kind:
        chips.append((say(kind), "kind", None))
    if ending:
        chips.append((_("Term ends within %(n)s days", n=SOON_DAYS), "ending", None))
    return render_template(
        "titles/index.html",
        lines=lines,
        chips=chips,
        kinds=[(found.value, say(found)) for found in TitleKind],
        soon=SOON_DAYS,
    )


@bp.get("/<uuid:title_id>")
@needs(May.TITLE_READ)
def show(title_id: UUID) -> ResponseReturnValue:
    """One title."""
    return title_page.page(title_id)
