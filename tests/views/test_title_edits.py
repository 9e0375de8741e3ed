"""Titles in the browser's forms: entered, edited by two at once, refused at each field, and read on a past day."""

from __future__ import annotations

import io
import re
from datetime import date, timedelta
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range

from tests import factories
from trace import clock
from trace.models.areas import ProductionSite, SiteKind
from trace.models.certificates import CertificateSource
from trace.models.lots import EligibleBalance
from trace.models.printing import LabelLogo
from trace.models.title_records import TitleAmendment, TitleImage
from trace.models.titles import Product, ProtectionTitle, Season, SourceKind, TitleKind, TitleRole, UseRegulation
from trace.services import volumes
from trace.services.reach import Reach

POINTS = {
    f"points-{n}-{name}": text
    for n, (vi, en) in enumerate([("Tem nguyên", "Whole"), ("Đúng túi", "Bag"), ("Niêm phong nổi", "Seal")])
    for name, text in (("vi", vi), ("en", en))
} | {"points-2-hard_to_copy": "y"}
PRODUCT = {"name": "Vải sấy", "name_en": "Dried", "description": "Vải", "source_kind": "area", **POINTS}
REGULATION = {
    "summary": "Quy chế 2", "deciding_document": "QĐ mẫu 8", "valid_from": "01/01/2099", "certificate_number": "{n:03}-{year}",
    "validity_months": "24", "renew_before_days": "30", "completeness_days": "3", "evaluation_days": "10", "decision_days": "15",
    "pack_weights_g": "250; 1.000", "gate_checks": "A1\nA2\n\nA1", "visit_within_days": "", "external_release": "y",
}  # fmt: skip


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page)
    assert found, name
    return found.group(1)


def send(client: Any, path: str, data: dict[str, Any], *, to: str | None = None) -> Any:
    """Fill the form of a page and send it."""
    page = client.get(path).get_data(as_text=True)
    carried = {
        name: hidden(page, name) for name in ("csrf_token", "revision", "idempotency_key") if f'name="{name}"' in page
    }
    return client.post(to or path, data=carried | data)


def errors(answer: Any) -> set[str]:
    """The fields that carry an error."""
    return set(re.findall(r'id="([\w-]+)-error"', answer.get_data(as_text=True)))


@pytest.fixture
def manager(world: Any, sign_in: Any) -> Any:
    return sign_in(world.manager)


def title_form(title: ProtectionTitle, **changed: Any) -> dict[str, Any]:
    return {"kind": title.kind.value, "name": title.name, "granted_on": "01/01/2010", **changed}


def test_a_title_is_entered_with_its_managing_body(session: Any, world: Any, manager: Any) -> None:
    given = {
        "kind": "collective_mark", "name": "Nhãn hiệu mẫu mới", "filed_on": "15/03/2020", "nice_classes": "31, 29", "since": "01/01/2021",
        "document": "QĐ mẫu 11", "managing_body": str(world.managing_body.id),
    }  # fmt: skip
    answer = send(manager, "/van-bang/moi", given)
    assert answer.status_code == 303
    made = session.scalars(select(ProtectionTitle).where(ProtectionTitle.name == "Nhãn hiệu mẫu mới")).one()
    assert (made.expires_on, made.nice_classes) == (date(2030, 3, 15), [29, 31])
    assert answer.location.endswith(str(made.id))
    assert "QĐ mẫu 11" in manager.get(answer.location).get_data(as_text=True)
    stranger = send(manager, "/van-bang/moi", given | {"name": "X", "managing_body": str(world.authority.id)})
    assert (stranger.status_code, errors(stranger)) == (422, {"managing_body"})


def test_every_field_of_a_title_says_what_is_wrong_with_it_and_keeps_what_was_typed(world: Any, manager: Any) -> None:
    answer = send(
        manager, "/van-bang/moi",
        {"kind": "?", "name": " ", "filed_on": "31/02/2020", "nice_classes": "31; 46", "since": "", "document": "", "area_in_words": "Xã mẫu"},
    )  # fmt: skip
    assert answer.status_code == 422
    assert errors(answer) == {"kind", "name", "filed_on", "nice_classes", "managing_body", "since", "document"}
    page = answer.get_data(as_text=True)
    assert "31/02/2020" in page
    assert "Xã mẫu" in page
    given = title_form(world.title, filed_on="02/01/2010", expires_on="01/01/2009")
    later = send(manager, f"/van-bang/{world.title.id}/sua", given)
    assert (later.status_code, errors(later)) == (422, {"granted_on", "expires_on"})


def test_two_managers_edit_one_title_and_the_second_sees_what_changed(session: Any, world: Any, manager: Any) -> None:
    path = f"/van-bang/{world.title.id}/sua"
    seen = manager.get(path).get_data(as_text=True)
    assert send(manager, path, title_form(world.title, name="Vải mẫu tên mới")).status_code == 303
    carried = {name: hidden(seen, name) for name in ("csrf_token", "revision")}
    second = manager.post(path, data=carried | title_form(world.title, area_in_words="Năm xã mẫu"))
    page = second.get_data(as_text=True)
    assert second.status_code == 409
    assert 'id="edited-meanwhile"' in page
    assert "Vải mẫu tên mới" in page
    assert "Năm xã mẫu" in page
    session.expire_all()
    assert (world.title.name, world.title.area_in_words) == ("Vải mẫu tên mới", "Các xã mẫu")
    again = {name: hidden(page, name) for name in ("csrf_token", "revision")}
    given = title_form(world.title, name="Vải mẫu tên mới", area_in_words="Năm xã mẫu")
    assert manager.post(path, data=again | given).status_code == 303
    session.expire_all()
    assert world.title.area_in_words == "Năm xã mẫu"


def test_two_managers_edit_one_product_and_the_second_loses_nothing(session: Any, world: Any, manager: Any) -> None:
    path = f"/van-bang/san-pham/{world.product.id}/sua"
    seen = manager.get(path).get_data(as_text=True)
    assert send(manager, path, PRODUCT | {"name": "Vải mẫu một"}).status_code == 303
    carried = {name: hidden(seen, name) for name in ("csrf_token", "revision")}
    second = manager.post(path, data=carried | PRODUCT | {"description": "Mô tả của người thứ hai"})
    page = second.get_data(as_text=True)
    assert second.status_code == 409
    assert "Vải mẫu một" in page
    assert "Mô tả của người thứ hai" in page
    again = {name: hidden(page, name) for name in ("csrf_token", "revision")}
    assert manager.post(path, data=again | PRODUCT | {"description": "Mô tả của người thứ hai"}).status_code == 303
    session.expire_all()
    assert world.product.description == "Mô tả của người thứ hai"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"gtin": "8934567890123"}, "gtin"), ({"name": ""}, "name"), ({"source_kind": ""}, "source_kind"), ({"name_en": ""}, "name_en"),
        ({"name": "Vải thiều mẫu"}, "name"), ({"description": ""}, "description"),
    ],
)  # fmt: skip
def test_a_product_is_refused_at_its_field(world: Any, manager: Any, changed: Any, field: str) -> None:
    answer = send(manager, f"/van-bang/{world.title.id}/san-pham/moi", PRODUCT | changed)
    assert (answer.status_code, errors(answer)) == (422, {field})


def test_points_to_compare_are_asked_for_by_name(session: Any, world: Any, manager: Any) -> None:
    path = f"/van-bang/{world.title.id}/san-pham/moi"
    bare = send(manager, path, PRODUCT | {"points-1-vi": "", "points-1-en": ""})
    assert bare.status_code == 422
    assert 'href="#points"' in bare.get_data(as_text=True)
    soft = send(manager, path, {name: text for name, text in PRODUCT.items() if "hard" not in name})
    assert soft.status_code == 422
    assert send(manager, path, PRODUCT).status_code == 303
    made = session.scalars(select(Product).where(Product.name == "Vải sấy")).one()
    assert [point.hard_to_copy for point in made.comparison_points] == [False, False, True]


def test_a_version_of_the_regulation_is_entered_edited_and_shown(session: Any, world: Any, manager: Any) -> None:
    path = f"/van-bang/{world.title.id}/quy-che/moi"
    answer = send(manager, path, REGULATION | {"file": (io.BytesIO(b"%PDF-1.4 startxref %%EOF"), "qc.pdf")})
    assert answer.status_code == 303
    made = session.scalars(select(UseRegulation).where(UseRegulation.version == 2)).one()
    assert made.rules["gate_checks"] == ["A1", "A2"]
    assert (made.pack_weights_g, made.requires_area_code, made.rules["external_release"]) == ([250, 1000], False, True)
    page = manager.get(answer.location).get_data(as_text=True)
    assert f"013-{clock.now().year}" in page
    assert manager.get(f"/van-bang/quy-che/{made.id}/tep", buffered=True).data.startswith(b"%PDF")
    edited = send(manager, f"/van-bang/quy-che/{made.id}/sua", REGULATION | {"validity_months": "12"})
    assert edited.status_code == 303
    session.expire_all()
    assert (made.rules["validity_months"], made.file_id is not None) == (12, True)
    first = session.scalars(select(UseRegulation).where(UseRegulation.version == 1)).one()
    assert manager.get(f"/van-bang/quy-che/{first.id}/sua").status_code == 409


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"certificate_number": "{n}"}, "certificate_number"), ({"certificate_number": "{n}-{year}" + "x" * 60}, "certificate_number"),
        ({"pack_weights_g": ""}, "pack_weights_g"), ({"pack_weights_g": "500; abc"}, "pack_weights_g"), ({"pack_weights_g": "0"}, "pack_weights_g"),
        ({"valid_from": "01/01/2020"}, "valid_from"), ({"valid_from": "x"}, "valid_from"), ({"validity_months": "0"}, "validity_months"),
        ({"decision_days": "x"}, "decision_days"), ({"visit_within_days": "0"}, "visit_within_days"),
        ({"gate_checks": "\n".join(map(str, range(61)))}, "gate_checks"), ({"summary": ""}, "summary"),
        ({"deciding_document": ""}, "deciding_document"), ({"file": (io.BytesIO(b"GIF89a"), "x.gif")}, "file"),
        ({"body": "x" * 100_001}, "body"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_is_refused_at_its_field(
    session: Any, world: Any, manager: Any, changed: Any, field: str
) -> None:
    answer = send(manager, f"/van-bang/{world.title.id}/quy-che/moi", REGULATION | changed)
    assert (answer.status_code, errors(answer)) == (422, {field})
    assert factories.count(session, UseRegulation) == 1


def test_parties_come_end_and_are_succeeded(session: Any, world: Any, manager: Any) -> None:
    path = f"/van-bang/{world.title.id}/vai-tro/moi"
    new = {
        "role": "control_body",
        "new_name": "Trung tâm mẫu",
        "new_kind": "authority",
        "since": "01/01/2022",
        "document": "QĐ 3",
    }
    assert send(manager, path, new).status_code == 303
    again = send(manager, path, new | {"document": "QĐ 4"})
    assert (again.status_code, errors(again)) == (422, {"new_name"})
    neither = send(manager, path, {"role": "control_body", "since": "01/01/2022", "document": "QĐ"})
    assert (neither.status_code, errors(neither)) == (422, {"party"})
    role = session.scalars(select(TitleRole).where(TitleRole.role == "control_body")).one()
    early = send(manager, f"/van-bang/vai-tro/{role.id}/ket-thuc", {"last_day": "01/01/2021", "document": "QĐ 5"})
    assert (early.status_code, errors(early)) == (422, {"last_day"})
    ended = send(manager, f"/van-bang/vai-tro/{role.id}/ket-thuc", {"last_day": "31/12/2024", "document": "QĐ 5"})
    assert ended.status_code == 303
    twice = send(manager, f"/van-bang/vai-tro/{role.id}/ket-thuc", {"last_day": "31/12/2025", "document": "QĐ 6"})
    assert twice.status_code == 409
    body = session.scalars(select(TitleRole).where(TitleRole.role == "managing_body")).one()
    heir = send(
        manager,
        f"/van-bang/vai-tro/{body.id}/ke-nhiem",
        {"party": str(world.authority.id), "since": "01/06/2024", "document": "QĐ 7"},
    )
    assert heir.status_code == 303
    # The title is now another body's: it is read, and edited no more.
    assert manager.get(f"/van-bang/{world.title.id}/sua").status_code == 403
    page = manager.get(f"/van-bang/{world.title.id}?as_of=31/05/2024").get_data(as_text=True)
    shown = page.split('id="parties"')[1].split("<details>")[0]
    assert "Hội sản xuất vải mẫu" in shown
    assert "Trung tâm mẫu" in shown


def test_an_owner_of_a_certification_mark_who_holds_it_is_refused_in_words(
    session: Any, world: Any, manager: Any
) -> None:
    world.title.kind = TitleKind.CERTIFICATION_MARK
    session.commit()
    given = {"role": "owner", "party": str(world.cooperative.id), "since": "01/01/2022", "document": "QĐ"}
    answer = send(manager, f"/van-bang/{world.title.id}/vai-tro/moi", given)
    assert errors(answer) == {"party"}
    assert world.cooperative.name in answer.get_data(as_text=True)


def test_a_territory_an_amendment_and_a_picture(session: Any, world: Any, manager: Any) -> None:
    path = f"/van-bang/{world.title.id}"
    bare = send(manager, f"{path}/dia-ban", {"communes": ["10813"]})
    assert (bare.status_code, errors(bare)) == (422, {"document"})
    assert send(manager, f"{path}/dia-ban", {"communes": ["10813"], "document": "QĐ 1"}).status_code == 303
    nothing = send(manager, f"{path}/sua-doi", {"kind": "", "document": "", "decided_on": "01/01/2099", "becomes": ""})
    assert errors(nothing) == {"kind", "document", "becomes"}
    future = send(
        manager,
        f"{path}/sua-doi",
        {"kind": "area", "document": "QĐ", "decided_on": "01/01/2099", "becomes": "Các xã mẫu", "applies": "y"},
    )
    assert errors(future) == {"decided_on", "becomes"}
    done = send(
        manager,
        f"{path}/sua-doi",
        {"kind": "area", "document": "QĐ 2", "decided_on": "01/01/2024", "becomes": "Bốn xã mẫu", "applies": "y"},
    )
    assert done.status_code == 303
    assert session.scalars(select(TitleAmendment)).one().was == "Các xã mẫu"
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(picture, "PNG")
    picture.seek(0)
    form = {"caption": "Mẫu nhãn hiệu", "picture": (picture, "n.png")}
    assert send(manager, path, form, to=f"{path}/hinh").status_code == 303
    image = session.scalars(select(TitleImage)).one()
    assert manager.get(f"{path}/hinh/{image.id}", buffered=True).data.startswith(b"\xff\xd8")
    wrong = send(manager, path, {"caption": "x", "picture": (io.BytesIO(b"nothing"), "n.png")}, to=f"{path}/hinh")
    assert (wrong.status_code, errors(wrong)) == (422, {"picture"})
    assert send(manager, path, {}, to=f"{path}/hinh/{image.id}/thoi").status_code == 303
    assert "Mẫu nhãn hiệu" in manager.get(path).get_data(as_text=True)
    assert f"/hinh/{image.id}" not in manager.get(path).get_data(as_text=True)


def test_a_layout_takes_its_logo_from_the_sign_on_record(session: Any, world: Any, manager: Any, sign_in: Any) -> None:
    clerk = sign_in(world.clerk)
    form = {"logo_holder": str(world.cooperative.id), "title": str(world.title.id)}
    assert send(clerk, "/tem/bo-cuc", form, to="/tem/bo-cuc/logo").status_code == 422
    picture = io.BytesIO()
    Image.new("RGB", (60, 30), "red").save(picture, "PNG")
    picture.seek(0)
    path = f"/van-bang/{world.title.id}"
    send(manager, path, {"caption": "Mẫu nhãn hiệu", "picture": (picture, "n.png")}, to=f"{path}/hinh")
    assert send(clerk, "/tem/bo-cuc", form, to="/tem/bo-cuc/logo").status_code == 303
    kept = session.scalars(select(LabelLogo)).one()
    assert (kept.width_px, kept.height_px) == (60, 30)


def test_a_mark_is_renewed_from_its_old_end(session: Any, world: Any, manager: Any) -> None:
    world.title.kind = TitleKind.COLLECTIVE_MARK
    world.title.expires_on = clock.now().date() + timedelta(days=20)
    session.commit()
    path = f"/van-bang/{world.title.id}"
    assert str(world.title.id) in manager.get("/van-bang?ending=1").get_data(as_text=True)
    answer = send(manager, f"{path}/gia-han", {"document": "QĐ 9", "decided_on": "01/01/2026"})
    assert answer.status_code == 303
    end = world.title.expires_on
    session.expire_all()
    assert world.title.expires_on.year == end.year + 10
    assert str(world.title.id) not in manager.get("/van-bang?ending=1").get_data(as_text=True)


def test_a_season_is_opened_and_its_volumes_confirmed_with_their_reasoning(
    session: Any, world: Any, manager: Any, sign_in: Any
) -> None:
    path = f"/van-bang/san-pham/{world.product.id}/mua-vu/moi"
    today = clock.now().date()
    wrong = send(manager, path, {"name": "", "first_day": "x", "last_day": "", "yield_cap_kg_per_ha": "a"})
    assert errors(wrong) == {"name", "first_day", "last_day", "yield_cap_kg_per_ha"}
    given = {
        "name": "Vụ sau", "first_day": f"{today - timedelta(days=3):%d/%m/%Y}", "last_day": f"{today + timedelta(days=90):%d/%m/%Y}",
        "yield_cap_kg_per_ha": "9.000",
    }  # fmt: skip
    opened = send(manager, path, given)
    assert errors(send(manager, path, given)) == {"name"}
    made = session.scalars(select(Season).where(Season.name == "Vụ sau")).one()
    assert opened.location.endswith(f"/mua-vu/{made.id}/khoi-luong")
    page = manager.get(opened.location).get_data(as_text=True)
    assert "9.000 kg/ha" in page
    holder = world.cooperative.id
    one = f"{opened.location}/{holder}"
    less = send(manager, opened.location, {"seen_g": "90000000", f"{holder}-kg": "100"}, to=one)
    assert (less.status_code, errors(less)) == (422, {f"{holder}-reason"})
    more = send(
        manager, opened.location, {"seen_g": "90000000", f"{holder}-kg": "90.001", f"{holder}-reason": "x"}, to=one
    )
    assert errors(more) == {f"{holder}-kg"}
    moved = send(manager, opened.location, {"seen_g": "1", f"{holder}-kg": "90.000"}, to=one)
    assert moved.status_code == 409
    right = send(manager, opened.location, {"seen_g": "90000000", f"{holder}-kg": "90.000"}, to=one)
    assert right.status_code == 303
    balance = session.scalars(select(EligibleBalance).where(EligibleBalance.season_id == made.id)).one()
    assert balance.eligible_g == 90_000_000
    theirs = sign_in(world.clerk).get(opened.location).get_data(as_text=True)
    assert "10,00 ha × 9.000 kg/ha = 90" in theirs
    assert "seen_g" not in theirs
    cap = send(manager, f"/van-bang/mua-vu/{made.id}/sua", given | {"yield_cap_kg_per_ha": "8.000"})
    assert cap.status_code == 303
    every = send(manager, opened.location, {"seen_g": "160000000"})
    assert every.status_code == 303
    session.expire_all()
    assert balance.eligible_g == 80_000_000
    assert factories.count(session, EligibleBalance, EligibleBalance.season_id == made.id) == 2


def test_a_volume_reckoned_from_sites_is_shown_without_hectares(session: Any, world: Any, sign_in: Any) -> None:
    product = Product(title_id=world.title.id, name="Mật", name_en="Honey", description="", source_kind=SourceKind.SITE)
    session.add(product)
    session.flush()
    season = Season(product_id=product.id, name="2026", runs_during=Range(date(2026, 1, 1), date(2099, 1, 1)))
    site = ProductionSite(
        title_id=world.title.id, holder_id=world.cooperative.id, name="Trại ong mẫu", kind=SiteKind.HIVE, commune_code="10813",
        location="SRID=4326;POINT(106.45 20.9)", capacity_g=6_500_000,
    )  # fmt: skip
    session.add_all([season, site])
    session.flush()
    session.add(CertificateSource(certificate_id=world.certificate.id, site_id=site.id))
    session.flush()
    volumes.confirm(
        session, season.id, world.cooperative.id, grams=6_500_000, seen_g=6_500_000, reason=None, by=world.manager.id, at=clock.now(),
        reach=Reach(titles=frozenset({world.title.id})),
    )  # fmt: skip
    session.commit()
    page = sign_in(world.manager).get(f"/van-bang/mua-vu/{season.id}/khoi-luong")
    assert page.status_code == 200
    assert "Trại ong mẫu: 6" in page.get_data(as_text=True)


def test_who_only_reads_finds_no_way_to_edit(world: Any, sign_in: Any) -> None:
    clerk = sign_in(world.clerk)
    page = clerk.get(f"/van-bang/{world.title.id}").get_data(as_text=True)
    assert "/sua" not in page
    assert clerk.get("/van-bang/moi").status_code == 403
    assert clerk.get(f"/van-bang/quy-che/{factories.some_id()}").status_code == 404
    stranger = sign_in(world.other_clerk)
    assert stranger.get(f"/van-bang/mua-vu/{world.season.id}/khoi-luong").status_code == 200
    assert "Thanh Sơn" not in stranger.get(f"/van-bang/mua-vu/{world.season.id}/khoi-luong").get_data(as_text=True)
