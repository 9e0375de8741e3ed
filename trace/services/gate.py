"""The label gate: what must hold before a serial may exist, as one pure function over facts, and the refusals it gives.

Nothing is locked, read or written here: `ordering` gathers the facts under its locks and asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from trace.clock import CITY
from trace.errors import Invalid, TemThatError
from trace.models.certificates import CertificateStatus, UseCertificate
from trace.models.lots import EligibleBalance, Lot, LotState, QuotaExtension
from trace.models.titles import SourceKind
from trace.services import rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trace.models.areas import ProductionSite
    from trace.models.controls import Nonconformity
    from trace.models.titles import UseRegulation

MOST_PER_ORDER = 1_000_000


class CertificateNotActive(Invalid):
    """Certificate of use %(number)s: %(status)s since %(since)s. Reason: %(reason)s

    Ask the managing body what must be put right first.
    """


class CertificateOutOfPeriod(Invalid):
    """Certificate of use %(number)s is valid from %(start)s to %(end)s, not today.

    Apply for a renewal with the managing body.
    """


class SourceNotCovered(Invalid):
    """Certificate of use %(number)s does not cover %(source)s.

    Choose a lot from a source of the certificate, or apply to have this source added.
    """


class AreaCodeMissing(Invalid):
    """%(source)s has no growing-area code in force, and the use regulation requires one.

    Have the code issued or renewed, then order again.
    """


class SiteClosed(Invalid):
    """The production site %(site)s is closed, so it takes no new lots and its lots get no labels.

    If it still produces, have it set to working on its page; otherwise choose another source.
    """


class BlockingNonconformity(Invalid):
    """A nonconformity on %(subject)s is open, to be put right by %(due)s: %(description)s

    Finish the corrective action and have it verified.
    """


class GateCheckFailed(Invalid):
    """On %(source)s the check %(code)s failed, to be put right by %(due)s: %(description)s

    Finish the corrective action and have it verified; the use regulation lets this check gate labels.
    """


class NotControlledLately(Invalid):
    """%(source)s has had no passed control within the last %(days)s days, as the use regulation asks. Last one: %(last)s

    Ask the internal or external control for a visit.
    """


class LotNotCertified(Invalid):
    """Lot %(code)s is not certified yet.

    Ask your collective to certify it.
    """


class LotRecalled(Invalid):
    """Lot %(code)s was recalled: %(reason)s

    Choose another lot.
    """


class LotClosed(Invalid):
    """Lot %(code)s is closed: what was not labelled passed on to other lots.

    Choose one of the lots that came from it; they stand on its page.
    """


class ReleaseMissing(Invalid):
    """Lot %(code)s is not released by an external certifier or control body, and the use regulation asks for that.

    Have the lot tested, and ask the certifier to record the result with its document.
    """


class NoRegulation(Invalid):
    """No use regulation is in force today for %(title)s.

    Ask the managing body to record the regulation in force.
    """


class PackWeightNotAllowed(Invalid):
    """A pack of %(weight)s kg is not allowed by the use regulation. Allowed: %(allowed)s kg.

    Choose one of the pack weights of the regulation.
    """


class QuantityTooSmall(Invalid):
    """An order needs at least 1 label.

    Enter a whole number, such as 1.200.
    """


class QuantityTooLarge(Invalid):
    """One order holds at most %(most)s labels.

    Split it into several orders.
    """


class UnknownLayout(Invalid):
    """There is no label layout of this name.

    Choose a layout from the list.
    """


class NoEligibleVolume(Invalid):
    """No eligible volume is recorded for %(holder)s in %(season)s.

    Ask the managing body to record the areas or sites of this season.
    """


class OverEligibleVolume(Invalid):
    """%(quantity)s labels for packs of %(weight)s kg are %(over)s kg over the eligible volume that is left. %(fit)s labels would fit.

    Order fewer labels, or ask the managing body to adjust the volume.
    """


class OverLotVolume(Invalid):
    """%(quantity)s labels for packs of %(weight)s kg are %(over)s kg over what is left of lot %(code)s. %(fit)s labels would fit.

    Order fewer labels, or choose another lot.
    """


class SeasonClosed(Invalid):
    """%(season)s was closed on %(closed)s.

    Choose a lot of a season that is running.
    """


class SeasonOver(Invalid):
    """%(season)s ended before %(end)s.

    Choose a lot of a season that is running.
    """


@dataclass(frozen=True)
class Facts:
    """What the gate judges, as it stood under the locks."""

    lot: Lot
    balance: EligibleBalance | None
    regulation: UseRegulation | None
    covered: bool
    """Whether the certificate lists the lot's source."""
    has_area_code: bool
    nonconformities: Sequence[Nonconformity]
    closed_sites: Sequence[ProductionSite] = ()
    """Those of the lot's sites that do not produce any more."""
    last_passed: date | None = None
    """The day of the last internal or external control of the source that was passed."""
    released: bool = True
    """Whether an external body released the lot, where the regulation asks for it."""
    extensions: Sequence[QuotaExtension] = ()
    """The approved ones of the balance, with who approved them."""

    @property
    def approvals(self) -> tuple[str, ...]:
        """Who approved volume beyond the eligible one, and why."""
        return tuple(f"{each.decider.full_name}: {each.decision_reason}" for each in self.extensions if each.decider)

    @property
    def source_name(self) -> str:
        """The area or site that the lot comes from."""
        return self.lot.source_name

    @property
    def left_g(self) -> int:
        """Volume that is not labelled yet, eligible or approved beyond that, g."""
        return self.balance.allowed_g - self.balance.issued_g if self.balance else 0

    @property
    def lot_left_g(self) -> int:
        """Volume of the lot that is not labelled yet, g."""
        return self.lot.left_g

    def fit(self, pack_weight_g: int) -> int:
        """How many labels of a pack weight would still pass."""
        return max(0, min(self.left_g, self.lot_left_g) // pack_weight_g)


def standing(facts: Facts, *, on: date) -> list[TemThatError]:
    """Why no label at all may be ordered for a lot on a day of the city; empty when some may."""
    lot, certificate = facts.lot, facts.lot.certificate
    reasons = certificate_stands(certificate, on=on)
    if not facts.covered:
        reasons.append(SourceNotCovered(number=certificate.number, source=facts.source_name))
    if facts.regulation is None:
        reasons.append(NoRegulation(title=lot.product.title.name))
    elif facts.regulation.requires_area_code and lot.product.source_kind is SourceKind.AREA and not facts.has_area_code:
        reasons.append(AreaCodeMissing(source=facts.source_name))
    reasons += [SiteClosed(site=site.name, site_id=site.id) for site in facts.closed_sites]
    reasons += control_stands(facts, on=on)
    if lot.state is LotState.DRAFT:
        reasons.append(LotNotCertified(code=lot.code))
    elif lot.state is LotState.RECALLED:
        reasons.append(LotRecalled(code=lot.code, reason=lot.recall_reason or ""))
    elif lot.state is LotState.CLOSED:
        reasons.append(LotClosed(code=lot.code))
    if not facts.released and lot.state is not LotState.RECALLED:
        reasons.append(ReleaseMissing(code=lot.code))
    season = lot.season
    if season.closed_at is not None:
        reasons.append(SeasonClosed(season=season.name, closed=season.closed_at.astimezone(CITY).date()))
    elif season.runs_during.upper is not None and season.runs_during.upper <= on:
        reasons.append(SeasonOver(season=season.name, end=season.runs_during.upper))
    if facts.balance is None:
        reasons.append(NoEligibleVolume(holder=lot.holder.name, season=season.name))
    return reasons


def control_stands(facts: Facts, *, on: date) -> list[TemThatError]:
    """What control says against labels on a day: open blocking nonconformities, failed gate checks, no visit lately."""
    reasons = list[TemThatError]()
    ruled = rules.read(facts.regulation.rules or {}) if facts.regulation else rules.Rules()
    for found in facts.nonconformities:
        said = {"due": found.due_on, "description": found.description, "nonconformity_id": found.id}
        subject = found.area or found.site or found.holder
        if found.item is not None and found.item.code in ruled.gate_checks:
            reasons.append(GateCheckFailed(source=subject.name, code=found.item.code, **said))
        else:
            reasons.append(BlockingNonconformity(subject=subject.name, **said))
    days = ruled.visit_within_days
    if days is not None and (facts.last_passed is None or facts.last_passed < on - timedelta(days=days)):
        reasons.append(NotControlledLately(source=facts.source_name, days=days, last=facts.last_passed or "–"))
    return reasons


def certificate_stands(certificate: UseCertificate, *, on: date) -> list[TemThatError]:
    """What speaks against a certificate itself on a day of the city."""
    reasons, valid = list[TemThatError](), certificate.valid_during
    if certificate.status is not CertificateStatus.ACTIVE:
        since = certificate.status_since.astimezone(CITY).date()
        reasons.append(
            CertificateNotActive(
                number=certificate.number,
                status=certificate.status,
                since=since,
                reason=certificate.status_reason or "",
            )
        )
    if on not in valid:
        last = valid.upper - timedelta(days=1) if valid.upper else None
        reasons.append(CertificateOutOfPeriod(number=certificate.number, start=valid.lower, end=last))
    return reasons


def reasons(
    facts: Facts, *, quantity: int, pack_weight_g: int, layouts: frozenset[str], layout: str, on: date
) -> list[TemThatError]:
    """Every reason against an order, all at once; an empty list opens the gate."""
    found = standing(facts, on=on)
    lot, allowed = facts.lot, facts.regulation.pack_weights_g if facts.regulation else []
    if pack_weight_g < 1 or (facts.regulation and pack_weight_g not in allowed):
        found.append(PackWeightNotAllowed(weight=kg(pack_weight_g), allowed=tuple(map(kg, sorted(allowed)))))
    if layout not in layouts:
        found.append(UnknownLayout())
    if quantity < 1:
        return [*found, QuantityTooSmall()]
    if quantity > MOST_PER_ORDER:
        found.append(QuantityTooLarge(most=MOST_PER_ORDER))
    if pack_weight_g < 1:
        return found
    asked = quantity * pack_weight_g
    said = {"quantity": quantity, "weight": kg(pack_weight_g)}
    if facts.balance is not None and asked > facts.left_g:
        fit = max(0, facts.left_g // pack_weight_g)
        found.append(OverEligibleVolume(**said, over=kg(asked - facts.left_g), fit=fit))
    if asked > facts.lot_left_g:
        fit = max(0, facts.lot_left_g // pack_weight_g)
        found.append(OverLotVolume(**said, over=kg(asked - facts.lot_left_g), fit=fit, code=lot.code))
    return found


def kg(grams: int) -> Decimal:
    """Grams as kilograms, without superfluous zeros."""
    exact = Decimal(grams) / 1000
    return exact.quantize(Decimal(1)) if exact == exact.to_integral() else exact.normalize()
