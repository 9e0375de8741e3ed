"""Values of a program as a table of the database, so that one statement asks for each of them.

What must not live here: what is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, func, literal
from sqlalchemy.dialects.postgresql import ARRAY

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import TableValuedAlias


def listed(*columns: tuple[str, Any, Collection[Any]]) -> TableValuedAlias:
    """A table of columns, each given by name, type and values; the first row is of the first values."""
    return (
        func.unnest(*(literal(list(values), ARRAY(kind)) for _, kind, values in columns))
        .table_valued(*(Column(name, kind) for name, kind, _ in columns))
        .render_derived()
    )
