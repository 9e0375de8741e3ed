"""Bringing a file of growing areas in: read and judged as a whole, shown, then taken over all or nothing, or by chosen rows.

What must not live here: reading kinds of files (`geofiles`), words of columns (`area_import_rows`), comparing boundaries
(`boundary_sets`), writing the areas (`area_import_taking`).
"""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session, joinedload

from trace.clock import CITY
from trace.errors import Invalid, NotFound, Refused, TemThatError, TooLarge
from trace.models.area_imports import AreaImport, AreaImportRow, GeoKind, ImportState
from trace.models.areas import GrowingArea, GrowingAreaCode
from trace.models.parties import Party
from trace.services import (
    area_edits,
    area_import_rows,
    boundaries,
    boundary_faults,
    boundary_sets,
    commune_names,
    files,
    geofile_faults,
    geofiles,
    history,
    shapes,
)
from trace.services import area_import_faults as faults
from trace.services.area_import_rows import Reading, Row
from trace.services.geofile_forms import no_collecting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime
    from pathlib import Path
    from typing import BinaryIO
    from uuid import UUID

    from trace.services.commune_names import CommuneNames
    from trace.services.geofile_forms import GeoFile
    from trace.services.reach import Reach

SCHEME = "VN"
MARKET = "VN"
MEDIA_TYPES = {
    GeoKind.GEOJSON: "application/geo+json", GeoKind.KML: "application/vnd.google-earth.kml+xml",
    GeoKind.KMZ: "application/vnd.google-earth.kmz", GeoKind.GPX: "application/gpx+xml", GeoKind.SHAPEFILE: "application/zip",
    GeoKind.CSV: "text/csv", GeoKind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip
_COLUMNS = (
    "row_no", "name", "holder_id", "commune_code", "declared_ha", "measured_ha", "crop", "variety", "trees", "planted_in",
    "code", "market", "issued_on", "faults", "remarks",
)  # fmt: skip


@dataclass(frozen=True)
class Choices:
    """How a file is to be read. `srid` is None where the file's own word is taken; `columns` maps what is wanted to a column."""

    srid: int | None = None
    swap: bool = False
    close: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)
    scheme: str = SCHEME
    market: str = MARKET
    issuer: str | None = None
    document: str | None = None


@dataclass(frozen=True)
class Asker:
    """Who brings a file in, when, within what reach, and whether codes may come with it."""

    by: UUID
    at: datetime
    reach: Reach
    may_code: bool = False

    @property
    def today(self) -> date:
        """The day in the city."""
        return self.at.astimezone(CITY).date()


def start(
    session: Session, store: Path, stream: BinaryIO, *, name: str, title_id: UUID, holder_id: UUID, who: Asker
) -> AreaImport:
    """Take a file in, read it as it seems to be meant, and judge its areas. Nothing becomes an area yet.

    Raises `NotFound`, `Refused`, or one of `geofile_faults` when no area can be read from the file at all.
    """
    reasons = area_edits.may_hold(session, holder_id, title_id, reach=who.reach)
    if reasons:
        raise Refused(reasons)
    data = stream.read(files.MOST_BYTES + 1)
    if len(data) > files.MOST_BYTES:
        raise files.FileTooLarge(most=files.MOST_BYTES // 2**20)
    with no_collecting():
        return _start(session, store, data, name=name, title_id=title_id, holder_id=holder_id, who=who)


def _start(
    session: Session, store: Path, data: bytes, *, name: str, title_id: UUID, holder_id: UUID, who: Asker
) -> AreaImport:
    file = geofiles.read(data, name)
    kept = files.keep(
        session, store, io.BytesIO(data), name=name, media_type=MEDIA_TYPES[file.kind], at=who.at, by=who.by
    )
    choices = Choices(columns=area_import_rows.guess(file.columns))
    made = AreaImport(
        title_id=title_id, holder_id=holder_id, file_id=kept.id, kind=file.kind, choices=asdict(choices), columns=_examples(file),
        asked_at=who.at, asked_by=who.by, state=ImportState.OPEN, total=0, faulty=0, remarked=0, taken=0,
    )  # fmt: skip
    session.add(made)
    session.flush()
    _judge(session, made, file, choices, who)
    history.record(session, "area_import:start", made.id, by=who.by, at=who.at, changes={"file": (None, kept.name)})
    return made


def change(session: Session, store: Path, import_id: UUID, choices: Choices, *, who: Asker) -> AreaImport:
    """Read the file of an open import anew, as a person chose. Raises `NotFound`, `ImportFinished`, `MappedTwice`."""
    made = locked(session, import_id, reach=who.reach)
    twice = sorted(column for column in choices.columns.values() if list(choices.columns.values()).count(column) > 1)
    if twice:
        raise faults.MappedTwice(column=twice[0])
    known = {name for name, _ in made.columns}
    choices = Choices(**{**asdict(choices), "columns": {k: v for k, v in choices.columns.items() if v in known}})
    data = files.original_path(store, made.file).read_bytes()
    made.choices = asdict(choices)
    with no_collecting():
        _judge(session, made, geofiles.read(data, made.file.name, close=choices.close), choices, who)
    session.flush()
    return made


def locked(session: Session, import_id: UUID, *, reach: Reach) -> AreaImport:
    """An open import, held against others until the transaction ends."""
    statement = (
        select(AreaImport)
        .where(AreaImport.id == import_id, reach.covers(AreaImport.holder_id, AreaImport.title_id))
        .with_for_update(of=AreaImport)
    )
    made = session.scalars(statement).one_or_none()
    if made is None:
        raise NotFound
    if made.state is not ImportState.OPEN:
        raise faults.ImportFinished
    return made


def get(session: Session, import_id: UUID, *, reach: Reach) -> AreaImport:
    """One import; not within reach is not found."""
    statement = (
        select(AreaImport)
        .where(AreaImport.id == import_id, reach.covers(AreaImport.holder_id, AreaImport.title_id))
        .options(
            joinedload(AreaImport.title), joinedload(AreaImport.holder), joinedload(AreaImport.file), joinedload(AreaImport.asker)
        )
    )  # fmt: skip
    made = session.scalars(statement).one_or_none()
    if made is None:
        raise NotFound
    return made


def listing(session: Session, *, reach: Reach, limit: int = 50) -> Sequence[AreaImport]:
    """The latest imports within reach."""
    return session.scalars(
        select(AreaImport)
        .where(reach.covers(AreaImport.holder_id, AreaImport.title_id))
        .order_by(AreaImport.asked_at.desc(), AreaImport.id)
        .limit(limit)
        .options(joinedload(AreaImport.file), joinedload(AreaImport.title), joinedload(AreaImport.holder), joinedload(AreaImport.asker))
    ).all()  # fmt: skip


def give_up(session: Session, import_id: UUID, *, by: UUID, at: datetime, reach: Reach) -> AreaImport:
    """End an import without taking anything over. The file stays with its record."""
    made = locked(session, import_id, reach=reach)
    made.state, made.finished_at, made.finished_by = ImportState.GIVEN_UP, at, by
    session.execute(delete(AreaImportRow).where(AreaImportRow.import_id == made.id))
    history.record(session, "area_import:give_up", made.id, by=by, at=at)
    session.flush()
    return made


def clear(session: Session, *, before: datetime) -> int:
    """Rows of imports that nobody finished go after a while; the record and the file stay. Returns how many rows went."""
    old = select(AreaImport.id).where(AreaImport.state == ImportState.OPEN, AreaImport.asked_at < before)
    gone = session.execute(delete(AreaImportRow).where(AreaImportRow.import_id.in_(old)))
    return int(gone.rowcount)  # type: ignore[attr-defined]


def _judge(session: Session, made: AreaImport, file: GeoFile, choices: Choices, who: Asker) -> None:
    """Judge every area of a file and lay the rows ready."""
    session.execute(delete(AreaImportRow).where(AreaImportRow.import_id == made.id))
    made.checked_at, made.fault = who.at, None
    made.total = made.faulty = made.remarked = 0
    try:
        geofiles.place(session, file, srid=choices.srid, swap=choices.swap)
    except (geofile_faults.ZoneMissing, geofile_faults.ZoneUnknown) as exc:
        made.fault = kept(exc)
        return
    rows = _rows(session, made, file, choices, who)
    drawn = [feature.shape for feature in file.features]
    shapes.judge(drawn, boundaries.city_box(session))
    sound = {number: shape for number, shape in enumerate(drawn, start=1) if not shape.faults}
    names = {row.number: row.name for row in rows}
    found = boundary_sets.examine(session, sound, names, title_id=made.title_id, reach=who.reach)
    communes = commune_names.standing(session, who.today)
    for row in rows:
        if (finding := found.get(row.number)) is None:
            row.faults += drawn[row.number - 1].faults
        else:
            _settle(row, finding, communes)
    taken(session, rows, scheme=choices.scheme, on=who.today)
    _write(session, made.id, rows)
    made.total = len(rows)
    made.faulty = sum(bool(row.faults) for row in rows)
    made.remarked = sum(bool(row.remarks) and not row.faults for row in rows)


def _rows(session: Session, made: AreaImport, file: GeoFile, choices: Choices, who: Asker) -> list[Row]:
    parties = area_edits.holders(session, reach=who.reach)
    reading = Reading(
        columns=choices.columns,
        holder_id=made.holder_id,
        holders=area_import_rows.by_name((party.id, party.name, party.tax_code) for party in parties),
        may_code=who.may_code,
        market=choices.market,
        today=who.today,
    )
    rows = [
        area_import_rows.read(number, feature.attributes, reading)
        for number, feature in enumerate(file.features, start=1)
    ]
    for row in rows:
        if row.holder_id is not None and not who.reach.includes(holder_id=row.holder_id, title_id=made.title_id):
            row.faults.append(area_edits.HolderNotYours())
    area_import_rows.compare(rows, choices.scheme)
    return rows


def _settle(row: Row, finding: boundaries.Finding, communes: CommuneNames) -> None:
    """Join what the map says about a row with what its words say."""
    row.faults += finding.faults
    row.remarks += finding.remarks
    row.measured_ha, row.commune_code = finding.measured_ha or None, finding.commune_code
    if not finding.measured_ha:
        return
    if finding.commune_code is None:
        if not finding.faults:
            row.faults.append(faults.CommuneNowhere())
    elif row.place_in_words and finding.commune_code not in (said := communes.called(row.place_in_words)):
        kind = faults.CommuneDiffers if said else faults.CommuneUnknown
        row.remarks.append(
            kind(given=row.place_in_words[:80], found=communes.names.get(finding.commune_code, finding.commune_code))
        )
    if row.declared_ha is not None:
        row.remarks += boundaries.size_remarks(row.declared_ha, finding.measured_ha)
    elif not any(isinstance(fault, faults.SizeUnreadable) for fault in row.faults):
        row.declared_ha = max(Decimal(str(round(finding.measured_ha, 4))), area_import_rows.LEAST_HA)
        row.remarks.append(faults.SizeTaken(measured=row.declared_ha))


def taken(session: Session, rows: Sequence[Row], *, scheme: str, on: date) -> None:
    """Say which names and codes stand in the register already."""
    names = {row.name for row in rows if row.name}
    holders = {row.holder_id for row in rows if row.holder_id is not None}
    statement = (
        select(GrowingArea.holder_id, GrowingArea.name, Party.name)
        .join(Party, Party.id == GrowingArea.holder_id)
        # No name has a line break in it, and one text is sent five times as fast as a list of thousands.
        .where(GrowingArea.holder_id.in_(holders), GrowingArea.name == func.any(func.string_to_array("\n".join(names), "\n")))
    )  # fmt: skip
    whose = {(holder_id, name): holder for holder_id, name, holder in session.execute(statement)}
    codes = {(row.code, row.market) for row in rows if row.code and row.market}
    standing: set[tuple[str, str]] = set()
    if codes:
        found = session.execute(
            select(GrowingAreaCode.code, GrowingAreaCode.market).where(
                GrowingAreaCode.scheme == scheme,
                tuple_(GrowingAreaCode.code, GrowingAreaCode.market).in_(codes),
                GrowingAreaCode.valid_during.overlaps(Range(on, None)),
            )
        )
        standing = {(code, market) for code, market in found}
    for row in rows if whose or standing else ():
        if row.holder_id is not None and (row.holder_id, row.name) in whose:
            row.faults.append(faults.NameTaken(holder=whose[row.holder_id, row.name], name=row.name))
        if row.code and row.market and (row.code, row.market) in standing:
            row.faults.append(faults.CodeTaken(code=row.code, scheme=scheme, market=row.market))


def _write(session: Session, import_id: UUID, rows: Sequence[Row]) -> None:
    """Lay the rows ready. Their boundaries are in the database already, in the table where they were judged."""
    lines = []
    for row in rows:
        cells = (
            row.number, _cell(row.name), row.holder_id, row.commune_code, row.declared_ha, row.measured_ha, _cell(row.crop),
            _cell(row.variety), row.trees, row.planted_in, _cell(row.code), _cell(row.market), row.issued_on,
            _cell(_all_kept(row.faults)), _cell(_all_kept(row.remarks)),
        )  # fmt: skip
        lines.append("\t".join(["\\N" if cell is None else str(cell) for cell in cells]))
    columns = ", ".join(_COLUMNS)
    connection: Any = session.connection().connection.driver_connection
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.words_in_file")
        cursor.execute(
            f"CREATE TEMP TABLE words_in_file ON COMMIT DROP AS SELECT {columns} FROM area_import_row WITH NO DATA"  # noqa: S608
        )
        with cursor.copy(f"COPY pg_temp.words_in_file ({columns}) FROM STDIN") as copy:
            copy.write("\n".join([*lines, ""]))
        cursor.execute(
            f"INSERT INTO area_import_row (import_id, {columns}, boundary) "  # noqa: S608
            f"SELECT %s, {columns}, s.boundary FROM pg_temp.words_in_file LEFT JOIN {boundary_sets.ROWS} s USING (row_no)",
            [import_id],
        )


def _cell(text: str | None) -> str | None:
    """Text as COPY takes it. There are no other controls in it: rows are cleaned when they are read."""
    if not text or (text.isprintable() and "\\" not in text):
        return text
    return text.replace("\\", "\\\\").replace("\t", " ").replace("\n", " ").replace("\r", " ")


def _examples(file: GeoFile) -> list[Any]:
    """Each column with the first thing that stands in it."""
    return [
        [
            name,
            next(
                (
                    text
                    for feature in file.features[:50]
                    if (text := area_import_rows.text_of(feature.attributes.get(name)))
                ),
                "",
            )[:60],
        ]
        for name in file.columns
    ]


def _all_kept(errors: Sequence[TemThatError]) -> str:
    return json.dumps([kept(error) for error in errors]) if errors else "[]"


def kept(error: TemThatError) -> dict[str, Any]:
    """An error as it is stored: which one, and its figures."""
    facts = {name: float(fact) if isinstance(fact, Decimal) else fact for name, fact in error.facts.items()}
    return {"is": type(error).__name__, "facts": facts}


def told(stored: Sequence[Mapping[str, Any]]) -> list[TemThatError]:
    """Stored errors as errors again."""
    return [_KINDS[each["is"]](**each["facts"]) for each in stored if each["is"] in _KINDS]


_KINDS: dict[str, type[TemThatError]] = {
    name: kind
    for module in (boundary_faults, geofile_faults, faults, area_edits)
    for name, kind in vars(module).items()
    if isinstance(kind, type) and issubclass(kind, (Invalid, TooLarge))
}
