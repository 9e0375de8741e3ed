"""Rows of a table of control visits: one row an answer; rows of one place, day and level are one visit.

The visits are begun and filled in; whoever controlled ends each on its page, where it is signed. What must not live here: the rules
of a visit (`visits`, `visit_endings`).
"""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from trace.errors import Refused
from trace.models.controls import ControlAnswer, ControlLevel, ControlVisit, Outcome
from trace.services import control_plans, lot_rows, table_cells, table_choices, table_forms, visits
from trace.services import table_faults as faults
from trace.services.certificates import belongs_to
from trace.services.folding import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.models.areas import GrowingArea, ProductionSite
    from trace.models.control_plans import ControlItem, ControlPlan
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
    """Read the cells, gather the rows into visits, and say what keeps each from being begun. Nothing is written."""
    places = lot_rows.sources(session, holder_id, who)
    for row in rows:
        _read(row, who.today)
        lot_rows.place(row, "source", places, HEADING["source"])
    _compare_rows(rows)
    register = Register(session, who, _visits(rows))
    for key, group in _visits(rows).items():
        _judge(register, key, group)


def take(session: Session, rows: Sequence[Row], *, who: Asker, **_: object) -> int:
    """Begin the visits of rows that were judged good in this transaction, and keep their answers."""
    groups = _visits(rows)
    register = Register(session, who, groups)
    begun: dict[Key, tuple[ControlVisit, ControlPlan]] = {}
    for key in groups:
        source, visited_on, level = key
        plan = register.plan(*key)
        visit = register.begun.get((source.id, visited_on, level)) or visits.begin(
            session, source, plan, level=level, visited_on=visited_on, by=who.by, at=who.at
        )
        begun[key] = visit, plan
    known = {visit.id for visit in register.begun.values()}
    session.flush()
    for key, group in groups.items():
        visit, plan = begun[key]
        items = {item.code: item for item in control_plans.items_for(plan, visit.level)}
        answers = [_answer(row, items[row.values["item"]], who) for row in group]
        if visit.id in known:
            visits.answer(session, visit.id, answers, by=who.by, at=who.at, reach=who.reach)
        else:
            visits.keep(session, visit, answers, at=who.at)
    return len(rows)


class Register:
    """What the register holds about the visits of a table, asked for all of them at once."""

    def __init__(self, session: Session, who: Asker, keys: Iterable[Key]) -> None:
        self._session, self._who = session, who
        self._plans = cache(control_plans.in_force)
        self._belongs = cache(belongs_to)
        days = {visited_on for _, visited_on, _ in keys}
        own = session.scalars(
            select(ControlVisit)
            .where(ControlVisit.controller_id == who.by, ControlVisit.visited_on.in_(days))
            .order_by(ControlVisit.recorded_at)
        ).all()
        self.begun: dict[Any, ControlVisit] = {}
        self.finished: dict[Any, ControlVisit] = {}
        for visit in own:
            place = self.begun if visit.finished_at is None else self.finished
            place.setdefault((visit.area_id or visit.site_id, visit.visited_on, visit.level), visit)
        answers = session.scalars(
            select(ControlAnswer)
            .where(ControlAnswer.visit_id.in_([visit.id for visit in own]))
            .order_by(ControlAnswer.sequence)
            .options(joinedload(ControlAnswer.item))
        )
        self._answers: dict[UUID, dict[str, ControlAnswer]] = {}
        for answer in answers:
            self._answers.setdefault(answer.visit_id, {})[answer.item.code] = answer

    def plan(self, source: GrowingArea | ProductionSite, visited_on: date, level: ControlLevel) -> ControlPlan:
        """The plan by which a source is visited. Raises `Refused`."""
        return visits.plan_for(
            self._session, source, level=level, visited_on=visited_on, by=self._who.by, at=self._who.at, plans=self._plans,
            belongs=self._belongs,
        )  # fmt: skip

    def answers(self, visit: ControlVisit | None) -> Mapping[str, ControlAnswer]:
        """The answers of a visit as they stand, by the code of their item."""
        return self._answers.get(visit.id, {}) if visit else {}


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


def _judge(register: Register, key: Key, group: Sequence[Row]) -> None:
    """Say at every row of a visit what keeps it from being recorded, and at single rows what is wrong with them."""
    source, visited_on, level = key
    place = (source.id, visited_on, level)
    if (finished := register.finished.get(place)) is not None:
        for row in group:
            _compare(row, register.answers(finished).get(row.values["item"]), always=True)
        return
    try:
        plan = register.plan(source, visited_on, level)
    except Refused as exc:
        for reason in exc.reasons:
            for row in group:
                row.fault(
                    "visited_on" if isinstance(reason, visits.NoPlanInForce | visits.VisitInFuture) else "source",
                    reason,
                )
        return
    items = {item.code for item in control_plans.items_for(plan, level)}
    stands = register.answers(register.begun.get(place))
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


def _answer(row: Row, item: ControlItem, who: Asker) -> visits.Answer:
    values = row.values
    return visits.Answer(
        item_id=item.id, sequence=1, outcome=values["outcome"], answered_at=who.at, note=values["note"], action=values["action"],
        due_on=values["due_on"],
    )  # fmt: skip
