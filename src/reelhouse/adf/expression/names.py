"""Which names an expression uses, and whether its scope has them: what can be said without running.

https://learn.microsoft.com/azure/data-factory/control-flow-system-variables
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reelhouse.adf.errors import ExpressionError
from reelhouse.adf.expression.evaluate import compile_template
from reelhouse.adf.expression.syntax import Access, Call, Interpolated, Literal, Node, Step, Whole, parse_template
from reelhouse.errors import did_you_mean

SYSTEM_VARIABLES = (
    "DataFactory", "Pipeline", "RunId", "TriggerType", "TriggerId", "TriggerName", "TriggerTime", "GroupId",
    "TriggeredByPipelineName", "TriggeredByPipelineRunId", "parameters", "globalParameters",
)  # fmt: skip


@dataclass(frozen=True)
class Names:
    """What a scope has. None means that the scope does not have names of that kind at all.

    `activities` are those that have ended when the expression is evaluated, `all_activities` those of the pipeline.
    """

    parameters: Collection[str] | None = None
    global_parameters: Collection[str] = ()
    variables: Collection[str] | None = None
    activities: Collection[str] | None = None
    all_activities: Collection[str] = ()
    item: bool = False
    dataset: Collection[str] | None = None
    linked_service: Collection[str] | None = None
    trigger: bool = False
    scope: str = field(default="this expression")


def check_expression(text: str, names: Names) -> Iterator[ExpressionError]:
    """What is wrong with a dynamic text: its syntax, its functions, or names that its scope does not have."""
    if "@" not in text:
        return
    try:
        compile_template(text)
        parsed = parse_template(text)
    except ExpressionError as error:
        yield error
        return
    if isinstance(parsed, Whole):
        yield from _check(parsed.node, text, names)
    elif isinstance(parsed, Interpolated):
        for part in parsed.parts:
            if not isinstance(part, str):
                yield from _check(part, text, names)


def variables_read(text: str) -> set[str]:
    """The variables that a dynamic text reads, in lower case. Nothing for a text that is not an expression."""
    try:
        parsed = parse_template(text)
    except ExpressionError:
        return set()
    nodes: list[Node] = []
    if isinstance(parsed, Whole):
        nodes = [parsed.node]
    elif isinstance(parsed, Interpolated):
        nodes = [part for part in parsed.parts if not isinstance(part, str)]
    found: set[str] = set()
    while nodes:
        node = nodes.pop()
        call = node.target if isinstance(node, Access) else node
        if isinstance(node, Access):
            nodes.extend(step.key for step in node.steps if not isinstance(step.key, str))
        if isinstance(call, Call):
            nodes.extend(call.arguments)
            first = call.arguments[0] if call.arguments else None
            if call.name.lower() == "variables" and isinstance(first, Literal):
                found.add(str(first.value).lower())
    return found


def _check(node: Node, text: str, names: Names) -> Iterator[ExpressionError]:
    if isinstance(node, Literal):
        return
    call = node.target if isinstance(node, Access) else node
    steps = node.steps if isinstance(node, Access) else ()
    yield from _check_call(call, steps, text, names)
    for argument in call.arguments:
        yield from _check(argument, text, names)
    for step in steps:
        if not isinstance(step.key, str):
            yield from _check(step.key, text, names)


def _name_at(steps: tuple[Step, ...], index: int) -> tuple[str, int] | None:
    """The name that an accessor asks for, when it is written and not computed, and not asked for safely."""
    if index >= len(steps) or steps[index].safe:
        return None
    key = steps[index].key
    if isinstance(key, str):
        return key, steps[index].position
    if isinstance(key, Literal) and isinstance(key.value, str):
        return key.value, steps[index].position
    return None


def _check_call(call: Call, steps: tuple[Step, ...], text: str, names: Names) -> Iterator[ExpressionError]:
    def error(what: str, position: int, remedy: str = "") -> ExpressionError:
        return ExpressionError(what, expression=text, position=position, remedy=remedy)

    def known(kind: str, found: tuple[str, int] | None, there: Collection[str]) -> Iterator[ExpressionError]:
        if found is not None and found[0].lower() not in {name.lower() for name in there}:
            yield error(f"There is no {kind} '{found[0]}'", found[1], did_you_mean(found[0], there))

    def literal() -> tuple[str, int] | None:
        first = call.arguments[0] if call.arguments else None
        return (first.value, first.position) if isinstance(first, Literal) and isinstance(first.value, str) else None

    function = call.name.lower()
    missing: Mapping[str, bool] = {
        "pipeline": names.parameters is None,
        "variables": names.variables is None,
        "activity": names.activities is None,
        "item": not names.item,
        "dataset": names.dataset is None,
        "linkedservice": names.linked_service is None,
        "trigger": not names.trigger,
        "triggerbody": not names.trigger,
    }
    if missing.get(function):
        where = {"item": "Only a ForEach and the condition of a Filter have it."}.get(function, "")
        yield error(f"{call.name}() does not exist in {names.scope}", call.position, where)
        return
    if function == "pipeline":
        first = _name_at(steps, 0)
        yield from known("system variable of pipeline()", first, SYSTEM_VARIABLES)
        if first is not None and first[0].lower() == "parameters":
            yield from known("parameter", _name_at(steps, 1), names.parameters or ())
        elif first is not None and first[0].lower() == "globalparameters":
            yield from known("global parameter", _name_at(steps, 1), names.global_parameters)
    elif function == "variables":
        yield from known("variable", literal(), names.variables or ())
    elif function == "dataset":
        yield from known("parameter of the dataset", _name_at(steps, 0), names.dataset or ())
    elif function == "linkedservice":
        yield from known("parameter of the linked service", _name_at(steps, 0), names.linked_service or ())
    elif function == "activity":
        yield from _check_activity(literal(), names, error)


def _check_activity(found: tuple[str, int] | None, names: Names, error: Any) -> Iterator[ExpressionError]:
    if found is None or found[0].lower() in {name.lower() for name in names.activities or ()}:
        return
    if found[0].lower() in {name.lower() for name in names.all_activities}:
        yield error(
            f"The activity '{found[0]}' is not upstream of this one",
            found[1],
            "Name it in dependsOn, directly or by way of others.",
        )
    else:
        yield error(f"There is no activity '{found[0]}'", found[1], did_you_mean(found[0], names.all_activities))
