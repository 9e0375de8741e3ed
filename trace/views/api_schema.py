"""What the programming interface gives: one Struct an answer. Names and meanings are a promise; a field may be added, none changes.

Moments are ISO 8601 with their zone, days are ISO 8601 days, weights grams. What must not live here: personal data, boundaries of plots.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import msgspec

from trace.models.areas import AreaCodeStatus, SiteKind
from trace.models.certificates import CertificateStatus
from trace.models.labels import LabelState
from trace.models.parties import PartyKind
from trace.models.scans import VerdictKind
from trace.models.titles import SourceKind, TitleKind, TitleRoleKind
from trace.services.certificates import Standing

Meta = msgspec.Meta


class Problem(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A refusal or fault, as RFC 9457 has it. `type` is stable; there is a page behind it."""

    type: str
    title: str
    status: int
    detail: str | None = None
    errors: list[Reason] = []
    kind: Annotated[VerdictKind, Meta(description="Of a label that has no verdict of its own.")] | None = None


class Reason(msgspec.Struct, kw_only=True):
    """One of several reasons, and the way out of it."""

    message: str
    way_out: str | None = None


class Wording(msgspec.Struct, kw_only=True):
    """The verdict in words, as the page for people says it."""

    vi: str
    en: str


class Point(msgspec.Struct, kw_only=True):
    """A thing to compare on the goods in hand."""

    text_vi: str
    text_en: str
    hard_to_copy: bool


class Verdict(msgspec.Struct, kw_only=True):
    """What the register says of one label. It judges the label, never the goods.

    `kind` is the gravest finding, `also` names lesser ones. `checks` counts real looks of all time; `recent_checks`, `devices` and
    `provinces` those of the last `days` days.
    """

    kind: VerdictKind
    also: list[VerdictKind]
    code: Annotated[str, Meta(description="The code as it is printed, without hyphens.")]
    checked_at: datetime
    checks: int
    recent_checks: int
    days: int
    devices: int
    provinces: int
    first_check: datetime | None
    recorded: Annotated[
        bool, Meta(description="False when this question could not be counted; the rest holds all the same.")
    ]
    shared: Annotated[bool, Meta(description="Whether the code is of a whole lot and not of one label.")]
    packs: Annotated[int, Meta(description="How many packs share a lot code.")] | None
    hidden_code: Annotated[bool, Meta(description="Whether the label carries six digits under a scratch layer.")]
    opened_at: datetime | None
    voided_on: date | None
    product_id: UUID | None
    product_name: str | None
    product_name_en: str | None
    pack_weight_g: int | None
    gtin: str | None
    holder_name: str | None
    holder_address: Annotated[str, Meta(description="Of a household or person only the commune.")] | None
    title_id: UUID | None
    title_name: str | None
    title_kind: TitleKind | None
    area_name: Annotated[str, Meta(description="The growing area or site and its commune; never the plot.")] | None
    area_code: str | None
    checked_on: (
        Annotated[date, Meta(description="When somebody else than the holder last controlled the place.")] | None
    )
    lot_code: str | None
    harvested_on: date | None
    packed_on: date | None
    expires_on: date | None
    recall_reason: str | None
    certificate_id: UUID | None
    certificate_number: str | None
    certificate_status: CertificateStatus | None
    certificate_valid_until: date | None
    suspended_on: date | None
    packed_before_suspension: bool | None
    is_sample: Annotated[bool, Meta(description="Whether this is sample data and no real registration.")]
    compare: list[Point]
    text: Wording | None = None


class Party(msgspec.Struct, kw_only=True):
    """An organisation in a role."""

    role: TitleRoleKind
    name: str


class TitleLine(msgspec.Struct, kw_only=True):
    """A title in the list."""

    id: UUID
    kind: TitleKind
    name: str
    title_number: str | None
    granted_on: date | None
    expires_on: Annotated[date, Meta(description="The end of the term; a geographical indication has none.")] | None
    is_sample: bool


class ProductLine(msgspec.Struct, kw_only=True):
    """A product in a list."""

    id: UUID
    name: str
    name_en: str
    gtin: str | None


class Title(TitleLine, kw_only=True):
    """A geographical indication, collective mark or certification mark."""

    application_number: str | None
    filed_on: date | None
    nice_classes: list[int]
    goods_in_words: str | None
    characteristics: str | None
    area_in_words: str | None
    communes: list[str]
    parties: list[Party]
    products: list[ProductLine]


class Links(msgspec.Struct, kw_only=True):
    """Addresses of neighbouring pages on this host; null where there is none."""

    self: str
    first: str | None
    prev: str | None
    next: str | None
    last: str | None


class Page(msgspec.Struct, kw_only=True):
    """What every page of a list says of itself."""

    total: int
    page: int
    pages: int
    links: Links


class TitlePage(Page, kw_only=True):
    """Titles, by name."""

    items: list[TitleLine]


class User(msgspec.Struct, kw_only=True):
    """Somebody whose certificate of use ran on the day, with how it stood at the end of it."""

    holder_name: str
    holder_kind: PartyKind
    certificate_id: UUID
    certificate_number: str
    status: CertificateStatus
    valid_from: date
    valid_until: date
    products: list[str]
    is_sample: bool


class UserPage(Page, kw_only=True):
    """Users of a title on a day, by name."""

    as_of: date
    items: list[User]


class AreaCode(msgspec.Struct, kw_only=True):
    """A growing-area code for one market."""

    code: str
    market: str
    status: AreaCodeStatus


class Area(msgspec.Struct, kw_only=True):
    """A growing area, or a production site with its kind. Where exactly it lies is not public."""

    name: str
    commune: str
    site_kind: SiteKind | None
    codes: list[AreaCode]


class AreaPage(Page, kw_only=True):
    """Growing areas and sites of a title, by name."""

    items: list[Area]


class StatusChange(msgspec.Struct, kw_only=True):
    """A decision about a certificate. `ground` is that of the use regulation, in its words."""

    at: datetime
    status: CertificateStatus
    document_number: str | None
    ground: str | None


class Certificate(msgspec.Struct, kw_only=True):
    """The right of one holder to use one title's sign. `standing` also knows expiry, which no decision makes."""

    id: UUID
    number: str
    standing: Standing
    status: CertificateStatus
    status_since: datetime
    valid_from: date
    valid_until: date
    holder_name: str
    holder_kind: PartyKind
    title_id: UUID
    title_name: str
    title_kind: TitleKind
    issuer: str | None
    products: list[str]
    areas: Annotated[list[str], Meta(description="Areas and sites by name and commune.")]
    changes: list[StatusChange]
    later_number: Annotated[str, Meta(description="The certificate that carries it on.")] | None
    is_sample: bool


class Season(msgspec.Struct, kw_only=True):
    """A season of a product, both days included."""

    name: str
    first_day: date
    last_day: date | None


class Product(ProductLine, kw_only=True):
    """Goods that carry a title's sign."""

    description: str
    source_kind: SourceKind
    title_id: UUID
    title_name: str
    compare: list[Point]
    seasons: list[Season]


class VoidedRange(msgspec.Struct, kw_only=True):
    """Labels that must not be on goods for sale, both ends included; each code begins with the six signs of its number."""

    first_serial: int
    last_serial: int
    first_signs: str
    last_signs: str
    state: LabelState
    since: datetime
    product_id: UUID
    product_name: str


class VoidedPage(Page, kw_only=True):
    """Ranges of labels out of use, the latest first."""

    items: list[VoidedRange]


class Webhook(msgspec.Struct, kw_only=True):
    """A webhook made with this key."""

    id: UUID
    url: str
    kinds: list[str]
    created_at: datetime
    failures: Annotated[int, Meta(description="Tries in a row that came to nothing.")]
    last_success_at: datetime | None
    disabled_at: datetime | None


class NewWebhook(Webhook, kw_only=True):
    """A webhook just made. `secret` is shown this once; null when the same request came before."""

    secret: str | None


class WebhookList(msgspec.Struct, kw_only=True):
    """The webhooks made with this key."""

    items: list[Webhook]
