"""Expressions of a data flow as columns of Spark.

https://learn.microsoft.com/azure/data-factory/data-flow-expressions-usage
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelhouse.adf.dataflow.functions import FUNCTIONS
from reelhouse.adf.dataflow.functions.signature import Function
from reelhouse.adf.dataflow.operators import binary, index_of, joined
from reelhouse.adf.dataflow.stream import Stream, StreamField
from reelhouse.adf.dataflow.syntax import (
    Array,
    Assign,
    Binary,
    Call,
    Cast,
    Column,
    Field,
    Index,
    Interpolated,
    Item,
    Literal,
    Local,
    Map,
    Node,
    Parameter,
    Struct,
    This,
    Unary,
)
from reelhouse.adf.dataflow.tokens import ScriptError
from reelhouse.adf.dataflow.types import convert
from reelhouse.errors import did_you_mean

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import SparkSession
    from pyspark.sql.types import DataType

PATTERN_WORDS = ("name", "type", "position", "stream", "origin")


@dataclass
class Flow:
    """What all expressions of a run share. `parameters` are expressions; `now` is when the run began.

    `folder` is for what a run needs on the way; it goes when the run ends.
    """

    spark: SparkSession
    parameters: Mapping[str, Node]
    now: datetime
    folder: Path = Path()


@dataclass(frozen=True)
class Scope:
    """What an expression sees.

    `this` is the column that a pattern has matched, `pattern` that whose name and type a condition asks for. `items`
    are the variables of lambdas with their types. `guard` limits what aggregates count, `window` makes them windows.
    `exploded` are the arrays that a flatten has unrolled, by path.
    """

    flow: Flow
    streams: tuple[Stream, ...] = ()
    this: StreamField | None = None
    pattern: tuple[StreamField, int] | None = None
    items: Mapping[str, tuple[SparkColumn, DataType]] = field(default_factory=dict)
    locals: Mapping[str, Node] = field(default_factory=dict)
    window: Any = None
    guard: SparkColumn | None = None
    exploded: Mapping[tuple[str, ...], StreamField] = field(default_factory=dict)

    def column(self, node: Node) -> SparkColumn:
        """The column of an expression. Raises `ScriptError` with its line."""
        return _compile(node, self)

    def type(self, node: Node) -> DataType:
        """The type of an expression, as the engine says."""
        if isinstance(node, Column):
            found = self.find(node)
            if found is not None:
                return found.type
        if isinstance(node, Item) and node.name in self.items:
            return self.items[node.name][1]
        return self.frame().select(self._probe().column(node)).schema.fields[0].dataType

    def _probe(self) -> Scope:
        """The same scope where lambdas see typed nulls, so that their types can be asked outside of them."""
        from pyspark.sql import functions as F

        items = {name: (F.lit(None).cast(kind), kind) for name, (_, kind) in self.items.items()}
        return replace(self, items=items)

    def frame(self) -> Any:
        """A frame with all columns in sight."""
        if not self.streams:
            return self.flow.spark.range(1)
        frame = self.streams[0].frame
        for other in self.streams[1:]:
            frame = frame.crossJoin(other.frame)
        return frame

    def find(self, node: Column) -> StreamField | None:
        for stream in self.streams:
            found = stream.find(node.name, node.stream)
            if found is not None:
                return found
        return None

    def constants(self, scopes_and_nodes: Sequence[tuple[Scope, Node]]) -> list[Any]:
        """The values of expressions that use no column of a row, computed by the engine at once."""
        if all(isinstance(node, Literal) for _, node in scopes_and_nodes):
            return [node.value for _, node in scopes_and_nodes if isinstance(node, Literal)]
        columns = [scope.column(node).alias(f"v{number}") for number, (scope, node) in enumerate(scopes_and_nodes)]
        return list(self.flow.spark.range(1).select(*columns).collect()[0])

    def constant(self, node: Node) -> Any:
        """The value of an expression that uses no column of a row."""
        if isinstance(node, Literal):
            return node.value
        if isinstance(node, Parameter):
            return self.constant(_parameter(node, self))
        if self.pattern is not None and isinstance(node, Column) and node.name in ("name", "type"):
            return self.pattern[0].name if node.name == "name" else self.pattern[0].type_name
        try:
            return self.constants([(replace(self, streams=()), node)])[0]
        except ScriptError as error:
            raise ScriptError(f"This has to be known before the run: {error.what}", node.line) from None


@dataclass(frozen=True)
class Arguments:
    """The arguments of a call, compiled when they are asked for."""

    call: Call
    scope: Scope
    nodes: tuple[Node, ...]

    def __len__(self) -> int:
        return len(self.nodes)

    def __getitem__(self, index: int) -> SparkColumn:
        return self.scope.column(self.nodes[index])

    @property
    def F(self) -> Any:
        from pyspark.sql import functions

        return functions

    def all(self) -> list[SparkColumn]:
        return [self.scope.column(node) for node in self.nodes]

    def type(self, index: int) -> DataType:
        return self.scope.type(self.nodes[index])

    def constant(self, index: int) -> Any:
        return self.scope.constant(self.nodes[index])

    def counted(self, index: int, condition: SparkColumn | None = None) -> SparkColumn:
        """A value as an aggregate sees it: null where the guard or the condition does not hold."""
        return self.guarded(self[index], condition)

    def guarded(self, value: SparkColumn, condition: SparkColumn | None = None) -> SparkColumn:
        for test in (condition, self.scope.guard):
            if test is not None:
                value = self.F.when(test, value)
        return value

    def over(self, value: SparkColumn) -> SparkColumn:
        """An aggregate, over the window where there is one."""
        return value if self.scope.window is None else value.over(self.scope.window)

    def function(self, index: int, *names: str, of: Sequence[DataType]) -> Callable[..., SparkColumn]:
        """The argument as a lambda of items that have these names and types."""

        def body(*columns: SparkColumn) -> SparkColumn:
            items = {**self.scope.items, **dict(zip(names, zip(columns, of, strict=True), strict=True))}
            return replace(self.scope, items=items).column(self.nodes[index])

        # The number of its parameters tells Spark what to pass.
        if len(names) == 1:
            return lambda x: body(x)
        return lambda x, y: body(x, y)

    def wrong(self, what: str, remedy: str = "") -> ScriptError:
        return ScriptError(what, self.call.line, remedy=remedy)


def _compile(node: Node, scope: Scope) -> SparkColumn:
    from pyspark.sql import functions as F

    match node:
        case Literal():
            return _literal(node)
        case Column():
            return _column(node, scope)
        case Parameter():
            return replace(scope, locals={}).column(_parameter(node, scope))
        case Local():
            if node.name not in scope.locals:
                raise ScriptError(
                    f"There is no local ':{node.name}'", node.line, remedy=did_you_mean(node.name, scope.locals)
                )
            return scope.column(scope.locals[node.name])
        case This():
            return _this(node, scope)
        case Item():
            if node.name not in scope.items:
                raise ScriptError(
                    f"There is no '#{node.name}' here", node.line, remedy=did_you_mean(node.name, scope.items)
                )
            return scope.items[node.name][0]
        case Call():
            return _call(node, scope)
        case Unary():
            operand = scope.column(node.operand)
            return {"!": lambda: ~operand, "-": lambda: -operand, "~": lambda: F.bitwise_not(operand)}[node.operator]()
        case Binary():
            return binary(node, scope)
        case Index():
            return index_of(node, scope)
        case Field():
            return _field(node, scope)
        case Cast():
            return convert(scope.column(node.base), scope.type(node.base), node.type)
        case Array():
            return F.array(*(scope.column(item) for item in node.items))
        case Map():
            return F.create_map(*(scope.column(item) for pair in node.pairs for item in pair))
        case Struct():
            return F.struct(*(_part(item, scope) for item in node.parts))
        case Interpolated():
            return joined(node, scope)
    raise ScriptError("This cannot stand in an expression", node.line)


def _literal(node: Literal) -> SparkColumn:
    from pyspark.sql import functions as F

    kinds = {"long": "bigint", "short": "smallint", "byte": "tinyint", "float": "float", "octal": "int"}
    value = F.lit(node.value)
    return value.cast(kinds[node.kind]) if node.kind in kinds else value


def _column(node: Column, scope: Scope) -> SparkColumn:
    from pyspark.sql import functions as F

    if scope.pattern is not None and not node.stream and node.name in PATTERN_WORDS:
        matched, position = scope.pattern
        words = {"name": matched.name, "type": matched.type_name, "position": position}
        if node.name in words:
            return F.lit(words[node.name])
        return F.lit(sorted(matched.origins)[0] if matched.origins else "")
    found = scope.find(node)
    if found is None:
        known = [item.name for stream in scope.streams for item in stream.fields]
        shown = f"{node.stream}@{node.name}" if node.stream else node.name
        raise ScriptError(f"There is no column '{shown}'", node.line, remedy=did_you_mean(node.name, known))
    return F.col(found.column)


def _parameter(node: Parameter, scope: Scope) -> Node:
    if node.name not in scope.flow.parameters:
        raise ScriptError(
            f"The data flow has no parameter '{node.name}'",
            node.line,
            remedy=did_you_mean(node.name, scope.flow.parameters),
        )
    return scope.flow.parameters[node.name]


def _this(node: This, scope: Scope) -> SparkColumn:
    from pyspark.sql import functions as F

    if scope.pattern is not None:
        return F.lit(scope.pattern[0].name)
    if scope.this is None:
        raise ScriptError("'$$' stands only in a pattern", node.line)
    return F.col(scope.this.column)


def path_of(node: Node) -> tuple[str, ...] | None:
    """The names of a path `a.b.c`, None for what is none."""
    if isinstance(node, Column) and not node.stream:
        return (node.name,)
    if isinstance(node, Field):
        base = path_of(node.base)
        return None if base is None else (*base, node.name)
    return None


def _field(node: Field, scope: Scope) -> SparkColumn:
    from pyspark.sql import functions as F

    path = path_of(node)
    if path is not None and path in scope.exploded:
        return F.col(scope.exploded[path].column)
    return scope.column(node.base).getField(node.name)


def _part(node: Node, scope: Scope) -> SparkColumn:
    if isinstance(node, Assign) and isinstance(node.target, Column):
        return scope.column(node.value).alias(node.target.name)
    raise ScriptError("The parts of a structure are written name = value", node.line)


def _call(node: Call, scope: Scope) -> SparkColumn:
    function = function_of(node)
    nodes = tuple(_spread(node, scope))
    return function.build(Arguments(node, scope, nodes))


def function_of(node: Call) -> Function:
    """The function that a call means. Raises `ScriptError` for an unknown one or a wrong number of arguments."""
    if node.of:
        raise ScriptError(f"Cached lookups ({node.of}#{node.name}) are not supported", node.line)
    function = FUNCTIONS.get(node.name)
    if function is None:
        raise ScriptError(
            f"The function '{node.name}' is not supported", node.line, remedy=did_you_mean(node.name, FUNCTIONS)
        )
    count = len(node.arguments)
    if any(isinstance(item, Call) and item.name == "columns" for item in node.arguments):
        return function
    if count < function.least or (function.most is not None and count > function.most):
        if function.most is None:
            wanted = f"at least {function.least}"
        elif function.least == function.most:
            wanted = str(function.least)
        else:
            wanted = f"{function.least} to {function.most}"
        raise ScriptError(f"'{node.name}' takes {wanted} arguments, not {count}", node.line)
    return function


def _spread(node: Call, scope: Scope) -> list[Node]:
    """The arguments, `columns()` replaced by all columns of the stream."""
    found: list[Node] = []
    for item in node.arguments:
        if isinstance(item, Call) and item.name == "columns":
            stream = str(scope.constant(item.arguments[0])) if item.arguments else ""
            for source in scope.streams[:1]:
                found.extend(
                    Column(column.name, stream, line=item.line)
                    for column in source.fields
                    if not stream or stream in column.origins
                )
        else:
            found.append(item)
    return found
