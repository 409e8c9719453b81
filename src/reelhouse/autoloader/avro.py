"""Avro files: their columns in Spark's types, and their rows as Arrow batches.

https://spark.apache.org/docs/latest/sql-data-sources-avro.html#supported-types-for-avro---spark-sql-conversion
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import pyarrow as pa

from reelhouse.errors import Unsupported

_BATCH_ROWS = 16384
_PRIMITIVES = {
    "null": pa.null(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "bytes": pa.binary(),
    "string": pa.string(),
}
_LOGICAL = {
    "date": pa.date32(),
    "timestamp-millis": pa.timestamp("us", "UTC"),
    "timestamp-micros": pa.timestamp("us", "UTC"),
    "local-timestamp-millis": pa.timestamp("us"),
    "local-timestamp-micros": pa.timestamp("us"),
    "uuid": pa.string(),
}
_TIMES_OF_DAY = ("time-millis", "time-micros")


def schema_of(path: str) -> pa.Schema:
    """The columns of an Avro file. Raises `Unsupported` for a type that Spark's types have no place for."""
    with open(path, "rb") as file:
        return _Types().record(_opened(file).writer_schema)


def read_avro(path: str, names: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of an Avro file, of the columns `names` alone when given. Records are decoded one by one."""
    with open(path, "rb") as file:
        reader = _opened(file)
        whole = _Types().record(reader.writer_schema)
        schema = whole if names is None else pa.schema([field for field in whole if field.name in set(names)])
        while rows := _next(reader):
            yield _batch(rows, schema)


def _opened(file: BinaryIO) -> Any:
    import fastavro

    try:
        return fastavro.reader(file)
    except (ValueError, EOFError) as error:
        raise pa.ArrowInvalid(str(error)) from error


def _next(reader: Any) -> list[Any]:
    """Some thousand records more; none at the end."""
    try:
        return list(itertools.islice(reader, _BATCH_ROWS))
    except (ValueError, EOFError, IndexError, TypeError) as error:
        raise pa.ArrowInvalid(f"a record cannot be decoded: {error}") from error


def _batch(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    columns = []
    for field in schema:
        plain = _plain(field.type)
        values = [row.get(field.name) for row in rows]
        columns.append(pa.array(values if plain is None else list(map(plain, values)), field.type))
    return pa.record_batch(columns, schema=schema)


def _plain(kind: pa.DataType) -> Callable[[Any], Any] | None:
    """What makes values of fastavro those that Arrow takes; None when they are already."""
    if kind == pa.string():
        return lambda value: value if value is None or isinstance(value, str) else str(value)
    return None


class _Types:
    """Turns Avro types into Arrow's. Named types may be referred to by name later on in a schema."""

    def __init__(self) -> None:
        self._named: dict[str, Any] = {}

    def record(self, schema: Any) -> pa.Schema:
        if not isinstance(schema, Mapping) or schema.get("type") != "record":
            raise Unsupported("An Avro file whose records are not of type 'record'")
        self._remember(schema)
        return pa.schema([pa.field(field["name"], self.type(field["type"])) for field in schema["fields"]])

    def type(self, schema: Any) -> pa.DataType:
        if isinstance(schema, list):
            return self._union(schema)
        if isinstance(schema, str):
            return _PRIMITIVES[schema] if schema in _PRIMITIVES else self._known(schema)
        kind, logical = schema["type"], schema.get("logicalType")
        if logical == "decimal":
            return pa.decimal128(int(schema["precision"]), int(schema.get("scale", 0)))
        if logical in _TIMES_OF_DAY:
            raise Unsupported(f"Avro's logical type '{logical}'", remedy="Write it as a number or a text.")
        if logical in _LOGICAL:
            return _LOGICAL[logical]
        self._remember(schema)
        match kind:
            case "record":
                made = pa.struct([pa.field(field["name"], self.type(field["type"])) for field in schema["fields"]])
                self._named[schema["name"]] = {"schema": schema, "being_read": False}
                return made
            case "enum":
                return pa.string()
            case "fixed":
                return pa.binary()
            case "array":
                return pa.list_(self.type(schema["items"]))
            case "map":
                return pa.map_(pa.string(), self.type(schema["values"]))
        return self.type(kind)

    def _union(self, kinds: Sequence[Any]) -> pa.DataType:
        real = [self.type(kind) for kind in kinds if kind != "null"]
        if len(real) == 1:
            return real[0]
        if set(real) == {pa.int32(), pa.int64()}:
            return pa.int64()
        if set(real) == {pa.float32(), pa.float64()}:
            return pa.float64()
        raise Unsupported(f"An Avro union of {len(real)} types", remedy="Write a union of one type and null.")

    def _known(self, name: str) -> pa.DataType:
        found = self._named.get(name) or self._named.get(name.rpartition(".")[2])
        if found is None:
            raise Unsupported(f"Avro's type '{name}'")
        if found.get("being_read"):
            raise Unsupported(f"The Avro type '{name}', which contains itself")
        return self.type(found["schema"])

    def _remember(self, schema: Mapping[str, Any]) -> None:
        if "name" in schema:
            self._named[schema["name"]] = {"schema": schema, "being_read": schema["type"] == "record"}
