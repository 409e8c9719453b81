"""A pipeline gone through by hand: which activities are ready, and what becomes ready when one has ended.

Nothing runs. `plan.step` decides, as it does in a real run; conditions and the items of loops are evaluated, variables
are set, and everything else ends as the test says.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reelhouse.adf.activity.context import (
    ActivityContext,
    Limits,
    Masker,
    PipelineState,
    ScopeResult,
    Variables,
    Work,
    as_boolean,
)
from reelhouse.adf.activity.flow import DEFAULT_BATCH, raise_if_failed
from reelhouse.adf.activity.registry import ACTIVITIES
from reelhouse.adf.definition import Activity, Pipeline
from reelhouse.adf.errors import USER_ERROR, ActivityFailed
from reelhouse.adf.expression.evaluate import evaluate
from reelhouse.adf.expression.scope import NOTHING, Scope
from reelhouse.adf.factory import Factory
from reelhouse.adf.parameters import bind, start_values
from reelhouse.adf.plan import step
from reelhouse.adf.services import AdfServices
from reelhouse.adf.settings import ForEach, Until
from reelhouse.clock import Clock
from reelhouse.errors import Place, UserError, did_you_mean
from reelhouse.runs.record import RunStatus
from reelhouse.storage.lake import Lake
from reelhouse.testing.inputs import evaluated_input
from reelhouse.testing.scopes import make_scope
from reelhouse.testing.watch import Log

DONE_HERE = ("AppendVariable", "Fail", "Filter", "SetVariable", "Wait")
"""Activities whose work touches nothing outside of the run: finishing one does it."""


@dataclass(frozen=True)
class Ready:
    """An activity that could run now, with its evaluated input. `item` is that of the ForEach around it."""

    name: str
    type: str
    input: Mapping[str, Any]
    item: Any
    work: Work | None = field(repr=False, compare=False)
    frame: _Frame = field(repr=False, compare=False)


@dataclass
class _Frame:
    """One scope of activities: the pipeline, a branch, an iteration. `ended` takes its result."""

    activities: Sequence[Activity]
    scope: Scope
    ended: Callable[[ScopeResult], None]
    states: dict[str, RunStatus] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    over: bool = False


class _Enter(Exception):
    """A container goes into one of its branches."""

    def __init__(self, activities: Sequence[Activity], scope: Scope) -> None:
        super().__init__()
        self.activities = activities
        self.scope = scope


class Steps:
    """`ready` names what could run now, in the order of the definition; `status` is InProgress until nothing is left.

    `statuses` has the state of every activity that was decided (the last one, inside of loops), `message` why the
    pipeline failed, `variables` what its variables hold.
    """

    def __init__(
        self,
        factory: Factory,
        pipeline: Pipeline,
        parameters: Mapping[str, Any],
        clock: Clock,
        guid: Callable[[], str] | None = None,
    ) -> None:
        values = bind(pipeline.parameters, parameters, f"Pipeline '{pipeline.name}'", pipeline.place)
        scope = make_scope(factory, pipeline=pipeline.name, parameters=values, clock=clock)
        services = AdfServices(lake=Lake(Path()), runs=Log(clock), clock=clock)
        self._factory = factory
        self._state = PipelineState(
            str(uuid.uuid4()),
            factory,
            pipeline,
            services,
            Variables(pipeline.variables, start_values(pipeline)),
            Masker(),
            run_activities=_enter,
            run_pipeline=_refuse,
            limits=Limits(),
        )
        self._ready: list[Ready] = []
        self.status = RunStatus.IN_PROGRESS
        self.message = ""
        self.statuses: dict[str, RunStatus] = {}
        scope = replace(scope, variables=self._state.variables, activities={}, guid=guid or services.guid)
        self._go_on(_Frame(pipeline.activities, scope, self._pipeline_ended))

    @property
    def ready(self) -> list[str]:
        """The names of the activities that could run now. In parallel iterations a name stands there several times."""
        return [item.name for item in self._ready]

    @property
    def variables(self) -> dict[str, Any]:
        return self._state.variables.named()

    @property
    def return_value(self) -> Mapping[str, Any] | None:
        return self._state.return_value

    def activity(self, name: str, *, item: Any = NOTHING) -> Ready:
        """A ready activity, with its input; that of an iteration when `item` is given. Raises `UserError`."""
        for ready in self._ready:
            if ready.name == name and (item is NOTHING or ready.item == item):
                return ready
        raise UserError(f"The activity '{name}' is not ready", remedy=did_you_mean(name, self.ready))

    def finish(self, name: str, output: Mapping[str, Any] | None = None, *, item: Any = NOTHING) -> Steps:
        """The activity succeeds with this output. Without one, SetVariable, AppendVariable, Filter, Wait and Fail do
        their own work."""
        ready = self._take(name, item)
        if output is None and ready.work is not None:
            try:
                output = ready.work.run()
            except ActivityFailed as error:
                self._end(ready.frame, name, error=error)
                return self
        self._end(ready.frame, name, output=output or {})
        return self

    def fail(
        self,
        name: str,
        message: str = "failed by the test",
        *,
        code: str = "Failed",
        failure_type: str = USER_ERROR,
        item: Any = NOTHING,
    ) -> Steps:
        """The activity fails, after all its tries."""
        ready = self._take(name, item)
        self._end(ready.frame, name, error=ActivityFailed(code, message, failure_type=failure_type))
        return self

    # -- how it goes on --------------------------------------------------------------------------------------

    def _take(self, name: str, item: Any) -> Ready:
        ready = self.activity(name, item=item)
        self._ready = [other for other in self._ready if other is not ready]
        return ready

    def _end(
        self, frame: _Frame, name: str, *, output: Mapping[str, Any] | None = None, error: ActivityFailed | None = None
    ) -> None:
        status = RunStatus.FAILED if error else RunStatus.SUCCEEDED
        frame.states[name] = self.statuses[name] = status
        result: dict[str, Any] = {"output": dict(output or {}), "status": status.value}
        if error is not None:
            frame.messages[name] = error.message
            result["error"] = {
                "errorCode": error.code,
                "message": error.message,
                "failureType": error.failure_type,
                "target": name,
                "details": error.details,
            }
        frame.results[name.lower()] = result
        self._go_on(frame)

    def _go_on(self, frame: _Frame) -> None:
        """Start what can start in a scope, and end the scope when nothing is left."""
        while not frame.over:
            decided = step(frame.activities, frame.states)
            for name, status in decided.settled.items():
                frame.states[name] = self.statuses[name] = status
                frame.results[name.lower()] = {"status": status.value}
            if decided.result is not None:
                frame.over = True
                failed = decided.failed[0] if decided.failed else None
                failure = (failed, frame.messages.get(failed, "")) if failed else None
                before = frame.scope.activities or {}
                frame.ended(ScopeResult(decided.result, failure, {**before, **frame.results}))
                return
            if not decided.start:
                return
            by_name = {activity.name: activity for activity in frame.activities}
            for name in decided.start:
                frame.states[name] = self.statuses[name] = RunStatus.IN_PROGRESS
            for name in decided.start:
                self._start(frame, by_name[name])

    def _start(self, frame: _Frame, activity: Activity) -> None:
        scope = replace(frame.scope, activities={**(frame.scope.activities or {}), **frame.results})
        ctx = ActivityContext(activity, scope, self._state, str(uuid.uuid4()))
        try:
            if activity.branches and isinstance(activity.settings, ForEach):
                self._for_each(ctx, activity.settings, frame)
            elif activity.branches and isinstance(activity.settings, Until):
                ACTIVITIES[activity.type](ctx)
                self._until(ctx, activity.settings, frame, scope)
            elif activity.branches:
                self._branch(ctx, frame)
            else:
                work = ACTIVITIES[activity.type](ctx) if activity.type in DONE_HERE else None
                shown = evaluated_input(activity, scope, self._factory)
                self._ready.append(Ready(activity.name, activity.type, shown, scope.item, work, frame))
        except ActivityFailed as error:
            self._end(frame, activity.name, error=error)
        except UserError as error:
            self._end(frame, activity.name, error=ActivityFailed(getattr(error, "code", "BadRequest"), str(error)))

    def _branch(self, ctx: ActivityContext, frame: _Frame) -> None:
        """IfCondition and Switch: they choose, and what is chosen is a scope of its own."""
        name = ctx.activity.name
        try:
            ACTIVITIES[ctx.activity.type](ctx).run()
        except _Enter as chosen:
            inner = _Frame(chosen.activities, chosen.scope, lambda result: self._container_ended(frame, name, result))
            self._go_on(inner)

    def _for_each(self, ctx: ActivityContext, settings: ForEach, frame: _Frame) -> None:
        """Iterations are dealt to queues in advance; each queue takes its next one when the one before has ended."""
        ACTIVITIES[ctx.activity.type](ctx)
        items = ctx.value(settings.items, "items")
        count = 1 if settings.is_sequential else min(settings.batch_count or DEFAULT_BATCH, len(items))
        failed: dict[int, ScopeResult] = {}
        left = len(items)

        def start(index: int) -> None:
            if index < len(items):
                scope = replace(ctx.scope, item=items[index])
                self._go_on(_Frame(ctx.activity.branches["body"], scope, lambda result: over(index, result)))

        def over(index: int, result: ScopeResult) -> None:
            nonlocal left
            left -= 1
            if result.status is not RunStatus.SUCCEEDED:
                failed[index] = result
            start(index + count)
            if not left:
                first = failed[min(failed)] if failed else ScopeResult(RunStatus.SUCCEEDED)
                self._container_ended(frame, ctx.activity.name, first)

        if not items:
            self._end(frame, ctx.activity.name)
        for index in range(min(count, len(items))):
            start(index)

    def _until(self, ctx: ActivityContext, settings: Until, frame: _Frame, scope: Scope) -> None:
        """One iteration after the other; a failure inside does not end it, its condition does."""

        def over(result: ScopeResult) -> None:
            inside = replace(scope, activities=result.activities)
            try:
                condition = evaluate(settings.expression, inside, ctx.properties.at("expression"))
                met = as_boolean(ctx, condition, "expression")
            except (ActivityFailed, UserError) as error:
                code = getattr(error, "code", "BadRequest")
                self._end(frame, ctx.activity.name, error=ActivityFailed(code, str(error)))
                return
            if met:
                self._end(frame, ctx.activity.name)
            else:
                again()

        def again() -> None:
            self._go_on(_Frame(ctx.activity.branches["body"], scope, over))

        again()

    def _container_ended(self, frame: _Frame, name: str, result: ScopeResult) -> None:
        try:
            raise_if_failed(result)
        except ActivityFailed as error:
            self._end(frame, name, error=error)
        else:
            self._end(frame, name)

    def _pipeline_ended(self, result: ScopeResult) -> None:
        self.status = result.status
        if result.failure is not None:
            self.message = f"Operation on target {result.failure[0]} failed: {result.failure[1]}"


def _enter(activities: Sequence[Activity], scope: Scope, parent_id: str, inside: Any = None) -> ScopeResult:
    raise _Enter(activities, scope)


def _refuse(
    name: str, parameters: Mapping[str, Any], parent: PipelineState, parent_id: str, place: Place, **more: Any
) -> Any:
    raise AssertionError("steps start no pipelines")
