"""What is in the bundle of a case, and the ZIP that holds it: the same case at the same moment gives the same bytes.

A bundle goes to strangers. What the public sent leaves as the copy without metadata, for the original of such a photo may say who took
it; names of files as they came, contacts and the words of reports are not in it. What must not live here: who may ask (`bundles`).
"""

from __future__ import annotations

import enum
import hashlib
import json
import os
import secrets
import zlib
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from geoalchemy2 import WKBElement
from sqlalchemy import inspect, select
from sqlalchemy.orm import joinedload, selectinload

from enforcement import alarms, bundle_check, bundle_index, casework, custody, evidence
from enforcement.alarms import Fault
from enforcement.models import AlarmKind, CaseBundle, CaseEvent, CaseFile, CustodyDeed, CustodyEvent, Evidence
from enforcement.papers import keeping, shelf
from trace.errors import Conflict
from trace.services import files, pauses, unscanned

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy.orm import Session

    from enforcement.models import Redaction
    from trace.models.files import StoredFile

CHECKER = Path(bundle_check.__file__)
INDEX, SCRIPT = "MUC-LUC.html", "KIEM-TRA.py"
MOST_DOCUMENTS = 1000  # of a case that are not put away yet; the job does it within a minute
_CHUNK = 1 << 20


class EvidenceChanged(Conflict):
    """The originals of these folios are not what was taken in: %(folios)s. No bundle is made of them.

    The administrator has been told. Have the originals restored from the backup first.
    """


class DocumentsChanged(Conflict):
    """The files of these issued documents are not what was put away: %(names)s. No bundle is made of them.

    The administrator has been told. Have the files restored from the backup first.
    """


class EvidenceNotScanned(Conflict):
    """No virus scanner has looked at these folios yet: %(folios)s.

    Ask again when the scanner has answered.
    """


@dataclass(frozen=True)
class Member:
    """A file of a bundle: bytes at hand, or a file on disk that must have this hash."""

    name: str
    content: bytes | Path
    sha256: str


@dataclass(frozen=True)
class Written:
    """A bundle on disk: the hash of the whole, and the one number that a stranger compares."""

    sha256: str
    sums_sha256: str
    size: int
    files: int


def originals(session: Session, bundle: CaseBundle, *, store: Path) -> dict[UUID, Path]:
    """Where the originals lie that a bundle is about, by piece: for hashing them outside any transaction."""
    pieces = evidence.of_members(session, bundle.case_id)
    return {piece.id: files.original_path(store, piece.file) for piece, _ in pieces}


def compose(
    session: Session,
    bundle: CaseBundle,
    *,
    store: Path,
    scanner: str,
    at: datetime,
    hashed: Mapping[UUID, str | None] | None = None,
) -> list[Member]:
    """Everything that goes into a bundle. Each original is hashed anew, and that it goes out becomes a step of its custody.

    `hashed` is what the originals were just now, by piece; what it does not name is hashed here.
    """
    pieces, given = evidence.with_folios(session, bundle.case_id)
    _whole(session, pieces, hashed or {}, store=store, scanner=scanner, at=at)
    cases = list(given)
    if changed := keeping.check(session, store, at=at, cases=cases).damaged:
        raise DocumentsChanged(names=", ".join(changed))
    for piece, _ in pieces:
        evidence.get(session, bundle.case_id, piece.id)
        note = f"{bundle.number}"
        custody.step(session, piece, CustodyDeed.BUNDLED, by=bundle.asked_by, at=at, seen=piece.sha256, note=note)
    members: list[Member] = []
    record = _record(session, bundle, pieces, given, members=members, store=store)
    keeping.keep_waiting(session, store, at=at, cases=cases, most=MOST_DOCUMENTS)
    members += _documents(session, bundle.case_id, store)
    record["signed_copies_left_out"] = _signed(session, bundle, pieces, members, store)
    members.append(_member(bundle_check.DATA, _json(record)))
    members.append(_member(SCRIPT, CHECKER.read_bytes()))
    members.append(_member(INDEX, bundle_index.page(record, [member.name for member in members]).encode()))
    members.sort(key=lambda member: member.name)
    body = "".join(f"{member.sha256}  {member.name}\n" for member in members).encode()
    members.append(_member(bundle_check.SUMS, body + b"# " + hashlib.sha256(body).hexdigest().encode() + b"\n"))
    return members


def write(folder: Path, members: Sequence[Member]) -> Written:
    """The ZIP on disk under its hash: written beside its place, synced, renamed. Files are hashed on the way once more."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{secrets.token_hex(16)}.tmp"
    try:
        with draft.open("xb") as out:
            digest = _Hashed(out)
            table = b""
            for member in members:
                crc, size = _measure(member)
                name, offset = member.name.encode(), digest.size
                digest.write(bundle_check.local(name, crc, size))
                _copy(member, digest)
                table += bundle_check.central(name, crc, size, offset)
            start = digest.size
            digest.write(table)
            digest.write(bundle_check.ending(len(members), len(table), start))
            out.flush()
            os.fsync(out.fileno())
        draft.replace(folder / f"{digest.hash.hexdigest()}.zip")
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    finally:
        draft.unlink(missing_ok=True)
    sums = next(member.sha256 for member in members if member.name == bundle_check.SUMS)
    return Written(digest.hash.hexdigest(), sums, digest.size, len(members))


class _Hashed:
    """A file to write to that hashes and counts what goes through."""

    def __init__(self, out: Any) -> None:
        self.out, self.hash, self.size = out, hashlib.sha256(), 0

    def write(self, data: bytes) -> None:
        self.out.write(data)
        self.hash.update(data)
        self.size += len(data)


def _measure(member: Member) -> tuple[int, int]:
    """CRC and size, which stand before a file in a ZIP."""
    if isinstance(member.content, bytes):
        return zlib.crc32(member.content), len(member.content)
    crc, size = 0, 0
    with member.content.open("rb") as file:
        while piece := file.read(_CHUNK):
            crc, size = zlib.crc32(piece, crc), size + len(piece)
    return crc, size


def _copy(member: Member, out: _Hashed) -> None:
    if isinstance(member.content, bytes):
        out.write(member.content)
        return
    seen = hashlib.sha256()
    with member.content.open("rb") as file:
        while piece := file.read(_CHUNK):
            seen.update(piece)
            out.write(piece)
    if seen.hexdigest() != member.sha256:
        raise files.FileDamaged(name=member.name)


def _whole(
    session: Session,
    pieces: Sequence[tuple[Evidence, str]],
    hashed: Mapping[UUID, str | None],
    *,
    store: Path,
    scanner: str,
    at: datetime,
) -> None:
    changed = []
    for piece, _ in pieces:
        if piece.id in hashed:
            seen = hashed[piece.id]
        else:
            with pauses.unhurried(session):
                seen = evidence.on_disk(store, piece.file)
        if seen != piece.sha256:
            changed.append(Fault(piece.case_id, piece.folio, AlarmKind.BYTES, seen or "gone"))
    if changed:
        alarms.sound(session, changed, at=at)
        raise EvidenceChanged(folios=", ".join(str(fault.folio) for fault in changed))
    waiting = [
        piece.folio for piece, _ in pieces if scanner and any(unscanned.waits(file) for file in _from_outside(piece))
    ]
    if waiting:
        raise EvidenceNotScanned(folios=", ".join(map(str, waiting)))


def _from_outside(piece: Evidence) -> list[StoredFile]:
    """What somebody brought: the original, and copies redacted outside. Those drawn here hold nothing but dots."""
    return [piece.file, *(redacted.file for redacted in piece.redactions if not redacted.drawn_here)]


def _record(
    session: Session, bundle: CaseBundle, pieces: Sequence[tuple[Evidence, str]], given: Mapping[UUID, int],
    *, members: list[Member], store: Path,
) -> dict[str, Any]:  # fmt: skip
    """The cases as data, with how many folios each had `given` when its pieces were read. Files that it names are added to `members`."""
    public = evidence.from_the_public(session, {piece.file_id for piece, _ in pieces})
    ids = list(given)
    shown = (selectinload(CaseFile.signals), joinedload(CaseFile.officer), joinedload(CaseFile.commune))
    found = {case.id: case for case in session.scalars(select(CaseFile).where(CaseFile.id.in_(ids)).options(*shown))}
    cases = []
    for case_id in ids:
        case = found[case_id]
        own = [
            _piece(session, piece, number, bundle, public=public, members=members, store=store)
            for piece, number in pieces
            if piece.case_id == case_id
        ]
        cases.append(
            {
                **_row(case, {"number", "title", "state", "severity", "opened_at", "closed_at", "outcome", "legal_qualification",
                              "act_ended_on", "rule_version", "commune_code"}),
                "last_folio": given[case_id],
                "officer": case.officer.full_name if case.officer else None,
                "signals": [_row(signal, {"source", "source_number", "received_at"}) for signal in case.signals],
                "events": _events(session, case_id),
                "evidence": own,
                "casework": _casework(session, case_id),
            }
        )  # fmt: skip
    return {
        "format": 1, "bundle": bundle.number, "shared": bundle.shared, "reason": bundle.reason, "asked_at": bundle.asked_at,
        "asked_by": bundle.asker.full_name, "cases": cases,
    }  # fmt: skip


def _events(session: Session, case_id: UUID) -> list[dict[str, Any]]:
    statement = select(CaseEvent).where(CaseEvent.case_id == case_id).order_by(CaseEvent.seq)
    kept = {"seq", "at", "deed", "move", "was", "becomes", "note", "facts"}
    found = session.scalars(statement.options(joinedload(CaseEvent.author)))
    return [{**_row(event, kept), "by": event.author.full_name} for event in found]


def _casework(session: Session, case_id: UUID) -> dict[str, Any]:
    view = casework.of_case(session, case_id)  # with what was merged into it, which stands under its own number
    parts = {field.name: getattr(view, field.name) for field in fields(view) if field.name != "struck"}
    return {name: [_row(entry) for entry in entries if entry.case_id == case_id] for name, entries in parts.items()}


def _piece(
    session: Session,
    piece: Evidence,
    number: str,
    bundle: CaseBundle,
    *,
    public: Collection[UUID],
    members: list[Member],
    store: Path,
) -> dict[str, Any]:
    where, ending = f"{number}/but-luc-{piece.folio:04d}", files.ENDINGS.get(piece.file.media_type, "bin")
    left_out = _left_out(piece, bundle, public)
    copy, shows_copy = (
        files.copy_path(store, piece.file),
        left_out == "informant" and not (bundle.shared and piece.redactions),
    )
    redactions = []
    for redacted in piece.redactions:
        name = f"ban-che/{where}-{redacted.number}.{files.ENDINGS[redacted.file.media_type]}"
        held_back = _held_back(redacted)
        if held_back is None:
            members.append(Member(name, files.original_path(store, redacted.file), redacted.sha256))
        redactions.append(
            {**_row(redacted, {"number", "sha256", "areas", "brought", "reason", "made_at"}), "file": None if held_back else name,
             "left_out": held_back}
        )  # fmt: skip
    shown = None
    if shows_copy and copy is not None and piece.file.copy_sha256:
        seen = f"ban-xem/{where}.jpg"
        shown = {"file": seen, "sha256": piece.file.copy_sha256}
        members.append(Member(seen, copy, piece.file.copy_sha256))
    original = None if left_out else f"chung-cu/{where}.{ending}"
    if original:
        members.append(Member(original, files.original_path(store, piece.file), piece.sha256))
    lat_lon = evidence.position(session, piece)
    return {
        **_row(piece, {"id", "folio", "sha256", "title", "origin", "taken_at", "place", "accuracy_m", "device", "added_at"}),
        "media_type": piece.file.media_type, "size": piece.file.size, "file": original, "left_out": left_out, "shown": shown,
        "position": list(lat_lon) if lat_lon else None, "added_by": piece.adder.full_name, "redactions": redactions,
        "custody": [_step(step) for step in custody.chain(session, piece.id)],
    }  # fmt: skip


def _left_out(piece: Evidence, bundle: CaseBundle, public: Collection[UUID]) -> str | None:
    """Why an original does not go out. It is named with its hash all the same."""
    if piece.file_id in public:
        return "informant"
    if piece.file.virus:
        return "virus"
    if bundle.shared and piece.redactions:
        return "redacted"
    return "unscanned" if unscanned.unreadable(piece.file) else None


def _held_back(redacted: Redaction) -> str | None:
    """Why a redacted copy does not go out."""
    if redacted.file.virus:
        return "virus"
    return "unscanned" if not redacted.drawn_here and unscanned.unreadable(redacted.file) else None


def _step(step: CustodyEvent) -> dict[str, Any]:
    """A step as its digest spells it, with the names beside the ids."""
    return {
        "seq": step.seq, "deed": step.deed.value, "at": custody.spelled(step.at), "by": str(step.by), "by_name": step.author.full_name,
        "other": str(step.other_id) if step.other_id else None, "other_name": step.other.full_name if step.other else None,
        "keeper": str(step.keeper_id), "keeper_name": step.keeper.full_name, "place": step.place, "sha256_seen": step.sha256_seen,
        "note": step.note, "prev_digest": step.prev_digest, "digest": step.digest,
    }  # fmt: skip


def _documents(session: Session, case_id: UUID, store: Path) -> list[Member]:
    """The documents of the case and of those merged into it, as drawn."""
    return [_member(f"van-ban/{name}", content) for name, content in shelf.files_of(session, case_id, store)]


def _signed(
    session: Session, bundle: CaseBundle, pieces: Sequence[tuple[Evidence, str]], members: list[Member], store: Path
) -> list[dict[str, Any]]:
    """Add the signed copies to `members`. Each is a piece of evidence too: what is held back there is so here, and is named."""
    public = evidence.from_the_public(session, {piece.file_id for piece, _ in pieces})
    why = {piece.id: _left_out(piece, bundle, public) for piece, _ in pieces}
    held = []
    for name, document, piece in shelf.signed_of(session, bundle.case_id):
        # One that was taken in after the pieces were read is in the next bundle.
        if (reason := why.get(piece.id, "later")) is None:
            members.append(Member(f"van-ban/{name}", files.original_path(store, piece.file), piece.sha256))
        else:
            held.append({"document": document, "file": f"van-ban/{name}", "folio": piece.folio, "left_out": reason})
    return held


def _member(name: str, content: bytes) -> Member:
    return Member(name, content, hashlib.sha256(content).hexdigest())


def _row(row: Any, kept: Collection[str] | None = None) -> dict[str, Any]:
    """The columns of a row in their order, or some of them; points on the map are not among them."""
    names = [column.key for column in inspect(type(row)).column_attrs if kept is None or column.key in kept]
    return {name: value for name in names if not isinstance(value := getattr(row, name), WKBElement)}


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime):
        return custody.spelled(value)
    if isinstance(value, (date, UUID, Decimal)):
        return str(value)
    return str(value)


def _json(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False, indent=1, default=_plain).encode() + b"\n"
