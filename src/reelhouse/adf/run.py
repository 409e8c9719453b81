"""Runs a pipeline and all that it starts, and writes down what came of it.

https://learn.microsoft.com/azure/data-factory/concepts-pipeline-execution-triggers
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reelhouse.adf.activity.context import Inside, Limits, PipelineState, ScopeResult, Variables
from reelhouse.adf.activity.run import ActivityRunner, error_of
from reelhouse.adf.cancel import Cancel, Watch
from reelhouse.adf.definition import Pipeline
from reelhouse.adf.effects import without_effect
from reelhouse.adf.errors import SYSTEM_ERROR, Cancelled
from reelhouse.adf.expression.scope import Scope
from reelhouse.adf.factory import Factory
from reelhouse.adf.interrupt import call_apart
from reelhouse.adf.loop_check import races
from reelhouse.adf.masker import Masker
from reelhouse.adf.parameters import bind, start_values
from reelhouse.adf.recovery import Past, Recovery, begin_recovery, child_past
from reelhouse.adf.services import AdfServices
from reelhouse.adf.validate import validate_for_run
from reelhouse.adf.workers import Workers
from reelhouse.errors import Place, UserError
from reelhouse.runs.record import HistoryLost, Run, RunHistory, RunKind, RunStatus, current_run

CANCELLED = "The run was cancelled"
MAX_QUEUED = 100
"""Runs that wait because of the `concurrency` of their pipeline."""
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
class _Begin:
    """What a pipeline run begins with. `past` is what an earlier run did, `above` the cancel event of its parent."""

    pipeline: Pipeline
    values: dict[str, Any]
    system: Mapping[str, Any]
    details: Mapping[str, Any]
    parent_id: str | None = None
    run_id: str | None = None
    depth: int = 0
    notes: Sequence[str] = ()
    past: Past | None = None
    above: Cancel | None = None


def run_pipeline(
    factory: Factory,
    name: str,
    parameters: Mapping[str, Any],
    services: AdfServices,
    *,
    parent_id: str | None = None,
    trigger: Mapping[str, Any] | None = None,
    run_id: str | None = None,
    recovery: Recovery | None = None,
) -> PipelineRun:
    """Run a pipeline to its end, and everything it starts.

    `parameters` keep their types, nothing is coerced. `trigger` may hold `type`, `name`, `id` and `time` of what
    started the run. `run_id` is the id it gets (default: a new one). With `recovery` it goes on from an earlier run of
    the pipeline, whose parameters `recovery.past_parameters` gives. Raises `UserError` for what can be seen before the
    run: an unknown pipeline, wrong parameters, a reference, expression or activity that cannot work; and `HistoryLost`
    when the run cannot be recorded any more. A run that fails is not an error: its status says so.
    """
    pipeline = factory.pipeline(name)
    pipelines = validate_for_run(factory, pipeline, services.stand_in)
    past, of_run = begin_recovery(services.runs, recovery, pipeline) if recovery else (None, None)
    system = {
        "TriggerType": "Manual",
        "TriggerId": str(uuid.uuid4()),
        "TriggerName": "Manual",
        "TriggeredByPipelineName": None,
        "TriggeredByPipelineRunId": None,
    }
    if trigger:
        system.update({f"Trigger{key.capitalize()}": value for key, value in trigger.items()})
    invoked_by = {"id": system["TriggerId"], "name": system["TriggerName"], "invokedByType": system["TriggerType"]}
    details = {"invokedBy": invoked_by, **_group(of_run)}
    if recovery and of_run:
        details.update(replace(recovery, of_run=of_run.id).details())
    watch = Watch(services.cancel, services.runs)
    runner = _Runner(factory, services, watch)
    idle = without_effect(factory, pipelines)
    notes = [f"Without effect here: {', '.join(idle)}"] if idle else []
    notes += [race for each in pipelines for race in races(each.activities)]

    def work() -> PipelineRun:
        values = runner.bound(pipeline, parameters, pipeline.place)
        return runner.run(_Begin(pipeline, values, system, details, parent_id, run_id, notes=notes, past=past))

    try:
        return call_apart(work, services.cancel, watch.look)
    finally:
        runner.close()


def _group(of_run: Run | None) -> dict[str, Any]:
    """The group that a rerun belongs to; a new run begins its own."""
    return {"runGroupId": of_run.details.get("runGroupId", of_run.id)} if of_run else {}


class _Runner:
    """One run and all its children: they share the masker, the threads and the limits of concurrency."""

    def __init__(self, factory: Factory, services: AdfServices, watch: Watch) -> None:
        self._factory = factory
        self._services = services
        self._watch = watch
        self._masker = Masker()
        self._limits = Limits(services.locks, services.clock)
        self._workers = Workers()
        self._activities = ActivityRunner(self._workers, watch.root.set)

    def close(self) -> None:
        """Give up threads and forget what was asked of the run."""
        self._workers.close()
        try:
            self._watch.close()
        except HistoryLost:
            pass  # what it was about is told already

    def bound(self, pipeline: Pipeline, parameters: Mapping[str, Any], where: Place) -> dict[str, Any]:
        """The values of all parameters. Raises `UserError`."""
        values = bind(pipeline.parameters, parameters, f"Pipeline '{pipeline.name}'", where)
        for name, value in values.items():
            if pipeline.parameters[name].type == "SecureString" and isinstance(value, str):
                self._masker.add(value)
        return values

    def run(self, begin: _Begin) -> PipelineRun:
        """Run a pipeline to its end, once its `concurrency` lets it."""
        run_id = begin.run_id or str(uuid.uuid4())
        details = {"runGroupId": run_id, **begin.details}
        cancel = self._watch.enter(run_id, begin.above)
        queued = False

        def record(waits: bool) -> None:
            self._services.runs.begin(
                RunKind.PIPELINE,
                begin.pipeline.name,
                type="Pipeline",
                input=self._masker({"parameters": begin.values}),
                parent_id=begin.parent_id,
                run_id=run_id,
                details=details,
                queued=waits,
            )

        def wait() -> None:
            nonlocal queued
            self._check_queue(begin.pipeline)
            queued = True
            record(True)

        try:
            try:
                release = self._limits.enter(begin.pipeline, cancel, wait)
            except Cancelled:
                self._services.runs.end(run_id, RunStatus.CANCELLED, error={"message": CANCELLED})
                return PipelineRun(run_id, RunStatus.CANCELLED, CANCELLED)
            try:
                if queued:
                    self._services.runs.started(run_id)
                else:
                    record(False)
                return self._run(begin, run_id, cancel, details["runGroupId"])
            finally:
                release()
        finally:
            self._watch.leave(run_id)

    def _check_queue(self, pipeline: Pipeline) -> None:
        """Raises `UserError` when too many runs of the pipeline wait already."""
        runs = self._services.runs
        if isinstance(runs, RunHistory) and runs.count_queued(pipeline.name) >= MAX_QUEUED:
            raise UserError(
                f"{MAX_QUEUED} runs of the pipeline '{pipeline.name}' wait already; more cannot",
                where=pipeline.place.at("concurrency"),
            )

    def _run(self, begin: _Begin, run_id: str, cancel: Cancel, group: str) -> PipelineRun:
        runs, pipeline = self._services.runs, begin.pipeline
        state = self._state(begin, run_id, cancel)
        token = current_run.set(run_id)
        try:
            for note in begin.notes:
                runs.note(note, run_id=run_id)
            scope = self._scope(begin, state, group)
            inside = None if begin.past is None else Inside(begin.past)
            result = self._activities.run_scope(state, pipeline.activities, scope, run_id, inside)
            for over in state.background:
                over.wait()
        except BaseException as error:
            # The history may be what has failed: the first error is the one to tell.
            if not isinstance(error, HistoryLost):
                failure = error_of("InternalError", str(error), SYSTEM_ERROR, pipeline.name)
                runs.end(run_id, RunStatus.FAILED, error=failure)
            raise
        finally:
            current_run.reset(token)
        return self._end(state, result)

    def _end(self, state: PipelineState, result: ScopeResult) -> PipelineRun:
        message = ""
        if result.failure is not None:
            message = f"Operation on target {result.failure[0]} failed: {result.failure[1]}"
        elif result.status is RunStatus.CANCELLED:
            message = CANCELLED
        output: dict[str, Any] = {"variables": state.variables.named()}
        if result.judged:
            output["decidedBy"] = list(result.judged)
        if state.return_value is not None:
            output["pipelineReturnValue"] = state.return_value
        failure = self._masker({"message": message}) if message else None
        self._services.runs.end(state.id, result.status, output=self._masker(output), error=failure)
        own = {
            activity.name: result.activities[activity.name.lower()]
            for activity in state.pipeline.activities
            if activity.name.lower() in result.activities
        }
        return PipelineRun(
            state.id, result.status, str(self._masker(message)), own, state.variables.named(), state.return_value
        )

    def _state(self, begin: _Begin, run_id: str, cancel: Cancel) -> PipelineState:
        pipeline = begin.pipeline
        state: PipelineState
        state = PipelineState(
            run_id,
            self._factory,
            pipeline,
            replace(self._services, cancel=cancel),
            Variables(pipeline.variables, start_values(pipeline)),
            self._masker,
            run_activities=lambda activities, scope, parent, inside=None: self._activities.run_scope(
                state, activities, scope, parent, inside
            ),
            run_pipeline=self._run_child,
            limits=self._limits,
            depth=begin.depth,
            workers=self._workers,
        )
        return state

    def _scope(self, begin: _Begin, state: PipelineState, group: str) -> Scope:
        services = self._services
        system = {
            "DataFactory": self._factory.name or self._factory.folder.name,
            "Pipeline": begin.pipeline.name,
            "RunId": state.id,
            "GroupId": group,
            "TriggerTime": services.clock.now().isoformat(timespec="microseconds").replace("+00:00", "0Z"),
            **begin.system,
            "parameters": begin.values,
            "globalParameters": self._factory.global_parameters,
        }
        return Scope(
            pipeline=system,
            variables=state.variables,
            activities={},
            clock=services.clock,
            guid=services.guid,
            random=services.random,
        )

    def _run_child(
        self,
        name: str,
        parameters: Mapping[str, Any],
        parent: PipelineState,
        parent_id: str,
        place: Place,
        *,
        run_id: str | None = None,
        past: Past | None = None,
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
        invoked_by = {
            "id": parent_id,
            "name": parent.pipeline.name,
            "invokedByType": "PipelineActivity",
            "pipelineName": parent.pipeline.name,
            "pipelineRunId": parent.id,
        }
        child = self._factory.pipeline(name, place)
        inner, of_run = child_past(past) or (None, None)
        details = {"invokedBy": invoked_by, **_group(of_run)}
        if of_run is not None:
            details.update({"isRecovery": True, "referencePipelineRunId": of_run.id})
        above = parent.services.cancel
        return self.run(
            _Begin(
                child,
                self.bound(child, parameters, place),
                system,
                details,
                parent_id,
                run_id,
                parent.depth + 1,
                past=inner,
                above=above if isinstance(above, Cancel) else None,
            )
        )
