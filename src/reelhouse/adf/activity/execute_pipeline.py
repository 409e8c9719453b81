"""ExecutePipeline.

https://learn.microsoft.com/azure/data-factory/control-flow-execute-pipeline-activity
"""

from __future__ import annotations

import contextvars
import threading
from typing import Any

from reelhouse.adf.activity.context import ActivityContext, Work
from reelhouse.adf.definition import read_reference
from reelhouse.adf.errors import ActivityFailed, Cancelled
from reelhouse.adf.finding import Finding
from reelhouse.adf.settings import ExecutePipeline
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

    def run_child() -> Any:
        return ctx.run.run_pipeline(reference.name, parameters, ctx.run, ctx.run_id, place)

    def act() -> Any:
        if not settings.wait_on_completion:
            thread = threading.Thread(target=contextvars.copy_context().run, args=(run_child,), name=reference.name)
            thread.start()
            ctx.run.background.append(thread)
            return {"pipelineName": reference.name}
        child = run_child()
        if child.status is RunStatus.CANCELLED:
            raise Cancelled
        if child.status is RunStatus.FAILED:
            raise ActivityFailed("BadRequest", child.message)
        output = {"pipelineName": reference.name, "pipelineRunId": child.id}
        if child.return_value is not None:
            output["pipelineReturnValue"] = child.return_value
        return output

    return Work({"pipeline": reference.name, "parameters": parameters}, act)
