"""The whole schema in one metadata: registry, case desk, informants, and what hangs on them."""

import enforcement.models
import enforcement.models.triggers  # noqa: F401  and what the database holds a case to
import trace.models  # noqa: F401  registers the tables of the registry
from trace.models import ddl
from trace.models.base import Base

ddl.attach()

metadata = Base.metadata
