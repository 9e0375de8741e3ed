"""Whether the label books are right after a race: against each other, and against what every writer was told outside the database.

Everything is compared inside PostgreSQL, so that a million acknowledged deeds cost this process no memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from trace import clock
from trace.services import reconciling

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

BOOKS = {
    "a balance is beyond its volume": "SELECT id FROM eligible_balance WHERE issued_g > eligible_g + extra_g",
    "a balance does not weigh what its live labels weigh": """
        SELECT b.id FROM eligible_balance b LEFT JOIN label_order o ON o.balance_id = b.id
          LEFT JOIN label_range r ON r.order_id = o.id AND r.state NOT IN ('voided', 'spoiled', 'returned')
         GROUP BY b.id HAVING b.issued_g <> coalesce(sum((upper(r.serials) - lower(r.serials)) * o.pack_weight_g), 0)""",
    "a lot does not weigh what its live labels weigh": """
        SELECT l.id FROM lot l LEFT JOIN label_order o ON o.lot_id = l.id
          LEFT JOIN label_range r ON r.order_id = o.id AND r.state NOT IN ('voided', 'spoiled', 'returned')
         GROUP BY l.id HAVING l.labelled_g <> coalesce(sum((upper(r.serials) - lower(r.serials)) * o.pack_weight_g), 0)""",
    "the serials issued are not those of the series": """
        SELECT 1 FROM label_series s
         WHERE s.next_serial > 1
           AND ((SELECT range_agg(serials) FROM label_order) IS DISTINCT FROM int8multirange(int8range(1, s.next_serial))
             OR (SELECT sum(quantity) FROM label_order) <> s.next_serial - 1)""",
    "the ranges do not cover every serial exactly once": """
        SELECT 1 FROM label_series s
         WHERE s.next_serial > 1
           AND ((SELECT range_agg(serials) FROM label_range) IS DISTINCT FROM int8multirange(int8range(1, s.next_serial))
             OR (SELECT sum(upper(serials) - lower(serials)) FROM label_range) <> s.next_serial - 1)""",
    "an order was issued other than once": """
        SELECT o.id FROM label_order o LEFT JOIN label_movement m ON m.order_id = o.id AND m.move = 'issue'
         GROUP BY o.id HAVING count(m.id) <> 1 OR bool_or(m.serials <> o.serials)""",
}

# What was acknowledged, against what is written. Each query gives lines to print.
TOLD = (
    """
    SELECT format('order %s was acknowledged and is not there', t.order_id)
      FROM told t LEFT JOIN label_order o ON o.id = t.order_id AND o.serials = t.serials
     WHERE t.what = 'order' AND o.id IS NULL""",
    """
    SELECT format('order %s has serials of another', order_id)
      FROM (SELECT order_id, serials, max(upper(serials)) OVER (
                     ORDER BY serials ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS given
              FROM told WHERE what = 'order') t
     WHERE lower(serials) < given""",
    """
    SELECT format('%s of %s–%s was acknowledged and is not in the ledger', t.what, lower(t.serials), upper(t.serials))
      FROM told t
      LEFT JOIN (SELECT order_id, move, range_agg(serials) AS labels FROM label_movement GROUP BY 1, 2) m
        ON m.order_id = t.order_id AND m.move = t.what
     WHERE t.what <> 'order' AND (m.labels @> t.serials) IS NOT TRUE""",
)
MOST_LINES = 20


def examine(session: Session, folder: Path) -> list[str]:
    """Everything that is wrong with the books, and everything acknowledged in the diaries of a folder that is not in them."""
    wrong = []
    for says, query in BOOKS.items():
        if found := session.scalar(text(f"SELECT count(*) FROM ({query}) found")):
            wrong.append(f"{says}: {found}")
    if gaps := reconciling.find_gaps(session, clock.now()):
        wrong.append(f"ledger and ranges differ in {gaps} orders")
    session.rollback()
    _read_diaries(session, folder)
    for query in TOLD:
        wrong += session.scalars(text(f"{query} LIMIT {MOST_LINES}")).all()
    session.rollback()
    return wrong


def acknowledged(folder: Path) -> int:
    """How many deeds the diaries of a folder hold."""
    total = 0
    for path in folder.glob("diary*"):
        with path.open("rb") as lines:
            total += sum(1 for _ in lines)
    return total


def _read_diaries(session: Session, folder: Path) -> None:
    """Diaries as a temporary table: a line is deed, order, first serial and the one after the last."""
    session.execute(text("CREATE TEMPORARY TABLE told (what text, order_id uuid, serials int8range) ON COMMIT DROP"))
    connection = session.connection().connection.driver_connection
    assert connection is not None
    with connection.cursor() as cursor, cursor.copy("COPY told FROM STDIN") as copy:
        for path in folder.glob("diary*"):
            with path.open(encoding="ascii") as lines:
                for line in lines:
                    parts = line.split()
                    if len(parts) == 4 and line.endswith("\n"):
                        copy.write_row((parts[0], parts[1], f"[{parts[2]},{parts[3]})"))
    session.execute(text("ANALYZE told"))
