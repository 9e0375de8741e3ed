"""Promises of issued documents as files: drawn once, the same bytes ever after, damage found, nothing put away twice."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from enforcement import documents
from enforcement.models import CaseFile, Document, DocumentDamage, DocumentFiles, DocumentState
from enforcement.papers import keeping, layout_docx, layout_pdf, shelf
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk, papers
from trace.errors import broken_constraint
from trace.services import files


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    made = desk.case(session, world, tmp_path)
    papers.unit(session, world)
    return made


@pytest.fixture
def issued(session: Session, case: CaseFile, world: factories.World) -> Document:
    drawn = papers.draft(session, case, world, "MBB02")
    return documents.issue(
        session, case.id, drawn.id, version=drawn.version, confirmed=True, by=world.officer.id, duties=papers.OFFICER, at=NOW
    )  # fmt: skip


def another_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    for layout in (layout_pdf, layout_docx):
        real = layout.draw
        monkeypatch.setattr(
            layout, "draw", lambda *words, real=real, **more: real(*words, **more) + b"% drawn otherwise"
        )


def test_what_was_issued_keeps_its_bytes_when_the_layout_changes(
    session: Session, issued: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdf, docx = shelf.shown_pdf(session, tmp_path, issued), shelf.shown_docx(session, tmp_path, issued)
    assert keeping.keep_waiting(session, tmp_path, at=NOW) == 1
    another_layout(monkeypatch)
    assert shelf.pdf(issued) != pdf
    assert (shelf.shown_pdf(session, tmp_path, issued), shelf.shown_docx(session, tmp_path, issued)) == (pdf, docx)


def test_it_is_put_away_once_and_drafts_never(
    session: Session, case: CaseFile, world: factories.World, issued: Document, tmp_path: Path
) -> None:
    papers.draft(session, case, world, "MBB05")
    assert [keeping.keep_waiting(session, tmp_path, at=NOW) for _ in range(2)] == [1, 0]
    assert session.scalar(select(func.count()).select_from(DocumentFiles)) == 1
    with pytest.raises(IntegrityError, match="append-only"), session.begin_nested():
        session.execute(delete(DocumentFiles))


def test_of_a_void_document_both_go_out_as_issued_and_as_marked(
    session: Session, case: CaseFile, world: factories.World, issued: Document, tmp_path: Path
) -> None:
    before = shelf.pdf(issued)
    documents.cancel(
        session, case.id, issued.id, reason="Lập sai mẫu", by=world.team_head.id, duties=papers.HEAD, at=NOW + timedelta(hours=1)
    )  # fmt: skip
    assert issued.state is DocumentState.CANCELLED
    # Put away only now: still as it was issued.
    keeping.keep_waiting(session, tmp_path, at=NOW + timedelta(hours=2), cases=[case.id])
    found = dict(shelf.files_of(session, case.id, tmp_path))
    name = shelf.file_name(issued)
    assert list(found) == [f"{name}.pdf", f"{name}.docx", f"{name}-luc-ban-hanh.pdf", f"{name}-luc-ban-hanh.docx"]
    assert found[f"{name}-luc-ban-hanh.pdf"] == before
    assert found[f"{name}.pdf"] != before


def test_only_the_cases_asked_for_are_looked_at(
    session: Session, world: factories.World, issued: Document, tmp_path: Path
) -> None:
    other = desk.case(session, world, tmp_path)
    assert keeping.keep_waiting(session, tmp_path, at=NOW, cases=[other.id]) == 0
    assert keeping.read_pdf(session, tmp_path, issued) is None
    assert keeping.read_docx(session, tmp_path, issued) is None


@pytest.mark.parametrize("gone", [False, True])
def test_damage_on_disk_is_refused_at_reading_and_named_at_night(
    session: Session, issued: Document, tmp_path: Path, gone: bool
) -> None:
    keeping.keep_waiting(session, tmp_path, at=NOW)
    assert keeping.check(session, tmp_path, at=NOW) == keeping.Looked((), (), ())
    kept = session.scalars(select(DocumentFiles)).one()
    path = files.original_path(tmp_path, kept.pdf)
    content, name = path.read_bytes(), f"{issued.number}.pdf"
    path.chmod(0o640)
    if gone:
        path.unlink()
    else:
        path.write_bytes(content[:-1] + b"x")
    assert keeping.check(session, tmp_path, at=NOW) == keeping.Looked((name,), (name,), ())
    assert keeping.check(session, tmp_path, at=NOW) == keeping.Looked((name,), (), ()), "still damaged, and no news"
    with pytest.raises(files.FileDamaged) as refused:
        shelf.shown_pdf(session, tmp_path, issued)
    assert refused.value.facts == {"name": name}
    sound = files.read_original(tmp_path, kept.docx)
    assert shelf.shown_docx(session, tmp_path, issued) == sound, "damage to one file is not damage to the other"
    path.write_bytes(content)
    assert keeping.check(session, tmp_path, at=NOW + timedelta(days=1)) == keeping.Looked((), (), (name,))
    assert keeping.check(session, tmp_path, at=NOW + timedelta(days=2)) == keeping.Looked((), (), ())
    assert keeping.damage_of(session, issued) == [keeping.Damage(name, NOW, NOW + timedelta(days=1))]


def test_a_look_at_one_case_or_document_leaves_the_others_alone(
    session: Session, case: CaseFile, world: factories.World, issued: Document, tmp_path: Path
) -> None:
    keeping.keep_waiting(session, tmp_path, at=NOW)
    files.original_path(tmp_path, session.scalars(select(DocumentFiles)).one().docx).unlink()
    nothing, name = keeping.Looked((), (), ()), f"{issued.number}.docx"
    other = desk.case(session, world, tmp_path)
    assert keeping.check(session, tmp_path, at=NOW, cases=[other.id]) == nothing
    assert keeping.check(session, tmp_path, at=NOW, document_id=other.id) == nothing
    assert keeping.check(session, tmp_path, at=NOW, cases=[case.id]) == keeping.Looked((name,), (name,), ())
    assert keeping.check(session, tmp_path, at=NOW, document_id=issued.id) == keeping.Looked((name,), (), ())


def test_the_database_holds_one_standing_damage_of_a_file_and_no_end_before_its_beginning(
    session: Session, issued: Document, tmp_path: Path
) -> None:
    keeping.keep_waiting(session, tmp_path, at=NOW)
    kept = session.scalars(select(DocumentFiles)).one()
    facts = {"document_id": kept.document_id, "file_id": kept.pdf_id, "found_at": NOW}
    session.add(DocumentDamage(**facts))
    session.flush()
    for more, rule in (
        ({}, "uq_document_damage_standing"),
        ({"whole_at": NOW - timedelta(seconds=1)}, "ck_document_damage_times_in_order"),
    ):
        with pytest.raises(IntegrityError) as refused, session.begin_nested():
            session.add(DocumentDamage(**facts, **more))
        assert broken_constraint(refused.value) == rule


def test_one_that_cannot_be_drawn_does_not_keep_back_the_others(
    session: Session, case: CaseFile, world: factories.World, issued: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    drawn = papers.draft(session, case, world, "MBB05")
    second = documents.issue(
        session, case.id, drawn.id, version=drawn.version, confirmed=True, by=world.officer.id, duties=papers.OFFICER,
        at=NOW + timedelta(minutes=1),
    )  # fmt: skip
    real = layout_docx.draw

    def torn(sheet: Any, *words: Any, **more: Any) -> bytes:
        if sheet == issued.sheet:
            raise ValueError("cannot be drawn")
        return real(sheet, *words, **more)

    with monkeypatch.context() as patched, capture_logs() as logged:
        patched.setattr(layout_docx, "draw", torn)
        assert [keeping.keep_waiting(session, tmp_path, at=NOW, most=1) for _ in range(2)] == [1, 0]
    assert session.scalars(select(DocumentFiles.document_id)).all() == [second.id]
    assert [(each["document"], each["error"]) for each in logged] == [(str(issued.id), "ValueError")] * 2
    assert keeping.keep_waiting(session, tmp_path, at=NOW) == 1, "it is tried again"


def test_what_the_disk_does_not_give_is_damage_and_no_crash(session: Session, issued: Document, tmp_path: Path) -> None:
    keeping.keep_waiting(session, tmp_path, at=NOW)
    path = files.original_path(tmp_path, session.scalars(select(DocumentFiles)).one().pdf)
    path.unlink()
    path.mkdir()
    with pytest.raises(files.FileDamaged):
        keeping.read_pdf(session, tmp_path, issued)
    assert keeping.check(session, tmp_path, at=NOW).damaged == (f"{issued.number}.pdf",)


def test_a_batch_goes_on_after_the_one_before(
    session: Session, case: CaseFile, world: factories.World, issued: Document, tmp_path: Path
) -> None:
    drawn = papers.draft(session, case, world, "MBB02")
    documents.issue(
        session, case.id, drawn.id, version=drawn.version, confirmed=True, by=world.officer.id, duties=papers.OFFICER, at=NOW
    )  # fmt: skip
    keeping.keep_waiting(session, tmp_path, at=NOW)
    seen, after = list[object](), None
    while (batch := keeping.batch(session, after=after, most=1)).files:
        after = batch.files[-1].document_id
        seen += [each.document_id for each in batch.files]
    assert sorted(map(str, seen)) == sorted(map(str, [issued.id, drawn.id] * 2))
