"""What an application needs before it can be handed in: one refusal for each thing, with the page on which it is mended; and what may have
changed by the day on which it is granted.

What must not live here: saving (`application_sections`) and handing in (`application_moves`).
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import select

from trace.errors import Conflict, Invalid, TemThatError
from trace.models.applications import Application, ApplicationEvidence
from trace.models.areas import AreaCodeStatus, GrowingArea, GrowingAreaCode, SiteStatus
from trace.services import applications, source_locks, titles

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.orm import Session


class Section(StrEnum):
    """The pages of the form, in their order."""

    APPLICANT = "applicant"
    PRODUCT = "product"
    SOURCES = "sources"
    EVIDENCE = "evidence"
    COMMITMENT = "commitment"


class Missing(Invalid):
    """Something that the application needs is missing."""

    section: Section = Section.APPLICANT


class RepresentativeMissing(Missing):
    """The name of the person who signs for the applicant is missing.

    Write it under the applicant's data.
    """


class IdentityMissing(Missing):
    """Neither a tax code nor a personal ID number of the applicant is given.

    Write one of them under the applicant's data.
    """


class PhoneMissing(Missing):
    """The applicant's telephone number is missing.

    Write it under the applicant's data.
    """


class AddressMissing(Missing):
    """The applicant's address is missing.

    Write it under the applicant's data.
    """


class ProductMissing(Missing):
    """The product is missing.

    Choose it under product and sign.
    """

    section = Section.PRODUCT


class SignUseMissing(Missing):
    """It is not said how the sign will be used.

    Write it under product and sign.
    """

    section = Section.PRODUCT


class SourcesMissing(Missing):
    """No growing area and no production site is chosen.

    Choose at least one; if none is offered, have it entered into the register first.
    """

    section = Section.SOURCES


class YearlyMissing(Missing):
    """The expected volume of a year is missing.

    Write it under areas and capacity.
    """

    section = Section.SOURCES


class CodeMissing(Missing):
    """The use regulation asks for a growing-area code in force, and %(area)s has none.

    Have the code entered at the growing area, or leave the area out.
    """

    section = Section.SOURCES


class SiteShut(Missing):
    """The production site %(site)s is closed.

    If it still produces, have it set to working on its page; otherwise leave it out.
    """

    section = Section.SOURCES


class CodeNotStanding(Conflict):
    """The use regulation asks for a growing-area code in force, and %(area)s has none today: %(state)s.

    Wait until the code stands again, or ask for a supplement so that the applicant leaves this area out.
    """


class SiteClosedMeanwhile(Conflict):
    """The production site %(site)s is closed today.

    Have it set to working if it still produces, or ask for a supplement so that the applicant leaves it out.
    """


class SourceOfOther(Conflict):
    """%(source)s no longer belongs to this applicant under this title.

    Ask for a supplement, so that the applicant leaves it out or chooses another.
    """


class NoSourceLeft(Conflict):
    """The application names no growing area and no production site any more.

    Ask for a supplement, so that the applicant chooses at least one.
    """


class IdentityPaperMissing(Missing):
    """There is no copy of the identity paper or the registration of the organisation.

    Add a photo or PDF under evidence.
    """

    section = Section.EVIDENCE


class ProductionEvidenceMissing(Missing):
    """There is nothing that shows the production: land paper, farm log, contract, photo of the site.

    Add a photo or PDF under evidence.
    """

    section = Section.EVIDENCE


class CommitmentMissing(Missing):
    """The commitment to keep the use regulation is not given.

    Read it and sign it with your name.
    """

    section = Section.COMMITMENT


def missing(session: Session, application: Application, *, on: date) -> list[Missing]:
    """All that still stands between a draft and handing it in, in the order of the pages."""
    a = application
    kinds = {file.kind for file in a.files if file.struck_at is None}
    found: list[tuple[bool, Missing]] = [
        (not a.representative, RepresentativeMissing()), (not a.tax_code and not a.id_number, IdentityMissing()),
        (not a.phone, PhoneMissing()), (not a.address, AddressMissing()), (a.product_id is None, ProductMissing()),
        (not a.sign_use, SignUseMissing()), (not a.sources, SourcesMissing()), (a.yearly_kg is None, YearlyMissing()),
        *((True, CodeMissing(area=area.name)) for area in _uncoded(session, a, on)),
        *((True, SiteShut(site=each.site.name)) for each in a.sources if each.site and each.site.status is SiteStatus.CLOSED),
        (ApplicationEvidence.IDENTITY not in kinds, IdentityPaperMissing()),
        (ApplicationEvidence.PRODUCTION not in kinds, ProductionEvidenceMissing()),
        (a.committed_at is None, CommitmentMissing()),
    ]  # fmt: skip
    return [fault for missed, fault in found if missed]


def obstacles(session: Session, application: Application, *, on: date) -> list[TemThatError]:
    """What forbids the sign to this applicant whatever it writes."""
    try:
        titles.check_may_hold(session, application.title, application.applicant_id, on=on)
    except titles.OwnerCannotHold as refusal:
        return [refusal]
    return []


def no_longer(session: Session, application: Application, *, on: date, hold: bool) -> list[TemThatError]:
    """What has changed with the areas and sites since the evaluation so that they cannot be granted on a day.

    `hold`: keep them as they are until the commit.
    """
    if hold:
        source_locks.shared(
            session, area_ids=[each.area_id for each in application.sources if each.area_id],
            site_ids=[each.site_id for each in application.sources if each.site_id],
        )  # fmt: skip
    reasons: list[TemThatError] = [] if application.sources else [NoSourceLeft()]
    for each in application.sources:
        source = each.area or each.site
        if source is None:
            continue
        if (source.holder_id, source.title_id) != (application.applicant_id, application.title_id):
            reasons.append(SourceOfOther(source=source.name))
        if each.site is not None and each.site.status is SiteStatus.CLOSED:
            reasons.append(SiteClosedMeanwhile(site=each.site.name))
    for area in _uncoded(session, application, on):
        session.expire(area, ["codes"])
        last = max(area.codes, key=lambda code: (on in code.valid_during, code.valid_during.lower or on), default=None)
        reasons.append(CodeNotStanding(area=area.name, state=_standing(last, on)))
    return reasons


def _standing(code: GrowingAreaCode | None, on: date) -> object:
    """How a code stands that does not count: its status, or its last day if it ran out. None: there is none."""
    if code is None:
        return "–"
    end = code.valid_during.upper
    return end - timedelta(days=1) if end is not None and end <= on else code.status


def _uncoded(session: Session, application: Application, on: date) -> list[GrowingArea]:
    """The areas that lack the code which the regulation in force asks for."""
    regulates = applications.regulation(session, application.title_id, on=on)
    if regulates is None or not regulates.requires_area_code:
        return []
    stands = select(GrowingAreaCode.area_id).where(
        GrowingAreaCode.status == AreaCodeStatus.ACTIVE, GrowingAreaCode.valid_during.contains(on),
        GrowingAreaCode.area_id.in_([each.area_id for each in application.sources if each.area_id]),
    )  # fmt: skip
    coded = set(session.scalars(stands))
    return [each.area for each in application.sources if each.area is not None and each.area_id not in coded]
