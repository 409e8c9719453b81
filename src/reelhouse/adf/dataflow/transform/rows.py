"""Transformations of one stream that keep its rows: select, derive, filter, sort, keys, ranks, policies, splits.

https://learn.microsoft.com/azure/data-factory/data-flow-transformation-overview
"""

from __future__ import annotations

from dataclasses import replace

from reelhouse.adf.dataflow.compile import Scope
from reelhouse.adf.dataflow.functions.meta import POLICIES
from reelhouse.adf.dataflow.stream import Stream, fresh, made, require
from reelhouse.adf.dataflow.syntax import Call, Node, Option, Transformation, Typed
from reelhouse.adf.dataflow.tokens import ScriptError
from reelhouse.adf.dataflow.transform.columns import (
    assigned,
    mapped,
    orders,
    pair_columns,
    with_locals,
    without_duplicates,
)
from reelhouse.adf.dataflow.transform.spec import FLAG, WITHOUT_EFFECT, Kind, flag, number
from reelhouse.adf.dataflow.types import convert

Streams = tuple[Stream, ...]


def conditions(item: Transformation) -> list[Node]:
    """The arguments that are expressions."""
    return [node for node in item.arguments if not _is_clause(node)]


def _is_clause(node: Node) -> bool:
    return isinstance(node, Option) or (isinstance(node, Call) and node.name in WITHOUT_EFFECT)


def _filter(item: Transformation, streams: Streams, scope: Scope) -> Stream:
    tests = conditions(item)
    if len(tests) != 1:
        raise ScriptError("A filter has one condition", item.line)
    stream = streams[0]
    return stream.with_frame(stream.frame.filter(scope.column(tests[0]))).named(item.name)


def _derive(item: Transformation, streams: Streams, scope: Scope) -> Stream:
    stream = streams[0]
    scope = with_locals(scope, item)
    columns = {name: (value, origins) for name, value, origins in pair_columns(stream)}
    if len(columns) != len(stream.fields):
        # After a join names may be double: the others stay as they are.
        return _derive_among_doubles(item, stream, scope)
    by_lower = {name.lower(): name for name in columns}
    for name, value in assigned(item, scope, stream, item.arguments):
        columns[by_lower.setdefault(name.lower(), name)] = (value, frozenset())
    return made(item.name, stream, [(name, value, origins) for name, (value, origins) in columns.items()])


def _derive_among_doubles(item: Transformation, stream: Stream, scope: Scope) -> Stream:
    columns = pair_columns(stream)
    for name, value in assigned(item, scope, stream, item.arguments):
        at = next((index for index, known in enumerate(columns) if known[0].lower() == name.lower()), None)
        if at is None:
            columns.append((name, value, frozenset()))
        else:
            columns[at] = (columns[at][0], value, frozenset())
    return made(item.name, stream, columns)


def _cast(item: Transformation, streams: Streams, scope: Scope) -> Stream:
    """Columns as other types; what does not convert is null."""
    stream = streams[0]
    call = item.clause("output")
    wanted = {node.name.lower(): node for node in call.arguments if isinstance(node, Typed)} if call else {}
    columns = []
    for field, (name, value, origins) in zip(stream.fields, pair_columns(stream), strict=True):
        node = wanted.pop(name.lower(), None)
        columns.append((name, convert(value, field.type, node.type) if node else value, origins))
    for node in wanted.values():
        require(stream, node.name, node.line)
    return made(item.name, stream, columns)


def _select(item: Transformation, streams: Streams, scope: Scope) -> Stream:
    stream = streams[0]
    call = item.clause("mapColumn")
    if call is None:
        return stream.named(item.name)
    columns = without_duplicates(
        mapped(call, scope, stream),
        inputs=flag(item, "skipDuplicateMapInputs"),
        outputs=flag(item, "skipDuplicateMapOutputs"),
        line=item.line,
    )
    return made(item.name, stream, columns)


def _sort(item: Transformation, streams: Streams, scope: Scope) -> Stream:
    stream = streams[0]
    by = orders(item, scope, ignore_case=flag(item, "caseInsensitive"))
    if not by:
        raise ScriptError("A sort names no column", item.line)
    return stream.with_frame(stream.frame.orderBy(*by)).named(item.name)


def new_column(item: Transformation) -> str:
    """The name of the one column of `output(name as type)`."""
    call = item.clause("output")
    if call is None or len(call.arguments) != 1 or not isinstance(call.arguments[0], Typed):
        raise ScriptError(f"{item.kind} names one new column: output(name as long)", item.line)
    return call.arguments[0].name


def _key_generate(item: Transformation, streams: Streams, scope: Scope) -> Stream:
    """Numbers the rows as they come."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    stream = streams[0]
    start, step = number(item, "startAt", 1), number(item, "stepValue", 1)
    place = fresh()
    frame = stream.frame.withColumn(place, F.monotonically_increasing_id())
    window = Window.partitionBy(F.lit(1)).orderBy(place)
    row = F.row_number().over(window).cast("bigint")
    key = (row - 1) * F.lit(step).cast("bigint") + F.lit(start).cast("bigint")
    columns = [*pair_columns(stream), (new_column(item), key, frozenset[str]())]
    return made(item.name, stream, columns, frame=frame)


def _rank(item: Transformation, streams: Streams, scope: Scope) -> Stream:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    stream = streams[0]
    by = orders(item, scope, ignore_case=flag(item, "caseInsensitive"))
    if not by:
        raise ScriptError("A rank names no column to order by", item.line)
    function = F.dense_rank() if flag(item, "dense") else F.rank()
    value = function.over(Window.partitionBy(F.lit(1)).orderBy(*by)).cast("bigint")
    return made(item.name, stream, [*pair_columns(stream), (new_column(item), value, frozenset())])


def _alter_row(item: Transformation, streams: Streams, scope: Scope) -> Stream:
    """Marks each row with the policy of the first condition that holds; with none of them it is an insert."""
    from pyspark.sql import functions as F

    stream = streams[0]
    policy = F.lit(POLICIES["insert"])
    for call in reversed(item.clauses(*_POLICY_CLAUSES)):
        if len(call.arguments) != 1:
            raise ScriptError(f"'{call.name}' has one condition", call.line)
        policy = F.when(scope.column(call.arguments[0]), POLICIES[call.name.removesuffix("If")]).otherwise(policy)
    column = fresh()
    frame = stream.frame.withColumn(column, policy)
    return replace(stream, frame=frame, hidden={**stream.hidden, "policy": column}).named(item.name)


_POLICY_CLAUSES = ("insertIf", "updateIf", "deleteIf", "upsertIf")


def _split(item: Transformation, streams: Streams, scope: Scope) -> dict[str, Stream]:
    """Streams by condition; the last is what no condition takes. Disjoint ones take all that fits, else the first."""
    from pyspark.sql import functions as F

    stream = streams[0]
    tests = [F.coalesce(scope.column(node), F.lit(False)) for node in conditions(item)]
    if len(item.outputs) not in (len(tests), len(tests) + 1):
        raise ScriptError(f"{len(tests)} conditions give {len(tests) + 1} streams, not {len(item.outputs)}", item.line)
    to_all = flag(item, "disjoint")
    earlier = F.lit(False)
    result: dict[str, Stream] = {}
    for index, name in enumerate(item.outputs):
        if index == len(tests):
            taken = ~earlier
        else:
            taken = tests[index] if to_all else tests[index] & ~earlier
            earlier = earlier | tests[index]
        part = stream.with_frame(stream.frame.filter(taken)).named(item.name)
        result[f"{item.name}@{name}"] = part.named(name)
    return result


KINDS = (
    Kind("filter", "Filter", (1, 1), _filter, expressions=True),
    Kind("derive", "DerivedColumn", (1, 1), _derive, clauses=("each",), assigns=True),
    Kind(
        "select",
        "Select",
        (1, 1),
        _select,
        {"skipDuplicateMapInputs": FLAG, "skipDuplicateMapOutputs": FLAG},
        clauses=("mapColumn",),
    ),
    Kind("cast", "Cast", (1, 1), _cast, {"errors": FLAG}, clauses=("output",)),
    Kind("sort", "Sort", (1, 1), _sort, {"caseInsensitive": FLAG}, clauses=("asc", "desc")),
    Kind("keyGenerate", "SurrogateKey", (1, 1), _key_generate, {"startAt": None, "stepValue": None}, ("output",)),
    Kind("rank", "Rank", (1, 1), _rank, {"dense": FLAG, "caseInsensitive": FLAG}, clauses=("asc", "desc", "output")),
    Kind("alterRow", "AlterRow", (1, 1), _alter_row, clauses=_POLICY_CLAUSES),
    Kind("split", "ConditionalSplit", (1, 1), _split, {"disjoint": FLAG}, expressions=True),
)
