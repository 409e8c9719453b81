"""Functions of numbers, of truth values and of choices.

https://learn.microsoft.com/azure/data-factory/data-flow-expression-functions
"""

from __future__ import annotations

from typing import Any

from reelhouse.adf.dataflow.functions.signature import table
from reelhouse.adf.dataflow.operators import apply
from reelhouse.adf.dataflow.types import name_of

ROUND_UP, ROUND_DOWN, ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP = 1, 2, 3, 4, 5


def _operator(sign: str) -> Any:
    def build(a: Any) -> Any:
        kinds = (name_of(a.type(0)), name_of(a.type(1))) if sign in "+-^" else ("", "")
        return apply(sign, a[0], a[1], kinds)

    return build


def _round(a: Any) -> Any:
    scale = int(a.constant(1)) if len(a) > 1 else 0
    mode = int(a.constant(2)) if len(a) > 2 else ROUND_HALF_UP
    value = a[0]
    if mode == ROUND_HALF_UP:
        return a.F.round(value, scale).cast("double")
    up, down = a.F.ceil(value * 10**scale), a.F.floor(value * 10**scale)
    chosen = {
        ROUND_UP: a.F.when(value >= 0, up).otherwise(down),
        ROUND_DOWN: a.F.when(value >= 0, down).otherwise(up),
        ROUND_CEILING: up,
        ROUND_FLOOR: down,
    }
    if mode not in chosen:
        raise a.wrong(f"The rounding mode {mode} is not supported", "Supported: 1 to 5.")
    return chosen[mode].cast("double") / 10**scale


def _log(a: Any) -> Any:
    return a.F.log(a[0]) if len(a) == 1 else a.F.log(a[0]) / a.F.log(a[1])


def _iif(a: Any) -> Any:
    chosen = a.F.when(a[0], a[1])
    return chosen.otherwise(a[2]) if len(a) == 3 else chosen


def _case(a: Any) -> Any:
    values = a.all()
    chosen = a.F.when(values[0], values[1])
    for index in range(2, len(values) - 1, 2):
        chosen = chosen.when(values[index], values[index + 1])
    return chosen.otherwise(values[-1]) if len(values) % 2 else chosen


def _compare(a: Any) -> Any:
    left, right = a[0], a[1]
    return a.F.when(left < right, -1).when(left > right, 1).when(left == right, 0)


def _logical(sign: str) -> Any:
    def build(a: Any) -> Any:
        found = a[0]
        for value in a.all()[1:]:
            found = apply(sign, found, value, ("boolean", "boolean"))
        return found

    return build


def _extreme(name: str) -> Any:
    return lambda a: a[0] if len(a) == 1 else getattr(a.F, name)(*a.all())


FUNCTIONS = table(
    abs=(1, 1, lambda a: a.F.abs(a[0])),
    acos=(1, 1, lambda a: a.F.acos(a[0])),
    add=(2, 2, _operator("+")),
    and_=(2, None, _logical("&&")),
    asin=(1, 1, lambda a: a.F.asin(a[0])),
    atan=(1, 1, lambda a: a.F.atan(a[0])),
    atan2=(2, 2, lambda a: a.F.atan2(a[0], a[1])),
    between=(3, 3, lambda a: (a[0] >= a[1]) & (a[0] <= a[2])),
    bitwiseAnd=(2, 2, _operator("&")),
    bitwiseOr=(2, 2, _operator("|")),
    bitwiseXor=(2, 2, _operator("^")),
    case=(2, None, _case),
    cbrt=(1, 1, lambda a: a.F.cbrt(a[0])),
    ceil=(1, 1, lambda a: a.F.ceil(a[0])),
    coalesce=(1, None, lambda a: a.F.coalesce(*a.all())),
    compare=(2, 2, _compare),
    cos=(1, 1, lambda a: a.F.cos(a[0])),
    cosh=(1, 1, lambda a: a.F.cosh(a[0])),
    degrees=(1, 1, lambda a: a.F.degrees(a[0])),
    divide=(2, 2, _operator("/")),
    equals=(2, 2, _operator("==")),
    factorial=(1, 1, lambda a: a.F.factorial(a[0])),
    false=(0, 0, lambda a: a.F.lit(False)),
    floor=(1, 1, lambda a: a.F.floor(a[0])),
    greater=(2, 2, _operator(">")),
    greaterOrEqual=(2, 2, _operator(">=")),
    greatest=(1, None, _extreme("greatest")),
    iif=(2, 3, _iif),
    iifNull=(1, None, lambda a: a.F.coalesce(*a.all())),
    isNan=(1, 1, lambda a: a.F.isnan(a[0].cast("double"))),
    isNull=(1, 1, lambda a: a[0].isNull()),
    least=(1, None, _extreme("least")),
    lesser=(2, 2, _operator("<")),
    lesserOrEqual=(2, 2, _operator("<=")),
    log=(1, 2, _log),
    log10=(1, 1, lambda a: a.F.log10(a[0])),
    minus=(2, 2, _operator("-")),
    mod=(2, 2, _operator("%")),
    multiply=(2, 2, _operator("*")),
    negate=(1, 1, lambda a: -a[0]),
    not_=(1, 1, lambda a: ~a[0]),
    notEquals=(2, 2, _operator("!=")),
    null=(0, 0, lambda a: a.F.lit(None)),
    or_=(2, None, _logical("||")),
    pMod=(2, 2, lambda a: a.F.pmod(a[0], a[1])),
    pmod=(2, 2, lambda a: a.F.pmod(a[0], a[1])),
    power=(2, 2, lambda a: a.F.power(a[0], a[1])),
    radians=(1, 1, lambda a: a.F.radians(a[0])),
    random=(0, 1, lambda a: a.F.rand(int(a.constant(0))) if len(a) else a.F.rand()),
    round=(1, 3, _round),
    sin=(1, 1, lambda a: a.F.sin(a[0])),
    sinh=(1, 1, lambda a: a.F.sinh(a[0])),
    sqrt=(1, 1, lambda a: a.F.sqrt(a[0])),
    tan=(1, 1, lambda a: a.F.tan(a[0])),
    tanh=(1, 1, lambda a: a.F.tanh(a[0])),
    true=(0, 0, lambda a: a.F.lit(True)),
    xor=(2, 2, _logical("^")),
)
