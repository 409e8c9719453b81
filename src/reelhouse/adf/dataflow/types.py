"""The types of data flows beside those of Spark, and the conversion of values between them.

https://learn.microsoft.com/azure/data-factory/data-flow-conversion-functions
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from reelhouse.adf.dataflow.syntax import Type
from reelhouse.adf.dataflow.tokens import ScriptError

if TYPE_CHECKING:
    from pyspark.sql import Column
    from pyspark.sql.types import DataType

_NAMES = {
    "string": "string", "boolean": "boolean", "byte": "tinyint", "short": "smallint", "integer": "int",
    "long": "bigint", "float": "float", "double": "double", "date": "date", "timestamp": "timestamp",
    "binary": "binary", "any": "string",
}  # fmt: skip
_OF_SPARK = {
    "string": "string", "boolean": "boolean", "tinyint": "byte", "smallint": "short", "int": "integer",
    "bigint": "long", "float": "float", "double": "double", "date": "date", "timestamp": "timestamp",
    "timestamp_ntz": "timestamp", "binary": "binary", "void": "null",
}  # fmt: skip
INTEGRAL = ("byte", "short", "integer", "long")
FRACTIONAL = ("float", "double", "decimal")
NUMERIC = INTEGRAL + FRACTIONAL
TRUE_WORDS = ("t", "true", "y", "yes", "1")
FALSE_WORDS = ("f", "false", "n", "no", "0")
_NUMBER_FORMAT = re.compile(r"([^#0.,]*)([#0,]*)(?:\.([#0]*))?([^#0.,]*)")


def spark_type(type: Type) -> str:
    """The DDL of a type.

    >>> spark_type(Type("decimal", (8, 4)))
    'decimal(8,4)'
    """
    if type.name == "complex":
        inner = ", ".join(f"`{part.name.replace('`', '``')}`: {spark_type(part.type)}" for part in type.parts)
        return f"struct<{inner}>"
    if type.name == "array":
        return f"array<{spark_type(type.items[0])}>"
    if type.name == "map":
        return f"map<{spark_type(type.items[0])},{spark_type(type.items[1])}>"
    if type.name == "decimal":
        precision, scale = (*type.numbers, 0)[:2] if type.numbers else (10, 2)
        return f"decimal({precision},{scale})"
    return _NAMES[type.name]


def name_of(type: DataType) -> str:
    """What a data flow calls a type of Spark, without sizes."""
    text = str(type.simpleString())
    if text.startswith("decimal"):
        return "decimal"
    for start, name in (("struct", "complex"), ("array", "array"), ("map", "map")):
        if text.startswith(start):
            return name
    return _OF_SPARK.get(text, text)


def matches(name: str, base: str) -> bool:
    """Whether a type is of a base type, as `typeMatch` and patterns see it."""
    groups = {
        "number": NUMERIC,
        "integral": INTEGRAL,
        "fractional": FRACTIONAL,
        "datetime": ("date", "timestamp"),
    }
    return name == base or name in groups.get(base, ())


def convert(column: Column, source: DataType, target: Type) -> Column:
    """A column as another type. What does not convert is null. Raises `ScriptError` for a format that is not read."""
    from pyspark.sql import functions as F

    name = name_of(source)
    if name != "string" or target.name in ("string", "any", "binary", "complex", "array", "map"):
        return _of_value(column, name, target)
    if target.name == "boolean":
        word = F.lower(F.trim(column))
        return F.when(word.isin(*TRUE_WORDS), True).when(word.isin(*FALSE_WORDS), False)
    if target.name == "date":
        return to_date(column, target.format)
    if target.name == "timestamp":
        return to_timestamp(column, target.format)
    if target.format:
        column = plain_number(column, target.format, target.line)
    return F.trim(column).try_cast(spark_type(target))


def _of_value(column: Column, name: str, target: Type) -> Column:
    from pyspark.sql import functions as F

    if target.name in ("string", "any") and target.format:
        return F.date_format(column, java_format(target.format))
    if name == "boolean" and target.name in NUMERIC:
        return column.cast("int").cast(spark_type(target))
    if name in ("null", "complex", "array", "map") or target.name in ("string", "any", "binary", "boolean"):
        return column.cast(spark_type(target))
    if name in ("float", "double", "decimal") and target.name in INTEGRAL:
        # Truncates, and gives null for what does not fit.
        return F.when(column >= 0, F.floor(column)).otherwise(F.ceil(column)).try_cast(spark_type(target))
    return column.try_cast(spark_type(target))


def to_date(column: Column, format: str = "") -> Column:
    """A text as date. Without a format: `yyyy`, `yyyy-[M]M`, `yyyy-[M]M-[d]d` and the last with `T…` behind it."""
    from pyspark.sql import functions as F

    if format:
        return to_timestamp(column, format).cast("date")
    return F.regexp_replace(F.trim(column), "[T ].*$", "").try_cast("date")


def to_timestamp(column: Column, format: str = "") -> Column:
    """A text as timestamp. With a Java format a number may have fewer digits than the format has letters."""
    from pyspark.sql import functions as F

    if not format:
        return F.trim(column).try_cast("timestamp")
    pattern = F.lit(java_format(format))
    exact = F.try_to_timestamp(column, pattern)
    if "S" in format:
        return exact
    padded = F.regexp_replace(column, r"\b(\d)\b", "0$1")
    return F.coalesce(exact, F.try_to_timestamp(padded, pattern))


def java_format(format: str) -> str:
    """A format of dates, the quotes of its plain parts as Java writes them."""
    return format.replace("\\'", "'")


def plain_number(column: Column, format: str, line: int) -> Column:
    """The digits of a text that is written in a Java decimal format; null for another text."""
    from pyspark.sql import functions as F

    match = _NUMBER_FORMAT.fullmatch(format)
    if match is None:
        raise ScriptError(f"The number format '{format}' is not supported", line, remedy="Write one such as $#,##0.00.")
    before, after = re.escape(match[1].replace("'", "")), re.escape(match[4].replace("'", ""))
    if match[4] and "%" in match[4]:
        raise ScriptError(f"The number format '{format}' with a per cent sign is not supported", line)
    digits = r"-?[0-9,]*(?:\.[0-9]+)?" if "," in match[2] else r"-?[0-9]*(?:\.[0-9]+)?"
    found = F.regexp_extract(F.trim(column), f"^(-?){before}({digits}){after}$", 0)
    stripped = F.regexp_replace(found, r"[^0-9.\-]", "")
    return F.when(stripped != "", stripped)


def is_null(type: Any) -> bool:
    return bool(type.simpleString() == "void")
