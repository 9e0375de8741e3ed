"""Who signs a document, in which capacity and for which unit, as the paper says it.

What must not live here: whose power covers which fine (`authority`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from enforcement import authority
from enforcement.casebook import name_of
from enforcement.competence import Signer
from enforcement.errors import NotYourMove
from enforcement.models import DelegationScope
from enforcement.papers import units
from enforcement.papers.forms import SignedBy
from enforcement.papers.sheet import Heading
from enforcement.transitions import HEADS
from trace.models.parties import Role

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.models import CaseFile, IssuingUnit
    from enforcement.papers.forms import Form
    from enforcement.transitions import Duty

TITLES = {Role.OFFICER: "Kiểm soát viên", Role.TEAM_HEAD: "Đội trưởng", Role.BRANCH_HEAD: "Chi cục trưởng"}
OF_SIGNER = {Signer.INSPECTOR: Role.OFFICER, Signer.TEAM_HEAD: Role.TEAM_HEAD, Signer.BRANCH_HEAD: Role.BRANCH_HEAD}
DELEGATE = "Người được giao quyền"


@dataclass(frozen=True)
class Signatory:
    """A person as signatory. `unit`: in whose series the number is taken; None where it has no code yet. `power`: as whom a decision is signed."""

    name: str
    title: str
    lines: tuple[str, ...]
    basis: str
    unit: IssuingUnit | None
    organisation: str
    sample: bool
    power: Signer | None


def find(session: Session, form: Form, person_id: UUID, duties: Collection[Duty], on: date) -> Signatory:
    """This person as signatory of a form on a day; `NotYourMove` or `NoCapacity` for whoever may not sign it."""
    held = units.of_person(session, person_id, on)
    if held is None:
        raise NotYourMove(duties=HEADS)
    role, party, unit = held
    title, basis = TITLES[role], ""
    lines: tuple[str, ...] = (title,)
    power = None
    if form.signer is not SignedBy.OFFICER:
        scope = DelegationScope.PENALTIES if form.signer is SignedBy.COMPETENT else DelegationScope.MEASURES
        capacity = authority.capacity(session, person_id, duties, on, scope=scope)
        if form.signer is SignedBy.HEAD and capacity.signer is Signer.INSPECTOR:
            raise NotYourMove(duties=HEADS)
        power = capacity.signer
        if capacity.delegated_from is not None:
            title = TITLES[OF_SIGNER[capacity.signer]]
            lines = (f"KT. {title}", DELEGATE)
            basis = f"Căn cứ Quyết định số {capacity.decision_number} về việc giao quyền;"
            theirs = units.of_person(session, capacity.delegated_from, on)
            if theirs is not None:
                party, unit = theirs[1], theirs[2]
    name = name_of(session, person_id)
    return Signatory(name, title, lines, basis, unit, unit.name if unit else party.name, party.is_sample, power)


def heading(signatory: Signatory, case: CaseFile, *, number: str = "", on: date | None = None) -> Heading:
    """The heading of a document that this person signs; without a number that of a draft."""
    unit = signatory.unit
    return Heading(
        parent=unit.parent_name if unit else "", organisation=signatory.organisation, place=unit.place if unit else "Hải Phòng",
        number=number, on=on, signer_name=signatory.name, signer_title=signatory.title, capacity=signatory.lines, basis=signatory.basis,
        case_number=case.number, sample=signatory.sample,
    )  # fmt: skip


def unsigned(session: Session, person_id: UUID, case: CaseFile, on: date) -> Heading:
    """The heading of a draft: the unit of whoever draws it up, and nobody who signs yet."""
    held = units.of_person(session, person_id, on)
    party, unit = (held[1], held[2]) if held else (None, None)
    return Heading(
        parent=unit.parent_name if unit else "", organisation=unit.name if unit else party.name if party else "",
        place=unit.place if unit else "Hải Phòng", case_number=case.number, sample=bool(party and party.is_sample),
    )  # fmt: skip
