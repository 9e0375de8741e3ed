"""The dated law data in the database: put there from the seeds, read back as the pure objects of `deadlines`, `brackets`, `competence`.

Seeding again changes nothing that is there: what a head entered stays, and what came with the programme is followed by new versions only.
The calendar is the city's: `trace.services.workdays`. What must not live here: figures of the law, counting, and entering (`lawbook`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import event, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from enforcement import bracket_seed, law_seed
from enforcement.brackets import BracketRow
from enforcement.competence import Figures, LegalQualification
from enforcement.deadlines import DeadlineKind, Extension, Rule, Unit, rule_at
from enforcement.errors import NoRuleInForce
from enforcement.law_seed import Field, Reminding, Signer
from enforcement.models import (
    DeadlineRule,
    ExplanationThreshold,
    FieldMaximum,
    FineBracket,
    ReminderRule,
    SeizurePower,
    SigningPower,
)
from enforcement.models.law import LawRow
from trace.models.holidays import CalendarYear, Holiday
from trace.services import workdays

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import ORMExecuteState, SessionTransaction
    from sqlalchemy.orm.unitofwork import UOWTransaction

    from trace.workdays import Calendar

VERSION = workdays.VERSION
"""The state of the law data as a whole: what a case was opened under. Each deadline keeps its own rule's version besides."""

NO_FIGURES = Figures((), ())
_KEPT = "enforcement.law"
_LAW = (LawRow, Holiday, CalendarYear)


@dataclass(frozen=True)
class Law:
    """Rules, calendar, brackets and powers, as one reading of the database."""

    rules: tuple[Rule, ...]
    calendar: Calendar
    brackets: tuple[BracketRow, ...] = ()
    figures: Figures = NO_FIGURES

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
    """Bring what the programme knows into the database, where nothing else holds on those days, and the city's calendar."""
    rows: list[tuple[Any, dict[str, Any]]] = [
        *((DeadlineRule, rule_values(rule)) for rule in law_seed.RULES),
        *((FineBracket, asdict(row)) for row in bracket_seed.BRACKETS),
        *((FieldMaximum, asdict(maximum)) for maximum in law_seed.FIELD_MAXIMA),
        *((SigningPower, asdict(power)) for power in law_seed.POWERS),
        *((SeizurePower, asdict(power)) for power in law_seed.SEIZURE_POWERS),
        *((ExplanationThreshold, asdict(threshold)) for threshold in law_seed.EXPLANATION_THRESHOLDS),
        *(
            (ReminderRule, {"kind": kind, **asdict(habit), "before": list(habit.before)})
            for kind, habit in law_seed.REMINDING.items()
        ),
    ]
    for model, of_it in groupby(rows, itemgetter(0)):
        # Without a target this minds the exclusion constraints too: another row for the same days stays.
        session.connection().execute(insert(model).on_conflict_do_nothing(), [values for _, values in of_it])
    workdays.seed(session)


def load(session: Session) -> Law:
    """Everything at once, for one deed: read once in a transaction, and again once something of it was written there."""
    kept: Law | None = session.info.get(_KEPT)
    if kept is None:
        kept = Law((*rules(session), *law_seed.AGREED), workdays.calendar(session), brackets(session), figures(session))
        session.info[_KEPT] = kept
    return kept


@event.listens_for(Session, "after_transaction_end")
def _forget(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is not None and not transaction.nested:
        return  # Every flush ends a transaction of its own.
    session.info.pop(_KEPT, None)


@event.listens_for(Session, "after_flush")
def _forget_after_flush(session: Session, _flush: UOWTransaction) -> None:
    if any(isinstance(each, _LAW) for each in (*session.new, *session.dirty, *session.deleted)):
        session.info.pop(_KEPT, None)


@event.listens_for(Session, "do_orm_execute")
def _forget_after_statement(sent: ORMExecuteState) -> None:
    if not sent.is_select and (sent.bind_mapper is None or issubclass(sent.bind_mapper.class_, _LAW)):
        sent.session.info.pop(_KEPT, None)


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


def brackets(session: Session) -> tuple[BracketRow, ...]:
    """Every bracket of fines."""
    rows = session.scalars(
        select(FineBracket).order_by(
            FineBracket.qualification, FineBracket.making, FineBracket.valid_from.desc(), FineBracket.above
        )
    )
    return tuple(
        BracketRow(
            row.qualification, making=row.making, above=row.above, upto=row.upto, low=row.low, top=row.top, basis=row.basis,
            version=row.version, valid_from=row.valid_from, valid_to=row.valid_to, needs_verification=row.needs_verification,
        )
        for row in rows
    )  # fmt: skip


def figures(session: Session) -> Figures:
    """The maxima of the fields and the powers of the signers."""
    maxima = session.scalars(select(FieldMaximum).order_by(FieldMaximum.field, FieldMaximum.valid_from.desc()))
    powers = session.scalars(select(SigningPower).order_by(SigningPower.signer, SigningPower.valid_from.desc()))
    return Figures(
        tuple(
            law_seed.FieldMaximum(
                row.field, row.amount, row.basis, row.version, row.valid_from, row.valid_to, row.needs_verification
            )
            for row in maxima
        ),
        tuple(
            law_seed.Power(
                row.signer, row.percent, row.confiscation_times, row.basis, row.version, row.valid_from, row.valid_to, row.needs_verification
            )
            for row in powers
        ),
    )  # fmt: skip


def seizers(session: Session, on: date) -> frozenset[Signer]:
    """Who may decide on a seizure on a day."""
    return frozenset(session.scalars(select(SeizurePower.signer).where(*_in_force(SeizurePower, on))))


def explanation_threshold(session: Session, on: date) -> law_seed.ExplanationThreshold | None:
    """From which fine on an offender may explain first, on a day; None if nobody entered it."""
    row = session.scalars(select(ExplanationThreshold).where(*_in_force(ExplanationThreshold, on))).one_or_none()
    if row is None:
        return None
    return law_seed.ExplanationThreshold(
        row.individual, row.organisation, row.basis, row.version, row.valid_from, row.valid_to, row.needs_verification
    )


def reminding(session: Session) -> dict[DeadlineKind, Reminding]:
    """When the desk speaks of each kind of clock."""
    return {
        row.kind: Reminding(tuple(row.before), row.team_after, row.branch_after)
        for row in session.scalars(select(ReminderRule))
    }


def rule_values(rule: Rule) -> dict[str, Any]:
    """A rule as its row holds it."""
    items = [
        {"amount": e.amount, "unit": e.unit.value, "ground": e.ground, "needs_verification": e.needs_verification}
        for e in rule.extensions
    ]
    return {
        "kind": rule.kind,
        "amount": rule.amount,
        "unit": rule.unit,
        "basis": rule.basis,
        "version": rule.version,
        "valid_from": rule.valid_from,
        "valid_to": rule.valid_to,
        "needs_verification": rule.needs_verification,
        "rolls": rule.rolls,
        "counts_start_day": rule.counts_start_day,
        "extensions": {"items": items},
    }


def missing_brackets(rows: Iterable[BracketRow], on: date) -> list[tuple[LegalQualification, bool]]:
    """The acts, traded and made, for which no bracket holds on a day: nobody can sign by the data there."""
    known = {
        (row.qualification, row.making)
        for row in rows
        if row.valid_from <= on and (row.valid_to is None or on < row.valid_to)
    }
    wanted = [
        (qualification, making)
        for qualification in LegalQualification
        if qualification is not LegalQualification.UNDETERMINED
        for making in (False, True)
    ]
    return [each for each in wanted if each not in known]


def fields_without_maximum(figures: Figures, on: date) -> list[Field]:
    """The fields whose maximum nobody entered: no power to sign follows there."""
    known = {
        row.field for row in figures.maxima if row.valid_from <= on and (row.valid_to is None or on < row.valid_to)
    }
    return [field for field in Field if field not in known]


def _in_force(model: type[SeizurePower | ExplanationThreshold], on: date) -> tuple[ColumnElement[bool], ...]:
    return model.valid_from <= on, model.valid_to.is_(None) | (model.valid_to > on)
