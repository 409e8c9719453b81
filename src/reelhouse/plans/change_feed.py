"""Changed rows of a Delta table as a plan: its columns, then `_change_type`, `_commit_version`, `_commit_timestamp`.

https://docs.databricks.com/aws/en/delta/delta-change-data-feed
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from reelhouse.delta.change_feed import TIME, TYPE, VERSION, ChangeFile
from reelhouse.plans import plan, tables

_TYPES = {TYPE: "string", VERSION: "long", TIME: "timestamp"}


def rows(files: Sequence[ChangeFile], schema: str, partition_columns: Sequence[str]) -> plan.Relation:
    """The rows of these files. `schema` is the table's, as JSON; columns that a file lacks are NULL."""
    struct = tables.nullable(json.loads(schema))
    if not files:
        extra = [{"name": name, "type": type, "nullable": True, "metadata": {}} for name, type in _TYPES.items()]
        return plan.empty(json.dumps({**struct, "fields": [*struct["fields"], *extra]}))
    groups: dict[tuple[int, int, str | None], list[ChangeFile]] = {}
    for file in files:
        groups.setdefault((file.version, file.timestamp, file.type), []).append(file)
    parts = [_of_commit(struct, partition_columns, *key, group) for key, group in groups.items()]
    return parts[0] if len(parts) == 1 else tables.union(parts)


def _of_commit(
    struct: dict[str, Any],
    partition_columns: Sequence[str],
    version: int,
    timestamp: int,
    type: str | None,
    files: Sequence[ChangeFile],
) -> plan.Relation:
    names = [field["name"] for field in struct["fields"]]
    fields = list(struct["fields"])
    if type is None:
        fields.append({"name": TYPE, "type": "string", "nullable": True, "metadata": {}})
    read = tables.read_files(
        {**struct, "fields": fields}, partition_columns, [(file.path, dict(file.partition_values)) for file in files]
    )
    kind = plan.column(TYPE) if type is None else plan.named(plan.text_literal(type), TYPE)
    return plan.project(
        read,
        [
            *(plan.column(name) for name in names),
            kind,
            plan.named(plan.expression(f"{version}L"), VERSION),
            plan.named(plan.expression(f"timestamp_millis({timestamp}L)"), TIME),
        ],
    )
