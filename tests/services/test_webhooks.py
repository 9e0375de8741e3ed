"""Webhooks: written down with the deed, told at least once under one id, signed, and given up on when nobody answers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import textwrap
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import MASTER, NOW, config_for
from tests.services.receiver import Receiver, receiving
from trace import jobs
from trace.config import ROOT
from trace.models.api import (
    DeliveryFault,
    DeliveryState,
    WebhookDelivery,
    WebhookEvent,
    WebhookKind,
    WebhookSubscription,
)
from trace.models.history import History
from trace.services import api_keys, certificates, history, lots, outgoing, webhooks
from trace.services.certificates import Decision
from trace.services.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Engine

    from tests.factories import World
    from trace.config import Config

ALL = Reach(everything=True)
SEALING = config_for("", None).derived("webhook")  # type: ignore[arg-type]
EVERY = [kind for kind in WebhookKind if kind is not WebhookKind.TEST]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as kept:
        yield kept


def subscribe(
    session: Session, world: World, url: str = "https://hook.example.com/", at: datetime = NOW, **more: Any
) -> Any:
    return webhooks.subscribe(
        session, keeper_id=world.managing_body.id, url=url, sealing=SEALING, at=at, by=world.manager.id, loopback=True,
        **{"kinds": EVERY, **more},
    )  # fmt: skip


def suspend(session: Session, world: World, at: datetime = NOW + timedelta(minutes=1)) -> None:
    certificates.decide(
        session, world.certificate.id, Decision.SUSPEND, reason="Lý do riêng", document_number="QĐ mẫu 9", by=world.manager.id, at=at, reach=ALL
    )  # fmt: skip


def claim(session: Session, at: datetime) -> list[webhooks.Message]:
    webhooks.fan_out(session, at=at)
    return webhooks.claim(session, sealing=SEALING, host="TEMTHAT.TEST", at=at)


# -------------------------------------------------------------------------------------------------------------- the outbox


def test_what_happened_is_in_the_outbox_and_what_did_not_is_not(session: Session, world: World) -> None:
    before = factories.count(session, WebhookEvent)
    with session.begin_nested() as step:
        suspend(session, world)
        assert factories.count(session, WebhookEvent) == before + 1
        step.rollback()
    assert factories.count(session, WebhookEvent) == before
    suspend(session, world)
    event = session.scalars(select(WebhookEvent).where(WebhookEvent.subject_id == world.certificate.id)).one()
    assert (event.kind, event.data) == (WebhookKind.CERTIFICATE_STATUS_CHANGED, {"status": "suspended"})


def test_a_recall_names_the_lot_and_no_reason(session: Session, world: World) -> None:
    lots.recall(session, world.lot.id, reason="Lý do riêng", by=world.certifier.id, at=NOW, reach=ALL)
    event = session.scalars(select(WebhookEvent).where(WebhookEvent.kind == WebhookKind.LOT_RECALLED)).one()
    assert event.data == {"lot_code": world.lot.code}


def test_other_deeds_are_nobodys_business(session: Session, world: World) -> None:
    before = factories.count(session, WebhookEvent)
    history.record(session, "case:open", world.lot.id, by=world.officer.id, at=NOW)
    history.record(session, "user:sign_in", world.clerk.id, by=world.clerk.id, at=NOW)
    session.flush()
    assert factories.count(session, WebhookEvent) == before


def test_each_event_goes_once_to_everybody_who_wants_it(session: Session, world: World) -> None:
    hook, _ = subscribe(session, world)
    other, _ = subscribe(session, world, kinds=[WebhookKind.TITLE_CHANGED])
    removed, _ = subscribe(session, world)
    webhooks.remove(session, removed.id, keepers=None, at=NOW, by=world.manager.id)
    suspend(session, world)
    assert webhooks.fan_out(session, at=NOW + timedelta(minutes=2)) == 1
    assert webhooks.fan_out(session, at=NOW + timedelta(minutes=3)) == 0
    assert [each.subscription_id for each in session.scalars(select(WebhookDelivery))] == [hook.id]
    assert other.failures == 0


# ---------------------------------------------------------------------------------------------------------------- messages


def test_a_message_is_signed_as_the_standard_has_it_and_tells_only_what_is_public(
    session: Session, world: World
) -> None:
    _hook, secret = subscribe(session, world)
    suspend(session, world)
    (message,) = claim(session, NOW + timedelta(minutes=2))
    said = json.loads(message.body)
    assert said["type"] == "certificate.status_changed"
    assert said["data"] == {
        "id": str(world.certificate.id), "status": "suspended", "href": f"https://temthat.test/api/v1/certificates/{world.certificate.id}",
    }  # fmt: skip
    assert "Lý do" not in message.body.decode()
    assert secret.startswith("whsec_")
    signed = f"{message.headers['webhook-id']}.{message.headers['webhook-timestamp']}.".encode() + message.body
    made = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    assert message.headers["webhook-signature"] == f"v1,{base64.b64encode(made).decode()}"
    assert message.headers["webhook-timestamp"] == str(int((NOW + timedelta(minutes=2)).timestamp()))


def test_the_check_that_partners_are_given_takes_our_messages_and_no_others(session: Session, world: World) -> None:
    """It stands in docs/api.md, to be copied as it is."""
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    block = text[text.index("    import base64") : text.index("\nThe body is the bytes")]
    known: dict[str, Any] = {}
    exec(textwrap.dedent(block), known)
    _hook, secret = subscribe(session, world)
    suspend(session, world)
    at = NOW + timedelta(minutes=2)
    (message,) = claim(session, at)
    known["time"] = SimpleNamespace(time=at.timestamp)
    assert known["genuine"](secret, message.headers, message.body)
    assert not known["genuine"](secret, message.headers, message.body + b" ")
    assert not known["genuine"](secret, {**message.headers, "webhook-id": "msg_other"}, message.body)
    assert not known["genuine"]("whsec_" + "A" * 43 + "=", message.headers, message.body)
    known["time"] = SimpleNamespace(time=(at + timedelta(hours=1)).timestamp)
    assert not known["genuine"](secret, message.headers, message.body), "an old message sent again by somebody else"
    assert all(f"`{kind}`" in text for kind in EVERY)


def test_a_secret_lies_sealed_and_opens_under_no_other_key(session: Session, world: World) -> None:
    hook, secret = subscribe(session, world)
    raw = base64.b64decode(secret.removeprefix("whsec_"))
    assert raw not in hook.secret_sealed
    new = bytes(32)
    assert webhooks.reseal(session, old=SEALING, new=new) == 1
    assert webhooks.open_all(session, sealing=new) == 1
    with pytest.raises(webhooks.SecretNotOpened):
        webhooks.open_all(session, sealing=SEALING)


def test_what_was_sent_out_waits_for_its_lease_and_goes_out_again_under_the_same_id(
    session: Session, world: World
) -> None:
    subscribe(session, world)
    suspend(session, world)
    at = NOW + timedelta(minutes=2)
    (first,) = claim(session, at)
    assert claim(session, at + webhooks.LEASE - timedelta(seconds=1)) == []
    (again,) = claim(session, at + webhooks.LEASE)
    assert again.headers["webhook-id"] == first.headers["webhook-id"]
    assert again.body == first.body
    assert again.tries == 2


def test_failures_come_round_later_and_later_until_they_are_given_up(session: Session, world: World) -> None:
    hook, _ = subscribe(session, world)
    suspend(session, world)
    at, waits = NOW + timedelta(minutes=2), []
    for _ in range(len(webhooks.WAITS) + 1):
        (message,) = claim(session, at)
        webhooks.mark(session, message, at=at, took_ms=5, answer=outgoing.Answer(500, "Bảo trì"))
        delivery = session.scalars(select(WebhookDelivery)).one()
        if delivery.next_at is not None:
            waits.append(delivery.next_at - at)
            at = delivery.next_at
    assert waits == list(webhooks.WAITS)
    assert (delivery.state, delivery.status, delivery.fault, delivery.answer) == (
        DeliveryState.FAILED, 500, DeliveryFault.ANSWERED, "Bảo trì",
    )  # fmt: skip
    assert hook.failures == len(webhooks.WAITS) + 1


@pytest.mark.parametrize(("status", "failures"), [(410, 1), (500, webhooks.MOST_FAILURES)])
def test_nobody_there_switches_it_off_and_a_person_on_again(
    session: Session, world: World, status: int, failures: int
) -> None:
    hook, _ = subscribe(session, world)
    for number in range(failures):
        webhooks.send_test(session, hook.id, keepers=None, at=NOW + timedelta(seconds=number), by=world.manager.id)
    at = NOW + timedelta(hours=1)
    for message in claim(session, at):
        webhooks.mark(session, message, at=at, took_ms=1, answer=outgoing.Answer(status, ""))
    session.refresh(hook)
    assert hook.disabled_at == at
    assert [each.id for each in webhooks.switched_off(session, keepers={world.managing_body.id})] == [hook.id]
    assert webhooks.switched_off(session, keepers={world.cooperative.id}) == []
    assert (
        session.scalars(select(History.deed).where(History.subject_id == hook.id)).all().count("webhook:disable") == 1
    )
    assert claim(session, at + timedelta(days=1)) == []
    with pytest.raises(webhooks.SwitchedOff):
        webhooks.send_test(session, hook.id, keepers=None, at=at, by=world.manager.id)
    webhooks.enable(session, hook.id, keepers=None, at=at, by=world.manager.id)
    assert len(claim(session, at)) == failures
    assert hook.failures == 0


def test_a_key_sees_and_removes_only_its_own(session: Session, world: World) -> None:
    expires = NOW.date() + timedelta(days=9)
    keys = [
        api_keys.create(
            session, keeper_id=world.managing_body.id, organisation="Đối tác mẫu", name=name, scopes=list(api_keys.ApiScope),
            expires_on=expires, by=world.manager.id, at=NOW,
        )[0]
        for name in ("một", "hai")
    ]  # fmt: skip
    hook, _ = subscribe(session, world, key_id=keys[0].id)
    assert webhooks.listing(session, keepers=None, key_id=keys[1].id) == []
    with pytest.raises(webhooks.NotFound):
        webhooks.remove(session, hook.id, keepers=None, key_id=keys[1].id, at=NOW)
    api_keys.revoke(session, keys[0].id, keepers=None, by=world.manager.id, at=NOW)
    session.refresh(hook)
    assert hook.removed_at == NOW, "a key that is revoked hears nothing more"


def test_one_body_has_only_so_many(session: Session, world: World) -> None:
    for _ in range(webhooks.MOST_OF_ONE_KEEPER):
        subscribe(session, world)
    with pytest.raises(webhooks.TooManyWebhooks):
        subscribe(session, world)


def test_what_is_over_and_old_is_forgotten_and_what_waits_is_kept(session: Session, world: World) -> None:
    hook, _ = subscribe(session, world)
    for _ in range(2):
        webhooks.send_test(session, hook.id, keepers=None, at=NOW, by=world.manager.id)
    first, second = claim(session, NOW)
    webhooks.mark(session, first, at=NOW, took_ms=1, answer=outgoing.Answer(200, ""))
    webhooks.forget(session, before=NOW + timedelta(seconds=1))
    assert [each.id for each in session.scalars(select(WebhookDelivery))] == [second.delivery_id]


# ------------------------------------------------------------------------------------------------------------- on the wire


@pytest.fixture
def house(committed: Engine, tmp_path: Path, receiver: Receiver) -> tuple[Config, Any]:
    """A database of its own with a webhook to the receiver and two tests in the outbox."""
    from dataclasses import replace

    config = replace(config_for(committed.url.render_as_string(hide_password=False), tmp_path), webhook_loopback=True)
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        hook, _ = subscribe(session, world, url=receiver.url)
        for _ in range(2):
            webhooks.send_test(session, hook.id, keepers=None, at=NOW, by=world.manager.id)
        session.commit()
        return config, hook.id


@pytest.mark.committed
def test_the_job_tells_what_waits_and_writes_down_the_answers(
    house: tuple[Config, Any], committed: Engine, receiver: Receiver
) -> None:
    config, _ = house
    assert jobs.tell(committed, config, now=lambda: NOW + timedelta(minutes=1)) == 2
    assert jobs.tell(committed, config, now=lambda: NOW + timedelta(hours=1)) == 0
    assert len(receiver.got) == len({headers["webhook-id"] for _, headers, _ in receiver.got}) == 2
    with Session(committed) as session:
        rows = session.scalars(select(WebhookDelivery)).all()
        assert {(each.state, each.status, each.answer) for each in rows} == {(DeliveryState.DELIVERED, 200, "ok")}
        assert session.scalars(select(WebhookSubscription)).one().last_success_at == NOW + timedelta(minutes=1)


@pytest.mark.committed
def test_who_does_not_answer_is_asked_in_order_and_not_past_the_first(
    house: tuple[Config, Any], committed: Engine, receiver: Receiver
) -> None:
    receiver.answer = lambda: (503, {}, b"")
    config, _ = house
    assert jobs.tell(committed, config, now=lambda: NOW + timedelta(minutes=1)) == 0
    assert len(receiver.got) == 1


@pytest.mark.committed
def test_a_worker_that_is_killed_between_sending_and_writing_it_down_is_made_good(
    house: tuple[Config, Any], committed: Engine, receiver: Receiver, tmp_path: Path
) -> None:
    """The receiver holds its answer, the worker is killed; the next one sends the same message under the same id."""
    import threading

    config, _ = house
    receiver.go_on = threading.Event()
    (tmp_path / "master.key").write_text(MASTER.hex())
    program = (
        "from datetime import timedelta\nfrom sqlalchemy import create_engine\nimport enforcement.schema\n"
        "from trace import jobs\nfrom trace.config import Config\nfrom tests.conftest import NOW\n"
        "config = Config.from_env()\njobs.tell(create_engine(config.database_url), config, now=lambda: NOW + timedelta(minutes=1))\n"
    )
    surroundings = {
        **os.environ, "PYTHONPATH": str(ROOT), "TEMTHAT_DATABASE_URL": config.database_url, "TEMTHAT_VAR": str(tmp_path),
        "TEMTHAT_WEBHOOK_LOOPBACK": "1", "TEMTHAT_HOST": "TEMTHAT.TEST",
    }  # fmt: skip
    worker = subprocess.Popen([sys.executable, "-c", program], env=surroundings, cwd=ROOT)
    try:
        assert receiver.arrived.wait(30), "the worker sent nothing"
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
    receiver.go_on.set()
    with Session(committed) as session:
        assert {each.state for each in session.scalars(select(WebhookDelivery))} == {DeliveryState.PENDING}
    later = NOW + timedelta(minutes=1) + webhooks.LEASE
    assert jobs.tell(committed, config, now=lambda: later) == 2
    ids = [headers["webhook-id"] for _, headers, _ in receiver.got]
    bodies = {headers["webhook-id"]: body for _, headers, body in receiver.got}
    assert len(ids) == 3
    assert len(set(ids)) == 2
    assert ids.count(ids[0]) == 2, "the one that was under way came twice, under one id"
    assert len(bodies) == 2


@pytest.mark.committed
def test_a_webhook_into_the_own_network_is_never_connected_to(
    house: tuple[Config, Any], committed: Engine, receiver: Receiver
) -> None:
    from dataclasses import replace

    config, _ = house
    assert jobs.tell(committed, replace(config, webhook_loopback=False), now=lambda: NOW + timedelta(minutes=1)) == 0
    assert receiver.connections == 0
    with Session(committed) as session:
        faults = set(session.scalars(select(WebhookDelivery.fault).where(WebhookDelivery.tried_at.is_not(None))))
        assert faults == {DeliveryFault.FORBIDDEN_ADDRESS}
