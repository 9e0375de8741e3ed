"""The declarative base: column types, naming of constraints, enums as text with a CHECK.

No tables live here.
"""

from __future__ import annotations

import enum
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import BigInteger, Date, DateTime, Enum, Identity, MetaData, Text, func, text
from sqlalchemy.dialects.postgresql import DATERANGE, INT8RANGE, JSONB, Range
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

uuid_pk = Annotated[UUID, mapped_column(primary_key=True, server_default=func.gen_random_uuid())]
bigint_pk = Annotated[int, mapped_column(BigInteger, Identity(always=True), primary_key=True)]
written_at = Annotated[datetime, mapped_column(DateTime(timezone=True))]


def stored(kind: type[enum.Enum], name: str | None = None) -> Enum:
    """An enum as text with a CHECK. A table with two columns of one kind names the CHECK after the column."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        length=40,
        name=name,
        values_callable=lambda members: [m.value for m in members],
    )


class Base(DeclarativeBase):
    """Parent of every table. Text has no length; every moment carries its zone; enums are text with a CHECK."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {
        str: Text,
        datetime: DateTime(timezone=True),
        date: Date,
        dict[str, Any]: JSONB,
        Range[date]: DATERANGE,
        Range[int]: INT8RANGE,
        enum.Enum: stored(enum.Enum),
    }


class Revised:
    """A record that people edit in forms: `revision` grows with every change, so that nobody overwrites what they have not seen."""

    revision: Mapped[int] = mapped_column(server_default=text("1"))
