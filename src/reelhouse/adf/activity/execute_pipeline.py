"""ExecutePipeline.

https://learn.microsoft.com/azure/data-factory/control-flow-execute-pipeline-activity
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

from reelhouse.adf.activity.context import ActivityContext, Work
from reelhouse.adf.definition import read_reference
from reelhouse.adf.errors import ActivityFailed, Cancelled
from reelhouse.adf.finding import Finding
from reelhouse.adf.settings import ExecutePipeline
from reelhouse.errors import ReelhouseError
from reelhouse.runs.record import RunStatus


def prepare_execute_pipeline(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, ExecutePipeline)
    findings: list[Finding] = []
    reference = read_reference(settings.pipeline, ctx.properties.at("pipeline"), findings)
    if reference is None:
        raise findings[0].error()
    parameters = ctx.value(dict(settings.parameters), "parameters")
    place = ctx.properties.at("parameters")

    # The id is known before the run begins, so that who does not wait can give it too.
    child_id = str(uuid.uuid4())

    def run_child() -> Any:
        return ctx.run.run_pipeline(
            reference.name, parameters, ctx.run, ctx.run_id, place, run_id=child_id, past=ctx.past
        )

    def act() -> Any:
        output: dict[str, Any] = {"pipelineName": reference.name, "pipelineRunId": child_id}
        if not settings.wait_on_completion:
            _leave_running(ctx, reference.name, run_child)
            return output
        child = run_child()
        if ctx.services.cancel.is_set():
            raise Cancelled
        if child.status is RunStatus.CANCELLED:
            raise ActivityFailed("BadRequest", f"The run {child.id} of the pipeline '{reference.name}' was cancelled")
        if child.status is RunStatus.FAILED:
            raise ActivityFailed("BadRequest", child.message)
        if child.return_value is not None:
            output["pipelineReturnValue"] = child.return_value
        return output

    return Work({"pipeline": reference.name, "parameters": parameters}, act)


def _leave_running(ctx: ActivityContext, name: str, run_child: Callable[[], Any]) -> None:
    """Start a child that is not waited for; the run of the parent is over only when it is."""
    over = threading.Event()
    ctx.run.background.append(over)

    def work() -> None:
        try:
            run_child()
        except (ReelhouseError, Cancelled) as error:
            ctx.services.runs.note(f"The pipeline '{name}' did not run: {error or 'it was cancelled'}")
        finally:
            over.set()

    ctx.run.workers.start(work, name)
