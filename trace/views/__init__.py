"""Pages of the registry: one blueprint per noun. A view parses, makes one call, commits, answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trace.views import (
    accounts,
    api_core,
    api_document,
    api_keys,
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
    grant_many,
    health,
    hidden_codes,  # noqa: F401  adds to the blueprint of `verify`
    incidents,
    lab_samples,
    layouts,
    lot_changes,
    lot_codes,
    lots,
    mail_addresses,
    members,
    orders,
    pictures,
    places,
    public_titles,
    report,  # noqa: F401  adds to the blueprint of `report_follow`
    report_follow,
    scan_places,
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
        api_document,
        api_keys,
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
        grant_many,  # the queue of applications, their form and this one share a blueprint
        health,
        incidents,
        lab_samples,
        layouts,
        lot_changes,
        lots,
        mail_addresses,
        members,
        orders,
        pictures,
        places,
        sites,
        suspensions,
        tables,
        titles,
        visits,
    ]
    return [(module.bp, False) for module in signed_in] + [
        (verify.bp, True),  # with the digits under the scratch layer of `hidden_codes`
        (lot_codes.bp, True),
        (scan_places.bp, True),
        (api_core.bp, True),
        (report_follow.bp, True),  # the blueprint of `report`, with the pages that follow
        (certificate_status.bp, True),
        (public_titles.bp, True),  # with the goods and the lists of the public register
    ]
