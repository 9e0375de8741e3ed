"""Is it alive, can it answer: for supervisors and load balancers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, jsonify
from sqlalchemy import text

from trace.access import needs
from trace.db import session
from trace.errors import Unavailable

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

bp = Blueprint("health", __name__)


@bp.get("/healthz")
@needs(None)
def alive() -> ResponseReturnValue:
    """The process answers."""
    return jsonify(status="ok")


@bp.get("/readyz")
@needs(None)
def ready() -> ResponseReturnValue:
    """The database answers too, and its schema is there."""
    revision = session().scalar(text("SELECT version_num FROM alembic_version"))
    if revision is None:
        raise Unavailable
    return jsonify(status="ok", schema=revision)
