"""A new master key by one command: everything opens under the new one, nothing under the old one, and a stop in between loses nothing."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from enforcement import informants
from enforcement.models import InformantContact
from tests import factories
from tests.conftest import MASTER, NOW, config_for
from tests.enforcement import desk
from trace import cli, processes, rewrapping
from trace.models.api import WebhookKind
from trace.models.history import History
from trace.models.labels import LabelKey
from trace.models.parties import AppUser
from trace.services import accounts, keys, webhooks

if TYPE_CHECKING:
    from pathlib import Path

CONTACT = "0912 000 000 (mẫu)"


@pytest.fixture
def house(committed: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with a label key, second factors and a sealed contact; its master key's path."""
    path = tmp_path / "master.key"
    path.write_text(MASTER.hex())
    path.chmod(0o600)
    monkeypatch.setenv("TEMTHAT_DATABASE_URL", committed.url.render_as_string(hide_password=False))
    monkeypatch.setenv("TEMTHAT_VAR", str(tmp_path))
    monkeypatch.setenv("TEMTHAT_MASTER_KEY_FILE", str(path))
    with Session(committed) as session:
        world = factories.make_world(session, master=MASTER, at=NOW)
        webhooks.subscribe(
            session, keeper_id=world.managing_body.id, url="https://hook.example.com/", kinds=[WebhookKind.LOT_RECALLED], by=world.manager.id,
            sealing=config_for("", tmp_path).derived("webhook"), at=NOW,
        )  # fmt: skip
        tip = desk.tip(session)
        informants.keep(session, tip.id, CONTACT, key=config_for("", tmp_path).derived("informant"), at=NOW)
        session.commit()
    return path


def sealed(engine: Engine) -> list[bytes]:
    with Session(engine) as session:
        kept = [*session.scalars(select(LabelKey.wrapped_secret)), *session.scalars(select(InformantContact.sealed))]
        return kept + [sealed for sealed in session.scalars(select(AppUser.totp_sealed)) if sealed]


def test_everything_opens_under_the_new_key_and_nothing_under_the_old_one(
    house: Path, committed: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, old = sealed(committed), config_for("", tmp_path)
    with Session(committed) as session:
        secret = keys.load(session, MASTER).secret_for(1)
    assert cli.main(["keys", "rewrap", "Khóa chủ bị lộ"]) == 0
    said = capsys.readouterr().out
    new = rewrapping.under(old, bytes.fromhex(house.read_text()))
    assert new.master_key != MASTER
    assert stat.S_IMODE(house.stat().st_mode) == 0o600
    assert not house.with_name("master.key.new").exists()
    (kept,) = tmp_path.glob("master.key.old-*")
    assert bytes.fromhex(kept.read_text()) == MASTER
    assert str(kept) in said
    assert not set(before) & set(sealed(committed))
    with Session(committed) as session:
        found = rewrapping.opened(session, new)
        assert (found.label_keys, found.contacts, found.webhooks) == (1, 1, 1)
        assert found.second_factors == len(before) - 2 > 0
        assert keys.load(session, new.master_key).secret_for(1) == secret, "labels printed before stay good"
        tip_id = session.scalars(select(InformantContact.tip_id)).one()
        assert new.derived("informant") != old.derived("informant")
        reader = session.scalars(select(AppUser).where(AppUser.login == "giu.kin")).one()
        second = session.scalars(select(AppUser).where(AppUser.login == "chi.cuc")).one()
        wish = informants.ask(session, tip_id, reason="Diễn tập đổi khóa", by=reader.id, at=NOW)
        informants.answer(session, wish.id, agree=True, by=second.id, at=NOW)
        opened = informants.open_contact(session, wish.id, key=new.derived("informant"), by=reader.id, at=NOW)
        assert opened == CONTACT
        assert accounts.second_factor_secret(reader, key=new.derived("second-factor")) == factories.TOTP_SECRET
        with pytest.raises(rewrapping.NotOpened):
            rewrapping.opened(session, old)
        deed = session.scalars(select(History).where(History.deed == "master_key:exchange")).one()
        assert (deed.why, deed.changes["contacts"]) == ("Khóa chủ bị lộ", [None, 1])
    assert cli.main(["keys", "verify"]) == 0


def test_a_secret_that_does_not_open_stops_it_before_anything_changes(
    house: Path, committed: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    with Session(committed) as session:
        session.scalars(select(InformantContact)).one().sealed = bytes(60)
        session.commit()
    before = sealed(committed)
    assert cli.main(["keys", "rewrap", "Khóa chủ bị lộ"]) == 1
    assert "Chưa có gì thay đổi" in capsys.readouterr().err
    assert sealed(committed) == before
    assert bytes.fromhex(house.read_text()) == MASTER


def test_cut_off_after_the_commit_the_same_command_goes_on(
    house: Path, committed: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object, **_facts: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as cut:
        cut.setattr(rewrapping, "put_in_place", full)
        assert cli.main(["keys", "rewrap", "Khóa chủ bị lộ"]) == 1
    assert bytes.fromhex(house.read_text()) == MASTER
    wrapped, waiting = sealed(committed), house.with_name("master.key.new").read_text()
    assert cli.main(["keys", "rewrap", "Khóa chủ bị lộ"]) == 0
    assert (sealed(committed), house.read_text()) == (wrapped, waiting), "nothing is wrapped a second time"


def test_not_while_the_application_runs(house: Path, committed: Engine, tmp_path: Path) -> None:
    before = sealed(committed)
    with processes.sole(tmp_path):
        assert cli.main(["keys", "rewrap", "Khóa chủ bị lộ"]) == 1
    assert sealed(committed) == before
    assert bytes.fromhex(house.read_text()) == MASTER
