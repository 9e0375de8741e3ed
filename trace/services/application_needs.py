"""What an application needs before it can be handed in: one refusal for each thing, with the page on which it is mended.

What must not live here: saving (`application_sections`) and handing in (`application_moves`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from trace.errors import Invalid, TemThatError
from trace.models.applications import Application, ApplicationEvidence
from trace.models.areas import AreaCodeStatus
from trace.services import applications, titles

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
        *((True, CodeMissing(area=name)) for name in _uncoded(session, a, on)),
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


def _uncoded(session: Session, application: Application, on: date) -> list[str]:
    """The areas that lack the code which the regulation in force asks for."""
    regulates = applications.regulation(session, application.title_id, on=on)
    if regulates is None or not regulates.requires_area_code:
        return []
    return [
        source.area.name
        for source in application.sources
        if source.area is not None
        and not any(code.status is AreaCodeStatus.ACTIVE and on in code.valid_during for code in source.area.codes)
    ]
