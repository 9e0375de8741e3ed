"""Tables of the registry and their constraints. No queries, no rules, no HTTP.

`enforcement.models` adds its own tables to the same metadata; whoever needs the whole schema imports `enforcement.schema`.
"""

from trace.models import (  # noqa: F401  importing a module registers its tables
    api,
    applications,
    area_imports,
    areas,
    certificates,
    control_papers,
    control_plans,
    controls,
    events,
    farm_log,
    files,
    history,
    holidays,
    incidents,
    labels,
    lots,
    members,
    parties,
    plots,
    printing,
    scans,
    showcase,
    tips,
    title_records,
    titles,
)
