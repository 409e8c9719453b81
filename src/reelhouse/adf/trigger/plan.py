"""Decides what triggers start, as a pure function of the definitions, what has happened, and the time.

Nothing here touches a clock, a database or a run: `run` does what is decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from reelhouse.adf.trigger.definition import Trigger
from reelhouse.adf.trigger.schedule import next_occurrences
from reelhouse.adf.trigger.window import DEPENDENCY_PATIENCE, WindowRule, needed_windows

MOST_AT_ONCE = 1000
"""Occurrences of one schedule that one look may start."""


class TriggerRunStatus(StrEnum):
    """States of a trigger run. The first three are of tumbling windows before they end."""

    WAITING_ON_DEPENDENCY = "Waiting on dependency"
    WAITING = "Waiting"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


OPEN = frozenset((TriggerRunStatus.WAITING_ON_DEPENDENCY, TriggerRunStatus.WAITING, TriggerRunStatus.RUNNING))


@dataclass(frozen=True)
class WindowState:
    """What is known of a window. `since` is when it began to wait, `next_try` when a failed one runs again."""

    status: TriggerRunStatus
    since: datetime
    next_try: datetime | None = None


@dataclass(frozen=True)
class Windows:
    """A tumbling window trigger and what it has done so far, by the number of the window."""

    rule: WindowRule
    known: Mapping[int, WindowState] = field(default_factory=dict)

    def succeeded(self, index: int) -> bool:
        state = self.known.get(index)
        return state is not None and state.status is TriggerRunStatus.SUCCEEDED


@dataclass(frozen=True)
class WindowStep:
    """What is to be done with a window now: `RUNNING` starts a run, the other states are only written down."""

    trigger: str
    index: int
    to: TriggerRunStatus
    why: str = ""


def plan_schedule(trigger: Trigger, after: datetime, now: datetime) -> list[datetime]:
    """The times after `after` and up to `now` at which a schedule fires."""
    due = next_occurrences(trigger, after, 1)
    if not due or due[0] > now:
        return []
    return [time for time in next_occurrences(trigger, after, MOST_AT_ONCE) if time <= now]


def plan_windows(
    name: str, windows: Windows, others: Mapping[str, Windows], now: datetime, *, started: bool = True
) -> list[WindowStep]:
    """The steps of one tumbling window trigger, oldest window first, as many as its concurrency allows.

    A trigger that is stopped starts no new window, and goes on with those that it has begun.
    """
    steps: list[WindowStep] = []
    taken = 0
    for index in _candidates(windows, now, started):
        state = windows.known.get(index)
        if state is not None and state.status is TriggerRunStatus.RUNNING:
            taken += 1
            continue
        if taken >= windows.rule.max_concurrency:
            break
        taken += 1
        if state is not None and state.next_try is not None and state.next_try > now:
            continue
        missing = _missing(name, windows, index, others)
        if not missing:
            steps.append(WindowStep(name, index, TriggerRunStatus.RUNNING))
        elif state is None or state.status is TriggerRunStatus.WAITING:
            steps.append(WindowStep(name, index, TriggerRunStatus.WAITING_ON_DEPENDENCY, missing))
        elif now - state.since >= DEPENDENCY_PATIENCE:
            steps.append(WindowStep(name, index, TriggerRunStatus.FAILED, f"Waited for seven days: {missing}"))
    return steps


def _candidates(windows: Windows, now: datetime, started: bool) -> Iterator[int]:
    """Open windows, those that run first because they take places, then new ones that are due; each oldest first."""
    opened = sorted(index for index, state in windows.known.items() if state.status in OPEN)
    yield from sorted(opened, key=lambda index: windows.known[index].status is not TriggerRunStatus.RUNNING)
    if not started:
        return
    index = max(windows.known, default=-1) + 1
    while windows.rule.has(index) and windows.rule.is_due(index, now):
        yield index
        index += 1


def _missing(name: str, windows: Windows, index: int, others: Mapping[str, Windows]) -> str:
    """What a window still waits for, empty for nothing."""
    for dependency in windows.rule.depends_on:
        other = windows if dependency.trigger is None else others.get(dependency.trigger)
        if other is None:
            return f"the trigger '{dependency.trigger}' is not there"
        for needed in needed_windows(windows.rule, index, dependency, other.rule):
            if not other.succeeded(needed):
                start = other.rule.window(needed)[0]
                return f"the window of {start:%Y-%m-%dT%H:%M:%SZ} of '{dependency.trigger or name}'"
    return ""


def after_failure(rule: WindowRule, failed_tries: int, now: datetime) -> datetime | None:
    """When a window whose run has failed that often runs again; None when it does not."""
    return now + timedelta(seconds=rule.retry_seconds) if failed_tries <= rule.retries else None
