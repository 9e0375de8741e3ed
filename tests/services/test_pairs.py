"""Pairs of genuine and suspect goods: two persons, nothing covert, no word of counterfeit without a document; by the services and by the database."""

from __future__ import annotations

import io
import itertools
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests import factories
from tests.conftest import NOW
from trace.errors import NotFound, Refused, broken_constraint
from trace.models.showcase import ComparisonPair, PairFinding, PairState
from trace.services import files, pairs, pictures
from trace.services.editing import EditedMeanwhile
from trace.services.pairs import Difference, Facts, Picture
from trace.services.reach import Reach

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

FACTS = Facts(
    angle_vi="Mặt trước túi", angle_en="Front of the bag", found_on=date(2026, 6, 1), finding=PairFinding.SUSPECT, source_vi="Ảnh mẫu",
    source_en="Sample", document=None, differences=[Difference(50, 20, 8, "Chữ nổi", "Raised letters")],
)  # fmt: skip


def taken(session: Session, store: Path, colour: str = "#884422", size: tuple[int, int] = (800, 600)) -> Picture:
    saved = io.BytesIO()
    Image.new("RGB", size, colour).save(saved, "JPEG")
    saved.seek(0)
    stored = files.receive(session, store, saved, name="anh.jpg", at=NOW, by=None)
    return Picture(stored.id, *pictures.measure(store, stored))


_colours = itertools.count(0x102030, 0x010307)
"""No two pictures of the tests are the same file."""


def drafted(session: Session, world: factories.World, store: Path, facts: Facts = FACTS) -> ComparisonPair:
    return pairs.draft(
        session, world.product.id, facts, genuine=taken(session, store, f"#{next(_colours):06x}"), suspect=taken(session, store, f"#{next(_colours):06x}"), by=world.manager.id, at=NOW,
        reach=Reach(titles=frozenset({world.title.id})),
    )  # fmt: skip


ALL = Reach(everything=True)


def test_a_pair_is_shown_once_another_person_has_published_it(
    session: Session, world: factories.World, tmp_path: Path
) -> None:
    pair = drafted(session, world, tmp_path)
    assert not pairs.published(session)
    with pytest.raises(pairs.PublishedByAnother):
        pairs.publish(session, pair.id, revision=pair.revision, by=world.manager.id, at=NOW, reach=ALL)
    pairs.publish(session, pair.id, revision=pair.revision, by=world.officer.id, at=NOW, reach=ALL)
    assert [each.id for each in pairs.published(session)] == [pair.id]
    assert (pair.genuine_w, pair.genuine_h) == (800, 600)
    pairs.withdraw(session, pair.id, reason="Gây hiểu lầm", by=world.manager.id, at=NOW, reach=ALL)
    assert not pairs.published(session)


def test_whoever_wrote_any_of_it_cannot_publish_it(session: Session, world: factories.World, tmp_path: Path) -> None:
    pair = drafted(session, world, tmp_path)
    pairs.edit(session, pair.id, replace(FACTS, angle_vi="Mặt sau"), revision=1, by=world.officer.id, at=NOW, reach=ALL)
    for writer in (world.manager, world.officer):
        with pytest.raises(pairs.PublishedByAnother):
            pairs.publish(session, pair.id, revision=2, by=writer.id, at=NOW, reach=ALL)
    pairs.publish(session, pair.id, revision=2, by=world.team_head.id, at=NOW, reach=ALL)


def test_what_was_published_is_what_was_seen(session: Session, world: factories.World, tmp_path: Path) -> None:
    pair = drafted(session, world, tmp_path)
    pairs.edit(session, pair.id, replace(FACTS, angle_vi="Mặt sau"), revision=1, by=world.manager.id, at=NOW, reach=ALL)
    with pytest.raises(EditedMeanwhile):
        pairs.publish(session, pair.id, revision=1, by=world.officer.id, at=NOW, reach=ALL)


def test_a_covert_feature_is_never_published(session: Session, world: factories.World, tmp_path: Path) -> None:
    covert = [*FACTS.differences, Difference(10, 10, 5, "Mực phát quang", "Glowing ink", covert=True)]
    pair = drafted(session, world, tmp_path, replace(FACTS, differences=covert))
    with pytest.raises(pairs.CovertMarked):
        pairs.publish(session, pair.id, revision=1, by=world.officer.id, at=NOW, reach=ALL)
    assert pairs.circles(pair, "genuine") == [(1, 400.0, 120.0, 64.0)]


def test_nothing_marked_is_not_published(session: Session, world: factories.World, tmp_path: Path) -> None:
    pair = drafted(session, world, tmp_path, replace(FACTS, differences=[]))
    with pytest.raises(pairs.NothingMarked):
        pairs.publish(session, pair.id, revision=1, by=world.officer.id, at=NOW, reach=ALL)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"finding": PairFinding.COUNTERFEIT}, pairs.CounterfeitNeedsDocument),
        ({"finding": PairFinding.COUNTERFEIT, "document": "  "}, pairs.CounterfeitNeedsDocument),
        ({"found_on": NOW.date() + timedelta(days=2)}, pairs.FoundInFuture),
        ({"differences": [Difference(101, 5, 5, "a", "b")]}, pairs.CircleOutside),
        ({"differences": [Difference(5, 5, 0, "a", "b")]}, pairs.CircleOutside),
        ({"differences": [Difference(5, 5, 5, "a", "b", side="left")]}, pairs.CircleOutside),
        ({"differences": [Difference(5, 5, 5, " ", "b")]}, pairs.WordsMissing),
    ],
)
def test_what_is_wrong_with_a_pair_is_named(
    session: Session, world: factories.World, tmp_path: Path, wrong: dict[str, Any], reason: type[Exception]
) -> None:
    with pytest.raises(Refused) as refused:
        drafted(session, world, tmp_path, replace(FACTS, **wrong))
    assert [type(each) for each in refused.value.reasons] == [reason]


def test_a_pair_of_another_body_is_not_found(session: Session, world: factories.World, tmp_path: Path) -> None:
    pair = drafted(session, world, tmp_path)
    nobody = Reach(holders=frozenset({world.cooperative.id}))
    for deed in (
        lambda: pairs.get(session, pair.id, reach=nobody),
        lambda: pairs.publish(session, pair.id, revision=1, by=world.officer.id, at=NOW, reach=nobody),
        lambda: pairs.withdraw(session, pair.id, reason="x", by=world.officer.id, at=NOW, reach=nobody),
        lambda: pairs.edit(session, pair.id, FACTS, revision=1, by=world.officer.id, at=NOW, reach=nobody),
    ):
        with pytest.raises(NotFound):
            deed()
    assert pairs.of(session, world.product.id, reach=nobody) == []


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("published_at = drafted_at, published_by = drafted_by, state = 'published'", "ck_comparison_pair_published_by_another"),
        (
            """published_at = drafted_at, published_by = :other, state = 'published',
               differences = '[{"x": 1, "y": 1, "r": 5, "covert": true}]'""",
            "ck_comparison_pair_nothing_covert_published",
        ),
        ("published_at = drafted_at, published_by = :other, state = 'published', differences = '[]'", "ck_comparison_pair_marked_when_published"),
        ("finding = 'counterfeit'", "ck_comparison_pair_counterfeit_has_document"),
        ("state = 'withdrawn'", "ck_comparison_pair_withdrawn_has_time"),
        ("genuine_w = 0", "ck_comparison_pair_sizes_positive"),
    ],
)  # fmt: skip
def test_the_database_refuses_it_too(
    session: Session, world: factories.World, tmp_path: Path, change: str, constraint: str
) -> None:
    pair = drafted(session, world, tmp_path)
    with pytest.raises(IntegrityError) as refused:
        session.execute(
            text(f"UPDATE comparison_pair SET {change} WHERE id = :id"),
            {"id": pair.id} | ({"other": world.officer.id} if ":other" in change else {}),
        )
    assert broken_constraint(refused.value) == constraint


def test_pictures_are_public_only_while_their_pair_is(session: Session, world: factories.World, tmp_path: Path) -> None:
    world.title.is_sample = True
    pair = drafted(session, world, tmp_path)
    sha256 = pair.genuine.copy_sha256
    assert sha256
    assert pictures.is_kept(session, sha256)
    assert not pictures.is_public(session, sha256)
    pairs.publish(session, pair.id, revision=1, by=world.officer.id, at=NOW, reach=ALL)
    assert pictures.is_public(session, sha256)
    pairs.withdraw(session, pair.id, reason="x", by=world.officer.id, at=NOW, reach=ALL)
    assert not pictures.is_public(session, sha256)
    assert pair.state is PairState.WITHDRAWN


def test_a_small_picture_weighs_what_it_may_and_has_no_metadata(session: Session, tmp_path: Path) -> None:
    import random

    noise = Image.effect_noise((1600, 1200), 90).convert("RGB")
    noise.putpixel((0, 0), (random.Random(1).randrange(255), 0, 0))
    saved = io.BytesIO()
    noise.save(saved, "JPEG", quality=95, exif=Image.Exif())
    saved.seek(0)
    stored = files.receive(session, tmp_path, saved, name="x.jpg", at=NOW, by=None)
    assert stored.copy_sha256
    for width, most in pictures.MOST_BYTES.items():
        path = pictures.small(tmp_path, stored.copy_sha256, width)
        assert path.stat().st_size <= most
        with Image.open(path) as drawn:
            assert drawn.width == width
            assert not drawn.getexif()
    with pytest.raises(NotFound):
        pictures.small(tmp_path, stored.copy_sha256, 9999)
    with pytest.raises(NotFound):
        pictures.small(tmp_path, "0" * 64, 320)
