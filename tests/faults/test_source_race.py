"""An area's code or a site changes while somebody relies on it: whichever commits first, the other sees it and acts by it."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import MASTER, NOW
from tests.services.test_applications import NOW as LATER
from tests.services.test_applications import Desk
from trace.errors import Refused, TemThatError
from trace.models.applications import ApplicationState
from trace.models.areas import AreaCodeStatus, GrowingAreaCode, ProductionSite, SiteKind, SiteStatus
from trace.models.certificates import CertificateSource
from trace.models.lots import EligibleBalance
from trace.models.titles import Product, Season, SourceKind
from trace.services import application_moves, application_needs, area_codes, gate, lot_recording, lots, ordering, sites
from trace.services.reach import Reach
from trace.services.sites import SiteFacts

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.committed
ALL = Reach(everything=True)
TODAY = NOW.date()


@pytest.fixture
def city(committed: Any) -> Any:
    with Session(committed, expire_on_commit=False) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        session.commit()
    return world


def second_waits(engine: Any, first: Callable[[Session], Any], second: Callable[[Session], Any]) -> list[type]:
    """What the second one was told, who began while the first one had not committed."""
    said: list[type] = []

    def follow() -> None:
        with Session(engine) as other:
            try:
                second(other)
                other.commit()
            except Refused as refused:
                said.extend(type(reason) for reason in refused.reasons)
            except TemThatError as refusal:
                said.append(type(refusal))

    with Session(engine) as ahead:
        first(ahead)
        thread = threading.Thread(target=follow)
        thread.start()
        thread.join(1)
        assert thread.is_alive(), "the second waits for the first"
        ahead.commit()
    thread.join(20)
    assert not thread.is_alive()
    return said


def suspend_code(world: Any, area_id: Any, at: Any = NOW) -> Callable[[Session], Any]:
    def deed(session: Session) -> None:
        code_id = session.scalars(select(GrowingAreaCode.id).where(GrowingAreaCode.area_id == area_id)).one()
        area_codes.change_status(
            session, code_id, status=AreaCodeStatus.SUSPENDED, since=at.date(), reason="Tồn dư vượt mức", document="QĐ mẫu",
            by=world.manager.id, at=at, reach=ALL,
        )  # fmt: skip

    return deed


def order(world: Any, lot_id: Any) -> Callable[[Session], Any]:
    return lambda session: ordering.place(
        session, lot_id=lot_id, quantity=10, pack_weight_g=500, layout="a4-24", by=world.clerk.id, at=NOW,
        reach=Reach(holders=frozenset({world.cooperative.id})),
    )  # fmt: skip


def test_a_code_that_is_suspended_first_is_seen_by_the_order(committed: Any, city: Any) -> None:
    said = second_waits(committed, suspend_code(city, city.area.id), order(city, city.lot.id))
    assert said == [gate.AreaCodeMissing]


def test_a_suspension_of_a_code_waits_until_the_labels_exist(committed: Any, city: Any) -> None:
    assert second_waits(committed, order(city, city.lot.id), suspend_code(city, city.area.id)) == []


@pytest.fixture
def vat(committed: Any, city: Any) -> Any:
    """A working vat of the cooperative with a certified lot: (site, facts of its form, lot)."""
    facts = SiteFacts(
        name="Bể mẫu", kind=SiteKind.VAT, holder_id=city.cooperative.id, title_id=city.title.id, commune_code="10813",
        capacity_g=5_000_000, units=12, status=SiteStatus.WORKING, point=(106.43, 20.92),
    )  # fmt: skip
    with Session(committed, expire_on_commit=False) as session:
        site = sites.record(session, facts, by=city.clerk.id, at=NOW, reach=ALL)
        product = Product(
            title_id=city.title.id, name="Nước mắm mẫu", name_en="x", description="x", source_kind=SourceKind.SITE
        )
        session.add(product)
        session.flush()
        season = Season(
            product_id=product.id, name="Năm mẫu", runs_during=Range(TODAY - timedelta(days=99), TODAY + timedelta(days=99))
        )  # fmt: skip
        session.add_all([season, CertificateSource(certificate_id=city.certificate.id, site_id=site.id)])
        session.flush()
        session.add(EligibleBalance(holder_id=city.cooperative.id, season_id=season.id, eligible_g=5_000_000))
        session.flush()
        lot = lot_recording.record(
            session, code="L-MAM", season_id=season.id, site_id=site.id, volume_g=1_000_000, harvested_on=TODAY, packed_on=TODAY,
            expires_on=TODAY + timedelta(days=99), by=city.clerk.id, at=NOW, reach=ALL,
        )  # fmt: skip
        lots.certify(session, lot.id, by=city.certifier.id, at=NOW, reach=ALL)
        session.commit()
    return site, facts, lot


def close(world: Any, site: ProductionSite, facts: SiteFacts) -> Callable[[Session], Any]:
    return lambda session: sites.revise(
        session, site.id, replace(facts, status=SiteStatus.CLOSED), revision=1, why=None, by=world.clerk.id, at=NOW, reach=ALL
    )  # fmt: skip


def test_a_site_that_is_closed_first_is_seen_by_the_order(committed: Any, city: Any, vat: Any) -> None:
    site, facts, lot = vat
    assert second_waits(committed, close(city, site, facts), order(city, lot.id)) == [gate.SiteClosed]


def test_closing_a_site_waits_until_the_labels_exist(committed: Any, city: Any, vat: Any) -> None:
    site, facts, lot = vat
    assert second_waits(committed, order(city, lot.id), close(city, site, facts)) == []
    with Session(committed) as session:
        assert session.get_one(ProductionSite, site.id).status is SiteStatus.CLOSED


def test_recording_certifying_and_ordering_at_once_do_not_lock_each_other_for_ever(
    committed: Any, city: Any, vat: Any
) -> None:
    site, _facts, lot = vat
    together = threading.Barrier(3)
    broken: list[BaseException] = []

    def work(deed: Callable[[Session, int], Any]) -> None:
        together.wait(timeout=30)
        for turn in range(8):
            with Session(committed) as session:
                try:
                    deed(session, turn)
                    session.commit()
                except Refused:
                    session.rollback()
                except Exception as exc:
                    broken.append(exc)

    def record(session: Session, turn: int) -> None:
        lot_recording.record(
            session, code=f"L-{turn}", season_id=lot.season_id, site_id=site.id, volume_g=1000, harvested_on=TODAY, packed_on=TODAY,
            expires_on=TODAY, by=city.clerk.id, at=NOW, reach=ALL,
        )  # fmt: skip

    def certify(session: Session, turn: int) -> None:
        made = lot_recording.record(
            session, code=f"C-{turn}", season_id=lot.season_id, site_id=site.id, volume_g=1000, harvested_on=TODAY, packed_on=TODAY,
            expires_on=TODAY, by=city.clerk.id, at=NOW, reach=ALL,
        )  # fmt: skip
        session.commit()
        lots.certify(session, made.id, by=city.certifier.id, at=NOW, reach=ALL)

    deeds = [record, certify, lambda session, _turn: order(city, lot.id)(session)]
    threads = [threading.Thread(target=work, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert broken == []


@pytest.fixture
def evaluated(committed: Any, city: Any, tmp_path: Any) -> Any:
    """An application that waits for its decision: (its id, its area's id, who decides)."""
    with Session(committed, expire_on_commit=False) as session:
        desk = Desk(session, _again(session, city), tmp_path)
        desk.reach_state(ApplicationState.EVALUATED)
        session.commit()
        return desk.id, desk.area.id, desk.second.id


def _again(session: Session, world: Any) -> Any:
    """The world's records in another session."""
    facts = {
        name: session.merge(value) if hasattr(value, "__table__") else value
        for name, value in vars(world).items()
        if name != "people"
    }
    return type(world)(**facts, people={name: session.merge(person) for name, person in world.people.items()})


def test_a_grant_waits_for_the_suspension_of_a_code_and_refuses(committed: Any, city: Any, evaluated: Any) -> None:
    application_id, area_id, decider = evaluated

    def grant(session: Session) -> None:
        application_moves.grant(session, application_id, document_number="12/QĐ-MẪU", by=decider, at=LATER, reach=ALL)

    assert second_waits(committed, suspend_code(city, area_id, LATER), grant) == [application_needs.CodeNotStanding]


def test_a_suspension_of_a_code_waits_for_the_grant(committed: Any, city: Any, evaluated: Any) -> None:
    application_id, area_id, decider = evaluated

    def grant(session: Session) -> None:
        application_moves.grant(session, application_id, document_number="12/QĐ-MẪU", by=decider, at=LATER, reach=ALL)

    assert second_waits(committed, grant, suspend_code(city, area_id, LATER)) == []
