"""Titles entered and changed: facts, territory, amendments on record, renewal, images of the sign.

Who is what to a title stands in `title_parties`, its rules in `regulations`. What must not live here: reading for pages (`titles`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError

from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound, Refused, TemThatError, broken_constraint
from trace.models.certificates import UseCertificate
from trace.models.parties import Commune, Party
from trace.models.title_records import AmendmentKind, TitleAmendment, TitleImage, TitleRenewal
from trace.models.titles import ProtectionTitle, TitleKind, TitleRole, TitleRoleKind
from trace.services import editing, history, places

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.services.reach import Reach

TERM_YEARS = 10
"""A mark runs ten years from filing, and ten more with every renewal (IP Law, Article 93)."""


class TitleNumberTaken(Conflict):
    """Another title has this number already.

    Check the number, or look for the title in the list.
    """


class GrantedBeforeFiled(Invalid):
    """The title cannot have been granted before it was filed.

    Check both dates.
    """


class EndBeforeGrant(Invalid):
    """The term ends before the title was granted.

    Check both dates.
    """


class NeverExpires(Invalid):
    """A geographical indication does not expire.

    Leave the end of the term empty.
    """


class KindKept(Conflict):
    """Certificates of use were given under this title, so its kind cannot be changed.

    Enter a new title if the sign is protected anew as another kind.
    """


class NoTerm(Invalid):
    """The end of the present term is not recorded, so there is nothing to renew from.

    Enter the day of filing or the end of the term first.
    """


class DecidedInFuture(Invalid):
    """The document is dated after today.

    Enter the date on the document.
    """


class NothingAmended(Invalid):
    """The new text says the same as the record.

    Write the text as it was amended.
    """


class NoCommune(Invalid):
    """Choose at least one commune.

    The territory is the union of the communes that you choose.
    """


class UnknownCommune(Invalid):
    """One of these communes is not known.

    Choose from the list.
    """


class DocumentNeeded(Invalid):
    """The territory was drawn before, so a change of it needs its deciding document.

    Write the number and date of the decision.
    """


class NotYourBody(Invalid):
    """You can enter a title only for an organisation for which you hold a role.

    Choose your own organisation as managing body.
    """


class ImageWithdrawn(Conflict):
    """This image was withdrawn before."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a title says of itself. A mark whose end is left open runs ten years from filing."""

    kind: TitleKind
    name: str
    title_number: str | None = None
    application_number: str | None = None
    filed_on: date | None = None
    granted_on: date | None = None
    expires_on: date | None = None
    nice_classes: Sequence[int] = ()
    goods_in_words: str | None = None
    characteristics: str | None = None
    area_in_words: str | None = None


def record(
    session: Session,
    facts: Facts,
    *,
    managing_body_id: UUID,
    since: date,
    document: str,
    by: UUID,
    at: datetime,
    bodies: frozenset[UUID] | None = None,
) -> ProtectionTitle:
    """Enter a title with its managing body. `bodies` are those for which the writer may do so; None: any."""
    reasons = _faults(facts)
    if (bodies is not None and managing_body_id not in bodies) or session.get(Party, managing_body_id) is None:
        reasons.append(NotYourBody())
    if reasons:
        raise Refused(reasons)
    title = ProtectionTitle(**_values(facts))
    try:
        with session.begin_nested():
            session.add(title)
    except IntegrityError as exc:
        if broken_constraint(exc) == "uq_protection_title_title_number":
            raise Refused([TitleNumberTaken()]) from exc
        raise
    session.add(
        TitleRole(
            title_id=title.id, party_id=managing_body_id, role=TitleRoleKind.MANAGING_BODY, valid_during=Range(since, None),
            deciding_document=document,
        )
    )  # fmt: skip
    body = session.get_one(Party, managing_body_id)
    changes: dict[str, tuple[object, object]] = {
        name: (None, value) for name, value in _values(facts).items() if value not in (None, [])
    }
    changes |= {"managing_body": (None, body.name), "document": (None, document)}
    history.record(session, "title:record", title.id, by=by, at=at, changes=changes)
    session.flush()
    return title


def edit(
    session: Session, title_id: UUID, facts: Facts, *, revision: int, by: UUID, at: datetime, reach: Reach
) -> ProtectionTitle:
    """Put a title's facts right. Raises `EditedMeanwhile`, or `Refused` with every reason."""
    title = editing.locked(session, _within(title_id, reach), revision=revision)
    reasons = _faults(facts)
    if facts.kind is not title.kind and _has_certificates(session, title_id):
        reasons.append(KindKept())
    if reasons:
        raise Refused(reasons)
    try:
        with session.begin_nested():
            editing.change(session, title, "title:edit", _values(facts), by=by, at=at)
    except IntegrityError as exc:
        session.refresh(title)
        if broken_constraint(exc) == "uq_protection_title_title_number":
            raise Refused([TitleNumberTaken()]) from exc
        raise
    return title


def set_area(
    session: Session,
    title_id: UUID,
    codes: Sequence[str],
    *,
    document: str | None,
    revision: int,
    by: UUID,
    at: datetime,
    reach: Reach,
) -> ProtectionTitle:
    """Make the union of some communes a title's territory. A later merger of communes does not move it."""
    title = editing.locked(session, _within(title_id, reach), revision=revision)
    wanted = sorted(set(codes))
    known = select(Commune.code, Commune.name).where(Commune.code.in_(wanted))
    found = {row.code: row.name for row in session.execute(known)}
    reasons = list[TemThatError]()
    if not wanted:
        reasons.append(NoCommune())
    if len(found) != len(wanted):
        reasons.append(UnknownCommune())
    if title.area is not None and not document:
        reasons.append(DocumentNeeded())
    if reasons:
        raise Refused(reasons)
    before = _commune_names(session, title.area_commune_codes)
    title.area = session.scalar(select(func.ST_Multi(func.ST_Union(Commune.boundary))).where(Commune.code.in_(wanted)))
    shown = {"communes": (before or None, ", ".join(sorted(found.values())))}
    title.area_commune_codes = wanted
    editing.change(session, title, "title:area", {}, by=by, at=at, why=document, shown=shown)
    return title


AMENDED = {
    AmendmentKind.NAMES_ADDRESSES: "name",
    AmendmentKind.SPECIFICATION: "characteristics",
    AmendmentKind.AREA: "area_in_words",
}
"""What an amendment may write into the record. Owner, managing body and regulation have records of their own."""


def amend(
    session: Session,
    title_id: UUID,
    *,
    kind: AmendmentKind,
    document: str,
    decided_on: date,
    was: str | None,
    becomes: str,
    applies: bool,
    revision: int,
    by: UUID,
    at: datetime,
    reach: Reach,
) -> TitleAmendment:
    """Put an amendment on record; with `applies` the new text is written into the title too, and the old one is read from it."""
    title = editing.locked(session, _within(title_id, reach), revision=revision)
    field = AMENDED.get(kind) if applies else None
    if field is not None:
        was = getattr(title, field)
    reasons = list[TemThatError]()
    if decided_on > at.astimezone(CITY).date():
        reasons.append(DecidedInFuture())
    if was == becomes:
        reasons.append(NothingAmended())
    if reasons:
        raise Refused(reasons)
    amendment = TitleAmendment(
        title_id=title_id, kind=kind, document=document, decided_on=decided_on, was=was, becomes=becomes, recorded_at=at,
        recorded_by=by,
    )  # fmt: skip
    session.add(amendment)
    shown: dict[str, tuple[object, object]] = {"amended": (None, kind), "document": (None, document)}
    if field is None:
        shown["text"] = (was, becomes)
    editing.change(session, title, "title:amend", {field: becomes} if field else {}, by=by, at=at, shown=shown)
    return amendment


def renew(
    session: Session,
    title_id: UUID,
    *,
    document: str,
    decided_on: date,
    revision: int,
    by: UUID,
    at: datetime,
    reach: Reach,
) -> TitleRenewal:
    """Renew a mark for ten years from the end of its present term."""
    title = editing.locked(session, _within(title_id, reach), revision=revision)
    reasons = list[TemThatError]()
    if title.kind is TitleKind.GI:
        reasons.append(NeverExpires())
    elif title.expires_on is None:
        reasons.append(NoTerm())
    if decided_on > at.astimezone(CITY).date():
        reasons.append(DecidedInFuture())
    if reasons or title.expires_on is None:
        raise Refused(reasons)
    old_end, new_end = title.expires_on, years_after(title.expires_on, TERM_YEARS)
    renewal = TitleRenewal(
        title_id=title_id, document=document, decided_on=decided_on, old_end=old_end, new_end=new_end, recorded_at=at, recorded_by=by,
    )  # fmt: skip
    session.add(renewal)
    editing.change(
        session, title, "title:renew", {"expires_on": new_end}, by=by, at=at, shown={"document": (None, document)}
    )
    return renewal


def add_image(
    session: Session, title_id: UUID, file_id: UUID, *, caption: str, by: UUID, at: datetime, reach: Reach
) -> TitleImage:
    """Add a picture of the sign that `files.receive` took in."""
    _one(session, title_id, reach)
    image = TitleImage(title_id=title_id, file_id=file_id, caption=caption, added_at=at, added_by=by)
    session.add(image)
    history.record(session, "title:add_image", title_id, by=by, at=at, changes={"caption": (None, caption)})
    session.flush()
    return image


def withdraw_image(
    session: Session, title_id: UUID, image_id: UUID, *, by: UUID, at: datetime, reach: Reach
) -> TitleImage:
    """Show a picture no more. It stays on record."""
    _one(session, title_id, reach)
    image = session.scalars(
        select(TitleImage).where(TitleImage.id == image_id, TitleImage.title_id == title_id).with_for_update()
    ).one_or_none()
    if image is None:
        raise NotFound
    if image.withdrawn_at is not None:
        raise ImageWithdrawn
    image.withdrawn_at, image.withdrawn_by = at, by
    history.record(session, "title:withdraw_image", title_id, by=by, at=at, changes={"caption": (image.caption, None)})
    session.flush()
    return image


def years_after(day: date, years: int) -> date:
    """The same day so many years later; 28 February for a day that the year lacks."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def term_end(filed_on: date) -> date:
    """The last day of the first term of a mark."""
    return years_after(filed_on, TERM_YEARS)


def _within(title_id: UUID, reach: Reach) -> Select[ProtectionTitle]:
    return select(ProtectionTitle).where(ProtectionTitle.id == title_id, reach.covers(None, ProtectionTitle.id))


def _one(session: Session, title_id: UUID, reach: Reach) -> ProtectionTitle:
    title = session.scalars(_within(title_id, reach)).one_or_none()
    if title is None:
        raise NotFound
    return title


def _values(facts: Facts) -> dict[str, object]:
    values: dict[str, object] = asdict(facts) | {"nice_classes": sorted(set(facts.nice_classes))}
    if facts.kind is not TitleKind.GI and facts.expires_on is None and facts.filed_on is not None:
        values["expires_on"] = term_end(facts.filed_on)
    return values


def _faults(facts: Facts) -> list[TemThatError]:
    reasons = list[TemThatError]()
    if facts.kind is TitleKind.GI and facts.expires_on is not None:
        reasons.append(NeverExpires())
    if facts.filed_on and facts.granted_on and facts.granted_on < facts.filed_on:
        reasons.append(GrantedBeforeFiled())
    if facts.granted_on and facts.expires_on and facts.expires_on <= facts.granted_on:
        reasons.append(EndBeforeGrant())
    return reasons


def _has_certificates(session: Session, title_id: UUID) -> bool:
    given = select(UseCertificate.id).where(UseCertificate.title_id == title_id)
    return session.scalar(given.limit(1)) is not None


def _commune_names(session: Session, codes: Sequence[str]) -> str:
    found = session.scalars(select(Commune.name).where(Commune.code.in_(codes)).order_by(places.in_order(Commune.name)))
    return ", ".join(found)
