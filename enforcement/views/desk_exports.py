"""The lists of the desk as files: what their pages show with the filters of the address. Nothing of who reported is among the columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from flask import request
from flask_babel import lazy_gettext as _l

from enforcement import queue
from enforcement.models import DeskList
from enforcement.views import desk_lists
from enforcement.views.signal_words import summary
from enforcement.views.words import severity_word
from trace import clock
from trace.access import May
from trace.db import session
from trace.services.sheets import MOST_ROWS
from trace.views.export_lists import LISTS, List
from trace.words import say

if TYPE_CHECKING:
    from collections.abc import Sequence


def _signals(page: int, size: int) -> tuple[Sequence[Any], int]:
    asked = cast("queue.SignalFilter", desk_lists.asked(DeskList.SIGNALS, request.args))
    return queue.signals(session(), asked, at=clock.now(), page=page, size=size, most=MOST_ROWS)


def _cases(page: int, size: int) -> tuple[Sequence[Any], int]:
    asked = cast("queue.CaseFilter", desk_lists.asked(DeskList.CASES, request.args))
    return queue.cases(session(), asked, at=clock.now(), page=page, size=size, most=MOST_ROWS)


LISTS["desk-signals"] = List(_l("Signals"), May.SIGNAL_TRIAGE, _signals, (
    (_l("Number"), lambda row: row.lead.source_number),
    (_l("Content"), lambda row: summary(row.lead)),
    (_l("Place"), lambda row: row.lead.place),
    (_l("Ward or commune"), lambda row: row.lead.commune.name if row.lead.commune else None),
    (_l("Source"), lambda row: say(row.lead.source)),
    (_l("Severity"), lambda row: severity_word(row.severity)),
    (_l("Like signals"), lambda row: row.fresh + row.waiting),
    (_l("Received"), lambda row: row.oldest_at),
    (_l("Legal date"), lambda row: row.due_at),
    (_l("Look again on"), lambda row: row.wait_until),
))  # fmt: skip
LISTS["desk-cases"] = List(_l("Cases"), May.CASE_READ, _cases, (
    (_l("Number"), lambda row: row.number),
    (_l("Content"), lambda row: row.title),
    (_l("Ward or commune"), lambda row: row.commune.name if row.commune else None),
    (_l("Severity"), lambda row: severity_word(row.severity)),
    (_l("Status"), lambda row: say(row.state)),
    (_l("Deadline"), lambda row: row.next_due_at),
    (_l("Officer"), lambda row: row.officer.full_name if row.officer else None),
    (_l("Opened"), lambda row: row.opened_at),
    (_l("Closed"), lambda row: row.closed_at),
))  # fmt: skip
