"""Running what one task does, once.

https://docs.databricks.com/aws/en/jobs/configure-task
"""

from __future__ import annotations

import runpy
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelhouse.errors import Place, UserError
from reelhouse.jobs.conditions import evaluate
from reelhouse.jobs.definition import (
    Bundle,
    ConditionTask,
    NotebookTask,
    PipelineTask,
    PythonTask,
    SqlFileTask,
    Task,
)
from reelhouse.jobs.references import ReferenceContext, resolve, resolve_value
from reelhouse.jobs.services import JobServices
from reelhouse.jobs.validate import notebook_file
from reelhouse.jobs.values import TaskValues
from reelhouse.notebooks.context import NotebookContext
from reelhouse.notebooks.modules import importable
from reelhouse.notebooks.output import redirected
from reelhouse.notebooks.run import run_notebook
from reelhouse.notebooks.statements import bind, split_statements
from reelhouse.runs.record import current_run

_MAX_OUTPUT_BYTES = 5 * 1024 * 1024
_arguments = threading.Lock()


class TaskFailed(UserError):
    """A task did what it is told, and that failed."""


@dataclass(frozen=True)
class Outcome:
    """What a task came to. `condition` is "true" or "false" for a condition task."""

    output: Any = None
    condition: str | None = None


@dataclass(frozen=True)
class TaskRunner:
    """Runs the tasks that are not made of other tasks."""

    bundle: Bundle
    services: JobServices
    values: TaskValues
    job_parameters: Mapping[str, str]

    def run(self, task: Task, context: ReferenceContext) -> Outcome:
        """Run the task. Raises `TaskFailed`, or any error of what it runs."""
        match task.body:
            case NotebookTask():
                return self._notebook(task, task.body, context)
            case PipelineTask():
                return self._pipeline(task.body)
            case ConditionTask():
                place = task.place.at("condition_task")
                left = resolve_value(task.body.left, context, place.at("left"))
                right = resolve_value(task.body.right, context, place.at("right"))
                outcome = "true" if evaluate(left, task.body.op, right) else "false"
                return Outcome({"outcome": outcome}, outcome)
            case PythonTask():
                return self._python(task, task.body, context)
            case SqlFileTask():
                return self._sql(task, task.body, context)
            case _:
                raise TaskFailed(f"Task '{task.key}' is a {task.body.kind}, which is not supported", where=task.place)

    def _parameters(self, own: Mapping[str, str], context: ReferenceContext, place: Place) -> dict[str, str]:
        """The task's parameters, under those of the job, which win."""
        resolved = {name: resolve(value, context, place.at(name)) for name, value in own.items()}
        return {**resolved, **self.job_parameters}

    def _notebook(self, task: Task, body: NotebookTask, context: ReferenceContext) -> Outcome:
        place = task.place.at("notebook_task")
        services = self.services
        path = resolve(body.notebook_path, context, place.at("notebook_path"))
        parameters = self._parameters(body.base_parameters, context, place.at("base_parameters"))
        result = run_notebook(
            notebook_file(self.bundle, path),
            parameters,
            NotebookContext(
                root=self.bundle.root,
                runs=services.runs,
                lake=services.lake,
                open_session=services.open_session,
                close_session=services.close_session,
                clock=services.clock,
                secrets=services.secrets,
                redactor=services.redactor,
                task_values=self.values.seen_by(task.key),
                output=self._output(),
                workspace_folder=self.bundle.workspace_folder,
                named_from=self.bundle.named_from,
            ),
        )
        if result.error is not None:
            raise TaskFailed(str(result.error))
        return Outcome(None if result.exit_value is None else _notebook_output(services.redactor(result.exit_value)))

    def _pipeline(self, body: PipelineTask) -> Outcome:
        settings = self.bundle.pipeline_by_id(body.pipeline_id)
        if settings is None or self.services.run_pipeline is None:
            raise TaskFailed(f"Pipeline '{body.pipeline_id}' cannot be run here")
        outcome = self.services.run_pipeline(
            settings,
            full_refresh=body.full_refresh,
            refresh_selection=body.refresh_selection,
            full_refresh_selection=body.full_refresh_selection,
        )
        if not outcome.succeeded:
            raise TaskFailed(f"Pipeline '{settings.key}' failed: {outcome.error or 'no reason is given'}")
        return Outcome({"update_id": outcome.id})

    def _python(self, task: Task, body: PythonTask, context: ReferenceContext) -> Outcome:
        """A Python file, as `__main__`. `sys.argv` is the process's, so these run one after the other."""
        place = task.place.at("spark_python_task")
        file = self._file(resolve(body.python_file, context, place.at("python_file")))
        arguments = [resolve(p, context, place.at("parameters").at(i)) for i, p in enumerate(body.parameters)]
        session = self.services.open_session()
        try:
            with (
                _arguments,
                importable([file.parent, self.bundle.root]),
                redirected(self._output(), self.services.redactor),
            ):
                before = sys.argv
                sys.argv = [str(file), *arguments]
                try:
                    runpy.run_path(str(file), run_name="__main__")
                except SystemExit as exit:
                    if exit.code not in (None, 0):
                        raise TaskFailed(f"'{file.name}' ended with exit code {exit.code}", where=place) from None
                finally:
                    sys.argv = before
        finally:
            self.services.close_session(session)
        return Outcome()

    def _sql(self, task: Task, body: SqlFileTask, context: ReferenceContext) -> Outcome:
        place = task.place.at("sql_task")
        file = self._file(resolve(body.path, context, place.at("file").at("path")))
        parameters = self._parameters(body.parameters, context, place.at("parameters"))
        session = self.services.open_session()
        try:
            for statement, line in split_statements(file.read_text(encoding="utf-8-sig")):
                where = Place(file.name, f"line {line + 1}")
                text, arguments = bind(statement, parameters, where=where)
                result = session.sql(text, args=arguments) if arguments else session.sql(text)
                result.limit(1).collect()
        finally:
            self.services.close_session(session)
        return Outcome()

    def _file(self, path: str) -> Path:
        prefix = self.bundle.workspace_folder + "/"
        if path.startswith(prefix):
            return self.bundle.root / path[len(prefix) :]
        return Path(self.services.lake.local(path))

    def _output(self) -> Any:
        output, run_id = self.services.output, current_run.get() or ""
        return None if output is None else lambda text: output(run_id, text)


def _notebook_output(value: str) -> dict[str, Any]:
    """What a notebook exited with, as the platform keeps it: the first 5 MB."""
    data = value.encode("utf-8")
    if len(data) <= _MAX_OUTPUT_BYTES:
        return {"result": value}
    return {"result": data[:_MAX_OUTPUT_BYTES].decode("utf-8", errors="ignore"), "truncated": True}
