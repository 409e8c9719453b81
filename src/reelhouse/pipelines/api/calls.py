"""How every call is read: who calls, what it may be given, what is wrong with it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from reelhouse.errors import Place, UserError, did_you_mean
from reelhouse.pipelines.definitions import Registry, active_registry

F = TypeVar("F", bound=Callable[..., Any])


class UnknownParameter(UserError, TypeError):
    """A call with a parameter that the function does not have."""


def caller() -> tuple[Registry, Place]:
    """The active registry and the place of the nearest frame outside of this package."""
    registry = active_registry.get()
    frame = sys._getframe(1)
    while frame.f_globals.get("__package__") == __package__ and frame.f_back is not None:
        frame = frame.f_back
    if registry is None:
        raise UserError(
            "A dataset is defined outside of a pipeline",
            where=Place(frame.f_code.co_filename, f"line {frame.f_lineno}"),
            remedy="Run the file as a library of a pipeline.",
        )
    return registry, registry.place(frame.f_code.co_filename, frame.f_lineno)


def refuse(function: str, unknown: Mapping[str, Any], known: Sequence[str], place: Place) -> None:
    """Raise `UnknownParameter` for the first of `unknown`, with the nearest of `known`."""
    for name in unknown:
        raise UnknownParameter(
            f"{function}() has no parameter '{name}'", where=place, remedy=did_you_mean(name, [*known])
        )


def text(value: Any) -> str:
    """The text of an option's value, as Spark writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def names(parameter: str, value: Any, place: Place) -> tuple[str, ...] | None:
    """A list of names of columns, None when it is not given. Raises `UserError` for anything else."""
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(v, str) for v in value):
        raise UserError(f"{parameter} has to be a list of column names, not {value!r}", where=place)
    return tuple(value)


def columns(value: Any) -> tuple[Any, ...] | None:
    """A list of names or Columns; a single one stands for itself."""
    if value is None:
        return None
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def required(function: str, parameter: str, value: Any, place: Place) -> Any:
    """The value of a parameter that has to be given."""
    if value is None or (isinstance(value, (str, tuple)) and not value):
        raise UserError(f"{function}() needs {parameter}", where=place)
    return value
