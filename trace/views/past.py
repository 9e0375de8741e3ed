"""The history of a record as its page tells it: the deed in words, old and new values, who and why.

What must not live here: what is written into the history; that is decided beside the change.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from trace.db import session
from trace.models.certificates import CertificateStatus
from trace.models.controls import Severity
from trace.models.lots import LotState
from trace.services import history
from trace.shown import grams
from trace.words import day, say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from trace.models.history import History


class Deed(StrEnum):
    """Deeds of the register."""

    CERTIFICATE_GRANT = "certificate:grant"
    CERTIFICATE_SUSPEND = "certificate:suspend"
    CERTIFICATE_REINSTATE = "certificate:reinstate"
    CERTIFICATE_REVOKE = "certificate:revoke"
    CERTIFICATE_GIVE_UP = "certificate:give_up"
    VISIT_RECORD = "visit:record"
    NONCONFORMITY_RECORD = "nonconformity:record"
    NONCONFORMITY_ANSWER = "nonconformity:answer"
    NONCONFORMITY_VERIFY = "nonconformity:verify"
    LOT_RECORD = "lot:record"
    LOT_CERTIFY = "lot:certify"
    LOT_RECALL = "lot:recall"


# A field of a subject: its label, and how its stored value reads. What is not named here is not told.
FIELDS: dict[tuple[str, str], tuple[Any, Any]] = {
    ("certificate", "status"): (_l("Status"), lambda value: say(CertificateStatus(value))),
    ("certificate", "document_number"): (_l("Deciding document"), str),
    ("certificate", "number"): (_l("Number"), str),
    ("certificate", "valid_during"): (_l("Valid"), str),
    ("visit", "passed"): (_l("Result"), lambda value: _("Passed") if value else _("Not passed")),
    ("nonconformity", "severity"): (_l("Severity"), lambda value: say(Severity(value))),
    ("nonconformity", "blocking"): (_l("Blocks labels"), lambda value: _("Yes") if value else _("No")),
    ("nonconformity", "due_on"): (_l("Due"), lambda value: day(date.fromisoformat(value))),
    ("nonconformity", "corrective_action"): (_l("Corrective action"), str),
    ("lot", "state"): (_l("Status"), lambda value: say(LotState(value))),
    ("lot", "code"): (_l("Lot code"), str),
    ("lot", "volume_g"): (_l("Volume"), grams),
}


def of(*subject_ids: UUID) -> list[dict[str, Any]]:
    """The deeds done to some records, newest first, as the timeline shows them."""
    return told(history.of(session(), *subject_ids))


def told(deeds: Sequence[History]) -> list[dict[str, Any]]:
    """Deeds as the timeline shows them."""
    return [
        {
            "at": row.at,
            "what": say(Deed(row.deed)) if row.deed in set(Deed) else _("Record changed"),
            "who": row.author.full_name if row.author else _("the system"),
            "note": _note(row),
        }
        for row in deeds
    ]


def _note(row: History) -> str:
    subject = row.deed.split(":")[0]
    told = []
    for field, (old, new) in row.changes.items():
        if (subject, field) not in FIELDS:
            continue
        label, shown = FIELDS[subject, field]
        before = f"{shown(old)} → " if old is not None else ""
        told.append(f"{label}: {before}{shown(new) if new is not None else '–'}")
    if row.why:
        told.append(_("Reason: %(reason)s", reason=row.why) if told else row.why)
    return ". ".join(part.rstrip(".") for part in told)
