"""Commits that change what a table says of itself and none of its rows: creation, properties, comments, columns.

https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-alter-table
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from reelhouse.delta import log
from reelhouse.delta.conflicts import ConcurrentModification
from reelhouse.delta.entry import commit_info, metadata_actions
from reelhouse.delta.plan import WritePlan
from reelhouse.delta.properties import CONSTRAINT, check_properties, check_writable, normalised
from reelhouse.delta.schema import Field, fields_of, new_schema, schema_key, to_schema
from reelhouse.delta.snapshot import Snapshot, open_snapshot
from reelhouse.delta.write import Target
from reelhouse.errors import UserError, did_you_mean

_MOST_RETRIES = 20
Change = Callable[[WritePlan], WritePlan]


def create_table(
    target: Target,
    schema_json: str,
    *,
    partition_by: Sequence[str] = (),
    properties: Mapping[str, str] | None = None,
    comment: str | None = None,
    column_comments: Mapping[str, str] | None = None,
    not_null: Sequence[str] = (),
    replace_existing: bool = False,
) -> int:
    """Make an empty table and return its version; with `replace_existing` empty and redefine the one that is there.

    Comments in the schema are kept; columns are nullable but those of `not_null`. Raises `UserError`
    (DELTA_TABLE_ALREADY_EXISTS) when there is a table.
    """
    name = target.name or target.location
    check_properties(properties or {})
    schema = new_schema(schema_json, comments=column_comments, not_null=not_null)
    spelled = {field["name"].lower(): field["name"] for field in fields_of(schema)}
    for column in partition_by:
        if column.lower() not in spelled:
            raise UserError(f"'{name}' has no column '{column}' to partition by", remedy=did_you_mean(column, spelled))
    before = open_snapshot(target.location)
    if before and not replace_existing:
        raise UserError(f"DELTA_TABLE_ALREADY_EXISTS: there is a Delta table at '{target.location}' already")
    plan = WritePlan(
        before,
        schema,
        True,
        (),
        (),
        tuple(spelled[column.lower()] for column in partition_by),
        normalised(properties or {}),
        comment,
    )
    operation = "CREATE OR REPLACE TABLE" if replace_existing else "CREATE TABLE"
    parameters = {
        "partitionBy": json.dumps(list(plan.partition_by)),
        "description": comment or "",
        "isManaged": "false",
        "properties": json.dumps(dict(plan.properties)),
    }
    now = int(time.time() * 1000)
    removes = [
        {
            "remove": {
                "path": file.log_path,
                "deletionTimestamp": now,
                "dataChange": True,
                "extendedFileMetadata": True,
                "partitionValues": dict(file.partition_values),
                "size": file.size,
            }
        }
        for file in (before.files if before else ())
    ]
    version = before.version + 1 if before else 0
    entry = [commit_info(operation, parameters, {}, plan.version, False), *metadata_actions(plan), *removes]
    if not log.publish(target.location, version, entry):
        raise ConcurrentModification(f"'{name}' was created by somebody else meanwhile")
    return version


def change_metadata(target: Target, operation: str, parameters: Mapping[str, str], change: Change) -> int | None:
    """Apply `change` to a table's schema, properties and comment; the new version, None when nothing differs.

    `change` gets the table as a plan and returns the plan it should be. It is called again upon a newer version when
    somebody else commits first.
    """
    for _ in range(_MOST_RETRIES):
        snapshot = existing(target)
        check_writable(snapshot.protocol, snapshot.properties, target.name or target.location)
        before = WritePlan(
            snapshot,
            snapshot.schema,
            False,
            (),
            (),
            snapshot.partition_columns,
            dict(snapshot.properties),
            snapshot.comment,
        )
        after = change(before)
        if _same(before, after):
            return None
        info = commit_info(operation, parameters, {}, snapshot.version, False)
        if log.publish(target.location, snapshot.version + 1, [info, *metadata_actions(after)]):
            return snapshot.version + 1
    raise ConcurrentModification(f"'{target.name or target.location}' is written so often that it could not be altered")


def existing(target: Target) -> Snapshot:
    """The table as it is. Raises `UserError` (DELTA_TABLE_NOT_FOUND) when there is none."""
    snapshot = open_snapshot(target.location)
    if snapshot is None:
        raise UserError(f"DELTA_TABLE_NOT_FOUND: there is no Delta table '{target.name or target.location}'")
    return snapshot


def _same(before: WritePlan, after: WritePlan) -> bool:
    return (
        schema_key(before.schema) == schema_key(after.schema)
        and dict(before.properties) == dict(after.properties)
        and before.comment == after.comment
    )


def set_properties(target: Target, properties: Mapping[str, str]) -> int | None:
    """ALTER TABLE … SET TBLPROPERTIES. The new version, None when all of them have these values already."""
    check_properties(properties)
    _refuse_constraints(properties)
    return change_metadata(
        target,
        "SET TBLPROPERTIES",
        {"properties": json.dumps(dict(properties))},
        lambda plan: replace(plan, properties={**plan.properties, **normalised(properties)}),
    )


def unset_properties(target: Target, keys: Sequence[str], *, if_exists: bool = False) -> int | None:
    """ALTER TABLE … UNSET TBLPROPERTIES."""

    def change(plan: WritePlan) -> WritePlan:
        missing = [key for key in keys if key not in plan.properties]
        if missing and not if_exists:
            raise UserError(
                f"DELTA_UNSET_NON_EXISTENT_PROPERTY: '{target.name or target.location}' has no property '{missing[0]}'",
                remedy="Use IF EXISTS.",
            )
        return replace(plan, properties={k: v for k, v in plan.properties.items() if k not in keys})

    _refuse_constraints(dict.fromkeys(keys, ""))
    parameters = {"properties": json.dumps(list(keys)), "ifExists": str(if_exists).lower()}
    return change_metadata(target, "UNSET TBLPROPERTIES", parameters, change)


def _refuse_constraints(properties: Mapping[str, str]) -> None:
    for key in properties:
        if key.startswith(CONSTRAINT):
            raise UserError(f"'{key}' is a CHECK constraint", remedy="Use ALTER TABLE … ADD or DROP CONSTRAINT.")


def set_comment(target: Target, comment: str | None) -> int | None:
    """COMMENT ON TABLE."""
    return change_metadata(
        target, "CHANGE TABLE COMMENT", {"comment": comment or ""}, lambda plan: replace(plan, comment=comment)
    )


def set_column_comments(target: Target, comments: Mapping[str, str]) -> int | None:
    """ALTER TABLE … ALTER COLUMN … COMMENT, for any number of columns in one commit."""

    def change(plan: WritePlan) -> WritePlan:
        fields = fields_of(plan.schema)
        for name, comment in comments.items():
            field = column(fields, name)
            field["metadata"] = {**(field.get("metadata") or {}), "comment": comment}
        return replace(plan, schema=to_schema(fields))

    return change_metadata(target, "CHANGE COLUMN", {"column": json.dumps(dict(comments))}, change)


def add_columns(target: Target, schema_json: str, *, if_not_exists: bool = False) -> int | None:
    """ALTER TABLE … ADD COLUMNS, at the end. `schema_json` holds the new columns alone; they become nullable."""
    new = fields_of(new_schema(schema_json))

    def change(plan: WritePlan) -> WritePlan:
        fields = fields_of(plan.schema)
        have = {field["name"].lower() for field in fields}
        for field in new:
            if field["name"].lower() not in have:
                fields.append(field)
            elif not if_not_exists:
                raise UserError(
                    f"FIELD_ALREADY_EXISTS: '{target.name or target.location}' has a column '{field['name']}' already"
                )
        return replace(plan, schema=to_schema(fields))

    return change_metadata(target, "ADD COLUMNS", {"columns": json.dumps(new)}, change)


def apply_definition(
    target: Target,
    *,
    properties: Mapping[str, str] | None = None,
    comment: str | None = None,
    column_comments: Mapping[str, str] | None = None,
) -> int | None:
    """Bring properties and comments of a table to what a definition says, in one commit; None when they are so.

    Properties that the definition lacks stay.
    """
    check_properties(properties or {})

    def change(plan: WritePlan) -> WritePlan:
        fields = fields_of(plan.schema)
        for name, text in (column_comments or {}).items():
            field = column(fields, name)
            field["metadata"] = {**(field.get("metadata") or {}), "comment": text}
        return replace(
            plan,
            schema=to_schema(fields),
            properties={**plan.properties, **normalised(properties or {})},
            comment=plan.comment if comment is None else comment,
        )

    return change_metadata(target, "SET TBLPROPERTIES", {"properties": json.dumps(dict(properties or {}))}, change)


def column(fields: Sequence[Field], name: str) -> Field:
    """The column of that name, whatever its case. Raises `UserError` naming the nearest."""
    for field in fields:
        if field["name"].lower() == name.lower():
            return field
    raise UserError(f"There is no column '{name}'", remedy=did_you_mean(name, [f["name"] for f in fields]))
