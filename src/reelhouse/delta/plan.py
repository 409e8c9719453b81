"""How rows have to be written to become a commit: decided before the engine runs, from the table as it is. Pure.

https://docs.databricks.com/aws/en/tables/schema-enforcement
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reelhouse.delta.expectations import constraint_rules
from reelhouse.delta.properties import check_properties, check_writable, is_true, normalised
from reelhouse.delta.schema import Projection, fields_of, new_schema, reconcile, schema_key
from reelhouse.delta.snapshot import Snapshot, open_snapshot
from reelhouse.delta.write import Expectation, Mode, Target, WriteSpec
from reelhouse.errors import UserError


@dataclass(frozen=True)
class WritePlan:
    """How rows have to be written to become a commit. Made by `plan_write`, before the engine runs.

    `projection` gives the columns in order, with the names and types they must have in the files; `rules` the bits of
    the mask, in order; `partition_by` the table's partitioning, which the staged folders must have inside the mask's.
    """

    snapshot: Snapshot | None
    schema: str
    metadata_changed: bool
    projection: tuple[Projection, ...]
    rules: tuple[Expectation, ...]
    partition_by: tuple[str, ...]
    properties: Mapping[str, str]
    comment: str | None

    @property
    def version(self) -> int | None:
        """The version that the plan was made against, None when the table does not exist."""
        return self.snapshot.version if self.snapshot else None

    @property
    def keeps_columns(self) -> bool:
        """Whether the rows can be written as they are, without projection."""
        return all(column.is_identity for column in self.projection)


def plan_write(target: Target, schema_json: str, spec: WriteSpec) -> WritePlan:
    """Decide how rows with the schema `schema_json` (a Spark `StructType`) are written to `target`.

    Raises `UserError` for rows that do not fit the table, and `Unsupported` for a table that uses a Delta feature
    which cannot be written here.
    """
    check_properties(spec.properties)
    return plan_for(open_snapshot(target.location), target, schema_json, spec)


def plan_for(snapshot: Snapshot | None, target: Target, schema_json: str, spec: WriteSpec) -> WritePlan:
    name = target.name or target.location
    if snapshot:
        check_writable(snapshot.protocol, snapshot.properties, name)
        if spec.mode is Mode.OVERWRITE and is_true(snapshot.properties, "delta.appendOnly"):
            raise UserError(f"DELTA_CANNOT_MODIFY_APPEND_ONLY: '{name}' is append-only (delta.appendOnly)")
    replace = spec.mode is Mode.OVERWRITE and spec.overwrite_schema
    reconciled = reconcile(
        snapshot.schema if snapshot else None,
        schema_json,
        table=name,
        merge=spec.merge_schema,
        replace=replace,
    )
    schema = _with_comments(reconciled.schema, spec.column_comments)
    partition_by = _partitioning(snapshot, spec, schema, name, replace)
    kept = snapshot if snapshot and not (replace and spec.replace_definition) else None
    properties = {**(kept.properties if kept else {}), **normalised(spec.properties)}
    comment = spec.comment if spec.comment is not None else (kept.comment if kept else None)
    changed = snapshot is None or (
        schema_key(schema) != schema_key(snapshot.schema)
        or properties != dict(snapshot.properties)
        or comment != snapshot.comment
        or partition_by != snapshot.partition_columns
    )
    return WritePlan(
        snapshot,
        schema,
        changed,
        reconciled.projection,
        spec.expectations + constraint_rules(properties),
        partition_by,
        properties,
        comment,
    )


def _with_comments(schema: str, comments: Mapping[str, str]) -> str:
    if not comments:
        return schema
    kept = [field["name"] for field in fields_of(schema) if not field["nullable"]]
    return new_schema(schema, comments=comments, not_null=kept)


def _partitioning(snapshot: Snapshot | None, spec: WriteSpec, schema: str, name: str, replace: bool) -> tuple[str, ...]:
    if snapshot and not replace:
        own = snapshot.partition_columns
        if spec.partition_by and [c.lower() for c in spec.partition_by] != [c.lower() for c in own]:
            raise UserError(
                f"DELTA_PARTITION_COLUMNS_MISMATCH: '{name}' is partitioned by ({', '.join(own)}), "
                f"the write by ({', '.join(spec.partition_by)})",
                remedy="Overwrite with option overwriteSchema to change the partitioning.",
            )
        return own
    spelled = {field["name"].lower(): field["name"] for field in fields_of(schema)}
    missing = [column for column in spec.partition_by if column.lower() not in spelled]
    if missing:
        raise UserError(f"'{name}' cannot be partitioned by {', '.join(missing)}: there is no such column")
    if spec.partition_by and len(spec.partition_by) == len(spelled):
        raise UserError(f"'{name}' cannot be partitioned by all of its columns")
    return tuple(spelled[column.lower()] for column in spec.partition_by)
