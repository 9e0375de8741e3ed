"""Promises of custody when somebody leaves, and when a piece is removed by force: nothing is stuck, no folio is given twice."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from enforcement import bundle, bundle_check, bundles, cases, custody, evidence
from enforcement.custody import AlreadyOffered, HeadsHandOn, KeeperStillHere, NoSuchKeeper, NothingOffered
from enforcement.models import AlarmKind, CaseFile, CustodyDeed, CustodyEvent, Evidence, EvidenceAlarm
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk
from tests.enforcement.test_custody import by_force
from trace.clock import CITY
from trace.errors import Refused, broken_constraint
from trace.models.parties import AppUser, RoleGrant

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def case(session: Session, world: factories.World, tmp_path: Path) -> CaseFile:
    return desk.case(session, world, tmp_path, photos=[desk.photo(session, tmp_path, 1)])


@pytest.fixture
def piece(session: Session, case: CaseFile) -> Evidence:
    return evidence.of_case(session, case.id)[0]


def close_account(session: Session, person: AppUser) -> None:
    session.execute(update(AppUser).where(AppUser.id == person.id).values(closed_at=NOW))
    session.expire_all()


def end_role(session: Session, person: AppUser) -> None:
    today = LATER.astimezone(CITY).date()
    for grant in session.scalars(select(RoleGrant).where(RoleGrant.user_id == person.id)):
        grant.valid_during = Range(today - timedelta(days=9), today)
    session.flush()
    session.expire_all()


def hand_on(
    session: Session, piece: Evidence, by: AppUser, to: AppUser, reason: str = "Đã chuyển công tác"
) -> CustodyEvent:
    return custody.reassign(
        session, piece.id, to.id, place="Kho Đội 1", reason=reason, paper="07/BB-BG", seen=piece.sha256, by=by.id, at=LATER
    )  # fmt: skip


def bundled(session: Session, case: CaseFile, world: factories.World, store: Path) -> list[tuple[str, str]]:
    asked = bundles.ask(session, case.id, reason="Gửi", shared=False, by=world.team_head.id, at=LATER)
    written = bundle.write(store / "bundles", bundle.compose(session, asked, store=store, scanner="", at=LATER))
    return bundle_check.check_zip(store / "bundles" / f"{written.sha256}.zip", written.sums_sha256)


@pytest.mark.parametrize("leave", [close_account, end_role])
def test_a_head_hands_on_what_somebody_kept_who_left_and_the_new_keeper_confirms(
    session: Session, case: CaseFile, piece: Evidence, world: factories.World, tmp_path: Path, leave: object
) -> None:
    leave(session, world.officer)  # type: ignore[operator]
    step = hand_on(session, piece, world.team_head, world.branch_head)
    assert (step.deed, step.note) == (CustodyDeed.REASSIGNED, "07/BB-BG: Đã chuyển công tác")
    assert piece.keeper_id == world.officer.id, "it stays with who had it until the other side confirms"
    got = custody.confirm(session, piece.id, seen=piece.sha256, by=world.branch_head.id, at=LATER)
    assert (piece.keeper_id, got.other_id, got.place) == (world.branch_head.id, world.officer.id, "Kho Đội 1")
    assert custody.broken(session) == []
    assert bundled(session, case, world, tmp_path) == []


def test_as_long_as_the_keeper_is_there_nobody_hands_on_in_their_place(
    session: Session, piece: Evidence, world: factories.World
) -> None:
    with pytest.raises(Refused) as refused:
        hand_on(session, piece, world.team_head, world.branch_head)
    assert [type(each) for each in refused.value.reasons] == [KeeperStillHere]
    for deed in (CustodyDeed.REASSIGNED, CustodyDeed.WITHDRAWN):
        step = CustodyEvent(
            evidence_id=piece.id, seq=piece.custody_seq + 1, deed=deed, at=LATER, by=world.team_head.id, other_id=world.branch_head.id,
            sha256_seen=piece.sha256, note="x",
        )  # fmt: skip
        nested = session.begin_nested()
        session.add(step)
        with pytest.raises(DBAPIError) as broken:
            session.flush()
        nested.rollback()
        assert broken_constraint(broken.value) == "custody_both_confirm"


def test_all_that_stands_against_it_is_told_at_once(session: Session, piece: Evidence, world: factories.World) -> None:
    with pytest.raises(Refused) as refused:
        hand_on(session, piece, world.officer, world.officer)
    assert [type(each) for each in refused.value.reasons] == [HeadsHandOn, KeeperStillHere, NoSuchKeeper]
    custody.hand_over(
        session, piece.id, world.team_head.id, place="Kho", note=None, seen=piece.sha256, by=world.officer.id, at=NOW
    )
    close_account(session, world.officer)
    with pytest.raises(Refused) as refused:
        hand_on(session, piece, world.team_head, world.branch_head)
    assert [type(each) for each in refused.value.reasons] == [AlreadyOffered]


def test_an_offer_of_somebody_who_left_is_taken_back_by_a_head(
    session: Session, piece: Evidence, world: factories.World
) -> None:
    custody.hand_over(
        session, piece.id, world.branch_head.id, place="Kho", note=None, seen=piece.sha256, by=world.officer.id, at=NOW
    )
    with pytest.raises(NothingOffered):
        custody.withdraw(session, piece.id, seen=piece.sha256, by=world.team_head.id, at=LATER)
    close_account(session, world.officer)
    custody.withdraw(session, piece.id, seen=piece.sha256, by=world.team_head.id, at=LATER)
    assert (piece.keeper_id, piece.offered_to_id) == (world.officer.id, None)
    assert custody.broken(session) == []


def test_handing_on_without_a_paper_by_force_is_found(
    session: Session, case: CaseFile, piece: Evidence, world: factories.World, tmp_path: Path
) -> None:
    close_account(session, world.officer)
    hand_on(session, piece, world.team_head, world.branch_head)
    by_force(session, "UPDATE enforcement.custody_event SET note = NULL WHERE deed = 'reassigned'")
    by_force(
        session,
        "UPDATE enforcement.custody_event e SET digest = enforcement.custody_digest(e) WHERE deed = 'reassigned'",
    )
    by_force(
        session,
        "UPDATE enforcement.evidence e SET custody_digest = c.digest FROM enforcement.custody_event c "
        "WHERE c.evidence_id = e.id AND c.seq = e.custody_seq",
    )
    assert [fault.detail for fault in custody.broken(session)] == ["keeper 2"]
    assert any("đứt ở bước 2" in reason for _, reason in bundled(session, case, world, tmp_path))


def remove(session: Session, folio: int | None = None) -> None:
    which = "" if folio is None else f" WHERE folio = {folio}"
    by_force(
        session,
        f"DELETE FROM enforcement.custody_event WHERE evidence_id IN (SELECT id FROM enforcement.evidence{which})",
    )
    by_force(session, f"DELETE FROM enforcement.evidence{which}")


def take(session: Session, case: CaseFile, world: factories.World, store: Path, shade: int) -> Evidence:
    return cases.add_evidence(
        session, case.id, desk.photo(session, store, shade), title="Ảnh", origin="Đội", taken_at=NOW, store=store, by=world.team_head.id,
        at=NOW,
    )  # fmt: skip


def test_the_last_piece_removed_by_force_is_missed_and_its_folio_never_given_again(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path
) -> None:
    take(session, case, world, tmp_path, 2)
    assert custody.missing_folios(session) == []
    remove(session, 2)
    custody.watch(session, at=LATER)
    alarm = session.scalars(select(EvidenceAlarm).where(EvidenceAlarm.kind == AlarmKind.FOLIO)).one()
    assert (alarm.case_id, alarm.folio) == (case.id, 2)
    assert take(session, case, world, tmp_path, 3).folio == 3
    assert [fault.folio for fault in custody.missing_folios(session)] == [2]


@pytest.mark.parametrize("folio", [2, None])
def test_a_bundle_says_what_was_removed_at_the_end(
    session: Session, case: CaseFile, world: factories.World, tmp_path: Path, folio: int | None
) -> None:
    take(session, case, world, tmp_path, 2)
    remove(session, folio)
    assert [fault.folio for fault in custody.missing_folios(session)] == ([2] if folio else [1, 2])
    assert any("bút lục không liên tục hoặc bị hụt" in reason for _, reason in bundled(session, case, world, tmp_path))


def test_the_last_folio_is_set_by_nobody(session: Session, case: CaseFile) -> None:
    for sql in ("last_folio = 0", "last_folio = last_folio + 1"):
        with pytest.raises(DBAPIError) as broken, session.begin_nested():
            session.execute(text(f"UPDATE enforcement.case_file SET {sql} WHERE id = :id"), {"id": case.id})
        assert broken_constraint(broken.value) == "last_folio_kept"
