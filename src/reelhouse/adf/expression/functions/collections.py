"""Collection functions.

https://learn.microsoft.com/azure/data-factory/control-flow-expression-language-functions#collection-functions
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelhouse.adf.expression.functions.function import BadArgument, Function, expect_integer, expect_text, nth
from reelhouse.adf.expression.functions.strings import utf16_length, utf16_slice
from reelhouse.adf.expression.values import equal, find_key, identity, text, type_name


def contains(collection: Any, value: Any) -> bool:
    if isinstance(collection, str):
        return expect_text(value, 1) in collection
    if isinstance(collection, list):
        return any(equal(item, value, same_kind_of_number=True) for item in collection)
    if isinstance(collection, Mapping):
        return find_key(collection, expect_text(value, 1)) is not None
    raise BadArgument(0, f"the first argument must be a text, an array or an object, it is {type_name(collection)}")


def empty(collection: Any) -> bool:
    if collection is None:
        return True
    if isinstance(collection, str | list | Mapping):
        return len(collection) == 0
    raise BadArgument(0, f"the first argument must be a text, an array or an object, it is {type_name(collection)}")


def _sequence(value: Any, index: int = 0) -> Any:
    if not isinstance(value, str | list):
        raise BadArgument(index, f"the {nth(index)} argument must be an array or a text, it is {type_name(value)}")
    return value


def first(collection: Any) -> Any:
    items = _sequence(collection)
    if isinstance(items, str):
        return utf16_slice(items, 0, 1)
    return items[0] if items else None


def last(collection: Any) -> Any:
    items = _sequence(collection)
    if isinstance(items, str):
        return utf16_slice(items, utf16_length(items) - 1, None) if items else ""
    return items[-1] if items else None


def length(collection: Any) -> int:
    items = _sequence(collection)
    return (utf16_length(items) if items else 0) if isinstance(items, str) else len(items)


def _count(value: Any) -> int:
    count = expect_integer(value, 1)
    if count < 0:
        raise BadArgument(1, f"the number of elements must not be negative, it is {count}")
    return count


def skip(collection: Any, count: Any) -> Any:
    items, number = _sequence(collection), _count(count)
    return utf16_slice(items, number, None) if isinstance(items, str) else items[number:]


def take(collection: Any, count: Any) -> Any:
    items, number = _sequence(collection), _count(count)
    return utf16_slice(items, 0, number) if isinstance(items, str) else items[:number]


def join(collection: Any, separator: Any) -> str:
    if not isinstance(collection, list):
        raise BadArgument(0, f"the first argument must be an array, it is {type_name(collection)}")
    return expect_text(separator, 1).join([text(item) for item in collection])


def _one_kind(collections: tuple[Any, ...]) -> type:
    kind: type = list if isinstance(collections[0], list) else dict
    for index, collection in enumerate(collections):
        if not isinstance(collection, list | Mapping):
            raise BadArgument(
                index, f"the {nth(index)} argument must be an array or an object, it is {type_name(collection)}"
            )
        if isinstance(collection, list) is not (kind is list):
            raise BadArgument(index, "the arguments must be all arrays or all objects")
    return kind


def intersection(*collections: Any) -> Any:
    if _one_kind(collections) is list:
        others = [{identity(item) for item in other} for other in collections[1:]]
        return _distinct([item for item in collections[0] if all(identity(item) in other for other in others)])
    return {
        key: value
        for key, value in collections[0].items()
        if all(key in other and equal(other[key], value) for other in collections[1:])
    }


def union(*collections: Any) -> Any:
    if _one_kind(collections) is list:
        return _distinct([item for collection in collections for item in collection])
    merged: dict[str, Any] = {}
    for collection in collections:
        merged.update(collection)
    return merged


def _distinct(items: list[Any]) -> list[Any]:
    """Each value once, where it came first."""
    kept: dict[Any, Any] = {}
    for item in items:
        kept.setdefault(identity(item), item)
    return list(kept.values())


COLLECTION_FUNCTIONS = (
    Function("contains", contains, 2, 2),
    Function("empty", empty, 1, 1),
    Function("first", first, 1, 1),
    Function("intersection", intersection, 2, None),
    Function("join", join, 2, 2),
    Function("last", last, 1, 1),
    Function("length", length, 1, 1),
    Function("skip", skip, 2, 2),
    Function("take", take, 2, 2),
    Function("union", union, 2, None),
)
