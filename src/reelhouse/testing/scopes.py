"""The scope that a test describes: what the names of an expression stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelhouse.adf.definition import NO_DEFAULT
from reelhouse.adf.expression.scope import NOTHING, Scope
from reelhouse.adf.factory import Factory
from reelhouse.adf.parameters import start_values
from reelhouse.clock import Clock
from reelhouse.errors import UserError, did_you_mean

RESULT_KEYS = (
    "output", "status", "error", "statusCode", "duration", "ActivityRunId", "ActivityRunStartTime",
    "ActivityRunEndTime",
)  # fmt: skip
SYSTEM = {
    "RunId": "00000000-0000-0000-0000-000000000000",
    "GroupId": "00000000-0000-0000-0000-000000000000",
    "TriggerId": "00000000-0000-0000-0000-000000000000",
    "TriggerName": "Manual",
    "TriggerType": "Manual",
    "TriggeredByPipelineName": None,
    "TriggeredByPipelineRunId": None,
}


def make_scope(
    factory: Factory,
    *,
    pipeline: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    variables: Mapping[str, Any] | None = None,
    activities: Mapping[str, Any] | None = None,
    item: Any = NOTHING,
    trigger: Mapping[str, Any] | None = None,
    global_parameters: Mapping[str, Any] | None = None,
    system: Mapping[str, Any] | None = None,
    dataset: Mapping[str, Any] | None = None,
    linked_service: Mapping[str, Any] | None = None,
    clock: Clock,
) -> Scope:
    """The scope of an expression of a pipeline, or that of a dataset, a linked service or a trigger when one is given.

    With `pipeline` its parameters have their defaults and its variables what they hold at first. Raises `UserError` for
    a parameter or variable that this pipeline does not have, and for the result of an activity in another shape than
    `{"output": …, "status": …, "error": …}`.
    """
    given, held = dict(parameters or {}), dict(variables or {})
    if pipeline is not None:
        known = factory.pipeline(pipeline)
        for name in given:
            if name not in known.parameters:
                remedy = did_you_mean(name, known.parameters)
                raise UserError(f"Pipeline '{pipeline}' has no parameter '{name}'", remedy=remedy)
        for name in held:
            if name not in known.variables:
                remedy = did_you_mean(name, known.variables)
                raise UserError(f"Pipeline '{pipeline}' has no variable '{name}'", remedy=remedy)
        defaults = {name: value.default for name, value in known.parameters.items() if value.default is not NO_DEFAULT}
        given = {**defaults, **given}
        held = {**start_values(known), **held}
    names = {
        "DataFactory": factory.name or factory.folder.name,
        "Pipeline": pipeline or "pipeline",
        "TriggerTime": clock.now().isoformat(timespec="microseconds").replace("+00:00", "0Z"),
        **SYSTEM,
        **(system or {}),
        "parameters": given,
        "globalParameters": {**factory.global_parameters, **(global_parameters or {})},
    }
    return Scope(
        pipeline=names,
        variables={name.lower(): value for name, value in held.items()},
        activities={name.lower(): _result(name, value) for name, value in (activities or {}).items()},
        item=item,
        dataset=dataset,
        linked_service=linked_service,
        trigger=trigger,
        clock=clock,
    )


def _result(name: str, given: Any) -> dict[str, Any]:
    wrong = [key for key in given if key not in RESULT_KEYS] if isinstance(given, Mapping) else [repr(given)]
    if wrong:
        raise UserError(
            f"The result of the activity '{name}' has {', '.join(wrong)}",
            remedy='Give {"output": …, "status": …, "error": …}.',
        )
    status = "Failed" if "error" in given else "Succeeded"
    return {"output": {}, "status": status, **given}
