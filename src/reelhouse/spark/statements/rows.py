"""INSERT, UPDATE, DELETE: the engine computes rows, one commit takes them. Changed tables are rewritten as a whole.

https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-dml-insert-into
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from reelhouse.catalog.names import quote_part
from reelhouse.delta.alter import column
from reelhouse.delta.change_feed import DELETE as DELETED
from reelhouse.delta.change_feed import PREIMAGE, TYPE
from reelhouse.delta.schema import Field, fields_of, type_text
from reelhouse.delta.write import Mode, WriteSpec
from reelhouse.errors import UserError
from reelhouse.plans import plan
from reelhouse.spark.statements.lookup import (
    counts,
    find_own_table,
    records_changes,
    repeat_on_conflict,
    rows_of,
    schema_of,
)
from reelhouse.spark.statements.statement import Delete, Insert, Update
from reelhouse.spark.statements.types import can_assign
from reelhouse.spark.write import CHANGE

if TYPE_CHECKING:
    import pyarrow as pa

    from reelhouse.spark.context import SessionContext

_SUBQUERY = re.compile(r"\(\s*(?:SELECT|WITH)\b", re.I)


def insert(context: SessionContext, statement: Insert) -> pa.Table:
    """INSERT INTO, OVERWRITE, REPLACE WHERE. Values are cast as ANSI store assignment allows."""
    table = find_own_table(context, statement.table, "INSERT", rows=True)
    own = fields_of(table.snapshot().schema)
    query = plan.sql(statement.query)
    given = schema_of(context, query)
    targets = _targets(statement, own, given, table.name)
    relation = _projected(query, given, targets, table.name)
    replaces = statement.overwrite or statement.replace_where is not None
    done = context.write(
        relation,
        table.target,
        WriteSpec(Mode.OVERWRITE if replaces else Mode.APPEND, replace_where=statement.replace_where),
    )
    rows = done.rows or 0
    return counts(num_affected_rows=rows, num_inserted_rows=rows)


def _targets(statement: Insert, own: list[Field], given: list[Field], table: str) -> list[Field]:
    """The column of the table that each column of the query goes to."""
    if statement.by_name:
        return [column(own, field["name"]) for field in given]
    targets = [column(own, name) for name in statement.columns] if statement.columns else own
    if len(targets) != len(given):
        raise UserError(
            f"INSERT_COLUMN_ARITY_MISMATCH: '{table}' takes {len(targets)} columns "
            f"({', '.join(field['name'] for field in targets)}), the query gives {len(given)}",
            remedy="List the columns that the query gives.",
        )
    names = [field["name"] for field in targets]
    if len(set(names)) < len(names):
        raise UserError(f"COLUMN_ALREADY_EXISTS: a column is listed twice in the INSERT into '{table}'")
    return targets


def _projected(query: Any, given: list[Field], targets: list[Field], table: str) -> Any:
    """The query's columns by position, under the names and in the types of the table's."""
    check_assignable(zip(targets, given, strict=True), table)
    renamed = plan.proto.Relation()
    renamed.to_df.input.CopyFrom(query)
    renamed.to_df.column_names.extend(f"_{index}" for index in range(len(given)))
    columns = []
    for index, (target, field) in enumerate(zip(targets, given, strict=True)):
        value = plan.column(f"_{index}")
        if type_text_or_void(field) != type_text(target["type"]):
            value = plan.cast(value, type_text(target["type"]))
        columns.append(plan.named(value, target["name"]))
    return plan.project(renamed, columns)


def check_assignable(pairs: Iterable[tuple[Field, Field]], table: str) -> None:
    """Raise `UserError` when a value's type may not be stored in its column."""
    for target, given in pairs:
        if not can_assign(given["type"], target["type"]):
            raise UserError(
                f"INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST: column '{target['name']}' of '{table}' is "
                f"{type_text(target['type'])}, the value {type_text_or_void(given)}",
                remedy="Cast the value.",
            )


def type_text_or_void(field: Field) -> str:
    """The type of a value as SQL writes it."""
    return "void" if field["type"] == "void" else type_text(field["type"])


def update(context: SessionContext, statement: Update) -> pa.Table:
    """UPDATE. No row that meets the condition, no commit."""
    return repeat_on_conflict(lambda: _update(context, statement))


def _update(context: SessionContext, statement: Update) -> pa.Table:
    table = find_own_table(context, statement.table, "UPDATE", rows=True)
    snapshot = table.snapshot()
    own = fields_of(snapshot.schema)
    source = _source(table.at(snapshot), statement.alias or table.sql_name)
    values = {column(own, name)["name"]: text for name, text in statement.assignments}
    if len(values) < len(statement.assignments):
        raise UserError(f"DELTA_CONFLICT_SET_COLUMN: a column is set twice in the UPDATE of '{table.name}'")
    check_values(context, values, own, source, table.name)
    where = statement.where or "true"
    changed = _count(context, f"{source} WHERE {where}")
    if changed == 0:
        return counts(num_affected_rows=0)
    recorded = records_changes(snapshot)
    context.write(
        plan.sql(_updated(source, own, values, where, mark=recorded)),
        table.target,
        WriteSpec(
            Mode.OVERWRITE,
            operation="UPDATE",
            operation_parameters={"predicate": f'["{where}"]' if statement.where else "[]"},
            read_version=snapshot.version,
            metrics={"numUpdatedRows": changed},
            counts={"added": 0, "updated": changed, "removed": 0},
        ),
        before=plan.sql(_before(source, own, where, PREIMAGE)) if recorded else None,
    )
    return counts(num_affected_rows=changed)


def _before(source: str, own: list[Field], where: str, type: str) -> str:
    """The rows that the statement changes, as they were."""
    names = ", ".join(plan.quote(field["name"]) for field in own)
    return f"SELECT {names}, '{type}' AS {TYPE} FROM {source} WHERE {where}"


def _updated(source: str, own: list[Field], values: Mapping[str, str], where: str, *, mark: bool) -> str:
    """All rows of the table after the UPDATE; `mark`: with a column that tells the changed ones.

    Engines take subqueries in WHERE alone, so rows are split by it then.
    """
    if _SUBQUERY.search(where):
        changed = ", ".join(_named(_cast(values, field), field) for field in own)
        kept = ", ".join(_named(quote_part(field["name"]), field) for field in own)
        if mark:
            changed, kept = f"{changed}, 2 AS {CHANGE}", f"{kept}, 0 AS {CHANGE}"
        return (
            f"SELECT {changed} FROM {source} WHERE {where} "
            f"UNION ALL SELECT {kept} FROM {source} WHERE ({where}) IS NOT TRUE"
        )
    columns = []
    for field in own:
        kept = quote_part(field["name"])
        value = f"CASE WHEN ({where}) THEN {_cast(values, field)} ELSE {kept} END" if field["name"] in values else kept
        columns.append(_named(value, field))
    if mark:
        columns.append(f"CASE WHEN ({where}) THEN 2 ELSE 0 END AS {CHANGE}")
    return f"SELECT {', '.join(columns)} FROM {source}"


def _cast(values: Mapping[str, str], field: Field) -> str:
    if field["name"] not in values:
        return quote_part(field["name"])
    return f"CAST(({values[field['name']]}) AS {type_text(field['type'])})"


def _named(value: str, field: Field) -> str:
    return f"{value} AS {plan.quote(field['name'])}"


def check_values(context: SessionContext, values: Mapping[str, str], own: list[Field], source: str, table: str) -> None:
    """Raise `UserError` when an assignment's value may not be stored in its column."""
    if not values:
        return
    query = ", ".join(f"({text}) AS {plan.quote(name)}" for name, text in values.items())
    given = schema_of(context, plan.sql(f"SELECT {query} FROM {source}"))
    check_assignable(((column(own, field["name"]), field) for field in given), table)


def delete(context: SessionContext, statement: Delete) -> pa.Table:
    """DELETE, TRUNCATE. Rows for which the condition is NULL stay."""
    return repeat_on_conflict(lambda: _delete(context, statement))


def _delete(context: SessionContext, statement: Delete) -> pa.Table:
    table = find_own_table(context, statement.table, "DELETE", rows=True)
    snapshot = table.snapshot()
    source = _source(table.at(snapshot), statement.alias or table.sql_name)
    where = statement.where or "true"
    gone = _count(context, f"{source} WHERE {where}")
    if gone == 0:
        return counts(num_affected_rows=0)
    names = ", ".join(plan.quote(field["name"]) for field in fields_of(snapshot.schema))
    kept = f"({where}) IS NOT TRUE" if statement.where else "false"
    recorded = records_changes(snapshot)
    mark = f", 0 AS {CHANGE}" if recorded else ""
    context.write(
        plan.sql(f"SELECT {names}{mark} FROM {source} WHERE {kept}"),
        table.target,
        WriteSpec(
            Mode.OVERWRITE,
            operation="DELETE",
            operation_parameters={"predicate": f'["{where}"]' if statement.where else "[]"},
            read_version=snapshot.version,
            metrics={"numDeletedRows": gone},
            counts={"added": 0, "updated": 0, "removed": gone},
        ),
        before=plan.sql(_before(source, fields_of(snapshot.schema), where, DELETED)) if recorded else None,
    )
    return counts(num_affected_rows=gone)


def _source(table: str, alias: str) -> str:
    """The table under the name that conditions may qualify its columns with."""
    return f"{table} AS {quote_part(alias)}" if alias and "." not in alias else table


def _count(context: SessionContext, tail: str) -> int:
    return int(rows_of(context, plan.sql(f"SELECT count(*) AS n FROM {tail}"))[0]["n"])
