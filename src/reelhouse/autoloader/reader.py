"""Reads of files as plans: what Auto Loader and `spark.read` hand to the engine.

A plan is a read of the data source of `source.py`, and a projection that gives columns the types that it cannot send.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from reelhouse.autoloader.ddl import fields, is_nested, quoted
from reelhouse.autoloader.request import Column, FileEntry, Request

Relation = Any
"""A `pyspark.sql.connect.proto.Relation`."""

METADATA_SQL = (
    "named_struct('file_path', __metadata_file_path, 'file_name', __metadata_file_name, "
    "'file_size', __metadata_file_size, 'file_block_start', __metadata_block_start, "
    "'file_block_length', __metadata_block_length, "
    "'file_modification_time', timestamp_micros(__metadata_file_modified_us))"
)


def register(spark: Any, *, by_value: bool = False) -> None:
    """Make the data source known to a server session, once.

    Args:
        spark: a session, or anything else with `register_data_source`.
        by_value: whether the code itself is sent, for executors that do not have this package.
    """
    if by_value:
        from reelhouse.autoloader.shipped import archive, shipped_data_source

        source: type[Any] = shipped_data_source(archive())
    else:
        from reelhouse.autoloader.source import FilesDataSource

        source = FilesDataSource
    if hasattr(spark, "register_data_source"):
        spark.register_data_source(source)
    else:
        spark.dataSource.register(source)


def scan(
    files: Sequence[FileEntry],
    format: str,
    options: Mapping[str, str],
    schema: str,
    *,
    rescued: str | None = None,
    corrupt: str | None = None,
    metadata: bool = False,
    partition_columns: Sequence[str] = (),
    by_name: bool = True,
    time_zone: str = "UTC",
    parallel: int | None = None,
) -> Relation:
    """The rows of these files as a plan.

    Args:
        files: the files to read, in order.
        format: `csv`, `json`, `text`, …
        options: reader options without the `cloudFiles.` prefix, names in any case.
        schema: data columns and partition columns, as DDL or the JSON of a StructType. Where it has the columns that
            `rescued` and `corrupt` name, they come out in that place, otherwise last.
        rescued: name of the rescued data column; None leaves out what the schema does not have.
        corrupt: name of the column for malformed records' text; None leaves it out.
        metadata: whether there is a last column `_metadata`.
        partition_columns: which columns come from the names of folders.
        by_name: whether a CSV header says which column is which, or the position does.
    """
    columns = fields(schema)
    special = {name for name in (rescued, corrupt) if name}
    partitions = {name.lower() for name in partition_columns}
    data = [Column(name, kind, name.lower() in partitions) for name, kind in columns if name not in special]
    request = Request(
        files=tuple(files),
        format=format.lower(),
        options=dict(options),
        columns=tuple(data),
        rescued=rescued,
        corrupt=corrupt,
        metadata=metadata,
        by_name=by_name,
        parallel=parallel or os.cpu_count() or 1,
        session_time_zone=time_zone,
    )
    order = [name for name, _ in columns] + [name for name in (rescued, corrupt) if name and name not in dict(columns)]
    types = {column.name: column.type for column in data}
    wanted = [(_expression(name, types.get(name, "string")), name) for name in order]
    if metadata:
        wanted.append((METADATA_SQL, "_metadata"))
    return _project(_read(request), wanted)


def _expression(name: str, kind: str) -> str:
    lower = kind.lower()
    if lower in ("timestamp", "timestamp_ltz"):
        return f"timestamp_micros({quoted(name)})"
    if lower == "timestamp_ntz":
        return f"CAST(to_utc_timestamp(timestamp_micros({quoted(name)}), 'UTC') AS timestamp_ntz)"
    if is_nested(kind):
        return f"from_json({quoted(name)}, '{kind}')"
    return quoted(name)


def _read(request: Request) -> Relation:
    import pyspark.sql.connect.proto as proto

    from reelhouse.autoloader.source import NAME, OPTION

    relation = proto.Relation()
    relation.read.data_source.format = NAME
    relation.read.data_source.options[OPTION] = request.encode()
    return relation


def _project(relation: Relation, columns: Sequence[tuple[str, str]]) -> Relation:
    import pyspark.sql.connect.proto as proto

    result = proto.Relation()
    result.project.input.CopyFrom(relation)
    for expression, name in columns:
        alias = result.project.expressions.add().alias
        alias.name.append(name)
        alias.expr.expression_string.expression = expression
    return result
