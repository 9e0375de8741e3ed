"""Protection titles, the parties of each with their dates, the versions of their regulation, and their products."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trace.models.base import Base, Revised, bigint_pk, uuid_pk
from trace.models.files import StoredFile
from trace.models.parties import Party


class TitleKind(StrEnum):
    """The three kinds of sign the city protects."""

    GI = "gi"
    COLLECTIVE_MARK = "collective_mark"
    CERTIFICATION_MARK = "certification_mark"


class ProtectionTitle(Revised, Base):
    """A geographical indication, collective mark or certification mark. A GI does not expire, a mark has a term.

    `nice_classes` are classes of the Nice Agreement (1 to 45). `area` is the union of the communes in `area_commune_codes` as they
    stood when it was drawn; without codes it came from a file.
    """

    __tablename__ = "protection_title"
    __table_args__ = (
        CheckConstraint("kind <> 'gi' OR expires_on IS NULL", name="gi_without_expiry"),
        CheckConstraint("expires_on > granted_on", name="dates_ordered"),
        CheckConstraint("area IS NULL OR ST_IsValid(area)", name="area_valid"),
        CheckConstraint("filed_on <= granted_on", name="filed_before_granted"),
        CheckConstraint("1 <= ALL (nice_classes) AND 45 >= ALL (nice_classes)", name="nice_classes_range"),
        Index(None, "area", postgresql_using="gist"),
    )

    id: Mapped[uuid_pk]
    kind: Mapped[TitleKind]
    name: Mapped[str]
    title_number: Mapped[str | None] = mapped_column(unique=True)
    application_number: Mapped[str | None]
    filed_on: Mapped[date | None]
    granted_on: Mapped[date | None]
    expires_on: Mapped[date | None]
    nice_classes: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default=text("'{}'"))
    goods_in_words: Mapped[str | None]
    characteristics: Mapped[str | None]
    area_in_words: Mapped[str | None]
    area_commune_codes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    area: Mapped[WKBElement | None] = mapped_column(Geometry("MULTIPOLYGON", srid=4326, spatial_index=False))
    is_sample: Mapped[bool] = mapped_column(server_default=text("false"))


class TitleRoleKind(StrEnum):
    """What a party is to a title. The registrant of a GI is not its owner."""

    OWNER = "owner"
    REGISTRANT = "registrant"
    MANAGING_BODY = "managing_body"
    CONTROL_BODY = "control_body"


class TitleRole(Base):
    """A party in a role for a title over a period, by a deciding document. Successors are recorded, never overwritten.

    Nothing of a role is ever changed but its end, once; a trigger keeps it so.
    """

    __tablename__ = "title_role"
    __table_args__ = (
        CheckConstraint("NOT isempty(valid_during)", name="period_not_empty"),
        CheckConstraint("ending_document IS NULL OR NOT upper_inf(valid_during)", name="ending_document_with_end"),
        ExcludeConstraint(
            ("title_id", "="), ("role", "="), ("party_id", "="), ("valid_during", "&&"),
            using="gist", name="ex_title_role_no_overlap",
        ),
        ExcludeConstraint(
            ("title_id", "="), ("role", "="), ("valid_during", "&&"),
            using="gist", where=text("role IN ('owner', 'managing_body')"), name="ex_title_role_one_at_a_time",
        ),
    )  # fmt: skip

    id: Mapped[uuid_pk]
    title_id: Mapped[UUID] = mapped_column(ForeignKey("protection_title.id"), index=True)
    party_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"), index=True)
    role: Mapped[TitleRoleKind]
    valid_during: Mapped[Range[date]]
    deciding_document: Mapped[str]
    ending_document: Mapped[str | None]

    title: Mapped[ProtectionTitle] = relationship()
    party: Mapped[Party] = relationship()


class UseRegulation(Revised, Base):
    """A version of a title's use regulation with the rules that the system applies from it.

    `rules` holds what `trace.services.rules.Rules` names; a regulation without an entry follows the default that stands there.
    """

    __tablename__ = "use_regulation"
    __table_args__ = (
        CheckConstraint("version > 0", name="version_positive"),
        CheckConstraint("cardinality(pack_weights_g) > 0 AND 0 < ALL (pack_weights_g)", name="pack_weights_positive"),
        UniqueConstraint("title_id", "version"),
        ExcludeConstraint(
            ("title_id", "="), ("valid_during", "&&"), using="gist", name="ex_use_regulation_one_in_force",
        ),
    )  # fmt: skip

    id: Mapped[uuid_pk]
    title_id: Mapped[UUID] = mapped_column(ForeignKey("protection_title.id"))
    version: Mapped[int]
    summary: Mapped[str]
    valid_during: Mapped[Range[date]]
    requires_area_code: Mapped[bool]
    pack_weights_g: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    deciding_document: Mapped[str] = mapped_column(server_default="")
    body: Mapped[str] = mapped_column(server_default="")
    file_id: Mapped[UUID | None] = mapped_column(ForeignKey("stored_file.id"))
    rules: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))

    title: Mapped[ProtectionTitle] = relationship()


class SourceKind(StrEnum):
    """Where a product comes from: a growing area, or a production site for what is not a crop."""

    AREA = "area"
    SITE = "site"


class Product(Revised, Base):
    """Goods that carry a title's sign, with the catalogue text that a buyer sees."""

    __tablename__ = "product"
    __table_args__ = (
        CheckConstraint("gtin ~ '^[0-9]{14}$'", name="gtin_fourteen_digits"),
        UniqueConstraint("title_id", "name"),
    )

    id: Mapped[uuid_pk]
    title_id: Mapped[UUID] = mapped_column(ForeignKey("protection_title.id"))
    name: Mapped[str]
    name_en: Mapped[str]
    description: Mapped[str]
    source_kind: Mapped[SourceKind]
    gtin: Mapped[str | None] = mapped_column(unique=True)

    title: Mapped[ProtectionTitle] = relationship()
    comparison_points: Mapped[list[ComparisonPoint]] = relationship(
        primaryjoin="and_(Product.id == ComparisonPoint.product_id, ComparisonPoint.retired_at.is_(None))",
        order_by="ComparisonPoint.position", viewonly=True,
    )  # fmt: skip
    """Those not retired, some of which may be shown later only, or no longer."""


class PointKind(StrEnum):
    """What a buyer looks at."""

    SEAL = "seal"
    HIDDEN_CODE = "hidden_code"
    PRINT = "print"
    PACKAGING = "packaging"
    GOODS = "goods"


class ComparisonPoint(Base):
    """A thing to compare on the goods in hand. Of a product's points three are shown, at least one of them hard to copy.

    One that is retired is shown no more, but stays on record, so that a past answer can be explained.
    """

    __tablename__ = "comparison_point"
    __table_args__ = (
        CheckConstraint("position BETWEEN 1 AND 5", name="position_range"),
        CheckConstraint("length(btrim(text_vi)) > 0 AND length(btrim(text_en)) > 0", name="texts_present"),
        CheckConstraint("length(btrim(text_zh)) > 0", name="text_zh_present"),
        CheckConstraint("length(btrim(text_ja)) > 0", name="text_ja_present"),
        CheckConstraint("kind <> 'hidden_code' OR hard_to_copy", name="hidden_code_is_hard"),
        CheckConstraint("shown_until >= shown_from", name="period_ordered"),
        ExcludeConstraint(
            ("product_id", "="), ("position", "="), using="gist", where=text("retired_at IS NULL"),
            deferrable=True, initially="DEFERRED", name="ex_comparison_point_one_in_place",
        ),
        Index(None, "product_id"),
    )  # fmt: skip

    id: Mapped[bigint_pk]
    product_id: Mapped[UUID] = mapped_column(ForeignKey("product.id"))
    position: Mapped[int]
    kind: Mapped[PointKind] = mapped_column(server_default=text("'goods'"))
    text_vi: Mapped[str]
    text_en: Mapped[str]
    text_zh: Mapped[str | None]
    text_ja: Mapped[str | None]
    hard_to_copy: Mapped[bool] = mapped_column(server_default=text("false"))
    covert: Mapped[bool] = mapped_column(server_default=text("false"))
    """For the owner and officers only: a feature that counterfeiters must not read about."""
    picture_id: Mapped[UUID | None] = mapped_column(ForeignKey("stored_file.id"))
    shown_from: Mapped[date | None]
    shown_until: Mapped[date | None]
    retired_at: Mapped[datetime | None]

    picture: Mapped[StoredFile | None] = relationship()


class Season(Revised, Base):
    """A harvest or production season of a product, over which eligible volume is counted.

    It runs as long as its goods get labels, so that the goods of one season may still be labelled when the next one begins: seasons of a
    product may overlap. Two open ones never begin on the same day, and a trigger keeps each harvest in the season that began last before it.
    """

    __tablename__ = "season"
    __table_args__ = (
        CheckConstraint("NOT isempty(runs_during)", name="period_not_empty"),
        CheckConstraint("yield_cap_kg_per_ha > 0", name="yield_cap_positive"),
        UniqueConstraint("product_id", "name"),
        Index(
            "uq_season_open_start", "product_id", text("lower(runs_during)"), unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
    )  # fmt: skip

    id: Mapped[uuid_pk]
    product_id: Mapped[UUID] = mapped_column(ForeignKey("product.id"))
    name: Mapped[str]
    runs_during: Mapped[Range[date]]
    yield_cap_kg_per_ha: Mapped[int | None]
    closed_at: Mapped[datetime | None]

    product: Mapped[Product] = relationship()
