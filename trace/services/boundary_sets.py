"""Thousands of boundaries judged together: laid into a table of the transaction, checked by sets, compared with one another.

What must not live here: what a file is, and what becomes of the rows (`area_imports`).
"""

from __future__ import annotations

import struct
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from trace.services import area_import_faults as faults
from trace.services import boundaries, land_pairs
from trace.services.boundaries import Finding, Source
from trace.services.shapes import ewkb, hectares

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from trace.services.reach import Reach
    from trace.services.shapes import Shape

ROWS = "pg_temp.shape_in_file"
_ROWS = Source(ROWS)
MOST_TWINS = 5
"""Overlaps told of one row with rows before it."""
MOST_NEAR = 100
"""Rows that one row is compared with. One that has more beside it overlaps some of them, and is told so."""
SECONDS = 90
_STOPPED = "57014"
_WAITING = """(
    SELECT row_no, boundary FROM area_import_row WHERE import_id = :import_id AND row_no = ANY (cast(:chosen AS integer[])))"""

_TABLE = """
    DROP TABLE IF EXISTS pg_temp.shape_in_file;
    CREATE TEMP TABLE shape_in_file (row_no integer NOT NULL, boundary geometry NOT NULL) ON COMMIT DROP"""
_AMONG = """
    SELECT p.row_no, p.other, o.shared / nullif(ST_Area(c.boundary), 0) AS of_this,
           o.shared / nullif(ST_Area(e.boundary), 0) AS of_other
      FROM unnest(cast(:rows AS integer[]), cast(:others AS integer[])) AS p (row_no, other)
      JOIN pg_temp.shape_in_file c ON c.row_no = p.row_no
      JOIN pg_temp.shape_in_file e ON e.row_no = p.other
      CROSS JOIN LATERAL (SELECT ST_Area(ST_Intersection(e.boundary, c.boundary)) AS shared OFFSET 0) o
     WHERE ST_Relate(e.boundary, c.boundary, 'T********')"""
_HEAD = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_TUPLE = struct.Struct(">hiii")


def _load(session: Session, binary: Mapping[int, bytes]) -> None:
    """Lay shapes (EWKB by row) into a table that lives as long as the transaction. Whatever lay there before is gone."""
    parts = [_HEAD]
    for row, shape in binary.items():
        parts += (_TUPLE.pack(2, 4, row, len(shape)), shape)
    parts.append(struct.pack(">h", -1))
    connection: Any = session.connection().connection.driver_connection
    with connection.cursor() as cursor:
        cursor.execute(_TABLE)
        with cursor.copy("COPY pg_temp.shape_in_file FROM STDIN (FORMAT binary)") as copy:
            copy.write(b"".join(parts))
        cursor.execute("CREATE INDEX ON pg_temp.shape_in_file USING gist (boundary)")
        cursor.execute(
            "ANALYZE pg_temp.shape_in_file (row_no)"
        )  # how many there are; of the boundaries it would cost more


def examine_again(
    session: Session, import_id: UUID, measured: Mapping[int, float], *, title_id: UUID, reach: Reach
) -> dict[int, Finding]:
    """What the register says now about rows of an import whose form was judged before. `measured` gives their hectares."""
    found = {row: Finding(size) for row, size in measured.items()}
    waiting = Source(_WAITING, {"import_id": import_id, "chosen": list(measured)})
    boundaries.meet(session, waiting, found, title_id=title_id, reach=reach)
    return found


def examine(
    session: Session, drawn: Mapping[int, Shape], names: Mapping[int, str], *, title_id: UUID, reach: Reach
) -> dict[int, Finding]:
    """What the map and the other rows say about each row. Raises `TooMuchToCompare`."""
    measured = dict(zip(drawn, hectares(list(drawn.values())), strict=True))
    binary = {row: ewkb(shape) for row, shape in drawn.items()}
    try:
        session.execute(text(f"SET LOCAL statement_timeout = '{SECONDS}s'"))
        _load(session, binary)
        found = boundaries.formed(session, _ROWS, measured)
        single, twins = _twins(found, binary)
        # The rows are compared here while the database compares them with the map.
        with ThreadPoolExecutor(max_workers=1) as beside:
            near = beside.submit(_near, drawn, single)
            boundaries.place(session, _ROWS, found, title_id=title_id)
            boundaries.meet(session, _ROWS, found, title_id=title_id, reach=reach)
        for pair in twins + _overlaps(session, near.result()):
            _judge(found, pair, names)
        session.execute(text("SET LOCAL statement_timeout = DEFAULT"))
    except OperationalError as exc:
        if getattr(exc.orig, "sqlstate", "") == _STOPPED:
            raise faults.TooMuchToCompare from exc
        raise
    return found


def _twins(found: Mapping[int, Finding], binary: Mapping[int, bytes]) -> tuple[list[int], list[Pair]]:
    """Rows that stand once, and those that are the same as an earlier one to the last digit."""
    first: dict[bytes, int] = {}
    twins = list[Pair]()
    for row, shape in binary.items():
        if found[row].formed and (twin := first.setdefault(shape, row)) != row:
            twins.append(Pair(row, twin, 1.0, 1.0))
    return list(first.values()), twins


def _near(drawn: Mapping[int, Shape], rows: Sequence[int]) -> NDArray[np.int64]:
    """Pairs of rows that may share land."""
    if not rows:
        return np.empty((0, 2), dtype=np.int64)
    pairs = land_pairs.sharing(land_pairs.outlines([drawn[row] for row in rows]), most=MOST_NEAR)
    return np.array(rows, dtype=np.int64)[pairs]


def _overlaps(session: Session, pairs: NDArray[np.int64]) -> list[Pair]:
    """How much of each pair is shared; of one row at most so many pairs, those first that share most of it."""
    if not len(pairs):
        return []
    overlaps = defaultdict[int, list[Pair]](list)
    for piece in session.execute(text(_AMONG), {"rows": pairs[:, 0].tolist(), "others": pairs[:, 1].tolist()}):
        overlaps[piece.row_no].append(Pair(*piece))
    return [
        pair for pieces in overlaps.values() for pair in sorted(pieces, key=lambda each: -each.of_this)[:MOST_TWINS]
    ]


class Pair(NamedTuple):
    """How much of two rows is the same land."""

    row_no: int
    other: int
    of_this: float
    of_other: float


def _judge(found: Mapping[int, Finding], row: Pair, names: Mapping[int, str]) -> None:
    """The later of two rows bears the fault; the earlier is told of it."""
    number, this, other = row.row_no, found[row.row_no], found[row.other]
    metres = row.of_this * this.measured_ha * 10_000
    if metres < boundaries.WORTH_M2:
        return
    same = min(row.of_this, row.of_other)
    if same >= boundaries.SAME_LAND:
        share = boundaries.percents(same)
        this.faults.append(faults.DuplicateOfRow(row=row.other, name=names[row.other], percent=share))
        other.remarks.append(faults.RowRepeated(row=number, name=names[number]))
        return
    said = faults.OverlapsRow(
        row=row.other, name=names[row.other], square_metres=round(metres), percent=boundaries.percents(row.of_this)
    )
    if max(row.of_this, row.of_other) >= boundaries.STOPS_OVERLAP:
        this.faults.append(said)
        other.remarks.append(faults.RowOverlapped(row=number, name=names[number], square_metres=round(metres)))
    else:
        this.remarks.append(said)
