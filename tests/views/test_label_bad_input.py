"""What nobody should send to the pages of labels: said in words with the way out, nothing half done. And what must be seen at once."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from labels import code
from tests import factories
from tests.conftest import NOW
from tests.factories import SECRET, World
from trace import clock, words
from trace.models.history import History
from trace.models.labels import LabelHandover, LabelMove, LabelMovement, LabelOrder, PrintRun
from trace.services import ledger, ordering
from trace.services.reach import Reach

Enter = Callable[[Any], FlaskClient]
Token = Callable[[FlaskClient, str], str]
VI = words.read("vi")


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def clerk(world: World, sign_in: Enter) -> FlaskClient:
    return sign_in(world.clerk)


def own(world: World) -> Reach:
    return Reach(holders=frozenset({world.cooperative.id}))


def placed(session: Session, world: World, quantity: int = 100) -> LabelOrder:
    facts: dict[str, Any] = {"by": world.clerk.id, "at": NOW, "reach": own(world)}
    made = ordering.place(session, lot_id=world.lot.id, quantity=quantity, pack_weight_g=2000, layout="a4-24", **facts)
    factories.tested(session, made, NOW)
    ledger.apply(session, made.id, made.serials, LabelMove.PRINT, **facts)
    ledger.apply(session, made.id, made.serials, LabelMove.RECEIVE, counted=quantity, **facts)
    session.commit()
    return made


@pytest.fixture
def order(session: Session, world: World) -> LabelOrder:
    return placed(session, world)


@pytest.fixture
def post(token_of: Token) -> Callable[..., Any]:
    def send(client: FlaskClient, path: str, page: str, **fields: Any) -> Any:
        return client.post(path, data={"csrf_token": token_of(client, page), "idempotency_key": uuid4().hex} | fields)

    return send


def errors(answer: Any) -> str:
    """What stands in the summary of errors, without tags."""
    page = re.sub(r"\s+", " ", answer.get_data(as_text=True))
    return re.sub(r"<[^>]*>", " ", page.split('id="errors"')[1].split("</ul>")[0])


def moved(session: Session) -> tuple[int, int, int]:
    """Nothing is half done when these stay as they were."""
    return tuple(factories.count(session, each) for each in (LabelMovement, LabelHandover, History))  # type: ignore[return-value]


def vietnamese(*ids: str) -> list[str]:
    """Message ids in Vietnamese, up to the first fact."""
    return [VI[each].split("%(")[0].strip() for each in ids]


@pytest.mark.parametrize(
    ("quantity", "said"),
    [
        ("0", "An order needs at least 1 label."),
        ("-5", "An order needs at least 1 label."),
        ("1000000000000", "One order holds at most %(most)s labels."),
        ("99999999999999999999999", None),
        ("1e9", None),
        ("12,5", None),
        ("", None),
    ],
)
def test_an_order_of_nothing_or_everything_is_refused_in_words(
    session: Session, clerk: FlaskClient, world: World, post: Any, quantity: str, said: str | None
) -> None:
    asked = {"lot": str(world.lot.id), "quantity": quantity, "pack_weight_g": "2000", "layout": "a4-24"}
    answer = post(clerk, "/tem/don/moi", f"/tem/don/moi?lot={world.lot.id}", **asked)
    assert answer.status_code == 422
    assert all(each in errors(answer) for each in (vietnamese(said) if said else [""]))
    assert 'id="errors"' in clerk.get("/tem/don/moi", query_string=asked).get_data(as_text=True)
    assert factories.count(session, LabelOrder) == 0


@pytest.mark.parametrize(
    ("serials", "said"),
    [
        ("40-11", "The first serial, %(first)s, is larger than the last, %(last)s."),
        ("1-20, 15-30", "Serials %(serials)s are named more than once."),
        ("95-105", "Serials %(serials)s do not all belong to order %(order)s, which has %(own)s."),
        ("101-110", "Serials %(serials)s do not all belong to order %(order)s, which has %(own)s."),
        ("900000", "Serials %(serials)s do not all belong to order %(order)s, which has %(own)s."),
        (code.encode(5, bytes(32)), "This code was not issued here, or it was mistyped."),
        ("0", "These are not serials or codes of labels."),
        ("-5", "These are not serials or codes of labels."),
        ("1073741824", "These are not serials or codes of labels."),
        (", ".join(str(n) for n in range(1, 999, 2)), "These are %(ranges)s separate ranges."),
    ],
)
def test_serials_that_cannot_be_meant_move_nothing(
    session: Session, clerk: FlaskClient, world: World, order: LabelOrder, post: Any, serials: str, said: str
) -> None:
    placed(session, world, 10)  # 101–110 are of another order of the same holder
    before, here = moved(session), f"/tem/don/{order.id}"
    answer = post(clerk, f"{here}/spoil", f"{here}?move=spoil", serials=serials, reason="In nhòe")
    assert answer.status_code == 422
    whole = next(each for each in VI if isinstance(each, str) and each.startswith(said))
    assert vietnamese(whole)[0] in errors(answer)
    assert moved(session) == before


def test_serials_of_another_holder_are_not_found(
    session: Session, world: World, order: LabelOrder, sign_in: Enter, post: Any
) -> None:
    other = sign_in(world.other_clerk)
    before = moved(session)
    page = f"/tem/don/moi?lot={world.other_lot.id}"
    assert post(other, f"/tem/don/{order.id}/spoil", page, serials="1-5", reason="Thử").status_code == 404
    assert moved(session) == before


def test_a_handover_to_oneself_or_to_nobody_is_refused(
    session: Session, clerk: FlaskClient, world: World, order: LabelOrder, post: Any
) -> None:
    before, here = moved(session), f"/tem/don/{order.id}"
    for taker, said in [
        (world.cooperative, "Labels cannot be handed over to the organisation that has them."),
        (world.authority, "Nobody of %(taker)s can confirm that the labels arrived."),
    ]:
        answer = post(clerk, f"{here}/hand_over", f"{here}?move=hand_over", serials="1-5", taker=str(taker.id))
        assert answer.status_code == 422
        assert vietnamese(said)[0] in errors(answer)
    assert post(clerk, f"{here}/hand_over", here, serials="1-5", taker=str(uuid4())).status_code == 404
    assert post(clerk, f"{here}/hand_over", here, serials="1-5", taker="").status_code == 422
    assert moved(session) == before


def test_activation_on_a_lot_that_does_not_match_is_refused(
    session: Session, clerk: FlaskClient, world: World, order: LabelOrder, post: Any
) -> None:
    product = factories.Product(
        title_id=world.title.id, name="Vải khô mẫu", name_en="Dried lychee", description="Khô", source_kind=world.product.source_kind
    )  # fmt: skip
    session.add(product)
    session.flush()
    begun = world.season.runs_during.lower
    seasons = [
        factories.Season(
            product_id=world.product.id, name="Vụ khác", runs_during=Range(begun - timedelta(days=99), begun)
        ),
        factories.Season(product_id=product.id, name="Vụ vải khô", runs_during=world.season.runs_during),
    ]
    session.add_all(seasons)
    session.flush()
    unlike = "Lot %(code)s is not of the same certificate, product and season as this order."
    full = "%(quantity)s labels for packs of %(weight)s kg are %(over)s kg over what is left of lot %(code)s. %(fit)s labels would fit."
    lots = [
        (factories.lot(session, world.certificate, product, seasons[1], world.area, NOW, code="L-SP"), unlike),
        (factories.lot(session, world.certificate, world.product, seasons[0], world.area, NOW, code="L-VU", harvested_on=begun - timedelta(days=9)), unlike),
        (factories.lot(session, world.certificate, world.product, world.season, world.area, NOW, code="L-IT", volume_g=19_999), full),
    ]  # fmt: skip
    session.commit()
    before, here = moved(session), f"/tem/don/{order.id}"
    for lot, said in lots:
        answer = post(clerk, f"{here}/activate", f"{here}?move=activate", serials="1-10", lot=str(lot.id))
        assert answer.status_code == 422, lot.code
        parts = [part.strip() for part in re.split(r"%\(\w+\)s", VI[said]) if len(part.strip()) > 12]
        assert parts
        assert all(part in errors(answer) for part in parts[:1]), lot.code
        assert lot.code in errors(answer)
    assert post(clerk, f"{here}/activate", here, serials="1-10", lot=str(world.other_lot.id)).status_code == 404
    assert moved(session) == before
    session.expire_all()
    assert (world.lot.labelled_g, lots[2][0].labelled_g) == (200_000, 0)


@pytest.mark.parametrize(
    ("name", "status"),
    [("Vải thiều " * 20, 303), ("Vải thiều 荔枝", 422)],
    ids=["200 characters", "a sign the font lacks"],
)
def test_a_product_name_is_fitted_or_refused_before_anything_is_printed(
    session: Session, clerk: FlaskClient, world: World, order: LabelOrder, post: Any, name: str, status: int
) -> None:
    world.product.name = name.strip()
    session.commit()
    before, here = moved(session), f"/tem/don/{order.id}"
    answer = post(clerk, f"{here}/in", here, layout="a4-65", position="1")
    assert answer.status_code == status
    assert factories.count(session, PrintRun) == (1 if status == 303 else 0)
    if status == 422:
        assert vietnamese("The label font has no sign for: %(characters)s")[0] in errors(answer)
        assert moved(session) == before
    else:
        assert clerk.get(f"{here}/tem.pdf?run=1").data[:5] == b"%PDF-"
    assert clerk.get(here).status_code == 200


def test_a_lost_roll_is_void_for_the_next_scan_in_less_than_five_seconds(
    clerk: FlaskClient, client: FlaskClient, world: World, order: LabelOrder, post: Any
) -> None:
    here = f"/tem/don/{order.id}"
    assert post(clerk, f"{here}/activate", here, serials="1-100", lot=str(world.lot.id)).status_code == 303
    path = f"/T/{code.encode(55, SECRET)}"
    heading = re.compile(r"<h1[^>]*>(.*?)</h1>", re.DOTALL)

    def said() -> str:
        return re.sub(r"<[^>]*>|\s+", " ", heading.findall(client.get(path).get_data(as_text=True))[0]).strip()

    assert VI["Label valid"] in said()
    began = time.monotonic()
    assert (
        post(clerk, f"{here}/lose", here, serials="51-100", reason="Cuộn rơi trên đường, chưa tìm thấy").status_code
        == 303
    )
    assert VI["Label cancelled"] in said()
    assert time.monotonic() - began < 5
