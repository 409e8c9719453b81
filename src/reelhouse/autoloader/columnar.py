"""Formats whose columns have types of their own: Parquet, ORC and Avro, all as Arrow batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from reelhouse.autoloader.arrow import ddl_of, parquet_columns, read_parquet

FORMATS = ("parquet", "orc", "avro")


def columns_of(format: str, path: str) -> list[tuple[str, str]]:
    """The columns of a file, as (name, type in DDL)."""
    if format == "parquet":
        return parquet_columns(path)
    if format == "orc":
        from pyarrow import orc

        schema = orc.ORCFile(path).schema
    else:
        from reelhouse.autoloader.avro import schema_of

        schema = schema_of(path)
    return [(field.name, ddl_of(field.type)) for field in schema]


def read(format: str, path: str, names: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
    """The rows of a file; of the columns `names` alone, when given and there."""
    if format == "parquet":
        return read_parquet(path, names)
    if format == "orc":
        return _orc(path, names)
    from reelhouse.autoloader.avro import read_avro

    return read_avro(path, names)


def _orc(path: str, names: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
    from pyarrow import orc

    file = orc.ORCFile(path)
    there = file.schema.names
    wanted = None if names is None else [name for name in there if name in set(names)]
    for stripe in range(file.nstripes):
        yield file.read_stripe(stripe, columns=wanted)
