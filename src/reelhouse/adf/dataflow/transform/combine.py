"""Transformations of several streams: join, lookup, exists, union.

https://learn.microsoft.com/azure/data-factory/data-flow-join,
https://learn.microsoft.com/azure/data-factory/data-flow-lookup,
https://learn.microsoft.com/azure/data-factory/data-flow-exists and
https://learn.microsoft.com/azure/data-factory/data-flow-union
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reelhouse.adf.dataflow.compile import Scope
from reelhouse.adf.dataflow.stream import Stream, fresh, made
from reelhouse.adf.dataflow.syntax import Call, Literal, Node, Transformation
from reelhouse.adf.dataflow.tokens import ScriptError
from reelhouse.adf.dataflow.transform.columns import orders
from reelhouse.adf.dataflow.transform.rows import conditions
from reelhouse.adf.dataflow.transform.spec import ANY, FLAG, Kind, flag, word

JOINS = {"inner": "inner", "left": "left", "right": "right", "outer": "full", "cross": "cross"}
BROADCAST = ("auto", "left", "right", "both", "off", "none")
_MATCH = {"matchType": ("exact",), "ignoreSpaces": (False,), "partitionBy": ANY}


def _sides(streams: tuple[Stream, ...]) -> tuple[Stream, Stream]:
    left, right = streams
    return left, right.renamed()


def _condition(item: Transformation, scope: Scope, left: Stream, right: Stream) -> Any:
    from pyspark.sql import functions as F

    tests: list[Node] = [node for node in conditions(item) if getattr(node, "name", "") not in ("asc", "desc")]
    if not tests:
        return F.lit(True)
    if len(tests) > 1:
        raise ScriptError(f"{item.kind} '{item.name}' has more than one condition", item.line, remedy="Write &&.")
    return replace(scope, streams=(left, right)).column(tests[0])


def _both(item: Transformation, left: Stream, right: Stream, frame: Any) -> Stream:
    """A stream with the columns of both sides."""
    hidden = {**right.hidden, **left.hidden}
    joined = Stream(item.name, frame, (*left.fields, *right.fields), hidden, left.sources | right.sources)
    return joined.named(item.name)


def _join(item: Transformation, streams: tuple[Stream, ...], scope: Scope) -> Stream:
    left, right = _sides(streams)
    how = word(item, "joinType", "inner")
    test = _condition(item, scope, left, right)
    if how == "cross":
        frame = left.frame.crossJoin(right.frame).filter(test)
    else:
        frame = left.frame.join(right.frame, test, JOINS[how])
    return _both(item, left, right, frame)


def _lookup(item: Transformation, streams: tuple[Stream, ...], scope: Scope) -> Stream:
    """A left join; unless `multiple`, each row of the left stream stays one."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    left, right = _sides(streams)
    mark = fresh()
    right = replace(right, frame=right.frame.withColumn(mark, F.lit(True)), hidden={**right.hidden, "match": mark})
    test = _condition(item, scope, left, right)
    if flag(item, "multiple", default=True):
        frame = left.frame.join(right.frame, test, "left")
        return _marked(item, left, right, frame, mark)
    row, place = fresh(), fresh()
    frame = left.frame.withColumn(row, F.monotonically_increasing_id()).join(right.frame, test, "left")
    by = orders(item, replace(scope, streams=(right,)))
    if word(item, "pickup", "any") == "last":
        by = _reversed_orders(item, replace(scope, streams=(right,)))
    window = Window.partitionBy(row).orderBy(*(by or [F.lit(1)]))
    frame = frame.withColumn(place, F.row_number().over(window)).filter(F.col(place) == 1).drop(place, row)
    return _marked(item, left, right, frame, mark)


def _reversed_orders(item: Transformation, scope: Scope) -> list[Any]:
    turned: list[Node] = []
    for node in item.arguments:
        if isinstance(node, Call) and node.name in ("asc", "desc"):
            first = bool(scope.constant(node.arguments[1])) if len(node.arguments) > 1 else node.name == "asc"
            other = "desc" if node.name == "asc" else "asc"
            turned.append(Call(other, (node.arguments[0], Literal(not first, "boolean")), line=node.line))
        else:
            turned.append(node)
    return orders(replace(item, arguments=tuple(turned)), scope)


def _marked(item: Transformation, left: Stream, right: Stream, frame: Any, mark: str) -> Stream:
    joined = _both(item, left, right, frame)
    return replace(joined, hidden={**joined.hidden, "match": mark})


def _exists(item: Transformation, streams: tuple[Stream, ...], scope: Scope) -> Stream:
    left, right = _sides(streams)
    how = "left_anti" if flag(item, "negate") else "left_semi"
    frame = left.frame.join(right.frame, _condition(item, scope, left, right), how)
    return replace(left, frame=frame, sources=left.sources | right.sources).named(item.name)


def _union(item: Transformation, streams: tuple[Stream, ...], scope: Scope) -> Stream:
    from pyspark.sql import functions as F

    by_name = flag(item, "byName", default=True)
    names: list[str] = []
    for stream in streams if by_name else streams[:1]:
        known = [name.lower() for name in names]
        names += [field.name for field in stream.fields if field.name.lower() not in known]
    kept = [_aligned(item, stream, names, _hidden_keys(streams), by_name=by_name) for stream in streams]
    frame = kept[0]
    for other in kept[1:]:
        frame = frame.union(other)
    columns = [
        (name, F.col(f"u{index}"), frozenset().union(*(_origins(stream, name) for stream in streams)))
        for index, name in enumerate(names)
    ]
    hidden = {key: key for key in _hidden_keys(streams)}
    base = replace(streams[0], sources=frozenset().union(*(stream.sources for stream in streams)))
    return made(item.name, base, columns, hidden=hidden, frame=frame)


def _origins(stream: Stream, name: str) -> frozenset[str]:
    found = stream.find(name)
    return found.origins if found else frozenset()


def _hidden_keys(streams: tuple[Stream, ...]) -> list[str]:
    return sorted({key for stream in streams for key in stream.hidden})


def _aligned(item: Transformation, stream: Stream, names: list[str], keys: list[str], *, by_name: bool) -> Any:
    """The frame with the columns of the union in their order; what a stream lacks is null."""
    from pyspark.sql import functions as F

    if not by_name and len(stream.fields) != len(names):
        raise ScriptError(
            f"Streams of a union by position have as many columns, '{stream.name}' has {len(stream.fields)}, "
            f"not {len(names)}",
            item.line,
        )
    columns = []
    for index, name in enumerate(names):
        field = stream.find(name) if by_name else stream.fields[index]
        value = F.lit(None) if field is None else F.col(field.column)
        columns.append(value.alias(f"u{index}"))
    absent = {"policy": F.lit(0), "match": F.lit(False), "errors": F.array().cast("array<string>")}
    marks = [(F.col(stream.hidden[key]) if key in stream.hidden else absent[key]).alias(key) for key in keys]
    return stream.frame.select(*columns, *marks)


KINDS = (
    Kind("join", "Join", (2, 2), _join, {"joinType": tuple(JOINS), "broadcast": BROADCAST, **_MATCH}, expressions=True),
    Kind(
        "lookup",
        "Lookup",
        (2, 2),
        _lookup,
        {"multiple": FLAG, "pickup": ("any", "first", "last"), "broadcast": BROADCAST, **_MATCH},
        clauses=("asc", "desc"),
        expressions=True,
    ),
    Kind("exists", "Exists", (2, 2), _exists, {"negate": FLAG, "broadcast": BROADCAST}, expressions=True),
    Kind("union", "Union", (1, None), _union, {"byName": FLAG}),
)
