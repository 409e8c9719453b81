"""References of a bundle: `${bundle.target}`, `${var.catalog}`, `${resources.jobs.daily.id}`.

https://docs.databricks.com/aws/en/dev-tools/bundles/variables
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from reelhouse.errors import Place, UserError, did_you_mean

REFERENCE = re.compile(r"\$\{([A-Za-z_]\w*(?:[-.]\w+|\[\d+\])*)\}")
_ROUNDS = 11
_ROOTS = ("bundle", "workspace", "var", "variables", "resources", "artifacts")


def substitute(
    value: Any, tree: Mapping[str, Any], place: Place, *, leave: Callable[[str], bool] = lambda _: False
) -> Any:
    """The value with its references replaced by what `tree` holds; those that `leave` accepts stay.

    A text that is wholly one reference becomes its value whatever the type. Raises `UserError` for a reference that
    leads nowhere, or that is nested more than 11 times.
    """
    if isinstance(value, dict):
        return {k: substitute(v, tree, place.at(str(k)), leave=leave) for k, v in value.items()}
    if isinstance(value, list):
        return [substitute(v, tree, place.at(i), leave=leave) for i, v in enumerate(value)]
    if isinstance(value, str) and "${" in value:
        return _substitute_text(value, tree, place, leave, 0)
    return value


def _substitute_text(text: str, tree: Mapping[str, Any], place: Place, leave: Callable[[str], bool], depth: int) -> Any:
    if depth > _ROUNDS:
        raise UserError(f"'{text}' refers to itself, or is nested more than {_ROUNDS} times", where=place)

    def found(path: str) -> Any:
        if leave(path):
            return "${" + path + "}"
        value = _look_up(path, tree, place)
        return _deep(value, tree, place, leave, depth + 1)

    whole = REFERENCE.fullmatch(text)
    if whole:
        return found(whole[1])

    def as_text(match: re.Match[str]) -> str:
        value = found(match[1])
        if isinstance(value, (dict, list)):
            raise UserError(f"'${{{match[1]}}}' is not a text, and stands inside one: '{text}'", where=place)
        if isinstance(value, bool):
            return "true" if value else "false"
        return "" if value is None else str(value)

    return REFERENCE.sub(as_text, text)


def _deep(value: Any, tree: Mapping[str, Any], place: Place, leave: Callable[[str], bool], depth: int) -> Any:
    if isinstance(value, str):
        return (
            _substitute_text(value, tree, place, leave, depth) if "${" in value and not _left(value, leave) else value
        )
    if isinstance(value, dict):
        return {k: _deep(v, tree, place, leave, depth) for k, v in value.items()}
    if isinstance(value, list):
        return [_deep(v, tree, place, leave, depth) for v in value]
    return value


def _left(value: str, leave: Callable[[str], bool]) -> bool:
    return all(leave(path) for path in REFERENCE.findall(value))


def _look_up(path: str, tree: Mapping[str, Any], place: Place) -> Any:
    steps = re.findall(r"[^.\[\]]+", path)
    at: Any = tree
    for number, step in enumerate(steps):
        if isinstance(at, list) and step.isdigit() and int(step) < len(at):
            at = at[int(step)]
        elif isinstance(at, Mapping) and step in at:
            at = at[step]
        else:
            known = list(at) if isinstance(at, Mapping) else []
            remedy = did_you_mean(step, known if number else _ROOTS)
            raise UserError(f"'${{{path}}}' refers to nothing: there is no '{step}'", where=place, remedy=remedy)
    return at
