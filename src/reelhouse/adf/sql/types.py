"""SQL types, the interim types of Data Factory, and Arrow types; values of drivers as Arrow columns.

https://learn.microsoft.com/azure/data-factory/connector-azure-sql-database#data-type-mapping-for-azure-sql-database
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.sql.errors import COPY, refused

if TYPE_CHECKING:
    import pyarrow as pa

_DECLARED = re.compile(
    r"\s*([a-z0-9_][a-z0-9_ ]*)(?:\(\s*(\d+|max)\s*(?:,\s*(-?\d+)\s*)?\)\s*([a-z][a-z ]*)?)?(\[\])*\s*"
)
_INTERIM = {
    "Boolean": "bit bool boolean",
    "Byte": "tinyint",
    "Int16": "smallint int2 smallserial year",
    "Int32": "int integer int4 mediumint serial",
    "Int64": "bigint int8 bigserial",
    "Single": "real float4",
    "Double": "float double float8 double precision binary_float binary_double",
    "Decimal": "decimal numeric number money smallmoney decimal_text",
    "Date": "date",
    "DateTime": "datetime datetime2 smalldatetime timestamp timestamp_ntz timestamp without time zone",
    "DateTimeOffset": "datetimeoffset timestamptz timestamp with time zone timestamp_tz timestamp_ltz",
    "TimeSpan": "time time without time zone",
    "Guid": "uniqueidentifier uuid",
    "Byte[]": "binary varbinary blob bytea image rowversion raw longblob tinyblob mediumblob",
}
_PHRASES = {"double precision", "timestamp without time zone", "timestamp with time zone", "time without time zone"}


def _interim_names() -> dict[str, str]:
    names = {}
    for interim, words in _INTERIM.items():
        for phrase in sorted(_PHRASES, key=len, reverse=True):
            if phrase in words:
                names[phrase] = interim
                words = words.replace(phrase, "")
        names.update(dict.fromkeys(words.split(), interim))
    return names


_NAMES = _interim_names()


_TEXTS = frozenset(
    ("char", "nchar", "varchar", "nvarchar", "varchar2", "nvarchar2", "text", "ntext", "xml", "json", "jsonb", "clob")
)


def interim_of_native(name: str) -> str | None:
    """The interim type of the name of an SQL type, None for what is no such name."""
    match = _DECLARED.fullmatch(name.lower())
    if match is None or match[5]:
        return None
    word = " ".join(f"{match[1]} {match[4] or ''}".split())
    return "String" if word in _TEXTS or word.startswith("character") else _NAMES.get(word)


def interim_of(declared: str, kind: str) -> str:
    """The interim type of a declared type on a database (SQLAlchemy's name of it). What is unknown is text."""
    match = _DECLARED.fullmatch(declared.lower())
    if match is None or match[5]:
        return "String"
    name = " ".join(f"{match[1]} {match[4] or ''}".split())
    if kind == "sqlite" and name == "integer":
        return "Int64"
    if kind == "sqlite" and name == "real":
        return "Double"
    if kind == "postgresql" and name == "bit":
        return "String"
    return _NAMES.get(name, "String")


def arrow_of(declared: str, kind: str) -> pa.DataType:
    """What stands for a declared type."""
    import pyarrow as pa

    interim = interim_of(declared, kind)
    if interim == "Decimal":
        match = _DECLARED.fullmatch(declared.lower())
        if match is None or match[2] in (None, "max"):
            if match is not None and match[1].strip() in ("money", "smallmoney"):
                return pa.decimal128(19, 4)
            return pa.decimal128(38, 18)
        precision = int(match[2])
        return pa.decimal128(min(precision, 38), max(0, min(int(match[3] or 0), 38)))
    return {
        "Boolean": pa.bool_(), "Byte": pa.uint8(), "Int16": pa.int16(), "Int32": pa.int32(), "Int64": pa.int64(),
        "Single": pa.float32(), "Double": pa.float64(), "Date": pa.date32(), "DateTime": pa.timestamp("us"),
        "DateTimeOffset": pa.timestamp("us", "UTC"), "Byte[]": pa.binary(),
    }.get(interim, pa.string())  # fmt: skip


def declared_for(of: pa.DataType, kind: str) -> str:
    """The type of a column that `tableOption` autoCreate makes. Raises `ActivityFailed` for nested types."""
    import pyarrow as pa

    types = pa.types
    postgres = kind == "postgresql"
    if types.is_decimal(of):
        # SQLite keeps 15 digits of a number, and all of a text.
        name = "DECIMAL_TEXT" if kind == "sqlite" and of.precision > 15 else "DECIMAL"
        return f"{name}({of.precision},{of.scale})"
    if types.is_timestamp(of):
        if of.tz:
            return "TIMESTAMPTZ" if postgres else "DATETIMEOFFSET"
        return "TIMESTAMP" if postgres else "DATETIME2"
    for fits, name in (
        (types.is_boolean, "BOOLEAN" if postgres else "BIT"),
        (types.is_uint8, "SMALLINT" if postgres else "TINYINT"),
        (types.is_int8, "SMALLINT"),
        (types.is_int16, "SMALLINT"),
        (types.is_uint16, "INT"),
        (types.is_int32, "INT"),
        (types.is_uint64, "DECIMAL(20,0)"),
        (types.is_integer, "BIGINT"),
        (types.is_float32, "REAL"),
        (types.is_floating, "DOUBLE PRECISION" if postgres else "FLOAT"),
        (types.is_date, "DATE"),
        (types.is_time, "TIME"),
        (lambda t: types.is_binary(t) or types.is_large_binary(t),
         {"postgresql": "BYTEA", "sqlite": "BLOB"}.get(kind, "VARBINARY(MAX)")),
        (lambda t: types.is_string(t) or types.is_large_string(t) or types.is_null(t),
         "TEXT" if postgres or kind == "sqlite" else "NVARCHAR(MAX)"),
    ):  # fmt: skip
        if fits(of):
            return name
    if types.is_dictionary(of):
        return declared_for(of.value_type, kind)
    raise refused(COPY, "SqlAutoCreateTableTypeMapFailed", f"No type of a table's column stands for {of}")


def column_of(values: Sequence[Any], of: pa.DataType, name: str) -> pa.Array:
    """The values that a driver gives for a column, as Arrow. Raises `ActivityFailed` for one that does not fit."""
    import pyarrow as pa

    try:
        return pa.array(values, type=of)
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, OverflowError):
        pass
    try:
        return _converted(values, of)
    except (pa.ArrowInvalid, pa.ArrowTypeError, ArithmeticError, TypeError, ValueError) as error:
        raise ActivityFailed(
            COPY, f"ErrorCode=UserErrorInvalidDataValue,A value of the column '{name}' is not of its type {of}: {error}"
        ) from None


def _converted(values: Sequence[Any], of: pa.DataType) -> pa.Array:
    """A database such as SQLite keeps any value in any column, and dates as text."""
    import pyarrow as pa

    types = pa.types
    if types.is_string(of):
        return pa.array([_text(value) for value in values], type=of)
    if types.is_decimal(of):
        numbers = [value if value is None else Decimal(str(value)) for value in values]
        return pa.array(numbers, type=pa.decimal256(76, 38)).cast(of, safe=False)
    if types.is_timestamp(of) or types.is_date(of):
        texts = pa.array([None if value is None else str(value) for value in values], type=pa.string())
        wide = pa.timestamp("ns", of.tz if types.is_timestamp(of) else None)
        return texts.cast(wide).cast(of, safe=False)
    return pa.array(values).cast(of)


def _text(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value.hex() if isinstance(value, bytes) else str(value)


def guessed(values: Sequence[Any]) -> pa.DataType:
    """The type of a column of which nothing is declared, from its first values."""
    import pyarrow as pa

    kinds = {type(value) for value in values if value is not None}
    if kinds and kinds <= {int}:
        return pa.int64()
    if kinds and kinds <= {int, float}:
        return pa.float64()
    if kinds == {bytes}:
        return pa.binary()
    if kinds and kinds <= {int, float, Decimal}:
        return pa.decimal128(38, 18)
    return pa.string()
