"""Pages of the case desk. They stand above the guard, so that the rules beside them know nothing of HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from enforcement.views import cases, informants, observations, queue

if TYPE_CHECKING:
    from flask import Blueprint


def blueprints() -> list[tuple[Blueprint, bool]]:
    """Every blueprint, and whether its forms are anonymous. None here is."""
    return [(module.bp, False) for module in (cases, informants, observations, queue)]
