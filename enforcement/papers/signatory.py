"""Who signs a document, in which capacity and for which unit, as the paper says it.

The capacities are those of Decree 30/2020. Which of them are open to a person follows from the own post, from delegations in force and from the
kind of the form; where the law leaves several, whoever signs picks one, and what was printed stays with the document. What must not live here:
whose power covers which fine (`authority`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from enforcement import authority
from enforcement.casebook import name_of
from enforcement.competence import Signer, signer_for
from enforcement.errors import NotYourMove
from enforcement.models import DelegationScope, SigningAs
from enforcement.papers import units
from enforcement.papers.forms import FormKind, SignedBy
from enforcement.papers.sheet import Heading
from enforcement.transitions import HEADS
from trace.errors import Invalid
from trace.models.parties import Role

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.models import CaseFile, IssuingUnit
    from enforcement.papers.forms import Form
    from enforcement.transitions import Duty
    from trace.errors import TemThatError
    from trace.models.parties import Party

TITLES = {Role.OFFICER: "Kiểm soát viên", Role.TEAM_HEAD: "Đội trưởng", Role.BRANCH_HEAD: "Chi cục trưởng"}
DEPUTIES = {Role.TEAM_HEAD: "Phó Đội trưởng", Role.BRANCH_HEAD: "Phó Chi cục trưởng"}
OF_SIGNER = {Signer.INSPECTOR: Role.OFFICER, Signer.TEAM_HEAD: Role.TEAM_HEAD, Signer.BRANCH_HEAD: Role.BRANCH_HEAD}
PREFIXES = {
    SigningAs.OWN: "", SigningAs.COLLECTIVE: "TM. ", SigningAs.DEPUTY: "KT. ", SigningAs.BY_ORDER: "TL. ", SigningAs.AUTHORISED: "TUQ. ",
    SigningAs.ACTING: "Q. ",
}  # fmt: skip
# Capacities that rest on a paper of their own; that of a deputy is known from the delegation.
NEEDS_MANDATE = frozenset({SigningAs.AUTHORISED, SigningAs.ACTING})
# The power to sanction and to apply measures belongs to a post: it is handed on to deputies only, in writing, not by order and not by authority.
OF_A_POST = frozenset({FormKind.DECISION, FormKind.MINUTES})


class CapacityNotOffered(Invalid):
    """This form cannot be signed by you in the capacity you chose.

    Choose one from the list.
    """


class PostMissing(Invalid):
    """Write the post that stands below the body you sign for, for example Trưởng đoàn."""


class BodyMissing(Invalid):
    """Write the name of the body you sign for, for example Đoàn kiểm tra."""


class MandateMissing(Invalid):
    """Write the number of the paper that gives you this capacity."""


@dataclass(frozen=True)
class Chosen:
    """In which capacity somebody asks to sign. `body`: on whose behalf; `post`: the own post where it differs from the usual one."""

    signed_as: SigningAs
    body: str = ""
    post: str = ""
    mandate: str = ""


@dataclass(frozen=True)
class Capacity:
    """One capacity open to a person. `head`: whose post follows the prefix; `post`: the line below it; `power`: as whom a decision is signed."""

    signed_as: SigningAs
    head: str
    post: str
    mandate: str
    organisation: str
    sample: bool
    unit: IssuingUnit | None
    power: Signer | None

    @property
    def lines(self) -> tuple[str, ...]:
        """What is printed above the name."""
        return tuple(filter(None, (f"{PREFIXES[self.signed_as]}{self.head}", self.post)))


@dataclass(frozen=True)
class Signatory:
    """A person as signatory. `unit`: in whose series the number is taken; None where it has no code yet."""

    name: str
    capacity: Capacity

    @property
    def unit(self) -> IssuingUnit | None:
        """In whose name the document is issued."""
        return self.capacity.unit


def capacities(session: Session, form: Form, person_id: UUID, duties: Collection[Duty], on: date) -> Sequence[Capacity]:
    """The capacities in which this person may sign a form on a day, the usual one first; `NotYourMove` or `NoCapacity` if there is none."""
    held = units.of_person(session, person_id, on)
    if held is None:
        raise NotYourMove(duties=HEADS)
    role, party, unit = held
    own = _capacity(SigningAs.OWN, TITLES[role], party, unit, power=None)
    if form.signer is SignedBy.OFFICER:
        return [own]
    scope = DelegationScope.PENALTIES if form.signer is SignedBy.COMPETENT else DelegationScope.MEASURES
    highest = authority.capacity(session, person_id, duties, on, scope=scope)
    if form.signer is SignedBy.HEAD and highest.signer is Signer.INSPECTOR:
        raise NotYourMove(duties=HEADS)
    found: list[Capacity] = []
    if highest.delegated_from is not None:
        post = OF_SIGNER[highest.signer]
        theirs = units.of_person(session, highest.delegated_from, on)
        _role, their_party, their_unit = theirs or held
        found.append(
            _capacity(
                SigningAs.DEPUTY, TITLES[post], their_party, their_unit, post=DEPUTIES[post], mandate=highest.decision_number or "",
                power=highest.signer,
            )
        )  # fmt: skip
    rank = signer_for(duties)
    if rank is not None and (rank is not Signer.INSPECTOR or form.signer is SignedBy.COMPETENT):
        found.append(_capacity(SigningAs.OWN, TITLES[role], party, unit, power=rank))
    if role in DEPUTIES:
        found.append(_capacity(SigningAs.ACTING, TITLES[role], party, unit, power=rank))
        if form.kind not in OF_A_POST:
            found += _on_behalf(session, held, on)
            found.append(_capacity(SigningAs.COLLECTIVE, "", party, unit, power=None))
    return found


def choose(offered: Sequence[Capacity], asked: Chosen | None) -> tuple[Capacity, list[TemThatError]]:
    """The capacity that was asked for with the words it is printed with, and everything that is wrong with the choice."""
    if asked is None:
        return offered[0], []
    found = next((each for each in offered if each.signed_as is asked.signed_as), None)
    if found is None:
        return offered[0], [CapacityNotOffered(field="signed_as")]
    body, post, mandate = (" ".join(text.split()) for text in (asked.body, asked.post, asked.mandate))
    collective = found.signed_as is SigningAs.COLLECTIVE
    wrong: list[TemThatError] = []
    if collective and not body:
        wrong.append(BodyMissing(field="body"))
    if collective and not post:
        wrong.append(PostMissing(field="post"))
    if found.signed_as in NEEDS_MANDATE and not mandate:
        wrong.append(MandateMissing(field="mandate"))
    return _capacity_with(found, head=body if collective else found.head, post=post, mandate=mandate), wrong


def heading(signatory: Signatory, case: CaseFile, *, number: str = "", on: date | None = None) -> Heading:
    """The heading of a document that this person signs; without a number that of a draft."""
    capacity, unit = signatory.capacity, signatory.unit
    deputy = capacity.signed_as is SigningAs.DEPUTY
    return Heading(
        parent=unit.parent_name if unit else "", organisation=capacity.organisation, place=unit.place if unit else "Hải Phòng",
        number=number, on=on, signer_name=signatory.name, signer_title=capacity.head, capacity=capacity.lines,
        basis=f"Căn cứ Quyết định số {capacity.mandate} về việc giao quyền;" if deputy else "", mandate=capacity.mandate,
        case_number=case.number, sample=capacity.sample,
    )  # fmt: skip


def find(session: Session, form: Form, person_id: UUID, duties: Collection[Duty], on: date) -> Signatory:
    """This person as signatory of a form on a day, in the usual capacity."""
    return Signatory(name_of(session, person_id), capacities(session, form, person_id, duties, on)[0])


def unsigned(session: Session, person_id: UUID, case: CaseFile, on: date) -> Heading:
    """The heading of a draft: the unit of whoever draws it up, and nobody who signs yet."""
    held = units.of_person(session, person_id, on)
    party, unit = (held[1], held[2]) if held else (None, None)
    return Heading(
        parent=unit.parent_name if unit else "", organisation=unit.name if unit else party.name if party else "",
        place=unit.place if unit else "Hải Phòng", case_number=case.number, sample=bool(party and party.is_sample),
    )  # fmt: skip


def _on_behalf(session: Session, held: units.Held, on: date) -> list[Capacity]:
    """By order and by authority of the head above, in whose name and series the document then goes."""
    role, party, unit = held
    above = units.above(session, unit, on) if unit is not None and role is Role.TEAM_HEAD else None
    if unit is None or above is None:
        return []
    post = f"{TITLES[role]} {unit.name}"
    return [
        _capacity(kind, TITLES[Role.BRANCH_HEAD], above.party, above, post=post, power=None, sample=party.is_sample)
        for kind in (SigningAs.BY_ORDER, SigningAs.AUTHORISED)
    ]


def _capacity(
    kind: SigningAs, head: str, party: Party, unit: IssuingUnit | None, *, power: Signer | None, post: str = "", mandate: str = "",
    sample: bool = False,
) -> Capacity:  # fmt: skip
    organisation = unit.name if unit else party.name
    return Capacity(kind, head, post, mandate, organisation, sample or party.is_sample, unit, power)


def _capacity_with(found: Capacity, *, head: str, post: str, mandate: str) -> Capacity:
    """With the words that whoever signs gave; a deputy's mandate is the delegation, and the own post alone needs no second line."""
    bare = found.signed_as in {SigningAs.OWN, SigningAs.ACTING}
    known = found.signed_as is SigningAs.DEPUTY
    return Capacity(
        found.signed_as, head, "" if bare else post or found.post, found.mandate if known else mandate, found.organisation, found.sample,
        found.unit, found.power,
    )  # fmt: skip
