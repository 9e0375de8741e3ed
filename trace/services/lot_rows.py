"""Rows of a table of lots. Each is tried as one lot would be recorded by hand, so a table is held to the same rules.

What must not live here: those rules (`lot_recording`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from trace.errors import Conflict, Invalid, NotFound, Refused
from trace.models.areas import GrowingArea, ProductionSite
from trace.models.lots import Lot
from trace.services import gate, harvests, lot_recording, lots, table_cells, table_forms
from trace.services import table_faults as faults
from trace.services.folding import fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.services.area_imports import Asker
    from trace.services.table_reading import Row

FORM = table_forms.LOTS
HEADING = {column.key: column.heading for column in FORM.columns}
_DAYS = ("harvested_on", "packed_on", "expires_on")
_AT = {
    lots.CodeTaken: "code", lots.CodeMissing: "code", lots.DatesOutOfOrder: "packed_on", lots.HarvestInFuture: "harvested_on",
    lots.NotCovered: "source", lots.WrongSourceKind: "source", lots.SeasonNotRunning: "season", lots.VolumeNotPositive: "volume_kg",
    lots.NoBalance: "volume_kg", lots.BeyondBalance: "volume_kg", gate.SiteClosed: "source", harvests.HarvestOfLaterSeason: "season",
}  # fmt: skip


def judge(session: Session, rows: Sequence[Row], *, holder_id: UUID, who: Asker) -> None:
    """Try every row in turn, so that volumes add up. Nothing is written."""
    places = sources(session, holder_id, who)
    seasons: dict[str, list[UUID]] = {}
    for season in lots.seasons(session, reach=who.reach):
        seasons.setdefault(fold(f"{season.product.name} {season.name}"), []).append(season.id)
    standing = {
        lot.code: lot
        for lot in session.scalars(select(Lot).where(Lot.holder_id == holder_id, Lot.code.in_(_codes(rows))))
    }
    seen: dict[str, int] = {}
    for row in rows:
        _read(row)
        place(row, "source", places, HEADING["source"])
        if said := table_cells.text(row.cells.get("season")):
            found = seasons.get(fold(said), [])
            if len(found) == 1:
                row.values["season_id"] = found[0]
            else:
                row.fault("season", faults.SeasonNotFound(column=HEADING["season"], text=said[:80]))
        code = row.values["code"]
        if code and (first := seen.setdefault(code, row.number)) != row.number:
            row.fault("code", faults.RepeatedInFile(column=HEADING["code"], text=code, row=first))
        elif code in standing and not row.faulty:
            _same_or_not(row, standing[code])
    trial = session.begin_nested()  # what is looked at is locked, and let go again
    try:
        recorder = _recorder(session, rows, who)
        for row in rows:
            if not row.faulty and not row.known:
                _try(recorder, row)
    finally:
        trial.rollback()


def take(session: Session, rows: Sequence[Row], *, who: Asker, **_: object) -> int:
    """Record rows that were judged good in this transaction."""
    recorder = _recorder(session, rows, who)
    return len(recorder.write([recorder.judge(_goods(row)) for row in rows]))


def sources(session: Session, holder_id: UUID, who: Asker) -> Mapping[str, list[GrowingArea | ProductionSite]]:
    """The areas and sites of a holder within reach, by folded name."""
    found: dict[str, list[GrowingArea | ProductionSite]] = {}
    models: tuple[type[GrowingArea | ProductionSite], ...] = (GrowingArea, ProductionSite)
    for model in models:
        covered = who.reach.covers(model.holder_id, model.title_id)
        rows: Any = session.scalars(select(model).where(model.holder_id == holder_id, covered))
        for each in rows:
            found.setdefault(fold(each.name), []).append(each)
    return found


def place(row: Row, key: str, known: Mapping[str, list[Any]], heading: str) -> None:
    """Find the one area or site that a cell names."""
    if not (said := table_cells.text(row.cells.get(key))):
        return
    group = known.get(fold(said), [])
    exact = [each for each in group if each.name == said] or group
    if len(exact) == 1:
        row.values["source"] = exact[0]
    else:
        row.fault(key, faults.SourceNotFound(column=heading, text=said[:80]))


def _codes(rows: Sequence[Row]) -> list[str]:
    return [code for row in rows if (code := table_cells.text(row.cells.get("code")))]


def _read(row: Row) -> None:
    values = row.values
    values["code"] = table_cells.text(row.cells.get("code"))
    if len(values["code"]) > 60:
        row.fault("code", faults.CellTooLong(column=HEADING["code"], most=60))
    if row.cells.get("volume_kg") is not None:
        kilograms, wrong, _ = table_cells.number(
            row.cells["volume_kg"], HEADING["volume_kg"], least="0.001", most="100000000", places=3
        )
        if wrong is not None:
            row.fault("volume_kg", wrong)
        else:
            values["volume_g"] = int(kilograms * 1000)
    for key in _DAYS:
        if row.cells.get(key) is None:
            continue
        values[key], wrong, remark = table_cells.day(row.cells[key], HEADING[key])
        if wrong is not None:
            row.fault(key, wrong)
        if remark is not None:
            row.remark(key, remark)


def _same_or_not(row: Row, lot: Lot) -> None:
    values = row.values
    same = (
        values["volume_g"] == lot.volume_g and values["source"].id in {lot.area_id, lot.site_id}
        and values["season_id"] == lot.season_id and all(values[key] == getattr(lot, key) for key in _DAYS)
    )  # fmt: skip
    if same:
        row.known = True
        row.remark(None, faults.KnownAlready(name=lot.code))
    else:
        row.fault("code", faults.TakenAlready(column=HEADING["code"], text=lot.code, name=lot.code))


def _recorder(session: Session, rows: Sequence[Row], who: Asker) -> lot_recording.Recorder:
    return lot_recording.Recorder(session, _codes(rows), by=who.by, at=who.at, reach=who.reach)


def _try(recorder: lot_recording.Recorder, row: Row) -> None:
    try:
        recorder.judge(_goods(row))
    except Refused as exc:
        for reason in exc.reasons:
            row.fault(_AT.get(type(reason)), reason)
    except (Invalid, Conflict, NotFound) as exc:
        row.fault(None, exc)


def _goods(row: Row) -> lot_recording.Goods:
    values, source = row.values, row.values["source"]
    is_area = isinstance(source, GrowingArea)
    return lot_recording.Goods(
        code=values["code"], season_id=values["season_id"], volume_g=values["volume_g"], harvested_on=values["harvested_on"],
        packed_on=values["packed_on"], expires_on=values["expires_on"], area_id=source.id if is_area else None,
        site_id=None if is_area else source.id,
    )  # fmt: skip
