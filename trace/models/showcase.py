"""What the public is shown of a product beyond its catalogue text: versions of its electronic label, pairs of genuine and suspect goods.

What must not live here: points of comparison (`titles`), which belong to the verdict.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trace.models.base import Base, Revised, uuid_pk
from trace.models.files import StoredFile
from trace.models.parties import AppUser
from trace.models.titles import Product


class ProductLabelVersion(Base):
    """A version of what the label of a product says, in force from a day until the next one. Append-only by trigger.

    `fields` holds what `trace.services.label_versions.FIELDS` names; texts in both languages. A correction is a further version.
    """

    __tablename__ = "product_label_version"
    __table_args__ = (
        CheckConstraint("version > 0", name="version_positive"),
        CheckConstraint("length(btrim(reason)) > 0", name="reason_present"),
        CheckConstraint(
            "fields ?& ARRAY['name_vi', 'responsible', 'address', 'origin_vi']", name="mandatory_fields_present"
        ),
        UniqueConstraint("product_id", "version"),
        Index(None, "product_id", "valid_from"),
    )

    id: Mapped[uuid_pk]
    product_id: Mapped[UUID] = mapped_column(ForeignKey("product.id"))
    version: Mapped[int]
    valid_from: Mapped[date]
    fields: Mapped[dict[str, Any]]
    file_id: Mapped[UUID | None] = mapped_column(ForeignKey("stored_file.id"))
    """A document that goes with it, as a PDF or a picture."""
    reason: Mapped[str]
    """What is new or why; it is public."""
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))

    product: Mapped[Product] = relationship()
    file: Mapped[StoredFile | None] = relationship()
    author: Mapped[AppUser] = relationship()


class PairFinding(StrEnum):
    """What the other side of a pair is: suspected, or found to be counterfeit by a document that is named."""

    SUSPECT = "suspect"
    COUNTERFEIT = "counterfeit"


class PairState(StrEnum):
    """A pair is drafted by one person, published by another, and withdrawn when it would mislead."""

    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class ComparisonPair(Revised, Base):
    """Two pictures of the same thing from the same angle, genuine and not, with the differences circled.

    `differences` is a list of `{"side", "x", "y", "r", "vi", "en", "covert"}`: side is "genuine", "suspect" or "both", x, y and the radius r
    are percent of the picture's width (y: of its height). A covert feature must never be published: whoever copies would learn it.
    """

    __tablename__ = "comparison_pair"
    __table_args__ = (
        CheckConstraint(
            "finding <> 'counterfeit' OR (document IS NOT NULL AND length(btrim(document)) > 0)",
            name="counterfeit_has_document",
        ),
        CheckConstraint("published_by <> drafted_by", name="published_by_another"),
        CheckConstraint("state <> 'published' OR published_at IS NOT NULL", name="published_has_time"),
        CheckConstraint("(published_at IS NULL) = (published_by IS NULL)", name="publisher_iff_published"),
        CheckConstraint("(state = 'withdrawn') = (withdrawn_at IS NOT NULL)", name="withdrawn_has_time"),
        CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name="withdrawer_iff_withdrawn"),
        CheckConstraint("(withdrawn_at IS NULL) = (withdrawal_reason IS NULL)", name="reason_iff_withdrawn"),
        CheckConstraint(
            "state <> 'published' OR NOT jsonb_path_exists(differences, '$[*] ? (@.covert == true)')",
            name="nothing_covert_published",
        ),
        CheckConstraint("state <> 'published' OR jsonb_array_length(differences) > 0", name="marked_when_published"),
        CheckConstraint("jsonb_typeof(differences) = 'array'", name="differences_are_a_list"),
        CheckConstraint("least(genuine_w, genuine_h, suspect_w, suspect_h) > 0", name="sizes_positive"),
        Index(None, "product_id", "state"),
    )

    id: Mapped[uuid_pk]
    product_id: Mapped[UUID] = mapped_column(ForeignKey("product.id"))
    angle_vi: Mapped[str]
    angle_en: Mapped[str]
    genuine_file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_file.id"))
    suspect_file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_file.id"))
    genuine_w: Mapped[int]
    genuine_h: Mapped[int]
    suspect_w: Mapped[int]
    suspect_h: Mapped[int]
    found_on: Mapped[date]
    finding: Mapped[PairFinding]
    source_vi: Mapped[str]
    source_en: Mapped[str]
    document: Mapped[str | None]
    """The decision or expert conclusion by which the goods were found counterfeit."""
    differences: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'"))
    state: Mapped[PairState] = mapped_column(server_default="draft")
    drafted_at: Mapped[datetime]
    drafted_by: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    published_at: Mapped[datetime | None]
    published_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[UUID | None] = mapped_column(ForeignKey("app_user.id"))
    withdrawal_reason: Mapped[str | None]

    product: Mapped[Product] = relationship()
    genuine: Mapped[StoredFile] = relationship(foreign_keys=[genuine_file_id])
    suspect: Mapped[StoredFile] = relationship(foreign_keys=[suspect_file_id])
    drafter: Mapped[AppUser] = relationship(foreign_keys=[drafted_by])
    publisher: Mapped[AppUser | None] = relationship(foreign_keys=[published_by])
