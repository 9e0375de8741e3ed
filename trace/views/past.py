"""The history of a record as its page tells it: the deed in words, old and new values, who and why.

What must not live here: what is written into the history; that is decided beside the change.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from trace.db import session
from trace.models.applications import ApplicationState
from trace.models.areas import AreaCodeStatus, SiteKind, SiteStatus
from trace.models.certificates import CertificateStatus
from trace.models.control_papers import ProposalState, SuspensionGround
from trace.models.control_plans import EvidenceKind, Frequency
from trace.models.controls import Acknowledgement, ControlLevel, Severity
from trace.models.farm_log import FarmWork
from trace.models.lots import LotState
from trace.services import history
from trace.shown import grams, hectares
from trace.views import past_titles
from trace.views.past_titles import TitleDeed
from trace.words import day, number, say

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
    CERTIFICATE_REMIND = "certificate:remind"
    APPLICATION_START = "application:start"
    APPLICATION_SAVE = "application:save"
    APPLICATION_ADD_FILE = "application:add_file"
    APPLICATION_STRIKE_FILE = "application:strike_file"
    APPLICATION_COMMIT = "application:commit"
    APPLICATION_SUBMIT = "application:submit"
    APPLICATION_ASK_SUPPLEMENT = "application:ask_supplement"
    APPLICATION_RECEIVE = "application:receive"
    APPLICATION_EVALUATE = "application:evaluate"
    APPLICATION_GRANT = "application:grant"
    APPLICATION_REFUSE = "application:refuse"
    APPLICATION_WITHDRAW = "application:withdraw"
    CONTROL_PLAN_DRAFT = "control_plan:draft"
    CONTROL_PLAN_CHANGE = "control_plan:change"
    CONTROL_PLAN_PUT_IN_FORCE = "control_plan:put_in_force"
    CONTROL_PLAN_SUPERSEDE = "control_plan:supersede"
    VISIT_START = "visit:start"
    VISIT_FILE = "visit:file"
    VISIT_SHOW_CODE = "visit:show_code"
    VISIT_CHANGE = "visit:change"
    VISIT_RECORD = "visit:record"
    NONCONFORMITY_RECORD = "nonconformity:record"
    NONCONFORMITY_ANSWER = "nonconformity:answer"
    NONCONFORMITY_VERIFY = "nonconformity:verify"
    NONCONFORMITY_REOPEN = "nonconformity:reopen"
    SAMPLE_TAKE = "sample:take"
    SAMPLE_SEND = "sample:send"
    SAMPLE_REPORT = "sample:report"
    SAMPLE_FILE = "sample:file"
    SUSPENSION_PROPOSE = "suspension_proposal:propose"
    SUSPENSION_ACCEPT = "suspension_proposal:accept"
    SUSPENSION_DISMISS = "suspension_proposal:dismiss"
    LOT_RECORD = "lot:record"
    LOT_CERTIFY = "lot:certify"
    LOT_RECALL = "lot:recall"
    LOT_MERGE = "lot:merge"
    LOT_SPLIT = "lot:split"
    LOT_RELEASE = "lot:release"
    FARM_LOG_ADD = "farm_log:add"
    FARM_LOG_STRIKE = "farm_log:strike"
    AREA_RECORD = "area:record"
    AREA_CHANGE = "area:change"
    AREA_IMPORT = "area:import"
    AREA_IMPORT_START = "area_import:start"
    AREA_IMPORT_TAKE = "area_import:take"
    AREA_IMPORT_GIVE_UP = "area_import:give_up"
    AREA_CODE_ADD = "area:code_add"
    AREA_CODE_STATUS = "area:code_status"
    AREA_PARCEL_ADD = "area:parcel_add"
    AREA_PARCEL_REMOVE = "area:parcel_remove"
    AREA_HOUSEHOLD_ADD = "area:household_add"
    AREA_HOUSEHOLD_REMOVE = "area:household_remove"
    SITE_RECORD = "site:record"
    SITE_CHANGE = "site:change"
    MEMBERSHIP_RECORD = "membership:record"
    MEMBERSHIP_CHANGE = "membership:change"
    MEMBERSHIP_LEAVE = "membership:leave"
    MEMBERSHIP_HOUSEHOLD = "membership:household"
    TABLE_IMPORT_START = "table_import:start"
    TABLE_IMPORT_TAKE = "table_import:take"
    TABLE_IMPORT_GIVE_UP = "table_import:give_up"


def _ground(value: str) -> str:
    return say(SuspensionGround(value) if value in set(SuspensionGround) else ProposalState(value))


def _item(value: str) -> str:
    """An item of a plan; `control_plans` keeps its enums at the end, each behind a semicolon."""
    told, frequency, severity, evidence, levels = value.removesuffix(")").rsplit("; ", 4)
    said = [say(Frequency(frequency)), say(Severity(severity)), say(EvidenceKind(evidence))]
    return "; ".join([told, *said, ", ".join(say(ControlLevel(level)) for level in levels.split(", "))]) + ")"


# A field of a subject: its label, and how its stored value reads. What is not named here is not told.
FIELDS: dict[tuple[str, str], tuple[Any, Any]] = {
    ("certificate", "status"): (_l("Status"), lambda value: say(CertificateStatus(value))),
    ("certificate", "document_number"): (_l("Deciding document"), str),
    ("certificate", "number"): (_l("Number"), str),
    ("certificate", "valid_during"): (_l("Valid"), str),
    ("certificate", "ends_on"): (_l("Last day"), lambda value: day(date.fromisoformat(value))),
    ("application", "state"): (_l("Status"), lambda value: say(ApplicationState(value))),
    ("application", "due_on"): (_l("To be done by"), lambda value: day(date.fromisoformat(value))),
    ("application", "receipt_number"): (_l("Receipt number"), str),
    ("application", "certificate"): (_l("Certificate"), str),
    ("application", "renews"): (_l("Renews"), str),
    ("application", "passed"): (_l("Result"), lambda value: _("Passed") if value else _("Not passed")),
    ("application", "file"): (_l("File"), str),
    ("application", "sources"): (_l("Areas and sites"), str),
    ("application", "representative"): (_l("Signs for the applicant"), str),
    ("application", "tax_code"): (_l("Tax code"), str),
    ("application", "phone"): (_l("Telephone"), str),
    ("application", "address"): (_l("Address"), str),
    ("application", "sign_use"): (_l("How the sign will be used"), str),
    ("application", "yearly_kg"): (_l("Expected volume of a year"), lambda value: f"{number(value)} kg"),
    ("application", "process"): (_l("How the goods are produced, packed and controlled"), str),
    ("application", "committed_name"): (_l("Signed by"), str),
    ("visit", "passed"): (_l("Result"), lambda value: _("Passed") if value else _("Not passed")),
    ("visit", "level"): (_l("Level of control"), lambda value: say(ControlLevel(value))),
    ("visit", "acknowledged"): (_l("Acknowledged"), lambda value: say(Acknowledgement(value))),
    ("control_plan", "version"): (_l("Version"), str),
    ("control_plan", "item"): (_l("Item"), _item),
    ("control_plan", "summary"): (_l("What this version is about"), str),
    ("control_plan", "valid_during"): (_l("Valid"), past_titles.period),
    ("sample", "number"): (_l("Number"), str),
    ("sample", "seal"): (_l("Number of the seal"), str),
    ("sample", "lab"): (_l("Laboratory"), str),
    ("sample", "sent_on"): (_l("Sent on"), lambda value: day(date.fromisoformat(value))),
    ("sample", "report_number"): (_l("Number of the report"), str),
    ("sample", "conforms"): (_l("Conforms"), lambda value: _("Yes") if value else _("No")),
    ("sample", "file"): (_l("File"), str),
    ("suspension_proposal", "ground"): (_l("Ground"), _ground),
    ("nonconformity", "severity"): (_l("Severity"), lambda value: say(Severity(value))),
    ("nonconformity", "blocking"): (_l("Blocks labels"), lambda value: _("Yes") if value else _("No")),
    ("nonconformity", "due_on"): (_l("Due"), lambda value: day(date.fromisoformat(value))),
    ("nonconformity", "corrective_action"): (_l("Corrective action"), str),
    ("lot", "state"): (_l("Status"), lambda value: say(LotState(value))),
    ("lot", "code"): (_l("Lot code"), str),
    ("lot", "volume_g"): (_l("Volume"), grams),
    ("lot", "moved_g"): (_l("Passed on"), grams),
    ("lot", "from"): (_l("Comes from"), str),
    ("lot", "into"): (_l("Went into"), str),
    ("lot", "conforms"): (_l("Conforms"), lambda value: _("Yes") if value else _("No")),
    ("lot", "document"): (_l("Document"), str),
    ("farm_log", "kind"): (_l("Work"), lambda value: say(FarmWork(value))),
    ("farm_log", "done_on"): (_l("Done on"), lambda value: day(date.fromisoformat(value))),
    ("farm_log", "product"): (_l("Product used"), str),
    ("area", "file"): (_l("File"), str),
    ("area_import", "file"): (_l("File"), str),
    ("area_import", "total"): (_l("Areas in the file"), number),
    ("area_import", "faulty"): (_l("With faults"), number),
    ("area_import", "taken"): (_l("Taken over"), number),
    ("area", "name"): (_l("Name of the area"), str),
    ("area", "declared_ha"): (_l("Declared"), lambda value: hectares(Decimal(value))),
    ("area", "measured_ha"): (_l("Measured from the boundary"), lambda value: hectares(Decimal(value))),
    ("area", "crop"): (_l("Crop"), str),
    ("area", "variety"): (_l("Variety"), str),
    ("area", "trees"): (_l("Number of trees"), number),
    ("area", "planted_in"): (_l("Planting year"), str),
    ("area", "code"): (_l("Code"), str),
    ("area", "market"): (_l("Market"), str),
    ("area", "issuer"): (_l("Issued by"), str),
    ("area", "code_status"): (_l("Status"), lambda value: say(AreaCodeStatus(value))),
    ("area", "document"): (_l("Deciding document"), str),
    ("area", "parcel"): (_l("Map sheet/parcel"), str),
    ("area", "household"): (_l("Household"), str),
    ("site", "name"): (_l("Name of the site"), str),
    ("site", "kind"): (_l("Kind"), lambda value: say(SiteKind(value))),
    ("site", "capacity_g"): (_l("Capacity of a season"), grams),
    ("site", "units"): (_l("Number of vats, hives or pens"), number),
    ("site", "status"): (_l("Status"), lambda value: say(SiteStatus(value))),
    ("site", "location"): (_l("Location"), str),
    ("membership", "code"): (_l("Member code"), str),
    ("membership", "name"): (_l("Name of the member"), str),
    ("membership", "national_id"): (_l("Identity number"), str),
    ("membership", "tax_code"): (_l("Tax code"), str),
    ("membership", "phone"): (_l("Telephone"), str),
    ("membership", "address"): (_l("Address"), str),
    ("membership", "declared_ha"): (_l("Declared land"), lambda value: hectares(Decimal(value))),
    ("membership", "last_day"): (_l("Last day as a member"), lambda value: day(date.fromisoformat(value))),
    ("membership", "left_because"): (_l("Reason for leaving"), str),
    ("membership", "area"): (_l("Growing area"), str),
    ("table_import", "file"): (_l("File"), str),
    ("table_import", "total"): (_l("Rows in the table"), number),
    ("table_import", "faulty"): (_l("With faults"), number),
    ("table_import", "taken"): (_l("Recorded"), number),
    **past_titles.FIELDS,
}
# Deeds whose ground is the document that decided them, which the history keeps in the place of a reason.
DECIDED_BY_DOCUMENT = {
    Deed.CERTIFICATE_GRANT,
    TitleDeed.TITLE_AREA,
    TitleDeed.REGULATION_RECORD,
    TitleDeed.REGULATION_EDIT,
}
# What the database gives back is in no order that a reader would expect.
PLACE = {key: place for place, key in enumerate(FIELDS)}


def of(*subject_ids: UUID) -> list[dict[str, Any]]:
    """The deeds done to some records, newest first, as the timeline shows them."""
    return told(history.of(session(), *subject_ids))


def told(deeds: Sequence[History]) -> list[dict[str, Any]]:
    """Deeds as the timeline shows them."""
    return [
        {
            "at": row.at,
            "what": _what(row.deed),
            "who": row.author.full_name if row.author else _("the system"),
            "note": _note(row),
        }
        for row in deeds
    ]


def _what(deed: str) -> str:
    for kind in (Deed, TitleDeed):
        if deed in set(kind):
            return say(kind(deed))
    return str(_("Record changed"))


def _note(row: History) -> str:
    subject = row.deed.split(":")[0]
    told = []
    for field in sorted(
        (each for each in row.changes if (subject, each) in FIELDS), key=lambda each: PLACE[subject, each]
    ):
        old, new = row.changes[field]
        label, shown = FIELDS[subject, field]
        before = f"{shown(old)} → " if old is not None else ""
        told.append(f"{label}: {before}{shown(new) if new is not None else '–'}")
    if row.why and row.deed in DECIDED_BY_DOCUMENT:
        said = _("Deciding document: %(document)s", document=row.why)
        told += [] if said in told else [said]
    elif row.why:
        told.append(_("Reason: %(reason)s", reason=row.why) if told else row.why)
    return ". ".join(part.rstrip(".") for part in told)
