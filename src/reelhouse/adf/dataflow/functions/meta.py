"""Functions that look at the stream: columns by name, and what has been decided about a row.

https://learn.microsoft.com/azure/data-factory/data-flow-metafunctions
"""

from __future__ import annotations

from typing import Any

from reelhouse.adf.dataflow.functions.signature import table
from reelhouse.adf.dataflow.syntax import Column
from reelhouse.adf.dataflow.types import matches

POLICIES = {"insert": 0, "update": 1, "upsert": 2, "delete": 3}


def _stream(a: Any, index: int) -> str:
    return str(a.constant(index)) if len(a) > index else ""


def _by_name(a: Any) -> Any:
    found = a.scope.find(Column(str(a.constant(0)), _stream(a, 1)))
    return a.F.lit(None).cast("string") if found is None else a.F.col(found.column)


def _has_column(a: Any) -> Any:
    return a.F.lit(a.scope.find(Column(str(a.constant(0)), _stream(a, 1))) is not None)


def _by_position(a: Any) -> Any:
    position = int(a.constant(0))
    fields = a.scope.streams[0].fields if a.scope.streams else ()
    if not 0 < position <= len(fields):
        return a.F.lit(None).cast("string")
    return a.F.col(fields[position - 1].column)


def _column_names(a: Any) -> Any:
    if len(a) > 1:
        raise a.wrong("The second argument of 'columnNames' is not supported")
    stream = _stream(a, 0)
    names = [item.name for item in a.scope.streams[0].fields if not stream or stream in item.origins]
    return a.F.array(*(a.F.lit(name) for name in names))


def _columns(a: Any) -> Any:
    raise a.wrong("'columns()' stands only among the arguments of another function")


def _policy(name: str) -> Any:
    def build(a: Any) -> Any:
        index = int(a.constant(0)) - 1 if len(a) else 0
        hidden = a.scope.streams[index].hidden if index < len(a.scope.streams) else {}
        if "policy" not in hidden:
            return a.F.lit(name == "insert")
        return a.F.col(hidden["policy"]) == POLICIES[name]

    return build


def _is_match(a: Any) -> Any:
    hidden = a.scope.streams[0].hidden if a.scope.streams else {}
    if "match" not in hidden:
        raise a.wrong("'isMatch' works only after a lookup")
    return a.F.coalesce(a.F.col(hidden["match"]), a.F.lit(False))


def _errors(a: Any) -> Any:
    """The ids of the asserts that a row fails, None without any assert before."""
    return a.F.col(a.scope.streams[0].hidden["errors"]) if "errors" in _hidden(a) else None


def _hidden(a: Any) -> dict[str, str]:
    return dict(a.scope.streams[0].hidden) if a.scope.streams else {}


def _is_error(a: Any) -> Any:
    errors = _errors(a)
    return a.F.lit(False) if errors is None else a.F.size(errors) > 0


def _has_error(a: Any) -> Any:
    errors = _errors(a)
    return a.F.lit(False) if errors is None else a.F.array_contains(errors, a[0])


def _type_match(a: Any) -> Any:
    return a.F.lit(matches(str(a.constant(0)), str(a.constant(1))))


def _next_sequence(a: Any) -> Any:
    return a.F.monotonically_increasing_id()


FUNCTIONS = table(
    byName=(1, 2, _by_name),
    byOrigin=(1, 2, _by_name),
    byPosition=(1, 1, _by_position),
    columnNames=(0, 2, _column_names),
    columns=(0, 1, _columns),
    hasColumn=(1, 2, _has_column),
    hasError=(1, 1, _has_error),
    isDelete=(0, 1, _policy("delete")),
    isError=(0, 0, _is_error),
    isInsert=(0, 1, _policy("insert")),
    isMatch=(0, 1, _is_match),
    isUpdate=(0, 1, _policy("update")),
    isUpsert=(0, 1, _policy("upsert")),
    nextSequence=(0, 0, _next_sequence),
    partitionId=(0, 0, lambda a: a.F.spark_partition_id()),
    typeMatch=(2, 2, _type_match),
)
