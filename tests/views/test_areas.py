"""Growing areas on their pages: never public, never another organisation's."""

from __future__ import annotations

from typing import Any

from tests import factories
from trace.models.areas import ProductionSite, SiteKind


def test_the_page_shows_measures_codes_and_the_map(world: Any, sign_in: Any) -> None:
    page = sign_in(world.clerk).get(f"/vung-trong/{world.area.id}").get_data(as_text=True)
    assert "10,37 ha" in page  # 0.003° × 0.003° at 20.9° N on the ellipsoid: 10.3668
    assert "100,0 %" in page
    assert "MẪU-" in page
    assert "<svg" in page
    assert "MẪU-0001" in page


def test_a_declared_size_far_from_the_measured_one_is_said_in_words(session: Any, world: Any, sign_in: Any) -> None:
    client = sign_in(world.clerk)
    assert 'data-kind="warning"' not in client.get(f"/vung-trong/{world.area.id}").get_data(as_text=True)
    world.area.declared_ha = 15
    session.commit()
    page = client.get(f"/vung-trong/{world.area.id}").get_data(as_text=True)
    assert 'data-kind="warning"' in page
    assert "44,7 %" in page


def test_nobody_outside_sees_a_plot(world: Any, client: Any, sign_in: Any) -> None:
    assert client.get(f"/vung-trong/{world.area.id}").status_code == 303
    assert sign_in(world.packer).get("/vung-trong").status_code == 403
    assert sign_in(world.clerk).get(f"/vung-trong/{world.other_area.id}").status_code == 404
    assert sign_in(world.clerk).get(f"/vung-trong/{factories.some_id()}").status_code == 404


def test_the_list_holds_areas_and_sites_and_keeps_filters_in_its_address(
    session: Any, world: Any, sign_in: Any
) -> None:
    session.add(
        ProductionSite(
            title_id=world.title.id, holder_id=world.cooperative.id, name="Bể chượp mẫu", kind=SiteKind.VAT, commune_code="10813",
            location="SRID=4326;POINT(106.9 20.75)", capacity_g=5_000_000,
        )
    )  # fmt: skip
    session.commit()
    client = sign_in(world.manager)
    page = client.get("/vung-trong").get_data(as_text=True)
    assert "Vùng vải số 1" in page
    assert "Vùng vải số 2" in page
    assert "Bể chượp mẫu" not in page
    assert "Bể chượp mẫu" in client.get("/vung-trong?kind=site&q=be+chuop").get_data(as_text=True)
    page = client.get("/vung-trong?q=so+2&commune=10813").get_data(as_text=True)
    assert "Vùng vải số 2" in page
    assert "Vùng vải số 1" not in page
    assert "Thanh Hà" in page.split('class="chips"')[1]
    assert 'class="empty"' in client.get("/vung-trong?commune=99999").get_data(as_text=True)


def test_a_clerk_lists_only_the_own_areas(world: Any, sign_in: Any) -> None:
    page = sign_in(world.clerk).get("/vung-trong").get_data(as_text=True)
    assert "Vùng vải số 1" in page
    assert "Vùng vải số 2" not in page
