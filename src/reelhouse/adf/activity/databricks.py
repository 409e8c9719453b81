"""DatabricksJob and DatabricksNotebook, done by whoever stands behind the ports.

https://learn.microsoft.com/azure/data-factory/transform-data-databricks-job and
https://learn.microsoft.com/azure/data-factory/transform-data-databricks-notebook
"""

from __future__ import annotations

import json
from typing import Any

from reelhouse.adf.activity.context import ActivityContext, Work, wrong
from reelhouse.adf.dataset import open_linked_service
from reelhouse.adf.errors import ActivityFailed, Cancelled
from reelhouse.adf.expression.values import text
from reelhouse.adf.services import JobResult
from reelhouse.adf.settings import AzureDatabricks, DatabricksJob, DatabricksNotebook
from reelhouse.errors import Unsupported

SUCCESSES = ("SUCCESS", "SUCCESS_WITH_FAILURES")
CANCELLED = ("CANCELED", "CANCELLED")


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
    return Work({"jobId": job_id, "jobParameters": parameters}, lambda: _output(ctx, jobs.run(job_id, parameters)))


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
    return Work(
        {"notebookPath": path, "baseParameters": parameters}, lambda: _output(ctx, notebooks.run(path, parameters))
    )


def _check_workspace(ctx: ActivityContext) -> None:
    reference = ctx.activity.linked_service
    if reference is None:
        raise wrong(ctx, "The activity has no linkedServiceName")
    service, settings = open_linked_service(ctx, reference, ctx.scope)
    if not isinstance(settings, AzureDatabricks):
        raise wrong(ctx, f"The linked service '{service.name}' ({service.type}) is no Databricks workspace")


def _output(ctx: ActivityContext, result: JobResult) -> dict[str, Any]:
    if result.result_state.upper() in CANCELLED and ctx.services.cancel.is_set():
        raise Cancelled
    if result.result_state.upper() not in SUCCESSES:
        reason = result.error or f"the run ended {result.result_state}"
        raise ActivityFailed("3204", f"Databricks execution failed: {reason} ({result.run_page_url})")
    output: dict[str, Any] = {"runPageUrl": result.run_page_url}
    if result.output is not None:
        output["runOutput"] = _readable(result.output)
    return output


def _readable(output: Any) -> Any:
    """What a notebook handed to exit: JSON text is read, so that expressions reach its properties."""
    if isinstance(output, str) and output.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(output)
        except ValueError:
            return output
    return output
