"""The arguments of a run: checked against the declared parameters, and read from a command line.

https://learn.microsoft.com/azure/data-factory/concepts-parameters-variables
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reelhouse.adf.definition import NO_DEFAULT, Parameter, Pipeline
from reelhouse.errors import Place, UserError, did_you_mean

VARIABLE_STARTS: Mapping[str, Callable[[], Any]] = {
    "String": str, "Boolean": bool, "Integer": int, "Array": list,
}  # fmt: skip


def bind(declared: Mapping[str, Parameter], given: Mapping[str, Any], of: str, where: Place) -> dict[str, Any]:
    """The value of every declared parameter: the argument, else the default. Values keep the type they have.

    Raises `UserError` for an argument that is not declared and for a parameter without a value.
    """
    by_lower = {name.lower(): name for name in declared}
    values: dict[str, Any] = {}
    for name, value in given.items():
        known = by_lower.get(name.lower())
        if known is None:
            raise UserError(f"{of} has no parameter '{name}'", where=where, remedy=did_you_mean(name, declared))
        values[known] = value
    missing = [name for name, item in declared.items() if name not in values and item.default is NO_DEFAULT]
    if missing:
        listed = ", ".join(f"'{name}'" for name in missing)
        noun = "a value for the parameter" if len(missing) == 1 else "values for the parameters"
        raise UserError(f"{of} needs {noun} {listed}", where=where)
    return {name: values.get(name, item.default) for name, item in declared.items()}


def start_values(pipeline: Pipeline) -> dict[str, Any]:
    """What the variables of a pipeline hold at first."""
    return {
        name: VARIABLE_STARTS[item.type]() if item.default is NO_DEFAULT or item.default is None else item.default
        for name, item in pipeline.variables.items()
    }


def parse_arguments(pipeline: Pipeline, arguments: Sequence[str]) -> dict[str, Any]:
    """The arguments of a command line (`name=value`), each as the declared type.

    >>> # parse_arguments(pipeline, ["source_base_url=https://example.org/", "limit=5"])

    Raises `UserError` for a text without `=`, an unknown name, a value that is not of the type.
    """
    by_lower = {name.lower(): item for name, item in pipeline.parameters.items()}
    values: dict[str, Any] = {}
    for argument in arguments:
        name, sign, text = argument.partition("=")
        if not sign:
            raise UserError(f"The parameter '{argument}' has no value", remedy="Write name=value.")
        parameter = by_lower.get(name.strip().lower())
        if parameter is None:
            raise UserError(
                f"Pipeline '{pipeline.name}' has no parameter '{name}'",
                where=pipeline.place.at("parameters"),
                remedy=did_you_mean(name, pipeline.parameters),
            )
        values[parameter.name] = _read(parameter, text)
    return values


def _read(parameter: Parameter, text: str) -> Any:
    try:
        if parameter.type == "Int":
            return int(text)
        if parameter.type == "Float":
            return float(text)
        if parameter.type == "Bool":
            return {"true": True, "false": False}[text.strip().lower()]
        if parameter.type in ("Array", "Object"):
            value = json.loads(text)
            if isinstance(value, list if parameter.type == "Array" else dict):
                return value
            raise ValueError
    except (ValueError, KeyError):
        hint = {
            "Array": "Write JSON, such as [1, 2].",
            "Object": 'Write JSON, such as {"a": 1}.',
            "Bool": "Write true or false.",
        }
        raise UserError(
            f"The parameter '{parameter.name}' is of type {parameter.type}, '{text}' is not",
            remedy=hint.get(parameter.type, ""),
        ) from None
    return text
