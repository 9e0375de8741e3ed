"""The members of the sample cooperatives: the households that farm their fields, and a few who left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import joinedload

from trace.demo.people import FOUNDED, clerk_of
from trace.models.members import Membership
from trace.models.parties import Party, PartyKind
from trace.models.plots import AreaHousehold
from trace.services import history

if TYPE_CHECKING:
    from uuid import UUID

    from trace.demo.story import Story

UNPLACED = 4
"""Every so many-th household of a field is not yet placed with its member."""


def make(story: Story) -> None:
    """A member for each household of a holder; the same name under one holder is the same household."""
    keys = {party.id: key for key, party in story.parties.items()}
    numbers: dict[UUID, int] = {}
    known: dict[tuple[UUID, str], Membership] = {}
    rows = story.session.scalars(
        select(AreaHousehold).options(joinedload(AreaHousehold.area)).order_by(AreaHousehold.id)
    ).all()
    for place, row in enumerate(rows, start=1):
        holder_id = row.area.holder_id
        made = known.get((holder_id, row.name))
        if made is None:
            numbers[holder_id] = numbers.get(holder_id, 0) + 1
            made = known[holder_id, row.name] = _member(story, keys[holder_id], row, numbers[holder_id])
        if place % UNPLACED:
            row.member_id = made.member_id
    for holder_id, number in numbers.items():
        _former(story, keys[holder_id], number + 1)
    story.session.flush()


def _member(story: Story, key: str, row: AreaHousehold, number: int) -> Membership:
    # Numbers of people who would have been born in 1900: nobody alive bears them.
    party = _party(story, row.name, row.area.commune_code, f"09000{number:05d}")
    made = Membership(
        collective_id=row.area.holder_id, member_id=party.id, code=f"TV-{number:04d}", national_id=f"031000{number:06d}",
        declared_ha=round(row.square_metres / 10_000, 2), member_during=Range(story.day(FOUNDED - 30), None),
        recorded_at=story.moment(FOUNDED - 30), is_sample=True,
    )  # fmt: skip
    _write(story, key, made, party.name, FOUNDED - 30)
    return made


def _former(story: Story, key: str, number: int) -> None:
    holder = story.parties[key]
    party = _party(story, "Hộ mẫu đã rời", holder.commune_code, None)
    made = Membership(
        collective_id=holder.id, member_id=party.id, code=f"TV-{number:04d}", member_during=Range(story.day(FOUNDED - 30), story.day(60)),
        left_because="Chuyển nơi ở (dữ liệu mẫu)", recorded_at=story.moment(FOUNDED - 30), is_sample=True,
    )  # fmt: skip
    _write(story, key, made, party.name, FOUNDED - 30)


def _party(story: Story, name: str, commune: str | None, phone: str | None) -> Party:
    party = Party(
        name=name, kind=PartyKind.HOUSEHOLD, phone=phone, address="Thôn mẫu", commune_code=commune, is_sample=True
    )
    story.session.add(party)
    story.session.flush()
    return party


def _write(story: Story, key: str, made: Membership, name: str, ago: int) -> None:
    story.session.add(made)
    story.session.flush()
    at = story.moment(ago)
    history.record(
        story.session, "membership:record", made.id, by=clerk_of(story, key).id, at=at,
        changes={"code": (None, made.code), "name": (None, name), "revision": (0, 1)},
    )  # fmt: skip
