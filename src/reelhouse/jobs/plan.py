"""What to do next in a job, from what its tasks have come to: a pure step, taken again whenever a task ends.

https://docs.databricks.com/aws/en/jobs/run-if
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from reelhouse.jobs.definition import Dependency, RunIf, Task


class Result(StrEnum):
    """How a task or a job ended, in the platform's words."""

    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    TIMEDOUT = "TIMEDOUT"
    CANCELED = "CANCELED"
    MAXIMUM_CONCURRENT_RUNS_REACHED = "MAXIMUM_CONCURRENT_RUNS_REACHED"
    EXCLUDED = "EXCLUDED"
    SUCCESS_WITH_FAILURES = "SUCCESS_WITH_FAILURES"
    UPSTREAM_FAILED = "UPSTREAM_FAILED"
    UPSTREAM_CANCELED = "UPSTREAM_CANCELED"
    DISABLED = "DISABLED"


FINE = frozenset({Result.SUCCESS, Result.SUCCESS_WITH_FAILURES, Result.EXCLUDED, Result.DISABLED})
CANCELED = frozenset({Result.CANCELED, Result.UPSTREAM_CANCELED})


@dataclass(frozen=True)
class TaskState:
    """Where a task is. `result` is None while it runs; `outcome` is what a condition came to."""

    result: Result | None = None
    outcome: str | None = None


@dataclass(frozen=True)
class Step:
    """What to do now: tasks to start, and results of tasks that will not run. Both in the order of the job."""

    start: tuple[str, ...] = ()
    settle: tuple[tuple[str, Result], ...] = ()


def next_step(tasks: Sequence[Task], states: Mapping[str, TaskState], *, cancelled: bool = False) -> Step:
    """The step to take. `states` holds the tasks that were started or settled.

    Results that are settled now may settle more: call again with them. The run is over when every task has a result.
    """
    start: list[str] = []
    settle: list[tuple[str, Result]] = []
    for task in tasks:
        if task.key in states:
            continue
        if cancelled:
            settle.append((task.key, Result.CANCELED))
        elif task.disabled:
            settle.append((task.key, Result.DISABLED))
        elif all(_ended(d, states) for d in task.depends_on):
            verdict = _verdict(task.run_if, [_edge(d, states) for d in task.depends_on])
            if verdict is None:
                start.append(task.key)
            else:
                settle.append((task.key, verdict))
    return Step(tuple(start), tuple(settle))


def _ended(dependency: Dependency, states: Mapping[str, TaskState]) -> bool:
    state = states.get(dependency.task_key)
    return state is not None and state.result is not None


def _edge(dependency: Dependency, states: Mapping[str, TaskState]) -> Result:
    """What a dependency counts as. The branch that a condition did not take is excluded."""
    state = states[dependency.task_key]
    assert state.result is not None
    if dependency.outcome is not None and state.result is Result.SUCCESS and state.outcome != dependency.outcome:
        return Result.EXCLUDED
    return state.result


def _verdict(run_if: RunIf, edges: Sequence[Result]) -> Result | None:
    """None: the task runs. Otherwise what it ends as without having run.

    Disabled dependencies: https://docs.databricks.com/aws/en/jobs/disabled-tasks
    """
    if not edges:
        return None
    if all(edge is Result.EXCLUDED for edge in edges):
        return Result.EXCLUDED
    failed = [edge for edge in edges if edge not in FINE]
    ran = any(edge in (Result.SUCCESS, Result.SUCCESS_WITH_FAILURES) for edge in edges)
    disabled = Result.DISABLED in edges
    match run_if:
        case RunIf.ALL_SUCCESS:
            # Open in the documentation: an excluded dependency has not run, so what needs all of them is excluded too.
            if failed:
                return _upstream(failed)
            if disabled:
                return Result.DISABLED
            return Result.EXCLUDED if Result.EXCLUDED in edges else None
        case RunIf.AT_LEAST_ONE_SUCCESS:
            if ran:
                return None
            return _upstream(failed) if failed else Result.DISABLED
        case RunIf.NONE_FAILED:
            if failed:
                return _upstream(failed)
            return Result.DISABLED if all(edge is Result.DISABLED for edge in edges) else None
        case RunIf.ALL_DONE:
            return None
        case RunIf.AT_LEAST_ONE_FAILED:
            return None if failed else _without_failure(disabled, ran)
        case RunIf.ALL_FAILED:
            return None if len(failed) == len(edges) else _without_failure(disabled, ran)


def _without_failure(disabled: bool, ran: bool) -> Result:
    """What becomes of a task that waits for failures that have not come."""
    return Result.DISABLED if disabled and not ran else Result.EXCLUDED


def _upstream(failed: Sequence[Result]) -> Result:
    """What the failure of dependencies makes of a task."""
    return Result.UPSTREAM_CANCELED if all(f in CANCELED for f in failed) else Result.UPSTREAM_FAILED


def job_result(tasks: Sequence[Task], states: Mapping[str, TaskState]) -> Result:
    """The job's result from its leaf tasks, once every task has a result."""
    upstream = {d.task_key for task in tasks for d in task.depends_on}
    results = {task.key: states[task.key].result or Result.FAILED for task in tasks}
    leaves = [result for key, result in results.items() if key not in upstream]
    bad = [leaf for leaf in leaves if leaf not in FINE]
    if bad:
        return Result.CANCELED if all(leaf in CANCELED for leaf in bad) else Result.FAILED
    return Result.SUCCESS if all(result in FINE for result in results.values()) else Result.SUCCESS_WITH_FAILURES


def retries(task: Task, result: Result, attempts: int) -> bool:
    """Whether a task that was run `attempts` times and came to `result` is run again."""
    again = result is Result.FAILED or (result is Result.TIMEDOUT and task.retry_on_timeout)
    return again and (task.max_retries < 0 or attempts <= task.max_retries)
