"""Transformations that bring rows together or take them apart: aggregate, window, pivot, unpivot, flatten.

https://learn.microsoft.com/azure/data-factory/data-flow-aggregate,
https://learn.microsoft.com/azure/data-factory/data-flow-window,
https://learn.microsoft.com/azure/data-factory/data-flow-pivot,
https://learn.microsoft.com/azure/data-factory/data-flow-unpivot and
https://learn.microsoft.com/azure/data-factory/data-flow-flatten
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reelhouse.adf.dataflow.compile import Scope, path_of
from reelhouse.adf.dataflow.stream import Stream, StreamField, fresh, made
from reelhouse.adf.dataflow.syntax import Assign, Call, Column, Field, Node, Transformation, Typed
from reelhouse.adf.dataflow.tokens import ScriptError
from reelhouse.adf.dataflow.transform.columns import (
    assigned,
    mapped,
    orders,
    pair_columns,
    target_name,
    with_locals,
    without_duplicates,
)
from reelhouse.adf.dataflow.transform.spec import FLAG, Kind, flag, number, texts, word
from reelhouse.adf.dataflow.types import name_of, spark_type

MAX_PIVOT_VALUES = 10_000


def _keys(call: Call | None, scope: Scope) -> list[tuple[str, Any, frozenset[str]]]:
    """Name, value and origins of what is grouped by."""
    found = []
    for node in call.arguments if call is not None else ():
        value = node.value if isinstance(node, Assign) else node
        field = scope.find(value) if isinstance(value, Column) else None
        if isinstance(node, Assign):
            name = target_name(node.target)
        elif isinstance(node, Column):
            name = field.name if field else node.name
        else:
            raise ScriptError("A computed group needs a name: name = expression", node.line)
        found.append((name, scope.column(value), field.origins if field else frozenset[str]()))
    return found


def _grouped(
    item: Transformation,
    stream: Stream,
    keys: list[tuple[str, Any, frozenset[str]]],
    values: list[tuple[str, Any]],
) -> Stream:
    from pyspark.sql import functions as F

    if not values and not keys:
        raise ScriptError(f"{item.kind} '{item.name}' has neither groups nor aggregates", item.line)
    names = [fresh() for _ in keys]
    grouping = [value.alias(column) for (_, value, _), column in zip(keys, names, strict=True)]
    columns = [fresh() for _ in values]
    aggregates = [value.alias(column) for (_, value), column in zip(values, columns, strict=True)]
    if not aggregates:
        frame = stream.frame.select(*grouping).distinct()
    elif grouping:
        frame = stream.frame.groupBy(*grouping).agg(*aggregates)
    else:
        frame = stream.frame.agg(*aggregates)
    result = [(name, F.col(column), origins) for (name, _, origins), column in zip(keys, names, strict=True)]
    result += [(name, F.col(column), frozenset()) for (name, _), column in zip(values, columns, strict=True)]
    return made(item.name, stream, result, hidden={}, frame=frame)


def _aggregate(item: Transformation, streams: tuple[Stream, ...], scope: Scope) -> Stream:
    stream = streams[0]
    scope = with_locals(scope, item)
    keys = _keys(item.clause("groupBy"), scope)
    return _grouped(item, stream, keys, list(assigned(item, scope, stream, item.arguments)))


def _window(item: Transformation, streams: tuple[Stream, ...], scope: Scope) -> Stream:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    stream = streams[0]
    scope = with_locals(scope, item)
    over = item.clause("over")
    keys = _keys(over, scope)
    window = Window.partitionBy(*([value for _, value, _ in keys] or [F.lit(1)]))
    by = orders(item, scope)
    if by:
        window = window.orderBy(*by)
    if item.option("startRowOffset") is not None or item.option("endRowOffset") is not None:
        window = window.rowsBetween(
            number(item, "startRowOffset", Window.unboundedPreceding),
            number(item, "endRowOffset", Window.unboundedFollowing),
        )
    columns = pair_columns(stream)
    columns += [
        key
        for key, node in zip(keys, over.arguments if over else (), strict=True)
        if isinstance(node, Assign) and stream.find(key[0]) is None
    ]
    inner = replace(scope, window=window)
    columns += [(name, value, frozenset()) for name, value in assigned(item, inner, stream, item.arguments)]
    return made(item.name, stream, columns)


def _pivot(item: Transformation, streams: tuple[Stream, ...], scope: Scope) -> Stream:
    """One column for each aggregate and each value of the key, which are those given, or else all there are."""
    stream = streams[0]
    by = item.clause("pivotBy")
    if by is None or not by.arguments:
        raise ScriptError("A pivot has a pivotBy(…)", item.line)
    key_node = by.arguments[0].value if isinstance(by.arguments[0], Assign) else by.arguments[0]
    key = scope.column(key_node)
    given = texts(by.arguments[1]) if len(by.arguments) > 1 else []
    wanted = [scope.constant(node) for node in given] if given else _distinct(item, stream, key)
    pattern = word(item, "columnNaming", "$N$V")
    rules = [node for node in item.arguments if isinstance(node, Assign)]
    values = []
    for rule in rules:
        prefix = target_name(rule.target)
        for value in wanted:
            test = key.isNull() if value is None else key == value
            name = pattern.replace("$N", prefix).replace("$V", "null" if value is None else str(value))
            values.append((name, replace(scope, guard=test).column(rule.value)))
    if flag(item, "lateral"):
        count = len(wanted)
        values = [values[rule * count + index] for index in range(count) for rule in range(len(rules))]
    return _grouped(item, stream, _keys(item.clause("groupBy"), scope), values)


def _distinct(item: Transformation, stream: Stream, key: Any) -> list[Any]:
    rows = stream.frame.select(key.alias("k")).distinct().orderBy("k").limit(MAX_PIVOT_VALUES + 1).collect()
    if len(rows) > MAX_PIVOT_VALUES:
        raise ScriptError(f"The key of pivot '{item.name}' has more than {MAX_PIVOT_VALUES} values", item.line)
    return [row[0] for row in rows]


def _unpivot(item: Transformation, streams: tuple[Stream, ...], scope: Scope) -> Stream:
    """One row for each column that is not kept: its name, and its value."""
    from pyspark.sql import functions as F

    stream = streams[0]
    output = item.clause("output")
    made_names = [node for node in output.arguments if isinstance(node, Typed)] if output else []
    if len(made_names) != 2:
        raise ScriptError("An unpivot has output(key as type, value as type) here", item.line)
    key, value = made_names
    kept_call = item.clause("ungroupBy")
    kept = _keys(kept_call, scope)
    kept_names = {name.lower() for name, _, _ in kept}
    others = [field for field in stream.fields if field.name.lower() not in kept_names]
    if not others:
        raise ScriptError("There is no column left to unpivot", item.line)
    pairs = [
        F.struct(
            F.lit(field.name).cast(spark_type(key.type)).alias("k"),
            F.col(field.column).cast(spark_type(value.type)).alias("v"),
        )
        for field in others
    ]
    pair = fresh()
    names = [fresh() for _ in kept]
    selected = [inner.alias(name) for (_, inner, _), name in zip(kept, names, strict=True)]
    frame = stream.frame.select(*selected, F.explode(F.array(*pairs)).alias(pair))
    if flag(item, "ignoreNullPivots"):
        frame = frame.filter(F.col(pair).getField("v").isNotNull())
    result = [(label, F.col(name), origins) for (label, _, origins), name in zip(kept, names, strict=True)]
    result += [
        (key.name, F.col(pair).getField("k"), frozenset()),
        (value.name, F.col(pair).getField("v"), frozenset()),
    ]
    return made(item.name, stream, result, hidden={}, frame=frame)


def _flatten(item: Transformation, streams: tuple[Stream, ...], scope: Scope) -> Stream:
    """One row for each item of the unrolled arrays. An empty array keeps its row, unless it is the root."""
    stream = streams[0]
    unroll = item.clauses("unroll")
    if not unroll:
        raise ScriptError("A flatten has an unroll(…)", item.line)
    for call in unroll:
        if not call.arguments:
            raise ScriptError("unroll(…) names no array", call.line)
        root = path_of(call.arguments[1]) if len(call.arguments) > 1 else None
        stream, scope = _unrolled(stream, scope, call.arguments[0], root)
    mapping = item.clause("mapColumn")
    if mapping is None:
        raise ScriptError("A flatten has a mapColumn(…)", item.line)
    columns = without_duplicates(
        mapped(mapping, scope, stream),
        inputs=flag(item, "skipDuplicateMapInputs"),
        outputs=flag(item, "skipDuplicateMapOutputs"),
        line=item.line,
    )
    return made(item.name, stream, columns)


def _unrolled(stream: Stream, scope: Scope, node: Node, root: tuple[str, ...] | None) -> tuple[Stream, Scope]:
    """The stream and the scope after an array, and those around it, have become rows."""
    from pyspark.sql import functions as F

    path = path_of(node)
    if path is None:
        raise ScriptError("unroll(…) takes the path of an array", node.line)
    found = False
    for length in range(1, len(path) + 1):
        part = _path_node(path[:length], node.line)
        here = path[:length]
        kind = scope.type(part)
        if name_of(kind) != "array":
            continue
        found = length == len(path)
        explode = F.explode if here == root else F.explode_outer
        column = fresh()
        frame = stream.frame.withColumn(column, explode(scope.column(part)))
        element: Any = kind
        field = StreamField(here[-1], column, element.elementType, frozenset())
        fields = stream.fields
        if length == 1:
            fields = tuple(
                replace(item, column=column, type=field.type) if item.name == here[0] else item for item in fields
            )
        stream = replace(stream, frame=frame, fields=fields)
        scope = replace(scope, streams=(stream,), exploded={**scope.exploded, here: field})
    if not found:
        raise ScriptError(f"'{'.'.join(path)}' is no array", node.line)
    return stream, scope


def _path_node(path: tuple[str, ...], line: int) -> Node:
    node: Node = Column(path[0], line=line)
    for name in path[1:]:
        node = Field(node, name, line=line)
    return node


_DUPLICATES = {"skipDuplicateMapInputs": FLAG, "skipDuplicateMapOutputs": FLAG}

KINDS = (
    Kind("aggregate", "Aggregate", (1, 1), _aggregate, clauses=("groupBy", "each"), assigns=True),
    Kind(
        "window",
        "Window",
        (1, 1),
        _window,
        {"startRowOffset": None, "endRowOffset": None},
        clauses=("over", "asc", "desc", "each"),
        assigns=True,
    ),
    Kind(
        "pivot",
        "Pivot",
        (1, 1),
        _pivot,
        {"columnNaming": None, "lateral": FLAG},
        clauses=("groupBy", "pivotBy"),
        assigns=True,
    ),
    Kind(
        "unpivot",
        "Unpivot",
        (1, 1),
        _unpivot,
        {"lateral": FLAG, "ignoreNullPivots": FLAG},
        clauses=("output", "ungroupBy"),
    ),
    Kind("foldDown", "Flatten", (1, 1), _flatten, _DUPLICATES, clauses=("unroll", "mapColumn")),
)
