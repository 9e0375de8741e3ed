"""The code that all packs of a lot share: its check character, its answer, and that nothing is held against it."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, text

from labels import lot_code
from labels.code import ALPHABET, show
from labels.errors import Malformed
from labels.qr import lot_qr_text
from tests import factories
from tests.conftest import NOW
from tests.services.test_scanning import DEVICE, issue
from trace.models.certificates import CertificateStatus
from trace.models.lots import Lot, LotState
from trace.models.scans import LotLook, Scan, ScanChannel, ScanKind, VerdictKind
from trace.services import scanning

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.orm import Session

    from tests.factories import World


def made(count: int, seed: int = 7) -> list[str]:
    rng = random.Random(seed)
    firsts = ["".join(rng.choices(ALPHABET, k=7)) for _ in range(count)]
    return [first + lot_code.check(first) for first in firsts]


@pytest.fixture
def look(connection: Connection, world: World) -> Any:
    def ask(
        what: str | None = None, *, device: bytes = DEVICE, kind: ScanKind = ScanKind.REAL, minutes: int = 0
    ) -> Any:
        return scanning.verify_lot(
            connection, what or world.lot.public_code, at=NOW + timedelta(minutes=minutes), device=device, kind=kind,
            channel=ScanChannel.QR,
        )  # fmt: skip

    return ask


def test_every_wrong_character_and_every_swap_of_two_is_noticed() -> None:
    for code in made(20):
        for place in range(8):
            for sign in set(ALPHABET) - {code[place]}:
                with pytest.raises(Malformed):
                    lot_code.parse(code[:place] + sign + code[place + 1 :])
        for one in range(8):
            for other in range(one + 1, 8):
                swapped = list(code)
                swapped[one], swapped[other] = swapped[other], swapped[one]
                if swapped != list(code):
                    with pytest.raises(Malformed):
                        lot_code.parse("".join(swapped))


def test_known_answers_that_paper_holds() -> None:
    assert [lot_code.check(first) for first in ("0000000", "0000001", "7K4M92Q", "ZZZZZZZ")] == ["0", "2", "P", "E"]


@pytest.mark.parametrize("written", ["{code}", "{lower}", "{groups}", " {groups} ", "{o}"])
def test_a_lot_code_is_read_however_it_was_written(written: str) -> None:
    for code in made(50):
        asked = written.format(
            code=code, lower=code.lower(), groups=show(code), o=code.replace("0", "o").replace("1", "I")
        )
        assert lot_code.parse(asked) == code


def test_the_database_draws_codes_that_check_and_differ(session: Session) -> None:
    drawn = session.scalars(text("SELECT new_lot_code() FROM generate_series(1, 500)")).all()
    assert [lot_code.parse(code) for code in drawn] == drawn
    assert len(set(drawn)) == 500


def test_the_address_of_a_lot_stays_in_alphanumeric_mode() -> None:
    assert lot_qr_text("7K4M92QP", host="temthat.vn") == "HTTPS://TEMTHAT.VN/L/7K4M92QP"


def test_a_lot_says_what_it_is_and_how_many_share_the_code(session: Session, world: World, look: Any) -> None:
    issue(session, world, quantity=20)
    verdict = look()
    assert (verdict.kind, verdict.shared, verdict.serial, verdict.packs) == (VerdictKind.LOT_CODE, True, None, 20)
    assert verdict.code == world.lot.public_code
    assert (verdict.lot_code, verdict.product_name) == (world.lot.code, "Vải thiều mẫu")
    assert verdict.certificate_id == world.certificate.id
    assert len(verdict.compare) == 3


def test_looks_are_recorded_and_never_make_a_copy(session: Session, world: World, look: Any) -> None:
    issue(session, world)
    kinds = {look(device=f"phone-{number:06d}".encode(), minutes=number).kind for number in range(60)}
    assert kinds == {VerdictKind.LOT_CODE}
    assert factories.count(session, LotLook, LotLook.kind == ScanKind.REAL) == 60
    assert factories.count(session, Scan) == 0
    look(device=b"phone-000001", minutes=61)
    assert factories.count(session, LotLook, LotLook.kind == ScanKind.RELOAD) == 1
    look(kind=ScanKind.PREVIEW)
    assert factories.count(session, LotLook, LotLook.kind == ScanKind.PREVIEW) == 1


def test_recall_a_stopped_holder_and_expiry_lead_and_the_shared_code_follows(
    session: Session, world: World, look: Any
) -> None:
    world.certificate.status, world.certificate.status_reason = CertificateStatus.REVOKED, "mẫu"
    session.commit()
    assert (look().kind, look().also) == (VerdictKind.HOLDER_SUSPENDED, (VerdictKind.LOT_CODE,))
    world.lot.state, world.lot.recall_reason = LotState.RECALLED, "Dư lượng"
    session.commit()
    verdict = look(minutes=60 * 24 * 60)
    assert verdict.kind is VerdictKind.RECALLED
    assert verdict.also == (VerdictKind.HOLDER_SUSPENDED, VerdictKind.EXPIRED, VerdictKind.LOT_CODE)
    assert verdict.recall_reason == "Dư lượng"


def test_a_lot_that_is_not_certified_yet_is_not_public(session: Session, world: World, look: Any) -> None:
    draft = session.scalars(select(Lot).where(Lot.id == world.lot.id)).one()
    draft.state, draft.certified_at, draft.certified_by = LotState.DRAFT, None, None
    session.commit()
    assert look().kind is VerdictKind.UNKNOWN
    assert look(made(1)[0]).kind is VerdictKind.UNKNOWN
    assert look("hello").kind is VerdictKind.MALFORMED
    assert factories.count(session, LotLook) == 0
