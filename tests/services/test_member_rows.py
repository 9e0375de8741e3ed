"""Tables of members: every kind of bad cell is named, nothing is doubled, and zeros at the beginning are kept."""

from __future__ import annotations

import io
import unicodedata
import zipfile
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from tests import factories
from tests.services.tables import asker, headings, member, remarks, said, send, take, text, xlsx
from trace.errors import NotFound
from trace.models.members import Membership, TableImport, TableKind
from trace.models.parties import CommuneAlias, Party, PartyKind
from trace.services import geofile_archives, geofile_faults, history, table_files, table_forms, table_reading
from trace.services import table_faults as faults


@pytest.fixture
def who(world: Any) -> Any:
    return asker(world.clerk, world.cooperative)


def count(session: Any, world: Any) -> int:
    return int(
        session.scalar(select(func.count(Membership.id)).where(Membership.collective_id == world.cooperative.id))
    )


def test_good_rows_become_members_with_every_number_as_it_was(
    session: Any, world: Any, who: Any, tmp_path: Any
) -> None:
    rows = [
        member(
            code="HTX-07",
            national_id="031098001234",
            tax_code="0201234567-001",
            phone="+84 912 345 678",
            declared_ha=0.35,
        ),
        member(name="Đỗ Văn Mẫu", kind="Cá nhân", joined_on=date(2025, 3, 1), commune="10813"),
        member(name="Lê Thị Mẫu", declared_ha="", joined_on="", address="", kind=""),
    ]
    made, judged = send(session, tmp_path, xlsx(rows), world, who=who)
    assert said(judged) == {}
    assert take(session, tmp_path, made, judged, who).taken == 3
    found = {row.member.name: row for row in session.scalars(select(Membership))}
    first = found["Phạm Thị Mẫu"]
    assert (first.code, first.national_id, first.declared_ha) == ("HTX-07", "031098001234", Decimal("0.3500"))
    assert (first.member.tax_code, first.member.phone) == ("0201234567-001", "0912345678")
    assert found["Đỗ Văn Mẫu"].member.kind is PartyKind.PERSON
    assert found["Đỗ Văn Mẫu"].member_during.lower == date(2025, 3, 1)
    assert found["Đỗ Văn Mẫu"].code == "TV-0001", "a missing code is given"
    assert found["Lê Thị Mẫu"].code == "TV-0002"
    assert found["Lê Thị Mẫu"].member_during.lower == who.today
    assert [deed.deed for deed in history.of(session, first.id)] == ["membership:record"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"name": ""}, "CellMissing"),
        ({"name": "A" * 201}, "CellTooLong"),
        ({"name": "#REF!"}, "CellBroken"),
        ({"kind": "Tổ"}, "NotInList"),
        ({"national_id": "03109800123"}, "NationalIdForm"),
        ({"national_id": "999098001234"}, "NationalIdForm"),
        ({"national_id": "142345678"}, "OldIdentityCard"),
        ({"national_id": "3,1098E+10"}, "DigitsLost"),
        ({"national_id": 98001234}, "NationalIdForm"),
        ({"tax_code": "12345"}, "TaxCodeForm"),
        ({"phone": "12345"}, "PhoneForm"),
        ({"phone": "912345678"}, "PhoneForm"),
        ({"code": "mã một"}, "CodeUnreadable"),
        ({"commune": ""}, "CellMissing"),
        ({"commune": "Gotham"}, "CommuneNotFound"),
        ({"commune": "Huyện cũ"}, "CommuneUnclear"),
        ({"declared_ha": "nhiều"}, "NumberUnreadable"),
        ({"declared_ha": "-1"}, "NumberOutOfRange"),
        ({"declared_ha": "200000"}, "NumberOutOfRange"),
        ({"joined_on": "31/02/2026"}, "DayUnreadable"),
        ({"joined_on": "12/31/2025"}, "DayUnreadable"),
        ({"joined_on": "1/2/26"}, "DayUnreadable"),
        ({"joined_on": 7}, "DayUnreadable"),
        ({"joined_on": "31/12/2026"}, "DateInFuture"),
    ],
)  # fmt: skip
def test_a_bad_cell_is_named_and_nothing_is_recorded(
    change: Any, fault: str, session: Any, world: Any, who: Any, tmp_path: Any
) -> None:
    other = factories.commune(session, "10999", "Nơi Khác", boundary=factories.square(106.6, 20.7, 0.05))
    session.add_all([CommuneAlias(commune_code=code, name="Huyện cũ") for code in ("10813", other.code)])
    session.flush()
    made, judged = send(session, tmp_path, xlsx([member(name="Người Tốt"), member(**change)]), world, who=who)
    assert said(judged) == {3: {fault}}
    with pytest.raises(faults.RowsFaulty):
        take(session, tmp_path, made, judged, who)
    assert count(session, world) == 0
    assert take(session, tmp_path, made, judged, who, only_good=True).taken == 1


@pytest.mark.parametrize(
    ("change", "key", "read", "remark"),
    [
        ({"national_id": 31098001234}, "national_id", "031098001234", "ZerosRestored"),
        ({"national_id": 1098001234}, "national_id", "001098001234", "ZerosRestored"),
        ({"phone": 912345678}, "phone", "0912345678", "ZerosRestored"),
        ({"tax_code": 200123451}, "tax_code", None, None),
        ({"joined_on": 45000}, "joined_on", date(2023, 3, 15), "DateFromNumber"),
        ({"commune": "Xã Tên Cũ"}, "commune_code", "10813", "CommuneRenamed"),
        ({"commune": "xã THANH HÀ"}, "commune_code", "10813", None),
        ({"commune": "Thanh Ha"}, "commune_code", "10813", None),
        ({"declared_ha": "1.250"}, "declared_ha", Decimal(1250), None),
    ],
)  # fmt: skip
def test_what_excel_did_to_a_cell_is_mended_only_where_there_is_one_way(
    change: Any, key: str, read: Any, remark: str | None, session: Any, world: Any, who: Any, tmp_path: Any
) -> None:
    session.add(CommuneAlias(commune_code="10813", name="Tên Cũ", kind="commune"))
    session.flush()
    _made, judged = send(session, tmp_path, xlsx([member(**change)]), world, who=who)
    if read is None:  # the check digit of the tax code does not fit, so it may lack anything
        assert said(judged) == {2: {"TaxCodeForm"}}
        return
    assert said(judged) == {}
    assert judged.rows[0].values[key] == read
    assert remarks(judged).get(2, set()) == ({remark} if remark else set())


def test_rows_that_repeat_each_other_are_named(session: Any, world: Any, who: Any, tmp_path: Any) -> None:
    rows = [
        member(code="A1", national_id="031098001234"), member(code="A1", name="Khác"), member(name="Ba", national_id="031098001234"),
        member(name="Giống"), member(name="GIỐNG"), member(name="Giống", phone="0912345678"),
    ]  # fmt: skip
    _made, judged = send(session, tmp_path, xlsx(rows), world, who=who)
    assert said(judged) == {3: {"RepeatedInFile"}, 4: {"RepeatedInFile"}, 6: {"RepeatedInFile"}}
    shown = [dict(each.error.facts) for row in judged.rows for each in row.findings if each.column == "national_id"]
    assert [each["text"] for each in shown] == ["•••••••••234"], "an identity number is never repeated in full"


def test_the_same_file_sent_twice_doubles_nothing_and_says_so(
    session: Any, world: Any, who: Any, tmp_path: Any
) -> None:
    data = xlsx(
        [
            member(code="A1"),
            member(name="Không số"),
            member(name="Có số", national_id="031098001234", tax_code="031098001234"),
        ]
    )
    made, judged = send(session, tmp_path, data, world, who=who)
    take(session, tmp_path, made, judged, who)
    again, judged = send(session, tmp_path, data, world, who=who)
    assert (again.total, again.faulty, again.known) == (3, 0, 3)
    assert remarks(judged) == {number: {"KnownAlready"} for number in (2, 3, 4)}
    with pytest.raises(faults.NothingToRecord):
        take(session, tmp_path, again, judged, who)
    assert count(session, world) == 3
    with pytest.raises(faults.ImportOver):
        take(session, tmp_path, made, judged, who)


def test_a_row_that_differs_from_the_register_or_names_somebody_else_is_not_recorded(
    session: Any, world: Any, who: Any, tmp_path: Any
) -> None:
    made, judged = send(
        session, tmp_path, xlsx([member(code="A1", phone="0912345678", national_id="031098001234")]), world, who=who
    )
    take(session, tmp_path, made, judged, who)
    rows = [
        member(code="A1", phone="0999999999"), member(code="A1", name="Người Khác"), member(name="Ai Đó", national_id="031098001234"),
    ]  # fmt: skip
    for row, fault in zip(rows, ("DiffersFromRegister", "TakenAlready", "TakenAlready"), strict=True):
        _made, judged = send(session, tmp_path, xlsx([row]), world, who=who)
        assert said(judged) == {2: {fault}}


def test_a_tax_code_of_the_register_joins_the_party_only_under_the_same_name(
    session: Any, world: Any, who: Any, tmp_path: Any
) -> None:
    household = factories.party(session, "Hộ Có Sẵn", PartyKind.HOUSEHOLD, tax_code="031098001234", phone="0988888888")
    rows = [
        member(name="hộ có sẵn", tax_code="031098001234", phone="0912345678"),
        member(name="Tên Lạ", tax_code="0201234567"),
    ]
    factories.party(session, "Công ty Mẫu", PartyKind.COMPANY, tax_code="0201234567")
    made, judged = send(session, tmp_path, xlsx(rows), world, who=who)
    assert said(judged) == {3: {"NameDiffersForTaxCode"}}
    assert remarks(judged)[2] == {"JoinsKnownParty"}
    take(session, tmp_path, made, judged, who, only_good=True)
    assert session.scalars(select(Membership.member_id)).one() == household.id
    session.refresh(household)
    assert household.phone == "0988888888", "somebody else's record is not written over"


def test_a_former_member_comes_back_only_after_having_left(session: Any, world: Any, who: Any, tmp_path: Any) -> None:
    from trace.services import members

    made, judged = send(session, tmp_path, xlsx([member(code="A1", national_id="031098001234")]), world, who=who)
    take(session, tmp_path, made, judged, who)
    row = session.scalars(select(Membership)).one()
    members.leave(
        session,
        row.id,
        last_day=date(2026, 5, 31),
        reason="Chuyển nơi ở",
        revision=1,
        by=who.by,
        at=who.at,
        reach=who.reach,
    )
    _made, judged = send(
        session, tmp_path, xlsx([member(code="A1", national_id="031098001234", joined_on="01/03/2026")]), world, who=who
    )
    assert said(judged) == {2: {"FormerUntil"}}
    back, judged = send(
        session, tmp_path, xlsx([member(code="A1", national_id="031098001234", joined_on="01/06/2026")]), world, who=who
    )
    take(session, tmp_path, back, judged, who)
    assert len(set(session.scalars(select(Membership.member_id)))) == 1, "it is the same party as before"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_tables_of_text_are_read_in_every_encoding_of_unicode(
    encoding: str, mark: str, session: Any, world: Any, who: Any, tmp_path: Any
) -> None:
    rows = [
        member(name=unicodedata.normalize("NFD", "Nguyễn Thị Hưởng"), national_id="031098001234"),
        ["", "", ""],
        member(name=""),
    ]
    _made, judged = send(session, tmp_path, text(rows, encoding=encoding, mark=mark), world, who=who, name="bảng.csv")
    assert judged.rows[0].values["name"] == "Nguyễn Thị Hưởng"
    assert judged.rows[0].values["national_id"] == "031098001234"
    assert said(judged) == {4: {"CellMissing"}}, "rows are counted as a person sees them, empty ones too"


@pytest.mark.parametrize(
    ("line", "fault"),
    [("Nguy\xd4n V\xa8n M\xc9u, Th\xabn \xaeo\xb5n k\xd5t, Ph\xb9m Th\xde H\xadng", geofile_faults.TextInTcvn3),
     ("Nguyeãn Vaên Maãu, Phaïm Thò Höôûng, Traàn Ñöùc Thoï", geofile_faults.TextInVni)],
)  # fmt: skip
def test_old_code_pages_are_named_and_not_stored(
    line: str, fault: Any, session: Any, world: Any, who: Any, tmp_path: Any
) -> None:
    data = ("Ho va ten,Xa\r\n" + "\r\n".join(f"{name.strip()},Thanh Ha" for name in line.split(","))).encode("latin-1")
    with pytest.raises(fault):
        send(session, tmp_path, data, world, who=who, name="bảng.csv")


def sheet_of(cells: str) -> bytes:
    """The template's workbook with another first sheet."""
    source, out = zipfile.ZipFile(io.BytesIO(xlsx([member()]))), io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        for each in source.infolist():
            raw = source.read(each)
            if each.filename.endswith("sheet1.xml"):
                raw = raw.replace(b"</sheetData>", cells.encode() + b"</sheetData>")
            book.writestr(each, raw)
    return out.getvalue()


def shared_strings(size: int) -> bytes:
    source, out = zipfile.ZipFile(io.BytesIO(xlsx([member()]))), io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        for each in source.infolist():
            if not each.filename.endswith("sharedStrings.xml"):
                book.writestr(each, source.read(each))
        with book.open("xl/sharedStrings.xml", "w", force_zip64=True) as stream:
            for _ in range(size // 2**20):
                stream.write(b"<si><t>x</t></si>" * (2**20 // 17))
    return out.getvalue()


BAD_FILES: list[tuple[str, Any, Any]] = [
    ("an old .xls", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), faults.UnknownTableKind),
    ("a PDF", lambda: b"%PDF-1.7\n", faults.UnknownTableKind),
    ("a picture", lambda: b"\x89PNG\r\n\x1a\n" + bytes(20), faults.UnknownTableKind),
    ("half a workbook", lambda: xlsx([member()])[:2000], faults.UnknownTableKind),
    ("no rows", lambda: xlsx([]), faults.TableEmpty),
    ("the example alone", lambda: xlsx([[table_forms.EXAMPLE_MARK, "Nguyễn Văn Mẫu"]]), faults.TableEmpty),
    ("other headings", lambda: xlsx([["x"]], heads=["Cột lạ"]), faults.HeadingsMissing),
    ("a heading twice", lambda: xlsx([member()], heads=[*headings(TableKind.MEMBERS), "Số CCCD"]), faults.HeadingTwice),
    ("a million rows", lambda: sheet_of('<row r="1048576"><c r="A1048576"><v>1</v></c></row>'), faults.TooManyRows),
    ("rows without end", lambda: b"Ho ten,Xa\n" + b"a,b\n" * 1_000_000, faults.TooManyRows),
    ("shared strings of 1 GB", lambda: shared_strings(2**30), geofile_faults.GeoFileTooLarge),
    ("too many rows by a few", lambda: text([member(name=f"Hộ {n}") for n in range(20_001)]), faults.TooManyRows),
]  # fmt: skip


@pytest.mark.parametrize(("build", "fault"), [case[1:] for case in BAD_FILES], ids=[case[0] for case in BAD_FILES])
def test_a_file_that_cannot_be_read_is_refused_in_words(
    build: Any, fault: Any, session: Any, world: Any, who: Any, tmp_path: Any
) -> None:
    with pytest.raises(fault):
        send(session, tmp_path, build(), world, who=who)
    assert session.scalars(select(TableImport.id)).all() == []
    assert list(tmp_path.iterdir()) == [], "nothing of it is kept"


def test_a_bomb_is_refused_in_bounded_memory() -> None:
    import tracemalloc

    data = shared_strings(2**30)
    assert len(data) < 4 * 2**20, "it is small as long as it is packed"
    tracemalloc.start()
    with pytest.raises(geofile_faults.GeoFileTooLarge):
        table_reading.read(data, table_forms.MEMBERS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * geofile_archives.MOST_MEMBER


def test_the_template_is_accepted_when_filled_in_and_the_error_file_when_mended(
    session: Any, world: Any, who: Any, tmp_path: Any
) -> None:
    from python_calamine import CalamineWorkbook

    from trace.services import table_choices

    form = table_forms.MEMBERS
    empty = table_files.template(form, table_choices.of(session, form, who=who))
    book = CalamineWorkbook.from_filelike(io.BytesIO(empty))
    assert book.sheet_names == ["Thành viên", "Danh mục", "Cách điền"]
    assert "Thanh Hà" in {row[1] for row in book.get_sheet_by_name("Danh mục").to_python()}
    with pytest.raises(faults.TableEmpty):  # its example is no row
        send(session, tmp_path, empty, world, who=who)
    _made, judged = send(
        session, tmp_path, xlsx([member(), member(name="Hai", phone="x", national_id=31098001234)]), world, who=who
    )
    marked = table_files.marked(judged.table, judged.rows, form, lambda error: type(error).__name__)
    with zipfile.ZipFile(io.BytesIO(marked)) as packed:
        notes = packed.read("xl/comments1.xml").decode()
    assert "PhoneForm" in notes
    assert 'ref="F3"' in notes, "the note hangs at the faulty cell"
    rows = CalamineWorkbook.from_filelike(io.BytesIO(marked)).get_sheet_by_index(0).to_python()
    assert rows[0][-1] == table_files.FAULT_HEADING
    assert "PhoneForm" in rows[2][-1]
    assert rows[2][3] == 31098001234, "what was a number stays one"
    _made, again = send(session, tmp_path, marked, world, who=who)
    assert said(again) == {3: {"PhoneForm"}}
    assert table_files.marked(again.table, again.rows, form, str).count(b"PK") > 0


def test_members_are_brought_in_only_for_an_own_collective(session: Any, world: Any, tmp_path: Any) -> None:
    with pytest.raises(NotFound):
        send(session, tmp_path, xlsx([member()]), world, who=asker(world.clerk, world.other_cooperative))


def test_what_changed_since_the_page_was_drawn_stops_the_recording(
    session: Any, world: Any, who: Any, tmp_path: Any
) -> None:
    data = xlsx([member(code="A1"), member(code="A2", name="Hai")])
    first, judged = send(session, tmp_path, data, world, who=who)
    second, also = send(session, tmp_path, xlsx([member(code="A1")]), world, who=who)
    take(session, tmp_path, second, also, who)
    with pytest.raises(faults.ChangedSinceShown):
        take(session, tmp_path, first, judged, who)
    assert count(session, world) == 1


def test_five_thousand_members_take_a_few_statements(session: Any, world: Any, who: Any, tmp_path: Any) -> None:
    from sqlalchemy import event

    rows = [member(name=f"Hộ mẫu {n}", national_id=f"0310{n:08d}", phone=f"09{n:08d}") for n in range(5000)]
    made, judged = send(session, tmp_path, text(rows), world, who=who)
    assert len(judged.good) == 5000
    statements: list[str] = []
    event.listen(session.bind, "after_cursor_execute", lambda *told: statements.append(told[2]))
    take(session, tmp_path, made, judged, who)
    assert len(statements) < 40
    assert count(session, world) == 5000
    assert session.scalar(select(func.count(Party.id)).where(Party.name.like("Hộ mẫu %"))) == 5000
