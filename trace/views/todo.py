"""What waits for a person on the home page: control, applications in their hands, lots to certify, volumes to confirm, certificates to renew.

What must not live here: how any of it is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import current_app, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from trace.access import May, person
from trace.db import session
from trace.models.applications import ApplicationState
from trace.models.lots import ExtensionState, LotState
from trace.services import (
    applications,
    comparison_points,
    controls,
    incidents,
    lots,
    products,
    quota,
    reminders,
    suspensions,
    visits,
    volumes,
    webhooks,
    workdays,
)
from trace.services.applications import WITH_APPLICANT, Filter
from trace.services.controls import Due
from trace.shown import grams
from trace.views import api_keys, lists
from trace.words import day, number, say
from trace.workdays import days_left

if TYPE_CHECKING:
    from datetime import date

    from trace.models.controls import Nonconformity

MOST = 20


@dataclass(frozen=True)
class Task:
    """One thing to do: where, what, until when. `left` counts in `unit`; None where nobody waits for a day."""

    text: str
    url: str
    hint: str = ""
    due: date | None = None
    left: int | None = None
    unit: str = "working"


def tasks() -> list[Task]:
    """What waits for the signed-in person."""
    return [
        *_incidents(),
        *_control(),
        *_applications(),
        *_lots(),
        *_volumes(),
        *_renewals(),
        *_catalogues(),
        *_connections(),
        # What lies above the registry asks for itself; it is joined in `create_app`.
        *(task for ask in current_app.extensions["tasks"] for task in ask()),
    ]


def _incidents() -> list[Task]:
    """Attacks and floods that nobody has looked at."""
    if not person().may(May.INCIDENT_CLOSE):
        return []
    return [
        Task(say(each.kind), url_for("incidents.index"), _("%(n)s tries were refused", n=number(each.tries)))
        for each in incidents.open_ones(session())
    ]


def _control() -> list[Task]:
    """Visits begun and not finished; what the own organisation has to correct; what waits for verification or a decision."""
    whoever, today = person(), lists.today()
    if not whoever.may(May.CONTROL_READ):
        return []
    found = [
        Task(_("Finish the visit of %(source)s", source=each.source.name), url_for("visits.show", visit_id=each.id), each.holder.name)
        for each in visits.begun_by(session(), whoever.id)[:MOST]
    ]  # fmt: skip
    if whoever.may(May.CONTROL_SELF):
        rows, _total = controls.nonconformities(
            session(), reach=whoever.reach(May.CONTROL_SELF), on=today, due=Due.OPEN, size=MOST
        )
        found += [
            _finding(_("Correct: %(what)s", what=row.description[:90]), row, today) for row in rows if _with_holder(row)
        ]
    if whoever.may(May.CONTROL_VERIFY):
        rows, _total = controls.nonconformities(
            session(), reach=whoever.reach(May.CONTROL_VERIFY), on=today, due=Due.ANSWERED, size=MOST
        )
        found += [_finding(_("Verify: %(what)s", what=row.description[:90]), row, today) for row in rows]
    if whoever.may(May.CERTIFICATE_DECIDE):
        proposals, _total = suspensions.listing(session(), reach=whoever.reach(May.CERTIFICATE_DECIDE), size=MOST)
        found += [
            Task(
                _("Decide whether to suspend certificate %(number)s", number=each.certificate.number),
                url_for("suspensions.show", proposal_id=each.id), f"{say(each.ground)}: {each.nonconformity.description[:90]}",
            )
            for each in proposals
        ]  # fmt: skip
    return found


def _with_holder(row: Nonconformity) -> bool:
    """Whether the next step is the holder's: nothing was reported, or it had no effect."""
    return row.last_action is None or row.last_action.verified_at is not None


def _finding(text: str, row: Nonconformity, today: date) -> Task:
    left = (row.due_on - today).days
    return Task(text, url_for("controls.show", nonconformity_id=row.id), row.holder.name, row.due_on, left, "calendar")


def _applications() -> list[Task]:
    """Drafts and supplements of the own organisation; what the managing body has to receive, evaluate or decide."""
    whoever, today = person(), lists.today()
    if not whoever.may(May.APPLICATION_READ):
        return []
    calendar = workdays.calendar(session())
    rows, _total = applications.listing(
        session(), reach=whoever.reach(May.APPLICATION_READ), on=today, wanted=Filter(), size=MOST * 2
    )
    own = whoever.reach(May.APPLICATION_WRITE) if whoever.may(May.APPLICATION_WRITE) else None
    bodys = whoever.reach(May.APPLICATION_EVALUATE) if whoever.may(May.APPLICATION_EVALUATE) else None
    decides = whoever.may(May.APPLICATION_DECIDE)
    found = []
    for row in rows:
        if row.state in WITH_APPLICANT:
            mine = own is not None and own.includes(holder_id=row.applicant_id)
        else:
            mine = bodys is not None and bodys.includes(title_id=row.title_id)
            mine = mine and (decides or row.state is not ApplicationState.EVALUATED)
        if mine:
            text = _("Application of %(applicant)s for %(title)s", applicant=row.applicant.name, title=row.title.name)
            left = days_left(calendar, today, row.due_on) if row.due_on else None
            found.append(
                Task(text, url_for("applications.show", application_id=row.id), say(row.state), row.due_on, left)
            )
    return found[:MOST]


def _lots() -> list[Task]:
    """Recorded lots that get no labels before somebody certifies them."""
    whoever = person()
    if not whoever.may(May.LOT_CERTIFY):
        return []
    rows, _total = lots.listing(session(), reach=whoever.reach(May.LOT_CERTIFY), state=LotState.DRAFT, size=MOST)
    return [
        Task(_("Certify lot %(code)s", code=row.code), url_for("lots.show", lot_id=row.id), f"{row.holder.name}, {grams(row.volume_g)}")
        for row in rows
    ]  # fmt: skip


def _volumes() -> list[Task]:
    """Eligible volumes that nobody confirmed as they are reckoned now, by season; and extra volume that was asked for."""
    whoever = person()
    if not whoever.may(May.CERTIFICATE_DECIDE):
        return []
    reach = whoever.reach(May.CERTIFICATE_DECIDE)
    open_ones = products.seasons_open(session(), reach=reach, on=lists.today(), limit=MOST)
    waiting = volumes.waiting(session(), open_ones, on=lists.today())
    found = [
        Task(
            _("Confirm volumes of %(product)s, %(season)s", product=season.product.name, season=season.name),
            url_for("titles.volumes_page", season_id=season.id),
            ngettext("%(num)s holder waits for it", "%(num)s holders wait for it", waiting[season.id]),
        )
        for season in open_ones
        if season.id in waiting
    ]  # fmt: skip
    return found + [
        Task(
            _("Decide about extra volume for %(holder)s", holder=asked.balance.holder.name),
            url_for("orders.extensions", _anchor=f"r-{asked.id}"), f"{asked.balance.season.product.name}, {grams(asked.grams)}",
        )
        for asked in quota.listing(session(), reach=reach, limit=MOST)
        if asked.state is ExtensionState.ASKED and asked.asked_by != whoever.id
    ]  # fmt: skip


def _renewals() -> list[Task]:
    """Certificates in their renewal window for which nobody has applied yet."""
    whoever, today = person(), lists.today()
    may = May.APPLICATION_WRITE if whoever.may(May.APPLICATION_WRITE) else May.APPLICATION_EVALUATE
    if not whoever.may(may):
        return []
    return [
        Task(
            _("Renew certificate %(number)s of %(holder)s", number=row.certificate.number, holder=row.certificate.holder.name),
            url_for("certificates.show", certificate_id=row.certificate_id),
            _("ends on %(day)s", day=day(row.ends_on)), row.ends_on, (row.ends_on - today).days, "calendar",
        )
        for row in reminders.waiting(session(), reach=whoever.reach(may), on=today, limit=MOST)
    ]  # fmt: skip


def _catalogues() -> list[Task]:
    """Products whose buyers have less than three points to compare, or none that is hard to copy."""
    whoever = person()
    if not whoever.may(May.TITLE_EDIT):
        return []
    found = comparison_points.gaps(session(), reach=whoever.reach(May.TITLE_EDIT), on=lists.today(), limit=MOST)
    return [
        Task(
            _("Complete the points to compare of %(product)s", product=gap.product.name),
            url_for("titles.points_page", product_id=gap.product.id),
            _("%(n)s of 3 points are shown", n=gap.points) if gap.points < comparison_points.NEEDED else _("none of them is hard to copy"),
        )
        for gap in found
    ]  # fmt: skip


def _connections() -> list[Task]:
    """Webhooks that were switched off because nobody answered."""
    if not person().may(May.API_MANAGE):
        return []
    return [
        Task(_("Look after a webhook that was switched off"), url_for("api_keys.webhook", webhook_id=each.id), each.url[:90])
        for each in webhooks.switched_off(session(), keepers=api_keys.keepers())[:MOST]
    ]  # fmt: skip
