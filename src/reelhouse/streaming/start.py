"""From a query as the client sends it to one that is ready to run: what is read, where to, from which checkpoint."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelhouse.catalog.entry import TableEntry, TableType
from reelhouse.delta.write import Mode, Target, WriteSpec
from reelhouse.errors import Unsupported, UserError, did_you_mean
from reelhouse.plans import metadata_column
from reelhouse.streaming import files, sinks
from reelhouse.streaming.checkpoint import Checkpoint
from reelhouse.streaming.errors import StreamingError
from reelhouse.streaming.port import Session
from reelhouse.streaming.sink import Sink
from reelhouse.streaming.source import Relation, Source
from reelhouse.streaming.sources import open_source
from reelhouse.streaming.specs import source_specs, with_batches
from reelhouse.streaming.support import check_output, check_query

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

_CHECKPOINT_CONF = "spark.sql.streaming.checkpointLocation"
_DELTA_OPTIONS = ("checkpointLocation", "mergeSchema", "path", "userMetadata", "queryName")
_CONSOLE_OPTIONS = ("checkpointLocation", "numRows", "truncate")


@dataclass(frozen=True)
class Prepared:
    """All that a query needs. The checkpoint is ours: whoever takes this over releases it."""

    checkpoint: Checkpoint
    sources: list[Source]
    sink: Sink


def prepare(session: Session, op: Any) -> Prepared:
    """Check a `WriteStreamOperationStart` and open what it names.

    Raises `Unsupported` for what is not done here, `UserError` for what is wrong, `ConcurrentQuery` when the checkpoint
    is in use.
    """
    relation = runnable(session, op.input)
    return open_query(session, relation, open_sink(session, op, relation), checkpoint_folder(session, op))


def runnable(session: Session, relation: Relation) -> Relation:
    """The plan with its views inlined, checked to be one that a stream can run."""
    inlined = session.inline_views(relation)
    check_query(inlined)
    if not source_specs(inlined):
        raise StreamingError(
            "WRITE_STREAM_NOT_ALLOWED", "`writeStream` can be called only on streaming Dataset/DataFrame."
        )
    return metadata_column.hide(inlined) if metadata_column.asks(inlined) else inlined


def open_query(session: Session, relation: Relation, sink: Sink, folder: str) -> Prepared:
    """Take the checkpoint in `folder` and open the sources of a `runnable` plan."""
    checkpoint = Checkpoint(folder)
    checkpoint.acquire()
    try:
        checkpoint.query_id()
        sources = open_sources(session, relation, checkpoint)
    except BaseException:
        checkpoint.release()
        raise
    return Prepared(checkpoint, sources, sink)


def open_sources(session: Session, relation: Relation, checkpoint: Checkpoint) -> list[Source]:
    """The sources of a plan, ready to be read."""
    metadata = metadata_column.asks(relation)
    sources = [
        open_source(session, spec, checkpoint.source_folder(index), metadata=metadata)
        for index, spec in enumerate(source_specs(relation))
    ]
    for source in sources:
        source.prepare()
    return sources


def schema_of(session: Session, relation: Relation) -> StructType:
    """The schema of the rows of a plan with streams in it.

    Where it has to be inferred and there is a schema location, it is logged, as Auto Loader does.
    """
    runs = runnable(session, relation)
    with tempfile.TemporaryDirectory(prefix="reelhouse-schema-") as folder:
        sources = open_sources(session, runs, Checkpoint(folder))
        rows = with_batches(runs, [source.nothing().relation() for source in sources])
        schema: StructType = session.wire.schema(session.resolve(rows))
        return schema


def checkpoint_folder(session: Session, op: Any) -> str:
    """The local folder of the query's checkpoint."""
    location = _option(op.options, "checkpointLocation")
    if location is None and (base := session.conf.get(_CHECKPOINT_CONF)):
        location = f"{base.rstrip('/')}/{op.query_name}" if op.query_name else None
    if location is not None:
        return session.lake.local(location)
    if op.HasField("foreach_batch") or op.format.lower() in ("memory", "console", "noop"):
        return files.temporary_folder("checkpoint")
    raise StreamingError(
        "STREAMING_CHECKPOINT_LOCATION_MISSING",
        'checkpointLocation must be specified either through option("checkpointLocation", ...) or '
        f'SparkSession.conf.set("{_CHECKPOINT_CONF}", ...).',
    )


def open_sink(session: Session, op: Any, relation: Relation) -> Sink:
    """The sink that the query names."""
    if op.HasField("foreach_writer"):
        raise Unsupported("`foreach` is not supported", remedy="Use foreachBatch.")
    if op.clustering_column_names:
        raise Unsupported("`clusterBy` of a streaming write is not supported", remedy="Use partitionBy.")
    if op.HasField("foreach_batch"):
        check_output(op.output_mode, "foreachBatch")
        function = op.foreach_batch.python_function
        if not function.command:
            raise Unsupported("A foreachBatch function that is not Python is not supported")
        return sinks.ForeachBatchSink(session, relation, function.command, function.python_ver)
    name = op.format.lower() or "delta"
    check_output(op.output_mode, name)
    if op.HasField("table_name") or name == "delta":
        if name != "delta":
            raise Unsupported(f"A table in the format '{op.format}' is not supported", remedy="Supported: delta.")
        return _delta_sink(session, op, relation)
    match name:
        case "memory":
            if not op.query_name:
                raise UserError("queryName must be specified for memory sink", remedy="Add .queryName('name').")
            return sinks.MemorySink(session, relation, op.query_name)
        case "console":
            _check_options(op.options, _CONSOLE_OPTIONS, name)
            rows = int(_option(op.options, "numRows") or 20)
            return sinks.ConsoleSink(session, relation, rows, _flag(op.options, "truncate", True))
        case "noop":
            return sinks.NoopSink(session, relation)
    raise sinks.refuse_format(op.format)


def _delta_sink(session: Session, op: Any, relation: Relation) -> Sink:
    _check_options(op.options, _DELTA_OPTIONS, "delta")
    path = op.path or _option(op.options, "path")
    spec = WriteSpec(
        Mode.APPEND,
        operation="STREAMING UPDATE",
        partition_by=tuple(op.partitioning_column_names),
        merge_schema=_flag(op.options, "mergeSchema", _auto_merge(session)),
        user_metadata=_option(op.options, "userMetadata"),
    )
    if not op.table_name:
        if not path:
            raise UserError("The stream names no place to write to", remedy="Use .toTable('name') or .start('path').")
        location = session.lake.local(path)
        known = session.catalog.at_location(location)
        return sinks.DeltaSink(session, relation, Target(location, str(known.name) if known else None), spec)
    entry = session.catalog.find(op.table_name, session.current)
    if entry is not None and entry.is_view:
        raise UserError(f"'{op.table_name}' is a view, and a stream cannot write to one")
    if entry is None:
        name = session.catalog.resolve_name(op.table_name, session.current)
        location = session.lake.local(path) if path else session.catalog.managed_location(name)
        entry = TableEntry(name, location, TableType.EXTERNAL if path else TableType.MANAGED)
    return sinks.TableSink(session, relation, entry, spec)


def _auto_merge(session: Session) -> bool:
    return (session.conf.get("spark.databricks.delta.schema.autoMerge.enabled") or "").lower() == "true"


def _option(options: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in options.items() if key.lower() == name.lower()), None)


def _flag(options: Mapping[str, str], name: str, default: bool) -> bool:
    text = (_option(options, name) or str(default)).lower()
    if text not in ("true", "false"):
        raise UserError(f"'{name}' is '{text}'", remedy="Give true or false.")
    return text == "true"


def _check_options(options: Mapping[str, str], known: Sequence[str], sink: str) -> None:
    for name in options:
        if name.lower() not in {other.lower() for other in known}:
            raise Unsupported(f"The {sink} sink has no option '{name}'", remedy=did_you_mean(name, known))
