"""The lists of the desk as files: all rows that the filters of the address find, or the first of them where it says how many. Nothing of
who reported is among the columns.

Which rows these are is asked once, before the first is written: while a long file is made, others decide, and no row is left out or told
twice for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import g, request
from flask_babel import lazy_gettext as _l

from enforcement import bulk, queue
from enforcement.models import DeskList
from enforcement.views import desk_lists
from enforcement.views.signal_words import summary
from enforcement.views.words import severity_word
from trace import clock
from trace.access import May
from trace.db import session
from trace.errors import TooLarge
from trace.services import places
from trace.views.export_lists import LISTS, List
from trace.words import say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

MOST_ROWS = 50_000


class DeskListTooLong(TooLarge):
    """The list has more than %(most)s rows, and one file holds no more.

    Narrow the list with its filters, for example by severity or commune, and download the parts.
    """


class DeskTextTooCommon(TooLarge):
    """This text finds more than a search gathers, so a file of it would not be whole.

    Add a word to the text, or search for a code or a number; or empty the search and narrow the list with its filters.
    """


def _ids(kind: DeskList) -> list[UUID]:
    """The rows of the file, asked for once in a request."""
    if "desk_export" not in g:
        asked = desk_lists.asked(kind, request.args)
        first = _first()
        g.desk_export = queue.ids(session(), asked, at=clock.now())[:first] if first else _whole(asked)
    kept: list[UUID] = g.desk_export
    return kept


def _whole(asked: queue.SignalFilter | queue.CaseFilter) -> list[UUID]:
    """All rows of a filter, or none: a file that holds a part would be taken for the whole."""
    if not places.asked(asked.q):
        found = queue.ids(session(), asked, at=clock.now(), most=MOST_ROWS)
        if len(found) > MOST_ROWS:
            raise DeskListTooLong(most=MOST_ROWS)
        return found
    found = queue.ids(session(), asked, at=clock.now())
    # A search gathers only so much; ticked rows are those that it has shown.
    if len(found) > queue.bound(asked) or (not asked.ids and queue.in_part(session(), asked)):
        raise DeskTextTooCommon
    return found


def _first() -> int:
    """How many rows were chosen from the beginning of the list; 0 where the address does not say so."""
    said = request.args.get("first", "")
    return min(int(said), bulk.MOST) if said.isascii() and said.isdigit() and len(said) < 10 else 0


def _signals(page: int, size: int) -> tuple[Sequence[Any], int]:
    found = _ids(DeskList.SIGNALS)
    return queue.clusters_of(session(), found[(page - 1) * size : page * size]), len(found)


def _cases(page: int, size: int) -> tuple[Sequence[Any], int]:
    found = _ids(DeskList.CASES)
    return queue.cases_of(session(), found[(page - 1) * size : page * size]), len(found)


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
