"""Entering law as data: a new version of a row with its first day, and the confirmation that a row was compared with the text.

A row is never edited. What held until then ends where the new one begins; cases keep the version that they were worked under. What must
not live here: reading the law (`law`), and what follows from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from enforcement import law
from enforcement.casebook import said
from enforcement.errors import (
    AlreadyConfirmed,
    AlreadyEnds,
    BracketEndsMixed,
    NotAfterTheOld,
    OverlapsLaw,
    RemindersUnfit,
    VersionTaken,
)
from enforcement.models import (
    DeadlineRule,
    ExplanationThreshold,
    FieldMaximum,
    FineBracket,
    LawConfirmation,
    LawTable,
    ReminderRule,
    SeizurePower,
    SigningPower,
)
from trace.errors import NotFound, broken_constraint
from trace.models.parties import AppUser
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime
    from enum import StrEnum

    from sqlalchemy.orm import Session

    from enforcement.bracket_seed import BracketRow
    from enforcement.deadlines import DeadlineKind, Rule
    from enforcement.law_seed import ExplanationThreshold as Threshold
    from enforcement.law_seed import FieldMaximum as Maximum
    from enforcement.law_seed import Power, Reminding
    from enforcement.law_seed import SeizurePower as Seizing
    from trace.models.history import History

MODELS: Mapping[LawTable, Any] = {
    LawTable.DEADLINE_RULE: DeadlineRule,
    LawTable.FINE_BRACKET: FineBracket,
    LawTable.FIELD_MAXIMUM: FieldMaximum,
    LawTable.SIGNING_POWER: SigningPower,
    LawTable.SEIZURE_POWER: SeizurePower,
    LawTable.EXPLANATION_THRESHOLD: ExplanationThreshold,
}
MOST_REMINDERS = 5


def enter_rule(session: Session, rule: Rule, *, source: str, by: UUID, at: datetime) -> DeadlineRule:
    """A new version of a clock's rule, from its first day on."""
    values = law.rule_values(rule)
    if session.scalar(
        select(DeadlineRule.id).where(DeadlineRule.kind == rule.kind, DeadlineRule.version == rule.version)
    ):
        raise VersionTaken
    row = DeadlineRule(**values)
    _put(session, row, [DeadlineRule.kind == rule.kind], source=source, by=by, at=at)
    return row


def enter_bracket(session: Session, row: BracketRow, *, source: str, by: UUID, at: datetime) -> FineBracket:
    """A bracket of fines for goods of a value, from its first day on. It follows the row with the same lower end of the value."""
    if row.top < row.low or (row.upto is not None and (row.above is None or row.upto <= row.above)):
        raise BracketEndsMixed
    made = FineBracket(
        qualification=row.qualification, making=row.making, above=row.above, upto=row.upto, low=row.low, top=row.top,
        basis=row.basis, version=row.version, valid_from=row.valid_from, valid_to=row.valid_to,
        needs_verification=row.needs_verification,
    )  # fmt: skip
    same = [
        FineBracket.qualification == row.qualification,
        FineBracket.making.is_(row.making),
        FineBracket.above.is_not_distinct_from(row.above),
    ]
    _put(session, made, same, source=source, by=by, at=at)
    return made


def enter_maximum(session: Session, maximum: Maximum, *, source: str, by: UUID, at: datetime) -> FieldMaximum:
    """The highest fine of a field, from its first day on."""
    made = FieldMaximum(
        field=maximum.field, amount=maximum.amount, basis=maximum.basis, version=maximum.version,
        valid_from=maximum.valid_from, valid_to=maximum.valid_to, needs_verification=maximum.needs_verification,
    )  # fmt: skip
    _put(session, made, [FieldMaximum.field == maximum.field], source=source, by=by, at=at)
    return made


def enter_power(session: Session, power: Power, *, source: str, by: UUID, at: datetime) -> SigningPower:
    """What a signer may impose, from its first day on."""
    made = SigningPower(
        signer=power.signer, percent=power.percent, confiscation_times=power.confiscation_times, basis=power.basis,
        version=power.version, valid_from=power.valid_from, valid_to=power.valid_to,
        needs_verification=power.needs_verification,
    )  # fmt: skip
    _put(session, made, [SigningPower.signer == power.signer], source=source, by=by, at=at)
    return made


def enter_seizure_power(session: Session, power: Seizing, *, source: str, by: UUID, at: datetime) -> SeizurePower:
    """That a signer may decide on a seizure, from its first day on."""
    made = SeizurePower(
        signer=power.signer, basis=power.basis, version=power.version, valid_from=power.valid_from, valid_to=power.valid_to,
        needs_verification=power.needs_verification,
    )  # fmt: skip
    _put(session, made, [SeizurePower.signer == power.signer], source=source, by=by, at=at)
    return made


def enter_threshold(
    session: Session, threshold: Threshold, *, source: str, by: UUID, at: datetime
) -> ExplanationThreshold:
    """From which fine on an offender may explain first, from its first day on."""
    made = ExplanationThreshold(
        individual=threshold.individual, organisation=threshold.organisation, basis=threshold.basis, version=threshold.version,
        valid_from=threshold.valid_from, valid_to=threshold.valid_to, needs_verification=threshold.needs_verification,
    )  # fmt: skip
    _put(session, made, [], source=source, by=by, at=at)
    return made


def confirm(session: Session, table: LawTable, row_id: int, *, source: str, by: UUID, at: datetime) -> LawConfirmation:
    """Say that a row was compared with the text in force, and which text: its flag goes."""
    model = MODELS[table]
    row = session.scalars(select(model).where(model.id == row_id).with_for_update()).one_or_none()
    if row is None:
        raise NotFound
    if not row.needs_verification:
        raise AlreadyConfirmed
    row.needs_verification = False
    made = LawConfirmation(law_table=table, row_id=row_id, source=said(source), by=by, at=at)
    session.add(made)
    session.flush()
    history.record(
        session, "law:confirm", _row_key(table, row_id), by=by, at=at, changes={"needs_verification": (True, False)},
        why=made.source,
    )  # fmt: skip
    return made


def end(session: Session, table: LawTable, row_id: int, *, on: date, source: str, by: UUID, at: datetime) -> Any:
    """Say that a row holds no longer from a day on, and which text says so. What was decided under it keeps it.

    What follows it is entered by itself: the new text may draw its lines elsewhere, as with the tiers of the value of goods.
    """
    model, why = MODELS[table], said(source)
    row = session.scalars(select(model).where(model.id == row_id).with_for_update()).one_or_none()
    if row is None:
        raise NotFound
    if on <= row.valid_from:
        raise NotAfterTheOld(day=f"{row.valid_from:%d/%m/%Y}")
    if row.valid_to is not None and row.valid_to <= on:
        raise AlreadyEnds(day=f"{row.valid_to:%d/%m/%Y}")
    was, row.valid_to = row.valid_to, on
    session.flush()
    history.record(
        session, "law:end", _row_key(table, row_id), by=by, at=at, changes={"valid_to": (was, on)}, why=why
    )  # fmt: skip
    return row


def ended(session: Session, table: LawTable, row_id: int) -> History | None:
    """Who said last that a row holds no longer, when, and by which text; None where another row just followed it."""
    deeds = history.of(session, _row_key(table, row_id))
    return next((each for each in deeds if each.deed == "law:end"), None)


def rule_rows(session: Session) -> Sequence[DeadlineRule]:
    """Every rule of a clock, the latest first."""
    return session.scalars(select(DeadlineRule).order_by(DeadlineRule.valid_from.desc())).all()


def bracket_rows(session: Session) -> Sequence[FineBracket]:
    """Every bracket of fines, by act and value."""
    return session.scalars(
        select(FineBracket).order_by(
            FineBracket.qualification, FineBracket.making, FineBracket.above, FineBracket.valid_from.desc()
        )
    ).all()


def maximum_rows(session: Session) -> Sequence[FieldMaximum]:
    """Every maximum of a field, the latest of each first."""
    return session.scalars(select(FieldMaximum).order_by(FieldMaximum.field, FieldMaximum.valid_from.desc())).all()


def power_rows(session: Session) -> Sequence[SigningPower]:
    """Every power to sign, the smallest first."""
    return session.scalars(select(SigningPower).order_by(SigningPower.percent, SigningPower.valid_from.desc())).all()


def seizure_rows(session: Session) -> Sequence[SeizurePower]:
    """Who may decide on a seizure, the latest of each first."""
    return session.scalars(select(SeizurePower).order_by(SeizurePower.signer, SeizurePower.valid_from.desc())).all()


def threshold_rows(session: Session) -> Sequence[ExplanationThreshold]:
    """From which fine on an offender may explain, the latest first."""
    return session.scalars(select(ExplanationThreshold).order_by(ExplanationThreshold.valid_from.desc())).all()


def row_of(session: Session, table: LawTable, row_id: int) -> tuple[Any, AppUser | None, LawConfirmation | None]:
    """One row of law, who entered it if a person did, and its confirmation if there is one."""
    row = session.get(MODELS[table], row_id)
    if row is None:
        raise NotFound
    confirmed = session.scalars(
        select(LawConfirmation)
        .where(LawConfirmation.law_table == table, LawConfirmation.row_id == row_id)
        .options(joinedload(LawConfirmation.author))
    ).one_or_none()
    return row, session.get(AppUser, row.entered_by) if row.entered_by else None, confirmed


def latest(session: Session, table: LawTable, of: StrEnum) -> Any:
    """The latest row for a clock, a field or a signer; None if nobody entered one."""
    model = MODELS[table]
    named = {
        LawTable.DEADLINE_RULE: "kind", LawTable.FIELD_MAXIMUM: "field", LawTable.SIGNING_POWER: "signer",
        LawTable.SEIZURE_POWER: "signer",
    }[table]  # fmt: skip
    return session.scalars(
        select(model).where(getattr(model, named) == of).order_by(model.valid_from.desc()).limit(1)
    ).one_or_none()


def set_reminders(session: Session, kind: DeadlineKind, habit: Reminding, *, by: UUID, at: datetime) -> ReminderRule:
    """When the desk speaks of a kind of clock."""
    before = sorted(set(habit.before), reverse=True)
    if len(before) > MOST_REMINDERS or any(n < 1 for n in before) or not 0 <= habit.team_after <= habit.branch_after:
        raise RemindersUnfit
    row = session.get_one(ReminderRule, kind, with_for_update=True)
    was = (row.before, row.team_after, row.branch_after)
    row.before, row.team_after, row.branch_after = before, habit.team_after, habit.branch_after
    session.flush()
    now = (before, habit.team_after, habit.branch_after)
    history.record(
        session, "law:remind", uuid5(NAMESPACE_URL, f"reminder_rule:{kind}"), by=by, at=at, changes={"reminders": (was, now)}
    )  # fmt: skip
    return row


def _put(session: Session, row: Any, same: list[Any], *, source: str, by: UUID, at: datetime) -> None:
    """Let the row that holds on the first day of the new one end there, and enter the new one."""
    model = type(row)
    why = said(source)
    row.entered_at, row.entered_by = at, by
    old = session.scalars(
        select(model)
        .where(*same, model.valid_to.is_(None) | (model.valid_to > row.valid_from))
        .order_by(model.valid_from.desc())
        .limit(1)
        .with_for_update()
    ).one_or_none()
    if old is not None:
        if old.valid_from >= row.valid_from:
            raise NotAfterTheOld(day=f"{old.valid_from:%d/%m/%Y}")
        old.valid_to = row.valid_from
        session.flush()
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError as exc:
        if (broken_constraint(exc) or "").startswith("ex_"):
            raise OverlapsLaw from exc
        raise
    table = LawTable(model.__tablename__)
    changes: dict[str, tuple[object, object]] = {
        "version": (old.version if old else None, row.version),
        "valid_from": (old.valid_from if old else None, row.valid_from),
        "basis": (old.basis if old else None, row.basis),
    }
    history.record(session, "law:enter", _row_key(table, row.id), by=by, at=at, changes=changes, why=why)


def _row_key(table: LawTable, row_id: int) -> UUID:
    return uuid5(NAMESPACE_URL, f"law:{table}:{row_id}")
