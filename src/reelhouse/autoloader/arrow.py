"""Columns that have types of their own (Parquet, files as they are): their types in Spark, and how they fit others.

https://docs.databricks.com/aws/en/ingestion/cloud-object-storage/auto-loader/schema#how-does-auto-loader-infer-schema
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from reelhouse.autoloader.ddl import is_nested, quoted
from reelhouse.autoloader.values import wire_type
from reelhouse.errors import Unsupported

_NAMES = {
    pa.bool_(): "boolean",
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.uint8(): "smallint",
    pa.uint16(): "int",
    pa.uint32(): "bigint",
    pa.uint64(): "decimal(20,0)",
    pa.float16(): "float",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.string(): "string",
    pa.large_string(): "string",
    pa.binary(): "binary",
    pa.large_binary(): "binary",
    pa.date32(): "date",
    pa.date64(): "date",
    pa.null(): "string",
}


def parquet_columns(path: str) -> list[tuple[str, str]]:
    """The columns of a Parquet file, as (name, type in DDL)."""
    import pyarrow.parquet as pq

    return [(field.name, ddl_of(field.type)) for field in pq.read_schema(path)]


def read_parquet(path: str, names: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file; of the columns `names` alone, when given and there."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        there = file.schema_arrow.names
        wanted = None if names is None else [name for name in there if name in set(names)]
        yield from file.iter_batches(batch_size=65536, columns=wanted, use_threads=False)


def read_binary(path: str, address: str, modified_ms: int) -> pa.RecordBatch:
    """A file as one row: path, modificationTime, length, content."""
    with open(path, "rb") as file:
        content = file.read()
    size = os.path.getsize(path)
    return pa.record_batch(
        {
            "path": pa.array([address]),
            "modificationTime": pa.array([modified_ms * 1000], pa.timestamp("us", "UTC")),
            "length": pa.array([size], pa.int64()),
            "content": pa.array([content], pa.binary()),
        }
    )


def ddl_of(kind: pa.DataType) -> str:
    """The Spark type (DDL) of an Arrow type. Raises `Unsupported` when there is none."""
    if kind in _NAMES:
        return _NAMES[kind]
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return "timestamp" if kind.tz else "timestamp_ntz"
    if pa.types.is_dictionary(kind):
        return ddl_of(kind.value_type)
    if pa.types.is_map(kind):
        return f"map<{ddl_of(kind.key_type)},{ddl_of(kind.item_type)}>"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return f"array<{ddl_of(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{','.join(f'{quoted(field.name)}:{ddl_of(field.type)}' for field in kind)}>"
    raise Unsupported(f"Arrow type '{kind}' of a column", remedy="Write the file with a type that Spark has.")


def fit(column: pa.Array, ddl: str) -> tuple[pa.Array, list[int]]:
    """The values in the type in which a Spark type travels, with the rows whose values do not fit; those are null."""
    target = wire_type(ddl)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if is_nested(ddl) and pa.types.is_nested(column.type):
        return pa.array([None if value is None else to_json(value) for value in column.to_pylist()], pa.string()), []
    if pa.types.is_timestamp(column.type) and ddl.lower().startswith("timestamp"):
        return pc.cast(pc.cast(column, pa.timestamp("us", column.type.tz)), pa.int64()), []
    if not pa.types.is_timestamp(column.type) and not ddl.lower().startswith("timestamp"):
        if column.type == target:
            return column, []
        if _widens(column.type, target):
            try:
                return pc.cast(column, target), []
            except pa.ArrowInvalid:
                pass
    return pa.nulls(len(column), target), pc.indices_nonzero(column.is_valid()).to_pylist()


def _widens(kind: pa.DataType, target: pa.DataType) -> bool:
    if pa.types.is_integer(kind):
        wide = pa.types.is_integer(target) and target.bit_width >= kind.bit_width
        return bool(wide or pa.types.is_decimal(target) or (target == pa.float64() and kind.bit_width <= 32))
    if pa.types.is_floating(kind):
        return bool(target == pa.float64())
    if pa.types.is_decimal(kind):
        return bool(pa.types.is_decimal(target))
    if kind in (pa.large_string(), pa.null()):
        return True
    return bool((pa.types.is_date(kind) and target == pa.date32()) or kind == pa.large_binary())


def to_json(value: Any) -> str:
    """A value as JSON text; bytes in base64, and what JSON has no type for as text."""
    return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"), default=str)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        if value and all(isinstance(part, tuple) and len(part) == 2 for part in value):
            return {str(key): _plain(part) for key, part in value}
        return [_plain(part) for part in value]
    return value
