"""The catalogue of what buyers compare: its rules in the service and in the database, its order, and when it counts as complete."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.conftest import NOW
from tests.services.test_scanning import issue
from trace.errors import NotFound, Refused, broken_constraint
from trace.models.files import StoredFile
from trace.models.titles import PointKind
from trace.services import comparison_points, editing, history, officer_facts, pictures, public_products
from trace.services.comparison_points import Facts
from trace.services.reach import Reach

ALL = Reach(everything=True)
TODAY = date(2026, 6, 14)


def facts(**changed: Any) -> Facts:
    return Facts(
        **({"kind": PointKind.PRINT, "vi": "Mực đổi màu khi nghiêng", "en": "Ink that changes colour"} | changed)
    )


def add(session: Any, world: Any, **changed: Any) -> Any:
    return comparison_points.add(session, world.product.id, facts(**changed), by=world.manager.id, at=NOW, reach=ALL)


def edit(session: Any, world: Any, point: Any, **changed: Any) -> Any:
    revision = changed.pop("revision", comparison_points.of(session, world.product.id, reach=ALL).revision)
    return comparison_points.edit(
        session, point.id, facts(**changed), revision=revision, by=world.manager.id, at=NOW, reach=ALL
    )


def order(session: Any, world: Any) -> list[str]:
    return [point.text_vi for point in comparison_points.of(session, world.product.id, reach=ALL).comparison_points]


def kinds(refused: Any) -> set[type]:
    return {type(reason) for reason in refused.value.reasons}


def test_a_point_comes_last_and_is_written_down(session: Any, world: Any) -> None:
    made = add(session, world, zh="倾斜时变色的油墨")
    assert order(session, world)[-1] == "Mực đổi màu khi nghiêng"
    assert (made.position, made.text_zh, made.text_ja) == (4, "倾斜时变色的油墨", None)
    deed = history.of(session, world.product.id)[0]
    assert (deed.deed, deed.by) == ("product:point_add", world.manager.id)


def test_there_are_at_most_five_and_all_faults_are_told_at_once(session: Any, world: Any) -> None:
    add(session, world)
    add(session, world, vi="Túi có khóa kéo")
    wrong = {"kind": PointKind.HIDDEN_CODE, "shown_from": date(2026, 7, 1), "shown_until": date(2026, 6, 1)}
    with pytest.raises(Refused) as refused:
        add(session, world, **wrong)
    assert kinds(refused) == {
        comparison_points.TooManyPoints, comparison_points.PeriodBackward, comparison_points.HiddenCodeNotHard,
    }  # fmt: skip


def test_points_change_places_and_the_ends_stay(session: Any, world: Any) -> None:
    first, second, third = order(session, world)
    points = comparison_points.of(session, world.product.id, reach=ALL).comparison_points
    ids = [point.id for point in points]

    def move(point_id: int, *, up: bool) -> None:
        comparison_points.move(session, point_id, up=up, by=world.manager.id, at=NOW, reach=ALL)

    move(ids[2], up=True)
    assert order(session, world) == [first, third, second]
    move(ids[0], up=True)
    move(ids[1], up=False)
    assert order(session, world) == [first, third, second]
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))


def test_a_retired_point_frees_its_place_and_stays_on_record(session: Any, world: Any) -> None:
    points = comparison_points.of(session, world.product.id, reach=ALL).comparison_points
    gone = points[0]
    comparison_points.retire(session, gone.id, by=world.manager.id, at=NOW, reach=ALL)
    assert gone.text_vi not in order(session, world)
    assert comparison_points.get(session, gone.id, reach=ALL).retired_at == NOW
    for deed in (
        lambda: comparison_points.retire(session, gone.id, by=world.manager.id, at=NOW, reach=ALL),
        lambda: edit(session, world, gone),
    ):
        with pytest.raises(comparison_points.Retired):
            deed()
    for number in range(3):
        add(session, world, vi=f"Điểm {number}")
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    assert len(order(session, world)) == 5


def test_nobody_overwrites_what_they_have_not_seen(session: Any, world: Any) -> None:
    point = comparison_points.of(session, world.product.id, reach=ALL).comparison_points[0]
    seen = world.product.revision
    edit(session, world, point, vi="Một")
    with pytest.raises(editing.EditedMeanwhile):
        edit(session, world, point, vi="Hai", revision=seen)
    assert point.text_vi == "Một"
    assert "Một" in history.of(session, world.product.id)[0].changes["point"][1]


def test_three_points_one_of_them_hard_make_a_catalogue(session: Any, world: Any) -> None:
    def gaps(on: date = TODAY) -> list[tuple[int, bool]]:
        found = comparison_points.gaps(session, reach=ALL, on=on, limit=10)
        return [(gap.points, gap.has_hard) for gap in found if gap.product.id == world.product.id]

    assert gaps() == []
    hard = next(point for point in world.product.comparison_points if point.hard_to_copy)
    edit(session, world, hard, vi=hard.text_vi, en=hard.text_en, hard_to_copy=False)
    assert gaps() == [(3, False)]
    edit(session, world, hard, vi=hard.text_vi, en=hard.text_en, hard_to_copy=True, shown_until=date(2026, 6, 30))
    assert gaps() == []
    assert gaps(date(2026, 7, 1)) == [(2, False)]
    assert not comparison_points.is_complete(world.product.comparison_points, date(2026, 7, 1))


def test_a_point_of_somebody_elses_product_is_not_there(session: Any, world: Any) -> None:
    point = world.product.comparison_points[0]
    with pytest.raises(NotFound):
        comparison_points.get(session, point.id, reach=Reach(holders=frozenset({world.cooperative.id})))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("text_en = ' '", "ck_comparison_point_texts_present"),
        ("text_zh = ''", "ck_comparison_point_text_zh_present"),
        ("kind = 'smell'", "ck_comparison_point_pointkind"),
        ("kind = 'hidden_code', hard_to_copy = false", "ck_comparison_point_hidden_code_is_hard"),
        ("shown_from = '2026-07-01', shown_until = '2026-06-01'", "ck_comparison_point_period_ordered"),
        ("position = 6", "ck_comparison_point_position_range"),
        ("position = 2", "ex_comparison_point_one_in_place"),
    ],
)
def test_the_rules_also_stand_in_the_database(session: Any, world: Any, change: str, rule: str) -> None:
    point = world.product.comparison_points[0]
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    with pytest.raises(IntegrityError) as broken:
        session.execute(text(f"UPDATE comparison_point SET {change} WHERE id = {point.id}"))
    assert broken_constraint(broken.value) == rule


def test_a_covert_point_is_the_owners_and_officers_alone(session: Any, world: Any) -> None:
    issue(session, world)
    secret = "Sợi chỉ phát sáng dưới đèn tím"
    public = comparison_points.of(session, world.product.id, reach=ALL).comparison_points
    complete = comparison_points.is_complete(public, TODAY)
    made = add(session, world, vi=secret, en="A thread that glows", hard_to_copy=True, covert=True)
    assert secret in order(session, world)
    points = comparison_points.of(session, world.product.id, reach=ALL).comparison_points
    assert made not in comparison_points.shown_on(points, TODAY)
    assert comparison_points.is_complete(points, TODAY) == complete
    session.commit()
    assert secret not in str(public_products.page(session, world.product, on=TODAY))
    for function, code in (("verify_label", "1"), ("verify_lot", "'" + world.lot.public_code + "'")):
        asked = f"SELECT {function}({code}, :at, decode(repeat('ab', 12), 'hex'), 'preview', 'qr')::text"
        told = session.execute(text(asked), {"at": NOW}).scalar_one()
        assert "compare" in told
        assert secret not in told
    facts_of_officers = officer_facts.of_label(session, 1)
    assert facts_of_officers is not None
    assert [point.text_vi for point in facts_of_officers.covert] == [secret]
    edit(session, world, made, vi=secret, en="A thread that glows", hard_to_copy=True)
    assert made in comparison_points.shown_on([made], TODAY)


def test_the_picture_of_a_covert_point_is_not_public(session: Any, world: Any) -> None:
    picture = StoredFile(
        sha256="a" * 64, copy_sha256="b" * 64, size=1, media_type="image/png", name="x.png", received_at=NOW
    )
    session.add(picture)
    session.flush()
    made = add(session, world, picture_id=picture.id, covert=True)
    session.commit()
    assert not pictures.is_public(session, picture.copy_sha256)
    made.covert = False
    session.commit()
    assert pictures.is_public(session, picture.copy_sha256)
