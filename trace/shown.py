"""What templates can call: filters for dates, numbers and codes, hidden fields of forms, the navigation, static addresses."""

from __future__ import annotations

import hashlib
import uuid
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from flask import current_app, request, url_for
from flask_babel import gettext as _
from flask_wtf.csrf import generate_csrf
from jinja2 import ChoiceLoader, FileSystemLoader
from markupsafe import Markup

from labels.code import show
from trace import sizes, tongues
from trace.access import May, Person
from trace.config import ROOT
from trace.moulds import told
from trace.words import clock_time, day, explain, moment, number, say, way_out

if TYPE_CHECKING:
    from flask import Flask


def loader() -> ChoiceLoader:
    """Templates of both slices."""
    return ChoiceLoader(
        [FileSystemLoader(ROOT / "trace" / "templates"), FileSystemLoader(ROOT / "enforcement" / "templates")]
    )


def init_app(app: Flask) -> None:
    """Give Jinja its filters and globals, and forms their words."""
    app.config["WTF_I18N_ENABLED"] = False  # the messages of forms come from our catalogue: `trace.forms`
    app.jinja_env.filters.update(
        day=day,
        moment=moment,
        clock=clock_time,
        number=number,
        grams=grams,
        code=grouped,
        hectares=hectares,
        day_in=tongues.day_in,
        moment_in=tongues.moment_in,
        number_in=tongues.number_in,
        last_day_in=tongues.last_day_in,
    )
    app.jinja_env.globals.update(
        say=say,
        explain=explain,
        way_out=way_out,
        csrf_field=csrf_field,
        idempotency_field=idempotency_field,
        static=static,
        vendor=vendor,
        picture=picture,
        May=May,
        environment_name=environment_name,
    )


def grams(value: int | None) -> str:
    """500 g, 2 kg, 12 tấn: grams in the unit that people would say."""
    if value is None:
        return "–"
    if abs(value) >= 1_000_000:
        return str(
            _(
                "%(n)s t",
                n=number(Decimal(value) / 1_000_000).rstrip("0").rstrip(",")
                if value % 1_000_000
                else number(value // 1_000_000),
            )
        )
    if abs(value) >= 1_000:
        return f"{number((Decimal(value) / 1_000).normalize() if value % 1_000 else value // 1_000)} kg"
    return f"{number(value)} g"


def hectares(value: float | Decimal | None) -> str:
    """3,27 ha."""
    return "–" if value is None else f"{number(sizes.hectares(value))} ha"


def csrf_field() -> Markup:
    """The hidden token of a signed-in form."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(generate_csrf())


def idempotency_field() -> Markup:
    """The hidden key of a creating form; a form shown again after a mistake keeps the key that it came with."""
    kept = request.form.get("idempotency_key", "")
    return Markup('<input type="hidden" name="idempotency_key" value="{}">').format(kept or uuid.uuid4().hex)


def grouped(text: str) -> str:
    """A label code in groups of four."""
    return told(text, "code") or show(text)


@cache
def _fingerprint(path: str) -> str:
    file = ROOT / "trace" / "static" / path
    return hashlib.sha256(file.read_bytes()).hexdigest()[:10]


def static(path: str) -> str:
    """The address of a static file with its fingerprint, so that it may be cached for a year."""
    return url_for("static", filename=path, v=_fingerprint(path))


def vendor(path: str) -> str:
    """The address of a file of somebody else's that the set-up fetched, or nothing if it could not."""
    return static(f"vendor/{path}") if (ROOT / "trace" / "static" / "vendor" / path).is_file() else ""


def picture(sha256: str, width: int) -> str:
    """The address of a public picture by the hash of its copy, in one of the widths that `services.pictures` draws."""
    return url_for("pictures.show", sha256=sha256, width=width)


def environment_name() -> str | None:
    """What kind of installation this is, for the banner; nothing in production."""
    return None if current_app.config["TEMTHAT"].environment == "production" else _("Sample data")


class Entry(NamedTuple):
    """A place in the menu."""

    label: str
    url: str
    active: bool


class Menu(NamedTuple):
    """The places in one line, and those behind "More"."""

    first: list[Entry]
    more: list[Entry]


IN_ONE_LINE = 10


def navigation(who: Person | None) -> Menu | None:
    """The places a person may go to, with the present one marked. Who works at the case desk finds the register behind "More"."""
    if who is None:
        return None
    start = [(_("Home"), "accounts.home", May.ACCOUNT_USE)]
    register = [
        (_("Orders"), "orders.index", May.LABEL_READ),
        (_("Hand-overs"), "orders.handovers", May.LABEL_HAND_OVER),
        (_("Lots"), "lots.index", May.LOT_READ),
        (_("Farm log"), "farm_log.index", May.FARM_LOG_WRITE),
        (_("Growing areas"), "areas.index", May.AREA_READ),
        (_("Members"), "members.index", May.MEMBER_READ),
        (_("Control"), "controls.index", May.CONTROL_READ),
        (_("Applications"), "applications.index", May.APPLICATION_READ),
        (_("Certificates"), "certificates.index", May.CERTIFICATE_READ),
        (_("Titles"), "titles.index", May.TITLE_READ),
    ]
    desk = [
        (_("Queue"), "queue.index", May.SIGNAL_TRIAGE),
        (_("Cases"), "cases.index", May.CASE_READ),
        (_("Deadlines"), "case_deadlines.mine", May.CASE_MOVE),
        (_("Documents"), "documents.index", May.CASE_READ),
        (_("Observations"), "observations.index", May.OBSERVATION_READ),
        (_("Reporters"), "informants.index", May.INFORMANT_AGREE),
        (_("Case reports"), "reports.index", May.DESK_REPORT),
        (_("Requests"), "reports.requests", May.REQUEST_FOLLOW),
        (_("Law data"), "law.index", May.LAW_READ),
    ]
    house = [
        (_("Connections"), "api_keys.index", May.API_MANAGE),
        (_("People"), "accounts.people", May.USER_MANAGE),
        (_("Incidents"), "incidents.index", May.INCIDENT_CLOSE),
        (_("Letters"), "letters.index", May.MAIL_TROUBLE),
    ]
    search = [(_("Search"), "places.search", May.TITLE_READ)]
    works_cases = who.may(May.SIGNAL_TRIAGE)
    order = [*start, *desk, *search, *register, *house] if works_cases else [*start, *register, *desk, *house, *search]
    entries = [
        Entry(label, url_for(endpoint), request.endpoint == endpoint)
        for label, endpoint, permission in order
        if who.may(permission)
    ]
    if len(entries) <= IN_ONE_LINE + 1:  # one alone behind "More" would only be one tap further away
        return Menu(entries, [])
    return Menu(entries[:IN_ONE_LINE], entries[IN_ONE_LINE:])
