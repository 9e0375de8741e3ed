"""The rules of a title as data: what its use regulation in force on a day says to the system.

A second title with other rules is another row, never another branch in the code. What must not live here: the applying of a
rule, which stands where the deed is done (certificates, visits, the label gate).
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from sqlalchemy import select

from trace.errors import Invalid
from trace.models.titles import ProtectionTitle, UseRegulation

if TYPE_CHECKING:
    from datetime import date
    from uuid import UUID

    from sqlalchemy.orm import Session


LONGEST_PATTERN = 60
Days = Annotated[int, msgspec.Meta(ge=1, le=730)]
_FIELD = re.compile(r"\{([^{}]*)\}")
_RUNNING = re.compile(r"n(?::0([1-9]))?")


class NumberPatternFaulty(Invalid):
    """“%(pattern)s” is no pattern for numbers. It holds {n} or {n:04} once and {year} once, and otherwise only text without brackets.

    Write it like {n:04}/{year}/GCN: the number of the year with four digits, then the year.
    """


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=False):
    """What a use regulation lays down. Times are working days unless the name says otherwise.

    `certificate_number` is a pattern with `{n}` (or `{n:04}`) for the running number of the year and `{year}`.
    `gate_checks` are codes of control-plan items; a failed one blocks labels until it is corrected, whatever its severity.
    `evaluation_criteria`: what a field evaluation looks at, one line each; empty: `application_moves.CRITERIA`.
    `visit_within_days`: labels need a passed internal or external control of the source no older than so many days; None: no such rule.
    """

    certificate_number: str = "{n:04}/{year}/GCN"
    validity_months: Annotated[int, msgspec.Meta(ge=1, le=240)] = 36
    renew_before_days: Days = 60
    completeness_days: Days = 3
    evaluation_days: Days = 20
    decision_days: Days = 30
    suspend_grounds: tuple[str, ...] = ()
    revoke_grounds: tuple[str, ...] = ()
    gate_checks: tuple[str, ...] = ()
    visit_within_days: Annotated[int, msgspec.Meta(ge=1, le=3660)] | None = None
    external_release: bool = False
    evaluation_criteria: tuple[str, ...] = ()


def in_force(session: Session, title_id: UUID, *, on: date) -> Rules:
    """The rules of a title on a day; the defaults where no regulation is in force or says nothing."""
    kept = session.scalar(
        select(UseRegulation.rules).where(UseRegulation.title_id == title_id, UseRegulation.valid_during.contains(on))
    )
    return read(kept or {})


def renewal_windows(session: Session, *, on: date) -> dict[UUID, timedelta]:
    """How long before its last day a certificate of each title is to be renewed, by the regulation in force on a day."""
    versions = (UseRegulation.title_id == ProtectionTitle.id) & UseRegulation.valid_during.contains(on)
    rows = session.execute(select(ProtectionTitle.id, UseRegulation.rules).outerjoin(UseRegulation, versions))
    return {title_id: timedelta(days=read(kept or {}).renew_before_days) for title_id, kept in rows}


def read(kept: dict[str, Any]) -> Rules:
    """Rules as the database keeps them."""
    return msgspec.convert(kept, Rules)


def kept(rules: Rules) -> dict[str, Any]:
    """Rules as the database keeps them, every one written out."""
    # As JSON gives it back: lists, not tuples, so that what is read again compares as the same.
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(rules))
    return found


def check_pattern(pattern: str) -> None:
    """Refuse a pattern of certificate numbers that would give two certificates one number, or none. Raises `NumberPatternFaulty`."""
    fields = _FIELD.findall(pattern)
    running = [field for field in fields if _RUNNING.fullmatch(field)]
    rest = _FIELD.sub("", pattern)
    good = len(running) == 1 and sorted(fields) == sorted([*running, "year"]) and "{" not in rest and "}" not in rest
    if not good or len(pattern) > LONGEST_PATTERN or not pattern.isprintable() or pattern != pattern.strip():
        raise NumberPatternFaulty(pattern=pattern[:LONGEST_PATTERN])


def number_from(pattern: str, *, n: int, year: int) -> str:
    """The number that a pattern gives to the n-th certificate of a year: `{n:04}/{year}/GCN` makes 0013/2026/GCN."""
    check_pattern(pattern)

    def filled(match: re.Match[str]) -> str:
        running = _RUNNING.fullmatch(match[1])
        return f"{n:0{running[1] or 1}}" if running else str(year)

    return _FIELD.sub(filled, pattern)
