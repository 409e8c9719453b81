"""`_metadata`: a column that files have when it is asked for, and that no `*` shows. Pure.

The readers give it as an ordinary last column. Here a plan that asks for it gets the drops that keep it hidden.
https://docs.databricks.com/aws/en/ingestion/file-metadata-column
"""

from __future__ import annotations

import re
from typing import Any

from pyspark.sql.connect import proto

from reelhouse.plans import plan

NAME = "_metadata"
_PASSING = frozenset(
    {
        "filter",
        "with_columns",
        "with_columns_renamed",
        "drop",
        "subquery_alias",
        "hint",
        "repartition",
        "repartition_by_expression",
        "sample",
    }
)
_WHOLE = re.compile(r"(?<![\w.`])`?_metadata`?(?!\s*[.\w`])")


def asks(relation: plan.Relation) -> bool:
    """Whether the plan may read the column."""
    return NAME.encode() in relation.SerializeToString()


def hide(relation: plan.Relation) -> plan.Relation:
    """The plan with the column taken out wherever it was not asked for by name."""
    changed = plan.replace(relation, _change)
    changed = _without(changed) if _hidden(changed) else changed
    _clear_marks(changed)
    return changed


def _hidden(node: plan.Relation) -> bool:
    """Whether the node's rows carry the column without anybody having selected it."""
    kind = plan.kind(node)
    if kind == "read":
        return bool(node.read.is_streaming and node.read.HasField("data_source") and _is_files(node.read.data_source))
    if kind not in _PASSING:
        return False
    if kind == "drop" and NAME in _dropped(node):
        return False
    if kind == "with_columns" and any(list(alias.name) == [NAME] for alias in node.with_columns.aliases):
        return False
    return _hidden(next(plan.children(node)))


def _is_files(source: Any) -> bool:
    return source.format.lower() not in ("delta", "")


def _change(node: plan.Relation) -> plan.Relation | None:
    kind = plan.kind(node)
    if kind == "read" or kind in _PASSING or not any(_hidden(child) for child in plan.children(node)):
        return None
    if kind == "project":
        return _project(node)
    if kind == "with_relations" and plan.kind(node.with_relations.root) == "sql":
        return node if _WHOLE.search(node.with_relations.root.sql.query) else _without(node)
    copy = proto.Relation()
    copy.CopyFrom(node)
    for child in plan.children(copy):
        if _hidden(child):
            child.CopyFrom(_without(child))
    return copy


def _project(node: plan.Relation) -> plan.Relation | None:
    expressions = node.project.expressions
    if not any(expression.HasField("unresolved_star") for expression in expressions):
        return None
    named = [expression for expression in expressions if not _is_whole(expression)]
    if len(named) == len(expressions):
        return _without(node)
    copy = proto.Relation()  # the star brings the column, so naming it again would give it twice
    copy.CopyFrom(node)
    del copy.project.expressions[:]
    copy.project.expressions.extend(named)
    return copy


def _is_whole(expression: Any) -> bool:
    return bool(expression.unresolved_attribute.unparsed_identifier.strip("`") == NAME)


def _without(relation: plan.Relation) -> plan.Relation:
    dropped = proto.Relation()
    dropped.drop.input.CopyFrom(relation)
    dropped.drop.column_names.append(NAME)
    return dropped


def _dropped(node: plan.Relation) -> list[str]:
    by_expression = [column.unresolved_attribute.unparsed_identifier for column in node.drop.columns]
    return [*node.drop.column_names, *by_expression]


def _clear_marks(message: Any) -> None:
    """`df.metadataColumn(…)` marks its attribute; to the engine it is a column like any other."""
    if message.DESCRIPTOR.name == "UnresolvedAttribute":
        message.ClearField("is_metadata_column")
        return
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for item in value if field.is_repeated else [value]:
            _clear_marks(item)
