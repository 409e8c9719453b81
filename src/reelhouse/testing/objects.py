"""Objects of a factory that a test writes down as dictionaries, beside those of a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from reelhouse.adf.definition import Dataset, LinkedService, Pipeline, read_dataset, read_linked_service, read_pipeline
from reelhouse.adf.factory import Factory
from reelhouse.adf.finding import Finding, Severity
from reelhouse.errors import Place, UserError, did_you_mean

Given = Mapping[str, Any] | Iterable[Mapping[str, Any]] | None
"""Objects by name, or a list of objects in the shape of their files (`{"name": …, "properties": …}`)."""
ObjectT = TypeVar("ObjectT", Pipeline, Dataset, LinkedService)
NAMELESS = "pipeline"


def with_objects(
    factory: Factory | None,
    *,
    pipelines: Given = None,
    datasets: Given = None,
    linked_services: Given = None,
    global_parameters: Mapping[str, Any] | None = None,
) -> Factory:
    """The factory with these objects added or replaced. Raises `UserError` for what is wrong in them."""
    base = factory or Factory(Path("factory"), name="factory")
    own = _read_all("pipeline", pipelines, read_pipeline)
    replaced = {("pipeline", name) for name in own}
    return replace(
        base,
        pipelines={**base.pipelines, **own},
        datasets={**base.datasets, **_read_all("dataset", datasets, read_dataset)},
        linked_services={**base.linked_services, **_read_all("linked service", linked_services, read_linked_service)},
        global_parameters={**base.global_parameters, **(global_parameters or {})},
        faulty={key: finding for key, finding in base.faulty.items() if key not in replaced},
    )


def with_global_parameters(factory: Factory, given: Mapping[str, Any] | None) -> Factory:
    """The factory with other values of its global parameters. Raises `UserError` for one that it does not have."""
    for name in given or {}:
        if name not in factory.global_parameters:
            remedy = did_you_mean(name, factory.global_parameters)
            raise UserError(f"The factory has no global parameter '{name}'", remedy=remedy)
    return replace(factory, global_parameters={**factory.global_parameters, **(given or {})})


def with_pipeline(factory: Factory, given: str | Mapping[str, Any] | list[Any]) -> tuple[Factory, str]:
    """The factory with a pipeline that is given by name, as its file, as its properties or as a list of activities."""
    if isinstance(given, str):
        return factory, given
    name = NAMELESS
    if isinstance(given, Mapping):
        name = given.get("name", NAMELESS)
    return with_objects(factory, pipelines={name: given}), name


def _read_all(
    word: str, given: Given, read: Callable[[str, Any, Place, list[Finding]], ObjectT | None]
) -> dict[str, ObjectT]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        given = {str(item.get("name", "")): item for item in given}
    result: dict[str, ObjectT] = {}
    for name, raw in given.items():
        properties: Any = {"activities": raw} if isinstance(raw, list) else raw
        if isinstance(properties, Mapping) and "properties" in properties:
            name, properties = properties.get("name", name), properties["properties"]
        elif isinstance(properties, Mapping) and word == "pipeline":
            properties = {key: value for key, value in properties.items() if key != "name"}
        findings: list[Finding] = []
        value = read(name, properties, Place(f"{word} '{name}'"), findings)
        for finding in findings:
            if finding.severity is Severity.ERROR:
                raise finding.error()
        if value is not None:
            result[name] = value
    return result
