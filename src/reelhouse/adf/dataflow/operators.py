"""The operators of the expression language.

https://learn.microsoft.com/azure/data-factory/data-flow-expression-functions
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelhouse.adf.dataflow.syntax import Binary, Index, Interpolated, Node
from reelhouse.adf.dataflow.types import name_of

if TYPE_CHECKING:
    from pyspark.sql import Column

    from reelhouse.adf.dataflow.compile import Scope


def binary(node: Binary, scope: Scope) -> Column:
    """An operator between two expressions."""
    if node.operator in ("+", "-", "^"):
        kinds = (name_of(scope.type(node.left)), name_of(scope.type(node.right)))
    else:
        kinds = ("", "")
    return apply(node.operator, scope.column(node.left), scope.column(node.right), kinds)


def apply(operator: str, left: Column, right: Column, kinds: tuple[str, str]) -> Column:
    """`kinds` are the names of the types on both sides; only + - and ^ ask for them."""
    from pyspark.sql import functions as F

    if operator == "+":
        return _plus(left, right, kinds)
    if operator == "-":
        return _minus(left, right, kinds)
    if operator == "^":
        return left != right if "boolean" in kinds else left.bitwiseXOR(right)
    table: dict[str, Any] = {
        "||": lambda: left | right,
        "&&": lambda: left & right,
        "|": lambda: left.bitwiseOR(right),
        "&": lambda: left.bitwiseAND(right),
        "==": lambda: left == right,
        "!=": lambda: left != right,
        "===": lambda: left.eqNullSafe(right),
        "<=>": lambda: F.lower(left) == F.lower(right),
        "<": lambda: left < right,
        "<=": lambda: left <= right,
        ">": lambda: left > right,
        ">=": lambda: left >= right,
        "*": lambda: left * right,
        # What is divided by zero is null.
        "/": lambda: left / F.when(right != 0, right),
        "%": lambda: left % F.when(right != 0, right),
    }
    result: Column = table[operator]()
    return result


def _plus(left: Column, right: Column, kinds: tuple[str, str]) -> Column:
    from pyspark.sql import functions as F

    if "string" in kinds:
        return F.concat(left.cast("string"), right.cast("string"))
    if "array" in kinds:
        return F.concat(left, right)
    if "date" in kinds:
        return F.date_add(left, right) if kinds[0] == "date" else F.date_add(right, left)
    if "timestamp" in kinds:
        return shifted(left, right) if kinds[0] == "timestamp" else shifted(right, left)
    return left + right


def _minus(left: Column, right: Column, kinds: tuple[str, str]) -> Column:
    from pyspark.sql import functions as F

    if kinds == ("date", "date"):
        return F.date_diff(left, right)
    if "timestamp" in kinds and set(kinds) <= {"date", "timestamp"}:
        return F.unix_millis(left.cast("timestamp")) - F.unix_millis(right.cast("timestamp"))
    if kinds[0] == "date":
        return F.date_sub(left, right)
    if kinds[0] == "timestamp":
        return shifted(left, -right)
    return left - right


def shifted(moment: Column, milliseconds: Column) -> Column:
    """A timestamp, later by milliseconds."""
    from pyspark.sql import functions as F

    return F.timestamp_micros(F.unix_micros(moment) + milliseconds.cast("bigint") * F.lit(1000).cast("bigint"))


def index_of(node: Index, scope: Scope) -> Column:
    """The item of an array at a place counted from 1, or the value of a key of a map; null where there is none."""
    return item_at(scope.column(node.base), scope.column(node.index), name_of(scope.type(node.base)))


def item_at(base: Column, index: Column, kind: str) -> Column:
    from pyspark.sql import functions as F

    if kind == "map":
        return F.try_element_at(base, index)
    return F.when(index > 0, F.get(base, index - 1))


def joined(node: Interpolated, scope: Scope) -> Column:
    """A text with the values of expressions in it."""
    from pyspark.sql import functions as F

    parts = [
        F.lit(part) if isinstance(part, str) else scope.column(part).cast("string")
        for part in node.parts
        if isinstance(part, str | Node)
    ]
    return F.concat(*parts)
