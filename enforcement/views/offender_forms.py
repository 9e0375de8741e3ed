"""The part of a decision's form that speaks of offenders, where there are several or one did several acts: for each, act by act.

With one offender and one act there is none of this: the form asks for one fine. What must not live here: routes, and what the law allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, StringField, TextAreaField
from wtforms.validators import Length, NumberRange, Optional

from enforcement.casebook import TEXT_MOST
from enforcement.fines import Wish
from enforcement.transitions import Demand, Move
from trace.forms import VietnameseInteger, clean
from trace.words import day, number, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from enforcement.fines import Frame

MOST = 10_000_000_000
LINE_MOST = 200
FINED = frozenset({Move.PENALISE, Move.RECEIVE_DECISION})
REPLACED = frozenset({
    Demand.FINE, Demand.BRACKET_LOW, Demand.BRACKET_TOP, Demand.DEVIATION, Demand.ORGANISATION, Demand.CONFISCATION, Demand.REMEDIES,
})  # fmt: skip
"""What the form asks for each offender instead of once."""


class Amount(VietnameseInteger):
    """An amount that is offered with points between its thousands, as people write it."""

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return number(self.data) if self.data is not None else ""


@dataclass(frozen=True)
class Group:
    """The fields of one offender, with what the law says of the fine. `more`: what most decisions leave empty, shown when asked for."""

    frame: Frame
    fields: tuple[Field, ...]
    more: tuple[Field, ...]
    barred_from: str

    @property
    def more_is_open(self) -> bool:
        """Whether something stands there, or is wrong there."""
        return any(field.data or field.errors for field in self.more)

    @property
    def name(self) -> str:
        """Who it is."""
        return self.frame.offender.name if self.frame.offender else ""


class OffendersForm(FlaskForm):
    """A move's form that names offenders. `frames`: of whom, `by_act`: whether each act is fined by itself here."""

    frames: Sequence[Frame] = ()
    by_act = True

    def validate(self, extra_validators: Any = None) -> bool:
        """Somebody is named, and whoever is named is fined; every fault is said with the name of the person and the act."""
        good = bool(super().validate(extra_validators))
        taken = [frame for frame in self.frames if self[_name("take", frame)].data]
        if not taken:
            field = self[_name("take", self.frames[0])]
            field.errors = [*field.errors, _("Choose on whom it is decided.")]
            return False
        for frame in taken:
            for field in self._amounts(frame):
                if field.data is None and not field.errors:
                    field.errors = [_("%(name)s: write the amount.", name=_who(frame))]
                    good = False
        return good

    def wishes(self) -> tuple[Wish, ...]:
        """What is wanted for whom."""
        found = []
        for frame in self.frames:
            if frame.offender is None or not self[_name("take", frame)].data:
                continue
            asked = {
                name: self[_name(name, frame)].data for name in ("deviation", "confiscation", "remedies", "low", "top") if _name(name, frame) in self
            }  # fmt: skip
            apart = frame.acts if self._apart(frame) else ()
            acts = {act.id: int(self[_name("fine", frame, act.id)].data or 0) for act, _bracket in apart}
            ends = {
                act.id: (self[_name("low", frame, act.id)].data, self[_name("top", frame, act.id)].data) for act, bracket in apart if bracket is None
            }  # fmt: skip
            amount = None if acts else int(self[_name("fine", frame)].data or 0)
            found.append(Wish(
                frame.offender.id, amount, acts, deviation=asked.get("deviation") or None, confiscation=int(asked.get("confiscation") or 0),
                remedies=asked.get("remedies") or None, low=asked.get("low"), top=asked.get("top"),
                ends=ends,
            ))  # fmt: skip
        return tuple(found)

    def groups(self, limits: Mapping[UUID, datetime | None]) -> list[Group]:
        """The form as the page shows it: person by person. `limits`: until when each can be fined."""
        made = []
        for frame in self.frames:
            end = _person(frame)
            fields = tuple(field for field in self if field.short_name.endswith(end) or f"{end}_" in field.short_name)
            until = limits.get(frame.offender.id) if frame.offender else None
            more = tuple(
                field for field in fields if field.short_name.startswith(("deviation_", "confiscation_", "remedies_"))
            )
            asked = tuple(field for field in fields if field not in more)
            made.append(Group(frame, asked, more, day(until) if until else ""))
        return made

    def _apart(self, frame: Frame) -> bool:
        return self.by_act and len(frame.acts) > 1

    def _amounts(self, frame: Frame) -> list[Field]:
        if self._apart(frame):
            return [
                self[_name(name, frame, act.id)]
                for act, bracket in frame.acts
                for name in (("fine",) if bracket else ("fine", "low", "top"))
            ]
        return [self[_name("fine", frame)]]


def wanted(move: Move, frames: Sequence[Frame]) -> bool:
    """Whether the form asks person by person, act by act."""
    if move not in FINED or not frames:
        return False
    return len(frames) > 1 or (move is Move.PENALISE and len(frames[0].acts) > 1)


def fields(move: Move, frames: Sequence[Frame]) -> dict[str, Field]:
    """The fields of all offenders, by name. A single one is named beforehand: nothing more to tick."""
    made: dict[str, Field] = {}
    for frame in frames:
        who = _who(frame)
        made |= _fields_of(move, frame, who, alone=len(frames) == 1)
    return made


def _fields_of(move: Move, frame: Frame, who: str, *, alone: bool) -> dict[str, Field]:
    def amount(
        name: str, label: str, least: int, default: int | None = None, act: UUID | None = None
    ) -> dict[str, Field]:
        key = _name(name, frame, act)
        checks = [
            Optional(),
            NumberRange(
                least, MOST, message=_("%(name)s: write an amount in đồng, from %(least)s up.", name=who, least=least)
            ),
        ]
        return {key: Amount(label, checks, default=default, id=f"{move.value}-{key}")}

    def text(name: str, kind: type[StringField], most: int) -> dict[str, Field]:
        key = _name(name, frame)
        limit = Length(max=most, message=_("Write at most %(max)d characters."))
        return {key: kind(say(Demand(name)), [Optional(), limit], filters=[clean], id=f"{move.value}-{key}")}

    take = _name("take", frame)
    label = _("The decision is also on %(name)s", name=who) if not alone else _("The decision is on %(name)s", name=who)
    made: dict[str, Field] = {take: BooleanField(label, default="y" if alone else None, id=f"{move.value}-{take}")}
    own = move is Move.PENALISE
    if own and len(frame.acts) > 1:
        for act, bracket in frame.acts:
            what = act.description[:80]
            if bracket is None:
                made |= amount("fine", _("Fine for: %(act)s (no bracket in the law data)", act=what), 1, act=act.id)
                made |= amount("low", _("%(end)s for: %(act)s", end=say(Demand.BRACKET_LOW), act=what), 0, act=act.id)
                made |= amount("top", _("%(end)s for: %(act)s", end=say(Demand.BRACKET_TOP), act=what), 1, act=act.id)
                continue
            span = f"{number(bracket.low)} – {number(bracket.top)}"
            label = _("Fine for: %(act)s (%(span)s đồng)", act=what, span=span)
            made |= amount("fine", label, 1, bracket.middle, act.id)
    else:
        made |= amount("fine", say(Demand.FINE), 1, frame.middle if own else None)
        if own and frame.bracket is None:
            made |= amount("low", say(Demand.BRACKET_LOW), 0)
            made |= amount("top", say(Demand.BRACKET_TOP), 1)
    if own:
        made |= text("deviation", StringField, LINE_MOST)
    made |= amount("confiscation", say(Demand.CONFISCATION), 0)
    return made | text("remedies", TextAreaField, TEXT_MOST)


def _who(frame: Frame) -> str:
    return frame.offender.name if frame.offender else ""


def _person(frame: Frame) -> str:
    return f"_{frame.offender.id.hex}" if frame.offender else "_"


def _name(name: str, frame: Frame, act: UUID | None = None) -> str:
    return f"{name}{_person(frame)}" + (f"_{act.hex}" if act else "")
