"""The rules of a title as data: what its use regulation in force on a day says to the system.

A second title with other rules is another row, never another branch in the code. What must not live here: the applying of a
rule, which stands where the deed is done (certificates, visits, the label gate).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import select

from trace.models.titles import UseRegulation

if TYPE_CHECKING:
    from datetime import date
    from uuid import UUID

    from sqlalchemy.orm import Session


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=False):
    """What a use regulation lays down. Times are working days unless the name says otherwise.

    `certificate_number` is a pattern with `{n}` (or `{n:04}`) for the running number of the year and `{year}`.
    `gate_checks` are codes of control-plan items; a failed one blocks labels until it is corrected, whatever its severity.
    `visit_within_days`: labels need a passed internal or external control of the source no older than so many days; None: no such rule.
    """

    certificate_number: str = "{n:04}/{year}/GCN"
    validity_months: int = 36
    renew_before_days: int = 60
    completeness_days: int = 3
    evaluation_days: int = 20
    decision_days: int = 30
    suspend_grounds: tuple[str, ...] = ()
    revoke_grounds: tuple[str, ...] = ()
    gate_checks: tuple[str, ...] = ()
    visit_within_days: int | None = None
    external_release: bool = False


def in_force(session: Session, title_id: UUID, *, on: date) -> Rules:
    """The rules of a title on a day; the defaults where no regulation is in force or says nothing."""
    kept = session.scalar(
        select(UseRegulation.rules).where(UseRegulation.title_id == title_id, UseRegulation.valid_during.contains(on))
    )
    return read(kept or {})


def read(kept: dict[str, Any]) -> Rules:
    """Rules as the database keeps them."""
    return msgspec.convert(kept, Rules)


def kept(rules: Rules) -> dict[str, Any]:
    """Rules as the database keeps them, every one written out."""
    found: dict[str, Any] = msgspec.to_builtins(rules)
    return found
