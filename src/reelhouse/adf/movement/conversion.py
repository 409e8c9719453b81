"""Converts columns from one interim type to another, a batch at a time.

Values that do not convert are found by halving a batch that fails, so that good batches cost one call.
https://learn.microsoft.com/azure/data-factory/copy-activity-schema-and-type-mapping#data-type-mapping
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelhouse.adf.expression.moment import format_moment as format_net
from reelhouse.adf.expression.moment import from_datetime
from reelhouse.adf.rest.json_values import plain
from reelhouse.adf.sql.types import interim_of_native
from reelhouse.errors import Unsupported, UserError, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

TYPES = (
    "Boolean", "Byte", "Byte[]", "ByteArray", "Date", "DateTime", "DateTimeOffset", "Decimal", "Double", "Guid",
    "Int16", "Int32", "Int64", "SByte", "Single", "String", "TimeSpan", "UInt16", "UInt32", "UInt64",
)  # fmt: skip
_COMMA_CULTURES = frozenset(("cs", "da", "de", "es", "fi", "fr", "it", "nb", "nl", "pl", "pt", "ru", "sv", "tr"))
_DIRECTIVES = {"yyyy": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "dddd": "%A", "ddd": "%a", "dd": "%d",
               "HH": "%H", "hh": "%I", "mm": "%M", "ss": "%S", "tt": "%p", "M": "%m", "d": "%d", "H": "%H", "h": "%I",
               "m": "%M", "s": "%S"}  # fmt: skip
_SPECIFIER = re.compile(r"'[^']*'|\\.|yyyy|yy|M{1,4}|d{1,4}|HH?|hh?|mm?|ss?|tt|[fF]{1,7}|K|z{1,3}|.", re.DOTALL)
_US_FORMATS = ("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y")
_ZONE = r"[0-9](Z|[+-]\d\d:?\d\d)$"


@dataclass(frozen=True)
class Rules:
    """`typeConversionSettings`, evaluated."""

    allow_truncation: bool = True
    boolean_as_number: bool = False
    date_time_format: str | None = None
    date_time_offset_format: str | None = None
    culture: str = "en-US"


def known_culture(name: str) -> str:
    """A culture whose numbers are read and written here. Raises `Unsupported`."""
    language = name.partition("-")[0].lower()
    if language not in _COMMA_CULTURES and language not in ("", "en", "iv"):
        raise Unsupported(
            f"The culture '{name}' is not supported", remedy=f"Supported: en, {', '.join(sorted(_COMMA_CULTURES))}."
        )
    return name


def interim_type(name: str) -> str:
    """The documented spelling of an interim type. Raises `UserError`.

    Mappings made in Data Factory Studio for columns of SQL tables name the type of the database instead.
    """
    for known in TYPES:
        if known.lower() == name.lower():
            return known
    native = interim_of_native(name)
    if native is not None:
        return native
    raise UserError(f"'{name}' is no interim type", remedy=did_you_mean(name, TYPES))


def arrow_type(name: str, precision: tuple[int, int] | None = None) -> pa.DataType:
    """What stands for an interim type here. Raises `UserError`."""
    import pyarrow as pa

    if name.lower() == "decimal":
        return pa.decimal128(*(precision or (38, 18)))
    return {
        "Boolean": pa.bool_(), "Byte": pa.uint8(), "Byte[]": pa.binary(), "ByteArray": pa.binary(), "Date": pa.date32(),
        "DateTime": pa.timestamp("us"), "DateTimeOffset": pa.timestamp("us", "UTC"), "Double": pa.float64(),
        "Guid": pa.string(), "Int16": pa.int16(), "Int32": pa.int32(), "Int64": pa.int64(), "SByte": pa.int8(),
        "Single": pa.float32(), "String": pa.string(), "TimeSpan": pa.string(), "UInt16": pa.uint16(),
        "UInt32": pa.uint32(), "UInt64": pa.uint64(),
    }[interim_type(name)]  # fmt: skip


def convert(values: pa.Array, to: pa.DataType, rules: Rules, pattern: str | None = None) -> tuple[pa.Array, list[int]]:
    """The values in another type, and the indexes of those that do not convert (null in the result).

    `pattern` is the .NET format of dates in text. Raises `Unsupported` for a pair of types that has no conversion.
    """
    import pyarrow as pa

    if values.type.equals(to):
        return values, []
    try:
        return _converted(values, to, rules, pattern), []
    except pa.ArrowNotImplementedError as error:
        raise Unsupported(f"{values.type} does not convert to {to}") from error
    except (pa.ArrowInvalid, ValueError):
        if len(values) == 1:
            return pa.nulls(1, to), [0]
    middle = len(values) // 2
    left, left_bad = convert(values.slice(0, middle), to, rules, pattern)
    right, right_bad = convert(values.slice(middle), to, rules, pattern)
    return pa.concat_arrays([left, right]), [*left_bad, *(middle + index for index in right_bad)]


def _converted(values: pa.Array, to: pa.DataType, rules: Rules, pattern: str | None) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    if pa.types.is_null(kind):
        return values.cast(to)
    if pa.types.is_string(to):
        return text_of(values, rules, pattern)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _from_text(values.cast(pa.string()), to, rules, pattern)
    if pa.types.is_boolean(to):
        return pc.not_equal(values, pa.scalar(0).cast(kind))
    if pa.types.is_floating(kind) and pa.types.is_integer(to):
        return pc.cast(pc.trunc(values) if rules.allow_truncation else values, to)
    if pa.types.is_decimal(kind) and (pa.types.is_integer(to) or pa.types.is_decimal(to)) and rules.allow_truncation:
        return pc.cast(values, options=pc.CastOptions(to, allow_decimal_truncate=True))
    if pa.types.is_temporal(kind) and pa.types.is_temporal(to):
        loses = (
            kind.tz is not None and to.tz is None
            if pa.types.is_timestamp(kind) and pa.types.is_timestamp(to)
            else False
        )
        if loses and not rules.allow_truncation:
            raise pa.ArrowInvalid("the offset would be lost")
        safe = pc.CastOptions(to, allow_time_truncate=rules.allow_truncation)
        return pc.cast(values, options=safe)
    return pc.cast(values, to)


def _from_text(values: pa.Array, to: pa.DataType, rules: Rules, pattern: str | None) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_binary(to):
        return pa.array([None if v is None else base64.b64decode(v, validate=True) for v in values.to_pylist()], to)
    values = pc.utf8_trim_whitespace(values)
    if pa.types.is_boolean(to):
        lower = pc.utf8_lower(values)
        true = pc.is_in(lower, pa.array(["true", "1"] if rules.boolean_as_number else ["true"]))
        known = pa.array(["true", "false", "1", "0"] if rules.boolean_as_number else ["true", "false"])
        if not pc.all(pc.or_(pc.is_in(lower, known), pc.is_null(values)), min_count=0).as_py():
            raise pa.ArrowInvalid("no boolean")
        return pc.if_else(pc.is_valid(values), true, pa.scalar(None, pa.bool_()))
    if pa.types.is_temporal(to):
        return _moments(values, to, rules, pattern)
    if pa.types.is_floating(to) or pa.types.is_decimal(to):
        values = _plain_numbers(values, rules.culture)
    if pa.types.is_decimal(to) and rules.allow_truncation:
        return pc.cast(values.cast(pa.decimal256(76, 30)), options=pc.CastOptions(to, allow_decimal_truncate=True))
    return pc.cast(values, to)


def _plain_numbers(values: pa.Array, culture: str) -> pa.Array:
    """Numbers without separators of groups, with a point."""
    import pyarrow.compute as pc

    language = culture.partition("-")[0].lower()
    if language in ("en", "iv", ""):
        return pc.replace_substring(values, ",", "")
    if language not in _COMMA_CULTURES:
        raise Unsupported(f"Numbers of the culture '{culture}' are not supported")
    return pc.replace_substring(pc.replace_substring_regex(values, r"[.\s ]", ""), ",", ".")


def _moments(values: pa.Array, to: pa.DataType, rules: Rules, pattern: str | None) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    zoned = pa.types.is_timestamp(to) and to.tz is not None
    pattern = pattern or (rules.date_time_offset_format if zoned else rules.date_time_format)
    if pattern:
        return pc.strptime(values, format=strptime_format(pattern), unit="us").cast(to)
    if pc.any(pc.match_substring_regex(values, _ZONE), min_count=0).as_py():
        found = values.cast(pa.timestamp("us", "UTC"))
        return found if zoned else found.cast(pa.timestamp("us")).cast(to)
    try:
        return values.cast(pa.timestamp("us")).cast(to)
    except pa.ArrowInvalid:
        for us in _US_FORMATS:
            try:
                return pc.strptime(values, format=us, unit="us").cast(to)
            except pa.ArrowInvalid:
                continue
        raise


def strptime_format(pattern: str) -> str:
    """The format of `strptime` for a .NET pattern. Raises `Unsupported` for what has none."""
    parts = []
    for part in _SPECIFIER.findall(pattern):
        if part[0] in "fFKz":
            raise Unsupported(f"'{part}' in the format '{pattern}' of dates is not supported when text is read")
        if part[0] == "'":
            parts.append(part[1:-1])
        elif part[0] == "\\":
            parts.append(part[1])
        else:
            parts.append(_DIRECTIVES.get(part, part.replace("%", "%%")))
    return "".join(parts)


def text_of(values: pa.Array, rules: Rules, pattern: str | None = None) -> pa.Array:
    """The text of values as .NET writes it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    if pa.types.is_boolean(kind):
        true, false = ("1", "0") if rules.boolean_as_number else ("True", "False")
        return pc.if_else(values, true, false).cast(pa.string())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        written = (
            pc.replace_substring(values.cast(pa.string()), "e", "E")
            if pa.types.is_floating(kind)
            else values.cast(pa.string())
        )
        comma = rules.culture.partition("-")[0].lower() in _COMMA_CULTURES
        return pc.replace_substring(written, ".", ",") if comma else written
    if pa.types.is_timestamp(kind):
        chosen = pattern or (rules.date_time_offset_format if kind.tz else rules.date_time_format)
        return _moment_text(values, chosen)
    if pa.types.is_date(kind) and (pattern or rules.date_time_format):
        return _moment_text(values.cast(pa.timestamp("us")), pattern or rules.date_time_format)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.array([None if v is None else base64.b64encode(v).decode() for v in values.to_pylist()], pa.string())
    if pa.types.is_nested(kind):
        return pa.array([None if v is None else json_of(v) for v in values.to_pylist()], pa.string())
    return values.cast(pa.string())


def _moment_text(values: pa.Array, pattern: str | None) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    micro = values.cast(pa.timestamp("us", values.type.tz), safe=False)
    if pattern is None:
        written = pc.strftime(micro, format="%Y-%m-%d %H:%M:%S")
        end = "0 +00:00" if values.type.tz else "0"
        return pc.binary_join_element_wise(written, end, "")
    found = [
        None if v is None else format_net(from_datetime(v, "Z" if v.tzinfo else ""), pattern) for v in micro.to_pylist()
    ]
    return pa.array(found, pa.string())


def json_of(value: Any) -> str:
    """The compact JSON text of an object or array."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=plain)
