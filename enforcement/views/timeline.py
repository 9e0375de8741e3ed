"""The whole course of a case on paper: who, what, when, from which source, with the hashes of what was taken in. One page to print, A4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template

from enforcement import course
from enforcement.views.cases import bp
from enforcement.views.words import line
from trace import clock
from trace.access import May, needs, person
from trace.db import session

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue


@bp.get("/<uuid:case_id>/dien-bien-in")
@needs(May.CASE_READ)
def printed(case_id: UUID) -> ResponseReturnValue:
    """Every event of the case and of those merged into it, in the order of time."""
    found = course.of_case(session(), case_id)
    return render_template(
        "desk/timeline.html",
        case=found.case,
        rows=[{**line(event), "seq": event.seq, "number": found.numbers[event.case_id]} for event in found.events],
        pieces=[{"piece": piece, "number": found.numbers[piece.case_id]} for piece in found.pieces],
        several=len(found.numbers) > 1,
        at=clock.now(),
        by=person().full_name,
    )
