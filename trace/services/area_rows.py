"""Rows of a table of growing areas: what is declared of areas that the register has, and codes given to them. No boundary changes here.

What must not live here: bringing in boundaries (`area_imports`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geoalchemy2 import Geography
from sqlalchemy import cast, func, select

from trace.models.areas import GrowingArea, GrowingAreaCode
from trace.services import area_codes, boundaries, editing, table_cells, table_forms
from trace.services import table_faults as faults
from trace.services.folding import fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.services.area_imports import Asker
    from trace.services.table_reading import Row

FORM = table_forms.AREAS
HEADING = {column.key: column.heading for column in FORM.columns}
SCHEME = MARKET = "VN"
_TEXTS = {"crop": 80, "variety": 80, "market": 40, "issuer": 200, "document": 200}
_NUMBERS = {"declared_ha": ("0.0001", "100000", 4), "trees": ("1", "10000000", 0)}
_FACTS = ("declared_ha", "crop", "variety", "trees", "planted_in")


@dataclass(frozen=True)
class Known:
    """An area of the holder, with its measured hectares."""

    area: GrowingArea
    measured_ha: float


def judge(session: Session, rows: Sequence[Row], *, holder_id: UUID, who: Asker) -> None:
    """Find the area of every row and say what is wrong with it. Nothing is written."""
    known = _known(session, holder_id, who)
    codes = _codes(session, known, who)
    seen: dict[tuple[Any, ...], int] = {}
    for row in rows:
        _read(row, who)
        _place(row, known)
        found = row.values.get("known")
        if found is None:
            continue
        key = (found.area.id, row.values["code"], row.values["market"])
        if (first := seen.setdefault(key, row.number)) != row.number:
            row.fault("area", faults.RepeatedInFile(column=HEADING["area"], text=found.area.name, row=first))
        if row.values["code"] and (found.area.id, row.values["code"], row.values["market"]) in codes:
            row.remark("code", faults.CodeStands(column=HEADING["code"], text=row.values["code"]))
            row.values["code"] = None
        if row.values["declared_ha"] is not None:
            for remark in boundaries.size_remarks(row.values["declared_ha"], found.measured_ha):
                row.remark("declared_ha", remark)
        if not row.faulty and not row.values["code"] and not _changes(row, found.area):
            row.known = True
            row.remark(None, faults.KnownAlready(name=found.area.name))


def take(session: Session, rows: Sequence[Row], *, who: Asker, **_: object) -> int:
    """Change the areas of rows that were judged good in this transaction."""
    ids = [row.values["known"].area.id for row in rows]
    session.execute(
        select(GrowingArea).where(GrowingArea.id.in_(ids)).order_by(GrowingArea.id).with_for_update(),
        execution_options={"populate_existing": True},
    ).all()
    for row in rows:
        area = row.values["known"].area
        changes = _changes(row, area)
        if changes:
            editing.change(session, area, "area:change", changes, by=who.by, at=who.at, flush=False)
        if row.values["code"]:
            area_codes.add(
                session, area.id, code=row.values["code"], scheme=SCHEME, market=row.values["market"], crop=area.crop,
                issuer=row.values["issuer"], issued_on=row.values["issued_on"], valid_from=None, valid_until=None,
                document=row.values["document"], by=who.by, at=who.at, reach=who.reach,
            )  # fmt: skip
    session.flush()
    return len(rows)


def _known(session: Session, holder_id: UUID, who: Asker) -> Mapping[str, list[Known]]:
    hectares = func.ST_Area(cast(GrowingArea.boundary, Geography)) / 10_000
    statement = select(GrowingArea, hectares).where(
        GrowingArea.holder_id == holder_id, who.reach.covers(GrowingArea.holder_id, GrowingArea.title_id)
    )
    found: dict[str, list[Known]] = {}
    for area, measured in session.execute(statement):
        found.setdefault(fold(area.name), []).append(Known(area, float(measured)))
    return found


def _codes(session: Session, known: Mapping[str, list[Known]], who: Asker) -> set[tuple[Any, ...]]:
    ids = [each.area.id for group in known.values() for each in group]
    statement = select(GrowingAreaCode.area_id, GrowingAreaCode.code, GrowingAreaCode.market).where(
        GrowingAreaCode.area_id == func.any(ids), GrowingAreaCode.valid_during.contains(who.today)
    )
    return {tuple(line) for line in session.execute(statement)}


def _place(row: Row, known: Mapping[str, list[Known]]) -> None:
    said = table_cells.text(row.cells.get("area"))
    if not said:
        return
    group = known.get(fold(said), [])
    exact = [each for each in group if each.area.name == said] or group
    if len(exact) != 1:
        row.fault("area", faults.AreaNotFound(column=HEADING["area"], text=said[:80]))
        return
    row.values["known"] = exact[0]


def _changes(row: Row, area: GrowingArea) -> dict[str, object]:
    """What the row says otherwise than the register; an empty cell says nothing."""
    said = {name: row.values[name] for name in _FACTS if row.values[name] is not None}
    return {name: value for name, value in said.items() if getattr(area, name) != value}


def _read(row: Row, who: Asker) -> None:
    values = row.values
    for key, most in _TEXTS.items():
        values[key] = table_cells.text(row.cells.get(key)) or None
        if values[key] and len(values[key]) > most:
            row.fault(key, faults.CellTooLong(column=HEADING[key], most=most))
    for key, (least, top, places) in {**_NUMBERS, "planted_in": ("1900", str(who.today.year), 0)}.items():
        values[key] = None
        if row.cells.get(key) is None:
            continue
        found, wrong, _ = table_cells.number(row.cells[key], HEADING[key], least=least, most=top, places=4)
        if wrong is None and places == 0 and found != int(found):
            wrong = faults.NumberUnreadable(column=HEADING[key], text=table_cells.text(row.cells[key])[:40])
        if wrong is not None:
            row.fault(key, wrong)
        else:
            values[key] = int(found) if places == 0 else found
    _read_code(row, who)


def _read_code(row: Row, who: Asker) -> None:
    values = row.values
    values["code"] = table_cells.text(row.cells.get("code"))[:60] or None
    values["market"] = values["market"] or MARKET
    values["issued_on"] = None
    if values["code"] and not who.may_code:
        row.remark("code", faults.CodeNotYours(column=HEADING["code"]))
        values["code"] = None
    if not values["code"]:
        return
    for key in ("issued_on", "issuer", "document"):
        if row.cells.get(key) is None:
            row.fault(key, faults.CellMissing(column=HEADING[key]))
    if row.cells.get("issued_on") is not None:
        values["issued_on"], wrong, remark = table_cells.day(row.cells["issued_on"], HEADING["issued_on"])
        if wrong is None and values["issued_on"] > who.today:
            wrong = faults.DateInFuture(column=HEADING["issued_on"], day=values["issued_on"])
        if wrong is not None:
            row.fault("issued_on", wrong)
        if remark is not None:
            row.remark("issued_on", remark)
