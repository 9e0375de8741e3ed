"""Tables of the registry and their constraints. No queries, no rules, no HTTP.

`enforcement.models` adds its own tables to the same metadata; whoever needs the whole schema imports `enforcement.schema`.
"""

from trace.models import (  # noqa: F401  importing a module registers its tables
    areas,
    certificates,
    controls,
    files,
    history,
    labels,
    lots,
    parties,
    printing,
    scans,
    tips,
    titles,
)
