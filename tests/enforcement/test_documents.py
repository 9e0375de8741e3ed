"""Promises of the documents: a number without gaps, words that stay, everything missing told at once, a signed copy bound to its number."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from enforcement import acts, authority, casebook, clocks, documents, evidence, law
from enforcement.casebook import TextMissing
from enforcement.competence import Signer
from enforcement.deadlines import DeadlineKind
from enforcement.errors import BeyondCompetence, NotYourMove
from enforcement.models import (
    CaseEvent,
    CaseFile,
    CasePartyRole,
    Deadline,
    Document,
    DocumentState,
    EndedAs,
    Evidence,
    SigningAs,
)
from enforcement.papers import faults, forms, numbering, shelf, templates, units
from tests import factories
from tests.conftest import MASTER, NOW
from tests.enforcement import desk, papers
from trace.errors import Conflict, NotFound, Refused, broken_constraint
from trace.models.files import StoredFile
from trace.models.history import History
from trace.models.parties import Role
from trace.services import files

PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\nstartxref\n9\n%%EOF\n"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "files"


@pytest.fixture
def case(session: Session, world: factories.World, store: Path) -> CaseFile:
    made = desk.case(session, world, store)
    papers.unit(session, world)
    return made


def issue(
    session: Session,
    case: CaseFile,
    world: factories.World,
    code: str = "MBB02",
    at: datetime = NOW,
    *,
    confirmed: bool = True,
) -> Document:
    made = papers.draft(session, case, world, code)
    who, duties = (
        (world.officer.id, papers.OFFICER)
        if templates.seeds()[code].signer == "officer"
        else (world.team_head.id, papers.HEAD)
    )
    return documents.issue(
        session, case.id, made.id, version=made.version, confirmed=confirmed, by=who, duties=duties, at=at
    )


def scan(session: Session, store: Path, n: int = 1) -> StoredFile:
    return files.receive(session, store, io.BytesIO(PDF + b"%d" % n), name="ban-ky.pdf", at=NOW, by=None)


# ------------------------------------------------------------------------------------------------------------ issuing


def test_an_issued_document_has_its_number_its_words_and_its_clock(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    made = issue(session, case, world, "MQĐ41")
    assert made.number == "03010001/QĐ-TCGĐ"
    assert (made.year, made.sequence, made.state) == (2026, 1, DocumentState.ISSUED)
    assert made.signer_id == world.team_head.id
    assert made.sheet is not None
    assert made.sheet["number"] == made.number
    assert made.sheet["date"] == "ngày 15 tháng 6 năm 2026"
    assert made.sheet["capacity"] == ["Đội trưởng"]
    clock = session.scalars(select(Deadline).where(Deadline.subject_id == made.id)).one()
    assert clock.kind is DeadlineKind.INS_UPLOAD
    assert made.ins_due_at == clock.due_at == NOW + timedelta(hours=48)
    shown = clocks.standings(case, law.load(session), at=NOW)
    assert [each.whose for each in shown if each.deadline.id == clock.id] == [made.number], (
        "the page says of which document"
    )
    assert case.next_due_at is not None
    deeds = session.scalars(select(CaseEvent.deed).where(CaseEvent.case_id == case.id).order_by(CaseEvent.seq)).all()
    assert deeds[-2:] == ["draft_document", "issue_document"]
    assert {"document:draft", "document:issue"} <= set(session.scalars(select(History.deed)))


def test_every_form_and_year_has_its_own_series_and_begins_anew_at_the_citys_new_year(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    last_minute = datetime(2026, 12, 31, 16, 59, tzinfo=UTC)  # 23:59 in the city
    numbers = [
        issue(session, case, world, code, at).number
        for code, at in (
            ("MBB02", last_minute),
            ("MBB02", last_minute),
            ("MBB05", last_minute),
            ("MBB02", last_minute + timedelta(minutes=2)),
        )
    ]
    assert numbers == ["03010001/BB-LV", "03010002/BB-LV", "03010001/BB-XM", "03010001/BB-LV"]


def test_a_draft_that_is_not_issued_leaves_no_gap(session: Session, case: CaseFile, world: factories.World) -> None:
    issue(session, case, world)
    made = papers.draft(session, case, world)
    undone = session.begin_nested()
    documents.issue(
        session, case.id, made.id, version=made.version, confirmed=True, by=world.officer.id, duties=papers.OFFICER, at=NOW
    )  # fmt: skip
    undone.rollback()
    documents.discard(
        session, case.id, papers.draft(session, case, world).id, reason="Soạn nhầm", by=world.officer.id, at=NOW
    )
    assert issue(session, case, world).number == "03010002/BB-LV"


def test_everything_that_is_missing_is_told_at_once_and_nothing_is_issued(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    made = documents.draft(session, case.id, "MQĐ33", by=world.officer.id, at=NOW, given={"evidence_count": "hai mươi"})
    with pytest.raises(Refused) as refused:
        documents.issue(
            session,
            case.id,
            made.id,
            version=made.version,
            confirmed=False,
            by=world.team_head.id,
            duties=papers.HEAD,
            at=NOW,
        )
    kinds = [type(reason) for reason in refused.value.reasons]
    missing = {
        str(reason.facts["field"]) for reason in refused.value.reasons if isinstance(reason, faults.FieldMissing)
    }
    assert missing == {"offender_name", "act", "crime", "recipient", "evidence", "executor"}
    assert faults.NotANumber in kinds
    assert documents.WordingNotConfirmed in kinds
    session.refresh(made)
    assert (made.state, made.number) == (DocumentState.DRAFT, None)


def test_the_wording_that_nobody_confirmed_is_never_issued(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    with pytest.raises(Refused) as refused:
        issue(session, case, world, confirmed=False)
    assert [type(reason) for reason in refused.value.reasons] == [documents.WordingNotConfirmed]
    made = issue(session, case, world)
    session.execute(text("ALTER TABLE enforcement.document DISABLE TRIGGER issued_document_kept"))
    with pytest.raises(IntegrityError) as broken, session.begin_nested():
        session.execute(text("UPDATE enforcement.document SET confirmed_by = NULL WHERE id = :id"), {"id": made.id})
    assert broken_constraint(broken.value) == "ck_document_wording_confirmed"


def test_decisions_are_for_heads_and_minutes_for_whoever_draws_them_up(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    for code in ("MQĐ20", "QĐKT", "CVSAN"):
        made = papers.draft(session, case, world, code)
        with pytest.raises(NotYourMove):
            documents.issue(
                session,
                case.id,
                made.id,
                version=made.version,
                confirmed=True,
                by=world.officer.id,
                duties=papers.OFFICER,
                at=NOW,
            )
        signed = documents.issue(
            session,
            case.id,
            made.id,
            version=made.version,
            confirmed=True,
            by=world.team_head.id,
            duties=papers.HEAD,
            at=NOW,
        )
        assert signed.sheet is not None
        assert signed.sheet["signer"] == "Người mẫu Đội"


def test_a_fine_beyond_the_signatory_is_refused_before_a_number_is_taken(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    for who, duties, fine in (
        (world.officer, papers.OFFICER, "60.000.000"),
        (world.team_head, papers.HEAD, "200.000.000"),
    ):
        made = papers.draft(session, case, world, "MQĐ02")
        documents.save(
            session, case.id, made.id, made.values | {"fine": fine}, version=made.version, by=world.officer.id, at=NOW
        )
        with pytest.raises(BeyondCompetence):
            documents.issue(
                session, case.id, made.id, version=made.version, confirmed=True, by=who.id, duties=duties, at=NOW
            )  # fmt: skip
    assert issue(session, case, world, "MQĐ02").number == "03010001/QĐ-XPHC"


def test_the_ceiling_is_that_of_an_organisation_where_one_is_among_the_offenders(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    def signed() -> Document:
        made = papers.draft(session, case, world, "MQĐ02")
        given = made.values | {"fine": "100.000.000"}
        documents.save(session, case.id, made.id, given, version=made.version, by=world.officer.id, at=NOW)
        return documents.issue(
            session, case.id, made.id, version=made.version, confirmed=True, by=world.team_head.id, duties=papers.HEAD, at=NOW
        )  # fmt: skip

    for minute, organisation in enumerate((False, True)):
        facts = acts.PartyFacts(CasePartyRole.SUSPECTED, is_organisation=organisation, name=f"Bên mẫu {minute}")
        acts.add_party(session, case.id, facts, by=world.officer.id, at=NOW + timedelta(minutes=minute))
        if not organisation:
            with pytest.raises(BeyondCompetence):
                signed()
    assert signed().number == "03010001/QĐ-XPHC"


def test_a_delegate_signs_for_the_head_and_the_decision_behind_it_is_named(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    branch = factories.party(session, "Chi cục mẫu")
    factories.role(session, world.branch_head, branch, Role.BRANCH_HEAD, NOW)
    authority_row = authority.Capacity(Signer.BRANCH_HEAD, world.branch_head.id, "Người mẫu Chi", "12/QĐ-GQXP")
    made = papers.draft(session, case, world, "MQĐ20")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(authority, "capacity", lambda *_args, **_kwargs: authority_row)
        signed = documents.issue(
            session,
            case.id,
            made.id,
            version=made.version,
            confirmed=True,
            by=world.team_head.id,
            duties=papers.HEAD,
            at=NOW,
        )
    assert signed.sheet is not None
    assert signed.sheet["capacity"] == ["KT. Chi cục trưởng", "Phó Chi cục trưởng"]
    assert signed.signed_as is SigningAs.DEPUTY
    assert signed.sheet["bases"][-1] == [{"t": "Căn cứ Quyết định số 12/QĐ-GQXP về việc giao quyền."}]


def test_a_unit_without_a_code_issues_nothing(session: Session, world: factories.World, store: Path) -> None:
    made = desk.case(session, world, store)
    templates.seed(session)
    with pytest.raises(Refused) as refused:
        issue(session, made, world)
    assert [type(reason) for reason in refused.value.reasons] == [units.NoIssuingUnit]


def test_two_who_sign_at_once_make_one_document(session: Session, case: CaseFile, world: factories.World) -> None:
    made = issue(session, case, world)
    with pytest.raises(documents.NotADraft):
        documents.issue(
            session,
            case.id,
            made.id,
            version=made.version,
            confirmed=True,
            by=world.officer.id,
            duties=papers.OFFICER,
            at=NOW,
        )


def test_a_draft_saved_by_another_is_not_overwritten(session: Session, case: CaseFile, world: factories.World) -> None:
    made = papers.draft(session, case, world)
    seen = made.version
    documents.save(session, case.id, made.id, {"findings": "Bản của tôi"}, version=seen, by=world.officer.id, at=NOW)
    with pytest.raises(documents.DocumentChanged) as refused:
        documents.save(session, case.id, made.id, {"findings": "Bản khác"}, version=seen, by=world.team_head.id, at=NOW)
    assert refused.value.facts["who"] == "Người mẫu Bộ"
    assert made.values["findings"] == "Bản của tôi"


def test_a_wrong_value_is_told_and_nothing_of_the_form_is_kept(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    made = papers.draft(session, case, world)
    before = dict(made.values)
    with pytest.raises(Refused) as refused:
        documents.save(
            session,
            case.id,
            made.id,
            {"started": "hôm qua", "copies": "-1", "place": "x" * 301},
            version=made.version,
            by=world.officer.id,
            at=NOW,
        )
    assert [type(reason) for reason in refused.value.reasons] == [
        faults.NotAMoment,
        faults.ValueTooLong,
        faults.NotANumber,
    ]
    session.refresh(made)
    assert made.values == before


def test_whoever_reported_cannot_be_named(session: Session, case: CaseFile, world: factories.World) -> None:
    made = documents.draft(session, case.id, "CVBAOTIN", by=world.officer.id, at=NOW)
    number = session.scalars(select(CaseFile).where(CaseFile.id == case.id)).one().signals[0].source_number
    assert number in made.values["informant"]
    for name in ("Bà Hoa, 0912 345 678", "hoa@example.vn", "Bà Hoa, số định danh 031201000123"):
        with pytest.raises(Refused) as refused:
            documents.save(
                session, case.id, made.id, {"informant": name}, version=made.version, by=world.officer.id, at=NOW
            )
        assert [type(reason) for reason in refused.value.reasons] == [faults.NamesSomebody]


def test_a_closed_case_takes_no_document(session: Session, case: CaseFile, world: factories.World) -> None:
    case.state, case.closed_at, case.outcome = (
        desk.CaseFile.state.type.python_type("closed"),
        NOW,
        desk.Outcome.INFRINGEMENT,
    )
    session.flush()
    with pytest.raises(casebook.CaseIsOver):
        documents.draft(session, case.id, "MBB02", by=world.officer.id, at=NOW)


def test_a_document_of_another_case_is_not_found(
    session: Session, case: CaseFile, world: factories.World, store: Path
) -> None:
    made = papers.draft(session, case, world)
    other = desk.case(session, world, store, with_law=False)
    with pytest.raises(NotFound):
        documents.discard(session, other.id, made.id, reason="x", by=world.officer.id, at=NOW)


# ---------------------------------------------------------------------------------------------------------- afterwards


@pytest.mark.parametrize(
    "change",
    [
        "number = '99'",
        "sheet = '{}'",
        "values = '{}'",
        "signer_id = drawn_by, issued_at = now()",
        "case_id = gen_random_uuid()",
        "sequence = 2",
    ],
)
def test_nothing_that_was_issued_is_changed(
    session: Session, case: CaseFile, world: factories.World, change: str
) -> None:
    made = issue(session, case, world, "MQĐ41")
    for statement in (
        f"UPDATE enforcement.document SET {change} WHERE id = :id",
        "DELETE FROM enforcement.document WHERE id = :id",
    ):
        with pytest.raises(IntegrityError) as broken, session.begin_nested():
            session.execute(text(statement), {"id": made.id})
        assert broken_constraint(broken.value) == "issued_document_kept"


def test_a_cancelled_document_keeps_its_number_and_says_why(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    made = issue(session, case, world)
    with pytest.raises(NotYourMove):
        documents.cancel(
            session, case.id, made.id, reason="Lập sai mẫu", by=world.officer.id, duties=papers.OFFICER, at=NOW
        )
    with pytest.raises(TextMissing):
        documents.cancel(session, case.id, made.id, reason=" ", by=world.team_head.id, duties=papers.HEAD, at=NOW)
    documents.cancel(session, case.id, made.id, reason="Lập sai mẫu", by=world.team_head.id, duties=papers.HEAD, at=NOW)
    assert (made.state, made.number, made.end_reason) == (DocumentState.CANCELLED, "03010001/BB-LV", "Lập sai mẫu")
    assert issue(session, case, world).number == "03010002/BB-LV"
    assert documents.registered(session, case.id, ["MBB02"])[0].number == "03010002/BB-LV"
    assert "Lập sai mẫu" in shelf.look(made).why


def test_a_document_that_takes_anothers_place_supersedes_it_when_it_is_issued(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    old = issue(session, case, world)
    new = documents.draft(session, case.id, "MBB02", by=world.officer.id, at=NOW, replaces=old.id)
    assert new.values == old.values
    with pytest.raises(documents.AlreadyReplaced):
        documents.draft(session, case.id, "MBB02", by=world.officer.id, at=NOW, replaces=old.id)
    assert old.state is DocumentState.ISSUED
    documents.issue(
        session,
        case.id,
        new.id,
        version=new.version,
        confirmed=True,
        by=world.officer.id,
        duties=papers.OFFICER,
        at=NOW,
    )
    assert old.state is DocumentState.SUPERSEDED
    assert [each.number for each in documents.registered(session, case.id, {"MBB02"})] == [new.number]


def test_a_later_version_of_the_form_leaves_documents_as_they_were(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    made = issue(session, case, world)
    before = shelf.pdf(made)
    parts = forms.written(templates.seeds()["MBB02"]) | {"title": "BIÊN BẢN KHÁC"}
    templates.save(
        session, "MBB02", parts, valid_from=NOW.date(), note="Theo mẫu mới", seen=1, by=world.team_head.id, at=NOW
    )
    assert papers.draft(session, case, world).template.version == 2
    session.expire_all()
    assert made.template.version == 1
    assert shelf.pdf(made) == before


# ----------------------------------------------------------------------------------------------------------- scans, INS


def test_the_signed_copy_is_evidence_with_a_folio_and_only_one_stands(
    session: Session, case: CaseFile, world: factories.World, store: Path
) -> None:
    made = issue(session, case, world)
    first = documents.bind(session, case.id, made.id, scan(session, store), store=store, by=world.officer.id, at=NOW)
    assert made.state is DocumentState.SCANNED
    piece = session.get_one(Evidence, first.evidence_id)
    assert made.number is not None
    assert made.number in piece.title
    with pytest.raises(documents.AlreadyScanned) as refused:
        documents.bind(session, case.id, made.id, scan(session, store, 2), store=store, by=world.officer.id, at=NOW)
    assert refused.value.facts["folio"] == piece.folio
    with pytest.raises(evidence.AlreadyEvidence):
        documents.bind(
            session, case.id, made.id, scan(session, store), store=store, by=world.officer.id, at=NOW, reason="Gửi lại"
        )
    session.expire_all()
    second = documents.bind(
        session,
        case.id,
        made.id,
        scan(session, store, 3),
        store=store,
        by=world.officer.id,
        at=NOW,
        reason="Bản trước mờ trang 2",
    )
    assert made.scan is not None
    assert made.scan.id == second.id
    assert {each.folio for each in evidence.of_case(session, case.id)} >= {piece.folio, piece.folio + 1}


def test_a_draft_takes_no_signed_copy(session: Session, case: CaseFile, world: factories.World, store: Path) -> None:
    made = papers.draft(session, case, world)
    with pytest.raises(documents.NotIssued):
        documents.bind(session, case.id, made.id, scan(session, store), store=store, by=world.officer.id, at=NOW)
    with pytest.raises(documents.NotIssued):
        documents.uploaded(session, case.id, made.id, uploaded_at=NOW, receipt="INS-1", by=world.officer.id, at=NOW)


@pytest.mark.parametrize(("hours", "ended"), [(47, EndedAs.FULFILLED), (49, EndedAs.LATE)])
def test_the_clock_of_ins_ends_with_the_upload_in_time_or_late(
    session: Session, case: CaseFile, world: factories.World, hours: int, ended: EndedAs
) -> None:
    made, other = issue(session, case, world), issue(session, case, world, "MBB05")
    up = NOW + timedelta(hours=hours)
    assert shelf.late(session, at=NOW + timedelta(hours=49)) == 2
    with pytest.raises(documents.UploadedBeforeIssue):
        documents.uploaded(
            session,
            case.id,
            made.id,
            uploaded_at=NOW - timedelta(minutes=1),
            receipt="INS-1",
            by=world.officer.id,
            at=up,
        )
    with pytest.raises(casebook.NotInFuture):
        documents.uploaded(
            session, case.id, made.id, uploaded_at=up + timedelta(hours=1), receipt="INS-1", by=world.officer.id, at=up
        )
    documents.uploaded(session, case.id, made.id, uploaded_at=up, receipt="INS-1", by=world.officer.id, at=up)
    clocks = {
        clock.subject_id: clock.ended_as
        for clock in session.scalars(select(Deadline).where(Deadline.kind == DeadlineKind.INS_UPLOAD))
    }
    assert clocks == {made.id: ended, other.id: None}
    with pytest.raises(documents.AlreadyUploaded):
        documents.uploaded(session, case.id, made.id, uploaded_at=up, receipt="INS-2", by=world.officer.id, at=up)


# ------------------------------------------------------------------------------------------------------------- reading


def test_other_parts_of_the_desk_read_documents_by_these_names(
    session: Session, case: CaseFile, world: factories.World, store: Path
) -> None:
    made = issue(session, case, world, "MQĐ02")
    documents.bind(session, case.id, made.id, scan(session, store), store=store, by=world.officer.id, at=NOW)
    papers.draft(session, case, world)
    found = documents.of_case(session, case.id)
    assert [(each.form, each.number, each.state.value) for each in found] == [
        ("MBB02", None, "draft"),
        ("MQĐ02", made.number, "scanned"),
    ]
    assert found[1].scan is not None
    assert found[1].scan.sha256
    rows = documents.registered(session, case.id, {"MQĐ02", "MQĐ15"})
    assert [(row.number, row.issued_on, row.fine) for row in rows] == [(made.number, NOW.date(), 15_000_000)]
    assert documents.holder_of(session, str(made.number), 2026) == case.number
    assert documents.holder_of(session, str(made.number), 2025) is None
    names = [name for name, data in documents.files_of(session, case.id, store) if data.startswith(b"%PDF")]
    assert names == ["mqd02-2026-03010001-qd-xphc.pdf"]
    signed = [(name, number, piece.sha256) for name, number, piece in shelf.signed_of(session, case.id)]
    assert signed == [("mqd02-2026-03010001-qd-xphc-ban-ky.pdf", made.number, found[1].scan.sha256)]


def test_the_register_is_searched_without_diacritics_and_filtered(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    made = issue(session, case, world, "MQĐ41")
    issue(session, case, world, "MBB02")
    papers.draft(session, case, world)
    for asked, count in (
        (shelf.Asked(), 3), (shelf.Asked(form="MBB02"), 2), (shelf.Asked(state=DocumentState.DRAFT), 1), (shelf.Asked(year=2025), 0),
        (shelf.Asked(q="trung cau giam dinh"), 1), (shelf.Asked(q=str(made.number).lower()), 1), (shelf.Asked(q="100%"), 0), (shelf.Asked(q=case.number), 3),
        (shelf.Asked(late=True), 0),
    ):  # fmt: skip
        assert shelf.register(session, asked, at=NOW, page=1)[1] == count, asked
    assert shelf.workbook(session, shelf.Asked(), at=NOW).startswith(b"PK")
    assert shelf.years(session) == [2026]


# ---------------------------------------------------------------------------------------------------- many at one time


@pytest.mark.committed
def test_sixteen_who_issue_at_once_leave_no_gap_and_no_double(committed: Engine, tmp_path: Path) -> None:
    threads, each = 16, 4
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        papers.unit(session, world)
        officer = world.officer.id
        drafts: list[list[tuple[UUID, UUID]]] = []
        for n in range(threads):
            case = desk.case(session, world, tmp_path, with_law=n == 0)
            drafts.append([(case.id, papers.draft(session, case, world).id) for _ in range(each)])
        session.commit()

    def work(mine: list[tuple[UUID, UUID]]) -> None:
        with Session(committed) as session:
            for turn, (case_id, document_id) in enumerate(mine):
                made = documents.get(session, case_id, document_id)
                documents.issue(
                    session,
                    case_id,
                    document_id,
                    version=made.version,
                    confirmed=True,
                    by=officer,
                    duties=papers.OFFICER,
                    at=NOW,
                )
                if turn == 1:
                    session.rollback()  # something else failed: its number goes to the next one
                    made = documents.get(session, case_id, document_id)
                    documents.issue(
                        session,
                        case_id,
                        document_id,
                        version=made.version,
                        confirmed=True,
                        by=officer,
                        duties=papers.OFFICER,
                        at=NOW,
                    )
                session.commit()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, drafts))
    with Session(committed) as session:
        taken = sorted(session.scalars(select(Document.sequence).where(Document.sequence.is_not(None))).all())  # type: ignore[type-var]
        assert taken == list(range(1, threads * each + 1))


def test_a_full_series_is_refused_in_words(session: Session, case: CaseFile, world: factories.World) -> None:
    issue(session, case, world)
    session.execute(text("UPDATE number_series SET last = 9999 WHERE series LIKE 'document:%'"))
    with pytest.raises(numbering.SeriesFull):
        issue(session, case, world)
    assert issubclass(numbering.SeriesFull, Conflict)
