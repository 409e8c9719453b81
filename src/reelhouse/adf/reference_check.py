"""What is wrong with references, datasets and the expressions in a JSON value.

https://learn.microsoft.com/azure/data-factory/concepts-datasets-linked-services
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from reelhouse.adf.access.service import check_authentication_type
from reelhouse.adf.dataset import check_compression
from reelhouse.adf.definition import NO_DEFAULT, Activity, Dataset, LinkedService, Parameter, Reference, read_reference
from reelhouse.adf.expression.evaluate import is_expression
from reelhouse.adf.expression.names import Names, check_expression
from reelhouse.adf.factory import Factory
from reelhouse.adf.finding import Finding, checked, problem, warning
from reelhouse.adf.rest.pages import check_rest_dataset
from reelhouse.adf.settings import (
    DATASET_SETTINGS,
    LINKED_SERVICE_SETTINGS,
    LOCATIONS,
    Delete,
    ExecutePipeline,
    GetMetadata,
    Lookup,
    RestResource,
    Validation,
)
from reelhouse.adf.type_check import DATASET_TYPES, is_typo, nearest_type
from reelhouse.errors import Place, Unsupported, did_you_mean


def check_reference(
    reference: Reference, kind: str, word: str, known: Mapping[str, Any], factory: Factory
) -> Iterator[Finding]:
    """Whether the object exists, and its parameters are all given and all known."""
    if reference.name not in known:
        if (kind, reference.name) not in factory.faulty:
            yield problem(
                reference.place.at("referenceName"),
                f"The factory has no {word.lower()} '{reference.name}'",
                did_you_mean(reference.name, known),
            )
        return
    parameters: Mapping[str, Parameter] = known[reference.name].parameters
    lower = {name.lower() for name in parameters}
    for name in reference.parameters:
        if name.lower() not in lower:
            yield problem(
                reference.place.at("parameters").at(name),
                f"{word} '{reference.name}' has no parameter '{name}'",
                did_you_mean(name, parameters),
            )
    given = {name.lower() for name in reference.parameters}
    for name, parameter in parameters.items():
        if parameter.default is NO_DEFAULT and name.lower() not in given:
            yield problem(reference.place, f"{word} '{reference.name}' needs a value for its parameter '{name}'")


def check_supported(
    reference: Reference, found: Dataset | LinkedService, word: str, factory: Factory
) -> Iterator[Finding]:
    """Whether the type of what is used runs here."""
    types = DATASET_SETTINGS if isinstance(found, Dataset) else LINKED_SERVICE_SETTINGS
    if found.type not in types:
        yield problem(
            reference.place,
            f"{word} '{found.name}' is of type '{found.type}', which is not supported",
            f"Supported: {', '.join(sorted(types))}.",
        )
    elif isinstance(found, LinkedService):
        yield from check_authentication_type(found.type, found.raw, found.place.at("typeProperties"))
    elif found.linked_service is not None:
        service = factory.linked_services.get(found.linked_service.name)
        if service is not None:
            yield from check_supported(reference, service, "Linked service", factory)


def references_of(activity: Activity) -> Iterator[Reference]:
    """All references of an activity."""
    yield from activity.inputs
    yield from activity.outputs
    if activity.linked_service is not None:
        yield activity.linked_service
    settings = activity.settings
    raw, key = None, ""
    if isinstance(settings, Lookup | GetMetadata | Validation | Delete):
        raw, key = settings.dataset, "dataset"
    elif isinstance(settings, ExecutePipeline):
        raw, key = settings.pipeline, "pipeline"
    if raw is None:
        return
    reference = read_reference(raw, activity.properties.at(key), [])
    if reference is None:
        return
    if isinstance(settings, ExecutePipeline):
        reference = replace(reference, parameters=settings.parameters)
    yield reference


def _check_location(dataset: Dataset) -> Iterator[Finding]:
    raw, place = dataset.raw.get("location"), dataset.place.at("typeProperties").at("location")
    kind = raw.get("type") if isinstance(raw, Mapping) else None
    if not isinstance(kind, str) or kind not in LOCATIONS:
        yield problem(
            place, f"Locations of type '{kind}' are not supported", f"Supported: {', '.join(sorted(LOCATIONS))}."
        )
        return
    findings: list[Finding] = []
    checked(LOCATIONS[kind], raw, place, f"A location ({kind})", findings)
    yield from findings


def _check_rest_service(factory: Factory, dataset: Dataset) -> Iterator[Finding]:
    reference = dataset.linked_service
    service = factory.linked_services.get(reference.name) if reference is not None else None
    if reference is not None and service is not None and service.type != "RestService":
        what = f"The linked service '{service.name}' ({service.type}) is no REST service"
        yield problem(reference.place, what, "A RestResource needs one of type RestService.")


def _dataset_type(dataset: Dataset) -> Finding:
    """Why a dataset cannot be used: its type is no type at all, or one that does not run here."""
    place, kind = dataset.place.at("type"), dataset.type
    remedy = nearest_type(kind, DATASET_TYPES, DATASET_SETTINGS)
    if is_typo(kind, DATASET_TYPES, DATASET_SETTINGS):
        return problem(place, f"Data Factory has no dataset of type '{kind}' ('{dataset.name}')", remedy)
    return warning(place, f"Datasets of type '{kind}' are not supported, what uses '{dataset.name}' is refused", remedy)


def validate_dataset(factory: Factory, dataset: Dataset) -> list[Finding]:
    findings: list[Finding] = []
    if dataset.settings is None and dataset.type not in DATASET_SETTINGS:
        findings.append(_dataset_type(dataset))
    if dataset.settings is not None:
        if "location" in type(dataset.settings).model_fields:
            findings.extend(_check_location(dataset))
        if isinstance(dataset.settings, RestResource):
            check_rest_dataset(dataset.settings, dataset.place.at("typeProperties"), findings)
            findings.extend(_check_rest_service(factory, dataset))
        try:
            check_compression(dataset.settings, dataset.place.at("typeProperties"))
        except Unsupported as error:
            findings.append(problem(error.where or dataset.place, error.what, error.remedy))
    names = Names(dataset=dataset.parameters, scope="a dataset")
    findings.extend(check_expressions(dataset.raw, dataset.place.at("typeProperties"), names))
    if dataset.linked_service is not None:
        reference = dataset.linked_service
        findings.extend(check_reference(reference, "linkedService", "Linked service", factory.linked_services, factory))
        findings.extend(check_expressions(reference.parameters, reference.place.at("parameters"), names))
    return findings


def check_expressions(value: Any, place: Place, names: Names) -> Iterator[Finding]:
    """What is wrong with the expressions in a JSON value."""
    if isinstance(value, str):
        for error in check_expression(value, names):
            yield problem(place, error.what, error.remedy)
    elif isinstance(value, Mapping):
        if is_expression(value):
            yield from check_expressions(value["value"], place.at("value"), names)
            return
        for key, item in value.items():
            yield from check_expressions(item, place.at(str(key)), names)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from check_expressions(item, place.at(index), names)


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)
