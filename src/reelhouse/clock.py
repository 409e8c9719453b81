"""Time as a port, so that artifacts keep their legal values (a retry interval of 30 s) and tests do not wait."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What time it is, and waiting."""

    def now(self) -> datetime:
        """The present moment, in UTC."""

    def monotonic(self) -> float:
        """Seconds that never go backwards, scaled like `sleep`."""

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
        """Wait, or less when `wake` is set."""


class SystemClock:
    """Real time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
        if wake is None:
            time.sleep(seconds)
        else:
            wake.wait(seconds)


class ScaledClock(SystemClock):
    """Real time, but `factor` seconds pass in one: waits and time-outs of artifacts become short."""

    def __init__(self, factor: float) -> None:
        self._factor = factor
        self._start = time.monotonic()
        self._epoch = datetime.now(UTC)

    def now(self) -> datetime:
        return self._epoch + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return (time.monotonic() - self._start) * self._factor

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
        super().sleep(seconds / self._factor, wake)


class ManualClock:
    """Time that passes only when told, or when something sleeps."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._elapsed = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
        self._now += timedelta(seconds=seconds)
        self._elapsed += seconds
