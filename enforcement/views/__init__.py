"""Pages of the case desk. They stand above the guard, so that the rules beside them know nothing of HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

# Importing a module puts its routes on its blueprint; `case_list` and `signals` share those of `cases` and `queue`.
from enforcement.views import (
    bulk,
    bundles,
    case_labels,
    case_list,
    case_measures,  # noqa: F401  these share the blueprint of the violation file
    case_offenders,  # noqa: F401
    case_orders,  # noqa: F401
    case_papers,  # noqa: F401
    case_similar,
    cases,
    casework,
    deadlines,
    desk_exports,  # noqa: F401  puts the lists of the desk among those that can be taken away
    desk_filters,
    document_forms,
    document_register,
    documents,
    evidence,
    evidence_copies,
    handoffs,  # noqa: F401  shares the blueprint of `intake`
    informants,
    intake,
    law,
    law_calendar,
    law_delegations,
    law_entry,
    letters,
    observations,
    queue,
    report_kept,  # noqa: F401  shares the blueprint of `reports`
    reports,
    signals,
    timeline,
)

if TYPE_CHECKING:
    from flask import Blueprint

MODULES = (
    cases, casework, case_list, informants, intake, observations, queue, signals, case_similar, bulk, desk_filters, deadlines, law, law_calendar, law_delegations, law_entry,
    letters, reports,
    evidence, evidence_copies, bundles, documents, document_register, document_forms, case_labels, timeline)  # fmt: skip


def blueprints() -> list[tuple[Blueprint, bool]]:
    """Every blueprint once, and whether its forms are anonymous. None here is."""
    return [(bp, False) for bp in dict.fromkeys(module.bp for module in MODULES)]
