"""Calls of the DeltaTable API as the SQL statements that do the same. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from reelhouse.errors import Unsupported, UserError
from reelhouse.plans import plan
from reelhouse.spark.expressions import to_sql
from reelhouse.spark.statements.statement import (
    ColumnDefinition,
    CreateTable,
    Delete,
    Describe,
    Merge,
    MergeClause,
    Optimize,
    Restore,
    Statement,
    Update,
    Vacuum,
)

SOURCE = "__delta_merge_source"
_TARGET = "__delta_target"
_KEEPS_NAMES = ("filter", "limit", "offset", "sort", "sample", "tail", "repartition", "hint", "deduplicate")
"""Relations that leave the columns of what they read, and so their qualifiers, as they are."""


@dataclass(frozen=True)
class Call:
    """A statement, and the relation that the name `SOURCE` in it stands for."""

    statement: Statement
    source: plan.Relation | None = None


@dataclass(frozen=True)
class Side:
    """The target or the source of a call: what its columns are qualified with, and the plans that are part of it."""

    name: str
    plan_ids: frozenset[int]


def table_name(table: Any) -> tuple[str, ...]:
    """The name of a `DeltaTable` message, in parts."""
    if table.WhichOneof("access_type") == "path":
        if table.path.hadoop_conf:
            raise Unsupported("hadoopConf of DeltaTable.forPath is not supported here")
        return ("delta", table.path.path)
    return tuple(plan.split_name(table.table_or_view_name))


def of_relation(message: Any, unpack: Callable[[Any], Any]) -> Call | None:
    """The call of a `DeltaRelation`; None for a scan, which only reads. `unpack` opens the extensions below it."""
    kind = message.WhichOneof("relation_type")
    held = getattr(message, kind)
    match kind:
        case "scan":
            return None
        case "describe_history":
            return Call(Describe("HISTORY", table_name(held.table)))
        case "describe_detail":
            return Call(Describe("DETAIL", table_name(held.table)))
        case "restore_table":
            by_version = held.WhichOneof("version_or_timestamp") == "version"
            version, timestamp = (held.version, None) if by_version else (None, held.timestamp)
            return Call(Restore(table_name(held.table), version, timestamp))
        case "optimize_table":
            if held.partition_filters:
                raise Unsupported("optimize().where(…) is not supported here", remedy="Leave it out.")
            return Call(Optimize(table_name(held.table), tuple(held.zorder_columns)))
        case "delete_from_table":
            name, alias, text = _target(held.target, unpack)
            where = text(held.condition) if held.HasField("condition") else None
            return Call(Delete(name, alias, where))
        case "update_table":
            name, alias, text = _target(held.target, unpack)
            where = text(held.condition) if held.HasField("condition") else None
            own = _qualifiers(name, alias)
            pairs = tuple((_field(pair.field, own), text(pair.value)) for pair in held.assignments)
            return Call(Update(name, alias, pairs, where))
        case "merge_into_table":
            return _merge(held, unpack)
    raise Unsupported(f"'{kind}' of the DeltaTable API is not supported here")


def of_command(message: Any) -> Call:
    """The call of a `DeltaCommand`."""
    kind = message.WhichOneof("command_type")
    held = getattr(message, kind)
    if kind == "vacuum_table":
        hours = held.retention_hours if held.HasField("retention_hours") else None
        return Call(Vacuum(table_name(held.table), hours))
    if kind == "create_delta_table":
        return Call(_create(held))
    words = {
        "clone_table": "clone",
        "upgrade_table_protocol": "upgradeTableProtocol",
        "generate": "generate",
        "add_feature_support": "addFeatureSupport",
        "drop_feature_support": "dropFeatureSupport",
    }
    raise Unsupported(f"DeltaTable.{words.get(kind, kind)} is not supported here")


def scan_of(relation: plan.Relation, unpack: Callable[[Any], Any]) -> tuple[tuple[str, ...], str | None]:
    """The table's name and alias of a target's plan."""
    alias = None
    while plan.kind(relation) == "subquery_alias":
        alias = alias or relation.subquery_alias.alias
        relation = relation.subquery_alias.input
    if plan.kind(relation) == "extension":
        message = unpack(relation.extension)
        if message.WhichOneof("relation_type") == "scan":
            return table_name(message.scan.table), alias
    raise UserError("The target of the call is no DeltaTable")


def _target(
    relation: plan.Relation, unpack: Callable[[Any], Any]
) -> tuple[tuple[str, ...], str | None, Callable[[Any], str]]:
    name, alias = scan_of(relation, unpack)
    own = alias or (_TARGET if name[0].lower() == "delta" else None)
    return name, own, to_sql


def _merge(held: Any, unpack: Callable[[Any], Any]) -> Call:
    name, alias = scan_of(held.target, unpack)
    alias = alias or (_TARGET if name[0].lower() == "delta" else None)
    source_alias = _alias_within(held.source) or SOURCE
    sides = (
        Side(alias or name[-1], _plan_ids(held.target)),
        Side(source_alias, _plan_ids(held.source)),
    )

    def text(expression: Any) -> str:
        return to_sql(expression, lambda plan_id: _side(sides, plan_id))

    own = _qualifiers(name, alias)
    clauses = (
        *_clauses("MATCHED", held.matched_actions, text, own),
        *_clauses("NOT MATCHED", held.not_matched_actions, text, own),
        *_clauses("NOT MATCHED BY SOURCE", held.not_matched_by_source_actions, text, own),
    )
    source = f"{SOURCE} AS {plan.quote(source_alias)}"
    statement = Merge(name, alias, source, text(held.condition), clauses, held.with_schema_evolution)
    return Call(statement, held.source)


def _clauses(
    kind: str, actions: Iterable[Any], text: Callable[[Any], str], own: frozenset[str]
) -> Iterable[MergeClause]:
    for action in actions:
        condition = text(action.condition) if action.HasField("condition") else None
        which = action.WhichOneof("action_type")
        verb = which.removesuffix("_action").removesuffix("_star").upper()
        if which == "delete_action" or which.endswith("_star_action"):
            yield MergeClause(kind, condition, verb, () if verb == "DELETE" else None)
            continue
        pairs = tuple((_field(pair.field, own), text(pair.value)) for pair in getattr(action, which).assignments)
        yield MergeClause(kind, condition, verb, pairs)


def of_merge_into(held: Any) -> Call:
    """The call of `DataFrame.mergeInto(…).merge()`, which is Spark's own message and means the same."""
    name = tuple(plan.split_name(held.target_table_name))
    source_alias = _alias_within(held.source_table_plan) or SOURCE
    ids = _plan_ids(held.source_table_plan)

    def text(expression: Any) -> str:
        return to_sql(expression, lambda plan_id: source_alias if plan_id in ids else None)

    own = _qualifiers(name, None)
    clauses = (
        *_spark_clauses("MATCHED", held.match_actions, text, own),
        *_spark_clauses("NOT MATCHED", held.not_matched_actions, text, own),
        *_spark_clauses("NOT MATCHED BY SOURCE", held.not_matched_by_source_actions, text, own),
    )
    source = f"{SOURCE} AS {plan.quote(source_alias)}"
    return Call(
        Merge(name, None, source, text(held.merge_condition), clauses, held.with_schema_evolution),
        held.source_table_plan,
    )


def _spark_clauses(
    kind: str, actions: Iterable[Any], text: Callable[[Any], str], own: frozenset[str]
) -> Iterable[MergeClause]:
    for expression in actions:
        action = expression.merge_action
        verb, _, star = action.ActionType.Name(action.action_type).removeprefix("ACTION_TYPE_").partition("_")
        pairs = tuple((_field(pair.key, own), text(pair.value)) for pair in action.assignments)
        condition = text(action.condition) if action.HasField("condition") else None
        yield MergeClause(kind, condition, verb, None if star else pairs)


def _side(sides: tuple[Side, Side], plan_id: int) -> str | None:
    return next((side.name for side in sides if plan_id in side.plan_ids), None)


def _plan_ids(relation: plan.Relation) -> frozenset[int]:
    return frozenset(node.common.plan_id for node in plan.walk(relation))


def _alias_within(relation: plan.Relation) -> str | None:
    """The name that a condition can qualify the columns of a plan with."""
    kind = plan.kind(relation)
    while kind in _KEEPS_NAMES:
        relation = getattr(relation, kind).input
        kind = plan.kind(relation)
    if kind == "subquery_alias":
        return str(relation.subquery_alias.alias)
    if kind == "read" and relation.read.HasField("named_table"):
        return plan.split_name(relation.read.named_table.unparsed_identifier)[-1]
    return None


def _field(expression: Any, qualifiers: frozenset[str]) -> str:
    """The column that an assignment sets, without the target's name."""
    text = to_sql(expression).strip()
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1]
    parts = plan.split_name(text)
    if len(parts) > 1 and ".".join(parts[:-1]).lower() in qualifiers:
        parts = parts[-1:]
    if len(parts) > 1:
        raise Unsupported(f"An assignment to '{text}' is not supported here", remedy="Set the whole column.")
    return parts[0]


def _qualifiers(name: tuple[str, ...], alias: str | None) -> frozenset[str]:
    return frozenset({alias.lower()} if alias else {".".join(name).lower(), name[-1].lower()})


def _create(held: Any) -> CreateTable:
    from delta.connect import proto

    mode = proto.CreateDeltaTable.Mode
    if held.clustering_columns:
        raise Unsupported("clusterBy of a table is not supported here", remedy="Use partitionedBy, or optimize().")
    if not held.HasField("table_name") and not held.HasField("location"):
        raise UserError("DeltaTable.create needs tableName or location")
    name = tuple(plan.split_name(held.table_name)) if held.HasField("table_name") else ("delta", held.location)
    return CreateTable(
        name,
        columns=tuple(_column(column) for column in held.columns),
        location=held.location if held.HasField("location") and held.HasField("table_name") else None,
        partition_by=tuple(held.partitioning_columns),
        comment=held.comment if held.HasField("comment") else None,
        properties=dict(held.properties),
        if_not_exists=held.mode == mode.MODE_CREATE_IF_NOT_EXISTS,
        or_replace=held.mode in (mode.MODE_REPLACE, mode.MODE_CREATE_OR_REPLACE),
    )


def _column(column: Any) -> ColumnDefinition:
    from pyspark.sql.connect.types import proto_schema_to_pyspark_data_type

    if column.HasField("generated_always_as"):
        raise Unsupported(f"The generated column '{column.name}' is not supported here")
    if column.HasField("identity_info"):
        raise Unsupported(f"The identity column '{column.name}' is not supported here")
    if column.data_type.WhichOneof("kind") == "unparsed":
        kind: Any = _parsed(column.data_type.unparsed.data_type_string)
    else:
        kind = proto_schema_to_pyspark_data_type(column.data_type).jsonValue()
    return ColumnDefinition(
        column.name, kind, not column.nullable, column.comment if column.HasField("comment") else None
    )


def _parsed(text: str) -> Any:
    from reelhouse.spark.statements.tokens import Cursor
    from reelhouse.spark.statements.types import parse_type

    return parse_type(Cursor(text))
