"""What a database says, as the failure of an activity.

https://learn.microsoft.com/azure/data-factory/connector-troubleshoot-azure-synapse-sql-database-sql-server
"""

from __future__ import annotations

from typing import Any

from reelhouse.adf.errors import SYSTEM_ERROR, USER_ERROR, ActivityFailed

COPY, LOOKUP, METADATA, SCRIPT, PROCEDURE = "2200", "2100", "2011", "2011", "2402"
"""The codes of activities."""
_DENIED = ("password", "authentication", 'role "', "denied", "not authorized")


def failed(error: Exception, key: str, code: str) -> ActivityFailed:
    """The failure for an error of the driver: connections that do not come about or break are not the user's fault.

    The parameters of the statement are left out, they may hold secrets.
    """
    said = " ".join(str(getattr(error, "orig", None) or error).split()) or type(error).__name__
    statement: Any = getattr(error, "statement", None)
    if statement is None and type(error).__name__ == "OperationalError" and "locked" not in said:
        denied = any(word in said.lower() for word in _DENIED)
        name = "SqlUnauthorizedAccess" if denied else "SqlFailedToConnect"
        fault = USER_ERROR if denied else SYSTEM_ERROR
        return ActivityFailed(
            code, f"ErrorCode={name},Cannot connect to the database '{key}': {said}", failure_type=fault
        )
    gone = getattr(error, "connection_invalidated", False) or "database is locked" in said
    return ActivityFailed(
        code,
        f"ErrorCode=SqlOperationFailed,A database operation failed on '{key}': {said}",
        failure_type=SYSTEM_ERROR if gone else USER_ERROR,
    )


def refused(code: str, name: str, message: str) -> ActivityFailed:
    """A failure that is found before the database is asked."""
    return ActivityFailed(code, f"ErrorCode={name},{message}")
