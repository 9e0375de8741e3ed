"""What tests of the case desk begin with: labels in a state, a tip, an observation, a case walked some way along."""

from __future__ import annotations

import hashlib
import io
import itertools
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from PIL import Image
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from enforcement import acts, cases, intake, law, orders, terms, triage
from enforcement.competence import LegalQualification
from enforcement.models import (
    CaseAct,
    CaseFile,
    CasePartyRole,
    Deadline,
    ExplanationEnd,
    InspectionGround,
    NoPenaltyGround,
    ObligationKind,
    ObligationState,
    Observation,
    ObservationPhoto,
    Outcome,
    Signal,
)
from enforcement.transitions import MOVES, Demand, Duty, Move
from labels import code
from tests import factories
from tests.conftest import NOW
from trace.clock import CITY
from trace.models.files import StoredFile
from trace.models.labels import LabelOrder, LabelRange, LabelState
from trace.models.scans import Scan, ScanChannel, ScanKind, VerdictKind
from trace.models.tips import Tip, TipPhoto, TipReason, TipState
from trace.services import files

ALL_DUTIES = frozenset(Duty)
_numbers = itertools.count(1)


def labels(
    session: Session,
    world: factories.World,
    first: int = 1,
    quantity: int = 120,
    state: LabelState = LabelState.ACTIVATED,
) -> LabelOrder:
    """An order of the cooperative with one range in a state."""
    serials = Range(first, first + quantity)
    order = LabelOrder(
        number=f"DT-2026-{first:05d}", holder_id=world.cooperative.id, certificate_id=world.certificate.id, balance_id=world.balance.id,
        lot_id=world.lot.id, pack_weight_g=2000, quantity=quantity, serials=serials, layout="a4", placed_at=NOW, placed_by=world.clerk.id,
    )  # fmt: skip
    session.add(order)
    session.flush()
    bound = state in {LabelState.ACTIVATED, LabelState.USED, LabelState.RECALLED}
    session.add(
        LabelRange(
            serials=serials,
            state=state,
            since=NOW,
            order_id=order.id,
            keeper_id=world.cooperative.id,
            lot_id=world.lot.id if bound else None,
        )
    )
    session.flush()
    return order


def label_code(serial: int) -> str:
    """The code printed on a label of the tests' first key."""
    return code.encode(serial, factories.SECRET)


def photo_bytes(shade: int = 100, fmt: str = "JPEG") -> bytes:
    """A small picture; each shade is another file."""
    drawn = io.BytesIO()
    Image.new("RGB", (64, 48), (shade % 256, 90, 90)).save(drawn, fmt)
    return drawn.getvalue()


def photo(session: Session, store: Path, shade: int = 100, name: str = "anh.jpg") -> StoredFile:
    return files.receive(session, store, io.BytesIO(photo_bytes(shade)), name=name, at=NOW, by=None)


def tip(session: Session, serial: int | None = None, *, photos: list[StoredFile] | None = None, **facts: Any) -> Tip:
    n = next(_numbers)
    made = Tip(
        number=f"PA-2026-{n:05d}", received_at=facts.pop("at", NOW), serial=serial, reason=facts.pop("reason", TipReason.LABEL_LOOKS_WRONG),
        description=facts.pop("description", "Tem mờ, hàng không giống"), commune_code=facts.pop("commune_code", "10813"),
        place=facts.pop("place", "Chợ mẫu Thanh Hà"), state=TipState.RECEIVED, follow_hash=hashlib.sha256(b"%d" % n).digest(), **facts,
    )  # fmt: skip
    session.add(made)
    session.flush()
    session.add_all([TipPhoto(tip_id=made.id, file_id=one.id) for one in photos or []])
    session.flush()
    return made


def observation(
    session: Session,
    inspector: UUID,
    serial: int | None = None,
    *,
    photos: list[StoredFile] | None = None,
    **facts: Any,
) -> Observation:
    made = Observation(
        number=f"QS-2026-{next(_numbers):05d}", serial=serial, code_text=facts.pop("code_text", None), seen_at=NOW, recorded_at=NOW,
        inspector_id=inspector, commune_code="10813", place=facts.pop("place", "Sạp 12, chợ mẫu Thanh Hà"), note="Tem in mờ", **facts,
    )  # fmt: skip
    session.add(made)
    session.flush()
    session.add_all([ObservationPhoto(observation_id=made.id, file_id=one.id) for one in photos or []])
    session.flush()
    return made


def signal(session: Session, serial: int | None = None, **facts: Any) -> Signal:
    return intake.from_tip(session, tip(session, serial, **facts), at=NOW)


def case(session: Session, world: factories.World, store: Path, *, with_law: bool = True, **facts: Any) -> CaseFile:
    if with_law:
        law.seed(session)
    facts.setdefault(
        "place", f"Chợ mẫu số {next(_numbers)}"
    )  # like signals would be one cluster, and that has one case
    return triage.open_case(
        session,
        signal(session, **facts).id,
        title="Nghi tem sao chép, chợ mẫu",
        store=store,
        by=world.officer.id,
        at=NOW,
    )


def filled(move: Move, **more: Any) -> dict[str, Any]:
    """A form of this move with everything in it. Numbers of papers are given once, so each call has its own."""
    n = next(_numbers)
    given = {
        Demand.NOTE: "Đã xem xét", Demand.GROUNDS: "Điều 11", Demand.DECISION_NUMBER: f"{n}/QĐ-KT", Demand.SIGNER: "Người mẫu Thành phố",
        Demand.ISSUER: "UBND thành phố mẫu", Demand.RECORD_NUMBER: f"{n}/BB-VPHC", Demand.FINE: 20_000_000, Demand.EVIDENCE: [1],
        Demand.OUTCOME: Outcome.INFRINGEMENT, Demand.RECIPIENT: "Cơ quan mẫu", Demand.CONFISCATION: 0,
        Demand.INSPECTION_GROUND: InspectionGround.VERIFIED_INFORMATION, Demand.NO_PENALTY_GROUND: NoPenaltyGround.OFFENDER_UNKNOWN,
        Demand.REMEDIES: "Gỡ tem trên hàng\nTiêu hủy tem", Demand.EXPLANATION: ExplanationEnd.WAIVED, Demand.EXPLANATION_NUMBER: f"{n}/GT",
        **more,
    }  # fmt: skip
    if Demand.SIGNED_ON in MOVES[move].demands:
        given.setdefault(Demand.SIGNED_ON, NOW.date())
    return given


def act(session: Session, case_file: CaseFile, *, by: UUID, at: datetime = NOW, **facts: Any) -> CaseAct:
    """A person under suspicion and what they did, entered in the case."""
    who = acts.add_party(
        session, case_file.id, acts.PartyFacts(CasePartyRole.SUSPECTED, is_organisation=False, name="Hộ kinh doanh mẫu"), by=by, at=at
    )  # fmt: skip
    told = {
        "description": "Bán hàng dán tem sao chép (mẫu)", "qualification": LegalQualification.GI_INFRINGEMENT,
        "began_on": (at - timedelta(days=20)).date(), "ended_on": (at - timedelta(days=10)).date(), "place": "Chợ mẫu", **facts,
    }  # fmt: skip
    return acts.add_act(session, case_file.id, acts.ActFacts(offender_id=who.id, **told), by=by, at=at)


def take(session: Session, case_file: CaseFile, move: Move, *, by: UUID, at: datetime = NOW, **given: Any) -> CaseFile:
    """One move of somebody with every duty."""
    return cases.move(session, case_file.id, move, by=by, duties=ALL_DUTIES, given=filled(move, **given), at=at)


def carry_out(session: Session, case_file: CaseFile, *, by: UUID, at: datetime = NOW) -> None:
    """Pay and do everything that is ordered, and say that what clocks ask for was done."""
    day = at.astimezone(CITY).date()
    for line in orders.standing_open(session, case_file):
        if line.kind is ObligationKind.FINE:
            orders.pay(
                session, case_file.id, line.id, amount=line.amount or 0, paid_on=day, document_number=f"BL-{next(_numbers)}", by=by, at=at
            )  # fmt: skip
        else:
            orders.settle(
                session, case_file.id, line.id, state=ObligationState.DONE, settled_on=day, document_number=f"BB-{next(_numbers)}",
                note=None, by=by, duties=ALL_DUTIES, at=at,
            )  # fmt: skip
    left = session.scalars(
        select(Deadline).where(
            Deadline.case_id == case_file.id, Deadline.met_at.is_(None), Deadline.stopped_at.is_(None), Deadline.kind.in_(terms.FULFILLABLE)
        )
    ).all()  # fmt: skip
    for clock in left:
        terms.fulfil(
            session, case_file.id, clock.id, done_on=day, document_number=f"TB-{next(_numbers)}", note=None, by=by, at=at
        )  # fmt: skip


PATH = (
    Move.SCREEN, Move.ASSIGN_VERIFICATION, Move.PROPOSE_INSPECTION, Move.DECIDE_INSPECTION, Move.START_INSPECTION, Move.RECORD_VIOLATION,
    Move.PREPARE_DECISION, Move.PENALISE, Move.START_EXECUTION, Move.CLOSE, Move.ARCHIVE,
)  # fmt: skip


def walk(session: Session, case_file: CaseFile, upto: Move, *, by: UUID, at: datetime = NOW) -> CaseFile:
    """Take the usual way up to and with a move, one minute apart."""
    for n, move in enumerate(PATH[: PATH.index(upto) + 1], start=1):
        then = at + timedelta(minutes=n)
        if move is Move.RECORD_VIOLATION:
            act(session, case_file, by=by, at=then)
        if move is Move.CLOSE:
            carry_out(session, case_file, by=by, at=then)
        case_file = cases.move(session, case_file.id, move, by=by, duties=ALL_DUTIES, given=filled(move), at=then)
    return case_file


def scans(
    session: Session,
    serial: int,
    verdict: VerdictKind,
    *,
    devices: int,
    at: datetime,
    kind: ScanKind = ScanKind.REAL,
    first: int = 0,
) -> None:
    """`first`: the number of the first phone; other numbers are other phones."""
    session.add_all(
        [
            Scan(
                at=at + timedelta(seconds=n),
                serial=serial,
                verdict=verdict,
                kind=kind,
                channel=ScanChannel.QR,
                device=hashlib.sha256(b"%d" % (first + n)).digest()[:12],
            )
            for n in range(devices)
        ]
    )
    session.flush()
