"""What tests of documents begin with: a unit with its code, forms filled to the brim, a draft of each."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from enforcement import documents
from enforcement.models import CaseFile, Document
from enforcement.papers import templates, units
from enforcement.papers.forms import Form
from enforcement.papers.vocabulary import TABLES, Field, FieldKind
from enforcement.transitions import Duty
from tests import factories
from tests.conftest import NOW

HEAD = frozenset({Duty.TEAM_HEAD})
OFFICER = frozenset({Duty.OFFICER})
LONG = "Công ty trách nhiệm hữu hạn một thành viên sản xuất, thương mại và dịch vụ Nguyễn Thị Ngọc Quỳnh mẫu"


def unit(session: Session, world: factories.World) -> None:
    """The team of the tests with its code, and the forms."""
    templates.seed(session)
    units.register(
        session, world.authority.id, unit_code="03", sub_unit_code="01", name="Đội Quản lý thị trường mẫu",
        parent_name="Chi cục Quản lý thị trường mẫu", place="Hải Phòng", by=world.team_head.id, at=NOW,
    )  # fmt: skip


WRITTEN = {
    FieldKind.DATE: "05/01/2026",
    FieldKind.MONEY: "15.000.000",
    FieldKind.NUMBER: "2",
    FieldKind.NAMELESS: "Người cung cấp thông tin theo phiếu số PA-2026-00123",
}


def value(field: Field, rows: int = 3) -> str:
    """Something right for a field."""
    if field.kind is FieldKind.MOMENT:
        return "11:15 05/09/2026" if field.name == "ended" else "09:30 05/09/2026"
    if field.kind is FieldKind.TEXT:
        return f"Nội dung {field.name}, dòng thứ nhất: Ẳ Ỗ ạ ỵ.\nDòng thứ hai của {field.name}."
    if field.kind is FieldKind.TABLE:
        rest = ["1.250"] * (len(TABLES[field.name].columns) - 2)
        return "\n".join(" | ".join([str(n), f"Vải sấy mẫu dòng {n}", *rest]) for n in range(1, rows + 1))
    return WRITTEN.get(field.kind, f"Giá trị {field.name}")


def filled(form: Form, *, required_only: bool = False, rows: int = 3) -> dict[str, str]:
    """A form filled in."""
    return {field.name: value(field, rows) for field in form.fields if field.required or not required_only}


def draft(session: Session, case: CaseFile, world: factories.World, code: str = "MBB02", **more: Any) -> Document:
    """A draft with everything in it."""
    made = documents.draft(
        session, case.id, code, by=world.officer.id, at=NOW, given=filled(templates.seeds()[code]), **more
    )
    session.flush()
    return made
