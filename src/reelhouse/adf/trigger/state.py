"""What is known of triggers and their runs, as plain data, and the port through which it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from reelhouse.adf.trigger.events import Blob
from reelhouse.adf.trigger.plan import TriggerRunStatus


@dataclass(frozen=True)
class TriggerRun:
    """One firing of a trigger. `scope` is what `trigger()` is; `pipelines` has the ids of runs with their pipelines.

    `key` tells firings of a trigger apart: the time of an occurrence, the start of a window, an event. `past` has the
    pipeline runs of earlier tries.
    """

    id: str
    name: str
    type: str
    key: str
    status: TriggerRunStatus
    at: datetime
    since: datetime
    scope: Mapping[str, Any]
    pipelines: Mapping[str, str] = field(default_factory=dict)
    window: int | None = None
    next_try: datetime | None = None
    failed_tries: int = 0
    message: str = ""
    past: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Switch:
    """Whether a trigger is started, and since when. `listed` says whether its files were looked at once."""

    started: bool
    since: datetime
    listed: bool = False


class TriggerStore(Protocol):
    """Where the state of triggers is kept. Every method that writes does all of it or nothing."""

    def switches(self) -> dict[str, Switch]:
        """Every trigger that was seen, by name."""

    def switch(self, name: str, switch: Switch) -> None:
        """Write down that a trigger is started or stopped. One that is not listed forgets its files."""

    def put(self, *runs: TriggerRun, switch: tuple[str, Switch] | None = None) -> None:
        """Write trigger runs, new or changed, and how far their trigger has come."""

    def put_blobs(
        self, name: str, runs: Sequence[TriggerRun], changed: Mapping[str, Blob | None], switch: Switch
    ) -> None:
        """Write the trigger runs of a look at files with the files that have changed (None: gone)."""

    def blobs(self, name: str) -> dict[str, Blob]:
        """The files that a trigger knows."""

    def run(self, run_id: str) -> TriggerRun | None:
        """The trigger run with an id."""

    def open_runs(self) -> list[TriggerRun]:
        """The trigger runs that have not ended, oldest first."""

    def windows(self, name: str) -> list[TriggerRun]:
        """The windows of a tumbling window trigger that have begun."""

    def between(self, after: datetime, before: datetime) -> list[TriggerRun]:
        """The trigger runs of a time, newest first."""
