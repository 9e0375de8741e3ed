"""Pages of the case desk. They stand above the guard, so that the rules beside them know nothing of HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

# Importing a module puts its routes on its blueprint; `case_list` and `signals` share those of `cases` and `queue`.
from enforcement.views import case_list, cases, informants, observations, queue, signals

if TYPE_CHECKING:
    from flask import Blueprint

MODULES = (cases, case_list, informants, observations, queue, signals)


def blueprints() -> list[tuple[Blueprint, bool]]:
    """Every blueprint once, and whether its forms are anonymous. None here is."""
    return [(bp, False) for bp in dict.fromkeys(module.bp for module in MODULES)]
