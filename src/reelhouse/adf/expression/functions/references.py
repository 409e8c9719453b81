"""The names of an expression that are written as calls: `pipeline()`, `activity('…')`, `item()`, `dataset()`, …

https://learn.microsoft.com/azure/data-factory/control-flow-system-variables
"""

from __future__ import annotations

from typing import Any

from reelhouse.adf.expression.functions.function import BadArgument, Function, FunctionError, expect_text
from reelhouse.adf.expression.scope import NOTHING, Scope
from reelhouse.errors import did_you_mean


def pipeline(scope: Scope) -> Any:
    if scope.pipeline is None:
        raise FunctionError("pipeline() exists only in expressions of a pipeline", "Hand the value in by a parameter.")
    return scope.pipeline


def variables(scope: Scope, name: Any) -> Any:
    known = scope.variables
    if known is None:
        raise FunctionError("variables() exists only in expressions of a pipeline")
    key = expect_text(name, 0).lower()
    if key not in known:
        raise BadArgument(0, f"the pipeline has no variable '{name}'", did_you_mean(name, known))
    return known[key]


def activity(scope: Scope, name: Any) -> Any:
    known = scope.activities
    if known is None:
        raise FunctionError("activity() exists only in expressions of a pipeline")
    key = expect_text(name, 0).lower()
    if key not in known:
        raise BadArgument(
            0,
            f"the activity '{name}' has not run before this one",
            f"Name it in dependsOn. {did_you_mean(name, known)}" if known else "Name it in dependsOn.",
        )
    return known[key]


def item(scope: Scope) -> Any:
    if scope.item is NOTHING:
        raise FunctionError("item() exists only inside a ForEach and in the condition of a Filter")
    return scope.item


def dataset(scope: Scope) -> Any:
    if scope.dataset is None:
        raise FunctionError("dataset() exists only inside a dataset")
    return scope.dataset


def linked_service(scope: Scope) -> Any:
    if scope.linked_service is None:
        raise FunctionError("linkedService() exists only inside a linked service")
    return scope.linked_service


def trigger(scope: Scope) -> Any:
    if scope.trigger is None:
        raise FunctionError("trigger() exists only in the JSON of a trigger", "Hand the value in by a parameter.")
    return scope.trigger


def trigger_body(scope: Scope) -> Any:
    body = trigger(scope).get("outputs", {}).get("body")
    if body is None:
        raise FunctionError("triggerBody() exists only in triggers of events")
    return body


REFERENCES = (
    Function("activity", activity, 1, 1, scoped=True),
    Function("dataset", dataset, 0, 0, scoped=True),
    Function("item", item, 0, 0, scoped=True),
    Function("linkedService", linked_service, 0, 0, scoped=True),
    Function("pipeline", pipeline, 0, 0, scoped=True),
    Function("trigger", trigger, 0, 0, scoped=True),
    Function("triggerBody", trigger_body, 0, 0, scoped=True),
    Function("variables", variables, 1, 1, scoped=True),
)
