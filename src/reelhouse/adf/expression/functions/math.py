"""Math functions: integers have 64 bits and never overflow in silence.

https://learn.microsoft.com/azure/data-factory/control-flow-expression-language-functions#math-functions
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from reelhouse.adf.expression.functions.function import (
    BadArgument,
    Function,
    FunctionError,
    expect_integer,
    expect_number,
)
from reelhouse.adf.expression.scope import Scope
from reelhouse.adf.expression.syntax import INT64_MAX, INT64_MIN

MAX_RANGE = 100_000
Number = int | float


def _checked(value: Number) -> Number:
    if isinstance(value, int) and not INT64_MIN <= value <= INT64_MAX:
        raise FunctionError("the result does not fit 64 bits")
    return value


def _operands(a: Any, b: Any) -> tuple[Number, Number]:
    left, right = expect_number(a, 0), expect_number(b, 1)
    if isinstance(left, float) or isinstance(right, float):
        return float(left), float(right)
    return left, right


def add(a: Any, b: Any) -> Number:
    left, right = _operands(a, b)
    return _checked(left + right)


def sub(a: Any, b: Any) -> Number:
    left, right = _operands(a, b)
    return _checked(left - right)


def mul(a: Any, b: Any) -> Number:
    left, right = _operands(a, b)
    return _checked(left * right)


def div(a: Any, b: Any) -> Number:
    left, right = _operands(a, b)
    if right == 0:
        raise BadArgument(1, "the divisor is zero")
    if isinstance(left, int) and isinstance(right, int):
        quotient = abs(left) // abs(right)
        return _checked(quotient if (left < 0) == (right < 0) else -quotient)
    return left / right


def mod(a: Any, b: Any) -> Number:
    left, right = _operands(a, b)
    if right == 0:
        raise BadArgument(1, "the divisor is zero")
    if isinstance(left, int) and isinstance(right, int):
        return abs(left) % abs(right) * (-1 if left < 0 else 1)
    return math.fmod(left, right) if math.isfinite(left) else math.nan


def _extreme(choose: Callable[[list[Number]], Number], values: tuple[Any, ...]) -> Number:
    items = list(values)
    if len(items) == 1 and isinstance(items[0], list):
        items = items[0]
        if not items:
            raise BadArgument(0, "the array is empty")
        return choose([expect_number(item, 0) for item in items])
    return choose([expect_number(item, index) for index, item in enumerate(items)])


def max_(*values: Any) -> Number:
    return _extreme(max, values)


def min_(*values: Any) -> Number:
    return _extreme(min, values)


def rand(scope: Scope, low: Any, high: Any) -> int:
    first, end = expect_integer(low, 0), expect_integer(high, 1)
    if first > end:
        raise BadArgument(0, f"the lower bound {first} is above the upper bound {end}")
    return first if first == end else scope.random.randrange(first, end)


def range_(start: Any, count: Any) -> list[int]:
    first, number = expect_integer(start, 0), expect_integer(count, 1)
    if not 0 <= number <= MAX_RANGE:
        raise BadArgument(1, f"the count must lie between 0 and {MAX_RANGE}, it is {number}")
    _checked(first + number)
    return list(range(first, first + number))


MATH_FUNCTIONS = (
    Function("add", add, 2, 2),
    Function("div", div, 2, 2),
    Function("max", max_, 1, None),
    Function("min", min_, 1, None),
    Function("mod", mod, 2, 2),
    Function("mul", mul, 2, 2),
    Function("rand", rand, 2, 2, scoped=True),
    Function("range", range_, 2, 2),
    Function("sub", sub, 2, 2),
)
