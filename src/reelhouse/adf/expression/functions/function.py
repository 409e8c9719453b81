"""What a function of the expression language is, and how it says that an argument is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reelhouse.adf.expression.values import type_name


@dataclass(frozen=True)
class Function:
    """A function by its documented name. `most` is None for any number of arguments.

    `scoped` functions are handed the scope first; `lazy` ones the scope and unevaluated arguments.
    """

    name: str
    run: Callable[..., Any]
    least: int
    most: int | None
    scoped: bool = False
    lazy: bool = False

    def takes(self, count: int) -> bool:
        return count >= self.least and (self.most is None or count <= self.most)

    def arity(self) -> str:
        if self.most is None:
            return f"at least {self.least} argument{'s' if self.least != 1 else ''}"
        if self.least == self.most:
            return f"{self.least} argument{'s' if self.least != 1 else ''}" if self.least else "no arguments"
        return f"{self.least} to {self.most} arguments"


class FunctionError(Exception):
    """A function cannot give a value."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class BadArgument(FunctionError):
    """The argument at `index` (0-based) is wrong."""

    def __init__(self, index: int, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.index = index


ORDINALS = ("first", "second", "third", "fourth", "fifth")


def nth(index: int) -> str:
    return ORDINALS[index] if index < len(ORDINALS) else f"{index + 1}th"


def expect_text(value: Any, index: int) -> str:
    """The value, if it is text. Raises `BadArgument`."""
    if not isinstance(value, str):
        raise BadArgument(index, f"the {nth(index)} argument must be text, it is {type_name(value)}")
    return value


def expect_integer(value: Any, index: int) -> int:
    """The value, if it is an integer (a boolean is none). Raises `BadArgument`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadArgument(index, f"the {nth(index)} argument must be an integer, it is {type_name(value)}")
    return value


def expect_number(value: Any, index: int) -> int | float:
    """The value, if it is a number. Raises `BadArgument`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadArgument(index, f"the {nth(index)} argument must be a number, it is {type_name(value)}")
    return value


def expect_boolean(value: Any, index: int) -> bool:
    """The value, if it is a boolean. Raises `BadArgument`."""
    if not isinstance(value, bool):
        raise BadArgument(index, f"the {nth(index)} argument must be a boolean, it is {type_name(value)}")
    return value
