"""What is wrong with a data flow, found without running it: streams, options, clauses, functions.

https://learn.microsoft.com/azure/data-factory/data-flow-script
"""

from __future__ import annotations

from collections.abc import Iterator

from reelhouse.adf.dataflow.compile import function_of
from reelhouse.adf.dataflow.definition import DataFlow
from reelhouse.adf.dataflow.ends import SINK, SOURCE
from reelhouse.adf.dataflow.syntax import Assign, Call, Node, Option, Parameter, Transformation, walk
from reelhouse.adf.dataflow.tokens import ScriptError
from reelhouse.adf.dataflow.transform import KINDS
from reelhouse.adf.dataflow.transform.spec import WITHOUT_EFFECT, Kind, check_options
from reelhouse.adf.finding import Finding, problem, warning
from reelhouse.errors import did_you_mean

ALL: dict[str, Kind] = {**KINDS, "source": SOURCE, "sink": SINK}
_PATTERNS = ("each", "match", "patternMatch", "columns")


def check_flow(flow: DataFlow) -> Iterator[Finding]:
    """The findings of a data flow, each with its line."""
    for error in _errors(flow):
        yield problem(flow.at(error.line), error.what, error.remedy)
    for item in flow.script.transformations:
        for node in walk(item):
            if isinstance(node, Call) and node.name in _DIGESTS and _of_several(node):
                yield warning(
                    flow.at(node.line),
                    f"How Azure puts several values together for '{node.name}' is not documented: "
                    "the digests of this run tell rows apart, and are others than those of Azure",
                )
    written = {item.name for item in flow.script.transformations}
    for key, ends in (("sources", flow.sources), ("sinks", flow.sinks)):
        for name, end in ends.items():
            if name not in written:
                yield problem(end.place.at("name"), f"The script has no '{name}', which is one of the {key}")
    if not any(item.kind == "sink" for item in flow.script.transformations):
        yield problem(flow.place.at("typeProperties"), f"Data flow '{flow.name}' has no sink")


_DIGESTS = ("md5", "sha1", "sha2", "crc32")


def _of_several(node: Call) -> bool:
    values = node.arguments[1:] if node.name == "sha2" else node.arguments
    return len(values) > 1 or any(isinstance(item, Call) and item.name == "columns" for item in values)


def _errors(flow: DataFlow) -> Iterator[ScriptError]:
    streams = _streams(flow)
    seen: set[str] = set()
    parameters = {item.name for item in flow.script.parameters}
    for item in flow.script.transformations:
        if item.name in seen:
            yield ScriptError(f"There are two streams named '{item.name}'", item.line)
        seen.add(item.name)
        kind = ALL.get(item.kind)
        if kind is None:
            yield ScriptError(
                f"The transformation '{item.kind}' ('{item.name}') is not supported",
                item.line,
                remedy=did_you_mean(item.kind, ALL),
            )
            continue
        for stream in item.inputs:
            if stream not in streams:
                yield ScriptError(f"There is no stream '{stream}'", item.line, remedy=did_you_mean(stream, streams))
        yield from _of_item(flow, item, kind)
        for node in walk(item):
            if isinstance(node, Parameter) and node.name not in parameters:
                yield ScriptError(
                    f"The data flow has no parameter '{node.name}'",
                    node.line,
                    remedy=did_you_mean(node.name, parameters),
                )
    yield from _circles(flow)


def _streams(flow: DataFlow) -> set[str]:
    found: set[str] = set()
    for item in flow.script.transformations:
        if item.outputs:
            found.update(f"{item.name}@{name}" for name in item.outputs)
        elif item.kind != "sink":
            found.add(item.name)
    return found


def _circles(flow: DataFlow) -> Iterator[ScriptError]:
    try:
        in_order(flow)
    except ScriptError as error:
        yield error


def in_order(flow: DataFlow) -> list[Transformation]:
    """The transformations, each after those it reads. Raises `ScriptError` for a circle."""
    by_name = {item.name: item for item in flow.script.transformations}
    done: dict[str, Transformation] = {}
    open_names: set[str] = set()

    def visit(item: Transformation) -> None:
        if item.name in done:
            return
        if item.name in open_names:
            raise ScriptError(f"'{item.name}' reads itself, by way of others or directly", item.line)
        open_names.add(item.name)
        for stream in item.inputs:
            before = by_name.get(stream.partition("@")[0])
            if before is not None:
                visit(before)
        done[item.name] = item

    for item in flow.script.transformations:
        visit(item)
    return list(done.values())


def _of_item(flow: DataFlow, item: Transformation, kind: Kind) -> Iterator[ScriptError]:
    least, most = kind.inputs
    if len(item.inputs) < least or (most is not None and len(item.inputs) > most):
        wanted = f"{least}" if least == most else f"at least {least}"
        yield ScriptError(f"{item.kind} '{item.name}' reads {wanted} streams, not {len(item.inputs)}", item.line)
    if item.outputs and item.kind != "split":
        yield ScriptError(f"{item.kind} '{item.name}' gives one stream", item.line)
    if item.kind in ("source", "sink"):
        ends = flow.sources if item.kind == "source" else flow.sinks
        if item.name not in ends:
            yield ScriptError(
                f"The {item.kind} '{item.name}' is not among the {item.kind}s of the JSON",
                item.line,
                remedy=did_you_mean(item.name, ends),
            )
    try:
        check_options(item, kind)
    except ScriptError as error:
        yield error
    for node in item.arguments:
        yield from _of_argument(item, kind, node)


def _of_argument(item: Transformation, kind: Kind, node: Node) -> Iterator[ScriptError]:
    if isinstance(node, Option):
        yield from functions(node.value)
    elif isinstance(node, Call) and node.name in (*kind.clauses, *WITHOUT_EFFECT):
        for inner in node.arguments:
            yield from functions(inner)
    elif isinstance(node, Assign):
        if not kind.assigns:
            yield ScriptError(f"{item.kind} '{item.name}' takes no name = value", node.line)
        yield from functions(node)
    elif not kind.expressions:
        what = f"'{node.name}(…)'" if isinstance(node, Call) else "an expression"
        yield ScriptError(
            f"{item.kind} '{item.name}' does not take {what} here", node.line, remedy=did_you_mean("", kind.clauses)
        )
    else:
        yield from functions(node)


def functions(node: Node) -> Iterator[ScriptError]:
    """The calls in an expression that cannot be translated."""
    for inner in walk(node):
        if isinstance(inner, Call) and inner.name not in _PATTERNS:
            try:
                function_of(inner)
            except ScriptError as error:
                yield error
