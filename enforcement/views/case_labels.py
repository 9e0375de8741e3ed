"""The labels that a case is about, their scans, and the places on a map: what the register and the public's scans say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, render_template, url_for
from flask_babel import gettext as _

from enforcement import labels_of
from enforcement.views.case_frame import frame
from enforcement.views.signal_words import summary
from labels.code import show_serial
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.words import number, say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from trace.models.scans import VerdictKind
    from trace.services.officer_facts import LabelStory

bp = Blueprint("case_labels", __name__, url_prefix="/vu-viec")


@bp.get("/<uuid:case_id>/tem-lien-quan")
@needs(May.CASE_READ)
def show(case_id: UUID) -> ResponseReturnValue:
    """Labels, orders, lots, scans over time and provinces, hands they passed through, and the places."""
    framed = frame(case_id, "labels")
    signals = labels_of.signals_of(session(), case_id)
    found = labels_of.labels(session(), signals)
    spots = labels_of.spots(session(), signals)
    return render_template(
        "desk/labels.html",
        **framed,
        failed=None,
        labels=found,
        more=len({signal.serial for signal in signals if signal.serial}) - len(found),
        orders=labels_of.orders(session(), found),
        scans=labels_of.scans(session(), [label.serial for label in found]),
        spots=spots,
        points=[
            {
                "at": spot.at,
                "name": spot.name,
                "number": spot.signal.source_number,
                "source": say(spot.signal.source),
                "coarse": spot.coarse,
                "url": url_for("queue.show", signal_id=spot.signal.id) if person().may(May.SIGNAL_TRIAGE) else "",
            }
            for spot in spots
            if spot.at
        ],
        words_of=summary,
        serial=show_serial,
        now=clock.now(),
        may_map=person().may(May.AREA_READ),
        label_answers=_answers,
        hands=_hands,
    )


def _answers(verdicts: Sequence[tuple[VerdictKind, int]]) -> str:
    return " · ".join(f"{say(kind)}: {number(count)}" for kind, count in verdicts)


def _hands(facts: LabelStory) -> list[dict[str, Any]]:
    """Hand-overs and looks of the trade, latest first, as the timeline shows them."""
    moved = [
        {
            "at": each.at,
            "what": f"{say(each.move)}: {say(each.becomes)}",
            "who": each.author.full_name if each.author else None,
            "source": each.keeper.name,
        }
        for each in facts.movements
    ]
    seen = [
        {
            "at": each.at,
            "what": _("Seen by the trade: %(answer)s", answer=say(each.verdict)),
            "who": each.person.full_name,
            "source": each.party.name,
        }
        for each in facts.custody
    ]
    return sorted([*moved, *seen], key=lambda row: row["at"], reverse=True)
