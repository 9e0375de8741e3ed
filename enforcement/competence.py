"""Who may sign which decision: the ceiling of a signer, and to whom a file above it is handed.

Pure: amounts are whole đồng; the powers are dated rows, of `law_seed` or as the heads keep them (`law.load(session).figures`).
What must not live here: figures of the law, the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeVar

from enforcement.errors import (
    AboveFieldMaximum,
    BeyondCompetence,
    HandToBranchHead,
    HandToCityChair,
    HandToTeamHead,
    NoRuleInForce,
)
from enforcement.law_seed import FIELD_MAXIMA, POWERS, Field, FieldMaximum, Power, Signer
from enforcement.transitions import Duty

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import date

__all__ = [
    "SEEDED",
    "Field",
    "Figures",
    "LegalQualification",
    "Signer",
    "ceiling",
    "check",
    "competent",
    "confiscation_cap",
    "signer_for",
]


class LegalQualification(StrEnum):
    """As what the act is treated: three regimes with their own articles and maxima, never one word for all."""

    UNDETERMINED = "undetermined"
    GI_INFRINGEMENT = "gi_infringement"  # IP Law Art. 129.3, Decree 99/2013 Art. 11
    MARK_INFRINGEMENT = "mark_infringement"  # IP Law Art. 129.1, Decree 99/2013 Art. 11
    COUNTERFEIT_GOODS = "counterfeit_goods"  # IP Law Art. 213, Decree 99/2013 Art. 12
    COUNTERFEIT_LABELS = "counterfeit_labels"  # Decree 99/2013 Art. 13
    FALSE_ORIGIN = "false_origin"  # Decree 98/2020 Art. 3(7), 3(8): origin, packer, traceability stamps

    @property
    def field(self) -> Field:
        """The field whose maximum applies."""
        return Field.TRADE_AND_FAKE_GOODS if self is LegalQualification.FALSE_ORIGIN else Field.INTELLECTUAL_PROPERTY


@dataclass(frozen=True)
class Figures:
    """The rows that competence follows from: the maxima of the fields and the powers of the signers."""

    maxima: tuple[FieldMaximum, ...]
    powers: tuple[Power, ...]


SEEDED = Figures(FIELD_MAXIMA, POWERS)

# Upwards in the desk's own line; above the branch head the file goes to the city.
LINE = (Signer.INSPECTOR, Signer.TEAM_HEAD, Signer.BRANCH_HEAD, Signer.CITY_CHAIR)

_SIGNER_OF = {Duty.OFFICER: Signer.INSPECTOR, Duty.TEAM_HEAD: Signer.TEAM_HEAD, Duty.BRANCH_HEAD: Signer.BRANCH_HEAD}
_HAND_OVER: dict[Signer, type[BeyondCompetence]] = {
    Signer.TEAM_HEAD: HandToTeamHead,
    Signer.BRANCH_HEAD: HandToBranchHead,
    Signer.CITY_CHAIR: HandToCityChair,
}


def signer_for(duties: Collection[Duty]) -> Signer | None:
    """The highest capacity in which a person with these duties signs; None without a duty."""
    return max((_SIGNER_OF[duty] for duty in duties), key=LINE.index, default=None)


def ceiling(
    role: Signer, *, organisation: bool, on: date, field: Field = Field.INTELLECTUAL_PROPERTY, figures: Figures = SEEDED
) -> int:
    """The highest fine this signer may impose on that day, in đồng."""
    return _individual_ceiling(_power(role, on, figures), on, field, figures) * (2 if organisation else 1)


def confiscation_cap(
    role: Signer, *, on: date, field: Field = Field.INTELLECTUAL_PROPERTY, figures: Figures = SEEDED
) -> int | None:
    """The highest value of goods this signer may confiscate, in đồng; None without a cap.

    Taken from the fine for an individual, also for organisations: the text doubles the fine and does not mention the cap,
    so the narrower reading is the one that cannot void a decision.
    """
    power = _power(role, on, figures)
    if power.confiscation_times is None:
        return None
    return _individual_ceiling(power, on, field, figures) * power.confiscation_times


def competent(
    fine: int,
    *,
    organisation: bool,
    on: date,
    confiscation: int = 0,
    field: Field = Field.INTELLECTUAL_PROPERTY,
    figures: Figures = SEEDED,
) -> Signer:
    """The lowest signer of the desk's line who may sign this."""
    for role in LINE:
        if _may(role, fine, organisation=organisation, on=on, confiscation=confiscation, field=field, figures=figures):
            return role
    maximum = ceiling(LINE[-1], organisation=organisation, on=on, field=field, figures=figures)
    raise AboveFieldMaximum(fine=fine, maximum=maximum)


def check(
    role: Signer,
    fine: int,
    *,
    organisation: bool,
    on: date,
    confiscation: int = 0,
    field: Field = Field.INTELLECTUAL_PROPERTY,
    figures: Figures = SEEDED,
) -> None:
    """Refuses a decision beyond this signer, naming who is competent.

    `fine`: the top of the bracket for this offender, so already doubled for an organisation: it decides competence, not the
    amount imposed in the end. `confiscation`: value of the goods to be confiscated. Both in đồng.
    """
    if fine < 0 or confiscation < 0:
        raise ValueError("amounts are not negative")
    to = competent(fine, organisation=organisation, on=on, confiscation=confiscation, field=field, figures=figures)
    if not _may(role, fine, organisation=organisation, on=on, confiscation=confiscation, field=field, figures=figures):
        raise _HAND_OVER[to](fine=fine, confiscation=confiscation, competent=to)


def _may(
    role: Signer, fine: int, *, organisation: bool, on: date, confiscation: int, field: Field, figures: Figures
) -> bool:
    cap = confiscation_cap(role, on=on, field=field, figures=figures)
    most = ceiling(role, organisation=organisation, on=on, field=field, figures=figures)
    return fine <= most and (cap is None or confiscation <= cap)


def _individual_ceiling(power: Power, on: date, field: Field, figures: Figures) -> int:
    maximum = _in_force((row for row in figures.maxima if row.field is field), on)
    if maximum is None:
        raise NoRuleInForce(field=field, on=on)
    return maximum.amount * power.percent // 100


def _power(role: Signer, on: date, figures: Figures) -> Power:
    power = _in_force((row for row in figures.powers if row.signer is role), on)
    if power is None:
        raise NoRuleInForce(signer=role, on=on)
    return power


class _Dated(Protocol):
    @property
    def valid_from(self) -> date: ...
    @property
    def valid_to(self) -> date | None: ...


_Row = TypeVar("_Row", bound=_Dated)


def _in_force(rows: Iterable[_Row], on: date) -> _Row | None:
    return next((row for row in rows if row.valid_from <= on and (row.valid_to is None or on < row.valid_to)), None)
