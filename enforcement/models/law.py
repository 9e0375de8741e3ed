"""The law as dated data: clocks, brackets, powers, maxima, who confirmed them, when to remind; and delegations of the power to sign.

A row of law is never edited: a new version follows the old one, whose last day is then known, and a confirmation takes away its flag.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import DDL, BigInteger, CheckConstraint, ForeignKey, Integer, UniqueConstraint, event, text
from sqlalchemy.dialects.postgresql import ARRAY, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from enforcement.competence import LegalQualification
from enforcement.deadlines import DeadlineKind, Unit
from enforcement.law_seed import Field, Signer
from enforcement.models.base import DESK
from trace.models.base import Base, bigint_pk, uuid_pk
from trace.models.parties import AppUser

_DAYS = text("daterange(valid_from, valid_to)")


class LawRow:
    """What every dated row of law says of itself: its text, which version of it, from when to when, whether compared, who entered it when."""

    basis: Mapped[str]
    version: Mapped[str]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    needs_verification: Mapped[bool]
    entered_at: Mapped[datetime | None]
    entered_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))


class DeadlineRule(LawRow, Base):
    """A legal clock as dated data: length, unit, legal basis, version. What is not confirmed says so."""

    __tablename__ = "deadline_rule"
    __table_args__ = (
        UniqueConstraint("kind", "version"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="days_in_order"),
        ExcludeConstraint(("kind", "="), (_DAYS, "&&"), using="gist", name="ex_deadline_rule_one_a_day"),
        DESK,
    )

    id: Mapped[bigint_pk]
    kind: Mapped[DeadlineKind]
    amount: Mapped[int]
    unit: Mapped[Unit]
    rolls: Mapped[bool]
    counts_start_day: Mapped[bool]
    extensions: Mapped[dict[str, Any]]


class FineBracket(LawRow, Base):
    """Between which amounts an individual is fined for an act, by the value of the goods. No two hold on one day for one value."""

    __tablename__ = "fine_bracket"
    __table_args__ = (
        CheckConstraint("low >= 0 AND top >= low AND top > 0", name="ends_in_order"),
        CheckConstraint("above >= 0 AND (upto IS NULL OR upto > above)", name="value_in_order"),
        CheckConstraint("above IS NOT NULL OR upto IS NULL", name="no_value_no_end"),
        CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="days_in_order"),
        ExcludeConstraint(
            ("qualification", "="), (text("(making::integer)"), "="), (text("((above IS NULL)::integer)"), "="),
            (text("int8range(coalesce(above, 0), upto, '(]')"), "&&"), (_DAYS, "&&"),
            using="gist", name="ex_fine_bracket_one_a_value",
        ),
        DESK,
    )  # fmt: skip

    id: Mapped[bigint_pk]
    qualification: Mapped[LegalQualification]
    making: Mapped[bool]
    above: Mapped[int | None] = mapped_column(BigInteger)
    upto: Mapped[int | None] = mapped_column(BigInteger)
    low: Mapped[int] = mapped_column(BigInteger)
    top: Mapped[int] = mapped_column(BigInteger)


class FieldMaximum(LawRow, Base):
    """The highest fine of a field for an individual."""

    __tablename__ = "field_maximum"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="days_in_order"),
        ExcludeConstraint(("field", "="), (_DAYS, "&&"), using="gist", name="ex_field_maximum_one_a_day"),
        DESK,
    )

    id: Mapped[bigint_pk]
    field: Mapped[Field]
    amount: Mapped[int] = mapped_column(BigInteger)


class SigningPower(LawRow, Base):
    """What share of a field's maximum a signer may impose, and up to how many times that goods may be confiscated."""

    __tablename__ = "signing_power"
    __table_args__ = (
        CheckConstraint("percent BETWEEN 1 AND 100", name="percent_range"),
        CheckConstraint("confiscation_times > 0", name="times_positive"),
        CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="days_in_order"),
        ExcludeConstraint(("signer", "="), (_DAYS, "&&"), using="gist", name="ex_signing_power_one_a_day"),
        DESK,
    )

    id: Mapped[bigint_pk]
    signer: Mapped[Signer]
    percent: Mapped[int]
    confiscation_times: Mapped[int | None]


class SeizurePower(LawRow, Base):
    """Who may decide on a temporary seizure. Whoever has no row in force may not."""

    __tablename__ = "seizure_power"
    __table_args__ = (
        CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="days_in_order"),
        ExcludeConstraint(("signer", "="), (_DAYS, "&&"), using="gist", name="ex_seizure_power_one_a_day"),
        DESK,
    )

    id: Mapped[bigint_pk]
    signer: Mapped[Signer]


class ExplanationThreshold(LawRow, Base):
    """From which top of a bracket an offender may explain before the decision: for an individual, and for an organisation."""

    __tablename__ = "explanation_threshold"
    __table_args__ = (
        CheckConstraint("individual > 0 AND organisation > 0", name="amounts_positive"),
        CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="days_in_order"),
        ExcludeConstraint((_DAYS, "&&"), using="gist", name="ex_explanation_threshold_one_a_day"),
        DESK,
    )

    id: Mapped[bigint_pk]
    individual: Mapped[int] = mapped_column(BigInteger)
    organisation: Mapped[int] = mapped_column(BigInteger)


class LawTable(StrEnum):
    """Which kind of row of the law."""

    DEADLINE_RULE = "deadline_rule"
    FINE_BRACKET = "fine_bracket"
    FIELD_MAXIMUM = "field_maximum"
    SIGNING_POWER = "signing_power"
    SEIZURE_POWER = "seizure_power"
    EXPLANATION_THRESHOLD = "explanation_threshold"


class LawConfirmation(Base):
    """That somebody compared a row with the text in force: who, when, and which text. Append-only."""

    __tablename__ = "law_confirmation"
    __table_args__ = (
        UniqueConstraint("law_table", "row_id"),
        CheckConstraint("length(btrim(source)) > 0", name="source_present"),
        DESK,
    )

    id: Mapped[bigint_pk]
    law_table: Mapped[LawTable]
    row_id: Mapped[int] = mapped_column(BigInteger)
    source: Mapped[str]
    at: Mapped[datetime]
    by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))

    author: Mapped[AppUser] = relationship()


class ReminderRule(Base):
    """When to remind of a clock, as data: so many working days (hours for clocks in hours) before its end, and when to tell the heads after it."""

    __tablename__ = "reminder_rule"
    __table_args__ = (
        CheckConstraint("cardinality(before) <= 5 AND 1 <= ALL (before)", name="before_positive"),
        CheckConstraint("0 <= team_after AND team_after <= branch_after", name="team_first"),
        DESK,
    )

    kind: Mapped[DeadlineKind] = mapped_column(primary_key=True)
    before: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    team_after: Mapped[int]
    branch_after: Mapped[int]


class DelegationScope(StrEnum):
    """Which powers a written delegation hands on."""

    PENALTIES = "penalties"
    MEASURES = "measures"
    BOTH = "both"


class Delegation(Base):
    """A head hands on the power to sign, in writing and for a time (form MQĐ34). Never edited; it is revoked from a day on."""

    __tablename__ = "delegation"
    __table_args__ = (
        UniqueConstraint("decision_number"),
        CheckConstraint("from_id <> to_id", name="not_to_self"),
        CheckConstraint("ends_on >= starts_on", name="days_in_order"),
        CheckConstraint("signer IN ('team_head', 'branch_head')", name="of_a_head"),
        CheckConstraint("revoked_from BETWEEN starts_on AND ends_on", name="revoked_while_running"),
        CheckConstraint(
            "(revoked_from IS NULL) = (revoked_at IS NULL) AND (revoked_from IS NULL) = (revoked_by IS NULL)"
            " AND (revoked_from IS NULL) = (revoked_why IS NULL)",
            name="revocation_whole",
        ),
        CheckConstraint("length(btrim(decision_number)) > 0", name="number_present"),
        ExcludeConstraint(
            ("to_id", "="), ("signer", "="), (text("(CASE scope WHEN 'penalties' THEN int4range(0, 1) WHEN 'measures' THEN int4range(1, 2) ELSE int4range(0, 2) END)"), "&&"),
            (text("daterange(starts_on, LEAST(ends_on + 1, revoked_from))"), "&&"),
            using="gist", name="ex_delegation_once",
        ),
        DESK,
    )  # fmt: skip

    id: Mapped[uuid_pk]
    from_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"), index=True)
    to_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    signer: Mapped[Signer]
    scope: Mapped[DelegationScope]
    decision_number: Mapped[str]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    entered_at: Mapped[datetime]
    entered_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    revoked_from: Mapped[date | None]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    revoked_why: Mapped[str | None]

    giver: Mapped[AppUser] = relationship(foreign_keys=[from_id])
    taker: Mapped[AppUser] = relationship(foreign_keys=[to_id])


class DeskDigest(Base):
    """The morning letter of one person: one a day. `mail_due_at` is when it is tried next; empty: sent, or given up."""

    __tablename__ = "desk_digest"
    __table_args__ = (
        UniqueConstraint("person_id", "on_day"),
        CheckConstraint("mail_tries >= 0", name="mail_tries_not_negative"),
        CheckConstraint("mailed_at IS NULL OR mail_due_at IS NULL", name="mailed_once"),
        DESK,
    )

    id: Mapped[bigint_pk]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    on_day: Mapped[date]
    made_at: Mapped[datetime]
    mail_due_at: Mapped[datetime | None] = mapped_column(index=True)
    mail_tries: Mapped[int] = mapped_column(server_default=text("0"))
    mailed_at: Mapped[datetime | None]

    person: Mapped[AppUser] = relationship()


class DeskPreference(Base):
    """What a person chose about the desk's letters."""

    __tablename__ = "desk_preference"
    __table_args__ = (DESK,)

    person_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"), primary_key=True)
    digest: Mapped[bool]


# Only the last day of a row of law may come nearer, and only its flag may go.
KEEP_LAW = """
CREATE OR REPLACE FUNCTION enforcement.keep_law() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'valid_to' - 'needs_verification' = to_jsonb(OLD) - 'valid_to' - 'needs_verification'
       AND (OLD.valid_to IS NULL OR NEW.valid_to <= OLD.valid_to) AND (OLD.needs_verification OR NOT NEW.needs_verification)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a row of law is never overwritten' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'law_kept';
END
$$
"""
LAW_KEPT = tuple(
    f"CREATE TRIGGER law_kept BEFORE UPDATE OR DELETE ON enforcement.{table} FOR EACH ROW EXECUTE FUNCTION enforcement.keep_law()"
    for table in LawTable
)

for _sql in (KEEP_LAW, *LAW_KEPT):
    event.listen(Base.metadata, "after_create", DDL(_sql.replace("%", "%%")))  # type: ignore[no-untyped-call]
