"""What is known of a run, as plain data, and the port through which every service writes it.

A run is anything that starts, ends and has a result: a pipeline, an activity, a job, a task, a notebook, an update of
a declarative pipeline, a flow, a streaming query. Runs form a tree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from reelhouse.errors import UserError


class HistoryLost(UserError):
    """The history of runs cannot be used any more: a full disk, a server that has gone. A run must not go on."""


class RunKind(StrEnum):
    PIPELINE = "pipeline"
    ACTIVITY = "activity"
    JOB = "job"
    TASK = "task"
    NOTEBOOK = "notebook"
    UPDATE = "update"
    FLOW = "flow"
    QUERY = "query"


class RunStatus(StrEnum):
    """Data Factory's words; services with words of their own keep those in the run's `output`."""

    QUEUED = "Queued"
    IN_PROGRESS = "InProgress"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    SKIPPED = "Skipped"
    CANCELLED = "Cancelled"
    INACTIVE = "Inactive"


@dataclass(frozen=True)
class Run:
    """One run. `input`, `output` and `error` are JSON values; secrets are masked before they come here."""

    id: str
    kind: RunKind
    name: str
    type: str
    parent_id: str | None
    started_at: datetime
    input: Mapping[str, Any] = field(default_factory=dict)
    status: RunStatus = RunStatus.IN_PROGRESS
    ended_at: datetime | None = None
    output: Any = None
    error: Any = None
    details: Mapping[str, Any] = field(default_factory=dict)
    """What the monitor tells of it beside: a pipeline's `runGroupId`, `invokedBy`, `isRecovery`,
    `referencePipelineRunId`, `startActivityName` and `startFromFailure`; an activity's `retryAttempt`, `iteration` and
    `iterationHash`, `userProperties`, `linkedServiceName`, and `reusedFrom`, the earlier run whose result this is."""

    @property
    def has_ended(self) -> bool:
        return self.status not in (RunStatus.QUEUED, RunStatus.IN_PROGRESS)


@dataclass(frozen=True)
class TableChange:
    """What one commit did to a table. `table` is its full name, or its address when it has none.

    `version` is None when nothing was committed. Row counts are of rows, not of files; `updated` is None where the
    operation does not tell updates from removal and addition.
    """

    table: str
    version: int | None
    operation: str
    rows: int | None
    added: int = 0
    updated: int | None = None
    removed: int = 0
    quarantined: int = 0
    files_read: int | None = None
    duration_ms: int = 0


@dataclass(frozen=True)
class ExpectationResult:
    """How many rows met an expectation. `action` is ALLOW, DROP or FAIL, as in the event log."""

    dataset: str
    name: str
    action: str
    passed: int
    failed: int


class RunLog(Protocol):
    """Where runs are written. All methods may be called from any thread."""

    def begin(
        self,
        kind: RunKind,
        name: str,
        *,
        type: str = "",
        input: Mapping[str, Any] | None = None,
        parent_id: str | None = None,
        run_id: str | None = None,
        details: Mapping[str, Any] | None = None,
        queued: bool = False,
    ) -> Run:
        """Record the start, or with `queued` that it waits for others. Without `parent_id` the parent is
        `current_run`."""

    def started(self, run_id: str) -> None:
        """Record that a run that was queued waits no longer."""

    def end(self, run_id: str, status: RunStatus, *, output: Any = None, error: Any = None) -> None:
        """Record the result."""

    def table_changed(self, change: TableChange, *, run_id: str | None = None) -> None:
        """Record a commit. Without `run_id` it belongs to `current_run`."""

    def expectation(self, result: ExpectationResult, *, run_id: str | None = None) -> None:
        """Record the counts of an expectation. Without `run_id` they belong to `current_run`."""

    def note(self, message: str, *, run_id: str | None = None) -> None:
        """Record something a person should read: an option without effect here, a repaired state."""

    def subscribe(self, listener: Callable[[Any], None]) -> None:
        """Call `listener` with every Run (begin and end), TableChange, ExpectationResult and note as it comes."""


@runtime_checkable
class RunHistory(Protocol):
    """Where earlier runs are read, and where another process says that a run is to stop."""

    def run(self, run_id: str) -> Run:
        """The run with this id, or with this beginning of an id. Raises `UserError` when none or several match."""

    def children(self, run_id: str) -> list[Run]:
        """The runs that this one started, in the order of their start."""

    def count_queued(self, pipeline: str) -> int:
        """How many runs of a pipeline wait for others."""

    def cancel_requests(self) -> Mapping[str, bool]:
        """The runs that are to stop; True for those whose child pipelines are to stop with them."""

    def cancel_done(self, run_ids: Sequence[str]) -> None:
        """Forget these requests: their runs have ended."""


current_run: ContextVar[str | None] = ContextVar("current_run", default=None)
"""The run that the code of this thread belongs to. A new thread needs `contextvars.copy_context()`."""
