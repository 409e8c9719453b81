"""What an activity would be given: all of its expressions evaluated, without doing its work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelhouse.adf.activity.context import MASK
from reelhouse.adf.definition import Activity, Dataset, LinkedService, Reference, read_reference
from reelhouse.adf.expression.evaluate import evaluate
from reelhouse.adf.expression.scope import Scope
from reelhouse.adf.factory import Factory
from reelhouse.adf.parameters import bind

_INNER = ("activities", "ifTrueActivities", "ifFalseActivities", "cases", "defaultActivities")
_LATER = {("Until", "expression"), ("Filter", "condition")}
"""Properties whose expressions look at what happens inside of the activity."""


def evaluated_input(activity: Activity, scope: Scope, factory: Factory) -> dict[str, Any]:
    """The `typeProperties` of an activity with their values; `inputs`, `outputs` and `linkedServiceName` beside them.

    A reference to a dataset or a linked service has its parameters and the `typeProperties` that follow from them.
    Raises `UserError` for an expression that cannot be evaluated and for a reference to what a factory does not have,
    if it has any object of that kind.
    """
    place = activity.properties
    shown: dict[str, Any] = {}
    for key, raw in activity.raw.items():
        if key in _INNER or (activity.type, key) in _LATER:
            continue
        reference = read_reference(raw, place.at(key), []) if _is_reference(raw) else None
        if reference is not None:
            shown[key] = _resolved(reference, scope, factory)
        else:
            shown[key] = evaluate(raw, scope, place.at(key))
    for key, references in (("inputs", activity.inputs), ("outputs", activity.outputs)):
        if references:
            shown[key] = [_resolved(reference, scope, factory) for reference in references]
    if activity.linked_service is not None:
        shown["linkedServiceName"] = _resolved(activity.linked_service, scope, factory)
    return shown


def _is_reference(raw: Any) -> bool:
    return isinstance(raw, Mapping) and "referenceName" in raw


def _resolved(reference: Reference, scope: Scope, factory: Factory) -> dict[str, Any]:
    given = evaluate(dict(reference.parameters), scope, reference.place.at("parameters"))
    shown = {"referenceName": reference.name, "type": reference.type, "parameters": given}
    if reference.type == "DatasetReference" and (factory.datasets or factory.linked_services):
        shown.update(_dataset(factory.dataset(reference.name, reference.place), given, reference, scope, factory))
    elif reference.type == "LinkedServiceReference" and factory.linked_services:
        shown.update(_service(factory.linked_service(reference.name, reference.place), given, reference, scope))
    return shown


def _dataset(
    dataset: Dataset, given: Mapping[str, Any], reference: Reference, scope: Scope, factory: Factory
) -> dict[str, Any]:
    values = bind(dataset.parameters, given, f"Dataset '{dataset.name}'", reference.place)
    own = Scope(dataset=values, clock=scope.clock, guid=scope.guid, random=scope.random)
    shown = {
        "parameters": values,
        "typeProperties": evaluate(dict(dataset.raw), own, dataset.place.at("typeProperties")),
    }
    if dataset.linked_service is not None:
        shown["linkedServiceName"] = _resolved(dataset.linked_service, own, factory)
    return shown


def _service(service: LinkedService, given: Mapping[str, Any], reference: Reference, scope: Scope) -> dict[str, Any]:
    values = bind(service.parameters, given, f"Linked service '{service.name}'", reference.place)
    own = Scope(linked_service=values, clock=scope.clock, guid=scope.guid, random=scope.random)
    evaluated = evaluate(dict(service.raw), own, service.place.at("typeProperties"))
    return {"parameters": values, "typeProperties": _masked(evaluated)}


def _masked(value: Any) -> Any:
    if isinstance(value, Mapping):
        if value.get("type") == "SecureString":
            return {**value, "value": MASK}
        return {key: _masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return value
