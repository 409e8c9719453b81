"""How long statements may take, and how they are stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reelhouse.adf.activity.context import ActivityContext
from reelhouse.adf.errors import Cancelled
from reelhouse.adf.sql.databases import Database
from reelhouse.adf.sql.errors import failed, refused

if TYPE_CHECKING:
    from sqlalchemy import Connection

_STEPS = 20_000
"""Of SQLite's machine, between two looks at the clock."""


@contextmanager
def limited(
    ctx: ActivityContext, database: Database, connection: Connection, seconds: float, code: str
) -> Iterator[None]:
    """Statements end when the time is over or, on SQLite, when the run is told to stop. Raises `ActivityFailed`."""
    from sqlalchemy.exc import DBAPIError

    clock, cancel = ctx.services.clock, ctx.services.cancel
    end = clock.monotonic() + seconds
    raw = connection.connection.driver_connection if database.kind == "sqlite" else None
    if raw is not None:
        raw.set_progress_handler(lambda: cancel.is_set() or clock.monotonic() > end, _STEPS)
    elif database.kind == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {min(max(int(seconds * 1000), 1), 2**31 - 1)}")
    try:
        yield
    except DBAPIError as error:
        said = str(error.orig)
        if "interrupted" in said and cancel.is_set():
            raise Cancelled from error
        if "interrupted" in said or "statement timeout" in said:
            raise refused(code, "SqlOperationFailed", f"The query ran longer than {seconds:g} s") from error
        raise failed(error, database.key, code) from error
    finally:
        if raw is not None:
            raw.set_progress_handler(None, 0)
