"""Reads and writes Avro files, with fastavro: objects of Python, a chunk at a time, since Arrow has no Avro.

https://learn.microsoft.com/azure/data-factory/format-avro
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.movement.rows import Progress
from reelhouse.errors import Unsupported

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 10_000
CODECS = {"none": "null", "deflate": "deflate", "bzip2": "bzip2", "xz": "xz"}


def read_avro(file: BinaryIO, progress: Progress) -> Iterator[pa.RecordBatch]:
    """The rows of a file. At least one batch comes. Raises `ActivityFailed` for a file that is no Avro."""
    import fastavro
    import pyarrow as pa

    try:
        reader = fastavro.reader(file)
    except (ValueError, EOFError) as error:
        raise ActivityFailed("2200", f"ErrorCode=AvroInvalidFile,{progress.file} is no Avro file: {error}") from error
    written = reader.writer_schema
    if not isinstance(written, dict) or written.get("type") != "record":
        raise ActivityFailed("2200", f"ErrorCode=AvroInvalidFile,{progress.file} has no records")
    schema = pa.schema([(field["name"], _arrow(field["type"], field["name"])) for field in written["fields"]])
    seen = False
    while chunk := list(islice(reader, _ROWS)):
        seen = True
        progress.rows_read += len(chunk)
        yield pa.RecordBatch.from_pylist(chunk, schema=schema)
    if not seen:
        yield pa.RecordBatch.from_pylist([], schema=schema)


def _arrow(kind: Any, name: str) -> pa.DataType:
    import pyarrow as pa

    if isinstance(kind, list):
        others = [item for item in kind if item != "null"]
        if len(others) == 1:
            return _arrow(others[0], name)
        raise Unsupported(f"The column '{name}' of an Avro file is a union of several types")
    plain = kind.get("type") if isinstance(kind, Mapping) else kind
    logical = kind.get("logicalType") if isinstance(kind, Mapping) else None
    if logical == "decimal":
        return pa.decimal128(kind["precision"], kind.get("scale", 0))
    named = {"timestamp-millis": pa.timestamp("us", "UTC"), "timestamp-micros": pa.timestamp("us", "UTC"),
             "local-timestamp-millis": pa.timestamp("us"), "local-timestamp-micros": pa.timestamp("us"),
             "date": pa.date32(), "time-millis": pa.time64("us"), "time-micros": pa.time64("us"),
             "uuid": pa.string()}  # fmt: skip
    if logical in named:
        return named[logical]
    types = {"null": pa.null(), "boolean": pa.bool_(), "int": pa.int32(), "long": pa.int64(), "float": pa.float32(),
             "double": pa.float64(), "bytes": pa.binary(), "string": pa.string()}  # fmt: skip
    if plain in types:
        return types[plain]
    raise Unsupported(f"The column '{name}' of an Avro file is of the complex type '{plain}', which Copy does not read")


class AvroWriter:
    """Writes batches of one schema."""

    def __init__(self, file: BinaryIO, schema: pa.Schema, codec: str, name: str, namespace: str | None) -> None:
        import fastavro
        from fastavro.write import Writer

        record: dict[str, Any] = {"type": "record", "name": name, "fields": [
            {"name": field.name, "type": ["null", _avro(field)]} for field in schema]}  # fmt: skip
        if namespace:
            record["namespace"] = namespace
        self._writer = Writer(file, fastavro.parse_schema(record), codec=CODECS[codec])

    def write(self, batch: pa.RecordBatch) -> None:
        for row in batch.to_pylist():
            self._writer.write(row)

    def close(self) -> None:
        self._writer.flush()


def _avro(field: pa.Field) -> Any:
    import pyarrow as pa

    kind = field.type
    for test, name in (
        (pa.types.is_boolean, "boolean"), (pa.types.is_string, "string"), (pa.types.is_large_string, "string"),
        (pa.types.is_binary, "bytes"), (pa.types.is_float32, "float"), (pa.types.is_float64, "double"),
        (pa.types.is_null, "string"),
    ):  # fmt: skip
        if test(kind):
            return name
    if pa.types.is_integer(kind):
        if pa.types.is_uint64(kind):
            raise Unsupported(f"The column '{field.name}' is a UInt64, for which Avro has no type")
        return "int" if kind.bit_width < 32 or pa.types.is_int32(kind) else "long"
    if pa.types.is_timestamp(kind):
        return {"type": "long", "logicalType": "timestamp-micros" if kind.tz else "local-timestamp-micros"}
    if pa.types.is_date(kind):
        return {"type": "int", "logicalType": "date"}
    if pa.types.is_time(kind):
        return {"type": "long", "logicalType": "time-micros"}
    if pa.types.is_decimal(kind):
        return {"type": "bytes", "logicalType": "decimal", "precision": kind.precision, "scale": kind.scale}
    raise Unsupported(f"The column '{field.name}' is a {kind}, which Copy does not write to Avro")
