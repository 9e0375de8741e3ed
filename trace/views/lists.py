"""What the lists of the register read from their address (page, filters, today), and what their forms share.

What must not live here: queries.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectField
from wtforms.validators import Length, ValidationError

from trace import clock
from trace.db import session
from trace.services import places
from trace.words import day, say

SIZE = 50
E = TypeVar("E", bound=StrEnum)


class Choice(SelectField):
    """A choice from a list, refused in our words when it is none of it (WTForms speaks no Vietnamese)."""

    def pre_validate(self, form: Any) -> None:
        """Refuse what was not offered."""
        try:
            super().pre_validate(form)
        except ValidationError as exc:
            raise ValidationError(_("Choose from the list.")) from exc


def at_most(most: int) -> Length:
    """No more than so many characters."""
    return Length(max=most, message=_l("Write at most %(max)d characters."))


def today() -> date:
    """The city's date."""
    return clock.now().astimezone(clock.CITY).date()


def last_day(end: date) -> str:
    """The last day of a period whose end, as PostgreSQL keeps it, is the day after."""
    return day(end - timedelta(days=1))


def kilograms(grams: int) -> Decimal:
    """Grams as a form offers them for changing: kilograms without superfluous zeros."""
    exact = Decimal(grams) / 1000
    return exact.quantize(Decimal(1)) if exact == exact.to_integral() else exact.normalize()


def day_before(end: date) -> date:
    """The last day of a period, for a form to begin with."""
    return end - timedelta(days=1)


def text(name: str = "q") -> str:
    """A search text, normalised."""
    return places.asked(request.args.get(name))


def member(kind: type[E], name: str) -> E | None:
    """The member of an enum that a filter names; anything else is no filter."""
    asked = request.args.get(name)
    return kind(asked) if asked in set(kind) else None


def identity(name: str) -> UUID | None:
    """The id that a filter names; anything else is no filter."""
    try:
        return UUID(request.args.get(name, ""))
    except ValueError:
        return None


def wards(on: date | None = None) -> list[tuple[str, str]]:
    """The communes for a picker or filter: code, and the name with its kind and the old names by which people still know it."""
    offered = []
    for ward in places.choices(session(), on=on):
        former = "; " + _("formerly %(names)s", names=", ".join(ward.former)) if ward.former else ""
        offered.append((ward.code, f"{ward.name} ({say(ward.kind).lower()}{former})"))
    return offered


def page(name: str = "page") -> int:
    """The page asked for, from 1. `name`: of a list that stands on a page beside another."""
    asked = request.args.get(name, "")
    return max(1, int(asked)) if asked.isascii() and asked.isdigit() and len(asked) <= 6 else 1


def pages(total: int, size: int = SIZE) -> int:
    """How many pages a list has."""
    return max(1, -(-total // size))
