"""Windows of a tumbling window trigger, as arithmetic: contiguous, of one size, counted from the trigger's start.

https://learn.microsoft.com/azure/data-factory/how-to-create-tumbling-window-trigger
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import Field

from reelhouse.adf.expression.moment import parse_moment
from reelhouse.adf.finding import Finding, checked, problem
from reelhouse.adf.settings import Settings
from reelhouse.errors import Place, did_you_mean

MOST_DEPENDENCIES = 5
DEPENDENCY_PATIENCE = timedelta(days=7)
"""How long a window waits for the windows it depends on before it fails."""
_TIME_SPAN = re.compile(r"(-)?(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?")
_KINDS = ("TumblingWindowTriggerDependencyReference", "SelfDependencyTumblingWindowTriggerReference")


@dataclass(frozen=True)
class WindowDependency:
    """Windows that must have succeeded: those of `trigger` (None: the trigger itself) which overlap the own window,
    moved by `offset`, of `size` (None: that of the own window)."""

    trigger: str | None
    offset: timedelta = timedelta(0)
    size: timedelta | None = None


@dataclass(frozen=True)
class WindowRule:
    """When windows begin and end, and how their runs are started."""

    frequency: str
    interval: int
    start: datetime
    end: datetime | None = None
    delay: timedelta = timedelta(0)
    max_concurrency: int = 1
    retries: int = 0
    retry_seconds: int = 30
    depends_on: tuple[WindowDependency, ...] = ()

    def window(self, index: int) -> tuple[datetime, datetime]:
        """Start and end of the window with a number, counted from 0."""
        return self._edge(index), self._edge(index + 1)

    def index_at(self, moment: datetime) -> int:
        """The number of the window that a moment lies in; negative before the first one."""
        if self.frequency == "Month":
            months = (moment.year - self.start.year) * 12 + moment.month - self.start.month
            index = months // self.interval
            return index if self._edge(index) <= moment else index - 1
        return (moment - self.start) // self._step()

    def has(self, index: int) -> bool:
        """Whether the trigger has that window: none before its start, none that goes on after its end."""
        return index >= 0 and (self.end is None or self.window(index)[1] <= self.end)

    def is_due(self, index: int, now: datetime) -> bool:
        """Whether the run of a window may start: the window is over, and the delay too."""
        return self.window(index)[1] + self.delay <= now

    def _edge(self, index: int) -> datetime:
        if self.frequency == "Month":
            total = self.start.month - 1 + index * self.interval
            return self.start.replace(year=self.start.year + total // 12, month=total % 12 + 1)
        return self.start + self._step() * index

    def _step(self) -> timedelta:
        return timedelta(**{"hours" if self.frequency == "Hour" else "minutes": self.interval})


class RetryPolicyModel(Settings):
    count: Any = 0
    interval_in_seconds: int = 30


class DependencyModel(Settings):
    type: str
    reference_trigger: Any = None
    offset: str = "00:00:00"
    size: str | None = None


class TriggerReferenceModel(Settings):
    reference_name: str
    type: str = "TriggerReference"
    parameters: dict[str, Any] = Field(default_factory=dict)


def read_span(text: Any) -> timedelta | None:
    """The time span of `[-][d.]hh:mm:ss[.fff]`, None for anything else."""
    match = _TIME_SPAN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    minus, days, hours, minutes, seconds, fraction = match.groups()
    span = timedelta(
        days=int(days or 0),
        hours=int(hours),
        minutes=int(minutes),
        seconds=int(seconds),
        microseconds=int((fraction or "0").ljust(6, "0")[:6]),
    )
    return -span if minus else span


def read_moment(text: str) -> datetime:
    """A moment in UTC; without a zone it is UTC already. Raises `MomentError`."""
    when = parse_moment(text).when
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def read_retry(raw: Mapping[str, Any] | None, place: Place, findings: list[Finding]) -> tuple[int, int]:
    """How often a failed window is run again, and the seconds between."""
    model = checked(RetryPolicyModel, raw or {}, place, "A retryPolicy", findings)
    if model is None:
        return 0, 30
    if isinstance(model.count, bool) or not str(model.count).isdigit():
        findings.append(problem(place.at("count"), f"'{model.count}' is no number of retries"))
        return 0, 30
    if model.interval_in_seconds < 30:
        findings.append(problem(place.at("intervalInSeconds"), "The interval of retries is 30 seconds at least"))
    return int(model.count), model.interval_in_seconds


def read_dependency(raw: Any, place: Place, findings: list[Finding]) -> WindowDependency | None:
    """A dependency of a window. What is wrong is added to `findings`."""
    model = checked(DependencyModel, raw, place, "A dependency of a trigger", findings)
    if model is None:
        return None
    before = len(findings)
    if model.type not in _KINDS:
        remedy = did_you_mean(model.type, _KINDS)
        findings.append(problem(place.at("type"), f"'{model.type}' is no dependency of a trigger", remedy))
        return None
    offset, size = read_span(model.offset), read_span(model.size)
    if offset is None:
        findings.append(problem(place.at("offset"), f"'{model.offset}' is no time span"))
    if model.size is not None and (size is None or size <= timedelta(0)):
        findings.append(problem(place.at("size"), f"'{model.size}' is no time span above zero"))
    name = None
    if model.type == _KINDS[0]:
        spot = place.at("referenceTrigger")
        reference = checked(TriggerReferenceModel, model.reference_trigger, spot, "A reference", findings)
        name = reference.reference_name if reference else ""
    elif offset is not None and offset >= timedelta(0):
        findings.append(problem(place.at("offset"), "A trigger that depends on itself needs a negative offset"))
    if len(findings) > before or offset is None:
        return None
    return WindowDependency(name, offset, size)


def needed_windows(own: WindowRule, index: int, dependency: WindowDependency, other: WindowRule) -> list[int]:
    """The numbers of the windows of `other` that a window depends on. Windows that `other` never has are left out.

    https://learn.microsoft.com/azure/data-factory/tumbling-window-trigger-dependency
    """
    start, end = own.window(index)
    first = start + dependency.offset
    last = first + (dependency.size or (end - start))
    found = []
    at = max(other.index_at(first), 0)
    while other.window(at)[0] < last:
        if other.has(at):
            found.append(at)
        elif other.end is not None and other.window(at)[1] > other.end:
            break
        at += 1
    return found
