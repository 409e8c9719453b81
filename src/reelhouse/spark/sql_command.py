"""`spark.sql(…)`: a query is checked and handed back as a relation, a statement is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelhouse.plans import plan
from reelhouse.spark import sqltext
from reelhouse.spark.replies import to_relation

if TYPE_CHECKING:
    from reelhouse.spark.context import SessionContext


def run(context: SessionContext, command: Any) -> plan.Relation:
    """The relation that an `SqlCommand` gives: the query itself, or the rows that a statement answered."""
    relation = _relation(command)
    text = _text(relation)
    if text is None or sqltext.is_query(text):
        return _checked(context, relation)
    explained = sqltext.explained(text)
    if explained is not None:
        return _explain(context, relation, *explained)
    from reelhouse.spark.statements.run import execute

    table = execute(context, text, _arguments(relation), _references(relation))
    if table is not None:
        return to_relation(table)
    return _pass_on(context, relation)


def _checked(context: SessionContext, relation: plan.Relation) -> plan.Relation:
    """The query unresolved, so that it sees later versions, after the engine has analysed it as Spark would now."""
    if not plan.is_streaming(context.inline_views(relation)):
        context.wire.schema(context.resolve(relation))
    return relation


def _explain(context: SessionContext, relation: plan.Relation, mode: str, query: str) -> plan.Relation:
    """The engine's plan of a query, as the one row that EXPLAIN gives."""
    import pyarrow as pa

    copy = plan.proto.Relation()
    copy.CopyFrom(relation)
    inner = copy
    while plan.kind(inner) == "with_relations":
        inner = inner.with_relations.root
    inner.sql.query = query
    message = plan.proto.Plan()
    message.root.CopyFrom(context.resolve(copy))
    text = context.wire.analyze("explain", plan=message, explain_mode=mode).explain_string
    return to_relation(pa.table({"plan": [text]}))


def _pass_on(context: SessionContext, relation: plan.Relation) -> plan.Relation:
    """A statement that is the engine's."""
    command = plan.proto.Command()
    command.sql_command.input.CopyFrom(context.resolve(relation))
    message = plan.proto.Plan()
    message.command.CopyFrom(command)
    _, properties, _ = context.wire.client.execute_command(command)
    return properties["sql_command_result"]


def _relation(command: Any) -> plan.Relation:
    if command.HasField("input"):
        return command.input
    relation = plan.proto.Relation()
    relation.sql.query = command.sql
    for name in ("args", "named_arguments"):
        for key, value in getattr(command, name).items():
            getattr(relation.sql, name)[key].CopyFrom(value)
    relation.sql.pos_args.extend(command.pos_args)
    relation.sql.pos_arguments.extend(command.pos_arguments)
    return relation


def _text(relation: plan.Relation) -> str | None:
    node = relation
    while plan.kind(node) == "with_relations":
        node = node.with_relations.root
    return str(node.sql.query) if plan.kind(node) == "sql" else None


def _references(relation: plan.Relation) -> list[plan.Relation]:
    """The relations that names of the text stand for."""
    if plan.kind(relation) != "with_relations":
        return []
    return [*relation.with_relations.references, *_references(relation.with_relations.root)]


def _arguments(relation: plan.Relation) -> dict[str, Any] | list[Any]:
    """The arguments of the text as expressions: by name, or in order."""
    node = relation
    while plan.kind(node) == "with_relations":
        node = node.with_relations.root
    if node.sql.pos_arguments:
        return list(node.sql.pos_arguments)
    return dict(node.sql.named_arguments)
