"""Any list of the register as XLSX or CSV: what its page shows with its present filters, all pages of it. Who took what is written down."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from flask import Blueprint, current_app, request

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Forbidden, NotFound, TooLarge
from trace.services import history, sheets
from trace.services.sheets import Format
from trace.views import lists
from trace.views.export_lists import LISTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Response
    from flask.typing import ResponseReturnValue

    from trace.views.export_lists import List

bp = Blueprint("exports", __name__, url_prefix="/xuat")

AT_ONCE = 1000
_CHUNK = 1 << 18
_NO_FILTER = {"page", "lang", "sort"}


class ListTooLong(TooLarge):
    """The list has %(rows)s rows; at most %(most)s go into one file.

    Narrow the list with its filters and download the parts.
    """


@bp.get("/<name>.<any(xlsx,csv):format>")
@needs(May.ACCOUNT_USE)
def download(name: str, format: str) -> ResponseReturnValue:  # noqa: A002  as the address calls it
    """One list as a file, with the filters of the address."""
    wanted = LISTS.get(name)
    if wanted is None:
        raise NotFound
    if not person().may(wanted.needs):
        raise Forbidden
    kind = Format(format)
    file = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115  it is closed when the answer has been sent
    try:
        _write(file, wanted, name, kind)
    except BaseException:
        file.close()
        raise
    answer: Response = current_app.response_class(_pieces(file), mimetype=sheets.MEDIA_TYPES[kind])
    answer.call_on_close(file.close)
    answer.headers.set("Content-Disposition", "attachment", filename=f"{name}-{lists.today():%Y-%m-%d}.{kind.value}")
    answer.headers["Content-Type"] = sheets.MEDIA_TYPES[kind]
    return answer


def _write(file: BinaryIO, wanted: List, name: str, kind: Format) -> None:
    """Put the list into a file and write down who took it."""
    headings = [str(heading) for heading, _cell in wanted.columns]
    count = sheets.write(file, kind, name=str(wanted.name), headings=headings, rows=_rows(wanted))
    history.record(
        session(), "export:take", person().id, by=person().id, at=clock.now(),
        changes={"list": (None, name), "format": (None, kind.value), "filters": (None, _filters()), "rows": (None, count)},
    )  # fmt: skip
    session().commit()
    file.seek(0)


def _rows(wanted: List) -> Iterator[list[Any]]:
    """The cells of every row, read some at a time and forgotten again."""
    page = 1
    while True:
        found, total = wanted.read(page, AT_ONCE)
        if total > sheets.MOST_ROWS:
            raise ListTooLong(rows=total, most=sheets.MOST_ROWS)
        for row in found:
            yield [cell(row) for _heading, cell in wanted.columns]
        if page * AT_ONCE >= total:
            return
        session().expunge_all()
        page += 1


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(_CHUNK):
            yield piece


def _filters() -> str:
    """The filters in use, as the address says them."""
    told = [
        f"{name}={value}" for name, value in sorted(request.args.items(multi=True)) if value and name not in _NO_FILTER
    ]
    return "; ".join(told)[:500] or "–"
