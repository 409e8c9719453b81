"""Spark Connect plans as trees: walking, replacing, asking, building. Pure: proto in, proto out.

A plan is a tree of `Relation` messages. Which fields hold relations is read off the message descriptors, so a kind of
relation that a later client adds is walked as well.
https://github.com/apache/spark/blob/master/sql/connect/common/src/main/protobuf/spark/connect/relations.proto
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyspark.sql.connect.proto

proto: Any = pyspark.sql.connect.proto
"""The generated messages."""

Relation = Any
"""A `pyspark.sql.connect.proto.Relation` """

_RELATION = proto.Relation.DESCRIPTOR.full_name
_plan_ids = itertools.count(2_000_000_000)
"""Ids of our own relations, far above those that a client gives; an engine wants one at each reference."""


# --- walking ----------------------------------------------------------------------------------------------------------


@functools.cache
def _fields_to_relations(type_name: str) -> tuple[tuple[str, bool, bool], ...]:
    """(field, repeated, is it a Relation itself) of the fields through which a message of this type holds relations."""
    message_type = _descriptors()[type_name]
    return tuple(
        (field.name, field.is_repeated, field.message_type.full_name == _RELATION)
        for field in message_type.fields
        if field.message_type is not None and field.message_type.full_name in _holders()
    )


@functools.cache
def _descriptors() -> dict[str, Any]:
    """Every message type that a request is made of, by its name."""
    found: dict[str, Any] = {}
    todo = [proto.Relation.DESCRIPTOR, proto.ExecutePlanRequest.DESCRIPTOR, proto.AnalyzePlanRequest.DESCRIPTOR]
    while todo:
        message_type = todo.pop()
        if message_type.full_name not in found:
            found[message_type.full_name] = message_type
            todo += [field.message_type for field in message_type.fields if field.message_type is not None]
    return found


@functools.cache
def _holders() -> frozenset[str]:
    """The names of the message types under which a relation can stand, `Relation` among them."""
    holders = {_RELATION}
    grew = True
    while grew:
        grew = False
        for name, message_type in _descriptors().items():
            if name not in holders and any(
                field.message_type is not None and field.message_type.full_name in holders
                for field in message_type.fields
            ):
                holders.add(name)
                grew = True
    return frozenset(holders)


def children(message: Any) -> Iterator[Relation]:
    """The relations directly under a relation (or command, or plan), in field order."""
    for name, repeated, is_relation in _fields_to_relations(message.DESCRIPTOR.full_name):
        if repeated:
            held = list(getattr(message, name))
        elif message.HasField(name):
            held = [getattr(message, name)]
        else:
            continue
        for item in held:
            if is_relation:
                yield item
            else:
                yield from children(item)


def walk(relation: Relation) -> Iterator[Relation]:
    """The relation and every relation below it, parents first."""
    yield relation
    for child in children(relation):
        yield from walk(child)


def replace(relation: Relation, change: Callable[[Relation], Relation | None]) -> Relation:
    """A copy of the tree in which `change` has replaced relations, children before parents.

    `change` is given each relation (its children already replaced) and returns its replacement, or None to keep it.
    A replacement takes the plan id of what it replaces, because columns name their relation by that id. The given
    tree is never changed, so `change` must return new messages and not alter the one it gets.
    """
    copy = proto.Relation()
    copy.CopyFrom(relation)
    return _replace(copy, change)


def replace_within(message: Any, change: Callable[[Relation], Relation | None]) -> Any:
    """A copy of a command, a plan or a relation in which the relations below it are replaced as `replace` does it."""
    copy = type(message)()
    copy.CopyFrom(message)
    _replace_below(copy, change)
    return copy


def _replace(own: Relation, change: Callable[[Relation], Relation | None]) -> Relation:
    _replace_below(own, change)
    new = change(own)
    if new is None:
        return own
    if own.common.HasField("plan_id") and not (new.HasField("common") and new.common.HasField("plan_id")):
        named = proto.Relation()
        named.CopyFrom(new)
        named.common.plan_id = own.common.plan_id
        return named
    return new


def _replace_below(message: Any, change: Callable[[Relation], Relation | None]) -> None:
    for name, repeated, is_relation in _fields_to_relations(message.DESCRIPTOR.full_name):
        if repeated:
            held = list(getattr(message, name))
        elif message.HasField(name):
            held = [getattr(message, name)]
        else:
            continue
        for item in held:
            if not is_relation:
                _replace_below(item, change)
                continue
            new = _replace(item, change)
            if new is not item:
                item.CopyFrom(new)


# --- asking -----------------------------------------------------------------------------------------------------------


def kind(relation: Relation) -> str:
    """Which relation it is: `read`, `project`, `sql`, … or an empty text."""
    return relation.WhichOneof("rel_type") or ""


def streaming_leaves(relation: Relation) -> list[Relation]:
    """The streaming reads of a plan, in plan order."""
    return [leaf for leaf in walk(relation) if kind(leaf) == "read" and leaf.read.is_streaming]


def is_streaming(relation: Relation) -> bool:
    """Whether the plan reads a stream anywhere."""
    return any(kind(leaf) == "read" and leaf.read.is_streaming for leaf in walk(relation))


def tables_read(relation: Relation) -> list[str]:
    """The names of tables and views that a plan reads, as written, each once; not those in SQL text."""
    names = [
        leaf.read.named_table.unparsed_identifier
        for leaf in walk(relation)
        if kind(leaf) == "read" and leaf.read.HasField("named_table")
    ]
    return list(dict.fromkeys(names))


# --- building ---------------------------------------------------------------------------------------------------------


def named_table(name: str, options: Mapping[str, str] | None = None, *, streaming: bool = False) -> Relation:
    """A read of a table or view by name, as `spark.table(name)` sends it."""
    relation = proto.Relation()
    relation.read.named_table.unparsed_identifier = name
    for key, value in (options or {}).items():
        relation.read.named_table.options[key] = value
    relation.read.is_streaming = streaming
    return relation


def read_data_source(
    format: str,
    options: Mapping[str, str] | None = None,
    schema: str | None = None,
    paths: Iterable[str] = (),
    *,
    streaming: bool = False,
) -> Relation:
    """A read as `spark.read.format(…).options(…).schema(…).load(paths)` sends it; `schema` is DDL or JSON."""
    relation = proto.Relation()
    source = relation.read.data_source
    source.format = format
    if schema is not None:
        source.schema = schema
    for key, value in (options or {}).items():
        source.options[key] = value
    source.paths.extend(paths)
    relation.read.is_streaming = streaming
    return relation


def read_parquet(paths: Sequence[str], schema: str) -> Relation:
    """The rows of these Parquet files; `schema` is DDL or JSON. No files, no rows."""
    return read_data_source("parquet", schema=schema, paths=paths) if paths else empty(schema)


def empty(schema: str) -> Relation:
    """No rows of this schema (DDL or JSON)."""
    relation = proto.Relation()
    relation.local_relation.schema = schema
    return relation


def local(data: bytes, schema: str | None = None) -> Relation:
    """Rows from an Arrow IPC stream."""
    relation = proto.Relation()
    relation.local_relation.data = data
    if schema is not None:
        relation.local_relation.schema = schema
    return relation


def sql(text: str) -> Relation:
    """A query as SQL text."""
    relation = proto.Relation()
    relation.sql.query = text
    return relation


def with_relations(root: Relation, references: Mapping[str, Relation]) -> Relation:
    """`root`, an SQL relation, in which each name of `references` stands for a relation."""
    relation = proto.Relation()
    relation.with_relations.root.CopyFrom(root)
    for name, reference in references.items():
        named = alias(reference, name)
        named.common.plan_id = next(_plan_ids)
        relation.with_relations.references.append(named)
    return relation


def alias(relation: Relation, name: str) -> Relation:
    """The relation under a name, as `df.alias(name)` sends it."""
    aliased = proto.Relation()
    aliased.subquery_alias.input.CopyFrom(relation)
    aliased.subquery_alias.alias = name
    return aliased


def project(relation: Relation, expressions: Iterable[Any]) -> Relation:
    """`df.select(expressions)`, of `proto.Expression`s."""
    projected = proto.Relation()
    projected.project.input.CopyFrom(relation)
    projected.project.expressions.extend(expressions)
    return projected


def drop(relation: Relation, names: Iterable[str]) -> Relation:
    """`df.drop(*names)`."""
    dropped = proto.Relation()
    dropped.drop.input.CopyFrom(relation)
    dropped.drop.column_names.extend(names)
    return dropped


def where(relation: Relation, condition: Any) -> Relation:
    """`df.where(condition)`, of a `proto.Expression`."""
    filtered = proto.Relation()
    filtered.filter.input.CopyFrom(relation)
    filtered.filter.condition.CopyFrom(condition)
    return filtered


def limit(relation: Relation, rows: int) -> Relation:
    """`df.limit(rows)`."""
    limited = proto.Relation()
    limited.limit.input.CopyFrom(relation)
    limited.limit.limit = rows
    return limited


def union(relations: Sequence[Relation], *, distinct: bool = False) -> Relation:
    """All rows of relations with the same columns in the same order, as a balanced tree."""
    if len(relations) == 1:
        return relations[0]
    middle = len(relations) // 2
    united = proto.Relation()
    united.set_op.left_input.CopyFrom(union(relations[:middle], distinct=distinct))
    united.set_op.right_input.CopyFrom(union(relations[middle:], distinct=distinct))
    united.set_op.set_op_type = proto.SetOperation.SET_OP_TYPE_UNION
    united.set_op.is_all = not distinct
    united.set_op.by_name = False
    return united


def expression(text: str) -> Any:
    """An expression from SQL text, as `F.expr(text)` sends it."""
    expr = proto.Expression()
    expr.expression_string.expression = text
    return expr


def column(name: str) -> Any:
    """A column by its exact name (dots and spaces are part of it)."""
    expr = proto.Expression()
    expr.unresolved_attribute.unparsed_identifier = quote(name)
    return expr


def named(expr: Any, name: str) -> Any:
    """`expr.alias(name)`."""
    aliased = proto.Expression()
    aliased.alias.expr.CopyFrom(expr)
    aliased.alias.name.append(name)
    return aliased


def cast(expr: Any, type_ddl: str) -> Any:
    """`expr.cast(type)`, the type as DDL."""
    result = proto.Expression()
    result.cast.expr.CopyFrom(expr)
    result.cast.type_str = type_ddl
    return result


def text_literal(value: str | None) -> Any:
    """A string, or a NULL of type string."""
    literal = proto.Expression()
    if value is None:
        literal.literal.null.string.SetInParent()
    else:
        literal.literal.string = value
    return literal


def null() -> Any:
    """A NULL without type."""
    expr = proto.Expression()
    expr.literal.null.null.SetInParent()
    return expr


def star() -> Any:
    """All columns."""
    expr = proto.Expression()
    expr.unresolved_star.SetInParent()
    return expr


def quote(name: str) -> str:
    """A name in backticks.

    >>> quote("a`b")
    '`a``b`'
    """
    return f"`{name.replace('`', '``')}`"


def split_name(identifier: str) -> list[str]:
    """The parts of a dotted name, backticks removed.

    >>> split_name("netflix.`my schema`.`a.b`")
    ['netflix', 'my schema', 'a.b']
    """
    parts: list[str] = []
    part = ""
    quoted = False
    position = 0
    while position < len(identifier):
        char = identifier[position]
        if char == "`":
            if quoted and identifier[position + 1 : position + 2] == "`":
                part += "`"
                position += 1
            else:
                quoted = not quoted
        elif char == "." and not quoted:
            parts.append(part)
            part = ""
        else:
            part += char
        position += 1
    return [*parts, part]


def schema_names(schema_json: str) -> list[str]:
    """The column names of a schema in Spark's JSON."""
    return [field["name"] for field in json.loads(schema_json)["fields"]]
