"""How a title's keepers draw pairs and labels up: pictures checked, faults at their fields, a second person, others' products not found."""

from __future__ import annotations

import io
import re
import uuid
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from PIL import Image
from sqlalchemy import select

from tests import factories
from tests.conftest import NOW
from tests.services.test_pairs import drafted
from tests.test_access import totp_key
from trace.models.parties import Role
from trace.models.showcase import ComparisonPair, PairState, ProductLabelVersion
from trace.services import slugs
from trace.services.label_versions import MANDATORY

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session

    from trace.models.parties import AppUser, Party

NOTHING = UUID("00000000-0000-4000-8000-000000000000")


def picture(colour: str = "#334455") -> io.BytesIO:
    saved = io.BytesIO()
    Image.new("RGB", (640, 480), colour).save(saved, "PNG")
    saved.seek(0)
    return saved


def keeper(session: Session, organisation: Party, role: Role) -> AppUser:
    """Another person, with a second factor as the role asks for."""
    made = factories.user(session, f"nguoi.{role.value[:8]}", "Người mẫu Khác", NOW, key=totp_key())
    factories.role(session, made, organisation, role, NOW)
    session.commit()
    return made


def pair_data(token: str, **more: Any) -> dict[str, Any]:
    said = {
        "csrf_token": token, "idempotency_key": uuid.uuid4().hex, "revision": "", "angle_vi": "Mặt trước", "angle_en": "Front",
        "found_on": "01/06/2026", "finding": "suspect", "document": "", "source_vi": "Ảnh mẫu", "source_en": "Sample",
        "genuine": (picture(), "that.png"), "suspect": (picture("#553344"), "nghi.png"),
    }  # fmt: skip
    return said | more


def label_data(token: str, **more: str) -> dict[str, str]:
    said = {name: f"{name} mẫu" for name in MANDATORY}
    return (
        {
            "csrf_token": token,
            "idempotency_key": uuid.uuid4().hex,
            "seen": "0",
            "valid_from": "01/12/2099",
            "reason": "Bản đầu",
            "deed": "save",
        }
        | said
        | more
    )


@pytest.fixture
def manager(world: factories.World, sign_in: Callable[[Any], FlaskClient]) -> FlaskClient:
    return sign_in(world.manager)


def test_a_pair_is_entered_marked_and_left_to_another(
    manager: FlaskClient, session: Session, world: factories.World, token_of: Callable[[FlaskClient, str], str]
) -> None:
    path = f"/van-bang/san-pham/{world.product.id}/that-gia"
    token = token_of(manager, f"{path}/moi")
    data = pair_data(token)
    answer = manager.post(f"{path}/moi", data=data, content_type="multipart/form-data")
    assert answer.status_code == 303
    again = pair_data(token, idempotency_key=data["idempotency_key"])
    assert manager.post(f"{path}/moi", data=again, content_type="multipart/form-data").location == answer.location
    (pair,) = session.scalars(select(ComparisonPair)).all()
    assert (pair.genuine_w, pair.genuine_h) == (640, 480)
    assert pair.genuine.copy_sha256
    own = f"/van-bang/that-gia/{pair.id}"
    marked = {
        name: value for name, value in pair_data(token, revision="1").items() if name not in {"genuine", "suspect", "idempotency_key"}
    } | {"differences-0-x": "12,5", "differences-0-y": "20", "differences-0-r": "8", "differences-0-side": "both", "differences-0-vi": "Chữ", "differences-0-en": "Letters"}  # fmt: skip
    assert manager.post(own, data=marked).status_code == 303
    session.expire_all()
    assert pair.differences == [
        {"x": 12.5, "y": 20.0, "r": 8.0, "vi": "Chữ", "en": "Letters", "side": "both", "covert": False}
    ]
    refused = manager.post(f"{own}/cong-bo", data={"csrf_token": token, "revision": "2"})
    assert refused.status_code == 403
    assert "người khác phải công bố" in refused.get_data(as_text=True)
    page = manager.get(own).get_data(as_text=True)
    assert 'cx="80.0" cy="96.0" r="51.2"' in page
    assert (
        manager.get(f"/anh/{pair.genuine.copy_sha256}-640.jpg", buffered=True).headers["Cache-Control"]
        == "private, no-store"
    )


def test_another_person_publishes_and_anybody_who_keeps_it_withdraws(
    session: Session,
    world: factories.World,
    sign_in: Callable[[Any], FlaskClient],
    token_of: Callable[[FlaskClient, str], str],
    app: Any,
) -> None:
    pair = drafted(session, world, app.config["TEMTHAT"].files_dir)
    session.commit()
    science = sign_in(keeper(session, world.authority, Role.SCIENCE_DEPARTMENT))
    own = f"/van-bang/that-gia/{pair.id}"
    token = token_of(science, own)
    assert science.post(f"{own}/cong-bo", data={"csrf_token": token, "revision": "7"}).status_code == 409
    assert science.post(f"{own}/cong-bo", data={"csrf_token": token, "revision": "1"}).status_code == 303
    session.expire_all()
    assert pair.state is PairState.PUBLISHED
    assert science.post(own, data={"csrf_token": token, "revision": "2", "angle_vi": "x"}).status_code == 422
    assert science.post(f"{own}/rut", data={"csrf_token": token}).status_code == 422
    assert science.post(f"{own}/rut", data={"csrf_token": token, "reason": "Nhầm"}).status_code == 303
    assert science.post(f"{own}/rut", data={"csrf_token": token, "reason": "Nhầm"}).status_code == 409


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"genuine": (io.BytesIO(b"MZ not a picture"), "x.jpg")}, "Tệp này không phải"),
        ({"genuine": (io.BytesIO(b""), "x.jpg")}, "Tệp rỗng"),
        ({"suspect": (io.BytesIO(b""), "")}, "Chọn một ảnh"),
        ({"found_on": "32/13/2026"}, "31/12/2026"),
        ({"finding": "counterfeit"}, "kết luận giám định"),
        ({"finding": "fake"}, "Lựa chọn chưa đúng"),
        ({"angle_vi": "x" * 500}, "120"),
        ({"differences-0-x": "abc", "differences-0-vi": "a", "differences-0-en": "b"}, "1.234,5"),
        ({"differences-0-x": "50", "differences-0-y": "900", "differences-0-r": "5", "differences-0-vi": "a", "differences-0-en": "b"}, "Vòng tròn 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_and_nothing_is_kept(
    manager: FlaskClient,
    session: Session,
    world: factories.World,
    token_of: Callable[[FlaskClient, str], str],
    wrong: dict[str, Any],
    said: str,
) -> None:
    path = f"/van-bang/san-pham/{world.product.id}/that-gia/moi"
    fresh = {
        name: (io.BytesIO(value[0].getvalue()), value[1]) if isinstance(value, tuple) else value
        for name, value in wrong.items()
    }
    answer = manager.post(path, data=pair_data(token_of(manager, path), **fresh), content_type="multipart/form-data")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert said in page
    if "angle_vi" not in wrong:
        assert 'value="Mặt trước"' in page
    assert session.scalars(select(ComparisonPair)).all() == []


def test_pages_of_another_body_are_not_found_and_a_clerk_may_not(
    session: Session,
    world: factories.World,
    sign_in: Callable[[Any], FlaskClient],
    token_of: Callable[[FlaskClient, str], str],
    app: Any,
) -> None:
    pair = drafted(session, world, app.config["TEMTHAT"].files_dir)
    session.commit()
    stranger = keeper(session, factories.party(session, "Hội mẫu khác"), Role.MANAGER)
    paths = [f"/van-bang/san-pham/{world.product.id}/that-gia", f"/van-bang/san-pham/{world.product.id}/that-gia/moi", f"/van-bang/that-gia/{pair.id}",
             f"/van-bang/san-pham/{world.product.id}/nhan-dien-tu", f"/van-bang/that-gia/{NOTHING}"]  # fmt: skip
    other, clerk = sign_in(stranger), sign_in(world.clerk)
    for path in paths:
        assert other.get(path).status_code == 404, path
        assert clerk.get(path).status_code == 403, path


def test_a_label_is_previewed_then_recorded_as_a_version(
    manager: FlaskClient, session: Session, world: factories.World, token_of: Callable[[FlaskClient, str], str]
) -> None:
    path = f"/van-bang/san-pham/{world.product.id}/nhan-dien-tu"
    token = token_of(manager, path)
    preview = manager.post(path, data=label_data(token, deed="preview"))
    assert preview.status_code == 200
    assert "Chưa lưu gì" in preview.get_data(as_text=True)
    assert session.scalars(select(ProductLabelVersion)).all() == []
    assert manager.post(path, data=label_data(token)).status_code == 303
    assert manager.post(path, data=label_data(token)).status_code == 409
    newer = label_data(token, seen="1", storage_vi="Giữ mát")
    assert manager.post(path, data=newer).status_code == 303
    assert [
        each.version for each in session.scalars(select(ProductLabelVersion).order_by(ProductLabelVersion.version))
    ] == [1, 2]
    assert world.manager.full_name in manager.get(path).get_data(as_text=True)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name_vi": ""}, "Nhãn bắt buộc phải ghi điều này"),
        ({"valid_from": "xx"}, "31/12/2026"),
        ({"reason": ""}, "có gì mới"),
        ({"origin_vi": "x" * 400}, "300"),
    ],
)
def test_a_label_that_lacks_something_says_where(
    manager: FlaskClient,
    session: Session,
    world: factories.World,
    token_of: Callable[[FlaskClient, str], str],
    wrong: dict[str, str],
    said: str,
) -> None:
    path = f"/van-bang/san-pham/{world.product.id}/nhan-dien-tu"
    answer = manager.post(path, data=label_data(token_of(manager, path), **wrong))
    assert answer.status_code == 422
    assert said in answer.get_data(as_text=True)
    assert session.scalars(select(ProductLabelVersion)).all() == []


def test_a_document_goes_with_a_version_and_to_keep_only(
    manager: FlaskClient,
    client: FlaskClient,
    session: Session,
    world: factories.World,
    token_of: Callable[[FlaskClient, str], str],
) -> None:
    world.title.is_sample = True
    session.commit()
    path = f"/van-bang/san-pham/{world.product.id}/nhan-dien-tu"
    data: dict[str, Any] = label_data(token_of(manager, path), valid_from="")
    today = re.search(
        r'id="valid_from"[^>]*value="([^"]+)"|value="([^"]+)"[^>]*id="valid_from"',
        manager.get(path).get_data(as_text=True),
    )
    assert today
    data["valid_from"] = today[1] or today[2]
    content = b"%PDF-1.4\n1 0 obj<<>>endobj\nstartxref\n9\n%%EOF"
    assert (
        manager.post(
            path, data=data | {"file": (io.BytesIO(content), "phieu.pdf")}, content_type="multipart/form-data"
        ).status_code
        == 303
    )
    answer = client.get(
        f"/san-pham/{slugs.slug(world.product.name, world.product.id)}/nhan-dien-tu/1/tep", buffered=True
    )
    assert answer.data == content
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
