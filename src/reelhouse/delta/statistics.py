"""Statistics of data files for the log, from their Parquet footers.

Decimals of more than 15 digits and floats get no bounds: engines read a bound as a double and some answer a query from
equal bounds alone, with a rounded value.
https://github.com/delta-io/delta/blob/master/PROTOCOL.md#per-file-statistics
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from reelhouse.delta.schema import fields_of
from reelhouse.errors import InternalError

_BOUNDED = frozenset({"byte", "short", "integer", "long", "string", "date", "timestamp", "timestamp_ntz"})
_SHORT_DECIMAL = re.compile(r"^decimal\((\d|1[0-5]),")
_LONGEST_TEXT = 32


@dataclass(frozen=True)
class Footer:
    """What the footer of one file says. `null_counts` has the columns whose count is known."""

    rows: int
    size: int
    columns: tuple[str, ...]
    null_counts: Mapping[str, int]
    bounds: Mapping[str, tuple[Any, Any]]


def read_footer(path: str, schema: str, indexed: Collection[str]) -> Footer:
    """Read a file's footer. `schema` gives the columns' types, `indexed` the columns that get statistics."""
    import os

    import pyarrow.parquet as pq

    metadata = pq.read_metadata(path)
    top = metadata.schema.to_arrow_schema()
    types = {field["name"]: field["type"] for field in fields_of(schema)}
    unknown = [name for name in top.names if name not in types]
    if unknown:
        raise InternalError(f"The staged file '{path}' has columns {unknown}, which the schema of the write lacks")
    required = {field.name for field in top if not field.nullable and isinstance(types[field.name], str)}
    nulls: dict[str, int] = dict.fromkeys(required, 0)
    bounds: dict[str, tuple[Any, Any]] = {}
    for index in range(metadata.num_columns):
        name = metadata.schema.column(index).path
        if name not in types or not isinstance(types[name], str):
            continue
        found = _column_statistics(metadata, index)
        if found is None:
            continue
        count, lowest, highest = found
        if count is not None:
            nulls[name] = count
        if name in indexed and lowest is not None and _has_bounds(types[name]):
            bounds[name] = (lowest, highest)
    return Footer(metadata.num_rows, os.path.getsize(path), tuple(top.names), nulls, bounds)


def _column_statistics(metadata: Any, index: int) -> tuple[int | None, Any, Any] | None:
    """Null count, least and greatest value of one leaf over all row groups; None where a row group says nothing."""
    count: int | None = 0
    lows, highs = [], []
    bounded = True
    for group in range(metadata.num_row_groups):
        statistics = metadata.row_group(group).column(index).statistics
        if statistics is None:
            return None
        count = count + statistics.null_count if count is not None and statistics.has_null_count else None
        if statistics.has_min_max:
            lows.append(statistics.min)
            highs.append(statistics.max)
        elif not (statistics.has_null_count and statistics.null_count == metadata.row_group(group).num_rows):
            bounded = False
    if not bounded or not lows:
        return count, None, None
    return count, min(lows), max(highs)


def _has_bounds(type_: str) -> bool:
    return type_ in _BOUNDED or bool(_SHORT_DECIMAL.match(type_))


def to_json(footer: Footer, indexed: Collection[str]) -> str:
    """The `stats` of an `add` action."""
    lowest = {name: _low(value) for name, (value, _) in footer.bounds.items()}
    highest = {name: _high(value) for name, (_, value) in footer.bounds.items()}
    nulls = {name: count for name, count in footer.null_counts.items() if name in indexed}
    return json.dumps({"numRecords": footer.rows, "minValues": lowest, "maxValues": highest, "nullCount": nulls})


def _low(value: Any) -> Any:
    if isinstance(value, str):
        return value[:_LONGEST_TEXT]
    return _plain(value)


def _high(value: Any) -> Any:
    if isinstance(value, str):
        # a cut text is below the whole one, so it gets a character above all others
        return value if len(value) <= _LONGEST_TEXT else value[:_LONGEST_TEXT] + "\U0010ffff"
    if isinstance(value, datetime) and value.microsecond % 1000:
        value = value + timedelta(milliseconds=1)
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        text = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return text.isoformat(timespec="milliseconds") + ("Z" if value.tzinfo else "")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return value


def indexed_columns(schema: str, properties: Mapping[str, str]) -> list[str]:
    """The columns that get statistics: those named, or the first 32 unless told another number; -1 is all."""
    names = [field["name"] for field in fields_of(schema)]
    listed = properties.get("delta.dataSkippingStatsColumns")
    if listed:
        wanted = {name.strip().strip("`").lower() for name in listed.split(",")}
        return [name for name in names if name.lower() in wanted]
    number = int(properties.get("delta.dataSkippingNumIndexedCols", "32"))
    return names if number < 0 else names[:number]
