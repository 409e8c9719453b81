"""DatabricksJob, DatabricksNotebook and DatabricksSparkPython, done by whoever stands behind the ports.

https://learn.microsoft.com/azure/data-factory/transform-data-databricks-job,
https://learn.microsoft.com/azure/data-factory/transform-data-databricks-notebook and
https://learn.microsoft.com/azure/data-factory/transform-data-databricks-python
"""

from __future__ import annotations

import contextvars
import json
import threading
from collections.abc import Callable
from typing import Any

from reelhouse.adf.activity.context import ActivityContext, Work, wrong
from reelhouse.adf.dataset import open_linked_service
from reelhouse.adf.errors import ActivityFailed, Cancelled
from reelhouse.adf.expression.values import text, type_name
from reelhouse.adf.finding import Finding, problem
from reelhouse.adf.services import JobResult
from reelhouse.adf.settings import AzureDatabricks, DatabricksJob, DatabricksNotebook, DatabricksSparkPython
from reelhouse.errors import Place, Unsupported

SUCCESSES = ("SUCCESS", "SUCCESS_WITH_FAILURES")
CANCELLED = ("CANCELED", "CANCELLED")
LOOK_EVERY_SECONDS = 0.05

PYTHON_FILES = ("dbfs:/", "/", "abfss://", "abfs://", "wasbs://")
"""How the address of a Python file begins."""

Start = Callable[[threading.Event], JobResult]
"""Runs something on Databricks until it ends or the event is set."""


def prepare_databricks_job(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, DatabricksJob)
    _check_workspace(ctx)
    # The SDK's names and the page's names are both found in files.
    named = settings.job_id is not None
    job_id = text(ctx.value(settings.job_id if named else settings.job_path, "jobId" if named else "jobPath"))
    if not job_id:
        raise wrong(ctx, "The activity names no job", "jobId")
    given = settings.job_parameters if settings.job_parameters is not None else settings.base_parameters
    key = "jobParameters" if settings.job_parameters is not None else "baseParameters"
    parameters = {name: text(value) for name, value in ctx.value(dict(given or {}), key).items()}
    jobs = ctx.services.jobs
    if jobs is None:
        raise Unsupported("Databricks jobs are not available in this run", where=ctx.activity.place)
    shown = {"jobId": job_id, "jobParameters": parameters}
    return Work(shown, lambda: _outcome(ctx, lambda stop: jobs.run(job_id, parameters, stop)))


def prepare_databricks_notebook(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, DatabricksNotebook)
    _check_workspace(ctx)
    path = text(ctx.value(settings.notebook_path, "notebookPath"))
    if not path.startswith("/"):
        raise wrong(ctx, f"A notebook's path starts with a slash, '{path}' does not", "notebookPath")
    parameters = {
        name: text(value) for name, value in ctx.value(dict(settings.base_parameters), "baseParameters").items()
    }
    notebooks = ctx.services.notebooks
    if notebooks is None:
        raise Unsupported("Databricks notebooks are not available in this run", where=ctx.activity.place)
    shown = {"notebookPath": path, "baseParameters": parameters}
    return Work(shown, lambda: _outcome(ctx, lambda stop: notebooks.run(path, parameters, stop)))


def prepare_databricks_python(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, DatabricksSparkPython)
    _check_workspace(ctx)
    file = text(ctx.value(settings.python_file, "pythonFile"))
    if not file.startswith(PYTHON_FILES):
        raise ActivityFailed(
            "3201", f"Invalid Python file URI: '{file}'. Write dbfs:/…, /Volumes/… or a path of the workspace."
        )
    given = ctx.value(settings.parameters, "parameters")
    if given is not None and not isinstance(given, list):
        raise wrong(ctx, f"'parameters' must be a list of texts, it is {type_name(given)}", "parameters")
    arguments = [text(item) for item in given or []]
    starter = ctx.services.python_files
    if starter is None:
        raise Unsupported("Python files on Databricks are not available in this run", where=ctx.activity.place)
    shown = {"pythonFile": file, "parameters": arguments}
    return Work(shown, lambda: _outcome(ctx, lambda stop: starter.run(file, arguments, stop)))


def check_databricks_python(settings: DatabricksSparkPython, place: Place, findings: list[Finding]) -> None:
    """What can be seen of a DatabricksSparkPython before it runs."""
    file, given = settings.python_file, settings.parameters
    if isinstance(file, str) and "@" not in file and not file.startswith(PYTHON_FILES):
        remedy = "Write dbfs:/…, /Volumes/… or a path of the workspace."
        findings.append(problem(place.at("pythonFile"), f"'{file}' is no address of a Python file", remedy))
    if isinstance(given, str) and not given.startswith("@"):
        findings.append(problem(place.at("parameters"), "'parameters' has to be a list of texts"))


def _check_workspace(ctx: ActivityContext) -> None:
    reference = ctx.activity.linked_service
    if reference is None:
        raise wrong(ctx, "The activity has no linkedServiceName")
    service, settings = open_linked_service(ctx, reference, ctx.scope)
    if not isinstance(settings, AzureDatabricks):
        raise wrong(ctx, f"The linked service '{service.name}' ({service.type}) is no Databricks workspace")


def _outcome(ctx: ActivityContext, start: Start) -> dict[str, Any]:
    result = _run_until(ctx, start)
    if result.result_state.upper() in CANCELLED and ctx.services.cancel.is_set():
        raise Cancelled
    if result.result_state.upper() not in SUCCESSES:
        reason = result.error or f"the run ended {result.result_state}"
        raise ActivityFailed("3204", f"Databricks execution failed: {reason} ({result.run_page_url})")
    output: dict[str, Any] = {"runPageUrl": result.run_page_url}
    if result.output is not None:
        output["runOutput"] = _readable(result.output)
    return output


def _run_until(ctx: ActivityContext, start: Start) -> JobResult:
    """What comes of a run in a thread of its own, which is told to stop when the activity is cancelled or its time is
    over.

    Raises `ActivityFailed` for a run that had no more time, even when it succeeded just then.
    """
    stop, over = threading.Event(), threading.Event()
    results: list[JobResult] = []
    failures: list[BaseException] = []
    context = contextvars.copy_context()

    def body() -> None:
        try:
            results.append(context.run(start, stop))
        except BaseException as error:
            failures.append(error)
        finally:
            over.set()

    threading.Thread(target=body, name=f"databricks {ctx.activity.name}", daemon=True).start()
    waiting = ctx.waiting()
    while not over.wait(LOOK_EVERY_SECONDS):
        if waiting.is_over():
            stop.set()
    if failures:
        raise failures[0]
    if not waiting.cancel.is_set():
        waiting.check()
    return results[0]


def _readable(output: Any) -> Any:
    """What a notebook handed to exit: JSON text is read, so that expressions reach its properties."""
    if isinstance(output, str) and output.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(output)
        except ValueError:
            return output
    return output
