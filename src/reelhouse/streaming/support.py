"""What a streaming plan may hold: what each row decides for itself.

Operations that need rows of other batches (aggregation, deduplication, watermarks, joins of two streams) keep state,
and are refused by name, as Spark refuses those that no stream can do.
https://spark.apache.org/docs/latest/streaming/apis-on-dataframes-and-datasets.html#unsupported-operations
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reelhouse.errors import Unsupported
from reelhouse.plans import plan
from reelhouse.streaming.errors import StreamingError

_REMEDY = "Use foreachBatch, whose DataFrame is a batch, or a materialized view in a pipeline."

_REFUSED = {
    "aggregate": "Aggregation (groupBy, agg, count)",
    "deduplicate": "dropDuplicates",
    "with_watermark": "withWatermark",
    "sort": "Sorting (orderBy, sort)",
    "limit": "limit",
    "offset": "offset",
    "tail": "tail",
    "group_map": "applyInPandas on groups",
    "co_group_map": "cogroup",
    "apply_in_pandas_with_state": "applyInPandasWithState",
    "as_of_join": "An as-of join",
    "nearest_by_join": "A nearest-by join",
    "lateral_join": "A lateral join",
    "summary": "summary",
    "crosstab": "crosstab",
    "describe": "describe",
    "cov": "cov",
    "corr": "corr",
    "approx_quantile": "approxQuantile",
    "freq_items": "freqItems",
    "sample_by": "sampleBy",
    "transpose": "transpose",
    "collect_metrics": "observe",
}

_AGGREGATE_NAMES = """
any any_value approx_count_distinct approx_percentile array_agg avg bit_and bit_or bit_xor bool_and bool_or collect_list
collect_set corr count count_distinct count_if covar_pop covar_samp every first first_value grouping grouping_id
kurtosis last last_value listagg max max_by mean median min min_by mode percentile percentile_approx skewness some std
stddev stddev_pop stddev_samp string_agg sum sum_distinct try_avg try_sum var_pop var_samp variance
"""
_AGGREGATES = frozenset(_AGGREGATE_NAMES.split())

_STREAM_LEFT = {"inner", "left_outer", "left_semi", "left_anti", "cross"}


def check_query(relation: plan.Relation) -> None:
    """Raise `Unsupported` for an operation over a stream that this runtime does not do."""
    if any(plan.kind(node) == "relation_changes" for node in plan.walk(relation)):
        raise Unsupported("A stream of a table's change feed (changes) is not supported", remedy="Read the table.")
    _check_all(relation)


def check_output(mode: str, sink: str) -> None:
    """Raise for an output mode that the sink or a query without aggregation does not have."""
    lower = (mode or "append").lower()
    if lower == "append" or (lower == "update" and sink in ("foreachBatch", "console", "noop")):
        return
    if lower == "complete":
        raise Unsupported(
            "Complete output mode not supported when there are no streaming aggregations on streaming DataFrames",
            remedy="Supported: outputMode('append').",
        )
    if lower == "update":
        raise StreamingError(
            "STREAMING_OUTPUT_MODE.UNSUPPORTED_DATASOURCE",
            f"Data source {sink} does not support update output mode.",
            remedy="Use outputMode('append').",
        )
    raise Unsupported(f"'{mode}' is not an output mode", remedy="Supported: append.")


def _check_all(relation: plan.Relation) -> None:
    if plan.is_streaming(relation):
        _check(relation)
        for child in plan.children(relation):
            _check_all(child)


def _check(relation: plan.Relation) -> None:
    kind = plan.kind(relation)
    name = _REFUSED.get(kind)
    if name:
        raise Unsupported(f"{name} over a stream is not supported", remedy=_REMEDY)
    if kind == "join":
        _check_join(relation.join)
    elif kind == "set_op":
        _check_set_operation(relation.set_op)
    elif kind in ("sql", "with_relations"):
        for text in _sql_texts(relation):
            _check_sql(text)
    elif kind in ("project", "filter", "with_columns"):
        for expression in _expressions(relation):
            _check_expression(expression)


def _check_join(join: Any) -> None:
    left, right = plan.is_streaming(join.left), plan.is_streaming(join.right)
    kind = type(join).JoinType.Name(join.join_type).removeprefix("JOIN_TYPE_").lower()
    if left and right:
        raise Unsupported("A join of two streams is not supported", remedy="Join a stream with a table.")
    good = {"inner", "right_outer", "cross"} if right else _STREAM_LEFT
    if kind not in good:
        side = "right" if right else "left"
        raise Unsupported(
            f"A {kind.replace('_', ' ')} join with the stream on the {side} side is not supported",
            remedy=f"Supported there: {', '.join(sorted(good))}.",
        )


def _check_set_operation(operation: Any) -> None:
    kind = type(operation).SetOpType.Name(operation.set_op_type).removeprefix("SET_OP_TYPE_").lower()
    if kind != "union":
        raise Unsupported(f"{kind} over a stream is not supported", remedy=_REMEDY)
    if not operation.is_all:
        raise Unsupported("A union without duplicates over a stream is not supported", remedy="Use UNION ALL.")


def _sql_texts(relation: plan.Relation) -> Iterator[str]:
    if plan.kind(relation) == "sql":
        yield relation.sql.query
    elif plan.kind(relation.with_relations.root) == "sql":
        yield relation.with_relations.root.sql.query


def _check_sql(text: str) -> None:
    import sqlglot
    from sqlglot import exp

    try:
        tree = sqlglot.parse_one(text, dialect="databricks")
    except sqlglot.errors.ParseError as cause:
        raise StreamingError("PARSE_SYNTAX_ERROR", f"The streaming query's SQL cannot be read: {cause}") from cause
    refused = {
        exp.Window: "A window function",
        exp.Group: "GROUP BY",
        exp.Distinct: "DISTINCT",
        exp.Order: "ORDER BY",
        exp.Limit: "LIMIT",
        exp.AggFunc: "Aggregation",
        exp.Having: "HAVING",
        exp.Qualify: "QUALIFY",
    }
    for kind, name in refused.items():
        if next(iter(tree.find_all(kind)), None) is not None:
            raise Unsupported(f"{name} over a stream is not supported", remedy=_REMEDY)


def _expressions(relation: plan.Relation) -> Iterator[Any]:
    match plan.kind(relation):
        case "project":
            yield from relation.project.expressions
        case "filter":
            yield relation.filter.condition
        case "with_columns":
            yield from (alias.expr for alias in relation.with_columns.aliases)


def _check_expression(message: Any) -> None:
    """Look into an expression, whatever its kinds: for windows and aggregates."""
    if message.DESCRIPTOR.name == "Window":
        raise Unsupported("A window function over a stream is not supported", remedy=_REMEDY)
    if message.DESCRIPTOR.name == "UnresolvedFunction" and message.function_name.lower() in _AGGREGATES:
        raise Unsupported(f"The aggregate {message.function_name} over a stream is not supported", remedy=_REMEDY)
    if message.DESCRIPTOR.name == "ExpressionString":
        _check_sql(f"SELECT {message.expression}")
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for item in value if field.is_repeated else [value]:
            if item.DESCRIPTOR.name != "Relation":
                _check_expression(item)
