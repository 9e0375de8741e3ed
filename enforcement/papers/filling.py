"""What a case already knows, as the forms ask for it: one flat map from the paths of `vocabulary.SOURCES` to typed text.

Only what the desk itself recorded: nothing here reads reports' contacts or who stands behind a signal. A case speaks for all merged into it:
people, things and evidence of its own come first, then those of the merged cases by their numbers, each in the order of its file.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import select

from enforcement import casework, membership
from enforcement.competence import LegalQualification
from enforcement.deadlines import DeadlineKind
from enforcement.models import (
    CaseFile,
    CasePaper,
    CasePartyRole,
    Deadline,
    Document,
    DocumentState,
    DocumentTemplate,
    Evidence,
    InspectionGround,
    MeasureKind,
    PaperKind,
    Signal,
    SignalSource,
    ValuationMethod,
)
from enforcement.papers.signatory import TITLES
from enforcement.papers.units import of_person
from trace.clock import CITY
from trace.errors import NotFound
from trace.services import papers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime
    from decimal import Decimal
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.casework import CaseworkView
    from enforcement.models import CaseAct, CaseParty, Exhibit, GoodsLine
    from enforcement.papers.forms import Form

QUALIFICATIONS = {
    LegalQualification.GI_INFRINGEMENT: "xâm phạm quyền đối với chỉ dẫn địa lý",
    LegalQualification.MARK_INFRINGEMENT: "xâm phạm quyền đối với nhãn hiệu",
    LegalQualification.COUNTERFEIT_GOODS: "hàng hóa giả mạo về chỉ dẫn địa lý, nhãn hiệu",
    LegalQualification.COUNTERFEIT_LABELS: "tem, nhãn mang chỉ dẫn địa lý, nhãn hiệu giả mạo",
    LegalQualification.FALSE_ORIGIN: "hàng hóa giả mạo xuất xứ, nơi đóng gói, tem truy xuất",
}
# Where the law puts each act; point and clause are for whoever draws the paper up, and every form asks for them to be verified.
BASES = {
    LegalQualification.GI_INFRINGEMENT: "Điều 11 Nghị định số 99/2013/NĐ-CP (sửa đổi, bổ sung)",
    LegalQualification.MARK_INFRINGEMENT: "Điều 11 Nghị định số 99/2013/NĐ-CP (sửa đổi, bổ sung)",
    LegalQualification.COUNTERFEIT_GOODS: "Điều 12 Nghị định số 99/2013/NĐ-CP (sửa đổi, bổ sung)",
    LegalQualification.COUNTERFEIT_LABELS: "Điều 13 Nghị định số 99/2013/NĐ-CP (sửa đổi, bổ sung)",
    LegalQualification.FALSE_ORIGIN: "khoản 7, khoản 8 Điều 3 Nghị định số 98/2020/NĐ-CP (sửa đổi, bổ sung)",
}
METHODS = {
    ValuationMethod.LISTED_PRICE: "Giá niêm yết, giá ghi trên hợp đồng, hóa đơn",
    ValuationMethod.FINANCE_NOTICE: "Giá theo thông báo của cơ quan tài chính",
    ValuationMethod.MARKET_PRICE: "Giá thị trường tại địa phương",
    ValuationMethod.COST_PRICE: "Giá thành của hàng hóa chưa xuất bán",
    ValuationMethod.GENUINE_PRICE: "Giá thị trường của hàng thật cùng tính năng",
    ValuationMethod.COUNCIL: "Hội đồng xác định giá trị",
}
GROUNDS = {
    InspectionGround.VERIFIED_INFORMATION: "Căn cứ thông tin đã được thẩm tra, xác minh",
    InspectionGround.OFFICERS_PROPOSAL: "Căn cứ đề xuất kiểm tra của công chức đang thi hành nhiệm vụ",
    InspectionGround.WRITTEN_REQUEST: "Căn cứ văn bản yêu cầu của cơ quan có thẩm quyền",
    InspectionGround.PLAN: "Căn cứ kế hoạch kiểm tra đã được phê duyệt",
}
# Which registered forms, or failing these which papers entered by hand, carry each number; the newest counts.
EARLIER: dict[str, tuple[tuple[str, ...], tuple[PaperKind, ...]]] = {
    "inspection": (("QĐKT",), (PaperKind.INSPECTION_DECISION,)),
    "inspection_record": (("BBKT",), (PaperKind.INSPECTION_RECORD,)),
    "plan": (("PAKT",), ()),
    "violation_record": (("MBB01",), (PaperKind.VIOLATION_RECORD,)),
    "working_record": (("MBB02",), ()),
    "explanation_record": (("MBB03",), ()),
    "valuation_record": (("MBB04",), ()),
    "seizure": (("MQĐ20",), (PaperKind.SEIZURE,)),
    "penalty": (("MQĐ02",), (PaperKind.PENALTY,)),
    "criminal": (("MQĐ33",), (PaperKind.CRIMINAL_TRANSFER,)),
    "return": (("MQĐ24",), ()),
    "confiscation": (("MQĐ02", "MQĐ14"), (PaperKind.PENALTY, PaperKind.NO_PENALTY)),
    "destruction": (("MQĐ02", "MQĐ14", "MQĐ16"), (PaperKind.PENALTY, PaperKind.NO_PENALTY)),
    "decision": (
        ("MQĐ02", "MQĐ14", "MQĐ15", "MQĐ16", "MQĐ20", "MQĐ21", "MQĐ24", "MQĐ33"),
        (PaperKind.PENALTY, PaperKind.REMEDY_ONLY, PaperKind.NO_PENALTY, PaperKind.CRIMINAL_TRANSFER, PaperKind.SEIZURE),
    ),
}  # fmt: skip
DECISION_NAMES = {
    PaperKind.PENALTY: "Quyết định xử phạt vi phạm hành chính",
    PaperKind.REMEDY_ONLY: "Quyết định buộc thực hiện biện pháp khắc phục hậu quả",
    PaperKind.NO_PENALTY: "Quyết định tịch thu tang vật trong trường hợp không ra quyết định xử phạt",
    PaperKind.CRIMINAL_TRANSFER: "Quyết định chuyển hồ sơ vụ vi phạm có dấu hiệu tội phạm",
    PaperKind.SEIZURE: "Quyết định tạm giữ tang vật, phương tiện vi phạm hành chính",
}
# Sources that say something of one offender alone.
OF_ONE = ("offender.", "acts.", "penalty.fine")
CLOCKS = {
    "deadline.explanation": (DeadlineKind.EXPLANATION_WRITTEN,),
    "deadline.penalty": (DeadlineKind.PENALTY_DECISION,),
    "deadline.limitation": (DeadlineKind.LIMITATION_IP, DeadlineKind.LIMITATION_GENERAL),
    "deadline.takedown": (DeadlineKind.PLATFORM_TAKEDOWN,),
    "seizure.until": (DeadlineKind.SEIZURE,),
}


def forms_of(source: str) -> tuple[str, ...]:
    """The forms whose numbers a field of this source takes; none if it takes no number."""
    path, _, part = source.partition(".")
    return EARLIER[path][0] if part == "number" and path in EARLIER else ()


def values(form: Form, facts: Mapping[str, str]) -> dict[str, str]:
    """What each field of a form is offered with."""
    return {field.name: facts[field.source] for field in form.fields if facts.get(field.source)}


def refilled(form: Form, given: Mapping[str, str], facts: Mapping[str, str]) -> dict[str, str]:
    """What was typed, with everything that speaks of one offender put in anew."""
    of_one = {field.name: facts.get(field.source, "") for field in form.fields if field.source.startswith(OF_ONE)}
    return {name: text for name, text in ({**given, **of_one}).items() if text}


def suspects(session: Session, case: CaseFile) -> list[CaseParty]:
    """Whom a paper of a case may be about: all that are suspected, those of the case itself first."""
    return list(_casework(session, case, membership.members(session, case.id)).suspected)


def facts(session: Session, case: CaseFile, *, at: datetime, about: UUID | None = None) -> dict[str, str]:
    """Everything that is known about a case, by path; of several offenders about the first, or about the one named."""
    ids = membership.members(session, case.id)
    views = [_casework(session, case, ids)]
    today = at.astimezone(CITY)
    found = {
        "case.number": case.number, "case.title": case.title, "case.commune": case.commune.name if case.commune else "",
        "case.qualification": QUALIFICATIONS.get(case.legal_qualification, "") if case.legal_qualification else "",
        "case.act_ended_on": _day(case.act_ended_on), "now": f"{today:%H:%M %d/%m/%Y}", "today": _day(today.date()),
        **_people(session, case, views, about), **_acts(case, views, about), **_things(views), **_measures(views),
        **_evidence(session, ids), **_earlier(session, ids), **_clocks(session, ids), **_signals(session, ids),
    }  # fmt: skip
    if about is not None:
        ruling = next((each for view in views for each in view.rulings if each.party_id == about), None)
        found["penalty.fine"] = papers.number(ruling.fine) if ruling and ruling.fine else ""
    return {path: text for path, text in found.items() if text}


def _casework(session: Session, case: CaseFile, ids: Sequence[UUID]) -> CaseworkView:
    """What stands in a case and in those merged into it, in the order of papers. Acts stay in the order of time, as papers tell them."""
    view, place = casework.of_case(session, case.id), {each: place for place, each in enumerate(ids)}
    return replace(
        view,
        parties=tuple(sorted(view.parties, key=lambda party: place[party.case_id])),
        goods=tuple(sorted(view.goods, key=lambda line: place[line.case_id])),
        exhibits=tuple(sorted(view.exhibits, key=lambda exhibit: place[exhibit.case_id])),
    )


def _people(session: Session, case: CaseFile, views: Sequence[CaseworkView], about: UUID | None) -> dict[str, str]:
    found: dict[str, str] = {}
    parties = [party for view in views for party in view.parties]
    offender = next(
        (each for each in parties if each.role is CasePartyRole.SUSPECTED and about in {None, each.id}), None
    )
    if offender is None and about is not None:
        raise NotFound
    if offender is not None:
        speaks = next((party for party in parties if party.represents_id == offender.id), None)
        found = {
            "offender.name": offender.name, "offender.address": _address(offender), "offender.born": _day(offender.born_on),
            "offender.id": ", ".join(filter(None, (offender.id_number, offender.id_issued, offender.tax_code))),
            "offender.business": offender.occupation or "", "offender.representative": speaks.name if speaks else "",
            "offender.position": (speaks.occupation or "") if speaks else "",
        }  # fmt: skip
    elif case.suspect is not None:
        found = {
            "offender.name": case.suspect.name, "offender.address": case.suspect.address or "", "offender.id": case.suspect.tax_code or "",
        }  # fmt: skip
    if case.officer is not None:
        held = of_person(session, case.officer.id, case.opened_at.astimezone(CITY).date())
        title, organisation = (TITLES[held[0]], held[1].name) if held else ("", "")
        found |= {
            "officer.name": case.officer.full_name, "officer.title": title,
            "team.members": ", ".join(filter(None, (case.officer.full_name, title, organisation))),
        }  # fmt: skip
    return found


def _acts(case: CaseFile, views: Sequence[CaseworkView], about: UUID | None) -> dict[str, str]:
    acts = [act for view in views for act in view.acts if about is None or act.offender_id in {None, about}]
    places = list(dict.fromkeys(_place(act) for act in acts if act.place))
    place = places[0] if places else (case.commune.name if case.commune else "")
    words = dict.fromkeys(BASES.get(act.qualification, "") for act in acts)
    return {
        "acts.text": "\n".join(_act(act) for act in acts), "acts.place": "; ".join(places), "case.place": place,
        "acts.basis": "; ".join(filter(None, words)),
    }  # fmt: skip


def _act(act: CaseAct) -> str:
    period = f"từ ngày {_day(act.began_on)}" + (f" đến ngày {_day(act.ended_on)}" if act.ended_on else "")
    return f"{act.description.strip().rstrip('.')} ({period}, tại {_place(act)})".replace("\n", " ")


def _things(views: Sequence[CaseworkView]) -> dict[str, str]:
    goods = [line for view in views for line in view.goods]
    exhibits = [exhibit for view in views for exhibit in view.exhibits]
    return {
        "goods.rows": _rows(_goods(place, line) for place, line in enumerate(goods, 1)),
        "goods.valuation": _rows(_valued(place, line) for place, line in enumerate(goods, 1)),
        "goods.value": papers.number(sum(line.value for line in goods)) if goods else "",
        "goods.method": "; ".join(dict.fromkeys(METHODS[line.method] for line in goods)),
        "exhibits.rows": _rows(_exhibit(place, each) for place, each in enumerate(exhibits, 1)),
        "exhibits.seals": ", ".join(each.seal_number for each in exhibits if each.seal_number),
        "exhibits.count": str(len(exhibits)) if exhibits else "",
    }  # fmt: skip


def _goods(place: int, line: GoodsLine) -> list[str]:
    name = ", ".join(filter(None, (line.name, line.origin)))
    return [str(place), name, line.unit, _quantity(line.quantity), papers.number(line.unit_value), papers.number(line.value), line.valuation_note or ""]  # fmt: skip


def _valued(place: int, line: GoodsLine) -> list[str]:
    return [str(place), line.name, f"{_quantity(line.quantity)} {line.unit}", METHODS[line.method], papers.number(line.unit_value), papers.number(line.value)]  # fmt: skip


def _exhibit(place: int, each: Exhibit) -> list[str]:
    return [str(place), each.description, each.unit, _quantity(each.quantity), each.condition, each.seal_number or ""]


def _measures(views: Sequence[CaseworkView]) -> dict[str, str]:
    found = {}
    for kind, name, what in (
        (MeasureKind.ASSESSMENT, "assessor.name", ""),
        (MeasureKind.TAKEDOWN, "platform.name", "platform.listings"),
    ):
        measures = [measure for view in views for measure in view.of_kind(kind)]
        if measures:
            found[name] = measures[-1].addressee
            if what:
                found[what] = measures[-1].subject
    return found


def _evidence(session: Session, ids: Sequence[UUID]) -> dict[str, str]:
    found = session.execute(
        select(Evidence.case_id, Evidence.folio, Evidence.title, Evidence.origin, Evidence.added_at).where(
            Evidence.case_id.in_(ids)
        )
    )
    rows = sorted(found, key=lambda row: (ids.index(row.case_id), row.folio))
    return {
        "evidence.rows": _rows([str(row.folio), row.title, row.origin, _day(row.added_at.astimezone(CITY).date())] for row in rows),
        "evidence.count": str(len(rows)) if rows else "",
    }  # fmt: skip


def _earlier(session: Session, ids: Sequence[UUID]) -> dict[str, str]:
    documents = session.execute(
        select(Document.form, Document.number, Document.issued_at, Document.values, DocumentTemplate.name)
        .join(DocumentTemplate, DocumentTemplate.id == Document.template_id)
        .where(Document.case_id.in_(ids), Document.state.in_([DocumentState.ISSUED, DocumentState.SCANNED]))
        .order_by(Document.issued_at)
    ).all()
    entered = session.scalars(
        select(CasePaper).where(CasePaper.case_id.in_(ids)).order_by(CasePaper.signed_on, CasePaper.added_at)
    ).all()
    found: dict[str, str] = {}
    for path, (codes, kinds) in EARLIER.items():
        for paper in entered:
            if paper.kind in kinds:
                found |= {f"{path}.number": paper.number, f"{path}.date": _day(paper.signed_on), f"{path}.name": DECISION_NAMES.get(paper.kind, "")}  # fmt: skip
            if paper.kind in kinds and path == "penalty" and paper.fine:
                found["penalty.fine"] = papers.number(paper.fine)
            if paper.kind is PaperKind.INSPECTION_DECISION and paper.ground is not None:
                found["inspection.grounds"] = GROUNDS[paper.ground]
        for row in documents:
            if row.form in codes:
                found |= {f"{path}.number": row.number, f"{path}.date": _day(row.issued_at.astimezone(CITY).date()), f"{path}.name": row.name}  # fmt: skip
            if row.form == "MQĐ33" and path == "criminal" and row.values.get("recipient"):
                found["criminal.recipient"] = row.values["recipient"]
    return found


def _clocks(session: Session, ids: Sequence[UUID]) -> dict[str, str]:
    running = session.scalars(
        select(Deadline)
        .where(Deadline.case_id.in_(ids), Deadline.met_at.is_(None), Deadline.stopped_at.is_(None))
        .order_by(Deadline.due_at)
    ).all()
    return {
        path: _day(clock.due_at.astimezone(CITY).date())
        for path, kinds in CLOCKS.items()
        if (clock := next((each for each in running if each.kind in kinds), None)) is not None
    }


def _signals(session: Session, ids: Sequence[UUID]) -> dict[str, str]:
    """Only the numbers that reporters themselves hold: who they are is nowhere near."""
    numbers = session.scalars(
        select(Signal.source_number)
        .where(Signal.case_id.in_(ids), Signal.source != SignalSource.SYSTEM)
        .order_by(Signal.received_at)
    ).all()
    return {"case.signals": "Người cung cấp thông tin theo phiếu số " + ", ".join(numbers) if numbers else ""}


def _address(party: CaseParty) -> str:
    return ", ".join(filter(None, (party.address, party.commune.name if party.commune else None)))


def _place(act: CaseAct) -> str:
    return ", ".join(filter(None, (act.place, act.commune.name if act.commune else None)))


def _rows(rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(" | ".join(cell.replace("|", "/").replace("\n", " ") for cell in row) for row in rows)


def _quantity(amount: Decimal) -> str:
    return f"{amount.normalize():f}".replace(".", ",")


def _day(day: date | None) -> str:
    return papers.day(day) if day else ""
