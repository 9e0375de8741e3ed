"""The sample city is whole, marked as invented, adds up, and follows from its seed."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyotp
import pytest
from sqlalchemy import Engine, create_engine, func, select, text
from sqlalchemy.orm import Session

from enforcement import law
from enforcement.models import (
    BulkDeed,
    CaseFile,
    CaseJoin,
    CaseParty,
    CasePartyRole,
    Complaint,
    ComplaintState,
    CustodyDeed,
    CustodyEvent,
    Deadline,
    Delegation,
    DenunciationReceipt,
    DeskReport,
    Evidence,
    InformantContact,
    InformantOpening,
    InfringementRequest,
    IntakeKind,
    IntakeRecord,
    Observation,
    Redaction,
    RequestState,
    Signal,
    SignalCluster,
    SignalSource,
    SignalState,
)
from enforcement.transitions import CaseState
from labels.code import show
from tests import conftest
from tests.factories import count
from trace import demo
from trace.config import Config
from trace.demo.facts import GOODS
from trace.models.areas import GrowingArea, GrowingAreaCode, ProductionSite
from trace.models.certificates import CertificateStatus, UseCertificate
from trace.models.controls import Nonconformity
from trace.models.labels import LabelOrder, LabelRange, LabelSeries, LabelState
from trace.models.lots import EligibleBalance, Lot, LotState
from trace.models.parties import AppUser, Commune, Party, Role, RoleGrant
from trace.models.scans import Scan, ScanChannel, ScanKind, VerdictKind
from trace.models.tips import Tip, TipPhoto, TipState
from trace.models.titles import ProtectionTitle
from trace.services import accounts, certificates, communes, files, gate, keys, ordering, reconciling, scanning
from trace.services.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Loading takes seconds, so one worker does it for all of these.
pytestmark = pytest.mark.xdist_group("demo")

AT = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
DAY = date(2026, 11, 22)
CPU_MOST = 30.0
"""Seconds of one processor: some six on an idle machine; a busy one counts two or three times as much."""


def _loaded(name: str, folder: Path, *, prepared: bool = False) -> tuple[Engine, Config, float]:
    config = conftest.config_for(conftest._copy(name), folder)
    engine = create_engine(config.database_url)
    with Session(engine) as session:
        if prepared:  # as every installation is after `./manage db upgrade`
            communes.load(session)
            law.seed(session)
            keys.issue_first(session, config.master_key, AT)
            scanning.first_copy_rule(session)
            session.commit()
        began = time.process_time()
        demo.load(session, config, at=AT)
        session.commit()
        spent = time.process_time() - began
    return engine, config, spent


@pytest.fixture(scope="module")
def loaded(worker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Config, float]]:
    made = _loaded(f"demo_{worker}", tmp_path_factory.mktemp("demo"))
    yield made
    made[0].dispose()
    conftest._drop(f"demo_{worker}")


@pytest.fixture
def city(loaded: tuple[Engine, Config, float]) -> Iterator[Session]:
    with Session(loaded[0]) as session:
        yield session
        session.rollback()


@pytest.fixture
def config(loaded: tuple[Engine, Config, float]) -> Config:
    return loaded[1]


def _verdict(city: Session, config: Config, serial: int) -> scanning.Verdict:
    keyring = keys.load(city, config.master_key)
    code = next(keyring.codes(range(serial, serial + 1)))[1]
    return scanning.verify(
        city.connection(),
        show(code),
        keyring=keyring,
        at=AT,
        device=b"test-device1",
        kind=ScanKind.REAL,
        channel=ScanChannel.TYPED,
    )


def _reach_of(city: Session, login: str) -> tuple[AppUser, Reach]:
    user = city.scalars(select(AppUser).where(AppUser.login == login)).one()
    held = city.scalars(select(RoleGrant.party_id).where(RoleGrant.user_id == user.id))
    return user, Reach(holders=frozenset(held))


def test_loading_twice_is_refused(city: Session, config: Config) -> None:
    before = count(city, Party)
    with pytest.raises(demo.NotEmpty):
        demo.load(city, config, at=AT)
    assert count(city, Party) == before


def test_published_passwords_stay_out_of_production(session: Session, tmp_path: Path) -> None:
    config = conftest.config_for("", tmp_path)
    with pytest.raises(demo.NotForSamples):
        demo.load(session, Config(**{**vars(config), "environment": "production"}), at=AT)
    assert count(session, Party) == 0


def test_loading_is_quick(loaded: tuple[Engine, Config, float]) -> None:
    assert loaded[2] < CPU_MOST


def test_the_same_seed_gives_the_same_city_on_a_prepared_database_too(
    city: Session, worker: str, tmp_path: Path
) -> None:
    engine, _, _ = _loaded(f"demo_again_{worker}", tmp_path, prepared=True)
    try:
        with Session(engine) as again:
            for statement in (
                select(LabelOrder.id, LabelOrder.number, LabelOrder.serials, LabelOrder.placed_at).order_by(
                    LabelOrder.number
                ),
                select(LabelRange.serials, LabelRange.state, LabelRange.since).order_by(LabelRange.serials),
                select(Lot.id, Lot.code, Lot.state).order_by(Lot.code),
                select(GrowingArea.id, GrowingArea.name, func.ST_AsText(GrowingArea.boundary)).order_by(
                    GrowingArea.name
                ),
                select(Tip.id, Tip.number, Tip.state, Tip.serial).order_by(Tip.number),
                select(Observation.id, Observation.number).order_by(Observation.number),
                select(CaseFile.id, CaseFile.number, CaseFile.state, CaseFile.next_due_at).order_by(CaseFile.number),
                select(Scan.at, Scan.serial, Scan.device, Scan.verdict).order_by(Scan.at, Scan.serial),
                select(UseCertificate.id, UseCertificate.number).order_by(UseCertificate.number),
            ):
                assert again.execute(statement).all() == city.execute(statement).all()
    finally:
        engine.dispose()
        conftest._drop(f"demo_again_{worker}")


@pytest.mark.parametrize(
    ("column", "kinds"),
    [
        (LabelRange.state, LabelState), (CaseFile.state, CaseState), (Tip.state, TipState), (Signal.state, SignalState),
        (Lot.state, LotState), (RoleGrant.role, Role), (Signal.source, SignalSource), (IntakeRecord.kind, IntakeKind),
        (InfringementRequest.state, RequestState),
    ],
)  # fmt: skip
def test_every_state_is_there(city: Session, column: Any, kinds: Any) -> None:
    assert set(city.scalars(select(column).distinct())) == set(kinds)


def test_what_is_invented_says_so(city: Session) -> None:
    assert [name for name in city.scalars(select(Party.name)) if "mẫu" not in name.lower()] == []
    assert [name for name in city.scalars(select(AppUser.full_name)) if not name.startswith("Mẫu ")] == []
    assert [number for number in city.scalars(select(UseCertificate.number)) if "MẪU" not in number] == []
    assert [code for code in city.scalars(select(GrowingAreaCode.code)) if "MẪU" not in code] == []
    assert set(city.scalars(select(ProtectionTitle.title_number))) == {None}
    for model in (Party, AppUser, UseCertificate, ProtectionTitle, GrowingArea, ProductionSite, Lot):
        assert count(city, model, ~model.is_sample) == 0  # type: ignore[attr-defined]
    assert [text for text in city.scalars(select(Tip.description)) if "dữ liệu mẫu" not in text] == []


def test_five_products_of_different_kinds(city: Session) -> None:
    assert count(city, ProtectionTitle) == 5
    assert len(set(city.scalars(select(ProtectionTitle.kind)))) == 3
    assert count(city, Commune) == 114


def test_every_order_adds_up(city: Session) -> None:
    orders = city.scalars(select(LabelOrder)).all()
    assert len(orders) > 30
    assert [order.number for order in orders if not reconciling.of_order(city, order.id, end=AT).adds_up] == []


def test_every_serial_given_lies_in_one_range(city: Session) -> None:
    covered = city.scalar(select(func.sum(func.upper(LabelRange.serials) - func.lower(LabelRange.serials))))
    assert covered == city.get_one(LabelSeries, 1).next_serial - 1


def test_the_volumes_are_what_the_labels_say(city: Session) -> None:
    given_back = (LabelState.SPOILED, LabelState.RETURNED, LabelState.VOIDED)
    labels = func.sum((func.upper(LabelRange.serials) - func.lower(LabelRange.serials)) * LabelOrder.pack_weight_g)
    live = (
        select(LabelOrder.balance_id, labels)
        .join(LabelRange)
        .where(LabelRange.state.not_in(given_back))
        .group_by(LabelOrder.balance_id)
    )
    counted = {balance_id: int(grams) for balance_id, grams in city.execute(live)}
    kept = {balance.id: balance.issued_g for balance in city.scalars(select(EligibleBalance)) if balance.issued_g}
    assert counted == kept


def test_fields_lie_in_their_communes_and_territories_and_are_not_squares(city: Session) -> None:
    outside = (
        select(GrowingArea.name)
        .join(GrowingArea.commune)
        .join(GrowingArea.title)
        .where(
            ~func.ST_Within(GrowingArea.boundary, Commune.boundary)
            | (func.ST_Area(func.ST_Difference(GrowingArea.boundary, ProtectionTitle.area)) > 1e-9)
        )
    )
    assert city.scalars(outside).all() == []
    assert min(city.scalars(select(func.ST_NPoints(GrowingArea.boundary)))) > 8
    away = (
        select(ProductionSite.name)
        .join(ProductionSite.commune)
        .where(~func.ST_Within(ProductionSite.location, Commune.boundary))
    )
    assert city.scalars(away).all() == []


def test_the_clerk_can_order_120_labels_for_2_kg_at_once(city: Session) -> None:
    user, reach = _reach_of(city, "htx.thanhha")
    best = ordering.candidates(city, at=AT, reach=reach)[0]
    assert not best.reasons
    order = ordering.place(
        city, lot_id=best.lot.id, quantity=120, pack_weight_g=2_000, layout="a4-24", by=user.id, at=AT, reach=reach
    )
    assert order.quantity == 120


@pytest.mark.parametrize(
    ("login", "refusal"),
    [
        ("htx.thanhha", gate.GateCheckFailed),
        ("htx.thanhha", gate.LotNotCertified),
        ("htx.hanam", gate.CertificateNotActive),
    ],
)
def test_there_is_something_to_be_refused(city: Session, login: str, refusal: type[Exception]) -> None:
    _, reach = _reach_of(city, login)
    assert any(
        isinstance(reason, refusal) for lot in ordering.candidates(city, at=AT, reach=reach) for reason in lot.reasons
    )


def test_there_is_a_label_for_every_answer_of_the_page(city: Session, config: Config) -> None:
    first = dict.fromkeys(VerdictKind, 0)
    for row in city.scalars(select(LabelRange).order_by(LabelRange.since.desc())):
        verdict = _verdict(city, config, row.serials.lower or 0)
        first[verdict.kind] += 1
    copied = city.scalars(select(Scan.serial).where(Scan.verdict == VerdictKind.SUSPECTED_COPY).limit(1)).one()
    assert _verdict(city, config, copied).kind is VerdictKind.SUSPECTED_COPY
    wanted = ("valid", "not_activated", "voided", "expired", "holder_suspended", "recalled")
    assert [kind for kind in wanted if not first[VerdictKind(kind)]] == []


def test_a_suspended_holder_packed_before_and_after(city: Session, config: Config) -> None:
    suspended = city.scalars(select(UseCertificate).where(UseCertificate.status == CertificateStatus.SUSPENDED)).one()
    rows = city.scalars(
        select(LabelRange).join(LabelOrder).where(
            LabelOrder.certificate_id == suspended.id,
            LabelRange.state.in_([LabelState.RECEIVED, LabelState.ACTIVATED, LabelState.USED]),
        )
    )  # fmt: skip
    assert {_verdict(city, config, row.serials.lower or 0).packed_before_suspension for row in rows} == {True, False}
    assert certificates.standing(suspended, DAY) is certificates.Standing.SUSPENDED


def test_scans_lie_in_their_months(city: Session) -> None:
    assert count(city, Scan) > 2_000
    spans = city.execute(select(func.min(Scan.at), func.max(Scan.at))).one()
    assert spans[1] - spans[0] > timedelta(days=120)
    assert spans[1] <= AT
    assert city.scalar(text("SELECT count(*) FROM scan_default")) == 0


def test_nonconformities_open_closed_and_overdue(city: Session) -> None:
    assert count(city, Nonconformity, Nonconformity.closed_at.is_not(None)) >= 1
    assert count(city, Nonconformity, Nonconformity.blocking, Nonconformity.closed_at.is_(None)) >= 1
    assert count(city, Nonconformity, Nonconformity.closed_at.is_(None), Nonconformity.due_on < DAY) >= 1


def test_deadlines_are_near_and_past(city: Session) -> None:
    running = (Deadline.met_at.is_(None), Deadline.stopped_at.is_(None))
    assert count(city, Deadline, *running, Deadline.due_at < AT) >= 1
    assert count(city, Deadline, *running, Deadline.due_at.between(AT, AT + timedelta(days=4))) >= 3


def test_photos_are_there_and_whole(city: Session, config: Config) -> None:
    photos = city.scalars(select(TipPhoto)).all()
    assert len(photos) > 8
    assert all(files.check(config.files_dir, photo.file) for photo in photos)


def test_some_reporters_can_be_reached_and_none_by_a_plain_number(city: Session) -> None:
    sealed = city.scalars(select(InformantContact.sealed)).all()
    assert len(sealed) > 3
    assert not any(b"0900000" in contact for contact in sealed)


def test_a_flood_is_one_row_of_the_queue(city: Session) -> None:
    assert city.scalar(select(func.max(SignalCluster.fresh))) == 40


def test_cases_were_merged_parted_and_split(city: Session) -> None:
    assert count(city, CaseFile, CaseFile.merged_into_id.is_not(None)) == 1
    assert count(city, CaseJoin, CaseJoin.undone_at.is_not(None)) == 1
    assert count(city, CaseFile, CaseFile.split_from_id.is_not(None)) == 1


def test_a_case_has_several_offenders(city: Session) -> None:
    suspected = (
        select(func.count()).where(CaseParty.role == CasePartyRole.SUSPECTED).group_by(CaseParty.case_id).subquery()
    )
    assert city.scalar(select(func.max(suspected.c[0]))) == 3


def test_evidence_changed_hands_and_was_made_unreadable(city: Session) -> None:
    deeds = set(city.scalars(select(CustodyEvent.deed)))
    assert deeds >= {CustodyDeed.OFFERED, CustodyDeed.RECEIVED, CustodyDeed.REDACTED}
    assert count(city, Redaction) == 1
    kinds = {piece.file.media_type for piece in city.scalars(select(Evidence))}
    assert kinds >= {"image/jpeg", "image/heic", "video/webm"}


def test_the_office_has_its_papers(city: Session) -> None:
    assert set(city.scalars(select(Complaint.state))) == {ComplaintState.RECEIVED, ComplaintState.ACCEPTED}
    assert count(city, DenunciationReceipt) == 2
    assert [report.number is None for report in city.scalars(select(DeskReport).order_by(DeskReport.drawn_at))] == [
        False,
        True,
    ]
    assert count(city, Delegation, Delegation.starts_on <= DAY, Delegation.ends_on >= DAY) >= 1
    assert {deed.undone_at is None for deed in city.scalars(select(BulkDeed))} == {True, False}
    assert set(city.scalars(select(InformantOpening.agreed))) == {None, True, False}


def test_every_account_signs_in(city: Session, config: Config) -> None:
    listed = demo.accounts()
    assert len({account.login for account in listed}) == len(listed) > len(Role)
    for account in listed:
        assert account.password.isascii()
        user = accounts.check_password(
            city, login=account.login, password=account.password, login_hash=b"l" * 16, network_hash=b"n" * 16, at=AT
        )
        needs = city.scalars(select(RoleGrant.role).where(RoleGrant.user_id == user.id)).one() in accounts.SECOND_FACTOR
        assert needs == (account.totp_secret is not None)
        if account.totp_secret:
            digits = pyotp.TOTP(account.totp_secret).at(AT)
            accounts.check_second_factor(city, user, digits, key=config.derived("second-factor"), at=AT)


def test_the_ready_lot_has_a_running_season_on_any_day() -> None:
    goods = GOODS["vai-say"]
    for ago in range(5 * 366):
        today = DAY + timedelta(days=ago)
        harvested = goods.harvested(today - timedelta(days=5))
        start = goods.season_start(harvested)
        assert start <= harvested < today < goods.season_end(start)
