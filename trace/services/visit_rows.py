"""Rows of a table of control visits: one row an answer; rows of one place, day and level are one visit.

The visits are begun and filled in; whoever controlled ends each on its page, where it is signed. What must not live here: the rules
of a visit (`visits`, `visit_endings`).
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from trace.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from trace.models.areas import GrowingArea
from trace.models.controls import ControlAnswer, ControlLevel, ControlVisit, Outcome
from trace.services import control_plans, lot_rows, table_cells, table_choices, table_forms, visits
from trace.services import table_faults as faults
from trace.services.folding import fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.models.control_plans import ControlItem
    from trace.services.area_imports import Asker
    from trace.services.table_reading import Row

FORM = table_forms.VISITS
HEADING = {column.key: column.heading for column in FORM.columns}
LEVELS = {fold(name): level for name, level in table_choices.LEVELS.items()}
OUTCOMES = {fold(name): outcome for name, outcome in table_choices.OUTCOMES.items()} | {
    "d": Outcome.CONFORMS, "k": Outcome.FAILS, "kad": Outcome.NOT_APPLICABLE,
}  # fmt: skip
Key = tuple[Any, date, ControlLevel]


def judge(session: Session, rows: Sequence[Row], *, holder_id: UUID, who: Asker) -> None:
    """Read the cells, gather the rows into visits, and try to begin each; all of it is taken back."""
    places = lot_rows.sources(session, holder_id, who)
    for row in rows:
        _read(row, who.today)
        lot_rows.place(row, "source", places, HEADING["source"])
    _compare_rows(rows)
    trial = session.begin_nested()
    try:
        for key, group in _visits(rows).items():
            _try(session, key, group, who)
    finally:
        trial.rollback()


def take(session: Session, rows: Sequence[Row], *, who: Asker, **_: object) -> int:
    """Begin the visits of rows that were judged good in this transaction, and keep their answers."""
    for key, group in _visits(rows).items():
        visit = _start(session, key, who)
        items = _items(session, visit, key)
        answers = [_answer(row, items[row.values["item"]], who) for row in group]
        visits.answer(session, visit.id, answers, by=who.by, at=who.at, reach=who.reach)
    return len(rows)


def _read(row: Row, today: date) -> None:
    values = row.values
    for key in ("visited_on", "due_on"):
        values[key] = None
        if row.cells.get(key) is None:
            continue
        values[key], wrong, remark = table_cells.day(row.cells[key], HEADING[key])
        if wrong is not None:
            row.fault(key, wrong)
        if remark is not None:
            row.remark(key, remark)
    if values["visited_on"] and values["visited_on"] > today:
        row.fault("visited_on", faults.DateInFuture(column=HEADING["visited_on"], day=values["visited_on"]))
    lists: Mapping[str, Mapping[str, Any]] = {"level": LEVELS, "outcome": OUTCOMES}
    for key, known in lists.items():
        said = table_cells.text(row.cells.get(key))
        values[key] = known.get(fold(said))
        if said and values[key] is None:
            row.fault(key, faults.NotInList(column=HEADING[key], text=said[:40]))
    values["item"] = table_cells.text(row.cells.get("item"))
    for key in ("note", "action"):
        values[key] = table_cells.text(row.cells.get(key))
        if len(values[key]) > visits.LONGEST:
            row.fault(key, faults.CellTooLong(column=HEADING[key], most=visits.LONGEST))


def _compare_rows(rows: Sequence[Row]) -> None:
    first: dict[Any, int] = {}
    for row in rows:
        if row.faulty:
            continue
        key = (row.values["source"].id, row.values["visited_on"], row.values["level"], fold(row.values["item"]))
        if first.setdefault(key, row.number) != row.number:
            row.fault("item", faults.RepeatedInFile(column=HEADING["item"], text=row.values["item"], row=first[key]))


def _visits(rows: Sequence[Row]) -> dict[Key, list[Row]]:
    found: dict[Key, list[Row]] = {}
    for row in rows:
        if not row.faulty and not row.known:
            found.setdefault((row.values["source"], row.values["visited_on"], row.values["level"]), []).append(row)
    return found


def _start(session: Session, key: Key, who: Asker) -> ControlVisit:
    source, visited_on, level = key
    is_area = isinstance(source, GrowingArea)
    return visits.start(
        session, area_id=source.id if is_area else None, site_id=None if is_area else source.id, level=level, visited_on=visited_on,
        by=who.by, at=who.at, reach=who.reach,
    )  # fmt: skip


def _try(session: Session, key: Key, group: Sequence[Row], who: Asker) -> None:
    """Say at every row of a visit what keeps it from being recorded, and at single rows what is wrong with them."""
    if (finished := _finished(session, key, who)) is not None:
        stands = {answer.item.code: answer for answer in visits.answers_of(session, finished.id).values()}
        for row in group:
            _compare(row, stands.get(row.values["item"]), always=True)
        return
    try:
        with session.begin_nested():
            visit = _start(session, key, who)
            session.flush()
    except Refused as exc:
        for reason in exc.reasons:
            for row in group:
                row.fault(
                    "visited_on" if isinstance(reason, visits.NoPlanInForce | visits.VisitInFuture) else "source",
                    reason,
                )
        return
    except (Invalid, Conflict, Forbidden, NotFound) as exc:
        for row in group:
            row.fault("source", exc)
        return
    items = _items(session, visit, key)
    stands = {answer.item.code: answer for answer in visits.answers_of(session, visit.id).values()}
    for row in group:
        if row.values["item"] not in items:
            row.fault("item", faults.ItemNotFound(column=HEADING["item"], text=row.values["item"][:40]))
        else:
            _compare(row, stands.get(row.values["item"]), always=False)


def _compare(row: Row, stands: ControlAnswer | None, *, always: bool) -> None:
    """An answer that stands already is left alone if it says the same. With `always` the visit is finished and takes no other."""
    if stands is None or stands.outcome is None:
        if always:
            row.fault("visited_on", visits.VisitFinished())
    elif stands.outcome is row.values["outcome"]:
        row.known = True
        row.remark(None, faults.KnownAlready(name=row.values["item"]))
    else:
        shown = next(name for name, outcome in table_choices.OUTCOMES.items() if outcome is stands.outcome)
        row.fault(
            "outcome", faults.DiffersFromRegister(column=HEADING["outcome"], stands=shown, name=row.values["item"])
        )


def _finished(session: Session, key: Key, who: Asker) -> ControlVisit | None:
    source, visited_on, level = key
    column = ControlVisit.area_id if isinstance(source, GrowingArea) else ControlVisit.site_id
    return session.scalars(
        select(ControlVisit)
        .where(
            column == source.id, ControlVisit.level == level, ControlVisit.visited_on == visited_on,
            ControlVisit.controller_id == who.by, ControlVisit.finished_at.is_not(None),
        )
        .limit(1)
    ).one_or_none()  # fmt: skip


def _items(session: Session, visit: ControlVisit, key: Key) -> dict[str, ControlItem]:
    plan = control_plans.in_force(session, visit.title_id, on=visit.visited_on)
    return {item.code: item for item in control_plans.items_for(plan, key[2])} if plan else {}


def _answer(row: Row, item: ControlItem, who: Asker) -> visits.Answer:
    values = row.values
    return visits.Answer(
        item_id=item.id, sequence=1, outcome=values["outcome"], answered_at=who.at, note=values["note"], action=values["action"],
        due_on=values["due_on"],
    )  # fmt: skip
