"""What an applicant writes into an application, saved page by page, as often as wanted, until it is handed in.

Nothing here says whether an application is complete: `applications.missing` does. What must not live here: the moves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from trace.clock import CITY
from trace.errors import Conflict, Invalid, NotFound, Refused
from trace.models.applications import (
    Application,
    ApplicationEvidence,
    ApplicationFile,
    ApplicationSource,
)
from trace.models.areas import GrowingArea, ProductionSite
from trace.models.titles import Product
from trace.services import applications, editing, history, places
from trace.services.application_needs import Section
from trace.services.applications import WITH_APPLICANT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from trace.models.files import StoredFile
    from trace.services.reach import Reach

MOST_FILES = 40
FIELDS: dict[Section, frozenset[str]] = {
    Section.APPLICANT: frozenset({"representative", "id_number", "tax_code", "phone", "address"}),
    Section.PRODUCT: frozenset({"product_id", "sign_use"}),
    Section.SOURCES: frozenset({"yearly_kg", "process"}),
}


class NotInYourHands(Conflict):
    """This application was handed in, so it cannot be changed any more.

    Wait until the managing body asks for a supplement, or withdraw the application.
    """


class NotOfThisTitle(Invalid):
    """An area, site or product that was chosen does not belong to this applicant and title.

    Load the page again and choose from the list.
    """


class CommitmentUnsigned(Invalid):
    """The commitment counts only with a name and the box ticked.

    Write the name of the person who signs, and tick the box.
    """


class TooManyFiles(Invalid):
    """An application holds at most %(most)s files.

    Remove one that is not needed, or put several pages into one PDF.
    """


def save(
    session: Session,
    application_id: UUID,
    section: Section,
    values: Mapping[str, object],
    *,
    revision: int,
    by: UUID,
    at: datetime,
    reach: Reach,
) -> Application:
    """Save one page of text. Raises `EditedMeanwhile` if somebody saved since the page was drawn."""
    if set(values) - FIELDS[section]:
        raise ValueError(sorted(set(values) - FIELDS[section]))
    application = _locked(session, application_id, revision=revision, reach=reach)
    product_id = values.get("product_id")
    if product_id is not None:
        product = session.scalars(select(Product).where(Product.id == product_id)).one_or_none()
        if product is None or product.title_id != application.title_id:
            raise Refused([NotOfThisTitle()])
    editing.change(session, application, "application:save", values, by=by, at=at)
    return application


def save_sources(
    session: Session,
    application_id: UUID,
    *,
    area_ids: Sequence[UUID],
    site_ids: Sequence[UUID],
    yearly_kg: int | None,
    process: str | None,
    revision: int,
    by: UUID,
    at: datetime,
    reach: Reach,
) -> Application:
    """Save which areas and sites the application is for, with the volume of a year and how the goods are made."""
    application = _locked(session, application_id, revision=revision, reach=reach)
    offered = sources(session, application)
    named = {source.id: source.name for source in offered}
    areas = {source.id for source in offered if isinstance(source, GrowingArea)}
    if not set(area_ids) <= areas or not set(site_ids) <= set(named) - areas:
        raise Refused([NotOfThisTitle()])
    kept = {each.area_id or each.site_id: each for each in application.sources}
    wanted = [*dict.fromkeys(area_ids), *dict.fromkeys(site_ids)]
    shown: dict[str, tuple[object, object]] = {}
    if set(kept) != set(wanted):
        before = ", ".join(sorted(named.get(each, "–") for each in kept if each)) or None
        shown["sources"] = (before, ", ".join(sorted(named[each] for each in wanted)) or None)
        for source_id, row in kept.items():
            if source_id not in wanted:
                application.sources.remove(row)
                session.delete(row)
        for source_id in wanted:
            if source_id not in kept:
                where = {"area_id" if source_id in areas else "site_id": source_id}
                application.sources.append(ApplicationSource(**where))
    editing.change(
        session,
        application,
        "application:save",
        {"yearly_kg": yearly_kg, "process": process},
        by=by,
        at=at,
        shown=shown,
    )
    return application


def add_file(
    session: Session,
    application_id: UUID,
    stored: StoredFile,
    kind: ApplicationEvidence,
    *,
    by: UUID,
    at: datetime,
    reach: Reach,
) -> ApplicationFile:
    """Add a file that shows something. Adding changes nothing that others wrote, so it needs no revision."""
    application = _locked(session, application_id, revision=None, reach=reach)
    if sum(file.struck_at is None for file in application.files) >= MOST_FILES:
        raise Refused([TooManyFiles(most=MOST_FILES)])
    added = ApplicationFile(file_id=stored.id, kind=kind)
    application.files.append(added)
    history.record(
        session, "application:add_file", application.id, by=by, at=at, changes={"file": (None, stored.name), "kind": (None, kind)}
    )  # fmt: skip
    session.flush()
    return added


def strike_file(
    session: Session, application_id: UUID, file_id: UUID, *, by: UUID, at: datetime, reach: Reach
) -> Application:
    """Take a file out of the application. It is kept, struck out: what was handed in once stays on record."""
    application = _locked(session, application_id, revision=None, reach=reach)
    found = next((each for each in application.files if each.file_id == file_id), None)
    if found is None or found.kind is ApplicationEvidence.EVALUATION:
        raise NotFound
    if found.struck_at is None:
        found.struck_at = at
        history.record(
            session, "application:strike_file", application.id, by=by, at=at, changes={"file": (found.file.name, None)}
        )  # fmt: skip
        session.flush()
    return application


def commit(
    session: Session,
    application_id: UUID,
    *,
    name: str,
    agreed: bool,
    revision: int,
    by: UUID,
    at: datetime,
    reach: Reach,
) -> Application:
    """Sign the commitment to keep the regulation, by name and for the regulation in force."""
    application = _locked(session, application_id, revision=revision, reach=reach)
    if not agreed or not name.strip():
        raise Refused([CommitmentUnsigned()])
    regulation = applications.regulation(session, application.title_id, on=at.astimezone(CITY).date())
    editing.change(
        session, application, "application:commit", {"committed_name": name.strip(), "committed_at": at}, by=by, at=at,
        shown={"regulation": (None, regulation.version)} if regulation else None,
    )  # fmt: skip
    return application


def sources(session: Session, application: Application) -> list[GrowingArea | ProductionSite]:
    """The areas and sites of the applicant that the title covers, by name."""
    found: list[GrowingArea | ProductionSite] = []
    for model in (GrowingArea, ProductionSite):
        statement = (
            select(model)
            .where(model.holder_id == application.applicant_id, model.title_id == application.title_id)
            .order_by(places.in_order(model.name), model.id)
        )
        found += session.scalars(statement)
    return found


def _locked(session: Session, application_id: UUID, *, revision: int | None, reach: Reach) -> Application:
    """An application that is still in the applicant's hands, locked. Only the applicant's own people write in it."""
    statement = select(Application).where(Application.id == application_id, reach.covers(Application.applicant_id))
    if revision is None:
        found = session.scalars(
            statement.with_for_update(key_share=True, of=Application).execution_options(populate_existing=True)
        ).one_or_none()
        if found is None:
            raise NotFound
    else:
        found = editing.locked(session, statement, revision=revision)
    if found.state not in WITH_APPLICANT:
        raise NotInYourHands
    return found
