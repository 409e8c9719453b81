"""Runs a pipeline: asks `plan` what comes next, does it, writes down what came of it.

https://learn.microsoft.com/azure/data-factory/concepts-pipeline-execution-triggers
"""

from __future__ import annotations

import contextvars
import queue
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reelhouse.adf.activity.context import (
    MASK,
    ActivityContext,
    Limits,
    Masker,
    PipelineState,
    ScopeResult,
    Variables,
    Work,
    as_integer,
    as_seconds,
)
from reelhouse.adf.activity.registry import ACTIVITIES
from reelhouse.adf.definition import Activity, Pipeline
from reelhouse.adf.effects import without_effect
from reelhouse.adf.errors import SYSTEM_ERROR, USER_ERROR, ActivityFailed, Cancelled, ExpressionError
from reelhouse.adf.expression.scope import Scope
from reelhouse.adf.factory import Factory
from reelhouse.adf.interrupt import call_apart
from reelhouse.adf.parameters import bind, start_values
from reelhouse.adf.plan import step
from reelhouse.adf.services import AdfServices
from reelhouse.adf.validate import validate_for_run
from reelhouse.errors import InternalError, Place, UserError
from reelhouse.runs.record import RunKind, RunStatus, current_run

MAX_DEPTH = 30
"""Pipelines started by pipelines. A pipeline that starts itself for ever would end the process otherwise."""


@dataclass(frozen=True)
class PipelineRun:
    """How a pipeline run ended. `message` says why it failed. `activities` has what `activity('…')` gave, by name.

    `variables` are the values at the end, `return_value` what the pipeline set as its return value.
    """

    id: str
    status: RunStatus
    message: str = ""
    activities: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    return_value: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class _Outcome:
    status: RunStatus
    result: Mapping[str, Any]
    message: str = ""


def run_pipeline(
    factory: Factory,
    name: str,
    parameters: Mapping[str, Any],
    services: AdfServices,
    *,
    parent_id: str | None = None,
    trigger: Mapping[str, Any] | None = None,
) -> PipelineRun:
    """Run a pipeline to its end, and everything it starts.

    `parameters` keep their types, nothing is coerced. `trigger` may hold `type`, `name`, `id` and `time` of what
    started the run. Raises `UserError` for what can be seen before the run: an unknown pipeline, wrong parameters, a
    reference, expression or activity that cannot work. A run that fails is not an error: its status says so.
    """
    pipeline = factory.pipeline(name)
    pipelines = validate_for_run(factory, pipeline, services.stand_in)
    system = {
        "TriggerType": "Manual",
        "TriggerId": str(uuid.uuid4()),
        "TriggerName": "Manual",
        "TriggeredByPipelineName": None,
        "TriggeredByPipelineRunId": None,
    }
    if trigger:
        system.update({f"Trigger{key.capitalize()}": value for key, value in trigger.items()})
    runner = _Runner(factory, services)
    idle = without_effect(factory, pipelines)
    notes = [f"Without effect here: {', '.join(idle)}"] if idle else []

    def work() -> PipelineRun:
        return runner.run(pipeline, parameters, system, parent_id=parent_id, depth=0, where=pipeline.place, notes=notes)

    try:
        return call_apart(work, services.cancel)
    finally:
        if runner.aborted:
            services.cancel.clear()


class _Runner:
    """One run and all its children: they share the masker and the limits of concurrency."""

    def __init__(self, factory: Factory, services: AdfServices) -> None:
        self._factory = factory
        self._services = services
        self._masker = Masker()
        self._limits = Limits(services.locks, services.clock)
        self.aborted = False
        """Whether this run set `cancel` by itself, because of a fault that no activity can have."""

    def run(
        self,
        pipeline: Pipeline,
        parameters: Mapping[str, Any],
        system: Mapping[str, Any],
        *,
        parent_id: str | None,
        depth: int,
        where: Place,
        notes: Sequence[str] = (),
    ) -> PipelineRun:
        values = bind(pipeline.parameters, parameters, f"Pipeline '{pipeline.name}'", where)
        for name, value in values.items():
            if pipeline.parameters[name].type == "SecureString" and isinstance(value, str):
                self._masker.add(value)
        release = self._limits.enter(pipeline, self._services.cancel)
        try:
            return self._run(pipeline, values, system, parent_id, depth, notes)
        finally:
            release()

    def _run(
        self,
        pipeline: Pipeline,
        values: dict[str, Any],
        system: Mapping[str, Any],
        parent_id: str | None,
        depth: int,
        notes: Sequence[str],
    ) -> PipelineRun:
        services = self._services
        runs = services.runs
        shown = self._masker({"parameters": values})
        run = runs.begin(RunKind.PIPELINE, pipeline.name, type="Pipeline", input=shown, parent_id=parent_id)
        for note in notes:
            runs.note(note, run_id=run.id)
        state: PipelineState
        state = PipelineState(
            run.id,
            self._factory,
            pipeline,
            services,
            Variables(pipeline.variables, start_values(pipeline)),
            self._masker,
            run_activities=lambda activities, scope, parent: self._run_scope(state, activities, scope, parent),
            run_pipeline=self._run_child,
            limits=self._limits,
            depth=depth,
        )
        scope = Scope(
            pipeline=self._system(pipeline, run.id, system, values),
            variables=state.variables,
            activities={},
            clock=services.clock,
            guid=services.guid,
            random=services.random,
        )
        token = current_run.set(run.id)
        try:
            result = self._run_scope(state, pipeline.activities, scope, run.id)
            for thread in state.background:
                thread.join()
        except BaseException as error:
            runs.end(run.id, RunStatus.FAILED, error=_error("InternalError", str(error), SYSTEM_ERROR, pipeline.name))
            raise
        finally:
            current_run.reset(token)
        message = ""
        if result.failure is not None:
            message = f"Operation on target {result.failure[0]} failed: {result.failure[1]}"
        elif result.status is RunStatus.CANCELLED:
            message = "The run was cancelled"
        output: dict[str, Any] = {"variables": state.variables.named()}
        if state.return_value is not None:
            output["pipelineReturnValue"] = state.return_value
        failure = self._masker({"message": message}) if message else None
        runs.end(run.id, result.status, output=self._masker(output), error=failure)
        own = {activity.name: result.activities[activity.name.lower()] for activity in pipeline.activities
               if activity.name.lower() in result.activities}  # fmt: skip
        return PipelineRun(
            run.id, result.status, str(self._masker(message)), own, state.variables.named(), state.return_value
        )

    def _system(
        self, pipeline: Pipeline, run_id: str, system: Mapping[str, Any], values: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {
            "DataFactory": self._factory.name or self._factory.folder.name,
            "Pipeline": pipeline.name,
            "RunId": run_id,
            "GroupId": run_id,
            "TriggerTime": self._services.clock.now().isoformat(timespec="microseconds").replace("+00:00", "0Z"),
            **system,
            "parameters": values,
            "globalParameters": self._factory.global_parameters,
        }

    def _run_child(
        self, name: str, parameters: Mapping[str, Any], parent: PipelineState, parent_id: str, place: Place
    ) -> PipelineRun:
        if parent.depth >= MAX_DEPTH:
            raise UserError(f"Pipelines start pipelines more than {MAX_DEPTH} deep", where=place)
        system = {
            "TriggerType": "PipelineActivity",
            "TriggerId": parent.id,
            "TriggerName": parent.pipeline.name,
            "TriggeredByPipelineName": parent.pipeline.name,
            "TriggeredByPipelineRunId": parent.id,
        }
        child = self._factory.pipeline(name, place)
        return self.run(child, parameters, system, parent_id=parent_id, depth=parent.depth + 1, where=place)

    def _run_scope(
        self, state: PipelineState, activities: Sequence[Activity], scope: Scope, parent_id: str
    ) -> ScopeResult:
        cancel = self._services.cancel
        by_name = {activity.name: activity for activity in activities}
        states: dict[str, RunStatus] = {}
        results = dict(scope.activities or {})
        messages: dict[str, str] = {}
        ended: queue.SimpleQueue[tuple[str, _Outcome | BaseException]] = queue.SimpleQueue()
        running = 0
        while True:
            decided = step(activities, states)
            for name, status in decided.settled.items():
                states[name] = status
                results[name.lower()] = {"status": status.value}
                if status is RunStatus.INACTIVE:
                    self._record_inactive(by_name[name], parent_id)
            if decided.result is not None:
                failed = decided.failed[0] if decided.failed else None
                failure = (failed, messages.get(failed, "")) if failed else None
                return ScopeResult(decided.result, failure, results)
            if cancel.is_set() and not running:
                return ScopeResult(RunStatus.CANCELLED, None, results)
            ready = () if cancel.is_set() else decided.start[: 1 if self._services.one_at_a_time else None]
            inside = replace(scope, activities=dict(results)) if ready else scope
            if len(ready) == 1 and not running:
                # One activity alone needs no thread of its own.
                name = ready[0]
                ended.put((name, self._run_activity(state, by_name[name], inside, parent_id)))
                states[name] = RunStatus.IN_PROGRESS
                running += 1
                ready = ()
            for name in ready:
                states[name] = RunStatus.IN_PROGRESS
                running += 1
                self._start_thread(state, by_name[name], inside, parent_id, ended)
            name, outcome = ended.get()
            running -= 1
            if isinstance(outcome, BaseException):
                self.aborted = self.aborted or not cancel.is_set()
                cancel.set()
                for _ in range(running):
                    ended.get()
                raise outcome
            states[name] = outcome.status
            results[name.lower()] = outcome.result
            messages[name] = outcome.message

    def _start_thread(
        self,
        state: PipelineState,
        activity: Activity,
        scope: Scope,
        parent_id: str,
        ended: queue.SimpleQueue[tuple[str, _Outcome | BaseException]],
    ) -> None:
        def work() -> None:
            try:
                ended.put((activity.name, self._run_activity(state, activity, scope, parent_id)))
            except BaseException as error:
                ended.put((activity.name, error))

        threading.Thread(target=contextvars.copy_context().run, args=(work,), name=activity.name).start()

    def _record_inactive(self, activity: Activity, parent_id: str) -> None:
        run = self._services.runs.begin(RunKind.ACTIVITY, activity.name, type=activity.type, parent_id=parent_id)
        self._services.runs.end(run.id, RunStatus.INACTIVE)

    def _run_activity(self, state: PipelineState, activity: Activity, scope: Scope, parent_id: str) -> _Outcome:
        """All tries of an activity. Each is an activity run of its own; the last one counts."""
        clock, cancel = self._services.clock, self._services.cancel
        attempt = 0
        memory: dict[str, Any] = {}
        while True:
            outcome, retries = self._try(state, activity, scope, parent_id, attempt, memory)
            if outcome.status is not RunStatus.FAILED or attempt >= retries:
                return outcome
            attempt += 1
            clock.sleep(activity.policy.retry_interval, cancel)
            if cancel.is_set():
                return replace(outcome, status=RunStatus.CANCELLED)

    def _try(
        self,
        state: PipelineState,
        activity: Activity,
        scope: Scope,
        parent_id: str,
        attempt: int,
        memory: dict[str, Any],
    ) -> tuple[_Outcome, int]:
        services = self._services
        ctx = ActivityContext(activity, scope, state, str(uuid.uuid4()), memory=memory)
        retries = 0
        work: Work | None = None
        fault: BaseException | None = None
        try:
            if activity.policy.retry:
                retries = as_integer(ctx, ctx.value(activity.policy.retry), "retry")
            if activity.policy.timeout is not None and activity.type not in ("Until", "Validation"):
                seconds = as_seconds(ctx, ctx.value(activity.policy.timeout), "timeout")
                ctx = replace(ctx, deadline=services.clock.monotonic() + seconds)
            stand_in = services.stand_in
            real = ACTIVITIES.get(activity.type)
            work = stand_in.prepare(ctx, real) if stand_in else ACTIVITIES[activity.type](ctx)
        except Exception as error:
            fault = error
        shown: dict[str, Any] = dict(work.input) if work else {}
        if activity.policy.secure_input:
            shown = dict.fromkeys(shown, MASK)
        if attempt:
            shown["retryAttempt"] = attempt
        if activity.user_properties and fault is None:
            try:
                shown["userProperties"] = ctx.value(dict(activity.user_properties))
            except ExpressionError as error:
                fault = error
        started = services.clock.now()
        services.runs.begin(
            RunKind.ACTIVITY,
            activity.name,
            type=activity.type,
            input=self._masker(shown),
            parent_id=parent_id,
            run_id=ctx.run_id,
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
        result: dict[str, Any] = {
            "ActivityRunId": ctx.run_id,
            "ActivityRunStartTime": started.isoformat(),
            "ActivityRunEndTime": services.clock.now().isoformat(),
        }
        if fault is None:
            kept = {} if output is None else output
            recorded = dict.fromkeys(kept, MASK) if activity.policy.secure_output and isinstance(kept, dict) else kept
            services.runs.end(ctx.run_id, RunStatus.SUCCEEDED, output=self._masker(recorded))
            return _Outcome(RunStatus.SUCCEEDED, {"output": kept, "status": "Succeeded", **result}), retries
        if isinstance(fault, Cancelled):
            services.cancel.set()
            services.runs.end(ctx.run_id, RunStatus.CANCELLED)
            return _Outcome(RunStatus.CANCELLED, {"status": "Cancelled", **result}), 0
        failure = _failure(fault, activity.name)
        services.runs.end(ctx.run_id, RunStatus.FAILED, error=self._masker(failure))
        if isinstance(fault, InternalError) or not isinstance(fault, ActivityFailed | UserError | OSError):
            raise fault
        outcome = _Outcome(
            RunStatus.FAILED, {"output": {}, "error": failure, "status": "Failed", **result}, failure["message"]
        )
        return outcome, retries


def _failure(fault: BaseException, target: str) -> dict[str, Any]:
    if isinstance(fault, ActivityFailed):
        return _error(fault.code, fault.message, fault.failure_type, target, fault.details)
    if isinstance(fault, ExpressionError):
        return _error(fault.code, str(fault), USER_ERROR, target)
    if isinstance(fault, UserError):
        return _error("BadRequest", str(fault), USER_ERROR, target)
    return _error(type(fault).__name__, str(fault) or type(fault).__name__, SYSTEM_ERROR, target)


def _error(code: str, message: str, failure_type: str, target: str, details: Any = None) -> dict[str, Any]:
    return {
        "errorCode": code,
        "message": message,
        "failureType": failure_type,
        "target": target,
        "details": details or [],
    }
