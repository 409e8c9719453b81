"""The values of a bundle's variables.

https://docs.databricks.com/aws/en/dev-tools/bundles/variables#set-a-variables-value
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reelhouse.errors import Place, UserError, did_you_mean

_DEFINITION_FIELDS = {"default", "description", "lookup", "type"}


def variable_values(
    declared: Mapping[str, Any],
    in_target: Mapping[str, Any],
    *,
    given: Mapping[str, str],
    local: Mapping[str, Any],
    environment: Mapping[str, str],
    overrides_file: Path,
    place: Place,
    target: str,
) -> dict[str, Any]:
    """Every variable's value: given beats `BUNDLE_VAR_<name>` beats what is local to this machine beats the overrides
    file beats the target, which beats the default.

    Raises `UserError` for a value of an undeclared variable, and for a variable without a value.
    """
    overrides = _read_overrides(overrides_file)
    local_source = "[variables] in the settings"
    sources = (
        (given, "--var"),
        (local, local_source),
        (overrides, overrides_file.name),
        (in_target, f"target '{target}'"),
    )
    for names, source in sources:
        for name in names:
            if name not in declared:
                raise UserError(
                    f"Variable '{name}' is set by {source}, and is not declared",
                    where=place.at("variables"),
                    remedy=did_you_mean(name, declared),
                )
    values: dict[str, Any] = {}
    for name, raw in declared.items():
        definition = dict(raw or {})
        target_value = in_target.get(name)
        if isinstance(target_value, dict) and target_value and set(target_value) <= _DEFINITION_FIELDS:
            definition.update(target_value)
            target_value = None
        if name in given:
            values[name] = given[name]
        elif f"BUNDLE_VAR_{name}" in environment:
            values[name] = _from_environment(name, definition, environment, place)
        elif name in local:
            values[name] = local[name]
        elif name in overrides:
            values[name] = overrides[name]
        elif target_value is not None:
            values[name] = target_value
        elif definition.get("default") is not None:
            values[name] = definition["default"]
        elif definition.get("lookup"):
            kind, wanted = next(iter(definition["lookup"].items()))
            values[name] = f"{kind}-{wanted}"
        else:
            raise UserError(
                f"Variable '{name}' has no value",
                where=place.at("variables").at(name),
                remedy=f"Set it with --var {name}=…, the environment variable BUNDLE_VAR_{name}, {overrides_file}, "
                f"targets.{target}.variables.{name}, or a default.",
            )
    return values


def _from_environment(name: str, definition: Mapping[str, Any], environment: Mapping[str, str], place: Place) -> str:
    if definition.get("type") == "complex":
        raise UserError(
            f"Variable '{name}' is complex, and BUNDLE_VAR_{name} can only hold text",
            where=place.at("variables").at(name),
        )
    return environment[f"BUNDLE_VAR_{name}"]


def _read_overrides(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"'{file}' is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"'{file}' does not hold a mapping of variables")
    return content
