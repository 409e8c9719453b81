"""A factory's folder: Data Factory's git layout, its folders spelled as ADF Studio does, in plural or in snake case,
and loose files.

https://learn.microsoft.com/azure/data-factory/source-control
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field

from reelhouse.adf.arm.template import read_templates, templates_of
from reelhouse.adf.definition import (
    Dataset,
    LinkedService,
    Pipeline,
    read_dataset,
    read_linked_service,
    read_pipeline,
)
from reelhouse.adf.finding import Finding, Severity, checked, problem, warning
from reelhouse.adf.settings import Settings
from reelhouse.adf.trigger.definition import Trigger, read_trigger
from reelhouse.errors import Place, UserError, did_you_mean

FOLDERS = {
    "factory": ("factory", "factories"),
    "linkedService": ("linkedservice", "linkedservices"),
    "dataset": ("dataset", "datasets"),
    "pipeline": ("pipeline", "pipelines"),
    "trigger": ("trigger", "triggers"),
    "dataflow": ("dataflow", "dataflows"),
    "integrationRuntime": ("integrationruntime", "integrationruntimes"),
    "credential": ("credential", "credentials"),
    "managedVirtualNetwork": ("managedvirtualnetwork", "managedvirtualnetworks"),
}
_KIND_OF_FOLDER = {spelling: kind for kind, spellings in FOLDERS.items() for spelling in spellings}
_KIND_OF_TYPE = {
    "pipelines": "pipeline", "datasets": "dataset", "linkedservices": "linkedService", "triggers": "trigger",
    "dataflows": "dataflow", "integrationruntimes": "integrationRuntime", "credentials": "credential",
    "factories": "factory", "managedvirtualnetworks": "managedVirtualNetwork",
}  # fmt: skip
_WORDS = {
    "pipeline": "pipeline", "dataset": "dataset", "linkedService": "linked service", "trigger": "trigger",
}  # fmt: skip


KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class ByName(dict[KeyT, ValueT]):
    """Things by name, or by kind and name. Who asks for one need not know the letter case of its name.

    https://learn.microsoft.com/azure/data-factory/naming-rules
    """

    def __init__(self, values: Mapping[KeyT, ValueT] | None = None) -> None:
        super().__init__()
        self._known: dict[Any, KeyT] = {}
        for key, value in (values or {}).items():
            self[key] = value

    def __setitem__(self, key: KeyT, value: ValueT) -> None:
        super().__setitem__(self._known.setdefault(_folded(key), key), value)

    def __getitem__(self, key: KeyT) -> ValueT:
        return super().__getitem__(self._known.get(_folded(key), key))

    def __contains__(self, key: object) -> bool:
        return _folded(key) in self._known

    def get(self, key: KeyT, default: Any = None) -> Any:
        return super().get(self._known.get(_folded(key), key), default)


def _folded(key: Any) -> Any:
    return tuple(_folded(part) for part in key) if isinstance(key, tuple) else str(key).lower()


@dataclass
class Factory:
    """All objects of a factory by name. `findings` is what is wrong with their JSON; an object that is wrong there is
    refused when it is asked for, not before."""

    folder: Path
    name: str = ""
    pipelines: dict[str, Pipeline] = field(default_factory=ByName)
    datasets: dict[str, Dataset] = field(default_factory=ByName)
    linked_services: dict[str, LinkedService] = field(default_factory=ByName)
    triggers: dict[str, Trigger] = field(default_factory=ByName)
    others: dict[tuple[str, str], Any] = field(default_factory=ByName)
    other_places: dict[tuple[str, str], Place] = field(default_factory=ByName)
    """Where the properties of `others` stand."""
    global_parameters: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    faulty: dict[tuple[str, str], Finding] = field(default_factory=ByName)

    def __post_init__(self) -> None:
        for name in ("pipelines", "datasets", "linked_services", "triggers", "others", "other_places", "faulty"):
            given = getattr(self, name)
            if not isinstance(given, ByName):
                setattr(self, name, ByName(given))

    def pipeline(self, name: str, where: Place | None = None) -> Pipeline:
        """The pipeline of that name. Raises `UserError` when it is unknown or its JSON is wrong."""
        return self._find("pipeline", self.pipelines, name, where)

    def dataset(self, name: str, where: Place | None = None) -> Dataset:
        """The dataset of that name. Raises `UserError` when it is unknown or its JSON is wrong."""
        return self._find("dataset", self.datasets, name, where)

    def linked_service(self, name: str, where: Place | None = None) -> LinkedService:
        """The linked service of that name. Raises `UserError` when it is unknown or its JSON is wrong."""
        return self._find("linkedService", self.linked_services, name, where)

    def _find(self, kind: str, known: Mapping[str, ObjectT], name: str, where: Place | None) -> ObjectT:
        if (kind, name) in self.faulty:
            raise self.faulty[kind, name].error()
        if name not in known:
            raise UserError(
                f"The factory has no {_WORDS[kind]} '{name}'", where=where, remedy=did_you_mean(name, known)
            )
        return known[name]


ObjectT = TypeVar("ObjectT", Pipeline, Dataset, LinkedService)


class FileModel(Settings):
    name: str
    properties: dict[str, Any] = Field(default_factory=dict)
    type: str = ""
    id: Any = None
    etag: Any = None
    api_version: Any = None
    location: Any = None
    identity: Any = None
    tags: Any = None
    dependsOn: Any = None


class GlobalParameter(Settings):
    type: str
    value: Any = None


def load_factory(folder: str | Path) -> Factory:
    """The factory of a folder in Git's layout, or of an exported ARM template (its file or folder).

    What is wrong inside is in its `findings`. Raises `UserError` when there is neither.
    """
    root = Path(folder)
    if root.is_file() or (root.is_dir() and not any(kind is not None for kind, _ in _files(root))):
        templates = templates_of(root)
        if templates:
            return _of_templates(root, templates)
        if root.is_file():
            raise UserError(f"'{folder}' is no ARM template", remedy="Name a template, or a factory's folder.")
    if not root.is_dir():
        raise UserError(f"There is no folder '{folder}' with a data factory", remedy="It holds pipeline/, dataset/, ….")
    factory = Factory(root)
    for kind, path in _files(root):
        place = Place(path.relative_to(root.absolute().parent if root.is_absolute() else root.parent).as_posix())
        try:
            raw = json.loads(path.read_text(encoding="utf-8-sig"))
        except ValueError as error:
            factory.findings.append(problem(place, f"The file is not JSON: {error}"))
            factory.faulty[kind or "pipeline", path.stem] = factory.findings[-1]
            continue
        _add(factory, kind, path, raw, place)
    return factory


def _of_templates(root: Path, templates: list[Path]) -> Factory:
    factory = Factory(root if root.is_dir() else root.parent)
    resources = read_templates(templates)
    for name, place in resources.missing.items():
        factory.findings.append(
            warning(
                place,
                f"The template's parameter '{name}' has no value",
                "Give it one in the parameter file beside the template.",
            )
        )
    for resource in resources.found:
        kind = _KIND_OF_TYPE.get(resource.type.lower())
        if kind is None:
            factory.others[resource.type, resource.name] = resource.properties
            continue
        raw = {"name": resource.name, "properties": resource.properties}
        _add_object(factory, kind, resource.name, raw, resource.place)
    return factory


def _files(root: Path) -> Iterator[tuple[str | None, Path]]:
    """JSON files with their kind, None for loose ones, in a fixed order."""
    for entry in sorted(root.iterdir()):
        if entry.is_dir():
            kind = _KIND_OF_FOLDER.get(entry.name.lower().replace("_", "").replace("-", ""))
            if kind is not None:
                yield from ((kind, path) for path in sorted(entry.rglob("*.json")))
        elif entry.suffix == ".json":
            yield None, entry


def _kind_of(raw: Mapping[str, Any]) -> str | None:
    """What a loose file holds, by its `type` or else by its shape."""
    named = _KIND_OF_TYPE.get(str(raw.get("type", "")).rpartition("/")[2].lower())
    if named:
        return named
    properties = raw.get("properties")
    if not isinstance(properties, Mapping):
        return None
    if "activities" in properties:
        return "pipeline"
    if "linkedServiceName" in properties:
        return "dataset"
    if "globalParameters" in properties:
        return "factory"
    kind = str(properties.get("type", ""))
    if kind.endswith("Trigger"):
        return "trigger"
    if kind in ("MappingDataFlow", "Flowlet", "WranglingDataFlow"):
        return "dataflow"
    if kind in ("Managed", "SelfHosted"):
        return "integrationRuntime"
    return "linkedService" if "typeProperties" in properties else None


def _add(factory: Factory, kind: str | None, path: Path, raw: Any, place: Place) -> None:
    if kind is None:
        kind = _kind_of(raw) if isinstance(raw, Mapping) else None
        if kind is None:
            return  # package.json, publish_config.json and the like lie beside a factory
    _add_object(factory, kind, path.stem, raw, place)


def _add_object(factory: Factory, kind: str, stem: str, raw: Any, place: Place) -> None:
    """An object by its JSON. `stem` is what its file is called."""
    findings: list[Finding] = []
    file = checked(FileModel, raw, place, f"The file of a {_WORDS.get(kind, kind)}", findings)
    name = file.name if file else stem
    if file is not None:
        if file.name != stem and kind != "factory":
            findings.append(problem(place.at("name"), f"The name '{file.name}' is not the file's name '{stem}'"))
        _read(factory, kind, file, place.at("properties"), findings)
    factory.findings.extend(findings)
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if errors and (kind, name) not in factory.faulty:
        factory.faulty[kind, name] = errors[0]


def _read(factory: Factory, kind: str, file: FileModel, place: Place, findings: list[Finding]) -> None:
    known: dict[str, Any]
    value: Any
    if kind == "factory":
        factory.name = file.name
        _global_parameters(factory, file.properties.get("globalParameters", {}), place.at("globalParameters"), findings)
        return
    if kind == "pipeline":
        known, value = factory.pipelines, read_pipeline(file.name, file.properties, place, findings)
    elif kind == "dataset":
        known, value = factory.datasets, read_dataset(file.name, file.properties, place, findings)
    elif kind == "linkedService":
        known, value = factory.linked_services, read_linked_service(file.name, file.properties, place, findings)
    elif kind == "trigger":
        known, value = factory.triggers, read_trigger(file.name, file.properties, place, findings)
    else:
        factory.others[kind, file.name] = file.properties
        factory.other_places[kind, file.name] = place
        return
    twin = next((other for other in known if other.lower() == file.name.lower()), None)
    if twin is not None:
        findings.append(
            problem(
                place, f"There are two {_WORDS[kind]}s named '{twin}'", f"The other one is in {known[twin].place.file}."
            )
        )
    elif value is not None:
        known[file.name] = value


def _global_parameters(factory: Factory, raw: Any, place: Place, findings: list[Finding]) -> None:
    if not isinstance(raw, Mapping):
        findings.append(problem(place, "globalParameters must be a JSON object"))
        return
    for name, value in raw.items():
        model = checked(GlobalParameter, value, place.at(name), f"The global parameter '{name}'", findings)
        if model is not None:
            factory.global_parameters[name] = model.value
