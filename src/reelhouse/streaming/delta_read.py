"""Rows of some data files of a Delta table, as a plan."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reelhouse.spark import plan

if TYPE_CHECKING:
    from reelhouse.streaming.delta_source import AddedFile


def read_files(files: Sequence[AddedFile], schema: str, partition_columns: Sequence[str]) -> plan.Relation:
    """The rows of `files`, with the values of partition columns, which stand in the log and not in the files.

    `schema` is the table's, as JSON. Columns that a file lacks are NULL.
    """
    if not files or not partition_columns:
        return plan.read_parquet([file.path for file in files], schema)
    by_partition: dict[tuple[tuple[str, str | None], ...], list[str]] = defaultdict(list)
    for file in files:
        by_partition[file.partition_values].append(file.path)
    fields: list[dict[str, Any]] = json.loads(schema)["fields"]
    stored = json.dumps({"type": "struct", "fields": [f for f in fields if f["name"] not in partition_columns]})
    return plan.union(
        [
            plan.project(plan.read_parquet(paths, stored), [_column(field, dict(values)) for field in fields])
            for values, paths in by_partition.items()
        ]
    )


def _column(field: dict[str, Any], partition: dict[str, str | None]) -> Any:
    name = field["name"]
    if name not in partition:
        return plan.column(name)
    return plan.named(plan.cast(plan.text_literal(partition[name] or None), field["type"]), name)
