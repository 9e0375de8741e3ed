"""Promises of the pages of a signal and of its group: a similar case is shown and may be chosen, however many signals the group has."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from enforcement import alike, law, queue, triage
from tests import factories
from tests.conftest import NOW
from tests.enforcement import desk

SignIn = Callable[[Any], FlaskClient]
TokenOf = Callable[[FlaskClient, str], str]


def test_a_case_outside_a_large_group_is_offered_and_may_be_chosen(
    world: factories.World, session: Session, sign_in: SignIn, token_of: TokenOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    law.seed(session)
    monkeypatch.setattr(alike, "PER_KIND", 2)
    monkeypatch.setattr(queue, "open_cases", lambda _session: [])
    shop = {"seller": "Đặc sản mẫu 0225 312 3456", "description": ""}
    decided = desk.signal(session, place="Sạp aaaaaaaaa", **shop)
    case = triage.open_case(session, decided.id, title="Vụ mẫu ngoài nhóm", store=tmp_path, by=world.officer.id, at=NOW)
    group = [desk.signal(session, at=NOW + timedelta(hours=n), place="Sạp bbbbbbbbb", **shop) for n in range(1, 6)]
    assert len({each.cluster_id for each in group} - {decided.cluster_id}) == 1
    session.commit()
    officer = sign_in(world.officer)
    for page in (f"/hang-doi/{group[0].id}", f"/hang-doi/nhom/{group[0].cluster_id}"):
        shown = officer.get(page)
        assert case.number in shown.get_data(as_text=True)
    one = f"/hang-doi/{group[0].id}"
    answer = officer.post(
        f"{one}/add",
        data={"csrf_token": token_of(officer, one), "idempotency_key": uuid.uuid4().hex, "case": str(case.id)},
    )
    assert answer.status_code == 303
    session.expire_all()
    assert group[0].case_id == case.id
