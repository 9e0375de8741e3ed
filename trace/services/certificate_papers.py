"""The papers of an application and its certificate as PDF/A: the certificate itself, the notice of a refusal, the receipt.

Their text is a record of the register and stays Vietnamese whoever prints it; the look stands in `trace/templates/documents`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from labels import qr
from trace.clock import CITY
from trace.errors import Conflict
from trace.models.applications import Application, ApplicationState
from trace.models.areas import AreaCodeStatus
from trace.models.certificates import CertificateStatusChange, UseCertificate
from trace.models.parties import AppUser, Party
from trace.models.titles import TitleKind
from trace.services import applications, certificates, papers, public_certificates
from trace.services.certificates import Standing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.models.areas import GrowingArea, ProductionSite
    from trace.models.certificates import CertificateSource
    from trace.services.reach import Reach

KINDS = {
    TitleKind.GI: "chỉ dẫn địa lý",
    TitleKind.COLLECTIVE_MARK: "nhãn hiệu tập thể",
    TitleKind.CERTIFICATION_MARK: "nhãn hiệu chứng nhận",
}
STANDINGS = {
    Standing.ACTIVE: "đang có hiệu lực",
    Standing.SUSPENDED: "đang bị đình chỉ",
    Standing.REVOKED: "đã bị thu hồi",
    Standing.GIVEN_UP: "đã được trả lại theo đề nghị của đơn vị",
    Standing.EXPIRED: "đã hết hạn",
    Standing.NOT_YET: "chưa đến ngày có hiệu lực",
}
QR_MM = 30
NO_ISSUER = "Tổ chức quản lý"


class NothingToPrint(Conflict):
    """There is no such paper for an application in this state.

    Load the page again and look at its state.
    """


def of_certificate(
    session: Session, certificate_id: UUID, *, host: str, at: datetime, reach: Reach
) -> tuple[str, bytes]:
    """File name and PDF of a certificate as it stands at a moment, with a QR to the page of its present state."""
    certificate = certificates.get(session, certificate_id, reach=reach)
    today = at.astimezone(CITY).date()
    stands = certificates.standing(certificate, today)
    applied = applications.covered_by(session, certificate.id)
    first = session.scalars(
        select(CertificateStatusChange)
        .where(CertificateStatusChange.certificate_id == certificate.id)
        .order_by(CertificateStatusChange.at, CertificateStatusChange.id)
        .limit(1)
    ).one_or_none()
    issuer = public_certificates.issuer(session, certificate)
    begins, until = _period(certificate)
    issued = first.at.astimezone(CITY).date() if first else begins
    address = public_certificates.address(certificate, host=host)
    document = first.document_number if first else None
    signer = session.get(AppUser, first.by) if first and first.by else None
    data = _frame(issuer, certificate.number, issued, sample=certificate.is_sample) | {
        "title": f"QUYỀN SỬ DỤNG {KINDS[certificate.title.kind].upper()}",
        "warning": "" if stands in {Standing.ACTIVE, Standing.NOT_YET} else
        f"Giấy chứng nhận này {STANDINGS[stands]}; tình trạng hiện tại xem theo mã QR.",
        "facts": _facts(
            certificate, applied, begins, until, document=document, products=public_certificates.products(session, certificate)
        ),
        "rows": [_row(place, source, issued) for place, source in enumerate(_sorted(certificate.sources), 1)],
        "conditions": [
            f"Đơn vị được sử dụng {KINDS[certificate.title.kind]} “{certificate.title.name}” cho sản phẩm và trong phạm vi nêu trên, "
            "theo đúng quy chế sử dụng; không được chuyển giao, cho mượn giấy chứng nhận và tem dưới mọi hình thức.",
        ],
        "recipients": [f"{certificate.holder.name};", "Lưu: hồ sơ cấp quyền sử dụng."],
        "signer": signer.full_name if signer else "",
        "qr": papers.symbol(address), "qr_mm": max(QR_MM, _least_mm(address)),
        "legend": [
            f"Quét mã hoặc mở https://{host}/gcn/ và nhập số {certificate.number} để xem tình trạng hiện tại.",
            f"Bản này in lúc {papers.moment(at)}; khi đó giấy chứng nhận {STANDINGS[stands]}.",
            "Giấy in không thể hiện các quyết định đình chỉ, thu hồi có sau lúc in.",
        ],
    }  # fmt: skip
    return f"giay-chung-nhan-{_slug(certificate.number)}.pdf", papers.drawn("certificate.typ", data, at=at)


def of_refusal(session: Session, application_id: UUID, *, reach: Reach) -> tuple[str, bytes]:
    """File name and PDF of the notice by which an application was refused."""
    found = applications.get(session, application_id, reach=reach)
    if found.state is not ApplicationState.REFUSED or found.decided_at is None or found.document_number is None:
        raise NothingToPrint
    decided = found.decided_at.astimezone(CITY).date()
    signer = session.get(AppUser, found.decided_by)
    kind = KINDS[found.title.kind]
    data = _frame(public_certificates.body_on(session, found.title_id, decided), found.document_number, decided, sample=found.is_sample) | {
        "kind": "THÔNG BÁO", "title": f"Về việc từ chối cấp quyền sử dụng {kind}", "addressee": found.applicant.name,
        "body": [
            f"Sau khi xem xét hồ sơ đề nghị cấp quyền sử dụng {kind} “{found.title.name}” của {found.applicant.name}"
            + (f" (số tiếp nhận {found.receipt_number})" if found.receipt_number else "")
            + ", tổ chức quản lý thông báo từ chối cấp giấy chứng nhận với lý do sau:",
            *(line.strip() for line in (found.reason or "").splitlines() if line.strip()),
        ],
        "facts": [],
        "closing": [
            "Khi đã khắc phục các lý do nêu trên, đơn vị có thể nộp hồ sơ mới. Trường hợp không đồng ý, đơn vị có quyền khiếu nại theo quy định của pháp luật.",
        ],
        "recipients": ["Như trên;", "Lưu: hồ sơ cấp quyền sử dụng."],
        "signer": signer.full_name if signer else "",
    }  # fmt: skip
    name = f"thong-bao-tu-choi-{_slug(found.receipt_number or found.document_number)}.pdf"
    return name, papers.drawn("letter.typ", data, at=found.decided_at)


def of_receipt(session: Session, application_id: UUID, *, reach: Reach) -> tuple[str, bytes]:
    """File name and PDF of the receipt with the day by which the decision is promised."""
    found = applications.get(session, application_id, reach=reach)
    if found.receipt_number is None or found.received_at is None:
        raise NothingToPrint
    received = found.received_at.astimezone(CITY).date()
    kind = KINDS[found.title.kind]
    papers_in = [file.file.name for file in found.files if file.struck_at is None and file.evaluation_id is None]
    data = _frame(public_certificates.body_on(session, found.title_id, received), found.receipt_number, received, sample=found.is_sample) | {
        "kind": "GIẤY TIẾP NHẬN HỒ SƠ", "title": "và hẹn trả kết quả", "addressee": found.applicant.name,
        "body": [f"Tổ chức quản lý đã tiếp nhận hồ sơ đề nghị cấp quyền sử dụng {kind} “{found.title.name}”. Hồ sơ đầy đủ theo quy chế sử dụng."],
        "facts": [
            _fact("Số tiếp nhận", found.receipt_number, strong=True),
            _fact("Tiếp nhận lúc", papers.moment(found.received_at)),
            _fact("Sản phẩm", found.product.name if found.product else "–"),
            _fact("Tài liệu kèm theo", ", ".join(papers_in) or "–"),
            _fact("Hẹn trả kết quả", papers.day(found.promised_on) if found.promised_on else "thông báo sau, khi lịch nghỉ năm sau được công bố", strong=True),
        ],
        "closing": ["Thời hạn tính bằng ngày làm việc; thời gian đơn vị bổ sung hồ sơ không tính vào thời hạn."],
        "recipients": ["Như trên;", "Lưu: hồ sơ cấp quyền sử dụng."],
    }  # fmt: skip
    return f"giay-tiep-nhan-{found.receipt_number}.pdf", papers.drawn("letter.typ", data, at=found.received_at)


def _frame(issuer: Party | None, number: str, day: date, *, sample: bool) -> dict[str, Any]:
    return {
        "organisation": issuer.name if issuer else NO_ISSUER, "number": number, "place_date": papers.place_date(issuer, day),
        "sample": sample, "signatory": "Người có thẩm quyền", "signer": "",
    }  # fmt: skip


def _facts(
    certificate: UseCertificate,
    applied: Application | None,
    begins: date,
    until: date,
    *,
    document: str | None,
    products: Sequence[str],
) -> list[dict[str, Any]]:
    holder = certificate.holder
    tax_code = (applied.tax_code if applied else None) or holder.tax_code
    title = certificate.title
    facts = [
        ("Tổ chức, cá nhân", holder.name, True),
        ("Địa chỉ", (applied.address if applied else None) or holder.address, False),
        ("Mã số thuế", tax_code, False),
        ("Số định danh cá nhân", applied.id_number if applied and not tax_code else None, False),
        ("Được quyền sử dụng", f"{KINDS[title.kind].capitalize()} “{title.name}”", True),
        ("Văn bằng bảo hộ số", title.title_number, False),
        ("Cho sản phẩm", ", ".join(products), False),
        ("Sản lượng dự kiến", f"{papers.number(applied.yearly_kg)} kg mỗi năm" if applied and applied.yearly_kg else None, False),
        ("Có hiệu lực", f"từ {papers.day_in_words(begins)} đến hết {papers.day_in_words(until)}", True),
        ("Theo quyết định số", document, False),
    ]  # fmt: skip
    return [_fact(label, value, strong=strong) for label, value, strong in facts if value]


def _fact(label: str, value: str, *, strong: bool = False) -> dict[str, Any]:
    return {"label": label, "value": value, "strong": strong}


def _row(place: int, source: CertificateSource, on: date) -> list[str]:
    if source.area is not None:
        codes = {
            code.code for code in source.area.codes if code.status is AreaCodeStatus.ACTIVE and on in code.valid_during
        }
        size = f"{source.area.declared_ha:.2f} ha".replace(".", ",")
        return [str(place), source.area.name, source.area.commune.name, ", ".join(sorted(codes)) or "–", size]
    site: ProductionSite = source.site  # type: ignore[assignment]  # a CHECK keeps one of the two
    return [str(place), site.name, site.commune.name, "–", f"{papers.number(site.capacity_g // 1000)} kg"]


def _sorted(sources: Sequence[CertificateSource]) -> list[CertificateSource]:
    def name(source: CertificateSource) -> str:
        found: GrowingArea | ProductionSite | None = source.area or source.site
        return found.name if found else ""

    return sorted(sources, key=name)


def _period(certificate: UseCertificate) -> tuple[date, date]:
    begins, end = certificate.valid_during.lower, certificate.valid_during.upper
    if begins is None or end is None:  # a CHECK keeps every period bounded
        raise NothingToPrint
    return begins, end - timedelta(days=1)


def _least_mm(text: str) -> float:
    """The smallest square in which a phone still reads this symbol."""
    return (qr.modules_for(len(text)) + 2 * qr.QUIET_MODULES) * qr.SMALLEST_MODULE_MM


def _slug(number: str) -> str:
    return "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in number).strip("-")
