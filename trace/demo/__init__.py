"""Sample data: five products of the city through a season, with labels in every state and cases in every state.

Places and product names are real. Every organisation, person, certificate and document is invented and says so; numbers of
titles are left out. Everything follows from a seed and from the moment of loading, save what must be secret: label keys,
password hashes and seals. What must not live here: anything that an installation without sample data needs.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from sqlalchemy import exists, select

import enforcement.schema  # noqa: F401  the mapped classes refer to each other across both slices
from trace.demo import applications, controls, desk, farm, members, people, points, register, rolls, scans, showcase
from trace.demo.people import Account
from trace.demo.story import SeededIds, Story
from trace.errors import Conflict, Forbidden
from trace.models.titles import ProtectionTitle
from trace.services import communes, keys, places

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from trace.config import Config

__all__ = ["Account", "NotEmpty", "NotForSamples", "accounts", "load"]

SEED = 2026


class NotEmpty(Conflict):
    """This database already holds titles, so the sample data was not loaded.

    Load it into an empty database.
    """


class NotForSamples(Forbidden):
    """Sample accounts have published passwords, so they are loaded only where TEMTHAT_ENVIRONMENT is demo."""


def load(session: Session, config: Config, *, at: datetime, seed: int = SEED) -> None:
    """Fill an empty database with the sample city as it stands at a moment. Commits nothing."""
    if config.environment != "demo":
        raise NotForSamples
    if session.scalar(select(exists().select_from(ProtectionTitle))):
        raise NotEmpty
    with SeededIds(session, seed):
        communes.load(session)
        dice = random.Random(seed)  # noqa: S311  sample data keeps nothing secret
        keys.issue_first(session, config.master_key, at=at)
        story = Story(session, config, at, seed, dice, keys.load(session, config.master_key))
        story.communes = {ward.name: ward.code for ward in places.choices(session)}
        people.make(story)
        register.make(story)
        members.make(story)
        points.make(story)
        showcase.make(story)
        rolls.plan(story)
        controls.plan(story)
        farm.plan(story)
        applications.plan(story)
        register.suspend(
            story, "hanam", ago=21, document="Quyết định mẫu số 31/QĐ-MẪU",
            reason="Dùng tem cho vải mua từ ngoài vùng (dữ liệu mẫu), chờ khắc phục",
        )  # fmt: skip
        story.play()
        scans.make(story)
        desk.make(story)
        session.flush()


def accounts() -> list[Account]:
    """Who can sign in to the sample data, for `./run` to print."""
    return people.listed()
