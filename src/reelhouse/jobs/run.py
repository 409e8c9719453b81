"""Running a job of a bundle to its end.

https://docs.databricks.com/aws/en/jobs/
"""

from __future__ import annotations

import contextvars
import json
import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from reelhouse.errors import UserError, did_you_mean
from reelhouse.jobs.definition import (
    Bundle,
    ForEachTask,
    JobDefinition,
    NotebookTask,
    PipelineTask,
    RunJobTask,
    Task,
)
from reelhouse.jobs.plan import FINE, Result, TaskState, job_result, next_step, retries
from reelhouse.jobs.references import ABSENT, ReferenceContext, TaskFacts, as_text, resolve, resolve_value
from reelhouse.jobs.services import JobServices
from reelhouse.jobs.slots import NoSlot, slot
from reelhouse.jobs.tasks import Outcome, TaskFailed, TaskRunner
from reelhouse.jobs.validate import problems, upstream
from reelhouse.jobs.values import TaskValues
from reelhouse.notebooks.threads import Cancelled, Interrupted, TimedOut, call_in_thread
from reelhouse.runs.record import RunKind, RunStatus, current_run

__all__ = ["JobRun", "JobServices", "TaskRun", "run_job"]

_LOOK_EVERY_SECONDS = 0.1
_STATUS: Mapping[Result, RunStatus] = {
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


def run_job(
    bundle: Bundle,
    job_key: str,
    parameters: Mapping[str, str] | None,
    services: JobServices,
    *,
    parent_id: str | None = None,
) -> JobRun:
    """Run a job. `parameters` beat the defaults of the job's parameters.

    Raises `UserError` before anything runs, when there is no such job or something in it cannot run. What fails while
    it runs is in the result.
    """
    job = bundle.jobs.get(job_key)
    if job is None:
        remedy = did_you_mean(job_key, bundle.jobs)
        raise UserError(f"Job '{job_key}' is not in bundle '{bundle.name}'", remedy=remedy)
    given = {name: as_text(value) for name, value in (parameters or {}).items()}
    wrong = problems(bundle, job, given)
    if wrong:
        raise wrong[0]
    if services.run_pipeline is None and any(isinstance(t.body, PipelineTask) for t in job.tasks):
        raise UserError(f"Job '{job_key}' has a pipeline task, and pipelines are not wired here")
    run = services.runs.begin(
        RunKind.JOB,
        job.name,
        type="job",
        input={"job_id": job.id, "job_key": job.key, "parameters": {**job.parameters, **given}},
        parent_id=parent_id,
    )
    token = current_run.set(run.id)
    result, failure = None, None
    try:
        with slot(
            services.state_dir / "jobs",
            job.id,
            job.max_concurrent_runs,
            queue=job.queue,
            clock=services.clock,
            cancel=services.cancel,
        ):
            for name in given.keys() - job.parameters.keys():
                services.runs.note(
                    f"Job '{job.key}' declares no parameter '{name}'; its tasks are given it all the same."
                )
            _note_what_has_no_effect(bundle, job, services)
            execution = _JobExecution(bundle, job, given, services, run.id, run.started_at)
            result = execution.run()
            if execution.interrupted is not None:
                raise execution.interrupted
    except NoSlot:
        reached = Result.CANCELED if services.cancel.is_set() else Result.MAXIMUM_CONCURRENT_RUNS_REACHED
        error = f"{job.max_concurrent_runs} runs of job '{job.key}' are active, which is its max_concurrent_runs"
        result = JobRun(run.id, job.id, job.key, reached, "SKIPPED", error=error)
    except BaseException as error:
        failure = error
        raise
    finally:
        current_run.reset(token)
        _end(services, run.id, result, failure)
    return result


def _end(services: JobServices, run_id: str, result: JobRun | None, failure: BaseException | None) -> None:
    if result is None:
        message = "" if failure is None else services.redactor(_message(failure))
        services.runs.end(run_id, RunStatus.FAILED, error={"message": message})
        return
    output = {"result_state": result.result_state.value, "life_cycle_state": result.life_cycle, "output": result.output}
    error = None if result.error is None else {"message": result.error}
    services.runs.end(run_id, _STATUS[result.result_state], output=output, error=error)


def _note_what_has_no_effect(bundle: Bundle, job: JobDefinition, services: JobServices) -> None:
    own = [p for p in bundle.without_effect if p.file == job.place.file and p.path.startswith(job.place.path + ".")]
    if own:
        names = sorted({place.path.rsplit(".", 1)[-1] for place in own})
        services.runs.note(f"Fields of job '{job.key}' that have no effect here: {', '.join(names)} ({job.place})")


class _Stop(threading.Event):
    """Says that work is to stop; tells those below."""

    def __init__(self) -> None:
        super().__init__()
        self._below: list[_Stop] = []

    def below(self) -> _Stop:
        stop = _Stop()
        self._below.append(stop)
        if self.is_set():
            stop.set()
        return stop

    def set(self) -> None:
        super().set()
        for stop in self._below:
            stop.set()


class _JobExecution:
    """One run of a job."""

    def __init__(
        self,
        bundle: Bundle,
        job: JobDefinition,
        given: Mapping[str, str],
        services: JobServices,
        run_id: str,
        started_at: datetime,
    ) -> None:
        self._bundle = bundle
        self._job = job
        self._services = services
        self._run_id = run_id
        self._stop = _Stop()
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
                over.wait(_LOOK_EVERY_SECONDS)
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
            ended = self._finished.get(timeout=_LOOK_EVERY_SECONDS)
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
        self._services.runs.end(run.id, _STATUS[result], output={"result_state": result.value})
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
        self, task: Task, context: ReferenceContext, parent_id: str, name: str, stop: _Stop
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
        self, task: Task, context: ReferenceContext, parent_id: str, name: str, attempt: int, stop: _Stop
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
            result, error = Result.FAILED, _message(failure)
        finally:
            current_run.reset(token)
            inner.set()
        if error is not None:
            error = services.redactor(error)
        services.runs.end(
            run.id,
            _STATUS[result],
            output={"result_state": result.value, "values": self._values.of(task.key), "output": outcome.output},
            error=None if error is None else {"message": error},
        )
        return TaskRun(task.key, result, run.id, attempt, outcome.output, error, outcome.condition, tuple(iterations))

    def _body(
        self, task: Task, context: ReferenceContext, run_id: str, iterations: list[TaskRun], stop: _Stop
    ) -> Outcome:
        if isinstance(task.body, ForEachTask):
            return self._for_each(task, task.body, context, run_id, iterations, stop)
        if isinstance(task.body, RunJobTask):
            return self._run_job(task, task.body, context, run_id, stop)
        return self._runner.run(task, context)

    # -- tasks made of others

    def _run_job(self, task: Task, body: RunJobTask, context: ReferenceContext, run_id: str, stop: _Stop) -> Outcome:
        inner = self._bundle.job_by_id(body.job_id)
        assert inner is not None, "validated before the run"
        place = task.place.at("run_job_task").at("job_parameters")
        parameters = {n: resolve(v, context, place.at(n)) for n, v in body.job_parameters.items()}
        services = replace(self._services, cancel=stop, trigger_type="run_job_task")
        ended = run_job(self._bundle, inner.key, parameters, services, parent_id=run_id)
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
        stop: _Stop,
    ) -> Outcome:
        """Every input has its turn, `concurrency` at a time; one that fails fails the whole afterwards."""
        inputs = _inputs(task, body, context)

        def iterate(index: int) -> TaskRun:
            name = f"{body.task.key}[{index}]"
            return self._run_with_retries(body.task, replace(context, input=inputs[index]), run_id, name, stop)

        iterations.extend(_in_parallel(iterate, range(len(inputs)), body.concurrency, stop))
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


def _in_parallel(
    work: Callable[[int], TaskRun], items: Iterable[int], concurrency: int, stop: threading.Event
) -> list[TaskRun]:
    """The results of all items, in their order; what was not begun when `stop` was set is left out."""
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for item in items:
        waiting.put(item)
    results: dict[int, TaskRun] = {}

    def worker() -> None:
        while not stop.is_set():
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                return
            results[item] = work(item)

    count = min(concurrency, waiting.qsize())
    threads = [
        threading.Thread(target=contextvars.copy_context().run, args=(worker,), daemon=True) for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(_LOOK_EVERY_SECONDS)
    except BaseException:
        stop.set()
        for thread in threads:
            thread.join()
        raise
    return [results[item] for item in sorted(results)]


def _message(failure: BaseException) -> str:
    return str(failure) if isinstance(failure, UserError) else f"{type(failure).__name__}: {failure}"


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 80 else text[:79] + "…"
