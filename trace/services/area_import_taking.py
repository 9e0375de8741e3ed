"""Making growing areas of the rows of an import: judged once more against the register, then written in one statement or not at all.

What must not live here: reading the file.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, text
from sqlalchemy.exc import IntegrityError

from trace.errors import broken_constraint
from trace.models.area_imports import AreaImport, AreaImportRow, ImportState
from trace.services import area_import_faults as faults
from trace.services import area_imports, boundary_sets, history
from trace.services.area_import_rows import Row
from trace.services.geofile_forms import no_collecting

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.services.area_imports import Asker

_TURNED_DOWN = {"uq_growing_area_holder_id_name", "ex_growing_area_code_one_state"}

# One statement: the areas, the first line of each one's history, and their codes.
_TAKE = text("""
    WITH chosen AS MATERIALIZED (
        SELECT gen_random_uuid() AS id, r.* FROM area_import_row r
         WHERE r.import_id = :import_id AND r.row_no = ANY (cast(:rows AS integer[]))
    ), made AS (
        INSERT INTO growing_area (id, title_id, holder_id, name, commune_code, boundary, declared_ha, crop, variety, trees, planted_in)
        SELECT id, :title_id, holder_id, name, commune_code, boundary, declared_ha, crop, variety, trees, planted_in FROM chosen
    ), told AS (
        INSERT INTO history (at, by, deed, subject_id, changes)
        SELECT :at, :by, 'area:import', id, jsonb_strip_nulls(jsonb_build_object(
                 'name', jsonb_build_array(NULL, name), 'file', jsonb_build_array(NULL, cast(:file AS text)),
                 'declared_ha', jsonb_build_array(NULL, trim_scale(declared_ha)::text),
                 'measured_ha', jsonb_build_array(NULL, round(measured_ha::numeric, 2)::text),
                 'crop', CASE WHEN crop IS NOT NULL THEN jsonb_build_array(NULL, crop) END,
                 'variety', CASE WHEN variety IS NOT NULL THEN jsonb_build_array(NULL, variety) END,
                 'trees', CASE WHEN trees IS NOT NULL THEN jsonb_build_array(NULL, trees) END,
                 'planted_in', CASE WHEN planted_in IS NOT NULL THEN jsonb_build_array(NULL, planted_in) END,
                 'code', CASE WHEN code IS NOT NULL THEN jsonb_build_array(NULL, code) END,
                 'revision', jsonb_build_array(0, 1)))
          FROM chosen
    ), coded AS (
        INSERT INTO growing_area_code (area_id, code, scheme, market, status, valid_during, crop, issuer, issued_on, document)
        SELECT id, code, :scheme, market, 'active', daterange(coalesce(issued_on, :today), NULL), crop, :issuer, issued_on, :document
          FROM chosen WHERE code IS NOT NULL
    )
    SELECT count(*) FROM chosen""")


class Which(StrEnum):
    """Which rows of an import to take over (never shown)."""

    ALL = "all"
    FINE = "fine"
    CHOSEN = "chosen"


def take(session: Session, import_id: UUID, which: Which, *, rows: Sequence[int] = (), who: Asker) -> AreaImport:
    """Make areas of the rows: of all if none has a fault, of those without faults, or of those among them that were chosen.

    Raises `NotFound`, `ImportFinished`, `FaultsLeft`, `NothingToTake`, or `ChangedMeanwhile` when the register has changed since the
    preview in a way that gives a row a fault; then nothing was written, and the import should be judged anew.
    """
    with no_collecting():
        return _take(session, import_id, which, rows, who)


def _take(session: Session, import_id: UUID, which: Which, rows: Sequence[int], who: Asker) -> AreaImport:
    made = area_imports.locked(session, import_id, reach=who.reach)
    if which is Which.ALL and made.faulty:
        raise faults.FaultsLeft(faulty=made.faulty)
    fine = (
        select(
            AreaImportRow.row_no, AreaImportRow.name, AreaImportRow.holder_id, AreaImportRow.measured_ha, AreaImportRow.code,
            AreaImportRow.market,
        )
        .where(AreaImportRow.import_id == made.id, func.jsonb_array_length(AreaImportRow.faults) == 0)
        .order_by(AreaImportRow.row_no)
    )  # fmt: skip
    if which is Which.CHOSEN:
        fine = fine.where(AreaImportRow.row_no.in_(rows))
    chosen = session.execute(fine).all()
    if not chosen:
        raise faults.NothingToTake
    # Two imports for one title wait for each other, so that neither misses an overlap with what the other is about to write.
    session.execute(select(func.pg_advisory_xact_lock(made.title_id.int % 2**63)))
    _look_again(session, made, chosen, who)
    choices = made.choices
    try:
        with session.begin_nested():
            written = session.scalar(
                _TAKE,
                {
                    "import_id": made.id, "rows": [row.row_no for row in chosen], "title_id": made.title_id, "at": who.at, "by": who.by,
                    "file": made.file.name, "scheme": choices["scheme"], "issuer": choices["issuer"], "document": choices["document"], "today": who.today,
                },
            )  # fmt: skip
    except IntegrityError as exc:
        if broken_constraint(exc) in _TURNED_DOWN:
            raise faults.ChangedMeanwhile(rows=1) from exc
        raise
    made.taken, made.state = int(written or 0), ImportState.DONE
    made.finished_at, made.finished_by = who.at, who.by
    session.execute(delete(AreaImportRow).where(AreaImportRow.import_id == made.id))
    history.record(
        session, "area_import:take", made.id, by=who.by, at=who.at,
        changes={"total": (None, made.total), "faulty": (None, made.faulty), "taken": (None, made.taken)},
    )  # fmt: skip
    session.flush()
    return made


def _look_again(session: Session, made: AreaImport, chosen: Sequence[Any], who: Asker) -> None:
    """Refuse if the register has come to stand against a row since it was judged."""
    sizes = {row.row_no: row.measured_ha for row in chosen}
    found = boundary_sets.examine_again(session, made.id, sizes, title_id=made.title_id, reach=who.reach)
    rows = [Row(row.row_no, name=row.name, holder_id=row.holder_id, code=row.code, market=row.market) for row in chosen]
    area_imports.taken(session, rows, scheme=made.choices["scheme"], on=who.today)
    broken = {number for number, finding in found.items() if finding.faults} | {
        row.number for row in rows if row.faults
    }
    if broken:
        raise faults.ChangedMeanwhile(rows=len(broken))
