"""Runs the activities of a scope: asks `plan` what comes next, does it, writes down what came of it.

https://learn.microsoft.com/azure/data-factory/concepts-pipelines-activities
"""

from __future__ import annotations

import queue
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reelhouse.adf.activity.context import (
    ActivityContext,
    Inside,
    PipelineState,
    ScopeResult,
    Work,
    as_integer,
    as_seconds,
)
from reelhouse.adf.activity.registry import ACTIVITIES
from reelhouse.adf.definition import Activity
from reelhouse.adf.errors import SYSTEM_ERROR, USER_ERROR, ActivityFailed, Cancelled, ExpressionError
from reelhouse.adf.expression.scope import Scope
from reelhouse.adf.masker import MASK
from reelhouse.adf.plan import step
from reelhouse.adf.recovery import AGAIN, Reuse, inner_past, is_masked, is_reusable, result_of
from reelhouse.adf.settings import CONTROL_TYPES
from reelhouse.adf.workers import Workers
from reelhouse.errors import InternalError, UserError
from reelhouse.runs.record import HistoryLost, Run, RunKind, RunStatus, current_run


@dataclass(frozen=True)
class Outcome:
    status: RunStatus
    result: Mapping[str, Any]
    message: str = ""
    inner: Mapping[str, Any] = field(default_factory=dict)
    """What the activities inside of it gave, as far as those after it may name them, by lower-case name."""


@dataclass(frozen=True)
class _Start:
    """An activity that is to run, with all that surrounds it."""

    state: PipelineState
    activity: Activity
    scope: Scope
    parent_id: str
    inside: Inside
    record: Run | None = None
    reuse: Reuse = Reuse.NONE


class ActivityRunner:
    """Runs scopes of activities. `abort` is called for a fault that no activity can have: everything has to stop."""

    def __init__(self, workers: Workers, abort: Callable[[], None]) -> None:
        self._workers = workers
        self._abort = abort

    def run_scope(
        self,
        state: PipelineState,
        activities: Sequence[Activity],
        scope: Scope,
        parent_id: str,
        inside: Inside | None = None,
    ) -> ScopeResult:
        """Run the activities to their end; those that can, at the same time."""
        cancel = state.services.cancel
        inside = inside or Inside()
        by_name = {activity.name: activity for activity in activities}
        rules = inside.past.rules(activities) if inside.past else {}
        states: dict[str, RunStatus] = {}
        results = dict(scope.activities or {})
        messages: dict[str, str] = {}
        ended: queue.SimpleQueue[tuple[str, Outcome | BaseException]] = queue.SimpleQueue()
        running = 0
        while True:
            decided = step(activities, states)
            for name, status in decided.settled.items():
                states[name] = status
                results[name.lower()] = {"status": status.value}
                if status is RunStatus.INACTIVE:
                    self._record_inactive(state, by_name[name], parent_id, inside)
            if decided.result is not None:
                failed = decided.failed[0] if decided.failed else None
                failure = (failed, messages.get(failed, "")) if failed else None
                return ScopeResult(decided.result, failure, results, decided.failed or decided.judged)
            if cancel.is_set() and not running:
                return ScopeResult(RunStatus.CANCELLED, None, results)
            left_out = [name for name in decided.start if _is_left_out(name, rules, inside)]
            if left_out:
                states.update(dict.fromkeys(left_out, RunStatus.SKIPPED))
                results.update({name.lower(): {"status": RunStatus.SKIPPED.value} for name in left_out})
                continue
            ready = () if cancel.is_set() else decided.start[: 1 if state.services.one_at_a_time else None]
            around = replace(scope, activities=dict(results)) if ready else scope
            starts = [self._start(state, by_name[name], around, parent_id, inside, rules) for name in ready]
            states.update(dict.fromkeys(ready, RunStatus.IN_PROGRESS))
            running += len(starts)
            if len(starts) == 1 and running == 1:
                # One activity alone needs no thread of its own.
                ended.put((ready[0], self._run_activity(starts[0])))
            else:
                for start in starts:
                    self._apart(start, ended)
            name, outcome = ended.get()
            running -= 1
            if isinstance(outcome, BaseException):
                self._abort()
                for _ in range(running):
                    ended.get()
                raise outcome
            states[name] = outcome.status
            results.update(outcome.inner)
            results[name.lower()] = outcome.result
            messages[name] = outcome.message

    def _start(
        self,
        state: PipelineState,
        activity: Activity,
        scope: Scope,
        parent_id: str,
        inside: Inside,
        rules: Mapping[str, Reuse],
    ) -> _Start:
        record = inside.past.record(activity.name) if inside.past else None
        return _Start(state, activity, scope, parent_id, inside, record, rules.get(activity.name, Reuse.NONE))

    def _apart(self, start: _Start, ended: queue.SimpleQueue[tuple[str, Outcome | BaseException]]) -> None:
        name = start.activity.name

        def work() -> None:
            try:
                ended.put((name, self._run_activity(start)))
            except BaseException as error:
                ended.put((name, error))

        self._workers.start(work, name)

    def _record_inactive(self, state: PipelineState, activity: Activity, parent_id: str, inside: Inside) -> None:
        runs = state.services.runs
        run = runs.begin(
            RunKind.ACTIVITY, activity.name, type=activity.type, parent_id=parent_id, details=_turn(inside)
        )
        runs.end(run.id, RunStatus.INACTIVE)

    def _run_activity(self, start: _Start) -> Outcome:
        """All tries of an activity. Each is an activity run of its own; the last one counts."""
        computes = start.activity.type in AGAIN
        containers = bool(start.activity.branches) or start.activity.type == "ExecutePipeline"
        if not computes and not containers and is_reusable(start.record, start.reuse):
            assert start.record is not None
            return self._use_again(start, start.record)
        services = start.state.services
        attempt = 0
        memory: dict[str, Any] = {}
        while True:
            outcome, retries = self._try(start, attempt, memory)
            if outcome.status is not RunStatus.FAILED or attempt >= retries:
                return outcome
            attempt += 1
            services.clock.sleep(start.activity.policy.retry_interval, services.cancel)
            if services.cancel.is_set():
                return replace(outcome, status=RunStatus.CANCELLED)

    def _use_again(self, start: _Start, record: Run) -> Outcome:
        """Take the result of an earlier run, and record that it was taken."""
        runs = start.state.services.runs
        failure = None
        if record.status is RunStatus.SUCCEEDED and is_masked(record.output):
            failure = error_of(
                "OutputNotKept",
                f"The output of '{record.name}' was recorded with its secrets hidden, so it cannot be used again. Run "
                f"again from '{record.name}', or from an activity before it.",
                USER_ERROR,
                record.name,
            )
        details = {**_turn(start.inside), "reusedFrom": record.id}
        run = runs.begin(
            RunKind.ACTIVITY,
            record.name,
            type=record.type,
            input=record.input,
            parent_id=start.parent_id,
            details=details,
        )
        if failure is not None:
            runs.end(run.id, RunStatus.FAILED, error=failure)
            result = {"output": {}, "error": failure, "status": "Failed", "ActivityRunId": run.id}
            return Outcome(RunStatus.FAILED, result, failure["message"])
        runs.end(run.id, record.status, output=record.output, error=record.error)
        message = record.error.get("message", "") if isinstance(record.error, Mapping) else ""
        return Outcome(record.status, {**result_of(record), "ActivityRunId": run.id}, message)

    def _try(self, start: _Start, attempt: int, memory: dict[str, Any]) -> tuple[Outcome, int]:
        state, activity, services = start.state, start.activity, start.state.services
        past = inner_past(start.inside.past, activity.name, start.reuse) if start.inside.past else None
        ctx = ActivityContext(activity, start.scope, state, str(uuid.uuid4()), memory=memory, past=past)
        retries = 0
        work: Work | None = None
        fault: BaseException | None = None
        details: dict[str, Any] = _turn(start.inside)
        if attempt:
            details["retryAttempt"] = attempt
        if activity.linked_service is not None:
            details["linkedServiceName"] = activity.linked_service.name
        try:
            has_policy = activity.type not in CONTROL_TYPES
            if has_policy and activity.policy.retry:
                retries = as_integer(ctx, ctx.value(activity.policy.retry), "retry")
            if has_policy and activity.policy.timeout is not None:
                seconds = as_seconds(ctx, ctx.value(activity.policy.timeout), "timeout")
                ctx = replace(ctx, deadline=services.clock.monotonic() + seconds)
            real = ACTIVITIES.get(activity.type)
            work = services.stand_in.prepare(ctx, real) if services.stand_in else ACTIVITIES[activity.type](ctx)
            if activity.user_properties:
                details["userProperties"] = state.masker(ctx.value(dict(activity.user_properties)))
        except Exception as error:
            fault = error
        shown: dict[str, Any] = dict(work.input) if work else {}
        if activity.policy.secure_input:
            shown = dict.fromkeys(shown, MASK)
        started = services.clock.now()
        services.runs.begin(
            RunKind.ACTIVITY,
            activity.name,
            type=activity.type,
            input=state.masker(shown),
            parent_id=start.parent_id,
            run_id=ctx.run_id,
            details=details,
        )
        token = current_run.set(ctx.run_id)
        output: Any = None
        try:
            if fault is None and work is not None:
                output = work.run()
        except Exception as error:
            fault = error
        finally:
            current_run.reset(token)
        times = {"ActivityRunStartTime": started.isoformat(), "ActivityRunEndTime": services.clock.now().isoformat()}
        facts = {"ActivityRunId": ctx.run_id, **times}
        outcome, retries = _ended(ctx, fault, {} if output is None else output, facts, retries)
        return (replace(outcome, inner=ctx.held) if ctx.held else outcome), retries


def _ended(
    ctx: ActivityContext, fault: BaseException | None, output: Any, facts: Mapping[str, Any], retries: int
) -> tuple[Outcome, int]:
    """Record how a try ended. Raises a fault that is no failure of the activity."""
    runs, masker, activity = ctx.services.runs, ctx.run.masker, ctx.activity
    if fault is None:
        hidden = activity.policy.secure_output
        recorded = dict.fromkeys(output, MASK) if hidden and isinstance(output, dict) else output
        runs.end(ctx.run_id, RunStatus.SUCCEEDED, output=masker(recorded))
        return Outcome(RunStatus.SUCCEEDED, {"output": output, "status": "Succeeded", **facts}), retries
    if isinstance(fault, HistoryLost):
        raise fault
    if isinstance(fault, Cancelled):
        ctx.services.cancel.set()
        runs.end(ctx.run_id, RunStatus.CANCELLED)
        return Outcome(RunStatus.CANCELLED, {"status": "Cancelled", **facts}), 0
    failure = _failure(fault, activity.name)
    runs.end(ctx.run_id, RunStatus.FAILED, error=masker(failure))
    if isinstance(fault, InternalError) or not isinstance(fault, ActivityFailed | UserError | OSError):
        raise fault
    result = {"output": {}, "error": failure, "status": "Failed", **facts}
    return Outcome(RunStatus.FAILED, result, failure["message"]), retries


def _is_left_out(name: str, rules: Mapping[str, Reuse], inside: Inside) -> bool:
    """Whether an activity that did not run in the earlier run is not to run now either."""
    past = inside.past
    return past is not None and rules.get(name) is Reuse.ALL and past.record(name) is None


def _turn(inside: Inside) -> dict[str, Any]:
    if inside.iteration is None:
        return {}
    if not inside.iteration_hash:
        return {"iteration": inside.iteration}
    return {"iteration": inside.iteration, "iterationHash": inside.iteration_hash}


def _failure(fault: BaseException, target: str) -> dict[str, Any]:
    if isinstance(fault, ActivityFailed):
        return error_of(fault.code, fault.message, fault.failure_type, target, fault.details)
    if isinstance(fault, ExpressionError):
        return error_of(fault.code, str(fault), USER_ERROR, target)
    if isinstance(fault, UserError):
        return error_of("BadRequest", str(fault), USER_ERROR, target)
    return error_of(type(fault).__name__, str(fault) or type(fault).__name__, SYSTEM_ERROR, target)


def error_of(code: str, message: str, failure_type: str, target: str, details: Any = None) -> dict[str, Any]:
    """An error as an activity run has it."""
    return {
        "errorCode": code,
        "message": message,
        "failureType": failure_type,
        "target": target,
        "details": details or [],
    }
