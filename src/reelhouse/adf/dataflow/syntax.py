"""The tree of a data flow script. What is equal in meaning compares equal: the line of a node does not count.

https://learn.microsoft.com/azure/data-factory/data-flow-script
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields


@dataclass(frozen=True)
class Node:
    """Anything that stands in a script. `line` counts from 1."""

    line: int = field(default=0, compare=False, kw_only=True, repr=False)


@dataclass(frozen=True)
class Literal(Node):
    """`kind` is string, regex (in back quotes), integer, long, short, byte, float, double, boolean, null or octal."""

    value: str | int | float | bool | None
    kind: str


@dataclass(frozen=True)
class Column(Node):
    """A column by name. `stream` is what stands before the `@`."""

    name: str
    stream: str = ""


@dataclass(frozen=True)
class Parameter(Node):
    """`$name`."""

    name: str


@dataclass(frozen=True)
class This(Node):
    """`$$`: in a pattern, each column that matches."""


@dataclass(frozen=True)
class Item(Node):
    """`#item`, `#acc`, …: what a lambda is given."""

    name: str


@dataclass(frozen=True)
class Local(Node):
    """`:name`, a variable of one transformation."""

    name: str


@dataclass(frozen=True)
class Call(Node):
    """A function, or a clause of a transformation. `of` is the cache sink before a `#`."""

    name: str
    arguments: tuple[Node, ...] = ()
    of: str = ""


@dataclass(frozen=True)
class Unary(Node):
    operator: str
    operand: Node


@dataclass(frozen=True)
class Binary(Node):
    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Index(Node):
    """`base[index]`, counted from 1."""

    base: Node
    index: Node


@dataclass(frozen=True)
class Field(Node):
    """`base.name`."""

    base: Node
    name: str


@dataclass(frozen=True)
class Type(Node):
    """A type. `name` is a primitive, or `complex`, `array`, `map`; `format` is how texts of it are written."""

    name: str
    numbers: tuple[int, ...] = ()
    parts: tuple[Typed, ...] = ()
    items: tuple[Type, ...] = ()
    format: str = ""


@dataclass(frozen=True)
class Cast(Node):
    """`base ? type`."""

    base: Node
    type: Type


@dataclass(frozen=True)
class Array(Node):
    items: tuple[Node, ...]


@dataclass(frozen=True)
class Map(Node):
    """`['key' -> value, …]`."""

    pairs: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True)
class Struct(Node):
    """`@(name = value, …)`."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Interpolated(Node):
    """A text in double quotes; a part is text or an expression."""

    parts: tuple[str | Node, ...]


@dataclass(frozen=True)
class Assign(Node):
    """`target = value` among arguments."""

    target: Node
    value: Node


@dataclass(frozen=True)
class Option(Node):
    """`name: value` among arguments."""

    name: str
    value: Node


@dataclass(frozen=True)
class Typed(Node):
    """`name as type` among arguments, with the default of a parameter."""

    name: str
    type: Type
    default: Node | None = None


@dataclass(frozen=True)
class Transformation(Node):
    """One statement. `outputs` are the streams of a split."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    arguments: tuple[Node, ...]
    outputs: tuple[str, ...] = ()

    def option(self, name: str) -> Node | None:
        """The value of an option, None without it."""
        return next((item.value for item in self.arguments if isinstance(item, Option) and item.name == name), None)

    def clauses(self, *names: str) -> list[Call]:
        """The clauses of these names in their order."""
        return [item for item in self.arguments if isinstance(item, Call) and item.name in names]

    def clause(self, name: str) -> Call | None:
        return next(iter(self.clauses(name)), None)


@dataclass(frozen=True)
class Script(Node):
    parameters: tuple[Typed, ...]
    transformations: tuple[Transformation, ...]


def walk(node: Node) -> Iterator[Node]:
    """A node and all nodes in it."""
    yield node
    for item in fields(node):
        yield from _nodes(getattr(node, item.name))


def _nodes(value: object) -> Iterator[Node]:
    if isinstance(value, Node):
        yield from walk(value)
    elif isinstance(value, tuple):
        for item in value:
            yield from _nodes(item)
