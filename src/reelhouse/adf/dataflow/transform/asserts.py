"""Assert: rows that break a rule are marked, or end the data flow.

https://learn.microsoft.com/azure/data-factory/data-flow-assert
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from reelhouse.adf.dataflow.compile import Scope
from reelhouse.adf.dataflow.stream import Stream, fresh
from reelhouse.adf.dataflow.syntax import Call, Node, Transformation
from reelhouse.adf.dataflow.tokens import ScriptError
from reelhouse.adf.dataflow.transform.spec import FLAG, Kind, flag
from reelhouse.adf.errors import ActivityFailed

CLAUSES = ("expectTrue", "expectUnique", "expectExists")


def _assert(item: Transformation, streams: tuple[Stream, ...], scope: Scope) -> Stream:
    """The stream with the ids of the rules that each row breaks; with `abort` a broken rule ends the run."""
    from pyspark.sql import functions as F

    stream = streams[0]
    broken = F.array().cast("array<string>")
    if "errors" in stream.hidden:
        broken = F.col(stream.hidden["errors"])
    for call in item.clauses(*CLAUSES):
        if not 3 <= len(call.arguments) <= 5:
            raise ScriptError(f"'{call.name}' takes a rule, whether nulls pass, an id, a filter and a text", call.line)
        stream, holds = _RULES[call.name](call, stream, streams, scope)
        inner = replace(scope, streams=(stream,))
        passes = F.coalesce(holds, F.lit(bool(scope.constant(call.arguments[1]))))
        if len(call.arguments) > 3 and not _is_null(call.arguments[3]):
            passes = passes | ~F.coalesce(inner.column(call.arguments[3]), F.lit(False))
        name = str(scope.constant(call.arguments[2]))
        broken = F.when(passes, broken).otherwise(F.array_append(broken, F.lit(name)))
        column = fresh()
        stream = replace(
            stream, frame=stream.frame.withColumn(column, broken), hidden={**stream.hidden, "errors": column}
        )
        broken = F.col(column)
    if flag(item, "abort"):
        _abort(item, stream)
    return stream.named(item.name)


def _is_null(node: Node) -> bool:
    return getattr(node, "kind", "") == "null"


def _true(call: Call, stream: Stream, streams: tuple[Stream, ...], scope: Scope) -> tuple[Stream, Any]:
    return stream, replace(scope, streams=(stream,)).column(call.arguments[0])


def _unique(call: Call, stream: Stream, streams: tuple[Stream, ...], scope: Scope) -> tuple[Stream, Any]:
    """Null where the value is null, so that the rule for nulls decides."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    value = replace(scope, streams=(stream,)).column(call.arguments[0])
    count = fresh()
    frame = stream.frame.withColumn(count, F.count(F.lit(1)).over(Window.partitionBy(value)))
    return stream.with_frame(frame), F.when(value.isNotNull(), F.col(count) == 1)


def _exists(call: Call, stream: Stream, streams: tuple[Stream, ...], scope: Scope) -> tuple[Stream, Any]:
    """Whether a row of the second stream fits."""
    from pyspark.sql import functions as F

    if len(streams) < 2:
        raise ScriptError("'expectExists' needs a second stream", call.line)
    other = streams[1].renamed()
    row, found = fresh(), fresh()
    numbered = stream.frame.withColumn(row, F.monotonically_increasing_id())
    test = replace(scope, streams=(stream, other)).column(call.arguments[0])
    fitting = numbered.join(other.frame, test, "inner").select(F.col(row).alias(found)).distinct()
    joined = numbered.join(fitting, F.col(row) == F.col(found), "left")
    return stream.with_frame(joined), F.col(found).isNotNull()


_RULES: dict[str, Callable[..., tuple[Stream, Any]]] = {
    "expectTrue": _true,
    "expectUnique": _unique,
    "expectExists": _exists,
}


def _abort(item: Transformation, stream: Stream) -> None:
    """Raises `ActivityFailed` when a row breaks a rule. Nothing has been written then."""
    from pyspark.sql import functions as F

    column = F.col(stream.hidden["errors"])
    rows = stream.frame.filter(F.size(column) > 0).select(column).limit(1).collect()
    if rows:
        raise ActivityFailed(
            "DFExecutorUserError",
            f"Job failed due to reason: at Assert '{item.name}': a row fails {', '.join(rows[0][0])}",
        )


KINDS = (Kind("assert", "Assert", (1, 2), _assert, {"abort": FLAG}, clauses=CLAUSES),)
