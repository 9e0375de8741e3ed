"""Layouts of one's own in the browser: the drawing at its real size, every fault in words, and logos of all bad kinds."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from labels import layout_data
from labels.layout import PRESETS
from tests import factories
from tests.conftest import NOW
from tests.factories import SECRET, World
from trace import clock
from trace.models.labels import PrintRun
from trace.models.printing import LabelLayout, LabelLogo
from trace.services import layouts, ordering
from trace.services.reach import Reach

Enter = Callable[[Any], FlaskClient]
Token = Callable[[FlaskClient, str], str]
NEW = "/tem/bo-cuc/moi?from=a4-24"


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def clerk(world: World, sign_in: Enter) -> FlaskClient:
    return sign_in(world.clerk)


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))


def fields(world: World, base: str = "a4-24", **changes: Any) -> dict[str, Any]:
    data = layout_data.to_data(layouts.BUILT_IN[base])
    typed = {name: str(value).replace(".", ",") if isinstance(value, float) else value for name, value in data.items()}
    typed = {name: value for name, value in typed.items() if value is not False}
    return (
        typed | {"name": "Tem hộp 2 kg", "holder": str(world.cooperative.id), "product": "", "replaces": ""} | changes
    )


@pytest.fixture
def post(clerk: FlaskClient, token_of: Token) -> Callable[..., Any]:
    def send(path: str, page: str, form: dict[str, Any]) -> Any:
        return clerk.post(path, data={"csrf_token": token_of(clerk, page), "idempotency_key": uuid4().hex} | form)

    return send


@pytest.mark.parametrize("base", list(layouts.BUILT_IN))
def test_every_built_in_layout_can_be_drawn_and_saved_as_ones_own(
    base: str, clerk: FlaskClient, post: Any, world: World, session: Session
) -> None:
    page = clerk.get(f"/tem/bo-cuc/moi?from={base}")
    width, height = layouts.BUILT_IN[base].page_mm
    drawn = text(page)
    assert f'width="{width:g}mm" height="{height:g}mm"' in drawn
    assert drawn.count('href="#label"') == layouts.BUILT_IN[base].cells
    assert post("/tem/bo-cuc/moi", NEW, fields(world, base)).status_code == 303
    row = session.scalars(select(LabelLayout)).one()
    kept = layouts.find(session, str(row.id), holder_id=world.cooperative.id)
    assert layout_data.to_data(kept) == layout_data.to_data(layouts.BUILT_IN[base]) | {"name": "Tem hộp 2 kg"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"columns": "4"}, "70"),  # 4 × 70 mm on 210 mm is 70 mm too wide
        ({"rows": "9"}, "36,5"),
        ({"qr_mm": "10"}, "15,7"),  # the smallest that works is named
        ({"qr_mm": "36"}, "mm"),
        ({"quiet_modules": "2"}, "4"),
        ({"label_width_mm": "-5"}, "Chiều rộng|Width"),
        ({"label_width_mm": "1e9"}, ""),
        ({"columns": ""}, ""),
        ({"columns": "0"}, ""),
        ({"skip": "24"}, "24"),
        ({"logo_width_mm": "60", "logo_height_mm": "30"}, "mm"),
        ({"name": ""}, ""),
        ({"name": "x" * 81}, ""),
        ({"paper": "A0"}, ""),
    ],
)
def test_a_layout_that_does_not_fit_is_refused_in_words(
    changes: dict[str, str], said: str, post: Any, world: World, session: Session
) -> None:
    answer = post("/tem/bo-cuc/moi", NEW, fields(world, **changes))
    assert answer.status_code == 422
    assert re.search(said, text(answer).split('id="errors"')[1][:2500])
    assert factories.count(session, LabelLayout) == 0


def test_drawing_again_keeps_nothing(post: Any, world: World, session: Session) -> None:
    answer = post("/tem/bo-cuc/moi", NEW, fields(world, skip="5", draw="1"))
    assert answer.status_code == 200
    assert text(answer).count('href="#label"') == 19
    assert factories.count(session, LabelLayout) == 0


def test_saving_anew_makes_a_version_and_old_prints_keep_theirs(
    post: Any, world: World, session: Session, clerk: FlaskClient
) -> None:
    from labels.keys import Keyring
    from trace.services import printing

    post("/tem/bo-cuc/moi", NEW, fields(world))
    first = session.scalars(select(LabelLayout)).one()
    reach = Reach(holders=frozenset({world.cooperative.id}))
    facts: dict[str, Any] = {"by": world.clerk.id, "at": NOW, "reach": reach}
    order = ordering.place(session, lot_id=world.lot.id, quantity=30, pack_weight_g=500, layout=str(first.id), **facts)
    ring = {"keyring": Keyring(((1, 1, SECRET),)), "host": "TEMTHAT.TEST"}
    printing.begin(session, order.id, layout=str(first.id), skip=0, reason=None, **facts, **ring)
    session.commit()
    before = b"".join(printing.draw(session, order.id, 1, **ring, at=NOW, reach=reach).pieces)
    assert "Tem hộp 2 kg" in text(clerk.get(f"/tem/don/{order.id}"))

    changed = fields(world, replaces=str(first.id), qr_mm="26")
    assert post("/tem/bo-cuc/moi", f"/tem/bo-cuc/{first.id}", changed).status_code == 303
    session.expire_all()
    rows = session.scalars(select(LabelLayout).order_by(LabelLayout.version)).all()
    assert [(row.version, row.retired_at is None, row.data["qr_mm"]) for row in rows] == [
        (1, False, 25.1),
        (2, True, 26.0),
    ]
    assert b"".join(printing.draw(session, order.id, 1, **ring, at=NOW, reach=reach).pieces) == before
    assert post("/tem/bo-cuc/moi", NEW, fields(world)).status_code == 422, "the name is taken"
    assert post("/tem/bo-cuc/moi", NEW, changed).status_code == 409, "somebody changed it meanwhile"
    assert str(rows[0].id) not in layouts.choices(session, world.cooperative.id)
    assert clerk.get(f"/tem/don/{order.id}").status_code == 200
    assert session.scalars(select(PrintRun.layout)).one() == str(first.id)


def test_layouts_of_others_are_not_found(
    clerk: FlaskClient, post: Any, world: World, session: Session, sign_in: Enter, token_of: Token
) -> None:
    post("/tem/bo-cuc/moi", NEW, fields(world))
    row = session.scalars(select(LabelLayout)).one()
    other = sign_in(world.other_clerk)
    assert other.get(f"/tem/bo-cuc/{row.id}").status_code == 404
    form = {"csrf_token": token_of(other, "/tem/bo-cuc"), "idempotency_key": uuid4().hex}
    assert other.post(f"/tem/bo-cuc/{row.id}/bo", data=form).status_code == 404
    stolen = fields(world, replaces=str(row.id), holder=str(world.other_cooperative.id), name="Khác")
    assert other.post("/tem/bo-cuc/moi", data=form | stolen).status_code == 404
    with pytest.raises(layouts.UnknownLayout):
        layouts.find(session, str(row.id), holder_id=world.other_cooperative.id)
    assert post(f"/tem/bo-cuc/{row.id}/bo", "/tem/bo-cuc", {}).status_code == 303
    assert clerk.get("/tem/bo-cuc/moi?from=a3-1").status_code == 404
    assert sign_in(world.manager).get("/tem/bo-cuc").status_code == 403


def picture(kind: str, mode: str = "RGB", size: tuple[int, int] = (300, 120)) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, 0).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "good"),
    [
        (picture("PNG", "RGBA"), True), (picture("JPEG"), True), (picture("PNG", "1"), True),
        (picture("JPEG", "CMYK"), False),
        (picture("PNG", "1", (10_000, 10_000)), False),  # 100 megapixels in a few kB
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', False),
        (picture("GIF", "P"), False), (b"", False), (picture("PNG")[:100], False), (b"\x89PNG\r\n\x1a\n" + bytes(40), False),
        (b"x" * 400_001, False),
    ],
    ids=["rgba", "jpeg", "bits", "cmyk", "100 megapixels", "svg with script", "gif", "empty", "cut off", "rubbish", "too many bytes"],
)  # fmt: skip
def test_logos_are_png_or_jpeg_in_rgb_and_made_anew(
    data: bytes,
    good: bool,
    clerk: FlaskClient,
    token_of: Token,
    world: World,
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Werkzeug's test client leaves larger forms in temporary files that it does not close.
    monkeypatch.setattr(layouts, "LOGO_BYTES", 400_000)
    form = {
        "csrf_token": token_of(clerk, "/tem/bo-cuc"), "idempotency_key": uuid4().hex, "logo_holder": str(world.cooperative.id),
        "title": str(world.title.id), "picture": (io.BytesIO(data), "logo.png"),
    }  # fmt: skip
    answer = clerk.post("/tem/bo-cuc/logo", data=form)
    assert answer.status_code == (303 if good else 422)
    if good:
        kept = session.scalars(select(LabelLogo)).one()
        assert Image.open(io.BytesIO(kept.picture)).format == "PNG"
        assert max(kept.width_px, kept.height_px) <= 800
    else:
        assert factories.count(session, LabelLogo) == 0
        assert "<script>alert" not in text(answer)


def test_a_word_in_the_place_of_a_logo_is_no_logo(world: World, sign_in: Any, token_of: Any) -> None:
    clerk = sign_in(world.clerk)
    form = {
        "csrf_token": token_of(clerk, "/tem/bo-cuc"), "idempotency_key": uuid4().hex, "logo_holder": str(world.cooperative.id),
        "title": str(world.title.id), "picture": "logo.png",
    }  # fmt: skip
    assert clerk.post("/tem/bo-cuc/logo", data=form).status_code == 422


def test_the_logo_of_the_time_of_the_print_stays_with_it(session: Session, world: World) -> None:
    from labels.keys import Keyring
    from trace.services import printing

    reach = Reach(holders=frozenset({world.cooperative.id}))
    facts: dict[str, Any] = {"by": world.clerk.id, "at": NOW, "reach": reach}
    own = {**layout_data.to_data(PRESETS["a4-24"]), "name": "Có logo", "logo_width_mm": 12.0, "logo_height_mm": 6.0}
    row = layouts.save(
        session, own, holder_id=world.cooperative.id, product_id=world.product.id, replaces=None, **facts
    )
    whose = {"holder_id": world.cooperative.id, "title_id": world.title.id}
    first = layouts.add_logo(session, picture("PNG"), **whose, **facts)
    order = ordering.place(session, lot_id=world.lot.id, quantity=3, pack_weight_g=500, layout=str(row.id), **facts)
    ring = {"keyring": Keyring(((1, 1, SECRET),)), "host": "TEMTHAT.TEST"}
    run = printing.begin(session, order.id, layout=str(row.id), skip=0, reason=None, **facts, **ring)
    assert run.logo_id == first.id
    before = b"".join(printing.draw(session, order.id, 1, **ring, at=NOW, reach=reach).pieces)
    layouts.add_logo(session, picture("JPEG", size=(80, 80)), **whose, **facts)
    assert b"".join(printing.draw(session, order.id, 1, **ring, at=NOW, reach=reach).pieces) == before
    again = printing.begin(session, order.id, layout=str(row.id), skip=0, reason="Logo mới", **facts, **ring)
    assert again.logo_id != first.id
    assert b"".join(printing.draw(session, order.id, 2, **ring, at=NOW, reach=reach).pieces) != before


@pytest.mark.parametrize(
    ("base", "field", "bad"),
    [
        (base, name, bad)
        for base, bad in [("a4-24", "999.999"), ("roll-50x30-2", "-7"), ("press-60x40", "x"), ("a4-24", "")]
        for name in sorted(set(layout_data.to_data(layouts.BUILT_IN[base])) - {"kind", "cut_marks", "hidden_code"})
    ],
)
def test_faults_name_fields_as_the_page_does(base: str, field: str, bad: str, post: Any, world: World) -> None:
    answer = post("/tem/bo-cuc/moi", NEW, fields(world, base, **{field: bad}))
    page = text(answer)
    if answer.status_code == 303:
        return  # an empty field that has a usual value
    said = re.sub(r"<[^>]*>", " ", page.split('id="errors"')[1].split("</ul>")[0])
    assert field not in {"name", "printer", "ink", "level", "paper"} or answer.status_code == 422
    assert not re.search(r"[a-z]+_[a-z]+|%\(", said), said
    assert not re.search(r"\d\.\d\b(?!\d)", said), f"decimals have a comma: {said}"


def test_the_drawing_shows_the_logo_of_the_title(post: Any, world: World, session: Session) -> None:
    room = fields(world, "a4-8", logo_width_mm="15", logo_height_mm="10", draw="1")
    page = "/tem/bo-cuc/moi?from=a4-8"
    assert "data:image/png" not in text(post("/tem/bo-cuc/moi", page, room))
    reach = Reach(holders=frozenset({world.cooperative.id}))
    layouts.add_logo(
        session, picture("PNG"), holder_id=world.cooperative.id, title_id=world.title.id, by=world.clerk.id, at=NOW, reach=reach
    )  # fmt: skip
    session.commit()
    assert "data:image/png" in text(post("/tem/bo-cuc/moi", page, room))
    assert "data:image/png" in text(post("/tem/bo-cuc/moi", page, room | {"product": str(world.product.id)}))
    assert "data:image/png" not in text(
        post("/tem/bo-cuc/moi", page, room | {"logo_width_mm": "0", "logo_height_mm": "0"})
    )
    foreign = text(post("/tem/bo-cuc/moi", page, room | {"holder": str(world.other_cooperative.id)}))
    assert "data:image/png" not in foreign


def test_the_list_says_what_each_layout_is_printed_on(clerk: FlaskClient) -> None:
    page = text(clerk.get("/tem/bo-cuc"))
    for name, layout in layouts.BUILT_IN.items():
        row = page.split(f">{name}<")[1].split("</tr>")[0]
        assert (f"{layout.elements.printer} dpi" in row) is (layout.elements.printer != "offset"), name
