"""Rows of a table of members: judged as a whole against each other and the register, then recorded in a few statements.

What must not live here: opening the file (`table_reading`), and one member at a time (`members`).
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from trace.models.members import Membership
from trace.models.parties import Party, PartyKind
from trace.services import commune_names, members, table_cells, table_forms
from trace.services import table_faults as faults
from trace.services.folding import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date
    from uuid import UUID

    from trace.services.area_imports import Asker
    from trace.services.commune_names import CommuneNames
    from trace.services.table_reading import Row

FORM = table_forms.MEMBERS
HEADING = {column.key: column.heading for column in FORM.columns}
KINDS = {"ho": PartyKind.HOUSEHOLD, "ho gia dinh": PartyKind.HOUSEHOLD, "household": PartyKind.HOUSEHOLD,
         "ca nhan": PartyKind.PERSON, "person": PartyKind.PERSON}  # fmt: skip
LONGEST = {"name": 200, "address": 200}
_READ: Mapping[str, Callable[[Any, str], table_cells.Read]] = {
    "code": table_cells.code, "national_id": table_cells.national_id, "tax_code": table_cells.tax_code,
    "phone": table_cells.phone, "joined_on": table_cells.day,
}  # fmt: skip
_COMPARED = ("name", "kind", "national_id", "tax_code", "phone", "address", "commune_code", "declared_ha", "joined_on")
_NUMBERS = ("code", "national_id", "tax_code")
_COLUMN_OF = {"commune_code": "commune"}


@dataclass(frozen=True)
class Known:
    """A member that the register holds, by the values that a row gives."""

    name: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Register:
    """The members of the collective of today, by what tells them apart."""

    by_code: Mapping[str, Known]
    by_national_id: Mapping[str, Known]
    by_tax_code: Mapping[str, Known]
    by_likeness: Mapping[tuple[Any, ...], Known]
    former: Mapping[tuple[str, str], Known]
    """Those who left, by column and number; of several the one who stayed longest."""


def judge(session: Session, rows: Sequence[Row], *, holder_id: UUID, who: Asker) -> None:
    """Read the cells of every row and say what is wrong, against the other rows and the register. Nothing is written."""
    communes = commune_names.standing(session, who.today)
    for row in rows:
        _read(row, communes, who.today)
    _compare_rows(rows)
    register = _register(session, holder_id, who.today)
    parties = _parties(session, rows)
    for row in rows:
        if not row.faulty:
            _compare(row, register, parties)


def take(session: Session, rows: Sequence[Row], *, holder_id: UUID, who: Asker, source: UUID) -> int:
    """Record rows that were judged good in this transaction; whoever calls holds the collective (`members.hold`)."""
    number = int(members.next_code(session, holder_id).rsplit("-", 1)[1])
    used = {row.values["code"] for row in rows if row.values.get("code")}
    parties, joined, deeds = [], [], []
    for row in rows:
        values = row.values
        code = values.get("code")
        while code is None:
            code, number = f"{members.CODE_PREFIX}-{number:04d}", number + 1
            code = None if code in used else code
        party_id, made_id = values.get("party_id") or uuid.uuid4(), uuid.uuid4()
        if "party_id" not in values:
            parties.append(
                (party_id, values["kind"].value, values["name"], values["tax_code"], values["phone"], values["address"], values["commune_code"])
            )  # fmt: skip
        joined.append(
            (made_id, holder_id, party_id, code, values["national_id"], values["declared_ha"], f"[{values['joined_on']},)", who.at)
        )  # fmt: skip
        changes = {
            "code": [None, code],
            "name": [None, values["name"]],
            "import": [None, str(source)],
            "revision": [0, 1],
        }
        deeds.append((who.at, who.by, "membership:record", made_id, json.dumps(changes, ensure_ascii=False)))
    copy(session, "party", ("id", "kind", "name", "tax_code", "phone", "address", "commune_code"), parties)
    columns = ("id", "collective_id", "member_id", "code", "national_id", "declared_ha", "member_during", "recorded_at")
    copy(session, "membership", columns, joined)
    copy(session, "history", ("at", "by", "deed", "subject_id", "changes"), deeds)
    return len(joined)


def copy(session: Session, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write many rows at once, with all constraints."""
    connection: Any = session.connection().connection.driver_connection
    names = ", ".join(f'"{name}"' for name in columns)
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as writing:
        for row in rows:
            writing.write_row(row)


def _read(row: Row, communes: CommuneNames, today: date) -> None:
    values = row.values
    for key, reading in _READ.items():
        values[key] = None
        if row.cells.get(key) is not None:
            values[key], wrong, remark = reading(row.cells[key], HEADING[key])
            if wrong is not None:
                row.fault(key, wrong)
            if remark is not None:
                row.remark(key, remark)
    for key, most in LONGEST.items():
        said = table_cells.text(row.cells.get(key)) or None
        values[key] = said
        if said is not None and len(said) > most:
            row.fault(key, faults.CellTooLong(column=HEADING[key], most=most))
    kind = table_cells.text(row.cells.get("kind"))
    values["kind"] = KINDS.get(fold(kind)) if kind else PartyKind.HOUSEHOLD
    if values["kind"] is None:
        row.fault("kind", faults.NotInList(column=HEADING["kind"], text=kind[:40]))
    values["declared_ha"] = None
    if row.cells.get("declared_ha") is not None:
        values["declared_ha"], wrong, _ = table_cells.number(
            row.cells["declared_ha"], HEADING["declared_ha"], least="0.0001", most="100000"
        )
        if wrong is not None:
            row.fault("declared_ha", wrong)
    if values["joined_on"] is not None and values["joined_on"] > today:
        row.fault("joined_on", faults.DateInFuture(column=HEADING["joined_on"], day=values["joined_on"]))
    values["no_date"] = row.cells.get("joined_on") is None
    values["joined_on"] = values["joined_on"] or today
    values["commune_code"] = commune(row, "commune", HEADING["commune"], communes)


def commune(row: Row, key: str, heading: str, communes: CommuneNames) -> str | None:
    """The code of the one commune that a cell can mean; an old name is remarked."""
    said = table_cells.text(row.cells.get(key))
    if not said:
        return None
    found = communes.current(said)
    if len(found) != 1:
        names = tuple(sorted(communes.names[code] for code in found))
        told = faults.CommuneUnclear(column=heading, text=said[:60], names=names)
        row.fault(key, told if found else faults.CommuneNotFound(column=heading, text=said[:60]))
        return None
    code = next(iter(found))
    if said != code and fold(communes.names[code]) not in fold(said):
        row.remark(key, faults.CommuneRenamed(column=heading, text=said[:60], name=communes.names[code]))
    return code


def _compare_rows(rows: Sequence[Row]) -> None:
    """What stands twice in the file. The later row bears the fault."""
    for key in _NUMBERS:
        first: dict[str, int] = {}
        for row in rows:
            said = row.values.get(key)
            if said and first.setdefault(said, row.number) != row.number:
                shown = members.masked(said) if key == "national_id" else said
                row.fault(key, faults.RepeatedInFile(column=HEADING[key], text=shown, row=first[said]))
    alike: dict[tuple[Any, ...], int] = {}
    for row in rows:
        if not (row.values["code"] or row.values["national_id"] or row.values["tax_code"]):
            number = alike.setdefault(_likeness(row.values), row.number)
            if number != row.number:
                row.fault(
                    "name", faults.RepeatedInFile(column=HEADING["name"], text=row.values["name"] or "", row=number)
                )


def _likeness(values: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells members apart of whom no number is known."""
    return (fold(values["name"] or ""), values["phone"], fold(values["address"] or ""), values["commune_code"])


def _register(session: Session, collective_id: UUID, today: date) -> Register:
    statement = (
        select(Membership)
        .join(Membership.member)
        .where(Membership.collective_id == collective_id)
        .order_by(func.upper(Membership.member_during))
        .options(contains_eager(Membership.member))
    )
    known, former = [], {}
    for made in session.scalars(statement):
        values = {name: getattr(made.member, name) for name in members.OF_PARTY}
        values |= {"code": made.code, "national_id": made.national_id, "declared_ha": made.declared_ha}
        until = made.member_during.upper
        each = Known(
            made.member.name,
            values | {"joined_on": made.member_during.lower, "until": until, "party_id": made.member_id},
        )
        if until is None or until > today:
            known.append(each)
        else:
            former.update({(key, values[key]): each for key in _NUMBERS if values[key]})
    return Register(
        former=former,
        by_code={each.values["code"]: each for each in known},
        by_national_id={each.values["national_id"]: each for each in known if each.values["national_id"]},
        by_tax_code={each.values["tax_code"]: each for each in known if each.values["tax_code"]},
        by_likeness={_likeness(each.values): each for each in known},
    )


def _parties(session: Session, rows: Sequence[Row]) -> Mapping[str, Party]:
    """The parties of the register with a tax code that the file names."""
    codes = [row.values["tax_code"] for row in rows if row.values["tax_code"]]
    if not codes:
        return {}
    found = session.scalars(select(Party).where(Party.tax_code == func.any(codes)).options(joinedload(Party.commune)))
    return {str(party.tax_code): party for party in found}


def _compare(row: Row, register: Register, parties: Mapping[str, Party]) -> None:
    """Whether the register holds a row already, holds it otherwise, or holds somebody else under its numbers."""
    values = row.values
    by_number = [
        (key, found)
        for key, known in (("code", register.by_code), ("national_id", register.by_national_id), ("tax_code", register.by_tax_code))
        if values[key] and (found := known.get(values[key])) is not None
    ]  # fmt: skip
    if by_number:
        key, found = by_number[0]
        if any(other is not found for _, other in by_number) or fold(found.name) != fold(values["name"] or ""):
            for key, found in by_number:
                shown = members.masked(values[key]) if key == "national_id" else values[key]
                row.fault(key, faults.TakenAlready(column=HEADING[key], text=shown, name=found.name))
            return
        _same_or_not(row, found)
        return
    alike = register.by_likeness.get(_likeness(values))
    if alike is not None and not (values["code"] or values["national_id"] or values["tax_code"]):
        _same_or_not(row, alike)
        return
    for key in _NUMBERS:
        left = register.former.get((key, values[key])) if values[key] else None
        if left is None:
            continue
        if fold(left.name) == fold(values["name"] or ""):
            values["party_id"] = left.values["party_id"]
        if values["joined_on"] < left.values["until"]:
            last = left.values["until"] - timedelta(days=1)
            row.fault("joined_on", faults.FormerUntil(column=HEADING[key], name=left.name, day=last))
    party = parties.get(values["tax_code"]) if values["tax_code"] else None
    if party is None:
        return
    if party.kind not in members.MEMBER_KINDS or fold(party.name) != fold(values["name"]):
        row.fault(
            "tax_code", faults.NameDiffersForTaxCode(column=HEADING["tax_code"], text=party.tax_code, name=party.name)
        )
    else:
        values["party_id"] = party.id
        row.remark("tax_code", faults.JoinsKnownParty(name=party.name))


def _same_or_not(row: Row, found: Known) -> None:
    """A row that says nothing else than the register is left alone; one that differs is not to be recorded twice."""
    for name in _COMPARED:
        said, stands = row.values.get(name), found.values.get(name)
        if said is None or said == stands or (name == "joined_on" and row.values["no_date"]):
            continue
        if name == "declared_ha" and stands is not None and round(stands, 4) == said:
            continue
        key = _COLUMN_OF.get(name, name)
        shown = members.masked(stands) if name == "national_id" else _shown(stands)
        row.fault(key, faults.DiffersFromRegister(column=HEADING[key], stands=shown, name=found.name))
    if not row.faulty:
        row.known = True
        row.remark(None, faults.KnownAlready(name=f"{found.name} ({found.values['code']})"))


def _shown(value: Any) -> str:
    return "–" if value is None else table_cells.text(value)
