"""One run of a job: tasks in threads of their own, started as the plan says."""

from __future__ import annotations

import contextvars
import json
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from reelhouse.jobs.definition import Bundle, ForEachTask, JobDefinition, NotebookTask, RunJobTask, Task
from reelhouse.jobs.parallel import LOOK_EVERY_SECONDS, Stop, in_parallel
from reelhouse.jobs.plan import FINE, Result, TaskState, job_result, next_step, retries
from reelhouse.jobs.references import ABSENT, ReferenceContext, TaskFacts, resolve, resolve_value
from reelhouse.jobs.results import STATUS, JobRun, TaskRun, message_of
from reelhouse.jobs.services import JobServices
from reelhouse.jobs.tasks import Outcome, TaskFailed, TaskRunner
from reelhouse.jobs.validate import upstream
from reelhouse.jobs.values import TaskValues
from reelhouse.notebooks.threads import Cancelled, Interrupted, TimedOut, call_in_thread
from reelhouse.runs.record import RunKind, current_run

InnerRun = Callable[[str, Mapping[str, str], JobServices, str], JobRun]
"""Runs another job of the bundle: its key, parameters, services and parent run."""


class JobExecution:
    """One run of a job."""

    def __init__(
        self,
        bundle: Bundle,
        job: JobDefinition,
        given: Mapping[str, str],
        services: JobServices,
        run_id: str,
        started_at: datetime,
        run_inner: InnerRun,
    ) -> None:
        self._bundle = bundle
        self._run_inner = run_inner
        self._job = job
        self._services = services
        self._run_id = run_id
        self._stop = Stop()
        self._values = TaskValues()
        self._finished: queue.SimpleQueue[TaskRun] = queue.SimpleQueue()
        self._states: dict[str, TaskState] = {}
        self._results: dict[str, TaskRun] = {}
        self._timed_out = False
        self.interrupted: BaseException | None = None
        self._base = ReferenceContext(
            job_id=job.id,
            job_name=job.name,
            job_run_id=run_id,
            started_at=started_at,
            trigger_type=services.trigger_type,
        )
        merged = {**job.parameters, **given}
        place = job.place.at("parameters")
        self._parameters = {name: resolve(value, self._base, place.at(name)) for name, value in merged.items()}
        self._runner = TaskRunner(bundle, services, self._values, self._parameters)

    # -- the job

    def run(self) -> JobRun:
        """Run to the end. An interruption stops the tasks in order; it is kept in `interrupted`.

        The loop has a thread of its own, so that Ctrl-C comes while this one waits and never between two steps.
        """
        context = contextvars.copy_context()
        over = threading.Event()
        failure: list[BaseException] = []

        def body() -> None:
            try:
                context.run(self._loop)
            except BaseException as error:
                failure.append(error)
            finally:
                over.set()

        loop = threading.Thread(target=body, name=f"job {self._job.key}", daemon=True)
        while not over.is_set():
            try:
                if loop.ident is None:
                    loop.start()
                over.wait(LOOK_EVERY_SECONDS)
            except (KeyboardInterrupt, Interrupted) as interruption:
                if self.interrupted is not None:
                    raise
                self.interrupted = interruption
                self._stop.set()
        if failure:
            raise failure[0]
        return self._result()

    def _loop(self) -> None:
        """Take steps until every task has a result."""
        tasks = self._job.tasks
        states = self._states
        deadline = self._services.clock.monotonic() + self._job.timeout_seconds
        while len(self._results) < len(tasks):
            step = next_step(tasks, states, cancelled=self._stop.is_set())
            for key, result in step.settle:
                states[key] = TaskState(result)
                self._results[key] = self._settled(key, result)
            for key in step.start:
                states[key] = TaskState()
                self._start(next(t for t in tasks if t.key == key))
            if step.settle:
                continue
            ended = self._wait(deadline)
            if ended is not None:
                states[ended.key] = TaskState(ended.result, ended.condition)
                self._results[ended.key] = ended

    def _wait(self, deadline: float) -> TaskRun | None:
        """The next task that ends; None when there is something else to look at."""
        try:
            ended = self._finished.get(timeout=LOOK_EVERY_SECONDS)
        except queue.Empty:
            ended = None
        over = self._job.timeout_seconds > 0 and self._services.clock.monotonic() >= deadline
        if over and not self._stop.is_set():
            self._timed_out = True
        if over or self._services.cancel.is_set():
            self._stop.set()
        return ended

    def _settled(self, key: str, result: Result) -> TaskRun:
        """A task that does not run, recorded."""
        task = next(t for t in self._job.tasks if t.key == key)
        run = self._services.runs.begin(RunKind.TASK, key, type=task.body.kind, parent_id=self._run_id)
        self._services.runs.end(run.id, STATUS[result], output={"result_state": result.value})
        return TaskRun(key, result)

    def _start(self, task: Task) -> None:
        def body() -> None:
            try:
                ended = self._run_with_retries(task, self._context(task), self._run_id, task.key, self._stop)
            except BaseException as error:  # a fault of ours must not leave the job waiting for ever
                ended = TaskRun(task.key, Result.FAILED, error=f"{type(error).__name__}: {error}")
            self._finished.put(ended)

        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(body,), name=f"task {task.key}", daemon=True).start()

    def _result(self) -> JobRun:
        result = job_result(self._job.tasks, self._states)
        if self._timed_out:
            result = Result.TIMEDOUT
        elif self._stop.is_set() and result is not Result.SUCCESS:
            result = Result.CANCELED
        runs = tuple(self._results[task.key] for task in self._job.tasks)
        exits = {r.key: r.output["result"] for r in runs if isinstance(r.output, dict) and "result" in r.output}
        error = None
        if result not in (Result.SUCCESS, Result.SUCCESS_WITH_FAILURES):
            error = "; ".join(f"task '{r.key}': {r.error or r.result.value}" for r in runs if r.error) or result.value
        return JobRun(self._run_id, self._job.id, self._job.key, result, "TERMINATED", runs, exits or None, error)

    # -- a task

    def _context(self, task: Task) -> ReferenceContext:
        """What the references of a task see: the job, itself, and the tasks upstream of it."""
        facts = {}
        for key in upstream(self._job.tasks, task.key):
            ended = self._results[key]
            facts[key] = TaskFacts(
                run_id=ended.run_id,
                result=ended.result.value,
                error_code="" if ended.result in FINE else "RunExecutionError",
                execution_count=ended.attempts,
                values=self._values.of(key),
            )
        return replace(self._base, job_parameters=self._parameters, tasks=facts)

    def _run_with_retries(
        self, task: Task, context: ReferenceContext, parent_id: str, name: str, stop: Stop
    ) -> TaskRun:
        clock = self._services.clock
        attempts = 0
        while True:
            attempts += 1
            started = clock.monotonic()
            ended = self._attempt(task, context, parent_id, name, attempts, stop)
            if stop.is_set() or not retries(task, ended.result, attempts):
                return ended
            wait = task.min_retry_interval_millis / 1000 - (clock.monotonic() - started)
            if wait > 0:
                clock.sleep(wait, stop)
            if stop.is_set():
                return replace(ended, result=Result.CANCELED)

    def _attempt(
        self, task: Task, context: ReferenceContext, parent_id: str, name: str, attempt: int, stop: Stop
    ) -> TaskRun:
        """Run a task once, recorded as a run of its own."""
        services = self._services
        facts: dict[str, Any] = {"task_key": task.key, "attempt": attempt}
        if context.input is not ABSENT:
            facts["input"] = context.input
        run = services.runs.begin(RunKind.TASK, name, type=task.body.kind, input=facts, parent_id=parent_id)
        context = replace(
            context,
            task_name=task.key,
            task_run_id=run.id,
            task_execution_count=attempt,
            notebook_path=task.body.notebook_path if isinstance(task.body, NotebookTask) else None,
        )
        token = current_run.set(run.id)
        iterations: list[TaskRun] = []
        inner = stop.below()
        outcome, error = Outcome(), None
        try:
            outcome = call_in_thread(
                lambda: self._body(task, context, run.id, iterations, inner),
                clock=services.clock,
                timeout_seconds=task.timeout_seconds,
                cancel=stop,
                name=f"task {name}",
            )
            result = Result.SUCCESS
        except TimedOut:
            result, error = Result.TIMEDOUT, f"not done within timeout_seconds {task.timeout_seconds}"
        except (Cancelled, Interrupted):
            result = Result.CANCELED
        except Exception as failure:
            result, error = Result.FAILED, message_of(failure)
        finally:
            current_run.reset(token)
            inner.set()
        if error is not None:
            error = services.redactor(error)
        services.runs.end(
            run.id,
            STATUS[result],
            output=services.redactor.json(
                {"result_state": result.value, "values": self._values.of(task.key), "output": outcome.output}
            ),
            error=None if error is None else {"message": error},
        )
        return TaskRun(task.key, result, run.id, attempt, outcome.output, error, outcome.condition, tuple(iterations))

    def _body(
        self, task: Task, context: ReferenceContext, run_id: str, iterations: list[TaskRun], stop: Stop
    ) -> Outcome:
        if isinstance(task.body, ForEachTask):
            return self._for_each(task, task.body, context, run_id, iterations, stop)
        if isinstance(task.body, RunJobTask):
            return self._run_job(task, task.body, context, run_id, stop)
        return self._runner.run(task, context)

    # -- tasks made of others

    def _run_job(self, task: Task, body: RunJobTask, context: ReferenceContext, run_id: str, stop: Stop) -> Outcome:
        inner = self._bundle.job_by_id(body.job_id)
        assert inner is not None, "validated before the run"
        place = task.place.at("run_job_task").at("job_parameters")
        parameters = {n: resolve(v, context, place.at(n)) for n, v in body.job_parameters.items()}
        services = replace(self._services, cancel=stop, trigger_type="run_job_task")
        ended = self._run_inner(inner.key, parameters, services, run_id)
        if not ended.succeeded:
            raise TaskFailed(f"Job '{inner.key}' ended {ended.result_state}: {ended.error}")
        return Outcome({"run_job_output": {"run_id": ended.id}})

    def _for_each(
        self,
        task: Task,
        body: ForEachTask,
        context: ReferenceContext,
        run_id: str,
        iterations: list[TaskRun],
        stop: Stop,
    ) -> Outcome:
        """Every input has its turn, `concurrency` at a time; one that fails fails the whole afterwards."""
        inputs = _inputs(task, body, context)

        def iterate(index: int) -> TaskRun:
            name = f"{body.task.key}[{index}]"
            return self._run_with_retries(body.task, replace(context, input=inputs[index]), run_id, name, stop)

        iterations.extend(in_parallel(iterate, range(len(inputs)), body.concurrency, stop))
        failed = [(i, run) for i, run in enumerate(iterations) if run.result not in FINE]
        if stop.is_set():
            raise Cancelled(task.key)
        if failed:
            reasons = "; ".join(f"{_shown(inputs[i])}: {run.error or run.result.value}" for i, run in failed)
            raise TaskFailed(f"{len(failed)} of {len(inputs)} iterations failed: {reasons}")
        return Outcome({"iterations": len(inputs)})


def _inputs(task: Task, body: ForEachTask, context: ReferenceContext) -> Sequence[Any]:
    place = task.place.at("for_each_task").at("inputs")
    value = resolve_value(body.inputs, context, place)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise TaskFailed(f"The inputs of task '{task.key}' are not a JSON array: {value!r}", where=place) from None
    if not isinstance(value, list):
        raise TaskFailed(f"The inputs of task '{task.key}' are not an array: {json.dumps(value)}", where=place)
    return value


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 80 else text[:79] + "…"
