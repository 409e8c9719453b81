"""What can fail in a factory: an expression, an activity, a run that is told to stop.

https://learn.microsoft.com/azure/data-factory/data-factory-troubleshoot-guide
"""

from __future__ import annotations

from typing import Any

from reelhouse.errors import Place, UserError

USER_ERROR = "UserError"
SYSTEM_ERROR = "SystemError"


class ExpressionError(UserError):
    """An expression is wrong or fails. `position` is the 0-based place in `expression`, the text as it is written."""

    code = "InvalidTemplate"

    def __init__(
        self, what: str, *, expression: str, position: int, remedy: str = "", where: Place | None = None
    ) -> None:
        self.reason = what
        self.expression = expression
        self.position = position
        super().__init__(
            f"{what}, at character {position + 1} of {_excerpt(expression, position)}", where=where, remedy=remedy
        )

    def at(self, where: Place) -> ExpressionError:
        """The same error, with the place of the expression in its file."""
        return ExpressionError(
            self.reason, expression=self.expression, position=self.position, remedy=self.remedy, where=where
        )


class ActivityFailed(Exception):
    """An activity ends Failed. Any code may be caught by an on-failure path, so this is a result, not a crash."""

    def __init__(self, code: str, message: str, *, failure_type: str = USER_ERROR, details: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.failure_type = failure_type
        self.details = [] if details is None else details


class Cancelled(Exception):
    """The run was told to stop while this activity was running."""


def _excerpt(expression: str, position: int) -> str:
    """The expression in quotes, cut around the position when it is long."""
    if len(expression) <= 80:
        return f"'{expression}'"
    start = max(0, position - 30)
    end = min(len(expression), start + 70)
    return f"'{'…' if start else ''}{expression[start:end]}{'…' if end < len(expression) else ''}'"
