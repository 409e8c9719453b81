"""Does what `plan` decides: writes trigger runs down, starts their pipelines, and follows what becomes of them.

https://learn.microsoft.com/azure/data-factory/concepts-pipeline-execution-triggers
"""

from __future__ import annotations

import queue
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol

from reelhouse.adf.expression.evaluate import evaluate
from reelhouse.adf.expression.scope import Scope
from reelhouse.adf.factory import Factory
from reelhouse.adf.trigger.definition import BlobEventsTrigger, CustomEventsTrigger, ScheduleTrigger, Trigger
from reelhouse.adf.trigger.events import (
    Blob,
    account_of,
    changes,
    container_of,
    settled,
    starts_on_blob,
    starts_on_event,
    topic_of,
)
from reelhouse.adf.trigger.plan import (
    OPEN,
    TriggerRunStatus,
    Windows,
    WindowState,
    WindowStep,
    after_failure,
    plan_schedule,
    plan_windows,
)
from reelhouse.adf.trigger.state import Switch, TriggerRun, TriggerStore
from reelhouse.clock import Clock
from reelhouse.errors import ReelhouseError, UserError, did_you_mean
from reelhouse.failpoints import reach
from reelhouse.runs.record import Run, RunStatus

GONE = "ProcessGone"
"""The error of a run whose process ended before it."""


class Starter(Protocol):
    """Starts pipeline runs that go on by themselves."""

    def start(
        self,
        pipeline: str,
        parameters: Mapping[str, Any],
        *,
        run_id: str,
        trigger: Mapping[str, Any],
        on_end: Callable[[], None],
    ) -> str:
        """Start a run under an id. Raises `UserError` for what can be seen before it runs."""

    def find(self, run_id: str) -> Run | None:
        """The run as the history has it, None when it has not begun."""

    def cancel(self, run_id: str) -> None:
        """Stop a run in order."""


ListBlobs = Callable[[str, str | None], Mapping[str, Blob]]
"""The files of a storage account, or of one of its containers, by `container/path`."""
Tell = Callable[[TriggerRun], None]


class TriggerRunner:
    """All triggers of a factory. `look` is called again and again by one thread; everything else from any thread."""

    def __init__(
        self,
        factory: Factory,
        store: TriggerStore,
        starter: Starter,
        list_blobs: ListBlobs,
        clock: Clock,
        tell: Tell = lambda run: None,
    ) -> None:
        self._factory, self._store, self._starter = factory, store, starter
        self._list_blobs, self._clock, self._tell = list_blobs, clock, tell
        self._lock = threading.RLock()
        self._ended: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._open: dict[str, TriggerRun] = {}
        self._windows: dict[str, dict[int, TriggerRun]] = {}
        self._seen: dict[str, Mapping[str, Blob]] = {}
        self._blobs: dict[str, dict[str, Blob]] = {}
        self._switches = store.switches()
        self._stopping = False
        self._begin()

    # -- what a person or a client asks ------------------------------------------------------------------------

    def trigger(self, name: str) -> Trigger:
        """The trigger of that name. Raises `UserError`."""
        if ("trigger", name) in self._factory.faulty:
            raise self._factory.faulty["trigger", name].error()
        if name not in self._factory.triggers:
            remedy = did_you_mean(name, self._factory.triggers)
            raise UserError(f"The factory has no trigger '{name}'", remedy=remedy)
        return self._factory.triggers[name]

    def is_started(self, name: str) -> bool:
        """Whether a trigger starts runs."""
        switch = self._switches.get(self.trigger(name).name)
        return switch is not None and switch.started

    def start(self, name: str) -> None:
        """Start a trigger. What it missed while it was stopped stays missed, windows apart."""
        with self._lock:
            if not self.is_started(name):
                self._turn(name, Switch(True, self._clock.now()))

    def stop(self, name: str) -> None:
        """Stop a trigger. Runs that have begun go on."""
        with self._lock:
            if self.is_started(name):
                self._turn(name, Switch(False, self._clock.now()))

    def publish(self, topic: str, events: Sequence[Mapping[str, Any]]) -> int:
        """Hand events of a topic to the custom event triggers; how many runs that started. Written down on return."""
        runs = []
        with self._lock:
            for trigger in self._started(CustomEventsTrigger):
                assert isinstance(trigger.settings, CustomEventsTrigger)
                if topic_of(trigger.settings).lower() != topic.lower():
                    continue
                wanted = [event for event in events if starts_on_event(trigger.settings, event)]
                runs += [self._new(trigger, str(uuid.uuid4()), {"body": {"event": event}}) for event in wanted]
            if runs:
                self._write(*runs)
            for run in runs:
                self._launch(run)
        return len(runs)

    def rerun(self, name: str, run_id: str) -> None:
        """Run a window again that has ended. Its dependencies are checked again. Raises `UserError`."""
        with self._lock:
            run = self._run_of(name, run_id)
            if run.window is None:
                raise UserError("Only runs of tumbling window triggers can be run again", where=None)
            if run.status in OPEN:
                raise UserError(f"The trigger run '{run.id}' has not ended: {run.status.value}")
            past = {**run.past, **run.pipelines}
            now = self._clock.now()
            self._write(
                replace(run, status=TriggerRunStatus.WAITING, since=now, pipelines={}, past=past, failed_tries=0,
                        next_try=None, message="")
            )  # fmt: skip

    def cancel(self, name: str, run_id: str) -> None:
        """Stop a window that waits or runs. Raises `UserError`."""
        with self._lock:
            run = self._run_of(name, run_id)
            if run.window is None:
                raise UserError("Only runs of tumbling window triggers can be cancelled")
            if run.status not in OPEN:
                raise UserError(f"The trigger run '{run.id}' has ended already: {run.status.value}")
            if run.status is TriggerRunStatus.RUNNING:
                for pipeline_run in run.pipelines:
                    self._starter.cancel(pipeline_run)
            else:
                self._write(replace(run, status=TriggerRunStatus.CANCELLED))

    def runs(self, after: datetime, before: datetime) -> list[TriggerRun]:
        """The trigger runs of a time, newest first."""
        return self._store.between(after, before)

    def stopping(self) -> None:
        """From now on runs end because the program ends: windows that are cancelled run again next time."""
        with self._lock:
            self._stopping = True

    # -- what the loop does ------------------------------------------------------------------------------------

    def look(self) -> None:
        """Follow the runs that have ended, then start what is due."""
        with self._lock:
            self._follow()
            if self._stopping:
                return
            now = self._clock.now()
            for trigger in self._started(ScheduleTrigger):
                self._look_at_schedule(trigger, now)
            for trigger in self._started(BlobEventsTrigger):
                self._look_at_files(trigger)
            self._look_at_windows(now)

    def _look_at_schedule(self, trigger: Trigger, now: datetime) -> None:
        for at in plan_schedule(trigger, self._switches[trigger.name].since, now):
            run = self._new(trigger, at.isoformat(), {}, scheduled=at)
            switch = Switch(True, at)
            self._write(run, switch=(trigger.name, switch))
            self._launch(run)

    def _look_at_files(self, trigger: Trigger) -> None:
        settings, name = trigger.settings, trigger.name
        assert isinstance(settings, BlobEventsTrigger)
        listed = self._list_blobs(account_of(settings), container_of(settings))
        switch = self._switches[name]
        if name not in self._blobs:
            self._blobs[name] = self._store.blobs(name)
        known = self._blobs[name]
        earlier = self._seen.get(name, {})
        self._seen[name] = listed
        if not switch.listed:  # what lies there when the trigger is started starts nothing
            self._switches[name] = replace(switch, listed=True)
            self._store.put_blobs(name, (), dict(listed), self._switches[name])
            self._blobs[name] = dict(listed)
            return
        now = settled(earlier, listed, known)
        events = changes(known, now)
        if not events:
            return
        runs = [
            self._new(trigger, str(uuid.uuid4()), {"body": event.body()})
            for event in events
            if starts_on_blob(settings, event)
        ]
        self._store.put_blobs(name, runs, {event.path: now.get(event.path) for event in events}, switch)
        self._blobs[name] = now
        reach("trigger.recorded")
        for run in runs:
            self._keep(run)
            self._launch(run)

    def _look_at_windows(self, now: datetime) -> None:
        windows = {
            trigger.name: Windows(trigger.window, _states(self._windows.get(trigger.name, {})))
            for trigger in self._factory.triggers.values()
            if trigger.window is not None and ("trigger", trigger.name) not in self._factory.faulty
        }
        for name, state in windows.items():
            started = name in self._switches and self._switches[name].started
            for step in plan_windows(name, state, windows, now, started=started):
                self._do(step, now)

    def _do(self, step: WindowStep, now: datetime) -> None:
        trigger = self._factory.triggers[step.trigger]
        run = self._windows.get(step.trigger, {}).get(step.index)
        if run is None:
            run = self._new_window(trigger, step.index)
        run = replace(run, status=step.to, message=step.why, since=now, next_try=None)
        if step.to is TriggerRunStatus.RUNNING:
            run = replace(run, pipelines=_planned(trigger), past={**run.past, **run.pipelines})
        self._write(run)
        if step.to is TriggerRunStatus.RUNNING:
            self._launch(run)

    # -- starting and following pipeline runs ------------------------------------------------------------------

    def _launch(self, run: TriggerRun) -> None:
        """Start the pipeline runs of a trigger run that have not begun."""
        trigger = self._factory.triggers[run.name]
        info = {"type": run.type, "name": run.name, "id": run.id, "time": time_text(run.at)}
        scope = Scope(trigger=run.scope, clock=self._clock)
        try:
            values = [evaluate(reference.parameters, scope, reference.place) for reference in trigger.pipelines]
        except ReelhouseError as error:
            self._write(replace(run, status=TriggerRunStatus.FAILED, message=str(error)))
            return
        if list(run.pipelines.values()) != [reference.name for reference in trigger.pipelines]:
            why = f"The pipelines of the trigger have changed since {run.at:%Y-%m-%d %H:%M:%S}"
            self._write(replace(run, status=TriggerRunStatus.FAILED, message=why))
            return
        failed = []
        for pipeline_run, parameters in zip(run.pipelines, values, strict=True):
            if self._starter.find(pipeline_run) is not None:
                continue
            try:
                self._starter.start(
                    run.pipelines[pipeline_run],
                    parameters,
                    run_id=pipeline_run,
                    trigger=info,
                    on_end=lambda: self._ended.put(run.id),
                )
            except ReelhouseError as error:
                failed.append(str(error))
            reach("trigger.started")
        if failed:
            self._write(replace(run, status=TriggerRunStatus.FAILED, message=" ".join(failed)))

    def _follow(self) -> None:
        while not self._ended.empty():
            self._ended.get()
        for run in list(self._open.values()):
            if run.status is TriggerRunStatus.RUNNING:
                self._settle(run, [self._starter.find(pipeline_run) for pipeline_run in run.pipelines])

    def _settle(self, run: TriggerRun, found: Sequence[Run | None]) -> None:
        if run.window is None:
            if all(found):  # fire and forget: it has succeeded once the runs have begun
                self._write(replace(run, status=TriggerRunStatus.SUCCEEDED))
            return
        done = [each for each in found if each is not None and each.status is not RunStatus.IN_PROGRESS]
        if len(done) < len(found):
            return
        status = next((each.status for each in done if each.status is not RunStatus.SUCCEEDED), RunStatus.SUCCEEDED)
        if status is RunStatus.SUCCEEDED:
            self._write(replace(run, status=TriggerRunStatus.SUCCEEDED, message=""))
        elif status is RunStatus.CANCELLED:
            if not self._stopping:
                self._write(replace(run, status=TriggerRunStatus.CANCELLED))
        else:
            self._failed(run, done)

    def _failed(self, run: TriggerRun, done: Sequence[Run]) -> None:
        rule = self._factory.triggers[run.name].window
        assert rule is not None
        tries = run.failed_tries + 1
        next_try = after_failure(rule, tries, self._clock.now())
        status = TriggerRunStatus.FAILED if next_try is None else TriggerRunStatus.WAITING
        errors = [each.error for each in done if isinstance(each.error, Mapping)]
        message = str(errors[0].get("message", "")) if errors else ""
        self._write(replace(run, status=status, next_try=next_try, failed_tries=tries, message=message))

    # -- going on after an end ---------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Take up what an earlier process has left. Occurrences of schedules that were missed stay missed."""
        now = self._clock.now()
        for trigger in self._factory.triggers.values():
            known = self._switches.get(trigger.name)
            if known is None:
                self._turn(trigger.name, Switch(trigger.started, now))
            elif isinstance(trigger.settings, ScheduleTrigger):
                self._switches[trigger.name] = replace(known, since=now)
            if trigger.window is not None:
                for run in self._store.windows(trigger.name):
                    self._keep(run)
        for run in self._store.open_runs():
            if run.name in self._factory.triggers:
                self._keep(run)
                self._take_up(run)

    def _take_up(self, run: TriggerRun) -> None:
        if run.status is not TriggerRunStatus.RUNNING:
            return
        found = {pipeline_run: self._starter.find(pipeline_run) for pipeline_run in run.pipelines}
        if run.window is not None and any(_was_cut(each) for each in found.values()):
            # The pipeline did not fail, its process was ended: that counts as no try.
            again = _planned(self._factory.triggers[run.name])
            run = replace(run, pipelines=again, past={**run.past, **run.pipelines})
            self._write(run)
        self._launch(run)

    # -- plumbing ----------------------------------------------------------------------------------------------

    def _started(self, kind: type) -> list[Trigger]:
        return [
            trigger
            for trigger in self._factory.triggers.values()
            if isinstance(trigger.settings, kind) and self._switches[trigger.name].started
            and ("trigger", trigger.name) not in self._factory.faulty
        ]  # fmt: skip

    def _turn(self, name: str, switch: Switch) -> None:
        self._store.switch(name, switch)
        self._switches[name] = switch
        self._blobs.pop(name, None)
        self._seen.pop(name, None)

    def _run_of(self, name: str, run_id: str) -> TriggerRun:
        run = self._store.run(run_id)
        if run is None or run.name != self.trigger(name).name:
            raise UserError(f"The trigger '{name}' has no run '{run_id}'")
        return run

    def _new(
        self, trigger: Trigger, key: str, outputs: Mapping[str, Any], scheduled: datetime | None = None
    ) -> TriggerRun:
        now = self._clock.now()
        scope: dict[str, Any] = {"name": trigger.name, "startTime": time_text(now)}
        if scheduled is not None:
            scope["scheduledTime"] = time_text(scheduled)
        if outputs:
            scope["outputs"] = dict(outputs)
        status = TriggerRunStatus.RUNNING
        run_id = str(uuid.uuid4())
        return TriggerRun(run_id, trigger.name, trigger.type, key, status, now, now, scope, _planned(trigger))

    def _new_window(self, trigger: Trigger, index: int) -> TriggerRun:
        assert trigger.window is not None
        start, end = trigger.window.window(index)
        outputs = {"windowStartTime": time_text(start), "windowEndTime": time_text(end)}
        run = self._new(trigger, start.isoformat(), outputs, scheduled=end + trigger.window.delay)
        return replace(run, window=index, pipelines={})

    def _write(self, *runs: TriggerRun, switch: tuple[str, Switch] | None = None) -> None:
        self._store.put(*runs, switch=switch)
        if switch is not None:
            self._switches[switch[0]] = switch[1]
        reach("trigger.recorded")
        for run in runs:
            self._keep(run)

    def _keep(self, run: TriggerRun) -> None:
        if run.status in OPEN:
            self._open[run.id] = run
        else:
            self._open.pop(run.id, None)
        if run.window is not None:
            self._windows.setdefault(run.name, {})[run.window] = run
        self._tell(run)


def time_text(moment: datetime) -> str:
    """A moment as expressions have it, in UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "0Z"


def _planned(trigger: Trigger) -> dict[str, str]:
    return {str(uuid.uuid4()): reference.name for reference in trigger.pipelines}


def _states(runs: Mapping[int, TriggerRun]) -> dict[int, WindowState]:
    return {index: WindowState(run.status, run.since, run.next_try) for index, run in runs.items()}


def _was_cut(run: Run | None) -> bool:
    """Whether a run ended because its process did."""
    if run is None:
        return False
    gone = isinstance(run.error, Mapping) and run.error.get("errorCode") == GONE
    return run.status is RunStatus.CANCELLED or (run.status is RunStatus.FAILED and gone)
