"""Minutes of a sample of control ("biên bản lấy mẫu") as PDF/A in the form of Decree 30/2020.

Drawn anew from what was recorded when the sample was taken, so the same facts give the same bytes. Its text is a record of the register
and stays Vietnamese whoever prints it. What must not live here: samples themselves (`lab_samples`).
"""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING

from sqlalchemy import select

from trace.clock import CITY
from trace.models.areas import GrowingArea
from trace.models.parties import Party, RoleGrant
from trace.models.titles import TitleRole, TitleRoleKind
from trace.services import lab_samples, papers

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.models.control_papers import ControlSample
    from trace.services.reach import Reach


def of_sample(session: Session, sample_id: UUID, *, reach: Reach) -> tuple[str, bytes]:
    """File name and PDF of the minutes of a sample, for whoever may see it."""
    sample = lab_samples.get(session, sample_id, reach=reach)
    source, holder, organisation = sample.source, sample.holder, _organisation(session, sample)
    kind = "Vùng trồng" if isinstance(source, GrowingArea) else "Cơ sở sản xuất"
    day = papers.day_in_words(sample.taken_on)
    at = datetime.combine(sample.taken_on, time(), CITY)
    data = {
        "organisation": organisation.name if organisation else sample.title.name,
        "place_date": f"{source.commune.name}, {day}",
        "number": f"{sample.number}/BBLM",
        "title": "Lấy mẫu kiểm soát chất lượng",
        "sample": sample.title.is_sample or holder.is_sample,
        "opening": f"Hôm nay, {day}, tại {source.name}, {source.commune.name}, chúng tôi gồm:",
        "parties": [
            {
                "label": "Người lấy mẫu", "name": sample.taker.full_name,
                "facts": [f"Đơn vị: {organisation.name}" if organisation else f"Kiểm soát việc sử dụng {sample.title.name}"],
            },
            {
                "label": "Đơn vị được lấy mẫu", "name": holder.name,
                "facts": [
                    fact
                    for fact in (
                        f"Địa chỉ: {holder.address}" if holder.address else None,
                        f"Mã số thuế: {holder.tax_code}" if holder.tax_code else None,
                        f"Người có mặt, chứng kiến: {sample.taken_from}",
                    )
                    if fact
                ],
            },
        ],
        "lead_in": "cùng lập biên bản lấy mẫu để kiểm nghiệm như sau:",
        "columns": ["STT", "Nội dung", "Ghi nhận"], "widths": [0.6, 2.4, 5], "numeric": [0], "total_at": None,
        "rows": [
            [str(line), label, said]
            for line, (label, said) in enumerate(
                [
                    ("Mã số mẫu", sample.number), ("Sản phẩm, vật được lấy mẫu", sample.what),
                    ("Số lượng, khối lượng mẫu", sample.amount or "không ghi"), ("Số niêm phong", sample.seal),
                    (kind, f"{source.name}, {source.commune.name}"), ("Ngày lấy mẫu", papers.day(sample.taken_on)), ("Văn bằng bảo hộ", sample.title.name),
                ],
                1,
            )
        ],
        "total": "",
        "closing": [
            "Phương pháp lấy mẫu, số phần mẫu, tình trạng mẫu: ...................................................",
            "Đại diện đơn vị được lấy mẫu ghi ý kiến (nếu có): ...................................................",
            "Biên bản được lập thành 02 bản có nội dung như nhau, đã đọc lại cho những người có mặt cùng nghe; mỗi bên giữ 01 bản.",
        ],
        "signatures": [
            {"title": "Đại diện đơn vị được lấy mẫu", "name": sample.taken_from}, {"title": "Người lấy mẫu", "name": sample.taker.full_name},
        ],
    }  # fmt: skip
    return f"bien-ban-lay-mau-{sample.number}.pdf", papers.drawn("minutes.typ", data, at=at)


def _organisation(session: Session, sample: ControlSample) -> Party | None:
    """For which managing or control body of the title the sample was taken; the managing body if the taker's own is not on record."""
    bodies = (
        select(Party)
        .join(TitleRole, TitleRole.party_id == Party.id)
        .where(
            TitleRole.title_id == sample.title_id, TitleRole.valid_during.contains(sample.taken_on),
            TitleRole.role.in_((TitleRoleKind.MANAGING_BODY, TitleRoleKind.CONTROL_BODY)),
        )
    )  # fmt: skip
    takers = RoleGrant.user_id == sample.taken_by, RoleGrant.valid_during.contains(sample.taken_on)
    own = bodies.join(RoleGrant, RoleGrant.party_id == Party.id).where(*takers)
    managing = bodies.where(TitleRole.role == TitleRoleKind.MANAGING_BODY)
    return session.scalars(own.limit(1)).first() or session.scalars(managing.limit(1)).first()
