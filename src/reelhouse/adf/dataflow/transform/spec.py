"""What the check and the translation know of a kind of transformation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reelhouse.adf.dataflow.syntax import Array, Literal, Node, Option, Transformation
from reelhouse.adf.dataflow.tokens import ScriptError
from reelhouse.errors import did_you_mean

ANY = None
"""An option with any value."""
FLAG = (True, False)
WITHOUT_EFFECT = ("partitionBy", "broadcast")
"""What only places the work: accepted everywhere, without effect here."""


@dataclass(frozen=True)
class Kind:
    """A kind of transformation.

    `options` are the names with the values that are done here, or ANY. `clauses` are calls among the arguments that
    are no expressions. `expressions` tells whether others may be there, `assigns` whether `name = value` may.
    `apply` gives the streams by the names that others know them by.
    """

    name: str
    title: str
    inputs: tuple[int, int | None]
    apply: Callable[..., Any]
    options: Mapping[str, tuple[Any, ...] | None] = field(default_factory=dict)
    clauses: tuple[str, ...] = ()
    expressions: bool = False
    assigns: bool = False


def flag(item: Transformation, name: str, *, default: bool = False) -> bool:
    """The value of a true-or-false option."""
    node = item.option(name)
    if node is None:
        return default
    if isinstance(node, Literal) and isinstance(node.value, bool):
        return node.value
    raise ScriptError(f"'{name}' is true or false", node.line)


def word(item: Transformation, name: str, default: str = "") -> str:
    """The value of an option that is a text."""
    node = item.option(name)
    if node is None:
        return default
    if isinstance(node, Literal) and isinstance(node.value, str):
        return node.value
    raise ScriptError(f"'{name}' is a text", node.line)


def number(item: Transformation, name: str, default: int) -> int:
    """The value of an option that is a whole number, as `1L` or `-1L`."""
    from reelhouse.adf.dataflow.syntax import Unary

    node = item.option(name)
    if node is None:
        return default
    sign = 1
    if isinstance(node, Unary) and node.operator == "-":
        node, sign = node.operand, -1
    if isinstance(node, Literal) and isinstance(node.value, int):
        return sign * node.value
    raise ScriptError(f"'{name}' is a whole number", node.line)


def texts(node: Node | None) -> list[Node]:
    """The items of an option that is a list."""
    if node is None:
        return []
    return list(node.items) if isinstance(node, Array) else [node]


def check_options(item: Transformation, kind: Kind) -> None:
    """Raises `ScriptError` for an option or a value of one that is not done here."""
    for option in item.arguments:
        if not isinstance(option, Option):
            continue
        if option.name in WITHOUT_EFFECT:
            continue
        if option.name not in kind.options:
            raise ScriptError(
                f"The option '{option.name}' of {item.kind} '{item.name}' is not supported",
                option.line,
                remedy=did_you_mean(option.name, kind.options),
            )
        _check_value(item, option, kind.options[option.name])


def _check_value(item: Transformation, option: Option, allowed: tuple[Any, ...] | None) -> None:
    if allowed is None:
        return
    value = option.value
    if isinstance(value, Array) and not value.items and () in allowed:
        return
    given = value.value if isinstance(value, Literal) else None
    if isinstance(value, Literal) and any(given == good and type(given) is type(good) for good in allowed):
        return
    shown = ", ".join(str(good).lower() if isinstance(good, bool) else f"{good!r}" for good in allowed if good != ())
    written = f" {given!r}" if isinstance(value, Literal) else ""
    raise ScriptError(
        f"The value{written} of the option '{option.name}' of {item.kind} '{item.name}' is not supported",
        option.line,
        remedy=f"Supported: {shown or 'an empty list'}.",
    )
