"""Is it alive, can it answer: for supervisors and load balancers."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import text

from trace.access import needs
from trace.db import session

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
    return jsonify(status="ok", schema=revision)
