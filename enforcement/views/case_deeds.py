"""How a page of a case carries out one of its forms: once, with every reason when it cannot be, and with what changed meanwhile.

What must not live here: routes and what a form says.
"""

from __future__ import annotations

import re
from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from flask import flash, redirect

from enforcement.casebook import CaseChanged
from enforcement.views.forms import seen
from enforcement.views.words import line
from trace import clock
from trace.clock import CITY
from trace.db import session
from trace.errors import Refused, TemThatError
from trace.views.once import once

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from flask.typing import ResponseReturnValue
    from flask_wtf import FlaskForm

    from enforcement.models import CaseFile

HOUR = re.compile(r"([01]?\d|2[0-3])[:hg]([0-5]\d)")


def carry_out(
    name: str,
    form: FlaskForm,
    act: Callable[[datetime], None],
    done: str,
    *,
    location: str,
    page: Callable[[list[TemThatError]], str],
) -> ResponseReturnValue:
    """Carry out one form, once; `page` draws it again with every reason when it cannot be."""
    if not form.validate():
        return page([]), 422
    with once(name) as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            act(clock.now())
        except TemThatError as exc:
            session().rollback()
            return page(list(exc.reasons) if isinstance(exc, Refused) else [exc]), exc.status
        key.settle(location)
    session().commit()
    flash(done, "success")
    return redirect(key.location, 303)


def seen_now(case: CaseFile) -> str:
    """What a form says of the page it stood on: the version of the case, and the last event on it."""
    return f"{case.version}.{case.events[-1].seq if case.events else 0}"


def meanwhile(case: CaseFile, form: FlaskForm | None, reasons: Sequence[TemThatError] | None) -> list[dict[str, Any]]:
    """What others did since the page was drawn that a refused form stood on, oldest first."""
    if form is None or "version" not in form or not any(isinstance(each, CaseChanged) for each in reasons or ()):
        return []
    last = seen(form)
    return [] if last is None else [line(event) for event in case.events if event.seq > last]


def moment_of(day: date, hour: str | None, at: datetime) -> datetime:
    """A day with an hour such as 14:05; without one, now if it is today, otherwise noon."""
    if found := HOUR.fullmatch((hour or "").strip()):
        return datetime.combine(day, time(int(found[1]), int(found[2])), CITY)
    return at if day == at.astimezone(CITY).date() else datetime.combine(day, time(12), CITY)
