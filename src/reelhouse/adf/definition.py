"""Pipelines, datasets and linked services as their JSON says, checked at this edge and frozen behind it.

https://learn.microsoft.com/azure/data-factory/concepts-pipelines-activities
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import Field

from reelhouse.adf.finding import Finding, checked, problem
from reelhouse.adf.settings import ACTIVITY_SETTINGS, DATASET_SETTINGS, LINKED_SERVICE_SETTINGS, Settings, SwitchCase
from reelhouse.errors import Place
from reelhouse.runs.record import RunStatus


class Condition(StrEnum):
    """Completed is Succeeded or Failed, not Skipped."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    SKIPPED = "Skipped"
    COMPLETED = "Completed"


@dataclass(frozen=True)
class Reference:
    """A name of another object, and values for its parameters. `place` is where it stands."""

    name: str
    type: str
    parameters: Mapping[str, Any]
    place: Place


@dataclass(frozen=True)
class Dependency:
    activity: str
    conditions: frozenset[Condition]


@dataclass(frozen=True)
class Policy:
    """`timeout` and `retry` may be dynamic. `retry_interval` is in seconds."""

    timeout: Any = None
    retry: Any = 0
    retry_interval: int = 30
    secure_input: bool = False
    secure_output: bool = False


@dataclass(frozen=True)
class Activity:
    """One activity. `settings` is None for a type that does not run here; `raw` is its `typeProperties` as written.

    `branches` are the scopes inside a container: `true` and `false`, the values of the cases and `default`, or `body`.
    `inactive_as` is the state that an inactive activity is marked as.
    """

    name: str
    type: str
    place: Place
    settings: Settings | None
    raw: Mapping[str, Any] = field(default_factory=dict)
    depends_on: tuple[Dependency, ...] = ()
    policy: Policy = Policy()
    has_policy: bool = False
    inputs: tuple[Reference, ...] = ()
    outputs: tuple[Reference, ...] = ()
    linked_service: Reference | None = None
    user_properties: Mapping[str, Any] = field(default_factory=dict)
    inactive_as: RunStatus | None = None
    branches: Mapping[str, tuple[Activity, ...]] = field(default_factory=dict)

    @property
    def properties(self) -> Place:
        """The place of its `typeProperties`."""
        return self.place.at("typeProperties")


@dataclass(frozen=True)
class Parameter:
    """A declared parameter or variable. `type` has the documented spelling; `default` is NO_DEFAULT without one."""

    name: str
    type: str
    default: Any


class _NoDefault:
    pass


NO_DEFAULT = _NoDefault()


@dataclass(frozen=True)
class Pipeline:
    name: str
    place: Place
    activities: tuple[Activity, ...]
    parameters: Mapping[str, Parameter]
    variables: Mapping[str, Parameter]
    concurrency: int | None = None
    description: str = ""


@dataclass(frozen=True)
class Dataset:
    """`settings` is None for a type that does not run here."""

    name: str
    type: str
    place: Place
    settings: Settings | None
    raw: Mapping[str, Any]
    linked_service: Reference | None
    parameters: Mapping[str, Parameter]


@dataclass(frozen=True)
class LinkedService:
    """`settings` is None for a type that does not run here."""

    name: str
    type: str
    place: Place
    settings: Settings | None
    raw: Mapping[str, Any]
    parameters: Mapping[str, Parameter]


def walk(activities: Iterable[Activity]) -> Iterator[Activity]:
    """All activities, those in containers included."""
    for activity in activities:
        yield activity
        for branch in activity.branches.values():
            yield from walk(branch)


SEEN_THROUGH = frozenset(("IfCondition", "Switch", "Until"))
"""Containers whose inside those after them may name in `activity('…')`. The inside of a ForEach has no one result."""


def seen_inside(container: Activity) -> Iterator[Activity]:
    """The activities inside of a container that those after it may name. None for an activity that is no container."""
    if container.type not in SEEN_THROUGH:
        return
    for branch in container.branches.values():
        for activity in branch:
            yield activity
            yield from seen_inside(activity)


class ActivityModel(Settings):
    name: str
    type: str
    description: str = ""
    depends_on: list[Any] = Field(default_factory=list)
    user_properties: list[Any] = Field(default_factory=list)
    policy: dict[str, Any] | None = None
    type_properties: dict[str, Any] = Field(default_factory=dict)
    linked_service_name: Any = None
    inputs: list[Any] = Field(default_factory=list)
    outputs: list[Any] = Field(default_factory=list)
    state: str = "Active"
    on_inactive_mark_as: str | None = None


class DependencyModel(Settings):
    activity: str
    dependency_conditions: list[Condition] = Field(default_factory=lambda: [Condition.SUCCEEDED])


class PolicyModel(Settings):
    timeout: Any = None
    retry: Any = 0
    retry_interval_in_seconds: int = 30
    secure_input: bool = False
    secure_output: bool = False


class ReferenceModel(Settings):
    reference_name: str
    type: str
    parameters: dict[str, Any] = Field(default_factory=dict)


class ParameterModel(Settings):
    type: str
    default_value: Any = NO_DEFAULT
    description: str = ""


class PipelineModel(Settings):
    activities: list[Any] = Field(default_factory=list)
    parameters: dict[str, Any] = Field(default_factory=dict)
    variables: dict[str, Any] = Field(default_factory=dict)
    concurrency: int | None = None
    description: str = ""
    annotations: list[Any] = Field(default_factory=list)
    folder: Any = None
    policy: Any = None
    run_dimensions: dict[str, Any] = Field(default_factory=dict)
    last_publish_time: Any = None


class DatasetModel(Settings):
    type: str
    linked_service_name: Any
    type_properties: dict[str, Any] = Field(default_factory=dict)
    parameters: dict[str, Any] = Field(default_factory=dict)
    schema_: Any = Field(None, alias="schema")
    structure: Any = None
    description: str = ""
    annotations: list[Any] = Field(default_factory=list)
    folder: Any = None


class LinkedServiceModel(Settings):
    type: str
    type_properties: dict[str, Any] = Field(default_factory=dict)
    parameters: dict[str, Any] = Field(default_factory=dict)
    description: str = ""
    annotations: list[Any] = Field(default_factory=list)
    connect_via: Any = None
    version: Any = None


PARAMETER_TYPES = {
    name.lower(): name for name in ("String", "Int", "Float", "Bool", "Array", "Object", "SecureString")
} | {"integer": "Int", "boolean": "Bool"}
VARIABLE_TYPES = {"string": "String", "bool": "Boolean", "boolean": "Boolean", "array": "Array", "integer": "Integer"}
_MARKS = {status.value: status for status in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.SKIPPED)}


def read_pipeline(name: str, properties: Any, place: Place, findings: list[Finding]) -> Pipeline | None:
    """The pipeline of a JSON object `properties`. What is wrong is added to `findings`; None when nothing is left."""
    model = checked(PipelineModel, properties, place, f"Pipeline '{name}'", findings)
    if model is None:
        return None
    return Pipeline(
        name,
        place,
        read_activities(model.activities, place.at("activities"), findings),
        read_parameters(model.parameters, place.at("parameters"), PARAMETER_TYPES, findings),
        read_parameters(model.variables, place.at("variables"), VARIABLE_TYPES, findings),
        model.concurrency,
        model.description,
    )


def read_parameters(
    raw: Mapping[str, Any], place: Place, types: Mapping[str, str], findings: list[Finding]
) -> dict[str, Parameter]:
    """Declarations of parameters or variables, with their types in the documented spelling."""
    result: dict[str, Parameter] = {}
    for name, value in raw.items():
        model = checked(ParameterModel, value, place.at(name), f"'{name}'", findings)
        if model is None:
            continue
        kind = types.get(model.type.lower())
        if kind is None:
            known = ", ".join(sorted(set(types.values())))
            findings.append(
                problem(place.at(name).at("type"), f"'{model.type}' is no type of '{name}'", f"Known: {known}.")
            )
            continue
        result[name] = Parameter(name, kind, model.default_value)
    return result


def read_activities(raw: Sequence[Any], place: Place, findings: list[Finding]) -> tuple[Activity, ...]:
    """The activities of one scope, with the scopes inside them."""
    activities = [read_activity(item, place.at(index), findings) for index, item in enumerate(raw)]
    return tuple(activity for activity in activities if activity is not None)


def read_activity(raw: Any, place: Place, findings: list[Finding]) -> Activity | None:
    """One activity. An inactive one is not checked: Data Factory does not validate it either."""
    model = checked(ActivityModel, raw, place, "An activity", findings)
    if model is None:
        return None
    kind = _activity_type(model.type)
    inactive_as = None
    if model.state.lower() == "inactive":
        mark = (model.on_inactive_mark_as or "Succeeded").capitalize()
        inactive_as = _MARKS.get(mark)
        if inactive_as is None:
            findings.append(
                problem(place.at("onInactiveMarkAs"), f"'{mark}' is no mark", f"Known: {', '.join(_MARKS)}.")
            )
    elif model.state.lower() != "active":
        findings.append(problem(place.at("state"), f"'{model.state}' is no state", "Use Active or Inactive."))
    kept = findings if inactive_as is None else []
    of = f"Activity '{model.name}' ({kind})"
    settings = None
    if kind in ACTIVITY_SETTINGS:
        settings = checked(ACTIVITY_SETTINGS[kind], model.type_properties, place.at("typeProperties"), of, kept)
    policy = checked(PolicyModel, model.policy or {}, place.at("policy"), f"The policy of '{model.name}'", kept)
    return Activity(
        name=model.name,
        type=kind,
        place=place,
        settings=settings,
        raw=model.type_properties,
        depends_on=_dependencies(model, place, findings),
        policy=_policy(policy) if policy else Policy(),
        has_policy=model.policy is not None,
        inputs=_references(model.inputs, place.at("inputs"), kept),
        outputs=_references(model.outputs, place.at("outputs"), kept),
        linked_service=_optional_reference(model.linked_service_name, place.at("linkedServiceName"), kept),
        user_properties={
            str(item.get("name")): item.get("value") for item in model.user_properties if isinstance(item, Mapping)
        },
        inactive_as=inactive_as,
        branches=_branches(settings, place.at("typeProperties"), kept) if settings else {},
    )


def _activity_type(name: str) -> str:
    return next((known for known in ACTIVITY_SETTINGS if known.lower() == name.lower()), name)


def _policy(model: PolicyModel) -> Policy:
    return Policy(model.timeout, model.retry, model.retry_interval_in_seconds, model.secure_input, model.secure_output)


def _dependencies(model: ActivityModel, place: Place, findings: list[Finding]) -> tuple[Dependency, ...]:
    result = []
    for index, item in enumerate(model.depends_on):
        spot = place.at("dependsOn").at(index)
        dependency = checked(DependencyModel, item, spot, f"A dependency of '{model.name}'", findings)
        if dependency is not None:
            if not dependency.dependency_conditions:
                remedy = f"Give one of {', '.join(Condition)}."
                where = spot.at("dependencyConditions")
                findings.append(problem(where, f"A dependency of '{model.name}' names no condition", remedy))
            result.append(Dependency(dependency.activity, frozenset(dependency.dependency_conditions)))
    return tuple(result)


def read_reference(raw: Any, place: Place, findings: list[Finding]) -> Reference | None:
    """A reference to another object."""
    model = checked(ReferenceModel, raw, place, "A reference", findings)
    return Reference(model.reference_name, model.type, model.parameters, place) if model else None


def _optional_reference(raw: Any, place: Place, findings: list[Finding]) -> Reference | None:
    return None if raw is None else read_reference(raw, place, findings)


def _references(raw: Sequence[Any], place: Place, findings: list[Finding]) -> tuple[Reference, ...]:
    found = [read_reference(item, place.at(index), findings) for index, item in enumerate(raw)]
    return tuple(item for item in found if item is not None)


def _branches(settings: Settings, place: Place, findings: list[Finding]) -> dict[str, tuple[Activity, ...]]:
    branches: dict[str, tuple[Activity, ...]] = {}
    for attribute, key, wire in (
        ("if_true_activities", "true", "ifTrueActivities"),
        ("if_false_activities", "false", "ifFalseActivities"),
        ("activities", "body", "activities"),
        ("default_activities", "default", "defaultActivities"),
    ):
        raw = getattr(settings, attribute, None)
        if raw is not None:
            branches[key] = read_activities(raw, place.at(wire), findings)
    for index, item in enumerate(getattr(settings, "cases", [])):
        spot = place.at("cases").at(index)
        case = checked(SwitchCase, item, spot, "A case", findings)
        if case is not None:
            branches[f"case:{case.value}"] = read_activities(case.activities, spot.at("activities"), findings)
    return branches


def read_dataset(name: str, properties: Any, place: Place, findings: list[Finding]) -> Dataset | None:
    """The dataset of a JSON object `properties`."""
    model = checked(DatasetModel, properties, place, f"Dataset '{name}'", findings)
    if model is None:
        return None
    settings = None
    if model.type in DATASET_SETTINGS:
        of = f"Dataset '{name}' ({model.type})"
        settings = checked(
            DATASET_SETTINGS[model.type], model.type_properties, place.at("typeProperties"), of, findings
        )
    return Dataset(
        name,
        model.type,
        place,
        settings,
        model.type_properties,
        read_reference(model.linked_service_name, place.at("linkedServiceName"), findings),
        read_parameters(model.parameters, place.at("parameters"), PARAMETER_TYPES, findings),
    )


def read_linked_service(name: str, properties: Any, place: Place, findings: list[Finding]) -> LinkedService | None:
    """The linked service of a JSON object `properties`."""
    model = checked(LinkedServiceModel, properties, place, f"Linked service '{name}'", findings)
    if model is None:
        return None
    settings = None
    if model.type in LINKED_SERVICE_SETTINGS:
        of = f"Linked service '{name}' ({model.type})"
        kind = LINKED_SERVICE_SETTINGS[model.type]
        settings = checked(kind, model.type_properties, place.at("typeProperties"), of, findings)
    return LinkedService(
        name,
        model.type,
        place,
        settings,
        model.type_properties,
        read_parameters(model.parameters, place.at("parameters"), PARAMETER_TYPES, findings),
    )
