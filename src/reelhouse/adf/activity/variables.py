"""SetVariable and AppendVariable.

https://learn.microsoft.com/azure/data-factory/control-flow-set-variable-activity and
https://learn.microsoft.com/azure/data-factory/tutorial-pipeline-return-value
"""

from __future__ import annotations

from typing import Any

from reelhouse.adf.activity.context import ActivityContext, Work, size_of, wrong
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.expression.evaluate import evaluate
from reelhouse.adf.expression.values import type_name
from reelhouse.adf.settings import AppendVariable, SetVariable
from reelhouse.errors import Place, did_you_mean

RETURN_VALUE = "pipelineReturnValue"
RETURN_TYPES = ("String", "Expression", "Array", "Boolean", "Null", "Int", "Float", "Object")
MAX_RETURN_VALUE = 4 * 1024 * 1024
_ACCEPTS = {"String": "String", "Boolean": "Boolean", "Array": "Array", "Integer": "Integer"}


def prepare_set_variable(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, SetVariable)
    if settings.set_system_variable:
        return _prepare_return_value(ctx, settings)
    kind = _declared_type(ctx, settings.variable_name)
    value = ctx.value(settings.value, "value")
    if value is None and kind == "String":
        value = ""
    if type_name(value) != _ACCEPTS[kind]:
        raise wrong(
            ctx,
            f"The variable '{settings.variable_name}' of type '{kind}' cannot be set to a value of type "
            f"'{type_name(value)}'",
            "value",
        )

    def act() -> Any:
        ctx.run.variables.set(settings.variable_name, value)
        return {"name": settings.variable_name, "value": value}

    return Work({"variableName": settings.variable_name, "value": value}, act)


def prepare_append_variable(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, AppendVariable)
    if _declared_type(ctx, settings.variable_name) != "Array":
        raise wrong(ctx, f"The variable '{settings.variable_name}' is not an Array", "variableName")
    value = ctx.value(settings.value, "value")

    def act() -> Any:
        return {"name": settings.variable_name, "value": ctx.run.variables.append(settings.variable_name, value)}

    return Work({"variableName": settings.variable_name, "value": value}, act)


def _declared_type(ctx: ActivityContext, name: str) -> str:
    declared = ctx.run.variables.declared
    if name.lower() not in declared:
        known = [parameter.name for parameter in declared.values()]
        raise wrong(ctx, f"The pipeline has no variable '{name}'. {did_you_mean(name, known)}", "variableName")
    return declared[name.lower()].type


def _prepare_return_value(ctx: ActivityContext, settings: SetVariable) -> Work:
    if settings.variable_name != RETURN_VALUE:
        raise wrong(ctx, f"The only system variable that can be set is '{RETURN_VALUE}'", "variableName")
    value = _entries(ctx, settings.value, ctx.properties.at("value"))
    if size_of(value) > MAX_RETURN_VALUE:
        raise ActivityFailed("InvalidTemplate", "The return value is larger than 4 MB")

    def act() -> Any:
        ctx.run.return_value = value
        return {"name": RETURN_VALUE, "value": value}

    return Work({"variableName": RETURN_VALUE, "value": value}, act)


def _entries(ctx: ActivityContext, raw: Any, place: Place) -> dict[str, Any]:
    if not isinstance(raw, list):
        raise ActivityFailed("InvalidTemplate", f"A return value is an array of keys and values ({place})")
    result: dict[str, Any] = {}
    for index, entry in enumerate(raw):
        spot = place.at(index)
        if not isinstance(entry, dict) or not isinstance(entry.get("value"), dict) or "key" not in entry:
            raise ActivityFailed("InvalidTemplate", f"An entry of a return value has a key and a value ({spot})")
        result[str(entry["key"])] = _content(ctx, entry["value"], spot.at("value"))
    return result


def _content(ctx: ActivityContext, raw: dict[str, Any], place: Place) -> Any:
    kind, content = raw.get("type"), raw.get("content")
    if kind == "Null":
        return None
    if kind == "Object":
        return _entries(ctx, content, place.at("content"))
    if kind == "Array" and isinstance(content, list):
        return [
            _content(ctx, item, place.at("content").at(index)) if isinstance(item, dict) and "type" in item else item
            for index, item in enumerate(content)
        ]
    if kind not in RETURN_TYPES:
        raise ActivityFailed("InvalidTemplate", f"'{kind}' is no type of a return value ({place.at('type')})")
    return evaluate(content, ctx.scope, place.at("content"))
