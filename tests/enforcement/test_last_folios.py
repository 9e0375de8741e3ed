"""Promises of the last folio as it was worked out for the cases that were there before it was counted."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path

from sqlalchemy import select
from sqlalchemy.orm import Session

from enforcement import cases, custody, evidence, joins, redaction
from enforcement.models import CaseFile
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from tests.enforcement.test_custody import by_force
from trace.config import ROOT

BACKFILL = run_path(str(ROOT / "migrations/versions/20261123_desk_folios.py"))["LAST_FOLIOS"]


def take(session: Session, case: CaseFile, shade: int, world: factories.World, store: Path) -> None:
    file = desk.photo(session, store, shade)
    cases.add_evidence(
        session, case.id, file, title="Ảnh", origin="Đội", taken_at=NOW, store=store, by=world.officer.id, at=NOW
    )


def folios(session: Session, *of: CaseFile) -> list[int]:
    rows = session.execute(select(CaseFile.id, CaseFile.last_folio)).all()
    return [last for each in of for case_id, last in rows if case_id == each.id]


def test_a_redaction_of_a_merged_case_s_piece_gives_the_survivor_no_folio(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    top, other = (desk.case(session, world, tmp_path, with_law=first) for first in (True, False))
    for shade in (10, 20):
        take(session, top, shade, world, tmp_path)
    for shade in range(30, 240, 30):
        take(session, other, shade, world, tmp_path)
    counted = folios(session, top, other)
    joins.merge(session, top.id, other.id, take=(), reason="Cùng một sạp hàng", by=world.officer.id, at=NOW)
    last = evidence.of_case(session, other.id)[-1]
    redaction.draw(
        session, top.id, last.id, [(1, 1, 9, 9)], reason="Mặt", store=tmp_path, by=world.officer.id, at=NOW
    )  # fmt: skip
    assert last.folio > folios(session, top)[0]
    by_force(session, "UPDATE enforcement.case_file SET last_folio = 0")
    by_force(session, BACKFILL)
    assert folios(session, top, other) == counted
    assert custody.missing_folios(session) == []


def test_a_last_piece_that_was_removed_before_is_missed(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    case = desk.case(session, world, tmp_path)
    for shade in (10, 20):
        take(session, case, shade, world, tmp_path)
    by_force(session, "DELETE FROM enforcement.evidence WHERE case_id = :case AND folio = 2", case=case.id)
    by_force(session, "UPDATE enforcement.case_file SET last_folio = 0")
    by_force(session, BACKFILL)
    assert [(each.case_id, each.folio) for each in custody.missing_folios(session)] == [(case.id, 2)]
