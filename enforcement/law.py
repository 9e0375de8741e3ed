"""The dated law data in the database: put there from `law_seed`, read back as the pure objects of `deadlines`.

Seeding again changes nothing that is the same: a rule is one kind in one version. The calendar is the city's: `trace.services.workdays`. What must not live
here: figures of the law, and counting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from enforcement import law_seed
from enforcement.deadlines import DeadlineKind, Extension, Rule, Unit, rule_at
from enforcement.errors import NoRuleInForce
from enforcement.models import DeadlineRule
from trace.services import workdays

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.orm import Session

    from trace.workdays import Calendar

VERSION = workdays.VERSION
"""The state of the law data as a whole: what a case was opened under. Each deadline keeps its own rule's version besides."""


@dataclass(frozen=True)
class Law:
    """All rules and the calendar, as one reading of the database."""

    rules: tuple[Rule, ...]
    calendar: Calendar

    def rule(self, kind: DeadlineKind, on: date) -> Rule:
        """The rule in force on a day; `NoRuleInForce` if there is none."""
        return rule_at(self.rules, kind, on)

    def rule_of(self, kind: DeadlineKind, version: str) -> Rule:
        """The rule that a running deadline was started under."""
        for rule in self.rules:
            if rule.kind is kind and rule.version == version:
                return rule
        raise NoRuleInForce(kind=kind, version=version)


def seed(session: Session) -> None:
    """Bring the rules of `law_seed` and the city's calendar into the database."""
    for rule in law_seed.RULES:
        values = _rule_values(rule)
        statement = insert(DeadlineRule).values(kind=rule.kind, version=rule.version, **values)
        session.execute(statement.on_conflict_do_update(index_elements=["kind", "version"], set_=values))
    workdays.seed(session)


def load(session: Session) -> Law:
    """Everything at once, for one deed."""
    return Law(rules(session), workdays.calendar(session))


def rules(session: Session) -> tuple[Rule, ...]:
    """Every rule, newest first within its kind."""
    rows = session.scalars(select(DeadlineRule).order_by(DeadlineRule.kind, DeadlineRule.valid_from.desc()))
    return tuple(
        Rule(
            kind=row.kind,
            amount=row.amount,
            unit=row.unit,
            basis=row.basis,
            version=row.version,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            needs_verification=row.needs_verification,
            extensions=tuple(
                Extension(item["amount"], Unit(item["unit"]), item["ground"], item["needs_verification"])
                for item in row.extensions["items"]
            ),
            rolls=row.rolls,
            counts_start_day=row.counts_start_day,
        )
        for row in rows
    )


def _rule_values(rule: Rule) -> dict[str, Any]:
    items = [
        {"amount": e.amount, "unit": e.unit.value, "ground": e.ground, "needs_verification": e.needs_verification}
        for e in rule.extensions
    ]
    return {
        "amount": rule.amount,
        "unit": rule.unit,
        "basis": rule.basis,
        "valid_from": rule.valid_from,
        "valid_to": rule.valid_to,
        "needs_verification": rule.needs_verification,
        "rolls": rule.rolls,
        "counts_start_day": rule.counts_start_day,
        "extensions": {"items": items},
    }
