"""Functions between types. What does not convert is null.

https://learn.microsoft.com/azure/data-factory/data-flow-conversion-functions
"""

from __future__ import annotations

from typing import Any

from reelhouse.adf.dataflow.functions.signature import table
from reelhouse.adf.dataflow.syntax import Type
from reelhouse.adf.dataflow.types import NUMERIC, convert, name_of


def _to(name: str) -> Any:
    def build(a: Any) -> Any:
        if len(a) > 2:
            raise a.wrong(f"The third argument of '{a.call.name}' is not supported")
        format = str(a.constant(1)) if len(a) > 1 else ""
        return convert(a[0], a.type(0), Type(name, format=format, line=a.call.line))

    return build


def _to_decimal(a: Any) -> Any:
    if len(a) > 4:
        raise a.wrong("The locale of 'toDecimal' is not supported")
    precision = int(a.constant(1)) if len(a) > 1 else 10
    scale = int(a.constant(2)) if len(a) > 2 else (0 if len(a) > 1 else 2)
    format = str(a.constant(3)) if len(a) > 3 else ""
    return convert(a[0], a.type(0), Type("decimal", (precision, scale), format=format, line=a.call.line))


def _to_string(a: Any) -> Any:
    if len(a) > 2:
        raise a.wrong("The locale of 'toString' is not supported")
    kind = name_of(a.type(0))
    if len(a) == 1 or kind == "string":
        return a[0].cast("string")
    format = str(a.constant(1))
    if kind in NUMERIC:
        if "E" in format or "%" in format:
            raise a.wrong(f"The number format '{format}' is not supported", "Write one such as #,##0.00.")
        return a.F.format_number(a[0], format)
    return convert(a[0], a.type(0), Type("string", format=format, line=a.call.line))


def _is(name: str) -> Any:
    """Whether a text converts."""

    def build(a: Any) -> Any:
        return a.F.coalesce(_to(name)(a).isNotNull(), a.F.lit(False))

    return build


def _is_boolean(a: Any) -> Any:
    return convert(a[0], a.type(0), Type("boolean")).isNotNull()


FUNCTIONS = table(
    isBoolean=(1, 1, _is_boolean),
    isByte=(1, 2, _is("byte")),
    isDate=(1, 2, _is("date")),
    isDecimal=(1, 2, _is("decimal")),
    isDouble=(1, 2, _is("double")),
    isFloat=(1, 2, _is("float")),
    isInteger=(1, 2, _is("integer")),
    isLong=(1, 2, _is("long")),
    isShort=(1, 2, _is("short")),
    isTimestamp=(1, 2, _is("timestamp")),
    toBinary=(1, 1, _to("binary")),
    toBoolean=(1, 1, _to("boolean")),
    toByte=(1, 2, _to("byte")),
    toDate=(1, 2, _to("date")),
    toDecimal=(1, 5, _to_decimal),
    toDouble=(1, 2, _to("double")),
    toFloat=(1, 2, _to("float")),
    toInteger=(1, 2, _to("integer")),
    toLong=(1, 2, _to("long")),
    toShort=(1, 2, _to("short")),
    toString=(1, 3, _to_string),
    toTimestamp=(1, 2, _to("timestamp")),
)
