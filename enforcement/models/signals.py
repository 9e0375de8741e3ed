"""What may be an infringement and waits for a person, gathered in clusters of like ones."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import DDL, BigInteger, CheckConstraint, Computed, ForeignKey, Index, UniqueConstraint, event, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from enforcement.models.base import DESK
from trace.models.base import Base, uuid_pk
from trace.models.parties import AppUser, Commune, Party

if TYPE_CHECKING:
    from enforcement.models.cases import CaseFile  # noqa: TC004  SQLAlchemy finds the class by its name


class SignalSource(StrEnum):
    """Where a signal comes from."""

    TIP = "tip"
    OBSERVATION = "observation"
    SYSTEM = "system"
    RIGHT_HOLDER = "right_holder"
    AGENCY = "agency"
    LISTING = "listing"


class SignalState(StrEnum):
    """A signal is new, waits for something, went into a case, or was put aside with a reason."""

    NEW = "new"
    WAITING = "waiting"
    IN_CASE = "in_case"
    REJECTED = "rejected"


class Outcome(StrEnum):
    """How a signal or case ended. Kept apart finely, because outcomes calibrate detection."""

    INFRINGEMENT = "infringement"
    EXPOSED_CODE = "exposed_code"
    DATA_ERROR = "data_error"
    NO_VIOLATION = "no_violation"
    UNDETERMINED = "undetermined"


class What(StrEnum):
    """What a signal says. Each is a rule of its own whose worth is measured by how its signals end."""

    LABEL_LOOKS_WRONG = "label_looks_wrong"
    GOODS_DIFFER = "goods_differ"
    NO_LABEL = "no_label"
    SCAN_WARNED = "scan_warned"
    OTHER = "other"
    SEEN = "seen"
    UNKNOWN_CODE_SEEN = "unknown_code_seen"
    VOIDED_SCANNED = "voided"
    SUSPECTED_COPY = "suspected_copy"
    NOT_ACTIVATED = "not_activated"
    UNKNOWN_CODE = "unknown_code"
    UNKNOWN_SERIALS = "unknown_serials"
    VOID_ON_SALE = "void_on_sale"
    OVER_BALANCE = "over_balance"
    REPEATED_SCANS = "repeated_scans"
    REQUEST = "request"
    TRANSFER = "transfer"
    LISTING = "listing"


class SignalCluster(Base):
    """Signals that are alike by a key, decided together or one by one. While one is open, like signals gather in it.

    From a cluster at most one case at a time is opened: another one only once that is over. The figures are kept by a trigger on `signal`, so that they are right whoever writes.
    """

    __tablename__ = "signal_cluster"
    __table_args__ = (
        Index("uq_signal_cluster_open", "key", unique=True, postgresql_where=text("closed_at IS NULL")),
        CheckConstraint("severity BETWEEN 1 AND 3", name="severity_range"),
        CheckConstraint(
            "fresh >= 0 AND waiting >= 0 AND fresh + waiting <= signals", name="figures_add_up"
        ),
        CheckConstraint("closed_at IS NULL OR fresh + waiting = 0", name="nothing_open_when_closed"),
        Index(
            "ix_signal_cluster_queue",
            text("due_at NULLS LAST"),
            text("severity DESC"),
            "oldest_at",
            "id",
            # What is counted and filtered lies in the index, so that neither reads the table.
            postgresql_include=["fresh", "waiting", "wait_until"],
            postgresql_where=text("fresh > 0 OR waiting > 0"),
        ),
        DESK,
    )  # fmt: skip

    id: Mapped[uuid_pk]
    key: Mapped[str]
    begun_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("enforcement.case_file.id"), unique=True)
    """The case that was opened from it, the last one if there were several."""
    signals: Mapped[int] = mapped_column(server_default=text("0"))
    fresh: Mapped[int] = mapped_column(server_default=text("0"))
    waiting: Mapped[int] = mapped_column(server_default=text("0"))
    severity: Mapped[int]
    """The highest of those undecided; of the last ones when all are decided."""
    oldest_at: Mapped[datetime | None]
    newest_at: Mapped[datetime]
    wait_until: Mapped[date | None]
    due_at: Mapped[datetime | None]
    """When the nearest legal clock of its undecided signals runs out."""
    lead_id: Mapped[UUID | None]
    """The signal that speaks for the cluster: the severest and then oldest of those undecided."""

    case: Mapped[CaseFile | None] = relationship(viewonly=True)
    lead: Mapped[Signal | None] = relationship(primaryjoin="foreign(SignalCluster.lead_id) == Signal.id", viewonly=True)


class Signal(Base):
    """Something that may be an infringement, waiting for a person. One per source and reference, by constraint."""

    __tablename__ = "signal"
    __table_args__ = (
        UniqueConstraint("source", "source_ref"),
        CheckConstraint("(state = 'in_case') = (case_id IS NOT NULL)", name="case_iff_in_case"),
        CheckConstraint(
            "state <> 'rejected' OR (reason IS NOT NULL AND outcome IS NOT NULL)", name="reason_when_rejected"
        ),
        CheckConstraint(
            "state <> 'waiting' OR (reason IS NOT NULL AND wait_until IS NOT NULL)", name="reason_when_waiting"
        ),
        CheckConstraint("(state = 'new') = (decided_by IS NULL)", name="decider_unless_new"),
        CheckConstraint("severity BETWEEN 1 AND 3", name="severity_range"),
        CheckConstraint("shop_phone ~ '^0[0-9]{8,10}$'", name="shop_phone_digits"),
        Index("ix_signal_queue", "state", "severity", "received_at"),
        Index(
            "ix_signal_cluster",
            "cluster_id",
            text("severity DESC"),
            "received_at",
            postgresql_where=text("state IN ('new', 'waiting')"),
        ),
        Index(
            "ix_signal_cluster_due",
            "cluster_id",
            "due_at",
            postgresql_where=text("state IN ('new', 'waiting') AND due_at IS NOT NULL"),
        ),
        Index("ix_signal_cluster_wait", "cluster_id", "wait_until", postgresql_where=text("state = 'waiting'")),
        Index("ix_signal_cluster_all", "cluster_id", "received_at"),
        Index("ix_signal_received", "received_at", postgresql_using="brin"),
        Index("ix_signal_filed", "filed_at", postgresql_using="brin"),
        Index("ix_signal_rule", "what", "source_number", "received_at"),
        Index("ix_signal_code", "code", "received_at", postgresql_where=text("code IS NOT NULL")),
        Index("ix_signal_shop_phone", "shop_phone", "received_at", postgresql_where=text("shop_phone IS NOT NULL")),
        Index("ix_signal_holder", "holder_id", "received_at", postgresql_where=text("holder_id IS NOT NULL")),
        # The signals of an order are a range of serials: the latest of them are found within the index.
        Index(
            "ix_signal_serial",
            "serial",
            "received_at",
            postgresql_include=["id"],
            postgresql_where=text("serial IS NOT NULL"),
        ),
        Index("ix_signal_place", "commune_code", "place", postgresql_where=text("place IS NOT NULL")),
        # Apart, because a name in a commune is looked for only by who does not know the commune.
        *(
            Index(
                f"ix_signal_{name}_marks",
                text("public.text_marks(place)"),
                postgresql_using="gin",
                postgresql_where=text(f"place IS NOT NULL AND commune_code IS {known}"),
            )
            for name, known in (("placed", "NOT NULL"), ("unplaced", "NULL"))
        ),
        Index(
            "ix_signal_location",
            text("(location::geography)"),
            postgresql_using="gist",
            postgresql_where=text("location IS NOT NULL"),
        ),
        DESK,
    )

    id: Mapped[uuid_pk]
    cluster_id: Mapped[UUID] = mapped_column(ForeignKey("enforcement.signal_cluster.id"))
    source: Mapped[SignalSource]
    source_ref: Mapped[str]
    source_number: Mapped[str]
    record_id: Mapped[UUID | None] = mapped_column(ForeignKey("enforcement.intake_record.id"), index=True)
    """The paper or call at the desk that it came with."""
    serial: Mapped[int | None] = mapped_column(BigInteger)
    code: Mapped[str | None]
    """A code as printed that the register does not know, in its canonical form."""
    holder_id: Mapped[UUID | None] = mapped_column(ForeignKey("party.id"))
    commune_code: Mapped[str | None] = mapped_column(ForeignKey("commune.code"))
    place: Mapped[str | None]
    shop_phone: Mapped[str | None]
    """The telephone of the shop as it advertises itself, never that of whoever told us."""
    location: Mapped[WKBElement | None] = mapped_column(Geometry("POINT", srid=4326, spatial_index=False))
    """Where somebody at work stood. What the public tells of its position stays with the report, where it can be taken back."""
    what: Mapped[What]
    facts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    summary: Mapped[str]
    words: Mapped[str] = mapped_column(
        Computed("' ' || public.fold(summary || ' ' || coalesce(place, '')) || ' '", persisted=True), deferred=True
    )
    """Summary and place as a search compares them."""
    severity: Mapped[int]
    received_at: Mapped[datetime]
    filed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    """When it was put on the desk: a letter may lie for days before it is entered under the day on which it came."""
    due_at: Mapped[datetime | None]
    state: Mapped[SignalState]
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("enforcement.case_file.id"), index=True)
    reason: Mapped[str | None]
    outcome: Mapped[Outcome | None]
    wait_until: Mapped[date | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))

    case: Mapped[CaseFile | None] = relationship(back_populates="signals")
    cluster: Mapped[SignalCluster] = relationship(viewonly=True)
    commune: Mapped[Commune | None] = relationship()
    holder: Mapped[Party | None] = relationship()
    decider: Mapped[AppUser | None] = relationship()


# Ten thousand signals written at once are one change of their cluster; one decided among ten thousand is counted by difference,
# and who leads is looked up in an index, so that no figure is ever counted over the whole cluster.
# A cluster of which nothing changes is not written, so it is not locked either: who closes a case, or tells its signals how it ended,
# waits for nobody who is deciding in their cluster.
COUNT_CLUSTERS = """
CREATE OR REPLACE FUNCTION enforcement.count_clusters() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    touched uuid[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        touched := ARRAY(SELECT DISTINCT cluster_id FROM came);
        UPDATE enforcement.signal_cluster c
           SET signals = c.signals + d.signals, fresh = c.fresh + d.fresh, waiting = c.waiting + d.waiting,
               newest_at = greatest(c.newest_at, d.newest)
          FROM (SELECT cluster_id, count(*) AS signals, count(*) FILTER (WHERE state = 'new') AS fresh,
                       count(*) FILTER (WHERE state = 'waiting') AS waiting, max(received_at) AS newest
                  FROM came GROUP BY cluster_id) d
         WHERE c.id = d.cluster_id;
    ELSE
        touched := ARRAY(
            SELECT DISTINCT unnest(ARRAY[n.cluster_id, o.cluster_id]) FROM came n JOIN went o USING (id)
             WHERE n.cluster_id <> o.cluster_id OR n.state <> o.state
                OR n.state IN ('new', 'waiting')
                   AND (n.severity, n.received_at, n.due_at, n.wait_until) IS DISTINCT FROM (o.severity, o.received_at, o.due_at, o.wait_until)
        );
        IF touched = '{}' THEN
            RETURN NULL;
        END IF;
        UPDATE enforcement.signal_cluster c
           SET signals = c.signals + d.signals, fresh = c.fresh + d.fresh, waiting = c.waiting + d.waiting,
               newest_at = greatest(c.newest_at, d.newest)
          FROM (SELECT cluster_id, sum(one) AS signals, sum(fresh) AS fresh, sum(waiting) AS waiting, max(newest) AS newest
                  FROM (SELECT cluster_id, 1 AS one, (state = 'new')::int AS fresh, (state = 'waiting')::int AS waiting,
                               received_at AS newest FROM came
                        UNION ALL
                        SELECT cluster_id, -1, -(state = 'new')::int, -(state = 'waiting')::int, NULL FROM went) each
                 GROUP BY cluster_id) d
         WHERE c.id = d.cluster_id AND c.id = ANY (touched)
           AND ((d.signals, d.fresh, d.waiting) <> (0, 0, 0) OR d.newest > c.newest_at);
    END IF;
    UPDATE enforcement.signal_cluster c
       SET lead_id = l.id, severity = l.severity, oldest_at = o.oldest_at, due_at = o.due_at, wait_until = o.wait_until
      FROM unnest(touched) AS t(id)
      LEFT JOIN LATERAL (
            SELECT s.id, s.severity FROM enforcement.signal s
             WHERE s.cluster_id = t.id AND s.state IN ('new', 'waiting')
             ORDER BY s.severity DESC, s.received_at LIMIT 1) l ON true
      LEFT JOIN LATERAL (
            SELECT (SELECT min(s.received_at) FROM enforcement.signal s
                     WHERE s.cluster_id = t.id AND s.state IN ('new', 'waiting') AND s.severity = l.severity) AS oldest_at,
                   (SELECT min(s.due_at) FROM enforcement.signal s
                     WHERE s.cluster_id = t.id AND s.state IN ('new', 'waiting') AND s.due_at IS NOT NULL) AS due_at,
                   (SELECT min(s.wait_until) FROM enforcement.signal s
                     WHERE s.cluster_id = t.id AND s.state = 'waiting') AS wait_until) o ON true
     WHERE c.id = t.id AND l.id IS NOT NULL
       AND (c.lead_id, c.severity, c.oldest_at, c.due_at, c.wait_until)
           IS DISTINCT FROM (l.id, l.severity, o.oldest_at, o.due_at, o.wait_until);
    UPDATE enforcement.signal_cluster c
       SET oldest_at = NULL, due_at = NULL, wait_until = NULL
     WHERE c.id = ANY (touched) AND c.fresh + c.waiting = 0 AND num_nonnulls(c.oldest_at, c.due_at, c.wait_until) > 0;
    RETURN NULL;
END
$$
"""

CLUSTERS_COUNTED = (
    "CREATE TRIGGER clusters_counted_in AFTER INSERT ON enforcement.signal REFERENCING NEW TABLE AS came "
    "FOR EACH STATEMENT EXECUTE FUNCTION enforcement.count_clusters()",
    "CREATE TRIGGER clusters_counted_over AFTER UPDATE ON enforcement.signal REFERENCING OLD TABLE AS went NEW TABLE AS came "
    "FOR EACH STATEMENT EXECUTE FUNCTION enforcement.count_clusters()",
)

for _sql in (COUNT_CLUSTERS, *CLUSTERS_COUNTED):
    event.listen(Signal.__table__, "after_create", DDL(_sql.replace("%", "%%")))  # type: ignore[no-untyped-call]
