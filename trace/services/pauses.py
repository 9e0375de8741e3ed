"""A transaction that waits for the disk: a film of gigabytes takes longer than a transaction may pause.

What must not live here: the limit itself (`trace.db`), and work that can be done outside a transaction – there it belongs.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sqlalchemy import func, select, true
from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

LONGEST = "30min"
"""Bounded all the same: whoever hangs for good must not hold locks for ever."""
_LIMIT = "idle_in_transaction_session_timeout"


@contextlib.contextmanager
def unhurried(session: Session) -> Iterator[None]:
    """Let this transaction pause for long while the block runs; afterwards its limit is what it was."""
    was, _ = session.execute(select(func.current_setting(_LIMIT), func.set_config(_LIMIT, LONGEST, true()))).one()
    back = select(func.set_config(_LIMIT, was, true()))
    try:
        yield
    except SQLAlchemyError:
        raise  # the transaction is lost, and with it what was set
    except BaseException:
        session.execute(back)
        raise
    session.execute(back)
