"""The programming interface: the public registers, to read. What must not live here: anything that only staff may know."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from flask_babel import lazy_gettext as _l

from trace import clock
from trace.clock import CITY
from trace.db import session
from trace.models.api import ApiScope
from trace.models.titles import TitleKind  # noqa: TC001  msgspec reads the annotations
from trace.services import public_certificates, public_products, public_titles, public_voids
from trace.services.folding import fold
from trace.views.api_core import Listed, Paged, operation
from trace.views.api_schema import (
    Area,
    AreaCode,
    AreaPage,
    Certificate,
    Party,
    Point,
    Product,
    ProductLine,
    Season,
    StatusChange,
    Title,
    TitleLine,
    TitlePage,
    User,
    UserPage,
    VoidedPage,
    VoidedRange,
)

if TYPE_CHECKING:
    from uuid import UUID

    from trace.models.titles import ProtectionTitle

TAG = "register"
READ = ApiScope.REGISTER_READ
FIRST, LAST = date(1900, 1, 1), date(2199, 12, 31)

Search = Annotated[str, msgspec.Meta(max_length=100, description="Part of a name or number, with or without marks.")]
ID: dict[str, Any] = {"type": "string", "format": "uuid"}
SOME = "00000000-0000-4000-8000-000000000000"


class TitlesAsked(Paged, frozen=True, kw_only=True):
    """Which titles."""

    q: Search = ""
    kind: TitleKind | msgspec.UnsetType = msgspec.UNSET


class UsersAsked(Paged, frozen=True, kw_only=True):
    """Which users, and of which day."""

    q: Search = ""
    as_of: (
        Annotated[date, msgspec.Meta(description="The day, from 1900 to 2199; today if it is left out.")]
        | msgspec.UnsetType
    ) = msgspec.UNSET


class AreasAsked(Paged, frozen=True, kw_only=True):
    """Which areas."""

    q: Search = ""


@operation(
    "GET", "/titles", summary=_l("Titles of the city"), tag=TAG, answer=TitlePage, scope=READ, query=TitlesAsked, csv_row=TitleLine,
    about=_l("Geographical indications, collective marks and certification marks, by name."),
)  # fmt: skip
def titles(*, query: TitlesAsked) -> Listed:
    """The public titles."""
    wanted = fold(query.q)
    found = [
        line.title
        for line in public_titles.listing(session(), on=_today())
        if (not query.kind or line.title.kind is query.kind)
        and wanted in fold(f"{line.title.name} {line.title.title_number or ''}")
    ]
    start = (query.page - 1) * query.size
    return Listed([TitleLine(**_line(each)) for each in found[start : start + query.size]], len(found), query)


@operation(
    "GET", "/titles/<uuid:title_id>", summary=_l("One title"), tag=TAG, answer=Title, scope=READ, problems=(404,),
    hints={"title_id": (ID, SOME)},
)  # fmt: skip
def title(title_id: UUID) -> Title:
    """One public title."""
    found = public_titles.page(session(), public_titles.find(session(), str(title_id)), on=_today())
    record = found.title
    return Title(
        **_line(record), application_number=record.application_number, filed_on=record.filed_on, nice_classes=list(record.nice_classes),
        goods_in_words=record.goods_in_words, characteristics=record.characteristics, area_in_words=record.area_in_words,
        communes=list(found.communes),
        parties=[Party(role=role, name=each.name) for role, held in found.line.parties.items() for each in held],
        products=[ProductLine(id=p.id, name=p.name, name_en=p.name_en, gtin=p.gtin) for p in found.line.products],
    )  # fmt: skip


@operation(
    "GET", "/titles/<uuid:title_id>/users", summary=_l("Who may use a sign on a day"), tag=TAG, answer=UserPage, scope=READ,
    query=UsersAsked, csv_row=User, problems=(404,), hints={"title_id": (ID, SOME)},
    about=_l("Everybody whose certificate ran on the day, with how it stood at its end, as the decisions say."),
)  # fmt: skip
def title_users(title_id: UUID, *, query: UsersAsked) -> Listed:
    """Who was authorised on a day."""
    day = min(max(query.as_of, FIRST), LAST) if isinstance(query.as_of, date) else _today()
    record = public_titles.find(session(), str(title_id))
    found, total = public_titles.users(session(), record.id, on=day, q=query.q, page=query.page, size=query.size)
    items = [
        User(
            holder_name=each.certificate.holder.name, holder_kind=each.certificate.holder.kind, certificate_id=each.certificate.id,
            certificate_number=each.certificate.number, status=each.stood, products=list(each.products), is_sample=each.certificate.is_sample,
            **_validity(each.certificate.valid_during),
        )
        for each in found
    ]  # fmt: skip
    return Listed(items, total, query, {"as_of": day})


@operation(
    "GET", "/titles/<uuid:title_id>/areas", summary=_l("Growing areas and sites of a title"), tag=TAG, answer=AreaPage, scope=READ,
    query=AreasAsked, csv_row=Area, problems=(404,), hints={"title_id": (ID, SOME)},
    about=_l("By name, commune and codes. Where a plot lies is not public."),
)  # fmt: skip
def title_areas(title_id: UUID, *, query: AreasAsked) -> Listed:
    """The areas and sites of a title."""
    record = public_titles.find(session(), str(title_id))
    found, total = public_titles.sources(session(), record.id, on=_today(), q=query.q, page=query.page, size=query.size)
    items = [
        Area(
            name=each.name, commune=each.commune, site_kind=each.kind,
            codes=[AreaCode(code=c.code, market=c.market, status=c.status) for c in each.codes],
        )
        for each in found
    ]  # fmt: skip
    return Listed(items, total, query)


@operation(
    "GET", "/certificates/<path:number>", summary=_l("One certificate of use"), tag=TAG, answer=Certificate, scope=READ, problems=(404,),
    about=_l("By its number, with its signs and strokes, or by the id in its code."),
    hints={"number": ({"type": "string", "maxLength": 200}, "MẪU-0001")},
)  # fmt: skip
def certificate(number: str) -> Certificate:
    """How a certificate stands."""
    found = public_certificates.find(session(), number, on=_today())
    record = found.certificate
    places = [each.area or each.site for each in record.sources]
    return Certificate(
        id=record.id, number=record.number, standing=found.standing, status=record.status, status_since=record.status_since,
        holder_name=record.holder.name, holder_kind=record.holder.kind, title_id=record.title_id, title_name=record.title.name,
        title_kind=record.title.kind, issuer=found.issuer.name if found.issuer else None, products=list(found.products),
        areas=[f"{each.name}, {each.commune.name}" for each in places if each],
        changes=[
            StatusChange(at=each.at, status=each.becomes, document_number=each.document_number, ground=each.ground)
            for each in found.changes
        ],
        later_number=found.later.number if found.later else None, is_sample=record.is_sample, **_validity(record.valid_during),
    )  # fmt: skip


@operation(
    "GET", "/products/<uuid:product_id>", summary=_l("One product"), tag=TAG, answer=Product, scope=READ, problems=(404,),
    about=_l("What it is, and how to tell it on the goods in hand."), hints={"product_id": (ID, SOME)},
)  # fmt: skip
def product(product_id: UUID) -> Product:
    """One product of a public title."""
    found = public_products.page(session(), public_products.find(session(), str(product_id)), on=_today())
    record = found.product
    return Product(
        id=record.id, name=record.name, name_en=record.name_en, gtin=record.gtin, description=record.description,
        source_kind=record.source_kind, title_id=record.title_id, title_name=record.title.name,
        compare=[
            Point(text_vi=each.point.text_vi, text_en=each.point.text_en, hard_to_copy=each.point.hard_to_copy)
            for each in found.points
        ],
        seasons=[_season(each) for each in found.seasons],
    )  # fmt: skip


@operation(
    "GET", "/voided-ranges", summary=_l("Labels out of use"), tag=TAG, answer=VoidedPage, scope=READ, query=Paged, csv_row=VoidedRange,
    about=_l("Labels that must not be on goods for sale: voided, lost, recalled, spoiled or returned."),
)  # fmt: skip
def voided_ranges(*, query: Paged) -> Listed:
    """The public list of labels out of use."""
    found, total = public_voids.listing(session(), page=query.page, size=query.size)
    items = [
        VoidedRange(
            first_serial=each.first, last_serial=each.last, first_signs=each.signs[0], last_signs=each.signs[1], state=each.state,
            since=each.since, product_id=each.product.id, product_name=each.product.name,
        )
        for each in found
    ]  # fmt: skip
    return Listed(items, total, query)


def _line(record: ProtectionTitle) -> dict[str, Any]:
    return {
        "id": record.id, "kind": record.kind, "name": record.name, "title_number": record.title_number, "granted_on": record.granted_on,
        "expires_on": record.expires_on, "is_sample": record.is_sample,
    }  # fmt: skip


def _validity(period: Any) -> dict[str, date]:
    return {"valid_from": period.lower, "valid_until": period.upper - timedelta(days=1)}


def _season(record: Any) -> Season:
    period = record.runs_during
    return Season(
        name=record.name,
        first_day=period.lower,
        last_day=period.upper - timedelta(days=1) if period.upper else None,
    )


def _today() -> date:
    return clock.now().astimezone(CITY).date()
