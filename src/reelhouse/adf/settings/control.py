"""Activities that control the flow.

https://learn.microsoft.com/azure/data-factory/concepts-pipelines-activities
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from reelhouse.adf.settings.base import Settings


class SetVariable(Settings):
    variable_name: str
    value: Any = None
    set_system_variable: bool = False


class AppendVariable(Settings):
    variable_name: str
    value: Any = None


class Filter(Settings):
    items: Any
    condition: Any


class IfCondition(Settings):
    expression: Any
    if_true_activities: list[Any] = Field(default_factory=list)
    if_false_activities: list[Any] = Field(default_factory=list)


class SwitchCase(Settings):
    value: str
    activities: list[Any] = Field(default_factory=list)


class Switch(Settings):
    on: Any
    cases: list[Any] = Field(default_factory=list)
    default_activities: list[Any] = Field(default_factory=list)


class ForEach(Settings):
    items: Any
    is_sequential: bool = False
    batch_count: int | None = None
    activities: list[Any]


class Until(Settings):
    expression: Any
    timeout: Any = "7.00:00:00"
    activities: list[Any]


class Wait(Settings):
    wait_time_in_seconds: Any


class Fail(Settings):
    message: Any = None
    error_code: Any = None


class ExecutePipeline(Settings):
    pipeline: Any
    parameters: dict[str, Any] = Field(default_factory=dict)
    wait_on_completion: bool = True


ACTIVITIES: dict[str, type[Settings]] = {
    model.__name__: model
    for model in (
        AppendVariable, ExecutePipeline, Fail, Filter, ForEach, IfCondition, SetVariable, Switch, Until, Wait,
    )
}  # fmt: skip
