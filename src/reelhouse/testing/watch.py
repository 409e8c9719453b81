"""Watches a run from the inside: plays the faked activities, and keeps what a test may ask for afterwards."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reelhouse.adf.activity.context import ActivityContext, Prepare, ScopeResult, Work
from reelhouse.adf.definition import Activity, Pipeline
from reelhouse.adf.expression.scope import NOTHING, Scope
from reelhouse.adf.run import PipelineRun
from reelhouse.clock import Clock
from reelhouse.errors import InternalError
from reelhouse.runs.record import ExpectationResult, Run, RunKind, RunStatus, TableChange, current_run
from reelhouse.testing.fakes import Fakes
from reelhouse.testing.results import Activities, ActivityResult, Attempt, PipelineResult

LOOPS = ("ForEach", "Until")


class Log:
    """The port for runs, in memory."""

    def __init__(self, clock: Clock) -> None:
        self.runs: dict[str, Run] = {}
        self.notes: list[str] = []
        self._clock = clock
        self._lock = threading.Lock()
        self._listeners: list[Callable[[Any], None]] = []

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
        parent = parent_id or current_run.get()
        now, said = self._clock.now(), dict(details or {})
        status = RunStatus.QUEUED if queued else RunStatus.IN_PROGRESS
        run = Run(run_id or str(uuid.uuid4()), kind, name, type, parent, now, dict(input or {}), status, details=said)
        with self._lock:
            self.runs[run.id] = run
        self._tell(run)
        return run

    def started(self, run_id: str) -> None:
        with self._lock:
            run = self.runs[run_id] = replace(self.runs[run_id], status=RunStatus.IN_PROGRESS)
        self._tell(run)

    def end(self, run_id: str, status: RunStatus, *, output: Any = None, error: Any = None) -> None:
        with self._lock:
            run = replace(self.runs[run_id], status=status, ended_at=self._clock.now(), output=output, error=error)
            self.runs[run_id] = run
        self._tell(run)

    def table_changed(self, change: TableChange, *, run_id: str | None = None) -> None:
        self._tell(change)

    def expectation(self, result: ExpectationResult, *, run_id: str | None = None) -> None:
        self._tell(result)

    def note(self, message: str, *, run_id: str | None = None) -> None:
        self.notes.append(message)

    def subscribe(self, listener: Callable[[Any], None]) -> None:
        self._listeners.append(listener)

    def newest(self) -> str | None:
        """The id of the run that began last."""
        return next(reversed(self.runs), None)

    def close(self) -> None:
        """Nothing is open."""

    def _tell(self, event: Any) -> None:
        for listener in self._listeners:
            listener(event)


@dataclass
class _Seen:
    """One activity, or one iteration of it: when it was met, and the ids of its tries."""

    order: int
    activity: Activity
    item: Any
    attempts: list[str] = field(default_factory=list)


@dataclass
class _SeenPipeline:
    activities: list[_Seen] = field(default_factory=list)
    children: list[PipelineRun] = field(default_factory=list)


class Watch:
    """The stand-in of a run: decides who is played, and sees every activity and every scope of activities."""

    def __init__(self, fakes: Fakes, log: Log) -> None:
        self._fakes = fakes
        self._log = log
        self._pipelines: dict[str, _SeenPipeline] = {}
        self._tries: dict[int, tuple[Any, _Seen]] = {}
        self._count = itertools.count()
        self._lock = threading.Lock()

    # -- what happens ----------------------------------------------------------------------------------------

    def plays(self, pipeline: str, activity: str) -> bool:
        return self._fakes.key(pipeline, activity) is not None

    def prepare(self, ctx: ActivityContext, real: Prepare | None) -> Work:
        seen = self._meet(ctx)
        key = self._fakes.key(ctx.run.pipeline.name, ctx.activity.name)
        if key is not None:
            return self._fakes.work(key, ctx, len(seen.attempts))
        if real is None:
            raise InternalError(f"Nothing does the work of activities of type '{ctx.activity.type}'")
        return real(replace(ctx, run=self._watched(ctx)))

    def _meet(self, ctx: ActivityContext) -> _Seen:
        with self._lock:
            # All tries of an activity share their memory; it is kept so that no other can take its identity.
            _, seen = self._tries.get(id(ctx.memory), (None, None))
            if seen is None:
                seen = _Seen(next(self._count), ctx.activity, ctx.scope.item)
                self._tries[id(ctx.memory)] = (ctx.memory, seen)
                self._pipeline(ctx.run.id).activities.append(seen)
            seen.attempts.append(ctx.run_id)
            return seen

    def _watched(self, ctx: ActivityContext) -> Any:
        """The run as the activity sees it: what it starts below itself passes by here."""
        run = ctx.run

        def run_activities(
            activities: Sequence[Activity], scope: Scope, parent_id: str, *more: Any, **named: Any
        ) -> ScopeResult:
            result = run.run_activities(activities, scope, parent_id, *more, **named)
            self._skipped(run.id, activities, result.activities, scope.item)
            return result

        def run_pipeline(
            name: str, parameters: Mapping[str, Any], parent: Any, parent_id: str, place: Any, **more: Any
        ) -> Any:
            # The run itself is handed on: what is below it has to change the one that others see.
            child = run.run_pipeline(name, parameters, run, parent_id, place, **more)
            with self._lock:
                self._pipeline(run.id).children.append(child)
            return child

        if ctx.activity.branches:
            return replace(run, run_activities=run_activities)
        if ctx.activity.type == "ExecutePipeline":
            return replace(run, run_pipeline=run_pipeline)
        return run

    def _skipped(self, run_id: str, activities: Sequence[Activity], results: Mapping[str, Any], item: Any) -> None:
        with self._lock:
            for activity in activities:
                result = results.get(activity.name.lower(), {})
                if result.get("status") in (RunStatus.SKIPPED, RunStatus.INACTIVE) and "ActivityRunId" not in result:
                    self._pipeline(run_id).activities.append(_Seen(next(self._count), activity, item))

    def _pipeline(self, run_id: str) -> _SeenPipeline:
        return self._pipelines.setdefault(run_id, _SeenPipeline())

    # -- what came of it -------------------------------------------------------------------------------------

    def result(self, run: PipelineRun, pipelines: Mapping[str, Pipeline]) -> PipelineResult:
        """How a pipeline and all that it started went."""
        record = self._log.runs[run.id]
        pipeline = pipelines[record.name]
        self._skipped(
            run.id, pipeline.activities, {name.lower(): value for name, value in run.activities.items()}, NOTHING
        )
        seen = sorted(self._pipeline(run.id).activities, key=lambda item: item.order)
        places = where_activities_stand(pipeline.activities)
        results: dict[str, Any] = {name: [] for name, (_, loop) in places.items() if loop}
        for item in seen:
            result = self._activity(item)
            if places[item.activity.name][1]:
                results[item.activity.name].append(result)
            else:
                results[item.activity.name] = result
        order = [name for name in places if name in results]
        return PipelineResult(
            run.id,
            record.name,
            run.status,
            run.message,
            Activities({name: results[name] for name in order}, {name: text for name, (text, _) in places.items()}),
            run.variables,
            run.return_value,
            tuple(item.activity.name for item in seen if item.attempts),
            tuple(self.result(child, pipelines) for child in self._pipeline(run.id).children),
            record.input.get("parameters", {}),
            tuple(self._log.notes),
        )

    def _activity(self, seen: _Seen) -> ActivityResult:
        attempts = tuple(
            Attempt(run.status, run.input, run.output, run.error, run.started_at, run.ended_at)
            for run in (self._log.runs[run_id] for run_id in seen.attempts if run_id in self._log.runs)
        )
        if attempts:
            status = attempts[-1].status
        else:
            status = RunStatus.INACTIVE if seen.activity.inactive_as is not None else RunStatus.SKIPPED
        return ActivityResult(seen.activity.name, seen.activity.type, status, attempts, seen.item)


def where_activities_stand(
    activities: Sequence[Activity], inside: str = "", loop: bool = False
) -> dict[str, tuple[str, bool]]:
    """Each activity with words for where it stands, and whether a loop is around it."""
    places: dict[str, tuple[str, bool]] = {}
    for activity in activities:
        places[activity.name] = (inside or "the run ended before", loop)
        for key, branch in activity.branches.items():
            words = f"it stands in '{key}' of '{activity.name}'"
            places.update(where_activities_stand(branch, words, loop or activity.type in LOOPS))
    return places
