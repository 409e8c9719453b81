"""Logical functions. `if`, `and` and `or` evaluate no more than they need.

https://learn.microsoft.com/azure/data-factory/control-flow-expression-language-functions#logical-functions
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reelhouse.adf.expression.functions.function import BadArgument, Function, expect_boolean
from reelhouse.adf.expression.scope import Scope
from reelhouse.adf.expression.values import equal, order_key, type_name

Lazy = Callable[[Scope], Any]


def and_(scope: Scope, *arguments: Lazy) -> bool:
    return all(expect_boolean(argument(scope), index) for index, argument in enumerate(arguments))


def or_(scope: Scope, *arguments: Lazy) -> bool:
    return any(expect_boolean(argument(scope), index) for index, argument in enumerate(arguments))


def if_(scope: Scope, condition: Lazy, when_true: Lazy, when_false: Lazy) -> Any:
    return when_true(scope) if expect_boolean(condition(scope), 0) else when_false(scope)


def not_(value: Any) -> bool:
    return not expect_boolean(value, 0)


def _keys(a: Any, b: Any) -> tuple[Any, Any]:
    if isinstance(a, str) and isinstance(b, str):
        return order_key(a), order_key(b)
    for value in (a, b):
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise BadArgument(
                0 if value is a else 1, f"two numbers or two texts are compared, one argument is {type_name(value)}"
            )
    if isinstance(a, str) or isinstance(b, str):
        raise BadArgument(
            1, f"{type_name(a)} and {type_name(b)} cannot be compared", "Convert with int(), float() or string()."
        )
    return a, b


def greater(a: Any, b: Any) -> bool:
    left, right = _keys(a, b)
    return bool(left > right)


def greater_or_equals(a: Any, b: Any) -> bool:
    left, right = _keys(a, b)
    return bool(left >= right)


def less(a: Any, b: Any) -> bool:
    left, right = _keys(a, b)
    return bool(left < right)


def less_or_equals(a: Any, b: Any) -> bool:
    left, right = _keys(a, b)
    return bool(left <= right)


def equals(a: Any, b: Any) -> bool:
    return equal(a, b)


LOGICAL_FUNCTIONS = (
    Function("and", and_, 2, None, lazy=True),
    Function("equals", equals, 2, 2),
    Function("greater", greater, 2, 2),
    Function("greaterOrEquals", greater_or_equals, 2, 2),
    Function("if", if_, 3, 3, lazy=True),
    Function("less", less, 2, 2),
    Function("lessOrEquals", less_or_equals, 2, 2),
    Function("not", not_, 1, 1),
    Function("or", or_, 2, None, lazy=True),
)
