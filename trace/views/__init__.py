"""Pages of the registry: one blueprint per noun. A view parses, makes one call, commits, answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trace.views import (
    accounts,
    areas,
    certificates,
    controls,
    drawing,
    files,
    gallery,
    health,
    layouts,
    lots,
    orders,
    places,
    report,
    titles,
    verify,
)

if TYPE_CHECKING:
    from flask import Blueprint


def blueprints() -> list[tuple[Blueprint, bool]]:
    """Every blueprint, and whether its forms are anonymous (and so need no token against forged requests)."""
    signed_in = [
        accounts,
        areas,
        certificates,
        controls,
        drawing,
        files,
        gallery,
        health,
        layouts,
        lots,
        orders,
        places,
        titles,
    ]
    return [(module.bp, False) for module in signed_in] + [(verify.bp, True), (report.bp, True)]
