"""The description of the programming interface against the interface itself: whatever is asked, it answers as it says (Schemathesis)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    missing_required_header,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.conftest import NOW
from tests.services.test_scanning import code_of, issue
from tests.views.test_api import key_for
from trace import clock
from trace.models.api import ApiScope, WebhookKind
from trace.services import webhooks
from trace.views.api_core import OPERATIONS, Operation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from sqlalchemy.orm import Session

    from tests.factories import World

EXAMPLES = 12
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance, response_headers_conformance,
    negative_data_rejection, missing_required_header, unsupported_method,
]  # fmt: skip


@pytest.fixture
def known(app: Flask, session: Session, world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What there is to find, by the names of path parameters, and a key that opens everything."""
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(hours=2))
    issue(session, world)
    key, with_key = key_for(session, world, *ApiScope)
    hook, _ = webhooks.subscribe(
        session, keeper_id=world.managing_body.id, key_id=key.id, url="https://hook.example.com/", kinds=[WebhookKind.TITLE_CHANGED],
        sealing=app.config["TEMTHAT"].derived("webhook"), at=NOW,
    )  # fmt: skip
    session.commit()
    yield {
        "title_id": str(world.title.id), "product_id": str(world.product.id), "number": world.certificate.number, "code": code_of(1),
        "webhook_id": str(hook.id), "lot_code": world.lot.public_code, "headers": with_key,
    }  # fmt: skip
    app.extensions["limits"].forget()


@pytest.fixture
def description(app: Flask, known: dict[str, Any]) -> Any:
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)


SETTINGS = settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("made", OPERATIONS, ids=lambda made: made.name)
def test_every_answer_is_as_described(
    made: Operation, mode: GenerationMode, app: Flask, description: Any, known: dict[str, Any]
) -> None:
    """Right questions about what is there get the answer that is described; wrong ones a refusal that is."""
    asked = 0

    @SETTINGS
    @given(case=description[made.template][made.method].as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        nonlocal asked
        asked += 1
        app.extensions["limits"].forget()
        if mode is GenerationMode.POSITIVE:
            # Made-up ids find nothing; the answer that matters is that about something which is there.
            for name in set(case.path_parameters or {}) & set(known):
                case.path_parameters[name] = known["lot_code" if made.name == "verify_lot" else name]
        plain = {"Accept-Encoding": "identity"}  # Schemathesis does not unpack what a WSGI application packed
        response = case.call(headers=plain if made.public else {**plain, **known["headers"]})
        case.validate_response(response, checks=CHECKS)
        if mode is GenerationMode.POSITIVE and made.method == "GET":
            assert response.status_code == 200, response.text

    ask()
    assert asked > 0
