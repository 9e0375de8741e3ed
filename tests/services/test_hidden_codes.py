"""Six digits under a scratch layer as an option of an order: the layout must have room for them, and who takes them is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from labels.code import hidden_code
from labels.keys import Keyring
from tests import factories
from tests.conftest import NOW
from tests.factories import SECRET, World
from trace import clock
from trace.errors import NotFound, Refused, TemThatError
from trace.models.history import History
from trace.models.labels import LabelOrder
from trace.models.printing import Drawing, DrawingKind
from trace.services import drawing, jams, layouts, ordering, outputs, printing, samples
from trace.services.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session

PRESS, ROLL, PLAIN = "press-60x40-scratch", "roll-70x50-scratch", "a4-24"
RING: dict[str, Any] = {"keyring": Keyring(((1, 1, SECRET),)), "host": "TEMTHAT.TEST"}


def own(world: World) -> Reach:
    return Reach(holders=frozenset({world.cooperative.id}))


def place(session: Session, world: World, layout: str = PRESS, *, hidden_codes: bool = True) -> LabelOrder:
    return ordering.place(
        session, lot_id=world.lot.id, quantity=12, pack_weight_g=2000, layout=layout, hidden_codes=hidden_codes,
        by=world.clerk.id, at=NOW, reach=own(world),
    )  # fmt: skip


def kinds(refused: pytest.ExceptionInfo[Refused]) -> list[type[TemThatError]]:
    return [type(reason) for reason in refused.value.reasons]


def begin(session: Session, world: World, order: LabelOrder, layout: str) -> Any:
    return printing.begin(
        session, order.id, layout=layout, skip=0, reason="Thử", by=world.clerk.id, at=NOW, reach=own(world), **RING
    )


def taken(session: Session) -> list[tuple[Any, Any]]:
    return [
        (row.by, row.changes["kind"][1])
        for row in session.scalars(
            select(History).where(History.deed == "order:take_hidden_codes").order_by(History.id)
        )
    ]


@pytest.mark.parametrize(
    ("layout", "hidden_codes", "fault"),
    [(PLAIN, True, layouts.ScratchBoxMissing), (PRESS, False, layouts.ScratchBoxEmpty), (ROLL, False, layouts.ScratchBoxEmpty)],
)  # fmt: skip
def test_layout_and_order_must_agree_about_the_scratch_box(
    session: Session, world: World, layout: str, fault: type[TemThatError], *, hidden_codes: bool
) -> None:
    quote = ordering.quote(
        session, lot_id=world.lot.id, quantity=12, pack_weight_g=2000, layout=layout, hidden_codes=hidden_codes, at=NOW,
        reach=own(world),
    )  # fmt: skip
    assert [type(reason) for reason in quote.reasons] == [fault]
    with pytest.raises(Refused) as refused:
        place(session, world, layout, hidden_codes=hidden_codes)
    assert kinds(refused) == [fault]
    assert factories.count(session, LabelOrder) == 0


def test_an_order_is_printed_and_tried_only_on_layouts_that_agree(session: Session, world: World) -> None:
    order = place(session, world)
    assert order.hidden_codes
    for refused_by in (
        lambda: begin(session, world, order, PLAIN),
        lambda: samples.make(
            session, order.id, printer="Máy mẫu", layout=PLAIN, by=world.clerk.id, at=NOW, reach=own(world), **RING
        ),
    ):
        with pytest.raises(Refused) as refused:
            refused_by()
        assert kinds(refused) == [layouts.ScratchBoxMissing]
    plain = place(session, world, PLAIN, hidden_codes=False)
    with pytest.raises(Refused) as refused:
        begin(session, world, plain, ROLL)
    assert kinds(refused) == [layouts.ScratchBoxEmpty]
    assert begin(session, world, order, ROLL).run == 1, "another layout with a box will do"


def test_what_replaces_jammed_labels_has_hidden_codes_too(session: Session, world: World) -> None:
    order = place(session, world)
    begin(session, world, order, PRESS)
    made = jams.reprint_from(session, order.id, 5, reason="Kẹt giấy", by=world.clerk.id, at=NOW, reach=own(world))
    assert (made.hidden_codes, made.quantity) == (True, 8)


@pytest.mark.parametrize(
    ("layout", "kind", "expected"),
    [
        (PRESS, DrawingKind.CSV, True), (PRESS, DrawingKind.XLSX, True), (PRESS, DrawingKind.PDF, True),
        (ROLL, DrawingKind.CSV, False), (ROLL, DrawingKind.XLSX, False), (ROLL, DrawingKind.ZPL, True),
        (PLAIN, DrawingKind.PDF, False), (PLAIN, DrawingKind.CSV, False), (PLAIN, DrawingKind.ZIP, False),
    ],
)  # fmt: skip
def test_a_list_holds_them_only_for_a_press(layout: str, kind: DrawingKind, *, expected: bool) -> None:
    assert outputs.has_hidden_codes(kind, layouts.BUILT_IN[layout]) is expected


def listed(session: Session, world: World, layout: str) -> bytes:
    order = place(session, world, layout)
    run = begin(session, world, order, layout)
    shared = printing.composed(session, order, run, host="TEMTHAT.TEST")
    counted = drawing.Counted(printing.labels_of(session, order, run, keyring=RING["keyring"], layout=shared.layout))
    return b"".join(outputs.pieces(DrawingKind.CSV, shared, counted, RING["keyring"], name="tem"))


def test_the_list_for_a_press_has_the_six_digits_of_each_label(session: Session, world: World) -> None:
    lines = listed(session, world, PRESS).decode().splitlines()
    assert lines[0] == "serial,code,url,hidden_code"
    assert lines[1].endswith("," + hidden_code(1, SECRET))
    assert b"hidden_code" not in listed(session, world, ROLL)


def test_who_streams_a_print_with_hidden_codes_is_written_down(session: Session, world: World) -> None:
    order, plain = place(session, world), place(session, world, PLAIN, hidden_codes=False)
    for each, layout in ((order, PRESS), (plain, PLAIN)):
        begin(session, world, each, layout)
        for _ in range(2):
            printing.draw(session, each.id, 1, by=world.clerk.id, at=NOW, reach=own(world), **RING)
    assert taken(session) == [(world.clerk.id, "pdf")] * 2


def test_taking_a_file_is_for_the_holder_alone_and_is_written_down(
    session: Session, world: World, tmp_path: Path
) -> None:
    order = place(session, world)
    begin(session, world, order, PRESS)
    asked = drawing.ask(session, order.id, 1, DrawingKind.CSV, by=world.clerk.id, at=NOW, reach=own(world), **RING)
    attempt = drawing.claim(session, asked.id, at=NOW) or 0
    work = drawing.prepare(session, asked.id, **RING)
    written = drawing.write(tmp_path, "1", work.pieces, lambda: None)
    drawing.finish(session, asked.id, written, attempt=attempt, at=NOW)
    session.expire_all()
    for reach in (
        Reach(titles=frozenset({world.title.id})),
        Reach(holders=frozenset({world.packing_house.id})),
        Reach(holders=frozenset({world.other_cooperative.id})),
    ):
        with pytest.raises(NotFound):
            drawing.take(session, asked.id, tmp_path, by=world.manager.id, at=NOW, reach=reach)
    assert taken(session) == []
    _found, path = drawing.take(session, asked.id, tmp_path, by=world.clerk.id, at=NOW, reach=own(world))
    assert hidden_code(12, SECRET).encode() in path.read_bytes()
    assert taken(session) == [(world.clerk.id, "csv")]
    assert session.get_one(Drawing, asked.id).order.hidden_codes


def test_the_wizard_carries_the_choice_to_the_order_and_its_page(
    session: Session, world: World, sign_in: Callable[[Any], FlaskClient], token_of: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(clock, "now", lambda: NOW)
    clerk = sign_in(world.clerk)
    asked = {"lot": str(world.lot.id), "quantity": "12", "pack_weight_g": "2000", "layout": PLAIN, "hidden_codes": "y"}
    refused = clerk.get("/tem/don/moi", query_string=asked).get_data(as_text=True)
    assert 'id="errors"' in refused
    asked["layout"] = PRESS
    check = clerk.get("/tem/don/moi", query_string=asked).get_data(as_text=True)
    assert 'name="hidden_codes" value="y"' in check
    form = {"csrf_token": token_of(clerk, f"/tem/don/moi?lot={world.lot.id}"), "idempotency_key": uuid4().hex}
    answer = clerk.post("/tem/don/moi", data=asked | form)
    order = session.scalars(select(LabelOrder)).one()
    assert (answer.status_code, order.hidden_codes) == (303, True)
    page = clerk.get(answer.location).get_data(as_text=True)
    offered = page.split('id="test_layout"')[1].split("</select>")[0]
    assert f'value="{PRESS}"' in offered
    assert f'value="{PLAIN}"' not in offered
    begin(session, world, order, PRESS)
    session.commit()
    assert clerk.get(f"/tem/don/{order.id}/tem.pdf?run=1").data[:5] == b"%PDF-"
    assert taken(session) == [(world.clerk.id, "pdf")]
    for who in (world.manager, world.inspector):
        assert sign_in(who).get(f"/tem/don/{order.id}/tem.pdf?run=1").status_code == 403
    assert taken(session) == [(world.clerk.id, "pdf")]
