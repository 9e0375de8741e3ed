"""An appointment as owner and a grant at the same moment: whichever commits first, the other is refused."""

from __future__ import annotations

import threading
from datetime import date
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import MASTER, NOW
from trace.models.titles import TitleKind, TitleRole, TitleRoleKind
from trace.services import certificates, titles


@pytest.mark.committed
def test_an_owner_and_a_certificate_do_not_slip_past_each_other(committed: Any) -> None:
    with Session(committed, expire_on_commit=False) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        world.title.kind = TitleKind.CERTIFICATION_MARK
        maker = factories.party(session, "Cơ sở mẫu")
        area = factories.area(session, world.title, maker, "Khu mẫu")
        session.commit()
    said: list[type] = []

    def grant() -> None:
        with Session(committed) as other:
            try:
                certificates.grant(
                    other, title_id=world.title.id, holder_id=maker.id, number="MẪU-9", valid_from=date(2026, 6, 1),
                    valid_until=date(2027, 1, 1), area_ids=[area.id], document_number="QĐ", by=world.manager.id, at=NOW,
                )  # fmt: skip
                other.commit()
                said.append(type(None))
            except titles.OwnerCannotHold as refused:
                said.append(type(refused))

    with Session(committed) as first:
        first.add(
            TitleRole(
                title_id=world.title.id, party_id=maker.id, role=TitleRoleKind.OWNER, deciding_document="QĐ",
                valid_during=Range(date(2020, 1, 1), None),
            )
        )  # fmt: skip
        first.flush()
        second = threading.Thread(target=grant)
        second.start()
        second.join(1)
        assert second.is_alive(), "the grant waits for the appointment"
        first.commit()
    second.join(20)
    assert said == [titles.OwnerCannotHold]
