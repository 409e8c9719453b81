"""Views, and DROP of tables and views.

https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-create-view
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelhouse.catalog.entry import TableEntry, TableType
from reelhouse.errors import UserError
from reelhouse.plans import plan
from reelhouse.spark.statements.lookup import nothing, schema_of
from reelhouse.spark.statements.statement import CreateView, DropTable

if TYPE_CHECKING:
    import pyarrow as pa

    from reelhouse.spark.context import SessionContext


def create_view(context: SessionContext, statement: CreateView) -> pa.Table:
    """CREATE VIEW, lasting or of the session."""
    query = _with_columns(context, statement)
    if statement.temporary:
        if len(statement.name) != 1:
            raise UserError(f"TEMP_VIEW_NAME_TOO_MANY_NAME_PARTS: '{'.'.join(statement.name)}' has more than one part")
        context.set_view(
            statement.name[0],
            plan.sql(query),
            is_global=statement.is_global,
            replace=statement.or_replace
            or (statement.if_not_exists and statement.name[0].lower() not in context.views),
        )
        return nothing()
    name = context.catalog.resolve_name(statement.name, context.current)
    before = context.catalog.find(name)
    if before and not before.is_view and not statement.if_not_exists:
        raise UserError(f"EXPECT_VIEW_NOT_TABLE: '{name}' is a table, not a view")
    context.catalog.create_table(
        TableEntry(
            name,
            "",
            TableType.VIEW,
            statement.comment,
            {column: comment for column, comment in statement.columns if comment},
            statement.properties,
            view_text=query,
            view_schema=context.current,
        ),
        if_not_exists=statement.if_not_exists,
        replace=statement.or_replace,
    )
    return nothing()


def _with_columns(context: SessionContext, statement: CreateView) -> str:
    """The view's text, after the engine has read it; its columns are given the names that the statement lists."""
    found = schema_of(context, plan.sql(statement.query))
    if not statement.columns:
        return statement.query
    if len(found) != len(statement.columns):
        raise UserError(
            f"CREATE_VIEW_COLUMN_ARITY_MISMATCH: view '{'.'.join(statement.name)}' lists {len(statement.columns)} "
            f"columns, its query has {len(found)}"
        )
    names = ", ".join(plan.quote(name) for name, _ in statement.columns)
    return f"SELECT * FROM ({statement.query}) AS __view({names})"


def drop(context: SessionContext, statement: DropTable) -> pa.Table:
    """DROP TABLE, DROP VIEW. A temporary view goes before a lasting one of the same name."""
    name = statement.name
    if statement.view:
        if len(name) == 1 and context.drop_view(name[0]):
            return nothing()
        if len(name) == 2 and name[0].lower() == "global_temp":
            if not context.drop_view(name[1], is_global=True) and not statement.if_exists:
                raise UserError(f"TABLE_OR_VIEW_NOT_FOUND: there is no global temporary view '{name[1]}'")
            return nothing()
    entry = context.catalog.find(name, context.current)
    if entry and entry.is_view != statement.view:
        kind, other = ("view", "TABLE") if statement.view else ("table", "VIEW")
        raise UserError(f"WRONG_COMMAND_FOR_OBJECT_TYPE: '{entry.name}' is no {kind}", remedy=f"Use DROP {other}.")
    context.catalog.drop_table(name, if_exists=statement.if_exists, current=context.current)
    return nothing()
