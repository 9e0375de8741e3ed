"""Promises of the desk's reports: every number equals the length (or sum) of the list it opens, and a signed report never changes."""

from __future__ import annotations

import io
import itertools
import zipfile
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from enforcement import joins, law, report_files, report_tables, reports, requests, triage
from enforcement.competence import LegalQualification
from enforcement.deadlines import DeadlineKind
from enforcement.errors import NotYourMove
from enforcement.models import (
    CaseAct,
    CaseFile,
    CasePaper,
    CaseParty,
    CasePartyRole,
    Exhibit,
    ExhibitDeed,
    ExhibitEvent,
    ExhibitState,
    FineLine,
    GoodsLine,
    Obligation,
    ObligationKind,
    ObligationState,
    Outcome,
    PaperKind,
    Ruling,
    ValuationMethod,
)
from enforcement.report_scope import Figure, Scope
from enforcement.report_tables import Telling
from enforcement.transitions import Duty
from tests import factories
from tests.conftest import MASTER, NOW
from tests.enforcement import desk
from tests.enforcement.test_records import asked as asked_for
from tests.enforcement.test_records import heard
from trace.clock import CITY
from trace.errors import broken_constraint
from trace.services import keys

JUNE = (date(2026, 6, 1), date(2026, 6, 30))
_places = itertools.count(1)
LATER = NOW + timedelta(days=40)


def opened(session: Session, world: factories.World, store: Path, at: datetime, **facts: Any) -> CaseFile:
    signal = desk.signal(session, at=at, place=f"Chợ mẫu {next(_places)}")
    return triage.open_case(session, signal.id, title="Vụ mẫu", store=store, by=world.officer.id, at=at, **facts)


def closed(session: Session, case: CaseFile, at: datetime, outcome: Outcome) -> None:
    session.execute(
        text("UPDATE enforcement.case_file SET state = 'closed', closed_at = :at, outcome = :o WHERE id = :id"),
        {"at": at, "o": outcome.value, "id": case.id},
    )
    session.expire(case)


def paper(
    session: Session, case: CaseFile, kind: PaperKind, world: factories.World, on: date, **facts: Any
) -> CasePaper:
    made = CasePaper(
        case_id=case.id, kind=kind, number=f"{kind.value}-{case.number}", signed_on=on, signer_id=world.branch_head.id, signer_name="Mẫu",
        added_at=NOW, added_by=world.branch_head.id, **facts,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


@pytest.fixture
def june(session: Session, world: factories.World, tmp_path: Path) -> list[CaseFile]:
    """A month with something of everything: seven cases, fines, goods, merges, clocks."""
    law.seed(session)
    may = NOW - timedelta(days=25)
    made = [opened(session, world, tmp_path, at) for at in (may, may, may, NOW, NOW, NOW, NOW)]
    closed(session, made[0], NOW, Outcome.INFRINGEMENT)
    closed(session, made[3], NOW + timedelta(days=2), Outcome.NO_VIOLATION)
    closed(session, made[1], NOW - timedelta(days=20), Outcome.UNDETERMINED)  # in May: June never knew it
    joins.merge(session, made[4].id, made[5].id, take=(), reason="Một nơi bán", by=world.officer.id, at=NOW)
    joins.merge(
        session, made[4].id, made[2].id, take=(), reason="Một nơi bán", by=world.officer.id, at=may + timedelta(hours=1)
    )
    joins.unmerge(session, made[2].id, reason="Nhầm", by=world.officer.id, at=NOW)
    made[4].legal_qualification, made[4].officer_id = LegalQualification.GI_INFRINGEMENT, world.officer.id
    who: dict[str, Any] = {"added_at": NOW, "added_by": world.officer.id}
    session.add_all([
        CaseAct(case_id=made[4].id, description="Bán hàng mang tem sao chép", qualification=LegalQualification.GI_INFRINGEMENT, began_on=date(2026, 5, 1), place="Chợ mẫu", **who),
        CaseAct(case_id=made[6].id, description="Ghi sai nơi đóng gói", qualification=LegalQualification.FALSE_ORIGIN, began_on=date(2026, 5, 1), place="Chợ mẫu", **who),
    ])  # fmt: skip
    for case, fine, paid in ((made[4], 15_000_000, 15_000_000), (made[6], 5_000_000, 0)):
        decision = paper(
            session, case, PaperKind.PENALTY, world, date(2026, 6, 20), fine=fine, bracket_low=1, bracket_top=20_000_000, bracket_basis="Mẫu",
            is_organisation=False,
        )  # fmt: skip
        session.add(
            Obligation(
                case_id=case.id, paper_id=decision.id, kind=ObligationKind.FINE, what="Tiền phạt", amount=fine, paid=paid,
                state=ObligationState.DONE if paid else ObligationState.OPEN, settled_on=date(2026, 6, 25) if paid else None,
                document_number="BL-1" if paid else None, **who,
            )
        )  # fmt: skip
    paper(session, made[6], PaperKind.CRIMINAL_TRANSFER, world, date(2026, 6, 30))
    paper(session, made[6], PaperKind.VIOLATION_RECORD, world, date(2026, 5, 31))
    goods = GoodsLine(case_id=made[4].id, name="Vải thiều", quantity=120, unit="kg", unit_value=40_000, method=ValuationMethod.MARKET_PRICE, valued_on=date(2026, 6, 15), **who)  # fmt: skip
    session.add(goods)
    session.flush()
    thing = Exhibit(case_id=made[4].id, seq=1, description="Vải đóng túi", quantity=100, unit="kg", condition="Tốt", kept_at="Kho mẫu", keeper="Người mẫu", goods_id=goods.id, state=ExhibitState.HELD, **who)  # fmt: skip
    session.add(thing)
    session.flush()
    for seq, deed in enumerate((ExhibitDeed.TAKEN, ExhibitDeed.CONFISCATED, ExhibitDeed.DESTROYED), 1):
        session.add(
            ExhibitEvent(exhibit_id=thing.id, seq=seq, deed=deed, at=NOW, by=world.officer.id, document_number="12/QĐ", kept_at="Kho mẫu", keeper="Người mẫu")
        )  # fmt: skip
    session.flush()
    return made


def asked(session: Session, first: date = JUNE[0], last: date = JUNE[1], **more: Any) -> Scope:
    return reports.scope(session, first, last, at=LATER, **more)


def cells(session: Session, scope: Scope) -> dict[tuple[Figure, str | None, Telling], report_tables.Cell]:
    return {
        (cell.figure, cell.part, cell.measure): cell
        for table in report_tables.draw(session, scope)
        for line in table.lines
        for cell in line.cells
    }


def test_every_number_is_the_length_or_the_sum_of_the_list_that_it_opens(
    session: Session, june: list[CaseFile], world: factories.World
) -> None:
    scopes = [
        asked(session), asked(session, commune_code="10813"), asked(session, unit_id=world.authority.id),
        asked(session, date(2026, 1, 1), date(2026, 12, 31)), asked(session, date(2026, 5, 1), date(2026, 5, 31)),
    ]  # fmt: skip
    told = 0
    for scope in scopes:
        for (figure, part, measure), cell in cells(session, scope).items():
            rows, total = reports.listing(session, figure, scope, part=part, size=1000)
            assert cell.count == total == len(rows), (figure, part)
            told += total
            if measure is Telling.COUNT:
                assert cell.amount == len(rows)
            elif measure is Telling.VALUE:
                assert cell.amount == sum(row.value or 0 for row in rows)
            elif measure is Telling.QUANTITY and cell.amount is not None:
                assert cell.amount == sum(row.quantity or 0 for row in rows)
            elif measure is Telling.MEAN and cell.amount is not None:
                assert cell.amount == pytest.approx(sum(float(row.quantity or 0) for row in rows) / len(rows), abs=0.06)
            elif measure is Telling.RATE and cell.amount is not None:
                judged = reports.listing(session, Figure.CLOCKS_JUDGED, scope, part=part, size=1)[1]
                assert cell.amount == pytest.approx(100 * total / judged, abs=0.06)
    assert told > 100


def test_what_a_month_took_over_and_got_is_what_it_finished_and_leaves(session: Session, june: list[CaseFile]) -> None:
    for first, last in (JUNE, (date(2026, 5, 1), date(2026, 5, 31)), (date(2026, 7, 1), date(2026, 7, 31))):
        found = cells(session, asked(session, first, last))
        counts = {
            figure: found[figure, None, Telling.COUNT].amount or 0
            for figure in Figure
            if figure.value.startswith("cases_")
        }
        came = counts[Figure.CASES_CARRIED] + counts[Figure.CASES_OPENED] + counts[Figure.CASES_REGAINED]
        assert came == counts[Figure.CASES_CLOSED] + counts[Figure.CASES_MERGED] + counts[Figure.CASES_LEFT], (
            first,
            counts,
        )


def test_the_figures_of_a_month_worked_out_by_hand(session: Session, june: list[CaseFile]) -> None:
    found = cells(session, asked(session))

    def amount(figure: Figure, part: str | None = None, measure: Telling = Telling.COUNT) -> Any:
        return found[figure, part, measure].amount

    assert [amount(f) for f in (Figure.CASES_CARRIED, Figure.CASES_OPENED, Figure.CASES_REGAINED)] == [1, 4, 1]
    assert [amount(f) for f in (Figure.CASES_CLOSED, Figure.CASES_MERGED, Figure.CASES_LEFT)] == [2, 1, 3]
    assert amount(Figure.CASES_CLOSED, "no_violation") == 1
    assert [amount(Figure.FINES), amount(Figure.FINES, None, Telling.VALUE)] == [2, 20_000_000]
    assert amount(Figure.FINES, "gi_infringement", Telling.VALUE) == 15_000_000
    assert [amount(Figure.FINES_PAID), amount(Figure.FINES_PAID, None, Telling.VALUE)] == [1, 15_000_000]
    assert [amount(Figure.ACTS, part) for part in ("gi_infringement", "false_origin")] == [1, 1]
    assert [amount(Figure.CRIMINAL_TRANSFERS), amount(Figure.VIOLATION_RECORDS)] == [1, 0]
    part = "Vải thiều · kg"
    assert [amount(Figure.GOODS_SEIZED, part, m) for m in (Telling.QUANTITY, Telling.VALUE)] == [100, 4_000_000]
    assert amount(Figure.GOODS_DESTROYED, part, Telling.VALUE) == 4_000_000


@pytest.mark.parametrize(
    ("first", "last"),
    [(date(2026, 6, 2), date(2026, 6, 1)), (date(2025, 1, 1), date(2026, 6, 1)), (date(2027, 1, 1), date(2027, 2, 1))],
)
def test_a_period_that_cannot_be_is_refused(session: Session, first: date, last: date) -> None:
    with pytest.raises(reports.PeriodWrong):
        asked(session, first, last)


def test_a_report_keeps_its_figures_takes_remarks_is_signed_once_and_changes_no_more(
    session: Session, june: list[CaseFile], world: factories.World, tmp_path: Path
) -> None:
    made = reports.freeze(session, asked(session), word=str, by=world.team_head.id, at=LATER)
    before = made.figures
    opened(session, world, tmp_path, NOW)
    session.expire(made)
    assert made.figures == before
    reports.remark(session, made.id, " Tăng so với tháng trước. ", by=world.team_head.id, at=LATER)
    with pytest.raises(NotYourMove):
        reports.sign(session, made.id, by=world.team_head.id, duties=frozenset({Duty.TEAM_HEAD}), at=LATER)
    head = frozenset({Duty.BRANCH_HEAD})
    signed = reports.sign(session, made.id, by=world.branch_head.id, duties=head, at=LATER)
    assert signed.number == "BC-2026-00001"
    for deed in (
        lambda: reports.sign(session, made.id, by=world.branch_head.id, duties=head, at=LATER),
        lambda: reports.remark(session, made.id, "Khác", by=world.team_head.id, at=LATER),
    ):
        with pytest.raises(reports.SignedAlready):
            deed()
    for sql in ("UPDATE enforcement.desk_report SET remarks = 'x'", "DELETE FROM enforcement.desk_report"):
        with pytest.raises(IntegrityError) as broken, session.begin_nested():
            session.execute(text(sql))
        assert broken_constraint(broken.value) == "desk_report_frozen"
    again = reports.freeze(session, asked(session), word=str, by=world.team_head.id, at=LATER)
    with pytest.raises(reports.AnotherSigned), session.begin_nested():
        reports.sign(session, again.id, by=world.branch_head.id, duties=head, at=LATER)


def test_a_report_on_a_period_that_still_runs_stays_a_draft(
    session: Session, june: list[CaseFile], world: factories.World
) -> None:
    early = datetime(2026, 6, 30, 23, 59, tzinfo=CITY)
    scope = reports.scope(session, *JUNE, at=early)
    made = reports.freeze(session, scope, word=str, by=world.team_head.id, at=early)
    with pytest.raises(reports.PeriodNotOver):
        reports.sign(session, made.id, by=world.branch_head.id, duties=frozenset({Duty.BRANCH_HEAD}), at=LATER)


def test_the_files_of_a_report_say_what_it_froze(
    session: Session, june: list[CaseFile], world: factories.World
) -> None:
    made = reports.freeze(session, asked(session), word=str, by=world.team_head.id, at=LATER)
    name, paper_bytes = report_files.pdf(report_files.of_report(made, names=True))
    assert (name, paper_bytes[:5]) == ("bao-cao-vu-viec-20260601-20260630.pdf", b"%PDF-")
    assert report_files.pdf(report_files.of_report(made, names=True))[1] == paper_bytes
    _, table = report_files.workbook(report_files.of_report(made, names=True), with_rows=True)
    book = CalamineWorkbook.from_filelike(io.BytesIO(table))
    fines = book.get_sheet_by_name("fines").to_python()
    assert [row[4] for row in fines[1:]] == [15_000_000, 5_000_000]
    assert any("20000000" in str(row).replace(".0", "") for row in book.get_sheet_by_name("Tổng hợp").to_python())
    _, bare = report_files.workbook(report_files.of_report(made, names=True), with_rows=False)
    assert CalamineWorkbook.from_filelike(io.BytesIO(bare)).sheet_names == ["Tổng hợp"]


def test_a_penalty_on_two_offenders_counts_each_and_each_act_under_its_own_heading(
    session: Session, june: list[CaseFile], world: factories.World
) -> None:
    case, who = june[0], {"added_at": NOW, "added_by": world.officer.id}
    before = cells(session, asked(session))
    acts = [
        CaseAct(
            case_id=case.id,
            description="Hành vi mẫu",
            qualification=kind,
            began_on=date(2026, 5, 1),
            place="Chợ mẫu",
            **who,
        )
        for kind in (LegalQualification.GI_INFRINGEMENT, LegalQualification.COUNTERFEIT_LABELS)
    ]
    people = [
        CaseParty(case_id=case.id, role=CasePartyRole.SUSPECTED, is_organisation=organisation, name=name, **who)
        for name, organisation in (("Bà Mẫu", False), ("Công ty mẫu", True))
    ]
    session.add_all([*acts, *people])
    session.flush()
    decision = paper(
        session, case, PaperKind.PENALTY, world, date(2026, 6, 21), fine=9_000_000, bracket_low=1, bracket_top=20_000_000, bracket_basis="Mẫu",
        is_organisation=False,
    )  # fmt: skip
    span: dict[str, Any] = {"bracket_low": 1, "bracket_top": 20_000_000}
    for offender, lines in zip(people, ((1_000_000, 2_000_000), (6_000_000,)), strict=True):
        session.add(
            Ruling(
                case_id=case.id, paper_id=decision.id, party_id=offender.id, is_organisation=offender.is_organisation, fine=sum(lines), **span, **who,
                lines=[FineLine(act_id=act.id, amount=amount, bracket_basis="Mẫu", **span) for act, amount in zip(acts, lines, strict=False)],
            )
        )  # fmt: skip
    session.flush()
    found = cells(session, asked(session))

    def more(figure: Figure, part: str | None = None, measure: Telling = Telling.COUNT) -> Any:
        was = before.get((figure, part, measure))
        return (found[figure, part, measure].amount or 0) - ((was.amount if was else 0) or 0)

    assert (more(Figure.PENALTIES), more(Figure.PERSONS_FINED), more(Figure.ORGANISATIONS_FINED)) == (1, 1, 1)
    assert (more(Figure.FINES), more(Figure.FINES, None, Telling.VALUE)) == (3, 9_000_000)
    assert more(Figure.FINES, "gi_infringement", Telling.VALUE) == 7_000_000
    assert more(Figure.FINES, "counterfeit_labels", Telling.VALUE) == 2_000_000
    assert found[Figure.PENALTIES, None, Telling.COUNT].amount == 3
    names = {row.what for row in reports.listing(session, Figure.PERSONS_FINED, asked(session))[0]}
    assert "Bà Mẫu" not in str(names)


def test_the_clocks_of_messages_count_in_the_rate_and_the_rate_tells_what_it_is_a_share_of(
    session: Session, june: list[CaseFile], world: factories.World
) -> None:
    before = cells(session, asked(session))[Figure.CLOCKS_IN_TIME, None, Telling.RATE]
    keyring = keys.load(session, MASTER)
    met, missed = (
        requests.take(
            session, heard(), asked_for(), keyring=keyring, by=world.officer.id, at=NOW + timedelta(minutes=n)
        )
        for n in range(1, 3)
    )
    requests.accept(session, met.id, reason="", by=world.officer.id, at=NOW + timedelta(days=2))
    found = cells(session, asked(session))
    kind = DeadlineKind.REQUEST_REVIEW.value
    rate = found[Figure.CLOCKS_IN_TIME, kind, Telling.RATE]
    assert (rate.amount, rate.count, rate.of) == (50.0, 1, 2)
    whole = found[Figure.CLOCKS_IN_TIME, None, Telling.RATE]
    assert (whole.count, whole.of) == (before.count + 1, (before.of or 0) + 2)
    rows, total = reports.listing(session, Figure.CLOCKS_JUDGED, asked(session), part=kind)
    assert total == 2
    assert {row.number for row in rows} == {met.number, missed.number}
    assert reports.listing(session, Figure.CLOCKS_JUDGED, asked(session, unit_id=world.authority.id), part=kind)[1] == 2
    assert reports.listing(session, Figure.CLOCKS_JUDGED, asked(session, commune_code="10813"), part=kind)[1] == 2


def test_a_workbook_of_the_moment_says_so_and_its_numbers_lead_to_their_rows(
    session: Session, june: list[CaseFile]
) -> None:
    figures = reports.told(session, asked(session), word=str, most=10)
    live = report_files.Printed(*JUNE, None, None, LATER, figures, sample=True, live=True, opens=lambda figure, part: f"https://mau.test/{figure}/{part}")  # fmt: skip
    name, content = report_files.workbook(live, with_rows=True)
    assert name == "bao-cao-vu-viec-20260601-20260630-tam-tinh-20260725-1000.xlsx"
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        front, rows = parts.read("xl/worksheets/sheet1.xml").decode(), parts.read("xl/worksheets/sheet2.xml").decode()
        shared = parts.read("xl/sharedStrings.xml").decode()
    assert "Tạm tính, chưa chốt: tính lúc 10:00 ngày 25/07/2026" in shared
    assert "location=\"'fines'!A1\"" in front
    for sheet in (front, rows):
        assert "<pane " in sheet, "the heading stays in sight"
        assert 'orientation="landscape"' in sheet
        assert 'fitToPage="1"' in sheet
    _, drawn = report_files.pdf(live)
    assert b"https://mau.test/fines/None" in drawn
    assert b"https://mau.test" not in report_files.pdf(replace(live, opens=None))[1]


def test_rows_of_one_paper_stand_on_one_page_each(
    session: Session, june: list[CaseFile], world: factories.World
) -> None:
    case, who = june[0], {"added_at": NOW, "added_by": world.officer.id}
    amounts = [100_000 + 1_000 * (n * 7 % 30) for n in range(30)]
    span: dict[str, Any] = {"bracket_low": 1, "bracket_top": 20_000_000}
    decision = paper(
        session, case, PaperKind.PENALTY, world, date(2026, 6, 21), fine=sum(amounts), is_organisation=False, bracket_basis="Mẫu", **span
    )  # fmt: skip
    people = [
        CaseParty(case_id=case.id, role=CasePartyRole.SUSPECTED, is_organisation=False, name=f"Người mẫu {n}", **who)
        for n in range(30)
    ]
    session.add_all(people)
    session.flush()
    for offender, fine in zip(people, amounts, strict=True):
        session.add(
            Ruling(case_id=case.id, paper_id=decision.id, party_id=offender.id, is_organisation=False, fine=fine, **span, **who)
        )  # fmt: skip
        session.flush()
    asking = asked(session)
    pages = [reports.listing(session, Figure.PERSONS_FINED, asking, page=page, size=4)[0] for page in range(1, 10)]
    told = [row.value for page in pages for row in page if row.number == decision.number]
    assert told == sorted(amounts)
