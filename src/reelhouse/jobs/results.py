"""How jobs and tasks end, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reelhouse.errors import ReelhouseError
from reelhouse.jobs.plan import Result
from reelhouse.runs.record import RunStatus

STATUS: Mapping[Result, RunStatus] = {
    Result.SUCCESS: RunStatus.SUCCEEDED,
    Result.SUCCESS_WITH_FAILURES: RunStatus.SUCCEEDED,
    Result.FAILED: RunStatus.FAILED,
    Result.TIMEDOUT: RunStatus.FAILED,
    Result.CANCELED: RunStatus.CANCELLED,
    Result.UPSTREAM_CANCELED: RunStatus.SKIPPED,
    Result.UPSTREAM_FAILED: RunStatus.SKIPPED,
    Result.EXCLUDED: RunStatus.SKIPPED,
    Result.MAXIMUM_CONCURRENT_RUNS_REACHED: RunStatus.SKIPPED,
    Result.DISABLED: RunStatus.INACTIVE,
}


@dataclass(frozen=True)
class TaskRun:
    """How a task ended. `run_id` is that of the last attempt, None when the task did not run.

    `output` is `{"result": …}` with what a notebook exited with; `iterations` are those of a for-each task.
    """

    key: str
    result: Result
    run_id: str | None = None
    attempts: int = 0
    output: Any = None
    error: str | None = None
    condition: str | None = None
    iterations: tuple[TaskRun, ...] = ()


@dataclass(frozen=True)
class JobRun:
    """How a job run ended. `life_cycle` is TERMINATED, or SKIPPED when too many runs were active.

    `output` is what its notebooks exited with, by task key; `error` says which tasks failed and why.
    """

    id: str
    job_id: int
    job_key: str
    result_state: Result
    life_cycle: str
    tasks: tuple[TaskRun, ...] = ()
    output: Any = None
    error: str | None = None

    @property
    def succeeded(self) -> bool:
        return self.result_state in (Result.SUCCESS, Result.SUCCESS_WITH_FAILURES)


def message_of(failure: BaseException) -> str:
    """What a failure says. A fault of user code says its type too."""
    return str(failure) if isinstance(failure, ReelhouseError) else f"{type(failure).__name__}: {failure}"
