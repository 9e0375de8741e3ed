"""Merging certified lots into one and splitting one into several. Grams pass over exactly; the parents stay on record, closed.

Only what is not labelled moves: labels stay with the lot that they were issued for. Locks are taken in the order of `ledger`: lots
by their id. What must not live here: the chain as it is read back (`lot_chain`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from trace.clock import CITY
from trace.errors import Invalid, NotFound, Refused, TemThatError, broken_constraint
from trace.models.areas import GrowingArea
from trace.models.certificates import CertificateSource, CertificateStatus, UseCertificate
from trace.models.lots import Lot, LotOrigin, LotParent, LotSource, LotState
from trace.models.titles import Product
from trace.services import events, gate, history
from trace.services.lots import CodeMissing, CodeTaken

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy import Select

    from trace.services.reach import Reach

MOST_PARTS = 50


class TooFewLots(Invalid):
    """Merging takes at least two lots.

    Choose two or more.
    """


class TooManyParts(Invalid):
    """At most %(most)s lots are merged or made at a time."""


class LotsDiffer(Invalid):
    """Lots %(codes)s are not all of the same holder, product and season.

    Merge only lots that a buyer may take for one another.
    """


class NotMovable(Invalid):
    """Lot %(code)s is %(state)s. Only certified lots are merged and split.

    Leave it out, or have it certified first.
    """


class NothingLeft(Invalid):
    """All of lot %(code)s is labelled or was passed on already: nothing is left to move.

    Leave it out. Labels that were spoiled or voided give their volume back.
    """


class DatesApart(Invalid):
    """The lots do not fit into one: the last was packed on %(packed)s, the first expires on %(expires)s.

    Merge lots that were packed closer together.
    """


class NoCommonCertificate(Invalid):
    """No certificate in force today covers all of: %(sources)s.

    Merge only lots whose sources one certificate covers.
    """


class PartsDoNotAddUp(Invalid):
    """The parts are %(sum)s kg, but %(left)s kg of lot %(code)s are left unlabelled.

    Let the parts add up to exactly what is left.
    """


class TooFewParts(Invalid):
    """A lot is split into at least two parts."""


class PartNotPositive(Invalid):
    """Every part holds more than nothing."""


class CodesAlike(Invalid):
    """Two parts have the same code: %(code)s.

    Give every part a code of its own.
    """


@dataclass(frozen=True)
class Part:
    """A lot that is to be split off, with its grams."""

    code: str
    grams: int


def merge(session: Session, lot_ids: Collection[UUID], *, code: str, by: UUID, at: datetime, reach: Reach) -> Lot:
    """Put what is left of several certified lots together into a new certified one. Refuses with every reason at once.

    The new lot was harvested when the first was, packed when the last was, and expires when the first does.
    """
    found = _locked(session, lot_ids, reach)
    reasons: list[TemThatError] = []
    if len(found) < 2:
        reasons.append(TooFewLots())
    if len(found) > MOST_PARTS:
        reasons.append(TooManyParts(most=MOST_PARTS))
    if len({(lot.holder_id, lot.product_id, lot.season_id) for lot in found}) > 1:
        reasons.append(LotsDiffer(codes=tuple(lot.code for lot in found)))
    reasons += _fixed(found)
    packed, expires = max(lot.packed_on for lot in found), min(lot.expires_on for lot in found)
    if packed > expires:
        reasons.append(DatesApart(packed=packed, expires=expires))
    reasons += _codes(session, found[0].holder_id, [code])
    sources = list(dict.fromkeys(key for lot in found for key in sorted(lot.source_keys, key=str)))
    certificate = None
    if not any(isinstance(reason, LotsDiffer) for reason in reasons):
        certificate = _common_certificate(session, found[0], sources, on=at.astimezone(CITY).date())
        if certificate is None:
            names = {source.name for lot in found for source in lot.sources}
            reasons.append(NoCommonCertificate(sources=tuple(names)))
    if reasons or certificate is None:
        raise Refused(reasons)
    shares = [(lot, lot.left_g) for lot in found]
    child = _child(
        found[0], code, sum(grams for _, grams in shares), LotOrigin.MERGED, at=at, certificate_id=certificate.id, packed_on=packed,
        harvested_on=min(lot.harvested_on for lot in found), expires_on=expires, is_sample=any(lot.is_sample for lot in found),
        source=sources[0] if len(sources) == 1 else (None, None),
    )  # fmt: skip
    _save(session, [child])
    if len(sources) > 1:
        session.add_all(LotSource(lot_id=child.id, area_id=area_id, site_id=site_id) for area_id, site_id in sources)
    for lot, grams in shares:
        _pass_on(session, lot, [(child, grams)], "lot:merge", by=by, at=at)
    codes = ", ".join(lot.code for lot in found)
    history.record(
        session, "lot:merge", child.id, by=by, at=at,
        changes={"code": (None, child.code), "volume_g": (None, child.volume_g), "from": (None, codes)},
    )  # fmt: skip
    events.transformed(session, child, inputs=shares, outputs=[(child, child.volume_g)], by=by, at=at)
    session.flush()
    return child


def split(
    session: Session, lot_id: UUID, parts: Sequence[Part], *, by: UUID, at: datetime, reach: Reach
) -> Sequence[Lot]:
    """Divide what is left of a certified lot among new certified ones. The parts add up to it exactly."""
    (lot,) = _locked(session, [lot_id], reach)
    reasons = _fixed([lot])
    if len(parts) < 2 and lot.labelled_g == 0:
        reasons.append(TooFewParts())
    if len(parts) > MOST_PARTS:
        reasons.append(TooManyParts(most=MOST_PARTS))
    if any(part.grams <= 0 for part in parts):
        reasons.append(PartNotPositive())
    total = sum(part.grams for part in parts)
    if total != lot.left_g:
        reasons.append(PartsDoNotAddUp(sum=gate.kg(total), left=gate.kg(lot.left_g), code=lot.code))
    reasons += _codes(session, lot.holder_id, [part.code for part in parts])
    if reasons:
        raise Refused(reasons)
    made = [
        _child(
            lot, part.code, part.grams, LotOrigin.SPLIT, at=at, certificate_id=lot.certificate_id, packed_on=lot.packed_on,
            harvested_on=lot.harvested_on, expires_on=lot.expires_on, is_sample=lot.is_sample, source=(lot.area_id, lot.site_id),
        )
        for part in parts
    ]  # fmt: skip
    _save(session, made)
    for child in made:
        session.add_all(LotSource(lot_id=child.id, area_id=each.area_id, site_id=each.site_id) for each in lot.gathered)
    shares = [(child, child.volume_g) for child in made]
    _pass_on(session, lot, shares, "lot:split", by=by, at=at)
    for child in made:
        history.record(
            session, "lot:split", child.id, by=by, at=at,
            changes={"code": (None, child.code), "volume_g": (None, child.volume_g), "from": (None, lot.code)},
        )  # fmt: skip
    events.transformed(session, lot, inputs=[(lot, total)], outputs=shares, by=by, at=at)
    session.flush()
    return made


def candidates(session: Session, lot: Lot, *, reach: Reach) -> Sequence[Lot]:
    """The other lots that one may be merged with: same holder, product and season, certified or closed, with something left."""
    return session.scalars(
        _within(reach)
        .where(
            Lot.id != lot.id, Lot.holder_id == lot.holder_id, Lot.product_id == lot.product_id, Lot.season_id == lot.season_id,
            Lot.state.in_(MOVABLE), Lot.volume_g > Lot.labelled_g + Lot.moved_g,
        )
        .order_by(Lot.packed_on.desc(), Lot.code)
        .limit(100)
    ).all()  # fmt: skip


# A closed lot gets volume back when its labels are spoiled or voided; that too can move on.
MOVABLE = (LotState.CERTIFIED, LotState.CLOSED)


def _fixed(lots: Sequence[Lot]) -> list[TemThatError]:
    """What speaks against moving anything out of lots."""
    reasons: list[TemThatError] = []
    for lot in lots:
        if lot.state not in MOVABLE:
            reasons.append(NotMovable(code=lot.code, state=lot.state))
        elif lot.left_g <= 0:
            reasons.append(NothingLeft(code=lot.code))
    return reasons


def _codes(session: Session, holder_id: UUID, codes: Sequence[str]) -> list[TemThatError]:
    """What speaks against the codes of new lots."""
    reasons: list[TemThatError] = []
    if not all(code.strip() for code in codes):
        reasons.append(CodeMissing())
    reasons += [CodesAlike(code=code) for code in sorted({code for code in codes if code and codes.count(code) > 1})]
    if session.scalar(select(Lot.id).where(Lot.holder_id == holder_id, Lot.code.in_(codes)).limit(1)) is not None:
        reasons.append(CodeTaken())
    return reasons


def _child(
    like: Lot, code: str, grams: int, origin: LotOrigin, *, at: datetime, certificate_id: UUID, harvested_on: date, packed_on: date,
    expires_on: date, is_sample: bool, source: tuple[UUID | None, UUID | None],
) -> Lot:  # fmt: skip
    area_id, site_id = source
    return Lot(
        code=code.strip(), holder_id=like.holder_id, certificate_id=certificate_id, product_id=like.product_id, season_id=like.season_id,
        area_id=area_id, site_id=site_id, volume_g=grams, origin=origin, harvested_on=harvested_on, packed_on=packed_on,
        expires_on=expires_on, state=LotState.CERTIFIED, recorded_at=at, certified_at=at, is_sample=is_sample,
    )  # fmt: skip


def _save(session: Session, made: Sequence[Lot]) -> None:
    """Enter new lots; a code that somebody else took just now is refused in words."""
    try:
        with session.begin_nested():
            session.add_all(made)
    except IntegrityError as exc:
        if broken_constraint(exc) == "uq_lot_holder_id_code":
            raise Refused([CodeTaken()]) from exc
        raise


def _pass_on(
    session: Session, lot: Lot, shares: Sequence[tuple[Lot, int]], deed: str, *, by: UUID, at: datetime
) -> None:
    """Close a lot and write down which grams of it went where."""
    was, total = lot.state, sum(grams for _, grams in shares)
    session.add_all(
        LotParent(parent_id=lot.id, child_id=child.id, grams=grams, at=at, by=by) for child, grams in shares
    )
    history.record(
        session, deed, lot.id, by=by, at=at,
        changes={
            "state": (was, LotState.CLOSED), "moved_g": (lot.moved_g, lot.moved_g + total),
            "into": (None, ", ".join(child.code for child, _ in shares)),
        },
    )  # fmt: skip
    lot.moved_g += total
    lot.state = LotState.CLOSED
    session.flush()


def _common_certificate(
    session: Session, lot: Lot, sources: Collection[tuple[UUID | None, UUID | None]], *, on: date
) -> UseCertificate | None:
    """The certificate of the lot's holder in force on a day, if it covers all the sources."""
    certificate = session.scalars(
        select(UseCertificate)
        .join(Product, Product.title_id == UseCertificate.title_id)
        .where(
            Product.id == lot.product_id, UseCertificate.holder_id == lot.holder_id,
            UseCertificate.status == CertificateStatus.ACTIVE, UseCertificate.valid_during.contains(on),
        )
        .with_for_update(of=UseCertificate, read=True)
    ).one_or_none()  # fmt: skip
    if certificate is None:
        return None
    covered = session.execute(
        select(CertificateSource.area_id, CertificateSource.site_id).where(
            CertificateSource.certificate_id == certificate.id
        )
    )
    return certificate if set(sources) <= {(area_id, site_id) for area_id, site_id in covered} else None


def _locked(session: Session, lot_ids: Collection[UUID], reach: Reach) -> Sequence[Lot]:
    """The lots, locked in the order of their ids. Any that is out of reach is not found."""
    found = session.scalars(
        _within(reach)
        .where(Lot.id.in_(lot_ids))
        .order_by(Lot.id)
        .with_for_update(of=Lot, key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    if not found or {lot.id for lot in found} != set(lot_ids):
        raise NotFound
    return found


def _within(reach: Reach) -> Select[Lot]:
    return (
        select(Lot)
        .join(Lot.certificate)
        .where(reach.covers(Lot.holder_id, UseCertificate.title_id))
        .options(
            selectinload(Lot.area).load_only(GrowingArea.name), selectinload(Lot.site),
            selectinload(Lot.gathered).options(selectinload(LotSource.area).load_only(GrowingArea.name), selectinload(LotSource.site)),
        )
    )  # fmt: skip
