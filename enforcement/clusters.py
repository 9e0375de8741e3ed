"""Clusters of like signals: by which key they gather, and when a cluster is done with.

The key is made of facts alone, so that the same message gives the same cluster however often it comes: the order of labels and what is
said of it; else the page where goods are offered; else the place and what is said of it. A pattern of the system gathers by its rule. What must not live
here: what people decide (`triage`), and likeness that a person has to judge (`similar`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from sqlalchemy import Text, cast, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert
from sqlalchemy.orm import joinedload

from enforcement import membership
from enforcement.models import CaseFile, Signal, SignalCluster, SignalState
from enforcement.transitions import OVER
from trace.errors import NotFound
from trace.models.parties import Commune
from trace.services.folding import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.models import What

PAGE = 50
UNDECIDED = (SignalState.NEW, SignalState.WAITING)
_TRACKING = ("utm_", "fbclid", "gclid", "sp_atk", "xptdk", "spm")


@dataclass(frozen=True)
class Seen:
    """What a person saw undecided in a cluster: how many, when the last of them was put on the desk, and a mark of exactly these."""

    count: int
    upto: datetime | None
    mark: str


def key_of(
    what: What,
    *,
    order: str | None,
    code: str | None = None,
    listing_url: str | None = None,
    commune_code: str | None = None,
    place: str | None = None,
    words: str = "",
) -> str:
    """The key under which a report gathers. `words` only tell apart reports that name neither label, page nor place."""
    if order is not None:
        return f"order:{order}:{what.value}"
    if code is not None:
        return f"code:{code}"
    if listing_url:
        return f"listing:{bare_address(listing_url)}"
    if place and fold(place):
        return f"place:{commune_code or ''}:{fold(place)[:200]}:{what.value}"
    said = hashlib.sha256(fold(words).encode()).hexdigest()[:16] if fold(words) else ""
    return f"vague:{commune_code or ''}:{what.value}:{said}"


def bare_address(url: str) -> str:
    """An address without what differs between two people who were sent the same page: scheme, www, fragment, marks of campaigns."""
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return url.strip().lower()[:500]
    for front in ("www.", "m."):
        host = host.removeprefix(front)
    query = urlencode(sorted(pair for pair in parse_qsl(parts.query) if not pair[0].lower().startswith(_TRACKING)))
    return f"{host}{parts.path.rstrip('/')}{'?' if query else ''}{query}"[:500]


def gather(session: Session, key: str, *, severity: int, received_at: datetime, at: datetime) -> UUID:
    """The open cluster of a key, locked until the transaction ends; a new one where there is none.

    One whose case is over is let go as soon as nothing in it is undecided: what comes then is a new matter. Until then what was left and
    what comes are that new matter together, and a case of their own may be opened from it.
    """
    mine = (SignalCluster.key == key, SignalCluster.closed_at.is_(None), SignalCluster.case_id.is_not(None))
    done = SignalCluster.fresh + SignalCluster.waiting == 0
    old = session.execute(select(SignalCluster.id, SignalCluster.case_id).where(*mine, done)).one_or_none()
    if old is not None and old.case_id is not None and case_of(session, old.case_id) is None:
        session.execute(
            update(SignalCluster)
            .where(*mine, done, SignalCluster.id == old.id, SignalCluster.case_id == old.case_id)
            .values(closed_at=at)
            .execution_options(synchronize_session=False)
        )
    statement = (
        insert(SignalCluster)
        .values(key=key, begun_at=at, severity=severity, newest_at=received_at)
        .on_conflict_do_update(
            index_elements=["key"],
            index_where=SignalCluster.closed_at.is_(None),
            set_={"newest_at": func.greatest(SignalCluster.newest_at, received_at)},
        )
        .returning(SignalCluster.id)
    )
    return session.scalars(statement).one()


def get(session: Session, cluster_id: UUID) -> SignalCluster:
    """One cluster with what its page shows."""
    shown = (joinedload(SignalCluster.case), joinedload(SignalCluster.lead))
    found = session.scalars(
        select(SignalCluster).where(SignalCluster.id == cluster_id).options(*shown),
        execution_options={"populate_existing": True},
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def case_of(session: Session, case_id: UUID | None) -> CaseFile | None:
    """The case that carries on for the one opened from a cluster, while it is worked on; None once that one is over."""
    if case_id is None:
        return None
    statement = select(CaseFile).where(CaseFile.id == membership.survivor(session, case_id))
    found = session.scalars(statement, execution_options={"populate_existing": True}).one()
    return found if found.state not in OVER else None


def working(session: Session, found: Iterable[SignalCluster]) -> dict[UUID, CaseFile]:
    """Of those clusters from which a case was opened that is still worked on: the case that carries on, by cluster."""
    carried = {
        each.id: case_of(session, each.case_id) if each.case.merged_into_id else each.case
        for each in found
        if each.case
    }
    return {cluster_id: case for cluster_id, case in carried.items() if case is not None and case.state not in OVER}


def seen(session: Session, cluster_id: UUID, *, upto: datetime | None = None) -> Seen:
    """The undecided signals of a cluster as one mark; `upto`: those only that had been put on the desk by then.

    Reports of one cluster are written one after the other, so that who comes later lies behind the moment. Where a clock lags or somebody
    has put an older signal into the cluster meanwhile, the mark is another, and the person looks again.
    """
    ids = func.coalesce(
        func.string_agg(cast(Signal.id, Text), aggregate_order_by(literal_column("','"), Signal.id)), ""
    )
    # Ten thousand ids are weighed where they lie.
    mark = func.encode(func.sha256(func.convert_to(ids, "UTF8")), "hex")
    statement = select(func.count(), func.max(Signal.filed_at), mark).where(
        Signal.cluster_id == cluster_id, Signal.state.in_(UNDECIDED)
    )
    if upto is not None:
        statement = statement.where(Signal.filed_at <= upto)
    count, last, mark = session.execute(statement).one()
    return Seen(count, upto or last, mark[:32])


def lock(session: Session, *cluster_ids: UUID) -> list[SignalCluster]:
    """Clusters locked in one order, whoever asks: before their signals, and these before a case."""
    statement = (
        select(SignalCluster).where(SignalCluster.id.in_(cluster_ids)).order_by(SignalCluster.id).with_for_update()
    )
    found = session.scalars(statement, execution_options={"populate_existing": True}).all()
    if len(found) != len(set(cluster_ids)):
        raise NotFound
    return list(found)


def signals(session: Session, cluster_id: UUID, *, page: int = 1) -> tuple[Sequence[Signal], int]:
    """One page of a cluster's signals, undecided ones first and the oldest first among these, and how many there are."""
    of_it, undecided = Signal.cluster_id == cluster_id, Signal.state.in_(UNDECIDED)
    total = session.scalar(select(func.count()).select_from(Signal).where(of_it)) or 0
    open_still = session.scalar(select(func.count()).select_from(Signal).where(of_it, undecided)) or 0
    first = (page - 1) * PAGE
    commune = joinedload(Signal.commune).load_only(Commune.name)
    # Two walks of an index in its order: ten thousand rows are not sorted for fifty.
    ordered = select(Signal).order_by(Signal.received_at, Signal.source_number).options(
        joinedload(Signal.case), commune, joinedload(Signal.decider)
    )  # fmt: skip
    rows = list[Signal]()
    if first < open_still:
        rows += session.scalars(ordered.where(of_it, undecided).offset(first).limit(PAGE))
    if len(rows) < PAGE and total > open_still:
        decided = ordered.where(of_it, Signal.state.not_in(UNDECIDED))
        rows += session.scalars(decided.offset(max(0, first - open_still)).limit(PAGE - len(rows)))
    return rows, total


def settle(session: Session, cluster_id: UUID, *, at: datetime) -> None:
    """Close a cluster that has nothing left to decide, unless its case is worked on: then later ones still gather in it."""
    session.flush()
    case_id = session.scalar(select(SignalCluster.case_id).where(SignalCluster.id == cluster_id))
    if case_of(session, case_id) is not None:
        return
    session.execute(
        update(SignalCluster)
        .where(
            SignalCluster.id == cluster_id,
            SignalCluster.closed_at.is_(None),
            SignalCluster.fresh + SignalCluster.waiting == 0,
        )
        .values(closed_at=at)
        .execution_options(synchronize_session=False)
    )
