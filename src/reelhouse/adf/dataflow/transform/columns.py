"""What transformations share that name columns: rules with patterns, mappings, orders.

https://learn.microsoft.com/azure/data-factory/concepts-data-flow-column-pattern
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from reelhouse.adf.dataflow.compile import Scope, path_of
from reelhouse.adf.dataflow.stream import Stream, StreamField
from reelhouse.adf.dataflow.syntax import Assign, Call, Column, Field, Literal, Local, Node, This, Transformation
from reelhouse.adf.dataflow.tokens import ScriptError


def with_locals(scope: Scope, item: Transformation) -> Scope:
    """The scope with the variables (`:name = value`) of a transformation."""
    found = {
        node.target.name: node.value
        for node in item.arguments
        if isinstance(node, Assign) and isinstance(node.target, Local)
    }
    return replace(scope, locals=found) if found else scope


def assigned(item: Transformation, scope: Scope, stream: Stream, nodes: Sequence[Node]) -> Iterator[tuple[str, Any]]:
    """Names and values of what `name = value` and `each(…)` among the nodes say."""
    for node in nodes:
        if isinstance(node, Assign):
            if not isinstance(node.target, Local):
                yield target_name(node.target), scope.column(node.value)
        elif isinstance(node, Call) and node.name == "each":
            for field, inner, rules in matched(node, scope, stream):
                for rule in rules:
                    if not isinstance(rule, Assign):
                        raise ScriptError("A rule is written name = value", rule.line)
                    yield rule_name(rule.target, field, inner), replace(scope, this=field).column(rule.value)


def target_name(node: Node) -> str:
    """The name of a new column."""
    if isinstance(node, Column) and not node.stream:
        return node.name
    if isinstance(node, Literal) and isinstance(node.value, str):
        return node.value
    if isinstance(node, Field):
        raise ScriptError("A part of a structure cannot be set here", node.line, remedy="Set the whole: a = @(b = …).")
    raise ScriptError("The name of a column is wanted before the '='", node.line)


def rule_name(node: Node, field: StreamField, inner: Scope) -> str:
    """The name that a rule gives a column."""
    if isinstance(node, This):
        return field.name
    return str(inner.constant(node))


def matched(call: Call, scope: Scope, stream: Stream) -> list[tuple[StreamField, Scope, tuple[Node, ...]]]:
    """The columns that an `each(match(…), …)` means, with the scope of its names, and its rules."""
    if not call.arguments or not isinstance(call.arguments[0], Call):
        raise ScriptError("'each' begins with match(…) here", call.line)
    test, *rules = call.arguments
    assert isinstance(test, Call)
    if test.name not in ("match", "patternMatch") or len(test.arguments) != 1:
        raise ScriptError(f"'each({test.name}(…))' is not supported", call.line, remedy="Write each(match(…), …).")
    condition = test.arguments[0]
    if test.name == "patternMatch":
        condition = Call("regexMatch", (Column("name", line=call.line), condition), line=call.line)
    scopes = [replace(scope, streams=(), pattern=(item, index)) for index, item in enumerate(stream.fields, 1)]
    if not scopes:
        return []
    chosen = scope.constants([(inner, condition) for inner in scopes])
    return [
        (field, inner, tuple(rules))
        for field, inner, is_chosen in zip(stream.fields, scopes, chosen, strict=True)
        if is_chosen
    ]


def mapped(call: Call, scope: Scope, stream: Stream) -> Iterator[tuple[str, Any, frozenset[str], str]]:
    """What a `mapColumn(…)` says: name, value, origins, and a word for the input, to see duplicates by."""
    for node in call.arguments:
        if isinstance(node, Call) and node.name == "each":
            yield from _mapped_rule(node, scope, stream)
            continue
        source = node.value if isinstance(node, Assign) else node
        name = target_name(node.target) if isinstance(node, Assign) else _last_name(source)
        if path_of(source) is None and not isinstance(source, Column):
            raise ScriptError("A mapping takes columns, no expressions", node.line, remedy="Use a derived column.")
        found = scope.find(source) if isinstance(source, Column) else None
        key = found.column if found else ".".join(path_of(source) or ())
        yield name, scope.column(source), found.origins if found else frozenset(), key


def _mapped_rule(call: Call, scope: Scope, stream: Stream) -> Iterator[tuple[str, Any, frozenset[str], str]]:
    from pyspark.sql import functions as F

    for field, inner, rules in matched(call, scope, stream):
        name = field.name
        for rule in rules:
            if isinstance(rule, Assign) and isinstance(rule.value, This):
                name = rule_name(rule.target, field, inner)
            elif isinstance(rule, Assign):
                raise ScriptError("The rule of a mapping ends in = $$", rule.line)
            else:
                name = rule_name(rule, field, inner)
        yield name, F.col(field.column), field.origins, field.column


def _last_name(node: Node) -> str:
    return node.name if isinstance(node, Column | Field) else ""


def without_duplicates(
    mappings: Iterator[tuple[str, Any, frozenset[str], str]], *, inputs: bool, outputs: bool, line: int
) -> list[tuple[str, Any, frozenset[str]]]:
    """Mappings where an input (with `inputs`) and a name (with `outputs`) counts once, the first time."""
    result: list[tuple[str, Any, frozenset[str]]] = []
    keys: set[str] = set()
    names: set[str] = set()
    for name, value, origins, key in mappings:
        if key in keys and inputs:
            continue
        if name in names:
            if outputs:
                continue
            raise ScriptError(
                f"Two columns are mapped to '{name}'", line, remedy="Name one otherwise, or skipDuplicateMapOutputs."
            )
        keys.add(key)
        names.add(name)
        result.append((name, value, origins))
    return result


def orders(item: Transformation, scope: Scope, *, ignore_case: bool = False) -> list[Any]:
    """The order that `asc(column, nulls first)` and `desc(…)` say."""
    from pyspark.sql import functions as F

    found = []
    for call in item.clauses("asc", "desc"):
        if not call.arguments:
            raise ScriptError(f"'{call.name}' names no column", call.line)
        column = scope.column(call.arguments[0])
        if ignore_case and scope.type(call.arguments[0]).simpleString() == "string":
            column = F.lower(column)
        first = bool(scope.constant(call.arguments[1])) if len(call.arguments) > 1 else call.name == "asc"
        if call.name == "asc":
            found.append(column.asc_nulls_first() if first else column.asc_nulls_last())
        else:
            found.append(column.desc_nulls_first() if first else column.desc_nulls_last())
    return found


def pair_columns(stream: Stream) -> list[tuple[str, Any, frozenset[str]]]:
    """All columns of a stream, as `made` takes them."""
    from pyspark.sql import functions as F

    return [(item.name, F.col(item.column), item.origins) for item in stream.fields]
