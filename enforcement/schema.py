"""The whole schema in one metadata: registry, case desk, informants, and what hangs on them."""

import enforcement.models  # noqa: F401  registers the tables of the case desk
import trace.models  # noqa: F401  registers the tables of the registry
from trace.models import ddl
from trace.models.base import Base

ddl.attach()

metadata = Base.metadata
