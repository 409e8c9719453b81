"""A syntax tree compiled to closures: parsing is paid once, an evaluation costs a few calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from reelhouse.adf.errors import ExpressionError
from reelhouse.adf.expression.functions.function import BadArgument, Function, FunctionError
from reelhouse.adf.expression.functions.registry import FUNCTIONS
from reelhouse.adf.expression.scope import Scope
from reelhouse.adf.expression.syntax import Access, Call, Interpolated, Literal, Node, Plain, Step, parse_template
from reelhouse.adf.expression.values import find_key, text, type_name
from reelhouse.errors import Place, did_you_mean

Evaluation = Callable[[Scope], Any]
_NAMES_SHOWN = 20


@lru_cache(maxsize=4096)
def compile_template(template: str) -> Evaluation:
    """A function from a scope to the value of a dynamic text. Raises `ExpressionError` for what can be seen unrun."""
    parsed = parse_template(template)
    if isinstance(parsed, Plain):
        value = parsed.value
        return lambda scope: value
    if isinstance(parsed, Interpolated):
        parts = [part if isinstance(part, str) else _compile(part, template) for part in parsed.parts]
        return lambda scope: "".join([part if isinstance(part, str) else text(part(scope)) for part in parts])
    return _compile(parsed.node, template)


def evaluate(value: Any, scope: Scope, where: Place | None = None) -> Any:
    """The value of any JSON value of an artifact: dynamic texts and `{"value": …, "type": "Expression"}` within it
    are evaluated, all else stays as it is.

    Raises `ExpressionError`, pointing at the place within `where`.
    """
    if isinstance(value, str):
        if "@" not in value:
            return value
        try:
            return compile_template(value)(scope)
        except ExpressionError as error:
            raise (error.at(where) if where and error.where is None else error) from None
    if isinstance(value, Mapping):
        if is_expression(value):
            return evaluate(value["value"], scope, where.at("value") if where else None)
        return {key: evaluate(item, scope, where.at(key) if where else None) for key, item in value.items()}
    if isinstance(value, list):
        return [evaluate(item, scope, where.at(index) if where else None) for index, item in enumerate(value)]
    return value


def is_expression(value: Any) -> bool:
    """Whether a JSON value is the long form of a dynamic value."""
    return isinstance(value, Mapping) and value.get("type") == "Expression" and "value" in value


def _compile(node: Node, source: str) -> Evaluation:
    if isinstance(node, Literal):
        value = node.value
        return lambda scope: value
    if isinstance(node, Access):
        return _compile_access(node, source)
    return _compile_call(node, source)


def function_of(call: Call, source: str) -> Function:
    """The function that a call names, with the number of its arguments checked. Raises `ExpressionError`."""
    function = FUNCTIONS.get(call.name.lower())
    if function is None:
        raise ExpressionError(
            f"Data Factory has no function '{call.name}'",
            expression=source,
            position=call.position,
            remedy=did_you_mean(call.name, [f.name for f in FUNCTIONS.values()]),
        )
    if not function.takes(len(call.arguments)):
        raise ExpressionError(
            f"{function.name}() takes {function.arity()}, not {len(call.arguments)}",
            expression=source,
            position=call.position,
        )
    return function


def _compile_call(call: Call, source: str) -> Evaluation:
    function = function_of(call, source)
    arguments = [_compile(argument, source) for argument in call.arguments]
    positions = [_position(argument) for argument in call.arguments]

    def failed(error: FunctionError) -> ExpressionError:
        position = positions[error.index] if isinstance(error, BadArgument) and positions else call.position
        return ExpressionError(f"{function.name}(): {error}", expression=source, position=position, remedy=error.remedy)

    run = function.run
    if function.lazy:

        def lazy(scope: Scope) -> Any:
            try:
                return run(scope, *arguments)
            except FunctionError as error:
                raise failed(error) from None

        return lazy
    if function.scoped:

        def scoped(scope: Scope) -> Any:
            try:
                return run(scope, *[argument(scope) for argument in arguments])
            except FunctionError as error:
                raise failed(error) from None

        return scoped

    def plain(scope: Scope) -> Any:
        try:
            return run(*[argument(scope) for argument in arguments])
        except FunctionError as error:
            raise failed(error) from None

    return plain


def _position(node: Node) -> int:
    return node.target.position if isinstance(node, Access) else node.position


def _compile_access(access: Access, source: str) -> Evaluation:
    target = _compile_call(access.target, source)
    steps = [(step, None if isinstance(step.key, str) else _compile(step.key, source)) for step in access.steps]

    def run(scope: Scope) -> Any:
        value = target(scope)
        for step, key_of in steps:
            key = step.key if key_of is None else key_of(scope)
            if isinstance(value, dict) and key in value if isinstance(key, str) else False:
                value = value[key]
            else:
                value = _member(value, key, step, source)
        return value

    return run


def _member(value: Any, key: Any, step: Step, source: str) -> Any:
    def error(what: str, remedy: str = "") -> ExpressionError:
        return ExpressionError(what, expression=source, position=step.position, remedy=remedy)

    if value is None:
        if step.safe:
            return None
        raise error(f"'{key}' is asked of null", "Use '?.' or '?[' where the left side may be null.")
    if isinstance(value, Mapping):
        if not isinstance(key, str):
            raise error(f"A property of an object is chosen by text, not by {type_name(key)}")
        found = find_key(value, key)
        if found is not None:
            return value[found]
        if step.safe:
            return None
        names = list(value)
        shown = ", ".join(f"'{name}'" for name in names[:_NAMES_SHOWN]) or "none"
        raise error(
            f"The property '{key}' does not exist, available properties are {shown}",
            suggestion if (suggestion := did_you_mean(key, names)).startswith("Did") else "",
        )
    if isinstance(value, list | tuple):
        if isinstance(key, bool) or not isinstance(key, int):
            raise error(f"An element of an array is chosen by an integer, not by {type_name(key)} '{text(key)}'")
        if 0 <= key < len(value):
            return value[key]
        if step.safe and key >= 0:
            return None
        raise error(f"The index {key} is outside of the array, which has {len(value)} elements")
    raise error(f"A value of type {type_name(value)} has no '{text(key)}'")
