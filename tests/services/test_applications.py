"""Applications: every move from every state, what is missing, the clocks in working days, and who may not act for whom."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError

from tests import factories
from trace.errors import NotFound, Refused
from trace.models.applications import (
    Application,
    ApplicationEvidence,
    ApplicationSource,
    ApplicationState,
    CriterionResult,
)
from trace.models.areas import AreaCodeStatus, GrowingAreaCode, ProductionSite, SiteKind, SiteStatus
from trace.models.certificates import CertificateStatus, UseCertificate
from trace.models.parties import PartyKind, Role
from trace.models.titles import TitleKind, TitleRole, TitleRoleKind, UseRegulation
from trace.services import (
    application_grants,
    application_moves,
    application_needs,
    application_sections,
    applications,
    certificates,
    editing,
    files,
    history,
    reminders,
    rules,
    workdays,
)
from trace.services.application_moves import Criterion
from trace.services.application_needs import Section
from trace.services.applications import MOVES, ApplicationMove
from trace.services.reach import Reach

NOW = datetime(2026, 8, 20, 3, 0, tzinfo=UTC)  # a Thursday; Sat 22/8 is worked, 31/8–2/9 are off
TODAY = NOW.date()
S, M = ApplicationState, ApplicationMove


class Desk:
    """An applicant without a certificate, its clerk, the managing body with two managers, and the deeds in short."""

    def __init__(self, session: Any, world: Any, store: Path) -> None:
        self.session, self.world, self.store = session, world, store
        workdays.seed(session)
        self.party = factories.party(session, "Hợp tác xã vải mẫu Cẩm Chế", address="Thôn mẫu 1", phone="0912345678")
        self.clerk = factories.user(session, "thu.ky", "Người mẫu Ký", NOW)
        factories.role(session, self.clerk, self.party, Role.CLERK, NOW)
        self.second = factories.user(session, "quan.ly.2", "Người mẫu Duyệt", NOW)
        factories.role(session, self.second, world.managing_body, Role.MANAGER, NOW)
        self.area = factories.area(session, world.title, self.party, "Vùng vải Cẩm Chế")
        self.own = Reach(holders=frozenset({self.party.id}))
        self.body = Reach(titles=frozenset({world.title.id}))
        self.made = applications.start(
            session, title_id=world.title.id, applicant_id=self.party.id, by=self.clerk.id, at=NOW
        )

    @property
    def id(self) -> Any:
        return self.made.id

    def by(self, who: Any, reach: Reach, at: datetime = NOW) -> dict[str, Any]:
        return {"by": who.id, "at": at, "reach": reach}

    def fill(self) -> Application:
        mine = self.by(self.clerk, self.own)
        application_sections.save(
            self.session, self.id, Section.APPLICANT,
            {"representative": "Người mẫu Ký", "tax_code": "0800000123", "phone": "0912345678", "address": "Thôn mẫu 1"},
            revision=self.made.revision, **mine,
        )  # fmt: skip
        application_sections.save(
            self.session, self.id, Section.PRODUCT, {"product_id": self.world.product.id, "sign_use": "Trên túi lưới 2 kg"},
            revision=self.made.revision, **mine,
        )  # fmt: skip
        application_sections.save_sources(
            self.session, self.id, area_ids=[self.area.id], site_ids=[], yearly_kg=20_000, process="Theo quy trình mẫu",
            revision=self.made.revision, **mine,
        )  # fmt: skip
        for kind in (ApplicationEvidence.IDENTITY, ApplicationEvidence.PRODUCTION):
            application_sections.add_file(self.session, self.id, self.file(), kind, **mine)
        self.sign()
        return self.made

    def sign(self) -> None:
        application_sections.commit(
            self.session, self.id, name="Người mẫu Ký", agreed=True, revision=self.made.revision,
            **self.by(self.clerk, self.own),
        )  # fmt: skip

    def file(self) -> Any:
        picture = io.BytesIO()
        Image.new("RGB", (40, 30), "white").save(picture, "JPEG")
        picture.seek(0)
        return files.receive(self.session, self.store, picture, name="giay.jpg", at=NOW, by=self.clerk.id)

    def submit(self, at: datetime = NOW) -> Application:
        return application_moves.submit(self.session, self.id, **self.by(self.clerk, self.own, at))

    def ask(self, at: datetime = NOW) -> Application:
        return application_moves.ask_supplement(
            self.session, self.id, text="Thiếu hợp đồng thuê đất", **self.by(self.world.manager, self.body, at)
        )

    def receive(self, at: datetime = NOW) -> Application:
        return application_moves.receive(self.session, self.id, **self.by(self.world.manager, self.body, at))

    def evaluate(self, result: CriterionResult = CriterionResult.MET, at: datetime = NOW, **facts: Any) -> Any:
        given = {
            "evaluated_on": at.date(), "minutes": "Đã xem vườn cùng chủ hộ",
            "results": [Criterion(text, result, "Sổ thiếu trang") for text in application_moves.CRITERIA],
        } | facts  # fmt: skip
        return application_moves.evaluate(self.session, self.id, **given, **self.by(self.world.manager, self.body, at))

    def grant(self, at: datetime = NOW, who: Any = None) -> UseCertificate:
        return application_moves.grant(
            self.session, self.id, document_number="12/QĐ-MẪU", **self.by(who or self.second, self.body, at)
        )

    def refuse(self, at: datetime = NOW, who: Any = None, **facts: Any) -> Application:
        given = {"reasons": "Vườn nằm ngoài khu vực địa lý", "document_number": "13/TB-MẪU"} | facts
        return application_moves.refuse(self.session, self.id, **given, **self.by(who or self.second, self.body, at))

    def withdraw(self) -> Application:
        return application_moves.withdraw(self.session, self.id, reason="", **self.by(self.clerk, self.own))

    def reach_state(self, state: ApplicationState) -> None:
        if state is S.DRAFT:
            self.fill()
            return
        self.fill()
        if state is S.WITHDRAWN:
            self.withdraw()
            return
        self.submit()
        if state is S.SUPPLEMENT:
            self.ask()
            self.sign()
        if state in {S.RECEIVED, S.EVALUATED, S.GRANTED}:
            self.receive()
        if state in {S.EVALUATED, S.GRANTED}:
            self.evaluate()
        if state is S.GRANTED:
            self.grant()
        if state is S.REFUSED:
            self.refuse()

    def do(self, move: ApplicationMove) -> Any:
        return {
            M.SUBMIT: self.submit, M.ASK_SUPPLEMENT: self.ask, M.RECEIVE: self.receive, M.EVALUATE: self.evaluate,
            M.GRANT: self.grant, M.REFUSE: self.refuse, M.WITHDRAW: self.withdraw,
        }[move]()  # fmt: skip


@pytest.fixture
def desk(session: Any, world: Any, tmp_path: Path) -> Desk:
    return Desk(session, world, tmp_path)


def reasons(caught: Any) -> set[type]:
    return {type(reason) for reason in caught.value.reasons}


@pytest.mark.parametrize("state", list(S))
@pytest.mark.parametrize("move", list(M))
def test_every_pair_of_state_and_move(desk: Desk, state: ApplicationState, move: ApplicationMove) -> None:
    desk.reach_state(state)
    assert desk.made.state is state
    if state in MOVES[move].start:
        desk.do(move)
        assert desk.made.state is MOVES[move].becomes
    else:
        # What never left the applicant's hands is not even found by the managing body.
        unseen = desk.made.submitted_at is None and not MOVES[move].applicants
        with pytest.raises(NotFound if unseen else applications.MoveNotPossible):
            desk.do(move)
        assert desk.made.state is state


def test_an_empty_application_is_refused_with_everything_that_is_missing_at_once(desk: Desk, session: Any) -> None:
    with pytest.raises(Refused) as refused:
        desk.submit()
    assert reasons(refused) == {
        application_needs.RepresentativeMissing, application_needs.IdentityMissing, application_needs.SignUseMissing,
        application_needs.SourcesMissing, application_needs.YearlyMissing, application_needs.IdentityPaperMissing,
        application_needs.ProductionEvidenceMissing, application_needs.CommitmentMissing,
    }  # fmt: skip
    assert {reason.section for reason in refused.value.reasons} == set(Section)
    assert desk.made.state is S.DRAFT


def test_an_area_without_the_code_that_the_regulation_asks_for_is_named(desk: Desk, session: Any) -> None:
    desk.fill()
    desk.area.codes[0].status, desk.area.codes[0].reason = AreaCodeStatus.SUSPENDED, "Mẫu"
    session.flush()
    with pytest.raises(Refused) as refused:
        desk.submit()
    assert [reason.facts["area"] for reason in refused.value.reasons] == ["Vùng vải Cẩm Chế"]


def test_the_owner_of_a_certification_mark_cannot_apply_for_it(desk: Desk, session: Any, world: Any) -> None:
    from trace.services import titles

    world.title.kind = TitleKind.CERTIFICATION_MARK
    owner = factories.party(session, "Chủ nhãn hiệu mẫu", PartyKind.ASSOCIATION)
    session.add(
        TitleRole(
            title_id=world.title.id, party_id=owner.id, role=TitleRoleKind.OWNER, valid_during=Range(date(2020, 1, 1), None),
            deciding_document="Quyết định mẫu",
        )
    )  # fmt: skip
    session.flush()
    with pytest.raises(titles.OwnerCannotHold):
        applications.start(session, title_id=world.title.id, applicant_id=owner.id, by=desk.clerk.id, at=NOW)


def test_the_clocks_count_working_days_and_stand_still_for_a_supplement(desk: Desk, session: Any) -> None:
    desk.fill()
    desk.submit()
    assert desk.made.due_on == date(2026, 8, 24)  # Fri 21, Sat 22 (worked in exchange), Mon 24
    desk.receive(NOW + timedelta(days=1))
    # 20 working days from Fri 21/8: 22, 24–28 (6), 3–4/9 (8), 7–11 (13), 14–18 (18), 21, 22
    assert desk.made.due_on == date(2026, 9, 22)
    assert desk.made.promised_on == date(2026, 10, 6)
    desk.ask(NOW + timedelta(days=4))
    assert (desk.made.due_on, desk.made.promised_on) == (None, None)
    number = desk.made.receipt_number
    desk.sign()
    desk.submit(NOW + timedelta(days=18))
    desk.receive(NOW + timedelta(days=18))
    assert desk.made.receipt_number == number
    assert desk.made.due_on == date(2026, 10, 5)


def test_times_are_rules_of_the_title(desk: Desk, session: Any, world: Any) -> None:
    _regulate(session, world, completeness_days=1, evaluation_days=2, decision_days=3)
    desk.fill()
    desk.submit()
    assert desk.made.due_on == date(2026, 8, 21)
    desk.receive()
    assert (desk.made.due_on, desk.made.promised_on) == (date(2026, 8, 22), date(2026, 8, 24))


def test_without_next_years_holidays_nobody_is_turned_away_and_the_day_is_filled_in_later(
    desk: Desk, session: Any, world: Any
) -> None:
    from trace.models.holidays import CalendarYear, Holiday

    for row in session.query(Holiday).filter(Holiday.day >= date(2026, 1, 1)):
        session.delete(row)
    for row in session.query(CalendarYear).filter(CalendarYear.year >= 2026):
        session.delete(row)
    session.flush()
    desk.fill()
    desk.submit()
    assert desk.made.due_on is None
    workdays.seed(session)
    assert reminders.daily(session, NOW) == 1
    assert desk.made.due_on == date(2026, 8, 24)


def test_receipt_numbers_run_without_gaps(desk: Desk) -> None:
    desk.reach_state(S.RECEIVED)
    assert desk.made.receipt_number == "TN-2026-00001"


def test_granting_makes_a_certificate_as_the_regulation_says(desk: Desk, session: Any, world: Any) -> None:
    _regulate(session, world, certificate_number="{n:03}/{year}/VT-MẪU", validity_months=24)
    desk.reach_state(S.EVALUATED)
    made = desk.grant()
    assert made.number == "001/2026/VT-MẪU"
    assert (made.valid_during.lower, made.valid_during.upper) == (date(2026, 8, 20), date(2028, 8, 20))
    assert [source.area_id for source in made.sources] == [desk.area.id]
    assert desk.made.certificate_id == made.id
    assert certificates.holders_on(session, world.title.id, as_of=TODAY, reach=desk.own) == [(desk.party, made)]


def test_a_number_already_on_an_older_certificate_is_passed_over(desk: Desk, session: Any, world: Any) -> None:
    world.certificate.number = "0001/2026/GCN"
    session.flush()
    desk.reach_state(S.GRANTED)
    assert desk.made.certificate.number == "0002/2026/GCN"


def test_a_certificate_does_not_outlive_its_mark(desk: Desk, session: Any, world: Any) -> None:
    world.title.kind, world.title.expires_on = TitleKind.COLLECTIVE_MARK, date(2027, 1, 31)
    session.flush()
    desk.reach_state(S.GRANTED)
    assert desk.made.certificate.valid_during.upper == date(2027, 2, 1)


def test_whoever_evaluated_does_not_decide(desk: Desk, session: Any, world: Any) -> None:
    desk.reach_state(S.EVALUATED)
    with pytest.raises(application_moves.EvaluatorDecides):
        desk.grant(who=world.manager)
    with pytest.raises(application_moves.EvaluatorDecides):
        desk.refuse(who=world.manager)
    desk.grant()
    desk.made.decided_by = desk.made.evaluated_by
    with pytest.raises(IntegrityError, match="two_persons"):
        session.flush()


def test_whoever_made_an_earlier_evaluation_does_not_decide_either(desk: Desk, session: Any, world: Any) -> None:
    desk.reach_state(S.EVALUATED)
    third = factories.user(session, "quan.ly.3", "Người mẫu Ba", NOW)
    factories.role(session, third, world.managing_body, Role.MANAGER, NOW)
    application_moves.evaluate(
        session, desk.id, evaluated_on=TODAY, minutes="Xem lại vườn",
        results=[Criterion(text, CriterionResult.MET) for text in application_moves.CRITERIA],
        **desk.by(third, desk.body, NOW + timedelta(hours=1)),
    )  # fmt: skip
    for earlier in (world.manager, third):
        with pytest.raises(application_moves.EvaluatorDecides):
            desk.grant(NOW + timedelta(hours=2), who=earlier)
    assert desk.grant(NOW + timedelta(hours=2)).status is CertificateStatus.ACTIVE


@pytest.mark.parametrize("move", [M.ASK_SUPPLEMENT, M.RECEIVE, M.EVALUATE, M.GRANT, M.REFUSE])
def test_a_person_of_the_applicant_never_acts_for_the_managing_body(
    desk: Desk, session: Any, world: Any, move: ApplicationMove
) -> None:
    desk.reach_state(
        S.SUBMITTED if move in {M.ASK_SUPPLEMENT, M.RECEIVE} else S.RECEIVED if move is M.EVALUATE else S.EVALUATED
    )
    for who in (world.manager, desk.second):
        factories.role(session, who, desk.party, Role.PACKER, NOW)
    with pytest.raises(application_moves.ApplicantsOwnPerson):
        desk.do(move)


def test_a_failed_evaluation_grants_nothing_until_another_one_is_passed(desk: Desk) -> None:
    desk.reach_state(S.RECEIVED)
    assert not desk.evaluate(CriterionResult.NOT_MET).passed
    with pytest.raises(application_grants.EvaluationNotPassed):
        desk.grant()
    desk.evaluate(CriterionResult.MET, NOW + timedelta(hours=1))
    assert desk.grant().status is CertificateStatus.ACTIVE


def test_all_faults_of_an_evaluation_come_back_at_once(desk: Desk, session: Any) -> None:
    desk.reach_state(S.RECEIVED)
    with pytest.raises(Refused) as refused:
        desk.evaluate(
            evaluated_on=TODAY + timedelta(days=1), minutes=" ",
            results=[Criterion("Một", None), Criterion("Hai", CriterionResult.NOT_MET, " "), Criterion("Ba", CriterionResult.MET)],
        )  # fmt: skip
    assert reasons(refused) == {
        application_moves.EvaluatedInFuture, application_moves.CriterionOpen, application_moves.NotMetWithoutNote,
        application_moves.MinutesMissing,
    }  # fmt: skip
    with pytest.raises(Refused) as refused:
        desk.evaluate(evaluated_on=TODAY - timedelta(days=1))
    assert reasons(refused) == {application_moves.EvaluatedBeforeReceipt}


def test_evaluations_are_never_changed_afterwards(desk: Desk, session: Any) -> None:
    desk.reach_state(S.EVALUATED)
    desk.made.evaluations[0].minutes = "khác"
    with pytest.raises(Exception, match="append-only"):
        session.flush()


def test_a_refusal_needs_reasons_and_a_document(desk: Desk) -> None:
    desk.reach_state(S.SUBMITTED)
    with pytest.raises(Refused) as refused:
        desk.refuse(reasons=" ", document_number="")
    assert reasons(refused) == {application_moves.ReasonsMissing, application_moves.DocumentNumberMissing}


def test_two_clerks_on_one_page_lose_nothing(desk: Desk, session: Any) -> None:
    seen = desk.made.revision
    mine = desk.by(desk.clerk, desk.own)
    application_sections.save(session, desk.id, Section.PRODUCT, {"sign_use": "Trên túi"}, revision=seen, **mine)
    with pytest.raises(editing.EditedMeanwhile) as refused:
        application_sections.save(session, desk.id, Section.PRODUCT, {"sign_use": "Trên hộp"}, revision=seen, **mine)
    assert desk.made.sign_use == "Trên túi"
    assert [deed.deed for deed in refused.value.deeds] == ["application:save"]


def test_after_handing_in_nothing_is_written_until_a_supplement_is_asked_for(desk: Desk, session: Any) -> None:
    desk.reach_state(S.SUBMITTED)
    mine = desk.by(desk.clerk, desk.own)
    values = {"sign_use": "Khác"}
    with pytest.raises(application_sections.NotInYourHands):
        application_sections.save(session, desk.id, Section.PRODUCT, values, revision=desk.made.revision, **mine)
    desk.ask()
    application_sections.save(session, desk.id, Section.PRODUCT, values, revision=desk.made.revision, **mine)
    with pytest.raises(Refused) as refused:
        desk.submit()
    assert reasons(refused) == {application_needs.CommitmentMissing}  # what has changed is signed anew


def test_only_own_areas_of_the_title_can_be_chosen(desk: Desk, session: Any, world: Any) -> None:
    with pytest.raises(Refused) as refused:
        application_sections.save_sources(
            session, desk.id, area_ids=[world.area.id], site_ids=[], yearly_kg=1, process=None, revision=desk.made.revision,
            **desk.by(desk.clerk, desk.own),
        )  # fmt: skip
    assert reasons(refused) == {application_sections.NotOfThisTitle}
    assert desk.made.sources == []


def test_a_file_that_was_handed_in_is_struck_out_and_kept(desk: Desk, session: Any) -> None:
    desk.fill()
    added = desk.made.files[0]
    application_sections.strike_file(session, desk.id, added.file_id, **desk.by(desk.clerk, desk.own))
    assert added.struck_at == NOW
    assert len(desk.made.files) == 2
    with pytest.raises(Refused) as refused:
        desk.submit()
    assert reasons(refused) == {application_needs.IdentityPaperMissing}


def test_a_draft_is_seen_by_the_applicant_alone(desk: Desk, session: Any) -> None:
    with pytest.raises(NotFound):
        applications.get(session, desk.id, reach=desk.body)
    with pytest.raises(NotFound):
        applications.get(session, desk.id, reach=Reach(everything=True))
    assert applications.get(session, desk.id, reach=desk.own) is desk.made
    desk.reach_state(S.SUBMITTED)
    assert applications.get(session, desk.id, reach=desk.body) is desk.made


def test_one_application_at_a_time_for_a_title(desk: Desk, session: Any, world: Any) -> None:
    facts = {"title_id": world.title.id, "applicant_id": desk.party.id, "by": desk.clerk.id, "at": NOW}
    with pytest.raises(applications.AlreadyOpen):
        applications.start(session, **facts)
    desk.withdraw()
    assert applications.start(session, **facts).state is S.DRAFT


def test_the_list_puts_what_is_overdue_on_top_and_finds_without_diacritics(
    desk: Desk, session: Any, world: Any, tmp_path: Path
) -> None:
    desk.reach_state(S.SUBMITTED)
    other = applications.start(
        session, title_id=world.title.id, applicant_id=world.packing_house.id, by=desk.clerk.id, at=NOW
    )
    other.state, other.submitted_at, other.due_on = S.SUBMITTED, NOW, date(2026, 8, 1)
    session.flush()

    def listed(**wanted: Any) -> list[Application]:
        return list(applications.listing(session, reach=desk.body, on=TODAY, wanted=applications.Filter(**wanted))[0])

    assert listed() == [other, desk.made]
    assert listed(q="cam che") == [desk.made]
    assert listed(overdue=True) == [other]
    assert listed(state=S.RECEIVED) == []
    assert applications.counts(session, reach=desk.body, on=TODAY) == ({S.SUBMITTED: 2}, 1)


def test_every_deed_stands_in_the_history(desk: Desk, session: Any) -> None:
    desk.reach_state(S.GRANTED)
    assert [row.deed for row in reversed(history.of(session, desk.id))] == [
        "application:start", "application:save", "application:save", "application:save", "application:add_file", "application:add_file",
        "application:commit", "application:submit", "application:receive", "application:evaluate", "application:grant",
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------------------ renewal


def _regulate(session: Any, world: Any, **more: Any) -> None:
    kept = session.query(UseRegulation).filter_by(title_id=world.title.id).one()
    kept.rules = rules.kept(rules.Rules(**more))
    session.flush()


def _near_end(session: Any, world: Any, days: int) -> UseCertificate:
    certificate: UseCertificate = world.certificate
    certificate.valid_during = Range(date(2025, 1, 1), TODAY + timedelta(days=days))
    session.flush()
    return certificate


def test_a_certificate_in_its_window_is_work_once_a_period_until_somebody_applies(
    desk: Desk, session: Any, world: Any
) -> None:
    certificate = _near_end(session, world, 60)
    clerks = Reach(holders=frozenset({world.cooperative.id}))
    assert reminders.remind(session, NOW) == 1
    assert reminders.remind(session, NOW + timedelta(days=1)) == 0
    assert [row.certificate for row in reminders.waiting(session, reach=clerks, on=TODAY)] == [certificate]
    assert [row.certificate for row in reminders.waiting(session, reach=desk.body, on=TODAY)] == [certificate]
    assert reminders.waiting(session, reach=desk.own, on=TODAY) == []
    renewing = applications.renew(session, certificate.id, by=world.clerk.id, at=NOW, reach=clerks)
    assert reminders.waiting(session, reach=clerks, on=TODAY) == []
    application_moves.withdraw(session, renewing.id, reason="", by=world.clerk.id, at=NOW, reach=clerks)
    assert len(reminders.waiting(session, reach=clerks, on=TODAY)) == 1


@pytest.mark.parametrize(("days", "before", "made"), [(61, 60, 0), (60, 60, 1), (90, 90, 1), (1, 60, 1), (0, 60, 0)])
def test_the_window_is_a_rule_of_the_title(
    desk: Desk, session: Any, world: Any, days: int, before: int, made: int
) -> None:
    _regulate(session, world, renew_before_days=before)
    _near_end(session, world, days)
    assert reminders.remind(session, NOW) == made


def test_a_renewal_starts_filled_in_and_carries_on_the_day_after(
    desk: Desk, session: Any, world: Any, tmp_path: Path
) -> None:
    desk.reach_state(S.GRANTED)
    first = desk.made.certificate
    late = datetime(2029, 7, 20, 3, 0, tzinfo=UTC)
    with pytest.raises(applications.TooEarlyToRenew):
        applications.renew(session, first.id, by=desk.clerk.id, at=NOW, reach=desk.own)
    desk.made = applications.renew(session, first.id, by=desk.clerk.id, at=late, reach=desk.own)
    assert (desk.made.representative, desk.made.tax_code, desk.made.sign_use, desk.made.yearly_kg) == (
        "Người mẫu Ký", "0800000123", "Trên túi lưới 2 kg", 20_000,
    )  # fmt: skip
    assert [source.area_id for source in desk.made.sources] == [desk.area.id]
    for kind in (ApplicationEvidence.IDENTITY, ApplicationEvidence.PRODUCTION):
        application_sections.add_file(session, desk.id, desk.file(), kind, **desk.by(desk.clerk, desk.own, late))
    desk.sign()
    desk.submit(late)
    desk.receive(late)
    desk.evaluate(at=late)
    second = desk.grant(late)
    assert second.valid_during.lower == first.valid_during.upper


@pytest.mark.parametrize(
    ("became", "refusal"),
    [
        (CertificateStatus.SUSPENDED, application_grants.RenewedIsSuspended),
        (CertificateStatus.REVOKED, application_grants.RenewedIsOver),
        (CertificateStatus.GIVEN_UP, application_grants.RenewedIsOver),
    ],
)
def test_a_renewal_passes_by_no_decision_about_what_it_renews(
    desk: Desk, session: Any, world: Any, became: CertificateStatus, refusal: type[Exception]
) -> None:
    _near_end(session, world, 30)
    clerks = Reach(holders=frozenset({world.cooperative.id}))
    desk.made = applications.renew(session, world.certificate.id, by=world.clerk.id, at=NOW, reach=clerks)
    desk.made.state, desk.made.submitted_at, desk.made.received_at = S.RECEIVED, NOW, NOW
    desk.made.receipt_number = "TN-2026-09999"
    session.flush()
    desk.evaluate()
    world.certificate.status, world.certificate.status_reason = became, "Mẫu"
    session.flush()
    with pytest.raises(refusal):
        desk.grant()


def test_a_holder_renews_instead_of_applying_again(desk: Desk, session: Any, world: Any) -> None:
    with pytest.raises(applications.HoldsAlready):
        applications.start(
            session, title_id=world.title.id, applicant_id=world.cooperative.id, by=world.clerk.id, at=NOW
        )


def test_a_grant_looks_again_and_says_all_that_changed_since_the_evaluation(
    desk: Desk, session: Any, world: Any
) -> None:
    site = ProductionSite(
        title_id=world.title.id, holder_id=desk.party.id, name="Bể mẫu", kind=SiteKind.VAT, commune_code="10813",
        location="SRID=4326;POINT(106.45 20.90)", capacity_g=1_000_000,
    )  # fmt: skip
    lost = factories.area(session, world.title, desk.party, "Vùng đã chuyển")
    session.add(site)
    session.flush()
    desk.fill()
    application_sections.save_sources(
        session, desk.id, area_ids=[desk.area.id, lost.id], site_ids=[site.id], yearly_kg=20_000, process="Theo quy trình mẫu",
        revision=desk.made.revision, **desk.by(desk.clerk, desk.own),
    )  # fmt: skip
    desk.sign()
    desk.submit()
    desk.receive()
    desk.evaluate()
    site.status = SiteStatus.CLOSED
    lost.holder_id = world.cooperative.id
    code = session.scalars(select(GrowingAreaCode).where(GrowingAreaCode.area_id == desk.area.id)).one()
    code.valid_during = Range(date(2025, 1, 1), date(2026, 8, 1))
    session.flush()
    with pytest.raises(Refused) as refused:
        application_moves.grant(session, desk.id, document_number=" ", **desk.by(desk.second, desk.body))
    assert [type(reason) for reason in refused.value.reasons] == [
        application_moves.DocumentNumberMissing, application_needs.SourceOfOther, application_needs.SiteClosedMeanwhile,
        application_needs.CodeNotStanding,
    ]  # fmt: skip
    assert all(reason.way_out_id() for reason in refused.value.reasons[1:])
    assert refused.value.reasons[3].facts == {"area": desk.area.name, "state": date(2026, 7, 31)}
    assert desk.made.state is S.EVALUATED
    site.status, lost.holder_id, code.valid_during = SiteStatus.PAUSED, desk.party.id, Range(date(2025, 1, 1), None)
    session.flush()
    assert desk.grant().status is CertificateStatus.ACTIVE


def test_a_closed_site_is_not_handed_in(desk: Desk, session: Any, world: Any) -> None:
    site = ProductionSite(
        title_id=world.title.id, holder_id=desk.party.id, name="Bể mẫu", kind=SiteKind.VAT, commune_code="10813",
        location="SRID=4326;POINT(106.45 20.90)", capacity_g=1_000_000, status=SiteStatus.CLOSED,
    )  # fmt: skip
    session.add(site)
    desk.made.sources = [ApplicationSource(site=site)]
    session.flush()
    missing = application_needs.missing(session, desk.made, on=TODAY)
    assert application_needs.SiteShut in {type(each) for each in missing}


def test_what_the_register_did_not_know_of_the_applicant_is_taken_over_with_the_grant(
    desk: Desk, session: Any, world: Any
) -> None:
    assert (desk.party.tax_code, desk.party.address) == (None, "Thôn mẫu 1")
    desk.reach_state(S.EVALUATED)
    desk.made.address = "Nơi khác"
    desk.grant()
    assert (desk.party.tax_code, desk.party.address) == ("0800000123", "Thôn mẫu 1")
    (deed,) = [each for each in history.of(session, desk.party.id) if each.deed == "party:complete"]
    assert (deed.changes["tax_code"], deed.by) == ([None, "0800000123"], desk.second.id)


def test_a_tax_code_that_another_bears_in_the_register_stops_the_grant(desk: Desk, session: Any, world: Any) -> None:
    world.other_cooperative.tax_code = "0800000123"
    desk.reach_state(S.EVALUATED)
    with pytest.raises(application_grants.TaxCodeOfAnother) as refused:
        desk.grant()
    assert refused.value.facts["name"] == world.other_cooperative.name
