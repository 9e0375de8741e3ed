"""Every component and every verdict on show, for reviewers, screenshots and accessibility checks. Open in the demo environment only.

What must not live here: anything a page needs. The facts below are samples and say so.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec.structs
from flask import Blueprint, current_app, render_template, request
from flask_babel import lazy_gettext
from wtforms import (
    BooleanField,
    FileField,
    Form,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange
from wtforms.widgets import CheckboxInput, ListWidget

from trace.access import needs
from trace.errors import NotFound
from trace.forms import VietnameseDate, VietnameseInteger
from trace.models.certificates import CertificateStatus
from trace.models.labels import LabelState
from trace.models.scans import VerdictKind
from trace.models.titles import PointKind, TitleKind
from trace.services.scanning import ComparePoint, CopySign, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.typing import ResponseReturnValue

bp = Blueprint("gallery", __name__)
_: Callable[[str], Any] = lazy_gettext

KINDS = (
    "valid", "valid-first", "suspected_copy", "not_activated", "voided", "expired", "holder_suspended", "holder_suspended-before",
    "holder_suspended-unclear",
    "unknown", "malformed", "lot_code", "lot_recalled", "recalled", "not_checked", "sample", "several", "long",
    "unusual", "copied_opened", "copied_travel", "hidden", "unrecorded",
)  # fmt: skip

NOW = dt.datetime(2026, 6, 14, 7, 5, tzinfo=dt.UTC)
RECALL = "Dư lượng thuốc bảo vệ thực vật vượt mức cho phép (dữ liệu mẫu)"
LONG_NAME = "Hợp tác xã Dịch vụ nông nghiệp và tiêu thụ vải thiều Thanh Quang, Thanh Sơn, Thanh Thủy (dữ liệu mẫu)"


class SampleForm(Form):
    """One field of each kind."""

    code = StringField(_("Label code"), [InputRequired()])
    quantity = VietnameseInteger(_("Quantity"), [InputRequired(), NumberRange(1, 1_000_000)])
    packed_on = VietnameseDate(_("Packed"), [InputRequired()])
    commune = SelectField(
        _("Commune"),
        [InputRequired()],
        choices=[
            ("", "–"), ("11359", "An Biên (phường)"), ("11413", "Hải An (phường)"),
            ("10525", "Hải Dương (phường)"), ("10537", "Tân Hưng (phường)"), ("10507", "Thành Đông (phường)"),
        ],
    )  # fmt: skip
    reason = RadioField(
        _("Why do you suspect it?"),
        [InputRequired()],
        choices=[
            ("label", _("The label looks unusual")),
            ("goods", _("The goods are not as usual")),
            ("none", _("There is no label")),
        ],
    )
    marks = SelectMultipleField(
        _("Which points differ?"),
        choices=[
            ("seal", _("The seal")),
            ("date", _("The printed date")),
            ("weight", _("The weight")),
        ],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    note = TextAreaField(_("Note"), [Length(max=2000)])
    photo = FileField(_("Photo"))
    agreed = BooleanField(_("I agree to be contacted about this report"))


@bp.get("/gallery")
@needs(None)
def index() -> ResponseReturnValue:
    """All components in their states."""
    _only_in_demo()
    wrong = SampleForm(data={"quantity": 0, "note": "Tem bị bóc ra rồi dán lại, mép tem còn vết keo."})
    wrong.validate()
    return render_template(
        "gallery.html",
        form=SampleForm(prefix="ok-", data={"packed_on": NOW.date(), "reason": "label", "marks": ["seal"]}),
        wrong=wrong,
        kinds=KINDS,
        now=NOW,
        long_name=LONG_NAME,
        reasons=_reasons(),
        orders=_orders(),
        events=_events(),
        files=_files(),
        boundary=_boundary(),
    )


@bp.get("/gallery/verdict/<kind>")
@needs(None)
def verdict(kind: str) -> ResponseReturnValue:
    """The verdict page in one state; `?answer=match|differs|cannot` shows it after the comparison, `?hidden=` after an entry."""
    _only_in_demo()
    if kind not in KINDS:
        raise NotFound
    return render_template(
        "verdict.html",
        verdict=_sample_verdict(kind),
        answer=request.args.get("answer", ""),
        hidden=_entries().get(request.args.get("hidden", "")),
    )


def _only_in_demo() -> None:
    if not current_app.config["GALLERY"]:
        raise NotFound


def _sample_verdict(name: str) -> Verdict:
    plain = Verdict(
        kind=VerdictKind.VALID, checked_at=NOW, code="7K4M92QDXJ3P", serial=1, state=LabelState.ACTIVATED,
        since=dt.datetime(2026, 6, 5, 2, tzinfo=dt.UTC), checks=7, recent_checks=5, days=7, provinces=2, devices=4,
        first_check=NOW - dt.timedelta(days=2), first_place="Hải Phòng", pack_weight_g=2000, lot_code="L-2606-014",
        harvested_on=dt.date(2026, 6, 11), packed_on=dt.date(2026, 6, 12), expires_on=dt.date(2026, 6, 26),
        certificate_number="MẪU-07/2026", certificate_status=CertificateStatus.ACTIVE, certificate_until=dt.date(2027, 12, 31),
        holder_name="HTX Vải thiều Thanh Quang (dữ liệu mẫu)", product_name="Vải thiều Thanh Hà", product_name_en="Thanh Hà lychee",
        title_name="Thanh Hà", title_kind=TitleKind.GI, source_name="Vùng trồng thôn Tiên Tảo", commune_name="xã Thanh Hà",
        area_code="MẪU-HP-0012", is_sample=True, holder_address="Thôn Tiên Tảo, xã Thanh Hà, thành phố Hải Phòng",
        checked_on=dt.date(2026, 6, 2),
        compare=(
            ComparePoint(
                "Tem còn nguyên, không có vết bóc dán lại", "The seal is whole, with no sign of re-gluing", hard_to_copy=True,
                kind=PointKind.SEAL, text_zh="封签完好，没有揭开后重贴的痕迹", text_ja="封印が無傷で、貼り直した跡がない",
            ),
            ComparePoint(
                "Đúng Vải thiều Thanh Hà, túi 2 kg", "It is Thanh Hà lychee, a 2 kg bag", hard_to_copy=False,
                text_zh="是清河荔枝（Vải thiều Thanh Hà），2公斤袋装", text_ja="タインハーのライチ（Vải thiều Thanh Hà）、2 kg袋である",
            ),
            ComparePoint(
                "Ngày đóng gói in trên túi: 12/06/2026", "Packing date on the bag: 12/06/2026", hard_to_copy=False,
                text_zh="包装袋上印刷的包装日期：12/06/2026", text_ja="袋に印字された包装日：12/06/2026",
            ),
        ),
    )  # fmt: skip
    lot: dict[str, Any] = {
        "kind": VerdictKind.LOT_CODE,
        "checks": 310,
        "shared": True,
        "packs": 2400,
        "serial": None,
        "code": "K7M492QD",
    }
    copied: dict[str, Any] = {"checks": 52, "recent_checks": 46, "provinces": 5, "days": 3}
    stopped: dict[str, Any] = {"certificate_status": CertificateStatus.SUSPENDED, "kind": VerdictKind.HOLDER_SUSPENDED}
    in_may, in_mid_june = dt.datetime(2026, 5, 1, tzinfo=dt.UTC), dt.datetime(2026, 6, 13, tzinfo=dt.UTC)
    changes: dict[str, dict[str, Any]] = {
        "valid-first": {"checks": 1, "recent_checks": 1, "first_check": NOW, "provinces": 1},
        "suspected_copy": copied | {"kind": VerdictKind.SUSPECTED_COPY},
        "not_activated": {"kind": VerdictKind.NOT_ACTIVATED, "packed_on": None, "harvested_on": None, "lot_code": None},
        "voided": {"kind": VerdictKind.VOIDED, "state": LabelState.VOIDED},
        "expired": {"kind": VerdictKind.EXPIRED, "checked_at": NOW + dt.timedelta(days=40)},
        "holder_suspended": stopped | {"status_since": in_may},
        "holder_suspended-before": stopped | {"status_since": in_mid_june},
        "holder_suspended-unclear": stopped | {"status_since": in_mid_june, "packed_on": None},
        "lot_code": lot,
        "lot_recalled": lot | {"kind": VerdictKind.RECALLED, "also": (VerdictKind.LOT_CODE,), "recall_reason": RECALL},
        "recalled": {"kind": VerdictKind.RECALLED, "recall_reason": RECALL},
        "several": copied | stopped | {
            "kind": VerdictKind.VOIDED, "state": LabelState.VOIDED, "status_since": in_may,
            "also": (VerdictKind.HOLDER_SUSPENDED, VerdictKind.SUSPECTED_COPY, VerdictKind.EXPIRED),
        },
        "unusual": {"checks": 18, "recent_checks": 14, "devices": 12, "provinces": 1, "unusual": True},
        "copied_opened": {
            "kind": VerdictKind.SUSPECTED_COPY, "copied_by": CopySign.OPENING, "after_opening": 4, "opened_at": NOW - dt.timedelta(days=1),
            "hidden_code": True,
        },
        "copied_travel": {"kind": VerdictKind.SUSPECTED_COPY, "copied_by": CopySign.TRAVEL, "checks": 2, "recent_checks": 2, "provinces": 2},
        "hidden": {"hidden_code": True},
        "unrecorded": {"checks": 0, "recent_checks": 0, "first_check": None, "provinces": 0, "recorded": False},
        "long": {"checks": 12_345, "recent_checks": 40, "holder_name": LONG_NAME, "first_place": "Thành phố Hồ Chí Minh"},
    }  # fmt: skip
    if name in {"unknown", "malformed", "not_checked", "sample"}:
        return Verdict(kind=VerdictKind(name), checked_at=NOW, code=None if name == "malformed" else plain.code)
    return msgspec.structs.replace(plain, **changes.get(name, {}))


def _entries() -> dict[str, dict[str, Any]]:
    """What may be said after the hidden code was typed."""
    return {
        "first": {"kind": "first", "first_at": NOW, "left": None, "until": None},
        "again": {"kind": "again", "first_at": NOW - dt.timedelta(days=1, hours=3), "left": None, "until": None},
        "wrong": {"kind": "wrong", "first_at": None, "left": 3, "until": None},
        "malformed": {"kind": "malformed", "entered": "12 34"},
        "blocked": {"kind": "blocked", "first_at": None, "left": 0, "until": NOW + dt.timedelta(minutes=42)},
    }


def _reasons() -> list[dict[str, str]]:
    return [
        {"message": "Nhật ký vùng trồng thiếu tuần 23.", "way_out": "Bổ sung nhật ký", "url": "#nhat-ky"},
        {"message": "Vượt sản lượng được cấp 2.200 tem.", "way_out": "Giảm số lượng hoặc xin điều chỉnh hạn mức."},
    ]


def _orders() -> list[dict[str, Any]]:
    return [
        {"id": number, "code": f"DT-2026-{number:05}", "holder": LONG_NAME if number == 2 else "HTX Vải thiều Thanh Quang (dữ liệu mẫu)",
         "quantity": quantity, "placed_on": dt.date(2026, 6, number), "left": left, "late": left < 0}
        for number, quantity, left in ((1, 5000, -1), (2, 120_000, 2), (3, 800, 9))
    ]  # fmt: skip


def _events() -> list[dict[str, Any]]:
    return [
        {
            "at": NOW,
            "what": "Đã nhận 5.000 tem",
            "who": "Nguyễn Thị Hồng Thắm",
            "source": "HTX",
            "digest": "9f2c4a71d0e85b63",
        },
        {
            "at": NOW - dt.timedelta(hours=5),
            "what": "Đã in xong",
            "who": "Vũ Văn Ước",
            "note": "Hỏng 12 tem, đã hủy theo dải.",
        },
        {"at": NOW - dt.timedelta(days=1), "what": "Đặt 5.000 tem"},
    ]


def _files() -> list[dict[str, Any]]:
    return [
        {
            "name": "IMG_2041.jpg",
            "taken_at": NOW,
            "accuracy_m": 6,
            "digest": "c0ffee5f1a2b3c4d",
            "sent": True,
            "on_the_spot": True,
        },
        {
            "name": "anh-tu-thu-vien-cua-may-co-ten-rat-dai-2026-06-12.jpg",
            "digest": "5f1a2b3c4dc0ffee",
            "sent": False,
            "on_the_spot": False,
        },
    ]


def _boundary() -> dict[str, Any]:
    ring = [
        [106.452, 20.902],
        [106.461, 20.905],
        [106.466, 20.899],
        [106.458, 20.893],
        [106.450, 20.896],
        [106.452, 20.902],
    ]
    return {"type": "Polygon", "coordinates": [ring]}
