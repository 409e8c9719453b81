"""Rows of some data files of a Delta table, as a plan."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reelhouse.plans import plan, tables

if TYPE_CHECKING:
    from reelhouse.streaming.delta_files import AddedFile


def read_files(files: Sequence[AddedFile], schema: str, partition_columns: Sequence[str]) -> plan.Relation:
    """The rows of `files`, with the values of partition columns, which stand in the log and not in the files.

    `schema` is the table's, as JSON. Columns that a file lacks are NULL.
    """
    struct = json.loads(schema)
    for field in struct["fields"]:
        field["nullable"] = True  # a file written before the column was added lacks it
    if not files:
        return plan.empty(json.dumps(struct))
    return tables.read_files(struct, partition_columns, [(file.path, dict(file.partition_values)) for file in files])


def read_changes(files: Sequence[AddedFile], schema: str, partition_columns: Sequence[str]) -> plan.Relation:
    """The changed rows that `files` (each an `AddedChanges`) tell, with the columns of the change data feed."""
    from reelhouse.delta.change_feed import ChangeFile
    from reelhouse.plans.change_feed import rows
    from reelhouse.streaming.delta_files import AddedChanges

    found = [
        ChangeFile(file.path, file.size, file.rows, file.partition_values, file.type, file.version, file.timestamp)
        for file in files
        if isinstance(file, AddedChanges)
    ]
    return rows(found, schema, partition_columns)
