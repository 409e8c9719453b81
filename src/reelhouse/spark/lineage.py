"""What a plan reads and writes, by table and by column. Read off the plan, never off the rows.

Columns are followed through projections, aliases, joins, unions, aggregates and SQL text. Where a column cannot be
followed (a Python function over whole rows, a pivot) it has no pairs: nothing is guessed.
https://docs.databricks.com/aws/en/admin/system-tables/lineage
"""

from __future__ import annotations

import functools
import json
import os
from typing import TYPE_CHECKING

from reelhouse.delta.write import Target
from reelhouse.lineage.event import ColumnPair, Dataset, LineageEvent
from reelhouse.plans import plan
from reelhouse.spark.columns import Scope, columns_of

if TYPE_CHECKING:
    from reelhouse.spark.context import SessionContext

_OWN_READER = "reelhouse_files"


def record_read(context: SessionContext, relation: plan.Relation) -> None:
    """Note what a query of the user reads; nothing for a query that reads nothing."""
    if context.lineage is None:
        return
    sources = sources_of(context, context.lift(relation))
    if sources:
        context.lineage.record(LineageEvent(sources, None))


def record_write(context: SessionContext, relation: plan.Relation, target: Target, version: int | None) -> None:
    """Note what a write has read, and which columns of the target come from which."""
    if context.lineage is None:
        return
    lifted = context.lift(relation)
    wrote = _table(context, target.name) if target.name else Dataset("PATH", context.lake.url(target.location))
    columns = pairs_of(context, lifted) if target.name else ()
    context.lineage.record(LineageEvent(sources_of(context, lifted), wrote, columns, version))


def record_files(context: SessionContext, relation: plan.Relation, address: str) -> None:
    """Note that files were written at an address."""
    if context.lineage is None:
        return
    wrote = Dataset("PATH", context.lake.url(context.lake.local(address)))
    context.lineage.record(LineageEvent(sources_of(context, context.lift(relation)), wrote))


def sources_of(context: SessionContext, lifted: plan.Relation) -> tuple[Dataset, ...]:
    """The tables and addresses that a lifted plan reads, each once."""
    found = [
        dataset for node in plan.walk(lifted) if plan.kind(node) == "read" for dataset in _datasets(context, node.read)
    ]
    return tuple(dict.fromkeys(found))


def pairs_of(context: SessionContext, lifted: plan.Relation) -> tuple[ColumnPair, ...]:
    """The column pairs of a lifted plan, of sources that are tables known by name."""

    def leaf(node: plan.Relation) -> Scope:
        return _leaf(context, node)

    pairs = [
        ColumnPair(Dataset(*source[:2]), source[2], column.name)
        for column in columns_of(lifted, leaf).columns
        if column.name is not None
        for source in sorted(column.sources or ())
    ]
    return tuple(dict.fromkeys(pairs))


# --- leaves -----------------------------------------------------------------------------------------------------------


def _datasets(context: SessionContext, read: plan.Relation) -> list[Dataset]:
    if read.HasField("named_table"):
        return [_named(context, read.named_table.unparsed_identifier)]
    source = read.data_source
    if source.format == _OWN_READER:
        return _files(context, source)
    paths = list(source.paths) or [value for key, value in source.options.items() if key.lower() == "path"]
    local = [context.lake.local(path) for path in paths]
    if source.format.lower() in ("delta", ""):
        return [_at(context, path) for path in local]
    roots = {root for root in map(_table_root, map(os.path.dirname, local)) if root is not None}
    if roots:
        return [_at(context, root) for root in sorted(roots)]
    return [Dataset("PATH", context.lake.url(path)) for path in local]


def _named(context: SessionContext, identifier: str) -> Dataset:
    parts = plan.split_name(identifier)
    if len(parts) == 2 and parts[0].lower() in ("delta", "parquet", "csv", "json", "text"):
        path = context.lake.local(parts[1].partition("@v")[0])
        return _at(context, path) if parts[0].lower() == "delta" else Dataset("PATH", context.lake.url(path))
    return _table(context, identifier)


def _table(context: SessionContext, identifier: str) -> Dataset:
    parts = plan.split_name(identifier)
    parts[-1] = parts[-1].partition("@")[0]
    entry = context.catalog.find(parts, context.current)
    if entry is None:
        return Dataset("TABLE", str(context.catalog.resolve_name(parts, context.current)))
    kind = str(entry.type)
    return Dataset(kind if kind in ("VIEW", "STREAMING_TABLE", "MATERIALIZED_VIEW") else "TABLE", str(entry.name))


def _at(context: SessionContext, local: str) -> Dataset:
    entry = context.catalog.at_location(local)
    return Dataset("PATH", context.lake.url(local)) if entry is None else _table(context, str(entry.name))


def _files(context: SessionContext, source: plan.Relation) -> list[Dataset]:
    """The folders of the files that our own reader was handed."""
    from reelhouse.autoloader.request import decode
    from reelhouse.autoloader.source import OPTION

    folders = [os.path.dirname(file.path) for file in decode(source.options[OPTION]).files]
    if not folders:
        return []
    shared = os.path.commonpath(folders)
    return [Dataset("PATH", context.lake.url(shared))]


@functools.lru_cache(maxsize=4096)
def _table_root(folder: str) -> str | None:
    """The folder of the Delta table that a file's folder is part of."""
    while True:
        if os.path.isdir(os.path.join(folder, "_delta_log")):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent


def _leaf(context: SessionContext, node: plan.Relation) -> Scope:
    """The columns of a read: those of a table known by name, or unknown."""
    read = node.read
    datasets = _datasets(context, read)
    if len(datasets) != 1 or datasets[0].type == "PATH":
        return Scope.unknown()
    names = _column_names(context, read, datasets[0])
    if names is None:
        return Scope.unknown()
    qualifier = datasets[0].name.rpartition(".")[2]
    return Scope.of(names, datasets[0], qualifier)


def _column_names(context: SessionContext, read: plan.Relation, dataset: Dataset) -> list[str] | None:
    if read.HasField("data_source") and read.data_source.schema.lstrip().startswith("{"):
        return plan.schema_names(read.data_source.schema)
    entry = context.catalog.find(dataset.name, context.current)
    snapshot = context.snapshot(entry.location) if entry is not None and entry.location else None
    return None if snapshot is None else [field["name"] for field in json.loads(snapshot.schema)["fields"]]
