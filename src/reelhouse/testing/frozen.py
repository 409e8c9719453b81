"""Time that stands still unless a pipeline waits or a test moves it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from reelhouse.clock import ManualClock
from reelhouse.errors import UserError


def moment(value: datetime | str) -> datetime:
    """A moment in UTC, of a datetime (without a zone it is UTC already) or of an ISO 8601 text."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise UserError(f"'{value}' is no moment", remedy="Write 2026-01-31T06:00:00Z.") from None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class FrozenClock(ManualClock):
    """A clock that a test sets. What sleeps by it moves it and does not sleep."""

    def __init__(self, now: datetime | str) -> None:
        super().__init__(moment(now))
        self._sleeping = threading.Lock()

    def set(self, now: datetime | str) -> None:
        """It is `now`."""
        self._now = moment(now)

    def advance(self, **span: float) -> None:
        """Let time pass: `advance(hours=1)`, with the arguments of `timedelta`."""
        self.sleep(timedelta(**span).total_seconds())

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
        with self._sleeping:
            super().sleep(seconds, wake)
