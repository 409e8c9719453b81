"""A Spark Connect expression as SQL text, for the few that delta-rs has to be told. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from reelhouse.errors import Unsupported

_BETWEEN = {"==": "=", "=": "=", "!=": "<>", "<>": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "<=>": "<=>"}
_WORDS = {"and": "AND", "or": "OR", "+": "+", "-": "-", "*": "*", "/": "/", "%": "%"}


def to_sql(expression: Any) -> str:
    """The text of a `proto.Expression`. Raises `Unsupported` for a kind that is not known here."""
    kind = expression.WhichOneof("expr_type")
    if kind == "expression_string":
        return f"({expression.expression_string.expression})"
    if kind == "unresolved_attribute":
        return str(expression.unresolved_attribute.unparsed_identifier)
    if kind == "literal":
        return _literal(expression.literal)
    if kind == "cast" and expression.cast.HasField("type_str"):
        return f"CAST({to_sql(expression.cast.expr)} AS {expression.cast.type_str})"
    if kind == "unresolved_function":
        return _function(expression.unresolved_function)
    raise Unsupported(f"A condition with an expression of kind '{kind}' is not supported here", remedy="Use F.expr.")


def _function(function: Any) -> str:
    name = function.function_name.lower()
    arguments = [to_sql(argument) for argument in function.arguments]
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
    return f"{function.function_name}({', '.join(arguments)})"


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
