"""`F.current_catalog()`, `F.current_schema()`: what the engine's own session cannot know. Pure."""

from __future__ import annotations

from typing import Any

from reelhouse.plans import plan
from reelhouse.spark import sqltext

_NAMES = ("current_catalog", "current_schema", "current_database")


def asks(relation: plan.Relation) -> bool:
    """Whether the plan may call one of the functions."""
    return b"current_" in relation.SerializeToString()


def fill(relation: plan.Relation, catalog: str, schema: str) -> None:
    """Put the names in the place of the calls, in the given plan itself."""
    _fill(relation, catalog, schema)


def _fill(message: Any, catalog: str, schema: str, *, in_project: bool = False) -> None:
    if message.DESCRIPTOR.name == "Expression":
        name = _called(message)
        if name is not None:
            literal = plan.text_literal(catalog if name == "current_catalog" else schema)
            message.CopyFrom(plan.named(literal, f"{name}()") if in_project else literal)
            return
        if message.HasField("expression_string"):
            text = message.expression_string.expression
            message.expression_string.expression = sqltext.with_current_names(text, catalog, schema)
            return
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for item in value if field.is_repeated else [value]:
            _fill(item, catalog, schema, in_project=message.DESCRIPTOR.name == "Project")


def _called(expression: Any) -> str | None:
    function = expression.unresolved_function
    if expression.WhichOneof("expr_type") != "unresolved_function" or function.arguments:
        return None
    name = function.function_name.lower()
    return name if name in _NAMES else None
