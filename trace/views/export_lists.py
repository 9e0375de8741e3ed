"""The lists that can be taken away as files: for each the right it needs, its query with the filters of the address, and its columns.

Each filter is read as the page of the list reads it. What must not live here: how a file is written (`sheets`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flask_babel import lazy_gettext as _l

from trace import sizes
from trace.access import May, person
from trace.db import session
from trace.models.applications import ApplicationState
from trace.models.control_papers import ProposalState
from trace.models.controls import ControlLevel, Severity
from trace.models.farm_log import FarmWork
from trace.models.labels import LabelState
from trace.models.lots import LotOrigin, LotState
from trace.models.titles import TitleKind
from trace.services import (
    applications,
    areas,
    certificates,
    controls,
    farm_log,
    handovers,
    lab_samples,
    lots,
    members,
    movements,
    ordering,
    suspensions,
    titles,
)
from trace.services.controls import Due
from trace.services.lab_samples import SampleState
from trace.views import farm_log as farm_log_pages
from trace.views import lists
from trace.views import members as member_pages
from trace.views.title_page import SOON_DAYS
from trace.words import say

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Range

Read = Callable[[int, int], tuple[Sequence[Any], int]]
Cell = Callable[[Any], Any]


@dataclass(frozen=True)
class List:
    """A list: its name, the right it needs, a page of its rows with their whole number, and its columns."""

    name: Any
    needs: May
    read: Read
    columns: tuple[tuple[Any, Cell], ...]


def _first(period: Range[date] | None) -> date | None:
    return period.lower if period else None


def _last(period: Range[date] | None) -> date | None:
    return period.upper - timedelta(days=1) if period and period.upper else None


def _name(thing: Any) -> str | None:
    return thing.name if thing else None


def _kilograms(grams: int | None) -> Decimal | None:
    return None if grams is None else Decimal(grams) / 1000


def _source(row: Any) -> str | None:
    return _name(row.area or row.site)


def _places() -> dict[str, Any]:
    return {"q": lists.text(), "commune": lists.text("commune"), "title_id": lists.identity("title")}


def _areas(page: int, size: int) -> tuple[Sequence[Any], int]:
    reach = person().reach(May.AREA_READ)
    return areas.listing(session(), reach=reach, on=lists.today(), page=page, size=size, **_places())


def _sites(page: int, size: int) -> tuple[Sequence[Any], int]:
    return areas.sites(session(), reach=person().reach(May.AREA_READ), page=page, size=size, **_places())


def _certificates(page: int, size: int) -> tuple[Sequence[Any], int]:
    found = certificates.listing(
        session(), reach=person().reach(May.CERTIFICATE_READ), on=lists.today(), q=lists.text(),
        state=lists.member(certificates.Standing, "state"), title_id=lists.identity("title"), expiring=lists.text("expiring") == "1",
        page=page, size=size,
    )  # fmt: skip
    return found.rows, found.total


def _applications(page: int, size: int) -> tuple[Sequence[Any], int]:
    wanted = applications.Filter(
        q=lists.text(), state=lists.member(ApplicationState, "state"), title_id=lists.identity("title"),
        overdue=lists.text("due") == "overdue", ended=lists.text("ended") == "1",
    )  # fmt: skip
    reach = person().reach(May.APPLICATION_READ)
    return applications.listing(session(), reach=reach, on=lists.today(), wanted=wanted, page=page, size=size)


def _titles(page: int, size: int) -> tuple[Sequence[Any], int]:
    ending = SOON_DAYS if lists.text("ending") == "1" else None
    rows = titles.listing(
        session(), on=lists.today(), q=lists.text(), kind=lists.member(TitleKind, "kind"), ending_within=ending
    )
    return rows[(page - 1) * size : page * size], len(rows)


def _lots(page: int, size: int) -> tuple[Sequence[Any], int]:
    return lots.listing(
        session(), reach=person().reach(May.LOT_READ), q=lists.text(), state=lists.member(LotState, "state"),
        origin=lists.member(LotOrigin, "origin"), title_id=lists.identity("title"), page=page, size=size,
    )  # fmt: skip


def _visits(page: int, size: int) -> tuple[Sequence[Any], int]:
    return controls.visits(
        session(), reach=person().reach(May.CONTROL_READ), q=lists.text(), passed={"yes": True, "no": False}.get(lists.text("passed")),
        level=lists.member(ControlLevel, "level"), unfinished=lists.text("passed") == "open", page=page, size=size,
    )  # fmt: skip


def _nonconformities(page: int, size: int) -> tuple[Sequence[Any], int]:
    return controls.nonconformities(
        session(), reach=person().reach(May.CONTROL_READ), on=lists.today(), q=lists.text(), due=lists.member(Due, "due"),
        severity=lists.member(Severity, "severity"), page=page, size=size,
    )  # fmt: skip


def _samples(page: int, size: int) -> tuple[Sequence[Any], int]:
    return lab_samples.listing(
        session(), reach=person().reach(May.CONTROL_READ), q=lists.text(), wanted_state=lists.member(SampleState, "state"),
        page=page, size=size,
    )  # fmt: skip


def _suspensions(page: int, size: int) -> tuple[Sequence[Any], int]:
    state = lists.member(ProposalState, "state") or ProposalState.OPEN
    return suspensions.listing(session(), reach=person().reach(May.CONTROL_READ), state=state, page=page, size=size)


def _orders(page: int, size: int) -> tuple[Sequence[Any], int]:
    reach = person().reach(May.LABEL_READ)
    return ordering.find(
        session(), reach=reach, state=lists.member(LabelState, "state"), text=lists.text(), page=page, size=size
    )


def _handovers(page: int, size: int) -> tuple[Sequence[Any], int]:
    rows = handovers.listing(session(), reach=person().reach(May.LABEL_HAND_OVER), limit=page * size)[
        (page - 1) * size :
    ]
    return rows, (page - 1) * size + len(rows) + (len(rows) == size)


def _movements(page: int, size: int) -> tuple[Sequence[Any], int]:
    return movements.recent(session(), reach=person().reach(May.LABEL_READ), page=page, size=size)


def _members(page: int, size: int) -> tuple[Sequence[Any], int]:
    wanted, _chips, _known = member_pages.filters()
    return members.listing(
        session(), reach=person().reach(May.MEMBER_READ), on=lists.today(), page=page, size=size, **wanted
    )


def _farm_log(page: int, size: int) -> tuple[Sequence[Any], int]:
    return farm_log.listing(
        session(), reach=person().reach(May.FARM_LOG_READ), q=lists.text(), kind=lists.member(FarmWork, "kind"),
        area_id=lists.identity("area"), site_id=lists.identity("site"), start=farm_log_pages.day_asked("from"),
        end=farm_log_pages.day_asked("to"), struck={"yes": True, "no": False}.get(lists.text("struck")), page=page, size=size,
    )  # fmt: skip


LISTS: dict[str, List] = {
    "members": List(_l("Members"), May.MEMBER_READ, _members, (
        (_l("Member code"), lambda row: row.code),
        (_l("Member"), lambda row: row.member.name),
        (_l("Kind"), lambda row: say(row.member.kind)),
        (_l("Identity number"), lambda row: members.masked(row.national_id)),
        (_l("Tax code"), lambda row: row.member.tax_code),
        (_l("Telephone"), lambda row: row.member.phone),
        (_l("Address"), lambda row: row.member.address),
        (_l("Ward or commune"), lambda row: _name(row.member.commune)),
        (_l("Declared land (ha)"), lambda row: row.declared_ha),
        (_l("Joined on"), lambda row: _first(row.member_during)),
        (_l("Last day as a member"), lambda row: _last(row.member_during)),
        (_l("Reason for leaving"), lambda row: row.left_because),
        (_l("Collective"), lambda row: row.collective.name),
    )),
    "areas": List(_l("Growing areas"), May.AREA_READ, _areas, (
        (_l("Growing area"), lambda row: row.area.name),
        (_l("Holder"), lambda row: row.area.holder.name),
        (_l("Ward or commune"), lambda row: row.area.commune.name),
        (_l("Declared (ha)"), lambda row: row.area.declared_ha),
        (_l("Measured (ha)"), lambda row: sizes.hectares(row.measured_ha)),
        (_l("Crop"), lambda row: row.area.crop),
        (_l("Variety"), lambda row: row.area.variety),
        (_l("Number of trees"), lambda row: row.area.trees),
        (_l("Active codes"), lambda row: row.active_codes),
        (_l("Title"), lambda row: row.area.title.name),
    )),
    "sites": List(_l("Production sites"), May.AREA_READ, _sites, (
        (_l("Production site"), lambda row: row.name),
        (_l("Kind"), lambda row: say(row.kind)),
        (_l("Holder"), lambda row: row.holder.name),
        (_l("Ward or commune"), lambda row: row.commune.name),
        (_l("Capacity of a season (kg)"), lambda row: _kilograms(row.capacity_g)),
        (_l("Number of vats, hives or pens"), lambda row: row.units),
        (_l("Status"), lambda row: say(row.status)),
        (_l("Title"), lambda row: row.title.name),
    )),
    "certificates": List(_l("Certificates"), May.CERTIFICATE_READ, _certificates, (
        (_l("Number"), lambda row: row.number),
        (_l("Holder"), lambda row: row.holder.name),
        (_l("Title"), lambda row: row.title.name),
        (_l("First day"), lambda row: _first(row.valid_during)),
        (_l("Last day"), lambda row: _last(row.valid_during)),
        (_l("Status"), lambda row: say(certificates.standing(row, lists.today()))),
        (_l("Since"), lambda row: row.status_since),
        (_l("Reason"), lambda row: row.status_reason),
    )),
    "applications": List(_l("Applications"), May.APPLICATION_READ, _applications, (
        (_l("Receipt number"), lambda row: row.receipt_number),
        (_l("Applicant"), lambda row: row.applicant.name),
        (_l("Title"), lambda row: row.title.name),
        (_l("Status"), lambda row: say(row.state)),
        (_l("Begun"), lambda row: row.started_at),
        (_l("Received"), lambda row: row.received_at),
        (_l("To be done by"), lambda row: row.due_on),
        (_l("Decided"), lambda row: row.decided_at),
        (_l("Deciding document"), lambda row: row.document_number),
    )),
    "titles": List(_l("Titles"), May.TITLE_READ, _titles, (
        (_l("Title"), lambda row: row.title.name),
        (_l("Kind"), lambda row: say(row.title.kind)),
        (_l("Title number"), lambda row: row.title.title_number),
        (_l("Application number"), lambda row: row.title.application_number),
        (_l("Owner"), lambda row: row.named("owner")),
        (_l("Managing body"), lambda row: row.named("managing_body")),
        (_l("Granted on"), lambda row: row.title.granted_on),
        (_l("Term ends"), lambda row: row.title.expires_on),
        (_l("Users in force"), lambda row: row.holders),
    )),
    "lots": List(_l("Lots"), May.LOT_READ, _lots, (
        (_l("Lot"), lambda row: row.code),
        (_l("Holder"), lambda row: row.holder.name),
        (_l("Product"), lambda row: row.product.name),
        (_l("Source"), _source),
        (_l("Origin"), lambda row: say(row.origin)),
        (_l("Volume (kg)"), lambda row: _kilograms(row.volume_g)),
        (_l("Labelled (kg)"), lambda row: _kilograms(row.labelled_g)),
        (_l("Harvested"), lambda row: row.harvested_on),
        (_l("Packed"), lambda row: row.packed_on),
        (_l("Best before"), lambda row: row.expires_on),
        (_l("Status"), lambda row: say(row.state)),
    )),
    "visits": List(_l("Control visits"), May.CONTROL_READ, _visits, (
        (_l("Day"), lambda row: row.visit.visited_on),
        (_l("Holder"), lambda row: row.holder.name),
        (_l("Source"), lambda row: _source(row.visit)),
        (_l("Level of control"), lambda row: say(row.visit.level)),
        (_l("Controller"), lambda row: row.controller),
        (_l("Passed"), lambda row: row.visit.passed),
        (_l("Nonconformities"), lambda row: len(row.found)),
        (_l("Note"), lambda row: row.visit.note),
    )),
    "nonconformities": List(_l("Nonconformities"), May.CONTROL_READ, _nonconformities, (
        (_l("Holder"), lambda row: row.holder.name),
        (_l("Source"), _source),
        (_l("Severity"), lambda row: say(row.severity)),
        (_l("Blocks labels"), lambda row: row.blocking and row.closed_at is None),
        (_l("Description"), lambda row: row.description),
        (_l("Found"), lambda row: row.found_on),
        (_l("Due"), lambda row: row.due_on),
        (_l("Corrections"), lambda row: len(row.actions)),
        (_l("Closed"), lambda row: row.closed_at),
    )),
    "samples": List(_l("Samples"), May.CONTROL_READ, _samples, (
        (_l("Number"), lambda row: row.number),
        (_l("Holder"), lambda row: row.holder.name),
        (_l("Sample of"), lambda row: row.what),
        (_l("Number of the seal"), lambda row: row.seal),
        (_l("Taken on"), lambda row: row.taken_on),
        (_l("Laboratory"), lambda row: row.lab),
        (_l("Sent on"), lambda row: row.sent_on),
        (_l("Number of the report"), lambda row: row.report_number),
        (_l("Reported on"), lambda row: row.reported_on),
        (_l("Status"), lambda row: say(lab_samples.state(row))),
    )),
    "suspensions": List(_l("Proposals to suspend"), May.CONTROL_READ, _suspensions, (
        (_l("Certificate"), lambda row: row.certificate.number),
        (_l("Holder"), lambda row: row.certificate.holder.name),
        (_l("Ground"), lambda row: say(row.ground)),
        (_l("Nonconformity"), lambda row: row.nonconformity.description),
        (_l("Proposed"), lambda row: row.proposed_at),
        (_l("Status"), lambda row: say(row.state)),
        (_l("Decided"), lambda row: row.decided_at),
        (_l("Reason"), lambda row: row.decision_reason),
    )),
    "orders": List(_l("Orders"), May.LABEL_READ, _orders, (
        (_l("Number"), lambda row: row.number),
        (_l("Holder"), lambda row: row.holder.name),
        (_l("Lot"), lambda row: row.lot.code),
        (_l("Product"), lambda row: row.lot.product.name),
        (_l("Labels"), lambda row: row.quantity),
        (_l("Pack weight (g)"), lambda row: row.pack_weight_g),
        (_l("Serials"), lambda row: ordering.show_range(row.serials)),
        (_l("Placed"), lambda row: row.placed_at),
    )),
    "handovers": List(_l("Hand-overs"), May.LABEL_HAND_OVER, _handovers, (
        (_l("Order"), lambda row: row.order.number),
        (_l("Product"), lambda row: row.order.lot.product.name),
        (_l("Serials"), lambda row: ordering.show_range(row.serials)),
        (_l("Labels"), handovers.quantity),
        (_l("Giver"), lambda row: row.giver.name),
        (_l("Taker"), lambda row: row.taker.name),
        (_l("Offered"), lambda row: row.offered_at),
        (_l("Status"), lambda row: say(row.state)),
        (_l("Answered"), lambda row: row.answered_at),
        (_l("Note"), lambda row: row.note),
    )),
    "movements": List(_l("Movements of labels"), May.LABEL_READ, _movements, (
        (_l("Moment"), lambda row: row[0].at),
        (_l("Order"), lambda row: row[1]),
        (_l("Serials"), lambda row: ordering.show_range(row[0].serials)),
        (_l("Labels"), lambda row: row[0].serials.upper - row[0].serials.lower),
        (_l("Deed"), lambda row: say(row[0].move)),
        (_l("Status"), lambda row: say(row[0].becomes)),
        (_l("Kept by"), lambda row: row[0].keeper.name),
        (_l("By"), lambda row: row[0].author.full_name),
        (_l("Reason"), lambda row: row[0].reason),
    )),
    "farm-log": List(_l("Farm log"), May.FARM_LOG_READ, _farm_log, (
        (_l("Day"), lambda row: row.done_on),
        (_l("Holder"), lambda row: row.holder.name),
        (_l("Source"), _source),
        (_l("Work"), lambda row: say(row.kind)),
        (_l("Done by"), lambda row: row.done_by),
        (_l("Product used"), lambda row: row.product),
        (_l("Active substance"), lambda row: row.active_substance),
        (_l("Dose"), lambda row: row.dose),
        (_l("Unit"), lambda row: row.unit),
        (_l("Days before harvest"), lambda row: row.preharvest_days),
        (_l("Note"), lambda row: row.note),
        (_l("Struck out"), lambda row: row.strike is not None),
    )),
}  # fmt: skip
