"""Text to typed values as Spark's readers convert them, and the types that carry them to the engine.

A value is converted once for each distinct text of a block, so a column with few values costs little and the rules can
be written plainly. https://spark.apache.org/docs/latest/sql-data-sources-csv.html
"""

from __future__ import annotations

import datetime as dt
import decimal
import re
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from reelhouse.autoloader.ddl import is_nested
from reelhouse.autoloader.patterns import pattern
from reelhouse.autoloader.timestamps import MICROS, date_of, micros_of, zone
from reelhouse.errors import Unsupported

Converter = Callable[[pa.Array], tuple[pa.Array, list[int]]]
"""Text to values, with the rows whose text does not fit; those are null."""

_WHOLE = re.compile(r"[+-]?\d+")
_REAL = re.compile(r"[\0- ]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[fFdD]?[\0- ]*")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_DECIMAL_TYPE = re.compile(r"decimal(?:\((\d+)(?:,\s*(\d+))?\))?")
_BITS = {"tinyint": 8, "byte": 8, "smallint": 16, "short": 16, "int": 32, "integer": 32, "bigint": 64, "long": 64}
_SAFE_DIGITS = {8: 2, 16: 4, 32: 9, 64: 18}
_ARROW = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "float": pa.float32(),
    "real": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "binary": pa.binary(),
    "timestamp": pa.int64(),
    "timestamp_ltz": pa.int64(),
    "timestamp_ntz": pa.int64(),
    "tinyint": pa.int8(),
    "byte": pa.int8(),
    "smallint": pa.int16(),
    "short": pa.int16(),
    "int": pa.int32(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "long": pa.int64(),
}


def wire_type(ddl: str) -> pa.DataType:
    """The Arrow type in which a column of a Spark type (DDL) leaves the data source.

    Timestamps travel as microseconds since 1970; structs, arrays, maps and variants as JSON text.
    """
    name = ddl.lower().strip()
    match = _DECIMAL_TYPE.fullmatch(name)
    if match:
        return pa.decimal128(int(match[1] or 10), int(match[2] or 0))
    if is_nested(name) or name.startswith(("varchar", "char")):
        return pa.string()
    if name not in _ARROW:
        raise Unsupported(f"Type '{ddl}' of a column to read", remedy=f"Supported: {', '.join(sorted(_ARROW))}.")
    return _ARROW[name]


def converter(ddl: str, options: Mapping[str, str], time_zone: str) -> Converter:
    """The conversion of text to a Spark type (DDL) under reader options (names in lower case)."""
    name, target = ddl.lower().strip(), wire_type(ddl)
    if is_nested(name):
        return _bracketed(name)
    if target == pa.string():
        return lambda column: (column, [])
    one = _one_value(name, target, options, time_zone)
    quick = rf"\A-?[0-9]{{1,{_SAFE_DIGITS[_BITS[name]]}}}\z" if name in _BITS else None

    def convert(column: pa.Array) -> tuple[pa.Array, list[int]]:
        if quick:
            fits = pc.match_substring_regex(column, quick)
            if pc.all(fits).as_py() is not False:
                return pc.cast(column, target), []
        return _by_distinct(column, one, target)

    return convert


def _bracketed(name: str) -> Converter:
    """Checks that a nested value's JSON is of the right shape: an array, or an object."""
    if name.startswith("variant"):
        return lambda column: (column, [])
    opening = r"\A\[" if name.startswith("array") else r"\A\{"

    def convert(column: pa.Array) -> tuple[pa.Array, list[int]]:
        fits = pc.match_substring_regex(column, opening)
        if pc.all(fits).as_py() is not False:
            return column, []
        return pc.if_else(fits, column, None), pc.indices_nonzero(pc.invert(fits)).to_pylist()

    return convert


def _by_distinct(column: pa.Array, one: Callable[[str], Any], target: pa.DataType) -> tuple[pa.Array, list[int]]:
    encoded = pc.dictionary_encode(column)
    values: list[Any] = []
    bad: list[int] = []
    for at, text in enumerate(encoded.dictionary.to_pylist()):
        try:
            values.append(one(text))
        except (ValueError, ArithmeticError):
            values.append(None)
            bad.append(at)
    result = pc.take(pa.array(values, target), encoded.indices)
    if not bad:
        return result, []
    unfit = pc.is_in(encoded.indices, pa.array(bad, encoded.indices.type))
    return result, pc.indices_nonzero(unfit).to_pylist()


def _one_value(name: str, target: pa.DataType, options: Mapping[str, str], time_zone: str) -> Callable[[str], Any]:
    if name in _BITS:
        return lambda text: _whole(text, 1 << (_BITS[name] - 1))
    if name in ("float", "real", "double"):
        return _real(options)
    if name == "boolean":
        return _truth
    if name == "binary":
        return lambda text: text.encode()
    if pa.types.is_decimal(target):
        return lambda text: _decimal(text, target.precision, target.scale)
    if name == "date":
        given = options.get("dateformat")
        if given is None:
            return date_of
        parse_date = pattern(given)
        return lambda text: parse_date(text).date()
    here = zone(options.get("timezone", time_zone))
    local = name == "timestamp_ntz"
    given = options.get("timestampntzformat" if local else "timestampformat")
    if given is None:
        return lambda text: micros_of(text, here, local=local)
    parse = pattern(given)
    return lambda text: _instant(parse(text), here, local)


def _instant(moment: dt.datetime, here: dt.tzinfo, local: bool) -> int:
    if local:
        moment = moment.replace(tzinfo=dt.UTC)
    elif moment.tzinfo is None:
        moment = moment.replace(tzinfo=here)
    return (moment - MICROS) // dt.timedelta(microseconds=1)


def _whole(text: str, limit: int) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError(text)
    value = int(text)
    if not -limit <= value < limit:
        raise ValueError(text)
    return value


def _real(options: Mapping[str, str]) -> Callable[[str], float]:
    named = {
        options.get("nanvalue", "NaN"): float("nan"),
        options.get("positiveinf", "Inf"): float("inf"),
        options.get("negativeinf", "-Inf"): float("-inf"),
        "Infinity": float("inf"),
        "+Infinity": float("inf"),
        "-Infinity": float("-inf"),
        "NaN": float("nan"),
    }

    def real(text: str) -> float:
        if text in named:
            return named[text]
        if not _REAL.fullmatch(text):
            raise ValueError(text)
        return float(text.strip().rstrip("fFdD"))

    return real


def _truth(text: str) -> bool:
    lower = text.lower()
    if lower not in ("true", "false"):
        raise ValueError(text)
    return lower == "true"


def _decimal(text: str, precision: int, scale: int) -> decimal.Decimal:
    text = text.replace(",", "")
    if not _DECIMAL.fullmatch(text):
        raise ValueError(text)
    with decimal.localcontext(prec=80):
        value = decimal.Decimal(text).quantize(decimal.Decimal(1).scaleb(-scale), rounding=decimal.ROUND_HALF_UP)
    if len(value.as_tuple().digits) > precision and value:
        raise ValueError(text)
    return value
