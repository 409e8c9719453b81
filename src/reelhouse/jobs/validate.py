"""Whether a job can run at all: everything that can be told from the artifacts, before anything runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from reelhouse.errors import ReelhouseError, Unsupported, UserError, did_you_mean
from reelhouse.jobs.definition import (
    SUPPORTED_TASKS,
    Bundle,
    ConditionTask,
    ForEachTask,
    JobDefinition,
    NotebookTask,
    OtherTask,
    PipelineTask,
    PythonTask,
    RunJobTask,
    SqlFileTask,
    Task,
)
from reelhouse.jobs.references import mistakes, referenced_tasks
from reelhouse.notebooks.source import find_notebook, read_notebook

MAX_TASKS = 1000
MAX_NESTING = 3


def problems(bundle: Bundle, job: JobDefinition, given: Collection[str] = ()) -> list[ReelhouseError]:
    """Everything that is wrong with a job, and with the jobs that it runs.

    `given` are names of parameters that the run is given besides those that the job declares.
    """
    return [*_of_job(bundle, job, given), *_of_nesting(bundle, job, ())]


def _of_job(bundle: Bundle, job: JobDefinition, given: Collection[str] = ()) -> Iterator[ReelhouseError]:
    keys = [task.key for task in job.tasks]
    if len(keys) > MAX_TASKS:
        yield UserError(f"Job '{job.key}' has {len(keys)} tasks, of {MAX_TASKS} at most", where=job.place)
    for name, default in job.parameters.items():
        yield from mistakes(default, (), job.place.at("parameters").at(name))
        if not name or not all(c.isalnum() or c in "_-." for c in name):
            yield UserError(
                f"'{name}' is not a name of a job parameter",
                where=job.place,
                remedy="Use letters, digits, '_', '-', '.'.",
            )
    for index, task in enumerate(job.tasks):
        if task.key in keys[:index]:
            yield UserError(f"Task '{task.key}' of job '{job.key}' is defined twice", where=task.place)
        yield from _of_dependencies(task, job.tasks)
        yield from _of_body(bundle, task)
    yield from _of_cycles(job)
    ancestors = {task.key: upstream(job.tasks, task.key) for task in job.tasks}
    for task in job.tasks:
        for text in texts(task):
            yield from mistakes(text, {*job.parameters, *given}, task.place)
            for key in sorted(referenced_tasks(text) - ancestors[task.key]):
                yield UserError(
                    f"Task '{task.key}' refers to task '{key}', which is not upstream of it",
                    where=task.place,
                    remedy=did_you_mean(key, ancestors[task.key]),
                )


def _of_dependencies(task: Task, tasks: Sequence[Task]) -> Iterator[ReelhouseError]:
    by_key = {t.key: t for t in tasks}
    for index, dependency in enumerate(task.depends_on):
        place = task.place.at("depends_on").at(index)
        upstream_task = by_key.get(dependency.task_key)
        if upstream_task is None:
            yield UserError(
                f"Task '{task.key}' depends on '{dependency.task_key}', which is no task of this job",
                where=place,
                remedy=did_you_mean(dependency.task_key, by_key),
            )
        elif dependency.outcome is not None:
            if not isinstance(upstream_task.body, ConditionTask):
                yield UserError(
                    f"Task '{task.key}' waits for an outcome of '{dependency.task_key}', which is no condition task",
                    where=place,
                )
            if dependency.outcome not in ("true", "false"):
                yield UserError(
                    f"'{dependency.outcome}' is not an outcome", where=place, remedy='Use "true" or "false".'
                )


def _of_cycles(job: JobDefinition) -> Iterator[ReelhouseError]:
    for task in job.tasks:
        if task.key in upstream(job.tasks, task.key):
            yield UserError(f"Task '{task.key}' of job '{job.key}' depends on itself", where=task.place)
            return


def _of_body(bundle: Bundle, task: Task) -> Iterator[ReelhouseError]:
    place = task.place.at(task.body.kind.split(" ")[0])
    match task.body:
        case OtherTask():
            yield Unsupported(
                f"Task '{task.key}' is a {task.body.kind}, which is not supported",
                where=task.place,
                remedy=f"Supported: {', '.join(SUPPORTED_TASKS)}.",
            )
        case NotebookTask(notebook_path=path) if "{{" not in path:
            try:
                file = notebook_file(bundle, path)
                read_notebook(file, name=shown_name(bundle, file))
            except UserError as error:
                yield type(error)(error.what, where=error.where or place, remedy=error.remedy)
        case PythonTask(python_file=path) | SqlFileTask(path=path) if path.startswith("/") and "{{" not in path:
            if Path(path).is_relative_to(bundle.root) and not Path(path).is_file():
                yield UserError(f"'{path}' does not exist", where=place)
        case PipelineTask(pipeline_id=id) if bundle.pipeline_by_id(id) is None and id not in bundle.faulty_ids:
            known = [f"${{resources.pipelines.{key}.id}}" for key in bundle.pipelines]
            yield UserError(
                f"Task '{task.key}' runs pipeline '{id}', which is not in this bundle",
                where=place,
                remedy=did_you_mean(id, known),
            )
        case RunJobTask(job_id=id) if bundle.job_by_id(id) is None and id not in bundle.faulty_ids:
            known = [f"${{resources.jobs.{key}.id}}" for key in bundle.jobs]
            yield UserError(
                f"Task '{task.key}' runs job '{id}', which is not in this bundle",
                where=place,
                remedy=did_you_mean(id, known),
            )
        case ConditionTask() if task.max_retries:
            yield UserError(f"Condition task '{task.key}' has retries, and a condition has none", where=task.place)
        case ForEachTask(task=nested):
            if isinstance(nested.body, ForEachTask):
                yield UserError(f"For-each task '{task.key}' repeats a for-each task", where=place)
            yield from _of_body(bundle, nested)
        case _:
            pass


def _of_nesting(bundle: Bundle, job: JobDefinition, outer: tuple[str, ...]) -> Iterator[ReelhouseError]:
    path = (*outer, job.key)
    for task in job.tasks:
        body = task.body.task.body if isinstance(task.body, ForEachTask) else task.body
        inner = bundle.job_by_id(body.job_id) if isinstance(body, RunJobTask) else None
        if inner is None:
            continue
        if inner.key in path:
            yield UserError(f"Job '{inner.key}' runs itself ({' → '.join((*path, inner.key))})", where=task.place)
        elif len(path) >= MAX_NESTING:
            yield UserError(
                f"Jobs run jobs more than {MAX_NESTING} deep ({' → '.join((*path, inner.key))})", where=task.place
            )
        else:
            yield from _of_job(bundle, inner)
            yield from _of_nesting(bundle, inner, path)


def upstream(tasks: Sequence[Task], key: str) -> set[str]:
    """The keys of all tasks that a task depends on, directly or not. Itself only in a cycle."""
    depends = {task.key: [d.task_key for d in task.depends_on] for task in tasks}
    found: set[str] = set()
    waiting = list(depends.get(key, ()))
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting.extend(depends.get(each, ()))
    return found


def texts(task: Task) -> list[str]:
    """The texts of a task that may hold references."""
    match task.body:
        case NotebookTask():
            return [task.body.notebook_path, *task.body.base_parameters.values()]
        case SqlFileTask():
            return [task.body.path, *task.body.parameters.values()]
        case PythonTask():
            return [task.body.python_file, *task.body.parameters]
        case ConditionTask():
            return [task.body.left, task.body.right]
        case RunJobTask():
            return list(task.body.job_parameters.values())
        case ForEachTask():
            return [task.body.inputs, *texts(task.body.task)]
        case _:
            return []


def notebook_file(bundle: Bundle, path: str) -> Path:
    """The file of a notebook of this bundle. Raises `UserError`."""
    prefix = bundle.workspace_folder + "/"
    return find_notebook(bundle.root / path[len(prefix) :] if path.startswith(prefix) else path)


def shown_name(bundle: Bundle, file: Path) -> str:
    """A file as messages call it."""
    base = bundle.named_from
    return file.relative_to(base).as_posix() if file.is_relative_to(base) else str(file)
