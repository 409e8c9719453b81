"""Functions of arrays and maps. Places count from 1; `#item` is each item.

https://learn.microsoft.com/azure/data-factory/data-flow-array-functions and
https://learn.microsoft.com/azure/data-factory/data-flow-map-functions
"""

from __future__ import annotations

from typing import Any

from reelhouse.adf.dataflow.functions.signature import table
from reelhouse.adf.dataflow.operators import item_at
from reelhouse.adf.dataflow.syntax import Call, Node
from reelhouse.adf.dataflow.types import name_of


def _item(a: Any, index: int = 0) -> Any:
    kind = a.type(index)
    if name_of(kind) != "array":
        raise a.wrong(f"'{a.call.name}' takes an array, not {name_of(kind)}")
    return kind.elementType


def _integer() -> Any:
    from pyspark.sql.types import IntegerType

    return IntegerType()


def _array(a: Any) -> Any:
    if len(a) == 0:
        return a.F.array().cast("array<string>")
    kinds = {name_of(a.type(index)) for index in range(len(a))}
    values = a.all()
    if len(kinds - {"null"}) > 1 and "string" in kinds:
        values = [value.cast("string") for value in values]
    return a.F.array(*values)


def _map_index(a: Any) -> Any:
    types = (_item(a), _integer())
    body = a.function(1, "item", "index", of=types)
    return a.F.transform(a[0], lambda x, i: body(x, i + 1))


def _map_if(a: Any) -> Any:
    types = (_item(a),)
    test, body = a.function(1, "item", of=types), a.function(2, "item", of=types)
    return a.F.transform(a.F.filter(a[0], test), body)


def _map_loop(a: Any) -> Any:
    body = a.function(1, "index", of=(_integer(),))
    return a.F.transform(a.F.sequence(a.F.lit(1), a[0]), body)


def _find(a: Any) -> Any:
    return a.F.get(a.F.filter(a[0], a.function(1, "item", of=(_item(a),))), a.F.lit(0))


def _reduce(a: Any) -> Any:
    start = a.type(1)
    merge = a.function(2, "acc", "item", of=(start, _item(a)))
    return a.F.aggregate(a[0], a[1], merge, a.function(3, "result", of=(start,)))


def _sort(a: Any) -> Any:
    item = _item(a)
    return a.F.array_sort(a[0], a.function(1, "item1", "item2", of=(item, item)))


def _slice(a: Any) -> Any:
    length = a[2] if len(a) > 2 else a.F.size(a[0])
    return a.F.slice(a[0], a[1], length)


def _flatten(a: Any) -> Any:
    if len(a) > 1:
        raise a.wrong("'flatten' takes one array here")
    return a.F.flatten(a[0])


def _quantifier(a: Any) -> Any:
    return a.F.exists(a[0], a.function(1, "item", of=(_item(a),)))


def _associate(a: Any) -> Any:
    return a.F.create_map(*a.all())


def _by_item(a: Any) -> Any:
    name = str(a.constant(1))
    return a[0].getField(name)


def is_lambda(node: Node) -> bool:
    """Whether a call hands its items to its arguments."""
    return isinstance(node, Call) and node.name in LAMBDAS


LAMBDAS = ("contains", "filter", "find", "map", "mapIf", "mapIndex", "mapLoop", "reduce", "sort")

FUNCTIONS = table(
    array=(0, None, _array),
    associate=(2, None, _associate),
    at=(2, 2, lambda a: item_at(a[0], a[1], name_of(a.type(0)))),
    byItem=(2, 2, _by_item),
    contains=(2, 2, _quantifier),
    distinct=(1, 1, lambda a: a.F.array_distinct(a[0])),
    except_=(2, 2, lambda a: a.F.array_except(a[0], a[1])),
    filter=(2, 2, lambda a: a.F.filter(a[0], a.function(1, "item", of=(_item(a),)))),
    find=(2, 2, _find),
    flatten=(1, 2, _flatten),
    in_=(2, 2, lambda a: a.F.array_contains(a[0], a[1])),
    intersect=(2, 2, lambda a: a.F.array_intersect(a[0], a[1])),
    keyValues=(2, 2, lambda a: a.F.map_from_arrays(a[0], a[1])),
    map=(2, 2, lambda a: a.F.transform(a[0], a.function(1, "item", of=(_item(a),)))),
    mapIf=(3, 3, _map_if),
    mapIndex=(2, 2, _map_index),
    mapLoop=(2, 2, _map_loop),
    reduce=(4, 4, _reduce),
    size=(1, 1, lambda a: a.F.size(a[0])),
    slice=(2, 3, _slice),
    sort=(2, 2, _sort),
    union=(2, 2, lambda a: a.F.array_union(a[0], a[1])),
)
