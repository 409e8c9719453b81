"""The one entry: a statement as text, done, and its result as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reelhouse.spark.statements import parse as parser
from reelhouse.spark.statements import statement as s
from reelhouse.spark.statements.arguments import Arguments, to_literals
from reelhouse.spark.statements.tokens import bind

if TYPE_CHECKING:
    import pyarrow as pa

    from reelhouse.spark.context import SessionContext


def execute(
    context: SessionContext, sql_text: str, args: Arguments = None, references: Sequence[Any] = ()
) -> pa.Table | None:
    """Do a statement and return its result, a table without columns when it has none; None when the text is a query.

    `args` are the arguments of `:name` or `?` parameters, as Python values or `proto.Expression`s; `references` the
    relations (each a `subquery_alias`) that names in the text stand for, as `with_relations` holds them.
    Raises `UserError`, or `Unsupported` naming the statement and what is supported.
    https://docs.databricks.com/aws/en/sql/language-manual/
    """
    if not parser.is_statement(sql_text):
        return None
    return perform(context, parser.parse(bind(sql_text, to_literals(args))), references)


def perform(context: SessionContext, statement: s.Statement, references: Sequence[Any] = ()) -> pa.Table:
    """Do a statement that has been read already. `references` and what is raised are as in `execute`."""
    if references:
        from reelhouse.spark.statements.references import with_references

        context = with_references(context, references)
    return _runner(type(statement))(context, statement)


def _runner(kind: type[s.Statement]) -> Callable[[SessionContext, Any], pa.Table]:
    from reelhouse.spark.statements import describe, maintenance, merge, rows, schemas, show, tables, views

    runners: Mapping[type[s.Statement], Callable[[SessionContext, Any], pa.Table]] = {
        s.AddColumns: tables.add_columns,
        s.AddConstraint: tables.add_constraint,
        s.AlterColumn: tables.alter_column,
        s.Analyze: maintenance.analyze,
        s.CommentOn: tables.comment_on,
        s.CreateCatalog: schemas.create_catalog,
        s.CreateSchema: schemas.create_schema,
        s.CreateTable: tables.create_table,
        s.CreateView: views.create_view,
        s.Delete: rows.delete,
        s.Describe: describe.describe,
        s.DropCatalog: schemas.drop_catalog,
        s.DropConstraint: tables.drop_constraint,
        s.DropSchema: schemas.drop_schema,
        s.DropTable: views.drop,
        s.Insert: rows.insert,
        s.Merge: merge.merge,
        s.Optimize: maintenance.optimize,
        s.Refresh: maintenance.refresh,
        s.ResetConf: schemas.reset_conf,
        s.Restore: maintenance.restore,
        s.SetConf: schemas.set_conf,
        s.SetProperties: tables.set_properties,
        s.Show: show.show,
        s.UnsetProperties: tables.unset_properties,
        s.Update: rows.update,
        s.UseCatalog: schemas.use_catalog,
        s.UseSchema: schemas.use_schema,
        s.Vacuum: maintenance.vacuum,
    }
    return runners[kind]
