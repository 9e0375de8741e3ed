"""Promises of the forms: what heads write is read or refused by name, versions stay, amounts come in words, cases fill what they know."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from enforcement import documents, joins, law
from enforcement.competence import LegalQualification
from enforcement.models import (
    CaseAct,
    CaseFile,
    CaseParty,
    CasePartyRole,
    DocumentTemplate,
    Exhibit,
    GoodsLine,
    ValuationMethod,
)
from enforcement.papers import faults, filling, forms, templates, units, values
from enforcement.papers.vocabulary import SOURCES, Field, FieldKind
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk, papers
from trace.errors import NotFound, Refused, broken_constraint

TODAY = NOW.date()


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    made = desk.case(session, world, tmp_path / "files", photos=[desk.photo(session, tmp_path / "files")])
    papers.unit(session, world)
    return made


def mbb02(**more: str) -> dict[str, str]:
    return {**forms.written(templates.seeds()["MBB02"]), **more}


def kinds(parts: dict[str, str]) -> list[type[Exception]]:
    form, wrong = forms.parse(parts)
    assert (form is None) == bool(wrong)
    return [type(each) for each in wrong]


# ----------------------------------------------------------------------------------------------------- reading a form


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ({"title": ""}, faults.PartMissing),
        ({"abstract": "x" * 401}, faults.PartTooLong),
        ({"body": forms.written(templates.seeds()["MBB02"])["body"] + "\n{nobody}"}, faults.UnknownField),
        ({"abstract": "Về {nobody}"}, faults.UnknownField),
        ({"signatures": "Ký thay | {nobody}"}, faults.UnknownField),
        ({"body": forms.written(templates.seeds()["MBB02"])["body"] + "\n{copies:loud}"}, faults.UnknownField),
        ({"body": forms.written(templates.seeds()["MBB02"])["body"] + "\n[goods]"}, faults.UnknownTable),
        ({"body": forms.written(templates.seeds()["MBB02"])["body"] + "\n[nothing] x"}, faults.UnknownTable),
        ({"body": forms.written(templates.seeds()["MBB02"])["body"] + "\nĐiều:"}, faults.BrokenBlock),
        ({"body": forms.written(templates.seeds()["MBB02"])["body"] + "\nMở {ngoặc"}, faults.BrokenBlock),
        ({"body": forms.written(templates.seeds()["MBB02"])["body"] + "\n[goods"}, faults.BrokenBlock),
        ({"kind": "poem"}, faults.UnknownWord),
        ({"signer": ""}, faults.UnknownWord),
        ({"stages": "verifying, asleep"}, faults.UnknownWord),
        ({"symbol": "BB/LV 2"}, faults.UnknownWord),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_name(more: dict[str, str], wrong: type[Exception]) -> None:
    assert kinds(mbb02(**more)) == [wrong]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("Viết Hoa | Nhãn", faults.BadFieldName),
        ("signer_name", faults.BadFieldName),
        ("place", faults.FieldTwice),
        ("weather", faults.FieldWithoutLabel),
        ("weather | Thời tiết | colour", faults.UnknownWord),
        ("weather | Thời tiết | line | case.weather", faults.UnknownSource),
        ("weather | Thời tiết | table", faults.UnknownTable),
        ("weather | Thời tiết", faults.FieldUnused),
    ],
)
def test_a_field_that_cannot_be_is_refused_by_its_name(line: str, wrong: type[Exception]) -> None:
    assert wrong in kinds(mbb02(fields=mbb02()["fields"] + "\n" + line))


def test_everything_that_is_wrong_is_told_at_once() -> None:
    found = kinds(mbb02(kind="poem", title="", stages="asleep", body="{x}\n{y}\n[z]", fields="Ạ"))
    assert {
        faults.PartMissing,
        faults.UnknownWord,
        faults.UnknownField,
        faults.UnknownTable,
        faults.BadFieldName,
    } <= set(found)
    assert len(found) >= 7


@pytest.mark.parametrize(
    "nasty",
    ["\x00", "\u202e", "{{}}", "{" * 500, "[" * 500, "|" * 2000, "~" * 50, "Điều:" * 50, "# " * 50, "\n" * 5000],
)
def test_no_text_breaks_the_reading(nasty: str) -> None:
    for part in forms.FormPart:
        forms.parse(mbb02(**{part.value: nasty}))


# ------------------------------------------------------------------------------------------------------------ versions


def test_seeding_again_changes_nothing(session: Session) -> None:
    templates.seed(session)
    before = session.scalars(select(DocumentTemplate.id)).all()
    templates.seed(session)
    assert session.scalars(select(DocumentTemplate.id)).all() == before
    assert len(before) == len(templates.seeds())


def test_a_seed_that_reads_otherwise_becomes_the_next_version_unless_a_head_changed_the_form(
    session: Session, world: factories.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    templates.seed(session)
    templates.save(session, "MBB05", forms.written(templates.seeds()["MBB05"]), valid_from=TODAY, note="x", seen=1, by=world.team_head.id, at=NOW)  # fmt: skip
    other = {
        code: replace(form, abstract=f"{form.abstract} mới")
        for code, form in templates.seeds().items()
        if code in {"MBB02", "MBB05"}
    }
    monkeypatch.setattr(templates, "seeds", lambda: other)
    templates.seed(session)
    templates.seed(session)
    assert [row.version for row in templates.versions(session, "MBB02")] == [2, 1]
    assert templates.for_day(session, "MBB02", TODAY).content["abstract"].endswith(" mới")
    assert [row.version for row in templates.versions(session, "MBB05")] == [2, 1], "what a head changed stays"
    assert not templates.for_day(session, "MBB05", TODAY).content["abstract"].endswith(" mới")


def test_a_version_holds_from_its_day_and_the_one_before_until_then(session: Session, world: factories.World) -> None:
    templates.seed(session)
    later = TODAY + timedelta(days=10)
    made = templates.save(
        session, "MBB02", mbb02(title="BIÊN BẢN MỚI"), valid_from=later, note="Mẫu mới", seen=1, by=world.team_head.id, at=NOW
    )  # fmt: skip
    assert made.version == 2
    assert templates.for_day(session, "MBB02", TODAY).version == 1
    assert templates.for_day(session, "MBB02", later).version == 2
    assert {row.form: row.version for row in templates.in_force(session, TODAY)}["MBB02"] == 1
    assert {row.form: row.version for row in templates.latest(session)}["MBB02"] == 2
    assert [row.version for row in templates.versions(session, "MBB02")] == [2, 1]
    with pytest.raises(templates.NoSuchForm):
        templates.for_day(session, "MBB02", date(2020, 1, 1))
    with pytest.raises(NotFound):
        templates.get(session, "MBB02", 3)


def test_two_heads_who_write_one_form_see_each_other(session: Session, world: factories.World) -> None:
    templates.seed(session)
    more = {"valid_from": TODAY, "note": "x", "by": world.team_head.id, "at": NOW}
    templates.save(session, "MBB02", mbb02(), seen=1, **more)  # type: ignore[arg-type]
    with pytest.raises(templates.TemplateChanged):
        templates.save(session, "MBB02", mbb02(), seen=1, **more)  # type: ignore[arg-type]


def test_a_symbol_belongs_to_one_form_and_a_version_begins_no_earlier_than_the_last(
    session: Session, world: factories.World
) -> None:
    templates.seed(session)
    with pytest.raises(Refused) as refused:
        templates.save(
            session, "mbb2", mbb02(symbol="BB-XM"), valid_from=TODAY, note="x", seen=0, by=world.team_head.id, at=NOW
        )  # fmt: skip
    assert [type(each) for each in refused.value.reasons] == [templates.BadFormCode, faults.SymbolTaken]
    with pytest.raises(Refused) as refused:
        templates.save(
            session, "MBB02", mbb02(), valid_from=date(2020, 1, 1), note="x", seen=1, by=world.team_head.id, at=NOW
        )
    assert [type(each) for each in refused.value.reasons] == [faults.ValidTooEarly]


def test_a_version_is_never_edited(session: Session) -> None:
    templates.seed(session)
    for statement in (
        "UPDATE enforcement.document_template SET name = 'x'",
        "DELETE FROM enforcement.document_template",
    ):
        with pytest.raises(IntegrityError) as broken, session.begin_nested():
            session.execute(text(statement))
        assert broken_constraint(broken.value) == "append_only"


def test_a_unit_needs_its_digits_its_words_and_a_code_of_its_own(session: Session, world: factories.World) -> None:
    words = {"name": "Đội mẫu", "parent_name": "Chi cục mẫu", "place": "Hải Phòng", "by": world.team_head.id, "at": NOW}
    with pytest.raises(Refused) as refused:
        units.register(session, world.authority.id, unit_code="3", sub_unit_code="٠١", **{**words, "name": " "})
    assert [type(each) for each in refused.value.reasons] == [units.BadUnitCode, units.UnitWordsMissing]
    units.register(session, world.authority.id, unit_code="03", sub_unit_code="01", **words)
    units.register(session, world.authority.id, unit_code="03", sub_unit_code="02", **words)
    assert [unit.sub_unit_code for unit in units.every(session)] == ["02"]
    with pytest.raises(units.UnitCodeTaken):
        units.register(session, world.cooperative.id, unit_code="03", sub_unit_code="02", **words)


# -------------------------------------------------------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("n", "said"),
    [
        (0, "không"), (5, "năm"), (10, "mười"), (11, "mười một"), (15, "mười lăm"), (20, "hai mươi"), (21, "hai mươi mốt"), (24, "hai mươi bốn"),
        (55, "năm mươi lăm"), (100, "một trăm"), (101, "một trăm linh một"), (105, "một trăm linh năm"), (110, "một trăm mười"), (115, "một trăm mười lăm"),
        (1_000, "một nghìn"), (1_005, "một nghìn không trăm linh năm"), (1_015, "một nghìn không trăm mười lăm"), (10_500, "mười nghìn năm trăm"),
        (1_205_000, "một triệu hai trăm linh năm nghìn"), (2_000_005, "hai triệu không trăm linh năm"), (15_000_000, "mười lăm triệu"),
        (121_055_401, "một trăm hai mươi mốt triệu không trăm năm mươi lăm nghìn bốn trăm linh một"), (1_000_000_000, "một tỷ"),
        (250_000_000, "hai trăm năm mươi triệu"), (1_000_000_000_005, "một nghìn tỷ năm"),
    ],
)  # fmt: skip
def test_amounts_in_words(n: int, said: str) -> None:
    assert values.in_words(n) == said


@pytest.mark.parametrize(
    ("kind", "typed", "shown"),
    [
        (FieldKind.DATE, "5/9/2026", "ngày 05 tháng 9 năm 2026"), (FieldKind.DATE, "05-02-2026", "ngày 05 tháng 02 năm 2026"),
        (FieldKind.MOMENT, "9:05 31/12/2026", "09 giờ 05 phút, ngày 31 tháng 12 năm 2026"), (FieldKind.MONEY, "15000000", "15.000.000 đồng"),
        (FieldKind.MONEY, "1.250.000 đồng", "1.250.000 đồng"), (FieldKind.NUMBER, "1 200", "1.200"), (FieldKind.LINE, "Chợ mẫu", "Chợ mẫu"),
    ],
)  # fmt: skip
def test_values_are_shown_as_official_papers_write_them(kind: FieldKind, typed: str, shown: str) -> None:
    field = Field("x", "X", kind)
    assert values.shown(field, typed) == shown
    assert values.check([field], {"x": typed}, complete=True) == []


@pytest.mark.parametrize(
    ("kind", "typed", "wrong"),
    [
        (FieldKind.DATE, "31/02/2026", faults.NotADay), (FieldKind.DATE, "2026-01-01", faults.NotADay), (FieldKind.DATE, "01/01/1026", faults.NotADay),
        (FieldKind.MOMENT, "24:00 01/01/2026", faults.NotAMoment), (FieldKind.MOMENT, "01/01/2026", faults.NotAMoment),
        (FieldKind.MONEY, "-5", faults.NotANumber), (FieldKind.MONEY, "1,5 triệu", faults.NotANumber), (FieldKind.NUMBER, "٣", faults.NotANumber),
        (FieldKind.LINE, "x" * 301, faults.ValueTooLong), (FieldKind.TEXT, "x" * 6001, faults.ValueTooLong),
        (FieldKind.NAMELESS, "bà Hoa 0912.345.678", faults.NamesSomebody), (FieldKind.NAMELESS, "+84 912 345 678", faults.NamesSomebody),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_is_refused(kind: FieldKind, typed: str, wrong: type[Exception]) -> None:
    assert [type(each) for each in values.check([Field("x", "X", kind)], {"x": typed}, complete=True)] == [wrong]


def test_tables_and_days_are_checked() -> None:
    goods = Field("goods", "Hàng hóa", FieldKind.TABLE)
    assert [
        type(each) for each in values.check([goods], {"goods": "1 | a\n" + " | ".join("x" * 9)}, complete=True)
    ] == [faults.TooManyCells]
    assert [type(each) for each in values.check([goods], {"goods": "1\n" * 501}, complete=True)] == [faults.TooManyRows]
    span = [Field("from_day", "Từ", FieldKind.DATE), Field("until_day", "Đến", FieldKind.DATE)]
    wrong = values.check(span, {"from_day": "02/01/2026", "until_day": "01/01/2026"}, complete=True)
    assert [type(each) for each in wrong] == [faults.DaysReversed]


# ------------------------------------------------------------------------------------------------------------- filling


def recorded(session: Session, case: CaseFile, world: factories.World, seal: str = "NP-001") -> None:
    """Somebody suspected with a speaker, an act, goods and a sealed exhibit."""
    own = {"case_id": case.id, "added_at": NOW, "added_by": world.officer.id}
    shop = CaseParty(
        **own, role=CasePartyRole.SUSPECTED, is_organisation=True, name="Hộ kinh doanh mẫu Bà Bán", tax_code="0800000099",
        occupation="Bán nông sản", address="Sạp 12, chợ mẫu", commune_code="10813",
    )  # fmt: skip
    session.add(shop)
    session.flush()
    session.add(CaseParty(**own, role=CasePartyRole.REPRESENTATIVE, is_organisation=False, name="Người mẫu Bán", occupation="Chủ hộ", represents_id=shop.id))  # fmt: skip
    session.add(
        CaseAct(
            **own, description="Bày bán vải sấy gắn tem sao chép.", qualification=LegalQualification.COUNTERFEIT_LABELS, began_on=date(2026, 6, 1),
            ended_on=date(2026, 6, 10), place="Sạp 12, chợ mẫu", commune_code="10813", offender_id=shop.id,
        )
    )  # fmt: skip
    session.add(
        GoodsLine(
            **own, name="Vải sấy | loại 1", quantity=40, unit="gói", unit_value=125_000, method=ValuationMethod.LISTED_PRICE, valued_on=date(2026, 6, 10),
        )
    )  # fmt: skip
    session.add(
        Exhibit(**own, seq=1, description="Vải sấy 500 g", quantity=40, unit="gói", condition="Còn nguyên", kept_at="Kho mẫu", keeper="Người mẫu Bộ", seal_number=seal)
    )  # fmt: skip
    session.flush()


def test_a_case_fills_what_it_knows(session: Session, case: CaseFile, world: factories.World) -> None:
    recorded(session, case, world)
    case.officer_id = world.officer.id
    session.flush()
    session.refresh(case)
    facts = filling.facts(session, case, at=NOW)
    assert set(facts) <= set(SOURCES)
    assert facts["offender.name"] == "Hộ kinh doanh mẫu Bà Bán"
    assert facts["offender.representative"] == "Người mẫu Bán"
    assert facts["offender.address"] == "Sạp 12, chợ mẫu, Thanh Hà"
    assert (
        facts["acts.text"]
        == "Bày bán vải sấy gắn tem sao chép (từ ngày 01/06/2026 đến ngày 10/06/2026, tại Sạp 12, chợ mẫu, Thanh Hà)"
    )
    assert facts["goods.rows"] == "1 | Vải sấy / loại 1 | gói | 40 | 125.000 | 5.000.000 | "
    assert facts["goods.value"] == "5.000.000"
    assert facts["exhibits.seals"] == "NP-001"
    assert facts["team.members"] == "Người mẫu Bộ, Kiểm soát viên, Đội Quản lý thị trường mẫu"
    assert facts["evidence.count"] == "1"
    assert facts["today"] == "15/06/2026"
    made = documents.draft(session, case.id, "MBB01", by=world.officer.id, at=NOW)
    assert made.values["offender_name"] == "Hộ kinh doanh mẫu Bà Bán"
    assert "Hộ kinh doanh mẫu Bà Bán" in made.abstract
    assert values.check(forms.form_of(made.template.content).fields, made.values, complete=False) == []


def test_the_number_of_an_issued_document_fills_the_next_one(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    made = papers.draft(session, case, world, "MBB01")
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
    decision = documents.draft(session, case.id, "MQĐ02", by=world.officer.id, at=NOW)
    assert decision.values["record_number"] == made.number
    assert decision.values["record_date"] == "15/06/2026"


def test_every_form_of_a_full_case_can_be_saved_as_it_was_offered(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    recorded(session, case, world)
    for code in templates.seeds():
        made = documents.draft(session, case.id, code, by=world.officer.id, at=NOW)
        documents.save(session, case.id, made.id, made.values, version=made.version, by=world.officer.id, at=NOW)


def test_nothing_of_an_informant_is_among_the_facts(session: Session, case: CaseFile) -> None:
    assert not any("informant" in path or "reporter" in path or "contact" in path for path in SOURCES)
    facts = filling.facts(session, case, at=NOW)
    assert facts["case.signals"].startswith("Người cung cấp thông tin theo phiếu số PA-")


def test_what_a_merged_case_brought_is_counted_once(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    store = tmp_path / "files"
    other = desk.case(session, world, store, with_law=False, photos=[desk.photo(session, store, 101)])
    recorded(session, case, world)
    recorded(session, other, world, seal="NP-002")
    joins.merge(session, case.id, other.id, take=(), reason="Cùng một sạp hàng", by=world.officer.id, at=NOW)
    facts = filling.facts(session, case, at=NOW)
    assert facts["goods.value"] == "10.000.000"
    assert [facts[name].count("\n") for name in ("goods.rows", "acts.text", "exhibits.rows")] == [1, 1, 1]
    assert facts["exhibits.count"] == "2"
    assert len(filling.suspects(session, case)) == 2


def test_what_is_of_the_case_itself_stands_before_what_merged_cases_brought(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    law.seed(session)
    shades = iter(range(20, 30))
    first, kept, last = (
        desk.case(session, world, tmp_path, with_law=False, photos=[desk.photo(session, tmp_path, next(shades)) for _ in range(2)])
        for _ in range(3)
    )  # fmt: skip
    # The case that carries on is written into last, so that no order of time gives the right one.
    for moment, own in enumerate((last, first, kept)):
        facts = {"case_id": own.id, "added_at": NOW + timedelta(minutes=moment), "added_by": world.officer.id}
        for n in (1, 2):
            name = f"{own.number} {n}"
            session.add(CaseParty(**facts, role=CasePartyRole.SUSPECTED, is_organisation=False, name=name))
            session.add(GoodsLine(**facts, name=name, quantity=1, unit="gói", unit_value=1000, method=ValuationMethod.LISTED_PRICE, valued_on=date(2026, 6, 10)))  # fmt: skip
            session.add(Exhibit(**facts, seq=n, description="Vải sấy", quantity=1, unit="gói", condition="Còn nguyên", kept_at="Kho mẫu", keeper="Người mẫu", seal_number=name))  # fmt: skip
            session.flush()
    for gone in (last, first):
        joins.merge(session, kept.id, gone.id, take=(), reason="Cùng một sạp hàng", by=world.officer.id, at=NOW + timedelta(hours=1))  # fmt: skip
    listed = [f"{own.number} {n}" for own in (kept, first, last) for n in (1, 2)]
    facts = filling.facts(session, kept, at=NOW + timedelta(hours=1))
    pieces = [(n, own.signals[0].source_number) for own in (kept, first, last) for n in (1, 2)]
    rows = [row.split(" | ") for row in facts["evidence.rows"].split("\n")]
    assert [(int(row[0]), row[2].split()[-1]) for row in rows] == pieces, rows
    assert [party.name for party in filling.suspects(session, kept)] == listed
    assert facts["offender.name"] == listed[0]
    assert [row.split(" | ")[1] for row in facts["goods.rows"].split("\n")] == listed
    assert facts["exhibits.seals"] == ", ".join(listed)


def test_signs_that_no_file_takes_are_dropped() -> None:
    assert values.clean("Vải\ufffe sấy\uffff\ud800 mẫu\udfff") == "Vải sấy mẫu"
