"""The states of a case and the moves between them, as data. One function looks whether a move is allowed.

Pure: who acts and what was filled in are arguments. What must not live here: the database, the dates (see `deadlines`)
and the amounts (see `competence`). Seizure, assessment and take-down are clocks of their own and change no state.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from enforcement.deadlines import DeadlineKind as Clock
from enforcement.errors import IllegalMove, MissingDemand, NotYourMove

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class CaseState(StrEnum):
    """Where a case stands."""

    RECEIVED = "received"
    SCREENED = "screened"
    VERIFYING = "verifying"
    NO_VIOLATION_NOTIFIED = "no_violation_notified"
    FORWARDED = "forwarded"
    INSPECTION_PROPOSED = "inspection_proposed"
    INSPECTION_DECIDED = "inspection_decided"
    INSPECTING = "inspecting"
    POST_VERIFICATION = "post_verification"
    VIOLATION_RECORDED = "violation_recorded"
    EXPLANATION = "explanation"
    DECISION_DUE = "decision_due"
    PENALISED = "penalised"
    REMEDIAL_ONLY = "remedial_only"
    DISCONTINUED = "discontinued"
    TRANSFERRED = "transferred"
    CRIMINAL_TRANSFER = "criminal_transfer"
    EXECUTING = "executing"
    CLOSED = "closed"
    ARCHIVED = "archived"


class Move(StrEnum):
    """What a person may do to a case that changes its state."""

    SCREEN = "screen"
    ASSIGN_VERIFICATION = "assign_verification"
    PROPOSE_INSPECTION = "propose_inspection"
    RETURN_PROPOSAL = "return_proposal"
    DECIDE_INSPECTION = "decide_inspection"
    CANCEL_INSPECTION = "cancel_inspection"
    START_INSPECTION = "start_inspection"
    END_INSPECTION = "end_inspection"
    RECORD_VIOLATION = "record_violation"
    OPEN_EXPLANATION = "open_explanation"
    PREPARE_DECISION = "prepare_decision"
    PENALISE = "penalise"
    ORDER_REMEDY = "order_remedy"
    DISCONTINUE = "discontinue"
    RECEIVE_DECISION = "receive_decision"
    START_EXECUTION = "start_execution"
    FIND_NO_VIOLATION = "find_no_violation"
    FORWARD = "forward"
    TRANSFER = "transfer"
    TRANSFER_CRIMINAL = "transfer_criminal"
    TAKE_BACK = "take_back"
    RESUME_EXECUTION = "resume_execution"
    CLOSE = "close"
    ARCHIVE = "archive"


class Duty(StrEnum):
    """In which duty a person acts on a case."""

    OFFICER = "officer"
    TEAM_HEAD = "team_head"
    BRANCH_HEAD = "branch_head"


class Demand(StrEnum):
    """What a move may ask for: the names of the form's fields."""

    NOTE = "note"
    GROUNDS = "grounds"
    DECISION_NUMBER = "decision_number"
    SIGNER = "signer"
    ISSUER = "issuer"
    RECORD_NUMBER = "record_number"
    SIGNED_ON = "signed_on"
    INSPECTION_GROUND = "inspection_ground"
    URGENT = "urgent"
    URGENT_REASON = "urgent_reason"
    FINE = "fine"
    BRACKET_LOW = "bracket_low"
    BRACKET_TOP = "bracket_top"
    DEVIATION = "deviation"
    ORGANISATION = "organisation"
    CONFISCATION = "confiscation"
    NO_PENALTY_GROUND = "no_penalty_ground"
    REMEDIES = "remedies"
    EVIDENCE = "evidence"
    OUTCOME = "outcome"
    RECIPIENT = "recipient"
    OFFENDERS = "offenders"
    FINES = "fines"
    SUSPENSION = "suspension"
    EXPLANATION = "explanation"
    EXPLANATION_NUMBER = "explanation_number"


@dataclass(frozen=True)
class Step:
    """One move: from where, to where, what it asks for, whose it is, and which clocks it starts and ends.

    `fulfils`: clocks whose demand this move carries out. `voids`: clocks without object from then on. `basis`: the rule of law behind it.
    `may`: what may be filled in besides. The explanation clocks count from the day of the violation record, so the caller starts
    them from there; a paper's clocks count from the day on which it was signed.
    """

    start: frozenset[CaseState]
    to: CaseState
    demands: frozenset[str]
    duties: frozenset[Duty]
    basis: str
    starts: tuple[Clock, ...] = ()
    fulfils: tuple[Clock, ...] = ()
    voids: tuple[Clock, ...] = ()
    may: frozenset[str] = frozenset()

    @property
    def meets(self) -> tuple[Clock, ...]:
        """Every clock that ends with this move."""
        return (*self.fulfils, *self.voids)


S, D = CaseState, Demand
ANYONE = frozenset(Duty)
HEADS = frozenset({Duty.TEAM_HEAD, Duty.BRANCH_HEAD})
IN_THE_FIELD = frozenset({Duty.OFFICER, Duty.TEAM_HEAD})
SIGNED = frozenset({D.SIGNED_ON})
GIVEN_BACK = frozenset({D.DECISION_NUMBER, D.SIGNED_ON, D.ISSUER, D.SIGNER, D.NOTE})

INSPECTING = (Clock.INSPECTION_ON_SITE, Clock.POST_VERIFICATION)
FIELDWORK = (Clock.INSPECTION_START, *INSPECTING)
RECORDING = (Clock.VIOLATION_RECORD, Clock.RECORD_AFTER_ASSESSMENT)
EXPLAINING = (Clock.EXPLANATION_ORAL_REQUEST, Clock.EXPLANATION_WRITTEN)
DECIDING = (Clock.PENALTY_DECISION, Clock.LIMITATION_IP, Clock.LIMITATION_GENERAL)
SERVING = (Clock.DELIVERY, Clock.DELIVERY_POSTING, Clock.DEEMED_SERVED)
ENFORCING = (Clock.EXECUTION, Clock.ENFORCEABILITY)

# Clocks that end with a deed of their own, or with their measure, and not with a move: a move that ended them would hide that nobody did it.
BY_DEED = frozenset({
    Clock.NO_VIOLATION_NOTICE, Clock.EXECUTION, Clock.ENFORCEABILITY, Clock.SEIZURE, Clock.ASSESSMENT, Clock.PLATFORM_TAKEDOWN, Clock.INS_UPLOAD,
    Clock.COMPLAINT_ACCEPT, Clock.COMPLAINT_RESOLVE, Clock.DENUNCIATION_ACCEPT, Clock.DENUNCIATION_RESOLVE,
})  # fmt: skip
# What a closed case may leave running, because closing makes it pointless.
POINTLESS_WHEN_CLOSED = frozenset(DECIDING)

# Started when a case is opened; the limitation clock too, as soon as somebody knows when the act ended.
ON_OPENING = (Clock.REPORT_UP,)

# Once one of these is reached there is nothing left for the desk to find out or to decide.
OVER = frozenset({S.CLOSED, S.ARCHIVED})

# Where a violation may be detected: the clock for the record starts then.
MAY_DETECT = frozenset(
    {S.SCREENED, S.VERIFYING, S.INSPECTION_PROPOSED, S.INSPECTION_DECIDED, S.INSPECTING, S.POST_VERIFICATION}
)
# Measures against goods and persons need something to rest on; service needs a decision.
MAY_MEASURE = frozenset({
    S.VERIFYING, S.INSPECTION_PROPOSED, S.INSPECTION_DECIDED, S.INSPECTING, S.POST_VERIFICATION, S.VIOLATION_RECORDED, S.EXPLANATION, S.DECISION_DUE,
})  # fmt: skip
# After one of these no limitation is counted any more: somebody decided, or the file is elsewhere.
LIMITATION_ENDED = frozenset({
    S.NO_VIOLATION_NOTIFIED, S.FORWARDED, S.PENALISED, S.REMEDIAL_ONLY, S.DISCONTINUED, S.TRANSFERRED, S.EXECUTING, S.CLOSED, S.ARCHIVED,
})  # fmt: skip
# Once it is decided on everybody nobody new is held to have done it: a case of its own is opened for them.
DECIDED = frozenset({S.PENALISED, S.REMEDIAL_ONLY, S.DISCONTINUED, S.EXECUTING})
MAY_SERVE = frozenset({S.PENALISED, S.REMEDIAL_ONLY, S.DISCONTINUED, S.EXECUTING})

# An inspection that was decided is carried out or cancelled first; before screening nobody has looked yet.
MAY_PROVE_UNFOUNDED = frozenset({
    S.SCREENED, S.VERIFYING, S.INSPECTION_PROPOSED, S.INSPECTING, S.POST_VERIFICATION, S.VIOLATION_RECORDED, S.EXPLANATION, S.DECISION_DUE,
})  # fmt: skip
# Signs of a crime send the file on from wherever they show, a decision already signed included (Art. 62).
MAY_PROVE_CRIMINAL = frozenset({
    S.VERIFYING, S.INSPECTING, S.POST_VERIFICATION, S.VIOLATION_RECORDED, S.EXPLANATION, S.DECISION_DUE, S.PENALISED, S.EXECUTING,
})  # fmt: skip


MOVES: Mapping[Move, Step] = MappingProxyType({
    Move.SCREEN: Step(
        frozenset({S.RECEIVED}), S.SCREENED, frozenset({D.NOTE}), ANYONE,
        "Thông tư 27/2020/TT-BCT Điều 8: tiếp nhận, báo cáo ngay người có thẩm quyền",
        fulfils=(Clock.REPORT_UP,),
    ),
    Move.ASSIGN_VERIFICATION: Step(
        frozenset({S.SCREENED}), S.VERIFYING, frozenset({D.NOTE}), HEADS,
        "Thông tư 27/2020/TT-BCT Điều 9: giao thẩm tra, xác minh bằng văn bản (nội dung, người thực hiện, thời hạn)",
    ),
    Move.PROPOSE_INSPECTION: Step(
        frozenset({S.SCREENED, S.VERIFYING}), S.INSPECTION_PROPOSED, frozenset({D.NOTE, D.GROUNDS}), IN_THE_FIELD,
        "Pháp lệnh 11/2016/UBTVQH13: kiểm tra đột xuất trên thông tin đã thẩm tra, đề xuất của công chức hoặc yêu cầu bằng văn bản",
    ),
    Move.RETURN_PROPOSAL: Step(
        frozenset({S.INSPECTION_PROPOSED}), S.VERIFYING, frozenset({D.NOTE}), HEADS,
        "Pháp lệnh 11/2016/UBTVQH13: người có thẩm quyền không chấp thuận đề xuất kiểm tra",
    ),
    Move.DECIDE_INSPECTION: Step(
        frozenset({S.INSPECTION_PROPOSED}), S.INSPECTION_DECIDED, frozenset({D.DECISION_NUMBER, D.INSPECTION_GROUND, D.GROUNDS}), HEADS,
        "Pháp lệnh 11/2016/UBTVQH13; Nghị định 241/2025/NĐ-CP: thẩm quyền ban hành quyết định kiểm tra",
        may=frozenset({D.SIGNED_ON, D.URGENT, D.URGENT_REASON}),
    ),
    Move.CANCEL_INSPECTION: Step(
        frozenset({S.INSPECTION_DECIDED}), S.VERIFYING, frozenset({D.DECISION_NUMBER, D.NOTE}), HEADS,
        "Pháp lệnh 11/2016/UBTVQH13: hủy bỏ quyết định kiểm tra (cần kiểm chứng)",
        voids=(Clock.INSPECTION_START,), may=SIGNED,
    ),
    Move.START_INSPECTION: Step(
        frozenset({S.INSPECTION_DECIDED}), S.INSPECTING, frozenset({D.NOTE}), IN_THE_FIELD,
        "Pháp lệnh 11/2016/UBTVQH13: công bố quyết định và tiến hành kiểm tra ngay nếu đột xuất",
        starts=(Clock.INSPECTION_ON_SITE,), fulfils=(Clock.INSPECTION_START,),
    ),
    Move.END_INSPECTION: Step(
        frozenset({S.INSPECTING}), S.POST_VERIFICATION, frozenset({D.RECORD_NUMBER, D.NOTE}), IN_THE_FIELD,
        "Thông tư 27/2020/TT-BCT Điều 18: lập biên bản kiểm tra; xử lý kết quả kiểm tra",
        starts=(Clock.POST_VERIFICATION,), fulfils=(Clock.INSPECTION_ON_SITE,), may=SIGNED,
    ),
    Move.RECORD_VIOLATION: Step(
        frozenset({S.INSPECTING, S.POST_VERIFICATION}), S.VIOLATION_RECORDED, frozenset({D.RECORD_NUMBER, D.GROUNDS, D.EVIDENCE}), IN_THE_FIELD,
        "Luật Xử lý vi phạm hành chính Điều 58; Nghị định 118/2021/NĐ-CP Điều 12, mẫu MBB01",
        starts=(Clock.PENALTY_DECISION,), fulfils=(*INSPECTING, *RECORDING), voids=(Clock.INSPECTION_START,),
        may=frozenset({D.SIGNED_ON, D.SUSPENSION}),
    ),
    Move.OPEN_EXPLANATION: Step(
        frozenset({S.VIOLATION_RECORDED}), S.EXPLANATION, frozenset({D.NOTE}), IN_THE_FIELD,
        "Luật Xử lý vi phạm hành chính Điều 61: quyền giải trình",
        starts=EXPLAINING,
    ),
    Move.PREPARE_DECISION: Step(
        frozenset({S.VIOLATION_RECORDED, S.EXPLANATION}), S.DECISION_DUE, frozenset({D.NOTE, D.GROUNDS}), IN_THE_FIELD,
        "Luật Xử lý vi phạm hành chính Điều 59, 61, 66: xác minh, xem xét giải trình, trình ra quyết định",
        fulfils=EXPLAINING, may=frozenset({D.SIGNED_ON, D.EXPLANATION, D.EXPLANATION_NUMBER}),
    ),
    Move.PENALISE: Step(
        frozenset({S.DECISION_DUE}), S.PENALISED, frozenset({D.DECISION_NUMBER, D.FINE, D.GROUNDS}), ANYONE,
        "Luật Xử lý vi phạm hành chính Điều 66, 67; Nghị định 189/2025/NĐ-CP, mẫu MQĐ02",
        starts=(Clock.DELIVERY, Clock.ENFORCEABILITY), fulfils=DECIDING, voids=EXPLAINING,
        may=frozenset({D.SIGNED_ON, D.BRACKET_LOW, D.BRACKET_TOP, D.DEVIATION, D.ORGANISATION, D.CONFISCATION, D.REMEDIES, D.FINES}),
    ),
    Move.ORDER_REMEDY: Step(
        frozenset({S.DECISION_DUE}), S.REMEDIAL_ONLY,
        frozenset({D.DECISION_NUMBER, D.NO_PENALTY_GROUND, D.GROUNDS, D.NOTE}), HEADS,
        "Luật Xử lý vi phạm hành chính Điều 65: không phạt, vẫn tịch thu hoặc buộc khắc phục hậu quả, mẫu MQĐ14, MQĐ15",
        # Without a fine there is nothing left that these clocks could bar.
        starts=(Clock.DELIVERY, Clock.ENFORCEABILITY), voids=(*EXPLAINING, *DECIDING),
        may=frozenset({D.SIGNED_ON, D.OFFENDERS, D.CONFISCATION, D.REMEDIES}),
    ),
    Move.DISCONTINUE: Step(
        frozenset({S.VIOLATION_RECORDED, S.EXPLANATION, S.DECISION_DUE}), S.DISCONTINUED,
        frozenset({D.DECISION_NUMBER, D.NO_PENALTY_GROUND, D.GROUNDS}), HEADS,
        "Luật Xử lý vi phạm hành chính Điều 65: không ra quyết định xử phạt, không có gì phải tịch thu hoặc khắc phục",
        starts=(Clock.DELIVERY,), voids=(*EXPLAINING, *DECIDING), may=frozenset({D.SIGNED_ON, D.OFFENDERS}),
    ),
    Move.RECEIVE_DECISION: Step(
        frozenset({S.TRANSFERRED}), S.PENALISED, frozenset({D.DECISION_NUMBER, D.SIGNED_ON, D.ISSUER, D.SIGNER, D.FINE, D.GROUNDS}), HEADS,
        "Luật Xử lý vi phạm hành chính Điều 54, 70: người có thẩm quyền đã ra quyết định, giao Chi cục tổ chức thi hành",
        starts=(Clock.DELIVERY, Clock.ENFORCEABILITY), fulfils=DECIDING, may=frozenset({D.CONFISCATION, D.REMEDIES, D.FINES}),
    ),
    Move.START_EXECUTION: Step(
        frozenset({S.PENALISED, S.REMEDIAL_ONLY}), S.EXECUTING, frozenset({D.RECIPIENT, D.NOTE}), IN_THE_FIELD,
        "Luật Xử lý vi phạm hành chính Điều 70, 73; Nghị định 190/2025/NĐ-CP: giao quyết định và thi hành",
        starts=(Clock.EXECUTION,), fulfils=SERVING,
    ),
    Move.FIND_NO_VIOLATION: Step(
        MAY_PROVE_UNFOUNDED, S.NO_VIOLATION_NOTIFIED, frozenset({D.NOTE, D.GROUNDS}), HEADS,
        "Thông tư 27/2020/TT-BCT Điều 10; Pháp lệnh 11/2016/UBTVQH13: kết luận không vi phạm, thông báo bằng văn bản",
        starts=(Clock.NO_VIOLATION_NOTICE,), fulfils=INSPECTING, voids=(Clock.INSPECTION_START, *RECORDING, *EXPLAINING, *DECIDING),
    ),
    Move.FORWARD: Step(
        frozenset({S.RECEIVED, S.SCREENED, S.VERIFYING, S.INSPECTION_PROPOSED}), S.FORWARDED, frozenset({D.NOTE, D.RECIPIENT}), HEADS,
        "Thông tư 27/2020/TT-BCT Điều 8–10: chuyển cơ quan có thẩm quyền",
        fulfils=(Clock.REPORT_UP,), voids=(*RECORDING, *DECIDING),
    ),
    Move.TRANSFER: Step(
        frozenset({S.POST_VERIFICATION, S.VIOLATION_RECORDED, S.EXPLANATION, S.DECISION_DUE}), S.TRANSFERRED,
        frozenset({D.NOTE, D.GROUNDS, D.RECIPIENT}), HEADS,
        "Luật Xử lý vi phạm hành chính Điều 54, 58: vượt thẩm quyền thì chuyển hồ sơ cho người có thẩm quyền xử phạt",
        voids=(*FIELDWORK, *RECORDING, *EXPLAINING, *DECIDING),
    ),
    Move.TRANSFER_CRIMINAL: Step(
        MAY_PROVE_CRIMINAL, S.CRIMINAL_TRANSFER,
        frozenset({D.DECISION_NUMBER, D.GROUNDS, D.EVIDENCE, D.RECIPIENT}), HEADS,
        "Luật Xử lý vi phạm hành chính Điều 62: chuyển hồ sơ có dấu hiệu tội phạm, mẫu MQĐ33, MBB28",
        # Limitation runs on: the time the file spends with the prosecution counts (Art. 6).
        voids=(*FIELDWORK, *RECORDING, *EXPLAINING, Clock.PENALTY_DECISION, *SERVING, *ENFORCING), may=SIGNED,
    ),
    Move.TAKE_BACK: Step(
        frozenset({S.CRIMINAL_TRANSFER}), S.DECISION_DUE, GIVEN_BACK, HEADS,
        "Luật Xử lý vi phạm hành chính Điều 61, 63: cơ quan tiến hành tố tụng trả lại hồ sơ, xử phạt trên hồ sơ ấy (thời hạn cần kiểm chứng)",
        starts=(Clock.PENALTY_DECISION,),
    ),
    Move.RESUME_EXECUTION: Step(
        frozenset({S.CRIMINAL_TRANSFER}), S.EXECUTING, GIVEN_BACK, HEADS,
        "Luật Xử lý vi phạm hành chính Điều 62, 63: trả lại hồ sơ đã có quyết định xử phạt, tiếp tục thi hành (cần kiểm chứng)",
        starts=ENFORCING,
    ),
    Move.CLOSE: Step(
        frozenset({S.NO_VIOLATION_NOTIFIED, S.FORWARDED, S.DISCONTINUED, S.TRANSFERRED, S.CRIMINAL_TRANSFER, S.EXECUTING}), S.CLOSED,
        frozenset({D.OUTCOME, D.NOTE}), HEADS,
        "Thông tư 27/2020/TT-BCT Điều 26: kết thúc hồ sơ vụ việc",
        voids=DECIDING,
    ),
    Move.ARCHIVE: Step(
        frozenset({S.CLOSED}), S.ARCHIVED, frozenset({D.NOTE}), ANYONE,
        "Thông tư 27/2020/TT-BCT Điều 26, 27: đánh bút lục, nộp lưu trữ",
    ),
})  # fmt: skip


def moves_from(state: CaseState, duties: Collection[Duty]) -> list[Move]:
    """The moves open to a person with these duties, in the order of the flow."""
    return [move for move, step in MOVES.items() if state in step.start and not step.duties.isdisjoint(duties)]


def check(state: CaseState, move: Move, *, duties: Collection[Duty], given: Collection[str]) -> Step:
    """The step, if this person may take it now with what was filled in. `given`: names of fields with content.

    What is impossible is said before what is forbidden, and that before what is missing.
    """
    step = MOVES[move]
    if state not in step.start:
        raise IllegalMove(move=move, state=state)
    if step.duties.isdisjoint(duties):
        raise NotYourMove(move=move, duties=step.duties)
    if missing := step.demands.difference(given):
        raise MissingDemand(move=move, missing=tuple(sorted(missing)))
    return step
