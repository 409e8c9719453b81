"""CREATE TABLE, ALTER TABLE, COMMENT ON.

https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-create-table-using
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from reelhouse.catalog.entry import KeyConstraint, TableEntry, TableType
from reelhouse.catalog.names import TableName
from reelhouse.delta import alter, constraints
from reelhouse.delta.properties import CONSTRAINT, check_properties
from reelhouse.delta.schema import fields_of, to_schema
from reelhouse.delta.snapshot import open_snapshot
from reelhouse.delta.write import Mode, Target, WriteSpec
from reelhouse.errors import Unsupported, UserError, did_you_mean
from reelhouse.plans import plan
from reelhouse.spark.statements.lookup import count_violations, find_own_table, find_table, nothing
from reelhouse.spark.statements.statement import (
    AddColumns,
    AddConstraint,
    AlterColumn,
    CommentOn,
    ConstraintDefinition,
    CreateTable,
    DropConstraint,
    SetProperties,
    UnsetProperties,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from reelhouse.spark.context import SessionContext


def create_table(context: SessionContext, statement: CreateTable) -> pa.Table:
    """CREATE TABLE in all its forms: empty, from a query, or naming a table that is there already."""
    if len(statement.name) == 2 and statement.name[0].lower() == "delta":
        raise Unsupported(
            "CREATE TABLE delta.`path` is not supported here", remedy="Name the table and give a LOCATION."
        )
    check_properties(statement.properties)
    name = context.catalog.resolve_name(statement.name, context.current)
    before = context.catalog.find(name)
    if before and statement.if_not_exists:
        return nothing()
    if before and (before.is_view or not statement.or_replace):
        raise UserError(f"TABLE_OR_VIEW_ALREADY_EXISTS: there is a table or view '{name}' already")
    context.catalog.schema(name.parent)
    entry = _entry(context, statement, name, before)
    if statement.query is not None:
        _create_from_query(context, statement, entry, before)
    else:
        _create_empty(statement, entry, before)
    context.catalog.create_table(entry, replace=before is not None)
    return nothing()


def _entry(context: SessionContext, statement: CreateTable, name: TableName, before: TableEntry | None) -> TableEntry:
    if statement.location is not None:
        location, kind = context.lake.local(statement.location), TableType.EXTERNAL
    elif before:
        location, kind = before.location, before.type
    else:
        location, kind = context.catalog.managed_location(name), TableType.MANAGED
    keys = tuple(_key(context, constraint, name) for constraint in statement.constraints if constraint.kind != "CHECK")
    return TableEntry(name, location, kind, statement.comment, constraints=keys)


def _create_empty(statement: CreateTable, entry: TableEntry, before: TableEntry | None) -> None:
    target = Target(entry.location, str(entry.name))
    there = open_snapshot(entry.location)
    if not statement.columns:
        if there is None:
            raise UserError(
                f"'{entry.name}' has neither columns nor a query, and there is no Delta table at {entry.location}"
            )
        return
    schema = to_schema(column.as_field() for column in statement.columns)
    if there and entry.type is TableType.EXTERNAL and not statement.or_replace:
        _check_same(fields_of(schema), fields_of(there.schema), entry)
        return
    alter.create_table(
        target,
        schema,
        partition_by=statement.partition_by,
        properties={**statement.properties, **_checks(statement.constraints)},
        comment=statement.comment,
        not_null=_not_null(statement),
        # what lies in a managed place that no entry names is left from a creation or drop that died half way
        replace_existing=there is not None,
    )


def _create_from_query(
    context: SessionContext, statement: CreateTable, entry: TableEntry, before: TableEntry | None
) -> None:
    if statement.columns:
        raise UserError(
            "A table that is made from a query takes its columns from it", remedy="Leave out the column list."
        )
    if any(constraint.kind == "CHECK" for constraint in statement.constraints):
        raise Unsupported("CHECK constraints in CREATE TABLE … AS are not supported here", remedy="Add them after.")
    if entry.type is TableType.EXTERNAL and not statement.or_replace and open_snapshot(entry.location):
        raise UserError(f"DELTA_TABLE_ALREADY_EXISTS: there is a Delta table at {entry.location} already")
    context.write(
        plan.sql(statement.query or ""),
        Target(entry.location, str(entry.name)),
        WriteSpec(
            Mode.OVERWRITE,
            operation="CREATE OR REPLACE TABLE AS SELECT" if statement.or_replace else "CREATE TABLE AS SELECT",
            partition_by=statement.partition_by,
            overwrite_schema=True,
            replace_definition=True,
            properties=statement.properties,
            comment=statement.comment,
        ),
    )


def _check_same(declared: list[dict[str, object]], there: list[dict[str, object]], entry: TableEntry) -> None:
    def key(fields: list[dict[str, object]]) -> list[tuple[str, str]]:
        return [(str(field["name"]).lower(), str(field["type"])) for field in fields]

    if key(declared) != key(there):
        raise UserError(
            f"DELTA_CREATE_TABLE_SCHEME_MISMATCH: the Delta table at {entry.location} has other columns than "
            f"'{entry.name}' declares: {', '.join(name for name, _ in key(there))}",
            remedy="Leave out the column list to take those that are there.",
        )


def _checks(found: Iterable[ConstraintDefinition]) -> dict[str, str]:
    checks = [constraint for constraint in found if constraint.kind == "CHECK"]
    return {CONSTRAINT + (c.name or f"chk_{n}").lower(): c.condition for n, c in enumerate(checks, 1)}


def _not_null(statement: CreateTable) -> list[str]:
    """Columns of a primary key are NOT NULL without being told."""
    keys = [column for c in statement.constraints if c.kind == "PRIMARY KEY" for column in c.columns]
    declared = [column.name for column in statement.columns if column.not_null]
    known = [column.name for column in statement.columns]
    for column in keys:
        if column.lower() not in (name.lower() for name in known):
            raise UserError(f"The primary key names column '{column}'", remedy=did_you_mean(column, known))
    return list(dict.fromkeys([*declared, *keys]))


def _key(context: SessionContext, constraint: ConstraintDefinition, table: TableName) -> KeyConstraint:
    references = None
    if constraint.references:
        references = context.catalog.resolve_name(constraint.references, context.current)
        if references != table:
            context.catalog.table(references)
    suffix = "pk" if constraint.kind == "PRIMARY KEY" else f"{'_'.join(constraint.columns)}_fk"
    return KeyConstraint(
        constraint.name or f"{table.table}_{suffix}",
        constraint.kind,
        constraint.columns,
        references,
        constraint.reference_columns,
    )


def set_properties(context: SessionContext, statement: SetProperties) -> pa.Table:
    """ALTER TABLE … SET TBLPROPERTIES."""
    alter.set_properties(find_own_table(context, statement.table, "ALTER TABLE").target, statement.properties)
    return nothing()


def unset_properties(context: SessionContext, statement: UnsetProperties) -> pa.Table:
    """ALTER TABLE … UNSET TBLPROPERTIES."""
    table = find_own_table(context, statement.table, "ALTER TABLE")
    alter.unset_properties(table.target, statement.keys, if_exists=statement.if_exists)
    return nothing()


def add_columns(context: SessionContext, statement: AddColumns) -> pa.Table:
    """ALTER TABLE … ADD COLUMNS."""
    table = find_own_table(context, statement.table, "ALTER TABLE")
    alter.add_columns(table.target, to_schema(column.as_field() for column in statement.columns))
    return nothing()


def add_constraint(context: SessionContext, statement: AddConstraint) -> pa.Table:
    """ALTER TABLE … ADD CONSTRAINT: CHECK is enforced, keys are informational."""
    table = find_own_table(context, statement.table, "ALTER TABLE")
    constraint = statement.constraint
    if constraint.kind == "CHECK":
        if constraint.name is None:
            raise UserError("A CHECK constraint needs a name", remedy="Write ADD CONSTRAINT name CHECK (…).")
        constraints.add_constraint(
            table.target, constraint.name, constraint.condition, count_violations(context, table)
        )
        return nothing()
    if table.entry is None:
        raise UserError(f"Keys are kept in the catalog, which does not know '{table.name}'")
    schema = fields_of(table.snapshot().schema)
    for column in constraint.columns:
        field = alter.column(schema, column)
        if constraint.kind == "PRIMARY KEY" and field["nullable"]:
            raise UserError(
                f"Column '{field['name']}' of '{table.name}' may be NULL, so it cannot be in a primary key",
                remedy=f"ALTER TABLE … ALTER COLUMN {field['name']} SET NOT NULL.",
            )
    key = _key(context, constraint, table.entry.name)
    for other in table.entry.constraints:
        if other.name == key.name or (other.kind == key.kind == "PRIMARY KEY"):
            raise UserError(f"'{table.name}' has the constraint '{other.name}' already", remedy="Drop it first.")
    context.catalog.update_table(replace(table.entry, constraints=(*table.entry.constraints, key)))
    return nothing()


def drop_constraint(context: SessionContext, statement: DropConstraint) -> pa.Table:
    """ALTER TABLE … DROP CONSTRAINT or PRIMARY KEY."""
    table = find_own_table(context, statement.table, "ALTER TABLE")
    own = table.entry.constraints if table.entry else ()
    if statement.kind == "PRIMARY KEY":
        kept = tuple(key for key in own if key.kind != "PRIMARY KEY")
        if len(kept) == len(own) and not statement.if_exists:
            raise UserError(f"'{table.name}' has no primary key")
    else:
        kept = tuple(key for key in own if key.name.lower() != statement.name.lower())
    if table.entry and len(kept) < len(own):
        context.catalog.update_table(replace(table.entry, constraints=kept))
    elif statement.kind != "PRIMARY KEY":
        constraints.drop_constraint(table.target, statement.name, if_exists=statement.if_exists)
    return nothing()


def alter_column(context: SessionContext, statement: AlterColumn) -> pa.Table:
    """ALTER TABLE … ALTER COLUMN."""
    table = find_own_table(context, statement.table, "ALTER TABLE")
    if statement.action == "COMMENT":
        alter.set_column_comments(table.target, {statement.column: statement.comment or ""})
    elif statement.action == "SET NOT NULL":
        constraints.set_not_null(table.target, statement.column, count_violations(context, table))
    else:
        constraints.drop_not_null(table.target, statement.column)
    return nothing()


def comment_on(context: SessionContext, statement: CommentOn) -> pa.Table:
    """COMMENT ON."""
    if statement.kind == "SCHEMA":
        name = context.catalog.schema(statement.name, context.current).name
        context.catalog.alter_schema(name, comment=statement.comment)
    elif statement.kind == "CATALOG":
        raise Unsupported("COMMENT ON CATALOG is not supported here", remedy="Give the comment to CREATE CATALOG.")
    elif statement.kind == "COLUMN":
        *table_name, column = statement.name
        table = find_table(context, tuple(table_name))
        alter.set_column_comments(table.target, {column: statement.comment or ""})
    else:
        entry = context.catalog.find(statement.name, context.current)
        if entry and entry.is_view:
            context.catalog.update_table(replace(entry, comment=statement.comment))
            return nothing()
        table = find_table(context, statement.name)
        alter.set_comment(table.target, statement.comment)
        if table.entry:
            context.catalog.update_table(replace(table.entry, comment=statement.comment))
    return nothing()
