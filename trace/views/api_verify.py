"""The programming interface: the answer about one label. The very question that the page for people asks, in the same one statement."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from flask import request
from flask_babel import force_locale
from flask_babel import lazy_gettext as _l

from trace import clock
from trace.access import salted
from trace.errors import Invalid, NotFound, Unavailable
from trace.models.api import ApiScope
from trace.models.scans import ScanChannel, ScanKind, VerdictKind
from trace.services.limits import Limited
from trace.views import verify
from trace.views.api_core import Asked, operation
from trace.views.api_schema import Point, Verdict, Wording
from trace.views.asking import Asked as Question
from trace.words import say

if TYPE_CHECKING:
    from trace.services.api_keys import Bearer
    from trace.services.scanning import Verdict as Found
    from trace.views.asking import Caller

TAG = "verify"


class CodeUnknown(NotFound):
    """No label with this code was issued here.

    Compare each character with the label. If it is printed so on a pack, report it at /report.
    """

    members = {"kind": VerdictKind.UNKNOWN.value}


class CodeMalformed(Invalid):
    """This is no label code.

    A code has 12 digits and letters without I, L, O and U, such as 7K4M-92QD-XJ3P.
    """

    status = 400
    members = {"kind": VerdictKind.MALFORMED.value}


class LotUnknown(NotFound):
    """No lot with this code is in the register.

    Compare each character with what is printed.
    """

    members = {"kind": VerdictKind.UNKNOWN.value}


class LotCodeMalformed(Invalid):
    """This is no lot code.

    A lot code has 8 digits and letters without I, L, O and U. The last one checks the others.
    """

    status = 400
    members = {"kind": VerdictKind.MALFORMED.value}


class NotChecked(Unavailable):
    """The register cannot be reached at the moment. This says nothing about the goods.

    Try again in a minute.
    """

    members = {"kind": VerdictKind.NOT_CHECKED.value}


REFUSED = {
    VerdictKind.UNKNOWN: CodeUnknown, VerdictKind.MALFORMED: CodeMalformed, VerdictKind.NOT_CHECKED: NotChecked,
}  # fmt: skip
OF_LOTS = {**REFUSED, VerdictKind.UNKNOWN: LotUnknown, VerdictKind.MALFORMED: LotCodeMalformed}


class VerifyAsked(Asked, frozen=True, kw_only=True):
    """What may be asked of a label."""

    text: Annotated[bool, msgspec.Meta(description="Whether to send the verdict in words too, in both languages.")] = (
        False
    )


@operation(
    "GET", "/verify/<path:code>", summary=_l("Check a label"), tag=TAG, answer=Verdict, scope=ApiScope.VERIFY_READ, query=VerifyAsked,
    about=_l("Says what the register knows of one label. With a key the question counts as a look at the label. A label that is known is never refused for having been asked for often."),
    problems=(404, 429, 503), limited=Limited.UNKNOWN_CODE,
    hints={"code": ({"type": "string", "maxLength": 200, "description": "The code as printed, in any case, with or without hyphens."}, "7K4M-92QD-XJ3P")},
)  # fmt: skip
def verify_label(code: str, *, query: VerifyAsked, bearer: Bearer | None) -> Verdict:
    """The answer about one label."""
    found = verify.desk().ask(code, question(bearer), asker(bearer), at=clock.now())
    if found.kind in REFUSED:
        raise REFUSED[found.kind]
    return written(found, text=query.text)


@operation(
    "GET", "/lots/<path:code>", summary=_l("Check a lot code"), tag=TAG, answer=Verdict, scope=ApiScope.VERIFY_READ, query=VerifyAsked,
    about=_l("Says what the register knows of a code that all packs of a lot share. It cannot tell one pack from another."),
    problems=(404, 429, 503), limited=Limited.UNKNOWN_CODE,
    hints={"code": ({"type": "string", "maxLength": 200, "description": "The eight characters as printed."}, "7K4M-92QD")},
)  # fmt: skip
def verify_lot(code: str, *, query: VerifyAsked, bearer: Bearer | None) -> Verdict:
    """The answer about one lot."""
    found = verify.desk().ask_lot(code, question(bearer), asker(bearer), at=clock.now())
    if found.kind in OF_LOTS:
        raise OF_LOTS[found.kind]
    return written(found, text=query.text)


def question(bearer: Bearer | None) -> Question:
    """What a program asks. It counts as a look if a partner's key vouches for it; else as what its headers make it look like."""
    if bearer is not None and request.method != "HEAD":
        return Question(ScanKind.REAL, ScanChannel.API)
    return Question(verify.caller().asks({}, for_json=True).kind, ScanChannel.API)


def asker(bearer: Bearer | None) -> Caller:
    """Who asks: a network, or whoever holds a key, wherever they ask from."""
    found = verify.caller()
    return found if bearer is None else replace(found, network=salted(f"key:{bearer.id}"))


def written(found: Found, *, text: bool) -> Verdict:
    """A verdict by the names that programs know."""
    return Verdict(
        kind=found.kind, also=list(found.also), code=found.code or "", checked_at=found.checked_at, checks=found.checks,
        recent_checks=found.recent_checks, days=found.days, devices=found.devices, provinces=found.provinces, first_check=found.first_check,
        recorded=found.recorded, shared=found.shared, packs=found.packs, hidden_code=found.hidden_code, opened_at=found.opened_at,
        voided_on=found.voided_on, product_id=found.product_id, product_name=found.product_name, product_name_en=found.product_name_en,
        pack_weight_g=found.pack_weight_g, gtin=found.gtin, holder_name=found.holder_name, holder_address=found.holder_address,
        title_id=found.title_id, title_name=found.title_name, title_kind=found.title_kind, area_name=found.area_name,
        area_code=found.area_code, checked_on=found.checked_on, lot_code=found.lot_code, harvested_on=found.harvested_on,
        packed_on=found.packed_on, expires_on=found.expires_on, recall_reason=found.recall_reason, certificate_id=found.certificate_id,
        certificate_number=found.certificate_number, certificate_status=found.certificate_status,
        certificate_valid_until=found.certificate_until, suspended_on=found.suspended_on,
        packed_before_suspension=found.packed_before_suspension, is_sample=found.is_sample,
        compare=[Point(text_vi=each.text_vi, text_en=each.text_en, hard_to_copy=each.hard_to_copy) for each in found.compare],
        text=_in_words(found.kind) if text else None,
    )  # fmt: skip


def _in_words(kind: VerdictKind) -> Wording:
    said: dict[str, Any] = {}
    for locale in ("vi", "en"):
        with force_locale(locale):
            said[locale] = say(kind)
    return Wording(**said)
