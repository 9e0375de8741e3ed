"""Titles entered and changed: every fault at once, amendments and renewals that stay, and nobody's change lost."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from tests import factories
from tests.conftest import NOW
from trace.errors import NotFound, Refused
from trace.models.title_records import AmendmentKind, TitleAmendment, TitleRenewal
from trace.models.titles import ProtectionTitle, TitleKind, TitleRole
from trace.services import editing, history, title_edits, titles
from trace.services.reach import Reach
from trace.services.title_edits import Facts

ALL = Reach(everything=True)


def facts(**changed: Any) -> Facts:
    return Facts(**{"kind": TitleKind.COLLECTIVE_MARK, "name": "Nhãn hiệu mẫu", **changed})


def mark(session: Any, world: Any, **changed: Any) -> ProtectionTitle:
    return title_edits.record(
        session, facts(**changed), managing_body_id=world.managing_body.id, since=date(2020, 1, 1), document="QĐ mẫu 7",
        by=world.manager.id, at=NOW,
    )  # fmt: skip


def reasons(refused: Any) -> set[type]:
    return {type(reason) for reason in refused.value.reasons}


def test_a_title_comes_with_its_managing_body_and_document(session: Any, world: Any) -> None:
    made = mark(session, world, nice_classes=[31, 29, 31])
    role = session.scalars(select(TitleRole).where(TitleRole.title_id == made.id)).one()
    assert (role.party_id, role.deciding_document) == (world.managing_body.id, "QĐ mẫu 7")
    assert made.nice_classes == [29, 31]
    assert [deed.deed for deed in history.of(session, made.id)] == ["title:record"]


def test_a_mark_runs_ten_years_from_filing_and_an_indication_for_ever(session: Any, world: Any) -> None:
    assert mark(session, world, filed_on=date(2016, 2, 29)).expires_on == date(2026, 2, 28)
    assert mark(session, world, filed_on=date(2016, 2, 29), expires_on=date(2030, 1, 1)).expires_on == date(2030, 1, 1)
    indication = mark(session, world, kind=TitleKind.GI, filed_on=date(2016, 2, 29))
    assert indication.expires_on is None


def test_all_faults_are_told_at_once(session: Any, world: Any) -> None:
    with pytest.raises(Refused) as refused:
        title_edits.record(
            session,
            facts(kind=TitleKind.GI, filed_on=date(2020, 1, 2), granted_on=date(2020, 1, 1), expires_on=date(2019, 1, 1)),
            managing_body_id=factories.some_id(), since=date(2020, 1, 1), document="QĐ", by=world.manager.id, at=NOW,
            bodies=frozenset({world.managing_body.id}),
        )  # fmt: skip
    assert reasons(refused) == {
        title_edits.NeverExpires, title_edits.GrantedBeforeFiled, title_edits.EndBeforeGrant, title_edits.NotYourBody,
    }  # fmt: skip


def test_a_number_belongs_to_one_title(session: Any, world: Any) -> None:
    mark(session, world, title_number="MẪU-1")
    with pytest.raises(Refused) as refused:
        mark(session, world, name="Khác", title_number="MẪU-1")
    assert reasons(refused) == {title_edits.TitleNumberTaken}
    other = mark(session, world, name="Khác nữa")
    with pytest.raises(Refused) as refused:
        title_edits.edit(
            session, other.id, facts(title_number="MẪU-1"), revision=1, by=world.manager.id, at=NOW, reach=ALL
        )
    assert reasons(refused) == {title_edits.TitleNumberTaken}


def test_the_second_of_two_editors_sees_what_the_first_changed(session: Any, world: Any) -> None:
    made = mark(session, world)
    title_edits.edit(session, made.id, facts(name="Tên mới"), revision=1, by=world.manager.id, at=NOW, reach=ALL)
    with pytest.raises(editing.EditedMeanwhile) as meanwhile:
        title_edits.edit(
            session, made.id, facts(area_in_words="Xã mẫu"), revision=1, by=world.manager.id, at=NOW, reach=ALL
        )
    assert [deed.changes["name"] for deed in meanwhile.value.deeds] == [["Nhãn hiệu mẫu", "Tên mới"]]
    assert made.area_in_words is None


def test_nobody_edits_a_title_that_is_not_theirs(session: Any, world: Any) -> None:
    made = mark(session, world)
    with pytest.raises(NotFound):
        title_edits.edit(
            session, made.id, facts(name="X"), revision=1, by=world.manager.id, at=NOW, reach=Reach(titles=frozenset())
        )


def test_a_title_with_certificates_keeps_its_kind(session: Any, world: Any) -> None:
    with pytest.raises(Refused) as refused:
        title_edits.edit(
            session, world.title.id, facts(name="Vải mẫu"), revision=1, by=world.manager.id, at=NOW, reach=ALL
        )
    assert reasons(refused) == {title_edits.KindKept}


def test_a_renewal_goes_on_from_the_old_end_and_stays_on_record(session: Any, world: Any) -> None:
    made = mark(session, world, filed_on=date(2016, 5, 1))
    renewal = title_edits.renew(
        session,
        made.id,
        document="QĐ mẫu 9",
        decided_on=date(2026, 6, 1),
        revision=1,
        by=world.manager.id,
        at=NOW,
        reach=ALL,
    )
    assert (renewal.old_end, renewal.new_end, made.expires_on) == (date(2026, 5, 1), date(2036, 5, 1), date(2036, 5, 1))
    with pytest.raises(IntegrityError, match="append-only"), session.begin_nested():
        session.execute(text("UPDATE title_renewal SET document = 'x'"))


@pytest.mark.parametrize(
    ("changed", "fault"),
    [({"kind": TitleKind.GI}, title_edits.NeverExpires), ({}, title_edits.NoTerm)],
)
def test_what_has_no_end_is_not_renewed(session: Any, world: Any, changed: Any, fault: type) -> None:
    made = mark(session, world, **changed)
    with pytest.raises(Refused) as refused:
        title_edits.renew(
            session,
            made.id,
            document="QĐ",
            decided_on=date(2026, 6, 16),
            revision=1,
            by=world.manager.id,
            at=NOW,
            reach=ALL,
        )
    assert reasons(refused) == {fault, title_edits.DecidedInFuture}


def test_an_amendment_keeps_the_old_text_and_writes_the_new_one(session: Any, world: Any) -> None:
    made = mark(session, world, characteristics="Vỏ mỏng")

    def amend(**changed: Any) -> TitleAmendment:
        given = {
            "kind": AmendmentKind.SPECIFICATION, "document": "QĐ mẫu 3", "decided_on": date(2026, 1, 1), "was": None,
            "becomes": "Vỏ mỏng, hạt nhỏ", "applies": True, "revision": made.revision, **changed,
        }  # fmt: skip
        return title_edits.amend(session, made.id, by=world.manager.id, at=NOW, reach=ALL, **given)

    done = amend()
    assert (done.was, done.becomes, made.characteristics) == ("Vỏ mỏng", "Vỏ mỏng, hạt nhỏ", "Vỏ mỏng, hạt nhỏ")
    with pytest.raises(Refused) as refused:
        amend(decided_on=date(2026, 6, 16))
    assert reasons(refused) == {title_edits.NothingAmended, title_edits.DecidedInFuture}
    told = amend(kind=AmendmentKind.OWNER, was="Hội cũ", becomes="Hội mới")
    assert (told.was, made.name) == ("Hội cũ", "Nhãn hiệu mẫu")
    assert len(titles.amendments(session, made.id)) == 2


def test_the_territory_is_the_union_of_the_communes_and_a_change_needs_its_document(session: Any, world: Any) -> None:
    made = mark(session, world)
    factories.commune(session, "10816", "Hà Bắc", boundary=factories.square(106.5, 20.88, 0.1))

    def choose(codes: list[str], document: str | None = None) -> None:
        title_edits.set_area(
            session, made.id, codes, document=document, revision=made.revision, by=world.manager.id, at=NOW, reach=ALL
        )

    choose(["10813"])
    with pytest.raises(Refused) as refused:
        choose(["10813", "99999"])
    assert reasons(refused) == {title_edits.UnknownCommune, title_edits.DocumentNeeded}
    choose(["10813", "10816"], "QĐ mẫu 4")
    hectares = session.scalar(text("SELECT ST_Area(area) FROM protection_title WHERE id = :i"), {"i": made.id})
    assert hectares == pytest.approx(0.02)
    assert list(titles.commune_names(session, made)) == ["Hà Bắc", "Thanh Hà"]
    last = history.of(session, made.id)[0]
    assert (last.changes["communes"], last.why) == (["Thanh Hà", "Hà Bắc, Thanh Hà"], "QĐ mẫu 4")
    with pytest.raises(Refused) as refused:
        choose([], "QĐ")
    assert reasons(refused) == {title_edits.NoCommune}


def test_records_of_a_title_cannot_be_removed(session: Any, world: Any) -> None:
    assert factories.count(session, TitleRenewal) == 0
    for table in ("title_amendment", "title_renewal", "volume_confirmation"):
        with pytest.raises(IntegrityError, match="append-only"), session.begin_nested():
            session.execute(text(f"DELETE FROM {table}"))
