"""Tables of the case desk (schema `enforcement`) and of the people who trusted us with their name (schema `informant`).

Tables and constraints only; the rules stand in the modules beside this folder. Each module holds one noun.
"""

from enforcement.models.cases import CaseEvent, CaseFile
from enforcement.models.clocks import Deadline, DeadlineRule
from enforcement.models.evidence import CustodyEvent, Evidence
from enforcement.models.informants import InformantContact, InformantReading
from enforcement.models.observations import Observation, ObservationPhoto
from enforcement.models.signals import Outcome, Signal, SignalSource, SignalState

__all__ = [
    "CaseEvent",
    "CaseFile",
    "CustodyEvent",
    "Deadline",
    "DeadlineRule",
    "Evidence",
    "InformantContact",
    "InformantReading",
    "Observation",
    "ObservationPhoto",
    "Outcome",
    "Signal",
    "SignalSource",
    "SignalState",
]
