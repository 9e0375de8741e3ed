"""What people's phones asked over the months: thousands of scans that answer as the ledger stood at the time, and one copied label."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, insert, select, text

from trace.clock import CITY
from trace.models.certificates import CertificateStatus, UseCertificate
from trace.models.history import History
from trace.models.labels import LabelMovement, LabelOrder, LabelState
from trace.models.parties import Commune
from trace.models.scans import Comparison, ComparisonAnswer, Scan, ScanChannel, ScanKind, VerdictKind
from trace.services.ranges import as_range

if TYPE_CHECKING:
    from uuid import UUID

    from trace.demo.story import Story
    from trace.models.lots import Lot

HAI_PHONG = 31
# Codes of provinces since July 2025: the city itself, then Hà Nội, Quảng Ninh, Hưng Yên, Bắc Ninh, Hồ Chí Minh City.
PROVINCES = (HAI_PHONG, 1, 22, 33, 24, 79)
WEIGHTS = (62, 18, 7, 5, 4, 4)
LOCATED = 0.6
PER_LABEL = 0.08
MOST_PER_ORDER = 260
COPIED_ORDER = "dried-3"
COPIED_SCANS = 19
OUT_OF_USE = frozenset({LabelState.VOIDED, LabelState.SPOILED, LabelState.LOST, LabelState.RETURNED})
ON_GOODS = frozenset({LabelState.ACTIVATED, LabelState.USED})
_CHANNELS = (ScanChannel.QR,) * 17 + (ScanChannel.TYPED,) * 2 + (ScanChannel.API,)


@dataclass(frozen=True)
class _Label:
    """What is known of one label's life: when it came into which state, and what happened to its lot and holder."""

    states: tuple[tuple[datetime, LabelState], ...]
    lot: Lot
    recalled: datetime | None
    suspended: datetime | None

    def verdict(self, at: datetime) -> VerdictKind:
        """The gravest finding at a moment, as `verify_label` would have said it."""
        state = next((state for since, state in reversed(self.states) if since <= at), LabelState.ORDERED)
        if state is LabelState.RECALLED or (self.recalled and self.recalled <= at):
            return VerdictKind.RECALLED
        if state in OUT_OF_USE:
            return VerdictKind.VOIDED
        if self.suspended and self.suspended <= at:
            return VerdictKind.HOLDER_SUSPENDED
        if state not in ON_GOODS:
            return VerdictKind.NOT_ACTIVATED
        return VerdictKind.EXPIRED if self.lot.expires_on < at.astimezone(CITY).date() else VerdictKind.VALID

    @property
    def shown_from(self) -> datetime:
        """When somebody could first see it: on goods, or, for what never got there, once it left the printer."""
        on_goods = [since for since, state in self.states if state in ON_GOODS]
        return (on_goods or [self.states[-1][0]])[0]


def make(story: Story) -> None:
    """Every scan, in one insert, into partitions made for its month; then what some buyers found when comparing."""
    session = story.session
    communes = list(session.scalars(select(Commune.code).order_by(Commune.code)))
    recalls = _moments(story, select(History.subject_id, History.at).where(History.deed == "lot:recall"))
    stopped = (CertificateStatus.SUSPENDED, CertificateStatus.REVOKED)
    suspended = _moments(
        story, select(UseCertificate.id, UseCertificate.status_since).where(UseCertificate.status.in_(stopped))
    )
    rows: list[dict[str, Any]] = []
    for key, order in story.orders.items():
        movements = session.scalars(
            select(LabelMovement).where(LabelMovement.order_id == order.id).order_by(LabelMovement.at, LabelMovement.id)
        ).all()
        lot = story.lots[key.split("/")[0]]
        facts = (lot, recalls.get(lot.id), suspended.get(order.certificate_id))
        rows += _of_order(story, order, movements, facts, communes)
    rows += _copied(story)
    rows.sort(key=lambda row: (row["at"], row["serial"]))
    first = min(row["at"] for row in rows).date()
    session.execute(
        text("SELECT make_scan_months(:first, :last)"), {"first": first, "last": story.today + timedelta(days=62)}
    )
    session.execute(insert(Scan.__table__), rows)  # type: ignore[arg-type]
    _compare(story, rows)


def _moments(story: Story, statement: Select[UUID, datetime]) -> dict[UUID, datetime]:
    return {subject: at for subject, at in story.session.execute(statement).all()}  # noqa: C416  dict() of rows loses their types


def _of_order(
    story: Story, order: LabelOrder, movements: Any, facts: tuple[Any, ...], communes: list[str]
) -> list[dict[str, Any]]:
    rng, rows = story.rng, list[dict[str, Any]]()
    serials = as_range(order.serials)
    wanted = min(MOST_PER_ORDER, max(4, round(order.quantity * PER_LABEL)))
    popular = rng.sample(serials, min(len(serials), wanted))
    for _ in range(wanted):
        serial = popular[int(len(popular) * rng.random() ** 1.6)]
        label = _Label(tuple((m.at, m.becomes) for m in movements if serial in as_range(m.serials)), *facts)
        on_goods = any(state in ON_GOODS for _, state in label.states)
        if not on_goods and rng.random() < 0.7:
            continue  # few people ever see a label that is on no goods
        at = (
            label.shown_from + timedelta(hours=8) + timedelta(days=rng.expovariate(1 / 13), minutes=rng.randint(0, 600))
        )
        at = at.replace(microsecond=rng.randrange(1_000_000))
        if at < story.at:
            rows.append(_row(story, serial, at, label.verdict(at), communes))
            if rng.random() < 0.1:
                again = rows[-1] | {"at": at + timedelta(seconds=rng.randint(5, 900)), "kind": ScanKind.RELOAD}
                rows += [again] if again["at"] < story.at else []
    return rows


def _row(story: Story, serial: int, at: datetime, verdict: VerdictKind, communes: list[str]) -> dict[str, Any]:
    rng = story.rng
    chance, channel, province, commune = rng.random(), rng.choice(_CHANNELS), None, None
    kind = ScanKind.PREVIEW if chance < 0.07 else ScanKind.REAL
    if 0.07 <= chance < 0.085:
        kind, channel = ScanKind.CUSTODY, ScanChannel.STAFF
    if kind is not ScanKind.PREVIEW and rng.random() < LOCATED:
        province = rng.choices(PROVINCES, WEIGHTS)[0]
        commune = rng.choice(communes) if province == HAI_PHONG and rng.random() < 0.5 else None
    return {
        "at": at, "serial": serial, "verdict": verdict, "kind": kind, "channel": channel, "device": rng.randbytes(12),
        "commune_code": commune, "province": province,
    }  # fmt: skip


def _copied(story: Story) -> list[dict[str, Any]]:
    """One label seen on many phones in several provinces within days: more than the rule allows."""
    serial, rows = copied_serial(story), list[dict[str, Any]]()
    for index in range(COPIED_SCANS):
        at = story.at - timedelta(days=5) + timedelta(hours=6 * index, minutes=story.rng.randint(1, 50))
        verdict = VerdictKind.VALID if index < 11 else VerdictKind.SUSPECTED_COPY
        rows.append({
            "at": at, "serial": serial, "verdict": verdict, "kind": ScanKind.REAL, "channel": ScanChannel.QR,
            "device": story.rng.randbytes(12), "commune_code": None, "province": PROVINCES[index % 5],
        })  # fmt: skip
    return rows


def copied_serial(story: Story) -> int:
    """The label of which copies go round."""
    return (story.orders[COPIED_ORDER].serials.lower or 0) + 137


def _compare(story: Story, rows: list[dict[str, Any]]) -> None:
    answers, seen = list[dict[str, Any]](), set[tuple[int, bytes]]()
    for row in rows:
        if row["kind"] is not ScanKind.REAL or row["verdict"] is not VerdictKind.VALID or story.rng.random() > 0.12:
            continue
        if (row["serial"], row["device"]) not in seen:
            seen.add((row["serial"], row["device"]))
            answer = story.rng.choices(list(ComparisonAnswer), (88, 5, 7))[0]
            answers.append(
                {
                    "serial": row["serial"],
                    "device": row["device"],
                    "answer": answer,
                    "at": row["at"] + timedelta(minutes=2),
                }
            )
    story.session.execute(insert(Comparison.__table__), answers)  # type: ignore[arg-type]
