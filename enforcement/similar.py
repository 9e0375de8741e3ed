"""What resembles a signal or a case, looked up before anything is opened. Each hit says in what it is alike; a person judges.

What must not live here: the questions behind each likeness (`alike`), and what is done about it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, and_, any_, literal, or_, select
from sqlalchemy.orm import joinedload

from enforcement import membership
from enforcement.alike import PHOTOS_ASKED, Alike, Own, gather, said_by
from enforcement.clusters import UNDECIDED
from enforcement.models import CaseFile, Evidence, Signal
from enforcement.transitions import OVER
from trace.models.files import StoredFile
from trace.models.parties import Commune

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.orm import Session

    from enforcement.alike import Hits

SHOWN = (joinedload(Signal.case), joinedload(Signal.commune).load_only(Commune.name))
SIGNALS_ASKED = 25
"""With so many of the signals of a case is asked, the first ones."""


@dataclass(frozen=True)
class SimilarSignal:
    """Another signal, with what it shares with the one in hand."""

    signal: Signal
    alike: tuple[Alike, ...]


@dataclass(frozen=True)
class SimilarCase:
    """A case whose signals or evidence share something with the one in hand."""

    case: CaseFile
    alike: tuple[Alike, ...]


@dataclass(frozen=True)
class Similar:
    """What to look at before anything is opened: undecided signals, and cases, most alike first."""

    signals: tuple[SimilarSignal, ...] = ()
    cases: tuple[SimilarCase, ...] = ()


def of_signal(session: Session, signal: Signal, *, beside_group: bool = False, limit: int = 10) -> Similar:
    """Signals and cases that share something with this one. `beside_group`: leave out the undecided ones of its own cluster.

    A case that it is part of is not like it. One that was opened from its cluster is.
    """
    own, beside = frozenset[UUID](), [Signal.id == signal.id]
    if beside_group:
        beside.append(and_(Signal.cluster_id == signal.cluster_id, Signal.state.in_(UNDECIDED)))
    if signal.case_id is not None:
        own = frozenset(membership.members(session, membership.survivor(session, signal.case_id)))
        beside.append(Signal.case_id.in_(own))
    hits = gather(session, said_by(session, [signal]), Own(or_(*beside), own))
    return _told(session, hits, own=own, limit=limit)


def of_case(session: Session, case_id: UUID, *, limit: int = 10) -> Similar:
    """The same for a case and all merged into it: what is like any of its signals or its evidence."""
    own = frozenset(membership.members(session, case_id))
    mine = select(Signal).where(Signal.case_id.in_(own)).order_by(Signal.received_at).limit(SIGNALS_ASKED)
    said = said_by(session, session.scalars(mine).all())
    kept = session.scalars(
        select(StoredFile.likeness)
        .join(Evidence, Evidence.file_id == StoredFile.id)
        .where(Evidence.case_id.in_(own), StoredFile.likeness.is_not(None))
        .order_by(Evidence.folio)
        .limit(PHOTOS_ASKED * 4)
    )
    said = replace(said, hashes=tuple(dict.fromkeys([*said.hashes, *(bits for bits in kept if bits is not None)])))
    hits = gather(session, said, Own(Signal.case_id.in_(own), own))
    return _told(session, hits, own=own, limit=limit)


def _told(session: Session, hits: Hits, *, own: Collection[UUID], limit: int) -> Similar:
    """The most alike of what was found. Only these are read whole."""
    rows = session.execute(
        select(Signal.id, Signal.case_id, Signal.state, Signal.received_at).where(
            Signal.id == any_(literal(list(hits.signals), ARRAY(Uuid())))
        )
    ).all()
    cases = dict[UUID, set[Alike]]({key: set(alike) for key, alike in hits.cases.items()})
    near = list[tuple[list[int], float, UUID]]()
    for row in rows:
        alike = hits.signals[row.id]
        if row.case_id is not None:
            cases.setdefault(row.case_id, set()).update(alike)
        elif row.state in UNDECIDED:
            near.append((_rank(alike), -row.received_at.timestamp(), row.id))
    standing = dict[UUID, set[Alike]]()
    for case_id, carried_on in _carried_on(session, cases).items():
        standing.setdefault(carried_on, set()).update(cases[case_id])
    for case_id in own:
        standing.pop(case_id, None)
    found = session.execute(
        select(CaseFile.id, CaseFile.state, CaseFile.opened_at).where(
            CaseFile.id == any_(literal(list(standing), ARRAY(Uuid())))
        )
    ).all()
    ranked = sorted((row.state in OVER, _rank(standing[row.id]), -row.opened_at.timestamp(), row.id) for row in found)
    first, best = [each[-1] for each in sorted(near)[:limit]], [each[-1] for each in ranked[:limit]]
    shown = select(Signal).where(Signal.id.in_(first)).options(*SHOWN)
    signals = {signal.id: signal for signal in session.scalars(shown)} if first else {}
    whole = {case.id: case for case in session.scalars(select(CaseFile).where(CaseFile.id.in_(best)))} if best else {}
    return Similar(
        tuple(SimilarSignal(signals[each], _ordered(hits.signals[each])) for each in first),
        tuple(SimilarCase(whole[each], _ordered(standing[each])) for each in best),
    )


def _carried_on(session: Session, case_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Each case with the one that carries on for it. Few were ever merged away, so only these are followed."""
    rows = session.execute(
        select(CaseFile.id, CaseFile.merged_into_id).where(CaseFile.id == any_(literal(list(case_ids), ARRAY(Uuid()))))
    ).all()
    return {row.id: row.id if row.merged_into_id is None else membership.survivor(session, row.id) for row in rows}


def _ordered(alike: Collection[Alike]) -> tuple[Alike, ...]:
    return tuple(kind for kind in Alike if kind in alike)


def _rank(alike: Collection[Alike]) -> list[int]:
    return [place for place, kind in enumerate(Alike) if kind in alike]
