"""Promises of the signature: TM., KT., TL., TUQ. and Q. only where they are open to a person, printed as chosen, kept with the document."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from enforcement import authority, documents, law
from enforcement.competence import Signer
from enforcement.errors import NotYourMove
from enforcement.models import CaseFile, DelegationScope, Document, SigningAs
from enforcement.papers import signatory, templates, units
from enforcement.papers.signatory import Chosen
from enforcement.transitions import Duty
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk, papers
from trace.errors import Refused, broken_constraint
from trace.models.parties import Role, RoleGrant

TODAY = date(2026, 6, 15)
A = SigningAs
BRANCH = frozenset({Duty.BRANCH_HEAD})


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    made = desk.case(session, world, tmp_path)
    papers.unit(session, world)
    branch = factories.party(session, "Chi cục mẫu")
    session.execute(
        update(RoleGrant)
        .where(RoleGrant.user_id == world.branch_head.id, RoleGrant.role == Role.BRANCH_HEAD)
        .values(party_id=branch.id)
    )
    units.register(
        session, branch.id, unit_code="03", sub_unit_code="00", name="Chi cục Quản lý thị trường mẫu", parent_name="Sở Công Thương mẫu",
        place="Hải Phòng", by=world.branch_head.id, at=NOW,
    )  # fmt: skip
    return made


def offered(
    session: Session, code: str, who: Any, duties: frozenset[Duty], on: date = TODAY
) -> dict[SigningAs, signatory.Capacity]:
    found = signatory.capacities(session, templates.seeds()[code], who.id, duties, on)
    assert len({each.signed_as for each in found}) == len(found)
    return {each.signed_as: each for each in found}


def delegate(
    session: Session, world: factories.World, taker: Any, scope: DelegationScope = DelegationScope.BOTH
) -> None:
    authority.delegate(
        session, from_id=world.branch_head.id, to_id=taker.id, scope=scope, decision_number="12/QĐ-GQXP", starts_on=TODAY,
        ends_on=TODAY + timedelta(days=30), by=world.branch_head.id, at=NOW,
    )  # fmt: skip


def issue(
    session: Session, case: CaseFile, world: factories.World, code: str, signing: Chosen | None, **more: Any
) -> Document:
    made = papers.draft(session, case, world, code)
    who = more.pop("by", world.team_head)
    return documents.issue(
        session, case.id, made.id, version=made.version, confirmed=True, by=who.id, duties=more.pop("duties", papers.HEAD), at=NOW,
        signing=signing,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("MBB01", [A.OWN]),  # minutes are signed by whoever draws them up
        ("MQĐ20", [A.OWN, A.ACTING]),  # the power to apply measures belongs to the post
        ("MQĐ02", [A.OWN, A.ACTING]),
        ("CVSAN", [A.OWN, A.ACTING, A.BY_ORDER, A.AUTHORISED, A.COLLECTIVE]),
        ("TBKVP", [A.OWN, A.ACTING, A.BY_ORDER, A.AUTHORISED, A.COLLECTIVE]),
    ],
)
def test_a_team_head_is_offered_what_the_form_leaves_open(
    session: Session, case: CaseFile, world: factories.World, code: str, expected: list[SigningAs]
) -> None:
    assert list(offered(session, code, world.team_head, papers.HEAD)) == expected


def test_a_branch_head_signs_by_nobodys_order_and_an_officer_signs_no_heads_paper(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    assert list(offered(session, "CVSAN", world.branch_head, BRANCH)) == [A.OWN, A.ACTING, A.COLLECTIVE]
    with pytest.raises(NotYourMove):
        offered(session, "CVSAN", world.officer, papers.OFFICER)
    assert list(offered(session, "MQĐ02", world.officer, papers.OFFICER)) == [A.OWN]


def test_without_a_branch_in_office_nobody_signs_by_its_order(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    session.execute(text("UPDATE enforcement.issuing_unit SET unit_code = '07' WHERE sub_unit_code = '00'"))
    session.expire_all()
    assert A.BY_ORDER not in offered(session, "CVSAN", world.team_head, papers.HEAD)


def test_a_delegate_signs_as_deputy_of_the_giver_or_in_the_own_post(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    law.seed(session)
    delegate(session, world, world.team_head)
    found = offered(session, "MQĐ02", world.team_head, papers.HEAD)
    assert list(found) == [A.DEPUTY, A.OWN, A.ACTING]
    assert found[A.DEPUTY].lines == ("KT. Chi cục trưởng", "Phó Chi cục trưởng")
    assert (found[A.DEPUTY].power, found[A.OWN].power) == (Signer.BRANCH_HEAD, Signer.TEAM_HEAD)
    made = issue(session, case, world, "MQĐ02", None)
    assert made.sheet is not None
    assert (made.signed_as, made.sheet["capacity"]) == (A.DEPUTY, ["KT. Chi cục trưởng", "Phó Chi cục trưởng"])
    assert made.sheet["organisation"] == "Chi cục Quản lý thị trường mẫu"
    assert made.sheet["authority"] == "Chi cục trưởng Chi cục Quản lý thị trường mẫu"
    assert made.sheet["bases"][-1] == [{"t": "Căn cứ Quyết định số 12/QĐ-GQXP về việc giao quyền."}]
    assert (made.number, made.sheet["mandate"]) == ("03000001/QĐ-XPHC", "12/QĐ-GQXP")
    own = issue(session, case, world, "MQĐ02", Chosen(A.OWN))
    assert own.sheet is not None
    assert (own.signed_as, own.sheet["capacity"], own.number) == (A.OWN, ["Đội trưởng"], "03010001/QĐ-XPHC")


def test_a_delegation_of_measures_signs_no_penalty(session: Session, case: CaseFile, world: factories.World) -> None:
    law.seed(session)
    delegate(session, world, world.team_head, DelegationScope.MEASURES)
    assert A.DEPUTY not in offered(session, "MQĐ02", world.team_head, papers.HEAD)
    assert A.DEPUTY in offered(session, "MQĐ20", world.team_head, papers.HEAD)


@pytest.mark.parametrize(
    ("chosen", "lines", "organisation", "number"),
    [
        (Chosen(A.OWN, "Hội đồng", "Trưởng ban"), ["Đội trưởng"], "Đội Quản lý thị trường mẫu", "0301"),
        (Chosen(A.ACTING, mandate="7/QĐ"), ["Q. Đội trưởng"], "Đội Quản lý thị trường mẫu", "0301"),
        (Chosen(A.BY_ORDER), ["TL. Chi cục trưởng", "Đội trưởng Đội Quản lý thị trường mẫu"], "Chi cục Quản lý thị trường mẫu", "0300"),
        (Chosen(A.AUTHORISED, post="Trưởng phòng", mandate="9/UQ"), ["TUQ. Chi cục trưởng", "Trưởng phòng"], "Chi cục Quản lý thị trường mẫu", "0300"),
        (Chosen(A.COLLECTIVE, "Đoàn  kiểm tra", "Trưởng đoàn"), ["TM. Đoàn kiểm tra", "Trưởng đoàn"], "Đội Quản lý thị trường mẫu", "0301"),
    ],
)  # fmt: skip
def test_what_was_chosen_is_printed_and_kept(
    session: Session, case: CaseFile, world: factories.World, chosen: Chosen, lines: list[str], organisation: str, number: str
) -> None:  # fmt: skip
    made = issue(session, case, world, "CVSAN", chosen)
    assert made.sheet is not None
    assert made.number is not None
    assert (made.signed_as, made.sheet["capacity"], made.sheet["organisation"]) == (
        chosen.signed_as,
        lines,
        organisation,
    )
    assert made.number.startswith(number)
    assert made.sheet["mandate"] == chosen.mandate
    with pytest.raises(IntegrityError) as broken, session.begin_nested():
        session.execute(text("UPDATE enforcement.document SET signed_as = 'deputy' WHERE id = :id"), {"id": made.id})
    assert broken_constraint(broken.value) == "issued_document_kept"


@pytest.mark.parametrize(
    ("code", "chosen", "wrong"),
    [
        ("CVSAN", Chosen(A.COLLECTIVE), [signatory.BodyMissing, signatory.PostMissing]),
        ("CVSAN", Chosen(A.AUTHORISED, mandate="  "), [signatory.MandateMissing]),
        ("CVSAN", Chosen(A.ACTING), [signatory.MandateMissing]),
        ("CVSAN", Chosen(A.DEPUTY), [signatory.CapacityNotOffered]),
        ("MQĐ20", Chosen(A.BY_ORDER), [signatory.CapacityNotOffered]),
        ("MQĐ02", Chosen(A.AUTHORISED, mandate="9/UQ"), [signatory.CapacityNotOffered]),
        ("MQĐ02", Chosen(A.COLLECTIVE, "Hội đồng", "Chủ tịch"), [signatory.CapacityNotOffered]),
    ],
)
def test_a_capacity_that_is_not_open_or_not_complete_is_refused_with_all_else_that_is_wrong(
    session: Session, case: CaseFile, world: factories.World, code: str, chosen: Chosen, wrong: list[type[Exception]]
) -> None:
    made = documents.draft(session, case.id, code, by=world.officer.id, at=NOW)
    with pytest.raises(Refused) as refused:
        documents.issue(
            session, case.id, made.id, version=made.version, confirmed=False, by=world.team_head.id, duties=papers.HEAD, at=NOW, signing=chosen
        )  # fmt: skip
    kinds = [type(reason) for reason in refused.value.reasons]
    assert kinds[: len(wrong)] == wrong
    assert documents.WordingNotConfirmed in kinds
    session.refresh(made)
    assert (made.number, made.signed_as) == (None, None)


def test_an_issued_document_always_says_in_which_capacity(
    session: Session, case: CaseFile, world: factories.World
) -> None:
    made = issue(session, case, world, "CVSAN", None)
    assert made.signed_as is A.OWN
    session.execute(text("ALTER TABLE enforcement.document DISABLE TRIGGER issued_document_kept"))
    with pytest.raises(IntegrityError) as broken, session.begin_nested():
        session.execute(text("UPDATE enforcement.document SET signed_as = NULL WHERE id = :id"), {"id": made.id})
    assert broken_constraint(broken.value) == "ck_document_signed_as_iff_issued"
