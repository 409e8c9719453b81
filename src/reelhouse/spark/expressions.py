"""A Spark Connect expression as SQL text, for what is said in statements. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from reelhouse.errors import Unsupported

_BETWEEN = {"==": "=", "=": "=", "!=": "<>", "<>": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "<=>": "<=>"}
_WORDS = {"and": "AND", "or": "OR", "+": "+", "-": "-", "*": "*", "/": "/", "%": "%"}


Qualify = Callable[[int], str | None]
"""What the columns of a plan are qualified with, by the plan's id; None leaves them as they are."""


def to_sql(expression: Any, qualify: Qualify | None = None) -> str:
    """The text of a `proto.Expression`. Raises `Unsupported` for a kind that is not known here."""
    kind = expression.WhichOneof("expr_type")
    if kind == "expression_string":
        return f"({expression.expression_string.expression})"
    if kind == "unresolved_attribute":
        return _attribute(expression.unresolved_attribute, qualify)
    if kind == "literal":
        return _literal(expression.literal)
    if kind == "alias":
        return to_sql(expression.alias.expr, qualify)
    if kind == "cast":
        name = "TRY_CAST" if expression.cast.eval_mode == expression.cast.EVAL_MODE_TRY else "CAST"
        return f"{name}({to_sql(expression.cast.expr, qualify)} AS {_type(expression.cast)})"
    if kind == "unresolved_function":
        return _function(expression.unresolved_function, qualify)
    if kind == "unresolved_extract_value":
        held = expression.unresolved_extract_value
        return f"{to_sql(held.child, qualify)}[{to_sql(held.extraction, qualify)}]"
    raise Unsupported(f"An expression of kind '{kind}' is not supported here", remedy="Use F.expr.")


def _attribute(attribute: Any, qualify: Qualify | None) -> str:
    name = str(attribute.unparsed_identifier)
    side = qualify(attribute.plan_id) if qualify and attribute.HasField("plan_id") else None
    return f"`{side}`.{name}" if side else name


def _type(cast: Any) -> str:
    if cast.HasField("type_str"):
        return str(cast.type_str)
    from pyspark.sql.connect.types import proto_schema_to_pyspark_data_type

    return str(proto_schema_to_pyspark_data_type(cast.type).simpleString())


def _function(function: Any, qualify: Qualify | None) -> str:
    name = function.function_name.lower()
    arguments = [to_sql(argument, qualify) for argument in function.arguments]
    if len(arguments) == 2 and (name in _BETWEEN or name in _WORDS):
        return f"({arguments[0]} {_BETWEEN.get(name) or _WORDS[name]} {arguments[1]})"
    if name in ("not", "!") and len(arguments) == 1:
        return f"(NOT {arguments[0]})"
    if name == "isnull" and len(arguments) == 1:
        return f"({arguments[0]} IS NULL)"
    if name == "isnotnull" and len(arguments) == 1:
        return f"({arguments[0]} IS NOT NULL)"
    if name == "in" and len(arguments) > 1:
        return f"({arguments[0]} IN ({', '.join(arguments[1:])}))"
    if name in ("like", "ilike", "rlike") and len(arguments) == 2:
        return f"({arguments[0]} {name.upper()} {arguments[1]})"
    if name in ("negative", "negate") and len(arguments) == 1:
        return f"(- {arguments[0]})"
    if name == "when":
        pairs = zip(arguments[::2], arguments[1::2], strict=False)
        cases = " ".join(f"WHEN {condition} THEN {value}" for condition, value in pairs)
        otherwise = f" ELSE {arguments[-1]}" if len(arguments) % 2 else ""
        return f"CASE {cases}{otherwise} END"
    distinct = "DISTINCT " if function.is_distinct else ""
    return f"{function.function_name}({distinct}{', '.join(arguments)})"


def _literal(literal: Any) -> str:
    kind = literal.WhichOneof("literal_type")
    if kind not in _LITERALS:
        raise Unsupported(f"A condition with a literal of type '{kind}' is not supported here", remedy="Use F.expr.")
    return _LITERALS[kind](getattr(literal, kind))


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _date(days: int) -> str:
    return f"DATE'{datetime.date(1970, 1, 1) + datetime.timedelta(days=days)}'"


def _timestamp(micros: int) -> str:
    moment = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(microseconds=micros)
    return f"TIMESTAMP'{moment.strftime('%Y-%m-%d %H:%M:%S.%f')}Z'"


_LITERALS: Mapping[str, Callable[[Any], str]] = {
    "null": lambda _: "NULL",
    "boolean": lambda value: str(value).lower(),
    "byte": str,
    "short": str,
    "integer": str,
    "long": str,
    "float": lambda value: f"CAST({value!r} AS FLOAT)",
    "double": lambda value: f"CAST({value!r} AS DOUBLE)",
    "string": _text,
    "date": _date,
    "timestamp": _timestamp,
    "decimal": lambda value: f"CAST({value.value} AS DECIMAL({value.precision}, {value.scale}))",
}
