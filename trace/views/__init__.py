"""Pages of the registry: one blueprint per noun. A view parses, makes one call, commits, answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trace.views import (
    accounts,
    application_form,
    area_details,
    area_forms,
    area_imports,
    area_maps,
    areas,
    certificate_status,
    certificates,
    control_plans,
    control_reports,
    controls,
    drawing,
    exports,
    farm_log,
    files,
    gallery,
    health,
    lab_samples,
    layouts,
    lot_changes,
    lots,
    members,
    orders,
    places,
    report,
    sites,
    suspensions,
    tables,
    titles,
    verify,
    visits,
)

if TYPE_CHECKING:
    from flask import Blueprint


def blueprints() -> list[tuple[Blueprint, bool]]:
    """Every blueprint, and whether its forms are anonymous (and so need no token against forged requests)."""
    signed_in = [
        accounts,
        application_form,  # the pages of the form and of the queue share a blueprint
        area_details,
        area_forms,
        area_imports,
        area_maps,
        areas,
        certificates,
        control_plans,
        control_reports,
        controls,
        drawing,
        exports,
        farm_log,
        files,
        gallery,
        health,
        lab_samples,
        layouts,
        lot_changes,
        lots,
        members,
        orders,
        places,
        sites,
        suspensions,
        tables,
        titles,
        visits,
    ]
    return [(module.bp, False) for module in signed_in] + [
        (verify.bp, True),
        (report.bp, True),
        (certificate_status.bp, True),
    ]
